/* SPDX-License-Identifier: Apache-2.0 */
/* Batches that origins work on: what their open calls hold. */
#include "control/store/sqlite/sql.h"

weir_status
weir_store_batches_held(struct weir_store *store,
                        const struct weir_store_batches *of,
                        int64_t held_out[3], struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_BATCHES_HELD, &own, "iittt", of->from,
                      of->to, of->tenant, of->project, of->key);
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0) {
        if (err != NULL)
            *err = own;
        return own.status;
    }
    for (int i = 0; i < 3; i++)
        held_out[i] = step == 1 ? sqlite3_column_int64(row, i) : 0;
    sqlite3_reset(row);
    return WEIR_OK;
}
