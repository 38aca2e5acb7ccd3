/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two texts above signed notes: a checkpoint, which is what a log signs,
 * and a receipt (tlog-proof), which is a checkpoint with the path to one
 * leaf. Both have one form only: what is read writes back the same.
 */
#include "tlog.h"

#include <string.h>

#define PROOF_HEAD "c2sp.org/tlog-proof@v1"

weir_status
weir_checkpoint_parse(weir_span text, struct weir_checkpoint *checkpoint_out,
                      struct weir_error *err)
{
    struct weir_checkpoint checkpoint;
    weir_span rest = text;
    weir_span line;

    if (!weir__note_line(&rest, &checkpoint.origin) ||
        checkpoint.origin.len == 0)
        return weir_fail(err, WEIR_EPARSE, 0, "a checkpoint without origin");
    if (!weir__note_line(&rest, &line) ||
        !weir__note_number(line, &checkpoint.size))
        return weir_fail(err, WEIR_EPARSE, checkpoint.origin.len + 1,
                         "a checkpoint without tree size");
    size_t at = text.len - rest.len;
    if (!weir__note_line(&rest, &line) ||
        !weir__note_digest(line, &checkpoint.root))
        return weir_fail(err, WEIR_EPARSE, at, "a checkpoint without root");
    checkpoint.extensions = rest;
    while (rest.len > 0) {
        at = text.len - rest.len;
        if (!weir__note_line(&rest, &line) || line.len == 0)
            return weir_fail(err, WEIR_EPARSE, at,
                             "an empty line in a checkpoint");
    }
    *checkpoint_out = checkpoint;
    return WEIR_OK;
}

void
weir__digest_line(const weir_digest *digest, struct weir_buf *out)
{
    char text[WEIR_BASE64_LEN(WEIR_DIGEST_BYTES)];
    weir_base64_encode(
        (weir_span){(const char *)digest->bytes, sizeof(digest->bytes)}, text);
    weir_buf_add(out, text, sizeof(text));
    weir_buf_add_byte(out, '\n');
}

void
weir_checkpoint_write(const struct weir_checkpoint *checkpoint,
                      struct weir_buf *out)
{
    weir_buf_add_span(out, checkpoint->origin);
    weir_buf_addf(out, "\n%llu\n", (unsigned long long)checkpoint->size);
    weir__digest_line(&checkpoint->root, out);
    weir_buf_add_span(out, checkpoint->extensions);
}

/* Base64 by its letters and length; what it holds is the application's. */
static bool
is_base64(weir_span text)
{
    char quartet[3];
    size_t len;
    weir_span four;
    if (text.len == 0 || text.len % 4 != 0)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        four = (weir_span){text.ptr + i, 4};
        if (!weir_base64_decode(four, quartet, sizeof(quartet), &len) ||
            (len < 3 && i + 4 < text.len))
            return false;
    }
    return true;
}

weir_status
weir_tlog_proof_parse(weir_span text, struct weir_tlog_proof *proof_out,
                      struct weir_error *err)
{
    struct weir_tlog_proof proof = {.count = 0};
    weir_span rest = text;
    weir_span line;

    if (text.len > WEIR_NOTE_BYTES_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_NOTE_BYTES_MAX,
                         "a receipt of over %d bytes", WEIR_NOTE_BYTES_MAX);
    if (!weir__note_line(&rest, &line) ||
        !weir_span_equal(line, WEIR_SPAN(PROOF_HEAD)))
        return weir_fail(err, WEIR_EPARSE, 0, "not a tlog-proof");
    if (!weir__note_line(&rest, &line))
        return weir_fail(err, WEIR_EPARSE, text.len, "a cut tlog-proof");
    size_t at = (size_t)(line.ptr - text.ptr);
    if (weir_span_starts(line, WEIR_SPAN("extra "))) {
        proof.extra = (weir_span){line.ptr + 6, line.len - 6};
        if (!is_base64(proof.extra))
            return weir_fail(err, WEIR_EPARSE, at, "extra is not base64");
        if (!weir__note_line(&rest, &line))
            return weir_fail(err, WEIR_EPARSE, text.len, "a cut tlog-proof");
        at = (size_t)(line.ptr - text.ptr);
    }
    if (!weir_span_starts(line, WEIR_SPAN("index ")) ||
        !weir__note_number((weir_span){line.ptr + 6, line.len - 6},
                           &proof.index))
        return weir_fail(err, WEIR_EPARSE, at, "a tlog-proof without index");
    for (;;) {
        if (!weir__note_line(&rest, &line))
            return weir_fail(err, WEIR_EPARSE, text.len, "a cut tlog-proof");
        if (line.len == 0)
            break;
        at = (size_t)(line.ptr - text.ptr);
        if (proof.count == WEIR_TLOG_PROOF_MAX)
            return weir_fail(err, WEIR_ELIMIT, at, "a path of over %d hashes",
                             WEIR_TLOG_PROOF_MAX);
        if (!weir__note_digest(line, &proof.hashes[proof.count++]))
            return weir_fail(err, WEIR_EPARSE, at, "not a hash of a path");
    }
    proof.checkpoint = rest;
    *proof_out = proof;
    return WEIR_OK;
}

void
weir_tlog_proof_write(const struct weir_tlog_proof *proof, struct weir_buf *out)
{
    weir_buf_add_span(out, WEIR_SPAN(PROOF_HEAD "\n"));
    if (proof->extra.ptr != NULL) {
        weir_buf_add_span(out, WEIR_SPAN("extra "));
        weir_buf_add_span(out, proof->extra);
        weir_buf_add_byte(out, '\n');
    }
    weir_buf_addf(out, "index %llu\n", (unsigned long long)proof->index);
    for (size_t i = 0; i < proof->count; i++)
        weir__digest_line(&proof->hashes[i], out);
    weir_buf_add_byte(out, '\n');
    weir_buf_add_span(out, proof->checkpoint);
}

weir_status
weir_tlog_proof_verify(const struct weir_tlog_proof *proof, weir_span origin,
                       const weir_digest *leaf,
                       const struct weir_note_key *keys, size_t key_count,
                       uint64_t *verified_out, struct weir_error *err)
{
    struct weir_note note = {0};
    struct weir_checkpoint checkpoint = {0};
    uint64_t verified = 0;
    bool is_logs = false;

    weir_status status = weir_note_parse(proof->checkpoint, &note, err);
    if (status == WEIR_OK)
        status = weir_note_verify(&note, keys, key_count, &verified, err);
    if (status == WEIR_OK)
        status = weir_checkpoint_parse(note.text, &checkpoint, err);
    if (status != WEIR_OK)
        return status;
    /* a witness vouches for what a log signed, not in its place */
    for (size_t i = 0; i < key_count && i < 64; i++)
        if ((verified >> i & 1) != 0 && weir_note_key_is_of_log(&keys[i]) &&
            weir_span_equal(keys[i].name, origin))
            is_logs = true;
    if (!is_logs || !weir_span_equal(checkpoint.origin, origin))
        return weir_fail(err, WEIR_EUNAUTH, WEIR_OFFSET_NONE,
                         "the checkpoint is not signed by the log itself");
    if (!weir_tlog_verify_inclusion(leaf, proof->index, checkpoint.size,
                                    proof->hashes, proof->count,
                                    &checkpoint.root))
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "the path does not lead from the leaf to the root");
    *verified_out = verified;
    return WEIR_OK;
}
