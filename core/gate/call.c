/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call from its first byte to its bill.
 *
 *   begin - identify - decide - admit - first - (next)* - answered - settle
 *                 \         \       \
 *                  refuse    refuse  refuse
 *
 * WHY THE INTENT IS LAST IN ADMIT. Budget is held first and the intent is
 * appended after: a call without room in a window needs no intent, and a
 * call without an intent gives its hold back. From the append on, the call
 * is on record and will be settled, whatever happens to it.
 *
 * WHY THE OVERLAY IS ASKED AGAIN BEFORE EACH ATTEMPT. A view is taken at the
 * start and kept, so that no call sees two policies. A withdrawal must not
 * wait for that: the newest overlay can only take candidates away.
 *
 * WHAT COUNTS AS A REQUEST in budgets and ledger: every admitted call, except
 * one of which nothing went upstream (WEIR_END_NOT_SENT).
 */
#include "internal.h"

#include <stddef.h>
#include <string.h>

_Static_assert((int)WEIR_METRIC_REQUESTS == (int)WEIR_QUOTA_REQUESTS &&
                   (int)WEIR_METRIC_TOKENS == (int)WEIR_QUOTA_TOKENS &&
                   (int)WEIR_METRIC_MICROS == (int)WEIR_QUOTA_MICROS,
               "image and quota number the metrics alike");

/* As names of the configuration are written. */
static bool
is_name(weir_span text)
{
    if (text.len == 0 || text.len > WEIR_END_CUSTOMER_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9');
        if (!is_word && (i == 0 || memchr("_-./:+@", c, 7) == NULL))
            return false;
    }
    return true;
}

void
weir_call_begin(struct weir_call *call, struct weir_gate *gate,
                const struct weir_view *view, const struct weir_client *client,
                weir_time confirmed_us)
{
    uint8_t random[10];

    memset(call, 0, offsetof(struct weir_call, watching));
    memset(&call->answer, 0, offsetof(struct weir_answer, candidates));
    call->plan.count = 0;
    call->slot.row = WEIR_HEALTH_NO_ROW;
    call->gate = gate;
    call->view = view;
    call->started = gate->env->now(gate->env->context);
    call->confirmed_us = confirmed_us;
    call->client = *client;
    if (client->end_customer.len > 0 && !is_name(client->end_customer)) {
        call->client.end_customer = WEIR_SPAN_NONE; /* not into any record */
        call->is_end_customer_bad = true;
    }
    call->key = WEIR_INDEX_NONE;
    call->project = WEIR_INDEX_NONE;
    call->tenant = WEIR_INDEX_NONE;
    call->organisation = WEIR_INDEX_NONE;
    call->answer.route = WEIR_INDEX_NONE;
    call->answer.exception = WEIR_INDEX_NONE;
    call->answer.step = WEIR_INDEX_NONE;
    if (!gate->env->random(gate->env->context, random, sizeof(random)))
        memset(random, 0, sizeof(random)); /* ids then only sort by time */
    weir_request_id_make(call->started, random, &call->id);
}

static weir_status
unauthorised(struct weir_call *call, enum weir_reason reason, const char *text,
             struct weir_error *err)
{
    call->reason = reason;
    return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE, "%s", text);
}

static weir_status
identify(struct weir_call *call, uint32_t row, struct weir_error *err)
{
    const struct weir_image *image = &call->view->image;
    if (row == WEIR_INDEX_NONE)
        return unauthorised(call, WEIR_REASON_UNKNOWN_KEY,
                            "the key is not known here", err);
    const struct weir_image_key *key = &image->keys[row];
    call->key = row;
    call->project = key->project;
    call->tenant = image->projects[key->project].tenant;
    call->organisation = image->tenants[call->tenant].organisation;
    if (weir_overlay_has(&call->view->overlay, key->hash))
        return unauthorised(call, WEIR_REASON_REVOKED_KEY,
                            "the key has been revoked", err);
    if (key->not_after <= call->started)
        return unauthorised(call, WEIR_REASON_EXPIRED_KEY,
                            "the key has expired", err);
    if (call->view->overlay.count > 0 &&
        weir_overlay_has(&call->view->overlay,
                         weir_kind_hash(WEIR_KIND_KEY_HOLD,
                                        weir_image_text(image, key->id)))) {
        call->reason = WEIR_REASON_KEY_ON_HOLD;
        return weir_fail(err, WEIR_EHELD, WEIR_OFFSET_NONE,
                         "the key is on hold: a person has to look at its "
                         "organisation first; its notices say why");
    }
    return WEIR_OK;
}

