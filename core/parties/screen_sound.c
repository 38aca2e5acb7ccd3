/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How alike two words are.
 *
 * SOUND. The same word is written down from another script in many ways:
 * Yusef, Youssef, Jusuf. A word is therefore also reduced to what stays:
 * spellings of one consonant become one, e and i, o and u become one,
 * doubled letters single. The skeleton leaves the vowels out, too.
 *
 * SIMILARITY. The share of letters that need not be touched to make one
 * word of the other, taken over the letters and, a little lower, over the
 * sound; half the missing part is forgiven when the skeletons are equal.
 */
#include "screen.h"

#include <string.h>

struct rule {
    uint8_t len; /* of `from` */
    char from[8];
    char to[3];
};
#define RULE(from, to)                                                         \
    {                                                                          \
        sizeof(from) - 1, from, to                                             \
    }

/* Longest first; tried in order at each place. What no rule has stays. */
static const struct rule rules[] = {
    RULE("schtsch", "s"), RULE("chtch", "s"), RULE("shch", "s"),
    RULE("tsch", "c"),    RULE("sch", "s"),   RULE("tch", "c"),
    RULE("dzh", "j"),     RULE("dsch", "j"),  RULE("ph", "f"),
    RULE("kh", "h"),      RULE("gh", "g"),    RULE("zh", "j"),
    RULE("sh", "s"),      RULE("th", "t"),    RULE("ch", "c"),
    RULE("dj", "j"),      RULE("dh", "d"),    RULE("ck", "k"),
    RULE("ce", "si"),     RULE("ci", "si"),   RULE("cy", "si"),
    RULE("c", "k"),       RULE("que", "ki"),  RULE("qui", "ki"),
    RULE("q", "k"),       RULE("x", "ks"),    RULE("w", "v"),
    RULE("ts", "s"),      RULE("tz", "s"),    RULE("z", "s"),
    RULE("ou", "u"),      RULE("oo", "u"),    RULE("ee", "i"),
    RULE("oe", "u"),      RULE("ue", "u"),    RULE("ae", "i"),
    RULE("ay", "ai"),     RULE("ey", "i"),    RULE("ei", "i"),
    RULE("ya", "ia"),     RULE("ja", "ia"),   RULE("yu", "iu"),
    RULE("ju", "iu"),     RULE("yo", "iu"),   RULE("ye", "i"),
    RULE("ie", "i"),      RULE("iy", "i"),    RULE("ii", "i"),
    RULE("y", "i"),       RULE("e", "i"),     RULE("o", "u"),
};

/* What is left of a word on its way through Cyrillic or Greek, where j, y,
 * zh and ch stand for several sounds, h for none or for kh, and Greek d, b
 * and g are also nt, mp and nk. The first reading hears j and ch as English
 * does, the second as the continent. */
/* clang-format off */
#define ROUGH_RULES                                                            \
    RULE("kh", ""), RULE("gh", "g"), RULE("th", "t"), RULE("dh", "d"),         \
    RULE("ph", "f"), RULE("ck", "k"), RULE("que", "ki"), RULE("qui", "ki"),    \
    RULE("q", "k"), RULE("x", "kz"), RULE("nt", "d"), RULE("nd", "d"),         \
    RULE("mp", "b"), RULE("mb", "b"), RULE("nk", "g"), RULE("ng", "g"),        \
    RULE("gk", "g"), RULE("w", "v"), RULE("s", "z"), RULE("y", "i"),           \
    RULE("e", "i"), RULE("o", "u"), RULE("h", "")
/* clang-format on */

static const struct rule rough_english[] = {
    RULE("shch", "z"), RULE("tsch", "z"), RULE("dzh", "z"), RULE("sch", "z"),
    RULE("tch", "z"),  RULE("ddj", "z"),  RULE("dj", "z"),  RULE("zh", "z"),
    RULE("ch", "z"),   RULE("sh", "z"),   RULE("ce", "zi"), RULE("ci", "zi"),
    RULE("cy", "zi"),  RULE("ts", "z"),   RULE("tz", "z"),  RULE("dz", "z"),
    RULE("j", "z"),    ROUGH_RULES,       RULE("c", "k"),
};

