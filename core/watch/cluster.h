/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by cluster.c and rhythm.c. */
#ifndef WEIR_WATCH_CLUSTER_INTERNAL_H
#define WEIR_WATCH_CLUSTER_INTERNAL_H

#include <weir/watch_cluster.h>

struct watch_rhythm {
    float z;
    bool *is_member;    /* of each of the group */
    float *correlation; /* with the sum of the others */
};

/* False: too few bins or calls to say anything (or no memory). */
bool weir__watch_rhythm(const struct weir_watch_profile *accounts,
                        const uint32_t *group, uint32_t count,
                        const struct weir_watch_cluster_setup *setup,
                        struct weir_arena *arena,
                        struct watch_rhythm *rhythm_out);

/* Cosine of mean sketches, as they are. */
double weir__watch_mean_similarity(const int8_t a[WEIR_WATCH_SKETCH],
                                   const int8_t b[WEIR_WATCH_SKETCH]);
/* -ln of a share. */
float weir__watch_rarity(double share);

#endif
