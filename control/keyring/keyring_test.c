/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <weir/crypto.h>

#include "control/keyring/parts.h"

#define NOW INT64_C(1700000000000000)

struct result {
    char memory[WEIR_KEYRING_SECRET_MAX];
    struct weir_buf secret;
    struct weir_gained gained;
    struct weir_error err;
};

static weir_status
gain(const struct weir_world_credential *credential, struct result *result)
{
    weir_buf_init_fixed(&result->secret, result->memory,
                        sizeof result->memory - 1);
    result->gained = (struct weir_gained){.secret = &result->secret};
    weir_status status =
        weir__keyring_gain(credential, NOW, &result->gained, &result->err);
    result->memory[result->secret.len] = '\0';
    return status;
}

static struct weir_world_credential
aws(const char *variable, const char *access)
{
    return (struct weir_world_credential){
        .form = WEIR_CREDENTIAL_AWS,
        .kind = WEIR_CREDENTIAL_ENV,
        .value = weir_span_of(variable),
        .access_key = {access[0] != '\0' ? WEIR_CREDENTIAL_ENV
                                         : WEIR_CREDENTIAL_NONE,
                       weir_span_of(access)},
        .region = WEIR_SPAN("eu-west-1"),
        .service = WEIR_SPAN("bedrock")};
}

TEST(keyring, an_aws_key_is_read_from_its_parts)
{
    struct result result;
    struct weir_world_credential credential = aws("T_SECRET", "T_ACCESS");
    setenv("T_SECRET", "se/cret+", 1);
    setenv("T_ACCESS", "AKID", 1);
    setenv("T_SESSION", "sess==", 1);
    assert_ok(gain(&credential, &result));
    assert_string_equal(result.memory, "AKID\tse/cret+\teu-west-1\tbedrock\t");
    credential.session_token = (struct weir_world_reference){
        WEIR_CREDENTIAL_ENV, WEIR_SPAN("T_SESSION")};
    assert_ok(gain(&credential, &result));
    assert_string_equal(result.memory,
                        "AKID\tse/cret+\teu-west-1\tbedrock\tsess==");
    assert_int_equal(result.gained.until, 0);
}

TEST(keyring, an_aws_key_is_read_from_json_with_its_end)
{
    struct result result;
    struct weir_world_credential credential = aws("T_JSON", "");
    setenv("T_JSON",
           "{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\","
           "\n\"SessionToken\":\"t\",\"Expiration\":\"2026-01-01T00:00:00Z\"}",
           1);
    assert_ok(gain(&credential, &result));
    assert_string_equal(result.memory, "A\ts\teu-west-1\tbedrock\tt");
    assert_true(result.gained.until == INT64_C(1767225600000000));
    setenv("T_JSON", "{\"AccessKeyId\":\"A\"}", 1);
    assert_int_equal(gain(&credential, &result), WEIR_EPARSE);
    setenv("T_JSON", "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s x\"}", 1);
    assert_int_equal(gain(&credential, &result), WEIR_EPARSE);
    assert_null(strstr(result.err.text, "s x"));
}

/* An account's JSON with a key made here. */
static char *
make_account(EVP_PKEY *key, const char *url)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    assert_int_equal(
        PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long len = BIO_get_mem_data(bio, &pem);
    json_t *root = json_pack("{s:s, s:s, s:s%, s:s}", "client_email",
                             "a@b.example", "private_key_id", "k1",
                             "private_key", pem, (size_t)len, "token_uri", url);
    char *text = json_dumps(root, 0);
    json_decref(root);
    BIO_free(bio);
    return text;
}

TEST(keyring, an_account_signs_what_its_public_key_verifies)
{
    char memory[16384], url[WEIR_KEYRING_URL];
    struct weir_buf form;
    struct weir_error err;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    char *text = make_account(key, "https://token.example/t");
    weir_buf_init_fixed(&form, memory, sizeof memory - 1);
    assert_ok(weir__keyring_assertion(weir_span_of(text), WEIR_SPAN("all"), NOW,
                                      &form, url, &err));
    memory[form.len] = '\0';
    assert_string_equal(url, "https://token.example/t");
    char *token = strstr(memory, "assertion=");
    assert_non_null(token);
    token += strlen("assertion=");
    char *dot = strrchr(token, '.');
    uint8_t signature[1024];
    size_t len = 0;
    assert_true(weir_base64url_decode(weir_span_of(dot + 1), signature,
                                      sizeof signature, &len));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert_int_equal(
        EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestVerify(context, signature, len,
                                      (const uint8_t *)token,
                                      (size_t)(dot - token)),
                     1);
    char claims[1024];
    char *middle = strchr(token, '.') + 1;
    assert_true(
        weir_base64url_decode((weir_span){middle, (size_t)(dot - middle)},
                              claims, sizeof claims - 1, &len));
    claims[len] = '\0';
    assert_non_null(strstr(claims, "\"iss\":\"a@b.example\""));
    assert_non_null(strstr(claims, "\"exp\":1700003600"));
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    free(text);
}

TEST(keyring, an_account_is_not_sent_in_clear_nor_taken_without_a_key)
{
    char memory[16384], url[WEIR_KEYRING_URL];
    struct weir_buf form;
    struct weir_error err;
    EVP_PKEY *key = EVP_RSA_gen(2048);
    char *text = make_account(key, "http://token.example/t");
    weir_buf_init_fixed(&form, memory, sizeof memory);
    assert_int_equal(weir__keyring_assertion(weir_span_of(text),
                                             WEIR_SPAN("all"), NOW, &form, url,
                                             &err),
                     WEIR_EPARSE);
    assert_int_equal(
        weir__keyring_assertion(
            WEIR_SPAN("{\"client_email\":\"a\",\"private_key\":\"no key\","
                      "\"token_uri\":\"https://t.example\"}"),
            WEIR_SPAN("all"), NOW, &form, url, &err),
        WEIR_EPARSE);
    assert_null(strstr(err.text, "no key"));
    assert_int_equal(weir__keyring_assertion(WEIR_SPAN("{"), WEIR_SPAN("all"),
                                             NOW, &form, url, &err),
                     WEIR_EPARSE);
    EVP_PKEY_free(key);
    free(text);
}

TEST(keyring, a_form_is_percent_encoded)
{
    char memory[128];
    struct weir_buf form;
    weir_buf_init_fixed(&form, memory, sizeof memory);
    weir__keyring_form(&form, "a", WEIR_SPAN("x y&=/~"));
    weir__keyring_form(&form, "b", WEIR_SPAN("1"));
    assert_span(weir_buf_span(&form), "a=x%20y%26%3D%2F~&b=1");
}
