/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How surprising a count is, given what was counted before.
 *
 * X is beta-binomial: a binomial whose rate is itself known only from a few
 * hundred calls, and wanders. Small references are then not overconfident,
 * which is where fixed thresholds on rates fail.
 */
#include <math.h>

#include "pool.h"

/* Rates wander by more than a reference's size explains: the least
 * correlation between calls of one window. */
#define WANDER 0.002

/* log of P(X = x), X beta-binomial(n, a, b). */
static double
log_mass(double x, double n, double a, double b)
{
    int sign;
    return lgamma_r(n + 1, &sign) - lgamma_r(x + 1, &sign) -
           lgamma_r(n - x + 1, &sign) + lgamma_r(x + a, &sign) +
           lgamma_r(n - x + b, &sign) - lgamma_r(n + a + b, &sign) +
           lgamma_r(a + b, &sign) - lgamma_r(a, &sign) - lgamma_r(b, &sign);
}

static double
tail(double x, double n, double a, double b)
{
    if (x <= 0 || n <= 0)
        return 0;
    double term = 1;
    double sum = 1;
    for (double k = x; k < n; k++) {
        term *= (n - k) / (k + 1) * (a + k) / (b + n - k - 1);
        sum += term;
        if (term < 1e-12 * sum)
            break;
    }
    double value = -(log_mass(x, n, a, b) + log(sum)) / log(10.0);
    return value > 0 ? value : 0;
}

double
weir__watch_tail(double x, double n, double mean, double variance)
{
    double rate = mean / n;
    if (n < 1 || x <= mean)
        return 0;
    if (rate < 1e-6)
        rate = 1e-6;
    if (rate > 1 - 1e-6)
        return 0;
    double excess = variance / (n * rate * (1 - rate)) - 1;
    double correlation = n > 1 ? excess / (n - 1) : 0;
    if (correlation < WANDER)
        correlation = WANDER;
    if (correlation > 0.9)
        correlation = 0.9;
    double weight = 1 / correlation - 1;
    return tail(x, n, rate * weight, (1 - rate) * weight);
}

double
weir__watch_surprise(double x, double n, double k, double m)
{
    double a = k + 0.5;
    double b = m - k + 0.5;
    double rate = a / (a + b);
    double variance = n * rate * (1 - rate) * (1 + (n - 1) / (a + b + 1));
    return weir__watch_tail(x, n, n * rate, variance);
}
