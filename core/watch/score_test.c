/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/watch_cluster.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

/* Two workloads of our own: what customers ask a shop, and tasks. */
static struct weir_watch_features
call_of(bool is_task, uint32_t n)
{
    static const char *const asks[] = {"where is my order %u",
                                       "i want to cancel order %u please",
                                       "my parcel %u has not come yet",
                                       "can you change the address of %u",
                                       "is order %u paid?",
                                       "i need help with the invoice of %u"};
    static const char *const verbs[] = {
        "Write",    "Design",    "Create", "Compose", "Describe", "Explain",
        "Generate", "Summarize", "Draft",  "List",    "Outline"};
    static const char *const things[] = {"a function that returns the sum of",
                                         "a method to sort an array of",
                                         "a table which compares",
                                         "a short story about",
                                         "an essay on",
                                         "a poem that mentions",
                                         "a regex which matches"};
    static const char *const topics[] = {
        "numbers in a list.", "words by their length.", "kinds of databases.",
        "colours of an autumn evening.", "rivers and their cities."};
    static const char *const more[] = {
        " today", " again", "", " now", " for a friend", " thanks", " soon"};
    static struct weir_watch_call call;
    struct weir_watch_features features;
    char text[200];
    int len = 0;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    if (is_task)
        len = snprintf(text, sizeof(text), "%s %s %u %s", verbs[n % 11],
                       things[n % 7], n * 7919 % 9973, topics[n % 5]);
    else
        len = snprintf(text, sizeof(text), asks[n % 6], n * 7919 % 9973);
#pragma GCC diagnostic pop
    if (!is_task)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "%s",
                        more[n / 6 % 7]);
    weir_watch_begin(&call);
    weir_watch_prompt(&call, (weir_span){text, (size_t)len});
    weir_watch_finish(&call, NULL, &features);
    return features;
}

static void
feed(struct weir_watch_pool *pool, uint32_t calls, uint32_t tasks_in_100)
{
    for (uint32_t i = 0; i < calls; i++) {
        struct weir_watch_features f =
            call_of(i * 37 % 100 < tasks_in_100, 5000 + i);
        struct weir_watch_at at = {
            .position = weir_watch_pool_position(pool) + 1,
            .when = (int64_t)i * 1000000 + i * 7919 % 997 * 3000};
        assert_true(weir_watch_pool_add(pool, &f, &at));
    }
}

static struct weir_watch_reference
learnt(uint32_t tasks_in_100)
{
    struct weir_watch_features *calls = calloc(600, sizeof(*calls));
    struct weir_watch_reference reference;
    struct weir_arena arena;
    for (uint32_t i = 0; i < 600; i++)
        calls[i] = call_of(i * 37 % 100 < tasks_in_100, i);
    weir_arena_init_heap(&arena, 1 << 24);
    assert_ok(weir_watch_learn(calls, 600, &arena, &reference, NULL));
    weir_arena_fini(&arena);
    free(calls);
    return reference;
}

static struct weir_watch_verdict
verdict_of(const struct weir_watch_pool *pool, uint32_t calls)
{
    struct weir_watch_verdict verdict;
    weir_watch_score(pool, calls, NULL, &verdict);
    return verdict;
}

TEST(watch, departure_fires_on_tasks_and_not_on_more_of_the_same)
{
    struct weir_watch_reference reference = learnt(0);
    struct weir_watch_pool pool;
    assert_ok(weir_watch_reference_check(&reference, NULL));
    weir_watch_pool_init(&pool);
    weir_watch_pool_accept(&pool, &reference);
    feed(&pool, 300, 0);
    assert_true(verdict_of(&pool, 300).score < 1);
    assert_int_equal(verdict_of(&pool, 300).action, WEIR_WATCH_NOTHING);
    feed(&pool, 300, 20);
    struct weir_watch_verdict v = verdict_of(&pool, 300);
    assert_true(v.score > 1);
    assert_true(v.fired >> WEIR_WATCH_DEPARTURE & 1);
    assert_true(v.figures[WEIR_WATCH_DEPARTURE].seen >
                v.figures[WEIR_WATCH_DEPARTURE].expected + 10);
    assert_ok(weir_watch_pool_check(&pool, NULL));
}

