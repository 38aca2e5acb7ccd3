/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/budgets: every counter, what it may and has, when it will be full; and
 * the same as metrics. */
#include <string.h>

#include "control/api/call.h"
#include "control/budgets/budgets.h"

static const char *const metrics[] = {"requests", "tokens", "money"};

struct listing {
    const struct weir_image *image;
    const struct weir_budget_sums *sums; /* NULL: not asked for */
    const char *name;
    const char *tenant;
    json_t *rows;
    uint32_t unequal;
};

/* Of a pool all that was used: the table's rest and what is below reserves. */
static int64_t
ledger_of(const struct listing *listing,
          const struct weir_budget_counter *counter)
{
    const struct weir_image_budget *budget =
        &listing->image->budgets[counter->budget];
    int64_t used = weir_budget_sums_get(listing->sums, counter->subject,
                                        counter->metric, counter->window);
    for (uint32_t i = 0; counter->is_pool && i < budget->share_count; i++) {
        const struct weir_image_reserve *share =
            &listing->image->reserves[budget->first_share + i];
        int64_t own = weir_budget_sums_get(
            listing->sums, weir_budget_subject(budget->hash, share->hash),
            counter->metric, counter->window);
        int64_t reserve = weir_budget_reserve(counter->limit, share->ppm);
        used += own < reserve ? own : reserve;
    }
    return used;
}

static bool
is_wanted(const struct listing *listing,
          const struct weir_budget_counter *counter)
{
    if (listing->name != NULL &&
        !weir_span_equal(counter->name, weir_span_of(listing->name)))
        return false;
    if (listing->tenant == NULL)
        return true;
    weir_span tenant = weir_span_of(listing->tenant);
    if (counter->budget == WEIR_INDEX_NONE)
        return weir_span_equal(counter->name, tenant) ||
               (weir_span_starts(counter->name, tenant) &&
                counter->name.len > tenant.len &&
                counter->name.ptr[tenant.len] == '/');
    for (uint32_t i = 0; i < listing->image->tenant_count; i++)
        if (weir_span_equal(weir_image_text(listing->image,
                                            listing->image->tenants[i].name),
                            tenant))
            return weir_budget_reaches_tenant(listing->image, counter->budget,
                                              i);
    return false;
}

static json_t *
counter_json(const struct listing *listing,
             const struct weir_budget_counter *counter)
{
    weir_span zone = WEIR_SPAN("UTC");
    if (counter->zone != 0)
        zone = weir_image_text(listing->image,
                               listing->image->zones[counter->zone - 1].name);
    json_t *row = json_pack(
        "{s:o,s:s,s:s,s:s,s:s,s:o,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "name",
        weir_api_text(counter->name), "of", counter->of, "member",
        counter->member, "metric", metrics[counter->metric], "window",
        weir_quota_window_name(counter->window), "zone", weir_api_text(zone),
        "enforce", counter->is_soft ? "soft" : "hard", "limit",
        (json_int_t)counter->limit, "reserved", (json_int_t)counter->reserved,
        "used", (json_int_t)counter->used, "held", (json_int_t)counter->held,
        "refused", (json_int_t)counter->refused, "starts_us",
        (json_int_t)counter->starts_at, "reopens_us",
        (json_int_t)counter->reopens_at, "at_end", (json_int_t)counter->at_end);
    json_object_set_new(row, "full_at_us",
                        counter->full_at == WEIR_TIME_MAX
                            ? json_null()
                            : json_integer(counter->full_at));
    return row;
}

static bool
add_counter(void *context, const struct weir_budget_counter *counter)
{
    struct listing *listing = context;
    if (!is_wanted(listing, counter))
        return true;
    json_t *row = counter_json(listing, counter);
    if (listing->sums != NULL && counter->budget != WEIR_INDEX_NONE) {
        int64_t ledger = ledger_of(listing, counter);
        json_object_set_new(row, "ledger", json_integer(ledger));
        json_object_set_new(row, "difference",
                            json_integer(counter->used - ledger));
        listing->unequal += counter->used != ledger;
    }
    json_array_append_new(listing->rows, row);
    return true;
}

