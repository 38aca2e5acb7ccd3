/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the ledger, a histogram for each deployment.
 *
 * Times fall into buckets of an eighth of a power of two, so a figure is at
 * most 12.5 % above the true one, and a million calls take no more memory
 * than ten.
 */
#include "control/catalogue/reliability.h"

#include <string.h>

#define PARTS   8u
#define BUCKETS (64u * PARTS)
#define FIGURES 2

static const uint32_t percents[FIGURES] = {50, 95};

struct histogram {
    uint32_t counts[BUCKETS];
    uint64_t all;
};

struct counting {
    struct weir_arena *arena;
    struct weir_reliability *rows;
    struct histogram *first_bytes;
    struct histogram *totals;
    uint32_t count;
    uint32_t capacity;
};

static uint32_t
bucket_of(uint64_t value)
{
    if (value < PARTS)
        return (uint32_t)value;
    uint32_t bits = 63u - (uint32_t)__builtin_clzll(value);
    return (bits - 2) * PARTS + (uint32_t)(value >> (bits - 3) & (PARTS - 1));
}

/* The greatest value of a bucket. */
static uint64_t
top_of(uint32_t bucket)
{
    if (bucket < PARTS)
        return bucket;
    uint32_t bits = bucket / PARTS + 2;
    uint64_t part = bucket % PARTS;
    return ((PARTS + part + 1) << (bits - 3)) - 1;
}

static void
note(struct histogram *histogram, uint64_t value)
{
    histogram->counts[bucket_of(value)]++;
    histogram->all++;
}

static uint64_t
figure(const struct histogram *histogram, uint32_t percent)
{
    uint64_t wanted = (histogram->all * percent + 99) / 100;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < BUCKETS && wanted > 0; i++) {
        seen += histogram->counts[i];
        if (seen >= wanted)
            return top_of(i);
    }
    return 0;
}

static void *
longer(struct weir_arena *arena, const void *rows, size_t size, uint32_t count,
       uint32_t capacity)
{
    void *grown = weir_arena_alloc_array(arena, size, capacity);
    if (grown != NULL && count > 0)
        memcpy(grown, rows, size * count);
    return grown;
}

static bool
grow(struct counting *c)
{
    uint32_t more = c->capacity == 0 ? 32 : c->capacity * 2;
    c->rows = longer(c->arena, c->rows, sizeof *c->rows, c->count, more);
    c->first_bytes = longer(c->arena, c->first_bytes, sizeof *c->first_bytes,
                            c->count, more);
    c->totals = longer(c->arena, c->totals, sizeof *c->totals, c->count, more);
    c->capacity = more;
    return !c->arena->overflow;
}

/* Few deployments: a search through them all. */
static uint32_t
find(struct counting *c, const struct weir_store_ending *ending)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (weir_span_equal(c->rows[i].deployment, ending->deployment) &&
            weir_span_equal(c->rows[i].model, ending->model))
            return i;
    }
    if (c->count == c->capacity && !grow(c))
        return WEIR_OFFSET_NONE;
    struct weir_reliability *row = &c->rows[c->count];
    *row = (struct weir_reliability){
        .model = weir_arena_copy(c->arena, ending->model),
        .deployment = weir_arena_copy(c->arena, ending->deployment)};
    return c->count++;
}

static bool
on_ending(void *context, const struct weir_store_ending *ending)
{
    struct counting *c = context;
    uint32_t at = find(c, ending);
    if (at == WEIR_OFFSET_NONE)
        return false;
    struct weir_reliability *row = &c->rows[at];
    bool is_refused = ending->http_status == 429 || ending->http_status >= 500;
    row->calls++;
    switch ((enum weir_ending)ending->ending) {
    case WEIR_END_COMPLETE:
        row->good++;
        note(&c->first_bytes[at], ending->first_byte_us);
        note(&c->totals[at], ending->total_us);
        break;
    case WEIR_END_CUT:
    case WEIR_END_FAILED:
        row->bad++;
        break;
    case WEIR_END_ORIGIN_ERROR:
        row->bad += is_refused;
        break;
    default:
        break;
    }
    return true;
}

weir_status
weir_reliability_read(struct weir_store *store, weir_time since,
                      struct weir_arena *arena, struct weir_reliabilities *out,
                      struct weir_error *err)
{
    struct counting c = {.arena = arena};
    weir_status status = weir_store_endings(store, since, on_ending, &c, err);
    if (status == WEIR_OK && arena->overflow)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (uint32_t i = 0; i < c.count && status == WEIR_OK; i++) {
        for (size_t j = 0; j < FIGURES; j++) {
            c.rows[i].first_byte_us[j] = figure(&c.first_bytes[i], percents[j]);
            c.rows[i].total_us[j] = figure(&c.totals[i], percents[j]);
        }
    }
    *out = (struct weir_reliabilities){c.rows, status == WEIR_OK ? c.count : 0};
    return status;
}
