/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /metrics, in Prometheus' text format. Calls, tokens and latencies come
 * from what ingest has read; the journal's figures from the ring; budgets
 * from the quota table; generations from the board.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/lane.h>

#include "control/api/call.h"
#include "control/cache/cache.h"
#include "control/health/fair.h"
#include "control/health/health.h"
#include "control/ingest/figures.h"
#include "control/keyring/keyring.h"
#include "control/sharing/sharing.h"
#include "control/telemetry/telemetry.h"
#include "control/watch/live.h"

#define METRICS_BYTES_MAX ((size_t)16 << 20)

static void
head(struct weir_buf *out, const char *name, const char *type, const char *help)
{
    weir_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
gauge(struct weir_buf *out, const char *name, const char *type,
      const char *help, double value)
{
    head(out, name, type, help);
    weir_buf_addf(out, "%s %.17g\n", name, value);
}

/* A label's value: backslash, quote and newline escaped. */
static void
label(struct weir_buf *out, const char *name, weir_span value)
{
    weir_buf_addf(out, "%s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\n') {
            weir_buf_addf(out, "\\n");
            continue;
        }
        if (c == '"' || c == '\\')
            weir_buf_add_byte(out, '\\');
        weir_buf_add_byte(out, c);
    }
    weir_buf_add_byte(out, '"');
}

static void
series_labels(struct weir_buf *out, const char *name,
              const struct weir_series *series)
{
    weir_buf_addf(out, "%s{", name);
    label(out, "tenant", weir_span_of(series->tenant));
    weir_buf_add_byte(out, ',');
    label(out, "model", weir_span_of(series->model));
}

static void
add_calls(struct weir_buf *out, const struct weir_figures *figures)
{
    head(out, "weir_calls_total", "counter",
         "calls by how they ended or why they were refused");
    for (uint32_t i = 0; i < figures->count; i++) {
        const struct weir_series *series = &figures->series[i];
        series_labels(out, "weir_calls_total", series);
        weir_buf_add_byte(out, ',');
        label(out, "result", weir_span_of(series->result));
        weir_buf_addf(out, "} %llu\n", (unsigned long long)series->calls);
    }
}

static void
add_ways(struct weir_buf *out, const struct weir_figures *figures)
{
    head(out, "weir_deployment_unreachable_total", "counter",
         "calls that found the way to a deployment closed, by why");
    for (uint32_t i = 0; i < figures->way_count; i++) {
        const struct weir_closed_way *way = &figures->ways[i];
        weir_buf_addf(out, "weir_deployment_unreachable_total{");
        label(out, "deployment", weir_span_of(way->deployment));
        weir_buf_add_byte(out, ',');
        label(out, "reason", weir_span_of(way->reason));
        weir_buf_addf(out, "} %llu\n", (unsigned long long)way->calls);
    }
}

static void
add_tokens(struct weir_buf *out, const struct weir_figures *figures)
{
    head(out, "weir_tokens_total", "counter",
         "tokens; input includes cached, output includes reasoning");
    for (uint32_t i = 0; i < figures->count; i++) {
        const struct weir_series *series = &figures->series[i];
        const struct {
            const char *kind;
            uint64_t count;
        } parts[] = {{"input", series->input_tokens},
                     {"cached", series->cached_tokens},
                     {"output", series->output_tokens},
                     {"reasoning", series->reasoning_tokens}};
        for (size_t p = 0; p < WEIR_COUNTOF(parts); p++) {
            if (parts[p].count == 0)
                continue;
            series_labels(out, "weir_tokens_total", series);
            weir_buf_addf(out, ",result=\"%s\",kind=\"%s\"} %llu\n",
                          series->result, parts[p].kind,
                          (unsigned long long)parts[p].count);
        }
    }
    head(out, "weir_cost_micros_total", "counter",
         "millionths of the currency's unit");
    for (uint32_t i = 0; i < figures->count; i++) {
        const struct weir_series *series = &figures->series[i];
        if (series->cost_micros == 0)
            continue;
        series_labels(out, "weir_cost_micros_total", series);
        weir_buf_addf(out, ",result=\"%s\",currency=\"%s\"} %lld\n",
                      series->result, series->currency,
                      (long long)series->cost_micros);
    }
}

