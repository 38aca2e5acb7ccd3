/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next segment file, made ready ahead of time by a thread of its own.
 *
 * Threads: want, take and fini from the writer's thread only.
 */
#ifndef WEIR_WRITER_SPARE_H
#define WEIR_WRITER_SPARE_H

#include "disk.h"

#include <pthread.h>
#include <stdbool.h>

#define SPARE_NAME "spare"

enum spare_state { SPARE_NONE, SPARE_WANTED, SPARE_READY, SPARE_FAILED };

struct spare {
    const struct writer_disk *disk;
    int dir;
    uint64_t bytes;
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum spare_state state;
    bool is_stopping;
    int fd;
    int failure; /* errno of SPARE_FAILED */
};

/* Makes the file `name` of `bytes` in `dir`, allocated and, if asked,
 * written with zeros and flushed. 0 or an errno. */
int spare_make(const struct writer_disk *disk, int dir, uint64_t bytes,
               bool is_zeroed, int *fd_out);

/* With `is_inline` there is no thread and want() works at once. */
void spare_init(struct spare *spare, const struct writer_disk *disk, int dir,
                uint64_t bytes, bool is_inline);
void spare_fini(struct spare *spare);
/* Asks for a file unless there is one; again after a failure. */
void spare_want(struct spare *spare);
/* READY: the file is the caller's. Waits up to `wait_ms` for one that is
 * being made. */
enum spare_state spare_take(struct spare *spare, int wait_ms, int *fd_out,
                            int *failure_out);
/* The same without taking it. */
enum spare_state spare_look(struct spare *spare, int wait_ms, int *failure_out);

#endif
