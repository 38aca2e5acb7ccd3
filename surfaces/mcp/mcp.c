/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Model Context Protocol over streamable HTTP:
 *
 *    POST   /mcp/SERVER    one message
 *    GET    /mcp/SERVER    the stream of what the server has to say
 *    DELETE /mcp/SERVER    the session's end
 *    OPTIONS /mcp/SERVER   a browser, before any of these
 *
 * WHY A REFUSAL OF A REQUEST IS 200. Clients read an error of JSON-RPC as the
 * answer to one call. A status of 400 and more they read as the end of the
 * connection: one tool refused would take all the others away. Which status
 * it is is the caller's affair; here it has its shape.
 */
#include "mcp.h"

#include "common.h"

static weir_status
route(weir_span method, weir_span path, weir_span query,
      struct weir_surface_route *route_out, struct weir_error *err)
{
    const weir_span start = WEIR_SPAN("/mcp/");
    bool is_post = weir_span_equal(method, WEIR_SPAN("POST"));
    bool is_get = weir_span_equal(method, WEIR_SPAN("GET"));
    bool is_preflight = weir_span_equal(method, WEIR_SPAN("OPTIONS"));
    (void)query;
    if (!weir_span_starts(path, start) || path.len == start.len)
        return weir_fail(err, WEIR_ENOTOURS, WEIR_OFFSET_NONE,
                         "no such endpoint");
    if (!is_post && !is_get && !is_preflight &&
        !weir_span_equal(method, WEIR_SPAN("DELETE")))
        return weir_fail(err, WEIR_EMETHOD, WEIR_OFFSET_NONE,
                         "this endpoint takes POST, GET and DELETE");
    *route_out = (struct weir_surface_route){
        .surface = &weir_mcp_surface,
        .endpoint = WEIR_ENDPOINT_TOOLS,
        .dialect = WEIR_DIALECT_MCP,
        .takes_body = is_post,
        .is_streamed = is_get,
        .is_preflight = is_preflight,
        .model = {path.ptr + start.len, path.len - start.len}};
    return WEIR_OK;
}

static weir_status
parse(const struct weir_surface_route *way, weir_span body,
      struct weir_arena *arena, struct weir_request *request_out,
      struct weir_error *err)
{
    struct weir_mcp_message message;
    weir_status status = weir_mcp_read(body, arena, &message, err);
    *request_out = (struct weir_request){
        .endpoint = way->endpoint,
        .dialect = way->dialect,
        .surface = way->surface,
        .body = body,
        .model = way->model,
        .n = 1,
        .mcp = message,
    };
    if (status == WEIR_ENOTFOUND)
        request_out->param = WEIR_SPAN("method");
    else if (status != WEIR_OK && message.operation == WEIR_OP_CALL_TOOL)
        request_out->param = WEIR_SPAN("params.name");
    /* What is counted and paid for is the call of a tool. */
    request_out->input_tokens = message.operation == WEIR_OP_CALL_TOOL;
    request_out->prompt_bytes = body.len;
    return status;
}

/* -------------------------------------------------------------- refusal */

static enum weir_mcp_code
code_of(const struct weir_refusal *refusal)
{
    switch (refusal->status) {
    case WEIR_EPARSE:
        return WEIR_MCP_PARSE_ERROR;
    case WEIR_ENOTFOUND:
        return weir_span_equal(refusal->param, WEIR_SPAN("method"))
                   ? WEIR_MCP_METHOD_NOT_FOUND
                   : WEIR_MCP_INVALID_PARAMS;
    case WEIR_EUNAUTH:
    case WEIR_EDENIED:
    case WEIR_EHELD:
        return WEIR_MCP_REFUSED;
    case WEIR_EBUDGET:
    case WEIR_ERATE:
        return WEIR_MCP_LIMITED;
    case WEIR_EUNAVAIL:
    case WEIR_ESTALE:
        return WEIR_MCP_UNAVAILABLE;
    case WEIR_EUPSTREAM:
    case WEIR_ETIMEOUT:
        return WEIR_MCP_UPSTREAM;
    case WEIR_EINTERNAL:
    case WEIR_ENOMEM:
        return WEIR_MCP_INTERNAL_ERROR;
    default:
        return WEIR_MCP_INVALID_REQUEST;
    }
}

static void
put_error(const struct weir_surface_route *way,
          const struct weir_refusal *refusal, struct weir_buf *out)
{
    struct weir_json_writer writer;
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "jsonrpc");
    weir_json_add_string(&writer, WEIR_SPAN("2.0"));
    if (way->id.len > 0) {
        weir_json_name(&writer, "id");
        weir_json_add_raw(&writer, way->id);
    }
    weir_json_name(&writer, "error");
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "code");
    weir_json_add_int(&writer, code_of(refusal));
    weir_json_name(&writer, "message");
    weir_json_add_string(&writer, weir_refusal_message(refusal));
    weir_json_name(&writer, "data");
    weir_json_begin_object(&writer);
    weir_surface_put_details(&writer, refusal, WEIR_DETAILS_ALL);
    weir_json_end_object(&writer);
    weir_json_end_object(&writer);
    weir_json_end_object(&writer);
}

static void
put_refusal(const struct weir_surface_route *way,
            const struct weir_refusal *refusal, struct weir_buf *out)
{
    put_error(way, refusal, out);
    weir_buf_add_byte(out, '\n');
}

/* The answer to the request that waits; where none does, a remark. */
static void
put_cut(const struct weir_surface_route *way,
        const struct weir_refusal *refusal, struct weir_buf *out)
{
    if (way->id.len == 0) {
        weir_buf_addf(out, ": weir: %.*s\n\n", WEIR_SPAN_ARG(refusal->message));
        return;
    }
    weir_buf_add_span(out, WEIR_SPAN("event: message\ndata: "));
    put_error(way, refusal, out);
    weir_buf_add_span(out, WEIR_SPAN("\n\n"));
}

const struct weir_surface weir_mcp_surface = {
    .route = route,
    .parse = parse,
    .put_refusal = put_refusal,
    .put_cut = put_cut,
};
