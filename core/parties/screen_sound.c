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
    const char *from;
    const char *to;
};

/* Longest first; tried in order at each place. What no rule has stays. */
static const struct rule rules[] = {
    {"shch", "s"}, {"tsch", "c"}, {"sch", "s"}, {"tch", "c"}, {"dzh", "j"},
    {"dsch", "j"}, {"ph", "f"},   {"kh", "h"},  {"gh", "g"},  {"zh", "j"},
    {"sh", "s"},   {"th", "t"},   {"ch", "c"},  {"dj", "j"},  {"dh", "d"},
    {"ck", "k"},   {"ce", "si"},  {"ci", "si"}, {"cy", "si"}, {"c", "k"},
    {"qu", "k"},   {"q", "k"},    {"x", "ks"},  {"w", "v"},   {"ts", "s"},
    {"tz", "s"},   {"z", "s"},    {"ou", "u"},  {"oo", "u"},  {"ee", "i"},
    {"oe", "u"},   {"ue", "u"},   {"ae", "i"},  {"ay", "ai"}, {"ey", "i"},
    {"ei", "i"},   {"ya", "ia"},  {"ja", "ia"}, {"yu", "iu"}, {"ju", "iu"},
    {"yo", "iu"},  {"ye", "i"},   {"ie", "i"},  {"iy", "i"},  {"ii", "i"},
    {"y", "i"},    {"e", "i"},    {"o", "u"},
};

static const struct rule *
rule_at(weir_span word, size_t at)
{
    for (size_t i = 0; i < WEIR_COUNTOF(rules); i++) {
        size_t len = strlen(rules[i].from);
        if (word.ptr[at] == rules[i].from[0] && len <= word.len - at &&
            memcmp(word.ptr + at, rules[i].from, len) == 0)
            return &rules[i];
    }
    return NULL;
}

static void
add(struct screen_sound *sound, char c)
{
    bool is_vowel = c == 'a' || c == 'i' || c == 'u';
    if (sound->len > 0 && sound->text[sound->len - 1] == c)
        return;
    sound->text[sound->len++] = c;
    if (!is_vowel && (sound->skeleton_len == 0 ||
                      sound->skeleton[sound->skeleton_len - 1] != c))
        sound->skeleton[sound->skeleton_len++] = c;
}

void
weir__screen_sound(weir_span word, struct screen_sound *sound_out)
{
    sound_out->len = 0;
    sound_out->skeleton_len = 0;
    if (word.len > SCREEN_WORD_MAX)
        word.len = SCREEN_WORD_MAX;
    for (size_t at = 0; at < word.len;) {
        const struct rule *rule = rule_at(word, at);
        /* an h that closes a syllable is not heard */
        if (rule == NULL && word.ptr[at] == 'h' && at > 0 &&
            at + 1 == word.len) {
            at++;
            continue;
        }
        if (rule == NULL) {
            add(sound_out, word.ptr[at++]);
            continue;
        }
        for (const char *c = rule->to; *c != '\0'; c++)
            add(sound_out, *c);
        at += strlen(rule->from);
    }
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
    uint8_t rows[3][SCREEN_WORD_MAX * 2 + 1];
    uint8_t *above2 = rows[0];
    uint8_t *above = rows[1];
    uint8_t *here = rows[2];
    if (a.len > b.len + most || b.len > a.len + most)
        return most + 1;
    WEIR_ASSERT(b.len <= SCREEN_WORD_MAX * 2);
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
#define SKELETON_LEAST 3u  /* letters; shorter ones say too little */
#define LETTERS_LEAST  3u  /* shorter words are equal or not */

static uint32_t
share(weir_span a, weir_span b)
{
    uint32_t len = (uint32_t)(a.len > b.len ? a.len : b.len);
    uint32_t distance = weir__screen_distance(a, b, DISTANCE_MOST);
    if (distance > DISTANCE_MOST || distance >= len)
        return 0;
    return 1000 - 1000 * distance / len;
}

uint32_t
weir__screen_similarity(weir_span a, const struct screen_sound *a_sound,
                        weir_span b, const struct screen_sound *b_sound,
                        enum weir_screening_how *how_out)
{
    weir_span a_heard = {a_sound->text, a_sound->len};
    weir_span b_heard = {b_sound->text, b_sound->len};
    *how_out = WEIR_HOW_EQUAL;
    if (weir_span_equal(a, b))
        return WEIR_SCREENING_SCORE_MAX;
    *how_out = WEIR_HOW_SOUND;
    if (a_sound->len > 1 && weir_span_equal(a_heard, b_heard))
        return WEIR_SCREENING_SCORE_MAX - SOUND_COST;
    *how_out = WEIR_HOW_TYPO;
    if (a.len < LETTERS_LEAST || b.len < LETTERS_LEAST)
        return 0;
    uint32_t best = share(a, b);
    uint32_t heard = share(a_heard, b_heard);
    heard = heard > SOUND_COST ? heard - SOUND_COST : 0;
    if (heard > best) {
        best = heard;
        *how_out = WEIR_HOW_SOUND;
    }
    if (a_sound->skeleton_len >= SKELETON_LEAST &&
        a_sound->skeleton_len == b_sound->skeleton_len &&
        memcmp(a_sound->skeleton, b_sound->skeleton, a_sound->skeleton_len) ==
            0 &&
        best < 900) {
        best = (best + 1000) / 2 - SOUND_COST / 2;
        *how_out = WEIR_HOW_SOUND;
    }
    return best;
}
