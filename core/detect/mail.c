/* SPDX-License-Identifier: Apache-2.0 */
/* Mail addresses (RFC 5321, 4.1.2, dot-string and domain), and addresses of
 * the Internet (RFC 791, RFC 4291, 2.2). */

#include "internal.h"

#include <string.h>

enum {
    LETTER = 1, /* as of words */
    LOCAL = 2,
    DOMAIN = 4
};

/* Letters of two bytes, too; with longer ones a text without blanks would be
 * one long word. */
static const uint8_t classes[256] = {
    ['0' ... '9'] = LETTER | LOCAL | DOMAIN,
    ['A' ... 'Z'] = LETTER | LOCAL | DOMAIN,
    ['a' ... 'z'] = LETTER | LOCAL | DOMAIN,
    [0x80 ... 0xdf] = LETTER | LOCAL | DOMAIN,
    ['_'] = LETTER | LOCAL,
    ['-'] = LOCAL | DOMAIN,
    ['.'] = LOCAL | DOMAIN,
    ['!'] = LOCAL,
    ['#'] = LOCAL,
    ['$'] = LOCAL,
    ['%'] = LOCAL,
    ['&'] = LOCAL,
    ['\''] = LOCAL,
    ['*'] = LOCAL,
    ['+'] = LOCAL,
    ['/'] = LOCAL,
    ['='] = LOCAL,
    ['?'] = LOCAL,
    ['^'] = LOCAL,
    ['`'] = LOCAL,
    ['{'] = LOCAL,
    ['|'] = LOCAL,
    ['}'] = LOCAL,
    ['~'] = LOCAL,
};

static bool
is_letter(unsigned char c)
{
    return (classes[c] & LETTER) != 0;
}

static bool
is_local(unsigned char c)
{
    return (classes[c] & LOCAL) != 0;
}

static bool
is_domain(unsigned char c)
{
    return (classes[c] & DOMAIN) != 0;
}

/* The last label: two letters or more, so that a sentence's end or a version
 * is none. */
static bool
has_top_label(const unsigned char *p, size_t len)
{
    size_t dot = len;
    while (dot > 0 && p[dot - 1] != '.')
        dot--;
    if (dot < 2 || len - dot < 2)
        return false;
    for (size_t i = dot; i < len; i++)
        if (!weir__is_alpha(p[i]) && p[i] < 0x80)
            return false;
    return true;
}

bool
weir__find_mail(const struct weir_detect_text *text, size_t end,
                struct weir_range *match_out)
{
    size_t at = end - 1;
    size_t from = at, to = end;
    size_t least = at > text->start + 64 ? at - 64 : text->start;
    size_t most = text->len - end > 253 ? end + 253 : text->len;
    while (from > least && is_local(text->p[from - 1]))
        from--;
    while (from < at &&
           (!is_letter(text->p[from]) || (text->p[from] & 0xc0) == 0x80))
        from++; /* signs, or the rest of a longer character */
    if (from == at || text->p[at - 1] == '.')
        return false;
    while (to < most && is_domain(text->p[to]))
        to++;
    while (to > end && !weir__is_alnum(text->p[to - 1]) &&
           text->p[to - 1] < 0x80)
        to--;
    if (to == end || !is_letter(text->p[end]) ||
        !has_top_label(text->p + end, to - end))
        return false;
    *match_out = (struct weir_range){from, to};
    return true;
}

/* ----------------------------------------------------------- addresses */

static bool
is_v4(const unsigned char *p, size_t len)
{
    unsigned parts = 0, value = 0, digits = 0;
    for (size_t i = 0; i <= len; i++) {
        if (i < len && weir__is_digit(p[i])) {
            value = value * 10 + (unsigned)(p[i] - '0');
            if (++digits > 3 || value > 255)
                return false;
        } else if (i == len || p[i] == '.') {
            if (digits == 0)
                return false;
            parts++;
            value = digits = 0;
        } else {
            return false;
        }
    }
    return parts == 4;
}

static bool
is_hex(unsigned char c)
{
    return weir__is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool
is_v6(const unsigned char *p, size_t len)
{
    unsigned groups = 0, digits = 0, any = 0;
    bool has_gap = false;
    for (size_t i = 0; i < len; i++) {
        if (is_hex(p[i])) {
            if (++digits > 4)
                return false;
            groups += digits == 1;
            any++;
        } else if (p[i] == ':') {
            if (i > 0 && p[i - 1] == ':') {
                if (has_gap)
                    return false;
                has_gap = true;
            }
            digits = 0;
        } else {
            return false;
        }
    }
    return any > 2 && (has_gap ? groups > 1 && groups < 8 : groups == 8);
}

static bool
is_v4_part(unsigned char c)
{
    return weir__is_digit(c) || c == '.';
}

static bool
is_v6_part(unsigned char c)
{
    return is_hex(c) || c == ':';
}

/* The run of its bytes round `end`, at most 45 (RFC 4291, mapped). */
static struct weir_range
run_around(const struct weir_detect_text *text, size_t end,
           bool (*is_part)(unsigned char c))
{
    size_t from = end, to = end;
    while (from > 0 && end - from < 45 && is_part(text->p[from - 1]))
        from--;
    while (to < text->len && to - from < 46 && is_part(text->p[to]))
        to++;
    while (to > from && (text->p[to - 1] == '.' ||
                         (text->p[to - 1] == ':' && to - from > 1 &&
                          text->p[to - 2] != ':')))
        to--;
    return (struct weir_range){from, to};
}

bool
weir__find_ip(const struct weir_detect_text *text, size_t end,
              struct weir_range *match_out)
{
    struct weir_range run = run_around(text, end, is_v4_part);
    bool is_found = is_v4(text->p + run.from, run.to - run.from);
    if (!is_found) {
        run = run_around(text, end, is_v6_part);
        is_found = is_v6(text->p + run.from, run.to - run.from);
    }
    *match_out = run;
    return is_found && run.from >= text->start &&
           weir__edge_before(text, run.from) && weir__edge_behind(text, run.to);
}
