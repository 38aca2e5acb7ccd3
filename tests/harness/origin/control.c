/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /_origin/: what the tests ask the origin itself.
 *
 *     GET  /_origin/stats            counters, as JSON
 *     POST /_origin/reset            counters, scripts and log to nothing
 *     POST /_origin/default          body: script of every call from now on
 *     POST /_origin/next?count=N     body: script of the next N calls, on
 *          [&name=LISTENER]          one listener only if named
 *     GET  /_origin/requests         the kept requests, newest first
 *     GET  /_origin/body/K           body of the K-th newest, byte for byte
 *     GET  /_origin/head/K           its head, byte for byte
 */
#include "origin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct bytes scratch;

static void
answer(struct connection *c, const char *type)
{
    reply_simple(c, 200, type, scratch.ptr, scratch.len);
}

static void
add_stats(void)
{
    bytes_addf(
        &scratch,
        "{\"connections\":%llu,\"open\":%llu,\"requests\":%llu,"
        "\"bad_requests\":%llu,\"calls\":%llu,\"replied\":%llu,"
        "\"aborted\":%llu,\"cut\":%llu,\"errors\":%llu,"
        "\"events\":%lld,\"input_tokens\":%lld,"
        "\"output_tokens\":%lld,\"cached_tokens\":%lld,"
        "\"reasoning_tokens\":%lld,\"models\":{",
        (unsigned long long)world.connections,
        (unsigned long long)world.open_now, (unsigned long long)world.requests,
        (unsigned long long)world.bad_requests, (unsigned long long)world.calls,
        (unsigned long long)world.replied, (unsigned long long)world.aborted,
        (unsigned long long)world.cut, (unsigned long long)world.errors,
        (long long)world.events, (long long)world.input,
        (long long)world.output, (long long)world.cached,
        (long long)world.reasoning);
    for (size_t i = 0; i < world.model_count; i++) {
        bytes_add_text(&scratch, i == 0 ? "\"" : ",\"");
        bytes_add_json(&scratch, (text){world.models[i].name,
                                        strlen(world.models[i].name)});
        bytes_addf(&scratch,
                   "\":{\"calls\":%llu,\"input_tokens\":%lld,"
                   "\"output_tokens\":%lld}",
                   (unsigned long long)world.models[i].calls,
                   (long long)world.models[i].input,
                   (long long)world.models[i].output);
    }
    bytes_add_text(&scratch, "}}");
}

static void
reset_world(void)
{
    world.requests = world.bad_requests = world.calls = world.replied = 0;
    world.aborted = world.cut = world.errors = 0;
    world.input = world.output = world.cached = world.reasoning = 0;
    world.events = 0;
    world.next_count = 0;
    world.kept_count = 0;
    script_init(&world.standing);
    for (size_t i = 0; i < world.model_count; i++)
        free(world.models[i].name);
    world.model_count = 0;
}

static text
query_value(text query, const char *name)
{
    size_t len = strlen(name);
    const char *at = query.ptr;
    const char *end = query.ptr + query.len;
    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        if (stop == NULL)
            stop = end;
        if ((size_t)(stop - at) > len && memcmp(at, name, len) == 0 &&
            at[len] == '=')
            return (text){at + len + 1, (size_t)(stop - at) - len - 1};
        at = stop + 1;
    }
    return (text){NULL, 0};
}

static struct kept *
kept_at(uint64_t back)
{
    if (world.keep == 0 || back >= world.keep || back >= world.kept_count)
        return NULL;
    return &world.kept[(world.kept_count - 1 - back) % world.keep];
}

static void
add_requests(void)
{
    bytes_add_text(&scratch, "[");
    for (uint64_t i = 0; kept_at(i) != NULL; i++) {
        struct kept *kept = kept_at(i);
        bytes_addf(&scratch,
                   "%s{\"sequence\":%llu,\"connection\":%llu,\"name\":\"%s\","
                   "\"body_bytes\":%zu,\"head\":\"",
                   i == 0 ? "" : ",", (unsigned long long)kept->sequence,
                   (unsigned long long)kept->connection, kept->name,
                   kept->body.len);
        bytes_add_json(&scratch, (text){kept->head.ptr, kept->head.len});
        bytes_add_text(&scratch, "\"}");
    }
    bytes_add_text(&scratch, "]");
}

static bool
set_script(struct connection *c, struct script *script)
{
    text bad;
    script_init(script);
    return script_apply(script, c->body_text, &bad);
}

static void
control_post(struct connection *c, text what)
{
    bool is_good = true;
    if (text_is(what, "reset")) {
        reset_world();
    } else if (text_is(what, "default")) {
        is_good = set_script(c, &world.standing);
    } else if (text_is(what, "next")) {
        text count = query_value(c->request.query, "count");
        text name = query_value(c->request.query, "name");
        is_good = set_script(c, &world.next);
        world.next_count = count.len > 0 ? atol(count.ptr) : 1;
        free(world.next_name);
        world.next_name = name.len > 0 ? strndup(name.ptr, name.len) : NULL;
    } else {
        is_good = false;
    }
    bytes_add_text(&scratch, is_good ? "{}" : "{\"error\":\"not understood\"}");
    reply_simple(c, is_good ? 200 : 400, "application/json", scratch.ptr,
                 scratch.len);
}

void
control_reply(struct connection *c)
{
    text what = {c->request.path.ptr + 9, c->request.path.len - 9};
    struct kept *kept;

    bytes_reset(&scratch);
    if (text_is(c->request.method, "POST")) {
        control_post(c, what);
        return;
    }
    if (text_is(what, "stats")) {
        add_stats();
        answer(c, "application/json");
    } else if (text_is(what, "requests")) {
        add_requests();
        answer(c, "application/json");
    } else if (what.len > 5 &&
               (memcmp(what.ptr, "body/", 5) == 0 ||
                memcmp(what.ptr, "head/", 5) == 0) &&
               (kept = kept_at((uint64_t)atol(what.ptr + 5))) != NULL) {
        struct bytes *part = what.ptr[0] == 'b' ? &kept->body : &kept->head;
        bytes_add(&scratch, part->ptr, part->len);
        answer(c, "application/octet-stream");
    } else {
        bytes_add_text(&scratch, "{\"error\":\"no such thing\"}");
        reply_simple(c, 404, "application/json", scratch.ptr, scratch.len);
    }
}
