/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/journal.h - records, the shared ring of lanes, segments, replay.
 *
 * A producer (worker, control) owns one lane of a shared-memory ring and
 * appends records to it; one writer process moves them into segment files
 * and flushes in groups. This header is the pure part: formats and ring
 * arithmetic on memory the caller maps. Files, mapping and waking are in
 * writer/ (see weir/lane.h, which most callers want); what only the writer
 * and that library need is in weir/ring.h.
 *
 * Threads: a lane has one producer and one consumer (the writer), each a
 * single thread; they meet in atomics. A reader belongs to one thread.
 * Memory: the caller's; nothing here allocates. Formats byte by byte:
 * docs/formats/journal.md; why it is so: docs/why/journal.md.
 */
#ifndef WEIR_JOURNAL_H
#define WEIR_JOURNAL_H

#include <weir/base.h>
#include <weir/crypto.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------------- records */

/* Numbers are permanent. Payloads of the first four belong to the gate. */
enum weir_record_kind {
    WEIR_RECORD_INTENT = 1,  /* before anything goes upstream */
    WEIR_RECORD_OUTCOME = 2, /* how the call ended */
    WEIR_RECORD_REFUSAL = 3, /* a call that was denied, held or over budget */
    WEIR_RECORD_ADMIN = 4,   /* an act of a person or of control */
    WEIR_RECORD_IMAGE = 5,   /* a policy version became active */
    WEIR_RECORD_GAP = 6,     /* the writer's: what is missing, and why */
    WEIR_RECORD_BATCH = 7,   /* the writer's: opens each group commit */
    WEIR_RECORD_KEPT = 8,    /* something was made or erased at an origin */
    WEIR_RECORD_LINES = 9,   /* what the watch saw of a batch's lines */
};

/* One record as read. `payload` and `raw` are borrowed from the bytes it
 * was read from. (lane, sequence) is unique over all time. */
struct weir_record {
    enum weir_record_kind kind;
    uint8_t version; /* of the payload's layout */
    uint16_t flags;  /* zero today */
    uint64_t lane;   /* incarnation of the lane */
    uint64_t sequence;
    weir_time time;
    weir_span payload;
    weir_span raw;   /* all bytes, padding included */
    uint64_t offset; /* in the segment; ring position in a lane */
};

#define WEIR_RECORD_HEADER_BYTES  32
#define WEIR_RECORD_TRAILER_BYTES 4 /* crc32c of all before it */
/* Bytes a payload of `n` takes in ring and segment (multiple of 8). */
#define WEIR_RECORD_BYTES(n)                                                   \
    (((size_t)(n) + WEIR_RECORD_HEADER_BYTES + WEIR_RECORD_TRAILER_BYTES +     \
      7) &                                                                     \
     ~(size_t)7)
#define WEIR_RECORD_BYTES_MAX WEIR_RECORD_BYTES(WEIR_RECORD_PAYLOAD_MAX)

/* Checks and decodes the record at the start of `bytes`.
 * WEIR_ECORRUPT: there is none whole and sound (zeros included). */
WEIR_MUST_USE weir_status weir_record_read(weir_span bytes,
                                           struct weir_record *record_out);

/* Encodes into `out` (WEIR_RECORD_BYTES of the sum of parts); returns the
 * bytes written. The sum must not exceed WEIR_RECORD_PAYLOAD_MAX. */
size_t weir_record_write(void *out, const struct weir_record *header,
                         const weir_span *parts, size_t part_count);

/* Payload of a WEIR_RECORD_GAP. */
enum weir_gap_reason {
    WEIR_GAP_LANE_DAMAGED = 1,  /* bytes of a lane failed their check */
    WEIR_GAP_NEW_BOOT = 2,      /* the machine restarted: records of tier
                                  `crash` not yet flushed may be missing */
    WEIR_GAP_TORN_TAIL = 3,     /* the last batch of the segment before was
                                  not whole; never acknowledged */
    WEIR_GAP_RING_REPLACED = 4, /* the ring was unreadable and made anew */
};
typedef struct {
    enum weir_gap_reason reason;
    uint64_t lane;           /* incarnation, 0: no one lane */
    uint64_t sequence_first; /* first missing; 0: not known */
    uint64_t bytes;          /* bytes given up */
    uint64_t segment;        /* torn tail: that segment */
} weir_gap;
#define WEIR_GAP_BYTES 40
void weir_gap_encode(const weir_gap *gap, char payload_out[WEIR_GAP_BYTES]);
WEIR_MUST_USE weir_status weir_gap_decode(weir_span payload, weir_gap *gap_out);

