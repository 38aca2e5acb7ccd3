/* SPDX-License-Identifier: Apache-2.0 */
/* Edges and words round a number, and the sums that tell a number from any other. */

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
