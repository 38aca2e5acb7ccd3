/* SPDX-License-Identifier: Apache-2.0 */
/* Queries against a small fictional list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/screening.h>

#include "test.h"

static const char *const listed[] = {
    "Nordwind Turbinenwerke GmbH",
    "Kestrel Peninsula Trading LLC",
    "Общество Заря Морская",
    "ZARYANOV, Yevgeniy Petrovich",
    "QASIRI, Muhammad Abd",
    "Huaxing Tianlan Keji",
    "Brava del Sur, S.A.",
    "Blue Heron Maritime Co., Ltd.",
    "J. Samplewood",
    "Kestrel Harbour Services",
    "Ali Trading",
    "Wu Xiaoming",
};

struct world {
    struct weir_screening_rows rows;
    struct weir_arena arena;
    const struct weir_screening *index;
    struct weir_screening_scratch *scratch;
};

static void
add(struct weir_screening_rows *rows, const char *name, uint32_t entry)
{
    struct weir_screening_name *row = weir_screening_add_name(rows);
    row->entry = entry;
    row->text = weir_span_of(name);
}

static void
setup(struct world *world)
{
    weir_screening_rows_init(&world->rows);
    weir_screening_add_list(&world->rows)->name = WEIR_SPAN("test");
    for (uint32_t i = 0; i < WEIR_COUNTOF(listed); i++) {
        weir_screening_add_entry(&world->rows)->line = i + 1;
        add(&world->rows, listed[i], i);
    }
    add(&world->rows, "Northwind Turbines", 0);
    struct weir_screening_identifier *id =
        weir_screening_add_identifier(&world->rows);
    id->entry = 5;
    id->kind = WEIR_SPAN("USCC");
    id->text = WEIR_SPAN("9133-0100 MA2WEER00X");
    weir_arena_init_heap(&world->arena, (size_t)64 << 20);
    assert_ok(
        weir_screening_build(&world->rows, &world->arena, &world->index, NULL));
    world->scratch = weir_screening_scratch_new(world->index, &world->arena);
    assert_non_null(world->scratch);
}

static void
teardown(struct world *world)
{
    weir_arena_fini(&world->arena);
    weir_screening_rows_fini(&world->rows);
}

static uint32_t
score(struct world *world, const char *name, uint32_t entry,
      struct weir_screening_hit *hit)
{
    struct weir_screening_hit hits[16];
    struct weir_screening_answer answer = weir_screening_query(
        world->index, world->scratch, weir_span_of(name), 1, hits, 16);
    for (uint32_t i = 0; i < answer.count; i++)
        if (hits[i].entry == entry) {
            if (hit != NULL)
                *hit = hits[i];
            return hits[i].score;
        }
    return 0;
}

struct score_case {
    const char *name;
    uint32_t entry;
    uint32_t least;
    uint32_t most;
};

TEST(screen, spellings_of_a_listed_name_score_high_and_others_low)
{
    static const struct score_case cases[] = {
        {"Nordwind Turbinenwerke", 0, 1000, 1000},
        {"NORDWIND TURBINENWERKE AG", 0, 1000, 1000},
        {"Turbinenwerke Nordwind", 0, 1000, 1000},
        {"Nordwynd Turbinenwerke", 0, 900, 999},
        {"Nord Wind Turbinenwerke", 0, 950, 1000},
        {"northwind turbines", 0, 1000, 1000},
        {"Nоrdwind Turbіnenwerke", 0, 1000, 1000}, /* look-alikes */
        {"Заря Морская", 2, 780, 1000},
        {"Obshchestvo Zarya Morskaya", 2, 1000, 1000},
        {"Evgeny Petrovich Zaryanov", 3, 880, 999},
        {"Евгений Петрович Зарьянов", 3, 850, 999},
        {"Mohammed Abd Qasiri", 4, 900, 999},
        {"Mohamad Abd al-Kasiri", 4, 750, 999},
        {"华星天蓝科技有限公司", 5, 900, 1000},
        {"Brava Sur", 6, 900, 1000},
        {"Blue Heron Maritime Company Limited", 7, 1000, 1000},
        {"Bleu Heron Maritime", 7, 880, 999},
        {"Blueheron Maritime", 7, 1000, 1000},
        {"John Samplewood", 8, 850, 999},
        {"Wu Xiao Ming", 11, 1000, 1000},
        {"吴小明", 11, 1000, 1000},
        {"Blue Lagoon Fishing", 7, 0, 600},
        {"Kestrel Ropes", 9, 0, 750},
        {"Ali", 10, 0, 990},
        {"Turbine Blades Holding", 0, 0, 600},
    };
    struct world world;
    setup(&world);
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        uint32_t found = score(&world, cases[i].name, cases[i].entry, NULL);
        if (found < cases[i].least || found > cases[i].most)
            fail_msg("%s: %u, not %u to %u", cases[i].name, found,
                     cases[i].least, cases[i].most);
    }
    teardown(&world);
}

