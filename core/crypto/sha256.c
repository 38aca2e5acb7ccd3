/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SHA-256, HMAC-SHA-256 and HKDF.
 *
 * WHY THE LOW-LEVEL CALLS. A key is looked up by its digest on every call,
 * and the Merkle log hashes 64 bytes at a time. The EVP interface allocates
 * a context and, for the one-shot form of 3.0, fetches the algorithm by name
 * each time, which costs several times the hash itself. SHA256_Init and its
 * siblings are declared deprecated but are part of every 3.x, keep their
 * state in the caller's storage and use the same processor instructions.
 *
 * WHY HMAC AND HKDF ARE WRITTEN OUT. Both are a few lines above the hash
 * (RFC 2104, RFC 5869), and written so they too need no allocation and can
 * keep a keyed state. The tests hold them against published vectors.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <weir/crypto.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <string.h>

#define BLOCK_BYTES 64

_Static_assert(sizeof(SHA256_CTX) == sizeof(struct weir_sha256),
               "the opaque state holds the library's");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct weir_sha256),
               "and is aligned for it");

static SHA256_CTX *
state_of(struct weir_sha256 *hash)
{
    return (SHA256_CTX *)(void *)hash->opaque;
}

void
weir_sha256_init(struct weir_sha256 *hash)
{
    SHA256_Init(state_of(hash));
}

void
weir_sha256_add(struct weir_sha256 *hash, const void *bytes, size_t len)
{
    if (len > 0)
        SHA256_Update(state_of(hash), bytes, len);
}

void
weir_sha256_final(struct weir_sha256 *hash, weir_digest *digest_out)
{
    SHA256_Final(digest_out->bytes, state_of(hash));
    weir_wipe(hash, sizeof(*hash));
}

void
weir_sha256_of(weir_span bytes, weir_digest *digest_out)
{
    SHA256_CTX state;
    SHA256_Init(&state);
    if (bytes.len > 0)
        SHA256_Update(&state, bytes.ptr, bytes.len);
    SHA256_Final(digest_out->bytes, &state);
}

bool
weir_digest_equal(const weir_digest *a, const weir_digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void
weir_hmac_init(struct weir_hmac *hmac, weir_secret key)
{
    uint8_t block[BLOCK_BYTES] = {0};
    weir_digest shortened;

    if (key.len > BLOCK_BYTES) {
        weir_sha256_of((weir_span){key.ptr, key.len}, &shortened);
        memcpy(block, shortened.bytes, sizeof(shortened.bytes));
        weir_wipe(&shortened, sizeof(shortened));
    } else if (key.len > 0) {
        memcpy(block, key.ptr, key.len);
    }
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        block[i] ^= 0x36;
    weir_sha256_init(&hmac->inner);
    weir_sha256_add(&hmac->inner, block, BLOCK_BYTES);
    for (size_t i = 0; i < BLOCK_BYTES; i++)
        block[i] ^= 0x36 ^ 0x5C;
    weir_sha256_init(&hmac->outer);
    weir_sha256_add(&hmac->outer, block, BLOCK_BYTES);
    weir_wipe(block, sizeof(block));
}

void
weir_hmac_add(struct weir_hmac *hmac, const void *bytes, size_t len)
{
    weir_sha256_add(&hmac->inner, bytes, len);
}

void
weir_hmac_final(struct weir_hmac *hmac, weir_digest *digest_out)
{
    weir_digest inner;
    weir_sha256_final(&hmac->inner, &inner);
    weir_sha256_add(&hmac->outer, inner.bytes, sizeof(inner.bytes));
    weir_sha256_final(&hmac->outer, digest_out);
}

void
weir_hmac_of(weir_secret key, weir_span bytes, weir_digest *digest_out)
{
    struct weir_hmac hmac;
    weir_hmac_init(&hmac, key);
    weir_hmac_add(&hmac, bytes.ptr, bytes.len);
    weir_hmac_final(&hmac, digest_out);
}

weir_status
weir_hkdf(weir_secret key, weir_span salt, weir_span info, void *bytes_out,
          size_t len)
{
    static const char zeros[WEIR_DIGEST_BYTES];
    weir_digest pseudorandom;
    weir_digest block;
    struct weir_hmac keyed;
    uint8_t *out = bytes_out;

    if (len > 255 * (size_t)WEIR_DIGEST_BYTES)
        return WEIR_ELIMIT;
    /* RFC 5869 section 2.2: an absent salt is a string of zeros */
    if (salt.len == 0)
        salt = (weir_span){zeros, sizeof(zeros)};
    weir_hmac_of((weir_secret){salt.ptr, salt.len},
                 (weir_span){key.ptr, key.len}, &pseudorandom);
    weir_hmac_init(&keyed, (weir_secret){(const char *)pseudorandom.bytes,
                                         sizeof(pseudorandom.bytes)});
    for (uint8_t counter = 1; len > 0; counter++) {
        struct weir_hmac round = keyed;
        if (counter > 1)
            weir_hmac_add(&round, block.bytes, sizeof(block.bytes));
        weir_hmac_add(&round, info.ptr, info.len);
        weir_hmac_add(&round, &counter, 1);
        weir_hmac_final(&round, &block);
        size_t part = len < sizeof(block.bytes) ? len : sizeof(block.bytes);
        memcpy(out, block.bytes, part);
        out += part;
        len -= part;
    }
    weir_wipe(&pseudorandom, sizeof(pseudorandom));
    weir_wipe(&block, sizeof(block));
    weir_wipe(&keyed, sizeof(keyed));
    return WEIR_OK;
}

bool
weir_equal_constant_time(const void *a, const void *b, size_t len)
{
    return len == 0 || CRYPTO_memcmp(a, b, len) == 0;
}

void
weir_wipe(void *bytes, size_t len)
{
    OPENSSL_cleanse(bytes, len);
}
