/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose a free place is: shares of tenants in a deployment that has a queue.
 *
 *   free place -> above its `most`? -> kept for those who reserved? ->
 *   others wait? -> [its turn] -> taken
 *
 * A call whose attempt failed waits in the same way for what is left to try;
 * the failure is recorded first, and the route goes on from it when the turn
 * has come, with the same deadline and count of attempts.
 *
 * Deployments without a queue are first come, first served, and cost nothing
 * here. A call that waits is on record with its budget held, as any admitted
 * call; how long it waited stands in its outcome.
 *
 * WHY RESERVED PLACES STAY EMPTY. A reservation is for who comes unforeseen.
 * A place that others may use until then is free for him only when their
 * call ends.
 */
#include "internal.h"

static const struct weir_image_deployment *
deployment_of(const struct weir_call *call, uint32_t candidate,
              const struct weir_image_queue **queue_out)
{
    const struct weir_image *image = &call->view->image;
    uint32_t row = call->answer.candidates[candidate].deployment;
    *queue_out = &image->queues[row];
    return &image->deployments[row];
}

static struct weir_fair_flow
flow_of(const struct weir_call *call, uint64_t deployment, uint32_t tenant)
{
    return (struct weir_fair_flow){deployment,
                                   call->view->image.tenants[tenant].hash};
}

/* A percentage of the places, and never less than one of them. */
static uint32_t
places(uint32_t concurrency, uint32_t percent)
{
    uint32_t count = (uint32_t)((uint64_t)concurrency * percent / 100);
    return count == 0 ? 1 : count;
}

/* Places that others have reserved and not taken. */
static uint32_t
kept(const struct weir_call *call,
     const struct weir_image_deployment *deployment)
{
    const struct weir_image *image = &call->view->image;
    uint32_t all = 0;
    for (uint32_t i = 0; i < image->reserving_count; i++) {
        uint32_t tenant = image->reserving[i];
        struct weir_fair_flow flow = flow_of(call, deployment->hash, tenant);
        if (tenant == call->tenant)
            continue;
        uint32_t theirs = places(deployment->health.concurrency,
                                 image->shares[tenant].reserved);
        uint32_t taken = weir_fair_in_flight(call->gate->fair, &flow);
        all += theirs > taken ? theirs - taken : 0;
    }
    return all;
}

/* One of its own reserved places is free: no others can take that. */
static bool
has_reserved(const struct weir_call *call,
             const struct weir_image_deployment *deployment)
{
    uint32_t reserved = call->view->image.shares[call->tenant].reserved;
    struct weir_fair_flow flow = flow_of(call, deployment->hash, call->tenant);
    return reserved > 0 && weir_fair_in_flight(call->gate->fair, &flow) <
                               places(deployment->health.concurrency, reserved);
}

static bool
is_below_most(const struct weir_call *call,
              const struct weir_image_deployment *deployment)
{
    uint32_t most = call->view->image.shares[call->tenant].most;
    struct weir_fair_flow flow = flow_of(call, deployment->hash, call->tenant);
    return most == 100 || weir_fair_in_flight(call->gate->fair, &flow) <
                              places(deployment->health.concurrency, most);
}

static bool
is_within_share(const struct weir_call *call,
                const struct weir_image_deployment *deployment)
{
    const struct weir_image *image = &call->view->image;
    uint32_t concurrency = deployment->health.concurrency;
    struct weir_health_view view;
    if (!is_below_most(call, deployment))
        return false;
    if (image->reserving_count == 0 || has_reserved(call, deployment))
        return true;
    uint32_t others = kept(call, deployment);
    if (others == 0 || call->gate->health == NULL ||
        !weir_health_view_get(call->gate->health, deployment->hash,
                              call->started, &view))
        return others < concurrency;
    return view.in_flight + others < concurrency;
}

bool
weir__gate_may_take(const struct weir_call *call, uint32_t candidate)
{
    const struct weir_image_queue *queue;
    const struct weir_image_deployment *deployment =
        deployment_of(call, candidate, &queue);
    struct weir_fair *fair = call->gate->fair;
    if (fair == NULL || queue->length == 0)
        return true;
    if (!is_within_share(call, deployment))
        return false;
    return (call->is_turn && candidate == call->queue_candidate) ||
           has_reserved(call, deployment) ||
           weir_fair_waiting(fair, deployment->hash) == 0;
}

