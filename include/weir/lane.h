/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/lane.h - a process's way into the journal.
 *
 * Opens the ring file the writer made, claims a lane, and carries the
 * wake-ups: the writer sends one byte into the lane's FIFO when a position
 * that was asked for is on disk, so the FIFO's descriptor belongs into the
 * caller's event loop. Library `weir_lane` in writer/; nginx, control and
 * cli link it.
 *
 * The usual order in an event loop:
 *   weir_lane_append(lane, ..., WEIR_TIER_DURABLE, ..., &mark, &err);
 *   if (!weir_lane_want(lane, mark.position)) ... park the call ...
 *   -- descriptor readable --
 *   weir_lane_clear(lane);
 *   resume all with weir_lane_is_durable(); weir_lane_want() the next one
 *
 * Threads: a lane belongs to the thread that opened it, and not to a child
 * made by fork(). Memory: open allocates, the request path does not.
 */
#ifndef WEIR_LANE_H
#define WEIR_LANE_H

#include <weir/journal.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_lane;

enum weir_lane_role {
    WEIR_LANE_WORKER,
    WEIR_LANE_CONTROL, /* has a lane kept for it; others may be used too */
};

/*
 * Maps the ring at `ring_path`, claims a lane for this process and opens
 * `run_dir`/lane-NN.fifo. WEIR_EUNAVAIL: no ring yet, no free lane, or no
 * room for the lane's memory; try again later. WEIR_EIO, WEIR_ECORRUPT,
 * WEIR_EVERSION: something to repair.
 */
WEIR_MUST_USE weir_status weir_lane_open(const char *ring_path,
                                         const char *run_dir,
                                         enum weir_lane_role role,
                                         struct weir_lane **lane_out,
                                         struct weir_error *err);
/* Records already appended still reach the disk. NULL is fine. */
void weir_lane_close(struct weir_lane *lane);

/*
 * True when the ring file was replaced (machine restart, damage): records
 * appended here would reach nobody. Close and open again. One stat(): ask
 * from a timer, not per call.
 */
bool weir_lane_is_stale(const struct weir_lane *lane);

/* The core's handle, for weir_journal_append() from the gate. Ring the bell
 * when the mark asks for it. */
struct weir_journal_lane *weir_lane_journal(struct weir_lane *lane);
void weir_lane_ring_bell(struct weir_lane *lane);

/* weir_journal_append() and the bell. */
WEIR_MUST_USE weir_status weir_lane_append(
    struct weir_lane *lane, enum weir_record_kind kind, uint8_t version,
    const weir_span *parts, size_t part_count, enum weir_tier tier,
    weir_time now, weir_journal_mark *mark_out, struct weir_error *err);

/* Readable when a wanted position is durable. Owned by the lane. */
int weir_lane_fd(const struct weir_lane *lane);
/* Takes the bytes off the FIFO. */
void weir_lane_clear(struct weir_lane *lane);
/* See weir_journal_want(): true when durable already. */
bool weir_lane_want(struct weir_lane *lane, uint64_t position);
bool weir_lane_is_durable(const struct weir_lane *lane, uint64_t position);
/* Blocks; for tools and control. WEIR_ETIMEOUT. */
WEIR_MUST_USE weir_status weir_lane_wait(struct weir_lane *lane,
                                         uint64_t position, int timeout_ms,
                                         struct weir_error *err);

enum weir_journal_state weir_lane_state(const struct weir_lane *lane);

/* The writer's figures, from a lane already open, or by mapping the ring
 * for a moment. WEIR_EUNAVAIL: no ring. */
void weir_lane_status(const struct weir_lane *lane,
                      struct weir_journal_status *status_out);
WEIR_MUST_USE weir_status weir_lane_status_of(
    const char *ring_path, struct weir_journal_status *status_out,
    enum weir_journal_state *state_out, struct weir_error *err);

/* Name of segment `number` inside the journal directory. */
#define WEIR_SEGMENT_NAME_BYTES 32
void weir_segment_name(uint64_t number, char name_out[WEIR_SEGMENT_NAME_BYTES]);
/* False: not the name of a segment. */
bool weir_segment_number(const char *name, uint64_t *number_out);

#ifdef __cplusplus
}
#endif
#endif
