/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request from its head to admission.
 *
 *   handler: route - view - begin - identify - read body
 *   body:    parse - decide - admit - (wait for the disk) - start
 *
 * WHY THE KEY COMES BEFORE THE BODY. Nobody unknown makes this worker store
 * 20 MB.
 *
 * WHY ONE SPAN. The parser reads a body by offsets and the provider splices
 * it by pieces, so both want it contiguous. nginx gives one buffer, or a
 * file when it is large: that is mapped. What came with the head would stand
 * apart; it is moved to where the rest is going to be read. Only a chunked
 * body that came in several pieces is copied once.
 *
 * The call's context hangs on a cleanup of the request's pool: nginx forgets
 * a module's context at each internal redirect, and an error page is one. The
 * cleanup is also the last resort that settles a call whose request ended in
 * a way nobody saw.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_classify.h"
#include "ngx_http_weir_inner.h"
#include "ngx_http_weir_lists.h"
#include "ngx_http_weir_realtime.h"

#include <sys/mman.h>


static ngx_int_t ngx_http_weir_join_body(ngx_http_weir_ctx_t *ctx);
static void ngx_http_weir_body_handler(ngx_http_request_t *r);
static void ngx_http_weir_go(ngx_http_weir_ctx_t *ctx, uint64_t position);
static ngx_int_t ngx_http_weir_bodiless(ngx_http_weir_ctx_t *ctx);
static void ngx_http_weir_cleanup(void *data);


ngx_http_weir_ctx_t *
ngx_http_weir_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t   *cln;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);

    if (ctx == NULL && (r->internal || r->err_status)) {

        for (cln = r->pool->cleanup; cln; cln = cln->next) {
            if (cln->handler == ngx_http_weir_cleanup) {
                ctx = cln->data;
                ngx_http_set_ctx(r, ctx, ngx_http_weir_module);
                break;
            }
        }
    }

    return ctx;
}


static ngx_http_weir_ctx_t *
ngx_http_weir_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t      *cln;
    ngx_http_weir_ctx_t     *ctx;
    ngx_http_weir_worker_t  *w;

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    w = &ngx_http_weir_worker;
    ctx = w->spare;

    if (ctx) {
        w->spare = ctx->next;
        w->spare_count--;

    } else {
        ctx = ngx_alloc(sizeof(ngx_http_weir_ctx_t), r->connection->log);
        if (ctx == NULL) {
            return NULL;
        }
    }

    w->requests++;
    ngx_memzero(ctx, offsetof(ngx_http_weir_ctx_t, call));

    ctx->request = r;
    ctx->settlement.ending = WEIR_END_NOT_SENT;
    weir_arena_init(&ctx->arena, ctx->arena_bytes, sizeof(ctx->arena_bytes));

    cln->handler = ngx_http_weir_cleanup;
    cln->data = ctx;

    ngx_http_set_ctx(r, ctx, ngx_http_weir_module);

    return ctx;
}


static void
ngx_http_weir_cleanup(void *data)
{
    ngx_http_weir_ctx_t  *ctx = data;

    ngx_http_weir_worker_t  *w;

    if (ctx->is_waiting) {
        ngx_queue_remove(&ctx->queue);
        ctx->is_waiting = 0;
    }

    ngx_http_weir_unqueue(ctx);

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (ctx->coalesce.timer_set) {
        ngx_del_timer(&ctx->coalesce);
    }

    if (ctx->restart.posted) {
        ngx_delete_posted_event(&ctx->restart);
    }

    ngx_http_weir_settle(ctx, ctx->is_tried ? WEIR_END_CLIENT_LEFT
                                            : WEIR_END_NOT_SENT);
    ngx_http_weir_unslow(ctx);
    ngx_http_weir_content_end(ctx);

    ngx_http_weir_free_reply(ctx);
    ngx_http_weir_session_free(ctx);
    ngx_http_weir_filter_free(ctx);
    ngx_http_weir_cache_free(ctx);
    ngx_http_weir_classify_free(ctx);
    ngx_http_weir_stored_free(ctx);
    ngx_http_weir_free_blocks(ctx);

    if (ctx->map) {
        (void) munmap(ctx->map, ctx->map_size);
        ctx->map = NULL;
    }

    ngx_http_weir_view_unref(ctx->view);

    if (ngx_http_weir_content_is_kept()) {
        explicit_bzero(ctx->arena_bytes, sizeof(ctx->arena_bytes));
        explicit_bzero(ctx->buffer, sizeof(ctx->buffer));
    }

    w = &ngx_http_weir_worker;
    w->requests--;

    if (w->spare_count == NGX_HTTP_WEIR_SPARE) {
        ngx_free(ctx);
        return;
    }

    ctx->next = w->spare;
    w->spare = ctx;
    w->spare_count++;
}


