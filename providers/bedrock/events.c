/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Converse reply tells.
 *
 * A stream is binary frames: what a frame is stands in its headers, so they
 * are what a frame is called here and are read again beside its payload. An
 * exception may stand in a stream as well, under AWS' own code.
 *
 * The end is `metadata`, which carries the usage and always comes last; a
 * stream that stopped without it was cut.
 *
 * Input is counted without what a cache gave or took: all three are summed.
 */
#include "bedrock.h"

#include <weir/eventstream.h>
#include <weir/raw.h>

enum { BLOCK_NONE, BLOCK_TOOL, BLOCK_TOOL_FED };

static void
emit_text(struct weir_reading *reading, enum weir_event_kind kind,
          weir_span raw, bool is_redacted)
{
    struct weir_event event = {
        .kind = kind, .text = weir_escaped(raw), .is_redacted = is_redacted};
    if (raw.ptr != NULL && event.text.len > 0)
        reading->emit(reading, &event);
}

static void
emit_start(struct weir_reading *reading)
{
    struct weir_event event = {.kind = WEIR_EVENT_START};
    if (reading->has_started)
        return;
    reading->has_started = true;
    reading->emit(reading, &event);
}

/* [{"ttl": "1h", "inputTokens": 7}, ...] */
static uint64_t
kept_an_hour(weir_span details)
{
    static const char *const names[2] = {"ttl", "inputTokens"};
    struct weir_raw_array array;
    weir_span detail, in[2];
    uint64_t tokens = 0;
    weir_raw_array_init(&array, details);
    while (weir_raw_array_next(&array, &detail))
        if (weir_raw_pick(detail, names, 2, in, NULL, NULL) &&
            weir_raw_is(in[0], "1h"))
            tokens += weir_raw_uint(in[1]);
    return tokens;
}

static void
emit_usage(struct weir_reading *reading, weir_span raw)
{
    enum { INPUT, OUTPUT, READ, WRITE, KEPT, COUNT };
    static const char *const names[COUNT] = {
        "inputTokens", "outputTokens", "cacheReadInputTokens",
        "cacheWriteInputTokens", "cacheDetails"};
    struct weir_event event = {.kind = WEIR_EVENT_USAGE,
                               .usage = &reading->usage};
    struct weir_usage *counts = &reading->usage.counts;
    weir_span in[COUNT];

    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL))
        return;
    counts->cached_tokens = weir_raw_uint(in[READ]);
    counts->cache_write_tokens = weir_raw_uint(in[WRITE]);
    counts->cache_write_1h_tokens = kept_an_hour(in[KEPT]);
    counts->input_tokens = weir_raw_uint(in[INPUT]) + counts->cached_tokens +
                           counts->cache_write_tokens;
    counts->output_tokens = weir_raw_uint(in[OUTPUT]);
    reading->emit(reading, &event);
}

static void
emit_stop(struct weir_reading *reading, weir_span reason)
{
    static const struct {
        const char *word;
        enum weir_stop stop;
    } stops[] = {
        {"end_turn", WEIR_STOP_END},
        {"max_tokens", WEIR_STOP_LENGTH},
        {"model_context_window_exceeded", WEIR_STOP_LENGTH},
        {"stop_sequence", WEIR_STOP_SEQUENCE},
        {"tool_use", WEIR_STOP_TOOL},
        {"guardrail_intervened", WEIR_STOP_FILTER},
        {"content_filtered", WEIR_STOP_FILTER},
        {"malformed_model_output", WEIR_STOP_BROKEN},
        {"malformed_tool_use", WEIR_STOP_BROKEN},
    };
    struct weir_event event = {.kind = WEIR_EVENT_STOP,
                               .stop = WEIR_STOP_OTHER,
                               .code = weir_escaped(reason)};
    for (size_t i = 0; i < WEIR_COUNTOF(stops); i++)
        if (weir_raw_is(reason, stops[i].word))
            event.stop = stops[i].stop;
    reading->has_ended = true; /* but for the usage */
    reading->emit(reading, &event);
}

/* -------------------------------------------------------------- blocks */

static void
emit_tool(struct weir_reading *reading, weir_span raw)
{
    static const char *const names[2] = {"toolUseId", "name"};
    weir_span in[2] = {{0}};
    (void)weir_raw_pick(raw, names, 2, in, NULL, NULL);
    struct weir_event event = {.kind = WEIR_EVENT_TOOL_CALL,
                               .tool = reading->tool_count++,
                               .id = weir_escaped(in[0]),
                               .name = weir_escaped(in[1])};
    reading->has_tools = true;
    reading->emit(reading, &event);
}