weir_status
weir__call_identify_digest(struct weir_call *call, const uint8_t digest[32],
                           struct weir_error *err)
{
    return identify(call, weir_image_find_key(&call->view->image, digest), err);
}

weir_status
weir_call_identify(struct weir_call *call, weir_secret secret,
                   struct weir_error *err)
{
    weir_digest digest;
    if (secret.len == 0)
        return unauthorised(call, WEIR_REASON_NO_KEY,
                            "no key was given: send `Authorization: Bearer "
                            "wr_...`",
                            err);
    weir_sha256_of((weir_span){secret.ptr, secret.len}, &digest);
    return weir__call_identify_digest(call, digest.bytes, err);
}

weir_status
weir_call_identify_as(struct weir_call *call, struct weir_error *err)
{
    const struct weir_image *image = &call->view->image;
    uint32_t row = 0;
    while (row < image->key_count &&
           !weir_span_equal(weir_image_text(image, image->keys[row].id),
                            call->client.key_id))
        row++;
    return identify(call, row < image->key_count ? row : WEIR_INDEX_NONE, err);
}

/* A reseller's call says for whom it is. */
static weir_status
check_end_customer(struct weir_call *call, struct weir_error *err)
{
    const struct weir_image_tenant *tenant =
        &call->view->image.tenants[call->tenant];
    bool is_needed = (tenant->flags & WEIR_TENANT_NAME_END_CUSTOMER) != 0;
    if (!call->is_end_customer_bad &&
        (call->client.end_customer.len > 0 || !is_needed))
        return WEIR_OK;
    call->reason = WEIR_REASON_END_CUSTOMER;
    if (!call->is_end_customer_bad)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "calls of this reseller name their end customer: "
                         "send `weir-end-customer: NAME`");
    return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                     "weir-end-customer is a name: letters, digits and "
                     "`_-./:+@`, at most %d bytes",
                     WEIR_END_CUSTOMER_MAX);
}

/* Says what is lacking, so that the operator knows what to add. */
static weir_status
fail_listed(const struct weir_call *call, struct weir_error *err)
{
    const struct weir_image *image = &call->view->image;
    uint32_t row = weir_image_find_listing(image, call->ask.model);
    char lacks[WEIR_LACKS_TEXT] = "";
    if (row != WEIR_INDEX_NONE)
        weir_lacks_format(image->listings[row].lacks, lacks);
    return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                     "this model is listed and not served; it lacks %s", lacks);
}

/* What the call is charged back to: its key's word before its project's
 * before its own. */
static weir_status
read_tags(struct weir_call *call, struct weir_error *err)
{
    const struct weir_image *image = &call->view->image;
    struct weir_tags tags;
    struct weir_arena memory;
    char bytes[1024];
    tags.count = tags.bytes = 0;
    weir_arena_init(&memory, bytes, sizeof(bytes));
    weir_status status = weir_tags_read(
        &tags, weir_image_text(image, image->keys[call->key].tags), err);
    if (status == WEIR_OK)
        status = weir_tags_read(
            &tags, weir_image_text(image, image->projects[call->project].tags),
            err);
    if (status == WEIR_OK)
        status = weir_tags_read(&tags, call->client.tags, err);
    if (status != WEIR_OK) {
        call->reason = WEIR_REASON_BAD_REQUEST;
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "weir-tags: a tag is NAME=VALUE, at most %d of them, "
                         "of letters, digits and `_-.`, values also `/:+@`",
                         WEIR_TAGS_MAX);
    }
    weir_tags_read_metadata(&tags, call->ask.metadata, &memory);
    call->tags_bytes = (uint32_t)weir_tags_write(&tags, call->tags);
    return WEIR_OK;
}

