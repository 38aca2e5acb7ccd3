/* SPDX-License-Identifier: Apache-2.0 */
/* The transparency log against published proofs, notes and log entries. */
#include "vectors.h"

#include <weir/tlog_witness.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Some cases hold text in place of digests, to be compared as it is; an
 * empty one cannot even be said in this interface: -> a digest that differs
 * each time. */
static weir_digest
digest_of(const json_t *value)
{
    static uint8_t none;
    weir_digest digest = {{0}};
    size_t len;
    char *bytes = vectors_base64(value, &len);
    assert_in_range(len, 0, sizeof(digest.bytes));
    memcpy(digest.bytes, bytes, len);
    if (len == 0)
        digest.bytes[0] = ++none;
    free(bytes);
    return digest;
}

/* False: a hash of another length, which is no proof at all. */
static bool
proof_of(const json_t *list, weir_digest *proof_out, size_t *count_out)
{
    size_t i;
    json_t *value;
    bool is_sound = true;
    *count_out = json_array_size(list);
    assert_in_range(*count_out, 0, WEIR_TLOG_PROOF_MAX);
    json_array_foreach(list, i, value)
    {
        size_t len;
        char *bytes = vectors_base64(value, &len);
        is_sound = is_sound && len == WEIR_DIGEST_BYTES;
        memcpy(proof_out[i].bytes, bytes,
               len < WEIR_DIGEST_BYTES ? len : WEIR_DIGEST_BYTES);
        free(bytes);
    }
    return is_sound;
}

static uint64_t
number(const json_t *row, const char *key)
{
    const json_t *value = json_object_get(row, key);
    uint64_t number_out = 0;
    if (json_is_integer(value))
        return (uint64_t)json_integer_value(value);
    assert_true(
        json_is_string(value) &&
        weir_span_to_u64(weir_span_of(json_string_value(value)), &number_out));
    return number_out;
}

static size_t accepted;

static void
check_proof(json_t *row)
{
    weir_digest proof[WEIR_TLOG_PROOF_MAX];
    size_t count;
    const char *kind = json_string_value(json_object_get(row, "kind"));
    bool is_good = proof_of(json_object_get(row, "proof"), proof, &count);
    if (strstr(kind, "inclusion") != NULL) {
        weir_digest leaf = digest_of(json_object_get(row, "leafHash"));
        weir_digest root = digest_of(json_object_get(row, "root"));
        uint64_t index = number(row, "leafIdx");
        if (strcmp(kind, "inclusion") == 0)
            is_good = is_good && weir_tlog_verify_inclusion(
                                     &leaf, index, number(row, "treeSize"),
                                     proof, count, &root);
        else
            is_good = is_good && weir_tlog_verify_subtree_inclusion(
                                     &leaf, index, number(row, "start"),
                                     number(row, "end"), proof, count, &root);
    } else {
        weir_digest root1 = digest_of(json_object_get(row, "root1"));
        weir_digest root2 = digest_of(json_object_get(row, "root2"));
        if (strcmp(kind, "consistency") == 0)
            is_good = is_good &&
                      weir_tlog_verify_consistency(number(row, "size1"), &root1,
                                                   number(row, "size2"), &root2,
                                                   proof, count);
        else
            is_good =
                is_good && weir_tlog_verify_subtree(
                               number(row, "start"), number(row, "end"), &root1,
                               number(row, "size"), &root2, proof, count);
    }
    if (is_good == json_is_true(json_object_get(row, "wantErr")))
        fail_msg("%s: %s", json_string_value(json_object_get(row, "case")),
                 is_good ? "accepted" : "refused");
    accepted += is_good;
}

TEST(tlog_vectors, published_proofs_are_accepted_and_refused_as_stated)
{
    accepted = 0;
    size_t rows =
        vectors_rows("vectors/tlog/merkle-proofs.jsonl.zst", check_proof);
    if (rows == 0)
        skip();
    assert_int_equal(rows, 390);
    assert_int_equal(accepted, 26);
}

/* An Ed25519 key in its SubjectPublicKeyInfo wrapping. */
static bool
ed25519_of_spki(const json_t *value, weir_ed25519_public *key_out)
{
    static const char head[] = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21";
    size_t len;
    char *bytes = vectors_base64(value, &len);
    bool is_ed25519 = len == 44 && memcmp(bytes, head, sizeof(head) - 1) == 0;
    if (is_ed25519)
        memcpy(key_out->bytes, bytes + 12, 32);
    free(bytes);
    return is_ed25519;
}

static size_t ed25519_verified;
static size_t ed25519_expected;

