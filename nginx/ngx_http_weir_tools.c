/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tool servers: the Model Context Protocol over streamable HTTP.
 *
 *   POST    one message      asked, held, on record, passed
 *   GET     a stream         the same; open as long as both sides like
 *   DELETE  a session's end  the same
 *
 * Each is a call like any other: key, policy, budget, record, one attempt. A
 * tool may do what must not be done twice, so nothing is tried again.
 *
 *   client's session --open--> server's      bound to the key, weir/bound.h
 *   server's session --seal--> client's      and so are ids of events
 *
 * WHY A REFUSED REQUEST IS 200. See surfaces/mcp. What has no id, and what
 * is wrong with HTTP itself (origin, version, session, key), has its status.
 *
 * WHAT DOES NOT PASS: compressed replies, since lists of tools are cut;
 * headers that repeat arguments (Mcp-Param-*) and say what these, as they go
 * on, do not.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_classify.h"

#include <weir/bound.h>


struct ngx_http_weir_tools_s {
    uint32_t                  server;       /* rows */
    uint32_t                  deployment;
    ngx_uint_t                http;         /* of a refusal; 0: by its kind */
    ngx_uint_t                is_changed;   /* filters changed the message */
    weir_span                 session;      /* the server's word for it */
    weir_span                 event;        /* the same, of the last one */
    weir_span                 version;
    weir_span                 method;       /* headers, as they came */
    weir_span                 name;
    ngx_str_t                 given;        /* a session, by the server */
    struct weir_bound_scope   scope;
    struct weir_mcp_gate      gate;
    size_t                    said_len;
    char                      said[64 + WEIR_TOOL_NAME_MAX];
};


/* Whether this key may call this tool: for lists. Nothing is held. */

static bool
ngx_http_weir_tools_may_call(void *context, weir_span tool)
{
    ngx_http_weir_ctx_t       *ctx = context;
    const struct weir_image   *image;
    struct weir_question       question;
    struct weir_candidate      candidate;

    image = &ctx->view->view.image;

    if (!weir_image_has_tool(image, ctx->tools->server, tool)) {
        return false;
    }

    question = (struct weir_question) {
        .key = ctx->call.key,
        .operation = WEIR_OP_CALL_TOOL,
        .model = ctx->call.ask.model,
        .address = ctx->call.client.address,
        .country = ctx->call.client.country,
        .end_customer = ctx->call.client.end_customer,
        .tool = tool,
        .now = ctx->call.started,
        .confirmed_us = ctx->call.confirmed_us,
        .signals = ctx->call.signals,
        .first_grant = WEIR_INDEX_NONE,
    };

    weir_gate_decide_one(&ctx->view->view, &question, ctx->tools->deployment,
                         &candidate);

    return candidate.verdict == WEIR_ALLOW;
}


static bool
ngx_http_weir_tools_seal_event(void *context, weir_span id,
    struct weir_buf *out)
{
    ngx_http_weir_ctx_t  *ctx = context;

    return weir_bound_seal(&ctx->tools->scope, WEIR_BOUND_EVENT, id, out);
}


/* -------------------------------------------------------------- headers */

#define NGX_HTTP_WEIR_TOOLS_HEADERS  7

/* Mcp-Param-*: so many of a call, and bytes of a name. */
#define NGX_HTTP_WEIR_TOOLS_PARAMS      8
#define NGX_HTTP_WEIR_TOOLS_PARAM_NAME  80

typedef enum {
    NGX_HTTP_WEIR_TOOLS_SESSION = 0,
    NGX_HTTP_WEIR_TOOLS_VERSION,
    NGX_HTTP_WEIR_TOOLS_EVENT,
    NGX_HTTP_WEIR_TOOLS_ORIGIN,
    NGX_HTTP_WEIR_TOOLS_ACCEPT,
    NGX_HTTP_WEIR_TOOLS_METHOD,
    NGX_HTTP_WEIR_TOOLS_NAME
} ngx_http_weir_tools_header_e;

static ngx_str_t  ngx_http_weir_tools_names[NGX_HTTP_WEIR_TOOLS_HEADERS] = {
    ngx_string("mcp-session-id"),
    ngx_string("mcp-protocol-version"),
    ngx_string("last-event-id"),
    ngx_string("origin"),
    ngx_string("accept"),
    ngx_string("mcp-method"),
    ngx_string("mcp-name")
};