static void
decide(struct weir_call *call, uint32_t first_grant)
{
    const struct weir_question question = {
        .key = call->key,
        .operation = call->ask.operation,
        .model = call->ask.model,
        .is_streamed = call->ask.is_streamed,
        .is_shadow = weir__gate_is_shadow(call),
        .address = call->client.address,
        .country = call->client.country,
        .end_customer = call->client.end_customer,
        .tool = weir_record_tool(call->ask.tool),
        .now = call->started,
        .confirmed_us = call->confirmed_us,
        .signals = call->signals,
        .first_grant = first_grant,
    };
    weir_gate_decide(call->view, &question, &call->answer);
    weir__gate_note_step(call);
}

weir_status
weir_call_decide(struct weir_call *call, const struct weir_ask *ask,
                 struct weir_error *err)
{
    WEIR_ASSERT(call->key != WEIR_INDEX_NONE);
    weir__gate_see(call);
    call->ask = *ask;
    weir_status status = check_end_customer(call, err);
    if (status == WEIR_OK)
        status = read_tags(call, err);
    if (status != WEIR_OK)
        return status;
    decide(call, weir__gate_is_shadow(call) ? WEIR_INDEX_NONE : 0);
    call->reason = call->answer.reason;
    if (call->answer.verdict == WEIR_ALLOW)
        return WEIR_OK;
    if (call->reason == WEIR_REASON_WATCH_HOLD ||
        call->reason == WEIR_REASON_WATCH_SUSPENDED)
        return weir__gate_fail_stepped(call, err);
    if (call->answer.verdict == WEIR_HOLD)
        return weir_fail(err, WEIR_EHELD, WEIR_OFFSET_NONE,
                         "policy holds this call until a person decides");
    if (call->reason == WEIR_REASON_UNKNOWN_MODEL)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no model or alias of this name is offered here");
    if (call->reason == WEIR_REASON_NOT_SERVABLE)
        return fail_listed(call, err);
    if (call->reason == WEIR_REASON_SUNSET)
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "the last day of this model is over");
    if (call->reason == WEIR_REASON_STALE)
        return weir_fail(err, WEIR_ESTALE, WEIR_OFFSET_NONE,
                         "the policy data is too old to decide on this model");
    if (call->reason == WEIR_REASON_OPERATION)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the model does not offer this operation");
    if (call->reason == WEIR_REASON_SCOPE)
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "nothing that could serve this call lies inside the "
                         "scope of the key");
    if (call->reason == WEIR_REASON_WITHDRAWN)
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "what could serve this call has been withdrawn");
    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "policy refuses this call");
}

/* ------------------------------------------------------------- admit */

void
weir__call_usage(const struct weir_call *call,
                 const struct weir_image_model *model,
                 struct weir_usage *usage_out)
{
    uint64_t answer = !weir_operation_answers(call->ask.operation) ? 0
                      : call->ask.output_tokens_max > 0
                          ? call->ask.output_tokens_max
                          : model->output_tokens_max;
    uint64_t n = call->ask.n > 0 ? call->ask.n : 1;
    *usage_out = (struct weir_usage){0};
    if (call->ask.is_lookup)
        return;
    uint64_t input = weir__call_prompt_most(
        call, (uint32_t)(model - call->view->image.models));
    *usage_out = (struct weir_usage){.input_tokens = input};
    if (__builtin_mul_overflow(answer, n, &usage_out->output_tokens))
        usage_out->output_tokens = UINT32_MAX;
}

