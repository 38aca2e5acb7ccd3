/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The splitters of cl100k_base and o200k_base, by hand.
 *
 * Each is a list of alternatives tried in order at the same place, as the
 * published patterns say. They are written out because a regular expression
 * engine would cost more than the merging, and because look-ahead and
 * backtracking happen in three known places only:
 *
 *   \s*[\r\n]+     a run of white space counts up to its last line break
 *   \s+(?!\S)      a run before a word leaves its last character to the word
 *   [A]*[B]+       (o200k) where the run of A is followed by no B, its last
 *                  character that is in both ends the word
 */
#include "tokens.h"

#include <string.h>

struct text {
    const struct weir_vocabulary *vocabulary;
    const unsigned char *bytes;
    size_t len;
    const uint8_t *plain; /* classes of ASCII */
};

/* clang-format does not know a type named class. */
/* clang-format off */
/* Class and length of a character that is not ASCII. */
static enum class
look_wide(const struct text *text, size_t at, size_t *len_out)
{
    const unsigned char *p = text->bytes + at;
    size_t left = text->len - at;
    uint32_t cp;
    *len_out = 1;
    if (p[0] >= 0xC2 && p[0] <= 0xDF && left >= 2 && (p[1] & 0xC0) == 0x80) {
        cp = (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
        *len_out = 2;
    } else if ((p[0] & 0xF0) == 0xE0 && left >= 3 && (p[1] & 0xC0) == 0x80 &&
               (p[2] & 0xC0) == 0x80) {
        cp = (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
        *len_out = 3;
    } else if (p[0] >= 0xF0 && p[0] <= 0xF4 && left >= 4 &&
               (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80 &&
               (p[3] & 0xC0) == 0x80) {
        cp = (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 |
             (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
        *len_out = 4;
    } else {
        return OTHER;
    }
    if (cp >= CODE_POINTS)
        return OTHER;
    return text->vocabulary
        ->classes[text->vocabulary->blocks[cp / BLOCK] * BLOCK + cp % BLOCK];
}

/* Class and length of the character at `at` (< len). */
static inline enum class
look(const struct text *text, size_t at, size_t *len_out)
{
    if (text->bytes[at] >= 0x80)
        return look_wide(text, at, len_out);
    *len_out = 1;
    return text->plain[text->bytes[at]];
}
/* clang-format on */

#define BIT(c)  (1u << (c))
#define LETTERS (BIT(UPPER) | BIT(LOWER) | BIT(LETTER))
#define HEAD    (BIT(UPPER) | BIT(LETTER) | BIT(MARK)) /* o200k's A */
#define TAIL    (BIT(LOWER) | BIT(LETTER) | BIT(MARK)) /* o200k's B */
#define SYMBOLS (BIT(OTHER) | BIT(MARK))               /* [^\s\p{L}\p{N}] */

static inline bool
is_in(const struct text *text, size_t at, unsigned set, size_t *len_out)
{
    return at < text->len && (BIT(look(text, at, len_out)) & set) != 0;
}

/* End of the longest run of `set` from `at`. */
static size_t
run(const struct text *text, size_t at, unsigned set)
{
    size_t len;
    for (;;) {
        while (at < text->len && text->bytes[at] < 0x80) {
            if ((BIT(text->plain[text->bytes[at]]) & set) == 0)
                return at;
            at++;
        }
        if (!is_in(text, at, set, &len))
            return at;
        at += len;
    }
}

static bool
is_break(unsigned char c)
{
    return c == '\r' || c == '\n';
}

/* End of 's 't 're 've 'm 'll 'd at `at`, in any case, or `at`. The long s
 * (U+017F) folds to s. */
static size_t
contraction(const struct text *text, size_t at)
{
    size_t left = text->len - at;
    const unsigned char *p = text->bytes + at;
    if (left < 2 || p[0] != '\'')
        return at;
    unsigned char a = p[1] | 0x20u;
    unsigned char b = left >= 3 ? p[2] | 0x20u : 0;
    if (a == 's' || a == 't' || a == 'm' || a == 'd')
        return at + 2;
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') ||
        (a == 'l' && b == 'l'))
        return at + 3;
    if (left >= 3 && p[1] == 0xC5 && p[2] == 0xBF)
        return at + 3;
    return at;
}

static size_t
numbers(const struct text *text, size_t at)
{
    size_t len;
    for (int i = 0; i < 3 && is_in(text, at, BIT(NUMBER), &len); i++)
        at += len;
    return at;
}

/* ` ?[^\s\p{L}\p{N}]+[\r\n]*`, with `/` among the tail for o200k. */
static size_t
symbols(const struct text *text, size_t at, bool with_slash)
{
    size_t start = at;
    size_t from = text->bytes[at] == ' ' ? at + 1 : at;
    size_t end = run(text, from, SYMBOLS);
    if (end == from)
        return start;
    while (end < text->len && (is_break(text->bytes[end]) ||
                               (with_slash && text->bytes[end] == '/')))
        end++;
    return end;
}

/* `\s*[\r\n]+|\s+(?!\S)|\s+` */
static size_t
spaces(const struct text *text, size_t at)
{
    size_t end = at;
    size_t last = at;   /* start of the run's last character */
    size_t broken = at; /* behind the last line break */
    size_t len;
    while (is_in(text, end, BIT(SPACE), &len)) {
        last = end;
        if (is_break(text->bytes[end]))
            broken = end + len;
        end += len;
    }
    if (broken > at)
        return broken;
    if (end == text->len || last == at)
        return end;
    return last;
}

/*
 * Most of most texts: an optional blank and a word of ASCII. Its end, or `at`
 * where anything is otherwise and the pattern has to be followed: what comes
 * behind may belong to it, being a letter of another script or a contraction.
 * `turns`: the word is one capital at the most and small letters (o200k).
 */
static inline size_t
plain_word(const struct text *text, size_t at, bool turns)
{
    const unsigned char *p = text->bytes;
    size_t end = at + (p[at] == ' ');
    size_t start = end;
    if (turns) {
        end += end < text->len && p[end] >= 'A' && p[end] <= 'Z';
        start = end; /* and one small letter at the least */
        while (end < text->len && p[end] >= 'a' && p[end] <= 'z')
            end++;
    } else {
        while (end < text->len && (p[end] | 0x20) >= 'a' &&
               (p[end] | 0x20) <= 'z')
            end++;
    }
    if (end == start || end == text->len)
        return at;
    return p[end] < 0x80 && !(turns && p[end] == '\'') ? end : at;
}

static size_t
next_cl100k(const struct text *text, size_t at)
{
    size_t len;
    size_t end = plain_word(text, at, false);
    if (end > at)
        return end;
    end = contraction(text, at);
    if (end > at)
        return end;
    enum class first = look(text, at, &len);
    if ((BIT(first) & LETTERS) != 0)
        return run(text, at, LETTERS);
    if (first != NUMBER && !is_break(text->bytes[at])) {
        end = run(text, at + len, LETTERS);
        if (end > at + len)
            return end;
    }
    if (first == NUMBER)
        return numbers(text, at);
    end = symbols(text, at, false);
    return end > at ? end : spaces(text, at);
}

/* `[A]*[B]+` at `at`; `at` when it does not match. */
static size_t
word_lower(const struct text *text, size_t at)
{
    size_t end = at;
    size_t both = at; /* behind the last character of A that is in B */
    size_t len;
    while (is_in(text, end, HEAD, &len)) {
        size_t ignored;
        if (is_in(text, end, TAIL, &ignored))
            both = end + len;
        end += len;
    }
    size_t tail = run(text, end, TAIL);
    return tail > end ? tail : both;
}

/* `[A]+[B]*` */
static size_t
word_upper(const struct text *text, size_t at)
{
    size_t end = run(text, at, HEAD);
    return end > at ? run(text, end, TAIL) : at;
}

static size_t
next_o200k(const struct text *text, size_t at)
{
    size_t len;
    size_t plain = plain_word(text, at, true);
    if (plain > at)
        return plain;
    enum class first = look(text, at, &len);
    bool is_letter = (BIT(first) & LETTERS) != 0;
    size_t word = at;
    if (first != NUMBER) {
        /* The optional character before the word is tried first. */
        bool takes = !is_letter && !is_break(text->bytes[at]);
        size_t from = at + len;
        if (takes && (word = word_lower(text, from)) > from)
            return contraction(text, word);
        if ((word = word_lower(text, at)) > at)
            return contraction(text, word);
        if (takes && (word = word_upper(text, from)) > from)
            return contraction(text, word);
        if ((word = word_upper(text, at)) > at)
            return contraction(text, word);
    } else {
        return numbers(text, at);
    }
    size_t end = symbols(text, at, true);
    return end > at ? end : spaces(text, at);
}

bool
weir_tokens_piece(const struct weir_vocabulary *vocabulary, weir_span text,
                  size_t *at, weir_span *piece_out)
{
    struct text view = {vocabulary, (const unsigned char *)text.ptr, text.len,
                        vocabulary->classes + vocabulary->blocks[0] * BLOCK};
    if (*at >= text.len)
        return false;
    size_t end = vocabulary->encoding == WEIR_ENCODING_CL100K
                     ? next_cl100k(&view, *at)
                     : next_o200k(&view, *at);
    WEIR_ASSERT_SLOW(end > *at);
    *piece_out = (weir_span){text.ptr + *at, end - *at};
    *at = end;
    return true;
}
