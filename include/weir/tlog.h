/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/tlog.h - a transparency log: Merkle tree, tiles, proofs, checkpoints.
 *
 * RFC 6962 hashing over SHA-256; files and texts as C2SP describes them
 * (tlog-tiles, signed-note, tlog-checkpoint, tlog-proof), so that anybody's
 * tool verifies what weir writes. Pure: nodes come in through a callback,
 * texts go out through weir_buf. Files: weir/tlog_dir.h.
 *
 * Threads: no shared state. Memory: the caller's; parsed structs borrow the
 * text they came from.
 */
#ifndef WEIR_TLOG_H
#define WEIR_TLOG_H

#include <weir/base.h>
#include <weir/crypto.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -------------------------------------------------------------- tree */

void weir_tlog_leaf(weir_span data, weir_digest *hash_out);
void weir_tlog_node(const weir_digest *left, const weir_digest *right,
                    weir_digest *hash_out);

/* The right edge of a growing tree: one hash per complete subtree. A value
 * of zeros is the empty tree. */
struct weir_tlog_frontier {
    uint64_t size;
    weir_digest peak[64]; /* by height; in use where size has that bit */
};
void weir_tlog_append(struct weir_tlog_frontier *frontier,
                      const weir_digest *leaf);
void weir_tlog_root(const struct weir_tlog_frontier *frontier,
                    weir_digest *root_out);

/* ------------------------------------------------------------ proofs */

#define WEIR_TLOG_PROOF_MAX 64

/* The hash of the complete subtree of 2^height leaves that begins at leaf
 * index * 2^height. False: not to be had; the proof then fails. */
typedef bool weir_tlog_read(void *context, uint32_t height, uint64_t index,
                            weir_digest *hash_out);

/* Each writes at most WEIR_TLOG_PROOF_MAX hashes, leaf's side first.
 * WEIR_ENOTFOUND: outside the tree, no valid subtree, or `read` failed. */
WEIR_MUST_USE weir_status weir_tlog_prove_inclusion(
    uint64_t index, uint64_t size, weir_tlog_read *read, void *context,
    weir_digest *proof_out, size_t *count_out);
WEIR_MUST_USE weir_status weir_tlog_prove_consistency(
    uint64_t old_size, uint64_t size, weir_tlog_read *read, void *context,
    weir_digest *proof_out, size_t *count_out);
/* That leaves [start, end) are the subtree of that hash in the tree. */
WEIR_MUST_USE weir_status weir_tlog_prove_subtree(
    uint64_t start, uint64_t end, uint64_t size, weir_tlog_read *read,
    void *context, weir_digest *proof_out, size_t *count_out);

bool weir_tlog_verify_inclusion(const weir_digest *leaf, uint64_t index,
                                uint64_t size, const weir_digest *proof,
                                size_t count, const weir_digest *root);
/* From size 0 nothing is proved: false. */
bool weir_tlog_verify_consistency(uint64_t old_size,
                                  const weir_digest *old_root, uint64_t size,
                                  const weir_digest *root,
                                  const weir_digest *proof, size_t count);
/* A subtree [start, end): `start` is a multiple of the least power of two
 * not below its width. */
bool weir_tlog_verify_subtree(uint64_t start, uint64_t end,
                              const weir_digest *subtree_root, uint64_t size,
                              const weir_digest *root, const weir_digest *proof,
                              size_t count);
bool weir_tlog_verify_subtree_inclusion(const weir_digest *leaf, uint64_t index,
                                        uint64_t start, uint64_t end,
                                        const weir_digest *proof, size_t count,
                                        const weir_digest *subtree_root);

/* ------------------------------------------------------------- tiles */

#define WEIR_TLOG_TILE_WIDTH 256 /* hashes, or entries */
#define WEIR_TLOG_TILE_BYTES (WEIR_TLOG_TILE_WIDTH * WEIR_DIGEST_BYTES)
#define WEIR_TLOG_ENTRY_MAX  65535
#define WEIR_TLOG_ENTRIES    UINT32_MAX /* in place of a level */
#define WEIR_TLOG_PATH_BYTES 64

