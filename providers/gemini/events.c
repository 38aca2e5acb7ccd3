/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Gemini reply tells. An event of a stream has the shape of a whole
 * reply, and nothing marks the last one: a stream is at its end when it was
 * closed in order behind a finishReason.
 *
 * Calls of functions come whole. That a model stopped to have them answered
 * is not said: it is STOP with calls.
 */
#include "gemini.h"

#include <weir/raw.h>

#include <string.h>

static void
emit(struct weir_reading *reading, enum weir_event_kind kind, uint32_t choice,
     weir_span escaped)
{
    struct weir_event event = {.kind = kind, .choice = choice, .text = escaped};
    if (escaped.len > 0)
        reading->emit(reading, &event);
}

/* --------------------------------------------------------------- usage */

static uint64_t
tokens_of(weir_span details, const char *modality)
{
    static const char *const names[2] = {"modality", "tokenCount"};
    struct weir_raw_array array;
    weir_span detail;
    weir_span in[2];
    uint64_t tokens = 0;
    weir_raw_array_init(&array, details);
    while (weir_raw_array_next(&array, &detail))
        if (weir_raw_pick(detail, names, 2, in, NULL, NULL) &&
            weir_raw_is(in[0], modality))
            tokens += weir_raw_uint(in[1]);
    return tokens;
}

static uint64_t
less(uint64_t all, uint64_t part)
{
    return all > part ? all - part : 0;
}

static void
read_usage(struct weir_reading *reading, weir_span raw)
{
    enum {
        PROMPT,
        TOOLS,
        CACHED,
        ANSWER,
        THOUGHTS,
        TOTAL,
        PROMPT_OF,
        ANSWER_OF,
        CACHED_OF,
        COUNT
    };
    static const char *const names[COUNT] = {
        "promptTokenCount",        "toolUsePromptTokenCount",
        "cachedContentTokenCount", "candidatesTokenCount",
        "thoughtsTokenCount",      "totalTokenCount",
        "promptTokensDetails",     "candidatesTokensDetails",
        "cacheTokensDetails"};
    struct weir_event event = {.kind = WEIR_EVENT_USAGE,
                               .usage = &reading->usage};
    struct weir_usage *counts = &reading->usage.counts;
    weir_span in[COUNT];

    /* Some streams say how the call was priced and nothing else. */
    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL) ||
        (in[PROMPT].ptr == NULL && in[TOTAL].ptr == NULL))
        return;
    counts->input_tokens = weir_raw_uint(in[PROMPT]) + weir_raw_uint(in[TOOLS]);
    counts->cached_tokens = weir_raw_uint(in[CACHED]);
    counts->reasoning_tokens = weir_raw_uint(in[THOUGHTS]);
    counts->output_tokens =
        weir_raw_uint(in[ANSWER]) + counts->reasoning_tokens;
    counts->audio_cached_tokens = tokens_of(in[CACHED_OF], "AUDIO");
    counts->audio_input_tokens =
        less(tokens_of(in[PROMPT_OF], "AUDIO"), counts->audio_cached_tokens);
    counts->image_input_tokens = less(tokens_of(in[PROMPT_OF], "IMAGE"),
                                      tokens_of(in[CACHED_OF], "IMAGE"));
    counts->audio_output_tokens = tokens_of(in[ANSWER_OF], "AUDIO");
    counts->image_output_tokens = tokens_of(in[ANSWER_OF], "IMAGE");
    reading->emit(reading, &event);
}

/* --------------------------------------------------------------- parts */

static void
read_function_call(struct weir_reading *reading, uint32_t choice, weir_span raw,
                   weir_span signature)
{
    enum { ID, NAME, ARGUMENTS, COUNT };
    static const char *const names[COUNT] = {"id", "name", "args"};
    weir_span in[COUNT];
    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL) ||
        in[NAME].ptr == NULL)
        return; /* a part of one: asked for by this dialect's own clients */
    struct weir_event event = {.kind = WEIR_EVENT_TOOL_CALL,
                               .choice = choice,
                               .tool = reading->tool_count++,
                               .id = weir_escaped(in[ID]),
                               .name = weir_escaped(in[NAME]),
                               .text = weir_escaped(signature)};
    reading->has_tools = true;
    reading->emit(reading, &event);
    event.kind = WEIR_EVENT_TOOL_ARGUMENTS;
    event.is_raw = true;
    event.text = weir_raw_kind(in[ARGUMENTS]) == WEIR_JSON_OBJECT
                     ? in[ARGUMENTS]
                     : WEIR_SPAN("{}");
    reading->emit(reading, &event);
}

static void
read_part(struct weir_reading *reading, uint32_t choice, weir_span raw)
{
    enum { TEXT, THOUGHT, SIGNATURE, CALL, COUNT };
    static const char *const names[COUNT] = {
        "text", "thought", "thoughtSignature", "functionCall"};
    weir_span in[COUNT];
    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL))
        return;
    if (in[CALL].ptr != NULL) {
        read_function_call(reading, choice, in[CALL], in[SIGNATURE]);
    } else if (weir_span_equal(in[THOUGHT], WEIR_SPAN("true"))) {
        emit(reading, WEIR_EVENT_REASONING, choice, weir_escaped(in[TEXT]));
        emit(reading, WEIR_EVENT_SIGNATURE, choice,
             weir_escaped(in[SIGNATURE]));
    } else if (in[TEXT].ptr != NULL) {
        emit(reading, WEIR_EVENT_TEXT, choice, weir_escaped(in[TEXT]));
    } else {
        emit(reading, WEIR_EVENT_OTHER, choice, raw);
    }
}

