/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "bedrock.h"

#include <weir/eventstream.h>
#include <weir/raw.h>

#include <stdio.h>
#include <string.h>

static struct weir_surface_route
route_of(const char *path)
{
    struct weir_surface_route route = {0};
    assert_ok(weir_surface_route(WEIR_SPAN("POST"), weir_span_of(path),
                                 WEIR_SPAN_NONE, &route, NULL));
    return route;
}

TEST(bedrock_surface, a_path_names_model_and_verb)
{
    struct weir_surface_route route = route_of("/model/a.b-v1:0/converse");
    assert_span(route.model, "a.b-v1:0");
    assert_false(route.is_streamed);
    route = route_of("/model/arn:aws:x/inference/y/converse-stream");
    assert_span(route.model, "arn:aws:x/inference/y");
    assert_true(route.is_streamed);
    static const char *const others[] = {"/model//converse", "/model/converse",
                                         "/model//invoke", "/model/a/converse/",
                                         "/async-invoke"};
    for (size_t i = 0; i < WEIR_COUNTOF(others); i++)
        assert_int_equal(weir_surface_route(WEIR_SPAN("POST"),
                                            weir_span_of(others[i]),
                                            WEIR_SPAN_NONE, &route, NULL),
                         WEIR_ENOTOURS);
    assert_int_equal(weir_surface_route(WEIR_SPAN("GET"),
                                        WEIR_SPAN("/model/a/converse"),
                                        WEIR_SPAN_NONE, &route, NULL),
                     WEIR_EMETHOD);
}

/* What a body becomes, and what is wrong with it. */
struct asked {
    char memory[64 << 10];
    char small[4096];
    struct weir_arena arena;
    struct weir_arena parsed;
    struct weir_request request;
    struct weir_neutral call;
    struct weir_error err;
};

static weir_status
ask(struct asked *asked, const char *body)
{
    struct weir_surface_route route = route_of("/model/m/converse");
    weir_arena_init(&asked->arena, asked->memory, sizeof asked->memory);
    weir_arena_init(&asked->parsed, asked->small, sizeof asked->small);
    weir_status status =
        weir_surface_parse(&route, weir_span_of(body), &asked->parsed,
                           &asked->request, &asked->err);
    return status != WEIR_OK
               ? status
               : weir_surface_read_call(&asked->request, &asked->arena,
                                        &asked->call, &asked->err);
}

TEST(bedrock_surface, a_cache_point_marks_what_stands_before_it)
{
    static struct asked asked;
    assert_ok(ask(&asked, "{\"system\":[{\"text\":\"s\"},{\"cachePoint\":"
                          "{\"type\":\"default\",\"ttl\":\"1h\"}}],"
                          "\"messages\":[{\"role\":\"user\",\"content\":["
                          "{\"text\":\"a\"},{\"cachePoint\":{}}]}]}"));
    assert_span(asked.call.turns->parts->cache,
                "{\"type\":\"ephemeral\",\"ttl\":\"1h\"}");
    assert_null(asked.call.turns->parts->next);
    assert_span(asked.call.turns->next->parts->cache,
                "{\"type\":\"ephemeral\"}");
}

TEST(bedrock_surface, a_wrapped_seal_comes_back_and_breaks_out_of_nothing)
{
    static struct asked asked;
    /* base64 of `weir::gA-_` and of `weir::x","model":"y` */
    static const struct {
        const char *seal;
        const char *read;
    } rows[] = {
        {"d2Vpcjo6Z0EtXw==", "gA-_"},
        {"d2Vpcjo6eCIsIm1vZGVsIjoieQ==", "d2Vpcjo6eCIsIm1vZGVsIjoieQ=="},
        {"d2Vpcjo6!", "d2Vpcjo6!"},
        {"d2Vpcjo6", ""},
        {"c2VhbA==", "c2VhbA=="}};
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        char body[512];
        snprintf(body, sizeof body,
                 "{\"messages\":[{\"role\":\"assistant\",\"content\":["
                 "{\"reasoningContent\":{\"redactedContent\":\"%s\"}}]}]}",
                 rows[i].seal);
        assert_ok(ask(&asked, body));
        assert_true(weir_span_equal(asked.call.turns->parts->signature,
                                    weir_span_of(rows[i].read)));
    }
}

TEST(bedrock_surface, a_wrong_body_is_refused_by_the_member_at_fault)
{
    static struct asked asked;
    static const struct {
        const char *body;
        const char *text;
    } rows[] = {
        {"{}", "messages must be an array"},
        {"[]", "the body must be an object"},
        {"{\"messages\":[],\"inferenceConfig\":{\"maxTokens\":\"x\"}}",
         "maxTokens must be a whole number"},
        {"{\"messages\":[{\"role\":\"system\",\"content\":[]}]}", "role"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "content"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{}]}]}", "content"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"guardContent\":{}}"
         "]}]}",
         "guardContent"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"toolResult\":{"
         "\"content\":[]}}]}]}",
         "toolUseId"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        assert_int_not_equal(ask(&asked, rows[i].body), WEIR_OK);
        assert_non_null(strstr(asked.err.text, rows[i].text));
    }
}

