/* SPDX-License-Identifier: Apache-2.0 */
/* How calls ended, for whoever counts them. */
#include "control/catalogue/reliability.h"
#include "control/store/sqlite/sql.h"

weir_status
weir_store_endings(struct weir_store *store, weir_time since,
                   weir_store_on_ending *on_row, void *context,
                   struct weir_error *err)
{
    static const uint8_t none[10] = {0};
    struct weir_request_id first;
    weir_request_id_make(since < 0 ? 0 : since, none, &first);
    sqlite3_stmt *row = weir_sql_bind(
        store, WEIR_SQL_ENDINGS, err, "b",
        (weir_span){(const char *)first.bytes, sizeof first.bytes});
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, err)) == 1) {
        const struct weir_store_ending ending = {
            .model = weir_sql_text(store, sqlite3_column_int64(row, 0)),
            .deployment = weir_sql_text(store, sqlite3_column_int64(row, 1)),
            .ending = (uint32_t)sqlite3_column_int64(row, 2),
            .http_status = (uint32_t)sqlite3_column_int64(row, 3),
            .first_byte_us = (uint64_t)sqlite3_column_int64(row, 4),
            .total_us = (uint64_t)sqlite3_column_int64(row, 5),
        };
        if (!on_row(context, &ending)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? (err == NULL ? WEIR_EIO : err->status) : WEIR_OK;
}
