/* SPDX-License-Identifier: Apache-2.0 */
/* control/onboarding/rows.h over SQLite. */
#include <stdio.h>
#include <string.h>

#include "control/onboarding/rows.h"
#include "control/store/sqlite/sql.h"

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

/* ---------------------------------------------------------------- standings */

static struct weir__standing_row
standing_of(sqlite3_stmt *row)
{
    struct weir__standing_row one = {
        .organisation = weir_sql_span(row, 0),
        .state = (enum weir_standing_state)sqlite3_column_int(row, 1),
        .since = sqlite3_column_int64(row, 2),
        .purposes = weir_sql_span(row, 3),
        .until = sqlite3_column_int64(row, 4),
        .decision = sqlite3_column_int64(row, 5),
    };
    weir_span facts = weir_sql_span(row, 6);
    memcpy(one.facts, facts.ptr, facts.len < 32 ? facts.len : 32);
    return one;
}

weir_status
weir__standing_get(struct weir_store *store, weir_span organisation,
                   struct weir_arena *arena, struct weir__standing_row *row_out,
                   struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_STANDING_GET, &own, "t", organisation);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0)
        return failed(&own, err);
    struct weir__standing_row one = {.organisation = organisation};
    if (step == 1) {
        one = standing_of(row);
        one.organisation = organisation;
        one.purposes = weir_arena_copy(arena, one.purposes);
        sqlite3_reset(row);
    }
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    *row_out = one;
    return WEIR_OK;
}

weir_status
weir__standing_set(struct weir_store *store,
                   const struct weir__standing_row *row, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_STANDING_SET, err, "tiitiib",
                        row->organisation, (int64_t)row->state, row->since,
                        row->purposes, row->until, row->decision,
                        (weir_span){(const char *)row->facts, 32});
}

weir_status
weir__standings(struct weir_store *store, enum weir_standing_state state,
                uint32_t limit, weir__on_standing *on_row, void *context,
                struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_STANDINGS, &own, "ii",
                                      (int64_t)state, (int64_t)limit);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir__standing_row one = standing_of(row);
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir__standings_looked_at(struct weir_store *store, weir_span after,
                          uint32_t limit, weir__on_standing_name *on_name,
                          void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_STANDINGS_LOOKED_AT, &own,
                                      "ti", after, (int64_t)limit);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        if (!on_name(context, weir_sql_span(row, 0))) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir__standing_event_add(struct weir_store *store,
                         const struct weir__standing_event *event,
                         int64_t *number_out, struct weir_error *err)
{
    struct weir_error own = {0};
    int64_t number = 0;
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_STANDING_EVENT_ADD, &own, "tittititt",
                      event->organisation, event->when, event->actor,
                      event->person, (int64_t)event->action, event->purposes,
                      event->until, event->reason, event->inputs);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1)
        number = sqlite3_column_int64(row, 0);
    if (step < 0)
        return failed(&own, err);
    if (number_out != NULL)
        *number_out = number;
    return WEIR_OK;
}

weir_status
weir__standing_events(struct weir_store *store, weir_span organisation,
                      weir__on_standing_event *on_event, void *context,
                      struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_STANDING_EVENTS, &own, "t", organisation);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir__standing_event event = {
            .number = sqlite3_column_int64(row, 0),
            .organisation = weir_sql_span(row, 1),
            .when = sqlite3_column_int64(row, 2),
            .actor = weir_sql_span(row, 3),
            .person = weir_sql_span(row, 4),
            .action = (enum weir__standing_action)sqlite3_column_int(row, 5),
            .purposes = weir_sql_span(row, 6),
            .until = sqlite3_column_int64(row, 7),
            .reason = weir_sql_span(row, 8),
            .inputs = weir_sql_span(row, 9),
        };
        if (!on_event(context, &event)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

/* -------------------------------------------------------------- acceptances */

weir_status
weir__acceptance_add(struct weir_store *store,
                     const struct weir__acceptance_row *row,
                     struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_TERMS_ACCEPT, err, "tttttiit",
                        row->organisation, row->terms, row->version, row->by,
                        row->document, row->accepted, row->entered, row->actor);
}

