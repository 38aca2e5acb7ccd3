/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/schedule/schedule.h - what starts or ends when, and whom it
 * touches.
 *
 * Everything in the sources and the store that has a date: policies, ownership
 * rules, models, keys, evidence. Each moment at which something happens is
 * tried on everybody: every key with every name of a model, a microsecond
 * before and at the moment, by the gate itself; and the calls of the last
 * days are decided again on both sides of it.
 *
 * Threads: one caller. Memory: the report is the caller's (json_decref).
 */
#ifndef WEIR_SCHEDULE_H
#define WEIR_SCHEDULE_H

#include <jansson.h>

#include "control/simulate/simulate.h"
#include "control/store/store.h"

struct weir_schedule_wish {
    const char *config; /* weir.yaml */
    weir_time from;     /* events from .. before `to` */
    weir_time to;
    weir_time calls_since; /* recorded calls looked at; 0: none */
    bool is_list_only;     /* whom it touches is not asked */
    uint64_t sources_hash; /* 0: whatever they are; ECONFLICT: others */
};

/*
 * {"from", "to", "keys", "events": [...], "moments": [...]}; docs/formats/
 * schedule.md has the members. EPARSE with faults; ECONFLICT: the sources
 * are not those of the wish.
 */
WEIR_MUST_USE weir_status weir_schedule(const struct weir_schedule_wish *wish,
                                        json_t **report_out,
                                        struct weir_faults *faults,
                                        struct weir_error *err);

/*
 * One notice for each tenant, moment and model that it loses or that is held;
 * what was posted before is not posted again. With `ahead` (the longest time
 * first) only of moments that are no further away, and again at each of
 * these times. A few at a time, each few in a transaction: what was not
 * posted when it stops is posted by the next. The number posted.
 */
WEIR_MUST_USE weir_status weir_schedule_notify(
    struct weir_store *store, const json_t *report, const weir_time *ahead,
    uint32_t ahead_count, weir_span by, weir_time now, uint32_t *posted_out,
    struct weir_error *err);
/* When the next of these times comes; WEIR_TIME_MAX: none in the report. */
weir_time weir_schedule_next(const json_t *report, const weir_time *ahead,
                             uint32_t ahead_count, weir_time now);

/*
 * The thread that tells ahead by itself, by the settings of the sources in
 * force: when they change, when one of the times comes, and once an hour.
 * Sources that were edited and not put in force are nobody's to be told of.
 */
struct weir_control;
struct weir_herald;
WEIR_MUST_USE weir_status weir_herald_start(struct weir_control *control,
                                            struct weir_herald **herald_out,
                                            struct weir_error *err);
void weir_herald_stop(struct weir_herald *herald); /* NULL is fine */

#endif
