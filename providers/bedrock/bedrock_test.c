/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/eventstream.h>
#include <weir/provider.h>

#include <string.h>

#include "test.h"

/* ------------------------------------------------------------- request */

static weir_status
prepare(const char *path, const char *model, const char *body,
        struct weir_buf *sent, struct weir_buf *at, struct weir_error *err)
{
    static char memory[1 << 16];
    struct weir_surface_route route;
    struct weir_request request;
    struct weir_arena arena;
    struct weir_outgoing outgoing = {0};
    const struct weir_target target = {.origin_model = weir_span_of(model)};
    weir_arena_init(&arena, memory, sizeof(memory));
    assert_ok(weir_surface_route(WEIR_SPAN("POST"), weir_span_of(path),
                                 WEIR_SPAN(""), &route, NULL));
    assert_ok(
        weir_surface_parse(&route, weir_span_of(body), &arena, &request, err));
    weir_status status =
        weir_provider_prepare(weir_provider_find(WEIR_SPAN("bedrock_key")),
                              &request, &target, &arena, &outgoing, err);
    weir_buf_reset(sent);
    weir_buf_reset(at);
    weir_buf_add_span(at, outgoing.path);
    for (uint32_t i = 0; status == WEIR_OK && i < outgoing.piece_count; i++)
        weir_buf_add_span(sent, WEIR_OUTGOING_PIECE(&outgoing, i));
    return status;
}

static void
check_request(const char *path, const char *model, const char *body,
              const char *wanted_path, const char *wanted)
{
    struct weir_buf sent;
    struct weir_buf at;
    struct weir_error err = {0};
    weir_buf_init(&sent, 1 << 16);
    weir_buf_init(&at, 1 << 10);
    assert_ok(prepare(path, model, body, &sent, &at, &err));
    weir_buf_add_byte(&sent, '\0');
    weir_buf_add_byte(&at, '\0');
    assert_string_equal(at.ptr, wanted_path);
    assert_string_equal(sent.ptr, wanted);
    weir_buf_fini(&sent);
    weir_buf_fini(&at);
}

TEST(bedrock, chat_with_tools_and_an_image_is_said_in_converse)
{
    check_request(
        "/v1/chat/completions", "maker.model-v1:0",
        "{\"model\":\"m\",\"stream\":true,\"max_tokens\":9,\"stop\":\"x\","
        "\"messages\":[{\"role\":\"system\",\"content\":\"be\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"data:image/png;base64,AAAA\"}}]},"
        "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":"
        "\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
        "\"{\\\"k\\\":1}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"r\"}],"
        "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"parameters\":{\"type\":\"object\"}}}],"
        "\"tool_choice\":\"required\"}",
        "/model/maker.model-v1%3A0/converse-stream",
        "{\"system\":[{\"text\":\"be\"}],\"messages\":[{\"role\":\"user\","
        "\"content\":[{\"text\":\"a\"},{\"image\":{\"format\":\"png\","
        "\"source\":{\"bytes\":\"AAAA\"}}}]},{\"role\":\"assistant\","
        "\"content\":[{\"toolUse\":{\"toolUseId\":\"c1\",\"name\":\"f\","
        "\"input\":{\"k\":1}}}]},{\"role\":\"user\",\"content\":["
        "{\"toolResult\":{\"toolUseId\":\"c1\",\"content\":[{\"text\":"
        "\"r\"}]}}]}],\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":"
        "\"f\",\"inputSchema\":{\"json\":{\"type\":\"object\"}}}}],"
        "\"toolChoice\":{\"any\":{}}},\"inferenceConfig\":{\"maxTokens\":9,"
        "\"stopSequences\":[\"x\"]}}");
}

TEST(bedrock, thinking_and_cache_markers_reach_the_maker_that_knows_them)
{
    check_request(
        "/v1/messages", "anthropic.model",
        "{\"model\":\"m\",\"max_tokens\":5000,\"top_k\":3,\"thinking\":"
        "{\"type\":\"enabled\",\"budget_tokens\":2000},\"messages\":[{\"role\":"
        "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\","
        "\"cache_control\":{\"type\":\"ephemeral\"}}]}]}",
        "/model/anthropic.model/converse",
        "{\"system\":[],\"messages\":[{\"role\":\"user\",\"content\":["
        "{\"text\":\"a\"},{\"cachePoint\":{\"type\":\"default\"}}]}],"
        "\"inferenceConfig\":{\"maxTokens\":5000},"
        "\"additionalModelRequestFields\":{\"top_k\":3,\"thinking\":{\"type\":"
        "\"enabled\",\"budget_tokens\":2000}}}");
}

