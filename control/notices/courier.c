/* SPDX-License-Identifier: Apache-2.0 */
#include "control/notices/courier.h"
#include "control/beat.h"

#include <stdlib.h>

#include "control/control.h"
#include "control/log.h"

#define TURN_MS 200  /* between two looks at what else is due */
#define STOP_MS 2000 /* for those on their way at the end */

struct weir_courier {
    struct weir_beat beat;
    struct weir_store *store;
    struct weir_sender *sender;
};

/* Those on their way get a moment when time is up; who has not answered by
 * then is asked again by the next control. */
static void *
run(void *context)
{
    struct weir_courier *courier = context;
    bool failed_last = false;
    weir_time stops = 0;
    for (;;) {
        struct weir_sender_turn turn = {0};
        struct weir_error err = {0};
        bool goes_on = weir_beat_goes_on(&courier->beat);
        weir_time now = weir_control_now();
        if (!goes_on && stops == 0)
            stops = now + STOP_MS * 1000;
        weir_status status =
            weir_sender_turn(courier->sender, now, goes_on ? UINT32_MAX : 0,
                             TURN_MS, &turn, &err);
        if (status != WEIR_OK && !failed_last)
            weir_log(WEIR_LOG_ERROR, "notices cannot be delivered: %s",
                     err.text);
        failed_last = status != WEIR_OK;
        if (!goes_on && (turn.open == 0 || now >= stops))
            break;
        if (goes_on && turn.open + turn.tried == 0)
            (void)weir_beat_wait(&courier->beat, WEIR_US_PER_SEC);
    }
    return NULL;
}

weir_status
weir_courier_start(const char *state_dir, struct weir_courier **courier_out,
                   struct weir_error *err)
{
    struct weir_courier *courier = calloc(1, sizeof *courier);
    if (courier == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_status status = weir_store_open(state_dir, true, &courier->store, err);
    if (status == WEIR_OK)
        status = weir_sender_new(courier->store, &courier->sender, err);
    if (status == WEIR_OK)
        status =
            weir_beat_start(&courier->beat, run, courier, "deliveries", err);
    if (status == WEIR_OK) {
        *courier_out = courier;
        return WEIR_OK;
    }
    weir_courier_stop(courier);
    return status;
}

void
weir_courier_stop(struct weir_courier *courier)
{
    if (courier == NULL)
        return;
    weir_beat_stop(&courier->beat);
    weir_sender_free(courier->sender);
    weir_store_close(courier->store);
    free(courier);
}
