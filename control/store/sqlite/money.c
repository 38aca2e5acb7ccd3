/* SPDX-License-Identifier: Apache-2.0 */
/* Sums of the ledger for whoever bills, and the invoices that were issued. */
#include "control/invoices/invoices.h"
#include "control/store/sqlite/sql.h"

/* A call may be decided long after its request id was made (a slow body), at
 * most this, and never before. The id bounds the rows that are read on both
 * sides, decided_us decides. */
#define REQUEST_LEAD_US WEIR_US_PER_DAY

static weir_status
failed(const struct weir_error *own, struct weir_error *err)
{
    if (err != NULL)
        *err = *own;
    return own->status == WEIR_OK ? WEIR_EIO : own->status;
}

/* -------------------------------------------------------------------- sums */

/* In the order of the columns; each an id of a name. */
static const struct {
    const char *column;
    uint32_t bit;
    size_t member;
} names[] = {
    {"c.tenant", WEIR_BY_TENANT, offsetof(struct weir_money_sum, tenant)},
    {"c.project", WEIR_BY_PROJECT, offsetof(struct weir_money_sum, project)},
    {"c.key", WEIR_BY_KEY, offsetof(struct weir_money_sum, key)},
    {"c.model", WEIR_BY_MODEL, offsetof(struct weir_money_sum, model)},
    {"c.deployment", WEIR_BY_DEPLOYMENT,
     offsetof(struct weir_money_sum, deployment)},
    {"c.price_version", WEIR_BY_VERSION,
     offsetof(struct weir_money_sum, version)},
    {"c.region", WEIR_BY_REGION, offsetof(struct weir_money_sum, region)},
    {"c.place", WEIR_BY_PLACE, offsetof(struct weir_money_sum, place)},
    {"c.country", WEIR_BY_COUNTRY, offsetof(struct weir_money_sum, country)},
};
#define NAMES  ((int)WEIR_COUNTOF(names))
#define DAY    (NAMES + 1)
#define WHO    (NAMES + 2)
#define TAGS   (NAMES + 3)
#define BAND   (NAMES + 4)
#define FIGURE (NAMES + 5)

static void
write_sql(const struct weir_money_filter *filter, struct weir_buf *sql)
{
    bool by_customer = (filter->by & WEIR_BY_CUSTOMER) != 0;
    weir_buf_addf(sql, "SELECT c.currency");
    for (int i = 0; i < NAMES; i++)
        weir_buf_addf(sql, ", %s",
                      filter->by & names[i].bit ? names[i].column : "0");
    weir_buf_addf(sql, ", %s, %s",
                  filter->by & WEIR_BY_DAY
                      ? "(c.decided_us + ?4) / 86400000000 * 86400000000 - ?4"
                      : "0",
                  by_customer ? "coalesce(e.name, '')" : "''");
    weir_buf_addf(sql, ", %s, %s",
                  filter->by & WEIR_BY_TAGS ? "weir_tags(t.tags)" : "''",
                  filter->by & WEIR_BY_BAND
                      ? "weir_band(c.model, c.decided_us, c.input_tokens,"
                        " c.service)"
                      : "0");
    weir_buf_addf(sql,
                  ", sum(c.state = 2), sum(c.state = 1), sum(c.is_estimated),"
                  " sum(c.input_tokens), sum(c.cached_tokens),"
                  " sum(c.output_tokens), sum(c.reasoning_tokens),"
                  " sum(c.cost_micros), sum((c.input_tokens | c.output_tokens |"
                  " c.pictures) <> 0), sum(c.cache_write_tokens),"
                  " sum(c.cache_write_1h_tokens), sum(c.audio_input_tokens),"
                  " sum(c.audio_cached_tokens), sum(c.audio_output_tokens),"
                  " sum(c.image_input_tokens), sum(c.image_output_tokens),"
                  " sum(c.pictures) FROM call c");
    if (filter->by & WEIR_BY_TAGS)
        weir_buf_addf(sql, " LEFT JOIN call_tags t ON t.request = c.request");
    if (by_customer)
        weir_buf_addf(sql, " LEFT JOIN end_customer e ON e.request ="
                           " c.request");
    weir_buf_addf(sql, " WHERE c.state <> 3 AND c.decided_us >= ?1"
                       " AND c.decided_us < ?2 AND c.request >= ?5"
                       " AND c.request < ?6");
    if (filter->tenant.len > 0)
        weir_buf_addf(sql, " AND c.tenant = (SELECT id FROM name"
                           " WHERE text = ?3)");
    weir_buf_addf(sql, " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,"
                       " 13, 14");
    _Static_assert(WEIR_COUNTOF(names) + 5 == 14, "the columns grouped by");
    WEIR_ASSERT(!sql->overflow);
}

