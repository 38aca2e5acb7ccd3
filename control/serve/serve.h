/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/serve/serve.h - the whole of weir in one foreground process.
 *
 * Threads: call from the main thread, before any other is made: it blocks
 * the signals it waits for. Memory: everything is its own.
 */
#ifndef WEIR_SERVE_H
#define WEIR_SERVE_H

#include <weir/world.h>

/*
 * Serves until SIGTERM or SIGINT. SIGHUP reads the sources again. Returns
 * WEIR_OK after an orderly end; EPARSE with faults when the configuration is
 * faulty at the start; ECONFLICT when another serve holds the state.
 */
WEIR_MUST_USE weir_status weir_serve(const char *config_path,
                                     struct weir_faults *faults,
                                     struct weir_error *err);

/*
 * What `weir check` asks beyond the sources: would nginx take the
 * configuration that serve writes for them? Nothing is asked where nginx or
 * the module is not installed. ETYPE: err says what nginx said.
 */
WEIR_MUST_USE weir_status weir_serve_check(struct weir_world *world,
                                           weir_span image_bytes,
                                           bool *was_tried_out,
                                           struct weir_error *err);

#endif
