/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One file is open for writing; it only grows by whole flushed batches. A
 * file is begun by writing its header into the spare, flushing it, renaming
 * it to its number and flushing the directory. From that moment the header,
 * which says how much of the file before counts, closes that one for ever.
 *
 * WHY A WRITER NEVER GOES ON IN AN OLD FILE. What lies behind the last sound
 * record of a crashed writer, and whether the page cache agrees with the
 * disk after a failed flush, is not worth knowing: a new file has a known
 * state. So each start, and each failed write or flush, begins one.
 *
 * WHY THE OLD FILE IS CUT after a failure: its failed batch may sit whole in
 * the page cache, where the next writer would take it for written.
 */
#include "segments.h"

#include <weir/lane.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The share of a file kept for records that lanes hold already when the
 * next file cannot be had: with it left, new calls are refused. */
#define RESERVE_SHARE 8

/* How long the next file may take before calls are refused. */
#define SPARE_WAIT_MS 500

static uint64_t
last_number(int dir)
{
    uint64_t last = 0;
    uint64_t number;
    struct dirent *entry;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    if (list == NULL) {
        if (fd >= 0)
            close(fd);
        return 0;
    }
    while ((entry = readdir(list)) != NULL)
        if (weir_segment_number(entry->d_name, &number) && number > last)
            last = number;
    closedir(list);
    return last;
}

/* Walks all sound batches, over damage too; returns where they end. */
static uint64_t
walk(struct segments *segments, weir_span bytes, segments_on_record *on_record,
     void *context, struct segments_found *found)
{
    struct weir_journal_reader reader;
    struct weir_record record;

    if (weir_journal_reader_init(&reader, bytes, false, NULL) != WEIR_OK) {
        found->is_damaged = true; /* keep it all: there is no sound end */
        return bytes.len;
    }
    found->epoch = reader.header.epoch;
    for (;;) {
        while (weir_journal_next(&reader, &record))
            on_record(context, &record);
        if (reader.end != WEIR_REPLAY_DAMAGED ||
            weir_journal_reader_seek(&reader, reader.resume_at, NULL) !=
                WEIR_OK)
            break;
        found->is_damaged = true;
    }
    if (reader.end == WEIR_REPLAY_TORN) {
        uint64_t last = bytes.len;
        while (last > reader.offset && bytes.ptr[last - 1] == 0)
            last--;
        found->torn_bytes = last - reader.offset;
    }
    return reader.offset;
}

static weir_status
read_last(struct segments *segments, segments_on_record *on_record,
          void *context, struct segments_found *found, struct weir_error *err)
{
    char name[WEIR_SEGMENT_NAME_BYTES];
    struct stat info;
    const char *bytes = "";
    weir_status status = WEIR_OK;

    weir_segment_name(segments->number, name);
    int fd = openat(segments->dir, name, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0 || segments->disk->sync(fd) != 0) {
        status = weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                           "journal segment %s: %s", name, strerror(errno));
        goto done;
    }
    size_t len = (size_t)info.st_size;
    if (len > 0)
        bytes = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED) {
        status = weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                           "journal segment %s: %s", name, strerror(errno));
        goto done;
    }
    segments->used =
        walk(segments, (weir_span){bytes, len}, on_record, context, found);
    weir_sha256_init(&segments->digest);
    weir_sha256_add(&segments->digest, bytes, (size_t)segments->used);
    if (len > 0)
        munmap((void *)(uintptr_t)bytes, len);
    /* the unused rest is given back; that it does not count, the header of
     * the next file says */
    if (segments->used < len)
        (void)segments->disk->truncate(fd, segments->used);
done:
    if (fd >= 0)
        close(fd);
    return status;
}

weir_status
segments_open(struct segments *segments, const struct writer_disk *disk,
              const char *dir, uint64_t bytes, bool is_inline,
              segments_on_record *on_record, void *context,
              struct segments_found *found_out, struct weir_error *err)
{
    memset(segments, 0, sizeof(*segments));
    memset(found_out, 0, sizeof(*found_out));
    segments->disk = disk;
    segments->bytes = bytes;
    segments->fd = -1;
    segments->is_first = true;
    segments->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (segments->dir < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "journal directory: %s", strerror(errno));
    segments->number = last_number(segments->dir);
    if (segments->number != 0) {
        found_out->is_any = true;
        weir_status status =
            read_last(segments, on_record, context, found_out, err);
        if (status != WEIR_OK) {
            close(segments->dir);
            return status;
        }
    }
    spare_init(&segments->spare, disk, segments->dir, bytes, is_inline);
    return WEIR_OK;
}

void
segments_close(struct segments *segments)
{
    spare_fini(&segments->spare);
    if (segments->fd >= 0) {
        (void)segments->disk->truncate(segments->fd, segments->used);
        close(segments->fd);
    }
    close(segments->dir);
}

