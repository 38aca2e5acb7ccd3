/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines from recorded calls: "GROUP KIND BYTES TOKENS" a line on standard
 * input; for each group and kind its line, as seeds are written, and how far
 * each call lies from the line of all the others. See bench/framing.py.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/factors/factors.h"

#define CALLS_MAX 4096

struct call {
    char name[32];
    char kind[16];
    uint64_t bytes;
    uint64_t tokens;
};

static struct call calls[CALLS_MAX];
static size_t call_count;

static int
by_group(const void *a, const void *b)
{
    const struct call *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : strcmp(y->kind, x->kind);
}

static int
by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The votes of calls [first, end) without the one at `but`. */
static size_t
votes_of(size_t first, size_t end, size_t but, struct weir_factor_vote *votes)
{
    size_t count = 0;
    for (size_t i = first; i < end; i++) {
        uint32_t cell;
        if (i != but &&
            weir_factor_cell(calls[i].bytes, calls[i].tokens, &cell))
            votes[count++] = (struct weir_factor_vote){1, cell, 1};
    }
    return count;
}

static void
report(size_t first, size_t end)
{
    static struct weir_factor_vote votes[CALLS_MAX];
    static double errors[CALLS_MAX];
    struct weir_factor_line line, others;
    size_t count = votes_of(first, end, SIZE_MAX, votes), told = 0;
    if (!weir_factor_fit_freely(votes, count, &line))
        return;
    for (size_t i = first; i < end; i++) {
        size_t left = votes_of(first, end, i, votes);
        if (weir_factor_fit_freely(votes, left, &others))
            errors[told++] =
                fabs((double)weir_factor_tokens(&others, calls[i].bytes) /
                         (double)calls[i].tokens -
                     1);
    }
    qsort(errors, told, sizeof *errors, by_value);
    printf("%-14s %-7s %4zu calls  LINE(%u, %u, %u, %u)", calls[first].name,
           calls[first].kind, count, line.base, line.ppm, line.low_pm,
           line.high_pm);
    if (told > 2)
        printf("  off by %.0f%% in the middle, %.0f%% in nine of ten",
               errors[told / 2] * 100, errors[told * 9 / 10] * 100);
    putchar('\n');
}

int
main(void)
{
    struct call *call = calls;
    while (call_count < CALLS_MAX &&
           scanf("%31s %15s %" SCNu64 " %" SCNu64, call->name, call->kind,
                 &call->bytes, &call->tokens) == 4)
        call = &calls[++call_count];
    qsort(calls, call_count, sizeof *calls, by_group);
    for (size_t first = 0, end; first < call_count; first = end) {
        for (end = first + 1;
             end < call_count && by_group(&calls[first], &calls[end]) == 0;)
            end++;
        report(first, end);
    }
    return 0;
}
