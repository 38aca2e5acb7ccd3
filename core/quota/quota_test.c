/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/quota.h>

#define SEC WEIR_US_PER_SEC

static weir_time
at(const char *text)
{
    weir_time when;
    assert_true(weir_time_parse(weir_span_of(text), &when));
    return when;
}

static void *block;

static struct weir_quota *
table(uint32_t slots, uint32_t lanes, uint32_t entries)
{
    struct weir_quota *quota;
    size_t size = weir_quota_size(slots, lanes, entries);
    free(block);
    block = aligned_alloc(64, size);
    assert_non_null(block);
    memset(block, 0, size);
    assert_ok(
        weir_quota_format(block, size, slots, lanes, entries, &quota, NULL));
    weir_quota_rebuild_end(quota);
    for (uint32_t i = 0; i < lanes; i++)
        assert_true(weir_quota_lane_open(quota, i, 100 + i));
    return quota;
}

static weir_quota_limit
limit_of(uint64_t subject, weir_quota_metric metric, weir_quota_window window,
         int64_t amount)
{
    return (weir_quota_limit){.subject = subject,
                              .metric = (uint8_t)metric,
                              .window = (uint8_t)window,
                              .amount = amount,
                              .is_hard = true};
}

static weir_quota_amounts
amounts(int64_t requests, int64_t tokens, int64_t micros)
{
    return (weir_quota_amounts){.of = {requests, tokens, micros}};
}

static void
assert_row(struct weir_quota *quota, const weir_quota_limit *limit,
           weir_time now, int64_t used, int64_t held)
{
    weir_quota_row row;
    assert_true(weir_quota_get(quota, limit->subject, limit->metric,
                               limit->window, now, &row));
    assert_int_equal(row.used, used);
    assert_int_equal(row.held, held);
}

