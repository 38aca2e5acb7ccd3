/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neutral events as a Responses reply, streamed or whole.
 *
 * Everything is said three times here: piece by piece, at the end of each
 * item, and in the response that the last event carries. So the text of the
 * open item is gathered (`text`), closed items are kept as JSON (`items`),
 * and what an item needs at its end (`room`: the names of a call, the seal
 * of a thought) waits there. A whole reply is the last event's response.
 */
#include "openai.h"

#include <weir/pen.h>
#include <weir/raw.h>

#include <string.h>

/* --------------------------------------------------------------- parts */

static void
put_own_id(struct weir_pen *pen, const struct weir_writing *writing,
           const char *prefix, uint32_t number)
{
    weir_pen_comma(pen);
    weir_pen_lit(pen, "\"");
    weir_pen_put(pen, weir_span_of(prefix));
    weir_pen_put(pen, writing->request);
    if (number != UINT32_MAX) {
        weir_pen_lit(pen, "_");
        pen->last = ' ';
        weir_pen_uint(pen, number);
    }
    weir_pen_lit(pen, "\"");
}

static const char *
prefix_of(enum weir_block block)
{
    if (block == WEIR_BLOCK_REASONING)
        return "rs_";
    return block == WEIR_BLOCK_TOOL ? "fc_" : "msg_";
}

static void
put_item_id(struct weir_pen *pen, const struct weir_writing *writing,
            const char *name)
{
    weir_pen_name(pen, name);
    put_own_id(pen, writing, prefix_of(writing->block),
               writing->block_count - 1);
}

static void
put_usage(const struct weir_event_usage *usage, struct weir_pen *pen)
{
    const struct weir_usage *counts = &usage->counts;
    weir_pen_name(pen, "usage");
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "input_tokens", counts->input_tokens);
    weir_pen_name(pen, "input_tokens_details");
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "cached_tokens", counts->cached_tokens);
    weir_pen_member_uint(pen, "cache_write_tokens", counts->cache_write_tokens);
    weir_pen_close(pen, '}');
    weir_pen_member_uint(pen, "output_tokens", counts->output_tokens);
    weir_pen_name(pen, "output_tokens_details");
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "reasoning_tokens", counts->reasoning_tokens);
    weir_pen_close(pen, '}');
    weir_pen_member_uint(pen, "total_tokens",
                         counts->input_tokens + counts->output_tokens);
    weir_pen_close(pen, '}');
}

static bool
is_incomplete(const struct weir_writing *writing)
{
    return writing->stop == WEIR_STOP_LENGTH ||
           writing->stop == WEIR_STOP_BROKEN ||
           writing->stop == WEIR_STOP_FILTER;
}

/* The response itself; `status` NULL: as it ended. */
static void
put_response(struct weir_writing *writing, struct weir_pen *pen,
             const char *status)
{
    bool is_over = status == NULL;
    if (is_over)
        status = is_incomplete(writing) ? "incomplete" : "completed";
    weir_pen_open(pen, '{');
    weir_pen_name(pen, "id");
    if (writing->id_len > 0)
        weir_pen_escaped(pen, (weir_span){writing->id, writing->id_len});
    else
        put_own_id(pen, writing, "resp_", UINT32_MAX);
    weir_pen_member_lit(pen, "object", "response");
    weir_pen_member_uint(pen, "created_at", (uint64_t)writing->created);
    weir_pen_member_escaped(pen, "status", weir_span_of(status));
    weir_pen_member_plain(pen, "model", writing->model);
    weir_pen_lit(pen, ",\"error\":null,\"instructions\":null,"
                      "\"metadata\":{},\"parallel_tool_calls\":true,"
                      "\"temperature\":null,\"top_p\":null,"
                      "\"tool_choice\":\"auto\",\"tools\":[]");
    weir_pen_name(pen, "incomplete_details");
    if (!is_over || !is_incomplete(writing))
        weir_pen_raw(pen, WEIR_SPAN("null"));
    else if (writing->stop != WEIR_STOP_FILTER)
        weir_pen_raw(pen, WEIR_SPAN("{\"reason\":\"max_output_tokens\"}"));
    else
        weir_pen_raw(pen, WEIR_SPAN("{\"reason\":\"content_filter\"}"));
    weir_pen_name(pen, "output");
    weir_pen_open(pen, '[');
    weir_pen_put(pen, weir_buf_span(&writing->items));
    weir_pen_lit(pen, "]");
    if (is_over)
        put_usage(&writing->usage, pen);
    else
        weir_pen_member_raw(pen, "usage", WEIR_SPAN("null"));
    weir_pen_close(pen, '}');
}

