/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Revenue: what a period came to by country, customer, model and so on,
 * beside the period before it. List prices, as the ledger has them: terms of
 * a contract are of a whole invoice and belong to no country.
 *
 * The period before a period of months are the months before it; before any
 * other it is the same length of time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    {"price_version", WEIR_BY_VERSION,
     offsetof(struct weir_money_sum, version)},
    {"region", WEIR_BY_REGION, offsetof(struct weir_money_sum, region)},
    {"place", WEIR_BY_PLACE, offsetof(struct weir_money_sum, place)},
    {"country", WEIR_BY_COUNTRY, offsetof(struct weir_money_sum, country)},
    {"customer", WEIR_BY_CUSTOMER, offsetof(struct weir_money_sum, customer)},
};

static weir_status
read_groups(weir_span text, uint32_t *by_out, weir_span *tag_out,
            struct weir_error *err)
{
    while (text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma == NULL ? text.len : (size_t)(comma - text.ptr);
        size_t i = 0;
        while (i < WEIR_COUNTOF(groups) &&
               !weir_span_equal((weir_span){text.ptr, len},
                                weir_span_of(groups[i].name)))
            i++;
        if (i == WEIR_COUNTOF(groups) &&
            weir_tag_group((weir_span){text.ptr, len}, tag_out) &&
            tag_out->len > 0)
            *by_out |= WEIR_BY_TAGS;
        else if (i == WEIR_COUNTOF(groups))
            return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                             "'by' lists tenant, project, key, model, "
                             "deployment, price_version, region, place, "
                             "country, customer, tag.NAME, task");
        else
            *by_out |= groups[i].bit;
        len += comma != NULL;
        text = (weir_span){text.ptr + len, text.len - len};
    }
    return WEIR_OK;
}

struct table {
    json_t *rows; /* by the text of their group */
    uint32_t by;
    bool is_before;
};

static json_t *
text_json(weir_span text)
{
    json_t *value = json_stringn(text.ptr == NULL ? "" : text.ptr, text.len);
    return value == NULL ? json_string("") : value;
}

/* The row of a group, made where it is new. NULL: out of memory. */
static json_t *
row_of(struct table *table, const struct weir_money_sum *sum)
{
    json_t *group = json_pack("{s:o}", "currency", text_json(sum->currency));
    for (size_t i = 0; i < WEIR_COUNTOF(groups); i++) {
        weir_span text = *(const weir_span *)(const void *)((const char *)sum +
                                                            groups[i].member);
        if (table->by & groups[i].bit)
            json_object_set_new(group, groups[i].name, text_json(text));
    }
    if (table->by & WEIR_BY_TAGS)
        json_object_set_new(group, "tag", text_json(sum->tags));
    char *name = json_dumps(group, JSON_COMPACT | JSON_SORT_KEYS);
    json_t *row = name == NULL ? NULL : json_object_get(table->rows, name);
    if (name != NULL && row == NULL) {
        row = json_deep_copy(group);
        json_object_update_new(
            row, json_pack("{s:i,s:i,s:i,s:i,s:i,s:i}", "calls", 0, "tokens", 0,
                           "cost_micros", 0, "calls_before", 0, "tokens_before",
                           0, "cost_before_micros", 0));
        json_object_set_new(table->rows, name, row);
    }
    free(name);
    json_decref(group);
    return row;
}

static weir_status
add_sum(void *context, const struct weir_money_sum *sum, struct weir_error *err)
{
    struct table *table = context;
    if (sum->calls == 0)
        return WEIR_OK;
    json_t *row = row_of(table, sum);
    if (row == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    bool is_before = table->is_before;
    json_object_set_new(row, is_before ? "calls_before" : "calls",
                        json_integer((json_int_t)sum->calls));
    json_object_set_new(row, is_before ? "tokens_before" : "tokens",
                        json_integer((json_int_t)(sum->usage.input_tokens +
                                                  sum->usage.output_tokens)));
    json_object_set_new(row, is_before ? "cost_before_micros" : "cost_micros",
                        json_integer(sum->cost));
    return WEIR_OK;
}

/* In parts per million, rounded towards zero; null: nothing was before. */
static json_t *
growth_of(const json_t *row)
{
    int64_t now = json_integer_value(json_object_get(row, "cost_micros"));
    int64_t before =
        json_integer_value(json_object_get(row, "cost_before_micros"));
    if (before <= 0)
        return json_null();
    __int128 growth = (__int128)(now - before) * WEIR_PPM / before;
    return growth > INT64_MAX ? json_null() : json_integer((int64_t)growth);
}

static weir_status
before_of(const struct weir_period *period, weir_time *from_out,
          struct weir_error *err)
{
    char first[WEIR_TIME_TEXT], text[WEIR_TIME_TEXT];
    struct weir_period month;
    int year, of_year;
    *from_out = period->from - (period->to - period->from);
    if (period->months == 0)
        return WEIR_OK;
    weir_time_format(period->from, first);
    if (sscanf(first, "%4d-%2d", &year, &of_year) != 2)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE, "not a period");
    int back = year * 12 + of_year - 1 - (int)period->months;
    snprintf(text, sizeof text, "%04d-%02d", back / 12, back % 12 + 1);
    weir_status status = weir_period_parse(weir_span_of(text), 0, &month, err);
    if (status == WEIR_OK)
        *from_out = month.from;
    return status;
}

weir_status
weir_revenue(struct weir_store *store, weir_span tenant, weir_span period_text,
             weir_span by, json_t **report_out, struct weir_error *err)
{
    struct weir_period period;
    struct table table = {.rows = json_object()};
    struct weir_money_filter filter = {.tenant = tenant};
    weir_status status = weir_period_parse(period_text, 0, &period, err);
    if (status == WEIR_OK)
        status = read_groups(by, &table.by, &filter.tag, err);
    if (status == WEIR_OK)
        status = before_of(&period, &filter.from, err);
    filter.by = table.by;
    filter.to = period.from;
    table.is_before = true;
    if (status == WEIR_OK)
        status = weir_money_sums(store, &filter, add_sum, &table, err);
    filter.from = period.from;
    filter.to = period.to;
    table.is_before = false;
    if (status == WEIR_OK)
        status = weir_money_sums(store, &filter, add_sum, &table, err);
    json_t *list = json_array(), *row;
    const char *name;
    json_object_foreach(table.rows, name, row)
    {
        json_object_set_new(row, "growth_ppm", growth_of(row));
        json_array_append(list, row);
    }
    json_decref(table.rows);
    if (status == WEIR_OK)
        *report_out =
            json_pack("{s:I,s:I,s:o}", "from_us", (json_int_t)period.from,
                      "to_us", (json_int_t)period.to, "rows", list);
    else
        json_decref(list);
    return status;
}
