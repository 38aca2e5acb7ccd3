/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telephone numbers.
 *
 * There is no check digit, so form decides: E.164 behind a plus or 00, the
 * North American 3-3-4, groups behind a trunk zero, or any number behind a
 * word that announces one. Dates, times and decimals are none.
 */

#include "internal.h"

#include <string.h>

/* Words in front of a number, by their first byte, lower case; the rest of
 * each, parted by '|'. */
static const char *const announcing[256] = {
    ['c'] = "all|ell|ontact|elular",
    ['d'] = "ial",
    ['f'] = "ax",
    ['h'] = "andy",
    ['m'] = "obile|\xc3\xb3vil|obiel",
    ['n'] = "umber is",
    ['p'] = "hone|ortable|uhelin",
    ['r'] = "each|ing|ufnummer",
    ['s'] = "ms",
    ['t'] = "el|ext me",
    ['w'] = "hatsapp",
    [0xe6] = "\x89\x8b\xe6\x9c\xba",
    [0xe7] = "\x94\xb5\xe8\xaf\x9d",
};

static unsigned char
fold(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/* Whether one of `words` stands at `p`. */
static bool
is_any(const unsigned char *p, size_t len, const char *words)
{
    while (*words != '\0') {
        size_t n = strcspn(words, "|"), i = 0;
        while (i < n && i < len && fold(p[i]) == (unsigned char)words[i])
            i++;
        if (i == n)
            return true;
        words += n + (words[n] == '|');
    }
    return false;
}

size_t
weir__announced(const struct weir_detect_text *text, size_t at)
{
    size_t first = at > WEIR__NEAR ? at - WEIR__NEAR : 0;
    for (size_t i = at; i > first; i--) {
        const char *words = announcing[fold(text->p[i - 1])];
        if (words != NULL && is_any(text->p + i, at - i, words))
            return i;
    }
    return 0;
}

/* What a byte is to a telephone number. */
enum kind { OTHER, DIGIT, BLANK, DASH, DOT, SLASH, PLUS, OPEN, CLOSE, KINDS };

static const uint8_t kinds[256] = {
    ['0' ... '9'] = DIGIT, [' '] = BLANK, ['-'] = DASH, ['.'] = DOT,
    ['/'] = SLASH,         ['+'] = PLUS,  ['('] = OPEN, [')'] = CLOSE,
};

struct shape {
    unsigned char count[KINDS]; /* bytes of each kind */
    unsigned char group[10];    /* digits of each */
    unsigned groups;
    bool is_bad;
};

/* Of at most WEIR__PHONE_MOST bytes. */
static void
read_shape(const unsigned char *p, size_t len, struct shape *shape)
{
    unsigned last = OTHER;
    memset(shape, 0, sizeof *shape);
    for (size_t i = 0; i < len; i++) {
        unsigned kind = kinds[p[i]];
        shape->count[kind]++;
        if (kind == DIGIT) {
            if (last != DIGIT && shape->groups++ == sizeof shape->group) {
                shape->is_bad = true;
                return;
            }
            shape->group[shape->groups - 1]++;
        } else if (i > 0 && (kind == PLUS || p[i] == p[i - 1])) {
            shape->is_bad = true; /* two separators of a kind */
            return;
        }
        last = kind;
    }
}

/* 2026-11-22, 22.11.2026, 22/11/26 and the like. */
static bool
is_date(const struct shape *shape)
{
    if (shape->groups != 3 || shape->count[OPEN] > 0 ||
        shape->count[PLUS] > 0 || shape->count[BLANK] > 0)
        return false;
    const unsigned char *g = shape->group;
    return (g[0] == 4 && g[1] <= 2 && g[2] <= 2) ||
           (g[0] <= 2 && g[1] <= 2 && (g[2] == 4 || g[2] == 2));
}

static bool
is_phone(const struct weir_detect_text *text, size_t from, size_t to)
{
    struct shape shape;
    read_shape(text->p + from, to - from, &shape);
    const unsigned char *g = shape.group;
    unsigned digits = shape.count[DIGIT], dots = shape.count[DOT];
    if (shape.is_bad || digits > 15 || digits < 6)
        return false;
    if (shape.count[PLUS] > 0)
        return digits >= 8;
    if (is_date(&shape))
        return false;
    if (shape.groups == 3 && g[0] == 3 && g[1] == 2 && g[2] == 4)
        return false; /* a social security number */
    bool has_trunk = text->p[from] == '0' ||
                     (text->p[from] == '(' && text->p[from + 1] == '0');
    if (has_trunk && digits >= 9 &&
        (shape.groups > 1 || (text->p[from + 1] == '0' && digits > 10)) &&
        g[0] > 1 && (dots == 0 || dots == shape.groups - 1))
        return true;
    if (shape.groups == 3 && g[0] == 3 && g[1] == 3 && g[2] == 4 && dots != 1)
        return true;
    if (shape.groups == 4 && g[0] == 1 && g[1] == 3 && g[2] == 3 && g[3] == 4)
        return true;
    return shape.count[SLASH] == 0 && dots != 1 &&
           weir__announced(text, from) > 0;
}

bool
weir__is_extension(const struct weir_detect_text *text, size_t at)
{
    return at + 1 < text->len && text->p[at] == 'x' &&
           weir__is_digit(text->p[at + 1]);
}

/* With an extension of up to six digits. */
static size_t
end_of(const struct weir_detect_text *text, size_t end)
{
    size_t to = end;
    if (weir__is_extension(text, end))
        for (to++; to < text->len && to - end < 7; to++)
            if (!weir__is_digit(text->p[to]))
                break;
    return to;
}

bool
weir__find_phone(const struct weir_detect_text *text, size_t end,
                 struct weir_range *match_out)
{
    if (!weir__edge_behind(text, end) && !weir__is_extension(text, end))
        return false;
    size_t first = end;
    size_t least = end > text->start + WEIR__PHONE_MOST ? end - WEIR__PHONE_MOST
                                                        : text->start;
    while (first > least && kinds[text->p[first - 1]] != OTHER)
        first--;
    for (size_t at = first; at + 6 <= end; at++) {
        unsigned char c = text->p[at];
        if (!weir__is_digit(c) && c != '+' && c != '(')
            continue;
        if (!weir__edge_before(text, at) ||
            (at > 0 && (text->p[at - 1] == '+' || text->p[at - 1] == '(' ||
                        text->p[at - 1] == '.' || text->p[at - 1] == '/')))
            continue;
        if (is_phone(text, at, end)) {
            *match_out = (struct weir_range){at, end_of(text, end)};
            return true;
        }
    }
    return false;
}