/* False: one that must be there once is there twice. */

static ngx_uint_t
ngx_http_weir_tools_hear(ngx_http_request_t *r, weir_span *values)
{
    ngx_uint_t                n;
    ngx_table_elt_t          *h;
    ngx_http_weir_headers_t   headers;

    ngx_memzero(values, NGX_HTTP_WEIR_TOOLS_HEADERS * sizeof(weir_span));

    ngx_http_weir_headers_init(&headers, r);

    while ((h = ngx_http_weir_headers_next(&headers))) {
        for (n = 0; n < NGX_HTTP_WEIR_TOOLS_HEADERS; n++) {
            if (h->key.len != ngx_http_weir_tools_names[n].len
                || ngx_memcmp(h->lowcase_key,
                              ngx_http_weir_tools_names[n].data, h->key.len)
                   != 0)
            {
                continue;
            }

            if (values[n].ptr && n != NGX_HTTP_WEIR_TOOLS_ACCEPT) {
                return 0;
            }

            values[n] = ngx_http_weir_span(h->value);
        }
    }

    return 1;
}


ngx_uint_t
ngx_http_weir_tools_is_origin(const struct weir_image *image, uint32_t server,
    weir_span origin)
{
    const char  *end;
    weir_span    rest, line;

    rest = weir_image_text(image, image->servers[server].origins);

    while (rest.len) {
        end = memchr(rest.ptr, '\n', rest.len);
        line = (weir_span) { rest.ptr, end - rest.ptr };

        if (weir_span_equal(line, origin)) {
            return 1;
        }

        rest.ptr += line.len + 1;
        rest.len -= line.len + 1;
    }

    return 0;
}


static ngx_uint_t
ngx_http_weir_tools_takes(weir_span accept, const char *type, const char *any)
{
    u_char  *p, *last;

    p = (u_char *) accept.ptr;
    last = p + accept.len;

    return accept.len
           && (ngx_strlcasestrn(p, last, (u_char *) type,
                                ngx_strlen(type) - 1)
               || ngx_strlcasestrn(p, last, (u_char *) any,
                                   ngx_strlen(any) - 1)
               || ngx_strlcasestrn(p, last, (u_char *) "*/*", 3 - 1));
}


static weir_status
ngx_http_weir_tools_no(ngx_http_weir_ctx_t *ctx, weir_status status,
    ngx_uint_t http, const char *what, struct weir_error *err)
{
    ctx->call.reason = WEIR_REASON_BAD_REQUEST;
    ctx->tools->http = http;

    return weir_fail(err, status, WEIR_OFFSET_NONE, "%s", what);
}


/* What HTTP says around the message. */

static weir_status
ngx_http_weir_tools_check(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    weir_span               values[NGX_HTTP_WEIR_TOOLS_HEADERS], v;
    ngx_http_weir_tools_t  *t;

    t = ctx->tools;

    if (!ngx_http_weir_tools_hear(ctx->request, values)) {
        return ngx_http_weir_tools_no(ctx, WEIR_ETYPE, 400,
                                      "a header of the protocol is there "
                                      "twice", err);
    }

    v = values[NGX_HTTP_WEIR_TOOLS_ORIGIN];

    if (v.ptr && !ngx_http_weir_tools_is_origin(&ctx->view->view.image,
                                                t->server, v))
    {
        return ngx_http_weir_tools_no(ctx, WEIR_EDENIED, 403,
                                      "pages of this origin may not use the "
                                      "tool server", err);
    }

    t->version = values[NGX_HTTP_WEIR_TOOLS_VERSION];

    if (t->version.ptr && !weir_mcp_is_version(t->version)) {
        return ngx_http_weir_tools_no(ctx, WEIR_ETYPE, 400,
                                      "this MCP-Protocol-Version is not let "
                                      "through: 2024-11-05 to 2026-07-28 are",
                                      err);
    }

    v = values[NGX_HTTP_WEIR_TOOLS_ACCEPT];

    if ((ctx->route.takes_body
         && !ngx_http_weir_tools_takes(v, "application/json",
                                       "application/*"))
        || ((ctx->route.takes_body || ctx->route.is_streamed)
            && !ngx_http_weir_tools_takes(v, "text/event-stream", "text/*")))
    {
        return ngx_http_weir_tools_no(ctx, WEIR_ETYPE, 406,
                                      "the client must accept "
                                      "application/json and "
                                      "text/event-stream", err);
    }

    v = values[NGX_HTTP_WEIR_TOOLS_SESSION];

    if (v.ptr && !weir_bound_open(&t->scope, WEIR_BOUND_SESSION, v,
                                  &t->session))
    {
        return ngx_http_weir_tools_no(ctx, WEIR_ENOTFOUND, 404,
                                      "this key has no such session", err);
    }

    v = values[NGX_HTTP_WEIR_TOOLS_EVENT];

    if (v.ptr && (!ctx->route.is_streamed
                  || !weir_bound_open(&t->scope, WEIR_BOUND_EVENT, v,
                                      &t->event)))
    {
        return ngx_http_weir_tools_no(ctx, WEIR_ENOTFOUND, 404,
                                      "this key has seen no such event", err);
    }

    t->method = values[NGX_HTTP_WEIR_TOOLS_METHOD];
    t->name = values[NGX_HTTP_WEIR_TOOLS_NAME];

    return WEIR_OK;
}