/* -------------------------------------------------------------- ring */

/* State of the writer as producers see it. */
enum weir_journal_state {
    WEIR_JOURNAL_STARTING = 0, /* no writer has taken the ring yet */
    WEIR_JOURNAL_RUNNING = 1,
    WEIR_JOURNAL_NO_SPACE = 2, /* disk full: new calls are refused */
    WEIR_JOURNAL_IO_ERROR = 3, /* the disk fails: new calls are refused */
    WEIR_JOURNAL_STOPPED = 4,  /* the writer drained and left */
};

struct weir_ring;        /* shared memory, mapped by everyone */
struct weir_shared_lane; /* one lane in it */

/* A producer's handle on its lane: the caller's storage, private fields. */
struct weir_journal_lane {
    struct weir_ring *ring;
    struct weir_shared_lane *shared;
    char *bytes;
    uint64_t capacity; /* power of two */
    uint64_t head;
    uint64_t durable_seen;
    uint64_t incarnation;
    uint64_t sequence; /* last used */
    uint32_t index;
};

/* Where a record ended: durable once the lane is durable up to here. */
typedef struct {
    uint64_t position;
    uint64_t lane;
    uint64_t sequence;
    bool wake_writer; /* the writer sleeps: weir_lane_ring_bell() */
} weir_journal_mark;

/*
 * Appends one record; visible to the writer when this returns, and from
 * then on safe from the death of any process. The payload is the parts in
 * order. Never blocks.
 *
 * Intents, refusals and admin records are refused while the writer reports
 * no space or failing disk, and when only the last quarter of the lane is
 * free: that quarter is kept for outcomes of calls already admitted.
 * WEIR_EUNAVAIL: one of these, or the lane is full. WEIR_ECORRUPT: the
 * writer found the lane damaged; open another. WEIR_ETOOBIG: payload
 * over WEIR_RECORD_PAYLOAD_MAX.
 */
WEIR_MUST_USE weir_status weir_journal_append(
    struct weir_journal_lane *lane, enum weir_record_kind kind, uint8_t version,
    const weir_span *parts, size_t part_count, enum weir_tier tier,
    weir_time now, weir_journal_mark *mark_out, struct weir_error *err);

/* True once everything up to `position` is on disk. One load. */
bool weir_journal_is_durable(const struct weir_journal_lane *lane,
                             uint64_t position);

/*
 * Asks for one wake-up when `position` (that of the longest waiter) is
 * durable. Returns true if it is so already: then none will come. After a
 * wake-up ask again for the next waiter.
 */
bool weir_journal_want(struct weir_journal_lane *lane, uint64_t position);

/* True when the writer found the lane damaged: nothing more is taken. */
bool weir_journal_is_damaged(const struct weir_journal_lane *lane);

enum weir_journal_state weir_journal_state(const struct weir_ring *ring);

/* ------------------------------------------------------------ status */

#define WEIR_JOURNAL_BUCKETS 24 /* flushes below 2^(n+1) us; last: rest */

/* What the writer tells in the ring; a consistent copy by status_read. */
struct weir_journal_status {
    uint64_t writer_owner; /* as in weir_ring_claim(); 0: none */
    uint64_t writer_starts;
    uint64_t segment;       /* being written */
    uint64_t segment_bytes; /* of it, on disk: read no further */
    uint64_t batches;
    uint64_t records;
    uint64_t bytes;
    uint64_t errors; /* failed writes and flushes */
    uint64_t gaps;   /* gap records written */
    uint64_t flush_us_last;
    uint64_t flush_us_sum;
    uint64_t disk_us_p50; /* write + flush of 256 bytes, at start */
    uint64_t disk_us_p99;
    weir_time committed_at;
    uint64_t flush_us[WEIR_JOURNAL_BUCKETS];
};
void weir_ring_status_read(const struct weir_ring *ring,
                           struct weir_journal_status *status_out);

