/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel for machines with AVX2: byte sets are told apart by two table
 * look-ups, one for each half of the byte, whose bits are joined by AND.
 *
 * UTF-8: every kind of fault shows in two bytes that stand beside each
 * other, but for a third or fourth byte that is missing or one too many. So
 * three look-ups (both halves of the byte before, the upper half of the byte
 * itself) give the faults still possible, AND joins them, and what must
 * follow a three- or four-byte lead is compared separately. This is the
 * method of Keiser and Lemire, "Validating UTF-8 in less than one
 * instruction per byte" (2021).
 */
#include "scan.h"

#if defined(__x86_64__)

#include "scan_tables.h"

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,pclmul,bmi,bmi2")))

TARGET static inline uint64_t
gather(__m256i low, __m256i high)
{
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(low) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
}

TARGET static inline __m256i
half(const char *bytes, unsigned i)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)(bytes + 32 * i));
}

TARGET static inline uint64_t
is(__m256i low, __m256i high, char c)
{
    __m256i wanted = _mm256_set1_epi8(c);
    return gather(_mm256_cmpeq_epi8(low, wanted),
                  _mm256_cmpeq_epi8(high, wanted));
}

TARGET static inline void
load(const char *bytes, struct weir__json_block *block_out)
{
    __m256i low = half(bytes, 0);
    __m256i high = half(bytes, 1);
    __m256i space = _mm256_set1_epi8(0x1F);
    block_out->quote = is(low, high, '"');
    block_out->backslash = is(low, high, '\\');
    block_out->control =
        gather(_mm256_cmpeq_epi8(_mm256_max_epu8(low, space), space),
               _mm256_cmpeq_epi8(_mm256_max_epu8(high, space), space));
    block_out->high = gather(low, high);
}

TARGET static inline __m256i
table(const uint8_t table[16])
{
    return _mm256_broadcastsi128_si256(
        _mm_loadu_si128((const __m128i *)(const void *)table));
}

TARGET static inline __m256i
upper_half(__m256i bytes)
{
    return _mm256_and_si256(_mm256_srli_epi16(bytes, 4),
                            _mm256_set1_epi8(0x0F));
}

/* Bytes whose two halves share a bit in the tables. */
TARGET static inline __m256i class(__m256i bytes, const uint8_t lower[16],
                                   const uint8_t upper[16])
{
    __m256i below = _mm256_shuffle_epi8(
        table(lower), _mm256_and_si256(bytes, _mm256_set1_epi8(0x0F)));
    __m256i above = _mm256_shuffle_epi8(table(upper), upper_half(bytes));
    __m256i none = _mm256_cmpeq_epi8(_mm256_and_si256(below, above),
                                     _mm256_setzero_si256());
    return _mm256_cmpeq_epi8(none, _mm256_setzero_si256());
}

TARGET static inline uint64_t
classes(const char *bytes, const uint8_t lower[16], const uint8_t upper[16])
{
    return gather(class(half(bytes, 0), lower, upper),
                  class(half(bytes, 1), lower, upper));
}

TARGET static inline void
outside_of(const char *bytes, uint64_t *structural_out, uint64_t *white_out)
{
    *structural_out = classes(bytes, structural_lower, structural_upper);
    *white_out = classes(bytes, white_lower, white_upper);
}

TARGET static inline void
escapes(const char *bytes, uint64_t *allowed_out, uint64_t *u_out)
{
    *allowed_out = classes(bytes, allowed_lower, allowed_upper);
    *u_out = is(half(bytes, 0), half(bytes, 1), 'u');
}

TARGET static inline uint64_t
hex_digits(const char *bytes)
{
    return classes(bytes, hex_lower, hex_upper);
}

TARGET static inline __m256i
not_plain(__m256i bytes)
{
    __m256i space = _mm256_set1_epi8(0x20);
    /* as signed bytes, those from 0x80 are below space too */
    return _mm256_or_si256(
        _mm256_cmpgt_epi8(space, bytes),
        _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"')),
                        _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'))));
}

TARGET static inline bool
is_plain(const char *bytes)
{
    __m256i odd =
        _mm256_or_si256(not_plain(half(bytes, 0)), not_plain(half(bytes, 1)));
    return _mm256_testz_si256(odd, odd) != 0;
}

TARGET static inline __m256i
utf8_faults(const char *bytes)
{
    __m256i nibble = _mm256_set1_epi8(0x0F);
    __m256i itself = half(bytes, 0);
    __m256i before = half(bytes - 1, 0);
    __m256i faults = _mm256_and_si256(
        _mm256_and_si256(
            _mm256_shuffle_epi8(table(before_upper), upper_half(before)),
            _mm256_shuffle_epi8(table(before_lower),
                                _mm256_and_si256(before, nibble))),
        _mm256_shuffle_epi8(table(itself_upper), upper_half(itself)));
    /* Two continuations in a row are due exactly behind these leads. */
    __m256i third = _mm256_subs_epu8(half(bytes - 2, 0),
                                     _mm256_set1_epi8((char)(0xE0 - 0x80)));
    __m256i fourth = _mm256_subs_epu8(half(bytes - 3, 0),
                                      _mm256_set1_epi8((char)(0xF0 - 0x80)));
    __m256i due = _mm256_and_si256(_mm256_or_si256(third, fourth),
                                   _mm256_set1_epi8((char)0x80));
    return _mm256_xor_si256(due, faults);
}

TARGET static inline bool
is_utf8(const char *bytes)
{
    __m256i faults =
        _mm256_or_si256(utf8_faults(bytes), utf8_faults(bytes + 32));
    return _mm256_testz_si256(faults, faults) != 0;
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
    struct weir__json_block block;
    uint64_t allowed, u;
    load(bytes, &block);
    escapes(bytes, &allowed, &u);
    *backslash_out = block.backslash;
    *stop_out = block.quote | block.control | block.high;
    *fine_out = allowed & ~u;
}

#include "scan_loop.h"

TARGET void
weir__json_scan_avx2(struct weir__json_scan *scan)
{
    scan_blocks(scan);
}

#else
/* Other machines have scan_plain.c; ISO C wants something here. */
typedef int weir__json_no_avx2;
#endif
