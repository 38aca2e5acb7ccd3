/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next days from those before.
 *
 *   days --whole weeks back from the newest--> totals of weeks
 *        --median of slopes between weeks--> a third of it, and of that a
 *          fifth less each week: trend
 *        --median of the last weeks moved along it, and the newest--> level
 *        --median share of each day in its week--> season
 *
 * WHY MEDIANS. A ledger has days on which somebody ran a batch, and days on
 * which an origin was down. A mean, or least squares, follows them for weeks. The newest week has
 * half the word on the level, and is heard up to a half above or below.
 *
 * WHY THE TREND IS DAMPED. What grew by a tenth a week for a quarter does not
 * do so for another year; undamped trends are where such forecasts fail. The
 * shares are those that foresaw the year of bench/year.py best.
 *
 * WHY THE BOUNDS ARE FROM PAST FORECASTS. A formula for them would suppose
 * errors of a shape that spending does not have. How wrong the same method
 * was, at each week of the past, is known. Nine of ten of what was known must
 * also have held the tenth: so each past forecast is held against bounds made
 * of those before it, and the bounds are as much wider as would have been
 * needed for nine of ten; and wider by one part in as many as there are
 * windows of the past that do not overlap.
 */
#include <weir/forecast.h>

#include <string.h>

#define PPM         INT64_C(1000000)
#define WEEK        7
#define LEVEL_OVER  3 /* weeks */
#define DAMPING     INT64_C(800000)
#define TREND_SHARE 3 /* a third of it is believed */
#define ORIGINS     64
#define NEAREST     5000 /* bounds are never nearer: shares are rounded */
#define ORIGINS_MIN 8
#define SLOPES      (WEIR_FORECAST_WEEKS * (WEIR_FORECAST_WEEKS - 1) / 2)

static int64_t
scale(int64_t value, int64_t by, int64_t of)
{
    __int128 product = (__int128)value * by;
    __int128 half = of / 2;
    __int128 whole = (product >= 0 ? product + half : product - half) / of;
    return whole > INT64_MAX / 4   ? INT64_MAX / 4
           : whole < INT64_MIN / 4 ? INT64_MIN / 4
                                   : (int64_t)whole;
}

/* Sorts; the arrays are short. */
static void
sort(int64_t *values, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        int64_t value = values[i];
        size_t at = i;
        for (; at > 0 && values[at - 1] > value; at--)
            values[at] = values[at - 1];
        values[at] = value;
    }
}

static int64_t
median(int64_t *values, size_t count)
{
    sort(values, count);
    return count == 0 ? 0
           : count % 2 == 1
               ? values[count / 2]
               : values[count / 2 - 1] +
                     (values[count / 2] - values[count / 2 - 1]) / 2;
}

struct model {
    uint32_t weeks;
    int64_t level;        /* of the newest week */
    int64_t slope;        /* a week */
    int64_t season[WEEK]; /* ppm of the week's mean day; 0: the day behind the
                             newest */
};

/* `last` is one behind the newest day. */
static void
fit(const int64_t *last, uint32_t weeks, struct model *model)
{
    int64_t totals[WEIR_FORECAST_WEEKS] = {0}; /* 0: the newest */
    int64_t values[SLOPES];
    size_t count = 0;
    model->weeks = weeks;
    for (uint32_t w = 0; w < weeks; w++)
        for (uint32_t d = 1; d <= WEEK; d++)
            totals[w] += last[-(ptrdiff_t)(w * WEEK + d)];
    for (uint32_t i = 0; i < weeks; i++)
        for (uint32_t j = i + 1; j < weeks; j++)
            values[count++] = (totals[i] - totals[j]) / (int64_t)(j - i);
    model->slope = median(values, count) / TREND_SHARE;
    count = 0;
    for (uint32_t w = 0; w < weeks && w < LEVEL_OVER; w++)
        values[count++] = totals[w] + model->slope * (int64_t)w;
    int64_t usual = median(values, count), newest = totals[0];
    if (newest > usual + usual / 2)
        newest = usual + usual / 2;
    if (newest < usual / 2)
        newest = usual / 2;
    model->level = (usual + newest) / 2;
    int64_t sum = 0;
    for (uint32_t d = 0; d < WEEK; d++) {
        count = 0;
        for (uint32_t w = 0; w < weeks; w++) {
            int64_t day = last[-(ptrdiff_t)((w + 1) * WEEK) + d];
            if (totals[w] > 0)
                values[count++] = scale(day, WEEK * PPM, totals[w]);
        }
        model->season[d] = median(values, count);
        sum += model->season[d];
    }
    for (uint32_t d = 0; d < WEEK; d++)
        model->season[d] =
            sum > 0 ? scale(model->season[d], WEEK * PPM, sum) : PPM;
}

/* The day `ahead` behind the newest (0: the next). */
static int64_t
day_of(const struct model *model, size_t ahead)
{
    int64_t steps = 0, power = PPM; /* of the damped trend, ppm */
    for (size_t week = 0; week <= ahead / WEEK; week++) {
        power = scale(power, DAMPING, PPM);
        steps += power;
    }
    int64_t total = model->level + scale(model->slope, steps, PPM);
    if (total <= 0)
        return 0;
    return scale(total, model->season[ahead % WEEK], WEEK * PPM);
}

static int64_t
sum_of(const int64_t *days, size_t count)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(sum, days[i], &sum))
            return INT64_MAX;
    return sum;
}

