/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake of a realtime session.
 *
 *   client                      weir                       origin
 *     GET, Upgrade: websocket -->  key - policy - budget
 *                                  record, on disk
 *                                  GET, Upgrade: websocket -->
 *                                                       <-- 101
 *                          <-- 101
 *
 * Weir is an end of both WebSockets: it answers the client's handshake and
 * makes one of its own. Nothing of the client's passes but the subprotocols
 * it may ask for; no extension does, as a compressed message could not be
 * read. An origin's refusal is a reply like any other, and is tried
 * elsewhere or passed on by the rules of all attempts.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_realtime.h"

#include <ngx_sha1.h>


/* What browsers, which cannot set headers, put the key behind. */
#define NGX_HTTP_WEIR_PROTOCOL_KEY  "openai-insecure-api-key."

#define NGX_HTTP_WEIR_GUID  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

#define NGX_HTTP_WEIR_NONCE  16


/* The next of a list parted by commas; false: there is none. */

static ngx_uint_t
ngx_http_weir_next_token(weir_span *rest, weir_span *token_out)
{
    while (rest->len && (*rest->ptr == ' ' || *rest->ptr == ','
                         || *rest->ptr == '\t'))
    {
        rest->ptr++;
        rest->len--;
    }

    *token_out = (weir_span) { rest->ptr, 0 };

    while (rest->len && *rest->ptr != ',') {
        rest->ptr++;
        rest->len--;
        token_out->len++;
    }

    while (token_out->len
           && (token_out->ptr[token_out->len - 1] == ' '
               || token_out->ptr[token_out->len - 1] == '\t'))
    {
        token_out->len--;
    }

    return token_out->len != 0;
}


weir_secret
ngx_http_weir_realtime_key(ngx_http_request_t *r)
{
    weir_span         rest, token;
    ngx_table_elt_t  *h;

    h = ngx_http_weir_find_header(r, "sec-websocket-protocol");

    if (h) {
        rest = ngx_http_weir_span(h->value);

        while (ngx_http_weir_next_token(&rest, &token)) {
            if (weir_span_starts(token,
                                 WEIR_SPAN(NGX_HTTP_WEIR_PROTOCOL_KEY)))
            {
                token.ptr += sizeof(NGX_HTTP_WEIR_PROTOCOL_KEY) - 1;
                token.len -= sizeof(NGX_HTTP_WEIR_PROTOCOL_KEY) - 1;
                return weir_key_read(token, true);
            }
        }
    }

    return (weir_secret) { NULL, 0 };
}


/* RFC 6455, 4.2.2: the digest of the key and a constant. */

static void
ngx_http_weir_accept(ngx_str_t *key, u_char accept[NGX_HTTP_WEIR_ACCEPT])
{
    u_char      digest[20];
    ngx_str_t   text, bytes;
    ngx_sha1_t  sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, key->data, key->len);
    ngx_sha1_update(&sha1, NGX_HTTP_WEIR_GUID, sizeof(NGX_HTTP_WEIR_GUID) - 1);
    ngx_sha1_final(digest, &sha1);

    bytes.data = digest;
    bytes.len = sizeof(digest);
    text.data = accept;
    ngx_encode_base64(&text, &bytes);
    accept[text.len] = '\0';
}


static ngx_uint_t
ngx_http_weir_has_token(ngx_table_elt_t *h, const char *token)
{
    weir_span  rest, found;

    if (h == NULL) {
        return 0;
    }

    rest = ngx_http_weir_span(h->value);

    while (ngx_http_weir_next_token(&rest, &found)) {
        if (weir_span_equal_nocase(found, weir_span_of(token))) {
            return 1;
        }
    }

    return 0;
}


/* What is not a handshake is refused before anything is asked. */

