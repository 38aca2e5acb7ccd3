/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people say about a step: an answer, an explanation, an appeal, and
 * the lifting that follows when two people cleared its case.
 *
 * Each is one transaction under control's lock; then the overlay is
 * published, so that whoever reads "done" can rely on every worker.
 */
#include <stdio.h>
#include <string.h>

#include "control/cases/cases.h"
#include "control/cases/rows.h"
#include "control/parts.h"
#include "control/steps/parts.h"

struct deed {
    struct weir_control *control;
    const struct weir_actor *actor;
    int64_t case_number;
    weir_span tenant; /* of a customer; empty: any */
    weir_span text;
    bool is_yes;
    /* Filled on the way. */
    weir_time now;
    struct weir_step_row row;
    struct weir_watch_rule rule;
    char person[WEIR_CASE_PERSON_MAX];
    struct weir_arena arena;
};

weir_status
weir__step_person(struct weir_control *control, const struct weir_actor *actor,
                  bool is_needed, char person_out[128], struct weir_error *err)
{
    person_out[0] = '\0';
    weir_status status = weir__token_person(
        control->store, weir_span_of(actor->id), person_out, err);
    if (status == WEIR_OK && is_needed && person_out[0] == '\0')
        status = weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                           "a token of your own is needed: it says who you "
                           "are");
    return status;
}

static weir_status
check_text(weir_span text, struct weir_error *err)
{
    if (text.len == 0 || text.len > WEIR_STEP_TEXT_MAX ||
        !weir_utf8_valid(text))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a reason is needed, UTF-8 of at most %d bytes",
                         WEIR_STEP_TEXT_MAX);
    return WEIR_OK;
}

static weir_status
find(struct deed *deed, bool needs_person, struct weir_error *err)
{
    struct weir_control *control = deed->control;
    weir_status status = weir_step_of_case(control->store, deed->case_number,
                                           &deed->arena, &deed->row, err);
    if (status == WEIR_OK && deed->tenant.len > 0 &&
        !weir_span_equal(deed->row.tenant, deed->tenant))
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "case_%lld is no case of this tenant",
                           (long long)deed->case_number);
    if (status == WEIR_OK)
        status = weir__step_person(control, deed->actor, needs_person,
                                   deed->person, err);
    if (status == WEIR_OK)
        deed->rule = weir__step_rule_of(&deed->row);
    return status;
}

typedef weir_status inside_fn(struct deed *deed, struct weir_error *err);

static weir_status
run(struct deed *deed, inside_fn *inside, struct weir_error *err)
{
    struct weir_control *control = deed->control;
    int64_t changed = 0;
    weir_status status = check_text(deed->text, err);
    if (status != WEIR_OK)
        return status;
    deed->now = weir_control_now();
    weir_arena_init_heap(&deed->arena, WEIR__STEP_ROOM_BYTES);
    weir_control_lock(control);
    status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = inside(deed, err);
        if (status == WEIR_OK)
            status = weir_store_number_next(control->store, "steps.changed",
                                            &changed, err);
        status = weir__control_finish(control, status, err);
    }
    if (status == WEIR_OK)
        status = weir__steps_publish(control, err);
    pthread_mutex_unlock(&control->lock);
    weir_arena_fini(&deed->arena);
    return status;
}

static weir_status
apply(struct deed *deed, enum weir_watch_change change,
      const struct weir_watch_stand *before, struct weir_error *err)
{
    const struct weir__step_act act = {.change = change,
                                       .before = *before,
                                       .actor = deed->actor,
                                       .person = weir_span_of(deed->person),
                                       .text = deed->text};
    return weir__step_apply(deed->control, &deed->row, &act, deed->now, err);
}

/* --------------------------------------------------------------- answer */

