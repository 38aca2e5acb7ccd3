/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a prompt's tokens say: keys, MinHash, sketch, languages, cues.
 *
 *   scan.c: words  -> sketch:  word, stem, pair with the word before: 96
 *                               counters
 *                  -> MinHash: three words, one minimum
 *                  -> classes (verb, artefact...), language, phrases of cues
 *           frames -> the skeleton "write N w" for "Write Ada a", its first
 *                     and last six tokens, and pairs of them: 32 counters
 *
 * The frame keeps function words, request verbs and artefacts, and masks the
 * rest: Q quoted, # with digits, I identifier, N name, k character word, w
 * other; runs of one mask collapse.
 */
#include <string.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "count.h"
#include "watch_tables.h"

#define ENDS      6 /* frame tokens of head and tail */
#define EDGE      5 /* words at either end */
#define FORM_DIMS (WEIR_WATCH_SKETCH - WEIR_WATCH_TOPIC)

/* ------------------------------------------------------------ MinHash */

/* Empty bins take what stands behind them, by rotation. */
static void
put_minhash(const struct watch_tokens *t, uint32_t bins[WEIR_WATCH_BINS],
            uint16_t out[WEIR_WATCH_BINS])
{
    uint32_t count = t->word_count;
    if (count == 1 || count == 2)
        add_shingle(bins, count == 2 ? t->words[0] : 0, t->words[count - 1],
                    MASK_END);
    for (uint32_t i = 0; i < WEIR_WATCH_BINS; i++) {
        uint32_t bin = bins[i];
        for (uint32_t step = 1;
             count > 0 && bin == UINT16_MAX && step < WEIR_WATCH_BINS; step++) {
            uint32_t value = bins[(i + step) % WEIR_WATCH_BINS];
            if (value != UINT16_MAX)
                bin = (value + step * 4051u) & 0x7FFF;
        }
        out[i] = (uint16_t)bin;
    }
}

/* --------------------------------------------------------------- keys */

static uint64_t
chain(uint64_t h, const uint64_t *tokens, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        h = hash_mix(h, tokens[i]);
    return h;
}

static uint64_t
last_of(const uint64_t *tokens, uint32_t count, uint32_t wanted)
{
    uint32_t kept = count < wanted ? count : wanted;
    return count > 0 ? chain(MASK_END, tokens + count - kept, kept) : 0;
}

static void
put_keys(const struct watch_tokens *t, struct weir_watch_features *out)
{
    uint32_t front = t->frame_count < ENDS ? t->frame_count : ENDS;
    out->head = chain(0, t->frames, front);
    out->tail = last_of(t->frames, t->frame_count, ENDS);
    out->first_words =
        chain(0, t->words, t->word_count < EDGE ? t->word_count : EDGE);
    out->last_words = last_of(t->words, t->word_count, EDGE);
}

/* --------------------------------------------------------------- bits */

static uint32_t
arc_of(uint32_t state, uint32_t word)
{
    uint32_t key = state << 11 | word;
    uint32_t at = (key * 2654435761u) >> 8 & (LEXICON_ARCS - 1);
    while (lexicon_arcs[at].key != key) {
        if (lexicon_arcs[at].key == 0)
            return 0;
        at = (at + 1) & (LEXICON_ARCS - 1);
    }
    return lexicon_arcs[at].target;
}

/* The first word from `i` on that begins a phrase; most do not. */
static inline uint32_t
next_start(const struct watch_tokens *t, uint32_t i)
{
#if defined(__x86_64__)
    for (; i + 4 <= t->word_count; i += 4) {
        int starts = _mm_movemask_ps(_mm_castsi128_ps(
            _mm_loadu_si128((const __m128i *)(const void *)(t->notes + i))));
        if (starts != 0)
            return i + (uint32_t)__builtin_ctz((unsigned)starts);
    }
#endif
    while (i < t->word_count && (t->notes[i] & NOTE_STARTS) == 0)
        i++;
    return i;
}

