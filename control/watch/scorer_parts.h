/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by scorer.c, scorer_write.c and scorer_cluster.c. */
#ifndef WEIR_CONTROL_WATCH_SCORER_PARTS_H
#define WEIR_CONTROL_WATCH_SCORER_PARTS_H

#include "control/watch/calls.h"
#include "control/watch/scorer.h"

#define SHOWN 5 /* calls that show a signal, the newest */

/* Calls of h >= 3 whose key they share. */
struct scorer_key {
    uint64_t key;
    uint32_t count;
};
#define SCORER_KEYS 12

struct scorer_account {
    char *name;
    uint32_t owner; /* number, UINT32_MAX: none */
    bool is_group;
    bool is_emitted; /* the last call ended a window */
    uint64_t calls;
    uint32_t waiting; /* calls kept to learn from */
    struct weir_watch_features *learning;
    struct weir_watch_pool pool;
    float best_score;
    enum weir_watch_action best_action;
    int64_t last_ms;
    uint64_t shown[SHOWN]; /* lines of task-like foreign calls */
    uint32_t shown_count;
    uint32_t form_calls;
    int32_t sums[WEIR_WATCH_SKETCH];
    uint32_t *minutes; /* of form calls, since the first call of all */
    uint32_t minute_count;
    uint32_t minute_capacity;
    uint64_t payments[WEIR_WATCH_FACTS];
    uint64_t networks[WEIR_WATCH_FACTS];
    struct scorer_key keys[SCORER_KEYS];
};

struct scorer_owner {
    char *name;
    uint32_t first; /* account */
    uint32_t accounts;
    struct scorer_account *group; /* once it has two accounts */
};

struct scorer_model {
    uint64_t digest;
    int64_t first_ms;
};
#define SCORER_MODELS 256

struct weir_scorer {
    struct weir_scorer_setup setup;
    struct weir_scorer_summary summary;
    struct scorer_account **accounts;
    uint32_t account_count;
    uint32_t account_capacity;
    struct scorer_owner *owners;
    uint32_t owner_count;
    uint32_t owner_capacity;
    uint32_t *slots; /* account + 1 by name */
    uint32_t slot_count;
    uint32_t *owner_slots;
    uint32_t owner_slot_count;
    struct scorer_model models[SCORER_MODELS];
    uint32_t model_count;
    int64_t first_ms;
    int64_t last_ms;
    char *scratch; /* for strings with escapes */
    size_t scratch_size;
    struct weir_buf text; /* of one output line */
};

void weir__scorer_write(struct weir_scorer *scorer,
                        const struct scorer_account *account,
                        const struct weir_watch_verdict *verdict,
                        uint32_t window);
WEIR_MUST_USE weir_status weir__scorer_clusters(struct weir_scorer *scorer,
                                                struct weir_error *err);

#endif
