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

#include "ngx_http_weir.h"
#include "ngx_http_weir_ask.h"
#include "ngx_http_weir_classify.h"

#include <weir/detect.h>


#define NGX_HTTP_WEIR_ASKED  8      /* classifiers of an image */

/* Of one reply: the filter has no more. */
#define NGX_HTTP_WEIR_VOICES  128


enum {
    NGX_HTTP_WEIR_INPUT = 0,
    NGX_HTTP_WEIR_OUTPUT = 1,
};


typedef enum {
    NGX_HTTP_WEIR_GOES = 0,     /* nothing waits */
    NGX_HTTP_WEIR_AT_PROMPT,    /* admission */
    NGX_HTTP_WEIR_AT_WINDOW,    /* a reply that passes */
    NGX_HTTP_WEIR_AT_HEAD,      /* a collected reply */
    NGX_HTTP_WEIR_AT_END        /* only the record */
} ngx_http_weir_at_e;


/* A classifier that this call asks, by direction. */
typedef struct {
    uint32_t                        row;
    ngx_uint_t                      is_asked[2];
    enum weir_detect_action         actions[2];     /* 0: the watch's */
    ngx_uint_t                      fails_open[2];
    ngx_http_weir_ask_t            *asks[2];
    struct weir_record_opinion     *opinions[2];    /* NULL: none yet */
} ngx_http_weir_asked_t;


/* One channel of a reply: what it said of late. */
typedef struct ngx_http_weir_voice_s  ngx_http_weir_voice_t;

struct ngx_http_weir_voice_s {
    ngx_http_weir_voice_t          *next;
    uint64_t                        channel;
    struct weir_buf                 text;
    size_t                          asked;      /* of it, was asked about */
};


struct ngx_http_weir_classifying_s {
    ngx_http_weir_ctx_t            *ctx;
    ngx_uint_t                      count;
    ngx_http_weir_asked_t           asked[NGX_HTTP_WEIR_ASKED];
    uint32_t                        opinion_count;
    struct weir_record_opinion      opinions[WEIR_OPINIONS_MAX];
    ngx_http_weir_at_e              at;
    weir_span                       body;       /* at the prompt */

    ngx_http_weir_voice_t          *voices;
    ngx_http_weir_voice_t         **last_voice;
    ngx_uint_t                      voice_count;
    size_t                          fresh;      /* bytes not asked about */
    size_t                          spoken;     /* bytes of all voices */
    struct weir_buf                 held;       /* for the client */
    size_t                          going;      /* of it, is asked about */
    uint32_t                        part;
    ssize_t                       (*recv)(ngx_connection_t *c, u_char *buf,
                                        size_t size);
    ngx_int_t                     (*process_header)(ngx_http_request_t *r);
    void                          (*read_event_handler)(ngx_http_request_t *r,
                                        ngx_http_upstream_t *u);

    const struct weir_record_opinion *blocking;
    unsigned                        is_paused:1;
    unsigned                        is_finished:1;  /* the reply is whole */
    unsigned                        is_last:1;      /* no more is asked */
    unsigned                        is_given_up:1;  /* goes on as it is */
    unsigned                        is_unreadable:1;
    unsigned                        is_too_long:1;  /* the text */
};


static void ngx_http_weir_classify_heard(void *data, ngx_http_weir_ask_t *ask);
static void ngx_http_weir_classify_resume(ngx_http_weir_classifying_t *cl,
    ngx_uint_t reads_on);


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


static ngx_uint_t
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

static ngx_uint_t
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


static ngx_uint_t
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


static ngx_uint_t
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

static struct weir_record_opinion *
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

static ngx_int_t
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

static void
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

struct ngx_http_weir_gather {
    struct weir_buf     *texts;
    size_t               bytes;
    size_t               most;
};


static bool
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


static size_t
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