/* "Authorization: Bearer" as OpenAI's SDKs send it, or the headers that
 * SDKs of other houses use. */

weir_secret
ngx_http_weir_key(ngx_http_request_t *r)
{
    ngx_table_elt_t          *h;
    ngx_http_weir_headers_t   headers;

    if (r->headers_in.authorization) {
        return weir_key_read(
                    ngx_http_weir_span(r->headers_in.authorization->value),
                    false);
    }

    ngx_http_weir_headers_init(&headers, r);

    while ((h = ngx_http_weir_headers_next(&headers))) {
        if (ngx_http_weir_is_header(h, "api-key")
            || ngx_http_weir_is_header(h, "x-api-key")
            || ngx_http_weir_is_header(h, "x-goog-api-key"))
        {
            return weir_key_read(ngx_http_weir_span(h->value), true);
        }
    }

    return (weir_secret) { NULL, 0 };
}


/* What a caller says of a call beside its body: for whom a reseller calls,
 * and the place in the caller's own trace. */

static void
ngx_http_weir_hear(ngx_http_request_t *r, struct weir_client *client)
{
    ngx_table_elt_t          *h;
    ngx_http_weir_headers_t   headers;

    client->end_customer = WEIR_SPAN_NONE;
    client->tags = WEIR_SPAN_NONE;
    client->trace.is_there = 0;
    client->shadow_of = WEIR_SPAN_NONE;
    client->session_of = WEIR_SPAN_NONE;
    client->key_id = WEIR_SPAN_NONE;
    client->is_part = 0;

    ngx_http_weir_headers_init(&headers, r);

    while ((h = ngx_http_weir_headers_next(&headers))) {
        if (ngx_http_weir_is_header(h, "weir-end-customer")) {

            if (client->end_customer.ptr == NULL) {
                client->end_customer = ngx_http_weir_span(h->value);
            }

        } else if (ngx_http_weir_is_header(h, NGX_HTTP_WEIR_SHADOW)) {
            ngx_http_weir_shadow_hear(r, &h->value, client);

        } else if (ngx_http_weir_is_header(h, NGX_HTTP_WEIR_INNER)) {
            ngx_http_weir_inner_hear(r, &h->value, client);

        } else if (ngx_http_weir_is_header(h, "weir-tags")) {

            if (client->tags.ptr == NULL) {
                client->tags = ngx_http_weir_span(h->value);
            }

        } else if (ngx_http_weir_is_header(h, "traceparent")
                   && !client->trace.is_there)
        {
            (void) weir_trace_parse(ngx_http_weir_span(h->value),
                                    &client->trace);
        }
    }
}


int64_t
ngx_http_weir_confirmed(void)
{
    int64_t                  confirmed;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    confirmed = __atomic_load_n(&w->board->confirmed_us, __ATOMIC_RELAXED);

    if (confirmed <= 0
        || confirmed > (int64_t) ngx_time() * 1000000
                        + NGX_HTTP_WEIR_CLOCK_US)
    {
        confirmed = 1;  /* a damaged board, or another clock: not confirmed */
    }

    return ngx_min(confirmed, w->trusted_us);
}


