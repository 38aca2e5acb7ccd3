/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to bitmaps: which of 64 are digits, letters, or part numbers.
 *
 * With AVX2 a byte's class is read from two tables of 16, by its halves; its
 * bits then become maps. Texts without digits need the first two maps only.
 */
#include <string.h>

#include "maps.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

const uint8_t weir__classes[256] = {
    [' '] = WEIR__BLANK,
    ['-'] = WEIR__DASH,
    ['.'] = WEIR__DOT,
    ['/'] = WEIR__SLASH,
    ['+'] = WEIR__PLUS,
    ['('] = WEIR__BRACKET,
    [')'] = WEIR__BRACKET,
    ['0' ... '9'] = WEIR__WORD,
    ['A' ... 'Z'] = WEIR__WORD | WEIR__ALPHA,
    ['a' ... 'z'] = WEIR__WORD | WEIR__ALPHA,
    ['_'] = WEIR__WORD,
};

static struct weir_bitmaps
map_plain(const unsigned char *p)
{
    struct weir_bitmaps maps = {0};
    for (unsigned i = 0; i < 64; i++) {
        uint8_t class = weir__classes[p[i]];
        uint64_t bit = UINT64_C(1) << i;
        if (p[i] >= '0' && p[i] <= '9')
            maps.digits |= bit;
        if (p[i] == ':')
            maps.colons |= bit;
        if ((class & WEIR__PARTS) != 0)
            maps.parts |= bit;
        if ((class & (WEIR__BLANK | WEIR__DASH)) != 0)
            maps.gaps |= bit;
        if (class == WEIR__DOT)
            maps.dots |= bit;
        if ((class & WEIR__ALPHA) != 0)
            maps.letters |= bit;
        if ((class & WEIR__WORD) != 0)
            maps.words |= bit;
    }
    return maps;
}

#if defined(__x86_64__)
/* Bits of a class: digit, ':', ' ', '-', '.', others of PARTS, letters up to
 * "o", letters from "p" on. */
static const uint8_t low_half[16] = {0x85, 0xc1, 0xc1, 0xc1, 0xc1, 0xc1,
                                     0xc1, 0xc1, 0xe1, 0xe1, 0xc2, 0x60,
                                     0x40, 0x48, 0x50, 0x60};
static const uint8_t high_half[16] = {0, 0, 0x3c, 0x03, 0x40, 0x80, 0x40, 0x80};

#define HALVES(maps, member, vectors)                                          \
    (maps).member = (uint64_t)(uint32_t)_mm256_movemask_epi8((vectors)[0]) |   \
                    (uint64_t)(uint32_t)_mm256_movemask_epi8((vectors)[1])     \
                        << 32

__attribute__((target("avx2"))) static inline void
any_of(const __m256i classes[2], char bits, __m256i out[2])
{
    const __m256i mask = _mm256_set1_epi8(bits), none = _mm256_setzero_si256();
    const __m256i all = _mm256_set1_epi8(-1);
    for (int i = 0; i < 2; i++)
        out[i] = _mm256_xor_si256(
            _mm256_cmpeq_epi8(_mm256_and_si256(classes[i], mask), none), all);
}

__attribute__((target("avx2"))) static struct weir_bitmaps
map_avx2(const unsigned char *p)
{
    const __m256i low =
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)low_half));
    const __m256i high = _mm256_broadcastsi128_si256(
        _mm_loadu_si128((const __m128i *)high_half));
    const __m256i half = _mm256_set1_epi8(15);
    struct weir_bitmaps maps = {0};
    __m256i bytes[2], classes[2], found[2];
    for (int i = 0; i < 2; i++) {
        bytes[i] = _mm256_loadu_si256((const __m256i *)(p + 32 * i));
        classes[i] = _mm256_and_si256(
            _mm256_shuffle_epi8(low, _mm256_and_si256(bytes[i], half)),
            _mm256_shuffle_epi8(
                high, _mm256_and_si256(_mm256_srli_epi16(bytes[i], 4), half)));
        found[i] = _mm256_slli_epi16(classes[i], 7);
    }
    HALVES(maps, digits, found);
    for (int i = 0; i < 2; i++)
        found[i] = _mm256_slli_epi16(classes[i], 6);
    HALVES(maps, colons, found);
    if (maps.digits == 0)
        return maps;
    any_of(classes, 0x3c, found);
    HALVES(maps, parts, found);
    any_of(classes, 0x0c, found);
    HALVES(maps, gaps, found);
    any_of(classes, (char)0xc0, found);
    HALVES(maps, letters, found);
    for (int i = 0; i < 2; i++)
        found[i] = _mm256_slli_epi16(classes[i], 3);
    HALVES(maps, dots, found);
    for (int i = 0; i < 2; i++)
        found[i] = _mm256_cmpeq_epi8(bytes[i], _mm256_set1_epi8('_'));
    HALVES(maps, words, found);
    maps.words |= maps.letters | maps.digits;
    return maps;
}
#endif

weir_map_block *
weir__map_block(bool is_plain)
{
#if defined(__x86_64__)
    if (!is_plain && __builtin_cpu_supports("avx2"))
        return map_avx2;
#endif
    return map_plain;
}