TEST(watch, signals_of_the_same_bits_count_as_one_kind)
{
    struct weir_watch_reference reference = learnt(0);
    struct weir_watch_pool pool;
    weir_watch_pool_init(&pool);
    weir_watch_pool_accept(&pool, &reference);
    feed(&pool, 300, 30);
    struct weir_watch_verdict v = verdict_of(&pool, 300);
    uint32_t content = 1u << WEIR_WATCH_DEPARTURE | 1u << WEIR_WATCH_FORM;
    assert_int_equal(v.fired & content, content);
    uint32_t others = v.fired & ~(content | 1u << WEIR_WATCH_FOREIGN |
                                  1u << WEIR_WATCH_DRIP | 1u << WEIR_WATCH_CUE);
    if (others == 0)
        assert_int_equal(v.kinds, 1);
    assert_true(v.action == WEIR_WATCH_OBSERVE || others != 0);
}

TEST(watch, new_account_is_scored_by_share)
{
    struct weir_watch_pool quiet;
    struct weir_watch_pool loud;
    weir_watch_pool_init(&quiet);
    weir_watch_pool_init(&loud);
    feed(&quiet, 300, 0);
    feed(&loud, 300, 60);
    assert_false(verdict_of(&loud, 300).has_reference);
    assert_true(verdict_of(&quiet, 300).score < verdict_of(&loud, 300).score);
}

TEST(watch, replayed_positions_change_nothing)
{
    struct weir_watch_reference reference = learnt(0);
    struct weir_watch_pool pool;
    weir_watch_pool_init(&pool);
    weir_watch_pool_accept(&pool, &reference);
    feed(&pool, 120, 10);
    struct weir_watch_pool copy = pool;
    struct weir_watch_features f = call_of(true, 1);
    for (uint64_t position = 0; position <= 120; position++) {
        struct weir_watch_at at = {.position = position, .when = 1};
        assert_false(weir_watch_pool_add(&pool, &f, &at));
    }
    assert_memory_equal(&pool, &copy, sizeof(pool));
}

TEST(watch, clocks_that_jump_move_no_window)
{
    struct weir_watch_pool steady;
    struct weir_watch_pool jumping;
    weir_watch_pool_init(&steady);
    weir_watch_pool_init(&jumping);
    for (uint32_t i = 0; i < 300; i++) {
        struct weir_watch_features f = call_of(i % 3 == 0, i);
        struct weir_watch_at at = {.position = i + 1,
                                   .when = (int64_t)i * 1000000};
        assert_true(weir_watch_pool_add(&steady, &f, &at));
        at.when = i % 2 == 0 ? INT64_MAX - 5 : -7777777777;
        assert_true(weir_watch_pool_add(&jumping, &f, &at));
    }
    assert_true(verdict_of(&steady, 300).score ==
                verdict_of(&jumping, 300).score);
    assert_ok(weir_watch_pool_check(&jumping, NULL));
}

TEST(watch, reference_of_repeats_is_refused)
{
    struct weir_watch_features calls[200];
    struct weir_watch_reference reference;
    struct weir_arena arena;
    for (uint32_t i = 0; i < 200; i++)
        calls[i] = call_of(false, i % 10);
    weir_arena_init_heap(&arena, 1 << 22);
    assert_int_equal(weir_watch_learn(calls, 200, &arena, &reference, NULL),
                     WEIR_ELIMIT);
    weir_arena_fini(&arena);
}

TEST(watch, damaged_reference_and_pool_are_refused)
{
    struct weir_watch_reference reference = learnt(0);
    struct weir_watch_pool pool;
    ((uint8_t *)reference.opaque)[1000] ^= 1;
    assert_int_equal(weir_watch_reference_check(&reference, NULL),
                     WEIR_ECORRUPT);
    memset(&pool, 0, sizeof(pool));
    assert_int_equal(weir_watch_pool_check(&pool, NULL), WEIR_EVERSION);
    assert_int_equal(sizeof(pool), 4096);
}

TEST(watch, drift_shows_what_a_new_reference_moved)
{
    struct weir_watch_reference first = learnt(0);
    struct weir_watch_reference second = learnt(80);
    struct weir_watch_pool pool;
    assert_true(weir_watch_reference_distance(&first, &first) < 1e-6);
    weir_watch_pool_init(&pool);
    weir_watch_pool_accept(&pool, &first);
    weir_watch_pool_accept(&pool, &second);
    feed(&pool, 100, 0);
    assert_true(verdict_of(&pool, 100).figures[WEIR_WATCH_DRIFT].value > 0.1F);
}

