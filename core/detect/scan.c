/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places of digits: one pass for every detector of numbers.
 *
 *     "call +49 30 901820, 4111-1111-..."
 *           --^ --^ ------^                 runs; at each end, who may ask?
 *
 * Bytes become bitmaps, some 60 at a time. Digits with whatever may part them
 * are a cluster; one with too few digits for any number, which most are, costs
 * a few operations on bits. In the others the runs of digits are kept as
 * groups, so that a number of many groups is weighed by its count of digits
 * and by what parts them before any byte of it is read again; only detectors
 * of that count and these separators check it. Letters next to digits are
 * found by shifting bitmaps.
 *
 * WHY NOT THE MATCHER. An anchor for each number's end costs a call back per
 * number and detector, and expressions that are no literals drive it into its
 * slower engines: 12 us per KiB of numbers, against less than one here.
 */

#include "set.h"

#include <stddef.h>
#include <string.h>

/* --------------------------------------------------------------- groups */

/* More groups than the longest number has digits. */
#define GROUPS 32

struct group {
    size_t from;
    uint32_t digits;
    uint32_t separator; /* in front of it */
};

struct scan {
    struct weir_gathering *g;
    const struct weir_numbers *numbers;
    const unsigned char *p;
    size_t len;
    size_t colon;     /* behind the last colon; 0: there was none */
    size_t address;   /* where the last one with colons ends */
    size_t from;      /* of the cluster */
    size_t end;       /* of its last run */
    size_t plus;      /* behind its last plus so far; or 0 */
    size_t trunk;     /* behind the first nought of its last run with one */
    size_t word;      /* behind the first byte of a word that announces it */
    uint32_t wide;    /* digits */
    uint32_t plain;   /* digits since its last slash */
    uint32_t lengths; /* of its last four runs, a byte each */
    uint32_t digits;  /* of the groups that single separators part */
    uint32_t dots;    /* groups in a row with a dot in front, short ones */
    uint32_t count;   /* groups; the last GROUPS of them are kept */
    bool is_word_known;
    struct group groups[GROUPS];
};

/* The run [from, to), and what lies between it and the last one. */
static void
join(struct scan *s, size_t from, size_t to)
{
    uint32_t n = (uint32_t)(to - from), separator = 0;
    for (size_t i = s->end; i < from; i++) {
        if (s->p[i] == '+')
            s->plus = i + 1;
        if (s->p[i] == '/')
            s->plain = 0;
    }
    if (from - s->end == 1 && s->wide > 0)
        separator = (uint32_t)weir__classes[s->p[s->end]] & WEIR__SEPARATORS;
    s->wide += n;
    s->plain += n;
    s->lengths = s->lengths << 8 | (n < 255 ? n : 255);
    if (separator == 0) {
        s->count = 0;
        s->digits = 0;
    }
    s->dots = separator == WEIR__DOT && n <= 3 ? s->dots + 1 : 0;
    s->groups[s->count++ % GROUPS] = (struct group){from, n, separator};
    s->digits += n;
    s->end = to;
    if (s->p[from] == '0')
        s->trunk = from + 1;
}

static void
read_digits(const struct scan *s, size_t from, size_t to,
            struct weir_digits *digits)
{
    digits->from = from;
    digits->to = to;
    digits->count = 0;
    digits->groups = 1;
    for (size_t i = from; i < to; i++)
        if (weir__is_digit(s->p[i]))
            digits->d[digits->count++] = (uint8_t)(s->p[i] - '0');
        else
            digits->groups++;
}

/* Checks numbers that end here, the longest first. */
static void
ask_numbers(struct scan *s, size_t end)
{
    const struct weir_detect_text *text = s->g->text;
    const struct weir_numbers *numbers = s->numbers;
    const struct group *starts[GROUPS];
    uint64_t rules[GROUPS];
    uint32_t n = 0, total = 0, seen = 0;
    for (uint32_t i = 0; i < s->count && i < GROUPS; i++) {
        const struct group *group = &s->groups[(s->count - 1 - i) % GROUPS];
        total += group->digits;
        if (group->from < text->start || total > WEIR__NUMBER_MOST)
            break;
        uint64_t fits = numbers->by_count[total] & numbers->by_separators[seen];
        if (fits != 0) {
            starts[n] = group;
            rules[n++] = fits;
        }
        seen |= group->separator;
    }
    if (n == 0 || !weir__edge_behind(text, end))
        return;
    uint64_t done = 0;
    while (n-- > 0) {
        struct weir_digits digits;
        uint64_t left = rules[n] & ~done;
        if (left == 0 || !weir__edge_before(text, starts[n]->from))
            continue;
        read_digits(s, starts[n]->from, end, &digits);
        for (; left != 0; left &= left - 1) {
            unsigned rule = (unsigned)__builtin_ctzll(left);
            if (!s->g->set->rules[rule].detector->check(text, &digits))
                continue;
            done |= UINT64_C(1) << rule;
            weir__found(s->g, (uint8_t)rule, digits.from, end);
        }
    }
}

