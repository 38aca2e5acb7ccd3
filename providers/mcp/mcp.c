/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tool servers hear and answer. Messages go there as they came. Replies:
 *
 *   JSON     held whole, read, its list of tools cut, then passed
 *   events   each read by itself: cut, passed, or left out
 *   errors   of HTTP: told anew as the answer to the request
 *
 * WHAT IS LEFT OUT OF A STREAM: messages whose method is not on the list.
 * What cannot be read at all ends the stream: a client would read it, and
 * perhaps otherwise than weir.
 *
 * WHEN A STREAM IS DONE. When the answer to the request was in it. A server
 * may also close before, having numbered its events: the client takes the
 * stream up again where it was. Without numbers that is a cut.
 *
 * Ids of events are told as the gate says, since whoever names one may hear
 * what followed it.
 */
#include "mcp.h"

#include <weir/sse.h>

#include <string.h>

struct talk {
    struct weir_reply reply; /* first: this is one */
    struct weir_reply_setup setup;
    struct weir_sse sse;
    struct weir_buf body;    /* of a reply that is no stream */
    struct weir_buf data;    /* of an event, cut */
    struct weir_buf out;     /* what the client is told instead */
    struct weir_arena arena; /* of one message */
    size_t held_max;
    bool has_ids;
    bool is_rewritten; /* the last event, its end included */
};

static struct talk *
talk_of(struct weir_reply *reply)
{
    return (struct talk *)(void *)reply;
}

static weir_status
prepare(const struct weir_request *request, const struct weir_target *target,
        struct weir_arena *arena, struct weir_outgoing *outgoing_out,
        struct weir_error *err)
{
    (void)arena;
    (void)err;
    *outgoing_out = (struct weir_outgoing){
        .method = request->body.len > 0  ? WEIR_SPAN("POST")
                  : request->is_streamed ? WEIR_SPAN("GET")
                                         : WEIR_SPAN("DELETE"),
        .path = target->prefix.len > 0 ? target->prefix : WEIR_SPAN("/"),
        .piece_count = request->body.len > 0,
        .pieces = {request->body},
        .body_bytes = request->body.len,
    };
    return WEIR_OK;
}

static struct weir_reply *
reply_new(const struct weir_reply_setup *setup, struct weir_arena *arena)
{
    struct talk *talk = weir_arena_alloc(arena, sizeof(*talk));
    if (talk == NULL)
        return NULL;
    talk->reply.ops = &weir_mcp_ops;
    talk->reply.facts.counts_units = true;
    talk->reply.facts.units.input_tokens =
        setup->request->mcp.operation == WEIR_OP_CALL_TOOL;
    /* Written anew perhaps: its length is not the server's. */
    talk->reply.content_type = setup->is_streamed && setup->http_status < 300
                                   ? NULL
                                   : "application/json";
    talk->setup = *setup;
    talk->setup.is_streamed = talk->reply.content_type == NULL;
    talk->held_max =
        setup->held_bytes_max != 0 ? setup->held_bytes_max : WEIR_SSE_HELD_MAX;
    weir_sse_init(&talk->sse, talk->held_max);
    weir_buf_init(&talk->body, talk->held_max);
    weir_buf_init(&talk->data, talk->held_max);
    weir_buf_init(&talk->out, 2 * talk->held_max + 4096);
    weir_arena_init_heap(&talk->arena, 4 * talk->held_max);
    return &talk->reply;
}

static void
reply_free(struct weir_reply *reply)
{
    struct talk *talk = talk_of(reply);
    weir_sse_fini(&talk->sse);
    weir_buf_fini(&talk->body);
    weir_buf_fini(&talk->data);
    weir_buf_fini(&talk->out);
    weir_arena_fini(&talk->arena);
}

static void
fresh_arena(struct talk *talk)
{
    weir_arena_fini(&talk->arena);
    weir_arena_init_heap(&talk->arena, 4 * talk->held_max);
}

static bool
is_waiting(const struct talk *talk)
{
    return talk->setup.request->mcp.kind == WEIR_MCP_REQUEST &&
           talk->setup.request->mcp.id.len > 0;
}

/* An answer was read. */
static void
note_answer(struct talk *talk, const struct weir_mcp_message *message)
{
    struct weir_reply_facts *facts = &talk->reply.facts;
    if (!is_waiting(talk) ||
        !weir_span_equal(message->id, talk->setup.request->mcp.id))
        return;
    facts->state = message->is_error ? WEIR_REPLY_ERROR : WEIR_REPLY_DONE;
    facts->has_error = message->is_error;
    facts->is_free = message->is_error;
}

/* --------------------------------------------------------------- events */

enum fate { PASSES, IS_CUT, IS_LEFT_OUT, IS_BROKEN };