static void
add_histogram(struct weir_buf *out, const char *name, const char *help,
              const struct weir_histogram *histogram)
{
    uint64_t sum = 0;
    head(out, name, "histogram", help);
    for (size_t i = 0; i < WEIR_FIGURES_BUCKETS; i++) {
        sum += histogram->counts[i];
        if (i < WEIR_FIGURES_BUCKETS - 1)
            weir_buf_addf(out, "%s_bucket{le=\"%g\"} %llu\n", name,
                          (double)weir_figures_bounds_us[i] / 1e6,
                          (unsigned long long)sum);
    }
    weir_buf_addf(out,
                  "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.6f\n%s_count "
                  "%llu\n",
                  name, (unsigned long long)sum, name,
                  (double)histogram->sum_us / 1e6, name,
                  (unsigned long long)histogram->count);
}

static const char *
direction_of(const struct weir_classifier_figures *row)
{
    return row->direction == WEIR_IMAGE_REQUESTS ? "request" : "reply";
}

/* One count of weir_classifier_<what>_total; `name` NULL: no third label. */
static void
classifier_count(struct weir_buf *out, const char *what,
                 const struct weir_classifier_figures *row, const char *name,
                 const char *value, uint64_t count)
{
    weir_buf_addf(out, "weir_classifier_%s_total{", what);
    label(out, "classifier", weir_span_of(row->name));
    weir_buf_addf(out, ",direction=\"%s\"", direction_of(row));
    if (name != NULL)
        weir_buf_addf(out, ",%s=\"%s\"", name, value);
    weir_buf_addf(out, "} %llu\n", (unsigned long long)count);
}

/* A histogram with labels, its head written before. */
static void
add_classifier_seconds(struct weir_buf *out,
                       const struct weir_classifier_figures *row)
{
    const char *name = "weir_classifier_seconds";
    uint64_t sum = 0;
    for (size_t i = 0; i < WEIR_FIGURES_BUCKETS; i++) {
        sum += row->seconds.counts[i];
        weir_buf_addf(out, "%s_bucket{", name);
        label(out, "classifier", weir_span_of(row->name));
        if (i < WEIR_FIGURES_BUCKETS - 1)
            weir_buf_addf(out, ",direction=\"%s\",le=\"%g\"} %llu\n",
                          direction_of(row),
                          (double)weir_figures_bounds_us[i] / 1e6,
                          (unsigned long long)sum);
        else
            weir_buf_addf(out, ",direction=\"%s\",le=\"+Inf\"} %llu\n",
                          direction_of(row), (unsigned long long)sum);
    }
    weir_buf_addf(out, "%s_sum{", name);
    label(out, "classifier", weir_span_of(row->name));
    weir_buf_addf(out, ",direction=\"%s\"} %.6f\n%s_count{", direction_of(row),
                  (double)row->seconds.sum_us / 1e6, name);
    label(out, "classifier", weir_span_of(row->name));
    weir_buf_addf(out, ",direction=\"%s\"} %llu\n", direction_of(row),
                  (unsigned long long)sum);
}

