/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A service account speaks for itself: it signs who it is and what it wants
 * with its RSA key (RS256), and the server named in the account gives a
 * token for that (RFC 7523). The key is read, used and forgotten each time,
 * about once an hour.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <weir/crypto.h>

#include "control/keyring/parts.h"

#define LIFE_S        3600
#define SIGNATURE_MAX 1024 /* RSA of 8192 bits */

/* An encrypted key has nobody to ask for its word. */
static int
no_word(char *room, int size, int is_writing, void *context)
{
    (void)room, (void)size, (void)is_writing, (void)context;
    return 0;
}

static weir_status
sign(const char *pem, weir_span message, uint8_t signature_out[SIGNATURE_MAX],
     size_t *len_out, struct weir_error *err)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key =
        bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, no_word, NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = SIGNATURE_MAX;
    bool is_rsa = key != NULL && EVP_PKEY_base_id(key) == EVP_PKEY_RSA;
    bool done =
        is_rsa && context != NULL &&
        EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(context, signature_out, &len,
                       (const uint8_t *)message.ptr, message.len) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    BIO_free(bio);
    if (!done)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         is_rsa ? "the account's key does not sign"
                                : "the account has no RSA key in PEM");
    *len_out = len;
    return WEIR_OK;
}

static void
add_encoded(struct weir_buf *out, weir_span bytes)
{
    char text[WEIR_BASE64URL_LEN(4096) + 1];
    if (bytes.len > 4096) {
        out->overflow = true;
        return;
    }
    weir_buf_add(out, text, weir_base64url_encode(bytes, text));
}

static void
add_json(struct weir_buf *out, json_t *object)
{
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    if (text == NULL)
        out->overflow = true;
    else
        add_encoded(out, weir_span_of(text));
    free(text);
    json_decref(object);
}

static bool
is_safe(const char *url)
{
    return strlen(url) < WEIR_KEYRING_URL &&
           (strncmp(url, "https://", 8) == 0 ||
            strncmp(url, "http://127.0.0.1", 16) == 0 ||
            strncmp(url, "http://localhost", 16) == 0 ||
            strncmp(url, "http://[::1]", 12) == 0);
}

struct account {
    const char *mail;
    const char *key;
    const char *key_id;
    const char *url;
};

static weir_status
put_assertion(const struct account *account, weir_span scope, weir_time now,
              struct weir_buf *form, struct weir_error *err)
{
    char memory[12288];
    uint8_t signature[SIGNATURE_MAX];
    struct weir_buf token;
    size_t len = 0;
    json_int_t second = now / WEIR_US_PER_SEC;
    weir_buf_init_fixed(&token, memory, sizeof memory);
    add_json(&token, json_pack("{s:s, s:s, s:s*}", "alg", "RS256", "typ", "JWT",
                               "kid", account->key_id));
    weir_buf_add_byte(&token, '.');
    add_json(&token,
             json_pack("{s:s, s:s%, s:s, s:I, s:I}", "iss", account->mail,
                       "scope", scope.ptr, scope.len, "aud", account->url,
                       "iat", second, "exp", second + LIFE_S));
    weir_status status =
        token.overflow
            ? weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                        "the account's names are too long")
            : sign(account->key, weir_buf_span(&token), signature, &len, err);
    if (status == WEIR_OK) {
        weir_buf_add_byte(&token, '.');
        add_encoded(&token, (weir_span){(const char *)signature, len});
        weir__keyring_form(
            form, "grant_type",
            WEIR_SPAN("urn:ietf:params:oauth:grant-type:jwt-bearer"));
        weir__keyring_form(form, "assertion", weir_buf_span(&token));
    }
    weir_wipe(memory, sizeof memory);
    return status;
}

/* jansson's copies of the key are wiped where they lie. */
static void
forget(json_t *root)
{
    json_t *key = json_object_get(root, "private_key");
    if (json_is_string(key))
        weir_wipe((char *)(uintptr_t)json_string_value(key),
                  json_string_length(key));
    json_decref(root);
}

weir_status
weir__keyring_assertion(weir_span json, weir_span scope, weir_time now,
                        struct weir_buf *form, char url_out[WEIR_KEYRING_URL],
                        struct weir_error *err)
{
    json_t *root = json_loadb(json.ptr, json.len, 0, NULL);
    struct account account = {
        json_string_value(json_object_get(root, "client_email")),
        json_string_value(json_object_get(root, "private_key")),
        json_string_value(json_object_get(root, "private_key_id")),
        json_string_value(json_object_get(root, "token_uri"))};
    weir_status status = WEIR_OK;
    if (account.mail == NULL || account.key == NULL || account.url == NULL)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "not the JSON of a service account: client_email, "
                           "private_key or token_uri is missing");
    else if (!is_safe(account.url))
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "the account's token_uri is not https");
    if (status == WEIR_OK) {
        snprintf(url_out, WEIR_KEYRING_URL, "%s", account.url);
        status = put_assertion(&account, scope, now, form, err);
    }
    forget(root);
    return status;
}
