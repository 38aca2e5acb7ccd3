/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch in nginx: calls that a step slows, what replies say of a step,
 * and the set of shared indicators.
 *
 * A slowed call waits on a timer, on record and with its budget held, before
 * anything goes upstream; once, whatever fallbacks follow. How many wait is
 * bounded by worker: what is slowed must not fill the worker's connections.
 */

#include "ngx_http_weir.h"


static void
ngx_http_weir_slow_handler(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ev->data;
    c = ctx->request->connection;

    ngx_http_weir_unslow(ctx);
    ngx_http_weir_start(ctx);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_weir_unslow(ngx_http_weir_ctx_t *ctx)
{
    if (ctx->is_slowed) {
        ngx_http_weir_worker.slowed--;
        ctx->is_slowed = 0;
    }
}


weir_status
ngx_http_weir_may_slow(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    if (ctx->call.step.delay_ms == 0
        || ngx_http_weir_worker.slowed < NGX_HTTP_WEIR_SLOWED)
    {
        return WEIR_OK;
    }

    ctx->call.reason = WEIR_REASON_WATCH_SLOW;

    return weir_fail(err, WEIR_ERATE, WEIR_OFFSET_NONE,
                     "too many calls wait here already");
}


ngx_uint_t
ngx_http_weir_slow(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    if (ctx->call.step.delay_ms == 0 || ctx->was_slowed) {
        return 0;
    }

    r = ctx->request;

    ctx->was_slowed = 1;
    ctx->is_slowed = 1;
    ngx_http_weir_worker.slowed++;

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ctx->timer.data = ctx;
    ctx->timer.handler = ngx_http_weir_slow_handler;
    ctx->timer.log = r->connection->log;
    ngx_add_timer(&ctx->timer, ctx->call.step.delay_ms);

    return 1;
}


/* "strip; case=wc_12; until=..": being observed changes nothing for the
 * caller and is not said here. */

ngx_int_t
ngx_http_weir_add_step(ngx_http_weir_ctx_t *ctx)
{
    char                             text[WEIR_CALL_STEP_TEXT];
    size_t                           len;
    const struct weir_record_step   *step;

    step = &ctx->call.step;

    if (step->action <= WEIR_WATCH_OBSERVE) {
        return NGX_OK;
    }

    len = weir_call_step_text(step, text);

    return ngx_http_weir_add_header(ctx->request, "weir-watch",
                                    sizeof("weir-watch") - 1, text, len);
}


/* --------------------------------------------------------- indicators */

/* A set that cannot be read takes nothing away: the one before stays. */

void
ngx_http_weir_follow_indicators(ngx_http_weir_worker_t *w, uint64_t generation)
{
    u_char                   path[NGX_MAX_PATH];
    struct weir_error        err;
    struct weir_indicators   set;

    (void) ngx_snprintf(path, sizeof(path), "%V/indicators-%uL%Z",
                        &w->conf->run, generation);

    if (weir_indicators_map((char *) path, &set, &err) != WEIR_OK) {
        ngx_log_error(NGX_LOG_ERR, w->log, 0,
                      "weir: indicators \"%s\" are not usable: %s", path,
                      err.text);
        return;
    }

    /* matched when a call ends, never kept: nobody else looks at it */

    weir_indicators_close(&w->indicators);
    w->indicators = set;
    w->gate.indicators = &w->indicators;

    ngx_log_error(NGX_LOG_NOTICE, w->log, 0,
                  "weir: indicators %uL of %uD exchanges are matched",
                  set.generation, set.count);
}
