/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

static bool
not_b(void *context, weir_span tool)
{
    (void)context;
    return !weir_span_equal(tool, WEIR_SPAN("b"));
}

static bool
seal_event(void *context, weir_span id, struct weir_buf *out)
{
    (void)context;
    weir_buf_add_span(out, WEIR_SPAN("S."));
    weir_buf_add_span(out, id);
    return !weir_span_equal(id, WEIR_SPAN("bad"));
}

static const struct weir_mcp_gate gate = {.may_call = not_b,
                                          .seal_event = seal_event};

struct told {
    char text[8192];
    size_t len;
    struct weir_reply_facts facts;
    struct weir_usage usage;
};

static void
tell(struct told *told, const struct weir_reply_piece *piece)
{
    assert_true(told->len + piece->bytes.len <= sizeof(told->text));
    memcpy(told->text + told->len, piece->bytes.ptr, piece->bytes.len);
    told->len += piece->bytes.len;
}

/* The reply in parts of `step` bytes. */
static void
hear(const struct weir_request *request, uint32_t status, bool is_streamed,
     const char *text, size_t step, struct told *told)
{
    static _Alignas(16) char memory[8192];
    struct weir_arena arena;
    struct weir_reply_piece piece;
    const struct weir_provider *provider = weir_provider_find(WEIR_SPAN("mcp"));
    struct weir_reply_setup setup = {.endpoint = WEIR_ENDPOINT_TOOLS,
                                     .is_streamed = is_streamed,
                                     .held_bytes_max = 4096,
                                     .http_status = status,
                                     .request = request,
                                     .tools = &gate};
    size_t len = strlen(text);
    memset(told, 0, sizeof(*told));
    weir_arena_init(&arena, memory, sizeof(memory));
    struct weir_reply *reply = weir_reply_new(provider, &setup, &arena);
    assert_non_null(reply);
    for (size_t at = 0; at < len; at += step) {
        weir_span input = {text + at, len - at < step ? len - at : step};
        while (weir_reply_next(reply, &input, &piece))
            tell(told, &piece);
    }
    if (weir_reply_finish(reply, true, &piece))
        tell(told, &piece);
    told->facts = *weir_reply_facts(reply);
    told->usage = weir_reply_usage(reply, 100);
    weir_reply_free(reply);
}

static const struct weir_request list = {.mcp = {.kind = WEIR_MCP_REQUEST,
                                                 .operation = WEIR_OP_CONNECT,
                                                 .id = {"1", 1}}};
static const struct weir_request call = {.mcp = {.kind = WEIR_MCP_REQUEST,
                                                 .operation = WEIR_OP_CALL_TOOL,
                                                 .id = {"1", 1}}};
static const struct weir_request nothing; /* as of GET */

static void
assert_told(const struct told *told, const char *text,
            enum weir_reply_state state)
{
    assert_int_equal(told->len, strlen(text));
    assert_memory_equal(told->text, text, told->len);
    assert_int_equal(told->facts.state, state);
}

#define ANSWER(r) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{" r "}}"
#define TOOLS(t)  ANSWER("\"tools\":[" t "]")
#define TOOL(n)   "{\"name\":\"" n "\"}"
#define NOTE                                                                   \
    "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\","              \
    "\"params\":{}}"

static void
assert_stream(const struct weir_request *request, const char *text,
              const char *expected, enum weir_reply_state state)
{
    struct told told;
    for (size_t step = 1; step <= strlen(text); step++) {
        hear(request, 200, true, text, step, &told);
        assert_told(&told, expected, state);
    }
}

TEST(mcp_reply, list_is_cut_in_json)
{
    struct told told;
    hear(&list, 200, false, TOOLS(TOOL("a") "," TOOL("b")), 7, &told);
    assert_told(&told, TOOLS(TOOL("a")), WEIR_REPLY_DONE);
    assert_int_equal(told.usage.input_tokens, 0);
}

TEST(mcp_reply, list_is_cut_in_a_stream_at_every_split)
{
    assert_stream(&list,
                  ": hello\n\nevent: message\ndata: " NOTE "\n\n"
                  "event: message\r\nid: 7\r\n"
                  "data: " TOOLS(TOOL("b") "," TOOL("a")) "\r\n\r\n",
                  ": hello\n\nevent: message\ndata: " NOTE "\n\n"
                  "event: message\nid: S.7\ndata: " TOOLS(TOOL("a")) "\n\n",
                  WEIR_REPLY_DONE);
}

TEST(mcp_reply, list_that_another_request_was_told_is_cut_too)
{
    assert_stream(&nothing,
                  "data: {\"jsonrpc\":\"2.0\",\"id\":99,\"result\":"
                  "{\"tools\":[" TOOL("b") "]}}\n\n",
                  "data: {\"jsonrpc\":\"2.0\",\"id\":99,\"result\":"
                  "{\"tools\":[]}}\n\n",
                  WEIR_REPLY_DONE);
}

TEST(mcp_reply, list_on_several_lines_is_cut)
{
    assert_stream(&list,
                  "data: {\"jsonrpc\":\"2.0\",\"id\":1,\ndata: "
                  "\"result\":{\"tools\":[\ndata: " TOOL("b") "]}}\n\n",
                  "data: " TOOLS("") "\n\n", WEIR_REPLY_DONE);
}

