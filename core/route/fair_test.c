/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/fair.h>

#include <stdlib.h>
#include <string.h>

#include "test.h"

#define DEPLOYMENT 7

static struct weir_fair *
make(void)
{
    struct weir_fair *table;
    void *memory = aligned_alloc(64, (weir_fair_size() + 63) / 64 * 64);
    assert_non_null(memory);
    assert_ok(weir_fair_format(memory, weir_fair_size(), &table, NULL));
    return table;
}

static struct weir_fair_flow
of(uint64_t tenant)
{
    return (struct weir_fair_flow){DEPLOYMENT, tenant};
}

/* Serves `count` of the waiting calls, one place at a time; how many of each
 * tenant went out. */
static void
serve(struct weir_fair *table, int waiting[], const uint32_t weights[],
      int tenants, int count, int served[])
{
    while (count-- > 0) {
        int best = -1;
        uint64_t least = WEIR_FAIR_NONE;
        for (int i = 0; i < tenants; i++) {
            struct weir_fair_flow flow = of((uint64_t)i + 1);
            uint64_t tag = weir_fair_tag(table, &flow);
            if (waiting[i] > 0 && tag < least) {
                least = tag;
                best = i;
            }
        }
        assert_true(best >= 0);
        struct weir_fair_flow flow = of((uint64_t)best + 1);
        weir_fair_enter(table, &flow, weights[best], 0);
        weir_fair_leave(table, &flow, 0);
        waiting[best]--;
        served[best]++;
    }
}

TEST(fair, a_flood_of_one_tenant_waits_for_itself)
{
    static const uint32_t weights[] = {1, 1, 1};
    struct weir_fair *table = make();
    int waiting[] = {1000, 10, 10};
    int served[3] = {0};
    serve(table, waiting, weights, 3, 30, served);
    assert_int_equal(served[1], 10);
    assert_int_equal(served[2], 10);
    assert_int_equal(served[0], 10);
    free(table);
}

TEST(fair, places_go_by_weight)
{
    static const uint32_t weights[] = {1, 3};
    struct weir_fair *table = make();
    int waiting[] = {1000, 1000};
    int served[2] = {0};
    serve(table, waiting, weights, 2, 400, served);
    assert_true(served[1] >= 299 && served[1] <= 301);
    free(table);
}

TEST(fair, who_was_away_has_saved_nothing_up)
{
    static const uint32_t weights[] = {1, 1};
    struct weir_fair *table = make();
    int waiting[] = {500, 0};
    int served[2] = {0};
    serve(table, waiting, weights, 2, 400, served);
    waiting[1] = 500;
    served[0] = 0;
    serve(table, waiting, weights, 2, 100, served);
    assert_true(served[0] >= 49 && served[1] <= 51);
    free(table);
}

TEST(fair, a_queue_has_an_end_over_all_lanes)
{
    struct weir_fair *table = make();
    struct weir_fair_flow one = of(1), two = of(2), three = of(3);
    assert_true(weir_fair_arrive(table, &one, 0, 2));
    assert_true(weir_fair_arrive(table, &two, 1, 2));
    assert_false(weir_fair_arrive(table, &three, 2, 2));
    assert_int_equal(weir_fair_waiting(table, DEPLOYMENT), 2);
    weir_fair_depart(table, &two, 1);
    assert_true(weir_fair_arrive(table, &three, 2, 2));
    weir_fair_depart(table, &two, 1); /* nobody there: nothing */
    assert_int_equal(weir_fair_waiting(table, DEPLOYMENT), 2);
    free(table);
}

TEST(fair, a_queue_is_never_full_of_one_tenant)
{
    struct weir_fair *table = make();
    int waiting[3] = {0};
    for (int round = 0; round < 100; round++) {
        for (uint64_t tenant = 1; tenant <= 2; tenant++) {
            struct weir_fair_flow flow = of(tenant);
            waiting[tenant] += weir_fair_arrive(table, &flow, 0, 99);
        }
    }
    assert_int_equal(waiting[1], 33);
    assert_int_equal(waiting[2], 33);
    struct weir_fair_flow quiet = of(3);
    assert_true(weir_fair_arrive(table, &quiet, 0, 99));
    free(table);
}