/* Which server, and what of its clients' state the request names. */

static weir_status
ngx_http_weir_tools_find(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    uint32_t                   i;
    ngx_http_weir_tools_t     *t;
    const struct weir_image   *image;

    t = ctx->tools;
    image = &ctx->view->view.image;

    ctx->call.ask.operation = WEIR_OP_CONNECT;

    t->server = weir_image_find_server(image, ctx->route.model);

    for (i = 0; t->server != WEIR_INDEX_NONE && i < image->deployment_count;
         i++)
    {
        if (image->deployments[i].model == image->servers[t->server].model) {
            break;
        }
    }

    if (t->server == WEIR_INDEX_NONE || i == image->deployment_count) {
        ctx->call.reason = WEIR_REASON_UNKNOWN_MODEL;
        t->http = NGX_HTTP_NOT_FOUND;
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no tool server of this name is known here");
    }

    /* a name of ours from here on: it may be recorded */

    ctx->call.ask.model = ctx->route.model;

    t->deployment = i;
    t->scope.key = image->keys[ctx->call.key].hash;
    t->scope.deployment = image->deployments[i].hash;
    t->gate.context = ctx;
    t->gate.may_call = ngx_http_weir_tools_may_call;
    t->gate.seal_event = ngx_http_weir_tools_seal_event;

    if (ngx_http_weir_credential(WEIR_SPAN(".seal"), &t->scope.seal)
        != NGX_OK)
    {
        t->scope.seal = (weir_secret) { NULL, 0 };
    }

    return WEIR_OK;
}


ngx_int_t
ngx_http_weir_tools_head(ngx_http_weir_ctx_t *ctx)
{
    weir_status         status;
    struct weir_error   err;

    ctx->tools = ngx_pcalloc(ctx->request->pool,
                             sizeof(ngx_http_weir_tools_t));
    if (ctx->tools == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    status = ngx_http_weir_tools_find(ctx, &err);

    if (status == WEIR_OK) {
        status = ngx_http_weir_tools_check(ctx, &err);
    }

    return status == WEIR_OK ? NGX_DECLINED
                             : ngx_http_weir_refuse(ctx, status, &err);
}


/* -------------------------------------------------------------- asking */

/* What the record says was asked: words of weir's or of the configuration. */

static void
ngx_http_weir_tools_say(ngx_http_weir_ctx_t *ctx, weir_span what,
    weir_span tool)
{
    struct weir_buf         buf;
    ngx_http_weir_tools_t  *t;

    t = ctx->tools;

    weir_buf_init_fixed(&buf, t->said, sizeof(t->said));
    weir_buf_add_span(&buf, what);

    if (tool.len) {
        weir_buf_add_byte(&buf, ' ');
        weir_buf_add_span(&buf, tool);
    }

    ctx->call.ask.tool = buf.overflow ? what : weir_buf_span(&buf);
}


/* What the server does not offer, whatever policy says. */

static weir_status
ngx_http_weir_tools_offers(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    uint32_t                          flags;
    const struct weir_image          *image;
    const struct weir_mcp_message    *m;

    image = &ctx->view->view.image;
    m = &ctx->ask.mcp;
    flags = image->servers[ctx->tools->server].flags;

    if ((m->operation == WEIR_OP_CALL_TOOL
         && !weir_image_has_tool(image, ctx->tools->server, m->tool))
        || (m->operation == WEIR_OP_READ_RESOURCE
            && !(flags & WEIR_SERVER_RESOURCES))
        || (m->operation == WEIR_OP_GET_PROMPT
            && !(flags & WEIR_SERVER_PROMPTS)))
    {
        ctx->call.reason = WEIR_REASON_OPERATION;
        ctx->ask.param = m->operation == WEIR_OP_CALL_TOOL
                         ? WEIR_SPAN("params.name") : WEIR_SPAN("method");

        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         m->operation == WEIR_OP_CALL_TOOL
                         ? "no tool of this name is offered here"
                         : "this server offers nothing of the kind here");
    }

    return WEIR_OK;
}