static const struct rule rough_continent[] = {
    RULE("shch", "z"), RULE("tsch", "z"), RULE("dzh", "i"), RULE("sch", "z"),
    RULE("dj", "i"),   RULE("zh", "i"),   RULE("ch", ""),   RULE("sh", "z"),
    RULE("ts", "z"),   RULE("tz", "i"),   RULE("dz", "i"),  RULE("j", "i"),
    ROUGH_RULES,       RULE("c", "z"),
};

static const struct rule *
rule_at(weir_span word, size_t at, const struct rule *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (word.ptr[at] == table[i].from[0] && table[i].len <= word.len - at &&
            memcmp(word.ptr + at, table[i].from, table[i].len) == 0)
            return &table[i];
    return NULL;
}

/* Doubled letters once. */
static void
add(weir_span *heard, char *bytes, char c)
{
    if (heard->len > 0 && bytes[heard->len - 1] == c)
        return;
    bytes[heard->len++] = c;
}

static weir_span
hear(weir_span word, const struct rule *table, size_t count, char *bytes)
{
    weir_span heard = {bytes, 0};
    for (size_t at = 0; at < word.len;) {
        const struct rule *rule = rule_at(word, at, table, count);
        /* an h that closes a syllable is not heard */
        if (rule == NULL && word.ptr[at] == 'h' && at > 0 &&
            at + 1 == word.len) {
            at++;
            continue;
        }
        if (rule == NULL) {
            add(&heard, bytes, word.ptr[at++]);
            continue;
        }
        for (const char *c = rule->to; *c != '\0'; c++)
            add(&heard, bytes, *c);
        at += rule->len;
    }
    return heard;
}

weir_span
weir__screen_rough(weir_span word, char bytes[SCREEN_HEARD_MAX])
{
    if (word.len > SCREEN_WORD_MAX)
        word.len = SCREEN_WORD_MAX;
    return hear(word, rough_english, WEIR_COUNTOF(rough_english), bytes);
}

void
weir__screen_sound(weir_span word, struct screen_sound *sound_out)
{
    struct screen_heard *heard = &sound_out->heard;
    if (word.len > SCREEN_WORD_MAX)
        word.len = SCREEN_WORD_MAX;
    heard->text = hear(word, rules, WEIR_COUNTOF(rules), sound_out->bytes[0]);
    heard->skeleton = (weir_span){sound_out->bytes[1], 0};
    for (size_t i = 0; i < heard->text.len; i++) {
        char c = heard->text.ptr[i];
        if (c != 'a' && c != 'i' && c != 'u')
            add(&heard->skeleton, sound_out->bytes[1], c);
    }
    heard->rough[0] = hear(word, rough_english, WEIR_COUNTOF(rough_english),
                           sound_out->bytes[2]);
    heard->rough[1] = hear(word, rough_continent, WEIR_COUNTOF(rough_continent),
                           sound_out->bytes[3]);
}

static uint32_t
least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment, three rows at a time. */
uint32_t
weir__screen_distance(weir_span a, weir_span b, uint32_t most)
{
    uint8_t rows[3][SCREEN_HEARD_MAX + 1];
    uint8_t *above2 = rows[0];
    uint8_t *above = rows[1];
    uint8_t *here = rows[2];
    if (a.len > b.len + most || b.len > a.len + most)
        return most + 1;
    WEIR_ASSERT(b.len <= SCREEN_HEARD_MAX);
    for (size_t j = 0; j <= b.len; j++)
        above[j] = (uint8_t)j;
    for (size_t i = 1; i <= a.len; i++) {
        uint32_t best = here[0] = (uint8_t)i;
        for (size_t j = 1; j <= b.len; j++) {
            uint32_t cost = a.ptr[i - 1] == b.ptr[j - 1] ? 0 : 1;
            uint32_t value =
                least(least(above[j], here[j - 1]) + 1u, above[j - 1] + cost);
            if (cost == 1 && i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
                a.ptr[i - 2] == b.ptr[j - 1])
                value = least(value, above2[j - 2] + 1u);
            here[j] = (uint8_t)value;
            best = least(best, value);
        }
        if (best > most)
            return most + 1;
        uint8_t *spare = above2;
        above2 = above;
        above = here;
        here = spare;
    }
    return above[b.len];
}

