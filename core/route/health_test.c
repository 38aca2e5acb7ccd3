/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/health.h>
#include <weir/limits.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define NOON      ((weir_time)1793620800 * WEIR_US_PER_SEC)
#define AFTER(ms) (NOON + (weir_time)(ms)*WEIR_US_PER_MS)

static const struct weir_health_rule usual = {
    .open_ms = 1000,
    .open_ms_max = 5000,
    .failures = 3,
    .share_percent = 50,
    .tries_min = 10,
    .window_s = 30,
};

static struct weir_health *
make(void)
{
    struct weir_health *table;
    size_t size = weir_health_size(64);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_ok(weir_health_format(memory, size, 64, &table, NULL));
    return table;
}

static void
drop(struct weir_health *table)
{
    munmap(table, weir_health_size(64));
}

static enum weir_health_state
look(struct weir_health *table, weir_time now, weir_time *until_out)
{
    return weir_health_look(table, 7, &usual, now, until_out);
}

/* One attempt from its start to its end. */
static bool
attempt(struct weir_health *table, enum weir_health_result result,
        weir_time now)
{
    weir_health_slot slot;
    assert_int_equal(weir_health_take(table, 7, &usual, 0, now, false, &slot),
                     WEIR_HEALTH_FREE);
    bool is_out = weir_health_note(table, &slot, &usual, result, now);
    weir_health_leave(table, &slot, 0, now);
    return is_out;
}

TEST(health, failures_in_a_row_take_a_deployment_out_until_a_probe_succeeds)
{
    struct weir_health *table = make();
    weir_time until;
    assert_false(attempt(table, WEIR_HEALTH_BAD, NOON));
    assert_false(attempt(table, WEIR_HEALTH_BAD, NOON));
    assert_false(attempt(table, WEIR_HEALTH_GOOD, NOON));
    assert_false(attempt(table, WEIR_HEALTH_BAD, NOON));
    assert_false(attempt(table, WEIR_HEALTH_BAD, NOON));
    assert_int_equal(look(table, NOON, &until), WEIR_HEALTH_FREE);
    assert_true(attempt(table, WEIR_HEALTH_BAD, NOON));
    assert_int_equal(look(table, AFTER(999), &until), WEIR_HEALTH_EJECTED);
    assert_true(until == AFTER(1000));
    assert_int_equal(look(table, AFTER(1000), &until), WEIR_HEALTH_FREE);
    assert_false(attempt(table, WEIR_HEALTH_GOOD, AFTER(1000)));
    /* closed, and what was is forgotten: it takes three again */
    assert_false(attempt(table, WEIR_HEALTH_BAD, AFTER(1000)));
    assert_false(attempt(table, WEIR_HEALTH_BAD, AFTER(1000)));
    assert_true(attempt(table, WEIR_HEALTH_BAD, AFTER(1000)));
    drop(table);
}

TEST(health, each_failed_probe_doubles_the_time_out_up_to_its_bound)
{
    struct weir_health *table = make();
    static const int64_t outs[] = {2000, 4000, 5000, 5000};
    weir_time until;
    weir_time now = AFTER(1000);
    for (int i = 0; i < 3; i++)
        (void)attempt(table, WEIR_HEALTH_BAD, NOON);
    for (size_t i = 0; i < WEIR_COUNTOF(outs); i++) {
        assert_true(attempt(table, WEIR_HEALTH_BAD, now));
        assert_int_equal(look(table, now, &until), WEIR_HEALTH_EJECTED);
        assert_true(until == now + outs[i] * WEIR_US_PER_MS);
        now = until;
    }
    /* healed: the next time out is a short one again */
    assert_false(attempt(table, WEIR_HEALTH_GOOD, now));
    for (int i = 0; i < 3; i++)
        (void)attempt(table, WEIR_HEALTH_BAD, now);
    (void)look(table, now, &until);
    assert_true(until == now + 1000 * WEIR_US_PER_MS);
    drop(table);
}

