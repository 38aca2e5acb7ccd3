/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment is closed when the next one exists: its header says how many
 * bytes of this one count. The newest is read as far as the writer's status
 * says it is flushed. Without a writer, the reader judges the end itself.
 */
#include "control/ingest/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weir/lane.h>

void
weir_segments_init(struct weir_segments *segments, const char *directory,
                   uint64_t number, uint64_t offset)
{
    memset(segments, 0, sizeof *segments);
    snprintf(segments->directory, sizeof segments->directory, "%s", directory);
    segments->number = number == 0 ? 1 : number;
    segments->offset = offset;
}

static void
close_map(struct weir_segments *segments)
{
    if (segments->map != NULL)
        munmap(segments->map, segments->size);
    segments->map = NULL;
    segments->size = 0;
}

void
weir_segments_fini(struct weir_segments *segments)
{
    close_map(segments);
}

static int
open_segment(const char *directory, uint64_t number, struct stat *info)
{
    char name[WEIR_SEGMENT_NAME_BYTES], path[1200];
    weir_segment_name(number, name);
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && fstat(file, info) != 0) {
        close(file);
        file = -1;
    }
    return file;
}

/* The header of segment `number`; ENOTFOUND when it is not there yet. */
static weir_status
read_header(const char *directory, uint64_t number,
            struct weir_segment_header *header_out, struct weir_error *err)
{
    char bytes[WEIR_SEGMENT_HEADER_BYTES];
    struct stat info;
    int file = open_segment(directory, number, &info);
    if (file < 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no segment %llu", (unsigned long long)number);
    ssize_t got = pread(file, bytes, sizeof bytes, 0);
    close(file);
    if (got != (ssize_t)sizeof bytes)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "segment %llu has no header",
                         (unsigned long long)number);
    return weir_segment_header_read((weir_span){bytes, sizeof bytes},
                                    header_out, err);
}

/* How far the open segment may be read, and whether that is its end. */
static uint64_t
readable(const struct weir_segments *segments,
         const struct weir_segments_limit *limit, bool *is_closed_out,
         bool *is_settled_out)
{
    struct weir_segment_header next = {0};
    *is_closed_out = false;
    *is_settled_out = true;
    if (read_header(segments->directory, segments->number + 1, &next, NULL) ==
        WEIR_OK) {
        *is_closed_out = true;
        return next.previous_bytes;
    }
    if (limit->number == segments->number)
        return limit->bytes;
    if (limit->number != 0)
        return 0; /* the writer has not said anything of it yet */
    *is_settled_out = false;
    return segments->size;
}

static weir_status
open_map(struct weir_segments *segments, struct weir_error *err)
{
    struct stat info;
    int file = open_segment(segments->directory, segments->number, &info);
    if (file < 0)
        return weir_fail(err, errno == ENOENT ? WEIR_ENOTFOUND : WEIR_EIO,
                         WEIR_OFFSET_NONE, "segment %llu: %s",
                         (unsigned long long)segments->number, strerror(errno));
    segments->size = (size_t)info.st_size;
    segments->map = segments->size == 0 ? MAP_FAILED
                                        : mmap(NULL, segments->size, PROT_READ,
                                               MAP_SHARED, file, 0);
    close(file);
    if (segments->map == MAP_FAILED) {
        segments->map = NULL;
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "segment %llu cannot be mapped",
                         (unsigned long long)segments->number);
    }
    return WEIR_OK;
}

static weir_status
seek(struct weir_segments *segments, weir_span bytes, bool is_settled,
     struct weir_error *err)
{
    weir_status status =
        weir_journal_reader_init(&segments->reader, bytes, is_settled, err);
    if (status == WEIR_OK && segments->offset != 0)
        status =
            weir_journal_reader_seek(&segments->reader, segments->offset, err);
    return status;
}

