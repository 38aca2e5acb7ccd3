/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes to bitmaps: which of 64 are digits, letters, or part numbers.
 *
 * With vectors a byte's class is read from two tables of 16, by its halves;
 * its bits then become maps. Texts without digits need the first three only.
 *
 * LONG CLUSTERS. A cluster is a run of `digits | parts`. Those with six digits
 * or more are found without a loop over clusters. With BMI2 the digits and
 * what is in no cluster are moved together: a cluster is a run of ones then,
 * its parts gone. Without, the lowest digit of every cluster is taken away
 * five times: an addition to the parts in front of it carries to it.
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

/* Lowest of `set` in each run of `all`, which holds it, gone. */
static uint64_t
but_first(uint64_t set, uint64_t all)
{
    uint64_t others = all & ~set, starts = all & ~(all << 1);
    uint64_t reached = ((starts & others) + others) & ~others;
    return set & ~(reached | starts);
}

static void
find_long(struct weir_bitmaps *maps)
{
    uint64_t all = maps->digits | maps->parts;
    uint64_t six = maps->digits, three = maps->dots;
    for (int i = 0; i < 5 && six != 0; i++)
        six = but_first(six, all);
    for (int i = 0; i < 2 && three != 0; i++)
        three = but_first(three, all);
    maps->six_digits = six;
    maps->three_dots = three;
}

static struct weir_bitmaps
map_plain(const unsigned char *p, bool all)
{
    struct weir_bitmaps maps = {0};
    (void)all;
    for (unsigned i = 0; i < 64; i++) {
        uint8_t class = weir__classes[p[i]];
        uint64_t bit = UINT64_C(1) << i;
        if (p[i] >= '0' && p[i] <= '9')
            maps.digits |= bit;
        if (p[i] == ':')
            maps.colons |= bit;
        if (p[i] == '@')
            maps.ats |= bit;
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
    find_long(&maps);
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
map_avx2(const unsigned char *p, bool all)
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
    for (int i = 0; i < 2; i++)
        found[i] = _mm256_cmpeq_epi8(bytes[i], _mm256_set1_epi8('@'));
    HALVES(maps, ats, found);
    if (maps.digits == 0 && !all)
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
    find_long(&maps);
    return maps;
}

#define TARGET_512 __attribute__((target("avx512f,avx512bw,bmi2")))

TARGET_512 static struct weir_bitmaps
map_avx512(const unsigned char *p, bool all)
{
    const __m512i low =
        _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)low_half));
    const __m512i high =
        _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)high_half));
    const __m512i half = _mm512_set1_epi8(15);
    const __m512i bytes = _mm512_loadu_si512(p);
    const __m512i classes = _mm512_and_si512(
        _mm512_shuffle_epi8(low, _mm512_and_si512(bytes, half)),
        _mm512_shuffle_epi8(
            high, _mm512_and_si512(_mm512_srli_epi16(bytes, 4), half)));
#define ANY_OF(bits) _mm512_test_epi8_mask(classes, _mm512_set1_epi8(bits))
    struct weir_bitmaps maps = {
        .digits = ANY_OF(0x01),
        .colons = ANY_OF(0x02),
        .ats = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('@'))};
    if (maps.digits == 0 && !all)
        return maps;
    maps.parts = ANY_OF(0x3c);
    maps.gaps = ANY_OF(0x0c);
    maps.dots = ANY_OF(0x10);
    maps.letters = ANY_OF((char)0xc0);
    maps.words = maps.letters | maps.digits |
                 _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('_'));
#undef ANY_OF
    uint64_t edges = ~(maps.digits | maps.parts);
    uint64_t runs = _pext_u64(maps.digits, maps.digits | edges);
    uint64_t two = runs & runs << 1;
    maps.six_digits = _pdep_u64(two & two << 2 & two << 4, maps.digits | edges);
    runs = _pext_u64(maps.dots, maps.dots | edges);
    maps.three_dots =
        _pdep_u64(runs & runs << 1 & runs << 2, maps.dots | edges);
    return maps;
}
#endif

weir_map_block *
weir__map_block(int kernel)
{
#if defined(__x86_64__)
    if (kernel == 2)
        return __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("bmi2")
                   ? map_avx512
                   : NULL;
    if (kernel == 1)
        return __builtin_cpu_supports("avx2") ? map_avx2 : NULL;
#endif
    return kernel == 0 ? map_plain : NULL;
}
