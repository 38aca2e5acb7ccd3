/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools with reserved shares, windows of other zones, limits that only some
 * calls are settled under, counters that begin in the middle of a window.
 *
 * The law of a pool, looked at from outside after every step:
 *     rest = sum over members of max(0, total - reserve).
 */
#include "quota_internal.h"
#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW     INT64_C(1795000000000000) /* 2026-11-18 */
#define MEMBERS 3
#define REST    90u /* subject */

static const int64_t reserves[MEMBERS] = {40, 25, 0};
#define POOL 100 /* of it 65 are reserved, 35 are for all */

static struct weir_quota *
shared_table(uint32_t lanes)
{
    size_t size = weir_quota_size(64, lanes, 8);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct weir_quota *quota;
    assert_true(memory != MAP_FAILED);
    assert_ok(weir_quota_format(memory, size, 64, lanes, 8, &quota, NULL));
    weir_quota_rebuild_end(quota);
    return quota;
}

static uint64_t
roll(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state >> 11;
}

/* The limits of a call of that member: how many. */
static size_t
limits_of(uint32_t member, weir_quota_limit limits[2])
{
    limits[0] = (weir_quota_limit){.subject = REST,
                                   .metric = WEIR_QUOTA_TOKENS,
                                   .window = WEIR_QUOTA_DAY,
                                   .amount = POOL - 65,
                                   .is_hard = true};
    if (reserves[member] == 0)
        return 1;
    limits[1] = limits[0];
    limits[0].is_rest = true;
    limits[1].subject = REST + 1 + member;
    limits[1].amount = POOL;
    limits[1].reserve = reserves[member];
    limits[1].pool = 1;
    return 2;
}

static weir_status
hold(struct weir_quota *quota, uint32_t lane, uint32_t member, int64_t tokens,
     weir_hold *hold_out, weir_quota_refusal *refusal_out)
{
    weir_quota_limit limits[2];
    const weir_quota_amounts estimate = {.of = {1, tokens, 0}};
    size_t count = limits_of(member, limits);
    return weir_quota_hold(quota, lane, (uint64_t)tokens + 1, limits, count,
                           &estimate, NOW, hold_out, NULL, refusal_out, NULL);
}

static void
settle(struct weir_quota *quota, weir_hold hold, int64_t tokens)
{
    const weir_quota_amounts actual = {.of = {1, tokens, 0}};
    weir_quota_settle(quota, hold, &actual);
}

static int64_t
word_of(struct weir_quota *quota, uint64_t subject, bool is_used)
{
    struct quota_slot *slot = &quota_slots(quota)[quota_slot_claim(
        quota, subject, WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, false)];
    return quota_amount_of(WEIR_QUOTA_DAY,
                           atomic_load(is_used ? &slot->used : &slot->total));
}

/* What the members' words say that the rest is, but for who has no reserve. */
static int64_t
above_of(struct weir_quota *quota, bool is_used)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < MEMBERS; i++) {
        int64_t own = word_of(quota, REST + 1 + i, is_used);
        if (reserves[i] > 0 && own > reserves[i])
            sum += own - reserves[i];
    }
    return sum;
}

TEST(quota_pool, reserved_share_is_there_when_the_others_have_taken_the_rest)
{
    struct weir_quota *quota = shared_table(1);
    weir_quota_refusal refusal;
    weir_hold one;
    weir_hold two;
    assert_true(weir_quota_lane_open(quota, 0, 1));
    assert_ok(hold(quota, 0, 2, 35, &one, &refusal)); /* all that is free */
    assert_int_equal(hold(quota, 0, 2, 1, &two, &refusal), WEIR_EBUDGET);
    assert_int_equal(refusal.limit, 0);
    assert_int_equal(hold(quota, 0, 0, 41, &two, &refusal), WEIR_EBUDGET);
    assert_int_equal(refusal.limit, 1);
    assert_false(refusal.is_never);
    assert_ok(hold(quota, 0, 0, 40, &two, &refusal));
    assert_int_equal(word_of(quota, REST, false), 35);
    settle(quota, two, 40);
    settle(quota, one, 5);
    assert_int_equal(word_of(quota, REST, true), 5);
    assert_ok(hold(quota, 0, 0, 30, &two, &refusal)); /* from the rest now */
    assert_int_equal(word_of(quota, REST, false), 35);
    settle(quota, two, 12);
    assert_int_equal(word_of(quota, REST, false), 17);
    assert_int_equal(word_of(quota, REST, true), 17);
    assert_int_equal(hold(quota, 0, 1, 76, &two, &refusal), WEIR_EBUDGET);
    assert_true(refusal.is_never);
}

