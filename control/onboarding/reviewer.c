/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that reviews: four times a second it asks whether sources or
 * list files are others than at the last review, and whether a date has
 * come. A review that failed is tried again a second later, and said once.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control/log.h"
#include "control/onboarding/parts.h"

#define LOOK_MS  250
#define AGAIN_US WEIR_US_PER_SEC

/* What was reviewed last. */
struct seen {
    uint64_t publications;
    uint64_t lists;
    weir_time again; /* after a failure: not before */
    bool is_failing;
};

/* NULL: nothing to do. */
static const char *
find_reason(struct weir_control *control, struct seen *seen, bool is_rung)
{
    struct weir__lists lists = {0};
    weir_time now = weir_control_now();
    weir_control_lock(control);
    bool has_lists = weir__lists_take(control->world, &lists, NULL) == WEIR_OK;
    uint64_t publications = control->publications;
    weir_time due = control->onboarding->due;
    pthread_mutex_unlock(&control->lock);
    uint64_t stamp = has_lists ? lists.stamp : seen->lists;
    weir__lists_free(&lists);
    const char *reason = NULL;
    if (seen->again != 0)
        reason = now >= seen->again ? "again" : NULL;
    else if (publications != seen->publications)
        reason = "sources";
    else if (stamp != seen->lists)
        reason = "lists";
    else if (due <= now)
        reason = "a date";
    else if (is_rung)
        reason = "facts";
    if (reason == NULL)
        return NULL;
    *seen = (struct seen){publications, stamp, 0, seen->is_failing};
    return reason;
}

static void
review(struct weir_control *control, struct seen *seen, const char *reason)
{
    struct weir_error err = {0};
    weir_status status = weir_onboarding_review(control, reason, NULL, &err);
    if (status == WEIR_OK)
        status = weir_case_expire(control, &err);
    if (status != WEIR_OK && !seen->is_failing)
        weir_log(WEIR_LOG_ERROR, "review of keys: %s", err.text);
    seen->is_failing = status != WEIR_OK;
    seen->again = status == WEIR_OK ? 0 : weir_control_now() + AGAIN_US;
}

static void *
work(void *context)
{
    struct weir_control *control = context;
    struct weir_onboarding *own = control->onboarding;
    struct seen seen = {0};
    while (!atomic_load(&own->is_stopping)) {
        struct pollfd wait = {.fd = own->event, .events = POLLIN};
        uint64_t count;
        (void)poll(&wait, 1, LOOK_MS);
        bool is_rung = read(own->event, &count, sizeof count) > 0;
        if (atomic_load(&own->is_stopping))
            break;
        const char *reason = find_reason(control, &seen, is_rung);
        if (reason != NULL)
            review(control, &seen, reason);
    }
    return NULL;
}

weir_status
weir_reviewer_start(struct weir_control *control, struct weir_error *err)
{
    weir_control_lock(control);
    struct weir_onboarding *own = weir__onboarding_of(control);
    pthread_mutex_unlock(&control->lock);
    if (own == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    own->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (own->event < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "no event: %s",
                         strerror(errno));
    if (pthread_create(&own->thread, NULL, work, control) != 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE,
                         "the reviewer does not start");
    own->is_running = true;
    return WEIR_OK;
}

void
weir_reviewer_stop(struct weir_control *control)
{
    struct weir_onboarding *own = control == NULL ? NULL : control->onboarding;
    if (own == NULL)
        return;
    if (own->is_running) {
        atomic_store(&own->is_stopping, true);
        weir_onboarding_ring(control);
        pthread_join(own->thread, NULL);
        own->is_running = false;
    }
    if (own->event >= 0)
        close(own->event);
    own->event = -1;
}

void
weir_onboarding_ring(struct weir_control *control)
{
    uint64_t one = 1;
    if (control->onboarding != NULL && control->onboarding->event >= 0)
        (void)!write(control->onboarding->event, &one, sizeof one);
}
