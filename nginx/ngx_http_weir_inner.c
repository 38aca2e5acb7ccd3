/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that a worker makes of weir itself: see ngx_http_weir_inner.h.
 *
 * WHO MAY. The sockets lie in the run directory, which is the user's alone;
 * the words that say what a request is part of count there and nowhere else.
 *
 * A request is one connection, sent whole and answered whole, with a bound on
 * its reply and one deadline.
 */

#include "ngx_http_weir_inner.h"
#include "ngx_http_weir_headers.h"


#define NGX_HTTP_WEIR_INNER_READ  8192


static void ngx_http_weir_inner_handler(ngx_event_t *ev);


/* ----------------------------------------------------------- receiving */

void
ngx_http_weir_inner_hear(ngx_http_request_t *r, ngx_str_t *value,
    struct weir_client *client)
{
    if (r->connection->listening == NULL
        || r->connection->listening->sockaddr->sa_family != AF_UNIX)
    {
        return;
    }

    client->is_part = 1;

    if (value->len > 4 && ngx_strncmp(value->data, "key ", 4) == 0) {
        client->key_id = (weir_span) { (char *) value->data + 4,
                                       value->len - 4 };
    }
}


/* ------------------------------------------------------------- sending */

/* What is said of the connection, and what only weir itself may say. */

static ngx_uint_t
ngx_http_weir_is_own_header(ngx_table_elt_t *h)
{
    return ngx_http_weir_is_header(h, "host")
           || ngx_http_weir_is_header(h, "connection")
           || ngx_http_weir_is_header(h, "content-length")
           || ngx_http_weir_is_header(h, "transfer-encoding")
           || ngx_http_weir_is_header(h, "keep-alive")
           || ngx_http_weir_is_header(h, "expect")
           || ngx_http_weir_is_header(h, "te")
           || ngx_http_weir_is_header(h, "upgrade")
           || ngx_http_weir_is_header(h, "traceparent")
           || ngx_http_weir_is_header(h, NGX_HTTP_WEIR_SHADOW)
           || ngx_http_weir_is_header(h, NGX_HTTP_WEIR_SHADOW_CLIENT)
           || ngx_http_weir_is_header(h, NGX_HTTP_WEIR_INNER)
           || ngx_http_weir_is_header(h, NGX_HTTP_WEIR_INNER_CLIENT);
}


size_t
ngx_http_weir_inner_headers(ngx_http_request_t *r, u_char *p)
{
    size_t                    size;
    ngx_table_elt_t          *h;
    ngx_http_weir_headers_t   headers;

    size = 0;

    ngx_http_weir_headers_init(&headers, r);

    while ((h = ngx_http_weir_headers_next(&headers))) {

        if (ngx_http_weir_is_own_header(h)) {
            continue;
        }

        size += h->key.len + h->value.len + 4;

        if (p) {
            p = ngx_sprintf(p, "%V: %V" CRLF, &h->key, &h->value);
        }
    }

    return size;
}


void
ngx_http_weir_inner_end(ngx_http_weir_inner_t *inner)
{
    if (inner->connection) {
        ngx_close_connection(inner->connection);
        inner->connection = NULL;
    }

    if (inner->bytes) {
        explicit_bzero(inner->bytes, inner->size);
        ngx_free(inner->bytes);
        inner->bytes = NULL;
    }

    if (inner->has_reply) {
        weir_http_reply_fini(&inner->reply);
        inner->has_reply = 0;
    }

    inner->is_heard = 0;
}


/* The connection goes at once, the reply stays until it is ended. */

static void
ngx_http_weir_inner_heard(ngx_http_weir_inner_t *inner, ngx_uint_t is_heard)
{
    inner->is_heard = is_heard;

    ngx_close_connection(inner->connection);
    inner->connection = NULL;

    inner->handler(inner);
}


