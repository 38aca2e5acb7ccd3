/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that are kept, read again:
 *
 *   GET /v1/responses/ID   asked at the deployment that made it - on record -
 *                          origin - filters - client
 *
 * A call like any other, but that it asks no model for anything: nothing is
 * held and nothing billed, the answer was paid when it was made. Policy is
 * asked as for the call that made it, now, so that what has been withdrawn
 * since is out of reach; and the reply goes through the rules of now.
 */

#include "ngx_http_weir_stored.h"


/* A weir_stored_on_name, for queries. */

static enum weir_stored_act
ngx_http_weir_stored_find(void *context, enum weir_bound_kind kind,
    enum weir_stored_need need, weir_span text, struct weir_buf *word)
{
    ngx_http_weir_ctx_t    *ctx = context;
    enum weir_stored_act    act;

    act = ngx_http_weir_stored_look(context, kind, need, text, word);

    /* named where what it is about lies */

    ctx->stored->lacking = 0;

    return act;
}


/* The name, and what of the query goes on; both before policy is asked. */

static weir_status
ngx_http_weir_stored_read(ngx_http_weir_ctx_t *ctx, uint32_t *row_out,
    struct weir_error *err)
{
    u_char                   *p;
    struct weir_buf           id;
    ngx_http_weir_stored_t   *s;

    s = ctx->stored;

    p = ngx_pnalloc(ctx->request->pool, WEIR_BOUND_NAME_MAX);
    if (p == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    weir_buf_init_fixed(&id, p, WEIR_BOUND_NAME_MAX);
    ctx->call.reason = WEIR_REASON_BAD_REQUEST;

    if (ngx_http_weir_stored_look(ctx, WEIR_BOUND_RESPONSE, WEIR_STORED_MUST,
                                  ctx->route.model, &id)
        != WEIR_STORED_WRITE
        || !weir_stored_is_plain(weir_buf_span(&id)))
    {
        s->lacking = WEIR_BOUND_RESPONSE;
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "no response of this name is kept for this tenant");
    }

    s->id = weir_buf_span(&id);
    ngx_http_weir_stored_say_again(ctx, WEIR_BOUND_RESPONSE, s->id,
                                   ctx->route.model);
    *row_out = ngx_http_weir_stored_row(ctx, s->deployment);
    ctx->call.reason = WEIR_REASON_NONE;

    return WEIR_OK;
}


static weir_status
ngx_http_weir_stored_ask_query(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err)
{
    u_char                  *p;
    weir_span                args;
    weir_status              status;
    struct weir_buf          query;
    ngx_http_weir_stored_t  *s;

    s = ctx->stored;
    args = ngx_http_weir_span(ctx->request->args);

    p = ngx_pnalloc(ctx->request->pool, args.len + 1);
    if (p == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    weir_buf_init_fixed(&query, p, args.len + 1);

    status = weir_stored_query(ctx->route.stored, args,
                               (ctx->call.answer.obligations.strip
                                & WEIR_STRIP_LOGPROBS) != 0,
                               ngx_http_weir_stored_find, ctx, &query,
                               &ctx->ask.param, err);
    if (status != WEIR_OK) {
        ctx->call.reason = WEIR_REASON_BAD_REQUEST;
        return status;
    }

    s->query = weir_buf_span(&query);

    return WEIR_OK;
}


weir_status
ngx_http_weir_stored_serve(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    uint32_t                           row;
    weir_span                          nothing;
    weir_status                        status;
    struct weir_ask                    ask;
    const struct weir_image           *image;
    const struct weir_provider        *provider;

    row = 0;
    image = &ctx->view->view.image;

    ngx_memzero(&ctx->ask, sizeof(struct weir_request));

    ctx->ask.surface = ctx->route.surface;
    ctx->ask.endpoint = WEIR_ENDPOINT_RESPONSES;
    ctx->ask.dialect = ctx->route.dialect;
    ctx->ask.is_streamed = ctx->route.is_streamed;
    ctx->call.ask.operation = WEIR_OP_RESPONSES;
    ctx->call.ask.tool = weir_stored_title(ctx->route.stored);

    if (ngx_http_weir_stored_new(ctx) != NGX_OK) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    status = ngx_http_weir_stored_read(ctx, &row, err);
    if (status != WEIR_OK) {
        return status;
    }

    ngx_memzero(&ask, sizeof(struct weir_ask));

    ask.operation = WEIR_OP_RESPONSES;
    ask.model = weir_image_text(image,
                                image->models[image->deployments[row].model]
                                    .name);
    ask.is_streamed = ctx->route.is_streamed;
    ask.is_lookup = true;
    ask.tool = ctx->call.ask.tool;

    status = weir_call_decide_there(&ctx->call, &ask, ctx->stored->deployment,
                                    err);
    if (status != WEIR_OK) {
        return status;
    }

    provider = ctx->view->image->endpoints[image->deployments[row].origin]
                   .provider;

    if (provider == NULL || weir_provider_translates(provider, &ctx->ask)) {
        ctx->call.reason = WEIR_REASON_OPERATION;
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "the origin keeps no responses");
    }

    status = ngx_http_weir_stored_ask_query(ctx, err);
    if (status != WEIR_OK) {
        return status;
    }

    /* no prompt, but the rules over answers are made ready with it */

    nothing = WEIR_SPAN("{}");

    return ngx_http_weir_filter_request(ctx, &nothing, err);
}


weir_status
ngx_http_weir_stored_path(ngx_http_weir_ctx_t *ctx, weir_span prefix,
    struct weir_error *err)
{
    u_char                  *p;
    size_t                   size;
    weir_span                suffix;
    struct weir_buf          path;
    struct weir_request     *ask;
    ngx_http_weir_stored_t  *s;

    s = ctx->stored;
    suffix = weir_stored_suffix(ctx->route.stored);
    size = prefix.len + sizeof("/responses/") + s->id.len + suffix.len
           + s->query.len;

    p = ngx_pnalloc(ctx->request->pool, size);
    if (p == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    weir_buf_init_fixed(&path, p, size);
    weir_buf_add_span(&path, prefix);
    weir_buf_add_span(&path, WEIR_SPAN("/responses/"));
    weir_buf_add_span(&path, s->id);
    weir_buf_add_span(&path, suffix);
    weir_buf_add_span(&path, s->query);

    ngx_memzero(&ctx->outgoing, sizeof(struct weir_outgoing));
    ctx->outgoing.method = weir_stored_method(ctx->route.stored);
    ctx->outgoing.path = weir_buf_span(&path);

    return ngx_http_weir_stored_prepare(ctx, &ask, err);
}
