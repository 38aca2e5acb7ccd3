/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/deeds.h - what people decide about the watch's own state:
 * references and links. Steps and cases are elsewhere.
 *
 * Each is one transaction with its act. A reference changes when the act's
 * record is read from the journal, so that counting again does the same at
 * the same place.
 *
 * Threads: any; control's lock is taken. Memory: spans are read before the
 * function returns.
 */
#ifndef WEIR_WATCH_DEEDS_H
#define WEIR_WATCH_DEEDS_H

#include "control/watch/live.h"
#include "control/watch/rows.h"

/* `deed` is "accept" or "renew". EPARSE. */
WEIR_MUST_USE weir_status weir_watch_decide_reference(
    struct weir_control *control, const struct weir_actor *actor,
    weir_span subject, weir_span deed, weir_span reason,
    struct weir_error *err);

/* Cuts a link that a cluster has now; `b` leaves. ENOTFOUND: there is no such
 * link. */
WEIR_MUST_USE weir_status weir_watch_cut_link(struct weir_control *control,
                                              const struct weir_actor *actor,
                                              weir_span a, weir_span b,
                                              weir_span why, weir_span reason,
                                              int64_t *number_out,
                                              struct weir_error *err);
WEIR_MUST_USE weir_status weir_watch_uncut_link(struct weir_control *control,
                                                const struct weir_actor *actor,
                                                int64_t number,
                                                struct weir_error *err);

#endif
