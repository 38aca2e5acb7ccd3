/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Base64 and hex, strict both ways: one byte string has one text, so a
 * digest or signature cannot be written in two forms that both verify.
 */
#include <weir/crypto.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789+/";
static const char alphabet_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t
encode(weir_span bytes, const char *letters, bool is_padded, char *out)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    char *start = out;
    size_t left = bytes.len;

    for (; left >= 3; left -= 3, p += 3) {
        uint32_t word = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *out++ = letters[word >> 18];
        *out++ = letters[word >> 12 & 63];
        *out++ = letters[word >> 6 & 63];
        *out++ = letters[word & 63];
    }
    if (left > 0) {
        uint32_t word = (uint32_t)p[0] << 16;
        if (left == 2)
            word |= (uint32_t)p[1] << 8;
        *out++ = letters[word >> 18];
        *out++ = letters[word >> 12 & 63];
        if (left == 2)
            *out++ = letters[word >> 6 & 63];
        else if (is_padded)
            *out++ = '=';
        if (is_padded)
            *out++ = '=';
    }
    return (size_t)(out - start);
}

/* 0..63, or 64 for a character outside the alphabet. */
static uint32_t
value_of(char c, const char *letters)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    if (c == letters[62])
        return 62;
    return c == letters[63] ? 63 : 64;
}

/* Text without padding. */
static bool
decode(weir_span text, const char *letters, uint8_t *out, size_t size,
       size_t *len_out)
{
    size_t len = text.len / 4 * 3;
    size_t rest = text.len % 4;

    if (rest == 1)
        return false;
    len += rest == 0 ? 0 : rest - 1;
    if (len > size)
        return false;
    uint32_t word = 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t value = value_of(text.ptr[i], letters);
        if (value == 64)
            return false;
        word = word << 6 | value;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            *out++ = (uint8_t)(word >> bits);
            word &= (1u << bits) - 1;
        }
    }
    /* bits that carry nothing must be zero: one text per byte string */
    if (word != 0)
        return false;
    *len_out = len;
    return true;
}

size_t
weir_base64_encode(weir_span bytes, char *text_out)
{
    return encode(bytes, alphabet, true, text_out);
}

size_t
weir_base64url_encode(weir_span bytes, char *text_out)
{
    return encode(bytes, alphabet_url, false, text_out);
}

bool
weir_base64_decode(weir_span text, void *bytes_out, size_t size,
                   size_t *len_out)
{
    if (text.len % 4 != 0)
        return false;
    for (int i = 0; i < 2; i++)
        if (text.len > 0 && text.ptr[text.len - 1] == '=')
            text.len--;
    return decode(text, alphabet, bytes_out, size, len_out);
}

bool
weir_base64url_decode(weir_span text, void *bytes_out, size_t size,
                      size_t *len_out)
{
    return decode(text, alphabet_url, bytes_out, size, len_out);
}

size_t
weir_hex_encode(weir_span bytes, char *text_out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        uint8_t byte = (uint8_t)bytes.ptr[i];
        text_out[2 * i] = digits[byte >> 4];
        text_out[2 * i + 1] = digits[byte & 15];
    }
    return bytes.len * 2;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
weir_hex_decode(weir_span text, void *bytes_out, size_t size, size_t *len_out)
{
    uint8_t *out = bytes_out;
    if (text.len % 2 != 0 || text.len / 2 > size)
        return false;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_value(text.ptr[i]);
        int low = hex_value(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        *out++ = (uint8_t)(high << 4 | low);
    }
    *len_out = text.len / 2;
    return true;
}
