/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/ingest/segments.h - the journal as one stream of records.
 *
 * Joins the segments of a journal directory: from any position on, in order,
 * never past what the writer says is on disk.
 *
 * Threads: one owner. Memory: maps one segment at a time; a record's spans
 * live until the next call.
 */
#ifndef WEIR_INGEST_SEGMENTS_H
#define WEIR_INGEST_SEGMENTS_H

#include <weir/journal.h>

struct weir_segments {
    char directory[1024];
    uint64_t number; /* 0: none is open */
    void *map;
    size_t size;
    struct weir_journal_reader reader;
    uint64_t offset; /* of the next record */
    uint64_t damages;
    uint64_t damage_at; /* counted already */
};

void weir_segments_init(struct weir_segments *segments, const char *directory,
                        uint64_t number, uint64_t offset);
void weir_segments_fini(struct weir_segments *segments);

enum weir_segments_result {
    WEIR_SEGMENTS_RECORD,
    WEIR_SEGMENTS_END,    /* nothing more now */
    WEIR_SEGMENTS_DAMAGE, /* bytes were passed over; ask again */
    WEIR_SEGMENTS_FAILED, /* cannot read; err says why */
};

/* What the writer says is on disk; number 0: no writer, the files are all
 * there is. */
struct weir_segments_limit {
    uint64_t number;
    uint64_t bytes;
};

/* False, and zeros: no writer was here since the machine started, or it has
 * not said yet. */
bool weir_segments_written(const char *ring,
                           struct weir_segments_limit *limit_out);

enum weir_segments_result
weir_segments_next(struct weir_segments *segments,
                   const struct weir_segments_limit *limit,
                   struct weir_record *record_out, uint64_t *segment_out,
                   struct weir_error *err);

/* One record at a known place: for explanations and proofs. The bytes are
 * copied into `out`. */
WEIR_MUST_USE weir_status weir_segments_read_at(const char *directory,
                                                uint64_t number,
                                                uint64_t offset,
                                                struct weir_buf *out,
                                                struct weir_record *record_out,
                                                struct weir_error *err);

#endif