/* What becomes of an event's data. */
static enum fate
judge(struct talk *talk, weir_span data)
{
    struct weir_mcp_message message;
    struct weir_error err;
    bool is_changed;
    weir_status status = weir_mcp_read_reply(data, &message, &err);
    if (status == WEIR_ENOTFOUND)
        return IS_LEFT_OUT;
    if (status != WEIR_OK)
        return IS_BROKEN;
    talk->reply.facts.event_count++;
    if (message.kind != WEIR_MCP_ANSWER)
        return PASSES;
    fresh_arena(talk);
    weir_buf_reset(&talk->data);
    if (weir_mcp_cut_list(data, talk->setup.tools, &talk->arena, &talk->data,
                          &is_changed, &err) != WEIR_OK)
        return IS_BROKEN;
    talk->reply.facts.content_bytes += is_changed ? talk->data.len : data.len;
    note_answer(talk, &message);
    return is_changed ? IS_CUT : PASSES;
}

/* The next line without its end; false: none is left. */
static bool
next_line(weir_span *rest, weir_span *line_out)
{
    size_t n = 0;
    if (rest->len == 0)
        return false;
    while (n < rest->len && rest->ptr[n] != '\n' && rest->ptr[n] != '\r')
        n++;
    *line_out = (weir_span){rest->ptr, n};
    if (n + 1 < rest->len && rest->ptr[n] == '\r' && rest->ptr[n + 1] == '\n')
        n++;
    n += n < rest->len;
    rest->ptr += n;
    rest->len -= n;
    return true;
}

/* Whether the line is this field, and its value. */
static bool
is_field(weir_span line, const char *name, weir_span *value_out)
{
    size_t n = strlen(name);
    if (line.len < n || memcmp(line.ptr, name, n) != 0 ||
        (line.len > n && line.ptr[n] != ':'))
        return false;
    size_t at = line.len > n ? n + 1 : n;
    at += at < line.len && line.ptr[at] == ' ';
    *value_out = (weir_span){line.ptr + at, line.len - at};
    return true;
}

static weir_span
without_mark(weir_span raw)
{
    if (weir_span_starts(raw, WEIR_SPAN("\xef\xbb\xbf"))) {
        raw.ptr += 3;
        raw.len -= 3;
    }
    return raw;
}

static bool
has_id(weir_span raw)
{
    weir_span line, value;
    raw = without_mark(raw);
    while (next_line(&raw, &line))
        if (is_field(line, "id", &value))
            return true;
    return false;
}

/* The event anew: the same lines, but for data that was cut and the id. */
static bool
write_event(struct talk *talk, weir_span raw, bool is_cut)
{
    const struct weir_mcp_gate *gate = talk->setup.tools;
    struct weir_buf *out = &talk->out;
    weir_span line, value;
    bool is_data_out = false;
    weir_buf_reset(out);
    raw = without_mark(raw);
    while (next_line(&raw, &line)) {
        if (is_field(line, "id", &value) && value.len > 0) {
            talk->has_ids = true;
            weir_buf_add_span(out, WEIR_SPAN("id: "));
            if (!gate->seal_event(gate->context, value, out))
                return false;
        } else if (is_cut && is_field(line, "data", &value)) {
            if (is_data_out)
                continue;
            is_data_out = true;
            weir_buf_add_span(out, WEIR_SPAN("data: "));
            for (size_t i = 0; i < talk->data.len; i++)
                if (talk->data.ptr[i] != '\n' && talk->data.ptr[i] != '\r')
                    weir_buf_add_byte(out, talk->data.ptr[i]);
        } else {
            weir_buf_add_span(out, line);
        }
        weir_buf_add_byte(out, '\n');
    }
    return !out->overflow;
}

/* False: nothing of it, or of what follows, goes to the client. */
static bool
take_event(struct talk *talk, const struct weir_sse_event *event,
           struct weir_reply_piece *piece_out)
{
    enum fate fate = PASSES;
    bool is_over = event->is_tail && talk->is_rewritten;
    talk->is_rewritten = false;
    if (event->is_part)
        return false;
    if (is_over)
        return true;
    if (event->has_data && event->data.len > 0)
        fate = judge(talk, event->data);
    if (fate == IS_BROKEN)
        return false;
    if (fate == IS_LEFT_OUT)
        return true;
    if (fate == PASSES && !has_id(event->raw)) {
        *piece_out = (struct weir_reply_piece){event->raw, event->is_held};
        return true;
    }
    if (!write_event(talk, event->raw, fate == IS_CUT))
        return false;
    talk->is_rewritten = true;
    *piece_out = (struct weir_reply_piece){weir_buf_span(&talk->out), true};
    return true;
}

