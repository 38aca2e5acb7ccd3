/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The four extension types from text: exact, ASCII only, and nothing that
 * the language reference does not list. All are integers inside, so that
 * equality and order are those of numbers.
 */
#include "extension.h"

#include <string.h>

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_MINUTE INT64_C(60000)
#define MS_PER_HOUR   INT64_C(3600000)
#define MS_PER_DAY    INT64_C(86400000)

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t
digits(weir_span text, size_t at)
{
    size_t count = 0;
    while (at + count < text.len && is_digit(text.ptr[at + count]))
        count++;
    return count;
}

static bool
number_at(weir_span text, size_t at, size_t count, uint64_t *number_out)
{
    return weir_span_to_u64((weir_span){text.ptr + at, count}, number_out);
}

/* ----------------------------------------------------------- decimal */

static bool
parse_decimal(weir_span text, int64_t *number_out)
{
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = is_negative ? 1 : 0;
    size_t whole_len = digits(text, at);
    size_t point = at + whole_len;
    uint64_t whole;
    uint64_t fraction;
    if (whole_len == 0 || point >= text.len || text.ptr[point] != '.')
        return false;
    size_t fraction_len = digits(text, point + 1);
    if (fraction_len < 1 || fraction_len > 4 ||
        point + 1 + fraction_len != text.len ||
        !number_at(text, at, whole_len, &whole) ||
        !number_at(text, point + 1, fraction_len, &fraction))
        return false;
    for (size_t i = fraction_len; i < 4; i++)
        fraction *= 10;
    __int128 number = (__int128)whole * 10000 + (__int128)fraction;
    if (is_negative)
        number = -number;
    if (number > INT64_MAX || number < INT64_MIN)
        return false;
    *number_out = (int64_t)number;
    return true;
}

/* ---------------------------------------------------------- datetime */

