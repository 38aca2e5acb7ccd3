/* SPDX-License-Identifier: Apache-2.0 */
/* Keys under which a word is found again, and what a word weighs. */
#include "screen.h"

#include <string.h>

#define KEYED_LETTERS 4u /* shorter words are found whole only */
#define KEYED_HEARD   3u

/* Without the letters at `first` and `second`; SIZE_MAX: none. */
static uint32_t
hash(enum screen_key_kind kind, weir_span text, size_t first, size_t second)
{
    uint32_t h = 2166136261u ^ ((uint32_t)kind * 0x9E3779B9u);
    for (size_t i = 0; i < text.len; i++)
        if (i != first && i != second)
            h = (h ^ (unsigned char)text.ptr[i]) * 16777619u;
    h ^= h >> 15;
    h *= 0x85EBCA6Bu;
    return h ^ (h >> 13);
}

static uint32_t
keys_of_letters(weir_span word, uint32_t hashes_out[SCREEN_KEYS_MAX])
{
    uint32_t count = 0;
    bool twice = word.len >= SCREEN_TWICE_MIN && word.len <= SCREEN_TWICE_MAX;
    hashes_out[count++] = hash(KEY_LETTERS, word, SIZE_MAX, SIZE_MAX);
    for (size_t i = 0; i < word.len; i++) {
        /* of a doubled letter either one gives the same word */
        if (i > 0 && word.ptr[i] == word.ptr[i - 1])
            continue;
        hashes_out[count++] = hash(KEY_LETTERS, word, i, SIZE_MAX);
        for (size_t j = i + 1; twice && j < word.len; j++)
            hashes_out[count++] = hash(KEY_LETTERS, word, i, j);
    }
    return count;
}

uint32_t
weir__screen_keys(weir_span word, const struct screen_heard *heard,
                  uint32_t hashes_out[SCREEN_KEYS_MAX])
{
    uint32_t count = 0;
    if (word.len >= KEYED_LETTERS)
        count = keys_of_letters(word, hashes_out);
    if (heard->text.len > 1)
        hashes_out[count++] = hash(KEY_SOUND, heard->text, SIZE_MAX, SIZE_MAX);
    if (heard->skeleton.len >= KEYED_HEARD)
        hashes_out[count++] =
            hash(KEY_SKELETON, heard->skeleton, SIZE_MAX, SIZE_MAX);
    for (uint32_t i = 0; i < SCREEN_READINGS; i++)
        if (heard->rough[i].len > 1)
            hashes_out[count++] =
                hash(KEY_ROUGH, heard->rough[i], SIZE_MAX, SIZE_MAX);
    return count;
}

/* Eight times the binary logarithm of all / names, straight between powers. */
uint32_t
weir__screen_bits(uint32_t names, uint32_t all)
{
    uint64_t ratio = ((uint64_t)all << 8) / (names > 0 ? names : 1);
    uint32_t log = 63u - (uint32_t)__builtin_clzll(ratio | 1);
    uint32_t rest = log >= 3 ? (uint32_t)(ratio >> (log - 3)) & 7u : 0;
    uint32_t value = log * 8 + rest;
    return value > 64 ? value - 64 : 0;
}

#define WEIGHT_LEAST   24u
#define WEIGHT_LETTER  20u /* a single letter */
#define WEIGHT_SHORT_N 2u  /* bytes: up to here a word weighs half */

uint32_t
weir__screen_weight(weir_span text, uint8_t rank, uint32_t names, uint32_t all)
{
    static const uint8_t divisors[] = {1, 2, 6, 16}; /* enum screen_rank */
    uint32_t weight = WEIGHT_LEAST + weir__screen_bits(names, all);
    if (text.len == 1)
        return WEIGHT_LETTER;
    if (text.len <= WEIGHT_SHORT_N)
        weight = weight / 2 > WEIGHT_LEAST ? weight / 2 : WEIGHT_LEAST;
    return weight / divisors[rank];
}

static uint32_t
slot_of(const struct weir_screening *index, weir_span text)
{
    return (uint32_t)weir_hash64(text, 0) & index->unit_mask;
}

uint32_t
weir__screen_unit(const struct weir_screening *index, weir_span text)
{
    for (uint32_t slot = slot_of(index, text);;
         slot = (slot + 1) & index->unit_mask) {
        uint32_t unit = index->unit_table[slot];
        if (unit == SCREEN_NONE ||
            weir_span_equal(index->units[unit].text, text))
            return unit;
    }
}
