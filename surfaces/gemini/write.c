/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neutral events as generateContent replies, streamed or whole.
 *
 * A call of a function comes whole in this dialect, so the arguments of one
 * are gathered until something else comes. The last event has the reason of
 * the end and the usage.
 */
#include "gemini.h"

#include <weir/pen.h>
#include <weir/raw.h>

#include <string.h>

static weir_span
reason_of(enum weir_stop stop)
{
    switch (stop) {
    case WEIR_STOP_LENGTH:
        return WEIR_SPAN("MAX_TOKENS");
    case WEIR_STOP_FILTER:
        return WEIR_SPAN("SAFETY");
    case WEIR_STOP_BROKEN:
        return WEIR_SPAN("MALFORMED_RESPONSE");
    case WEIR_STOP_OTHER:
        return WEIR_SPAN("OTHER");
    default:
        return WEIR_SPAN("STOP");
    }
}

static void
learn(struct weir_writing *writing, const struct weir_event *event)
{
    if (event->kind == WEIR_EVENT_USAGE)
        writing->usage = *event->usage;
    if (event->kind == WEIR_EVENT_STOP && event->choice == 0)
        writing->stop = event->stop;
    if (event->kind != WEIR_EVENT_START)
        return;
    size_t len = event->id.len < sizeof(writing->id) ? event->id.len
                                                     : sizeof(writing->id);
    if (len > 0)
        memcpy(writing->id, event->id.ptr, len);
    writing->id_len = (uint32_t)len;
}

static void
put_tail(const struct weir_writing *writing, struct weir_pen *pen)
{
    weir_pen_member_plain(pen, "modelVersion", writing->model);
    if (writing->id_len > 0)
        weir_pen_member_escaped(pen, "responseId",
                                (weir_span){writing->id, writing->id_len});
    else
        weir_pen_member_plain(pen, "responseId", writing->request);
}

static void
put_usage(const struct weir_event_usage *usage, struct weir_pen *pen)
{
    const struct weir_usage *counts = &usage->counts;
    uint64_t answer = counts->output_tokens > counts->reasoning_tokens
                          ? counts->output_tokens - counts->reasoning_tokens
                          : 0;
    weir_pen_name(pen, "usageMetadata");
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "promptTokenCount", counts->input_tokens);
    weir_pen_member_uint(pen, "candidatesTokenCount", answer);
    if (counts->cached_tokens > 0)
        weir_pen_member_uint(pen, "cachedContentTokenCount",
                             counts->cached_tokens);
    if (counts->reasoning_tokens > 0)
        weir_pen_member_uint(pen, "thoughtsTokenCount",
                             counts->reasoning_tokens);
    weir_pen_member_uint(pen, "totalTokenCount",
                         counts->input_tokens + counts->output_tokens);
    weir_pen_close(pen, '}');
}

/* Signatures are bytes here, in base64: others' words may be none. */
static bool
is_base64(weir_span text)
{
    if (text.len == 0 || text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c >= '0' && c <= '9') || c == '+' || c == '/' ||
              (c == '=' && i + 2 >= text.len)))
            return false;
    }
    return true;
}

static void
put_text_part(struct weir_pen *pen, const struct weir_event *event)
{
    weir_pen_open(pen, '{');
    if (event->kind == WEIR_EVENT_SIGNATURE)
        weir_pen_member_lit(pen, "text", "");
    else
        weir_pen_member_escaped(pen, "text", event->text);
    if (event->kind == WEIR_EVENT_REASONING ||
        event->kind == WEIR_EVENT_SIGNATURE)
        weir_pen_member_raw(pen, "thought", WEIR_SPAN("true"));
    if (event->kind == WEIR_EVENT_SIGNATURE)
        weir_pen_member_escaped(pen, "thoughtSignature", event->text);
    weir_pen_close(pen, '}');
}

/* A call up to its arguments: the two objects stay open. */
static void
begin_call(struct weir_pen *pen, const struct weir_event *event)
{
    weir_pen_open(pen, '{');
    if (is_base64(event->text))
        weir_pen_member_escaped(pen, "thoughtSignature", event->text);
    weir_pen_name(pen, "functionCall");
    weir_pen_open(pen, '{');
    if (event->id.len > 0)
        weir_pen_member_escaped(pen, "id", event->id);
    weir_pen_member_escaped(pen, "name", event->name);
    weir_pen_name(pen, "args");
}

static bool
is_part(const struct weir_event *event)
{
    return event->kind == WEIR_EVENT_TEXT ||
           event->kind == WEIR_EVENT_REFUSAL ||
           event->kind == WEIR_EVENT_REASONING ||
           (event->kind == WEIR_EVENT_SIGNATURE && is_base64(event->text));
}

/* -------------------------------------------------------------- stream */

static void
begin_chunk(struct weir_writing *writing, struct weir_pen *pen, uint32_t choice)
{
    weir_pen_init_buf(pen, writing->out);
    weir_pen_lit(pen, "data: {\"candidates\":[{");
    weir_pen_member_uint(pen, "index", choice);
    weir_pen_name(pen, "content");
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "role", "model");
    weir_pen_name(pen, "parts");
    weir_pen_open(pen, '[');
}

static void
end_chunk(struct weir_writing *writing, struct weir_pen *pen)
{
    weir_pen_lit(pen, "]}}]");
    put_tail(writing, pen);
    weir_pen_lit(pen, "}\r\n\r\n");
}

