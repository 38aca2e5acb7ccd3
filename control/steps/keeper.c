/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "control/log.h"
#include "control/steps/steps.h"

struct weir_steps_keeper {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stops;
    bool is_stopping;
    struct weir_control *control;
};

/* False: time to stop. */
static bool
wait_a_second(struct weir_steps_keeper *keeper)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    pthread_mutex_lock(&keeper->lock);
    if (!keeper->is_stopping)
        (void)pthread_cond_timedwait(&keeper->stops, &keeper->lock, &until);
    bool goes_on = !keeper->is_stopping;
    pthread_mutex_unlock(&keeper->lock);
    return goes_on;
}

static void *
run(void *context)
{
    struct weir_steps_keeper *keeper = context;
    bool failed_last = false;
    while (wait_a_second(keeper)) {
        struct weir_error err = {0};
        weir_status status = weir_steps_turn(keeper->control, NULL, &err);
        if (status != WEIR_OK && !failed_last)
            weir_log(WEIR_LOG_ERROR, "steps of the watch cannot be taken: %s",
                     err.text);
        failed_last = status != WEIR_OK;
    }
    return NULL;
}

weir_status
weir_steps_start(struct weir_control *control, struct weir_steps_keeper **out,
                 struct weir_error *err)
{
    struct weir_steps_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    keeper->control = control;
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_cond_init(&keeper->stops, NULL);
    if (pthread_create(&keeper->thread, NULL, run, keeper) != 0) {
        pthread_cond_destroy(&keeper->stops);
        pthread_mutex_destroy(&keeper->lock);
        free(keeper);
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "no thread for the steps of the watch");
    }
    *out = keeper;
    return WEIR_OK;
}

void
weir_steps_stop(struct weir_steps_keeper *keeper)
{
    if (keeper == NULL)
        return;
    pthread_mutex_lock(&keeper->lock);
    keeper->is_stopping = true;
    pthread_cond_signal(&keeper->stops);
    pthread_mutex_unlock(&keeper->lock);
    pthread_join(keeper->thread, NULL);
    pthread_cond_destroy(&keeper->stops);
    pthread_mutex_destroy(&keeper->lock);
    free(keeper);
}