/* The most the call may take: tokens and money of the dearest candidate. */
static void
estimate(struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    call->held_tokens = 0;
    call->held_micros = 0;
    for (uint32_t i = 0; i < call->answer.candidate_count; i++) {
        const struct weir_candidate *candidate = &call->answer.candidates[i];
        if (candidate->verdict != WEIR_ALLOW ||
            ((call->unaffordable | call->barred) >> i & 1) != 0)
            continue;
        const struct weir_image_model *model =
            &image->models[image->deployments[candidate->deployment].model];
        struct weir_usage usage;
        weir__call_usage(call, model, &usage);
        uint64_t tokens;
        if (__builtin_add_overflow(usage.input_tokens, usage.output_tokens,
                                   &tokens) ||
            tokens > INT64_MAX)
            tokens = INT64_MAX;
        weir_micros micros =
            weir__call_price(call, candidate->deployment, &usage);
        if (tokens > call->held_tokens)
            call->held_tokens = tokens;
        if (micros > call->held_micros)
            call->held_micros = micros;
    }
}

static weir_status
hold(struct weir_call *call, struct weir_error *err)
{
    weir_quota_amounts amounts = {
        .of = {1, (int64_t)call->held_tokens, call->held_micros}};
    uint64_t name;
    if (weir__gate_is_operators(call) || call->client.is_part)
        return WEIR_OK;
    if (!weir__call_limits(call))
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "more limits apply than one call can hold");
    if (call->gate->quota == NULL || call->limit_count == 0)
        return WEIR_OK;
    memcpy(&name, call->id.bytes + 8, sizeof(name));
    weir_status status =
        weir_quota_hold(call->gate->quota, call->gate->quota_lane, name | 1,
                        call->limits, call->limit_count, &amounts,
                        call->started, &call->hold, NULL, &call->full, err);
    call->has_hold = status == WEIR_OK;
    return status;
}

static void
release(struct weir_call *call)
{
    if (call->has_hold)
        weir_quota_release(call->gate->quota, call->hold);
    call->has_hold = false;
}

/* Policy reads every address; a tenant may keep it out of records. */
static weir_span
recorded_address(const struct weir_call *call)
{
    const struct weir_image_tenant *tenant =
        &call->view->image.tenants[call->tenant];
    return (tenant->flags & WEIR_TENANT_HIDE_ADDRESS) != 0
               ? WEIR_SPAN_NONE
               : call->client.address;
}

weir_status
weir__call_append(struct weir_call *call, enum weir_record_kind kind,
                  const struct weir_buf *payload, enum weir_tier tier,
                  weir_journal_mark *mark_out, struct weir_error *err)
{
    struct weir_gate *gate = call->gate;
    weir_span part = weir_buf_span(payload);
    if (gate->journal == NULL || payload->overflow)
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "there is no journal to record the call in");
    weir_status status =
        weir_journal_append(gate->journal, kind, 1, &part, 1, tier,
                            gate->env->now(gate->env->context), mark_out, err);
    if (status == WEIR_OK && mark_out->wake_writer && gate->ring_bell != NULL)
        gate->ring_bell(gate->bell_context);
    return status;
}

static weir_status
append_intent(struct weir_call *call, uint64_t *position_out,
              struct weir_error *err)
{
    const struct weir_image *image = &call->view->image;
    struct weir_record_intent intent;
    struct weir_buf room;
    struct weir_buf payload;
    char room_bytes[WEIR__POLICY_ROOM];
    char shadow[WEIR__SHADOW_ROOM];
    char payload_bytes[WEIR_RECORD_PAYLOAD_MAX];
    weir_journal_mark mark;
    enum weir_tier tier = call->answer.obligations.tier != 0
                              ? call->answer.obligations.tier
                              : WEIR_TIER_DURABLE;

