/* SPDX-License-Identifier: Apache-2.0 */
/* What is on record, between the one who reads it and the one who asks. */
#ifndef WEIR_CONTROL_PROVE_RECORDED_PARTS_H
#define WEIR_CONTROL_PROVE_RECORDED_PARTS_H

#include "control/prove/recorded.h"
#include "control/simulate/simulate.h"

/* From where a key called. */
struct recorded_client {
    struct recorded_client *next; /* of the same key */
    uint64_t hash;
    uint32_t key;      /* row of the image */
    weir_span country; /* ISO 3166-1; empty: unknown */
    weir_span address;
    bool is_streamed;
};

struct weir_prove_recorded {
    struct weir_arena arena;
    struct weir_simulate_world world; /* image: keys, deployments */
    struct weir_cedar_store *store;
    const struct weir_cedar_schema *schema; /* weir's own */
    struct recorded_client **clients;       /* of each key of the image */
    bool *is_gone;                          /* revoked, or ended */
    struct recorded_client **slots;         /* all clients, by hash */
    uint64_t client_count;
    bool is_cut; /* more clients than are kept */
    weir_time at;
};

#endif
