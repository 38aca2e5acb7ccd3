/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neutral events as a Messages reply, streamed or whole.
 *
 * A stream here is a row of blocks that are opened and closed, where others
 * have deltas only: a block is closed when something of another kind comes.
 * Other origins count tokens at the end, so message_start says 0 and the
 * message_delta before the end says what there was, input included.
 */
#include "anthropic.h"

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
        return WEIR_SPAN("max_tokens");
    case WEIR_STOP_SEQUENCE:
        return WEIR_SPAN("stop_sequence");
    case WEIR_STOP_TOOL:
        return WEIR_SPAN("tool_use");
    case WEIR_STOP_FILTER:
        return WEIR_SPAN("refusal");
    case WEIR_STOP_PAUSE:
        return WEIR_SPAN("pause_turn");
    default:
        return WEIR_SPAN("end_turn");
    }
}

static void
learn(struct weir_writing *writing, const struct weir_event *event)
{
    size_t len;
    switch (event->kind) {
    case WEIR_EVENT_START:
        len = event->id.len < sizeof(writing->id) ? event->id.len
                                                  : sizeof(writing->id);
        if (len > 0)
            memcpy(writing->id, event->id.ptr, len);
        writing->id_len = (uint32_t)len;
        break;
    case WEIR_EVENT_USAGE:
        writing->usage = *event->usage;
        break;
    case WEIR_EVENT_STOP:
        if (event->choice != 0)
            break;
        writing->has_stopped = true;
        writing->stop = event->stop;
        writing->stop_len = event->stop == WEIR_STOP_SEQUENCE &&
                                    event->text.len < sizeof(writing->stop_text)
                                ? (uint32_t)event->text.len
                                : 0;
        if (writing->stop_len > 0)
            memcpy(writing->stop_text, event->text.ptr, writing->stop_len);
        break;
    default:
        break;
    }
}

static void
put_id(const struct weir_writing *writing, struct weir_pen *pen)
{
    weir_pen_name(pen, "id");
    if (writing->id_len > 0) {
        weir_pen_escaped(pen, (weir_span){writing->id, writing->id_len});
        return;
    }
    weir_pen_lit(pen, "\"msg_");
    weir_pen_put(pen, writing->request);
    weir_pen_lit(pen, "\"");
}

static void
put_call_id(const struct weir_writing *writing, struct weir_pen *pen,
            const struct weir_event *event)
{
    weir_pen_name(pen, "id");
    if (event->id.len > 0) {
        weir_pen_escaped(pen, event->id);
        return;
    }
    weir_pen_lit(pen, "\"toolu_");
    weir_pen_put(pen, writing->request);
    weir_pen_lit(pen, "_");
    pen->last = ' ';
    weir_pen_uint(pen, event->tool);
    weir_pen_lit(pen, "\"");
}

static void
put_usage(const struct weir_event_usage *usage, struct weir_pen *pen)
{
    const struct weir_usage *counts = &usage->counts;
    uint64_t beside = counts->cached_tokens + counts->cache_write_tokens;
    weir_pen_name(pen, "usage");
    weir_pen_open(pen, '{');
    weir_pen_member_uint(
        pen, "input_tokens",
        counts->input_tokens > beside ? counts->input_tokens - beside : 0);
    weir_pen_member_uint(pen, "cache_creation_input_tokens",
                         counts->cache_write_tokens);
    weir_pen_member_uint(pen, "cache_read_input_tokens", counts->cached_tokens);
    weir_pen_member_uint(pen, "output_tokens", counts->output_tokens);
    weir_pen_close(pen, '}');
}

static void
put_stop(const struct weir_writing *writing, struct weir_pen *pen)
{
    weir_pen_member_escaped(pen, "stop_reason", reason_of(writing->stop));
    if (writing->stop_len > 0)
        weir_pen_member_escaped(
            pen, "stop_sequence",
            (weir_span){writing->stop_text, writing->stop_len});
    else
        weir_pen_member_raw(pen, "stop_sequence", WEIR_SPAN("null"));
}

static void
put_message(const struct weir_writing *writing, struct weir_pen *pen)
{
    weir_pen_open(pen, '{');
    put_id(writing, pen);
    weir_pen_member_lit(pen, "type", "message");
    weir_pen_member_lit(pen, "role", "assistant");
    weir_pen_member_plain(pen, "model", writing->model);
    weir_pen_name(pen, "content");
    weir_pen_open(pen, '[');
}

/* -------------------------------------------------------------- stream */

static void
begin_event(struct weir_writing *writing, struct weir_pen *pen,
            const char *type)
{
    weir_pen_init_buf(pen, writing->out);
    weir_pen_lit(pen, "event: ");
    weir_pen_put(pen, weir_span_of(type));
    weir_pen_lit(pen, "\ndata: ");
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "type", weir_span_of(type));
}

