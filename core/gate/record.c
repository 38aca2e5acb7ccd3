/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Payloads of the journal: a fixed head, then { u16 tag, u16 length, bytes }.
 *
 * WHY NOT JSON. A record is written on the path of every call, a few hundred
 * bytes without a single escape or allocation, and read back by the million.
 *
 * WHY TAGS BEHIND A HEAD. What every query needs (ids, numbers, times) lies
 * at fixed places; what varies (names, candidates, attempts) is tagged, so a
 * field can be added without a new version: readers skip what they do not
 * know. The head is followed by its own length, so it can grow too.
 *
 * A name longer than NAME_MAX bytes is cut: a client chooses the model name,
 * and a record must stay below WEIR_RECORD_PAYLOAD_MAX whatever it sends.
 */
#include "record_tags.h"

#include <endian.h>
#include <string.h>

#define NAME_MAX_BYTES     512
#define POLICIES_MAX_BYTES 1024
#define OPINION_NAME_BYTES 128

/* ----------------------------------------------------------- writing */

/* Inlined, as `bytes` is a constant: one store instead of a loop. */
static inline __attribute__((always_inline)) void
put_le(struct weir_buf *out, uint64_t value, size_t bytes)
{
    value = htole64(value);
    weir_buf_add(out, &value, bytes);
}

static weir_span
cut(weir_span s, size_t max)
{
    if (s.len > max)
        s.len = max;
    return s;
}

static void
put_text(struct weir_buf *out, weir_span text, size_t max)
{
    text = cut(text, max);
    put_le(out, text.len, 2);
    weir_buf_add_span(out, text);
}

static void
put_tag(struct weir_buf *out, enum tag tag, weir_span text)
{
    if (text.len == 0)
        return;
    put_le(out, tag, 2);
    put_text(out, text, NAME_MAX_BYTES);
}

static void
put_trace(struct weir_buf *out, const struct weir_trace *trace)
{
    uint8_t bytes[WEIR_TRACE_BYTES];
    if (!trace->is_there)
        return;
    weir_trace_pack(trace, bytes);
    put_tag(out, TAG_TRACE, (weir_span){(const char *)bytes, sizeof bytes});
}

/* Starts a tag whose length is known only at its end. */
static size_t
open_tag(struct weir_buf *out, enum tag tag)
{
    put_le(out, tag, 2);
    put_le(out, 0, 2);
    return out->len;
}

static void
close_tag(struct weir_buf *out, size_t start)
{
    if (out->overflow)
        return;
    size_t len = out->len - start;
    WEIR_ASSERT(len <= UINT16_MAX);
    out->ptr[start - 2] = (char)len;
    out->ptr[start - 1] = (char)(len >> 8);
}

static void
put_candidates(struct weir_buf *out,
               const struct weir_record_candidate *candidates, uint32_t count)
{
    WEIR_ASSERT(count <= WEIR_CANDIDATES_MAX);
    /* Many candidates share the room of one record. */
    size_t policies_max = POLICIES_MAX_BYTES / (count > 4 ? count / 4 : 1);
    for (uint32_t i = 0; i < count; i++) {
        size_t start = open_tag(out, TAG_CANDIDATE);
        put_le(out, candidates[i].verdict, 1);
        put_le(out, candidates[i].reason, 1);
        put_text(out, candidates[i].deployment, 128);
        put_text(out, candidates[i].policies, policies_max);
        put_text(out, candidates[i].shadows, policies_max);
        close_tag(out, start);
    }
}

/* Two decisions that saw the same signals have the same bytes here. */
static void
put_signals(struct weir_buf *out, const struct weir_signal_facts *signals)
{
    size_t start;
    if (signals->known == 0 && signals->system == 0 &&
        signals->place_unknown == 0 && signals->network_unknown == 0)
        return;
    start = open_tag(out, TAG_SIGNALS);
    put_le(out, signals->known, 1);
    put_le(out,
           (uint64_t)signals->is_undeclared | (uint64_t)signals->is_hosting
                                                  << 1,
           1);
    put_le(out, signals->countries, 1);
    put_le(out, signals->travel_kmh, 2);
    put_le(out, signals->place_unknown, 1);
    put_le(out, signals->network_unknown, 1);
    put_le(out, signals->system, 4);
    close_tag(out, start);
}

