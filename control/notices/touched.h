/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/notices/touched.h - notices of a withdrawal or a restoration, to
 * the customers whom it touches.
 *
 * Threads: the caller holds control->lock. Memory: spans are read before the
 * function returns.
 */
#ifndef WEIR_NOTICES_TOUCHED_H
#define WEIR_NOTICES_TOUCHED_H

#include "control/control.h"
#include "control/notices/notices.h"

struct weir_touching_deed {
    enum weir_kind kind; /* a withdrawal's: MODEL .. JURISDICTION */
    weir_span name;
    weir_span why;      /* plain words for customers; may be empty */
    weir_span target;   /* where to go instead; empty: the model's successor */
    weir_time deadline; /* until when to have gone; 0: none */
    weir_span by;
    weir_time when;
    uint64_t overlay; /* generation in force before; 0: none */
};

/*
 * Asks every key for every name of a model that the deed can touch, under
 * the overlay before and under the one now in force, and posts one notice
 * for each tenant and name whose answer changed. One transaction of its own;
 * the number posted. EIO, ENOMEM: nothing was posted.
 */
WEIR_MUST_USE weir_status weir__notices_of_deed(
    struct weir_control *control, const struct weir_touching_deed *deed,
    uint32_t *posted_out, struct weir_error *err);

#endif