TEST(screen, one_rare_word_is_enough_and_a_common_one_is_not)
{
    struct world world;
    setup(&world);
    assert_true(score(&world, "Turbinenwerke", 0, NULL) >= 850);
    assert_true(score(&world, "Turbinenwrke", 0, NULL) >= 750);
    assert_true(score(&world, "Trading", 1, NULL) < 750);
    assert_true(score(&world, "Trading", 10, NULL) < 850);
    assert_true(score(&world, "Services", 9, NULL) < 750);
    assert_true(score(&world, "Turbinenwerke Holding", 0, NULL) >
                score(&world, "Turbinenwerke Amberlin Holding", 0, NULL));
    teardown(&world);
}

TEST(screen, blanks_and_legal_forms_that_run_together_change_nothing)
{
    struct world world;
    setup(&world);
    assert_int_equal(score(&world, "NordwindTurbinenwerkeGmbH", 0, NULL), 1000);
    assert_int_equal(score(&world, "Nordwind TurbinenwerkeGmbH", 0, NULL),
                     1000);
    assert_int_equal(score(&world, "BlueHeronMaritimeCo.,Ltd", 7, NULL), 1000);
    assert_int_equal(score(&world, "Bluehero nMaritime", 7, NULL), 1000);
    assert_true(score(&world, "NordwindTurbinenwerkeGmbX", 0, NULL) < 1000);
    teardown(&world);
}

TEST(screen, points_of_words_are_told_and_differences_cost)
{
    struct world world;
    struct weir_screening_hit hit;
    setup(&world);
    assert_true(score(&world, "Nordwind Turbinenwerkx", 0, &hit) > 0);
    assert_int_equal(hit.match_count, 2);
    for (uint32_t i = 0; i < 2; i++)
        if (hit.matches[i].how == WEIR_HOW_EQUAL)
            assert_true(hit.matches[i].points > 0);
    assert_true(score(&world, "Turbinenwerke", 0, &hit) > 0);
    int32_t equal = hit.matches[0].points;
    assert_true(score(&world, "Turbinenwerkx", 0, &hit) > 0);
    assert_true(hit.matches[0].points < equal);
    teardown(&world);
}

TEST(screen, a_threshold_only_leaves_out_what_is_below_it)
{
    static const char *const names[] = {
        "Kestrel Trading",  "Mohamed Qasiri", "Nordwind", "Blue Heron",
        "Xiaoming Trading", "J Samplewood",   "Sur",      "Zarya Petrovich",
    };
    struct world world;
    struct weir_screening_hit all[16];
    struct weir_screening_hit some[16];
    setup(&world);
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        weir_span name = weir_span_of(names[i]);
        uint32_t total =
            weir_screening_query(world.index, world.scratch, name, 1, all, 16)
                .count;
        for (uint32_t threshold = 1; threshold <= 1000; threshold += 37) {
            uint32_t wanted = 0;
            while (wanted < total && all[wanted].score >= threshold)
                wanted++;
            struct weir_screening_answer answer = weir_screening_query(
                world.index, world.scratch, name, threshold, some, 16);
            assert_int_equal(answer.count, wanted);
            for (uint32_t j = 0; j < wanted; j++) {
                assert_int_equal(some[j].entry, all[j].entry);
                assert_int_equal(some[j].score, all[j].score);
            }
        }
    }
    teardown(&world);
}

TEST(screen, a_hit_says_which_words_matched_and_how)
{
    struct world world;
    struct weir_screening_hit hit;
    setup(&world);
    assert_true(score(&world, "Nordwynd Turbinenwerke", 0, &hit) > 0);
    assert_int_equal(hit.match_count, 2);
    assert_int_equal(hit.name, 0);
    assert_span(hit.matches[0].query, "turbinenwerke");
    assert_int_equal(hit.matches[0].how, WEIR_HOW_EQUAL);
    assert_span(hit.matches[1].query, "nordwynd");
    assert_span(hit.matches[1].listed, "nordwind");
    assert_string_equal(weir_screening_how_name(hit.matches[1].how), "sound");
    assert_true(score(&world, "J Samplewood", 8, &hit) == 1000);
    assert_true(score(&world, "Jane Samplewood", 8, &hit) > 0);
    assert_int_equal(hit.matches[1].how, WEIR_HOW_INITIAL);
    assert_true(score(&world, "Blueheron Maritime", 7, &hit) > 0);
    assert_true(hit.matches[0].how == WEIR_HOW_JOINED ||
                hit.matches[1].how == WEIR_HOW_JOINED);
    teardown(&world);
}

