/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/parties.h>

/* Organisations are single letters: X, Y and Z are seeds. */
#define LETTERS 26

struct graph {
    struct weir_arena arena;
    struct weir_holding holdings[64];
    uint32_t holding_count;
    struct weir_ownership_graph graph;
    struct weir_ownership_result result;
};

/* "X-A 50%, A-B 25%-60%": X holds 50 % of A, A between 25 and 60 of B. */
static void
read_graph(struct graph *g, const char *text)
{
    memset(g, 0, sizeof(*g));
    weir_arena_init_heap(&g->arena, 1 << 24);
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        weir_share share;
        assert_ok(
            weir_share_parse((weir_span){text + 4, len - 4}, &share, NULL));
        g->holdings[g->holding_count++] = (struct weir_holding){
            (uint32_t)(text[0] - 'A'), (uint32_t)(text[2] - 'A'), share};
        text += len;
        text += strspn(text, ", ");
    }
    assert_ok(weir_ownership_graph_init(&g->graph, &g->arena, LETTERS,
                                        g->holdings, g->holding_count, NULL));
}

static enum weir_ownership_answer
ask(struct graph *g, enum weir_ownership_method method, uint32_t threshold,
    bool is_strict, char who)
{
    uint8_t seeds[LETTERS] = {0};
    seeds['X' - 'A'] = seeds['Y' - 'A'] = seeds['Z' - 'A'] = 1;
    struct weir_ownership_rule rule = {.method = method,
                                       .threshold = threshold,
                                       .is_strict = is_strict,
                                       .seeds = seeds};
    assert_ok(
        weir_ownership_run(&g->graph, &rule, &g->arena, &g->result, NULL));
    return g->result.answers[who - 'A'];
}

#define NO   WEIR_ANSWER_NO
#define YES  WEIR_ANSWER_YES
#define HOLD WEIR_ANSWER_UNKNOWN

struct worked {
    const char *holdings;
    const char *asked;
    enum weir_ownership_answer cascade;  /* at least half */
    enum weir_ownership_answer strict;   /* more than half */
    enum weir_ownership_answer multiply; /* at least half */
};

static const struct worked worked[] = {
    /* 1: multiplying would give a quarter */
    {"X-A 50%, A-B 50%", "A", YES, NO, YES},
    {"X-A 50%, A-B 50%", "B", YES, NO, NO},
    /* 2 */
    {"X-A 50%, X-B 50%, A-C 25%, B-C 25%", "C", YES, NO, NO},
    /* 3 */
    {"X-A 50%, X-B 10%, A-B 40%", "B", YES, NO, NO},
    /* 4: B is under half, so its quarter does not count */
    {"X-A 50%, X-B 25%, A-C 25%, B-C 25%", "C", NO, NO, NO},
    /* 5: neither A nor B is restricted */
    {"X-A 25%, X-B 25%, A-C 50%, B-C 50%", "C", NO, NO, NO},
    /* 6: aggregate */
    {"X-A 25%, Y-A 25%", "A", YES, NO, YES},
    /* 7: whole parts per million */
    {"X-A 49.99%", "A", NO, NO, NO},
    {"X-A 49.9999%", "A", NO, NO, NO},
    {"X-A 50.00%", "A", YES, NO, YES},
    /* 8: strict, the same graph (column `strict`) */
    {"X-A 50.0001%", "A", YES, YES, YES},
    /* 9: both arithmetics */
    {"X-A 60%, A-B 60%", "B", YES, YES, NO},
    /* 10: a register's band straddles the threshold */
    {"X-A 25%-50%", "A", HOLD, NO, HOLD},
    {"", NULL, NO, NO, NO},
};

TEST(parties, the_ten_worked_cases_hold_in_every_arithmetic)
{
    for (size_t i = 0; worked[i].asked != NULL; i++) {
        const struct worked *w = &worked[i];
        struct graph g;
        read_graph(&g, w->holdings);
        assert_int_equal(
            ask(&g, WEIR_OWNERSHIP_CASCADE, 500000, false, w->asked[0]),
            w->cascade);
        assert_int_equal(
            ask(&g, WEIR_OWNERSHIP_CASCADE, 500000, true, w->asked[0]),
            w->strict);
        assert_int_equal(
            ask(&g, WEIR_OWNERSHIP_MULTIPLY, 500000, false, w->asked[0]),
            w->multiply);
        weir_arena_fini(&g.arena);
    }
}

