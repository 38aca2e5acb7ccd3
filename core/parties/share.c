/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares as registers write them: exact, a band, open or closed at either
 * end. An open end becomes a closed one a millionth further in, since whole
 * parts per million are all there is.
 *
 *    share = "unknown" | end | end sep end
 *          | ("[" | "(") end (sep | ",") end ("]" | ")")
 *    end   = [">" | ">=" | "<" | "<="] digits ["." digits] ["%"]
 *    sep   = "-" | "to" | ".." | U+2013
 *
 * The unit of numbers without % is the caller's choice (enum
 * weir_share_unit): what is plain in one source is ambiguous in another.
 * Digits are collected first and become parts per million when the units of
 * both ends are known. No binary fraction is involved anywhere.
 */
#include <weir/parties.h>

#include <stdio.h>
#include <string.h>

enum bound { BOUND_NONE, BOUND_ABOVE, BOUND_FROM, BOUND_BELOW, BOUND_TO };

/* One end as written. */
struct end {
    enum bound bound;
    uint64_t whole;
    weir_span fraction; /* digits behind the point */
    bool has_point;
    bool has_percent;
};

struct cursor {
    weir_span text;
    size_t at;
    bool is_loose; /* blanks before %, as people write */
};

static void
skip_blanks(struct cursor *c)
{
    while (c->at < c->text.len && c->text.ptr[c->at] == ' ')
        c->at++;
}

static bool
take(struct cursor *c, const char *word)
{
    size_t len = strlen(word);
    if (c->text.len - c->at < len ||
        memcmp(c->text.ptr + c->at, word, len) != 0)
        return false;
    c->at += len;
    return true;
}

static enum bound
take_bound(struct cursor *c)
{
    if (take(c, ">"))
        return take(c, "=") ? BOUND_FROM : BOUND_ABOVE;
    if (take(c, "<"))
        return take(c, "=") ? BOUND_TO : BOUND_BELOW;
    return BOUND_NONE;
}

static weir_span
take_digits(struct cursor *c)
{
    size_t first = c->at;
    while (c->at < c->text.len && c->text.ptr[c->at] >= '0' &&
           c->text.ptr[c->at] <= '9')
        c->at++;
    return (weir_span){c->text.ptr + first, c->at - first};
}

static weir_status
take_end(struct cursor *c, struct end *end_out, struct weir_error *err)
{
    struct end end = {.bound = take_bound(c)};
    if (end.bound != BOUND_NONE)
        skip_blanks(c);
    size_t start = c->at;
    weir_span whole = take_digits(c);
    /* ".." is a separator, not a point. */
    bool is_range = c->text.len - c->at > 1 && c->text.ptr[c->at] == '.' &&
                    c->text.ptr[c->at + 1] == '.';
    end.has_point = !is_range && take(c, ".");
    if (end.has_point)
        end.fraction = take_digits(c);
    if (end.has_point && end.fraction.len == 0)
        return weir_fail(err, WEIR_EPARSE, c->at, "no digits after the point");
    if (whole.len == 0 || whole.len > 9 || !weir_span_to_u64(whole, &end.whole))
        return weir_fail(err, WEIR_EPARSE, start, "not a share");
    size_t behind = c->at;
    if (c->is_loose)
        skip_blanks(c);
    end.has_percent = take(c, "%");
    if (!end.has_percent)
        c->at = behind;
    *end_out = end;
    return WEIR_OK;
}

static bool
take_separator(struct cursor *c, bool has_bracket)
{
    skip_blanks(c);
    return take(c, "-") || take(c, "to") || take(c, "..") ||
           (has_bracket && take(c, ",")) || take(c, "\xE2\x80\x93");
}

/* --------------------------------------------------------------- units */

enum scale { SCALE_NONE, SCALE_PERCENT, SCALE_FRACTION, SCALE_PPM };

static bool
is_above_one(const struct end *e)
{
    if (e->whole != 1 || !e->has_point)
        return e->whole > 1;
    for (size_t i = 0; i < e->fraction.len; i++) {
        if (e->fraction.ptr[i] != '0')
            return true;
    }
    return false;
}

/* Of ends without %: the greatest decides for both, so that 0 to 50 is all
 * percent; SCALE_NONE: it could be either. */