static int64_t
days_from_civil(int64_t year, int64_t month, int64_t day)
{
    /* Years begin in March, so that the leap day is the last of its year. */
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year =
        (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static uint64_t
days_in_month(uint64_t year, uint64_t month)
{
    static const uint8_t lengths[12] = {31, 28, 31, 30, 31, 30,
                                        31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && is_leap ? 29 : lengths[month - 1];
}

/* Exactly `count` digits at `*at`, which moves behind them. */
static bool
fixed(weir_span text, size_t *at, size_t count, uint64_t max,
      uint64_t *number_out)
{
    if (digits(text, *at) < count || !number_at(text, *at, count, number_out) ||
        *number_out > max)
        return false;
    *at += count;
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
parse_zone(weir_span text, size_t *at, int64_t *offset_ms_out)
{
    uint64_t hours;
    uint64_t minutes;
    bool is_behind;
    *offset_ms_out = 0;
    if (literal(text, at, 'Z'))
        return true;
    is_behind = literal(text, at, '-');
    if ((!is_behind && !literal(text, at, '+')) ||
        !fixed(text, at, 2, 23, &hours) || !fixed(text, at, 2, 59, &minutes))
        return false;
    *offset_ms_out =
        (int64_t)hours * MS_PER_HOUR + (int64_t)minutes * MS_PER_MINUTE;
    if (is_behind)
        *offset_ms_out = -*offset_ms_out;
    return true;
}

static bool
parse_datetime(weir_span text, int64_t *number_out)
{
    size_t at = 0;
    uint64_t year;
    uint64_t month;
    uint64_t day;
    uint64_t hour;
    uint64_t minute;
    uint64_t second;
    uint64_t milli = 0;
    int64_t offset;
    if (!fixed(text, &at, 4, 9999, &year) || !literal(text, &at, '-') ||
        !fixed(text, &at, 2, 12, &month) || month == 0 ||
        !literal(text, &at, '-') || !fixed(text, &at, 2, 31, &day) ||
        day == 0 || day > days_in_month(year, month))
        return false;
    *number_out = days_from_civil((int64_t)year, (int64_t)month, (int64_t)day) *
                  MS_PER_DAY;
    if (at == text.len)
        return true;
    if (!literal(text, &at, 'T') || !fixed(text, &at, 2, 23, &hour) ||
        !literal(text, &at, ':') || !fixed(text, &at, 2, 59, &minute) ||
        !literal(text, &at, ':') || !fixed(text, &at, 2, 59, &second))
        return false;
    if (literal(text, &at, '.') && !fixed(text, &at, 3, 999, &milli))
        return false;
    if (!parse_zone(text, &at, &offset) || at != text.len)
        return false;
    *number_out += (int64_t)hour * MS_PER_HOUR +
                   (int64_t)minute * MS_PER_MINUTE +
                   (int64_t)second * MS_PER_SECOND + (int64_t)milli - offset;
    return true;
}

/* ---------------------------------------------------------- duration */

static bool
parse_duration(weir_span text, int64_t *number_out)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[5] = {{"d", MS_PER_DAY},
                  {"h", MS_PER_HOUR},
                  {"m", MS_PER_MINUTE},
                  {"s", MS_PER_SECOND},
                  {"ms", 1}};
    bool is_negative = text.len > 0 && text.ptr[0] == '-';
    size_t at = is_negative ? 1 : 0;
    int64_t parts[5] = {0};
    size_t unit = 0;
    if (at == text.len)
        return false;
    while (at < text.len) {
        size_t count = digits(text, at);
        size_t end = at + count;
        uint64_t number;
        while (end < text.len && text.ptr[end] >= 'a' && text.ptr[end] <= 'z')
            end++;
        weir_span name = {text.ptr + at + count, end - at - count};
        while (unit < 5 &&
               !weir_span_equal(name, weir_span_of(units[unit].name)))
            unit++;
        if (unit == 5 || !number_at(text, at, count, &number))
            return false;
        __int128 ms = (__int128)number * units[unit].ms;
        if (is_negative)
            ms = -ms;
        if (ms > INT64_MAX || ms < INT64_MIN)
            return false;
        parts[unit++] = (int64_t)ms;
        at = end;
    }
    *number_out = 0;
    for (int i = 4; i >= 0; i--)
        if (__builtin_add_overflow(*number_out, parts[i], number_out))
            return false;
    return true;
}

/* ---------------------------------------------------------------- ip */

static bool
parse_v4(weir_span text, uint8_t address[16])
{
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        size_t count = digits(text, at);
        uint64_t number;
        if (count < 1 || count > 3 || (count > 1 && text.ptr[at] == '0') ||
            !number_at(text, at, count, &number) || number > 255)
            return false;
        address[i] = (uint8_t)number;
        at += count;
        if (i < 3 && !literal(text, &at, '.'))
            return false;
    }
    return at == text.len;
}

static int
hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Groups until the end of `text`; -1 when it is not a list of groups. */
static int
parse_groups(weir_span text, uint16_t groups[8])
{
    size_t at = 0;
    int count = 0;
    if (text.len == 0)
        return 0;
    for (;;) {
        uint32_t group = 0;
        size_t len = 0;
        for (; at < text.len && hex_value(text.ptr[at]) >= 0; at++, len++)
            if (len < 4)
                group = group * 16 + (uint32_t)hex_value(text.ptr[at]);
        if (len < 1 || len > 4 || count == 8)
            return -1;
        groups[count++] = (uint16_t)group;
        if (at == text.len)
            return count;
        if (text.ptr[at++] != ':')
            return -1;
    }
}

static bool
parse_v6(weir_span text, uint8_t address[16])
{
    const char *gap = memmem(text.ptr, text.len, "::", 2);
    uint16_t groups[8] = {0};
    uint16_t tail[8];
    if (gap == NULL) {
        if (parse_groups(text, groups) != 8)
            return false;
    } else {
        size_t head_len = (size_t)(gap - text.ptr);
        weir_span rest = {gap + 2, text.len - head_len - 2};
        int head = parse_groups((weir_span){text.ptr, head_len}, groups);
        int behind = parse_groups(rest, tail);
        /* The gap stands for one group at least. */
        if (head < 0 || behind < 0 || head + behind > 7)
            return false;
        for (int i = head; i < 8; i++)
            groups[i] = i < 8 - behind ? 0 : tail[i - (8 - behind)];
    }
    for (int i = 0; i < 8; i++) {
        address[2 * i] = (uint8_t)(groups[i] >> 8);
        address[2 * i + 1] = (uint8_t)groups[i];
    }
    return true;
}

static bool
parse_prefix(weir_span text, size_t digits_max, uint64_t max, uint8_t *out)
{
    uint64_t number;
    if (text.len < 1 || text.len > digits_max ||
        (text.len > 1 && text.ptr[0] == '0') ||
        !weir_span_to_u64(text, &number) || number > max)
        return false;
    *out = (uint8_t)number;
    return true;
}

static bool
parse_ip(weir_span text, weir_cedar_value *value)
{
    const char *slash;
    weir_span address = text;
    if (text.len == 0 || text.len > 43)
        return false;
    slash = memchr(text.ptr, '/', text.len);
    if (slash != NULL)
        address.len = (size_t)(slash - text.ptr);
    value->is_v6 = memchr(text.ptr, ':', address.len) != NULL;
    value->prefix = value->is_v6 ? 128 : 32;
    if (slash != NULL &&
        !parse_prefix((weir_span){slash + 1, text.len - address.len - 1},
                      value->is_v6 ? 3 : 2, value->prefix, &value->prefix))
        return false;
    return value->is_v6 ? parse_v6(address, value->ip.address)
                        : parse_v4(address, value->ip.address);
}

bool
weir_cedar_extension_parse(enum weir_cedar_kind kind, weir_span text,
                           weir_cedar_value *value_out)
{
    weir_cedar_value value;
    bool is_good;
    memset(&value, 0, sizeof(value));
    value.kind = (uint8_t)kind;
    switch (kind) {
    case WEIR_CEDAR_DECIMAL:
        is_good = parse_decimal(text, &value.number);
        break;
    case WEIR_CEDAR_DATETIME:
        is_good = parse_datetime(text, &value.number);
        break;
    case WEIR_CEDAR_DURATION:
        is_good = parse_duration(text, &value.number);
        break;
    case WEIR_CEDAR_IP:
        is_good = parse_ip(text, &value);
        break;
    default:
        return false;
    }
    if (is_good)
        *value_out = value;
    return is_good;
}

/* ---------------------------------------------------------- functions */

enum weir_cedar_fault
weir__cedar_number_call(enum cedar_function function, int64_t a, int64_t b,
                        int64_t *result_out)
{
    int64_t rest;
    bool is_over = false;
    switch (function) {
    case CEDAR_FN_LESS_THAN:
        *result_out = a < b;
        break;
    case CEDAR_FN_LESS_THAN_OR_EQUAL:
        *result_out = a <= b;
        break;
    case CEDAR_FN_GREATER_THAN:
        *result_out = a > b;
        break;
    case CEDAR_FN_GREATER_THAN_OR_EQUAL:
        *result_out = a >= b;
        break;
    case CEDAR_FN_OFFSET:
        is_over = __builtin_add_overflow(a, b, result_out);
        break;
    case CEDAR_FN_DURATION_SINCE:
        is_over = __builtin_sub_overflow(a, b, result_out);
        break;
    case CEDAR_FN_TO_DATE:
    case CEDAR_FN_TO_TIME:
        rest = a % MS_PER_DAY;
        rest += rest < 0 ? MS_PER_DAY : 0;
        if (function == CEDAR_FN_TO_TIME)
            *result_out = rest;
        else
            is_over = __builtin_sub_overflow(a, rest, result_out);
        break;
    case CEDAR_FN_TO_MILLISECONDS:
        *result_out = a;
        break;
    case CEDAR_FN_TO_SECONDS:
        *result_out = a / MS_PER_SECOND;
        break;
    case CEDAR_FN_TO_MINUTES:
        *result_out = a / MS_PER_MINUTE;
        break;
    case CEDAR_FN_TO_HOURS:
        *result_out = a / MS_PER_HOUR;
        break;
    case CEDAR_FN_TO_DAYS:
        *result_out = a / MS_PER_DAY;
        break;
    default:
        return WEIR_CEDAR_FAULT_TYPE;
    }
    return is_over ? WEIR_CEDAR_FAULT_OVERFLOW : WEIR_CEDAR_FAULT_NONE;
}

/* The first `bits` bits are the same. */
static bool
same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned rest = bits % 8;
    if (memcmp(a, b, bits / 8) != 0)
        return false;
    return rest == 0 || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

bool
weir__cedar_ip_call(enum cedar_function function, struct cedar_ip_view a,
                    struct cedar_ip_view b)
{
    static const uint8_t loopback_v6[16] = {[15] = 1};
    switch (function) {
    case CEDAR_FN_IS_IPV4:
        return !a.is_v6;
    case CEDAR_FN_IS_IPV6:
        return a.is_v6;
    case CEDAR_FN_IS_LOOPBACK:
        if (a.is_v6)
            return a.prefix == 128 && memcmp(a.address, loopback_v6, 16) == 0;
        return a.prefix >= 8 && a.address[0] == 127;
    case CEDAR_FN_IS_MULTICAST:
        if (a.is_v6)
            return a.prefix >= 8 && a.address[0] == 0xFF;
        return a.prefix >= 4 && a.address[0] >> 4 == 0xE;
    default: /* isInRange */
        return a.is_v6 == b.is_v6 && a.prefix >= b.prefix &&
               same_bits(a.address, b.address, b.prefix);
    }
}