static const struct worked further[] = {
    /* a ring that no seed reaches restricts nobody */
    {"A-B 100%, B-A 100%", "A", NO, NO, NO},
    {"A-A 100%", "A", NO, NO, NO},
    /* a ring that one does */
    {"X-A 60%, B-A 40%, A-B 100%", "B", YES, YES, YES},
    {"X-A 40%, B-A 60%, A-B 100%", "A", NO, NO, YES},
    /* cross-holding: .4 / (1 - .2 * .5) = .4444 */
    {"X-A 40%, B-A 20%, A-B 50%", "A", NO, NO, NO},
    /* own shares: .4 / (1 - .3) = .5714 looked through */
    {"X-A 40%, A-A 30%", "A", NO, NO, YES},
    /* the owner's band straddles: what hangs below is open as well */
    {"X-A 40%-60%, A-B 80%", "B", HOLD, HOLD, NO},
    {"X-A 40%-70%, A-B 80%", "B", HOLD, HOLD, HOLD},
    /* unknown, but others' lower ends leave at most 30 % */
    {"X-A unknown, C-A 70%", "A", NO, NO, NO},
    {"X-A unknown, C-A 45%", "A", HOLD, HOLD, HOLD},
    {"X-A unknown, C-A 50%", "A", HOLD, NO, HOLD},
    /* two bands whose lower ends suffice together */
    {"X-A 30%-40%, Y-A 25%-60%", "A", YES, YES, YES},
    {"X-A 0%", "A", NO, NO, NO},
    {"C-A 100%", "A", NO, NO, NO},
    /* seeds stay, whoever owns them */
    {"C-X 100%", "X", YES, YES, YES},
    {"", NULL, NO, NO, NO},
};

/* X, Y and Z are seeds, and P may be one. */
static void
ask_with_doubt(struct graph *g, enum weir_ownership_method method)
{
    uint8_t seeds[LETTERS] = {0};
    seeds['X' - 'A'] = WEIR_SEED_YES;
    seeds['P' - 'A'] = WEIR_SEED_MAYBE;
    struct weir_ownership_rule rule = {
        .method = method, .threshold = 500000, .seeds = seeds};
    assert_ok(
        weir_ownership_run(&g->graph, &rule, &g->arena, &g->result, NULL));
}

TEST(parties, what_may_be_a_seed_makes_unknown_and_never_yes)
{
    struct graph g;
    uint32_t chain[8];
    read_graph(&g, "P-A 60%, X-B 50%, P-B 50%, X-P 30%, X-C 20%, P-C 20%, "
                   "P-D 40%, X-E 10%, P-E 40%");
    for (int method = 0; method < 2; method++) {
        ask_with_doubt(&g, (enum weir_ownership_method)method);
        assert_int_equal(g.result.answers['P' - 'A'], HOLD);
        assert_int_equal(g.result.answers['A' - 'A'], HOLD);
        assert_int_equal(g.result.answers['B' - 'A'], YES);
        assert_int_equal(g.result.answers['C' - 'A'], NO);
        assert_int_equal(g.result.answers['D' - 'A'], NO);
        assert_int_equal(g.result.answers['E' - 'A'], HOLD);
        assert_int_equal(weir_ownership_chain(&g.graph, &g.result, 0, chain, 8),
                         1);
        assert_int_equal(chain[0], 0);
        assert_int_equal(
            weir_ownership_chain(&g.graph, &g.result, 'P' - 'A', chain, 8), 0);
        assert_int_equal(weir_ownership_chain(&g.graph, &g.result, 1, chain, 8),
                         1);
        assert_int_equal(chain[0], 1);
    }
    weir_arena_fini(&g.arena);
}

