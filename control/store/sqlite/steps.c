/* SPDX-License-Identifier: Apache-2.0 */
/* Steps as rows: control/steps/rows.h and the reading parts of steps.h. */
#include "control/steps/review.h"
#include "control/steps/rows.h"
#include "control/store/sqlite/sql.h"

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

/* --------------------------------------------------------------- stands */

static struct weir_step_row
stand_of(sqlite3_stmt *row)
{
    return (struct weir_step_row){
        .kind = (uint32_t)sqlite3_column_int(row, 0),
        .digest = (uint64_t)sqlite3_column_int64(row, 1),
        .name = weir_sql_span(row, 2),
        .tenant = weir_sql_span(row, 3),
        .project = weir_sql_span(row, 4),
        .organisation = weir_sql_span(row, 5),
        .owner = weir_sql_span(row, 6),
        .stand = {.step = (uint8_t)sqlite3_column_int(row, 7),
                  .coming = (uint8_t)sqlite3_column_int(row, 8),
                  .is_asked = (uint8_t)sqlite3_column_int(row, 9),
                  .is_explained = (uint8_t)sqlite3_column_int(row, 10),
                  .agreed = (uint8_t)sqlite3_column_int(row, 27),
                  .clean = (uint32_t)sqlite3_column_int(row, 11),
                  .since = sqlite3_column_int64(row, 12),
                  .until = sqlite3_column_int64(row, 13),
                  .from = sqlite3_column_int64(row, 14),
                  .fresh = sqlite3_column_int64(row, 15),
                  .raised = sqlite3_column_int64(row, 16),
                  .exempt = sqlite3_column_int64(row, 17)},
        .calls = (uint64_t)sqlite3_column_int64(row, 18),
        .fresh_calls = (uint64_t)sqlite3_column_int64(row, 19),
        .verdict = sqlite3_column_int64(row, 20),
        .seen = sqlite3_column_int64(row, 21),
        .case_number = sqlite3_column_int64(row, 22),
        .cause = weir_sql_span(row, 23),
        .rule = weir_sql_span(row, 24),
        .figures = weir_sql_span(row, 25),
        .changed = sqlite3_column_int64(row, 26),
    };
}

static weir_status
each_stand(struct weir_store *store, sqlite3_stmt *row,
           weir_step_on_row *on_row, void *context, struct weir_error *own,
           struct weir_error *err)
{
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, own)) == 1) {
        struct weir_step_row one = stand_of(row);
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(own, err) : WEIR_OK;
}

weir_status
weir_steps(struct weir_store *store, const struct weir_step_filter *filter,
           weir_step_on_row *on_row, void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_STANDS, &own, "tii", filter->tenant,
                      (int64_t)filter->is_standing,
                      (int64_t)(filter->limit == 0 ? 1000 : filter->limit));
    return each_stand(store, row, on_row, context, &own, err);
}

weir_status
weir__steps_in_force(struct weir_store *store, weir_time now,
                     weir_step_on_row *on_row, void *context,
                     struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_STANDS_IN_FORCE, &own, "i", now);
    return each_stand(store, row, on_row, context, &own, err);
}

/* The first row of a statement, copied; false in *is_there: there is none. */
static weir_status
first_stand(struct weir_store *store, sqlite3_stmt *row,
            struct weir_arena *arena, struct weir_step_row *row_out,
            bool *is_there_out, struct weir_error *own, struct weir_error *err)
{
    int step = row == NULL ? -1 : weir_sql_step(store, row, own);
    if (step < 0)
        return failed(own, err);
    *is_there_out = step == 1;
    if (step == 0)
        return WEIR_OK;
    struct weir_step_row one = stand_of(row);
    weir_span *texts[] = {&one.name,         &one.tenant, &one.project,
                          &one.organisation, &one.owner,  &one.cause,
                          &one.rule,         &one.figures};
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++)
        *texts[i] = weir_arena_copy(arena, *texts[i]);
    sqlite3_reset(row);
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    *row_out = one;
    return WEIR_OK;
}

weir_status
weir__step_get(struct weir_store *store, uint32_t kind, uint64_t digest,
               struct weir_arena *arena, struct weir_step_row *row_out,
               bool *is_there_out, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_STAND_GET, &own, "ii",
                                      (int64_t)kind, (int64_t)digest);
    return first_stand(store, row, arena, row_out, is_there_out, &own, err);
}

