/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telling customers of deeds, a few at a time.
 *
 *   deed      transaction: withdrawal, act, telling row; overlay; answer
 *   teller    no lock: ask keys until 64 notices are found
 *             lock:    transaction: post them, key at which to go on
 *             again, until all keys were asked
 *
 * The deed's answer waits a moment for the end, because most deeds touch few
 * and whoever withdraws wants to know how many. Where no daemon runs, the
 * command line tells before it ends.
 *
 * A telling that cannot go on (its overlays are gone) is closed with what
 * was posted and said in the log; one that failed for want of memory or disk
 * is tried again.
 */
#include "control/notices/telling.h"

#include <stdlib.h>
#include <time.h>

#include "control/log.h"
#include "control/notices/touched.h"
#include "control/parts.h"
#include "control/turns.h"

#define BATCH_BYTES_MAX ((size_t)64 << 20)
#define IDLE_MS         1000

struct weir_teller {
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows; taken after control's */
    pthread_cond_t wakes; /* the teller */
    pthread_cond_t done;  /* who waits for the end of a telling */
    bool is_rung;
    uint64_t rounds; /* moves after each telling */
    atomic_bool is_stopping;
};

/* ------------------------------------------------------------------ one deed */

/* Posts what was found and where to go on, in one transaction. */
static weir_status
post(struct weir_control *control, const struct weir__telling *telling,
     const struct weir__findings *found, struct weir_error *err)
{
    struct weir__turns turns;
    uint32_t posted = 0;
    weir__turns_begin(&turns, control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        for (uint32_t i = 0; status == WEIR_OK && i < found->count; i++) {
            char id[WEIR_STORE_ID_MAX];
            status = weir_notice_post(control->store, &found->rows[i],
                                      telling->by, telling->when, id, err);
            posted += status == WEIR_OK && id[0] != '\0';
        }
        if (status == WEIR_OK)
            status = weir__telling_step(
                control->store, telling->number, found->next_key, posted,
                found->is_last ? weir_control_now() : 0, err);
        status = weir__control_finish(control, status, err);
    }
    if (!found->is_last)
        (void)weir__turns_next(&turns); /* whoever waits is first */
    weir__turns_end(&turns);
    return status;
}

static weir_status
tell(struct weir_control *control, struct weir__touched *touched,
     const struct weir__telling *telling, const atomic_bool *is_stopping,
     struct weir_error *err)
{
    struct weir__findings found = {.next_key = telling->next_key};
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && !found.is_last &&
           !(is_stopping != NULL && atomic_load(is_stopping))) {
        struct weir_arena arena;
        weir_arena_init_heap(&arena, BATCH_BYTES_MAX);
        status =
            weir__touched_ask(touched, found.next_key, &arena, &found, err);
        if (status == WEIR_OK)
            status = post(control, telling, &found, err);
        weir_arena_fini(&arena);
    }
    return status;
}

/* Its overlays are not there: nobody can say any more whom it touched. */
static weir_status
give_up(struct weir_control *control, const struct weir__telling *telling,
        const struct weir_error *why, struct weir_error *err)
{
    const struct weir__findings nothing = {.next_key = telling->next_key,
                                           .is_last = true};
    weir_log(WEIR_LOG_ERROR, "not everybody was told of %s %.*s: %s",
             weir_kind_name(telling->kind), WEIR_SPAN_ARG(telling->name),
             why->text);
    return post(control, telling, &nothing, err);
}

static weir_status
tell_next(struct weir_control *control, const atomic_bool *is_stopping,
          bool *is_there_out, struct weir_error *err)
{
    struct weir__telling telling;
    struct weir__touched *touched = NULL;
    struct weir_arena arena;
    struct weir_error own = {0};
    weir_arena_init_heap(&arena, BATCH_BYTES_MAX);
    weir_control_lock(control);
    *is_there_out = false;
    weir_status status = WEIR_OK, opened = WEIR_OK;
    if (control->has_image) /* else nobody was served yet */
        status = weir__telling_next(control->store, &arena, &telling,
                                    is_there_out, err);
    if (status == WEIR_OK && *is_there_out)
        opened = weir__touched_new(control, &telling, &touched, &own);
    pthread_mutex_unlock(&control->lock);
    if (touched != NULL)
        status = tell(control, touched, &telling, is_stopping, err);
    else if (opened == WEIR_ENOMEM)
        status = weir_fail(err, opened, WEIR_OFFSET_NONE, "%s", own.text);
    else if (opened != WEIR_OK)
        status = give_up(control, &telling, &own, err);
    weir__touched_free(touched);
    weir_arena_fini(&arena);
    return status;
}

weir_status
weir__tell_all(struct weir_control *control, const atomic_bool *is_stopping,
               struct weir_error *err)
{
    bool is_there = true;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && is_there &&
           !(is_stopping != NULL && atomic_load(is_stopping)))
        status = tell_next(control, is_stopping, &is_there, err);
    return status;
}

/* ------------------------------------------------------------------- waiting */

