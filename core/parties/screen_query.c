/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query: words, listed words like them, names with those, scores.
 *
 * WHICH WORDS LEAD TO NAMES. A score is a sum of points, so what a name can
 * reach at most is known before it is measured: the points of the words it
 * shares and the most that everything else can add. Common words with many
 * names are not followed as long as a name that has only those could not
 * reach the threshold; their points are counted as found when a name is
 * judged worth measuring, so the bound holds. Names that are the same are
 * looked up as wholes, however little they say.
 *
 * All arrays by word, name or entry carry the number of the query that last
 * wrote there, so nothing is cleared between queries.
 */
#include "screen_query.h"

#include <string.h>

#define SIMILARITY_LEAST 700u /* of words; less is another word */
#define SYLLABLES_MAX    4u
#define POINTS_LEAST     (-100) /* of two words; below it they are two */

struct weir_screening_scratch *
weir_screening_scratch_new(const struct weir_screening *index,
                           struct weir_arena *arena)
{
    struct weir_screening_scratch *scratch =
        weir_arena_alloc(arena, sizeof(*scratch));
    uint32_t entries = index->rows->entry_count + 1;
    uint32_t *units =
        weir_arena_array(arena, uint32_t, 2 * ((size_t)index->unit_count + 1));
    uint32_t *candidates =
        weir_arena_array(arena, uint32_t, (size_t)index->name_count + 1);
    struct screen_reach *reach = weir_arena_array(
        arena, struct screen_reach, (size_t)index->name_count + 1);
    uint32_t *by_entry = weir_arena_array(arena, uint32_t, 2 * (size_t)entries);
    struct screen_found *found =
        weir_arena_array(arena, struct screen_found, entries);
    if (arena->overflow)
        return NULL;
    scratch->index = index;
    scratch->like_epoch = units;
    scratch->like_head = units + index->unit_count + 1;
    scratch->reach = reach;
    scratch->candidates = candidates;
    scratch->entry_epoch = by_entry;
    scratch->entry_found = by_entry + entries;
    scratch->found = found;
    return scratch;
}

/* A new number; after four billion queries all marks are cleared once. */
static void
begin(struct weir_screening_scratch *scratch)
{
    const struct weir_screening *index = scratch->index;
    scratch->like_count = 0;
    scratch->candidate_count = 0;
    scratch->found_count = 0;
    scratch->unit_count = 0;
    if (++scratch->epoch != 0)
        return;
    memset(scratch->like_epoch, 0, sizeof(uint32_t) * index->unit_count);
    memset(scratch->reach, 0, sizeof(struct screen_reach) * index->name_count);
    memset(scratch->entry_epoch, 0,
           sizeof(uint32_t) * index->rows->entry_count);
    scratch->epoch = 1;
}

/* --------------------------------------------------------- like words */

static void
add_like(struct weir_screening_scratch *scratch, uint32_t query_unit,
         uint32_t unit, struct screen_likeness likeness)
{
    uint32_t features[SCREEN_PAIR_FEATURES];
    int32_t points = 0;
    uint32_t head = scratch->like_epoch[unit] == scratch->epoch
                        ? scratch->like_head[unit]
                        : SCREEN_NONE;
    if (scratch->like_count == SCREEN_LIKES_MAX)
        return;
    uint32_t count =
        weir__screen_pair(&scratch->index->units[unit],
                          scratch->units[query_unit].text, &likeness, features);
    for (uint32_t i = 0; i < count; i++)
        points += weir__screen_points(features[i]);
    if (points < POINTS_LEAST)
        return;
    uint32_t at = scratch->like_count++;
    scratch->likes[at] = (struct screen_like){
        unit, likeness, (uint8_t)query_unit, (int16_t)points, head};
    scratch->like_epoch[unit] = scratch->epoch;
    scratch->like_head[unit] = at;
}

static bool
is_known(const struct weir_screening_scratch *scratch, uint32_t query_unit,
         uint32_t unit)
{
    if (scratch->like_epoch[unit] != scratch->epoch)
        return false;
    for (uint32_t i = scratch->like_head[unit]; i != SCREEN_NONE;
         i = scratch->likes[i].next)
        if (scratch->likes[i].query_unit == query_unit)
            return true;
    return false;
}