ngx_int_t
ngx_http_weir_classify_request(ngx_http_weir_ctx_t *ctx, weir_span body)
{
    bool                          is_read;
    size_t                        i;
    ngx_int_t                     rc;
    struct weir_buf               texts;
    struct weir_arena             room;
    ngx_http_request_t           *r;
    ngx_http_weir_classifying_t  *cl;
    struct ngx_http_weir_gather   gather;

    cl = ctx->classifying;

    if (cl == NULL || !ngx_http_weir_asks_in(cl, NGX_HTTP_WEIR_INPUT)) {
        return NGX_OK;
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

    is_read = i < body.len && (body.ptr[i] == '{' || body.ptr[i] == '[')
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


static ngx_uint_t
ngx_http_weir_is_windowed(ngx_http_weir_classifying_t *cl, size_t *window_out)
{
    size_t                               window;
    ngx_uint_t                           i;
    const struct weir_image             *image;
    const struct weir_image_classifier  *row;

    image = &cl->ctx->view->view.image;
    window = 0;

    if (!cl->ctx->is_stream) {
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

    return cl->ctx->is_stream ? most : NGX_HTTP_WEIR_FILTERED_MAX;
}


/* One window: of each voice that spoke, what is new and as much before it. */

static ngx_int_t
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

static void
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

static ngx_int_t
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

        if (ctx->mode == NGX_HTTP_WEIR_PASS) {
            cl->at = NGX_HTTP_WEIR_AT_WINDOW;
            ngx_http_weir_classify_pause(cl);
        }
    }

    return NGX_OK;
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

    if (cl == NULL || body.len == 0 || ctx->is_stream || cl->is_given_up
        || !ngx_http_weir_asks_in(cl, NGX_HTTP_WEIR_OUTPUT))
    {
        return;
    }

    gather.most = ngx_http_weir_text_most(cl, NGX_HTTP_WEIR_OUTPUT);
    gather.bytes = 0;
    gather.texts = &texts;

    weir_buf_init(&texts, 6 * gather.most + 4096);
    weir_arena_init_heap(&room, 2 * gather.most + 4096);

    is_read = weir_detect_texts(body, &room, ngx_http_weir_gather_text,
                                &gather);

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


static ngx_int_t
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


static ssize_t
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

    if (!ctx->is_stream) {
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
    ngx_http_weir_classify_pause(cl);

    /* clients close behind the last event: that is no leaving */

    ctx->request->read_event_handler = ngx_http_block_reading;

    return 1;
}


ngx_uint_t
ngx_http_weir_classify_is_at_end(ngx_http_weir_ctx_t *ctx)
{
    return ctx->classifying && ctx->classifying->at == NGX_HTTP_WEIR_AT_END;
}


/* --------------------------------------------------------------- heard */

static void
ngx_http_weir_classify_resume(ngx_http_weir_classifying_t *cl,
    ngx_uint_t reads_on)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = cl->ctx->request;
    c = r->connection;
    u = r->upstream;

    if (reads_on) {
        cl->is_paused = 0;
        u->read_event_handler = cl->read_event_handler;
        u->peer.connection->read->ready = 1;
    }

    r->write_event_handler(r);
    ngx_http_run_posted_requests(c);
}


/* The verdict on a window is there: it goes on, and so does the reading. */

static void
ngx_http_weir_window_goes_on(ngx_http_weir_classifying_t *cl)
{
    size_t                window;
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;
    ngx_http_weir_ctx_t  *ctx;

    ctx = cl->ctx;
    u = ctx->request->upstream;

    cl->at = NGX_HTTP_WEIR_GOES;
    ctx->out_last = NULL;

    if (cl->is_too_long || cl->is_unreadable) {
        cl->is_given_up = 1;    /* and nobody minds, or it would be blocked */
    }

    rc = ngx_http_weir_release(cl, &u->out_bufs,
                               cl->is_given_up ? cl->held.len : cl->going);

    if (rc == NGX_OK && cl->is_finished) {
        rc = ngx_http_weir_classify_end(ctx, &u->out_bufs);

    } else if (rc == NGX_OK && !cl->is_given_up
               && ngx_http_weir_is_windowed(cl, &window)
               && cl->fresh >= window)
    {
        rc = ngx_http_weir_ask_window(cl, window) == NGX_OK ? NGX_AGAIN
                                                            : NGX_ERROR;
        cl->at = NGX_HTTP_WEIR_AT_WINDOW;
    }

    if (ctx->out_last) {
        ctx->out_last->buf->flush = 1;
    }

    if (rc == NGX_ERROR) {
        u->error = 1;

    } else if (rc == NGX_AGAIN) {
        ngx_http_weir_classify_resume(cl, 0);
        return;

    } else if (cl->is_finished) {

        if (ngx_http_weir_classify_joins(ctx)) {
            ngx_http_weir_classify_resume(cl, 0);
            return;
        }

        u->length = 0;
        u->keepalive = !ctx->is_closing;
    }

    ngx_http_weir_classify_resume(cl, 1);
}


static void
ngx_http_weir_head_goes_on(ngx_http_weir_classifying_t *cl)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;
    ngx_http_weir_ctx_t  *ctx;

    ctx = cl->ctx;
    r = ctx->request;
    u = r->upstream;
    c = r->connection;

    cl->at = NGX_HTTP_WEIR_GOES;
    cl->is_paused = 0;
    u->read_event_handler = cl->read_event_handler;
    ctx->out_last = NULL;

    if (ngx_http_weir_release(cl, &ctx->body, cl->held.len) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    u->headers_in.content_length_n = ctx->passed;
    u->process_header = ngx_http_weir_process_released;
    u->peer.connection->recv = ngx_http_weir_recv_byte;

    u->read_event_handler(r, u);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_weir_classify_go_on(ngx_http_weir_classifying_t *cl)
{
    ngx_connection_t     *c;
    ngx_http_weir_ctx_t  *ctx;

    ctx = cl->ctx;

    switch (cl->at) {

    case NGX_HTTP_WEIR_AT_PROMPT:

        if (ngx_http_weir_awaits(cl, NGX_HTTP_WEIR_INPUT)) {
            return;
        }

        c = ctx->request->connection;
        cl->at = NGX_HTTP_WEIR_GOES;
        ngx_http_weir_admit_classified(ctx, cl->body);
        ngx_http_run_posted_requests(c);
        return;

    case NGX_HTTP_WEIR_AT_WINDOW:

        if (!ngx_http_weir_awaits(cl, NGX_HTTP_WEIR_OUTPUT)) {
            ngx_http_weir_window_goes_on(cl);
        }

        return;

    case NGX_HTTP_WEIR_AT_HEAD:

        if (!ngx_http_weir_awaits(cl, NGX_HTTP_WEIR_OUTPUT)) {
            ngx_http_weir_head_goes_on(cl);
        }

        return;

    case NGX_HTTP_WEIR_AT_END:

        if (!ngx_http_weir_awaits_any(cl)) {
            cl->at = NGX_HTTP_WEIR_GOES;
            ctx->request->upstream->length = 0;
            ctx->request->upstream->keepalive = !ctx->is_closing;
            ngx_http_weir_classify_resume(cl, 1);
        }

        return;

    default: /* NGX_HTTP_WEIR_GOES */
        return;
    }
}


weir_status
ngx_http_weir_classify_refusal(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err)
{
    const struct weir_record_opinion  *opinion;

    opinion = ctx->classifying ? ctx->classifying->blocking : NULL;

    if (opinion == NULL) {
        return WEIR_OK;
    }

    if (opinion->opinion == WEIR_OPINION_FAILED) {
        ctx->call.reason = WEIR_REASON_UNCLASSIFIED;

        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "the classifier \"%.*s\" gave no verdict on the %s, "
                         "and policy asks for one",
                         WEIR_SPAN_ARG(opinion->classifier),
                         opinion->direction == WEIR_IMAGE_REQUESTS
                         ? "request" : "answer");
    }

    ctx->call.reason = WEIR_REASON_FILTERED;

    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                     "the classifier \"%.*s\" blocks the %s%s%.*s",
                     WEIR_SPAN_ARG(opinion->classifier),
                     opinion->direction == WEIR_IMAGE_REQUESTS ? "request"
                                                               : "answer",
                     opinion->category.len ? ": " : "",
                     WEIR_SPAN_ARG(opinion->category));
}


