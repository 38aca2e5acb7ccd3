/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/crypto.h>

#include "test.h"

#include <stdlib.h>
#include <string.h>

static void
assert_digest(const weir_digest *digest, const char *hex)
{
    char text[WEIR_HEX_LEN(WEIR_DIGEST_BYTES) + 1] = {0};
    weir_hex_encode(
        (weir_span){(const char *)digest->bytes, sizeof(digest->bytes)}, text);
    assert_string_equal(text, hex);
}

TEST(crypto, sha256_gives_the_published_digests)
{
    weir_digest digest;
    weir_sha256_of(WEIR_SPAN_NONE, &digest);
    assert_digest(&digest, "e3b0c44298fc1c149afbf4c8996fb924"
                           "27ae41e4649b934ca495991b7852b855");
    weir_sha256_of(WEIR_SPAN("abc"), &digest);
    assert_digest(&digest, "ba7816bf8f01cfea414140de5dae2223"
                           "b00361a396177a9cb410ff61f20015ad");
}

TEST(crypto, sha256_split_at_every_byte_gives_the_same_digest)
{
    char text[200];
    weir_digest whole;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i * 7);
    weir_sha256_of((weir_span){text, sizeof(text)}, &whole);
    for (size_t split = 0; split <= sizeof(text); split++) {
        struct weir_sha256 hash;
        weir_digest parts;
        weir_sha256_init(&hash);
        weir_sha256_add(&hash, text, split);
        struct weir_sha256 copy = hash;
        weir_sha256_add(&copy, text + split, sizeof(text) - split);
        weir_sha256_final(&copy, &parts);
        assert_true(weir_digest_equal(&whole, &parts));
        weir_sha256_add(&hash, "x", 1);
        weir_sha256_final(&hash, &parts);
        assert_false(weir_digest_equal(&whole, &parts));
    }
}

TEST(crypto, hmac_gives_the_digests_of_rfc_4231)
{
    weir_digest digest;
    char key[131];
    memset(key, 0xAA, sizeof(key));
    weir_hmac_of((weir_secret){"Jefe", 4},
                 WEIR_SPAN("what do ya want for nothing?"), &digest);
    assert_digest(&digest, "5bdcc146bf60754e6a042426089575c7"
                           "5a003f089d2739839dec58b964ec3843");
    weir_hmac_of(
        (weir_secret){key, sizeof(key)},
        WEIR_SPAN("Test Using Larger Than Block-Size Key - Hash Key First"),
        &digest);
    assert_digest(&digest, "60e431591ee0b67f0d8a26aacbf5b77f"
                           "8e0bc6213728c5140546040f0ee37f54");
}