TEST(bedrock, what_converse_cannot_say_is_refused)
{
    static const char *const bodies[] = {
        "{\"model\":\"m\",\"seed\":1,\"messages\":[]}",
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
        "{\"type\":\"image_url\",\"image_url\":{\"url\":"
        "\"https://example.com/a.png\"}}]}]}",
        "{\"model\":\"m\",\"reasoning_effort\":\"low\",\"messages\":[]}",
        "{\"model\":\"m\",\"response_format\":{\"type\":\"json_object\"},"
        "\"messages\":[]}"};
    struct weir_buf sent;
    struct weir_buf at;
    weir_buf_init(&sent, 1 << 12);
    weir_buf_init(&at, 1 << 10);
    for (size_t i = 0; i < WEIR_COUNTOF(bodies); i++) {
        struct weir_error err = {0};
        assert_int_equal(prepare("/v1/chat/completions", "maker.model",
                                 bodies[i], &sent, &at, &err),
                         WEIR_ETYPE);
    }
    weir_buf_fini(&sent);
    weir_buf_fini(&at);
}

/* --------------------------------------------------------------- reply */

static void
put(struct weir_buf *out, const char *kind, const char *type,
    const char *payload)
{
    struct weir_buf headers;
    weir_buf_init(&headers, 512);
    struct weir_eventstream_header header = {WEIR_SPAN(":message-type"),
                                             WEIR_EVENTSTREAM_STRING,
                                             weir_span_of(kind)};
    assert_ok(weir_eventstream_put_header(&headers, &header));
    header.name = strcmp(kind, "event") == 0 ? WEIR_SPAN(":event-type")
                                             : WEIR_SPAN(":exception-type");
    header.value = weir_span_of(type);
    assert_ok(weir_eventstream_put_header(&headers, &header));
    assert_ok(weir_eventstream_put(out, weir_buf_span(&headers),
                                   weir_span_of(payload)));
    weir_buf_fini(&headers);
}

static void
put_begun(struct weir_buf *out)
{
    put(out, "event", "messageStart", "{\"role\":\"assistant\"}");
    put(out, "event", "contentBlockDelta",
        "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"Hello\"}}");
    put(out, "event", "contentBlockStop", "{\"contentBlockIndex\":0}");
}

static void
put_stream(struct weir_buf *out)
{
    put_begun(out);
    put(out, "event", "contentBlockStart",
        "{\"contentBlockIndex\":1,\"start\":{\"toolUse\":{\"toolUseId\":"
        "\"c1\",\"name\":\"look\"}}}");
    put(out, "event", "contentBlockDelta",
        "{\"contentBlockIndex\":1,\"delta\":{\"toolUse\":{\"input\":"
        "\"{\\\"k\\\":1}\"}}}");
    put(out, "event", "contentBlockStop", "{\"contentBlockIndex\":1}");
    put(out, "event", "messageStop", "{\"stopReason\":\"tool_use\"}");
    put(out, "event", "metadata",
        "{\"usage\":{\"inputTokens\":5,\"outputTokens\":3,\"totalTokens\":10,"
        "\"cacheReadInputTokens\":2}}");
}

static struct weir_reply_facts
run(const char *path, weir_span bytes, size_t split, bool is_streamed,
    struct weir_buf *sent)
{
    static char memory[16384];
    struct weir_surface_route route;
    struct weir_arena arena;
    struct weir_reply_piece piece;
    weir_span first = {bytes.ptr, split};
    weir_span second = {bytes.ptr + split, bytes.len - split};
    assert_ok(weir_surface_route(WEIR_SPAN("POST"), weir_span_of(path),
                                 WEIR_SPAN(""), &route, NULL));
    const struct weir_request request = {.endpoint = route.endpoint,
                                         .dialect = route.dialect,
                                         .surface = route.surface,
                                         .model = WEIR_SPAN("m"),
                                         .is_streamed = is_streamed};
    const struct weir_reply_setup setup = {.endpoint = route.endpoint,
                                           .is_translated = true,
                                           .is_streamed = is_streamed,
                                           .http_status = 200,
                                           .request = &request,
                                           .request_id = WEIR_SPAN("req_1"),
                                           .now = 1};
    weir_arena_init(&arena, memory, sizeof(memory));
    struct weir_reply *reply = weir_reply_new(
        weir_provider_find(WEIR_SPAN("bedrock_key")), &setup, &arena);
    assert_non_null(reply);
    weir_buf_reset(sent);
    while (weir_reply_next(reply, &first, &piece))
        weir_buf_add_span(sent, piece.bytes);
    while (weir_reply_next(reply, &second, &piece))
        weir_buf_add_span(sent, piece.bytes);
    if (weir_reply_finish(reply, true, &piece))
        weir_buf_add_span(sent, piece.bytes);
    struct weir_reply_facts facts = *weir_reply_facts(reply);
    weir_reply_free(reply);
    return facts;
}

