/* SPDX-License-Identifier: Apache-2.0 */
/* Sharing as rows: control/sharing/rows.h, and the reading part of
 * sharing.h. */
#include <string.h>

#include "control/sharing/rows.h"
#include "control/store/sqlite/sql.h"

#define ROWS_DEFAULT 1000

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

static struct weir_share_bundle
bundle_of(sqlite3_stmt *row)
{
    weir_span digest = weir_sql_span(row, 8);
    struct weir_share_bundle one = {
        .number = sqlite3_column_int64(row, 0),
        .is_ours = sqlite3_column_int(row, 1) != 0,
        .exchange = weir_sql_span(row, 2),
        .issuer = weir_sql_span(row, 3),
        .serial = (uint64_t)sqlite3_column_int64(row, 4),
        .issued = sqlite3_column_int64(row, 5),
        .expires = sqlite3_column_int64(row, 6),
        .indicators = (uint32_t)sqlite3_column_int64(row, 7),
        .key = weir_sql_span(row, 9),
        .cases = weir_sql_span(row, 10),
        .at = sqlite3_column_int64(row, 11),
        .actor = weir_sql_span(row, 12),
        .person = weir_sql_span(row, 13),
        .ended = sqlite3_column_int64(row, 14),
        .ended_by = weir_sql_span(row, 15),
        .ended_reason = weir_sql_span(row, 16),
    };
    if (digest.len == sizeof one.digest)
        memcpy(one.digest, digest.ptr, digest.len);
    return one;
}

static weir_status
each(struct weir_store *store, sqlite3_stmt *row, weir_share_on_bundle *on_row,
     void *context, struct weir_error *own, struct weir_error *err)
{
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, own)) == 1) {
        struct weir_share_bundle one = bundle_of(row);
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(own, err) : WEIR_OK;
}

weir_status
weir_share_bundles(struct weir_store *store, weir_span exchange, bool is_all,
                   uint32_t limit, weir_share_on_bundle *on_row, void *context,
                   struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(
        store, WEIR_SQL_SHARE_LIST, &own, "tii", exchange, (int64_t)is_all,
        (int64_t)(limit == 0 ? ROWS_DEFAULT : limit));
    return each(store, row, on_row, context, &own, err);
}

weir_status
weir__share_live(struct weir_store *store, weir_share_on_bundle *on_row,
                 void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_SHARE_LIVE, &own, "");
    return each(store, row, on_row, context, &own, err);
}

weir_status
weir__share_get(struct weir_store *store, int64_t number,
                weir_share_on_bundle *on_row, void *context,
                struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_SHARE_GET, &own, "i", number);
    return each(store, row, on_row, context, &own, err);
}

weir_status
weir__share_add(struct weir_store *store, struct weir_share_bundle *row,
                struct weir_error *err)
{
    struct weir_error own = {0};
    weir_status status = weir_sql_run(
        store, WEIR_SQL_SHARE_ADD, err, "ittiiiibttitt", (int64_t)row->is_ours,
        row->exchange, row->issuer, (int64_t)row->serial, row->issued,
        row->expires, (int64_t)row->indicators,
        (weir_span){(const char *)row->digest, sizeof row->digest}, row->key,
        row->cases, row->at, row->actor, row->person);
    if (status != WEIR_OK)
        return status;
    sqlite3_stmt *found = weir_sql_bind(
        store, WEIR_SQL_SHARE_ADDED, &own, "itti", (int64_t)row->is_ours,
        row->exchange, row->issuer, (int64_t)row->serial);
    if (found == NULL || weir_sql_step(store, found, &own) != 1)
        return failed(&own, err);
    row->number = sqlite3_column_int64(found, 0);
    sqlite3_reset(found);
    return WEIR_OK;
}

/* One number of one row; 0 where there is none. */
static weir_status
one_number(struct weir_store *store, sqlite3_stmt *row, int64_t *value_out,
           struct weir_error *own, struct weir_error *err)
{
    int step = row == NULL ? -1 : weir_sql_step(store, row, own);
    if (step < 0)
        return failed(own, err);
    *value_out = step == 1 ? sqlite3_column_int64(row, 0) : 0;
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir__share_serial(struct weir_store *store, bool is_ours, weir_span exchange,
                   weir_span issuer, uint64_t *serial_out,
                   struct weir_error *err)
{
    struct weir_error own = {0};
    int64_t value = 0;
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_SHARE_SERIAL, &own, "itt",
                                      (int64_t)is_ours, exchange, issuer);
    weir_status status = one_number(store, row, &value, &own, err);
    if (status == WEIR_OK)
        *serial_out = (uint64_t)value;
    return status;
}

