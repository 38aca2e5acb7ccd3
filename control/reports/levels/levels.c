/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service levels, from what callers were told and from what each deployment
 * did, held against the objectives of the configuration.
 *
 * WHOSE AVAILABILITY. A caller does not care which of three deployments
 * failed when the fourth answered, so routes and tenants count calls, and
 * deployments count attempts: what was sent there and how it came back. One
 * call of a route can thus be good while a deployment has a bad attempt.
 *
 * GOOD, BAD, NEITHER. A refusal by policy, budget or filter and a client's
 * own mistake say nothing of availability: they are in no ratio. Bad is what
 * broke: the origin's 408, 429 and 5xx, a reply that was cut, nobody reached,
 * a worker that died, and refusals because all deployments were out, resting
 * or full, because nothing could be recorded, or because weir was overloaded.
 *
 * QUANTILES are of a histogram whose steps are 1/64 of an octave; what is
 * said is the upper end of the step, so it is never better than it was and
 * at most 1.6 % worse.
 *
 * AN OUTAGE is a run of minutes in each of which more was bad than good.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/route.h>

#include "control/reports/parts.h"

const struct weir_report_section weir__report_levels_sections[] = {
    {"objectives", "Objectives",
     "objective scope name measure target measured state #calls #budget_left"},
    {"levels", "Levels",
     "scope name #calls #good #bad #excluded availability #p50_ms #p95_ms "
     "#p99_ms #ttft_p50_ms #ttft_p95_ms"},
    {"outages", "Minutes in which more was bad than good",
     "scope name from to #minutes #bad #good"},
    {NULL, NULL, NULL}};

#define OCTAVES    40
#define STEPS      64
#define BUCKETS    (OCTAVES * STEPS)
#define MINUTE     (60 * WEIR_US_PER_SEC)
#define GROUPS_MAX 5000

struct histogram {
    uint32_t counts[BUCKETS];
    uint64_t count;
};

enum scope { ALL, DEPLOYMENT, ROUTE, TENANT };
static const char *const scope_names[] = {"all", "deployment", "route",
                                          "tenant"};

struct group {
    enum scope scope;
    char *name;
    uint64_t good, bad, excluded;
    struct histogram total, first_byte;
    weir_time minute; /* being counted */
    uint64_t minute_good, minute_bad;
    weir_time outage_from, outage_to; /* 0: none */
    uint64_t outage_good, outage_bad;
};

struct levels {
    const struct weir_report_ask *ask;
    struct weir__report_journal journal;
    struct group **groups;
    size_t count;
    json_t *index; /* "scope name" to its number */
    json_t *outages;
    json_int_t unread;
};

/* --------------------------------------------------------------- histogram */

static size_t
bucket_of(uint64_t value)
{
    if (value < STEPS)
        return (size_t)value;
    unsigned octave = 63U - (unsigned)__builtin_clzll(value);
    size_t at = ((size_t)octave - 5) * STEPS +
                (size_t)((value >> (octave - 6)) & (STEPS - 1));
    return at < BUCKETS ? at : BUCKETS - 1;
}

/* The largest value of a bucket. */
static uint64_t
top_of(size_t bucket)
{
    if (bucket < STEPS)
        return bucket;
    uint64_t octave = bucket / STEPS + 5;
    uint64_t step = UINT64_C(1) << (octave - 6);
    return (UINT64_C(1) << octave) + (bucket % STEPS + 1) * step - 1;
}

static void
note(struct histogram *histogram, uint64_t value)
{
    histogram->counts[bucket_of(value)]++;
    histogram->count++;
}

/* Of a thousand; 0 where there is nothing. */
static uint64_t
quantile(const struct histogram *histogram, uint64_t of_thousand)
{
    uint64_t wanted = (histogram->count * of_thousand + 999) / 1000, seen = 0;
    for (size_t i = 0; i < BUCKETS && histogram->count > 0; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted && seen > 0)
            return top_of(i);
    }
    return 0;
}

/* ------------------------------------------------------------------ groups */

