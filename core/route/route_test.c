/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <string.h>

#include <weir/route.h>

#define MS WEIR_US_PER_MS

static const uint32_t weights[4] = {70, 20, 10, 900};

static struct weir_route_plan
plan_of(uint32_t count, uint32_t allowed)
{
    struct weir_route_plan plan;
    weir_route_plan_init(&plan, count, NULL, allowed, 7, 0, 10000, 0);
    return plan;
}

static const struct weir_attempt_result refused = {.end = WEIR_ATTEMPT_REFUSED,
                                                   .retry_after_ms = -1};

static struct weir_attempt_result
replied(uint16_t status, int64_t retry_after_ms)
{
    return (struct weir_attempt_result){.end = WEIR_ATTEMPT_REPLIED,
                                        .status = status,
                                        .retry_after_ms = retry_after_ms};
}

static void
assert_tries(struct weir_route_step step, uint32_t candidate,
             enum weir_route_reason reason)
{
    assert_int_equal(step.action, WEIR_ROUTE_TRY);
    assert_int_equal(step.candidate, candidate);
    assert_int_equal(step.reason, reason);
}

static void
assert_gives_up(struct weir_route_step step, enum weir_route_reason reason)
{
    assert_int_equal(step.action, WEIR_ROUTE_GIVE_UP);
    assert_string_equal(weir_route_reason_name(step.reason),
                        weir_route_reason_name(reason));
}

TEST(route, declared_order_is_walked_over_allowed_candidates_only)
{
    struct weir_route_plan plan = plan_of(4, 0xB); /* not 2 */
    assert_int_equal(plan.count, 3);
    assert_tries(weir_route_first(&plan, 0, 0), 0, WEIR_ROUTE_FIRST);
    assert_tries(weir_route_next(&plan, &refused, 0, 1), 1, WEIR_ROUTE_NEXT);
    assert_tries(weir_route_next(&plan, &refused, 0, 2), 3, WEIR_ROUTE_NEXT);
}

TEST(route, candidate_that_policy_refused_is_never_tried)
{
    struct weir_attempt_result results[] = {
        refused,
        replied(429, 0),
        replied(503, -1),
        replied(500, 1),
        {.end = WEIR_ATTEMPT_SLOW_HEAD, .retry_after_ms = -1}};
    for (uint32_t allowed = 0; allowed < 16; allowed++) {
        for (uint64_t seed = 0; seed < 200; seed++) {
            struct weir_route_plan plan;
            weir_route_plan_init(&plan, 4, seed % 2 ? weights : NULL, allowed,
                                 seed, 0, 0, 0);
            weir_time now = 0;
            struct weir_route_step step = weir_route_first(&plan, 0, now);
            uint32_t attempts = 0;
            while (step.action == WEIR_ROUTE_TRY) {
                assert_true(allowed >> step.candidate & 1u);
                attempts++;
                now += step.wait_us + 1;
                step = weir_route_next(&plan, &results[(seed + attempts) % 5],
                                       0, now);
            }
            assert_true(attempts <= WEIR_ATTEMPTS_MAX);
            assert_true(allowed == 0 || attempts > 0);
        }
    }
}

TEST(route, sorting_puts_the_smallest_first_and_keeps_equals_in_order)
{
    static const uint64_t values[WEIR_CANDIDATES_MAX] = {7, 3, 0, 3, 7, 1};
    struct weir_route_plan plan = plan_of(6, 0x3B); /* not 2, the smallest */
    weir_route_plan_sort(&plan, values);
    static const uint8_t wanted[] = {5, 1, 3, 0, 4};
    assert_int_equal(plan.count, 5);
    assert_memory_equal(plan.order, wanted, sizeof(wanted));
}

TEST(route, nothing_allowed_gives_up_at_once)
{
    struct weir_route_plan plan = plan_of(4, 0);
    assert_gives_up(weir_route_first(&plan, 0, 0), WEIR_ROUTE_EXHAUSTED);
}

TEST(route, withdrawn_candidate_is_skipped_at_any_attempt)
{
    struct weir_route_plan plan = plan_of(3, 7);
    assert_tries(weir_route_first(&plan, 1, 0), 1, WEIR_ROUTE_FIRST);
    assert_tries(weir_route_next(&plan, &refused, 4, 1), 0, WEIR_ROUTE_NEXT);
    struct weir_attempt_result withdrawn = {.end = WEIR_ATTEMPT_WITHDRAWN,
                                            .retry_after_ms = -1};
    assert_gives_up(weir_route_next(&plan, &withdrawn, 7, 2),
                    WEIR_ROUTE_EXHAUSTED);
}

