/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiers and canaries: which allowed candidate a call is worth, and when an
 * answer is not good enough.
 *
 *     score 230     tiers: up to 400 | up to 800 | the rest
 *                            first       2nd        3rd
 *     score 610             last        first       2nd
 *
 * A route of mode complexity tries the least tier that is up to the score,
 * then the tiers above it, then those below, the nearest first: a weaker
 * answer is better than none. It orders what policy allowed and nothing
 * else; neither escalation nor a canary adds a candidate.
 *
 * ESCALATION looks at a whole answer before its first byte goes out: refused,
 * empty, cut at its length, or not what the schema wants. The next higher tier
 * is then asked. What the discarded answer cost is the seller's and in the
 * record; the customer pays for the answer he gets.
 *
 * A CANARY is a candidate of the route that a share of the conversations has
 * first and all others last; which, is drawn from the conversation's name, so
 * that a conversation stays on its side.
 */
#include "internal.h"

#include <weir/json.h>

#include <string.h>

/* ------------------------------------------------------------------ tiers */

static uint32_t
tier_of(const struct weir_call *call, uint32_t candidate)
{
    return call->answer.candidates[candidate].weight; /* its greatest score */
}

uint64_t
weir__gate_tier_value(const struct weir_call *call, uint32_t candidate)
{
    uint32_t upto = tier_of(call, candidate);
    return upto >= call->choice.score
               ? upto
               : 2 * WEIR_COMPLEXITY_MAX + (WEIR_COMPLEXITY_MAX - upto);
}

void
weir__gate_score(struct weir_call *call)
{
    struct weir_complexity said;
    weir_complexity_of(call->ask.body, &said);
    call->choice.is_scored = true;
    call->choice.score = said.score;
    for (uint32_t i = 0; i < WEIR_COMPLEX_FEATURES; i++)
        call->choice.features[i] = (uint8_t)said.of[i];
}

/* The tier's number from 1 on, and how many the route has. */
static void
number_tiers(const struct weir_call *call, uint32_t candidate,
             uint32_t *tier_out, uint32_t *tiers_out)
{
    uint32_t seen[WEIR_CANDIDATES_MAX];
    uint32_t count = 0;
    uint32_t below = 0;
    for (uint32_t i = 0; i < call->answer.candidate_count; i++) {
        uint32_t upto = tier_of(call, i);
        uint32_t j = 0;
        while (j < count && seen[j] != upto)
            j++;
        if (j < count)
            continue;
        seen[count++] = upto;
        below += upto < tier_of(call, candidate);
    }
    *tier_out = below + 1;
    *tiers_out = count;
}

/* ----------------------------------------------------------------- canary */

void
weir__gate_place_canary(struct weir_call *call, uint64_t conversation)
{
    const struct weir_image *image = &call->view->image;
    const struct weir_image_trial *trial = &image->trials[call->answer.route];
    struct weir_route_plan *plan = &call->plan;
    uint32_t at = 0;
    if (trial->canary == 0)
        return;
    while (at < plan->count &&
           call->answer.candidates[plan->order[at]].deployment + 1 !=
               trial->canary)
        at++;
    if (at == plan->count)
        return; /* policy or a budget took it away */
    uint8_t canary = plan->order[at];
    const struct weir_image_deployment *row =
        &image->deployments[trial->canary - 1];
    uint64_t draw = weir_hash64(
        (weir_span){(const char *)&conversation, sizeof(conversation)},
        row->hash ^ UINT64_C(0x63616e617279));
    bool is_first = draw % 1000000 < trial->canary_ppm;
    memmove(&plan->order[at], &plan->order[at + 1],
            (size_t)(plan->count - at - 1) * sizeof(plan->order[0]));
    if (is_first)
        memmove(&plan->order[1], &plan->order[0],
                (size_t)(plan->count - 1) * sizeof(plan->order[0]));
    plan->order[is_first ? 0 : plan->count - 1] = canary;
    call->choice.trial = is_first ? WEIR_TRIAL_CANARY : WEIR_TRIAL_BESIDE;
}

/* ------------------------------------------------------------- escalation */