/* All in one place, as they are read: `watch` is of one version throughout. */
void
weir__record_put_pools(struct weir_buf *out,
                       const struct weir_watch_pools *pools)
{
    size_t start = open_tag(out, TAG_POOLS);
    for (size_t i = 1; i <= WEIR_WATCH_SUBJECTS; i++)
        put_le(out, pools->of[i], 8);
    put_le(out, pools->network, 8);
    put_le(out, pools->model, 8);
    put_le(out, pools->action, 1);
    put_le(out, pools->subject, 1);
    put_le(out, pools->matches, 2);
    put_le(out, pools->exchanges, 4);
    close_tag(out, start);
}

static void
put_watch(struct weir_buf *out, const struct weir_record_watch *watch)
{
    if (watch->block.len == 0)
        return;
    put_tag(out, TAG_WATCH, watch->block);
    weir__record_put_pools(out, &watch->pools);
    if (watch->classified_count == 0)
        return;
    size_t start = open_tag(out, TAG_CLASSIFIED);
    for (uint32_t i = 0; i < watch->classified_count; i++) {
        put_le(out, watch->classified[i].id, 1);
        put_le(out, watch->classified[i].score, 1);
    }
    close_tag(out, start);
}

/* Behind all else: of this one call. */
static void
put_opinions(struct weir_buf *out, const struct weir_record_opinion *opinions,
             uint32_t count)
{
    if (count == 0)
        return;
    WEIR_ASSERT(count <= WEIR_OPINIONS_MAX);
    size_t start = open_tag(out, TAG_OPINIONS);
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_record_opinion *one = &opinions[i];
        put_le(out, one->direction, 1);
        put_le(out, one->opinion, 1);
        put_le(out, one->unheard, 1);
        put_le(out, one->score, 1);
        put_le(out, one->action, 1);
        put_le(out, one->asked, 2);
        put_le(out, one->failed, 2);
        put_le(out, one->elapsed_ms, 4);
        put_text(out, one->classifier, OPINION_NAME_BYTES);
        put_text(out, one->category, OPINION_NAME_BYTES);
    }
    close_tag(out, start);
}

static void
put_step(struct weir_buf *out, const struct weir_record_step *step)
{
    if (step->action == 0)
        return;
    size_t start = open_tag(out, TAG_STEP);
    put_le(out, step->action, 1);
    put_le(out, step->subject, 1);
    put_le(out, step->strip, 1);
    put_le(out, 0, 1);
    put_le(out, step->delay_ms, 4);
    put_le(out, step->rate, 4);
    put_le(out, (uint64_t)step->until, 8);
    put_text(out, step->id, WEIR_WATCH_CASE_BYTES);
    close_tag(out, start);
}

static size_t
open_head(struct weir_buf *out)
{
    put_le(out, 0, 2);
    return out->len;
}

/* The mode, what a conversation was told by, a number for each of the order. */
static void
put_routed(struct weir_buf *out, const struct weir_record_intent *intent)
{
    if (intent->route_mode == 0)
        return;
    size_t start = open_tag(out, TAG_ROUTED);
    put_le(out, intent->route_mode, 1);
    put_le(out, intent->sticky_by, 1);
    for (uint32_t i = 0; i < intent->order_count; i++)
        put_le(out, intent->order_values[i], 8);
    close_tag(out, start);
}

static void
put_choice(struct weir_buf *out, const struct weir_record_choice *choice)
{
    if (!choice->is_scored && choice->trial == 0)
        return;
    size_t start = open_tag(out, TAG_CHOICE);
    put_le(out, choice->trial, 1);
    put_le(out, choice->is_scored, 1);
    put_le(out, choice->score, 2);
    put_le(out, choice->tier, 1);
    put_le(out, choice->tiers, 1);
    put_le(out, choice->escalations, 1);
    put_le(out, choice->reasons, 1);
    put_le(out, (uint64_t)choice->wasted_micros, 8);
    put_le(out, (uint64_t)choice->dearest_micros, 8);
    weir_buf_add(out, choice->features, WEIR_CHOICE_FEATURES);
    close_tag(out, start);
}

