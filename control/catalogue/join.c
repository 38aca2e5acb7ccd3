/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of one model to one entry.
 *
 * WHO MADE IT. Each row names a maker more or less surely: by the base model
 * that the export gives, by a part of the id's path, by the name itself. The
 * surest rows decide; among those that are as sure, the maker most of them
 * name, then the first in the order of the makers. An entry with two makers
 * among its surest rows is counted as disputed.
 *
 * WHAT IT COSTS. The price at the maker's own host; where he has none, that
 * of the host in the middle when they are ordered by price. The price's
 * version says which. A seller who has a contract writes his own price.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/catalogue/parts.h"

/* ------------------------------------------------------------------- makers */

static bool
equal_nocase(weir_span a, weir_span b)
{
    return weir_span_equal_nocase(a, b);
}

static bool
starts_nocase(weir_span text, weir_span prefix)
{
    return text.len >= prefix.len &&
           equal_nocase((weir_span){text.ptr, prefix.len}, prefix);
}

/* One of the parts before the last slash is `part`. */
static bool
has_part(weir_span path, weir_span part)
{
    size_t start = 0;
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] != '/')
            continue;
        if (equal_nocase((weir_span){path.ptr + start, i - start}, part))
            return true;
        start = i + 1;
    }
    return false;
}

static bool
is_match(weir_span pattern, const struct weir_catalogue_row *row,
         enum weir_catalogue_sure sure)
{
    weir_span head = {pattern.ptr, pattern.len - 1};
    char last = pattern.ptr[pattern.len - 1];
    switch (sure) {
    case WEIR_CATALOGUE_BY_BASE:
        return last == '/' && has_part(row->base, head);
    case WEIR_CATALOGUE_BY_PATH:
        return last == '/' && has_part(row->id, head);
    case WEIR_CATALOGUE_BY_NAME:
        return last == '*' ? starts_nocase(row->name, head)
                           : equal_nocase(row->name, pattern);
    case WEIR_CATALOGUE_NO_MAKER:
        break;
    }
    return false;
}

uint32_t
weir__catalogue_maker(const struct weir_world *world,
                      const struct weir_catalogue_row *row,
                      enum weir_catalogue_sure *sure_out)
{
    for (int sure = WEIR_CATALOGUE_BY_BASE; sure > 0; sure--) {
        for (uint32_t i = 0; i < world->maker_count; i++) {
            struct weir_world_range range = world->maker_rows[i].matches;
            for (uint32_t j = 0; j < range.count; j++) {
                weir_span pattern = world->name_rows[range.first + j].text;
                if (pattern.len < 2 ||
                    !is_match(pattern, row, (enum weir_catalogue_sure)sure))
                    continue;
                *sure_out = (enum weir_catalogue_sure)sure;
                return i;
            }
        }
    }
    *sure_out = WEIR_CATALOGUE_NO_MAKER;
    return WEIR_INDEX_NONE;
}

