/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of a realtime session.
 *
 *   client --frames--> whole event --listed? held for?--> frame --> origin
 *   client <--frames-- whole event <--counted------------ frame <-- origin
 *                        |
 *                        answer begun, grows, done: budget, usage
 *
 * Replies pass as any streamed reply does, through nginx's upstream: what the
 * origin sends comes to the input filter, what goes to the client lies in
 * u->out_bufs. The other way has no such road, since nginx reads no client
 * while a reply passes: it is made here, with one buffer for what the origin
 * has not taken yet. Nothing is read from a side while the other has not
 * taken what was read last, so a session's memory is one message each way.
 *
 * WHY ANSWERS ARE HELD FOR TWICE OVER. A client asks for an answer, or sends
 * sound until the origin finds that it was asked. So one answer more than
 * those under way is held for before either passes; an answer that begins
 * without is held for then, or ends the session.
 *
 * HOW IT ENDS. Both sides said a close frame; or one is gone; or weir stops
 * it: an error event in the client's own words, a close frame, and the rest
 * is read and thrown away for some seconds, so that the client sees both.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_realtime.h"


#define NGX_HTTP_WEIR_BEAT     1000     /* ms between looks at limits */
#define NGX_HTTP_WEIR_BEATS    10       /* and at policy, when nothing moved */


static ngx_int_t ngx_http_weir_session_init(void *data);
static ngx_int_t ngx_http_weir_session_filter(void *data, ssize_t bytes);
static void ngx_http_weir_session_beat(ngx_event_t *ev);


ngx_uint_t
ngx_http_weir_is_session(ngx_http_weir_ctx_t *ctx)
{
    return ctx->realtime && ctx->realtime->is_open;
}


/* -------------------------------------------------------------- opening */