static void
add_classifiers(struct weir_buf *out, const struct weir_figures *figures)
{
    const struct weir_classifier_figures *rows = figures->classifiers;
    uint32_t count = figures->classifier_count;
    head(out, "weir_classifier_asks_total", "counter",
         "texts that a classifier was asked about");
    for (uint32_t i = 0; i < count; i++)
        classifier_count(out, "asks", &rows[i], NULL, NULL, rows[i].asks);
    head(out, "weir_classifier_asks_failed_total", "counter",
         "those without an answer that counts");
    for (uint32_t i = 0; i < count; i++)
        classifier_count(out, "asks_failed", &rows[i], NULL, NULL,
                         rows[i].failed);
    head(out, "weir_classifier_calls_total", "counter",
         "calls by what a classifier said of them");
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t v = WEIR_OPINION_ALLOW; v <= WEIR_OPINION_FAILED; v++)
            classifier_count(out, "calls", &rows[i], "verdict",
                             weir_opinion_name((enum weir_opinion)v),
                             rows[i].verdicts[v]);
    head(out, "weir_classifier_failures_total", "counter",
         "calls of which an ask failed, by why");
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t u = WEIR_UNHEARD_TIMEOUT; u <= WEIR_UNHEARD_RESTING; u++)
            if (rows[i].unheard[u] > 0)
                classifier_count(out, "failures", &rows[i], "because",
                                 weir_unheard_name((enum weir_unheard)u),
                                 rows[i].unheard[u]);
    head(out, "weir_classifier_unheard_total", "counter",
         "calls without a verdict: open went on, closed ended");
    for (uint32_t i = 0; i < count; i++) {
        classifier_count(out, "unheard", &rows[i], "then", "open",
                         rows[i].open);
        classifier_count(out, "unheard", &rows[i], "then", "closed",
                         rows[i].closed);
    }
    head(out, "weir_classifier_seconds", "histogram",
         "the longest ask of a call");
    for (uint32_t i = 0; i < count; i++)
        add_classifier_seconds(out, &rows[i]);
}

/* Zeros too: an alert on a series that is not there never fires. */
static void
add_unknown(struct weir_buf *out, const char *name, const char *help,
            const uint64_t counts[WEIR_UNKNOWNS])
{
    head(out, name, "counter", help);
    for (uint32_t i = WEIR_UNKNOWN_NO_DATABASE; i < WEIR_UNKNOWNS; i++)
        weir_buf_addf(out, "%s{because=\"%s\"} %llu\n", name,
                      weir_unknown_name(i), (unsigned long long)counts[i]);
}

static void
add_ingest(struct weir_buf *out, struct weir_ingest *ingest)
{
    struct weir_figures *figures = weir_ingest_figures(ingest);
    pthread_mutex_lock(&figures->lock);
    add_calls(out, figures);
    add_tokens(out, figures);
    add_ways(out, figures);
    add_histogram(out, "weir_call_seconds", "from the decision to the end",
                  &figures->total);
    add_histogram(out, "weir_first_byte_seconds",
                  "from the decision to the first byte to the client",
                  &figures->first_byte);
    add_unknown(out, "weir_calls_place_unknown_total",
                "calls of clients whose country nobody could say",
                figures->place_unknown);
    add_unknown(out, "weir_calls_network_unknown_total",
                "calls of clients whose autonomous system nobody could say",
                figures->network_unknown);
    add_classifiers(out, figures);
    pthread_mutex_unlock(&figures->lock);
    gauge(out, "weir_ingest_records_total", "counter", "records read",
          (double)figures->records);
    gauge(out, "weir_ingest_again_total", "counter",
          "records that were in the ledger already", (double)figures->again);
    gauge(out, "weir_ingest_unreadable_total", "counter",
          "records whose payload could not be read",
          (double)figures->unreadable);
    gauge(out, "weir_ingest_lost_calls_total", "counter",
          "open calls of dead workers, closed", (double)figures->lost);
    gauge(out, "weir_ingest_failures_total", "counter",
          "batches that were rolled back", (double)figures->failures);
    gauge(out, "weir_ingest_last_record_seconds", "gauge",
          "time of the last record read", (double)figures->read_up_to / 1e6);
    gauge(out, "weir_journal_damages_total", "counter", "damaged places found",
          (double)figures->damages);
    gauge(out, "weir_journal_gaps_read_total", "counter", "gap records read",
          (double)figures->gaps);
}