    weir_buf_init_fixed(&room, room_bytes, sizeof(room_bytes));
    weir_buf_init_fixed(&payload, payload_bytes, sizeof(payload_bytes));
    intent.request = call->id;
    memcpy(intent.image_digest, image->digest, sizeof(intent.image_digest));
    intent.overlay = call->view->overlay.generation;
    intent.decided_us = call->started;
    intent.operation = call->ask.operation;
    intent.is_streamed = call->ask.is_streamed;
    intent.tier = tier;
    intent.is_resident = 0;
    intent.held_tokens = call->held_tokens;
    intent.held_micros = call->held_micros;
    intent.body_bytes = call->ask.body_bytes;
    intent.key = weir_image_text(image, image->keys[call->key].id);
    intent.project =
        weir_image_text(image, image->projects[call->project].name);
    intent.tenant = weir_image_text(image, image->tenants[call->tenant].name);
    intent.organisation =
        weir_image_text(image, image->organisations[call->organisation].name);
    intent.model = call->ask.model;
    intent.country = call->client.country;
    intent.address = recorded_address(call);
    intent.end_customer = call->client.end_customer;
    intent.exception = weir_gate_exception(call->view, &call->answer);
    intent.tags = (weir_span){call->tags, call->tags_bytes};
    intent.tool = call->ask.tool;
    intent.signals = call->signals;
    intent.step = call->step;
    intent.session_of = call->client.session_of;
    weir__gate_shadow_intent(call, shadow, &intent);
    intent.candidate_count = call->answer.candidate_count;
    weir__gate_record_candidates(call, &room, intent.candidates);
    weir__gate_record_order(call, &intent);
    weir_record_put_intent(&intent, &payload);
    weir_status status =
        weir__call_append(call, WEIR_RECORD_INTENT, &payload, tier, &mark, err);
    if (status == WEIR_OK)
        *position_out = tier == WEIR_TIER_DURABLE ? mark.position : 0;
    return status;
}

/* Holds budget and grant. A grant that has not enough left is passed over
 * for the next one; what is left of it may still let a smaller call through. */
static weir_status
hold_all(struct weir_call *call, struct weir_error *err)
{
    for (;;) {
        estimate(call);
        weir_status status = hold(call, err);
        if (weir__call_leave_model(call, status))
            continue;
        if (!weir__call_is_full(call, status, WEIR_LIMIT_GRANT))
            return status;
        call->unaffordable = 0;
        decide(call, call->answer.exception + 1);
        if (call->answer.verdict == WEIR_ALLOW)
            continue;
        call->reason = WEIR_REASON_SPENT;
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "the exception that lets such calls through has "
                         "nothing left for this one");
    }
}

weir_status
weir_call_admit(struct weir_call *call, uint64_t *position_out,
                struct weir_error *err)
{
    WEIR_ASSERT(call->answer.verdict == WEIR_ALLOW && !call->is_admitted);
    weir_status status = hold_all(call, err);
    if (status == WEIR_EDENIED)
        return status;
    if (status != WEIR_OK) {
        call->reason = weir__call_is_full(call, status, WEIR_LIMIT_STEP)
                           ? WEIR_REASON_WATCH_SLOW
                       : status == WEIR_EBUDGET || status == WEIR_ERATE
                           ? WEIR_REASON_BUDGET
                           : WEIR_REASON_OVERLOADED;
        return status;
    }
    status = weir__gate_plan(call, err);
    if (status == WEIR_OK)
        status = append_intent(call, &call->intent_position, err);
    if (status != WEIR_OK) {
        release(call);
        call->reason = WEIR_REASON_NO_RECORD;
        return status;
    }
    call->is_admitted = true;
    *position_out = call->intent_position;
    return WEIR_OK;
}

/* ------------------------------------------------------------ settle */