/* Takes the policy in force and begins a call under it. */

static ngx_int_t
ngx_http_weir_begin(ngx_http_weir_ctx_t *ctx)
{
    struct weir_client       client;
    ngx_http_request_t      *r;
    ngx_http_weir_worker_t  *w;

    r = ctx->request;
    w = &ngx_http_weir_worker;

    ngx_http_weir_follow();

    if (w->view == NULL) {
        return NGX_DECLINED;
    }

    ctx->view = w->view;
    ctx->view->view.references++;

    client.address = ngx_http_weir_span(r->connection->addr_text);
    ngx_http_weir_place(r->connection->sockaddr, &client);
    ngx_http_weir_hear(r, &client);
    client.has_bits = ngx_http_weir_address(r->connection->sockaddr,
                                            client.bits)
                      == NGX_OK;

    weir_call_begin(&ctx->call, &w->gate, &ctx->view->view, &client,
                    ngx_http_weir_confirmed());
    weir_request_id_format(&ctx->call.id, ctx->id);
    ctx->has_call = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_weir_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    weir_secret           key;
    weir_status           status;
    struct weir_error     err;
    ngx_http_weir_ctx_t  *ctx;

    if (r != r->main) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_weir_get_ctx(r);

    if (ctx || r->err_status) {
        return ngx_http_weir_door(r, ctx);
    }

    ctx = ngx_http_weir_create_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    status = weir_surface_route(ngx_http_weir_span(r->method_name),
                                ngx_http_weir_span(r->uri),
                                ngx_http_weir_span(r->args),
                                &ctx->route, &err);
    if (status != WEIR_OK) {
        return ngx_http_weir_refuse_plain(r, ctx, status, 0, err.text);
    }

    ngx_http_weir_models_shape(ctx);

    if (ngx_http_weir_begin(ctx) != NGX_OK) {
        return ngx_http_weir_refuse_plain(r, ctx, WEIR_EUNAVAIL, 0,
                                          "there is no policy in force yet");
    }

    rc = ngx_http_weir_cors(ctx);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    key = ngx_http_weir_key(r);

    if (key.len == 0 && ctx->route.endpoint == WEIR_ENDPOINT_REALTIME) {
        key = ngx_http_weir_realtime_key(r);
    }

    status = ctx->call.client.key_id.len
             ? weir_call_identify_as(&ctx->call, &err)
             : weir_call_identify(&ctx->call, key, &err);
    if (status != WEIR_OK) {
        return ngx_http_weir_refuse(ctx, status, &err);
    }

    ngx_http_weir_urls_set(ctx);

    if (ctx->route.endpoint == WEIR_ENDPOINT_TOOLS) {
        rc = ngx_http_weir_tools_head(ctx);
        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (!ctx->route.takes_body
        && ctx->route.endpoint != WEIR_ENDPOINT_REALTIME)
    {
        return ctx->route.endpoint == WEIR_ENDPOINT_BULK || ctx->tools
               || ctx->route.endpoint == WEIR_ENDPOINT_STORED
               ? ngx_http_weir_bodiless(ctx) : ngx_http_weir_models(ctx);
    }

    if (ngx_http_weir_sheds(&ngx_http_weir_worker)) {
        ctx->call.reason = WEIR_REASON_OVERLOADED;
        (void) weir_fail(&err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "this gateway has as many calls as it can hold");
        return ngx_http_weir_refuse(ctx, WEIR_EUNAVAIL, &err);
    }

    if (ctx->route.endpoint == WEIR_ENDPOINT_REALTIME) {
        return ngx_http_weir_bodiless(ctx);
    }

    r->request_body_in_single_buf = 1;

    if (ngx_http_weir_join_body(ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_weir_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/* --------------------------------------------------------------- body */

/*
 * Where the head's buffer has room for the whole body, nginx reads the rest
 * behind what came with the head.  So it is given a buffer that has: it holds
 * exactly this body, so nothing of a next request can get into it, and is
 * taken away again once the body is read.
 */

static ngx_int_t
ngx_http_weir_join_body(ngx_http_weir_ctx_t *ctx)
{
    off_t                      size;
    size_t                     have;
    ngx_buf_t                 *b;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = ctx->request;
    size = r->headers_in.content_length_n;
    have = r->header_in->last - r->header_in->pos;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (r->stream || r->headers_in.chunked || have == 0
        || size <= (off_t) have
        || size > (off_t) clcf->client_body_buffer_size
        || size <= r->header_in->end - r->header_in->pos)
    {
        return NGX_OK;
    }

    b = ngx_create_temp_buf(r->pool, (size_t) size);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->last, r->header_in->pos, have);

    r->header_in->pos = r->header_in->last;
    ctx->header_in = r->header_in;
    r->header_in = b;

    return NGX_OK;
}


static ngx_int_t
ngx_http_weir_map_body(ngx_http_weir_ctx_t *ctx, ngx_buf_t *b,
    weir_span *body_out)
{
    off_t   size;
    void   *map;

    size = b->file_last;

    map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, b->file->fd, 0);
    if (map == MAP_FAILED) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, ngx_errno,
                      "weir: mmap() of a request body failed");
        return NGX_ERROR;
    }

    ctx->map = map;
    ctx->map_size = size;

    *body_out = (weir_span) { (char *) map + b->file_pos,
                              size - b->file_pos };

    return NGX_OK;
}


