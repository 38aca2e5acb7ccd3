/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/crypto.h - digests, message authentication, signatures, text forms.
 *
 * The only door to the crypto library. SHA-256, HMAC and HKDF work on the
 * caller's storage and allocate nothing, so the request path may call them;
 * Ed25519 and AES-GCM allocate inside the crypto library; the first belongs
 * to control.
 *
 * Threads: any; no object is shared. Randomness comes in through
 * struct weir_env: the core never draws it by itself.
 */
#ifndef WEIR_CRYPTO_H
#define WEIR_CRYPTO_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ----------------------------------------------------------- SHA-256 */

#define WEIR_DIGEST_BYTES 32

typedef struct {
    uint8_t bytes[WEIR_DIGEST_BYTES];
} weir_digest;

/* The caller's storage; copying one copies the state (a midstate). */
struct weir_sha256 {
    uint64_t opaque[14];
};

void weir_sha256_init(struct weir_sha256 *hash);
void weir_sha256_add(struct weir_sha256 *hash, const void *bytes, size_t len);
/* Leaves `hash` wiped: init again before the next use. */
void weir_sha256_final(struct weir_sha256 *hash, weir_digest *digest_out);
/* One shot. */
void weir_sha256_of(weir_span bytes, weir_digest *digest_out);
bool weir_digest_equal(const weir_digest *a, const weir_digest *b);

/* ------------------------------------------------------ HMAC, HKDF */

/* Copying an initialised one copies the keyed state: initialise once per
 * key, copy per message. */
struct weir_hmac {
    struct weir_sha256 inner;
    struct weir_sha256 outer;
};

void weir_hmac_init(struct weir_hmac *hmac, weir_secret key);
void weir_hmac_add(struct weir_hmac *hmac, const void *bytes, size_t len);
void weir_hmac_final(struct weir_hmac *hmac, weir_digest *digest_out);
void weir_hmac_of(weir_secret key, weir_span bytes, weir_digest *digest_out);

/* RFC 5869 extract and expand. WEIR_ELIMIT: more than 255 * 32 bytes. */
WEIR_MUST_USE weir_status weir_hkdf(weir_secret key, weir_span salt,
                                    weir_span info, void *bytes_out,
                                    size_t len);

/* ------------------------------------------------------ AES-256-GCM */

#define WEIR_AES_KEY_BYTES   32
#define WEIR_AES_NONCE_BYTES 12
#define WEIR_AES_TAG_BYTES   16

/* Wipe with weir_wipe() when done. */
struct weir_aes_key {
    uint8_t bytes[WEIR_AES_KEY_BYTES];
};

/*
 * Encrypts `plain` into `cipher_out` (as many bytes, then the tag). A nonce
 * is used once with a key: random ones are for keys of few messages.
 * Allocates inside the crypto library. False: it failed.
 */
bool weir_aes_seal(const struct weir_aes_key *key,
                   const uint8_t nonce[WEIR_AES_NONCE_BYTES], weir_span bound,
                   weir_private plain, uint8_t *cipher_out);
/* The reverse; `cipher` ends with the tag. False, and nothing of use in
 * `plain_out`: not what was sealed, or not with this key, nonce and bound. */
bool weir_aes_open(const struct weir_aes_key *key,
                   const uint8_t nonce[WEIR_AES_NONCE_BYTES], weir_span bound,
                   weir_span cipher, uint8_t *plain_out);

/* ----------------------------------------------------------- Ed25519 */

#define WEIR_ED25519_BYTES           32
#define WEIR_ED25519_SIGNATURE_BYTES 64

/* RFC 8032 seed. Wipe with weir_wipe() when done. */
struct weir_ed25519_secret {
    uint8_t bytes[WEIR_ED25519_BYTES];
};

typedef struct {
    uint8_t bytes[WEIR_ED25519_BYTES];
} weir_ed25519_public;

typedef struct {
    uint8_t bytes[WEIR_ED25519_SIGNATURE_BYTES];
} weir_ed25519_signature;