/* The call that was being gathered. */
static void
put_gathered(struct weir_writing *writing)
{
    struct weir_pen pen;
    if (writing->block != WEIR_BLOCK_TOOL)
        return;
    writing->block = WEIR_BLOCK_NONE;
    begin_chunk(writing, &pen, 0);
    weir_pen_put(&pen, weir_buf_span(&writing->items));
    pen.last = ':';
    weir_pen_raw(&pen, writing->has_raw ? weir_buf_span(&writing->text)
                                        : weir_object_of_escaped(
                                              weir_buf_span(&writing->text),
                                              &writing->room));
    weir_pen_lit(&pen, "}}");
    end_chunk(writing, &pen);
    if (writing->text.overflow || writing->items.overflow ||
        writing->room.overflow)
        writing->is_broken = true;
}

static void
gather_call(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    put_gathered(writing);
    weir_buf_reset(&writing->items);
    weir_buf_reset(&writing->text);
    weir_pen_init_buf(&pen, &writing->items);
    begin_call(&pen, event);
    writing->block = WEIR_BLOCK_TOOL;
    writing->tool = event->tool;
    writing->has_raw = false;
}

static void
gather_arguments(struct weir_writing *writing, const struct weir_event *event)
{
    /* Two calls at once cannot be said piece by piece. */
    if (writing->block != WEIR_BLOCK_TOOL || event->tool != writing->tool) {
        writing->is_broken = true;
        return;
    }
    writing->has_raw = event->is_raw;
    weir_buf_add_span(&writing->text, event->text);
}

static void
put_end(struct weir_writing *writing)
{
    struct weir_pen pen;
    weir_pen_init_buf(&pen, writing->out);
    weir_pen_lit(&pen, "data: {\"candidates\":[{\"index\":0,\"content\":"
                       "{\"role\":\"model\",\"parts\":[]}");
    weir_pen_member_escaped(&pen, "finishReason", reason_of(writing->stop));
    weir_pen_lit(&pen, "}]");
    put_usage(&writing->usage, &pen);
    put_tail(writing, &pen);
    weir_pen_lit(&pen, "}\r\n\r\n");
}

static void
put_error(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    weir_pen_init_buf(&pen, writing->out);
    weir_pen_lit(&pen, "data: {\"error\":{\"code\":500");
    weir_pen_member_escaped(
        &pen, "message",
        event->text.len > 0 ? event->text : WEIR_SPAN("the origin failed"));
    weir_pen_member_escaped(&pen, "status",
                            event->code.len > 0 ? event->code
                                                : WEIR_SPAN("INTERNAL"));
    weir_pen_lit(&pen, "}}\r\n\r\n");
}

static void
write_event(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    learn(writing, event);
    if (is_part(event)) {
        put_gathered(writing);
        begin_chunk(writing, &pen, event->choice);
        put_text_part(&pen, event);
        end_chunk(writing, &pen);
    } else if (event->kind == WEIR_EVENT_TOOL_CALL) {
        gather_call(writing, event);
    } else if (event->kind == WEIR_EVENT_TOOL_ARGUMENTS) {
        gather_arguments(writing, event);
    } else if (event->kind == WEIR_EVENT_END) {
        put_gathered(writing);
        put_end(writing);
    } else if (event->kind == WEIR_EVENT_ERROR) {
        put_error(writing, event);
    }
}

/* --------------------------------------------------------------- whole */

static void
put_candidate(struct weir_writing *writing, struct weir_pen *pen,
              const struct weir_event *events, size_t count, uint32_t choice)
{
    enum weir_stop stop = WEIR_STOP_END;
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "index", choice);
    weir_pen_name(pen, "content");
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "role", "model");
    weir_pen_name(pen, "parts");
    weir_pen_open(pen, '[');
    for (size_t i = 0; i < count; i++) {
        if (events[i].choice != choice)
            continue;
        if (events[i].kind == WEIR_EVENT_STOP)
            stop = events[i].stop;
        if (is_part(&events[i]))
            put_text_part(pen, &events[i]);
        if (events[i].kind != WEIR_EVENT_TOOL_CALL)
            continue;
        begin_call(pen, &events[i]);
        weir_pen_raw(pen,
                     weir_events_arguments(events, count, i, &writing->text,
                                           &writing->room));
        weir_pen_lit(pen, "}}");
    }
    weir_pen_lit(pen, "]}");
    weir_pen_member_escaped(pen, "finishReason", reason_of(stop));
    weir_pen_close(pen, '}');
}

static void
write_whole(struct weir_writing *writing, const struct weir_event *events,
            size_t count)
{
    struct weir_pen pen;
    uint32_t choices = 1;
    for (size_t i = 0; i < count; i++) {
        learn(writing, &events[i]);
        if (events[i].choice >= choices && events[i].choice < 128)
            choices = events[i].choice + 1;
    }
    weir_pen_init_buf(&pen, writing->out);
    weir_pen_lit(&pen, "{\"candidates\":[");
    for (uint32_t choice = 0; choice < choices; choice++)
        put_candidate(writing, &pen, events, count, choice);
    weir_pen_close(&pen, ']');
    put_usage(&writing->usage, &pen);
    put_tail(writing, &pen);
    weir_pen_lit(&pen, "}\n");
    if (writing->text.overflow || writing->room.overflow)
        writing->is_broken = true;
}

const struct weir_writing_ops weir_gemini_writing = {
    .event = write_event,
    .whole = write_whole,
};
