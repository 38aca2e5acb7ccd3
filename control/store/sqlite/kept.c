/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tenants keep at origins, as rows: control/kept/kept.h.
 *
 * Records of two lanes may be read in either order, so an erasure of what is
 * not known yet makes the row, erased; the record that it was made then finds
 * it there.
 */
#include "control/kept/kept.h"
#include "control/store/sqlite/sql.h"

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

static weir_status
add(struct weir_store *store, const struct weir_record_kept *kept, weir_time at,
    weir_time erased, struct weir_error *err)
{
    enum weir_kept_list list =
        weir_kept_list_of((enum weir_sealed_kind)kept->kind);
    return weir_sql_run(store, WEIR_SQL_KEPT_MADE, err, "ttiiitbii", kept->name,
                        kept->tenant, (int64_t)list, (int64_t)kept->kind,
                        (int64_t)kept->operation, kept->key,
                        (weir_span){(const char *)kept->request.bytes,
                                    sizeof kept->request.bytes},
                        at, erased);
}

weir_status
weir_kept_note(struct weir_store *store, const struct weir_record_kept *kept,
               weir_time at, bool *is_new_out, struct weir_error *err)
{
    weir_status status = WEIR_OK;
    sqlite3_int64 before = sqlite3_total_changes64(store->db);
    switch ((enum weir_kept_deed)kept->deed) {
    case WEIR_KEPT_MADE:
        status = add(store, kept, at, 0, err);
        break;
    case WEIR_KEPT_ERASED:
        status = add(store, kept, at, at, err);
        if (status == WEIR_OK)
            status = weir_sql_run(store, WEIR_SQL_KEPT_ERASED, err, "ti",
                                  kept->name, at);
        break;
    case WEIR_KEPT_MISSED:
        status = weir_sql_run(store, WEIR_SQL_KEPT_MISSED, err, "tii",
                              kept->name, at, (int64_t)WEIR_KEPT_GONE_US);
        break;
    case WEIR_KEPT_FOUND:
        status = weir_sql_run(store, WEIR_SQL_KEPT_FOUND, err, "t", kept->name);
        break;
    default: /* of a later version */
        break;
    }
    *is_new_out = sqlite3_total_changes64(store->db) != before;
    return status;
}

/* Where that name stands; 0 where none is asked for. */
static weir_status
number_of(struct weir_store *store, const struct weir_kept_ask *ask,
          int64_t *number_out, struct weir_error *err)
{
    struct weir_error own = {0};
    *number_out = ask->is_ascending ? 0 : INT64_MAX;
    if (ask->from.len == 0)
        return WEIR_OK;
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_KEPT_NUMBER, &own, "tti", ask->from,
                      ask->tenant, (int64_t)ask->list);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0)
        return failed(&own, err);
    if (step == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "nothing of this name was in that list");
    *number_out = sqlite3_column_int64(row, 0);
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir_kept_page(struct weir_store *store, const struct weir_kept_ask *ask,
               weir_kept_on_row *on_row, void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    int64_t number;
    weir_status status = number_of(store, ask, &number, err);
    if (status != WEIR_OK)
        return status;
    sqlite3_stmt *row = weir_sql_bind(
        store, ask->is_ascending ? WEIR_SQL_KEPT_UP : WEIR_SQL_KEPT_DOWN, &own,
        "tiiii", ask->tenant, (int64_t)ask->list, (int64_t)ask->kinds, number,
        (int64_t)ask->limit);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        const struct weir_kept_row one = {
            .name = weir_sql_span(row, 0),
            .kind = (enum weir_sealed_kind)sqlite3_column_int(row, 1),
            .made = sqlite3_column_int64(row, 2),
            .missed = sqlite3_column_int64(row, 3),
        };
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir_kept_open(struct weir_store *store, weir_kept_on_open *on_row,
               void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_KEPT_OPEN, &own, "");
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        const struct weir_kept_open one = {
            .name = weir_sql_span(row, 0),
            .key = weir_sql_span(row, 1),
            .list = (enum weir_kept_list)sqlite3_column_int(row, 2),
            .made = sqlite3_column_int64(row, 3),
        };
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}
