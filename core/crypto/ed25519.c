/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ed25519 through the crypto library, and randomness. A signature takes
 * tens of microseconds, so the objects it allocates around a key do not
 * matter; nothing here belongs on the request path.
 */
#include "evp.h"

#include <openssl/rand.h>

#include <limits.h>

weir_status
weir_random(const struct weir_env *env, void *bytes_out, size_t len)
{
    WEIR_ASSERT(env->random != NULL);
    return env->random(env->context, bytes_out, len) ? WEIR_OK : WEIR_EINTERNAL;
}

bool
weir_random_system(void *context, void *bytes_out, size_t len)
{
    (void)context;
    return len <= INT_MAX && RAND_bytes(bytes_out, (int)len) == 1;
}

weir_status
weir_ed25519_generate(const struct weir_env *env,
                      struct weir_ed25519_secret *secret_out)
{
    struct weir_ed25519_secret secret;
    if (weir_random(env, secret.bytes, sizeof(secret.bytes)) != WEIR_OK)
        return WEIR_EINTERNAL;
    *secret_out = secret;
    weir_wipe(&secret, sizeof(secret));
    return WEIR_OK;
}

static EVP_PKEY *
pair_of(const struct weir_ed25519_secret *secret)
{
    return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret->bytes,
                                        sizeof(secret->bytes));
}

weir_status
weir_ed25519_public_of(const struct weir_ed25519_secret *secret,
                       weir_ed25519_public *public_out)
{
    weir_ed25519_public key;
    if (!weir__evp_public(pair_of(secret), key.bytes, sizeof(key.bytes)))
        return WEIR_EINTERNAL;
    *public_out = key;
    return WEIR_OK;
}

weir_status
weir_ed25519_sign(const struct weir_ed25519_secret *secret, weir_span message,
                  weir_ed25519_signature *signature_out)
{
    weir_ed25519_signature signature;
    if (!weir__evp_sign(pair_of(secret), NULL, message, signature.bytes,
                        sizeof(signature.bytes)))
        return WEIR_EINTERNAL;
    *signature_out = signature;
    return WEIR_OK;
}

bool
weir_ed25519_verify(const weir_ed25519_public *key, weir_span message,
                    weir_span signature)
{
    if (signature.len != WEIR_ED25519_SIGNATURE_BYTES)
        return false;
    EVP_PKEY *public = EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, NULL, key->bytes, sizeof(key->bytes));
    return weir__evp_verify(public, message, signature);
}
