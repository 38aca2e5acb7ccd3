/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts: a look at the counters once a second.
 *
 * WHY NOT WHERE THE COUNTER IS MOVED. A worker that finds itself above a
 * share would have to tell somebody, on the path of a call; a look misses
 * nothing, because the table keeps the sum of the window before: what was
 * passed in the last moments of a minute is told in the next one.
 *
 * ONE NOTICE for each window, limit and share: the notice's reference names
 * them, and posting a reference again posts nothing, also after a restart.
 * What was told is kept here as well, so that the store is not asked again
 * every second.
 *
 * Of several shares passed at once the highest is told: who is over his
 * limit need not hear that he passed half of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/beat.h"
#include "control/budgets/budgets.h"
#include "control/budgets/parts.h"
#include "control/log.h"
#include "control/notices/notices.h"

#define ALL 1000000u

static _Atomic uint64_t alerts_told;

uint64_t
weir_budget_alerts(void)
{
    return alerts_told;
}

struct weir_budget_watch {
    struct weir_beat beat;
    struct weir_control *control;
    const struct weir_quota *quota;
    struct weir_store *store;
    struct weir__tally told;    /* value: window, more: ppm told */
    struct weir__tally refused; /* value: how often, when looked last */
    bool failed_last;
};

/* What one look found; posted after control's lock is released. */
struct alert {
    char name[160];
    char member[288];
    char tenants[16][160];
    uint32_t tenant_count;
    uint32_t ppm;
    bool is_soft;
    weir_quota_metric metric;
    weir_quota_window window;
    uint64_t subject;
    weir_time starts_at;
    weir_time reopens_at;
    weir_time full_at;
    int64_t used;
    int64_t limit;
};

#define ALERTS_MAX 64

struct look {
    struct weir_budget_watch *watch;
    const struct weir_image *image;
    struct alert alerts[ALERTS_MAX];
    uint32_t count;
};

static uint64_t
key_of(const struct weir_budget_counter *counter, weir_time starts_at)
{
    return weir__tally_key(counter->subject ^ (uint64_t)starts_at,
                           (uint32_t)counter->metric * WEIR_QUOTA_WINDOWS +
                               counter->window);
}

/* The highest share that was reached; 0: none. */
static uint32_t
reached(const struct weir_image_budget *budget, int64_t used, int64_t limit,
        bool is_full)
{
    uint32_t ppm = 0;
    for (uint32_t i = 0; i < budget->alert_count; i++) {
        uint32_t share = budget->alerts[i];
        if (used >= weir_budget_reserve(limit, share) ||
            (is_full && share <= ALL))
            ppm = share;
    }
    return ppm;
}

/* A call was refused since the last look, and not for being too large. */
static bool
has_refused(struct weir_budget_watch *watch,
            const struct weir_budget_counter *counter)
{
    struct weir__tally_slot *slot =
        weir__tally_at(&watch->refused, key_of(counter, 0));
    if (slot == NULL)
        return false;
    bool has_grown = slot->row != 0 && (uint64_t)slot->value < counter->refused;
    slot->row = 1;
    slot->value = (int64_t)counter->refused;
    return has_grown && counter->used / 9 >= counter->limit / 10;
}

/* A tenant whose calls the counter counts. */
static void
add_tenant(const struct weir_image *image, uint32_t tenant, struct alert *alert)
{
    weir_span name = weir_image_text(image, image->tenants[tenant].name);
    for (uint32_t i = 0; i < alert->tenant_count; i++)
        if (weir_span_equal(name, weir_span_of(alert->tenants[i])))
            return;
    if (alert->tenant_count < WEIR_COUNTOF(alert->tenants))
        snprintf(alert->tenants[alert->tenant_count++],
                 sizeof alert->tenants[0], "%.*s", WEIR_SPAN_ARG(name));
}

