/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the allowed candidates do right now, and a place in the one that is
 * tried: weir/health.h, asked and told by the life of a call.
 *
 *   passed_over -> [plan] -> enter -> attempt -> heard -> left
 *
 * Nothing here can add a candidate: what policy refused is not in the plan.
 * Without the table every candidate is free and calls go on as before.
 *
 * WHAT IS A FAILURE. No connection, no reply in time, a broken one, and every
 * status that may be asked for elsewhere but 408, 425 and 429. A 429 says
 * that the origin is well and wants less: it rests as long as it asks for;
 * one that does not say how long counts as a failure, since asking on is
 * what it complains of. What is ours (credentials, withdrawals, pins) says
 * nothing of the deployment's health.
 *
 * WHY A CALL MAY ASK AN ORIGIN THAT RESTS. The plan has waited for the pause
 * that this very origin asked of this very call.
 */
#include "internal.h"

static const struct weir_image_deployment *
deployment_of(const struct weir_call *call, uint32_t candidate)
{
    return &call->view->image
                .deployments[call->answer.candidates[candidate].deployment];
}

static bool
is_sooner(weir_time a, weir_time b)
{
    return a != 0 && (b == 0 || a < b);
}

uint32_t
weir__gate_passed_over(struct weir_call *call, weir_time now)
{
    const struct weir_health *health = call->gate->health;
    uint32_t mask = 0;
    call->asked_again_at = 0;
    for (uint32_t i = 0; health != NULL && i < call->plan.count; i++) {
        uint32_t candidate = call->plan.order[i];
        const struct weir_image_deployment *row =
            deployment_of(call, candidate);
        weir_time until;
        enum weir_health_state state =
            weir_health_look(health, row->hash, &row->health, now, &until);
        bool was_tried = (call->plan.tried >> candidate & 1) != 0;
        if (state == WEIR_HEALTH_FREE && !weir__gate_may_take(call, candidate))
            state = WEIR_HEALTH_FULL;
        call->standing[candidate] = (uint8_t)state;
        if (state == WEIR_HEALTH_FREE ||
            (state == WEIR_HEALTH_RESTING && was_tried))
            continue;
        mask |= UINT32_C(1) << candidate;
        if (is_sooner(until, call->asked_again_at))
            call->asked_again_at = until;
    }
    return mask;
}

bool
weir__gate_enter(struct weir_call *call, uint32_t candidate, bool may_rest,
                 weir_time now)
{
    const struct weir_image_deployment *row = deployment_of(call, candidate);
    call->is_heard = false;
    call->slot.row = WEIR_HEALTH_NO_ROW;
    if (call->gate->health == NULL)
        return true;
    enum weir_health_state state =
        weir_health_take(call->gate->health, row->hash, &row->health,
                         call->gate->quota_lane, now, may_rest, &call->slot);
    call->standing[candidate] = (uint8_t)state;
    if (state == WEIR_HEALTH_FREE)
        weir__gate_took(call, candidate);
    return state == WEIR_HEALTH_FREE;
}

static enum weir_health_result
result_of(const struct weir_attempt_result *result)
{
    switch (result->end) {
    case WEIR_ATTEMPT_REPLIED:
        if (result->status == 429)
            return result->retry_after_ms > 0 ? WEIR_HEALTH_NOTHING
                                              : WEIR_HEALTH_BAD;
        if (result->status == 408 || result->status == 425)
            return WEIR_HEALTH_NOTHING;
        return weir_route_is_retryable(result->status) ? WEIR_HEALTH_BAD
                                                       : WEIR_HEALTH_GOOD;
    case WEIR_ATTEMPT_REFUSED:
    case WEIR_ATTEMPT_SLOW_OPEN:
    case WEIR_ATTEMPT_SLOW_HEAD:
    case WEIR_ATTEMPT_BROKEN:
        return WEIR_HEALTH_BAD;
    default:
        return WEIR_HEALTH_NOTHING;
    }
}

void
weir__gate_heard(struct weir_call *call,
                 const struct weir_attempt_result *result, weir_time now)
{
    const struct weir_health_rule *rule =
        &deployment_of(call, call->current)->health;
    struct weir_health *health = call->gate->health;
    if (call->slot.row == WEIR_HEALTH_NO_ROW || call->is_heard)
        return;
    call->is_heard = true;
    enum weir_health_result what = result_of(result);
    bool is_slow = result->end == WEIR_ATTEMPT_SLOW_OPEN ||
                   result->end == WEIR_ATTEMPT_SLOW_HEAD;
    if ((what == WEIR_HEALTH_GOOD || is_slow) && now > call->attempt_started)
        weir_health_time(health, &call->slot,
                         (uint64_t)(now - call->attempt_started), now);
    if (result->end == WEIR_ATTEMPT_REPLIED &&
        weir_route_is_retryable(result->status))
        weir_health_rest(health, &call->slot, rule, result->retry_after_ms,
                         now);
    (void)weir_health_note(health, &call->slot, rule, what, now);
}

void
weir__gate_hand_back(struct weir_call *call, weir_time now)
{
    weir__gate_gave_back(call);
    if (call->slot.row != WEIR_HEALTH_NO_ROW)
        weir_health_leave(call->gate->health, &call->slot,
                          call->gate->quota_lane, now);
}

void
weir__gate_left(struct weir_call *call, bool is_cut, weir_time now)
{
    weir__gate_gave_back(call);
    weir__gate_depart(call, now);
    if (call->slot.row == WEIR_HEALTH_NO_ROW)
        return;
    if (is_cut)
        (void)weir_health_note(call->gate->health, &call->slot,
                               &deployment_of(call, call->current)->health,
                               WEIR_HEALTH_BAD, now);
    weir_health_leave(call->gate->health, &call->slot, call->gate->quota_lane,
                      now);
}