static const char *
ngx_http_weir_bad_handshake(ngx_http_request_t *r, ngx_str_t *key_out)
{
    u_char            bytes[NGX_HTTP_WEIR_NONCE + 2];
    ngx_str_t         nonce;
    ngx_table_elt_t  *h;

    if (r->http_version != NGX_HTTP_VERSION_11) {
        return "a session needs HTTP/1.1 and Upgrade: websocket";
    }

    if (!ngx_http_weir_has_token(ngx_http_weir_find_header(r, "upgrade"),
                                 "websocket")
        || !ngx_http_weir_has_token(ngx_http_weir_find_header(r, "connection"),
                                    "upgrade"))
    {
        return "a session needs Upgrade: websocket";
    }

    h = ngx_http_weir_find_header(r, "sec-websocket-version");

    if (h == NULL || h->value.len != 2
        || ngx_strncmp(h->value.data, "13", 2) != 0)
    {
        return "Sec-WebSocket-Version must be 13";
    }

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        return "a session's request has no body";
    }

    h = ngx_http_weir_find_header(r, "sec-websocket-key");
    nonce.data = bytes;

    if (h == NULL || h->value.len != 24
        || ngx_decode_base64(&nonce, &h->value) != NGX_OK
        || nonce.len != NGX_HTTP_WEIR_NONCE)
    {
        return "Sec-WebSocket-Key must be 16 bytes in base64";
    }

    *key_out = h->value;

    return NULL;
}


static weir_status
ngx_http_weir_realtime_create(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    u_char                    *p;
    weir_span                  rest, token;
    ngx_str_t                  key;
    const char                *bad;
    ngx_table_elt_t           *h;
    ngx_http_request_t        *r;
    ngx_http_weir_realtime_t  *rt;

    r = ctx->request;
    bad = ngx_http_weir_bad_handshake(r, &key);

    if (bad) {
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE, "%s", bad);
    }

    rt = ngx_pcalloc(r->pool, sizeof(ngx_http_weir_realtime_t));
    p = ngx_pnalloc(r->pool, NGX_HTTP_WEIR_ACCEPT);

    if (rt == NULL || p == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "no memory for a session");
    }

    ngx_http_weir_accept(&key, p);
    rt->accept.data = p;
    rt->accept.len = NGX_HTTP_WEIR_ACCEPT - 1;

    h = ngx_http_weir_find_header(r, "sec-websocket-protocol");
    rest = h ? ngx_http_weir_span(h->value) : WEIR_SPAN_NONE;

    while (ngx_http_weir_next_token(&rest, &token)) {
        if (weir_span_equal(token, WEIR_SPAN("realtime"))) {
            rt->wants_realtime = 1;

        } else if (weir_span_equal(token, WEIR_SPAN("openai-beta.realtime-v1")))
        {
            rt->wants_beta = 1;
        }
    }

    ctx->realtime = rt;

    return WEIR_OK;
}


/* Origins that speak no such thing are not asked for it. */

static weir_status
ngx_http_weir_realtime_bar(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    uint32_t                    i, row, open;
    struct weir_call           *call;
    const struct weir_image    *image;
    ngx_http_weir_endpoint_t   *e;

    call = &ctx->call;
    image = &ctx->view->view.image;
    open = 0;

    for (i = 0; i < call->answer.candidate_count; i++) {
        row = image->deployments[call->answer.candidates[i].deployment].origin;
        e = &ctx->view->image->endpoints[row];

        if (e->provider == NULL
            || weir_provider_translates(e->provider, &ctx->ask))
        {
            call->barred |= UINT32_C(1) << i;
        }

        open += !(call->barred >> i & 1);
    }

    if (open) {
        return WEIR_OK;
    }

    call->reason = WEIR_REASON_OPERATION;

    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                     "no origin that serves this model has realtime sessions");
}


