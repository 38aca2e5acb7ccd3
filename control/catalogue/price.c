/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prices as publishers write them.
 *
 *   models.dev     cost: {input, output, cache_read, ..., tiers: [
 *                    {tier: {size: 200000}, input, output, ...}]}
 *   genai-prices   prices: {input_mtok: 3, output_mtok: {base: 15, tiers: [
 *                    {start: 200000, price: 22.5}]}}, or a list of them with
 *                    a constraint each, of which the last that holds counts
 *
 * Numbers may have been computed in binary ("0.19999999999999998"). They are
 * rounded to the nearest micro-unit, of which a price per million tokens never
 * has a meaningful fraction; what is kept from then on is whole.
 *
 * WHY A CONSTRAINED PRICE STATES EVERYTHING. There it takes the place of the
 * others; here a change is laid over them. So it gets every rate that any of
 * them states, its defaults filled in.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "control/catalogue/parts.h"

#define PRICE_MOST 1000000.0 /* per million tokens */

struct term {
    const char *name;
    enum weir_rate rate;
    double scale; /* to a price per million */
};

static const struct term models_dev[] = {
    {"input", WEIR_RATE_INPUT, 1},
    {"output", WEIR_RATE_OUTPUT, 1},
    {"cache_read", WEIR_RATE_CACHED_INPUT, 1},
    {"cached_input", WEIR_RATE_CACHED_INPUT, 1},
    {"cache_input", WEIR_RATE_CACHED_INPUT, 1},
    {"cache_write", WEIR_RATE_CACHE_WRITE, 1},
    {"cached_write", WEIR_RATE_CACHE_WRITE, 1},
    {"reasoning", WEIR_RATE_REASONING, 1},
    {"input_audio", WEIR_RATE_AUDIO_INPUT, 1},
    {"output_audio", WEIR_RATE_AUDIO_OUTPUT, 1},
    {"image", WEIR_RATE_IMAGE_OUTPUT, 1},
};

static const struct term genai_prices[] = {
    {"input_mtok", WEIR_RATE_INPUT, 1},
    {"output_mtok", WEIR_RATE_OUTPUT, 1},
    {"cache_read_mtok", WEIR_RATE_CACHED_INPUT, 1},
    {"cache_write_mtok", WEIR_RATE_CACHE_WRITE, 1},
    {"cache_write_1h_mtok", WEIR_RATE_CACHE_WRITE_1H, 1},
    {"output_reasoning_mtok", WEIR_RATE_REASONING, 1},
    {"input_audio_mtok", WEIR_RATE_AUDIO_INPUT, 1},
    {"cache_audio_read_mtok", WEIR_RATE_AUDIO_CACHED, 1},
    {"output_audio_mtok", WEIR_RATE_AUDIO_OUTPUT, 1},
    {"input_image_mtok", WEIR_RATE_IMAGE_INPUT, 1},
    {"output_image_mtok", WEIR_RATE_IMAGE_OUTPUT, 1},
    {"requests_kcount", WEIR_RATE_REQUEST, 1000},
};

static bool
read_amount(const json_t *value, double scale, weir_micros *value_out)
{
    double number = json_number_value(value) * scale;
    if (!json_is_number(value) || !(number >= 0 && number <= PRICE_MOST))
        return false;
    *value_out = (weir_micros)llround(number * 1e6);
    return true;
}

/* The rates of one object; members that are no rate are left out. */
static uint32_t
read_rates(const json_t *from, const struct term *terms, size_t count,
           struct weir_price *price_out)
{
    uint32_t stated = 0;
    memset(price_out, 0, sizeof *price_out);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(from, terms[i].name);
        if (json_is_object(value))
            value = json_object_get(value, "base");
        if ((stated & WEIR_RATE_BIT(terms[i].rate)) == 0 &&
            read_amount(value, terms[i].scale,
                        weir_rate_of(price_out, terms[i].rate)))
            stated |= WEIR_RATE_BIT(terms[i].rate);
    }
    return stated;
}