TEST(parties, sums_over_all_count_as_said_and_bound_nobody)
{
    static const struct worked sums[] = {
        {"X-A 30%, C-A 80%", "A", NO, NO, NO},
        {"X-A 60%, C-A 80%", "A", YES, YES, YES},
        /* 80 % leaves 20 %, were it true beside 45 % of another */
        {"X-A 10%-60%, C-A 80%, D-A 45%", "A", HOLD, HOLD, HOLD},
        {"X-A 10%-60%, C-A 80%", "A", NO, NO, NO},
        {"X-A 100%, Y-A 100%, A-B 50%", "B", YES, NO, YES},
        {"X-A 80%, X-B 80%, A-C 90%, B-C 90%", "C", YES, YES, YES},
        {"", NULL, NO, NO, NO},
    };
    for (size_t i = 0; sums[i].asked != NULL; i++) {
        const struct worked *w = &sums[i];
        struct graph g;
        read_graph(&g, w->holdings);
        assert_int_equal(
            ask(&g, WEIR_OWNERSHIP_CASCADE, 500000, false, w->asked[0]),
            w->cascade);
        assert_int_equal(
            ask(&g, WEIR_OWNERSHIP_CASCADE, 500000, true, w->asked[0]),
            w->strict);
        assert_int_equal(
            ask(&g, WEIR_OWNERSHIP_MULTIPLY, 500000, false, w->asked[0]),
            w->multiply);
        assert_true(g.result.held[w->asked[0] - 'A'].high <= WEIR_SHARE_ALL);
        weir_arena_fini(&g.arena);
    }
}

TEST(parties, rings_bands_and_own_shares_have_their_answers)
{
    for (size_t i = 0; further[i].asked != NULL; i++) {
        const struct worked *w = &further[i];
        struct graph g;
        read_graph(&g, w->holdings);
        assert_int_equal(
            ask(&g, WEIR_OWNERSHIP_CASCADE, 500000, false, w->asked[0]),
            w->cascade);
        assert_int_equal(
            ask(&g, WEIR_OWNERSHIP_CASCADE, 500000, true, w->asked[0]),
            w->strict);
        assert_int_equal(
            ask(&g, WEIR_OWNERSHIP_MULTIPLY, 500000, false, w->asked[0]),
            w->multiply);
        weir_arena_fini(&g.arena);
    }
}

TEST(parties, what_is_held_is_reported_as_counted)
{
    struct graph g;
    read_graph(&g, "X-A 60%, A-B 60%, X-C 25%-50%, C-D 10%");
    ask(&g, WEIR_OWNERSHIP_CASCADE, 500000, false, 'B');
    assert_int_equal(g.result.held[1].low, 600000);
    assert_int_equal(g.result.held[1].high, 600000);
    assert_int_equal(g.result.held[2].low, 250000);
    assert_int_equal(g.result.held[2].high, 500000);
    assert_int_equal(g.result.held[3].low, 0);
    assert_int_equal(g.result.held[3].high, 100000);
    ask(&g, WEIR_OWNERSHIP_MULTIPLY, 500000, false, 'B');
    assert_int_equal(g.result.held[1].low, 360000);
    assert_int_equal(g.result.held[1].high, 360000);
    assert_int_equal(g.result.held[3].low, 25000);
    assert_int_equal(g.result.held[3].high, 50000);
    weir_arena_fini(&g.arena);
}

TEST(parties, undisclosed_owners_are_doubted_where_the_rule_says_so)
{
    uint8_t seeds[LETTERS] = {0};
    struct graph g;
    read_graph(&g, "C-A 40%, C-B 60%, A-D 100%, B-E 100%");
    for (int method = 0; method < 2; method++) {
        struct weir_ownership_rule rule = {
            .method =
                method == 0 ? WEIR_OWNERSHIP_CASCADE : WEIR_OWNERSHIP_MULTIPLY,
            .threshold = 500000,
            .seeds = seeds,
            .doubts_undisclosed = true};
        /* C itself has no listed owner; let it be known for certain. */
        assert_ok(
            weir_ownership_run(&g.graph, &rule, &g.arena, &g.result, NULL));
        assert_int_equal(g.result.answers['A' - 'A'], HOLD);
        assert_int_equal(g.result.answers['D' - 'A'], HOLD);
        rule.doubts_undisclosed = false;
        assert_ok(
            weir_ownership_run(&g.graph, &rule, &g.arena, &g.result, NULL));
        for (int i = 0; i < LETTERS; i++)
            assert_int_equal(g.result.answers[i], NO);
    }
    weir_arena_fini(&g.arena);
}

TEST(parties, the_deciding_chain_leads_to_a_seed_also_in_rings)
{
    struct graph g;
    uint32_t chain[8];
    read_graph(&g, "X-A 55%, B-A 45%, A-B 100%, B-C 51%, Y-C 9%");
    for (int method = 0; method < 2; method++) {
        ask(&g, (enum weir_ownership_method)method, 500000, false, 'C');
        size_t len = weir_ownership_chain(&g.graph, &g.result, 2, chain, 8);
        assert_int_equal(len, 3);
        assert_int_equal(chain[0], 3);
        assert_int_equal(chain[1], 2);
        assert_int_equal(chain[2], 0);
        assert_int_equal(
            weir_ownership_chain(&g.graph, &g.result, 'X' - 'A', chain, 8), 0);
        assert_int_equal(
            weir_ownership_chain(&g.graph, &g.result, 'Q' - 'A', chain, 8), 0);
    }
    weir_arena_fini(&g.arena);
}

