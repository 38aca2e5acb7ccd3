/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a chat completions reply tells, for other dialects.
 *
 * Origins that follow this dialect differ where it says nothing, and all of
 * these are understood: reasoning as `reasoning_content`, as `reasoning`, as
 * `reasoning_details`, or as parts of type `thinking`; usage in the last
 * chunk, in one of its own, in each, or below `x_groq`; tool calls without
 * an index, or all with index 0 and told apart by their ids.
 */
#include "openai.h"

#include <weir/raw.h>

/* --------------------------------------------------------------- usage */

void
weir_openai_emit_usage(struct weir_reading *reading, weir_span raw)
{
    struct weir_event event = {.kind = WEIR_EVENT_USAGE,
                               .usage = &reading->usage};

    if (raw.ptr == NULL ||
        weir_usage_read(raw, &reading->usage.counts, NULL) != WEIR_OK)
        return;
    reading->emit(reading, &event);
}

/* ------------------------------------------------------------- content */

struct choice {
    struct weir_reading *reading;
    uint32_t number;
    bool is_whole; /* a message, not a delta */
};

static void
emit(const struct choice *choice, enum weir_event_kind kind, weir_span escaped)
{
    struct weir_event event = {
        .kind = kind, .choice = choice->number, .text = escaped};
    if (escaped.len > 0)
        choice->reading->emit(choice->reading, &event);
}

/* Parts: {"type":"text","text":...} and {"type":"thinking","thinking":[...]}. */
static void
read_parts(const struct choice *choice, weir_span raw)
{
    enum { TEXT, THINKING, COUNT };
    static const char *const names[COUNT] = {"text", "thinking"};
    struct weir_raw_array parts;
    struct weir_raw_array thoughts;
    weir_span part;
    weir_span in[COUNT];

    weir_raw_array_init(&parts, raw);
    while (weir_raw_array_next(&parts, &part)) {
        if (!weir_raw_pick(part, names, COUNT, in, NULL, NULL))
            continue;
        emit(choice, WEIR_EVENT_TEXT, weir_escaped(in[TEXT]));
        weir_raw_array_init(&thoughts, in[THINKING]);
        while (weir_raw_array_next(&thoughts, &part)) {
            weir_span text;
            if (weir_raw_pick(part, names, 1, &text, NULL, NULL))
                emit(choice, WEIR_EVENT_REASONING, weir_escaped(text));
        }
    }
}

/* Text only where it was not said already, and what seals it. */
static void
read_details(const struct choice *choice, weir_span raw, bool has_text)
{
    enum { TYPE, TEXT, SUMMARY, SIGNATURE, DATA, COUNT };
    static const char *const names[COUNT] = {"type", "text", "summary",
                                             "signature", "data"};
    struct weir_raw_array array;
    weir_span detail;
    weir_span in[COUNT];

    weir_raw_array_init(&array, raw);
    while (weir_raw_array_next(&array, &detail)) {
        struct weir_event event = {.kind = WEIR_EVENT_SIGNATURE,
                                   .choice = choice->number};
        if (!weir_raw_pick(detail, names, COUNT, in, NULL, NULL))
            continue;
        if (!has_text)
            emit(choice, WEIR_EVENT_REASONING,
                 weir_escaped(in[TEXT].ptr != NULL ? in[TEXT] : in[SUMMARY]));
        event.is_redacted = in[DATA].ptr != NULL;
        event.text = weir_escaped(in[event.is_redacted ? DATA : SIGNATURE]);
        if (event.text.len > 0)
            choice->reading->emit(choice->reading, &event);
    }
}

/* ---------------------------------------------------------- tool calls */

/* Which call a delta belongs to; `*is_new` where it begins one. */
static uint32_t
tool_of(const struct choice *choice, weir_span index, weir_span id,
        weir_span name, bool *is_new)
{
    struct weir_reading *reading = choice->reading;
    uint32_t mark = (uint32_t)weir_hash64(id, 0);
    uint64_t number = weir_raw_uint(index);
    const uint32_t known = WEIR_COUNTOF(reading->tool_of);

    if (choice->number != 0) {
        *is_new = id.len > 0 || name.len > 0;
        return (uint32_t)number;
    }
    if (index.ptr == NULL || number >= reading->tool_count) {
        *is_new = index.ptr != NULL || id.len > 0 || name.len > 0 ||
                  reading->tool_count == 0;
    } else {
        /* An index seen before, with the id of another call. */
        *is_new = id.len > 0 && name.len > 0 && number < known &&
                  reading->tool_of[number] != mark;
        if (!*is_new)
            return (uint32_t)number;
    }
    if (!*is_new)
        return reading->tool_count - 1;
    if (reading->tool_count < known)
        reading->tool_of[reading->tool_count] = mark;
    reading->has_tools = true;
    return reading->tool_count++;
}

