/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts: the plan of weir/route.h, asked with what policy allowed and what
 * has been withdrawn since. The order never holds a candidate that policy
 * refused; a withdrawal between two attempts takes one more away.
 */
#include "internal.h"

static uint32_t
withdrawn_mask(const struct weir_call *call, const struct weir_overlay *overlay)
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

struct weir_step
weir_call_first(struct weir_call *call, const struct weir_overlay *overlay,
                weir_time now, struct weir_error *err)
{
    WEIR_ASSERT(call->is_admitted && call->attempt_count == 0);
    struct weir_route_step step =
        weir_route_first(&call->plan, withdrawn_mask(call, overlay), now);
    if (step.action == WEIR_ROUTE_TRY)
        return start(call, &step, now);
    call->reason = WEIR_REASON_WITHDRAWN;
    weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
              "what could have served this call has been withdrawn");
    return (struct weir_step){.next = WEIR_NEXT_REFUSE};
}

static void
note(struct weir_call *call, uint32_t http_status, uint32_t failure,
     weir_time now)
{
    const struct weir_image *image = &call->view->image;
    if (call->attempt_count == WEIR_ATTEMPTS_MAX)
        return;
    struct weir_record_attempt *attempt =
        &call->attempts[call->attempt_count++];
    uint32_t deployment = call->answer.candidates[call->current].deployment;
    attempt->deployment =
        weir_image_text(image, image->deployments[deployment].name);
    attempt->http_status = http_status;
    attempt->failure = failure;
    attempt->elapsed_ms =
        now > call->attempt_started
            ? (uint32_t)((now - call->attempt_started) / WEIR_US_PER_MS)
            : 0;
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
              what[result->end]);
}

struct weir_step
weir_call_next(struct weir_call *call, const struct weir_attempt_result *result,
               const struct weir_overlay *overlay, weir_time now,
               struct weir_error *err)
{
    WEIR_ASSERT(call->is_admitted && !call->is_settled);
    /* The origin's last word is noted by weir_call_answered(). */
    struct weir_route_step step = weir_route_next(
        &call->plan, result, withdrawn_mask(call, overlay), now);
    if (step.action != WEIR_ROUTE_TRY && result->end == WEIR_ATTEMPT_REPLIED)
        return (struct weir_step){.next = WEIR_NEXT_ANSWER};
    note(call, result->status, (uint32_t)result->end, now);
    if (step.action == WEIR_ROUTE_TRY)
        return start(call, &step, now);
    name_hop(call, result, err);
    return (struct weir_step){.next = WEIR_NEXT_REFUSE};
}

void
weir_call_answered(struct weir_call *call, uint32_t http_status, weir_time now)
{
    if (call->is_answered)
        return;
    note(call, http_status, WEIR_ATTEMPT_REPLIED, now);
    call->is_answered = true;
}

bool
weir_call_is_withdrawn(const struct weir_call *call,
                       const struct weir_overlay *overlay)
{
    /* Before the first attempt nothing serves it; that step asks itself. */
    if (call->attempt_started == 0)
        return false;
    return (withdrawn_mask(call, overlay) >> call->current & 1) != 0;
}
