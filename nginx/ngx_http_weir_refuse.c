/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies of weir's own, and the door for errors.
 *
 * Every error that leaves the gateway has the shape of the surface the
 * client speaks, whoever found it: policy, budget, the journal, or nginx
 * itself (a bad request line, a body too large). nginx's own errors come
 * here by an internal redirect, and so does an attempt that failed before
 * the client had a byte: the door then goes on with the next attempt.
 */

#include "ngx_http_weir.h"


/* Room for one refusal's JSON; texts of policies are bounded far below. */
#define NGX_HTTP_WEIR_REFUSAL  8192


#define ngx_http_weir_put(r, name, text)                                      \
    ngx_http_weir_add_text(r, name, sizeof(name) - 1, text)

#define ngx_http_weir_add(r, name, value, len)                                \
    ngx_http_weir_add_header(r, name, sizeof(name) - 1, value, len)


ngx_int_t
ngx_http_weir_add_header(ngx_http_request_t *r, const char *name,
    size_t name_len, const char *value, size_t value_len)
{
    u_char           *p;
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, value_len + 1);
    if (p == NULL) {
        h->hash = 0;
        return NGX_ERROR;
    }

    ngx_memcpy(p, value, value_len);
    p[value_len] = '\0';

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = name_len;
    h->lowcase_key = (u_char *) name;
    h->value.data = p;
    h->value.len = value_len;

    return NGX_OK;
}


/* The same for text that outlives the reply: of the image, of the call. */

static ngx_int_t
ngx_http_weir_add_text(ngx_http_request_t *r, const char *name,
    size_t name_len, weir_span text)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.data = (u_char *) name;
    h->key.len = name_len;
    h->lowcase_key = (u_char *) name;
    h->value.data = (u_char *) text.ptr;
    h->value.len = text.len;

    return NGX_OK;
}


/* The model's end, in texts that lie in the image. */

