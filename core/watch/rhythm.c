/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do the accounts of a group rise and fall together?
 *
 * Activity enters by its square root, so that one account's bursts do not
 * outweigh what it does all day. From each series the mean and three
 * harmonics of the day are taken out (they are what all offices share). An
 * account's remainder is correlated with the sum of the other members'
 * remainders; the null is the same with its own series moved in a circle by
 * nine hours or more. Members are as many as can be named with a hundredth of
 * strangers among them; the sum is made again of them, four times. z tells
 * for the whole group how far the mean correlation lies above the null's.
 *
 * The first sum holds everybody, so a controller that moves a minority still
 * stands out of it by numbers; the later ones hold mostly its own accounts.
 *
 * WHY NOT ONE LINE FOR ALL. A line at the 99 % point of chance asks the same
 * of an account whether its group is a crowd that shares a fashion or a farm
 * of which every account but a few moves as one. Of the latter it left out
 * half at 200 calls each, with no stranger gained by it.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"

#define BASES      7 /* mean, and sine and cosine of three harmonics */
#define ROUNDS     4
#define BINS_LEAST 24
#define STRANGERS  0.01 /* of members: the false ones that are allowed */
#define CHANCE_MAX 0.2  /* and none that chance would join so often */
#define TWO_PI     6.283185307179586

struct rhythm {
    uint32_t bins;
    uint32_t shift; /* least, bins */
    uint32_t bases;
    uint32_t count;
    float *basis;  /* [BASES][bins], orthonormal */
    float *series; /* [count][bins], remainders of length 1 or 0 */
    float *sum;    /* [bins] */
    bool *is_member;
    float *correlation;
    float *null_mean;
    float *null_sd;
    float *chance; /* to correlate so by chance; over 1: says nothing */
    float *sorted;
};

double
weir__watch_mean_similarity(const int8_t a[WEIR_WATCH_SKETCH],
                            const int8_t b[WEIR_WATCH_SKETCH])
{
    int32_t dot = 0;
    int32_t own = 0;
    int32_t other = 0;
    for (size_t i = 0; i < WEIR_WATCH_SKETCH; i++) {
        dot += a[i] * b[i];
        own += a[i] * a[i];
        other += b[i] * b[i];
    }
    return own == 0 || other == 0 ? 0 : dot / sqrt((double)own * other);
}

float
weir__watch_rarity(double share)
{
    return (float)-log(share < 1e-9 ? 1e-9 : share > 1 ? 1 : share);
}

static double
dot(const float *a, const float *b, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static bool
normalise(float *a, uint32_t count, double least)
{
    double length = sqrt(dot(a, a, count));
    if (length < least) {
        memset(a, 0, count * sizeof(*a));
        return false;
    }
    for (uint32_t i = 0; i < count; i++)
        a[i] = (float)(a[i] / length);
    return true;
}

static void
remove_bases(const struct rhythm *r, float *a, uint32_t bases)
{
    for (uint32_t b = 0; b < bases; b++) {
        const float *basis = r->basis + (size_t)b * r->bins;
        double part = dot(a, basis, r->bins);
        for (uint32_t i = 0; i < r->bins; i++)
            a[i] = (float)(a[i] - part * basis[i]);
    }
}

/* Gram and Schmidt; a harmonic that the span cannot tell drops out as 0. */
static void
make_bases(struct rhythm *r, uint32_t bins_per_day)
{
    r->bases = bins_per_day > 1 ? BASES : 1;
    for (uint32_t b = 0; b < r->bases; b++) {
        float *basis = r->basis + (size_t)b * r->bins;
        for (uint32_t i = 0; i < r->bins; i++) {
            double angle =
                b == 0 ? 0 : TWO_PI * ((b + 1) / 2) * i / bins_per_day;
            basis[i] = (float)(b % 2 == 0 ? cos(angle) : sin(angle));
        }
        remove_bases(r, basis, b);
        normalise(basis, r->bins, 1e-3);
    }
}

static void
make_sum(struct rhythm *r, bool all)
{
    memset(r->sum, 0, r->bins * sizeof(*r->sum));
    for (uint32_t i = 0; i < r->count; i++)
        for (uint32_t b = 0; b < r->bins && (all || r->is_member[i]); b++)
            r->sum[b] += r->series[(size_t)i * r->bins + b];
}

/* Correlation of account i with the sum without it, moved by `shift`. */
static double
moved(const struct rhythm *r, const float *own, const float *rest,
      double length, uint32_t shift)
{
    uint32_t split = r->bins - shift;
    return (dot(own, rest + shift, split) + dot(own + split, rest, shift)) /
           length;
}

static void
judge(struct rhythm *r, uint32_t i, bool all, float *rest)
{
    const float *own = r->series + (size_t)i * r->bins;
    double sum = 0;
    double squares = 0;
    uint32_t shifts = 0;
    bool is_in = all || r->is_member[i];
    for (uint32_t b = 0; b < r->bins; b++)
        rest[b] = r->sum[b] - (is_in ? own[b] : 0);
    double length = sqrt(dot(rest, rest, r->bins));
    r->correlation[i] = 0;
    r->null_mean[i] = 0;
    r->null_sd[i] = 0;
    r->chance[i] = 2;
    if (length < 1e-6)
        return;
    for (uint32_t shift = r->shift; shift <= r->bins - r->shift; shift++) {
        double c = moved(r, own, rest, length, shift);
        sum += c;
        squares += c * c;
        shifts++;
    }
    double mean = sum / shifts;
    double variance = squares / shifts - mean * mean;
    r->correlation[i] = (float)moved(r, own, rest, length, 0);
    r->null_mean[i] = (float)mean;
    r->null_sd[i] = (float)sqrt(variance > 0 ? variance : 0);
    if (r->null_sd[i] > 0)
        r->chance[i] = (float)(0.5 * erfc((r->correlation[i] - mean) /
                                          (double)r->null_sd[i] / sqrt(2)));
}

static int
compare(const void *a, const void *b)
{
    float x = *(const float *)a;
    float y = *(const float *)b;
    return (x > y) - (x < y);
}

/*
 * As many as can be named so that of those named a hundredth are strangers at
 * most (Benjamini and Hochberg). How many strangers the group holds at all is
 * read off the upper half of the chances (Storey): those of members crowd at
 * the lower end, those of strangers are spread evenly. A group without
 * strangers is named nearly whole, one of strangers hardly at all.
 */
static void
choose_members(struct rhythm *r)
{
    uint32_t known = 0;
    uint32_t upper = 0;
    float line = -1;
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->chance[i] > 1)
            continue;
        r->sorted[known++] = r->chance[i];
        upper += r->chance[i] > 0.5F;
    }
    qsort(r->sorted, known, sizeof(*r->sorted), compare);
    double strangers = 2.0 * (upper + 1);
    if (strangers > known)
        strangers = known;
    for (uint32_t k = 0; k < known; k++)
        if ((double)r->sorted[k] * strangers <= STRANGERS * (k + 1) &&
            (double)r->sorted[k] <= CHANCE_MAX)
            line = r->sorted[k];
    for (uint32_t i = 0; i < r->count; i++)
        r->is_member[i] = r->chance[i] <= line;
}

