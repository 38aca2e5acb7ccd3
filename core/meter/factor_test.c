/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/factor.h>

#include "test.h"

#include <weir/meter.h>

static const struct weir_factor_line unknown;

TEST(factor, a_line_that_is_not_known_is_a_quarter_of_a_token_a_byte)
{
    for (uint64_t bytes = 0; bytes < 100; bytes++) {
        assert_int_equal(weir_factor_tokens(&unknown, bytes),
                         weir_tokens_of_bytes(bytes));
        assert_int_equal(weir_factor_most(&unknown, bytes),
                         weir_tokens_of_bytes(bytes));
    }
}

TEST(factor, a_line_adds_its_base_and_rounds_up)
{
    const struct weir_factor_line line = {7, 200000, 800, 1500};
    assert_int_equal(weir_factor_tokens(&line, 0), 0);
    assert_int_equal(weir_factor_tokens(&line, 1), 8);
    assert_int_equal(weir_factor_tokens(&line, 1000), 207);
    assert_int_equal(weir_factor_most(&line, 1000), 311);
}

TEST(factor, no_number_of_bytes_overflows)
{
    const struct weir_factor_line line = {
        WEIR_FACTOR_BASE_MAX, WEIR_FACTOR_PPM_MAX, 1000, WEIR_FACTOR_HIGH_MAX};
    assert_true(weir_factor_tokens(&line, UINT64_MAX) == UINT64_MAX);
    assert_true(weir_factor_most(&line, UINT64_MAX) == UINT64_MAX);
    assert_true(weir_factor_most(&line, UINT64_MAX / 2) == UINT64_MAX);
}

TEST(factor, every_seed_is_sound_and_found_by_family_or_name)
{
    struct weir_factor factor;
    assert_true(
        weir_factor_seed(WEIR_SPAN("gpt-mini"), WEIR_SPAN("x"), &factor));
    assert_int_equal(factor.source, WEIR_FACTOR_SEED);
    assert_true(weir_factor_is_sound(&factor));
    assert_true(
        weir_factor_seed(WEIR_SPAN(""), WEIR_SPAN("house/gpt-9"), &factor));
    assert_false(
        weir_factor_seed(WEIR_SPAN("egpt"), WEIR_SPAN("mygpt"), &factor));
    assert_false(weir_factor_seed(WEIR_SPAN(""), WEIR_SPAN(""), &factor));
}

TEST(factor, soundness_is_about_every_bound)
{
    const struct weir_factor_line good = {8, 250000, 500, 2000};
    const struct weir_factor_line bad[] = {
        {WEIR_FACTOR_BASE_MAX + 1, 250000, 500, 2000},
        {8, WEIR_FACTOR_PPM_MAX + 1, 500, 2000},
        {8, WEIR_FACTOR_PPM_MIN - 1, 500, 2000},
        {8, 250000, 1001, 2000},
        {8, 250000, 500, 999},
        {8, 250000, 500, WEIR_FACTOR_HIGH_MAX + 1},
        {8, 0, 0, 0},
    };
    struct weir_factor factor = {.source = WEIR_FACTOR_LEARNED};
    assert_true(weir_factor_is_sound(&factor));
    factor.lines[1] = good;
    assert_true(weir_factor_is_sound(&factor));
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        factor.lines[1] = bad[i];
        assert_false(weir_factor_is_sound(&factor));
    }
    factor.lines[1] = good;
    factor.source = WEIR_FACTOR_SOURCES;
    assert_false(weir_factor_is_sound(&factor));
}

TEST(factor, a_cell_gives_back_what_it_was_within_a_tenth)
{
    for (uint64_t bytes = 16; bytes < 800000; bytes = bytes * 17 / 16 + 1) {
        for (uint64_t tokens = 8; tokens < 900000;
             tokens = tokens * 9 / 8 + 1) {
            uint32_t cell;
            uint64_t x, y;
            assert_true(weir_factor_cell(bytes, tokens, &cell));
            weir_factor_cell_get(cell, &x, &y);
            assert_in_range(x, bytes * 895, bytes * 1105);
            assert_in_range(y, tokens * 895, tokens * 1105);
        }
    }
}

TEST(factor, what_says_nothing_is_in_no_cell)
{
    uint32_t cell;
    assert_false(weir_factor_cell(15, 3, &cell));
    assert_false(weir_factor_cell(1000, 0, &cell));
    assert_false(weir_factor_cell(UINT64_MAX, 3, &cell));
    assert_false(weir_factor_cell(1000, UINT64_MAX, &cell));
    assert_false(weir_factor_cell(UINT64_C(1) << 39, 3, &cell));
}