static struct weir_ownership_result
run_large(const struct weir_holding *holdings, uint32_t holding_count,
          uint32_t count, enum weir_ownership_method method,
          const uint8_t *seeds, struct weir_arena *arena,
          struct weir_ownership_graph *graph)
{
    struct weir_ownership_result result;
    struct weir_ownership_rule rule = {.method = method,
                                       .threshold = 500000,
                                       .is_strict = true,
                                       .seeds = seeds};
    assert_ok(weir_ownership_graph_init(graph, arena, count, holdings,
                                        holding_count, NULL));
    assert_ok(weir_ownership_run(graph, &rule, arena, &result, NULL));
    return result;
}

TEST(parties, a_chain_of_a_thousand_is_followed_to_its_end)
{
    enum { N = 1001 };
    static struct weir_holding holdings[N];
    static uint32_t chain[N];
    uint8_t seeds[N] = {0};
    seeds[N - 1] = 1; /* the seed comes last: order must not matter */
    for (uint32_t i = 0; i + 1 < N; i++)
        holdings[i] = (struct weir_holding){i + 1, i, {999999, 999999}};
    for (int method = 0; method < 2; method++) {
        struct weir_arena arena;
        struct weir_ownership_graph graph;
        weir_arena_init_heap(&arena, 1 << 24);
        struct weir_ownership_result result =
            run_large(holdings, N - 1, N, (enum weir_ownership_method)method,
                      seeds, &arena, &graph);
        assert_int_equal(result.answers[0], YES);
        assert_int_equal(weir_ownership_chain(&graph, &result, 0, chain, N),
                         N - 1);
        /* .999999^1000 = .99900049... */
        if (method == WEIR_OWNERSHIP_MULTIPLY) {
            assert_int_equal(result.held[0].low, 999000);
            assert_int_equal(result.held[0].high, 999001);
        }
        weir_arena_fini(&arena);
    }
}

static uint64_t seed_state = 88172645463325252u;

static uint32_t
draw(uint32_t below)
{
    seed_state ^= seed_state << 13;
    seed_state ^= seed_state >> 7;
    seed_state ^= seed_state << 17;
    return (uint32_t)((seed_state >> 20) % below);
}

/* The definition, run naively, beside the queue: small random graphs with
 * rings and bands. */
static enum weir_ownership_answer
naive_cascade(const struct weir_holding *h, uint32_t holdings,
              const uint8_t *seeds, uint32_t count, uint32_t row)
{
    bool certain[16];
    bool possible[16];
    for (uint32_t i = 0; i < count; i++)
        certain[i] = possible[i] = seeds[i] != 0;
    for (uint32_t round = 0; round < 2 * count; round++) {
        for (uint32_t e = 0; e < count; e++) {
            uint64_t low = 0;
            uint64_t high = 0;
            uint64_t others = 0;
            for (uint32_t i = 0; i < holdings; i++) {
                if (h[i].owned != e)
                    continue;
                low += certain[h[i].owner] ? h[i].share.low : 0;
                if (possible[h[i].owner])
                    high += h[i].share.high;
                else
                    others += h[i].share.low;
            }
            uint64_t free = others > 1000000 ? 0 : 1000000 - others;
            certain[e] = certain[e] || low > 500000;
            possible[e] = possible[e] || (high < free ? high : free) > 500000;
        }
    }
    return certain[row] ? YES : possible[row] ? HOLD : NO;
}

