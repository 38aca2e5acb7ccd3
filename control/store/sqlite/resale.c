/* SPDX-License-Identifier: Apache-2.0 */
/* End customers of resellers: a column of the ledger that few calls have,
 * so it is a table of its own. Every price is in the seller's currency, so
 * sums need no more than its name. */
#include <stdio.h>

#include "control/store/sqlite/sql.h"

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

static weir_span
request_span(const struct weir_request_id *request)
{
    return (weir_span){(const char *)request->bytes, sizeof request->bytes};
}

weir_status
weir_sql_end_customer(struct weir_store *store,
                      const struct weir_request_id *request, weir_span name,
                      struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_END_CUSTOMER_ADD, err, "bt",
                        request_span(request), name);
}

weir_status
weir_store_call_end_customer(struct weir_store *store,
                             const struct weir_request_id *request,
                             char name_out[WEIR_STORE_END_CUSTOMER_MAX],
                             struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_END_CUSTOMER_GET, &own,
                                      "b", request_span(request));
    int step = row == NULL ? -1 : weir_sql_step(store, row, &own);
    if (step < 0)
        return failed(&own, err);
    weir_span name = step == 1 ? weir_sql_span(row, 0) : WEIR_SPAN("");
    snprintf(name_out, WEIR_STORE_END_CUSTOMER_MAX, "%.*s",
             WEIR_SPAN_ARG(name));
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir_store_end_customers(struct weir_store *store, weir_span tenant,
                         weir_store_on_end_customer *on_row, void *context,
                         struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_END_CUSTOMERS, &own, "t", tenant);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir_store_end_customer one = {
            .tenant = weir_sql_span(row, 0),
            .name = weir_sql_span(row, 1),
            .currency = weir_sql_span(row, 2),
            .calls = (uint64_t)sqlite3_column_int64(row, 3),
            .refused = (uint64_t)sqlite3_column_int64(row, 4),
            .input_tokens = (uint64_t)sqlite3_column_int64(row, 5),
            .output_tokens = (uint64_t)sqlite3_column_int64(row, 6),
            .cost_micros = sqlite3_column_int64(row, 7),
            .first = sqlite3_column_int64(row, 8),
            .last = sqlite3_column_int64(row, 9),
        };
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir_store_end_customer_usage(struct weir_store *store, weir_time from,
                              weir_time to,
                              weir_store_on_end_customer_sum *on_sum,
                              void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    char floor[6];
    /* the id bounds the rows that are read: a call is decided at most a day
     * after its id was made */
    int64_t ms = from < WEIR_US_PER_DAY ? 0 : (from - WEIR_US_PER_DAY) / 1000;
    for (int i = 0; i < 6; i++)
        floor[i] = (char)(ms >> (40 - 8 * i));
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_END_CUSTOMER_USAGE, &own, "iib", from, to,
                      (weir_span){floor, sizeof floor});
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        const struct weir_store_sum sum = {
            .tenant = weir_sql_span(row, 0),
            .project = weir_sql_span(row, 1),
            .key = weir_sql_span(row, 2),
            .model = weir_sql_span(row, 3),
            .counted = (uint64_t)sqlite3_column_int64(row, 5),
            .input_tokens = (uint64_t)sqlite3_column_int64(row, 6),
            .output_tokens = (uint64_t)sqlite3_column_int64(row, 7),
            .cost_micros = sqlite3_column_int64(row, 8),
        };
        if (!on_sum(context, &sum, weir_sql_span(row, 4))) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}
