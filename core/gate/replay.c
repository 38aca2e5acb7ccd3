/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded decisions, taken again by the code that took them. */
#include "internal.h"

#include <string.h>

#include <weir/replay.h>

weir_status
weir_replay_init(struct weir_replay *replay, const struct weir_view *view,
                 struct weir_arena *arena, struct weir_error *err)
{
    const struct weir_image *image = &view->image;
    uint32_t size = 16;
    while (size / 2 < image->key_count)
        size *= 2;
    replay->view = view;
    replay->mask = size - 1;
    replay->slots = weir_arena_array(arena, uint32_t, size);
    if (replay->slots == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory for an index of %u keys", image->key_count);
    for (uint32_t row = 0; row < image->key_count; row++) {
        weir_span id = weir_image_text(image, image->keys[row].id);
        uint32_t at = (uint32_t)weir_hash64(id, 0) & replay->mask;
        while (replay->slots[at] != 0)
            at = (at + 1) & replay->mask;
        replay->slots[at] = row + 1;
    }
    return WEIR_OK;
}

uint32_t
weir_replay_key(const struct weir_replay *replay, weir_span id)
{
    const struct weir_image *image = &replay->view->image;
    for (uint32_t at = (uint32_t)weir_hash64(id, 0) & replay->mask;;
         at = (at + 1) & replay->mask) {
        uint32_t row = replay->slots[at];
        if (row == 0)
            return WEIR_INDEX_NONE;
        if (weir_span_equal(weir_image_text(image, image->keys[row - 1].id),
                            id))
            return row - 1;
    }
}

/* Of a copy that the operator pays for the key stands behind the request. */
static weir_span
key_of(const struct weir_record_intent *intent)
{
    weir_span text = intent->shadow_of;
    const char *blank = text.len == 0 ? NULL : memchr(text.ptr, ' ', text.len);
    if (blank == NULL)
        return intent->key;
    return (weir_span){blank + 1, (size_t)(text.ptr + text.len - blank) - 1};
}

void
weir_replay_of_intent(const struct weir_record_intent *intent,
                      struct weir_replay_case *case_out)
{
    *case_out = (struct weir_replay_case){
        .request = intent->request,
        .overlay = intent->overlay,
        .operation = (enum weir_operation)intent->operation,
        .is_streamed = intent->is_streamed != 0,
        .reason = WEIR_REASON_PERMITTED,
        .decided_us = intent->decided_us,
        .key = key_of(intent),
        .tenant = intent->tenant,
        .organisation = intent->organisation,
        .model = intent->model,
        .country = intent->country,
        .address = intent->address,
        .end_customer = intent->end_customer,
        .tool = intent->tool,
        .is_shadow = intent->shadow_of.len > 0,
        .exception = intent->exception,
        .signals = intent->signals,
        .candidate_count = intent->candidate_count,
        .candidates = intent->candidates,
    };
    memcpy(case_out->image_digest, intent->image_digest, 32);
}

void
weir_replay_of_refusal(const struct weir_record_refusal *refusal,
                       struct weir_replay_case *case_out)
{
    *case_out = (struct weir_replay_case){
        .request = refusal->request,
        .overlay = refusal->overlay,
        .operation = (enum weir_operation)refusal->operation,
        .is_streamed = refusal->is_streamed != 0,
        .is_refusal = true,
        .reason = (enum weir_reason)refusal->reason,
        .decided_us = refusal->decided_us,
        .key = refusal->key,
        .tenant = refusal->tenant,
        .organisation = refusal->organisation,
        .model = refusal->model,
        .country = refusal->country,
        .address = refusal->address,
        .end_customer = refusal->end_customer,
        .tool = refusal->tool,
        .signals = refusal->signals,
        .candidate_count = refusal->candidate_count,
        .candidates = refusal->candidates,
    };
    memcpy(case_out->image_digest, refusal->image_digest, 32);
}

bool
weir_replay_is_decision(const struct weir_replay_case *recorded)
{
    switch (recorded->reason) {
    case WEIR_REASON_PERMITTED:
    case WEIR_REASON_FORBIDDEN:
    case WEIR_REASON_NO_PERMIT:
    case WEIR_REASON_HELD:
    case WEIR_REASON_POLICY_ERROR:
    case WEIR_REASON_WITHDRAWN:
    case WEIR_REASON_OPERATION:
    case WEIR_REASON_STALE:
    case WEIR_REASON_SUNSET:
    case WEIR_REASON_WATCH_HOLD:
    case WEIR_REASON_WATCH_SUSPENDED:
        /* A withdrawal between decision and attempt leaves an intent. */
        return recorded->candidate_count > 0;
    case WEIR_REASON_UNKNOWN_MODEL:
    case WEIR_REASON_NOT_SERVABLE:
        return recorded->candidate_count == 0;
    default:
        return false;
    }
}

enum weir_verdict
weir_replay_verdict(const struct weir_replay_case *recorded)
{
    enum weir_verdict verdict = WEIR_DENY;
    for (uint32_t i = 0; i < recorded->candidate_count; i++) {
        if (recorded->candidates[i].verdict == WEIR_ALLOW)
            return WEIR_ALLOW;
        if (recorded->candidates[i].verdict == WEIR_HOLD)
            verdict = WEIR_HOLD;
    }
    return verdict;
}

/* Whether the policy data was too old is not in the record as a time but as
 * a reason. */
static bool
was_stale(const struct weir_replay_case *recorded)
{
    for (uint32_t i = 0; i < recorded->candidate_count; i++) {
        if (recorded->candidates[i].reason == WEIR_REASON_STALE)
            return true;
    }
    return false;
}

/* The name of the recorded grant; empty: none, or its overlay is gone. */
static weir_span
name_of_grant(const struct weir_overlay *overlay, weir_span id)
{
    for (uint32_t i = 0; i < overlay->grant_count && id.len > 0; i++)
        if (weir_span_equal(weir_grant_id(&overlay->grants[i]), id))
            return weir_grant_name(&overlay->grants[i]);
    return WEIR_SPAN_NONE;
}

weir_status
weir_replay_question(const struct weir_replay *replay,
                     const struct weir_replay_case *recorded, weir_time now,
                     struct weir_question *question_out)
{
    uint32_t key = weir_replay_key(replay, recorded->key);
    if (key == WEIR_INDEX_NONE || recorded->operation >= WEIR_OPERATIONS)
        return WEIR_ENOTFOUND;
    *question_out = (struct weir_question){
        .key = key,
        .operation = recorded->operation,
        .model = recorded->model,
        .is_streamed = recorded->is_streamed,
        .is_shadow = recorded->is_shadow,
        .address = recorded->address,
        .country = recorded->country,
        .end_customer = recorded->end_customer,
        .tool = weir_record_tool(recorded->tool),
        /* what others had left of a grant is not in the record */
        .first_grant = recorded->exception.len > 0 ? 0 : WEIR_INDEX_NONE,
        .exception = recorded->exception,
        .exception_name =
            name_of_grant(&replay->view->overlay, recorded->exception),
        .now = now,
        .confirmed_us = was_stale(recorded) ? WEIR_CONFIRMED_NEVER : 0,
        .signals = recorded->signals,
    };
    return WEIR_OK;
}

weir_status
weir_replay_decide(const struct weir_replay *replay,
                   const struct weir_replay_case *recorded, weir_time now,
                   struct weir_answer *answer_out)
{
    struct weir_question question;
    if (weir_replay_question(replay, recorded, now, &question) != WEIR_OK) {
        memset(answer_out, 0, sizeof(*answer_out));
        answer_out->verdict = WEIR_DENY;
        answer_out->reason = WEIR_REASON_UNKNOWN_KEY;
        answer_out->route = WEIR_INDEX_NONE;
        return WEIR_ENOTFOUND;
    }
    weir_gate_decide(replay->view, &question, answer_out);
    return WEIR_OK;
}

bool
weir_replay_is_repeatable(const struct weir_replay *replay,
                          const struct weir_replay_case *recorded)
{
    const struct weir_image *image = &replay->view->image;
    if (recorded->address.len > 0 ||
        weir_cedar_program_attribute(&image->program, WEIR_SPAN("client")) ==
            WEIR_CEDAR_NONE)
        return true;
    uint32_t key = weir_replay_key(replay, recorded->key);
    if (key == WEIR_INDEX_NONE)
        return true;
    uint32_t tenant = image->projects[image->keys[key].project].tenant;
    return (image->tenants[tenant].flags & WEIR_TENANT_HIDE_ADDRESS) == 0;
}

/* The ids of `rows`, blank between, equal `text`? A record may have cut the
 * list to what fits: then the first ids must agree. */
static bool
ids_agree(const struct weir_image *image, const uint32_t *rows, uint32_t count,
          weir_span text)
{
    size_t at = 0;
    if (count > WEIR_DECIDING_MAX)
        count = WEIR_DECIDING_MAX;
    for (uint32_t i = 0; i < count; i++) {
        weir_span id = weir_image_text(image, image->policies[rows[i]].id);
        if (i > 0) {
            if (at == text.len)
                return true;
            if (text.ptr[at++] != ' ')
                return false;
        }
        if (text.len - at < id.len ||
            memcmp(text.ptr + at, id.ptr, id.len) != 0)
            return at == text.len && i > 0;
        at += id.len;
    }
    return at == text.len;
}

bool
weir_replay_same(const struct weir_image *image,
                 const struct weir_record_candidate *recorded,
                 const struct weir_candidate *candidate,
                 struct weir_error *difference_out)
{
    weir_span name =
        weir_image_text(image, image->deployments[candidate->deployment].name);
    /* Records cut long names at 128 bytes. */
    if (name.len > recorded->deployment.len)
        name.len = recorded->deployment.len;
    if (!weir_span_equal(name, recorded->deployment)) {
        (void)weir_fail(difference_out, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                        "recorded candidate %.*s, replayed %.*s",
                        WEIR_SPAN_ARG(recorded->deployment),
                        WEIR_SPAN_ARG(name));
        return false;
    }
    if (recorded->verdict != (uint32_t)candidate->verdict ||
        recorded->reason != (uint32_t)candidate->reason) {
        (void)weir_fail(difference_out, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                        "%.*s: recorded %s (%s), replayed %s (%s)",
                        WEIR_SPAN_ARG(name),
                        weir_verdict_name((enum weir_verdict)recorded->verdict),
                        weir_reason_code((enum weir_reason)recorded->reason),
                        weir_verdict_name(candidate->verdict),
                        weir_reason_code(candidate->reason));
        return false;
    }
    bool is_same = ids_agree(image, candidate->policies,
                             candidate->policy_count, recorded->policies);
    if (is_same && ids_agree(image, candidate->shadows, candidate->shadow_count,
                             recorded->shadows))
        return true;
    (void)weir_fail(
        difference_out, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
        "%.*s: other %s than the recorded '%.*s'", WEIR_SPAN_ARG(name),
        is_same ? "shadow policies" : "deciding policies",
        WEIR_SPAN_ARG(is_same ? recorded->shadows : recorded->policies));
    return false;
}

bool
weir_replay_equal(const struct weir_image *image,
                  const struct weir_replay_case *recorded,
                  const struct weir_answer *answer,
                  struct weir_error *difference_out)
{
    if (recorded->candidate_count != answer->candidate_count) {
        (void)weir_fail(difference_out, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                        "the record has %u candidates, the replay %u",
                        recorded->candidate_count, answer->candidate_count);
        return false;
    }
    for (uint32_t i = 0; i < answer->candidate_count; i++) {
        if (!weir_replay_same(image, &recorded->candidates[i],
                              &answer->candidates[i], difference_out))
            return false;
    }
    return true;
}
