/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lane library: what stands between a producer and the pure ring.
 *
 *    producer --- mmap ---> journal.ring <--- mmap --- writer
 *        ^                                               |
 *        '---- lane-NN.fifo: one byte per wish <---------'
 *
 * WHY A FIFO. The producer is an event loop: it needs a descriptor, and the
 * writer, started later or again, must find the other end by name. An
 * eventfd would have to be passed over a socket each time either side
 * restarts. The producer opens it for reading and writing, so it never sees
 * an end when a writer dies.
 *
 * WHY THE LANE'S MEMORY IS ALLOCATED AT THE CLAIM. The ring is a sparse file.
 * Were its disk full at the first touch of a page, the kernel would kill the
 * worker with SIGBUS in the middle of a call; here the claim fails instead.
 */
#include <weir/lane.h>
#include <weir/ring.h>

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct weir_lane {
    struct weir_journal_lane journal;
    struct weir_ring *ring;
    void *memory;
    size_t size;
    dev_t device;
    ino_t inode;
    int fifo;
    char path[PATH_MAX];
};

/* Maps the ring at `path`; *size_out bytes at *memory_out. */
static weir_status
map_ring(const char *path, int *fd_out, struct stat *info, void **memory_out,
         struct weir_ring **ring_out, struct weir_error *err)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return weir_fail(err, errno == ENOENT ? WEIR_EUNAVAIL : WEIR_EIO,
                         WEIR_OFFSET_NONE, "journal ring: %s", strerror(errno));
    void *memory = MAP_FAILED;
    if (fstat(fd, info) == 0 && info->st_size > 0)
        memory = mmap(NULL, (size_t)info->st_size, PROT_READ | PROT_WRITE,
                      MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        close(fd);
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "journal ring: cannot map it");
    }
    weir_status status =
        weir_ring_check(memory, (uint64_t)info->st_size, ring_out, err);
    if (status != WEIR_OK) {
        munmap(memory, (size_t)info->st_size);
        close(fd);
        return status;
    }
    *memory_out = memory;
    *fd_out = fd;
    return WEIR_OK;
}

static weir_status
open_fifo(struct weir_lane *lane, const char *run_dir, struct weir_error *err)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/lane-%02u.fifo", run_dir,
                       lane->journal.index);
    if (len < 0 || (size_t)len >= sizeof(path))
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "run directory: the path is too long");
    if (mkfifo(path, 0600) != 0 && errno != EEXIST)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "lane-%02u.fifo: %s",
                         lane->journal.index, strerror(errno));
    lane->fifo = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (lane->fifo < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "lane-%02u.fifo: %s",
                         lane->journal.index, strerror(errno));
    weir_lane_clear(lane);
    return WEIR_OK;
}

static weir_status
claim(struct weir_lane *lane, int fd, enum weir_lane_role role,
      struct weir_error *err)
{
    uint8_t run[16];
    process_run(run);
    if (memcmp(run, weir_ring_boot(lane->ring), sizeof(run)) != 0)
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "the journal ring is of another run of the machine "
                         "or another process namespace");
    uint64_t owner = process_owner(getpid());
    if (owner == 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "cannot read this process's start time");
    weir_status status = weir_ring_claim(
        lane->ring, owner, role == WEIR_LANE_CONTROL, &lane->journal, err);
    if (status != WEIR_OK)
        return status;
    uint32_t index = lane->journal.index;
    uint64_t offset = weir_ring_lane_offset(lane->ring, index);
    uint32_t bytes = weir_ring_lane_bytes(lane->ring);
    if (fallocate(fd, 0, (off_t)offset, (off_t)bytes) != 0 &&
        errno != EOPNOTSUPP) {
        weir_ring_release(&lane->journal);
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "journal ring: no room for a lane: %s",
                         strerror(errno));
    }
    /* Page faults belong to the start, not to the first thousand calls. */
    (void)madvise((char *)lane->memory + offset, bytes, MADV_POPULATE_WRITE);
    return WEIR_OK;
}

weir_status
weir_lane_open(const char *ring_path, const char *run_dir,
               enum weir_lane_role role, struct weir_lane **lane_out,
               struct weir_error *err)
{
    struct stat info = {0};
    int fd = -1;
    struct weir_lane *lane = calloc(1, sizeof(*lane));

