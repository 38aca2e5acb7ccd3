/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures through the crypto library, whatever the algorithm is. */
#ifndef WEIR_CRYPTO_EVP_H
#define WEIR_CRYPTO_EVP_H

#include <weir/crypto.h>

#include <openssl/evp.h>

/* Takes `pair` (NULL: it failed) and gives it back. `params` may be NULL.
 * False: no signature of exactly `len` bytes. */
bool weir__evp_sign(EVP_PKEY *pair, const OSSL_PARAM *params, weir_span message,
                    uint8_t *signature_out, size_t len);
/* Takes `pair` the same way. False: its public half is not `len` bytes. */
bool weir__evp_public(EVP_PKEY *pair, uint8_t *public_out, size_t len);
/* Takes `public` the same way. */
bool weir__evp_verify(EVP_PKEY *public, weir_span message, weir_span signature);

#endif
