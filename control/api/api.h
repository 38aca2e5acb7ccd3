/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/api/api.h - the admin API over HTTP.
 *
 * Threads: start and stop from one thread; requests are served by a thread
 * of the HTTP library. Memory: its own.
 */
#ifndef WEIR_API_H
#define WEIR_API_H

#include <weir/quota.h>

#include "control/control.h"
#include "control/ingest/ingest.h"

struct weir_api;

/*
 * Listens on the configured address (tokens) and on admin.sock in the run
 * directory (the user's own processes, as admin). `nudge` is an eventfd that
 * is written after a reload. EIO: an address cannot be had.
 */
WEIR_MUST_USE weir_status weir_api_start(struct weir_control *control,
                                         struct weir_ingest *ingest,
                                         struct weir_quota *quota, int nudge,
                                         struct weir_api **api_out,
                                         struct weir_error *err);
void weir_api_stop(struct weir_api *api); /* NULL is fine */

#endif