bool
weir__catalogue_is_own_host(const struct weir_world *world, uint32_t maker,
                            weir_span host)
{
    if (maker == WEIR_INDEX_NONE)
        return false;
    struct weir_world_range range = world->maker_rows[maker].matches;
    for (uint32_t j = 0; j < range.count; j++) {
        weir_span pattern = world->name_rows[range.first + j].text;
        if (pattern.len > 1 && pattern.ptr[0] == '=' &&
            equal_nocase((weir_span){pattern.ptr + 1, pattern.len - 1}, host))
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------ an entry */

struct entry {
    const struct weir_catalogue_rows *all;
    const struct weir_catalogue_row *rows;
    uint32_t count;
    uint32_t maker;
    bool is_disputed;
};

static void
find_maker(struct entry *entry)
{
    const struct weir_world *world = entry->all->world;
    enum weir_catalogue_sure best = WEIR_CATALOGUE_NO_MAKER;
    uint32_t votes_best = 0;
    entry->maker = WEIR_INDEX_NONE;
    for (uint32_t i = 0; i < entry->count; i++) {
        enum weir_catalogue_sure sure, other;
        uint32_t maker = weir__catalogue_maker(world, &entry->rows[i], &sure);
        uint32_t votes = 0;
        if (sure < best || sure == WEIR_CATALOGUE_NO_MAKER)
            continue;
        for (uint32_t j = 0; j < entry->count; j++)
            votes += weir__catalogue_maker(world, &entry->rows[j], &other) ==
                         maker &&
                     other == sure;
        if (sure > best) {
            best = sure;
            votes_best = 0;
            entry->is_disputed = false;
        } else if (maker != entry->maker) {
            entry->is_disputed = true;
        }
        if (votes > votes_best ||
            (votes == votes_best && maker < entry->maker)) {
            votes_best = votes;
            entry->maker = maker;
        }
    }
}

/* The shortest, then the first: "Aurora", not "Aurora (fast, preview)". */
static weir_span
find_title(const struct entry *entry)
{
    weir_span best = WEIR_SPAN_NONE;
    for (uint32_t i = 0; i < entry->count; i++) {
        weir_span title = entry->rows[i].title;
        if (title.len > 0 &&
            (best.len == 0 || title.len < best.len ||
             (title.len == best.len && weir_span_compare(title, best) < 0)))
            best = title;
    }
    return best;
}

/* What most rows say; empty where none does. */
static weir_span
find_family(const struct entry *entry)
{
    weir_span best = WEIR_SPAN_NONE;
    uint32_t votes_best = 0;
    for (uint32_t i = 0; i < entry->count; i++) {
        uint32_t votes = 0;
        weir_span family = entry->rows[i].family;
        for (uint32_t j = 0; j < entry->count && family.len > 0; j++)
            votes += weir_span_equal(entry->rows[j].family, family);
        if (votes > votes_best || (votes == votes_best && votes > 0 &&
                                   weir_span_compare(family, best) < 0)) {
            best = family;
            votes_best = votes;
        }
    }
    return best;
}

/* The best that any host says: one that stopped does not end a model. */
static weir_span
find_status(const struct entry *entry)
{
    static const char *const order[] = {"active", "beta", "alpha",
                                        "deprecated"};
    size_t best = WEIR_COUNTOF(order) - 1;
    for (uint32_t i = 0; i < entry->count; i++) {
        weir_span status = entry->rows[i].status;
        size_t at = 0;
        for (size_t j = 1; j < WEIR_COUNTOF(order); j++)
            if (weir_span_equal(status, weir_span_of(order[j])))
                at = j;
        best = at < best ? at : best;
    }
    return weir_span_of(order[best]);
}

static int
by_price(const void *a, const void *b)
{
    const struct weir_price *one =
        &(*(const struct weir_catalogue_row *const *)a)->price;
    const struct weir_price *two =
        &(*(const struct weir_catalogue_row *const *)b)->price;
    if (one->input != two->input)
        return one->input < two->input ? -1 : 1;
    return (one->output > two->output) - (one->output < two->output);
}

static void
find_price(struct entry *entry, struct weir_world_listing *listing)
{
    struct weir_world *world = entry->all->world;
    const struct weir_catalogue_row **prices = weir_arena_array(
        &world->arena, const struct weir_catalogue_row *, entry->count);
    uint32_t count = 0;
    char version[64];
    const char *newest = entry->all->counts->newest[0] != '\0'
                             ? entry->all->counts->newest
                             : "undated";
    for (uint32_t i = 0; i < entry->count && prices != NULL; i++) {
        const struct weir_catalogue_row *row = &entry->rows[i];
        if (!row->has_price)
            continue;
        if (weir__catalogue_is_own_host(world, entry->maker, row->host)) {
            prices[0] = row;
            count = 1;
            listing->has_price = true;
            break;
        }
        prices[count++] = row;
    }
    if (count == 0)
        return;
    bool is_own = listing->has_price;
    qsort(prices, count, sizeof *prices, by_price);
    const struct weir_catalogue_row *chosen = prices[(count - 1) / 2];
    listing->price = chosen->price;
    listing->stated = chosen->stated;
    listing->changes = chosen->changes;
    listing->has_price = true;
    listing->currency = WEIR_SPAN("USD");
    int len =
        is_own ? snprintf(version, sizeof version, "%s, maker's host", newest)
               : snprintf(version, sizeof version, "%s, middle of %u", newest,
                          count);
    listing->price_version =
        weir_arena_copy(&world->arena, (weir_span){version, (size_t)len});
}

static void
add_hosts(const struct entry *entry, struct weir_world_range *range)
{
    struct weir_world *world = entry->all->world;
    range->first = world->host_count;
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct weir_catalogue_row *row = &entry->rows[i];
        struct weir_world_host *host = weir_world_add_host(world);
        if (host == NULL)
            return;
        host->name = row->host;
        host->id = row->id;
        host->status = row->status;
        host->price = row->price;
        host->stated = row->stated;
        host->changes = row->changes;
        host->has_price = row->has_price;
        range->count++;
    }
}

static void
add_entry(struct entry *entry)
{
    struct weir_world *world = entry->all->world;
    struct weir_catalogue_counts *counts = entry->all->counts;
    uint32_t open = 0, embedding = 0;
    find_maker(entry);
    counts->entries++;
    counts->makerless += entry->maker == WEIR_INDEX_NONE;
    counts->disputed += entry->is_disputed;
    struct weir_world_listing *listing = weir_world_add_listing(world);
    if (listing == NULL)
        return;
    listing->model = WEIR_INDEX_NONE;
    listing->name = entry->rows[0].name;
    listing->title = find_title(entry);
    listing->family = find_family(entry);
    listing->status = find_status(entry);
    if (entry->maker != WEIR_INDEX_NONE)
        listing->maker = world->maker_rows[entry->maker].name;
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct weir_catalogue_row *row = &entry->rows[i];
        open += row->is_open;
        embedding += row->is_embedding;
        if (row->created != 0 &&
            (listing->created == 0 ||
             row->created / WEIR_US_PER_SEC < listing->created))
            listing->created = row->created / WEIR_US_PER_SEC;
        if (row->output_tokens_max > listing->output_tokens_max)
            listing->output_tokens_max = row->output_tokens_max;
    }
    /* In doubt closed: what is open is exempt from more rules. */
    listing->weights =
        open * 2 > entry->count ? WEIR_SPAN("open") : WEIR_SPAN("closed");
    if (embedding * 2 > entry->count)
        listing->operations = UINT32_C(1) << WEIR_OP_EMBED;
    find_price(entry, listing);
    add_hosts(entry, &listing->hosts);
}

