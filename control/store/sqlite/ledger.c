/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing the ledger: one row per call, opened by its intent, closed by its
 * outcome; refusals are rows of their own. Every write says whether it was
 * new, so that a record read twice counts once.
 *
 * The daily totals are summed in memory while a batch runs and added to
 * their table before it commits: a batch of thousands of calls touches a few
 * rows there.
 */
#include <stdlib.h>
#include <string.h>

#include "control/store/sqlite/factors.h"
#include "control/store/sqlite/money_days.h"

/* What a day is summed by: it, tenant, project, key, model, deployment,
 * currency. */
#define TOTAL_KEYS 7
enum total {
    TOTAL_CALLS,
    TOTAL_COUNTED,
    TOTAL_REFUSED,
    TOTAL_LOST,
    TOTAL_ESTIMATED,
    TOTAL_TOKENS, /* four of them */
    TOTAL_MICROS = TOTAL_TOKENS + 4,
    TOTALS
};

/* NULL: out of memory, and err says so. */
static int64_t *
total_of(struct weir_store *store, const int64_t key[TOTAL_KEYS],
         struct weir_error *err)
{
    store->totals.keys = TOTAL_KEYS;
    store->totals.sums = TOTALS;
    int64_t *sums = weir_sums_at(&store->totals, key);
    if (sums == NULL)
        (void)weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    return sums;
}

weir_status
weir_store_flush_totals(struct weir_store *store, struct weir_error *err)
{
    weir_status status =
        weir_sql_flush(store, &store->totals, WEIR_SQL_TOTAL_ADD, err);
    if (status == WEIR_OK)
        status =
            weir_sql_flush(store, &store->money, WEIR_SQL_MONEY_DAY_ADD, err);
    if (status == WEIR_OK)
        status =
            weir_sql_flush(store, &store->cells, WEIR_SQL_FACTOR_CELL_ADD, err);
    return status;
}

static int64_t
day_of(weir_time when)
{
    return when - when % WEIR_US_PER_DAY;
}

/* Ids of several texts at once; false when one could not be made. */
static bool
name_ids(struct weir_store *store, const weir_span *texts, size_t count,
         int64_t *ids_out, struct weir_error *err)
{
    for (size_t i = 0; i < count; i++) {
        ids_out[i] = weir_sql_name(store, texts[i], err);
        if (ids_out[i] < 0)
            return false;
    }
    return true;
}

static weir_span
request_span(const struct weir_request_id *request)
{
    return (weir_span){(const char *)request->bytes, sizeof request->bytes};
}

/* What intent and refusal have in common. */
struct opening {
    const struct weir_request_id *request;
    enum weir_call_state state;
    weir_time decided;
    const weir_span *names; /* tenant, project, key, organisation, asked,
                               country */
    uint32_t operation;
    uint32_t is_streamed;
    uint32_t tier;
    const uint8_t *image;
    uint64_t overlay;
    uint64_t held_tokens;
    int64_t held_micros;
    uint32_t reason;
    uint32_t http_status;
};

static weir_status
add_call(struct weir_store *store, const struct opening *opening,
         const struct weir_store_at *at, int64_t ids_out[6], bool *is_new_out,
         struct weir_error *err)
{
    int64_t image = weir_sql_image(store, opening->image, err);
    if (image < 0 || !name_ids(store, opening->names, 6, ids_out, err))
        return err == NULL ? WEIR_EIO : err->status;
    weir_status status = weir_sql_run(
        store, WEIR_SQL_CALL_ADD, err, "biiiiiiiiiiiiiiiiiiiii",
        request_span(opening->request), (int64_t)opening->state,
        opening->decided, ids_out[0], ids_out[1], ids_out[2], ids_out[3],
        ids_out[4], ids_out[5], (int64_t)opening->operation,
        (int64_t)opening->is_streamed, (int64_t)opening->tier, image,
        (int64_t)opening->overlay, (int64_t)opening->held_tokens,
        opening->held_micros, (int64_t)at->lane, (int64_t)at->segment,
        (int64_t)at->offset, at->leaf, (int64_t)opening->reason,
        (int64_t)opening->http_status);
    if (status == WEIR_OK)
        *is_new_out = sqlite3_changes(store->db) == 1;
    return status;
}

