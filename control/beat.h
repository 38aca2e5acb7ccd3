/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/beat.h - a thread that does something now and then until told to
 * stop: a room of control that works by itself has one in its struct.
 *
 *     while (weir_beat_wait(&room->beat, WEIR_US_PER_SEC))
 *         look(room);
 *
 * Threads: start and stop are the owner's; wait and goes_on the beat's own.
 * Memory: the owner's struct, zeroed, which outlives the thread.
 */
#ifndef WEIR_CONTROL_BEAT_H
#define WEIR_CONTROL_BEAT_H

#include <pthread.h>

#include <weir/base.h>

struct weir_beat {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stops;
    bool is_stopping;
    bool is_running;
};

/* EIO: there is no thread for `what` ("deliveries"). */
WEIR_MUST_USE weir_status weir_beat_start(struct weir_beat *beat,
                                          void *(*run)(void *context),
                                          void *context, const char *what,
                                          struct weir_error *err);
/* Waits so long, or until told to stop. False: time to stop. */
bool weir_beat_wait(struct weir_beat *beat, int64_t us);
bool weir_beat_goes_on(struct weir_beat *beat);
/* Tells it, and returns when it has ended; nothing where it never began. */
void weir_beat_stop(struct weir_beat *beat);

#endif