weir_status
weir__step_due(struct weir_store *store, weir_time now,
               struct weir_arena *arena, struct weir_step_row *row_out,
               bool *is_there_out, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_STANDS_DUE, &own, "ii", now, (int64_t)1);
    return first_stand(store, row, arena, row_out, is_there_out, &own, err);
}

weir_status
weir__step_unanswered(struct weir_store *store, weir_time now,
                      struct weir_arena *arena, struct weir_step_row *row_out,
                      bool *is_there_out, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_STANDS_UNANSWERED, &own, "i", now);
    return first_stand(store, row, arena, row_out, is_there_out, &own, err);
}

weir_status
weir_step_of_case(struct weir_store *store, int64_t case_number,
                  struct weir_arena *arena, struct weir_step_row *row_out,
                  struct weir_error *err)
{
    struct weir_error own = {0};
    bool is_there = false;
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_STAND_OF_CASE, &own, "i", case_number);
    weir_status status =
        first_stand(store, row, arena, row_out, &is_there, &own, err);
    if (status == WEIR_OK && (!is_there || case_number == 0))
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "case_%lld is no episode of the watch, or a later "
                           "one has followed it",
                           (long long)case_number);
    return status;
}

weir_status
weir__step_put(struct weir_store *store, const struct weir_step_row *row,
               struct weir_error *err)
{
    const struct weir_watch_stand *s = &row->stand;
    return weir_sql_run(
        store, WEIR_SQL_STAND_PUT, err, "iitttttiiiiiiiiiiiiiiiitttiii",
        (int64_t)row->kind, (int64_t)row->digest, row->name, row->tenant,
        row->project, row->organisation, row->owner, (int64_t)s->step,
        (int64_t)s->coming, (int64_t)s->is_asked, (int64_t)s->is_explained,
        (int64_t)s->clean, s->since, s->until, s->from, s->fresh, s->raised,
        s->exempt, (int64_t)row->calls, (int64_t)row->fresh_calls, row->verdict,
        row->seen, row->case_number, row->cause, row->rule, row->figures,
        row->changed, weir_watch_due(s), (int64_t)s->agreed);
}

weir_status
weir__step_cover(struct weir_store *store, const struct weir_step_row *row,
                 weir_time since, uint8_t *rung_out, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *found = weir_sql_bind(
        store, WEIR_SQL_STAND_COVER, &own, "itttti", (int64_t)row->kind,
        row->project, row->tenant, row->organisation, row->owner, since);
    int step = found == NULL ? -1 : weir_sql_step(store, found, &own);
    if (step < 0)
        return failed(&own, err);
    *rung_out = step == 1 ? (uint8_t)sqlite3_column_int(found, 0) : 0;
    sqlite3_reset(found);
    return WEIR_OK;
}

/* ---------------------------------------------------------------- deeds */

weir_status
weir__step_deed_add(struct weir_store *store, const struct weir_step_deed *deed,
                    struct weir_error *err)
{
    return weir_sql_run(
        store, WEIR_SQL_DEED_ADD, err, "iittiiiiittttiit", deed->when,
        (int64_t)deed->kind, deed->name, deed->tenant, (int64_t)deed->change,
        (int64_t)deed->step, (int64_t)deed->coming, deed->until, deed->from,
        deed->actor, deed->person, deed->text, deed->override, deed->verdict,
        deed->case_number, deed->figures);
}

