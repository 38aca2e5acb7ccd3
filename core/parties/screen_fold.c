/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a name in any script to words of a-z and 0-9.
 *
 *   code points -> kind of each -> words -> letters -> (screen_words.c)
 *
 * WHAT FOLDS. Case, marks and compatibility forms by Unicode's own
 * decompositions; Cyrillic and Greek by one transliteration (other ones of
 * the same word meet in their sound, screen_sound.c); kana by name, Hangul
 * by its parts; Chinese characters by their most usual reading, each a word.
 * Homophones therefore look equal, as they do to a list in Latin letters.
 *
 * LOOK-ALIKES. A Cyrillic or Greek letter is read by its shape when its word
 * also has Latin letters, or when the whole word can be read so and the name
 * is Latin elsewhere: that is how a name is disguised. Otherwise it is read
 * by its sound.
 *
 * WHAT IT DOES NOT DO. Arabic, Hebrew, Indic and other scripts stay as they
 * are and match themselves only; vowels that are not written cannot be
 * guessed. A character has one reading, whatever stands beside it.
 */
#include "screen.h"

#include <string.h>

struct fold_row {
    uint32_t first;
    const char *text;
    bool is_run;
};

struct range_row {
    uint32_t first;
    uint32_t last;
};

#define F(point, text) {point, text, false},
#define R(point, text) {point, text, true},
#define M(first, last)
#define L(first, last)
static const struct fold_row folds[] = {
#include "screen_letters.def"
};
#undef F
#undef R
#undef M
#undef L

#define F(point, text)
#define R(point, text)
#define M(first, last) {first, last},
#define L(first, last)
static const struct range_row marks[] = {
#include "screen_letters.def"
};
#undef M
#undef L

#define M(first, last)
#define L(first, last) {first, last},
static const struct range_row letters[] = {
#include "screen_letters.def"
};
#undef F
#undef R
#undef M
#undef L

#define S(syllable) syllable,
#define T(digits)
static const char *const syllables[] = {
#include "screen_pinyin.def"
};
#undef S
#undef T
#define S(syllable)
#define T(digits) digits
static const char readings[] =
#include "screen_pinyin.def"
    ;
#undef S
#undef T

#define HAN_FIRST 0x4E00u
#define HAN_LAST  0x9FFFu
_Static_assert(sizeof(readings) == (HAN_LAST - HAN_FIRST + 1) * 2 + 1,
               "two digits for each character");

/* Shapes of Cyrillic and Greek letters; both cases where they agree. */
static const struct {
    uint32_t point;
    char shape;
} shapes[] = {
    {0x391, 'a'}, {0x392, 'b'}, {0x395, 'e'}, {0x396, 'z'}, {0x397, 'h'},
    {0x399, 'i'}, {0x39A, 'k'}, {0x39C, 'm'}, {0x39D, 'n'}, {0x39F, 'o'},
    {0x3A1, 'p'}, {0x3A4, 't'}, {0x3A5, 'y'}, {0x3A7, 'x'}, {0x3B1, 'a'},
    {0x3B9, 'i'}, {0x3BA, 'k'}, {0x3BD, 'v'}, {0x3BF, 'o'}, {0x3C1, 'p'},
    {0x3C5, 'u'}, {0x405, 's'}, {0x406, 'i'}, {0x408, 'j'}, {0x410, 'a'},
    {0x412, 'b'}, {0x415, 'e'}, {0x417, '3'}, {0x41A, 'k'}, {0x41C, 'm'},
    {0x41D, 'h'}, {0x41E, 'o'}, {0x420, 'p'}, {0x421, 'c'}, {0x422, 't'},
    {0x423, 'y'}, {0x425, 'x'}, {0x430, 'a'}, {0x435, 'e'}, {0x43A, 'k'},
    {0x43C, 'm'}, {0x43E, 'o'}, {0x440, 'p'}, {0x441, 'c'}, {0x442, 't'},
    {0x443, 'y'}, {0x445, 'x'}, {0x455, 's'}, {0x456, 'i'}, {0x458, 'j'},
    {0x501, 'd'}, {0x51B, 'q'}, {0x51D, 'w'},
};

