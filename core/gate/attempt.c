/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts: the plan of weir/route.h, asked with what policy allowed and what
 * has been withdrawn since. The order never holds a candidate that policy
 * refused; a withdrawal between two attempts takes one more away, and so do
 * a breaker that is open, a pause that an origin asked for, a full house.
 */
#include "internal.h"

uint32_t
weir__gate_withdrawn(const struct weir_call *call,
                     const struct weir_overlay *overlay)
{
    uint32_t mask = 0;
    if (overlay->count == 0)
        return 0;
    const struct weir_image *image = &call->view->image;
    if (weir_overlay_has(overlay,
                         image->organisations[call->organisation].hash) ||
        weir_overlay_has(overlay, image->keys[call->key].hash))
        return UINT32_MAX;
    for (uint32_t i = 0; i < call->answer.candidate_count; i++)
        if (weir_gate_is_withdrawn(image, overlay,
                                   call->answer.candidates[i].deployment))
            mask |= UINT32_C(1) << i;
    return mask;
}

static struct weir_step
start(struct weir_call *call, const struct weir_route_step *step, weir_time now)
{
    call->current = step->candidate;
    call->attempt_started = now + step->wait_us;
    return (struct weir_step){
        .next = WEIR_NEXT_TRY,
        .deployment = call->answer.candidates[step->candidate].deployment,
        .wait_us = step->wait_us,
    };
}

static void
note(struct weir_call *call, uint32_t candidate, uint32_t http_status,
     uint32_t failure, int64_t elapsed_us)
{
    const struct weir_image *image = &call->view->image;
    if (call->attempt_count == WEIR_ATTEMPTS_MAX)
        return;
    struct weir_record_attempt *attempt =
        &call->attempts[call->attempt_count++];
    uint32_t deployment = call->answer.candidates[candidate].deployment;
    attempt->deployment =
        weir_image_text(image, image->deployments[deployment].name);
    attempt->http_status = http_status;
    attempt->failure = failure;
    attempt->elapsed_ms =
        elapsed_us > 0 ? (uint32_t)(elapsed_us / WEIR_US_PER_MS) : 0;
}

/* Records which candidates were passed over for this step, once each; the
 * places that attempts may still need stay free. */
static void
note_passed(struct weir_call *call, uint32_t over,
            const struct weir_route_step *step)
{
    const struct weir_route_plan *plan = &call->plan;
    bool is_try = step->action == WEIR_ROUTE_TRY;
    uint32_t needed = (uint32_t)(plan->attempts_max - plan->attempts) + is_try;
    for (uint32_t i = 0; i < plan->count; i++) {
        uint32_t candidate = plan->order[i];
        uint32_t bit = UINT32_C(1) << candidate;
        if (is_try && candidate == step->candidate)
            return; /* those behind it were not in question */
        if ((over & bit & ~(call->said_over | plan->tried)) == 0)
            continue;
        if (call->attempt_count + needed >= WEIR_ATTEMPTS_MAX)
            return;
        call->said_over |= bit;
        uint8_t state = call->standing[candidate];
        note(call, candidate, 0,
             state == WEIR_HEALTH_RESTING ? WEIR_ATTEMPT_RESTING
             : state == WEIR_HEALTH_FULL  ? WEIR_ATTEMPT_FULL
                                          : WEIR_ATTEMPT_EJECTED,
             0);
    }
}

/*
 * The plan's next step (`result` NULL: the first) to a candidate that has a
 * place for it. Where another call took the last place in between, the plan
 * is asked once more without that candidate.
 */
static struct weir_route_step
choose(struct weir_call *call, const struct weir_attempt_result *result,
       uint32_t withdrawn, uint32_t *over_out, weir_time now)
{
    uint32_t over = weir__gate_passed_over(call, now);
    const struct weir_route_plan before = call->plan;
    for (;;) {
        struct weir_route_step step =
            result == NULL
                ? weir_route_first(&call->plan, withdrawn | over, now)
                : weir_route_next(&call->plan, result, withdrawn | over, now);
        if (step.action != WEIR_ROUTE_TRY ||
            weir__gate_enter(call, step.candidate,
                             step.reason == WEIR_ROUTE_AGAIN, now)) {
            *over_out = over & ~withdrawn;
            return step;
        }
        over |= UINT32_C(1) << step.candidate;
        call->plan = before;
    }
}