/* Members that mean money and have no rate here. */
static bool
has_untaken(const json_t *from, const struct term *terms, size_t count)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)from, name, value)
    {
        size_t i = 0;
        while (i < count && strcmp(terms[i].name, name) != 0)
            i++;
        if (i == count && (json_is_number(value) || json_is_object(value)) &&
            strcmp(name, "context_over_200k") != 0)
            return true;
    }
    return false;
}

static struct weir_price_change *
add_change(struct weir_catalogue_rows *rows, struct weir_catalogue_row *row)
{
    struct weir_world_change *change = weir_world_add_change(rows->world);
    if (change == NULL)
        return NULL;
    if (row->changes.count++ == 0)
        row->changes.first = rows->world->change_count - 1;
    change->change.from = INT64_MIN;
    change->change.until = WEIR_TIME_MAX;
    return &change->change;
}

/* -------------------------------------------------------------- models.dev */

static void
add_tier(struct weir_catalogue_rows *rows, struct weir_catalogue_row *row,
         const json_t *from, json_int_t above)
{
    struct weir_price price;
    uint32_t stated =
        read_rates(from, models_dev, WEIR_COUNTOF(models_dev), &price);
    if (stated == 0 || above <= 0 ||
        row->changes.count == WEIR_PRICE_CHANGES_MAX)
        return;
    struct weir_price_change *change = add_change(rows, row);
    if (change == NULL)
        return;
    change->above = (uint64_t)above;
    change->stated = stated;
    change->rates = price;
}

void
weir__catalogue_read_cost(struct weir_catalogue_rows *rows, const json_t *cost,
                          struct weir_catalogue_row *row)
{
    const json_t *tiers = json_object_get(cost, "tiers"), *tier;
    const json_t *over = json_object_get(cost, "context_over_200k");
    const uint32_t both =
        WEIR_RATE_BIT(WEIR_RATE_INPUT) | WEIR_RATE_BIT(WEIR_RATE_OUTPUT);
    size_t index;
    row->stated =
        read_rates(cost, models_dev, WEIR_COUNTOF(models_dev), &row->price);
    if ((row->stated & both) != both)
        return;
    row->has_price = true;
    weir_price_fill(&row->price, row->stated);
    rows->counts->untaken +=
        has_untaken(cost, models_dev, WEIR_COUNTOF(models_dev));
    json_array_foreach(tiers, index, tier)
    {
        const json_t *size =
            json_object_get(json_object_get(tier, "tier"), "size");
        add_tier(rows, row, tier, json_integer_value(size));
    }
    if (tiers == NULL && over != NULL)
        add_tier(rows, row, over, 200000);
    rows->counts->tiered += row->changes.count > 0;
}

/* ------------------------------------------------------------ genai-prices */

#define STARTS_MAX 8

/* Where tiers begin, ascending. */
static size_t
find_starts(const json_t *prices, int64_t starts[STARTS_MAX])
{
    size_t count = 0, index;
    const char *name;
    json_t *value, *tier;
    json_object_foreach((json_t *)prices, name, value)
    {
        json_array_foreach(json_object_get(value, "tiers"), index, tier)
        {
            int64_t start = json_integer_value(json_object_get(tier, "start"));
            size_t at = count;
            while (at > 0 && starts[at - 1] > start)
                at--;
            if (start <= 0 || count == STARTS_MAX ||
                (at > 0 && starts[at - 1] == start))
                continue;
            memmove(starts + at + 1, starts + at,
                    (count - at) * sizeof *starts);
            starts[at] = start;
            count++;
        }
    }
    return count;
}

/* The price of calls with more than `start` input tokens; 0: of the others. */
static uint32_t
read_tier(const json_t *prices, int64_t start, struct weir_price *price_out)
{
    uint32_t stated =
        read_rates(prices, genai_prices, WEIR_COUNTOF(genai_prices), price_out);
    for (size_t i = 0; i < WEIR_COUNTOF(genai_prices) && start > 0; i++) {
        const struct term *term = &genai_prices[i];
        const json_t *tiers =
            json_object_get(json_object_get(prices, term->name), "tiers");
        const json_t *tier;
        size_t index;
        json_array_foreach(tiers, index, tier)
        {
            if (json_integer_value(json_object_get(tier, "start")) <= start &&
                read_amount(json_object_get(tier, "price"), term->scale,
                            weir_rate_of(price_out, term->rate)))
                stated |= WEIR_RATE_BIT(term->rate);
        }
    }
    return stated;
}

