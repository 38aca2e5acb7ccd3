/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/kept/looker.h - batches that nobody asks about again.
 *
 * A batch is paid for by whoever sees its end. So that a client that never
 * comes back is not charged what was held, control looks at open batches now
 * and then, as the key that made each: a call like any other, by a socket of
 * the run directory.
 *
 * Threads: a thread of its own between start and stop. Memory: its own.
 */
#ifndef WEIR_KEPT_LOOKER_H
#define WEIR_KEPT_LOOKER_H

#include "control/control.h"

struct weir_looker;
WEIR_MUST_USE weir_status weir_looker_start(struct weir_control *control,
                                            struct weir_looker **looker_out,
                                            struct weir_error *err);
void weir_looker_stop(struct weir_looker *looker); /* NULL is fine */

#endif
