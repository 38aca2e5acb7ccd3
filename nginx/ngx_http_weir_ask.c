/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks of classifiers: a POST with JSON, its answer read whole, one deadline.
 *
 *   ask -> [its turn] -> idle connection or connect -> (TLS) -> send -> read
 *     |                                                            |
 *     `---- deadline, cancelled, failed -----------> heard <-------'
 *
 * WHY NOT NGINX'S UPSTREAM. An upstream belongs to a request and there is one
 * at a time; windows of a reply are asked about while the reply's own
 * upstream is open, and several classifiers at once. What is nginx's here is
 * the event loop, connections and TLS, with the addresses and trust anchors
 * of the origin that control wrote for the classifier.
 *
 * BOUNDS. Of a worker and classifier `concurrency` asks are under way and as
 * many wait; the deadline counts from the ask. After NGX_HTTP_WEIR_DEAF
 * failures in a row asks fail at once for a second, so that a dead service
 * does not cost each call its timeout; the first ask after it is the probe.
 *
 * WHAT AN ASK HOLDS is wiped when it is freed: texts and the credential.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_ask.h"
#include "ngx_http_weir_tunnel.h"


/* Failures in a row, and how long asks fail at once then. */
#define NGX_HTTP_WEIR_DEAF       5
#define NGX_HTTP_WEIR_DEAF_MS    1000

/* Idle connections are closed after this, before most servers do. */
#define NGX_HTTP_WEIR_LINE_IDLE  50000

/* One read. */
#define NGX_HTTP_WEIR_ASK_READ   8192


/* A classifier as a worker knows it; lives as long as the worker. */
struct ngx_http_weir_asker_s {
    ngx_http_weir_asker_t          *next;       /* in worker.askers */
    ngx_http_weir_origin_t         *origin;
    ngx_uint_t                      active;
    ngx_uint_t                      waiting_count;
    ngx_queue_t                     waiting;    /* ngx_http_weir_ask_t */
    ngx_queue_t                     idle;       /* ngx_http_weir_line_t */
    ngx_uint_t                      turn;       /* next address */
    ngx_uint_t                      failures;   /* in a row */
    ngx_msec_t                      deaf_until;
};


/* An idle connection. */
typedef struct {
    ngx_queue_t                     queue;
    ngx_connection_t               *connection;
} ngx_http_weir_line_t;


struct ngx_http_weir_ask_s {
    ngx_queue_t                     queue;      /* in asker.waiting */
    ngx_http_weir_asker_t          *asker;      /* NULL: it has no origin */
    const struct weir_image        *image;
    uint32_t                        row;
    ngx_connection_t               *connection;
    ngx_http_weir_tunnel_t         *tunnel;     /* NULL: none was needed */
    ngx_event_t                     timer;
    ngx_msec_t                      started;
    ngx_uint_t                      tries;      /* addresses left */
    struct weir_buf                 request;
    size_t                          sent;
    struct weir_http_reply          reply;
    enum weir_unheard               unheard;
    struct weir_classify_said       said;
    ngx_http_weir_heard_pt          handler;
    void                           *data;
    unsigned                        is_waiting:1;
    unsigned                        is_active:1;
    unsigned                        is_reused:1;    /* its connection */
    unsigned                        is_connected:1;
};


static enum weir_unheard ngx_http_weir_ask_connect(ngx_http_weir_ask_t *ask,
    ngx_uint_t may_reuse);
static void ngx_http_weir_ask_handler(ngx_event_t *ev);
static void ngx_http_weir_ask_heard(ngx_http_weir_ask_t *ask,
    enum weir_unheard unheard);


/* --------------------------------------------------------- connections */

static void
ngx_http_weir_line_close(ngx_connection_t *c)
{
    ngx_pool_t  *pool;

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;
        (void) ngx_ssl_shutdown(c);
    }

    pool = c->pool;
    ngx_close_connection(c);

    if (pool) {
        ngx_destroy_pool(pool);
    }
}


/* Nobody asked: the other side closes, or says what it should not. */

static void
ngx_http_weir_line_handler(ngx_event_t *ev)
{
    ngx_connection_t      *c;
    ngx_http_weir_line_t  *line;

    c = ev->data;
    line = c->data;

    ngx_queue_remove(&line->queue);
    ngx_http_weir_line_close(c);
    ngx_free(line);
}


static void
ngx_http_weir_line_dummy(ngx_event_t *ev)
{
}


static void
ngx_http_weir_line_keep(ngx_http_weir_asker_t *asker, ngx_connection_t *c)
{
    ngx_http_weir_line_t  *line;

    line = ngx_alloc(sizeof(ngx_http_weir_line_t), c->log);

    if (line == NULL || ngx_terminate || ngx_exiting
        || ngx_handle_read_event(c->read, 0) != NGX_OK)
    {
        if (line) {
            ngx_free(line);
        }

        ngx_http_weir_line_close(c);
        return;
    }

    line->connection = c;
    c->data = line;
    c->idle = 1;
    c->read->handler = ngx_http_weir_line_handler;
    c->write->handler = ngx_http_weir_line_dummy;
    ngx_add_timer(c->read, NGX_HTTP_WEIR_LINE_IDLE);
    ngx_queue_insert_head(&asker->idle, &line->queue);

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


static ngx_connection_t *
ngx_http_weir_line_take(ngx_http_weir_asker_t *asker)
{
    ngx_connection_t      *c;
    ngx_http_weir_line_t  *line;

    if (ngx_queue_empty(&asker->idle)) {
        return NULL;
    }

    line = ngx_queue_data(ngx_queue_head(&asker->idle), ngx_http_weir_line_t,
                          queue);
    c = line->connection;

    ngx_queue_remove(&line->queue);
    ngx_free(line);

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    c->idle = 0;

    return c;
}


static ngx_http_weir_asker_t *
ngx_http_weir_asker(ngx_http_weir_origin_t *origin)
{
    ngx_http_weir_asker_t   *asker;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    for (asker = w->askers; asker; asker = asker->next) {
        if (asker->origin == origin) {
            return asker;
        }
    }

    asker = ngx_calloc(sizeof(ngx_http_weir_asker_t), w->log);
    if (asker == NULL) {
        return NULL;
    }

    asker->origin = origin;
    ngx_queue_init(&asker->waiting);
    ngx_queue_init(&asker->idle);
    asker->next = w->askers;
    w->askers = asker;

    return asker;
}


void
ngx_http_weir_free_askers(void)
{
    ngx_http_weir_asker_t   *asker;
    ngx_http_weir_worker_t  *w;

    w = &ngx_http_weir_worker;

    while (w->askers) {
        asker = w->askers;
        w->askers = asker->next;

        for ( ;; ) {
            ngx_connection_t  *c = ngx_http_weir_line_take(asker);

            if (c == NULL) {
                break;
            }

            ngx_http_weir_line_close(c);
        }

        ngx_free(asker);
    }
}


/* ------------------------------------------------------------- sending */

static void
ngx_http_weir_ask_drop(ngx_http_weir_ask_t *ask)
{
    if (ask->connection) {
        ngx_http_weir_line_close(ask->connection);
        ask->connection = NULL;
    }
}


/* Another address, or a new connection in place of one that had gone. */

static void
ngx_http_weir_ask_again(ngx_http_weir_ask_t *ask, enum weir_unheard unheard)
{
    size_t      max;
    ngx_uint_t  was_reused;

    was_reused = ask->is_reused;
    ngx_http_weir_ask_drop(ask);

    if (ask->reply.head_bytes == 0
        && (was_reused || (!ask->is_connected && ask->tries)))
    {
        max = ask->reply.body.max;
        weir_http_reply_fini(&ask->reply);
        weir_http_reply_init(&ask->reply, max);
        ask->sent = 0;

        unheard = ngx_http_weir_ask_connect(ask, 0);
        if (unheard == WEIR_UNHEARD_NO) {
            return;
        }
    }

    ngx_http_weir_ask_heard(ask, unheard);
}


static void
ngx_http_weir_ask_read_answer(ngx_http_weir_ask_t *ask)
{
    weir_status                          status;
    struct weir_error                    err;
    struct weir_arena                    arena;
    struct weir_classify_setup           setup;
    const struct weir_image_classifier  *row;

    if (ask->reply.status != NGX_HTTP_OK) {
        ngx_http_weir_ask_heard(ask, WEIR_UNHEARD_STATUS);
        return;
    }

    row = &ask->image->classifiers[ask->row];
    setup.form = row->form;
    setup.model = WEIR_SPAN_NONE;
    setup.thresholds = weir_image_text(ask->image, row->thresholds);

    weir_arena_init_heap(&arena, WEIR_CLASSIFY_REPLY_MAX);

    status = ask->reply.is_encoded
             ? WEIR_EPARSE
             : weir_classify_read(&setup, weir_buf_span(&ask->reply.body),
                                  &arena, &ask->said, &err);

    weir_arena_fini(&arena);

    ngx_http_weir_ask_heard(ask, status == WEIR_OK ? WEIR_UNHEARD_NO
                                                   : WEIR_UNHEARD_MALFORMED);
}


static void
ngx_http_weir_ask_read(ngx_http_weir_ask_t *ask)
{
    u_char               bytes[NGX_HTTP_WEIR_ASK_READ];
    ssize_t              n;
    ngx_connection_t    *c;
    enum weir_http_read  said;

    c = ask->connection;

    for ( ;; ) {
        n = c->recv(c, bytes, sizeof(bytes));

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
                ngx_http_weir_ask_again(ask, WEIR_UNHEARD_BROKEN);
            }

            return;
        }

        if (n == NGX_ERROR || (n == 0 && ask->reply.head_bytes == 0)) {
            ngx_http_weir_ask_again(ask, WEIR_UNHEARD_BROKEN);
            return;
        }

        said = n == 0 ? weir_http_reply_end(&ask->reply)
                      : weir_http_reply_feed(&ask->reply,
                                             (weir_span) { (char *) bytes,
                                                           (size_t) n });

        if (said == WEIR_HTTP_DONE) {
            ngx_http_weir_ask_read_answer(ask);
            return;
        }

        if (said != WEIR_HTTP_MORE) {
            ngx_http_weir_ask_heard(ask, said == WEIR_HTTP_TOO_LONG
                                         ? WEIR_UNHEARD_TOO_LONG
                                         : WEIR_UNHEARD_BROKEN);
            return;
        }
    }
}


static void
ngx_http_weir_ask_send(ngx_http_weir_ask_t *ask)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = ask->connection;

    while (ask->sent < ask->request.len) {
        n = c->send(c, (u_char *) ask->request.ptr + ask->sent,
                    ask->request.len - ask->sent);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_http_weir_ask_again(ask, WEIR_UNHEARD_BROKEN);
            return;
        }

        ask->sent += n;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_weir_ask_again(ask, WEIR_UNHEARD_BROKEN);
        return;
    }

    /* it may answer before it has heard all */

    ngx_http_weir_ask_read(ask);
}


static void
ngx_http_weir_ask_opened(ngx_http_weir_tunnel_t *tunnel)
{
    ngx_http_weir_ask_t  *ask;

    ask = tunnel->data;

    if (tunnel->state != NGX_HTTP_WEIR_TUNNEL_OPEN) {
        ngx_http_weir_ask_drop(ask);
        ngx_http_weir_ask_heard(ask, tunnel->is_tls ? WEIR_UNHEARD_TLS
                                                    : WEIR_UNHEARD_CONNECT);
        return;
    }

    ngx_http_weir_ask_send(ask);
}


/* TLS, and a proxy before it. */

static void
ngx_http_weir_ask_open(ngx_http_weir_ask_t *ask)
{
    if (ask->tunnel == NULL) {
        ask->tunnel = ngx_alloc(sizeof(ngx_http_weir_tunnel_t),
                                ngx_http_weir_worker.log);
        if (ask->tunnel == NULL) {
            ngx_http_weir_ask_again(ask, WEIR_UNHEARD_CONNECT);
            return;
        }
    }

    ngx_memzero(ask->tunnel, sizeof(ngx_http_weir_tunnel_t));
    ask->tunnel->origin = ask->asker->origin;
    ask->tunnel->connection = ask->connection;
    ask->tunnel->handler = ngx_http_weir_ask_opened;
    ask->tunnel->data = ask;

    ngx_http_weir_tunnel_start(ask->tunnel, 0);
}


static void
ngx_http_weir_ask_handler(ngx_event_t *ev)
{
    int                   error;
    socklen_t             len;
    ngx_connection_t     *c;
    ngx_http_weir_ask_t  *ask;

    c = ev->data;
    ask = c->data;

    if (!ask->is_connected) {
        error = 0;
        len = sizeof(int);

        if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1
            || error)
        {
            ngx_http_weir_ask_again(ask, WEIR_UNHEARD_CONNECT);
            return;
        }

        if (!c->write->ready) {
            return;
        }

        ask->is_connected = 1;
        (void) ngx_tcp_nodelay(c);

        if (ask->asker->origin->tls || ask->asker->origin->proxy) {
            ngx_http_weir_ask_open(ask);
            return;
        }
    }

    if (ask->sent < ask->request.len) {
        ngx_http_weir_ask_send(ask);

    } else {
        ngx_http_weir_ask_read(ask);
    }
}


/* ---------------------------------------------------------- connecting */

static ngx_addr_t *
ngx_http_weir_ask_address(ngx_http_weir_asker_t *asker, ngx_uint_t *count_out)
{
    ngx_uint_t                   i, k, n;
    ngx_addr_t                  *found;
    ngx_http_upstream_server_t  *server;

    found = NULL;
    n = 0;

    if (asker->origin->upstream && asker->origin->upstream->servers) {
        server = asker->origin->upstream->servers->elts;

        for (i = 0; i < asker->origin->upstream->servers->nelts; i++) {
            n += server[i].naddrs;
        }

        k = n ? asker->turn % n : 0;

        for (i = 0; n && i < asker->origin->upstream->servers->nelts; i++) {
            if (k < server[i].naddrs) {
                found = &server[i].addrs[k];
                break;
            }

            k -= server[i].naddrs;
        }
    }

    *count_out = n;

    return found;
}


static enum weir_unheard
ngx_http_weir_ask_connect(ngx_http_weir_ask_t *ask, ngx_uint_t may_reuse)
{
    ngx_int_t               rc;
    ngx_uint_t              count;
    ngx_addr_t             *address;
    ngx_connection_t       *c;
    ngx_peer_connection_t   peer;

    ask->is_reused = 0;
    ask->is_connected = 0;

    c = may_reuse ? ngx_http_weir_line_take(ask->asker) : NULL;

    if (c) {
        ask->is_reused = 1;
        ask->is_connected = 1;

    } else {

        for ( ;; ) {
            address = ngx_http_weir_ask_address(ask->asker, &count);

            if (address == NULL || ask->tries == 0) {
                return WEIR_UNHEARD_CONNECT;
            }

            ask->tries = ngx_min(ask->tries, count) - 1;
            ask->asker->turn++;

            ngx_memzero(&peer, sizeof(ngx_peer_connection_t));
            peer.sockaddr = address->sockaddr;
            peer.socklen = address->socklen;
            peer.name = &address->name;
            peer.get = ngx_event_get_peer;
            peer.log = ngx_http_weir_worker.log;
            peer.log_error = NGX_ERROR_ERR;

            rc = ngx_event_connect_peer(&peer);

            if (rc == NGX_OK || rc == NGX_AGAIN) {
                break;
            }

            if (peer.connection) {
                ngx_close_connection(peer.connection);
            }
        }

        c = peer.connection;
        c->pool = ngx_create_pool(512, ngx_http_weir_worker.log);

        if (c->pool == NULL) {
            ngx_close_connection(c);
            return WEIR_UNHEARD_CONNECT;
        }

        if (rc == NGX_OK) {
            ngx_post_event(c->write, &ngx_posted_events);
        }
    }

    c->data = ask;
    c->read->handler = ngx_http_weir_ask_handler;
    c->write->handler = ngx_http_weir_ask_handler;
    ask->connection = c;

    if (ask->is_reused) {
        ngx_post_event(c->write, &ngx_posted_events);
    }

    return WEIR_UNHEARD_NO;
}


static enum weir_unheard
ngx_http_weir_ask_start(ngx_http_weir_ask_t *ask)
{
    ask->is_active = 1;
    ask->asker->active++;
    ask->tries = (ngx_uint_t) -1;

    return ngx_http_weir_ask_connect(ask, 1);
}


/* Told from the event loop: whoever asks has not returned yet. */

static void
ngx_http_weir_ask_tell_later(ngx_http_weir_ask_t *ask,
    enum weir_unheard unheard)
{
    ask->unheard = unheard;

    if (ask->timer.timer_set) {
        ngx_del_timer(&ask->timer);
    }

    ngx_add_timer(&ask->timer, 0);
}


static void
ngx_http_weir_ask_next(ngx_http_weir_asker_t *asker)
{
    enum weir_unheard     unheard;
    ngx_http_weir_ask_t  *ask;

    if (ngx_queue_empty(&asker->waiting)) {
        return;
    }

    ask = ngx_queue_data(ngx_queue_head(&asker->waiting), ngx_http_weir_ask_t,
                         queue);

    ngx_queue_remove(&ask->queue);
    ask->is_waiting = 0;
    asker->waiting_count--;

    unheard = ngx_http_weir_ask_start(ask);

    if (unheard != WEIR_UNHEARD_NO) {
        ngx_http_weir_ask_tell_later(ask, unheard);
    }
}


/* -------------------------------------------------------------- heard */

/* Gives back what the ask had: its connection, its turn. */

static void
ngx_http_weir_ask_leave(ngx_http_weir_ask_t *ask, ngx_uint_t may_keep)
{
    if (ask->timer.timer_set) {
        ngx_del_timer(&ask->timer);
    }

    if (ask->connection) {
        if (ask->connection->write->posted) {
            ngx_delete_posted_event(ask->connection->write);
        }

        if (may_keep && ask->reply.may_ask_again
            && ask->sent == ask->request.len && !ask->connection->read->eof
            && !ask->connection->error)
        {
            ngx_http_weir_line_keep(ask->asker, ask->connection);
            ask->connection = NULL;
        }

        ngx_http_weir_ask_drop(ask);
    }

    if (ask->is_waiting) {
        ngx_queue_remove(&ask->queue);
        ask->is_waiting = 0;
        ask->asker->waiting_count--;
    }

    if (ask->is_active) {
        ask->is_active = 0;
        ask->asker->active--;
        ngx_http_weir_ask_next(ask->asker);
    }
}


/* Whether it is worth a line in the log: the first, and when it is deaf. */

static ngx_uint_t
ngx_http_weir_ask_note(ngx_http_weir_asker_t *asker, enum weir_unheard unheard)
{
    switch (unheard) {

    case WEIR_UNHEARD_NO:
    case WEIR_UNHEARD_MALFORMED:
        asker->failures = 0;
        return unheard != WEIR_UNHEARD_NO;

    case WEIR_UNHEARD_TIMEOUT:
    case WEIR_UNHEARD_CONNECT:
    case WEIR_UNHEARD_TLS:
    case WEIR_UNHEARD_STATUS:
    case WEIR_UNHEARD_BROKEN:

        if (++asker->failures >= NGX_HTTP_WEIR_DEAF) {
            asker->deaf_until = ngx_current_msec + NGX_HTTP_WEIR_DEAF_MS;
        }

        return asker->failures == 1 || asker->failures == NGX_HTTP_WEIR_DEAF;

    default:
        return 0;
    }
}


static void
ngx_http_weir_ask_heard(ngx_http_weir_ask_t *ask, enum weir_unheard unheard)
{
    const struct weir_image_classifier  *row;

    ask->unheard = unheard;

    if (ask->asker && ngx_http_weir_ask_note(ask->asker, unheard)) {
        row = &ask->image->classifiers[ask->row];

        ngx_log_error(NGX_LOG_WARN, ngx_http_weir_worker.log, 0,
                      "weir: classifier \"%*s\" gave no verdict: %s",
                      (size_t) row->name.len,
                      weir_image_text(ask->image, row->name).ptr,
                      weir_unheard_name(unheard));
    }

    ngx_http_weir_ask_leave(ask, unheard == WEIR_UNHEARD_NO
                                 || unheard == WEIR_UNHEARD_MALFORMED
                                 || unheard == WEIR_UNHEARD_STATUS);

    ask->handler(ask->data, ask);
}


static void
ngx_http_weir_ask_timer(ngx_event_t *ev)
{
    ngx_http_weir_ask_t  *ask;

    ask = ev->data;

    ngx_http_weir_ask_heard(ask, ask->unheard ? ask->unheard
                                              : WEIR_UNHEARD_TIMEOUT);
}


/* -------------------------------------------------------------- asking */

static enum weir_unheard
ngx_http_weir_ask_write(ngx_http_weir_ask_t *ask, weir_span body)
{
    ngx_int_t                        rc;
    weir_span                        path;
    weir_secret                      secret;
    const struct weir_image_origin  *origin;

    origin = &ask->image->origins[ask->image->classifiers[ask->row].origin];
    path = weir_image_text(ask->image, origin->prefix);
    secret = (weir_secret) { NULL, 0 };

    if (origin->credential.len) {
        rc = ngx_http_weir_credential(weir_image_text(ask->image,
                                                      origin->credential),
                                      &secret);
        if (rc != NGX_OK) {
            return WEIR_UNHEARD_CREDENTIAL;
        }
    }

    weir_buf_init(&ask->request, body.len + secret.len + 8192);

    weir_buf_addf(&ask->request, "POST %.*s HTTP/1.1" CRLF "Host: %.*s" CRLF
                  "Content-Type: application/json" CRLF
                  "Content-Length: %zu" CRLF "Accept: application/json" CRLF
                  "Accept-Encoding: identity" CRLF
                  "User-Agent: weir/" WEIR_VERSION CRLF,
                  path.len ? (int) path.len : 1, path.len ? path.ptr : "/",
                  WEIR_SPAN_ARG(weir_image_text(ask->image,
                                                origin->authority)),
                  body.len);

    if (secret.len) {
        weir_buf_addf(&ask->request, "Authorization: Bearer ");
        weir_buf_add(&ask->request, secret.ptr, secret.len);
        weir_buf_addf(&ask->request, CRLF);
    }

    weir_buf_addf(&ask->request, CRLF);
    weir_buf_add_span(&ask->request, body);

    return ask->request.overflow ? WEIR_UNHEARD_TEXT : WEIR_UNHEARD_NO;
}


/* Why it cannot even be begun, or wait. */

static enum weir_unheard
ngx_http_weir_ask_begin(ngx_http_weir_ask_t *ask, ngx_http_weir_view_t *view,
    weir_span body)
{
    enum weir_unheard                    unheard;
    ngx_http_weir_origin_t              *origin;
    const struct weir_image_classifier  *row;

    row = &ask->image->classifiers[ask->row];
    origin = view->image->endpoints[row->origin].origin;

    if (origin == NULL || origin->upstream == NULL) {
        return WEIR_UNHEARD_CONNECT;
    }

    ask->asker = ngx_http_weir_asker(origin);

    if (ask->asker == NULL) {
        return WEIR_UNHEARD_BUSY;
    }

    if (ask->asker->failures >= NGX_HTTP_WEIR_DEAF
        && (ngx_msec_int_t) (ask->asker->deaf_until - ngx_current_msec) > 0)
    {
        return WEIR_UNHEARD_RESTING;
    }

    if (ask->asker->active >= row->concurrency
        && ask->asker->waiting_count >= row->concurrency)
    {
        return WEIR_UNHEARD_BUSY;
    }

    unheard = ngx_http_weir_ask_write(ask, body);
    if (unheard != WEIR_UNHEARD_NO) {
        return unheard;
    }

    ngx_add_timer(&ask->timer, row->timeout_ms);

    if (ask->asker->active >= row->concurrency) {
        ngx_queue_insert_tail(&ask->asker->waiting, &ask->queue);
        ask->is_waiting = 1;
        ask->asker->waiting_count++;

        return WEIR_UNHEARD_NO;
    }

    return ngx_http_weir_ask_start(ask);
}


ngx_http_weir_ask_t *
ngx_http_weir_ask(ngx_http_weir_view_t *view, uint32_t row, weir_span body,
    enum weir_unheard unheard, ngx_http_weir_heard_pt handler, void *data)
{
    ngx_http_weir_ask_t  *ask;

    ask = ngx_calloc(sizeof(ngx_http_weir_ask_t), ngx_http_weir_worker.log);
    if (ask == NULL) {
        return NULL;
    }

    ask->image = &view->view.image;
    ask->row = row;
    ask->handler = handler;
    ask->data = data;
    ask->started = ngx_current_msec;
    ask->timer.data = ask;
    ask->timer.handler = ngx_http_weir_ask_timer;
    ask->timer.log = ngx_http_weir_worker.log;
    ask->timer.cancelable = 0;
    weir_http_reply_init(&ask->reply, WEIR_CLASSIFY_REPLY_MAX);

    if (unheard == WEIR_UNHEARD_NO) {
        unheard = ngx_http_weir_ask_begin(ask, view, body);
    }

    if (unheard != WEIR_UNHEARD_NO) {
        ngx_http_weir_ask_tell_later(ask, unheard);
    }

    return ask;
}


void
ngx_http_weir_ask_free(ngx_http_weir_ask_t *ask)
{
    if (ask == NULL) {
        return;
    }

    ngx_http_weir_ask_leave(ask, 0);

    if (ask->request.ptr) {
        explicit_bzero(ask->request.ptr, ask->request.len);
    }

    weir_buf_fini(&ask->request);
    weir_http_reply_fini(&ask->reply);

    if (ask->tunnel) {
        ngx_free(ask->tunnel);
    }

    ngx_free(ask);
}


enum weir_unheard
ngx_http_weir_ask_result(const ngx_http_weir_ask_t *ask,
    struct weir_classify_said *said_out, uint32_t *elapsed_ms_out)
{
    *said_out = ask->said;
    *elapsed_ms_out = (uint32_t) (ngx_current_msec - ask->started);

    return ask->unheard;
}