/* "tile/<L>/<N>[.p/<W>]" with a NUL; width 1 to 256. Returns its length. */
size_t weir_tlog_tile_path(uint32_t level, uint64_t index, uint32_t width,
                           char path_out[WEIR_TLOG_PATH_BYTES]);
/* False: not such a path, or not its only form. */
bool weir_tlog_tile_parse(weir_span path, uint32_t *level_out,
                          uint64_t *index_out, uint32_t *width_out);
/* Entries of the last tile of `level` that is not full; 0: none. */
uint32_t weir_tlog_tile_partial(uint32_t level, uint64_t size);
/* The hash of entries [index * 2^height, (index + 1) * 2^height) of one
 * tile; height at most 8. False: the tile is too narrow. */
bool weir_tlog_tile_node(weir_span tile, uint32_t height, uint32_t index,
                         weir_digest *hash_out);

/* ------------------------------------------------------ signed notes */

#define WEIR_NOTE_SIGNATURES_MAX 64
#define WEIR_NOTE_BYTES_MAX      (64 * 1024)
#define WEIR_NOTE_NAME_MAX       255

enum weir_note_type {
    WEIR_NOTE_ED25519 = 1,
    WEIR_NOTE_COSIGNATURE = 4, /* timestamped, by a witness */
    /* A checkpoint's size and root, by a witness or, without a time, by the
     * log itself beside its own signature. */
    WEIR_NOTE_MLDSA44 = 6,
};

/* What signs: 32 bytes, an Ed25519 key or the seed of ML-DSA-44. */
struct weir_note_secret {
    enum weir_note_type type;
    union {
        struct weir_ed25519_secret ed25519;
        struct weir_mldsa44_secret mldsa44;
    };
};

/* The longest signature line that weir writes, with its newline. */
#define WEIR_NOTE_LINE_MAX                                                     \
    (4 + WEIR_NOTE_NAME_MAX + 1 +                                              \
     WEIR_BASE64_LEN(4 + 8 + WEIR_MLDSA44_SIGNATURE_BYTES) + 1)

/* The longest verifier key as text, without a NUL. */
#define WEIR_NOTE_KEY_TEXT_MAX                                                 \
    (WEIR_NOTE_NAME_MAX + 10 + WEIR_BASE64_LEN(1 + WEIR_MLDSA44_BYTES))

struct weir_note {
    weir_span text;       /* signed; with its last newline */
    weir_span signatures; /* the lines; checked to be well-formed */
    uint32_t count;
};

/* A verifier's key; `name` borrowed. */
struct weir_note_key {
    weir_span name;
    uint32_t id;
    enum weir_note_type type;
    weir_ed25519_public key;     /* of the types that sign with Ed25519 */
    weir_mldsa44_public mldsa44; /* of WEIR_NOTE_MLDSA44 */
};

/* WEIR_EPARSE: not a signed note. WEIR_ELIMIT: too long or too many. */
WEIR_MUST_USE weir_status weir_note_parse(weir_span bytes,
                                          struct weir_note *note_out,
                                          struct weir_error *err);
/*
 * Signatures of unknown keys are ignored; one of a known key that fails
 * refuses the note. Bit i of *verified_out: keys[i] signed (i < 64).
 * WEIR_EUNAUTH: no known key signed, or one that did not.
 */
WEIR_MUST_USE weir_status weir_note_verify(const struct weir_note *note,
                                           const struct weir_note_key *keys,
                                           size_t key_count,
                                           uint64_t *verified_out,
                                           struct weir_error *err);
/* Appends one signature line for `text` (without the blank line before the
 * first). WEIR_EPARSE: the name. */
WEIR_MUST_USE weir_status weir_note_sign(
    weir_span text, weir_span name, const struct weir_ed25519_secret *secret,
    struct weir_buf *out, struct weir_error *err);