TEST(mcp_reply, message_that_is_not_on_the_list_is_left_out)
{
    assert_stream(&list,
                  "data: {\"jsonrpc\":\"2.0\",\"id\":5,\"method\":"
                  "\"weights/fetch\"}\n\ndata: " ANSWER("") "\n\n",
                  "data: " ANSWER("") "\n\n", WEIR_REPLY_DONE);
}

TEST(mcp_reply, what_cannot_be_read_ends_the_stream)
{
    static const char *const cases[] = {
        "data: [1]\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"result\":{}}\n\n",
        "data: nonsense\n\n",
        "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":7}}\n\n",
        "id: bad\ndata: " ANSWER("") "\n\n",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        char text[512];
        snprintf(text, sizeof(text), "%sdata: " TOOLS(TOOL("b")) "\n\n",
                 cases[i]);
        assert_stream(&list, text, "", WEIR_REPLY_CUT);
    }
}

TEST(mcp_reply, stream_without_the_answer_is_cut_unless_it_is_numbered)
{
    assert_stream(&call, "data: " NOTE "\n\n", "data: " NOTE "\n\n",
                  WEIR_REPLY_CUT);
    assert_stream(&call, "id: 1\ndata: \n\n", "id: S.1\ndata: \n\n",
                  WEIR_REPLY_DONE);
    assert_stream(&nothing, "data: " NOTE "\n\n", "data: " NOTE "\n\n",
                  WEIR_REPLY_DONE);
}

TEST(mcp_reply, call_is_counted_once_and_an_error_is_free)
{
    struct told told;
    hear(&call, 200, false, ANSWER("\"content\":[],\"isError\":true"), 9,
         &told);
    assert_int_equal(told.facts.state, WEIR_REPLY_DONE);
    assert_int_equal(told.usage.input_tokens, 1);
    hear(&call, 200, false,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-1}}", 9, &told);
    assert_int_equal(told.facts.state, WEIR_REPLY_ERROR);
    assert_int_equal(told.usage.input_tokens, 0);
    hear(&call, 200, true, "data: " NOTE "\n\n", 9, &told);
    assert_int_equal(told.usage.input_tokens, 1); /* it may have been done */
}

TEST(mcp_reply, body_that_is_no_answer_becomes_an_error)
{
    static const char *const cases[] = {
        "<html>",
        "[]",
        "{}",
        NOTE,
        "",
        "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":7}}"};
    struct told told;
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        hear(&call, 200, false, cases[i], 5, &told);
        assert_told(&told,
                    "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32013,"
                    "\"message\":\"the tool server's answer cannot be "
                    "read\"}}",
                    WEIR_REPLY_ERROR);
    }
    hear(&call, 500, false, "secrets", 5, &told);
    assert_told(&told,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32013,"
                "\"message\":\"the tool server answered with an error\"}}",
                WEIR_REPLY_ERROR);
    assert_int_equal(told.usage.input_tokens, 0);
    hear(&call, 400, false,
         "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32022}}", 5,
         &told);
    assert_told(&told,
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32022}}",
                WEIR_REPLY_ERROR);
    hear(&call, 400, false, TOOLS(TOOL("b")), 5, &told);
    assert_null(memmem(told.text, told.len, "tools\"", 6));
    hear(&nothing, 202, false, "ignored", 5, &told);
    assert_told(&told, "", WEIR_REPLY_DONE);
}

TEST(mcp_reply, event_that_is_too_large_ends_the_stream)
{
    static char text[9000];
    struct told told;
    memset(text, 'x', sizeof(text) - 1);
    memcpy(text, "data: ", 6);
    memcpy(text + sizeof(text) - 3, "\n\n", 2);
    hear(&list, 200, true, text, 100, &told);
    assert_told(&told, "", WEIR_REPLY_CUT);
}

TEST(mcp_reply, message_is_sent_as_it_came)
{
    struct weir_request request = {.dialect = WEIR_DIALECT_MCP,
                                   .body = WEIR_SPAN("{ }")};
    struct weir_target target = {.prefix = WEIR_SPAN("/x/mcp")};
    struct weir_outgoing outgoing;
    struct weir_error err;
    const struct weir_provider *provider = weir_provider_find(WEIR_SPAN("mcp"));
    assert_false(weir_provider_translates(provider, &request));
    assert_ok(weir_provider_prepare(provider, &request, &target, NULL,
                                    &outgoing, &err));
    assert_span(outgoing.path, "/x/mcp");
    assert_span(outgoing.method, "POST");
    assert_int_equal(outgoing.body_bytes, 3);
    assert_span(outgoing.pieces[0], "{ }");
    request =
        (struct weir_request){.dialect = WEIR_DIALECT_MCP, .is_streamed = true};
    assert_ok(weir_provider_prepare(provider, &request, &target, NULL,
                                    &outgoing, &err));
    assert_span(outgoing.method, "GET");
    request.is_streamed = false;
    assert_ok(weir_provider_prepare(provider, &request, &target, NULL,
                                    &outgoing, &err));
    assert_span(outgoing.method, "DELETE");
}
