/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/ingest/pace.h - the ledger may lag, calls may not.
 *
 * A thread that works in slices asks after each how long to pause. When it
 * had to wait for a processor, others wanted that processor too: it pauses
 * for as long as keeps it to a twentieth of one. The further the work is
 * behind, the shorter it pauses; on an idle machine, or when it is
 * WEIR_PACE_LAG_MAX_US behind, not at all.
 *
 * Threads: one owner, the thread that is paced. Memory: the caller's.
 */
#ifndef WEIR_PACE_H
#define WEIR_PACE_H

#include <weir/base.h>

struct weir_pace {
    int file; /* the thread's own times; -1: the kernel does not tell */
    uint64_t ran_ns;
    uint64_t waited_ns;
};

/* Lowers the calling thread's priority too. */
void weir_pace_init(struct weir_pace *pace);
void weir_pace_fini(struct weir_pace *pace);
/* The slice begins now. */
void weir_pace_begin(struct weir_pace *pace);
/* Behind by so much, pauses begin to become shorter, and there are none. */
#define WEIR_PACE_LAG_US     (20 * WEIR_US_PER_SEC)
#define WEIR_PACE_LAG_MAX_US (120 * WEIR_US_PER_SEC)
/* What to pause after the slice that began last, ms; 0: nothing. `lag_us`:
 * how far the work is behind. */
int weir_pace_end(struct weir_pace *pace, int64_t lag_us);
/* Its rule: a slice that ran so long and waited so long for a processor. */
int weir_pace_pause(uint64_t ran_ns, uint64_t waited_ns, int64_t lag_us);

#endif
