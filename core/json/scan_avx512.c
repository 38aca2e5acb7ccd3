/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel for machines with AVX-512: the method of scan_avx2.c, a block in
 * one register, and comparisons that give the mask at once.
 */
#include "scan.h"

#if defined(__x86_64__)

#include "scan_tables.h"

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx2,pclmul,bmi,bmi2")))

TARGET static inline __m512i
block_at(const char *bytes)
{
    return _mm512_loadu_si512((const void *)bytes);
}

TARGET static inline uint64_t
is(__m512i bytes, char c)
{
    return _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(c));
}

TARGET static inline void
load(const char *bytes, struct weir__json_block *block_out)
{
    __m512i block = block_at(bytes);
    block_out->quote = is(block, '"');
    block_out->backslash = is(block, '\\');
    block_out->control = _mm512_cmplt_epu8_mask(block, _mm512_set1_epi8(0x20));
    block_out->high = _mm512_movepi8_mask(block);
}

TARGET static inline bool
is_plain(const char *bytes)
{
    __m512i block = block_at(bytes);
    /* as signed bytes, those from 0x80 are below space too; what is a quote
     * or backslash is nought in one of the differences */
    __m512i signs =
        _mm512_min_epu8(_mm512_xor_si512(block, _mm512_set1_epi8('"')),
                        _mm512_xor_si512(block, _mm512_set1_epi8('\\')));
    return _kortestz_mask64_u8(
        _mm512_cmplt_epi8_mask(block, _mm512_set1_epi8(0x20)),
        _mm512_testn_epi8_mask(signs, signs));
}

TARGET static inline __m512i
table(const uint8_t table[16])
{
    return _mm512_broadcast_i32x4(
        _mm_loadu_si128((const __m128i *)(const void *)table));
}

TARGET static inline __m512i
upper_half(__m512i bytes)
{
    return _mm512_and_si512(_mm512_srli_epi16(bytes, 4),
                            _mm512_set1_epi8(0x0F));
}

TARGET static inline __m512i
look_up(__m512i bytes, const uint8_t lower[16], const uint8_t upper[16])
{
    return _mm512_and_si512(
        _mm512_shuffle_epi8(table(lower),
                            _mm512_and_si512(bytes, _mm512_set1_epi8(0x0F))),
        _mm512_shuffle_epi8(table(upper), upper_half(bytes)));
}

TARGET static inline uint64_t class(__m512i bytes, const uint8_t lower[16],
                                    const uint8_t upper[16])
{
    __m512i found = look_up(bytes, lower, upper);
    return _mm512_test_epi8_mask(found, found);
}

TARGET static inline void
outside_of(const char *bytes, uint64_t *structural_out, uint64_t *white_out)
{
    __m512i block = block_at(bytes);
    *structural_out = class(block, structural_lower, structural_upper);
    *white_out = class(block, white_lower, white_upper);
}

TARGET static inline void
escapes(const char *bytes, uint64_t *allowed_out, uint64_t *u_out)
{
    __m512i block = block_at(bytes);
    *allowed_out = class(block, allowed_lower, allowed_upper);
    *u_out = is(block, 'u');
}

TARGET static inline uint64_t
hex_digits(const char *bytes)
{
    return class(block_at(bytes), hex_lower, hex_upper);
}

TARGET static inline bool
is_utf8(const char *bytes)
{
    __m512i before = block_at(bytes - 1);
    __m512i faults = _mm512_and_si512(
        look_up(before, before_lower, before_upper),
        _mm512_shuffle_epi8(table(itself_upper), upper_half(block_at(bytes))));
    /* Two continuations in a row are due exactly behind these leads. */
    __m512i third = _mm512_subs_epu8(block_at(bytes - 2),
                                     _mm512_set1_epi8((char)(0xE0 - 0x80)));
    __m512i fourth = _mm512_subs_epu8(block_at(bytes - 3),
                                      _mm512_set1_epi8((char)(0xF0 - 0x80)));
    __m512i due = _mm512_and_si512(_mm512_or_si512(third, fourth),
                                   _mm512_set1_epi8((char)0x80));
    return _mm512_cmpneq_epi8_mask(due, faults) == 0;
}

TARGET static inline uint64_t
prefix_xor(uint64_t bits)
{
    __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)bits),
                                           _mm_set1_epi8((char)0xFF), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

TARGET static inline void
in_string(const char *bytes, uint64_t *backslash_out, uint64_t *stop_out,
          uint64_t *fine_out)
{
    __m512i block = block_at(bytes);
    /* A shuffle looks at the lower half of bytes below 0x80; those above
     * stop. */
    __m512i found = _mm512_and_si512(
        _mm512_shuffle_epi8(table(fine_lower), block),
        _mm512_shuffle_epi8(table(fine_upper), upper_half(block)));
    *backslash_out = is(block, '\\');
    *stop_out =
        is(block, '"') | _mm512_cmplt_epi8_mask(block, _mm512_set1_epi8(0x20));
    *fine_out = _mm512_test_epi8_mask(found, found);
}

#include "scan_loop.h"

TARGET void
weir__json_scan_avx512(struct weir__json_scan *scan)
{
    scan_blocks(scan);
}

#else
/* Other machines have scan_plain.c; ISO C wants something here. */
typedef int weir__json_no_avx512;
#endif
