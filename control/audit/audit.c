/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit, in three questions:
 *
 *   log      is the checkpoint signed, and is its root that of the leaves?
 *   journal  is the chain of segments whole, and does every record stand in
 *            the ledger as it says, and in the log under its number?
 *   ledger   has it no more than that, and do its sums agree: with the
 *            journal's, and with its own running totals, day by day?
 *
 * Journal and log are independent of the store but for the signing key and
 * the salts, which only help to find what to compare: changing a row, a
 * record or a leaf is found by the other two.
 */
#include "control/audit/audit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/audit/parts.h"

void
weir__audit_differ(struct weir_audit *audit, const char *kind,
                   const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (audit->difference_count++ < WEIR_AUDIT_DIFFERENCES_MAX)
        json_array_append_new(
            audit->differences,
            json_pack("{s:s,s:s}", "kind", kind, "text", text));
}

/* ------------------------------------------------------------------- ledger */

struct sums {
    struct weir_store_sum *rows;
    size_t count;
    size_t capacity;
    bool is_full;
};

static bool
keep_sum(void *context, const struct weir_store_sum *sum)
{
    struct sums *sums = context;
    /* Totals know only what is over. */
    if (sum->calls + sum->refused == 0)
        return true;
    if (sums->count == sums->capacity) {
        size_t capacity = sums->capacity == 0 ? 256 : sums->capacity * 2;
        struct weir_store_sum *rows =
            realloc(sums->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            sums->is_full = true;
            return false;
        }
        sums->rows = rows;
        sums->capacity = capacity;
    }
    sums->rows[sums->count] = *sum;
    sums->rows[sums->count++].open = 0;
    return true;
}

static bool
is_same_group(const struct weir_store_sum *a, const struct weir_store_sum *b)
{
    return a->day == b->day && weir_span_equal(a->tenant, b->tenant) &&
           weir_span_equal(a->project, b->project) &&
           weir_span_equal(a->key, b->key) &&
           weir_span_equal(a->model, b->model) &&
           weir_span_equal(a->deployment, b->deployment) &&
           weir_span_equal(a->currency, b->currency);
}

static bool
is_same_sum(const struct weir_store_sum *a, const struct weir_store_sum *b)
{
    return a->calls == b->calls && a->counted == b->counted &&
           a->refused == b->refused && a->lost == b->lost &&
           a->estimated == b->estimated && a->input_tokens == b->input_tokens &&
           a->cached_tokens == b->cached_tokens &&
           a->output_tokens == b->output_tokens &&
           a->reasoning_tokens == b->reasoning_tokens &&
           a->cost_micros == b->cost_micros;
}

/* Both lists come in one order, so the first difference of groups is the
 * place where one has a row too many. */
static void
compare_sums(struct weir_audit *audit, const struct sums *ledger,
             const struct sums *totals)
{
    if (ledger->count != totals->count)
        weir__audit_differ(audit, "ledger",
                           "the rows make %zu groups, the daily totals have "
                           "%zu",
                           ledger->count, totals->count);
    for (size_t i = 0; i < ledger->count && i < totals->count; i++) {
        const struct weir_store_sum *a = &ledger->rows[i];
        const struct weir_store_sum *b = &totals->rows[i];
        if (!is_same_group(a, b)) {
            weir__audit_differ(audit, "ledger",
                               "rows and daily totals part at tenant %.*s, "
                               "key %.*s, model %.*s",
                               WEIR_SPAN_ARG(a->tenant), WEIR_SPAN_ARG(a->key),
                               WEIR_SPAN_ARG(a->model));
            return;
        }
        if (!is_same_sum(a, b))
            weir__audit_differ(
                audit, "ledger",
                "tenant %.*s, key %.*s, model %.*s: the rows sum to %llu "
                "calls and %lld micros, the daily total says %llu and %lld",
                WEIR_SPAN_ARG(a->tenant), WEIR_SPAN_ARG(a->key),
                WEIR_SPAN_ARG(a->model), (unsigned long long)a->calls,
                (long long)a->cost_micros, (unsigned long long)b->calls,
                (long long)b->cost_micros);
    }
}