static void
emit_arguments(struct weir_reading *reading, weir_span text, bool is_raw)
{
    struct weir_event event = {.kind = WEIR_EVENT_TOOL_ARGUMENTS,
                               .tool = reading->tool_count - 1,
                               .text = text,
                               .is_raw = is_raw};
    reading->emit(reading, &event);
}

/* Of a body they stand in "reasoningText", of a stream on their own. */
static void
read_reasoning(struct weir_reading *reading, weir_span raw)
{
    enum { OF, TEXT, SIGNATURE, REDACTED, COUNT };
    static const char *const names[COUNT] = {"reasoningText", "text",
                                             "signature", "redactedContent"};
    weir_span in[COUNT];
    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL))
        return;
    emit_text(reading, WEIR_EVENT_SIGNATURE, in[REDACTED], true);
    if (in[OF].ptr != NULL &&
        !weir_raw_pick(in[OF], names, COUNT, in, NULL, NULL))
        return;
    emit_text(reading, WEIR_EVENT_REASONING, in[TEXT], false);
    emit_text(reading, WEIR_EVENT_SIGNATURE, in[SIGNATURE], false);
}

static void
read_block(struct weir_reading *reading, weir_span block)
{
    enum { TEXT, TOOL, REASONING, COUNT };
    static const char *const names[COUNT] = {"text", "toolUse",
                                             "reasoningContent"};
    static const char *const input[1] = {"input"};
    weir_span in[COUNT];
    weir_span arguments;

    if (!weir_raw_pick(block, names, COUNT, in, NULL, NULL))
        return;
    if (in[TEXT].ptr != NULL) {
        emit_text(reading, WEIR_EVENT_TEXT, in[TEXT], false);
    } else if (in[TOOL].ptr != NULL) {
        emit_tool(reading, in[TOOL]);
        if (!weir_raw_pick(in[TOOL], input, 1, &arguments, NULL, NULL) ||
            weir_raw_kind(arguments) != WEIR_JSON_OBJECT)
            arguments = WEIR_SPAN("{}");
        emit_arguments(reading, arguments, true);
    } else if (in[REASONING].ptr != NULL) {
        read_reasoning(reading, in[REASONING]);
    } else {
        struct weir_event event = {.kind = WEIR_EVENT_OTHER, .text = block};
        reading->emit(reading, &event);
    }
}

/* -------------------------------------------------------------- stream */

static void
begin_block(struct weir_reading *reading, weir_span start)
{
    static const char *const names[1] = {"toolUse"};
    weir_span tool;
    reading->block_kind = BLOCK_NONE;
    if (!weir_raw_pick(start, names, 1, &tool, NULL, NULL) || tool.ptr == NULL)
        return;
    emit_tool(reading, tool);
    reading->block_kind = BLOCK_TOOL;
}

static void
read_delta(struct weir_reading *reading, weir_span delta)
{
    enum { TEXT, TOOL, REASONING, COUNT };
    static const char *const names[COUNT] = {"text", "toolUse",
                                             "reasoningContent"};
    static const char *const input[1] = {"input"};
    weir_span in[COUNT];
    weir_span part;

    if (!weir_raw_pick(delta, names, COUNT, in, NULL, NULL))
        return;
    emit_text(reading, WEIR_EVENT_TEXT, in[TEXT], false);
    if (in[REASONING].ptr != NULL)
        read_reasoning(reading, in[REASONING]);
    if (in[TOOL].ptr != NULL && reading->block_kind != BLOCK_NONE &&
        weir_raw_pick(in[TOOL], input, 1, &part, NULL, NULL) && part.len > 2) {
        reading->block_kind = BLOCK_TOOL_FED;
        emit_arguments(reading, weir_escaped(part), false);
    }
}

/* `code` and `text` are a header's bytes where they are not ESCAPED. */
static void
emit_error(struct weir_reading *reading, weir_span code, weir_span text,
           bool is_plain)
{
    char memory[2][512];
    weir_span *const spans[2] = {&code, &text};
    for (size_t i = 0; i < (is_plain ? 2 : 1); i++) {
        struct weir_buf quoted;
        weir_buf_init_fixed(&quoted, memory[i], sizeof(memory[i]));
        weir_json_quote(&quoted, *spans[i]);
        *spans[i] = quoted.overflow ? WEIR_SPAN("")
                                    : weir_escaped(weir_buf_span(&quoted));
    }
    struct weir_event event = {
        .kind = WEIR_EVENT_ERROR, .code = code, .text = text};
    reading->emit(reading, &event);
}

