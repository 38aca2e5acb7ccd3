/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How common the words of names are in the world, apart from the lists:
 * "apex" may stand in one listed name and in every hundredth firm's.
 */
#include "screen.h"

/* "wordC wordL ": in order; the letter is the bits, A for none. */
static const char background[] =
#include "screen_background.def"
    ;

/* The word that begins at `at`, up to its letter. */
static weir_span
word_at(size_t at)
{
    weir_span word = {background + at, 0};
    while (word.ptr[word.len] >= 'a' && word.ptr[word.len] <= 'z')
        word.len++;
    return word;
}

static size_t
begin_of(size_t at)
{
    while (at > 0 && background[at - 1] != ' ')
        at--;
    return at;
}

bool
weir__screen_background_is_sorted(void)
{
    weir_span before = word_at(0);
    for (size_t at = before.len + 2; at + 1 < sizeof(background);) {
        weir_span word = word_at(at);
        if (word.len == 0 || weir_span_compare(before, word) >= 0)
            return false;
        before = word;
        at += word.len + 2;
    }
    return true;
}

uint32_t
weir__screen_background(weir_span text)
{
    size_t low = 0;
    size_t high = sizeof(background) - 1;
    while (low < high) {
        size_t middle = begin_of((low + high - 1) / 2);
        weir_span word = word_at(middle);
        int order = weir_span_compare(word, text);
        if (order == 0)
            return (uint32_t)(word.ptr[word.len] - 'A') * 8;
        if (order < 0)
            low = middle + word.len + 2;
        else
            high = middle;
    }
    return UINT32_MAX;
}

#define LIST_LEAST 16384u /* a short list does not make its words common */
#define PLAIN_MOST 3u

uint8_t
weir__screen_rarity(weir_span text, uint8_t rank, uint32_t entries,
                    uint32_t all)
{
    /* in eighths of a bit */
    static const uint8_t steps[] = {40, 54, 66, 78, 90, 102};
    uint32_t bits = weir__screen_bits(entries > 0 ? entries : 1,
                                      all > LIST_LEAST ? all : LIST_LEAST);
    uint32_t known = weir__screen_background(text);
    uint8_t rarity = 1;
    if (rank >= SCREEN_STOP || text.len == 1)
        return 0;
    bits = known < bits ? known : bits;
    for (size_t i = 0; i < WEIR_COUNTOF(steps); i++)
        rarity = (uint8_t)(rarity + (bits >= steps[i]));
    return rank == SCREEN_PLAIN && rarity > PLAIN_MOST ? PLAIN_MOST : rarity;
}
