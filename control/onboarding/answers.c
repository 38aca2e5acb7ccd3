/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the lists said of a name, kept by (name, threshold) for as long as
 * the lists are the same: a change of terms or of one owner asks next to
 * nothing. Only reviews use it, and one runs at a time.
 */
#include <stdlib.h>
#include <string.h>

#include "control/onboarding/review.h"

uint64_t
weir__answers_key(const struct weir__reviewing *review, weir_span name)
{
    uint64_t key = weir_hash64(name, review->threshold);
    return key == 0 ? 1 : key;
}

static struct weir__cache_slot *
slot_of(struct weir__cache_slot *slots, size_t size, uint64_t key)
{
    size_t at = key & (size - 1);
    while (slots[at].key != 0 && slots[at].key != key)
        at = (at + 1) & (size - 1);
    return &slots[at];
}

bool
weir__answers_prepare(struct weir_onboarding *own, struct weir__screen *screen,
                      size_t more)
{
    if (own->cache_screen != screen) {
        weir__screen_unref(own->cache_screen);
        own->cache_screen = weir__screen_ref(screen);
        weir_arena_fini(&own->cache_arena);
        weir_arena_init_heap(&own->cache_arena, WEIR_SCREENING_BYTES_MAX);
        free(own->cache);
        own->cache = NULL;
        own->cache_size = own->cache_count = 0;
    }
    size_t size = own->cache_size == 0 ? 1024 : own->cache_size;
    while (size < 2 * (own->cache_count + more + 1))
        size *= 2;
    if (size == own->cache_size)
        return true;
    struct weir__cache_slot *slots = calloc(size, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < own->cache_size; i++) {
        if (own->cache[i].key != 0)
            *slot_of(slots, size, own->cache[i].key) = own->cache[i];
    }
    free(own->cache);
    own->cache = slots;
    own->cache_size = size;
    return true;
}

const struct weir__hits *
weir__answers_find(const struct weir_onboarding *own,
                   const struct weir__screen *screen, uint64_t key)
{
    if (own->cache_screen != screen || own->cache_size == 0)
        return NULL;
    const struct weir__cache_slot *slot =
        slot_of(own->cache, own->cache_size, key);
    return slot->key == 0 ? NULL : &slot->hits;
}

bool
weir__answers_put(struct weir_onboarding *own, uint64_t key,
                  const struct weir__hits *hits)
{
    struct weir__cache_slot *slot = slot_of(own->cache, own->cache_size, key);
    struct weir__hit *rows =
        weir_arena_array(&own->cache_arena, struct weir__hit, hits->count);
    if (rows == NULL)
        return false;
    for (uint32_t i = 0; i < hits->count; i++) {
        rows[i] = hits->rows[i];
        rows[i].query = weir_arena_copy(&own->cache_arena, rows[i].query);
    }
    own->cache_count += slot->key == 0;
    *slot = (struct weir__cache_slot){key, {rows, hits->count}};
    return !own->cache_arena.overflow;
}
