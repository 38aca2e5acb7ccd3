/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long does an ownership rule take over a million organisations with
 * three million holdings, and how long one change of a holding? Random
 * owners, so that one component holds most of the graph: the hard case.
 */
#include <weir/parties.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

#define CHANGES 500u

static int
ascending(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;
    return *left < *right ? -1 : *left > *right;
}

static void
print_times(const char *method, const char *what, double *took, uint32_t count)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += took[i];
    qsort(took, count, sizeof *took, ascending);
    printf("%-8s %u %s: mean %.3f, p50 %.3f, p99 %.3f, longest %.3f ms CPU\n",
           method, count, what, sum / count * 1e3, took[count / 2] * 1e3,
           took[count * 99 / 100] * 1e3, took[count - 1] * 1e3);
}

/* What the list says of a pair that the live form was told of. */
static void
note(struct weir_holding *holdings, uint32_t *count, uint32_t owner,
     uint32_t owned, weir_share share)
{
    uint32_t at = 3 * owned;
    while (at < 3 * owned + 3 && holdings[at].owner != owner)
        at++;
    if (at == 3 * owned + 3)
        at = HOLDINGS;
    while (at < *count &&
           (holdings[at].owner != owner || holdings[at].owned != owned))
        at++;
    holdings[at] = (struct weir_holding){owner, owned, share};
    *count += at == *count;
}

/* How many answers differ from those of a whole run. */
static int
compare(const struct weir_ownership_live *live,
        const struct weir_holding *holdings, uint32_t count,
        const struct weir_ownership_rule *rule)
{
    struct weir_arena arena;
    struct weir_ownership_graph graph;
    struct weir_ownership_result result;
    uint32_t others = 0;
    weir_arena_init_heap(&arena, (size_t)1 << 30);
    if (weir_ownership_graph_init(&graph, &arena, ORGANISATIONS, holdings,
                                  count, NULL) != WEIR_OK ||
        weir_ownership_run(&graph, rule, &arena, &result, NULL) != WEIR_OK)
        return 1;
    for (uint32_t row = 0; row < ORGANISATIONS; row++)
        others += weir_ownership_live_answer(live, row) !=
                  (enum weir_ownership_answer)result.answers[row];
    printf("         %u answers differ from a whole run, %u wait for one\n",
           others, weir_ownership_live_pending(live));
    weir_arena_fini(&arena);
    return 0;
}

/* A third of the changes are new holdings, a third rise to 60 % of an owner
 * that is restricted, a third fall to nothing. */
static int
change_holdings(struct weir_ownership_live *live, const char *method,
                struct weir_holding *holdings, uint32_t *count,
                const uint8_t *seeds)
{
    static double took[CHANGES];
    for (uint32_t i = 0; i < CHANGES; i++) {
        const struct weir_holding h = holdings[draw(HOLDINGS)];
        uint32_t owner = i % 3 == 0 ? draw(ORGANISATIONS) : h.owner;
        weir_share share = {600000, 600000};
        if (i % 3 == 1)
            while (!seeds[owner])
                owner = draw(ORGANISATIONS);
        else if (i % 3 == 2)
            share = (weir_share){0, 0};
        double start = seconds();
        if (weir_ownership_live_set(live, owner, h.owned, share, NULL) !=
            WEIR_OK)
            return 1;
        took[i] = seconds() - start;
        note(holdings, count, owner, h.owned, share);
    }
    print_times(method, "holdings changed", took, CHANGES);
    return 0;
}

/* Half of them become seeds, half are seeds no longer. */
static int
change_seeds(struct weir_ownership_live *live, const char *method,
             uint8_t *seeds)
{
    static double took[CHANGES];
    for (uint32_t i = 0; i < CHANGES; i++) {
        uint32_t row = draw(ORGANISATIONS);
        while (i % 2 == 0 && !seeds[row])
            row = draw(ORGANISATIONS);
        seeds[row] = i % 2 == 0 ? WEIR_SEED_NO : WEIR_SEED_YES;
        double start = seconds();
        if (weir_ownership_live_seed(live, row,
                                     (enum weir_ownership_seed)seeds[row],
                                     NULL) != WEIR_OK)
            return 1;
        took[i] = seconds() - start;
    }
    print_times(method, "seeds changed", took, CHANGES);
    return 0;
}

static int
change_one_by_one(const struct weir_ownership_rule *rule, const char *method,
                  const struct weir_holding *before, uint8_t *seeds)
{
    struct weir_arena arena;
    struct weir_ownership_graph graph;
    struct weir_ownership_live *live;
    uint32_t count = HOLDINGS;
    struct weir_holding *holdings =
        malloc(sizeof(*holdings) * (HOLDINGS + CHANGES));
    if (holdings == NULL)
        return 1;
    memcpy(holdings, before, sizeof(*holdings) * HOLDINGS);
    weir_arena_init_heap(&arena, (size_t)1 << 30);
    double start = seconds();
    if (weir_ownership_graph_init(&graph, &arena, ORGANISATIONS, holdings,
                                  HOLDINGS, NULL) != WEIR_OK ||
        weir_ownership_live_new(&graph, rule, CHANGES, &arena, &live, NULL) !=
            WEIR_OK)
        return 1;
    printf("%-8s live: made in %.2f s CPU, %.0f MB\n", method,
           seconds() - start, (double)arena.used / 1e6);
    int code = change_holdings(live, method, holdings, &count, seeds) != 0 ||
               change_seeds(live, method, seeds) != 0 ||
               compare(live, holdings, count, rule) != 0;
    weir_arena_fini(&arena);
    free(holdings);
    return code;
}

int
main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
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
    int code = 0;
    for (int method = 0; method < 2 && code == 0; method++) {
        const char *name =
            method == WEIR_OWNERSHIP_CASCADE ? "cascade" : "multiply";
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
        printf("%-8s %u organisations, %u holdings: %.2f s CPU, %u yes\n", name,
               ORGANISATIONS, HOLDINGS, seconds() - start, yes);
        weir_arena_fini(&arena);
        code = change_one_by_one(&rule, name, holdings, seeds);
    }
    free(holdings);
    free(seeds);
    return code;
}
