/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A zone's file is a list of shifts and, behind it, the rule by which it goes
 * on (a POSIX TZ text, "CET-1CEST,M3.5.0,M10.5.0/3"). The list is copied, the
 * rule is written out until 2100: what reads an image then needs no rule, no
 * file and no library that keeps one zone for the whole process.
 *
 *     "TZif" ver 15x0 | six counts | 32-bit data | the same with 64 bits |
 *     \n rule \n
 *
 * Leap seconds are not counted, as nowhere in weir.
 */
#include "zone.h"

#include <stdio.h>
#include <string.h>

#define ZONES      "/usr/share/zoneinfo/"
#define UNTIL_YEAR 2100
#define BYTES_MAX  ((size_t)256 << 10)
#define HEADER     44

static uint32_t
be32(const char *at)
{
    const uint8_t *b = (const uint8_t *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 |
           b[3];
}

static int64_t
be64(const char *at)
{
    return (int64_t)((uint64_t)be32(at) << 32 | be32(at + 4));
}

/* Seconds of the first of January. */
static int64_t
year_start(int64_t year)
{
    int64_t before = year - 1;
    int64_t days = before * 365 + before / 4 - before / 100 + before / 400;
    return (days - 719162) * 86400;
}

static bool
is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* ------------------------------------------------------ the rule's text */

struct change {
    char kind;       /* 'M', 'J', or 'n': a day from 0 on */
    uint32_t of[3];  /* month, week, weekday; or the day */
    int64_t seconds; /* after local midnight */
};

struct rule {
    int64_t standard; /* seconds east of UTC */
    int64_t summer;
    bool has_summer;
    struct change begins;
    struct change ends;
};

struct text {
    const char *at;
    const char *end;
    bool is_bad;
};

static bool
skip(struct text *t, char c)
{
    if (t->at == t->end || *t->at != c)
        return false;
    t->at++;
    return true;
}

static int64_t
number(struct text *t)
{
    int64_t value = 0;
    const char *start = t->at;
    while (t->at < t->end && *t->at >= '0' && *t->at <= '9' && value < 10000)
        value = value * 10 + (*t->at++ - '0');
    t->is_bad = t->is_bad || t->at == start;
    return value;
}

static void
word(struct text *t)
{
    if (skip(t, '<')) {
        while (t->at < t->end && *t->at != '>')
            t->at++;
        t->is_bad = t->is_bad || !skip(t, '>');
        return;
    }
    const char *start = t->at;
    while (t->at < t->end && ((*t->at >= 'A' && *t->at <= 'Z') ||
                              (*t->at >= 'a' && *t->at <= 'z')))
        t->at++;
    t->is_bad = t->is_bad || t->at - start < 3;
}

/* [+-]h[:m[:s]] */
static int64_t
clock_time(struct text *t)
{
    int64_t sign = skip(t, '-') ? -1 : 1;
    (void)skip(t, '+');
    int64_t seconds = number(t) * 3600;
    if (skip(t, ':'))
        seconds += number(t) * 60;
    if (skip(t, ':'))
        seconds += number(t);
    return sign * seconds;
}

static void
read_change(struct text *t, struct change *out)
{
    t->is_bad = t->is_bad || !skip(t, ',');
    if (skip(t, 'M')) {
        out->kind = 'M';
        for (int i = 0; i < 3; i++) {
            if (i > 0 && !skip(t, '.'))
                t->is_bad = true;
            out->of[i] = (uint32_t)number(t);
        }
        t->is_bad = t->is_bad || out->of[0] < 1 || out->of[0] > 12 ||
                    out->of[1] < 1 || out->of[1] > 5 || out->of[2] > 6;
    } else {
        out->kind = skip(t, 'J') ? 'J' : 'n';
        out->of[0] = (uint32_t)number(t);
        t->is_bad = t->is_bad || out->of[0] > 366;
    }
    out->seconds = skip(t, '/') ? clock_time(t) : 2 * 3600;
}

/* False: not a rule. An empty text is one that says nothing. */
static bool
read_rule(weir_span bytes, struct rule *rule)
{
    struct text t = {bytes.ptr, bytes.ptr + bytes.len, false};
    word(&t);
    rule->standard = -clock_time(&t); /* POSIX counts to the west */
    rule->has_summer = t.at < t.end;
    if (!rule->has_summer)
        return !t.is_bad;
    word(&t);
    rule->summer = rule->standard + 3600;
    if (t.at < t.end && *t.at != ',')
        rule->summer = -clock_time(&t);
    read_change(&t, &rule->begins);
    read_change(&t, &rule->ends);
    return !t.is_bad && t.at == t.end;
}

/* Local seconds of the change in that year. */
static int64_t
moment(const struct change *c, int64_t year)
{
    static const uint16_t before[12] = {0,   31,  59,  90,  120, 151,
                                        181, 212, 243, 273, 304, 334};
    static const uint8_t length[12] = {31, 28, 31, 30, 31, 30,
                                       31, 31, 30, 31, 30, 31};
    int64_t start = year_start(year);
    int64_t day;
    if (c->kind == 'n')
        return start + c->of[0] * INT64_C(86400) + c->seconds;
    if (c->kind == 'J') { /* the 29th of February is not counted */
        day = c->of[0] - 1;
        day += is_leap(year) && day >= 59;
        return start + day * 86400 + c->seconds;
    }
    uint32_t month = c->of[0] - 1;
    int64_t first =
        start / 86400 + before[month] + (is_leap(year) && month > 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01: a Thursday */
    int64_t days = length[month] + (is_leap(year) && month == 1);
    day = ((int64_t)c->of[2] - weekday + 7) % 7 + (c->of[1] - 1) * INT64_C(7);
    while (day >= days) /* the fifth is the last */
        day -= 7;
    return (first + day) * 86400 + c->seconds;
}

/* ---------------------------------------------------------------- rows */

struct adding {
    struct weir_world *world;
    struct weir_world_range *shifts;
    int64_t last; /* offset of the row before */
    bool is_full;
};

static void
add_shift(struct adding *a, int64_t seconds, int64_t offset)
{
    if (a->shifts->count > 0 && offset == a->last)
        return;
    struct weir_world_shift *row = weir_world_add_shift(a->world);
    a->is_full = a->is_full || row == NULL;
    if (row == NULL)
        return;
    row->from =
        a->shifts->count == 0 ? WEIR_TIME_MIN : seconds * WEIR_US_PER_SEC;
    row->offset_s = offset;
    a->last = offset;
    a->shifts->count++;
}

static void
add_rule(struct adding *a, const struct rule *rule, int64_t after)
{
    if (!rule->has_summer) {
        add_shift(a, after + 1, rule->standard);
        return;
    }
    for (int64_t year = 2019; year <= UNTIL_YEAR; year++) {
        int64_t begins = moment(&rule->begins, year) - rule->standard;
        int64_t ends = moment(&rule->ends, year) - rule->summer;
        bool is_south = ends < begins;
        int64_t first = is_south ? ends : begins;
        int64_t second = is_south ? begins : ends;
        if (first > after)
            add_shift(a, first, is_south ? rule->standard : rule->summer);
        if (second > after)
            add_shift(a, second, is_south ? rule->summer : rule->standard);
    }
}

/* Bytes of a data block, from the counts of its header; 0: too many. */
static size_t
block_size(const char *header, size_t time_bytes)
{
    uint64_t isut = be32(header + 20), isstd = be32(header + 24);
    uint64_t leap = be32(header + 28), times = be32(header + 32);
    uint64_t types = be32(header + 36), chars = be32(header + 40);
    uint64_t size = times * (time_bytes + 1) + types * 6 + chars +
                    leap * (time_bytes + 4) + isstd + isut;
    return times > 10000 || types > 256 || types == 0 || size > BYTES_MAX
               ? 0
               : (size_t)size;
}

static bool
add_block(struct adding *a, const char *header, const char *data,
          weir_span footer)
{
    uint32_t times = be32(header + 32), types = be32(header + 36);
    const char *index = data + (size_t)times * 8;
    const char *kinds = index + times;
    int64_t last = 0;
    struct rule rule;
    add_shift(a, 0, (int32_t)be32(kinds));
    for (uint32_t i = 0; i < times; i++) {
        uint8_t kind = (uint8_t)index[i];
        int64_t offset = kind < types ? (int32_t)be32(kinds + kind * 6u) : 0;
        int64_t at = be64(data + (size_t)i * 8);
        if (kind >= types || offset < -86400 || offset > 86400 ||
            (i > 0 && at <= last))
            return false;
        last = at;
        if (at > -(INT64_C(1) << 40)) /* before this there were no clocks */
            add_shift(a, at, offset);
    }
    if (footer.len > 0) {
        if (!read_rule(footer, &rule))
            return false;
        add_rule(a, &rule, times == 0 ? -(INT64_C(1) << 40) : last);
    }
    return !a->is_full;
}

bool
weir_zone_read(struct weir_world *world, weir_span name, weir_span bytes,
               uint32_t *zone_out)
{
    size_t at = HEADER;
    if (bytes.len < HEADER || memcmp(bytes.ptr, "TZif", 4) != 0 ||
        bytes.ptr[4] < '2')
        return false;
    at += block_size(bytes.ptr, 4);
    if (at == HEADER || bytes.len < at + HEADER ||
        memcmp(bytes.ptr + at, "TZif", 4) != 0)
        return false;
    const char *header = bytes.ptr + at;
    size_t size = block_size(header, 8);
    at += HEADER;
    if (size == 0 || bytes.len - at < size + 2 ||
        bytes.ptr[at + size] != '\n' || bytes.ptr[bytes.len - 1] != '\n')
        return false;
    weir_span footer = {bytes.ptr + at + size + 1, bytes.len - at - size - 2};
    struct weir_world_zone *zone = weir_world_add_zone(world);
    if (zone == NULL)
        return false;
    zone->name = weir_arena_copy(&world->arena, name);
    zone->shifts.first = world->shift_count;
    struct adding adding = {.world = world, .shifts = &zone->shifts};
    if (!add_block(&adding, header, bytes.ptr + at, footer)) {
        world->zone_count--;
        return false;
    }
    *zone_out = world->zone_count;
    return true;
}

static bool
is_zone_name(weir_span name)
{
    char before = '/';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_word =
            (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            (c >= '0' && c <= '9') ||
            (before != '/' && (c == '_' || c == '-' || c == '+' || c == '/'));
        if (!is_word)
            return false;
        before = c;
    }
    return name.len > 0 && name.len < 64 && before != '/';
}

bool
weir_zone_find(struct weir_world *world, weir_span name, uint32_t *zone_out,
               char why_out[WEIR_ZONE_WHY])
{
    char path[sizeof ZONES + 64];
    char *bytes;
    *zone_out = 0;
    if (weir_span_equal(name, WEIR_SPAN("UTC")))
        return true;
    for (uint32_t i = 0; i < world->zone_count; i++) {
        if (weir_span_equal(world->zone_rows[i].name, name)) {
            *zone_out = i + 1;
            return true;
        }
    }
    snprintf(why_out, WEIR_ZONE_WHY, "not the name of a zone");
    if (!is_zone_name(name))
        return false;
    snprintf(path, sizeof path, ZONES "%.*s", WEIR_SPAN_ARG(name));
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        snprintf(why_out, WEIR_ZONE_WHY, "this machine has no file of it");
        return false;
    }
    bytes = weir_arena_alloc(&world->arena, BYTES_MAX);
    size_t len = bytes == NULL ? 0 : fread(bytes, 1, BYTES_MAX, file);
    fclose(file);
    snprintf(why_out, WEIR_ZONE_WHY, "its file cannot be read");
    return len > 0 && len < BYTES_MAX &&
           weir_zone_read(world, name, (weir_span){bytes, len}, zone_out);
}