TEST(health, only_one_call_probes_and_a_probe_that_left_is_replaced)
{
    struct weir_health *table = make();
    weir_health_slot probe;
    weir_health_slot other;
    weir_time until;
    for (int i = 0; i < 3; i++)
        (void)attempt(table, WEIR_HEALTH_BAD, NOON);
    assert_int_equal(
        weir_health_take(table, 7, &usual, 0, AFTER(1000), false, &probe),
        WEIR_HEALTH_FREE);
    assert_true(probe.is_probe);
    assert_int_equal(
        weir_health_take(table, 7, &usual, 1, AFTER(1000), false, &other),
        WEIR_HEALTH_PROBED);
    assert_int_equal(other.row, WEIR_HEALTH_NO_ROW);
    /* its client went away: nothing is known, the next one may */
    weir_health_leave(table, &probe, 0, AFTER(1100));
    assert_int_equal(
        weir_health_take(table, 7, &usual, 1, AFTER(1100), false, &other),
        WEIR_HEALTH_FREE);
    assert_true(other.is_probe);
    /* and its worker died: after a minute another may */
    assert_int_equal(look(table, AFTER(61099), &until), WEIR_HEALTH_PROBED);
    assert_int_equal(look(table, AFTER(61100), &until), WEIR_HEALTH_FREE);
    drop(table);
}

TEST(health, late_replies_of_calls_from_before_do_not_close_it)
{
    struct weir_health *table = make();
    weir_health_slot slow;
    weir_time until;
    assert_int_equal(weir_health_take(table, 7, &usual, 0, NOON, false, &slow),
                     WEIR_HEALTH_FREE);
    for (int i = 0; i < 3; i++)
        (void)attempt(table, WEIR_HEALTH_BAD, NOON);
    assert_false(
        weir_health_note(table, &slow, &usual, WEIR_HEALTH_GOOD, AFTER(10)));
    weir_health_leave(table, &slow, 0, AFTER(10));
    assert_int_equal(look(table, AFTER(10), &until), WEIR_HEALTH_EJECTED);
    drop(table);
}

TEST(health, half_of_a_window_failing_takes_it_out_but_not_of_few_calls)
{
    struct weir_health *table = make();
    weir_time until;
    /* never three in a row; the tenth call is the fifth failure */
    for (int i = 0; i < 9; i++)
        assert_false(attempt(
            table, i % 2 == 0 ? WEIR_HEALTH_GOOD : WEIR_HEALTH_BAD, NOON));
    assert_true(attempt(table, WEIR_HEALTH_BAD, NOON));
    drop(table);

    table = make();
    for (int i = 0; i < 40; i++) /* the same, spread over more windows */
        assert_false(attempt(table,
                             i % 2 == 0 ? WEIR_HEALTH_GOOD : WEIR_HEALTH_BAD,
                             AFTER(i * 4000)));
    assert_int_equal(look(table, AFTER(160000), &until), WEIR_HEALTH_FREE);
    drop(table);
}

TEST(health, a_pause_that_the_origin_asked_for_is_kept_up_to_a_bound)
{
    struct weir_health *table = make();
    weir_health_slot slot;
    weir_time until;
    assert_int_equal(weir_health_take(table, 7, &usual, 0, NOON, false, &slot),
                     WEIR_HEALTH_FREE);
    weir_health_rest(table, &slot, &usual, 2000, NOON);
    weir_health_rest(table, &slot, &usual, 500, NOON); /* the longer one */
    weir_health_leave(table, &slot, 0, NOON);
    assert_int_equal(look(table, AFTER(1999), &until), WEIR_HEALTH_RESTING);
    assert_true(until == AFTER(2000));
    assert_int_equal(weir_health_take(table, 7, &usual, 0, NOON, false, &slot),
                     WEIR_HEALTH_RESTING);
    assert_int_equal(weir_health_take(table, 7, &usual, 0, NOON, true, &slot),
                     WEIR_HEALTH_FREE);
    weir_health_rest(table, &slot, &usual, 86400000, NOON);
    (void)look(table, AFTER(4999), &until);
    assert_true(until == AFTER(5000));
    struct weir_health_view view;
    assert_true(weir_health_view_get(table, 7, NOON, &view));
    assert_int_equal(view.rested, 3);
    assert_int_equal(view.passed_over, 1);
    assert_int_equal(view.state, WEIR_HEALTH_RESTING);
    drop(table);
}

