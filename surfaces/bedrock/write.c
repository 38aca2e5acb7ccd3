/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neutral events as a Converse reply: one JSON, or a row of binary frames.
 *
 * A block of text or reasoning opens by its first delta; only a call of a
 * tool has an opening of its own. Every stream ends with `messageStop` and
 * then `metadata`, which carries the usage. How long the model took weir
 * does not know when it writes: `metrics` is left out.
 */
#include "bedrock.h"

#include <weir/crypto.h>
#include <weir/eventstream.h>
#include <weir/pen.h>
#include <weir/raw.h>

#include <string.h>

void
weir_bedrock_put_frame(struct weir_buf *out, const char *type,
                       bool is_exception, weir_span payload)
{
    char memory[256];
    struct weir_buf headers;
    const struct weir_eventstream_header rows[] = {
        {is_exception ? WEIR_SPAN(":exception-type") : WEIR_SPAN(":event-type"),
         WEIR_EVENTSTREAM_STRING, weir_span_of(type)},
        {WEIR_SPAN(":content-type"), WEIR_EVENTSTREAM_STRING,
         WEIR_SPAN("application/json")},
        {WEIR_SPAN(":message-type"), WEIR_EVENTSTREAM_STRING,
         is_exception ? WEIR_SPAN("exception") : WEIR_SPAN("event")}};
    weir_buf_init_fixed(&headers, memory, sizeof memory);
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
        if (weir_eventstream_put_header(&headers, &rows[i]) != WEIR_OK)
            out->overflow = true;
    if (weir_eventstream_put(out, weir_buf_span(&headers), payload) != WEIR_OK)
        out->overflow = true;
}

/* ---------------------------------------------------------------- both */

static weir_span
reason_of(enum weir_stop stop)
{
    switch (stop) {
    case WEIR_STOP_LENGTH:
        return WEIR_SPAN("max_tokens");
    case WEIR_STOP_SEQUENCE:
        return WEIR_SPAN("stop_sequence");
    case WEIR_STOP_TOOL:
        return WEIR_SPAN("tool_use");
    case WEIR_STOP_BROKEN:
        return WEIR_SPAN("malformed_model_output");
    case WEIR_STOP_FILTER:
        return WEIR_SPAN("content_filtered");
    default:
        return WEIR_SPAN("end_turn");
    }
}

static void
learn(struct weir_writing *writing, const struct weir_event *event)
{
    if (event->kind == WEIR_EVENT_USAGE)
        writing->usage = *event->usage;
    if (event->kind == WEIR_EVENT_STOP && event->choice == 0)
        writing->stop = event->stop;
}

static void
put_call_id(const struct weir_writing *writing, struct weir_pen *pen,
            const struct weir_event *event)
{
    weir_pen_name(pen, "toolUseId");
    if (event->id.len > 0) {
        weir_pen_escaped(pen, event->id);
        return;
    }
    weir_pen_lit(pen, "\"tooluse_");
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
    uint64_t input =
        counts->input_tokens > beside ? counts->input_tokens - beside : 0;
    weir_pen_name(pen, "usage");
    weir_pen_open(pen, '{');
    weir_pen_member_uint(pen, "inputTokens", input);
    weir_pen_member_uint(pen, "outputTokens", counts->output_tokens);
    weir_pen_member_uint(pen, "totalTokens",
                         counts->input_tokens + counts->output_tokens);
    weir_pen_member_uint(pen, "cacheReadInputTokens", counts->cached_tokens);
    weir_pen_member_uint(pen, "cacheWriteInputTokens",
                         counts->cache_write_tokens);
    weir_pen_close(pen, '}');
}

static bool
is_base64(weir_span text)
{
    size_t len = text.len;
    while (len > 0 && text.len - len < 2 && text.ptr[len - 1] == '=')
        len--;
    for (size_t i = 0; i < len; i++) {
        char c = text.ptr[i];
        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') &&
            (c < '0' || c > '9') && c != '+' && c != '/')
            return false;
    }
    return text.len % 4 == 0;
}

/* Bytes are base64 here; a seal of another maker that is none is wrapped,
 * and weir_bedrock_read_call() unwraps it. */