void
weir__gate_took(struct weir_call *call, uint32_t candidate)
{
    const struct weir_image_queue *queue;
    const struct weir_image_deployment *deployment =
        deployment_of(call, candidate, &queue);
    if (call->gate->fair == NULL || queue->length == 0)
        return;
    struct weir_fair_flow flow = flow_of(call, deployment->hash, call->tenant);
    weir_fair_enter(call->gate->fair, &flow,
                    call->view->image.shares[call->tenant].weight,
                    call->gate->quota_lane);
    call->fair_deployment = deployment->hash;
}

void
weir__gate_gave_back(struct weir_call *call)
{
    if (call->fair_deployment == 0)
        return;
    struct weir_fair_flow flow =
        flow_of(call, call->fair_deployment, call->tenant);
    weir_fair_leave(call->gate->fair, &flow, call->gate->quota_lane);
    call->fair_deployment = 0;
}

/* ------------------------------------------------------------- waiting */

bool
weir__gate_join(struct weir_call *call, uint32_t withdrawn, weir_time now,
                struct weir_step *step_out)
{
    for (uint32_t i = 0; i < call->plan.count; i++) {
        uint32_t candidate = call->plan.order[i];
        const struct weir_image_queue *queue;
        const struct weir_image_deployment *deployment =
            deployment_of(call, candidate, &queue);
        if (call->gate->fair == NULL || queue->length == 0 ||
            (withdrawn >> candidate & 1) != 0 ||
            call->standing[candidate] != WEIR_HEALTH_FULL ||
            (call->is_queued && candidate != call->queue_candidate))
            continue;
        weir_time wait = (weir_time)queue->wait_ms * WEIR_US_PER_MS;
        if (call->plan.deadline != 0 && call->plan.deadline - now < wait)
            wait = call->plan.deadline - now;
        struct weir_fair_flow flow =
            flow_of(call, deployment->hash, call->tenant);
        if (wait <= 0 ||
            (!call->is_queued &&
             !weir_fair_arrive(call->gate->fair, &flow, call->gate->quota_lane,
                               queue->length)))
            continue;
        if (!call->is_queued)
            call->queued_at = now;
        call->is_queued = true;
        call->queue_candidate = candidate;
        *step_out = (struct weir_step){
            .next = WEIR_NEXT_WAIT,
            .deployment = call->answer.candidates[candidate].deployment,
            .wait_us = wait,
        };
        return true;
    }
    return false;
}

void
weir__gate_depart(struct weir_call *call, weir_time now)
{
    if (!call->is_queued)
        return;
    call->is_queued = false;
    if (now > call->queued_at)
        call->queued_ms += (uint32_t)((now - call->queued_at) / WEIR_US_PER_MS);
    struct weir_fair_flow flow =
        flow_of(call, weir_call_queue(call), call->tenant);
    weir_fair_depart(call->gate->fair, &flow, call->gate->quota_lane);
}

uint64_t
weir_call_queue(const struct weir_call *call)
{
    const struct weir_image_queue *queue;
    return deployment_of(call, call->queue_candidate, &queue)->hash;
}

bool
weir_call_is_ready(const struct weir_call *call, weir_time now)
{
    const struct weir_image_queue *queue;
    const struct weir_image_deployment *deployment =
        deployment_of(call, call->queue_candidate, &queue);
    weir_time until;
    return weir_health_look(call->gate->health, deployment->hash,
                            &deployment->health, now,
                            &until) != WEIR_HEALTH_FULL &&
           is_within_share(call, deployment);
}

uint64_t
weir_call_tag(const struct weir_call *call)
{
    const struct weir_image_queue *queue;
    const struct weir_image_deployment *deployment =
        deployment_of(call, call->queue_candidate, &queue);
    struct weir_fair_flow flow = flow_of(call, deployment->hash, call->tenant);
    if (!is_below_most(call, deployment))
        return WEIR_FAIR_NONE;
    return has_reserved(call, deployment)
               ? 0
               : weir_fair_tag(call->gate->fair, &flow);
}

struct weir_step
weir_call_resume(struct weir_call *call, const struct weir_overlay *overlay,
                 weir_time now, struct weir_error *err)
{
    WEIR_ASSERT(call->is_queued);
    call->is_turn = true;
    struct weir_step step = call->is_retry
                                ? weir__gate_retry(call, overlay, now, err)
                                : weir_call_first(call, overlay, now, err);
    call->is_turn = false;
    return step;
}

void
weir_call_give_up(struct weir_call *call, weir_time now, struct weir_error *err)
{
    weir__gate_depart(call, now);
    call->reason = WEIR_REASON_FULL;
    call->asked_again_at = 0;
    weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
              "no place came free in time in what may serve this call");
}
