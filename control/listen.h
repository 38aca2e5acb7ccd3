/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/listen.h - a listening TCP socket.
 *
 * Threads: any. Memory: the caller closes the socket.
 */
#ifndef WEIR_CONTROL_LISTEN_H
#define WEIR_CONTROL_LISTEN_H

#include <weir/base.h>

/*
 * Listens on `host` (numeric, or "*") and *port (0: any; it becomes what was
 * given). `what` is said in errors, as "the admin API". EPARSE: no address;
 * EIO: it cannot be had.
 */
WEIR_MUST_USE weir_status weir_listen(const char *host, uint32_t *port,
                                      const char *what, int *listener_out,
                                      struct weir_error *err);

#endif