ngx_int_t
ngx_http_weir_session_open(ngx_http_weir_ctx_t *ctx)
{
    size_t                      most;
    ngx_http_request_t         *r;
    ngx_http_upstream_t        *u;
    ngx_http_upstream_conf_t   *conf;
    ngx_http_weir_realtime_t   *rt;
    ngx_http_weir_main_conf_t  *wmcf;

    r = ctx->request;
    u = r->upstream;
    rt = ctx->realtime;
    wmcf = ngx_http_weir_worker.conf;
    most = wmcf->message_max;

    /* silence is no fault here: limits of the session's own are looked at */

    conf = ngx_palloc(r->pool, sizeof(ngx_http_upstream_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    *conf = ctx->endpoint->body_conf;
    conf->read_timeout = wmcf->session_max + 2 * NGX_HTTP_WEIR_CLOSING;
    u->conf = conf;

    u->input_filter_init = ngx_http_weir_session_init;
    u->input_filter = ngx_http_weir_session_filter;

    weir_ws_init(&rt->client, most, true);
    weir_ws_init(&rt->origin, most, false);
    weir_buf_init(&rt->up, most + 2 * NGX_HTTP_WEIR_BUFFER);
    weir_session_begin(&rt->session, &ctx->call);

    rt->begun = ngx_current_msec;
    rt->heard = ngx_current_msec;
    rt->image = ctx->view->view.image.generation;
    rt->overlay = ctx->view->view.overlay.generation;
    rt->is_open = 1;

    return NGX_OK;
}


void
ngx_http_weir_session_free(ngx_http_weir_ctx_t *ctx)
{
    if (!ngx_http_weir_is_session(ctx)) {
        return;
    }

    ctx->realtime->is_open = 0;
    ngx_http_weir_session_filter_end(ctx);
    ngx_http_weir_scribe_free(ctx);
    weir_ws_fini(&ctx->realtime->client);
    weir_ws_fini(&ctx->realtime->origin);
    weir_buf_fini(&ctx->realtime->up);
}


static ngx_int_t
ngx_http_weir_session_init(void *data)
{
    ngx_http_weir_ctx_t  *ctx = data;

    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;
    c = r->connection;

    u->length = -1;
    u->keepalive = 0;
    r->keepalive = 0;
    r->lingering_close = 1;

    r->read_event_handler = ngx_http_weir_session_read;
    u->write_event_handler = ngx_http_weir_session_write;

    ctx->timer.data = ctx;
    ctx->timer.handler = ngx_http_weir_session_beat;
    ctx->timer.log = c->log;
    ngx_add_timer(&ctx->timer, NGX_HTTP_WEIR_BEAT);

    if (c->read->ready || r->header_in->pos != r->header_in->last) {
        ngx_post_event(c->read, &ngx_posted_events);
    }

    return NGX_OK;
}


/* --------------------------------------------------------------- answers */

weir_status
ngx_http_weir_session_afford(ngx_http_weir_ctx_t *ctx, ngx_uint_t needed,
    struct weir_error *err)
{
    weir_status                status;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    while (rt->session.held < needed) {
        status = weir_session_hold(&rt->session, ngx_http_weir_now(), err);
        if (status != WEIR_OK) {
            return status;
        }
    }

    return WEIR_OK;
}


static void
ngx_http_weir_answer_begun(ngx_http_weir_ctx_t *ctx, uint64_t id)
{
    weir_status                status;
    struct weir_error          err;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    if (rt->asked) {
        rt->asked--;
    }

    if (rt->asked_at == 0) {
        rt->asked_at = ngx_http_weir_now();
    }

    if (rt->answer_count == WEIR_SESSION_ANSWERS_MAX) {
        (void) weir_fail(&err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "more than %d answers at a time",
                         WEIR_SESSION_ANSWERS_MAX);
        ngx_http_weir_session_stop(ctx, WEIR_WS_POLICY, WEIR_ELIMIT, &err,
                                   WEIR_END_STOPPED);
        return;
    }

    ngx_memzero(&rt->answers[rt->answer_count],
                sizeof(ngx_http_weir_answer_t));
    rt->answers[rt->answer_count++].id = id;

    status = ngx_http_weir_session_afford(ctx, rt->answer_count, &err);

    if (status != WEIR_OK) {
        ngx_http_weir_session_stop(ctx,
                                   status == WEIR_EUNAVAIL ? WEIR_WS_AGAIN
                                                           : WEIR_WS_POLICY,
                                   status, &err, WEIR_END_STOPPED);
    }
}


static ngx_http_weir_answer_t *
ngx_http_weir_answer_find(ngx_http_weir_realtime_t *rt, uint64_t id)
{
    ngx_uint_t  i;

    for (i = 0; i < rt->answer_count; i++) {
        if (rt->answers[i].id == id) {
            return &rt->answers[i];
        }
    }

    return NULL;
}


static void
ngx_http_weir_answer_forget(ngx_http_weir_ctx_t *ctx,
    ngx_http_weir_answer_t *answer)
{
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    if (answer) {
        ngx_http_weir_session_filter_drop(ctx, &answer->filter);
        *answer = rt->answers[--rt->answer_count];
        rt->answers[rt->answer_count].filter = NULL;
    }
}


/* It is over, counted by the origin or, where that did not, by what passed. */

static void
ngx_http_weir_answer_done(ngx_http_weir_ctx_t *ctx,
    ngx_http_weir_answer_t *answer, const struct weir_usage *counted)
{
    struct weir_usage          usage;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    if (counted) {
        usage = *counted;

    } else {
        usage = weir_realtime_estimate(rt->text_in, rt->audio_in,
                                       answer->text_bytes,
                                       answer->audio_bytes);
        usage.input_tokens += rt->session.answers ? rt->session.input_tokens
                                                  : 0;
    }

    weir_session_answer(&rt->session, &usage, ngx_http_weir_now());
    rt->text_in = 0;
    rt->audio_in = 0;

    ngx_http_weir_answer_forget(ctx, answer);
}


static void
ngx_http_weir_hear_event(ngx_http_weir_ctx_t *ctx,
    const struct weir_realtime_heard *heard)
{
    ngx_http_weir_answer_t    *answer;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    switch (heard->kind) {

    case WEIR_REALTIME_BEGUN:
        ngx_http_weir_answer_begun(ctx, heard->answer);
        return;

    case WEIR_REALTIME_DELTA:
        if (ctx->settlement.first_byte_us == 0 && rt->asked_at) {
            ctx->settlement.first_byte_us = ngx_http_weir_now()
                                            - rt->asked_at;
        }

        answer = ngx_http_weir_answer_find(rt, heard->answer);

        if (answer) {
            answer->text_bytes += heard->text_bytes;
            answer->audio_bytes += heard->audio_bytes;
        }

        ctx->settlement.content_bytes += heard->text_bytes;
        return;

    case WEIR_REALTIME_DONE:
        answer = ngx_http_weir_answer_find(rt, heard->answer);

        /* one that nothing came of and nobody counted took nothing */

        if (heard->has_usage
            || (answer && (answer->text_bytes || answer->audio_bytes)))
        {
            ngx_http_weir_answer_done(ctx, answer,
                                      heard->has_usage ? &heard->usage : NULL);

        } else {
            ngx_http_weir_answer_forget(ctx, answer);
        }

        return;

    case WEIR_REALTIME_WRITTEN:
        ngx_http_weir_scribe_wrote(ctx, heard);
        return;

    case WEIR_REALTIME_FAILED:
        if (rt->asked) {
            rt->asked--;
        }

        return;

    default:
        return;
    }
}


/* ------------------------------------------------------------ from origin */

static void
ngx_http_weir_from_origin(ngx_http_weir_ctx_t *ctx,
    const struct weir_ws_message *message)
{
    struct weir_realtime_heard   heard;
    ngx_http_weir_realtime_t    *rt;

    rt = ctx->realtime;

    switch (message->opcode) {

    case WEIR_WS_TEXT:
        if (!weir_realtime_read_heard(message->payload, &heard)) {
            ngx_http_weir_session_stop_cut(ctx, "an event that is not JSON");
            return;
        }

        rt->heard = ngx_current_msec;
        ngx_http_weir_session_filter_heard(ctx, message->payload, &heard,
                              ngx_http_weir_answer_find(rt, heard.answer));
        ngx_http_weir_hear_event(ctx, &heard);
        return;

    case WEIR_WS_CLOSE:
        ngx_http_weir_session_to_client(ctx, WEIR_WS_CLOSE, message->payload);
        rt->origin_closed = 1;
        rt->closing = ngx_current_msec;

        if (rt->client_closed) {
            ctx->request->upstream->length = 0;
        }

        return;

    case WEIR_WS_PING:
    case WEIR_WS_PONG:
        ngx_http_weir_session_to_client(ctx, message->opcode,
                                        message->payload);
        return;

    default:
        ngx_http_weir_session_stop_cut(ctx, "a message that is not text");
    }
}


static ngx_int_t
ngx_http_weir_session_filter(void *data, ssize_t bytes)
{
    ngx_http_weir_ctx_t  *ctx = data;

    weir_span                  input;
    ngx_http_upstream_t       *u;
    struct weir_ws_message     message;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;
    u = ctx->request->upstream;
    input = (weir_span) { (char *) u->buffer.last, bytes };
    u->buffer.last += bytes;

    if (u->busy_bufs == NULL && u->out_bufs == NULL) {
        ngx_http_weir_free_blocks(ctx);
    }

    while (!rt->is_stopped && weir_ws_next(&rt->origin, &input, &message)) {
        ngx_http_weir_from_origin(ctx, &message);
    }

    if (rt->origin.fault && !rt->is_stopped) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "weir: the origin's WebSocket: %s", rt->origin.why);
        ngx_http_weir_session_stop_cut(ctx, rt->origin.why);
    }

    return NGX_OK;
}


