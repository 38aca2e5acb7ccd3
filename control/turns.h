/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/turns.h - long work under control's lock, a turn at a time.
 *
 * Work over a hundred thousand organisations must not keep a revocation
 * waiting. It takes the lock for WEIR__TURN_US at a time, and for less as
 * soon as somebody waits for it in weir_control_lock(). What was read of
 * the world or the image is good for one edition of them: weir__turns_next()
 * says whether it still is.
 *
 * Threads: one owner. Memory: the caller's. Not inside a transaction when a
 * turn ends: whoever comes next begins his own.
 */
#ifndef WEIR_TURNS_H
#define WEIR_TURNS_H

#include "control/control.h"

#define WEIR__TURN_US 8000 /* of work; a commit comes on top */

struct weir__turns {
    struct weir_control *control;
    uint64_t edition;  /* of world and image, when the first turn began */
    weir_time began;   /* the turn under way */
    weir_time longest; /* turn so far, us */
    uint32_t count;    /* of turns that are over */
};

/* Takes the lock. */
void weir__turns_begin(struct weir__turns *turns, struct weir_control *control);
/* Whether it is time to end the transaction and call weir__turns_next(). */
bool weir__turns_is_over(const struct weir__turns *turns);
/* Lets others at the lock. False: world or image are others now, and row
 * numbers mean nothing any more. The lock is held in either case. */
bool weir__turns_next(struct weir__turns *turns);
/* Releases the lock. */
void weir__turns_end(struct weir__turns *turns);

#endif
