/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are kept: looked for in place of a first attempt, and kept
 * once an origin's reply has come whole.
 *
 *   admit -> [wait] -> key -> look -> weir_call_hit() -> filters -> client
 *                        |              | no
 *                        +--------------+--> origin -> reader -+-> filters ->
 *                                                              |
 *                                                 copy -> put, at the end
 *
 * A hit comes behind everything that a fresh call goes through - decision,
 * budgets, filters of the request, content, the step of the watch, the intent
 * on record - and goes through everything that a fresh reply does behind the
 * reader: watch, filters of the reply, content, outcome.
 *
 * WHAT IS KEPT is what the reader made, in the client's dialect, before any
 * filter: filters may be others at the next hit, and what a pseudonym stands
 * for is known to its own call only. A stream is kept as the stream it was.
 *
 * WHAT IS IN THE KEY: surface, endpoint, dialect, path's model, query, the
 * headers that go on to origins, what policy strips and caps, what a
 * translation may drop, and the body as it goes out, blanks apart.
 *
 * WHAT IS NOT KEPT: anything but 200; what broke off, was blocked, hidden or
 * withdrawn; compressed replies; requests that hang on what an origin has
 * stored.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_classify.h"

#include <sys/mman.h>

#include <weir/cache.h>


struct ngx_http_weir_caching_s {
    struct weir_cache         *cache;   /* w->cache, as it was */
    struct weir_cache_key      key;
    struct weir_buf            body;    /* of the reply, as it comes */
    struct weir_usage          usage;   /* of a hit */
    uint64_t                   content_bytes;
    uint32_t                   seconds;
    weir_span                  type;
    const char                *word;    /* of the header weir-cache */
    unsigned                   is_asked:1;   /* the key is made */
    unsigned                   is_kept:1;    /* `body` is filled */
    unsigned                   is_hit:1;
};


/* ------------------------------------------------------------- worker */

void
ngx_http_weir_cache_tick(ngx_http_weir_worker_t *w)
{
    struct weir_error  err;

    if (w->cache && weir_cache_is_retired(w->cache)) {
        ngx_http_weir_cache_close(w);
    }

    if (w->cache) {
        return;
    }

    w->cache_map = ngx_http_weir_map("cache", PROT_READ|PROT_WRITE,
                                     &w->cache_size);
    if (w->cache_map == NULL) {
        return;
    }

    if (weir_cache_attach(w->cache_map, w->cache_size, &w->cache, &err)
        != WEIR_OK || weir_cache_is_retired(w->cache))
    {
        ngx_http_weir_cache_close(w);
        return;
    }

    /* secrets lie in its beginning: not to be swapped, where that is allowed */

    (void) mlock(w->cache_map, 4096);

    w->cache_scratch = ngx_alloc(weir_cache_scratch(w->cache), w->log);

    if (w->cache_scratch == NULL) {
        ngx_http_weir_cache_close(w);
    }
}


void
ngx_http_weir_cache_close(ngx_http_weir_worker_t *w)
{
    if (w->cache_map) {
        (void) munmap(w->cache_map, w->cache_size);
    }

    if (w->cache_scratch) {
        ngx_free(w->cache_scratch);
    }

    w->cache_map = NULL;
    w->cache = NULL;
    w->cache_scratch = NULL;
}


/* ---------------------------------------------------------------- key */

static ngx_uint_t
ngx_http_weir_says(ngx_table_elt_t *h, const char *word)
{
    return h && ngx_strlcasestrn(h->value.data, h->value.data + h->value.len,
                                 (u_char *) word, ngx_strlen(word) - 1)
                != NULL;
}


/* What an origin has stored may be another thing at the next call. */

static ngx_uint_t
ngx_http_weir_is_stateful(ngx_http_weir_ctx_t *ctx)
{
    return ctx->ask.is_stateful
           || ngx_http_weir_stored_is_bound(ctx)
           || ctx->route.is_form
           || ctx->ask.boundary.len
           || ctx->route.dialect == WEIR_DIALECT_OTHER;
}


static void
ngx_http_weir_add_header_part(struct weir_cache_asking *asking,
    ngx_table_elt_t *h)
{
    if (h) {
        weir_cache_add(asking, h->value.data, h->value.len);

    } else {
        weir_cache_add(asking, NULL, 0);
    }
}


