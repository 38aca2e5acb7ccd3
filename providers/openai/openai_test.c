/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/json.h>
#include <weir/provider.h>

#include <stdlib.h>
#include <string.h>

#include "test.h"

/* ---------------------------------------------------------- outgoing */

static char memory[8192];
static struct weir_arena arena;

static struct weir_request
request_of(const char *path, const char *body)
{
    struct weir_surface_route route;
    struct weir_request request;
    weir_arena_init(&arena, memory, sizeof(memory));
    assert_ok(weir_surface_route(WEIR_SPAN("POST"), weir_span_of(path),
                                 WEIR_SPAN_NONE, &route, NULL));
    assert_ok(
        weir_surface_parse(&route, weir_span_of(body), &arena, &request, NULL));
    return request;
}

static const struct {
    const char *path;
    const char *body;
    const char *model;
    uint32_t n_max;
    bool strips;
    const char *origin_path;
    const char *sent;
    bool hides;
} outgoings[] = {
    {"/v1/chat/completions", "{\"model\":\"m\", \"x\" : [1 ]}", "m", 0, false,
     "/p/chat/completions", "{\"model\":\"m\", \"x\" : [1 ]}", false},
    {"/v1/chat/completions", "{\"x\":0,\"model\":\"m\\u0061\"}", "ma", 0, false,
     "/p/chat/completions", "{\"x\":0,\"model\":\"m\\u0061\"}", false},
    {"/v1/chat/completions", "{\"x\":\"\xC3\xA9\",\"model\":\"m\",\"y\":1}",
     "or\"igin", 0, false, "/p/chat/completions",
     "{\"x\":\"\xC3\xA9\",\"model\":\"or\\\"igin\",\"y\":1}", false},
    {"/v1/chat/completions", " {\"stream\":true,\"model\":\"m\"} ", "o", 0,
     false, "/p/chat/completions",
     " {\"stream_options\":{\"include_usage\":true},\"stream\":true,"
     "\"model\":\"o\"} ",
     true},
    {"/v1/completions",
     "{\"model\":\"m\",\"stream_options\":{\"a\":1},\"stream\":true}", "o", 0,
     false, "/p/completions",
     "{\"model\":\"o\",\"stream_options\":{\"include_usage\":true,\"a\":1},"
     "\"stream\":true}",
     true},
    {"/v1/chat/completions",
     "{\"model\":\"m\",\"stream_options\":{ },\"stream\":true}", "m", 0, false,
     "/p/chat/completions",
     "{\"model\":\"m\",\"stream_options\":{\"include_usage\":true },"
     "\"stream\":true}",
     true},
    {"/v1/chat/completions",
     "{\"stream_options\":null,\"model\":\"m\",\"stream\":true}", "o", 0, false,
     "/p/chat/completions",
     "{\"stream_options\":{\"include_usage\":true},\"model\":\"o\","
     "\"stream\":true}",
     true},
    {"/v1/chat/completions",
     "{\"stream_options\":{\"include_usage\":false},\"model\":\"m\","
     "\"stream\":true}",
     "m", 0, false, "/p/chat/completions",
     "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\","
     "\"stream\":true}",
     true},
    {"/v1/chat/completions",
     "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\","
     "\"stream\":true}",
     "m", 0, false, "/p/chat/completions",
     "{\"stream_options\":{\"include_usage\":true},\"model\":\"m\","
     "\"stream\":true}",
     false},
    {"/v1/chat/completions", "{\"model\":\"m\",\"stream\":false}", "m", 0,
     false, "/p/chat/completions", "{\"model\":\"m\",\"stream\":false}", false},
    {"/v1/responses", "{\"model\":\"m\",\"stream\":true}", "o", 0, false,
     "/p/responses", "{\"model\":\"o\",\"stream\":true}", false},
    {"/v1/embeddings", "{\"model\":\"m\",\"input\":\"x\"}", "o", 0, false,
     "/p/embeddings", "{\"model\":\"o\",\"input\":\"x\"}", false},
    {"/v1/completions", "{\"n\":9,\"model\":\"m\",\"best_of\":12}", "m", 4,
     false, "/p/completions", "{\"n\":4,\"model\":\"m\",\"best_of\":4}", false},
    {"/v1/chat/completions", "{\"n\":2,\"model\":\"m\"}", "m", 4, false,
     "/p/chat/completions", "{\"n\":2,\"model\":\"m\"}", false},
    {"/v1/chat/completions",
     "{\"logprobs\":true,\"model\":\"m\",\"top_logprobs\":5}", "m", 0, true,
     "/p/chat/completions",
     "{\"logprobs\":null,\"model\":\"m\",\"top_logprobs\":null}", false},
    {"/v1/chat/completions",
     "{\"logprobs\":true,\"model\":\"m\",\"top_logprobs\":5}", "m", 0, false,
     "/p/chat/completions",
     "{\"logprobs\":true,\"model\":\"m\",\"top_logprobs\":5}", false},
    {"/v1/responses",
     "{\"include\":[\"file_search_call.results\",\"message.output_text."
     "lo\\u0067probs\", 1],\"model\":\"m\"}",
     "m", 0, true, "/p/responses",
     "{\"include\":[\"file_search_call.results\",1],\"model\":\"m\"}", false},
    {"/v1/responses", "{\"include\":[\"a\\n\" ],\"model\":\"m\"}", "m", 0, true,
     "/p/responses", "{\"include\":[\"a\\n\" ],\"model\":\"m\"}", false},
};

