/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <string.h>

#define NEAREST_LEN_MAX   64
#define NEAREST_COUNT_MAX 20000

bool
weir__names_init(struct weir__names *names, struct weir_arena *arena,
                 uint32_t count)
{
    size_t size = 16;
    while (size < (size_t)count * 2)
        size *= 2;
    names->slots = weir_arena_array(arena, struct weir__name_slot, size);
    names->mask = (uint32_t)(size - 1);
    names->count = 0;
    return names->slots != NULL;
}

static struct weir__name_slot *
probe(const struct weir__names *names, weir_span name, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & names->mask;
    for (;;) {
        struct weir__name_slot *slot = &names->slots[at];
        if (slot->row_plus_one == 0 ||
            (slot->hash == hash && weir_span_equal(slot->name, name)))
            return slot;
        at = (at + 1) & names->mask;
    }
}

uint32_t
weir__names_put(struct weir__names *names, weir_span name, uint32_t row)
{
    uint64_t hash = weir_hash64(name, 0);
    struct weir__name_slot *slot = probe(names, name, hash);
    if (slot->row_plus_one != 0)
        return slot->row_plus_one - 1;
    WEIR_ASSERT(names->count < names->mask);
    *slot = (struct weir__name_slot){hash, name, row + 1};
    names->count++;
    return WEIR_INDEX_NONE;
}

uint32_t
weir__names_find(const struct weir__names *names, weir_span name)
{
    return probe(names, name, weir_hash64(name, 0))->row_plus_one - 1;
}

/* Levenshtein, one row of the table; `limit` + 1 when above it. */
static size_t
edits(weir_span a, weir_span b, size_t limit)
{
    size_t row[NEAREST_LEN_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        size_t least = row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t cost = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < cost)
                cost = row[j] + 1;
            if (row[j - 1] + 1 < cost)
                cost = row[j - 1] + 1;
            row[j] = cost;
            if (cost < least)
                least = cost;
        }
        if (least > limit)
            return limit + 1;
    }
    return row[b.len];
}

weir_span
weir__names_nearest(const struct weir__names *names, weir_span name)
{
    weir_span nearest = WEIR_SPAN_NONE;
    size_t best = name.len / 3 + 1;
    if (name.len == 0 || name.len > NEAREST_LEN_MAX ||
        names->count > NEAREST_COUNT_MAX)
        return nearest;
    for (uint32_t i = 0; i <= names->mask; i++) {
        const struct weir__name_slot *slot = &names->slots[i];
        if (slot->row_plus_one == 0 || slot->name.len > NEAREST_LEN_MAX)
            continue;
        size_t cost = edits(name, slot->name, best);
        if (cost < name.len &&
            (cost < best || (cost == best && nearest.len == 0))) {
            best = cost;
            nearest = slot->name;
        }
    }
    return nearest;
}
