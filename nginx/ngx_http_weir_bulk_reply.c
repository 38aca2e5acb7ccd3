/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and batches: what the origin tells of them, and when they are paid.
 *
 * Objects are told anew, with sealed ids. A batch's call is settled once, by
 * whoever sees first what it came to: from the batch itself where it tells
 * what was used, else from its results while they pass. Who sees it second
 * says it again, and the ledger takes the first.
 */

#include "ngx_http_weir_bulk.h"
#include "ngx_http_weir_lists.h"


/* Batches whose end this worker has recorded: saying it again does no harm,
 * but a client may ask each second. */
#define NGX_HTTP_WEIR_ENDED  64

/* A scheme, a host and a path beside an id. */
#define NGX_HTTP_WEIR_URL  512


static struct weir_request_id  ngx_http_weir_ended[NGX_HTTP_WEIR_ENDED];
static ngx_uint_t              ngx_http_weir_ended_next;


/* --------------------------------------------------------------- reply */

ngx_uint_t
ngx_http_weir_bulk_is_told(ngx_http_weir_ctx_t *ctx)
{
    return ctx->route.bulk != WEIR_BULK_CONTENT
           && ctx->route.bulk != WEIR_BULK_RESULTS
           && ctx->status.code < NGX_HTTP_SPECIAL_RESPONSE;
}


/* The most that the file's lines may make at this deployment. */

static uint64_t
ngx_http_weir_bulk_most(ngx_http_weir_ctx_t *ctx)
{
    uint64_t                   most;
    const struct weir_image   *image;

    image = &ctx->view->view.image;

    if (__builtin_mul_overflow(ctx->bulk->sum.unbounded,
                 image->models[image->deployments[ctx->step.deployment].model]
                     .output_tokens_max,
                 &most)
        || __builtin_add_overflow(most, ctx->bulk->sum.output_tokens, &most)
        || most > INT64_MAX)
    {
        return INT64_MAX;
    }

    return most;
}


static enum weir_sealed_kind
ngx_http_weir_batch_kind(ngx_http_weir_bulk_t *bulk)
{
    return bulk->shape == WEIR_BULK_REQUESTS ? WEIR_SEALED_MESSAGES
                                             : WEIR_SEALED_BATCH;
}


/* What the id of this member is sealed as. */

static ngx_int_t
ngx_http_weir_bulk_describe(ngx_http_weir_ctx_t *ctx, weir_span member,
    weir_span id, struct weir_sealed *sealed)
{
    ngx_http_weir_bulk_t  *bulk;

    bulk = ctx->bulk;
    *sealed = bulk->sealed;
    sealed->id = id;

    if (weir_span_equal(member, WEIR_SPAN("id"))
        || weir_span_equal(member, WEIR_SPAN("results_url")))
    {
        if (ctx->route.bulk == WEIR_BULK_UPLOAD
            && ngx_http_weir_is_for_calls(ctx))
        {
            ngx_http_weir_files_describe(ctx, sealed);
            return NGX_OK;
        }

        if (ctx->route.bulk == WEIR_BULK_UPLOAD) {
            sealed->kind = WEIR_SEALED_INPUT;
            sealed->operation = bulk->sum.operation;
            sealed->lines = bulk->sum.lines;
            sealed->deployment =
                 ctx->view->view.image.deployments[ctx->step.deployment].hash;
            sealed->input_tokens = bulk->sum.input_tokens;
            sealed->output_tokens = ngx_http_weir_bulk_most(ctx);
            return NGX_OK;
        }

        if (ctx->route.bulk == WEIR_BULK_CREATE) {
            sealed->kind = WEIR_SEALED_BATCH;
            sealed->request = ctx->call.id;
            return NGX_OK;
        }

        if (ctx->route.bulk == WEIR_BULK_SEND) {
            sealed->kind = WEIR_SEALED_MESSAGES;
            sealed->operation = bulk->sum.operation;
            sealed->lines = bulk->sum.lines;
            sealed->deployment =
                 ctx->view->view.image.deployments[ctx->step.deployment].hash;
            sealed->input_tokens = bulk->sum.input_tokens;
            sealed->output_tokens = bulk->sum.output_tokens;
            sealed->request = ctx->call.id;
            return NGX_OK;
        }

        /* another thing than was asked for is not told */

        return weir_span_equal(id, bulk->sealed.id) ? NGX_OK : NGX_ERROR;
    }

    ngx_memzero(&sealed->request, sizeof(struct weir_request_id));

    if (weir_span_equal(member, WEIR_SPAN("input_file_id"))) {
        sealed->kind = WEIR_SEALED_INPUT;
        return NGX_OK;
    }

    sealed->kind = WEIR_SEALED_RESULT;
    sealed->lines = 0;
    sealed->input_tokens = 0;
    sealed->output_tokens = 0;

    return NGX_OK;
}