static void
ask_all(struct scan *s, uint64_t rules, size_t end)
{
    for (; rules != 0; rules &= rules - 1)
        weir__ask(s->g, (uint8_t)__builtin_ctzll(rules), end);
}

/* ------------------------------------------------------------- clusters */

/* 2026-11-22 and 22.11.2026 */
static bool
is_date(const struct scan *s)
{
    uint32_t part = s->groups[(s->count - 1) % GROUPS].separator;
    return s->count == 3 && s->wide == 8 && part != WEIR__BLANK &&
           (s->lengths == 0x040202 || s->lengths == 0x020204);
}

/* A number that a dash joins to more digits has not ended. */
static bool
goes_on(const struct scan *s, size_t to)
{
    return to + 1 < s->len && s->p[to] == '-' && weir__is_digit(s->p[to + 1]);
}

/* Is one of the forms of weir__find_phone() possible? */
static bool
may_be_phone(struct scan *s, size_t to)
{
    size_t first = to > WEIR__PHONE_MOST ? to - WEIR__PHONE_MOST : 0;
    if ((s->plus > first && s->wide >= 8) ||
        (s->trunk > first && s->wide >= 9) ||
        (s->lengths & 0xffffff) == 0x030304)
        return true;
    if (s->plain < 6 || to - s->from > WEIR__PHONE_MOST + WEIR__NEAR ||
        is_date(s) || goes_on(s, to))
        return false;
    if (!s->is_word_known) {
        s->word = weir__announced(s->g->text, s->from);
        s->is_word_known = true;
    }
    return s->word > 0;
}

/* Six digits or more end here. */
static void
on_number(struct scan *s, size_t from, size_t to)
{
    const struct weir_numbers *numbers = s->numbers;
    if (numbers->at_phone != 0 && may_be_phone(s, to))
        ask_all(s, numbers->at_phone, to);
    if (numbers->at_corsica != 0 && s->wide == 8 && s->from > 0 &&
        (s->p[s->from - 1] & 0xdf) >= 'A' && (s->p[s->from - 1] & 0xdf) <= 'B')
        ask_all(s, numbers->at_corsica, to);
    if (to - from <= WEIR__NUMBER_MOST)
        ask_all(s, numbers->by_run[to - from], to);
    if (numbers->least != 0 && s->digits >= numbers->least)
        ask_numbers(s, to);
}

/* Digits and WEIR__PARTS from `at` on; at least one digit. Returns where it ends. */
static size_t
on_cluster(struct scan *s, size_t at)
{
    s->from = s->end = at;
    s->plus = s->trunk = 0;
    s->wide = s->plain = s->lengths = s->digits = s->dots = s->count = 0;
    s->is_word_known = false;
    while (at < s->len && !s->g->is_full) {
        size_t from = at;
        while (at < s->len && weir__is_digit(s->p[at]))
            at++;
        if (at == from) {
            if ((weir__classes[s->p[at]] & WEIR__PARTS) == 0)
                break;
            at++;
            continue;
        }
        join(s, from, at);
        if (s->dots >= 3)
            ask_all(s, s->numbers->at_address, at);
        if (s->wide < 6 || at - from < 2)
            continue;
        if (at == s->len || (weir__classes[s->p[at]] & WEIR__WORD) == 0)
            on_number(s, from, at);
        else if (weir__is_extension(s->g->text, at) && may_be_phone(s, at))
            ask_all(s, s->numbers->at_phone, at);
    }
    return at;
}

/* "::", or ":" with one to four hexadecimal digits and ":". */
static void
on_colon(struct scan *s, size_t at)
{
    const struct weir_gathering *g = s->g;
    size_t last = s->colon;
    s->colon = at + 1;
    if (last == 0 || at - last > 4 || at < s->address)
        return;
    for (size_t i = last; i < at; i++) {
        unsigned char c = s->p[i];
        if (!weir__is_digit(c) && ((c | 0x20) < 'a' || (c | 0x20) > 'f'))
            return;
    }
    size_t count = g->count;
    ask_all(s, s->numbers->at_address, at + 1);
    if (g->count > count)
        s->address = g->all[g->count - 1].to;
}

/* --------------------------------------------------------------- blocks */