static void
find_by_keys(struct weir_screening_scratch *scratch, uint32_t query_unit,
             weir_span text)
{
    const struct weir_screening *index = scratch->index;
    uint32_t hashes[SCREEN_KEYS_MAX];
    const struct screen_heard *heard = &scratch->heard[query_unit].heard;
    bool is_foreign = scratch->words.words[query_unit].is_foreign;
    weir__screen_sound(text, &scratch->heard[query_unit]);
    uint32_t count = weir__screen_keys(text, heard, hashes);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t bucket = hashes[i] >> (32 - index->key_bits);
        for (uint32_t k = index->key_first[bucket];
             k < index->key_first[bucket + 1]; k++) {
            uint32_t unit = index->keys[k].unit;
            if (index->keys[k].hash != hashes[i] ||
                is_known(scratch, query_unit, unit))
                continue;
            const struct screen_unit *listed = &index->units[unit];
            struct screen_likeness likeness =
                weir__screen_likeness(text, heard, listed->text, &listed->heard,
                                      is_foreign || listed->is_foreign);
            if (likeness.similarity >= SIMILARITY_LEAST)
                add_like(scratch, query_unit, unit, likeness);
        }
    }
}

static void
find_likes(struct weir_screening_scratch *scratch, uint32_t query_unit)
{
    struct screen_query_unit *unit = &scratch->units[query_unit];
    uint32_t same = weir__screen_unit(scratch->index, unit->text);
    unit->like_first = scratch->like_count;
    if (same != SCREEN_NONE)
        add_like(
            scratch, query_unit, same,
            (struct screen_likeness){.similarity = WEIR_SCREENING_SCORE_MAX,
                                     .how = WEIR_HOW_EQUAL});
    if (query_unit < scratch->words.count)
        find_by_keys(scratch, query_unit, unit->text);
    unit->like_count = scratch->like_count - unit->like_first;
}

/* A listed word weighs what it weighs there; an unlisted one like its
 * nearest listed spelling, else as much as any word can. */
static uint32_t
weight_of(const struct weir_screening_scratch *scratch, uint32_t word)
{
    const struct weir_screening *index = scratch->index;
    const struct screen_query_unit *unit = &scratch->units[word];
    uint32_t best = SCREEN_NONE;
    for (uint32_t i = 0; i < unit->like_count; i++) {
        const struct screen_like *like = &scratch->likes[unit->like_first + i];
        if (index->units[like->unit].is_word &&
            (best == SCREEN_NONE ||
             like->likeness.similarity >
                 scratch->likes[best].likeness.similarity))
            best = unit->like_first + i;
    }
    if (best != SCREEN_NONE)
        return index->units[scratch->likes[best].unit].weight;
    return weir__screen_weight(unit->text, scratch->words.words[word].rank, 1,
                               index->name_count + 1);
}

/* `count` neighbours from `first` on, written as one. */
static void
add_join(struct weir_screening_scratch *scratch, uint32_t first, uint32_t count)
{
    uint32_t unit = scratch->unit_count++;
    char *bytes = scratch->joined[unit - scratch->words.count];
    size_t len = 0;
    for (uint32_t i = first; i < first + count; i++) {
        weir_span raw = scratch->words.words[i].raw;
        size_t part =
            raw.len < SCREEN_WORD_MAX - len ? raw.len : SCREEN_WORD_MAX - len;
        memcpy(bytes + len, raw.ptr, part);
        len += part;
    }
    scratch->units[unit] = (struct screen_query_unit){
        .text = {bytes, len}, .words = ((1u << count) - 1) << first};
}

static bool
are_syllables(const struct screen_words *words, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++)
        if (i >= words->count || !words->words[i].is_syllable)
            return false;
    return true;
}

/* The most points of a word that no listed word pairs with by its key. */
static int32_t
miss_of(weir_span text, uint8_t rarity)
{
    int32_t most = INT32_MIN;
    for (int person = 0; person < 2; person++) {
        int32_t points = weir__screen_points(
            weir__screen_query_left(text, rarity, person != 0));
        most = points > most ? points : most;
    }
    return most;
}