static struct group *
group_of(struct levels *levels, enum scope scope, weir_span name,
         struct weir_error *err)
{
    char key[700];
    snprintf(key, sizeof key, "%d %.*s", (int)scope, WEIR_SPAN_ARG(name));
    const json_t *known = json_object_get(levels->index, key);
    if (known != NULL)
        return levels->groups[json_integer_value(known)];
    struct group *group =
        levels->count < GROUPS_MAX ? calloc(1, sizeof *group) : NULL;
    if (group != NULL)
        group->name = strndup(name.ptr == NULL ? "" : name.ptr, name.len);
    if (group == NULL || group->name == NULL) {
        free(group);
        (void)weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                        "too many names for one report: ask for one tenant");
        return NULL;
    }
    group->scope = scope;
    levels->groups[levels->count] = group;
    json_object_set_new_nocheck(levels->index, key,
                                json_integer((json_int_t)levels->count++));
    return group;
}

static void
end_outage(struct levels *levels, struct group *group)
{
    if (group->outage_from == 0)
        return;
    json_array_append_new(
        levels->outages,
        json_pack(
            "{s:s,s:s,s:o,s:o,s:I,s:I,s:I}", "scope", scope_names[group->scope],
            "name", group->name, "from", weir__report_time(group->outage_from),
            "to", weir__report_time(group->outage_to), "minutes",
            (json_int_t)((group->outage_to - group->outage_from) / MINUTE),
            "bad", (json_int_t)group->outage_bad, "good",
            (json_int_t)group->outage_good));
    group->outage_from = 0;
    group->outage_good = 0;
    group->outage_bad = 0;
}

static void
end_minute(struct levels *levels, struct group *group)
{
    bool is_out = group->minute_bad > group->minute_good;
    bool is_next = group->outage_to == group->minute;
    if (!is_out || !is_next)
        end_outage(levels, group);
    if (is_out) {
        if (group->outage_from == 0)
            group->outage_from = group->minute;
        group->outage_to = group->minute + MINUTE;
        group->outage_bad += group->minute_bad;
        group->outage_good += group->minute_good;
    }
    group->minute_good = 0;
    group->minute_bad = 0;
}

enum worth { GOOD, BAD, NEITHER };

/* Calls come nearly in order; one that is a little late is counted in the
 * minute that is open. */
static void
count(struct levels *levels, struct group *group, enum worth worth,
      weir_time when)
{
    weir_time minute = when - when % MINUTE;
    group->good += worth == GOOD;
    group->bad += worth == BAD;
    group->excluded += worth == NEITHER;
    if (minute > group->minute) {
        end_minute(levels, group);
        group->minute = minute;
    }
    group->minute_good += worth == GOOD;
    group->minute_bad += worth == BAD;
}

/* ------------------------------------------------------------------- calls */

static bool
is_bad_status(uint32_t status)
{
    return status >= 500 || status == 408 || status == 429;
}

static enum worth
worth_of_call(const struct weir_store_call *call)
{
    if (call->state == WEIR_CALL_REFUSED) {
        switch ((enum weir_reason)call->reason) {
        case WEIR_REASON_NO_RECORD:
        case WEIR_REASON_OVERLOADED:
        case WEIR_REASON_EJECTED:
        case WEIR_REASON_RESTING:
        case WEIR_REASON_FULL:
        case WEIR_REASON_POLICY_ERROR:
            return BAD;
        default:
            return NEITHER;
        }
    }
    switch ((enum weir_ending)call->ending) {
    case WEIR_END_COMPLETE:
    case WEIR_END_CLIENT_LEFT:
    case WEIR_END_FILTERED:
        return GOOD;
    case WEIR_END_ORIGIN_ERROR:
        return is_bad_status(call->http_status) ? BAD : NEITHER;
    case WEIR_END_WITHDRAWN:
    case WEIR_END_STOPPED:
        return NEITHER;
    default:
        return BAD;
    }
}

static enum worth
worth_of_attempt(const struct weir_record_attempt *attempt, bool is_last,
                 uint32_t ending)
{
    switch ((enum weir_attempt_end)attempt->failure) {
    case WEIR_ATTEMPT_REPLIED:
        if (is_bad_status(attempt->http_status))
            return BAD;
        if (attempt->http_status >= 400)
            return NEITHER;
        return is_last && ending == WEIR_END_CUT ? BAD : GOOD;
    case WEIR_ATTEMPT_REFUSED:
    case WEIR_ATTEMPT_SLOW_OPEN:
    case WEIR_ATTEMPT_SLOW_HEAD:
    case WEIR_ATTEMPT_BROKEN:
        return BAD;
    default:
        return NEITHER; /* nothing was sent there */
    }
}

