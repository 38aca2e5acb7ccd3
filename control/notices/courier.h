/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/notices/courier.h - the thread that delivers.
 *
 * It has a store of its own, looks once a second for what is due, and waits
 * for one receiver at a time: a slow one delays others by 15 s at most.
 */
#ifndef WEIR_COURIER_H
#define WEIR_COURIER_H

#include "control/notices/notices.h"

struct weir_courier;

WEIR_MUST_USE weir_status weir_courier_start(const char *state_dir,
                                             struct weir_courier **courier_out,
                                             struct weir_error *err);
/* Ends after the delivery under way; NULL is fine. */
void weir_courier_stop(struct weir_courier *courier);

#endif
