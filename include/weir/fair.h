/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/fair.h - places in deployments that are full, shared out among
 * tenants; and how much memory the workers use.
 *
 * One table in memory that workers share, beside weir/health.h: that one
 * says whether there is a place, this one whose it is. Calls wait in the
 * worker that took them in; the table knows how many wait, what each tenant
 * has had, and which worker's next call is the first of all.
 *
 *   arrive -> [turn?] -> enter -> [attempt] -> leave
 *        \-> depart (it waited too long, or its client left)
 *
 * Threads: every function from any worker at once, without a lock; a lane is
 * one worker's. Memory: the caller's block, which outlives processes;
 * nothing is allocated.
 */
#ifndef WEIR_FAIR_H
#define WEIR_FAIR_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_fair;

/* Bytes of the table. */
size_t weir_fair_size(void);
/* ELIMIT: `size` or the address (a multiple of 64) does not fit. */
WEIR_MUST_USE weir_status weir_fair_format(void *memory, size_t size,
                                           struct weir_fair **table_out,
                                           struct weir_error *err);
/* ECORRUPT, EVERSION. */
WEIR_MUST_USE weir_status weir_fair_attach(void *memory, size_t size,
                                           struct weir_fair **table_out,
                                           struct weir_error *err);
/* Nobody waits, is in flight or uses memory in this lane. */
void weir_fair_clear_lane(struct weir_fair *table, uint32_t lane);

/* A tenant in a deployment; both are hashes but 0. */
struct weir_fair_flow {
    uint64_t deployment;
    uint64_t tenant;
};

/* False: the queue has no room for this tenant (it may wait with as many
 * calls as there are places left of `length`), or the table has none. */
bool weir_fair_arrive(struct weir_fair *table,
                      const struct weir_fair_flow *flow, uint32_t lane,
                      uint32_t length);
/* Of one that arrived: it waits no longer. */
void weir_fair_depart(struct weir_fair *table,
                      const struct weir_fair_flow *flow, uint32_t lane);
uint32_t weir_fair_waiting(const struct weir_fair *table, uint64_t deployment);

/* Where the next call of this tenant stands: the smallest comes first.
 * Changes as others are served. */
uint64_t weir_fair_tag(const struct weir_fair *table,
                       const struct weir_fair_flow *flow);
/* The smallest tag that waits in this lane; WEIR_FAIR_NONE: nobody does. */
#define WEIR_FAIR_NONE UINT64_MAX
void weir_fair_offer(struct weir_fair *table, uint64_t deployment,
                     uint32_t lane, uint64_t tag);
/* Whether no other lane offers a smaller one. */
bool weir_fair_is_turn(const struct weir_fair *table, uint64_t deployment,
                       uint32_t lane, uint64_t tag);

uint32_t weir_fair_in_flight(const struct weir_fair *table,
                             const struct weir_fair_flow *flow);
/* A place is taken: counted, and what the tenant has had grows by its
 * weight. */
void weir_fair_enter(struct weir_fair *table, const struct weir_fair_flow *flow,
                     uint32_t weight, uint32_t lane);
void weir_fair_leave(struct weir_fair *table, const struct weir_fair_flow *flow,
                     uint32_t lane);

/* ----------------------------------------------------------- memory */

/* Bytes of all workers beyond which new calls are shed; 0: no bound. */
void weir_fair_set_memory(struct weir_fair *table, uint64_t bytes_max);
void weir_fair_use_memory(struct weir_fair *table, uint32_t lane,
                          uint64_t bytes);
struct weir_fair_memory {
    uint64_t bytes; /* of all lanes, as they last said */
    uint64_t bytes_max;
    uint64_t shed; /* calls refused because of it */
};
void weir_fair_memory_get(const struct weir_fair *table,
                          struct weir_fair_memory *memory_out);
/* True: there is none left for another call; counts it. */
bool weir_fair_sheds(struct weir_fair *table);

#ifdef __cplusplus
}
#endif
#endif
