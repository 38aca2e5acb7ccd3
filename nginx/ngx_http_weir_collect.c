/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies that are read whole: those that are thrown away so that another
 * origin can be asked, and short ones.
 *
 * WHY SHORT REPLIES ARE COLLECTED. Usage stands at the end of a reply and its
 * cost belongs into the head. A reply up to 64 KiB is complete within one or
 * two reads, so nobody waits for it. It also lets an origin that breaks off
 * in the middle be replaced by another.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_classify.h"

#include <weir/json.h>


/* -------------------------------------------------------------- drain */

ngx_int_t
ngx_http_weir_process_drain(ngx_http_request_t *r)
{
    ssize_t               n;
    ngx_http_upstream_t  *u;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);
    u = r->upstream;

    n = u->buffer.last - u->buffer.pos;
    ctx->collected += n;

    if (!ctx->is_complete && n) {
        n = ngx_http_weir_unframe(ctx, u->buffer.pos, n);
    }

    /* the head lies in front: nothing of it is needed any more */

    u->buffer.pos = u->buffer.start;
    u->buffer.last = u->buffer.start;

    if (ctx->is_complete) {
        u->keepalive = !ctx->is_closing;
        ngx_http_weir_post_restart(ctx);

    } else if (n == NGX_ERROR
               || ctx->collected > NGX_HTTP_WEIR_DRAIN
               || ctx->framing == NGX_HTTP_WEIR_UNTIL_CLOSE)
    {
        ngx_http_weir_post_restart(ctx);
    }

    return NGX_AGAIN;
}


/* ------------------------------------------------------------ collect */

/* Makes room for what is still to come; moves what is there. */

static ngx_int_t
ngx_http_weir_grow(ngx_http_weir_ctx_t *ctx, size_t size)
{
    u_char     *p;
    size_t      have;
    ngx_buf_t  *b;

    b = &ctx->request->upstream->buffer;
    have = b->last - ctx->body_start;

    p = ngx_palloc(ctx->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, ctx->body_start, have);

    ctx->body_start = p;
    b->start = p;
    b->pos = p + have;
    b->last = p + have;
    b->end = p + size;

    return NGX_OK;
}


/*
 * A route of tiers may mind what the answer says: then the next tier is asked
 * and nothing of this one has been seen. A compressed answer is let pass.
 */

static ngx_uint_t
ngx_http_weir_is_poor(ngx_http_weir_ctx_t *ctx, weir_span input)
{
    struct weir_step  step;

    if (!weir_call_minds_answer(&ctx->call)
        || ctx->request->upstream->headers_in.status_n != NGX_HTTP_OK
        || !weir_call_escalate(&ctx->call, input,
                               ngx_http_weir_newest_overlay(),
                               ngx_http_weir_now(), &step))
    {
        return 0;
    }

    ctx->request->upstream->keepalive = !ctx->is_closing;
    ngx_http_weir_free_reply(ctx);

    ctx->step = step;
    ctx->is_restarting = 1;     /* not to be settled as nginx ends it */
    ngx_http_weir_post_restart(ctx);

    return 1;
}


static ngx_uint_t
ngx_http_weir_is_json(ngx_http_weir_ctx_t *ctx, weir_span input)
{
    enum weir_reply_text   text;
    struct weir_json_root  root;

    /* a reader that passes over each byte has seen it */

    text = weir_reply_facts(ctx->reply)->text;

    if (text != WEIR_REPLY_UNCHECKED) {
        return text == WEIR_REPLY_JSON;
    }

    return weir_json_scan(input, NULL, 0, 0, &root, NULL, NULL) == WEIR_OK
           && (root.kind == WEIR_JSON_OBJECT || root.kind == WEIR_JSON_ARRAY);
}


/*
 * Whether a short answer of a dialect whose answers are JSON is none. A page of
 * a proxy's, or half of an answer, must not look like one: the client is told,
 * and nothing is charged. A longer one has gone on by now.
 */

static ngx_uint_t
ngx_http_weir_is_no_answer(ngx_http_weir_ctx_t *ctx, weir_span input)
{
    if (ctx->reply == NULL
        || ctx->tools   /* its reader says what is none; some are empty */
        || ctx->status.code != NGX_HTTP_OK
        || ctx->route.dialect == WEIR_DIALECT_OTHER
        || ngx_http_weir_is_json(ctx, input))
    {
        return 0;
    }

    ngx_http_weir_name_hop(ctx, "a reply that cannot be read");
    ngx_http_weir_free_reply(ctx);
    ctx->is_ended = 1;
    ctx->is_unreadable = 1;

    return 1;
}


