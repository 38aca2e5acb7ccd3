/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole replies, and which endpoint a path means.
 *
 * Usage, unless scripted: input tokens are a quarter of the raw bytes of
 * `messages`, `input` or `prompt`, rounded up; output tokens are `events`,
 * else the smaller of 16 and what the caller allows.
 */
#include "origin.h"

#include <stdio.h>
#include <string.h>

static struct bytes scratch;

static bool
path_ends(text path, const char *tail)
{
    size_t len = strlen(tail);
    return path.len >= len && memcmp(path.ptr + path.len - len, tail, len) == 0;
}

static const char *
reason_of(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 404:
        return "Not Found";
    case 429:
        return "Too Many Requests";
    case 500:
        return "Internal Server Error";
    case 503:
        return "Service Unavailable";
    default:
        return "Scripted";
    }
}

/* CRC of gzip (reflected 0x04C11DB7), bit by bit: replies are small. */
static uint32_t
crc32_of(const char *ptr, size_t len)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < len; i++) {
        crc ^= (unsigned char)ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1u ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static void
add_le(struct bytes *b, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) {
        char byte = (char)(value >> (8 * i));
        bytes_add(b, &byte, 1);
    }
}

/* A gzip member of stored blocks. */
static void
add_gzip(struct bytes *b, const char *ptr, size_t len)
{
    size_t left = len;
    bytes_add(b, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    do {
        size_t block = left > 65535 ? 65535 : left;
        char is_last = block == left;
        bytes_add(b, &is_last, 1);
        add_le(b, (uint32_t)block, 2);
        add_le(b, (uint32_t)~block, 2);
        bytes_add(b, ptr + (len - left), block);
        left -= block;
    } while (left > 0);
    add_le(b, crc32_of(ptr, len), 4);
    add_le(b, (uint32_t)len, 4);
}

void
reply_simple(struct connection *c, int status, const char *type,
             const char *bytes, size_t len)
{
    const struct script *s = &c->script;
    struct bytes packed = {0};

    if (s->malformed && len > 3)
        len -= len / 3;
    if (s->gzip) {
        add_gzip(&packed, bytes, len);
        bytes = packed.ptr;
        len = packed.len;
    }
    bytes_need(&c->out, len + 512);
    bytes_addf(&c->out,
               "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nx-origin: %s\r\n"
               "x-request-id: req_%012llx\r\n",
               status, reason_of(status), type, c->from->name,
               (unsigned long long)c->sequence);
    if (s->gzip)
        bytes_add_text(&c->out, "Content-Encoding: gzip\r\n");
    if (s->retry_after_ms >= 0 && s->retry_after_ms % 1000 == 0)
        bytes_addf(&c->out, "Retry-After: %ld\r\n", s->retry_after_ms / 1000);
    else if (s->retry_after_ms >= 0)
        bytes_addf(&c->out, "retry-after-ms: %ld\r\n", s->retry_after_ms);
    if (!c->request.keep_alive || s->close_after)
        bytes_add_text(&c->out, "Connection: close\r\n");
    if (s->chunked) {
        bytes_addf(&c->out, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", len);
        bytes_add(&c->out, bytes, len);
        bytes_add_text(&c->out, "\r\n0\r\n\r\n");
    } else {
        bytes_addf(&c->out, "Content-Length: %ld\r\n\r\n",
                   (long)len + s->length_off);
        bytes_add(&c->out, bytes, len);
        if (s->length_off != 0)
            c->request.keep_alive = false; /* framing is lost */
    }
    if (s->cut_after >= 0 && (size_t)s->cut_after < len) {
        c->out.len -= len - (size_t)s->cut_after;
        c->is_usage_sent = false;
        c->phase = CLOSING;
    }
    bytes_free(&packed);
    connection_reply(c);
}

static void
reply_error(struct connection *c, int status, const char *what)
{
    bytes_reset(&scratch);
    bytes_addf(&scratch,
               "{\"error\":{\"message\":\"%s\",\"type\":\"%s\",\"param\":null,"
               "\"code\":\"scripted\"}}",
               what,
               status == 429  ? "rate_limit_error"
               : status < 500 ? "invalid_request_error"
                              : "server_error");
    world.errors++;
    reply_simple(c, status, "application/json", scratch.ptr, scratch.len);
}

static void
add_text_content(struct connection *c)
{
    if (c->script.content[0] != '\0')
        bytes_add_json(&scratch,
                       (text){c->script.content, strlen(c->script.content)});
    else if (c->script.event_bytes >= 0)
        bytes_fill(&scratch, (size_t)c->script.event_bytes, 0);
    else
        bytes_fill(&scratch, (size_t)c->usage.output * 5, 0);
}

void
bytes_add_usage(struct bytes *b, struct connection *c)
{
    bytes_addf(b,
               "\"usage\":{\"prompt_tokens\":%ld,\"completion_tokens\":%ld,"
               "\"total_tokens\":%ld,\"prompt_tokens_details\":"
               "{\"cached_tokens\":%ld},\"completion_tokens_details\":"
               "{\"reasoning_tokens\":%ld}}",
               c->usage.input, c->usage.output,
               c->usage.input + c->usage.output, c->usage.cached,
               c->usage.reasoning);
    c->is_usage_sent = true;
}

static void
add_chat_usage(struct connection *c)
{
    if (c->script.no_usage)
        return;
    bytes_add_text(&scratch, ",");
    bytes_add_usage(&scratch, c);
}

text
model_shown(const struct connection *c)
{
    text model = c->call.model;
    const char *plus = memchr(model.ptr, '+', model.len);
    if (plus != NULL)
        model.len = (size_t)(plus - model.ptr);
    return model;
}

static void
reply_chat(struct connection *c)
{
    text model = model_shown(c);
    bytes_reset(&scratch);
    bytes_addf(&scratch,
               "{\"id\":\"chatcmpl-%012llx\",\"object\":\"chat.completion\","
               "\"created\":" CREATED ",\"model\":\"%.*s\","
               "\"system_fingerprint\":\"%s\",\"choices\":[{\"index\":0,"
               "\"message\":{\"role\":\"assistant\",\"refusal\":null,",
               (unsigned long long)c->sequence, (int)model.len, model.ptr,
               c->from->name);
    if (c->script.tool[0] != '\0') {
        bytes_addf(&scratch,
                   "\"content\":null,\"tool_calls\":[{\"id\":\"call_%08llx\","
                   "\"type\":\"function\",\"function\":{\"name\":\"%s\","
                   "\"arguments\":\"",
                   (unsigned long long)c->sequence, c->script.tool);
        bytes_add_json(&scratch, (text){c->script.tool_arguments,
                                        strlen(c->script.tool_arguments)});
        bytes_add_text(&scratch, "\"}}]},\"logprobs\":null,"
                                 "\"finish_reason\":\"tool_calls\"}]");
    } else {
        bytes_add_text(&scratch, "\"content\":\"");
        add_text_content(c);
        bytes_add_text(&scratch, "\"},\"logprobs\":null,"
                                 "\"finish_reason\":\"stop\"}]");
    }
    add_chat_usage(c);
    bytes_add_text(&scratch, "}");
    reply_simple(c, 200, "application/json", scratch.ptr, scratch.len);
}

static void
reply_text(struct connection *c)
{
    text model = model_shown(c);
    bytes_reset(&scratch);
    bytes_addf(&scratch,
               "{\"id\":\"cmpl-%012llx\",\"object\":\"text_completion\","
               "\"created\":" CREATED ",\"model\":\"%.*s\",\"choices\":[{"
               "\"text\":\"",
               (unsigned long long)c->sequence, (int)model.len, model.ptr);
    add_text_content(c);
    bytes_add_text(&scratch, "\",\"index\":0,\"logprobs\":null,"
                             "\"finish_reason\":\"stop\"}]");
    add_chat_usage(c);
    bytes_add_text(&scratch, "}");
    reply_simple(c, 200, "application/json", scratch.ptr, scratch.len);
}

static void
reply_responses(struct connection *c)
{
    text model = model_shown(c);
    bytes_reset(&scratch);
    bytes_addf(&scratch,
               "{\"id\":\"resp_%012llx\",\"object\":\"response\","
               "\"created_at\":" CREATED ",\"status\":\"completed\","
               "\"error\":null,\"incomplete_details\":null,"
               "\"instructions\":null,\"model\":\"%.*s\",\"output\":[{",
               (unsigned long long)c->sequence, (int)model.len, model.ptr);
    if (c->script.tool[0] != '\0') {
        bytes_addf(&scratch,
                   "\"type\":\"function_call\",\"id\":\"fc_%08llx\","
                   "\"call_id\":\"call_%08llx\",\"status\":\"completed\","
                   "\"name\":\"%s\",\"arguments\":\"",
                   (unsigned long long)c->sequence,
                   (unsigned long long)c->sequence, c->script.tool);
        bytes_add_json(&scratch, (text){c->script.tool_arguments,
                                        strlen(c->script.tool_arguments)});
        bytes_add_text(&scratch, "\"}]");
    } else {
        bytes_addf(&scratch,
                   "\"type\":\"message\",\"id\":\"msg_%012llx\",\"status\":"
                   "\"completed\",\"role\":\"assistant\",\"content\":[{"
                   "\"type\":\"output_text\",\"annotations\":[],\"text\":\"",
                   (unsigned long long)c->sequence);
        add_text_content(c);
        bytes_add_text(&scratch, "\"}]}]");
    }
    bytes_add_text(&scratch, ",\"parallel_tool_calls\":true,\"tool_choice\":"
                             "\"auto\",\"tools\":[],\"temperature\":1.0,"
                             "\"top_p\":1.0,\"metadata\":{}");
    if (!c->script.no_usage) {
        bytes_addf(&scratch,
                   ",\"usage\":{\"input_tokens\":%ld,\"input_tokens_details\":"
                   "{\"cached_tokens\":%ld},\"output_tokens\":%ld,"
                   "\"output_tokens_details\":{\"reasoning_tokens\":%ld},"
                   "\"total_tokens\":%ld}",
                   c->usage.input, c->usage.cached, c->usage.output,
                   c->usage.reasoning, c->usage.input + c->usage.output);
        c->is_usage_sent = true;
    }
    bytes_add_text(&scratch, "}");
    reply_simple(c, 200, "application/json", scratch.ptr, scratch.len);
}

/* Eight components in powers of two: exact as text and as binary. */
static void
reply_embeddings(struct connection *c)
{
    text model = model_shown(c);
    /* 0.5 0.25 -0.5 0 1 -1 0.125 -0.125 as little-endian floats, base64 */
    static const char packed[] = "AAAAPwAAgD4AAAC/AAAAAAAAgD8AAIC/"
                                 "AAAAPgAAAL4=";
    static const char listed[] = "[0.5,0.25,-0.5,0.0,1.0,-1.0,0.125,-0.125]";
    bool is_packed = text_is(c->call.encoding_format, "base64");

    c->usage.output = 0;
    c->usage.reasoning = 0;
    bytes_reset(&scratch);
    bytes_add_text(&scratch, "{\"object\":\"list\",\"data\":[");
    for (long i = 0; i < c->call.inputs; i++)
        bytes_addf(&scratch,
                   "%s{\"object\":\"embedding\",\"index\":%ld,"
                   "\"embedding\":%s%s%s}",
                   i == 0 ? "" : ",", i, is_packed ? "\"" : "",
                   is_packed ? packed : listed, is_packed ? "\"" : "");
    bytes_addf(&scratch, "],\"model\":\"%.*s\"", (int)model.len, model.ptr);
    if (!c->script.no_usage) {
        bytes_addf(&scratch,
                   ",\"usage\":{\"prompt_tokens\":%ld,\"total_tokens\":%ld}",
                   c->usage.input, c->usage.input);
        c->is_usage_sent = true;
    }
    bytes_add_text(&scratch, "}");
    reply_simple(c, 200, "application/json", scratch.ptr, scratch.len);
}

static void
reply_models(struct connection *c)
{
    bytes_reset(&scratch);
    bytes_add_text(&scratch, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < world.model_count; i++)
        bytes_addf(&scratch,
                   "%s{\"id\":\"%s\",\"object\":\"model\",\"created\":" CREATED
                   ",\"owned_by\":\"%s\"}",
                   i == 0 ? "" : ",", world.models[i].name, c->from->name);
    bytes_add_text(&scratch, "]}");
    reply_simple(c, 200, "application/json", scratch.ptr, scratch.len);
}

static void
compute_usage(struct connection *c)
{
    const struct script *s = &c->script;
    long allowed = c->call.max_tokens;
    c->usage.input = s->tokens_in >= 0
                         ? s->tokens_in
                         : (long)((c->call.input_raw.len + 3) / 4);
    if (s->tokens_out >= 0)
        c->usage.output = s->tokens_out;
    else if (s->events >= 0)
        c->usage.output = s->events;
    else
        c->usage.output = allowed >= 0 && allowed < 16 ? allowed : 16;
    c->usage.cached = s->tokens_cached;
    c->usage.reasoning = s->tokens_reasoning;
}

void
reply_start(struct connection *c)
{
    text path = c->request.path;
    bool is_stream = c->call.is_stream;

    if (c->script.hang)
        return;
    if (c->script.close_now) {
        c->phase = CLOSING;
        connection_reply(c);
        return;
    }
    if (c->script.status >= 300) {
        char what[64];
        snprintf(what, sizeof(what), "scripted status %d", c->script.status);
        reply_error(c, c->script.status, what);
        return;
    }
    if (c->script.replay[0] != '\0') {
        if (!replay_open(c))
            reply_error(c, 404, "no such recording");
        return;
    }
    if (path_ends(path, "/chat/completions")) {
        if (is_stream)
            stream_begin(c, STREAM_CHAT);
        else
            reply_chat(c);
    } else if (path_ends(path, "/responses")) {
        if (is_stream)
            stream_begin(c, STREAM_RESPONSES);
        else
            reply_responses(c);
    } else if (path_ends(path, "/embeddings")) {
        is_stream = false;
        reply_embeddings(c);
    } else {
        if (is_stream)
            stream_begin(c, STREAM_TEXT);
        else
            reply_text(c);
    }
    if (is_stream)
        connection_reply(c);
}

/* All layers of the script; an unknown word is the caller's mistake. */
static bool
gather_script(struct connection *c)
{
    text bad;
    const char *plus;
    c->script = world.standing;
    if (world.next_count > 0 && (world.next_name == NULL ||
                                 strcmp(world.next_name, c->from->name) == 0)) {
        world.next_count--;
        c->script = world.next;
    }
    plus = memchr(c->call.model.ptr, '+', c->call.model.len);
    if (plus != NULL) {
        text words = {plus + 1, c->call.model.len -
                                    (size_t)(plus + 1 - c->call.model.ptr)};
        if (!script_apply(&c->script, words, &bad))
            return false;
    }
    return script_apply(&c->script, c->request.script_header, &bad) &&
           script_apply(&c->script, c->call.metadata_origin, &bad);
}

static bool
is_call_path(text path)
{
    return path_ends(path, "/chat/completions") ||
           path_ends(path, "/responses") || path_ends(path, "/embeddings") ||
           path_ends(path, "/completions");
}

void
reply_begin(struct connection *c)
{
    struct request *r = &c->request;

    script_init(&c->script);
    c->script.cut_how = CUT_NONE;
    if (r->path.len >= 9 && memcmp(r->path.ptr, "/_origin/", 9) == 0) {
        control_reply(c);
        return;
    }
    if (text_is(r->method, "GET") && path_ends(r->path, "/models")) {
        reply_models(c);
        return;
    }
    if (!text_is(r->method, "POST") || !is_call_path(r->path)) {
        reply_error(c, 404, "no such path");
        return;
    }
    world.calls++;
    c->is_call = true;
    if (!call_body_parse(c->body_text, &c->call)) {
        world.bad_requests++;
        reply_error(c, 400, "the body is not a JSON object");
        return;
    }
    struct model_count *model = model_of(c->call.model);
    if (model != NULL)
        model->calls++;
    if (!gather_script(c)) {
        reply_error(c, 400, "unknown word in the script");
        return;
    }
    compute_usage(c);
    c->random = c->script.split * 2654435761u + c->sequence;
    c->phase = WAITING;
    if (c->script.delay_ms > 0)
        timer_set(c, c->script.delay_ms);
    else
        reply_start(c);
}
