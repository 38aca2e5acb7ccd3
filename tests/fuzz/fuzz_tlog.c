/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Notes, keys, checkpoints, receipts and tile paths from anywhere: what is
 * taken writes back byte for byte, and nothing forged is ever verified. The
 * first byte chooses the parser.
 */
#include <weir/tlog.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must_equal(struct weir_buf *buf, weir_span text)
{
    if (!weir_span_equal(weir_buf_span(buf), text))
        abort();
    weir_buf_fini(buf);
}

static void
fuzz_note(weir_span text)
{
    struct weir_note note;
    struct weir_note_key key;
    struct weir_checkpoint checkpoint;
    uint64_t verified;
    weir_ed25519_public public = {{9}};
    if (weir_note_parse(text, &note, NULL) != WEIR_OK)
        return;
    if (note.text.len + 1 + note.signatures.len != text.len || note.count == 0)
        abort();
    weir_note_key_init(&key, WEIR_SPAN("name"), WEIR_NOTE_ED25519, &public);
    if (weir_note_verify(&note, &key, 1, &verified, NULL) == WEIR_OK)
        abort();
    (void)weir_checkpoint_parse(note.text, &checkpoint, NULL);
}

static void
fuzz_checkpoint(weir_span text)
{
    struct weir_checkpoint checkpoint;
    struct weir_buf buf;
    if (weir_checkpoint_parse(text, &checkpoint, NULL) != WEIR_OK)
        return;
    weir_buf_init(&buf, 1 << 20);
    weir_checkpoint_write(&checkpoint, &buf);
    must_equal(&buf, text);
}

static void
fuzz_receipt(weir_span text)
{
    struct weir_tlog_proof proof;
    struct weir_buf buf;
    weir_digest leaf = {{3}};
    uint64_t verified;
    if (weir_tlog_proof_parse(text, &proof, NULL) != WEIR_OK)
        return;
    weir_buf_init(&buf, 1 << 20);
    weir_tlog_proof_write(&proof, &buf);
    must_equal(&buf, text);
    if (weir_tlog_proof_verify(&proof, WEIR_SPAN("origin"), &leaf, NULL, 0,
                               &verified, NULL) == WEIR_OK)
        abort();
    if (weir_tlog_verify_inclusion(&leaf, proof.index, proof.index + 1,
                                   proof.hashes, proof.count, &leaf) &&
        proof.count != 0)
        abort();
}

static void
fuzz_path(weir_span text)
{
    char path[WEIR_TLOG_PATH_BYTES];
    uint32_t level;
    uint64_t index;
    uint32_t width;
    if (!weir_tlog_tile_parse(text, &level, &index, &width))
        return;
    size_t len = weir_tlog_tile_path(level, index, width, path);
    if (!weir_span_equal(text, (weir_span){path, len}))
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_note_key key;
    if (size < 1)
        return 0;
    weir_span text = {(const char *)data + 1, size - 1};
    switch (data[0] % 5) {
    case 0:
        fuzz_note(text);
        break;
    case 1:
        fuzz_checkpoint(text);
        break;
    case 2:
        fuzz_receipt(text);
        break;
    case 3:
        fuzz_path(text);
        break;
    default:
        (void)weir_note_key_parse(text, &key, NULL);
        break;
    }
    return 0;
}
