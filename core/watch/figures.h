/* SPDX-License-Identifier: Apache-2.0 */
/* Sums over a window and what follows from them; shared by score and
 * cluster. */
#ifndef WEIR_WATCH_FIGURES_H
#define WEIR_WATCH_FIGURES_H

#include "pool.h"

/* A bucket, wider. */
struct watch_sum {
    uint32_t calls;
    uint32_t foreign;
    uint32_t form[STEPS];
    uint32_t both[STEPS];
    uint32_t cues[CUES];
    uint32_t at[CENTROIDS];
    uint32_t sizes;
    uint32_t shapes;
    uint32_t shaped;
    uint32_t settings;
    uint32_t languages;
    uint32_t pressed;
    uint32_t metered;
    uint32_t repeats;
    uint32_t fresh;
    uint32_t shared;
    uint32_t judged;
};

struct watch_surprise {
    double value;
    double seen;
    double expected;
};

struct watch_measure {
    uint32_t calls;
    uint32_t scaffold; /* key, 0: none */
    uint32_t cues;     /* of the scaffold */
    struct watch_surprise surprise[WEIR_WATCH_SIGNALS];
};

void weir__watch_sum(const struct watch_pool *pool, uint32_t calls,
                     struct watch_sum *sum_out);
void weir__watch_measure(const struct weir_watch_pool *pool, uint32_t calls,
                         struct watch_measure *measure_out);
/* The same summed over many pools; false: none has a reference, and the
 * shares are those of all. */
bool weir__watch_measure_pools(const struct weir_watch_pool *const *pools,
                               uint32_t count, uint32_t calls,
                               struct watch_measure *measure_out);

#endif
