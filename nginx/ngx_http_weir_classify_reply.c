/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies that are asked about: what is held of them, and where they pause.
 * The essay is in ngx_http_weir_classify.c.
 */

#include "ngx_http_weir_classify_int.h"
#include "ngx_http_weir_filter.h"

#include <weir/json.h>


/* --------------------------------------------------------------- reply */

/* A piece of text that the filter lets through; of streams. */

void
ngx_http_weir_classify_text(void *context, uint64_t channel, weir_span text)
{
    ngx_http_weir_ctx_t          *ctx = context;

    ngx_http_weir_voice_t        *voice;
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    if (cl->is_given_up || cl->is_too_long) {
        return;
    }

    for (voice = cl->voices; voice; voice = voice->next) {
        if (voice->channel == channel) {
            break;
        }
    }

    if (voice == NULL) {

        if (cl->voice_count == NGX_HTTP_WEIR_VOICES) {
            cl->is_too_long = 1;
            return;
        }

        voice = ngx_calloc(sizeof(ngx_http_weir_voice_t),
                           ctx->request->connection->log);
        if (voice == NULL) {
            cl->is_too_long = 1;
            return;
        }

        voice->channel = channel;
        weir_buf_init(&voice->text,
                      ngx_http_weir_text_most(cl, NGX_HTTP_WEIR_OUTPUT) * 2);
        *cl->last_voice = voice;
        cl->last_voice = &voice->next;
        cl->voice_count++;
    }

    weir_buf_add_span(&voice->text, text);
    cl->fresh += text.len;
    cl->spoken += text.len;

    if (voice->text.overflow
        || cl->spoken > ngx_http_weir_text_most(cl, NGX_HTTP_WEIR_OUTPUT) * 2)
    {
        cl->is_too_long = 1;
    }
}


ngx_uint_t
ngx_http_weir_is_windowed(ngx_http_weir_classifying_t *cl, size_t *window_out)
{
    size_t                               window;
    ngx_uint_t                           i;
    const struct weir_image             *image;
    const struct weir_image_classifier  *row;

    image = &cl->ctx->view->view.image;
    window = 0;

    /* windows are for what the client gets as it comes */

    if (!cl->ctx->is_stream || !ngx_http_weir_filters_stream(cl->ctx)) {
        return 0;
    }

    for (i = 0; i < cl->count; i++) {

        if (!cl->asked[i].is_asked[NGX_HTTP_WEIR_OUTPUT]
            || cl->asked[i].actions[NGX_HTTP_WEIR_OUTPUT] != WEIR_DETECT_BLOCK)
        {
            continue;
        }

        row = &image->classifiers[cl->asked[i].row];

        if (row->holds_streams) {
            return 0;
        }

        if (window == 0 || row->window < window) {
            window = row->window;
        }
    }

    *window_out = window;

    return window > 0;
}


static size_t
ngx_http_weir_held_max(ngx_http_weir_classifying_t *cl)
{
    size_t                    most;
    ngx_uint_t                i;
    const struct weir_image  *image;

    image = &cl->ctx->view->view.image;
    most = 0;

    for (i = 0; i < cl->count; i++) {
        if (cl->asked[i].is_asked[NGX_HTTP_WEIR_OUTPUT]) {
            most = ngx_max(most, image->classifiers[cl->asked[i].row].held_max);
        }
    }

    return ngx_http_weir_filters_stream(cl->ctx) ? most
                                                 : NGX_HTTP_WEIR_FILTERED_MAX;
}


/* One window: of each voice that spoke, what is new and as much before it. */

ngx_int_t
ngx_http_weir_ask_window(ngx_http_weir_classifying_t *cl, size_t before)
{
    size_t                  from, bytes;
    ngx_int_t               rc;
    struct weir_buf         texts;
    ngx_http_weir_voice_t  *voice;

    bytes = 0;
    weir_buf_init(&texts, 6 * cl->spoken + 4096);

    for (voice = cl->voices; voice; voice = voice->next) {

        if (voice->asked == voice->text.len) {
            continue;
        }

        from = voice->asked > before ? voice->asked - before : 0;

        while (from < voice->asked
               && ((u_char) voice->text.ptr[from] & 0xc0) == 0x80)
        {
            from++;     /* not inside a character */
        }

        weir_classify_add_text(&texts, (weir_span) {
                                           voice->text.ptr + from,
                                           voice->text.len - from });
        bytes += voice->text.len - from;

        if (from) {
            ngx_memmove(voice->text.ptr, voice->text.ptr + from,
                        voice->text.len - from);
            voice->text.len -= from;
            cl->spoken -= from;
        }

        voice->asked = voice->text.len;
    }

    cl->fresh = 0;
    cl->part++;
    cl->going = cl->held.len;

    rc = ngx_http_weir_ask_all(cl, NGX_HTTP_WEIR_OUTPUT, weir_buf_span(&texts),
                               bytes, !cl->is_too_long && !cl->is_unreadable
                                      && !texts.overflow);

    if (texts.ptr) {
        explicit_bzero(texts.ptr, texts.len);
    }

    weir_buf_fini(&texts);

    return rc;
}


