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
    weir_span phrase;
    enum { ANY, LAST, EDGE } where;
};

#define WEIR_LEGAL(phrase, where, languages)
#define WEIR_GLUED(form)
#define WEIR_SHORT(from, to)
#define WEIR_STOP(word)
#define WEIR_TORN(word)
#define WEIR_PLAIN(word)

#undef WEIR_LEGAL
#define WEIR_LEGAL(phrase, where, languages)                                   \
    {{phrase, sizeof(phrase) - 1}, where},
static const struct legal_row forms[] = {
#include "screen_words.def"
};
#undef WEIR_LEGAL
#define WEIR_LEGAL(phrase, where, languages)

#undef WEIR_GLUED
#define WEIR_GLUED(form) {form, sizeof(form) - 1},
static const weir_span glued[] = {
#include "screen_words.def"
};
#undef WEIR_GLUED
#define WEIR_GLUED(form)

#undef WEIR_SHORT
#define WEIR_SHORT(from, to) {{from, sizeof(from) - 1}, {to, sizeof(to) - 1}},
static const struct short_row {
    weir_span from;
    weir_span to;
} shorts[] = {
#include "screen_words.def"
};
#undef WEIR_SHORT
#define WEIR_SHORT(from, to)

#undef WEIR_STOP
#undef WEIR_TORN
#undef WEIR_PLAIN
#define WEIR_RANK(word, rank) {{word, sizeof(word) - 1}, rank},
#define WEIR_STOP(word)       WEIR_RANK(word, SCREEN_STOP)
#define WEIR_TORN(word)       WEIR_RANK(word, SCREEN_TORN)
#define WEIR_PLAIN(word)      WEIR_RANK(word, SCREEN_PLAIN)
static const struct rank_row {
    weir_span word;
    uint8_t rank;
} ranks[] = {
#include "screen_words.def"
};

