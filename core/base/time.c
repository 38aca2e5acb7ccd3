/* SPDX-License-Identifier: Apache-2.0 */
/* Proleptic Gregorian calendar, UTC, no leap seconds; years 0000 to 9999. */
#include <weir/base.h>

#include <stdio.h>

/* Days since 1970-01-01 (Howard Hinnant's published algorithm). */
static int64_t
days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned yoe = (unsigned)(year - era * 400);
    unsigned doy =
        (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

static void
civil_from_days(int64_t days, int64_t *year_out, unsigned *month_out,
                unsigned *day_out)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned doe = (unsigned)(days - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    *day_out = doy - (153 * mp + 2) / 5 + 1;
    *month_out = mp < 10 ? mp + 3 : mp - 9;
    *year_out = (int64_t)yoe + era * 400 + (*month_out <= 2);
}

void
weir_time_format(weir_time when, char text_out[WEIR_TIME_TEXT])
{
    int64_t days = when / WEIR_US_PER_DAY;
    int64_t rest = when % WEIR_US_PER_DAY;
    if (rest < 0) {
        rest += WEIR_US_PER_DAY;
        days--;
    }
    int64_t year;
    unsigned month;
    unsigned day;
    civil_from_days(days, &year, &month, &day);
    if (year < 0 || year > 9999) {
        snprintf(text_out, WEIR_TIME_TEXT, "out-of-range");
        return;
    }
    unsigned seconds = (unsigned)(rest / WEIR_US_PER_SEC);
    snprintf(text_out, WEIR_TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
             (unsigned)year % 10000u, month % 100u, day % 100u,
             seconds / 3600 % 24u, seconds / 60 % 60, seconds % 60,
             (unsigned)(rest % WEIR_US_PER_SEC) % 1000000u);
}

/* Exactly `digits` digits at `*at`; advances. */
static bool
number(weir_span text, size_t *at, size_t digits, unsigned *value_out)
{
    uint64_t value;
    if (text.len - *at < digits ||
        !weir_span_to_u64((weir_span){text.ptr + *at, digits}, &value))
        return false;
    *at += digits;
    *value_out = (unsigned)value;
    return true;
}

static bool
literal(weir_span text, size_t *at, char c)
{
    if (*at >= text.len || text.ptr[*at] != c)
        return false;
    (*at)++;
    return true;
}

static bool
parse_date(weir_span text, size_t *at, int64_t *days_out)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30,
                                            31, 31, 30, 31, 30, 31};
    unsigned year;
    unsigned month;
    unsigned day;
    if (!number(text, at, 4, &year) || !literal(text, at, '-') ||
        !number(text, at, 2, &month) || !literal(text, at, '-') ||
        !number(text, at, 2, &day) || month < 1 || month > 12 || day < 1)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    unsigned last = lengths[month - 1] + (month == 2 && leap ? 1u : 0u);
    if (day > last)
        return false;
    *days_out = days_from_civil(year, month, day);
    return true;
}

static bool
parse_zone(weir_span text, size_t *at, int64_t *offset_out)
{
    unsigned hours;
    unsigned minutes;
    *offset_out = 0;
    if (literal(text, at, 'Z'))
        return true;
    bool is_minus = literal(text, at, '-');
    if ((!is_minus && !literal(text, at, '+')) ||
        !number(text, at, 2, &hours) || !literal(text, at, ':') ||
        !number(text, at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    int64_t offset = (int64_t)(hours * 60 + minutes) * 60 * WEIR_US_PER_SEC;
    *offset_out = is_minus ? -offset : offset;
    return true;
}

bool
weir_time_parse(weir_span text, weir_time *when_out)
{
    size_t at = 0;
    int64_t days;
    int64_t zone;
    unsigned hour;
    unsigned minute;
    unsigned second;
    int64_t micros = 0;

    if (!parse_date(text, &at, &days))
        return false;
    if (at == text.len) {
        *when_out = days * WEIR_US_PER_DAY;
        return true;
    }
    if (!literal(text, &at, 'T') || !number(text, &at, 2, &hour) ||
        !literal(text, &at, ':') || !number(text, &at, 2, &minute) ||
        !literal(text, &at, ':') || !number(text, &at, 2, &second) ||
        hour > 23 || minute > 59 || second > 59)
        return false;
    if (literal(text, &at, '.')) {
        int64_t scale = 100000;
        size_t first = at;
        while (at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9') {
            micros += (text.ptr[at] - '0') * scale;
            scale /= 10;
            at++;
        }
        if (at == first)
            return false;
    }
    if (!parse_zone(text, &at, &zone) || at != text.len)
        return false;
    *when_out =
        days * WEIR_US_PER_DAY +
        (int64_t)((hour * 60 + minute) * 60 + second) * WEIR_US_PER_SEC +
        micros - zone;
    return true;
}
