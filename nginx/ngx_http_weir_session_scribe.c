/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scribe of a realtime session: a model at its origin that writes down
 * what is heard.
 *
 *   session.update {transcription: {model: NAME}}
 *      -> policy, budget, intent; the event and all behind it wait
 *      -> on disk: the origin's name in place of NAME, and on it goes
 *   input_audio_buffer.append, .commit  -> one text more is held for
 *   ...input_audio_transcription.completed  <- it is settled by its usage
 *
 * It is a call of its own (core/gate/session_scribe.c). One of a session: it
 * keeps its model, as the session keeps its.
 *
 * WHY IT IS LOOKED FOR BY A TIMER. Calls that wait for the disk stand in the
 * journal's queue before anything of theirs is sent; a session waits amid its
 * life, with a timer and handlers of its own. Some milliseconds once in a
 * session are no reason to teach the queue another kind of waiter.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_realtime.h"

#include <weir/json.h>


#define NGX_HTTP_WEIR_SCRIBE_LOOK  3    /* ms between looks at the disk */
#define NGX_HTTP_WEIR_SCRIBE_NAME  256  /* bytes of a model's name */


struct ngx_http_weir_scribe_s {
    struct weir_call                call;
    struct weir_session             session;
    ngx_http_weir_ctx_t            *ctx;
    ngx_http_weir_view_t           *view;       /* NULL: none was begun */
    struct weir_lane               *lane;       /* the position is one of */
    uint64_t                        position;
    ngx_event_t                     timer;
    ngx_msec_t                      since;
    struct weir_buf                 event;      /* that waits */
    struct weir_buf                 rest;       /* what came behind it */
    uint64_t                        audio_in;   /* since a text was written */
    size_t                          name_len;
    char                            name[NGX_HTTP_WEIR_SCRIBE_NAME];
    char                            id[WEIR_REQUEST_ID_TEXT];

    unsigned                        is_waiting:1;
    unsigned                        is_begun:1;
};


static void ngx_http_weir_scribe_look(ngx_event_t *ev);


ngx_uint_t
ngx_http_weir_session_waits(ngx_http_weir_realtime_t *rt)
{
    return rt->scribe && rt->scribe->is_waiting;
}


static ngx_http_weir_scribe_t *
ngx_http_weir_scribe_get(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_scribe_t  *s;

    s = ctx->realtime->scribe;

    if (s == NULL) {
        s = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_weir_scribe_t));
        if (s == NULL) {
            return NULL;
        }

        s->ctx = ctx;
        weir_buf_init(&s->event, ngx_http_weir_worker.conf->message_max);
        weir_buf_init(&s->rest, 2 * NGX_HTTP_WEIR_BUFFER);
        ctx->realtime->scribe = s;
    }

    return s;
}


/* It was not let in: recorded, and forgotten. */

static void
ngx_http_weir_scribe_refuse(ngx_http_weir_scribe_t *s, weir_status status,
    struct weir_error *err)
{
    char                  room[WEIR_REFUSAL_ROOM];
    struct weir_refusal   refusal;

    s->ctx->call.reason = s->call.reason;

    if (!s->call.is_admitted) {
        weir_call_refusal(&s->call, status, err, ngx_http_weir_now(), room,
                          &refusal);
        weir_call_refuse(&s->call, &refusal);
    }

    ngx_http_weir_view_unref(s->view);
    s->view = NULL;
}


static weir_status
ngx_http_weir_scribe_begin(ngx_http_weir_scribe_t *s, struct weir_error *err)
{
    weir_status  status;

    status = weir_session_begin_scribe(&s->call,
                                  &ngx_http_weir_worker.view->view.overlay,
                                  ngx_http_weir_now(), &s->session, err);

    if (status != WEIR_OK) {
        ngx_http_weir_scribe_refuse(s, status, err);
        return status;
    }

    s->is_begun = 1;

    return WEIR_OK;
}


/* Asked, held for and in the journal. */