/* The total ahead; the model is kept where the days suffice. */
static int64_t
point(const int64_t *past, size_t count, size_t ahead, int64_t *days_out,
      struct weir_forecast *forecast)
{
    struct model model;
    int64_t total = 0;
    forecast->is_mean = count < WEIR_FORECAST_DAYS_MIN;
    forecast->weeks = (uint32_t)(count / WEEK);
    if (forecast->weeks > WEIR_FORECAST_WEEKS)
        forecast->weeks = WEIR_FORECAST_WEEKS;
    if (!forecast->is_mean)
        fit(past + count, forecast->weeks, &model);
    int64_t mean =
        count == 0 ? 0 : scale(sum_of(past, count), 1, (int64_t)count);
    for (size_t i = 0; i < ahead; i++) {
        int64_t day = forecast->is_mean ? mean : day_of(&model, i);
        if (days_out != NULL)
            days_out[i] = day;
        if (__builtin_add_overflow(total, day, &total))
            total = INT64_MAX / 4;
    }
    return total;
}

/* How past forecasts of as many days missed what came, ppm: how much larger
 * the larger of the two was. The newest first. */
static size_t
misses(const int64_t *past, size_t count, size_t ahead, int64_t *out)
{
    size_t found = 0;
    for (size_t back = ahead;
         found < ORIGINS && back + 2 * WEIR_FORECAST_DAYS_MIN <= count;
         back += WEEK) {
        struct weir_forecast ignored;
        size_t origin = count - back;
        int64_t said = point(past, origin, ahead, NULL, &ignored);
        int64_t came = sum_of(past + origin, ahead);
        if (said > 0 && came > 0)
            out[found++] = said > came ? scale(said, PPM, came) - PPM
                                       : scale(came, PPM, said) - PPM;
    }
    return found;
}

/* The miss that nine of ten, and one more, stay within. */
static int64_t
nine_of_ten(const int64_t *misses_of, size_t count)
{
    int64_t sorted[ORIGINS];
    size_t rank = ((count + 1) * 9 + 9) / 10;
    memcpy(sorted, misses_of, count * sizeof *sorted);
    sort(sorted, count);
    return sorted[(rank < count ? rank : count) - 1];
}

/* What the bounds would have had to be multiplied with: each past forecast is
 * held against those that were over when it was made. */
static int64_t
shortfall(const int64_t *all, size_t count, size_t ahead)
{
    int64_t needed[ORIGINS];
    size_t over = (ahead + WEEK - 1) / WEEK, found = 0;
    for (size_t i = 0; i + over + ORIGINS_MIN <= count; i++) {
        int64_t width = nine_of_ten(all + i + over, count - i - over);
        needed[found++] = scale(all[i], PPM, width > NEAREST ? width : NEAREST);
    }
    int64_t by = found >= ORIGINS_MIN ? nine_of_ten(needed, found) : PPM;
    return by < PPM ? PPM : by > 3 * PPM ? 3 * PPM : by;
}

static int64_t
half_width(const int64_t *past, size_t count, size_t ahead,
           uint32_t *origins_out)
{
    int64_t all[ORIGINS];
    size_t found = misses(past, count, ahead, all);
    *origins_out = 0;
    if (found < ORIGINS_MIN)
        return PPM / 3 + scale(PPM / 3, (int64_t)ahead, 90);
    *origins_out = (uint32_t)found;
    int64_t width = nine_of_ten(all, found);
    /* Weekly forecasts of three months are of the same days, mostly. */
    size_t apart = ahead > WEEK ? ahead : WEEK;
    int64_t few = PPM + PPM / (int64_t)(1 + (found - 1) * WEEK / apart);
    int64_t by = shortfall(all, found, ahead);
    width = scale(width, by > few ? by : few, PPM);
    return width > NEAREST ? width : NEAREST;
}

void
weir_forecast_make(const int64_t *past, size_t count, size_t ahead,
                   int64_t *days_out, struct weir_forecast *forecast_out)
{
    WEIR_ASSERT(ahead > 0 && ahead <= WEIR_FORECAST_DAYS_MAX);
    memset(forecast_out, 0, sizeof(*forecast_out));
    forecast_out->total = point(past, count, ahead, days_out, forecast_out);
    int64_t width = half_width(past, count, ahead, &forecast_out->origins);
    forecast_out->low = scale(forecast_out->total, PPM, PPM + width);
    forecast_out->high = scale(forecast_out->total, PPM + width, PPM);
}

void
weir_backtest_make(const int64_t *past, size_t count, size_t ahead,
                   size_t least, size_t step,
                   struct weir_backtest *backtest_out)
{
    struct weir_backtest test = {0};
    int64_t errors = 0, bias = 0, naive = 0, inside = 0;
    WEIR_ASSERT(ahead > 0 && ahead <= WEIR_FORECAST_DAYS_MAX && step > 0);
    for (size_t at = least > ahead ? least : ahead; at + ahead <= count;
         at += step) {
        struct weir_forecast told;
        int64_t came = sum_of(past + at, ahead);
        if (came <= 0)
            continue;
        weir_forecast_make(past, at, ahead, NULL, &told);
        int64_t off = scale(told.total - came, PPM, came);
        int64_t other =
            scale(sum_of(past + at - ahead, ahead) - came, PPM, came);
        int64_t size = off < 0 ? -off : off;
        errors += size;
        bias += off;
        naive += other < 0 ? -other : other;
        inside += came >= told.low && came <= told.high;
        if (size > test.worst_ppm)
            test.worst_ppm = size;
        test.origins++;
    }
    if (test.origins > 0) {
        int64_t n = test.origins;
        test.error_ppm = scale(errors, 1, n);
        test.bias_ppm = scale(bias, 1, n);
        test.naive_ppm = scale(naive, 1, n);
        test.inside_ppm = scale(inside, PPM, n);
    }
    *backtest_out = test;
}
