/* SPDX-License-Identifier: Apache-2.0 */
/* Cases as rows: control/cases/rows.h and the reading part of cases.h. */
#include <stdio.h>

#include "control/cases/rows.h"
#include "control/store/sqlite/sql.h"

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

static struct weir_case
case_of(sqlite3_stmt *row)
{
    return (struct weir_case){
        .number = sqlite3_column_int64(row, 0),
        .kind = (enum weir_case_kind)sqlite3_column_int(row, 1),
        .state = (enum weir_case_state)sqlite3_column_int(row, 2),
        .verdict = (enum weir_case_verdict)sqlite3_column_int(row, 3),
        .subject = weir_sql_span(row, 4),
        .cause = weir_sql_span(row, 5),
        .organisation = weir_sql_span(row, 6),
        .title = weir_sql_span(row, 7),
        .opened = sqlite3_column_int64(row, 8),
        .changed = sqlite3_column_int64(row, 9),
        .deadline = sqlite3_column_int64(row, 10),
        .assignee = weir_sql_span(row, 11),
        .decided_by = weir_sql_span(row, 12),
        .restored_by = weir_sql_span(row, 13),
        .until = sqlite3_column_int64(row, 14),
        .seen = sqlite3_column_int64(row, 15),
        .seen_last = sqlite3_column_int64(row, 16),
    };
}

static weir_status
each_case(struct weir_store *store, sqlite3_stmt *row, weir_case_on_row *on_row,
          void *context, struct weir_error *own, struct weir_error *err)
{
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, own)) == 1) {
        struct weir_case one = case_of(row);
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(own, err) : WEIR_OK;
}

/* ----------------------------------------------------------------- reading */

weir_status
weir_cases(struct weir_store *store, const struct weir_case_filter *filter,
           weir_time now, weir_case_on_row *on_row, void *context,
           struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(
        store, WEIR_SQL_CASES, &own, "iittiiii", (int64_t)filter->state,
        (int64_t)filter->kind, filter->organisation, filter->assignee,
        (int64_t)filter->is_pending, (int64_t)filter->is_overdue, now,
        (int64_t)(filter->limit == 0 ? 1000 : filter->limit));
    return each_case(store, row, on_row, context, &own, err);
}

weir_status
weir__cases_over(struct weir_store *store, weir_time now,
                 weir_case_on_row *on_row, void *context,
                 struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_CASES_OVER, &own, "i", now);
    return each_case(store, row, on_row, context, &own, err);
}

weir_status
weir_case_get(struct weir_store *store, int64_t number,
              struct weir_arena *arena, struct weir_case *row_out,
              struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_CASE_GET, &own, "i", number);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0)
        return failed(&own, err);
    if (step == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE, "no case %lld",
                         (long long)number);
    struct weir_case one = case_of(row);
    one.subject = weir_arena_copy(arena, one.subject);
    one.cause = weir_arena_copy(arena, one.cause);
    one.organisation = weir_arena_copy(arena, one.organisation);
    one.title = weir_arena_copy(arena, one.title);
    one.assignee = weir_arena_copy(arena, one.assignee);
    one.decided_by = weir_arena_copy(arena, one.decided_by);
    one.restored_by = weir_arena_copy(arena, one.restored_by);
    sqlite3_reset(row);
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    *row_out = one;
    return WEIR_OK;
}

weir_status
weir_case_events(struct weir_store *store, int64_t number,
                 weir_case_on_event *on_event, void *context,
                 struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_CASE_EVENTS, &own, "i", number);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir_case_event event = {
            .number = sqlite3_column_int64(row, 0),
            .when = sqlite3_column_int64(row, 1),
            .actor = weir_sql_span(row, 2),
            .person = weir_sql_span(row, 3),
            .action = (enum weir_case_action)sqlite3_column_int(row, 4),
            .state = (enum weir_case_state)sqlite3_column_int(row, 5),
            .verdict = (enum weir_case_verdict)sqlite3_column_int(row, 6),
            .text = weir_sql_span(row, 7),
            .evidence = weir_sql_span(row, 8),
        };
        if (!on_event(context, &event)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir_case_is_cleared(struct weir_store *store, enum weir_case_kind kind,
                     weir_span subject, weir_span cause, weir_time now,
                     bool *is_cleared_out, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_CASE_CLEARED, &own, "itti", (int64_t)kind,
                      subject, cause, now);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0)
        return failed(&own, err);
    *is_cleared_out = step == 1;
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir__case_find(struct weir_store *store, enum weir_case_kind kind,
                weir_span subject, weir_span cause, int64_t *number_out,
                enum weir_case_state *state_out,
                enum weir_case_verdict *verdict_out, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_CASE_FIND, &own, "itt",
                                      (int64_t)kind, subject, cause);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0)
        return failed(&own, err);
    *number_out = step == 1 ? sqlite3_column_int64(row, 0) : 0;
    if (step == 1 && state_out != NULL) {
        *state_out = (enum weir_case_state)sqlite3_column_int(row, 2);
        *verdict_out = (enum weir_case_verdict)sqlite3_column_int(row, 3);
    }
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir__case_evidence(struct weir_store *store, int64_t number,
                    weir_span evidence, bool *is_same_out, int64_t *seen_out,
                    struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_CASE_EVIDENCE, &own, "i", number);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 1)
        return failed(&own, err);
    *is_same_out = weir_span_equal(weir_sql_span(row, 0), evidence);
    *seen_out = sqlite3_column_int64(row, 1);
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir__token_person(struct weir_store *store, weir_span id,
                   char person_out[WEIR_CASE_PERSON_MAX],
                   struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_TOKEN_PERSON, &own, "t", id);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0)
        return failed(&own, err);
    weir_span name = step == 1 ? weir_sql_span(row, 0) : WEIR_SPAN("");
    snprintf(person_out, WEIR_CASE_PERSON_MAX, "%.*s", WEIR_SPAN_ARG(name));
    sqlite3_reset(row);
    return WEIR_OK;
}

/* ----------------------------------------------------------------- writing */

weir_status
weir__case_add(struct weir_store *store, const struct weir_case_cause *cause,
               weir_time now, weir_time deadline, int64_t *number_out,
               struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_CASE_ADD, &own, "ittttii",
                      (int64_t)cause->kind, cause->subject, cause->cause,
                      cause->organisation, cause->title, now, deadline);
    int step = row == NULL ? -1 : 1;
    int64_t number = 0;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1)
        number = sqlite3_column_int64(row, 0);
    if (step < 0)
        return failed(&own, err);
    *number_out = number;
    return WEIR_OK;
}

weir_status
weir__case_seen(struct weir_store *store, int64_t number, weir_time now,
                struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_CASE_SEEN, err, "ii", number, now);
}

weir_status
weir__case_set(struct weir_store *store, const struct weir_case *row,
               struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_CASE_SET, err, "iiitttiii", row->number,
                        (int64_t)row->state, (int64_t)row->verdict,
                        row->assignee, row->decided_by, row->restored_by,
                        row->until, row->deadline, row->changed);
}

weir_status
weir__case_event_add(struct weir_store *store, int64_t number,
                     const struct weir_case_event *event,
                     struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_CASE_EVENT_ADD, err, "iittiiitt",
                        number, event->when, event->actor, event->person,
                        (int64_t)event->action, (int64_t)event->state,
                        (int64_t)event->verdict, event->text, event->evidence);
}
