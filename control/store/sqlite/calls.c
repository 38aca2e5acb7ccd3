/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the ledger. The SELECTs differ in what they look for only, so
 * their columns are one list, and the texts of names come from the cache.
 */
#include <stdlib.h>
#include <string.h>

#include "control/store/sqlite/sql.h"

static uint64_t
number(sqlite3_stmt *row, int column)
{
    return (uint64_t)sqlite3_column_int64(row, column);
}

static weir_span
name(struct weir_store *store, sqlite3_stmt *row, int column)
{
    return weir_sql_text(store, sqlite3_column_int64(row, column));
}

static void
copy_bytes(sqlite3_stmt *row, int column, uint8_t *out, size_t size)
{
    weir_span bytes = weir_sql_span(row, column);
    memset(out, 0, size);
    memcpy(out, bytes.ptr, bytes.len < size ? bytes.len : size);
}

/* Columns of the intent or refusal: 0 .. 21. */
static void
read_opening(struct weir_store *store, sqlite3_stmt *row,
             struct weir_store_call *call)
{
    copy_bytes(row, 0, call->request.bytes, sizeof call->request.bytes);
    call->state = (enum weir_call_state)sqlite3_column_int(row, 1);
    call->decided = sqlite3_column_int64(row, 2);
    call->tenant = name(store, row, 3);
    call->project = name(store, row, 4);
    call->key = name(store, row, 5);
    call->organisation = name(store, row, 6);
    call->asked = name(store, row, 7);
    call->country = name(store, row, 8);
    call->operation = (uint32_t)number(row, 9);
    call->is_streamed = number(row, 10) != 0;
    call->tier = (uint32_t)number(row, 11);
    copy_bytes(row, 12, call->image, sizeof call->image);
    call->overlay = number(row, 13);
    call->held_tokens = number(row, 14);
    call->held_micros = sqlite3_column_int64(row, 15);
    call->first =
        (struct weir_store_at){number(row, 16), number(row, 17),
                               number(row, 18), sqlite3_column_int64(row, 19)};
    call->reason = (uint32_t)number(row, 20);
    call->http_status = (uint32_t)number(row, 21);
}

/* Columns of the outcome: 22 .. 52. */
static void
read_outcome(struct weir_store *store, sqlite3_stmt *row,
             struct weir_store_call *call)
{
    call->ending = (uint32_t)number(row, 22);
    call->last =
        (struct weir_store_at){call->first.lane, number(row, 23),
                               number(row, 24), sqlite3_column_int64(row, 25)};
    call->is_estimated = number(row, 26) != 0;
    call->model = name(store, row, 27);
    call->deployment = name(store, row, 28);
    call->region = name(store, row, 29);
    call->place = name(store, row, 30);
    call->stored_in = name(store, row, 31);
    call->currency = name(store, row, 32);
    call->price_version = name(store, row, 33);
    call->input_tokens = number(row, 34);
    call->cached_tokens = number(row, 35);
    call->output_tokens = number(row, 36);
    call->reasoning_tokens = number(row, 37);
    call->cost_micros = sqlite3_column_int64(row, 38);
    call->started = sqlite3_column_int64(row, 39);
    call->first_byte_us = number(row, 40);
    call->total_us = number(row, 41);
    call->sent_bytes = number(row, 42);
    call->attempts = (uint32_t)number(row, 43);
    call->units = (struct weir_record_units){
        .cache_write_tokens = number(row, 44),
        .cache_write_1h_tokens = number(row, 45),
        .audio_input_tokens = number(row, 46),
        .audio_cached_tokens = number(row, 47),
        .audio_output_tokens = number(row, 48),
        .image_input_tokens = number(row, 49),
        .image_output_tokens = number(row, 50),
        .pictures = number(row, 51),
        .service = number(row, 52),
    };
}

/* Runs a SELECT of CALL_SELECT to its end or until the callback has enough. */
static weir_status
each_call(struct weir_store *store, sqlite3_stmt *row,
          weir_store_on_call *on_call, void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    int step = 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir_store_call call;
        read_opening(store, row, &call);
        read_outcome(store, row, &call);
        if (!on_call(context, &call)) {
            sqlite3_reset(row);
            step = 0;
        }
    }
    if (step < 0 && err != NULL)
        *err = own;
    return step < 0 ? own.status : WEIR_OK;
}

static bool
keep_call(void *context, const struct weir_store_call *call)
{
    *(struct weir_store_call *)context = *call;
    return true;
}