static weir_status
answer_inside(struct deed *deed, struct weir_error *err)
{
    weir_status status = find(deed, true, err);
    if (status != WEIR_OK)
        return status;
    struct weir_watch_stand before = deed->row.stand;
    enum weir_watch_change change = weir_watch_on_answer(
        &deed->rule, &deed->row.stand, deed->is_yes, deed->now);
    if (change == WEIR_WATCH_SAME)
        return weir_fail(
            err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
            before.coming == WEIR_WATCH_NOTHING
                ? "case_%lld: nothing is coming that could be answered"
                : "case_%lld: the step was announced, and the customer has "
                  "not explained; it acts when its time comes, or two people "
                  "lift it",
            (long long)deed->case_number);
    if (change == WEIR_WATCH_REFUSED)
        deed->row.fresh_calls = deed->row.calls;
    return apply(deed, change, &before, err);
}

weir_status
weir_step_answer(struct weir_control *control, const struct weir_actor *actor,
                 int64_t case_number, bool is_yes, weir_span reason,
                 struct weir_error *err)
{
    struct deed deed = {.control = control,
                        .actor = actor,
                        .case_number = case_number,
                        .text = reason,
                        .is_yes = is_yes};
    return run(&deed, answer_inside, err);
}

/* -------------------------------------------------------------- explain */

static weir_status
explain_inside(struct deed *deed, struct weir_error *err)
{
    weir_status status = find(deed, false, err);
    if (status != WEIR_OK)
        return status;
    struct weir_watch_stand before = deed->row.stand;
    if (before.step == WEIR_WATCH_NOTHING &&
        (before.coming == WEIR_WATCH_NOTHING || before.is_asked))
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "case_%lld is over: there is nothing to explain",
                         (long long)deed->case_number);
    (void)weir_watch_on_explain(&deed->rule, &deed->row.stand, deed->now);
    return apply(deed, WEIR_WATCH_EXPLAINED, &before, err);
}

weir_status
weir_step_explain(struct weir_control *control, const struct weir_actor *actor,
                  int64_t case_number, weir_span tenant, weir_span text,
                  struct weir_error *err)
{
    struct deed deed = {.control = control,
                        .actor = actor,
                        .case_number = case_number,
                        .tenant = tenant,
                        .text = text};
    return run(&deed, explain_inside, err);
}

/* --------------------------------------------------------------- appeal */

weir_status
weir_step_appeal(struct weir_control *control, const struct weir_actor *actor,
                 int64_t case_number, weir_span tenant, weir_span text,
                 struct weir_error *err)
{
    struct deed deed = {.control = control,
                        .actor = actor,
                        .case_number = case_number,
                        .tenant = tenant};
    weir_arena_init_heap(&deed.arena, WEIR__STEP_ROOM_BYTES);
    weir_control_lock(control);
    weir_status status = find(&deed, false, err);
    pthread_mutex_unlock(&control->lock);
    weir_arena_fini(&deed.arena);
    return status == WEIR_OK
               ? weir_case_appeal(control, actor, case_number, text, err)
               : status;
}

/* -------------------------------------------------------------- cleared */

weir_status
weir__steps_on_restored(struct weir_control *control,
                        const struct weir_actor *actor,
                        const struct weir_case *row, struct weir_error *err)
{
    struct deed deed = {.control = control,
                        .actor = actor,
                        .case_number = row->number,
                        .text = WEIR_SPAN("the case was cleared"),
                        .now = weir_control_now()};
    int64_t changed = 0;
    weir_arena_init_heap(&deed.arena, WEIR__STEP_ROOM_BYTES);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = find(&deed, false, err);
        struct weir_watch_stand before = deed.row.stand;
        enum weir_watch_change change =
            status == WEIR_OK ? weir_watch_on_lift(&deed.row.stand, deed.now)
                              : WEIR_WATCH_SAME;
        deed.row.fresh_calls = deed.row.calls;
        if (change != WEIR_WATCH_SAME)
            status = apply(&deed, change, &before, err);
        /* A later episode has followed: this one ended long ago. */
        if (status == WEIR_ENOTFOUND)
            status = WEIR_OK;
        if (status == WEIR_OK)
            status = weir_store_number_next(control->store, "steps.changed",
                                            &changed, err);
        status = weir__control_finish(control, status, err);
    }
    if (status == WEIR_OK)
        status = weir__steps_publish(control, err);
    weir_arena_fini(&deed.arena);
    return status;
}
