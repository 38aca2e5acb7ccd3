/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts: what goes on when they are there, what is stopped, and how it
 * ends. The essay is in ngx_http_weir_classify.c.
 */

#include "ngx_http_weir_classify_int.h"


static void ngx_http_weir_classify_resume(ngx_http_weir_classifying_t *cl,
    ngx_uint_t reads_on);


/* --------------------------------------------------------------- heard */

static void
ngx_http_weir_classify_resume(ngx_http_weir_classifying_t *cl,
    ngx_uint_t reads_on)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = cl->ctx->request;
    c = r->connection;
    u = r->upstream;

    if (reads_on) {
        cl->is_paused = 0;
        u->read_event_handler = cl->read_event_handler;
        u->peer.connection->read->ready = 1;
    }

    r->write_event_handler(r);
    ngx_http_run_posted_requests(c);
}


/* The verdict on a window is there: it goes on, and so does the reading. */

static void
ngx_http_weir_window_goes_on(ngx_http_weir_classifying_t *cl)
{
    size_t                window;
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;
    ngx_http_weir_ctx_t  *ctx;

    ctx = cl->ctx;
    u = ctx->request->upstream;

    cl->at = NGX_HTTP_WEIR_GOES;
    ctx->out_last = NULL;

    if (cl->is_too_long || cl->is_unreadable) {
        cl->is_given_up = 1;    /* and nobody minds, or it would be blocked */
    }

    rc = ngx_http_weir_release(cl, &u->out_bufs,
                               cl->is_given_up ? cl->held.len : cl->going);

    if (rc == NGX_OK && cl->is_finished) {
        rc = ngx_http_weir_classify_end(ctx, &u->out_bufs);

    } else if (rc == NGX_OK && !cl->is_given_up
               && ngx_http_weir_is_windowed(cl, &window)
               && cl->fresh >= window)
    {
        rc = ngx_http_weir_ask_window(cl, window) == NGX_OK ? NGX_AGAIN
                                                            : NGX_ERROR;
        cl->at = NGX_HTTP_WEIR_AT_WINDOW;
    }

    if (ctx->out_last) {
        ctx->out_last->buf->flush = 1;
    }

    if (rc == NGX_ERROR) {
        u->error = 1;

    } else if (rc == NGX_AGAIN) {
        ngx_http_weir_classify_resume(cl, 0);
        return;

    } else if (cl->is_finished) {

        if (ngx_http_weir_classify_joins(ctx)) {
            ngx_http_weir_classify_resume(cl, 0);
            return;
        }

        u->length = 0;
        u->keepalive = !ctx->is_closing;
    }

    ngx_http_weir_classify_resume(cl, 1);
}


static void
ngx_http_weir_head_goes_on(ngx_http_weir_classifying_t *cl)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;
    ngx_http_weir_ctx_t  *ctx;

    ctx = cl->ctx;
    r = ctx->request;
    u = r->upstream;
    c = r->connection;

    cl->at = NGX_HTTP_WEIR_GOES;
    cl->is_paused = 0;
    u->read_event_handler = cl->read_event_handler;
    ctx->out_last = NULL;

    if (ngx_http_weir_release(cl, &ctx->body, cl->held.len) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    u->headers_in.content_length_n = ctx->passed;
    u->process_header = ngx_http_weir_process_released;
    u->peer.connection->recv = ngx_http_weir_recv_byte;

    u->read_event_handler(r, u);
    ngx_http_run_posted_requests(c);
}


/* All of it is there already; a window may have been awaited before the rest
 * was asked about. */

