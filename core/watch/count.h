/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of a prompt's tokens: the same numbers by any kernel. */
#ifndef WEIR_WATCH_COUNT_H
#define WEIR_WATCH_COUNT_H

#include "tokens.h"

#define PAIRS_MAX 200 /* frame tokens that count for the form part */

struct watch_counts {
    int32_t sketch[WEIR_WATCH_SKETCH]; /* topic, then form */
    uint32_t bins[WEIR_WATCH_BINS];    /* least of each; UINT16_MAX: none */
    uint32_t classes;                  /* of all words together */
    bool is_indefinite;                /* "a" and a word behind it */
    uint64_t frame;                    /* key of all frame tokens */
    uint32_t languages[16];            /* function words of each */
};

/* `counts` is zeroed, its bins UINT16_MAX. */
void weir__watch_count_plain(const struct watch_tokens *tokens,
                             struct watch_counts *counts);
#if defined(__x86_64__)
void weir__watch_count_avx2(const struct watch_tokens *tokens,
                            struct watch_counts *counts);
void weir__watch_count_avx512(const struct watch_tokens *tokens,
                              struct watch_counts *counts);
#endif

/* One addition, or one value for a bin: what kernels leave by lanes. */
struct watch_step {
    uint32_t at;
    int32_t value;
};

/* A whole number of fours. */
static inline void
add_steps(int32_t *counters, const struct watch_step *from,
          const struct watch_step *to)
{
    for (; from < to; from += 4) {
        counters[from[0].at] += from[0].value;
        counters[from[1].at] += from[1].value;
        counters[from[2].at] += from[2].value;
        counters[from[3].at] += from[3].value;
    }
}

/* The same of least values, in four rows of bins: one does not wait for the
 * one before it. */
static inline void
take_least(uint32_t (*bins)[WEIR_WATCH_BINS], const struct watch_step *from,
           const struct watch_step *to)
{
    for (; from < to; from += 4) {
#pragma GCC unroll 4
        for (uint32_t k = 0; k < 4; k++) {
            uint32_t value = (uint32_t)from[k].value;
            uint32_t *bin = &bins[k][from[k].at];
            *bin = value < *bin ? value : *bin;
        }
    }
}

/* The key of the frame is one long chain of products, by far the longest wait
 * there is; by fours it runs beside the counting of words, which waits for
 * nothing. */
static inline uint64_t
chain_four(const struct watch_tokens *t, uint64_t key, uint32_t from)
{
    if (from + 4 > t->frame_count)
        return key;
    key = hash_mix(key, t->frames[from]);
    key = hash_mix(key, t->frames[from + 1]);
    key = hash_mix(key, t->frames[from + 2]);
    return hash_mix(key, t->frames[from + 3]);
}

/* What is left of it, where fours before `from` were asked for. */
static inline uint64_t
chain_rest(const struct watch_tokens *t, uint64_t key, uint32_t from)
{
    uint32_t whole = t->frame_count / 4 * 4;
    for (uint32_t i = from < whole ? from : whole; i < t->frame_count; i++)
        key = hash_mix(key, t->frames[i]);
    return key;
}

/* From AFTER_MARK of one word to WORD_INDEFINITE of the one before it. */
#define AFTER_TO_ARTICLE 15
_Static_assert(AFTER_MARK >> AFTER_TO_ARTICLE == WORD_INDEFINITE, "as said");

/* The last pair of a frame, and the shingle of one or two words: they are
 * not worth a kernel. */
static inline void
count_pair(int32_t *counters, uint64_t before, uint64_t token)
{
    uint64_t m = hash_mix(before, token * HASH_SEED);
    int32_t sign = -(int32_t)(m & 1);
    counters[m >> 59] += (1 ^ sign) - sign;
}

static inline void
add_shingle(uint32_t bins[WEIR_WATCH_BINS], uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t m = (a << 9 | a >> 55) + (b << 4 | b >> 60) + c;
    m *= HASH_STEP;
    m ^= m >> 29;
    m *= HASH_SEED;
    uint32_t value = (uint16_t)(m >> 40);
    uint32_t *bin = &bins[m >> 60];
    *bin = value < *bin ? value : *bin;
}

#endif