static enum scale
guess(const struct end *ends, size_t count, bool has_bound,
      enum weir_share_unit unit)
{
    const struct end *most = &ends[count - 1];
    bool has_point = ends[0].has_point || most->has_point;
    bool all_points = ends[0].has_point && most->has_point;
    bool is_loose = unit == WEIR_SHARE_GUESS;
    if (most->whole < ends[0].whole)
        most = &ends[0];
    if (all_points && (!is_loose || !is_above_one(most)))
        return SCALE_FRACTION;
    if (has_point && !is_loose)
        return SCALE_NONE;
    if (is_loose && count == 1 && most->whole == 0 && !has_point)
        return SCALE_PERCENT; /* nothing of whatever */
    if (!is_above_one(most) ||
        (count == 2 && has_point && !all_points && !is_above_one(&ends[0])))
        return SCALE_NONE;
    if (most->whole <= 100)
        return is_loose || count == 2 || has_bound ? SCALE_PERCENT : SCALE_NONE;
    return is_loose && !has_point ? SCALE_PPM : SCALE_PERCENT;
}

static enum scale
scale_of(const struct end *ends, size_t count, enum weir_share_unit unit)
{
    bool has_bound =
        ends[0].bound != BOUND_NONE || ends[count - 1].bound != BOUND_NONE;
    if (ends[0].has_percent || ends[count - 1].has_percent ||
        unit == WEIR_SHARE_PERCENT)
        return SCALE_PERCENT;
    if (unit == WEIR_SHARE_PPM)
        return SCALE_PPM;
    return guess(ends, count, has_bound, unit);
}

/* Parts per million; what is finer is refused, or rounded outwards. */
static weir_status
convert(const struct end *e, enum scale scale, bool may_round, bool is_up,
        uint32_t *ppm_out, struct weir_error *err)
{
    static const uint64_t units[] = {0, 10000, 1000000, 1};
    static const size_t decimals_of[] = {0, 4, 6, 0};
    size_t decimals = decimals_of[scale];
    uint64_t rest = 0;
    bool is_finer = false;
    for (size_t i = 0; i < decimals; i++)
        rest = rest * 10 +
               (i < e->fraction.len ? (uint64_t)(e->fraction.ptr[i] - '0') : 0);
    for (size_t i = decimals; i < e->fraction.len; i++)
        is_finer = is_finer || e->fraction.ptr[i] != '0' || !may_round;
    if (is_finer && !may_round)
        return weir_fail(err, WEIR_EPARSE, 0,
                         "a share finer than one part per million");
    if (e->whole > WEIR_SHARE_ALL / units[scale] ||
        e->whole * units[scale] + rest + (is_finer && is_up) > WEIR_SHARE_ALL)
        return weir_fail(err, WEIR_EPARSE, 0, "a share above 100 %%");
    *ppm_out = (uint32_t)(e->whole * units[scale] + rest + (is_finer && is_up));
    return WEIR_OK;
}

/* ------------------------------------------------------------ the whole */

/* Closed ends from what was written; false when nothing lies between. */
static bool
close_ends(const struct end *ends, size_t count, uint32_t a, uint32_t b,
           weir_share *share_out)
{
    int64_t low = a;
    int64_t high = b;
    enum bound first = ends[0].bound;
    if (first == BOUND_ABOVE)
        low++;
    if (count == 2) {
        if (ends[1].bound == BOUND_BELOW)
            high--;
    } else if (first == BOUND_ABOVE || first == BOUND_FROM) {
        high = WEIR_SHARE_ALL;
    } else if (first == BOUND_BELOW || first == BOUND_TO) {
        low = 0;
        high -= first == BOUND_BELOW;
    }
    if (low > high)
        return false;
    *share_out = (weir_share){(uint32_t)low, (uint32_t)high};
    return true;
}