static ngx_uint_t
ngx_http_weir_cache_key(ngx_http_weir_ctx_t *ctx,
    ngx_http_weir_caching_t *caching)
{
    uint64_t                   tenant;
    uint32_t                   numbers[7];
    ngx_http_request_t        *r;
    struct weir_cache_asking   asking;

    r = ctx->request;
    tenant = ctx->view->view.image.tenants[ctx->call.tenant].hash;

    if (!weir_cache_begin(caching->cache, tenant, &asking)) {
        return 0;
    }

    numbers[0] = ctx->route.endpoint;
    numbers[1] = ctx->route.dialect;
    numbers[2] = ctx->ask.is_streamed;
    numbers[3] = ctx->route.is_batch;
    numbers[4] = ctx->call.answer.obligations.strip;
    numbers[5] = ctx->call.answer.obligations.max_n;
    numbers[6] = ctx->call.answer.obligations.filters;

    weir_cache_add(&asking, numbers, sizeof(numbers));
    weir_cache_add(&asking, r->uri.data, r->uri.len);
    weir_cache_add(&asking, r->args.data, r->args.len);
    weir_cache_add(&asking, ctx->ask.model.ptr, ctx->ask.model.len);
    ngx_http_weir_add_header_part(&asking,
                                  ngx_http_weir_find_header(r, "openai-beta"));
    ngx_http_weir_add_header_part(&asking,
                                  ngx_http_weir_find_header(r, "anthropic-beta"));
    weir_cache_add(&asking, ngx_http_weir_worker.conf->drop.data,
                   ngx_http_weir_worker.conf->drop.len);
    weir_cache_add_json(&asking, ctx->ask.body);
    weir_cache_end(&asking, &caching->key);

    return 1;
}


/* Whether the call has to do with the cache at all; sets ctx->caching. */

static ngx_uint_t
ngx_http_weir_cache_begin(ngx_http_weir_ctx_t *ctx)
{
    uint32_t                  seconds;
    ngx_uint_t                is_off, is_fresh;
    ngx_table_elt_t          *control, *own;
    ngx_http_request_t       *r;
    ngx_http_weir_worker_t   *w;
    ngx_http_weir_caching_t  *caching;

    r = ctx->request;
    w = &ngx_http_weir_worker;

    if (w->cache == NULL || ctx->caching) {
        return 0;
    }

    seconds = weir_call_cache_s(&ctx->call);

    if (seconds == 0 || ngx_http_weir_is_stateful(ctx)) {
        return 0;
    }

    caching = ngx_pcalloc(r->pool, sizeof(ngx_http_weir_caching_t));
    if (caching == NULL) {
        return 0;
    }

    caching->cache = w->cache;
    caching->seconds = seconds;
    ctx->caching = caching;

    control = ngx_http_weir_find_header(r, "cache-control");
    own = ngx_http_weir_find_header(r, "weir-cache");

    is_off = ngx_http_weir_says(control, "no-store")
             || ngx_http_weir_says(own, "off");
    is_fresh = ngx_http_weir_says(control, "no-cache")
               || ngx_http_weir_says(own, "refresh");

    caching->word = is_off ? "off" : is_fresh ? "refresh" : "miss";

    if (is_off || !ngx_http_weir_cache_key(ctx, caching)) {
        return 0;
    }

    caching->is_asked = 1;
    caching->is_kept = 1;
    weir_buf_init(&caching->body,
                  weir_cache_setup_get(caching->cache)->answer_max);

    return !is_fresh;
}


/* ---------------------------------------------------------------- hit */