static void
start(struct weir_writing *writing)
{
    struct weir_pen pen;
    if (writing->has_started)
        return;
    writing->has_started = true;
    begin_event(writing, &pen, "message_start");
    weir_pen_name(&pen, "message");
    put_message(writing, &pen);
    weir_pen_lit(&pen, "],\"stop_reason\":null,\"stop_sequence\":null");
    put_usage(&writing->usage, &pen);
    weir_pen_lit(&pen, "}}\n\n");
}

static void
close_block(struct weir_writing *writing)
{
    struct weir_pen pen;
    if (writing->block == WEIR_BLOCK_NONE)
        return;
    begin_event(writing, &pen, "content_block_stop");
    weir_pen_member_uint(&pen, "index", writing->block_count - 1);
    weir_pen_lit(&pen, "}\n\n");
    writing->block = WEIR_BLOCK_NONE;
}

/* Opens a block, up to the members that make it what it is. */
static void
begin_block(struct weir_writing *writing, struct weir_pen *pen,
            enum weir_block kind, const char *type)
{
    start(writing);
    close_block(writing);
    writing->block = kind;
    begin_event(writing, pen, "content_block_start");
    weir_pen_member_uint(pen, "index", writing->block_count++);
    weir_pen_name(pen, "content_block");
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(pen, "type", weir_span_of(type));
}

static void
put_delta(struct weir_writing *writing, uint32_t block, const char *type,
          const char *name, const struct weir_event *event)
{
    struct weir_pen pen;
    begin_event(writing, &pen, "content_block_delta");
    weir_pen_member_uint(&pen, "index", block);
    weir_pen_name(&pen, "delta");
    weir_pen_open(&pen, '{');
    weir_pen_member_escaped(&pen, "type", weir_span_of(type));
    weir_pen_name(&pen, name);
    if (event->is_raw)
        weir_pen_quote(&pen, event->text);
    else
        weir_pen_escaped(&pen, event->text);
    weir_pen_lit(&pen, "}}\n\n");
}

static void
put_text(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    if (writing->block != WEIR_BLOCK_TEXT) {
        begin_block(writing, &pen, WEIR_BLOCK_TEXT, "text");
        weir_pen_lit(&pen, ",\"text\":\"\"}}\n\n");
    }
    put_delta(writing, writing->block_count - 1, "text_delta", "text", event);
}

static void
put_reasoning(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    if (writing->block != WEIR_BLOCK_REASONING) {
        begin_block(writing, &pen, WEIR_BLOCK_REASONING, "thinking");
        weir_pen_lit(&pen, ",\"thinking\":\"\",\"signature\":\"\"}}\n\n");
    }
    put_delta(writing, writing->block_count - 1, "thinking_delta", "thinking",
              event);
}

static void
put_signature(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    if (event->is_redacted) {
        begin_block(writing, &pen, WEIR_BLOCK_REFUSAL, "redacted_thinking");
        weir_pen_member_escaped(&pen, "data", event->text);
        weir_pen_lit(&pen, "}}\n\n");
        close_block(writing);
        return;
    }
    /* A seal on an empty thought: thinking that is not shown. */
    if (writing->block != WEIR_BLOCK_REASONING) {
        begin_block(writing, &pen, WEIR_BLOCK_REASONING, "thinking");
        weir_pen_lit(&pen, ",\"thinking\":\"\",\"signature\":\"\"}}\n\n");
    }
    put_delta(writing, writing->block_count - 1, "signature_delta", "signature",
              event);
}

static void
put_tool(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    begin_block(writing, &pen, WEIR_BLOCK_TOOL, "tool_use");
    put_call_id(writing, &pen, event);
    weir_pen_member_escaped(&pen, "name", event->name);
    weir_pen_lit(&pen, ",\"input\":{}}}\n\n");
    writing->tool = event->tool;
    if (event->tool < WEIR_COUNTOF(writing->block_of))
        writing->block_of[event->tool] = writing->block_count - 1;
}

/* SDKs file a delta by its block's number, also behind the next one. */
static void
put_arguments(struct weir_writing *writing, const struct weir_event *event)
{
    uint32_t block = writing->block_count - 1;
    if (writing->block_count == 0)
        return;
    if (event->tool < WEIR_COUNTOF(writing->block_of))
        block = writing->block_of[event->tool];
    put_delta(writing, block, "input_json_delta", "partial_json", event);
}

static void
put_end(struct weir_writing *writing)
{
    struct weir_pen pen;
    start(writing);
    close_block(writing);
    begin_event(writing, &pen, "message_delta");
    weir_pen_name(&pen, "delta");
    weir_pen_open(&pen, '{');
    put_stop(writing, &pen);
    weir_pen_close(&pen, '}');
    put_usage(&writing->usage, &pen);
    weir_pen_lit(&pen, "}\n\n");
    begin_event(writing, &pen, "message_stop");
    weir_pen_lit(&pen, "}\n\n");
}

