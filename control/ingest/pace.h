/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/ingest/pace.h - the ledger may lag, calls may not.
 *
 * A thread that works in slices asks after each how long to pause. When it
 * had to wait for a processor, others wanted that processor too: it pauses
 * for as long as keeps it to a twentieth of one. On an idle machine, or when
 * the work is far behind, it does not pause.
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
/* What to pause after the slice that began last, ms; 0: nothing. */
int weir_pace_end(struct weir_pace *pace);

#endif
