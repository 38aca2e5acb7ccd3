/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel that every x86-64 machine can run: bytes are told apart by
 * comparing, 16 at a time; UTF-8 beyond ASCII is checked byte by byte.
 */
#include "scan.h"

#if defined(__x86_64__)

#include <emmintrin.h>

#define TARGET

#define LANES 4

static inline uint64_t
gather(const __m128i lane[LANES])
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < LANES; i++)
        bits |= (uint64_t)(uint32_t)_mm_movemask_epi8(lane[i]) << (16 * i);
    return bits;
}

static inline __m128i
load_lane(const char *bytes, unsigned i)
{
    return _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i));
}

static inline __m128i
is(__m128i bytes, char c)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

/* low <= byte <= high, unsigned */
static inline __m128i
in_range(__m128i bytes, char low, char high)
{
    __m128i above =
        _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8(low)), bytes);
    __m128i below =
        _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(high)), bytes);
    return _mm_and_si128(above, below);
}

static inline void
load(const char *bytes, struct weir__json_block *block_out)
{
    __m128i lane[LANES];
    __m128i quote[LANES];
    __m128i backslash[LANES];
    __m128i control[LANES];
    for (unsigned i = 0; i < LANES; i++) {
        lane[i] = load_lane(bytes, i);
        quote[i] = is(lane[i], '"');
        backslash[i] = is(lane[i], '\\');
        control[i] = in_range(lane[i], 0, 0x1F);
    }
    block_out->quote = gather(quote);
    block_out->backslash = gather(backslash);
    block_out->control = gather(control);
    block_out->high = gather(lane);
}

static inline void
outside_of(const char *bytes, uint64_t *structural_out, uint64_t *white_out)
{
    __m128i structural[LANES];
    __m128i white[LANES];
    for (unsigned i = 0; i < LANES; i++) {
        __m128i lane = load_lane(bytes, i);
        /* Bit 5 is all that tells `[` and `]` from `{` and `}`. */
        __m128i lower = _mm_or_si128(lane, _mm_set1_epi8(0x20));
        __m128i bracket = _mm_or_si128(is(lower, '{'), is(lower, '}'));
        __m128i mark = _mm_or_si128(is(lane, ':'), is(lane, ','));
        structural[i] = _mm_or_si128(bracket, mark);
        white[i] = _mm_or_si128(_mm_or_si128(is(lane, ' '), is(lane, '\t')),
                                _mm_or_si128(is(lane, '\n'), is(lane, '\r')));
    }
    *structural_out = gather(structural);
    *white_out = gather(white);
}

static inline void
escapes(const char *bytes, uint64_t *allowed_out, uint64_t *u_out)
{
    static const char set[] = {'"', '\\', '/', 'b', 'f', 'n', 'r', 't'};
    __m128i allowed[LANES];
    __m128i u[LANES];
    for (unsigned i = 0; i < LANES; i++) {
        __m128i lane = load_lane(bytes, i);
        u[i] = is(lane, 'u');
        allowed[i] = u[i];
        for (unsigned j = 0; j < sizeof(set); j++)
            allowed[i] = _mm_or_si128(allowed[i], is(lane, set[j]));
    }
    *allowed_out = gather(allowed);
    *u_out = gather(u);
}

static inline uint64_t
hex_digits(const char *bytes)
{
    __m128i hex[LANES];
    for (unsigned i = 0; i < LANES; i++) {
        __m128i lane = load_lane(bytes, i);
        __m128i lower = _mm_or_si128(lane, _mm_set1_epi8(0x20));
        hex[i] =
            _mm_or_si128(in_range(lane, '0', '9'), in_range(lower, 'a', 'f'));
    }
    return gather(hex);
}

static inline bool
is_plain(const char *bytes)
{
    __m128i odd = _mm_setzero_si128();
    for (unsigned i = 0; i < LANES; i++) {
        __m128i lane = load_lane(bytes, i);
        /* as signed bytes, those from 0x80 are below space too */
        __m128i low = _mm_cmplt_epi8(lane, _mm_set1_epi8(0x20));
        __m128i mark = _mm_or_si128(is(lane, '"'), is(lane, '\\'));
        odd = _mm_or_si128(odd, _mm_or_si128(low, mark));
    }
    return _mm_movemask_epi8(odd) == 0;
}

static inline uint64_t
prefix_xor(uint64_t bits)
{
    for (unsigned shift = 1; shift < 64; shift <<= 1)
        bits ^= bits << shift;
    return bits;
}

static inline bool
is_utf8(const char *bytes)
{
    return weir__json_block_is_utf8(bytes);
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

void
weir__json_scan_sse2(struct weir__json_scan *scan)
{
    scan_blocks(scan);
}

#else
/* Other machines have scan_plain.c; ISO C wants something here. */
typedef int weir__json_no_sse2;
#endif