TEST(openai_provider, only_named_values_differ_from_what_was_sent)
{
    for (size_t i = 0; i < WEIR_COUNTOF(outgoings); i++) {
        struct weir_request request =
            request_of(outgoings[i].path, outgoings[i].body);
        struct weir_outgoing outgoing;
        struct weir_buf sent;
        const struct weir_target target = {
            .origin_model = weir_span_of(outgoings[i].model),
            .prefix = WEIR_SPAN("/p"),
            .n_max = outgoings[i].n_max,
            .strips_logprobs = outgoings[i].strips};
        assert_ok(weir_provider_prepare(weir_provider_get(0), &request, &target,
                                        &arena, &outgoing, NULL));
        weir_buf_init(&sent, 4096);
        for (uint32_t j = 0; j < outgoing.piece_count; j++)
            weir_buf_add_span(&sent, outgoing.pieces[j]);
        assert_int_equal(sent.len, outgoing.body_bytes);
        weir_buf_add_byte(&sent, '\0');
        assert_string_equal(sent.ptr, outgoings[i].sent);
        assert_true(weir_span_equal(outgoing.path,
                                    weir_span_of(outgoings[i].origin_path)));
        assert_span(outgoing.method, "POST");
        assert_int_equal(outgoing.hides_usage, outgoings[i].hides);
        weir_buf_fini(&sent);
    }
}

TEST(openai_provider, origin_that_refuses_to_be_asked_is_not)
{
    static const struct {
        const char *body;
        const char *sent;
    } cases[] = {
        {"{\"model\":\"m\",\"stream\":true}",
         "{\"model\":\"m\",\"stream\":true}"},
        {"{\"stream_options\":{\"include_usage\":true},\"model\":\"m\","
         "\"stream\":true}",
         "{\"stream_options\":null,\"model\":\"m\",\"stream\":true}"},
    };
    const struct weir_target target = {.origin_model = WEIR_SPAN("m"),
                                       .prefix = WEIR_SPAN("/v1")};
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_request request =
            request_of("/v1/chat/completions", cases[i].body);
        struct weir_outgoing outgoing;
        struct weir_buf sent;
        assert_ok(
            weir_provider_prepare(weir_provider_find(WEIR_SPAN("mistral")),
                                  &request, &target, &arena, &outgoing, NULL));
        assert_false(outgoing.hides_usage);
        weir_buf_init(&sent, 4096);
        for (uint32_t j = 0; j < outgoing.piece_count; j++)
            weir_buf_add_span(&sent, outgoing.pieces[j]);
        assert_true(
            weir_span_equal(weir_buf_span(&sent), weir_span_of(cases[i].sent)));
        weir_buf_fini(&sent);
    }
}