/* Opens what is to be read, or extends it; ENOTFOUND: not there yet. */
static weir_status
prepare(struct weir_segments *segments, const struct weir_segments_limit *limit,
        bool *is_closed_out, struct weir_error *err)
{
    bool is_settled, is_new = segments->map == NULL;
    weir_status status = is_new ? open_map(segments, err) : WEIR_OK;
    if (status != WEIR_OK)
        return status;
    uint64_t end = readable(segments, limit, is_closed_out, &is_settled);
    if (end > segments->size)
        end = segments->size;
    if (end < WEIR_SEGMENT_HEADER_BYTES) {
        close_map(segments);
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "nothing of segment %llu is on disk yet",
                         (unsigned long long)segments->number);
    }
    /* Before there was a writer to ask, what it had not flushed was read too:
     * it will say so in a moment. */
    if (!*is_closed_out && is_settled && end < segments->offset)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "segment %llu is on disk only to byte %llu yet",
                         (unsigned long long)segments->number,
                         (unsigned long long)end);
    weir_span bytes = {segments->map, (size_t)end};
    if (!is_new && is_settled && segments->reader.is_settled) {
        if (bytes.len > segments->reader.bytes.len)
            weir_journal_reader_extend(&segments->reader, bytes);
        return WEIR_OK;
    }
    status = seek(segments, bytes, is_settled, err);
    if (status != WEIR_OK)
        close_map(segments);
    return status;
}

static void
go_to_next(struct weir_segments *segments)
{
    close_map(segments);
    segments->number++;
    segments->offset = 0;
    segments->damage_at = 0;
}

enum weir_segments_result
weir_segments_next(struct weir_segments *segments,
                   const struct weir_segments_limit *limit,
                   struct weir_record *record_out, uint64_t *segment_out,
                   struct weir_error *err)
{
    for (;;) {
        bool is_closed = false;
        if (segments->map != NULL &&
            weir_journal_next(&segments->reader, record_out)) {
            segments->offset = segments->reader.offset;
            *segment_out = segments->number;
            return WEIR_SEGMENTS_RECORD;
        }
        bool was_open = segments->map != NULL;
        uint64_t before = was_open ? segments->reader.bytes.len : 0;
        weir_status status = prepare(segments, limit, &is_closed, err);
        if (status == WEIR_ENOTFOUND)
            return WEIR_SEGMENTS_END;
        if (status != WEIR_OK)
            return WEIR_SEGMENTS_FAILED;
        if (!was_open || segments->reader.bytes.len > before)
            continue;
        segments->offset = segments->reader.offset;
        if (segments->reader.end == WEIR_REPLAY_DAMAGED) {
            bool is_known = segments->damage_at == segments->offset;
            segments->damages += !is_known;
            segments->damage_at = segments->offset;
            if (segments->reader.resume_at != 0 &&
                weir_journal_reader_seek(&segments->reader,
                                         segments->reader.resume_at,
                                         err) == WEIR_OK)
                return WEIR_SEGMENTS_DAMAGE;
            if (!is_closed)
                return WEIR_SEGMENTS_END;
            go_to_next(segments);
            return WEIR_SEGMENTS_DAMAGE;
        }
        if (!is_closed)
            return WEIR_SEGMENTS_END;
        go_to_next(segments);
    }
}

weir_status
weir_segments_read_at(const char *directory, uint64_t number, uint64_t offset,
                      struct weir_buf *out, struct weir_record *record_out,
                      struct weir_error *err)
{
    struct stat info;
    int file = open_segment(directory, number, &info);
    if (file < 0)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "segment %llu is not there",
                         (unsigned long long)number);
    size_t at = weir_buf_reserve(out, WEIR_RECORD_BYTES_MAX, 8);
    ssize_t got = at == SIZE_MAX ? -1
                                 : pread(file, out->ptr + at,
                                         WEIR_RECORD_BYTES_MAX, (off_t)offset);
    close(file);
    if (got <= 0)
        return weir_fail(
            err, WEIR_EIO, WEIR_OFFSET_NONE, "cannot read segment %llu at %llu",
            (unsigned long long)number, (unsigned long long)offset);
    if (weir_record_read((weir_span){out->ptr + at, (size_t)got}, record_out) !=
        WEIR_OK)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "no sound record in segment %llu at %llu",
                         (unsigned long long)number,
                         (unsigned long long)offset);
    return WEIR_OK;
}

bool
weir_segments_written(const char *ring, struct weir_segments_limit *limit_out)
{
    struct weir_journal_status status;
    enum weir_journal_state state = WEIR_JOURNAL_STARTING;
    *limit_out = (struct weir_segments_limit){0, 0};
    if (weir_lane_status_of(ring, &status, &state, NULL) != WEIR_OK ||
        state == WEIR_JOURNAL_STARTING)
        return false;
    *limit_out =
        (struct weir_segments_limit){status.segment, status.segment_bytes};
    return true;
}
