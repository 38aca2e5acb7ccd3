/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neutral events as a chat completions reply, streamed or whole.
 *
 * Reasoning goes out as `reasoning_content`, as the origins of this dialect
 * that have it do; what seals it (signatures, encrypted reasoning) as
 * `reasoning_details`. A client that hands the message back with both gives
 * the model its reasoning back: see chat_read.c.
 */
#include "openai.h"

#include <weir/pen.h>
#include <weir/raw.h>

#include <string.h>

/* ---------------------------------------------------------------- both */

static weir_span
reason_of(enum weir_stop stop)
{
    switch (stop) {
    case WEIR_STOP_LENGTH:
    case WEIR_STOP_BROKEN: /* no word for it: not whole, at least */
        return WEIR_SPAN("length");
    case WEIR_STOP_TOOL:
        return WEIR_SPAN("tool_calls");
    case WEIR_STOP_FILTER:
        return WEIR_SPAN("content_filter");
    default:
        return WEIR_SPAN("stop");
    }
}

void
weir_openai_learn(struct weir_writing *writing, const struct weir_event *event)
{
    if (event->kind == WEIR_EVENT_USAGE)
        writing->usage = *event->usage;
    if (event->kind != WEIR_EVENT_START)
        return;
    size_t len = event->id.len < sizeof(writing->id) ? event->id.len
                                                     : sizeof(writing->id);
    if (len > 0)
        memcpy(writing->id, event->id.ptr, len);
    writing->id_len = (uint32_t)len;
    writing->created = event->created != 0 ? event->created : writing->now;
}

static void
put_head(struct weir_writing *writing, struct weir_pen *pen, weir_span object)
{
    weir_pen_open(pen, '{');
    if (writing->id_len > 0)
        weir_pen_member_escaped(pen, "id",
                                (weir_span){writing->id, writing->id_len});
    else
        weir_pen_member_plain(pen, "id", writing->request);
    weir_pen_member_escaped(pen, "object", object);
    weir_pen_member_uint(pen, "created", (uint64_t)writing->created);
    weir_pen_member_plain(pen, "model", writing->model);
}

static void
put_usage(const struct weir_event_usage *usage, struct weir_pen *pen)
{
    const struct weir_usage *counts = &usage->counts;
    weir_pen_name(pen, "usage");
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "prompt_tokens", counts->input_tokens);
    weir_pen_member_uint(pen, "completion_tokens", counts->output_tokens);
    weir_pen_member_uint(pen, "total_tokens",
                         counts->input_tokens + counts->output_tokens);
    weir_pen_name(pen, "prompt_tokens_details");
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "cached_tokens", counts->cached_tokens);
    weir_pen_member_uint(pen, "audio_tokens",
                         counts->audio_input_tokens +
                             counts->audio_cached_tokens);
    if (counts->cache_write_tokens > 0)
        weir_pen_member_uint(pen, "cache_write_tokens",
                             counts->cache_write_tokens);
    weir_pen_close(pen, '}');
    weir_pen_name(pen, "completion_tokens_details");
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "reasoning_tokens", counts->reasoning_tokens);
    weir_pen_member_uint(pen, "audio_tokens", counts->audio_output_tokens);
    weir_pen_lit(pen, "}}");
}

static void
put_details(struct weir_pen *pen, const struct weir_event *event)
{
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "index", 0);
    if (event->is_redacted) {
        weir_pen_member_lit(pen, "type", "reasoning.encrypted");
        weir_pen_member_escaped(pen, "data", event->text);
    } else {
        weir_pen_member_lit(pen, "type", "reasoning.text");
        weir_pen_member_escaped(pen, "signature", event->text);
    }
    weir_pen_close(pen, '}');
}

static void
put_arguments(struct weir_pen *pen, const struct weir_event *event)
{
    if (event->is_raw)
        weir_pen_quote(pen, event->text);
    else
        weir_pen_escaped(pen, event->text);
}

static void
put_thought_signature(struct weir_pen *pen, weir_span signature)
{
    if (signature.len == 0)
        return;
    weir_pen_name(pen, "extra_content");
    weir_pen_lit(pen, "{\"google\":{");
    weir_pen_member_escaped(pen, "thought_signature", signature);
    weir_pen_lit(pen, "}}");
}