#define DISTANCE_MOST  3u
#define SOUND_COST     40u /* of another spelling of the same sound */
#define ROUGH_COST     60u /* of what another script may have made of it */
#define SKELETON_LEAST 3u  /* letters; shorter ones say too little */
#define LETTERS_LEAST  3u  /* shorter words are equal or not */

/* Which of the letters a word has, five bits of each byte. */
static uint32_t
letters_of(weir_span word)
{
    uint32_t set = 0;
    for (size_t i = 0; i < word.len; i++)
        set |= 1u << (word.ptr[i] & 31);
    return set;
}

/* Edits that leave less than three fifths of a word are not counted;
 * similarity 0 then. */
static struct screen_likeness
share(weir_span a, weir_span b, enum screen_by by)
{
    struct screen_likeness none = {.by = (uint8_t)by};
    uint32_t len = (uint32_t)(a.len > b.len ? a.len : b.len);
    uint32_t most = least((len * 2 + 2) / 5, DISTANCE_MOST);
    /* an edit changes two letters of the set at most */
    uint32_t apart =
        (uint32_t)__builtin_popcount(letters_of(a) ^ letters_of(b));
    if (apart > 2 * most)
        return none;
    uint32_t distance = weir__screen_distance(a, b, most);
    if (distance > most || distance >= len)
        return none;
    uint32_t similarity = 1000 - 1000 * distance / len;
    uint32_t cost = by == BY_SOUND   ? SOUND_COST
                    : by == BY_ROUGH ? ROUGH_COST
                                     : 0;
    return (struct screen_likeness){
        .similarity = (uint16_t)(similarity > cost ? similarity - cost : 0),
        .how = by == BY_LETTERS ? WEIR_HOW_TYPO : WEIR_HOW_SOUND,
        .by = (uint8_t)by,
        .edits = (uint8_t)distance};
}

static void
prefer(struct screen_likeness *best, struct screen_likeness other)
{
    if (other.similarity > best->similarity)
        *best = other;
}

struct screen_likeness
weir__screen_likeness(weir_span a, const struct screen_heard *a_heard,
                      weir_span b, const struct screen_heard *b_heard,
                      bool is_foreign)
{
    struct screen_likeness best = {.similarity = WEIR_SCREENING_SCORE_MAX,
                                   .how = WEIR_HOW_EQUAL};
    if (weir_span_equal(a, b))
        return best;
    if (a_heard->text.len > 1 && weir_span_equal(a_heard->text, b_heard->text))
        return share(a_heard->text, b_heard->text, BY_SOUND);
    best = (struct screen_likeness){.how = WEIR_HOW_TYPO};
    if (a.len < LETTERS_LEAST || b.len < LETTERS_LEAST)
        return best;
    prefer(&best, share(a, b, BY_LETTERS));
    prefer(&best, share(a_heard->text, b_heard->text, BY_SOUND));
    for (uint32_t i = 0; is_foreign && i < SCREEN_READINGS; i++)
        for (uint32_t j = 0; j < SCREEN_READINGS; j++)
            prefer(&best,
                   share(a_heard->rough[i], b_heard->rough[j], BY_ROUGH));
    if (a_heard->skeleton.len >= SKELETON_LEAST &&
        weir_span_equal(a_heard->skeleton, b_heard->skeleton) &&
        best.similarity < 900) {
        best.similarity =
            (uint16_t)((best.similarity + 1000) / 2 - SOUND_COST / 2);
        best.how = WEIR_HOW_SOUND;
        best.by = BY_SKELETON;
    }
    return best;
}
