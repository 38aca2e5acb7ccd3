/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <weir/json.h>
#include <weir/provider.h>
#include <weir/surface.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *provider;
    const char *path; /* of a client of the same dialect */
    const char *query;
    const char *stream;
} dialects[] = {
    {"compatible", "/v1/chat/completions", "",
     "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":"
     "\"a\\\"b\"}}]}\n\n"
     "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":"
     "0,\"id\":\"t\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":"
     "\"}}]}}]}\n\n"
     "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":"
     "0,\"function\":{\"arguments\":\"1}\"}}]},\"finish_reason\":"
     "\"tool_calls\"}]}\n\n"
     "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,"
     "\"completion_tokens\":3}}\n\ndata: [DONE]\n\n"},
    {"anthropic", "/v1/messages", "",
     "event: message_start\ndata: {\"type\":\"message_start\",\"message\":"
     "{\"id\":\"m\",\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":"
     "2,\"output_tokens\":1}}}\n\n"
     "event: content_block_start\ndata: {\"type\":\"content_block_start\","
     "\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
     "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
     "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"a\\\"b\"}}\n\n"
     "event: content_block_stop\ndata: {\"type\":\"content_block_stop\","
     "\"index\":0}\n\n"
     "event: content_block_start\ndata: {\"type\":\"content_block_start\","
     "\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\","
     "\"name\":\"f\",\"input\":{}}}\n\n"
     "event: content_block_stop\ndata: {\"type\":\"content_block_stop\","
     "\"index\":1}\n\n"
     "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":"
     "{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":3}}\n\n"
     "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"},
    {"gemini", "/v1beta/models/m:streamGenerateContent", "alt=sse",
     "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\\\"b\"}]}"
     "}],\"usageMetadata\":{\"promptTokenCount\":7}}\r\n\r\n"
     "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":"
     "{\"name\":\"f\",\"args\":{\"x\":1}}}]},\"finishReason\":\"STOP\"}],"
     "\"usageMetadata\":{\"promptTokenCount\":7,\"candidatesTokenCount\":3}}"
     "\r\n\r\n"},
};

struct result {
    struct weir_buf sent;
    struct weir_reply_facts facts;
};

/* The stream, cut in two at `split`, told to a client of another dialect. */
static void
run(size_t origin, size_t client, weir_span text, size_t split,
    struct result *result)
{
    char memory[16384];
    struct weir_surface_route route;
    struct weir_arena arena;
    struct weir_reply_piece piece;
    assert_int_equal(weir_surface_route(
                         WEIR_SPAN("POST"), weir_span_of(dialects[client].path),
                         weir_span_of(dialects[client].query), &route, NULL),
                     WEIR_OK);
    const struct weir_request request = {.endpoint = route.endpoint,
                                         .dialect = route.dialect,
                                         .surface = route.surface,
                                         .model = WEIR_SPAN("m"),
                                         .is_streamed = true,
                                         .wants_usage = true};
    const struct weir_reply_setup setup = {.endpoint = route.endpoint,
                                           .is_streamed = true,
                                           .is_translated = origin != client,
                                           .http_status = 200,
                                           .request = &request,
                                           .request_id = WEIR_SPAN("req_1")};
    weir_arena_init(&arena, memory, sizeof(memory));
    struct weir_reply *reply = weir_reply_new(
        weir_provider_find(weir_span_of(dialects[origin].provider)), &setup,
        &arena);
    assert_non_null(reply);
    weir_buf_init(&result->sent, 1 << 20);
    weir_span parts[2] = {{text.ptr, split},
                          {text.ptr + split, text.len - split}};
    for (int i = 0; i < 2; i++)
        while (weir_reply_next(reply, &parts[i], &piece))
            weir_buf_add_span(&result->sent, piece.bytes);
    if (weir_reply_finish(reply, true, &piece))
        weir_buf_add_span(&result->sent, piece.bytes);
    result->facts = *weir_reply_facts(reply);
    weir_reply_free(reply);
}