/* -------------------------------------------------------------- stream */

static void
begin_chunk(struct weir_writing *writing, struct weir_pen *pen, uint32_t choice)
{
    uint32_t bit = 1u << (choice & 31);
    weir_pen_lit(pen, "data: ");
    put_head(writing, pen, WEIR_SPAN("chat.completion.chunk"));
    weir_pen_name(pen, "choices");
    weir_pen_open(pen, '[');
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "index", choice);
    weir_pen_name(pen, "delta");
    weir_pen_open(pen, '{');
    if ((writing->choices_begun & bit) == 0) {
        writing->choices_begun |= bit;
        weir_pen_member_lit(pen, "role", "assistant");
    }
}

static void
end_chunk(struct weir_pen *pen, const enum weir_stop *stop)
{
    weir_pen_close(pen, '}');
    if (stop != NULL)
        weir_pen_member_escaped(pen, "finish_reason", reason_of(*stop));
    else
        weir_pen_member_raw(pen, "finish_reason", WEIR_SPAN("null"));
    weir_pen_lit(pen, "}]}\n\n");
}

static void
put_text_chunk(struct weir_writing *writing, const char *name,
               const struct weir_event *event)
{
    struct weir_pen pen;
    weir_pen_init_buf(&pen, writing->out);
    begin_chunk(writing, &pen, event->choice);
    weir_pen_member_escaped(&pen, name, event->text);
    end_chunk(&pen, NULL);
}

static void
put_tool_chunk(struct weir_writing *writing, const struct weir_event *event)
{
    bool is_first = event->kind == WEIR_EVENT_TOOL_CALL;
    struct weir_pen pen;
    weir_pen_init_buf(&pen, writing->out);
    begin_chunk(writing, &pen, event->choice);
    weir_pen_name(&pen, "tool_calls");
    weir_pen_open(&pen, '[');
    weir_pen_open(&pen, '{');
    weir_pen_member_uint(&pen, "index", event->tool);
    if (is_first) {
        weir_pen_name(&pen, "id");
        weir_openai_put_call_id(&pen, writing, event);
        weir_pen_member_lit(&pen, "type", "function");
    }
    weir_pen_name(&pen, "function");
    weir_pen_open(&pen, '{');
    if (is_first)
        weir_pen_member_escaped(&pen, "name", event->name);
    weir_pen_name(&pen, "arguments");
    if (is_first)
        weir_pen_lit(&pen, "\"\"");
    else
        put_arguments(&pen, event);
    weir_pen_close(&pen, '}');
    if (is_first)
        put_thought_signature(&pen, event->text);
    weir_pen_lit(&pen, "}]");
    end_chunk(&pen, NULL);
}

/* Some origins give their calls no id; results must name one. */
void
weir_openai_put_call_id(struct weir_pen *pen,
                        const struct weir_writing *writing,
                        const struct weir_event *event)
{
    if (event->id.len > 0) {
        weir_pen_escaped(pen, event->id);
        return;
    }
    weir_pen_lit(pen, "\"call_");
    weir_pen_put(pen, writing->request);
    weir_pen_lit(pen, "_");
    pen->last = ' ';
    weir_pen_uint(pen, event->tool);
    weir_pen_lit(pen, "\"");
}

static void
put_seal_chunk(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    weir_pen_init_buf(&pen, writing->out);
    begin_chunk(writing, &pen, event->choice);
    weir_pen_name(&pen, "reasoning_details");
    weir_pen_open(&pen, '[');
    put_details(&pen, event);
    weir_pen_close(&pen, ']');
    end_chunk(&pen, NULL);
}

static void
put_logprobs_chunk(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    weir_pen_init_buf(&pen, writing->out);
    begin_chunk(writing, &pen, event->choice);
    weir_pen_lit(&pen, "},\"logprobs\":{\"content\":");
    weir_pen_put(&pen, event->text);
    end_chunk(&pen, NULL);
}

static void
put_stop_chunk(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    weir_pen_init_buf(&pen, writing->out);
    begin_chunk(writing, &pen, event->choice);
    end_chunk(&pen, &event->stop);
}

