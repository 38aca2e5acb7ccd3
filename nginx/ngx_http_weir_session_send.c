/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a realtime session sends: to the client through u->out_bufs, to the
 * origin through a buffer of its own, and the words that end a session.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_realtime.h"


/* A buffer that once held more is given back when it is empty. */
#define NGX_HTTP_WEIR_UP_KEPT  (64 * 1024)


/* Into u->out_bufs: whoever calls from outside the filter pushes then. */

void
ngx_http_weir_session_to_client(ngx_http_weir_ctx_t *ctx,
    enum weir_ws_opcode opcode, weir_span payload)
{
    u_char                  head[WEIR_WS_HEAD_MAX];
    size_t                  n;
    ngx_http_upstream_t    *u;
    ngx_http_weir_block_t  *block;

    u = ctx->request->upstream;
    n = weir_ws_put_head(head, opcode, payload.len, NULL);

    block = ngx_alloc(offsetof(ngx_http_weir_block_t, bytes) + n + payload.len,
                      ctx->request->connection->log);
    if (block == NULL) {
        u->error = 1;
        return;
    }

    ngx_memcpy(block->bytes, head, n);
    ngx_memcpy(block->bytes + n, payload.ptr, payload.len);
    block->next = ctx->blocks;
    ctx->blocks = block;

    ctx->out_last = NULL;

    if (ngx_http_weir_append(ctx, &u->out_bufs, block->bytes, n + payload.len)
        != NGX_OK)
    {
        u->error = 1;
        return;
    }

    ctx->out_last->buf->flush = 1;
}


/* Behind what the origin has not taken yet. */

void
ngx_http_weir_session_to_origin(ngx_http_weir_ctx_t *ctx,
    enum weir_ws_opcode opcode, const weir_span *parts, ngx_uint_t n)
{
    size_t                     at, len;
    uint8_t                    head[WEIR_WS_HEAD_MAX], mask[4];
    ngx_uint_t                 i;
    struct weir_env           *env;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;
    env = &ngx_http_weir_worker.env;

    if (!env->random(env->context, mask, sizeof(mask))) {
        ngx_memzero(mask, sizeof(mask));
    }

    for (len = 0, i = 0; i < n; i++) {
        len += parts[i].len;
    }

    weir_buf_add(&rt->up, head, weir_ws_put_head(head, opcode, len, mask));
    at = rt->up.len;

    for (i = 0; i < n; i++) {
        weir_buf_add_span(&rt->up, parts[i]);
    }

    if (!rt->up.overflow) {
        weir_ws_mask(rt->up.ptr + at, len, mask, 0);
    }
}


/* NGX_AGAIN: the origin takes no more now. */

ngx_int_t
ngx_http_weir_session_flush_up(ngx_http_weir_ctx_t *ctx)
{
    ssize_t                    n;
    ngx_connection_t          *c;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;
    c = ctx->request->upstream->peer.connection;

    if (rt->up.overflow || c == NULL) {
        return NGX_ERROR;
    }

    while (rt->up_at < rt->up.len) {

        n = c->send(c, (u_char *) rt->up.ptr + rt->up_at,
                    rt->up.len - rt->up_at);

        if (n == NGX_AGAIN || n == 0) {
            return ngx_handle_write_event(c->write, 0) == NGX_OK ? NGX_AGAIN
                                                                 : NGX_ERROR;
        }

        if (n < 0) {
            return NGX_ERROR;
        }

        rt->up_at += n;
    }

    rt->up_at = 0;

    if (rt->up.capacity > NGX_HTTP_WEIR_UP_KEPT) {
        n = rt->up.max;
        weir_buf_fini(&rt->up);
        weir_buf_init(&rt->up, n);

    } else {
        weir_buf_reset(&rt->up);
    }

    return NGX_OK;
}


/* What weir says no with, in words: of the call where a window is full. */

