/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment files of one journal directory, as their only writer sees
 * them: one being written, one spare, all others closed for ever.
 */
#ifndef WEIR_WRITER_SEGMENTS_H
#define WEIR_WRITER_SEGMENTS_H

#include <weir/journal.h>

#include "spare.h"

struct segments {
    const struct writer_disk *disk;
    int dir;
    uint64_t bytes;
    struct spare spare;
    uint64_t writer; /* incarnation, for headers */
    uint32_t epoch;
    int fd; /* being written; -1: none */
    bool is_dir_dirty;
    bool is_first;   /* the file made at the start */
    bool is_rough;   /* it is in use: allocated, but its blocks not written */
    uint64_t number; /* of the last file, in use or not */
    uint64_t used;   /* of it: what counts */
    uint64_t salt;
    struct weir_sha256 digest; /* of the used bytes */
};

/* What the end of the journal looked like. */
struct segments_found {
    bool is_any;
    bool is_damaged;     /* somewhere in the last file */
    uint64_t torn_bytes; /* given up behind sound ones */
    uint32_t epoch;      /* of the last file */
};

/* Called for each record of the last file. */
typedef void segments_on_record(void *context,
                                const struct weir_record *record);

/*
 * Opens the directory and reads the last file to its sound end, which it
 * flushes: what `on_record` got is on disk when this returns. WEIR_EIO.
 */
WEIR_MUST_USE weir_status segments_open(
    struct segments *segments, const struct writer_disk *disk, const char *dir,
    uint64_t bytes, bool is_inline, segments_on_record *on_record,
    void *context, struct segments_found *found_out, struct weir_error *err);
void segments_close(struct segments *segments);

/* Bytes a batch may have at the most. */
size_t segments_batch_max(struct segments *segments);

/* Makes sure that the file in use has room for `len` bytes, taking the next
 * if not. 0, or the errno of why there is none. */
int segments_make_room(struct segments *segments, size_t len, weir_time now);

/* Writes and flushes one batch for which there is room. On an errno nothing
 * of it counts, and the file in use is given up. After a success the caller
 * passes the same bytes to segments_digest(), when those who wait are woken:
 * the digest is nobody's hurry. */
int segments_commit(struct segments *segments, const void *bytes, size_t len);
void segments_digest(struct segments *segments, const void *bytes, size_t len);

/* 0, or why the journal is short of space: no spare, and the file in use
 * nearly full. Asks for the spare again. */
int segments_shortage(struct segments *segments);

#endif
