/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/calls.h - one line of a file of calls.
 *
 * Threads: one. Memory: spans point into the line or the arena.
 */
#ifndef WEIR_CONTROL_WATCH_CALLS_H
#define WEIR_CONTROL_WATCH_CALLS_H

#include <weir/watch.h>

struct weir_watch_line {
    weir_span account;
    weir_span owner;
    weir_span tenant;
    weir_span model;
    weir_span purpose;
    weir_span network;
    weir_span payment;
    int64_t time_ms;
    struct weir_watch_features features;
};

/* EPARSE: not JSON. ETYPE: no account or time_ms, or a field of a wrong
 * type; fields that are not known are passed over. */
WEIR_MUST_USE weir_status weir_watch_line_read(weir_span text,
                                               struct weir_arena *arena,
                                               struct weir_watch_line *line_out,
                                               struct weir_error *err);

#endif
