/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/health/health.h - the table of deployments' health in the run
 * directory: made once, looked at by whoever tells of it.
 *
 * Threads: any. Memory: a mapping that is the caller's until it is closed.
 */
#ifndef WEIR_CONTROL_HEALTH_H
#define WEIR_CONTROL_HEALTH_H

#include <weir/health.h>

#include "control/health/table.h"

struct weir_health_file {
    struct weir_health *table; /* NULL: there is none */
    struct weir_table_map map;
};

/* The table is there afterwards, or a warning was logged. */
void weir_health_file_make(const char *run);
/* False: no table, or not one of this build. */
bool weir_health_file_open(const char *run, struct weir_health_file *file_out);
void weir_health_file_close(struct weir_health_file *file);

#endif
