/* SPDX-License-Identifier: Apache-2.0 */
#include "intern.h"

#include <stdlib.h>

void
weir__cedar_intern_fini(struct cedar_intern *intern)
{
    free(intern->texts);
    free(intern->slots);
    *intern = (struct cedar_intern){0};
}

static size_t
slot_of(const struct cedar_intern *intern, weir_span text)
{
    size_t mask = intern->slot_count - 1;
    size_t slot = (size_t)weir_hash64(text, 0) & mask;
    while (intern->slots[slot] != 0 &&
           !weir_span_equal(intern->texts[intern->slots[slot] - 1], text))
        slot = (slot + 1) & mask;
    return slot;
}

uint32_t
weir__cedar_intern_find(const struct cedar_intern *intern, weir_span text)
{
    if (intern->slot_count == 0)
        return CEDAR_INTERN_NONE;
    uint32_t entry = intern->slots[slot_of(intern, text)];
    return entry == 0 ? CEDAR_INTERN_NONE : entry - 1;
}

static bool
grow(struct cedar_intern *intern)
{
    size_t slot_count = intern->slot_count == 0 ? 64 : intern->slot_count * 2;
    uint32_t capacity = (uint32_t)(slot_count / 2);
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    weir_span *texts = realloc(intern->texts, capacity * sizeof(*texts));
    if (texts != NULL)
        intern->texts = texts;
    if (slots == NULL || texts == NULL) {
        free(slots);
        return false;
    }
    free(intern->slots);
    intern->slots = slots;
    intern->slot_count = slot_count;
    intern->capacity = capacity;
    for (uint32_t i = 0; i < intern->count; i++)
        slots[slot_of(intern, intern->texts[i])] = i + 1;
    return true;
}

uint32_t
weir__cedar_intern_add(struct cedar_intern *intern, struct weir_arena *arena,
                       weir_span text)
{
    uint32_t found = weir__cedar_intern_find(intern, text);
    if (found != CEDAR_INTERN_NONE)
        return found;
    if (intern->count >= UINT32_MAX / 4 ||
        (intern->count == intern->capacity && !grow(intern)))
        return CEDAR_INTERN_NONE;
    if (arena != NULL) {
        text = weir_arena_copy(arena, text);
        if (text.ptr == NULL)
            return CEDAR_INTERN_NONE;
    }
    intern->slots[slot_of(intern, text)] = intern->count + 1;
    intern->texts[intern->count] = text;
    return intern->count++;
}
