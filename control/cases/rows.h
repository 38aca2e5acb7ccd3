/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/cases/rows.h - cases as rows; control/store/sqlite/cases.c.
 *
 * What a case may become is cases.c's business: nothing here asks.
 *
 * Threads and memory: as cases.h. Writing needs a transaction.
 */
#ifndef WEIR_CASES_ROWS_H
#define WEIR_CASES_ROWS_H

#include "control/cases/cases.h"

#define WEIR_CASE_PERSON_MAX 128

/* A case as it was raised; ECONFLICT: it is there. */
WEIR_MUST_USE weir_status weir__case_add(struct weir_store *store,
                                         const struct weir_case_cause *cause,
                                         weir_time now, weir_time deadline,
                                         int64_t *number_out,
                                         struct weir_error *err);
/* 0 in *number_out: there is none. */
WEIR_MUST_USE weir_status weir__case_find(
    struct weir_store *store, enum weir_case_kind kind, weir_span subject,
    weir_span cause, int64_t *number_out, enum weir_case_state *state_out,
    enum weir_case_verdict *verdict_out, struct weir_error *err);
WEIR_MUST_USE weir_status weir__case_seen(struct weir_store *store,
                                          int64_t number, weir_time now,
                                          struct weir_error *err);
/* Whether `evidence` is that of the last time; how many times were kept. */
WEIR_MUST_USE weir_status weir__case_evidence(
    struct weir_store *store, int64_t number, weir_span evidence,
    bool *is_same_out, int64_t *seen_out, struct weir_error *err);
/* State, verdict, persons, dates of `row`; the rest cannot change. */
WEIR_MUST_USE weir_status weir__case_set(struct weir_store *store,
                                         const struct weir_case *row,
                                         struct weir_error *err);
WEIR_MUST_USE weir_status weir__case_event_add(
    struct weir_store *store, int64_t number,
    const struct weir_case_event *event, struct weir_error *err);
/* Upheld, and nobody appealed until `now`. */
WEIR_MUST_USE weir_status weir__cases_over(struct weir_store *store,
                                           weir_time now,
                                           weir_case_on_row *on_row,
                                           void *context,
                                           struct weir_error *err);
/* Whose token it is; empty: no such token. */
WEIR_MUST_USE weir_status weir__token_person(
    struct weir_store *store, weir_span id,
    char person_out[WEIR_CASE_PERSON_MAX], struct weir_error *err);

#endif
