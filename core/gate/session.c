/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: one call of many answers, each held for and settled by itself.
 *
 *    admit    hold {1 request, tokens, money}     of the first answer
 *    answer   settle it with what that took       the request is charged
 *    hold     {0, tokens, money}                  of the next
 *    settle   outcome with the sums               budgets have them already
 *
 * WHY SUMS AND NO CALL PER ANSWER. An answer in a session is not asked for
 * by a request: a microphone that falls silent is enough, and the origin
 * begins. There is no moment to write an intent before it. The session's
 * intent says that there may be answers, its outcome what they were.
 *
 * WHY MONEY IS CHARGED BY DIFFERENCES. The outcome's cost is that of the sum.
 * What an answer adds to the cost of all before it is charged when it ends,
 * so counters and ledger agree to the unit, whatever was rounded.
 *
 * WHAT IS LOST when a worker is killed: the counters keep what ended answers
 * took until their windows end, the ledger has an intent without outcome, as
 * with any call. See docs/why/realtime.md.
 */
#include "internal.h"

#include <weir/session.h>

#include <stddef.h>
#include <string.h>

/* ----------------------------------------------------------- obligations */

/* Whether a rule of these filters is a classifier's. */
static bool
has_classifier(const struct weir_image *image, uint32_t filters)
{
    for (uint32_t i = 0; i < image->filter_count; i++) {
        const struct weir_image_filter *filter = &image->filters[i];
        for (uint32_t k = 0; (filters >> i & 1) != 0 && k < filter->count; k++)
            if (image->filter_rules[filter->first + k].classifier != 0)
                return true;
    }
    return false;
}

static weir_status
check_obligations(const struct weir_image *image,
                  const struct weir_obligations *asked, struct weir_error *err)
{
    const char *what = NULL;
    weir_span retain = weir_image_text(image, asked->retain);
    if (asked->classifiers != 0 || has_classifier(image, asked->filters))
        what = "verdicts of classifiers";
    else if ((asked->strip & WEIR_STRIP_REASONING) != 0)
        what = "reasoning taken out of answers";
    else if (retain.len > 0 && !asked->keeps_nothing &&
             !weir_span_equal(retain, WEIR_SPAN("none")))
        what = "content that is kept";
    if (what == NULL)
        return WEIR_OK;
    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "policy asks for %s, which a realtime session cannot have",
                     what);
}

weir_status
weir_session_check(struct weir_call *call, struct weir_error *err)
{
    weir_status status =
        check_obligations(&call->view->image, &call->answer.obligations, err);
    if (status != WEIR_OK)
        call->reason = WEIR_REASON_FILTERED;
    return status;
}

/* ---------------------------------------------------------------- budget */

void
weir_session_begin(struct weir_session *session, struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    WEIR_ASSERT(call->is_admitted && call->is_answered);
    memset(session, 0, sizeof(*session));
    session->call = call;
    session->held = 1;
    session->input_tokens = call->ask.input_tokens;
    session->filters = call->answer.obligations.filters;
    memcpy(session->digest, image->keys[call->key].digest,
           sizeof(session->digest));
    session->deployment =
        image->deployments[call->answer.candidates[call->current].deployment]
            .hash;
}

/* Holds beyond the call's own: the first of an untouched session is that. */
static uint32_t
extra_holds(const struct weir_session *session)
{
    return session->held - (session->call->has_hold ? 1 : 0);
}

static bool
is_limited(const struct weir_call *call)
{
    return call->gate->quota != NULL && call->limit_count > 0;
}

weir_status
weir_session_hold(struct weir_session *session, weir_time now,
                  struct weir_error *err)
{
    struct weir_call *call = session->call;
    const struct weir_image *image = &call->view->image;
    uint32_t deployment = call->answer.candidates[call->current].deployment;
    struct weir_usage usage;
    uint64_t name;

    WEIR_ASSERT(!call->is_settled);
    if (session->held == WEIR_SESSION_ANSWERS_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "more than %d answers at a time",
                         WEIR_SESSION_ANSWERS_MAX);
    if (!is_limited(call)) {
        session->held++;
        return WEIR_OK;
    }
    weir__call_usage(call, &image->models[image->deployments[deployment].model],
                     &usage);
    usage.input_tokens = session->input_tokens;
    weir_micros micros = weir__call_price(call, deployment, &usage);
    uint64_t tokens;
    if (__builtin_add_overflow(usage.input_tokens, usage.output_tokens,
                               &tokens) ||
        tokens > INT64_MAX)
        tokens = INT64_MAX;
    const weir_quota_amounts amounts = {.of = {0, (int64_t)tokens, micros}};
    memcpy(&name, call->id.bytes + 8, sizeof(name));
    weir_status status = weir_quota_hold(
        call->gate->quota, call->gate->quota_lane, name | 1, call->limits,
        call->limit_count, &amounts, now, &session->holds[extra_holds(session)],
        NULL, &call->full, err);
    if (status == WEIR_OK)
        session->held++;
    else
        call->reason = status == WEIR_EUNAVAIL ? WEIR_REASON_OVERLOADED
                                               : WEIR_REASON_BUDGET;
    return status;
}

