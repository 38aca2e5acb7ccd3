/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WHY WRITTEN ZEROS. A block that was only allocated must be marked as
 * written in the file system's journal at its first flush; measured here,
 * that costs a group commit of 10 KB 182 us instead of 95. WHY A THREAD: to
 * write 64 MiB takes 30 to 150 ms, in which no batch would be flushed. It
 * writes in pieces with pauses, so that the flushes of the file in use keep
 * most of the disk.
 */
#include "spare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PIECE_BYTES (1024 * 1024)
#define PAUSE_NS    1000000

static int
write_zeros(const struct writer_disk *disk, int fd, uint64_t bytes)
{
    int failure = 0;
    char *zeros = calloc(1, PIECE_BYTES);
    if (zeros == NULL)
        return ENOMEM;
    for (uint64_t at = 0; at < bytes && failure == 0; at += PIECE_BYTES) {
        size_t piece =
            bytes - at < PIECE_BYTES ? (size_t)(bytes - at) : PIECE_BYTES;
        failure = disk->write(fd, zeros, piece, at);
        if (failure == 0)
            failure = disk->sync(fd);
        nanosleep(&(struct timespec){0, PAUSE_NS}, NULL);
    }
    free(zeros);
    return failure;
}

int
spare_make(const struct writer_disk *disk, int dir, uint64_t bytes,
           bool is_zeroed, int *fd_out)
{
    int fd =
        openat(dir, SPARE_NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return errno;
    int failure = disk->allocate(fd, bytes);
    if (failure == 0 && is_zeroed)
        failure = write_zeros(disk, fd, bytes);
    if (failure == 0)
        failure = disk->sync(fd);
    if (failure != 0) {
        close(fd);
        unlinkat(dir, SPARE_NAME, 0); /* give the space back */
        return failure;
    }
    *fd_out = fd;
    return 0;
}

static void *
spare_thread(void *argument)
{
    struct spare *spare = argument;
    pthread_mutex_lock(&spare->lock);
    while (!spare->is_stopping) {
        if (spare->state != SPARE_WANTED) {
            pthread_cond_wait(&spare->changed, &spare->lock);
            continue;
        }
        int fd = -1;
        pthread_mutex_unlock(&spare->lock);
        int failure =
            spare_make(spare->disk, spare->dir, spare->bytes, true, &fd);
        pthread_mutex_lock(&spare->lock);
        spare->fd = fd;
        spare->failure = failure;
        spare->state = failure == 0 ? SPARE_READY : SPARE_FAILED;
        pthread_cond_broadcast(&spare->changed);
    }
    pthread_mutex_unlock(&spare->lock);
    return NULL;
}

void
spare_init(struct spare *spare, const struct writer_disk *disk, int dir,
           uint64_t bytes, bool is_inline)
{
    pthread_condattr_t clock;
    memset(spare, 0, sizeof(*spare));
    spare->disk = disk;
    spare->dir = dir;
    spare->bytes = bytes;
    spare->fd = -1;
    unlinkat(dir, SPARE_NAME, 0); /* of a writer before: half made, maybe */
    pthread_mutex_init(&spare->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&spare->changed, &clock);
    pthread_condattr_destroy(&clock);
    spare->has_thread = !is_inline && pthread_create(&spare->thread, NULL,
                                                     spare_thread, spare) == 0;
}

void
spare_fini(struct spare *spare)
{
    if (spare->has_thread) {
        pthread_mutex_lock(&spare->lock);
        spare->is_stopping = true;
        pthread_cond_broadcast(&spare->changed);
        pthread_mutex_unlock(&spare->lock);
        pthread_join(spare->thread, NULL);
    }
    if (spare->fd >= 0) {
        close(spare->fd);
        unlinkat(spare->dir, SPARE_NAME, 0);
    }
    pthread_cond_destroy(&spare->changed);
    pthread_mutex_destroy(&spare->lock);
}

void
spare_want(struct spare *spare)
{
    pthread_mutex_lock(&spare->lock);
    if (spare->state == SPARE_NONE || spare->state == SPARE_FAILED) {
        spare->state = SPARE_WANTED;
        if (spare->has_thread) {
            pthread_cond_broadcast(&spare->changed);
        } else {
            spare->failure = spare_make(spare->disk, spare->dir, spare->bytes,
                                        false, &spare->fd);
            spare->state = spare->failure == 0 ? SPARE_READY : SPARE_FAILED;
        }
    }
    pthread_mutex_unlock(&spare->lock);
}

/* With the lock held: until the attempt under way has ended. */
static void
wait_made(struct spare *spare, int wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)wait_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (spare->state == SPARE_WANTED && wait_ms > 0 &&
           pthread_cond_timedwait(&spare->changed, &spare->lock, &until) == 0)
        ;
}

enum spare_state
spare_take(struct spare *spare, int wait_ms, int *fd_out, int *failure_out)
{
    pthread_mutex_lock(&spare->lock);
    wait_made(spare, wait_ms);
    enum spare_state state = spare->state;
    *failure_out = spare->failure;
    if (state == SPARE_READY) {
        *fd_out = spare->fd;
        spare->fd = -1;
        spare->state = SPARE_NONE;
    }
    pthread_mutex_unlock(&spare->lock);
    return state;
}

enum spare_state
spare_look(struct spare *spare, int wait_ms, int *failure_out)
{
    pthread_mutex_lock(&spare->lock);
    wait_made(spare, wait_ms);
    enum spare_state state = spare->state;
    *failure_out = spare->failure;
    pthread_mutex_unlock(&spare->lock);
    return state;
}