static bool
next_of_stream(struct talk *talk, weir_span *input,
               struct weir_reply_piece *piece_out)
{
    struct weir_sse_event event;
    while (weir_sse_next(&talk->sse, input, &event)) {
        if (talk->reply.facts.state == WEIR_REPLY_CUT)
            continue;
        if (!take_event(talk, &event, piece_out))
            talk->reply.facts.state = WEIR_REPLY_CUT;
        else if (piece_out->bytes.len > 0)
            return true;
    }
    return false;
}

static bool
reply_next(struct weir_reply *reply, weir_span *input,
           struct weir_reply_piece *piece_out)
{
    struct talk *talk = talk_of(reply);
    *piece_out = (struct weir_reply_piece){0};
    if (talk->setup.is_streamed)
        return next_of_stream(talk, input, piece_out);
    weir_buf_add_span(&talk->body, *input);
    input->ptr += input->len;
    input->len = 0;
    return false;
}

/* ------------------------------------------------------------------ end */

static void
put_failure(struct talk *talk, const char *what)
{
    struct weir_reply_facts *facts = &talk->reply.facts;
    weir_buf_reset(&talk->out);
    weir_mcp_put_error(talk->setup.request->mcp.id, WEIR_MCP_UPSTREAM,
                       weir_span_of(what), &talk->out);
    facts->state = WEIR_REPLY_ERROR;
    facts->has_error = true;
}

/* The answer to the request, or an error that may be one. */
static bool
read_answer(struct talk *talk, struct weir_mcp_message *message)
{
    const struct weir_mcp_message *asked = &talk->setup.request->mcp;
    struct weir_error err;
    return !talk->body.overflow &&
           weir_mcp_read_reply(weir_buf_span(&talk->body), message, &err) ==
               WEIR_OK &&
           message->kind == WEIR_MCP_ANSWER &&
           (message->id.len == 0 || weir_span_equal(message->id, asked->id));
}

/* An error of HTTP: what the server says of it in the protocol's words, or
 * what weir can say. */
static void
finish_error(struct talk *talk)
{
    struct weir_mcp_message message;
    uint32_t status = talk->setup.http_status;
    if (talk->body.len == 0 || !read_answer(talk, &message) ||
        !message.is_error) {
        put_failure(talk, status == 404 ? "the tool server does not know this"
                          : status == 405
                              ? "the tool server does not offer this"
                              : "the tool server answered with an error");
    } else {
        weir_buf_add_span(&talk->out, weir_buf_span(&talk->body));
        talk->reply.facts.state = WEIR_REPLY_ERROR;
        talk->reply.facts.has_error = true;
    }
    talk->reply.facts.is_free = true;
}

static void
finish_body(struct talk *talk)
{
    struct weir_reply_facts *facts = &talk->reply.facts;
    weir_span body = weir_buf_span(&talk->body);
    struct weir_mcp_message message;
    struct weir_error err;
    bool is_changed;

    if (talk->setup.http_status >= 300) {
        finish_error(talk);
        return;
    }
    if (!is_waiting(talk)) {
        facts->state = WEIR_REPLY_DONE; /* nothing of a body is awaited */
        return;
    }
    fresh_arena(talk);
    if (!read_answer(talk, &message) ||
        weir_mcp_cut_list(body, talk->setup.tools, &talk->arena, &talk->out,
                          &is_changed, &err) != WEIR_OK) {
        put_failure(talk, "the tool server's answer cannot be read");
        return;
    }
    if (!is_changed)
        weir_buf_add_span(&talk->out, body);
    facts->content_bytes = talk->out.len;
    facts->state = message.is_error ? WEIR_REPLY_ERROR : WEIR_REPLY_DONE;
    facts->has_error = facts->is_free = message.is_error;
}

static bool
reply_finish(struct weir_reply *reply, bool is_whole,
             struct weir_reply_piece *piece_out)
{
    struct talk *talk = talk_of(reply);
    struct weir_reply_facts *facts = &reply->facts;
    *piece_out = (struct weir_reply_piece){0};
    if (!talk->setup.is_streamed) {
        weir_buf_reset(&talk->out);
        if (is_whole)
            finish_body(talk);
        else
            facts->state = WEIR_REPLY_CUT;
        piece_out->bytes = weir_buf_span(&talk->out);
        piece_out->is_held = true;
        return piece_out->bytes.len > 0;
    }
    /* An event without its blank line is dropped, as clients drop it. */
    if (facts->state == WEIR_REPLY_OPEN)
        facts->state = is_whole && (!is_waiting(talk) || talk->has_ids)
                           ? WEIR_REPLY_DONE
                           : WEIR_REPLY_CUT;
    return false;
}

const struct weir_provider_ops weir_mcp_ops = {
    .speaks = WEIR_SPEAKS(WEIR_DIALECT_MCP),
    .dialect = WEIR_DIALECT_MCP,
    .strips_in_place = true,
    .prepare = prepare,
    .reply_new = reply_new,
    .reply_free = reply_free,
    .reply_next = reply_next,
    .reply_finish = reply_finish,
};