/* What the request says of the answer's shape; its body is gone later. */
void
weir__gate_note_schema(struct weir_call *call)
{
    static const weir_json_path paths[] = {
        WEIR_JSON_PATH2("response_format", "type"),
        WEIR_JSON_PATH3("response_format", "json_schema", "schema"),
        WEIR_JSON_PATH3("text", "format", "schema"),
        WEIR_JSON_PATH2("generationConfig", "responseSchema")};
    weir_json_hit hits[WEIR_COUNTOF(paths)];
    struct weir_json_root root;
    if (call->ask.body.len == 0 ||
        weir_json_scan(call->ask.body, paths, WEIR_COUNTOF(paths), 0, &root,
                       hits, NULL) != WEIR_OK)
        return;
    call->wants_json =
        weir_span_equal(hits[0].raw, WEIR_SPAN("\"json_object\""));
    for (size_t i = 1; i < WEIR_COUNTOF(paths); i++) {
        static const weir_json_path path = WEIR_JSON_PATH1("required");
        weir_json_hit required;
        if (hits[i].kind != WEIR_JSON_OBJECT)
            continue;
        call->wants_json = true;
        if (weir_json_scan(hits[i].raw, &path, 1, 0, &root, &required, NULL) ==
                WEIR_OK &&
            required.kind == WEIR_JSON_ARRAY &&
            required.raw.len <= sizeof(call->required)) {
            memcpy(call->required, required.raw.ptr, required.raw.len);
            call->required_bytes = (uint32_t)required.raw.len;
        }
    }
}

static const weir_json_path answer_paths[] = {
    WEIR_JSON_PATH1("choices"),     WEIR_JSON_PATH1("content"),
    WEIR_JSON_PATH1("candidates"),  WEIR_JSON_PATH1("output"),
    WEIR_JSON_PATH1("stop_reason"), WEIR_JSON_PATH1("status"),
    WEIR_JSON_PATH1("usage"),       WEIR_JSON_PATH1("usageMetadata")};
enum { CHOICES, CONTENT, CANDIDATES, OUTPUT, STOP, STATUS, USAGE, METADATA };

struct answer {
    weir_span text; /* raw string of the first text, with its quotes */
    bool has_tools;
    bool is_refused;
    bool is_cut;
};

static void
read_reason(weir_span raw, struct answer *out)
{
    out->is_cut = out->is_cut ||
                  weir_span_equal(raw, WEIR_SPAN("\"length\"")) ||
                  weir_span_equal(raw, WEIR_SPAN("\"max_tokens\"")) ||
                  weir_span_equal(raw, WEIR_SPAN("\"MAX_TOKENS\"")) ||
                  weir_span_equal(raw, WEIR_SPAN("\"incomplete\""));
    out->is_refused = out->is_refused ||
                      weir_span_equal(raw, WEIR_SPAN("\"refusal\"")) ||
                      weir_span_equal(raw, WEIR_SPAN("\"content_filter\"")) ||
                      weir_span_equal(raw, WEIR_SPAN("\"SAFETY\""));
}

/* Walks objects and arrays of an answer: the members that matter have the
 * same names in every dialect. */
static void
walk(weir_span raw, int depth, struct answer *out)
{
    struct weir_json_reader reader;
    weir_span name, value;
    if (raw.len < 2 || depth > 5)
        return;
    weir_json_reader_init(&reader, raw, NULL);
    if (raw.ptr[0] == '[' && weir_json_array(&reader)) {
        while (weir_json_element(&reader) && weir_json_raw(&reader, &value))
            walk(value, depth + 1, out);
        return;
    }
    if (raw.ptr[0] != '{' || !weir_json_object(&reader))
        return;
    while (weir_json_member(&reader, &name) && weir_json_raw(&reader, &value)) {
        bool is_text = value.len > 2 && value.ptr[0] == '"';
        if (weir_span_equal(name, WEIR_SPAN("finish_reason")) ||
            weir_span_equal(name, WEIR_SPAN("finishReason")))
            read_reason(value, out);
        else if (weir_span_equal(name, WEIR_SPAN("refusal")))
            out->is_refused = out->is_refused || is_text;
        else if (weir_span_equal(name, WEIR_SPAN("tool_calls")) ||
                 weir_span_equal(name, WEIR_SPAN("functionCall")) ||
                 (weir_span_equal(name, WEIR_SPAN("type")) &&
                  (weir_span_equal(value, WEIR_SPAN("\"tool_use\"")) ||
                   weir_span_equal(value, WEIR_SPAN("\"function_call\"")))))
            out->has_tools = out->has_tools || value.len > 2;
        else if (weir_span_equal(name, WEIR_SPAN("content")) ||
                 weir_span_equal(name, WEIR_SPAN("text"))) {
            if (is_text && out->text.len == 0)
                out->text = value;
            else
                walk(value, depth + 1, out);
        } else if (weir_span_equal(name, WEIR_SPAN("message")) ||
                   weir_span_equal(name, WEIR_SPAN("parts")))
            walk(value, depth + 1, out);
    }
}