/* Nobody is told of a budget that is the operator's own: over everyone. */
static void
add_tenants(const struct weir_image *image,
            const struct weir_budget_counter *counter, struct alert *alert)
{
    const struct weir_image_budget *budget = &image->budgets[counter->budget];
    if (budget->of == WEIR_BUDGET_EVERYONE &&
        (budget->each == WEIR_BUDGET_ONE ||
         budget->each == WEIR_BUDGET_EACH_MODEL) &&
        counter->reserve == 0)
        return;
    for (uint32_t i = 0; i < image->key_count; i++) {
        const struct weir_image_key *key = &image->keys[i];
        uint32_t tenant = image->projects[key->project].tenant;
        struct weir_image_key_uses uses = image->key_budgets[i];
        for (uint32_t j = 0; j < uses.count; j++) {
            const struct weir_image_use *use = &image->uses[uses.first + j];
            uint64_t member = weir_budget_member(
                image, budget, i, WEIR_SPAN(""), WEIR_INDEX_NONE);
            if (use->budget != counter->budget ||
                (counter->reserve != 0 && use->share != counter->reserve))
                continue;
            if (budget->each == WEIR_BUDGET_ONE ||
                budget->each == WEIR_BUDGET_EACH_MODEL ||
                weir_budget_subject(budget->hash, member) == counter->subject)
                add_tenant(image, tenant, alert);
        }
    }
    const char *end = strncmp(counter->member, "end_customer ", 13) == 0
                          ? counter->member + 13
                          : NULL;
    if (end != NULL && alert->tenant_count == 0)
        snprintf(alert->tenants[alert->tenant_count++],
                 sizeof alert->tenants[0], "%.*s", (int)strcspn(end, "/"), end);
}

static void
note(struct look *look, const struct weir_budget_counter *counter,
     weir_time starts_at, int64_t used, bool is_full)
{
    struct weir_budget_watch *watch = look->watch;
    const struct weir_image_budget *budget =
        &look->image->budgets[counter->budget];
    bool is_over = starts_at != counter->starts_at;
    uint32_t ppm = reached(budget, used, counter->limit, is_full);
    if (ppm == 0 || look->count == ALERTS_MAX)
        return;
    struct weir__tally_slot *slot =
        weir__tally_at(&watch->told, key_of(counter, starts_at));
    if (slot == NULL || slot->more >= ppm)
        return;
    slot->more = ppm;
    struct alert *alert = &look->alerts[look->count++];
    *alert = (struct alert){
        .ppm = ppm,
        .is_soft = counter->is_soft,
        .metric = counter->metric,
        .window = counter->window,
        .subject = counter->subject,
        .starts_at = starts_at,
        .reopens_at = is_over ? counter->starts_at : counter->reopens_at,
        .full_at = is_over ? WEIR_TIME_MAX : counter->full_at,
        .used = used,
        .limit = counter->limit};
    snprintf(alert->name, sizeof alert->name, "%.*s",
             WEIR_SPAN_ARG(counter->name));
    memcpy(alert->member, counter->member, sizeof alert->member);
    add_tenants(look->image, counter, alert);
}

static bool
on_counter(void *context, const struct weir_budget_counter *counter)
{
    struct look *look = context;
    if (counter->budget == WEIR_INDEX_NONE ||
        look->image->budgets[counter->budget].alert_count == 0)
        return true;
    bool is_full = has_refused(look->watch, counter);
    note(look, counter, counter->starts_at, counter->used, is_full);
    if (counter->last_starts_at != WEIR_TIME_MIN) {
        const struct weir_image *image = look->image;
        weir_time starts, ends;
        /* as the table has it, in the zone's own time */
        weir_budget_window(image, counter->zone, counter->window,
                           counter->starts_at - 1, NULL, &starts, &ends);
        weir_time last =
            counter->window <= WEIR_QUOTA_HOUR
                ? counter->last_starts_at
                : weir_zone_utc(image, counter->zone, counter->last_starts_at);
        if (last == starts) /* no older one: it was looked at in its time */
            note(look, counter, starts, counter->last_used, false);
    }
    return true;
}

/* ---------------------------------------------------------------- telling */

/* "400 of 500 tokens", money in units with its decimals. */
static void
add_amount(struct weir_buf *out, weir_quota_metric metric, int64_t amount)
{
    if (metric == WEIR_QUOTA_MICROS)
        weir_buf_addf(out, "%lld.%06lld", (long long)(amount / 1000000),
                      (long long)(amount % 1000000));
    else
        weir_buf_addf(out, "%lld", (long long)amount);
}

