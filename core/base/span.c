/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/base.h>

#include <string.h>

weir_span
weir_span_of(const char *text)
{
    return (weir_span){text, text != NULL ? strlen(text) : 0};
}

bool
weir_span_equal(weir_span a, weir_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char
lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool
weir_span_equal_nocase(weir_span a, weir_span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

int
weir_span_compare(weir_span a, weir_span b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.ptr, b.ptr, shorter);
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool
weir_span_starts(weir_span s, weir_span prefix)
{
    return s.len >= prefix.len &&
           weir_span_equal((weir_span){s.ptr, prefix.len}, prefix);
}

bool
weir_span_ends(weir_span s, weir_span suffix)
{
    return s.len >= suffix.len &&
           weir_span_equal(
               (weir_span){s.ptr + (s.len - suffix.len), suffix.len}, suffix);
}

bool
weir_span_to_u64(weir_span s, uint64_t *value_out)
{
    uint64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *value_out = value;
    return true;
}

void
weir_span_locate(weir_span text, size_t offset, uint32_t *line_out,
                 uint32_t *column_out)
{
    uint32_t line = 1;
    uint32_t column = 1;
    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text.ptr[i] & 0xC0) != 0x80) {
            column++;
        }
    }
    *line_out = line;
    *column_out = column;
}

/* Bytes of the well-formed sequence at `p`, or 0. Unicode 15, table 3-7. */
static size_t
sequence_length(const unsigned char *p, size_t left)
{
    unsigned low = 0x80;
    unsigned high = 0xBF;
    size_t length;

    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        length = 2;
    } else if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        length = 3;
        if (p[0] == 0xE0)
            low = 0xA0;
        if (p[0] == 0xED)
            high = 0x9F; /* surrogates */
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        length = 4;
        if (p[0] == 0xF0)
            low = 0x90;
        if (p[0] == 0xF4)
            high = 0x8F; /* above 10FFFF */
    } else {
        return 0;
    }
    if (left < length || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

bool
weir_utf8_valid(weir_span s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    size_t i = 0;
    while (i < s.len) {
        uint64_t word;
        while (i + sizeof(word) <= s.len) {
            memcpy(&word, p + i, sizeof(word));
            if ((word & UINT64_C(0x8080808080808080)) != 0)
                break;
            i += sizeof(word);
        }
        if (i == s.len)
            break;
        size_t length = sequence_length(p + i, s.len - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}
