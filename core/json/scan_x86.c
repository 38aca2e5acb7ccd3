/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels for x86-64: SSE2, which every such machine has, and AVX2.
 *
 * Byte sets are told apart by comparing, or with AVX2 by two table look-ups
 * (one for each half of the byte) whose bits are joined by AND.
 *
 * UTF-8 with AVX2: every kind of fault shows in two bytes that stand beside
 * each other, but for a third or fourth byte that is missing or one too
 * many. So three look-ups (both halves of the byte before, the upper half
 * of the byte itself) give the faults still possible, AND joins them, and
 * what must follow a three- or four-byte lead is compared separately. This
 * is the method of Keiser and Lemire, "Validating UTF-8 in less than one
 * instruction per byte" (2021).
 */
#include "scan.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* -------------------------------------------------------------- SSE2 */

#define LANES_SSE2 4

static inline uint64_t
gather_sse2(const __m128i lane[LANES_SSE2])
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < LANES_SSE2; i++)
        bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(lane[i]) << (16 * i);
    return bits;
}

static inline __m128i
lane_sse2(const char *bytes, unsigned i)
{
    return _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i));
}

static inline __m128i
is_sse2(__m128i bytes, char c)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

/* low <= byte <= high, unsigned */
static inline __m128i
in_range_sse2(__m128i bytes, char low, char high)
{
    __m128i above =
        _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8(low)), bytes);
    __m128i below =
        _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(high)), bytes);
    return _mm_and_si128(above, below);
}

static void
load_sse2(const char *bytes, struct weir__json_block *block_out)
{
    __m128i lane[LANES_SSE2];
    __m128i quote[LANES_SSE2];
    __m128i backslash[LANES_SSE2];
    __m128i control[LANES_SSE2];
    for (unsigned i = 0; i < LANES_SSE2; i++) {
        lane[i] = lane_sse2(bytes, i);
        quote[i] = is_sse2(lane[i], '"');
        backslash[i] = is_sse2(lane[i], '\\');
        control[i] = in_range_sse2(lane[i], 0, 0x1F);
    }
    block_out->quote = gather_sse2(quote);
    block_out->backslash = gather_sse2(backslash);
    block_out->control = gather_sse2(control);
    block_out->high = gather_sse2(lane);
}

static void
outside_sse2(const char *bytes, uint64_t *structural_out, uint64_t *white_out)
{
    __m128i structural[LANES_SSE2];
    __m128i white[LANES_SSE2];
    for (unsigned i = 0; i < LANES_SSE2; i++) {
        __m128i lane = lane_sse2(bytes, i);
        /* Bit 5 is all that tells `[` and `]` from `{` and `}`. */
        __m128i lower = _mm_or_si128(lane, _mm_set1_epi8(0x20));
        __m128i bracket =
            _mm_or_si128(is_sse2(lower, '{'), is_sse2(lower, '}'));
        __m128i mark = _mm_or_si128(is_sse2(lane, ':'), is_sse2(lane, ','));
        structural[i] = _mm_or_si128(bracket, mark);
        white[i] = _mm_or_si128(
            _mm_or_si128(is_sse2(lane, ' '), is_sse2(lane, '\t')),
            _mm_or_si128(is_sse2(lane, '\n'), is_sse2(lane, '\r')));
    }
    *structural_out = gather_sse2(structural);
    *white_out = gather_sse2(white);
}

