/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that an origin does later: batches of calls.
 *
 *   file of lines -> batch -> (hours) -> its end is seen -> outcome
 *   [asked]          [asked, held,       [asked]
 *                     intent on record]
 *
 * WHY A BATCH IS ASKED TWICE. A rule against an operation must not be walked
 * round by sending the same lines in a file; and what lies in files at an
 * origin for weeks is something of its own, which a rule may name.
 *
 * WHY ITS CALL STAYS OPEN. A hold belongs to a worker and dies with it; a
 * batch takes a day. So the counters are charged what was held, the intent
 * stays without an outcome, and the first worker that sees the end appends
 * one. The ledger closes a call once, whoever says it how often, and it is
 * there that the counters are put right.
 */
#include "internal.h"

#include <stddef.h>
#include <string.h>

/* The stricter of both, member by member. */
static void
add_obligations(const struct weir_image *image,
                const struct weir_obligations *more,
                struct weir_obligations *all)
{
    all->strip |= more->strip;
    all->filters |= more->filters;
    all->keeps_nothing = all->keeps_nothing || more->keeps_nothing;
    if (more->max_n != 0 && (all->max_n == 0 || more->max_n < all->max_n))
        all->max_n = more->max_n;
    if (more->tier > all->tier)
        all->tier = more->tier;
    if (more->monitor.len > 0)
        all->monitor = more->monitor;
    if (more->retain.len > 0 &&
        (all->retain.len == 0 ||
         weir_span_compare(weir_image_text(image, more->retain),
                           weir_image_text(image, all->retain)) < 0))
        all->retain = more->retain;
}

static uint32_t
allowed_of(const struct weir_answer *answer)
{
    uint32_t allowed = 0;
    for (uint32_t i = 0; i < answer->candidate_count; i++)
        if (answer->candidates[i].verdict == WEIR_ALLOW)
            allowed |= UINT32_C(1) << i;
    return allowed;
}

/* The candidate that has it; its own no where it has one. */
static weir_status
bar_others(struct weir_call *call, uint64_t deployment, uint32_t allowed,
           struct weir_error *err)
{
    const struct weir_image *image = &call->view->image;
    struct weir_answer *answer = &call->answer;
    for (uint32_t i = 0; i < answer->candidate_count; i++) {
        const struct weir_candidate *candidate = &answer->candidates[i];
        if (image->deployments[candidate->deployment].hash != deployment)
            continue;
        call->barred = ~(UINT32_C(1) << i);
        if ((allowed >> i & 1) != 0)
            return WEIR_OK;
        answer->speaking = i;
        answer->verdict = candidate->verdict;
        call->reason = candidate->reason;
        return weir_fail(
            err, candidate->verdict == WEIR_HOLD ? WEIR_EHELD : WEIR_EDENIED,
            WEIR_OFFSET_NONE, "policy refuses the deployment that has it");
    }
    call->reason = WEIR_REASON_UNKNOWN_MODEL;
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                     "what has it is no longer offered here");
}

weir_status
weir__call_decide_twice(struct weir_call *call, const struct weir_ask *ask,
                        enum weir_operation line, struct weir_error *err)
{
    struct weir_ask asked = *ask;
    asked.operation = line;
    weir_status status = weir_call_decide(call, &asked, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_obligations obligations = call->answer.obligations;
    uint32_t allowed = allowed_of(&call->answer);
    asked.operation = WEIR_OP_BATCH;
    status = weir_call_decide(call, &asked, err);
    if (status != WEIR_OK)
        return status;
    add_obligations(&call->view->image, &obligations,
                    &call->answer.obligations);
    allowed &= allowed_of(&call->answer);
    call->barred = ~allowed;
    return WEIR_OK;
}

weir_status
weir_call_decide_batch(struct weir_call *call, const struct weir_ask *ask,
                       enum weir_operation line, uint64_t deployment,
                       struct weir_error *err)
{
    weir_status status = weir__call_decide_twice(call, ask, line, err);
    if (status != WEIR_OK)
        return status;
    if (deployment != 0) {
        status = bar_others(call, deployment, ~call->barred, err);
        if (status != WEIR_OK)
            return status;
    } else if (call->barred == UINT32_MAX) {
        call->reason = WEIR_REASON_FORBIDDEN;
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "nothing may serve both such calls and batches");
    }
    if (weir_operation_answers(line) &&
        (call->answer.obligations.strip & WEIR_STRIP_REASONING) != 0) {
        call->reason = WEIR_REASON_FORBIDDEN;
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "policy takes reasoning out of replies, which "
                         "cannot be done in a batch");
    }
    return WEIR_OK;
}