/* Nothing is withdrawn from this caller, and still nothing can be asked. */
static void
fail_unwell(struct weir_call *call, uint32_t withdrawn, struct weir_error *err)
{
    static const char *const what[] = {
        [WEIR_HEALTH_EJECTED] = "what may serve this call has failed too often "
                                "of late and is left alone for a while",
        [WEIR_HEALTH_RESTING] = "the origins that may serve this call asked "
                                "for a pause",
        [WEIR_HEALTH_FULL] = "what may serve this call has as many calls as "
                             "it may have",
    };
    /* The best news of all: a full one is free soonest. */
    enum weir_health_state best = WEIR_HEALTH_EJECTED;
    for (uint32_t i = 0; i < call->plan.count; i++) {
        uint32_t candidate = call->plan.order[i];
        enum weir_health_state state =
            (enum weir_health_state)call->standing[candidate];
        if ((withdrawn >> candidate & 1) == 0 && state > best)
            best = state;
    }
    if (best == WEIR_HEALTH_PROBED)
        best = WEIR_HEALTH_EJECTED;
    if (best == WEIR_HEALTH_FULL)
        call->asked_again_at = 0;
    call->reason = best == WEIR_HEALTH_FULL      ? WEIR_REASON_FULL
                   : best == WEIR_HEALTH_RESTING ? WEIR_REASON_RESTING
                                                 : WEIR_REASON_EJECTED;
    weir_fail(err, best == WEIR_HEALTH_RESTING ? WEIR_ERATE : WEIR_EUNAVAIL,
              WEIR_OFFSET_NONE, "%s", what[best]);
}

static uint32_t
planned_mask(const struct weir_call *call)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < call->plan.count; i++)
        mask |= UINT32_C(1) << call->plan.order[i];
    return mask;
}

struct weir_step
weir_call_first(struct weir_call *call, const struct weir_overlay *overlay,
                weir_time now, struct weir_error *err)
{
    WEIR_ASSERT(call->is_admitted && call->attempt_count == 0);
    uint32_t withdrawn = weir__gate_withdrawn(call, overlay);
    uint32_t over;
    struct weir_step wait;
    const struct weir_route_plan before = call->plan;
    struct weir_route_step step = choose(call, NULL, withdrawn, &over, now);
    if (step.action != WEIR_ROUTE_TRY && !weir__gate_is_shadow(call) &&
        weir__gate_join(call, withdrawn, now, &wait)) {
        call->plan = before;
        return wait;
    }
    weir__gate_depart(call, now);
    note_passed(call, over, &step);
    if (step.action == WEIR_ROUTE_TRY)
        return start(call, &step, now);
    if (step.reason == WEIR_ROUTE_EXHAUSTED &&
        (planned_mask(call) & ~withdrawn) != 0) {
        fail_unwell(call, withdrawn, err);
        return (struct weir_step){.next = WEIR_NEXT_REFUSE};
    }
    call->reason = WEIR_REASON_WITHDRAWN;
    weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
              "what could have served this call has been withdrawn");
    return (struct weir_step){.next = WEIR_NEXT_REFUSE};
}

/* The hop that failed, in words a person can act on. */
static void
name_hop(const struct weir_call *call, const struct weir_attempt_result *result,
         struct weir_error *err)
{
    const struct weir_image *image = &call->view->image;
    uint32_t row = call->answer.candidates[call->current].deployment;
    weir_span name = weir_image_text(image, image->deployments[row].name);
    static const char *const what[] = {
        [WEIR_ATTEMPT_REPLIED] = "the origin answered with an error",
        [WEIR_ATTEMPT_REFUSED] = "no connection to the origin",
        [WEIR_ATTEMPT_SLOW_OPEN] = "connecting to the origin took too long",
        [WEIR_ATTEMPT_SLOW_HEAD] = "the origin sent no reply in time",
        [WEIR_ATTEMPT_BROKEN] = "the origin broke the connection off",
        [WEIR_ATTEMPT_WITHDRAWN] = "the deployment has been withdrawn",
        [WEIR_ATTEMPT_PINNED] = "the origin is not the one that is pinned",
        [WEIR_ATTEMPT_NO_CREDENTIAL] =
            "the credential for the origin has ended or is not there",
    };
    bool is_slow = result->end == WEIR_ATTEMPT_SLOW_OPEN ||
                   result->end == WEIR_ATTEMPT_SLOW_HEAD;
    bool is_ours = result->end == WEIR_ATTEMPT_NO_CREDENTIAL;
    weir_fail(err,
              is_slow   ? WEIR_ETIMEOUT
              : is_ours ? WEIR_EUNAVAIL
                        : WEIR_EUPSTREAM,
              WEIR_OFFSET_NONE, "deployment %.*s: %s", WEIR_SPAN_ARG(name),
              result->is_unreadable
                  ? "the origin sent a reply that cannot be read"
                  : what[result->end]);
}

/* Whether the call waits for what is full: that it has not tried yet comes
 * before what has failed it already; with nothing else left, any does. */
static bool
may_join(struct weir_call *call, const struct weir_route_step *step,
         uint32_t withdrawn, weir_time now, struct weir_step *wait_out)
{
    uint32_t out = withdrawn | call->plan.spent;
    bool is_again = step->reason == WEIR_ROUTE_AGAIN;
    if (!is_again && step->reason != WEIR_ROUTE_EXHAUSTED)
        return false;
    if (is_again)
        out |= call->plan.tried;
    if (!weir__gate_join(call, out, now, wait_out))
        return false;
    if (is_again)
        weir__gate_hand_back(call, now);
    return true;
}

