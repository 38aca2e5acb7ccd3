/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that an origin keeps: by names of the tenant's, both ways.
 *
 *   decide   names are opened, and say at which origin what they name lies;
 *            candidates at other origins are barred
 *   attempt  the body gets that origin's ids, or none where it has no such
 *   reply    ids get names, between reader and filters
 *
 * WHY EACH ATTEMPT FOR ITSELF. A conversation that the client keeps says the
 * ids of items beside their content. At the origin that made them they are
 * of use; another one must not be told them, and the call may go there.
 *
 * WHY BEFORE THE CACHE. It is a tenant's own, and so are the names in it.
 *
 * The verbs that read answers again are in ngx_http_weir_stored_verbs.c.
 */

#include "ngx_http_weir_stored.h"
#include "ngx_http_weir_bulk.h"


void
ngx_http_weir_stored_owner(ngx_http_weir_ctx_t *ctx,
    struct weir_bound_owner *owner_out)
{
    struct weir_sealer  sealer;

    sealer = ngx_http_weir_sealer(ctx);
    owner_out->seal = sealer.key;
    owner_out->tenant = sealer.tenant;
}


ngx_int_t
ngx_http_weir_stored_new(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_stored_t  *s;

    s = ngx_palloc(ctx->request->pool, sizeof(ngx_http_weir_stored_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(s, offsetof(ngx_http_weir_stored_t, reply));
    s->has_names = 0;
    s->there = WEIR_INDEX_NONE;
    s->sealed = WEIR_INDEX_NONE;
    weir_buf_init(&s->out, 2 * NGX_HTTP_WEIR_FILTERED_MAX);
    ngx_http_weir_stored_owner(ctx, &s->owner);
    ctx->stored = s;

    return NGX_OK;
}


uint32_t
ngx_http_weir_stored_row(ngx_http_weir_ctx_t *ctx, uint64_t deployment)
{
    uint32_t                   i;
    const struct weir_image   *image;

    image = &ctx->view->view.image;

    for (i = 0; i < image->deployment_count; i++) {
        if (image->deployments[i].hash == deployment) {
            return i;
        }
    }

    return WEIR_INDEX_NONE;
}


/* The origin at which what a name opens to lies, or WEIR_INDEX_NONE. */

static uint32_t
ngx_http_weir_stored_open(ngx_http_weir_ctx_t *ctx, enum weir_bound_kind kind,
    weir_span text, weir_span *word_out)
{
    uint32_t                 row;
    ngx_http_weir_stored_t  *s;

    s = ctx->stored;

    if (!weir_bound_resolve(&s->owner, kind, text, s->room, word_out,
                            &s->deployment))
    {
        return WEIR_INDEX_NONE;
    }

    row = ngx_http_weir_stored_row(ctx, s->deployment);

    return row == WEIR_INDEX_NONE
           ? row : ctx->view->view.image.deployments[row].origin;
}


enum weir_stored_act
ngx_http_weir_stored_look(void *context, enum weir_bound_kind kind,
    enum weir_stored_need need, weir_span text, struct weir_buf *word)
{
    ngx_http_weir_ctx_t  *ctx = context;

    uint32_t                 origin;
    weir_span                found;
    ngx_http_weir_stored_t  *s;

    s = ctx->stored;
    origin = ngx_http_weir_stored_open(ctx, kind, text, &found);

    if (origin == WEIR_INDEX_NONE && need != WEIR_STORED_MUST) {
        return WEIR_STORED_DROP;
    }

    if (origin == WEIR_INDEX_NONE) {
        s->lacking = kind;
        return WEIR_STORED_REFUSE;
    }

    if (need == WEIR_STORED_SEALED && s->sealed == WEIR_INDEX_NONE) {
        s->sealed = origin;
    }

    if (need == WEIR_STORED_MUST) {

        if (s->there != WEIR_INDEX_NONE && s->there != origin) {
            s->lacking = kind;
            return WEIR_STORED_REFUSE;  /* no origin has both */
        }

        s->there = origin;
    }

    weir_buf_add_span(word, found);

    return WEIR_STORED_WRITE;
}


/* -------------------------------------------------------------- asking */

/* Whether this candidate's origin speaks the client's own dialect. */

static ngx_uint_t
ngx_http_weir_stored_speaks(ngx_http_weir_ctx_t *ctx, uint32_t candidate)
{
    uint32_t                          row;
    const struct weir_image          *image;
    const struct weir_provider       *provider;

    image = &ctx->view->view.image;
    row = ctx->call.answer.candidates[candidate].deployment;
    provider = ctx->view->image->endpoints[image->deployments[row].origin]
                   .provider;

    return provider && !weir_provider_translates(provider, &ctx->ask);
}


static ngx_uint_t
ngx_http_weir_stored_is_asked(ngx_http_weir_ctx_t *ctx)
{
    uint32_t  i;

    if (ctx->route.dialect != WEIR_DIALECT_RESPONSES
        && (ctx->route.dialect != WEIR_DIALECT_CHAT
            || !weir_stored_may_name(&ctx->ask)))
    {
        return 0;
    }

    for (i = 0; i < ctx->call.answer.candidate_count; i++) {
        if (ngx_http_weir_stored_speaks(ctx, i)) {
            return 1;
        }
    }

    return 0;   /* who translates says what cannot be said */
}


/* Candidates of which `there` is none are barred; those that translate only
 * with `all`.  Returns how many are left that policy allows. */

static uint32_t
ngx_http_weir_stored_bar(ngx_http_weir_ctx_t *ctx, uint32_t there,
    ngx_uint_t all, uint32_t *barred_out)
{
    uint32_t                      i, open, barred;
    ngx_uint_t                    speaks;
    const struct weir_image      *image;
    const struct weir_candidate  *candidate;

    image = &ctx->view->view.image;
    open = 0;
    barred = ctx->call.barred;

    for (i = 0; i < ctx->call.answer.candidate_count; i++) {
        candidate = &ctx->call.answer.candidates[i];
        speaks = ngx_http_weir_stored_speaks(ctx, i);

        if ((speaks || all)
            && (!speaks
                || image->deployments[candidate->deployment].origin != there))
        {
            barred |= UINT32_C(1) << i;

        } else if (speaks && candidate->verdict == WEIR_ALLOW
                   && !(barred >> i & 1))
        {
            open++;
        }
    }

    *barred_out = barred;

    return open;
}


/* Nothing may serve it where it must be: says why. */

static weir_status
ngx_http_weir_stored_away(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    uint32_t                      i;
    struct weir_call             *call;
    const struct weir_image      *image;
    const struct weir_candidate  *candidate;

    call = &ctx->call;
    image = &ctx->view->view.image;

    for (i = 0; i < call->answer.candidate_count; i++) {
        candidate = &call->answer.candidates[i];

        if (candidate->verdict == WEIR_ALLOW
            || image->deployments[candidate->deployment].origin
               != ctx->stored->there)
        {
            continue;
        }

        call->answer.speaking = i;
        call->answer.verdict = candidate->verdict;
        call->reason = candidate->reason;

        return weir_fail(err, candidate->verdict == WEIR_HOLD ? WEIR_EHELD
                                                              : WEIR_EDENIED,
                         WEIR_OFFSET_NONE,
                         "policy refuses the deployment that has what the "
                         "request goes on from");
    }

    call->reason = WEIR_REASON_BAD_REQUEST;
    ctx->ask.param = WEIR_SPAN("model");

    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                     "what the request goes on from lies at an origin that "
                     "does not serve this model");
}


weir_status
ngx_http_weir_stored_decide(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    size_t                   changed;
    uint32_t                 barred;
    weir_status              status;
    ngx_http_weir_stored_t  *s;

    if (!ngx_http_weir_stored_is_asked(ctx)) {
        return WEIR_OK;
    }

    if (ngx_http_weir_stored_new(ctx) != NGX_OK) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    if (!weir_stored_may_name(&ctx->ask)) {
        return WEIR_OK;
    }

    s = ctx->stored;

    status = weir_stored_names(&ctx->ask, ngx_http_weir_stored_look, ctx,
                               &ctx->arena, NULL, &changed, err);
    if (status != WEIR_OK) {
        ctx->call.reason = WEIR_REASON_BAD_REQUEST;
        return status;
    }

    s->has_names = changed > 0;

    if (s->there != WEIR_INDEX_NONE) {
        if (ngx_http_weir_stored_bar(ctx, s->there, 1, &barred) == 0) {
            return ngx_http_weir_stored_away(ctx, err);
        }

        ctx->call.barred = barred;
    }

    /* elsewhere nobody can read it: but those may try who leave it out */

    if (s->sealed != WEIR_INDEX_NONE
        && ngx_http_weir_stored_bar(ctx, s->sealed, 0, &barred) > 0)
    {
        ctx->call.barred = barred;
    }

    return WEIR_OK;
}


ngx_uint_t
ngx_http_weir_stored_is_bound(ngx_http_weir_ctx_t *ctx)
{
    return ctx->stored
           && (ctx->stored->there != WEIR_INDEX_NONE
               || ctx->route.endpoint == WEIR_ENDPOINT_STORED);
}


void
ngx_http_weir_stored_refusal(ngx_http_weir_ctx_t *ctx,
    struct weir_refusal *refusal)
{
    ngx_uint_t  is_verb;

    is_verb = ctx->route.endpoint == WEIR_ENDPOINT_STORED;

    switch (ctx->stored->lacking) {

    case WEIR_BOUND_RESPONSE:
        refusal->http = is_verb ? NGX_HTTP_NOT_FOUND : NGX_HTTP_BAD_REQUEST;
        refusal->code = is_verb ? WEIR_SPAN("response_not_found")
                                : WEIR_SPAN("previous_response_not_found");
        break;

    case WEIR_BOUND_CONVERSATION:
        refusal->http = NGX_HTTP_NOT_FOUND;
        refusal->code = WEIR_SPAN("conversation_not_found");
        break;

    case WEIR_BOUND_ITEM:
        refusal->http = NGX_HTTP_NOT_FOUND;
        refusal->code = WEIR_SPAN("item_not_found");
        break;

    default:
        return;
    }

    refusal->type = WEIR_SPAN("invalid_request_error");
}


/* ------------------------------------------------------------ outgoing */

/* The reply goes by the name that the client said. */

void
ngx_http_weir_stored_say_again(ngx_http_weir_ctx_t *ctx,
    enum weir_bound_kind kind, weir_span word, weir_span name)
{
    char                          *p;
    ngx_http_weir_stored_t        *s;
    ngx_http_weir_stored_said_t   *said;

    s = ctx->stored;

    if (s->said_count == NGX_HTTP_WEIR_STORED_SAID) {
        return;
    }

    p = ngx_pnalloc(ctx->request->pool, word.len + name.len);
    if (p == NULL) {
        return;
    }

    said = &s->said[s->said_count++];
    said->kind = kind;
    said->word = (weir_span) { p, word.len };
    said->name = (weir_span) { p + word.len, name.len };
    ngx_memcpy(p, word.ptr, word.len);
    ngx_memcpy(p + word.len, name.ptr, name.len);
}


/* A weir_stored_on_name: for the origin of the attempt under way. */

static enum weir_stored_act
ngx_http_weir_stored_say(void *context, enum weir_bound_kind kind,
    enum weir_stored_need need, weir_span text, struct weir_buf *word)
{
    ngx_http_weir_ctx_t  *ctx = context;

    uint32_t   origin;
    weir_span  found;

    origin = ngx_http_weir_stored_open(ctx, kind, text, &found);

    if (origin == WEIR_INDEX_NONE
        || origin != ctx->view->view.image.deployments[ctx->step.deployment]
                         .origin)
    {
        return need == WEIR_STORED_MUST ? WEIR_STORED_REFUSE
                                        : WEIR_STORED_DROP;
    }

    weir_buf_add_span(word, found);

    if (need == WEIR_STORED_MUST) {
        ngx_http_weir_stored_say_again(ctx, kind, found, text);
    }

    return WEIR_STORED_WRITE;
}


static void
ngx_http_weir_stored_begin(ngx_http_weir_ctx_t *ctx, ngx_uint_t is_streamed)
{
    ngx_uint_t                     i;
    ngx_http_weir_stored_t        *s;
    ngx_http_weir_stored_said_t   *said;

    s = ctx->stored;

    weir_stored_reply_init(&s->reply, &s->owner,
                  ctx->view->view.image.deployments[ctx->step.deployment].hash,
                  ctx->route.dialect, is_streamed);

    s->reply.on_file = ngx_http_weir_files_name;
    s->reply.on_file_context = ctx;

    for (i = 0; i < s->said_count; i++) {
        said = &s->said[i];
        weir_stored_reply_know(&s->reply, said->kind, said->word, said->name);
    }
}


weir_status
ngx_http_weir_stored_prepare(ngx_http_weir_ctx_t *ctx,
    struct weir_request **ask_out, struct weir_error *err)
{
    u_char                  *p;
    size_t                   changed;
    weir_status              status;
    struct weir_buf          body;
    ngx_http_weir_stored_t  *s;

    s = ctx->stored;
    *ask_out = &ctx->ask;

    if (!s->has_names) {
        ngx_http_weir_stored_begin(ctx, ctx->ask.is_streamed);
        return WEIR_OK;
    }

    s->said_count = 0;

    /* an id is shorter than its name */

    p = ngx_pnalloc(ctx->request->pool, ctx->ask.body.len);
    if (p == NULL) {
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "no memory for the request");
    }

    weir_buf_init_fixed(&body, p, ctx->ask.body.len);

    status = weir_stored_names(&ctx->ask, ngx_http_weir_stored_say, ctx,
                               &ctx->arena, &body, &changed, err);

    if (status == WEIR_OK && changed) {
        status = weir_surface_parse(&ctx->route, weir_buf_span(&body),
                                    &ctx->arena, &s->sent, err);
        *ask_out = &s->sent;
    }

    ngx_http_weir_stored_begin(ctx, ctx->ask.is_streamed);

    return status;
}


