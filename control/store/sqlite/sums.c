/* SPDX-License-Identifier: Apache-2.0 */
#include "control/store/sqlite/sums.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 256

static size_t
stride(const struct weir_sums *sums)
{
    return 1 + sums->keys + sums->sums;
}

/* The row of the key, or the empty one where it belongs. */
static int64_t *
slot_of(const struct weir_sums *sums, int64_t *rows, size_t size,
        const int64_t *key)
{
    size_t bytes = sums->keys * sizeof *key;
    size_t at = weir_hash64((weir_span){(const char *)key, bytes}, 0);
    for (;; at++) {
        int64_t *row = rows + (at & (size - 1)) * stride(sums);
        if (row[0] == 0 || memcmp(row + 1, key, bytes) == 0)
            return row;
    }
}

static bool
grow(struct weir_sums *sums)
{
    size_t size = sums->size == 0 ? FIRST_SIZE : sums->size * 2, at = 0;
    int64_t *rows = calloc(size * stride(sums), sizeof *rows);
    const int64_t *row;
    if (rows == NULL)
        return false;
    while ((row = weir_sums_next(sums, &at)) != NULL)
        memcpy(slot_of(sums, rows, size, row), row - 1,
               stride(sums) * sizeof *row);
    free(sums->rows);
    sums->rows = rows;
    sums->size = size;
    return true;
}

int64_t *
weir_sums_at(struct weir_sums *sums, const int64_t *key)
{
    if (sums->count * 2 >= sums->size && !grow(sums))
        return NULL;
    int64_t *row = slot_of(sums, sums->rows, sums->size, key);
    if (row[0] == 0) {
        row[0] = 1;
        memcpy(row + 1, key, sums->keys * sizeof *key);
        sums->count++;
    }
    return row + 1 + sums->keys;
}

const int64_t *
weir_sums_next(const struct weir_sums *sums, size_t *at)
{
    while (*at < sums->size) {
        const int64_t *row = sums->rows + (*at)++ * stride(sums);
        if (row[0] != 0)
            return row + 1;
    }
    return NULL;
}

void
weir_sums_clear(struct weir_sums *sums)
{
    if (sums->count > 0)
        memset(sums->rows, 0, sums->size * stride(sums) * sizeof *sums->rows);
    sums->count = 0;
}

void
weir_sums_fini(struct weir_sums *sums)
{
    free(sums->rows);
    sums->rows = NULL;
    sums->size = sums->count = 0;
}
