/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streamed replies. Events are made one at a time, when the last has left,
 * so that a slow reader holds back the origin and not its memory.
 *
 *     chat, text   [role] content... finish [usage] [DONE]
 *     responses    created, in_progress, item, part, delta..., part, item,
 *                  completed
 */
#include "origin.h"

#include <stdio.h>
#include <string.h>

static struct bytes scratch;

static const char *
eol_of(struct connection *c)
{
    return c->script.crlf ? "\r\n" : "\n";
}

/* `scratch` holds the event's data: frames it as SSE and as one chunk. */
static void
send_event(struct connection *c, const char *name)
{
    const char *eol = eol_of(c);
    size_t eol_len = strlen(eol);
    size_t len = 6 + scratch.len + 2 * eol_len;
    if (name != NULL)
        len += 7 + strlen(name) + eol_len;
    bytes_addf(&c->out, "%zx\r\n", len);
    if (name != NULL)
        bytes_addf(&c->out, "event: %s%s", name, eol);
    bytes_add_text(&c->out, "data: ");
    bytes_add(&c->out, scratch.ptr, scratch.len);
    bytes_addf(&c->out, "%s%s\r\n", eol, eol);
    world.events++;
}

static void
add_content(struct connection *c, long index)
{
    if (c->script.content[0] != '\0') {
        /* all of it in the first event */
        if (index == 0)
            bytes_add_json(
                &scratch, (text){c->script.content, strlen(c->script.content)});
        return;
    }
    if (c->script.event_bytes >= 0)
        bytes_fill(&scratch, (size_t)c->script.event_bytes,
                   (unsigned)index * 7u);
    else
        bytes_fill(&scratch, 5, (unsigned)index * 6u);
}

static void
chat_head(struct connection *c)
{
    text model = model_shown(c);
    bytes_reset(&scratch);
    bytes_addf(&scratch,
               "{\"id\":\"chatcmpl-%012llx\",\"object\":"
               "\"chat.completion.chunk\",\"created\":" CREATED
               ",\"model\":\"%.*s\",\"system_fingerprint\":\"%s\",",
               (unsigned long long)c->sequence, (int)model.len, model.ptr,
               c->from->name);
}

static void
chat_tail(struct connection *c)
{
    bytes_add_text(&scratch, c->call.wants_usage && !c->script.no_usage
                                 ? ",\"usage\":null}"
                                 : "}");
}

/* Arguments in pieces of up to 8 bytes; 0 when there are none left. */
static bool
chat_tool_event(struct connection *c, long index)
{
    const char *arguments = c->script.tool_arguments;
    size_t all = strlen(arguments);
    size_t from = (size_t)(index - 1) * 8;
    chat_head(c);
    bytes_add_text(&scratch, "\"choices\":[{\"index\":0,\"delta\":{"
                             "\"tool_calls\":[{\"index\":0,");
    if (index == 0) {
        bytes_addf(&scratch,
                   "\"id\":\"call_%08llx\",\"type\":\"function\",\"function\":"
                   "{\"name\":\"%s\",\"arguments\":\"\"}",
                   (unsigned long long)c->sequence, c->script.tool);
    } else {
        if (from >= all)
            return false;
        bytes_add_text(&scratch, "\"function\":{\"arguments\":\"");
        bytes_add_json(&scratch, (text){arguments + from,
                                        all - from < 8 ? all - from : 8});
        bytes_add_text(&scratch, "\"}");
    }
    bytes_add_text(&scratch, "}]},\"finish_reason\":null}]");
    chat_tail(c);
    send_event(c, NULL);
    return true;
}

static void
chat_event(struct connection *c, long at)
{
    bool has_tool = c->script.tool[0] != '\0';
    chat_head(c);
    if (at == 0) {
        bytes_add_text(&scratch, "\"choices\":[{\"index\":0,\"delta\":{"
                                 "\"role\":\"assistant\",\"content\":\"\"},"
                                 "\"finish_reason\":null}]");
        chat_tail(c);
        send_event(c, NULL);
        return;
    }
    if (has_tool && chat_tool_event(c, at - 1))
        return;
    if (!has_tool && at <= c->stream.count) {
        bytes_add_text(&scratch, "\"choices\":[{\"index\":0,\"delta\":{"
                                 "\"content\":\"");
        add_content(c, at - 1);
        bytes_add_text(&scratch, "\"},\"finish_reason\":null}]");
        chat_tail(c);
        if (c->script.malformed && at == 1)
            scratch.len /= 2;
        send_event(c, NULL);
        return;
    }
    chat_head(c);
    bytes_addf(&scratch,
               "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"
               "\"%s\"}]",
               has_tool ? "tool_calls" : "stop");
    chat_tail(c);
    send_event(c, NULL);
    c->stream.at = STREAM_ENDING - 1; /* is advanced once more */
}