TEST(fair, the_smallest_offer_of_all_lanes_is_next)
{
    struct weir_fair *table = make();
    struct weir_fair_flow one = of(1), two = of(2);
    assert_true(weir_fair_arrive(table, &one, 0, 9));
    assert_true(weir_fair_arrive(table, &two, 1, 9));
    weir_fair_offer(table, DEPLOYMENT, 0, 50);
    weir_fair_offer(table, DEPLOYMENT, 1, 40);
    assert_false(weir_fair_is_turn(table, DEPLOYMENT, 0, 50));
    assert_true(weir_fair_is_turn(table, DEPLOYMENT, 1, 40));
    weir_fair_offer(table, DEPLOYMENT, 1, WEIR_FAIR_NONE);
    assert_true(weir_fair_is_turn(table, DEPLOYMENT, 0, 50));
    /* a dead worker's offer binds nobody */
    weir_fair_offer(table, DEPLOYMENT, 1, 40);
    weir_fair_clear_lane(table, 1);
    assert_true(weir_fair_is_turn(table, DEPLOYMENT, 0, 50));
    assert_int_equal(weir_fair_waiting(table, DEPLOYMENT), 1);
    free(table);
}

TEST(fair, places_are_counted_by_tenant_and_forgotten_with_a_lane)
{
    struct weir_fair *table = make();
    struct weir_fair_flow one = of(1), two = of(2);
    weir_fair_enter(table, &one, 1, 0);
    weir_fair_enter(table, &one, 1, 1);
    weir_fair_enter(table, &two, 1, 1);
    assert_int_equal(weir_fair_in_flight(table, &one), 2);
    weir_fair_leave(table, &one, 0);
    assert_int_equal(weir_fair_in_flight(table, &one), 1);
    weir_fair_clear_lane(table, 1);
    assert_int_equal(weir_fair_in_flight(table, &one), 0);
    assert_int_equal(weir_fair_in_flight(table, &two), 0);
    free(table);
}

TEST(fair, flows_make_room_for_others_when_nobody_is_in_them)
{
    struct weir_fair *table = make();
    for (uint64_t tenant = 1; tenant < 60000; tenant++) {
        struct weir_fair_flow flow = of(tenant);
        weir_fair_enter(table, &flow, 1, 0);
        assert_int_equal(weir_fair_in_flight(table, &flow), 1);
        weir_fair_leave(table, &flow, 0);
    }
    free(table);
}

TEST(fair, calls_are_shed_while_memory_is_full)
{
    struct weir_fair *table = make();
    struct weir_fair_memory memory;
    weir_fair_use_memory(table, 0, 700);
    assert_false(weir_fair_sheds(table)); /* no bound */
    weir_fair_set_memory(table, 1000);
    assert_false(weir_fair_sheds(table));
    weir_fair_use_memory(table, 5, 300);
    assert_true(weir_fair_sheds(table));
    weir_fair_memory_get(table, &memory);
    assert_int_equal(memory.bytes, 1000);
    assert_int_equal(memory.shed, 1);
    weir_fair_clear_lane(table, 5);
    assert_false(weir_fair_sheds(table));
    free(table);
}

TEST(fair, another_table_is_refused)
{
    struct weir_fair *table = make();
    struct weir_fair *other;
    assert_ok(weir_fair_attach(table, weir_fair_size(), &other, NULL));
    assert_int_equal(
        weir_fair_attach(table, weir_fair_size() - 1, &other, NULL),
        WEIR_EVERSION);
    memset(table, 0, 8);
    assert_int_equal(weir_fair_attach(table, weir_fair_size(), &other, NULL),
                     WEIR_ECORRUPT);
    free(table);
}
