/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signature Version 4.
 *
 *   request -> canonical request -> SHA-256 -> string to sign
 *   secret, day, region, service -> HMAC x 4 -> key ----> HMAC -> signature
 *
 * WHY THE PATH IS ENCODED AS SENT. AWS encodes each segment of a path twice
 * (but S3's): once to send it, and the result once more to sign it. What
 * comes in here is what is sent, so one encoding is left. Names of models
 * hold colons, where this shows.
 *
 * WHY QUERIES ARE DECODED FIRST. Of a query only its meaning is signed: each
 * name and value is encoded exactly once, whatever a sender escaped.
 */
#include <weir/crypto.h>
#include <weir/sigv4.h>

#include <string.h>

#define SECRET_MAX 128

void
weir_sigv4_date(weir_time when, char date_out[WEIR_SIGV4_DATE])
{
    char text[WEIR_TIME_TEXT]; /* 2015-08-30T12:36:00.000000Z */
    static const uint8_t from[] = {0,  1,  2,  3,  5,  6,  8, 9,
                                   10, 11, 12, 14, 15, 17, 18};
    weir_time_format(when, text);
    for (size_t i = 0; i < sizeof(from); i++)
        date_out[i] = text[from[i]];
    date_out[15] = 'Z';
    date_out[16] = '\0';
}

/* ------------------------------------------------------------ encoding */

static bool
is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
           c == '~';
}

static void
put_encoded(struct weir_buf *out, char c)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t byte = (uint8_t)c;
    if (is_plain(c)) {
        weir_buf_add_byte(out, c);
        return;
    }
    weir_buf_add_byte(out, '%');
    weir_buf_add_byte(out, digits[byte >> 4]);
    weir_buf_add_byte(out, digits[byte & 15]);
}

/* One segment; takes the last one away where it is "..". */
static void
put_segment(struct weir_buf *out, size_t start, weir_span segment,
            bool keeps_path)
{
    if (!keeps_path && weir_span_equal(segment, WEIR_SPAN(".."))) {
        size_t len = out->len - 1; /* its last byte is a slash */
        if (out->overflow)
            return;
        while (len > start && out->ptr[len - 1] != '/')
            len--;
        if (len > start)
            out->len = len;
        return;
    }
    if (!keeps_path && weir_span_equal(segment, WEIR_SPAN(".")))
        return;
    for (size_t i = 0; i < segment.len; i++)
        put_encoded(out, segment.ptr[i]);
}

static void
put_path(struct weir_buf *out, weir_span path, bool keeps_path)
{
    size_t start = out->len;
    size_t at = 0;

    weir_buf_add_byte(out, '/');
    if (path.len > 0 && path.ptr[0] == '/')
        at = 1;
    while (at < path.len) {
        size_t end = at;
        while (end < path.len && path.ptr[end] != '/')
            end++;
        put_segment(out, start, (weir_span){path.ptr + at, end - at},
                    keeps_path);
        bool is_doubled =
            !out->overflow && out->len > start && out->ptr[out->len - 1] == '/';
        if (end < path.len && (keeps_path || !is_doubled))
            weir_buf_add_byte(out, '/');
        at = end + 1;
    }
}

/* --------------------------------------------------------------- query */

static int
hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decoded and encoded again. */
static void
put_parameter(struct weir_buf *out, weir_span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '%' && i + 2 < text.len &&
            hex_of(text.ptr[i + 1]) >= 0 && hex_of(text.ptr[i + 2]) >= 0) {
            put_encoded(out, (char)(hex_of(text.ptr[i + 1]) << 4 |
                                    hex_of(text.ptr[i + 2])));
            i += 2;
        } else {
            put_encoded(out, text.ptr[i]);
        }
    }
}

struct parameter {
    weir_span name; /* as sent */
    weir_span value;
};

/* The next byte of a text as it is when encoded; -1: its end. */
struct encoded {
    weir_span rest;
    char room[8];
    struct weir_buf byte;
    size_t at;
};

static int
next_encoded(struct encoded *encoded)
{
    if (encoded->at < encoded->byte.len)
        return (uint8_t)encoded->room[encoded->at++];
    if (encoded->rest.len == 0)
        return -1;
    size_t len = encoded->rest.ptr[0] == '%' && encoded->rest.len > 2 &&
                         hex_of(encoded->rest.ptr[1]) >= 0 &&
                         hex_of(encoded->rest.ptr[2]) >= 0
                     ? 3
                     : 1;
    weir_buf_init_fixed(&encoded->byte, encoded->room, sizeof(encoded->room));
    put_parameter(&encoded->byte, (weir_span){encoded->rest.ptr, len});
    encoded->rest.ptr += len;
    encoded->rest.len -= len;
    encoded->at = 0;
    return (uint8_t)encoded->room[encoded->at++];
}

