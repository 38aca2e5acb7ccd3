/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies that pass while they arrive.
 *
 *   recv -> [ buffer: chunk sizes taken out in place ] -> reader -> client
 *                                                          |
 *                                          usage, end, what to hide
 *
 * The reader gives back spans of the buffer; neighbours become one nginx
 * buffer, so that what one read brought goes out in one write. What the
 * reader had to hold (an event cut by the end of a read) is copied to a block
 * that lives until the client has it. Nothing is read while the client has
 * not taken the last buffer: memory per stream is bounded by the buffer and
 * one event.
 *
 * WHY READS WAIT. An origin that sends 64 small events costs 64 times a wake,
 * a read and a write. On a stream where the last read is not older than
 * weir_coalesce, the next one waits that long, and takes all that came
 * meanwhile. Slow streams (an event each 20 ms) never wait, nor does the
 * first event, nor a stream whose reads bring much by themselves.
 *
 * WHY A CUT STREAM ENDS IN AN ERROR. u->error makes nginx end the reply
 * without a last chunk, so that a client which does not read the event sees a
 * broken reply too. A stream is cut when it ends without the dialect's own
 * end, even if HTTP ended it well.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_classify.h"


/* Bytes of one read that are worth it without waiting. */
#define NGX_HTTP_WEIR_MUCH  4096


static void ngx_http_weir_read_event(ngx_http_request_t *r,
    ngx_http_upstream_t *u);
static void ngx_http_weir_coalesce_handler(ngx_event_t *ev);


/* -------------------------------------------------------------- output */

void
ngx_http_weir_free_blocks(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_block_t  *block;

    while (ctx->blocks) {
        block = ctx->blocks;
        ctx->blocks = block->next;
        ngx_free(block);
    }
}


ngx_int_t
ngx_http_weir_append(ngx_http_weir_ctx_t *ctx, ngx_chain_t **chain, u_char *p,
    size_t n)
{
    ngx_buf_t            *b;
    ngx_chain_t          *cl, **ll;
    ngx_http_upstream_t  *u;

    if (n == 0) {
        return NGX_OK;
    }

    u = ctx->request->upstream;
    ctx->passed += n;

    if (ctx->content) {
        ngx_http_weir_content_reply(ctx, p, n);
    }

    if (ctx->out_last && ctx->out_last->buf->last == p) {
        ctx->out_last->buf->last += n;
        return NGX_OK;
    }

    for (ll = chain; *ll; ll = &(*ll)->next) { /* void */ }

    cl = ngx_chain_get_free_buf(ctx->request->pool, &u->free_bufs);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    b = cl->buf;
    b->pos = p;
    b->last = p + n;
    b->memory = 1;
    b->flush = 0;
    b->tag = u->output.tag;

    *ll = cl;
    ctx->out_last = cl;

    return NGX_OK;
}