bool
weir_bedrock_read_error(struct weir_reading *reading, weir_span headers,
                        weir_span data)
{
    static const char *const names[1] = {"message"};
    weir_span type =
        weir_eventstream_string(headers, WEIR_SPAN(":message-type"));
    weir_span message = WEIR_SPAN_NONE;

    if (weir_span_equal(type, WEIR_SPAN("error"))) {
        emit_error(
            reading, weir_eventstream_string(headers, WEIR_SPAN(":error-code")),
            weir_eventstream_string(headers, WEIR_SPAN(":error-message")),
            true);
        return true;
    }
    if (!weir_span_equal(type, WEIR_SPAN("exception")))
        return false;
    (void)weir_raw_pick(data, names, 1, &message, NULL, NULL);
    emit_error(reading,
               weir_eventstream_string(headers, WEIR_SPAN(":exception-type")),
               weir_escaped(message), false);
    return true;
}

static bool
read_frame(struct weir_reading *reading, weir_span headers, weir_span data)
{
    enum { START, DELTA, REASON, USAGE, COUNT };
    static const char *const names[COUNT] = {"start", "delta", "stopReason",
                                             "usage"};
    struct weir_event end = {.kind = WEIR_EVENT_END};
    struct weir_json_root root;
    weir_span in[COUNT];
    weir_span type = weir_eventstream_string(headers, WEIR_SPAN(":event-type"));

    /* A checksum says that nothing was lost, not that it is JSON. */
    if (weir_json_scan(data, NULL, 0, 0, &root, NULL, NULL) != WEIR_OK)
        data = WEIR_SPAN("null");
    if (weir_bedrock_read_error(reading, headers, data))
        return true;
    if (!weir_raw_pick(data, names, COUNT, in, NULL, NULL))
        return false;
    emit_start(reading);
    if (weir_span_equal(type, WEIR_SPAN("contentBlockStart"))) {
        begin_block(reading, in[START]);
    } else if (weir_span_equal(type, WEIR_SPAN("contentBlockDelta"))) {
        read_delta(reading, in[DELTA]);
    } else if (weir_span_equal(type, WEIR_SPAN("contentBlockStop"))) {
        /* A call without arguments has an empty object all the same. */
        if (reading->block_kind == BLOCK_TOOL)
            emit_arguments(reading, WEIR_SPAN("{}"), false);
        reading->block_kind = BLOCK_NONE;
    } else if (weir_span_equal(type, WEIR_SPAN("messageStop"))) {
        emit_stop(reading, in[REASON]);
    } else if (weir_span_equal(type, WEIR_SPAN("metadata"))) {
        emit_usage(reading, in[USAGE]);
        if (reading->has_ended)
            reading->emit(reading, &end);
    }
    return true; /* messageStart, and what is new */
}

bool
weir_bedrock_next_frame(struct weir_buf *held, weir_span *input,
                        weir_span *name_out, weir_span *data_out,
                        bool *is_broken)
{
    struct weir_eventstream message;
    if (!weir_eventstream_next(held, input, &message, is_broken))
        return false;
    *name_out = message.headers;
    *data_out = message.payload;
    return true;
}

/* ---------------------------------------------------------------- body */

static bool
read_body(struct weir_reading *reading, weir_span body)
{
    enum { OUTPUT, REASON, USAGE, COUNT };
    static const char *const names[COUNT] = {"output", "stopReason", "usage"};
    static const char *const message[1] = {"message"};
    static const char *const content[1] = {"content"};
    struct weir_event end = {.kind = WEIR_EVENT_END};
    struct weir_raw_array array;
    weir_span in[COUNT];
    weir_span raw;

    if (!weir_raw_pick(body, names, COUNT, in, NULL, NULL) ||
        !weir_raw_pick(in[OUTPUT], message, 1, &raw, NULL, NULL) ||
        !weir_raw_pick(raw, content, 1, &raw, NULL, NULL) ||
        in[REASON].ptr == NULL)
        return false;
    emit_start(reading);
    weir_raw_array_init(&array, raw);
    while (weir_raw_array_next(&array, &raw))
        read_block(reading, raw);
    emit_usage(reading, in[USAGE]);
    emit_stop(reading, in[REASON]);
    reading->emit(reading, &end);
    return true;
}

const struct weir_reading_ops weir_bedrock_reading = {
    .event = read_frame,
    .body = read_body,
    .next_frame = weir_bedrock_next_frame,
    .stream_type = "application/vnd.amazon.eventstream",
};