static void
add_journal(struct weir_buf *out, const struct weir_control *control)
{
    struct weir_journal_status status;
    enum weir_journal_state state;
    uint64_t sum = 0;
    if (weir_lane_status_of(control->paths.ring, &status, &state, NULL) !=
        WEIR_OK)
        return;
    gauge(out, "weir_journal_state", "gauge",
          "0 starting, 1 running, 2 no space, 3 disk fails, 4 stopped",
          (double)state);
    gauge(out, "weir_journal_records_total", "counter", "records on disk",
          (double)status.records);
    gauge(out, "weir_journal_bytes_total", "counter", "bytes on disk",
          (double)status.bytes);
    gauge(out, "weir_journal_errors_total", "counter",
          "failed writes and flushes", (double)status.errors);
    gauge(out, "weir_journal_gaps_total", "counter", "gap records written",
          (double)status.gaps);
    gauge(out, "weir_journal_writer_starts_total", "counter",
          "times the writer took the ring", (double)status.writer_starts);
    gauge(out, "weir_journal_segment", "gauge", "segment being written",
          (double)status.segment);
    head(out, "weir_journal_flush_seconds", "histogram",
         "write and flush of a batch");
    for (size_t i = 0; i < WEIR_JOURNAL_BUCKETS; i++) {
        sum += status.flush_us[i];
        if (i < WEIR_JOURNAL_BUCKETS - 1)
            weir_buf_addf(out,
                          "weir_journal_flush_seconds_bucket{le=\"%g\"} "
                          "%llu\n",
                          (double)(UINT64_C(1) << (i + 1)) / 1e6,
                          (unsigned long long)sum);
    }
    weir_buf_addf(out,
                  "weir_journal_flush_seconds_bucket{le=\"+Inf\"} %llu\n"
                  "weir_journal_flush_seconds_sum %.6f\n"
                  "weir_journal_flush_seconds_count %llu\n",
                  (unsigned long long)sum, (double)status.flush_us_sum / 1e6,
                  (unsigned long long)sum);
}

/* ------------------------------------------------------------------- budgets */

static void
add_limits(struct weir_buf *out, const struct weir_api_door *door,
           uint64_t subject, uint32_t first, uint32_t count, weir_span tenant,
           weir_span project, weir_span key)
{
    static const char *const metrics[] = {"requests", "tokens", "money"};
    static const char *const windows[] = {"minute", "hour",  "day",
                                          "week",   "month", "year"};
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_image_limit *row =
            &door->control->image.limits[first + i];
        weir_quota_row used = {0};
        (void)weir_quota_get(
            door->quota, subject, (weir_quota_metric)row->metric,
            (weir_quota_window)row->window, weir_control_now(), &used);
        const struct {
            const char *what;
            int64_t value;
        } parts[] = {
            {"limit", row->amount}, {"used", used.used}, {"held", used.held}};
        for (size_t p = 0; p < WEIR_COUNTOF(parts); p++) {
            weir_buf_addf(out, "weir_budget{");
            label(out, "tenant", tenant);
            weir_buf_add_byte(out, ',');
            label(out, "project", project);
            weir_buf_add_byte(out, ',');
            label(out, "key", key);
            weir_buf_addf(out,
                          ",metric=\"%s\",window=\"%s\",part=\"%s\"} "
                          "%lld\n",
                          metrics[row->metric], windows[row->window],
                          parts[p].what, (long long)parts[p].value);
        }
    }
}