static bool
add_sum(void *context, const struct weir_store_sum *sum)
{
    struct weir_store_sum *all = context;
    all->calls += sum->calls;
    all->open += sum->open;
    all->refused += sum->refused;
    all->input_tokens += sum->input_tokens;
    all->output_tokens += sum->output_tokens;
    all->cost_micros += sum->cost_micros;
    return true;
}

static void
compare_whole(struct weir_audit *audit, const struct weir_store_sum *all)
{
    uint64_t rows = all->calls + all->open + all->refused;
    uint64_t records = audit->intents + audit->refusals + audit->orphans;
    uint64_t tokens = all->input_tokens + all->output_tokens;
    if (rows != records)
        weir__audit_differ(
            audit, "ledger", "it has %llu calls, the journal has %llu",
            (unsigned long long)rows, (unsigned long long)records);
    if (all->calls != audit->outcomes)
        weir__audit_differ(audit, "ledger",
                           "it has %llu ended calls, the journal has %llu",
                           (unsigned long long)all->calls,
                           (unsigned long long)audit->outcomes);
    if (all->cost_micros != audit->cost_micros)
        weir__audit_differ(
            audit, "ledger", "it sums to %lld micros, the journal to %lld",
            (long long)all->cost_micros, (long long)audit->cost_micros);
    if (tokens != audit->tokens)
        weir__audit_differ(
            audit, "ledger", "it sums to %llu tokens, the journal to %llu",
            (unsigned long long)tokens, (unsigned long long)audit->tokens);
}

static weir_status
audit_ledger(struct weir_audit *audit, json_t *reply, struct weir_error *err)
{
    const struct weir_store_filter groups = {.from = WEIR_TIME_MIN,
                                             .to = WEIR_TIME_MAX,
                                             .by_tenant = true,
                                             .by_project = true,
                                             .by_key = true,
                                             .by_model = true,
                                             .by_deployment = true,
                                             .by_day = true};
    const struct weir_store_filter whole = {.from = WEIR_TIME_MIN,
                                            .to = WEIR_TIME_MAX};
    struct sums ledger = {0}, totals = {0};
    struct weir_store_sum all = {0};
    weir_status status =
        weir_store_usage(audit->store, &groups, keep_sum, &ledger, err);
    if (status == WEIR_OK)
        status =
            weir_store_totals(audit->store, &groups, keep_sum, &totals, err);
    if (status == WEIR_OK)
        status = weir_store_usage(audit->store, &whole, add_sum, &all, err);
    if (status == WEIR_OK && (ledger.is_full || totals.is_full))
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK) {
        compare_sums(audit, &ledger, &totals);
        compare_whole(audit, &all);
        json_object_set_new(reply, "ledger",
                            json_pack("{s:I,s:I,s:I,s:I}", "calls",
                                      (json_int_t)all.calls, "open",
                                      (json_int_t)all.open, "refused",
                                      (json_int_t)all.refused, "cost_micros",
                                      (json_int_t)all.cost_micros));
    }
    free(ledger.rows);
    free(totals.rows);
    return status;
}

weir_status
weir_audit_verify(struct weir_store *store, const struct weir_paths *paths,
                  const struct weir_transparency *rules, json_t **reply_out,
                  struct weir_error *err)
{
    struct weir_audit audit = {.store = store,
                               .paths = paths,
                               .rules = rules,
                               .differences = json_array()};
    json_t *reply = json_object();
    weir_status status = weir_store_read_begin(store, err);
    bool is_reading = status == WEIR_OK;
    if (status == WEIR_OK)
        status = weir__audit_log(&audit, reply, err);
    if (status == WEIR_OK)
        status = weir__audit_journal(&audit, reply, err);
    if (status == WEIR_OK)
        status = audit_ledger(&audit, reply, err);
    if (is_reading)
        weir_store_read_end(store);
    weir_tlog_tiles_close(audit.tiles);
    json_object_set_new(reply, "is_sound",
                        json_boolean(audit.difference_count == 0));
    json_object_set_new(reply, "difference_count",
                        json_integer((json_int_t)audit.difference_count));
    json_object_set_new(reply, "differences", audit.differences);
    if (status == WEIR_OK)
        *reply_out = reply;
    else
        json_decref(reply);
    return status;
}
