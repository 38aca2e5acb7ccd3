/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The origin's head: what is read of it, and what is passed on.
 *
 *   status line - headers - decide
 *                             | retry          -> drain, restart
 *                             | short, plain   -> collect, then head + body
 *                             | stream or long -> head now, body as it comes
 *
 * WHAT IS NOT PASSED ON: hop-by-hop headers, cookies, what describes the
 * origin's server or transport policy, and the seller's account there.
 *
 * HTTP is read strictly here: a reply with both a length and chunks, or with
 * two lengths, could be read by somebody else as two replies.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_realtime.h"


static ngx_int_t ngx_http_weir_process_head(ngx_http_request_t *r);


static ngx_str_t  ngx_http_weir_hidden[] = {
    ngx_string("connection"),
    ngx_string("keep-alive"),
    ngx_string("proxy-authenticate"),
    ngx_string("proxy-authorization"),
    ngx_string("proxy-connection"),
    ngx_string("te"),
    ngx_string("trailer"),
    ngx_string("upgrade"),
    ngx_string("date"),
    ngx_string("server"),
    ngx_string("set-cookie"),
    ngx_string("www-authenticate"),
    ngx_string("alt-svc"),
    ngx_string("strict-transport-security"),
    ngx_string("openai-organization"),
    ngx_string("openai-project"),
    ngx_string("x-powered-by"),
    ngx_string("location"),
    ngx_string("refresh"),
    ngx_null_string
};


void
ngx_http_weir_free_reply(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_worker_t  *w;

    weir_reply_free(ctx->reply);
    ctx->reply = NULL;

    if (ctx->reader == NULL) {
        return;
    }

    if (ngx_http_weir_content_is_kept()) {
        explicit_bzero(ctx->reader, sizeof(ngx_http_weir_reader_t));
    }

    w = &ngx_http_weir_worker;

    if (w->reader_count == NGX_HTTP_WEIR_SPARE) {
        ngx_free(ctx->reader);

    } else {
        ctx->reader->next = w->readers;
        w->readers = ctx->reader;
        w->reader_count++;
    }

    ctx->reader = NULL;
}


static ngx_int_t
ngx_http_weir_take_reader(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;
    ctx->reader = w->readers;

    if (ctx->reader) {
        w->readers = ctx->reader->next;
        w->reader_count--;
        return NGX_OK;
    }

    ctx->reader = ngx_alloc(sizeof(ngx_http_weir_reader_t),
                            ctx->request->connection->log);

    return ctx->reader ? NGX_OK : NGX_ERROR;
}


void
ngx_http_weir_reply_reset(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_free_reply(ctx);
    ngx_http_weir_filter_reset(ctx);
    ngx_http_weir_cache_reset(ctx);

    ctx->body = NULL;
    ctx->body_start = NULL;
    ctx->framing = NGX_HTTP_WEIR_UNTIL_CLOSE;
    ctx->mode = NGX_HTTP_WEIR_PASS;
    ctx->left = 0;
    ctx->collected = 0;
    ctx->retry_after = -1;
    ctx->invoke = NULL;
    ctx->events = 0;
    ctx->event_bytes = 0;
    ctx->is_stream = 0;
    ctx->is_encoded = 0;
    ctx->is_unreadable = 0;
    ctx->is_complete = 0;
    ctx->is_broken = 0;
    ctx->is_closing = 0;
    ctx->is_ended = 0;
    ctx->is_unframed = 0;
    ctx->has_length = 0;
    ctx->has_region = 0;
    ctx->has_operator = 0;
    ctx->settlement.origin_request = WEIR_SPAN_NONE;
    ctx->error_code = WEIR_SPAN_NONE;
    ngx_str_null(&ctx->content_type);
    ngx_memzero(&ctx->status, sizeof(ngx_http_status_t));
    ngx_memzero(&ctx->chunked, sizeof(ngx_http_chunked_t));
    ctx->request->state = 0;
}


ngx_int_t
ngx_http_weir_invalid(ngx_http_request_t *r, const char *what)
{
    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "weir: the origin's reply is not valid: %s", what);

    return NGX_HTTP_UPSTREAM_INVALID_HEADER;
}


ngx_int_t
ngx_http_weir_process_status(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);
    u = r->upstream;

    rc = ngx_http_parse_status_line(r, &u->buffer, &ctx->status);

    if (rc == NGX_AGAIN) {
        return NGX_AGAIN;
    }

    if (rc == NGX_ERROR) {
        return ngx_http_weir_invalid(r, "no status line");
    }

    if (ctx->status.http_version < NGX_HTTP_VERSION_11) {
        ctx->is_closing = 1;
    }

    r->state = 0;
    u->headers_in.status_n = ctx->status.code;

    if (u->state) {
        u->state->status = ctx->status.code;
    }

    u->process_header = ngx_http_weir_process_head;

    return ngx_http_weir_process_head(r);
}


