/* SPDX-License-Identifier: Apache-2.0 */
/* Events of realtime sessions: the closed list, and what is counted. */
#include <weir/realtime.h>

#include <stdio.h>
#include <string.h>

#include "test.h"

static weir_status
send_event(const char *event, struct weir_realtime_sent *sent,
           struct weir_error *err)
{
    return weir_realtime_read_sent(weir_span_of(event), WEIR_SPAN("fast"), NULL,
                                   sent, err);
}

static void
refused(const char *event, weir_status status, const char *param)
{
    struct weir_realtime_sent sent;
    struct weir_error err;
    assert_int_equal(send_event(event, &sent, &err), status);
    assert_int_equal(sent.param.len, strlen(param));
    assert_memory_equal(sent.param.ptr, param, sent.param.len);
}

TEST(realtime, only_listed_events_pass)
{
    struct weir_realtime_sent sent;
    assert_ok(send_event("{\"type\":\"response.create\",\"event_id\":\"e1\"}",
                         &sent, NULL));
    assert_true(sent.asks && !sent.feeds);
    assert_true(weir_span_equal(sent.id, WEIR_SPAN("\"e1\"")));
    assert_ok(send_event("{\"audio\":\"AAAAAAAA\","
                         "\"type\":\"input_audio_buffer\\u002eappend\"}",
                         &sent, NULL));
    assert_true(sent.feeds && !sent.asks);
    assert_int_equal(sent.audio_bytes, 6);
    refused("{\"type\":\"transcription_session.update\"}", WEIR_ETYPE, "type");
    refused("{\"type\":7}", WEIR_ETYPE, "type");
    refused("{}", WEIR_ETYPE, "type");
    refused("[]", WEIR_ETYPE, "type");
    refused("{\"type\":\"response.create\"", WEIR_EPARSE, "");
    refused("{\"type\":\"response.create\",\"type\":\"response.cancel\"}",
            WEIR_EPARSE, "");
    refused("{\"Type\":\"response.create\",\"type\":\"response.cancel\"}",
            WEIR_EPARSE, "");
}

TEST(realtime, addresses_pass_as_far_as_the_operator_lets_them)
{
    static const char event[] =
        "{\"type\":\"conversation.item.create\",\"item\":{\"type\":"
        "\"message\",\"role\":\"user\",\"content\":[{\"type\":"
        "\"input_image\",\"image_url\":\"https://a.example/x\"}]}}";
    const struct weir_urls none = {.mode = WEIR_URLS_NONE};
    const struct weir_urls some = {.mode = WEIR_URLS_HOSTS,
                                   .hosts = WEIR_SPAN("a.example\n")};
    struct weir_realtime_sent sent;
    struct weir_error err;
    weir_span text = weir_span_of(event), model = WEIR_SPAN("fast");
    assert_ok(weir_realtime_read_sent(text, model, NULL, &sent, &err));
    assert_ok(weir_realtime_read_sent(text, model, &some, &sent, &err));
    assert_false(sent.names_address);
    assert_int_equal(weir_realtime_read_sent(text, model, &none, &sent, &err),
                     WEIR_EDENIED);
    assert_true(sent.names_address);
    assert_true(weir_span_equal(sent.param, WEIR_SPAN("image_url")));
}

TEST(realtime, a_session_keeps_its_model)
{
    struct weir_realtime_sent sent;
    assert_ok(send_event("{\"type\":\"session.update\",\"session\":{"
                         "\"type\":\"realtime\",\"model\":\"f\\u0061st\"}}",
                         &sent, NULL));
    assert_true(weir_span_equal(sent.spot, WEIR_SPAN("\"f\\u0061st\"")));
    refused("{\"type\":\"session.update\",\"session\":{\"model\":\"slow\"}}",
            WEIR_EDENIED, "session.model");
    refused("{\"type\":\"session.update\",\"session\":{\"model\":{}}}",
            WEIR_EDENIED, "session.model");
    refused("{\"type\":\"response.create\",\"response\":{\"model\":\"fast\"}}",
            WEIR_EDENIED, "response.model");
}

TEST(realtime, what_would_walk_round_the_gate_is_named)
{
    refused("{\"type\":\"session.update\",\"session\":"
            "{\"type\":\"transcription\"}}",
            WEIR_ETYPE, "session.type");
    refused("{\"type\":\"session.update\",\"session\":{\"tools\":[{},"
            "{\"type\":\"mcp\",\"server_url\":\"http://tools.example\"}]}}",
            WEIR_ETYPE, "session.tools");
    refused("{\"type\":\"response.create\",\"response\":{\"tools\":["
            "{\"type\":\"mcp\",\"connector_id\":\"c\"}]}}",
            WEIR_ETYPE, "response.tools");
    struct weir_realtime_sent sent;
    assert_ok(send_event("{\"type\":\"session.update\",\"session\":{\"audio\":"
                         "{\"input\":{\"transcription\":null}}}}",
                         &sent, NULL));
}

