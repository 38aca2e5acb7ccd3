/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sums in memory while a batch runs: rows of whole numbers, the first `keys`
 * of which say what is summed. Added to their table before the batch commits,
 * so that table and ledger never differ; forgotten with a rollback.
 *
 * Threads: the store's. Memory: its own, until weir_sums_fini().
 */
#ifndef WEIR_STORE_SUMS_H
#define WEIR_STORE_SUMS_H

#include <weir/base.h>

struct weir_sums {
    size_t keys; /* set by the owner, with `sums` */
    size_t sums;
    int64_t *rows; /* is it used, keys, sums */
    size_t size;   /* a power of two, or 0 */
    size_t count;
};

/* The sums of that key, zeros where it is new; valid until the next call.
 * NULL: out of memory. */
int64_t *weir_sums_at(struct weir_sums *sums, const int64_t *key);
/* The next row, keys first, from `*at` (begin with 0); NULL at the end. */
const int64_t *weir_sums_next(const struct weir_sums *sums, size_t *at);
void weir_sums_clear(struct weir_sums *sums); /* keeps its memory */
void weir_sums_fini(struct weir_sums *sums);

#endif