static void
put_redacted(struct weir_pen *pen, weir_span text)
{
    char room[WEIR_BASE64_LEN(96)];
    weir_pen_name(pen, "redactedContent");
    if (is_base64(text)) {
        weir_pen_escaped(pen, text);
        return;
    }
    weir_pen_lit(pen, "\"" WEIR_BEDROCK_WRAPPED);
    while (text.len > 0) {
        size_t len = text.len < 96 ? text.len : 96;
        size_t used = weir_base64_encode((weir_span){text.ptr, len}, room);
        weir_pen_put(pen, (weir_span){room, used});
        text.ptr += len;
        text.len -= len;
    }
    weir_pen_lit(pen, "\"");
}

/* -------------------------------------------------------------- stream */

/* A payload is put together in `text`, then framed. */
static void
begin(struct weir_writing *writing, struct weir_pen *pen)
{
    weir_buf_reset(&writing->text);
    weir_pen_init_buf(pen, &writing->text);
    weir_pen_open(pen, '{');
}

static void
end(struct weir_writing *writing, const char *type, bool is_exception)
{
    if (writing->text.overflow)
        writing->is_broken = true;
    weir_bedrock_put_frame(writing->out, type, is_exception,
                           weir_buf_span(&writing->text));
}

static void
start(struct weir_writing *writing)
{
    struct weir_pen pen;
    if (writing->has_started)
        return;
    writing->has_started = true;
    begin(writing, &pen);
    weir_pen_member_lit(&pen, "role", "assistant");
    weir_pen_close(&pen, '}');
    end(writing, "messageStart", false);
}

static void
close_block(struct weir_writing *writing)
{
    struct weir_pen pen;
    if (writing->block == WEIR_BLOCK_NONE)
        return;
    begin(writing, &pen);
    weir_pen_member_uint(&pen, "contentBlockIndex", writing->block_count - 1);
    weir_pen_close(&pen, '}');
    end(writing, "contentBlockStop", false);
    writing->block = WEIR_BLOCK_NONE;
}

static void
open_block(struct weir_writing *writing, enum weir_block kind)
{
    if (writing->block == kind)
        return;
    start(writing);
    close_block(writing);
    writing->block = kind;
    writing->block_count++;
}

/* {"contentBlockIndex": n, "delta": {"outer": {"name": text}}} */
static void
put_delta(struct weir_writing *writing, uint32_t block, const char *outer,
          const char *name, const struct weir_event *event)
{
    struct weir_pen pen;
    begin(writing, &pen);
    weir_pen_member_uint(&pen, "contentBlockIndex", block);
    weir_pen_name(&pen, "delta");
    weir_pen_open(&pen, '{');
    if (outer != NULL) {
        weir_pen_name(&pen, outer);
        weir_pen_open(&pen, '{');
    }
    weir_pen_name(&pen, name);
    if (event->is_raw)
        weir_pen_quote(&pen, event->text);
    else
        weir_pen_escaped(&pen, event->text);
    if (outer != NULL)
        weir_pen_close(&pen, '}');
    weir_pen_lit(&pen, "}}");
    end(writing, "contentBlockDelta", false);
}

static void
put_signature(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    if (!event->is_redacted) {
        open_block(writing, WEIR_BLOCK_REASONING);
        put_delta(writing, writing->block_count - 1, "reasoningContent",
                  "signature", event);
        return;
    }
    close_block(writing);
    open_block(writing, WEIR_BLOCK_REASONING);
    begin(writing, &pen);
    weir_pen_member_uint(&pen, "contentBlockIndex", writing->block_count - 1);
    weir_pen_lit(&pen, ",\"delta\":{\"reasoningContent\":{");
    put_redacted(&pen, event->text);
    weir_pen_lit(&pen, "}}}");
    end(writing, "contentBlockDelta", false);
    close_block(writing);
}

static void
put_tool(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    start(writing);
    close_block(writing);
    writing->block = WEIR_BLOCK_TOOL;
    begin(writing, &pen);
    weir_pen_member_uint(&pen, "contentBlockIndex", writing->block_count++);
    weir_pen_lit(&pen, ",\"start\":{\"toolUse\":{");
    put_call_id(writing, &pen, event);
    weir_pen_member_escaped(&pen, "name", event->name);
    weir_pen_lit(&pen, "}}}");
    end(writing, "contentBlockStart", false);
    if (event->tool < WEIR_COUNTOF(writing->block_of))
        writing->block_of[event->tool] = writing->block_count - 1;
}

