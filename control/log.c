/* SPDX-License-Identifier: Apache-2.0 */
#include "control/log.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static enum weir_log_level limit = WEIR_LOG_INFO;

void
weir_log_limit(enum weir_log_level level)
{
    limit = level;
}

void
weir_log(enum weir_log_level level, const char *format, ...)
{
    static const char *const names[] = {"error", "warn", "info"};
    char line[1024];
    char when[WEIR_TIME_TEXT];
    struct timespec now;
    if (level > limit)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    weir_time_format(
        (weir_time)now.tv_sec * WEIR_US_PER_SEC + now.tv_nsec / 1000, when);
    int len = snprintf(line, sizeof line, "%s %s weir: ", when, names[level]);
    va_list arguments;
    va_start(arguments, format);
    len +=
        vsnprintf(line + len, sizeof line - (size_t)len - 1, format, arguments);
    va_end(arguments);
    if (len > (int)sizeof line - 2)
        len = (int)sizeof line - 2;
    line[len++] = '\n';
    ssize_t done = write(STDERR_FILENO, line, (size_t)len);
    (void)done; /* nowhere to say that nothing can be said */
}