static weir_status
ngx_http_weir_scribe_call(ngx_http_weir_ctx_t *ctx, ngx_http_weir_scribe_t *s,
    weir_span name, struct weir_error *err)
{
    weir_status              status;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    ngx_memcpy(s->name, name.ptr, name.len);
    s->name_len = name.len;
    ngx_http_weir_follow();

    s->view = w->view;
    s->view->view.references++;
    s->position = 0;

    status = weir_session_call_scribe(&ctx->realtime->session, &s->call,
                                      &s->view->view,
                                      (weir_span) { s->name, s->name_len },
                                      (weir_span) { ctx->id,
                                                    WEIR_REQUEST_ID_TEXT - 1 },
                                      ngx_http_weir_confirmed(), &s->position,
                                      err);

    if (status != WEIR_OK) {
        ctx->realtime->speaker = &s->call;
        ngx_http_weir_scribe_refuse(s, status, err);
        return status;
    }

    s->lane = w->lane;

    if (s->position == 0
        || (w->lane && weir_lane_is_durable(w->lane, s->position)))
    {
        return ngx_http_weir_scribe_begin(s, err);
    }

    s->is_waiting = 1;
    s->since = ngx_current_msec;
    s->timer.data = s;
    s->timer.handler = ngx_http_weir_scribe_look;
    s->timer.log = ctx->request->connection->log;
    ngx_add_timer(&s->timer, NGX_HTTP_WEIR_SCRIBE_LOOK);

    return WEIR_OK;
}


weir_status
ngx_http_weir_session_scribe(ngx_http_weir_ctx_t *ctx, weir_span event,
    struct weir_realtime_sent *sent, struct weir_error *err)
{
    char                     room[NGX_HTTP_WEIR_SCRIBE_NAME];
    weir_span                name;
    weir_status              status;
    ngx_http_weir_scribe_t  *s;

    if (sent->scribe.len == 0) {
        return WEIR_OK;
    }

    sent->param = sent->scribe_param;
    s = ngx_http_weir_scribe_get(ctx);

    if (s == NULL) {
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "no memory");
    }

    if (!ngx_http_weir_worker.quota_is_open
        || ngx_http_weir_worker.lane == NULL)
    {
        ctx->call.reason = WEIR_REASON_OVERLOADED;
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "budgets or the journal are not available");
    }

    if (!weir_json_unescape_into(sent->scribe, room, sizeof(room), &name)) {
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "the name of a model is not that long");
    }

    if (s->is_begun) {

        if (weir_span_equal(name, (weir_span) { s->name, s->name_len })) {
            return WEIR_OK;
        }

        ctx->call.reason = WEIR_REASON_FORBIDDEN;
        return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                         "a session keeps the model that writes down: open "
                         "another session");
    }

    status = ngx_http_weir_scribe_call(ctx, s, name, err);

    if (status == WEIR_OK && s->is_waiting) {
        weir_buf_reset(&s->event);
        weir_buf_reset(&s->rest);
        weir_buf_add_span(&s->event, event);
    }

    return status;
}


/* What came behind the event that waits. */

void
ngx_http_weir_session_keep(ngx_http_weir_ctx_t *ctx, weir_span input)
{
    weir_buf_add_span(&ctx->realtime->scribe->rest, input);
}


static void
ngx_http_weir_scribe_go_on(ngx_http_weir_scribe_t *s, weir_status status,
    struct weir_error *err)
{
    ngx_http_weir_ctx_t  *ctx;

    ctx = s->ctx;
    s->is_waiting = 0;

    if (ctx->realtime->is_stopped) {
        return;
    }

    ngx_http_weir_session_resume(ctx, weir_buf_span(&s->event), status, err,
                                 weir_buf_span(&s->rest));
}


static void
ngx_http_weir_scribe_look(ngx_event_t *ev)
{
    weir_status                status;
    ngx_connection_t          *c;
    struct weir_error          err;
    ngx_http_weir_scribe_t    *s;
    ngx_http_weir_worker_t    *w;
    struct weir_settlement     nothing;

    ngx_memzero(&nothing, sizeof(struct weir_settlement));
    nothing.ending = WEIR_END_NOT_SENT;

    s = ev->data;
    w = &ngx_http_weir_worker;
    c = s->ctx->request->connection;

    if (w->lane && w->lane == s->lane
        && weir_lane_is_durable(w->lane, s->position))
    {
        status = ngx_http_weir_scribe_begin(s, &err);

    } else if (w->lane == s->lane
               && ngx_current_msec - s->since < NGX_HTTP_WEIR_DURABLE_WAIT)
    {
        ngx_add_timer(ev, NGX_HTTP_WEIR_SCRIBE_LOOK);
        return;

    } else {
        status = weir_fail(&err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                           "the journal did not reach the disk in time");
        s->call.reason = WEIR_REASON_NO_RECORD;
        weir_call_settle(&s->call, &nothing);
        ngx_http_weir_scribe_refuse(s, status, &err);
    }

    ngx_http_weir_scribe_go_on(s, status, &err);
    ngx_http_run_posted_requests(c);
}


