/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of control/schedule share. */
#ifndef WEIR_SCHEDULE_PARTS_H
#define WEIR_SCHEDULE_PARTS_H

#include "control/schedule/schedule.h"

/* Appends every dated thing between the wish's times, in order of time. */
WEIR_MUST_USE weir_status
weir__schedule_events(const struct weir_simulate_world *world,
                      const struct weir_schedule_wish *wish, json_t *events,
                      struct weir_error *err);

/* {"at", "at_us", "keys", "effects", "groups", "recorded"} of one moment. */
WEIR_MUST_USE weir_status weir__schedule_moment(
    struct weir_simulate_world *world, const struct weir_schedule_wish *wish,
    weir_time at, json_t **moment_out, struct weir_error *err);

#endif