TEST(openai_provider, full_arena_is_told)
{
    struct weir_request request =
        request_of("/v1/chat/completions", "{\"model\":\"m\",\"stream\":true}");
    struct weir_outgoing outgoing;
    char small[16];
    struct weir_arena tight;
    const struct weir_target target = {
        .origin_model = WEIR_SPAN("a model with quite a long name")};
    weir_arena_init(&tight, small, sizeof(small));
    assert_int_equal(weir_provider_prepare(weir_provider_get(0), &request,
                                           &target, &tight, &outgoing, NULL),
                     WEIR_ELIMIT);
}

TEST(openai_provider, registry_names_the_credential_header)
{
    const struct weir_provider *openai =
        weir_provider_find(WEIR_SPAN("openai"));
    const struct weir_provider *azure = weir_provider_find(WEIR_SPAN("azure"));
    assert_non_null(openai);
    assert_non_null(azure);
    assert_span(weir_provider_auth_header(openai), "authorization");
    assert_span(weir_provider_auth_prefix(openai), "Bearer ");
    assert_span(weir_provider_auth_header(azure), "api-key");
    assert_int_equal(weir_provider_auth_prefix(azure).len, 0);
    assert_null(weir_provider_find(WEIR_SPAN("nobody")));
    assert_null(weir_provider_get(1000));
}

/* ------------------------------------------------------------- reply */

struct run {
    struct weir_buf sent; /* to the client */
    struct weir_reply *reply;
    struct weir_usage usage;
};

/* Feeds `text` cut at `split` (and, with SIZE_MAX, byte by byte). */
static const struct weir_reply_facts *
run(struct run *run, const struct weir_reply_setup *setup, weir_span text,
    size_t split, bool is_whole)
{
    struct weir_reply_piece piece;
    size_t step = split == SIZE_MAX ? 1 : split;
    weir_arena_init(&arena, memory, sizeof(memory));
    weir_buf_init(&run->sent, 1 << 20);
    run->reply = weir_reply_new(weir_provider_get(0), setup, &arena);
    assert_non_null(run->reply);
    for (size_t at = 0; at < text.len;) {
        size_t len = text.len - at;
        len = step > 0 && step < len ? step : len;
        if (split != SIZE_MAX)
            step = 0;
        char *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, text.ptr + at, len);
        weir_span input = {copy, len};
        while (weir_reply_next(run->reply, &input, &piece))
            weir_buf_add_span(&run->sent, piece.bytes);
        assert_int_equal(input.len, 0);
        free(copy);
        at += len;
    }
    if (weir_reply_finish(run->reply, is_whole, &piece))
        weir_buf_add_span(&run->sent, piece.bytes);
    return weir_reply_facts(run->reply);
}

static void
run_end(struct run *run)
{
    weir_reply_free(run->reply);
    weir_buf_fini(&run->sent);
}

#define CHUNK(members) "data: {\"id\":\"c-1\",\"object\":\"x\"," members "}\n\n"
#define USAGE                                                                  \
    "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7,\"total_tokens\":" \
    "12}"

static const char chat[] = CHUNK(
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
    "\"\"},\"finish_reason\":null}],\"usage\":null")
    CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi \\\"\"}}]")
        CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":"
              "0,\"function\":{\"arguments\":\"{}\"}}]},\"finish_reason\":"
              "\"tool_calls\"}]")
            CHUNK("\"choices\":[]," USAGE) "data: [DONE]\n\n";
static const char chat_visible[] = CHUNK(
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
    "\"\"},\"finish_reason\":null}],\"usage\":null")
    CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi \\\"\"}}]")
        CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":"
              "0,\"function\":{\"arguments\":\"{}\"}}]},\"finish_reason\":"
              "\"tool_calls\"}]") "data: [DONE]\n\n";