/* -------------------------------------------------------------- events */

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
    weir_pen_member_uint(pen, "sequence_number", writing->sequence++);
}

static void
end_event(struct weir_pen *pen)
{
    weir_pen_lit(pen, "}\n\n");
}

/* An event about the open item. */
static void
begin_item_event(struct weir_writing *writing, struct weir_pen *pen,
                 const char *type, const char *index)
{
    begin_event(writing, pen, type);
    put_item_id(pen, writing, "item_id");
    weir_pen_member_uint(pen, "output_index", writing->block_count - 1);
    if (index != NULL)
        weir_pen_member_uint(pen, index, 0);
}

static void
start(struct weir_writing *writing)
{
    struct weir_pen pen;
    if (writing->has_started)
        return;
    writing->has_started = true;
    begin_event(writing, &pen, "response.created");
    weir_pen_name(&pen, "response");
    put_response(writing, &pen, "in_progress");
    end_event(&pen);
    begin_event(writing, &pen, "response.in_progress");
    weir_pen_name(&pen, "response");
    put_response(writing, &pen, "in_progress");
    end_event(&pen);
}

/* --------------------------------------------------------------- items */

static weir_span
text_of(const struct weir_writing *writing)
{
    return writing->text.len > 0 ? weir_buf_span(&writing->text)
                                 : (weir_span){"", 0};
}

/* The part of a message or of a summary, as it is now. */
static void
put_part(const struct weir_writing *writing, struct weir_pen *pen)
{
    weir_pen_open(pen, '{');
    if (writing->block == WEIR_BLOCK_REFUSAL) {
        weir_pen_member_lit(pen, "type", "refusal");
        weir_pen_member_escaped(pen, "refusal", text_of(writing));
    } else if (writing->block == WEIR_BLOCK_REASONING) {
        weir_pen_member_lit(pen, "type", "summary_text");
        weir_pen_member_escaped(pen, "text", text_of(writing));
    } else {
        weir_pen_member_lit(pen, "type", "output_text");
        weir_pen_member_escaped(pen, "text", text_of(writing));
        weir_pen_member_raw(pen, "annotations", WEIR_SPAN("[]"));
        weir_pen_member_raw(pen, "logprobs", WEIR_SPAN("[]"));
    }
    weir_pen_close(pen, '}');
}

static void
put_item(struct weir_writing *writing, struct weir_pen *pen, bool is_done)
{
    weir_span state =
        is_done ? WEIR_SPAN("completed") : WEIR_SPAN("in_progress");
    weir_pen_open(pen, '{');
    put_item_id(pen, writing, "id");
    if (writing->block == WEIR_BLOCK_TOOL) {
        weir_pen_member_lit(pen, "type", "function_call");
        weir_pen_put(pen, weir_buf_span(&writing->room));
        weir_pen_member_escaped(pen, "arguments", text_of(writing));
        weir_pen_member_escaped(pen, "status", state);
    } else if (writing->block == WEIR_BLOCK_REASONING) {
        weir_pen_member_lit(pen, "type", "reasoning");
        weir_pen_name(pen, "summary");
        weir_pen_open(pen, '[');
        if (is_done && writing->text.len > 0)
            put_part(writing, pen);
        weir_pen_close(pen, ']');
        if (is_done && writing->room.len > 0)
            weir_pen_member_escaped(pen, "encrypted_content",
                                    weir_buf_span(&writing->room));
    } else {
        weir_pen_member_lit(pen, "type", "message");
        weir_pen_member_escaped(pen, "status", state);
        weir_pen_member_lit(pen, "role", "assistant");
        weir_pen_name(pen, "content");
        weir_pen_open(pen, '[');
        if (is_done)
            put_part(writing, pen);
        weir_pen_close(pen, ']');
    }
    weir_pen_close(pen, '}');
}

static void
put_item_event(struct weir_writing *writing, const char *type, bool is_done)
{
    struct weir_pen pen;
    begin_event(writing, &pen, type);
    weir_pen_member_uint(&pen, "output_index", writing->block_count - 1);
    weir_pen_name(&pen, "item");
    put_item(writing, &pen, is_done);
    end_event(&pen);
}

static void
put_part_event(struct weir_writing *writing, const char *type)
{
    bool is_thought = writing->block == WEIR_BLOCK_REASONING;
    struct weir_pen pen;
    begin_item_event(writing, &pen, type,
                     is_thought ? "summary_index" : "content_index");
    weir_pen_name(&pen, "part");
    put_part(writing, &pen);
    end_event(&pen);
}

