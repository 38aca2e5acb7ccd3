/* SPDX-License-Identifier: Apache-2.0 */
#include "evp.h"

bool
weir__evp_sign(EVP_PKEY *pair, const OSSL_PARAM *params, weir_span message,
               uint8_t *signature_out, size_t len)
{
    size_t used = len;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done =
        pair != NULL && context != NULL &&
        EVP_DigestSignInit_ex(context, NULL, NULL, NULL, NULL, pair, params) ==
            1 &&
        EVP_DigestSign(context, signature_out, &used,
                       (const unsigned char *)message.ptr, message.len) == 1 &&
        used == len;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(pair);
    return done;
}

bool
weir__evp_public(EVP_PKEY *pair, uint8_t *public_out, size_t len)
{
    size_t used = len;
    bool done = pair != NULL &&
                EVP_PKEY_get_raw_public_key(pair, public_out, &used) == 1 &&
                used == len;
    EVP_PKEY_free(pair);
    return done;
}

bool
weir__evp_verify(EVP_PKEY *public, weir_span message, weir_span signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good =
        public != NULL && context != NULL &&
        EVP_DigestVerifyInit(context, NULL, NULL, NULL, public) == 1 &&
        EVP_DigestVerify(context, (const unsigned char *)signature.ptr,
                         signature.len, (const unsigned char *)message.ptr,
                         message.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(public);
    return is_good;
}
