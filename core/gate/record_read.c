/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads of the journal, read: see record.c for what they are. Nothing here
 * trusts a length, and a tag that is not known is passed over.
 */
#include "record_tags.h"

#include <endian.h>
#include <string.h>

/* Sticky: after the first read past the end all reads give zeros. */
struct reader {
    const unsigned char *at;
    size_t left;
    bool is_short;
};

static uint64_t
get_le(struct reader *in, size_t bytes)
{
    uint64_t value = 0;
    if (in->left < bytes) {
        in->is_short = true;
        in->left = 0;
        return 0;
    }
    for (size_t i = 0; i < bytes; i++)
        value |= (uint64_t)in->at[i] << (8 * i);
    in->at += bytes;
    in->left -= bytes;
    return value;
}

static weir_span
get_bytes(struct reader *in, size_t len)
{
    weir_span s = {(const char *)in->at, len};
    if (in->left < len) {
        in->is_short = true;
        in->left = 0;
        return WEIR_SPAN_NONE;
    }
    in->at += len;
    in->left -= len;
    return s;
}

static weir_span
get_text(struct reader *in)
{
    return get_bytes(in, (size_t)get_le(in, 2));
}

static struct reader
reader_of(weir_span s)
{
    return (struct reader){(const unsigned char *)s.ptr, s.len, false};
}

static void
get_fixed(struct reader *in, uint8_t *bytes_out, size_t len)
{
    weir_span s = get_bytes(in, len);
    if (s.ptr != NULL)
        memcpy(bytes_out, s.ptr, len);
}

static bool
get_candidate(weir_span value, struct weir_record_candidate *candidates,
              uint32_t *count)
{
    struct reader in = reader_of(value);
    if (*count == WEIR_CANDIDATES_MAX)
        return false;
    struct weir_record_candidate *candidate = &candidates[(*count)++];
    candidate->verdict = (uint32_t)get_le(&in, 1);
    candidate->reason = (uint32_t)get_le(&in, 1);
    candidate->deployment = get_text(&in);
    candidate->policies = get_text(&in);
    candidate->shadows = get_text(&in);
    return !in.is_short;
}

/* A later build may add bytes behind those that are read here. */
static bool
get_signals(weir_span value, struct weir_signal_facts *signals_out)
{
    struct reader in = reader_of(value);
    if (value.ptr == NULL)
        return true;
    signals_out->known = (uint8_t)get_le(&in, 1);
    uint64_t facts = get_le(&in, 1);
    signals_out->is_undeclared = (facts & 1) != 0;
    signals_out->is_hosting = (facts & 2) != 0;
    signals_out->countries = (uint8_t)get_le(&in, 1);
    signals_out->travel_kmh = (uint16_t)get_le(&in, 2);
    if (in.is_short || in.left == 0)
        return !in.is_short; /* of an earlier build */
    signals_out->place_unknown = (uint8_t)get_le(&in, 1);
    signals_out->network_unknown = (uint8_t)get_le(&in, 1);
    signals_out->system = (uint32_t)get_le(&in, 4);
    return !in.is_short;
}

bool
weir__record_get_pools(weir_span value, struct weir_watch_pools *pools_out)
{
    struct reader in = reader_of(value);
    if (value.ptr == NULL)
        return true;
    for (size_t i = 1; i <= WEIR_WATCH_SUBJECTS; i++)
        pools_out->of[i] = get_le(&in, 8);
    pools_out->network = get_le(&in, 8);
    pools_out->model = get_le(&in, 8);
    pools_out->action = (uint8_t)get_le(&in, 1);
    pools_out->subject = (uint8_t)get_le(&in, 1);
    pools_out->matches = (uint16_t)get_le(&in, 2);
    pools_out->exchanges = (uint32_t)get_le(&in, 4);
    return !in.is_short;
}