/* Half an hour of bins over three days; a controller switches members. */
#define BINS 144
static void
make_profiles(struct weir_watch_profile *profiles, uint16_t (*bins)[BINS],
              uint32_t count, uint32_t members, uint64_t seed)
{
    for (uint32_t i = 0; i < count; i++) {
        memset(&profiles[i], 0, sizeof(profiles[i]));
        for (uint32_t b = 0; b < BINS; b++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            bool is_on = 0xB2D05E335u >> b / 4 & 1;
            uint32_t rate = i >= members ? 2 : is_on ? 4 : 1;
            bins[i][b] = (uint16_t)((seed >> 33) % (rate + 1));
            profiles[i].form_calls += bins[i][b];
        }
        profiles[i].owner = i + 1;
        profiles[i].calls = 600;
        profiles[i].bins = bins[i];
        for (uint32_t d = 0; d < WEIR_WATCH_SKETCH; d++)
            profiles[i].sketch[d] = (int8_t)(d % 5 * 20);
    }
}

TEST(watch, accounts_that_rise_and_fall_together_are_a_cluster)
{
    static struct weir_watch_profile profiles[120];
    static uint16_t bins[120][BINS];
    struct weir_watch_cluster_setup setup = {.bin_count = BINS,
                                             .bins_per_day = 48};
    const struct weir_watch_cluster *found;
    struct weir_arena arena;
    uint32_t count;
    weir_arena_init_heap(&arena, 1 << 26);
    uint32_t wrong = 0;
    for (uint64_t seed = 42; seed < 50; seed++) {
        make_profiles(profiles, bins, 120, 60, seed);
        assert_ok(weir_watch_find_clusters(profiles, 120, &setup, &arena,
                                           &found, &count, NULL));
        assert_int_equal(count, 1);
        assert_true(found[0].z > WEIR_WATCH_Z);
        for (uint32_t i = 0; i < found[0].member_count; i++)
            wrong += found[0].members[i] >= 60;
        assert_true(found[0].member_count > 55);
        assert_int_equal(found[0].link_count, found[0].member_count - 1);
        make_profiles(profiles, bins, 120, 0, seed);
        assert_ok(weir_watch_find_clusters(profiles, 120, &setup, &arena,
                                           &found, &count, NULL));
        assert_int_equal(count, 0);
    }
    /* One in a hundred is meant; of 480, two in a hundred at most. */
    assert_true(wrong <= 10);
    weir_arena_fini(&arena);
}

TEST(watch, accounts_of_one_payment_are_linked_until_a_reviewer_cuts)
{
    static struct weir_watch_profile profiles[40];
    static uint16_t bins[40][BINS];
    struct weir_watch_link cuts[] = {{3, 8, WEIR_WATCH_WHY_PAYMENT, 0},
                                     {12, 3, WEIR_WATCH_WHY_PAYMENT, 0}};
    struct weir_watch_cluster_setup setup = {.bin_count = BINS,
                                             .bins_per_day = 48};
    const struct weir_watch_cluster *found;
    struct weir_arena arena;
    uint32_t count;
    weir_arena_init_heap(&arena, 1 << 24);
    make_profiles(profiles, bins, 40, 0, 42);
    profiles[3].payments[0] = profiles[8].payments[1] =
        profiles[12].payments[0] = 99;
    assert_ok(weir_watch_find_clusters(profiles, 40, &setup, &arena, &found,
                                       &count, NULL));
    assert_int_equal(count, 1);
    assert_int_equal(found[0].member_count, 3);
    assert_int_equal(found[0].links[0].why, WEIR_WATCH_WHY_PAYMENT);
    setup.cuts = cuts;
    setup.cut_count = 2;
    assert_ok(weir_watch_find_clusters(profiles, 40, &setup, &arena, &found,
                                       &count, NULL));
    assert_int_equal(count, 0);
    weir_arena_fini(&arena);
}