static enum weir_stop
stop_of(const struct weir_reading *reading, weir_span reason)
{
    static const char *const filters[] = {"SAFETY",
                                          "RECITATION",
                                          "LANGUAGE",
                                          "BLOCKLIST",
                                          "IMAGE_SAFETY",
                                          "SPII",
                                          "PROHIBITED_CONTENT",
                                          "MODEL_ARMOR",
                                          "IMAGE_RECITATION",
                                          "IMAGE_PROHIBITED_CONTENT"};
    static const char *const broken[] = {"MALFORMED_FUNCTION_CALL",
                                         "UNEXPECTED_TOOL_CALL",
                                         "TOO_MANY_TOOL_CALLS",
                                         "MISSING_THOUGHT_SIGNATURE",
                                         "MALFORMED_RESPONSE",
                                         "NO_IMAGE",
                                         "IMAGE_OTHER"};
    if (weir_raw_is(reason, "STOP"))
        return reading->has_tools ? WEIR_STOP_TOOL : WEIR_STOP_END;
    if (weir_raw_is(reason, "MAX_TOKENS"))
        return WEIR_STOP_LENGTH;
    for (size_t i = 0; i < WEIR_COUNTOF(filters); i++)
        if (weir_raw_is(reason, filters[i]))
            return WEIR_STOP_FILTER;
    for (size_t i = 0; i < WEIR_COUNTOF(broken); i++)
        if (weir_raw_is(reason, broken[i]))
            return WEIR_STOP_BROKEN;
    return WEIR_STOP_OTHER;
}

static void
emit_stop(struct weir_reading *reading, uint32_t choice, weir_span reason,
          enum weir_stop stop)
{
    struct weir_event event = {.kind = WEIR_EVENT_STOP,
                               .choice = choice,
                               .stop = stop,
                               .code = weir_escaped(reason)};
    reading->block_kind = 1; /* a reason was given: the end may come */
    reading->emit(reading, &event);
}

static void
read_candidate(struct weir_reading *reading, weir_span raw)
{
    enum { INDEX, CONTENT, REASON, COUNT };
    static const char *const names[COUNT] = {"index", "content",
                                             "finishReason"};
    static const char *const of[1] = {"parts"};
    struct weir_raw_array array;
    weir_span in[COUNT];
    weir_span part;

    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL))
        return;
    uint32_t choice = (uint32_t)weir_raw_uint(in[INDEX]);
    if (weir_raw_pick(in[CONTENT], of, 1, &part, NULL, NULL)) {
        weir_raw_array_init(&array, part);
        while (weir_raw_array_next(&array, &part))
            read_part(reading, choice, part);
    }
    if (in[REASON].ptr != NULL)
        emit_stop(reading, choice, in[REASON], stop_of(reading, in[REASON]));
}

/* --------------------------------------------------------------- reply */

static void
read_error(struct weir_reading *reading, weir_span error)
{
    static const char *const names[2] = {"message", "status"};
    weir_span in[2] = {{0}};
    struct weir_event event = {.kind = WEIR_EVENT_ERROR};
    (void)weir_raw_pick(error, names, 2, in, NULL, NULL);
    event.text = weir_escaped(in[0]);
    event.code = weir_escaped(in[1]);
    reading->emit(reading, &event);
}

static void
emit_start(struct weir_reading *reading, weir_span id, weir_span model)
{
    struct weir_event event = {.kind = WEIR_EVENT_START,
                               .id = weir_escaped(id),
                               .model = weir_escaped(model)};
    reading->has_started = true;
    reading->emit(reading, &event);
}

static bool
read_reply(struct weir_reading *reading, weir_span data)
{
    enum {
        CANDIDATES,
        USAGE,
        MODEL,
        ID,
        FEEDBACK,
        ERROR,
        EMBEDDING,
        EMBEDDINGS,
        COUNT
    };
    static const char *const names[COUNT] = {
        "candidates",     "usageMetadata", "modelVersion", "responseId",
        "promptFeedback", "error",         "embedding",    "embeddings"};
    static const char *const block[1] = {"blockReason"};
    struct weir_raw_array array;
    weir_span in[COUNT];
    weir_span candidate;
    weir_span reason;

    if (!weir_raw_pick(data, names, COUNT, in, NULL, NULL))
        return false;
    if (in[ERROR].ptr != NULL) {
        read_error(reading, in[ERROR]);
        return true;
    }
    if (!reading->has_started)
        emit_start(reading, in[ID], in[MODEL]);
    if (in[EMBEDDING].ptr != NULL || in[EMBEDDINGS].ptr != NULL)
        reading->block_kind = 1;
    weir_raw_array_init(&array, in[CANDIDATES]);
    while (weir_raw_array_next(&array, &candidate))
        read_candidate(reading, candidate);
    read_usage(reading, in[USAGE]);
    if (weir_raw_pick(in[FEEDBACK], block, 1, &reason, NULL, NULL) &&
        reason.ptr != NULL)
        emit_stop(reading, 0, reason, WEIR_STOP_FILTER);
    return true;
}

static bool
read_event(struct weir_reading *reading, weir_span name, weir_span data)
{
    (void)name;
    return read_reply(reading, data);
}

static void
finish(struct weir_reading *reading)
{
    struct weir_event event = {.kind = WEIR_EVENT_END};
    if (reading->block_kind == 0 || reading->has_ended)
        return;
    reading->has_ended = true;
    reading->emit(reading, &event);
}

static bool
read_body(struct weir_reading *reading, weir_span body)
{
    if (!read_reply(reading, body))
        return false;
    /* Nothing was generated: said by its absence. */
    reading->block_kind = 1;
    finish(reading);
    return true;
}

const struct weir_reading_ops weir_gemini_reading = {
    .event = read_event,
    .body = read_body,
    .finish = finish,
};
