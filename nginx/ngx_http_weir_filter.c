/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters in nginx: rules that policy asks for, over prompts and answers.
 *
 *     request body -> weir_detect_body -> parsed again -> on its way
 *          (ngx_http_weir_filter_request.c)
 *     reply        -> reader (usage)   -> weir_filter  -> client
 *
 * The filter is the last to touch a reply, in the client's own dialect: what
 * the reader counted is what the origin made, whatever is masked.
 *
 * WHAT CANNOT BE LOOKED AT does not pass: compressed replies, bytes that are
 * neither JSON nor events nor text. Sound and images do, where they were asked
 * for: an origin's word alone makes no answer a picture.
 */

#include "ngx_http_weir_filter.h"


/* Streams of Bedrock. */
#define NGX_HTTP_WEIR_BINARY_EVENTS  "application/vnd.amazon.eventstream"


/* --------------------------------------------------------------- reply */

ngx_uint_t
ngx_http_weir_filters_reply(ngx_http_weir_ctx_t *ctx)
{
    return ctx->filtering
           && (weir_detect_rule_count(ctx->filtering->reply->set) > 0
               || ctx->filtering->vault.count > 0
               || ngx_http_weir_classifies_reply(ctx));
}


ngx_uint_t
ngx_http_weir_must_filter_reply(ngx_http_weir_ctx_t *ctx)
{
    return (ctx->filtering
            && (weir_detect_rule_count(ctx->filtering->reply->set) > 0
                || ctx->filtering->vault.count > 0))
           || !ngx_http_weir_classify_may_pass(ctx);
}


ngx_uint_t
ngx_http_weir_is_blocked(ngx_http_weir_ctx_t *ctx)
{
    return ctx->filtering && ctx->filtering->is_blocked;
}


/* What a client will be told that it is. */

static weir_span
ngx_http_weir_reply_type(ngx_http_weir_ctx_t *ctx)
{
    weir_span  type;

    type = ctx->reply ? weir_reply_content_type(ctx->reply) : WEIR_SPAN_NONE;

    return type.len ? type : ngx_http_weir_span(ctx->content_type);
}


static ngx_uint_t
ngx_http_weir_is_type(weir_span type, const char *name)
{
    size_t  n;

    n = ngx_strlen(name);

    return type.len >= n
           && ngx_strncasecmp((u_char *) type.ptr, (u_char *) name, n) == 0;
}


/* Sound, pictures: of calls that ask for them, and files as they are kept. */

static ngx_uint_t
ngx_http_weir_is_media(ngx_http_weir_ctx_t *ctx, weir_span type)
{
    return !ctx->is_encoded
           && (ctx->bulk || ctx->call.ask.operation == WEIR_OP_SPEECH
               || ctx->call.ask.operation == WEIR_OP_IMAGE)
           && (ngx_http_weir_is_type(type, "audio/")
               || ngx_http_weir_is_type(type, "image/")
               || ngx_http_weir_is_type(type, "video/"));
}


ngx_uint_t
ngx_http_weir_filters_stream(ngx_http_weir_ctx_t *ctx)
{
    return ctx->filtering && ctx->filtering->is_streamed;
}


ngx_uint_t
ngx_http_weir_filters_text(ngx_http_weir_ctx_t *ctx)
{
    return ctx->filtering && ctx->filtering->is_text;
}