weir_status
weir_step_deeds(struct weir_store *store, const struct weir_step_filter *filter,
                weir_step_on_deed *on_row, void *context,
                struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_DEEDS, &own, "tiiii", filter->tenant,
                      filter->from, filter->to, filter->case_number,
                      (int64_t)(filter->limit == 0 ? 1000 : filter->limit));
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        const struct weir_step_deed deed = {
            .number = sqlite3_column_int64(row, 0),
            .when = sqlite3_column_int64(row, 1),
            .kind = (uint32_t)sqlite3_column_int(row, 2),
            .name = weir_sql_span(row, 3),
            .tenant = weir_sql_span(row, 4),
            .change = (enum weir_watch_change)sqlite3_column_int(row, 5),
            .step = (enum weir_watch_action)sqlite3_column_int(row, 6),
            .coming = (enum weir_watch_action)sqlite3_column_int(row, 7),
            .until = sqlite3_column_int64(row, 8),
            .from = sqlite3_column_int64(row, 9),
            .actor = weir_sql_span(row, 10),
            .person = weir_sql_span(row, 11),
            .text = weir_sql_span(row, 12),
            .override = weir_sql_span(row, 13),
            .verdict = sqlite3_column_int64(row, 14),
            .case_number = sqlite3_column_int64(row, 15),
            .figures = weir_sql_span(row, 16),
        };
        if (!on_row(context, &deed)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

/* ------------------------------------------------------------ overrides */

static struct weir_override
override_of(sqlite3_stmt *row)
{
    return (struct weir_override){
        .number = sqlite3_column_int64(row, 0),
        .id = weir_sql_span(row, 1),
        .deed = (enum weir_override_deed)sqlite3_column_int(row, 2),
        .kind = (uint32_t)sqlite3_column_int(row, 3),
        .name = weir_sql_span(row, 4),
        .tenant = weir_sql_span(row, 5),
        .step = (enum weir_watch_action)sqlite3_column_int(row, 6),
        .until = sqlite3_column_int64(row, 7),
        .reason = weir_sql_span(row, 8),
        .requested = sqlite3_column_int64(row, 9),
        .requested_by = weir_sql_span(row, 10),
        .approved = sqlite3_column_int64(row, 11),
        .approved_by = weir_sql_span(row, 12),
        .revoked = sqlite3_column_int64(row, 13),
        .revoked_by = weir_sql_span(row, 14),
        .revoked_reason = weir_sql_span(row, 15),
    };
}

weir_status
weir_overrides(struct weir_store *store, weir_override_on_row *on_row,
               void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_OVERRIDES, &own, "");
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir_override one = override_of(row);
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir__override_get(struct weir_store *store, weir_span id,
                   struct weir_arena *arena, struct weir_override *row_out,
                   struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_OVERRIDE_GET, &own, "t", id);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0)
        return failed(&own, err);
    if (step == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no override '%.40s'", id.len > 0 ? id.ptr : "");
    struct weir_override one = override_of(row);
    weir_span *texts[] = {&one.id,         &one.name,          &one.tenant,
                          &one.reason,     &one.requested_by,  &one.approved_by,
                          &one.revoked_by, &one.revoked_reason};
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++)
        *texts[i] = weir_arena_copy(arena, *texts[i]);
    sqlite3_reset(row);
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    *row_out = one;
    return WEIR_OK;
}

weir_status
weir__override_add(struct weir_store *store, const struct weir_override *row,
                   struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_OVERRIDE_ADD, err, "tiittiitit",
                        row->id, (int64_t)row->deed, (int64_t)row->kind,
                        row->name, row->tenant, (int64_t)row->step, row->until,
                        row->reason, row->requested, row->requested_by);
}

weir_status
weir__override_approved(struct weir_store *store, weir_span id, weir_time now,
                        weir_span person, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_OVERRIDE_APPROVE, err, "tit", id, now,
                        person);
}

weir_status
weir__override_revoked(struct weir_store *store, weir_span id, weir_time now,
                       weir_span person, weir_span reason,
                       struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_OVERRIDE_REVOKE, err, "titt", id, now,
                        person, reason);
}

/* ------------------------------------------------------------ reviewers */

weir_status
weir__reviewer_put(struct weir_store *store,
                   const struct weir_reviewer_row *row, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_REVIEWER_PUT, err, "ttiit", row->token,
                        row->places, row->until, row->since, row->by);
}

weir_status
weir_reviewers(struct weir_store *store, weir_reviewer_on_row *on_row,
               void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_REVIEWERS, &own, "");
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        const struct weir_reviewer_row one = {
            .token = weir_sql_span(row, 0),
            .person = weir_sql_span(row, 1),
            .places = weir_sql_span(row, 2),
            .until = sqlite3_column_int64(row, 3),
            .since = sqlite3_column_int64(row, 4),
            .by = weir_sql_span(row, 5),
        };
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}