/* ------------------------------------------------------------- headers */

#define ngx_http_weir_is(h, text)                                             \
    ((h)->key.len == sizeof(text) - 1                                         \
     && ngx_memcmp((h)->lowcase_key, text, sizeof(text) - 1) == 0)


static ngx_int_t
ngx_http_weir_framing_header(ngx_http_weir_ctx_t *ctx, ngx_table_elt_t *h)
{
    off_t  length;

    if (ngx_http_weir_is(h, "content-length")) {

        length = ngx_atoof(h->value.data, h->value.len);

        if (length == NGX_ERROR || (ctx->has_length && length != ctx->left)) {
            return NGX_ERROR;
        }

        ctx->has_length = 1;
        ctx->left = length;

        return NGX_OK;
    }

    if (ngx_http_weir_is(h, "transfer-encoding")) {

        if (h->value.len != 7
            || ngx_strncasecmp(h->value.data, (u_char *) "chunked", 7) != 0
            || ctx->framing == NGX_HTTP_WEIR_CHUNKED)
        {
            return NGX_ERROR;
        }

        ctx->framing = NGX_HTTP_WEIR_CHUNKED;

        return NGX_OK;
    }

    if (ngx_http_weir_is(h, "connection")) {

        if (ngx_strlcasestrn(h->value.data, h->value.data + h->value.len,
                             (u_char *) "close", 5 - 1)
            != NULL)
        {
            ctx->is_closing = 1;
        }

        return NGX_OK;
    }

    return NGX_DECLINED;
}


/* Seconds, milliseconds (retry-after-ms), or a date; -1: not readable. */

static ngx_int_t
ngx_http_weir_retry_after(ngx_table_elt_t *h, ngx_int_t unit_ms)
{
    time_t     when;
    ngx_int_t  n;

    n = ngx_atoi(h->value.data, h->value.len);

    if (n != NGX_ERROR) {
        return n > NGX_MAX_INT32_VALUE / unit_ms ? NGX_MAX_INT32_VALUE
                                                 : n * unit_ms;
    }

    when = unit_ms == 1000 ? ngx_parse_http_time(h->value.data, h->value.len)
                           : NGX_ERROR;

    if (when == NGX_ERROR) {
        return -1;
    }

    return when > ngx_time() ? (when - ngx_time()) * 1000 : 0;
}


/* "ValidationException:http://..": the word, in memory that lasts. */

static void
ngx_http_weir_note_error(ngx_http_weir_ctx_t *ctx, ngx_table_elt_t *h)
{
    u_char  *p, *end;

    end = ngx_strlchr(h->value.data, h->value.data + h->value.len, ':');
    end = end ? end : h->value.data + h->value.len;

    p = ngx_pnalloc(ctx->request->pool, end - h->value.data);
    if (p) {
        ctx->error_code = (weir_span) { (char *) p,
                                        ngx_cpymem(p, h->value.data,
                                                   end - h->value.data) - p };
    }
}


/* True when nothing of it goes to the client. */

