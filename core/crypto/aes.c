/* SPDX-License-Identifier: Apache-2.0 */
/* AES-256-GCM through the crypto library. */
#include <weir/crypto.h>

#include <openssl/evp.h>

#include <limits.h>

bool
weir_aes_seal(const struct weir_aes_key *key,
              const uint8_t nonce[WEIR_AES_NONCE_BYTES], weir_span bound,
              weir_private plain, uint8_t *cipher_out)
{
    int len = 0;
    if (plain.len > INT_MAX - WEIR_AES_TAG_BYTES || bound.len > INT_MAX)
        return false;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool is_sealed =
        context != NULL &&
        EVP_EncryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes,
                           nonce) == 1 &&
        EVP_EncryptUpdate(context, NULL, &len, (const uint8_t *)bound.ptr,
                          (int)bound.len) == 1 &&
        (plain.len == 0 ||
         EVP_EncryptUpdate(context, cipher_out, &len,
                           (const uint8_t *)plain.ptr, (int)plain.len) == 1) &&
        EVP_EncryptFinal_ex(context, cipher_out + plain.len, &len) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, WEIR_AES_TAG_BYTES,
                            cipher_out + plain.len) == 1;
    EVP_CIPHER_CTX_free(context);
    return is_sealed;
}

bool
weir_aes_open(const struct weir_aes_key *key,
              const uint8_t nonce[WEIR_AES_NONCE_BYTES], weir_span bound,
              weir_span cipher, uint8_t *plain_out)
{
    int len = 0;
    if (cipher.len < WEIR_AES_TAG_BYTES || cipher.len > INT_MAX ||
        bound.len > INT_MAX)
        return false;
    size_t size = cipher.len - WEIR_AES_TAG_BYTES;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool is_open =
        context != NULL &&
        EVP_DecryptInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes,
                           nonce) == 1 &&
        EVP_DecryptUpdate(context, NULL, &len, (const uint8_t *)bound.ptr,
                          (int)bound.len) == 1 &&
        (size == 0 ||
         EVP_DecryptUpdate(context, plain_out, &len,
                           (const uint8_t *)cipher.ptr, (int)size) == 1) &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, WEIR_AES_TAG_BYTES,
                            (char *)(uintptr_t)cipher.ptr + size) == 1 &&
        EVP_DecryptFinal_ex(context, plain_out + size, &len) == 1;
    EVP_CIPHER_CTX_free(context);
    if (!is_open && size > 0)
        weir_wipe(plain_out, size);
    return is_open;
}
