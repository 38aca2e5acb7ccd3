/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prompts through the rules that policy asks for: bodies of JSON string by
 * string, forms field by field, files of batches line by line, others whole. A body that
 * changed is parsed again, so that what is decided from here on is decided
 * about what the origin gets.
 */

#include "ngx_http_weir_bulk.h"
#include "ngx_http_weir_filter.h"


weir_status
ngx_http_weir_begin_filtering(ngx_http_weir_ctx_t *ctx, uint32_t mask,
    struct weir_error *err)
{
    uint32_t                    rows[WEIR_DETECT_RULES_MAX];
    ngx_uint_t                  n;
    const struct weir_image    *image;
    ngx_http_weir_filtering_t  *f;

    image = &ctx->view->view.image;

    f = ngx_calloc(sizeof(ngx_http_weir_filtering_t),
                   ctx->request->connection->log);
    if (f == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    ctx->filtering = f;
    weir_buf_init(&f->out, NGX_HTTP_WEIR_FILTERED_MAX);

    n = ngx_http_weir_rules(image, mask, WEIR_IMAGE_REQUESTS, rows);

    if (n) {
        f->request = ngx_http_weir_get_set(image, rows, n);
    }

    if (n && f->request == NULL) {
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "the filters of this call are not ready");
    }

    weir_vault_init(&f->vault, f->request ? f->request->set : NULL);

    n = ngx_http_weir_rules(image, mask, WEIR_IMAGE_REPLIES, rows);
    f->reply = ngx_http_weir_get_set(image, rows, n);

    if (f->reply == NULL) {
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "the filters of this call are not ready");
    }

    return WEIR_OK;
}


weir_status
ngx_http_weir_refuse_filtered(ngx_http_weir_ctx_t *ctx, const char *what,
    weir_span rule, struct weir_error *err)
{
    ctx->call.reason = WEIR_REASON_FILTERED;

    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "%s holds what the filter's rule \"%.*s\" blocks", what,
                     WEIR_SPAN_ARG(rule));
}


/*
 * A prompt in tokens is numbers that only a model's vocabulary reads: no rule
 * could find anything there. It does not pass where a rule would act.
 */

static weir_status
ngx_http_weir_refuse_tokens(ngx_http_weir_ctx_t *ctx, weir_span body,
    struct weir_error *err)
{
    bool                            is_in_tokens;
    size_t                          i, n;
    struct weir_arena               room;
    enum weir_operation             operation;
    const struct weir_detect_set   *set;

    set = ctx->filtering->request->set;
    n = weir_detect_rule_count(set);
    operation = ctx->bulk ? ctx->bulk->sum.operation
                          : ctx->call.ask.operation;

    if (operation != WEIR_OP_EMBED && operation != WEIR_OP_COMPLETE) {
        return WEIR_OK;
    }

    for (i = 0; i < n; i++) {
        if (weir_detect_rule_action(set, i) != WEIR_DETECT_FLAG) {
            break;
        }
    }

    if (i == n) {
        return WEIR_OK;
    }

    weir_arena_init_heap(&room, NGX_HTTP_WEIR_FILTERED_MAX);
    is_in_tokens = weir_detect_has_tokens(body, &room);
    weir_arena_fini(&room);

    if (!is_in_tokens) {
        return WEIR_OK;
    }

    ctx->call.reason = WEIR_REASON_FILTERED;

    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "a prompt in tokens cannot be looked at by the filters "
                     "that policy asks for: send its text");
}


static weir_status
ngx_http_weir_filter_strings(ngx_http_weir_ctx_t *ctx, weir_span *body,
    struct weir_error *err)
{
    bool                        is_done;
    u_char                     *p;
    weir_status                 status;
    struct weir_buf             text;
    struct weir_arena           room;
    struct weir_detect_out      out;
    ngx_http_weir_filtering_t  *f;

    f = ctx->filtering;

    if (!ctx->route.is_form) {
        status = ngx_http_weir_refuse_tokens(ctx, *body, err);
        if (status != WEIR_OK) {
            return status;
        }
    }

    weir_buf_init(&text, NGX_HTTP_WEIR_FILTERED_MAX);
    weir_arena_init_heap(&room, NGX_HTTP_WEIR_FILTERED_MAX);

    ngx_memzero(&out, sizeof(struct weir_detect_out));
    out.text = &text;
    out.vault = &f->vault;

    is_done = ctx->route.is_form
              ? weir_form_detect(f->request->set, *body, &out)
              : weir_detect_body(f->request->set, NULL, *body, &room, &out);

    weir_arena_fini(&room);
    ngx_memcpy(f->found, out.found, sizeof(f->found));

    if (is_done && !out.is_blocked && out.is_changed) {
        p = ngx_pnalloc(ctx->request->pool, text.len);

        if (p == NULL) {
            is_done = 0;

        } else {
            ngx_memcpy(p, text.ptr, text.len);
            *body = (weir_span) { (char *) p, text.len };
        }
    }

    weir_buf_fini(&text);

    if (out.is_blocked) {
        return ngx_http_weir_refuse_filtered(ctx, "the request",
                   weir_detect_rule_name(f->request->set, out.blocked_by),
                   err);
    }