TEST(openai_reply, usage_event_is_hidden_at_every_split)
{
    for (unsigned hides = 0; hides < 2; hides++) {
        const struct weir_reply_setup setup = {.endpoint = WEIR_ENDPOINT_CHAT,
                                               .is_streamed = true,
                                               .hides_usage = hides == 1};
        weir_span wanted = weir_span_of(hides == 1 ? chat_visible : chat);
        for (size_t split = 0; split <= sizeof(chat); split++) {
            struct run one;
            const struct weir_reply_facts *facts =
                run(&one, &setup, WEIR_SPAN(chat),
                    split == sizeof(chat) ? SIZE_MAX : split, true);
            assert_true(weir_span_equal(weir_buf_span(&one.sent), wanted));
            assert_int_equal(facts->state, WEIR_REPLY_DONE);
            assert_true(facts->has_usage);
            assert_int_equal(facts->usage.input_tokens, 5);
            assert_int_equal(facts->usage.output_tokens, 7);
            assert_int_equal(facts->content_bytes, 5 + 2);
            assert_int_equal(facts->event_count, 4);
            assert_span(facts->id, "c-1");
            assert_span(facts->finish_reason, "tool_calls");
            run_end(&one);
        }
    }
}

/* A stream that stops after any byte: whole events only, told as cut. */
TEST(openai_reply, cut_stream_is_told_and_leaves_no_half_event)
{
    const struct weir_reply_setup setup = {.endpoint = WEIR_ENDPOINT_CHAT,
                                           .is_streamed = true,
                                           .hides_usage = true};
    size_t done = (size_t)(strstr(chat, "[DONE]") - chat) + 6;
    for (size_t len = 0; len < sizeof(chat); len++) {
        struct run one;
        const struct weir_reply_facts *facts =
            run(&one, &setup, (weir_span){chat, len}, len / 2, false);
        assert_int_equal(facts->state,
                         len >= done ? WEIR_REPLY_DONE : WEIR_REPLY_CUT);
        if (facts->state == WEIR_REPLY_CUT && one.sent.len > 0)
            assert_memory_equal(one.sent.ptr + one.sent.len - 2, "\n\n", 2);
        assert_memory_equal(one.sent.ptr, chat_visible, one.sent.len);
        struct weir_usage usage = weir_reply_usage(one.reply, 41);
        if (!facts->has_usage) {
            assert_true(usage.is_estimated);
            assert_int_equal(usage.input_tokens, 11);
            assert_int_equal(usage.output_tokens,
                             (facts->content_bytes + 3) / 4);
        } else {
            assert_false(usage.is_estimated);
        }
        run_end(&one);
    }
}

TEST(openai_reply, unusual_usage_is_read_and_not_hidden)
{
    static const struct {
        const char *stream;
        uint64_t input;
    } cases[] = {
        /* in the last chunk with choices */
        {CHUNK("\"choices\":[{\"delta\":{}}]," USAGE) "data: [DONE]\n\n", 5},
        /* an error is never hidden */
        {CHUNK(
             "\"choices\":[],\"error\":{\"code\":1}," USAGE) "data: [DONE]\n\n",
         5},
        /* only beside, as one provider does */
        {CHUNK("\"choices\":[{\"delta\":{}}],\"x_groq\":{\"id\":1," USAGE
               "}") "data: [DONE]\n\n",
         5},
        /* more than once: the last */
        {CHUNK("\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":1}")
             CHUNK("\"choices\":[{\"delta\":{}}]," USAGE) "data: [DONE]\n\n",
         5},
        /* choices empty, no usage: content filter results */
        {CHUNK("\"choices\":[],\"prompt_filter_results\":[]") "data: "
                                                              "[DONE]\r\n\r\n",
         0},
        {": comment\n\nid: 7\n\ndata: [DONE]\n", 0},
    };
    const struct weir_reply_setup setup = {.endpoint = WEIR_ENDPOINT_CHAT,
                                           .is_streamed = true,
                                           .hides_usage = true};
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        weir_span stream = weir_span_of(cases[i].stream);
        for (size_t split = 0; split <= stream.len; split++) {
            struct run one;
            const struct weir_reply_facts *facts =
                run(&one, &setup, stream, split, true);
            assert_true(weir_span_equal(weir_buf_span(&one.sent), stream));
            assert_int_equal(facts->state, WEIR_REPLY_DONE);
            assert_int_equal(facts->has_usage, cases[i].input > 0);
            assert_int_equal(facts->usage.input_tokens, cases[i].input);
            run_end(&one);
        }
    }
}

