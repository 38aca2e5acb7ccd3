/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/telemetry/telemetry.h - what is told to others' instruments:
 * spans of calls by OTLP, events of OCSF. docs/formats/telemetry.md.
 *
 * Each exporter of the sources has a thread that follows the journal from
 * its own place, which is kept in the store: at least once, and nobody waits
 * for it. Nothing in it is content: records have none.
 *
 * Threads: start and stop are the owner's; figures any. Memory: its own.
 */
#ifndef WEIR_CONTROL_TELEMETRY_H
#define WEIR_CONTROL_TELEMETRY_H

#include "control/control.h"

struct weir_telemetry;

WEIR_MUST_USE weir_status weir_telemetry_start(
    struct weir_control *control, struct weir_telemetry **telemetry_out,
    struct weir_error *err);
void weir_telemetry_stop(struct weir_telemetry *telemetry); /* NULL is fine */

struct weir_telemetry_figures {
    char name[48];
    uint64_t exported; /* spans of calls, events */
    uint64_t dropped;  /* that the other side does not want */
    uint64_t failures; /* deliveries that are tried again */
    weir_time lag_us;  /* age of the newest record read; 0: at the end */
};
/* False behind the last. NULL is fine. */
bool weir_telemetry_figures_of(struct weir_telemetry *telemetry, size_t index,
                               struct weir_telemetry_figures *figures_out);

#endif