/* A later build may have more of them than this one has room for. */
static void
get_classified(weir_span value, struct weir_record_watch *watch_out)
{
    struct reader in = reader_of(value);
    while (in.left >= 2 && watch_out->classified_count < WEIR_CLASSIFIED_MAX) {
        struct weir_classified *one =
            &watch_out->classified[watch_out->classified_count++];
        one->id = (uint8_t)get_le(&in, 1);
        one->score = (uint8_t)get_le(&in, 1);
    }
}

static uint32_t
get_opinions(weir_span value, struct weir_record_opinion *opinions)
{
    struct reader in = reader_of(value);
    uint32_t count = 0;
    while (in.left > 0 && count < WEIR_OPINIONS_MAX) {
        struct weir_record_opinion one;
        one.direction = (uint8_t)get_le(&in, 1);
        one.opinion = (uint8_t)get_le(&in, 1);
        one.unheard = (uint8_t)get_le(&in, 1);
        one.score = (uint8_t)get_le(&in, 1);
        one.action = (uint8_t)get_le(&in, 1);
        one.asked = (uint16_t)get_le(&in, 2);
        one.failed = (uint16_t)get_le(&in, 2);
        one.elapsed_ms = (uint32_t)get_le(&in, 4);
        one.classifier = get_text(&in);
        one.category = get_text(&in);
        if (in.is_short)
            break;
        opinions[count++] = one;
    }
    return count;
}

/* A later build may have more of them. */
static bool
get_units(weir_span value, struct weir_record_units *units_out)
{
    struct reader in = reader_of(value);
    uint64_t values[WEIR_RECORD_UNITS] = {0};
    for (size_t i = 0; i < WEIR_RECORD_UNITS && in.left > 0; i++)
        values[i] = get_le(&in, 8);
    memcpy(units_out, values, sizeof(values));
    return !in.is_short;
}

static bool
get_sizes(weir_span value, struct weir_record_sizes *sizes_out)
{
    struct reader in = reader_of(value);
    if (value.ptr == NULL)
        return true;
    sizes_out->prompt_bytes = get_le(&in, 8);
    sizes_out->answer_bytes = get_le(&in, 8);
    sizes_out->shape = (uint32_t)get_le(&in, 1);
    return !in.is_short;
}

static bool
get_step(weir_span value, struct weir_record_step *step_out)
{
    struct reader in = reader_of(value);
    if (value.ptr == NULL)
        return true;
    step_out->action = (uint32_t)get_le(&in, 1);
    step_out->subject = (uint32_t)get_le(&in, 1);
    step_out->strip = (uint32_t)get_le(&in, 1);
    (void)get_le(&in, 1);
    step_out->delay_ms = (uint32_t)get_le(&in, 4);
    step_out->rate = (uint32_t)get_le(&in, 4);
    step_out->until = (weir_time)get_le(&in, 8);
    step_out->id = get_text(&in);
    return !in.is_short;
}

/* The spans that a tag may fill; NULL where the record has no such field. */
struct names {
    weir_span *of[TAG_COUNT];
};

static bool
get_routed(weir_span value, struct weir_record_intent *intent)
{
    struct reader in = reader_of(value);
    if (value.ptr == NULL)
        return true;
    intent->route_mode = (uint32_t)get_le(&in, 1);
    intent->sticky_by = (uint32_t)get_le(&in, 1);
    for (uint32_t i = 0; i < intent->order_count; i++)
        intent->order_values[i] = get_le(&in, 8);
    return !in.is_short;
}

/* False: cut off; nothing where the tag is not there. */
static bool
get_number(weir_span value, uint32_t *number_out)
{
    struct reader in = reader_of(value);
    if (value.ptr != NULL)
        *number_out = (uint32_t)get_le(&in, 4);
    return !in.is_short;
}

