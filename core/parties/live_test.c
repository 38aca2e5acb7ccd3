/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include <weir/parties.h>

static uint64_t state = 2463534242u;

static uint32_t
draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 20) % below);
}

#define ROWS     14u
#define HOLDINGS 40u

/* Every pair once, so that a list and the live graph mean the same. */
static uint32_t
find(const struct weir_holding *holdings, uint32_t count, uint32_t owner,
     uint32_t owned)
{
    uint32_t i = 0;
    while (i < count &&
           (holdings[i].owner != owner || holdings[i].owned != owned))
        i++;
    return i;
}

static void
expect_same(const struct weir_ownership_live *live, uint32_t rows,
            const struct weir_holding *holdings, uint32_t count,
            const struct weir_ownership_rule *rule, int *seen)
{
    struct weir_arena arena;
    struct weir_ownership_graph graph;
    struct weir_ownership_result result;
    weir_arena_init_heap(&arena, 1 << 24);
    assert_ok(
        weir_ownership_graph_init(&graph, &arena, rows, holdings, count, NULL));
    assert_ok(weir_ownership_run(&graph, rule, &arena, &result, NULL));
    for (uint32_t row = 0; row < rows; row++) {
        assert_int_equal(weir_ownership_live_answer(live, row),
                         result.answers[row]);
        seen[result.answers[row]]++;
    }
    assert_int_equal(weir_ownership_live_pending(live), 0);
    weir_arena_fini(&arena);
}

/* A share: nothing, multiples of 5 %, or of a millionth; a fourth of them
 * bands. */
static weir_share
draw_share(void)
{
    uint32_t low = draw(4) == 0 ? 0 : draw(13) * 50000;
    if (draw(5) == 0)
        low = draw(400000);
    weir_share share = {low, low};
    if (draw(4) == 0)
        share.high = low + draw(1000001 - low);
    if (draw(12) == 0)
        share.low = share.high = WEIR_SHARE_ALL;
    return share;
}

struct walk {
    uint32_t rows;
    uint32_t holdings_max;
    uint32_t steps;
    uint8_t seeds[400];
    struct weir_holding holdings[1200];
    uint32_t count;
};

/* One random change, told to `live` and noted in the list. */
static bool
step_once(struct walk *w, struct weir_ownership_live *live)
{
    uint32_t owner = draw(w->rows);
    uint32_t owned = draw(w->rows);
    if (draw(8) == 0) {
        w->seeds[owner] = (uint8_t)draw(3);
        assert_ok(weir_ownership_live_seed(
            live, owner, (enum weir_ownership_seed)w->seeds[owner], NULL));
        return true;
    }
    if (w->count > 0 && draw(3) == 0) { /* one that is there */
        uint32_t at = draw(w->count);
        owner = w->holdings[at].owner;
        owned = w->holdings[at].owned;
    }
    weir_share share = draw_share();
    uint32_t at = find(w->holdings, w->count, owner, owned);
    if (at == w->count && (w->count == w->holdings_max || share.high == 0))
        return false;
    w->holdings[at] = (struct weir_holding){owner, owned, share};
    w->count += at == w->count;
    assert_ok(weir_ownership_live_set(live, owner, owned, share, NULL));
    return true;
}

/* Every row whose answer moved is told, and nobody else. */
static void
expect_told(const struct weir_ownership_live *live, uint32_t rows,
            uint8_t *before)
{
    uint32_t count = 0;
    const uint32_t *changed = weir_ownership_live_changed(live, &count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t now = (uint8_t)weir_ownership_live_answer(live, changed[i]);
        assert_true(before[changed[i]] != now);
        before[changed[i]] = now;
    }
    for (uint32_t row = 0; row < rows; row++)
        assert_int_equal(before[row], weir_ownership_live_answer(live, row));
}

static void
walk(struct walk *w, const struct weir_ownership_rule *rule, int *seen)
{
    struct weir_arena arena;
    struct weir_ownership_graph graph;
    struct weir_ownership_live *live;
    uint8_t before[WEIR_COUNTOF(w->seeds)];
    weir_arena_init_heap(&arena, 1 << 24);
    assert_ok(weir_ownership_graph_init(&graph, &arena, w->rows, w->holdings,
                                        w->count, NULL));
    assert_ok(weir_ownership_live_new(&graph, rule, w->holdings_max, &arena,
                                      &live, NULL));
    expect_same(live, w->rows, w->holdings, w->count, rule, seen);
    for (uint32_t row = 0; row < w->rows; row++)
        before[row] = (uint8_t)weir_ownership_live_answer(live, row);
    for (uint32_t step = 0; step < w->steps; step++) {
        if (!step_once(w, live))
            continue;
        expect_told(live, w->rows, before);
        expect_same(live, w->rows, w->holdings, w->count, rule, seen);
    }
    weir_arena_fini(&arena);
}