/* ------------------------------------------------------------------ the whole */

static int
by_name(const void *a, const void *b)
{
    const struct weir_catalogue_row *one = a, *two = b;
    int order = weir_span_compare(one->name, two->name);
    if (order == 0)
        order = weir_span_compare(one->host, two->host);
    return order != 0 ? order : weir_span_compare(one->id, two->id);
}

/* A family is under one maker; where two use a word, his name goes before. */
static void
part_families(struct weir_world *world)
{
    for (uint32_t i = 0; i < world->listing_count; i++) {
        struct weir_world_listing *one = &world->listing_rows[i];
        bool is_shared = false;
        for (uint32_t j = 0;
             j < world->listing_count && one->family.len > 0 && !is_shared; j++)
            is_shared =
                weir_span_equal(world->listing_rows[j].family, one->family) &&
                !weir_span_equal(world->listing_rows[j].maker, one->maker);
        one->tier = is_shared ? one->maker : WEIR_SPAN_NONE; /* for a moment */
    }
    for (uint32_t i = 0; i < world->listing_count; i++) {
        struct weir_world_listing *one = &world->listing_rows[i];
        weir_span maker = one->tier;
        one->tier = WEIR_SPAN_NONE;
        if (maker.len == 0)
            continue;
        size_t len = maker.len + 1 + one->family.len;
        char *text = weir_arena_alloc(&world->arena, len + 1);
        if (text == NULL)
            return;
        memcpy(text, maker.ptr, maker.len);
        text[maker.len] = '/';
        memcpy(text + maker.len + 1, one->family.ptr, one->family.len);
        one->family = (weir_span){text, len};
    }
}

void
weir__catalogue_join(struct weir_catalogue_rows *rows)
{
    qsort(rows->rows, rows->count, sizeof *rows->rows, by_name);
    for (uint32_t i = 0; i < rows->count;) {
        struct entry entry = {.all = rows, .rows = &rows->rows[i]};
        while (i + entry.count < rows->count &&
               weir_span_equal(rows->rows[i + entry.count].name,
                               rows->rows[i].name))
            entry.count++;
        add_entry(&entry);
        i += entry.count;
    }
    part_families(rows->world);
}

weir_status
weir_catalogue_import(weir_span text, weir_span name, uint32_t allow_bad,
                      struct weir_world *world,
                      struct weir_catalogue_counts *counts_out,
                      struct weir_faults *faults, struct weir_error *err)
{
    struct weir_catalogue_rows rows = {
        .world = world,
        .counts = counts_out,
        .faults = faults,
        .file = weir_arena_copy(&world->arena, name),
    };
    memset(counts_out, 0, sizeof *counts_out);
    weir_status status = weir__catalogue_read(&rows, text, err);
    if (status != WEIR_OK)
        return status;
    if (counts_out->bad > allow_bad)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "%u of %u rows are bad and %u are allowed",
                         counts_out->bad, counts_out->rows, allow_bad);
    weir__catalogue_join(&rows);
    if (world->arena.overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "the catalogue does not fit in memory");
    return WEIR_OK;
}
