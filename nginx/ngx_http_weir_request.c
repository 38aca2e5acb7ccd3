/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an origin is sent: one head of weir's own making, and the body.
 *
 * WHAT AN ORIGIN GETS. The headers listed here and no others: never the
 * client's credential, cookies, addresses or whatever else a client sends.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_realtime.h"


/* Headers of the client's that mean something to an origin. */
static ngx_str_t  ngx_http_weir_passed[] = {
    ngx_string("idempotency-key"),
    ngx_string("openai-beta"),
    ngx_string("anthropic-beta"),
    ngx_null_string
};


#define ngx_http_weir_copy(p, text)  ngx_cpymem(p, text, sizeof(text) - 1)


/* A body up to this size is copied behind the head: one buffer to send. */
#define NGX_HTTP_WEIR_INLINE  4096


static ngx_uint_t
ngx_http_weir_is_passed(ngx_table_elt_t *h)
{
    ngx_str_t  *name;

    for (name = ngx_http_weir_passed; name->len; name++) {
        if (h->key.len == name->len
            && ngx_memcmp(h->lowcase_key, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* Counts (p NULL) or writes the client's headers that go on. */

size_t
ngx_http_weir_pass_headers(ngx_http_request_t *r, u_char *p)
{
    size_t                    len;
    ngx_table_elt_t          *h;
    ngx_http_weir_headers_t   headers;

    len = 0;
    ngx_http_weir_headers_init(&headers, r);

    while ((h = ngx_http_weir_headers_next(&headers))) {
        if (!ngx_http_weir_is_passed(h)) {
            continue;
        }

        if (p) {
            (void) ngx_sprintf(p + len, "%V: %V\r\n", &h->key, &h->value);
        }

        len += h->key.len + h->value.len + sizeof(": \r\n") - 1;
    }

    return len;
}


static weir_span
ngx_http_weir_content_type(ngx_http_weir_ctx_t *ctx)
{
    return ctx->outgoing.content_type.len ? ctx->outgoing.content_type
                                          : WEIR_SPAN("application/json");
}


/*
 * What shows the origin who asks: a line with the secret, or the lines of a
 * signature, which is made over all that is known of the request by now.
 */

ngx_int_t
ngx_http_weir_authorize(ngx_http_weir_ctx_t *ctx, weir_span authority,
    weir_span *lines_out)
{
    size_t                size;
    u_char               *p;
    weir_span             header, prefix;
    struct weir_buf       lines;
    struct weir_error     err;
    struct weir_signing   signing;

    *lines_out = WEIR_SPAN_NONE;

    if (ctx->secret.len == 0) {
        return NGX_OK;
    }

    header = weir_provider_auth_header(ctx->endpoint->provider);
    prefix = weir_provider_auth_prefix(ctx->endpoint->provider);

    size = header.len + prefix.len + ctx->secret.len + sizeof(": " CRLF)
           + WEIR_SIGNING_LINES;

    p = ngx_pnalloc(ctx->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    weir_buf_init_fixed(&lines, p, size);

    if (!weir_provider_signs(ctx->endpoint->provider)) {
        weir_buf_add_span(&lines, header);
        weir_buf_add_span(&lines, WEIR_SPAN(": "));
        weir_buf_add_span(&lines, prefix);
        weir_buf_add(&lines, ctx->secret.ptr, ctx->secret.len);
        weir_buf_add_span(&lines, WEIR_SPAN(CRLF));

    } else {
        signing.outgoing = &ctx->outgoing;
        signing.authority = authority;
        signing.content_type = ngx_http_weir_content_type(ctx);
        signing.secret = ctx->secret;
        signing.now = ngx_http_weir_now();

        if (weir_provider_sign(ctx->endpoint->provider, &signing, &lines, &err)
            != WEIR_OK)
        {
            ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                          "weir: %s", err.text);
            return NGX_ERROR;
        }
    }

    *lines_out = weir_buf_span(&lines);

    return NGX_OK;
}


static ngx_buf_t *
ngx_http_weir_create_head(ngx_http_weir_ctx_t *ctx, size_t room)
{
    u_char                             *p;
    size_t                              len;
    ngx_buf_t                          *b;
    weir_span                           authority, shown, lines, type, sent;
    weir_span                           more;
    ngx_http_request_t                 *r;
    const struct weir_image            *image;
    const struct weir_image_origin     *origin;

    r = ctx->request;
    image = &ctx->view->view.image;
    origin = &image->origins[image->deployments[ctx->step.deployment].origin];

    authority = weir_image_text(image, origin->authority);
    lines = weir_provider_headers(ctx->endpoint->provider);
    type = weir_provider_stream_type(ctx->endpoint->provider);
    sent = ngx_http_weir_content_type(ctx);

    if (ngx_http_weir_authorize(ctx, authority, &shown) != NGX_OK) {
        return NULL;
    }

    more = WEIR_SPAN_NONE;

    if (ctx->tools) {
        type = ngx_http_weir_tools_accept(ctx);

        if (ngx_http_weir_tools_lines(ctx, &more) != NGX_OK) {
            return NULL;
        }
    }

    len = ctx->outgoing.method.len + ctx->outgoing.path.len + authority.len
          + shown.len + lines.len + type.len + sent.len + more.len
          + ngx_http_weir_pass_headers(r, NULL)
          + sizeof("  HTTP/1.1\r\nHost: \r\n"
                   "Content-Type: \r\n"
                   "Content-Length: \r\nAccept: application/json\r\n"
                   "Accept-Encoding: identity\r\n"
                   "User-Agent: weir/" WEIR_VERSION "\r\n"
                   "X-Client-Request-Id: \r\n\r\n")
          + NGX_OFF_T_LEN + WEIR_REQUEST_ID_TEXT;

    b = ngx_create_temp_buf(r->pool, len + room);
    if (b == NULL) {
        return NULL;
    }

    /* copied by hand: a format string takes a microsecond */

    p = b->last;
    p = ngx_cpymem(p, ctx->outgoing.method.ptr, ctx->outgoing.method.len);
    *p++ = ' ';
    p = ngx_cpymem(p, ctx->outgoing.path.ptr, ctx->outgoing.path.len);
    p = ngx_http_weir_copy(p, " HTTP/1.1" CRLF "Host: ");
    p = ngx_cpymem(p, authority.ptr, authority.len);

    p = ngx_http_weir_copy(p, CRLF);
    p = ngx_cpymem(p, shown.ptr, shown.len);

    p = ngx_http_weir_copy(p, "Content-Type: ");
    p = ngx_cpymem(p, sent.ptr, sent.len);
    p = ngx_http_weir_copy(p, CRLF "Content-Length: ");
    p = ngx_sprintf(p, "%uL", ctx->outgoing.body_bytes);

    if (ctx->ask.is_streamed || ctx->tools) {
        p = ngx_http_weir_copy(p, CRLF "Accept: ");
        p = ngx_cpymem(p, type.ptr, type.len);

    } else if (ctx->route.dialect == WEIR_DIALECT_OTHER) {
        p = ngx_http_weir_copy(p, CRLF "Accept: */*");

    } else {
        p = ngx_http_weir_copy(p, CRLF "Accept: application/json");
    }

    p = ngx_http_weir_copy(p, CRLF "Accept-Encoding: identity"
                              CRLF "User-Agent: weir/" WEIR_VERSION
                              CRLF "X-Client-Request-Id: ");
    p = ngx_cpymem(p, ctx->id, WEIR_REQUEST_ID_TEXT - 1);
    p = ngx_http_weir_copy(p, CRLF);
    p = ngx_cpymem(p, lines.ptr, lines.len);
    p = ngx_cpymem(p, more.ptr, more.len);

    b->last = p;
    b->last += ngx_http_weir_pass_headers(r, b->last);
    *b->last++ = CR; *b->last++ = LF;

    return b;
}


/*
 * nginx sends a request again from each buffer's start when it tries another
 * address, so start must equal pos.
 */

ngx_int_t
ngx_http_weir_create_request(ngx_http_request_t *r)
{
    uint32_t               i;
    ngx_buf_t             *b;
    ngx_uint_t             is_inline;
    const weir_span       *piece;
    ngx_chain_t           *cl, **ll;
    ngx_http_weir_ctx_t   *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);

    if (ctx->realtime) {
        return ngx_http_weir_realtime_create_request(ctx);
    }

    is_inline = ctx->outgoing.body_bytes <= NGX_HTTP_WEIR_INLINE;

    b = ngx_http_weir_create_head(ctx,
                              is_inline ? ctx->outgoing.body_bytes : 0);
    if (b == NULL) {
        return NGX_ERROR;
    }

    cl = ngx_alloc_chain_link(r->pool);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->buf = b;
    cl->next = NULL;
    r->upstream->request_bufs = cl;
    ll = &cl->next;

    for (i = 0; i < ctx->outgoing.piece_count; i++) {
        piece = &WEIR_OUTGOING_PIECE(&ctx->outgoing, i);

        if (is_inline) {
            b->last = ngx_cpymem(b->last, piece->ptr, piece->len);
            continue;
        }

        if (piece->len == 0) {
            continue;
        }

        b = ngx_calloc_buf(r->pool);
        cl = ngx_alloc_chain_link(r->pool);

        if (b == NULL || cl == NULL) {
            return NGX_ERROR;
        }

        b->start = (u_char *) piece->ptr;
        b->pos = b->start;
        b->last = b->start + piece->len;
        b->end = b->last;
        b->memory = 1;

        cl->buf = b;
        cl->next = NULL;
        *ll = cl;
        ll = &cl->next;
    }

    b->flush = 1;

    return NGX_OK;
}