    if (!is_done && ctx->route.is_form) {
        ctx->call.reason = WEIR_REASON_FILTERED;

        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "the form has a field that is no text, or is too "
                         "large for its filters");
    }

    if (!is_done) {
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the request is too large for its filters");
    }

    if (out.is_changed) {
        ctx->arena.used = 0;
        return weir_surface_parse(&ctx->route, *body, &ctx->arena, &ctx->ask,
                                  err);
    }

    return WEIR_OK;
}


weir_status
ngx_http_weir_filter_part(ngx_http_weir_ctx_t *ctx, weir_span *part,
    struct weir_buf *out_text, struct weir_error *err)
{
    bool                        is_done;
    uint32_t                    mask;
    ngx_uint_t                  i;
    weir_status                 status;
    struct weir_arena           room;
    struct weir_detect_out      out;
    ngx_http_weir_filtering_t  *f;

    mask = ctx->call.answer.obligations.filters;

    if (mask == 0) {
        return WEIR_OK;
    }

    if (ctx->filtering == NULL) {
        status = ngx_http_weir_begin_filtering(ctx, mask, err);
        if (status != WEIR_OK) {
            return status;
        }
    }

    f = ctx->filtering;

    if (f->request == NULL) {
        return WEIR_OK;
    }

    status = ngx_http_weir_refuse_tokens(ctx, *part, err);
    if (status != WEIR_OK) {
        return status;
    }

    weir_buf_reset(out_text);
    weir_arena_init_heap(&room, NGX_HTTP_WEIR_FILTERED_MAX);

    ngx_memzero(&out, sizeof(struct weir_detect_out));
    out.text = out_text;    /* and no vault: nobody would restore them */

    is_done = weir_detect_body(f->request->set, NULL, *part, &room, &out);

    weir_arena_fini(&room);

    for (i = 0; i < WEIR_DETECT_RULES_MAX; i++) {
        f->found[i] += out.found[i];
    }

    if (out.is_blocked) {
        return ngx_http_weir_refuse_filtered(ctx, "a line",
                   weir_detect_rule_name(f->request->set, out.blocked_by),
                   err);
    }

    if (!is_done) {
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "a line is too large for its filters");
    }

    if (out.is_changed) {
        *part = weir_buf_span(out_text);
    }

    return WEIR_OK;
}


/* So much of a text at a time. */
#define NGX_HTTP_WEIR_FILTER_PIECE  65536


weir_status
ngx_http_weir_filter_text(ngx_http_weir_ctx_t *ctx, weir_span text,
    struct weir_buf *out_text, ngx_uint_t *is_changed, struct weir_error *err)
{
    bool                        is_done;
    size_t                      n;
    ngx_uint_t                  i;
    weir_status                 status;
    struct weir_detect_out      out;
    ngx_http_weir_filtering_t  *f;
    struct weir_detect_stream   stream;

    *is_changed = 0;

    if (ctx->filtering == NULL) {
        status = ngx_http_weir_begin_filtering(ctx,
                              ctx->call.answer.obligations.filters, err);
        if (status != WEIR_OK) {
            return status;
        }
    }

    f = ctx->filtering;

    if (f->request == NULL) {
        return WEIR_OK;
    }

    ngx_memzero(&out, sizeof(struct weir_detect_out));
    out.text = out_text;    /* and no vault: nobody would restore them */

    weir_detect_stream_init(&stream, f->request->set, NULL);

    do {
        n = ngx_min(text.len, NGX_HTTP_WEIR_FILTER_PIECE);

        is_done = weir_detect_feed(&stream, (weir_span) { text.ptr, n },
                                   n == text.len, &out);
        text.ptr += n;
        text.len -= n;

    } while (is_done && !out.is_blocked && text.len);

    weir_detect_stream_fini(&stream);

    for (i = 0; i < WEIR_DETECT_RULES_MAX; i++) {
        f->found[i] += out.found[i];
    }

    if (out.is_blocked) {
        return ngx_http_weir_refuse_filtered(ctx, "the file",
                   weir_detect_rule_name(f->request->set, out.blocked_by),
                   err);
    }

    if (!is_done || out_text->overflow) {
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the file is too large for its filters");
    }

    *is_changed = out.is_changed;

    return WEIR_OK;
}


weir_status
ngx_http_weir_filter_request(ngx_http_weir_ctx_t *ctx, weir_span *body,
    struct weir_error *err)
{
    size_t       i;
    uint32_t     mask;
    weir_status  status;

    mask = ctx->call.answer.obligations.filters;

    if (ngx_http_weir_classify_init(ctx) != NGX_OK) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    if (mask == 0 && !ngx_http_weir_classifies_reply(ctx)) {
        return WEIR_OK;
    }

    status = ngx_http_weir_begin_filtering(ctx, mask, err);

    if (status != WEIR_OK || ctx->filtering->request == NULL) {
        return status;
    }

    for (i = 0; i < body->len; i++) {
        if (body->ptr[i] != ' ' && body->ptr[i] != '\n'
            && body->ptr[i] != '\t' && body->ptr[i] != '\r')
        {
            break;
        }
    }

    if (i < body->len && body->ptr[i] != '{' && body->ptr[i] != '['
        && !ctx->route.is_form)
    {
        ctx->call.reason = WEIR_REASON_FILTERED;

        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "requests of this kind cannot be filtered, and "
                         "policy asks for it");
    }

    return ngx_http_weir_filter_strings(ctx, body, err);
}
