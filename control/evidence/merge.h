/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/evidence/merge.h - the store's facts joined to the sources.
 *
 * Threads: the owner of the world. Memory: the world's; each merge after a
 * change of the evidence leaves its texts there until the next reload.
 */
#ifndef WEIR_EVIDENCE_MERGE_H
#define WEIR_EVIDENCE_MERGE_H

#include "control/evidence/evidence.h"

/*
 * Brings the organisations of a loaded world to what the evidence says at
 * `now`: values chosen by the rule of evidence.h, owners of owners that only
 * the store knows added as rows. Does nothing when neither the evidence nor
 * the time has changed what was merged before.
 */
WEIR_MUST_USE weir_status weir_evidence_merge(struct weir_world *world,
                                              struct weir_store *store,
                                              weir_time now,
                                              struct weir_error *err);
/* To be called in the transaction of every change of the evidence. */
WEIR_MUST_USE weir_status weir_evidence_changed(struct weir_store *store,
                                                struct weir_error *err);

/* The organisation as the sources have it; NULL: they do not. */
const struct weir_world_organisation *
weir_evidence_configured(const struct weir_world *world, weir_span name);
/* Appends what the sources say of it as facts. */
void weir_evidence_configuration(const struct weir_world *world,
                                 const struct weir_world_organisation *row,
                                 struct weir_facts *facts);

#endif