static void
ngx_http_weir_dummy_read(ngx_http_request_t *r, ngx_http_upstream_t *u)
{
    u->peer.connection->read->ready = 0;
    u->peer.connection->read->timedout = 0;
}


/* Nothing more is read from the origin until ngx_http_weir_classify_resume().
 * What came meanwhile is read then. */

void
ngx_http_weir_classify_pause(ngx_http_weir_classifying_t *cl)
{
    ngx_http_upstream_t  *u;

    if (cl->is_paused) {
        return;
    }

    u = cl->ctx->request->upstream;

    cl->is_paused = 1;
    cl->read_event_handler = u->read_event_handler;
    u->read_event_handler = ngx_http_weir_dummy_read;
    u->peer.connection->read->ready = 0;

    if (cl->ctx->coalesce.timer_set) {
        ngx_del_timer(&cl->ctx->coalesce);
    }
}


/* The first `n` bytes of what is held. */

ngx_int_t
ngx_http_weir_release(ngx_http_weir_classifying_t *cl, ngx_chain_t **chain,
    size_t n)
{
    ngx_int_t  rc;

    rc = ngx_http_weir_append_copy(cl->ctx, chain, cl->held.ptr, n);

    if (n) {
        ngx_memmove(cl->held.ptr, cl->held.ptr + n, cl->held.len - n);
        cl->held.len -= n;
    }

    cl->going = 0;

    return rc;
}


ngx_int_t
ngx_http_weir_classify_reply(ngx_http_weir_ctx_t *ctx, ngx_chain_t **chain,
    weir_span bytes)
{
    size_t                        window;
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    if (cl == NULL || cl->is_given_up
        || !ngx_http_weir_blocks_in(cl, NGX_HTTP_WEIR_OUTPUT))
    {
        return ngx_http_weir_append_copy(ctx, chain, bytes.ptr, bytes.len);
    }

    if (cl->held.max == 0) {
        weir_buf_init(&cl->held, ngx_http_weir_held_max(cl)
                                 + ngx_http_weir_worker.conf->event_max);
    }

    weir_buf_add_span(&cl->held, bytes);

    if (cl->held.overflow || cl->held.len > ngx_http_weir_held_max(cl)) {
        cl->is_too_long = 1;
    }

    if (ngx_http_weir_awaits(cl, NGX_HTTP_WEIR_OUTPUT)) {
        return NGX_OK;
    }

    window = 0;

    if (cl->is_too_long
        || (ngx_http_weir_is_windowed(cl, &window) && cl->fresh >= window))
    {
        if (ngx_http_weir_ask_window(cl, cl->is_too_long ? 0 : window)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ctx->mode == NGX_HTTP_WEIR_PASS
            && ctx->request->upstream->peer.connection)
        {
            cl->at = NGX_HTTP_WEIR_AT_WINDOW;
            ngx_http_weir_classify_pause(cl);
        }
    }

    return NGX_OK;
}


/* Plain text is one text, subtitles with their times too. What is neither
 * that nor JSON throughout may say what nobody would be shown. */

static bool
ngx_http_weir_body_texts(ngx_http_weir_ctx_t *ctx, weir_span body,
    struct weir_arena *room, struct ngx_http_weir_gather *gather)
{
    struct weir_json_root  root;

    if (ngx_http_weir_filters_text(ctx)) {
        return weir_form_is_text(body)
               && ngx_http_weir_gather_text(gather, body);
    }

    /* files are read line by line */

    if (ctx->bulk == NULL
        && weir_json_scan(body, NULL, 0, 0, &root, NULL, NULL) != WEIR_OK)
    {
        return false;
    }

    return weir_detect_texts(body, room, ngx_http_weir_gather_text, gather);
}


/* What a reply that is no stream says, all of it. */

void
ngx_http_weir_classify_body(ngx_http_weir_ctx_t *ctx, weir_span body)
{
    bool                          is_read;
    struct weir_buf               texts;
    struct weir_arena             room;
    ngx_http_weir_classifying_t  *cl;
    struct ngx_http_weir_gather   gather;

    cl = ctx->classifying;

    if (cl == NULL || body.len == 0 || cl->is_given_up
        || ngx_http_weir_filters_stream(ctx)
        || !ngx_http_weir_asks_in(cl, NGX_HTTP_WEIR_OUTPUT))
    {
        return;
    }

    gather.most = ngx_http_weir_text_most(cl, NGX_HTTP_WEIR_OUTPUT);
    gather.bytes = 0;
    gather.texts = &texts;

    weir_buf_init(&texts, 6 * gather.most + 4096);
    weir_arena_init_heap(&room, 2 * gather.most + 4096);

    is_read = ngx_http_weir_body_texts(ctx, body, &room, &gather);

    cl->part = 1;
    cl->is_last = 1;

    if ((!is_read || gather.bytes)
        && ngx_http_weir_ask_all(cl, NGX_HTTP_WEIR_OUTPUT,
                                 weir_buf_span(&texts), gather.bytes, is_read)
           != NGX_OK)
    {
        cl->is_unreadable = 1;
    }

    if (texts.ptr) {
        explicit_bzero(texts.ptr, texts.len);
    }

    weir_buf_fini(&texts);
    weir_arena_fini(&room);
}