static void
add_budgets(struct weir_buf *out, const struct weir_api_door *door)
{
    const struct weir_image *image = &door->control->image;
    weir_quota_stats stats;
    head(out, "weir_budget", "gauge",
         "budgets: limit, used and held, money in millionths");
    for (uint32_t i = 0; i < image->tenant_count; i++) {
        const struct weir_image_tenant *row = &image->tenants[i];
        add_limits(out, door, row->hash, row->first_limit, row->limit_count,
                   weir_image_text(image, row->name), WEIR_SPAN_NONE,
                   WEIR_SPAN_NONE);
    }
    for (uint32_t i = 0; i < image->project_count; i++) {
        const struct weir_image_project *row = &image->projects[i];
        add_limits(out, door, row->hash, row->first_limit, row->limit_count,
                   weir_image_text(image, image->tenants[row->tenant].name),
                   weir_image_text(image, row->name), WEIR_SPAN_NONE);
    }
    weir_quota_stats_get(door->quota, &stats);
    gauge(out, "weir_quota_slots_used", "gauge", "counters in use",
          (double)stats.slots_used);
    gauge(out, "weir_quota_slots", "gauge", "counters there are",
          (double)stats.slots);
    gauge(out, "weir_quota_holds_total", "counter", "holds granted",
          (double)stats.holds);
    gauge(out, "weir_quota_refused_total", "counter",
          "calls refused by a full limit", (double)stats.refused);
    gauge(out, "weir_quota_recovered_total", "counter",
          "holds of dead workers given back", (double)stats.recovered);
    gauge(out, "weir_odd_quota_table_full_total", "counter",
          "holds refused because the table was full",
          (double)stats.refused_full);
    gauge(out, "weir_odd_quota_lane_full_total", "counter",
          "holds refused because a worker's lane was full",
          (double)stats.refused_lane);
    gauge(out, "weir_odd_quota_stale_total", "counter",
          "settlements of holds that were gone", (double)stats.stale);
}

struct deployment_figure {
    const char *name;
    const char *type;
    const char *help;
    double (*of)(const struct weir_health_view *view);
};

static double
figure_out(const struct weir_health_view *view)
{
    return view->state == WEIR_HEALTH_FREE ? 0 : 1;
}

static double
figure_in_flight(const struct weir_health_view *view)
{
    return view->in_flight;
}

static double
figure_failures(const struct weir_health_view *view)
{
    return view->failures;
}

static double
figure_first_byte(const struct weir_health_view *view)
{
    return view->first_byte_us / 1e6;
}

static double
figure_ejected(const struct weir_health_view *view)
{
    return (double)view->ejected;
}

static double
figure_rested(const struct weir_health_view *view)
{
    return (double)view->rested;
}

static double
figure_passed(const struct weir_health_view *view)
{
    return (double)view->passed_over;
}

static void
add_copies(struct weir_buf *out, const struct weir_health *table)
{
    gauge(out, "weir_shadow_copies_total", "counter",
          "copies of calls that were sent to a route's shadow",
          (double)weir_health_copies(table, WEIR_HEALTH_COPY_MADE));
    head(out, "weir_shadow_copies_dropped_total", "counter",
         "copies that were drawn and not made, by why");
    for (int i = WEIR_HEALTH_COPY_MADE + 1; i < WEIR_HEALTH_COPIES; i++) {
        enum weir_health_copy why = (enum weir_health_copy)i;
        weir_buf_addf(out,
                      "weir_shadow_copies_dropped_total{reason=\"%s\"} "
                      "%llu\n",
                      weir_health_copy_name(why),
                      (unsigned long long)weir_health_copies(table, why));
    }
}

