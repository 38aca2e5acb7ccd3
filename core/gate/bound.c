/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names bound to a key:  base64url(code, 16 bytes) "." the origin's word
 *
 * The code is HMAC-SHA-256 over 'S', the kind, the hashes of key and
 * deployment, and the word, cut to 128 bits. WHY THE WORD STANDS IN CLEAR. It
 * may be as long as a header: nothing is copied to open it, and who holds the
 * key that it is bound to could learn it from the server anyway.
 */
#include <weir/bound.h>
#include <weir/crypto.h>

#include <string.h>

#define CODE_BYTES 16
#define CODE_TEXT  22
#define WORD_MAX   4096

_Static_assert(WEIR_BASE64URL_LEN(CODE_BYTES) == CODE_TEXT &&
                   CODE_TEXT + 1 == WEIR_BOUND_MORE,
               "the code, and a dot");

static bool
is_word(weir_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e)
            return false;
    return text.len > 0 && text.len <= WORD_MAX;
}

static void
code_of(const struct weir_bound_scope *scope, enum weir_bound_kind kind,
        weir_span word, uint8_t code_out[CODE_BYTES])
{
    struct weir_hmac hmac;
    weir_digest digest;
    uint8_t head[18] = {'S', (uint8_t)kind};
    for (size_t i = 0; i < 8; i++) {
        head[2 + i] = (uint8_t)(scope->key >> (8 * i));
        head[10 + i] = (uint8_t)(scope->deployment >> (8 * i));
    }
    weir_hmac_init(&hmac, scope->seal);
    weir_hmac_add(&hmac, head, sizeof(head));
    weir_hmac_add(&hmac, word.ptr, word.len);
    weir_hmac_final(&hmac, &digest);
    memcpy(code_out, digest.bytes, CODE_BYTES);
}

bool
weir_bound_seal(const struct weir_bound_scope *scope, enum weir_bound_kind kind,
                weir_span word, struct weir_buf *out)
{
    uint8_t code[CODE_BYTES];
    char text[CODE_TEXT + 1];
    if (scope->seal.len == 0 || !is_word(word))
        return false;
    code_of(scope, kind, word, code);
    size_t len = weir_base64url_encode(
        (weir_span){(const char *)code, sizeof(code)}, text);
    WEIR_ASSERT(len == CODE_TEXT);
    weir_buf_add(out, text, len);
    weir_buf_add_byte(out, '.');
    weir_buf_add_span(out, word);
    return !out->overflow;
}

bool
weir_bound_open(const struct weir_bound_scope *scope, enum weir_bound_kind kind,
                weir_span text, weir_span *word_out)
{
    uint8_t want[CODE_BYTES];
    uint8_t code[CODE_BYTES + 2];
    size_t len = 0;
    if (scope->seal.len == 0 || text.len <= WEIR_BOUND_MORE ||
        text.ptr[CODE_TEXT] != '.' ||
        !weir_base64url_decode((weir_span){text.ptr, CODE_TEXT}, code,
                               sizeof(code), &len) ||
        len != CODE_BYTES)
        return false;
    weir_span word = {text.ptr + WEIR_BOUND_MORE, text.len - WEIR_BOUND_MORE};
    if (!is_word(word))
        return false;
    code_of(scope, kind, word, want);
    if (!weir_equal_constant_time(code, want, CODE_BYTES))
        return false;
    *word_out = word;
    return true;
}