size_t
segments_batch_max(struct segments *segments)
{
    int failure = 0;
    uint64_t room = segments->bytes - segments->used;
    uint64_t max = (segments->bytes - WEIR_SEGMENT_HEADER_BYTES) / 4;
    if (max > WEIR_BATCH_BYTES_MAX)
        max = WEIR_BATCH_BYTES_MAX;
    /* no next file to be had: fill this one to its end */
    if (segments->fd >= 0 && room < max &&
        room >= WEIR_BATCH_RECORD_BYTES + WEIR_RECORD_BYTES_MAX &&
        spare_look(&segments->spare, 0, &failure) != SPARE_READY &&
        failure != 0)
        max = room;
    return (size_t)max;
}

/* The spare, or at the start a file only allocated, for speed. */
static int
take_file(struct segments *segments, int *fd_out)
{
    int failure = 0;
    if (segments->is_first) {
        failure = spare_make(segments->disk, segments->dir, segments->bytes,
                             false, fd_out);
        segments->is_first = failure != 0;
        return failure;
    }
    spare_want(&segments->spare);
    switch (spare_take(&segments->spare, SPARE_WAIT_MS, fd_out, &failure)) {
    case SPARE_READY:
        return 0;
    case SPARE_FAILED:
        return failure;
    default:
        return EAGAIN;
    }
}

static int
begin_next(struct segments *segments, weir_time now)
{
    char header_bytes[WEIR_SEGMENT_HEADER_BYTES];
    char name[WEIR_SEGMENT_NAME_BYTES];
    int fd = -1;
    bool was_first = segments->is_first;
    int failure = take_file(segments, &fd);
    if (failure != 0)
        return failure;

    struct weir_segment_header header = {
        .number = segments->number + 1,
        .created_at = now,
        .bytes = segments->bytes,
        .previous_bytes = segments->used,
        .writer = segments->writer,
        .epoch = segments->epoch,
    };
    if (!weir_random_system(NULL, &header.salt, sizeof(header.salt)))
        failure = EIO;
    if (segments->number != 0) {
        struct weir_sha256 copy = segments->digest;
        weir_sha256_final(&copy, &header.previous);
    }
    weir_segment_header_write(&header, header_bytes);
    weir_segment_name(header.number, name);
    if (failure == 0)
        failure =
            segments->disk->write(fd, header_bytes, sizeof(header_bytes), 0);
    if (failure == 0)
        failure = segments->disk->sync(fd);
    if (failure == 0)
        failure = segments->disk->rename(segments->dir, SPARE_NAME, name);
    if (failure != 0) {
        close(fd);
        unlinkat(segments->dir, SPARE_NAME, 0);
        return failure;
    }
    if (segments->fd >= 0) {
        if (segments->is_rough)
            (void)segments->disk->release(segments->fd, segments->used,
                                          segments->bytes);
        close(segments->fd);
    }
    segments->is_rough = was_first && segments->spare.has_thread;
    segments->fd = fd;
    segments->number = header.number;
    segments->salt = header.salt;
    segments->used = sizeof(header_bytes);
    segments->is_dir_dirty = true;
    weir_sha256_init(&segments->digest);
    weir_sha256_add(&segments->digest, header_bytes, sizeof(header_bytes));
    spare_want(&segments->spare);
    return 0;
}

int
segments_make_room(struct segments *segments, size_t len, weir_time now)
{
    int failure = 0;
    /* The file made at the start serves until a better one is ready: each
     * flush of it waits for the file system's own journal. */
    bool is_better = segments->is_rough &&
                     spare_look(&segments->spare, 0, &failure) == SPARE_READY;
    failure = 0;
    if (segments->fd < 0 || is_better || segments->bytes - segments->used < len)
        failure = begin_next(segments, now);
    if (failure == 0 && segments->is_dir_dirty) {
        failure = segments->disk->sync_dir(segments->dir);
        segments->is_dir_dirty = failure != 0;
    }
    return failure;
}

int
segments_commit(struct segments *segments, const void *bytes, size_t len)
{
    WEIR_ASSERT(segments->fd >= 0 && !segments->is_dir_dirty);
    WEIR_ASSERT(segments->bytes - segments->used >= len);
    int failure =
        segments->disk->write(segments->fd, bytes, len, segments->used);
    if (failure == 0)
        failure = segments->disk->sync(segments->fd);
    if (failure != 0) {
        (void)segments->disk->truncate(segments->fd, segments->used);
        close(segments->fd);
        segments->fd = -1;
        return failure;
    }
    segments->used += len;
    return 0;
}

void
segments_digest(struct segments *segments, const void *bytes, size_t len)
{
    weir_sha256_add(&segments->digest, bytes, len);
}

int
segments_shortage(struct segments *segments)
{
    int failure = 0;
    if (segments->fd < 0)
        return ENOSPC;
    bool is_low =
        segments->bytes - segments->used < segments->bytes / RESERVE_SHARE;
    /* Who is let in now may have to go into the next file: whether there
     * will be one must be known. */
    enum spare_state state =
        spare_look(&segments->spare, is_low ? SPARE_WAIT_MS : 0, &failure);
    if (state == SPARE_NONE || state == SPARE_FAILED)
        spare_want(&segments->spare);
    if (state == SPARE_READY || !is_low)
        return 0;
    /* an attempt under way does not make up for the one that failed */
    return failure == 0 && state == SPARE_WANTED ? EAGAIN : failure;
}
