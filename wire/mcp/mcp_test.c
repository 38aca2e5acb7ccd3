/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/mcp.h>

#include "test.h"

#include <stdio.h>
#include <string.h>

#define CALL(more) "{\"jsonrpc\":\"2.0\",\"id\":1," more "}"

static weir_status
read_text(const char *text, struct weir_mcp_message *message)
{
    static char memory[256];
    struct weir_arena arena;
    struct weir_error err;
    weir_arena_init(&arena, memory, sizeof(memory));
    return weir_mcp_read(weir_span_of(text), &arena, message, &err);
}

TEST(mcp, each_method_has_its_operation)
{
    static const struct {
        const char *method;
        enum weir_operation operation;
    } cases[] = {
        {"initialize", WEIR_OP_CONNECT},
        {"ping", WEIR_OP_CONNECT},
        {"tools/list", WEIR_OP_CONNECT},
        {"logging/setLevel", WEIR_OP_CONNECT},
        {"server/discover", WEIR_OP_CONNECT},
        {"subscriptions/listen", WEIR_OP_CONNECT},
        {"resources/list", WEIR_OP_READ_RESOURCE},
        {"resources/read", WEIR_OP_READ_RESOURCE},
        {"resources/templates/list", WEIR_OP_READ_RESOURCE},
        {"resources/subscribe", WEIR_OP_READ_RESOURCE},
        {"prompts/list", WEIR_OP_GET_PROMPT},
        {"prompts/get", WEIR_OP_GET_PROMPT},
        {"completion/complete", WEIR_OP_GET_PROMPT},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        char text[128];
        struct weir_mcp_message message;
        snprintf(text, sizeof(text), CALL("\"method\":\"%s\""),
                 cases[i].method);
        assert_ok(read_text(text, &message));
        assert_int_equal(message.kind, WEIR_MCP_REQUEST);
        assert_int_equal(message.operation, cases[i].operation);
        assert_span(message.id, "1");
    }
}

TEST(mcp, tool_is_read_unescaped)
{
    struct weir_mcp_message message;
    assert_ok(read_text(CALL("\"method\":\"tools\\/c\\u0061ll\",\"params\":"
                             "{\"name\":\"se\\u0061rch\",\"arguments\":"
                             "{\"name\":\"x\"}}"),
                        &message));
    assert_int_equal(message.operation, WEIR_OP_CALL_TOOL);
    assert_span(message.method, "tools/call");
    assert_span(message.tool, "search");
}

TEST(mcp, message_that_two_readers_may_read_differently_is_refused)
{
    static const char *const cases[] = {
        CALL("\"method\":\"ping\",\"method\":\"tools/call\""),
        CALL("\"method\":\"ping\",\"m\\u0065thod\":\"tools/call\""),
        CALL("\"method\":\"ping\",\"Method\":\"tools/call\""),
        CALL("\"id\":2,\"method\":\"ping\""),
        CALL("\"method\":\"tools/call\",\"params\":{\"name\":\"a\","
             "\"name\":\"b\"}"),
        CALL("\"method\":\"tools/call\",\"params\":{\"name\":\"a\","
             "\"Name\":\"b\"}"),
        CALL("\"method\":\"tools/call\",\"params\":{\"name\":\"a\"},"
             "\"params\":{\"name\":\"b\"}"),
    };
    struct weir_mcp_message message;
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++)
        assert_int_equal(read_text(cases[i], &message), WEIR_EPARSE);
}

TEST(mcp, what_is_no_message_is_refused)
{
    static const struct {
        const char *text;
        weir_status status;
    } cases[] = {
        {"", WEIR_EPARSE},
        {"{", WEIR_EPARSE},
        {"[" CALL("\"method\":\"ping\"") "]", WEIR_ETYPE},
        {"{\"id\":1,\"method\":\"ping\"}", WEIR_ETYPE},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", WEIR_ETYPE},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", WEIR_ETYPE},
        {"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", WEIR_ETYPE},
        {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", WEIR_ETYPE},
        {"{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}", WEIR_ETYPE},
        {CALL("\"method\":\"notifications/initialized\""), WEIR_ETYPE},
        {CALL("\"method\":7"), WEIR_ETYPE},
        {CALL("\"method\":\"ping\",\"params\":[]"), WEIR_ETYPE},
        {CALL("\"method\":\"ping\",\"result\":{}"), WEIR_ETYPE},
        {CALL("\"method\":\"tools/call\",\"params\":{}"), WEIR_ETYPE},
        {CALL("\"method\":\"tools/call\",\"params\":{\"name\":7}"), WEIR_ETYPE},
        {CALL("\"method\":\"tools/call\",\"params\":{\"name\":\"\"}"),
         WEIR_ETYPE},
        {CALL("\"method\":\"tools/call\""), WEIR_ETYPE},
        {CALL("\"result\":{},\"error\":{}"), WEIR_ETYPE},
        {CALL("\"params\":{}"), WEIR_ETYPE},
        {CALL("\"method\":\"tools/delete\""), WEIR_ENOTFOUND},
        {CALL("\"method\":\"tasks/get\""), WEIR_ENOTFOUND},
        {CALL("\"method\":\"sampling/createMessage\""), WEIR_ENOTFOUND},
    };
    struct weir_mcp_message message;
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++)
        assert_int_equal(read_text(cases[i].text, &message), cases[i].status);
}

TEST(mcp, id_of_a_refused_message_is_known)
{
    struct weir_mcp_message message;
    assert_int_equal(read_text("{\"jsonrpc\":\"2.0\",\"id\":\"q-7\","
                               "\"method\":\"tasks/get\"}",
                               &message),
                     WEIR_ENOTFOUND);
    assert_span(message.id, "\"q-7\"");
}

