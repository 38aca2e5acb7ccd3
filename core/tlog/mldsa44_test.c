/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cosignatures by ML-DSA-44, where the crypto library has it. The vector was
 * made with another implementation (@noble/post-quantum).
 */
#include "test.h"

#include <weir/tlog_witness.h>

#include <stdio.h>
#include <string.h>

#define TEXT                                                                   \
    "example.com/behind-the-sofa\n20852163\n"                                  \
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
#define W1 "witness.example.com/w1"

static struct weir_note_secret
seed(uint8_t byte)
{
    struct weir_note_secret secret = {.type = WEIR_NOTE_MLDSA44};
    memset(secret.mldsa44.bytes, byte, sizeof(secret.mldsa44.bytes));
    return secret;
}

static void
need(void)
{
    if (weir_mldsa44_is_there())
        return;
    printf("    skip: this OpenSSL has no ML-DSA-44, which 3.5 brought\n");
    skip();
}

TEST(mldsa44, a_key_of_it_is_refused_where_the_library_has_none)
{
    struct weir_note_key key = {0};
    struct weir_note_secret secret = seed(1);
    struct weir_error err = {0};
    weir_mldsa44_public public = {{1}};
    struct weir_buf text;
    weir_buf_init(&text, 4096);
    weir_note_key_init_mldsa44(&key, WEIR_SPAN(W1), &public);
    weir_note_key_write(&key, &text);
    weir_status status = weir_note_key_parse(weir_buf_span(&text), &key, &err);
    if (weir_mldsa44_is_there()) {
        assert_ok(status);
        assert_int_equal(key.type, WEIR_NOTE_MLDSA44);
        assert_memory_equal(key.mldsa44.bytes, public.bytes,
                            sizeof(public.bytes));
    } else {
        assert_int_equal(status, WEIR_EPARSE);
        assert_non_null(strstr(err.text, "ML-DSA-44"));
        assert_int_equal(weir_note_key_of(WEIR_SPAN(W1), &secret, &key, NULL),
                         WEIR_EINTERNAL);
        assert_int_equal(
            weir_note_second_of(&(struct weir_ed25519_secret){{7}}, &secret),
            WEIR_ENOTFOUND);
    }
    weir_buf_fini(&text);
}

TEST(mldsa44, keys_and_signatures_are_those_of_another_implementation)
{
    struct weir_mldsa44_secret secret;
    weir_mldsa44_public public;
    weir_mldsa44_signature signature;
    weir_digest digest;
    char hex[WEIR_HEX_LEN(32)];
    need();
    for (size_t i = 0; i < sizeof(secret.bytes); i++)
        secret.bytes[i] = (uint8_t)i;
    assert_ok(weir_mldsa44_public_of(&secret, &public));
    weir_sha256_of((weir_span){(char *)public.bytes, sizeof(public.bytes)},
                   &digest);
    weir_hex_encode((weir_span){(char *)digest.bytes, 32}, hex);
    assert_memory_equal(hex,
                        "9f107644c1084526af3bc8098680b054"
                        "99a2325a644e388fb4f970e058d19d46",
                        64);
    assert_ok(weir_mldsa44_sign(&secret, WEIR_SPAN("weir"), &signature));
    weir_sha256_of(
        (weir_span){(char *)signature.bytes, sizeof(signature.bytes)}, &digest);
    weir_hex_encode((weir_span){(char *)digest.bytes, 32}, hex);
    assert_memory_equal(hex,
                        "14ea5a40ea5ae347b34ab909a2eca8cf"
                        "acc2aa8c1dcbc965591069019171f0d4",
                        64);
}

TEST(mldsa44, a_cosignature_says_time_size_and_root)
{
    struct weir_note_secret secret = seed(9);
    struct weir_note_key key = {0};
    struct weir_note note = {0};
    struct weir_buf bytes;
    uint64_t verified = 0;
    weir_time when = 0;
    need();
    assert_ok(weir_note_key_of(WEIR_SPAN(W1), &secret, &key, NULL));
    weir_buf_init(&bytes, 1 << 16);
    weir_buf_add_span(&bytes, WEIR_SPAN(TEXT "\n"));
    assert_ok(weir_note_cosign(WEIR_SPAN(TEXT), WEIR_SPAN(W1), &secret,
                               INT64_C(1700000000999999), &bytes, NULL));
    assert_ok(weir_note_parse(weir_buf_span(&bytes), &note, NULL));
    assert_ok(weir_note_verify(&note, &key, 1, &verified, NULL));
    assert_int_equal(verified, 1);
    assert_true(weir_note_cosigned_at(&note, &key, &when));
    assert_int_equal(when, INT64_C(1700000000000000));
    /* any byte of what is said, and the name, are under the signature */
    for (size_t i = 0; i < sizeof(TEXT) - 1; i += 7) {
        struct weir_note other;
        bytes.ptr[i] ^= 1;
        if (weir_note_parse(weir_buf_span(&bytes), &other, NULL) == WEIR_OK)
            assert_int_equal(weir_note_verify(&other, &key, 1, &verified, NULL),
                             WEIR_EUNAUTH);
        bytes.ptr[i] ^= 1;
    }
    key.name = WEIR_SPAN("witness.example.com/w2");
    assert_int_equal(weir_note_verify(&note, &key, 1, &verified, NULL),
                     WEIR_EUNAUTH);
    /* and nothing but checkpoints is signed */
    assert_int_equal(weir_note_cosign(WEIR_SPAN("a text\n"), WEIR_SPAN(W1),
                                      &secret, 0, &bytes, NULL),
                     WEIR_EPARSE);
    weir_buf_fini(&bytes);
}

TEST(mldsa44, a_signing_key_is_read_as_written)
{
    struct weir_note_secret secret = seed(3), read;
    struct weir_note_key key = {0}, parsed = {0};
    struct weir_buf text;
    need();
    weir_buf_init(&text, 4096);
    assert_ok(weir_note_secret_write(WEIR_SPAN(W1), &secret, &text, NULL));
    assert_ok(weir_note_secret_parse(weir_buf_span(&text), &key, &read, NULL));
    assert_int_equal(read.type, WEIR_NOTE_MLDSA44);
    assert_memory_equal(read.mldsa44.bytes, secret.mldsa44.bytes, 32);
    weir_buf_reset(&text);
    weir_note_key_write(&key, &text);
    assert_true(text.len <= WEIR_NOTE_KEY_TEXT_MAX);
    assert_ok(weir_note_key_parse(weir_buf_span(&text), &parsed, NULL));
    assert_true(weir_note_key_equal(&key, &parsed));
    assert_int_equal(key.id, parsed.id);
    weir_buf_fini(&text);
}

TEST(mldsa44, a_log_s_second_key_is_another_for_each_first)
{
    struct weir_note_secret a, b;
    need();
    assert_ok(weir_note_second_of(&(struct weir_ed25519_secret){{1}}, &a));
    assert_ok(weir_note_second_of(&(struct weir_ed25519_secret){{2}}, &b));
    assert_memory_not_equal(a.mldsa44.bytes, b.mldsa44.bytes, 32);
    assert_memory_not_equal(a.mldsa44.bytes, (const uint8_t[32]){1}, 32);
}