void
weir__call_fill_place(const struct weir_image *image, uint32_t row,
                      weir_ref version, struct weir_record_outcome *outcome)
{
    const struct weir_image_deployment *deployment = &image->deployments[row];
    const struct weir_image_model *model = &image->models[deployment->model];
    outcome->currency = weir_image_text(image, model->currency);
    outcome->price_version = weir_image_text(image, version);
    outcome->terms = weir_image_text(image, model->terms);
    outcome->model = weir_image_text(image, model->name);
    outcome->deployment = weir_image_text(image, deployment->name);
    outcome->region = weir_image_text(image, deployment->region);
    outcome->place =
        weir_image_text(image, image->jurisdictions[deployment->place].code);
    outcome->stored_in = weir_image_text(
        image, image->jurisdictions[deployment->stored_in].code);
}

#define FINISH_BYTES_MAX 32

/* What an origin says goes into a record only as a word of a protocol. */
static weir_span
finish_word(weir_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && c != '_' &&
            c != '-')
            return WEIR_SPAN("other");
    }
    return text.len > FINISH_BYTES_MAX ? WEIR_SPAN("other") : text;
}

static void
fill_outcome(const struct weir_call *call,
             const struct weir_settlement *settlement, weir_micros cost,
             weir_ref version, struct weir_record_outcome *outcome)
{
    const struct weir_image *image = &call->view->image;
    weir_time now = call->gate->env->now(call->gate->env->context);
    memset(outcome, 0, sizeof(*outcome));
    outcome->request = call->id;
    outcome->ending = settlement->ending;
    outcome->http_status = settlement->http_status;
    outcome->is_estimated = settlement->usage.is_estimated;
    outcome->operation = call->ask.operation;
    outcome->input_tokens = settlement->usage.input_tokens;
    outcome->cached_tokens = settlement->usage.cached_tokens;
    outcome->output_tokens = settlement->usage.output_tokens;
    outcome->reasoning_tokens = settlement->usage.reasoning_tokens;
    outcome->units = weir_record_units_of(&settlement->usage);
    weir__call_sizes(call, settlement, &outcome->sizes);
    outcome->cost_micros = cost;
    outcome->started_us = call->started;
    outcome->first_byte_us = settlement->first_byte_us;
    outcome->total_us =
        now > call->started ? (uint64_t)(now - call->started) : 0;
    outcome->sent_bytes = settlement->sent_bytes;
    outcome->origin_request = settlement->origin_request;
    outcome->shadow_of = call->client.shadow_of;
    outcome->session_of = call->client.session_of;
    outcome->end_customer = weir__gate_is_operators(call)
                                ? WEIR_SPAN_NONE
                                : call->client.end_customer;
    outcome->tool = call->ask.tool;
    outcome->trace = call->client.trace;
    outcome->finding = settlement->finding;
    outcome->finish = finish_word(settlement->finish);
    outcome->filtered = settlement->filtered;
    outcome->is_hit = call->is_hit;
    outcome->hit_age_s = call->hit_age_s;
    outcome->queued_ms = call->queued_ms;
    outcome->attempt_count = call->attempt_count;
    memcpy(outcome->attempts, call->attempts,
           call->attempt_count * sizeof(call->attempts[0]));
    if (call->is_answered)
        weir__call_fill_place(image,
                              call->answer.candidates[call->current].deployment,
                              version, outcome);
}

