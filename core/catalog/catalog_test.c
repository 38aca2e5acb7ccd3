/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include <weir/catalog.h>

TEST(catalog, money_is_read_exactly)
{
    static const struct {
        const char *text;
        int64_t micros;
    } cases[] = {
        {"0", 0},
        {"0.15", 150000},
        {"3", 3000000},
        {"3.", -1},
        {"0.000001", 1},
        {"00012.500000", 12500000},
        {"1000000000", WEIR_MICROS_MAX},
        {"999999999.999999", WEIR_MICROS_MAX - 1},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        weir_micros value = -1;
        weir_status status =
            weir_micros_parse(weir_span_of(cases[i].text), &value, NULL);
        assert_int_equal(status, cases[i].micros < 0 ? WEIR_EPARSE : WEIR_OK);
        assert_true(value == cases[i].micros);
    }
}

TEST(catalog, money_refuses_what_is_not_plain_decimal)
{
    static const char *const bad[] = {"",
                                      "-1",
                                      "+1",
                                      "1e3",
                                      "1,5",
                                      ".5",
                                      " 1",
                                      "1 ",
                                      "0.0000001",
                                      "0x10",
                                      "1.2.3",
                                      "1.-2",
                                      "NaN",
                                      "inf",
                                      "1_000",
                                      "1000000000.000001",
                                      "18446744073709551616",
                                      "99999999999"};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        weir_micros value = 7;
        struct weir_error err;
        assert_int_equal(weir_micros_parse(weir_span_of(bad[i]), &value, &err),
                         WEIR_EPARSE);
        assert_true(value == 7 && err.text[0] != '\0');
    }
}

TEST(catalog, money_written_and_read_is_the_same)
{
    static const int64_t values[] = {
        0, 1, 10, 999999, 1000000, 150000, WEIR_MICROS_MAX, 123456789};
    for (size_t i = 0; i < WEIR_COUNTOF(values); i++) {
        char text[WEIR_MICROS_TEXT];
        weir_micros value = -1;
        weir_micros_format(values[i], text);
        assert_ok(weir_micros_parse(weir_span_of(text), &value, NULL));
        assert_true(value == values[i]);
    }
    char text[WEIR_MICROS_TEXT];
    weir_micros_format(-1500000, text);
    assert_string_equal(text, "-1.5");
    weir_micros_format(INT64_MIN, text);
    assert_string_equal(text, "-9223372036854.775808");
}

TEST(catalog, currencies_are_those_of_the_table)
{
    assert_true(weir_currency_known(WEIR_SPAN("USD")));
    assert_true(weir_currency_known(WEIR_SPAN("CNY")));
    assert_true(weir_currency_known(WEIR_SPAN("AED")));
    assert_true(weir_currency_known(WEIR_SPAN("ZWG")));
    assert_false(weir_currency_known(WEIR_SPAN("usd")));
    assert_false(weir_currency_known(WEIR_SPAN("SDA"))); /* across two */
    assert_false(weir_currency_known(WEIR_SPAN("")));
}

/* ------------------------------------------------------------ prices */

#define HOUR (INT64_C(3600) * WEIR_US_PER_SEC)

TEST(price, changes_are_laid_over_in_order_and_defaults_come_last)
{
    struct weir_price price = {.input = 10, .output = 20};
    uint32_t stated =
        WEIR_RATE_BIT(WEIR_RATE_INPUT) | WEIR_RATE_BIT(WEIR_RATE_OUTPUT);
    const struct weir_price_change change = {
        .until = WEIR_TIME_MAX,
        .stated = WEIR_RATE_BIT(WEIR_RATE_INPUT) |
                  WEIR_RATE_BIT(WEIR_RATE_CACHE_WRITE),
        .rates = {.input = 30, .cache_write = 40}};
    weir_price_lay(&change, &price, &stated);
    weir_price_fill(&price, stated);
    assert_int_equal(price.input, 30);
    assert_int_equal(price.cached_input, 30); /* of this call's input */
    assert_int_equal(price.cache_write_1h, 40);
    assert_int_equal(price.audio_cached, 30);
    assert_int_equal(price.reasoning, 20);
    assert_int_equal(price.request, 0);
}

TEST(price, a_change_fits_where_all_it_says_does)
{
    struct weir_price_change change = {.from = 100 * HOUR,
                                       .until = 200 * HOUR,
                                       .above = 1000,
                                       .services = 1u << WEIR_SERVICE_BATCH};
    struct weir_price_when when = {100 * HOUR, 1001, WEIR_SERVICE_BATCH};
    assert_true(weir_price_fits(&change, &when));
    when.input_tokens = 1000;
    assert_false(weir_price_fits(&change, &when));
    when.input_tokens = 1001;
    when.service = WEIR_SERVICE_STANDARD;
    assert_false(weir_price_fits(&change, &when));
    when.service = WEIR_SERVICE_BATCH;
    when.decided = 200 * HOUR;
    assert_false(weir_price_fits(&change, &when));
    when.decided = 100 * HOUR - 1;
    assert_false(weir_price_fits(&change, &when));
}

TEST(price, hours_go_over_midnight_and_their_end_is_not_in_them)
{
    const struct weir_price_change night = {.until = WEIR_TIME_MAX,
                                            .minute_from = 16 * 60 + 30,
                                            .minute_until = 30};
    static const struct {
        int64_t minute;
        bool fits;
    } cases[] = {{0, true},   {29, true},   {30, false},     {989, false},
                 {990, true}, {1439, true}, {1440 + 5, true}};
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        const struct weir_price_when when = {.decided = cases[i].minute * 60 *
                                                        WEIR_US_PER_SEC};
        assert_int_equal(weir_price_fits(&night, &when), cases[i].fits);
    }
}

TEST(price, what_cannot_be_is_not_sound)
{
    struct weir_price price = {.picture = WEIR_MICROS_MAX};
    struct weir_price_change change = {.until = 1};
    assert_true(weir_price_is_sound(&price));
    price.request = -1;
    assert_false(weir_price_is_sound(&price));
    assert_true(weir_price_change_is_sound(&change));
    change.minute_until = 1440;
    assert_false(weir_price_change_is_sound(&change));
}