/* Headers repeat what the message says; a server may go by either. */

static weir_status
ngx_http_weir_tools_agree(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    ngx_http_weir_tools_t           *t;
    const struct weir_mcp_message   *m;

    t = ctx->tools;
    m = &ctx->ask.mcp;

    if ((t->method.ptr && !weir_span_equal(t->method, m->method))
        || (t->name.ptr && m->operation == WEIR_OP_CALL_TOOL
            && !weir_span_equal(t->name, m->tool)))
    {
        return ngx_http_weir_tools_no(ctx, WEIR_ETYPE, 0,
                                      "Mcp-Method or Mcp-Name says another "
                                      "thing than the message", err);
    }

    return WEIR_OK;
}


static weir_status
ngx_http_weir_tools_read(ngx_http_weir_ctx_t *ctx, weir_span body,
    struct weir_error *err)
{
    weir_span     what;
    weir_status   status;

    if (!ctx->route.takes_body) {
        ngx_memzero(&ctx->ask, sizeof(struct weir_request));

        ctx->ask.surface = ctx->route.surface;
        ctx->ask.endpoint = ctx->route.endpoint;
        ctx->ask.dialect = ctx->route.dialect;
        ctx->ask.model = ctx->route.model;
        ctx->ask.is_streamed = ctx->route.is_streamed;
        ctx->ask.mcp.operation = WEIR_OP_CONNECT;

        ngx_http_weir_tools_say(ctx, ctx->route.is_streamed
                                     ? WEIR_SPAN("GET") : WEIR_SPAN("DELETE"),
                                WEIR_SPAN_NONE);
        return WEIR_OK;
    }

    status = weir_surface_parse(&ctx->route, body, &ctx->arena, &ctx->ask,
                                err);
    ctx->route.id = ctx->ask.mcp.id;

    if (status != WEIR_OK) {
        ctx->call.reason = status == WEIR_ENOTFOUND ? WEIR_REASON_OPERATION
                                                    : WEIR_REASON_BAD_REQUEST;
        return status;
    }

    ctx->call.ask.operation = ctx->ask.mcp.operation;
    what = ctx->ask.mcp.kind == WEIR_MCP_ANSWER ? WEIR_SPAN("answer")
                                                : ctx->ask.mcp.method;
    ngx_http_weir_tools_say(ctx, what, WEIR_SPAN_NONE);

    status = ngx_http_weir_tools_offers(ctx, err);
    if (status != WEIR_OK) {
        return status;
    }

    ngx_http_weir_tools_say(ctx, what, ctx->ask.mcp.tool);

    return ngx_http_weir_tools_agree(ctx, err);
}


/* Filters read every string; what the message is must not change by it. */

static weir_status
ngx_http_weir_tools_filter(ngx_http_weir_ctx_t *ctx, weir_span *body,
    struct weir_error *err)
{
    weir_span                         nothing;
    weir_status                       status;
    struct weir_mcp_message           before;
    const struct weir_mcp_message    *m;
    char                              tool[WEIR_TOOL_NAME_MAX];

    if (!ctx->route.takes_body) {
        nothing = WEIR_SPAN("{}");
        return ngx_http_weir_filter_request(ctx, &nothing, err);
    }

    m = &ctx->ask.mcp;
    before = *m;

    if (before.tool.len) {
        ngx_memcpy(tool, before.tool.ptr, before.tool.len);
        before.tool.ptr = tool;
    }