/* Cue phrases; they do not reach over the end of a sentence or line. */
static uint32_t
find_cues(const struct watch_tokens *t)
{
    uint32_t cues = 0;
    uint32_t state = 0;
    for (uint32_t i = 0;; i++) {
        if (state == 0)
            i = next_start(t, i);
        if (i >= t->word_count)
            return cues;
        uint32_t note = t->notes[i];
        uint32_t word = NOTE_PHRASE(note);
        if ((note & AFTER_BREAK) != 0)
            state = 0;
        uint32_t next = state != 0 ? arc_of(state, word) : 0;
        state = next != 0                   ? next
                : (note & NOTE_STARTS) != 0 ? lexicon_starts[word]
                                            : 0;
        cues |= lexicon_cues[state];
    }
}

/* The first word that is no "please, can you": is it a request verb? */
static bool
is_imperative(const struct watch_tokens *t)
{
    for (uint32_t i = 0; i < t->word_count; i++) {
        if ((t->notes[i] & AFTER_QUOTE) != 0)
            return false;
        if ((t->notes[i] & WORD_LEAD) == 0)
            return (t->notes[i] & WORD_VERB) != 0;
    }
    return false;
}

static uint64_t
bits_of(const struct watch_tokens *t, const struct watch_counts *counts)
{
    static const uint32_t bits[][2] = {
        {WORD_ARTEFACT, WEIR_WATCH_ARTEFACT},
        {WORD_PERSON, WEIR_WATCH_PERSON},
        {WORD_RAGGED, WEIR_WATCH_RAGGED},
        {WORD_PLEASE, WEIR_WATCH_PLEASE},
    };
    uint64_t found = find_cues(t);
    for (size_t i = 0; i < WEIR_COUNTOF(bits); i++)
        if (counts->classes & bits[i][0])
            found |= UINT64_C(1) << bits[i][1];
    if (counts->is_indefinite)
        found |= WEIR_WATCH_BIT(INDEFINITE);
    if (t->word_count > 0 && (t->notes[0] & WORD_QUESTION) != 0)
        found |= WEIR_WATCH_BIT(QUESTION);
    if (is_imperative(t))
        found |= WEIR_WATCH_BIT(IMPERATIVE);
    return found;
}

static uint8_t
language_of(const struct watch_tokens *t, const uint32_t languages[16],
            uint8_t script)
{
    const uint32_t *scripts = t->script_words;
    uint8_t best = 0;
    if (scripts[WEIR_WATCH_SCRIPT_KANA] > 0 &&
        scripts[WEIR_WATCH_SCRIPT_KANA] * 4 > scripts[WEIR_WATCH_SCRIPT_HAN])
        return WEIR_WATCH_LANGUAGE_JA;
    if (script == WEIR_WATCH_SCRIPT_HAN)
        return WEIR_WATCH_LANGUAGE_ZH;
    if (script == WEIR_WATCH_SCRIPT_HANGUL)
        return WEIR_WATCH_LANGUAGE_KO;
    for (uint8_t i = 1; i < WEIR_WATCH_LANGUAGES; i++)
        if (languages[i] > (best != 0 ? languages[best] : 0))
            best = i;
    if (best == 0 && t->word_count >= 5)
        return WEIR_WATCH_LANGUAGE_OTHER;
    return best;
}

static void
sum_scripts(const struct watch_tokens *t, struct watch_text *found)
{
    uint8_t best = 0;
    for (uint8_t i = 1; i <= WEIR_WATCH_SCRIPT_OTHER; i++) {
        if (t->script_words[i] == 0)
            continue;
        found->scripts |= (uint16_t)(1u << i);
        if (best == 0 || t->script_words[i] > t->script_words[best])
            best = i;
    }
    found->script = best;
}

/* --------------------------------------------------------------- result */

static inline float
root(float v)
{
#if defined(__x86_64__)
    return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(v)));
#else
    return __builtin_sqrtf(v);
#endif
}