/* Signatures: each that the source found good by an Ed25519 log key. */
static void
check_signatures(const json_t *row, const struct weir_note *note)
{
    size_t i;
    size_t k;
    json_t *signature;
    json_t *value;
    json_array_foreach(json_object_get(row, "signatures"), i, signature)
    {
        const char *name =
            json_string_value(json_object_get(signature, "name"));
        const char *alg = json_string_value(json_object_get(signature, "alg"));
        bool is_expected =
            json_is_true(json_object_get(signature, "verified_by_log_key")) &&
            alg != NULL && strcmp(alg, "ed25519") == 0;
        bool is_found = false;
        ed25519_expected += is_expected;
        if (name == NULL)
            continue;
        json_array_foreach(json_object_get(row, "log_keys"), k, value)
        {
            weir_ed25519_public public;
            struct weir_note_key key;
            uint64_t verified;
            if (!ed25519_of_spki(json_object_get(value, "spki"), &public))
                continue;
            weir_note_key_init(&key, weir_span_of(name), WEIR_NOTE_ED25519,
                               &public);
            /* two keys may share a name */
            char hint[9];
            snprintf(hint, sizeof(hint), "%08x", key.id);
            if (strcmp(hint, json_string_value(
                                 json_object_get(signature, "hint"))) != 0)
                continue;
            is_found |=
                weir_note_verify(note, &key, 1, &verified, NULL) == WEIR_OK;
        }
        if (is_found != is_expected)
            fail_msg("%s: signature of %s %s",
                     json_string_value(json_object_get(row, "case")), name,
                     is_found ? "verified" : "not verified");
        ed25519_verified += is_found;
    }
}

static size_t included;

static void
check_entry(json_t *row)
{
    weir_digest proof[WEIR_TLOG_PROOF_MAX];
    size_t count;
    size_t len;
    uint64_t index;
    uint64_t size;
    weir_digest leaf;
    const char *name = json_string_value(json_object_get(row, "case"));
    const json_t *index_text = json_object_get(row, "logIndex");
    const json_t *size_text = json_object_get(row, "treeSize");
    bool is_included = json_is_true(json_object_get(row, "inclusion_ok"));

    char *body = vectors_base64(json_object_get(row, "leaf_body"), &len);
    weir_tlog_leaf((weir_span){body, len}, &leaf);
    free(body);
    bool is_good =
        json_is_string(index_text) && json_is_string(size_text) &&
        weir_span_to_u64(weir_span_of(json_string_value(index_text)), &index) &&
        weir_span_to_u64(weir_span_of(json_string_value(size_text)), &size) &&
        json_is_string(json_object_get(row, "rootHash")) &&
        proof_of(json_object_get(row, "hashes"), proof, &count);
    weir_digest root = {{0}};
    if (is_good) {
        root = digest_of(json_object_get(row, "rootHash"));
        is_good =
            weir_tlog_verify_inclusion(&leaf, index, size, proof, count, &root);
    }
    if (is_good != is_included)
        fail_msg("%s: inclusion %s", name, is_good ? "accepted" : "refused");
    included += is_good;

    struct weir_note note;
    struct weir_checkpoint checkpoint;
    const char *text = json_string_value(json_object_get(row, "checkpoint"));
    if (text == NULL)
        return;
    bool is_note = weir_note_parse(weir_span_of(text), &note, NULL) == WEIR_OK;
    if (is_note)
        check_signatures(row, &note);
    bool is_match =
        is_note &&
        weir_checkpoint_parse(note.text, &checkpoint, NULL) == WEIR_OK &&
        checkpoint.size == size && weir_digest_equal(&checkpoint.root, &root);
    /* without a signature line it is no note, whatever its text says */
    bool is_signed = strstr(text, "\n\n\xE2\x80\x94 ") != NULL;
    if (is_match != (is_signed && json_is_true(json_object_get(
                                      row, "checkpoint_matches_proof"))))
        fail_msg("%s: checkpoint %s", name, is_match ? "matches" : "differs");
}

TEST(tlog_vectors, entries_of_a_public_log_are_included_as_found_by_others)
{
    included = 0;
    ed25519_verified = 0;
    ed25519_expected = 0;
    size_t rows =
        vectors_rows("vectors/tlog/rekor-entries.jsonl.zst", check_entry);
    if (rows == 0)
        skip();
    assert_int_equal(rows, 45);
    assert_int_equal(included, 42);
    assert_int_equal(ed25519_verified, ed25519_expected);
    assert_in_range(ed25519_verified, 10, 30);
}