/* Of deployments that were used since the machine started. */
static void
add_health(struct weir_buf *out, const struct weir_control *control)
{
    static const struct deployment_figure figures[] = {
        {"weir_deployment_out", "gauge", "1: passed over just now", figure_out},
        {"weir_deployment_in_flight", "gauge", "calls it has",
         figure_in_flight},
        {"weir_deployment_failures_in_a_row", "gauge",
         "failures since the last reply", figure_failures},
        {"weir_deployment_first_byte_seconds", "gauge",
         "time to the reply's head: its peaks, fading", figure_first_byte},
        {"weir_deployment_ejected_total", "counter",
         "times taken out by its breaker", figure_ejected},
        {"weir_deployment_rested_total", "counter",
         "pauses that its origin asked for", figure_rested},
        {"weir_deployment_passed_over_total", "counter",
         "places refused to calls that had chosen it", figure_passed},
    };
    const struct weir_image *image = &control->image;
    weir_time now = weir_control_now();
    struct weir_health_file file;
    struct weir_health_view view;
    if (!weir_health_file_open(control->paths.run, &file))
        return;
    for (size_t f = 0; f < WEIR_COUNTOF(figures); f++) {
        head(out, figures[f].name, figures[f].type, figures[f].help);
        for (uint32_t i = 0; i < image->deployment_count; i++) {
            const struct weir_image_deployment *row = &image->deployments[i];
            if (!weir_health_view_get(file.table, row->hash, now, &view))
                continue;
            weir_buf_addf(out, "%s{", figures[f].name);
            label(out, "deployment", weir_image_text(image, row->name));
            weir_buf_addf(out, "} %.17g\n", figures[f].of(&view));
        }
    }
    add_copies(out, file.table);
    weir_health_file_close(&file);
}

/* Who waits for a place, and what workers have in memory. */
static void
add_fair(struct weir_buf *out, const struct weir_control *control)
{
    const struct weir_image *image = &control->image;
    struct weir_fair_file file;
    struct weir_fair_memory memory;
    if (!weir_fair_file_open(control->paths.run, &file))
        return;
    weir_fair_memory_get(file.table, &memory);
    gauge(out, "weir_workers_memory_bytes", "gauge",
          "in use by calls of all workers", (double)memory.bytes);
    gauge(out, "weir_workers_memory_limit_bytes", "gauge",
          "beyond which calls are shed", (double)memory.bytes_max);
    gauge(out, "weir_shed_total", "counter", "calls refused for want of memory",
          (double)memory.shed);
    head(out, "weir_deployment_waiting", "gauge",
         "calls that wait for a place");
    for (uint32_t i = 0; i < image->deployment_count; i++) {
        const struct weir_image_deployment *row = &image->deployments[i];
        if (image->queues[i].length == 0)
            continue;
        weir_buf_addf(out, "weir_deployment_waiting{");
        label(out, "deployment", weir_image_text(image, row->name));
        weir_buf_addf(out, "} %u\n", weir_fair_waiting(file.table, row->hash));
    }
    weir_fair_file_close(&file);
}

static void
add_cache(struct weir_buf *out, const struct weir_control *control)
{
    struct weir_cache_setup setup;
    struct weir_cache_stats s;
    if (!weir_cache_file_stats(control->paths.run, &setup, &s))
        return;
    gauge(out, "weir_cache_hits_total", "counter",
          "calls answered by an answer that was kept", (double)s.hits);
    gauge(out, "weir_cache_misses_total", "counter",
          "calls that could have been and went to an origin", (double)s.misses);
    gauge(out, "weir_cache_stored_total", "counter", "answers kept",
          (double)s.stored);
    gauge(out, "weir_cache_evicted_total", "counter",
          "parts of partitions that made room", (double)s.evicted);
    gauge(out, "weir_cache_bytes", "gauge", "in use by tenants",
          (double)s.bytes);
    gauge(out, "weir_cache_memory_bytes", "gauge", "that may be in use",
          (double)setup.memory);
}

