/* SPDX-License-Identifier: Apache-2.0 */
#include "control/ingest/figures.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/route.h>

const uint64_t weir_figures_bounds_us[WEIR_FIGURES_BUCKETS - 1] = {
    1000,   2500,    5000,    10000,    25000,    50000,    100000,
    250000, 1000000, 2500000, 10000000, 30000000, 120000000};

void
weir_figures_init(struct weir_figures *figures)
{
    memset(figures, 0, sizeof *figures);
    pthread_mutex_init(&figures->lock, NULL);
}

void
weir_figures_fini(struct weir_figures *figures)
{
    free(figures->series);
    free(figures->ways);
    free(figures->classifiers);
    pthread_mutex_destroy(&figures->lock);
}

static void
put_text(char *out, size_t size, weir_span text)
{
    size_t len = text.len < size ? text.len : size - 1;
    memset(out, 0, size);
    if (len > 0)
        memcpy(out, text.ptr, len);
}

static struct weir_series *
find(struct weir_figures *figures, const struct weir_series *wanted)
{
    const size_t key_bytes = offsetof(struct weir_series, calls);
    for (uint32_t i = 0; i < figures->count; i++) {
        if (memcmp(&figures->series[i], wanted, key_bytes) == 0)
            return &figures->series[i];
    }
    return NULL;
}

/* NULL: out of memory. */
static struct weir_series *
series_of(struct weir_figures *figures, weir_span tenant, weir_span model,
          const char *result)
{
    struct weir_series wanted = {0};
    put_text(wanted.tenant, sizeof wanted.tenant, tenant);
    put_text(wanted.model, sizeof wanted.model, model);
    put_text(wanted.result, sizeof wanted.result, weir_span_of(result));
    struct weir_series *series = find(figures, &wanted);
    if (series == NULL && figures->count >= WEIR_FIGURES_SERIES_MAX) {
        put_text(wanted.tenant, sizeof wanted.tenant, WEIR_SPAN("other"));
        put_text(wanted.model, sizeof wanted.model, WEIR_SPAN("other"));
        series = find(figures, &wanted);
    }
    if (series != NULL)
        return series;
    if (figures->count == figures->capacity) {
        uint32_t capacity = figures->capacity == 0 ? 64 : figures->capacity * 2;
        struct weir_series *more =
            realloc(figures->series, capacity * sizeof *more);
        if (more == NULL)
            return NULL;
        figures->series = more;
        figures->capacity = capacity;
    }
    series = &figures->series[figures->count++];
    *series = wanted;
    return series;
}

void
weir_figures_observe(struct weir_histogram *histogram, uint64_t us)
{
    size_t bucket = 0;
    while (bucket < WEIR_FIGURES_BUCKETS - 1 &&
           us > weir_figures_bounds_us[bucket])
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum_us += us;
    histogram->count++;
}

/* "deployment: reason" of an attempt that had no connection. */
static void
count_way(struct weir_figures *figures,
          const struct weir_record_outcome *outcome)
{
    struct weir_closed_way wanted = {.calls = 0};
    size_t len = 0;
    for (uint32_t i = 0; i < outcome->attempt_count && len == 0; i++) {
        const struct weir_record_attempt *attempt = &outcome->attempts[i];
        if ((attempt->failure == WEIR_ATTEMPT_REFUSED ||
             attempt->failure == WEIR_ATTEMPT_SLOW_OPEN) &&
            weir_span_starts(outcome->finding, attempt->deployment) &&
            outcome->finding.len > attempt->deployment.len + 2)
            len = attempt->deployment.len;
    }
    if (len == 0)
        return;
    put_text(wanted.deployment, sizeof wanted.deployment,
             (weir_span){outcome->finding.ptr, len});
    put_text(wanted.reason, sizeof wanted.reason,
             (weir_span){outcome->finding.ptr + len + 2,
                         outcome->finding.len - len - 2});
    if (figures->ways == NULL)
        figures->ways = calloc(WEIR_FIGURES_WAYS_MAX, sizeof *figures->ways);
    if (figures->ways == NULL)
        return;
    uint32_t i = 0;
    while (i < figures->way_count &&
           memcmp(&figures->ways[i], &wanted,
                  offsetof(struct weir_closed_way, calls)) != 0)
        i++;
    if (i == WEIR_FIGURES_WAYS_MAX)
        return;
    if (i == figures->way_count)
        figures->ways[figures->way_count++] = wanted;
    figures->ways[i].calls++;
}

void
weir_figures_outcome(struct weir_figures *figures, weir_span tenant,
                     const struct weir_record_outcome *outcome)
{
    const char *result = weir_ending_name((enum weir_ending)outcome->ending);
    pthread_mutex_lock(&figures->lock);
    struct weir_series *series =
        series_of(figures, tenant, outcome->model, result);
    if (series != NULL) {
        series->calls++;
        series->input_tokens += outcome->input_tokens;
        series->cached_tokens += outcome->cached_tokens;
        series->output_tokens += outcome->output_tokens;
        series->reasoning_tokens += outcome->reasoning_tokens;
        series->cost_micros += outcome->cost_micros;
        put_text(series->currency, sizeof series->currency, outcome->currency);
    }
    count_way(figures, outcome);
    weir_figures_observe(&figures->total, outcome->total_us);
    weir_figures_opinions(figures, outcome->opinions, outcome->opinion_count,
                          outcome->http_status == 503 ||
                              outcome->ending == WEIR_END_FILTERED);
    if (outcome->first_byte_us > 0)
        weir_figures_observe(&figures->first_byte, outcome->first_byte_us);
    pthread_mutex_unlock(&figures->lock);
}

void
weir_figures_refusal(struct weir_figures *figures,
                     const struct weir_record_refusal *refusal)
{
    bool is_free_text =
        refusal->reason == WEIR_REASON_UNKNOWN_MODEL || refusal->key.len == 0;
    pthread_mutex_lock(&figures->lock);
    struct weir_series *series =
        series_of(figures, refusal->tenant,
                  is_free_text ? WEIR_SPAN_NONE : refusal->model,
                  weir_reason_code((enum weir_reason)refusal->reason));
    if (series != NULL)
        series->calls++;
    weir_figures_opinions(figures, refusal->opinions, refusal->opinion_count,
                          refusal->reason == WEIR_REASON_UNCLASSIFIED);
    pthread_mutex_unlock(&figures->lock);
}

void
weir_figures_signals(struct weir_figures *figures,
                     const struct weir_signal_facts *signals)
{
    uint8_t place = signals->place_unknown, network = signals->network_unknown;
    pthread_mutex_lock(&figures->lock);
    if (place != WEIR_UNKNOWN_UNRECORDED && place < WEIR_UNKNOWNS)
        figures->place_unknown[place]++;
    if (network != WEIR_UNKNOWN_UNRECORDED && network < WEIR_UNKNOWNS)
        figures->network_unknown[network]++;
    pthread_mutex_unlock(&figures->lock);
}
