/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attempts: which origin, with what request, and what follows.
 *
 *   start -> take -> attempt -> [nginx's upstream] -> finalize
 *              ^                    |                    |
 *              |    status to retry: drain, restart      | failed before the
 *              +---- next <---------+                    | head: error page,
 *              ^                                         | door
 *              +-----------------------------------------+
 *
 * Each attempt is an upstream of nginx's of its own, so that it has its own
 * pool of connections, timeouts, TLS context, path, credential and body. The
 * order of attempts, and whether there is another one, is core/gate's.
 *
 * WHY NGINX'S UPSTREAM. Connection pools, balancing over a name's addresses,
 * timeouts and the handling of clients that leave are its, and are right.
 * What it decides by itself - which status to retry - is switched off.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_classify.h"
#include "ngx_http_weir_lists.h"
#include "ngx_http_weir_tunnel.h"
#include "ngx_http_weir_realtime.h"


static ngx_int_t ngx_http_weir_reinit_request(ngx_http_request_t *r);
static void ngx_http_weir_abort_request(ngx_http_request_t *r);
static void ngx_http_weir_finalize_request(ngx_http_request_t *r,
    ngx_int_t rc);
static void ngx_http_weir_attempt(ngx_http_weir_ctx_t *ctx);
static void ngx_http_weir_pause_handler(ngx_event_t *ev);
static void ngx_http_weir_restart_handler(ngx_event_t *ev);


const struct weir_overlay *
ngx_http_weir_newest_overlay(void)
{
    ngx_http_weir_follow();

    return &ngx_http_weir_worker.view->view.overlay;
}


void
ngx_http_weir_start(ngx_http_weir_ctx_t *ctx)
{
    struct weir_step   step;
    struct weir_error  err;

    if (ngx_http_weir_slow(ctx)) {
        return;
    }

    if (ctx->listing) {
        ngx_http_weir_lists_start(ctx);
        return;
    }

    if (ngx_http_weir_cache_serve(ctx)) {
        return;
    }

    step = weir_call_first(&ctx->call, ngx_http_weir_newest_overlay(),
                           ngx_http_weir_now(), &err);

    ngx_http_weir_take(ctx, step, &err);
}


void
ngx_http_weir_next(ngx_http_weir_ctx_t *ctx)
{
    struct weir_step   step;
    struct weir_error  err;

    ctx->has_failed = 0;

    if (ctx->bulk) {
        ngx_http_weir_bulk_failed(ctx);
    }

    step = weir_call_next(&ctx->call, &ctx->failure,
                          ngx_http_weir_newest_overlay(), ngx_http_weir_now(),
                          &err);

    ngx_http_weir_take(ctx, step, &err);
}


void
ngx_http_weir_take(ngx_http_weir_ctx_t *ctx, struct weir_step step,
    struct weir_error *err)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    if (step.next == WEIR_NEXT_REFUSE) {
        ngx_http_finalize_request(r,
                                  ngx_http_weir_refuse(ctx, err->status, err));
        return;
    }

    if (step.next == WEIR_NEXT_WAIT) {
        ngx_http_weir_queue(ctx, step.wait_us);
        return;
    }

    ctx->step = step;

    if (step.wait_us < WEIR_US_PER_MS) {
        ngx_http_weir_attempt(ctx);
        return;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    ctx->timer.data = ctx;
    ctx->timer.handler = ngx_http_weir_pause_handler;
    ctx->timer.log = r->connection->log;
    ngx_add_timer(&ctx->timer, step.wait_us / WEIR_US_PER_MS);
}


static void
ngx_http_weir_pause_handler(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ev->data;
    c = ctx->request->connection;

    ngx_http_weir_attempt(ctx);
    ngx_http_run_posted_requests(c);
}


void
ngx_http_weir_name_hop(ngx_http_weir_ctx_t *ctx, const char *what)
{
    u_char                               *p;
    weir_span                             name;
    const struct weir_image              *image;
    const struct weir_image_deployment   *deployment;

    image = &ctx->view->view.image;
    deployment = &image->deployments[ctx->step.deployment];
    name = weir_image_text(image, image->origins[deployment->origin].name);

    ctx->hop = NULL;

    p = ngx_pnalloc(ctx->request->pool,
                    sizeof("origin : ") + name.len + ngx_strlen(what));
    if (p) {
        (void) ngx_sprintf(p, "origin %*s: %s%Z", name.len, name.ptr, what);
        ctx->hop = (char *) p;
    }
}


/* Makes the request of this attempt: pieces of the client's body, and the
 * few values that are the origin's own. */

static weir_status
ngx_http_weir_prepare(ngx_http_weir_ctx_t *ctx, struct weir_error *err)
{
    size_t                                size;
    u_char                               *p;
    weir_status                           status;
    struct weir_arena                     arena;
    struct weir_target                    target;
    struct weir_request                  *ask;
    const struct weir_image              *image;
    const struct weir_image_deployment   *deployment;

    image = &ctx->view->view.image;
    deployment = &image->deployments[ctx->step.deployment];

    target.origin_model = weir_image_text(image, deployment->origin_model);
    target.prefix = weir_image_text(image,
                                    image->origins[deployment->origin].prefix);
    target.n_max = ctx->call.answer.obligations.max_n;
    target.strips_logprobs = (ctx->call.answer.obligations.strip
                              & WEIR_STRIP_LOGPROBS) != 0;

    target.drops = ngx_http_weir_span(ngx_http_weir_worker.conf->drop);

    if (ctx->bulk) {
        ctx->arena.used = ctx->arena_mark;
        return ngx_http_weir_bulk_prepare(ctx, &target, err);
    }

    if (ctx->files) {
        status = ngx_http_weir_files_open(ctx, err);
        if (status != WEIR_OK) {
            return status;
        }
    }

    if (ctx->route.endpoint == WEIR_ENDPOINT_STORED) {
        return ngx_http_weir_stored_path(ctx, target.prefix, err);
    }

    if (!weir_provider_translates(ctx->endpoint->provider, &ctx->ask)) {
        ctx->arena.used = ctx->arena_mark;
        ask = &ctx->ask;

        if (ctx->stored) {
            status = ngx_http_weir_stored_prepare(ctx, &ask, err);
            if (status != WEIR_OK) {
                return status;
            }
        }

        return weir_provider_prepare(ctx->endpoint->provider, ask,
                                     &target, &ctx->arena, &ctx->outgoing,
                                     err);
    }

    size = WEIR_TRANSLATE_ARENA(ctx->ask.body.len);

    p = ngx_pmemalign(ctx->request->pool, size, 16);
    if (p == NULL) {
        return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                         "no memory to translate the request");
    }

    weir_arena_init(&arena, p, size);

    status = weir_provider_prepare(ctx->endpoint->provider, &ctx->ask,
                                   &target, &arena, &ctx->outgoing, err);

    if (status != WEIR_OK) {
        ctx->ask.param = ctx->outgoing.param;
    }

    return status;
}


