/* SPDX-License-Identifier: Apache-2.0 */
/* Control's clock, randomness and log, in the shape the core takes them. */
#include <time.h>

#include <weir/crypto.h>

#include "control/control.h"
#include "control/log.h"

weir_time
weir_control_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (weir_time)now.tv_sec * WEIR_US_PER_SEC + now.tv_nsec / 1000;
}

static weir_time
env_now(void *context)
{
    return weir_control_now();
}

static void
env_log(void *context, enum weir_log_level level, weir_span text)
{
    weir_log(level, "%.*s", WEIR_SPAN_ARG(text));
}

const struct weir_env weir_control_env = {
    .now = env_now,
    .random = weir_random_system,
    .log = env_log,
};
