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
expect_same(const struct weir_ownership_live *live,
            const struct weir_holding *holdings, uint32_t count,
            const struct weir_ownership_rule *rule, int *seen)
{
    struct weir_arena arena;
    struct weir_ownership_graph graph;
    struct weir_ownership_result result;
    weir_arena_init_heap(&arena, 1 << 20);
    assert_ok(
        weir_ownership_graph_init(&graph, &arena, ROWS, holdings, count, NULL));
    assert_ok(weir_ownership_run(&graph, rule, &arena, &result, NULL));
    for (uint32_t row = 0; row < ROWS; row++) {
        assert_int_equal(weir_ownership_live_answer(live, row),
                         result.answers[row]);
        seen[result.answers[row]]++;
    }
    weir_arena_fini(&arena);
}

/* Rings, bands, doubtful seeds, sums over 100 %, undisclosed owners; shares
 * rise, fall and vanish. */
TEST(live, holding_by_holding_equals_the_whole_run)
{
    int seen[3] = {0};
    for (int round = 0; round < 400; round++) {
        struct weir_arena arena;
        struct weir_ownership_graph graph;
        struct weir_ownership_live *live;
        struct weir_holding holdings[HOLDINGS];
        uint32_t count = 0;
        uint8_t seeds[ROWS] = {0};
        struct weir_ownership_rule rule = {.threshold = 500000,
                                           .is_strict = round % 2 == 0,
                                           .doubts_undisclosed = round % 5 == 0,
                                           .seeds = seeds};
        seeds[draw(ROWS)] = WEIR_SEED_YES;
        seeds[draw(ROWS)] = WEIR_SEED_MAYBE;
        weir_arena_init_heap(&arena, 1 << 20);
        assert_ok(
            weir_ownership_graph_init(&graph, &arena, ROWS, NULL, 0, NULL));
        assert_ok(weir_ownership_live_new(&graph, &rule, HOLDINGS, &arena,
                                          &live, NULL));
        for (int step = 0; step < 80; step++) {
            uint32_t owner = draw(ROWS);
            uint32_t owned = draw(ROWS);
            uint32_t low = draw(4) == 0 ? 0 : draw(13) * 50000;
            weir_share share = {low, low};
            if (draw(4) == 0)
                share.high = low + draw(1000001 - low);
            uint32_t at = find(holdings, count, owner, owned);
            if (at == count && (count == HOLDINGS || share.high == 0))
                continue;
            holdings[at] = (struct weir_holding){owner, owned, share};
            count += at == count;
            assert_ok(weir_ownership_live_set(live, owner, owned, share, NULL));
            expect_same(live, holdings, count, &rule, seen);
        }
        weir_arena_fini(&arena);
    }
    assert_true(seen[WEIR_ANSWER_NO] > 1000 && seen[WEIR_ANSWER_YES] > 1000 &&
                seen[WEIR_ANSWER_UNKNOWN] > 1000);
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