weir_status
weir_call_decide_there(struct weir_call *call, const struct weir_ask *ask,
                       uint64_t deployment, struct weir_error *err)
{
    weir_status status = weir_call_decide(call, ask, err);
    return status != WEIR_OK
               ? status
               : bar_others(call, deployment, allowed_of(&call->answer), err);
}

void
weir_call_commit(struct weir_call *call)
{
    WEIR_ASSERT(call->is_admitted);
    if (call->is_settled)
        return;
    call->is_settled = true;
    weir__gate_left(call, false,
                    call->gate->env->now(call->gate->env->context));
    if (!call->has_hold)
        return;
    const weir_quota_amounts held = {
        .of = {1, (int64_t)call->held_tokens, call->held_micros}};
    weir_quota_settle_some(call->gate->quota, call->hold, &held,
                           weir__call_applies(call));
    call->has_hold = false;
}

size_t
weir_gate_limits(const struct weir_view *view, const struct weir_charged *of,
                 weir_quota_limit limits_out[WEIR_QUOTA_LIMITS_MAX])
{
    const struct weir_image *image = &view->image;
    struct weir_call call;
    memset(&call, 0, offsetof(struct weir_call, watching));
    memset(&call.answer, 0, offsetof(struct weir_answer, candidates));
    call.view = view;
    call.started = of->decided;
    call.key = of->key;
    call.project = image->keys[of->key].project;
    call.tenant = image->projects[call.project].tenant;
    call.client.end_customer = of->end_customer;
    call.answer.exception = WEIR_INDEX_NONE;
    call.answer.step = WEIR_INDEX_NONE;
    call.answer.candidate_count = 1;
    call.answer.candidates[0] = (struct weir_candidate){
        .deployment = of->deployment, .verdict = WEIR_ALLOW};
    if (!weir__call_limits(&call))
        return 0;
    memcpy(limits_out, call.limits, call.limit_count * sizeof(call.limits[0]));
    return call.limit_count;
}

static uint32_t
find_deployment(const struct weir_image *image, uint64_t hash)
{
    for (uint32_t i = 0; i < image->deployment_count; i++)
        if (image->deployments[i].hash == hash)
            return i;
    return WEIR_INDEX_NONE;
}

/* The first six bytes are milliseconds. */
static weir_time
time_of(const struct weir_request_id *id)
{
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id->bytes[i];
    return (weir_time)ms * WEIR_US_PER_MS;
}

void
weir_call_conclude(struct weir_call *call, const struct weir_sealed *batch,
                   enum weir_ending ending, const struct weir_usage *usage)
{
    const struct weir_image *image = &call->view->image;
    weir_time now = call->gate->env->now(call->gate->env->context);
    weir_time started = time_of(&batch->request);
    uint32_t row = find_deployment(image, batch->deployment);
    char bytes[WEIR_RECORD_PAYLOAD_MAX];
    struct weir_buf payload;
    weir_journal_mark mark;
    if (row == WEIR_INDEX_NONE)
        return;
    const struct weir_price_when when = {.decided = started,
                                         .service = WEIR_SERVICE_BATCH};
    struct weir_price price;
    weir_ref version = weir_image_price(image, row, &when, &price);
    struct weir_usage used = *usage;
    used.service = WEIR_SERVICE_BATCH;
    struct weir_record_outcome outcome = {
        .request = batch->request,
        .ending = ending,
        .http_status = 200,
        .is_estimated = usage->is_estimated,
        .operation = WEIR_OP_BATCH,
        .input_tokens = usage->input_tokens,
        .cached_tokens = usage->cached_tokens,
        .output_tokens = usage->output_tokens,
        .reasoning_tokens = usage->reasoning_tokens,
        .units = weir_record_units_of(&used),
        .cost_micros = weir_cost(&used, &price),
        .started_us = started,
        .total_us = now > started ? (uint64_t)(now - started) : 0,
        .origin_request = batch->id,
    };
    weir__call_fill_place(image, row, version, &outcome);
    weir_buf_init_fixed(&payload, bytes, sizeof(bytes));
    weir_record_put_outcome(&outcome, &payload);
    if (weir__call_append(call, WEIR_RECORD_OUTCOME, &payload, WEIR_TIER_CRASH,
                          &mark, NULL) != WEIR_OK)
        call->gate->outcomes_unwritten++;
}