TEST(realtime, the_model_that_writes_down_is_told)
{
    struct weir_realtime_sent sent;
    assert_ok(send_event("{\"type\":\"session.update\",\"session\":{\"audio\":"
                         "{\"input\":{\"transcription\":{\"language\":\"en\","
                         "\"model\":\"wr\\u0069ter\"}}}}}",
                         &sent, NULL));
    assert_true(sent.sets);
    assert_true(weir_span_equal(sent.scribe, WEIR_SPAN("\"wr\\u0069ter\"")));
    assert_ok(send_event("{\"type\":\"session.update\",\"session\":{"
                         "\"input_audio_transcription\":{\"model\":\"w\"}}}",
                         &sent, NULL));
    assert_true(weir_span_equal(sent.scribe, WEIR_SPAN("\"w\"")));
    refused("{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":"
            "{\"transcription\":{\"language\":\"en\"}}}}}",
            WEIR_ETYPE, "session.audio.input.transcription.model");
    refused("{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":"
            "{\"transcription\":{\"model\":\"\"}}}}}",
            WEIR_ETYPE, "session.audio.input.transcription.model");
    refused("{\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":"
            "{\"transcription\":{\"model\":\"a\"}}},"
            "\"input_audio_transcription\":{\"model\":\"b\"}}}",
            WEIR_ETYPE, "session.input_audio_transcription.model");
}

TEST(realtime, what_lies_at_an_origin_is_not_named)
{
    static const char *const items[] = {"\"image_url\":\"file-abc\"",
                                        "\"image_url\":\"gs://b/o\"",
                                        "\"image_url\":{\"url\":\"files/abc\"}",
                                        "\"file_id\":\"file-abc\"",
                                        "\"image\\u005furl\":\"s3://b/o\"",
                                        "\"imageUrl\":\"file:///etc\""};
    static const char *const frames[] = {
        "{\"type\":\"conversation.item.create\",\"item\":{\"type\":"
        "\"message\",\"content\":[{\"type\":\"input_image\",%s}]}}",
        "{\"type\":\"response.create\",\"response\":{\"input\":[{"
        "\"content\":[{%s}]}]}}",
        "{\"type\":\"session.update\",\"session\":{\"prompt\":{\"id\":\"p\","
        "\"variables\":{\"x\":{%s}}}}}",
        "{\"response\":{\"prompt\":{\"variables\":{\"x\":{%s}}}},"
        "\"type\":\"response.create\"}"};
    struct weir_realtime_sent sent;
    char text[512];
    for (size_t i = 0; i < WEIR_COUNTOF(items); i++)
        for (size_t j = 0; j < WEIR_COUNTOF(frames); j++) {
            snprintf(text, sizeof(text), frames[j], items[i]);
            assert_int_equal(send_event(text, &sent, NULL), WEIR_ETYPE);
        }
    snprintf(text, sizeof(text), frames[0],
             "\"image_url\":\"data:image/png;base64,AAAA\"");
    assert_ok(send_event(text, &sent, NULL));
    assert_false(sent.has_sound);
    snprintf(text, sizeof(text), frames[0],
             "\"image_url\":\"https://pictures.example/a.png\"");
    assert_ok(send_event(text, &sent, NULL));
    /* what a tool is called with may have any name */
    assert_ok(send_event("{\"type\":\"conversation.item.create\",\"item\":{"
                         "\"type\":\"function_call_output\",\"output\":"
                         "\"{\\\"file_id\\\":1}\"}}",
                         &sent, NULL));
}

TEST(realtime, sound_is_told_from_text)
{
    static const struct {
        const char *event;
        bool has_sound;
        enum weir_realtime_modes modes;
    } cases[] = {
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":\"AAAA\"}", true,
         WEIR_REALTIME_UNSAID},
        {"{\"type\":\"conversation.item.create\",\"item\":{\"content\":[{"
         "\"type\":\"input_audio\",\"audio\":\"AAAA\"}]}}",
         true, WEIR_REALTIME_UNSAID},
        {"{\"type\":\"response.create\",\"response\":{\"input\":[{\"content\":"
         "[{\"type\":\"input_audio\",\"audio\":\"AAAA\"}]}],"
         "\"output_modalities\":[\"text\"]}}",
         true, WEIR_REALTIME_TEXT},
        {"{\"type\":\"session.update\",\"session\":{\"modalities\":[\"text\"],"
         "\"audio\":{\"output\":{\"voice\":\"v\"}}}}",
         false, WEIR_REALTIME_TEXT},
        {"{\"type\":\"session.update\",\"session\":{\"modalities\":[\"text\"],"
         "\"output_modalities\":[\"audio\"]}}",
         false, WEIR_REALTIME_SOUND},
        {"{\"type\":\"session.update\",\"session\":{\"output_modalities\":"
         "[\"text\",\"audio\"]}}",
         false, WEIR_REALTIME_SOUND},
        {"{\"type\":\"response.create\",\"response\":{\"output_modalities\":"
         "[]}}",
         false, WEIR_REALTIME_SOUND},
        {"{\"type\":\"response.create\",\"session\":{\"output_modalities\":"
         "[\"text\"]}}",
         false, WEIR_REALTIME_UNSAID},
    };
    struct weir_realtime_sent sent;
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        assert_ok(send_event(cases[i].event, &sent, NULL));
        assert_int_equal(sent.has_sound, cases[i].has_sound);
        assert_int_equal(sent.modes, cases[i].modes);
    }
}

