/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes past the ladder: two people, a reason, a date.
 *
 *   requested --approve (another person)--> in force --> over
 *        \--revoke-------------------------/--revoke--> revoked
 *
 * Terms never change once asked for; asking, approving and revoking are acts
 * of the log and rows of every report. Revoking only brings the rules back,
 * so one person may.
 */
#include <stdio.h>
#include <string.h>

#include "control/cases/rows.h"
#include "control/parts.h"
#include "control/steps/parts.h"

static const char *const deeds[] = {
    [WEIR_OVERRIDE_LIFT] = "lift",
    [WEIR_OVERRIDE_EXEMPT] = "exempt",
    [WEIR_OVERRIDE_RAISE] = "raise",
};

const char *
weir_override_deed_name(enum weir_override_deed deed)
{
    return (size_t)deed < WEIR_COUNTOF(deeds) && deeds[deed] != NULL
               ? deeds[deed]
               : "";
}

bool
weir_override_deed_parse(weir_span text, enum weir_override_deed *out)
{
    for (size_t i = 1; i < WEIR_COUNTOF(deeds); i++) {
        if (weir_span_equal(text, weir_span_of(deeds[i]))) {
            *out = (enum weir_override_deed)i;
            return true;
        }
    }
    return false;
}

const char *
weir_override_state(const struct weir_override *row, weir_time now)
{
    if (row->revoked != 0)
        return "revoked";
    if (row->approved == 0)
        return now >= row->requested + WEIR_WATCH_ASK_US ? "over" : "requested";
    if (row->deed == WEIR_OVERRIDE_LIFT)
        return "done";
    return now >= row->until ? "over" : "in force";
}

/* -------------------------------------------------------------- request */

static weir_status
check_wish(const struct weir_override *wish, weir_time now,
           struct weir_error *err)
{
    if (weir_override_deed_name(wish->deed)[0] == '\0')
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an override is lift, exempt or raise");
    if (wish->kind == 0 || wish->kind >= WEIR_WATCH_OF_MODELS ||
        wish->name.len == 0 || wish->name.len > WEIR_WATCH_SUBJECT_BYTES)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an override is for a key, project, tenant, "
                         "organisation, group, end_customer or cluster");
    if (wish->reason.len == 0 || wish->reason.len > WEIR_STEP_TEXT_MAX ||
        !weir_utf8_valid(wish->reason))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a reason is needed, UTF-8 of at most %d bytes",
                         WEIR_STEP_TEXT_MAX);
    if (wish->deed != WEIR_OVERRIDE_LIFT &&
        (wish->until <= now || wish->until > now + WEIR_WATCH_LAST_US_MAX))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "it needs an end, at most 90 days from now");
    if (wish->deed == WEIR_OVERRIDE_RAISE && wish->step == WEIR_WATCH_NOTHING)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "raise to which step?");
    return WEIR_OK;
}

/* The stand, or a new one where the image knows the subject. */
static weir_status
find_stand(struct weir_control *control, const struct weir_override *wish,
           struct weir_arena *arena, struct weir_step_row *row_out,
           struct weir_error *err)
{
    char text[WEIR_WATCH_SUBJECT_BYTES + 32];
    uint32_t kind = 0;
    uint64_t digest = 0;
    weir_span name;
    bool is_there = false;
    snprintf(text, sizeof text, "%s:%.*s", weir_watch_kind_name(wish->kind),
             WEIR_SPAN_ARG(wish->name));
    weir_status status =
        weir_watch_named(weir_span_of(text), &kind, &digest, &name, err);
    if (status == WEIR_OK)
        status = weir__step_get(control->store, kind, digest, arena, row_out,
                                &is_there, err);
    if (status == WEIR_OK && !is_there &&
        !weir__step_place(control, kind, digest, name, WEIR_SPAN(""), arena,
                          row_out))
        status = weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                           "no %s '%.*s'", weir_watch_kind_name(kind),
                           (int)(name.len < 80 ? name.len : 80), name.ptr);
    return status;
}

static weir_status
note(struct weir_control *control, const struct weir_actor *actor,
     const char *action, const struct weir_override *row,
     struct weir_error *err)
{
    char detail[256];
    snprintf(detail, sizeof detail,
             "{\"deed\":\"%s\",\"kind\":\"%s\",\"step\":\"%s\","
             "\"until_us\":%lld}",
             weir_override_deed_name(row->deed),
             weir_watch_kind_name(row->kind), weir_watch_action_name(row->step),
             (long long)row->until);
    return weir__control_note(control, actor, action, row->id, detail, err);
}