/* Of a block: two bytes that are only looked back at, those that are read,
 * and two that are only looked ahead at. */
#define BACK  2
#define READ  60
#define VALID (((UINT64_C(1) << READ) - 1) << BACK)

/* `set` without its lowest two, and five. */
static uint64_t
but_two(uint64_t set)
{
    set &= set - 1;
    return set & (set - 1);
}

static uint64_t
but_five(uint64_t set)
{
    set = but_two(but_two(set));
    return set & (set - 1);
}

/* Of a cluster that is seen from `at` on, behind the last one's end. */
static size_t
begin_of(const struct scan *s, size_t at, size_t done)
{
    if (at < done)
        return done;
    while (at > done && (weir__classes[s->p[at - 1]] & WEIR__PARTS) != 0)
        at--;
    return at;
}

/* Letters next to digits: national codes, and accounts. */
static void
ask_letters(struct scan *s, const struct weir_bitmaps *maps, size_t base,
            uint64_t valid)
{
    uint64_t last = maps->letters & ~(maps->words >> 1) & valid;
    uint64_t at = last & maps->digits << 1;
    uint64_t gap = last & maps->gaps << 1 & maps->digits << 2;
    uint64_t country = maps->digits & ~(maps->digits << 1) & maps->digits >> 1 &
                       maps->letters << 1 & maps->letters << 2 & valid;
    for (; at != 0; at &= at - 1)
        ask_all(s, s->numbers->at_letter,
                base + (size_t)__builtin_ctzll(at) + 1);
    for (; gap != 0; gap &= gap - 1)
        ask_all(s, s->numbers->at_gap, base + (size_t)__builtin_ctzll(gap) + 1);
    for (; country != 0; country &= country - 1)
        ask_all(s, s->numbers->at_country,
                base + (size_t)__builtin_ctzll(country) + 2);
}

/*
 * Clusters of a block; `done` is where the last one ended. One that reaches
 * out of the block is left for the next, which begins with it, unless it
 * begins with this one. Returns the bytes of the block that were read.
 */
static unsigned
read_clusters(struct scan *s, const struct weir_bitmaps *maps, size_t base,
              size_t *done)
{
    uint64_t all = maps->digits | maps->parts;
    uint64_t left = maps->digits & VALID;
    while (left != 0) {
        unsigned first = (unsigned)__builtin_ctzll(left);
        uint64_t below = ~all & ((UINT64_C(1) << first) - 1);
        unsigned from = below != 0 ? 64 - (unsigned)__builtin_clzll(below) : 0;
        uint64_t above = ~all >> first;
        unsigned to =
            above != 0 ? first + (unsigned)__builtin_ctzll(above) : 64;
        if (to >= BACK + READ && from > BACK)
            return from - BACK;
        uint64_t range = (to < 64 ? (UINT64_C(1) << to) - 1 : UINT64_MAX) &
                         ~((UINT64_C(1) << from) - 1);
        left &= ~range;
        bool is_short = to < BACK + READ && but_five(maps->digits & range) == 0;
        if (base + first >= *done &&
            (!is_short || but_two(maps->dots & range) != 0))
            *done = on_cluster(s, begin_of(s, base + from, *done));
    }
    return READ;
}

void
weir__scan_numbers(struct weir_gathering *g, size_t base)
{
    struct scan s; /* its groups are written before they are read */
    memset(&s, 0, offsetof(struct scan, groups));
    s.g = g;
    s.numbers = &g->set->numbers;
    s.p = g->text->p;
    s.len = g->text->len;
    size_t done = base; /* end of the last cluster */
    for (size_t at = base, n; at < s.len && !g->is_full; at += n) {
        unsigned char copy[64];
        const unsigned char *p = s.p + at - BACK;
        if (at < base + BACK || s.len - at < 64 - BACK) {
            size_t back = at - base < BACK ? at - base : BACK;
            size_t ahead = s.len - at < 64 - BACK ? s.len - at : 64 - BACK;
            memset(copy, 0, sizeof copy);
            memcpy(copy + BACK - back, s.p + at - back, back + ahead);
            p = copy;
        }
        struct weir_bitmaps maps = s.numbers->map(p);
        uint64_t valid = VALID;
        n = READ;
        if (maps.digits != 0) {
            n = read_clusters(&s, &maps, at - BACK, &done);
            valid &= (UINT64_C(1) << (BACK + n)) - 1;
            ask_letters(&s, &maps, at - BACK, valid);
        }
        if (s.numbers->at_address != 0)
            for (uint64_t left = maps.colons & valid; left != 0;
                 left &= left - 1)
                on_colon(&s, at - BACK + (size_t)__builtin_ctzll(left));
    }
}
