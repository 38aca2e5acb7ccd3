/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scribe of a session: a second model at the same origin, which writes
 * down what is heard. The origin calls it; who may have it, at what price and
 * out of which budget is asked here.
 *
 *     session   realtime    intent ------------------------ outcome
 *                   `------ scribe's intent --- outcome ----'
 *
 * WHY A CALL OF ITS OWN. It has a model and a price of its own, so policy must
 * be asked for that model, and its usage cannot stand in the outcome of
 * another. As a call it has what every call has; that it belongs to a session
 * is said in both its records. What it writes is held for and settled text by
 * text, as the answers of a session are, and by the same functions.
 *
 * WHY AT THE SAME ORIGIN. The session's connection ends there: nothing that
 * is asked of it can be done elsewhere.
 */
#include "internal.h"

#include <weir/session.h>

static bool
is_same_origin(const struct weir_session *session,
               const struct weir_image *image, uint32_t deployment)
{
    const struct weir_call *call = session->call;
    const struct weir_image *older = &call->view->image;
    uint32_t own = call->answer.candidates[call->current].deployment;
    return weir_span_equal(
        weir_image_text(
            image, image->origins[image->deployments[deployment].origin].name),
        weir_image_text(older,
                        older->origins[older->deployments[own].origin].name));
}

static weir_status
bar(const struct weir_session *session, struct weir_call *scribe,
    struct weir_error *err)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < scribe->answer.candidate_count; i++) {
        const struct weir_candidate *candidate = &scribe->answer.candidates[i];
        if (!is_same_origin(session, &scribe->view->image,
                            candidate->deployment))
            scribe->barred |= UINT32_C(1) << i;
        else if (candidate->verdict == WEIR_ALLOW)
            open++;
    }
    if (open > 0)
        return WEIR_OK;
    scribe->reason = WEIR_REASON_NOT_SERVABLE;
    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "that model is not offered where this session is");
}

weir_status
weir_session_call_scribe(const struct weir_session *session,
                         struct weir_call *scribe, const struct weir_view *view,
                         weir_span model, weir_span of, weir_time confirmed_us,
                         uint64_t *position_out, struct weir_error *err)
{
    struct weir_client client = session->call->client;
    const struct weir_ask ask = {.operation = WEIR_OP_TRANSCRIBE,
                                 .model = model,
                                 .is_streamed = true,
                                 .n = 1};
    client.session_of = of;
    weir_call_begin(scribe, session->call->gate, view, &client, confirmed_us);
    weir_status status =
        weir__call_identify_digest(scribe, session->digest, err);
    if (status == WEIR_OK)
        status = weir_call_decide(scribe, &ask, err);
    if (status == WEIR_OK && scribe->answer.obligations.filters != 0) {
        scribe->reason = WEIR_REASON_FILTERED;
        status = weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                           "policy asks for rules over what is written down, "
                           "and sound cannot be looked at");
    }
    if (status == WEIR_OK)
        status = weir_session_check(scribe, err);
    if (status == WEIR_OK)
        status = bar(session, scribe, err);
    if (status == WEIR_OK)
        status = weir_call_admit(scribe, position_out, err);
    return status;
}

weir_status
weir_session_begin_scribe(struct weir_call *scribe,
                          const struct weir_overlay *overlay, weir_time now,
                          struct weir_session *session_out,
                          struct weir_error *err)
{
    const struct weir_settlement nothing = {.ending = WEIR_END_NOT_SENT};
    weir_status status;
    struct weir_error why;
    struct weir_step step = weir_call_first(scribe, overlay, now, &why);
    if (step.next == WEIR_NEXT_TRY) {
        weir_call_answered(scribe, 101, now);
        weir_session_begin(session_out, scribe);
        return WEIR_OK;
    }
    if (step.next == WEIR_NEXT_WAIT)
        weir_call_give_up(scribe, now, &why);
    status = why.status;
    if (err != NULL)
        *err = why;
    weir_call_settle(scribe, &nothing);
    return status;
}
