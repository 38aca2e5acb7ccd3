/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 requests, read strictly: lines end with CR LF, no folding, no
 * space before a colon, one Content-Length or one "chunked" and never both.
 * What is refused here was either sent by a broken client or let through by
 * a gateway that should not have.
 */
#include "origin.h"

#include <string.h>

#define HEAD_MAX (256 * 1024)
#define BODY_MAX (UINT64_C(256) << 20)

static bool
is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
parse_length(text value, uint64_t *length_out)
{
    uint64_t length = 0;
    if (value.len == 0 || value.len > 18)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9')
            return false;
        length = length * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    *length_out = length;
    return length <= BODY_MAX;
}

static bool
parse_request_line(text line, struct request *r)
{
    const char *space = memchr(line.ptr, ' ', line.len);
    if (space == NULL)
        return false;
    r->method = (text){line.ptr, (size_t)(space - line.ptr)};
    text rest = {space + 1, line.len - r->method.len - 1};
    if (rest.len < 10 || rest.ptr[0] != '/' ||
        memcmp(rest.ptr + rest.len - 9, " HTTP/1.", 8) != 0)
        return false;
    char minor = rest.ptr[rest.len - 1];
    if (minor != '0' && minor != '1')
        return false;
    r->keep_alive = minor == '1';
    r->path = (text){rest.ptr, rest.len - 9};
    for (size_t i = 0; i < r->path.len; i++)
        if ((unsigned char)r->path.ptr[i] <= ' ')
            return false;
    for (size_t i = 0; i < r->method.len; i++)
        if (!is_token(r->method.ptr[i]))
            return false;
    const char *mark = memchr(r->path.ptr, '?', r->path.len);
    if (mark != NULL) {
        size_t len = (size_t)(mark - r->path.ptr);
        r->query = (text){mark + 1, r->path.len - len - 1};
        r->path.len = len;
    }
    return true;
}

static bool
parse_header(text line, struct request *r, unsigned *lengths, unsigned *hosts)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL || colon == line.ptr)
        return false;
    text name = {line.ptr, (size_t)(colon - line.ptr)};
    text value = {colon + 1, line.len - name.len - 1};
    for (size_t i = 0; i < name.len; i++)
        if (!is_token(name.ptr[i]))
            return false;
    while (value.len > 0 && (*value.ptr == ' ' || *value.ptr == '\t')) {
        value.ptr++;
        value.len--;
    }
    while (value.len > 0 && (value.ptr[value.len - 1] == ' ' ||
                             value.ptr[value.len - 1] == '\t'))
        value.len--;
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.ptr[i] < ' ' && value.ptr[i] != '\t') ||
            value.ptr[i] == 0x7f)
            return false;
    if (text_is_nocase(name, "content-length")) {
        (*lengths)++;
        return parse_length(value, &r->content_length);
    }
    if (text_is_nocase(name, "transfer-encoding")) {
        (*lengths)++;
        r->is_chunked = true;
        return text_is_nocase(value, "chunked");
    }
    if (text_is_nocase(name, "host"))
        (*hosts)++;
    else if (text_is_nocase(name, "connection"))
        r->keep_alive = text_is_nocase(value, "close") ? false : r->keep_alive;
    else if (text_is_nocase(name, "expect"))
        r->expects_continue = text_is_nocase(value, "100-continue");
    else if (text_is_nocase(name, "x-origin-script"))
        r->script_header = value;
    return true;
}

enum parse
http_parse_head(struct connection *c)
{
    const char *first = c->in.ptr + c->in.start;
    size_t have = c->in.len - c->in.start;
    const char *stop = have < 4 ? NULL : memmem(first, have, "\r\n\r\n", 4);
    unsigned lengths = 0;
    unsigned hosts = 0;

    if (stop == NULL)
        return have > HEAD_MAX ? PARSE_BAD : PARSE_MORE;
    memset(&c->request, 0, sizeof(c->request));
    c->request.head_len = (size_t)(stop - first) + 4;
    const char *at = first;
    while (at < stop + 2) {
        const char *end = memchr(at, '\n', (size_t)(stop + 2 - at));
        if (end == NULL || end == at || end[-1] != '\r')
            return PARSE_BAD;
        text line = {at, (size_t)(end - 1 - at)};
        bool is_good = at == first
                           ? parse_request_line(line, &c->request)
                           : parse_header(line, &c->request, &lengths, &hosts);
        if (!is_good)
            return PARSE_BAD;
        at = end + 1;
    }
    return lengths > 1 || hosts != 1 ? PARSE_BAD : PARSE_DONE;
}

static int
hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One chunk at `c->chunk_at` (from the end of the head); joins its data. */
static enum parse
parse_chunk(struct connection *c, bool *is_last_out)
{
    const char *base = c->in.ptr + c->in.start + c->chunk_at;
    size_t have = c->in.len - c->in.start - c->chunk_at;
    const char *line_end = memmem(base, have, "\r\n", 2);
    uint64_t size = 0;
    size_t digits = 0;

    if (line_end == NULL)
        return have > 4096 ? PARSE_BAD : PARSE_MORE;
    while (base + digits < line_end && hex_of(base[digits]) >= 0) {
        size = size * 16 + (uint64_t)hex_of(base[digits]);
        if (++digits > 10)
            return PARSE_BAD;
    }
    if (digits == 0 || size > BODY_MAX ||
        (base + digits < line_end && base[digits] != ';'))
        return PARSE_BAD;
    size_t head = (size_t)(line_end - base) + 2;
    if (size == 0) {
        /* trailers are not expected from a gateway: an empty line ends */
        if (have < head + 2)
            return PARSE_MORE;
        if (memcmp(base + head, "\r\n", 2) != 0)
            return PARSE_BAD;
        c->chunk_at += head + 2;
        *is_last_out = true;
        return PARSE_DONE;
    }
    if (have < head + size + 2)
        return PARSE_MORE;
    if (memcmp(base + head + size, "\r\n", 2) != 0)
        return PARSE_BAD;
    bytes_add(&c->body, base + head, size);
    c->chunk_at += head + size + 2;
    return PARSE_DONE;
}

enum parse
http_parse_chunks(struct connection *c)
{
    bool is_last = false;
    while (!is_last) {
        enum parse step = parse_chunk(c, &is_last);
        if (step != PARSE_DONE)
            return step;
        if (c->body.len > BODY_MAX)
            return PARSE_BAD;
    }
    return PARSE_DONE;
}
