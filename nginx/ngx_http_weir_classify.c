/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What classifiers say of a call, and what waits for it.
 *
 *   prompt, filtered -> asks -> verdicts -> admission
 *   reply, filtered  -> held -> asks -> verdicts -> client
 *                         `-- window by window, or at its end
 *
 * Which classifiers are asked is policy's: rules of filters with a
 * classifier, and @monitor. One whose rule blocks is waited for; all others
 * are asked beside the call and are waited for only once the client has every
 * byte, so that what they said stands in the record.
 *
 * WHY THE READING PAUSES. While a verdict on a window is awaited nothing is
 * read from the origin: what waits is one window and one read, and the origin
 * feels the same backpressure as with a slow client.
 *
 * WHY A BYTE IS INVENTED. A short reply is collected before its head goes
 * out, inside nginx's reading of the head, which goes on only when the origin
 * sends something. It has sent all; so the connection's recv is told to give
 * one byte, that nobody looks at.
 *
 * A reply that is cut, or whose call ends otherwise, is not asked about
 * further, and what was held of it is dropped.
 */

#include "ngx_http_weir_bulk.h"
#include "ngx_http_weir_classify_int.h"

#include <weir/form.h>


/* --------------------------------------------------------------- setup */

static ngx_http_weir_asked_t *
ngx_http_weir_asked(ngx_http_weir_classifying_t *cl, uint32_t row)
{
    ngx_uint_t  i;

    for (i = 0; i < cl->count; i++) {
        if (cl->asked[i].row == row) {
            return &cl->asked[i];
        }
    }

    cl->asked[i].row = row;
    cl->asked[i].fails_open[0] = 1;
    cl->asked[i].fails_open[1] = 1;
    cl->count++;

    return &cl->asked[i];
}


static void
ngx_http_weir_asked_add(ngx_http_weir_classifying_t *cl,
    const struct weir_image *image, uint32_t row, uint32_t directions,
    enum weir_detect_action action, uint32_t on_failure)
{
    ngx_uint_t              d;
    ngx_http_weir_asked_t  *asked;

    if (on_failure == 0) {
        on_failure = image->classifiers[row].on_failure;
    }

    asked = ngx_http_weir_asked(cl, row);
    directions &= image->classifiers[row].directions;

    for (d = 0; d < 2; d++) {

        if (!(directions & (d == 0 ? WEIR_IMAGE_REQUESTS
                                   : WEIR_IMAGE_REPLIES)))
        {
            continue;
        }

        asked->is_asked[d] = 1;

        if (action > asked->actions[d]) {
            asked->actions[d] = action;
        }

        /* of several rules the strictest */

        if (action == WEIR_DETECT_BLOCK && on_failure != WEIR_FAILURE_ALLOW) {
            asked->fails_open[d] = 0;
        }
    }
}


ngx_int_t
ngx_http_weir_classify_init(ngx_http_weir_ctx_t *ctx)
{
    uint32_t                              i, k, filters, watched;
    const struct weir_image              *image;
    ngx_http_weir_classifying_t          *cl;
    const struct weir_image_filter_rule  *rule;

    image = &ctx->view->view.image;

    if (ctx->classifying || image->classifier_count == 0
        || !ctx->call.answer.candidate_count)
    {
        return NGX_OK;
    }

    filters = ctx->call.answer.obligations.filters;
    watched = ctx->call.answer.obligations.classifiers;

    if (filters == 0 && watched == 0) {
        return NGX_OK;
    }

    cl = ngx_calloc(sizeof(ngx_http_weir_classifying_t),
                    ctx->request->connection->log);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    cl->ctx = ctx;
    cl->last_voice = &cl->voices;

    for (i = 0; i < image->filter_count; i++) {

        if (!(filters >> i & 1)) {
            continue;
        }

        for (k = 0; k < image->filters[i].count; k++) {
            rule = &image->filter_rules[image->filters[i].first + k];

            if (rule->classifier) {
                ngx_http_weir_asked_add(cl, image, rule->classifier - 1,
                                        rule->directions,
                                        (enum weir_detect_action) rule->action,
                                        rule->on_failure);
            }
        }
    }

    for (i = 0; i < image->classifier_count; i++) {
        if (watched >> i & 1) {
            ngx_http_weir_asked_add(cl, image, i, WEIR_IMAGE_REQUESTS
                                                  |WEIR_IMAGE_REPLIES,
                                    (enum weir_detect_action) 0, 0);
        }
    }

    if (cl->count == 0) {
        ngx_free(cl);
        return NGX_OK;
    }

    ctx->classifying = cl;
    ctx->call.opinions = cl->opinions;

    return NGX_OK;
}


ngx_uint_t
ngx_http_weir_asks_in(ngx_http_weir_classifying_t *cl, ngx_uint_t d)
{
    ngx_uint_t  i;

    for (i = 0; i < cl->count; i++) {
        if (cl->asked[i].is_asked[d]) {
            return 1;
        }
    }

    return 0;
}


/* Whether anything waits for a verdict in this direction. */

ngx_uint_t
ngx_http_weir_blocks_in(ngx_http_weir_classifying_t *cl, ngx_uint_t d)
{
    ngx_uint_t  i;

    for (i = 0; i < cl->count; i++) {
        if (cl->asked[i].is_asked[d]
            && cl->asked[i].actions[d] == WEIR_DETECT_BLOCK)
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_weir_awaits(ngx_http_weir_classifying_t *cl, ngx_uint_t d)
{
    ngx_uint_t  i;

    for (i = 0; i < cl->count; i++) {
        if (cl->asked[i].asks[d]
            && cl->asked[i].actions[d] == WEIR_DETECT_BLOCK)
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_weir_awaits_any(ngx_http_weir_classifying_t *cl)
{
    ngx_uint_t  i;

    for (i = 0; i < cl->count; i++) {
        if (cl->asked[i].asks[0] || cl->asked[i].asks[1]) {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_weir_classifies_reply(ngx_http_weir_ctx_t *ctx)
{
    return ctx->classifying
           && ngx_http_weir_asks_in(ctx->classifying, NGX_HTTP_WEIR_OUTPUT);
}


ngx_uint_t
ngx_http_weir_classify_may_pass(ngx_http_weir_ctx_t *ctx)
{
    ngx_uint_t                    i;
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    for (i = 0; cl && i < cl->count; i++) {
        if (cl->asked[i].is_asked[NGX_HTTP_WEIR_OUTPUT]
            && !cl->asked[i].fails_open[NGX_HTTP_WEIR_OUTPUT])
        {
            return 0;
        }
    }

    return 1;
}


/* ------------------------------------------------------------- asking */

struct weir_record_opinion *
ngx_http_weir_opinion(ngx_http_weir_classifying_t *cl,
    ngx_http_weir_asked_t *asked, ngx_uint_t d)
{
    const struct weir_image     *image;
    struct weir_record_opinion  *opinion;

    if (asked->opinions[d] == NULL) {
        image = &cl->ctx->view->view.image;
        opinion = &cl->opinions[cl->opinion_count++];
        cl->ctx->call.opinion_count = cl->opinion_count;

        opinion->classifier =
              weir_image_text(image, image->classifiers[asked->row].name);
        opinion->direction = d == 0 ? WEIR_IMAGE_REQUESTS
                                    : WEIR_IMAGE_REPLIES;
        opinion->action = (uint8_t) asked->actions[d];
        asked->opinions[d] = opinion;
    }

    return asked->opinions[d];
}


static void
ngx_http_weir_about(ngx_http_weir_classifying_t *cl, ngx_uint_t d,
    struct weir_classify_about *about)
{
    ngx_http_weir_ctx_t      *ctx;
    const struct weir_image  *image;

    ctx = cl->ctx;
    image = &ctx->view->view.image;

    about->request = (weir_span) { ctx->id, WEIR_REQUEST_ID_TEXT - 1 };
    about->surface = weir_span_of(weir_operation_name(
                                                   ctx->call.ask.operation));
    about->model = ctx->ask.model;
    about->tenant = weir_image_text(image,
                                    image->tenants[ctx->call.tenant].name);
    about->project = weir_image_text(image,
                                     image->projects[ctx->call.project].name);
    about->end_customer = ctx->call.client.end_customer;
    about->is_reply = d == NGX_HTTP_WEIR_OUTPUT;
    about->is_last = d == NGX_HTTP_WEIR_INPUT || cl->is_last;
    about->part = d == NGX_HTTP_WEIR_INPUT ? 1 : cl->part;
}


/* Asks everyone in this direction about `texts`, a list as of
 * weir_classify_add_text(), of `bytes` bytes of text. */

ngx_int_t
ngx_http_weir_ask_all(ngx_http_weir_classifying_t *cl, ngx_uint_t d,
    weir_span texts, size_t bytes, ngx_uint_t is_readable)
{
    ngx_uint_t                           i;
    struct weir_buf                      body;
    enum weir_unheard                    unheard;
    ngx_http_weir_asked_t               *asked;
    struct weir_classify_setup           setup;
    struct weir_classify_about           about;
    struct weir_record_opinion          *opinion;
    const struct weir_image             *image;
    const struct weir_image_classifier  *row;

    image = &cl->ctx->view->view.image;
    ngx_http_weir_about(cl, d, &about);

    for (i = 0; i < cl->count; i++) {
        asked = &cl->asked[i];

        if (!asked->is_asked[d]) {
            continue;
        }

        row = &image->classifiers[asked->row];
        setup.form = row->form;
        setup.model = weir_image_text(image, row->model);
        setup.thresholds = WEIR_SPAN_NONE;

        unheard = is_readable && bytes <= row->text_max ? WEIR_UNHEARD_NO
                                                        : WEIR_UNHEARD_TEXT;

        weir_buf_init(&body, texts.len + 4096);

        if (unheard == WEIR_UNHEARD_NO) {
            weir_classify_put(&setup, &about, texts, &body);

            if (body.overflow) {
                unheard = WEIR_UNHEARD_TEXT;
            }
        }

        opinion = ngx_http_weir_opinion(cl, asked, d);
        opinion->asked++;

        ngx_http_weir_ask_free(asked->asks[d]);
        asked->asks[d] = ngx_http_weir_ask(cl->ctx->view, asked->row,
                                           weir_buf_span(&body), unheard,
                                           ngx_http_weir_classify_heard, cl);

        if (body.ptr) {
            explicit_bzero(body.ptr, body.len);
        }

        weir_buf_fini(&body);

        if (asked->asks[d] == NULL) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* What an answer, or the lack of one, makes of an opinion. */

void
ngx_http_weir_opinion_add(struct weir_record_opinion *opinion,
    const ngx_http_weir_ask_t *ask)
{
    uint32_t                   elapsed;
    enum weir_opinion          said;
    enum weir_unheard          unheard;
    struct weir_classify_said  answer;

    unheard = ngx_http_weir_ask_result(ask, &answer, &elapsed);
    said = unheard ? WEIR_OPINION_FAILED : answer.opinion;
    opinion->elapsed_ms = ngx_max(opinion->elapsed_ms, elapsed);

    if (unheard) {
        opinion->failed++;
        opinion->unheard = (uint8_t) unheard;

    } else if (answer.score > opinion->score || opinion->category.len == 0) {
        opinion->score = ngx_max(opinion->score, answer.score);
        opinion->category = answer.category;
    }

    /* found before failed, failed before flagged, flagged before nothing */

    if (opinion->opinion != WEIR_OPINION_BLOCK
        && (said == WEIR_OPINION_BLOCK || said > opinion->opinion))
    {
        opinion->opinion = (uint8_t) said;
    }
}


/* -------------------------------------------------------------- prompt */

bool
ngx_http_weir_gather_text(void *context, weir_span text)
{
    struct ngx_http_weir_gather  *gather = context;

    gather->bytes += text.len;

    if (gather->bytes > gather->most) {
        return false;
    }

    weir_classify_add_text(gather->texts, text);

    return !gather->texts->overflow;
}


size_t
ngx_http_weir_text_most(ngx_http_weir_classifying_t *cl, ngx_uint_t d)
{
    size_t                    most;
    ngx_uint_t                i;
    const struct weir_image  *image;

    image = &cl->ctx->view->view.image;
    most = 0;

    for (i = 0; i < cl->count; i++) {
        if (cl->asked[i].is_asked[d]) {
            most = ngx_max(most, image->classifiers[cl->asked[i].row].text_max);
        }
    }

    return most;
}


/* A prompt in tokens is one that no classifier can read. */

static bool
ngx_http_weir_has_tokens(ngx_http_weir_ctx_t *ctx, weir_span body,
    struct weir_arena *room)
{
    weir_span    line;
    const char  *end;

    if (ctx->bulk == NULL) {
        return weir_detect_has_tokens(body, room);
    }

    while (body.len) {
        end = memchr(body.ptr, '\n', body.len);
        line = (weir_span) { body.ptr, end ? (size_t) (end - body.ptr)
                                           : body.len };
        if (weir_detect_has_tokens(line, room)) {
            return true;
        }

        line.len += end != NULL;
        body.ptr += line.len;
        body.len -= line.len;
    }

    return false;
}


ngx_int_t
ngx_http_weir_classify_request(ngx_http_weir_ctx_t *ctx, weir_span body)
{
    bool                          is_read;
    size_t                        i;
    ngx_int_t                     rc;
    ngx_uint_t                    is_file;
    struct weir_buf               texts;
    struct weir_arena             room;
    ngx_http_request_t           *r;
    ngx_http_weir_classifying_t  *cl;
    struct ngx_http_weir_gather   gather;

    cl = ctx->classifying;

    if (cl == NULL || !ngx_http_weir_asks_in(cl, NGX_HTTP_WEIR_INPUT)) {
        return NGX_OK;
    }

    is_file = 0;

    if (ctx->bulk) {
        body = ngx_http_weir_bulk_lines(ctx);
        is_file = ctx->route.bulk == WEIR_BULK_UPLOAD
                  && ngx_http_weir_is_for_calls(ctx);

        if (body.len == 0 || (is_file && !ctx->bulk->is_text)) {
            return NGX_OK;
        }
    }

    gather.most = ngx_http_weir_text_most(cl, NGX_HTTP_WEIR_INPUT);
    gather.bytes = 0;
    gather.texts = &texts;

    weir_buf_init(&texts, 6 * gather.most + 4096);
    weir_arena_init_heap(&room, 2 * gather.most + 4096);

    for (i = 0; i < body.len && (body.ptr[i] == ' ' || body.ptr[i] == '\n'
                                 || body.ptr[i] == '\t'
                                 || body.ptr[i] == '\r'); i++)
    {
        /* void */
    }

    is_read = is_file
              ? ngx_http_weir_gather_text(&gather, body)
              : ctx->route.is_form && ctx->bulk == NULL
              ? weir_form_texts(body, ngx_http_weir_gather_text, &gather)
              : i < body.len && (body.ptr[i] == '{' || body.ptr[i] == '[')
                && !ngx_http_weir_has_tokens(ctx, body, &room)
                && weir_detect_texts(body, &room, ngx_http_weir_gather_text,
                                     &gather);

    rc = is_read && gather.bytes == 0
         ? NGX_OK       /* nothing that anybody could judge */
         : ngx_http_weir_ask_all(cl, NGX_HTTP_WEIR_INPUT,
                                 weir_buf_span(&texts), gather.bytes, is_read);

    if (texts.ptr) {
        explicit_bzero(texts.ptr, texts.len);
    }

    weir_buf_fini(&texts);
    weir_arena_fini(&room);

    if (rc != NGX_OK || !ngx_http_weir_awaits(cl, NGX_HTTP_WEIR_INPUT)) {
        return rc;
    }

    r = ctx->request;
    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    cl->body = body;
    cl->at = NGX_HTTP_WEIR_AT_PROMPT;

    return NGX_AGAIN;
}