/* `,"name":".."` of the call whose beginning lies in `room`: behind the id,
 * whose own quotes are escaped. */
static weir_span
name_of(const struct weir_writing *writing)
{
    weir_span room = weir_buf_span(&writing->room);
    const char *at =
        room.len > 0 ? memmem(room.ptr, room.len, ",\"name\":", 8) : NULL;
    return at != NULL ? (weir_span){at, (size_t)(room.ptr + room.len - at)}
                      : WEIR_SPAN_NONE;
}

static void
put_done_event(struct weir_writing *writing)
{
    struct weir_pen pen;
    switch (writing->block) {
    case WEIR_BLOCK_TOOL:
        begin_item_event(writing, &pen, "response.function_call_arguments.done",
                         NULL);
        weir_pen_member_escaped(&pen, "arguments", text_of(writing));
        weir_pen_put(&pen, name_of(writing));
        break;
    case WEIR_BLOCK_REASONING:
        begin_item_event(writing, &pen, "response.reasoning_summary_text.done",
                         "summary_index");
        weir_pen_member_escaped(&pen, "text", text_of(writing));
        break;
    case WEIR_BLOCK_REFUSAL:
        begin_item_event(writing, &pen, "response.refusal.done",
                         "content_index");
        weir_pen_member_escaped(&pen, "refusal", text_of(writing));
        break;
    default:
        begin_item_event(writing, &pen, "response.output_text.done",
                         "content_index");
        weir_pen_member_escaped(&pen, "text", text_of(writing));
        weir_pen_member_raw(&pen, "logprobs", WEIR_SPAN("[]"));
        break;
    }
    end_event(&pen);
}

static void
close_block(struct weir_writing *writing)
{
    struct weir_pen pen;
    if (writing->block == WEIR_BLOCK_NONE)
        return;
    if (writing->block == WEIR_BLOCK_TOOL && writing->text.len == 0)
        weir_buf_add_span(&writing->text, WEIR_SPAN("{}"));
    if (writing->block != WEIR_BLOCK_REASONING || writing->text.len > 0)
        put_done_event(writing);
    if (writing->block == WEIR_BLOCK_REASONING && writing->text.len > 0)
        put_part_event(writing, "response.reasoning_summary_part.done");
    else if (writing->block == WEIR_BLOCK_TEXT ||
             writing->block == WEIR_BLOCK_REFUSAL)
        put_part_event(writing, "response.content_part.done");
    put_item_event(writing, "response.output_item.done", true);
    if (writing->items.len > 0)
        weir_buf_add_byte(&writing->items, ',');
    weir_pen_init_buf(&pen, &writing->items);
    pen.last = '[';
    put_item(writing, &pen, true);
    writing->block = WEIR_BLOCK_NONE;
    if (writing->items.overflow || writing->text.overflow ||
        writing->room.overflow)
        writing->is_broken = true;
}

static void
open_block(struct weir_writing *writing, enum weir_block block)
{
    start(writing);
    close_block(writing);
    writing->block = block;
    writing->block_count++;
    weir_buf_reset(&writing->text);
    weir_buf_reset(&writing->room);
}

static void
put_text(struct weir_writing *writing, enum weir_block block,
         const struct weir_event *event)
{
    static const struct {
        const char *delta;
        const char *added;
        const char *index;
    } words[] = {
        [WEIR_BLOCK_TEXT] = {"response.output_text.delta",
                             "response.content_part.added", "content_index"},
        [WEIR_BLOCK_REASONING] = {"response.reasoning_summary_text.delta",
                                  "response.reasoning_summary_part.added",
                                  "summary_index"},
        [WEIR_BLOCK_REFUSAL] = {"response.refusal.delta",
                                "response.content_part.added", "content_index"},
    };
    struct weir_pen pen;
    if (writing->block != block) {
        open_block(writing, block);
        put_item_event(writing, "response.output_item.added", false);
        put_part_event(writing, words[block].added);
    }
    begin_item_event(writing, &pen, words[block].delta, words[block].index);
    weir_pen_member_escaped(&pen, "delta", event->text);
    if (block == WEIR_BLOCK_TEXT)
        weir_pen_member_raw(&pen, "logprobs", WEIR_SPAN("[]"));
    end_event(&pen);
    weir_buf_add_span(&writing->text, event->text);
}

static void
put_seal(struct weir_writing *writing, const struct weir_event *event)
{
    if (writing->block != WEIR_BLOCK_REASONING || event->is_redacted) {
        open_block(writing, WEIR_BLOCK_REASONING);
        put_item_event(writing, "response.output_item.added", false);
    }
    weir_buf_add_span(&writing->room, event->text);
    if (event->is_redacted)
        close_block(writing);
}

