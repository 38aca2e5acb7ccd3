/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections: bytes in, one request at a time, bytes out.
 *
 *     READ_HEAD -> READ_BODY -> WAITING (delay) -> REPLYING -> READ_HEAD
 *                                                     |
 *                                                  CLOSING (cut, close)
 *
 * Edge-triggered: nothing is re-registered per request. While a reply is
 * under way nothing is read, so that the request's spans stay where they
 * are; a peer that closes meanwhile counts as an abort.
 */
#include "origin.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

extern SSL_CTX *tls_context;

static void
connection_close(struct connection *c, bool is_reset)
{
    if (c->is_dead)
        return;
    if (c->is_call && (c->phase == WAITING || c->phase == REPLYING))
        world.aborted++;
    timer_clear(c);
    if (is_reset) {
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    if (c->ssl != NULL) {
        if (!is_reset && c->tls_ready)
            SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
    }
    close(c->fd);
    bytes_free(&c->in);
    bytes_free(&c->body);
    bytes_free(&c->out);
    bytes_free(&c->replay);
    world.open_now--;
    /* freed after this round of events: one may still name it */
    c->is_dead = true;
    c->next_dead = world.dead;
    world.dead = c;
}

void
connection_open(int fd, struct listener *from)
{
    struct connection *c = calloc(1, sizeof(*c));
    int on = 1;
    if (c == NULL) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    c->fd = fd;
    c->from = from;
    c->id = ++world.connections;
    world.open_now++;
    if (from->is_tls) {
        c->ssl = SSL_new(tls_context);
        SSL_set_fd(c->ssl, fd);
        SSL_set_accept_state(c->ssl);
    }
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    epoll_ctl(world.epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Bytes moved; 0: not now; -1: over. */
static ssize_t
tls_result(struct connection *c, int n)
{
    int error = SSL_get_error(c->ssl, n);
    ERR_clear_error(); /* one queue for all connections: leave it empty */
    if (n > 0)
        return n;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0
                                                                         : -1;
}

static ssize_t
read_some(struct connection *c, char *to, size_t room)
{
    if (c->ssl != NULL)
        return tls_result(
            c, SSL_read(c->ssl, to, room > 1 << 20 ? 1 << 20 : (int)room));
    ssize_t n = recv(c->fd, to, room, 0);
    if (n > 0)
        return n;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t
write_some(struct connection *c, const char *from, size_t len)
{
    if (c->ssl != NULL)
        return tls_result(
            c, SSL_write(c->ssl, from, len > 1 << 20 ? 1 << 20 : (int)len));
    ssize_t n = send(c->fd, from, len, MSG_NOSIGNAL);
    if (n > 0)
        return n;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static void
next_request(struct connection *c)
{
    size_t taken = c->request.head_len;
    taken += c->request.is_chunked ? c->chunk_at - c->request.head_len
                                   : (size_t)c->request.content_length;
    c->in.start += taken;
    if (c->in.start >= c->in.len)
        bytes_reset(&c->in);
    bytes_reset(&c->body);
    bytes_reset(&c->out);
    c->is_call = false;
    c->is_usage_sent = false;
    c->stream.kind = STREAM_NONE;
    c->phase = READ_HEAD;
}

static void
finish_reply(struct connection *c)
{
    if (c->is_call) {
        world.replied++;
        if (c->is_usage_sent) {
            world.input += c->usage.input;
            world.output += c->usage.output;
            world.cached += c->usage.cached;
            world.reasoning += c->usage.reasoning;
            struct model_count *model = model_of(c->call.model);
            if (model != NULL) {
                model->input += c->usage.input;
                model->output += c->usage.output;
            }
        }
        c->is_call = false;
    }
    if (!c->request.keep_alive || c->script.close_after) {
        c->phase = CLOSING;
        connection_close(c, false);
        return;
    }
    next_request(c);
}

/* How much may be written in this turn. */
static size_t
piece_of(struct connection *c, size_t left)
{
    size_t piece = left;
    if (c->script.slow_head && c->out.start < 64)
        return 1;
    if (c->script.split != 0) {
        c->random = c->random * UINT64_C(6364136223846793005) +
                    UINT64_C(1442695040888963407);
        piece = 1 + (size_t)(c->random >> 33) % 97;
    } else if (c->script.piece > 0) {
        piece = (size_t)c->script.piece;
    }
    return piece < left ? piece : left;
}

void
connection_reply(struct connection *c)
{
    c->phase = c->phase == CLOSING ? CLOSING : REPLYING;
    for (;;) {
        size_t left = c->out.len - c->out.start;
        if (left == 0) {
            if (c->phase == CLOSING) {
                world.cut++;
                c->is_call = false;
                connection_close(c, c->script.cut_how == CUT_RST);
                return;
            }
            if (c->stream.kind == STREAM_NONE || c->stream.is_done) {
                finish_reply(c);
                return;
            }
            if (c->wake_ms != 0)
                return; /* a gap is running */
            bytes_reset(&c->out);
            stream_pump(c);
            continue;
        }
        size_t piece = piece_of(c, left);
        ssize_t n = write_some(c, c->out.ptr + c->out.start, piece);
        if (n < 0) {
            connection_close(c, false);
            return;
        }
        if (n == 0)
            return; /* goes on when writable */
        c->out.start += (size_t)n;
        if (piece < left) {
            /* in the next turn, so that the peer sees the pieces */
            timer_set(c, c->script.slow_head ? 5 : 0);
            return;
        }
    }
}

static void
refuse_request(struct connection *c)
{
    world.bad_requests++;
    c->request.keep_alive = false;
    static const char body[] =
        "{\"error\":{\"message\":\"the origin cannot read this request\","
        "\"type\":\"invalid_request_error\",\"code\":\"origin_http\"}}";
    reply_simple(c, 400, "application/json", body, sizeof(body) - 1);
}

static void
keep_request(struct connection *c)
{
    struct kept *kept = &world.kept[world.kept_count++ % world.keep];
    kept->sequence = c->sequence;
    kept->connection = c->id;
    kept->name = c->from->name;
    bytes_reset(&kept->head);
    bytes_reset(&kept->body);
    bytes_add(&kept->head, c->in.ptr + c->in.start, c->request.head_len);
    bytes_add(&kept->body, c->body_text.ptr, c->body_text.len);
}

/* The body, if it is whole. */
static enum parse
take_body(struct connection *c)
{
    if (c->request.is_chunked) {
        enum parse step = http_parse_chunks(c);
        if (step == PARSE_DONE)
            c->body_text = (text){c->body.ptr, c->body.len};
        return step;
    }
    size_t have = c->in.len - c->in.start - c->request.head_len;
    if (have < c->request.content_length)
        return PARSE_MORE;
    c->body_text = (text){c->in.ptr + c->in.start + c->request.head_len,
                          (size_t)c->request.content_length};
    return PARSE_DONE;
}

/* Advances as far as the bytes at hand go; true: more must be read. */
static bool
advance(struct connection *c)
{
    if (c->phase == READ_HEAD) {
        enum parse step = http_parse_head(c);
        if (step == PARSE_MORE)
            return true;
        if (step == PARSE_BAD) {
            refuse_request(c);
            return false;
        }
        c->phase = READ_BODY;
        c->chunk_at = c->request.head_len;
        if (c->request.expects_continue)
            write_some(c, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    }
    const char *before = c->in.ptr;
    enum parse step = take_body(c);
    if (step == PARSE_BAD) {
        refuse_request(c);
        return false;
    }
    if (step == PARSE_MORE) {
        if (!c->request.is_chunked)
            bytes_need(&c->in, (size_t)c->request.content_length +
                                   c->request.head_len -
                                   (c->in.len - c->in.start));
        return true;
    }
    size_t chunk_at = c->chunk_at;
    if (before != NULL)
        http_parse_head(c); /* the buffer may have moved since */
    c->chunk_at = chunk_at;
    c->sequence = ++world.requests;
    c->random = c->sequence;
    if (world.keep > 0 && memcmp(c->request.path.ptr, "/_origin/", 9) != 0)
        keep_request(c);
    reply_begin(c);
    return false;
}

static void
connection_input(struct connection *c)
{
    while (!c->is_dead && (c->phase == READ_HEAD || c->phase == READ_BODY)) {
        if (c->in.len > c->in.start && !advance(c))
            continue;
        if (c->is_dead || c->is_drained)
            return;
        bytes_need(&c->in, 16384);
        size_t room = c->in.capacity - c->in.len;
        ssize_t n = read_some(c, c->in.ptr + c->in.len, room);
        if (n == 0)
            return;
        if (n < 0) {
            connection_close(c, false);
            return;
        }
        c->in.len += (size_t)n;
        /* a short read has emptied the socket: the next edge tells of more,
         * unless the peer's end has been told already */
        c->is_drained = c->ssl == NULL && (size_t)n < room && !c->is_peer_done;
    }
}

void
connection_event(struct connection *c, unsigned events)
{
    if (c->is_dead)
        return;
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        c->is_peer_done = true;
    if ((events & EPOLLIN) != 0 || c->is_peer_done)
        c->is_drained = false;
    if (c->ssl != NULL && !c->tls_ready) {
        int n = SSL_accept(c->ssl);
        if (n != 1) {
            if (tls_result(c, n) < 0)
                connection_close(c, false);
            return;
        }
        c->tls_ready = true;
    }
    bool is_busy = c->phase != READ_HEAD && c->phase != READ_BODY;
    if (is_busy && c->is_peer_done) {
        connection_close(c, false);
        return;
    }
    if ((c->phase == REPLYING || c->phase == CLOSING) && c->wake_ms == 0)
        connection_reply(c);
    connection_input(c);
}

void
connection_wake(struct connection *c)
{
    if (c->is_dead)
        return;
    if (c->phase == WAITING)
        reply_start(c);
    else
        connection_reply(c);
    connection_input(c);
}
