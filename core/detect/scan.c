/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places of digits: one pass for every detector of numbers, and of mail.
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

#define BLOCK 64

static uint64_t
bits_below(unsigned n)
{
    return n < BLOCK ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
}

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

/* What lies between the last run and the one at `from`, more than a byte. */
static void
pass_parts(struct scan *s, size_t from)
{
    for (size_t i = s->end; i < from; i++) {
        if (s->p[i] == '+')
            s->plus = i + 1;
        if (s->p[i] == '/')
            s->plain = 0;
    }
}

/* The run [from, to), and what lies between it and the last one. */
static inline void
join(struct scan *s, size_t from, size_t to)
{
    uint32_t n = (uint32_t)(to - from), separator = 0;
    if (from - s->end == 1) {
        uint32_t class = weir__classes[s->p[s->end]];
        separator = s->wide > 0 ? class & WEIR__SEPARATORS : 0;
        if (class == WEIR__PLUS)
            s->plus = from;
        else if (class == WEIR__SLASH)
            s->plain = 0;
    } else if (from > s->end) {
        pass_parts(s, from);
    }
    if (separator == 0) {
        s->count = 0;
        s->digits = 0;
    }
    s->wide += n;
    s->plain += n;
    s->digits += n;
    s->lengths = s->lengths << 8 | (n < 255 ? n : 255);
    s->dots = separator == WEIR__DOT && n <= 3 ? s->dots + 1 : 0;
    struct group *group = &s->groups[s->count++ % GROUPS];
    group->from = from;
    group->digits = n;
    group->separator = separator;
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

/* A run of digits was joined: who asks at its end? */
static inline void
on_run(struct scan *s, size_t from, size_t to)
{
    if (s->dots >= 3)
        ask_all(s, s->numbers->at_address, to);
    if (s->wide < 6 || to - from < 2)
        return;
    if (to == s->len || (weir__classes[s->p[to]] & WEIR__WORD) == 0)
        on_number(s, from, to);
    else if (weir__is_extension(s->g->text, to) && may_be_phone(s, to))
        ask_all(s, s->numbers->at_phone, to);
}

static void
begin_cluster(struct scan *s, size_t at)
{
    s->from = s->end = at;
    s->plus = s->trunk = 0;
    s->wide = s->plain = s->lengths = s->digits = s->dots = s->count = 0;
    s->is_word_known = false;
}

/* Digits and WEIR__PARTS from `at` on; at least one digit. Returns where it ends. */
static size_t
on_cluster(struct scan *s, size_t at)
{
    begin_cluster(s, at);
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
        on_run(s, from, at);
    }
    return at;
}