/* --------------------------------------------------------------- reply */

ngx_uint_t
ngx_http_weir_stored_names_reply(ngx_http_weir_ctx_t *ctx)
{
    return ctx->stored && ctx->reply && !ctx->outgoing.is_translated
           && !ctx->is_encoded
           && ctx->status.code < NGX_HTTP_SPECIAL_RESPONSE;
}


ngx_int_t
ngx_http_weir_stored_name(ngx_http_weir_ctx_t *ctx,
    struct weir_reply_piece *piece)
{
    ngx_http_weir_stored_t  *s;

    s = ctx->stored;

    if (s->reply.is_streamed != (ctx->is_stream != 0)) {
        ngx_http_weir_stored_begin(ctx, ctx->is_stream);
    }

    weir_buf_reset(&s->out);

    if (!weir_stored_reply_feed(&s->reply, piece->bytes, &s->out)) {
        return NGX_ERROR;
    }

    piece->bytes = weir_buf_span(&s->out);
    piece->is_held = true;

    return NGX_OK;
}


ngx_int_t
ngx_http_weir_stored_retell(ngx_http_weir_ctx_t *ctx, weir_span *body)
{
    ngx_uint_t                     i;
    ngx_http_weir_stored_t        *s;
    ngx_http_weir_stored_said_t   *said;

    s = ctx->stored;

    if (s == NULL || ctx->status.code < NGX_HTTP_SPECIAL_RESPONSE
        || ctx->outgoing.is_translated)
    {
        return NGX_OK;
    }

    for (i = 0; i < s->said_count; i++) {
        said = &s->said[i];

        if (said->word.len >= NGX_HTTP_WEIR_STORED_WORD
            && ngx_http_weir_rename(ctx->request->pool, body, said->word,
                                    said->name)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


void
ngx_http_weir_stored_free(ngx_http_weir_ctx_t *ctx)
{
    if (ctx->stored) {
        weir_buf_fini(&ctx->stored->out);
        ctx->stored = NULL;
    }
}
