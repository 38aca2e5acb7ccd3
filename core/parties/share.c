/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares as registers write them: exact, a band, open or closed at either
 * end. An open end becomes a closed one a millionth further in, since whole
 * parts per million are all there is.
 */
#include <weir/parties.h>

#include <stdio.h>
#include <string.h>

enum bound { BOUND_NONE, BOUND_ABOVE, BOUND_FROM, BOUND_BELOW, BOUND_TO };

struct cursor {
    weir_span text;
    size_t at;
};

static void
skip_blanks(struct cursor *c)
{
    while (c->at < c->text.len && c->text.ptr[c->at] == ' ')
        c->at++;
}

static bool
take(struct cursor *c, char byte)
{
    if (c->at >= c->text.len || c->text.ptr[c->at] != byte)
        return false;
    c->at++;
    return true;
}

static enum bound
take_bound(struct cursor *c)
{
    if (take(c, '>'))
        return take(c, '=') ? BOUND_FROM : BOUND_ABOVE;
    if (take(c, '<'))
        return take(c, '=') ? BOUND_TO : BOUND_BELOW;
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

/* One number: "51%", "51.5%" or "0.51", as parts per million. */
static weir_status
take_share(struct cursor *c, uint32_t *ppm_out, struct weir_error *err)
{
    size_t start = c->at;
    weir_span whole = take_digits(c);
    bool has_point = take(c, '.');
    weir_span fraction = has_point ? take_digits(c) : WEIR_SPAN_NONE;
    bool is_percent = take(c, '%');
    size_t decimals = is_percent ? 4 : 6;
    uint64_t value;
    uint64_t rest = 0;

    if (has_point && fraction.len == 0)
        return weir_fail(err, WEIR_EPARSE, c->at, "no digits after the point");
    if (!weir_span_to_u64(whole, &value) ||
        (has_point && !weir_span_to_u64(fraction, &rest) &&
         fraction.len <= decimals))
        return weir_fail(err, WEIR_EPARSE, start, "not a share");
    if (!is_percent && !has_point)
        return weir_fail(err, WEIR_EPARSE, c->at,
                         "a share without %% or decimal point");
    if (fraction.len > decimals)
        return weir_fail(err, WEIR_EPARSE, start,
                         "a share finer than one part per million");
    for (size_t i = fraction.len; i < decimals; i++)
        rest *= 10;
    uint64_t unit = is_percent ? 10000 : 1000000;
    if (value > WEIR_SHARE_ALL / unit || value * unit + rest > WEIR_SHARE_ALL)
        return weir_fail(err, WEIR_EPARSE, start, "a share above 100 %%");
    *ppm_out = (uint32_t)(value * unit + rest);
    return WEIR_OK;
}

/* Closed ends from what was written; false when nothing lies between. */
static bool
close_ends(enum bound first, uint32_t a, bool is_range, enum bound second,
           uint32_t b, weir_share *share_out)
{
    int64_t low = a;
    int64_t high = is_range ? (int64_t)b : (int64_t)a;
    if (first == BOUND_ABOVE)
        low++;
    if (is_range) {
        if (second == BOUND_BELOW)
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

weir_status
weir_share_parse(weir_span text, weir_share *share_out, struct weir_error *err)
{
    struct cursor c = {text, 0};
    enum bound second = BOUND_NONE;
    uint32_t a = 0;
    uint32_t b = 0;

    if (weir_span_equal(text, WEIR_SPAN("unknown"))) {
        *share_out = (weir_share){0, WEIR_SHARE_ALL};
        return WEIR_OK;
    }
    enum bound first = take_bound(&c);
    if (first != BOUND_NONE)
        skip_blanks(&c);
    weir_status status = take_share(&c, &a, err);
    if (status != WEIR_OK)
        return status;
    skip_blanks(&c);
    bool is_range = take(&c, '-');
    if (is_range) {
        skip_blanks(&c);
        second = take_bound(&c);
        skip_blanks(&c);
        status = take_share(&c, &b, err);
        if (status != WEIR_OK)
            return status;
    }
    if (c.at != text.len ||
        (is_range && (first == BOUND_BELOW || first == BOUND_TO ||
                      second == BOUND_ABOVE || second == BOUND_FROM)))
        return weir_fail(err, WEIR_EPARSE, c.at, "not a share");
    if (!close_ends(first, a, is_range, second, b, share_out))
        return weir_fail(err, WEIR_EPARSE, 0,
                         "a share band with nothing in it");
    return WEIR_OK;
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