TEST(dialects, a_stream_split_at_every_byte_says_the_same_in_every_dialect)
{
    for (size_t o = 0; o < WEIR_COUNTOF(dialects); o++)
        for (size_t c = 0; c < WEIR_COUNTOF(dialects); c++) {
            weir_span text = weir_span_of(dialects[o].stream);
            struct result whole;
            run(o, c, text, text.len, &whole);
            assert_int_equal(whole.facts.state, WEIR_REPLY_DONE);
            assert_true(whole.facts.has_usage);
            assert_int_equal(whole.facts.usage.input_tokens, 7);
            assert_int_equal(whole.facts.usage.output_tokens, 3);
            if (o == c)
                assert_true(weir_span_equal(weir_buf_span(&whole.sent), text));
            for (size_t split = 0; split < text.len; split++) {
                struct result halves;
                run(o, c, text, split, &halves);
                assert_true(weir_span_equal(weir_buf_span(&whole.sent),
                                            weir_buf_span(&halves.sent)));
                assert_int_equal(halves.facts.state, WEIR_REPLY_DONE);
                weir_buf_fini(&halves.sent);
            }
            weir_buf_fini(&whole.sent);
        }
}

TEST(dialects, a_stream_that_ends_early_is_cut_wherever_it_ends)
{
    for (size_t o = 0; o < WEIR_COUNTOF(dialects); o++)
        for (size_t c = 0; c < WEIR_COUNTOF(dialects); c++) {
            weir_span text = weir_span_of(dialects[o].stream);
            /* Behind the last event's data only white space is missing. */
            for (size_t len = 0; len + 20 < text.len; len++) {
                struct result result;
                run(o, c, (weir_span){text.ptr, len}, len / 2, &result);
                assert_int_equal(result.facts.state, WEIR_REPLY_CUT);
                weir_buf_fini(&result.sent);
            }
        }
}

static weir_status
prepare(const char *path, const char *provider, const char *body,
        const char *drops, struct weir_buf *sent, char param[64],
        struct weir_error *err)
{
    static char memory[1 << 16];
    struct weir_surface_route route;
    struct weir_request request;
    struct weir_arena arena;
    struct weir_outgoing outgoing = {0};
    const struct weir_target target = {.origin_model = WEIR_SPAN("o"),
                                       .prefix = WEIR_SPAN("/v1"),
                                       .n_max = 2,
                                       .strips_logprobs = true,
                                       .drops = weir_span_of(drops)};
    weir_arena_init(&arena, memory, sizeof(memory));
    assert_int_equal(weir_surface_route(WEIR_SPAN("POST"), weir_span_of(path),
                                        WEIR_SPAN(""), &route, NULL),
                     WEIR_OK);
    assert_int_equal(
        weir_surface_parse(&route, weir_span_of(body), &arena, &request, err),
        WEIR_OK);
    weir_status status =
        weir_provider_prepare(weir_provider_find(weir_span_of(provider)),
                              &request, &target, &arena, &outgoing, err);
    weir_buf_reset(sent);
    for (uint32_t i = 0; status == WEIR_OK && i < outgoing.piece_count; i++)
        weir_buf_add_span(sent, WEIR_OUTGOING_PIECE(&outgoing, i));
    (void)snprintf(param, 64, "%.*s", WEIR_SPAN_ARG(outgoing.param));
    return status;
}

TEST(dialects, what_cannot_be_said_is_refused_by_the_clients_own_name)
{
    static const struct {
        const char *path;
        const char *provider;
        const char *body;
        const char *param;
    } cases[] = {
        {"/v1/chat/completions", "anthropic",
         "{\"model\":\"m\",\"seed\":1,\"messages\":[]}", "seed"},
        {"/v1/chat/completions", "anthropic",
         "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":["
         "{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"input_audio\","
         "\"input_audio\":{\"data\":\"aa\",\"format\":\"wav\"}}]}]}",
         "messages[0].content[1].input_audio"},
        {"/v1/chat/completions", "gemini",
         "{\"model\":\"m\",\"invented\":{},\"messages\":[]}", "invented"},
        {"/v1/messages", "openai",
         "{\"model\":\"m\",\"max_tokens\":5,\"top_k\":2,\"messages\":[]}",
         "top_k"},
        {"/v1beta/models/m:generateContent", "anthropic",
         "{\"contents\":[],\"safetySettings\":[{}]}", "safetySettings"},
        {"/v1/responses", "anthropic",
         "{\"model\":\"m\",\"input\":\"a\",\"conversation\":\"c\"}",
         "conversation"},
    };
    struct weir_buf sent;
    weir_buf_init(&sent, 1 << 16);
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_error err = {0};
        char param[64];
        assert_int_equal(prepare(cases[i].path, cases[i].provider,
                                 cases[i].body, "", &sent, param, &err),
                         WEIR_ETYPE);
        assert_string_equal(param, cases[i].param);
    }
    weir_buf_fini(&sent);
}

