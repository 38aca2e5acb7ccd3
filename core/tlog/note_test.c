/* SPDX-License-Identifier: Apache-2.0 */
/* Signed notes, checkpoints and receipts. */
#include <weir/tlog.h>

#include "test.h"

#include <stdlib.h>
#include <string.h>

#define TEXT                                                                   \
    "example.org/weir-log\n3\n"                                                \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"

static const struct weir_ed25519_secret secret = {{1, 2, 3}};
static const struct weir_ed25519_secret witness_secret = {{4, 5, 6}};

static struct weir_note_key
key_of(const struct weir_ed25519_secret *of, const char *name,
       enum weir_note_type type)
{
    weir_ed25519_public public;
    struct weir_note_key key;
    assert_ok(weir_ed25519_public_of(of, &public));
    weir_note_key_init(&key, weir_span_of(name), type, &public);
    return key;
}

/* TEXT, signed by the log and by a witness. */
static void
make_note(struct weir_buf *buf)
{
    weir_buf_init(buf, 1 << 16);
    weir_buf_add_span(buf, WEIR_SPAN(TEXT "\n"));
    assert_ok(weir_note_sign(WEIR_SPAN(TEXT), WEIR_SPAN("example.org/weir-log"),
                             &secret, buf, NULL));
    assert_ok(weir_note_cosign(
        WEIR_SPAN(TEXT), WEIR_SPAN("example.org/w1"),
        &(struct weir_note_secret){WEIR_NOTE_COSIGNATURE, {witness_secret}},
        INT64_C(1700000000000000), buf, NULL));
}

TEST(note, signatures_of_log_and_witness_are_verified)
{
    struct weir_buf buf;
    struct weir_note note;
    uint64_t verified = 0;
    make_note(&buf);
    struct weir_note_key keys[] = {
        key_of(&witness_secret, "example.org/other", WEIR_NOTE_ED25519),
        key_of(&secret, "example.org/weir-log", WEIR_NOTE_ED25519),
        key_of(&witness_secret, "example.org/w1", WEIR_NOTE_COSIGNATURE),
    };
    assert_ok(weir_note_parse(weir_buf_span(&buf), &note, NULL));
    assert_int_equal(note.count, 2);
    assert_span(note.text, TEXT);
    assert_ok(weir_note_verify(&note, keys, 3, &verified, NULL));
    assert_int_equal(verified, 6);
    assert_int_equal(weir_note_verify(&note, keys, 1, &verified, NULL),
                     WEIR_EUNAUTH);
    assert_int_equal(weir_note_verify(&note, keys, 0, &verified, NULL),
                     WEIR_EUNAUTH);
    weir_buf_fini(&buf);
}

TEST(note, any_byte_changed_is_refused)
{
    struct weir_buf buf;
    struct weir_note note;
    uint64_t verified;
    struct weir_note_key keys[] = {
        key_of(&secret, "example.org/weir-log", WEIR_NOTE_ED25519),
        key_of(&witness_secret, "example.org/w1", WEIR_NOTE_COSIGNATURE),
    };
    make_note(&buf);
    for (size_t i = 0; i < buf.len; i++) {
        verified = 0;
        buf.ptr[i] ^= 1;
        bool is_taken =
            weir_note_parse(weir_buf_span(&buf), &note, NULL) == WEIR_OK &&
            weir_note_verify(&note, keys, 2, &verified, NULL) == WEIR_OK;
        /* a changed name or id makes one signature an unknown one */
        if (is_taken && verified == 3)
            fail_msg("byte %zu changed, and both still verify", i);
        if (is_taken && i < sizeof(TEXT))
            fail_msg("byte %zu of the text changed, and it verifies", i);
        buf.ptr[i] ^= 1;
    }
    weir_buf_fini(&buf);
}

