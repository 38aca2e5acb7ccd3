/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/health/fair.h - the table of shares and memory in the run
 * directory.
 *
 * Threads: any. Memory: a mapping that is the caller's until it is closed.
 */
#ifndef WEIR_CONTROL_FAIR_H
#define WEIR_CONTROL_FAIR_H

#include <weir/fair.h>

#include "control/health/table.h"

struct weir_fair_file {
    struct weir_fair *table; /* NULL: there is none */
    struct weir_table_map map;
};

/*
 * The table is there afterwards, or a warning was logged. Calls are shed
 * beyond `memory_max` bytes of all workers; 0: four fifths of what the
 * machine, or the control group this runs in, has.
 */
void weir_fair_file_make(const char *run, uint64_t memory_max);
/* False: no table, or not one of this build. */
bool weir_fair_file_open(const char *run, struct weir_fair_file *file_out);
void weir_fair_file_close(struct weir_fair_file *file);

#endif