struct deed {
    struct weir_control *control;
    const struct weir_actor *actor;
    weir_span id;
    weir_span reason; /* of a revocation */
    struct weir_override row;
    weir_time now;
    char person[WEIR_CASE_PERSON_MAX];
    struct weir_arena arena;
};

static weir_status
request_inside(struct deed *deed, struct weir_error *err)
{
    struct weir_control *control = deed->control;
    struct weir_override *row = &deed->row;
    struct weir_step_row stand;
    weir_status status =
        weir__step_person(control, deed->actor, true, deed->person, err);
    if (status == WEIR_OK)
        status = find_stand(control, row, &deed->arena, &stand, err);
    if (status != WEIR_OK)
        return status;
    struct weir_watch_rule rule = weir__step_rule(control, &stand, deed->now);
    if (row->deed == WEIR_OVERRIDE_RAISE &&
        ((rule.automatic | rule.asks) & WEIR_WATCH_RUNG(row->step)) == 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "policy knows no step %s for these calls: @monitor",
                         weir_watch_action_name(row->step));
    if (row->deed == WEIR_OVERRIDE_LIFT &&
        stand.stand.step == WEIR_WATCH_NOTHING &&
        stand.stand.coming == WEIR_WATCH_NOTHING)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "no step is in force or coming: nothing to lift");
    row->tenant = stand.tenant;
    row->requested = deed->now;
    row->requested_by = weir_span_of(deed->person);
    status = weir__override_add(control->store, row, err);
    if (status == WEIR_OK)
        status = note(control, deed->actor, "watch.override.request", row, err);
    return status;
}

typedef weir_status inside_fn(struct deed *deed, struct weir_error *err);

static weir_status
run(struct deed *deed, inside_fn *inside, bool publishes,
    struct weir_error *err)
{
    struct weir_control *control = deed->control;
    int64_t changed = 0;
    deed->now = weir_control_now();
    weir_arena_init_heap(&deed->arena, WEIR__STEP_ROOM_BYTES);
    weir_control_lock(control);
    weir_status status = weir_store_begin(control->store, err);
    if (status == WEIR_OK) {
        status = inside(deed, err);
        if (status == WEIR_OK && publishes)
            status = weir_store_number_next(control->store, "steps.changed",
                                            &changed, err);
        status = weir__control_finish(control, status, err);
    }
    if (status == WEIR_OK && publishes)
        status = weir__steps_publish(control, err);
    pthread_mutex_unlock(&control->lock);
    weir_arena_fini(&deed->arena);
    return status;
}

weir_status
weir_override_request(struct weir_control *control,
                      const struct weir_actor *actor,
                      const struct weir_override *wish,
                      char id_out[WEIR_STORE_ID_MAX], struct weir_error *err)
{
    struct deed deed = {.control = control, .actor = actor, .row = *wish};
    char id[WEIR_STORE_ID_MAX];
    weir_status status = check_wish(wish, weir_control_now(), err);
    if (status == WEIR_OK)
        status = weir_control_id("wo_", id, err);
    if (status != WEIR_OK)
        return status;
    deed.row.id = weir_span_of(id);
    status = run(&deed, request_inside, false, err);
    if (status == WEIR_OK)
        memcpy(id_out, id, sizeof id);
    return status;
}

/* -------------------------------------------------------------- approve */