/* The same, of one that ends in the block: its digits are bits. */
static size_t
on_short_cluster(struct scan *s, uint64_t digits, size_t base, unsigned from,
                 unsigned to)
{
    begin_cluster(s, base + from);
    for (uint64_t left = digits & bits_below(to) & ~bits_below(from);
         left != 0 && !s->g->is_full;) {
        unsigned first = (unsigned)__builtin_ctzll(left);
        uint64_t behind = left + (left & -left); /* the run's carry */
        unsigned end = (unsigned)__builtin_ctzll(behind);
        left &= behind;
        join(s, base + first, base + end);
        on_run(s, base + first, base + end);
    }
    return base + to;
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

/* What is known of the text in front of a block. */
struct front {
    size_t done;     /* end of the last cluster that was read */
    unsigned digits; /* of the cluster that reaches into the block */
    unsigned dots;
    uint64_t ends; /* the last block's digits */
};

/* Where the cluster with this byte begins. */
static size_t
begin_of(const struct scan *s, size_t at, size_t done)
{
    while (at > done && (weir__is_digit(s->p[at - 1]) ||
                         (weir__classes[s->p[at - 1]] & WEIR__PARTS) != 0))
        at--;
    return at;
}

/* Bits, of which there are few. */
static unsigned
count_bits(uint64_t set)
{
    unsigned n = 0;
    for (; set != 0; set &= set - 1)
        n++;
    return n;
}

/* The first byte of the cluster that reaches into this block and, with what
 * lies in front, has digits or dots enough; or none. */
static uint64_t
reaching(const struct weir_bitmaps *maps, uint64_t all,
         const struct front *front)
{
    if (front->digits == 0 || (all & 1) == 0)
        return 0;
    uint64_t run = ~all & (all + 1); /* the bit behind it */
    run = run != 0 ? run - 1 : UINT64_MAX;
    return front->digits + count_bits(maps->digits & run) >= 6 ||
                   front->dots + count_bits(maps->dots & run) >= 3
               ? 1
               : 0;
}

/* What this block leaves open for the next. */
static void
leave(const struct weir_bitmaps *maps, uint64_t all, struct front *front)
{
    uint64_t run = all;
    if (~all != 0) {
        front->digits = front->dots = 0;
        if (all >> 63 == 0)
            return;
        run = ~bits_below(BLOCK - (unsigned)__builtin_clzll(~all));
    }
    front->digits += count_bits(maps->digits & run);
    front->dots += count_bits(maps->dots & run);
}

/* Colons of a block in front of `to`; addresses are asked for in the order of
 * the text, wherever blocks begin. */
static void
read_colons(struct scan *s, uint64_t *colons, size_t base, size_t to)
{
    uint64_t left =
        *colons & bits_below(to < base + BLOCK ? (unsigned)(to - base) : BLOCK);
    *colons &= ~left;
    for (; left != 0; left &= left - 1)
        on_colon(s, base + (size_t)__builtin_ctzll(left));
}

/* Reads those clusters of a block that have six digits or three dots. */
static void
read_clusters(struct scan *s, const struct weir_bitmaps *maps, size_t base,
              uint64_t *colons, struct front *front)
{
    uint64_t all = maps->digits | maps->parts;
    uint64_t left = maps->six_digits | reaching(maps, all, front);
    if (s->numbers->at_address != 0)
        left |= maps->three_dots;
    if (front->done > base)
        left &= ~bits_below((unsigned)(front->done - base));
    while (left != 0 && !s->g->is_full) {
        unsigned at = (unsigned)__builtin_ctzll(left);
        uint64_t below = ~all & bits_below(at);
        unsigned from = below != 0 ? 64 - (unsigned)__builtin_clzll(below) : 0;
        uint64_t above = ~all & ~bits_below(at);
        size_t first = from > 0 ? base + from : begin_of(s, base, front->done);
        if (*colons != 0)
            read_colons(s, colons, base, base + from);
        front->done = first == base + from && above != 0
                          ? on_short_cluster(s, maps->digits, base, from,
                                             (unsigned)__builtin_ctzll(above))
                          : on_cluster(s, first);
        if (front->done >= base + BLOCK)
            break;
        left &= ~bits_below((unsigned)(front->done - base));
    }
    if (front->done >= base + BLOCK)
        front->digits = front->dots = 0;
    else
        leave(maps, all, front);
}

static uint64_t
bit_if(bool is_set, unsigned at)
{
    return (uint64_t)is_set << at;
}

static bool
is_letter_at(const struct scan *s, size_t at)
{
    return (weir__classes[s->p[at]] & WEIR__ALPHA) != 0;
}

/* Letters next to digits: national codes, and accounts. `first` is where the
 * scan began: nothing in front of it is looked at. */
static void
ask_letters(struct scan *s, const struct weir_bitmaps *maps, size_t base,
            size_t first, uint64_t digits_before)
{
    size_t next = base + BLOCK;
    uint64_t digits = maps->digits, behind = 0, one = 0, two = 0, gap_one = 0;
    uint64_t digit_behind = 0;
    uint64_t back_one = digits << 1 | digits_before >> 63;
    uint64_t back_two = digits << 2 | digits_before >> 62;
    /* were the bytes around the block all that they may be */
    if ((maps->letters & ~(maps->words >> 1) &
         (back_one | ((maps->gaps << 1 | 1) & back_two))) == 0 &&
        (digits & (maps->letters << 1 | 1) & (maps->letters << 2 | 3)) == 0)
        return;
    if (next < s->len) {
        unsigned char c = s->p[next];
        behind = bit_if((weir__classes[c] & WEIR__WORD) != 0, 63);
        digit_behind = bit_if(weir__is_digit(c), 63);
    }
    if (base > first) {
        unsigned char c = s->p[base - 1];
        one = bit_if(is_letter_at(s, base - 1), 0);
        two = one << 1 | bit_if(is_letter_at(s, base - 2), 0);
        gap_one = bit_if(c == ' ' || c == '-', 0);
    }
    uint64_t last = maps->letters & ~(maps->words >> 1 | behind);
    uint64_t at = last & back_one;
    uint64_t gap = last & (maps->gaps << 1 | gap_one) & back_two;
    uint64_t country = digits & ~back_one & (digits >> 1 | digit_behind) &
                       (maps->letters << 1 | one) & (maps->letters << 2 | two);
    for (; at != 0; at &= at - 1)
        ask_all(s, s->numbers->at_letter,
                base + (size_t)__builtin_ctzll(at) + 1);
    for (; gap != 0; gap &= gap - 1)
        ask_all(s, s->numbers->at_gap, base + (size_t)__builtin_ctzll(gap) + 1);
    for (; country != 0; country &= country - 1)
        ask_all(s, s->numbers->at_country,
                base + (size_t)__builtin_ctzll(country) + 2);
}

static void
scan_signs(struct weir_gathering *g, size_t base)
{
    const unsigned char *p = g->text->p, *at = p + base,
                        *end = p + g->text->len;
    struct scan s = {.g = g};
    while (!g->is_full && (at = memchr(at, '@', (size_t)(end - at))) != NULL)
        ask_all(&s, g->set->numbers.at_sign, (size_t)(++at - p));
}

void
weir__scan_numbers(struct weir_gathering *g, size_t base)
{
    struct scan s; /* its groups are written before they are read */
    struct front front = {.done = base};
    if (!g->set->numbers.has_digits) {
        scan_signs(g, base);
        return;
    }
    memset(&s, 0, offsetof(struct scan, groups));
    s.g = g;
    s.numbers = &g->set->numbers;
    s.p = g->text->p;
    s.len = g->text->len;
    for (size_t at = base; at < s.len && !g->is_full; at += BLOCK) {
        unsigned char copy[BLOCK];
        const unsigned char *p = s.p + at;
        if (s.len - at < BLOCK) {
            memset(copy, 0, sizeof copy);
            memcpy(copy, p, s.len - at);
            p = copy;
        }
        bool is_near = front.digits != 0 || front.ends >> 62 != 0;
        struct weir_bitmaps maps = s.numbers->map(p, is_near);
        uint64_t colons = s.numbers->at_address != 0 ? maps.colons : 0;
        if (maps.digits != 0 || is_near) {
            read_clusters(&s, &maps, at, &colons, &front);
            ask_letters(&s, &maps, at, base, front.ends);
        }
        if (colons != 0)
            read_colons(&s, &colons, at, at + BLOCK);
        for (uint64_t left = maps.ats; left != 0; left &= left - 1)
            ask_all(&s, s.numbers->at_sign,
                    at + (size_t)__builtin_ctzll(left) + 1);
        front.ends = maps.digits;
    }
}
