/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/tokens.h - byte pair encoding, identical to tiktoken's.
 *
 * A vocabulary is compiled once from a rank file ("base64 rank" per line)
 * into one position-independent block, which is mapped and opened without
 * copying. Text is split by the encoding's pattern and each piece is merged;
 * special tokens are ordinary text here, as in `encode_ordinary`.
 *
 * Threads: an opened vocabulary is immutable; any number of readers.
 * Memory: compiling uses the heap; counting uses the caller's scratch arena
 * for pieces longer than WEIR_TOKENS_PIECE_SHORT and nothing else.
 * Time: linear in the text, whatever it holds.
 */
#ifndef WEIR_TOKENS_H
#define WEIR_TOKENS_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Pieces up to this many bytes are merged on the stack. */
#define WEIR_TOKENS_PIECE_SHORT 128

/* Scratch that text of `n` bytes may need: its longest piece is all of it. */
#define WEIR_TOKENS_SCRATCH(n) ((size_t)(n)*5 + 256)

enum weir_encoding {
    WEIR_ENCODING_CL100K = 1,
    WEIR_ENCODING_O200K = 2,
};
/* "cl100k_base", "o200k_base"; false: another. */
bool weir_encoding_parse(weir_span name, enum weir_encoding *encoding_out);
const char *weir_encoding_name(enum weir_encoding encoding);

/* One entry of the hash table: short tokens are told apart without a look
 * at their bytes. */
struct weir_token_slot {
    uint32_t tag;  /* upper half of the hash */
    uint32_t rank; /* rank + 1 in 24 bits, length above; 0: empty */
    uint64_t head; /* the first eight bytes, zeros behind the end */
};

/* A view on a block; fields are private. */
struct weir_vocabulary {
    const char *base;
    size_t size;
    const uint32_t *offsets; /* [count + 1] into bytes */
    const char *bytes;
    const struct weir_token_slot *slots; /* [mask + 1] */
    const uint32_t *splits;              /* [2 * count] */
    const uint8_t *longest;              /* [65536] by first two bytes */
    const uint16_t *blocks;              /* [8704] by code point / 128 */
    const uint8_t *classes;              /* [128] per block */
    uint32_t count;
    uint32_t mask;
    uint32_t length_max;
    uint32_t encoding;
};

/*
 * Appends the block to `out` (at a multiple of 8 bytes). EPARSE with the
 * offset of the line at fault: not base64, a rank out of order, a missing
 * single byte. ENOMEM, ETOOBIG.
 */
WEIR_MUST_USE weir_status weir_vocabulary_compile(enum weir_encoding encoding,
                                                  weir_span ranks,
                                                  struct weir_buf *out,
                                                  struct weir_error *err);

/* Checks every offset once. ECORRUPT, EVERSION. */
WEIR_MUST_USE weir_status
weir_vocabulary_open(weir_span bytes, struct weir_vocabulary *vocabulary_out,
                     struct weir_error *err);

/* The bytes of one token; empty beyond the vocabulary. */
weir_span weir_vocabulary_token(const struct weir_vocabulary *vocabulary,
                                uint32_t id);

/* The next piece at `*at`, which advances; false at the end. Bytes that are
 * not UTF-8 are pieces of no class, like punctuation. */
bool weir_tokens_piece(const struct weir_vocabulary *vocabulary, weir_span text,
                       size_t *at, weir_span *piece_out);

/* ELIMIT: the scratch is too small for a long piece. */
WEIR_MUST_USE weir_status weir_tokens_count(
    const struct weir_vocabulary *vocabulary, weir_span text,
    struct weir_arena *scratch, uint64_t *count_out, struct weir_error *err);

/* Ids to `ids` (`max` of them; ELIMIT when they do not fit). */
WEIR_MUST_USE weir_status
weir_tokens_encode(const struct weir_vocabulary *vocabulary, weir_span text,
                   struct weir_arena *scratch, uint32_t *ids, size_t max,
                   size_t *count_out, struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