TEST(openai_reply, responses_end_by_their_events)
{
    static const struct {
        const char *stream;
        enum weir_reply_state state;
        bool has_error;
        const char *reason;
    } cases[] = {
        {"event: response.output_text.delta\ndata: {\"type\":\"response.output"
         "_text.delta\",\"delta\":\"abc\"}\n\nevent: response.completed\n"
         "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\","
         "\"status\":\"completed\",\"usage\":{\"input_tokens\":3,"
         "\"output_tokens\":4}}}\n\n",
         WEIR_REPLY_DONE, false, "completed"},
        {"data: {\"type\":\"response.output_text.delta\",\"delta\":\"abc\"}\n\n"
         "data: {\"type\":\"response.incomplete\",\"response\":{\"id\":\"r\","
         "\"status\":\"incomplete\",\"usage\":{\"input_tokens\":3,"
         "\"output_tokens\":4}}}\n\n",
         WEIR_REPLY_DONE, false, "incomplete"},
        {"data: {\"type\":\"response.output_text.delta\",\"delta\":\"abc\"}\n\n"
         "data: {\"type\":\"response.failed\",\"response\":{\"id\":\"r\","
         "\"status\":\"failed\",\"usage\":{\"input_tokens\":3,"
         "\"output_tokens\":4}}}\n\n",
         WEIR_REPLY_DONE, true, "failed"},
        {"data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\","
         "\"status\":\"in_progress\",\"usage\":null}}\n\n"
         "data: {\"type\":\"response.output_text.delta\",\"delta\":\"abc\"}\n\n"
         "event: error\ndata: {\"type\":\"error\",\"code\":\"x\"}\n\n",
         WEIR_REPLY_ERROR, true, "in_progress"},
        {"data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\","
         "\"status\":\"in_progress\",\"usage\":null}}\n\n"
         "data: {\"type\":\"response.output_text.delta\",\"delta\":\"abc\"}\n\n"
         "data: {\"type\":\"response.audio.delta\",\"delta\":\"UklG\"}\n\n",
         WEIR_REPLY_CUT, false, "in_progress"},
    };
    const struct weir_reply_setup setup = {.endpoint = WEIR_ENDPOINT_RESPONSES,
                                           .is_streamed = true};
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        weir_span stream = weir_span_of(cases[i].stream);
        for (size_t split = 0; split <= stream.len; split++) {
            struct run one;
            const struct weir_reply_facts *facts =
                run(&one, &setup, stream, split, true);
            assert_true(weir_span_equal(weir_buf_span(&one.sent), stream));
            assert_int_equal(facts->state, cases[i].state);
            assert_int_equal(facts->has_error, cases[i].has_error);
            assert_int_equal(facts->content_bytes, 3);
            assert_span(facts->id, "r");
            assert_true(weir_span_equal(facts->finish_reason,
                                        weir_span_of(cases[i].reason)));
            assert_int_equal(facts->has_usage, i < 3);
            run_end(&one);
        }
    }
}

