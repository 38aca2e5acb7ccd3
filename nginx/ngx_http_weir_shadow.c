/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shadows: of a share of a route's calls, a copy each is sent to weir itself.
 *
 *   client -> worker -> origin -> client        the call, settled
 *                |
 *                `-> run/shadow.sock -> a worker -> [gate] -> shadow's origin
 *
 * WHY BY A SOCKET. A copy must meet all that a call meets: identity, policy,
 * filters, classifiers, retention, records, prices. It does when it is a call.
 * nginx's background subrequests would hold the client's connection until they
 * end; a copy on a connection of its own holds nothing of the client's.
 *
 * WHY AFTER THE CALL. When it is settled the client has its answer, so a copy
 * cannot delay it, and a call that never reached an origin is not copied.
 *
 * WHO MAY. The socket lies in the run directory, which is the user's alone;
 * the words that make a copy of a request count there and nowhere else.
 *
 * BOUNDS. Of a worker NGX_HTTP_WEIR_SHADOWS copies are under way; a body that
 * is large, a busy worker and a lack of memory are each a copy that is not
 * made, counted by why in the table of health. An answer is read and forgotten.
 */

#include "ngx_http_weir_inner.h"


/* Copies of a worker under way, the largest body, the longest life. */
#define NGX_HTTP_WEIR_SHADOWS      32
#define NGX_HTTP_WEIR_SHADOW_BODY  (1024 * 1024)
#define NGX_HTTP_WEIR_SHADOW_LIFE  (10 * 60 * 1000)

#define NGX_HTTP_WEIR_SHADOW_SOCK  "/shadow.sock"


typedef struct {
    ngx_queue_t              queue;      /* in worker.shadows */
    ngx_connection_t        *connection;
    size_t                   size;
    size_t                   sent;
    u_char                   bytes[];    /* the request; wiped */
} ngx_http_weir_copy_t;


static void ngx_http_weir_copy_handler(ngx_event_t *ev);


/* ----------------------------------------------------------- receiving */

void
ngx_http_weir_shadow_hear(ngx_http_request_t *r, ngx_str_t *value,
    struct weir_client *client)
{
    u_char               *p, *last;
    ngx_http_weir_ctx_t  *ctx;

    ctx = ngx_http_weir_get_ctx(r);

    if (ctx == NULL || r->connection->listening == NULL
        || r->connection->listening->sockaddr->sa_family != AF_UNIX)
    {
        return;
    }

    /* "req_ID shadow/ROUTE" */

    last = value->data + value->len;
    p = ngx_strlchr(value->data, last, ' ');

    if (p == NULL || p == value->data || p + 1 == last) {
        return;
    }

    client->shadow_of = (weir_span) { (char *) value->data,
                                      p - value->data };
    ctx->shadow_route = (weir_span) { (char *) p + 1, last - p - 1 };
}


/* ------------------------------------------------------------ counting */

static void
ngx_http_weir_copy_note(enum weir_health_copy what)
{
    if (ngx_http_weir_worker.gate.health) {
        weir_health_copied(ngx_http_weir_worker.gate.health, what);
    }
}


/* As for a call; but what is shed here is no call, and not counted as one. */

static ngx_uint_t
ngx_http_weir_copy_is_shed(ngx_http_weir_worker_t *w)
{
    struct weir_fair_memory  memory;

    if (w->requests > w->conf->calls_max) {
        return 1;
    }

    if (w->gate.fair == NULL) {
        return 0;
    }

    weir_fair_memory_get(w->gate.fair, &memory);

    return memory.bytes_max > 0 && memory.bytes >= memory.bytes_max;
}


/* ------------------------------------------------------------- sending */

static void
ngx_http_weir_copy_end(ngx_http_weir_copy_t *copy)
{
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    if (copy->sent < copy->size) {
        ngx_http_weir_copy_note(WEIR_HEALTH_COPY_UNREACHABLE);
    }

    ngx_close_connection(copy->connection);
    ngx_queue_remove(&copy->queue);
    w->shadow_count--;

    explicit_bzero(copy->bytes, copy->size);
    ngx_free(copy);
}


static void
ngx_http_weir_copy_handler(ngx_event_t *ev)
{
    ssize_t                n;
    u_char                 bytes[8192];
    ngx_connection_t      *c;
    ngx_http_weir_copy_t  *copy;

    c = ev->data;
    copy = c->data;

    if (ev->timedout) {
        ngx_http_weir_copy_end(copy);
        return;
    }

    while (copy->sent < copy->size) {
        n = c->send(c, copy->bytes + copy->sent, copy->size - copy->sent);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_http_weir_copy_end(copy);
            return;
        }

        copy->sent += n;

        if (copy->sent == copy->size) {
            ngx_http_weir_copy_note(WEIR_HEALTH_COPY_MADE);
        }
    }

    for ( ;; ) {
        n = c->recv(c, bytes, sizeof(bytes));

        if (n == NGX_AGAIN) {
            break;
        }

        if (n <= 0) {
            ngx_http_weir_copy_end(copy);
            return;
        }
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        ngx_http_weir_copy_end(copy);
    }
}


static ngx_int_t
ngx_http_weir_copy_connect(ngx_http_weir_copy_t *copy)
{
    size_t                  len;
    ngx_int_t               rc;
    ngx_str_t               name, *run;
    struct sockaddr_un      address;
    ngx_peer_connection_t   peer;

    run = &ngx_http_weir_worker.conf->run;
    len = run->len + sizeof(NGX_HTTP_WEIR_SHADOW_SOCK);

    if (len > sizeof(address.sun_path)) {
        return NGX_ERROR;
    }

    ngx_memzero(&address, sizeof(struct sockaddr_un));
    address.sun_family = AF_UNIX;
    (void) ngx_sprintf((u_char *) address.sun_path,
                       "%V" NGX_HTTP_WEIR_SHADOW_SOCK "%Z", run);
    ngx_str_set(&name, "shadow.sock");

    ngx_memzero(&peer, sizeof(ngx_peer_connection_t));
    peer.sockaddr = (struct sockaddr *) &address;
    peer.socklen = sizeof(struct sockaddr_un);
    peer.name = &name;
    peer.get = ngx_event_get_peer;
    peer.log = ngx_http_weir_worker.log;
    peer.log_error = NGX_ERROR_ERR;

    rc = ngx_event_connect_peer(&peer);

    if (rc != NGX_OK && rc != NGX_AGAIN) {

        if (peer.connection) {
            ngx_close_connection(peer.connection);
        }

        return NGX_ERROR;
    }

    copy->connection = peer.connection;
    peer.connection->data = copy;
    peer.connection->read->handler = ngx_http_weir_copy_handler;
    peer.connection->write->handler = ngx_http_weir_copy_handler;

    ngx_add_timer(peer.connection->read, NGX_HTTP_WEIR_SHADOW_LIFE);
    ngx_post_event(peer.connection->write, &ngx_posted_events);

    return NGX_OK;
}


/* -------------------------------------------------------------- copying */

static ngx_http_weir_copy_t *
ngx_http_weir_copy_make(ngx_http_weir_ctx_t *ctx, weir_span route)
{
    size_t                 headers, most;
    u_char                *p;
    ngx_http_request_t    *r;
    ngx_http_weir_copy_t  *copy;

    r = ctx->request;
    headers = ngx_http_weir_inner_headers(r, NULL);
    most = headers + ctx->shadow_body.len + r->unparsed_uri.len + route.len
           + r->connection->addr_text.len + 512;

    copy = ngx_alloc(sizeof(ngx_http_weir_copy_t) + most,
                     ngx_http_weir_worker.log);
    if (copy == NULL) {
        return NULL;
    }

    copy->sent = 0;

    p = ngx_sprintf(copy->bytes, "POST %V HTTP/1.1" CRLF "Host: weir" CRLF
                    "Connection: close" CRLF "Content-Length: %uz" CRLF
                    NGX_HTTP_WEIR_SHADOW ": %s " WEIR_SHADOW_NAME "%*s" CRLF
                    NGX_HTTP_WEIR_SHADOW_CLIENT ": %V" CRLF,
                    &r->unparsed_uri, ctx->shadow_body.len,
                    ctx->id, route.len, route.ptr,
                    &r->connection->addr_text);

    (void) ngx_http_weir_inner_headers(r, p);
    p += headers;
    p = ngx_cpymem(p, CRLF, 2);
    p = ngx_cpymem(p, ctx->shadow_body.ptr, ctx->shadow_body.len);

    copy->size = p - copy->bytes;

    return copy;
}


/* Whether this call is one of its route's share; the rest is room. */

static ngx_uint_t
ngx_http_weir_copy_is_drawn(const struct weir_image *image, uint32_t row)
{
    uint32_t  ppm;

    if (row >= image->route_count) {
        return 0;
    }

    ppm = image->trials[row].shadow & WEIR_SHADOW_PPM;

    return ppm > 0 && (uint32_t) ngx_random() % 1000000 < ppm;
}


/* MADE: nothing is in its way. */

static enum weir_health_copy
ngx_http_weir_copy_room(ngx_http_weir_ctx_t *ctx, ngx_http_weir_worker_t *w)
{
    if (ngx_exiting || ngx_terminate) {
        return WEIR_HEALTH_COPY_STOPPING;
    }

    if (ctx->shadow_body.len > NGX_HTTP_WEIR_SHADOW_BODY) {
        return WEIR_HEALTH_COPY_LARGE;
    }

    if (w->shadow_count >= NGX_HTTP_WEIR_SHADOWS) {
        return WEIR_HEALTH_COPY_BUSY;
    }

    return ngx_http_weir_copy_is_shed(w) ? WEIR_HEALTH_COPY_SHED
                                         : WEIR_HEALTH_COPY_MADE;
}


void
ngx_http_weir_shadow(ngx_http_weir_ctx_t *ctx)
{
    uint32_t                  row;
    enum weir_health_copy     room;
    ngx_http_weir_copy_t     *copy;
    const struct weir_image  *image;
    ngx_http_weir_worker_t   *w;

    w = &ngx_http_weir_worker;

    if (ctx->bulk || ctx->files || ctx->shadow_route.len || !ctx->is_tried
        || ngx_http_weir_stored_is_bound(ctx)
        || ctx->shadow_body.len == 0)
    {
        return;
    }

    image = &ctx->view->view.image;
    row = ctx->call.answer.route;

    if (!ngx_http_weir_copy_is_drawn(image, row)) {
        return;
    }

    room = ngx_http_weir_copy_room(ctx, w);

    if (room != WEIR_HEALTH_COPY_MADE) {
        ngx_http_weir_copy_note(room);
        return;
    }

    copy = ngx_http_weir_copy_make(ctx, weir_image_text(image,
                                                   image->routes[row].name));
    if (copy == NULL) {
        ngx_http_weir_copy_note(WEIR_HEALTH_COPY_SHED);
        return;
    }

    if (ngx_http_weir_copy_connect(copy) != NGX_OK) {
        ngx_http_weir_copy_note(WEIR_HEALTH_COPY_UNREACHABLE);
        explicit_bzero(copy->bytes, copy->size);
        ngx_free(copy);
        return;
    }

    ngx_queue_insert_tail(&w->shadows, &copy->queue);
    w->shadow_count++;
}


void
ngx_http_weir_free_shadows(void)
{
    ngx_queue_t             *q;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    while (!ngx_queue_empty(&w->shadows)) {
        q = ngx_queue_head(&w->shadows);
        ngx_http_weir_copy_end(ngx_queue_data(q, ngx_http_weir_copy_t,
                                              queue));
    }
}
