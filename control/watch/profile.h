/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/profile.h - what clustering keeps of an account: under 1 KiB.
 *
 * Only task-like calls (h >= 3) shape it. Times are bins of one width, the
 * last WEIR_WATCH_BINS_KEPT of them; counts are halved together when one is
 * full, so they are shares rather than sums.
 *
 * Threads: one owner. Memory: plain, without pointers; little-endian on disk.
 */
#ifndef WEIR_WATCH_PROFILE_H
#define WEIR_WATCH_PROFILE_H

#include <weir/watch_cluster.h>

#define WEIR_WATCH_BINS_KEPT 336 /* of half an hour: a week */
#define WEIR_WATCH_KEYS_KEPT 12
#define WEIR_WATCH_FORM_LINE 300 /* h of a task-like call, hundredths */

struct weir_watch_account {
    uint32_t version;
    uint32_t calls;
    uint32_t form_calls;
    uint32_t key_counts[WEIR_WATCH_KEYS_KEPT];
    uint64_t keys[WEIR_WATCH_KEYS_KEPT];
    uint64_t networks[WEIR_WATCH_FACTS];
    uint64_t group; /* owner group, 0: unknown */
    int64_t bin;    /* number of the last one counted */
    int64_t bin_us; /* width */
    int16_t sums[WEIR_WATCH_SKETCH];
    uint8_t bins[WEIR_WATCH_BINS_KEPT]; /* ring */
};
_Static_assert(sizeof(struct weir_watch_account) <= 1024, "a KiB");

#define WEIR_WATCH_ACCOUNT_VERSION 1

void weir_watch_account_init(struct weir_watch_account *account,
                             weir_time bin_us);
void weir_watch_account_add(struct weir_watch_account *account,
                            const struct weir_watch_features *features,
                            weir_time when, uint64_t network, uint64_t group);
/* What weir_watch_find_clusters() reads, but for payments. `bins_out` has
 * `count` bins, of which the last is number `last`. */
void weir_watch_account_profile(const struct weir_watch_account *account,
                                int64_t last, uint16_t *bins_out,
                                uint32_t count,
                                struct weir_watch_profile *profile_out);

#endif
