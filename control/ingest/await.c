/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for what workers have appended and the writer has not flushed: who
 * lists what a tenant keeps must see what the tenant made a moment ago, on
 * however slow a disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <weir/ring.h>

#include "control/ingest/parts.h"

#define LOOK_US 2000

static int64_t
now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The ring as this caller's own mapping; NULL: there is none. */
static void *
map_ring(const char *path, size_t *size_out, struct weir_ring **ring_out)
{
    struct stat info;
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file < 0)
        return NULL;
    void *map = fstat(file, &info) != 0
                    ? MAP_FAILED
                    : mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE,
                           MAP_SHARED, file, 0);
    close(file);
    if (map == MAP_FAILED)
        return NULL;
    *size_out = (size_t)info.st_size;
    if (weir_ring_check(map, (uint64_t)info.st_size, ring_out, NULL) == WEIR_OK)
        return map;
    munmap(map, *size_out);
    return NULL;
}

static bool
is_all_durable(const struct weir_ring *ring, const uint64_t *ends)
{
    for (uint32_t i = 0; i < weir_ring_lanes(ring); i++)
        if (!weir_ring_is_durable(ring, i, ends[i]))
            return false;
    return true;
}

static bool
await(struct weir_ring *ring, int64_t until)
{
    uint64_t ends[WEIR_LANES_MAX + 1];
    for (uint32_t i = 0; i < weir_ring_lanes(ring); i++)
        ends[i] = weir_ring_published(ring, i);
    while (!is_all_durable(ring, ends)) {
        if (now_ms() >= until)
            return false;
        if (weir_ring_wake(ring))
            syscall(SYS_futex, weir_ring_bell(ring), FUTEX_WAKE, 1, NULL, NULL,
                    0);
        usleep(LOOK_US);
    }
    return true;
}

bool
weir_ingest_sync_all(struct weir_ingest *ingest, int timeout_ms)
{
    int64_t until = now_ms() + timeout_ms;
    struct weir_ring *ring;
    size_t size;
    if (ingest == NULL || !ingest->is_running)
        return false;
    void *map = map_ring(ingest->control->paths.ring, &size, &ring);
    if (map == NULL)
        return false;
    bool is_done = await(ring, until);
    munmap(map, size);
    int64_t left = until - now_ms();
    return is_done && weir_ingest_sync(ingest, left > 0 ? (int)left : 0);
}
