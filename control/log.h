/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/log.h - what control says of itself, one line each on stderr.
 *
 * Threads: any; a line is one write. Memory: none kept. Never give it key
 * material or content: weir_secret and weir_private do not fit its formats.
 */
#ifndef WEIR_CONTROL_LOG_H
#define WEIR_CONTROL_LOG_H

#include <weir/base.h>

void weir_log(enum weir_log_level level, const char *format, ...)
    WEIR_PRINTF(2, 3);
/* Lines above this level are dropped; WEIR_LOG_INFO at the start. */
void weir_log_limit(enum weir_log_level level);

#endif
