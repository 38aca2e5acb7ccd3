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

#include "control/beat.h"
#include "control/control.h"
#include "control/log.h"
#include "control/schedule/schedule.h"

#define EVERY_US (3600 * WEIR_US_PER_SEC)
#define AGAIN_US (60 * WEIR_US_PER_SEC)
#define LOOK_MS  500
#define REST     10

struct weir_herald {
    struct weir_beat beat;
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

static void *
work(void *context)
{
    struct weir_herald *herald = context;
    while (weir_beat_wait(&herald->beat, LOOK_MS * WEIR_US_PER_MS))
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
    weir_status status =
        weir_store_open(control->paths.state, true, &herald->store, err);
    if (status == WEIR_OK)
        status =
            weir_beat_start(&herald->beat, work, herald, "coming changes", err);
    if (status == WEIR_OK) {
        *herald_out = herald;
        return WEIR_OK;
    }
    weir_herald_stop(herald);
    return status;
}

void
weir_herald_stop(struct weir_herald *herald)
{
    if (herald == NULL)
        return;
    weir_beat_stop(&herald->beat);
    weir_store_close(herald->store);
    free(herald);
}
