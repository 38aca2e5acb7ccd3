/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names bound to a key:  base64url(code, 16 bytes) "." the origin's word
 *
 * The code is HMAC-SHA-256 over 'S', the kind, the hashes of key and
 * deployment, and the word, cut to 128 bits. WHY THE WORD STANDS IN CLEAR. It
 * may be as long as a header: nothing is copied to open it, and who holds the
 * key that it is bound to could learn it from the server anyway.
 *
 * Names of what is kept for a tenant carry the deployment's hash, since no
 * table says where it lies:
 *
 *    "resp_" base64url(deployment, 8 bytes, and code, 16 bytes) "68f0a1"
 *
 * The beginning is a run of small letters and `_`, which SDKs and people go
 * by; a word without one has the code in front. The code of these is over
 * 'N', the kind, the hashes of tenant and deployment, and the whole word.
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

/* ------------------------------------------------------------ of a tenant */

#define HEAD_BYTES 24 /* deployment, code */
#define START_MAX  16

_Static_assert(WEIR_BASE64URL_LEN(HEAD_BYTES) == WEIR_BOUND_NAME_MORE,
               "no padding, no dot");

static bool
is_plain(weir_span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x21 || text.ptr[i] > 0x7e || text.ptr[i] == '"' ||
            text.ptr[i] == '\\')
            return false;
    return text.len > 0;
}

/* Bytes of "resp_"; 0: the text does not begin so. */
static size_t
start_of(weir_span text)
{
    size_t i = 0;
    while (i < text.len && i < START_MAX && text.ptr[i] >= 'a' &&
           text.ptr[i] <= 'z')
        i++;
    return i > 0 && i < text.len && text.ptr[i] == '_' ? i + 1 : 0;
}

static void
put64(uint8_t *out, uint64_t value)
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

/* What stands before the rest of the word. */
static void
head_of(const struct weir_bound_owner *owner, enum weir_bound_kind kind,
        uint64_t deployment, weir_span word, uint8_t head_out[HEAD_BYTES])
{
    struct weir_hmac hmac;
    weir_digest digest;
    uint8_t scope[18] = {'N', (uint8_t)kind};
    put64(scope + 2, owner->tenant);
    put64(scope + 10, deployment);
    weir_hmac_init(&hmac, owner->seal);
    weir_hmac_add(&hmac, scope, sizeof(scope));
    weir_hmac_add(&hmac, word.ptr, word.len);
    weir_hmac_final(&hmac, &digest);
    put64(head_out, deployment);
    memcpy(head_out + 8, digest.bytes, HEAD_BYTES - 8);
}

bool
weir_bound_name(const struct weir_bound_owner *owner, enum weir_bound_kind kind,
                uint64_t deployment, weir_span word, struct weir_buf *out)
{
    uint8_t head[HEAD_BYTES];
    char text[WEIR_BOUND_NAME_MORE + 1];
    if (owner->seal.len == 0 || word.len > WEIR_BOUND_NAME_MAX ||
        !is_plain(word))
        return false;
    size_t start = start_of(word);
    head_of(owner, kind, deployment, word, head);
    size_t len = weir_base64url_encode(
        (weir_span){(const char *)head, sizeof(head)}, text);
    WEIR_ASSERT(len == WEIR_BOUND_NAME_MORE);
    weir_buf_add(out, word.ptr, start);
    weir_buf_add(out, text, len);
    weir_buf_add(out, word.ptr + start, word.len - start);
    return !out->overflow;
}

/* With the code behind `start` bytes. */
static bool
resolve_at(const struct weir_bound_owner *owner, enum weir_bound_kind kind,
           weir_span text, size_t start, char *room, weir_span *word_out,
           uint64_t *deployment_out)
{
    uint8_t head[HEAD_BYTES + 2];
    uint8_t want[HEAD_BYTES];
    uint64_t deployment = 0;
    size_t len = 0;
    if (text.len <= WEIR_BOUND_NAME_MORE ||
        text.len < start + WEIR_BOUND_NAME_MORE ||
        !weir_base64url_decode(
            (weir_span){text.ptr + start, WEIR_BOUND_NAME_MORE}, head,
            sizeof(head), &len) ||
        len != HEAD_BYTES)
        return false;
    weir_span word = {room, text.len - WEIR_BOUND_NAME_MORE};
    memcpy(room, text.ptr, start);
    memcpy(room + start, text.ptr + start + WEIR_BOUND_NAME_MORE,
           word.len - start);
    for (size_t i = 0; i < 8; i++)
        deployment |= (uint64_t)head[i] << (8 * i);
    /* One name for each word: a run of letters that grew with the code away
     * would be another word's. */
    if (start_of(word) != start)
        return false;
    head_of(owner, kind, deployment, word, want);
    if (!weir_equal_constant_time(head, want, HEAD_BYTES))
        return false;
    *word_out = word;
    *deployment_out = deployment;
    return true;
}

bool
weir_bound_resolve(const struct weir_bound_owner *owner,
                   enum weir_bound_kind kind, weir_span text, char *room,
                   weir_span *word_out, uint64_t *deployment_out)
{
    size_t start = start_of(text);
    if (owner->seal.len == 0 ||
        text.len > WEIR_BOUND_NAME_MAX + WEIR_BOUND_NAME_MORE ||
        !is_plain(text))
        return false;
    if (start > 0 &&
        resolve_at(owner, kind, text, start, room, word_out, deployment_out))
        return true;
    return resolve_at(owner, kind, text, 0, room, word_out, deployment_out);
}
