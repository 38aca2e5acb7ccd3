/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/eventstream.h>
#include <weir/provider.h>

#include <string.h>

#include "test.h"

/* ------------------------------------------------------------- request */

static void
check_request(const char *path, const char *body, const char *wanted_path,
              const char *wanted)
{
    static char memory[1 << 16];
    struct weir_surface_route route;
    struct weir_request request;
    struct weir_arena arena;
    struct weir_outgoing outgoing = {0};
    struct weir_error err = {0};
    struct weir_buf sent;
    const struct weir_target target = {.origin_model =
                                           WEIR_SPAN("maker.model-v1:0")};
    weir_arena_init(&arena, memory, sizeof(memory));
    assert_ok(weir_surface_route(WEIR_SPAN("POST"), weir_span_of(path),
                                 WEIR_SPAN(""), &route, NULL));
    assert_ok(
        weir_surface_parse(&route, weir_span_of(body), &arena, &request, &err));
    assert_ok(weir_provider_prepare(
        weir_provider_find(WEIR_SPAN("bedrock_invoke_key")), &request, &target,
        &arena, &outgoing, &err));
    weir_buf_init(&sent, 1 << 16);
    for (uint32_t i = 0; i < outgoing.piece_count; i++)
        weir_buf_add_span(&sent, WEIR_OUTGOING_PIECE(&outgoing, i));
    assert_true(weir_span_equal(outgoing.path, weir_span_of(wanted_path)));
    assert_int_equal(sent.len, outgoing.body_bytes);
    weir_buf_add_byte(&sent, '\0');
    assert_string_equal(sent.ptr, wanted);
    weir_buf_fini(&sent);
}

#define VERSION "\"anthropic_version\":\"bedrock-2023-05-31\""

TEST(invoke, chat_is_said_in_the_maker_s_form)
{
    check_request(
        "/v1/chat/completions",
        "{\"model\":\"m\",\"stream\":true,\"max_tokens\":9,\"messages\":["
        "{\"role\":\"system\",\"content\":\"be\"},"
        "{\"role\":\"user\",\"content\":\"a\"}]}",
        "/model/maker.model-v1%3A0/invoke-with-response-stream",
        "{" VERSION ",\"max_tokens\":9,\"system\":[{\"type\":\"text\","
        "\"text\":\"be\"}],\"messages\":[{\"role\":\"user\",\"content\":["
        "{\"type\":\"text\",\"text\":\"a\"}]}]}");
}

TEST(invoke, its_own_form_passes_byte_for_byte)
{
    static const char body[] = "{ \"later\": [1.50, \"\\u00e4\"], " VERSION
                               ",\"max_tokens\" :9,\"messages\":[]}";
    check_request("/model/m/invoke", body, "/model/maker.model-v1%3A0/invoke",
                  body);
}

/* --------------------------------------------------------------- reply */

static void
put(struct weir_buf *out, const char *kind, const char *name, const char *type,
    weir_span payload)
{
    struct weir_buf headers;
    const struct weir_eventstream_header rows[2] = {
        {WEIR_SPAN(":message-type"), WEIR_EVENTSTREAM_STRING,
         weir_span_of(kind)},
        {weir_span_of(name), WEIR_EVENTSTREAM_STRING, weir_span_of(type)}};
    weir_buf_init(&headers, 512);
    for (size_t i = 0; i < 2; i++)
        assert_ok(weir_eventstream_put_header(&headers, &rows[i]));
    assert_ok(weir_eventstream_put(out, weir_buf_span(&headers), payload));
    weir_buf_fini(&headers);
}

static void
put_chunk(struct weir_buf *out, const char *event)
{
    struct weir_buf payload;
    weir_buf_init(&payload, 4096);
    weir_eventstream_put_chunk(&payload, weir_span_of(event));
    put(out, "event", ":event-type", "chunk", weir_buf_span(&payload));
    weir_buf_fini(&payload);
}

static void
put_begun(struct weir_buf *out)
{
    put_chunk(out, "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_7\","
                   "\"usage\":{\"input_tokens\":5,"
                   "\"cache_read_input_tokens\":2,\"output_tokens\":1}}}");
    put_chunk(out, "{\"type\":\"content_block_start\",\"index\":0,"
                   "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}");
    put_chunk(out, "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
                   "{\"type\":\"text_delta\",\"text\":\"Hello\"}}");
}

static void
put_stream(struct weir_buf *out)
{
    put_begun(out);
    put(out, "event", ":event-type", "later", WEIR_SPAN("{}"));
    put_chunk(out, "{\"type\":\"content_block_stop\",\"index\":0}");
    put_chunk(out, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
                   "\"end_turn\"},\"usage\":{\"output_tokens\":3}}");
    put_chunk(out, "{\"type\":\"message_stop\","
                   "\"amazon-bedrock-invocationMetrics\":{}}");
}

