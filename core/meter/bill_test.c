/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/bill.h>

#include "test.h"

TEST(bill, a_product_is_divided_once_and_half_goes_up)
{
    static const struct {
        weir_micros amount;
        int64_t numerator, denominator;
        weir_micros result;
    } cases[] = {
        {0, 5, 3, 0},
        {1, 1, 2, 1},
        {1, 1, 3, 0},
        {2, 1, 3, 1},
        {5, 1, 10, 1},
        {4, 1, 10, 0},
        {3, 500000, WEIR_PPM, 2}, /* 1.5 */
        {1, 499999, WEIR_PPM, 0}, /* 0.499999 */
        {1, 500000, WEIR_PPM, 1}, /* 0.5 */
        {1000000, 920001, WEIR_PPM, 920001},
        {INT64_MAX, WEIR_PPM, WEIR_PPM, INT64_MAX},
        {INT64_MAX, 1, INT64_MAX, 1},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        weir_micros result = -1;
        assert_true(weir_money_scale(cases[i].amount, cases[i].numerator,
                                     cases[i].denominator, &result));
        assert_int_equal(result, cases[i].result);
    }
    weir_micros untouched = 7;
    assert_false(weir_money_scale(INT64_MAX, 2, 1, &untouched));
    assert_int_equal(untouched, 7);
}

static const struct weir_price fixed = {1000000, 1000000, 1000000, 1000000};

TEST(bill, terms_apply_in_their_order)
{
    static const struct {
        struct weir_bill_terms terms;
        weir_micros usage, free, drawn, prepaid, shortfall, top_up, total;
    } cases[] = {
        /* no terms */
        {{0}, 1500, 0, 0, 0, 0, 0, 1500},
        /* discount: 1000 - 125, 500 is at a fixed price */
        {{.discount_ppm = 125000}, 1375, 0, 0, 0, 0, 0, 1375},
        /* 125 of 500 + 500 tokens at the mean: 187.5 goes up */
        {{.free_tokens = 125}, 1500, 188, 0, 0, 0, 0, 1312},
        {{.free_tokens = 9999}, 1500, 1500, 0, 0, 0, 0, 0},
        {{.free_amount = 400}, 1500, 400, 0, 0, 0, 0, 1100},
        {{.free_amount = 4000}, 1500, 1500, 0, 0, 0, 0, 0},
        {{.free_amount = 400, .free_tokens = 125}, 1500, 588, 0, 0, 0, 0, 912},
        {{.minimum = 2000}, 1500, 0, 0, 0, 0, 500, 2000},
        {{.minimum = 1500}, 1500, 0, 0, 0, 0, 0, 1500},
        /* committed, not prepaid: what is not used is billed at the end */
        {{.commitment = 5000}, 1500, 0, 1500, 0, 0, 0, 1500},
        {{.commitment = 5000, .is_last = true},
         1500,
         0,
         1500,
         0,
         3500,
         0,
         5000},
        {{.commitment = 5000, .drawn_before = 4000, .is_last = true},
         1500,
         0,
         1000,
         0,
         0,
         0,
         1500},
        {{.commitment = 5000, .drawn_before = 6000, .is_last = true},
         1500,
         0,
         0,
         0,
         0,
         0,
         1500},
        /* prepaid: only what is beyond is billed */
        {{.commitment = 1000, .is_prepaid = true},
         1500,
         0,
         1000,
         1000,
         0,
         0,
         500},
        {{.commitment = 9000, .is_prepaid = true, .is_last = true},
         1500,
         0,
         1500,
         1500,
         0,
         0,
         0},
        {{.commitment = 9000, .is_prepaid = true, .minimum = 2000},
         1500,
         0,
         1500,
         1500,
         0,
         500,
         500},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_bill_line lines[2] = {
            {.usage = {.input_tokens = 400, .output_tokens = 100},
             .list = 1000,
             .rate = WEIR_PPM},
            {.usage = {.input_tokens = 500},
             .list = 9999,
             .rate = WEIR_PPM,
             .fixed = &fixed},
        };
        struct weir_bill bill;
        assert_ok(weir_bill_make(lines, 2, &cases[i].terms, &bill, NULL));
        assert_int_equal(bill.list, 10999);
        assert_int_equal(bill.usage, cases[i].usage);
        assert_int_equal(bill.free, cases[i].free);
        assert_int_equal(bill.drawn, cases[i].drawn);
        assert_int_equal(bill.prepaid, cases[i].prepaid);
        assert_int_equal(bill.shortfall, cases[i].shortfall);
        assert_int_equal(bill.top_up, cases[i].top_up);
        assert_int_equal(bill.total, cases[i].total);
    }
}

