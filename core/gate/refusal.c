/* SPDX-License-Identifier: Apache-2.0 */
/* How a no reads: what happened, who decided it, and whom to ask. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

static void
put_ids(const struct weir_image *image, const uint32_t *rows, uint32_t count,
        struct weir_buf *room, weir_span *text_out)
{
    size_t start = room->len;
    if (count > WEIR_DECIDING_MAX)
        count = WEIR_DECIDING_MAX;
    for (uint32_t i = 0; i < count; i++) {
        weir_span id = weir_image_text(image, image->policies[rows[i]].id);
        if (room->len + id.len + 1 > room->max)
            break; /* whole ids only */
        if (i > 0)
            weir_buf_add_byte(room, ' ');
        weir_buf_add_span(room, id);
    }
    *text_out = (weir_span){room->ptr + start, room->len - start};
}

void
weir__gate_record_candidates(const struct weir_call *call,
                             struct weir_buf *room,
                             struct weir_record_candidate *candidates)
{
    const struct weir_image *image = &call->view->image;
    for (uint32_t i = 0; i < call->answer.candidate_count; i++) {
        const struct weir_candidate *candidate = &call->answer.candidates[i];
        candidates[i].deployment = weir_image_text(
            image, image->deployments[candidate->deployment].name);
        candidates[i].verdict = candidate->verdict;
        candidates[i].reason = candidate->reason;
        put_ids(image, candidate->policies, candidate->policy_count, room,
                &candidates[i].policies);
        put_ids(image, candidate->shadows, candidate->shadow_count, room,
                &candidates[i].shadows);
    }
}

static void
quote_policy(const struct weir_call *call, struct weir_refusal *refusal)
{
    const struct weir_image *image = &call->view->image;
    refusal->appeal = weir_image_text(image, image->appeal);
    refusal->authority = weir_image_text(image, image->seller);
    if (call->answer.candidate_count == 0)
        return;
    const struct weir_candidate *candidate =
        &call->answer.candidates[call->answer.speaking];
    if (candidate->policy_count == 0)
        return;
    const struct weir_image_policy *policy =
        &image->policies[candidate->policies[0]];
    refusal->policy = weir_image_text(image, policy->id);
    refusal->title = weir_image_text(image, policy->title);
    if (policy->authority.len > 0)
        refusal->authority = weir_image_text(image, policy->authority);
    if (policy->appeal.len > 0)
        refusal->appeal = weir_image_text(image, policy->appeal);
}

/* A step of the watch: its case, and who hears appeals. The policies of the
 * candidate are those that let the call through, and not quoted. */
static void
quote_step(const struct weir_call *call, struct weir_refusal *refusal)
{
    const struct weir_image *image = &call->view->image;
    refusal->appeal = weir_image_text(image, image->appeal);
    refusal->authority = weir_image_text(image, image->seller);
    refusal->watch_case = call->step.id;
    if (call->reason != WEIR_REASON_WATCH_SLOW)
        refusal->ends_at = call->step.until;
}

/* A filter acts on what a policy lets through: that policy is not quoted. */
static void
quote_seller(const struct weir_call *call, struct weir_refusal *refusal)
{
    const struct weir_image *image = &call->view->image;
    refusal->appeal = weir_image_text(image, image->appeal);
    refusal->authority = weir_image_text(image, image->seller);
}

static bool
is_stepped(const struct weir_call *call)
{
    return call->reason == WEIR_REASON_WATCH_SLOW ||
           call->reason == WEIR_REASON_WATCH_HOLD ||
           call->reason == WEIR_REASON_WATCH_SUSPENDED;
}

static weir_span
subject_of(const struct weir_call *call)
{
    return call->reason == WEIR_REASON_WATCH_SLOW
               ? weir_span_of(weir_watch_subject_name(call->step.subject))
               : weir__call_limit_name(call, call->full.limit);
}