static float
z_of(const struct rhythm *r)
{
    double gain = 0;
    double sd = 0;
    uint32_t counted = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->null_sd[i] <= 0)
            continue;
        gain += r->correlation[i] - r->null_mean[i];
        sd += r->null_sd[i];
        counted++;
    }
    if (counted < 2 || sd <= 0)
        return 0;
    return (float)(gain / counted / (sd / counted) * sqrt(counted));
}

static bool
init(struct rhythm *r, const struct weir_watch_profile *accounts,
     const uint32_t *group, uint32_t count,
     const struct weir_watch_cluster_setup *setup, struct weir_arena *arena)
{
    r->bins = setup->bin_count;
    r->count = count;
    r->shift = setup->bins_per_day * 9 / 24;
    if (r->shift == 0 || r->shift * 3 > r->bins)
        r->shift = r->bins / 8;
    r->basis = weir_arena_array(arena, float, (size_t)BASES * r->bins);
    r->series = weir_arena_array(arena, float, (size_t)count * r->bins);
    r->sum = weir_arena_array(arena, float, r->bins);
    r->is_member = weir_arena_array(arena, bool, count);
    r->correlation = weir_arena_array(arena, float, count);
    r->null_mean = weir_arena_array(arena, float, count);
    r->null_sd = weir_arena_array(arena, float, count);
    r->chance = weir_arena_array(arena, float, count);
    r->sorted = weir_arena_array(arena, float, count);
    if (arena->overflow)
        return false;
    make_bases(r, setup->bins_per_day);
    for (uint32_t i = 0; i < count; i++) {
        float *own = r->series + (size_t)i * r->bins;
        const uint16_t *bins = accounts[group[i]].bins;
        for (uint32_t b = 0; b < r->bins; b++)
            own[b] = sqrtf(bins[b]);
        remove_bases(r, own, r->bases);
        normalise(own, r->bins, 0.1);
    }
    return true;
}

bool
weir__watch_rhythm(const struct weir_watch_profile *accounts,
                   const uint32_t *group, uint32_t count,
                   const struct weir_watch_cluster_setup *setup,
                   struct weir_arena *arena, struct watch_rhythm *rhythm_out)
{
    struct rhythm r;
    if (setup->bin_count < BINS_LEAST || count < 2 ||
        !init(&r, accounts, group, count, setup, arena))
        return false;
    float *rest = weir_arena_array(arena, float, r.bins);
    if (rest == NULL)
        return false;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        make_sum(&r, round == 0);
        for (uint32_t i = 0; i < count; i++)
            judge(&r, i, round == 0, rest);
        choose_members(&r);
    }
    rhythm_out->z = z_of(&r);
    rhythm_out->is_member = r.is_member;
    rhythm_out->correlation = r.correlation;
    return true;
}

float
weir_watch_synchrony(const struct weir_watch_profile *accounts,
                     const uint32_t *members, uint32_t count,
                     const struct weir_watch_cluster_setup *setup,
                     struct weir_arena *arena)
{
    struct watch_rhythm rhythm;
    /* The z of a handful of accounts is chance. */
    if (count < WEIR_WATCH_MEMBERS ||
        !weir__watch_rhythm(accounts, members, count, setup, arena, &rhythm))
        return 0;
    return rhythm.z;
}
