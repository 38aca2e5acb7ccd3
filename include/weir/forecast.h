/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/forecast.h - what the next days may come to, from those before.
 *
 * Weekly season, damped trend, medians throughout: docs/why/forecast.md. All
 * arithmetic is on integers, so that the same days give the same forecast
 * everywhere.
 *
 * Threads and memory: pure functions; the caller's arrays, nothing allocated.
 */
#ifndef WEIR_FORECAST_H
#define WEIR_FORECAST_H

#include <weir/base.h>

#define WEIR_FORECAST_DAYS_MAX 400 /* ahead */
#define WEIR_FORECAST_WEEKS    26  /* looked back at, at most */
#define WEIR_FORECAST_DAYS_MIN 14  /* behind, for a season and a trend */

struct weir_forecast {
    int64_t total;    /* of the days ahead */
    int64_t low;      /* nine of ten such forecasts should come to lie */
    int64_t high;     /* between these; low <= total <= high */
    uint32_t weeks;   /* that were looked at */
    uint32_t origins; /* past forecasts that the bounds are from; 0: too few,
                         the bounds are a third and more off */
    bool is_mean;     /* too few days for more than their mean */
};

/*
 * `past` are amounts of successive days (not negative, at most 2^53), the
 * newest last. Fills `days_out[ahead]` where it is not NULL.
 */
void weir_forecast_make(const int64_t *past, size_t count, size_t ahead,
                        int64_t *days_out, struct weir_forecast *forecast_out);

/* Forecasts from points of the past, beside what came. In parts per million;
 * origins 0: the days are too few. */
struct weir_backtest {
    uint32_t origins;
    int64_t error_ppm;  /* mean of |forecast - actual| / actual */
    int64_t bias_ppm;   /* mean of (forecast - actual) / actual */
    int64_t inside_ppm; /* of the actuals lay between low and high */
    int64_t naive_ppm;  /* error of "as many days before come again" */
    int64_t worst_ppm;  /* the largest error */
};
/* One origin every `step` days, from the first that has `least` days behind. */
void weir_backtest_make(const int64_t *past, size_t count, size_t ahead,
                        size_t least, size_t step,
                        struct weir_backtest *backtest_out);

#endif
