/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Money as written to money as counted: decimal text to integer
 * micro-units, never through a binary fraction, since 0.15 has none.
 */
#include <weir/catalog.h>

#include <stdio.h>
#include <string.h>

#define MICROS    INT64_C(1000000)
#define FRACTION  6
#define WHOLE_MAX (WEIR_MICROS_MAX / MICROS)

weir_status
weir_micros_parse(weir_span text, weir_micros *value_out,
                  struct weir_error *err)
{
    const char *dot = text.len == 0 ? NULL : memchr(text.ptr, '.', text.len);
    size_t whole_len = dot == NULL ? text.len : (size_t)(dot - text.ptr);
    size_t fraction_len = dot == NULL ? 0 : text.len - whole_len - 1;
    uint64_t whole;
    uint64_t fraction = 0;

    if (!weir_span_to_u64((weir_span){text.ptr, whole_len}, &whole))
        return weir_fail(err, WEIR_EPARSE, 0, "not an amount of money");
    if (fraction_len > FRACTION)
        return weir_fail(err, WEIR_EPARSE, whole_len + 1 + FRACTION,
                         "more than %d decimals", FRACTION);
    if (dot != NULL &&
        !weir_span_to_u64((weir_span){dot + 1, fraction_len}, &fraction))
        return weir_fail(err, WEIR_EPARSE, whole_len + 1,
                         "no digits after the point");
    for (size_t i = fraction_len; i < FRACTION; i++)
        fraction *= 10;
    if (whole > (uint64_t)WHOLE_MAX ||
        whole * (uint64_t)MICROS + fraction > (uint64_t)WEIR_MICROS_MAX)
        return weir_fail(err, WEIR_EPARSE, 0, "more than %lld units",
                         (long long)WHOLE_MAX);
    *value_out = (weir_micros)(whole * (uint64_t)MICROS + fraction);
    return WEIR_OK;
}

void
weir_micros_format(weir_micros value, char text_out[WEIR_MICROS_TEXT])
{
    uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    int len = snprintf(text_out, WEIR_MICROS_TEXT, "%s%llu.%06llu",
                       value < 0 ? "-" : "",
                       (unsigned long long)(size / (uint64_t)MICROS),
                       (unsigned long long)(size % (uint64_t)MICROS));
    while (len > 0 && text_out[len - 1] == '0')
        text_out[--len] = '\0';
    if (len > 0 && text_out[len - 1] == '.')
        text_out[len - 1] = '\0';
}