/* Nothing that waits goes on. */

static void
ngx_http_weir_classify_block(ngx_http_weir_classifying_t *cl,
    const struct weir_record_opinion *opinion)
{
    ngx_connection_t     *c;
    struct weir_error     err;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;
    ngx_http_weir_at_e    at;
    ngx_http_weir_ctx_t  *ctx;

    ctx = cl->ctx;
    r = ctx->request;
    c = r->connection;
    at = cl->at;

    cl->blocking = opinion;
    cl->at = NGX_HTTP_WEIR_GOES;

    if (at == NGX_HTTP_WEIR_AT_PROMPT) {
        ngx_http_finalize_request(r, ngx_http_weir_refuse(ctx,
                             ngx_http_weir_classify_refusal(ctx, &err),
                             &err));
        ngx_http_run_posted_requests(c);
        return;
    }

    ngx_http_weir_block_reply(ctx);
    weir_buf_reset(&cl->held);

    if (at == NGX_HTTP_WEIR_AT_HEAD) {
        ctx->is_restarting = 1;     /* not to be settled as nginx ends it */
        ngx_http_weir_post_restart(ctx);
        return;
    }

    u = r->upstream;
    ctx->is_ended = 1;
    u->error = 1;
    ctx->out_last = NULL;
    (void) ngx_http_weir_append_cut(ctx, &u->out_bufs);
    ngx_http_weir_classify_resume(cl, 1);
}