/* A fresh key from env->random. WEIR_EINTERNAL: no randomness. */
WEIR_MUST_USE weir_status weir_ed25519_generate(
    const struct weir_env *env, struct weir_ed25519_secret *secret_out);
WEIR_MUST_USE weir_status weir_ed25519_public_of(
    const struct weir_ed25519_secret *secret, weir_ed25519_public *public_out);
WEIR_MUST_USE weir_status
weir_ed25519_sign(const struct weir_ed25519_secret *secret, weir_span message,
                  weir_ed25519_signature *signature_out);
/* False on any signature that is not exactly right, malformed included;
 * `signature` must be 64 bytes and `key` a point on the curve. */
bool weir_ed25519_verify(const weir_ed25519_public *key, weir_span message,
                         weir_span signature);

/* --------------------------------------------------------- ML-DSA-44 */

#define WEIR_MLDSA44_SEED_BYTES      32
#define WEIR_MLDSA44_BYTES           1312
#define WEIR_MLDSA44_SIGNATURE_BYTES 2420

/* FIPS 204's seed. Wipe with weir_wipe() when done. */
struct weir_mldsa44_secret {
    uint8_t bytes[WEIR_MLDSA44_SEED_BYTES];
};

typedef struct {
    uint8_t bytes[WEIR_MLDSA44_BYTES];
} weir_mldsa44_public;

typedef struct {
    uint8_t bytes[WEIR_MLDSA44_SIGNATURE_BYTES];
} weir_mldsa44_signature;

/* Whether the crypto library at hand has it: OpenSSL does from 3.5 on. Where
 * it has not, the next three fail. They take a fraction of a millisecond. */
bool weir_mldsa44_is_there(void);
WEIR_MUST_USE weir_status weir_mldsa44_public_of(
    const struct weir_mldsa44_secret *secret, weir_mldsa44_public *public_out);
/* The deterministic form, without a context string. */
WEIR_MUST_USE weir_status
weir_mldsa44_sign(const struct weir_mldsa44_secret *secret, weir_span message,
                  weir_mldsa44_signature *signature_out);
bool weir_mldsa44_verify(const weir_mldsa44_public *key, weir_span message,
                         weir_span signature);

/* ------------------------------------------------------------- bytes */

/* From env->random. WEIR_EINTERNAL: the source failed; nothing is usable. */
WEIR_MUST_USE weir_status weir_random(const struct weir_env *env,
                                      void *bytes_out, size_t len);
/* The crypto library's generator in the shape of weir_env.random, for
 * programs to put into their env; the core never calls it. */
bool weir_random_system(void *context, void *bytes_out, size_t len);

/* Time depends on `len` only. */
bool weir_equal_constant_time(const void *a, const void *b, size_t len);
/* Not optimised away. */
void weir_wipe(void *bytes, size_t len);

/* ------------------------------------------------------- text forms */

/* Characters written, without a NUL. */
#define WEIR_BASE64_LEN(n)    (((n) + 2) / 3 * 4)
#define WEIR_BASE64URL_LEN(n) (((n)*4 + 2) / 3)
#define WEIR_HEX_LEN(n)       ((n)*2)

/* Each writes its _LEN(bytes.len) characters and returns their number.
 * base64: padded, RFC 4648 section 4; base64url: section 5, no padding;
 * hex: lower case. */
size_t weir_base64_encode(weir_span bytes, char *text_out);
size_t weir_base64url_encode(weir_span bytes, char *text_out);
size_t weir_hex_encode(weir_span bytes, char *text_out);

/* Strict: the whole text, canonical (padding as above, unused bits zero, no
 * white space; hex in either case). Returns false, and leaves *len_out, on
 * anything else or if the result would exceed `size`. */
bool weir_base64_decode(weir_span text, void *bytes_out, size_t size,
                        size_t *len_out);
bool weir_base64url_decode(weir_span text, void *bytes_out, size_t size,
                           size_t *len_out);
bool weir_hex_decode(weir_span text, void *bytes_out, size_t size,
                     size_t *len_out);

#ifdef __cplusplus
}
#endif
#endif
