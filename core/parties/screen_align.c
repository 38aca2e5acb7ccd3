/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The score of one listed name.
 *
 * Words are paired, the most alike first, each used once; order decides
 * nothing. Then everything that is seen is added up: each pair, by how rare
 * and long the listed word is and by how it differs; each word that is left
 * on either side; and the whole (how many words are left here and there,
 * what kind of name it is). What each is worth stands in screen_points.def.
 *
 * EVIDENCE. "Adex" is three quarters of "Apex", and every second firm has
 * such a name; of "Turbinenwerke" three quarters are enough. One rare word
 * that is left of a name says whom it means; "Trading" and "Ali" do not.
 * That is why a share of letters or words that agree is no score.
 *
 * LEFTOVERS. Initials stand for words that begin with them, and words that
 * no key led to are measured one by one, when the others say enough
 * already.
 */
#include "screen_query.h"

#include <string.h>

/* Every word with every word: of a name that repeats one, all are needed. */
#define PAIRS_MAX           (WEIR_SCREENING_WORDS_MAX * WEIR_SCREENING_WORDS_MAX + 64u)
#define INITIAL_SIMILARITY  800u
#define INITIALS_MAX        2u /* the bound of a query counts so many */

#define LEFTOVER_SIMILARITY 600u

struct pair {
    uint32_t query_words;
    uint32_t name_words;
    uint32_t query_unit;
    uint32_t name_unit; /* place within the name */
    uint32_t rank;
    struct screen_likeness likeness;
};

struct taken {
    uint8_t query;
    uint8_t name;
};

struct align {
    const struct weir_screening_scratch *scratch;
    const struct screen_name *name;
    const uint32_t *units; /* of the name */
    uint32_t pair_count;
    uint32_t query_left;
    uint32_t name_left;
    uint32_t inexact; /* pairs that differ */
    uint32_t telling; /* pairs of words that say something */
    bool is_turned;   /* order differs */
    int32_t points;
    struct weir_screening_hit *hit;
    struct screen_seen *seen;
    uint32_t taken_count;
    struct taken taken[WEIR_SCREENING_WORDS_MAX];
    struct pair pairs[PAIRS_MAX];
};

/* The points of it. */
static int32_t
see(struct align *align, uint32_t feature)
{
    int32_t points = weir__screen_points(feature);
    align->points += points;
    if (align->seen != NULL && align->seen->count < SCREEN_SEEN_MAX)
        align->seen->features[align->seen->count++] = (uint16_t)feature;
    return points;
}

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
    bool is_joined = pair.likeness.how == WEIR_HOW_JOINED;
    /* of equals, a word before two that are one only when joined */
    pair.rank = (pair.likeness.similarity * 2u + !is_joined) * 4096 +
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
            struct pair pair = {
                .query_words = scratch->units[like->query_unit].words,
                .name_words = joins ? 3u << (place - words) : 1u << place,
                .query_unit = like->query_unit,
                .name_unit = place,
                .likeness = like->likeness};
            if (joins || joined)
                pair.likeness.how = WEIR_HOW_JOINED;
            add_pair(align, pair);
        }
    }
}

static int32_t
see_pair(struct align *align, const struct pair *pair)
{
    const struct screen_unit *unit = unit_of(align, pair->name_unit);
    weir_span text = align->scratch->units[pair->query_unit].text;
    uint32_t features[SCREEN_PAIR_FEATURES];
    struct screen_likeness likeness = pair->likeness;
    int32_t points = 0;
    if (likeness.how == WEIR_HOW_INITIAL) {

        uint32_t rarity = unit->text.len > 1
                              ? unit->rarity
                              : align->scratch->rarities[pair->query_unit];
        return see(align, SEE_INITIAL + rarity);
    }
    bool is_joined = likeness.how == WEIR_HOW_JOINED;
    if (is_joined)
        likeness.how = WEIR_HOW_EQUAL;
    uint32_t count = weir__screen_pair(unit, text, &likeness, features);
    for (uint32_t i = 0; i < count; i++)
        points += see(align, features[i]);
    if (is_joined)
        points += see(align, SEE_JOINED + weir__screen_length(unit->text.len));
    align->inexact += count > 1;
    align->telling += unit->rarity > 1;
    return points;
}

static void
take(struct align *align, const struct pair *pair)
{
    uint32_t place = (uint32_t)__builtin_ctz(pair->name_words);
    uint32_t from = (uint32_t)__builtin_ctz(pair->query_words);
    align->query_left &= ~pair->query_words;
    align->name_left &= ~pair->name_words;
    for (uint32_t i = 0; i < align->taken_count; i++)
        align->is_turned |=
            (align->taken[i].query < from) != (align->taken[i].name < place);
    align->taken[align->taken_count++] =
        (struct taken){(uint8_t)from, (uint8_t)place};
    int32_t points = see_pair(align, pair);
    if (align->hit != NULL &&
        align->hit->match_count < WEIR_SCREENING_WORDS_MAX)
        align->hit->matches[align->hit->match_count++] =
            (struct weir_screening_match){
                .query = align->scratch->units[pair->query_unit].text,
                .listed = unit_of(align, pair->name_unit)->text,
                .how = (enum weir_screening_how)pair->likeness.how,
                .similarity = pair->likeness.similarity,
                .weight = name_weight(align, pair->name_words),
                .points = points};
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
                                .likeness = {.similarity = INITIAL_SIMILARITY,
                                             .how = WEIR_HOW_INITIAL}};
            take(align, &pair);
        }
}

