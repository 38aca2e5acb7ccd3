/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters over a realtime session.
 *
 *   client --event--> every string through the rules --> read again --> origin
 *   client <--events-- deltas of an answer are one text <--event-- origin
 *
 * The events of one answer go through a filter of their own, from its
 * beginning to response.done: what is held goes out before the event that
 * ends it. All others share one.
 *
 * WHAT CANNOT BE LOOKED AT is sound. So none may come from the client, every
 * answer must be asked for as text, and one that is sound all the same ends
 * the session. The last of these holds whatever the others missed.
 *
 * WHICH RULES. Those that policy asked for when the session began. Pseudonyms
 * and what is held belong to that set; where a new image or policy asks for
 * another one, the session ends, and the next has it.
 */

#include "ngx_http_weir_filter.h"
#include "ngx_http_weir_realtime.h"


static const char  ngx_http_weir_no_sound[] =
    "sound cannot be looked at, and policy asks for it";


weir_status
ngx_http_weir_session_filters(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    uint32_t  mask;

    mask = ctx->call.answer.obligations.filters;

    return mask ? ngx_http_weir_begin_filtering(ctx, mask, err) : WEIR_OK;
}


static weir_status
ngx_http_weir_refuse_sound(ngx_http_weir_ctx_t *ctx,
    struct weir_realtime_sent *sent, const char *param, struct weir_error *err)
{
    ctx->call.reason = WEIR_REASON_FILTERED;
    sent->param = weir_span_of(param);

    return weir_fail(err, WEIR_EDENIED, WEIR_OFFSET_NONE, "%s%s",
                     param[0] == 'a' ? "" : "must be [\"text\"]: ",
                     ngx_http_weir_no_sound);
}


/* Texts alone, in both directions. */

static weir_status
ngx_http_weir_check_sound(ngx_http_weir_ctx_t *ctx,
    struct weir_realtime_sent *sent, struct weir_error *err)
{
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    if (sent->has_sound) {
        return ngx_http_weir_refuse_sound(ctx, sent, "audio", err);
    }

    if (sent->scribe.len) {
        return ngx_http_weir_refuse_sound(ctx, sent, "audio.transcription",
                                          err);
    }

    if (sent->sets && sent->modes == WEIR_REALTIME_SOUND) {
        return ngx_http_weir_refuse_sound(ctx, sent,
                                          "session.output_modalities", err);
    }

    if (sent->asks && sent->modes != WEIR_REALTIME_TEXT
        && (sent->modes == WEIR_REALTIME_SOUND || !rt->is_text))
    {
        return ngx_http_weir_refuse_sound(ctx, sent,
                                          "response.output_modalities", err);
    }

    return WEIR_OK;
}


weir_status
ngx_http_weir_session_filter_sent(ngx_http_weir_ctx_t *ctx, weir_span *event,
    struct weir_buf *text, struct weir_realtime_sent *sent,
    struct weir_error *err)
{
    bool                        is_done;
    size_t                      i;
    weir_status                 status;
    struct weir_arena           room;
    struct weir_detect_out      out;
    ngx_http_weir_filtering_t  *f;

    f = ctx->filtering;

    if (f == NULL) {
        return WEIR_OK;
    }

    status = ngx_http_weir_check_sound(ctx, sent, err);

    if (status != WEIR_OK || f->request == NULL) {
        return status;
    }

    weir_arena_init_heap(&room, NGX_HTTP_WEIR_FILTERED_MAX);

    ngx_memzero(&out, sizeof(struct weir_detect_out));
    out.text = text;
    out.vault = &f->vault;

    is_done = weir_detect_body(f->request->set, NULL, *event, &room, &out);

    weir_arena_fini(&room);

    for (i = 0; i < WEIR_DETECT_RULES_MAX; i++) {
        f->found[i] += out.found[i];
    }

    if (out.is_blocked) {
        return ngx_http_weir_refuse_filtered(ctx, "the event",
                   weir_detect_rule_name(f->request->set, out.blocked_by),
                   err);
    }

    if (!is_done) {
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the event is too large for its filters");
    }

    if (!out.is_changed) {
        return WEIR_OK;
    }

    /* what passes is what was judged: names of models, too */

    *event = weir_buf_span(text);

    return weir_realtime_read_sent(*event, ctx->ask.model, ctx->route.urls,
                                   sent, err);
}


/* ------------------------------------------------------------ from origin */

static struct weir_filter *
ngx_http_weir_session_filter_new(ngx_http_weir_ctx_t *ctx)
{
    struct weir_filter_setup    setup;
    ngx_http_weir_filtering_t  *f;

    f = ctx->filtering;

    ngx_memzero(&setup, sizeof(struct weir_filter_setup));
    setup.set = f->reply->set;
    setup.restores = f->vault.set ? &f->vault : NULL;
    setup.is_streamed = true;
    setup.held_max = 2 * ngx_http_weir_worker.conf->message_max + 4096;

    return weir_filter_new(&setup);
}


/* What it found counts on behind its end. */

void
ngx_http_weir_session_filter_drop(ngx_http_weir_ctx_t *ctx,
    struct weir_filter **filter)
{
    size_t                         i;
    const struct weir_detect_out  *found;

    if (*filter == NULL) {
        return;
    }

    found = weir_filter_found(*filter);

    for (i = 0; i < WEIR_DETECT_RULES_MAX; i++) {
        ctx->filtering->replied[i] += found->found[i];
    }

