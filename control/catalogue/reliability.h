/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/catalogue/reliability.h - how well each deployment answered, as
 * measured by the ledger. Whether somebody may use it is another question.
 *
 * An ending is good (complete), bad (the origin broke off, could not be
 * reached, or answered 429 or 5xx) or neither (the client left or sent what
 * the origin refused, a withdrawal, a worker's death): the last kind counts
 * in `calls` only.
 *
 * Threads: one caller. Memory: rows live in the arena.
 */
#ifndef WEIR_RELIABILITY_H
#define WEIR_RELIABILITY_H

#include "control/store/store.h"

struct weir_reliability {
    weir_span model;
    weir_span deployment;
    uint64_t calls;
    uint64_t good;
    uint64_t bad;
    uint64_t first_byte_us[2]; /* of good calls: half, 95 of 100 are below */
    uint64_t total_us[2];
};

struct weir_reliabilities {
    struct weir_reliability *rows;
    uint32_t count;
};

/* Calls begun at `since` or later. EIO, ENOMEM. */
WEIR_MUST_USE weir_status weir_reliability_read(struct weir_store *store,
                                                weir_time since,
                                                struct weir_arena *arena,
                                                struct weir_reliabilities *out,
                                                struct weir_error *err);

/* One line of the ledger, as it is counted. Spans live until the next. */
struct weir_store_ending {
    weir_span model;
    weir_span deployment;
    uint32_t ending; /* enum weir_ending */
    uint32_t http_status;
    uint64_t first_byte_us;
    uint64_t total_us;
};
typedef bool weir_store_on_ending(void *context,
                                  const struct weir_store_ending *row);
WEIR_MUST_USE weir_status weir_store_endings(struct weir_store *store,
                                             weir_time since,
                                             weir_store_on_ending *on_row,
                                             void *context,
                                             struct weir_error *err);

#endif