weir_status
weir_api_budgets(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_control *control = call->door->control;
    struct weir_budget_sums *sums = NULL;
    struct listing listing = {.image = &control->image,
                              .name = weir_api_query(call, "name"),
                              .tenant = weir_api_query(call, "tenant")};
    uint64_t check = 0;
    weir_status status =
        weir_api_query_number(call, "check", 0, 1, &check, err);
    if (status != WEIR_OK)
        return status;
    if (check != 0)
        weir_ingest_sync(call->door->ingest, WEIR_API_SYNC_MS);
    weir_time now = weir_control_now();
    weir_control_lock(control);
    if (!control->has_image) {
        pthread_mutex_unlock(&control->lock);
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "no image is in force");
    }
    if (check != 0)
        status = weir_budget_sums_new(&control->image, NULL, call->door->store,
                                      now, &sums, err);
    listing.sums = sums;
    listing.rows = json_array();
    if (status == WEIR_OK)
        status = weir_budget_counters(&control->image, call->door->store,
                                      call->door->quota, now, add_counter,
                                      &listing, err);
    weir_budget_sums_free(sums);
    call->reply =
        json_pack("{s:o,s:o,s:b,s:I}", "budgets", listing.rows, "currency",
                  weir_api_text(weir_image_text(&control->image,
                                                control->image.currency)),
                  "is_live", call->door->quota != NULL, "unequal",
                  (json_int_t)listing.unequal);
    pthread_mutex_unlock(&control->lock);
    return status;
}

/* -------------------------------------------------------------- /metrics */

static void
label(struct weir_buf *out, const char *name, weir_span value)
{
    weir_buf_addf(out, "%s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '"' || value.ptr[i] == '\\')
            weir_buf_add_byte(out, '\\');
        weir_buf_add_byte(out, value.ptr[i]);
    }
    weir_buf_addf(out, "\",");
}

static bool
add_metric(void *context, const struct weir_budget_counter *counter)
{
    struct weir_buf *out = context;
    if (counter->budget == WEIR_INDEX_NONE)
        return true; /* weir_budget has it */
    const struct {
        const char *what;
        int64_t value;
    } parts[] = {{"limit", counter->limit},
                 {"used", counter->used},
                 {"held", counter->held},
                 {"refused", (int64_t)counter->refused}};
    for (size_t i = 0; i < WEIR_COUNTOF(parts); i++) {
        weir_buf_addf(out, "weir_budget_by_name{");
        label(out, "budget", counter->name);
        label(out, "member", weir_span_of(counter->member));
        weir_buf_addf(out, "metric=\"%s\",window=\"%s\",part=\"%s\"} %lld\n",
                      metrics[counter->metric],
                      weir_quota_window_name(counter->window), parts[i].what,
                      (long long)parts[i].value);
    }
    return true;
}

void
weir_api_budget_metrics(const struct weir_api_door *door, struct weir_buf *out)
{
    weir_buf_addf(out, "# HELP weir_budget_by_name budgets by name: limit, "
                       "used, held; refused counts calls, ever\n"
                       "# TYPE weir_budget_by_name gauge\n");
    struct weir_error err;
    if (weir_budget_counters(&door->control->image, door->store, door->quota,
                             weir_control_now(), add_metric, out,
                             &err) != WEIR_OK)
        return; /* without names of end customers there is nothing to show */
    weir_buf_addf(out,
                  "# HELP weir_budget_alerts_total shares of budgets that "
                  "were told of\n# TYPE weir_budget_alerts_total counter\n"
                  "weir_budget_alerts_total %llu\n",
                  (unsigned long long)weir_budget_alerts());
}