static void
add_control(struct weir_buf *out, const struct weir_control *control)
{
    weir_time now = weir_control_now();
    const struct weir_board *board = control->board;
    gauge(out, "weir_image_generation", "gauge", "of the image in force",
          (double)board->image);
    gauge(out, "weir_overlay_generation", "gauge", "of the overlay in force",
          (double)board->overlay);
    gauge(out, "weir_sources_age_seconds", "gauge",
          "since the sources were last confirmed",
          (double)(now - board->confirmed_us) / 1e6);
    gauge(out, "weir_reloads_total", "counter", "reloads that were taken",
          (double)control->reloads);
    gauge(out, "weir_reload_failures_total", "counter",
          "reloads that were refused", (double)control->reload_failures);
    gauge(out, "weir_up_seconds", "gauge", "since control started",
          (double)(now - control->started) / 1e6);
    head(out, "weir_build_info", "gauge", "the version, as a label");
    weir_buf_addf(out, "weir_build_info{version=\"%s\"} 1\n", WEIR_VERSION);
}

static void
add_credentials(struct weir_buf *out, const struct weir_control *control)
{
    static const struct {
        const char *name;
        const char *type;
        const char *help;
    } rows[] = {
        {"weir_credential_usable", "gauge",
         "1: the origin has a credential that has not ended"},
        {"weir_credential_until_seconds", "gauge",
         "when it ends, 0: it does not"},
        {"weir_credential_renewals_total", "counter",
         "times it was read or fetched"},
        {"weir_credential_failures_total", "counter", "times it could not be"}};
    weir_time now = weir_control_now();
    for (size_t r = 0; r < WEIR_COUNTOF(rows); r++) {
        struct weir_keyring_state state;
        head(out, rows[r].name, rows[r].type, rows[r].help);
        for (size_t i = 0; weir__keyring_state(control, i, now, &state); i++) {
            const double values[] = {
                state.has_secret ? 1 : 0, (double)state.until / 1e6,
                (double)state.renewals, (double)state.failures};
            weir_buf_addf(out, "%s{", rows[r].name);
            label(out, "origin", state.origin);
            weir_buf_addf(out, "} %.17g\n", values[r]);
        }
    }
}

static void
add_telemetry(struct weir_buf *out, struct weir_telemetry *telemetry)
{
    static const struct {
        const char *name;
        const char *type;
        const char *help;
    } rows[] = {{"weir_telemetry_exported_total", "counter",
                 "calls and events that an exporter delivered"},
                {"weir_telemetry_dropped_total", "counter",
                 "those that the other side does not want"},
                {"weir_telemetry_failures_total", "counter",
                 "deliveries that are tried again"},
                {"weir_telemetry_lag_seconds", "gauge",
                 "age of the record that an exporter is at"}};
    struct weir_telemetry_figures figures;
    if (!weir_telemetry_figures_of(telemetry, 0, &figures))
        return;
    for (size_t r = 0; r < WEIR_COUNTOF(rows); r++) {
        head(out, rows[r].name, rows[r].type, rows[r].help);
        for (size_t i = 0; weir_telemetry_figures_of(telemetry, i, &figures);
             i++) {
            const double values[] = {
                (double)figures.exported, (double)figures.dropped,
                (double)figures.failures, (double)figures.lag_us / 1e6};
            weir_buf_addf(out, "%s{", rows[r].name);
            label(out, "exporter", weir_span_of(figures.name));
            weir_buf_addf(out, "} %.17g\n", values[r]);
        }
    }
}