TEST(parties, the_queue_agrees_with_the_definition_on_random_graphs)
{
    enum { N = 9, E = 18 };
    int seen[3] = {0};
    for (int round = 0; round < 3000; round++) {
        struct weir_holding holdings[E];
        uint32_t free[N];
        uint8_t seeds[N] = {0};
        uint32_t used = 0;
        for (uint32_t i = 0; i < N; i++)
            free[i] = 1000000;
        seeds[draw(N)] = 1;
        for (uint32_t i = 0; i < E; i++) {
            uint32_t owned = draw(N);
            uint32_t low = draw(8) * 100000;
            if (low > free[owned])
                continue;
            free[owned] -= low;
            uint32_t high = low + draw(3) * 200000;
            holdings[used++] = (struct weir_holding){
                draw(N), owned, {low, high > 1000000 ? 1000000 : high}};
        }
        struct weir_arena arena;
        struct weir_ownership_graph graph;
        weir_arena_init_heap(&arena, 1 << 20);
        struct weir_ownership_result result = run_large(
            holdings, used, N, WEIR_OWNERSHIP_CASCADE, seeds, &arena, &graph);
        for (uint32_t i = 0; i < N; i++) {
            uint32_t chain[N + 1];
            enum weir_ownership_answer expected =
                naive_cascade(holdings, used, seeds, N, i);
            assert_int_equal(result.answers[i], expected);
            seen[expected]++;
            size_t len = weir_ownership_chain(&graph, &result, i, chain, N + 1);
            assert_true(len <= N);
            if (expected != NO && !seeds[i]) {
                assert_true(len > 0);
                assert_int_equal(seeds[holdings[chain[len - 1]].owner], 1);
            }
        }
        weir_arena_fini(&arena);
    }
    assert_true(seen[NO] > 1000 && seen[YES] > 1000 && seen[HOLD] > 500);
}

/* Random graphs, sums beyond 100 % and doubtful seeds included; one more
 * owner. What was restricted stays so; and with exact shares, what was
 * unknown does not become free. */
TEST(parties, one_more_owner_never_removes_a_restriction_of_a_cascade)
{
    enum { N = 12, E = 26 };
    int kept = 0;
    int added = 0;
    for (int round = 0; round < 4000; round++) {
        struct weir_holding holdings[E];
        uint8_t seeds[N] = {0};
        uint8_t before[N];
        bool is_exact = round % 2 == 0;
        seeds[draw(N)] = WEIR_SEED_YES;
        seeds[draw(N)] = WEIR_SEED_MAYBE;
        for (uint32_t i = 0; i < E; i++) {
            uint32_t low = draw(21) * 50000;
            uint32_t high = is_exact ? low : low + draw(1000001 - low);
            holdings[i] = (struct weir_holding){draw(N), draw(N), {low, high}};
        }
        for (uint32_t used = E / 2; used <= E; used++) {
            struct weir_arena arena;
            struct weir_ownership_graph graph;
            weir_arena_init_heap(&arena, 1 << 20);
            struct weir_ownership_result result =
                run_large(holdings, used, N, WEIR_OWNERSHIP_CASCADE, seeds,
                          &arena, &graph);
            for (uint32_t i = 0; i < N && used > E / 2; i++) {
                if (before[i] == YES)
                    assert_int_equal(result.answers[i], YES);
                else if (before[i] == HOLD && is_exact)
                    assert_int_not_equal(result.answers[i], NO);
                kept += before[i] == YES;
                added += before[i] != YES && result.answers[i] == YES;
            }
            memcpy(before, result.answers, N);
            weir_arena_fini(&arena);
        }
    }
    assert_true(kept > 10000 && added > 500);
}

/* Exact shares: the answer of multiplying is the least solution of a
 * linear system; iterate it in floating point, far from the threshold. */
TEST(parties, multiplying_agrees_with_the_linear_system)
{
    enum { N = 9, E = 18 };
    int compared = 0;
    for (int round = 0; round < 2000; round++) {
        struct weir_holding holdings[E];
        uint32_t free[N];
        uint8_t seeds[N] = {0};
        double value[N];
        uint32_t used = 0;
        for (uint32_t i = 0; i < N; i++)
            free[i] = 990000;
        seeds[draw(N)] = 1;
        for (uint32_t i = 0; i < E; i++) {
            uint32_t owned = draw(N);
            uint32_t share = draw(9) * 100000;
            if (share > free[owned])
                continue;
            free[owned] -= share;
            holdings[used++] =
                (struct weir_holding){draw(N), owned, {share, share}};
        }
        for (uint32_t i = 0; i < N; i++)
            value[i] = seeds[i];
        for (int pass = 0; pass < 2000; pass++) {
            double next[N] = {0};
            for (uint32_t i = 0; i < used; i++)
                next[holdings[i].owned] +=
                    holdings[i].share.low / 1e6 * value[holdings[i].owner];
            for (uint32_t i = 0; i < N; i++)
                value[i] = seeds[i] ? 1 : next[i];
        }
        struct weir_arena arena;
        struct weir_ownership_graph graph;
        weir_arena_init_heap(&arena, 1 << 20);
        struct weir_ownership_result result = run_large(
            holdings, used, N, WEIR_OWNERSHIP_MULTIPLY, seeds, &arena, &graph);
        for (uint32_t i = 0; i < N; i++) {
            assert_true(result.held[i].low <= value[i] * 1e6 + 1);
            assert_true(result.held[i].high >= value[i] * 1e6 - 1);
            if (value[i] > 0.499 && value[i] < 0.501)
                continue;
            assert_int_equal(result.answers[i], value[i] > 0.5 ? YES : NO);
            compared++;
        }
        weir_arena_fini(&arena);
    }
    assert_true(compared > 15000);
}

