/* SPDX-License-Identifier: Apache-2.0 */
/* The crypto folder against the Wycheproof vectors. */
#include "vectors.h"

#include <weir/crypto.h>

#include <stdlib.h>
#include <string.h>

/* Calls `check` for each test of each group; returns how many there were.
 * Skips the test aloud where the data is absent. */
static size_t
each_case(const char *name, void (*check)(json_t *group, json_t *row))
{
    size_t count = 0;
    size_t g;
    size_t t;
    json_t *group;
    json_t *row;
    json_t *root = vectors_json(name);
    if (root == NULL)
        skip();
    json_array_foreach(json_object_get(root, "testGroups"), g, group)
        json_array_foreach(json_object_get(group, "tests"), t, row)
    {
        check(group, row);
        count++;
    }
    size_t stated =
        (size_t)json_integer_value(json_object_get(root, "numberOfTests"));
    assert_int_equal(count, stated);
    json_decref(root);
    return count;
}

static bool
is_valid(const json_t *row)
{
    return strcmp(json_string_value(json_object_get(row, "result")), "valid") ==
           0;
}

static void
check_result(const json_t *row, bool is_accepted)
{
    if (is_accepted != is_valid(row))
        fail_msg("case %lld (%s): %s",
                 (long long)json_integer_value(json_object_get(row, "tcId")),
                 json_string_value(json_object_get(row, "comment")),
                 is_accepted ? "accepted" : "refused");
}

static void
check_ed25519(json_t *group, json_t *row)
{
    weir_ed25519_public key;
    size_t key_len;
    size_t message_len;
    size_t signature_len;
    char *public =
        vectors_hex(json_object_get(group, "publicKey"), "pk", &key_len);
    char *message = vectors_hex(row, "msg", &message_len);
    char *signature = vectors_hex(row, "sig", &signature_len);
    assert_int_equal(key_len, sizeof(key.bytes));
    memcpy(key.bytes, public, sizeof(key.bytes));
    check_result(row,
                 weir_ed25519_verify(&key, (weir_span){message, message_len},
                                     (weir_span){signature, signature_len}));
    free(public);
    free(message);
    free(signature);
}

static void
check_hmac(json_t *group, json_t *row)
{
    weir_digest digest;
    size_t key_len;
    size_t message_len;
    size_t tag_len;
    char *key = vectors_hex(row, "key", &key_len);
    char *message = vectors_hex(row, "msg", &message_len);
    char *tag = vectors_hex(row, "tag", &tag_len);
    size_t bits = (size_t)json_integer_value(json_object_get(group, "tagSize"));
    assert_int_equal(tag_len * 8, bits);
    weir_hmac_of((weir_secret){key, key_len}, (weir_span){message, message_len},
                 &digest);
    check_result(row, weir_equal_constant_time(digest.bytes, tag, tag_len));
    free(key);
    free(message);
    free(tag);
}

static void
check_hkdf(json_t *group, json_t *row)
{
    size_t key_len;
    size_t salt_len;
    size_t info_len;
    size_t okm_len;
    char *key = vectors_hex(row, "ikm", &key_len);
    char *salt = vectors_hex(row, "salt", &salt_len);
    char *info = vectors_hex(row, "info", &info_len);
    char *okm = vectors_hex(row, "okm", &okm_len);
    size_t size = (size_t)json_integer_value(json_object_get(row, "size"));
    char *out = malloc(size + 1);
    (void)group;
    bool is_accepted =
        weir_hkdf((weir_secret){key, key_len}, (weir_span){salt, salt_len},
                  (weir_span){info, info_len}, out, size) == WEIR_OK;
    if (is_accepted && is_valid(row)) {
        assert_int_equal(okm_len, size);
        assert_memory_equal(out, okm, size);
    }
    check_result(row, is_accepted);
    free(key);
    free(salt);
    free(info);
    free(okm);
    free(out);
}

TEST(wycheproof, ed25519_signatures_are_accepted_and_refused_as_published)
{
    assert_in_range(
        each_case("vectors/wycheproof/ed25519_test.json.zst", check_ed25519),
        100, 200);
}

TEST(wycheproof, hmac_tags_are_as_published)
{
    assert_in_range(
        each_case("vectors/wycheproof/hmac_sha256_test.json.zst", check_hmac),
        100, 200);
}

TEST(wycheproof, hkdf_output_is_as_published)
{
    assert_in_range(
        each_case("vectors/wycheproof/hkdf_sha256_test.json.zst", check_hkdf),
        50, 100);
}
