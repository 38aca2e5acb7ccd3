/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The score of one listed name.
 *
 * Words are paired, the most alike first, each used once; order does not
 * count. Let q be the share of the query's weight that found a partner,
 * each word counted by its similarity, and n the same for the listed name.
 * How much of the two is the same is their mean 5qn / (3n + 2q): a word
 * that only one of them has costs, more when it is rare, and more when the
 * query has it: a short form of a listed name is the likelier one to mean
 * it.
 *
 * EVIDENCE. "Adex" is three quarters of "Apex", and every second firm has
 * such a name; of "Turbinenwerke" three quarters are enough. So it is also
 * counted what the pairs say: a rare and long word much, each letter that
 * differs takes away what it takes to name one of the words that would do
 * as well. Evidence moves the score: up to +160, and down without which a
 * short name would meet one in a hundred strangers. The numbers were chosen
 * on one half of names and strangers and measured on the other
 * (docs/measured/screening.md).
 *
 * LEFTOVERS. Words that no key led to are measured one by one when half of
 * the query is matched already. Initials stand for words that begin with
 * them; both are tried when all else is paired.
 */
#include "screen_query.h"

/* Every word with every word: of a name that repeats one, all are needed. */
#define PAIRS_MAX          (WEIR_SCREENING_WORDS_MAX * WEIR_SCREENING_WORDS_MAX + 64u)
#define INITIAL_SIMILARITY 800u

/* Evidence, in eighths of a bit. */
#define EVIDENCE_INITIAL    8u
#define EVIDENCE_SOUND      20u /* less, for another spelling of one sound */
#define EVIDENCE_EDIT       52u /* less, for each letter that differs */
#define SOUND_SIMILARITY    960u
#define EVIDENCE_MIDDLE     150 /* leaves a score as it is */
#define EVIDENCE_LOST       80  /* so much lost: all of the shift down counts */
#define SHIFT_DOWN          12  /* of the score for a bit under the middle */
#define SHIFT_UP            33  /* over it */
#define SHIFT_DOWN_MAX      550
#define INEXACT             40 /* a score so far from whole: all of it counts */

#define LEFTOVER_SIMILARITY 600u
#define SCORE_MAX           ((int32_t)WEIR_SCREENING_SCORE_MAX)

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
    uint32_t evidence;
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

/* What the pair says in eighths of a bit. A spelling that differs is one of
 * many that would do, which takes away what it takes to name one of them. */
static uint32_t
evidence_of(const struct align *align, const struct pair *pair)
{
    const struct screen_unit *unit = unit_of(align, pair->name_unit);
    weir_span text = align->scratch->units[pair->query_unit].text;
    uint32_t evidence = unit->evidence;
    uint32_t len =
        (uint32_t)(text.len > unit->text.len ? text.len : unit->text.len);
    if (pair->how == WEIR_HOW_INITIAL)
        return EVIDENCE_INITIAL;
    bool is_same_sound =
        pair->how == WEIR_HOW_SOUND && pair->similarity >= SOUND_SIMILARITY;
    uint32_t cost =
        is_same_sound ? EVIDENCE_SOUND
                      : (1000 - pair->similarity) * len * EVIDENCE_EDIT / 1000;
    return evidence > cost ? evidence - cost : 0;
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
    align->evidence += evidence_of(align, pair);
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

/* Words that no key led to, measured one by one: two typos in one word are
 * believed beside other words that are right. */
static void
take_leftovers(struct align *align)
{
    const struct weir_screening_scratch *scratch = align->scratch;
    if (align->query_sum < (uint64_t)scratch->weight_sum * LEFTOVER_LEAST)
        return;
    for (uint32_t q = 0; q < scratch->words.count; q++)
        for (uint32_t n = 0; n < align->name->word_count; n++) {
            const struct screen_unit *unit = unit_of(align, n);
            enum weir_screening_how how;
            if ((align->query_left >> q & 1) == 0 ||
                (align->name_left >> n & 1) == 0)
                continue;
            uint32_t similarity = weir__screen_similarity(
                scratch->words.words[q].text, &scratch->heard[q].heard,
                unit->text, &unit->heard,
                scratch->words.words[q].is_foreign || unit->is_foreign, &how);
            if (similarity < LEFTOVER_SIMILARITY)
                continue;
            struct pair pair = {.query_words = 1u << q,
                                .name_words = 1u << n,
                                .query_unit = q,
                                .name_unit = n,
                                .similarity = similarity,
                                .how = how};
            take(align, &pair);
        }
}

/* How far evidence moves the score. Downwards only as far as something is
 * not as listed: a name of three letters that is the same is the same. */
static int32_t
shift_of(const struct align *align, int32_t base)
{
    int32_t over = (int32_t)align->evidence - EVIDENCE_MIDDLE;
    int32_t shift = over * (over > 0 ? SHIFT_UP : SHIFT_DOWN) / 8;
    if (over >= 0)
        return shift < SCREEN_SHIFT_MAX ? shift : SCREEN_SHIFT_MAX;
    int32_t lost = ((int32_t)align->name->evidence - (int32_t)align->evidence) *
                   1000 / EVIDENCE_LOST;
    int32_t inexact = (SCORE_MAX - base) * 1000 / INEXACT;
    int32_t part = lost > inexact ? lost : inexact;
    if (part < 1000)
        shift = shift * part / 1000;
    return shift > -SHIFT_DOWN_MAX ? shift : -SHIFT_DOWN_MAX;
}

static uint32_t
score_of(const struct align *align)
{
    uint64_t q = align->query_sum / align->scratch->weight_sum;
    uint64_t n = align->name_sum / align->name->weight_sum;
    if (q + n == 0)
        return 0;
    int32_t base = (int32_t)(5 * q * n / (3 * n + 2 * q));
    if (base == SCORE_MAX)
        return WEIR_SCREENING_SCORE_MAX;
    int32_t score = base + shift_of(align, base);
    score = score < SCORE_MAX ? score : SCORE_MAX - 1;
    return score < 0 ? 0 : (uint32_t)score;
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
    align.evidence = 0;
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
    if (align.query_left != 0 && align.name_left != 0)
        take_leftovers(&align);
    return score_of(&align);
}
