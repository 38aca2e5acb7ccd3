/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Responses reply tells, for other dialects. Deltas are taken as they
 * come; of the items that repeat them only what was not said before: the
 * seal of reasoning, and calls whose arguments had no deltas.
 */
#include "openai.h"

#include <weir/raw.h>

static void
emit_text(struct weir_reading *reading, enum weir_event_kind kind,
          weir_span raw)
{
    struct weir_event event = {.kind = kind, .text = weir_escaped(raw)};
    if (event.text.len > 0)
        reading->emit(reading, &event);
}

/* --------------------------------------------------------------- items */

enum { TYPE, CALL_ID, NAME, ARGUMENTS, CONTENT, SUMMARY, ENCRYPTED, COUNT };
static const char *const names[COUNT] = {
    "type",    "call_id",          "name", "arguments", "content",
    "summary", "encrypted_content"};

static void
begin_call(struct weir_reading *reading, const weir_span in[COUNT],
           uint32_t index)
{
    struct weir_event event = {.kind = WEIR_EVENT_TOOL_CALL,
                               .tool = reading->tool_count,
                               .id = weir_escaped(in[CALL_ID]),
                               .name = weir_escaped(in[NAME])};
    if (index < WEIR_COUNTOF(reading->tool_of))
        reading->tool_of[index] = reading->tool_count + 1;
    reading->tool_count++;
    reading->has_tools = true;
    reading->block_kind = 0; /* no arguments yet */
    reading->emit(reading, &event);
}

static void
emit_arguments(struct weir_reading *reading, uint32_t index, weir_span raw)
{
    struct weir_event event = {.kind = WEIR_EVENT_TOOL_ARGUMENTS,
                               .text = weir_escaped(raw)};
    if (event.text.len == 0 || reading->tool_count == 0)
        return;
    event.tool = reading->tool_count - 1;
    if (index < WEIR_COUNTOF(reading->tool_of) && reading->tool_of[index] > 0)
        event.tool = reading->tool_of[index] - 1;
    reading->block_kind = 1;
    reading->emit(reading, &event);
}

static void
emit_seal(struct weir_reading *reading, const weir_span in[COUNT],
          bool has_text)
{
    struct weir_event event = {.kind = WEIR_EVENT_SIGNATURE,
                               .text = weir_escaped(in[ENCRYPTED]),
                               .is_redacted = !has_text};
    if (event.text.len > 0)
        reading->emit(reading, &event);
}

/* Texts of parts; true: there were some. */
static bool
read_parts(struct weir_reading *reading, enum weir_event_kind kind,
           weir_span raw)
{
    static const char *const of[2] = {"text", "refusal"};
    struct weir_raw_array array;
    weir_span part;
    weir_span in[2];
    bool has_any = false;
    weir_raw_array_init(&array, raw);
    while (weir_raw_array_next(&array, &part)) {
        if (!weir_raw_pick(part, of, 2, in, NULL, NULL))
            continue;
        emit_text(reading, kind, in[0]);
        emit_text(reading, WEIR_EVENT_REFUSAL, in[1]);
        has_any = has_any || in[0].len > 2;
    }
    return has_any;
}

/* An item of a whole reply. */
static void
read_item(struct weir_reading *reading, weir_span raw)
{
    weir_span in[COUNT];
    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL))
        return;
    if (weir_raw_is(in[TYPE], "message")) {
        (void)read_parts(reading, WEIR_EVENT_TEXT, in[CONTENT]);
    } else if (weir_raw_is(in[TYPE], "reasoning")) {
        bool has_text = read_parts(reading, WEIR_EVENT_REASONING, in[SUMMARY]);
        if (!has_text)
            has_text = read_parts(reading, WEIR_EVENT_REASONING, in[CONTENT]);
        emit_seal(reading, in, has_text);
    } else if (weir_raw_is(in[TYPE], "function_call")) {
        begin_call(reading, in, UINT32_MAX);
        emit_arguments(reading, UINT32_MAX, in[ARGUMENTS]);
    } else {
        struct weir_event event = {.kind = WEIR_EVENT_OTHER, .text = raw};
        reading->emit(reading, &event);
    }
}

/* At the end of an item of a stream: what its deltas left out. */
static void
end_item(struct weir_reading *reading, weir_span raw, uint32_t index)
{
    weir_span in[COUNT];
    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL))
        return;
    if (weir_raw_is(in[TYPE], "reasoning"))
        emit_seal(reading, in, in[SUMMARY].len > 2 || in[CONTENT].len > 2);
    else if (weir_raw_is(in[TYPE], "function_call") && reading->block_kind == 0)
        emit_arguments(reading, index, in[ARGUMENTS]);
}

/* ------------------------------------------------------------- response */

