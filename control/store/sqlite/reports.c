/* SPDX-License-Identifier: Apache-2.0 */
/* Use outside the gateway, and incidents. */
#include "control/reports/incident/incident.h"
#include "control/reports/inventory/outside.h"
#include "control/store/sqlite/sql.h"

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

/* ----------------------------------------------------------------- outside */

weir_status
weir_store_outside_add(struct weir_store *store,
                       const struct weir_outside_row *row,
                       struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_OUTSIDE_ADD, err, "titttttiiii",
                        row->import, row->day, row->client, row->host,
                        row->source, row->provider, row->kind, row->requests,
                        row->bytes, row->first, row->last);
}

weir_status
weir_store_outside(struct weir_store *store, weir_time from, weir_time to,
                   weir_store_on_outside *on_row, void *context,
                   struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_OUTSIDE, &own, "ii", from, to);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        const struct weir_outside_row one = {
            .import = weir_sql_span(row, 0),
            .day = sqlite3_column_int64(row, 1),
            .client = weir_sql_span(row, 2),
            .host = weir_sql_span(row, 3),
            .source = weir_sql_span(row, 4),
            .provider = weir_sql_span(row, 5),
            .kind = weir_sql_span(row, 6),
            .requests = sqlite3_column_int64(row, 7),
            .bytes = sqlite3_column_int64(row, 8),
            .first = sqlite3_column_int64(row, 9),
            .last = sqlite3_column_int64(row, 10)};
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

/* --------------------------------------------------------------- incidents */

weir_status
weir_store_incident_add(struct weir_store *store,
                        const struct weir_incident *row, struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_INCIDENT_ADD, err, "tttttiitt", row->id,
                        row->kind, row->subject, row->tenant, row->reason,
                        row->since, row->opened, row->opened_by, row->deeds);
}

weir_status
weir_store_incident_packed(struct weir_store *store, weir_span id,
                           weir_time when, weir_span digest,
                           struct weir_error *err)
{
    weir_status status = weir_sql_run(store, WEIR_SQL_INCIDENT_PACKED, err,
                                      "tit", id, when, digest);
    if (status == WEIR_OK && sqlite3_changes(store->db) == 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "no such incident is open");
    return status;
}

weir_status
weir_store_incident_close(struct weir_store *store, weir_span id,
                          weir_time when, weir_span by, weir_span outcome,
                          struct weir_error *err)
{
    weir_status status = weir_sql_run(store, WEIR_SQL_INCIDENT_CLOSE, err,
                                      "titt", id, when, by, outcome);
    if (status == WEIR_OK && sqlite3_changes(store->db) == 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "no such incident is open");
    return status;
}

weir_status
weir_store_incidents(struct weir_store *store, weir_span id,
                     weir_store_on_incident *on_row, void *context,
                     struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_INCIDENTS, &own, "t", id);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        const struct weir_incident one = {
            .number = sqlite3_column_int64(row, 0),
            .id = weir_sql_span(row, 1),
            .kind = weir_sql_span(row, 2),
            .subject = weir_sql_span(row, 3),
            .tenant = weir_sql_span(row, 4),
            .reason = weir_sql_span(row, 5),
            .since = sqlite3_column_int64(row, 6),
            .opened = sqlite3_column_int64(row, 7),
            .opened_by = weir_sql_span(row, 8),
            .deeds = weir_sql_span(row, 9),
            .packed = sqlite3_column_int64(row, 10),
            .pack = weir_sql_span(row, 11),
            .closed = sqlite3_column_int64(row, 12),
            .closed_by = weir_sql_span(row, 13),
            .outcome = weir_sql_span(row, 14)};
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}
