/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of lists, as readers add them. */
#include "screen.h"

#include <string.h>

void
weir_screening_rows_init(struct weir_screening_rows *rows)
{
    *rows = (struct weir_screening_rows){0};
    weir_arena_init_heap(&rows->arena, WEIR_SCREENING_BYTES_MAX);
}

void
weir_screening_rows_fini(struct weir_screening_rows *rows)
{
    weir_arena_fini(&rows->arena);
    *rows = (struct weir_screening_rows){0};
}

/* Room for one more; the old place stays in the arena, unused. */
static void *
add(struct weir_arena *arena, void *rows, size_t size, uint32_t *count,
    uint32_t *capacity)
{
    if (*count == *capacity) {
        uint32_t larger = *capacity == 0 ? 64 : *capacity * 2;
        if (larger < *capacity) {
            arena->overflow = true;
            return NULL;
        }
        void *moved = weir_arena_alloc_array(arena, size, larger);
        if (moved == NULL)
            return NULL;
        if (*count > 0)
            memcpy(moved, rows, size * *count);
        *capacity = larger;
        rows = moved;
    }
    (*count)++;
    return rows;
}

#define WEIR_SCREENING_ROWS(row, type)                                         \
    type *weir_screening_add_##row(struct weir_screening_rows *rows)           \
    {                                                                          \
        type *moved = add(&rows->arena, rows->row##_rows, sizeof(type),        \
                          &rows->row##_count, &rows->row##_capacity);          \
        if (moved == NULL)                                                     \
            return NULL;                                                       \
        rows->row##_rows = moved;                                              \
        return &moved[rows->row##_count - 1];                                  \
    }
WEIR_SCREENING_LISTS(WEIR_SCREENING_ROWS)
#undef WEIR_SCREENING_ROWS
