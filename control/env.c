/* SPDX-License-Identifier: Apache-2.0 */
/* Control's clock, randomness and log, in the shape the core takes them. */
#include <string.h>
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

weir_status
weir_control_id(const char *prefix, char id_out[WEIR_STORE_ID_MAX],
                struct weir_error *err)
{
    static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
    uint8_t bytes[16];
    size_t len = strlen(prefix);
    WEIR_ASSERT(len + sizeof bytes < WEIR_STORE_ID_MAX);
    if (weir_random(&weir_control_env, bytes, sizeof bytes) != WEIR_OK)
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "no randomness");
    memcpy(id_out, prefix, len);
    for (size_t i = 0; i < sizeof bytes; i++)
        id_out[len++] = alphabet[bytes[i] & 31];
    id_out[len] = '\0';
    return WEIR_OK;
}
