/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mutex is not fair: who releases it and takes it again at once gets it,
 * and a thread that was woken meanwhile sleeps on. So those who wait are
 * counted, and the end of a turn waits until the count is zero. LET_US
 * bounds that: with people queueing without end, long work goes on between
 * two of them.
 */
#include "control/turns.h"

#include <time.h>

#define LET_US    100000
#define LOOK_NS   100000L
#define WANTED_US 1000 /* somebody waits: as short as a commit is worth */

void
weir_control_lock(struct weir_control *control)
{
    atomic_fetch_add(&control->waiting, 1u);
    pthread_mutex_lock(&control->lock);
    atomic_fetch_sub(&control->waiting, 1u);
}

void
weir__turns_begin(struct weir__turns *turns, struct weir_control *control)
{
    pthread_mutex_lock(&control->lock);
    *turns = (struct weir__turns){.control = control,
                                  .edition = control->edition,
                                  .began = weir_control_now()};
}

bool
weir__turns_is_over(const struct weir__turns *turns)
{
    weir_time elapsed = weir_control_now() - turns->began;
    return elapsed >= WEIR__TURN_US ||
           (elapsed >= WANTED_US && atomic_load(&turns->control->waiting) > 0);
}

static void
release(struct weir__turns *turns)
{
    weir_time elapsed = weir_control_now() - turns->began;
    pthread_mutex_unlock(&turns->control->lock);
    turns->longest = elapsed > turns->longest ? elapsed : turns->longest;
    turns->count++;
}

bool
weir__turns_next(struct weir__turns *turns)
{
    const struct timespec look = {.tv_nsec = LOOK_NS};
    release(turns);
    weir_time until = weir_control_now() + LET_US;
    do
        nanosleep(&look, NULL);
    while (atomic_load(&turns->control->waiting) > 0 &&
           weir_control_now() < until);
    pthread_mutex_lock(&turns->control->lock);
    turns->began = weir_control_now();
    return turns->control->edition == turns->edition;
}

void
weir__turns_end(struct weir__turns *turns)
{
    release(turns);
}
