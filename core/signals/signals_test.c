/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/signals.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#define NOON ((weir_time)1793620800 * WEIR_US_PER_SEC)
#define DAY  WEIR_US_PER_DAY

static struct weir_signals *
make(uint32_t keys, void **memory_out)
{
    struct weir_signals *table;
    size_t size = weir_signals_size(keys);
    *memory_out = aligned_alloc(64, size);
    assert_ok(weir_signals_format(*memory_out, size, keys, &table, NULL));
    return table;
}

static uint32_t
note(struct weir_signals *table, uint64_t key, const char *code, weir_time now)
{
    weir_sighting others[WEIR_SIGHTINGS_MAX];
    return weir_signals_note(table, key, weir_country_of(weir_span_of(code)),
                             now, DAY, others);
}

TEST(signals, other_countries_of_the_window_are_told_with_their_time)
{
    void *memory;
    struct weir_signals *table = make(64, &memory);
    weir_sighting others[WEIR_SIGHTINGS_MAX];
    weir_country sg = weir_country_of(WEIR_SPAN("SG"));
    assert_int_equal(note(table, 7, "NO", NOON), 0);
    assert_int_equal(note(table, 7, "NO", NOON + 5 * WEIR_US_PER_SEC), 0);
    assert_int_equal(
        weir_signals_note(table, 7, sg, NOON + DAY / 2, DAY, others), 1);
    char code[3] = "";
    weir_country_write(others[0].country, code);
    assert_string_equal(code, "NO");
    assert_true(others[0].when == NOON + 5 * WEIR_US_PER_SEC);
    /* a second behind the window Norway is forgotten */
    assert_int_equal(note(table, 7, "SG", NOON + DAY + 5 * WEIR_US_PER_SEC), 1);
    assert_int_equal(note(table, 7, "SG", NOON + DAY + 6 * WEIR_US_PER_SEC), 0);
    assert_int_equal(note(table, 8, "SG", NOON), 0);
    free(memory);
}

TEST(signals, the_oldest_country_gives_way_and_the_count_stops)
{
    void *memory;
    struct weir_signals *table = make(64, &memory);
    char code[3] = "AA";
    for (int i = 0; i < 26; i++) {
        code[1] = (char)('A' + i);
        uint32_t before =
            i < WEIR_SIGHTINGS_MAX ? (uint32_t)i : WEIR_SIGHTINGS_MAX;
        assert_int_equal(note(table, 3, code, NOON + i * WEIR_US_PER_SEC),
                         before);
    }
    /* AZ is there, AA has gone: noting it again replaces the oldest */
    assert_int_equal(note(table, 3, "AZ", NOON + 27 * WEIR_US_PER_SEC),
                     WEIR_SIGHTINGS_MAX - 1);
    assert_int_equal(note(table, 3, "AA", NOON + 28 * WEIR_US_PER_SEC),
                     WEIR_SIGHTINGS_MAX);
    free(memory);
}

TEST(signals, a_full_table_forgets_the_key_that_was_seen_longest_ago)
{
    void *memory;
    struct weir_signals *table = make(64, &memory);
    /* Keys of one home: eight of them fill the neighbourhood. */
    for (uint64_t i = 0; i < 8; i++) {
        assert_int_equal(note(table, 1 + 64 * i, "NO",
                              NOON + (weir_time)i * WEIR_US_PER_SEC),
                         0);
    }
    assert_int_equal(note(table, 1 + 64 * 8, "DE", NOON + DAY / 4), 0);
    assert_int_equal(note(table, 1 + 64 * 8, "SG", NOON + DAY / 4), 1);
    assert_int_equal(note(table, 1 + 64 * 1, "SG", NOON + DAY / 4), 1);
    assert_int_equal(note(table, 1 + 64 * 0, "SG", NOON + DAY / 4), 0);
    free(memory);
}

TEST(signals, what_is_no_table_is_refused)
{
    void *memory;
    size_t size = weir_signals_size(64);
    struct weir_signals *table = make(64, &memory);
    assert_ok(weir_signals_attach(memory, size, &table, NULL));
    assert_int_equal(weir_signals_attach(memory, size - 1, &table, NULL),
                     WEIR_ECORRUPT);
    assert_int_equal(weir_signals_attach(memory, 16, &table, NULL),
                     WEIR_ECORRUPT);
    assert_int_equal(weir_signals_format(memory, size, 65, &table, NULL),
                     WEIR_ELIMIT);
    assert_int_equal(weir_signals_format(memory, size, 128, &table, NULL),
                     WEIR_ELIMIT);
    ((uint32_t *)memory)[3] = 64; /* rows of another size */
    assert_int_equal(weir_signals_attach(memory, size, &table, NULL),
                     WEIR_EVERSION);
    memset(memory, 0x5a, size);
    assert_int_equal(weir_signals_attach(memory, size, &table, NULL),
                     WEIR_ECORRUPT);
    free(memory);
}

TEST(signals, codes_that_are_no_two_capitals_are_no_country)
{
    assert_int_equal(weir_country_of(WEIR_SPAN("")), 0);
    assert_int_equal(weir_country_of(WEIR_SPAN("N")), 0);
    assert_int_equal(weir_country_of(WEIR_SPAN("no")), 0);
    assert_int_equal(weir_country_of(WEIR_SPAN("NOR")), 0);
    assert_int_equal(weir_country_of(WEIR_SPAN("NO")), 'N' << 8 | 'O');
}

/* Workers hammer the same few keys; none ever sees a torn sighting. */
TEST(signals, workers_share_rows_without_tearing_them)
{
    enum { WORKERS = 4, ROUNDS = 50000 };
    static const char *const codes[] = {"NO", "DE", "SG", "AQ"};
    size_t size = weir_signals_size(64);
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct weir_signals *table;
    assert_true(memory != MAP_FAILED);
    assert_ok(weir_signals_format(memory, size, 64, &table, NULL));
    for (int worker = 0; worker < WORKERS; worker++) {
        if (fork() != 0)
            continue;
        weir_sighting others[WEIR_SIGHTINGS_MAX];
        bool is_good = true;
        for (int i = 0; i < ROUNDS; i++) {
            weir_time now = NOON + i * WEIR_US_PER_SEC / 100;
            uint32_t count = weir_signals_note(
                table, (uint64_t)(i % 3 + 1),
                weir_country_of(weir_span_of(codes[(i + worker) % 4])), now,
                DAY, others);
            for (uint32_t j = 0; j < count; j++) {
                char code[3] = "";
                weir_country_write(others[j].country, code);
                bool is_known = false;
                for (int k = 0; k < 4; k++)
                    is_known = is_known || strcmp(code, codes[k]) == 0;
                is_good = is_good && is_known && others[j].when >= NOON &&
                          others[j].when <= NOON + DAY;
            }
        }
        _exit(is_good ? 0 : 1);
    }
    for (int worker = 0; worker < WORKERS; worker++) {
        int status = 1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    munmap(memory, size);
}
