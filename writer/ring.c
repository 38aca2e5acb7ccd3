/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring file. It is made beside its place and renamed, so that whoever
 * opens it finds it whole. One of another run of the machine (or of another
 * process namespace) is first drained, then replaced: the numbers of the
 * processes in it mean nothing any more.
 */
#include "writer.h"

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static weir_status
map(struct writer *writer, int fd, uint64_t size, struct weir_error *err)
{
    void *memory =
        mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "journal ring: cannot map it: %s", strerror(errno));
    writer->memory = memory;
    writer->size = (size_t)size;
    return WEIR_OK;
}

void
writer_ring_close(struct writer *writer)
{
    if (writer->memory != NULL)
        munmap(writer->memory, writer->size);
    writer->memory = NULL;
    writer->ring = NULL;
}

static void
begin_lanes(struct writer *writer)
{
    writer->lanes = weir_ring_lanes(writer->ring);
    for (uint32_t i = 0; i < writer->lanes; i++) {
        weir_drain_init(&writer->drain[i], writer->ring, i);
        if (writer->fifo[i] >= 0)
            close(writer->fifo[i]);
        writer->fifo[i] = -1;
    }
    writer->incarnation = weir_ring_next_incarnation(writer->ring);
    writer->sequence = 0;
    writer->segments.writer = writer->incarnation;
    writer->segments.epoch = weir_ring_epoch(writer->ring);
}

static weir_status
make(struct writer *writer, uint32_t epoch, struct weir_error *err)
{
    char path[PATH_MAX];
    uint8_t run[16];
    uint64_t size = weir_ring_bytes(WRITER_LANES, writer->config.lane_bytes);
    int len = snprintf(path, sizeof(path), "%s.new", writer->config.ring_path);
    if (len < 0 || (size_t)len >= sizeof(path))
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "journal ring: the path is too long");
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s: %s", path,
                         strerror(errno));
    /* the headers get real blocks: a later touch must not fail */
    int failure = ftruncate(fd, (off_t)size) == 0 ? 0 : errno;
    if (failure == 0 &&
        fallocate(fd, 0, 0,
                  (off_t)(size - (uint64_t)WRITER_LANES *
                                     writer->config.lane_bytes)) != 0)
        failure = errno == EOPNOTSUPP ? 0 : errno;
    weir_status status = failure == 0
                             ? map(writer, fd, size, err)
                             : weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                                         "journal ring: %s", strerror(failure));
    close(fd);
    if (status != WEIR_OK)
        return status;
    process_run(run);
    weir_ring_init(writer->memory, WRITER_LANES, writer->config.lane_bytes,
                   epoch, run, writer_now());
    status = weir_ring_check(writer->memory, size, &writer->ring, err);
    if (status == WEIR_OK && rename(path, writer->config.ring_path) != 0)
        status = weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "journal ring: %s",
                           strerror(errno));
    if (status == WEIR_OK)
        begin_lanes(writer);
    return status;
}

/* Later than any epoch before, even if the clock or a file was lost. */
static uint32_t
next_epoch(const struct writer *writer, uint32_t before)
{
    uint32_t seconds = (uint32_t)(writer_now() / WEIR_US_PER_SEC);
    uint32_t epoch = writer->segments.epoch;
    if (before > epoch)
        epoch = before;
    return epoch + 1 > seconds ? epoch + 1 : seconds;
}

weir_status
writer_ring_open(struct writer *writer, struct weir_error *err)
{
    struct stat info;
    uint8_t run[16];
    weir_status status = WEIR_EIO;
    int fd = open(writer->config.ring_path, O_RDWR | O_CLOEXEC);

    if (fd < 0 && errno != ENOENT)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "journal ring: %s",
                         strerror(errno));
    if (fd < 0) {
        if (writer->segments.number != 0)
            writer_gap(writer, &(weir_gap){.reason = WEIR_GAP_NEW_BOOT});
        return make(writer, next_epoch(writer, 0), err);
    }
    if (fstat(fd, &info) == 0 && info.st_size > 0)
        status = map(writer, fd, (uint64_t)info.st_size, err);
    close(fd);
    if (status == WEIR_OK)
        status =
            weir_ring_check(writer->memory, writer->size, &writer->ring, err);
    if (status != WEIR_OK) {
        writer_log(writer, "the ring is not usable and is made anew");
        writer_ring_close(writer);
        writer_gap(writer, &(weir_gap){.reason = WEIR_GAP_RING_REPLACED});
        return make(writer, next_epoch(writer, 0), err);
    }
    process_run(run);
    writer->is_foreign =
        memcmp(run, weir_ring_boot(writer->ring), sizeof(run)) != 0;
    if (weir_ring_epoch(writer->ring) < writer->segments.epoch) {
        /* a copy put back: its numbers were used since */
        writer_gap(writer, &(weir_gap){.reason = WEIR_GAP_RING_REPLACED});
        writer_ring_close(writer);
        writer->is_foreign = false;
        return make(writer, next_epoch(writer, 0), err);
    }
    begin_lanes(writer);
    return WEIR_OK;
}

weir_status
writer_ring_replace(struct writer *writer, struct weir_error *err)
{
    uint8_t run[16];
    uint32_t epoch = next_epoch(writer, weir_ring_epoch(writer->ring));

    process_run(run);
    /* the same kernel kept every page; another one kept what it had flushed */
    if (memcmp(run, weir_ring_boot(writer->ring), 8) != 0)
        writer_gap(writer, &(weir_gap){.reason = WEIR_GAP_NEW_BOOT});
    writer_ring_close(writer);
    writer->is_foreign = false;
    return make(writer, epoch, err);
}