static ngx_int_t
ngx_http_weir_add_life(ngx_http_request_t *r, const struct weir_image *image,
    const struct weir_image_life *life)
{
    if (life->deprecation.len
        && ngx_http_weir_put(r, "deprecation",
                             weir_image_text(image, life->deprecation))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (life->sunset.len
        && ngx_http_weir_put(r, "sunset",
                             weir_image_text(image, life->sunset))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (life->link.len
        && ngx_http_weir_put(r, "link", weir_image_text(image, life->link))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_weir_add_headers(ngx_http_weir_ctx_t *ctx)
{
    u_char                               *last, waited[NGX_INT32_LEN];
    const char                           *word;
    ngx_http_request_t                   *r;
    const struct weir_image              *image;
    const struct weir_image_deployment   *deployment;

    r = ctx->request;

    word = ngx_http_weir_cache_word(ctx);

    if (ngx_http_weir_add_step(ctx) != NGX_OK
        || (word && ngx_http_weir_put(r, "weir-cache", weir_span_of(word))
                    != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (ngx_http_weir_put(r, "weir-request-id",
                          ((weir_span) { ctx->id, WEIR_REQUEST_ID_TEXT - 1 }))
        != NGX_OK
        || ngx_http_weir_put(r, "weir-policy",
                             ngx_http_weir_span(ctx->view->image->name))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->call.queued_ms) {
        last = ngx_sprintf(waited, "%uD", ctx->call.queued_ms);

        if (ngx_http_weir_add(r, "weir-queued-ms", (char *) waited,
                              last - waited)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (!ctx->call.is_answered) {
        return NGX_OK;
    }

    image = &ctx->view->view.image;
    deployment = &image->deployments[ctx->step.deployment];

    if ((image->models[deployment->model].flags & WEIR_MODEL_HAS_END)
        && ngx_http_weir_add_life(r, image, &image->lifes[deployment->model])
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_weir_put(r, "weir-deployment",
                          weir_image_text(image, deployment->name))
        != NGX_OK
        || ngx_http_weir_put(r, "weir-region",
                             weir_image_text(image, deployment->region))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->outgoing.dropped.len
        && ngx_http_weir_put(r, "weir-dropped", ctx->outgoing.dropped)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_weir_put(r, "weir-decision", WEIR_SPAN("allow"));
}


size_t
ngx_http_weir_format_cost(ngx_http_weir_ctx_t *ctx,
    char text[NGX_HTTP_WEIR_COST])
{
    u_char                           *p;
    weir_span                         currency;
    uint64_t                          content_bytes;
    weir_micros                       cost;
    struct weir_usage                 usage;
    const struct weir_usage          *hit;
    const struct weir_image          *image;
    const struct weir_image_model    *model;

    image = &ctx->view->view.image;
    model = &image->models[image->deployments[ctx->step.deployment].model];
    currency = weir_image_text(image, model->currency);

    hit = ngx_http_weir_cache_usage(ctx, &content_bytes);
    usage = hit ? *hit : ngx_http_weir_usage(ctx);
    cost = weir_call_cost(&ctx->call, &usage);

    p = ngx_snprintf((u_char *) text, NGX_HTTP_WEIR_COST, "%L.%06L %*s",
                     (int64_t) (cost / 1000000), (int64_t) (cost % 1000000),
                     currency.len, currency.ptr);

    return p - (u_char *) text;
}


ngx_int_t
ngx_http_weir_send(ngx_http_request_t *r, ngx_uint_t status, weir_span body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    r->err_status = 0;
    r->headers_out.status = status;
    r->headers_out.status_line.len = 0;
    r->headers_out.content_length_n = body.len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = (u_char *) body.ptr;
    b->last = b->pos + body.len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* Renders and sends a refusal that is complete. */

static ngx_int_t
ngx_http_weir_send_refusal(ngx_http_request_t *r,
    const struct weir_surface_route *route, const struct weir_refusal *refusal)
{
    char             retry[NGX_INT32_LEN + 1];
    u_char          *p, *last;
    struct weir_buf  buf;

    p = ngx_pnalloc(r->pool, NGX_HTTP_WEIR_REFUSAL);
    if (p == NULL) {
        return NGX_ERROR;
    }

    weir_buf_init_fixed(&buf, p, NGX_HTTP_WEIR_REFUSAL);
    weir_surface_put_refusal(route, refusal, &buf);

    if (buf.overflow) {
        return NGX_ERROR;
    }

    if (refusal->retry_after_s) {
        last = ngx_snprintf((u_char *) retry, sizeof(retry), "%uD",
                            refusal->retry_after_s);

        if (ngx_http_weir_add(r, "Retry-After", retry,
                              last - (u_char *) retry)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (weir_refusal_http(refusal) == NGX_HTTP_UNAUTHORIZED
        && ngx_http_weir_add(r, "WWW-Authenticate", "Bearer", 6) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (refusal->decision.len
        && ngx_http_weir_add(r, "weir-decision", refusal->decision.ptr,
                             refusal->decision.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* a client still sending must be able to read this */

    if (ngx_http_discard_request_body(r) != NGX_OK) {
        r->keepalive = 0;
    }

    return ngx_http_weir_send(r, weir_refusal_http(refusal),
                              weir_buf_span(&buf));
}


ngx_int_t
ngx_http_weir_refuse(ngx_http_weir_ctx_t *ctx, weir_status status,
    struct weir_error *err)
{
    char                 room[WEIR_REFUSAL_ROOM];
    struct weir_refusal  refusal;

    weir_call_refusal(&ctx->call, status, err, ngx_http_weir_now(), room,
                      &refusal);

    if (status == WEIR_EPARSE || status == WEIR_ETYPE
        || ctx->call.reason == WEIR_REASON_ADDRESS)
    {
        refusal.param = ctx->ask.param;
    }

    if (ctx->hop && (status == WEIR_EUPSTREAM || status == WEIR_ETIMEOUT
                     || (status == WEIR_EUNAVAIL && ctx->is_tried)))
    {
        refusal.hop = weir_span_of(ctx->hop);
    }

    if (ctx->tools) {
        ngx_http_weir_tools_refusal(ctx, &refusal);
    }

    if (ctx->stored) {
        ngx_http_weir_stored_refusal(ctx, &refusal);
    }

    ctx->settlement.http_status = weir_refusal_http(&refusal);

    if (ctx->call.is_admitted) {
        ngx_http_weir_settle(ctx, ctx->is_withdrawn ? WEIR_END_WITHDRAWN
                                  : ctx->is_tried ? WEIR_END_FAILED
                                  : WEIR_END_NOT_SENT);

    } else if (ctx->route.takes_body || ctx->tools || ctx->listing
               || ctx->route.endpoint == WEIR_ENDPOINT_REALTIME
               || ctx->route.endpoint == WEIR_ENDPOINT_STORED)
    {
        weir_call_refuse(&ctx->call, &refusal);
    }

    if (ngx_http_weir_add_headers(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_weir_send_refusal(ctx->request, &ctx->route, &refusal);
}


ngx_int_t
ngx_http_weir_refuse_plain(ngx_http_request_t *r, ngx_http_weir_ctx_t *ctx,
    weir_status status, ngx_uint_t http, const char *message)
{
    struct weir_refusal         refusal;
    struct weir_surface_route   route;

    ngx_memzero(&refusal, sizeof(struct weir_refusal));

    refusal.status = status;
    refusal.http = http;
    refusal.message = weir_span_of(message);

    if (status == WEIR_EUNAVAIL) {
        refusal.retry_after_s = 1;
    }

    if (ctx && ctx->route.surface) {
        return ngx_http_weir_send_refusal(r, &ctx->route, &refusal);
    }

    /* nobody's path: the first surface's shape is the one most clients read */

    ngx_memzero(&route, sizeof(struct weir_surface_route));
    route.surface = weir_surface_get(0);

    return ngx_http_weir_send_refusal(r, &route, &refusal);
}


typedef struct {
    ngx_uint_t    status;
    ngx_uint_t    http;
    weir_status   code;
    const char   *message;
} ngx_http_weir_error_t;


static ngx_http_weir_error_t  ngx_http_weir_errors[] = {
    { 400, 400, WEIR_EPARSE, "the request is not well-formed HTTP" },
    { 403, 403, WEIR_EDENIED, "the server's configuration refuses this" },
    { 404, 404, WEIR_ENOTOURS, "weir does not serve this path" },
    { 405, 405, WEIR_EMETHOD, "the method does not fit the path" },
    { 408, 408, WEIR_ETIMEOUT, "the request did not arrive in time" },
    { 411, 411, WEIR_EPARSE, "the request needs a length" },
    { 413, 413, WEIR_ETOOBIG, "the body is larger than this gateway takes" },
    { 414, 414, WEIR_ETOOBIG, "the request line is too long" },
    { 494, 431, WEIR_ETOOBIG, "the request's headers are too large" },
    { 495, 400, WEIR_EUNAUTH, "the client's certificate is not accepted" },
    { 496, 400, WEIR_EUNAUTH, "a client certificate is required" },
    { 497, 400, WEIR_EPARSE, "plain HTTP was sent to a TLS port" },
    { 501, 501, WEIR_EPARSE, "the request uses a part of HTTP that is not "
                             "offered here" },
    { 502, 502, WEIR_EUPSTREAM, "the origin failed" },
    { 503, 503, WEIR_EUNAVAIL, "weir cannot take the call now" },
    { 504, 504, WEIR_ETIMEOUT, "the origin did not answer in time" },
    { 505, 505, WEIR_EPARSE, "this version of HTTP is not offered here" },
    { 0, 0, WEIR_EINTERNAL, "weir failed" }
};


ngx_int_t
ngx_http_weir_door(ngx_http_request_t *r, ngx_http_weir_ctx_t *ctx)
{
    ngx_uint_t              status;
    struct weir_error       err;
    ngx_http_weir_error_t  *e;

    status = r->err_status ? r->err_status : NGX_HTTP_INTERNAL_SERVER_ERROR;

    /* the limit on redirects is against loops; attempts are counted */

    r->uri_changes = NGX_HTTP_MAX_URI_CHANGES + 1;
    r->error_page = 0;
    r->err_status = 0;

    if (ctx && ctx->has_call && ctx->call.is_admitted
        && !ctx->call.is_settled
        && (ctx->has_failed || ctx->is_restarting))
    {
        /* for nginx a GET now, and a GET is sent twice without asking */

        r->method = NGX_HTTP_POST;
        r->main->count++;

        if (ctx->is_restarting) {
            ngx_http_weir_go_on(ctx);

        } else {
            ngx_http_weir_next(ctx);
        }

        return NGX_DONE;
    }

    for (e = ngx_http_weir_errors; e->status; e++) {
        if (e->status == status) {
            break;
        }
    }

    if (ctx == NULL || !ctx->has_call) {
        return ngx_http_weir_refuse_plain(r, ctx, e->code,
                                          e->http ? e->http : status,
                                          e->message);
    }

    if (ctx->call.reason == WEIR_REASON_NONE) {
        ctx->call.reason = status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
                           ? WEIR_REASON_TOO_LARGE
                           : WEIR_REASON_BAD_REQUEST;
    }

    weir_fail(&err, e->code, WEIR_OFFSET_NONE, "%s", e->message);

    return ngx_http_weir_refuse(ctx, e->code, &err);
}