static int
compare_encoded(weir_span a, weir_span b)
{
    struct encoded left = {.rest = a};
    struct encoded right = {.rest = b};
    int x;
    int y;
    do {
        x = next_encoded(&left);
        y = next_encoded(&right);
    } while (x == y && x >= 0);
    return x - y;
}

static bool
is_before(const struct parameter *a, const struct parameter *b)
{
    int order = compare_encoded(a->name, b->name);
    return order != 0 ? order < 0 : compare_encoded(a->value, b->value) < 0;
}

static weir_status
put_query(struct weir_buf *out, weir_span query)
{
    struct parameter list[WEIR_SIGV4_QUERY_MAX];
    size_t count = 0;

    for (size_t at = 0; at < query.len;) {
        struct parameter made = {{query.ptr + at, 0}, WEIR_SPAN_NONE};
        size_t end = at;
        while (end < query.len && query.ptr[end] != '&')
            end++;
        while (made.name.len < end - at && made.name.ptr[made.name.len] != '=')
            made.name.len++;
        if (made.name.len < end - at)
            made.value = (weir_span){made.name.ptr + made.name.len + 1,
                                     end - at - made.name.len - 1};
        bool is_empty = end == at;
        at = end + 1;
        if (is_empty)
            continue;
        if (count == WEIR_SIGV4_QUERY_MAX)
            return WEIR_ELIMIT;
        size_t i = count++;
        for (; i > 0 && is_before(&made, &list[i - 1]); i--)
            list[i] = list[i - 1];
        list[i] = made;
    }
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            weir_buf_add_byte(out, '&');
        put_parameter(out, list[i].name);
        weir_buf_add_byte(out, '=');
        put_parameter(out, list[i].value);
    }
    return WEIR_OK;
}

/* ------------------------------------------------------------- headers */

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int
compare_names(weir_span a, weir_span b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return (uint8_t)lower(a.ptr[i]) - (uint8_t)lower(b.ptr[i]);
    return a.len == b.len ? 0 : (a.len < b.len ? -1 : 1);
}

/* Sorted by name; those of one name stay in their order. */
static weir_status
sort_headers(const struct weir_sigv4_request *request, uint8_t *order)
{
    if (request->header_count > WEIR_SIGV4_HEADERS_MAX)
        return WEIR_ELIMIT;
    for (size_t n = 0; n < request->header_count; n++) {
        weir_span name = request->headers[n].name;
        size_t i = n;
        if (name.len == 0)
            return WEIR_EPARSE;
        for (; i > 0 &&
               compare_names(name, request->headers[order[i - 1]].name) < 0;
             i--)
            order[i] = order[i - 1];
        order[i] = (uint8_t)n;
    }
    return WEIR_OK;
}

static void
put_lower(struct weir_buf *out, weir_span name)
{
    for (size_t i = 0; i < name.len; i++)
        weir_buf_add_byte(out, lower(name.ptr[i]));
}

/* Without blanks around, and with one for any number of them within. */
static void
put_value(struct weir_buf *out, weir_span value)
{
    bool is_parted = false;
    bool has_any = false;
    for (size_t i = 0; i < value.len; i++) {
        if (is_blank(value.ptr[i])) {
            is_parted = has_any;
            continue;
        }
        if (is_parted)
            weir_buf_add_byte(out, ' ');
        weir_buf_add_byte(out, value.ptr[i]);
        is_parted = false;
        has_any = true;
    }
}

static bool
is_repeated(const struct weir_sigv4_request *request, const uint8_t *order,
            size_t i)
{
    return i > 0 && compare_names(request->headers[order[i]].name,
                                  request->headers[order[i - 1]].name) == 0;
}

static void
put_headers(struct weir_buf *out, const struct weir_sigv4_request *request,
            const uint8_t *order)
{
    for (size_t i = 0; i < request->header_count; i++) {
        const struct weir_sigv4_header *header = &request->headers[order[i]];
        if (is_repeated(request, order, i)) {
            weir_buf_add_byte(out, ',');
        } else {
            if (i > 0)
                weir_buf_add_byte(out, '\n');
            put_lower(out, header->name);
            weir_buf_add_byte(out, ':');
        }
        put_value(out, header->value);
    }
    if (request->header_count > 0)
        weir_buf_add_byte(out, '\n');
}

static void
put_names(struct weir_buf *out, const struct weir_sigv4_request *request,
          const uint8_t *order)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (is_repeated(request, order, i))
            continue;
        if (i > 0)
            weir_buf_add_byte(out, ';');
        put_lower(out, request->headers[order[i]].name);
    }
}