    nothing = *body;
    status = ngx_http_weir_filter_request(ctx, body, err);
    ctx->tools->is_changed = body->ptr != nothing.ptr;

    if (status != WEIR_OK || !ctx->tools->is_changed) {
        return status;
    }

    if (m->kind != before.kind || !weir_span_equal(m->method, before.method)
        || !weir_span_equal(m->id, before.id)
        || !weir_span_equal(m->tool, before.tool))
    {
        ctx->call.reason = WEIR_REASON_FILTERED;
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "a filter finds something in the message's own "
                         "names");
    }

    return WEIR_OK;
}


weir_status
ngx_http_weir_tools_decide(ngx_http_weir_ctx_t *ctx, weir_span *body,
    struct weir_error *err)
{
    weir_status       status;
    struct weir_ask   ask;

    status = ngx_http_weir_tools_read(ctx, *body, err);
    if (status != WEIR_OK) {
        return status;
    }

    ngx_memzero(&ask, sizeof(struct weir_ask));

    ask.operation = ctx->ask.mcp.operation;
    ask.model = ctx->route.model;
    ask.is_streamed = ctx->ask.is_streamed;
    ask.input_tokens = ctx->ask.input_tokens;
    ask.n = 1;
    ask.body_bytes = body->len;
    ask.is_lookup = ask.operation != WEIR_OP_CALL_TOOL;
    ask.tool = ctx->call.ask.tool;

    status = weir_call_decide(&ctx->call, &ask, err);

    return status == WEIR_OK ? ngx_http_weir_tools_filter(ctx, body, err)
                             : status;
}


/* ------------------------------------------------------------- outgoing */

static void
ngx_http_weir_tools_line(struct weir_buf *buf, const char *name,
    weir_span value)
{
    if (value.len) {
        weir_buf_addf(buf, "%s: ", name);
        weir_buf_add_span(buf, value);
        weir_buf_add_span(buf, WEIR_SPAN(CRLF));
    }
}


/* Headers that repeat arguments, by which servers route: those that say what
 * the message says as it goes on. Others would pass filters by. */

static void
ngx_http_weir_tools_params(ngx_http_weir_ctx_t *ctx, struct weir_buf *buf)
{
    ngx_uint_t                n;
    ngx_table_elt_t          *h;
    ngx_http_weir_headers_t   headers;

    n = 0;
    ngx_http_weir_headers_init(&headers, ctx->request);

    while ((h = ngx_http_weir_headers_next(&headers))) {

        if (h->key.len <= 10 || h->key.len > NGX_HTTP_WEIR_TOOLS_PARAM_NAME
            || ngx_memcmp(h->lowcase_key, "mcp-param-", 10) != 0
            || h->value.len > WEIR_MCP_PARAM_MAX
            || !weir_mcp_repeats(ctx->ask.body,
                                 ngx_http_weir_span(h->value)))
        {
            continue;
        }

        if (++n > NGX_HTTP_WEIR_TOOLS_PARAMS) {
            return;
        }

        weir_buf_add_span(buf, ngx_http_weir_span(h->key));
        weir_buf_add_span(buf, WEIR_SPAN(": "));
        weir_buf_add_span(buf, ngx_http_weir_span(h->value));
        weir_buf_add_span(buf, WEIR_SPAN(CRLF));
    }
}


