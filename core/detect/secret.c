/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: keys that say whose they are, assignments, PEM.
 *
 * These have a tail: once enough was seen to know a key, it is taken away
 * and whatever continues it is swallowed, however long. A key whose first
 * half was let through is half the work of guessing it.
 */

#include "internal.h"

#include <string.h>

/* --------------------------------------------------------------- keys */

enum charset { UPPER_DIGIT, WORD_DASH, WORD, HEX, DOTTED };

/* Behind the prefix at least `least` characters of the set, before which it
 * could be a word of a text. */
static const struct {
    const char *prefix;
    enum charset set;
    uint8_t least;
} issuers[] = {
    {"sk-ant-", WORD_DASH, 16},
    {"sk-proj-", WORD_DASH, 16},
    {"sk-or-", WORD_DASH, 16},
    {"sk-", WORD_DASH, 20},
    {"AKIA", UPPER_DIGIT, 16},
    {"ASIA", UPPER_DIGIT, 16},
    {"AIza", WORD_DASH, 30},
    {"ghp_", WORD, 30},
    {"gho_", WORD, 30},
    {"ghu_", WORD, 30},
    {"ghs_", WORD, 30},
    {"ghr_", WORD, 30},
    {"github_pat_", WORD, 22},
    {"glpat-", WORD_DASH, 18},
    {"xoxa-", WORD_DASH, 16},
    {"xoxb-", WORD_DASH, 16},
    {"xoxe-", WORD_DASH, 16},
    {"xoxp-", WORD_DASH, 16},
    {"xoxr-", WORD_DASH, 16},
    {"xoxs-", WORD_DASH, 16},
    {"xapp-", WORD_DASH, 16},
    {"sk_live_", WORD, 16},
    {"sk_test_", WORD, 16},
    {"rk_live_", WORD, 16},
    {"rk_test_", WORD, 16},
    {"hf_", WORD, 30},
    {"npm_", WORD, 30},
    {"pypi-", WORD_DASH, 30},
    {"SG.", DOTTED, 30},
    {"ya29.", WORD_DASH, 30},
    {"dop_v1_", HEX, 32},
    {"gsk_", WORD, 30},
    {"xai-", WORD_DASH, 30},
    {"wr_", WORD_DASH, 40},
    {"AGE-SECRET-KEY-1", UPPER_DIGIT, 40},
    {"lin_api_", WORD, 30},
    {"shpat_", HEX, 32},
    {"sq0csp-", WORD_DASH, 30},
    {"dapi", HEX, 32},
    {"eyJ", DOTTED, 36},
    {"whsec_", WORD, 24},
    {"pplx-", WORD, 30},
    {"r8_", WORD, 30},
    {"tskey-", WORD_DASH, 20},
    {"CFPAT-", WORD_DASH, 30},
    {"NRAK-", UPPER_DIGIT, 20},
    {"dckr_pat_", WORD_DASH, 20},
    {"sntrys_", WORD, 30},
};

static bool
is_of(enum charset set, unsigned char c)
{
    switch (set) {
    case UPPER_DIGIT:
        return weir__is_digit(c) || (c >= 'A' && c <= 'Z');
    case HEX:
        return weir__is_digit(c) || (c >= 'a' && c <= 'f');
    case WORD:
        return weir__is_alnum(c) || c == '_';
    case WORD_DASH:
        return weir__is_alnum(c) || c == '_' || c == '-';
    case DOTTED:
        return weir__is_alnum(c) || c == '_' || c == '-' || c == '.';
    }
    return false;
}

/* Digits or capitals within words tell a key from sk-learn-something. */
static bool
is_random(const unsigned char *p, size_t len)
{
    unsigned digits = 0, upper = 0, lower = 0;
    for (size_t i = 0; i < len; i++) {
        digits += weir__is_digit(p[i]);
        upper += p[i] >= 'A' && p[i] <= 'Z';
        lower += p[i] >= 'a' && p[i] <= 'z';
    }
    return digits >= 2 || (upper >= 4 && lower >= 4);
}

/* As many bytes as are needed to know it; 0: no key. A token of JSON has a
 * dot behind its head. */
static size_t
key_length(const struct weir_detect_text *text, size_t at, size_t issuer)
{
    size_t n = strlen(issuers[issuer].prefix);
    size_t least = n + issuers[issuer].least;
    if (at + least > text->len)
        return 0;
    for (size_t i = n; i < least; i++)
        if (!is_of(issuers[issuer].set, text->p[at + i]))
            return 0;
    if (issuers[issuer].prefix[0] == 'e' &&
        memchr(text->p + at, '.', least) == NULL)
        return 0;
    return is_random(text->p + at + n, least - n) ? least : 0;
}