TEST(tlog_vectors, texts_of_the_specifications_are_read_and_verified)
{
    struct weir_note note;
    struct weir_note_key key;
    struct weir_checkpoint checkpoint;
    uint64_t verified = 0;
    json_t *root = vectors_json("vectors/tlog/c2sp-examples.json");
    if (root == NULL)
        skip();
    const json_t *vkey = json_object_get(root, "signed-note:vkeys");
    assert_ok(weir_note_key_parse(
        weir_span_of(json_string_value(json_array_get(vkey, 0))), &key, NULL));
    const json_t *notes = json_object_get(root, "signed-note");
    assert_int_equal(json_array_size(notes), 2);
    assert_ok(weir_note_parse(
        weir_span_of(json_string_value(json_array_get(notes, 0))), &note,
        NULL));
    assert_int_equal(weir_note_verify(&note, &key, 1, &verified, NULL),
                     WEIR_EUNAUTH);
    assert_ok(weir_note_parse(
        weir_span_of(json_string_value(json_array_get(notes, 1))), &note,
        NULL));
    assert_ok(weir_note_verify(&note, &key, 1, &verified, NULL));
    assert_int_equal(verified, 1);

    const char *names[] = {"tlog-checkpoint", "tlog-cosignature"};
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        const json_t *list = json_object_get(root, names[i]);
        const char *text = json_string_value(json_array_get(list, 0));
        assert_ok(weir_note_parse(weir_span_of(text), &note, NULL));
        assert_int_equal(note.count, i + 1);
        assert_ok(weir_checkpoint_parse(note.text, &checkpoint, NULL));
        assert_int_equal(checkpoint.size, 20852163);
        assert_span(checkpoint.origin, "example.com/behind-the-sofa");
    }
    json_decref(root);
}

/* The published receipt's signatures are shortened: as it stands its
 * checkpoint is no note. All before is whole. */
TEST(tlog_vectors, the_published_receipt_is_read_but_for_what_is_cut)
{
    struct weir_tlog_proof proof;
    struct weir_note note;
    struct weir_buf buf;
    json_t *root = vectors_json("vectors/tlog/c2sp-examples.json");
    if (root == NULL)
        skip();
    weir_span text = weir_span_of(json_string_value(
        json_array_get(json_object_get(root, "tlog-proof"), 0)));
    assert_ok(weir_tlog_proof_parse(text, &proof, NULL));
    assert_int_equal(proof.index, 73894);
    assert_int_equal(proof.count, 5);
    assert_int_equal(proof.extra.len, 52);
    weir_buf_init(&buf, 1 << 16);
    weir_tlog_proof_write(&proof, &buf);
    assert_true(weir_span_equal(weir_buf_span(&buf), text));
    weir_buf_fini(&buf);
    assert_int_equal(weir_note_parse(proof.checkpoint, &note, NULL),
                     WEIR_EPARSE);
    json_decref(root);
}

/* The specification's own policy, with keys in the place of its "<vkey>". */
TEST(tlog_vectors, the_published_policy_means_what_its_text_says)
{
    struct weir_tlog_policy policy;
    struct weir_buf buf;
    json_t *root = vectors_json("vectors/tlog/c2sp-examples.json");
    if (root == NULL)
        skip();
    const char *at = json_string_value(
        json_array_get(json_object_get(root, "tlog-policy"), 0));
    assert_non_null(at);
    weir_buf_init(&buf, 1 << 16);
    for (uint8_t i = 0; *at != '\0'; at++) {
        if (strncmp(at, "<vkey>", 6) != 0) {
            weir_buf_add_byte(&buf, *at);
            continue;
        }
        const struct weir_ed25519_secret secret = {{1, i}};
        weir_ed25519_public public;
        struct weir_note_key key;
        assert_ok(weir_ed25519_public_of(&secret, &public));
        weir_note_key_init(&key, WEIR_SPAN("example.org/x"),
                           i == 0 ? WEIR_NOTE_ED25519 : WEIR_NOTE_COSIGNATURE,
                           &public);
        weir_note_key_write(&key, &buf);
        i++;
        at += 5;
    }
    assert_ok(weir_tlog_policy_parse(weir_buf_span(&buf), &policy, NULL));
    assert_int_equal(policy.log_count, 1);
    assert_int_equal(policy.witness_count, 6);
    assert_int_equal(policy.group_count, 3);
    for (uint64_t bits = 0; bits < 64; bits++) {
        bool is_met = __builtin_popcountll(bits & 7) >= 2 && (bits & 56) != 0;
        assert_int_equal(weir_tlog_policy_is_met(&policy, bits), is_met);
    }
    weir_buf_fini(&buf);
    json_decref(root);
}