static void
emit_stop(struct weir_reading *reading, weir_span status, weir_span details)
{
    static const char *const of[1] = {"reason"};
    weir_span reason = WEIR_SPAN_NONE;
    struct weir_event event = {.kind = WEIR_EVENT_STOP,
                               .code = weir_escaped(status),
                               .stop = reading->has_tools ? WEIR_STOP_TOOL
                                                          : WEIR_STOP_END};
    (void)weir_raw_pick(details, of, 1, &reason, NULL, NULL);
    if (weir_raw_is(reason, "content_filter"))
        event.stop = WEIR_STOP_FILTER;
    else if (weir_raw_is(status, "incomplete"))
        event.stop = WEIR_STOP_LENGTH;
    reading->emit(reading, &event);
}

enum { ID, MODEL, CREATED, STATUS, DETAILS, USAGE, ERROR, OUTPUT, RESPONSE };
static const char *const response_names[RESPONSE] = {
    "id",    "model", "created_at", "status", "incomplete_details",
    "usage", "error", "output"};

static void
emit_start(struct weir_reading *reading, const weir_span in[RESPONSE])
{
    struct weir_event event = {
        .kind = WEIR_EVENT_START,
        .id = weir_escaped(in[ID]),
        .model = weir_escaped(in[MODEL]),
        .created = (int64_t)(weir_raw_uint(in[CREATED]) & INT64_MAX)};
    if (reading->has_started)
        return;
    reading->has_started = true;
    reading->emit(reading, &event);
}

static bool
read_response(struct weir_reading *reading, weir_span raw, bool is_over)
{
    weir_span in[RESPONSE];
    if (!weir_raw_pick(raw, response_names, RESPONSE, in, NULL, NULL))
        return false;
    emit_start(reading, in);
    if (!is_over)
        return true;
    weir_openai_emit_usage(reading, in[USAGE]);
    if (in[ERROR].ptr != NULL) {
        weir_openai_emit_error(reading, in[ERROR]);
        return true;
    }
    emit_stop(reading, in[STATUS], in[DETAILS]);
    weir_openai_emit_end(reading);
    return true;
}

static bool
read_event(struct weir_reading *reading, weir_span name, weir_span data)
{
    enum { KIND, BODY, ITEM, DELTA, INDEX, FAULT, MESSAGE, EVENT };
    static const char *const of[EVENT] = {"type",   "response",     "item",
                                          "delta",  "output_index", "error",
                                          "message"};
    weir_span in[EVENT];

    (void)name;
    if (weir_span_starts(data, WEIR_SPAN("[DONE]")))
        return true;
    if (!weir_raw_pick(data, of, EVENT, in, NULL, NULL))
        return false;
    uint32_t index = (uint32_t)weir_raw_uint(in[INDEX]);
    if (weir_raw_is(in[KIND], "response.output_text.delta"))
        emit_text(reading, WEIR_EVENT_TEXT, in[DELTA]);
    else if (weir_raw_is(in[KIND], "response.refusal.delta"))
        emit_text(reading, WEIR_EVENT_REFUSAL, in[DELTA]);
    else if (weir_raw_is(in[KIND], "response.reasoning_summary_text.delta") ||
             weir_raw_is(in[KIND], "response.reasoning_text.delta"))
        emit_text(reading, WEIR_EVENT_REASONING, in[DELTA]);
    else if (weir_raw_is(in[KIND], "response.function_call_arguments.delta"))
        emit_arguments(reading, index, in[DELTA]);
    else if (weir_raw_is(in[KIND], "response.output_item.added")) {
        weir_span item[COUNT];
        if (weir_raw_pick(in[ITEM], names, COUNT, item, NULL, NULL) &&
            weir_raw_is(item[TYPE], "function_call"))
            begin_call(reading, item, index);
    } else if (weir_raw_is(in[KIND], "response.output_item.done"))
        end_item(reading, in[ITEM], index);
    else if (weir_raw_is(in[KIND], "response.created") ||
             weir_raw_is(in[KIND], "response.in_progress"))
        return read_response(reading, in[BODY], false);
    else if (weir_raw_is(in[KIND], "response.completed") ||
             weir_raw_is(in[KIND], "response.incomplete") ||
             weir_raw_is(in[KIND], "response.failed"))
        return read_response(reading, in[BODY], true);
    else if (weir_raw_is(in[KIND], "error"))
        weir_openai_emit_error(reading,
                               in[FAULT].ptr != NULL ? in[FAULT] : data);
    return true;
}

static bool
read_body(struct weir_reading *reading, weir_span body)
{
    weir_span in[RESPONSE];
    weir_span item;
    struct weir_raw_array array;
    if (!weir_raw_pick(body, response_names, RESPONSE, in, NULL, NULL) ||
        (in[OUTPUT].ptr == NULL && in[ERROR].ptr == NULL))
        return false;
    emit_start(reading, in);
    weir_raw_array_init(&array, in[OUTPUT]);
    while (weir_raw_array_next(&array, &item))
        read_item(reading, item);
    return read_response(reading, body, true);
}

const struct weir_reading_ops weir_openai_responses_reading = {
    .event = read_event,
    .body = read_body,
};