/* The same from the sums by day, and what is open from the ledger. */
static void
write_days_sql(const struct weir_money_filter *filter, struct weir_buf *sql)
{
    static const char figures[] =
        " sum(calls), 0, sum(estimated), sum(input_tokens),"
        " sum(cached_tokens), sum(output_tokens), sum(reasoning_tokens),"
        " sum(cost_micros), sum(requests), sum(cache_write_tokens),"
        " sum(cache_write_1h_tokens), sum(audio_input_tokens),"
        " sum(audio_cached_tokens), sum(audio_output_tokens),"
        " sum(image_input_tokens), sum(image_output_tokens), sum(pictures)"
        " FROM money_day c WHERE c.day >= ?1 AND c.day < ?2";
    static const char open[] =
        " 0, count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM call c"
        " WHERE c.state = 1 AND c.decided_us >= ?1 AND c.decided_us < ?2";
    for (int part = 0; part < 2; part++) {
        weir_buf_addf(sql, "%sSELECT c.currency", part ? " UNION ALL " : "");
        for (int i = 0; i < NAMES; i++)
            weir_buf_addf(sql, ", %s",
                          filter->by & names[i].bit ? names[i].column : "0");
        weir_buf_addf(sql, ", %s, '', '', 0,%s",
                      !(filter->by & WEIR_BY_DAY) ? "0"
                      : part == 0                 ? "c.day"
                                  : "c.decided_us - c.decided_us"
                                    " % 86400000000",
                      part == 0 ? figures : open);
        if (filter->tenant.len > 0)
            weir_buf_addf(sql, " AND c.tenant = (SELECT id FROM name"
                               " WHERE text = ?3)");
        weir_buf_addf(sql, " GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11");
    }
    WEIR_ASSERT(!sql->overflow);
}

static bool
is_of_days(const struct weir_money_filter *filter)
{
    const uint32_t of_calls = WEIR_BY_CUSTOMER | WEIR_BY_TAGS | WEIR_BY_BAND;
    return !filter->is_exact && (filter->by & of_calls) == 0 &&
           filter->from % WEIR_US_PER_DAY == 0 &&
           filter->to % WEIR_US_PER_DAY == 0 &&
           ((filter->by & WEIR_BY_DAY) == 0 ||
            filter->offset_us % WEIR_US_PER_DAY == 0);
}

/* The first bytes of a request id made in that millisecond. */
static void
request_bound(int64_t ms, uint8_t bytes_out[6])
{
    const int64_t last = (INT64_C(1) << 48) - 1;
    for (int i = 0; i < 6; i++)
        bytes_out[i] = (uint8_t)((ms < last ? ms : last) >> (40 - 8 * i));
}

static void
bind_filter(sqlite3_stmt *row, const struct weir_money_filter *filter)
{
    uint8_t floor[6], ceiling[6];
    request_bound(filter->from < REQUEST_LEAD_US
                      ? 0
                      : (filter->from - REQUEST_LEAD_US) / 1000,
                  floor);
    request_bound(filter->to < 0 ? 0 : filter->to / 1000 + 1, ceiling);
    sqlite3_bind_int64(row, 1, filter->from);
    sqlite3_bind_int64(row, 2, filter->to);
    if (filter->tenant.len > 0)
        sqlite3_bind_text(row, 3, filter->tenant.ptr, (int)filter->tenant.len,
                          SQLITE_STATIC);
    if (is_of_days(filter))
        return;
    if (filter->by & WEIR_BY_DAY)
        sqlite3_bind_int64(row, 4, filter->offset_us);
    sqlite3_bind_blob(row, 5, floor, sizeof floor, SQLITE_TRANSIENT);
    sqlite3_bind_blob(row, 6, ceiling, sizeof ceiling, SQLITE_TRANSIENT);
}

