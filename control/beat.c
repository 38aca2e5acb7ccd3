/* SPDX-License-Identifier: Apache-2.0 */
#include "control/beat.h"

#include <time.h>

weir_status
weir_beat_start(struct weir_beat *beat, void *(*run)(void *context),
                void *context, const char *what, struct weir_error *err)
{
    pthread_mutex_init(&beat->lock, NULL);
    pthread_cond_init(&beat->stops, NULL);
    beat->is_running = pthread_create(&beat->thread, NULL, run, context) == 0;
    if (beat->is_running)
        return WEIR_OK;
    pthread_cond_destroy(&beat->stops);
    pthread_mutex_destroy(&beat->lock);
    return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "no thread for %s", what);
}

bool
weir_beat_wait(struct weir_beat *beat, int64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + us % WEIR_US_PER_SEC * 1000;
    until.tv_sec += us / WEIR_US_PER_SEC + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&beat->lock);
    if (!beat->is_stopping)
        (void)pthread_cond_timedwait(&beat->stops, &beat->lock, &until);
    bool goes_on = !beat->is_stopping;
    pthread_mutex_unlock(&beat->lock);
    return goes_on;
}

bool
weir_beat_goes_on(struct weir_beat *beat)
{
    pthread_mutex_lock(&beat->lock);
    bool goes_on = !beat->is_stopping;
    pthread_mutex_unlock(&beat->lock);
    return goes_on;
}

void
weir_beat_stop(struct weir_beat *beat)
{
    if (!beat->is_running)
        return;
    pthread_mutex_lock(&beat->lock);
    beat->is_stopping = true;
    pthread_cond_signal(&beat->stops);
    pthread_mutex_unlock(&beat->lock);
    pthread_join(beat->thread, NULL);
    pthread_cond_destroy(&beat->stops);
    pthread_mutex_destroy(&beat->lock);
    beat->is_running = false;
}
