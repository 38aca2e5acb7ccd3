/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/rows.h - the watch as rows; control/store/sqlite/watch.c.
 *
 * Threads and memory: as control/store/store.h; spans live until the callback
 * returns. What writes needs a transaction.
 */
#ifndef WEIR_WATCH_ROWS_H
#define WEIR_WATCH_ROWS_H

#include <weir/watch_cluster.h>

#include "control/watch/verdicts.h"

/* One that is there already changes nothing; *is_new_out says so. */
WEIR_MUST_USE weir_status weir__watch_verdict_add(
    struct weir_store *store, const struct weir_watch_row *row,
    bool *is_new_out, struct weir_error *err);

/* ---------------------------------------------------------------- facts */

/* What the watch counted by, from which place of the journal on: so that
 * counting again from the start counts by the same. */
enum weir_watch_fact {
    WEIR_WATCH_FACT_MODEL = 1,  /* digest in hex: "created_us provider" */
    WEIR_WATCH_FACT_SETTING = 2 /* "reference_calls": a number */
};

typedef bool weir_watch_on_fact(void *context, enum weir_watch_fact kind,
                                weir_span name, uint64_t position,
                                weir_span value);
WEIR_MUST_USE weir_status weir__watch_facts(struct weir_store *store,
                                            weir_watch_on_fact *on_fact,
                                            void *context,
                                            struct weir_error *err);
WEIR_MUST_USE weir_status weir__watch_fact_add(
    struct weir_store *store, enum weir_watch_fact kind, weir_span name,
    uint64_t position, weir_span value, struct weir_error *err);

/* ----------------------------------------------------------- references */

struct weir_watch_frozen {
    uint32_t kind;
    uint64_t digest;
    uint64_t calls;  /* of the subject, when it was frozen */
    uint32_t learnt; /* calls it was learnt from */
    weir_time when;
    weir_span actor; /* "watch" where nobody had to be asked */
    weir_span reason;
    double distance; /* from the one before; 0: there was none */
    weir_span reference;
};
WEIR_MUST_USE weir_status weir__watch_reference_add(
    struct weir_store *store, const struct weir_watch_frozen *frozen,
    struct weir_error *err);
/* Oldest first. */
typedef bool weir_watch_on_frozen(void *context,
                                  const struct weir_watch_frozen *frozen);
WEIR_MUST_USE weir_status weir_watch_references_of(
    struct weir_store *store, uint32_t kind, uint64_t digest,
    weir_watch_on_frozen *on_frozen, void *context, struct weir_error *err);

/* -------------------------------------------------------------- clusters */

#define WEIR_WATCH_CLUSTER_ID 24

struct weir_watch_party {
    uint32_t kind; /* tenant or end customer */
    uint64_t digest;
    weir_span name;
};

struct weir_watch_found {
    weir_span id;
    weir_time first;
    weir_time last;
    bool is_found; /* by the last look */
    double z;
    double score;
    uint32_t owners;
    uint32_t candidates;
    uint32_t members;
    enum weir_watch_action action;
    uint32_t looks; /* since it changed, or was lost */
};
WEIR_MUST_USE weir_status weir__watch_cluster_put(
    struct weir_store *store, const struct weir_watch_found *found,
    struct weir_error *err);
WEIR_MUST_USE weir_status weir__watch_cluster_lost(struct weir_store *store,
                                                   weir_span id, uint32_t looks,
                                                   struct weir_error *err);
WEIR_MUST_USE weir_status weir__watch_member_add(
    struct weir_store *store, weir_span id,
    const struct weir_watch_party *party, struct weir_error *err);
WEIR_MUST_USE weir_status weir__watch_link_add(
    struct weir_store *store, weir_span id, const struct weir_watch_party *a,
    const struct weir_watch_party *b, enum weir_watch_why why, double value,
    struct weir_error *err);

typedef bool weir_watch_on_found(void *context,
                                 const struct weir_watch_found *found);
/* `id` empty: all; those that were not found again only where `past`. */
WEIR_MUST_USE weir_status weir_watch_clusters(struct weir_store *store,
                                              weir_span id, bool past,
                                              weir_watch_on_found *on_found,
                                              void *context,
                                              struct weir_error *err);
typedef bool weir_watch_on_party(void *context,
                                 const struct weir_watch_party *party);
WEIR_MUST_USE weir_status weir_watch_members(struct weir_store *store,
                                             weir_span id,
                                             weir_watch_on_party *on_party,
                                             void *context,
                                             struct weir_error *err);