/* Characters are a word each, and names in pinyin have up to four of them
 * in one. */
static void
prepare(struct weir_screening_scratch *scratch)
{
    uint32_t words = scratch->words.count;
    for (uint32_t i = 0; i < words; i++)
        scratch->units[i] = (struct screen_query_unit){
            .text = scratch->words.words[i].text, .words = 1u << i};
    scratch->unit_count = words;
    for (uint32_t i = 0; i + 1 < words; i++)
        add_join(scratch, i, 2);
    for (uint32_t count = 3; count <= SYLLABLES_MAX; count++)
        for (uint32_t i = 0; i < words; i++)
            if (are_syllables(&scratch->words, i, count))
                add_join(scratch, i, count);
    for (uint32_t i = 0; i < scratch->unit_count; i++)
        find_likes(scratch, i);
    scratch->misses_sum = 0;
    for (uint32_t i = 0; i < words; i++) {
        const struct screen_word *word = &scratch->words.words[i];
        uint32_t same = weir__screen_unit(scratch->index, word->text);
        scratch->weights[i] = weight_of(scratch, i);
        scratch->rarities[i] =
            same != SCREEN_NONE && scratch->index->units[same].is_word
                ? scratch->index->units[same].rarity
                : weir__screen_rarity(word->text, word->rank, 1, 1);
        scratch->misses[i] = miss_of(word->text, scratch->rarities[i]);
        scratch->misses_sum += scratch->misses[i];
    }
}

/* ----------------------------------------------------------- candidates */

static uint64_t
names_of(const struct weir_screening_scratch *scratch, uint32_t word)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < scratch->like_count; i++)
        if (scratch->units[scratch->likes[i].query_unit].words >> word & 1)
            count += scratch->index->units[scratch->likes[i].unit].name_count;
    return count;
}

/* The most points that a word of the query can bring. */
static int32_t
most_of(const struct weir_screening_scratch *scratch, uint32_t word)
{
    int32_t most = 0;
    for (uint32_t i = 0; i < scratch->like_count; i++) {
        const struct screen_like *like = &scratch->likes[i];
        if ((scratch->units[like->query_unit].words >> word & 1) &&
            like->points > most)
            most = like->points;
    }
    return most;
}

/* A name that shares words that are not followed, at most. */
struct unfollowed {
    int32_t sum;  /* points of the words */
    int32_t gain; /* over missing them */
};

/* Words of the query that are like no listed one are left in the end; the
 * most that the shape of such a pair of names is worth. */
static int32_t
shape_most(const struct weir_screening_scratch *scratch)
{
    uint32_t liked = 0;
    uint32_t alone = 0;
    int32_t most = INT32_MIN;
    for (uint32_t i = 0; i < scratch->unit_count; i++)
        if (scratch->units[i].like_count > 0)
            liked |= scratch->units[i].words;
    for (uint32_t i = 0; i < scratch->words.count; i++)
        alone += (liked >> i & 1) == 0 && scratch->rarities[i] > 0;
    alone = alone < SCREEN_SHAPES ? alone : SCREEN_SHAPES - 1;
    for (uint32_t feature = SEE_SHAPE + alone * SCREEN_SHAPES * SCREEN_SHAPES;
         feature <= SEE_SHAPE_LAST; feature++) {
        int32_t points = weir__screen_points(feature);
        most = points > most ? points : most;
    }
    return most;
}

/* Bits of the words that are followed: those that have the most names are
 * left out while a name that shares nothing else stays below `needed`. */
static uint32_t
followed_words(const struct weir_screening_scratch *scratch, int32_t needed,
               struct unfollowed *left)
{
    uint32_t words = scratch->words.count;
    uint32_t followed = (uint32_t)((1ull << words) - 1);
    uint64_t names[WEIR_SCREENING_WORDS_MAX];
    for (uint32_t i = 0; i < words; i++)
        names[i] = names_of(scratch, i);
    for (uint32_t round = 0; round < words; round++) {
        uint32_t most = SCREEN_NONE;
        for (uint32_t i = 0; i < words; i++)
            if ((followed >> i & 1) &&
                (most == SCREEN_NONE || names[i] > names[most]))
                most = i;
        int32_t points = most_of(scratch, most);
        int32_t gain = points - scratch->misses[most];
        gain = gain > 0 ? gain : 0;
        if (left->sum + points >= SCREEN_LEFTOVER_POINTS ||
            scratch->misses_sum + left->gain + gain >= needed)
            break;
        followed &= ~(1u << most);
        left->sum += points;
        left->gain += gain;
    }
    return followed;
}

