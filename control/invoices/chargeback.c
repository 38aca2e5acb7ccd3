/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What calls are charged back to: the ledger summed by tags.
 *
 * A call has several tags, so rows by `tag` overlap and the total is summed
 * by itself. By one tag's values they do not: what lacks it stands under the
 * empty value, and the rows add up to the total.
 *
 * WHY A TASK IS A TAG. A conversation's id is the caller's business and is in
 * no record; what a task is, only the caller knows. He says so: task=T-42.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/tags.h>

#include "control/invoices/invoices.h"

static const struct {
    const char *name;
    uint32_t bit;
    size_t member;
} groups[] = {
    {"tenant", WEIR_BY_TENANT, offsetof(struct weir_money_sum, tenant)},
    {"project", WEIR_BY_PROJECT, offsetof(struct weir_money_sum, project)},
    {"key", WEIR_BY_KEY, offsetof(struct weir_money_sum, key)},
    {"model", WEIR_BY_MODEL, offsetof(struct weir_money_sum, model)},
    {"deployment", WEIR_BY_DEPLOYMENT,
     offsetof(struct weir_money_sum, deployment)},
};

struct table {
    json_t *rows; /* by the text of their group */
    uint32_t by;
    weir_span tag;    /* whose values are rows; empty: every tag is one */
    const char *name; /* of the member that says it */
};

bool
weir_tag_group(weir_span word, weir_span *tag_out)
{
    if (weir_span_equal(word, WEIR_SPAN("task"))) {
        *tag_out = WEIR_SPAN(WEIR_TAG_TASK);
        return true;
    }
    if (weir_span_equal(word, WEIR_SPAN("tag"))) {
        *tag_out = WEIR_SPAN_NONE;
        return true;
    }
    if (!weir_span_starts(word, WEIR_SPAN("tag.")) || word.len == 4)
        return false;
    *tag_out = (weir_span){word.ptr + 4, word.len - 4};
    return true;
}

static weir_status
read_groups(struct table *table, weir_span text, struct weir_error *err)
{
    uint32_t tags = 0;
    while (text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma == NULL ? text.len : (size_t)(comma - text.ptr);
        weir_span word = {text.ptr, len};
        size_t i = 0;
        while (i < WEIR_COUNTOF(groups) &&
               !weir_span_equal(word, weir_span_of(groups[i].name)))
            i++;
        if (i < WEIR_COUNTOF(groups))
            table->by |= groups[i].bit;
        else if (weir_span_equal(word, WEIR_SPAN("day")))
            table->by |= WEIR_BY_DAY;
        else if (weir_tag_group(word, &table->tag) && tags++ == 0)
            table->name =
                weir_span_equal(word, WEIR_SPAN("task")) ? "task" : "tag";
        else
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "'by' lists tenant, project, key, model, "
                             "deployment, day, and one of tag, tag.NAME, task");
        len += comma != NULL;
        text = (weir_span){text.ptr + len, text.len - len};
    }
    table->by |= WEIR_BY_TAGS;
    return WEIR_OK;
}

static json_t *
text_json(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("") : value;
}

static void
add(json_t *row, const char *name, uint64_t value)
{
    json_int_t before = json_integer_value(json_object_get(row, name));
    json_object_set_new(row, name, json_integer(before + (json_int_t)value));
}

static void
add_figures(json_t *row, const struct weir_money_sum *sum)
{
    add(row, "calls", sum->calls);
    add(row, "open", sum->open);
    add(row, "estimated", sum->estimated);
    add(row, "input_tokens", sum->usage.input_tokens);
    add(row, "cached_tokens", sum->usage.cached_tokens);
    add(row, "output_tokens", sum->usage.output_tokens);
    add(row, "reasoning_tokens", sum->usage.reasoning_tokens);
    add(row, "cost_micros", (uint64_t)sum->cost);
}

