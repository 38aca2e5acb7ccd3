/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's lane into the journal, and the calls that wait for the disk.
 *
 *   admit -> intent in the lane -> [writer: group commit] -> byte in FIFO
 *              |                                                |
 *              +--- call parked in `waiting`, oldest first <----+ resumes all
 *                   that are covered, asks for the next
 *
 * One wake-up is asked for at a time, for the oldest waiter: the writer's
 * next group commit covers everybody who arrived meanwhile. The wait is
 * bounded; a client that leaves takes its waiter along (the pool's cleanup
 * settles the call as not sent).
 */

#include "ngx_http_weir.h"


static void ngx_http_weir_journal_handler(ngx_event_t *rev);
static void ngx_http_weir_journal_resume(ngx_http_weir_worker_t *w);
static void ngx_http_weir_journal_timeout(ngx_event_t *ev);
static void ngx_http_weir_journal_give_up(ngx_http_weir_ctx_t *ctx,
    const char *why);


static void
ngx_http_weir_journal_open(ngx_http_weir_worker_t *w)
{
    u_char              path[NGX_MAX_PATH], dir[NGX_MAX_PATH];
    ngx_connection_t   *c;
    struct weir_error   err;

    (void) ngx_snprintf(path, sizeof(path), "%V/ring%Z", &w->conf->run);
    (void) ngx_snprintf(dir, sizeof(dir), "%V%Z", &w->conf->run);

    if (weir_lane_open((char *) path, (char *) dir, WEIR_LANE_WORKER,
                       &w->lane, &err)
        != WEIR_OK)
    {
        /* said once: it is tried ten times a second */

        if (!w->lane_said) {
            w->lane_said = 1;
            ngx_log_error(NGX_LOG_WARN, w->log, 0,
                          "weir: no journal: %s; calls get 503", err.text);
        }

        w->lane = NULL;
        return;
    }

    c = ngx_get_connection(weir_lane_fd(w->lane), w->log);
    if (c == NULL) {
        weir_lane_close(w->lane);
        w->lane = NULL;
        return;
    }

    c->data = w;
    c->read->handler = ngx_http_weir_journal_handler;
    c->read->log = w->log;
    c->write->log = w->log;

    if (ngx_add_event(c->read, NGX_READ_EVENT, NGX_CLEAR_EVENT) != NGX_OK) {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        weir_lane_close(w->lane);
        w->lane = NULL;
        return;
    }

    w->lane_connection = c;
    w->lane_said = 0;
    w->gate.journal = weir_lane_journal(w->lane);
}


void
ngx_http_weir_journal_close(void)
{
    ngx_queue_t             *q;
    ngx_connection_t        *c;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    if (w->lane == NULL) {
        return;
    }

    /* positions of this lane mean nothing in another */

    while (!ngx_queue_empty(&w->waiting)) {
        q = ngx_queue_head(&w->waiting);
        ngx_http_weir_journal_give_up(
                             ngx_queue_data(q, ngx_http_weir_ctx_t, queue),
                             "the journal was replaced");
    }

    c = w->lane_connection;

    (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    w->gate.journal = NULL;
    weir_lane_close(w->lane);
    w->lane = NULL;
    w->lane_connection = NULL;
}


void
ngx_http_weir_journal_tick(void)
{
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    if (w->lane && w->ticks % (1000 / NGX_HTTP_WEIR_TICK) == 0
        && weir_lane_is_stale(w->lane))
    {
        ngx_log_error(NGX_LOG_WARN, w->log, 0,
                      "weir: the journal's ring was replaced");

        /* calls under way still settle by it: the table stays */

        if (w->quota_is_open) {
            weir_quota_lane_close(w->gate.quota, w->gate.quota_lane);
            w->quota_is_open = 0;
        }

        ngx_http_weir_journal_close();
    }

    if (w->lane == NULL) {
        ngx_http_weir_journal_open(w);
        return;
    }

    /* a wake-up that was lost with a dead writer */

    if (!ngx_queue_empty(&w->waiting)) {
        ngx_http_weir_journal_resume(w);
    }
}


static void
ngx_http_weir_journal_handler(ngx_event_t *rev)
{
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    if (w->lane) {
        weir_lane_clear(w->lane);
        ngx_http_weir_journal_resume(w);
    }
}


/* Lets the calls go that are on disk, and asks for the next one. */

static void
ngx_http_weir_journal_resume(ngx_http_weir_worker_t *w)
{
    ngx_queue_t          *q;
    ngx_connection_t     *c;
    ngx_http_weir_ctx_t  *ctx;

    while (!ngx_queue_empty(&w->waiting)) {

        q = ngx_queue_head(&w->waiting);
        ctx = ngx_queue_data(q, ngx_http_weir_ctx_t, queue);

        if (!weir_lane_is_durable(w->lane, ctx->call.intent_position)
            && !weir_lane_want(w->lane, ctx->call.intent_position))
        {
            return;
        }

        ngx_queue_remove(&ctx->queue);
        ctx->is_waiting = 0;
        ngx_del_timer(&ctx->timer);

        c = ctx->request->connection;
        ngx_http_weir_start(ctx);
        ngx_http_run_posted_requests(c);
    }
}


static void
ngx_http_weir_journal_give_up(ngx_http_weir_ctx_t *ctx, const char *why)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;
    struct weir_error    err;

    r = ctx->request;
    c = r->connection;

    ngx_queue_remove(&ctx->queue);
    ctx->is_waiting = 0;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ctx->call.reason = WEIR_REASON_NO_RECORD;
    weir_fail(&err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE, "%s", why);

    ngx_http_finalize_request(r,
                              ngx_http_weir_refuse(ctx, WEIR_EUNAVAIL, &err));
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_weir_journal_timeout(ngx_event_t *ev)
{
    ngx_http_weir_journal_give_up(ev->data,
                             "the journal did not reach the disk in time");
}


ngx_int_t
ngx_http_weir_journal_wait(ngx_http_weir_ctx_t *ctx, uint64_t position)
{
    ngx_uint_t               is_first;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;
    is_first = ngx_queue_empty(&w->waiting);

    if (is_first ? weir_lane_want(w->lane, position)
                 : weir_lane_is_durable(w->lane, position))
    {
        return NGX_OK;
    }

    ngx_queue_insert_tail(&w->waiting, &ctx->queue);
    ctx->is_waiting = 1;

    ctx->request->read_event_handler = ngx_http_test_reading;
    ctx->request->write_event_handler = ngx_http_request_empty_handler;

    ctx->timer.data = ctx;
    ctx->timer.handler = ngx_http_weir_journal_timeout;
    ctx->timer.log = ctx->request->connection->log;
    ngx_add_timer(&ctx->timer, NGX_HTTP_WEIR_DURABLE_WAIT);

    return NGX_AGAIN;
}