static size_t
match_prefix(const struct weir_detect_text *text, size_t at, size_t issuer)
{
    size_t n = strlen(issuers[issuer].prefix), left = text->len - at;
    size_t most = n < left ? n : left;
    return memcmp(text->p + at, issuers[issuer].prefix, most) == 0 ? most : 0;
}

bool
weir__find_key(const struct weir_detect_text *text, size_t end,
               struct weir_range *match_out)
{
    size_t first = end > text->start + 20 ? end - 20 : text->start;
    for (size_t at = first; at < end; at++) {
        if (!weir__edge_before(text, at))
            continue;
        for (size_t i = 0; i < WEIR_COUNTOF(issuers); i++) {
            size_t n = strlen(issuers[i].prefix);
            /* the anchor is the prefix, or the first part of a longer one */
            if (at + n < end || match_prefix(text, at, i) != n)
                continue;
            size_t len = key_length(text, at, i);
            if (len > 0) {
                *match_out = (struct weir_range){at, at + len};
                return true;
            }
        }
    }
    return false;
}

/* Bytes of a prefix with, possibly, a part of the key behind it. */
bool
weir__begins_key(const struct weir_detect_text *text, size_t at)
{
    if (!weir__edge_before(text, at))
        return false;
    for (size_t i = 0; i < WEIR_COUNTOF(issuers); i++) {
        size_t n = strlen(issuers[i].prefix), left = text->len - at;
        if (match_prefix(text, at, i) == 0)
            continue;
        size_t k = n;
        while (k < left && is_of(issuers[i].set, text->p[at + k]))
            k++;
        if (k >= left && left < n + issuers[i].least)
            return true;
    }
    return false;
}

bool
weir__tail_key(uint32_t *state, unsigned char c)
{
    (void)state;
    return weir__is_alnum(c) || c == '_' || c == '-' || c == '.' || c == '=' ||
           c == '/' || c == '+';
}

/* -------------------------------------------------------- assignments */

#define VALUE_LEAST 8

static bool
is_value(unsigned char c)
{
    return c > ' ' && c != '"' && c != '\'' && c != ',' && c != ';' &&
           c != '<' && c != '>' && c != '`' && c != 0x7f;
}

/* A placeholder, a variable or a word says no secret. Bits per byte of the
 * first VALUE_LEAST and more: what repeats or is only letters is a word. */
static bool
reads_random(const unsigned char *p, size_t len)
{
    unsigned kinds = 0, seen[4] = {0};
    if (p[0] == '$' || p[0] == '{' || p[0] == '[' || p[0] == '(' ||
        p[0] == '*' || p[0] == '.' || p[0] == '%')
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned kind = weir__is_digit(p[i])         ? 0
                        : p[i] >= 'A' && p[i] <= 'Z' ? 1
                        : p[i] >= 'a' && p[i] <= 'z' ? 2
                                                     : 3;
        seen[kind]++;
    }
    for (size_t i = 0; i < 4; i++)
        kinds += seen[i] > 0;
    return kinds >= 3 || (kinds == 2 && seen[0] >= 2);
}

static bool
is_gap(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '"' || c == '\'' || c == '=' ||
           c == ':' || c == '>';
}

/* What may lie between a name and what is assigned: "_hash": ' and the like.
 * At the end of the text all of it is still to come. */
enum gap { NO_ASSIGNMENT, ASSIGNMENT, TO_COME };

static enum gap
pass_gap(const struct weir_detect_text *text, size_t at, size_t *value_out)
{
    const unsigned char *p = text->p;
    size_t len = text->len, edge;
    for (edge = at + 8; at < len && at < edge; at++)
        if (!weir__is_alpha(p[at]) && p[at] != '-' && p[at] != '_')
            break;
    for (edge = at + 4; at < len && at < edge; at++)
        if (p[at] != ' ' && p[at] != '\t' && p[at] != '"' && p[at] != '\'')
            break;
    if (at == len)
        return TO_COME;
    if (p[at] != ':' && p[at] != '=')
        return NO_ASSIGNMENT;
    for (edge = at + 8; at < len && at < edge; at++)
        if (!is_gap(p[at]))
            break;
    static const char bearer[] = "bearer ";
    size_t i = 0;
    while (i < sizeof bearer - 1 && at + i < len &&
           (p[at + i] | 0x20) == (unsigned char)bearer[i])
        i++;
    *value_out = i == sizeof bearer - 1 ? at + i : at;
    return at + i == len ? TO_COME : ASSIGNMENT;
}

/* Sixteen bytes tell whether a value reads like a word. */
#define VALUE_MOST 16

/*
 * Reads a name from `at` on: where it ends; the end of the text where it may
 * go on there; 0: no name.
 */
