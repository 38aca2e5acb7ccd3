/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel for machines with AVX2: four digests at a time. Where a count
 * goes and with what sign is computed by lanes and left in an array; the
 * additions themselves hit any of 128 counters and are made one by one, when
 * all of the array is there: an addition that waits for its lane, which waits
 * for its products, would hold up all behind it.
 *
 * The last block reads up to three tokens behind the last: they are there
 * (the arrays are longer than any text) and what comes of them adds nothing.
 */
#include "count.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2,bmi,bmi2")))
#define LANES  4u

/* Those of so many words: each has at most one of either kind. */
#define CHUNK 64u

TARGET static inline __m256i
load(const void *at)
{
    return _mm256_loadu_si256((const __m256i *)at);
}

/* The low halves of four products with a constant. */
TARGET static inline __m256i
times(__m256i a, uint64_t constant)
{
    const __m256i low = _mm256_set1_epi64x((int64_t)(constant & UINT32_MAX));
    const __m256i high = _mm256_set1_epi64x((int64_t)(constant >> 32));
    __m256i cross =
        _mm256_add_epi64(_mm256_mul_epu32(_mm256_srli_epi64(a, 32), low),
                         _mm256_mul_epu32(a, high));
    return _mm256_add_epi64(_mm256_mul_epu32(a, low),
                            _mm256_slli_epi64(cross, 32));
}

TARGET static inline __m256i
rotate(__m256i a, int bits)
{
    return _mm256_or_si256(_mm256_slli_epi64(a, bits),
                           _mm256_srli_epi64(a, 64 - bits));
}

/* hash_mix() of lexicon.h. */
TARGET static inline __m256i
mix(__m256i h, __m256i v)
{
    h = times(_mm256_xor_si256(h, v), HASH_STEP);
    return _mm256_xor_si256(h, _mm256_srli_epi64(h, 32));
}

/* `weight`, or its opposite where the hash is odd. */
TARGET static inline __m256i
by_sign(__m256i hash, __m256i weight)
{
    __m256i sign = _mm256_sub_epi64(
        _mm256_setzero_si256(), _mm256_and_si256(hash, _mm256_set1_epi64x(1)));
    return _mm256_sub_epi64(_mm256_xor_si256(weight, sign), sign);
}

/* Four steps; lanes that are not there have value 0. */
TARGET static inline struct watch_step *
put(struct watch_step *to, __m256i at, __m256i value)
{
    _mm256_storeu_si256((__m256i *)(void *)to,
                        _mm256_or_si256(at, _mm256_slli_epi64(value, 32)));
    return to + LANES;
}

/* Ones in the first `count` lanes. */
TARGET static inline __m256i
first_lanes(uint32_t count)
{
    static const int64_t lanes[2 * LANES] = {-1, -1, -1, -1, 0, 0, 0, 0};
    return _mm256_loadu_si256(
        (const __m256i *)(const void *)(lanes + LANES -
                                        (count < LANES ? count : LANES)));
}

TARGET static inline struct watch_step *
put_topic(struct watch_step *to, __m256i hash, __m256i weight, uint32_t left)
{
    const __m256i topics = _mm256_set1_epi64x(WEIR_WATCH_TOPIC);
    __m256i at = _mm256_srli_epi64(
        _mm256_mul_epu32(_mm256_srli_epi64(hash, 32), topics), 32);
    return put(to, at,
               _mm256_and_si256(by_sign(hash, weight), first_lanes(left)));
}

TARGET static uint64_t
count_words(const struct watch_tokens *t, int32_t *counters)
{
    struct watch_step steps[2 * CHUNK];
    uint64_t key = 0;
    const __m256i part = _mm256_set1_epi64x(WEIGHT_PART);
    const __m256i most = _mm256_set1_epi64x(WEIGHT_WORD);
    uint32_t i = 0;
    while (i < t->word_count) {
        struct watch_step *end = steps;
        for (; i < t->word_count && end < steps + 2 * CHUNK; i += LANES) {
            __m256i words = load(t->words + i);
            __m256i notes = _mm256_cvtepu32_epi64(
                _mm_loadu_si128((const __m128i *)(const void *)(t->notes + i)));
            __m256i lighter = _mm256_and_si256(_mm256_srli_epi64(notes, 27),
                                               _mm256_set1_epi64x(15));
            __m256i pair =
                _mm256_xor_si256(rotate(words, 17), load(t->words + i + 1));
            end = put_topic(end, times(words, HASH_STEP),
                            _mm256_sub_epi64(most, lighter), t->word_count - i);
            end = put_topic(end, times(pair, HASH_SEED), part,
                            t->word_count - i - 1);
            key = chain_four(t, key, i);
        }
        add_steps(counters, steps, end);
    }
    return chain_rest(t, key, i);
}

