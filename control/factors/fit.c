/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line from many calls.
 *
 *     tokens |            .  :
 *            |        : :'.      each class of sizes: its median m, weight w
 *            |   . :'.
 *       base |_:'                minimise the sum of w * ((m - base - f x) / m)^2
 *            +-------------- bytes
 *
 * WHY MEDIANS OF CLASSES. A search tool, or a prompt that is kept at the
 * origin, makes one call's tokens a hundred times its bytes. A median does
 * not see how far off the few are.
 *
 * WHY VOTES ARE CAPPED. Who sends a million odd prompts has as much to say as
 * who sends WEIR_FACTOR_TENANT_CALLS. Where there are three tenants or more,
 * sizes that only one of them sends are not heard at all. So one of n tenants
 * moves a median to the quantile 1/2 + 1/(2(n - 1)) of the others' at most;
 * and whatever a tenant that is alone does, the bounds to the seed and to the
 * day's step stand.
 */
#include "control/factors/factors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define X WEIR_FACTOR_BYTE_CLASSES
#define Y WEIR_FACTOR_TOKEN_CLASSES

static const struct weir_factor_line quarter = {0, 250000, 500, 2000};

struct cloud {
    double weight[X][Y];
    double mass[X];
    double total;
    uint32_t tenants;
};

struct line {
    double base;
    double slope; /* tokens a byte */
};

static double
bytes_of(uint32_t x)
{
    uint64_t bytes, tokens;
    weir_factor_cell_get(x * Y, &bytes, &tokens);
    return (double)bytes / 1000;
}

static double
tokens_of(uint32_t y)
{
    uint64_t bytes, tokens;
    weir_factor_cell_get(y, &bytes, &tokens);
    return (double)tokens / 1000;
}

/* ------------------------------------------------------------- the votes */

/* One past the last vote of the tenant that begins at `first`. */
static size_t
tenant_end(const struct weir_factor_vote *votes, size_t count, size_t first,
           uint64_t *calls_out)
{
    size_t i = first;
    *calls_out = 0;
    for (; i < count && votes[i].tenant == votes[first].tenant; i++)
        *calls_out += votes[i].calls;
    return i;
}

static void
gather(const struct weir_factor_vote *votes, size_t count, struct cloud *cloud)
{
    uint32_t heard[X] = {0};
    memset(cloud, 0, sizeof *cloud);
    for (size_t i = 0; i < count;) {
        bool is_in[X] = {false};
        uint64_t calls;
        size_t end = tenant_end(votes, count, i, &calls);
        double scale = calls > WEIR_FACTOR_TENANT_CALLS
                           ? (double)WEIR_FACTOR_TENANT_CALLS / (double)calls
                           : 1;
        for (; i < end; i++) {
            uint32_t x = votes[i].cell / Y, y = votes[i].cell % Y;
            if (x >= X)
                continue;
            cloud->weight[x][y] += scale * (double)votes[i].calls;
            is_in[x] = true;
        }
        for (uint32_t x = 0; x < X; x++)
            heard[x] += is_in[x];
        cloud->tenants++;
    }
    for (uint32_t x = 0; x < X; x++) {
        bool is_lone = cloud->tenants >= 3 && heard[x] < 2;
        for (uint32_t y = 0; y < Y; y++) {
            if (is_lone)
                cloud->weight[x][y] = 0;
            cloud->mass[x] += cloud->weight[x][y];
        }
        cloud->total += cloud->mass[x];
    }
}

/* Of one class of sizes; inside a class of tokens in proportion. */
static double
median_of(const struct cloud *cloud, uint32_t x)
{
    double left = cloud->mass[x] / 2;
    uint32_t y = 0;
    while (y + 1 < Y && left > cloud->weight[x][y])
        left -= cloud->weight[x][y++];
    double part = cloud->weight[x][y] > 0 ? left / cloud->weight[x][y] : 0.5;
    return tokens_of(y) * exp2((part - 0.5) / 4);
}

/* ---------------------------------------------------------------- the line */

struct normal {
    double w, x, m, xx, xm;
};

static void
add_point(struct normal *n, double bytes, double tokens, double mass)
{
    double w = mass / (tokens * tokens);
    n->w += w;
    n->x += w * bytes;
    n->m += w * tokens;
    n->xx += w * bytes * bytes;
    n->xm += w * bytes * tokens;
}

static double
predict(const struct line *line, double bytes)
{
    return line->base + line->slope * bytes;
}

static struct normal
points_of(const struct cloud *cloud, const struct line *prior)
{
    static const double at[2] = {512, 16384};
    struct normal n = {0, 0, 0, 0, 0};
    for (uint32_t x = 0; x < X; x++)
        if (cloud->mass[x] > 0)
            add_point(&n, bytes_of(x), median_of(cloud, x), cloud->mass[x]);
    for (int i = 0; prior != NULL && i < 2; i++)
        add_point(&n, at[i], predict(prior, at[i]),
                  WEIR_FACTOR_PRIOR_CALLS / 2.0);
    return n;
}

