/* SPDX-License-Identifier: Apache-2.0 */
/* Exceptions as rows: the reading and writing parts of
 * control/exceptions/exceptions.h. */
#include "control/exceptions/exceptions.h"
#include "control/store/sqlite/sql.h"

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

static struct weir_exception
exception_of(sqlite3_stmt *row)
{
    return (struct weir_exception){
        .number = sqlite3_column_int64(row, 0),
        .id = weir_sql_span(row, 1),
        .name = weir_sql_span(row, 2),
        .licence = weir_sql_span(row, 3),
        .owner = weir_sql_span(row, 4),
        .reason = weir_sql_span(row, 5),
        .party_kind = (enum weir_grant_party)sqlite3_column_int(row, 6),
        .party = weir_sql_span(row, 7),
        .target_kind = (enum weir_grant_target)sqlite3_column_int(row, 8),
        .target = weir_sql_span(row, 9),
        .place_kind = (enum weir_grant_place)sqlite3_column_int(row, 10),
        .place = weir_sql_span(row, 11),
        .amounts = {sqlite3_column_int64(row, 12),
                    sqlite3_column_int64(row, 13),
                    sqlite3_column_int64(row, 14)},
        .from = sqlite3_column_int64(row, 15),
        .until = sqlite3_column_int64(row, 16),
        .requested = sqlite3_column_int64(row, 17),
        .requested_by = weir_sql_span(row, 18),
        .approved = sqlite3_column_int64(row, 19),
        .approved_by = weir_sql_span(row, 20),
        .revoked = sqlite3_column_int64(row, 21),
        .revoked_by = weir_sql_span(row, 22),
        .revoked_reason = weir_sql_span(row, 23),
        .use = (enum weir_grant_use)sqlite3_column_int(row, 24),
        .purpose = weir_sql_span(row, 25),
    };
}

static weir_status
each(struct weir_store *store, sqlite3_stmt *row, weir_exception_on_row *on_row,
     void *context, struct weir_error *own, struct weir_error *err)
{
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, own)) == 1) {
        struct weir_exception one = exception_of(row);
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(own, err) : WEIR_OK;
}

weir_status
weir_exceptions(struct weir_store *store, weir_exception_on_row *on_row,
                void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_EXCEPTIONS, &own, "");
    return each(store, row, on_row, context, &own, err);
}

weir_status
weir_exceptions_in_force(struct weir_store *store, weir_time now,
                         weir_exception_on_row *on_row, void *context,
                         struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_EXCEPTIONS_IN_FORCE, &own, "i", now);
    return each(store, row, on_row, context, &own, err);
}

weir_status
weir_exception_get(struct weir_store *store, weir_span id,
                   struct weir_arena *arena, struct weir_exception *row_out,
                   struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_EXCEPTION_GET, &own, "t", id);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0)
        return failed(&own, err);
    if (step == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no exception '%.40s'", id.len > 0 ? id.ptr : "");
    struct weir_exception one = exception_of(row);
    weir_span *texts[] = {
        &one.id,          &one.name,       &one.licence,
        &one.owner,       &one.reason,     &one.party,
        &one.target,      &one.place,      &one.requested_by,
        &one.approved_by, &one.revoked_by, &one.revoked_reason,
        &one.purpose};
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++)
        *texts[i] = weir_arena_copy(arena, *texts[i]);
    sqlite3_reset(row);
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    *row_out = one;
    return WEIR_OK;
}

weir_status
weir_exception_used(struct weir_store *store, weir_span id, int64_t used_out[3],
                    struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_EXCEPTION_USED, &own, "t", id);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0)
        return failed(&own, err);
    for (int i = 0; i < 3; i++)
        used_out[i] = step == 1 ? sqlite3_column_int64(row, i) : 0;
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir__exception_add(struct weir_store *store, const struct weir_exception *row,
                    struct weir_error *err)
{
    return weir_sql_run(
        store, WEIR_SQL_EXCEPTION_ADD, err, "tttttitititiiiiiitit", row->id,
        row->name, row->licence, row->owner, row->reason,
        (int64_t)row->party_kind, row->party, (int64_t)row->target_kind,
        row->target, (int64_t)row->place_kind, row->place, row->amounts[0],
        row->amounts[1], row->amounts[2], row->from, row->until, row->requested,
        row->requested_by, (int64_t)row->use, row->purpose);
}

weir_status
weir__exception_approved(struct weir_store *store, weir_span id, weir_time now,
                         weir_span person, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_EXCEPTION_APPROVE, err, "tit", id, now,
                        person);
}

weir_status
weir__exception_revoked(struct weir_store *store, weir_span id, weir_time now,
                        weir_span person, weir_span reason,
                        struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_EXCEPTION_REVOKE, err, "titt", id, now,
                        person, reason);
}