static uint64_t
count(sqlite3_stmt *row, int column)
{
    return (uint64_t)sqlite3_column_int64(row, column);
}

static struct weir_money_sum
sum_of(struct weir_store *store, sqlite3_stmt *row)
{
    const int at = FIGURE;
    struct weir_money_sum sum = {
        .currency = weir_sql_text(store, sqlite3_column_int64(row, 0)),
        .day = sqlite3_column_int64(row, DAY),
        .customer = weir_sql_span(row, WHO),
        .calls = (uint64_t)sqlite3_column_int64(row, at),
        .open = (uint64_t)sqlite3_column_int64(row, at + 1),
        .estimated = (uint64_t)sqlite3_column_int64(row, at + 2),
        .usage = {.input_tokens = count(row, at + 3),
                  .cached_tokens = count(row, at + 4),
                  .output_tokens = count(row, at + 5),
                  .reasoning_tokens = count(row, at + 6),
                  .cache_write_tokens = count(row, at + 9),
                  .cache_write_1h_tokens = count(row, at + 10),
                  .audio_input_tokens = count(row, at + 11),
                  .audio_cached_tokens = count(row, at + 12),
                  .audio_output_tokens = count(row, at + 13),
                  .image_input_tokens = count(row, at + 14),
                  .image_output_tokens = count(row, at + 15),
                  .pictures = count(row, at + 16)},
        .cost = sqlite3_column_int64(row, at + 7),
        .requests = count(row, at + 8),
        .tags = weir_sql_span(row, TAGS),
        .band = count(row, BAND),
    };
    for (int i = 0; i < NAMES; i++)
        *(weir_span *)(void *)((char *)&sum + names[i].member) =
            weir_sql_text(store, sqlite3_column_int64(row, i + 1));
    return sum;
}

struct banding {
    struct weir_store *store;
    const struct weir_money_filter *filter;
};

/* weir_band(model, decided_us, input_tokens, service) */
static void
say_band(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct banding *banding = sqlite3_user_data(context);
    const struct weir_price_when when = {
        .decided = sqlite3_value_int64(values[1]),
        .input_tokens = (uint64_t)sqlite3_value_int64(values[2]),
        .service = (enum weir_service)sqlite3_value_int(values[3]),
    };
    weir_span model =
        weir_sql_text(banding->store, sqlite3_value_int64(values[0]));
    (void)count;
    sqlite3_result_int64(context,
                         (sqlite3_int64)banding->filter->band(
                             banding->filter->band_context, model, &when));
}

/* weir_tags(tags) */
static void
say_tags(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct banding *banding = sqlite3_user_data(context);
    const char *bytes = (const char *)sqlite3_value_text(values[0]);
    weir_span text = {bytes, (size_t)sqlite3_value_bytes(values[0])};
    struct weir_tags tags = {.count = 0};
    struct weir_tag tag;
    char room[WEIR_TAGS_BYTES];
    weir_span value = WEIR_SPAN("");
    (void)count;
    if (bytes != NULL && banding->filter->tag.len > 0) {
        (void)weir_tags_find(text, banding->filter->tag, &value);
    } else if (bytes != NULL) {
        while (weir_tags_next(&text, &tag)) {
            if (!weir_span_equal(tag.name, WEIR_SPAN(WEIR_TAG_TASK)))
                (void)weir_tags_put(&tags, tag.name, tag.value);
        }
        value = (weir_span){room, weir_tags_write(&tags, room)};
    }
    sqlite3_result_text(context, value.ptr, (int)value.len, SQLITE_TRANSIENT);
}

