/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The index: from words of listed names to the names, and from keys of
 * words to the words.
 *
 *   query word --keys--> units --postings--> names --> entries
 *
 * A unit is a word of some name, or two neighbours written as one ("hua
 * wei"). A word is found with one letter lost, added, changed or swapped
 * because it and the listed word share a key made by losing one letter;
 * with other spellings because they share their sound or their consonants.
 * What is found this way is then measured, so keys decide what is looked
 * at, never what is a hit.
 *
 * WHY NOT TRIGRAMS. A trigram of a common word has ten thousand names; a
 * word with one letter lost has a few. The price is that two typos in one
 * word are found only where they spare the consonants or the sound.
 *
 * Everything is counted in a first pass and allocated once.
 */
#include "screen.h"

#include <stdlib.h>
#include <string.h>

struct build {
    struct weir_screening *index;
    struct weir_arena *arena;
    struct screen_words words;
    uint32_t *word_names;   /* [unit]: names it is a word of */
    uint32_t *word_entries; /* [unit]: entries, likewise */
    uint32_t *last_entry;   /* [unit]: + 1, of those counted */
    uint32_t *by_entry;     /* rows of names in the order of entries */
    uint8_t *ranks;         /* [unit] */
    uint32_t unit_max;
    uint32_t used; /* of name_units */
};

static uint32_t
power_above(uint32_t count)
{
    uint32_t power = 16;
    while (power < count)
        power *= 2;
    return power;
}

/* ETOOBIG tells the caller's arena. */
static weir_status
full(const struct build *build, struct weir_error *err)
{
    return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                     "the index of names needs more than %zu bytes",
                     build->arena->max);
}

static weir_status
check_rows(const struct weir_screening_rows *rows, struct weir_error *err)
{
    bool is_sound = true;
    for (uint32_t i = 0; i < rows->entry_count; i++)
        is_sound &= rows->entry_rows[i].list < rows->list_count;
    for (uint32_t i = 0; i < rows->name_count; i++)
        is_sound &= rows->name_rows[i].entry < rows->entry_count;
    for (uint32_t i = 0; i < rows->identifier_count; i++)
        is_sound &= rows->identifier_rows[i].entry < rows->entry_count;
    if (!is_sound)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a row names an entry or list that is not there");
    return WEIR_OK;
}

static weir_status
allocate(struct build *build, struct weir_error *err)
{
    struct weir_screening *index = build->index;
    const struct weir_screening_rows *rows = index->rows;
    uint32_t words = 0;
    for (uint32_t i = 0; i < rows->name_count; i++) {
        weir__screen_words(rows->name_rows[i].text, &build->words);
        words += build->words.count;
    }
    build->unit_max = 2 * words + 1;
    index->unit_mask = power_above(2 * build->unit_max) - 1;
    index->units =
        weir_arena_array(build->arena, struct screen_unit, build->unit_max);
    index->unit_table =
        weir_arena_array(build->arena, uint32_t, index->unit_mask + 1);
    index->name_units =
        weir_arena_array(build->arena, uint32_t, build->unit_max);
    index->names = weir_arena_array(build->arena, struct screen_name,
                                    rows->name_count + 1);
    index->postings = weir_arena_array(build->arena, uint32_t, build->unit_max);
    build->word_names =
        weir_arena_array(build->arena, uint32_t, build->unit_max);
    build->word_entries =
        weir_arena_array(build->arena, uint32_t, build->unit_max);
    build->last_entry =
        weir_arena_array(build->arena, uint32_t, build->unit_max);
    build->by_entry =
        weir_arena_array(build->arena, uint32_t, rows->name_count + 1);
    build->ranks = weir_arena_array(build->arena, uint8_t, build->unit_max);
    index->wholes =
        weir_arena_array(build->arena, struct screen_whole,
                         SCREEN_WHOLE_HASHES * (size_t)rows->name_count + 1);
    if (build->arena->overflow)
        return full(build, err);
    memset(index->unit_table, 0xFF,
           ((size_t)index->unit_mask + 1) * sizeof(uint32_t));
    return WEIR_OK;
}

/* The unit with this text, made where there is none. */
static uint32_t
intern(struct build *build, weir_span text)
{
    struct weir_screening *index = build->index;
    uint32_t unit = weir__screen_unit(index, text);
    if (unit != SCREEN_NONE)
        return unit;
    uint32_t slot = (uint32_t)weir_hash64(text, 0) & index->unit_mask;
    while (index->unit_table[slot] != SCREEN_NONE)
        slot = (slot + 1) & index->unit_mask;
    WEIR_ASSERT(index->unit_count < build->unit_max);
    unit = index->unit_count++;
    index->unit_table[slot] = unit;
    index->units[unit].text = weir_arena_copy(build->arena, text);
    return unit;
}

