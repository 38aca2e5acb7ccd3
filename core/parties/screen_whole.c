/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that are the same after folding: the same words in any order, or
 * the same letters in order whatever the blanks ("Mahan Airco." is "Mahan
 * Air Co."), with or without legal forms. They score 1000 however
 * little they say: the list has this very name.
 */
#include "screen_query.h"

#include <stdlib.h>
#include <string.h>

#define LETTERS_SEED 1u
#define WORDS_SEED   2u
#define FOLDED_SEED  3u

/* A sum, so that order does not count. */
static uint64_t
hash_words(const struct screen_words *words)
{
    uint64_t sum = words->count;
    for (uint32_t i = 0; i < words->count; i++)
        sum += weir_hash64(words->words[i].text, WORDS_SEED);
    return sum;
}

static weir_span
join(const struct screen_words *words, char *bytes, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < words->count; i++) {
        weir_span raw = words->words[i].raw;
        size_t part = raw.len < size - used ? raw.len : size - used;
        memcpy(bytes + used, raw.ptr, part);
        used += part;
    }
    return (weir_span){bytes, used};
}

static weir_span
folded(const struct screen_words *words)
{
    return (weir_span){words->bytes, words->folded_len};
}

static uint64_t
hash_letters(const struct screen_words *words)
{
    char bytes[WEIR_SCREENING_WORDS_MAX * SCREEN_WORD_MAX];
    return weir_hash64(join(words, bytes, sizeof bytes), LETTERS_SEED);
}

void
weir__screen_whole_hashes(const struct screen_words *words,
                          uint64_t hashes_out[SCREEN_WHOLE_HASHES])
{
    hashes_out[0] = hash_words(words);
    hashes_out[1] = hash_letters(words);
    hashes_out[2] = weir_hash64(folded(words), FOLDED_SEED);
}

static int
compare(const void *a, const void *b)
{
    const struct screen_whole *x = a;
    const struct screen_whole *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

void
weir__screen_whole_sort(struct weir_screening *index)
{
    qsort(index->wholes, index->whole_count, sizeof(index->wholes[0]), compare);
}

uint32_t
weir__screen_whole_first(const struct weir_screening *index, uint64_t hash)
{
    uint32_t low = 0;
    uint32_t high = index->whole_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (index->wholes[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What the hashes say, letter by letter. */
static bool
are_same(const struct screen_words *a, const struct screen_words *b)
{
    char bytes[2][WEIR_SCREENING_WORDS_MAX * SCREEN_WORD_MAX];
    uint32_t used = 0;
    if (weir_span_equal(folded(a), folded(b)) ||
        weir_span_equal(join(a, bytes[0], sizeof bytes[0]),
                        join(b, bytes[1], sizeof bytes[1])))
        return true;
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t j = 0;
        while (j < b->count &&
               ((used >> j & 1) != 0 ||
                !weir_span_equal(a->words[i].text, b->words[j].text)))
            j++;
        if (j == b->count)
            return false;
        used |= 1u << j;
    }
    return true;
}

bool
weir__screen_is_whole(struct weir_screening_scratch *scratch, uint32_t name)
{
    const struct weir_screening *index = scratch->index;
    uint32_t row = index->names[name].row;
    weir__screen_words(index->rows->name_rows[row].text, &scratch->other);
    return are_same(&scratch->words, &scratch->other);
}