weir_status
weir_store_call_get(struct weir_store *store,
                    const struct weir_request_id *request,
                    struct weir_store_call *call_out, struct weir_error *err)
{
    struct weir_store_call call = {0};
    weir_span id = {(const char *)request->bytes, sizeof request->bytes};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_CALL_GET, err, "b", id);
    if (row == NULL)
        return WEIR_EIO;
    weir_status status = each_call(store, row, keep_call, &call, err);
    if (status != WEIR_OK)
        return status;
    if (call.state == 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "the ledger has no such call");
    *call_out = call;
    return WEIR_OK;
}

weir_status
weir_store_call_tags(struct weir_store *store,
                     const struct weir_request_id *request,
                     char text_out[WEIR_TAGS_BYTES], size_t *length_out,
                     struct weir_error *err)
{
    weir_span id = {(const char *)request->bytes, sizeof request->bytes};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_CALL_TAGS, err, "b", id);
    int step = row == NULL ? -1 : weir_sql_step(store, row, err);
    *length_out = 0;
    if (step < 0)
        return WEIR_EIO;
    if (step == 1) {
        weir_span text = weir_sql_span(row, 0);
        if (text.len <= WEIR_TAGS_BYTES) {
            memcpy(text_out, text.ptr, text.len);
            *length_out = text.len;
        }
        sqlite3_reset(row);
    }
    return WEIR_OK;
}

weir_status
weir_store_open_calls(struct weir_store *store, uint64_t lane,
                      weir_store_on_call *on_call, void *context,
                      struct weir_error *err)
{
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_CALLS_OPEN, err, "i", (int64_t)lane);
    return row == NULL ? WEIR_EIO
                       : each_call(store, row, on_call, context, err);
}

weir_status
weir_store_open_lanes(struct weir_store *store, weir_store_on_lane *on_lane,
                      void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_OPEN_LANES, &own, "");
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        if (!on_lane(context, number(row, 0))) {
            sqlite3_reset(row);
            break;
        }
    }
    if (step < 0 && err != NULL)
        *err = own;
    return step < 0 ? own.status : WEIR_OK;
}

weir_status
weir_store_calls(struct weir_store *store, const struct weir_request_id *after,
                 weir_store_on_call *on_call, void *context,
                 struct weir_error *err)
{
    weir_span id = WEIR_SPAN("");
    if (after != NULL)
        id = (weir_span){(const char *)after->bytes, sizeof after->bytes};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_CALLS_AFTER, err, "b", id);
    return row == NULL ? WEIR_EIO
                       : each_call(store, row, on_call, context, err);
}

weir_status
weir_store_calls_newest(struct weir_store *store, weir_span tenant,
                        uint32_t limit, weir_store_on_call *on_call,
                        void *context, struct weir_error *err)
{
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_CALLS_NEWEST, err, "ti",
                                      tenant, (int64_t)limit);
    return row == NULL ? WEIR_EIO
                       : each_call(store, row, on_call, context, err);
}

weir_status
weir_store_image_is_used(struct weir_store *store, const uint8_t digest[32],
                         bool *is_used_out, struct weir_error *err)
{
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_IMAGE_USED, err, "b",
                                      (weir_span){(const char *)digest, 32});
    int step = row == NULL ? -1 : weir_sql_step(store, row, err);
    if (step < 0)
        return WEIR_EIO;
    *is_used_out = step == 1;
    if (step == 1)
        sqlite3_reset(row);
    return WEIR_OK;
}

/* ------------------------------------------------------------------- sums */

#define GROUP_COLUMNS 6

struct group_column {
    const char *call;  /* as the ledger has it */
    const char *total; /* as the daily totals have it */
    bool is_wanted;
};

/* The names grouped by; what is not wanted is 0, the empty text. */
static void
add_groups(struct weir_buf *sql, const struct weir_store_filter *filter,
           bool is_total)
{
    const struct group_column columns[GROUP_COLUMNS] = {
        {"tenant", "tenant", filter->by_tenant},
        {"project", "project", filter->by_project},
        {"key", "key", filter->by_key},
        {"model", "model", filter->by_model},
        {"deployment", "deployment", filter->by_deployment},
        {"decided_us - decided_us % 86400000000", "day", filter->by_day},
    };
    weir_buf_addf(sql, "SELECT currency");
    for (size_t i = 0; i < GROUP_COLUMNS; i++)
        weir_buf_addf(sql, ", %s",
                      !columns[i].is_wanted ? "0"
                      : is_total            ? columns[i].total
                                            : columns[i].call);
}

static const char CALL_SUMS[] =
    ", sum(state = 2), sum(state = 2 AND ending NOT IN (6, 7)),"
    " sum(state = 1), sum(state = 3), sum(state = 2 AND ending = 6),"
    " sum(is_estimated), sum(input_tokens), sum(cached_tokens),"
    " sum(output_tokens), sum(reasoning_tokens), sum(cost_micros) FROM call";