static int32_t
missing(const struct weir_screening_scratch *scratch, uint32_t query_unit)
{
    int32_t sum = 0;
    for (uint32_t bits = scratch->units[query_unit].words; bits != 0;
         bits &= bits - 1)
        sum += scratch->misses[__builtin_ctz(bits)];
    return sum;
}

static void
follow(struct weir_screening_scratch *scratch, uint32_t followed)
{
    const struct weir_screening *index = scratch->index;
    for (uint32_t i = 0; i < scratch->like_count; i++) {
        const struct screen_like *like = &scratch->likes[i];
        if ((scratch->units[like->query_unit].words & followed) == 0)
            continue;
        int32_t points = like->points > 0 ? like->points : 0;
        int32_t gain = like->points - missing(scratch, like->query_unit);
        gain = gain > 0 ? gain : 0;
        const struct screen_unit *unit = &index->units[like->unit];
        for (uint32_t j = 0; j < unit->name_count; j++) {
            uint32_t name = index->postings[unit->name_first + j];
            struct screen_reach *reach = &scratch->reach[name];
            if (reach->epoch != scratch->epoch) {
                *reach = (struct screen_reach){scratch->epoch, 0, 0};
                scratch->candidates[scratch->candidate_count++] = name;
            }
            reach->sum += points;
            reach->gain += gain;
        }
    }
}

/* ---------------------------------------------------------------- answer */

static void
keep(struct weir_screening_scratch *scratch, struct screen_found found)
{
    uint32_t at = scratch->found_count;
    if (scratch->entry_epoch[found.entry] == scratch->epoch) {
        at = scratch->entry_found[found.entry];
        if (scratch->found[at].score >= found.score)
            return;
    } else {
        scratch->entry_epoch[found.entry] = scratch->epoch;
        scratch->entry_found[found.entry] = at;
        scratch->found_count++;
    }
    scratch->found[at] = found;
}

/* What is seen of names as wholes is worth nothing at best; of the kind of
 * name it is known what. */
static void
subject_points(const struct weir_screening_scratch *scratch,
               int32_t points_out[SCREEN_SUBJECTS])
{
    for (uint32_t i = 0; i < SCREEN_SUBJECTS; i++)
        points_out[i] =
            weir__screen_points(SEE_SUBJECT + i * 2 + scratch->words.has_form);
}

/* A name below LEFTOVER_POINTS gets nothing for initials and for words that
 * no key led to. */
static void
find_names(struct weir_screening_scratch *scratch, uint32_t threshold)
{
    const struct weir_screening *index = scratch->index;
    int32_t needed = weir__screen_needed(threshold);
    int32_t subjects[SCREEN_SUBJECTS];
    struct unfollowed left = {0, 0};
    prepare(scratch);
    needed -= shape_most(scratch);
    subject_points(scratch, subjects);
    follow(scratch, followed_words(scratch, needed, &left));
    for (uint32_t i = 0; i < scratch->candidate_count; i++) {
        uint32_t name = scratch->candidates[i];
        int32_t most = scratch->misses_sum + left.gain +
                       scratch->reach[name].gain +
                       subjects[index->names[name].subject];
        if (most < needed &&
            scratch->reach[name].sum + left.sum < SCREEN_LEFTOVER_POINTS)
            continue;
        uint32_t score = weir__screen_align(scratch, name, NULL, NULL);
        if (score >= threshold)
            keep(scratch, (struct screen_found){index->names[name].entry, score,
                                                name, SCREEN_NONE});
    }
}