static weir_status
get_tail(struct reader *in, const struct names *names,
         struct weir_record_candidate *candidates, uint32_t *candidate_count,
         struct weir_record_attempt *attempts, uint32_t *attempt_count,
         struct weir_error *err)
{
    while (in->left > 0 && !in->is_short) {
        uint64_t tag = get_le(in, 2);
        weir_span value = get_text(in);
        if (in->is_short)
            break;
        if (tag < TAG_COUNT && names->of[tag] != NULL) {
            *names->of[tag] = value;
        } else if (tag == TAG_CANDIDATE && candidates != NULL) {
            if (!get_candidate(value, candidates, candidate_count))
                in->is_short = true;
        } else if (tag == TAG_ATTEMPT && attempts != NULL) {
            struct reader part = reader_of(value);
            if (*attempt_count == WEIR_ATTEMPTS_MAX) {
                in->is_short = true;
                break;
            }
            struct weir_record_attempt *attempt = &attempts[(*attempt_count)++];
            attempt->http_status = (uint32_t)get_le(&part, 2);
            attempt->failure = (uint32_t)get_le(&part, 1);
            attempt->elapsed_ms = (uint32_t)get_le(&part, 4);
            attempt->deployment = get_text(&part);
            in->is_short |= part.is_short;
        }
    }
    if (in->is_short)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a journal payload ends inside a field");
    return WEIR_OK;
}

weir_status
weir_record_get_intent(weir_span payload, struct weir_record_intent *intent_out,
                       struct weir_error *err)
{
    struct weir_record_intent intent = {0};
    struct reader in = reader_of(payload);
    struct reader head = reader_of(get_text(&in));
    weir_span order = WEIR_SPAN_NONE;
    weir_span routed = WEIR_SPAN_NONE;
    weir_span signals = WEIR_SPAN_NONE;
    weir_span step = WEIR_SPAN_NONE;
    struct names names = {.of = {[TAG_KEY] = &intent.key,
                                 [TAG_PROJECT] = &intent.project,
                                 [TAG_TENANT] = &intent.tenant,
                                 [TAG_ORGANISATION] = &intent.organisation,
                                 [TAG_MODEL] = &intent.model,
                                 [TAG_COUNTRY] = &intent.country,
                                 [TAG_ADDRESS] = &intent.address,
                                 [TAG_END_CUSTOMER] = &intent.end_customer,
                                 [TAG_EXCEPTION] = &intent.exception,
                                 [TAG_TAGS] = &intent.tags,
                                 [TAG_TOOL] = &intent.tool,
                                 [TAG_SHADOW] = &intent.shadow_of,
                                 [TAG_SESSION] = &intent.session_of,
                                 [TAG_SIGNALS] = &signals,
                                 [TAG_STEP] = &step,
                                 [TAG_ROUTED] = &routed,
                                 [TAG_ORDER] = &order}};
    get_fixed(&head, intent.request.bytes, WEIR_REQUEST_ID_BYTES);
    get_fixed(&head, intent.image_digest, 32);
    intent.overlay = get_le(&head, 8);
    intent.decided_us = (weir_time)get_le(&head, 8);
    intent.operation = (uint32_t)get_le(&head, 1);
    intent.is_streamed = (uint32_t)get_le(&head, 1);
    intent.tier = (uint32_t)get_le(&head, 1);
    intent.is_resident = (uint32_t)get_le(&head, 1);
    intent.held_tokens = get_le(&head, 8);
    intent.held_micros = (int64_t)get_le(&head, 8);
    intent.body_bytes = get_le(&head, 8);
    in.is_short |= head.is_short;
    weir_status status = get_tail(&in, &names, intent.candidates,
                                  &intent.candidate_count, NULL, NULL, err);
    if (status != WEIR_OK)
        return status;
    if (!get_signals(signals, &intent.signals))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the signals of an intent are cut off");
    if (!get_step(step, &intent.step))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the step of an intent is cut off");
    if (order.len > WEIR_CANDIDATES_MAX)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "an intent orders more candidates than there can be");
    for (size_t i = 0; i < order.len; i++) {
        intent.order[i] = (uint8_t)order.ptr[i];
        if (intent.order[i] >= intent.candidate_count)
            return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                             "an intent orders a candidate it does not list");
    }
    intent.order_count = (uint32_t)order.len;
    if (!get_routed(routed, &intent))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the reasons of an order are cut off");
    *intent_out = intent;
    return WEIR_OK;
}