/* ---------------------------------------------------------- segments */

#define WEIR_SEGMENT_HEADER_BYTES 4096

struct weir_segment_header {
    uint64_t number; /* from 1, without holes */
    uint64_t salt;   /* random; repeated by its batch records */
    weir_time created_at;
    uint64_t bytes;          /* of the file as allocated */
    uint64_t previous_bytes; /* used bytes of number - 1; 0: first. What
                                   lies behind them there does not count */
    weir_digest previous;    /* SHA-256 of these bytes */
    uint64_t writer;         /* incarnation that wrote it */
    uint32_t epoch;          /* of the ring it drained */
};
void weir_segment_header_write(const struct weir_segment_header *header,
                               char bytes_out[WEIR_SEGMENT_HEADER_BYTES]);
WEIR_MUST_USE weir_status weir_segment_header_read(
    weir_span bytes, struct weir_segment_header *header_out,
    struct weir_error *err);

/* Payload of a WEIR_RECORD_BATCH. */
typedef struct {
    uint64_t salt;  /* the segment's */
    uint32_t bytes; /* of the records that follow */
    uint32_t records;
} weir_batch;
#define WEIR_BATCH_BYTES        16
#define WEIR_BATCH_RECORD_BYTES WEIR_RECORD_BYTES(WEIR_BATCH_BYTES)
void weir_batch_encode(const weir_batch *batch,
                       char payload_out[WEIR_BATCH_BYTES]);
WEIR_MUST_USE weir_status weir_batch_decode(weir_span payload,
                                            weir_batch *batch_out);

/* ------------------------------------------------------------ replay */

enum weir_replay_end {
    WEIR_REPLAY_MORE,    /* not at an end yet */
    WEIR_REPLAY_END,     /* every record was read; zeros or nothing follow */
    WEIR_REPLAY_TORN,    /* the last batch is not whole: a crash */
    WEIR_REPLAY_DAMAGED, /* a flushed batch is not whole: not a crash */
};

/* The caller's storage. Borrows the bytes. */
struct weir_journal_reader {
    weir_span bytes;
    struct weir_segment_header header;
    uint64_t offset;    /* of the next record; may be stored and given to
                           weir_journal_reader_seek() later */
    uint64_t batch_end; /* of the batch being read */
    uint64_t resume_at; /* damaged: the next sound batch */
    bool is_settled;
    enum weir_replay_end end;
};

/*
 * Opens the bytes of one segment. `is_settled`: they end where sound bytes
 * are known to end: as far as the status says it is flushed, or at
 * previous_bytes of the next segment's header; anything bad before that end
 * is then damage. Otherwise (the whole file of the last segment, no writer
 * running) the reader judges the end by itself.
 * WEIR_ECORRUPT, WEIR_EVERSION: the header.
 */
WEIR_MUST_USE weir_status
weir_journal_reader_init(struct weir_journal_reader *reader, weir_span bytes,
                         bool is_settled, struct weir_error *err);
/* Goes on at an offset that `reader->offset` or resume_at held before.
 * WEIR_ECORRUPT: no record of a sound batch begins or ends there. */
WEIR_MUST_USE weir_status
weir_journal_reader_seek(struct weir_journal_reader *reader, uint64_t offset,
                         struct weir_error *err);
/* The same segment, now longer: goes on where it stopped. */
void weir_journal_reader_extend(struct weir_journal_reader *reader,
                                weir_span bytes);
/*
 * The next record (batch records are checked and not given out). False at
 * an end, and reader->end says which; reader->offset is then where sound
 * bytes end. The sound records of a torn batch are given out first.
 */
bool weir_journal_next(struct weir_journal_reader *reader,
                       struct weir_record *record_out);

#ifdef __cplusplus
}
#endif
#endif
