/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/command.h - the operator's own programs: bytes in, bytes out.
 *
 * Threads: any. Memory: the caller's; nothing of input or output touches a
 * disk.
 */
#ifndef WEIR_CONTROL_COMMAND_H
#define WEIR_CONTROL_COMMAND_H

#include <weir/base.h>

/*
 * Runs `command` by /bin/sh as this process runs, in a process group of its
 * own; gives it `input` on its standard input and appends what it writes to
 * `out`. `what` names it in errors ("a credential command"). ETIMEOUT: it
 * was ended after `timeout_ms`; EIO: it failed; ETOOBIG: more than `out`
 * takes.
 */
WEIR_MUST_USE weir_status weir_command_run(const char *command, weir_span input,
                                           int timeout_ms, const char *what,
                                           struct weir_buf *out,
                                           struct weir_error *err);

#endif