weir_status
weir_record_get_refusal(weir_span payload,
                        struct weir_record_refusal *refusal_out,
                        struct weir_error *err)
{
    struct weir_record_refusal refusal = {0};
    struct reader in = reader_of(payload);
    struct reader head = reader_of(get_text(&in));
    weir_span signals = WEIR_SPAN_NONE;
    weir_span step = WEIR_SPAN_NONE;
    weir_span pools = WEIR_SPAN_NONE;
    weir_span trace = WEIR_SPAN_NONE;
    weir_span classified = WEIR_SPAN_NONE;
    weir_span opinions = WEIR_SPAN_NONE;
    struct names names = {.of = {[TAG_KEY] = &refusal.key,
                                 [TAG_PROJECT] = &refusal.project,
                                 [TAG_TENANT] = &refusal.tenant,
                                 [TAG_ORGANISATION] = &refusal.organisation,
                                 [TAG_MODEL] = &refusal.model,
                                 [TAG_COUNTRY] = &refusal.country,
                                 [TAG_ADDRESS] = &refusal.address,
                                 [TAG_END_CUSTOMER] = &refusal.end_customer,
                                 [TAG_SIGNALS] = &signals,
                                 [TAG_STEP] = &step,
                                 [TAG_WATCH] = &refusal.watch.block,
                                 [TAG_POOLS] = &pools,
                                 [TAG_CLASSIFIED] = &classified,
                                 [TAG_TRACE] = &trace,
                                 [TAG_OPINIONS] = &opinions,
                                 [TAG_TOOL] = &refusal.tool,
                                 [TAG_POLICY] = &refusal.policy}};
    get_fixed(&head, refusal.request.bytes, WEIR_REQUEST_ID_BYTES);
    get_fixed(&head, refusal.image_digest, 32);
    refusal.overlay = get_le(&head, 8);
    refusal.decided_us = (weir_time)get_le(&head, 8);
    refusal.http_status = (uint32_t)get_le(&head, 2);
    refusal.reason = (uint32_t)get_le(&head, 2);
    refusal.operation = (uint32_t)get_le(&head, 1);
    refusal.is_streamed = (uint32_t)get_le(&head, 1);
    in.is_short |= head.is_short;
    weir_status status = get_tail(&in, &names, refusal.candidates,
                                  &refusal.candidate_count, NULL, NULL, err);
    if (status == WEIR_OK && !get_signals(signals, &refusal.signals))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the signals of a refusal are cut off");
    if (status == WEIR_OK &&
        (!get_step(step, &refusal.step) ||
         !weir__record_get_pools(pools, &refusal.watch.pools)))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "what the watch says of a refusal is cut off");
    if (status == WEIR_OK && !weir_trace_unpack(trace, &refusal.trace))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the trace of a refusal is cut off");
    get_classified(classified, &refusal.watch);
    refusal.opinion_count = get_opinions(opinions, refusal.opinions);
    if (status == WEIR_OK)
        *refusal_out = refusal;
    return status;
}

/* False: it is cut off. */
static bool
get_choice(weir_span bytes, struct weir_record_choice *choice)
{
    struct reader in = reader_of(bytes);
    if (bytes.len == 0)
        return true;
    choice->trial = (uint32_t)get_le(&in, 1);
    choice->is_scored = get_le(&in, 1) != 0;
    choice->score = (uint32_t)get_le(&in, 2);
    choice->tier = (uint32_t)get_le(&in, 1);
    choice->tiers = (uint32_t)get_le(&in, 1);
    choice->escalations = (uint32_t)get_le(&in, 1);
    choice->reasons = (uint32_t)get_le(&in, 1);
    choice->wasted_micros = (int64_t)get_le(&in, 8);
    choice->dearest_micros = (int64_t)get_le(&in, 8);
    get_fixed(&in, choice->features, WEIR_CHOICE_FEATURES);
    return !in.is_short;
}