/* ----------------------------------------------------------- while it is */

weir_status
ngx_http_weir_scribe_afford(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    weir_status              status;
    ngx_http_weir_scribe_t  *s;

    s = ctx->realtime->scribe;

    if (s == NULL || !s->is_begun || s->session.held) {
        return WEIR_OK;
    }

    status = weir_session_hold(&s->session, ngx_http_weir_now(), err);

    if (status != WEIR_OK) {
        ctx->call.reason = s->call.reason;
        ctx->realtime->speaker = &s->call;
    }

    return status;
}


void
ngx_http_weir_scribe_hears(ngx_http_weir_ctx_t *ctx, uint64_t audio_bytes)
{
    if (ctx->realtime->scribe) {
        ctx->realtime->scribe->audio_in += audio_bytes;
    }
}


void
ngx_http_weir_scribe_wrote(ngx_http_weir_ctx_t *ctx,
    const struct weir_realtime_heard *heard)
{
    struct weir_usage        usage;
    ngx_http_weir_scribe_t  *s;

    s = ctx->realtime->scribe;

    if (s == NULL || !s->is_begun) {
        ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                      "weir: an origin wrote down what nobody asked it to");
        return;
    }

    usage = heard->has_usage ? heard->usage
                             : weir_realtime_estimate_written(s->audio_in,
                                                          heard->text_bytes);
    weir_session_answer(&s->session, &usage, ngx_http_weir_now());
    s->audio_in = 0;
}


weir_status
ngx_http_weir_scribe_ask(ngx_http_weir_ctx_t *ctx,
    const struct weir_view *view, struct weir_error *err)
{
    weir_status              status;
    ngx_http_weir_scribe_t  *s;

    s = ctx->realtime->scribe;

    if (s == NULL || !s->is_begun) {
        return WEIR_OK;
    }

    status = weir_session_ask(&s->session, view, ngx_http_weir_confirmed(),
                              ngx_http_weir_now(), err);

    if (status == WEIR_OK && s->session.filters) {
        s->call.reason = WEIR_REASON_FILTERED;
        status = weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                           "policy asks for rules over what is written down");
    }

    if (status != WEIR_OK) {
        ctx->call.reason = s->call.reason;
    }

    return status;
}


/* The origin's name of it, in quotes. */

void
ngx_http_weir_scribe_quote(ngx_http_weir_ctx_t *ctx, struct weir_buf *buf)
{
    uint32_t                  row;
    ngx_http_weir_scribe_t   *s;
    const struct weir_image  *image;

    s = ctx->realtime->scribe;
    image = &s->view->view.image;
    row = s->call.answer.candidates[s->call.current].deployment;

    weir_json_quote(buf, weir_image_text(image,
                                         image->deployments[row].origin_model));
}


/* ---------------------------------------------------------------- the end */

void
ngx_http_weir_scribe_settle(ngx_http_weir_ctx_t *ctx, enum weir_ending ending)
{
    struct weir_settlement    settlement;
    ngx_http_weir_scribe_t   *s;

    s = ctx->realtime->scribe;

    if (s && s->timer.timer_set) {
        ngx_del_timer(&s->timer);       /* nothing begins any more */
    }

    if (s == NULL || s->view == NULL || !s->call.is_admitted) {
        return;
    }

    ngx_memzero(&settlement, sizeof(struct weir_settlement));
    settlement.ending = WEIR_END_NOT_SENT;

    if (s->is_begun) {
        weir_session_end(&s->session);
        settlement.ending = ending;
        settlement.http_status = NGX_HTTP_SWITCHING_PROTOCOLS;
        settlement.usage = s->session.sum;
    }

    weir_call_settle(&s->call, &settlement);

    /* the session's own outcome says where to look */

    weir_request_id_format(&s->call.id, s->id);
    ctx->call.client.session_of = (weir_span) { s->id,
                                                WEIR_REQUEST_ID_TEXT - 1 };
}


void
ngx_http_weir_scribe_free(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_scribe_t  *s;

    s = ctx->realtime->scribe;

    if (s == NULL) {
        return;
    }

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }

    weir_buf_fini(&s->event);
    weir_buf_fini(&s->rest);

    if (s->view) {
        ngx_http_weir_view_unref(s->view);
        s->view = NULL;
    }

    ctx->realtime->scribe = NULL;
}