typedef bool weir_watch_on_link(void *context, const struct weir_watch_party *a,
                                const struct weir_watch_party *b,
                                enum weir_watch_why why, double value);
WEIR_MUST_USE weir_status weir_watch_links(struct weir_store *store,
                                           weir_span id,
                                           weir_watch_on_link *on_link,
                                           void *context,
                                           struct weir_error *err);
/* The cluster that a party is in now; empty text: none. */
WEIR_MUST_USE weir_status weir_watch_cluster_of(
    struct weir_store *store, const struct weir_watch_party *party,
    char id_out[WEIR_WATCH_CLUSTER_ID], struct weir_error *err);

/* ------------------------------------------------------------------ cuts */

/* A link that a person cut: it links no more. */
struct weir_watch_cut {
    int64_t number;
    struct weir_watch_party a;
    struct weir_watch_party b;
    enum weir_watch_why why;
    weir_time when;
    weir_span actor;
    weir_span reason;
    weir_time ended; /* 0: it holds */
    weir_span ended_by;
};
typedef bool weir_watch_on_cut(void *context, const struct weir_watch_cut *cut);
WEIR_MUST_USE weir_status weir_watch_cuts(struct weir_store *store, bool past,
                                          weir_watch_on_cut *on_cut,
                                          void *context,
                                          struct weir_error *err);
WEIR_MUST_USE weir_status weir__watch_cut_add(struct weir_store *store,
                                              const struct weir_watch_cut *cut,
                                              int64_t *number_out,
                                              struct weir_error *err);
/* ENOTFOUND: no such cut holds. */
WEIR_MUST_USE weir_status weir__watch_cut_end(struct weir_store *store,
                                              int64_t number, weir_time now,
                                              weir_span actor,
                                              struct weir_error *err);

/* ---------------------------------------------------------------- pools */

/* Of watch.db: a store of weir_store_open_pools(). */
struct weir_watch_pool_row {
    int64_t number; /* 0: there is none */
    uint32_t kind;
    uint64_t digest;
    weir_span name;
    weir_span tenant;
    weir_span provider;
    weir_time last;
    weir_span pool;
    weir_span learning;
    weir_span profile;
};
typedef void weir_watch_on_pool(void *context,
                                const struct weir_watch_pool_row *row);
/* *is_there_out: the callback ran, once. */
WEIR_MUST_USE weir_status weir__watch_pool_find(struct weir_store *pools,
                                                uint32_t kind, uint64_t digest,
                                                weir_watch_on_pool *on_pool,
                                                void *context,
                                                bool *is_there_out,
                                                struct weir_error *err);
WEIR_MUST_USE weir_status weir__watch_pool_get(
    struct weir_store *pools, int64_t number, weir_watch_on_pool *on_pool,
    void *context, bool *is_there_out, struct weir_error *err);
/* All of a kind (0: of every kind), in order of their numbers. */
WEIR_MUST_USE weir_status weir__watch_pools(struct weir_store *pools,
                                            uint32_t kind,
                                            weir_watch_on_pool *on_pool,
                                            void *context,
                                            struct weir_error *err);
/* Those with a profile, by kind and name. */
WEIR_MUST_USE weir_status weir__watch_pools_profiled(
    struct weir_store *pools, weir_watch_on_pool *on_pool, void *context,
    struct weir_error *err);
WEIR_MUST_USE weir_status weir__watch_pool_put(
    struct weir_store *pools, const struct weir_watch_pool_row *row,
    struct weir_error *err);
WEIR_MUST_USE weir_status weir__watch_pools_count(struct weir_store *pools,
                                                  uint64_t *count_out,
                                                  int64_t *last_out,
                                                  struct weir_error *err);
/* Those that were not seen for longest. */
WEIR_MUST_USE weir_status weir__watch_pools_evict(struct weir_store *pools,
                                                  uint64_t count,
                                                  struct weir_error *err);
/* Empty where it was never put. */
WEIR_MUST_USE weir_status weir__watch_progress_get(struct weir_store *pools,
                                                   const char *name,
                                                   struct weir_buf *out,
                                                   struct weir_error *err);
WEIR_MUST_USE weir_status weir__watch_progress_put(struct weir_store *pools,
                                                   const char *name,
                                                   weir_span value,
                                                   struct weir_error *err);

#endif