ngx_int_t
ngx_http_weir_tools_lines(ngx_http_weir_ctx_t *ctx, weir_span *lines_out)
{
    size_t                           size;
    u_char                          *p;
    weir_span                        name;
    ngx_uint_t                       has_params;
    struct weir_buf                  buf;
    ngx_http_weir_tools_t           *t;
    const struct weir_mcp_message   *m;

    t = ctx->tools;
    m = &ctx->ask.mcp;

    name = m->operation == WEIR_OP_CALL_TOOL ? weir_record_tool(
                                                   ctx->call.ask.tool)
           : ctx->filtering ? WEIR_SPAN_NONE   /* nobody looked at it */
           : t->name;

    size = 256 + t->session.len + t->event.len + t->version.len
           + m->method.len + name.len;

    has_params = t->method.ptr && m->operation == WEIR_OP_CALL_TOOL;

    if (has_params) {
        size += NGX_HTTP_WEIR_TOOLS_PARAMS
                * (WEIR_MCP_PARAM_MAX + NGX_HTTP_WEIR_TOOLS_PARAM_NAME + 4);
    }

    p = ngx_pnalloc(ctx->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    weir_buf_init_fixed(&buf, p, size);

    ngx_http_weir_tools_line(&buf, "Mcp-Session-Id", t->session);
    ngx_http_weir_tools_line(&buf, "MCP-Protocol-Version", t->version);
    ngx_http_weir_tools_line(&buf, "Last-Event-ID", t->event);

    if (t->method.ptr) {
        ngx_http_weir_tools_line(&buf, "Mcp-Method", m->method);
        ngx_http_weir_tools_line(&buf, "Mcp-Name", name);
    }

    if (has_params) {
        ngx_http_weir_tools_params(ctx, &buf);
    }

    *lines_out = weir_buf_span(&buf);

    return buf.overflow ? NGX_ERROR : NGX_OK;
}


weir_span
ngx_http_weir_tools_accept(ngx_http_weir_ctx_t *ctx)
{
    return ctx->route.is_streamed
           ? WEIR_SPAN("text/event-stream")
           : WEIR_SPAN("application/json, text/event-stream");
}


/* ---------------------------------------------------------------- reply */

const struct weir_mcp_gate *
ngx_http_weir_tools_gate(ngx_http_weir_ctx_t *ctx)
{
    return &ctx->tools->gate;
}


ngx_int_t
ngx_http_weir_tools_given(ngx_http_weir_ctx_t *ctx, ngx_str_t *session)
{
    ngx_str_t  *given;

    given = &ctx->tools->given;

    /* the buffer is used again for the body */

    given->data = ngx_pnalloc(ctx->request->pool, session->len);
    if (given->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(given->data, session->data, session->len);
    given->len = session->len;

    return NGX_OK;
}


/* The status that the client gets for this one of the server's. */

static ngx_uint_t
ngx_http_weir_tools_status(ngx_http_weir_ctx_t *ctx)
{
    ngx_uint_t  code;

    code = ctx->status.code;

    if (code < NGX_HTTP_SPECIAL_RESPONSE
        || (code == NGX_HTTP_NOT_FOUND && ctx->tools->session.len))
    {
        return code;
    }

    if (ctx->route.id.len && ctx->ask.mcp.kind == WEIR_MCP_REQUEST) {
        return NGX_HTTP_OK;     /* the error is the answer */
    }

    /* what the server minds is weir's credential, not the client's */

    return code == NGX_HTTP_UNAUTHORIZED || code == NGX_HTTP_FORBIDDEN
           || code < NGX_HTTP_BAD_REQUEST ? NGX_HTTP_BAD_GATEWAY : code;
}


ngx_int_t
ngx_http_weir_tools_pass_on(ngx_http_weir_ctx_t *ctx)
{
    u_char               *p;
    size_t                size;
    struct weir_buf       buf;
    ngx_http_request_t   *r;

    r = ctx->request;
    r->upstream->headers_in.status_n = ngx_http_weir_tools_status(ctx);
    r->upstream->headers_in.status_line.len = 0;

    if (ctx->tools->given.len == 0) {
        return NGX_OK;
    }

    size = ctx->tools->given.len + WEIR_BOUND_MORE;

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    weir_buf_init_fixed(&buf, p, size);

    if (!weir_bound_seal(&ctx->tools->scope, WEIR_BOUND_SESSION,
                         ngx_http_weir_span(ctx->tools->given), &buf))
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "weir: a tool server's session cannot be bound to a "
                      "key");
        return NGX_ERROR;
    }

    return ngx_http_weir_add_header(r, "Mcp-Session-Id", 14, buf.ptr,
                                    buf.len);
}


/* Whether the stream holds what nobody may hear the rest of. */

ngx_uint_t
ngx_http_weir_tools_is_broken(ngx_http_weir_ctx_t *ctx)
{
    return ctx->tools && ctx->reply && ctx->is_stream
           && weir_reply_facts(ctx->reply)->state == WEIR_REPLY_CUT;
}


void
ngx_http_weir_tools_refusal(ngx_http_weir_ctx_t *ctx,
    struct weir_refusal *refusal)
{
    refusal->param = ctx->ask.param;

    if (ctx->tools->http) {
        refusal->http = ctx->tools->http;

    } else if (ctx->route.id.len) {
        refusal->http = NGX_HTTP_OK;
    }
}