static void
read_tool_call(const struct choice *choice, weir_span raw)
{
    enum { INDEX, ID, FUNCTION, EXTRA, COUNT };
    static const char *const names[COUNT] = {"index", "id", "function",
                                             "extra_content"};
    enum { NAME, ARGUMENTS, PARTS };
    static const char *const parts[PARTS] = {"name", "arguments"};
    static const char *const google[1] = {"google"};
    static const char *const signature[1] = {"thought_signature"};
    weir_span in[COUNT];
    weir_span of[PARTS] = {{0}};
    weir_span found;
    bool is_new;

    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL))
        return;
    (void)weir_raw_pick(in[FUNCTION], parts, PARTS, of, NULL, NULL);
    struct weir_event event = {.kind = WEIR_EVENT_TOOL_CALL,
                               .choice = choice->number,
                               .id = weir_escaped(in[ID]),
                               .name = weir_escaped(of[NAME])};
    event.tool = tool_of(choice, choice->is_whole ? WEIR_SPAN_NONE : in[INDEX],
                         event.id, event.name, &is_new);
    if (weir_raw_pick(in[EXTRA], google, 1, &found, NULL, NULL) &&
        weir_raw_pick(found, signature, 1, &found, NULL, NULL) &&
        found.ptr != NULL)
        event.text = weir_escaped(found);
    if (is_new)
        choice->reading->emit(choice->reading, &event);
    event.kind = WEIR_EVENT_TOOL_ARGUMENTS;
    /* Some write an object where a string is meant. */
    event.is_raw = weir_raw_kind(of[ARGUMENTS]) == WEIR_JSON_OBJECT;
    event.text = event.is_raw ? of[ARGUMENTS] : weir_escaped(of[ARGUMENTS]);
    if (event.text.len > 0)
        choice->reading->emit(choice->reading, &event);
}

/* ------------------------------------------------------------- choices */

static void
read_message(const struct choice *choice, weir_span raw)
{
    enum { CONTENT, THOUGHT, THOUGHT2, DETAILS, REFUSAL, CALLS, COUNT };
    static const char *const names[COUNT] = {"content",   "reasoning_content",
                                             "reasoning", "reasoning_details",
                                             "refusal",   "tool_calls"};
    struct weir_raw_array array;
    weir_span call;
    weir_span in[COUNT];

    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL))
        return;
    weir_span thought = in[THOUGHT].ptr != NULL ? in[THOUGHT] : in[THOUGHT2];
    emit(choice, WEIR_EVENT_REASONING, weir_escaped(thought));
    read_details(choice, in[DETAILS], thought.len > 2);
    if (weir_raw_kind(in[CONTENT]) == WEIR_JSON_ARRAY)
        read_parts(choice, in[CONTENT]);
    else
        emit(choice, WEIR_EVENT_TEXT, weir_escaped(in[CONTENT]));
    emit(choice, WEIR_EVENT_REFUSAL, weir_escaped(in[REFUSAL]));
    weir_raw_array_init(&array, in[CALLS]);
    while (weir_raw_array_next(&array, &call))
        read_tool_call(choice, call);
}

static void
emit_stop(const struct choice *choice, weir_span reason)
{
    static const struct {
        const char *word;
        enum weir_stop stop;
    } stops[] = {
        {"stop", WEIR_STOP_END},
        {"length", WEIR_STOP_LENGTH},
        {"tool_calls", WEIR_STOP_TOOL},
        {"function_call", WEIR_STOP_TOOL},
        {"content_filter", WEIR_STOP_FILTER},
        /* Words of compatible ones. */
        {"model_length", WEIR_STOP_LENGTH},
        {"error", WEIR_STOP_BROKEN},
        {"abort", WEIR_STOP_BROKEN},
        {"insufficient_system_resource", WEIR_STOP_BROKEN},
    };
    struct weir_event event = {.kind = WEIR_EVENT_STOP,
                               .choice = choice->number,
                               .stop = WEIR_STOP_OTHER,
                               .code = weir_escaped(reason)};
    if (event.code.len == 0)
        return;
    for (size_t i = 0; i < WEIR_COUNTOF(stops); i++)
        if (weir_raw_is(reason, stops[i].word))
            event.stop = stops[i].stop;
    choice->reading->emit(choice->reading, &event);
}

