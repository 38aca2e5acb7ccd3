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
