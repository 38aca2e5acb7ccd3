/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calendar windows, and words that pack a window's number with an amount.
 *
 *     63            number            |            amount            0
 *     minute 24 bits (until 2051)     |   40 bits
 *     hour   20 bits (until 2139)     |   44 bits
 *     day, week 16 bits (until 2199)  |   48 bits
 *     month, year, ever 12 bits       |   52 bits
 *
 * WHY PACKED. Roll-over and counting are then one compare-and-swap: no reset
 * that races with a hold, no slot per window, nothing to sweep. The price is
 * a maximum per window; a minute still holds a million units of money.
 *
 * Windows are numbered from 2020 on; 0 is no window, so a zeroed word is
 * empty. A time beyond the last number stays in the last window, which then
 * never reopens: on the safe side.
 */
#include "quota_internal.h"

#define DAYS_TO_2020 18262 /* from 1970-01-01 */
#define EPOCH        (DAYS_TO_2020 * WEIR_US_PER_DAY)
#define MONDAY_LAG   2 /* 2020-01-01 is a Wednesday */

static const uint8_t amount_bits[WEIR_QUOTA_WINDOWS] = {
    [WEIR_QUOTA_MINUTE] = 40, [WEIR_QUOTA_HOUR] = 44,  [WEIR_QUOTA_DAY] = 48,
    [WEIR_QUOTA_WEEK] = 48,   [WEIR_QUOTA_MONTH] = 52, [WEIR_QUOTA_YEAR] = 52,
    [WEIR_QUOTA_EVER] = 52,
};

/* Of the windows of fixed length; 0 for months and years. */
static const int64_t length_us[WEIR_QUOTA_WINDOWS] = {
    [WEIR_QUOTA_MINUTE] = 60 * WEIR_US_PER_SEC,
    [WEIR_QUOTA_HOUR] = 3600 * WEIR_US_PER_SEC,
    [WEIR_QUOTA_DAY] = WEIR_US_PER_DAY,
    [WEIR_QUOTA_WEEK] = 7 * WEIR_US_PER_DAY,
};

/* Days from 2020-01-01 to the first of January, `years` later (>= 0). */
static int64_t
days_before_year(int64_t years)
{
    int64_t last = 2019 + years; /* leap days up to this year's end */
    int64_t leaps = last / 4 - last / 100 + last / 400;
    return years * 365 + leaps - (2019 / 4 - 2019 / 100 + 2019 / 400);
}

/* Days from 2020-01-01 to the first of the month, `months` later. */
static int64_t
days_before_month(int64_t months)
{
    static const uint16_t before[12] = {0,   31,  59,  90,  120, 151,
                                        181, 212, 243, 273, 304, 334};
    int64_t year = 2020 + months / 12;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int64_t month = months % 12;
    return days_before_year(months / 12) + before[month] +
           (is_leap && month >= 2 ? 1 : 0);
}

/* Months (or whole years, with 12 a step) from 2020 on that have begun. */
static int64_t
months_begun(int64_t days, int64_t step)
{
    /* at most one step too small: no month has over 31 days */
    int64_t at = step == 12 ? days / 366 : days / 31;
    while (days_before_month((at + 1) * step) <= days)
        at++;
    return at;
}

static uint32_t
number_max(weir_quota_window kind)
{
    return (uint32_t)((UINT64_C(1) << (64 - amount_bits[kind])) - 1);
}

uint32_t
quota_window_number(weir_quota_window kind, weir_time when)
{
    int64_t since = when - EPOCH;
    int64_t at;
    if (when < EPOCH || kind == WEIR_QUOTA_EVER)
        return 1;
    if (kind == WEIR_QUOTA_WEEK)
        since += MONDAY_LAG * WEIR_US_PER_DAY;
    if (length_us[kind] != 0)
        at = since / length_us[kind];
    else
        at = months_begun(since / WEIR_US_PER_DAY,
                          kind == WEIR_QUOTA_YEAR ? 12 : 1);
    return at >= number_max(kind) ? number_max(kind) : (uint32_t)at + 1;
}

void
quota_window_bounds(weir_quota_window kind, uint32_t number,
                    weir_time *starts_at_out, weir_time *ends_at_out)
{
    int64_t at = number == 0 ? 0 : (int64_t)number - 1;
    if (kind == WEIR_QUOTA_EVER) {
        *starts_at_out = EPOCH;
        *ends_at_out = WEIR_TIME_MAX;
        return;
    }
    if (length_us[kind] != 0) {
        int64_t lag =
            kind == WEIR_QUOTA_WEEK ? MONDAY_LAG * WEIR_US_PER_DAY : 0;
        *starts_at_out = EPOCH + at * length_us[kind] - lag;
        *ends_at_out = *starts_at_out + length_us[kind];
        return;
    }
    int64_t step = kind == WEIR_QUOTA_YEAR ? 12 : 1;
    *starts_at_out = EPOCH + days_before_month(at * step) * WEIR_US_PER_DAY;
    *ends_at_out = EPOCH + days_before_month((at + 1) * step) * WEIR_US_PER_DAY;
}

void
weir_quota_window_of(weir_quota_window kind, weir_time when,
                     weir_time *starts_at_out, weir_time *ends_at_out)
{
    WEIR_ASSERT(kind < WEIR_QUOTA_WINDOWS);
    quota_window_bounds(kind, quota_window_number(kind, when), starts_at_out,
                        ends_at_out);
}

int64_t
weir_quota_amount_max(weir_quota_window kind)
{
    WEIR_ASSERT(kind < WEIR_QUOTA_WINDOWS);
    return (int64_t)((UINT64_C(1) << amount_bits[kind]) - 1);
}

uint64_t
quota_pack(weir_quota_window kind, uint32_t number, int64_t amount)
{
    return (uint64_t)number << amount_bits[kind] | (uint64_t)amount;
}

uint32_t
quota_number_of(weir_quota_window kind, uint64_t word)
{
    return (uint32_t)(word >> amount_bits[kind]);
}

int64_t
quota_amount_of(weir_quota_window kind, uint64_t word)
{
    return (int64_t)(word & ((UINT64_C(1) << amount_bits[kind]) - 1));
}

const char *
weir_quota_window_name(weir_quota_window kind)
{
    static const char *const names[] = {"minute", "hour", "day", "week",
                                        "month",  "year", "ever"};
    return (size_t)kind < WEIR_COUNTOF(names) ? names[kind] : "unknown";
}

const char *
weir_quota_metric_name(weir_quota_metric metric)
{
    static const char *const names[] = {"requests", "tokens", "micros"};
    return (size_t)metric < WEIR_COUNTOF(names) ? names[metric] : "unknown";
}