TEST(realtime, what_was_written_down_is_counted_in_tokens_or_seconds)
{
#define WRITTEN(usage)                                                         \
    "{\"type\":\"conversation.item.input_audio_transcription.completed\","     \
    "\"item_id\":\"i\",\"content_index\":0,\"transcript\":\"hello\"" usage "}"
    struct weir_realtime_heard heard;
    assert_true(weir_realtime_read_heard(
        WEIR_SPAN(
            WRITTEN(",\"usage\":{\"type\":\"duration\",\"seconds\":2.1}")),
        &heard));
    assert_int_equal(heard.kind, WEIR_REALTIME_WRITTEN);
    assert_true(heard.has_usage);
    assert_int_equal(heard.usage.input_tokens, 3);
    assert_true(weir_realtime_read_heard(
        WEIR_SPAN(WRITTEN(
            ",\"usage\":{\"type\":\"tokens\",\"total_tokens\":22,"
            "\"input_tokens\":13,\"input_token_details\":{\"text_tokens\":0,"
            "\"audio_tokens\":13},\"output_tokens\":9}")),
        &heard));
    assert_true(heard.has_usage);
    assert_int_equal(heard.usage.input_tokens, 13);
    assert_int_equal(heard.usage.audio_input_tokens, 13);
    assert_int_equal(heard.usage.output_tokens, 9);
    assert_true(weir_realtime_read_heard(WEIR_SPAN(WRITTEN("")), &heard));
    assert_false(heard.has_usage);
    assert_int_equal(heard.text_bytes, 5);
    assert_true(weir_realtime_read_heard(
        WEIR_SPAN(WRITTEN(",\"usage\":{\"seconds\":1e99}")), &heard));
    assert_false(heard.has_usage);
    struct weir_usage usage = weir_realtime_estimate_written(8001, 5);
    assert_int_equal(usage.input_tokens, 3);
    assert_int_equal(usage.output_tokens, 2);
    assert_true(usage.is_estimated);
#undef WRITTEN
}

static void
query(const char *text, weir_status status, const char *said)
{
    char memory[256];
    struct weir_arena arena;
    struct weir_request request;
    struct weir_error err;
    const struct weir_surface_route route = {.endpoint = WEIR_ENDPOINT_REALTIME,
                                             .dialect = WEIR_DIALECT_OTHER};
    weir_arena_init(&arena, memory, sizeof(memory));
    assert_int_equal(weir_realtime_read_query(&route, weir_span_of(text),
                                              &arena, &request, &err),
                     status);
    weir_span is = status == WEIR_OK ? request.model : request.param;
    assert_int_equal(is.len, strlen(said));
    assert_memory_equal(is.ptr, said, is.len);
}

TEST(realtime, the_address_names_one_model_and_nothing_else)
{
    query("model=fast", WEIR_OK, "fast");
    query("api-version=2025-04-01-preview&deployment=a%2Fb%3a1", WEIR_OK,
          "a/b:1");
    query("", WEIR_ETYPE, "model");
    query("model=", WEIR_ETYPE, "model");
    query("model=a%0ab", WEIR_ETYPE, "model");
    query("model=a%4", WEIR_ETYPE, "model");
    query("model=a%ff", WEIR_ETYPE, "model");
    query("model=a&model=b", WEIR_ETYPE, "model");
    query("model=a&deployment=b", WEIR_ETYPE, "model");
    query("model=a&intent=transcription", WEIR_ETYPE, "intent");
    query("call_id=rtc_1&model=a", WEIR_ETYPE, "call_id");
}