weir_status
weir_store_put_intent(struct weir_store *store,
                      const struct weir_record_intent *intent,
                      const struct weir_store_at *at, bool *is_new_out,
                      struct weir_error *err)
{
    struct weir_error own = {0};
    const weir_span names[6] = {intent->tenant, intent->project,
                                intent->key,    intent->organisation,
                                intent->model,  intent->country};
    const struct opening opening = {
        .request = &intent->request,
        .state = WEIR_CALL_OPEN,
        .decided = intent->decided_us,
        .names = names,
        .operation = intent->operation,
        .is_streamed = intent->is_streamed,
        .tier = intent->tier,
        .image = intent->image_digest,
        .overlay = intent->overlay,
        .held_tokens = intent->held_tokens,
        .held_micros = intent->held_micros,
    };
    int64_t ids[6];
    weir_status status = add_call(store, &opening, at, ids, is_new_out, &own);
    if (status == WEIR_OK && intent->end_customer.len > 0)
        status = weir_sql_end_customer(store, &intent->request,
                                       intent->end_customer, &own);
    if (status == WEIR_OK && intent->tags.len > 0)
        status = weir_sql_run(store, WEIR_SQL_CALL_TAGS_ADD, &own, "bt",
                              request_span(&intent->request), intent->tags);
    if (status == WEIR_OK && intent->exception.len > 0)
        status = weir_sql_run(store, WEIR_SQL_EXCEPTION_USE_ADD, &own, "bt",
                              (weir_span){(const char *)intent->request.bytes,
                                          sizeof intent->request.bytes},
                              intent->exception);
    if (status != WEIR_OK && err != NULL)
        *err = own;
    return status;
}

weir_status
weir_store_put_refusal(struct weir_store *store,
                       const struct weir_record_refusal *refusal,
                       const struct weir_store_at *at, bool *is_new_out,
                       struct weir_error *err)
{
    struct weir_error own = {0};
    /* An unknown model's name is whatever a client wrote: it stays in the
     * journal and is not interned. */
    bool is_free_text =
        refusal->reason == WEIR_REASON_UNKNOWN_MODEL || refusal->key.len == 0;
    const weir_span names[6] = {refusal->tenant,
                                refusal->project,
                                refusal->key,
                                refusal->organisation,
                                is_free_text ? WEIR_SPAN_NONE : refusal->model,
                                refusal->country};
    const struct opening opening = {
        .request = &refusal->request,
        .state = WEIR_CALL_REFUSED,
        .decided = refusal->decided_us,
        .names = names,
        .operation = refusal->operation,
        .is_streamed = refusal->is_streamed,
        .image = refusal->image_digest,
        .overlay = refusal->overlay,
        .reason = refusal->reason,
        .http_status = refusal->http_status,
    };
    int64_t ids[6];
    weir_status status = add_call(store, &opening, at, ids, is_new_out, &own);
    if (status == WEIR_OK && refusal->end_customer.len > 0)
        status = weir_sql_end_customer(store, &refusal->request,
                                       refusal->end_customer, &own);
    if (status == WEIR_OK && *is_new_out) {
        const int64_t key[TOTAL_KEYS] = {day_of(refusal->decided_us), ids[0],
                                         ids[1], ids[2]};
        int64_t *sums = total_of(store, key, &own);
        if (sums == NULL)
            status = WEIR_ENOMEM;
        else
            sums[TOTAL_REFUSED]++;
    }
    if (status != WEIR_OK && err != NULL)
        *err = own;
    return status;
}

/* ----------------------------------------------------------------- outcome */

static weir_status
add_to_total(struct weir_store *store,
             const struct weir_record_outcome *outcome, int64_t decided,
             const int64_t who[3], const int64_t names[7],
             struct weir_error *err)
{
    const int64_t key[TOTAL_KEYS] = {day_of(decided), who[0],   who[1],  who[2],
                                     names[0],        names[1], names[5]};
    int64_t *sums = total_of(store, key, err);
    if (sums == NULL)
        return WEIR_ENOMEM;
    bool is_lost = outcome->ending == WEIR_END_LOST;
    sums[TOTAL_CALLS]++;
    sums[TOTAL_COUNTED] += !is_lost && outcome->ending != WEIR_END_NOT_SENT;
    sums[TOTAL_LOST] += is_lost;
    sums[TOTAL_ESTIMATED] += outcome->is_estimated != 0;
    sums[TOTAL_TOKENS] += (int64_t)outcome->input_tokens;
    sums[TOTAL_TOKENS + 1] += (int64_t)outcome->cached_tokens;
    sums[TOTAL_TOKENS + 2] += (int64_t)outcome->output_tokens;
    sums[TOTAL_TOKENS + 3] += (int64_t)outcome->reasoning_tokens;
    sums[TOTAL_MICROS] += outcome->cost_micros;
    return WEIR_OK;
}