TEST(health, a_cap_counts_all_lanes_and_forgets_a_dead_one)
{
    struct weir_health *table = make();
    struct weir_health_rule capped = {.concurrency = 3};
    weir_health_slot slots[3];
    weir_health_slot more;
    struct weir_health_view view;
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(
            weir_health_take(table, 7, &capped, i, NOON, false, &slots[i]),
            WEIR_HEALTH_FREE);
    assert_int_equal(weir_health_take(table, 7, &capped, 3, NOON, false, &more),
                     WEIR_HEALTH_FULL);
    weir_health_leave(table, &slots[0], 0, NOON);
    assert_int_equal(slots[0].row, WEIR_HEALTH_NO_ROW);
    weir_health_leave(table, &slots[0], 0, NOON); /* once is enough */
    assert_int_equal(weir_health_take(table, 7, &capped, 3, NOON, false, &more),
                     WEIR_HEALTH_FREE);
    weir_health_clear_lane(table, 1);
    assert_true(weir_health_view_get(table, 7, NOON, &view));
    assert_int_equal(view.in_flight, 2);
    drop(table);
}

TEST(health, a_slow_reply_counts_at_once_and_fades)
{
    struct weir_health *table = make();
    weir_health_slot slot;
    struct weir_health_view view;
    (void)weir_health_take(table, 7, &usual, 0, NOON, false, &slot);
    assert_true(weir_health_view_get(table, 7, NOON, &view));
    assert_int_equal(view.first_byte_us, 0);
    weir_health_time(table, &slot, 100000, NOON);
    weir_health_time(table, &slot, 800000, NOON);
    weir_health_time(table, &slot, 100000, NOON);
    (void)weir_health_view_get(table, 7, NOON, &view);
    assert_int_equal(view.first_byte_us, 800000);
    (void)weir_health_view_get(table, 7, AFTER(10000), &view);
    assert_int_equal(view.first_byte_us, 400000);
    /* half of it is gone, and half of the new one takes its place */
    weir_health_time(table, &slot, 100000, AFTER(10000));
    (void)weir_health_view_get(table, 7, AFTER(10000), &view);
    assert_int_equal(view.first_byte_us, 450000);
    (void)weir_health_view_get(table, 7, AFTER(1000000), &view);
    assert_int_equal(view.first_byte_us, 0);
    drop(table);
}

TEST(health, a_full_table_holds_nobody_up_and_gives_idle_rows_away)
{
    struct weir_health *table = make();
    weir_health_slot slots[65];
    for (uint64_t i = 0; i < 64; i++)
        assert_int_equal(
            weir_health_take(table, i + 1, &usual, 0, NOON, false, &slots[i]),
            WEIR_HEALTH_FREE);
    assert_int_equal(
        weir_health_take(table, 1000, &usual, 0, NOON, false, &slots[64]),
        WEIR_HEALTH_FREE);
    assert_int_equal(slots[64].row, WEIR_HEALTH_NO_ROW);
    assert_false(
        weir_health_note(table, &slots[64], &usual, WEIR_HEALTH_BAD, NOON));
    weir_health_leave(table, &slots[64], 0, NOON);
    for (int i = 0; i < 64; i++)
        weir_health_leave(table, &slots[i], 0, NOON);
    assert_int_equal(weir_health_take(table, 1000, &usual, 0,
                                      NOON + 2 * WEIR_US_PER_DAY, false,
                                      &slots[64]),
                     WEIR_HEALTH_FREE);
    assert_int_not_equal(slots[64].row, WEIR_HEALTH_NO_ROW);
    drop(table);
}