TEST(route, weights_are_met_within_one_percent_and_repeat_with_the_seed)
{
    uint32_t first[3] = {0};
    uint32_t second_after_0[3] = {0};
    for (uint64_t seed = 0; seed < 100000; seed++) {
        struct weir_route_plan plan;
        struct weir_route_plan twin;
        weir_route_plan_init(&plan, 3, weights, 7, seed, 0, 0, 0);
        weir_route_plan_init(&twin, 3, weights, 7, seed, 0, 0, 0);
        assert_memory_equal(plan.order, twin.order, 3);
        assert_int_equal(plan.order[0] + plan.order[1] + plan.order[2], 3);
        first[plan.order[0]]++;
        if (plan.order[0] == 0)
            second_after_0[plan.order[1]]++;
    }
    assert_in_range(first[0], 69000, 71000);
    assert_in_range(first[1], 19000, 21000);
    assert_in_range(first[2], 9000, 11000);
    /* without the first, 20:10 */
    assert_in_range(second_after_0[1] * 1000ull / first[0], 650, 683);
}

TEST(route, answer_is_final_and_failure_is_not)
{
    static const struct {
        uint16_t status;
        bool is_retryable;
    } rows[] = {{200, false}, {400, false}, {401, false}, {403, false},
                {404, false}, {408, true},  {413, false}, {422, false},
                {425, true},  {429, true},  {500, true},  {501, false},
                {502, true},  {503, true},  {504, true},  {505, false},
                {529, true},  {599, true},  {600, false}, {0, false}};
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_route_plan plan = plan_of(2, 3);
        assert_tries(weir_route_first(&plan, 0, 0), 0, WEIR_ROUTE_FIRST);
        struct weir_attempt_result result = replied(rows[i].status, -1);
        struct weir_route_step step = weir_route_next(&plan, &result, 0, 1);
        if (rows[i].is_retryable)
            assert_tries(step, 1, WEIR_ROUTE_NEXT);
        else
            assert_gives_up(step, WEIR_ROUTE_FINAL);
    }
}

TEST(route, started_reply_is_never_repeated)
{
    struct weir_route_plan plan = plan_of(4, 15);
    struct weir_attempt_result cut = {
        .end = WEIR_ATTEMPT_BROKEN, .is_started = true, .retry_after_ms = -1};
    assert_tries(weir_route_first(&plan, 0, 0), 0, WEIR_ROUTE_FIRST);
    assert_gives_up(weir_route_next(&plan, &cut, 0, 1), WEIR_ROUTE_STARTED);
}

TEST(route, retry_after_is_honoured_to_the_millisecond)
{
    struct weir_route_plan plan = plan_of(1, 1);
    struct weir_attempt_result busy = replied(429, 1500);
    assert_tries(weir_route_first(&plan, 0, 0), 0, WEIR_ROUTE_FIRST);
    struct weir_route_step step = weir_route_next(&plan, &busy, 0, 200 * MS);
    assert_tries(step, 0, WEIR_ROUTE_AGAIN);
    assert_int_equal(step.wait_us, 1500 * MS);
}

TEST(route, origin_that_asks_for_a_long_pause_is_not_asked_again)
{
    struct weir_route_plan plan = plan_of(1, 1);
    struct weir_attempt_result busy = replied(429, WEIR_ROUTE_WAIT_MS_MAX + 1);
    assert_tries(weir_route_first(&plan, 0, 0), 0, WEIR_ROUTE_FIRST);
    assert_gives_up(weir_route_next(&plan, &busy, 0, 1), WEIR_ROUTE_EXHAUSTED);
}