TEST(quota, windows_are_those_of_the_calendar)
{
    static const struct {
        weir_quota_window kind;
        const char *when;
        const char *starts;
        const char *ends;
    } rows[] = {
        {WEIR_QUOTA_MINUTE, "2026-11-22T06:59:59Z", "2026-11-22T06:59:00Z",
         "2026-11-22T07:00:00Z"},
        {WEIR_QUOTA_HOUR, "2026-11-22T06:59:59Z", "2026-11-22T06:00:00Z",
         "2026-11-22T07:00:00Z"},
        {WEIR_QUOTA_DAY, "2024-02-29T23:59:59Z", "2024-02-29", "2024-03-01"},
        {WEIR_QUOTA_WEEK, "2026-11-22T06:00:00Z", "2026-11-16", "2026-11-23"},
        {WEIR_QUOTA_WEEK, "2026-11-23", "2026-11-23", "2026-11-30"},
        {WEIR_QUOTA_WEEK, "2020-01-01", "2019-12-30", "2020-01-06"},
        {WEIR_QUOTA_MONTH, "2024-02-29T12:00:00Z", "2024-02-01", "2024-03-01"},
        {WEIR_QUOTA_MONTH, "2100-02-28T12:00:00Z", "2100-02-01", "2100-03-01"},
        {WEIR_QUOTA_MONTH, "2026-12-31T23:59:59Z", "2026-12-01", "2027-01-01"},
        {WEIR_QUOTA_MONTH, "2027-01-01", "2027-01-01", "2027-02-01"},
        {WEIR_QUOTA_YEAR, "2024-12-31T23:59:59Z", "2024-01-01", "2025-01-01"},
        {WEIR_QUOTA_YEAR, "2025-01-01", "2025-01-01", "2026-01-01"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        weir_time starts;
        weir_time ends;
        weir_quota_window_of(rows[i].kind, at(rows[i].when), &starts, &ends);
        assert_int_equal(starts, at(rows[i].starts));
        assert_int_equal(ends, at(rows[i].ends));
    }
}

TEST(quota, a_window_that_never_ends_holds_every_time)
{
    static const char *const times[] = {"1999-01-01", "2020-01-01",
                                        "2026-01-01", "2250-12-31"};
    for (size_t i = 0; i < WEIR_COUNTOF(times); i++) {
        weir_time starts;
        weir_time ends;
        weir_quota_window_of(WEIR_QUOTA_EVER, at(times[i]), &starts, &ends);
        assert_int_equal(starts, at("2020-01-01"));
        assert_int_equal(ends, WEIR_TIME_MAX);
    }
}

TEST(quota, windows_of_each_kind_follow_without_gap_for_25_years)
{
    for (int kind = WEIR_QUOTA_MINUTE; kind < WEIR_QUOTA_CALENDAR; kind++) {
        weir_time last = at("2026-01-01");
        weir_time end =
            kind == WEIR_QUOTA_MINUTE ? at("2026-02-01") : at("2051-01-01");
        weir_time starts;
        weir_time ends;
        weir_quota_window_of((weir_quota_window)kind, last, &starts, &last);
        while (last < end) {
            weir_quota_window_of((weir_quota_window)kind, last, &starts, &ends);
            assert_int_equal(starts, last);
            assert_true(ends > starts);
            weir_time again;
            weir_quota_window_of((weir_quota_window)kind, ends - 1, &again,
                                 &last);
            assert_int_equal(again, starts);
            assert_int_equal(last, ends);
        }
    }
}

TEST(quota, hold_is_refused_when_day_window_is_full)
{
    struct weir_quota *quota = table(64, 1, 8);
    weir_time now = at("2026-11-22T10:00:30Z");
    weir_quota_limit limits[2] = {
        limit_of(7, WEIR_QUOTA_REQUESTS, WEIR_QUOTA_MINUTE, 100),
        limit_of(7, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, 1000)};
    weir_quota_amounts estimate = amounts(1, 600, 0);
    weir_hold hold;
    weir_quota_refusal refusal;
    struct weir_error err;

    assert_ok(weir_quota_hold(quota, 0, 1, limits, 2, &estimate, now, &hold,
                              NULL, NULL, NULL));
    assert_int_equal(weir_quota_hold(quota, 0, 2, limits, 2, &estimate, now,
                                     &hold, NULL, &refusal, &err),
                     WEIR_EBUDGET);
    assert_int_equal(refusal.limit, 1);
    assert_false(refusal.is_never);
    assert_int_equal(refusal.used, 0);
    assert_int_equal(refusal.held, 600);
    assert_int_equal(refusal.reopens_at, at("2026-11-23"));
    assert_string_equal(err.text, "tokens of this day are used up");
    /* the minute was given back */
    assert_row(quota, &limits[0], now, 0, 1);

    weir_quota_amounts actual = amounts(1, 400, 0);
    weir_quota_settle(quota, hold, &actual);
    assert_row(quota, &limits[0], now, 1, 0);
    assert_row(quota, &limits[1], now, 400, 0);
    assert_ok(weir_quota_hold(quota, 0, 3, limits, 2, &estimate, now, &hold,
                              NULL, NULL, NULL));
    weir_quota_row row;
    assert_true(
        weir_quota_get(quota, 7, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, now, &row));
    assert_int_equal(row.refused, 1);
}

TEST(quota, minute_that_is_full_is_a_rate_and_estimate_above_limit_is_never)
{
    struct weir_quota *quota = table(64, 1, 8);
    weir_time now = at("2026-11-22T10:00:30Z");
    weir_quota_limit limit =
        limit_of(7, WEIR_QUOTA_TOKENS, WEIR_QUOTA_MINUTE, 50);
    weir_quota_amounts estimate = amounts(1, 51, 0);
    weir_hold hold;
    weir_quota_refusal refusal;

    assert_int_equal(weir_quota_hold(quota, 0, 1, &limit, 1, &estimate, now,
                                     &hold, NULL, &refusal, NULL),
                     WEIR_ERATE);
    assert_true(refusal.is_never);
    assert_int_equal(refusal.reopens_at, at("2026-11-22T10:01:00Z"));
}

TEST(quota, settling_above_the_limit_is_recorded_and_closes_the_window)
{
    struct weir_quota *quota = table(64, 1, 8);
    weir_time now = at("2026-11-22T10:00:30Z");
    weir_quota_limit limit =
        limit_of(7, WEIR_QUOTA_MICROS, WEIR_QUOTA_MONTH, 1000);
    weir_quota_amounts estimate = amounts(1, 0, 900);
    weir_quota_amounts actual = amounts(1, 0, 5000);
    weir_hold hold;

    assert_ok(weir_quota_hold(quota, 0, 1, &limit, 1, &estimate, now, &hold,
                              NULL, NULL, NULL));
    weir_quota_settle(quota, hold, &actual);
    assert_row(quota, &limit, now, 5000, 0);
    estimate = amounts(1, 0, 1);
    assert_int_equal(weir_quota_hold(quota, 0, 2, &limit, 1, &estimate, now,
                                     &hold, NULL, NULL, NULL),
                     WEIR_EBUDGET);
    /* a free call takes no money and is not refused by it */
    estimate = amounts(1, 100, 0);
    assert_ok(weir_quota_hold(quota, 0, 3, &limit, 1, &estimate, now, &hold,
                              NULL, NULL, NULL));
}

TEST(quota, release_leaves_no_trace)
{
    struct weir_quota *quota = table(64, 1, 2);
    weir_time now = at("2026-11-22T10:00:30Z");
    weir_quota_limit limit =
        limit_of(7, WEIR_QUOTA_REQUESTS, WEIR_QUOTA_DAY, 1);
    weir_quota_amounts estimate = amounts(1, 10, 10);
    weir_hold hold;

    for (uint64_t call = 1; call < 1000; call++) {
        assert_ok(weir_quota_hold(quota, 0, call, &limit, 1, &estimate, now,
                                  &hold, NULL, NULL, NULL));
        assert_row(quota, &limit, now, 0, 1);
        weir_quota_release(quota, hold);
        assert_row(quota, &limit, now, 0, 0);
        assert_int_equal(weir_quota_lane_held(quota, 0), 0);
    }
    weir_quota_release(quota, hold); /* twice: counted, nothing done */
    assert_row(quota, &limit, now, 0, 0);
    weir_quota_stats stats;
    weir_quota_stats_get(quota, &stats);
    assert_int_equal(stats.stale, 1);
    assert_int_equal(stats.holds, 999);
}

TEST(quota, new_window_opens_by_itself_and_late_settling_leaves_it_alone)
{
    struct weir_quota *quota = table(64, 1, 8);
    weir_time now = at("2026-11-22T10:00:59Z");
    weir_quota_limit limits[2] = {
        limit_of(7, WEIR_QUOTA_REQUESTS, WEIR_QUOTA_MINUTE, 1),
        limit_of(7, WEIR_QUOTA_REQUESTS, WEIR_QUOTA_DAY, 10)};
    weir_quota_amounts one = amounts(1, 0, 0);
    weir_hold first;
    weir_hold second;
    weir_hold third;

    assert_ok(weir_quota_hold(quota, 0, 1, limits, 2, &one, now, &first, NULL,
                              NULL, NULL));
    assert_int_equal(weir_quota_hold(quota, 0, 2, limits, 2, &one, now, &second,
                                     NULL, NULL, NULL),
                     WEIR_ERATE);
    assert_ok(weir_quota_hold(quota, 0, 3, limits, 2, &one, now + SEC, &second,
                              NULL, NULL, NULL));
    weir_quota_settle(quota, first, &one);
    assert_row(quota, &limits[0], now + SEC, 0, 1);
    assert_row(quota, &limits[1], now + SEC, 1, 1);
    /* a clock that lags behind counts in the window that has begun */
    assert_int_equal(weir_quota_hold(quota, 0, 4, limits, 2, &one, now, &third,
                                     NULL, NULL, NULL),
                     WEIR_ERATE);
    weir_quota_settle(quota, second, &one);
    assert_row(quota, &limits[0], now + SEC, 1, 0);
    assert_row(quota, &limits[1], now + SEC, 2, 0);
    assert_row(quota, &limits[0], now + 61 * SEC, 0, 0);
}

TEST(quota, soft_limit_counts_and_tells_but_never_refuses)
{
    struct weir_quota *quota = table(64, 1, 8);
    weir_time now = at("2026-11-22T10:00:30Z");
    weir_quota_limit limits[2] = {
        limit_of(7, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, 1000000),
        limit_of(7, WEIR_QUOTA_TOKENS, WEIR_QUOTA_MINUTE, 10)};
    weir_quota_amounts estimate = amounts(1, 10, 0);
    weir_hold hold;
    uint32_t passed = 9;

    limits[1].is_hard = false;
    assert_ok(weir_quota_hold(quota, 0, 1, limits, 2, &estimate, now, &hold,
                              &passed, NULL, NULL));
    assert_int_equal(passed, 0);
    assert_ok(weir_quota_hold(quota, 0, 2, limits, 2, &estimate, now, &hold,
                              &passed, NULL, NULL));
    assert_int_equal(passed, 2);
    assert_row(quota, &limits[1], now, 0, 20);
}

TEST(quota, changed_limit_acts_at_the_next_call)
{
    struct weir_quota *quota = table(64, 1, 8);
    weir_time now = at("2026-11-22T10:00:30Z");
    weir_quota_limit limit =
        limit_of(7, WEIR_QUOTA_REQUESTS, WEIR_QUOTA_DAY, 2);
    weir_quota_amounts one = amounts(1, 0, 0);
    weir_hold hold;

    assert_ok(weir_quota_hold(quota, 0, 1, &limit, 1, &one, now, &hold, NULL,
                              NULL, NULL));
    limit.amount = 1;
    assert_int_equal(weir_quota_hold(quota, 0, 2, &limit, 1, &one, now, &hold,
                                     NULL, NULL, NULL),
                     WEIR_EBUDGET);
    limit.amount = 2;
    assert_ok(weir_quota_hold(quota, 0, 3, &limit, 1, &one, now, &hold, NULL,
                              NULL, NULL));
}

TEST(quota, full_table_refuses_counts_and_holds_nothing)
{
    struct weir_quota *quota = table(16, 1, 8); /* 14 counters */
    weir_time now = at("2026-11-22T10:00:30Z");
    weir_quota_amounts one = amounts(1, 1, 1);
    weir_hold hold;

    for (uint64_t subject = 1; subject <= 13; subject++) {
        weir_quota_limit limit =
            limit_of(subject, WEIR_QUOTA_REQUESTS, WEIR_QUOTA_DAY, 5);
        assert_ok(weir_quota_hold(quota, 0, subject, &limit, 1, &one, now,
                                  &hold, NULL, NULL, NULL));
        weir_quota_settle(quota, hold, &one);
    }
    weir_quota_limit limits[3] = {
        limit_of(1, WEIR_QUOTA_REQUESTS, WEIR_QUOTA_DAY, 5),
        limit_of(100, WEIR_QUOTA_REQUESTS, WEIR_QUOTA_DAY, 5),
        limit_of(101, WEIR_QUOTA_REQUESTS, WEIR_QUOTA_DAY, 5)};
    struct weir_error err;
    assert_int_equal(weir_quota_hold(quota, 0, 99, limits, 3, &one, now, &hold,
                                     NULL, NULL, &err),
                     WEIR_EUNAVAIL);
    assert_row(quota, &limits[0], now, 1, 0);
    weir_quota_stats stats;
    weir_quota_stats_get(quota, &stats);
    assert_int_equal(stats.refused_full, 1);
    assert_int_equal(stats.slots_used, 14);
    assert_int_equal(
        weir_quota_seed(quota, 555, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, now, 1),
        WEIR_EUNAVAIL);
    /* what has its counter goes on */
    assert_ok(weir_quota_hold(quota, 0, 98, limits, 2, &one, now, &hold, NULL,
                              NULL, NULL));
}

TEST(quota, full_lane_refuses_and_goes_on_when_a_call_ends)
{
    struct weir_quota *quota = table(16, 2, 3);
    weir_time now = at("2026-11-22T10:00:30Z");
    weir_quota_limit limit =
        limit_of(1, WEIR_QUOTA_REQUESTS, WEIR_QUOTA_DAY, 50);
    weir_quota_amounts one = amounts(1, 1, 1);
    weir_hold holds[4];

    for (uint64_t i = 0; i < 3; i++)
        assert_ok(weir_quota_hold(quota, 1, i + 1, &limit, 1, &one, now,
                                  &holds[i], NULL, NULL, NULL));
    assert_int_equal(weir_quota_hold(quota, 1, 9, &limit, 1, &one, now,
                                     &holds[3], NULL, NULL, NULL),
                     WEIR_EUNAVAIL);
    assert_row(quota, &limit, now, 0, 3);
    weir_quota_release(quota, holds[1]);
    assert_ok(weir_quota_hold(quota, 1, 9, &limit, 1, &one, now, &holds[3],
                              NULL, NULL, NULL));
    weir_quota_stats stats;
    weir_quota_stats_get(quota, &stats);
    assert_int_equal(stats.refused_lane, 1);
}

TEST(quota, rebuild_seeds_what_the_ledger_knows_and_refuses_meanwhile)
{
    struct weir_quota *quota = table(64, 1, 8);
    weir_time now = at("2026-11-22T10:00:30Z");
    weir_quota_limit limits[2] = {
        limit_of(7, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, 1000),
        limit_of(8, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, 1000)};
    weir_quota_amounts estimate = amounts(1, 100, 0);
    weir_hold before;
    weir_hold hold;

    assert_ok(weir_quota_hold(quota, 0, 1, limits, 2, &estimate, now, &before,
                              NULL, NULL, NULL));
    weir_quota_rebuild_begin(quota);
    assert_true(weir_quota_is_rebuilding(quota));
    assert_int_equal(weir_quota_hold(quota, 0, 2, limits, 2, &estimate, now,
                                     &hold, NULL, NULL, NULL),
                     WEIR_EUNAVAIL);
    assert_ok(
        weir_quota_seed(quota, 7, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, now, 950));
    assert_ok(weir_quota_seed(quota, 8, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY,
                              now - WEIR_US_PER_DAY, 950));
    weir_quota_rebuild_end(quota);
    /* forgotten: settled as nothing, its entry is free again */
    weir_quota_settle(quota, before, &estimate);
    assert_int_equal(weir_quota_lane_held(quota, 0), 0);
    assert_row(quota, &limits[0], now, 950, 0);
    assert_row(quota, &limits[1], now, 0, 0); /* of yesterday */
    assert_int_equal(weir_quota_hold(quota, 0, 3, limits, 2, &estimate, now,
                                     &hold, NULL, NULL, NULL),
                     WEIR_EBUDGET);
    assert_ok(weir_quota_hold(quota, 0, 4, &limits[1], 1, &estimate, now, &hold,
                              NULL, NULL, NULL));
}

TEST(quota, every_counter_in_use_is_listed_once)
{
    struct weir_quota *quota = table(1024, 1, 8);
    weir_time now = at("2026-11-22T10:00:30Z");
    int64_t sum = 0;
    uint32_t cursor = 0;
    uint32_t rows = 0;
    weir_quota_row row;

    for (uint64_t i = 1; i <= 100; i++)
        for (int window = 0; window < WEIR_QUOTA_WINDOWS; window++)
            assert_ok(weir_quota_seed(quota, i, WEIR_QUOTA_MICROS,
                                      (weir_quota_window)window, now,
                                      (int64_t)i));
    while (weir_quota_next(quota, &cursor, now, &row)) {
        assert_int_equal(row.used, row.subject);
        assert_int_equal(row.metric, WEIR_QUOTA_MICROS);
        assert_true(row.starts_at <= now && now < row.ends_at);
        sum += row.used;
        rows++;
    }
    assert_int_equal(rows, 100 * WEIR_QUOTA_WINDOWS);
    assert_int_equal(sum, 5050 * WEIR_QUOTA_WINDOWS);
}

TEST(quota, sums_beyond_a_word_are_clipped_and_counted)
{
    struct weir_quota *quota = table(64, 1, 8);
    weir_time now = at("2026-11-22T10:00:30Z");
    int64_t max = weir_quota_amount_max(WEIR_QUOTA_MINUTE);
    weir_quota_limit limit =
        limit_of(7, WEIR_QUOTA_MICROS, WEIR_QUOTA_MINUTE, max);
    weir_quota_amounts one = amounts(0, 0, 1);
    weir_quota_amounts huge = amounts(0, 0, INT64_MAX / 2);
    weir_hold hold;

    assert_int_equal(weir_quota_hold(quota, 0, 1, &limit, 1, &huge, now, &hold,
                                     NULL, NULL, NULL),
                     WEIR_ERATE);
    assert_ok(weir_quota_hold(quota, 0, 1, &limit, 1, &one, now, &hold, NULL,
                              NULL, NULL));
    weir_quota_settle(quota, hold, &huge);
    assert_row(quota, &limit, now, max, 0);
    weir_quota_stats stats;
    weir_quota_stats_get(quota, &stats);
    assert_int_equal(stats.saturated, 2); /* total and used */
    assert_row(quota, &limit, now + 60 * SEC, 0, 0);
}

TEST(quota, block_of_another_kind_is_not_taken)
{
    struct weir_quota *quota = table(64, 2, 8);
    struct weir_quota *again = NULL;
    size_t size = weir_quota_size(64, 2, 8);

    assert_ok(weir_quota_attach(quota, size, &again, NULL));
    assert_ptr_equal(again, quota);
    assert_int_equal(weir_quota_attach(quota, size - 1, &again, NULL),
                     WEIR_ECORRUPT);
    ((char *)block)[8]++; /* version */
    assert_int_equal(weir_quota_attach(quota, size, &again, NULL),
                     WEIR_EVERSION);
    ((char *)block)[8]--;
    ((char *)block)[12]++; /* slots */
    assert_int_equal(weir_quota_attach(quota, size, &again, NULL),
                     WEIR_ECORRUPT);
    memset(block, 0, size);
    assert_int_equal(weir_quota_attach(quota, size, &again, NULL),
                     WEIR_ECORRUPT);
    assert_int_equal(weir_quota_format(block, size, 63, 2, 8, &again, NULL),
                     WEIR_ELIMIT);
    assert_int_equal(weir_quota_format(block, size, 64, 2000, 8, &again, NULL),
                     WEIR_ELIMIT);
    assert_int_equal(weir_quota_format(block, size, 128, 2, 8, &again, NULL),
                     WEIR_ETOOBIG);
}

static bool
settle_even_calls(void *context, uint64_t call, weir_time held_at,
                  weir_quota_amounts *actual_out)
{
    (*(int *)context)++;
    assert_int_equal(held_at, at("2026-11-22T10:00:30Z"));
    assert_int_equal(actual_out->of[WEIR_QUOTA_TOKENS], 100);
    actual_out->of[WEIR_QUOTA_TOKENS] = 70;
    return call % 2 == 0;
}

TEST(quota, dead_worker_s_holds_are_settled_or_released_once)
{
    struct weir_quota *quota = table(64, 2, 16);
    weir_time now = at("2026-11-22T10:00:30Z");
    weir_quota_limit limit =
        limit_of(7, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, 10000);
    weir_quota_amounts estimate = amounts(1, 100, 0);
    weir_hold hold;
    int asked = 0;

    for (uint64_t call = 1; call <= 10; call++)
        assert_ok(weir_quota_hold(quota, 1, call, &limit, 1, &estimate, now,
                                  &hold, NULL, NULL, NULL));
    assert_int_equal(weir_quota_lane_held(quota, 1), 10);
    /* not its lane any more, or another's: nothing */
    assert_int_equal(weir_quota_recover_lane(quota, 1, 100, 9, NULL, NULL), 0);
    assert_int_equal(weir_quota_recover_lane(quota, 0, 101, 9, NULL, NULL), 0);
    assert_int_equal(
        weir_quota_recover_lane(quota, 1, 101, 9, settle_even_calls, &asked),
        10);
    assert_int_equal(asked, 10);
    assert_row(quota, &limit, now, 5 * 70, 0);
    assert_int_equal(weir_quota_lane_owner(quota, 1), 0);
    assert_int_equal(weir_quota_recover_lane(quota, 1, 101, 9, NULL, NULL), 0);
    weir_quota_settle(quota, hold, &estimate); /* too late: nothing */
    assert_row(quota, &limit, now, 5 * 70, 0);
}

TEST(quota, successor_in_a_lane_releases_what_the_former_worker_held)
{
    struct weir_quota *quota = table(64, 1, 16);
    weir_time now = at("2026-11-22T10:00:30Z");
    weir_quota_limit limit =
        limit_of(7, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, 10000);
    weir_quota_amounts estimate = amounts(1, 100, 0);
    weir_hold hold;

    assert_ok(weir_quota_hold(quota, 0, 1, &limit, 1, &estimate, now, &hold,
                              NULL, NULL, NULL));
    assert_true(weir_quota_lane_open(quota, 0, 4321));
    assert_int_equal(weir_quota_lane_owner(quota, 0), 4321);
    assert_row(quota, &limit, now, 0, 0);
    /* control, late, with the former owner's id */
    assert_ok(weir_quota_hold(quota, 0, 2, &limit, 1, &estimate, now, &hold,
                              NULL, NULL, NULL));
    assert_int_equal(weir_quota_recover_lane(quota, 0, 100, 9, NULL, NULL), 0);
    assert_row(quota, &limit, now, 0, 100);
    weir_quota_lane_close(quota, 0);
    assert_row(quota, &limit, now, 0, 0);
    assert_int_equal(weir_quota_lane_owner(quota, 0), 0);
}

TEST(quota, a_call_that_ended_late_is_corrected_in_its_own_windows_only)
{
    struct weir_quota *quota = table(64, 1, 8);
    weir_time began = at("2026-11-22T23:00:00Z");
    weir_time later = at("2026-11-23T05:00:00Z");
    weir_quota_limit limits[2] = {
        limit_of(7, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, 1000),
        limit_of(7, WEIR_QUOTA_TOKENS, WEIR_QUOTA_MONTH, 1000)};
    weir_quota_amounts held = amounts(1, 400, 0);
    weir_quota_amounts less = amounts(0, -390, 0);
    weir_hold hold;
    assert_ok(weir_quota_hold(quota, 0, 1, limits, 2, &held, began, &hold, NULL,
                              NULL, NULL));
    weir_quota_settle(quota, hold, &held);
    assert_ok(weir_quota_hold(quota, 0, 2, limits, 2, &held, later, &hold, NULL,
                              NULL, NULL));
    weir_quota_settle(quota, hold, &held);
    weir_quota_correct(quota, limits, 2, began, &less);
    assert_row(quota, &limits[0], later, 400, 0); /* another day's */
    assert_row(quota, &limits[1], later, 410, 0);
    less = amounts(0, -100000, 0);
    weir_quota_correct(quota, limits, 2, later, &less);
    assert_row(quota, &limits[0], later, 0, 0);
    assert_row(quota, &limits[1], later, 0, 0);
}