/* Closes the open row; *found_out is false when there is none. */
static weir_status
close_call(struct weir_store *store, const struct weir_record_outcome *outcome,
           const struct weir_store_at *at, bool *found_out,
           weir_span *tenant_out, struct weir_error *err)
{
    const weir_span texts[7] = {outcome->model,        outcome->deployment,
                                outcome->region,       outcome->place,
                                outcome->stored_in,    outcome->currency,
                                outcome->price_version};
    const struct weir_record_units *units = &outcome->units;
    int64_t ids[7];
    if (!name_ids(store, texts, 7, ids, err))
        return err->status;
    sqlite3_stmt *row = weir_sql_bind(
        store, WEIR_SQL_CALL_CLOSE, err, "biiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii",
        request_span(&outcome->request), (int64_t)outcome->ending,
        (int64_t)outcome->http_status, (int64_t)at->segment,
        (int64_t)at->offset, at->leaf, (int64_t)outcome->is_estimated, ids[0],
        ids[1], ids[2], ids[3], ids[4], ids[5], ids[6],
        (int64_t)outcome->input_tokens, (int64_t)outcome->cached_tokens,
        (int64_t)outcome->output_tokens, (int64_t)outcome->reasoning_tokens,
        outcome->cost_micros, outcome->started_us,
        (int64_t)outcome->first_byte_us, (int64_t)outcome->total_us,
        (int64_t)outcome->sent_bytes, (int64_t)outcome->attempt_count,
        (int64_t)units->cache_write_tokens,
        (int64_t)units->cache_write_1h_tokens,
        (int64_t)units->audio_input_tokens, (int64_t)units->audio_cached_tokens,
        (int64_t)units->audio_output_tokens, (int64_t)units->image_input_tokens,
        (int64_t)units->image_output_tokens, (int64_t)units->pictures,
        (int64_t)units->service);
    int step = row == NULL ? -1 : weir_sql_step(store, row, err);
    if (step < 0)
        return err->status;
    *found_out = step == 1;
    if (step == 0)
        return WEIR_OK;
    int64_t decided = sqlite3_column_int64(row, 0);
    int64_t who[4];
    for (int i = 0; i < 4; i++)
        who[i] = sqlite3_column_int64(row, i + 1);
    while (step == 1)
        step = weir_sql_step(store, row, err);
    if (step < 0)
        return err->status;
    if (tenant_out != NULL)
        *tenant_out = weir_sql_text(store, who[0]);
    const int64_t names[WEIR_MONEY_NAMES] = {who[0], who[1], who[2], ids[0],
                                             ids[1], ids[6], ids[2], ids[3],
                                             who[3], ids[5]};
    weir_status status =
        weir_sql_money_add(store, decided, names, outcome, err);
    if (status == WEIR_OK)
        status = weir_sql_factor_add(store, ids[0], who[0], outcome, err);
    return status != WEIR_OK
               ? status
               : add_to_total(store, outcome, decided, who, ids, err);
}

/* An outcome whose intent is not in the ledger: the segment that held it was
 * lost. The row says what the outcome knows; who called is not known. */
static weir_status
add_orphan(struct weir_store *store, const struct weir_record_outcome *outcome,
           const struct weir_store_at *at, bool *is_new_out,
           struct weir_error *err)
{
    static const uint8_t no_image[32];
    const weir_span names[6] = {WEIR_SPAN_NONE, WEIR_SPAN_NONE, WEIR_SPAN_NONE,
                                WEIR_SPAN_NONE, outcome->model, WEIR_SPAN_NONE};
    const struct opening opening = {
        .request = &outcome->request,
        .state = WEIR_CALL_OPEN,
        .decided = outcome->started_us,
        .names = names,
        .operation = outcome->operation,
        .image = no_image,
    };
    const struct weir_store_at nowhere = {.lane = at->lane, .leaf = -1};
    int64_t ids[6];
    weir_status status =
        add_call(store, &opening, &nowhere, ids, is_new_out, err);
    bool found;
    if (status == WEIR_OK && *is_new_out)
        status = close_call(store, outcome, at, &found, NULL, err);
    return status;
}

weir_status
weir_store_put_outcome(struct weir_store *store,
                       const struct weir_record_outcome *outcome,
                       const struct weir_store_at *at, bool *is_new_out,
                       weir_span *tenant_out, struct weir_error *err)
{
    struct weir_error own = {0};
    bool found = false;
    if (tenant_out != NULL)
        *tenant_out = WEIR_SPAN("");
    weir_status status =
        close_call(store, outcome, at, &found, tenant_out, &own);
    if (status == WEIR_OK && found)
        *is_new_out = true;
    else if (status == WEIR_OK)
        status = add_orphan(store, outcome, at, is_new_out, &own);
    if (status != WEIR_OK && err != NULL)
        *err = own;
    return status;
}
