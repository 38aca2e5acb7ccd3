/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an Anthropic reply tells.
 *
 * A stream numbers its content blocks; only those of the model's own tool
 * calls become calls here, so they are counted anew. Blocks that the
 * provider's own tools made (searches, code it ran) are OTHER: no dialect
 * but this one has them.
 *
 * Input is counted without what a cache gave or took: all three are summed.
 * A message_delta's counts are running totals and replace what stood before,
 * member by member, since it may leave out those that have not changed.
 */
#include "anthropic.h"

#include <weir/raw.h>

enum { BLOCK_NONE, BLOCK_TEXT, BLOCK_TOOL, BLOCK_TOOL_FED, BLOCK_OTHER };

static void
emit_text(struct weir_reading *reading, enum weir_event_kind kind,
          weir_span raw)
{
    struct weir_event event = {.kind = kind, .text = weir_escaped(raw)};
    if (event.text.len > 0)
        reading->emit(reading, &event);
}

/* --------------------------------------------------------------- usage */

void
weir_anthropic_read_usage(weir_span raw, struct weir_event_usage *usage)
{
    enum { INPUT, WRITE, READ, OUTPUT, SERVICE, KEPT, COUNT };
    static const char *const names[COUNT] = {"input_tokens",
                                             "cache_creation_input_tokens",
                                             "cache_read_input_tokens",
                                             "output_tokens",
                                             "service_tier",
                                             "cache_creation"};
    static const char *const kept[1] = {"ephemeral_1h_input_tokens"};
    weir_span in[COUNT], hour;
    struct weir_usage *counts = &usage->counts;

    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL))
        return;
    uint64_t plain = counts->input_tokens - counts->cached_tokens -
                     counts->cache_write_tokens;
    if (in[INPUT].ptr != NULL)
        plain = weir_raw_uint(in[INPUT]);
    if (in[WRITE].ptr != NULL)
        counts->cache_write_tokens = weir_raw_uint(in[WRITE]);
    if (in[READ].ptr != NULL)
        counts->cached_tokens = weir_raw_uint(in[READ]);
    if (in[OUTPUT].ptr != NULL)
        counts->output_tokens = weir_raw_uint(in[OUTPUT]);
    if (in[KEPT].ptr != NULL &&
        weir_raw_pick(in[KEPT], kept, 1, &hour, NULL, NULL))
        counts->cache_write_1h_tokens = weir_raw_uint(hour);
    if (in[SERVICE].len > 2)
        counts->service = weir_service_of(
            (weir_span){in[SERVICE].ptr + 1, in[SERVICE].len - 2});
    counts->input_tokens =
        plain + counts->cache_write_tokens + counts->cached_tokens;
}

static void
emit_usage(struct weir_reading *reading, weir_span raw)
{
    struct weir_event event = {.kind = WEIR_EVENT_USAGE,
                               .usage = &reading->usage};
    if (raw.ptr == NULL)
        return;
    weir_anthropic_read_usage(raw, &reading->usage);
    reading->emit(reading, &event);
}

/* ---------------------------------------------------------------- stop */

static enum weir_stop
stop_of(weir_span raw)
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
        {"pause_turn", WEIR_STOP_PAUSE},
        {"refusal", WEIR_STOP_FILTER},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(stops); i++)
        if (weir_raw_is(raw, stops[i].word))
            return stops[i].stop;
    return WEIR_STOP_OTHER;
}

static void
emit_stop(struct weir_reading *reading, weir_span reason, weir_span sequence)
{
    struct weir_event event = {.kind = WEIR_EVENT_STOP,
                               .stop = stop_of(reason),
                               .code = weir_escaped(reason),
                               .text = weir_escaped(sequence)};
    if (reason.ptr != NULL)
        reading->emit(reading, &event);
}

/* -------------------------------------------------------------- blocks */

enum {
    B_TYPE,
    B_TEXT,
    B_THINKING,
    B_SIGNATURE,
    B_DATA,
    B_ID,
    B_NAME,
    B_INPUT,
    B_COUNT
};
static const char *const block_names[B_COUNT] = {
    "type", "text", "thinking", "signature", "data", "id", "name", "input"};

static void
emit_redacted(struct weir_reading *reading, weir_span raw)
{
    struct weir_event event = {.kind = WEIR_EVENT_SIGNATURE,
                               .text = weir_escaped(raw),
                               .is_redacted = true};
    reading->emit(reading, &event);
}

