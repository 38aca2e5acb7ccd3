/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/watch_cluster.h - accounts that act together.
 *
 * Two ways in: a shared fact (payment, network, rare scaffold), and the same
 * kind of task-like calls. Then the rhythm decides: what a day does to
 * everybody is taken out of each account's activity, and what is left is
 * compared with the activity of all the others of its group. One account of
 * a few hundred calls tells nothing; the sum of hundreds does.
 *
 * A cluster is raised at z over WEIR_WATCH_Z, WEIR_WATCH_MEMBERS members and
 * WEIR_WATCH_OWNERS owners; a group joined by a payment fact at three
 * accounts of two owners. Every member has a link that says why; a reviewer
 * who cuts links runs it again with them in `cuts`.
 *
 * Threads: one. Memory: the caller's arena.
 */
#ifndef WEIR_WATCH_CLUSTER_H
#define WEIR_WATCH_CLUSTER_H

#include <weir/watch_score.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_WATCH_Z       12.0F
#define WEIR_WATCH_MEMBERS 20
#define WEIR_WATCH_OWNERS  3
#define WEIR_WATCH_FACTS   4 /* of each kind, per account */
#define WEIR_WATCH_SHARED  6 /* scaffold keys per account */
/* Calls of h >= 3 before an account's kind of calls is known. */
#define WEIR_WATCH_FORM_CALLS 4

/* What clustering sees of an account. */
struct weir_watch_profile {
    uint64_t owner; /* digest; 0: its own */
    uint32_t calls;
    uint32_t form_calls;              /* h >= 3 */
    int8_t sketch[WEIR_WATCH_SKETCH]; /* mean of those calls */
    const uint16_t *bins; /* those calls by time, the same bins for all */
    uint64_t payments[WEIR_WATCH_FACTS]; /* digests, 0: none */
    uint64_t networks[WEIR_WATCH_FACTS];
    uint64_t scaffolds[WEIR_WATCH_SHARED]; /* keys of >= 3 % of its calls */
};

enum weir_watch_why {
    WEIR_WATCH_WHY_OWNER = 0,
    WEIR_WATCH_WHY_PAYMENT = 1,
    WEIR_WATCH_WHY_NETWORK = 2,
    WEIR_WATCH_WHY_SCAFFOLD = 3,
    WEIR_WATCH_WHY_TIMING = 4 /* with the same kind of calls */
};
const char *weir_watch_why_name(enum weir_watch_why why);

struct weir_watch_link {
    uint32_t a; /* accounts, by number */
    uint32_t b;
    enum weir_watch_why why;
    float value; /* correlation, or how rare the fact is (-ln share) */
};

struct weir_watch_cluster {
    uint32_t member_count;
    uint32_t owner_count;
    uint32_t link_count;
    uint32_t candidates; /* the group the members were found in */
    float z;
    const uint32_t *members;
    const struct weir_watch_link *links;
};

struct weir_watch_cluster_setup {
    uint32_t bin_count;
    uint32_t bins_per_day; /* 0: less than a day in all */
    /* Links that count no more: `b` does not belong to a group that `a` is in
     * by the same `why`. */
    const struct weir_watch_link *cuts;
    uint32_t cut_count;
};

/*
 * Finds the clusters among `count` accounts; the result lies in the arena,
 * largest z first. ENOMEM: about 4 * bin_count + 64 bytes per account.
 */
WEIR_MUST_USE weir_status weir_watch_find_clusters(
    const struct weir_watch_profile *accounts, uint32_t count,
    const struct weir_watch_cluster_setup *setup, struct weir_arena *arena,
    const struct weir_watch_cluster **clusters_out, uint32_t *count_out,
    struct weir_error *err);

/* z of a given group, as an owner's accounts; 0 of fewer than
 * WEIR_WATCH_MEMBERS, where it would be chance. */
float weir_watch_synchrony(const struct weir_watch_profile *accounts,
                           const uint32_t *members, uint32_t count,
                           const struct weir_watch_cluster_setup *setup,
                           struct weir_arena *arena);

/* Many pools as one account: their last `calls` calls each. */
void weir_watch_score_pools(const struct weir_watch_pool *const *pools,
                            uint32_t count, uint32_t calls,
                            struct weir_watch_verdict *verdict_out);

#ifdef __cplusplus
}
#endif
#endif