TEST(bill, each_line_is_converted_at_its_own_rate)
{
    struct weir_bill_line lines[2] = {{.list = 3, .rate = 500000},
                                      {.list = 3, .rate = 2000000}};
    struct weir_bill_terms terms = {.discount_ppm = 250000};
    struct weir_bill bill;
    assert_ok(weir_bill_make(lines, 2, &terms, &bill, NULL));
    assert_int_equal(lines[0].converted, 2); /* 1.5 */
    assert_int_equal(lines[0].discount, 1);  /* 0.5 */
    assert_int_equal(lines[1].converted, 6);
    assert_int_equal(lines[1].discount, 2); /* 1.5 */
    assert_int_equal(bill.list, 6);
    assert_int_equal(bill.converted, 8);
    assert_int_equal(bill.discount, 3);
    assert_int_equal(bill.total, 5);
}

TEST(bill, amounts_beyond_64_bits_are_refused)
{
    struct weir_bill_line lines[2] = {{.list = INT64_MAX, .rate = WEIR_PPM},
                                      {.list = 1, .rate = WEIR_PPM}};
    struct weir_bill_terms none = {0};
    struct weir_bill bill;
    assert_ok(weir_bill_make(lines, 1, &none, &bill, NULL));
    assert_int_equal(weir_bill_make(lines, 2, &none, &bill, NULL),
                     WEIR_ETOOBIG);
    lines[0].rate = 1000001;
    assert_int_equal(weir_bill_make(lines, 1, &none, &bill, NULL),
                     WEIR_ETOOBIG);
}

TEST(bill, payable_is_whole_minor_units)
{
    static const struct {
        const char *currency;
        weir_micros amount, payable;
    } cases[] = {
        {"USD", 0, 0},
        {"USD", 4999, 0},
        {"USD", 5000, 10000},
        {"EUR", 1234999, 1230000},
        {"EUR", 1235000, 1240000},
        {"JPY", 499999, 0},
        {"JPY", 1500000, 2000000},
        {"KWD", 1499, 1000},
        {"KWD", 1500, 2000},
        {"CLF", 149, 100},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++)
        assert_int_equal(weir_money_payable(cases[i].amount,
                                            weir_span_of(cases[i].currency)),
                         cases[i].payable);
}

#define HOUR (INT64_C(3600) * WEIR_US_PER_SEC)

TEST(period, months_quarters_years_and_ranges)
{
    static const struct {
        const char *text;
        int64_t offset;
        const char *from, *to;
        uint32_t months;
    } cases[] = {
        {"2026-11", 0, "2026-11-01", "2026-12-01", 1},
        {"2026-12", 0, "2026-12-01", "2027-01-01", 1},
        {"2024-02", 0, "2024-02-01", "2024-03-01", 1},
        {"2026-Q4", 0, "2026-10-01", "2027-01-01", 3},
        {"2026", 0, "2026-01-01", "2027-01-01", 12},
        {"2026-11-03", 0, "2026-11-03", "2026-11-04", 0},
        {"2026-11-01..2026-11-30", 0, "2026-11-01", "2026-12-01", 1},
        {"2026-11-01/2026-11-15", 0, "2026-11-01", "2026-11-16", 0},
        {"2024-02-29..2024-02-29", 0, "2024-02-29", "2024-03-01", 0},
        {"2026-11-01T00:00:00Z..2026-11-02T00:00:00Z", 0, "2026-11-01",
         "2026-11-02", 0},
        {"2026-11", HOUR, "2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z", 1},
        {"2026-11", -5 * HOUR, "2026-11-01T05:00:00Z", "2026-12-01T05:00:00Z",
         1},
        {"2026-11-01T00:00:00Z..2026-12-01T00:00:00Z", HOUR, "2026-11-01",
         "2026-12-01", 0},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_period period;
        weir_time from, to;
        assert_true(weir_time_parse(weir_span_of(cases[i].from), &from));
        assert_true(weir_time_parse(weir_span_of(cases[i].to), &to));
        assert_ok(weir_period_parse(weir_span_of(cases[i].text),
                                    cases[i].offset, &period, NULL));
        assert_int_equal(period.from, from);
        assert_int_equal(period.to, to);
        assert_int_equal(period.months, cases[i].months);
    }
}

TEST(period, what_is_no_period_is_refused)
{
    static const char *const texts[] = {
        "",
        "20",
        "2026-",
        "2026-13",
        "2026-00",
        "2026-Q5",
        "2026-Q0",
        "2026-02-30",
        "november",
        "2026-11-05..2026-11-03",
        "..",
        "2026-11-01..",
        "..2026-11-01",
        "2026-11..2026-12",
        "2026-11-01T00:00:00Z",
        "9999",
        "2026-11-01T00:00:00Z..2026-11-01T00:00:00Z",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        struct weir_period period;
        assert_int_equal(
            weir_period_parse(weir_span_of(texts[i]), 0, &period, NULL),
            WEIR_EPARSE);
    }
}