TEST(note, text_that_is_not_a_note_is_refused)
{
    static const char *const bad[] = {
        "",
        "\n",
        "\n\n",
        "text\n",
        "text\n\n",
        "text\n\nsignature\n",
        "text\n\n- name AAAAAAAA\n",
        "text\n\n\xE2\x80\x94 name AAAAAAAA",
        "text\n\n\xE2\x80\x94 name\n",
        "text\n\n\xE2\x80\x94  AAAAAAAA\n",
        "text\n\n\xE2\x80\x94 na+me AAAAAAAA\n",
        "text\n\n\xE2\x80\x94 na\xC2\xA0me AAAAAAAA\n",
        "text\n\n\xE2\x80\x94 na\xE2\x80\x83me AAAAAAAA\n",
        "text\n\n\xE2\x80\x94 name AAAA\n",
        "text\n\n\xE2\x80\x94 name AAAAA===\n",
        "text\n\n\xE2\x80\x94 name AAAAAAAA \n",
        "te\txt\n\n\xE2\x80\x94 name AAAAAAAA\n",
        "te\xFFxt\n\n\xE2\x80\x94 name AAAAAAAA\n",
        "text\n\n\xE2\x80\x94 name AAAAAAAA\nmore\n",
    };
    struct weir_note note = {.count = 77};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        if (weir_note_parse(weir_span_of(bad[i]), &note, NULL) != WEIR_EPARSE)
            fail_msg("taken: %s", bad[i]);
    assert_int_equal(note.count, 77);
    /* the last empty line counts: a text may hold others */
    assert_ok(weir_note_parse(
        WEIR_SPAN("a\n\nb\n\n\xE2\x80\x94 name AAAAAAAA\n"), &note, NULL));
    assert_span(note.text, "a\n\nb\n");
}

TEST(note, sixteen_signatures_are_taken_and_over_the_limit_refused)
{
    struct weir_buf buf;
    struct weir_note note;
    for (uint32_t count = 16; count <= WEIR_NOTE_SIGNATURES_MAX + 1; count++) {
        weir_buf_init(&buf, 1 << 16);
        weir_buf_addf(&buf, "text\n\n");
        for (uint32_t i = 0; i < count; i++)
            weir_buf_addf(&buf, "\xE2\x80\x94 name%u AAAAAAAA\n", i);
        assert_int_equal(weir_note_parse(weir_buf_span(&buf), &note, NULL),
                         count <= WEIR_NOTE_SIGNATURES_MAX ? WEIR_OK
                                                           : WEIR_ELIMIT);
        weir_buf_fini(&buf);
    }
}

TEST(note, verifier_keys_are_written_and_read_back)
{
    struct weir_note_key key =
        key_of(&secret, "example.org/weir-log", WEIR_NOTE_COSIGNATURE);
    struct weir_note_key back;
    struct weir_buf buf;
    weir_buf_init(&buf, 4096);
    weir_note_key_write(&key, &buf);
    assert_ok(weir_note_key_parse(weir_buf_span(&buf), &back, NULL));
    assert_int_equal(back.id, key.id);
    assert_int_equal(back.type, WEIR_NOTE_COSIGNATURE);
    assert_span(back.name, "example.org/weir-log");
    assert_memory_equal(back.key.bytes, key.key.bytes, 32);
    for (size_t i = 0; i < buf.len; i++) {
        buf.ptr[i] ^= 1;
        weir_status status =
            weir_note_key_parse(weir_buf_span(&buf), &back, NULL);
        /* the case of a hex digit carries nothing */
        if (status == WEIR_OK)
            fail_msg("byte %zu changed, and it is taken", i);
        buf.ptr[i] ^= 1;
        assert_int_not_equal(
            weir_note_key_parse((weir_span){buf.ptr, i}, &back, NULL), WEIR_OK);
    }
    weir_buf_fini(&buf);
}

