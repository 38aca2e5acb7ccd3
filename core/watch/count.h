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
#endif

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