static bool
read_minute(const json_t *value, uint32_t *minute_out)
{
    const char *text = json_string_value(value);
    unsigned hour, minute;
    if (text == NULL || sscanf(text, "%2u:%2u", &hour, &minute) != 2 ||
        hour > 23 || minute > 59)
        return false;
    *minute_out = hour * 60 + minute;
    return true;
}

/* False: something this build does not know. */
static bool
read_constraint(struct weir_catalogue_rows *rows, const json_t *constraint,
                struct weir_price_change *change)
{
    const json_t *date = json_object_get(constraint, "start_date");
    const json_t *start = json_object_get(constraint, "start_time");
    if (constraint == NULL || json_is_null(constraint))
        return true;
    if (date != NULL) {
        const char *text = json_string_value(date);
        weir_time when;
        if (text == NULL || !weir_time_parse(weir_span_of(text), &when))
            return false;
        if (strlen(text) == 10 && strcmp(text, rows->counts->newest) > 0)
            memcpy(rows->counts->newest, text, 11);
        change->from = when;
        return true;
    }
    return start != NULL && read_minute(start, &change->minute_from) &&
           read_minute(json_object_get(constraint, "end_time"),
                       &change->minute_until);
}

/* One price of the list and its tiers; `stated` are the rates of all of
 * them. The first without tier is the row's own. */
static void
add_prices(struct weir_catalogue_rows *rows, struct weir_catalogue_row *row,
           const json_t *prices, const json_t *constraint, uint32_t stated)
{
    int64_t starts[STARTS_MAX];
    size_t count = find_starts(prices, starts);
    for (size_t i = 0; i <= count; i++) {
        struct weir_price_change when = {.from = INT64_MIN,
                                         .until = WEIR_TIME_MAX};
        struct weir_price price;
        uint32_t own = read_tier(prices, i == 0 ? 0 : starts[i - 1], &price);
        weir_price_fill(&price, own);
        if (!row->has_price) {
            row->price = price;
            row->stated = own;
            row->has_price = true;
            continue;
        }
        if (!read_constraint(rows, constraint, &when)) {
            rows->counts->untaken++;
            return;
        }
        if (row->changes.count == WEIR_PRICE_CHANGES_MAX)
            return;
        struct weir_price_change *change = add_change(rows, row);
        if (change == NULL)
            return;
        *change = when;
        change->above = i == 0 ? 0 : (uint64_t)starts[i - 1];
        change->stated = stated;
        change->rates = price;
    }
    rows->counts->tiered += count > 0;
}

void
weir__catalogue_read_prices(struct weir_catalogue_rows *rows,
                            const json_t *prices,
                            struct weir_catalogue_row *row)
{
    const uint32_t both =
        WEIR_RATE_BIT(WEIR_RATE_INPUT) | WEIR_RATE_BIT(WEIR_RATE_OUTPUT);
    uint32_t stated = 0;
    size_t count = json_is_array(prices) ? json_array_size(prices) : 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *one =
            json_is_array(prices) ? json_array_get(prices, i) : prices;
        const json_t *of =
            json_is_array(prices) ? json_object_get(one, "prices") : one;
        struct weir_price price;
        uint32_t own = read_tier(of, INT64_MAX, &price);
        /* What takes no input or makes no output has no price of it. */
        if ((own & both) == 0)
            return;
        stated |= own | both;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *one =
            json_is_array(prices) ? json_array_get(prices, i) : prices;
        const json_t *of =
            json_is_array(prices) ? json_object_get(one, "prices") : one;
        rows->counts->untaken +=
            has_untaken(of, genai_prices, WEIR_COUNTOF(genai_prices));
        add_prices(rows, row, of,
                   json_is_array(prices) ? json_object_get(one, "constraint")
                                         : NULL,
                   stated);
    }
    row->stated |= both;
}