TEST(mcp, server_may_ask_what_a_client_may_not)
{
    struct weir_mcp_message message;
    struct weir_error err;
    assert_ok(weir_mcp_read_reply(
        WEIR_SPAN(CALL("\"method\":\"sampling/createMessage\"")), &message,
        &err));
    assert_int_equal(
        weir_mcp_read_reply(WEIR_SPAN(CALL("\"method\":\"tools/call\"")),
                            &message, &err),
        WEIR_ENOTFOUND);
    assert_ok(weir_mcp_read_reply(
        WEIR_SPAN("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1}}"), &message,
        &err));
    assert_true(message.is_error);
}

/* ---------------------------------------------------------------- lists */

static bool
only_a(void *context, weir_span tool)
{
    (void)context;
    return weir_span_equal(tool, WEIR_SPAN("a"));
}

static const struct weir_mcp_gate gate = {.may_call = only_a};

static void
assert_cut(const char *text, const char *expected)
{
    struct weir_arena arena;
    struct weir_buf out;
    struct weir_error err;
    bool is_changed;
    weir_arena_init_heap(&arena, 1 << 20);
    weir_buf_init(&out, 1 << 20);
    assert_ok(weir_mcp_cut_list(weir_span_of(text), &gate, &arena, &out,
                                &is_changed, &err));
    assert_int_equal(is_changed, expected != NULL);
    if (expected == NULL)
        assert_int_equal(out.len, 0);
    else {
        assert_int_equal(out.len, strlen(expected));
        assert_memory_equal(out.ptr, expected, out.len);
    }
    weir_buf_fini(&out);
    weir_arena_fini(&arena);
}

#define LIST(tools) "{\"id\":1, \"result\":{\"x\":[], \"tools\":[" tools "]}}"
#define A           "{\"name\":\"a\",\"inputSchema\":{\"name\":\"b\"}}"
#define B           "{\"inputSchema\":{}, \"name\":\"b\"}"

TEST(mcp, list_keeps_what_may_be_called)
{
    assert_cut(LIST(A), NULL);
    assert_cut(LIST(""), NULL);
    assert_cut(LIST(B), LIST(""));
    assert_cut(LIST(A ", " B), LIST(A));
    assert_cut(LIST(B ", " A), LIST(A));
    assert_cut(LIST(B "," A "," B "," A), LIST(A "," A));
}

TEST(mcp, tool_hidden_from_the_eye_is_cut)
{
    assert_cut(LIST("{\"n\\u0061me\":\"b\"}"), LIST(""));
    assert_cut(LIST("{\"name\":\"\\u0062\"}"), LIST(""));
    assert_cut(LIST("{\"name\":\"a\",\"name\":\"b\"}"), LIST(""));
    assert_cut(LIST("{\"title\":\"a\"}"), LIST(""));
    assert_cut(LIST("7"), LIST(""));
    assert_cut("{\"r\\u0065sult\":{\"too\\u006cs\":[" B "]}}",
               "{\"r\\u0065sult\":{\"too\\u006cs\":[]}}");
    assert_cut("{\"result\":{\"tools\":[" A "],\"tools\":[" B "]},"
               "\"result\":{\"tools\":[" B "]}}",
               "{\"result\":{\"tools\":[" A "],\"tools\":[]},"
               "\"result\":{\"tools\":[]}}");
}

TEST(mcp, what_is_no_list_stays)
{
    assert_cut("{\"result\":{\"content\":[{\"tools\":[" B "]}]}}", NULL);
    assert_cut("{\"params\":{\"tools\":[" B "]}}", NULL);
}

TEST(mcp, tools_that_are_no_array_are_refused)
{
    struct weir_arena arena;
    struct weir_buf out;
    struct weir_error err;
    bool is_changed;
    weir_arena_init_heap(&arena, 1 << 20);
    weir_buf_init(&out, 1 << 20);
    assert_int_equal(weir_mcp_cut_list(WEIR_SPAN("{\"result\":{\"tools\":{}}}"),
                                       &gate, &arena, &out, &is_changed, &err),
                     WEIR_ETYPE);
    weir_buf_fini(&out);
    weir_arena_fini(&arena);
}

TEST(mcp, a_header_repeats_an_argument_or_does_not)
{
    static const char text[] =
        CALL("\"method\":\"tools/call\",\"params\":{\"name\":\"a\","
             "\"arguments\":{\"s\":\"caf\\u00e9\",\"n\":42,\"b\":true,"
             "\"o\":{\"in\":\"deep\"},\"l\":[\"listed\"],\"z\":null}}");
    static const struct {
        const char *header;
        bool repeats;
    } cases[] = {
        {"caf\xc3\xa9", true},
        {"=?base64?Y2Fmw6k=?=", true},
        {"42", true},
        {"true", true},
        {"deep", true},
        {"a", false}, /* a name, no argument */
        {"listed", false},
        {"null", false},
        {"", false},
        {"4", false},
        {"=?base64?Y2Fmw6k?=", false}, /* not canonical */
        {"=?base64?/w==?=", false},    /* not UTF-8 */
        {"=?base64?=", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(
            weir_mcp_repeats(weir_span_of(text), weir_span_of(cases[i].header)),
            cases[i].repeats);
    assert_false(weir_mcp_repeats(WEIR_SPAN("{"), WEIR_SPAN("42")));
    assert_false(weir_mcp_repeats(
        WEIR_SPAN("{\"params\":{\"arguments\":[42]}}"), WEIR_SPAN("42")));
}