/* The events of a reply, as frames; types parted by blanks. */
static void
frames_of(weir_span bytes, char *types, size_t size, char *last,
          size_t last_size)
{
    struct weir_buf held;
    struct weir_eventstream message;
    bool is_broken = false;
    types[0] = '\0';
    weir_buf_init(&held, 1 << 20);
    while (weir_eventstream_next(&held, &bytes, &message, &is_broken)) {
        weir_span type =
            weir_eventstream_string(message.headers, WEIR_SPAN(":event-type"));
        if (type.len == 0)
            type = weir_eventstream_string(message.headers,
                                           WEIR_SPAN(":exception-type"));
        size_t len = strlen(types);
        snprintf(types + len, size - len, "%s%.*s", len > 0 ? " " : "",
                 WEIR_SPAN_ARG(type));
        snprintf(last, last_size, "%.*s", WEIR_SPAN_ARG(message.payload));
    }
    assert_false(is_broken);
    weir_buf_fini(&held);
}

TEST(bedrock_surface, a_stream_is_whole_frames_in_order)
{
    struct weir_buf out;
    char types[512], last[512];
    struct weir_writing writing = {.ops = &weir_bedrock_writing,
                                   .out = &out,
                                   .is_streamed = true,
                                   .request = WEIR_SPAN("req_1")};
    struct weir_event_usage usage = {.counts = {.input_tokens = 9,
                                                .cached_tokens = 2,
                                                .output_tokens = 4,
                                                .cache_write_tokens = 3}};
    const struct weir_event events[] = {
        {.kind = WEIR_EVENT_START},
        {.kind = WEIR_EVENT_SIGNATURE,
         .text = WEIR_SPAN("a-b_"),
         .is_redacted = true},
        {.kind = WEIR_EVENT_TEXT, .text = WEIR_SPAN("hi \\\"you\\\"")},
        {.kind = WEIR_EVENT_TOOL_CALL, .name = WEIR_SPAN("f")},
        {.kind = WEIR_EVENT_TOOL_ARGUMENTS,
         .text = WEIR_SPAN("{\"a\":\"b\"}"),
         .is_raw = true},
        {.kind = WEIR_EVENT_STOP, .stop = WEIR_STOP_TOOL},
        {.kind = WEIR_EVENT_USAGE, .usage = &usage},
        {.kind = WEIR_EVENT_END}};
    weir_buf_init(&out, 1 << 20);
    weir_buf_init(&writing.text, 1 << 20);
    weir_buf_init(&writing.room, 1 << 20);
    for (size_t i = 0; i < WEIR_COUNTOF(events); i++)
        writing.ops->event(&writing, &events[i]);
    frames_of(weir_buf_span(&out), types, sizeof types, last, sizeof last);
    assert_string_equal(
        types, "messageStart contentBlockDelta contentBlockStop "
               "contentBlockDelta contentBlockStop contentBlockStart "
               "contentBlockDelta contentBlockStop messageStop metadata");
    assert_string_equal(last,
                        "{\"usage\":{\"inputTokens\":4,\"outputTokens\":4,"
                        "\"totalTokens\":13,\"cacheReadInputTokens\":2,"
                        "\"cacheWriteInputTokens\":3}}");
    assert_non_null(memmem(out.ptr, out.len, "d2Vpcjo6YS1iXw==", 16));
    assert_non_null(memmem(out.ptr, out.len, "\"tooluse_req_1_0\"", 17));
    assert_false(writing.is_broken);
    weir_buf_fini(&out);
    weir_buf_fini(&writing.text);
    weir_buf_fini(&writing.room);
}

TEST(bedrock_surface, a_cut_is_an_exception_in_a_frame)
{
    struct weir_buf out;
    char types[128], last[512];
    struct weir_surface_route route = route_of("/model/m/converse-stream");
    struct weir_refusal refusal = {.status = WEIR_EUPSTREAM,
                                   .message = WEIR_SPAN("it \"broke\"")};
    weir_buf_init(&out, 1 << 16);
    weir_surface_put_cut(&route, &refusal, &out);
    frames_of(weir_buf_span(&out), types, sizeof types, last, sizeof last);
    assert_string_equal(types, "modelStreamErrorException");
    assert_non_null(strstr(last, "it \\\"broke\\\""));
    weir_buf_fini(&out);
}