enum kind { SEPARATOR, DROPPED, LETTER, CHARACTER, AMPERSAND, DOT };

struct fold {
    struct screen_words *out;
    uint32_t count;
    bool has_latin;
    uint32_t points[WEIR_SCREENING_NAME_MAX];
};

/* One well-formed sequence; 0: skip a byte. */
static uint32_t
decode(const unsigned char *p, size_t len, uint32_t *point_out)
{
    uint32_t size = p[0] < 0x80                    ? 1
                    : p[0] >= 0xC2 && p[0] <= 0xDF ? 2
                    : (p[0] & 0xF0) == 0xE0        ? 3
                    : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4
                                                   : 0;
    if (size == 0 || size > len)
        return 0;
    uint32_t point = size == 1 ? p[0] : p[0] & (0xFFu >> (size + 1));
    for (uint32_t i = 1; i < size; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        point = point << 6 | (p[i] & 0x3Fu);
    }
    if ((size == 3 && (point < 0x800 || (point >= 0xD800 && point < 0xE000))) ||
        (size == 4 && (point < 0x10000 || point > 0x10FFFF)))
        return 0;
    *point_out = point;
    return size;
}

static bool
in_ranges(const struct range_row *rows, size_t count, uint32_t point)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = (low + count) / 2;
        if (point > rows[middle].last)
            low = middle + 1;
        else if (point < rows[middle].first)
            count = middle;
        else
            return true;
    }
    return false;
}

/* The row that holds `point`, or NULL. */
static const struct fold_row *
find_fold(uint32_t point)
{
    size_t low = 0;
    size_t high = WEIR_COUNTOF(folds);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (folds[middle].first <= point)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    const struct fold_row *row = &folds[low - 1];
    if (row->first == point)
        return row;
    return row->is_run && point - row->first < strlen(row->text) ? row : NULL;
}

static bool
is_ascii_letter(uint32_t point)
{
    return (point | 32) >= 'a' && (point | 32) <= 'z';
}

static enum kind
kind_of(uint32_t point)
{
    if (point < 0x80) {
        if (is_ascii_letter(point) || (point >= '0' && point <= '9'))
            return LETTER;
        return point == '.'                    ? DOT
               : point == '\'' || point == '`' ? DROPPED
               : point == '&' || point == '+'  ? AMPERSAND
                                               : SEPARATOR;
    }
    if (point >= HAN_FIRST && point <= HAN_LAST)
        return CHARACTER;
    if (point == 0xAD || point == 0xB4 || point == 0xFEFF ||
        (point >= 0x2B0 && point <= 0x2C1) ||
        (point >= 0x200B && point <= 0x200F) || point == 0x2018 ||
        point == 0x2019 || point == 0x2032 || point == 0x2060)
        return DROPPED;
    if (find_fold(point) != NULL)
        return LETTER;
    if (in_ranges(marks, WEIR_COUNTOF(marks), point))
        return DROPPED;
    return in_ranges(letters, WEIR_COUNTOF(letters), point) ? LETTER
                                                            : SEPARATOR;
}

static char
shape_of(uint32_t point)
{
    for (size_t i = 0; i < WEIR_COUNTOF(shapes); i++)
        if (shapes[i].point == point)
            return shapes[i].shape;
    return 0;
}

static bool
is_disguise_script(uint32_t point)
{
    return point >= 0x370 && point <= 0x52F;
}

static bool
is_latin(uint32_t point)
{
    return is_ascii_letter(point) || (point >= 0xC0 && point <= 0x24F);
}

/* -------------------------------------------------------------- output */

static void
put(struct screen_words *out, const char *text, size_t len)
{
    if (len > sizeof(out->bytes) - out->used) {
        out->is_cut = true;
        len = sizeof(out->bytes) - out->used;
    }
    memcpy(out->bytes + out->used, text, len);
    out->used += len;
}

static void
put_raw(struct screen_words *out, uint32_t point)
{
    char bytes[4];
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    uint32_t rest = point;
    for (size_t i = size - 1; i > 0; i--, rest >>= 6)
        bytes[i] = (char)(0x80 | (rest & 0x3F));
    bytes[0] = (char)((0xF00u >> size) | rest);
    put(out, bytes, size);
}

