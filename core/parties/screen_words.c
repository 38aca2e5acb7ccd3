/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that are not names: legal forms go, abbreviations are written out,
 * plain words are marked. Rows: screen_words.def.
 *
 * Forms are tried in the order of the table (long before short), over and
 * over, until none is left: "Holding Co. Ltd. GmbH" loses all three. A name
 * that would lose everything keeps everything.
 */
#include "screen.h"

#include <string.h>

struct legal_row {
    const char *phrase;
    enum { ANY, LAST, EDGE } where;
};

#define WEIR_LEGAL(phrase, where, languages)
#define WEIR_GLUED(form)
#define WEIR_SHORT(from, to)
#define WEIR_STOP(word)
#define WEIR_PLAIN(word)

#undef WEIR_LEGAL
#define WEIR_LEGAL(phrase, where, languages) {phrase, where},
static const struct legal_row forms[] = {
#include "screen_words.def"
};
#undef WEIR_LEGAL
#define WEIR_LEGAL(phrase, where, languages)

#undef WEIR_GLUED
#define WEIR_GLUED(form) form,
static const char *const glued[] = {
#include "screen_words.def"
};
#undef WEIR_GLUED
#define WEIR_GLUED(form)

#undef WEIR_SHORT
#define WEIR_SHORT(from, to) {from, to},
static const char *const shorts[][2] = {
#include "screen_words.def"
};
#undef WEIR_SHORT
#define WEIR_SHORT(from, to)

#undef WEIR_STOP
#undef WEIR_PLAIN
#define WEIR_STOP(word)  {word, SCREEN_STOP},
#define WEIR_PLAIN(word) {word, SCREEN_PLAIN},
static const struct {
    const char *word;
    uint8_t rank;
} plain[] = {
#include "screen_words.def"
};

static bool
equals(weir_span word, const char *text)
{
    return word.ptr[0] == text[0] && weir_span_equal(word, weir_span_of(text));
}

/* Number of words from `at` on that are the phrase; 0: they are not. */
static uint32_t
phrase_at(const struct screen_words *words, uint32_t at, const char *phrase)
{
    uint32_t first = at;
    for (; at < words->count; at++) {
        weir_span word = words->words[at].text;
        if (word.ptr[0] != phrase[0] ||
            !weir_span_starts(weir_span_of(phrase), word))
            return 0;
        phrase += word.len;
        if (*phrase == '\0')
            return at - first + 1;
        if (*phrase++ != ' ')
            return 0;
    }
    return 0;
}

static void
cut(struct screen_words *words, uint32_t at, uint32_t count)
{
    for (uint32_t i = at + count; i < words->count; i++)
        words->words[i - count] = words->words[i];
    words->count -= count;
}

static bool
strip_one(struct screen_words *words)
{
    for (size_t row = 0; row < WEIR_COUNTOF(forms); row++)
        for (uint32_t at = 0; at < words->count; at++) {
            uint32_t count = phrase_at(words, at, forms[row].phrase);
            bool is_last = at + count == words->count;
            if (count == 0 || (forms[row].where == LAST && !is_last) ||
                (forms[row].where == EDGE && !is_last && at != 0))
                continue;
            if (count == words->count)
                return false;
            cut(words, at, count);
            return true;
        }
    return false;
}

#define GLUED_LEAST 4u /* letters that stay before the form */

static bool
unglue(struct screen_words *words)
{
    weir_span *last = &words->words[words->count - 1].text;
    for (size_t row = 0; row < WEIR_COUNTOF(glued); row++) {
        weir_span form = weir_span_of(glued[row]);
        if (last->len >= form.len + GLUED_LEAST &&
            weir_span_ends(*last, form)) {
            last->len -= form.len;
            return true;
        }
    }
    return false;
}

void
weir__screen_strip(struct screen_words *words)
{
    while (words->count > 0 && (strip_one(words) || unglue(words)))
        continue;
    for (uint32_t i = 0; i < words->count; i++) {
        struct screen_word *word = &words->words[i];
        word->rank = SCREEN_NAMES;
        for (size_t row = 0; row < WEIR_COUNTOF(shorts); row++)
            if (equals(word->text, shorts[row][0])) {
                word->text = weir_span_of(shorts[row][1]);
                break;
            }
        for (size_t row = 0; row < WEIR_COUNTOF(plain); row++)
            if (equals(word->text, plain[row].word)) {
                word->rank = plain[row].rank;
                break;
            }
    }
}