ngx_int_t
ngx_http_weir_append_copy(ngx_http_weir_ctx_t *ctx, ngx_chain_t **chain,
    const char *p, size_t n)
{
    ngx_http_weir_block_t  *block;

    if (n == 0) {
        return NGX_OK;
    }

    block = ngx_alloc(offsetof(ngx_http_weir_block_t, bytes) + n,
                      ctx->request->connection->log);
    if (block == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(block->bytes, p, n);
    block->next = ctx->blocks;
    ctx->blocks = block;

    return ngx_http_weir_append(ctx, chain, block->bytes, n);
}


/* Of a reply that no reader reads. */

ngx_int_t
ngx_http_weir_append_plain(ngx_http_weir_ctx_t *ctx, ngx_chain_t **chain,
    u_char *p, size_t n)
{
    if (ctx->bulk) {
        ngx_http_weir_bulk_results(ctx, p, n);
    }

    if (ngx_http_weir_filters_reply(ctx)) {
        return ngx_http_weir_filter_reply(ctx, chain,
                                          (weir_span) { (char *) p, n });
    }

    return ngx_http_weir_append(ctx, chain, p, n);
}


ngx_int_t
ngx_http_weir_append_piece(ngx_http_weir_ctx_t *ctx, ngx_chain_t **chain,
    const struct weir_reply_piece *piece)
{
    struct weir_reply_piece  named;

    weir_call_watch_reply(&ctx->call, piece->bytes);

    if (ngx_http_weir_stored_names_reply(ctx)) {
        named = *piece;
        piece = &named;

        if (ngx_http_weir_stored_name(ctx, &named) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ctx->caching) {
        ngx_http_weir_cache_note(ctx, piece->bytes);
    }

    if (ngx_http_weir_filters_reply(ctx)) {
        return ngx_http_weir_filter_reply(ctx, chain, piece->bytes);
    }

    return piece->is_held
           ? ngx_http_weir_append_copy(ctx, chain, piece->bytes.ptr,
                                       piece->bytes.len)
           : ngx_http_weir_append(ctx, chain, (u_char *) piece->bytes.ptr,
                                  piece->bytes.len);
}


/* ------------------------------------------------------------- framing */

static ssize_t
ngx_http_weir_dechunk(ngx_http_weir_ctx_t *ctx, u_char *p, size_t n)
{
    off_t       size;
    u_char     *to;
    ngx_int_t   rc;
    ngx_buf_t   b;

    ngx_memzero(&b, sizeof(ngx_buf_t));
    b.pos = p;
    b.last = p + n;
    to = p;

    for ( ;; ) {

        rc = ngx_http_parse_chunked(ctx->request, &b, &ctx->chunked);

        if (rc == NGX_OK) {

            /* inside a chunk: nginx's parser leaves its bytes to us */

            size = ngx_min((off_t) (b.last - b.pos), ctx->chunked.size);

            if (to != b.pos) {
                ngx_memmove(to, b.pos, size);
            }

            to += size;
            b.pos += size;
            ctx->chunked.size -= size;

            if (b.pos == b.last) {
                return to - p;
            }

            continue;
        }

        if (rc == NGX_DONE) {
            ctx->is_complete = 1;

            if (b.pos != b.last) {
                ctx->is_closing = 1;    /* more than was asked for */
            }

            return to - p;
        }

        if (rc == NGX_AGAIN) {
            return to - p;
        }

        ctx->is_broken = 1;

        return NGX_ERROR;
    }
}


ssize_t
ngx_http_weir_unframe(ngx_http_weir_ctx_t *ctx, u_char *p, size_t n)
{
    switch (ctx->framing) {

    case NGX_HTTP_WEIR_CHUNKED:
        return ngx_http_weir_dechunk(ctx, p, n);

    case NGX_HTTP_WEIR_LENGTH:

        if ((off_t) n > ctx->left) {
            ctx->is_closing = 1;
            n = ctx->left;
        }

        ctx->left -= n;

        if (ctx->left == 0) {
            ctx->is_complete = 1;
        }

        return n;

    default: /* NGX_HTTP_WEIR_UNTIL_CLOSE */
        return n;
    }
}


/* -------------------------------------------------------------- filter */

ngx_int_t
ngx_http_weir_filter_init(void *data)
{
    ngx_http_weir_ctx_t  *ctx = data;

    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    if (ctx->mode == NGX_HTTP_WEIR_WHOLE) {
        u->out_bufs = ctx->body;
        u->length = ngx_http_weir_classify_joins(ctx) ? 1 : 0;
        u->keepalive = !ctx->is_closing;

        if (ctx->out_last) {
            ctx->out_last->buf->flush = 1;
        }

        return NGX_OK;
    }

    /* -1 is "until the origin closes"; 1 makes a close in between an error */

    u->length = ctx->framing == NGX_HTTP_WEIR_UNTIL_CLOSE && !ctx->is_stream
                ? -1 : 1;

    if (ctx->is_complete && !ctx->is_unframed) {
        u->length = 0;
        u->keepalive = !ctx->is_closing;
    }

    if (ctx->is_stream && ngx_http_weir_worker.conf->coalesce) {
        ctx->last_read = ngx_current_msec;
        ctx->last_bytes = u->buffer.last - u->buffer.pos;
        ctx->read_event_handler = u->read_event_handler;
        u->read_event_handler = ngx_http_weir_read_event;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_weir_feed(ngx_http_weir_ctx_t *ctx, u_char *p, size_t n)
{
    weir_span                 input;
    ngx_http_upstream_t      *u;
    struct weir_reply_piece   piece;

    u = ctx->request->upstream;

    if (ctx->reply == NULL) {
        return ngx_http_weir_append_plain(ctx, &u->out_bufs, p, n);
    }

    input = (weir_span) { (char *) p, n };

    while (weir_reply_next(ctx->reply, &input, &piece)) {
        if (ngx_http_weir_append_piece(ctx, &u->out_bufs, &piece) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * True when the event that is arriving has passed the limit.  The reader
 * would let it through in parts; a client has to hold it whole.
 */

static ngx_uint_t
ngx_http_weir_is_oversize(ngx_http_weir_ctx_t *ctx, size_t n)
{
    const struct weir_reply_facts  *facts;

    if (!ctx->is_stream || ctx->reply == NULL) {
        return 0;
    }

    facts = weir_reply_facts(ctx->reply);

    if (facts->event_count != ctx->events) {
        ctx->events = facts->event_count;
        ctx->event_bytes = 0;
        return 0;
    }

    ctx->event_bytes += n;

    return ctx->event_bytes > ngx_http_weir_worker.conf->event_max
                              + NGX_HTTP_WEIR_BUFFER;
}


/* The body is at its proper end; is the answer too? */

static ngx_int_t
ngx_http_weir_finish(ngx_http_weir_ctx_t *ctx)
{
    ngx_int_t                 rc;
    ngx_http_upstream_t      *u;
    struct weir_reply_piece   piece;

    u = ctx->request->upstream;

    if (ctx->reply) {
        ctx->is_ended = 1;

        if (weir_reply_finish(ctx->reply, true, &piece)
            && ngx_http_weir_append_piece(ctx, &u->out_bufs, &piece) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_weir_filter_end(ctx, &u->out_bufs) != NGX_OK) {
            return NGX_ERROR;
        }

        if (ctx->is_stream
            && weir_reply_facts(ctx->reply)->state == WEIR_REPLY_CUT)
        {
            ngx_http_weir_name_hop(ctx, "mid-stream");
            u->error = 1;

            return ngx_http_weir_append_cut(ctx, &u->out_bufs);
        }
    }

    if (ctx->reply == NULL
        && ngx_http_weir_filter_end(ctx, &u->out_bufs) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_weir_is_blocked(ctx)) {
        return NGX_OK;
    }

    rc = ngx_http_weir_classify_end(ctx, &u->out_bufs);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_AGAIN || ngx_http_weir_classify_joins(ctx)) {
        return NGX_OK;      /* it ends when the last verdict is there */
    }

    u->length = 0;
    u->keepalive = !ctx->is_closing;

    return NGX_OK;
}


ngx_int_t
ngx_http_weir_filter(void *data, ssize_t bytes)
{
    ngx_http_weir_ctx_t  *ctx = data;

    ssize_t               n;
    u_char               *p;
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;
    p = u->buffer.last;

    if (ctx->mode == NGX_HTTP_WEIR_WHOLE) {

        /* all of it is in out_bufs; what comes now was not asked for */

        if (p != ctx->body_start) {
            u->keepalive = 0;
        }

        u->buffer.last += bytes;
        return NGX_OK;
    }

    if (ctx->is_ended || (ctx->is_complete && !ctx->is_unframed)) {
        u->keepalive = 0;
        return NGX_OK;
    }

    n = bytes;
    ctx->last_bytes += bytes;

    if (ctx->is_unframed) {
        ctx->is_unframed = 0;

    } else {
        n = ngx_http_weir_unframe(ctx, p, bytes);

        if (n == NGX_ERROR) {
            u->error = 1;
            return NGX_OK;
        }
    }

    u->buffer.last += n;

    if (u->busy_bufs == NULL && u->out_bufs == NULL) {
        ngx_http_weir_free_blocks(ctx);
    }

    ctx->out_last = NULL;

    if (ngx_http_weir_feed(ctx, p, n) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_weir_tools_is_broken(ctx)) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "weir: a tool server sent what cannot be read");
        ngx_http_weir_name_hop(ctx, "an event that cannot be read");
        ctx->is_ended = 1;
        u->error = 1;

        return ngx_http_weir_append_cut(ctx, &u->out_bufs);
    }

    if (ngx_http_weir_is_oversize(ctx, n)) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "weir: the origin sent an event above weir_event_max");
        ngx_http_weir_name_hop(ctx, "event too large");
        ctx->is_ended = 1;
        u->error = 1;

        return ngx_http_weir_append_cut(ctx, &u->out_bufs);
    }

    if (ctx->framing == NGX_HTTP_WEIR_UNTIL_CLOSE && ctx->reply
        && ctx->is_stream && ngx_http_weir_classifies_reply(ctx)
        && weir_reply_facts(ctx->reply)->state != WEIR_REPLY_OPEN)
    {
        ctx->is_complete = 1;   /* verdicts are awaited before it closes */
        ctx->is_closing = 1;
    }

    if (ctx->is_complete && !ngx_http_weir_is_blocked(ctx)
        && ngx_http_weir_finish(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_weir_is_blocked(ctx)) {
        ctx->is_ended = 1;
        u->error = 1;

        return ngx_http_weir_append_cut(ctx, &u->out_bufs);
    }

    if (ctx->framing == NGX_HTTP_WEIR_UNTIL_CLOSE && ctx->reply
        && ctx->is_stream
        && weir_reply_facts(ctx->reply)->state != WEIR_REPLY_OPEN)
    {
        u->length = -1;     /* it may close now */
    }

    if (ctx->out_last) {
        ctx->out_last->buf->flush = 1;
    }

    return NGX_OK;
}


/* ---------------------------------------------------------------- ends */

/* Sends what is not in nginx's hands yet, outside of the filter. */

static void
ngx_http_weir_output(ngx_http_weir_ctx_t *ctx, ngx_chain_t *out)
{
    if (out) {
        ctx->out_last->buf->flush = 1;
        (void) ngx_http_output_filter(ctx->request, out);
    }
}


void
ngx_http_weir_end_reply(ngx_http_weir_ctx_t *ctx, ngx_uint_t is_whole)
{
    ngx_chain_t              *out;
    struct weir_reply_piece   piece;

    if (ctx->reply == NULL || ctx->is_ended) {
        return;
    }

    ctx->is_ended = 1;

    out = NULL;
    ctx->out_last = NULL;

    if (weir_reply_finish(ctx->reply, is_whole, &piece)
        && ngx_http_weir_append_piece(ctx, &out, &piece) != NGX_OK)
    {
        return;
    }

    if (ngx_http_weir_filter_end(ctx, &out) == NGX_OK && out) {
        ngx_http_weir_output(ctx, out);
    }
}


ngx_int_t
ngx_http_weir_append_cut(ngx_http_weir_ctx_t *ctx, ngx_chain_t **chain)
{
    char                  text[2048];
    weir_span             event;
    weir_status           status;
    struct weir_buf       buf;
    struct weir_error     err;
    struct weir_refusal   refusal;

    ngx_memzero(&refusal, sizeof(struct weir_refusal));

    if (ctx->is_withdrawn) {
        refusal.status = WEIR_EDENIED;
        refusal.code = weir_span_of(weir_reason_code(WEIR_REASON_WITHDRAWN));
        refusal.message = WEIR_SPAN("what served this call has been "
                                    "withdrawn: the answer is not complete");

    } else if ((status = ngx_http_weir_classify_refusal(ctx, &err))
               != WEIR_OK)
    {
        refusal.status = status;
        refusal.code = weir_span_of(weir_reason_code(ctx->call.reason));
        refusal.message = weir_span_of(err.text);

    } else if (ngx_http_weir_is_blocked(ctx)) {
        refusal.status = WEIR_EDENIED;
        refusal.code = weir_span_of(weir_reason_code(WEIR_REASON_FILTERED));
        refusal.message = WEIR_SPAN("the answer holds what a filter blocks: "
                                    "it is not complete");

    } else {
        refusal.status = WEIR_EUPSTREAM;
        refusal.code = WEIR_SPAN("stream_cut");
        refusal.message = WEIR_SPAN("the origin broke the stream off: the "
                                    "answer is not complete");
    }

    refusal.request = (weir_span) { ctx->id, WEIR_REQUEST_ID_TEXT - 1 };

    if (ctx->hop) {
        refusal.hop = weir_span_of(ctx->hop);
    }

    weir_buf_init_fixed(&buf, text, sizeof(text));
    weir_surface_put_cut(&ctx->route, &refusal, &buf);

    if (buf.overflow) {
        return NGX_ERROR;
    }

    ctx->is_cut_sent = 1;
    event = weir_buf_span(&buf);

    if (ngx_http_weir_append_copy(ctx, chain, event.ptr, event.len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->out_last->buf->flush = 1;  /* nothing follows that would push it */

    return NGX_OK;
}


void
ngx_http_weir_send_cut(ngx_http_weir_ctx_t *ctx)
{
    ngx_chain_t  *out;

    if (!ctx->is_stream || ctx->is_cut_sent || ctx->request->connection->error)
    {
        return;
    }

    out = NULL;
    ctx->out_last = NULL;

    if (ngx_http_weir_append_cut(ctx, &out) == NGX_OK) {
        ngx_http_weir_output(ctx, out);
    }
}


/* ------------------------------------------------------------ coalesce */

static void
ngx_http_weir_read_event(ngx_http_request_t *r, ngx_http_upstream_t *u)
{
    ngx_event_t          *rev;
    ngx_msec_t            wait;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);
    rev = u->peer.connection->read;
    wait = ngx_http_weir_worker.conf->coalesce;

    if (!rev->timedout && !rev->error) {

        if (ctx->coalesce.timer_set) {
            return;
        }

        if (ngx_current_msec - ctx->last_read <= wait
            && ctx->last_bytes < NGX_HTTP_WEIR_MUCH)
        {
            ctx->coalesce.data = ctx;
            ctx->coalesce.handler = ngx_http_weir_coalesce_handler;
            ctx->coalesce.log = r->connection->log;
            ngx_add_timer(&ctx->coalesce, wait);
            return;
        }
    }

    if (ctx->coalesce.timer_set) {
        ngx_del_timer(&ctx->coalesce);
    }

    ctx->last_read = ngx_current_msec;
    ctx->last_bytes = 0;
    ctx->read_event_handler(r, u);
}


static void
ngx_http_weir_coalesce_handler(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    ctx->last_read = ngx_current_msec;
    ctx->last_bytes = 0;
    ctx->read_event_handler(r, r->upstream);
    ngx_http_run_posted_requests(c);
}
