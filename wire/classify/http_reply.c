/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/1.1 reply, line by line, then its body:
 *
 *   STATUS -> FIELD.. -> LENGTH | UNTIL_CLOSE | SIZE -> CHUNK -> CHUNK_END ..
 *                                                `-> TRAILER.. -> DONE
 *
 * Interim replies (1xx) are passed over. nginx's own parser needs a request
 * of nginx's around it; this one is asked by nobody's request.
 */
#include <weir/http_reply.h>

#include <string.h>
#include <strings.h>

enum state {
    STATUS,
    FIELD,
    LENGTH,
    UNTIL_CLOSE,
    SIZE,
    CHUNK,
    CHUNK_END,
    TRAILER,
    DONE,
    BROKEN,
    TOO_LONG
};

void
weir_http_reply_init(struct weir_http_reply *reply, size_t body_max)
{
    memset(reply, 0, offsetof(struct weir_http_reply, line));
    weir_buf_init(&reply->body, body_max);
}

void
weir_http_reply_fini(struct weir_http_reply *reply)
{
    weir_buf_fini(&reply->body);
}

static weir_span
trim(weir_span s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = (weir_span){s.ptr + 1, s.len - 1};
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

static bool
is_word(weir_span s, const char *word)
{
    return s.len == strlen(word) && strncasecmp(s.ptr, word, s.len) == 0;
}

/* "HTTP/1.1 200 ..." */
static enum state
read_status(struct weir_http_reply *reply, weir_span line)
{
    uint64_t status;
    if (line.len < 12 || memcmp(line.ptr, "HTTP/1.", 7) != 0 ||
        (line.ptr[7] != '0' && line.ptr[7] != '1') || line.ptr[8] != ' ' ||
        (line.len > 12 && line.ptr[12] != ' ') ||
        !weir_span_to_u64((weir_span){line.ptr + 9, 3}, &status) ||
        status < 100)
        return BROKEN;
    reply->status = (uint32_t)status;
    reply->may_ask_again = line.ptr[7] == '1';
    reply->has_length = reply->is_chunked = reply->is_encoded = false;
    reply->has_value = false;
    return FIELD;
}

static enum state
read_field(struct weir_http_reply *reply, weir_span line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL || colon == line.ptr || line.ptr[0] == ' ' ||
        line.ptr[0] == '\t' || colon[-1] == ' ')
        return BROKEN;
    weir_span name = {line.ptr, (size_t)(colon - line.ptr)};
    weir_span value = trim((weir_span){colon + 1, line.len - name.len - 1});
    uint64_t number;
    if (reply->wanted != NULL && is_word(name, reply->wanted)) {
        reply->has_value = true;
        reply->value_len =
            value.len < sizeof reply->value ? value.len : sizeof reply->value;
        if (value.len > 0)
            memcpy(reply->value, value.ptr, reply->value_len);
    }
    if (is_word(name, "content-length")) {
        if (!weir_span_to_u64(value, &number) || number > INT64_MAX ||
            (reply->has_length && number != reply->left))
            return BROKEN;
        reply->has_length = true;
        reply->left = number;
    } else if (is_word(name, "transfer-encoding")) {
        if (!is_word(value, "chunked") || reply->is_chunked)
            return BROKEN;
        reply->is_chunked = true;
    } else if (is_word(name, "content-encoding")) {
        if (!is_word(value, "identity"))
            reply->is_encoded = true;
    } else if (is_word(name, "connection")) {
        if (!is_word(value, "keep-alive"))
            reply->may_ask_again = false;
    }
    return FIELD;
}

/* How the body is framed, now that the head is at its end. */
static enum state
begin_body(struct weir_http_reply *reply)
{
    if (reply->status < 200)
        return reply->status == 101 ? BROKEN : STATUS;
    if (reply->is_chunked)
        return reply->has_length ? BROKEN : SIZE;
    if (reply->status == 204 || reply->status == 304)
        return DONE;
    if (reply->has_length) {
        if (reply->left > reply->body.max)
            return TOO_LONG;
        return reply->left == 0 ? DONE : LENGTH;
    }
    reply->may_ask_again = false;
    return UNTIL_CLOSE;
}

/* Hexadecimal, then perhaps an extension. */
static enum state
read_size(struct weir_http_reply *reply, weir_span line)
{
    uint64_t size = 0;
    size_t i = 0;
    for (; i < line.len && i < 15; i++) {
        char c = line.ptr[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            digit = (unsigned)((c | 0x20) - 'a') + 10;
        else
            break;
        size = size * 16 + digit;
    }
    if (i == 0 || (i < line.len && line.ptr[i] != ';' && line.ptr[i] != ' '))
        return BROKEN;
    if (size > reply->body.max - reply->body.len)
        return TOO_LONG;
    reply->left = size;
    return size == 0 ? TRAILER : CHUNK;
}

static enum state
read_line(struct weir_http_reply *reply, weir_span line)
{
    switch ((enum state)reply->state) {
    case STATUS:
        return read_status(reply, line);
    case FIELD:
        return line.len == 0 ? begin_body(reply) : read_field(reply, line);
    case SIZE:
        return read_size(reply, line);
    case CHUNK_END:
        return line.len == 0 ? SIZE : BROKEN;
    case TRAILER:
        return line.len == 0 ? DONE : TRAILER;
    default:
        return BROKEN;
    }
}

/* Up to the end of a line; what is not whole is kept. */
static weir_span
take_line(struct weir_http_reply *reply, weir_span bytes)
{
    const char *end = memchr(bytes.ptr, '\n', bytes.len);
    size_t len = end == NULL ? bytes.len : (size_t)(end - bytes.ptr) + 1;
    reply->head_bytes += len;
    if (reply->line_len + len > sizeof reply->line ||
        reply->head_bytes > WEIR_HTTP_HEAD_MAX + reply->body.max) {
        reply->state = TOO_LONG;
        return WEIR_SPAN_NONE;
    }
    memcpy(reply->line + reply->line_len, bytes.ptr, len);
    reply->line_len += len;
    if (end != NULL) {
        weir_span line = {reply->line, reply->line_len - 1};
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        reply->line_len = 0;
        reply->state = line.len > 0 && memchr(line.ptr, '\r', line.len) != NULL
                           ? BROKEN
                           : (uint8_t)read_line(reply, line);
    }
    return (weir_span){bytes.ptr + len, bytes.len - len};
}

static weir_span
take_body(struct weir_http_reply *reply, weir_span bytes)
{
    size_t n = bytes.len;
    if (reply->state != UNTIL_CLOSE && n > reply->left)
        n = (size_t)reply->left;
    weir_buf_add(&reply->body, bytes.ptr, n);
    if (reply->body.overflow)
        reply->state = TOO_LONG;
    else if (reply->state != UNTIL_CLOSE && (reply->left -= n) == 0)
        reply->state = reply->state == LENGTH ? DONE : CHUNK_END;
    return (weir_span){bytes.ptr + n, bytes.len - n};
}

static enum weir_http_read
said(const struct weir_http_reply *reply)
{
    switch ((enum state)reply->state) {
    case DONE:
        return WEIR_HTTP_DONE;
    case BROKEN:
        return WEIR_HTTP_BROKEN;
    case TOO_LONG:
        return WEIR_HTTP_TOO_LONG;
    default:
        return WEIR_HTTP_MORE;
    }
}

enum weir_http_read
weir_http_reply_feed(struct weir_http_reply *reply, weir_span bytes)
{
    while (bytes.len > 0 && reply->state < DONE)
        bytes = reply->state == LENGTH || reply->state == UNTIL_CLOSE ||
                        reply->state == CHUNK
                    ? take_body(reply, bytes)
                    : take_line(reply, bytes);
    if (bytes.len > 0)
        reply->may_ask_again = false;
    return said(reply);
}

enum weir_http_read
weir_http_reply_end(struct weir_http_reply *reply)
{
    reply->may_ask_again = false;
    if (reply->state == UNTIL_CLOSE)
        reply->state = DONE;
    else if (reply->state < DONE)
        reply->state = BROKEN;
    return said(reply);
}