void
weir_call_settle(struct weir_call *call,
                 const struct weir_settlement *settlement)
{
    struct weir_record_outcome outcome;
    struct weir_buf payload;
    char bytes[WEIR_RECORD_PAYLOAD_MAX];
    char version[WEIR__HIT_VERSION];
    uint8_t block[WEIR_WATCH_BLOCK_BYTES];
    weir_journal_mark mark;

    WEIR_ASSERT(call->is_admitted);
    if (call->is_settled)
        return;
    call->is_settled = true;
    weir__gate_left(call, settlement->ending == WEIR_END_CUT,
                    call->gate->env->now(call->gate->env->context));
    weir_ref list_version;
    weir_micros cost = weir__call_cost(call, &settlement->usage, &list_version);
    if (call->has_hold) {
        weir_quota_amounts actual = {
            .of = {settlement->ending != WEIR_END_NOT_SENT,
                   (int64_t)(settlement->usage.input_tokens +
                             settlement->usage.output_tokens),
                   cost}};
        weir_quota_settle_some(call->gate->quota, call->hold, &actual,
                               weir__call_applies(call));
        call->has_hold = false;
    }
    fill_outcome(call, settlement, cost, list_version, &outcome);
    if (call->is_hit)
        outcome.price_version =
            weir__gate_hit_version(call, list_version, version);
    weir__gate_watched(call, settlement, block, &outcome.watch);
    weir__gate_record_choice(call, &settlement->usage, &outcome.choice);
    outcome.opinion_count = call->opinion_count;
    for (uint32_t i = 0; i < call->opinion_count; i++)
        outcome.opinions[i] = call->opinions[i];
    weir_buf_init_fixed(&payload, bytes, sizeof(bytes));
    weir_record_put_outcome(&outcome, &payload);
    if (weir__call_append(call, WEIR_RECORD_OUTCOME, &payload, WEIR_TIER_CRASH,
                          &mark, NULL) != WEIR_OK)
        call->gate->outcomes_unwritten++;
}

void
weir_call_refuse(struct weir_call *call, const struct weir_refusal *said)
{
    const struct weir_image *image = &call->view->image;
    struct weir_record_refusal refusal;
    struct weir_buf room;
    struct weir_buf payload;
    char room_bytes[WEIR__POLICY_ROOM];
    uint8_t block[WEIR_WATCH_BLOCK_BYTES];
    char bytes[WEIR_RECORD_PAYLOAD_MAX];
    weir_journal_mark mark;

    WEIR_ASSERT(!call->is_admitted);
    if (call->is_settled || call->key == WEIR_INDEX_NONE ||
        weir__gate_is_shadow(call))
        return;
    call->is_settled = true;
    weir_buf_init_fixed(&room, room_bytes, sizeof(room_bytes));
    weir_buf_init_fixed(&payload, bytes, sizeof(bytes));
    memset(&refusal, 0, sizeof(refusal));
    refusal.request = call->id;
    memcpy(refusal.image_digest, image->digest, sizeof(refusal.image_digest));
    refusal.overlay = call->view->overlay.generation;
    refusal.decided_us = call->started;
    refusal.http_status = said->http != 0
                              ? said->http
                              : (uint32_t)weir_status_info(said->status)->http;
    refusal.reason = call->reason;
    refusal.operation = call->ask.operation;
    refusal.is_streamed = call->ask.is_streamed;
    refusal.key = weir_image_text(image, image->keys[call->key].id);
    refusal.project =
        weir_image_text(image, image->projects[call->project].name);
    refusal.tenant = weir_image_text(image, image->tenants[call->tenant].name);
    refusal.organisation =
        weir_image_text(image, image->organisations[call->organisation].name);
    refusal.model = call->ask.model;
    refusal.country = call->client.country;
    refusal.address = recorded_address(call);
    refusal.end_customer = call->client.end_customer;
    refusal.tool = call->ask.tool;
    refusal.trace = call->client.trace;
    refusal.signals = call->signals;
    refusal.step = call->step;
    refusal.policy = said->policy;
    refusal.candidate_count = call->answer.candidate_count;
    weir__gate_record_candidates(call, &room, refusal.candidates);
    weir__gate_watched(call, NULL, block, &refusal.watch);
    refusal.opinion_count = call->opinion_count;
    for (uint32_t i = 0; i < call->opinion_count; i++)
        refusal.opinions[i] = call->opinions[i];
    weir_record_put_refusal(&refusal, &payload);
    if (weir__call_append(call, WEIR_RECORD_REFUSAL, &payload, WEIR_TIER_CRASH,
                          &mark, NULL) != WEIR_OK)
        call->gate->refusals_unwritten++;
}