/* A terminal event that is not whole ends nothing. */
TEST(openai_reply, responses_stream_is_cut_until_its_last_event_is_whole)
{
    static const char stream[] =
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_"
        "text.delta\",\"delta\":\"abc\"}\n\nevent: response.completed\n"
        "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\","
        "\"usage\":{\"input_tokens\":3,\"output_tokens\":4},"
        "\"status\":\"completed\"}}";
    const struct weir_reply_setup setup = {.endpoint = WEIR_ENDPOINT_RESPONSES,
                                           .is_streamed = true};
    for (size_t len = 0; len < sizeof(stream); len++) {
        struct run one;
        const struct weir_reply_facts *facts =
            run(&one, &setup, (weir_span){stream, len}, len / 3, true);
        bool is_done = len == sizeof(stream) - 1;
        assert_int_equal(facts->state,
                         is_done ? WEIR_REPLY_DONE : WEIR_REPLY_CUT);
        assert_int_equal(facts->has_usage, is_done);
        size_t first = (size_t)(strstr(stream, "\n\n") - stream) + 2;
        assert_int_equal(one.sent.len, is_done        ? len
                                       : len >= first ? first
                                                      : 0);
        run_end(&one);
    }
}

/* --------------------------------------------------------- reasoning */

static const struct {
    enum weir_endpoint endpoint;
    bool is_streamed;
    const char *reply;
    const char *stripped; /* NULL: all of it passes */
} reasonings[] = {
    {WEIR_ENDPOINT_CHAT, false,
     "{\"choices\":[{\"message\":{\"content\":\"a\",\"reasoning\":\"b\\\"c\","
     "\"reasoning_content\":null}},{\"message\":{\"reasoning_content\":\"d\"}}"
     "],\"usage\":{\"prompt_tokens\":1}}",
     "{\"choices\":[{\"message\":{\"content\":\"a\",\"reasoning\":\"\"    ,"
     "\"reasoning_content\":null}},{\"message\":{\"reasoning_content\":\"\" }}"
     "],\"usage\":{\"prompt_tokens\":1}}"},
    {WEIR_ENDPOINT_CHAT, true,
     "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n"
     "data: {\"choices\":[{\"delta\":{\"reasoning\":\"xyz\"}}]}\n\n"
     "data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\","
     "\"thinking\":[{\"type\":\"text\",\"text\":\"q\"}]},{\"type\":\"text\","
     "\"text\":\"keep\"}]}}]}\r\n\r\ndata: [DONE]\n\n",
     "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n"
     "data: {\"choices\":[{\"delta\":{\"reasoning\":\"\"   }}]}\n\n"
     "data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\","
     "\"thinking\":[{\"type\":\"text\",\"text\":\"\" }]},{\"type\":\"text\","
     "\"text\":\"keep\"}]}}]}\r\n\r\ndata: [DONE]\n\n"},
    {WEIR_ENDPOINT_RESPONSES, true,
     "data: {\"delta\":\"no\",\"type\":\"response.reasoning_text.delta\"}\n\n"
     "data: {\"delta\":\"yes\",\"type\":\"response.output_text.delta\"}\n\n"
     "data: {\"type\":\"response.completed\",\"response\":{\"reasoning\":{"
     "\"effort\":\"low\"},\"output\":[{\"type\":\"reasoning\",\"summary\":[{"
     "\"text\":\"no\",\"type\":\"summary_text\"}],\"content\":[{\"type\":"
     "\"reasoning_text\",\"text\":\"no\"}]},{\"type\":\"message\",\"content\":"
     "[{\"type\":\"output_text\",\"text\":\"yes\"}]}]}}\n\n",
     "data: {\"delta\":\"\"  ,\"type\":\"response.reasoning_text.delta\"}\n\n"
     "data: {\"delta\":\"yes\",\"type\":\"response.output_text.delta\"}\n\n"
     "data: {\"type\":\"response.completed\",\"response\":{\"reasoning\":{"
     "\"effort\":\"low\"},\"output\":[{\"type\":\"reasoning\",\"summary\":[{"
     "\"text\":\"\"  ,\"type\":\"summary_text\"}],\"content\":[{\"type\":"
     "\"reasoning_text\",\"text\":\"\"  }]},{\"type\":\"message\",\"content\":"
     "[{\"type\":\"output_text\",\"text\":\"yes\"}]}]}}\n\n"},
    {WEIR_ENDPOINT_EMBED, false,
     "{\"data\":[{\"embedding\":[0.5]}],\"caf\\u00e9\":1}", NULL},
};