static ngx_int_t
ngx_http_weir_cache_head(ngx_http_weir_ctx_t *ctx)
{
    size_t               len;
    u_char              *last, age[NGX_INT32_LEN];
    char                 text[NGX_HTTP_WEIR_COST];
    ngx_http_request_t  *r;

    r = ctx->request;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = ctx->is_stream ? -1 : ctx->passed;
    r->headers_out.content_type = ctx->content_type;
    r->headers_out.content_type_len = ctx->content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    last = ngx_sprintf(age, "%uD", ctx->call.hit_age_s);
    len = ngx_http_weir_format_cost(ctx, text);

    if (ngx_http_weir_add_headers(ctx) != NGX_OK
        || ngx_http_weir_add_header(r, "Age", 3, (char *) age, last - age)
           != NGX_OK
        || ngx_http_weir_add_header(r, "weir-cost", 9, text, len) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_send_header(r);
}


/* The answer goes through all that an origin's would from here on. */

static ngx_int_t
ngx_http_weir_cache_body(ngx_http_weir_ctx_t *ctx, weir_span body,
    ngx_chain_t **out)
{
    weir_call_watch_reply(&ctx->call, body);

    if (!ngx_http_weir_filters_reply(ctx)) {
        return ngx_http_weir_append(ctx, out, (u_char *) body.ptr, body.len);
    }

    if (ngx_http_weir_begin_filter(ctx) != NGX_OK
        || ngx_http_weir_filter_reply(ctx, out, body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_weir_filter_end(ctx, out);
}


static void
ngx_http_weir_cache_send(ngx_http_weir_ctx_t *ctx, weir_span body)
{
    ngx_int_t            rc;
    ngx_chain_t         *out;
    ngx_http_request_t  *r;

    r = ctx->request;
    out = NULL;
    ctx->out_last = NULL;

    /* only what sending needs of it: nothing is connected */

    if (ngx_http_upstream_create(r) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    r->upstream->output.tag = (ngx_buf_tag_t) &ngx_http_weir_module;

    if (ngx_http_weir_cache_body(ctx, body, &out) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    if (ngx_http_weir_is_blocked(ctx)) {
        ngx_http_weir_refuse_reply(ctx);
        return;
    }

    rc = ngx_http_weir_classify_end(ctx, &out);

    if (rc == NGX_OK) {
        ngx_http_weir_cache_pass(ctx, out);

    } else if (rc == NGX_ERROR) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


void
ngx_http_weir_cache_pass(ngx_http_weir_ctx_t *ctx, ngx_chain_t *out)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ctx->request;
    rc = ngx_http_weir_cache_head(ctx);

    if (rc == NGX_OK && !r->header_only) {
        if (ctx->out_last) {
            ctx->out_last->buf->flush = 1;
            rc = ngx_http_output_filter(r, out);
        }

        if (rc != NGX_ERROR) {
            rc = ngx_http_send_special(r, NGX_HTTP_LAST);
        }
    }

    if (rc != NGX_ERROR && ngx_http_weir_classify_joins(ctx)) {
        return;     /* it ends when the last verdict is there */
    }

    ngx_http_weir_cache_end(ctx, rc);
}


void
ngx_http_weir_cache_end(ngx_http_weir_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_weir_settle(ctx, rc == NGX_ERROR
                              || ctx->request->connection->error
                              ? WEIR_END_CLIENT_LEFT : WEIR_END_COMPLETE);
    ngx_http_finalize_request(ctx->request, rc);
}


static void
ngx_http_weir_cache_split(ngx_http_weir_ctx_t *ctx, weir_span type)
{
    u_char  *p;

    ctx->content_type.data = (u_char *) type.ptr;
    ctx->content_type.len = type.len;

    p = ngx_strlchr((u_char *) type.ptr, (u_char *) type.ptr + type.len, LF);

    if (p) {
        ctx->content_type.len = p - (u_char *) type.ptr;
        ctx->outgoing.dropped = (weir_span) { (char *) p + 1,
                                  type.len - ctx->content_type.len - 1 };
    }
}


ngx_uint_t
ngx_http_weir_cache_serve(ngx_http_weir_ctx_t *ctx)
{
    void                      *buffer;
    weir_time                  now;
    struct weir_cache         *cache;
    ngx_http_weir_caching_t   *caching;
    struct weir_cache_place    place;
    struct weir_cache_answer   answer;

    if (!ngx_http_weir_cache_begin(ctx)) {
        return 0;
    }

    caching = ctx->caching;
    cache = caching->cache;
    now = ngx_http_weir_now();

    buffer = weir_cache_look(cache, &caching->key, now, &place)
             ? ngx_pmemalign(ctx->request->pool, place.bytes, 16) : NULL;

    if (buffer == NULL
        || !weir_cache_take(cache, &caching->key, &place, now, buffer, &answer)
        || answer.is_stream != ctx->ask.is_streamed
        || !weir_call_hit(&ctx->call, answer.source,
                          (now - answer.stored) / WEIR_US_PER_SEC,
                          &ngx_http_weir_worker.view->view.overlay))
    {
        weir_cache_count(cache, caching->key.partition, false);
        return 0;
    }

    weir_cache_count(cache, caching->key.partition, true);

    caching->word = "hit";
    caching->is_hit = 1;
    caching->is_kept = 0;
    caching->usage = answer.usage;
    caching->content_bytes = answer.content_bytes;

    ctx->is_stream = answer.is_stream;
    ctx->status.code = NGX_HTTP_OK;
    ctx->step.deployment = ctx->call.answer.candidates[
                               ctx->call.current].deployment;
    ctx->settlement.first_byte_us = now - ctx->call.started;
    ngx_http_weir_cache_split(ctx, answer.type);

    ngx_http_weir_cache_send(ctx, answer.body);

    return 1;
}


const char *
ngx_http_weir_cache_word(ngx_http_weir_ctx_t *ctx)
{
    return ctx->caching ? ctx->caching->word : NULL;
}


const struct weir_usage *
ngx_http_weir_cache_usage(ngx_http_weir_ctx_t *ctx, uint64_t *content_bytes)
{
    if (ctx->caching == NULL || !ctx->caching->is_hit) {
        return NULL;
    }

    *content_bytes = ctx->caching->content_bytes;

    return &ctx->caching->usage;
}


/* --------------------------------------------------------------- keep */

void
ngx_http_weir_cache_note(ngx_http_weir_ctx_t *ctx, weir_span bytes)
{
    ngx_http_weir_caching_t  *caching;

    caching = ctx->caching;

    if (!caching->is_kept || ctx->status.code != NGX_HTTP_OK) {
        return;
    }

    weir_buf_add_span(&caching->body, bytes);

    if (caching->body.overflow) {
        ngx_http_weir_cache_free(ctx);
    }
}


void
ngx_http_weir_cache_reset(ngx_http_weir_ctx_t *ctx)
{
    if (ctx->caching && ctx->caching->is_kept) {
        weir_buf_reset(&ctx->caching->body);
    }
}


void
ngx_http_weir_cache_free(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_caching_t  *caching;

    caching = ctx->caching;

    if (caching && caching->is_kept) {
        if (caching->body.len) {
            explicit_bzero(caching->body.ptr, caching->body.len);
        }

        weir_buf_fini(&caching->body);
        caching->is_kept = 0;
    }
}


/* While the head is there: its buffer is used again for the body.  Type and
 * what was dropped stand in one text, parted by a line feed. */

void
ngx_http_weir_cache_type(ngx_http_weir_ctx_t *ctx)
{
    u_char     *p;
    size_t      len;
    weir_span   dropped;

    if (!ctx->caching->is_kept) {
        return;
    }

    dropped = ctx->outgoing.dropped;
    len = ctx->content_type.len + (dropped.len ? dropped.len + 1 : 0);

    p = ngx_pnalloc(ctx->request->pool, len);
    if (p == NULL) {
        return;
    }

    ctx->caching->type = (weir_span) { (char *) p, len };
    p = ngx_cpymem(p, ctx->content_type.data, ctx->content_type.len);

    if (dropped.len) {
        *p++ = LF;
        ngx_memcpy(p, dropped.ptr, dropped.len);
    }
}


/* The reply came to its end as HTTP and its dialect promise. */

void
ngx_http_weir_cache_keep(ngx_http_weir_ctx_t *ctx)
{
    uint8_t                         nonce[WEIR_AES_NONCE_BYTES];
    ngx_http_weir_worker_t         *w;
    ngx_http_weir_caching_t        *caching;
    struct weir_cache_answer        answer;
    const struct weir_reply_facts  *facts;

    w = &ngx_http_weir_worker;
    caching = ctx->caching;

    if (caching == NULL || !caching->is_kept) {
        return;
    }

    facts = ctx->reply ? weir_reply_facts(ctx->reply) : NULL;

    if (caching->cache == w->cache
        && ctx->status.code == NGX_HTTP_OK
        && facts && facts->state == WEIR_REPLY_DONE && !facts->has_error
        && !ctx->is_encoded
        && caching->body.len
        && !ngx_http_weir_is_blocked(ctx)
        && w->view
        && !weir_call_is_withdrawn(&ctx->call, &w->view->view.overlay)
        && w->env.random(w->env.context, nonce, sizeof(nonce)))
    {
        ngx_memzero(&answer, sizeof(struct weir_cache_answer));

        answer.source = weir_call_source(&ctx->view->view.image,
                                         ctx->step.deployment);
        answer.usage = ngx_http_weir_usage(ctx);
        answer.stored = ngx_http_weir_now();
        answer.expires = answer.stored
                         + (weir_time) caching->seconds * WEIR_US_PER_SEC;
        answer.content_bytes = facts->content_bytes;
        answer.is_stream = ctx->is_stream;
        answer.type = caching->type;
        answer.body = weir_buf_span(&caching->body);

        if (answer.type.len && answer.is_stream == ctx->ask.is_streamed) {
            (void) weir_cache_put(caching->cache, &caching->key, &answer,
                                  nonce, w->cache_scratch);
        }
    }

    ngx_http_weir_cache_free(ctx);
}
