/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tunnels: connections to origins that are behind a proxy.
 *
 *   TCP - [TLS to the proxy] - CONNECT - 2xx - [TLS to the origin] - request
 *    |            |               |      |              |
 *    `------------+---------------+------+--------------+--> failed, named
 *
 * WHERE IT STANDS. nginx's upstream knows no proxies in front of origins. But
 * what it writes passes one filter, as pins use it, and that filter may say
 * NGX_AGAIN: the first bytes of a request wait there, the connection's events
 * are taken over, the proxy is asked and TLS is spoken, and then nginx goes
 * on writing to what is a connection to the origin.  Nothing of nginx is
 * patched, and what fails comes back as an attempt that sent nothing.
 *
 * WHY CONNECTIONS ARE NOT SHARED. An origin has its upstream block, with a
 * pool of its own; the block's addresses are the proxy's.  So a kept
 * connection leads to one origin by one way, under one set of anchors, and
 * changes of any of them are another configuration with empty pools.
 *
 * TLS IN TLS. To a proxy that is spoken to by TLS the origin's session is
 * given the proxy's as what it reads and writes; both are freed as one.
 *
 * WHAT IS BELIEVED OF A PROXY: a status line and the end of a head of 4 KiB.
 * Bytes behind it are nobody's, as origins do not speak first; the tunnel is
 * given up.  The credential is wiped as soon as it is sent.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_tunnel.h"


#define NGX_HTTP_WEIR_TUNNEL_SECRET  1024


static void ngx_http_weir_tunnel_ask(ngx_http_weir_tunnel_t *t);
static void ngx_http_weir_tunnel_handler(ngx_event_t *ev);


/* --------------------------------------------------------------- ending */

static void
ngx_http_weir_tunnel_end(ngx_http_weir_tunnel_t *t, const char *what)
{
    ngx_connection_t  *c;

    c = t->connection;
    explicit_bzero(t->bytes, sizeof(t->bytes));

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    c->data = t->owner;
    c->read->handler = t->on_read;
    c->write->handler = t->on_write;

    t->what = what;
    t->state = what ? NGX_HTTP_WEIR_TUNNEL_FAILED : NGX_HTTP_WEIR_TUNNEL_OPEN;

    if (what) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "weir: no way to origin \"%V\": %s", &t->origin->name,
                      what);
    }

    t->handler(t);
}


/* ----------------------------------------------------------- handshakes */

const char *
ngx_http_weir_tls_fault(ngx_connection_t *c)
{
    long  rc;

    rc = c->ssl ? SSL_get_verify_result(c->ssl->connection) : X509_V_OK;

    return rc == X509_V_OK ? NULL : X509_verify_cert_error_string(rc);
}


static void
ngx_http_weir_tunnel_fail_tls(ngx_http_weir_tunnel_t *t, const char *side)
{
    const char  *fault;

    fault = ngx_http_weir_tls_fault(t->connection);
    t->is_slow = t->connection->read->timedout
                 || t->connection->write->timedout;
    t->is_tls = 1;

    (void) ngx_snprintf(t->said, sizeof(t->said) - 1, "%s%s%s%Z", side,
                        t->is_slow ? " timeout" : fault ? ": " : "",
                        t->is_slow || fault == NULL ? "" : fault);
    t->said[sizeof(t->said) - 1] = '\0';

    ngx_http_weir_tunnel_end(t, (char *) t->said);
}


static ngx_uint_t
ngx_http_weir_is_shaken(ngx_connection_t *c)
{
    return c->ssl->handshaked
           && SSL_get_verify_result(c->ssl->connection) == X509_V_OK;
}


static void
ngx_http_weir_tunnel_shaken(ngx_connection_t *c)
{
    ngx_http_weir_tunnel_t  *t;

    t = c->data;

    if (!ngx_http_weir_is_shaken(c)) {
        ngx_http_weir_tunnel_fail_tls(t, "tls");
        return;
    }

    ngx_http_weir_tunnel_end(t, NULL);
}


static void
ngx_http_weir_tunnel_proxy_shaken(ngx_connection_t *c)
{
    ngx_http_weir_tunnel_t  *t;

    t = c->data;

    if (!ngx_http_weir_is_shaken(c)) {
        ngx_http_weir_tunnel_fail_tls(t, "proxy: tls");
        return;
    }

    ngx_http_weir_tunnel_ask(t);
}


/* The name is for the other side to choose by; the context verifies it. */

static void
ngx_http_weir_tunnel_shake(ngx_http_weir_tunnel_t *t, ngx_str_t *name,
    ngx_connection_handler_pt handler)
{
    ngx_int_t          rc;
    struct in6_addr    address;
    ngx_connection_t  *c;

    c = t->connection;

    if (inet_pton(AF_INET, (char *) name->data, &address) != 1
        && inet_pton(AF_INET6, (char *) name->data, &address) != 1)
    {
        (void) SSL_set_tlsext_host_name(c->ssl->connection,
                                        (char *) name->data);
    }

    c->sendfile = 0;
    rc = ngx_ssl_handshake(c);

    if (rc == NGX_AGAIN) {
        c->ssl->handler = handler;
        return;
    }

    handler(c);
}


/* The origin's session, over the proxy's where there is one. */

static void
ngx_http_weir_tunnel_tls(ngx_http_weir_tunnel_t *t)
{
    BIO               *bio;
    SSL               *outer;
    ngx_connection_t  *c;

    c = t->connection;
    outer = c->ssl ? c->ssl->connection : NULL;
    bio = NULL;

    if (!t->origin->tls) {
        ngx_http_weir_tunnel_end(t, NULL);
        return;
    }

    if (outer) {
        bio = BIO_new(BIO_f_ssl());

        if (bio == NULL) {
            ngx_http_weir_tunnel_end(t, "tls: no memory");
            return;
        }
    }

    if (ngx_ssl_create_connection(t->origin->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK)
    {
        BIO_free(bio);
        ngx_http_weir_tunnel_end(t, "tls: no memory");
        return;
    }

    if (outer) {
        BIO_set_ssl(bio, outer, BIO_CLOSE);
        SSL_set_bio(c->ssl->connection, bio, bio);
    }

    ngx_http_weir_tunnel_shake(t, &t->origin->ssl_name.value,
                               ngx_http_weir_tunnel_shaken);
}


/* ------------------------------------------------------------- CONNECT */

static ngx_int_t
ngx_http_weir_tunnel_write(ngx_http_weir_tunnel_t *t)
{
    u_char       *p;
    ngx_str_t     plain, coded;
    weir_secret   secret;

    p = ngx_snprintf(t->bytes, sizeof(t->bytes),
                     "CONNECT %V HTTP/1.1" CRLF "Host: %V" CRLF
                     "User-Agent: weir/" WEIR_VERSION CRLF,
                     &t->origin->tunnel, &t->origin->tunnel);

    if (t->origin->proxy_credential.len) {

        if (ngx_http_weir_credential(
                ngx_http_weir_span(t->origin->proxy_credential), &secret)
            != NGX_OK
            || secret.len > NGX_HTTP_WEIR_TUNNEL_SECRET)
        {
            return NGX_DECLINED;
        }

        p = ngx_cpymem(p, "Proxy-Authorization: Basic ",
                       sizeof("Proxy-Authorization: Basic ") - 1);

        if (p + ngx_base64_encoded_length(secret.len) + 4
            > t->bytes + sizeof(t->bytes))
        {
            return NGX_DECLINED;
        }

        plain.data = (u_char *) secret.ptr;
        plain.len = secret.len;
        coded.data = p;
        ngx_encode_base64(&coded, &plain);
        p = ngx_cpymem(coded.data + coded.len, CRLF, 2);
    }

    if (p + 2 > t->bytes + sizeof(t->bytes)) {
        return NGX_DECLINED;
    }

    p = ngx_cpymem(p, CRLF, 2);
    t->len = p - t->bytes;
    t->sent = 0;

    return NGX_OK;
}


/* The proxy's word, once it is whole: NGX_AGAIN before. */

static ngx_int_t
ngx_http_weir_tunnel_parse(ngx_http_weir_tunnel_t *t)
{
    u_char     *p, *end;
    ngx_int_t   status;

    if (t->len < sizeof("HTTP/1.1 200") - 1) {
        return NGX_AGAIN;
    }

    status = ngx_atoi(t->bytes + 9, 3);

    if (ngx_strncmp(t->bytes, "HTTP/1.", 7) != 0 || t->bytes[8] != ' '
        || status < 100 || status > 599)
    {
        t->what = "proxy: no HTTP";
        return NGX_ERROR;
    }

    if (status < 200 || status > 299) {
        (void) ngx_sprintf(t->said, "proxy: status %i%Z", status);
        t->what = (char *) t->said;
        return NGX_ERROR;
    }

    end = t->bytes + t->len;
    p = ngx_strlcasestrn(t->bytes, end, (u_char *) CRLF CRLF, 4 - 1);

    if (p == NULL) {
        t->what = "proxy: head too long";
        return t->len == sizeof(t->bytes) ? NGX_ERROR : NGX_AGAIN;
    }

    if (p + 4 != end) {
        t->what = "proxy: speaks for the origin";
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_weir_tunnel_hear(ngx_http_weir_tunnel_t *t)
{
    ssize_t            n;
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = t->connection;

    for ( ;; ) {
        n = c->recv(c, t->bytes + t->len, sizeof(t->bytes) - t->len);

        if (n == NGX_AGAIN) {

            if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
                ngx_http_weir_tunnel_end(t, "proxy: broken");
            }

            return;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_weir_tunnel_end(t, "proxy: closed");
            return;
        }

        t->len += n;
        rc = ngx_http_weir_tunnel_parse(t);

        if (rc == NGX_ERROR) {
            ngx_http_weir_tunnel_end(t, t->what);
            return;
        }

        if (rc == NGX_OK) {
            explicit_bzero(t->bytes, sizeof(t->bytes));
            ngx_http_weir_tunnel_tls(t);
            return;
        }
    }
}


static void
ngx_http_weir_tunnel_send(ngx_http_weir_tunnel_t *t)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = t->connection;

    while (t->sent < t->len) {
        n = c->send(c, t->bytes + t->sent, t->len - t->sent);

        if (n == NGX_AGAIN) {

            if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
                ngx_http_weir_tunnel_end(t, "proxy: broken");
            }

            return;
        }

        if (n == NGX_ERROR) {
            ngx_http_weir_tunnel_end(t, "proxy: closed");
            return;
        }

        t->sent += n;
    }

    explicit_bzero(t->bytes, sizeof(t->bytes));
    t->state = NGX_HTTP_WEIR_TUNNEL_HEARING;
    t->len = 0;

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_weir_tunnel_end(t, "proxy: broken");
        return;
    }

    ngx_http_weir_tunnel_hear(t);
}


static void
ngx_http_weir_tunnel_ask(ngx_http_weir_tunnel_t *t)
{
    t->connection->read->handler = ngx_http_weir_tunnel_handler;
    t->connection->write->handler = ngx_http_weir_tunnel_handler;

    if (ngx_http_weir_tunnel_write(t) != NGX_OK) {
        ngx_http_weir_tunnel_end(t, "proxy: no credential");
        return;
    }

    ngx_http_weir_tunnel_send(t);
}


static void
ngx_http_weir_tunnel_handler(ngx_event_t *ev)
{
    ngx_connection_t        *c;
    ngx_http_weir_tunnel_t  *t;

    c = ev->data;
    t = c->data;

    if (ev->timedout) {
        ev->timedout = 0;
        t->is_slow = 1;
        ngx_http_weir_tunnel_end(t, "proxy timeout");
        return;
    }

    if (t->state == NGX_HTTP_WEIR_TUNNEL_HEARING) {
        ngx_http_weir_tunnel_hear(t);

    } else {
        ngx_http_weir_tunnel_send(t);
    }
}


void
ngx_http_weir_tunnel_start(ngx_http_weir_tunnel_t *t, ngx_msec_t timeout)
{
    ngx_connection_t  *c;

    c = t->connection;

    t->state = NGX_HTTP_WEIR_TUNNEL_ASKING;
    t->what = NULL;
    t->owner = c->data;
    t->on_read = c->read->handler;
    t->on_write = c->write->handler;
    t->is_slow = 0;
    t->is_tls = 0;
    c->data = t;

    if (timeout) {
        ngx_add_timer(c->read, timeout);
    }

    if (!t->origin->proxy) {
        ngx_http_weir_tunnel_tls(t);
        return;
    }

    if (t->origin->proxy_ssl == NULL) {
        ngx_http_weir_tunnel_ask(t);
        return;
    }

    if (ngx_ssl_create_connection(t->origin->proxy_ssl, c, NGX_SSL_CLIENT)
        != NGX_OK)
    {
        ngx_http_weir_tunnel_end(t, "proxy: tls: no memory");
        return;
    }

    ngx_http_weir_tunnel_shake(t, &t->origin->proxy_host,
                               ngx_http_weir_tunnel_proxy_shaken);
}


/* ------------------------------------------------------------- attempts */

/* nginx's own handler takes over again: it writes, or fails. */

static void
ngx_http_weir_tunnel_done(ngx_http_weir_tunnel_t *t)
{
    ngx_connection_t  *c;

    c = t->connection;

    if (t->is_starting) {
        return;                 /* the filter sees it */
    }

    if (t->state == NGX_HTTP_WEIR_TUNNEL_FAILED && t->is_slow) {
        c->write->timedout = 1;
    }

    c->write->handler(c->write);
}


static ngx_int_t
ngx_http_weir_tunnel_pass(ngx_http_weir_ctx_t *ctx, ngx_chain_t *in)
{
    if (ctx->pin) {
        return ngx_http_weir_pin_filter(ctx, in);
    }

    return ngx_chain_writer(&ctx->request->upstream->writer, in);
}


/* Stands in front of nginx's writer: the first bytes wait for the tunnel. */

static ngx_int_t
ngx_http_weir_tunnel_filter(void *data, ngx_chain_t *in)
{
    ngx_http_weir_ctx_t  *ctx = data;

    ngx_chain_t             *held;
    ngx_http_upstream_t     *u;
    ngx_http_weir_tunnel_t  *t;

    t = ctx->tunnel;
    u = ctx->request->upstream;

    if (u->peer.cached
        || (t->state == NGX_HTTP_WEIR_TUNNEL_OPEN && t->held == NULL))
    {
        return ngx_http_weir_tunnel_pass(ctx, in);
    }

    if (in && ngx_chain_add_copy(ctx->request->pool, &t->held, in) != NGX_OK) {
        return NGX_ERROR;
    }

    if (t->state == NGX_HTTP_WEIR_TUNNEL_NONE) {
        t->origin = ctx->endpoint->origin;
        t->connection = u->peer.connection;
        t->handler = ngx_http_weir_tunnel_done;
        t->data = ctx;

        t->is_starting = 1;
        ngx_http_weir_tunnel_start(t, u->conf->connect_timeout);
        t->is_starting = 0;
    }

    if (t->state == NGX_HTTP_WEIR_TUNNEL_FAILED) {
        return NGX_ERROR;
    }

    if (t->state != NGX_HTTP_WEIR_TUNNEL_OPEN) {
        return NGX_AGAIN;
    }

    held = t->held;
    t->held = NULL;

    return ngx_http_weir_tunnel_pass(ctx, held);
}


ngx_int_t
ngx_http_weir_tunnel_watch(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    if (ctx->tunnel == NULL) {
        ctx->tunnel = ngx_palloc(ctx->request->pool,
                                 sizeof(ngx_http_weir_tunnel_t));
        if (ctx->tunnel == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_http_weir_tunnel_reset(ctx);

    u->ssl = 0;                 /* spoken behind the proxy */
    u->output.output_filter = ngx_http_weir_tunnel_filter;
    u->output.filter_ctx = ctx;

    return NGX_OK;
}


void
ngx_http_weir_tunnel_reset(ngx_http_weir_ctx_t *ctx)
{
    if (ctx->tunnel) {
        ctx->tunnel->state = NGX_HTTP_WEIR_TUNNEL_NONE;
        ctx->tunnel->held = NULL;
        ctx->tunnel->what = NULL;
        ctx->tunnel->is_slow = 0;
        ctx->tunnel->is_starting = 0;
    }
}


const char *
ngx_http_weir_tunnel_fault(ngx_http_weir_ctx_t *ctx)
{
    ngx_http_weir_tunnel_t  *t;

    t = ctx->tunnel;

    if (!ctx->endpoint->origin->proxy || t == NULL
        || ctx->request->upstream->peer.cached
        || t->state == NGX_HTTP_WEIR_TUNNEL_OPEN)
    {
        return NULL;
    }

    return t->what ? t->what : t->state == NGX_HTTP_WEIR_TUNNEL_NONE
                               ? "proxy: connect" : "proxy";
}


void
ngx_http_weir_tunnel_note(ngx_http_weir_ctx_t *ctx, const char *what)
{
    u_char                              *p;
    size_t                               len;
    weir_span                            name;
    const struct weir_image             *image;
    const struct weir_image_deployment  *deployment;

    if (ctx->settlement.finding.len) {
        return;                 /* of a pin, or of an attempt before */
    }

    image = &ctx->view->view.image;
    deployment = &image->deployments[ctx->step.deployment];
    name = weir_image_text(image, deployment->name);
    len = name.len + 2 + ngx_strlen(what);

    p = ngx_pnalloc(ctx->request->pool, len);
    if (p == NULL) {
        return;
    }

    ctx->settlement.finding = (weir_span) { (char *) p, len };
    (void) ngx_sprintf(p, "%*s: %s", name.len, name.ptr, what);
}
