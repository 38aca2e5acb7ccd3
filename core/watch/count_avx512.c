/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel for machines with AVX-512: eight digests at a time, and products
 * of 64 bits in one instruction. As in count_avx2.c, where a count goes and
 * with what sign is computed by lanes, and the additions are made one by one
 * when all of that is there.
 *
 * The last block reads up to seven tokens behind the last: the arrays have
 * room for them, and what comes of them adds nothing.
 */
#include "count.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target(WATCH_AVX512)))
#define LANES  8u

/* Those of so many words: each has at most one of either kind. */
#define CHUNK 128u

/* The first `count` lanes. */
TARGET static inline __mmask8
first_lanes(uint32_t count)
{
    return (__mmask8)_bzhi_u32(UINT8_MAX, count < LANES ? count : LANES);
}

TARGET static inline __m512i
times(__m512i a, uint64_t constant)
{
    return _mm512_mullo_epi64(a, _mm512_set1_epi64((int64_t)constant));
}

/* `weight`, or its opposite where the hash is odd; 0 beyond `left`. */
TARGET static inline struct watch_step *
put(struct watch_step *to, __m512i at, __m512i hash, __m512i weight,
    uint32_t left)
{
    __mmask8 lanes = first_lanes(left);
    __mmask8 odd = _mm512_test_epi64_mask(hash, _mm512_set1_epi64(1));
    weight = _mm512_mask_sub_epi64(weight, odd, _mm512_setzero_si512(), weight);
    _mm512_storeu_si512(
        to, _mm512_mask_or_epi64(at, lanes, at, _mm512_slli_epi64(weight, 32)));
    return to + LANES;
}

TARGET static inline struct watch_step *
put_topic(struct watch_step *to, __m512i hash, __m512i weight, uint32_t left)
{
    __m512i at = _mm512_mul_epu32(_mm512_srli_epi64(hash, 32),
                                  _mm512_set1_epi64(WEIR_WATCH_TOPIC));
    return put(to, _mm512_srli_epi64(at, 32), hash, weight, left);
}

TARGET static uint64_t
count_words(const struct watch_tokens *t, int32_t *counters)
{
    struct watch_step steps[2 * CHUNK];
    uint64_t key = 0;
    const __m512i part = _mm512_set1_epi64(WEIGHT_PART);
    const __m512i most = _mm512_set1_epi64(WEIGHT_WORD);
    uint32_t i = 0;
    while (i < t->word_count) {
        struct watch_step *end = steps;
        for (; i < t->word_count && end < steps + 2 * CHUNK; i += LANES) {
            uint32_t left = t->word_count - i;
            __m512i words = _mm512_loadu_si512(t->words + i);
            __m512i notes = _mm512_cvtepu32_epi64(
                _mm256_loadu_si256((const void *)(t->notes + i)));
            __m512i lighter = _mm512_and_si512(_mm512_srli_epi64(notes, 27),
                                               _mm512_set1_epi64(15));
            __m512i pair =
                _mm512_xor_si512(_mm512_rol_epi64(words, 17),
                                 _mm512_loadu_si512(t->words + i + 1));
            end = put_topic(end, times(words, HASH_STEP),
                            _mm512_sub_epi64(most, lighter), left);
            end = put_topic(end, times(pair, HASH_SEED), part, left - 1);
            key = chain_four(t, key, i);
            key = chain_four(t, key, i + 4);
        }
        add_steps(counters, steps, end);
    }
    return chain_rest(t, key, i);
}

TARGET static void
count_stems(const struct watch_tokens *t, int32_t *counters)
{
    struct watch_step steps[CHUNK];
    const __m512i seed = _mm512_set1_epi64((int64_t)HASH_SEED);
    const __m512i part = _mm512_set1_epi64(WEIGHT_PART);
    for (uint32_t i = 0; i < t->stem_count;) {
        struct watch_step *end = steps;
        for (; i < t->stem_count && end < steps + CHUNK; i += LANES) {
            __m512i stem =
                _mm512_xor_si512(seed, _mm512_loadu_si512(t->stems + i));
            stem = times(stem, HASH_STEP);
            stem = _mm512_xor_si512(stem, _mm512_srli_epi64(stem, 32));
            end =
                put_topic(end, times(stem, HASH_SEED), part, t->stem_count - i);
        }
        add_steps(counters, steps, end);
    }
}

TARGET static void
count_frames(const struct watch_tokens *t, int32_t *counters)
{
    struct watch_step steps[PAIRS_MAX + LANES];
    struct watch_step *end = steps;
    const __m512i one = _mm512_set1_epi64(1);
    uint32_t count = t->frame_count < PAIRS_MAX ? t->frame_count : PAIRS_MAX;
    if (count > 0)
        count_pair(counters, MASK_START, t->frames[0]);
    for (uint32_t i = 1; i < count; i += LANES) {
        __m512i token = times(_mm512_loadu_si512(t->frames + i), HASH_SEED);
        __m512i pair =
            _mm512_xor_si512(_mm512_loadu_si512(t->frames + i - 1), token);
        pair = times(pair, HASH_STEP);
        pair = _mm512_xor_si512(pair, _mm512_srli_epi64(pair, 32));
        end = put(end, _mm512_srli_epi64(pair, 59), pair, one, count - i);
    }
    add_steps(counters, steps, end);
}