static weir_status
count_attempts(struct levels *levels, const struct weir_store_call *call,
               struct weir_error *err)
{
    struct weir_record record;
    struct weir_record_outcome outcome;
    if (weir__report_record(&levels->journal, &call->last, &record, NULL) !=
            WEIR_OK ||
        record.kind != WEIR_RECORD_OUTCOME ||
        weir_record_get_outcome(record.payload, &outcome, NULL) != WEIR_OK) {
        levels->unread++;
        return WEIR_OK;
    }
    for (uint32_t i = 0; i < outcome.attempt_count; i++) {
        struct group *group =
            group_of(levels, DEPLOYMENT, outcome.attempts[i].deployment, err);
        if (group == NULL)
            return WEIR_ENOMEM;
        count(levels, group,
              worth_of_attempt(&outcome.attempts[i],
                               i + 1 == outcome.attempt_count, outcome.ending),
              call->decided);
    }
    return WEIR_OK;
}

static weir_status
on_call(void *context, const struct weir_store_call *call,
        struct weir_error *err)
{
    struct levels *levels = context;
    if (call->state == WEIR_CALL_OPEN || call->key.len == 0)
        return WEIR_OK; /* not over; or nobody's */
    enum worth worth = worth_of_call(call);
    struct group *groups[4] = {
        group_of(levels, ALL, WEIR_SPAN(""), err),
        call->asked.len == 0 ? NULL : group_of(levels, ROUTE, call->asked, err),
        group_of(levels, TENANT, call->tenant, err),
        call->deployment.len == 0
            ? NULL
            : group_of(levels, DEPLOYMENT, call->deployment, err)};
    if (groups[0] == NULL || groups[2] == NULL)
        return WEIR_ENOMEM;
    for (int i = 0; i < 4; i++) {
        if (groups[i] == NULL)
            continue;
        if (groups[i]->scope != DEPLOYMENT)
            count(levels, groups[i], worth, call->decided);
        if (worth == GOOD && call->ending == WEIR_END_COMPLETE) {
            note(&groups[i]->total, call->total_us);
            note(&groups[i]->first_byte, call->first_byte_us);
        }
    }
    return call->last.segment == 0 ? WEIR_OK
                                   : count_attempts(levels, call, err);
}

/* ------------------------------------------------------------------- reply */

static void
percent(uint64_t good, uint64_t bad, char text_out[24])
{
    uint64_t all = good + bad;
    uint64_t ppm = all == 0 ? 0 : good * 1000000 / all;
    if (all == 0)
        memcpy(text_out, "-", 2);
    else
        snprintf(text_out, 24, "%llu.%04llu%%", (unsigned long long)ppm / 10000,
                 (unsigned long long)ppm % 10000);
}

static int64_t
ms_of(const struct histogram *histogram, uint64_t of_thousand)
{
    return (int64_t)((quantile(histogram, of_thousand) + 999) / 1000);
}

static json_t *
levels_json(struct levels *levels)
{
    json_t *list = json_array();
    for (int scope = ALL; scope <= TENANT; scope++) {
        for (size_t i = 0; i < levels->count; i++) {
            const struct group *g = levels->groups[i];
            char available[24];
            if ((int)g->scope != scope)
                continue;
            percent(g->good, g->bad, available);
            json_array_append_new(
                list,
                json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:s,s:I,s:I,s:I,s:I,s:I}",
                          "scope", scope_names[scope], "name", g->name, "calls",
                          (json_int_t)(g->good + g->bad + g->excluded), "good",
                          (json_int_t)g->good, "bad", (json_int_t)g->bad,
                          "excluded", (json_int_t)g->excluded, "availability",
                          available, "p50_ms", ms_of(&g->total, 500), "p95_ms",
                          ms_of(&g->total, 950), "p99_ms",
                          ms_of(&g->total, 990), "ttft_p50_ms",
                          ms_of(&g->first_byte, 500), "ttft_p95_ms",
                          ms_of(&g->first_byte, 950)));
        }
    }
    return list;
}

static void
add_objective(json_t *list, const struct weir_world_objective *o,
              const struct group *g, enum scope scope, weir_span name,
              const char *measure, const char *target, const char *measured,
              bool is_met, int64_t budget_left)
{
    uint64_t calls = g == NULL ? 0 : g->good + g->bad;
    json_t *row =
        json_pack("{s:o,s:s,s:o,s:s,s:s,s:s,s:s,s:I}", "objective",
                  weir__report_text(o->name), "scope", scope_names[scope],
                  "name", weir__report_text(name), "measure", measure, "target",
                  target, "measured", calls == 0 ? "-" : measured, "state",
                  calls == 0 ? "no calls"
                  : is_met   ? "met"
                             : "missed",
                  "calls", (json_int_t)calls);
    if (strcmp(measure, "availability") == 0)
        json_object_set_new(row, "budget_left", json_integer(budget_left));
    json_array_append_new(list, row);
}

