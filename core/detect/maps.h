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

/* A bit for each byte. All but the first two are 0 where there is no digit. */
struct weir_bitmaps {
    uint64_t digits, colons;
    uint64_t parts; /* of WEIR__PARTS */
    uint64_t letters, words;
    uint64_t gaps; /* blanks and dashes */
    uint64_t dots;
};

typedef struct weir_bitmaps weir_map_block(const unsigned char p[64]);

/* The fastest one here; `is_plain`: the one without vectors. */
weir_map_block *weir__map_block(bool is_plain);

#endif