TARGET static void
count_shingles(const struct watch_tokens *t, uint32_t *bins)
{
    const __m512i most = _mm512_set1_epi64(UINT16_MAX);
    _Static_assert(WEIR_WATCH_BINS == 16, "one register each");
    uint32_t rows[4][WEIR_WATCH_BINS];
    struct watch_step steps[CHUNK];
    memset(rows, 0xFF, sizeof(rows));
    for (uint32_t i = 2; i < t->word_count;) {
        struct watch_step *end = steps;
        for (; i < t->word_count && end < steps + CHUNK; i += LANES) {
            __m512i a =
                _mm512_rol_epi64(_mm512_loadu_si512(t->words + i - 2), 9);
            __m512i b =
                _mm512_rol_epi64(_mm512_loadu_si512(t->words + i - 1), 4);
            __m512i m = _mm512_add_epi64(_mm512_add_epi64(a, b),
                                         _mm512_loadu_si512(t->words + i));
            m = times(m, HASH_STEP);
            m = times(_mm512_xor_si512(m, _mm512_srli_epi64(m, 29)), HASH_SEED);
            /* lanes that are not there hold the most there is */
            __m512i value =
                _mm512_mask_and_epi64(most, first_lanes(t->word_count - i),
                                      _mm512_srli_epi64(m, 40), most);
            _mm512_storeu_si512(end,
                                _mm512_or_si512(_mm512_srli_epi64(m, 60),
                                                _mm512_slli_epi64(value, 32)));
            end += LANES;
        }
        take_least(rows, steps, end);
    }
    __m512i least =
        _mm512_min_epu32(_mm512_min_epu32(_mm512_loadu_si512(rows[0]),
                                          _mm512_loadu_si512(rows[1])),
                         _mm512_min_epu32(_mm512_loadu_si512(rows[2]),
                                          _mm512_loadu_si512(rows[3])));
    _mm512_storeu_si512(bins,
                        _mm512_min_epu32(least, _mm512_loadu_si512(bins)));
}

/* Sixteen notes at a time. */
TARGET static void
count_classes(const struct watch_tokens *t, struct watch_counts *counts)
{
    const __m512i one = _mm512_set1_epi32(1);
    __m512i classes = _mm512_setzero_si512();
    __m512i articles = _mm512_setzero_si512();
    __m512i languages = _mm512_setzero_si512();
    for (uint32_t i = 0; i < t->word_count; i += 16) {
        uint32_t left = t->word_count - i;
        __mmask16 lanes =
            (__mmask16)_bzhi_u32(UINT16_MAX, left < 16 ? left : 16);
        __mmask16 behind =
            (__mmask16)_bzhi_u32(UINT16_MAX, left - 1 < 16 ? left - 1 : 16);
        __m512i note = _mm512_maskz_loadu_epi32(lanes, t->notes + i);
        __m512i after = _mm512_srli_epi32(
            _mm512_maskz_loadu_epi32(behind, t->notes + i + 1),
            AFTER_TO_ARTICLE);
        __m512i language = _mm512_and_si512(_mm512_srli_epi32(note, 23),
                                            _mm512_set1_epi32(15));
        classes = _mm512_or_si512(classes, note);
        articles = _mm512_mask_or_epi32(articles, behind, articles,
                                        _mm512_andnot_si512(after, note));
        languages = _mm512_mask_or_epi32(languages, lanes, languages,
                                         _mm512_sllv_epi32(one, language));
    }
    uint32_t seen = (uint32_t)_mm512_reduce_or_epi32(languages) & ~1u;
    /* few languages occur in one text */
    for (; seen != 0; seen &= seen - 1) {
        uint32_t number = (uint32_t)__builtin_ctz(seen);
        const __m512i mask = _mm512_set1_epi32((15 << 23) | WORD_FUNCTION);
        const __m512i wanted =
            _mm512_set1_epi32((int)(number << 23 | WORD_FUNCTION));
        uint32_t sum = 0;
        for (uint32_t i = 0; i < t->word_count; i += 16) {
            uint32_t left = t->word_count - i;
            __mmask16 lanes =
                (__mmask16)_bzhi_u32(UINT16_MAX, left < 16 ? left : 16);
            __m512i note = _mm512_maskz_loadu_epi32(lanes, t->notes + i);
            sum += (uint32_t)_mm_popcnt_u32(
                _mm512_cmpeq_epi32_mask(_mm512_and_si512(note, mask), wanted));
        }
        counts->languages[number] = sum;
    }
    counts->classes = (uint32_t)_mm512_reduce_or_epi32(classes);
    counts->is_indefinite =
        (_mm512_reduce_or_epi32(articles) & WORD_INDEFINITE) != 0;
}

TARGET void
weir__watch_count_avx512(const struct watch_tokens *t,
                         struct watch_counts *counts)
{
    counts->frame = count_words(t, counts->sketch);
    count_stems(t, counts->sketch);
    count_frames(t, counts->sketch + WEIR_WATCH_TOPIC);
    count_shingles(t, counts->bins);
    count_classes(t, counts);
}

#else

typedef int weir__watch_no_avx512;

#endif