TEST(openai_reply, reasoning_is_emptied_in_place_where_told)
{
    for (size_t i = 0; i < WEIR_COUNTOF(reasonings); i++) {
        weir_span reply = weir_span_of(reasonings[i].reply);
        weir_span wanted =
            weir_span_of(reasonings[i].stripped != NULL ? reasonings[i].stripped
                                                        : reasonings[i].reply);
        struct weir_reply_setup setup = {.endpoint = reasonings[i].endpoint,
                                         .is_streamed =
                                             reasonings[i].is_streamed,
                                         .hides_usage = true,
                                         .strips_reasoning = true};
        for (size_t split = 0; split <= reply.len + 1; split++) {
            struct run one;
            const struct weir_reply_facts *facts =
                run(&one, &setup, reply, split > reply.len ? SIZE_MAX : split,
                    true);
            assert_int_equal(facts->state, WEIR_REPLY_DONE);
            assert_true(weir_span_equal(weir_buf_span(&one.sent), wanted));
            run_end(&one);
        }
        setup.strips_reasoning = false;
        struct run whole;
        (void)run(&whole, &setup, reply, 0, true);
        assert_true(weir_span_equal(weir_buf_span(&whole.sent), reply));
        run_end(&whole);
    }
}

TEST(openai_reply, what_cannot_be_stripped_is_kept_back_and_cut)
{
    static const struct {
        const char *reply;
        bool is_streamed;
        size_t held_max;
        size_t passed;
    } cases[] = {
        {"{\"choices\":[{\"message\":{\"reasoning\":\"x\"}}]", false, 0, 0},
        {"{\"choices\":[{\"message\":{\"content\":\"too long\"}}]}", false, 20,
         0},
        {"data: {\"a\":1}\n\ndata: {\"reasoning\":\ndata: \"x\"}\n\n"
         "data: [DONE]\n\n",
         true, 0, 15},
        {"data: {\"a\":1}\n\ndata: {\"reasoning\":\"longer than held\"}\n\n"
         "data: [DONE]\n\n",
         true, 20, 15},
        {"data: {\"a\":1}\n\ndata: {\"a\":1}}\n\ndata: [DONE]\n\n", true, 0,
         15},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        weir_span reply = weir_span_of(cases[i].reply);
        const struct weir_reply_setup setup = {
            .endpoint = WEIR_ENDPOINT_CHAT,
            .is_streamed = cases[i].is_streamed,
            .strips_reasoning = true,
            .held_bytes_max = cases[i].held_max};
        struct run one;
        const struct weir_reply_facts *facts =
            run(&one, &setup, reply, 16, true);
        assert_int_equal(facts->state, WEIR_REPLY_CUT);
        assert_int_equal(one.sent.len, cases[i].passed);
        assert_memory_equal(one.sent.ptr, reply.ptr, one.sent.len);
        run_end(&one);
    }
}

TEST(openai_reply, arena_too_small_gives_none)
{
    char small[64];
    struct weir_arena tight;
    const struct weir_reply_setup setup = {.endpoint = WEIR_ENDPOINT_CHAT};
    weir_arena_init(&tight, small, sizeof(small));
    assert_null(weir_reply_new(weir_provider_get(0), &setup, &tight));
    weir_reply_free(NULL);
}