static void
text_event(struct connection *c, long at)
{
    text model = model_shown(c);
    bool is_last = at >= c->stream.count;
    bytes_reset(&scratch);
    bytes_addf(&scratch,
               "{\"id\":\"cmpl-%012llx\",\"object\":\"text_completion\","
               "\"created\":" CREATED ",\"model\":\"%.*s\",\"choices\":[{"
               "\"text\":\"",
               (unsigned long long)c->sequence, (int)model.len, model.ptr);
    if (!is_last)
        add_content(c, at);
    bytes_addf(&scratch,
               "\",\"index\":0,\"logprobs\":null,\"finish_reason\":%s}]",
               is_last ? "\"stop\"" : "null");
    chat_tail(c);
    send_event(c, NULL);
    if (is_last)
        c->stream.at = STREAM_ENDING - 1;
}

static void
send_usage_chunk(struct connection *c)
{
    if (c->stream.kind == STREAM_CHAT) {
        chat_head(c);
    } else {
        text model = model_shown(c);
        bytes_reset(&scratch);
        bytes_addf(&scratch,
                   "{\"id\":\"cmpl-%012llx\",\"object\":\"text_completion\","
                   "\"created\":" CREATED ",\"model\":\"%.*s\",",
                   (unsigned long long)c->sequence, (int)model.len, model.ptr);
    }
    bytes_add_text(&scratch, "\"choices\":[],");
    bytes_add_usage(&scratch, c);
    bytes_add_text(&scratch, "}");
    send_event(c, NULL);
}

static void
stream_end(struct connection *c)
{
    bytes_add_text(&c->out, "0\r\n\r\n");
    c->stream.is_done = true;
}

/* Chat and text: usage, [DONE] and the last chunk, in one write. */
static void
chat_end(struct connection *c)
{
    if (c->call.wants_usage && !c->script.no_usage)
        send_usage_chunk(c);
    if (!c->script.no_done) {
        bytes_reset(&scratch);
        bytes_add_text(&scratch, "[DONE]");
        send_event(c, NULL);
    }
    stream_end(c);
}

/* ----------------------------------------------------------- responses */

static void
responses_object(struct connection *c, const char *status, bool is_whole)
{
    text model = model_shown(c);
    bytes_addf(&scratch,
               "{\"id\":\"resp_%012llx\",\"object\":\"response\","
               "\"created_at\":" CREATED ",\"status\":\"%s\",\"error\":null,"
               "\"incomplete_details\":null,\"instructions\":null,"
               "\"model\":\"%.*s\",\"output\":[",
               (unsigned long long)c->sequence, status, (int)model.len,
               model.ptr);
    if (is_whole) {
        bytes_addf(&scratch,
                   "{\"id\":\"msg_%012llx\",\"type\":\"message\",\"status\":"
                   "\"completed\",\"role\":\"assistant\",\"content\":[{"
                   "\"type\":\"output_text\",\"annotations\":[],\"text\":\"",
                   (unsigned long long)c->sequence);
        for (long i = 0; i < c->stream.count; i++)
            add_content(c, i);
        bytes_add_text(&scratch, "\"}]}");
    }
    bytes_add_text(&scratch, "],\"parallel_tool_calls\":true,"
                             "\"tool_choice\":\"auto\",\"tools\":[],"
                             "\"temperature\":1.0,\"top_p\":1.0,"
                             "\"metadata\":{},\"usage\":");
    if (is_whole && !c->script.no_usage) {
        bytes_addf(&scratch,
                   "{\"input_tokens\":%ld,\"input_tokens_details\":{"
                   "\"cached_tokens\":%ld},\"output_tokens\":%ld,"
                   "\"output_tokens_details\":{\"reasoning_tokens\":%ld},"
                   "\"total_tokens\":%ld}}",
                   c->usage.input, c->usage.cached, c->usage.output,
                   c->usage.reasoning, c->usage.input + c->usage.output);
        c->is_usage_sent = true;
    } else {
        bytes_add_text(&scratch, "null}");
    }
}

static void
responses_start(struct connection *c, const char *type, long number)
{
    bytes_reset(&scratch);
    bytes_addf(&scratch, "{\"type\":\"%s\",\"sequence_number\":%ld,", type,
               number);
}

