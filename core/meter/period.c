/* SPDX-License-Identifier: Apache-2.0 */
/* Billing periods: what people write for months, quarters and ranges. */
#include <weir/bill.h>

#include <stdio.h>

struct date {
    int year;
    int month; /* 1 .. 12 */
    int day;   /* 1 .. 31 */
};

static bool
read_number(weir_span text, size_t at, size_t digits, int *value_out)
{
    uint64_t value;
    if (text.len < at + digits ||
        !weir_span_to_u64((weir_span){text.ptr + at, digits}, &value))
        return false;
    *value_out = (int)value;
    return true;
}

/* The first moment of a date, as its zone has it. */
static bool
begin_of(struct date date, int64_t offset_us, weir_time *when_out)
{
    char text[48];
    weir_time midnight;
    int len = snprintf(text, sizeof text, "%04d-%02d-%02d", date.year,
                       date.month, date.day);
    if (date.year > 9999 || date.year < 1970 ||
        !weir_time_parse((weir_span){text, (size_t)len}, &midnight))
        return false;
    *when_out = midnight - offset_us;
    return true;
}

static struct date
add_months(struct date date, int months)
{
    int month = date.month - 1 + months;
    date.year += month / 12;
    date.month = month % 12 + 1;
    return date;
}

/* "2026", "2026-Q4", "2026-11": the first day, and how many months. */
static bool
read_months(weir_span text, struct date *first_out, int *months_out)
{
    struct date date = {.month = 1, .day = 1};
    int quarter;
    if (!read_number(text, 0, 4, &date.year))
        return false;
    if (text.len == 4) {
        *months_out = 12;
    } else if (text.len == 7 && text.ptr[4] == '-' && text.ptr[5] == 'Q' &&
               read_number(text, 6, 1, &quarter) && quarter >= 1 &&
               quarter <= 4) {
        date.month = quarter * 3 - 2;
        *months_out = 3;
    } else if (text.len == 7 && text.ptr[4] == '-' &&
               read_number(text, 5, 2, &date.month) && date.month >= 1 &&
               date.month <= 12) {
        *months_out = 1;
    } else {
        return false;
    }
    *first_out = date;
    return true;
}

/* One end of a range; *is_day_out: a date, not a time. */
static bool
read_end(weir_span text, int64_t offset_us, weir_time *when_out,
         bool *is_day_out)
{
    *is_day_out = text.len == 10;
    if (!weir_time_parse(text, when_out))
        return false;
    if (*is_day_out)
        *when_out -= offset_us;
    return true;
}

/* Months from the first of one to the first of another; 0: no such. */
static uint32_t
whole_months(weir_time from, weir_time to, int64_t offset_us)
{
    char first[WEIR_TIME_TEXT];
    char last[WEIR_TIME_TEXT];
    static const char begin[] = "-01T00:00:00.000000Z";
    weir_time_format(from + offset_us, first);
    weir_time_format(to + offset_us, last);
    weir_span a = weir_span_of(first);
    weir_span b = weir_span_of(last);
    int years[2], months[2];
    if (!weir_span_ends(a, WEIR_SPAN(begin)) ||
        !weir_span_ends(b, WEIR_SPAN(begin)) ||
        !read_number(a, 0, 4, &years[0]) || !read_number(a, 5, 2, &months[0]) ||
        !read_number(b, 0, 4, &years[1]) || !read_number(b, 5, 2, &months[1]))
        return 0;
    return (uint32_t)((years[1] - years[0]) * 12 + months[1] - months[0]);
}

/* Where ".." or "/" stands, and how long it is; 0: nowhere. */
static size_t
find_range(weir_span text, size_t *width_out)
{
    for (size_t i = 1; i + 1 < text.len; i++) {
        if (text.ptr[i] == '/') {
            *width_out = 1;
            return i;
        }
        if (text.ptr[i] == '.' && text.ptr[i + 1] == '.') {
            *width_out = 2;
            return i;
        }
    }
    return 0;
}

static bool
read_period(weir_span text, int64_t offset_us, struct weir_period *period)
{
    struct date first;
    int months;
    size_t width = 0;
    bool is_day;
    size_t at = find_range(text, &width);
    if (at == 0 && read_months(text, &first, &months))
        return begin_of(first, offset_us, &period->from) &&
               begin_of(add_months(first, months), offset_us, &period->to);
    weir_span left = at == 0 ? text : (weir_span){text.ptr, at};
    weir_span right =
        at == 0 ? text
                : (weir_span){text.ptr + at + width, text.len - at - width};
    if (!read_end(left, offset_us, &period->from, &is_day) ||
        (at == 0 && !is_day) ||
        !read_end(right, offset_us, &period->to, &is_day))
        return false;
    if (is_day)
        period->to += WEIR_US_PER_DAY;
    return true;
}

weir_status
weir_period_parse(weir_span text, int64_t offset_us,
                  struct weir_period *period_out, struct weir_error *err)
{
    struct weir_period period = {0};
    if (!read_period(text, offset_us, &period))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "not a period: write 2026-11, 2026-Q4, 2026 or "
                         "2026-11-01..2026-11-15");
    if (period.from >= period.to)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "the period ends before it begins");
    period.months = whole_months(period.from, period.to, offset_us);
    *period_out = period;
    return WEIR_OK;
}