    if (lane == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    lane->fifo = -1;
    snprintf(lane->path, sizeof(lane->path), "%s", ring_path);
    weir_status status =
        map_ring(ring_path, &fd, &info, &lane->memory, &lane->ring, err);
    if (status != WEIR_OK) {
        free(lane);
        return status;
    }
    lane->size = (size_t)info.st_size;
    lane->device = info.st_dev;
    lane->inode = info.st_ino;
    status = claim(lane, fd, role, err);
    close(fd);
    if (status == WEIR_OK)
        status = open_fifo(lane, run_dir, err);
    if (status != WEIR_OK) {
        weir_lane_close(lane);
        return status;
    }
    *lane_out = lane;
    return WEIR_OK;
}

void
weir_lane_close(struct weir_lane *lane)
{
    if (lane == NULL)
        return;
    if (lane->journal.shared != NULL) {
        weir_ring_release(&lane->journal);
        weir_lane_ring_bell(lane);
    }
    if (lane->fifo >= 0)
        close(lane->fifo);
    munmap(lane->memory, lane->size);
    free(lane);
}

bool
weir_lane_is_stale(const struct weir_lane *lane)
{
    struct stat info;
    return weir_journal_is_damaged(&lane->journal) ||
           stat(lane->path, &info) != 0 || info.st_dev != lane->device ||
           info.st_ino != lane->inode;
}

struct weir_journal_lane *
weir_lane_journal(struct weir_lane *lane)
{
    return &lane->journal;
}

void
weir_lane_ring_bell(struct weir_lane *lane)
{
    if (weir_ring_wake(lane->ring))
        syscall(SYS_futex, weir_ring_bell(lane->ring), FUTEX_WAKE, 1, NULL,
                NULL, 0);
}

weir_status
weir_lane_append(struct weir_lane *lane, enum weir_record_kind kind,
                 uint8_t version, const weir_span *parts, size_t part_count,
                 enum weir_tier tier, weir_time now,
                 weir_journal_mark *mark_out, struct weir_error *err)
{
    weir_status status =
        weir_journal_append(&lane->journal, kind, version, parts, part_count,
                            tier, now, mark_out, err);
    if (status == WEIR_OK && mark_out->wake_writer)
        weir_lane_ring_bell(lane);
    return status;
}

int
weir_lane_fd(const struct weir_lane *lane)
{
    return lane->fifo;
}

void
weir_lane_clear(struct weir_lane *lane)
{
    char bytes[256];
    while (read(lane->fifo, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
        ;
}

bool
weir_lane_want(struct weir_lane *lane, uint64_t position)
{
    return weir_journal_want(&lane->journal, position);
}

bool
weir_lane_is_durable(const struct weir_lane *lane, uint64_t position)
{
    return weir_journal_is_durable(&lane->journal, position);
}

static int64_t
monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

weir_status
weir_lane_wait(struct weir_lane *lane, uint64_t position, int timeout_ms,
               struct weir_error *err)
{
    int64_t end = monotonic_ms() + timeout_ms;
    while (!weir_lane_want(lane, position)) {
        int64_t left = end - monotonic_ms();
        struct pollfd wait = {.fd = lane->fifo, .events = POLLIN};
        if (left <= 0)
            return weir_fail(err, WEIR_ETIMEOUT, WEIR_OFFSET_NONE,
                             "the journal's writer did not answer in %d ms",
                             timeout_ms);
        if (poll(&wait, 1, (int)left) > 0)
            weir_lane_clear(lane);
    }
    return WEIR_OK;
}

enum weir_journal_state
weir_lane_state(const struct weir_lane *lane)
{
    return weir_journal_state(lane->ring);
}

void
weir_lane_status(const struct weir_lane *lane,
                 struct weir_journal_status *status_out)
{
    weir_ring_status_read(lane->ring, status_out);
}

weir_status
weir_lane_status_of(const char *ring_path,
                    struct weir_journal_status *status_out,
                    enum weir_journal_state *state_out, struct weir_error *err)
{
    struct stat info = {0};
    struct weir_ring *ring = NULL;
    void *memory = NULL;
    int fd = -1;
    weir_status status = map_ring(ring_path, &fd, &info, &memory, &ring, err);
    if (status != WEIR_OK)
        return status;
    weir_ring_status_read(ring, status_out);
    *state_out = weir_journal_state(ring);
    munmap(memory, (size_t)info.st_size);
    close(fd);
    return WEIR_OK;
}

void
weir_segment_name(uint64_t number, char name_out[WEIR_SEGMENT_NAME_BYTES])
{
    snprintf(name_out, WEIR_SEGMENT_NAME_BYTES, "%010llu.journal",
             (unsigned long long)number);
}

bool
weir_segment_number(const char *name, uint64_t *number_out)
{
    char back[WEIR_SEGMENT_NAME_BYTES];
    uint64_t number;
    size_t len = strlen(name);
    if (len < 18 || len >= sizeof(back) ||
        strcmp(name + len - 8, ".journal") != 0 ||
        !weir_span_to_u64((weir_span){name, len - 8}, &number) || number == 0)
        return false;
    /* one name per number: no extra zeros */
    weir_segment_name(number, back);
    if (strcmp(back, name) != 0)
        return false;
    *number_out = number;
    return true;
}