/* Counts a unit of a name once, however often the name has it. */
static void
add_unit(struct build *build, const struct screen_name *name, uint32_t unit,
         bool is_word)
{
    struct weir_screening *index = build->index;
    bool is_new = true;
    for (uint32_t i = name->unit_first; i < build->used; i++)
        is_new &= index->name_units[i] != unit;
    index->name_units[build->used++] = unit;
    if (is_word)
        index->units[unit].is_word = true;
    if (is_new)
        index->units[unit].name_count++;
    if (!is_new || !is_word)
        return;
    build->word_names[unit]++;
    /* aliases repeat a word: it is still one party's */
    if (build->last_entry[unit] != name->entry + 1)
        build->word_entries[unit]++;
    build->last_entry[unit] = name->entry + 1;
}

static void
add_name(struct build *build, uint32_t row)
{
    struct weir_screening *index = build->index;
    const struct weir_screening_name *from = &index->rows->name_rows[row];
    struct screen_words *words = &build->words;
    char joined[2 * SCREEN_WORD_MAX];
    weir__screen_words(from->text, words);
    if (words->count == 0)
        return;
    struct screen_name *name = &index->names[index->name_count++];
    name->row = row;
    name->entry = from->entry;
    name->unit_first = build->used;
    name->word_count = (uint16_t)words->count;
    name->subject = (uint8_t)index->rows->entry_rows[from->entry].subject;
    name->is_person =
        index->rows->entry_rows[from->entry].subject == WEIR_SUBJECT_PERSON;
    name->has_surname = name->is_person && words->count > 1 &&
                        memchr(from->text.ptr, ',', from->text.len) != NULL;
    uint64_t hashes[SCREEN_WHOLE_HASHES];
    weir__screen_whole_hashes(words, hashes);
    for (uint32_t i = 0; i < SCREEN_WHOLE_HASHES; i++)
        index->wholes[index->whole_count++] =
            (struct screen_whole){hashes[i], index->name_count - 1};
    for (uint32_t i = 0; i < words->count; i++) {
        uint32_t unit = intern(build, words->words[i].text);
        build->ranks[unit] = words->words[i].rank;
        index->units[unit].is_foreign |= words->words[i].is_foreign;
        add_unit(build, name, unit, true);
    }
    for (uint32_t i = 0; i + 1 < words->count; i++) {
        weir_span a = words->words[i].raw;
        weir_span b = words->words[i + 1].raw;
        memcpy(joined, a.ptr, a.len);
        memcpy(joined + a.len, b.ptr, b.len);
        size_t len = a.len + b.len;
        len = len < SCREEN_WORD_MAX ? len : SCREEN_WORD_MAX;
        add_unit(build, name, intern(build, (weir_span){joined, len}), false);
    }
}

/* A counting sort: stable, so names keep their order within an entry. */
static void
order_names(struct build *build)
{
    const struct weir_screening_rows *rows = build->index->rows;
    uint32_t *first =
        weir_arena_array(build->arena, uint32_t, (size_t)rows->entry_count + 2);
    if (build->arena->overflow)
        return;
    for (uint32_t i = 0; i < rows->name_count; i++)
        first[rows->name_rows[i].entry + 1]++;
    for (uint32_t i = 0; i < rows->entry_count; i++)
        first[i + 1] += first[i];
    for (uint32_t i = 0; i < rows->name_count; i++)
        build->by_entry[first[rows->name_rows[i].entry]++] = i;
}

static void
fill_postings(struct build *build)
{
    struct weir_screening *index = build->index;
    uint32_t at = 0;
    for (uint32_t i = 0; i < index->unit_count; i++) {
        index->units[i].name_first = at;
        at += index->units[i].name_count;
        index->units[i].name_count = 0;
    }
    for (uint32_t i = 0; i < index->name_count; i++) {
        uint32_t end =
            index->names[i].unit_first + 2u * index->names[i].word_count - 1;
        for (uint32_t j = index->names[i].unit_first; j < end; j++) {
            struct screen_unit *unit = &index->units[index->name_units[j]];
            uint32_t *last =
                &index->postings[unit->name_first + unit->name_count];
            if (unit->name_count > 0 && last[-1] == i)
                continue;
            *last = i;
            unit->name_count++;
        }
    }
}

static void
weigh(struct build *build)
{
    struct weir_screening *index = build->index;
    weir_span unseen = WEIR_SPAN("unseen");
    index->weight_max =
        weir__screen_weight(unseen, SCREEN_NAMES, 1, index->name_count + 1);
    for (uint32_t i = 0; i < index->unit_count; i++) {
        struct screen_unit *unit = &index->units[i];
        unit->weight =
            weir__screen_weight(unit->text, build->ranks[i],
                                build->word_names[i], index->name_count + 1);
        unit->rarity = weir__screen_rarity(unit->text, build->ranks[i],
                                           build->word_entries[i],
                                           index->rows->entry_count);
    }
    for (uint32_t i = 0; i < index->name_count; i++) {
        struct screen_name *name = &index->names[i];
        uint32_t sum = 0;
        for (uint32_t j = 0; j < name->word_count; j++) {
            uint32_t unit = index->name_units[name->unit_first + j];
            sum += index->units[unit].weight;
        }
        name->weight_sum = (uint16_t)sum;
    }
}