void
ngx_http_weir_classify_unreadable(ngx_http_weir_ctx_t *ctx)
{
    ngx_uint_t                    i;
    struct weir_record_opinion   *opinion;
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    if (cl == NULL) {
        return;
    }

    cl->is_given_up = 1;

    for (i = 0; i < cl->count; i++) {
        if (cl->asked[i].is_asked[NGX_HTTP_WEIR_OUTPUT]) {
            opinion = ngx_http_weir_opinion(cl, &cl->asked[i],
                                            NGX_HTTP_WEIR_OUTPUT);
            opinion->opinion = WEIR_OPINION_FAILED;
            opinion->unheard = WEIR_UNHEARD_TEXT;
        }
    }
}


ngx_int_t
ngx_http_weir_process_released(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    /* the byte that was invented is what the body's filter passes over */

    u = r->upstream;
    u->buffer.last = u->buffer.pos + 1;

    return ngx_http_weir_pass_on(r);
}


static ssize_t
ngx_http_weir_recv_nothing(ngx_connection_t *c, u_char *buf, size_t size)
{
    c->read->ready = 0;

    return NGX_AGAIN;
}


ssize_t
ngx_http_weir_recv_byte(ngx_connection_t *c, u_char *buf, size_t size)
{
    ngx_http_request_t   *r;
    ngx_http_weir_ctx_t  *ctx;

    r = c->data;
    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);
    c->recv = ctx->classifying->recv;
    ctx->classifying->recv = NULL;

    return 1;
}


/* NGX_AGAIN: a verdict is awaited, and the reply goes on by itself. */

ngx_int_t
ngx_http_weir_classify_end(ngx_http_weir_ctx_t *ctx, ngx_chain_t **chain)
{
    size_t                        window;
    ngx_connection_t             *c;
    ngx_http_upstream_t          *u;
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    if (cl == NULL || !ngx_http_weir_asks_in(cl, NGX_HTTP_WEIR_OUTPUT)) {
        return NGX_OK;
    }

    cl->is_finished = 1;

    if (!ngx_http_weir_filters_stream(ctx)) {
        cl->going = cl->held.len;

    } else if (!ngx_http_weir_awaits(cl, NGX_HTTP_WEIR_OUTPUT)
               && !cl->is_given_up && (cl->fresh || cl->is_too_long))
    {
        cl->is_last = 1;
        window = 0;
        (void) ngx_http_weir_is_windowed(cl, &window);

        if (ngx_http_weir_ask_window(cl, window) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* where a window is awaited, the rest is asked about behind it */

    if (!ngx_http_weir_awaits(cl, NGX_HTTP_WEIR_OUTPUT)) {
        return ngx_http_weir_release(cl, chain, cl->held.len);
    }

    u = ctx->request->upstream;
    c = u->peer.connection;

    if (c == NULL) {
        cl->at = NGX_HTTP_WEIR_AT_HIT;
        ctx->request->read_event_handler = ngx_http_test_reading;
        ctx->request->write_event_handler = ngx_http_request_empty_handler;
        return NGX_AGAIN;
    }

    if (ctx->mode == NGX_HTTP_WEIR_PASS) {
        cl->at = NGX_HTTP_WEIR_AT_WINDOW;
        ngx_http_weir_classify_pause(cl);
        return NGX_AGAIN;
    }

    cl->at = NGX_HTTP_WEIR_AT_HEAD;
    ngx_http_weir_classify_pause(cl);

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    cl->recv = c->recv;
    c->recv = ngx_http_weir_recv_nothing;
    u->buffer.pos = ctx->body_start;
    u->buffer.last = ctx->body_start;

    return NGX_AGAIN;
}


ngx_uint_t
ngx_http_weir_classify_joins(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    if (cl == NULL || !ngx_http_weir_awaits_any(cl)) {
        return 0;
    }

    cl->at = NGX_HTTP_WEIR_AT_END;

    if (ctx->request->upstream->peer.connection) {
        ngx_http_weir_classify_pause(cl);

    } else {
        ctx->request->write_event_handler = ngx_http_request_empty_handler;
    }

    /* clients close behind the last event: that is no leaving */

    ctx->request->read_event_handler = ngx_http_block_reading;

    return 1;
}


ngx_uint_t
ngx_http_weir_classify_is_at_end(ngx_http_weir_ctx_t *ctx)
{
    return ctx->classifying && ctx->classifying->at == NGX_HTTP_WEIR_AT_END;
}