void
weir_record_put_intent(const struct weir_record_intent *intent,
                       struct weir_buf *out)
{
    size_t head = open_head(out);
    weir_buf_add(out, intent->request.bytes, WEIR_REQUEST_ID_BYTES);
    weir_buf_add(out, intent->image_digest, 32);
    put_le(out, intent->overlay, 8);
    put_le(out, (uint64_t)intent->decided_us, 8);
    put_le(out, intent->operation, 1);
    put_le(out, intent->is_streamed, 1);
    put_le(out, intent->tier, 1);
    put_le(out, intent->is_resident, 1);
    put_le(out, intent->held_tokens, 8);
    put_le(out, (uint64_t)intent->held_micros, 8);
    put_le(out, intent->body_bytes, 8);
    close_tag(out, head);
    put_tag(out, TAG_KEY, intent->key);
    put_tag(out, TAG_PROJECT, intent->project);
    put_tag(out, TAG_TENANT, intent->tenant);
    put_tag(out, TAG_ORGANISATION, intent->organisation);
    put_tag(out, TAG_MODEL, intent->model);
    put_tag(out, TAG_COUNTRY, intent->country);
    put_tag(out, TAG_ADDRESS, intent->address);
    put_tag(out, TAG_END_CUSTOMER, intent->end_customer);
    put_tag(out, TAG_EXCEPTION, intent->exception);
    put_tag(out, TAG_TAGS, intent->tags);
    put_tag(out, TAG_TOOL, intent->tool);
    put_tag(out, TAG_SHADOW, intent->shadow_of);
    put_tag(out, TAG_SESSION, intent->session_of);
    put_signals(out, &intent->signals);
    put_step(out, &intent->step);
    put_candidates(out, intent->candidates, intent->candidate_count);
    put_tag(out, TAG_ORDER,
            (weir_span){(const char *)intent->order, intent->order_count});
    put_routed(out, intent);
}

void
weir_record_put_refusal(const struct weir_record_refusal *refusal,
                        struct weir_buf *out)
{
    size_t head = open_head(out);
    weir_buf_add(out, refusal->request.bytes, WEIR_REQUEST_ID_BYTES);
    weir_buf_add(out, refusal->image_digest, 32);
    put_le(out, refusal->overlay, 8);
    put_le(out, (uint64_t)refusal->decided_us, 8);
    put_le(out, refusal->http_status, 2);
    put_le(out, refusal->reason, 2);
    put_le(out, refusal->operation, 1);
    put_le(out, refusal->is_streamed, 1);
    close_tag(out, head);
    put_tag(out, TAG_KEY, refusal->key);
    put_tag(out, TAG_PROJECT, refusal->project);
    put_tag(out, TAG_TENANT, refusal->tenant);
    put_tag(out, TAG_ORGANISATION, refusal->organisation);
    put_tag(out, TAG_MODEL, refusal->model);
    put_tag(out, TAG_COUNTRY, refusal->country);
    put_tag(out, TAG_ADDRESS, refusal->address);
    put_tag(out, TAG_END_CUSTOMER, refusal->end_customer);
    put_signals(out, &refusal->signals);
    put_step(out, &refusal->step);
    put_tag(out, TAG_POLICY, refusal->policy);
    put_tag(out, TAG_TOOL, refusal->tool);
    put_candidates(out, refusal->candidates, refusal->candidate_count);
    put_trace(out, &refusal->trace);
    put_watch(out, &refusal->watch);
    put_opinions(out, refusal->opinions, refusal->opinion_count);
}

static void
put_attempts(struct weir_buf *out, const struct weir_record_attempt *attempts,
             uint32_t count)
{
    WEIR_ASSERT(count <= WEIR_ATTEMPTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        size_t start = open_tag(out, TAG_ATTEMPT);
        put_le(out, attempts[i].http_status, 2);
        put_le(out, attempts[i].failure, 1);
        put_le(out, attempts[i].elapsed_ms, 4);
        put_text(out, attempts[i].deployment, NAME_MAX_BYTES);
        close_tag(out, start);
    }
}