/* What an attempt lacks before anything is sent; NULL: nothing. */

static const char *
ngx_http_weir_missing(ngx_http_weir_ctx_t *ctx, enum weir_attempt_end *end_out)
{
    ngx_int_t                         rc;
    const struct weir_image          *image;
    ngx_http_weir_endpoint_t         *e;
    const struct weir_image_origin   *origin;

    image = &ctx->view->view.image;
    origin = &image->origins[image->deployments[ctx->step.deployment].origin];
    e = ctx->endpoint;
    *end_out = WEIR_ATTEMPT_REFUSED;

    if (e->origin == NULL || e->provider == NULL) {
        return "not configured";
    }

    if (e->origin->upstream == NULL) {
        return "dns";
    }

    ctx->secret = (weir_secret) { NULL, 0 };

    if (origin->credential.len == 0) {
        return NULL;
    }

    rc = ngx_http_weir_credential(weir_image_text(image, origin->credential),
                                  &ctx->secret);

    if (rc == NGX_OK) {
        return NULL;
    }

    *end_out = WEIR_ATTEMPT_NO_CREDENTIAL;

    return rc == NGX_ABORT ? "credential has ended" : "no credential";
}


static void
ngx_http_weir_attempt(ngx_http_weir_ctx_t *ctx)
{
    const char                *missing, *pinned;
    weir_status                status;
    struct weir_error          err;
    ngx_http_request_t        *r;
    ngx_http_upstream_t       *u;
    enum weir_attempt_end      end;
    const struct weir_image   *image;
    ngx_http_weir_endpoint_t  *e;

    r = ctx->request;
    image = &ctx->view->view.image;

    e = &ctx->view->image->endpoints[
                          image->deployments[ctx->step.deployment].origin];

    ctx->is_tried = 1;
    ctx->endpoint = e;
    ngx_http_weir_reply_reset(ctx);

    pinned = ngx_http_weir_pin_start(ctx);
    end = WEIR_ATTEMPT_WITHDRAWN;
    missing = pinned ? pinned : ngx_http_weir_missing(ctx, &end);

    if (missing) {
        ngx_http_weir_name_hop(ctx, missing);

        ctx->failure = (struct weir_attempt_result) {
            .end = end,
            .retry_after_ms = -1,
        };

        ngx_http_weir_next(ctx);
        return;
    }

    status = ngx_http_weir_prepare(ctx, &err);
    if (status != WEIR_OK) {
        ngx_http_finalize_request(r, ngx_http_weir_refuse(ctx, status, &err));
        return;
    }

    if (ngx_http_upstream_create(r) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    u = r->upstream;

    u->conf = &e->head_conf;
    u->ssl = e->origin->tls;

    if (e->origin->tls) {
        ngx_str_set(&u->schema, "https://");

    } else {
        ngx_str_set(&u->schema, "http://");
    }

    u->output.tag = (ngx_buf_tag_t) &ngx_http_weir_module;
    u->buffering = 0;

    /* what nginx would allocate with the first byte of the reply */

    u->buffer.start = ctx->buffer;
    u->buffer.pos = ctx->buffer;
    u->buffer.last = ctx->buffer;
    u->buffer.end = ctx->buffer + sizeof(ctx->buffer);
    u->buffer.temporary = 1;
    u->buffer.tag = u->output.tag;

    if (ngx_list_init(&u->headers_in.headers, r->pool, 16,
                      sizeof(ngx_table_elt_t))
        != NGX_OK
        || ngx_list_init(&u->headers_in.trailers, r->pool, 1,
                         sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    u->create_request = ngx_http_weir_create_request;
    u->reinit_request = ngx_http_weir_reinit_request;
    u->process_header = ngx_http_weir_process_status;
    u->abort_request = ngx_http_weir_abort_request;
    u->finalize_request = ngx_http_weir_finalize_request;
    u->input_filter_init = ngx_http_weir_filter_init;
    u->input_filter = ngx_http_weir_filter;
    u->input_filter_ctx = ctx;

    if (ctx->pin) {
        ngx_http_weir_pin_watch(ctx);
    }

    if (e->origin->proxy && ngx_http_weir_tunnel_watch(ctx) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    ngx_http_upstream_init(r);
}


static ngx_int_t
ngx_http_weir_reinit_request(ngx_http_request_t *r)
{
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_weir_module);

    ngx_http_weir_reply_reset(ctx);
    ngx_http_weir_tunnel_reset(ctx);
    ctx->is_pin_checked = 0;
    r->upstream->process_header = ngx_http_weir_process_status;

    return NGX_OK;
}


static void
ngx_http_weir_abort_request(ngx_http_request_t *r)
{
}


/* -------------------------------------------------------------- ending */

/* Before the head: which hop it was, for the record and the client. */

static void
ngx_http_weir_note_failure(ngx_http_weir_ctx_t *ctx, ngx_int_t rc)
{
    const char           *way, *fault;
    ngx_uint_t            is_open, is_slow;
    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;
    u_char                tls[96];

    u = ctx->request->upstream;
    c = u->peer.connection;

    is_slow = rc == NGX_HTTP_GATEWAY_TIME_OUT;
    is_open = u->state && u->state->connect_time != (ngx_msec_t) -1;
    way = ngx_http_weir_tunnel_fault(ctx);
    is_open = is_open && way == NULL;

    ctx->has_failed = 1;
    ctx->failure = (struct weir_attempt_result) {
        .end = is_open ? (is_slow ? WEIR_ATTEMPT_SLOW_HEAD
                                  : WEIR_ATTEMPT_BROKEN)
                       : (is_slow ? WEIR_ATTEMPT_SLOW_OPEN
                                  : WEIR_ATTEMPT_REFUSED),
        .retry_after_ms = -1,

        /* it has answered, and would answer so again */

        .is_started = ctx->is_unreadable,
        .is_unreadable = ctx->is_unreadable,
    };

    if (ctx->is_pin_broken) {
        ctx->failure.end = WEIR_ATTEMPT_PINNED;
        ngx_http_weir_name_hop(ctx, ctx->pin_hop);

    } else if (ctx->is_ended) {

        /* named where it was read */

    } else if (way) {
        ngx_http_weir_name_hop(ctx, way);
        ngx_http_weir_tunnel_note(ctx, way);

    } else if (is_open) {
        ngx_http_weir_name_hop(ctx, is_slow ? "first byte timeout"
                                            : "first byte");

    } else if (c && c->ssl) {
        fault = ngx_http_weir_tls_fault(c);

        if (fault) {
            (void) ngx_snprintf(tls, sizeof(tls) - 1, "tls: %s%Z", fault);
            tls[sizeof(tls) - 1] = '\0';
            ngx_http_weir_tunnel_note(ctx, (char *) tls);
        }

        ngx_http_weir_name_hop(ctx, fault ? (char *) tls
                                    : is_slow ? "tls timeout" : "tls");

    } else {
        ngx_http_weir_name_hop(ctx, is_slow ? "connect timeout" : "connect");
    }
}


/* The reply came to its end as HTTP promised. */

static void
ngx_http_weir_finalize_whole(ngx_http_weir_ctx_t *ctx)
{
    char                             text[NGX_HTTP_WEIR_COST];
    ngx_table_elt_t                 *h;
    const struct weir_reply_facts   *facts;

    ngx_http_weir_end_reply(ctx, 1);

    facts = ctx->reply ? weir_reply_facts(ctx->reply) : NULL;

    if (ctx->wants_trailer && ctx->reply) {
        h = ngx_list_push(&ctx->request->headers_out.trailers);

        if (h) {
            h->hash = 1;
            ngx_str_set(&h->key, "weir-cost");
            h->lowcase_key = h->key.data;
            h->value.len = ngx_http_weir_format_cost(ctx, text);
            h->value.data = ngx_pnalloc(ctx->request->pool, h->value.len);

            if (h->value.data == NULL) {
                h->hash = 0;

            } else {
                ngx_memcpy(h->value.data, text, h->value.len);
            }
        }
    }

    ngx_http_weir_cache_keep(ctx);

    ngx_http_weir_settle(ctx, ctx->status.code >= NGX_HTTP_BAD_REQUEST
                              || (facts && facts->state == WEIR_REPLY_ERROR)
                              ? WEIR_END_ORIGIN_ERROR : WEIR_END_COMPLETE);
}


static void
ngx_http_weir_finalize_request(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_uint_t            is_said;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_weir_get_ctx(r);

    if (ctx->coalesce.timer_set) {
        ngx_del_timer(&ctx->coalesce);
    }

    if (ngx_http_weir_is_session(ctx)) {
        ngx_http_weir_session_finalize(ctx, rc);
        return;
    }

    is_said = ngx_http_weir_classify_is_at_end(ctx);
    ngx_http_weir_classify_leave(ctx);

    if (ctx->is_restarting || ctx->is_withdrawn) {
        return;
    }

    if (is_said) {
        rc = NGX_OK;    /* the client had it all, and did not wait */

    } else if (rc == NGX_HTTP_CLIENT_CLOSED_REQUEST
        || rc == NGX_HTTP_REQUEST_TIME_OUT
        || rc == NGX_DONE
        || r->connection->error)
    {
        ngx_http_weir_settle(ctx, WEIR_END_CLIENT_LEFT);
        return;
    }

    if (!r->upstream->header_sent) {

        if (rc == NGX_HTTP_BAD_GATEWAY || rc == NGX_HTTP_GATEWAY_TIME_OUT
            || rc == NGX_HTTP_INTERNAL_SERVER_ERROR)
        {
            ngx_http_weir_note_failure(ctx, rc);
        }

        return;
    }

    if (rc == NGX_OK) {
        ngx_http_weir_finalize_whole(ctx);
        return;
    }

    ngx_http_weir_end_reply(ctx, 0);
    ngx_http_weir_name_hop(ctx, rc == NGX_HTTP_GATEWAY_TIME_OUT
                                ? "mid-stream timeout" : "mid-stream");
    ngx_http_weir_send_cut(ctx);
    ngx_http_weir_settle(ctx, WEIR_END_CUT);
}


void
ngx_http_weir_settle(ngx_http_weir_ctx_t *ctx, enum weir_ending ending)
{
    struct weir_settlement         *s;
    const struct weir_usage        *hit;
    const struct weir_reply_facts  *facts;

    if (ctx->is_open) {
        ngx_queue_remove(&ctx->open);
        ctx->is_open = 0;
    }

    if (!ctx->has_call || !ctx->call.is_admitted || ctx->call.is_settled) {
        return;
    }

    ngx_http_weir_content_end(ctx);

    s = &ctx->settlement;
    s->ending = ngx_http_weir_is_blocked(ctx) ? WEIR_END_FILTERED : ending;
    s->filtered = ngx_http_weir_filter_found(ctx);
    s->sent_bytes = ctx->passed;

    if (ctx->request->header_sent) {
        s->http_status = ctx->request->headers_out.status;
    }

    hit = ngx_http_weir_cache_usage(ctx, &s->content_bytes);

    if (ngx_http_weir_is_session(ctx)) {
        ngx_http_weir_session_settle(ctx, s);

    } else if (hit) {
        s->usage = *hit;

    } else if (ctx->reply) {
        s->usage = ngx_http_weir_usage(ctx);
        facts = weir_reply_facts(ctx->reply);
        s->content_bytes = facts->content_bytes;
        s->finish = ctx->is_refusing || facts->has_refusal
                    ? WEIR_SPAN("refusal") : facts->finish_reason;

    }

    if (ctx->bulk && ngx_http_weir_bulk_settle(ctx)) {
        return;
    }

    weir_call_settle(&ctx->call, s);
    ngx_http_weir_queue_freed();
    ngx_http_weir_shadow(ctx);
}


void
ngx_http_weir_drop_upstream(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u && u->cleanup) {
        r->main->count++;
        (*u->cleanup)(r);
    }
}


void
ngx_http_weir_post_restart(ngx_http_weir_ctx_t *ctx)
{
    ctx->restart.data = ctx;
    ctx->restart.handler = ngx_http_weir_restart_handler;
    ctx->restart.log = ctx->request->connection->log;

    if (!ctx->restart.posted) {
        ngx_post_event(&ctx->restart, &ngx_posted_events);
    }
}


static void
ngx_http_weir_restart_handler(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ev->data;
    c = ctx->request->connection;

    ngx_http_weir_drop_upstream(ctx->request);

    if (ngx_http_weir_is_blocked(ctx)) {
        ctx->is_restarting = 0;
        ngx_http_weir_refuse_reply(ctx);

    } else {
        ngx_http_weir_go_on(ctx);
    }

    ngx_http_run_posted_requests(c);
}


void
ngx_http_weir_go_on(ngx_http_weir_ctx_t *ctx)
{
    if (ctx->restart.posted) {
        ngx_delete_posted_event(&ctx->restart);
    }

    ctx->is_restarting = 0;
    ngx_http_weir_take(ctx, ctx->step, NULL);
}


void
ngx_http_weir_withdraw(ngx_http_weir_ctx_t *ctx)
{
    ngx_int_t            rc;
    struct weir_error    err;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ngx_http_weir_is_session(ctx)) {
        ngx_http_weir_session_withdraw(ctx);
        return;
    }

    ctx->is_withdrawn = 1;

    ngx_http_weir_classify_leave(ctx);
    ngx_http_weir_drop_upstream(r);

    if (ctx->restart.posted) {
        ngx_delete_posted_event(&ctx->restart);
    }

    ngx_http_weir_unqueue(ctx);

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (ctx->is_waiting) {
        ngx_queue_remove(&ctx->queue);
        ctx->is_waiting = 0;
    }

    if (!r->header_sent) {
        ctx->call.reason = WEIR_REASON_WITHDRAWN;
        weir_fail(&err, WEIR_EDENIED, WEIR_OFFSET_NONE,
                  "what served this call has been withdrawn");
        ngx_http_finalize_request(r,
                                  ngx_http_weir_refuse(ctx, WEIR_EDENIED,
                                                       &err));
        return;
    }

    ngx_http_weir_end_reply(ctx, 0);
    ngx_http_weir_name_hop(ctx, "withdrawn");
    ngx_http_weir_send_cut(ctx);
    ngx_http_weir_settle(ctx, WEIR_END_WITHDRAWN);

    r->keepalive = 0;
    rc = ngx_http_send_special(r, NGX_HTTP_FLUSH);
    ngx_http_finalize_request(r, rc);
}
