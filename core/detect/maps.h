/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core/detect/maps.h - bytes to bitmaps, 64 at a time.
 *
 * Threads: any. Memory: none.
 */
#ifndef WEIR_DETECT_MAPS_H
#define WEIR_DETECT_MAPS_H

#include "internal.h"

enum {
    WEIR__SEPARATORS =
        WEIR__BLANK | WEIR__DASH | WEIR__DOT | WEIR__SLASH | WEIR__PLUS,
    WEIR__PARTS = WEIR__SEPARATORS | WEIR__BRACKET,
    WEIR__ALPHA = 64,
    WEIR__WORD = 128 /* of \b: a letter, a digit or '_' */
};

/* Bits of these by byte. */
extern const uint8_t weir__classes[256];

/* A bit for each byte. Without digits, only the first three need be right. */
struct weir_bitmaps {
    uint64_t digits, colons, ats; /* '@' */
    uint64_t parts;               /* of WEIR__PARTS */
    uint64_t letters, words;
    uint64_t gaps; /* blanks and dashes */
    uint64_t dots;
    /* Of each run of `digits | parts` in this block, its digits from the sixth
     * on, and its dots from the third on. */
    uint64_t six_digits, three_dots;
};

/* `all`: the others are wanted without digits, too. */
typedef struct weir_bitmaps weir_map_block(const unsigned char p[64], bool all);

/* Kernels by number, the plain one first; NULL: none, or not on this
 * processor. The last that is not NULL is the fastest. */
#define WEIR__KERNELS 3
weir_map_block *weir__map_block(int kernel);

#endif
