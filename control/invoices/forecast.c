/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spending ahead, by group: the ledger's days (of UTC, whole ones) as series.
 * A group's series begins with its first day, so that a tenant who came last
 * month has no year of nothing behind him.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/forecast.h>
#include <weir/tags.h>

#include "control/invoices/forecast.h"

#define HISTORY_DAYS 800

static const struct {
    const char *name;
    uint32_t bit;
    size_t member;
} groups[] = {
    {"tenant", WEIR_BY_TENANT, offsetof(struct weir_money_sum, tenant)},
    {"project", WEIR_BY_PROJECT, offsetof(struct weir_money_sum, project)},
    {"model", WEIR_BY_MODEL, offsetof(struct weir_money_sum, model)},
    {"deployment", WEIR_BY_DEPLOYMENT,
     offsetof(struct weir_money_sum, deployment)},
    {"customer", WEIR_BY_CUSTOMER, offsetof(struct weir_money_sum, customer)},
};

static weir_status
read_groups(weir_span text, struct weir_money_filter *filter,
            struct weir_error *err)
{
    while (text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma == NULL ? text.len : (size_t)(comma - text.ptr);
        weir_span word = {text.ptr, len};
        size_t i = 0;
        while (i < WEIR_COUNTOF(groups) &&
               !weir_span_equal(word, weir_span_of(groups[i].name)))
            i++;
        if (i < WEIR_COUNTOF(groups))
            filter->by |= groups[i].bit;
        else if (filter->tag.len == 0 && weir_tag_group(word, &filter->tag) &&
                 filter->tag.len > 0)
            filter->by |= WEIR_BY_TAGS;
        else
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "'by' lists tenant, project, model, deployment, "
                             "customer, and one tag.NAME");
        len += comma != NULL;
        text = (weir_span){text.ptr + len, text.len - len};
    }
    return WEIR_OK;
}

/* ----------------------------------------------------------------- series */

struct series {
    json_t *group;
    char *name;
    int64_t *days;
    size_t first; /* day of its first amount; HISTORY_DAYS: none yet */
};

struct weir_series_set {
    struct series *rows;
    size_t count;
    weir_time from;
    size_t days;
};

struct weir_series_set *
weir_series_new(weir_time from, size_t days)
{
    struct weir_series_set *set = calloc(1, sizeof *set);
    if (set != NULL) {
        set->from = from;
        set->days = days;
    }
    return set;
}

void
weir_series_free(struct weir_series_set *set)
{
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        json_decref(set->rows[i].group);
        free(set->rows[i].name);
        free(set->rows[i].days);
    }
    if (set != NULL)
        free(set->rows);
    free(set);
}

/* Takes `group`. */
bool
weir_series_add(struct weir_series_set *set, json_t *group, weir_time day,
                int64_t amount)
{
    char *name = json_dumps(group, JSON_COMPACT | JSON_SORT_KEYS);
    struct series *found = NULL;
    /* Rows come by group: the last is most often the one. */
    for (size_t i = set->count; name != NULL && i > 0 && found == NULL; i--)
        if (strcmp(set->rows[i - 1].name, name) == 0)
            found = &set->rows[i - 1];
    if (found == NULL && name != NULL) {
        struct series *rows =
            realloc(set->rows, (set->count + 1) * sizeof *rows);
        if (rows != NULL) {
            set->rows = rows;
            found = &rows[set->count++];
            *found = (struct series){json_incref(group), strdup(name),
                                     calloc(set->days, sizeof *found->days),
                                     set->days};
        }
    }
    bool is_kept = found != NULL && found->days != NULL && found->name != NULL;
    size_t at = day < set->from ? set->days
                                : (size_t)((day - set->from) / WEIR_US_PER_DAY);
    if (is_kept && at < set->days) {
        found->days[at] += amount;
        if (amount > 0 && at < found->first)
            found->first = at;
    }
    free(name);
    json_decref(group);
    return is_kept;
}

/* --------------------------------------------------------------- forecasts */

