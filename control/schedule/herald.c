/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coming changes, told ahead without anybody's asking.
 *
 * What `weir schedule --notify` does by hand: everything with a date between
 * now and the longest of `notices.ahead` is tried on everybody, and who
 * loses something gets notice, once for each of the times that has come.
 * References make a repetition no second notice, so that it may look as
 * often as it likes: when sources or keys changed, when one of the times
 * comes, and once an hour.
 *
 * IT READS THE SOURCES ANEW, as the schedule does, without control's lock.
 * Sources that somebody edits just now are not in force; their hash tells
 * them apart, and nobody is told of a draft.
 *
 * Looking takes processor time in proportion to keys and models, so it rests
 * ten times as long as the last look took.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/control.h"
#include "control/log.h"
#include "control/schedule/schedule.h"

#define EVERY_US (3600 * WEIR_US_PER_SEC)
#define AGAIN_US (60 * WEIR_US_PER_SEC)
#define LOOK_MS  500
#define REST     10

struct weir_herald {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stops;
    bool is_stopping;
    struct weir_control *control;
    struct weir_store *store;
    uint64_t publications; /* looked at last */
    weir_time next;        /* look again */
    weir_time rest;        /* not before */
    bool failed_last;
};

/* What the sources in force say. */
struct orders {
    weir_time ahead[WEIR_NOTICE_AHEAD_MAX];
    uint32_t count;
    uint64_t sources_hash;
    uint64_t publications;
};

static bool
read_orders(struct weir_control *control, struct orders *orders_out)
{
    weir_control_lock(control);
    const struct weir_settings *settings = &control->world->settings;
    struct orders orders = {.count = settings->notice_ahead_count,
                            .sources_hash = control->world->sources_hash,
                            .publications = control->publications};
    memcpy(orders.ahead, settings->notice_ahead, sizeof orders.ahead);
    bool has_image = control->has_image;
    pthread_mutex_unlock(&control->lock);
    *orders_out = orders;
    return has_image && orders.count > 0;
}

static weir_status
tell_ahead(struct weir_herald *herald, const struct orders *orders,
           weir_time now, struct weir_error *err)
{
    struct weir_faults faults;
    json_t *report = NULL;
    uint32_t posted = 0;
    const struct weir_schedule_wish wish = {
        .config = herald->control->paths.config,
        .from = now,
        .to = now + orders->ahead[0] + 1,
        .sources_hash = orders->sources_hash};
    weir_faults_init(&faults);
    weir_status status = weir_schedule(&wish, &report, &faults, err);
    weir_faults_fini(&faults);
    if (status == WEIR_OK)
        status = weir_schedule_notify(herald->store, report, orders->ahead,
                                      orders->count, WEIR_SPAN("control"), now,
                                      &posted, err);
    herald->next = now + EVERY_US;
    if (status == WEIR_OK) {
        weir_time due =
            weir_schedule_next(report, orders->ahead, orders->count, now);
        herald->next = due < herald->next ? due : herald->next;
    }
    if (posted > 0)
        weir_log(WEIR_LOG_INFO, "coming changes: %u notices posted", posted);
    json_decref(report);
    return status;
}

static void
look(struct weir_herald *herald)
{
    struct orders orders;
    struct weir_error err = {0};
    weir_time now = weir_control_now();
    if (now < herald->rest || !read_orders(herald->control, &orders) ||
        (orders.publications == herald->publications && now < herald->next))
        return;
    herald->publications = orders.publications;
    weir_status status = tell_ahead(herald, &orders, now, &err);
    weir_time end = weir_control_now();
    herald->rest = end + REST * (end - now);
    if (status != WEIR_OK) {
        herald->next = end + AGAIN_US;
        if (!herald->failed_last)
            weir_log(status == WEIR_ECONFLICT ? WEIR_LOG_INFO : WEIR_LOG_ERROR,
                     "coming changes are not told yet: %s", err.text);
    }
    herald->failed_last = status != WEIR_OK;
}

/* False: time to stop. */
static bool
wait(struct weir_herald *herald)
{
    weir_time until = weir_control_now() + LOOK_MS * WEIR_US_PER_MS;
    struct timespec when = {.tv_sec = until / WEIR_US_PER_SEC,
                            .tv_nsec = until % WEIR_US_PER_SEC * 1000};
    pthread_mutex_lock(&herald->lock);
    if (!herald->is_stopping)
        (void)pthread_cond_timedwait(&herald->stops, &herald->lock, &when);
    bool goes_on = !herald->is_stopping;
    pthread_mutex_unlock(&herald->lock);
    return goes_on;
}

static void *
work(void *context)
{
    struct weir_herald *herald = context;
    while (wait(herald))
        look(herald);
    return NULL;
}

weir_status
weir_herald_start(struct weir_control *control, struct weir_herald **herald_out,
                  struct weir_error *err)
{
    struct weir_herald *herald = calloc(1, sizeof *herald);
    if (herald == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    herald->control = control;
    pthread_mutex_init(&herald->lock, NULL);
    pthread_cond_init(&herald->stops, NULL);
    weir_status status =
        weir_store_open(control->paths.state, true, &herald->store, err);
    if (status == WEIR_OK &&
        pthread_create(&herald->thread, NULL, work, herald) != 0)
        status = weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                           "no thread for coming changes");
    if (status == WEIR_OK) {
        *herald_out = herald;
        return WEIR_OK;
    }
    weir_store_close(herald->store);
    free(herald);
    return status;
}

void
weir_herald_stop(struct weir_herald *herald)
{
    if (herald == NULL)
        return;
    pthread_mutex_lock(&herald->lock);
    herald->is_stopping = true;
    pthread_cond_signal(&herald->stops);
    pthread_mutex_unlock(&herald->lock);
    pthread_join(herald->thread, NULL);
    weir_store_close(herald->store);
    pthread_cond_destroy(&herald->stops);
    pthread_mutex_destroy(&herald->lock);
    free(herald);
}