static void
ngx_http_weir_classify_heard(void *data, ngx_http_weir_ask_t *ask)
{
    ngx_http_weir_classifying_t  *cl = data;

    ngx_uint_t                    i, d;
    ngx_http_weir_asked_t        *asked;
    struct weir_record_opinion   *opinion;

    for (i = 0; i < cl->count; i++) {
        if (cl->asked[i].asks[0] == ask || cl->asked[i].asks[1] == ask) {
            break;
        }
    }

    if (i == cl->count) {
        return;
    }

    asked = &cl->asked[i];
    d = asked->asks[0] == ask ? NGX_HTTP_WEIR_INPUT : NGX_HTTP_WEIR_OUTPUT;
    opinion = ngx_http_weir_opinion(cl, asked, d);

    ngx_http_weir_opinion_add(opinion, ask);
    ngx_http_weir_ask_free(ask);
    asked->asks[d] = NULL;

    if (asked->actions[d] == WEIR_DETECT_BLOCK && cl->at != NGX_HTTP_WEIR_GOES
        && cl->at != NGX_HTTP_WEIR_AT_END
        && (opinion->opinion == WEIR_OPINION_BLOCK
            || (opinion->opinion == WEIR_OPINION_FAILED
                && !asked->fails_open[d])))
    {
        ngx_http_weir_classify_block(cl, opinion);
        return;
    }

    ngx_http_weir_classify_go_on(cl);
}


/* ----------------------------------------------------------------- end */

static void
ngx_http_weir_classify_stop(ngx_http_weir_classifying_t *cl, ngx_uint_t d)
{
    ngx_uint_t  i;

    for (i = 0; i < cl->count; i++) {
        ngx_http_weir_ask_free(cl->asked[i].asks[d]);
        cl->asked[i].asks[d] = NULL;
    }
}


static void
ngx_http_weir_classify_forget(ngx_http_weir_classifying_t *cl)
{
    ngx_http_weir_voice_t  *voice;

    while (cl->voices) {
        voice = cl->voices;
        cl->voices = voice->next;

        if (voice->text.ptr) {
            explicit_bzero(voice->text.ptr, voice->text.len);
        }

        weir_buf_fini(&voice->text);
        ngx_free(voice);
    }

    cl->last_voice = &cl->voices;
    cl->voice_count = 0;
    cl->fresh = 0;
    cl->spoken = 0;

    if (cl->held.max) {
        weir_buf_fini(&cl->held);
        ngx_memzero(&cl->held, sizeof(struct weir_buf));
    }
}


/* The upstream is about to go: nothing of it is touched from here on. */

void
ngx_http_weir_classify_leave(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_upstream_t          *u;
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    if (cl == NULL) {
        return;
    }

    u = ctx->request->upstream;

    if (cl->recv && u && u->peer.connection) {
        u->peer.connection->recv = cl->recv;
    }

    cl->recv = NULL;
    cl->is_paused = 0;

    if (cl->at != NGX_HTTP_WEIR_AT_PROMPT) {
        cl->at = NGX_HTTP_WEIR_GOES;
    }

    ngx_http_weir_classify_stop(cl, NGX_HTTP_WEIR_OUTPUT);
}


/* A reply that is not passed on: another may come. */

void
ngx_http_weir_classify_reset(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    if (cl == NULL) {
        return;
    }

    ngx_http_weir_classify_leave(ctx);
    ngx_http_weir_classify_forget(cl);
    cl->part = 0;
    cl->going = 0;
    cl->is_finished = 0;
    cl->is_last = 0;
    cl->is_given_up = 0;
    cl->is_unreadable = 0;
    cl->is_too_long = 0;
}


/* The record has what was said: the call is over. */

void
ngx_http_weir_classify_free(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_classifying_t  *cl;

    cl = ctx->classifying;

    if (cl == NULL) {
        return;
    }

    ngx_http_weir_classify_stop(cl, NGX_HTTP_WEIR_INPUT);
    ngx_http_weir_classify_stop(cl, NGX_HTTP_WEIR_OUTPUT);
    ngx_http_weir_classify_forget(cl);
    ctx->classifying = NULL;
    ctx->call.opinions = NULL;
    ctx->call.opinion_count = 0;
    ngx_free(cl);
}