static void
find_wholes(struct weir_screening_scratch *scratch)
{
    const struct weir_screening *index = scratch->index;
    uint64_t hashes[SCREEN_WHOLE_HASHES];
    weir__screen_whole_hashes(&scratch->words, hashes);
    for (uint32_t i = 0; i < SCREEN_WHOLE_HASHES; i++)
        for (uint32_t at = weir__screen_whole_first(index, hashes[i]);
             at < index->whole_count && index->wholes[at].hash == hashes[i];
             at++) {
            uint32_t name = index->wholes[at].name;
            if (weir__screen_is_whole(scratch, name))
                keep(scratch, (struct screen_found){index->names[name].entry,
                                                    WEIR_SCREENING_SCORE_MAX,
                                                    name, SCREEN_NONE});
        }
}

static void
find_identifiers(struct weir_screening_scratch *scratch, weir_span text)
{
    const struct weir_screening *index = scratch->index;
    const struct weir_screening_rows *rows = index->rows;
    weir_span id = weir__screen_identifier(text, scratch->identifier);
    char bytes[SCREEN_ID_MAX];
    uint32_t low = 0;
    uint32_t high = index->id_count;
    scratch->identifier_len = id.len;
    if (id.len == 0)
        return;
    uint64_t hash = weir_hash64(id, 0);
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (index->ids[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < index->id_count && index->ids[low].hash == hash; low++) {
        const struct weir_screening_identifier *listed =
            &rows->identifier_rows[index->ids[low].row];
        if (weir_span_equal(weir__screen_identifier(listed->text, bytes), id))
            keep(scratch,
                 (struct screen_found){listed->entry, WEIR_SCREENING_SCORE_MAX,
                                       SCREEN_NONE, index->ids[low].row});
    }
}

static bool
is_before(const struct screen_found *a, const struct screen_found *b)
{
    return a->score != b->score ? a->score > b->score : a->entry < b->entry;
}

static void
fill_hit(const struct weir_screening_scratch *scratch,
         const struct screen_found *found, struct weir_screening_hit *hit)
{
    hit->score = found->score;
    hit->entry = found->entry;
    hit->identifier = found->identifier;
    hit->name = SCREEN_NONE;
    hit->match_count = 0;
    if (found->name != SCREEN_NONE) {
        hit->name = scratch->index->names[found->name].row;
        (void)weir__screen_align(scratch, found->name, hit, NULL);
        return;
    }
    hit->match_count = 1;
    hit->matches[0] = (struct weir_screening_match){
        .query = {scratch->identifier, scratch->identifier_len},
        .listed = scratch->index->rows->identifier_rows[found->identifier].text,
        .how = WEIR_HOW_IDENTIFIER,
        .similarity = WEIR_SCREENING_SCORE_MAX,
        .weight = scratch->index->weight_max};
}

struct weir_screening_answer
weir_screening_query(const struct weir_screening *index,
                     struct weir_screening_scratch *scratch, weir_span text,
                     uint32_t threshold, struct weir_screening_hit *hits_out,
                     uint32_t max)
{
    struct weir_screening_answer answer = {0};
    WEIR_ASSERT(threshold >= 1 && threshold <= WEIR_SCREENING_SCORE_MAX);
    WEIR_ASSERT(scratch->index == index);
    begin(scratch);
    weir__screen_words(text, &scratch->words);
    answer.is_cut = scratch->words.is_cut;
    answer.is_empty = scratch->words.count == 0;
    find_identifiers(scratch, text);
    if (!answer.is_empty)
        find_wholes(scratch);
    if (!answer.is_empty)
        find_names(scratch, threshold);
    answer.total = scratch->found_count;
    for (; answer.count < max && answer.count < answer.total; answer.count++) {
        struct screen_found *found = scratch->found;
        uint32_t best = answer.count;
        for (uint32_t i = best + 1; i < answer.total; i++)
            if (is_before(&found[i], &found[best]))
                best = i;
        struct screen_found first = found[best];
        found[best] = found[answer.count];
        found[answer.count] = first;
        fill_hit(scratch, &first, &hits_out[answer.count]);
    }
    return answer;
}

const char *
weir_screening_how_name(enum weir_screening_how how)
{
    static const char *const names[] = {
        "none", "equal", "sound", "typo", "initial", "joined", "identifier"};
    return (size_t)how < WEIR_COUNTOF(names) ? names[how] : names[0];
}