TEST(note, names_with_blanks_or_plus_and_cut_texts_are_not_signed)
{
    static const char *const names[] = {"", "a b", "a+b", "a\nb",
                                        "a\xE3\x80\x80"
                                        "b"};
    struct weir_buf buf;
    weir_buf_init(&buf, 4096);
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++)
        assert_int_equal(weir_note_sign(WEIR_SPAN("t\n"),
                                        weir_span_of(names[i]), &secret, &buf,
                                        NULL),
                         WEIR_EPARSE);
    assert_int_equal(
        weir_note_sign(WEIR_SPAN("t"), WEIR_SPAN("name"), &secret, &buf, NULL),
        WEIR_EPARSE);
    assert_int_equal(weir_note_sign(WEIR_SPAN("t\r\n"), WEIR_SPAN("name"),
                                    &secret, &buf, NULL),
                     WEIR_EPARSE);
    assert_int_equal(buf.len, 0);
    weir_buf_fini(&buf);
}

TEST(checkpoint, is_written_as_read_and_refused_when_malformed)
{
#define ROOT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    static const char *const good[] = {
        "origin\n0\n" ROOT "\n",
        "o r i g i n\n18446744073709551615\n" ROOT "\n",
        "origin\n12\n" ROOT "\nTimestamp: 5\nmore\n",
    };
    static const char *const bad[] = {
        "",
        "origin",
        "origin\n",
        "\n1\n" ROOT "\n",
        "origin\n1\n",
        "origin\n\n" ROOT "\n",
        "origin\n01\n" ROOT "\n",
        "origin\n-1\n" ROOT "\n",
        "origin\n18446744073709551616\n" ROOT "\n",
        "origin\n1\n" ROOT,
        "origin\n1\nAAAA\n",
        "origin\n1\n" ROOT " \n",
        "origin\n1\n" ROOT "\n\n",
        "origin\n1\n" ROOT "\nmore",
    };
    struct weir_checkpoint checkpoint;
    for (size_t i = 0; i < WEIR_COUNTOF(good); i++) {
        struct weir_buf buf;
        weir_buf_init(&buf, 4096);
        assert_ok(
            weir_checkpoint_parse(weir_span_of(good[i]), &checkpoint, NULL));
        weir_checkpoint_write(&checkpoint, &buf);
        assert_true(
            weir_span_equal(weir_buf_span(&buf), weir_span_of(good[i])));
        weir_buf_fini(&buf);
    }
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        if (weir_checkpoint_parse(weir_span_of(bad[i]), &checkpoint, NULL) !=
            WEIR_EPARSE)
            fail_msg("taken: %s", bad[i]);
}

/* A tree of three leaves, the receipt of the second. */
static void
make_receipt(struct weir_buf *receipt, struct weir_buf *note_text,
             weir_digest *leaf_out, bool has_extra)
{
    weir_digest leaf[3];
    struct weir_tlog_frontier frontier = {0};
    struct weir_checkpoint checkpoint = {
        .origin = WEIR_SPAN("example.org/weir-log"), .size = 3};
    struct weir_buf text;
    struct weir_tlog_proof proof = {.index = 1, .count = 2};
    for (int i = 0; i < 3; i++) {
        weir_tlog_leaf((weir_span){&"abc"[i], 1}, &leaf[i]);
        weir_tlog_append(&frontier, &leaf[i]);
    }
    weir_tlog_root(&frontier, &checkpoint.root);
    weir_buf_init(&text, 4096);
    weir_buf_init(note_text, 4096);
    weir_buf_init(receipt, 4096);
    weir_checkpoint_write(&checkpoint, &text);
    weir_buf_add_span(note_text, weir_buf_span(&text));
    weir_buf_add_byte(note_text, '\n');
    assert_ok(weir_note_sign(weir_buf_span(&text), checkpoint.origin, &secret,
                             note_text, NULL));
    proof.hashes[0] = leaf[0];
    proof.hashes[1] = leaf[2];
    proof.checkpoint = weir_buf_span(note_text);
    if (has_extra)
        proof.extra = WEIR_SPAN("c2FsdA==");
    weir_tlog_proof_write(&proof, receipt);
    *leaf_out = leaf[1];
    weir_buf_fini(&text);
}