static void
escapes_sse2(const char *bytes, uint64_t *allowed_out, uint64_t *u_out,
             uint64_t *hex_out)
{
    static const char set[] = {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'};
    __m128i allowed[LANES_SSE2];
    __m128i u[LANES_SSE2];
    __m128i hex[LANES_SSE2];
    for (unsigned i = 0; i < LANES_SSE2; i++) {
        __m128i lane = lane_sse2(bytes, i);
        __m128i lower = _mm_or_si128(lane, _mm_set1_epi8(0x20));
        u[i] = is_sse2(lane, 'u');
        allowed[i] = u[i];
        for (unsigned j = 0; j < sizeof(set); j++)
            allowed[i] = _mm_or_si128(allowed[i], is_sse2(lane, set[j]));
        hex[i] = _mm_or_si128(in_range_sse2(lane, '0', '9'),
                              in_range_sse2(lower, 'a', 'f'));
    }
    *allowed_out = gather_sse2(allowed);
    *u_out = gather_sse2(u);
    *hex_out = gather_sse2(hex);
}

static uint64_t
prefix_xor_sse2(uint64_t bits)
{
    for (unsigned shift = 1; shift < 64; shift <<= 1)
        bits ^= bits << shift;
    return bits;
}

void
weir__json_scan_sse2(struct weir__json_scan *scan)
{
    static const struct weir__json_masks masks = {
        load_sse2, outside_sse2, escapes_sse2, weir__json_block_is_utf8,
        prefix_xor_sse2};
    weir__json_scan_blocks(scan, &masks);
}

/* -------------------------------------------------------------- AVX2 */

#define AVX2 __attribute__((target("avx2,pclmul,bmi,bmi2")))

AVX2 static inline uint64_t
gather_avx2(__m256i low, __m256i high)
{
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(low) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

AVX2 static inline __m256i
half_avx2(const char *bytes, unsigned i)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)(bytes + 32 * i));
}

AVX2 static inline uint64_t
is_avx2(__m256i low, __m256i high, char c)
{
    __m256i wanted = _mm256_set1_epi8(c);
    return gather_avx2(_mm256_cmpeq_epi8(low, wanted),
                       _mm256_cmpeq_epi8(high, wanted));
}

AVX2 static void
load_avx2(const char *bytes, struct weir__json_block *block_out)
{
    __m256i low = half_avx2(bytes, 0);
    __m256i high = half_avx2(bytes, 1);
    __m256i space = _mm256_set1_epi8(0x1F);
    block_out->quote = is_avx2(low, high, '"');
    block_out->backslash = is_avx2(low, high, '\\');
    block_out->control =
        gather_avx2(_mm256_cmpeq_epi8(_mm256_max_epu8(low, space), space),
                    _mm256_cmpeq_epi8(_mm256_max_epu8(high, space), space));
    block_out->high = gather_avx2(low, high);
}

AVX2 static inline __m256i
table_avx2(const uint8_t table[16])
{
    return _mm256_broadcastsi128_si256(
        _mm_loadu_si128((const __m128i *)(const void *)table));
}

AVX2 static inline __m256i
upper_avx2(__m256i bytes)
{
    return _mm256_and_si256(_mm256_srli_epi16(bytes, 4),
                            _mm256_set1_epi8(0x0F));
}

/* Bytes whose two halves share a bit in the tables. */
AVX2 static inline __m256i
class_avx2(__m256i bytes, const uint8_t lower[16], const uint8_t upper[16])
{
    __m256i below = _mm256_shuffle_epi8(
        table_avx2(lower), _mm256_and_si256(bytes, _mm256_set1_epi8(0x0F)));
    __m256i above = _mm256_shuffle_epi8(table_avx2(upper), upper_avx2(bytes));
    __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(below, above),
                                     _mm256_setzero_si256());
    return _mm256_cmpeq_epi8(none, _mm256_setzero_si256());
}

AVX2 static inline uint64_t
classes_avx2(const char *bytes, const uint8_t lower[16],
             const uint8_t upper[16])
{
    return gather_avx2(class_avx2(half_avx2(bytes, 0), lower, upper),
                       class_avx2(half_avx2(bytes, 1), lower, upper));
}

