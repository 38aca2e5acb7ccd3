/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prices: rates, and what changes them.
 *
 *   price: {input: "1.25", output: "10", version: "2026-11", changes: [
 *     {above: 200000, input: "2.5", output: "15"},
 *     {service: batch, input: "0.625", output: "5"},
 *     {hours: "16:30-00:30", input: "0.625"},
 *     {from: 2026-12-01, version: "2026-12", input: "1"}]}
 */
#include "read.h"

#include <string.h>

#define EACH_MOST (INT64_C(1000) * 1000000) /* a picture, a request */

struct price_text {
    weir_micros of[WEIR_RATES]; /* as written; -1: not */
    weir_span version;
    weir_span currency;
    const struct yaml_node *changes;
    struct weir_price_change when;
};

/* ---------------------------------------------------------- conditions */

static void
read_above(struct reader *r, const struct yaml_node *node, void *member)
{
    uint32_t tokens = 0;
    read_u32(r, node, &tokens);
    *(uint64_t *)member = tokens;
}

static void
read_one_service(struct reader *r, const struct yaml_node *node, uint32_t *bits)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    enum weir_service service = weir_service_of(text);
    if (service == WEIR_SERVICE_STANDARD &&
        !weir_span_equal(text, WEIR_SPAN("standard")))
        read_fault(r, node, "Known are standard, batch, flex and priority.",
                   "not a service");
    *bits |= UINT32_C(1) << service;
}

/* One name, or a list of them. */
static void
read_service(struct reader *r, const struct yaml_node *node, void *member)
{
    if (node->kind != YAML_SEQUENCE) {
        read_one_service(r, node, member);
        return;
    }
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_one_service(r, n, member);
}

static bool
two_digits(const char *at, uint32_t most, uint32_t *value_out)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return false;
    *value_out = (uint32_t)((at[0] - '0') * 10 + (at[1] - '0'));
    return *value_out < most;
}

static bool
read_clock(const char *at, uint32_t *minute_out)
{
    uint32_t hour, minute;
    if (!two_digits(at, 24, &hour) || at[2] != ':' ||
        !two_digits(at + 3, 60, &minute))
        return false;
    *minute_out = hour * 60 + minute;
    return true;
}

/* "16:30-00:30": in UTC, the end is not in it. */
static void
read_hours(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_price_change *when = member;
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (text.len != 11 || text.ptr[5] != '-' ||
        !read_clock(text.ptr, &when->minute_from) ||
        !read_clock(text.ptr + 6, &when->minute_until) ||
        when->minute_from == when->minute_until)
        read_fault(r, node, "Write \"16:30-00:30\", in UTC.",
                   "not hours of the day");
}

static void
keep_node(struct reader *r, const struct yaml_node *node, void *member)
{
    (void)r;
    *(const struct yaml_node **)member = node;
}

/* --------------------------------------------------------------- rates */

#define AMOUNT(id, name)                                                       \
    FIELD(name, read_money, struct price_text, of[WEIR_RATE_##id])
#define AMOUNTS                                                                \
    AMOUNT(INPUT, "input"), AMOUNT(CACHED_INPUT, "cached_input"),              \
        AMOUNT(OUTPUT, "output"), AMOUNT(REASONING, "reasoning"),              \
        AMOUNT(CACHE_WRITE, "cache_write"),                                    \
        AMOUNT(CACHE_WRITE_1H, "cache_write_1h"),                              \
        AMOUNT(AUDIO_INPUT, "audio_input"),                                    \
        AMOUNT(AUDIO_CACHED, "audio_cached"),                                  \
        AMOUNT(AUDIO_OUTPUT, "audio_output"),                                  \
        AMOUNT(IMAGE_INPUT, "image_input"),                                    \
        AMOUNT(IMAGE_OUTPUT, "image_output"), AMOUNT(PICTURE, "picture"),      \
        AMOUNT(REQUEST, "request"),                                            \
        FIELD("version", read_text, struct price_text, version)

static const struct price_text nothing = {
    .of = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}};

/* What was written, as rates; pictures and requests come by the piece. */
static uint32_t
take_rates(struct reader *r, const struct yaml_node *node,
           const struct price_text *text, struct weir_price *price_out)
{
    uint32_t stated = 0;
    memset(price_out, 0, sizeof(*price_out));
    for (unsigned i = 0; i < WEIR_RATES; i++) {
        enum weir_rate rate = (enum weir_rate)i;
        weir_micros value = text->of[i];
        if (value < 0)
            continue;
        if (weir_rate_is_by_piece(rate)) {
            if (value > EACH_MOST) {
                read_fault(r, node, "Write what one of them costs.",
                           "a picture or request above 1000");
                continue;
            }
            value *= 1000000;
        }
        *weir_rate_of(price_out, rate) = value;
        stated |= WEIR_RATE_BIT(i);
    }
    return stated;
}

static void
read_change(struct reader *r, const struct yaml_node *node)
{
    static const struct field fields[] = {
        AMOUNTS,
        FIELD("from", read_time, struct price_text, when.from),
        FIELD("until", read_time, struct price_text, when.until),
        FIELD("above", read_above, struct price_text, when.above),
        FIELD("service", read_service, struct price_text, when.services),
        FIELD("hours", read_hours, struct price_text, when),
    };
    struct price_text text = nothing;
    struct weir_world_change *row = weir_world_add_change(r->world);
    uint32_t before = r->faults->total;
    if (row == NULL)
        return;
    text.when.from = INT64_MIN;
    text.when.until = WEIR_TIME_MAX;
    read_fields(r, node, "a change of a price", fields, WEIR_COUNTOF(fields),
                &text);
    row->change = text.when;
    row->change.stated = take_rates(r, node, &text, &row->change.rates);
    row->version = text.version;
    if (r->faults->total != before)
        return;
    if (row->change.stated == 0)
        read_fault(r, node, "Add the rates that are other: input, output, ...",
                   "a change that changes no rate");
    if (text.when.from >= text.when.until)
        read_fault(r, node, "`from` is before `until`.",
                   "a change that ends before it begins");
}

static void
read_changes(struct reader *r, const struct yaml_node *node,
             struct weir_world_range *range_out)
{
    range_out->first = r->world->change_count;
    if (!is_list(r, node, "changes"))
        return;
    if (node->count > WEIR_PRICE_CHANGES_MAX)
        read_fault(r, node, "Put prices that are over into the past's file.",
                   "a price has at most 64 changes");
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_change(r, n);
    range_out->count = r->world->change_count - range_out->first;
}

/* What is not said costs the same as its kind: weir_price_fill(). */
void
read_price_into(struct reader *r, const struct yaml_node *node,
                struct read_price_row *row_out)
{
    static const struct field fields[] = {
        AMOUNTS,
        FIELD("currency", read_text, struct price_text, currency),
        FIELD("changes", keep_node, struct price_text, changes),
    };
    struct price_text text = nothing;
    uint32_t before = r->faults->total;
    read_fields(r, node, "a price", fields, WEIR_COUNTOF(fields), &text);
    row_out->has_price = true;
    row_out->stated = take_rates(r, node, &text, &row_out->price);
    weir_price_fill(&row_out->price, row_out->stated);
    if ((text.of[WEIR_RATE_INPUT] < 0 || text.of[WEIR_RATE_OUTPUT] < 0) &&
        r->faults->total == before)
        read_fault(r, node, "Add the missing one, \"0\" where it is free.",
                   "no price of input or of output");
    if (text.changes != NULL)
        read_changes(r, text.changes, &row_out->changes);
    row_out->version = text.version;
    row_out->currency = text.currency;
}