/* ---------------------------------------------------------------- keys */

/* Joins are looked for whole only: a typo and a lost blank in one word are
 * too much. */
static uint32_t
keys_of(const struct weir_screening *index, uint32_t unit,
        uint32_t hashes_out[SCREEN_KEYS_MAX])
{
    if (!index->units[unit].is_word)
        return 0;
    return weir__screen_keys(index->units[unit].text, &index->units[unit].heard,
                             hashes_out);
}

static void
keep_sounds(struct build *build)
{
    struct weir_screening *index = build->index;
    struct screen_sound sound;
    for (uint32_t i = 0; i < index->unit_count; i++) {
        struct screen_heard *heard = &index->units[i].heard;
        if (!index->units[i].is_word)
            continue;
        weir__screen_sound(index->units[i].text, &sound);
        heard->text = weir_arena_copy(build->arena, sound.heard.text);
        heard->skeleton = weir_arena_copy(build->arena, sound.heard.skeleton);
        for (uint32_t j = 0; j < SCREEN_READINGS; j++)
            heard->rough[j] =
                weir_arena_copy(build->arena, sound.heard.rough[j]);
    }
}

static weir_status
fill_keys(struct build *build, struct weir_error *err)
{
    struct weir_screening *index = build->index;
    uint32_t hashes[SCREEN_KEYS_MAX];
    keep_sounds(build);
    if (build->arena->overflow)
        return full(build, err);
    for (uint32_t i = 0; i < index->unit_count; i++)
        index->key_count += keys_of(index, i, hashes);
    index->key_bits = (uint32_t)__builtin_ctz(power_above(index->key_count));
    uint32_t shift = 32 - index->key_bits;
    uint32_t buckets = 1u << index->key_bits;
    index->keys =
        weir_arena_array(build->arena, struct screen_key, index->key_count + 1);
    index->key_first = weir_arena_array(build->arena, uint32_t, buckets + 2);
    if (build->arena->overflow)
        return full(build, err);
    /* counted two places on, filled one on: ends as first of each */
    uint32_t *first = index->key_first;
    for (uint32_t i = 0; i < index->unit_count; i++)
        for (uint32_t n = keys_of(index, i, hashes); n > 0; n--)
            first[(hashes[n - 1] >> shift) + 2]++;
    for (uint32_t i = 0; i < buckets; i++)
        first[i + 2] += first[i + 1];
    for (uint32_t i = 0; i < index->unit_count; i++)
        for (uint32_t n = keys_of(index, i, hashes); n > 0; n--) {
            uint32_t hash = hashes[n - 1];
            index->keys[first[(hash >> shift) + 1]++] =
                (struct screen_key){hash, i};
        }
    return WEIR_OK;
}

static int
compare_ids(const void *a, const void *b)
{
    const struct screen_listed_id *x = a;
    const struct screen_listed_id *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static weir_status
fill_ids(struct build *build, struct weir_error *err)
{
    struct weir_screening *index = build->index;
    const struct weir_screening_rows *rows = index->rows;
    char bytes[SCREEN_ID_MAX];
    index->ids = weir_arena_array(build->arena, struct screen_listed_id,
                                  rows->identifier_count + 1);
    if (build->arena->overflow)
        return full(build, err);
    for (uint32_t i = 0; i < rows->identifier_count; i++) {
        weir_span id =
            weir__screen_identifier(rows->identifier_rows[i].text, bytes);
        if (id.len > 0)
            index->ids[index->id_count++] =
                (struct screen_listed_id){weir_hash64(id, 0), i};
    }
    qsort(index->ids, index->id_count, sizeof(index->ids[0]), compare_ids);
    return WEIR_OK;
}

weir_status
weir_screening_build(const struct weir_screening_rows *rows,
                     struct weir_arena *arena,
                     const struct weir_screening **index_out,
                     struct weir_error *err)
{
    struct build *build = weir_arena_alloc(arena, sizeof(*build));
    struct weir_screening *index = weir_arena_alloc(arena, sizeof(*index));
    if (arena->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the index of names needs more than %zu bytes",
                         arena->max);
    build->index = index;
    build->arena = arena;
    index->rows = rows;
    weir_status status = check_rows(rows, err);
    if (status == WEIR_OK)
        status = allocate(build, err);
    if (status != WEIR_OK)
        return status;
    order_names(build);
    for (uint32_t i = 0; i < rows->name_count && !arena->overflow; i++)
        add_name(build, build->by_entry[i]);
    if (arena->overflow)
        return full(build, err);
    weir__screen_whole_sort(index);
    fill_postings(build);
    weigh(build);
    status = fill_keys(build, err);
    if (status == WEIR_OK)
        status = fill_ids(build, err);
    if (status == WEIR_OK)
        *index_out = index;
    return status;
}