static void
put_end(struct weir_writing *writing)
{
    struct weir_pen pen;
    weir_pen_init_buf(&pen, writing->out);
    if (writing->wants_usage) {
        weir_pen_lit(&pen, "data: ");
        put_head(writing, &pen, WEIR_SPAN("chat.completion.chunk"));
        weir_pen_member_raw(&pen, "choices", WEIR_SPAN("[]"));
        put_usage(&writing->usage, &pen);
        weir_pen_lit(&pen, "}\n\n");
    }
    weir_pen_lit(&pen, "data: [DONE]\n\n");
}

static void
put_error(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    weir_pen_init_buf(&pen, writing->out);
    weir_pen_lit(&pen, "data: {\"error\":{");
    weir_pen_member_escaped(
        &pen, "message",
        event->text.len > 0 ? event->text : WEIR_SPAN("the origin failed"));
    weir_pen_member_lit(&pen, "type", "upstream_error");
    weir_pen_member_raw(&pen, "param", WEIR_SPAN("null"));
    weir_pen_member_escaped(&pen, "code", event->code);
    weir_pen_lit(&pen, "}}\n\n");
}

static void
write_event(struct weir_writing *writing, const struct weir_event *event)
{
    switch (event->kind) {
    case WEIR_EVENT_START:
    case WEIR_EVENT_USAGE:
        weir_openai_learn(writing, event);
        break;
    case WEIR_EVENT_TEXT:
        put_text_chunk(writing, "content", event);
        break;
    case WEIR_EVENT_REASONING:
        put_text_chunk(writing, "reasoning_content", event);
        break;
    case WEIR_EVENT_REFUSAL:
        put_text_chunk(writing, "refusal", event);
        break;
    case WEIR_EVENT_SIGNATURE:
        put_seal_chunk(writing, event);
        break;
    case WEIR_EVENT_TOOL_CALL:
    case WEIR_EVENT_TOOL_ARGUMENTS:
        put_tool_chunk(writing, event);
        break;
    case WEIR_EVENT_LOGPROBS:
        put_logprobs_chunk(writing, event);
        break;
    case WEIR_EVENT_STOP:
        put_stop_chunk(writing, event);
        break;
    case WEIR_EVENT_END:
        put_end(writing);
        break;
    case WEIR_EVENT_ERROR:
        put_error(writing, event);
        break;
    default:
        break;
    }
}

/* --------------------------------------------------------------- whole */

struct gathered {
    struct weir_writing *writing;
    const struct weir_event *events;
    size_t count;
};

/* Text of all events of a kind, as one member. */
static bool
put_joined(const struct gathered *from, struct weir_pen *pen,
           enum weir_event_kind kind, uint32_t choice, const char *name,
           bool is_wanted)
{
    bool has_any = false;
    for (size_t i = 0; i < from->count; i++) {
        const struct weir_event *event = &from->events[i];
        if (event->kind != kind || event->choice != choice)
            continue;
        if (!has_any) {
            weir_pen_name(pen, name);
            weir_pen_lit(pen, "\"");
            has_any = true;
        }
        weir_pen_put(pen, event->text);
    }
    if (has_any)
        weir_pen_lit(pen, "\"");
    else if (is_wanted)
        weir_pen_member_raw(pen, name, WEIR_SPAN("null"));
    return has_any;
}

static void
put_whole_arguments(const struct gathered *from, struct weir_pen *pen,
                    size_t at)
{
    const struct weir_event *call = &from->events[at];
    bool has_any = false;
    weir_pen_name(pen, "arguments");
    for (size_t i = at + 1; i < from->count; i++) {
        const struct weir_event *event = &from->events[i];
        if (event->kind != WEIR_EVENT_TOOL_ARGUMENTS ||
            event->choice != call->choice || event->tool != call->tool)
            continue;
        if (event->is_raw) {
            weir_pen_quote(pen, event->text);
            return;
        }
        if (!has_any)
            weir_pen_lit(pen, "\"");
        has_any = true;
        weir_pen_put(pen, event->text);
    }
    weir_pen_put(pen, has_any ? WEIR_SPAN("\"") : WEIR_SPAN("\"{}\""));
}