TEST(dialects, what_policy_takes_is_taken_in_every_dialect)
{
    struct weir_buf sent;
    struct weir_error err;
    char param[64];
    weir_buf_init(&sent, 1 << 16);
    assert_int_equal(prepare("/v1/chat/completions", "gemini",
                             "{\"model\":\"m\",\"n\":9,\"logprobs\":true,"
                             "\"top_logprobs\":5,\"messages\":[]}",
                             "", &sent, param, &err),
                     WEIR_OK);
    assert_non_null(memmem(sent.ptr, sent.len, "\"candidateCount\":2", 18));
    assert_null(memmem(sent.ptr, sent.len, "ogprobs", 7));
    assert_int_equal(
        prepare("/v1beta/models/m:generateContent", "gemini",
                "{\"contents\":[],\"generationConfig\":{\"candidateCount\":9,"
                "\"responseLogprobs\":true}}",
                "", &sent, param, &err),
        WEIR_OK);
    assert_non_null(memmem(sent.ptr, sent.len, "\"candidateCount\":2", 18));
    assert_non_null(
        memmem(sent.ptr, sent.len, "\"responseLogprobs\":null", 23));
    weir_buf_fini(&sent);
}

TEST(dialects, reasoning_is_taken_from_a_reply_of_the_same_dialect)
{
    const weir_span body = WEIR_SPAN(
        "{\"id\":\"m\",\"type\":\"message\",\"content\":[{\"type\":"
        "\"thinking\",\"thinking\":\"hidden\",\"signature\":\"hidden\"},"
        "{\"type\":\"text\",\"text\":\"said\"}],\"stop_reason\":"
        "\"end_turn\",\"usage\":{\"input_tokens\":5,\"output_tokens\":9}}");
    char memory[16384];
    struct weir_surface_route route;
    struct weir_arena arena;
    struct weir_reply_piece piece;
    assert_int_equal(weir_surface_route(WEIR_SPAN("POST"),
                                        WEIR_SPAN("/v1/messages"),
                                        WEIR_SPAN(""), &route, NULL),
                     WEIR_OK);
    const struct weir_request request = {.endpoint = route.endpoint,
                                         .dialect = route.dialect,
                                         .surface = route.surface,
                                         .model = WEIR_SPAN("m")};
    const struct weir_reply_setup setup = {.endpoint = route.endpoint,
                                           .strips_reasoning = true,
                                           .http_status = 200,
                                           .request = &request,
                                           .request_id = WEIR_SPAN("req_1")};
    weir_arena_init(&arena, memory, sizeof(memory));
    struct weir_reply *reply = weir_reply_new(
        weir_provider_find(WEIR_SPAN("anthropic")), &setup, &arena);
    assert_non_null(reply);
    weir_span input = body;
    assert_false(weir_reply_next(reply, &input, &piece));
    assert_true(weir_reply_finish(reply, true, &piece));
    assert_int_equal(weir_reply_facts(reply)->state, WEIR_REPLY_DONE);
    assert_int_equal(weir_reply_usage(reply, 0).output_tokens, 9);
    assert_null(memmem(piece.bytes.ptr, piece.bytes.len, "hidden", 6));
    assert_non_null(memmem(piece.bytes.ptr, piece.bytes.len, "said", 4));
    assert_true(weir_reply_content_type(reply).len > 0);
    weir_reply_free(reply);
}