TEST(crypto, hkdf_gives_the_first_case_of_rfc_5869)
{
    char key[22];
    char out[42];
    char text[WEIR_HEX_LEN(42) + 1] = {0};
    memset(key, 0x0B, sizeof(key));
    assert_ok(weir_hkdf((weir_secret){key, sizeof(key)},
                        (weir_span){"\0\1\2\3\4\5\6\7\10\11\12\13\14", 13},
                        WEIR_SPAN("\xf0\xf1\xf2\xf3\xf4\xf5\xf6\xf7\xf8\xf9"),
                        out, sizeof(out)));
    weir_hex_encode((weir_span){out, sizeof(out)}, text);
    assert_string_equal(text, "3cb25f25faacd57a90434f64d0362f2a"
                              "2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                              "34007208d5b887185865");
}

TEST(crypto, hkdf_refuses_more_than_255_blocks)
{
    char *out = malloc(256 * 32);
    assert_ok(weir_hkdf((weir_secret){"k", 1}, WEIR_SPAN_NONE, WEIR_SPAN_NONE,
                        out, 255 * 32));
    assert_int_equal(weir_hkdf((weir_secret){"k", 1}, WEIR_SPAN_NONE,
                               WEIR_SPAN_NONE, out, 255 * 32 + 1),
                     WEIR_ELIMIT);
    free(out);
}

static bool
broken_random(void *context, void *bytes_out, size_t len)
{
    (void)context;
    (void)bytes_out;
    (void)len;
    return false;
}

TEST(crypto, a_signature_verifies_only_with_its_key_message_and_bytes)
{
    struct weir_env env = {.random = weir_random_system};
    struct weir_ed25519_secret secret;
    struct weir_ed25519_secret other_secret;
    weir_ed25519_public public;
    weir_ed25519_public other;
    weir_ed25519_signature signature;
    weir_span message = WEIR_SPAN("a checkpoint\n");

    assert_ok(weir_ed25519_generate(&env, &secret));
    assert_ok(weir_ed25519_generate(&env, &other_secret));
    assert_ok(weir_ed25519_public_of(&secret, &public));
    assert_ok(weir_ed25519_public_of(&other_secret, &other));
    assert_ok(weir_ed25519_sign(&secret, message, &signature));
    weir_span bytes = {(const char *)signature.bytes, sizeof(signature.bytes)};
    assert_true(weir_ed25519_verify(&public, message, bytes));
    assert_false(weir_ed25519_verify(&other, message, bytes));
    assert_false(
        weir_ed25519_verify(&public, WEIR_SPAN("a checkpoint"), bytes));
    assert_false(weir_ed25519_verify(&public, message,
                                     (weir_span){bytes.ptr, bytes.len - 1}));
    for (size_t bit = 0; bit < 512; bit += 37) {
        signature.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(weir_ed25519_verify(&public, message, bytes));
        signature.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

TEST(crypto, a_broken_source_of_randomness_makes_no_key)
{
    struct weir_env env = {.random = broken_random};
    struct weir_ed25519_secret secret = {{7}};
    assert_int_equal(weir_ed25519_generate(&env, &secret), WEIR_EINTERNAL);
    assert_int_equal(secret.bytes[0], 7);
}

TEST(crypto, constant_time_compare_sees_every_byte)
{
    char a[40] = {0};
    char b[40] = {0};
    assert_true(weir_equal_constant_time(a, b, sizeof(a)));
    for (size_t i = 0; i < sizeof(a); i++) {
        b[i] = 1;
        assert_false(weir_equal_constant_time(a, b, sizeof(a)));
        b[i] = 0;
    }
    assert_true(weir_equal_constant_time(a, "x", 0));
}

TEST(crypto, text_forms_return_every_byte_string_of_every_length)
{
    char bytes[67];
    char text[WEIR_HEX_LEN(sizeof(bytes))];
    char back[sizeof(bytes)];
    size_t len;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 89 + 1);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        weir_span span = {bytes, n};
        size_t used = weir_base64_encode(span, text);
        assert_int_equal(used, WEIR_BASE64_LEN(n));
        assert_true(weir_base64_decode((weir_span){text, used}, back,
                                       sizeof(back), &len));
        assert_int_equal(len, n);
        assert_memory_equal(back, bytes, n);
        used = weir_base64url_encode(span, text);
        assert_int_equal(used, WEIR_BASE64URL_LEN(n));
        assert_true(weir_base64url_decode((weir_span){text, used}, back,
                                          sizeof(back), &len));
        assert_int_equal(len, n);
        assert_memory_equal(back, bytes, n);
        used = weir_hex_encode(span, text);
        assert_int_equal(used, 2 * n);
        assert_true(
            weir_hex_decode((weir_span){text, used}, back, sizeof(back), &len));
        assert_int_equal(len, n);
        assert_memory_equal(back, bytes, n);
    }
}

TEST(crypto, base64_refuses_what_is_not_canonical)
{
    static const char *const bad[] = {
        "Zg",   "Zg=",  "Zh==", "Zg==\n",   "Zg== ",  "Z===",  "=Zg=",
        "====", "Zm9=", "Zm-_", "Zg==Zg==", "Zm9v\n", "Zm\0v", "Zm9v="};
    char out[16];
    size_t len = 99;
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        assert_false(
            weir_base64_decode(weir_span_of(bad[i]), out, sizeof(out), &len));
    assert_int_equal(len, 99);
    assert_false(
        weir_base64url_decode(WEIR_SPAN("Zg=="), out, sizeof(out), &len));
    assert_false(
        weir_base64url_decode(WEIR_SPAN("Zm+/"), out, sizeof(out), &len));
    assert_false(weir_base64url_decode(WEIR_SPAN("Z"), out, sizeof(out), &len));
    assert_true(
        weir_base64url_decode(WEIR_SPAN("Zm-_"), out, sizeof(out), &len));
    assert_false(weir_hex_decode(WEIR_SPAN("abc"), out, sizeof(out), &len));
    assert_false(weir_hex_decode(WEIR_SPAN("0x"), out, sizeof(out), &len));
    assert_true(weir_hex_decode(WEIR_SPAN("aBfF"), out, sizeof(out), &len));
    assert_memory_equal(out, "\xab\xff", 2);
}

TEST(crypto, decoders_never_write_beyond_their_room)
{
    char out[4] = {1, 2, 3, 4};
    size_t len = 0;
    assert_false(weir_base64_decode(WEIR_SPAN("Zm9vYg=="), out, 3, &len));
    assert_false(weir_hex_decode(WEIR_SPAN("00000000"), out, 3, &len));
    assert_memory_equal(out, "\1\2\3\4", 4);
    assert_true(weir_base64_decode(WEIR_SPAN("Zm9v"), out, 3, &len));
    assert_memory_equal(out, "foo\4", 4);
}