static void
ngx_http_weir_hit_goes_on(ngx_http_weir_classifying_t *cl)
{
    ngx_int_t             rc;
    ngx_chain_t          *out;
    ngx_connection_t     *c;
    ngx_http_weir_ctx_t  *ctx;

    ctx = cl->ctx;
    c = ctx->request->connection;
    out = NULL;

    cl->at = NGX_HTTP_WEIR_GOES;
    ctx->out_last = NULL;

    if (cl->is_too_long || cl->is_unreadable) {
        cl->is_given_up = 1;
    }

    rc = ngx_http_weir_classify_end(ctx, &out);

    if (rc == NGX_OK) {
        ngx_http_weir_cache_pass(ctx, out);

    } else if (rc == NGX_ERROR) {
        ngx_http_finalize_request(ctx->request,
                                  NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    ngx_http_run_posted_requests(c);
}


static void
ngx_http_weir_classify_go_on(ngx_http_weir_classifying_t *cl)
{
    ngx_connection_t     *c;
    ngx_http_weir_ctx_t  *ctx;

    ctx = cl->ctx;

    switch (cl->at) {

    case NGX_HTTP_WEIR_AT_PROMPT:

        if (ngx_http_weir_awaits(cl, NGX_HTTP_WEIR_INPUT)) {
            return;
        }

        c = ctx->request->connection;
        cl->at = NGX_HTTP_WEIR_GOES;
        ngx_http_weir_admit_classified(ctx, cl->body);
        ngx_http_run_posted_requests(c);
        return;

    case NGX_HTTP_WEIR_AT_WINDOW:

        if (!ngx_http_weir_awaits(cl, NGX_HTTP_WEIR_OUTPUT)) {
            ngx_http_weir_window_goes_on(cl);
        }

        return;

    case NGX_HTTP_WEIR_AT_HEAD:

        if (!ngx_http_weir_awaits(cl, NGX_HTTP_WEIR_OUTPUT)) {
            ngx_http_weir_head_goes_on(cl);
        }

        return;

    case NGX_HTTP_WEIR_AT_HIT:

        if (!ngx_http_weir_awaits(cl, NGX_HTTP_WEIR_OUTPUT)) {
            ngx_http_weir_hit_goes_on(cl);
        }

        return;

    case NGX_HTTP_WEIR_AT_END:

        if (ngx_http_weir_awaits_any(cl)) {
            return;
        }

        cl->at = NGX_HTTP_WEIR_GOES;

        if (ctx->request->upstream->peer.connection == NULL) {
            c = ctx->request->connection;
            ngx_http_weir_cache_end(ctx, NGX_OK);
            ngx_http_run_posted_requests(c);

        } else {
            ctx->request->upstream->length = 0;
            ctx->request->upstream->keepalive = !ctx->is_closing;
            ngx_http_weir_classify_resume(cl, 1);
        }

        return;

    default: /* NGX_HTTP_WEIR_GOES */
        return;
    }
}


weir_status
ngx_http_weir_classify_refusal(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err)
{
    const struct weir_record_opinion  *opinion;

    opinion = ctx->classifying ? ctx->classifying->blocking : NULL;

    if (opinion == NULL) {
        return WEIR_OK;
    }

    if (opinion->opinion == WEIR_OPINION_FAILED) {
        ctx->call.reason = WEIR_REASON_UNCLASSIFIED;

        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "the classifier \"%.*s\" gave no verdict on the %s, "
                         "and policy asks for one",
                         WEIR_SPAN_ARG(opinion->classifier),
                         opinion->direction == WEIR_IMAGE_REQUESTS
                         ? "request" : "answer");
    }

    ctx->call.reason = WEIR_REASON_FILTERED;

    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "the classifier \"%.*s\" blocks the %s%s%.*s",
                     WEIR_SPAN_ARG(opinion->classifier),
                     opinion->direction == WEIR_IMAGE_REQUESTS ? "request"
                                                               : "answer",
                     opinion->category.len ? ": " : "",
                     WEIR_SPAN_ARG(opinion->category));
}


/* Nothing that waits goes on. */

static void
ngx_http_weir_classify_block(ngx_http_weir_classifying_t *cl,
    const struct weir_record_opinion *opinion)
{
    ngx_connection_t     *c;
    struct weir_error     err;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;
    ngx_http_weir_at_e    at;
    ngx_http_weir_ctx_t  *ctx;

    ctx = cl->ctx;
    r = ctx->request;
    c = r->connection;
    at = cl->at;

    cl->blocking = opinion;
    cl->at = NGX_HTTP_WEIR_GOES;

    if (at == NGX_HTTP_WEIR_AT_PROMPT) {
        ngx_http_finalize_request(r, ngx_http_weir_refuse(ctx,
                             ngx_http_weir_classify_refusal(ctx, &err),
                             &err));
        ngx_http_run_posted_requests(c);
        return;
    }

    ngx_http_weir_block_reply(ctx);
    weir_buf_reset(&cl->held);

    if (at == NGX_HTTP_WEIR_AT_HIT) {
        ngx_http_weir_refuse_reply(ctx);
        ngx_http_run_posted_requests(c);
        return;
    }

    if (at == NGX_HTTP_WEIR_AT_HEAD) {
        ctx->is_restarting = 1;     /* not to be settled as nginx ends it */
        ngx_http_weir_post_restart(ctx);
        return;
    }

    u = r->upstream;
    ctx->is_ended = 1;
    u->error = 1;
    ctx->out_last = NULL;
    (void) ngx_http_weir_append_cut(ctx, &u->out_bufs);
    ngx_http_weir_classify_resume(cl, 1);
}