    weir_filter_free(*filter);
    *filter = NULL;
}


void
ngx_http_weir_session_filter_end(ngx_http_weir_ctx_t *ctx)
{
    ngx_uint_t                 i;
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    for (i = 0; i < WEIR_SESSION_ANSWERS_MAX; i++) {
        ngx_http_weir_session_filter_drop(ctx, &rt->answers[i].filter);
    }

    ngx_http_weir_session_filter_drop(ctx, &rt->filter);
}


static void
ngx_http_weir_session_filtered(void *data, weir_span event)
{
    ngx_http_weir_session_to_client(data, WEIR_WS_TEXT, event);
}


static void
ngx_http_weir_session_blocked(ngx_http_weir_ctx_t *ctx, const char *what,
    const struct weir_filter *filter)
{
    struct weir_error              err;
    const struct weir_detect_out  *found;
    ngx_http_weir_filtering_t     *f;

    f = ctx->filtering;
    f->is_blocked = 1;
    found = filter ? weir_filter_found(filter) : NULL;

    ctx->call.reason = WEIR_REASON_FILTERED;

    if (found && found->is_blocked
        && found->blocked_by < weir_detect_rule_count(f->reply->set)
        && found->found[found->blocked_by])
    {
        f->blocked_by = found->blocked_by;
        (void) ngx_http_weir_refuse_filtered(ctx, "the answer",
                   weir_detect_rule_name(f->reply->set, f->blocked_by), &err);

    } else {
        f->blocked_by = WEIR_DETECT_RULES_MAX;
        (void) weir_fail(&err, WEIR_EDENIED, WEIR_OFFSET_NONE, "%s", what);
    }

    ngx_log_error(NGX_LOG_NOTICE, ctx->request->connection->log, 0,
                  "weir: a filter stopped a session: %s", err.text);

    ngx_http_weir_session_stop(ctx, WEIR_WS_POLICY, WEIR_EDENIED, &err,
                               WEIR_END_STOPPED);
}


static ngx_uint_t
ngx_http_weir_session_through(ngx_http_weir_ctx_t *ctx,
    struct weir_filter **filter, weir_span event)
{
    bool             goes_on;
    size_t           most;
    struct weir_buf  room;

    if (*filter == NULL) {
        *filter = ngx_http_weir_session_filter_new(ctx);
    }

    most = 4 * ngx_http_weir_worker.conf->message_max + 65536;
    weir_buf_init(&room, most);

    goes_on = *filter
              && (event.ptr
                  ? weir_filter_take_event(*filter, event, &room,
                                           ngx_http_weir_session_filtered, ctx)
                  : weir_filter_finish_events(*filter, &room,
                                              ngx_http_weir_session_filtered,
                                              ctx));
    weir_buf_fini(&room);

    if (!goes_on) {
        ngx_http_weir_session_blocked(ctx,
                 "an event cannot be filtered, and policy asks for it",
                 *filter);
    }

    return goes_on;
}


void
ngx_http_weir_session_filter_heard(ngx_http_weir_ctx_t *ctx, weir_span event,
    const struct weir_realtime_heard *heard, ngx_http_weir_answer_t *answer)
{
    ngx_http_weir_realtime_t  *rt;

    rt = ctx->realtime;

    if (ctx->filtering == NULL) {
        ngx_http_weir_session_to_client(ctx, WEIR_WS_TEXT, event);
        return;
    }

    if (heard->audio_bytes) {
        ngx_http_weir_session_blocked(ctx, ngx_http_weir_no_sound, NULL);
        return;
    }

    if (answer && heard->kind == WEIR_REALTIME_DONE && answer->filter) {

        if (!ngx_http_weir_session_through(ctx, &answer->filter,
                                           WEIR_SPAN_NONE))
        {
            return;
        }

        ngx_http_weir_session_filter_drop(ctx, &answer->filter);
    }

    (void) ngx_http_weir_session_through(ctx,
               answer && heard->kind != WEIR_REALTIME_DONE ? &answer->filter
                                                           : &rt->filter,
               event);
}


/* ------------------------------------------------------------- new rules */

ngx_uint_t
ngx_http_weir_session_same_rules(ngx_http_weir_ctx_t *ctx,
    const struct weir_image *image)
{
    uint32_t                    mask, rows[WEIR_DETECT_RULES_MAX];
    ngx_uint_t                  i, n, same;
    ngx_http_weir_set_t        *set, *has;
    ngx_http_weir_realtime_t   *rt;
    ngx_http_weir_filtering_t  *f;

    static const uint32_t  directions[] = {
        WEIR_IMAGE_REQUESTS, WEIR_IMAGE_REPLIES
    };

    f = ctx->filtering;
    rt = ctx->realtime;
    mask = rt->session.filters;

    if (image->generation == rt->rules_of && mask == rt->rules) {
        return 1;
    }

    for (i = 0; i < 2; i++) {
        n = ngx_http_weir_rules(image, mask, directions[i], rows);
        has = f == NULL ? NULL : i == 0 ? f->request : f->reply;

        if (n == 0) {
            continue;   /* those there are may stay, being more */
        }

        set = ngx_http_weir_get_set(image, rows, n);
        same = set && set == has;

        if (set) {
            ngx_http_weir_unref_set(set);
        }

        if (!same) {
            return 0;
        }
    }

    rt->rules_of = image->generation;
    rt->rules = mask;

    return 1;
}
