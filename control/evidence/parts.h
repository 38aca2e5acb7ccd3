/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/evidence/parts.h - what deeds and imports share.
 *
 * Threads: the caller holds control->lock. Memory: as deeds.h.
 */
#ifndef WEIR_EVIDENCE_PARTS_H
#define WEIR_EVIDENCE_PARTS_H

#include "control/control.h"

/* Ends a transaction over control->store: puts what was written in force,
 * then makes it last, or rolls back. Keys that are to be held do not wait
 * for the image: those of `organisation` (empty: of many) come first, then
 * those of whoever else it concerns. The first failure. */
WEIR_MUST_USE weir_status weir__evidence_finish(struct weir_control *control,
                                                weir_status status,
                                                weir_span organisation,
                                                struct weir_faults *faults,
                                                struct weir_error *err);

#endif