static size_t
read_name(const struct weir_detect_text *text, size_t at, bool *is_whole_out)
{
    static const char *const names[] = {
        "passw",     "passphrase", "secret",     "token",         "apikey",
        "accesskey", "accountkey", "privatekey", "authorization", "credential"};
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        const char *name = names[i];
        size_t k = at;
        if ((text->p[at] | 0x20) != (unsigned char)name[0] ||
            (at + 1 < text->len &&
             (text->p[at + 1] | 0x20) != (unsigned char)name[1]))
            continue;
        bool has_part = false; /* one of "-_ " in front of "key" */
        for (; k < text->len && *name != '\0'; k++) {
            unsigned char c = text->p[k];
            if ((c | 0x20) == (unsigned char)*name && weir__is_alpha(c)) {
                name++;
            } else if (!has_part && k > at && strcmp(name, "key") == 0 &&
                       (c == '-' || c == '_' || c == ' ')) {
                has_part = true;
            } else {
                break;
            }
        }
        *is_whole_out = *name == '\0';
        if (*name == '\0' || k == text->len)
            return k;
    }
    return 0;
}

/* The name must not have begun in what has already gone. */
static bool
has_name(const struct weir_detect_text *text, size_t end)
{
    size_t first = end > text->start + 14 ? end - 14 : text->start;
    bool is_whole;
    for (size_t at = first; at + 5 <= end; at++)
        if (read_name(text, at, &is_whole) == end && is_whole)
            return true;
    return false;
}

bool
weir__find_assigned(const struct weir_detect_text *text, size_t end,
                    struct weir_range *match_out)
{
    size_t from, to;
    if (pass_gap(text, end, &from) != ASSIGNMENT || !has_name(text, end))
        return false;
    to = from;
    while (to < text->len && to - from < VALUE_MOST && is_value(text->p[to]))
        to++;
    if (to - from < VALUE_LEAST || !reads_random(text->p + from, to - from))
        return false;
    *match_out = (struct weir_range){from, to};
    return true;
}

/* A name, the gap and the value may all be incomplete. */
bool
weir__begins_assigned(const struct weir_detect_text *text, size_t at)
{
    size_t value;
    bool is_whole;
    size_t k = read_name(text, at, &is_whole);
    if (k == 0)
        return false;
    enum gap gap = is_whole ? pass_gap(text, k, &value) : TO_COME;
    if (gap != ASSIGNMENT)
        return gap == TO_COME;
    for (k = value; k < text->len && is_value(text->p[k]); k++)
        ;
    return k == text->len && k - value < VALUE_MOST;
}

bool
weir__tail_assigned(uint32_t *state, unsigned char c)
{
    (void)state;
    return is_value(c);
}

/* ---------------------------------------------------------------- PEM */

bool
weir__find_pem(const struct weir_detect_text *text, size_t end,
               struct weir_range *match_out)
{
    static const char key[] = "PRIVATE KEY";
    size_t from = end - 11, to = end;
    if (from < text->start || memcmp(text->p + from, "-----BEGIN ", 11) != 0)
        return false;
    while (to < text->len && to - end < 24 &&
           ((text->p[to] >= 'A' && text->p[to] <= 'Z') || text->p[to] == ' '))
        to++;
    for (size_t i = end; i + sizeof key - 1 <= to; i++)
        if (memcmp(text->p + i, key, sizeof key - 1) == 0) {
            *match_out = (struct weir_range){from, i + sizeof key - 1};
            return true;
        }
    return false;
}

bool
weir__begins_pem(const struct weir_detect_text *text, size_t at)
{
    static const char begin[] = "-----BEGIN ";
    size_t left = text->len - at;
    size_t n = left < sizeof begin - 1 ? left : sizeof begin - 1;
    if (memcmp(text->p + at, begin, n) != 0)
        return false;
    for (size_t i = n; i < left; i++)
        if (text->p[at + i] == '-')
            return false;
    return left < 48;
}

/*
 * To the five dashes behind "-----END", or to the first byte that no such
 * file has. The state: dashes in a row, whether the last line was seen, and
 * how often five dashes were.
 */
bool
weir__tail_pem(uint32_t *state, unsigned char c)
{
    uint32_t run = *state & 7u, fives = *state >> 3;
    if (fives >= 3)
        return false; /* behind BEGIN's, and both of END's */
    if (c == '-') {
        run = run < 5 ? run + 1 : 5;
        fives += run == 5;
        if (run == 5)
            run = 0;
    } else if (weir__is_alnum(c) || c == '+' || c == '/' || c == '=' ||
               c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == ':' ||
               c == ',' || c == '\\') {
        run = 0;
    } else {
        return false;
    }
    *state = fives << 3 | run;
    return true;
}