/* "[25, 50)": brackets are bounds of the two ends. */
static weir_status
take_ends(struct cursor *c, struct end ends[2], size_t *count_out,
          struct weir_error *err)
{
    bool has_closed = take(c, "[");
    bool has_open = !has_closed && take(c, "(");
    if (has_closed || has_open)
        skip_blanks(c);
    weir_status status = take_end(c, &ends[0], err);
    if (status != WEIR_OK)
        return status;
    size_t behind = c->at;
    *count_out = 1;
    if (take_separator(c, has_closed || has_open)) {
        *count_out = 2;
        skip_blanks(c);
        status = take_end(c, &ends[1], err);
        if (status != WEIR_OK)
            return status;
        skip_blanks(c);
        behind = c->at;
    }
    c->at = behind;
    bool closes = has_closed || has_open;
    if (closes && *count_out == 2 && ends[0].bound == BOUND_NONE &&
        ends[1].bound == BOUND_NONE) {
        ends[0].bound = has_open ? BOUND_ABOVE : BOUND_NONE;
        if (take(c, ")"))
            ends[1].bound = BOUND_BELOW;
        else if (!take(c, "]"))
            c->at = SIZE_MAX;
    } else if (closes) {
        c->at = SIZE_MAX;
    }
    enum bound second = *count_out == 2 ? ends[1].bound : BOUND_NONE;
    if (c->at != c->text.len || second == BOUND_ABOVE || second == BOUND_FROM ||
        (*count_out == 2 &&
         (ends[0].bound == BOUND_BELOW || ends[0].bound == BOUND_TO)))
        return weir_fail(err, WEIR_EPARSE,
                         c->at > c->text.len ? c->text.len : c->at,
                         "not a share");
    return WEIR_OK;
}

weir_status
weir_share_read(weir_span text, enum weir_share_unit unit,
                weir_share *share_out, struct weir_error *err)
{
    bool is_loose = unit != WEIR_SHARE_PLAIN;
    struct cursor c = {text, 0, is_loose};
    struct end ends[2] = {{BOUND_NONE, 0, {NULL, 0}, false, false},
                          {BOUND_NONE, 0, {NULL, 0}, false, false}};
    size_t count = 0;
    uint32_t a = 0;
    uint32_t b = 0;

    if (weir_span_equal(text, WEIR_SPAN("unknown")) ||
        (is_loose && (weir_span_equal(text, WEIR_SPAN("?")) ||
                      weir_span_equal_nocase(text, WEIR_SPAN("unknown"))))) {
        *share_out = (weir_share){0, WEIR_SHARE_ALL};
        return WEIR_OK;
    }
    weir_status status = take_ends(&c, ends, &count, err);
    if (status != WEIR_OK)
        return status;
    enum scale scale = scale_of(ends, count, unit);
    if (scale == SCALE_NONE)
        return weir_fail(err, WEIR_EPARSE, 0,
                         "a share without %% or decimal point");
    if (scale == SCALE_PPM && (ends[0].has_point || ends[1].has_point))
        return weir_fail(err, WEIR_EPARSE, 0,
                         "parts per million are whole numbers");
    /* Whatever is finer than the unit widens the interval. */
    status = convert(&ends[0], scale, is_loose, false, &a, err);
    if (status == WEIR_OK)
        status = convert(&ends[count - 1], scale, is_loose, true, &b, err);
    if (status != WEIR_OK)
        return status;
    if (count == 2 && a > b)
        return weir_fail(err, WEIR_EPARSE, 0,
                         "a band that ends below its "
                         "beginning");
    if (!close_ends(ends, count, a, b, share_out))
        return weir_fail(err, WEIR_EPARSE, 0,
                         "a share band with nothing in it");
    return WEIR_OK;
}

weir_status
weir_share_parse(weir_span text, weir_share *share_out, struct weir_error *err)
{
    return weir_share_read(text, WEIR_SHARE_PLAIN, share_out, err);
}

static int
format_one(uint32_t ppm, char *text_out, size_t size)
{
    int len = snprintf(text_out, size, "%u.%04u", ppm / 10000, ppm % 10000);
    while (len > 0 && text_out[len - 1] == '0')
        len--;
    if (len > 0 && text_out[len - 1] == '.')
        len--;
    text_out[len++] = '%';
    text_out[len] = '\0';
    return len;
}

void
weir_share_format(weir_share share, char text_out[WEIR_SHARE_TEXT])
{
    WEIR_ASSERT(share.low <= share.high && share.high <= WEIR_SHARE_ALL);
    if (share.low == 0 && share.high == WEIR_SHARE_ALL) {
        memcpy(text_out, "unknown", sizeof("unknown"));
        return;
    }
    int len = format_one(share.low, text_out, WEIR_SHARE_TEXT);
    if (share.low == share.high)
        return;
    text_out[len++] = '-';
    format_one(share.high, text_out + len, WEIR_SHARE_TEXT - (size_t)len);
}
