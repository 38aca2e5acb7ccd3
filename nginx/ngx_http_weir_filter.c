/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters in nginx: rules that policy asks for, over prompts and answers.
 *
 *     request body -> weir_detect_body -> parsed again -> on its way
 *     reply        -> reader (usage)   -> weir_filter  -> client
 *
 * The filter is the last to touch a reply, in the client's own dialect: what
 * the reader counted is what the origin made, whatever is masked.
 *
 * WHY SETS ARE KEPT BY WHAT THEY SAY. Making the matcher's form takes some
 * 20 ms, as long as thousands of calls. A new image mostly has the filters of
 * the last one; a set is found by a digest of its rules, and made only where
 * there is none.
 *
 * WHAT CANNOT BE LOOKED AT does not pass: compressed replies, texts that are
 * neither JSON nor events, requests that are no JSON. Sound and images do.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_classify.h"

#include <weir/filter.h>


/* Sets without a user that are kept for the next one. */
#define NGX_HTTP_WEIR_SETS          32


struct ngx_http_weir_set_s {
    ngx_http_weir_set_t            *next;       /* in worker.sets */
    uint64_t                        digest;
    ngx_uint_t                      references;
    struct weir_detect_set         *set;
};


/* What filters of a call need; NULL where no policy asked for any. */
struct ngx_http_weir_filtering_s {
    ngx_http_weir_set_t            *request;    /* NULL: no rules */
    ngx_http_weir_set_t            *reply;      /* NULL: nothing to do */
    struct weir_filter             *filter;     /* of this attempt's reply */
    struct weir_buf                 out;
    ngx_uint_t                      is_blocked;
    ngx_uint_t                      is_passed;  /* sound and images */
    uint8_t                         blocked_by; /* rule of the reply's set */
    uint32_t                        found[WEIR_DETECT_RULES_MAX];
    char                            text[256];  /* what was found */
    struct weir_vault               vault;
};


static weir_span
ngx_http_weir_next_term(weir_span *rest)
{
    const char  *end;
    weir_span    term;

    end = memchr(rest->ptr, '\n', rest->len);

    term = (weir_span) { rest->ptr,
                         end ? (size_t) (end - rest->ptr) : rest->len };

    rest->ptr += term.len + (end != NULL);
    rest->len -= term.len + (end != NULL);

    return term;
}


/* The rules of the filters in `mask` for one direction. */

static ngx_uint_t
ngx_http_weir_rules(const struct weir_image *image, uint32_t mask,
    uint32_t direction, uint32_t rows[WEIR_DETECT_RULES_MAX])
{
    uint32_t    i, k;
    ngx_uint_t  n;

    n = 0;

    for (i = 0; i < image->filter_count; i++) {

        if (!(mask >> i & 1)) {
            continue;
        }

        for (k = 0; k < image->filters[i].count; k++) {

            if ((image->filter_rules[image->filters[i].first + k].directions
                 & direction)
                && image->filter_rules[image->filters[i].first + k].classifier
                   == 0
                && n < WEIR_DETECT_RULES_MAX)
            {
                rows[n++] = image->filters[i].first + k;
            }
        }
    }

    return n;
}


static uint64_t
ngx_http_weir_rules_digest(const struct weir_image *image, uint32_t *rows,
    ngx_uint_t n)
{
    uint64_t                              digest;
    ngx_uint_t                            i;
    const struct weir_image_filter_rule  *row;

    digest = n + 1;

    for (i = 0; i < n; i++) {
        row = &image->filter_rules[rows[i]];

        digest = weir_hash64(weir_image_text(image, row->name), digest);
        digest = weir_hash64(weir_image_text(image, row->detector), digest);
        digest = weir_hash64(weir_image_text(image, row->expression), digest);
        digest = weir_hash64(weir_image_text(image, row->terms), digest);
        digest = weir_hash64(weir_image_text(image, row->replacement),
                             digest);
        digest = weir_hash64((weir_span) { (char *) &row->action,
                                           3 * sizeof(uint32_t) }, digest);
    }

    return digest;
}


static struct weir_detect_set *
ngx_http_weir_compile(const struct weir_image *image, uint32_t *rows,
    ngx_uint_t n, ngx_log_t *log)
{
    weir_span                             rest, *terms;
    ngx_uint_t                            i;
    struct weir_error                     err;
    struct weir_arena                     arena;
    struct weir_detect_set               *set;
    struct weir_detect_rule               rules[WEIR_DETECT_RULES_MAX];
    const struct weir_image_filter_rule  *row;

    set = NULL;
    ngx_memzero(rules, sizeof(rules));
    weir_arena_init_heap(&arena, NGX_HTTP_WEIR_FILTERED_MAX);

    for (i = 0; i < n; i++) {
        row = &image->filter_rules[rows[i]];
        rest = weir_image_text(image, row->terms);

        rules[i].name = weir_image_text(image, row->name);
        rules[i].detector =
                 weir_detector_find(weir_image_text(image, row->detector));
        rules[i].expression = weir_image_text(image, row->expression);
        rules[i].replacement = weir_image_text(image, row->replacement);
        rules[i].action = (enum weir_detect_action) row->action;
        rules[i].is_caseless = row->is_caseless != 0;

        terms = weir_arena_array(&arena, weir_span, rest.len + 1);
        rules[i].terms = terms;

        while (terms && rest.len) {
            terms[rules[i].term_count++] = ngx_http_weir_next_term(&rest);
        }
    }

    if (arena.overflow
        || weir_detect_compile(rules, n, &set, &err) != WEIR_OK)
    {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "weir: filters are not usable: %s",
                      arena.overflow ? "no memory" : err.text);
        set = NULL;
    }

    weir_arena_fini(&arena);

    return set;
}


