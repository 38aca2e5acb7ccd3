/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of the tokenizer; nobody else includes it. */
#ifndef WEIR_METER_TOKENS_H
#define WEIR_METER_TOKENS_H

#include <weir/tokens.h>

enum class {
    OTHER,
    UPPER,  /* Lu, Lt */
    LOWER,  /* Ll */
    LETTER, /* Lm, Lo */
    MARK,   /* M */
    NUMBER, /* N */
    SPACE,  /* White_Space */
};

#define CODE_POINTS 0x110000u
#define BLOCK       128u
#define BLOCKS      (CODE_POINTS / BLOCK)
#define RANK_NONE   UINT32_MAX
#define HASH_SEED   0
#define COUNT_MAX   0xFFFFFEu /* ranks fill 24 bits of a slot */

/* The first eight bytes as a little-endian number. */
uint64_t weir__vocabulary_head(const char *bytes, size_t len);

/* The rank of exactly these bytes, or RANK_NONE. */
uint32_t weir__vocabulary_find(const struct weir_vocabulary *vocabulary,
                               const char *bytes, size_t len);

/* Merges a short piece (2 .. WEIR_TOKENS_PIECE_SHORT bytes) lowest rank
 * first; only ranks below `limit`. Ids go to `ids`; returns their number. */
size_t weir__tokens_merge_short(const struct weir_vocabulary *vocabulary,
                                weir_span piece, uint32_t limit, uint32_t *ids);

#endif