static bool
says(const struct weir_buf *sent, const char *text)
{
    return memmem(sent->ptr, sent->len, text, strlen(text)) != NULL;
}

static const char *const paths[] = {"/v1/chat/completions", "/v1/messages",
                                    "/v1/responses"};

TEST(bedrock, a_stream_split_at_every_byte_says_the_same)
{
    struct weir_buf stream;
    struct weir_buf whole;
    struct weir_buf halves;
    weir_buf_init(&stream, 1 << 16);
    weir_buf_init(&whole, 1 << 16);
    weir_buf_init(&halves, 1 << 16);
    put_stream(&stream);
    for (size_t i = 0; i < WEIR_COUNTOF(paths); i++) {
        weir_span bytes = weir_buf_span(&stream);
        struct weir_reply_facts facts =
            run(paths[i], bytes, bytes.len, true, &whole);
        assert_int_equal(facts.state, WEIR_REPLY_DONE);
        assert_true(facts.has_usage);
        assert_int_equal(facts.usage.input_tokens, 7);
        assert_int_equal(facts.usage.cached_tokens, 2);
        assert_int_equal(facts.usage.output_tokens, 3);
        assert_true(says(&whole, "Hello"));
        assert_true(says(&whole, "look"));
        for (size_t split = 0; split < bytes.len; split++) {
            facts = run(paths[i], bytes, split, true, &halves);
            assert_int_equal(facts.state, WEIR_REPLY_DONE);
            assert_true(
                weir_span_equal(weir_buf_span(&whole), weir_buf_span(&halves)));
            /* Less than all of it is never called so. */
            facts = run(paths[i], (weir_span){bytes.ptr, split}, split / 2,
                        true, &halves);
            assert_int_equal(facts.state, WEIR_REPLY_CUT);
        }
    }
    weir_buf_fini(&stream);
    weir_buf_fini(&whole);
    weir_buf_fini(&halves);
}

TEST(bedrock, an_exception_in_a_stream_keeps_its_code)
{
    struct weir_buf stream;
    struct weir_buf sent;
    weir_buf_init(&stream, 1 << 16);
    weir_buf_init(&sent, 1 << 16);
    put_begun(&stream);
    put(&stream, "exception", "throttlingException",
        "{\"message\":\"Too fast\"}");
    for (size_t i = 0; i < WEIR_COUNTOF(paths); i++) {
        struct weir_reply_facts facts =
            run(paths[i], weir_buf_span(&stream), 40, true, &sent);
        assert_int_equal(facts.state, WEIR_REPLY_ERROR);
        assert_true(facts.has_error);
        assert_true(says(&sent, "Too fast"));
        assert_true(says(&sent, "throttlingException"));
    }
    weir_buf_fini(&stream);
    weir_buf_fini(&sent);
}

TEST(bedrock, a_damaged_frame_cuts_the_reply)
{
    struct weir_buf stream;
    struct weir_buf sent;
    weir_buf_init(&stream, 1 << 16);
    weir_buf_init(&sent, 1 << 16);
    put_stream(&stream);
    for (size_t i = 0; i < stream.len; i++) {
        stream.ptr[i] = (char)(stream.ptr[i] ^ 1);
        struct weir_reply_facts facts =
            run(paths[0], weir_buf_span(&stream), i, true, &sent);
        assert_int_equal(facts.state, WEIR_REPLY_CUT);
        stream.ptr[i] = (char)(stream.ptr[i] ^ 1);
    }
    weir_buf_fini(&stream);
    weir_buf_fini(&sent);
}

TEST(bedrock, a_whole_body_is_read_and_metered)
{
    const weir_span body = WEIR_SPAN(
        "{\"metrics\":{\"latencyMs\":1},\"output\":{\"message\":{\"role\":"
        "\"assistant\",\"content\":[{\"reasoningContent\":{\"reasoningText\":"
        "{\"text\":\"Hm\",\"signature\":\"s\"}}},{\"text\":\"Hello\"},"
        "{\"toolUse\":{\"toolUseId\":\"c1\",\"name\":\"look\",\"input\":"
        "{\"k\":1}}}]}},\"stopReason\":\"tool_use\",\"usage\":{\"inputTokens\":"
        "5,\"outputTokens\":3,\"totalTokens\":8}}");
    struct weir_buf sent;
    weir_buf_init(&sent, 1 << 16);
    for (size_t i = 0; i < WEIR_COUNTOF(paths); i++) {
        struct weir_reply_facts facts = run(paths[i], body, 30, false, &sent);
        assert_int_equal(facts.state, WEIR_REPLY_DONE);
        assert_int_equal(facts.usage.input_tokens, 5);
        assert_int_equal(facts.usage.output_tokens, 3);
        assert_true(says(&sent, "Hello"));
        assert_true(says(&sent, "look"));
    }
    weir_buf_fini(&sent);
}