static void
put_call(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    open_block(writing, WEIR_BLOCK_TOOL);
    writing->tool = event->tool;
    weir_pen_init_buf(&pen, &writing->room);
    pen.last = ',';
    weir_pen_lit(&pen, ",\"call_id\":");
    weir_openai_put_call_id(&pen, writing, event);
    weir_pen_member_escaped(&pen, "name", event->name);
    put_item_event(writing, "response.output_item.added", false);
}

static void
put_arguments(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    size_t from = writing->text.len;
    /* Two calls at once cannot be said: each item is gathered in its turn. */
    if (writing->block != WEIR_BLOCK_TOOL || event->tool != writing->tool) {
        writing->is_broken = true;
        return;
    }
    if (event->is_raw) {
        weir_pen_init_buf(&pen, &writing->text);
        pen.last = ':';
        weir_pen_quote(&pen, event->text);
        if (writing->text.overflow || writing->text.len < from + 2) {
            writing->is_broken = true;
            return;
        }
        memmove(writing->text.ptr + from, writing->text.ptr + from + 1,
                writing->text.len - from - 2);
        writing->text.len -= 2;
    } else {
        weir_buf_add_span(&writing->text, event->text);
    }
    if (writing->text.overflow) {
        writing->is_broken = true;
        return;
    }
    begin_item_event(writing, &pen, "response.function_call_arguments.delta",
                     NULL);
    weir_pen_member_escaped(
        &pen, "delta",
        (weir_span){writing->text.ptr + from, writing->text.len - from});
    end_event(&pen);
}

/* ---------------------------------------------------------------- reply */

static void
put_end(struct weir_writing *writing)
{
    struct weir_pen pen;
    start(writing);
    close_block(writing);
    begin_event(writing, &pen,
                is_incomplete(writing) ? "response.incomplete"
                                       : "response.completed");
    weir_pen_name(&pen, "response");
    put_response(writing, &pen, NULL);
    end_event(&pen);
}

static void
put_error(struct weir_writing *writing, const struct weir_event *event)
{
    weir_span message =
        event->text.len > 0 ? event->text : WEIR_SPAN("the origin failed");
    struct weir_pen pen;
    begin_event(writing, &pen, "error");
    weir_pen_member_escaped(&pen, "code", event->code);
    weir_pen_member_escaped(&pen, "message", message);
    weir_pen_member_raw(&pen, "param", WEIR_SPAN("null"));
    weir_pen_name(&pen, "error");
    weir_pen_open(&pen, '{');
    weir_pen_member_escaped(&pen, "message", message);
    weir_pen_member_lit(&pen, "type", "upstream_error");
    weir_pen_member_escaped(&pen, "code", event->code);
    weir_pen_close(&pen, '}');
    end_event(&pen);
}

static void
write_event(struct weir_writing *writing, const struct weir_event *event)
{
    weir_openai_learn(writing, event);
    if (event->choice != 0)
        return; /* there is one answer in this dialect */
    switch (event->kind) {
    case WEIR_EVENT_START:
        start(writing);
        break;
    case WEIR_EVENT_TEXT:
        put_text(writing, WEIR_BLOCK_TEXT, event);
        break;
    case WEIR_EVENT_REASONING:
        put_text(writing, WEIR_BLOCK_REASONING, event);
        break;
    case WEIR_EVENT_REFUSAL:
        put_text(writing, WEIR_BLOCK_REFUSAL, event);
        break;
    case WEIR_EVENT_SIGNATURE:
        put_seal(writing, event);
        break;
    case WEIR_EVENT_TOOL_CALL:
        put_call(writing, event);
        break;
    case WEIR_EVENT_TOOL_ARGUMENTS:
        put_arguments(writing, event);
        break;
    case WEIR_EVENT_STOP:
        writing->stop = event->stop;
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

/* The events are played for what they leave behind, and not sent. */
static void
write_whole(struct weir_writing *writing, const struct weir_event *events,
            size_t count)
{
    struct weir_pen pen;
    size_t len = writing->out->len;
    for (size_t i = 0; i < count; i++) {
        write_event(writing, &events[i]);
        writing->out->len = len;
    }
    weir_pen_init_buf(&pen, writing->out);
    put_response(writing, &pen, NULL);
    weir_pen_lit(&pen, "\n");
}

const struct weir_writing_ops weir_openai_responses_writing = {
    .event = write_event,
    .whole = write_whole,
};