weir_status
ngx_http_weir_realtime_decide(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    weir_status       status;
    struct weir_ask   ask;

    ctx->call.reason = WEIR_REASON_BAD_REQUEST;

    status = ngx_http_weir_realtime_create(ctx, err);

    if (status == WEIR_OK) {
        status = weir_realtime_read_query(&ctx->route,
                                     ngx_http_weir_span(ctx->request->args),
                                     &ctx->arena, &ctx->ask, err);
    }

    if (status != WEIR_OK) {
        return status;
    }

    ngx_memzero(&ask, sizeof(struct weir_ask));

    ask.operation = WEIR_OP_REALTIME;
    ask.model = ctx->ask.model;
    ask.is_streamed = true;
    ask.n = 1;

    status = weir_call_decide(&ctx->call, &ask, err);

    if (status == WEIR_OK) {
        status = weir_session_check(&ctx->call, err);
    }

    if (status == WEIR_OK) {
        status = ngx_http_weir_session_filters(ctx, err);
    }

    if (status == WEIR_OK) {
        status = ngx_http_weir_realtime_bar(ctx, err);
    }

    return status;
}


/* ------------------------------------------------------------ the origin */

static const char *
ngx_http_weir_protocols(ngx_http_weir_realtime_t *rt)
{
    if (rt->wants_realtime && rt->wants_beta) {
        return "Sec-WebSocket-Protocol: realtime, openai-beta.realtime-v1"
               CRLF;
    }

    if (rt->wants_realtime) {
        return "Sec-WebSocket-Protocol: realtime" CRLF;
    }

    return rt->wants_beta
           ? "Sec-WebSocket-Protocol: openai-beta.realtime-v1" CRLF : "";
}


/* A key of weir's own for each attempt. */

