/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "bedrock.h"

#include <weir/eventstream.h>

#include <string.h>

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
ask(struct asked *asked, const char *path, const char *body)
{
    struct weir_surface_route route = {0};
    assert_ok(weir_surface_route(WEIR_SPAN("POST"), weir_span_of(path),
                                 WEIR_SPAN_NONE, &route, NULL));
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

#define VERSION "{\"anthropic_version\":\"bedrock-2023-05-31\""

TEST(invoke_surface, a_body_of_messages_is_read_and_the_path_says_the_rest)
{
    static struct asked asked;
    assert_ok(ask(&asked, "/model/a.b-v1:0/invoke-with-response-stream",
                  VERSION ",\"max_tokens\":7,\"system\":\"s\",\"messages\":["
                          "{\"role\":\"user\",\"content\":\"hi\"}]}"));
    assert_span(asked.request.model, "a.b-v1:0");
    assert_true(asked.request.is_streamed);
    assert_int_equal(asked.request.output_tokens_max, 7);
    assert_int_equal(asked.request.dialect, WEIR_DIALECT_INVOKE);
    assert_null(asked.request.spots[WEIR_SPOT_MODEL].ptr);
    assert_span(asked.call.turns->next->parts->text, "hi");
    /* The version asks for nothing that another dialect lacks. */
    assert_null(asked.call.extras);
    assert_ok(ask(&asked, "/model/m/invoke",
                  VERSION ",\"max_tokens\":7,\"messages\":[],\"new\":1}"));
    assert_false(asked.request.is_streamed);
    assert_span(asked.call.extras->setting.name, "new");
}

TEST(invoke_surface, a_wrong_body_is_refused_by_the_member_at_fault)
{
    static struct asked asked;
    static const struct {
        const char *body;
        const char *param;
        const char *text;
    } rows[] = {
        {"{}", "anthropic_version", "is missing"},
        {"{\"anthropic_version\":null}", "anthropic_version", "must be"},
        {"{\"anthropic_version\":\"bedrock-2\"}", "anthropic_version",
         "must be \"bedrock-2023-05-31\""},
        {"{\"inputText\":\"hi\",\"textGenerationConfig\":{}}", "inputText",
         "Anthropic Messages"},
        {"{\"prompt\":\"hi\",\"max_gen_len\":9}", "prompt",
         "Anthropic Messages"},
        {"{\"schemaVersion\":\"messages-v1\",\"messages\":[]}", "schemaVersion",
         "Anthropic Messages"},
        {"{\"inferenceConfig\":{},\"messages\":[]}", "inferenceConfig",
         "Anthropic Messages"},
        {"{\"taskType\":\"TEXT_IMAGE\"}", "taskType", "Anthropic Messages"},
        {"{\"texts\":[]}", "texts", "Anthropic Messages"},
        {VERSION "}", "messages", "must be an array"},
        {VERSION ",\"messages\":[]}", "max_tokens", "is missing"},
        {VERSION ",\"messages\":[],\"max_tokens\":\"x\"}", "max_tokens",
         "whole number"},
        {VERSION ",\"messages\":[],\"max_tokens\":1,\"model\":\"other\"}",
         "model", "the path"},
        {VERSION ",\"messages\":[],\"max_tokens\":1,\"stream\":true}", "stream",
         "the path"},
        {VERSION ",\"messages\":[],\"max_tokens\":1,\"fallbacks\":[]}",
         "fallbacks", "a route of weir"},
        {VERSION ",\"max_tokens\":1,\"messages\":[{\"role\":\"user\","
                 "\"content\":[{\"type\":\"document\",\"source\":{\"type\":"
                 "\"file\",\"file_id\":\"f\"}}]}]}",
         "file_id", "not served"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        assert_int_not_equal(ask(&asked, "/model/m/invoke", rows[i].body),
                             WEIR_OK);
        assert_non_null(strstr(asked.err.text, rows[i].text));
        assert_non_null(memmem(asked.request.param.ptr, asked.request.param.len,
                               rows[i].param, strlen(rows[i].param)));
    }
}

/* The events of a stream, one a line. */
static void
lines_of(weir_span bytes, struct weir_buf *lines)
{
    struct weir_buf held, room;
    struct weir_eventstream message;
    bool is_broken = false;
    weir_buf_init(&held, 1 << 20);
    weir_buf_init(&room, 1 << 20);
    while (weir_eventstream_next(&held, &bytes, &message, &is_broken)) {
        weir_span data = message.payload;
        if (weir_span_equal(weir_eventstream_string(message.headers,
                                                    WEIR_SPAN(":event-type")),
                            WEIR_SPAN("chunk")))
            assert_true(weir_eventstream_chunk(message.payload, &room, &data));
        else
            weir_buf_add_span(
                lines, weir_eventstream_string(message.headers,
                                               WEIR_SPAN(":exception-type")));
        weir_buf_add_span(lines, data);
        weir_buf_add_byte(lines, '\n');
    }
    assert_false(is_broken);
    assert_int_equal(bytes.len, 0);
    weir_buf_add_byte(lines, '\0');
    weir_buf_fini(&held);
    weir_buf_fini(&room);
}

TEST(invoke_surface, a_stream_is_events_of_messages_each_in_a_chunk)
{
    struct weir_buf out, lines;
    struct weir_writing writing = {.ops = &weir_bedrock_invoke_writing,
                                   .out = &out,
                                   .is_streamed = true,
                                   .model = WEIR_SPAN("m"),
                                   .request = WEIR_SPAN("req_1")};
    struct weir_event_usage usage = {
        .counts = {.input_tokens = 9, .output_tokens = 4}};
    const struct weir_event events[] = {
        {.kind = WEIR_EVENT_START},
        {.kind = WEIR_EVENT_TEXT, .text = WEIR_SPAN("a \\\"b\\\" \\ndata: x")},
        {.kind = WEIR_EVENT_STOP, .stop = WEIR_STOP_END},
        {.kind = WEIR_EVENT_USAGE, .usage = &usage},
        {.kind = WEIR_EVENT_END},
        {.kind = WEIR_EVENT_ERROR, .text = WEIR_SPAN("late")}};
    weir_buf_init(&out, 1 << 20);
    weir_buf_init(&lines, 1 << 20);
    weir_buf_init(&writing.text, 1 << 20);
    weir_buf_init(&writing.room, 1 << 20);
    for (size_t i = 0; i < WEIR_COUNTOF(events); i++)
        writing.ops->event(&writing, &events[i]);
    assert_false(writing.is_broken);
    lines_of(weir_buf_span(&out), &lines);
    assert_string_equal(
        lines.ptr,
        "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_req_1\","
        "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\","
        "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":"
        "{\"input_tokens\":0,\"cache_creation_input_tokens\":0,"
        "\"cache_read_input_tokens\":0,\"output_tokens\":0}}}\n"
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":"
        "{\"type\":\"text\",\"text\":\"\"}}\n"
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
        "\"text_delta\",\"text\":\"a \\\"b\\\" \\ndata: x\"}}\n"
        "{\"type\":\"content_block_stop\",\"index\":0}\n"
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
        "\"stop_sequence\":null},\"usage\":{\"input_tokens\":9,"
        "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
        "\"output_tokens\":4}}\n"
        "{\"type\":\"message_stop\"}\n"
        "modelStreamErrorException{\"message\":\"late\"}\n");
    weir_buf_fini(&out);
    weir_buf_fini(&lines);
    weir_buf_fini(&writing.text);
    weir_buf_fini(&writing.room);
}

TEST(invoke_surface, a_stream_without_room_is_broken)
{
    struct weir_buf out;
    struct weir_writing writing = {
        .ops = &weir_bedrock_invoke_writing, .out = &out, .is_streamed = true};
    const struct weir_event start = {.kind = WEIR_EVENT_START};
    weir_buf_init(&out, 1 << 20);
    weir_buf_init(&writing.text, 1 << 20);
    weir_buf_init(&writing.room, 64);
    writing.ops->event(&writing, &start);
    assert_true(writing.is_broken);
    weir_buf_fini(&out);
    weir_buf_fini(&writing.text);
    weir_buf_fini(&writing.room);
}