static void
ngx_http_weir_unref_set(ngx_http_weir_set_t *set)
{
    if (set) {
        set->references--;
    }
}


/* Drops sets that nobody uses, but for the newest ones. */

static void
ngx_http_weir_forget_sets(ngx_http_weir_worker_t *w)
{
    ngx_uint_t             n;
    ngx_http_weir_set_t   *set, **link;

    n = 0;

    for (link = &w->sets; *link; /* void */ ) {
        set = *link;

        if (++n > NGX_HTTP_WEIR_SETS && set->references == 0) {
            *link = set->next;
            weir_detect_free(set->set);
            ngx_free(set);
            continue;
        }

        link = &set->next;
    }
}


/* NULL: it could not be made. */

static ngx_http_weir_set_t *
ngx_http_weir_get_set(const struct weir_image *image, uint32_t *rows,
    ngx_uint_t n)
{
    uint64_t                 digest;
    ngx_http_weir_set_t     *set;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;
    digest = ngx_http_weir_rules_digest(image, rows, n);

    for (set = w->sets; set; set = set->next) {
        if (set->digest == digest) {
            set->references++;
            return set;
        }
    }

    set = ngx_calloc(sizeof(ngx_http_weir_set_t), w->log);
    if (set == NULL) {
        return NULL;
    }

    set->set = ngx_http_weir_compile(image, rows, n, w->log);
    if (set->set == NULL) {
        ngx_free(set);
        return NULL;
    }

    set->digest = digest;
    set->references = 1;
    set->next = w->sets;
    w->sets = set;

    ngx_http_weir_forget_sets(w);

    return set;
}


/* What policies of a new image ask for is made before a call waits for it. */

void
ngx_http_weir_prepare_sets(const struct weir_image *image)
{
    uint32_t              i, direction, seen, mask, rows[WEIR_DETECT_RULES_MAX];
    ngx_uint_t            n;
    ngx_http_weir_set_t  *set;

    seen = 0;

    for (i = 0; i < image->policy_count; i++) {
        mask = image->policies[i].filters;

        if (mask == 0 || mask == seen) {
            continue;
        }

        seen = mask;

        for (direction = WEIR_IMAGE_REQUESTS; direction <= WEIR_IMAGE_REPLIES;
             direction++)
        {
            n = ngx_http_weir_rules(image, mask, direction, rows);
            set = ngx_http_weir_get_set(image, rows, n);
            ngx_http_weir_unref_set(set);
        }
    }
}


void
ngx_http_weir_free_sets(void)
{
    ngx_http_weir_set_t     *set;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    while (w->sets) {
        set = w->sets;
        w->sets = set->next;
        weir_detect_free(set->set);
        ngx_free(set);
    }
}


/* ------------------------------------------------------------- request */

static weir_status
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


static weir_status
ngx_http_weir_refuse_filtered(ngx_http_weir_ctx_t *ctx, const char *what,
    weir_span rule, struct weir_error *err)
{
    ctx->call.reason = WEIR_REASON_FILTERED;

    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "%s holds what the filter's rule \"%.*s\" blocks", what,
                     WEIR_SPAN_ARG(rule));
}


static weir_status
ngx_http_weir_filter_strings(ngx_http_weir_ctx_t *ctx, weir_span *body,
    struct weir_error *err)
{
    bool                        is_done;
    u_char                     *p;
    struct weir_buf             text;
    struct weir_arena           room;
    struct weir_detect_out      out;
    ngx_http_weir_filtering_t  *f;

    f = ctx->filtering;

    weir_buf_init(&text, NGX_HTTP_WEIR_FILTERED_MAX);
    weir_arena_init_heap(&room, NGX_HTTP_WEIR_FILTERED_MAX);

    ngx_memzero(&out, sizeof(struct weir_detect_out));
    out.text = &text;
    out.vault = &f->vault;

    is_done = weir_detect_body(f->request->set, NULL, *body, &room, &out);

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

    if (i < body->len && body->ptr[i] != '{' && body->ptr[i] != '[') {
        ctx->call.reason = WEIR_REASON_FILTERED;

        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "requests of this kind cannot be filtered, and "
                         "policy asks for it");
    }

    return ngx_http_weir_filter_strings(ctx, body, err);
}


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

    if (!ctx->is_encoded
        && (ngx_http_weir_is_type(type, "audio/")
            || ngx_http_weir_is_type(type, "image/")
            || ngx_http_weir_is_type(type, "video/")))
    {
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
    setup.is_streamed = ngx_http_weir_is_type(type, "text/event-stream");
    setup.held_max = setup.is_streamed ? ngx_http_weir_worker.conf->event_max
                                       : NGX_HTTP_WEIR_FILTERED_MAX;

    if (ctx->is_encoded
        || (!setup.is_streamed
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