static ngx_int_t
ngx_http_weir_make_key(ngx_http_weir_ctx_t *ctx)
{
    u_char                     bytes[NGX_HTTP_WEIR_NONCE];
    ngx_str_t                  nonce;
    struct weir_env           *env;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;
    env = &ngx_http_weir_worker.env;

    if (!env->random(env->context, bytes, sizeof(bytes))) {
        return NGX_ERROR;
    }

    nonce.data = bytes;
    nonce.len = sizeof(bytes);

    rt->key.data = ngx_pnalloc(ctx->request->pool,
                               ngx_base64_encoded_length(sizeof(bytes)));
    if (rt->key.data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64(&rt->key, &nonce);
    ngx_http_weir_accept(&rt->key, rt->expected);

    rt->has_upgrade = 0;
    rt->has_accept = 0;
    rt->is_wrong = 0;

    return NGX_OK;
}


ngx_int_t
ngx_http_weir_realtime_create_request(ngx_http_weir_ctx_t *ctx)
{
    size_t                              len;
    ngx_buf_t                          *b;
    weir_span                           authority, shown;
    const char                         *protocols;
    ngx_chain_t                        *cl;
    ngx_http_request_t                 *r;
    const struct weir_image            *image;
    const struct weir_image_origin     *origin;

    r = ctx->request;
    image = &ctx->view->view.image;
    origin = &image->origins[image->deployments[ctx->step.deployment].origin];
    authority = weir_image_text(image, origin->authority);
    protocols = ngx_http_weir_protocols(ctx->realtime);

    if (ngx_http_weir_make_key(ctx) != NGX_OK
        || ngx_http_weir_authorize(ctx, authority, &shown) != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = ctx->outgoing.path.len + authority.len + shown.len
          + ngx_strlen(protocols) + ngx_http_weir_pass_headers(r, NULL)
          + ctx->realtime->key.len + WEIR_REQUEST_ID_TEXT
          + sizeof("GET  HTTP/1.1" CRLF "Host: " CRLF
                   "Connection: Upgrade" CRLF "Upgrade: websocket" CRLF
                   "Sec-WebSocket-Version: 13" CRLF
                   "Sec-WebSocket-Key: " CRLF
                   "User-Agent: weir/" WEIR_VERSION CRLF
                   "X-Client-Request-Id: " CRLF CRLF);

    b = ngx_create_temp_buf(r->pool, len);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_sprintf(b->last, "GET %*s HTTP/1.1" CRLF "Host: %*s" CRLF,
                          ctx->outgoing.path.len, ctx->outgoing.path.ptr,
                          authority.len, authority.ptr);
    b->last = ngx_cpymem(b->last, shown.ptr, shown.len);
    b->last = ngx_sprintf(b->last,
                          "Connection: Upgrade" CRLF "Upgrade: websocket" CRLF
                          "Sec-WebSocket-Version: 13" CRLF
                          "Sec-WebSocket-Key: %V" CRLF "%s"
                          "User-Agent: weir/" WEIR_VERSION CRLF
                          "X-Client-Request-Id: %*s" CRLF,
                          &ctx->realtime->key, protocols,
                          (size_t) WEIR_REQUEST_ID_TEXT - 1, ctx->id);
    b->last += ngx_http_weir_pass_headers(r, b->last);
    *b->last++ = CR; *b->last++ = LF;
    b->flush = 1;

    cl->buf = b;
    cl->next = NULL;
    r->upstream->request_bufs = cl;

    return NGX_OK;
}


#define ngx_http_weir_is(h, text)                                             \
    ((h)->key.len == sizeof(text) - 1                                         \
     && ngx_memcmp((h)->lowcase_key, text, sizeof(text) - 1) == 0)


ngx_uint_t
ngx_http_weir_realtime_header(ngx_http_weir_ctx_t *ctx, ngx_table_elt_t *h)
{
    weir_span                  value;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;
    value = ngx_http_weir_span(h->value);

    if (ngx_http_weir_is(h, "upgrade")) {
        rt->has_upgrade = weir_span_equal_nocase(value, WEIR_SPAN("websocket"));
        return 1;
    }

    if (ngx_http_weir_is(h, "sec-websocket-accept")) {
        rt->has_accept = weir_span_equal(value,
                                         weir_span_of((char *) rt->expected));
        return 1;
    }

    if (ngx_http_weir_is(h, "sec-websocket-extensions")) {
        rt->is_wrong = 1;       /* none was offered */
        return 1;
    }

    if (ngx_http_weir_is(h, "sec-websocket-protocol")) {
        if (!(rt->wants_realtime && weir_span_equal(value,
                                                    WEIR_SPAN("realtime")))
            && !(rt->wants_beta
                 && weir_span_equal(value,
                                    WEIR_SPAN("openai-beta.realtime-v1"))))
        {
            rt->is_wrong = 1;
        }

        return 1;
    }

    return 0;
}


ngx_int_t
ngx_http_weir_realtime_switch(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_request_t        *r;
    ngx_http_weir_realtime_t  *rt;

    r = ctx->request;
    rt = ctx->realtime;

    if (!rt->has_upgrade || !rt->has_accept || rt->is_wrong
        || ctx->has_length || ctx->framing == NGX_HTTP_WEIR_CHUNKED
        || ctx->is_encoded)
    {
        return ngx_http_weir_invalid(r, "the handshake of a WebSocket");
    }

    if (ctx->pin && ngx_http_weir_pin_head(ctx) != NGX_OK) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    weir_call_answered(&ctx->call, NGX_HTTP_SWITCHING_PROTOCOLS,
                       ngx_http_weir_now());

    ngx_str_null(&r->headers_out.content_type);
    r->upstream->headers_in.content_length_n = -1;

    if (ngx_http_weir_add_headers(ctx) != NGX_OK
        || ngx_http_weir_add_header(r, "Upgrade", 7, "websocket", 9) != NGX_OK
        || ngx_http_weir_add_header(r, "Sec-WebSocket-Accept", 20,
                                    (char *) rt->accept.data, rt->accept.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if ((rt->wants_realtime || rt->wants_beta)
        && ngx_http_weir_add_header(r, "Sec-WebSocket-Protocol", 22,
                                    rt->wants_realtime
                                    ? "realtime" : "openai-beta.realtime-v1",
                                    rt->wants_realtime ? 8 : 23)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_weir_session_open(ctx);
}
