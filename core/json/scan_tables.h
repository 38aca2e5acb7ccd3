/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of the kernels that look bytes up by their halves: a byte is in a
 * class when what its lower half gives and what its upper half gives share a
 * bit.
 */
#ifndef WEIR_JSON_SCAN_TABLES_H
#define WEIR_JSON_SCAN_TABLES_H

#include <stdint.h>

/*                                        2_ , :   3_     5_ 7_ [ ] { } */
static const uint8_t structural_lower[16] = {
    [0xA] = 2, [0xB] = 4, [0xC] = 1, [0xD] = 4};
static const uint8_t structural_upper[16] = {
    [2] = 1, [3] = 2, [5] = 4, [7] = 4};
/* 0_ \t \n \r, 2_ space */
static const uint8_t white_lower[16] = {
    [0x0] = 2, [0x9] = 1, [0xA] = 1, [0xD] = 1};
static const uint8_t white_upper[16] = {[0] = 1, [2] = 2};
/* 2_ " /   5_ \   6_ b f n   7_ r t u */
static const uint8_t allowed_lower[16] = {
    [0x2] = 1 | 4 | 8, [0x4] = 8, [0x5] = 8, [0x6] = 4,
    [0xC] = 2,         [0xE] = 4, [0xF] = 1};
static const uint8_t allowed_upper[16] = {[2] = 1, [5] = 2, [6] = 4, [7] = 8};
/* The same without u. */
static const uint8_t fine_lower[16] = {
    [0x2] = 1 | 4 | 8, [0x4] = 8, [0x6] = 4, [0xC] = 2, [0xE] = 4, [0xF] = 1};
static const uint8_t fine_upper[16] = {[2] = 1, [5] = 2, [6] = 4, [7] = 8};
/* 3_ 0..9   4_ 6_ a..f */
static const uint8_t hex_lower[16] = {1, 3, 3, 3, 3, 3, 3, 1, 1, 1};
static const uint8_t hex_upper[16] = {[3] = 1, [4] = 2, [6] = 2};

/* What two neighbouring bytes can prove wrong. */
enum {
    TOO_SHORT = 1 << 0,  /* lead, then no continuation */
    TOO_LONG = 1 << 1,   /* ASCII, then a continuation */
    OVERLONG_3 = 1 << 2, /* E0 80..9F */
    TOO_LARGE = 1 << 3,  /* F4 90.., F5.. */
    SURROGATE = 1 << 4,  /* ED A0..BF */
    OVERLONG_2 = 1 << 5, /* C0, C1 */
    BEYOND_4 = 1 << 6,   /* F0 80..8F, F5.. 80..8F */
    TWO_CONTS = 1 << 7,  /* fine only behind a longer lead */
    ANY = TOO_SHORT | TOO_LONG | TWO_CONTS
};

static const uint8_t before_upper[16] = {TOO_LONG,
                                         TOO_LONG,
                                         TOO_LONG,
                                         TOO_LONG,
                                         TOO_LONG,
                                         TOO_LONG,
                                         TOO_LONG,
                                         TOO_LONG,
                                         TWO_CONTS,
                                         TWO_CONTS,
                                         TWO_CONTS,
                                         TWO_CONTS,
                                         TOO_SHORT | OVERLONG_2,
                                         TOO_SHORT,
                                         TOO_SHORT | OVERLONG_3 | SURROGATE,
                                         TOO_SHORT | TOO_LARGE | BEYOND_4};
static const uint8_t before_lower[16] = {ANY | OVERLONG_3 | OVERLONG_2 |
                                             BEYOND_4,
                                         ANY | OVERLONG_2,
                                         ANY,
                                         ANY,
                                         ANY | TOO_LARGE,
                                         ANY | TOO_LARGE | BEYOND_4,
                                         ANY | TOO_LARGE | BEYOND_4,
                                         ANY | TOO_LARGE | BEYOND_4,
                                         ANY | TOO_LARGE | BEYOND_4,
                                         ANY | TOO_LARGE | BEYOND_4,
                                         ANY | TOO_LARGE | BEYOND_4,
                                         ANY | TOO_LARGE | BEYOND_4,
                                         ANY | TOO_LARGE | BEYOND_4,
                                         ANY | TOO_LARGE | BEYOND_4 | SURROGATE,
                                         ANY | TOO_LARGE | BEYOND_4,
                                         ANY | TOO_LARGE | BEYOND_4};
static const uint8_t itself_upper[16] = {
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | BEYOND_4,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | OVERLONG_3 | TOO_LARGE,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
    TOO_LONG | OVERLONG_2 | TWO_CONTS | SURROGATE | TOO_LARGE,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT,
    TOO_SHORT};

#endif