static void
read_state(struct weir_control *control, int64_t number,
           struct weir_told *told_out)
{
    struct weir_error err = {0};
    weir_control_lock(control);
    if (weir__telling_get(control->store, number, &told_out->notices,
                          &told_out->is_done, &err) != WEIR_OK)
        weir_log(WEIR_LOG_ERROR, "whom a deed touched: %s", err.text);
    pthread_mutex_unlock(&control->lock);
}

/* Until the teller has ended a telling after `seen`, or `until`. */
static bool
wait_round(struct weir_teller *teller, uint64_t *seen, weir_time until)
{
    struct timespec when = {.tv_sec = until / WEIR_US_PER_SEC,
                            .tv_nsec = until % WEIR_US_PER_SEC * 1000};
    int code = 0;
    pthread_mutex_lock(&teller->lock);
    while (teller->rounds == *seen && code == 0)
        code = pthread_cond_timedwait(&teller->done, &teller->lock, &when);
    bool is_new = teller->rounds != *seen;
    *seen = teller->rounds;
    pthread_mutex_unlock(&teller->lock);
    return is_new;
}

void
weir__tell_wait(struct weir_control *control, int64_t number,
                struct weir_told *told_out)
{
    struct weir_teller *teller = control->teller;
    struct weir_error err = {0};
    weir_time until = weir_control_now() + WEIR__TELL_WAIT_US;
    uint64_t seen = 0;
    bool goes_on = true;
    *told_out = (struct weir_told){.is_done = number == 0};
    if (teller == NULL && weir__tell_all(control, NULL, &err) != WEIR_OK)
        weir_log(WEIR_LOG_ERROR, "customers are not told yet: %s", err.text);
    if (teller != NULL) {
        pthread_mutex_lock(&teller->lock);
        seen = teller->rounds;
        pthread_mutex_unlock(&teller->lock);
        weir__tell_ring(control);
    }
    if (number != 0)
        read_state(control, number, told_out);
    while (teller != NULL && !told_out->is_done && goes_on) {
        goes_on = wait_round(teller, &seen, until);
        read_state(control, number, told_out);
    }
}

void
weir__tell_ring(struct weir_control *control)
{
    struct weir_teller *teller = control->teller;
    if (teller == NULL)
        return;
    pthread_mutex_lock(&teller->lock);
    teller->is_rung = true;
    pthread_cond_signal(&teller->wakes);
    pthread_mutex_unlock(&teller->lock);
}

/* ------------------------------------------------------------------- thread */

static void
wait_for_ring(struct weir_teller *teller)
{
    weir_time until = weir_control_now() + IDLE_MS * 1000;
    struct timespec when = {.tv_sec = until / WEIR_US_PER_SEC,
                            .tv_nsec = until % WEIR_US_PER_SEC * 1000};
    int code = 0;
    pthread_mutex_lock(&teller->lock);
    while (!teller->is_rung && !atomic_load(&teller->is_stopping) && code == 0)
        code = pthread_cond_timedwait(&teller->wakes, &teller->lock, &when);
    teller->is_rung = false;
    pthread_mutex_unlock(&teller->lock);
}

static void *
work(void *context)
{
    struct weir_control *control = context;
    struct weir_teller *teller = control->teller;
    bool failed_last = false;
    while (!atomic_load(&teller->is_stopping)) {
        struct weir_error err = {0};
        bool is_there = true;
        weir_status status = WEIR_OK;
        while (status == WEIR_OK && is_there &&
               !atomic_load(&teller->is_stopping)) {
            status = tell_next(control, &teller->is_stopping, &is_there, &err);
            pthread_mutex_lock(&teller->lock);
            teller->rounds += is_there;
            pthread_cond_broadcast(&teller->done);
            pthread_mutex_unlock(&teller->lock);
        }
        if (status != WEIR_OK && !failed_last)
            weir_log(WEIR_LOG_ERROR, "customers are not told yet: %s",
                     err.text);
        failed_last = status != WEIR_OK;
        wait_for_ring(teller);
    }
    return NULL;
}

weir_status
weir_teller_start(struct weir_control *control, struct weir_error *err)
{
    struct weir_teller *teller = calloc(1, sizeof *teller);
    if (teller == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    pthread_mutex_init(&teller->lock, NULL);
    pthread_cond_init(&teller->wakes, NULL);
    pthread_cond_init(&teller->done, NULL);
    control->teller = teller;
    if (pthread_create(&teller->thread, NULL, work, control) == 0)
        return WEIR_OK;
    control->teller = NULL;
    free(teller);
    return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                     "the teller does not start");
}

void
weir_teller_stop(struct weir_control *control)
{
    struct weir_teller *teller = control == NULL ? NULL : control->teller;
    if (teller == NULL)
        return;
    pthread_mutex_lock(&teller->lock);
    atomic_store(&teller->is_stopping, true);
    pthread_cond_signal(&teller->wakes);
    pthread_mutex_unlock(&teller->lock);
    pthread_join(teller->thread, NULL);
    control->teller = NULL;
    pthread_cond_destroy(&teller->done);
    pthread_cond_destroy(&teller->wakes);
    pthread_mutex_destroy(&teller->lock);
    free(teller);
}
