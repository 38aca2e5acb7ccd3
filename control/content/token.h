/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/content/token.h - a master key that never leaves its token: an AES
 * key behind PKCS #11 (3.0, and 2.40 with CKM_AES_GCM), named by a URI of
 * RFC 7512:
 *
 *     pkcs11:token=weir;object=content?module-path=/usr/lib/..so&
 *         pin-source=file:/etc/weir/token.pin
 *
 * Threads: one owner at a time. Memory: its own; the PIN is wiped.
 */
#ifndef WEIR_CONTENT_TOKEN_H
#define WEIR_CONTENT_TOKEN_H

#include <weir/crypto.h>

struct weir__token;

/*
 * Loads the module, finds token and key, logs in. `id_out` tells this key
 * from others. EPARSE: not such a URI, or the PIN itself is in it. ENOTFOUND:
 * no such token or key, or several. EDENIED: the PIN is not right. EIO:
 * anything else that the module says.
 */
WEIR_MUST_USE weir_status weir__token_open(const char *uri,
                                           struct weir__token **token_out,
                                           uint8_t id_out[8],
                                           struct weir_error *err);
void weir__token_close(struct weir__token *token); /* NULL is fine */

/* AES-256-GCM as weir_aes_seal and weir_aes_open do it: 12 bytes of nonce,
 * 16 of tag behind the text. EIO; ECORRUPT: open, and altered. */
WEIR_MUST_USE weir_status
weir__token_seal(struct weir__token *token,
                 const uint8_t nonce[WEIR_AES_NONCE_BYTES], weir_span context,
                 weir_private plain, uint8_t *out, struct weir_error *err);
WEIR_MUST_USE weir_status weir__token_unseal(
    struct weir__token *token, const uint8_t nonce[WEIR_AES_NONCE_BYTES],
    weir_span context, weir_span sealed, uint8_t *out, struct weir_error *err);

#endif