static const struct short_row *
find_short(weir_span word)
{
    size_t low = 0;
    size_t high = WEIR_COUNTOF(shorts);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = weir_span_compare(shorts[middle].from, word);
        if (order == 0)
            return &shorts[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static const struct rank_row *
find_rank(weir_span word)
{
    size_t low = 0;
    size_t high = WEIR_COUNTOF(ranks);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = weir_span_compare(ranks[middle].word, word);
        if (order == 0)
            return &ranks[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool
weir__screen_words_are_sorted(void)
{
    bool is_sorted = true;
    for (size_t i = 1; i < WEIR_COUNTOF(shorts); i++)
        is_sorted &= weir_span_compare(shorts[i - 1].from, shorts[i].from) < 0;
    for (size_t i = 1; i < WEIR_COUNTOF(ranks); i++)
        is_sorted &= weir_span_compare(ranks[i - 1].word, ranks[i].word) < 0;
    return is_sorted;
}

#define FORM_LEAST 5u /* letters of a word of a form that a typo spares */
#define FORM_LONG  8u /* spares two */

/* Letters that the rough sound of a first letter may come from. */
static uint32_t
rough_class(char c)
{
    switch (c) {
    case 'c':
    case 'k':
    case 'q':
        return 3; /* k and what is read as z */
    case 's':
    case 'z':
    case 'j':
    case 'd':
    case 't':
        return 2;
    case 'y':
    case 'e':
    case 'i':
        return 4;
    case 'o':
    case 'u':
        return 8;
    default:
        return 16u << (c & 31) % 27;
    }
}

static bool
is_same_rough(weir_span text, weir_span form)
{
    char bytes[2][SCREEN_HEARD_MAX];
    if (form.len < 2 || text.len > form.len + 3 || form.len > text.len + 3 ||
        (rough_class(text.ptr[0]) & rough_class(form.ptr[0])) == 0)
        return false;
    return weir_span_equal(weir__screen_rough(text, bytes[0]),
                           weir__screen_rough(form, bytes[1]));
}

/* "Obschtschestwo" for obshchestvo, as German papers have it. */
static bool
is_same_sound(weir_span text, weir_span form)
{
    struct screen_sound a;
    struct screen_sound b;
    if (text.len < FORM_LONG || form.len < FORM_LONG ||
        text.ptr[1] != form.ptr[1])
        return false;
    weir__screen_sound(text, &a);
    weir__screen_sound(form, &b);
    return weir__screen_distance(a.heard.text, b.heard.text, 2) <= 2;
}

/* "Compny", "otvetstvenostiu"; in Cyrillic or Greek, by its rough sound:
 * "dzhoint stok kompani". */
static bool
is_form_word(const struct screen_word *word, weir_span form)
{
    weir_span text = word->text;
    if (weir_span_equal(text, form))
        return true;
    if (word->is_foreign)
        return is_same_rough(text, form);
    uint32_t most = form.len >= FORM_LONG ? 2 : 1;
    if (form.len < FORM_LEAST || text.ptr[0] != form.ptr[0])
        return false;
    if (text.len + most >= form.len && text.len <= form.len + most &&
        weir__screen_distance(text, form, most) <= most)
        return true;
    return is_same_sound(text, form);
}

/* Number of words from `at` on that are the phrase; 0: they are not. */
static uint32_t
phrase_at(const struct screen_words *words, uint32_t at, weir_span phrase)
{
    uint32_t first = at;
    for (; at < words->count; at++) {
        weir_span form = phrase;
        for (form.len = 0; form.len < phrase.len && phrase.ptr[form.len] != ' ';
             form.len++)
            continue;
        if (!is_form_word(&words->words[at], form))
            return 0;
        if (form.len == phrase.len)
            return at - first + 1;
        phrase.ptr += form.len + 1;
        phrase.len -= form.len + 1;
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
    uint32_t first = 0; /* letters of words, five bits of each */
    for (uint32_t i = 0; i < words->count; i++)
        first |= words->words[i].is_foreign
                     ? UINT32_MAX
                     : 1u << (words->words[i].text.ptr[0] & 31);
    for (size_t row = 0; row < WEIR_COUNTOF(forms); row++)
        for (uint32_t at = 0;
             at < words->count &&
             (first >> (forms[row].phrase.ptr[0] & 31) & 1) != 0;
             at++) {
            if (words->words[at].text.ptr[0] != forms[row].phrase.ptr[0] &&
                !words->words[at].is_foreign)
                continue;
            uint32_t count = phrase_at(words, at, forms[row].phrase);
            bool is_last = at + count == words->count;
            if (count == 0 || (forms[row].where == LAST && !is_last) ||
                (forms[row].where == EDGE && !is_last && at != 0))
                continue;
            if (count == words->count)
                return false;
            cut(words, at, count);
            words->has_form = true;
            return true;
        }
    return false;
}

#define GLUED_LEAST 4u /* letters that stay before the form */

/* "Hebrons.a." */
static bool
unglue_sa(struct screen_words *words)
{
    if (words->count < 2)
        return false;
    weir_span *before = &words->words[words->count - 2].text;
    if (!weir_span_equal(words->words[words->count - 1].text, WEIR_SPAN("a")) ||
        before->len <= GLUED_LEAST || before->ptr[before->len - 1] != 's')
        return false;
    before->len--;
    words->count--;
    return true;
}

/* Of a form of few letters, more must stay: many words end like it. */
static bool
unglue(struct screen_words *words)
{
    for (uint32_t i = 0; i < words->count; i++) {
        weir_span *word = &words->words[i].text;
        for (size_t row = 0; row < WEIR_COUNTOF(glued); row++) {
            weir_span form = glued[row];
            if (word->len >= form.len + GLUED_LEAST - (form.len > 3) &&
                weir_span_ends(*word, form)) {
                word->len -= form.len;
                return true;
            }
        }
    }
    return false;
}

#define LONG_LEAST 6u /* letters of a word that one typo does not hide */

/* One edit behind the first letter from the long word `other`. */
static bool
is_nearly(weir_span word, weir_span other)
{
    if (other.len < LONG_LEAST || word.len + 1 < other.len ||
        word.len > other.len + 1)
        return false;
    return weir__screen_distance(word, other, 1) == 1;
}

/* The first row of `count` that begins with this letter or a later one. */
#define FIRST_OF(rows, member, letter, at_out)                                 \
    do {                                                                       \
        size_t low_ = 0;                                                       \
        size_t high_ = WEIR_COUNTOF(rows);                                     \
        while (low_ < high_) {                                                 \
            size_t middle_ = (low_ + high_) / 2;                               \
            if (rows[middle_].member.ptr[0] < (letter))                        \
                low_ = middle_ + 1;                                            \
            else                                                               \
                high_ = middle_;                                               \
        }                                                                      \
        (at_out) = low_;                                                       \
    } while (0)

/* "Corproation", "Technolgies": what they are meant to be. */
static weir_span
mend(weir_span word)
{
    if (word.len < LONG_LEAST || find_rank(word) != NULL)
        return word;
    size_t row;
    FIRST_OF(shorts, from, word.ptr[0], row);
    for (; row < WEIR_COUNTOF(shorts) && shorts[row].from.ptr[0] == word.ptr[0];
         row++)
        if (is_nearly(word, shorts[row].from))
            return shorts[row].to;
    FIRST_OF(ranks, word, word.ptr[0], row);
    for (; row < WEIR_COUNTOF(ranks) && ranks[row].word.ptr[0] == word.ptr[0];
         row++)
        if (is_nearly(word, ranks[row].word))
            return ranks[row].word;
    return word;
}

void
weir__screen_strip(struct screen_words *words)
{
    while (words->count > 0 &&
           (strip_one(words) || unglue(words) || unglue_sa(words)))
        continue;
    for (uint32_t i = 0; i < words->count; i++) {
        struct screen_word *word = &words->words[i];
        const struct short_row *written = find_short(word->text);
        word->raw = word->text;
        word->text = written != NULL ? written->to : mend(word->text);
        const struct rank_row *row = find_rank(word->text);
        word->rank = row != NULL ? row->rank : SCREEN_NAMES;
    }
}