void
ngx_http_weir_session_say(ngx_http_weir_ctx_t *ctx, weir_status status,
    struct weir_error *err, weir_span param, weir_span id)
{
    char                  room[WEIR_REFUSAL_ROOM], text[4096];
    struct weir_buf       buf;
    struct weir_refusal   refusal;

    if (status == WEIR_EBUDGET || status == WEIR_ERATE) {
        weir_call_refusal(ctx->realtime->speaker ? ctx->realtime->speaker
                                                 : &ctx->call,
                          status, err, ngx_http_weir_now(), room, &refusal);

    } else {
        ngx_memzero(&refusal, sizeof(struct weir_refusal));
        refusal.status = status;
        refusal.code = weir_span_of(weir_reason_code(ctx->call.reason));
        refusal.message = weir_span_of(err->text);
        refusal.request = (weir_span) { ctx->id, WEIR_REQUEST_ID_TEXT - 1 };
    }

    ctx->realtime->speaker = NULL;
    refusal.param = param;

    if (ctx->hop && status == WEIR_EUPSTREAM) {
        refusal.hop = weir_span_of(ctx->hop);
    }

    weir_buf_init_fixed(&buf, text, sizeof(text));
    weir_realtime_put_error(&refusal, id, &buf);

    if (buf.overflow) {
        weir_buf_reset(&buf);
        refusal.message = WEIR_SPAN("refused");
        weir_realtime_put_error(&refusal, WEIR_SPAN_NONE, &buf);
    }

    if (!buf.overflow) {
        ngx_http_weir_session_to_client(ctx, WEIR_WS_TEXT,
                                        weir_buf_span(&buf));
    }
}


/* An error event, a close frame, and nothing more from either side. */

void
ngx_http_weir_session_stop(ngx_http_weir_ctx_t *ctx, uint16_t code,
    weir_status status, struct weir_error *err, enum weir_ending ending)
{
    u_char                     two[2];
    uint8_t                    frame[WEIR_WS_CLOSE_MAX];
    size_t                     n;
    weir_span                  part, reason;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    if (rt->is_stopped) {
        return;
    }

    rt->is_stopped = 1;
    rt->ending = ending;

    if (!rt->origin_closed) {
        ngx_http_weir_session_say(ctx, status, err, WEIR_SPAN_NONE,
                                  WEIR_SPAN_NONE);

        /* the head is written with the frame: its payload alone is sent */

        reason = weir_span_of(err->text);
        n = weir_ws_put_close(frame, code, reason, NULL);
        part = (weir_span) { (char *) frame + 2, n - 2 };
        ngx_http_weir_session_to_client(ctx, WEIR_WS_CLOSE, part);
    }

    if (!rt->client_closed && rt->up.len == 0 && ending != WEIR_END_CUT) {
        two[0] = WEIR_WS_AWAY >> 8;
        two[1] = WEIR_WS_AWAY & 0xff;
        part = (weir_span) { (char *) two, 2 };
        ngx_http_weir_session_to_origin(ctx, WEIR_WS_CLOSE, &part, 1);
        (void) ngx_http_weir_session_flush_up(ctx);
    }

    ctx->request->upstream->length = 0;
}


/* Writes what lies in out_bufs, and ends the request where that is due:
 * nothing may be touched after it. */

void
ngx_http_weir_session_push(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    if (u->out_bufs || u->length == 0 || u->error) {
        ctx->request->write_event_handler(ctx->request);
    }
}


void
ngx_http_weir_session_stop_cut(ngx_http_weir_ctx_t *ctx, const char *what)
{
    struct weir_error  err;

    ngx_http_weir_name_hop(ctx, what);
    (void) weir_fail(&err, WEIR_EUPSTREAM, WEIR_OFFSET_NONE,
                     "the origin broke the session off");
    ngx_http_weir_session_stop(ctx, WEIR_WS_INTERNAL, WEIR_EUPSTREAM, &err,
                               WEIR_END_CUT);
}
