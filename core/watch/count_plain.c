/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel of any machine; count_avx2.c gives the same numbers. */
#include "count.h"

static inline void
count_topic(int32_t *counters, uint64_t hash, int32_t weight)
{
    uint32_t at =
        (uint32_t)((uint64_t)(uint32_t)(hash >> 32) * WEIR_WATCH_TOPIC >> 32);
    int32_t sign = -(int32_t)(hash & 1);
    counters[at] += (weight ^ sign) - sign;
}

static void
count_words(const struct watch_tokens *t, int32_t *counters)
{
    uint64_t before = 0;
    for (uint32_t i = 0; i < t->word_count; i++) {
        uint64_t word = t->words[i];
        count_topic(counters, word * HASH_STEP,
                    (int32_t)(WEIGHT_WORD - NOTE_LIGHTER(t->notes[i])));
        if (i > 0)
            count_topic(counters, (before ^ word) * HASH_SEED, WEIGHT_PART);
        before = word << 17 | word >> 47;
    }
    for (uint32_t i = 0; i < t->stem_count; i++)
        count_topic(counters, hash_mix(HASH_SEED, t->stems[i]) * HASH_SEED,
                    WEIGHT_PART);
}

/* The key is one long chain of products: it costs nothing beside the pairs,
 * and as much as they do by itself. */
static uint64_t
count_frames(const struct watch_tokens *t, int32_t *counters)
{
    uint64_t before = MASK_START;
    uint64_t key = 0;
    uint32_t count = t->frame_count < PAIRS_MAX ? t->frame_count : PAIRS_MAX;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t token = t->frames[i];
        count_pair(counters, before, token);
        key = hash_mix(key, token);
        before = token;
    }
    for (uint32_t i = count; i < t->frame_count; i++)
        key = hash_mix(key, t->frames[i]);
    return key;
}

void
weir__watch_count_plain(const struct watch_tokens *t,
                        struct watch_counts *counts)
{
    uint32_t before = 0;
    uint32_t indefinite = 0;
    count_words(t, counts->sketch);
    counts->frame = count_frames(t, counts->sketch + WEIR_WATCH_TOPIC);
    for (uint32_t i = 2; i < t->word_count; i++)
        add_shingle(counts->bins, t->words[i - 2], t->words[i - 1],
                    t->words[i]);
    for (uint32_t i = 0; i < t->word_count; i++) {
        uint32_t note = t->notes[i];
        indefinite |= before & WORD_INDEFINITE & ~(note >> AFTER_TO_ARTICLE);
        before = note;
        counts->classes |= note;
        counts->languages[NOTE_LANGUAGE(note)] += note & WORD_FUNCTION;
    }
    counts->is_indefinite = indefinite != 0;
}