static inline int32_t
sum_sizes(const int32_t *counters, size_t count)
{
#if defined(__x86_64__)
    __m128i four = _mm_setzero_si128();
    for (size_t i = 0; i < count; i += 4) {
        __m128i v =
            _mm_loadu_si128((const __m128i *)(const void *)(counters + i));
        __m128i sign = _mm_srai_epi32(v, 31);
        four = _mm_add_epi32(four, _mm_sub_epi32(_mm_xor_si128(v, sign), sign));
    }
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1));
    return _mm_cvtsi128_si32(four);
#else
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += counters[i] < 0 ? -counters[i] : counters[i];
    return sum;
#endif
}

/* Signed square roots, scaled to a length of 127. Their squares sum up to
 * the sum of the counters' sizes. */
static void
put_part(const int32_t *counters, size_t count, int8_t *out)
{
    int32_t sum = sum_sizes(counters, count); /* below 2^24: exact as a float */
    float scale = sum > 0 ? 127.0F / root((float)sum) : 0.0F;
#if defined(__x86_64__)
    const __m128 sign = _mm_set1_ps(-0.0F);
    const __m128 factor = _mm_set1_ps(scale);
    for (size_t i = 0; i < count; i += 4) {
        __m128 v = _mm_cvtepi32_ps(
            _mm_loadu_si128((const __m128i *)(const void *)(counters + i)));
        __m128 r = _mm_mul_ps(_mm_sqrt_ps(_mm_andnot_ps(sign, v)), factor);
        __m128i n = _mm_cvtps_epi32(_mm_or_ps(r, _mm_and_ps(sign, v)));
        n = _mm_packs_epi32(n, n);
        n = _mm_packs_epi16(n, n);
        int32_t four = _mm_cvtsi128_si32(n);
        memcpy(out + i, &four, 4);
    }
#else
    for (size_t i = 0; i < count; i++) {
        float v = (float)counters[i];
        float r = root(v < 0 ? -v : v) * scale;
        out[i] = (int8_t)__builtin_lrintf(v < 0 ? -r : r);
    }
#endif
}

static void
count(const struct watch_tokens *t, struct watch_counts *counts)
{
    memset(counts->sketch, 0, sizeof(counts->sketch));
    for (uint32_t i = 0; i < WEIR_WATCH_BINS; i++)
        counts->bins[i] = UINT16_MAX;
    counts->classes = 0;
    counts->is_indefinite = false;
    memset(counts->languages, 0, sizeof(counts->languages));
#if defined(__x86_64__)
    if (weir__watch_has_avx512())
        weir__watch_count_avx512(t, counts);
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2"))
        weir__watch_count_avx2(t, counts);
    else
#endif
        weir__watch_count_plain(t, counts);
    if (t->frame_count < PAIRS_MAX)
        count_pair(counts->sketch + WEIR_WATCH_TOPIC,
                   t->frame_count > 0 ? t->frames[t->frame_count - 1]
                                      : MASK_START,
                   MASK_END);
}

void
weir__watch_read(char *text, size_t len, struct watch_text *found_out,
                 struct weir_watch_features *out)
{
    struct watch_tokens tokens;
    struct watch_counts counts;
    WEIR_ASSERT(len <= WATCH_TOKENS_MAX);
    memset(found_out, 0, sizeof(*found_out));
    len = weir__watch_clean(text, len, &found_out->bits);
    while (len > 0 && (unsigned char)text[len - 1] <= 32)
        len--;
    memset(text + len, 0, WATCH_TEXT_PAD);
    weir__watch_scan(text, len, found_out, &tokens);
    found_out->ends_well =
        len > 0 && strchr(".?!:\"')]}`", text[len - 1]) != NULL;
    found_out->words = tokens.word_count;
    count(&tokens, &counts);
    found_out->bits |= bits_of(&tokens, &counts);
    sum_scripts(&tokens, found_out);
    found_out->language =
        language_of(&tokens, counts.languages, found_out->script);
    put_keys(&tokens, out);
    out->frame = counts.frame;
    put_minhash(&tokens, counts.bins, out->minhash);
    put_part(counts.sketch, WEIR_WATCH_TOPIC, out->sketch);
    put_part(counts.sketch + WEIR_WATCH_TOPIC, FORM_DIMS,
             out->sketch + WEIR_WATCH_TOPIC);
}