weir_status
weir_record_get_outcome(weir_span payload,
                        struct weir_record_outcome *outcome_out,
                        struct weir_error *err)
{
    struct weir_record_outcome outcome = {0};
    struct reader in = reader_of(payload);
    struct reader head = reader_of(get_text(&in));
    weir_span pools = WEIR_SPAN_NONE;
    weir_span trace = WEIR_SPAN_NONE;
    weir_span classified = WEIR_SPAN_NONE;
    weir_span hit = WEIR_SPAN_NONE;
    weir_span queued = WEIR_SPAN_NONE;
    weir_span opinions = WEIR_SPAN_NONE;
    weir_span choice = WEIR_SPAN_NONE;
    weir_span units = WEIR_SPAN_NONE;
    weir_span sizes = WEIR_SPAN_NONE;
    struct names names = {.of = {[TAG_UNITS] = &units,
                                 [TAG_SIZES] = &sizes,
                                 [TAG_TOOL] = &outcome.tool,
                                 [TAG_CURRENCY] = &outcome.currency,
                                 [TAG_PRICE_VERSION] = &outcome.price_version,
                                 [TAG_MODEL] = &outcome.model,
                                 [TAG_DEPLOYMENT] = &outcome.deployment,
                                 [TAG_REGION] = &outcome.region,
                                 [TAG_PLACE] = &outcome.place,
                                 [TAG_STORED_IN] = &outcome.stored_in,
                                 [TAG_ORIGIN_REQUEST] = &outcome.origin_request,
                                 [TAG_END_CUSTOMER] = &outcome.end_customer,
                                 [TAG_FINDING] = &outcome.finding,
                                 [TAG_FINISH] = &outcome.finish,
                                 [TAG_SHADOW] = &outcome.shadow_of,
                                 [TAG_SESSION] = &outcome.session_of,
                                 [TAG_FILTERED] = &outcome.filtered,
                                 [TAG_TERMS] = &outcome.terms,
                                 [TAG_WATCH] = &outcome.watch.block,
                                 [TAG_POOLS] = &pools,
                                 [TAG_TRACE] = &trace,
                                 [TAG_CLASSIFIED] = &classified,
                                 [TAG_HIT] = &hit,
                                 [TAG_QUEUED] = &queued,
                                 [TAG_OPINIONS] = &opinions,
                                 [TAG_CHOICE] = &choice}};
    get_fixed(&head, outcome.request.bytes, WEIR_REQUEST_ID_BYTES);
    outcome.ending = (uint32_t)get_le(&head, 1);
    outcome.is_estimated = (uint32_t)get_le(&head, 1);
    outcome.http_status = (uint32_t)get_le(&head, 2);
    outcome.operation = (uint32_t)get_le(&head, 4);
    outcome.input_tokens = get_le(&head, 8);
    outcome.cached_tokens = get_le(&head, 8);
    outcome.output_tokens = get_le(&head, 8);
    outcome.reasoning_tokens = get_le(&head, 8);
    outcome.cost_micros = (int64_t)get_le(&head, 8);
    outcome.started_us = (weir_time)get_le(&head, 8);
    outcome.first_byte_us = get_le(&head, 8);
    outcome.total_us = get_le(&head, 8);
    outcome.sent_bytes = get_le(&head, 8);
    in.is_short |= head.is_short;
    weir_status status = get_tail(&in, &names, NULL, NULL, outcome.attempts,
                                  &outcome.attempt_count, err);
    if (status == WEIR_OK && !get_units(units, &outcome.units))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the units of an outcome are cut off");
    if (status == WEIR_OK && !get_sizes(sizes, &outcome.sizes))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the sizes of an outcome are cut off");
    if (status == WEIR_OK &&
        !weir__record_get_pools(pools, &outcome.watch.pools))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "what the watch says of an outcome is cut off");
    if (status == WEIR_OK && !weir_trace_unpack(trace, &outcome.trace))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the trace of an outcome is cut off");
    if (status == WEIR_OK && !get_choice(choice, &outcome.choice))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "the choice of an outcome is cut off");
    get_classified(classified, &outcome.watch);
    outcome.is_hit = hit.ptr != NULL;
    if (status == WEIR_OK && (!get_number(hit, &outcome.hit_age_s) ||
                              !get_number(queued, &outcome.queued_ms)))
        status = weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                           "how an outcome came about is cut off");
    outcome.opinion_count = get_opinions(opinions, outcome.opinions);
    if (status == WEIR_OK)
        *outcome_out = outcome;
    return status;
}

