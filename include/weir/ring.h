/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/ring.h - the shared ring as the writer and the lane library see it:
 * making, claiming, consuming, publishing. Callers that only append or read
 * want weir/lane.h and weir/journal.h.
 *
 * Threads: claim and release from any process; drain, status_write and
 * set_* from the writer only. Memory: the caller's mapping.
 */
#ifndef WEIR_RING_H
#define WEIR_RING_H

#include <weir/journal.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------- making, claiming */

/* Bytes of a ring of `lanes` lanes of `lane_bytes` (a power of two). */
uint64_t weir_ring_bytes(uint32_t lanes, uint32_t lane_bytes);
/* Formats zeroed memory. `epoch` numbers rings: it is the upper half of
 * every incarnation and must never repeat; `boot` names the machine's
 * present run. The magic is written last. */
void weir_ring_init(void *memory, uint32_t lanes, uint32_t lane_bytes,
                    uint32_t epoch, const uint8_t boot[16], weir_time now);
/* WEIR_ECORRUPT, WEIR_EVERSION: not a ring this build can use. */
WEIR_MUST_USE weir_status weir_ring_check(void *memory, uint64_t size,
                                          struct weir_ring **ring_out,
                                          struct weir_error *err);
uint32_t weir_ring_lanes(const struct weir_ring *ring);
uint32_t weir_ring_epoch(const struct weir_ring *ring);
const uint8_t *weir_ring_boot(const struct weir_ring *ring); /* 16 bytes */
/* Offset and length of a lane's data in the ring file. */
uint64_t weir_ring_lane_offset(const struct weir_ring *ring, uint32_t lane);
uint32_t weir_ring_lane_bytes(const struct weir_ring *ring);
/* A number for a new incarnation (of a lane, or of the writer itself). */
uint64_t weir_ring_next_incarnation(struct weir_ring *ring);
void weir_ring_set_state(struct weir_ring *ring, enum weir_journal_state state);

/*
 * Takes a free lane for `owner` (a number that names a process for ever:
 * pid and start time; the top bit is weir's). Lane 0 is for control, the
 * others for workers. WEIR_EUNAVAIL: none free.
 */
WEIR_MUST_USE weir_status weir_ring_claim(struct weir_ring *ring,
                                          uint64_t owner, bool is_control,
                                          struct weir_journal_lane *lane_out,
                                          struct weir_error *err);
/* The producer is done: the writer drains the lane, then frees it. */
void weir_ring_release(struct weir_journal_lane *lane);
/* 0: free. *is_released_out: weir_ring_release() was called. */
uint64_t weir_ring_owner(const struct weir_ring *ring, uint32_t lane,
                         bool *is_released_out);

/* End of what the lane's producers have appended so far; and whether all up
 * to there is in a segment. For who only looks on. */
uint64_t weir_ring_published(const struct weir_ring *ring, uint32_t lane);
bool weir_ring_is_durable(const struct weir_ring *ring, uint32_t lane,
                          uint64_t position);

/* ------------------------------------------------- sleeping, consuming */

/* The bell: the word a writer sleeps on, and how deeply it sleeps. */
enum weir_sleep {
    WEIR_AWAKE = 0,
    WEIR_DOZING = 1,   /* woken by a durable record or a filling lane */
    WEIR_SLEEPING = 2, /* woken by any record */
};
uint32_t *weir_ring_bell(struct weir_ring *ring);
void weir_ring_set_sleep(struct weir_ring *ring, enum weir_sleep depth);
/* Moves the bell. True when the writer slept: wake it then. */
bool weir_ring_wake(struct weir_ring *ring);

/* The writer's view of one lane: the caller's storage, private fields. A
 * copy is a place to come back to when a write fails. */
struct weir_journal_drain {
    struct weir_shared_lane *shared;
    const char *bytes;
    uint64_t capacity;
    struct weir_ring *ring;
    uint64_t cursor;      /* read up to here */
    uint64_t incarnation; /* of the records expected */
    uint64_t sequence;    /* last read */
    bool is_any_sequence; /* the next one is not known yet */
    bool is_given_up;     /* damaged: nothing is read from it any more */
};
enum weir_drain_result {
    WEIR_DRAIN_EMPTY,
    WEIR_DRAIN_RECORD,
    WEIR_DRAIN_DAMAGED, /* see weir_drain_give_up() */
};
void weir_drain_init(struct weir_journal_drain *drain, struct weir_ring *ring,
                     uint32_t lane);
/* The next record the producer published; checked. */
enum weir_drain_result weir_drain_next(struct weir_journal_drain *drain,
                                       struct weir_record *record_out);
/*
 * Damage: nothing after the cursor is read or ever called durable, so those
 * who wait for it get no answer (and refuse their calls). With the next
 * commit the producer sees it and must take another lane; this one is free
 * again when its owner is gone. gap_out says what is missing: everything of
 * that incarnation from sequence_first on.
 */
void weir_drain_give_up(struct weir_journal_drain *drain, weir_gap *gap_out);
/* Passes over records of `incarnation` up to `sequence`, which are in a
 * segment already; commit publishes that. */
void weir_drain_pass(struct weir_journal_drain *drain, uint64_t incarnation,
                     uint64_t sequence);
/* True when a record of tier durable waits beyond the cursor, or the lane
 * is a quarter full. */
bool weir_drain_is_urgent(const struct weir_journal_drain *drain);
/* Everything up to the cursor is on disk: publishes that. Returns true when
 * the producer wants its wake-up now (and takes the wish back). */
bool weir_drain_commit(struct weir_journal_drain *drain);
/* Frees the lane of a dead or released owner. False: not drained yet. */
bool weir_drain_free(struct weir_journal_drain *drain);

void weir_ring_status_write(struct weir_ring *ring,
                            const struct weir_journal_status *status);

#ifdef __cplusplus
}
#endif
#endif