static void
emit_tool(struct weir_reading *reading, const weir_span in[B_COUNT])
{
    struct weir_event event = {.kind = WEIR_EVENT_TOOL_CALL,
                               .tool = reading->tool_count++,
                               .id = weir_escaped(in[B_ID]),
                               .name = weir_escaped(in[B_NAME])};
    reading->has_tools = true;
    reading->emit(reading, &event);
}

static void
emit_arguments(struct weir_reading *reading, weir_span escaped)
{
    struct weir_event event = {.kind = WEIR_EVENT_TOOL_ARGUMENTS,
                               .tool = reading->tool_count - 1,
                               .text = escaped};
    reading->emit(reading, &event);
}

/* What stands in a block at once: all of it in a body, seldom anything in a
 * stream. Gives the kind of block. */
static uint32_t
begin_block(struct weir_reading *reading, weir_span block)
{
    weir_span in[B_COUNT];
    if (!weir_raw_pick(block, block_names, B_COUNT, in, NULL, NULL))
        return BLOCK_NONE;
    if (weir_raw_is(in[B_TYPE], "text")) {
        emit_text(reading, WEIR_EVENT_TEXT, in[B_TEXT]);
        return BLOCK_TEXT;
    }
    if (weir_raw_is(in[B_TYPE], "thinking")) {
        emit_text(reading, WEIR_EVENT_REASONING, in[B_THINKING]);
        emit_text(reading, WEIR_EVENT_SIGNATURE, in[B_SIGNATURE]);
        return BLOCK_TEXT;
    }
    if (weir_raw_is(in[B_TYPE], "redacted_thinking")) {
        emit_redacted(reading, in[B_DATA]);
        return BLOCK_TEXT;
    }
    if (weir_raw_is(in[B_TYPE], "tool_use")) {
        emit_tool(reading, in);
        return BLOCK_TOOL;
    }
    struct weir_event event = {.kind = WEIR_EVENT_OTHER, .text = block};
    reading->emit(reading, &event);
    return BLOCK_OTHER;
}

/* The input of a tool call that came in one piece. */
static void
emit_input(struct weir_reading *reading, weir_span block)
{
    static const char *const names[1] = {"input"};
    struct weir_event event = {.kind = WEIR_EVENT_TOOL_ARGUMENTS,
                               .tool = reading->tool_count - 1,
                               .is_raw = true};
    if (!weir_raw_pick(block, names, 1, &event.text, NULL, NULL) ||
        weir_raw_kind(event.text) != WEIR_JSON_OBJECT)
        event.text = WEIR_SPAN("{}");
    reading->emit(reading, &event);
}

static bool
read_delta(struct weir_reading *reading, weir_span delta)
{
    enum { TYPE, TEXT, THINKING, SIGNATURE, JSON, COUNT };
    static const char *const names[COUNT] = {"type", "text", "thinking",
                                             "signature", "partial_json"};
    weir_span in[COUNT];
    if (!weir_raw_pick(delta, names, COUNT, in, NULL, NULL))
        return false;
    if (weir_raw_is(in[TYPE], "text_delta"))
        emit_text(reading, WEIR_EVENT_TEXT, in[TEXT]);
    else if (weir_raw_is(in[TYPE], "thinking_delta"))
        emit_text(reading, WEIR_EVENT_REASONING, in[THINKING]);
    else if (weir_raw_is(in[TYPE], "signature_delta"))
        emit_text(reading, WEIR_EVENT_SIGNATURE, in[SIGNATURE]);
    else if (weir_raw_is(in[TYPE], "input_json_delta") &&
             (reading->block_kind == BLOCK_TOOL ||
              reading->block_kind == BLOCK_TOOL_FED) &&
             in[JSON].len > 2) {
        reading->block_kind = BLOCK_TOOL_FED;
        emit_arguments(reading, weir_escaped(in[JSON]));
    }
    return true;
}

/* ------------------------------------------------------------- message */

static void
emit_start(struct weir_reading *reading, weir_span id, weir_span model)
{
    struct weir_event event = {.kind = WEIR_EVENT_START,
                               .id = weir_escaped(id),
                               .model = weir_escaped(model)};
    if (reading->has_started)
        return;
    reading->has_started = true;
    reading->emit(reading, &event);
}