/* How the client reached this gateway: by its own Host and the scheme, which
 * who ends TLS in front of it says. Who sends a Host that is none gets a path
 * alone. */

static void
ngx_http_weir_put_base(ngx_http_weir_ctx_t *ctx, struct weir_buf *out)
{
    u_char               c;
    ngx_str_t            host;
    ngx_uint_t           i, is_tls;
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r;

    r = ctx->request;
    h = ngx_http_weir_find_header(r, "x-forwarded-proto");
    is_tls = h && h->value.len == 5
             && ngx_strncasecmp(h->value.data, (u_char *) "https", 5) == 0;

#if (NGX_HTTP_SSL)
    is_tls |= r->connection->ssl != NULL;
#endif

    if (r->headers_in.host == NULL) {
        return;
    }

    host = r->headers_in.host->value;

    for (i = 0; i < host.len; i++) {
        c = host.data[i] | 0x20;

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9')
            && ngx_strchr(".-_:[]", host.data[i]) == NULL)
        {
            return;
        }
    }

    if (host.len && host.len < NGX_HTTP_WEIR_URL / 2) {
        weir_buf_addf(out, "%s://%.*s", is_tls ? "https" : "http",
                      (int) host.len, (char *) host.data);
    }
}


static bool
ngx_http_weir_bulk_seal(void *context, weir_span member, weir_span id,
    struct weir_buf *out)
{
    char                  text[WEIR_SEAL_TEXT];
    size_t                len;
    ngx_http_weir_ctx_t  *ctx = context;
    struct weir_sealer    sealer;
    struct weir_sealed    sealed;

    sealer = ngx_http_weir_sealer(ctx);

    if (ngx_http_weir_bulk_describe(ctx, member, id, &sealed) != NGX_OK
        || weir_seal(&sealer, &sealed, text, &len, NULL) != WEIR_OK)
    {
        return false;
    }

    ngx_http_weir_kept_note(ctx, member, &sealed, (weir_span) { text, len });

    weir_buf_add_byte(out, '"');

    if (weir_span_equal(member, WEIR_SPAN("results_url"))) {
        ngx_http_weir_put_base(ctx, out);
        weir_buf_addf(out, "/v1/messages/batches/%.*s/results", (int) len,
                      text);

    } else {
        weir_buf_add(out, text, len);
    }

    weir_buf_add_byte(out, '"');

    return true;
}


ngx_int_t
ngx_http_weir_bulk_retell(ngx_http_weir_ctx_t *ctx, weir_span *body)
{
    size_t              size;
    u_char             *p;
    struct weir_buf     out;
    struct weir_error   err;

    size = body->len + 4 * WEIR_SEAL_TEXT + NGX_HTTP_WEIR_URL;

    p = ngx_pnalloc(ctx->request->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    weir_buf_init_fixed(&out, p, size);

    if (weir_bulk_retell(ctx->bulk->shape, *body, ngx_http_weir_bulk_seal, ctx,
                         &out, &ctx->bulk->told, &err)
        != WEIR_OK)
    {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "weir: %s", err.text);
        return NGX_ERROR;
    }

    ctx->bulk->is_told = 1;
    *body = weir_buf_span(&out);

    return NGX_OK;
}


/* -------------------------------------------------------------- ending */

void
ngx_http_weir_bulk_failed(ngx_http_weir_ctx_t *ctx)
{
    if ((ctx->route.bulk == WEIR_BULK_SEND
         || ctx->route.bulk == WEIR_BULK_CREATE)
        && (ctx->failure.end == WEIR_ATTEMPT_BROKEN
            || ctx->failure.end == WEIR_ATTEMPT_SLOW_HEAD))
    {
        ctx->failure.is_started = 1;
    }
}


static uint64_t
ngx_http_weir_share(uint64_t amount, const struct weir_bulk_told *told)
{
    return (uint64_t) ((unsigned __int128) amount * told->done / told->total);
}


/* What a batch came to: the origin's count, or its share of what was held. */

