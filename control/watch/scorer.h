/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/scorer.h - a file of calls, sorted by time, into scores.
 *
 * One JSON object per account and window, as windows fill; at the end those
 * that are left open, and one object per cluster. What decides is core/watch,
 * the same code as in the data plane and in control.
 *
 * Threads: one. Memory: heap, about 6 KiB per account, and 300 bytes for each
 * call that is still to be learnt from.
 */
#ifndef WEIR_CONTROL_WATCH_SCORER_H
#define WEIR_CONTROL_WATCH_SCORER_H

#include <stdio.h>

#include <weir/watch_cluster.h>
#include <weir/watch_indicators.h>

struct weir_scorer;

struct weir_scorer_setup {
    uint32_t reference_calls; /* 0: accounts have no reference */
    /* What others shared, matched at each call's own time; NULL: nothing.
     * Borrowed until weir_scorer_free(). */
    const struct weir_indicators *indicators;
    FILE *out;
};

struct weir_scorer_summary {
    uint64_t calls;
    uint32_t accounts;
    uint32_t windows;
    uint32_t clusters;
    uint32_t unlearnt; /* accounts whose first calls made no reference */
};

/* NULL: no memory. */
struct weir_scorer *weir_scorer_new(const struct weir_scorer_setup *setup);
void weir_scorer_free(struct weir_scorer *scorer); /* NULL: none */
/* ECONFLICT: the call is earlier than the one before it. ENOMEM. */
WEIR_MUST_USE weir_status weir_scorer_take(struct weir_scorer *scorer,
                                           weir_span line,
                                           struct weir_error *err);
/* What is open, and the clusters. */
WEIR_MUST_USE weir_status weir_scorer_finish(
    struct weir_scorer *scorer, struct weir_scorer_summary *summary_out,
    struct weir_error *err);

#endif