static void
add_watch(struct weir_buf *out, struct weir_watch_live *live)
{
    struct weir_watch_live_shown s;
    weir_watch_live_figures(live, &s);
    gauge(out, "weir_watch_calls_total", "counter",
          "calls counted into the watch's pools", (double)s.calls);
    gauge(out, "weir_watch_again_total", "counter",
          "records of calls that stood in the journal a second time",
          (double)s.again);
    gauge(out, "weir_watch_late_total", "counter",
          "calls that came after their turn", (double)s.late);
    gauge(out, "weir_watch_waiting", "gauge", "calls that wait for their turn",
          (double)s.waiting);
    gauge(out, "weir_watch_verdicts_total", "counter",
          "verdicts said since the start", (double)s.verdicts);
    gauge(out, "weir_watch_subjects", "gauge", "pools on disk",
          (double)s.subjects);
    gauge(out, "weir_watch_subjects_in_memory", "gauge", "pools in memory",
          (double)s.in_memory);
    gauge(out, "weir_watch_evicted_total", "counter",
          "pools that went because there are too many", (double)s.evicted);
    gauge(out, "weir_watch_references_total", "counter", "references frozen",
          (double)s.references);
    gauge(out, "weir_watch_clusters", "gauge",
          "clusters that the last look found", (double)s.clusters);
    gauge(out, "weir_watch_cluster_members", "gauge", "accounts in them",
          (double)s.members);
    gauge(out, "weir_watch_cluster_seconds", "gauge",
          "processor time of the last look", (double)s.cluster_us / 1e6);
    gauge(out, "weir_watch_read_up_to_seconds", "gauge",
          "time of the newest record that was counted",
          (double)s.read_up_to / 1e6);
    gauge(out, "weir_watch_is_current", "gauge",
          "1: the last round did not fail", s.is_current ? 1 : 0);
}

struct shared_figure {
    struct weir_buf *out;
    const char *name;
    bool is_bundles;
};

static bool
add_shared(void *context, const struct weir_share_state *state)
{
    const struct shared_figure *figure = context;
    weir_buf_addf(figure->out, "%s{", figure->name);
    label(figure->out, "exchange", state->name);
    weir_buf_addf(figure->out, "} %u\n",
                  figure->is_bundles ? state->bundles : state->indicators);
    return true;
}

/* What is matched of other operators; nothing where nobody shares. */
static weir_status
add_exchanges(struct weir_buf *out, struct weir_control *control,
              struct weir_error *err)
{
    struct shared_figure bundles = {out, "weir_watch_shared_bundles", true};
    struct shared_figure words = {out, "weir_watch_shared_indicators", false};
    weir_control_lock(control);
    bool is_shared = control->world->exchange_count > 0;
    pthread_mutex_unlock(&control->lock);
    if (!is_shared)
        return WEIR_OK;
    head(out, bundles.name, "gauge", "bundles of an exchange that count");
    weir_status status =
        weir_share_states(control, false, add_shared, &bundles, err);
    head(out, words.name, "gauge", "indicators of them");
    return status == WEIR_OK
               ? weir_share_states(control, false, add_shared, &words, err)
               : status;
}

weir_status
weir_api_metrics(struct weir_api_call *call, struct weir_error *err)
{
    struct weir_api_door *door = call->door;
    struct weir_buf out;
    weir_buf_init(&out, METRICS_BYTES_MAX);
    if (door->ingest != NULL)
        add_ingest(&out, door->ingest);
    if (door->control->watch != NULL)
        add_watch(&out, door->control->watch);
    add_telemetry(&out, door->control->telemetry);
    add_journal(&out, door->control);
    weir_control_lock(door->control);
    add_control(&out, door->control);
    add_credentials(&out, door->control);
    if (door->quota != NULL && door->control->has_image)
        add_budgets(&out, door);
    if (door->quota != NULL && door->control->has_image)
        weir_api_budget_metrics(door, &out);
    if (door->control->has_image)
        add_health(&out, door->control);
    add_cache(&out, door->control);
    if (door->control->has_image)
        weir_api_factor_metrics(&door->control->image, &out);
    if (door->control->has_image)
        add_fair(&out, door->control);
    pthread_mutex_unlock(&door->control->lock);
    weir_status status = add_exchanges(&out, door->control, err);
    if (status != WEIR_OK) {
        weir_buf_fini(&out);
        return status;
    }
    weir_buf_add_byte(&out, '\0');
    if (out.overflow) {
        weir_buf_fini(&out);
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the figures pass 16 MiB");
    }
    call->text = strdup(out.ptr);
    call->content_type = "text/plain; version=0.0.4";
    weir_buf_fini(&out);
    return WEIR_OK;
}