/* Nobody held for it: into the counters as they are now. */
static void
charge(const struct weir_call *call, weir_time now,
       const weir_quota_amounts *actual)
{
    weir_quota_limit limits[WEIR_QUOTA_LIMITS_MAX];
    uint32_t applies = weir__call_applies(call);
    memcpy(limits, call->limits, call->limit_count * sizeof(limits[0]));
    /* The rest of a pool is counted through its members; one that does not
     * apply stays in its place, as others point there, and takes nothing. */
    for (uint32_t i = 0; i < call->limit_count; i++)
        if ((applies >> i & 1) == 0)
            limits[i].is_rest = true;
    weir_quota_correct(call->gate->quota, limits, call->limit_count, now,
                       actual);
}

void
weir_session_answer(struct weir_session *session,
                    const struct weir_usage *usage, weir_time now)
{
    struct weir_call *call = session->call;
    weir_micros before = weir_call_cost(call, &session->sum);
    WEIR_ASSERT(!call->is_settled);
    weir_usage_add(&session->sum, usage);
    session->answers++;
    if (usage->input_tokens > 0)
        session->input_tokens = usage->input_tokens + usage->output_tokens;
    weir_quota_amounts actual = {
        .of = {0, (int64_t)(usage->input_tokens + usage->output_tokens),
               weir_call_cost(call, &session->sum) - before}};
    if (session->held == 0) {
        if (is_limited(call))
            charge(call, now, &actual);
        return;
    }
    if (call->has_hold) {
        actual.of[WEIR_QUOTA_REQUESTS] = 1;
        weir_quota_settle_some(call->gate->quota, call->hold, &actual,
                               weir__call_applies(call));
        call->has_hold = false;
    } else if (is_limited(call)) {
        weir_quota_settle_some(call->gate->quota,
                               session->holds[extra_holds(session) - 1],
                               &actual, weir__call_applies(call));
    }
    session->held--;
}

void
weir_session_end(struct weir_session *session)
{
    struct weir_call *call = session->call;
    if (!call->is_settled && is_limited(call))
        for (uint32_t i = 0; i < extra_holds(session); i++)
            weir_quota_release(call->gate->quota, session->holds[i]);
    /* The call's own is the settlement's: the request counts. */
    session->held = call->has_hold ? 1 : 0;
}

/* ---------------------------------------------------------------- policy */

static weir_status
check_key(const struct weir_view *view, uint32_t row, weir_time now,
          enum weir_reason *reason_out, struct weir_error *err)
{
    const struct weir_image *image = &view->image;
    const struct weir_image_key *key;
    *reason_out = WEIR_REASON_UNKNOWN_KEY;
    if (row == WEIR_INDEX_NONE)
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "the key is not known here any more");
    key = &image->keys[row];
    *reason_out = WEIR_REASON_REVOKED_KEY;
    if (weir_overlay_has(&view->overlay, key->hash))
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "the key has been revoked");
    *reason_out = WEIR_REASON_EXPIRED_KEY;
    if (key->not_after <= now)
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "the key has expired");
    *reason_out = WEIR_REASON_KEY_ON_HOLD;
    if (weir_overlay_has(&view->overlay,
                         weir_kind_hash(WEIR_KIND_KEY_HOLD,
                                        weir_image_text(image, key->id))))
        return weir_fail(err, WEIR_EHELD, WEIR_OFFSET_NONE,
                         "the key is on hold: a person has to look at its "
                         "organisation first; its notices say why");
    return WEIR_OK;
}

static weir_status
say_no(enum weir_verdict verdict, enum weir_reason reason,
       struct weir_error *err)
{
    if (reason == WEIR_REASON_STALE)
        return weir_fail(err, WEIR_ESTALE, WEIR_OFFSET_NONE,
                         "the policy data is too old to decide on this model");
    if (verdict == WEIR_HOLD)
        return weir_fail(err, WEIR_EHELD, WEIR_OFFSET_NONE,
                         "policy holds this session until a person decides");
    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     reason == WEIR_REASON_WITHDRAWN
                         ? "what served this session has been withdrawn"
                         : "policy refuses this session now");
}

weir_status
weir_session_ask(struct weir_session *session, const struct weir_view *view,
                 weir_time confirmed_us, weir_time now, struct weir_error *err)
{
    struct weir_call *call = session->call;
    const struct weir_image *image = &view->image;
    struct weir_answer answer;
    uint32_t row = weir_image_find_key(image, session->digest);
    weir_status status = check_key(view, row, now, &call->reason, err);
    if (status != WEIR_OK)
        return status;
    const struct weir_question question = {
        .key = row,
        .operation = call->ask.operation,
        .model = call->ask.model,
        .is_streamed = call->ask.is_streamed,
        .address = call->client.address,
        .country = call->client.country,
        .end_customer = call->client.end_customer,
        .now = now,
        .confirmed_us = confirmed_us,
        .signals = call->signals,
        .first_grant = 0,
    };
    memset(&answer, 0, offsetof(struct weir_answer, candidates));
    weir_gate_decide(view, &question, &answer);
    session->filters = answer.obligations.filters;
    for (uint32_t i = 0; i < answer.candidate_count; i++) {
        const struct weir_candidate *candidate = &answer.candidates[i];
        if (image->deployments[candidate->deployment].hash !=
            session->deployment)
            continue;
        call->reason = candidate->reason;
        if (candidate->verdict != WEIR_ALLOW)
            return say_no(candidate->verdict, candidate->reason, err);
        status = check_obligations(image, &answer.obligations, err);
        if (status != WEIR_OK)
            call->reason = WEIR_REASON_FILTERED;
        return status;
    }
    call->reason = WEIR_REASON_UNKNOWN_MODEL;
    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "what serves this session is not offered any more");
}
