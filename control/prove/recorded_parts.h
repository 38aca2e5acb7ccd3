/* SPDX-License-Identifier: Apache-2.0 */
/* What is on record, between the one who reads it and the one who asks. */
#ifndef WEIR_CONTROL_PROVE_RECORDED_PARTS_H
#define WEIR_CONTROL_PROVE_RECORDED_PARTS_H

#include <weir/gate.h>

#include "control/prove/recorded.h"
#include "control/simulate/simulate.h"

/* From where a key called. */
struct recorded_client {
    struct recorded_client *next; /* of the same key */
    uint64_t hash;
    uint32_t key;      /* row of the image */
    weir_span country; /* ISO 3166-1; empty: unknown */
    weir_span address;
    weir_span end_customer;
    struct weir_signal_facts signals;
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

/* One request that is on record. */
struct recorded_place {
    uint32_t key; /* rows of the image */
    uint32_t deployment;
    enum weir_operation operation;
    const struct recorded_client *client;
};

/* As the gate would ask it. */
struct weir_question
weir__recorded_question(const struct weir_prove_recorded *recorded,
                        const struct recorded_place *place);
/* With every entity that an answer could depend on. ENOMEM. */
WEIR_MUST_USE weir_status weir__recorded_case(
    const struct weir_prove_recorded *recorded,
    const struct recorded_place *place, struct weir_arena *arena,
    struct weir_cedar_smt_case *case_out, struct weir_error *err);

#endif
