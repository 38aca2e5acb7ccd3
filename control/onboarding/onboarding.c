/* SPDX-License-Identifier: Apache-2.0 */
/* The part of control that this folder owns, and names of numbers. */
#include <stdlib.h>
#include <string.h>

#include "control/log.h"
#include "control/onboarding/parts.h"

static const char *const shortfalls[] = {
    [WEIR_SHORT_DECISION] = "decision",   [WEIR_SHORT_EVIDENCE] = "evidence",
    [WEIR_SHORT_SCREENING] = "screening", [WEIR_SHORT_TERMS] = "terms",
    [WEIR_SHORT_PURPOSE] = "purpose",     [WEIR_SHORT_OWNERSHIP] = "ownership",
    [WEIR_SHORT_CHANGED] = "changed",
};
static const char *const standings[] = {"none", "started", "approved",
                                        "refused", "held"};
static const char *const actions[] = {"",       "start", "approve",
                                      "refuse", "hold",  "release"};

const char *
weir_shortfall_name(enum weir_shortfall_kind kind)
{
    size_t number = (size_t)kind;
    return number < WEIR_COUNTOF(shortfalls) && shortfalls[number] != NULL
               ? shortfalls[number]
               : "";
}

const char *
weir_standing_name(enum weir_standing_state state)
{
    return (size_t)state < WEIR_COUNTOF(standings) ? standings[state] : "";
}

const char *
weir__standing_action_name(enum weir__standing_action action)
{
    return (size_t)action < WEIR_COUNTOF(actions) ? actions[action] : "";
}

struct weir_onboarding *
weir__onboarding_of(struct weir_control *control)
{
    if (control->onboarding == NULL) {
        control->onboarding = calloc(1, sizeof *control->onboarding);
        if (control->onboarding == NULL)
            return NULL;
        control->onboarding->event = -1;
        control->onboarding->due = WEIR_TIME_MAX;
        weir_arena_init_heap(&control->onboarding->cache_arena,
                             WEIR_SCREENING_BYTES_MAX);
    }
    return control->onboarding;
}

void
weir__onboarding_free(struct weir_onboarding *onboarding)
{
    if (onboarding == NULL)
        return;
    weir__screen_unref(onboarding->screen);
    weir__screen_unref(onboarding->cache_screen);
    weir_arena_fini(&onboarding->cache_arena);
    free(onboarding->cache);
    free(onboarding);
}

struct weir__screen *
weir__onboarding_screen(struct weir_control *control)
{
    struct weir_onboarding *own = weir__onboarding_of(control);
    struct weir__lists lists = {0};
    struct weir__screen *loaded = NULL;
    struct weir_error err = {0};
    if (own == NULL)
        return NULL;
    weir_status status = weir__lists_take(control->world, &lists, &err);
    bool is_current = own->screen != NULL && own->screen->stamp == lists.stamp;
    if (status == WEIR_OK && lists.count == 0) {
        weir__screen_unref(own->screen);
        own->screen = NULL;
        own->screen_error[0] = '\0';
    } else if (status == WEIR_OK && !is_current &&
               own->failed_stamp != lists.stamp) {
        status = weir__screen_load(&lists, &loaded, &err);
    }
    if (status != WEIR_OK) {
        memcpy(own->screen_error, err.text, sizeof own->screen_error);
        own->failed_stamp = lists.stamp;
        weir_log(WEIR_LOG_ERROR, "onboarding: %s", err.text);
    } else if (loaded != NULL) {
        weir__screen_unref(own->screen);
        own->screen = loaded;
        own->screen_error[0] = '\0';
    }
    weir__lists_free(&lists);
    return own->screen;
}
