/* SPDX-License-Identifier: Apache-2.0 */
/* Single values: numbers and literals, strings with escapes, integers. */
#include "scan.h"

#include <string.h>

const char *
weir__json_utf8_fault(const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        unsigned char c = (unsigned char)text[at];
        size_t length = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        if (length > len - at ||
            !weir_utf8_valid((weir_span){text + at, length}))
            break;
        at += length;
    }
    return text + at;
}

static const char *
digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* RFC 8259, 6: [minus] int [frac] [exp], no leading zeros. */
static const char *
number_end(const char *at, const char *end)
{
    if (at < end && *at == '-')
        at++;
    const char *behind = digits(at, end);
    if (behind == at || (*at == '0' && behind - at > 1))
        return NULL;
    at = behind;
    if (at < end && *at == '.') {
        behind = digits(at + 1, end);
        if (behind == at + 1)
            return NULL;
        at = behind;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        behind = digits(at, end);
        if (behind == at)
            return NULL;
        at = behind;
    }
    return at;
}

static const char *
literal_end(const char *at, const char *end, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(end - at) < len || memcmp(at, word, len) != 0)
        return NULL;
    return at + len;
}

const char *
weir__json_scalar_end(const char *at, const char *end,
                      enum weir_json_kind *kind_out)
{
    const char *behind;
    switch (*at) {
    case 't':
        *kind_out = WEIR_JSON_TRUE;
        behind = literal_end(at, end, "true");
        break;
    case 'f':
        *kind_out = WEIR_JSON_FALSE;
        behind = literal_end(at, end, "false");
        break;
    case 'n':
        *kind_out = WEIR_JSON_NULL;
        behind = literal_end(at, end, "null");
        break;
    default:
        *kind_out = WEIR_JSON_NUMBER;
        behind = number_end(at, end);
        break;
    }
    /* What follows must end a scalar; NUL is in no set of strchr's. */
    if (behind != NULL && behind < end &&
        (*behind == '\0' || strchr(" \t\n\r,:[]{}\"", *behind) == NULL))
        return NULL;
    return behind;
}

/* ----------------------------------------------------------- strings */

static bool
hex4(const char *at, uint32_t *value_out)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)at[i];
        unsigned char letter = c | 0x20;
        if (c >= '0' && c <= '9')
            value = value << 4 | (uint32_t)(c - '0');
        else if (letter >= 'a' && letter <= 'f')
            value = value << 4 | (uint32_t)(letter - 'a' + 10);
        else
            return false;
    }
    *value_out = value;
    return true;
}

static size_t
put_utf8(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* `\u` at `*at` (on the u), perhaps with a second half; 0: lone surrogate. */
static size_t
unescape_unicode(const char **at, const char *end, char out[4])
{
    uint32_t code;
    uint32_t low;
    if (end - *at < 5 || !hex4(*at + 1, &code))
        return 0;
    *at += 5;
    if (code >= 0xDC00 && code <= 0xDFFF)
        return 0;
    if (code >= 0xD800 && code <= 0xDBFF) {
        if (end - *at < 6 || (*at)[0] != '\\' || (*at)[1] != 'u' ||
            !hex4(*at + 2, &low) || low < 0xDC00 || low > 0xDFFF)
            return 0;
        *at += 6;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    return put_utf8(code, out);
}

bool
weir_json_unescape_into(weir_span raw, char *memory, size_t size,
                        weir_span *text_out)
{
    if (raw.len < 2 || raw.ptr[0] != '"' || raw.ptr[raw.len - 1] != '"')
        return false;
    const char *at = raw.ptr + 1;
    const char *end = raw.ptr + raw.len - 1;
    size_t len = 0;
    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape != NULL ? escape : end) - at);
        char bytes[4];
        size_t count = 1;
        if (plain > size - len)
            return false;
        memcpy(memory + len, at, plain);
        len += plain;
        at += plain;
        if (escape == NULL)
            break;
        if (++at == end)
            return false;
        switch (*at++) {
        case '"':
        case '\\':
        case '/':
            bytes[0] = at[-1];
            break;
        case 'b':
            bytes[0] = '\b';
            break;
        case 'f':
            bytes[0] = '\f';
            break;
        case 'n':
            bytes[0] = '\n';
            break;
        case 'r':
            bytes[0] = '\r';
            break;
        case 't':
            bytes[0] = '\t';
            break;
        case 'u':
            at--;
            count = unescape_unicode(&at, end, bytes);
            if (count > 0)
                break;
            return false;
        default:
            return false;
        }
        if (count > size - len)
            return false;
        memcpy(memory + len, bytes, count);
        len += count;
    }
    *text_out = (weir_span){memory, len};
    return true;
}

weir_status
weir_json_unescape(weir_span raw, struct weir_arena *arena, weir_span *text_out,
                   struct weir_error *err)
{
    if (raw.len < 2 || raw.ptr[0] != '"' || raw.ptr[raw.len - 1] != '"')
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE, "not a string");
    if (memchr(raw.ptr, '\\', raw.len) == NULL) {
        *text_out = (weir_span){raw.ptr + 1, raw.len - 2};
        return WEIR_OK;
    }
    /* Unescaping never lengthens. */
    char *memory = arena != NULL ? weir_arena_alloc(arena, raw.len) : NULL;
    if (memory == NULL)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "no room for a string of %zu bytes", raw.len);
    if (!weir_json_unescape_into(raw, memory, raw.len, text_out))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a string is not text: lone surrogate");
    return WEIR_OK;
}

/* ---------------------------------------------------------- integers */

bool
weir_json_to_uint64(weir_span raw, uint64_t *value_out)
{
    return weir_span_to_u64(raw, value_out);
}

bool
weir_json_to_int64(weir_span raw, int64_t *value_out)
{
    bool is_negative = raw.len > 0 && raw.ptr[0] == '-';
    uint64_t magnitude;
    if (is_negative) {
        raw.ptr++;
        raw.len--;
    }
    if (!weir_span_to_u64(raw, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + (is_negative ? 1 : 0))
        return false;
    *value_out = (int64_t)(is_negative ? UINT64_C(0) - magnitude : magnitude);
    return true;
}

bool
weir_json_is_empty(weir_span raw)
{
    for (size_t i = 1; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return c == '}' || c == ']';
    }
    return true;
}
