/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp.h"

#include "test.h"

#include <string.h>

static weir_status
find(const char *method, const char *path, struct weir_surface_route *route)
{
    struct weir_error err;
    return weir_surface_route(weir_span_of(method), weir_span_of(path),
                              WEIR_SPAN_NONE, route, &err);
}

TEST(mcp_surface, server_is_named_by_the_path)
{
    struct weir_surface_route route;
    assert_ok(find("POST", "/mcp/tickets", &route));
    assert_int_equal(route.endpoint, WEIR_ENDPOINT_TOOLS);
    assert_true(route.takes_body);
    assert_span(route.model, "tickets");
    assert_ok(find("GET", "/mcp/a/b", &route));
    assert_true(route.is_streamed && !route.takes_body);
    assert_span(route.model, "a/b");
    assert_ok(find("DELETE", "/mcp/tickets", &route));
    assert_false(route.is_streamed || route.takes_body);
    assert_int_equal(find("PUT", "/mcp/tickets", &route), WEIR_EMETHOD);
    assert_int_equal(find("POST", "/mcp", &route), WEIR_ENOTOURS);
    assert_int_equal(find("POST", "/mcp/", &route), WEIR_ENOTOURS);
}

TEST(mcp_surface, only_the_call_of_a_tool_is_counted)
{
    static const struct {
        const char *text;
        uint64_t counted;
    } cases[] = {
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", 0},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\","
         "\"params\":{\"name\":\"a\"}}",
         1},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        char memory[256];
        struct weir_arena arena;
        struct weir_surface_route route;
        struct weir_request request;
        struct weir_error err;
        weir_arena_init(&arena, memory, sizeof(memory));
        assert_ok(find("POST", "/mcp/tickets", &route));
        assert_ok(weir_surface_parse(&route, weir_span_of(cases[i].text),
                                     &arena, &request, &err));
        assert_int_equal(request.input_tokens, cases[i].counted);
        assert_span(request.model, "tickets");
    }
}

static weir_span
refused(weir_span id, weir_status status, weir_span param, bool is_cut,
        char room[1024])
{
    struct weir_surface_route route;
    struct weir_refusal refusal = {.status = status,
                                   .param = param,
                                   .message = WEIR_SPAN("no"),
                                   .code = WEIR_SPAN("policy_forbids")};
    struct weir_buf out;
    weir_buf_init_fixed(&out, room, 1024);
    assert_ok(find("POST", "/mcp/tickets", &route));
    route.id = id;
    if (is_cut)
        weir_surface_put_cut(&route, &refusal, &out);
    else
        weir_surface_put_refusal(&route, &refusal, &out);
    return weir_buf_span(&out);
}

TEST(mcp_surface, refusal_answers_the_request)
{
    char room[1024];
    assert_span(
        refused(WEIR_SPAN("\"q\""), WEIR_EDENIED, WEIR_SPAN_NONE, false, room),
        "{\"jsonrpc\":\"2.0\",\"id\":\"q\",\"error\":{\"code\":-32010,"
        "\"message\":\"no\",\"data\":{\"weir\":{\"code\":"
        "\"policy_forbids\"}}}}\n");
    assert_span(
        refused(WEIR_SPAN_NONE, WEIR_EPARSE, WEIR_SPAN_NONE, false, room),
        "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,"
        "\"message\":\"no\",\"data\":{\"weir\":{\"code\":"
        "\"policy_forbids\"}}}}\n");
}

TEST(mcp_surface, refusals_have_numbers_that_clients_know)
{
    static const struct {
        weir_status status;
        const char *param;
        const char *code;
    } cases[] = {
        {WEIR_ENOTFOUND, "method", "-32601"},
        {WEIR_ENOTFOUND, "params.name", "-32602"},
        {WEIR_ETYPE, "", "-32600"},
        {WEIR_EBUDGET, "", "-32011"},
        {WEIR_EUNAVAIL, "", "-32012"},
        {WEIR_EUPSTREAM, "", "-32013"},
        {WEIR_ETIMEOUT, "", "-32013"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        char room[1024];
        weir_span text = refused(WEIR_SPAN("1"), cases[i].status,
                                 weir_span_of(cases[i].param), false, room);
        assert_non_null(memmem(text.ptr, text.len, cases[i].code, 6));
    }
}

TEST(mcp_surface, cut_stream_answers_the_request_that_waits)
{
    char room[1024];
    weir_span text =
        refused(WEIR_SPAN("7"), WEIR_EUPSTREAM, WEIR_SPAN_NONE, true, room);
    assert_true(weir_span_starts(
        text, WEIR_SPAN("event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,"
                        "\"error\":{\"code\":-32013,")));
    assert_true(weir_span_ends(text, WEIR_SPAN("\n\n")));
    text = refused(WEIR_SPAN_NONE, WEIR_EUPSTREAM, WEIR_SPAN_NONE, true, room);
    assert_span(text, ": weir: no\n\n");
}