/* One constant text that asks for reasoning, and a question that differs. */
static void
feed_scaffold(struct weir_watch_pool *pool, uint32_t calls)
{
    static struct weir_watch_call call;
    for (uint32_t i = 0; i < calls; i++) {
        struct weir_watch_features f;
        char text[300];
        int len = snprintf(text, sizeof(text),
                           "You are a careful teacher of young pupils. Think "
                           "step by step and show your full reasoning before "
                           "the answer. Question %u of the book: how many "
                           "are left?",
                           i * 7919 % 9973);
        struct weir_watch_at at = {
            .position = weir_watch_pool_position(pool) + 1,
            .when = 500 * WEIR_US_PER_SEC + (weir_time)i * 1300003,
            .is_shared = i % 10 == 0};
        weir_watch_begin(&call);
        weir_watch_prompt(&call, (weir_span){text, (size_t)len});
        weir_watch_finish(&call, NULL, &f);
        assert_true(weir_watch_pool_add(pool, &f, &at));
    }
}

TEST(watch, what_others_shared_is_a_kind_but_not_beside_a_scaffold)
{
    struct weir_watch_reference reference = learnt(0);
    struct weir_watch_pool pool;
    weir_watch_pool_init(&pool);
    weir_watch_pool_accept(&pool, &reference);
    feed(&pool, 300, 0);
    for (uint32_t i = 0; i < 3; i++) {
        struct weir_watch_features f = call_of(false, 9000 + i);
        struct weir_watch_at at = {.position =
                                       weir_watch_pool_position(&pool) + 1,
                                   .when = 400 * WEIR_US_PER_SEC,
                                   .is_shared = true};
        assert_int_equal(verdict_of(&pool, 300).fired, 0);
        assert_true(weir_watch_pool_add(&pool, &f, &at));
    }
    struct weir_watch_verdict v = verdict_of(&pool, 300);
    assert_int_equal(v.fired, 1u << WEIR_WATCH_PEERS);
    assert_int_equal(v.kinds, 1);
    assert_int_equal(v.action, WEIR_WATCH_OBSERVE);
    assert_true(v.figures[WEIR_WATCH_PEERS].seen == 3);
    assert_int_equal(weir_watch_pool_shared(&pool), 3);
    /* It is another kind beside the rest, and one with a scaffold. */
    feed(&pool, 100, 40);
    struct weir_watch_lines lines = *weir_watch_lines_default(300, true);
    struct weir_watch_verdict alone;
    lines.line[WEIR_WATCH_SCAFFOLD] = 0;
    weir_watch_score(&pool, 300, &lines, &v);
    lines.line[WEIR_WATCH_PEERS] = 0;
    weir_watch_score(&pool, 300, &lines, &alone);
    assert_true(alone.kinds > 0);
    assert_int_equal(v.kinds, alone.kinds + 1);
    feed_scaffold(&pool, 60);
    lines.line[WEIR_WATCH_SCAFFOLD] = .05F;
    weir_watch_score(&pool, 300, &lines, &alone);
    assert_true(alone.fired >> WEIR_WATCH_SCAFFOLD & 1);
    lines.line[WEIR_WATCH_PEERS] = 3;
    weir_watch_score(&pool, 300, &lines, &v);
    assert_true(v.fired >> WEIR_WATCH_PEERS & 1);
    assert_int_equal(v.kinds, alone.kinds);
}

TEST(watch, what_classifiers_find_is_a_kind_of_its_own)
{
    struct weir_watch_reference reference = learnt(0);
    struct weir_watch_pool pool;
    weir_watch_pool_init(&pool);
    weir_watch_pool_accept(&pool, &reference);
    feed(&pool, 300, 0);
    for (uint32_t i = 0; i < 3; i++) {
        struct weir_watch_features f = call_of(false, 9000 + i);
        struct weir_watch_at at = {.position =
                                       weir_watch_pool_position(&pool) + 1,
                                   .when = 400 * WEIR_US_PER_SEC,
                                   .is_judged = true};
        assert_int_equal(verdict_of(&pool, 300).fired, 0);
        assert_true(weir_watch_pool_add(&pool, &f, &at));
    }
    struct weir_watch_verdict v = verdict_of(&pool, 300);
    assert_int_equal(v.fired, 1u << WEIR_WATCH_JUDGED);
    assert_int_equal(v.kinds, 1);
    assert_int_equal(v.action, WEIR_WATCH_OBSERVE);
    assert_true(v.figures[WEIR_WATCH_JUDGED].seen == 3);
    assert_string_equal(weir_watch_signal_info(WEIR_WATCH_JUDGED)->name,
                        "judged");
}