/* -------------------------------------------------------------- heads */

static weir_status
short_head(void)
{
    return weir_fail(NULL, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                     "a journal payload ends inside a field");
}

/* Walks over the tags without looking into them, but for the address. */
static weir_status
split_names(struct reader in, struct weir_record_head *out)
{
    const char *start = (const char *)in.at;
    out->names[0] = (weir_span){start, in.left};
    out->names[1] = WEIR_SPAN_NONE;
    out->address = WEIR_SPAN_NONE;
    while (in.left > 0) {
        const char *at = (const char *)in.at;
        uint64_t tag = get_le(&in, 2);
        weir_span value = get_text(&in);
        if (in.is_short)
            return short_head();
        if (tag == TAG_TRACE || tag == TAG_WATCH || tag == TAG_OPINIONS) {
            /* of this one call, and so is what follows */
            size_t behind = in.left + (size_t)((const char *)in.at - at);
            weir_span *last = &out->names[out->address.ptr != NULL];
            last->len -= behind;
            break;
        }
        if (tag != TAG_ADDRESS || out->address.ptr != NULL)
            continue;
        out->address = value;
        out->names[0].len = (size_t)(at - start);
        out->names[1] = (weir_span){(const char *)in.at, in.left};
    }
    return WEIR_OK;
}

static weir_status
head_of_decision(weir_span payload, bool is_refusal,
                 struct weir_record_head *out)
{
    struct reader in = reader_of(payload);
    struct reader head = reader_of(get_text(&in));
    get_fixed(&head, out->request.bytes, WEIR_REQUEST_ID_BYTES);
    out->image_digest = (const uint8_t *)get_bytes(&head, 32).ptr;
    out->overlay = get_le(&head, 8);
    out->decided_us = (weir_time)get_le(&head, 8);
    out->reason = WEIR_REASON_PERMITTED;
    if (is_refusal) {
        (void)get_le(&head, 2); /* status */
        out->reason = (uint32_t)get_le(&head, 2);
    }
    out->operation = (uint32_t)get_le(&head, 1);
    out->is_streamed = (uint32_t)get_le(&head, 1);
    if (in.is_short || head.is_short)
        return short_head();
    return split_names(in, out);
}

weir_status
weir_record_get_head_of_intent(weir_span payload,
                               struct weir_record_head *head_out)
{
    return head_of_decision(payload, false, head_out);
}

weir_status
weir_record_get_head_of_refusal(weir_span payload,
                                struct weir_record_head *head_out)
{
    return head_of_decision(payload, true, head_out);
}

weir_status
weir_record_get_head_of_outcome(weir_span payload,
                                struct weir_record_head *head_out)
{
    struct reader in = reader_of(payload);
    struct reader head = reader_of(get_text(&in));
    get_fixed(&head, head_out->request.bytes, WEIR_REQUEST_ID_BYTES);
    (void)get_le(&head, 8); /* ending, is_estimated, status, operation */
    head_out->input_tokens = get_le(&head, 8);
    (void)get_le(&head, 8); /* cached: part of input */
    head_out->output_tokens = get_le(&head, 8);
    (void)get_le(&head, 8); /* reasoning: part of output */
    head_out->cost_micros = (int64_t)get_le(&head, 8);
    head_out->image_digest = NULL;
    return in.is_short || head.is_short ? short_head() : WEIR_OK;
}