TEST(quota_pool, rest_is_what_the_members_use_above_their_reserves)
{
    struct weir_quota *quota = shared_table(1);
    uint64_t state = 2463534242;
    weir_hold holds[8];
    uint32_t members[8];
    int64_t free_use = 0; /* of the member without a reserve */
    int64_t held[8];
    uint32_t live = 0;
    assert_true(weir_quota_lane_open(quota, 0, 1));
    for (int step = 0; step < 20000; step++) {
        if (live < 8 && roll(&state) % 2 == 0) {
            members[live] = (uint32_t)(roll(&state) % MEMBERS);
            held[live] = (int64_t)(roll(&state) % 30);
            if (hold(quota, 0, members[live], held[live], &holds[live], NULL) ==
                WEIR_OK) {
                free_use += members[live] == 2 ? held[live] : 0;
                live++;
            }
        } else if (live > 0) {
            uint32_t at = (uint32_t)(roll(&state) % live);
            int64_t left = 0;
            if (roll(&state) % 16 == 0)
                settle(quota, holds[at],
                       left = held[at] > 0 ? (int64_t)(roll(&state) % 2) : 0);
            else
                weir_quota_release(quota, holds[at]);
            free_use += members[at] == 2 ? left - held[at] : 0;
            live--;
            holds[at] = holds[live];
            members[at] = members[live];
            held[at] = held[live];
        }
        assert_int_equal(word_of(quota, REST, false),
                         above_of(quota, false) + free_use);
        assert_true(word_of(quota, REST, false) <= POOL - 65);
        for (uint32_t i = 0; i < 2; i++)
            assert_true(word_of(quota, REST + 1 + i, false) <= POOL);
    }
}

/* ------------------------------------------------- many at once */

#define PROCESSES 8

static int
spend(struct weir_quota *quota, uint32_t lane, _Atomic int64_t *free_use)
{
    uint64_t state = 88172645463325252u + lane * 7919u;
    if (!weir_quota_lane_open(quota, lane, lane + 1))
        return 1;
    for (int step = 0; step < 6000; step++) {
        uint32_t member = (uint32_t)(roll(&state) % MEMBERS);
        int64_t tokens = 1 + (int64_t)(roll(&state) % 40);
        weir_hold one;
        if (hold(quota, lane, member, tokens, &one, NULL) != WEIR_OK)
            continue;
        if (word_of(quota, REST, false) > POOL - 65)
            return 2;
        if (roll(&state) % 64 != 0) {
            weir_quota_release(quota, one);
            continue;
        }
        settle(quota, one, 1);
        if (member == 2)
            atomic_fetch_add(free_use, 1);
    }
    return 0;
}

