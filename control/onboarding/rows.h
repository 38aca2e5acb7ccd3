/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/onboarding/rows.h - standings, decisions, acceptances, holds as
 * rows; control/store/sqlite/onboarding.c.
 *
 * Threads and memory: as store.h; spans handed to a callback are valid until
 * it returns.
 */
#ifndef WEIR_ONBOARDING_ROWS_H
#define WEIR_ONBOARDING_ROWS_H

#include "control/onboarding/onboarding.h"

struct weir__standing_row {
    weir_span organisation;
    enum weir_standing_state state;
    weir_time since;
    weir_span purposes; /* by comma */
    weir_time until;
    int64_t decision;  /* number of its event */
    uint8_t facts[32]; /* digest of what was decided on */
};
/* Spans in `arena`; state NONE where there is no row. */
WEIR_MUST_USE weir_status weir__standing_get(struct weir_store *store,
                                             weir_span organisation,
                                             struct weir_arena *arena,
                                             struct weir__standing_row *row_out,
                                             struct weir_error *err);
WEIR_MUST_USE weir_status weir__standing_set(
    struct weir_store *store, const struct weir__standing_row *row,
    struct weir_error *err);
typedef bool weir__on_standing(void *context,
                               const struct weir__standing_row *row);
/* `state` NONE: any. */
WEIR_MUST_USE weir_status weir__standings(
    struct weir_store *store, enum weir_standing_state state, uint32_t limit,
    weir__on_standing *on_row, void *context, struct weir_error *err);

/* Names of those who are approved or held, in order, behind `after`: at most
 * so many. */
typedef bool weir__on_standing_name(void *context, weir_span organisation);
WEIR_MUST_USE weir_status weir__standings_looked_at(
    struct weir_store *store, weir_span after, uint32_t limit,
    weir__on_standing_name *on_name, void *context, struct weir_error *err);

/* Numbers are permanent. */
enum weir__standing_action {
    WEIR__STANDING_START = 1,
    WEIR__STANDING_APPROVE = 2,
    WEIR__STANDING_REFUSE = 3,
    WEIR__STANDING_HOLD = 4,
    WEIR__STANDING_RELEASE = 5,
};
/* "start", "approve", ...; "" for another number. */
const char *weir__standing_action_name(enum weir__standing_action action);

struct weir__standing_event {
    int64_t number;
    weir_span organisation;
    weir_time when;
    weir_span actor;
    weir_span person;
    enum weir__standing_action action;
    weir_span purposes;
    weir_time until;
    weir_span reason;
    weir_span inputs; /* JSON: what was known, in which versions */
};
WEIR_MUST_USE weir_status weir__standing_event_add(
    struct weir_store *store, const struct weir__standing_event *event,
    int64_t *number_out, struct weir_error *err);
typedef bool weir__on_standing_event(void *context,
                                     const struct weir__standing_event *event);
WEIR_MUST_USE weir_status weir__standing_events(
    struct weir_store *store, weir_span organisation,
    weir__on_standing_event *on_event, void *context, struct weir_error *err);

struct weir__acceptance_row {
    weir_span organisation;
    weir_span terms;
    weir_span version;
    weir_span by;
    weir_span document;
    weir_time accepted;
    weir_time entered;
    weir_span actor;
};
WEIR_MUST_USE weir_status weir__acceptance_add(
    struct weir_store *store, const struct weir__acceptance_row *row,
    struct weir_error *err);
typedef bool weir__on_acceptance(void *context,
                                 const struct weir__acceptance_row *row);
/* `organisation` empty: of all. */
WEIR_MUST_USE weir_status weir__acceptances(struct weir_store *store,
                                            weir_span organisation,
                                            weir__on_acceptance *on_row,
                                            void *context,
                                            struct weir_error *err);
/* 0 in *when_out: not accepted. */
WEIR_MUST_USE weir_status weir__acceptance_find(
    struct weir_store *store, weir_span organisation, weir_span terms,
    weir_span version, weir_time *when_out, struct weir_error *err);

WEIR_MUST_USE weir_status weir__key_decision_set(struct weir_store *store,
                                                 weir_span key,
                                                 int64_t decision,
                                                 struct weir_error *err);
#define WEIR__CAUSE_MAX 512
/* Decision (0: none), since when on hold (0: not) and why. */
WEIR_MUST_USE weir_status weir__key_state(struct weir_store *store,
                                          weir_span key, int64_t *decision_out,
                                          weir_time *since_out,
                                          char cause_out[WEIR__CAUSE_MAX],
                                          struct weir_error *err);
/* *is_new_out: it was not on hold, or for another cause. A revoked key is
 * left as it is. */
WEIR_MUST_USE weir_status weir__key_hold(struct weir_store *store,
                                         weir_span key, weir_span organisation,
                                         weir_time now, weir_span cause,
                                         bool *is_new_out,
                                         struct weir_error *err);
WEIR_MUST_USE weir_status weir__key_release(struct weir_store *store,
                                            weir_span key, bool *was_held_out,
                                            struct weir_error *err);
typedef bool weir__on_key_hold(void *context, weir_span key,
                               weir_span organisation, weir_time since,
                               weir_span cause);
WEIR_MUST_USE weir_status weir__key_holds(struct weir_store *store,
                                          weir__on_key_hold *on_hold,
                                          void *context,
                                          struct weir_error *err);
/* When the next clearing of a case is over; WEIR_TIME_MAX: never. */
WEIR_MUST_USE weir_status weir__case_next_end(struct weir_store *store,
                                              weir_time now,
                                              weir_time *when_out,
                                              struct weir_error *err);

#endif
