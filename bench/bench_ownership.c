/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long does an ownership rule take over a million organisations with
 * three million holdings, and how long one change of a holding? Random
 * owners, so that one component holds most of the graph: the hard case.
 */
#include <weir/parties.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ORGANISATIONS 1000000u
#define HOLDINGS      (3 * ORGANISATIONS)

static uint64_t state = 88172645463325252u;

static uint32_t
draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 32) % below;
}

static double
seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#define CHANGES 2000u

/* A third of the changes are new holdings, a third rise to 60 % of an owner
 * that is restricted, a third fall to nothing. */
static int
change_one_by_one(struct weir_holding *holdings, const uint8_t *seeds)
{
    struct weir_arena arena;
    struct weir_ownership_graph graph;
    struct weir_ownership_live *live;
    const struct weir_ownership_rule rule = {
        .threshold = 500000, .is_strict = true, .seeds = seeds};
    double longest = 0;
    double sum = 0;
    weir_arena_init_heap(&arena, (size_t)1 << 30);
    double start = seconds();
    if (weir_ownership_graph_init(&graph, &arena, ORGANISATIONS, holdings,
                                  HOLDINGS, NULL) != WEIR_OK ||
        weir_ownership_live_new(&graph, &rule, CHANGES, &arena, &live, NULL) !=
            WEIR_OK)
        return 1;
    printf("live     made in %.2f s CPU\n", seconds() - start);
    for (uint32_t i = 0; i < CHANGES; i++) {
        const struct weir_holding *h = &holdings[draw(HOLDINGS)];
        uint32_t owner = i % 3 == 0 ? draw(ORGANISATIONS) : h->owner;
        weir_share share = {600000, 600000};
        if (i % 3 == 1)
            while (!seeds[owner])
                owner = draw(ORGANISATIONS);
        else if (i % 3 == 2)
            share = (weir_share){0, 0};
        start = seconds();
        if (weir_ownership_live_set(live, owner, h->owned, share, NULL) !=
            WEIR_OK)
            return 1;
        double took = seconds() - start;
        sum += took;
        longest = took > longest ? took : longest;
    }
    printf("live     %u changes: mean %.1f us, longest %.1f us CPU\n", CHANGES,
           sum / CHANGES * 1e6, longest * 1e6);
    weir_arena_fini(&arena);
    return 0;
}

int
main(void)
{
    struct weir_holding *holdings = malloc(sizeof(*holdings) * HOLDINGS);
    uint8_t *seeds = calloc(ORGANISATIONS, 1);
    if (holdings == NULL || seeds == NULL)
        return 1;
    for (uint32_t i = 0; i < HOLDINGS; i++) {
        uint32_t share = 100000 + draw(200000);
        holdings[i] = (struct weir_holding){
            draw(ORGANISATIONS),
            i / 3,
            {share, share + (draw(10) == 0 ? 50000u : 0u)}};
    }
    for (uint32_t i = 0; i < ORGANISATIONS / 100; i++)
        seeds[draw(ORGANISATIONS)] = 1;
    for (int method = 0; method < 2; method++) {
        struct weir_arena arena;
        struct weir_ownership_graph graph;
        struct weir_ownership_result result;
        struct weir_ownership_rule rule = {
            .method = (enum weir_ownership_method)method,
            .threshold = 500000,
            .is_strict = true,
            .seeds = seeds};
        weir_arena_init_heap(&arena, (size_t)1 << 30);
        double start = seconds();
        if (weir_ownership_graph_init(&graph, &arena, ORGANISATIONS, holdings,
                                      HOLDINGS, NULL) != WEIR_OK ||
            weir_ownership_run(&graph, &rule, &arena, &result, NULL) != WEIR_OK)
            return 1;
        uint32_t yes = 0;
        for (uint32_t i = 0; i < ORGANISATIONS; i++)
            yes += result.answers[i] == WEIR_ANSWER_YES;
        printf("%-8s %u organisations, %u holdings: %.2f s CPU, %u yes\n",
               method == WEIR_OWNERSHIP_CASCADE ? "cascade" : "multiply",
               ORGANISATIONS, HOLDINGS, seconds() - start, yes);
        weir_arena_fini(&arena);
    }
    int code = change_one_by_one(holdings, seeds);
    free(holdings);
    free(seeds);
    return code;
}