static void
put_number(struct weir_buf *out, enum tag tag, uint32_t number)
{
    size_t start = open_tag(out, tag);
    put_le(out, number, 4);
    close_tag(out, start);
}

/* In their order; those at the end that are 0 are left out. */
static void
put_units(struct weir_buf *out, const struct weir_record_units *units)
{
    uint64_t values[WEIR_RECORD_UNITS];
    size_t count = WEIR_RECORD_UNITS;
    _Static_assert(sizeof(values) == sizeof(*units), "nothing but counts");
    memcpy(values, units, sizeof(values));
    while (count > 0 && values[count - 1] == 0)
        count--;
    if (count == 0)
        return;
    size_t start = open_tag(out, TAG_UNITS);
    for (size_t i = 0; i < count; i++)
        put_le(out, values[i], 8);
    close_tag(out, start);
}

static void
put_sizes(struct weir_buf *out, const struct weir_record_sizes *sizes)
{
    if ((sizes->prompt_bytes | sizes->answer_bytes) == 0)
        return;
    size_t start = open_tag(out, TAG_SIZES);
    put_le(out, sizes->prompt_bytes, 8);
    put_le(out, sizes->answer_bytes, 8);
    put_le(out, sizes->shape, 1);
    close_tag(out, start);
}

void
weir_record_put_outcome(const struct weir_record_outcome *outcome,
                        struct weir_buf *out)
{
    size_t head = open_head(out);
    weir_buf_add(out, outcome->request.bytes, WEIR_REQUEST_ID_BYTES);
    put_le(out, outcome->ending, 1);
    put_le(out, outcome->is_estimated, 1);
    put_le(out, outcome->http_status, 2);
    put_le(out, outcome->operation, 4);
    put_le(out, outcome->input_tokens, 8);
    put_le(out, outcome->cached_tokens, 8);
    put_le(out, outcome->output_tokens, 8);
    put_le(out, outcome->reasoning_tokens, 8);
    put_le(out, (uint64_t)outcome->cost_micros, 8);
    put_le(out, (uint64_t)outcome->started_us, 8);
    put_le(out, outcome->first_byte_us, 8);
    put_le(out, outcome->total_us, 8);
    put_le(out, outcome->sent_bytes, 8);
    close_tag(out, head);
    put_tag(out, TAG_CURRENCY, outcome->currency);
    put_tag(out, TAG_PRICE_VERSION, outcome->price_version);
    put_units(out, &outcome->units);
    put_tag(out, TAG_MODEL, outcome->model);
    put_tag(out, TAG_DEPLOYMENT, outcome->deployment);
    put_tag(out, TAG_REGION, outcome->region);
    put_tag(out, TAG_PLACE, outcome->place);
    put_tag(out, TAG_STORED_IN, outcome->stored_in);
    put_tag(out, TAG_ORIGIN_REQUEST, outcome->origin_request);
    put_tag(out, TAG_END_CUSTOMER, outcome->end_customer);
    put_tag(out, TAG_TOOL, outcome->tool);
    put_tag(out, TAG_FINDING, outcome->finding);
    put_tag(out, TAG_SHADOW, outcome->shadow_of);
    put_tag(out, TAG_SESSION, outcome->session_of);
    put_tag(out, TAG_FINISH, outcome->finish);
    put_tag(out, TAG_FILTERED, outcome->filtered);
    put_tag(out, TAG_TERMS, outcome->terms);
    put_attempts(out, outcome->attempts, outcome->attempt_count);
    put_trace(out, &outcome->trace);
    put_watch(out, &outcome->watch);
    if (outcome->is_hit)
        put_number(out, TAG_HIT, outcome->hit_age_s);
    if (outcome->queued_ms > 0)
        put_number(out, TAG_QUEUED, outcome->queued_ms);
    put_opinions(out, outcome->opinions, outcome->opinion_count);
    put_choice(out, &outcome->choice);
    put_sizes(out, &outcome->sizes);
}