static ngx_uint_t
ngx_http_weir_note_header(ngx_http_weir_ctx_t *ctx, ngx_table_elt_t *h)
{
    u_char     *p;
    weir_span   type;
    ngx_str_t  *name;

    if (ngx_http_weir_is(h, "content-type")) {
        type = weir_provider_stream_type(ctx->endpoint->provider);
        ctx->content_type = h->value;
        ctx->is_stream = h->value.len >= type.len
                         && ngx_strncasecmp(h->value.data,
                                            (u_char *) type.ptr, type.len)
                            == 0;
        return 1;
    }

    if (ngx_http_weir_is(h, "content-encoding")) {

        /* of several lines, one that says so is enough */

        if (!(h->value.len == 8
              && ngx_strncasecmp(h->value.data, (u_char *) "identity", 8)
                 == 0))
        {
            ctx->is_encoded = 1;
        }

        return 0;
    }

    if (ngx_http_weir_is(h, "retry-after-ms")) {
        ctx->retry_after = ngx_http_weir_retry_after(h, 1);
        return 0;
    }

    if (ngx_http_weir_is(h, "retry-after")) {
        if (ctx->retry_after < 0) {
            ctx->retry_after = ngx_http_weir_retry_after(h, 1000);
        }

        return 0;
    }

    if (ngx_http_weir_is(h, "x-amzn-errortype")) {
        ngx_http_weir_note_error(ctx, h);
        return 0;
    }

    if (ngx_http_weir_is(h, "x-request-id")) {

        /* the buffer is used again for the body */

        p = ngx_pnalloc(ctx->request->pool, h->value.len);
        if (p) {
            ngx_memcpy(p, h->value.data, h->value.len);
            ctx->settlement.origin_request = (weir_span) { (char *) p,
                                                           h->value.len };
        }

        return 0;
    }

    if (h->key.len > 8 && ngx_memcmp(h->lowcase_key, "x-accel-", 8) == 0) {
        return 1;
    }

    if (ctx->tools && ngx_http_weir_cors_is_header(h)) {
        return 1;
    }

    if (ngx_http_weir_is(h, "mcp-session-id")) {
        ctx->is_broken = ctx->tools
                         && ngx_http_weir_tools_given(ctx, &h->value)
                            != NGX_OK;
        return 1;   /* told by the name that is bound to the key */
    }

    if (h->key.len > 5 && ngx_memcmp(h->lowcase_key, "weir-", 5) == 0) {
        return 1;   /* nobody else speaks for weir */
    }

    for (name = ngx_http_weir_hidden; name->len; name++) {
        if (h->key.len == name->len
            && ngx_memcmp(h->lowcase_key, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_weir_read_header(ngx_http_request_t *r, ngx_http_weir_ctx_t *ctx)
{
    ngx_int_t         rc;
    ngx_table_elt_t   h, *kept;

    h.hash = r->header_hash;
    h.key.len = r->header_name_end - r->header_name_start;
    h.key.data = r->header_name_start;
    h.value.len = r->header_end - r->header_start;
    h.value.data = r->header_start;
    h.key.data[h.key.len] = '\0';
    h.value.data[h.value.len] = '\0';

    h.lowcase_key = ngx_pnalloc(r->pool, h.key.len + 1);
    if (h.lowcase_key == NULL) {
        return NGX_ERROR;
    }

    ngx_strlow(h.lowcase_key, h.key.data, h.key.len);
    h.lowcase_key[h.key.len] = '\0';

    if (ctx->pin) {
        ngx_http_weir_pin_header(ctx, &h);
    }

    if (ctx->realtime && ngx_http_weir_realtime_header(ctx, &h)) {
        return NGX_OK;
    }

    ngx_http_weir_invoke_header(ctx, &h);

    rc = ngx_http_weir_framing_header(ctx, &h);

    if (rc == NGX_ERROR) {
        return ngx_http_weir_invalid(r, "the framing of its body");
    }

    if (rc == NGX_OK || ngx_http_weir_note_header(ctx, &h)) {
        return NGX_OK;
    }

    kept = ngx_list_push(&r->upstream->headers_in.headers);
    if (kept == NULL) {
        return NGX_ERROR;
    }

    *kept = h;

    return NGX_OK;
}


/* How long the body is, now that all headers are read. */

static ngx_int_t
ngx_http_weir_set_framing(ngx_http_request_t *r, ngx_http_weir_ctx_t *ctx)
{
    if (ctx->status.code == NGX_HTTP_NO_CONTENT
        || ctx->status.code == NGX_HTTP_NOT_MODIFIED)
    {
        ctx->framing = NGX_HTTP_WEIR_LENGTH;
        ctx->left = 0;

    } else if (ctx->framing == NGX_HTTP_WEIR_CHUNKED) {

        if (ctx->has_length) {
            return ngx_http_weir_invalid(r, "both a length and chunks");
        }

    } else if (ctx->has_length) {
        ctx->framing = NGX_HTTP_WEIR_LENGTH;

    } else {
        ctx->is_closing = 1;
    }

    if (ctx->framing == NGX_HTTP_WEIR_LENGTH && ctx->left == 0) {
        ctx->is_complete = 1;
    }

    return NGX_OK;
}


/* Asks the core whether this reply is the answer. */

static ngx_uint_t
ngx_http_weir_is_answer(ngx_http_weir_ctx_t *ctx)
{
    struct weir_step             step;
    struct weir_error            err;
    struct weir_attempt_result   result;

    if (ctx->status.code < NGX_HTTP_BAD_REQUEST) {
        return 1;
    }

    result = (struct weir_attempt_result) {
        .end = WEIR_ATTEMPT_REPLIED,
        .status = (uint16_t) ctx->status.code,
        .retry_after_ms = ctx->retry_after,
    };

    ngx_http_weir_follow();

    step = weir_call_next(&ctx->call, &result,
                          &ngx_http_weir_worker.view->view.overlay,
                          ngx_http_weir_now(), &err);

    if (step.next != WEIR_NEXT_TRY && step.next != WEIR_NEXT_WAIT) {
        return 1;
    }

    ctx->step = step;

    return 0;
}


/*
 * Only "identity" is asked for. What comes in another encoding cannot be
 * metered, looked at or translated, and does not pass; an error's body that
 * nobody has to read does.
 */

static ngx_uint_t
ngx_http_weir_is_unreadable(ngx_http_weir_ctx_t *ctx)
{
    if (!ctx->is_encoded || ctx->is_complete
        || (ctx->status.code >= NGX_HTTP_BAD_REQUEST
            && !ctx->outgoing.is_translated && !ctx->tools))
    {
        return 0;
    }

    ngx_http_weir_name_hop(ctx, "a reply in an encoding that was not asked "
                                "for");
    ctx->is_ended = 1;
    ctx->is_unreadable = 1;

    return 1;
}


static ngx_int_t
ngx_http_weir_process_head(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);
    u = r->upstream;

    for ( ;; ) {

        rc = ngx_http_parse_header_line(r, &u->buffer, 1);

        if (rc == NGX_OK) {
            rc = ngx_http_weir_read_header(r, ctx);
            if (rc != NGX_OK) {
                return rc;
            }

            continue;
        }

        if (rc == NGX_AGAIN) {
            return NGX_AGAIN;
        }

        if (rc != NGX_HTTP_PARSE_HEADER_DONE) {
            return ngx_http_weir_invalid(r, "a header line");
        }

        break;
    }

    r->state = 0;

    if (ctx->realtime && ctx->status.code == NGX_HTTP_SWITCHING_PROTOCOLS) {
        return ngx_http_weir_realtime_switch(ctx);
    }

    if (ctx->status.code < NGX_HTTP_OK) {

        /* an interim reply; switching protocols was not asked for */

        if (ctx->status.code == NGX_HTTP_SWITCHING_PROTOCOLS
            || u->headers_in.headers.part.next)
        {
            return ngx_http_weir_invalid(r, "an interim reply");
        }

        u->headers_in.headers.part.nelts = 0;
        ngx_http_weir_reply_reset(ctx);
        u->process_header = ngx_http_weir_process_status;

        return ngx_http_weir_process_status(r);
    }

    if (ctx->realtime && ctx->status.code < NGX_HTTP_BAD_REQUEST) {
        return ngx_http_weir_invalid(r, "it does not switch protocols");
    }

    rc = ngx_http_weir_set_framing(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ctx->pin && ngx_http_weir_pin_head(ctx) != NGX_OK) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    if (ctx->tools && ctx->is_broken) {
        return ngx_http_weir_invalid(r, "its session");
    }

    ctx->settlement.first_byte_us = ngx_http_weir_now() - ctx->call.started;

    if (!ngx_http_weir_is_answer(ctx)) {
        ctx->is_restarting = 1;
        u->process_header = ngx_http_weir_process_drain;
        return ngx_http_weir_process_drain(r);
    }

    if (ngx_http_weir_is_unreadable(ctx)) {
        return ngx_http_weir_invalid(r, "an encoding that was not asked for");
    }

    weir_call_answered(&ctx->call, ctx->status.code, ngx_http_weir_now());

    if (!(ctx->bulk && ngx_http_weir_bulk_is_told(ctx))
        && (ctx->is_stream
        || ctx->framing == NGX_HTTP_WEIR_UNTIL_CLOSE
        || (ctx->framing == NGX_HTTP_WEIR_LENGTH
            && ctx->left > NGX_HTTP_WEIR_COLLECT)))
    {
        return ngx_http_weir_pass_on(r);
    }

    ctx->mode = NGX_HTTP_WEIR_WHOLE;
    ctx->body_start = u->buffer.pos;
    u->process_header = ngx_http_weir_process_collect;

    return ngx_http_weir_process_collect(r);
}


/* --------------------------------------------------------------- head */

ngx_int_t
ngx_http_weir_new_reply(ngx_http_weir_ctx_t *ctx)
{
    struct weir_arena        arena;
    struct weir_reply_setup  setup;

    if (ctx->is_encoded || ctx->bulk
        || (ctx->status.code >= NGX_HTTP_SPECIAL_RESPONSE
            && !ctx->outgoing.is_translated && !ctx->tools))
    {
        return NGX_OK;
    }

    ngx_memzero(&setup, sizeof(struct weir_reply_setup));

    setup.endpoint = ctx->route.endpoint == WEIR_ENDPOINT_STORED
                     ? WEIR_ENDPOINT_RESPONSES : ctx->route.endpoint;
    setup.is_streamed = ctx->is_stream;
    setup.is_opaque = ctx->route.dialect == WEIR_DIALECT_OTHER
                      && !ctx->is_stream
                      && (ctx->content_type.len < 16
                          || ngx_strncasecmp(ctx->content_type.data,
                                             (u_char *) "application/json", 16)
                             != 0);
    setup.hides_usage = ctx->outgoing.hides_usage;
    setup.strips_reasoning = (ctx->call.answer.obligations.strip
                              & WEIR_STRIP_REASONING) != 0;
    setup.held_bytes_max = ngx_http_weir_worker.conf->event_max;
    setup.is_translated = ctx->outgoing.is_translated;
    setup.http_status = ctx->status.code;
    setup.request = &ctx->ask;
    setup.error_code = ctx->error_code;
    setup.request_id = (weir_span) { ctx->id, WEIR_REQUEST_ID_TEXT - 1 };
    setup.now = ngx_time();
    setup.tools = ctx->tools ? ngx_http_weir_tools_gate(ctx) : NULL;

    if (ctx->reader == NULL && ngx_http_weir_take_reader(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    weir_arena_init(&arena, ctx->reader->bytes, NGX_HTTP_WEIR_READER);
    ctx->reply = weir_reply_new(ctx->endpoint->provider, &setup, &arena);

    if (ctx->reply == NULL) {
        ngx_log_error(NGX_LOG_ALERT, ctx->request->connection->log, 0,
                      "weir: a reply's reader takes over %d bytes",
                      NGX_HTTP_WEIR_READER);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Trailers are for those who say that they read them (RFC 9110, 6.5). */

static ngx_uint_t
ngx_http_weir_takes_trailers(ngx_http_request_t *r)
{
    ngx_table_elt_t  *te;

    te = r->headers_in.te;

    return te && ngx_strlcasestrn(te->value.data,
                                  te->value.data + te->value.len,
                                  (u_char *) "trailers", 8 - 1)
                 != NULL;
}


ngx_int_t
ngx_http_weir_pass_on(ngx_http_request_t *r)
{
    size_t                len;
    char                  text[NGX_HTTP_WEIR_COST];
    weir_span             type;
    ngx_http_upstream_t  *u;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);
    u = r->upstream;

    if (ctx->reply == NULL && ngx_http_weir_new_reply(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_weir_filters_reply(ctx)) {

        if (ngx_http_weir_begin_filter(ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ngx_http_weir_is_blocked(ctx)) {
            ctx->is_restarting = 1; /* not to be settled as nginx ends it */
            ngx_http_weir_post_restart(ctx);
            return NGX_AGAIN;
        }
    }

    if (ctx->tools && ngx_http_weir_tools_pass_on(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    u->conf = &ctx->endpoint->body_conf;

    /* a type of its own: the body is written anew */

    type = ctx->reply ? weir_reply_content_type(ctx->reply) : WEIR_SPAN_NONE;

    if (type.len) {
        ctx->content_type.data = (u_char *) type.ptr;
        ctx->content_type.len = type.len;
    }

    if (ctx->caching) {
        ngx_http_weir_cache_type(ctx);
    }

    r->headers_out.content_type = ctx->content_type;
    r->headers_out.content_type_len = ctx->content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (ctx->mode == NGX_HTTP_WEIR_PASS) {
        u->headers_in.content_length_n =
                      ctx->framing == NGX_HTTP_WEIR_LENGTH && !ctx->is_stream
                      && type.len == 0 && !ngx_http_weir_filters_reply(ctx)
                      && !ngx_http_weir_stored_names_reply(ctx)
                      ? ctx->left : -1;
    }

    if (ngx_http_weir_add_headers(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->reply && ctx->mode == NGX_HTTP_WEIR_WHOLE) {
        if (ngx_http_weir_invoke_heads(ctx) != NGX_OK) {
            return NGX_ERROR;
        }

        len = ngx_http_weir_format_cost(ctx, text);

        return ngx_http_weir_add_header(r, "weir-cost", 9, text, len);
    }

    if (ctx->reply && ngx_http_weir_takes_trailers(r)) {
        ctx->wants_trailer = 1;
        r->expect_trailers = 1;

        return ngx_http_weir_add_header(r, "Trailer", 7, "weir-cost", 9);
    }

    return NGX_OK;
}
