/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The score of one listed name.
 *
 * Words are paired, the most alike first, each used once; order does not
 * count. Let q be the share of the query's weight that found a partner,
 * each word counted by its similarity, and n the same for the listed name.
 * The score is their harmonic mean with q counted twice, 3qn / (2n + q): a
 * word that only one of the two has costs, more when it is rare, and more
 * when the query has it: a short form of a listed name is the likelier one
 * to mean it.
 *
 * An initial stands for a word that begins with it; it is tried when all
 * whole words are paired.
 */
#include "screen_query.h"

/* Every word with every word: of a name that repeats one, all are needed. */
#define PAIRS_MAX          (WEIR_SCREENING_WORDS_MAX * WEIR_SCREENING_WORDS_MAX + 64u)
#define INITIAL_SIMILARITY 800u

struct pair {
    uint32_t query_words;
    uint32_t name_words;
    uint32_t query_unit;
    uint32_t name_unit; /* place within the name */
    uint32_t similarity;
    uint32_t rank;
    enum weir_screening_how how;
};

struct align {
    const struct weir_screening_scratch *scratch;
    const struct screen_name *name;
    const uint32_t *units; /* of the name */
    uint32_t pair_count;
    struct pair pairs[PAIRS_MAX];
    uint32_t query_left;
    uint32_t name_left;
    uint64_t query_sum;
    uint64_t name_sum;
    struct weir_screening_hit *hit;
};

static const struct screen_unit *
unit_of(const struct align *align, uint32_t place)
{
    return &align->scratch->index->units[align->units[place]];
}

static uint32_t
query_weight(const struct align *align, uint32_t words)
{
    uint32_t sum = 0;
    for (; words != 0; words &= words - 1)
        sum += align->scratch->weights[__builtin_ctz(words)];
    return sum;
}

static uint32_t
name_weight(const struct align *align, uint32_t words)
{
    uint32_t sum = 0;
    for (; words != 0; words &= words - 1)
        sum += unit_of(align, (uint32_t)__builtin_ctz(words))->weight;
    return sum;
}

/* Kept in order: the most alike, then the heaviest, first. */
static void
add_pair(struct align *align, struct pair pair)
{
    uint32_t at = align->pair_count;
    bool is_joined = pair.how == WEIR_HOW_JOINED;
    /* of equals, a word before two that are one only when joined */
    pair.rank = (pair.similarity * 2 + !is_joined) * 4096 +
                query_weight(align, pair.query_words) +
                name_weight(align, pair.name_words);
    if (at == PAIRS_MAX) {
        if (align->pairs[--at].rank >= pair.rank)
            return;
    } else {
        align->pair_count++;
    }
    for (; at > 0 && align->pairs[at - 1].rank < pair.rank; at--)
        align->pairs[at] = align->pairs[at - 1];
    align->pairs[at] = pair;
}

static void
gather(struct align *align)
{
    const struct weir_screening_scratch *scratch = align->scratch;
    uint32_t words = align->name->word_count;
    for (uint32_t place = 0; place < 2 * words - 1; place++) {
        uint32_t unit = align->units[place];
        if (scratch->like_epoch[unit] != scratch->epoch)
            continue;
        for (uint32_t i = scratch->like_head[unit]; i != SCREEN_NONE;
             i = scratch->likes[i].next) {
            const struct screen_like *like = &scratch->likes[i];
            bool joins = place >= words;
            bool joined = like->query_unit >= scratch->words.count;
            if (joins && joined)
                continue; /* their words pair by themselves */
            add_pair(
                align,
                (struct pair){
                    .query_words = scratch->units[like->query_unit].words,
                    .name_words = joins ? 3u << (place - words) : 1u << place,
                    .query_unit = like->query_unit,
                    .name_unit = place,
                    .similarity = like->similarity,
                    .how = joins || joined ? WEIR_HOW_JOINED : like->how});
        }
    }
}

static void
take(struct align *align, const struct pair *pair)
{
    uint32_t query = query_weight(align, pair->query_words);
    uint32_t name = name_weight(align, pair->name_words);
    align->query_left &= ~pair->query_words;
    align->name_left &= ~pair->name_words;
    align->query_sum += (uint64_t)query * pair->similarity;
    align->name_sum += (uint64_t)name * pair->similarity;
    if (align->hit != NULL &&
        align->hit->match_count < WEIR_SCREENING_WORDS_MAX)
        align->hit->matches[align->hit->match_count++] =
            (struct weir_screening_match){
                .query = align->scratch->units[pair->query_unit].text,
                .listed = unit_of(align, pair->name_unit)->text,
                .how = pair->how,
                .similarity = pair->similarity,
                .weight = name};
}

static void
take_initials(struct align *align)
{
    const struct weir_screening_scratch *scratch = align->scratch;
    for (uint32_t q = 0; q < scratch->words.count; q++)
        for (uint32_t n = 0; n < align->name->word_count; n++) {
            weir_span a = scratch->words.words[q].text;
            weir_span b = unit_of(align, n)->text;
            if ((align->query_left >> q & 1) == 0 ||
                (align->name_left >> n & 1) == 0 ||
                (a.len != 1 && b.len != 1) || a.ptr[0] != b.ptr[0])
                continue;
            struct pair pair = {.query_words = 1u << q,
                                .name_words = 1u << n,
                                .query_unit = q,
                                .name_unit = n,
                                .similarity = INITIAL_SIMILARITY,
                                .how = WEIR_HOW_INITIAL};
            take(align, &pair);
        }
}

uint32_t
weir__screen_align(const struct weir_screening_scratch *scratch, uint32_t name,
                   struct weir_screening_hit *hit)
{
    struct align align;
    const struct weir_screening *index = scratch->index;
    align.scratch = scratch;
    align.name = &index->names[name];
    align.units = index->name_units + align.name->unit_first;
    align.pair_count = 0;
    align.query_left = (uint32_t)((1ull << scratch->words.count) - 1);
    align.name_left = (uint32_t)((1ull << align.name->word_count) - 1);
    align.query_sum = 0;
    align.name_sum = 0;
    align.hit = hit;
    gather(&align);
    for (uint32_t i = 0; i < align.pair_count; i++) {
        const struct pair *pair = &align.pairs[i];
        if ((pair->query_words & ~align.query_left) == 0 &&
            (pair->name_words & ~align.name_left) == 0)
            take(&align, pair);
    }
    if (align.query_left != 0 && align.name_left != 0)
        take_initials(&align);
    uint64_t q = align.query_sum / scratch->weight_sum;
    uint64_t n = align.name_sum / align.name->weight_sum;
    return q + n == 0 ? 0 : (uint32_t)(3 * q * n / (2 * n + q));
}