/* Revised Romanisation, letter by letter. */
static void
put_hangul(struct screen_words *out, uint32_t point)
{
    static const char *const leads[] = {"g",  "kk", "n", "d",  "tt", "r", "m",
                                        "b",  "pp", "s", "ss", "",   "j", "jj",
                                        "ch", "k",  "t", "p",  "h"};
    static const char *const vowels[] = {
        "a",  "ae", "ya", "yae", "eo", "e",  "yeo", "ye", "o",  "wa", "wae",
        "oe", "yo", "u",  "wo",  "we", "wi", "yu",  "eu", "ui", "i"};
    static const char *const tails[] = {
        "",  "k", "k", "k", "n", "n", "n", "t",  "l", "k", "m", "l", "l", "l",
        "p", "l", "m", "p", "p", "t", "t", "ng", "t", "t", "k", "t", "p", "t"};
    uint32_t at = point - 0xAC00;
    put(out, leads[at / 588], strlen(leads[at / 588]));
    put(out, vowels[at % 588 / 28], strlen(vowels[at % 588 / 28]));
    put(out, tails[at % 28], strlen(tails[at % 28]));
}

static void
put_letter(struct screen_words *out, uint32_t point, bool by_shape)
{
    const struct fold_row *row;
    char one;
    if (point < 0x80) {
        one = (char)(is_ascii_letter(point) ? point | 32 : point);
        put(out, &one, 1);
    } else if (by_shape && (one = shape_of(point)) != 0) {
        put(out, &one, 1);
    } else if (point >= 0xAC00 && point <= 0xD7A3) {
        put_hangul(out, point);
    } else if ((row = find_fold(point)) == NULL) {
        put_raw(out, point);
    } else if (row->is_run) {
        put(out, row->text + (point - row->first), 1);
    } else {
        put(out, row->text, strlen(row->text));
    }
}

static void
end_word(struct screen_words *out, size_t start)
{
    size_t len = out->used - start;
    if (len == 0)
        return;
    if (out->count == WEIR_SCREENING_WORDS_MAX) {
        out->is_cut = true;
        return;
    }
    if (len > SCREEN_WORD_MAX)
        len = SCREEN_WORD_MAX;
    out->words[out->count++] =
        (struct screen_word){.text = {out->bytes + start, len}};
}

static void
put_character(struct screen_words *out, uint32_t point)
{
    const char *digits = readings + (point - HAN_FIRST) * 2;
    uint32_t row =
        (uint32_t)(digits[0] - '0') * 40 + (uint32_t)(digits[1] - '0');
    size_t start = out->used;
    if (row > 0)
        put(out, syllables[row - 1], strlen(syllables[row - 1]));
    else
        put_raw(out, point);
    uint32_t words = out->count;
    end_word(out, start);
    if (out->count > words)
        out->words[words].is_syllable = row > 0;
}

/* --------------------------------------------------------------- words */

/* A dot inside initials ("S.A.", "L. L. C." is two words): the letter
 * before stands alone, and so does the one behind. */
static bool
joins_initials(const struct fold *fold, uint32_t at, bool is_single)
{
    if (!is_single || at + 1 >= fold->count ||
        kind_of(fold->points[at + 1]) != LETTER)
        return false;
    return at + 2 >= fold->count || kind_of(fold->points[at + 2]) != LETTER;
}

/* End of the word that starts at `at`. */
static uint32_t
word_end(const struct fold *fold, uint32_t at)
{
    bool is_single = false; /* the letter just seen stood alone */
    for (uint32_t run = 0; at < fold->count; at++) {
        enum kind kind = kind_of(fold->points[at]);
        if (kind == LETTER) {
            run++;
            is_single = run == 1;
        } else if (kind == DOT && joins_initials(fold, at, is_single)) {
            run = 0;
        } else if (kind != DROPPED) {
            break;
        }
    }
    return at;
}