static void
put_error(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    begin_event(writing, &pen, "error");
    weir_pen_name(&pen, "error");
    weir_pen_open(&pen, '{');
    weir_pen_member_lit(&pen, "type", "api_error");
    weir_pen_member_escaped(
        &pen, "message",
        event->text.len > 0 ? event->text : WEIR_SPAN("the origin failed"));
    weir_pen_member_escaped(&pen, "code", event->code);
    weir_pen_lit(&pen, "}}\n\n");
}

static void
write_event(struct weir_writing *writing, const struct weir_event *event)
{
    learn(writing, event);
    if (event->choice != 0)
        return; /* there is one answer in this dialect */
    switch (event->kind) {
    case WEIR_EVENT_START:
        start(writing);
        break;
    case WEIR_EVENT_TEXT:
    case WEIR_EVENT_REFUSAL:
        put_text(writing, event);
        break;
    case WEIR_EVENT_REASONING:
        put_reasoning(writing, event);
        break;
    case WEIR_EVENT_SIGNATURE:
        put_signature(writing, event);
        break;
    case WEIR_EVENT_TOOL_CALL:
        put_tool(writing, event);
        break;
    case WEIR_EVENT_TOOL_ARGUMENTS:
        put_arguments(writing, event);
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

static bool
is_text(const struct weir_event *event)
{
    return event->kind == WEIR_EVENT_TEXT || event->kind == WEIR_EVENT_REFUSAL;
}

/* Neighbours of one kind are one block; gives where it ends. */
static size_t
put_run(struct weir_pen *pen, const struct weir_event *events, size_t count,
        size_t at)
{
    bool is_thought = events[at].kind == WEIR_EVENT_REASONING;
    weir_pen_open(pen, '{');
    weir_pen_member_escaped(
        pen, "type", is_thought ? WEIR_SPAN("thinking") : WEIR_SPAN("text"));
    weir_pen_name(pen, is_thought ? "thinking" : "text");
    weir_pen_lit(pen, "\"");
    for (; at < count && (is_thought ? events[at].kind == WEIR_EVENT_REASONING
                                     : is_text(&events[at]));
         at++)
        weir_pen_put(pen, events[at].text);
    weir_pen_lit(pen, "\"");
    if (is_thought) {
        bool is_sealed = at < count &&
                         events[at].kind == WEIR_EVENT_SIGNATURE &&
                         !events[at].is_redacted;
        weir_pen_member_escaped(pen, "signature",
                                is_sealed ? events[at].text : WEIR_SPAN(""));
        at += is_sealed ? 1 : 0;
    }
    weir_pen_close(pen, '}');
    return at;
}

static void
put_whole_tool(struct weir_writing *writing, struct weir_pen *pen,
               const struct weir_event *events, size_t count, size_t at)
{
    weir_pen_open(pen, '{');
    weir_pen_member_lit(pen, "type", "tool_use");
    put_call_id(writing, pen, &events[at]);
    weir_pen_member_escaped(pen, "name", events[at].name);
    weir_pen_member_raw(pen, "input",
                        weir_events_arguments(events, count, at, &writing->text,
                                              &writing->room));
    weir_pen_close(pen, '}');
}

static void
put_seal(struct weir_pen *pen, const struct weir_event *event)
{
    weir_pen_open(pen, '{');
    if (event->is_redacted) {
        weir_pen_member_lit(pen, "type", "redacted_thinking");
        weir_pen_member_escaped(pen, "data", event->text);
    } else {
        weir_pen_member_lit(pen, "type", "thinking");
        weir_pen_member_lit(pen, "thinking", "");
        weir_pen_member_escaped(pen, "signature", event->text);
    }
    weir_pen_close(pen, '}');
}

static void
write_whole(struct weir_writing *writing, const struct weir_event *events,
            size_t count)
{
    struct weir_pen pen;
    for (size_t i = 0; i < count; i++)
        learn(writing, &events[i]);
    weir_pen_init_buf(&pen, writing->out);
    put_message(writing, &pen);
    for (size_t i = 0; i < count;) {
        const struct weir_event *event = &events[i];
        if (event->choice == 0 &&
            (is_text(event) || event->kind == WEIR_EVENT_REASONING)) {
            i = put_run(&pen, events, count, i);
            continue;
        }
        if (event->choice == 0 && event->kind == WEIR_EVENT_TOOL_CALL)
            put_whole_tool(writing, &pen, events, count, i);
        if (event->choice == 0 && event->kind == WEIR_EVENT_SIGNATURE)
            put_seal(&pen, event);
        i++;
    }
    weir_pen_close(&pen, ']');
    put_stop(writing, &pen);
    put_usage(&writing->usage, &pen);
    weir_pen_lit(&pen, "}\n");
    if (writing->text.overflow || writing->room.overflow)
        writing->is_broken = true;
}

const struct weir_writing_ops weir_anthropic_writing = {
    .event = write_event,
    .whole = write_whole,
};