TEST(realtime, a_route_of_every_address)
{
    static const char *const paths[] = {"/v1/realtime", "/openai/v1/realtime",
                                        "/openai/realtime"};
    struct weir_surface_route route;
    for (size_t i = 0; i < WEIR_COUNTOF(paths); i++) {
        assert_ok(weir_surface_route(WEIR_SPAN("GET"), weir_span_of(paths[i]),
                                     WEIR_SPAN_NONE, &route, NULL));
        assert_int_equal(route.endpoint, WEIR_ENDPOINT_REALTIME);
        assert_int_equal(weir_surface_route(WEIR_SPAN("POST"),
                                            weir_span_of(paths[i]),
                                            WEIR_SPAN_NONE, &route, NULL),
                         WEIR_EMETHOD);
    }
    assert_int_equal(weir_surface_route(WEIR_SPAN("POST"),
                                        WEIR_SPAN("/v1/realtime/calls"),
                                        WEIR_SPAN_NONE, &route, NULL),
                     WEIR_ENOTOURS);
}

TEST(realtime, every_kind_of_token_is_read_of_an_answer)
{
    static const char done[] =
        "{\"type\":\"response.done\",\"response\":{\"id\":\"r1\",\"usage\":{"
        "\"total_tokens\":300,\"input_tokens\":200,\"output_tokens\":100,"
        "\"input_token_details\":{\"text_tokens\":60,\"audio_tokens\":120,"
        "\"image_tokens\":20,\"cached_tokens\":100,\"cached_tokens_details\":"
        "{\"text_tokens\":40,\"audio_tokens\":50,\"image_tokens\":10}},"
        "\"output_token_details\":{\"text_tokens\":30,\"audio_tokens\":70}}}}";
    struct weir_realtime_heard heard;
    assert_true(weir_realtime_read_heard(weir_span_of(done), &heard));
    assert_int_equal(heard.kind, WEIR_REALTIME_DONE);
    assert_true(heard.has_usage);
    assert_int_equal(heard.usage.input_tokens, 200);
    assert_int_equal(heard.usage.cached_tokens, 100);
    assert_int_equal(heard.usage.audio_input_tokens, 70);
    assert_int_equal(heard.usage.audio_cached_tokens, 50);
    assert_int_equal(heard.usage.image_input_tokens, 10);
    assert_int_equal(heard.usage.output_tokens, 100);
    assert_int_equal(heard.usage.audio_output_tokens, 70);
}

TEST(realtime, deltas_belong_to_the_answer_that_began)
{
    struct weir_realtime_heard begun, delta, sound, other;
    assert_true(weir_realtime_read_heard(
        WEIR_SPAN("{\"type\":\"response.created\",\"response\":{\"id\":"
                  "\"r1\",\"usage\":null}}"),
        &begun));
    assert_int_equal(begun.kind, WEIR_REALTIME_BEGUN);
    assert_true(weir_realtime_read_heard(
        WEIR_SPAN("{\"type\":\"response.output_text.delta\",\"response_id\":"
                  "\"r1\",\"delta\":\"abcd\"}"),
        &delta));
    assert_int_equal(delta.kind, WEIR_REALTIME_DELTA);
    assert_true(delta.answer == begun.answer);
    assert_int_equal(delta.text_bytes, 4);
    assert_true(weir_realtime_read_heard(
        WEIR_SPAN("{\"type\":\"response.output_audio.delta\",\"response_id\":"
                  "\"r1\",\"delta\":\"AAAAAAAA\"}"),
        &sound));
    assert_int_equal(sound.audio_bytes, 6);
    assert_true(weir_realtime_read_heard(
        WEIR_SPAN("{\"type\":\"session.created\",\"session\":{}}"), &other));
    assert_int_equal(other.kind, WEIR_REALTIME_OTHER);
    assert_false(weir_realtime_read_heard(WEIR_SPAN("{"), &other));
    assert_false(weir_realtime_read_heard(WEIR_SPAN("[]"), &other));
}

TEST(realtime, an_error_event_names_the_event_at_fault)
{
    struct weir_buf out;
    const struct weir_refusal refusal = {
        .status = WEIR_EBUDGET,
        .code = WEIR_SPAN("budget_exhausted"),
        .message = WEIR_SPAN("full"),
        .request = WEIR_SPAN("req_1"),
    };
    weir_buf_init(&out, 4096);
    weir_realtime_put_error(&refusal, WEIR_SPAN("\"e1\""), &out);
    weir_buf_add_byte(&out, '\0');
    assert_non_null(strstr(out.ptr, "{\"type\":\"error\","
                                    "\"event_id\":\"event_req_1\",\"error\":{"
                                    "\"message\":\"full\","
                                    "\"type\":\"insufficient_quota\""));
    assert_non_null(strstr(out.ptr, "\"event_id\":\"e1\"}}"));
    weir_buf_fini(&out);
}

TEST(realtime, an_estimate_knows_text_from_sound)
{
    struct weir_usage usage = weir_realtime_estimate(40, 48000, 8, 48000);
    assert_int_equal(usage.input_tokens, 20);
    assert_int_equal(usage.audio_input_tokens, 10);
    assert_int_equal(usage.output_tokens, 22);
    assert_int_equal(usage.audio_output_tokens, 20);
    assert_true(usage.is_estimated);
}