struct weir_step
weir__gate_retry(struct weir_call *call, const struct weir_overlay *overlay,
                 weir_time now, struct weir_error *err)
{
    uint32_t withdrawn = weir__gate_withdrawn(call, overlay);
    uint32_t over;
    struct weir_step wait;
    const struct weir_route_plan before = call->plan;
    struct weir_route_step step =
        choose(call, &call->retried, withdrawn, &over, now);
    if (may_join(call, &step, withdrawn, now, &wait)) {
        call->plan = before;
        return wait;
    }
    weir__gate_depart(call, now);
    call->is_retry = false;
    note_passed(call, over, &step);
    if (step.action == WEIR_ROUTE_TRY)
        return start(call, &step, now);
    name_hop(call, &call->retried, err);
    return (struct weir_step){.next = WEIR_NEXT_REFUSE};
}

struct weir_step
weir_call_next(struct weir_call *call, const struct weir_attempt_result *result,
               const struct weir_overlay *overlay, weir_time now,
               struct weir_error *err)
{
    WEIR_ASSERT(call->is_admitted && !call->is_settled);
    uint32_t failed = call->current;
    uint32_t withdrawn = weir__gate_withdrawn(call, overlay);
    uint32_t over;
    /* An error's body is no load: its place is another one's from here on. */
    weir__gate_heard(call, result, now);
    weir__gate_left(call, false, now);
    struct weir_step wait;
    const struct weir_route_plan before = call->plan;
    struct weir_route_step step = choose(call, result, withdrawn, &over, now);
    if (may_join(call, &step, withdrawn, now, &wait)) {
        note(call, failed, result->status, (uint32_t)result->end,
             now - call->attempt_started);
        call->plan = before;
        call->retried = *result;
        call->is_retry = true;
        return wait;
    }
    /* The origin's last word is noted by weir_call_answered(). */
    if (step.action != WEIR_ROUTE_TRY && result->end == WEIR_ATTEMPT_REPLIED)
        return (struct weir_step){.next = WEIR_NEXT_ANSWER};
    note(call, failed, result->status, (uint32_t)result->end,
         now - call->attempt_started);
    note_passed(call, over, &step);
    if (step.action == WEIR_ROUTE_TRY)
        return start(call, &step, now);
    name_hop(call, result, err);
    return (struct weir_step){.next = WEIR_NEXT_REFUSE};
}

bool
weir__gate_go_up(struct weir_call *call, uint32_t out,
                 const struct weir_overlay *overlay, weir_time now,
                 struct weir_step *step_out)
{
    const struct weir_attempt_result poor = {
        .end = WEIR_ATTEMPT_ESCALATED, .status = 200, .retry_after_ms = -1};
    const struct weir_attempt_result replied = {
        .end = WEIR_ATTEMPT_REPLIED, .status = 200, .retry_after_ms = -1};
    const struct weir_route_plan before = call->plan;
    uint32_t failed = call->current;
    uint32_t withdrawn = weir__gate_withdrawn(call, overlay);
    uint32_t over;
    uint32_t answered = call->attempt_count - 1;
    if (call->attempt_count + 2 > WEIR_ATTEMPTS_MAX)
        return false;
    /* The origin is well, and its answer is whole: its place is free. */
    weir__gate_heard(call, &replied, now);
    weir__gate_left(call, false, now);
    struct weir_route_step step =
        choose(call, &poor, withdrawn | out, &over, now);
    if (step.action != WEIR_ROUTE_TRY) {
        call->plan = before;
        return false;
    }
    if (call->is_answered) /* its head was good: what was noted is amended */
        call->attempts[answered].failure = WEIR_ATTEMPT_ESCALATED;
    else
        note(call, failed, 200, WEIR_ATTEMPT_ESCALATED,
             now - call->attempt_started);
    call->is_answered = false;
    *step_out = start(call, &step, now);
    return true;
}

void
weir_call_answered(struct weir_call *call, uint32_t http_status, weir_time now)
{
    const struct weir_attempt_result result = {
        .end = WEIR_ATTEMPT_REPLIED,
        .status = (uint16_t)http_status,
        .retry_after_ms = -1,
    };
    if (call->is_answered)
        return;
    weir__gate_heard(call, &result, now);
    note(call, call->current, http_status, WEIR_ATTEMPT_REPLIED,
         now - call->attempt_started);
    call->is_answered = true;
}

bool
weir_call_is_withdrawn(const struct weir_call *call,
                       const struct weir_overlay *overlay)
{
    /* Before the first attempt nothing serves it; that step asks itself. */
    if (call->attempt_started == 0)
        return false;
    return (weir__gate_withdrawn(call, overlay) >> call->current & 1) != 0;
}