/* Without case and accent, of the letters that greek_pair() reads. */
static uint32_t
greek_plain(uint32_t point)
{
    if (point >= 0x391 && point <= 0x3A9)
        return point + 0x20;
    return point == 0x3CC || point == 0x38C   ? 0x3BF
           : point == 0x3CD || point == 0x38E ? 0x3C5
                                              : point;
}

/* Greek writes b, d, hard g and u with two letters; 0: it does not here.
 * Inside a word nt is as likely meant. */
static char
greek_pair(const struct fold *fold, uint32_t at, uint32_t end, bool is_first)
{
    if (at + 1 >= end || fold->points[at] < 0x38C || fold->points[at] > 0x3CD)
        return 0;
    uint32_t a = greek_plain(fold->points[at]);
    uint32_t b = greek_plain(fold->points[at + 1]);
    return a == 0x3BC && b == 0x3C0   ? 'b'
           : a == 0x3BD && b == 0x3C4 ? (is_first ? 'd' : 0)
           : a == 0x3B3 && b == 0x3BA ? 'g'
           : a == 0x3BF && b == 0x3C5 ? 'u'
                                      : 0;
}

static void
fold_word(struct fold *fold, uint32_t first, uint32_t end)
{
    size_t start = fold->out->used;
    bool has_latin = false;
    bool has_other = false;
    bool all_alike = true;
    for (uint32_t i = first; i < end; i++) {
        uint32_t point = fold->points[i];
        has_latin |= is_latin(point);
        if (is_disguise_script(point)) {
            has_other = true;
            all_alike &= shape_of(point) != 0;
        }
    }
    bool by_shape = has_other && (has_latin || (all_alike && fold->has_latin));
    for (uint32_t i = first; i < end; i++) {
        char one = by_shape ? 0 : greek_pair(fold, i, end, i == first);
        if (one != 0) {
            put(fold->out, &one, 1);
            i++;
        } else if (kind_of(fold->points[i]) == LETTER) {
            put_letter(fold->out, fold->points[i], by_shape);
        }
    }
    uint32_t words = fold->out->count;
    end_word(fold->out, start);
    if (fold->out->count > words)
        fold->out->words[words].is_foreign = has_other && !by_shape;
}

static void
split(struct fold *fold)
{
    for (uint32_t at = 0; at < fold->count;) {
        uint32_t end;
        size_t start = fold->out->used;
        switch (kind_of(fold->points[at])) {
        case CHARACTER:
            put_character(fold->out, fold->points[at++]);
            break;
        case LETTER:
            end = word_end(fold, at);
            fold_word(fold, at, end);
            at = end;
            break;
        case AMPERSAND:
            put(fold->out, "and", 3);
            end_word(fold->out, start);
            at++;
            break;
        default:
            at++;
        }
    }
}

void
weir__screen_words(weir_span text, struct screen_words *words_out)
{
    struct fold fold;
    fold.out = words_out;
    fold.count = 0;
    fold.has_latin = false;
    words_out->count = 0;
    words_out->used = 0;
    words_out->has_form = false;
    words_out->is_cut = text.len > WEIR_SCREENING_NAME_MAX;
    size_t len = words_out->is_cut ? WEIR_SCREENING_NAME_MAX : text.len;
    for (size_t at = 0; at < len;) {
        uint32_t point;
        uint32_t size =
            decode((const unsigned char *)text.ptr + at, len - at, &point);
        at += size > 0 ? size : 1;
        if (size == 0)
            continue;
        fold.points[fold.count++] = point;
        fold.has_latin |= is_latin(point);
    }
    split(&fold);
    words_out->folded_len = words_out->used;
    weir__screen_strip(words_out);
}

size_t
weir_screening_fold(weir_span text, char *out, size_t size)
{
    struct screen_words words;
    size_t used = 0;
    weir__screen_words(text, &words);
    for (uint32_t i = 0; i < words.count; i++) {
        weir_span word = words.words[i].text;
        if (i > 0 && used < size)
            out[used++] = ' ';
        size_t part = word.len < size - used ? word.len : size - used;
        memcpy(out + used, word.ptr, part);
        used += part;
    }
    return used;
}
