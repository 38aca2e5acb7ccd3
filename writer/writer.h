/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer: drains the lanes of one ring into segments, in groups.
 *
 * Threads: one owns the writer; the spare file has its own inside.
 */
#ifndef WEIR_WRITER_H
#define WEIR_WRITER_H

#include <weir/lane.h>
#include <weir/ring.h>

#include "segments.h"

#define WRITER_LANES (WEIR_LANES_MAX + 1)
#define WRITER_GAPS  8

struct writer_config {
    const char *ring_path;
    const char *journal_dir;
    const char *run_dir;
    uint32_t lane_bytes;
    uint64_t segment_bytes;
    uint64_t free_bytes; /* below, new calls are refused; 0: not looked at */
    const struct writer_disk *disk;
    bool is_inline; /* no thread for the spare file */
    bool is_quiet;  /* nothing on stderr */
};

struct writer {
    struct writer_config config;
    int lock; /* held: one writer per journal */
    void *memory;
    size_t size;
    struct weir_ring *ring;
    uint32_t lanes;
    bool is_foreign; /* the ring of another run: to drain */
    struct segments segments;

    struct weir_journal_drain drain[WRITER_LANES];
    uint64_t last[WRITER_LANES]; /* in the last segment */
    int fifo[WRITER_LANES];
    uint64_t fifo_for[WRITER_LANES]; /* incarnation */
    uint32_t turn;                   /* lane to begin with: all get a share */

    uint64_t incarnation; /* of the writer's own records */
    uint64_t sequence;
    weir_gap gaps[WRITER_GAPS]; /* to be written with the next batch */
    size_t gap_count;

    char *batch; /* being put together */
    size_t batch_len;
    uint32_t batch_records;
    uint32_t batch_gaps;

    struct weir_journal_status status;
    enum weir_journal_state state;
    int64_t retry_at;    /* monotonic us; 0: nothing failed */
    int64_t stuck_until; /* no batch is tried before */
    int64_t committed_at;
    int64_t looked_at; /* for dead owners */
};

/*
 * Takes the journal: one writer at a time holds its lock. Makes the ring or
 * takes over the one there is, and finds out what is written already.
 * WEIR_ECONFLICT: another writer lives. WEIR_EIO.
 */
WEIR_MUST_USE weir_status writer_open(struct writer *writer,
                                      const struct writer_config *config,
                                      struct weir_error *err);
/* Says it stopped and lets go; what was not drained stays in the ring. */
void writer_close(struct writer *writer);

/* One round: at most one batch. True if it should be called again at once. */
bool writer_step(struct writer *writer);
/* Sleeps until a lane wants something, or a chore is due. */
void writer_sleep(struct writer *writer);
/* Nothing published that is not on disk. */
bool writer_is_drained(const struct writer *writer);

/* batch.c: collects, commits, publishes. 0: done (or nothing to do, then
 * *records_out is 0), else an errno and everything is as before. */
int writer_batch(struct writer *writer, uint32_t *records_out);
/* One byte into the lane's FIFO. */
void writer_wake(struct writer *writer, uint32_t lane);
/* Remembers a gap for the next batch. */
void writer_gap(struct writer *writer, const weir_gap *gap);

/* ring.c: mapping, making and replacing the ring file. */
WEIR_MUST_USE weir_status writer_ring_open(struct writer *writer,
                                           struct weir_error *err);
WEIR_MUST_USE weir_status writer_ring_replace(struct writer *writer,
                                              struct weir_error *err);
void writer_ring_close(struct writer *writer);

/* probe.c: write and flush of 256 bytes on this disk, in us. */
void writer_probe(const struct writer_disk *disk, int dir, uint64_t *p50_out,
                  uint64_t *p99_out);

int64_t writer_clock_us(void); /* monotonic */
weir_time writer_now(void);
void writer_log(const struct writer *writer, const char *format, ...)
    WEIR_PRINTF(2, 3);

#endif