static void
put_arguments(struct weir_writing *writing, const struct weir_event *event)
{
    uint32_t block = writing->block_count - 1;
    if (writing->block_count == 0)
        return;
    if (event->tool < WEIR_COUNTOF(writing->block_of))
        block = writing->block_of[event->tool];
    put_delta(writing, block, "toolUse", "input", event);
}

static void
put_end(struct weir_writing *writing)
{
    struct weir_pen pen;
    start(writing);
    close_block(writing);
    begin(writing, &pen);
    weir_pen_member_escaped(&pen, "stopReason", reason_of(writing->stop));
    weir_pen_close(&pen, '}');
    end(writing, "messageStop", false);
    begin(writing, &pen);
    put_usage(&writing->usage, &pen);
    weir_pen_close(&pen, '}');
    end(writing, "metadata", false);
}

static void
put_error(struct weir_writing *writing, const struct weir_event *event)
{
    struct weir_pen pen;
    begin(writing, &pen);
    weir_pen_member_escaped(
        &pen, "message",
        event->text.len > 0 ? event->text : WEIR_SPAN("the origin failed"));
    if (event->code.len > 0)
        weir_pen_member_escaped(&pen, "originalMessage", event->code);
    weir_pen_close(&pen, '}');
    end(writing, "modelStreamErrorException", true);
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
        open_block(writing, WEIR_BLOCK_TEXT);
        put_delta(writing, writing->block_count - 1, NULL, "text", event);
        break;
    case WEIR_EVENT_REASONING:
        open_block(writing, WEIR_BLOCK_REASONING);
        put_delta(writing, writing->block_count - 1, "reasoningContent", "text",
                  event);
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
    if (is_thought)
        weir_pen_lit(pen, "\"reasoningContent\":{\"reasoningText\":{");
    weir_pen_lit(pen, "\"text\":\"");
    for (; at < count && (is_thought ? events[at].kind == WEIR_EVENT_REASONING
                                     : is_text(&events[at]));
         at++)
        weir_pen_put(pen, events[at].text);
    weir_pen_lit(pen, "\"");
    if (is_thought && at < count && events[at].kind == WEIR_EVENT_SIGNATURE &&
        !events[at].is_redacted)
        weir_pen_member_escaped(pen, "signature", events[at++].text);
    weir_pen_put(pen, is_thought ? WEIR_SPAN("}}}") : WEIR_SPAN("}"));
    return at;
}

static void
put_whole_tool(struct weir_writing *writing, struct weir_pen *pen,
               const struct weir_event *events, size_t count, size_t at)
{
    weir_pen_open(pen, '{');
    weir_pen_lit(pen, "\"toolUse\":{");
    put_call_id(writing, pen, &events[at]);
    weir_pen_member_escaped(pen, "name", events[at].name);
    weir_pen_member_raw(pen, "input",
                        weir_events_arguments(events, count, at, &writing->text,
                                              &writing->room));
    weir_pen_lit(pen, "}}");
}

static void
put_seal(struct weir_pen *pen, const struct weir_event *event)
{
    weir_pen_open(pen, '{');
    weir_pen_lit(pen, "\"reasoningContent\":{");
    if (event->is_redacted) {
        put_redacted(pen, event->text);
        weir_pen_lit(pen, "}}");
        return;
    }
    weir_pen_lit(pen, "\"reasoningText\":{\"text\":\"\"");
    weir_pen_member_escaped(pen, "signature", event->text);
    weir_pen_lit(pen, "}}}");
}

static void
write_whole(struct weir_writing *writing, const struct weir_event *events,
            size_t count)
{
    struct weir_pen pen;
    for (size_t i = 0; i < count; i++)
        learn(writing, &events[i]);
    weir_pen_init_buf(&pen, writing->out);
    weir_pen_lit(&pen, "{\"output\":{\"message\":{\"role\":\"assistant\","
                       "\"content\":[");
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
    weir_pen_lit(&pen, "]}}");
    weir_pen_member_escaped(&pen, "stopReason", reason_of(writing->stop));
    put_usage(&writing->usage, &pen);
    weir_pen_lit(&pen, "}\n");
    if (writing->text.overflow || writing->room.overflow)
        writing->is_broken = true;
}

const struct weir_writing_ops weir_bedrock_writing = {
    .event = write_event,
    .whole = write_whole,
    .stream_type = "application/vnd.amazon.eventstream",
};