static void
ngx_http_weir_inner_read(ngx_http_weir_inner_t *inner)
{
    u_char                bytes[NGX_HTTP_WEIR_INNER_READ];
    ssize_t               n;
    ngx_connection_t     *c;
    enum weir_http_read   said;

    c = inner->connection;

    for ( ;; ) {
        n = c->recv(c, bytes, sizeof(bytes));

        if (n == NGX_AGAIN) {
            break;
        }

        said = n == NGX_ERROR ? WEIR_HTTP_BROKEN
               : n == 0 ? weir_http_reply_end(&inner->reply)
                        : weir_http_reply_feed(&inner->reply,
                                               (weir_span) { (char *) bytes,
                                                             (size_t) n });

        if (said != WEIR_HTTP_MORE) {
            ngx_http_weir_inner_heard(inner, said == WEIR_HTTP_DONE);
            return;
        }
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_weir_inner_heard(inner, 0);
    }
}


static void
ngx_http_weir_inner_handler(ngx_event_t *ev)
{
    ssize_t                 n;
    ngx_connection_t       *c;
    ngx_http_weir_inner_t  *inner;

    c = ev->data;
    inner = c->data;

    if (ev->timedout) {
        ngx_http_weir_inner_heard(inner, 0);
        return;
    }

    while (inner->sent < inner->size) {
        n = c->send(c, inner->bytes + inner->sent, inner->size - inner->sent);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR) {
            ngx_http_weir_inner_heard(inner, 0);
            return;
        }

        inner->sent += n;
    }

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_weir_inner_heard(inner, 0);
        return;
    }

    ngx_http_weir_inner_read(inner);
}


static ngx_connection_t *
ngx_http_weir_inner_connect(const char *name)
{
    size_t                  len;
    ngx_int_t               rc;
    ngx_str_t               text, *run;
    struct sockaddr_un      address;
    ngx_peer_connection_t   peer;

    run = &ngx_http_weir_worker.conf->run;
    len = run->len + ngx_strlen(name);

    if (len >= sizeof(address.sun_path)) {
        return NULL;
    }

    ngx_memzero(&address, sizeof(struct sockaddr_un));
    address.sun_family = AF_UNIX;
    (void) ngx_sprintf((u_char *) address.sun_path, "%V%s%Z", run, name);

    text.data = (u_char *) name;
    text.len = ngx_strlen(name);

    ngx_memzero(&peer, sizeof(ngx_peer_connection_t));
    peer.sockaddr = (struct sockaddr *) &address;
    peer.socklen = sizeof(struct sockaddr_un);
    peer.name = &text;
    peer.get = ngx_event_get_peer;
    peer.log = ngx_http_weir_worker.log;
    peer.log_error = NGX_ERROR_ERR;

    rc = ngx_event_connect_peer(&peer);

    if (rc == NGX_OK || rc == NGX_AGAIN) {
        return peer.connection;
    }

    if (peer.connection) {
        ngx_close_connection(peer.connection);
    }

    return NULL;
}


ngx_int_t
ngx_http_weir_inner_ask(ngx_http_weir_inner_t *inner, const char *name,
    u_char *bytes, size_t size, const char *wanted, size_t body_max,
    ngx_msec_t timeout)
{
    ngx_connection_t  *c;

    inner->bytes = bytes;
    inner->size = size;
    inner->sent = 0;

    weir_http_reply_init(&inner->reply, body_max);
    inner->reply.wanted = wanted;
    inner->has_reply = 1;

    c = ngx_http_weir_inner_connect(name);

    if (c == NULL) {
        ngx_http_weir_inner_end(inner);
        return NGX_ERROR;
    }

    inner->connection = c;
    c->data = inner;
    c->read->handler = ngx_http_weir_inner_handler;
    c->write->handler = ngx_http_weir_inner_handler;

    ngx_add_timer(c->read, timeout);
    ngx_post_event(c->write, &ngx_posted_events);

    return NGX_OK;
}