static void
walk_rounds(enum weir_ownership_method method, struct walk *w, int rounds,
            uint32_t first_holdings)
{
    int seen[3] = {0};
    for (int round = 0; round < rounds; round++) {
        static const uint32_t thresholds[] = {500000, 250000, 1, 1000000,
                                              300000};
        struct weir_ownership_rule rule = {
            .method = method,
            .threshold = thresholds[draw(WEIR_COUNTOF(thresholds))],
            .is_strict = round % 2 == 0,
            .doubts_undisclosed = round % 5 == 0,
            .seeds = w->seeds};
        memset(w->seeds, 0, sizeof w->seeds);
        w->count = 0;
        w->seeds[draw(w->rows)] = WEIR_SEED_YES;
        w->seeds[draw(w->rows)] = WEIR_SEED_MAYBE;
        while (w->count < first_holdings) {
            uint32_t owner = draw(w->rows);
            uint32_t owned = draw(w->rows);
            if (find(w->holdings, w->count, owner, owned) == w->count)
                w->holdings[w->count++] =
                    (struct weir_holding){owner, owned, draw_share()};
        }
        walk(w, &rule, seen);
    }
    assert_true(seen[WEIR_ANSWER_NO] > 300 && seen[WEIR_ANSWER_YES] > 300 &&
                seen[WEIR_ANSWER_UNKNOWN] > 300);
}

/* Rings, bands, doubtful seeds, sums over 100 %, undisclosed owners; shares
 * rise, fall and vanish, seeds come and go. */
TEST(live, change_by_change_a_cascade_equals_the_whole_run)
{
    struct walk w = {.rows = ROWS, .holdings_max = HOLDINGS, .steps = 80};
    walk_rounds(WEIR_OWNERSHIP_CASCADE, &w, 200, 0);
}

TEST(live, change_by_change_a_product_equals_the_whole_run)
{
    struct walk w = {.rows = ROWS, .holdings_max = HOLDINGS, .steps = 80};
    walk_rounds(WEIR_OWNERSHIP_MULTIPLY, &w, 150, 0);
    w.rows = 5;
    w.holdings_max = 12;
    walk_rounds(WEIR_OWNERSHIP_MULTIPLY, &w, 150, 0);
}

TEST(live, change_by_change_larger_crowds_equal_the_whole_run)
{
    struct walk w = {.rows = 400, .holdings_max = 1200, .steps = 40};
    walk_rounds(WEIR_OWNERSHIP_CASCADE, &w, 4, 900);
    walk_rounds(WEIR_OWNERSHIP_MULTIPLY, &w, 6, 900);
}

TEST(live, a_ring_falls_when_what_held_it_up_goes)
{
    static const struct weir_holding ring[] = {{0, 1, {600000, 600000}},
                                               {1, 2, {1000000, 1000000}},
                                               {2, 1, {400000, 400000}},
                                               {2, 3, {1000000, 1000000}}};
    uint8_t seeds[4] = {WEIR_SEED_YES, 0, 0, 0};
    struct weir_ownership_rule rule = {.threshold = 400000, .seeds = seeds};
    struct weir_arena arena;
    struct weir_ownership_graph graph;
    struct weir_ownership_live *live;
    weir_arena_init_heap(&arena, 1 << 20);
    assert_ok(weir_ownership_graph_init(&graph, &arena, 4, ring, 4, NULL));
    assert_ok(weir_ownership_live_new(&graph, &rule, 1, &arena, &live, NULL));
    for (uint32_t row = 0; row < 4; row++)
        assert_int_equal(weir_ownership_live_answer(live, row),
                         WEIR_ANSWER_YES);
    assert_ok(weir_ownership_live_set(live, 0, 1, (weir_share){0, 0}, NULL));
    for (uint32_t row = 1; row < 4; row++)
        assert_int_equal(weir_ownership_live_answer(live, row), WEIR_ANSWER_NO);
    assert_ok(weir_ownership_live_set(live, 0, 3, (weir_share){300000, 600000},
                                      NULL));
    assert_int_equal(weir_ownership_live_answer(live, 3), WEIR_ANSWER_UNKNOWN);
    assert_int_equal(
        weir_ownership_live_set(live, 0, 2, (weir_share){1, 1}, NULL),
        WEIR_ETOOBIG);
    assert_int_equal(
        weir_ownership_live_set(live, 0, 4, (weir_share){1, 1}, NULL),
        WEIR_EPARSE);
    weir_arena_fini(&arena);
}
