/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/cache/cache.h - the workers' cache of answers, as control makes,
 * purges and counts it.
 *
 * Threads: any; a function maps the file for as long as it runs.
 */
#ifndef WEIR_CONTROL_CACHE_H
#define WEIR_CONTROL_CACHE_H

#include <weir/cache.h>

#include "control/control.h"

/* Makes the table that the settings ask for, and retires one of another
 * shape; without `memory` there is none. Logs what fails: calls go on
 * uncached. */
void weir_cache_file_make(const char *run,
                          const struct weir_cache_settings *settings);

/* Of one tenant, or of all (empty). Nothing where there is no cache. */
void weir_cache_file_purge(const char *run, weir_span tenant);
/* The same, on record. ENOTFOUND: no such tenant. */
WEIR_MUST_USE weir_status weir_cache_purge_noted(struct weir_control *control,
                                                 const struct weir_actor *actor,
                                                 weir_span tenant,
                                                 struct weir_error *err);

/* False: there is no cache. */
bool weir_cache_file_stats(const char *run, struct weir_cache_setup *setup_out,
                           struct weir_cache_stats *stats_out);
/* Bytes of a tenant's part; 0 where there is none. */
uint64_t weir_cache_file_bytes(const char *run, weir_span tenant);

#endif
