/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/notices/telling.h - customers are told of a withdrawal or a
 * restoration.
 *
 * The deed's transaction leaves a row (weir__telling_add). Who is touched is
 * asked afterwards, without control's lock, and notices are posted a few at
 * a time, each few with the key at which to go on: what was not told when
 * control stopped is told by the next one, and nobody is told twice.
 *
 * Threads: as said. Memory: spans are read before a function returns; those
 * of a row that is read live in the arena given.
 */
#ifndef WEIR_NOTICES_TELLING_H
#define WEIR_NOTICES_TELLING_H

#include "control/control.h"
#include "control/notices/notices.h"

struct weir__telling {
    int64_t number;
    enum weir_kind kind; /* a withdrawal's: MODEL .. JURISDICTION */
    weir_span name;
    weir_span why;      /* plain words for customers; may be empty */
    weir_span target;   /* where to go instead; empty: the model's successor */
    weir_time deadline; /* until when to have gone; 0: none */
    weir_span by;
    weir_time when;
    uint8_t image[32]; /* in force then */
    uint64_t overlay;  /* generation in force before; 0: none */
    uint32_t next_key; /* row of the image at which to go on */
};

/* Rows; the caller holds control's lock, _add and _step in a transaction. */
WEIR_MUST_USE weir_status weir__telling_add(struct weir_store *store,
                                            const struct weir__telling *telling,
                                            int64_t *number_out,
                                            struct weir_error *err);
WEIR_MUST_USE weir_status weir__telling_next(struct weir_store *store,
                                             struct weir_arena *arena,
                                             struct weir__telling *telling_out,
                                             bool *is_there_out,
                                             struct weir_error *err);
WEIR_MUST_USE weir_status weir__telling_step(struct weir_store *store,
                                             int64_t number, uint32_t next_key,
                                             uint32_t posted, weir_time done,
                                             struct weir_error *err);
WEIR_MUST_USE weir_status weir__telling_get(struct weir_store *store,
                                            int64_t number,
                                            uint32_t *posted_out,
                                            bool *is_done_out,
                                            struct weir_error *err);

/* Everything that is due, oldest first, until `is_stopping` (may be NULL).
 * Takes the lock in turns; one caller at a time. */
WEIR_MUST_USE weir_status weir__tell_all(struct weir_control *control,
                                         const atomic_bool *is_stopping,
                                         struct weir_error *err);

/*
 * Rings whoever tells, and waits WEIR__TELL_WAIT_US for the end of telling
 * `number`; tells everything itself where there is no teller. How many were
 * posted so far, and whether that is all. `number` 0: nothing was to be
 * told of. What goes wrong is logged: the deed is done. Without the lock.
 */
#define WEIR__TELL_WAIT_US (2 * WEIR_US_PER_SEC)
void weir__tell_wait(struct weir_control *control, int64_t number,
                     struct weir_told *told_out);
/* Only rings; with or without the lock. */
void weir__tell_ring(struct weir_control *control);

/* The thread that tells; what a control before this one left, at once. */
WEIR_MUST_USE weir_status weir_teller_start(struct weir_control *control,
                                            struct weir_error *err);
void weir_teller_stop(struct weir_control *control); /* fine without one */

#endif
