/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events to syslog in the form of RFC 5424: facility 13 (log audit), the
 * event as the message.
 *
 *     udp:// unix:   a datagram each (RFC 5426)
 *     tcp:// tls://  "LENGTH SP MESSAGE" (RFC 6587, 5425)
 *
 * A datagram may be lost and nobody learns of it; over TCP what was written
 * to a connection that then breaks may be: the batch under way is sent again
 * on the next one. TLS verifies name and chain.
 */
#include <errno.h>
#include <netdb.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/telemetry/parts.h"

#define PRIORITY    (13 * 8 + 6) /* log audit, informational */
#define SEND_SECOND 10

static weir_status
fail(const struct weir__rules *rules, const char *what, struct weir_error *err)
{
    unsigned long code = ERR_get_error();
    ERR_clear_error();
    return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%.200s: %s: %s",
                     rules->target, what,
                     code != 0    ? ERR_reason_error_string(code)
                     : errno != 0 ? strerror(errno)
                                  : "closed by the other side");
}

void
weir__sink_close(struct weir__sink *sink)
{
    if (sink->handle >= 0)
        close(sink->handle);
    BIO_free_all(sink->stream);
    SSL_CTX_free(sink->context);
    *sink = (struct weir__sink){.handle = -1};
}

/* --------------------------------------------------------------- datagrams */

static weir_status
open_unix(struct weir__sink *sink, const struct weir__rules *rules,
          struct weir_error *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = rules->target + 5;
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return fail(rules, "cannot be reached", err);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    sink->handle = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sink->handle < 0 ||
        connect(sink->handle, (struct sockaddr *)&address, sizeof address) != 0)
        return fail(rules, "cannot be reached", err);
    return WEIR_OK;
}

static weir_status
open_udp(struct weir__sink *sink, const struct weir__rules *rules,
         struct weir_error *err)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    char port[8];
    snprintf(port, sizeof port, "%u", rules->port);
    errno = 0;
    if (getaddrinfo(rules->host, port, &hints, &found) != 0)
        return fail(rules, "is not known", err);
    sink->handle = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_open = sink->handle >= 0 && connect(sink->handle, found->ai_addr,
                                                found->ai_addrlen) == 0;
    freeaddrinfo(found);
    return is_open ? WEIR_OK : fail(rules, "cannot be reached", err);
}

/* ----------------------------------------------------------------- streams */

static BIO *
tls_stream(struct weir__sink *sink, const struct weir__rules *rules)
{
    SSL *ssl = NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    sink->context = context;
    if (context == NULL ||
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        (rules->ca[0] != '\0' ? SSL_CTX_load_verify_file(context, rules->ca)
                              : SSL_CTX_set_default_verify_paths(context)) != 1)
        return NULL;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    BIO *stream = BIO_new_ssl_connect(context);
    if (stream == NULL)
        return NULL;
    BIO_get_ssl(stream, &ssl);
    if (SSL_set1_host(ssl, rules->host) != 1 ||
        SSL_set_tlsext_host_name(ssl, rules->host) != 1) {
        BIO_free_all(stream);
        return NULL;
    }
    return stream;
}

static weir_status
open_stream(struct weir__sink *sink, const struct weir__rules *rules,
            struct weir_error *err)
{
    struct timeval wait = {.tv_sec = SEND_SECOND};
    char port[8];
    int handle = -1;
    bool is_tls = strncmp(rules->target, "tls://", 6) == 0;
    BIO *stream = is_tls ? tls_stream(sink, rules) : BIO_new(BIO_s_connect());
    sink->stream = stream;
    errno = 0;
    snprintf(port, sizeof port, "%u", rules->port);
    if (stream == NULL || BIO_set_conn_hostname(stream, rules->host) != 1 ||
        BIO_set_conn_port(stream, port) != 1 || BIO_do_connect(stream) != 1)
        return fail(rules, "cannot be reached", err);
    if (BIO_get_fd(stream, &handle) >= 0 && handle >= 0)
        (void)setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    return WEIR_OK;
}

static weir_status
open_sink(struct weir__sink *sink, const struct weir__rules *rules,
          struct weir_error *err)
{
    if (sink->handle >= 0 || sink->stream != NULL)
        return WEIR_OK;
    if (strncmp(rules->target, "unix:", 5) == 0)
        return open_unix(sink, rules, err);
    if (strncmp(rules->target, "udp://", 6) == 0)
        return open_udp(sink, rules, err);
    return open_stream(sink, rules, err);
}

/* ---------------------------------------------------------------- messages */

/* <PRI>1 TIME HOST APP PROCID MSGID SD MSG */
static void
write_message(struct weir_buf *out, weir_span event, const char *instance)
{
    char when[WEIR_TIME_TEXT], host[256];
    size_t len = 0;
    weir_time_format(weir_control_now(), when);
    for (const char *c = instance; *c != '\0' && len + 1 < sizeof host; c++)
        if (*c > ' ' && *c <= '~')
            host[len++] = *c;
    host[len] = '\0';
    weir_buf_addf(out, "<%d>1 %s %s weir - ocsf - ", PRIORITY, when,
                  len > 0 ? host : "-");
    weir_buf_add_span(out, event);
}

static bool
send_message(struct weir__sink *sink, weir_span message)
{
    char length[16];
    if (sink->stream == NULL) {
        ssize_t n = send(sink->handle, message.ptr, message.len, MSG_NOSIGNAL);
        return n >= 0 && (size_t)n == message.len;
    }
    int digits = snprintf(length, sizeof length, "%zu ", message.len);
    size_t n = 0;
    return BIO_write_ex(sink->stream, length, (size_t)digits, &n) == 1 &&
           BIO_write_ex(sink->stream, message.ptr, message.len, &n) == 1;
}

enum weir__delivered
weir__syslog_deliver(struct weir__sink *sink, const struct weir__rules *rules,
                     const struct weir__batch *batch, struct weir_error *err)
{
    struct weir_buf message;
    size_t start = 0;
    weir_status status = open_sink(sink, rules, err);
    weir_buf_init(&message, (size_t)1 << 20);
    for (uint32_t i = 0; status == WEIR_OK && i < batch->count; i++) {
        weir_buf_reset(&message);
        /* Without the newline behind it. */
        write_message(
            &message,
            (weir_span){batch->text.ptr + start, batch->ends[i] - start - 1},
            rules->instance);
        start = batch->ends[i];
        errno = 0;
        if (message.overflow || !send_message(sink, weir_buf_span(&message)))
            status = fail(rules, "is not taking messages", err);
    }
    weir_buf_fini(&message);
    if (status == WEIR_OK)
        return WEIR__DELIVERED;
    weir__sink_close(sink);
    return WEIR__LATER;
}