static void
hold_against(json_t *list, const struct weir_world_objective *o,
             const struct group *g, enum scope scope, weir_span name)
{
    static const struct group nothing;
    const struct group *has = g == NULL ? &nothing : g;
    const struct {
        const char *measure;
        uint32_t most_ms;
        const struct histogram *histogram;
        uint64_t of_thousand;
    } times[] = {{"p95", o->p95_ms, &has->total, 950},
                 {"p99", o->p99_ms, &has->total, 990},
                 {"ttft p95", o->ttft_p95_ms, &has->first_byte, 950}};
    char target[32], measured[32];
    if (o->availability_ppm != 0) {
        uint64_t calls = has->good + has->bad;
        uint64_t allowed = calls * (1000000 - o->availability_ppm) / 1000000;
        percent(has->good, has->bad, measured);
        percent(o->availability_ppm, 1000000 - o->availability_ppm, target);
        add_objective(list, o, g, scope, name, "availability", target, measured,
                      has->good * 1000000 >= calls * o->availability_ppm,
                      (int64_t)allowed - (int64_t)has->bad);
    }
    for (size_t i = 0; i < WEIR_COUNTOF(times); i++) {
        int64_t ms = ms_of(times[i].histogram, times[i].of_thousand);
        if (times[i].most_ms == 0)
            continue;
        snprintf(target, sizeof target, "%u ms", times[i].most_ms);
        snprintf(measured, sizeof measured, "%lld ms", (long long)ms);
        add_objective(list, o, g, scope, name, times[i].measure, target,
                      measured, ms <= (int64_t)times[i].most_ms, 0);
    }
}

static json_t *
objectives_json(struct levels *levels)
{
    struct weir_control *control = levels->ask->control;
    json_t *list = json_array();
    weir_control_lock(control);
    const struct weir_world *world = control->world;
    for (uint32_t i = 0; i < world->objective_count; i++) {
        const struct weir_world_objective *o = &world->objective_rows[i];
        enum scope scope = o->deployment.text.len > 0 ? DEPLOYMENT
                           : o->route.len > 0         ? ROUTE
                           : o->tenant.text.len > 0   ? TENANT
                                                      : ALL;
        weir_span name = scope == DEPLOYMENT ? o->deployment.text
                         : scope == ROUTE    ? o->route
                         : scope == TENANT   ? o->tenant.text
                                             : WEIR_SPAN("");
        const struct group *found = NULL;
        for (size_t j = 0; j < levels->count; j++) {
            if (levels->groups[j]->scope == scope &&
                weir_span_equal(weir_span_of(levels->groups[j]->name), name))
                found = levels->groups[j];
        }
        hold_against(list, o, found, scope, name);
    }
    pthread_mutex_unlock(&control->lock);
    return list;
}

weir_status
weir__report_levels(const struct weir_report_ask *ask, json_t *report,
                    struct weir_error *err)
{
    struct levels levels = {
        .ask = ask,
        .journal = {.directory = ask->control->paths.journal},
        .groups = calloc(GROUPS_MAX, sizeof(struct group *)),
        .index = json_object(),
        .outages = json_array()};
    weir_status status =
        levels.groups == NULL
            ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
            : weir__report_calls(ask, on_call, &levels, err);
    for (size_t i = 0; status == WEIR_OK && i < levels.count; i++) {
        end_minute(&levels, levels.groups[i]);
        end_outage(&levels, levels.groups[i]);
    }
    if (status == WEIR_OK) {
        json_object_set_new(
            report, "summary",
            json_pack("{s:I}", "records_unread", levels.unread));
        json_object_set_new(report, "objectives", objectives_json(&levels));
        json_object_set_new(report, "levels", levels_json(&levels));
        json_object_set(report, "outages", levels.outages);
    }
    for (size_t i = 0; i < levels.count; i++) {
        free(levels.groups[i]->name);
        free(levels.groups[i]);
    }
    free(levels.groups);
    json_decref(levels.index);
    json_decref(levels.outages);
    weir__report_journal_fini(&levels.journal);
    return status;
}
