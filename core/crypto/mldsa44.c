/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ML-DSA-44 by name, so that one build serves: OpenSSL has the algorithm
 * from 3.5 on, and where it is older every function here says no. Signing
 * is FIPS 204's deterministic form, which needs no randomness.
 */
#include "evp.h"

#include <openssl/core_names.h>
#include <openssl/err.h>

#include <string.h>

#define ALGORITHM "ML-DSA-44"

bool
weir_mldsa44_is_there(void)
{
    ERR_set_mark();
    EVP_SIGNATURE *found = EVP_SIGNATURE_fetch(NULL, ALGORITHM, NULL);
    ERR_pop_to_mark();
    EVP_SIGNATURE_free(found);
    return found != NULL;
}

static EVP_PKEY *
pair_of(const struct weir_mldsa44_secret *secret)
{
    EVP_PKEY *pair = NULL;
    uint8_t seed[WEIR_MLDSA44_SEED_BYTES];
    memcpy(seed, secret->bytes, sizeof(seed));
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string("seed", seed, sizeof(seed)),
        OSSL_PARAM_construct_end()};
    ERR_set_mark();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, ALGORITHM, NULL);
    if (context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &pair, EVP_PKEY_KEYPAIR, params) != 1)
        pair = NULL;
    EVP_PKEY_CTX_free(context);
    ERR_pop_to_mark();
    weir_wipe(seed, sizeof(seed));
    return pair;
}

weir_status
weir_mldsa44_public_of(const struct weir_mldsa44_secret *secret,
                       weir_mldsa44_public *public_out)
{
    weir_mldsa44_public key;
    if (!weir__evp_public(pair_of(secret), key.bytes, sizeof(key.bytes)))
        return WEIR_EINTERNAL;
    *public_out = key;
    return WEIR_OK;
}

weir_status
weir_mldsa44_sign(const struct weir_mldsa44_secret *secret, weir_span message,
                  weir_mldsa44_signature *signature_out)
{
    int is_fixed = 1;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int("deterministic", &is_fixed),
        OSSL_PARAM_construct_end()};
    weir_mldsa44_signature signature;
    if (!weir__evp_sign(pair_of(secret), params, message, signature.bytes,
                        sizeof(signature.bytes)))
        return WEIR_EINTERNAL;
    *signature_out = signature;
    return WEIR_OK;
}

bool
weir_mldsa44_verify(const weir_mldsa44_public *key, weir_span message,
                    weir_span signature)
{
    if (signature.len != WEIR_MLDSA44_SIGNATURE_BYTES)
        return false;
    ERR_set_mark();
    EVP_PKEY *public = EVP_PKEY_new_raw_public_key_ex(
        NULL, ALGORITHM, NULL, key->bytes, sizeof(key->bytes));
    bool is_good = weir__evp_verify(public, message, signature);
    ERR_pop_to_mark();
    return is_good;
}