/* How models begin when they will not; of short answers only. */
static bool
sounds_refused(weir_span text)
{
    static const char *const words[] = {
        "I'm sorry, but I can", "I\\u2019m sorry, but I can",
        "Sorry, but I can",     "I cannot help",
        "I can't help",         "I can\\u2019t help",
        "I cannot assist",      "I can't assist",
        "I'm unable to",        "I am unable to",
        "I'm not able to",      "As an AI language model, I"};
    if (text.len > 400)
        return false;
    for (size_t i = 0; i < WEIR_COUNTOF(words); i++)
        if (weir_span_starts(text, weir_span_of(words[i])))
            return true;
    return false;
}

/* JSON with every member that the schema requires at its top. */
static bool
fits_schema(const struct weir_call *call, weir_span raw)
{
    char room[(32u << 10)];
    struct weir_arena arena;
    struct weir_json_reader reader;
    struct weir_json_root root;
    weir_span text;
    weir_span name;
    weir_arena_init(&arena, room, sizeof(room));
    weir_json_reader_init(&reader, raw, &arena);
    if (!weir_json_string(&reader, &text))
        return true; /* too long to look at here: let it pass */
    if (weir_json_scan(text, NULL, 0, 0, &root, NULL, NULL) != WEIR_OK)
        return false;
    weir_json_reader_init(
        &reader, (weir_span){call->required, call->required_bytes}, NULL);
    if (call->required_bytes == 0 || !weir_json_array(&reader))
        return true;
    while (weir_json_element(&reader) && weir_json_raw(&reader, &name)) {
        if (name.len < 2)
            return true;
        const weir_json_path path = {.count = 1,
                                     .segment = {{name.ptr + 1, name.len - 2}}};
        weir_json_hit hit;
        if (weir_json_scan(text, &path, 1, 0, &root, &hit, NULL) != WEIR_OK ||
            hit.kind == WEIR_JSON_NONE)
            return false;
    }
    return true;
}

static uint64_t
number_of(weir_span raw)
{
    uint64_t value;
    return weir_span_to_u64(raw, &value) ? value : 0;
}

static void
read_usage(const weir_json_hit *hits, struct weir_usage *out)
{
    struct weir_json_reader reader;
    weir_span name, value;
    weir_span raw = hits[USAGE].kind == WEIR_JSON_OBJECT ? hits[USAGE].raw
                                                         : hits[METADATA].raw;
    memset(out, 0, sizeof(*out));
    weir_json_reader_init(&reader, raw, NULL);
    if (raw.len == 0 || !weir_json_object(&reader))
        return;
    while (weir_json_member(&reader, &name) && weir_json_raw(&reader, &value)) {
        if (weir_span_equal(name, WEIR_SPAN("prompt_tokens")) ||
            weir_span_equal(name, WEIR_SPAN("input_tokens")) ||
            weir_span_equal(name, WEIR_SPAN("promptTokenCount")))
            out->input_tokens = number_of(value);
        if (weir_span_equal(name, WEIR_SPAN("completion_tokens")) ||
            weir_span_equal(name, WEIR_SPAN("output_tokens")) ||
            weir_span_equal(name, WEIR_SPAN("candidatesTokenCount")))
            out->output_tokens = number_of(value);
    }
}