/* ---------------------------------------------------------------- limits */

ngx_int_t
ngx_http_weir_session_ask(ngx_http_weir_ctx_t *ctx)
{
    weir_status                status;
    struct weir_error          err;
    ngx_http_weir_view_t      *view;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;
    ngx_http_weir_follow();
    view = ngx_http_weir_worker.view;

    status = weir_session_ask(&rt->session, &view->view,
                              ngx_http_weir_confirmed(), ngx_http_weir_now(),
                              &err);

    if (status == WEIR_OK) {
        status = ngx_http_weir_scribe_ask(ctx, &view->view, &err);
    }

    rt->image = view->view.image.generation;
    rt->overlay = view->view.overlay.generation;
    rt->ticks = 0;

    if (status == WEIR_OK) {

        if (ngx_http_weir_session_same_rules(ctx, &view->view.image)
            && ngx_http_weir_urls_same(ctx, &view->view.image,
                                       rt->session.digest))
        {
            return NGX_OK;
        }

        ctx->call.reason = WEIR_REASON_NONE;
        (void) weir_fail(&err, WEIR_ETIMEOUT, WEIR_OFFSET_NONE,
                         "policy asks for other rules by now: connect again");
        ngx_http_weir_session_stop(ctx, WEIR_WS_RESTART, WEIR_ETIMEOUT, &err,
                                   WEIR_END_STOPPED);
        return NGX_ERROR;
    }

    ngx_http_weir_session_stop(ctx, WEIR_WS_POLICY, status, &err,
                               ctx->call.reason == WEIR_REASON_WITHDRAWN
                               ? WEIR_END_WITHDRAWN : WEIR_END_STOPPED);

    return NGX_ERROR;
}