weir_status
weir__acceptances(struct weir_store *store, weir_span organisation,
                  weir__on_acceptance *on_row, void *context,
                  struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_TERMS_ACCEPTED, &own, "t", organisation);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir__acceptance_row one = {
            .organisation = weir_sql_span(row, 0),
            .terms = weir_sql_span(row, 1),
            .version = weir_sql_span(row, 2),
            .by = weir_sql_span(row, 3),
            .document = weir_sql_span(row, 4),
            .accepted = sqlite3_column_int64(row, 5),
            .entered = sqlite3_column_int64(row, 6),
            .actor = weir_sql_span(row, 7),
        };
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

/* One number of one row; `fallback` where there is none or it is null. */
static weir_status
one_number(struct weir_store *store, sqlite3_stmt *row, int64_t fallback,
           int64_t *value_out, struct weir_error *own, struct weir_error *err)
{
    int step = row == NULL ? -1 : weir_sql_step(store, row, own);
    if (step < 0)
        return failed(own, err);
    bool is_there = step == 1 && sqlite3_column_type(row, 0) != SQLITE_NULL;
    *value_out = is_there ? sqlite3_column_int64(row, 0) : fallback;
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir__acceptance_find(struct weir_store *store, weir_span organisation,
                      weir_span terms, weir_span version, weir_time *when_out,
                      struct weir_error *err)
{
    struct weir_error own = {0};
    return one_number(store,
                      weir_sql_bind(store, WEIR_SQL_TERMS_HAS, &own, "ttt",
                                    organisation, terms, version),
                      0, when_out, &own, err);
}

weir_status
weir__case_next_end(struct weir_store *store, weir_time now,
                    weir_time *when_out, struct weir_error *err)
{
    struct weir_error own = {0};
    return one_number(
        store, weir_sql_bind(store, WEIR_SQL_CASE_NEXT_END, &own, "i", now),
        WEIR_TIME_MAX, when_out, &own, err);
}

/* --------------------------------------------------------------------- keys */

weir_status
weir__key_decision_set(struct weir_store *store, weir_span key,
                       int64_t decision, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_KEY_DECISION_SET, err, "ti", key,
                        decision);
}

weir_status
weir__key_state(struct weir_store *store, weir_span key, int64_t *decision_out,
                weir_time *since_out, char cause_out[WEIR__CAUSE_MAX],
                struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_KEY_STATE, &own, "t", key);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 1)
        return failed(&own, err);
    weir_span cause = weir_sql_span(row, 2);
    *decision_out = sqlite3_column_int64(row, 0);
    *since_out = sqlite3_column_int64(row, 1);
    snprintf(cause_out, WEIR__CAUSE_MAX, "%.*s", WEIR_SPAN_ARG(cause));
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir__key_hold(struct weir_store *store, weir_span key, weir_span organisation,
               weir_time now, weir_span cause, bool *is_new_out,
               struct weir_error *err)
{
    weir_status status = weir_sql_run(store, WEIR_SQL_KEY_HOLD_SET, err, "ttit",
                                      key, organisation, now, cause);
    if (status == WEIR_OK)
        *is_new_out = sqlite3_changes(store->db) > 0;
    return status;
}

weir_status
weir__key_release(struct weir_store *store, weir_span key, bool *was_held_out,
                  struct weir_error *err)
{
    weir_status status =
        weir_sql_run(store, WEIR_SQL_KEY_HOLD_CLEAR, err, "t", key);
    if (status == WEIR_OK)
        *was_held_out = sqlite3_changes(store->db) > 0;
    return status;
}

weir_status
weir__key_holds(struct weir_store *store, weir__on_key_hold *on_hold,
                void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_KEY_HOLDS, &own, "");
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        if (!on_hold(context, weir_sql_span(row, 0), weir_sql_span(row, 1),
                     sqlite3_column_int64(row, 2), weir_sql_span(row, 3))) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}