static ngx_int_t
ngx_http_weir_finish_collect(ngx_http_request_t *r, ngx_http_weir_ctx_t *ctx)
{
    ngx_int_t                 rc;
    weir_span                 input, rest;
    ngx_uint_t                has_piece;
    ngx_http_upstream_t      *u;
    struct weir_reply_piece   piece;

    u = r->upstream;
    input = (weir_span) { (char *) ctx->body_start,
                          u->buffer.last - ctx->body_start };

    u->buffer.pos = ctx->body_start;
    ctx->out_last = NULL;

    if (ngx_http_weir_files_retell(ctx, &input) != NGX_OK
        || ngx_http_weir_stored_retell(ctx, &input) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rest = input;
    has_piece = ctx->reply && weir_reply_next(ctx->reply, &rest, &piece);

    if (ngx_http_weir_is_no_answer(ctx, input)) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    if (ngx_http_weir_is_poor(ctx, input)) {
        return NGX_AGAIN;
    }

    ctx->is_refusing = weir_call_is_refused(&ctx->call, input);

    if (ctx->bulk && ngx_http_weir_bulk_is_told(ctx)
        && ngx_http_weir_bulk_retell(ctx, &input) != NGX_OK)
    {
        ngx_http_weir_name_hop(ctx, "a reply that cannot be read");
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    if (ctx->reply == NULL) {
        if (ngx_http_weir_append_plain(ctx, &ctx->body, (u_char *) input.ptr,
                                       input.len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else {
        while (has_piece) {
            if (ngx_http_weir_append_piece(ctx, &ctx->body, &piece) != NGX_OK)
            {
                return NGX_ERROR;
            }

            has_piece = weir_reply_next(ctx->reply, &rest, &piece);
        }

        ctx->is_ended = 1;

        if (weir_reply_finish(ctx->reply, true, &piece)
            && ngx_http_weir_append_piece(ctx, &ctx->body, &piece) != NGX_OK)
        {
            return NGX_ERROR;
        }

        /* nothing could be made of it: nobody has heard of it yet */

        if (ctx->outgoing.is_translated && ctx->body == NULL
            && weir_reply_facts(ctx->reply)->state == WEIR_REPLY_CUT)
        {
            ngx_http_weir_name_hop(ctx, "a reply that cannot be read");
            ngx_http_weir_free_reply(ctx);
            return NGX_HTTP_UPSTREAM_INVALID_HEADER;
        }
    }

    if (ngx_http_weir_filter_end(ctx, &ctx->body) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_weir_is_blocked(ctx)) {
        ctx->is_restarting = 1;     /* not to be settled as nginx ends it */
        ngx_http_weir_post_restart(ctx);
        return NGX_AGAIN;
    }

    rc = ngx_http_weir_classify_end(ctx, &ctx->body);

    if (rc != NGX_OK) {
        return rc;
    }

    u->headers_in.content_length_n = ctx->passed;

    return ngx_http_weir_pass_on(r);
}


ngx_int_t
ngx_http_weir_process_collect(ngx_http_request_t *r)
{
    size_t                have, need;
    ssize_t               n;
    ngx_buf_t            *b;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);
    b = &r->upstream->buffer;

    if (!ctx->is_complete && b->pos != b->last) {

        n = ngx_http_weir_unframe(ctx, b->pos, b->last - b->pos);
        if (n == NGX_ERROR) {
            return ngx_http_weir_invalid(r, "its chunks");
        }

        b->last = b->pos + n;
        b->pos = b->last;
    }

    have = b->last - ctx->body_start;

    if (ctx->reply == NULL
        && ngx_http_weir_new_reply(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->is_complete) {
        b->last = ctx->body_start + have;
        return ngx_http_weir_finish_collect(r, ctx);
    }

    if (have > NGX_HTTP_WEIR_COLLECT) {

        if (ctx->bulk && ngx_http_weir_bulk_is_told(ctx)) {
            return ngx_http_weir_invalid(r, "the size of an object");
        }

        /* longer than foreseen: goes on as it comes */

        ctx->mode = NGX_HTTP_WEIR_PASS;
        ctx->is_unframed = 1;
        b->pos = ctx->body_start;

        return ngx_http_weir_pass_on(r);
    }

    need = ctx->framing == NGX_HTTP_WEIR_LENGTH ? (size_t) ctx->left
                                                : NGX_HTTP_WEIR_BUFFER / 4;

    if ((size_t) (b->end - b->last) < need) {

        need = ctx->framing == NGX_HTTP_WEIR_LENGTH ? have + need
                                                    : 2 * have
                                                      + NGX_HTTP_WEIR_BUFFER;

        if (ngx_http_weir_grow(ctx, need) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* the head came in time; from here on it is the idle time that counts */

    ngx_add_timer(r->upstream->peer.connection->read,
                  ctx->endpoint->body_conf.read_timeout);

    return NGX_AGAIN;
}