TEST(receipt, is_read_back_and_verifies_for_its_leaf_only)
{
    for (int has_extra = 0; has_extra < 2; has_extra++) {
        struct weir_buf receipt;
        struct weir_buf note;
        struct weir_tlog_proof proof;
        weir_digest leaf;
        uint64_t verified = 0;
        make_receipt(&receipt, &note, &leaf, has_extra != 0);
        struct weir_note_key key =
            key_of(&secret, "example.org/weir-log", WEIR_NOTE_ED25519);
        weir_span origin = WEIR_SPAN("example.org/weir-log");
        assert_ok(weir_tlog_proof_parse(weir_buf_span(&receipt), &proof, NULL));
        assert_int_equal(proof.index, 1);
        assert_int_equal(proof.count, 2);
        assert_int_equal(proof.extra.ptr != NULL, has_extra);
        assert_ok(weir_tlog_proof_verify(&proof, origin, &leaf, &key, 1,
                                         &verified, NULL));
        assert_int_equal(verified, 1);
        assert_int_equal(
            weir_tlog_proof_verify(&proof, WEIR_SPAN("example.org/weir"), &leaf,
                                   &key, 1, &verified, NULL),
            WEIR_EUNAUTH);
        leaf.bytes[0] ^= 1;
        assert_int_equal(weir_tlog_proof_verify(&proof, origin, &leaf, &key, 1,
                                                &verified, NULL),
                         WEIR_ECORRUPT);
        weir_buf_fini(&receipt);
        weir_buf_fini(&note);
    }
}

TEST(receipt, signed_by_a_witness_alone_is_refused)
{
    struct weir_buf receipt;
    struct weir_buf note;
    struct weir_buf other;
    struct weir_tlog_proof proof;
    struct weir_note parsed;
    weir_digest leaf;
    uint64_t verified = 0;
    make_receipt(&receipt, &note, &leaf, false);
    assert_ok(weir_tlog_proof_parse(weir_buf_span(&receipt), &proof, NULL));
    assert_ok(weir_note_parse(proof.checkpoint, &parsed, NULL));
    weir_buf_init(&other, 4096);
    weir_buf_add_span(&other, parsed.text);
    weir_buf_add_byte(&other, '\n');
    assert_ok(weir_note_cosign(
        parsed.text, WEIR_SPAN("example.org/weir-log"),
        &(struct weir_note_secret){WEIR_NOTE_COSIGNATURE, {witness_secret}}, 5,
        &other, NULL));
    proof.checkpoint = weir_buf_span(&other);
    struct weir_note_key key =
        key_of(&witness_secret, "example.org/weir-log", WEIR_NOTE_COSIGNATURE);
    assert_int_equal(weir_tlog_proof_verify(&proof,
                                            WEIR_SPAN("example.org/weir-log"),
                                            &leaf, &key, 1, &verified, NULL),
                     WEIR_EUNAUTH);
    weir_buf_fini(&receipt);
    weir_buf_fini(&note);
    weir_buf_fini(&other);
}

TEST(receipt, cut_at_every_byte_or_changed_is_never_good)
{
    struct weir_buf receipt;
    struct weir_buf note;
    struct weir_tlog_proof proof;
    weir_digest leaf;
    uint64_t verified;
    weir_span origin = WEIR_SPAN("example.org/weir-log");
    struct weir_note_key key =
        key_of(&secret, "example.org/weir-log", WEIR_NOTE_ED25519);
    make_receipt(&receipt, &note, &leaf, false);
    for (size_t i = 0; i < receipt.len; i++) {
        weir_span cut = {receipt.ptr, i};
        assert_true(weir_tlog_proof_parse(cut, &proof, NULL) != WEIR_OK ||
                    weir_tlog_proof_verify(&proof, origin, &leaf, &key, 1,
                                           &verified, NULL) != WEIR_OK);
        receipt.ptr[i] ^= 1;
        if (weir_tlog_proof_parse(weir_buf_span(&receipt), &proof, NULL) ==
                WEIR_OK &&
            weir_tlog_proof_verify(&proof, origin, &leaf, &key, 1, &verified,
                                   NULL) == WEIR_OK)
            fail_msg("byte %zu changed, and the receipt is good", i);
        receipt.ptr[i] ^= 1;
    }
    weir_buf_fini(&receipt);
    weir_buf_fini(&note);
}
