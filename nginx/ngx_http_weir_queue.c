/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls that wait for a place in a full deployment.
 *
 *   start -> WAIT -> w->queued, in order of arrival
 *                       |  a place was given back here: at once
 *                       |  or elsewhere: looked for every 2 ms
 *                       v
 *       of each deployment the call with the smallest tag: offered to the
 *       other workers, and resumed where no other one has a smaller
 *
 * WHY A LOOK EVERY 2 MS. A place that another worker gives back has to be
 * seen without a wake-up between processes for each call. It happens only
 * while somebody waits, and costs some words of shared memory while there is
 * no place. Calls to models take a hundred times as long.
 */

#include "ngx_http_weir.h"

#include <malloc.h>
#include <sys/mman.h>


#define NGX_HTTP_WEIR_LOOK         2

/* Full deployments that are looked after in one turn; others in the next. */
#define NGX_HTTP_WEIR_QUEUES       32


typedef struct {
    uint64_t                  deployment;
    uint64_t                  tag;
    ngx_http_weir_ctx_t      *first;
} ngx_http_weir_offer_t;


static void ngx_http_weir_look_handler(ngx_event_t *ev);
static void ngx_http_weir_queue_timeout(ngx_event_t *ev);


static void
ngx_http_weir_set_look(ngx_http_weir_worker_t *w)
{
    if (ngx_queue_empty(&w->queued) || w->look.timer_set) {
        return;
    }

    w->look.data = &w->tick_connection;
    w->look.handler = ngx_http_weir_look_handler;
    w->look.log = w->log;

    /* who looks through many does it less often */

    ngx_add_timer(&w->look, NGX_HTTP_WEIR_LOOK + w->queued_count / 512);
}


void
ngx_http_weir_queue(ngx_http_weir_ctx_t *ctx, int64_t wait_us)
{
    ngx_http_request_t      *r;
    ngx_http_weir_worker_t  *w;

    r = ctx->request;
    w = &ngx_http_weir_worker;

    ngx_queue_insert_tail(&w->queued, &ctx->queue);
    ctx->is_queued = 1;
    w->queued_count++;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ctx->timer.data = ctx;
    ctx->timer.handler = ngx_http_weir_queue_timeout;
    ctx->timer.log = r->connection->log;
    ngx_add_timer(&ctx->timer, wait_us / WEIR_US_PER_MS + 1);

    ngx_http_weir_set_look(w);
}


void
ngx_http_weir_unqueue(ngx_http_weir_ctx_t *ctx)
{
    if (!ctx->is_queued) {
        return;
    }

    ngx_queue_remove(&ctx->queue);
    ctx->is_queued = 0;
    ngx_http_weir_worker.queued_count--;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }
}


static void
ngx_http_weir_queue_timeout(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    struct weir_error     err;
    ngx_http_request_t   *r;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;
    c = r->connection;

    ngx_http_weir_unqueue(ctx);
    weir_call_give_up(&ctx->call, ngx_http_weir_now(), &err);

    ngx_http_finalize_request(r, ngx_http_weir_refuse(ctx, WEIR_EUNAVAIL,
                                                      &err));
    ngx_http_run_posted_requests(c);
}


/* Of each deployment, who of this worker is next; how many there are. */

static ngx_uint_t
ngx_http_weir_gather(ngx_http_weir_worker_t *w,
    ngx_http_weir_offer_t *offers)
{
    uint64_t               deployment, tag;
    ngx_uint_t             i, n;
    ngx_queue_t           *q;
    ngx_http_weir_ctx_t   *ctx;

    n = 0;

    for (q = ngx_queue_head(&w->queued);
         q != ngx_queue_sentinel(&w->queued);
         q = ngx_queue_next(q))
    {
        ctx = ngx_queue_data(q, ngx_http_weir_ctx_t, queue);
        deployment = weir_call_queue(&ctx->call);

        for (i = 0; i < n && offers[i].deployment != deployment; i++) {
            /* void */
        }

        if (i == NGX_HTTP_WEIR_QUEUES) {
            continue;
        }

        if (i == n) {
            offers[n].deployment = deployment;
            offers[n].tag = WEIR_FAIR_NONE;
            offers[n].first = NULL;
            n++;
        }

        tag = weir_call_tag(&ctx->call);

        if (tag < offers[i].tag) {
            offers[i].tag = tag;
            offers[i].first = ctx;
        }
    }

    return n;
}


