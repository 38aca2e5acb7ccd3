/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/steps/rows.h - steps as rows; control/store/sqlite/steps.c.
 *
 * What a stand may become is the ladder's business: nothing here asks.
 *
 * Threads and memory: as steps.h. Writing needs a transaction; a row that is
 * given out has its texts in `arena`.
 */
#ifndef WEIR_STEPS_ROWS_H
#define WEIR_STEPS_ROWS_H

#include "control/steps/steps.h"

WEIR_MUST_USE weir_status weir__step_get(struct weir_store *store,
                                         uint32_t kind, uint64_t digest,
                                         struct weir_arena *arena,
                                         struct weir_step_row *row_out,
                                         bool *is_there_out,
                                         struct weir_error *err);
/* One whose time has come; one whose appeal nobody decided in time. */
WEIR_MUST_USE weir_status weir__step_due(
    struct weir_store *store, weir_time now, struct weir_arena *arena,
    struct weir_step_row *row_out, bool *is_there_out, struct weir_error *err);
WEIR_MUST_USE weir_status weir__step_unanswered(
    struct weir_store *store, weir_time now, struct weir_arena *arena,
    struct weir_step_row *row_out, bool *is_there_out, struct weir_error *err);
WEIR_MUST_USE weir_status weir__steps_in_force(struct weir_store *store,
                                               weir_time now,
                                               weir_step_on_row *on_row,
                                               void *context,
                                               struct weir_error *err);
WEIR_MUST_USE weir_status weir__step_put(struct weir_store *store,
                                         const struct weir_step_row *row,
                                         struct weir_error *err);
/* The highest rung in force or coming for a narrower subject inside this
 * one, that still calls and has evidence not older than `since`; 0: none. */
WEIR_MUST_USE weir_status weir__step_cover(struct weir_store *store,
                                           const struct weir_step_row *row,
                                           weir_time since, uint8_t *rung_out,
                                           struct weir_error *err);
WEIR_MUST_USE weir_status weir__step_deed_add(struct weir_store *store,
                                              const struct weir_step_deed *deed,
                                              struct weir_error *err);
WEIR_MUST_USE weir_status weir__override_get(struct weir_store *store,
                                             weir_span id,
                                             struct weir_arena *arena,
                                             struct weir_override *row_out,
                                             struct weir_error *err);
WEIR_MUST_USE weir_status weir__override_add(struct weir_store *store,
                                             const struct weir_override *row,
                                             struct weir_error *err);
WEIR_MUST_USE weir_status weir__override_approved(struct weir_store *store,
                                                  weir_span id, weir_time now,
                                                  weir_span person,
                                                  struct weir_error *err);
WEIR_MUST_USE weir_status weir__override_revoked(struct weir_store *store,
                                                 weir_span id, weir_time now,
                                                 weir_span person,
                                                 weir_span reason,
                                                 struct weir_error *err);

/* A reviewer; `person` is not kept. Replaces what was said of the token. */
struct weir_reviewer_row;
WEIR_MUST_USE weir_status
weir__reviewer_put(struct weir_store *store,
                   const struct weir_reviewer_row *row, struct weir_error *err);

#endif
