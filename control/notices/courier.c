/* SPDX-License-Identifier: Apache-2.0 */
#include "control/notices/courier.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "control/control.h"
#include "control/log.h"

#define TURN_MS 200  /* between two looks at what else is due */
#define STOP_MS 2000 /* for those on their way at the end */

struct weir_courier {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stops;
    bool is_stopping;
    struct weir_store *store;
    struct weir_sender *sender;
};

static bool
is_stopping(struct weir_courier *courier)
{
    pthread_mutex_lock(&courier->lock);
    bool stops = courier->is_stopping;
    pthread_mutex_unlock(&courier->lock);
    return stops;
}

static void
wait_a_second(struct weir_courier *courier)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(&courier->lock);
    if (!courier->is_stopping)
        (void)pthread_cond_timedwait(&courier->stops, &courier->lock, &until);
    pthread_mutex_unlock(&courier->lock);
}

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
        bool goes_on = !is_stopping(courier);
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
            wait_a_second(courier);
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
    pthread_mutex_init(&courier->lock, NULL);
    pthread_cond_init(&courier->stops, NULL);
    if (status == WEIR_OK)
        status = weir_sender_new(courier->store, &courier->sender, err);
    if (status == WEIR_OK &&
        pthread_create(&courier->thread, NULL, run, courier) != 0)
        status = weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                           "no thread for deliveries");
    if (status == WEIR_OK) {
        *courier_out = courier;
        return WEIR_OK;
    }
    weir_sender_free(courier->sender);
    weir_store_close(courier->store);
    free(courier);
    return status;
}

void
weir_courier_stop(struct weir_courier *courier)
{
    if (courier == NULL)
        return;
    pthread_mutex_lock(&courier->lock);
    courier->is_stopping = true;
    pthread_cond_signal(&courier->stops);
    pthread_mutex_unlock(&courier->lock);
    pthread_join(courier->thread, NULL);
    weir_sender_free(courier->sender);
    weir_store_close(courier->store);
    pthread_cond_destroy(&courier->stops);
    pthread_mutex_destroy(&courier->lock);
    free(courier);
}