static void
ngx_http_weir_bulk_usage(ngx_http_weir_bulk_t *bulk, struct weir_usage *usage)
{
    const struct weir_bulk_told  *told;

    told = &bulk->told;
    *usage = told->usage;

    if (told->has_usage || told->is_failed) {
        return;
    }

    ngx_memzero(usage, sizeof(struct weir_usage));
    usage->is_estimated = true;

    if (told->total && told->done <= told->total) {
        usage->input_tokens = ngx_http_weir_share(bulk->sealed.input_tokens,
                                                  told);
        usage->output_tokens = ngx_http_weir_share(bulk->sealed.output_tokens,
                                                   told);
    }
}


static ngx_uint_t
ngx_http_weir_was_ended(const struct weir_request_id *id)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WEIR_ENDED; i++) {
        if (ngx_memcmp(&ngx_http_weir_ended[i], id,
                       sizeof(struct weir_request_id))
            == 0)
        {
            return 1;
        }
    }

    i = ngx_http_weir_ended_next++ % NGX_HTTP_WEIR_ENDED;
    ngx_http_weir_ended[i] = *id;

    return 0;
}


/* Appends the outcome of the batch that the call named. */

static void
ngx_http_weir_bulk_conclude(ngx_http_weir_ctx_t *ctx, enum weir_ending ending,
    const struct weir_usage *usage)
{
    if (!ngx_http_weir_was_ended(&ctx->bulk->sealed.request)) {
        weir_call_conclude(&ctx->call, &ctx->bulk->sealed, ending, usage);
    }
}


void
ngx_http_weir_bulk_results(ngx_http_weir_ctx_t *ctx, u_char *p, size_t n)
{
    ngx_http_weir_bulk_t  *bulk;

    bulk = ctx->bulk;

    if (ctx->route.bulk != WEIR_BULK_RESULTS
        || ctx->status.code != NGX_HTTP_OK)
    {
        return;
    }

    if (bulk->results == NULL) {

        bulk->results = ngx_palloc(ctx->request->pool,
                                   sizeof(struct weir_bulk_results));
        if (bulk->results == NULL) {
            return;     /* read at the next time */
        }

        weir_bulk_results_init(bulk->results);
    }

    weir_bulk_results_feed(bulk->results, (weir_span) { (char *) p, n });
}


/* Results that came to their end: what the batch has used. */

static void
ngx_http_weir_bulk_count(ngx_http_weir_ctx_t *ctx)
{
    struct weir_bulk_results  *results;

    results = ctx->bulk->results;

    if (results == NULL || !ctx->is_complete || ctx->is_encoded) {
        return;
    }

    if (!weir_bulk_results_finish(results)) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "weir: the results of a batch cannot be counted");
        return;
    }

    ngx_http_weir_bulk_conclude(ctx, WEIR_END_COMPLETE, &results->usage);
    ctx->bulk->results = NULL;
}


ngx_uint_t
ngx_http_weir_bulk_settle(ngx_http_weir_ctx_t *ctx)
{
    struct weir_usage      usage;
    ngx_http_weir_bulk_t  *bulk;

    bulk = ctx->bulk;

    if (ctx->route.bulk == WEIR_BULK_RESULTS) {
        ngx_http_weir_bulk_count(ctx);
        return 0;
    }

    if (!bulk->is_told) {
        return 0;
    }

    if (ctx->route.bulk == WEIR_BULK_SEND
        || (ctx->route.bulk == WEIR_BULK_UPLOAD
            && !ngx_http_weir_is_for_calls(ctx)))
    {
        ngx_http_weir_bulk_watch(ctx);
    }

    switch (ctx->route.bulk) {

    case WEIR_BULK_CREATE:
    case WEIR_BULK_SEND:
        weir_call_commit(&ctx->call);
        return 1;

    case WEIR_BULK_ERASE:

        /* whoever has not read the results until now never will: what was
         * held is charged, unless the ledger has their count already */

        ngx_memzero(&usage, sizeof(struct weir_usage));
        usage.is_estimated = true;
        usage.input_tokens = bulk->sealed.input_tokens;
        usage.output_tokens = bulk->sealed.output_tokens;
        ngx_http_weir_bulk_conclude(ctx, WEIR_END_COMPLETE, &usage);
        return 0;

    default:
        break;
    }

    if (bulk->told.is_ended && !bulk->told.is_counted_later
        && bulk->sealed.kind == ngx_http_weir_batch_kind(bulk))
    {
        ngx_http_weir_bulk_usage(bulk, &usage);
        ngx_http_weir_bulk_conclude(ctx, bulk->told.is_failed
                                         ? WEIR_END_ORIGIN_ERROR
                                         : WEIR_END_COMPLETE,
                                    &usage);
    }

    return 0;
}