TEST(health, tables_of_other_builds_and_damaged_ones_are_refused)
{
    struct weir_health *table = make();
    struct weir_health *again;
    size_t size = weir_health_size(64);
    char *bytes = (char *)table;
    assert_ok(weir_health_attach(table, size, &again, NULL));
    assert_int_equal(weir_health_attach(table, size - 1, &again, NULL),
                     WEIR_ECORRUPT);
    assert_int_equal(weir_health_attach(table, 8, &again, NULL), WEIR_ECORRUPT);
    bytes[12] ^= 1;
    assert_int_equal(weir_health_attach(table, size, &again, NULL),
                     WEIR_EVERSION);
    bytes[12] ^= 1;
    bytes[0] ^= 1;
    assert_int_equal(weir_health_attach(table, size, &again, NULL),
                     WEIR_ECORRUPT);
    assert_int_equal(weir_health_format(table, size, 63, &again, NULL),
                     WEIR_ELIMIT);
    drop(table);
}

/* What eight processes did, in memory they share. */
struct tally {
    int in_flight;
    int most;
    int probes;
    int taken;
};

static void
work(struct weir_health *table, struct tally *tally, uint32_t lane)
{
    struct weir_health_rule capped = usual;
    capped.concurrency = 3;
    for (int i = 0; i < 20000; i++) {
        weir_health_slot slot;
        if (weir_health_take(table, 9, &capped, lane, NOON, false, &slot) !=
            WEIR_HEALTH_FREE)
            continue;
        int now = __atomic_add_fetch(&tally->in_flight, 1, __ATOMIC_SEQ_CST);
        int most = __atomic_load_n(&tally->most, __ATOMIC_SEQ_CST);
        while (now > most &&
               !__atomic_compare_exchange_n(&tally->most, &most, now, false,
                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            ;
        (void)__atomic_add_fetch(&tally->taken, 1, __ATOMIC_SEQ_CST);
        (void)__atomic_sub_fetch(&tally->in_flight, 1, __ATOMIC_SEQ_CST);
        weir_health_note(table, &slot, &capped, WEIR_HEALTH_GOOD, NOON);
        weir_health_time(table, &slot, 1000, NOON);
        weir_health_leave(table, &slot, lane, NOON);
    }
    /* key 7 was taken out: of all of them one may probe */
    weir_health_slot slot;
    if (weir_health_take(table, 7, &usual, lane, AFTER(1000), false, &slot) ==
        WEIR_HEALTH_FREE)
        (void)__atomic_add_fetch(&tally->probes, 1, __ATOMIC_SEQ_CST);
}

TEST(health, eight_processes_never_pass_the_cap_and_send_one_probe)
{
    struct weir_health *table = make();
    struct weir_health_view view;
    struct tally *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(tally != MAP_FAILED);
    for (int i = 0; i < 3; i++)
        (void)attempt(table, WEIR_HEALTH_BAD, NOON);
    for (uint32_t lane = 0; lane < 8; lane++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            work(table, tally, lane);
            _exit(0);
        }
    }
    for (int i = 0; i < 8; i++) {
        int status;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(tally->probes, 1);
    assert_in_range(tally->most, 1, 3);
    assert_true(tally->taken > 20000);
    assert_true(weir_health_view_get(table, 9, NOON, &view));
    assert_int_equal(view.in_flight, 0);
    munmap(tally, sizeof(*tally));
    drop(table);
}

TEST(health, copies_are_counted_by_what_became_of_them)
{
    struct weir_health *table = make(), *again;
    for (int what = 0; what < WEIR_HEALTH_COPIES; what++)
        for (int i = 0; i <= what; i++)
            weir_health_copied(table, (enum weir_health_copy)what);
    assert_ok(weir_health_attach(table, weir_health_size(64), &again, NULL));
    for (int what = 0; what < WEIR_HEALTH_COPIES; what++) {
        assert_int_equal(weir_health_copies(again, (enum weir_health_copy)what),
                         what + 1);
        for (int i = 0; i < what; i++)
            assert_string_not_equal(
                weir_health_copy_name((enum weir_health_copy)what),
                weir_health_copy_name((enum weir_health_copy)i));
    }
    assert_int_equal(
        weir_health_copies(again, (enum weir_health_copy)WEIR_HEALTH_COPIES),
        0);
    drop(table);
}