static void
read_choice(struct weir_reading *reading, weir_span raw)
{
    enum { INDEX, DELTA, MESSAGE, REASON, LOGPROBS, COUNT };
    static const char *const names[COUNT] = {"index", "delta", "message",
                                             "finish_reason", "logprobs"};
    static const char *const content[1] = {"content"};
    weir_span in[COUNT];
    weir_span tokens;

    if (!weir_raw_pick(raw, names, COUNT, in, NULL, NULL))
        return;
    struct choice choice = {reading, (uint32_t)weir_raw_uint(in[INDEX]),
                            in[MESSAGE].ptr != NULL};
    read_message(&choice, choice.is_whole ? in[MESSAGE] : in[DELTA]);
    if (weir_raw_pick(in[LOGPROBS], content, 1, &tokens, NULL, NULL) &&
        tokens.ptr != NULL)
        emit(&choice, WEIR_EVENT_LOGPROBS, tokens);
    emit_stop(&choice, in[REASON]);
}

/* --------------------------------------------------------------- reply */

void
weir_openai_emit_error(struct weir_reading *reading, weir_span error)
{
    enum { MESSAGE, CODE, TYPE, COUNT };
    static const char *const names[COUNT] = {"message", "code", "type"};
    weir_span in[COUNT] = {{0}};
    struct weir_event event = {.kind = WEIR_EVENT_ERROR};
    if (weir_raw_kind(error) == WEIR_JSON_STRING)
        in[MESSAGE] = error;
    else
        (void)weir_raw_pick(error, names, COUNT, in, NULL, NULL);
    event.text = weir_escaped(in[MESSAGE]);
    event.code = weir_escaped(
        weir_raw_kind(in[CODE]) == WEIR_JSON_STRING ? in[CODE] : in[TYPE]);
    reading->emit(reading, &event);
}

static bool
read_reply(struct weir_reading *reading, weir_span data)
{
    enum { ID, MODEL, CREATED, CHOICES, USAGE, ERROR, GROQ, COUNT };
    static const char *const names[COUNT] = {
        "id", "model", "created", "choices", "usage", "error", "x_groq"};
    static const char *const usage[1] = {"usage"};
    weir_span in[COUNT];
    weir_span choice;
    struct weir_raw_array array;

    if (!weir_raw_pick(data, names, COUNT, in, NULL, NULL))
        return false;
    if (in[ERROR].ptr != NULL) {
        weir_openai_emit_error(reading, in[ERROR]);
        return true;
    }
    if (!reading->has_started &&
        (in[ID].ptr != NULL || in[CHOICES].ptr != NULL)) {
        struct weir_event event = {
            .kind = WEIR_EVENT_START,
            .id = weir_escaped(in[ID]),
            .model = weir_escaped(in[MODEL]),
            .created = (int64_t)(weir_raw_uint(in[CREATED]) & INT64_MAX)};
        reading->has_started = true;
        reading->emit(reading, &event);
    }
    weir_raw_array_init(&array, in[CHOICES]);
    while (weir_raw_array_next(&array, &choice))
        read_choice(reading, choice);
    if (in[USAGE].ptr == NULL &&
        !weir_raw_pick(in[GROQ], usage, 1, &in[USAGE], NULL, NULL))
        in[USAGE] = WEIR_SPAN_NONE;
    weir_openai_emit_usage(reading, in[USAGE]);
    return true;
}

void
weir_openai_emit_end(struct weir_reading *reading)
{
    struct weir_event event = {.kind = WEIR_EVENT_END};
    reading->has_ended = true;
    reading->emit(reading, &event);
}

static bool
read_event(struct weir_reading *reading, weir_span name, weir_span data)
{
    (void)name;
    if (weir_span_starts(data, WEIR_SPAN("[DONE]"))) {
        weir_openai_emit_end(reading);
        return true;
    }
    return read_reply(reading, data);
}

static bool
read_body(struct weir_reading *reading, weir_span body)
{
    if (!read_reply(reading, body))
        return false;
    if (!reading->has_started)
        return false; /* JSON, but no reply */
    weir_openai_emit_end(reading);
    return true;
}

const struct weir_reading_ops weir_openai_chat_reading = {
    .event = read_event,
    .body = read_body,
};