static void
responses_named(struct connection *c, const char *type, long number)
{
    responses_start(c, type, number);
    if (strcmp(type, "response.output_item.added") == 0 ||
        strcmp(type, "response.output_item.done") == 0) {
        bool is_done = type[21] == 'd';
        bytes_addf(&scratch,
                   "\"output_index\":0,\"item\":{\"id\":\"msg_%012llx\","
                   "\"type\":\"message\",\"status\":\"%s\",\"role\":"
                   "\"assistant\",\"content\":[",
                   (unsigned long long)c->sequence,
                   is_done ? "completed" : "in_progress");
        if (is_done) {
            bytes_add_text(&scratch, "{\"type\":\"output_text\","
                                     "\"annotations\":[],\"text\":\"");
            for (long i = 0; i < c->stream.count; i++)
                add_content(c, i);
            bytes_add_text(&scratch, "\"}");
        }
        bytes_add_text(&scratch, "]}}");
    } else {
        bytes_addf(&scratch,
                   "\"item_id\":\"msg_%012llx\",\"output_index\":0,"
                   "\"content_index\":0,",
                   (unsigned long long)c->sequence);
        bool is_part = strstr(type, "content_part") != NULL;
        bytes_add_text(&scratch, is_part ? "\"part\":{\"type\":\"output_text\","
                                           "\"annotations\":[],\"text\":\""
                                         : "\"logprobs\":[],\"text\":\"");
        if (strcmp(type, "response.content_part.added") != 0)
            for (long i = 0; i < c->stream.count; i++)
                add_content(c, i);
        bytes_add_text(&scratch, is_part ? "\"}}" : "\"}");
    }
    send_event(c, type);
}

static void
responses_event(struct connection *c, long at)
{
    static const char *const after[] = {"response.output_text.done",
                                        "response.content_part.done",
                                        "response.output_item.done"};
    long behind = at - 4 - c->stream.count;
    if (at < 2) {
        const char *type =
            at == 0 ? "response.created" : "response.in_progress";
        responses_start(c, type, at);
        bytes_add_text(&scratch, "\"response\":");
        responses_object(c, "in_progress", false);
        bytes_add_text(&scratch, "}");
        send_event(c, type);
    } else if (at < 4) {
        responses_named(c,
                        at == 2 ? "response.output_item.added"
                                : "response.content_part.added",
                        at);
    } else if (behind < 0) {
        responses_start(c, "response.output_text.delta", at);
        bytes_addf(&scratch,
                   "\"item_id\":\"msg_%012llx\",\"output_index\":0,"
                   "\"content_index\":0,\"logprobs\":[],\"delta\":\"",
                   (unsigned long long)c->sequence);
        add_content(c, at - 4);
        bytes_add_text(&scratch, "\"}");
        if (c->script.malformed && at == 4)
            scratch.len /= 2;
        send_event(c, "response.output_text.delta");
    } else if (behind < 3) {
        responses_named(c, after[behind], at);
    } else {
        responses_start(c, "response.completed", at);
        bytes_add_text(&scratch, "\"response\":");
        responses_object(c, "completed", true);
        bytes_add_text(&scratch, "}");
        send_event(c, "response.completed");
        stream_end(c);
    }
}

/* ---------------------------------------------------------------- pump */

static void
error_event(struct connection *c)
{
    bool is_responses = c->stream.kind == STREAM_RESPONSES;
    bytes_reset(&scratch);
    bytes_add_text(&scratch,
                   is_responses
                       ? "{\"type\":\"error\",\"sequence_number\":99,\"code\":"
                         "\"server_error\",\"message\":\"scripted failure\","
                         "\"param\":null}"
                       : "{\"error\":{\"message\":\"scripted failure\","
                         "\"type\":\"server_error\",\"param\":null,"
                         "\"code\":\"scripted\"}}");
    send_event(c, is_responses ? "error" : NULL);
    stream_end(c);
}

void
stream_begin(struct connection *c, enum stream_kind kind)
{
    c->stream = (struct stream){.kind = kind, .count = c->script.events};
    if (c->stream.count < 0)
        c->stream.count = c->usage.output < 100000 ? c->usage.output : 100000;
    bytes_addf(&c->out,
               "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; "
               "charset=utf-8\r\nTransfer-Encoding: chunked\r\n"
               "Cache-Control: no-cache\r\nx-origin: %s\r\n"
               "x-request-id: req_%012llx\r\n%s\r\n",
               c->from->name, (unsigned long long)c->sequence,
               c->script.close_after || !c->request.keep_alive
                   ? "Connection: close\r\n"
                   : "");
}

void
stream_pump(struct connection *c)
{
    long at = c->stream.at;
    if (c->script.cut_after >= 0 && at >= 0 && at >= c->script.cut_after) {
        if (c->script.error_event) {
            error_event(c);
            return;
        }
        c->phase = CLOSING;
        return;
    }
    if (c->script.comments)
        bytes_addf(&c->out, "%x\r\n: ping%s%s\r\n", c->script.crlf ? 10 : 8,
                   eol_of(c), eol_of(c));
    if (at == STREAM_ENDING) {
        chat_end(c);
        return;
    }
    if (c->stream.kind == STREAM_CHAT)
        chat_event(c, at);
    else if (c->stream.kind == STREAM_TEXT)
        text_event(c, at);
    else
        responses_event(c, at);
    c->stream.at++;
    if (c->script.gap_ms > 0 && !c->stream.is_done)
        timer_set(c, c->script.gap_ms);
    else if (c->script.turns && !c->stream.is_done)
        timer_set(c, 0); /* the other streams send theirs first */
}
