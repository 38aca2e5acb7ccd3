/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client says in a realtime session, on its way to the origin; why
 * each answer is held for before it is asked for: ngx_http_weir_session.c.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_realtime.h"

#include <weir/json.h>
#include <weir/splice.h>


#define NGX_HTTP_WEIR_ERRORS  32    /* refused events in a row */


/* The client is not there any more. */

static void
ngx_http_weir_session_left(ngx_http_weir_ctx_t *ctx)
{
    u_char                     two[2];
    weir_span                  part;
    ngx_http_request_t        *r;
    ngx_http_weir_realtime_t  *rt;

    r = ctx->request;
    rt = ctx->realtime;

    if (!rt->is_stopped) {
        rt->ending = rt->client_closed || rt->origin_closed
                     ? WEIR_END_COMPLETE : WEIR_END_CLIENT_LEFT;
        rt->is_stopped = 1;
    }

    if (!rt->client_closed && rt->up.len == 0) {
        two[0] = WEIR_WS_AWAY >> 8;
        two[1] = WEIR_WS_AWAY & 0xff;
        part = (weir_span) { (char *) two, 2 };
        ngx_http_weir_session_to_origin(ctx, WEIR_WS_CLOSE, &part, 1);
        (void) ngx_http_weir_session_flush_up(ctx);
    }

    ngx_http_weir_drop_upstream(r);
    ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
}


/*
 * Nobody reads from a client while the origin takes nothing, so nobody hears
 * that it is gone. What it sent last gets some seconds to be taken.
 */

ngx_uint_t
ngx_http_weir_session_is_gone(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    if (rt->is_stopped || rt->up.len == 0
        || !ctx->request->connection->read->pending_eof)
    {
        rt->gone = 0;
        return 0;
    }

    if (rt->gone == 0) {
        rt->gone = ngx_current_msec;
    }

    if (ngx_current_msec - rt->gone < NGX_HTTP_WEIR_CLOSING) {
        return 0;
    }

    ngx_http_weir_session_left(ctx);

    return 1;
}


/* An event of the client's does not pass. */

static void
ngx_http_weir_no(ngx_http_weir_ctx_t *ctx, weir_status status,
    struct weir_error *err, const struct weir_realtime_sent *sent)
{
    struct weir_error  many;

    if (status == WEIR_EBUDGET) {
        ngx_http_weir_session_stop(ctx, WEIR_WS_POLICY, status, err,
                                   WEIR_END_STOPPED);
        return;
    }

    if (status == WEIR_EUNAVAIL) {
        ngx_http_weir_session_stop(ctx, WEIR_WS_AGAIN, status, err,
                                   WEIR_END_STOPPED);
        return;
    }

    if (++ctx->realtime->errors > NGX_HTTP_WEIR_ERRORS) {
        (void) weir_fail(&many, status, WEIR_OFFSET_NONE,
                         "too many events in a row that do not pass");
        ngx_http_weir_session_stop(ctx, WEIR_WS_POLICY, status, &many,
                                   WEIR_END_STOPPED);
        return;
    }

    ngx_http_weir_session_say(ctx, status, err, sent->param, sent->id);
}


/* With the origin's names in place of the client's. */

static void
ngx_http_weir_pass_event(ngx_http_weir_ctx_t *ctx, weir_span event,
    const struct weir_realtime_sent *sent)
{
    ngx_uint_t                            i;
    weir_span                             spots[2], whole;
    struct weir_buf                       buf;
    struct weir_splice                    splice;
    const struct weir_image              *image;
    const struct weir_image_deployment   *deployment;

    if (sent->spot.len == 0 && sent->scribe.len == 0) {
        ngx_http_weir_session_to_origin(ctx, WEIR_WS_TEXT, &event, 1);
        return;
    }

    image = &ctx->view->view.image;
    deployment = &image->deployments[ctx->step.deployment];

    i = sent->spot.len && sent->scribe.len
        && sent->spot.ptr > sent->scribe.ptr;
    spots[i] = sent->spot;
    spots[!i] = sent->scribe;

    weir_buf_init(&buf, event.len + 4096);
    weir_splice_begin(&splice, event, &buf);

    for (i = 0; i < 2; i++) {

        if (spots[i].len == 0) {
            continue;
        }

        weir_splice_to(&splice, spots[i]);

        if (spots[i].ptr == sent->spot.ptr) {
            weir_json_quote(&buf, weir_image_text(image,
                                                  deployment->origin_model));

        } else {
            ngx_http_weir_scribe_quote(ctx, &buf);
        }
    }

    if (weir_splice_end(&splice)) {
        whole = weir_buf_span(&buf);
        ngx_http_weir_session_to_origin(ctx, WEIR_WS_TEXT, &whole, 1);

    } else {
        ctx->realtime->up.overflow = true;      /* no memory: it ends */
    }

    weir_buf_fini(&buf);
}