static void
ngx_http_weir_resume(ngx_http_weir_ctx_t *ctx)
{
    ngx_connection_t        *c;
    struct weir_step         step;
    struct weir_error        err;

    ngx_http_weir_follow();

    step = weir_call_resume(&ctx->call,
                            &ngx_http_weir_worker.view->view.overlay,
                            ngx_http_weir_now(), &err);

    if (step.next == WEIR_NEXT_WAIT) {
        return;     /* somebody was faster */
    }

    c = ctx->request->connection;
    ngx_http_weir_unqueue(ctx);
    ngx_http_weir_take(ctx, step, &err);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_weir_look_handler(ngx_event_t *ev)
{
    uint32_t                 lane;
    ngx_uint_t               i, n, found, turns;
    ngx_http_weir_worker_t  *w;
    ngx_http_weir_offer_t    offers[NGX_HTTP_WEIR_QUEUES];

    w = &ngx_http_weir_worker;
    lane = w->gate.quota_lane;

    for (turns = 0; turns < 64 && !ngx_queue_empty(&w->queued); turns++) {

        n = ngx_http_weir_gather(w, offers);
        found = 0;

        for (i = 0; i < n; i++) {
            weir_fair_offer(w->gate.fair, offers[i].deployment, lane,
                            offers[i].tag);

            if (offers[i].first
                && weir_call_is_ready(&offers[i].first->call,
                                      ngx_http_weir_now())
                && weir_fair_is_turn(w->gate.fair, offers[i].deployment, lane,
                                     offers[i].tag))
            {
                ngx_http_weir_resume(offers[i].first);
                found = 1;
                break;      /* others may be gone by now */
            }
        }

        if (!found) {
            break;
        }
    }

    ngx_http_weir_set_look(w);
}


/* A place was given back in this worker. */

void
ngx_http_weir_queue_freed(void)
{
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    if (!ngx_queue_empty(&w->queued) && !w->look.posted) {
        w->look.data = &w->tick_connection;
        w->look.handler = ngx_http_weir_look_handler;
        w->look.log = w->log;

        ngx_post_event(&w->look, &ngx_posted_events);
    }
}


/* ------------------------------------------------------------- memory */

/* The table of shares, which is that of memory too. */

void
ngx_http_weir_open_fair(ngx_http_weir_worker_t *w)
{
    struct weir_error   err;
    struct weir_fair   *fair;

    w->fair_map = ngx_http_weir_map("fair", PROT_READ|PROT_WRITE,
                                    &w->fair_size);
    if (w->fair_map == NULL) {
        return;
    }

    if (weir_fair_attach(w->fair_map, w->fair_size, &fair, &err) != WEIR_OK) {
        (void) munmap(w->fair_map, w->fair_size);
        w->fair_map = NULL;
        return;
    }

    weir_fair_clear_lane(fair, w->gate.quota_lane);
    w->gate.fair = fair;
}


/*
 * The allocator keeps what was freed: after a thousand streams have ended,
 * the process is as large as with them.  Once so much came free and few calls
 * are open, it is given back; that takes some milliseconds.
 */

static void
ngx_http_weir_trim(ngx_http_weir_worker_t *w, size_t used)
{
    if (used > w->used_most) {
        w->used_most = used;
    }

    if (w->requests < NGX_HTTP_WEIR_SPARE
        && w->used_most - used > NGX_HTTP_WEIR_TRIM)
    {
        (void) malloc_trim(0);
        w->used_most = used;
    }
}


/*
 * What this process has been given by malloc(), which is nginx's pools,
 * buffers of connections and TLS, bodies, and what libraries take.
 */

void
ngx_http_weir_weigh(ngx_http_weir_worker_t *w)
{
    struct mallinfo2  info;

    if (w->gate.fair == NULL) {
        return;
    }

    info = mallinfo2();
    w->weighed = 0;
    ngx_http_weir_trim(w, info.uordblks + info.hblkhd);
    weir_fair_use_memory(w->gate.fair, w->gate.quota_lane,
                         info.uordblks + info.hblkhd);
}


/* Whether there is no connection, or no memory, for another call. */

ngx_uint_t
ngx_http_weir_sheds(ngx_http_weir_worker_t *w)
{
    if (w->requests > w->conf->calls_max) {
        return 1;
    }

    if (w->gate.fair == NULL) {
        return 0;
    }

    /* many calls can come between two ticks */

    if (++w->weighed == NGX_HTTP_WEIR_WEIGH) {
        ngx_http_weir_weigh(w);
    }

    return weir_fair_sheds(w->gate.fair);
}