static weir_status
add_row(struct table *table, const struct weir_money_sum *sum, weir_span tag,
        struct weir_error *err)
{
    json_t *group = json_pack("{s:o,s:o}", "currency", text_json(sum->currency),
                              table->name, text_json(tag));
    for (size_t i = 0; i < WEIR_COUNTOF(groups); i++) {
        weir_span text = *(const weir_span *)(const void *)((const char *)sum +
                                                            groups[i].member);
        if (table->by & groups[i].bit)
            json_object_set_new(group, groups[i].name, text_json(text));
    }
    if (table->by & WEIR_BY_DAY)
        json_object_set_new(group, "day_us", json_integer(sum->day));
    char *name = json_dumps(group, JSON_COMPACT | JSON_SORT_KEYS);
    json_t *row = name == NULL ? NULL : json_object_get(table->rows, name);
    if (name != NULL && row == NULL) {
        row = json_deep_copy(group);
        json_object_set_new(table->rows, name, row);
    }
    free(name);
    json_decref(group);
    if (row == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    add_figures(row, sum);
    return WEIR_OK;
}

static weir_status
add_sum(void *context, const struct weir_money_sum *sum, struct weir_error *err)
{
    struct table *table = context;
    weir_span rest = sum->tags;
    weir_status status = WEIR_OK;
    if (table->tag.len > 0 || rest.len == 0)
        return add_row(table, sum, rest, err);
    while (rest.len > 0 && status == WEIR_OK) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.ptr);
        status = add_row(table, sum, (weir_span){rest.ptr, len}, err);
        len += comma != NULL;
        rest = (weir_span){rest.ptr + len, rest.len - len};
    }
    return status;
}

static weir_status
add_total(void *context, const struct weir_money_sum *sum,
          struct weir_error *err)
{
    json_t *row = json_pack("{s:o}", "currency", text_json(sum->currency));
    if (row == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    add_figures(row, sum);
    json_array_append_new(context, row);
    return WEIR_OK;
}

/* --------------------------------------------------------------- per task */

static int
by_number(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* What named tasks cost; the mean is rounded half up. Of one currency: tasks
 * are of one seller, who keeps one. */
static json_t *
tasks_json(const json_t *rows)
{
    size_t count = 0, index;
    int64_t cost = 0, calls = 0;
    const json_t *row;
    int64_t *costs = calloc(json_array_size(rows) + 1, sizeof *costs);
    if (costs == NULL)
        return json_null();
    json_array_foreach(rows, index, row)
    {
        if (json_string_length(json_object_get(row, "task")) == 0)
            continue;
        costs[count] = json_integer_value(json_object_get(row, "cost_micros"));
        cost += costs[count++];
        calls += json_integer_value(json_object_get(row, "calls"));
    }
    qsort(costs, count, sizeof *costs, by_number);
    int64_t n = (int64_t)count;
    json_t *tasks = json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "tasks", (json_int_t)n, "calls",
        (json_int_t)calls, "cost_micros", (json_int_t)cost, "mean_micros",
        (json_int_t)(n == 0 ? 0 : (cost + n / 2) / n), "middle_micros",
        (json_int_t)(n == 0 ? 0 : costs[(n - 1) / 2]), "p95_micros",
        (json_int_t)(n == 0 ? 0 : costs[(n - 1) * 95 / 100]), "most_micros",
        (json_int_t)(n == 0 ? 0 : costs[n - 1]));
    free(costs);
    return tasks;
}

weir_status
weir_usage_by_tag(struct weir_store *store, weir_span tenant, weir_time from,
                  weir_time to, weir_span by, json_t **report_out,
                  struct weir_error *err)
{
    struct table table = {.rows = json_object(), .name = "tag"};
    struct weir_money_filter filter = {
        .tenant = tenant, .from = from, .to = to};
    json_t *list = json_array(), *total = json_array(), *row;
    const char *name;
    weir_status status = read_groups(&table, by, err);
    filter.by = table.by;
    filter.tag = table.tag;
    if (status == WEIR_OK)
        status = weir_money_sums(store, &filter, add_sum, &table, err);
    filter.by = 0;
    if (status == WEIR_OK)
        status = weir_money_sums(store, &filter, add_total, total, err);
    json_object_foreach(table.rows, name, row) json_array_append(list, row);
    json_decref(table.rows);
    if (status != WEIR_OK) {
        json_decref(list);
        json_decref(total);
        return status;
    }
    *report_out = json_pack("{s:o,s:o}", "rows", list, "total", total);
    if (strcmp(table.name, "task") == 0)
        json_object_set_new(*report_out, "per_task", tasks_json(list));
    return WEIR_OK;
}