AVX2 static void
outside_avx2(const char *bytes, uint64_t *structural_out, uint64_t *white_out)
{
    /*                                  2_ , :   3_     5_ 7_ [ ] { } */
    static const uint8_t structural_lower[16] = {
        [0xA] = 2, [0xB] = 4, [0xC] = 1, [0xD] = 4};
    static const uint8_t structural_upper[16] = {
        [2] = 1, [3] = 2, [5] = 4, [7] = 4};
    /* 0_ \t \n \r, 2_ space */
    static const uint8_t white_lower[16] = {
        [0x0] = 2, [0x9] = 1, [0xA] = 1, [0xD] = 1};
    static const uint8_t white_upper[16] = {[0] = 1, [2] = 2};
    *structural_out = classes_avx2(bytes, structural_lower, structural_upper);
    *white_out = classes_avx2(bytes, white_lower, white_upper);
}

AVX2 static void
escapes_avx2(const char *bytes, uint64_t *allowed_out, uint64_t *u_out,
             uint64_t *hex_out)
{
    /* 2_ " /   5_ \   6_ b f n   7_ r t u */
    static const uint8_t allowed_lower[16] = {
        [0x2] = 1 | 4 | 8, [0x4] = 8, [0x5] = 8, [0x6] = 4,
        [0xC] = 2,         [0xE] = 4, [0xF] = 1};
    static const uint8_t allowed_upper[16] = {
        [2] = 1, [5] = 2, [6] = 4, [7] = 8};
    /* 3_ 0..9   4_ 6_ a..f */
    static const uint8_t hex_lower[16] = {1, 3, 3, 3, 3, 3, 3, 1, 1, 1};
    static const uint8_t hex_upper[16] = {[3] = 1, [4] = 2, [6] = 2};
    *allowed_out = classes_avx2(bytes, allowed_lower, allowed_upper);
    *u_out = is_avx2(half_avx2(bytes, 0), half_avx2(bytes, 1), 'u');
    *hex_out = classes_avx2(bytes, hex_lower, hex_upper);
}

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

AVX2 static inline __m256i
utf8_faults_avx2(const char *bytes)
{
    __m256i nibble = _mm256_set1_epi8(0x0F);
    __m256i itself = half_avx2(bytes, 0);
    __m256i before = half_avx2(bytes - 1, 0);
    __m256i faults = _mm256_and_si256(
        _mm256_and_si256(
            _mm256_shuffle_epi8(table_avx2(before_upper), upper_avx2(before)),
            _mm256_shuffle_epi8(table_avx2(before_lower),
                                _mm256_and_si256(before, nibble))),
        _mm256_shuffle_epi8(table_avx2(itself_upper), upper_avx2(itself)));
    /* Two continuations in a row are due exactly behind these leads. */
    __m256i third = _mm256_subs_epu8(half_avx2(bytes - 2, 0),
                                     _mm256_set1_epi8((char)(0xE0 - 0x80)));
    __m256i fourth = _mm256_subs_epu8(half_avx2(bytes - 3, 0),
                                      _mm256_set1_epi8((char)(0xF0 - 0x80)));
    __m256i due = _mm256_and_si256(_mm256_or_si256(third, fourth),
                                   _mm256_set1_epi8((char)0x80));
    return _mm256_xor_si256(due, faults);
}

AVX2 static bool
is_utf8_avx2(const char *bytes)
{
    __m256i faults =
        _mm256_or_si256(utf8_faults_avx2(bytes), utf8_faults_avx2(bytes + 32));
    return _mm256_testz_si256(faults, faults) != 0;
}

AVX2 static uint64_t
prefix_xor_avx2(uint64_t bits)
{
    __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)bits),
                                           _mm_set1_epi8((char)0xFF), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

AVX2 void
weir__json_scan_avx2(struct weir__json_scan *scan)
{
    static const struct weir__json_masks masks = {
        load_avx2, outside_avx2, escapes_avx2, is_utf8_avx2, prefix_xor_avx2};
    weir__json_scan_blocks(scan, &masks);
}

#else
/* Other machines have scan_plain.c; ISO C wants something here. */
typedef int weir__json_no_x86;
#endif