static ngx_int_t
ngx_http_weir_copy_body(ngx_http_weir_ctx_t *ctx, ngx_chain_t *in, size_t size,
    weir_span *body_out)
{
    u_char       *p;
    ngx_chain_t  *cl;

    p = ngx_pnalloc(ctx->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *body_out = (weir_span) { (char *) p, size };

    for (cl = in; cl; cl = cl->next) {
        if (!ngx_buf_special(cl->buf)) {
            p = ngx_cpymem(p, cl->buf->pos, cl->buf->last - cl->buf->pos);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_weir_body(ngx_http_weir_ctx_t *ctx, weir_span *body_out)
{
    u_char              *first, *end;
    size_t               size;
    ngx_buf_t           *b;
    ngx_uint_t           n;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = ctx->request;
    n = 0;
    size = 0;
    first = NULL;
    end = NULL;

    *body_out = WEIR_SPAN_NONE;

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (ngx_buf_special(b)) {
            continue;
        }

        if (b->in_file) {
            return ngx_http_weir_map_body(ctx, b, body_out);
        }

        if (b->pos != end) {
            n++;
        }

        if (first == NULL) {
            first = b->pos;
        }

        end = b->last;
        size += b->last - b->pos;
    }

    if (n == 1) {
        *body_out = (weir_span) { (char *) first, size };
        return NGX_OK;
    }

    return n ? ngx_http_weir_copy_body(ctx, r->request_body->bufs, size,
                                       body_out)
             : NGX_OK;
}


_Static_assert((int) WEIR_ENDPOINT_COMPLETE == (int) WEIR_OP_COMPLETE
               && (int) WEIR_ENDPOINT_MODERATE == (int) WEIR_OP_MODERATE
               && (int) WEIR_ENDPOINT_TRANSCRIBE == (int) WEIR_OP_TRANSCRIBE,
               "endpoints that ask models have their operations' numbers");


/* Reads the question and asks policy; then what filters make of it: `body`
 * may become another. */

static weir_status
ngx_http_weir_decide(ngx_http_weir_ctx_t *ctx, weir_span *body_out,
    struct weir_error *err)
{
    weir_span         body;
    weir_status       status;
    struct weir_ask   ask;

    body = *body_out;

    if (weir_list_of(&ctx->route)) {
        return ngx_http_weir_lists_decide(ctx, err);
    }

    if (ctx->route.endpoint == WEIR_ENDPOINT_BULK) {
        return ngx_http_weir_bulk_decide(ctx, body, err);
    }

    if (ctx->tools) {
        return ngx_http_weir_tools_decide(ctx, body_out, err);
    }

    if (ctx->route.endpoint == WEIR_ENDPOINT_REALTIME) {
        return ngx_http_weir_realtime_decide(ctx, err);
    }

    if (ctx->route.endpoint == WEIR_ENDPOINT_STORED) {
        return ngx_http_weir_stored_serve(ctx, err);
    }

    status = weir_surface_parse(&ctx->route, body, &ctx->arena, &ctx->ask,
                                err);
    if (status != WEIR_OK) {
        ctx->call.reason = ngx_http_weir_bad_reason(status);
        return status;
    }

    if (ctx->ask.file_count) {
        status = ngx_http_weir_files_read(ctx, err);
        if (status != WEIR_OK) {
            return status;
        }
    }

    ngx_memzero(&ask, sizeof(struct weir_ask));

    ask.operation = (enum weir_operation) ctx->route.endpoint;
    ask.model = ctx->shadow_route.len ? ctx->shadow_route : ctx->ask.model;
    ask.is_streamed = ctx->ask.is_streamed;
    ask.input_tokens = ctx->ask.input_tokens;
    ask.output_tokens_max = ctx->ask.output_tokens_max;
    ask.n = ctx->ask.n;
    ask.body_bytes = body.len;
    ask.body = body;
    ask.metadata = ctx->ask.metadata;
    ask.knows_service = ctx->ask.knows_service;
    ask.wants_priority = ctx->ask.wants_priority;
    ask.knows_names = ctx->ask.knows_names;
    ask.names = ctx->ask.names;
    ask.prompt_bytes = ctx->ask.prompt_bytes;
    ask.shape = ngx_http_weir_shape(&ctx->ask);

    status = weir_call_decide(&ctx->call, &ask, err);

    if (status == WEIR_OK && ctx->files) {
        status = ngx_http_weir_files_bar(ctx, err);
    }

    /* what is not made of turns has no features, and forms are not JSON */

    if (ctx->route.dialect != WEIR_DIALECT_OTHER) {
        weir_call_watch(&ctx->call, body);
    }

    if (status == WEIR_OK) {
        status = ngx_http_weir_stored_decide(ctx, err);
    }

    if (status != WEIR_OK) {
        return status;
    }

    return ngx_http_weir_filter_request(ctx, body_out, err);
}


/* Holds what it needs; after WEIR_OK the call is on record. */

static weir_status
ngx_http_weir_admit(ngx_http_weir_ctx_t *ctx, weir_span body,
    uint64_t *position_out, struct weir_error *err)
{
    weir_status              status;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    status = ngx_http_weir_may_slow(ctx, err);
    if (status != WEIR_OK) {
        return status;
    }

    ctx->arena_mark = ctx->arena.used;

    /* without budgets or a record nothing goes out */

    if (!w->quota_is_open || w->lane == NULL) {
        ctx->call.reason = w->lane ? WEIR_REASON_OVERLOADED
                                   : WEIR_REASON_NO_RECORD;
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE, "%s",
                         w->lane ? "budgets are not available yet"
                                 : "the journal is not available yet");
    }

    status = ngx_http_weir_content_begin(ctx, body, err);
    if (status != WEIR_OK) {
        return status;
    }

    w->is_urgent = ctx->call.answer.obligations.tier != WEIR_TIER_CRASH;
    status = weir_call_admit(&ctx->call, position_out, err);
    w->is_urgent = 0;

    if (status == WEIR_OK) {
        ngx_http_weir_content_admitted(ctx);
    }

    return status;
}


/* How many tokens a prompt has: weir's own estimate, no model is asked. */

static ngx_int_t
ngx_http_weir_count(ngx_http_weir_ctx_t *ctx, weir_span body)
{
    u_char             *p;
    weir_status         status;
    struct weir_buf     buf;
    struct weir_error   err;

    status = weir_surface_parse(&ctx->route, body, &ctx->arena, &ctx->ask,
                                &err);
    if (status != WEIR_OK) {
        ctx->call.reason = ngx_http_weir_bad_reason(status);
        return ngx_http_weir_refuse(ctx, status, &err);
    }

    p = ngx_pnalloc(ctx->request->pool, NGX_HTTP_WEIR_COUNTED);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    weir_buf_init_fixed(&buf, p, NGX_HTTP_WEIR_COUNTED);
    weir_surface_put_count(&ctx->route,
                           weir_gate_count(&ctx->view->view.image,
                                           ctx->ask.model,
                                           ctx->ask.prompt_bytes,
                                           ngx_http_weir_shape(&ctx->ask)),
                           &buf);

    if (ngx_http_weir_add_headers(ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_weir_send(ctx->request, NGX_HTTP_OK, weir_buf_span(&buf));
}


static void
ngx_http_weir_body_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    weir_span             body;
    weir_status           status;
    struct weir_error     err;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);

    if (ctx->header_in) {
        r->header_in = ctx->header_in;
        ctx->header_in = NULL;
    }

    if (ngx_http_weir_body(ctx, &body) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ctx->shadow_body = body;

    if (ctx->route.endpoint == WEIR_ENDPOINT_COUNT) {
        ngx_http_finalize_request(r, ngx_http_weir_count(ctx, body));
        return;
    }

    err.text[0] = '\0';

    status = ngx_http_weir_decide(ctx, &body, &err);
    if (status != WEIR_OK) {
        ngx_http_finalize_request(r, ngx_http_weir_refuse(ctx, status, &err));
        return;
    }

    rc = ngx_http_weir_classify_request(ctx, body);

    if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);

    } else if (rc == NGX_OK) {
        ngx_http_weir_admit_classified(ctx, body);
    }
}


void
ngx_http_weir_admit_classified(ngx_http_weir_ctx_t *ctx, weir_span body)
{
    uint64_t             position;
    weir_status          status;
    struct weir_error    err;
    ngx_http_request_t  *r;

    r = ctx->request;
    err.text[0] = '\0';

    status = ngx_http_weir_admit(ctx, body, &position, &err);
    if (status != WEIR_OK) {
        ngx_http_finalize_request(r, ngx_http_weir_refuse(ctx, status, &err));
        return;
    }

    ngx_http_weir_go(ctx, position);
}


/* An admitted call: once its intent is on disk it is sent. */

static void
ngx_http_weir_go(ngx_http_weir_ctx_t *ctx, uint64_t position)
{
    ngx_queue_insert_tail(&ngx_http_weir_worker.calls, &ctx->open);
    ctx->is_open = 1;

    if (position && ngx_http_weir_journal_wait(ctx, position) == NGX_AGAIN) {
        return;
    }

    ngx_http_weir_start(ctx);
}


/* A call without a body goes to an origin like any other. */

static ngx_int_t
ngx_http_weir_bodiless(ngx_http_weir_ctx_t *ctx)
{
    uint64_t             position;
    weir_span            body;
    ngx_int_t            rc;
    weir_status          status;
    struct weir_error    err;

    rc = ngx_http_discard_request_body(ctx->request);
    if (rc != NGX_OK) {
        return rc;
    }

    err.text[0] = '\0';

    body = WEIR_SPAN_NONE;
    status = ngx_http_weir_decide(ctx, &body, &err);

    if (status == WEIR_OK) {
        status = ngx_http_weir_admit(ctx, body, &position, &err);
    }

    if (status != WEIR_OK) {
        return ngx_http_weir_refuse(ctx, status, &err);
    }

    ctx->request->main->count++;
    ngx_http_weir_go(ctx, position);

    return NGX_DONE;
}