weir_status
weir_money_sums(struct weir_store *store,
                const struct weir_money_filter *filter,
                weir_money_on_sum *on_sum, void *context,
                struct weir_error *err)
{
    char memory[4096];
    struct weir_buf sql;
    struct weir_error own = {0};
    sqlite3_stmt *row = NULL;
    weir_status status = WEIR_OK;
    weir_buf_init_fixed(&sql, memory, sizeof memory);
    struct banding banding = {store, filter};
    if ((filter->by & WEIR_BY_BAND) != 0 &&
        sqlite3_create_function_v2(store->db, "weir_band", 4,
                                   SQLITE_UTF8 | SQLITE_DIRECTONLY, &banding,
                                   say_band, NULL, NULL, NULL) != SQLITE_OK)
        return weir_sql_fail(store, err);
    if ((filter->by & WEIR_BY_TAGS) != 0 &&
        sqlite3_create_function_v2(store->db, "weir_tags", 1,
                                   SQLITE_UTF8 | SQLITE_DIRECTONLY, &banding,
                                   say_tags, NULL, NULL, NULL) != SQLITE_OK)
        return weir_sql_fail(store, err);
    if (is_of_days(filter))
        write_days_sql(filter, &sql);
    else
        write_sql(filter, &sql);
    if (sqlite3_prepare_v2(store->db, sql.ptr, (int)sql.len, &row, NULL) !=
        SQLITE_OK)
        return weir_sql_fail(store, err);
    bind_filter(row, filter);
    int step = 1;
    while (status == WEIR_OK && step == 1 &&
           (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir_money_sum sum = sum_of(store, row);
        status = on_sum(context, &sum, &own);
    }
    sqlite3_finalize(row);
    return status != WEIR_OK || step < 0 ? failed(&own, err) : WEIR_OK;
}

/* ---------------------------------------------------------------- invoices */

weir_status
weir__invoice_number(struct weir_store *store, int64_t *number_out,
                     struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row = weir_sql_bind(store, WEIR_SQL_INVOICE_NEXT, &own, "");
    if (row == NULL || weir_sql_step(store, row, &own) != 1)
        return failed(&own, err);
    *number_out = sqlite3_column_int64(row, 0);
    sqlite3_reset(row);
    return WEIR_OK;
}

weir_status
weir__invoice_add(struct weir_store *store, const struct weir_invoice_row *row,
                  struct weir_error *err)
{
    return weir_sql_run(store, WEIR_SQL_INVOICE_ADD, err, "ittiiittiibt",
                        row->number, row->tenant, row->contract, row->from,
                        row->to, row->issued, row->issued_by, row->currency,
                        row->drawn, row->total, row->digest, row->document);
}

static weir_status
each_invoice(struct weir_store *store, weir_span tenant, int64_t number,
             weir_invoice_on_row *on_row, void *context, struct weir_error *err)
{
    struct weir_error own = {0};
    sqlite3_stmt *row =
        weir_sql_bind(store, WEIR_SQL_INVOICES, &own, "ti", tenant, number);
    int step = row == NULL ? -1 : 1;
    while (step == 1 && (step = weir_sql_step(store, row, &own)) == 1) {
        struct weir_invoice_row one = {
            .number = sqlite3_column_int64(row, 0),
            .tenant = weir_sql_span(row, 1),
            .contract = weir_sql_span(row, 2),
            .from = sqlite3_column_int64(row, 3),
            .to = sqlite3_column_int64(row, 4),
            .issued = sqlite3_column_int64(row, 5),
            .issued_by = weir_sql_span(row, 6),
            .currency = weir_sql_span(row, 7),
            .drawn = sqlite3_column_int64(row, 8),
            .total = sqlite3_column_int64(row, 9),
            .digest = weir_sql_span(row, 10),
            .document = weir_sql_span(row, 11),
        };
        if (!on_row(context, &one)) {
            sqlite3_reset(row);
            break;
        }
    }
    return step < 0 ? failed(&own, err) : WEIR_OK;
}

weir_status
weir_invoices(struct weir_store *store, weir_span tenant,
              weir_invoice_on_row *on_row, void *context,
              struct weir_error *err)
{
    return each_invoice(store, tenant, 0, on_row, context, err);
}

weir_status
weir__invoice_one(struct weir_store *store, int64_t number,
                  weir_invoice_on_row *on_row, void *context,
                  struct weir_error *err)
{
    return each_invoice(store, WEIR_SPAN(""), number, on_row, context, err);
}