static weir_status
check_approval(const struct deed *deed, struct weir_error *err)
{
    const struct weir_override *row = &deed->row;
    const char *state = weir_override_state(row, deed->now);
    weir_span person = weir_span_of(deed->person);
    if (strcmp(state, "requested") != 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the override is %s: it cannot be approved", state);
    if (row->deed != WEIR_OVERRIDE_LIFT && row->until <= deed->now)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the end it was asked for is over");
    if (weir_span_equal_nocase(row->requested_by, person))
        return weir_fail(err, WEIR_EROLE, WEIR_OFFSET_NONE,
                         "'%.60s' asked for it: a second person approves",
                         row->requested_by.ptr);
    return WEIR_OK;
}

static enum weir_watch_change
move(const struct weir_override *row, const struct weir_watch_rule *rule,
     struct weir_watch_stand *stand, weir_time now)
{
    switch (row->deed) {
    case WEIR_OVERRIDE_LIFT:
        return weir_watch_on_lift(stand, now);
    case WEIR_OVERRIDE_EXEMPT:
        return weir_watch_on_exempt(stand, row->until, now);
    case WEIR_OVERRIDE_RAISE:
        return weir_watch_on_raise(rule, stand, row->step, row->until, now);
    }
    return WEIR_WATCH_SAME;
}

static weir_status
approve_inside(struct deed *deed, struct weir_error *err)
{
    struct weir_control *control = deed->control;
    struct weir_override *row = &deed->row;
    struct weir_step_row stand;
    weir_status status =
        weir__override_get(control->store, deed->id, &deed->arena, row, err);
    if (status == WEIR_OK)
        status =
            weir__step_person(control, deed->actor, true, deed->person, err);
    if (status == WEIR_OK)
        status = check_approval(deed, err);
    if (status == WEIR_OK)
        status = find_stand(control, row, &deed->arena, &stand, err);
    if (status != WEIR_OK)
        return status;
    struct weir_watch_rule rule = weir__step_rule(control, &stand, deed->now);
    struct weir__step_act act = {.before = stand.stand,
                                 .actor = deed->actor,
                                 .person = weir_span_of(deed->person),
                                 .text = row->reason,
                                 .override = row->id};
    act.change = move(row, &rule, &stand.stand, deed->now);
    if (act.change == WEIR_WATCH_SAME)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         row->deed == WEIR_OVERRIDE_RAISE
                             ? "policy knows no such step, or it stands as "
                               "high already"
                             : "no step is in force or coming any more");
    weir__step_keep_rule(&stand, &rule, &deed->arena);
    stand.fresh_calls = stand.calls;
    status = weir__override_approved(control->store, row->id, deed->now,
                                     weir_span_of(deed->person), err);
    if (status == WEIR_OK)
        status = note(control, deed->actor, "watch.override.approve", row, err);
    if (status == WEIR_OK)
        status = weir__step_apply(control, &stand, &act, deed->now, err);
    return status;
}

weir_status
weir_override_approve(struct weir_control *control,
                      const struct weir_actor *actor, weir_span id,
                      struct weir_error *err)
{
    struct deed deed = {.control = control, .actor = actor, .id = id};
    return run(&deed, approve_inside, true, err);
}

/* --------------------------------------------------------------- revoke */

/* Ends what it did: an exemption, or the step it raised. */
static weir_status
undo(struct deed *deed, struct weir_error *err)
{
    struct weir_step_row stand;
    weir_status status =
        find_stand(deed->control, &deed->row, &deed->arena, &stand, err);
    if (status != WEIR_OK)
        return status;
    struct weir__step_act act = {.before = stand.stand,
                                 .actor = deed->actor,
                                 .person = weir_span_of(deed->person),
                                 .text = deed->reason,
                                 .override = deed->row.id};
    if (deed->row.deed == WEIR_OVERRIDE_RAISE) {
        act.change = weir_watch_on_lift(&stand.stand, deed->now);
        stand.fresh_calls = stand.calls;
    } else {
        stand.stand.exempt = 0;
        stand.stand.fresh = deed->now;
    }
    return act.change == WEIR_WATCH_SAME
               ? weir__step_put(deed->control->store, &stand, err)
               : weir__step_apply(deed->control, &stand, &act, deed->now, err);
}

static weir_status
revoke_inside(struct deed *deed, struct weir_error *err)
{
    struct weir_control *control = deed->control;
    struct weir_override *row = &deed->row;
    weir_status status =
        weir__override_get(control->store, deed->id, &deed->arena, row, err);
    if (status == WEIR_OK)
        status =
            weir__step_person(control, deed->actor, false, deed->person, err);
    if (status != WEIR_OK)
        return status;
    const char *state = weir_override_state(row, deed->now);
    bool is_in_force = strcmp(state, "in force") == 0;
    if (!is_in_force && strcmp(state, "requested") != 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "the override is %s: there is nothing to revoke",
                         state);
    status =
        weir__override_revoked(control->store, row->id, deed->now,
                               weir_span_of(deed->person), deed->reason, err);
    if (status == WEIR_OK)
        status = note(control, deed->actor, "watch.override.revoke", row, err);
    if (status == WEIR_OK && is_in_force)
        status = undo(deed, err);
    return status;
}

weir_status
weir_override_revoke(struct weir_control *control,
                     const struct weir_actor *actor, weir_span id,
                     weir_span reason, struct weir_error *err)
{
    struct deed deed = {
        .control = control, .actor = actor, .id = id, .reason = reason};
    if (reason.len == 0 || reason.len > WEIR_STEP_TEXT_MAX ||
        !weir_utf8_valid(reason))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a reason is needed, UTF-8 of at most %d bytes",
                         WEIR_STEP_TEXT_MAX);
    return run(&deed, revoke_inside, true, err);
}