/* Words that no key led to, measured one by one: two typos in one word are
 * believed beside other words that are right. */
static void
take_leftovers(struct align *align)
{
    const struct weir_screening_scratch *scratch = align->scratch;
    for (uint32_t q = 0; q < scratch->words.count; q++)
        for (uint32_t n = 0; n < align->name->word_count; n++) {
            const struct screen_unit *unit = unit_of(align, n);
            if ((align->query_left >> q & 1) == 0 ||
                (align->name_left >> n & 1) == 0)
                continue;
            struct screen_likeness likeness = weir__screen_likeness(
                scratch->words.words[q].text, &scratch->heard[q].heard,
                unit->text, &unit->heard,
                scratch->words.words[q].is_foreign || unit->is_foreign);
            if (likeness.similarity < LEFTOVER_SIMILARITY)
                continue;
            struct pair pair = {.query_words = 1u << q,
                                .name_words = 1u << n,
                                .query_unit = q,
                                .name_unit = n,
                                .likeness = likeness};
            take(align, &pair);
        }
}

static uint32_t
at_most(uint32_t value, uint32_t most)
{
    return value < most ? value : most;
}

/* Words without a partner, and the two names as wholes. */
static void
see_whole(struct align *align)
{
    const struct weir_screening_scratch *scratch = align->scratch;
    const struct screen_name *name = align->name;
    const struct weir_screening_rows *rows = scratch->index->rows;
    uint32_t person = name->is_person;
    uint32_t query_left = 0;
    uint32_t name_left = 0;
    for (uint32_t left = align->query_left; left != 0; left &= left - 1) {
        uint32_t q = (uint32_t)__builtin_ctz(left);
        uint8_t rarity = scratch->rarities[q];
        see(align, weir__screen_query_left(scratch->words.words[q].text, rarity,
                                           name->is_person));
        query_left += rarity > 0;
    }
    for (uint32_t left = align->name_left; left != 0; left &= left - 1) {
        const struct screen_unit *unit =
            unit_of(align, (uint32_t)__builtin_ctz(left));
        see(align, SEE_NAME_LEFT +
                       (person * SCREEN_RARITIES + unit->rarity) * 3 +
                       weir__screen_length_class(unit->text));
        name_left += unit->rarity > 0;
    }
    uint32_t shape = at_most(query_left, SCREEN_SHAPES - 1);
    shape = shape * SCREEN_SHAPES + at_most(name_left, SCREEN_SHAPES - 1);
    shape = shape * SCREEN_SHAPES + at_most(align->telling, SCREEN_SHAPES - 1);
    see(align, SEE_SHAPE + shape);
    see(align, SEE_INEXACT + at_most(align->inexact, 3));
    see(align, SEE_SUBJECT +
                   (uint32_t)rows->entry_rows[name->entry].subject * 2 +
                   scratch->words.has_form);
    /* a person's names come in either order */
    if (align->is_turned && !person)
        see(align, SEE_TURNED);
    if (rows->name_rows[name->row].is_weak)
        see(align, SEE_WEAK);
    if (name->has_surname && (align->name_left & 1) != 0)
        see(align, SEE_SURNAME_LEFT);
}

uint32_t
weir__screen_align(const struct weir_screening_scratch *scratch, uint32_t name,
                   struct weir_screening_hit *hit, struct screen_seen *seen)
{
    struct align align;
    const struct weir_screening *index = scratch->index;
    memset(&align, 0, offsetof(struct align, pairs));
    align.scratch = scratch;
    align.name = &index->names[name];
    align.units = index->name_units + align.name->unit_first;
    align.query_left = (uint32_t)((1ull << scratch->words.count) - 1);
    align.name_left = (uint32_t)((1ull << align.name->word_count) - 1);
    align.hit = hit;
    align.seen = seen;
    gather(&align);
    for (uint32_t i = 0; i < align.pair_count; i++) {
        const struct pair *pair = &align.pairs[i];
        if ((pair->query_words & ~align.query_left) == 0 &&
            (pair->name_words & ~align.name_left) == 0)
            take(&align, pair);
    }
    if (align.points >= SCREEN_LEFTOVER_POINTS && align.query_left != 0 &&
        align.name_left != 0) {
        take_initials(&align);
        take_leftovers(&align);
    }
    see_whole(&align);
    return weir__screen_score(align.points);
}