ngx_int_t
ngx_http_weir_begin_filter(ngx_http_weir_ctx_t *ctx)
{
    weir_span                   type;
    struct weir_filter_setup    setup;
    ngx_http_weir_filtering_t  *f;

    f = ctx->filtering;

    if (f->filter || f->is_blocked || f->is_passed) {
        return NGX_OK;
    }

    type = ngx_http_weir_reply_type(ctx);

    if (ngx_http_weir_is_media(ctx, type)) {
        f->is_passed = 1;
        return NGX_OK;
    }

    if (ctx->framing == NGX_HTTP_WEIR_UNTIL_CLOSE && !ctx->is_stream
        && ctx->request->upstream->peer.connection
        && ngx_http_weir_classifies_reply(ctx))
    {
        /* its end is the origin's to tell, when nothing can wait any more */

        if (!ngx_http_weir_classify_may_pass(ctx)) {
            f->is_blocked = 1;
            f->blocked_by = WEIR_DETECT_RULES_MAX;
            return NGX_OK;
        }

        ngx_http_weir_classify_unreadable(ctx);
    }

    ngx_memzero(&setup, sizeof(struct weir_filter_setup));

    if (ngx_http_weir_classifies_reply(ctx)) {
        setup.on_text = ngx_http_weir_classify_text;
        setup.context = ctx;
    }

    setup.set = f->reply->set;
    setup.restores = f->vault.count ? &f->vault : NULL;
    setup.has_no_deltas = ctx->tools != NULL;
    setup.is_binary = ngx_http_weir_is_type(type, NGX_HTTP_WEIR_BINARY_EVENTS);
    setup.is_streamed = setup.is_binary
                        || ngx_http_weir_is_type(type, "text/event-stream");
    setup.is_text = !setup.is_streamed
                    && (ngx_http_weir_is_type(type, "text/plain")
                        || ngx_http_weir_is_type(type, "text/vtt")
                        || ngx_http_weir_is_type(type,
                                                 "application/x-subrip"));
    f->is_streamed = setup.is_streamed;
    f->is_text = setup.is_text;
    setup.held_max = setup.is_streamed ? ngx_http_weir_worker.conf->event_max
                                       : NGX_HTTP_WEIR_FILTERED_MAX;

    if (ctx->is_encoded
        || (!setup.is_streamed && !setup.is_text
            && !ngx_http_weir_is_type(type, "application/json")))
    {
        if (!ngx_http_weir_must_filter_reply(ctx)) {
            ngx_http_weir_classify_unreadable(ctx);
            f->is_passed = 1;
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                      "weir: a reply of type \"%*s\" cannot be filtered",
                      type.len, type.ptr);
        f->is_blocked = 1;
        f->blocked_by = WEIR_DETECT_RULES_MAX;
        return NGX_OK;
    }

    f->filter = weir_filter_new(&setup);

    return f->filter ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_weir_pass_filtered(ngx_http_weir_ctx_t *ctx, ngx_chain_t **chain,
    ngx_uint_t goes_on)
{
    ngx_int_t                      rc;
    ngx_http_weir_filtering_t     *f;
    const struct weir_detect_out  *found;

    f = ctx->filtering;

    if (!goes_on) {
        found = weir_filter_found(f->filter);
        f->is_blocked = 1;
        f->blocked_by = found->blocked_by;

        ngx_log_error(NGX_LOG_NOTICE, ctx->request->connection->log, 0,
                      "weir: a filter stopped a reply (rule %ui)",
                      (ngx_uint_t) f->blocked_by);
    }

    if (goes_on) {
        ngx_http_weir_classify_body(ctx, weir_buf_span(&f->out));
    }

    rc = ngx_http_weir_classify_reply(ctx, chain, weir_buf_span(&f->out));

    weir_buf_reset(&f->out);

    return rc;
}


ngx_int_t
ngx_http_weir_filter_reply(ngx_http_weir_ctx_t *ctx, ngx_chain_t **chain,
    weir_span bytes)
{
    ngx_int_t                   rc;
    ngx_http_weir_filtering_t  *f;

    f = ctx->filtering;

    if (f->is_blocked || bytes.len == 0) {
        return NGX_OK;
    }

    rc = ngx_http_weir_begin_filter(ctx);

    if (rc != NGX_OK || f->is_blocked) {
        return rc;
    }

    if (f->is_passed) {
        return ngx_http_weir_append_copy(ctx, chain, bytes.ptr, bytes.len);
    }

    return ngx_http_weir_pass_filtered(ctx, chain,
                                       weir_filter_take(f->filter, bytes,
                                                        &f->out));
}


ngx_int_t
ngx_http_weir_filter_end(ngx_http_weir_ctx_t *ctx, ngx_chain_t **chain)
{
    ngx_http_weir_filtering_t  *f;

    f = ctx->filtering;

    if (f == NULL || f->filter == NULL || f->is_blocked) {
        return NGX_OK;
    }

    return ngx_http_weir_pass_filtered(ctx, chain,
                                       weir_filter_finish(f->filter, &f->out));
}


/* A reply that is not passed on: another may come. */

void
ngx_http_weir_filter_reset(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_filtering_t  *f;

    f = ctx->filtering;

    if (f) {
        weir_filter_free(f->filter);
        f->filter = NULL;
        f->is_blocked = 0;
        f->is_passed = 0;
        f->is_streamed = 0;
        f->is_text = 0;
        weir_buf_reset(&f->out);
    }

    ngx_http_weir_classify_reset(ctx);
}


void
ngx_http_weir_block_reply(ngx_http_weir_ctx_t *ctx)
{
    ctx->filtering->is_blocked = 1;
    ctx->filtering->blocked_by = WEIR_DETECT_RULES_MAX;
}


/* Nothing of the reply was sent: it is refused in its place. */

void
ngx_http_weir_refuse_reply(ngx_http_weir_ctx_t *ctx)
{
    weir_span                   rule;
    weir_status                 status;
    struct weir_error           err;
    ngx_http_weir_filtering_t  *f;

    f = ctx->filtering;
    status = ngx_http_weir_classify_refusal(ctx, &err);

    if (status != WEIR_OK) {
        ngx_http_finalize_request(ctx->request,
                                  ngx_http_weir_refuse(ctx, status, &err));
        return;
    }

    rule = f->blocked_by < weir_detect_rule_count(f->reply->set)
           && f->filter
           ? weir_detect_rule_name(f->reply->set, f->blocked_by)
           : WEIR_SPAN_NONE;

    status = rule.len
             ? ngx_http_weir_refuse_filtered(ctx, "the answer", rule, &err)
             : weir_fail(&err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "the answer cannot be filtered, and policy asks for "
                         "it");

    ctx->call.reason = WEIR_REASON_FILTERED;

    ngx_http_finalize_request(ctx->request,
                              ngx_http_weir_refuse(ctx, status, &err));
}


/* "mail:2,card:1": rules and how often, never what they found. */

static void
ngx_http_weir_count_found(struct weir_buf *buf,
    const struct weir_detect_set *set, const uint32_t *found)
{
    size_t      i;
    weir_span   name;
    ngx_uint_t  n;

    n = 0;

    for (i = 0; i < weir_detect_rule_count(set); i++) {

        if (found[i] == 0) {
            continue;
        }

        name = weir_detect_rule_name(set, i);
        weir_buf_addf(buf, "%s%.*s:%u", n++ ? "," : "",
                      WEIR_SPAN_ARG(name), (unsigned) found[i]);
    }
}


weir_span
ngx_http_weir_filter_found(ngx_http_weir_ctx_t *ctx)
{
    size_t                      request;
    struct weir_buf             buf;
    ngx_http_weir_filtering_t  *f;

    f = ctx->filtering;

    if (f == NULL) {
        return WEIR_SPAN_NONE;
    }

    weir_buf_init_fixed(&buf, f->text, sizeof(f->text));

    if (f->request) {
        ngx_http_weir_count_found(&buf, f->request->set, f->found);
    }

    request = buf.len;
    weir_buf_add_byte(&buf, ';');

    if (f->filter) {
        ngx_http_weir_count_found(&buf, f->reply->set,
                                  weir_filter_found(f->filter)->found);

    } else {
        ngx_http_weir_count_found(&buf, f->reply->set, f->replied);
    }

    if (buf.len == 1) {
        return WEIR_SPAN_NONE;  /* nothing at all */
    }

    if (buf.len == request + 1) {
        buf.len--;              /* nothing in the reply */
    }

    return weir_buf_span(&buf);
}


void
ngx_http_weir_filter_free(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_filtering_t  *f;

    f = ctx->filtering;

    if (f == NULL) {
        return;
    }

    weir_filter_free(f->filter);
    weir_vault_fini(&f->vault);
    weir_buf_fini(&f->out);
    ngx_http_weir_unref_set(f->request);
    ngx_http_weir_unref_set(f->reply);
    ngx_free(f);
    ctx->filtering = NULL;
}