TEST(quota_pool, eight_workers_agree_on_the_rest_to_the_unit)
{
    struct weir_quota *quota = shared_table(PROCESSES);
    _Atomic int64_t *free_use =
        mmap(NULL, sizeof(*free_use), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t children[PROCESSES];
    for (uint32_t i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(spend(quota, i, free_use));
    }
    for (uint32_t i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    for (int is_used = 0; is_used < 2; is_used++)
        assert_int_equal(word_of(quota, REST, is_used),
                         above_of(quota, is_used) + atomic_load(free_use));
}

/* --------------------------------------------- killed at any instruction */

/* Recovered, the rest has at least what the members are above, and at most
 * one call more. */
static void
check_copy(const void *original, void *copy, size_t size, uint32_t owner)
{
    struct weir_quota *quota;
    memcpy(copy, original, size);
    assert_ok(weir_quota_attach(copy, size, &quota, NULL));
    weir_quota_recover_lane(quota, 0, owner, 7, NULL, NULL);
    int64_t own = word_of(quota, REST + 1, false);
    int64_t rest = word_of(quota, REST, false);
    int64_t used = word_of(quota, REST + 1, true);
    /* a sum in doubt is one call too high; the true one is what is used */
    assert_true(rest >= (used > 40 ? used - 40 : 0));
    assert_true(own >= used && own <= 35 + 36 + 6);
    assert_true(rest <= 35 + 6); /* settling may pass it by its excess */
}

static void
step_through(int64_t actual)
{
    size_t size = weir_quota_size(64, 1, 8);
    struct weir_quota *quota = shared_table(1);
    void *copy = aligned_alloc(64, (size + 63) / 64 * 64);
    long steps = 0;
    int status;
    assert_ok(weir_quota_seed(quota, REST + 1, WEIR_QUOTA_TOKENS,
                              WEIR_QUOTA_DAY, NOW, 35));
    pid_t child = fork();
    if (child == 0) {
        weir_hold one;
        if (!weir_quota_lane_open(quota, 0, (uint32_t)getpid()) ||
            ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(4);
        raise(SIGSTOP);
        if (hold(quota, 0, 0, 30, &one, NULL) != WEIR_OK)
            _exit(3);
        if (actual < 0)
            weir_quota_release(quota, one);
        else
            settle(quota, one, actual);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status)) {
        free(copy);
        print_message("SKIPPED: tracing is not allowed here\n");
        skip();
    }
    while (WIFSTOPPED(status)) {
        check_copy(quota, copy, size, (uint32_t)child);
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        steps++;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(steps > 200);
    free(copy);
}

TEST(quota_pool, kill_at_any_instruction_while_a_member_settles_is_safe)
{
    step_through(12);
    step_through(36);
}

TEST(quota_pool, kill_at_any_instruction_while_a_member_releases_is_safe)
{
    step_through(-1);
}

/* ------------------------------------------------- zones, parts, beginnings */

TEST(quota_pool, window_of_a_zone_begins_at_its_midnight)
{
    struct weir_quota *quota = shared_table(1);
    weir_quota_limit limit = {.subject = 5,
                              .metric = WEIR_QUOTA_REQUESTS,
                              .window = WEIR_QUOTA_DAY,
                              .amount = 1,
                              .offset_s = 3600,
                              .is_hard = true};
    const weir_quota_amounts one = {.of = {1, 0, 0}};
    weir_quota_refusal refusal;
    weir_quota_row row;
    weir_time midnight;
    weir_hold hold;
    assert_true(weir_time_parse(WEIR_SPAN("2026-11-22T23:00:00Z"), &midnight));
    assert_true(weir_quota_lane_open(quota, 0, 1));
    assert_ok(weir_quota_hold(quota, 0, 1, &limit, 1, &one, midnight - 1, &hold,
                              NULL, NULL, NULL));
    weir_quota_settle(quota, hold, &one);
    assert_int_equal(weir_quota_hold(quota, 0, 2, &limit, 1, &one, midnight - 1,
                                     &hold, NULL, &refusal, NULL),
                     WEIR_EBUDGET);
    assert_int_equal(refusal.reopens_at, midnight + 3600 * WEIR_US_PER_SEC);
    assert_ok(weir_quota_hold(quota, 0, 3, &limit, 1, &one, midnight, &hold,
                              NULL, NULL, NULL));
    weir_quota_settle(quota, hold, &one);
    assert_true(weir_quota_get(quota, 5, WEIR_QUOTA_REQUESTS, WEIR_QUOTA_DAY,
                               midnight + 3600 * WEIR_US_PER_SEC, &row));
    assert_int_equal(row.used, 1);
    assert_int_equal(row.last_used, 1);
    assert_int_equal(row.last_starts_at,
                     midnight - 23 * 3600 * WEIR_US_PER_SEC);
}

TEST(quota_pool, limits_that_do_not_apply_are_settled_with_nothing)
{
    struct weir_quota *quota = shared_table(1);
    weir_quota_limit limits[2];
    const weir_quota_amounts all = {.of = {1, 20, 0}};
    weir_hold one;
    assert_true(weir_quota_lane_open(quota, 0, 1));
    for (uint64_t i = 0; i < 2; i++)
        limits[i] = (weir_quota_limit){.subject = 11 + i,
                                       .metric = WEIR_QUOTA_TOKENS,
                                       .window = WEIR_QUOTA_DAY,
                                       .amount = 100,
                                       .is_hard = true};
    assert_ok(weir_quota_hold(quota, 0, 1, limits, 2, &all, NOW, &one, NULL,
                              NULL, NULL));
    assert_int_equal(word_of(quota, 11, false), 20);
    weir_quota_settle_some(quota, one, &all, 2);
    assert_int_equal(word_of(quota, 11, false), 0);
    assert_int_equal(word_of(quota, 11, true), 0);
    assert_int_equal(word_of(quota, 12, false), 20);
    assert_int_equal(word_of(quota, 12, true), 20);
}

TEST(quota_pool, counter_is_raised_to_what_the_ledger_knows_and_never_lowered)
{
    struct weir_quota *quota = shared_table(1);
    weir_hold one;
    assert_true(weir_quota_lane_open(quota, 0, 1));
    assert_ok(hold(quota, 0, 2, 10, &one, NULL));
    for (int64_t used = 25; used >= 20; used -= 5) {
        assert_ok(weir_quota_raise(quota, REST, WEIR_QUOTA_TOKENS,
                                   WEIR_QUOTA_DAY, NOW, used));
        assert_int_equal(word_of(quota, REST, true), 25);
        assert_int_equal(word_of(quota, REST, false), 35);
    }
    settle(quota, one, 4);
    assert_int_equal(word_of(quota, REST, true), 29);
    assert_int_equal(word_of(quota, REST, false), 29);
}

TEST(quota_pool, subjects_that_callers_name_fill_half_the_table_at_most)
{
    struct weir_quota *quota = shared_table(1);
    weir_quota_limit limit = {.metric = WEIR_QUOTA_REQUESTS,
                              .window = WEIR_QUOTA_DAY,
                              .amount = 5,
                              .is_minor = true};
    const weir_quota_amounts one = {.of = {1, 0, 0}};
    uint32_t granted = 0;
    weir_hold hold;
    assert_true(weir_quota_lane_open(quota, 0, 1));
    for (limit.subject = 1; limit.subject <= 64; limit.subject++) {
        weir_status status =
            weir_quota_hold(quota, 0, limit.subject, &limit, 1, &one, NOW,
                            &hold, NULL, NULL, NULL);
        assert_true(status == WEIR_OK || status == WEIR_EUNAVAIL);
        if (status != WEIR_OK)
            continue;
        granted++;
        weir_quota_settle(quota, hold, &one);
    }
    assert_int_equal(granted, 32);
    limit.is_minor = false;
    assert_ok(weir_quota_hold(quota, 0, 1, &limit, 1, &one, NOW, &hold, NULL,
                              NULL, NULL));
}