static json_t *
ahead_json(const int64_t *past, size_t count, size_t ahead)
{
    struct weir_forecast told;
    json_t *daily = json_array();
    int64_t *room = calloc(ahead, sizeof *room);
    if (room == NULL || daily == NULL) {
        free(room);
        return daily;
    }
    weir_forecast_make(past, count, ahead, room, &told);
    for (size_t i = 0; i < ahead; i++)
        json_array_append_new(daily, json_integer(room[i]));
    free(room);
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:s,s:o}", "total_micros",
                     (json_int_t)told.total, "low_micros", (json_int_t)told.low,
                     "high_micros", (json_int_t)told.high, "weeks",
                     (json_int_t)told.weeks, "origins",
                     (json_int_t)told.origins, "method",
                     told.is_mean ? "mean" : "season and damped trend",
                     "daily_micros", daily);
}

static json_t *
backtest_json(const int64_t *past, size_t count, size_t ahead)
{
    struct weir_backtest test;
    weir_backtest_make(past, count, ahead, 84, 7, &test);
    return json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I}", "origins", (json_int_t)test.origins,
        "error_ppm", (json_int_t)test.error_ppm, "bias_ppm",
        (json_int_t)test.bias_ppm, "inside_ppm", (json_int_t)test.inside_ppm,
        "naive_error_ppm", (json_int_t)test.naive_ppm, "worst_error_ppm",
        (json_int_t)test.worst_ppm);
}

json_t *
weir_series_json(const struct weir_series_set *set, size_t ahead,
                 bool is_backtest)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < set->count; i++) {
        const struct series *one = &set->rows[i];
        size_t count = set->days - one->first;
        const int64_t *past = one->days + one->first;
        json_t *row = json_deep_copy(one->group);
        json_t *told = is_backtest ? backtest_json(past, count, ahead)
                                   : ahead_json(past, count, ahead);
        json_object_set_new(row, "past_days", json_integer((json_int_t)count));
        json_object_update(row, told);
        json_decref(told);
        json_array_append_new(rows, row);
    }
    return json_pack(
        "{s:I,s:I,s:o}", "from_us",
        (json_int_t)(set->from + (weir_time)set->days * WEIR_US_PER_DAY),
        "days", (json_int_t)ahead, "rows", rows);
}

struct reading {
    struct weir_series_set *set;
    uint32_t by;
};

static json_t *
text_json(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("") : value;
}

static weir_status
add_sum(void *context, const struct weir_money_sum *sum, struct weir_error *err)
{
    struct reading *reading = context;
    if (sum->cost == 0)
        return WEIR_OK;
    json_t *group = json_pack("{s:o}", "currency", text_json(sum->currency));
    for (size_t i = 0; i < WEIR_COUNTOF(groups); i++) {
        weir_span text = *(const weir_span *)(const void *)((const char *)sum +
                                                            groups[i].member);
        if (reading->by & groups[i].bit)
            json_object_set_new(group, groups[i].name, text_json(text));
    }
    if (reading->by & WEIR_BY_TAGS)
        json_object_set_new(group, "tag", text_json(sum->tags));
    return weir_series_add(reading->set, group, sum->day, sum->cost)
               ? WEIR_OK
               : weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
}

weir_status
weir_forecast_report(struct weir_store *store, weir_span tenant, weir_span by,
                     weir_time now, size_t ahead, bool is_backtest,
                     json_t **report_out, struct weir_error *err)
{
    struct weir_money_filter filter = {.tenant = tenant, .by = WEIR_BY_DAY};
    if (ahead == 0 || ahead > WEIR_FORECAST_DAYS_MAX)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "'days' is 1 to %d", WEIR_FORECAST_DAYS_MAX);
    weir_status status = read_groups(by, &filter, err);
    if (status != WEIR_OK)
        return status;
    filter.to = now - now % WEIR_US_PER_DAY;
    filter.from = filter.to - HISTORY_DAYS * WEIR_US_PER_DAY;
    struct reading reading = {weir_series_new(filter.from, HISTORY_DAYS),
                              filter.by};
    if (reading.set == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    status = weir_money_sums(store, &filter, add_sum, &reading, err);
    if (status == WEIR_OK)
        *report_out = weir_series_json(reading.set, ahead, is_backtest);
    weir_series_free(reading.set);
    return status;
}