TEST(openai_reply, plain_body_is_read_as_it_passes)
{
    static const struct {
        enum weir_endpoint endpoint;
        const char *body;
        uint64_t input, output, content;
        const char *reason;
    } cases[] = {
        {WEIR_ENDPOINT_CHAT,
         "{\"id\":\"c\",\"choices\":[{\"message\":{\"content\":\"Hello\","
         "\"reasoning\":\"abc\",\"reasoning_content\":\"abc\"},"
         "\"finish_reason\":\"stop\"}]," USAGE "}\n",
         5, 7, 8, "stop"},
        {WEIR_ENDPOINT_COMPLETE,
         "{\"id\":\"c\",\"choices\":[{\"text\":\"Hello\",\"finish_reason\":"
         "\"length\"}]," USAGE "}",
         5, 7, 5, "length"},
        {WEIR_ENDPOINT_RESPONSES,
         "{\"id\":\"r\",\"status\":\"completed\",\"error\":null,\"output\":[{"
         "\"content\":[{\"type\":\"output_text\",\"text\":\"Hello\"}]},{"
         "\"arguments\":\"{}\"}],\"usage\":{\"input_tokens\":1,"
         "\"output_tokens\":2}}",
         1, 2, 7, "completed"},
        {WEIR_ENDPOINT_EMBED,
         "{\"object\":\"list\",\"data\":[{\"embedding\":[0.1,-2e-3]}],"
         "\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}",
         8, 0, 0, ""},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        const struct weir_reply_setup setup = {.endpoint = cases[i].endpoint};
        weir_span body = weir_span_of(cases[i].body);
        for (size_t split = 0; split <= body.len; split++) {
            struct run one;
            const struct weir_reply_facts *facts =
                run(&one, &setup, body, split, true);
            assert_true(weir_span_equal(weir_buf_span(&one.sent), body));
            assert_int_equal(facts->state, WEIR_REPLY_DONE);
            assert_false(facts->has_error);
            assert_int_equal(facts->usage.input_tokens, cases[i].input);
            assert_int_equal(facts->usage.output_tokens, cases[i].output);
            assert_int_equal(facts->content_bytes, cases[i].content);
            assert_true(weir_span_equal(facts->finish_reason,
                                        weir_span_of(cases[i].reason)));
            run_end(&one);
        }
    }
}

TEST(openai_reply, broken_plain_body_is_cut)
{
    static const char body[] = "{\"id\":\"c\",\"choices\":[]}";
    const struct weir_reply_setup setup = {.endpoint = WEIR_ENDPOINT_CHAT};
    struct run one;
    for (size_t len = 0; len < sizeof(body) - 1; len++) {
        assert_int_equal(
            run(&one, &setup, (weir_span){body, len}, 0, true)->state,
            WEIR_REPLY_CUT);
        run_end(&one);
    }
    assert_int_equal(run(&one, &setup, WEIR_SPAN(body), 0, false)->state,
                     WEIR_REPLY_CUT);
    run_end(&one);
    const struct weir_reply_facts *facts = run(
        &one, &setup, WEIR_SPAN("{\"error\":{\"message\":\"no\"}}"), 0, true);
    assert_int_equal(facts->state, WEIR_REPLY_DONE);
    assert_true(facts->has_error);
    run_end(&one);
}

TEST(openai_reply, event_larger_than_the_buffer_passes_and_is_metered)
{
    struct weir_buf stream;
    weir_buf_init(&stream, 1 << 20);
    weir_buf_add_span(&stream, WEIR_SPAN("data\n\n"));
    weir_buf_add_span(&stream, WEIR_SPAN("event: response.completed\ndata: "
                                         "{\"type\":\"response.completed\","
                                         "\"response\":{\"x\":\""));
    for (unsigned i = 0; i < 100000; i++)
        weir_buf_add_byte(&stream, 'x');
    weir_buf_add_span(&stream, WEIR_SPAN("\",\"usage\":{\"input_tokens\":3,"
                                         "\"output_tokens\":4}}}\n\n"));
    for (size_t held = 16; held < 1 << 18; held *= 8) {
        const struct weir_reply_setup setup = {.endpoint =
                                                   WEIR_ENDPOINT_RESPONSES,
                                               .is_streamed = true,
                                               .held_bytes_max = held};
        struct run one;
        const struct weir_reply_facts *facts =
            run(&one, &setup, weir_buf_span(&stream), 50000, true);
        assert_int_equal(one.sent.len, stream.len);
        assert_memory_equal(one.sent.ptr, stream.ptr, stream.len);
        assert_int_equal(facts->state, WEIR_REPLY_DONE);
        assert_int_equal(facts->usage.input_tokens, 3);
        run_end(&one);
    }
    weir_buf_fini(&stream);
}