static struct weir_reply_facts
run(const char *path, weir_span bytes, size_t split, bool is_streamed,
    struct weir_buf *sent)
{
    static char memory[16384];
    struct weir_surface_route route;
    struct weir_arena arena;
    struct weir_reply_piece piece;
    weir_span parts[2] = {{bytes.ptr, split},
                          {bytes.ptr + split, bytes.len - split}};
    const struct weir_provider *provider =
        weir_provider_find(WEIR_SPAN("bedrock_invoke"));
    assert_ok(weir_surface_route(WEIR_SPAN("POST"), weir_span_of(path),
                                 WEIR_SPAN(""), &route, NULL));
    const struct weir_request request = {.endpoint = route.endpoint,
                                         .dialect = route.dialect,
                                         .surface = route.surface,
                                         .model = WEIR_SPAN("m"),
                                         .is_streamed = is_streamed};
    const struct weir_reply_setup setup = {
        .endpoint = route.endpoint,
        .is_translated = weir_provider_translates(provider, &request),
        .is_streamed = is_streamed,
        .http_status = 200,
        .request = &request,
        .request_id = WEIR_SPAN("req_1"),
        .now = 1};
    weir_arena_init(&arena, memory, sizeof(memory));
    struct weir_reply *reply = weir_reply_new(provider, &setup, &arena);
    assert_non_null(reply);
    weir_buf_reset(sent);
    for (size_t i = 0; i < 2; i++)
        while (weir_reply_next(reply, &parts[i], &piece))
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

/* The last is the origin's own, and passes. */
static const char *const paths[] = {"/v1/chat/completions", "/v1/messages",
                                    "/v1/responses",
                                    "/model/m/invoke-with-response-stream"};
#define OWN 3

TEST(invoke, a_stream_split_at_every_byte_says_the_same)
{
    struct weir_buf stream, whole, halves;
    weir_buf_init(&stream, 1 << 16);
    weir_buf_init(&whole, 1 << 16);
    weir_buf_init(&halves, 1 << 16);
    put_stream(&stream);
    weir_span bytes = weir_buf_span(&stream);
    for (size_t i = 0; i < WEIR_COUNTOF(paths); i++) {
        struct weir_reply_facts facts =
            run(paths[i], bytes, bytes.len, true, &whole);
        assert_int_equal(facts.state, WEIR_REPLY_DONE);
        assert_true(facts.has_usage);
        assert_int_equal(facts.usage.input_tokens, 7);
        assert_int_equal(facts.usage.cached_tokens, 2);
        assert_int_equal(facts.usage.output_tokens, 3);
        assert_int_equal(facts.content_bytes, 5);
        if (i == OWN)
            assert_true(weir_span_equal(weir_buf_span(&whole), bytes));
        else
            assert_true(says(&whole, "Hello"));
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

TEST(invoke, an_exception_in_a_stream_keeps_its_code)
{
    struct weir_buf stream, sent;
    weir_buf_init(&stream, 1 << 16);
    weir_buf_init(&sent, 1 << 16);
    put_begun(&stream);
    put(&stream, "exception", ":exception-type", "throttlingException",
        WEIR_SPAN("{\"message\":\"Too fast\"}"));
    for (size_t i = 0; i < WEIR_COUNTOF(paths); i++) {
        struct weir_reply_facts facts =
            run(paths[i], weir_buf_span(&stream), 40, true, &sent);
        assert_int_equal(facts.state, WEIR_REPLY_ERROR);
        assert_true(says(&sent, "Too fast"));
        assert_true(says(&sent, "throttlingException"));
    }
    weir_buf_fini(&stream);
    weir_buf_fini(&sent);
}

TEST(invoke, a_chunk_that_cannot_be_read_cuts_the_reply)
{
    /* no base64; base64 of "a"; no bytes; no JSON */
    static const char *const payloads[] = {"{\"bytes\":\"e30\"}",
                                           "{\"bytes\":\"YQ==\"}", "{}", "x"};
    struct weir_buf stream, sent;
    weir_buf_init(&stream, 1 << 16);
    weir_buf_init(&sent, 1 << 16);
    for (size_t i = 0; i < WEIR_COUNTOF(payloads); i++) {
        weir_buf_reset(&stream);
        put_begun(&stream);
        put(&stream, "event", ":event-type", "chunk",
            weir_span_of(payloads[i]));
        put_stream(&stream);
        for (size_t j = 0; j < WEIR_COUNTOF(paths); j++)
            assert_int_equal(
                run(paths[j], weir_buf_span(&stream), 9, true, &sent).state,
                WEIR_REPLY_CUT);
    }
    weir_buf_fini(&stream);
    weir_buf_fini(&sent);
}

TEST(invoke, a_whole_body_is_read_and_metered)
{
    const weir_span body = WEIR_SPAN(
        "{\"id\":\"msg_7\",\"type\":\"message\",\"role\":\"assistant\","
        "\"content\":[{\"type\":\"text\",\"text\":\"Hello\"}],"
        "\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":5,"
        "\"output_tokens\":3}}");
    struct weir_buf sent;
    weir_buf_init(&sent, 1 << 16);
    for (size_t i = 0; i < WEIR_COUNTOF(paths); i++) {
        struct weir_reply_facts facts = run(paths[i], body, 30, false, &sent);
        assert_int_equal(facts.state, WEIR_REPLY_DONE);
        assert_int_equal(facts.usage.input_tokens, 5);
        assert_int_equal(facts.usage.output_tokens, 3);
        assert_true(says(&sent, "Hello"));
        if (i == OWN)
            assert_true(weir_span_equal(weir_buf_span(&sent), body));
    }
    weir_buf_fini(&sent);
}