static void
put_whole_calls(const struct gathered *from, struct weir_pen *pen,
                uint32_t choice)
{
    bool has_any = false;
    for (size_t i = 0; i < from->count; i++) {
        const struct weir_event *event = &from->events[i];
        if (event->kind != WEIR_EVENT_TOOL_CALL || event->choice != choice)
            continue;
        if (!has_any) {
            weir_pen_name(pen, "tool_calls");
            weir_pen_open(pen, '[');
            has_any = true;
        }
        weir_pen_open(pen, '{');
        weir_pen_name(pen, "id");
        weir_openai_put_call_id(pen, from->writing, event);
        weir_pen_member_lit(pen, "type", "function");
        weir_pen_name(pen, "function");
        weir_pen_open(pen, '{');
        weir_pen_member_escaped(pen, "name", event->name);
        put_whole_arguments(from, pen, i);
        weir_pen_close(pen, '}');
        put_thought_signature(pen, event->text);
        weir_pen_close(pen, '}');
    }
    if (has_any)
        weir_pen_close(pen, ']');
}

static void
put_whole_details(const struct gathered *from, struct weir_pen *pen,
                  uint32_t choice)
{
    bool has_any = false;
    for (size_t i = 0; i < from->count; i++) {
        const struct weir_event *event = &from->events[i];
        if (event->kind != WEIR_EVENT_SIGNATURE || event->choice != choice)
            continue;
        if (!has_any) {
            weir_pen_name(pen, "reasoning_details");
            weir_pen_open(pen, '[');
            has_any = true;
        }
        put_details(pen, event);
    }
    if (has_any)
        weir_pen_close(pen, ']');
}

static void
put_choice(const struct gathered *from, struct weir_pen *pen, uint32_t choice)
{
    enum weir_stop stop = WEIR_STOP_END;
    weir_span logprobs = WEIR_SPAN_NONE;
    for (size_t i = 0; i < from->count; i++) {
        const struct weir_event *event = &from->events[i];
        if (event->choice == choice && event->kind == WEIR_EVENT_STOP)
            stop = event->stop;
        if (event->choice == choice && event->kind == WEIR_EVENT_LOGPROBS)
            logprobs = event->text;
    }
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "index", choice);
    weir_pen_name(pen, "message");
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "role", "assistant");
    put_joined(from, pen, WEIR_EVENT_TEXT, choice, "content", true);
    put_joined(from, pen, WEIR_EVENT_REFUSAL, choice, "refusal", true);
    put_joined(from, pen, WEIR_EVENT_REASONING, choice, "reasoning_content",
               false);
    put_whole_details(from, pen, choice);
    put_whole_calls(from, pen, choice);
    weir_pen_close(pen, '}');
    if (logprobs.ptr != NULL) {
        weir_pen_name(pen, "logprobs");
        weir_pen_open(pen, '{');
        weir_pen_member_raw(pen, "content", logprobs);
        weir_pen_close(pen, '}');
    } else {
        weir_pen_member_raw(pen, "logprobs", WEIR_SPAN("null"));
    }
    weir_pen_member_escaped(pen, "finish_reason", reason_of(stop));
    weir_pen_close(pen, '}');
}

static void
write_whole(struct weir_writing *writing, const struct weir_event *events,
            size_t count)
{
    struct gathered from = {writing, events, count};
    struct weir_pen pen;
    uint32_t choices = 1;

    for (size_t i = 0; i < count; i++) {
        weir_openai_learn(writing, &events[i]);
        if (events[i].choice >= choices && events[i].choice < 128)
            choices = events[i].choice + 1;
    }
    weir_pen_init_buf(&pen, writing->out);
    put_head(writing, &pen, WEIR_SPAN("chat.completion"));
    weir_pen_name(&pen, "choices");
    weir_pen_open(&pen, '[');
    for (uint32_t choice = 0; choice < choices; choice++)
        put_choice(&from, &pen, choice);
    weir_pen_close(&pen, ']');
    put_usage(&writing->usage, &pen);
    weir_pen_lit(&pen, "}\n");
}

const struct weir_writing_ops weir_openai_chat_writing = {
    .event = write_event,
    .whole = write_whole,
};
