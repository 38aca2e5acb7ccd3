/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include <weir/parties.h>

TEST(parties, places_are_the_codes_of_the_standard_and_xk)
{
    size_t count;
    const struct weir_jurisdiction *table = weir_jurisdictions(&count);
    assert_int_equal(count, 251);
    assert_int_equal(weir_jurisdiction_unknown(), 250);
    assert_string_equal(table[250].code, "ZZ");
    for (uint32_t i = 0; i < 250; i++) {
        uint32_t row = UINT32_MAX;
        assert_int_equal(strlen(table[i].code), 2);
        assert_true(weir_jurisdiction_find(weir_span_of(table[i].code), &row));
        assert_int_equal(row, i);
        if (i > 0)
            assert_true(strcmp(table[i - 1].code, table[i].code) < 0);
    }
}

TEST(parties, codes_that_users_assign_or_mistype_are_unknown)
{
    static const char *const bad[] = {"",   "cn", "UK",  "EU", "AA", "QM",
                                      "XA", "ZZ", "USA", "U",  "A\0"};
    uint32_t row = 7;
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        assert_false(weir_jurisdiction_find(weir_span_of(bad[i]), &row));
    assert_int_equal(row, 7);
}

TEST(parties, shares_are_read_exactly)
{
    static const struct {
        const char *text;
        uint32_t low;
        uint32_t high;
    } cases[] = {
        {"51%", 510000, 510000},
        {"51.5%", 515000, 515000},
        {"0.51", 510000, 510000},
        {"0.000001", 1, 1},
        {"1.0", 1000000, 1000000},
        {"100%", 1000000, 1000000},
        {"0%", 0, 0},
        {"49.9999%", 499999, 499999},
        {"25%-50%", 250000, 500000},
        {"25% - 50%", 250000, 500000},
        {">25%-50%", 250001, 500000},
        {">50%-<75%", 500001, 749999},
        {">=75%", 750000, 1000000},
        {">75%", 750001, 1000000},
        {"<10%", 0, 99999},
        {"<=10%", 0, 100000},
        {"0.25-0.5", 250000, 500000},
        {">25-50", 250001, 500000},
        {">25 to 50", 250001, 500000},
        {">50 to <75", 500001, 749999},
        {">=75", 750000, 1000000},
        {"25-50%", 250000, 500000},
        {"[25%, 50%)", 250000, 499999},
        {"(25,50]", 250001, 500000},
        {"0-50", 0, 500000},
        {"33.3333%..50%", 333333, 500000},
        {"25%\xE2\x80\x93"
         "50%",
         250000, 500000},
        {"unknown", 0, 1000000},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        weir_share share = {7, 7};
        assert_ok(weir_share_parse(weir_span_of(cases[i].text), &share, NULL));
        assert_int_equal(share.low, cases[i].low);
        assert_int_equal(share.high, cases[i].high);
    }
}

TEST(parties, shares_refuse_what_is_ambiguous_or_rounded)
{
    static const char *const bad[] = {"",
                                      "51",
                                      "1",
                                      "100.0001%",
                                      "1.1",
                                      "-5%",
                                      "51.00001%",
                                      "0.5.1",
                                      "50%-25%",
                                      ">50%-50%",
                                      ">100%",
                                      "<0%",
                                      "51 %",
                                      "51%%",
                                      "50%-<50%",
                                      "<25%-50%",
                                      "25%->50%",
                                      "%",
                                      ".5",
                                      "0.",
                                      "0.0000001",
                                      "51,5%",
                                      "0-1",
                                      ">1",
                                      "0.25-50",
                                      "[25%-50%",
                                      "25%-50%]",
                                      "[25%]",
                                      "5,51%",
                                      "[>25%-50%]",
                                      "25%-50%-75%",
                                      " 51%",
                                      "99999999999999999999%",
                                      "0.51%x"};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        weir_share share = {7, 7};
        struct weir_error err;
        assert_int_equal(weir_share_parse(weir_span_of(bad[i]), &share, &err),
                         WEIR_EPARSE);
        assert_int_equal(share.low, 7);
    }
}

TEST(parties, shares_without_a_unit_are_read_as_the_source_means_them)
{
    static const struct {
        const char *text;
        enum weir_share_unit unit;
        uint32_t low;
        uint32_t high;
    } cases[] = {
        {"51", WEIR_SHARE_PERCENT, 510000, 510000},
        {"0.5", WEIR_SHARE_PERCENT, 5000, 5000},
        {"33.333333", WEIR_SHARE_PERCENT, 333333, 333334},
        {"100.000000", WEIR_SHARE_PERCENT, 1000000, 1000000},
        {"500000", WEIR_SHARE_PPM, 500000, 500000},
        {"1", WEIR_SHARE_PPM, 1, 1},
        {"250000-500000", WEIR_SHARE_PPM, 250000, 500000},
        {"51", WEIR_SHARE_GUESS, 510000, 510000},
        {"49.99", WEIR_SHARE_GUESS, 499900, 499900},
        {"0.51", WEIR_SHARE_GUESS, 510000, 510000},
        {"1.0", WEIR_SHARE_GUESS, 1000000, 1000000},
        {"100", WEIR_SHARE_GUESS, 1000000, 1000000},
        {"0", WEIR_SHARE_GUESS, 0, 0},
        {"500001", WEIR_SHARE_GUESS, 500001, 500001},
        {"25-50", WEIR_SHARE_GUESS, 250000, 500000},
        {"250000-500000", WEIR_SHARE_GUESS, 250000, 500000},
        {"25 to 50.5", WEIR_SHARE_GUESS, 250000, 505000},
        {"50 %", WEIR_SHARE_GUESS, 500000, 500000},
        {"Unknown", WEIR_SHARE_GUESS, 0, 1000000},
    };
    static const struct {
        const char *text;
        enum weir_share_unit unit;
    } bad[] = {
        {"1", WEIR_SHARE_GUESS},
        {"0.5-50", WEIR_SHARE_GUESS},
        {"1000001", WEIR_SHARE_GUESS},
        {"0.5", WEIR_SHARE_PPM},
        {"101", WEIR_SHARE_PERCENT},
        {"100.5", WEIR_SHARE_GUESS},
        {"100.0000001", WEIR_SHARE_PERCENT},
        {"5e1", WEIR_SHARE_PERCENT},
        {"-5", WEIR_SHARE_PERCENT},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        weir_share share = {7, 7};
        assert_ok(weir_share_read(weir_span_of(cases[i].text), cases[i].unit,
                                  &share, NULL));
        assert_int_equal(share.low, cases[i].low);
        assert_int_equal(share.high, cases[i].high);
    }
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        weir_share share = {7, 7};
        assert_int_equal(weir_share_read(weir_span_of(bad[i].text), bad[i].unit,
                                         &share, NULL),
                         WEIR_EPARSE);
        assert_int_equal(share.low, 7);
    }
}

TEST(parties, shares_written_and_read_are_the_same)
{
    static const weir_share shares[] = {{0, 0},           {1, 1},
                                        {500000, 500000}, {250001, 500000},
                                        {0, 999999},      {999999, 1000000},
                                        {0, 1000000},     {123456, 654321}};
    for (size_t i = 0; i < WEIR_COUNTOF(shares); i++) {
        char text[WEIR_SHARE_TEXT];
        weir_share share = {7, 7};
        weir_share_format(shares[i], text);
        assert_true(strlen(text) < WEIR_SHARE_TEXT);
        assert_ok(weir_share_parse(weir_span_of(text), &share, NULL));
        assert_memory_equal(&share, &shares[i], sizeof(share));
    }
}