/* "project tokens per day" and when it opens again. */
static void
quote_budget(const struct weir_call *call, weir_time now, struct weir_buf *room,
             struct weir_refusal *refusal)
{
    static const char *const metrics[] = {"requests", "tokens", "money"};
    static const char *const windows[] = {"minute", "hour", "day", "week",
                                          "month",  "year", "ever"};
    if (call->full.limit >= call->limit_count)
        return;
    const weir_quota_limit *limit = &call->limits[call->full.limit];
    size_t start = room->len;
    weir_buf_addf(room, "%.*s %s per %s", WEIR_SPAN_ARG(subject_of(call)),
                  metrics[limit->metric], windows[limit->window]);
    refusal->window = (weir_span){room->ptr + start, room->len - start};
    if (call->full.is_never)
        return; /* it will not fit later either */
    refusal->reopens_at = weir__call_reopens_at(call);
    if (refusal->reopens_at > now)
        refusal->retry_after_s =
            (uint32_t)((refusal->reopens_at - now + WEIR_US_PER_SEC - 1) /
                       WEIR_US_PER_SEC);
}

static const char *
type_of(enum weir_verdict verdict)
{
    return verdict == WEIR_HOLD ? "hold" : "deny";
}

void
weir_call_refusal(const struct weir_call *call, weir_status status,
                  const struct weir_error *err, weir_time now,
                  char room_bytes[WEIR_REFUSAL_ROOM],
                  struct weir_refusal *refusal_out)
{
    struct weir_buf room;
    weir_buf_init_fixed(&room, room_bytes, WEIR_REFUSAL_ROOM);
    memset(refusal_out, 0, sizeof(*refusal_out));
    refusal_out->status = status;
    if (call->reason != WEIR_REASON_NONE &&
        call->reason != WEIR_REASON_PERMITTED)
        refusal_out->code = weir_span_of(weir_reason_code(call->reason));

    char id[WEIR_REQUEST_ID_TEXT];
    weir_request_id_format(&call->id, id);
    weir_buf_add(&room, id, WEIR_REQUEST_ID_TEXT - 1);
    refusal_out->request = (weir_span){room.ptr, WEIR_REQUEST_ID_TEXT - 1};

    if (status == WEIR_EDENIED || status == WEIR_EHELD ||
        status == WEIR_ESTALE) {
        refusal_out->decision =
            weir_span_of(type_of(status == WEIR_EHELD ? WEIR_HOLD : WEIR_DENY));
        if (call->reason == WEIR_REASON_FILTERED)
            quote_seller(call, refusal_out);
        else if (!is_stepped(call))
            quote_policy(call, refusal_out);
    }
    if (is_stepped(call))
        quote_step(call, refusal_out);
    bool is_health = call->reason == WEIR_REASON_EJECTED ||
                     call->reason == WEIR_REASON_RESTING ||
                     call->reason == WEIR_REASON_FULL;
    if ((status == WEIR_EBUDGET || status == WEIR_ERATE) && !is_health)
        quote_budget(call, now, &room, refusal_out);
    if (status == WEIR_EUNAVAIL || is_health)
        refusal_out->retry_after_s = 1;
    if (is_health && call->asked_again_at > now + WEIR_US_PER_SEC)
        refusal_out->retry_after_s =
            (uint32_t)((call->asked_again_at - now + WEIR_US_PER_SEC - 1) /
                       WEIR_US_PER_SEC);

    size_t start = room.len;
    if (refusal_out->title.len > 0 && refusal_out->title.len < 300)
        weir_buf_addf(&room, "%.*s.", WEIR_SPAN_ARG(refusal_out->title));
    else if (refusal_out->window.len > 0)
        weir_buf_addf(&room, "the budget `%.*s` is full",
                      WEIR_SPAN_ARG(refusal_out->window));
    else if (err != NULL && err->text[0] != '\0')
        weir_buf_addf(&room, "%s", err->text);
    else
        weir_buf_addf(&room, "%s", weir_status_info(status)->meaning);
    refusal_out->message = (weir_span){room.ptr + start, room.len - start};
}