/* Whether it may pass: it, or what filters made of it, in `text`. */

static weir_status
ngx_http_weir_check_event(ngx_http_weir_ctx_t *ctx, weir_span *event,
    struct weir_buf *text, struct weir_realtime_sent *sent,
    struct weir_error *err)
{
    weir_status  status;

    status = weir_realtime_read_sent(*event, ctx->ask.model, ctx->route.urls,
                                     sent, err);

    if (status != WEIR_OK) {
        ctx->call.reason = sent->names_address ? WEIR_REASON_ADDRESS
                           : status == WEIR_EDENIED ? WEIR_REASON_FORBIDDEN
                                                    : WEIR_REASON_BAD_REQUEST;
        return status;
    }

    ctx->call.reason = WEIR_REASON_BAD_REQUEST;
    status = ngx_http_weir_session_filter_sent(ctx, event, text, sent, err);

    return status == WEIR_OK
           ? ngx_http_weir_session_scribe(ctx, *event, sent, err) : status;
}


/* An answer may come of it: policy and budgets are asked. False: none may,
 * and it was said. */

static ngx_uint_t
ngx_http_weir_may_answer(ngx_http_weir_ctx_t *ctx,
    const struct weir_realtime_sent *sent)
{
    ngx_uint_t                 needed;
    weir_status                status;
    struct weir_error          err;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    if (sent->asks && ngx_http_weir_session_ask(ctx) != NGX_OK) {
        return 0;
    }

    if (sent->asks || sent->feeds) {
        needed = rt->answer_count + rt->asked + 1;
        status = ngx_http_weir_session_afford(ctx, needed, &err);

        if (status == WEIR_OK && sent->feeds) {
            status = ngx_http_weir_scribe_afford(ctx, &err);
        }

        if (status != WEIR_OK) {
            ngx_http_weir_no(ctx, status, &err, sent);
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_weir_client_event(ngx_http_weir_ctx_t *ctx, weir_span event)
{
    weir_status                  status;
    struct weir_buf              text;
    struct weir_error            err;
    ngx_http_weir_realtime_t    *rt;
    struct weir_realtime_sent    sent;

    rt = ctx->realtime;
    rt->heard = ngx_current_msec;

    weir_buf_init(&text, NGX_HTTP_WEIR_FILTERED_MAX);
    status = ngx_http_weir_check_event(ctx, &event, &text, &sent, &err);

    if (status != WEIR_OK) {
        ngx_http_weir_no(ctx, status, &err, &sent);

    } else if (ngx_http_weir_session_waits(rt)) {
        /* it comes here once more */

    } else if (ngx_http_weir_may_answer(ctx, &sent)) {

        rt->errors = 0;
        rt->asked += sent.asks;
        rt->text_in += sent.text_bytes;
        rt->audio_in += sent.audio_bytes;
        ngx_http_weir_scribe_hears(ctx, sent.audio_bytes);

        if (sent.sets && sent.modes != WEIR_REALTIME_UNSAID) {
            rt->is_text = sent.modes == WEIR_REALTIME_TEXT;
        }

        if (sent.asks && rt->asked_at == 0) {
            rt->asked_at = ngx_http_weir_now();
        }

        ngx_http_weir_pass_event(ctx, event, &sent);
    }

    weir_buf_fini(&text);
}


static void
ngx_http_weir_from_client(ngx_http_weir_ctx_t *ctx,
    const struct weir_ws_message *message)
{
    struct weir_error           err;
    ngx_http_weir_realtime_t   *rt;
    struct weir_realtime_sent   sent;

    rt = ctx->realtime;

    switch (message->opcode) {

    case WEIR_WS_TEXT:
        ngx_http_weir_client_event(ctx, message->payload);
        return;

    case WEIR_WS_CLOSE:
        ngx_http_weir_session_to_origin(ctx, WEIR_WS_CLOSE,
                                        &message->payload, 1);
        rt->client_closed = 1;
        rt->closing = ngx_current_msec;

        if (rt->origin_closed) {
            ctx->request->upstream->length = 0;
        }

        return;

    case WEIR_WS_PING:
    case WEIR_WS_PONG:
        ngx_http_weir_session_to_origin(ctx, message->opcode,
                                        &message->payload, 1);
        return;

    default:
        ngx_memzero(&sent, sizeof(struct weir_realtime_sent));
        ctx->call.reason = WEIR_REASON_BAD_REQUEST;
        (void) weir_fail(&err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "events are text, not bytes");
        ngx_http_weir_no(ctx, WEIR_ETYPE, &err, &sent);
    }
}


static void
ngx_http_weir_feed_client(ngx_http_weir_ctx_t *ctx, u_char *p, size_t n)
{
    weir_span                  input;
    struct weir_error          err;
    struct weir_ws_message     message;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;
    input = (weir_span) { (char *) p, n };

    while (!rt->is_stopped && !ngx_http_weir_session_waits(rt)
           && weir_ws_next(&rt->client, &input, &message))
    {
        ngx_http_weir_from_client(ctx, &message);
    }

    if (ngx_http_weir_session_waits(rt)) {
        ngx_http_weir_session_keep(ctx, input);
        return;
    }

    if (rt->client.fault && !rt->is_stopped) {
        ctx->call.reason = rt->client.fault == WEIR_WS_TOO_BIG
                           ? WEIR_REASON_TOO_LARGE : WEIR_REASON_BAD_REQUEST;
        (void) weir_fail(&err, WEIR_EPARSE, WEIR_OFFSET_NONE, "%s",
                         rt->client.why);
        ngx_http_weir_session_stop(ctx, rt->client.fault,
                                   rt->client.fault == WEIR_WS_TOO_BIG
                                   ? WEIR_ETOOBIG : WEIR_EPARSE,
                                   &err, WEIR_END_STOPPED);
    }
}


/* What came with the head, then what comes. NGX_ERROR: it is gone. */

static ssize_t
ngx_http_weir_recv(ngx_http_request_t *r, u_char *p, size_t size)
{
    size_t             n;
    ngx_connection_t  *c;

    c = r->connection;
    n = r->header_in->last - r->header_in->pos;

    if (n) {
        n = ngx_min(n, size);
        ngx_memcpy(p, r->header_in->pos, n);
        r->header_in->pos += n;
        return n;
    }

    return c->read->ready ? c->recv(c, p, size) : NGX_AGAIN;
}


void
ngx_http_weir_session_read(ngx_http_request_t *r)
{
    u_char                     bytes[NGX_HTTP_WEIR_BUFFER];
    ssize_t                    n;
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_weir_ctx_t       *ctx;
    ngx_http_weir_realtime_t  *rt;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);
    rt = ctx->realtime;
    c = r->connection;

    if (c->close || c->error) {
        ngx_http_weir_session_left(ctx);
        return;
    }

    while (!rt->is_stopped && rt->up.len == 0
           && !ngx_http_weir_session_waits(rt))
    {

        n = ngx_http_weir_recv(r, bytes, sizeof(bytes));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {
            ngx_http_weir_session_left(ctx);
            return;
        }

        ngx_http_weir_feed_client(ctx, bytes, n);

        rc = rt->up.len || rt->up.overflow
             ? ngx_http_weir_session_flush_up(ctx) : NGX_OK;

        if (rc == NGX_ERROR && !rt->is_stopped) {
            ngx_http_weir_session_stop_cut(ctx, "mid-session");
        }
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_weir_session_left(ctx);
        return;
    }

    ngx_http_weir_session_push(ctx);
}


void
ngx_http_weir_session_resume(ngx_http_weir_ctx_t *ctx, weir_span event,
    weir_status status, struct weir_error *err, weir_span rest)
{
    ngx_http_weir_realtime_t  *rt;
    struct weir_realtime_sent  sent;

    rt = ctx->realtime;

    if (status == WEIR_OK) {
        ngx_http_weir_client_event(ctx, event);

    } else if (weir_realtime_read_sent(event, ctx->ask.model,
                                       ctx->route.urls, &sent, NULL)
               == WEIR_OK)
    {
        sent.param = sent.scribe_param;
        ngx_http_weir_no(ctx, status, err, &sent);
    }

    if (!rt->is_stopped) {
        ngx_http_weir_feed_client(ctx, (u_char *) rest.ptr, rest.len);
    }

    if (rt->up.len && !rt->is_stopped
        && ngx_http_weir_session_flush_up(ctx) == NGX_ERROR)
    {
        ngx_http_weir_session_stop_cut(ctx, "mid-session");
    }

    ngx_http_weir_session_read(ctx->request);
}


/* The origin takes on. */

void
ngx_http_weir_session_write(ngx_http_request_t *r, ngx_http_upstream_t *u)
{
    ngx_int_t             rc;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);

    if (ctx->realtime->up.len == 0) {
        return;
    }

    rc = ngx_http_weir_session_flush_up(ctx);

    if (rc == NGX_ERROR) {
        ngx_http_weir_session_stop_cut(ctx, "mid-session");
        ngx_http_weir_session_push(ctx);

    } else if (rc == NGX_OK) {
        ngx_http_weir_session_read(r);
    }
}