void
ngx_http_weir_classify_heard(void *data, ngx_http_weir_ask_t *ask)
{
    ngx_http_weir_classifying_t  *cl = data;

    ngx_uint_t                    i, d;
    ngx_http_weir_asked_t        *asked;
    struct weir_record_opinion   *opinion;

    for (i = 0; i < cl->count; i++) {
        if (cl->asked[i].asks[0] == ask || cl->asked[i].asks[1] == ask) {
            break;
        }
    }

    if (i == cl->count) {
        return;
    }

    asked = &cl->asked[i];
    d = asked->asks[0] == ask ? NGX_HTTP_WEIR_INPUT : NGX_HTTP_WEIR_OUTPUT;
    opinion = ngx_http_weir_opinion(cl, asked, d);

    ngx_http_weir_opinion_add(opinion, ask);
    ngx_http_weir_ask_free(ask);
    asked->asks[d] = NULL;

    if (asked->actions[d] == WEIR_DETECT_BLOCK && cl->at != NGX_HTTP_WEIR_GOES
        && cl->at != NGX_HTTP_WEIR_AT_END
        && (opinion->opinion == WEIR_OPINION_BLOCK
            || (opinion->opinion == WEIR_OPINION_FAILED
                && !asked->fails_open[d])))
    {
        ngx_http_weir_classify_block(cl, opinion);
        return;
    }

    ngx_http_weir_classify_go_on(cl);
}


/* ----------------------------------------------------------------- end */

static void
ngx_http_weir_classify_stop(ngx_http_weir_classifying_t *cl, ngx_uint_t d)
{
    ngx_uint_t  i;

    for (i = 0; i < cl->count; i++) {
        ngx_http_weir_ask_free(cl->asked[i].asks[d]);
        cl->asked[i].asks[d] = NULL;
    }
}


static void
ngx_http_weir_classify_forget(ngx_http_weir_classifying_t *cl)
{
    ngx_http_weir_voice_t  *voice;

    while (cl->voices) {
        voice = cl->voices;
        cl->voices = voice->next;

        if (voice->text.ptr) {
            explicit_bzero(voice->text.ptr, voice->text.len);
        }

        weir_buf_fini(&voice->text);
        ngx_free(voice);
    }

    cl->last_voice = &cl->voices;
    cl->voice_count = 0;
    cl->fresh = 0;
    cl->spoken = 0;

    if (cl->held.max) {
        weir_buf_fini(&cl->held);
        ngx_memzero(&cl->held, sizeof(struct weir_buf));
    }
}


/* The upstream is about to go: nothing of it is touched from here on. */

void
ngx_http_weir_classify_leave(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_upstream_t          *u;
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    if (cl == NULL) {
        return;
    }

    u = ctx->request->upstream;

    if (cl->recv && u && u->peer.connection) {
        u->peer.connection->recv = cl->recv;
    }

    cl->recv = NULL;
    cl->is_paused = 0;

    if (cl->at != NGX_HTTP_WEIR_AT_PROMPT) {
        cl->at = NGX_HTTP_WEIR_GOES;
    }

    ngx_http_weir_classify_stop(cl, NGX_HTTP_WEIR_OUTPUT);
}


/* A reply that is not passed on: another may come. */

void
ngx_http_weir_classify_reset(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    if (cl == NULL) {
        return;
    }

    ngx_http_weir_classify_leave(ctx);
    ngx_http_weir_classify_forget(cl);
    cl->part = 0;
    cl->going = 0;
    cl->is_finished = 0;
    cl->is_last = 0;
    cl->is_given_up = 0;
    cl->is_unreadable = 0;
    cl->is_too_long = 0;
}


/* The record has what was said: the call is over. */

void
ngx_http_weir_classify_free(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    if (cl == NULL) {
        return;
    }

    ngx_http_weir_classify_stop(cl, NGX_HTTP_WEIR_INPUT);
    ngx_http_weir_classify_stop(cl, NGX_HTTP_WEIR_OUTPUT);
    ngx_http_weir_classify_forget(cl);
    ctx->classifying = NULL;
    ctx->call.opinions = NULL;
    ctx->call.opinion_count = 0;
    ngx_free(cl);
}