static double
clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static double
base_for(const struct normal *n, double slope)
{
    return clamp((n->m - slope * n->x) / n->w, 0, WEIR_FACTOR_BASE_MAX);
}

static struct line
solve(const struct normal *n, double slope_min, double slope_max)
{
    double det = n->w * n->xx - n->x * n->x;
    double slope = det > 1e-9 * n->w * n->xx
                       ? (n->w * n->xm - n->x * n->m) / det
                       : n->xm / n->xx;
    double base = (n->m - slope * n->x) / n->w;
    if (base < 0) /* a line through the origin, then */
        slope = n->xm / n->xx;
    slope = clamp(slope, slope_min, slope_max);
    return (struct line){base_for(n, slope), slope};
}

/* --------------------------------------------------------------- the error */

struct ratio {
    double value;
    double mass;
};

static int
by_value(const void *a, const void *b)
{
    const struct ratio *x = a, *y = b;
    return (x->value > y->value) - (x->value < y->value);
}

static double
quantile(const struct ratio *rows, size_t count, double mass)
{
    size_t i = 0;
    while (i + 1 < count && mass > rows[i].mass)
        mass -= rows[i++].mass;
    return rows[i].value;
}

static void
spread_of(const struct cloud *cloud, const struct line *line,
          struct weir_factor_line *out)
{
    struct ratio rows[1024];
    size_t count = 0;
    double total = 0;
    for (uint32_t cell = 0; cell < X * Y && count < WEIR_COUNTOF(rows);
         cell++) {
        double mass = cloud->weight[cell / Y][cell % Y];
        if (mass <= 0)
            continue;
        rows[count++] = (struct ratio){
            tokens_of(cell % Y) / predict(line, bytes_of(cell / Y)), mass};
        total += mass;
    }
    qsort(rows, count, sizeof *rows, by_value);
    out->low_pm =
        (uint32_t)clamp(1000 * quantile(rows, count, total / 20), 50, 1000);
    out->high_pm =
        (uint32_t)clamp(1000 * quantile(rows, count, total * 19 / 20), 1000,
                        WEIR_FACTOR_HIGH_MAX);
}

/* ------------------------------------------------------------------- whole */

static struct line
line_of(const struct weir_factor_line *from)
{
    return (struct line){from->base, (double)from->ppm / 1e6};
}

static struct weir_factor_line
rounded(const struct line *line)
{
    return (struct weir_factor_line){
        .base = (uint32_t)lround(line->base),
        .ppm = (uint32_t)clamp(round(line->slope * 1e6), WEIR_FACTOR_PPM_MIN,
                               WEIR_FACTOR_PPM_MAX)};
}

bool
weir_factor_fit_freely(const struct weir_factor_vote *votes, size_t count,
                       struct weir_factor_line *line_out)
{
    struct cloud cloud;
    gather(votes, count, &cloud);
    if (cloud.total <= 0)
        return false;
    struct normal points = points_of(&cloud, NULL);
    struct line line =
        solve(&points, WEIR_FACTOR_PPM_MIN / 1e6, WEIR_FACTOR_PPM_MAX / 1e6);
    struct weir_factor_line fitted = rounded(&line);
    spread_of(&cloud, &line, &fitted);
    *line_out = fitted;
    return true;
}

bool
weir_factor_fit(const struct weir_factor_vote *votes, size_t count,
                const struct weir_factor_line *seed,
                const struct weir_factor_line *before,
                struct weir_factor_line *line_out)
{
    struct cloud cloud;
    bool is_seeded = seed->ppm != 0;
    struct line prior = line_of(is_seeded ? seed : &quarter);
    struct line last = before->ppm != 0 ? line_of(before) : prior;
    double within = is_seeded ? 2 : 4;
    gather(votes, count, &cloud);
    if (cloud.total < WEIR_FACTOR_CALLS_MIN)
        return false;
    struct normal points = points_of(&cloud, &prior);
    struct line line =
        solve(&points, prior.slope / within, prior.slope * within);
    line.slope = clamp(line.slope, last.slope * 0.9, last.slope * 1.1);
    double step = last.base / 4 > 16 ? last.base / 4 : 16;
    line.base = clamp(base_for(&points, line.slope), last.base - step,
                      last.base + step);
    line.base = clamp(line.base, 0, WEIR_FACTOR_BASE_MAX);
    struct weir_factor_line fitted = rounded(&line);
    spread_of(&cloud, &line, &fitted);
    uint32_t high = is_seeded ? seed->high_pm : quarter.high_pm;
    if (cloud.total < WEIR_FACTOR_TENANT_CALLS && fitted.high_pm < high)
        fitted.high_pm = high; /* too few to say how far they go */
    *line_out = fitted;
    return true;
}