/* False: nothing that can be judged. */
static bool
read_answer(weir_span body, weir_json_hit hits[WEIR_COUNTOF(answer_paths)],
            struct answer *answer_out, weir_span *text_out)
{
    struct weir_json_root root;
    *answer_out = (struct answer){.has_tools = false};
    if (weir_json_scan(body, answer_paths, WEIR_COUNTOF(answer_paths), 0, &root,
                       hits, NULL) != WEIR_OK)
        return false;
    for (int i = CHOICES; i <= OUTPUT; i++)
        walk(hits[i].raw, 0, answer_out);
    read_reason(hits[STOP].raw, answer_out);
    read_reason(hits[STATUS].raw, answer_out);
    weir_span text = answer_out->text;
    *text_out = text.len >= 2 ? (weir_span){text.ptr + 1, text.len - 2} : text;
    return true;
}

bool
weir_call_is_refused(const struct weir_call *call, weir_span body)
{
    weir_json_hit hits[WEIR_COUNTOF(answer_paths)];
    struct answer answer;
    weir_span text;
    return call->choice.trial != WEIR_TRIAL_NONE &&
           read_answer(body, hits, &answer, &text) &&
           (answer.is_refused || sounds_refused(text));
}

/* What the answer lacks, of what the route minds. */
static uint32_t
lacks(const struct weir_call *call, weir_span body, uint32_t minds,
      struct weir_usage *usage_out)
{
    weir_json_hit hits[WEIR_COUNTOF(answer_paths)];
    struct answer answer;
    weir_span text;
    uint32_t found = 0;
    memset(usage_out, 0, sizeof(*usage_out));
    if (!read_answer(body, hits, &answer, &text))
        return 0;
    read_usage(hits, usage_out);
    if (answer.is_refused || sounds_refused(text))
        found |= WEIR_ESCALATE_REFUSAL;
    if (text.len == 0 && !answer.has_tools)
        found |= WEIR_ESCALATE_EMPTY;
    if (answer.is_cut)
        found |= WEIR_ESCALATE_LENGTH;
    if (call->wants_json && !answer.has_tools && answer.text.len > 0 &&
        !fits_schema(call, answer.text))
        found |= WEIR_ESCALATE_SCHEMA;
    return found & minds;
}

bool
weir_call_minds_answer(const struct weir_call *call)
{
    const struct weir_image *image = &call->view->image;
    if (!call->choice.is_scored || call->is_hit || call->is_settled)
        return false;
    return image->trials[call->answer.route].escalate != 0;
}

bool
weir_call_escalate(struct weir_call *call, weir_span body,
                   const struct weir_overlay *overlay, weir_time now,
                   struct weir_step *step_out)
{
    const struct weir_image *image = &call->view->image;
    struct weir_usage usage;
    uint32_t out = 0;
    if (!weir_call_minds_answer(call))
        return false;
    uint32_t why =
        lacks(call, body, image->trials[call->answer.route].escalate, &usage);
    if (why == 0)
        return false;
    uint32_t tier = tier_of(call, call->current);
    for (uint32_t i = 0; i < call->answer.candidate_count; i++)
        if (tier_of(call, i) <= tier)
            out |= UINT32_C(1) << i;
    weir_ref version;
    weir_micros wasted = weir__call_cost_at(
        call, call->answer.candidates[call->current].deployment, &usage,
        &version);
    if (!weir__gate_go_up(call, out, overlay, now, step_out))
        return false; /* nobody above: this answer is the best there is */
    call->choice.escalations++;
    call->choice.reasons |= why;
    call->choice.wasted_micros += wasted;
    return true;
}

/* ----------------------------------------------------------------- record */

/* What the same usage would have cost at the dearest that was allowed. */
static weir_micros
dearest(const struct weir_call *call, const struct weir_usage *usage)
{
    weir_micros most = 0;
    for (uint32_t i = 0; i < call->plan.count; i++) {
        weir_ref version;
        weir_micros micros = weir__call_cost_at(
            call, call->answer.candidates[call->plan.order[i]].deployment,
            usage, &version);
        most = micros > most ? micros : most;
    }
    return most;
}

void
weir__gate_record_choice(const struct weir_call *call,
                         const struct weir_usage *usage,
                         struct weir_record_choice *choice_out)
{
    *choice_out = call->choice;
    if (call->choice.is_scored) {
        number_tiers(call, call->current, &choice_out->tier,
                     &choice_out->tiers);
        choice_out->dearest_micros = dearest(call, usage);
    }
}