weir_status
weir__share_end(struct weir_store *store, int64_t number, weir_time now,
                weir_span by, weir_span reason, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_SHARE_END, err, "iitt", number, now, by,
                        reason);
}

weir_status
weir__share_replace(struct weir_store *store,
                    const struct weir_share_bundle *by, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_SHARE_REPLACE, err, "ittiitt",
                        (int64_t)by->is_ours, by->exchange, by->issuer,
                        (int64_t)by->serial, by->at, by->actor,
                        WEIR_SPAN("a later serial replaced it"));
}

weir_status
weir__share_expire(struct weir_store *store, weir_time now,
                   struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_SHARE_EXPIRE, err, "i", now);
}

/* -------------------------------------------------------------- numbers */

weir_status
weir__share_numbers(struct weir_store *store, weir__share_on_number *on_row,
                    void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_SHARE_NUMBERS, &own, "");
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        if (!on_row(context, (uint32_t)sqlite3_column_int(row, 0),
                    weir_sql_span(row, 1), sqlite3_column_int64(row, 2),
                    sqlite3_column_int64(row, 3))) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir__share_number_add(struct weir_store *store, uint32_t number,
                       weir_span name, weir_time now, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_SHARE_NUMBER_ADD, err, "iti",
                        (int64_t)number, name, now);
}

weir_status
weir__share_number_end(struct weir_store *store, weir_span name, weir_time now,
                       struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_SHARE_NUMBER_END, err, "ti", name, now);
}

bool
weir_share_name_at(struct weir_store *store, uint32_t number, weir_time when,
                   char name_out[WEIR_INDICATOR_NAME_BYTES])
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_SHARE_NUMBER_AT, &own,
                                      "ii", (int64_t)number, when);
    if (row == NULL || weir_sql_step(store, row, &own) != 1)
        return false;
    weir_span name = weir_sql_span(row, 0);
    size_t len = name.len < WEIR_INDICATOR_NAME_BYTES
                     ? name.len
                     : WEIR_INDICATOR_NAME_BYTES - 1;
    memcpy(name_out, name.ptr, len);
    name_out[len] = '\0';
    sqlite3_reset(row);
    return true;
}

/* ------------------------------------------------------------ own finds */

weir_status
weir__share_case_get(struct weir_store *store, int64_t case_number,
                     struct weir__share_gathered *out, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_SHARE_CASE_GET, &own, "i", case_number);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0)
        return failed(&own, err);
    *out = (struct weir__share_gathered){0, 0, 0};
    if (step == 1)
        *out = (struct weir__share_gathered){
            .when = sqlite3_column_int64(row, 0),
            .calls = (uint32_t)sqlite3_column_int64(row, 1),
            .common = (uint32_t)sqlite3_column_int64(row, 2)};
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir__share_case_add(struct weir_store *store, int64_t case_number,
                     const struct weir__share_gathered *gathered,
                     const struct weir__share_found *found, uint32_t count,
                     struct weir_error *err)
{
    weir_status status = weir_sql_run(
        store, WEIR_SQL_SHARE_CASE_ADD, err, "iiii", case_number,
        gathered->when, (int64_t)gathered->calls, (int64_t)gathered->common);
    for (uint32_t i = 0; status == WEIR_OK && i < count; i++)
        status =
            weir_sql_run(store, WEIR_SQL_SHARE_FOUND_ADD, err, "iiii",
                         case_number, (int64_t)found[i].kind,
                         (int64_t)found[i].digest, (int64_t)found[i].calls);
    return status;
}

weir_status
weir__share_found(struct weir_store *store, int64_t case_number,
                  weir__share_on_found *on_row, void *context,
                  struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_SHARE_FOUND, &own, "i", case_number);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        const struct weir__share_found one = {
            .kind = (uint32_t)sqlite3_column_int(row, 0),
            .digest = (uint64_t)sqlite3_column_int64(row, 1),
            .calls = (uint32_t)sqlite3_column_int64(row, 2)};
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir__share_withhold(struct weir_store *store, weir_span exchange,
                     int64_t case_number, weir_time now, weir_span person,
                     weir_span reason, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_SHARE_WITHHOLD, err, "tiitt", exchange,
                        case_number, now, person, reason);
}

weir_status
weir__share_is_withheld(struct weir_store *store, weir_span exchange,
                        int64_t case_number, bool *is_withheld_out,
                        struct weir_error *err)
{
    struct weir_error own = {0};
    int64_t value = 0;
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_SHARE_IS_WITHHELD, &own,
                                      "ti", exchange, case_number);
    weir_status status = one_number(store, row, &value, &own, err);
    *is_withheld_out = value != 0;
    return status;
}