static void
ngx_http_weir_overdue(ngx_http_weir_ctx_t *ctx)
{
    const char                 *what;
    uint16_t                    code;
    struct weir_error           err;
    ngx_http_weir_realtime_t   *rt;
    ngx_http_weir_main_conf_t  *wmcf;

    rt = ctx->realtime;
    wmcf = ngx_http_weir_worker.conf;
    code = WEIR_WS_AWAY;

    if (ngx_current_msec - rt->begun >= wmcf->session_max) {
        what = "the session has lasted as long as it may";

    } else if (ngx_current_msec - rt->heard >= wmcf->session_idle
               && rt->answer_count == 0)
    {
        what = "nothing was said for too long";

    } else if (ngx_exiting && rt->answer_count == 0) {
        what = "this gateway takes up another configuration: connect again";
        code = WEIR_WS_RESTART;

    } else {
        return;
    }

    ctx->call.reason = WEIR_REASON_NONE;
    (void) weir_fail(&err, WEIR_ETIMEOUT, WEIR_OFFSET_NONE, "%s", what);
    ngx_http_weir_session_stop(ctx, code, WEIR_ETIMEOUT, &err,
                               WEIR_END_STOPPED);
}


static void
ngx_http_weir_session_beat(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_http_weir_ctx_t       *ctx;
    ngx_http_weir_view_t      *view;
    ngx_http_weir_realtime_t  *rt;

    ctx = ev->data;
    c = ctx->request->connection;
    rt = ctx->realtime;

    if (ngx_http_weir_session_is_gone(ctx)) {
        ngx_http_run_posted_requests(c);
        return;
    }

    ngx_add_timer(ev, NGX_HTTP_WEIR_BEAT);
    ngx_http_weir_follow();
    view = ngx_http_weir_worker.view;

    if (!rt->is_stopped
        && (view->view.image.generation != rt->image
            || view->view.overlay.generation != rt->overlay
            || ++rt->ticks >= NGX_HTTP_WEIR_BEATS))
    {
        (void) ngx_http_weir_session_ask(ctx);
    }

    if (!rt->is_stopped) {
        ngx_http_weir_overdue(ctx);
    }

    if (rt->closing
        && ngx_current_msec - rt->closing >= NGX_HTTP_WEIR_CLOSING)
    {
        ctx->request->upstream->length = 0;     /* it said no word to that */
    }

    ngx_http_weir_session_push(ctx);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_weir_session_withdraw(ngx_http_weir_ctx_t *ctx)
{
    struct weir_error  err;

    ctx->call.reason = WEIR_REASON_WITHDRAWN;
    (void) weir_fail(&err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "what served this session has been withdrawn");
    ngx_http_weir_session_stop(ctx, WEIR_WS_POLICY, WEIR_EDENIED, &err,
                               WEIR_END_WITHDRAWN);
    ngx_http_weir_session_push(ctx);
}


/* ---------------------------------------------------------------- ending */

void
ngx_http_weir_session_finalize(ngx_http_weir_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_upstream_t       *u;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;
    u = ctx->request->upstream;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (!rt->is_stopped) {

        if (rt->origin_closed || rt->client_closed) {
            rt->ending = WEIR_END_COMPLETE;

        } else if (rc == NGX_HTTP_CLIENT_CLOSED_REQUEST
                   || rc == NGX_HTTP_REQUEST_TIME_OUT
                   || rc == NGX_ERROR || rc == NGX_DONE
                   || ctx->request->connection->error)
        {
            rt->ending = WEIR_END_CLIENT_LEFT;

        } else {
            ngx_http_weir_session_stop_cut(ctx, "mid-session");

            if (u->out_bufs) {
                (void) ngx_http_output_filter(ctx->request, u->out_bufs);
                u->out_bufs = NULL;
            }
        }
    }

    ngx_http_weir_settle(ctx, rt->ending);
}


void
ngx_http_weir_session_settle(ngx_http_weir_ctx_t *ctx,
    struct weir_settlement *s)
{
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    /* answers that were cut: by what passed of them */

    while (rt->answer_count) {
        ngx_http_weir_answer_done(ctx, &rt->answers[rt->answer_count - 1],
                                  NULL);
    }

    weir_session_end(&rt->session);
    ngx_http_weir_scribe_settle(ctx, rt->ending);
    ngx_http_weir_session_filter_end(ctx);

    s->filtered = ngx_http_weir_filter_found(ctx);
    s->usage = rt->session.sum;
    s->http_status = NGX_HTTP_SWITCHING_PROTOCOLS;
}