/* ------------------------------------------------------------- signing */

weir_status
weir_sigv4_canonical(struct weir_buf *out,
                     const struct weir_sigv4_request *request)
{
    uint8_t order[WEIR_SIGV4_HEADERS_MAX];
    weir_status status = sort_headers(request, order);
    if (status != WEIR_OK)
        return status;
    weir_buf_add_span(out, request->method);
    weir_buf_add_byte(out, '\n');
    put_path(out, request->path, request->keeps_path);
    weir_buf_add_byte(out, '\n');
    status = put_query(out, request->query);
    if (status != WEIR_OK)
        return status;
    weir_buf_add_byte(out, '\n');
    put_headers(out, request, order);
    weir_buf_add_byte(out, '\n');
    put_names(out, request, order);
    weir_buf_add_byte(out, '\n');
    weir_buf_add_span(out, request->body_hash);
    return out->overflow ? WEIR_ELIMIT : WEIR_OK;
}

static void
put_scope(struct weir_buf *out, const struct weir_sigv4_scope *scope)
{
    weir_buf_addf(out, "%.*s/%.*s/%.*s/aws4_request", 8, scope->date.ptr,
                  WEIR_SPAN_ARG(scope->region), WEIR_SPAN_ARG(scope->service));
}

static void
put_hex(struct weir_buf *out, const weir_digest *digest)
{
    char text[WEIR_HEX_LEN(WEIR_DIGEST_BYTES)];
    (void)weir_hex_encode(
        (weir_span){(const char *)digest->bytes, sizeof(digest->bytes)}, text);
    weir_buf_add(out, text, sizeof(text));
}

void
weir_sigv4_string(struct weir_buf *out, const struct weir_sigv4_scope *scope,
                  weir_span canonical)
{
    weir_digest digest;
    weir_sha256_of(canonical, &digest);
    weir_buf_addf(out, "AWS4-HMAC-SHA256\n%.*s\n", WEIR_SPAN_ARG(scope->date));
    put_scope(out, scope);
    weir_buf_add_byte(out, '\n');
    put_hex(out, &digest);
}

static void
derive(const struct weir_sigv4_scope *scope, weir_digest *key)
{
    char text[SECRET_MAX + 4] = "AWS4";
    const weir_span steps[] = {{scope->date.ptr, 8},
                               scope->region,
                               scope->service,
                               WEIR_SPAN("aws4_request")};
    weir_secret secret = {text, 4 + scope->secret.len};
    if (scope->secret.len > 0)
        memcpy(text + 4, scope->secret.ptr, scope->secret.len);
    for (size_t i = 0; i < WEIR_COUNTOF(steps); i++) {
        weir_digest next;
        weir_hmac_of(secret, steps[i], &next);
        *key = next;
        weir_wipe(&next, sizeof(next));
        secret = (weir_secret){(const char *)key->bytes, sizeof(key->bytes)};
    }
    weir_wipe(text, sizeof(text));
}

weir_status
weir_sigv4_authorize(struct weir_buf *out, struct weir_buf *room,
                     const struct weir_sigv4_scope *scope,
                     const struct weir_sigv4_request *request)
{
    uint8_t order[WEIR_SIGV4_HEADERS_MAX];
    weir_digest key;
    weir_digest signature;

    if (scope->date.len != WEIR_SIGV4_DATE - 1 ||
        scope->secret.len > SECRET_MAX)
        return WEIR_EPARSE;
    weir_buf_reset(room);
    weir_status status = weir_sigv4_canonical(room, request);
    if (status != WEIR_OK)
        return status;
    size_t len = room->len;
    weir_sigv4_string(room, scope, weir_buf_span(room));
    if (room->overflow || sort_headers(request, order) != WEIR_OK)
        return WEIR_ELIMIT;
    derive(scope, &key);
    weir_hmac_of((weir_secret){(const char *)key.bytes, sizeof(key.bytes)},
                 (weir_span){room->ptr + len, room->len - len}, &signature);
    weir_wipe(&key, sizeof(key));
    weir_buf_addf(out, "AWS4-HMAC-SHA256 Credential=%.*s/",
                  WEIR_SPAN_ARG(scope->key_id));
    put_scope(out, scope);
    weir_buf_add_span(out, WEIR_SPAN(", SignedHeaders="));
    put_names(out, request, order);
    weir_buf_add_span(out, WEIR_SPAN(", Signature="));
    put_hex(out, &signature);
    return out->overflow ? WEIR_ELIMIT : WEIR_OK;
}
