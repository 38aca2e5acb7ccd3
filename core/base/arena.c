/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/base.h>

#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16
#define BLOCK_MIN ((size_t)64 * 1024)

struct weir_arena_block {
    struct weir_arena_block *next;
    size_t size;
};

#define BLOCK_HEADER                                                           \
    ((sizeof(struct weir_arena_block) + ALIGNMENT - 1) &                       \
     ~(size_t)(ALIGNMENT - 1))

void
weir_arena_init(struct weir_arena *arena, void *memory, size_t size)
{
    size_t skip = (size_t)(-(uintptr_t)memory & (ALIGNMENT - 1));
    memset(arena, 0, sizeof(*arena));
    if (size < skip)
        skip = size;
    arena->base = (char *)memory + skip;
    arena->size = size - skip;
    arena->total = arena->size;
    arena->max = arena->size;
}

void
weir_arena_init_heap(struct weir_arena *arena, size_t max)
{
    memset(arena, 0, sizeof(*arena));
    arena->max = max;
}

void
weir_arena_fini(struct weir_arena *arena)
{
    struct weir_arena_block *block = arena->blocks;
    while (block != NULL) {
        struct weir_arena_block *next = block->next;
        free(block);
        block = next;
    }
    memset(arena, 0, sizeof(*arena));
}

static bool
grow(struct weir_arena *arena, size_t need)
{
    size_t size = arena->size < BLOCK_MIN ? BLOCK_MIN : arena->size * 2;
    size_t left = arena->max - arena->total;
    if (size > left)
        size = left;
    if (need > left)
        return false;
    if (size < need)
        size = need;
    struct weir_arena_block *block = malloc(BLOCK_HEADER + size);
    if (block == NULL)
        return false;
    block->next = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->base = (char *)block + BLOCK_HEADER;
    arena->size = size;
    arena->used = 0;
    arena->total += size;
    return true;
}

void *
weir_arena_alloc_raw(struct weir_arena *arena, size_t size)
{
    if (arena->overflow || size > SIZE_MAX / 2) {
        arena->overflow = true;
        return NULL;
    }
    /* Nothing is a place too: NULL means that the arena is full. */
    size = size == 0 ? ALIGNMENT
                     : (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (size > arena->size - arena->used && !grow(arena, size)) {
        arena->overflow = true;
        return NULL;
    }
    void *memory = arena->base + arena->used;
    arena->used += size;
    return memory;
}

void *
weir_arena_alloc(struct weir_arena *arena, size_t size)
{
    void *memory = weir_arena_alloc_raw(arena, size);
    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}

void *
weir_arena_alloc_array(struct weir_arena *arena, size_t size, size_t count)
{
    size_t bytes;
    if (__builtin_mul_overflow(size, count, &bytes))
        bytes = SIZE_MAX;
    return weir_arena_alloc(arena, bytes);
}

weir_span
weir_arena_copy(struct weir_arena *arena, weir_span s)
{
    char *copy = s.len == SIZE_MAX ? NULL : weir_arena_alloc(arena, s.len + 1);
    if (copy == NULL)
        return WEIR_SPAN_NONE;
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return (weir_span){copy, s.len};
}