static void
write_text(const struct alert *alert, struct weir_buf *out)
{
    static const char *const what[] = {"requests", "tokens", "money"};
    char time[WEIR_TIME_TEXT];
    weir_buf_addf(out, "Budget %s%s%s has used %u.%02u %% of its %s per %s: ",
                  alert->name, alert->member[0] == '\0' ? "" : " of ",
                  alert->member, alert->ppm / 10000, alert->ppm % 10000 / 100,
                  what[alert->metric], weir_quota_window_name(alert->window));
    add_amount(out, alert->metric, alert->used);
    weir_buf_addf(out, " of ");
    add_amount(out, alert->metric, alert->limit);
    weir_buf_addf(out, ".");
    if (alert->used < alert->limit && alert->full_at != WEIR_TIME_MAX) {
        weir_time_format(alert->full_at, time);
        weir_buf_addf(out, " At this rate it is full at %s.", time);
    }
    weir_time_format(alert->reopens_at, time);
    weir_buf_addf(out,
                  alert->is_soft
                      ? " Calls are not refused. It begins anew at %s."
                      : " What goes beyond it is refused until %s.",
                  time);
}

static weir_status
post(struct weir_budget_watch *watch, const struct alert *alert, weir_time now,
     struct weir_error *err)
{
    char memory[1200], reference[200], id[WEIR_STORE_ID_MAX];
    struct weir_buf text;
    weir_status status = WEIR_OK;
    weir_buf_init_fixed(&text, memory, sizeof memory);
    write_text(alert, &text);
    weir_log(WEIR_LOG_WARN, "%.*s", (int)text.len, text.ptr);
    alerts_told++;
    snprintf(reference, sizeof reference, "budget:%016llx:%s:%s:%lld:%u",
             (unsigned long long)alert->subject,
             weir_quota_metric_name(alert->metric),
             weir_quota_window_name(alert->window), (long long)alert->starts_at,
             alert->ppm);
    for (uint32_t i = 0; i < alert->tenant_count && status == WEIR_OK; i++) {
        const struct weir_notice notice = {
            .type = WEIR_SPAN(WEIR_NOTICE_BUDGET),
            .tenant = weir_span_of(alert->tenants[i]),
            .subject = weir_span_of(alert->name),
            .text = weir_buf_span(&text),
            .reference = weir_span_of(reference)};
        status = weir_notice_post(watch->store, &notice, WEIR_SPAN("control"),
                                  now, id, err);
    }
    return status;
}

static void
look(struct weir_budget_watch *watch)
{
    struct weir_control *control = watch->control;
    struct weir_error err = {0};
    struct look *now_seen = calloc(1, sizeof *now_seen);
    weir_time now = weir_control_now();
    if (now_seen == NULL)
        return;
    weir_control_lock(control);
    now_seen->watch = watch;
    now_seen->image = &control->image;
    weir_status status = WEIR_OK;
    bool has_alerts = false;
    for (uint32_t i = 0; control->has_image && i < control->image.budget_count;
         i++)
        has_alerts = has_alerts || control->image.budgets[i].alert_count > 0;
    if (has_alerts)
        status =
            weir_budget_counters(&control->image, control->store, watch->quota,
                                 now, on_counter, now_seen, &err);
    pthread_mutex_unlock(&control->lock);
    for (uint32_t i = 0; i < now_seen->count; i++) {
        weir_status posted = post(watch, &now_seen->alerts[i], now, &err);
        status = status == WEIR_OK ? posted : status;
    }
    if (status != WEIR_OK && !watch->failed_last)
        weir_log(WEIR_LOG_ERROR, "alerts of budgets cannot be posted: %s",
                 err.text);
    watch->failed_last = status != WEIR_OK;
    /* windows that are over leave by starting anew, now and then */
    if (watch->told.count > 1u << 16)
        weir__tally_fini(&watch->told);
    free(now_seen);
}

static void *
run(void *context)
{
    struct weir_budget_watch *watch = context;
    while (weir_beat_wait(&watch->beat, WEIR_US_PER_SEC))
        look(watch);
    return NULL;
}

weir_status
weir_budget_watch_start(struct weir_control *control,
                        const struct weir_quota *quota,
                        struct weir_budget_watch **watch_out,
                        struct weir_error *err)
{
    struct weir_budget_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    watch->control = control;
    watch->quota = quota;
    weir_status status =
        weir_store_open(control->paths.state, true, &watch->store, err);
    if (status == WEIR_OK)
        status = weir_beat_start(&watch->beat, run, watch, "budgets", err);
    if (status == WEIR_OK) {
        *watch_out = watch;
        return WEIR_OK;
    }
    weir_budget_watch_stop(watch);
    return status;
}

void
weir_budget_watch_stop(struct weir_budget_watch *watch)
{
    if (watch == NULL)
        return;
    weir_beat_stop(&watch->beat);
    weir_store_close(watch->store);
    weir__tally_fini(&watch->told);
    weir__tally_fini(&watch->refused);
    free(watch);
}