/* The same as a cosignature at `when` (whole seconds count). A secret of
 * WEIR_NOTE_ED25519 cosigns as WEIR_NOTE_COSIGNATURE. ML-DSA-44 signs only
 * checkpoints, and by the log itself `when` is 0. */
WEIR_MUST_USE weir_status weir_note_cosign(
    weir_span text, weir_span name, const struct weir_note_secret *secret,
    weir_time when, struct weir_buf *out, struct weir_error *err);

/* "name+hexid+base64(type || key)". WEIR_EPARSE; one of ML-DSA-44 too where
 * the crypto library has no such algorithm. */
WEIR_MUST_USE weir_status weir_note_key_parse(weir_span text,
                                              struct weir_note_key *key_out,
                                              struct weir_error *err);
void weir_note_key_init(struct weir_note_key *key, weir_span name,
                        enum weir_note_type type,
                        const weir_ed25519_public *public);
void weir_note_key_init_mldsa44(struct weir_note_key *key, weir_span name,
                                const weir_mldsa44_public *public);
/* The key of `secret`. WEIR_EPARSE: the name; WEIR_EINTERNAL: the secret is
 * of no use here. */
WEIR_MUST_USE weir_status
weir_note_key_of(weir_span name, const struct weir_note_secret *secret,
                 struct weir_note_key *key_out, struct weir_error *err);
/*
 * The second key of a log, drawn from the seed of its first: who breaks
 * Ed25519 learns what a seed is hashed to, not the seed, so the second key
 * stays as safe as if it were a secret of its own. WEIR_ENOTFOUND: the
 * crypto library has no ML-DSA-44. Wipe *second_out when done.
 */
WEIR_MUST_USE weir_status
weir_note_second_of(const struct weir_ed25519_secret *first,
                    struct weir_note_secret *second_out);
/* A key that a log signs its checkpoints with under its own name. */
bool weir_note_key_is_of_log(const struct weir_note_key *key);
bool weir_note_key_equal(const struct weir_note_key *a,
                         const struct weir_note_key *b);
void weir_note_key_write(const struct weir_note_key *key, struct weir_buf *out);

/* --------------------------------------------------- checkpoint, proof */

struct weir_checkpoint {
    weir_span origin;
    uint64_t size;
    weir_digest root;
    weir_span extensions; /* whole lines, usually none */
};

/* Of the text of a note. WEIR_EPARSE. */
WEIR_MUST_USE weir_status
weir_checkpoint_parse(weir_span text, struct weir_checkpoint *checkpoint_out,
                      struct weir_error *err);
void weir_checkpoint_write(const struct weir_checkpoint *checkpoint,
                           struct weir_buf *out);

/* A receipt: "c2sp.org/tlog-proof@v1". */
struct weir_tlog_proof {
    weir_span extra; /* base64, not authenticated; ptr NULL: none */
    uint64_t index;
    weir_digest hashes[WEIR_TLOG_PROOF_MAX];
    size_t count;
    weir_span checkpoint; /* the signed note */
};

WEIR_MUST_USE weir_status weir_tlog_proof_parse(
    weir_span text, struct weir_tlog_proof *proof_out, struct weir_error *err);
void weir_tlog_proof_write(const struct weir_tlog_proof *proof,
                           struct weir_buf *out);
/*
 * The whole offline check: `leaf` stands at proof->index of a tree whose
 * checkpoint, of origin `origin`, is signed by a key of `keys` of type
 * Ed25519 and the origin's name. WEIR_EUNAUTH: signatures; WEIR_ECORRUPT:
 * the path does not lead to the root; WEIR_EPARSE.
 */
WEIR_MUST_USE weir_status weir_tlog_proof_verify(
    const struct weir_tlog_proof *proof, weir_span origin,
    const weir_digest *leaf, const struct weir_note_key *keys, size_t key_count,
    uint64_t *verified_out, struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
