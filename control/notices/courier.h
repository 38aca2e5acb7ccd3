/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/notices/courier.h - the thread that delivers.
 *
 * It has a store of its own, looks once a second for what is due (five times
 * while something is on its way), and posts to several receivers at once: a
 * slow or dead one delays nobody else.
 */
#ifndef WEIR_COURIER_H
#define WEIR_COURIER_H

#include "control/notices/notices.h"

struct weir_courier;

WEIR_MUST_USE weir_status weir_courier_start(const char *state_dir,
                                             struct weir_courier **courier_out,
                                             struct weir_error *err);
/* Waits 2 s for those on their way; NULL is fine. */
void weir_courier_stop(struct weir_courier *courier);

#endif