_Static_assert(WEIR_END_LOST == 6 && WEIR_END_NOT_SENT == 7,
               "the numbers in CALL_SUMS");

static const char TOTAL_SUMS[] =
    ", sum(calls), sum(counted), 0, sum(refused), sum(lost), sum(estimated),"
    " sum(input_tokens), sum(cached_tokens), sum(output_tokens),"
    " sum(reasoning_tokens), sum(cost_micros) FROM total";

/* A call may be decided long after its request id was made (a slow body), at
 * most this. The id bounds the rows that are read, decided_us decides. */
#define REQUEST_LEAD_US WEIR_US_PER_DAY

static void
request_floor(weir_time from, uint8_t bytes_out[6])
{
    int64_t ms = from < REQUEST_LEAD_US ? 0 : (from - REQUEST_LEAD_US) / 1000;
    for (int i = 0; i < 6; i++)
        bytes_out[i] = (uint8_t)(ms >> (40 - 8 * i));
}

static void
read_sum(struct weir_store *store, sqlite3_stmt *row,
         struct weir_store_sum *sum_out)
{
    *sum_out = (struct weir_store_sum){
        .currency = name(store, row, 0),
        .tenant = name(store, row, 1),
        .project = name(store, row, 2),
        .key = name(store, row, 3),
        .model = name(store, row, 4),
        .deployment = name(store, row, 5),
        .day = sqlite3_column_int64(row, 6),
        .calls = number(row, 7),
        .counted = number(row, 8),
        .open = number(row, 9),
        .refused = number(row, 10),
        .lost = number(row, 11),
        .estimated = number(row, 12),
        .input_tokens = number(row, 13),
        .cached_tokens = number(row, 14),
        .output_tokens = number(row, 15),
        .reasoning_tokens = number(row, 16),
        .cost_micros = sqlite3_column_int64(row, 17),
    };
}

static weir_status
run_sums(struct weir_store *store, sqlite3_stmt *row, weir_store_on_sum *on_sum,
         void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    int step = 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir_store_sum sum;
        read_sum(store, row, &sum);
        if (!on_sum(context, &sum))
            break;
    }
    if (step < 0 && err != NULL)
        *err = own;
    return step < 0 ? own.status : WEIR_OK;
}

static weir_status
sum(struct weir_store *store, const struct weir_store_filter *filter,
    bool is_total, weir_store_on_sum *on_sum, void *context,
    struct weir_error *err)
{
    char memory[2048];
    struct weir_buf sql;
    uint8_t floor[6];
    sqlite3_stmt *row = NULL;
    weir_buf_init_fixed(&sql, memory, sizeof memory);
    add_groups(&sql, filter, is_total);
    weir_buf_addf(&sql, "%s WHERE %s >= ?1 AND %s < ?2",
                  is_total ? TOTAL_SUMS : CALL_SUMS,
                  is_total ? "day" : "decided_us",
                  is_total ? "day" : "decided_us");
    if (!is_total && filter->from > 0)
        weir_buf_addf(&sql, " AND request >= ?4");
    if (filter->tenant.len > 0)
        weir_buf_addf(&sql,
                      " AND tenant = (SELECT id FROM name WHERE text = ?3)");
    weir_buf_addf(&sql, " GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 7, 2, 3, 4, "
                        "5, 6, 1");
    WEIR_ASSERT(!sql.overflow);
    if (sqlite3_prepare_v2(store->db, sql.ptr, (int)sql.len, &row, NULL) !=
        SQLITE_OK)
        return weir_sql_fail(store, err);
    request_floor(filter->from, floor);
    sqlite3_bind_int64(row, 1, filter->from);
    sqlite3_bind_int64(row, 2, filter->to);
    if (filter->tenant.len > 0)
        sqlite3_bind_text(row, 3, filter->tenant.ptr, (int)filter->tenant.len,
                          SQLITE_STATIC);
    if (!is_total && filter->from > 0)
        sqlite3_bind_blob(row, 4, floor, sizeof floor, SQLITE_STATIC);
    weir_status status = run_sums(store, row, on_sum, context, err);
    sqlite3_finalize(row);
    return status;
}

weir_status
weir_store_usage(struct weir_store *store,
                 const struct weir_store_filter *filter,
                 weir_store_on_sum *on_sum, void *context,
                 struct weir_error *err)
{
    return sum(store, filter, false, on_sum, context, err);
}

weir_status
weir_store_totals(struct weir_store *store,
                  const struct weir_store_filter *filter,
                  weir_store_on_sum *on_sum, void *context,
                  struct weir_error *err)
{
    return sum(store, filter, true, on_sum, context, err);
}