TEST(route, candidate_ready_soonest_is_asked_again_first)
{
    struct weir_route_plan plan = plan_of(3, 7);
    struct weir_attempt_result later = replied(429, 3000);
    struct weir_attempt_result sooner = replied(503, 1000);
    struct weir_attempt_result middle = replied(503, 2000);
    assert_tries(weir_route_first(&plan, 0, 0), 0, WEIR_ROUTE_FIRST);
    assert_tries(weir_route_next(&plan, &later, 0, 0), 1, WEIR_ROUTE_NEXT);
    assert_tries(weir_route_next(&plan, &sooner, 0, 0), 2, WEIR_ROUTE_NEXT);
    struct weir_route_step step = weir_route_next(&plan, &middle, 0, 0);
    assert_tries(step, 1, WEIR_ROUTE_AGAIN);
    assert_int_equal(step.wait_us, 1000 * MS);
    /* taken out meanwhile: the next soonest */
    step = weir_route_next(&plan, &sooner, 2, 1000 * MS);
    assert_tries(step, 2, WEIR_ROUTE_AGAIN);
    assert_int_equal(step.wait_us, 1000 * MS);
}

TEST(route, backoff_doubles_within_a_quarter)
{
    for (uint64_t seed = 0; seed < 500; seed++) {
        struct weir_route_plan plan;
        weir_route_plan_init(&plan, 1, NULL, 1, seed, 0, 0, 5);
        assert_tries(weir_route_first(&plan, 0, 0), 0, WEIR_ROUTE_FIRST);
        int64_t base = WEIR_ROUTE_BACKOFF_MS * MS;
        for (int i = 0; i < 4; i++) {
            struct weir_route_step step =
                weir_route_next(&plan, &refused, 0, 0);
            assert_tries(step, 0, WEIR_ROUTE_AGAIN);
            assert_in_range(step.wait_us, base * 3 / 4, base * 5 / 4);
            base *= 2;
        }
        assert_gives_up(weir_route_next(&plan, &refused, 0, 0),
                        WEIR_ROUTE_ATTEMPTS);
    }
}

TEST(route, slow_or_broken_origin_is_left_for_another_but_not_repeated)
{
    static const enum weir_attempt_end ends[] = {WEIR_ATTEMPT_SLOW_HEAD,
                                                 WEIR_ATTEMPT_BROKEN};
    for (size_t i = 0; i < WEIR_COUNTOF(ends); i++) {
        struct weir_route_plan plan = plan_of(2, 3);
        struct weir_attempt_result lost = {.end = ends[i],
                                           .retry_after_ms = -1};
        assert_tries(weir_route_first(&plan, 0, 0), 0, WEIR_ROUTE_FIRST);
        assert_tries(weir_route_next(&plan, &lost, 0, 1), 1, WEIR_ROUTE_NEXT);
        assert_gives_up(weir_route_next(&plan, &lost, 0, 2),
                        WEIR_ROUTE_EXHAUSTED);
    }
}

TEST(route, deadline_ends_the_walk_also_before_a_pause_that_would_pass_it)
{
    struct weir_route_plan plan = plan_of(2, 3); /* 10 s */
    assert_tries(weir_route_first(&plan, 0, 0), 0, WEIR_ROUTE_FIRST);
    assert_gives_up(weir_route_next(&plan, &refused, 0, 10000 * MS),
                    WEIR_ROUTE_DEADLINE);

    plan = plan_of(1, 1);
    struct weir_attempt_result busy = replied(429, 4000);
    assert_tries(weir_route_first(&plan, 0, 0), 0, WEIR_ROUTE_FIRST);
    assert_gives_up(weir_route_next(&plan, &busy, 0, 6000 * MS),
                    WEIR_ROUTE_DEADLINE);
    plan = plan_of(1, 1);
    assert_gives_up(weir_route_first(&plan, 0, 10000 * MS),
                    WEIR_ROUTE_DEADLINE);
}

TEST(route, attempts_are_bounded_by_the_route_and_by_weir)
{
    struct weir_route_plan plan;
    weir_route_plan_init(&plan, 4, NULL, 15, 1, 0, 0, 2);
    assert_tries(weir_route_first(&plan, 0, 0), 0, WEIR_ROUTE_FIRST);
    assert_tries(weir_route_next(&plan, &refused, 0, 0), 1, WEIR_ROUTE_NEXT);
    assert_gives_up(weir_route_next(&plan, &refused, 0, 0),
                    WEIR_ROUTE_ATTEMPTS);
    weir_route_plan_init(&plan, 4, NULL, 15, 1, 0, 0, 200);
    assert_int_equal(plan.attempts_max, WEIR_ATTEMPTS_MAX);
}