TEST(screen, identifiers_match_whole_and_exactly)
{
    struct world world;
    struct weir_screening_hit hit;
    setup(&world);
    assert_int_equal(score(&world, "91330100ma2weer00x", 5, &hit), 1000);
    assert_int_equal(hit.matches[0].how, WEIR_HOW_IDENTIFIER);
    assert_int_equal(hit.identifier, 0);
    assert_int_equal(hit.name, UINT32_MAX);
    assert_int_equal(score(&world, "91330100MA2WEER00", 5, NULL), 0);
    assert_int_equal(score(&world, "91330100MA2WEER01X", 5, NULL), 0);
    teardown(&world);
}

TEST(screen, any_bytes_are_a_name)
{
    struct world world;
    struct weir_screening_hit hits[4];
    char bytes[3000];
    uint32_t seed = 7;
    setup(&world);
    for (int round = 0; round < 300; round++) {
        size_t len = (size_t)(round * 10);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (char)(seed >> (round % 2 == 0 ? 24 : 20));
        }
        struct weir_screening_answer answer = weir_screening_query(
            world.index, world.scratch, (weir_span){bytes, len}, 800, hits, 4);
        assert_true(answer.count <= 4 && answer.count <= answer.total);
        assert_true(len <= WEIR_SCREENING_NAME_MAX || answer.is_cut);
    }
    struct weir_screening_answer answer = weir_screening_query(
        world.index, world.scratch, WEIR_SPAN("?!"), 1, hits, 4);
    assert_true(answer.is_empty);
    assert_int_equal(answer.total, 0);
    teardown(&world);
}

TEST(screen, hits_are_ordered_and_counted_beyond_what_is_filled)
{
    struct weir_screening_rows rows;
    struct weir_arena arena;
    const struct weir_screening *index;
    struct weir_screening_hit hits[3];
    weir_screening_rows_init(&rows);
    weir_arena_init_heap(&arena, (size_t)64 << 20);
    weir_screening_add_list(&rows);
    for (uint32_t i = 0; i < 50; i++) {
        weir_screening_add_entry(&rows);
        add(&rows, i % 10 == 9 ? "Amberly Quince" : "Amberley Quince", i);
        add(&rows, "Amberlay Kwince", i); /* a worse alias */
    }
    assert_ok(weir_screening_build(&rows, &arena, &index, NULL));
    struct weir_screening_scratch *scratch =
        weir_screening_scratch_new(index, &arena);
    struct weir_screening_answer answer = weir_screening_query(
        index, scratch, WEIR_SPAN("Amberly Quince"), 700, hits, 3);
    assert_int_equal(answer.count, 3);
    assert_int_equal(answer.total, 50);
    assert_int_equal(hits[0].entry, 9);
    assert_int_equal(hits[1].entry, 19);
    assert_int_equal(hits[2].entry, 29);
    assert_int_equal(hits[0].score, 1000);
    weir_arena_fini(&arena);
    weir_screening_rows_fini(&rows);
}

TEST(screen, a_full_arena_and_broken_rows_are_refused)
{
    struct weir_screening_rows rows;
    struct weir_arena arena;
    const struct weir_screening *index = NULL;
    weir_screening_rows_init(&rows);
    weir_screening_add_list(&rows);
    weir_screening_add_entry(&rows);
    add(&rows, "Amberley Quince", 0);
    void *memory = malloc((size_t)1 << 17);
    size_t refused = 0;
    for (size_t size = 64; size <= (size_t)1 << 17; size *= 2) {
        weir_arena_init(&arena, memory, size);
        weir_status status = weir_screening_build(&rows, &arena, &index, NULL);
        refused += status == WEIR_ETOOBIG;
        assert_true(status == WEIR_OK || index == NULL);
    }
    assert_true(refused > 3);
    assert_non_null(index);
    free(memory);
    add(&rows, "Nobody's", 7);
    weir_arena_init_heap(&arena, (size_t)1 << 20);
    assert_int_equal(weir_screening_build(&rows, &arena, &index, NULL),
                     WEIR_EPARSE);
    weir_arena_fini(&arena);
    weir_screening_rows_fini(&rows);
}

TEST(screen, an_empty_list_answers_nothing)
{
    struct weir_screening_rows rows;
    struct weir_arena arena;
    const struct weir_screening *index;
    struct weir_screening_hit hits[1];
    weir_screening_rows_init(&rows);
    weir_arena_init_heap(&arena, (size_t)1 << 20);
    assert_ok(weir_screening_build(&rows, &arena, &index, NULL));
    struct weir_screening_scratch *scratch =
        weir_screening_scratch_new(index, &arena);
    assert_int_equal(weir_screening_query(index, scratch,
                                          WEIR_SPAN("Amberley Quince"), 1, hits,
                                          1)
                         .total,
                     0);
    weir_arena_fini(&arena);
    weir_screening_rows_fini(&rows);
}