TARGET static void
count_stems(const struct watch_tokens *t, int32_t *counters)
{
    struct watch_step steps[CHUNK];
    const __m256i part = _mm256_set1_epi64x(WEIGHT_PART);
    for (uint32_t i = 0; i < t->stem_count;) {
        struct watch_step *end = steps;
        for (; i < t->stem_count && end < steps + CHUNK; i += LANES) {
            __m256i stem =
                mix(_mm256_set1_epi64x((int64_t)HASH_SEED), load(t->stems + i));
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
    const __m256i one = _mm256_set1_epi64x(1);
    uint32_t count = t->frame_count < PAIRS_MAX ? t->frame_count : PAIRS_MAX;
    if (count > 0)
        count_pair(counters, MASK_START, t->frames[0]);
    for (uint32_t i = 1; i < count; i += LANES) {
        __m256i pair =
            mix(load(t->frames + i - 1), times(load(t->frames + i), HASH_SEED));
        end = put(end, _mm256_srli_epi64(pair, 59),
                  _mm256_and_si256(by_sign(pair, one), first_lanes(count - i)));
    }
    add_steps(counters, steps, end);
}

TARGET static void
count_shingles(const struct watch_tokens *t, uint32_t *bins)
{
    const __m256i mask = _mm256_set1_epi64x(UINT16_MAX);
    uint32_t rows[LANES][WEIR_WATCH_BINS];
    struct watch_step steps[CHUNK];
    memset(rows, 0xFF, sizeof(rows));
    for (uint32_t i = 2; i < t->word_count;) {
        struct watch_step *end = steps;
        for (; i < t->word_count && end < steps + CHUNK; i += LANES) {
            __m256i m = _mm256_add_epi64(
                _mm256_add_epi64(rotate(load(t->words + i - 2), 9),
                                 rotate(load(t->words + i - 1), 4)),
                load(t->words + i));
            m = times(m, HASH_STEP);
            m = times(_mm256_xor_si256(m, _mm256_srli_epi64(m, 29)), HASH_SEED);
            /* lanes that are not there hold more than any */
            __m256i value = _mm256_or_si256(
                _mm256_and_si256(_mm256_srli_epi64(m, 40), mask),
                _mm256_andnot_si256(first_lanes(t->word_count - i), mask));
            end = put(end, _mm256_srli_epi64(m, 60), value);
        }
        take_least(rows, steps, end);
    }
    for (uint32_t i = 0; i < WEIR_WATCH_BINS; i += 8) {
        __m256i least = _mm256_min_epu32(
            _mm256_min_epu32(load(rows[0] + i), load(rows[1] + i)),
            _mm256_min_epu32(load(rows[2] + i), load(rows[3] + i)));
        least = _mm256_min_epu32(least, load(bins + i));
        _mm256_storeu_si256((__m256i *)(void *)(bins + i), least);
    }
}

TARGET static inline uint32_t
sum(__m256i lanes)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(lanes),
                                 _mm256_extracti128_si256(lanes, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1));
    return (uint32_t)_mm_cvtsi128_si32(four);
}

TARGET static inline uint32_t
any(__m256i lanes)
{
    __m128i four = _mm_or_si128(_mm256_castsi256_si128(lanes),
                                _mm256_extracti128_si256(lanes, 1));
    four = _mm_or_si128(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_or_si128(four, _mm_shuffle_epi32(four, 0xB1));
    return (uint32_t)_mm_cvtsi128_si32(four);
}

/* Function words of a language: notes that have both, in whole blocks. */
TARGET static uint32_t
count_language(const struct watch_tokens *t, uint32_t language, uint32_t count)
{
    const __m256i mask = _mm256_set1_epi32((15 << 23) | WORD_FUNCTION);
    const __m256i wanted =
        _mm256_set1_epi32((int)(language << 23 | WORD_FUNCTION));
    __m256i found = _mm256_setzero_si256();
    for (uint32_t i = 0; i < count; i += 8) {
        __m256i note =
            _mm256_loadu_si256((const __m256i *)(const void *)(t->notes + i));
        found = _mm256_sub_epi32(
            found, _mm256_cmpeq_epi32(_mm256_and_si256(note, mask), wanted));
    }
    return sum(found);
}

/* Eight notes at a time, what is left of them one by one. */
TARGET static void
count_classes(const struct watch_tokens *t, struct watch_counts *counts)
{
    const __m256i one = _mm256_set1_epi32(1);
    __m256i classes = _mm256_setzero_si256();
    __m256i articles = _mm256_setzero_si256();
    __m256i languages = _mm256_setzero_si256();
    uint32_t indefinite = 0;
    uint32_t i = 0;
    for (; i + 9 <= t->word_count; i += 8) {
        const void *at = t->notes + i;
        const void *behind = t->notes + i + 1;
        __m256i note = _mm256_loadu_si256(at);
        __m256i after =
            _mm256_srli_epi32(_mm256_loadu_si256(behind), AFTER_TO_ARTICLE);
        __m256i language = _mm256_and_si256(_mm256_srli_epi32(note, 23),
                                            _mm256_set1_epi32(15));
        classes = _mm256_or_si256(classes, note);
        articles = _mm256_or_si256(articles, _mm256_andnot_si256(after, note));
        languages =
            _mm256_or_si256(languages, _mm256_sllv_epi32(one, language));
    }
    /* few languages occur in one text */
    for (uint32_t seen = any(languages) & ~1u; seen != 0; seen &= seen - 1) {
        uint32_t language = (uint32_t)__builtin_ctz(seen);
        counts->languages[language] = count_language(t, language, i);
    }
    counts->classes = any(classes);
    for (; i < t->word_count; i++) {
        uint32_t note = t->notes[i];
        counts->classes |= note;
        counts->languages[NOTE_LANGUAGE(note)] += note & WORD_FUNCTION;
        if (i + 1 < t->word_count)
            indefinite |= note & ~(t->notes[i + 1] >> AFTER_TO_ARTICLE);
    }
    indefinite |= any(articles);
    counts->is_indefinite = (indefinite & WORD_INDEFINITE) != 0;
}

TARGET void
weir__watch_count_avx2(const struct watch_tokens *t,
                       struct watch_counts *counts)
{
    counts->frame = count_words(t, counts->sketch);
    count_stems(t, counts->sketch);
    count_frames(t, counts->sketch + WEIR_WATCH_TOPIC);
    count_shingles(t, counts->bins);
    count_classes(t, counts);
}

#else

typedef int weir__watch_no_avx2;

#endif
