/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "test.h"

#include <weir/forecast.h>

static int64_t days[420];

/* Saturday and Sunday a third of the others; `growth` a day. */
static void
fill(size_t count, int64_t level, int64_t growth)
{
    for (size_t i = 0; i < count; i++)
        days[i] = (level + growth * (int64_t)i) * (i % 7 < 5 ? 3 : 1);
}

TEST(forecast, a_weekly_season_comes_again)
{
    struct weir_forecast told;
    int64_t ahead[21];
    fill(140, 1000000, 0);
    weir_forecast_make(days, 140, 21, ahead, &told);
    for (size_t i = 0; i < 21; i++)
        assert_true(llabs(ahead[i] - days[i]) <= 8); /* shares are rounded */
    assert_false(told.is_mean);
    assert_int_equal(told.weeks, 20);
    assert_true(told.low <= told.total && told.total <= told.high);
    /* past forecasts were right, so that the bounds are near */
    assert_true(told.high - told.low < told.total / 50);
}

TEST(forecast, a_trend_goes_on_and_is_damped)
{
    struct weir_forecast told;
    fill(140 + 28, 1000000, 10000);
    int64_t came = 0, before = 0;
    for (size_t i = 0; i < 28; i++) {
        came += days[140 + i];
        before += days[112 + i];
    }
    weir_forecast_make(days, 140, 28, NULL, &told);
    assert_true(told.total > before && told.total < came);
}

TEST(forecast, one_wild_day_changes_little)
{
    struct weir_forecast plain, wild;
    fill(84, 1000000, 0);
    weir_forecast_make(days, 84, 28, NULL, &plain);
    days[72] *= 50;
    weir_forecast_make(days, 84, 28, NULL, &wild);
    assert_true(llabs(wild.total - plain.total) < plain.total / 20);
    fill(84, 1000000, 0);
    days[80] *= 50; /* in the newest week: it may be a beginning */
    weir_forecast_make(days, 84, 28, NULL, &wild);
    assert_true(llabs(wild.total - plain.total) < plain.total * 3 / 10);
}

TEST(forecast, few_days_give_their_mean_and_none_gives_nothing)
{
    struct weir_forecast told;
    int64_t few[3] = {10, 20, 30};
    weir_forecast_make(few, 3, 10, NULL, &told);
    assert_true(told.is_mean);
    assert_int_equal(told.total, 200);
    assert_int_equal(told.low, 146);
    assert_int_equal(told.high, 274);
    weir_forecast_make(few, 0, 10, NULL, &told);
    assert_int_equal(told.total, 0);
}

TEST(forecast, a_back_test_is_of_what_was_known_then)
{
    struct weir_backtest test;
    fill(364, 1000000, 0);
    weir_backtest_make(days, 364, 28, 84, 28, &test);
    assert_int_equal(test.origins, 10);
    assert_true(test.error_ppm < 100);
    assert_int_equal(test.inside_ppm, 1000000);
    /* what comes after an origin does not move its forecast */
    for (size_t i = 0; i < 28; i++)
        days[336 + i] *= 2;
    weir_backtest_make(days, 364, 28, 84, 28, &test);
    assert_int_equal(test.origins, 10);
    assert_true(llabs(test.worst_ppm - 500000) < 100);
    weir_backtest_make(days, 20, 28, 84, 28, &test);
    assert_int_equal(test.origins, 0);
}

TEST(forecast, large_amounts_do_not_overflow)
{
    struct weir_forecast told;
    for (size_t i = 0; i < 200; i++)
        days[i] = (INT64_C(1) << 53) - (int64_t)i;
    weir_forecast_make(days, 200, 400, NULL, &told);
    assert_true(told.total > 0 && told.low <= told.high);
}