TEST(parties, rows_out_of_range_and_senseless_thresholds_are_refused)
{
    struct weir_arena arena;
    struct weir_ownership_graph graph;
    struct weir_ownership_result result;
    uint8_t seeds[2] = {0};
    weir_arena_init_heap(&arena, 1 << 20);
    static const struct weir_holding bad[] = {
        {2, 0, {0, 1}}, {0, 2, {0, 1}}, {0, 1, {2, 1}}, {0, 1, {0, 1000001}}};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        assert_int_equal(
            weir_ownership_graph_init(&graph, &arena, 2, &bad[i], 1, NULL),
            WEIR_EPARSE);
    assert_ok(weir_ownership_graph_init(&graph, &arena, 2, NULL, 0, NULL));
    struct weir_ownership_rule rule = {.threshold = 0, .seeds = seeds};
    assert_int_equal(weir_ownership_run(&graph, &rule, &arena, &result, NULL),
                     WEIR_EPARSE);
    rule.threshold = 1000001;
    assert_int_equal(weir_ownership_run(&graph, &rule, &arena, &result, NULL),
                     WEIR_EPARSE);
    weir_arena_fini(&arena);
}

TEST(parties, a_full_arena_is_an_error_and_not_a_crash)
{
    char memory[600];
    for (size_t size = 0; size < sizeof(memory); size += 8) {
        struct weir_arena arena;
        struct weir_ownership_graph graph;
        struct weir_ownership_result result;
        uint8_t seeds[4] = {1};
        static const struct weir_holding holding = {0, 1, {600000, 600000}};
        weir_arena_init(&arena, memory, size);
        weir_status status =
            weir_ownership_graph_init(&graph, &arena, 4, &holding, 1, NULL);
        struct weir_ownership_rule rule = {
            .method = size % 16 == 0 ? WEIR_OWNERSHIP_CASCADE
                                     : WEIR_OWNERSHIP_MULTIPLY,
            .threshold = 500000,
            .seeds = seeds};
        if (status == WEIR_OK)
            status = weir_ownership_run(&graph, &rule, &arena, &result, NULL);
        assert_true(status == WEIR_ETOOBIG ||
                    (status == WEIR_OK && result.answers[1] == YES));
    }
}

/* Three owners each, taken at random: one component holds most of it. The
 * time that a million take is measured by bench/bench_ownership.c. */
TEST(parties, a_random_crowd_settles_by_both_methods)
{
    enum { N = 60000, E = 3 * N };
    struct weir_holding *holdings = malloc(sizeof(*holdings) * E);
    uint8_t *seeds = calloc(N, 1);
    uint32_t yes[2] = {0, 0};
    for (uint32_t i = 0; i < E; i++) {
        uint32_t share = 100000 + draw(200000);
        holdings[i] = (struct weir_holding){
            draw(N), i / 3, {share, share + (draw(10) == 0 ? 50000 : 0)}};
    }
    for (uint32_t i = 0; i < N / 10; i++)
        seeds[draw(N)] = 1;
    for (int method = 0; method < 2; method++) {
        struct weir_arena arena;
        struct weir_ownership_graph graph;
        weir_arena_init_heap(&arena, (size_t)1 << 28);
        struct weir_ownership_result result =
            run_large(holdings, E, N, (enum weir_ownership_method)method, seeds,
                      &arena, &graph);
        for (uint32_t i = 0; i < N; i++)
            yes[method] += result.answers[i] == YES;
        weir_arena_fini(&arena);
    }
    /* Seeds are some ten percent; the rest is not all restricted. */
    for (int method = 0; method < 2; method++)
        assert_in_range(yes[method], N / 20, N - 1);
    free(holdings);
    free(seeds);
}
