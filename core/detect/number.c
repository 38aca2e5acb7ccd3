/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers with separators, and the sums that tell a number from any other. */

#include "internal.h"

#include <string.h>

static bool
is_word_at(const struct weir_detect_text *text, size_t lead)
{
    unsigned char c = text->p[lead];
    return c < 0x80 ? weir__is_word(c) : c >= 0xc3 && c < 0xe0;
}

bool
weir__edge_before(const struct weir_detect_text *text, size_t at)
{
    size_t lead = at;
    if (at == 0)
        return true;
    do
        lead--;
    while (lead > 0 && at - lead < 4 && (text->p[lead] & 0xc0) == 0x80);
    return !is_word_at(text, lead);
}

bool
weir__edge_behind(const struct weir_detect_text *text, size_t to)
{
    return to >= text->len || !is_word_at(text, to);
}

bool
weir__near(const struct weir_detect_text *text, size_t at, const char *words)
{
    unsigned char folded[40];
    size_t from = at > sizeof folded ? at - sizeof folded : 0;
    size_t len = at - from;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = text->p[from + i];
        folded[i] = c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
    }
    for (const char *word = words; *word != '\0';) {
        size_t n = strcspn(word, "|");
        if (n <= len && memmem(folded, len, word, n) != NULL)
            return true;
        word += n + (word[n] == '|');
    }
    return false;
}

/* Back from `end`: digits in reverse, and where groups begin. */
struct back {
    uint8_t digit[WEIR_DIGITS_MAX];
    size_t at[WEIR_DIGITS_MAX];
    bool starts[WEIR_DIGITS_MAX]; /* a number may begin at this digit */
    size_t count;
};

static void
walk_back(const struct weir_detect_text *text, size_t end,
          const char *separators, size_t max, struct back *back)
{
    back->count = 0;
    size_t i = end;
    while (i > text->start && back->count < max) {
        unsigned char c = text->p[i - 1];
        if (weir__is_digit(c)) {
            back->digit[back->count] = (uint8_t)(c - '0');
            back->at[back->count] = i - 1;
            back->starts[back->count] = weir__edge_before(text, i - 1);
            back->count++;
        } else if (c == '\0' || strchr(separators, c) == NULL ||
                   back->count == 0 || i < text->start + 2 ||
                   !weir__is_digit(text->p[i - 2])) {
            break;
        }
        i--;
    }
}

bool
weir__number(const struct weir_detect_text *text, size_t end,
             const char *separators, size_t min, size_t max,
             bool (*check)(const struct weir_detect_text *text,
                           const struct weir_digits *digits),
             struct weir_range *match_out)
{
    struct back back;
    if (!weir__edge_behind(text, end))
        return false;
    walk_back(text, end, separators, max, &back);
    for (size_t n = back.count; n >= min && n > 0; n--) {
        if (!back.starts[n - 1])
            continue;
        struct weir_digits digits = {
            .count = n, .from = back.at[n - 1], .to = end, .groups = 1};
        for (size_t i = 0; i < n; i++) {
            digits.d[i] = back.digit[n - 1 - i];
            if (i > 0 && back.at[n - 1 - i] != back.at[n - i] + 1)
                digits.groups++;
        }
        if (check(text, &digits)) {
            *match_out = (struct weir_range){digits.from, end};
            return true;
        }
    }
    return false;
}

bool
weir__luhn(const uint8_t *digits, size_t count)
{
    unsigned sum = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned d = digits[count - 1 - i];
        if (i % 2 == 1)
            d = d > 4 ? 2 * d - 9 : 2 * d;
        sum += d;
    }
    return sum % 10 == 0;
}

bool
weir__is_date(unsigned year, unsigned month, unsigned day)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30,
                                   31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
        return false;
    bool is_leap =
        year == 0 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
    return month != 2 || day < 29 || is_leap;
}