static bool
read_error(struct weir_reading *reading, weir_span error)
{
    enum { TYPE, MESSAGE, COUNT };
    static const char *const names[COUNT] = {"type", "message"};
    weir_span in[COUNT] = {{0}};
    struct weir_event event = {.kind = WEIR_EVENT_ERROR};
    (void)weir_raw_pick(error, names, COUNT, in, NULL, NULL);
    event.code = weir_escaped(in[TYPE]);
    event.text = weir_escaped(in[MESSAGE]);
    reading->emit(reading, &event);
    return true;
}

static void
emit_end(struct weir_reading *reading)
{
    struct weir_event event = {.kind = WEIR_EVENT_END};
    reading->has_ended = true;
    reading->emit(reading, &event);
}

static bool
read_message_start(struct weir_reading *reading, weir_span message)
{
    enum { ID, MODEL, USAGE, COUNT };
    static const char *const names[COUNT] = {"id", "model", "usage"};
    weir_span in[COUNT];
    if (!weir_raw_pick(message, names, COUNT, in, NULL, NULL))
        return false;
    emit_start(reading, in[ID], in[MODEL]);
    emit_usage(reading, in[USAGE]);
    return true;
}

static bool
read_message_delta(struct weir_reading *reading, weir_span delta,
                   weir_span usage)
{
    enum { REASON, SEQUENCE, COUNT };
    static const char *const names[COUNT] = {"stop_reason", "stop_sequence"};
    weir_span in[COUNT];
    emit_usage(reading, usage);
    if (weir_raw_pick(delta, names, COUNT, in, NULL, NULL))
        emit_stop(reading, in[REASON], in[SEQUENCE]);
    return true;
}

static bool
read_event(struct weir_reading *reading, weir_span name, weir_span data)
{
    enum { TYPE, MESSAGE, BLOCK, DELTA, USAGE, ERROR, COUNT };
    static const char *const names[COUNT] = {
        "type", "message", "content_block", "delta", "usage", "error"};
    weir_span in[COUNT];

    (void)name; /* the same as the type */
    if (!weir_raw_pick(data, names, COUNT, in, NULL, NULL))
        return false;
    if (weir_raw_is(in[TYPE], "content_block_delta"))
        return read_delta(reading, in[DELTA]);
    if (weir_raw_is(in[TYPE], "content_block_start")) {
        reading->block_kind = begin_block(reading, in[BLOCK]);
        return true;
    }
    if (weir_raw_is(in[TYPE], "content_block_stop")) {
        /* A call without arguments has an empty object all the same. */
        if (reading->block_kind == BLOCK_TOOL)
            emit_arguments(reading, WEIR_SPAN("{}"));
        reading->block_kind = BLOCK_NONE;
        return true;
    }
    if (weir_raw_is(in[TYPE], "message_start"))
        return read_message_start(reading, in[MESSAGE]);
    if (weir_raw_is(in[TYPE], "message_delta"))
        return read_message_delta(reading, in[DELTA], in[USAGE]);
    if (weir_raw_is(in[TYPE], "error"))
        return read_error(reading, in[ERROR]);
    if (weir_raw_is(in[TYPE], "message_stop"))
        emit_end(reading);
    return true; /* ping, and what is new */
}

static bool
read_body(struct weir_reading *reading, weir_span body)
{
    enum { TYPE, ID, MODEL, CONTENT, REASON, SEQUENCE, USAGE, ERROR, COUNT };
    static const char *const names[COUNT] = {
        "type",          "id",    "model", "content", "stop_reason",
        "stop_sequence", "usage", "error"};
    weir_span in[COUNT];
    weir_span block;
    struct weir_raw_array array;

    if (!weir_raw_pick(body, names, COUNT, in, NULL, NULL))
        return false;
    if (in[ERROR].ptr != NULL)
        return read_error(reading, in[ERROR]);
    if (!weir_raw_is(in[TYPE], "message"))
        return false;
    emit_start(reading, in[ID], in[MODEL]);
    weir_raw_array_init(&array, in[CONTENT]);
    while (weir_raw_array_next(&array, &block))
        if (begin_block(reading, block) == BLOCK_TOOL)
            emit_input(reading, block);
    emit_usage(reading, in[USAGE]);
    emit_stop(reading, in[REASON], in[SEQUENCE]);
    emit_end(reading);
    return true;
}

const struct weir_reading_ops weir_anthropic_reading = {
    .event = read_event,
    .body = read_body,
};
