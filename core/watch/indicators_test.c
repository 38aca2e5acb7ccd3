/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/watch_indicators.h>

#include <stdlib.h>
#include <string.h>

#include "test.h"

#define NOW INT64_C(1750000000000000)

/* Reference values: SipHash-2-4 of the bytes 00 01 .. 08 and key 00 .. 0f,
 * from its authors' vectors. */
TEST(indicators, word_is_siphash_of_kind_and_digest)
{
    uint8_t salt[16];
    for (uint8_t i = 0; i < 16; i++)
        salt[i] = i;
    /* message 00 01 02 .. 08: kind 0, digest 01 .. 08 little-endian */
    assert_true(weir_indicator_word(salt, WEIR_INDICATOR_FRAME,
                                    UINT64_C(0x0807060504030201)) ==
                UINT64_C(0x9e0082df0ba9e4b0));
}

static weir_span
write_set(uint64_t *memory, size_t size,
          const struct weir_indicator_exchange *exchanges, uint32_t count)
{
    struct weir_buf out;
    weir_buf_init_fixed(&out, (char *)memory, size);
    assert_ok(weir_indicators_write(exchanges, count, 3, NOW, &out, NULL));
    return weir_buf_span(&out);
}

TEST(indicators, a_call_matches_by_kind_and_exchange_until_the_end)
{
    static uint64_t memory[8192];
    uint8_t salts[2][16] = {"one", "two"};
    uint64_t first[1000];
    uint64_t second[2];
    for (uint64_t i = 0; i < 1000; i++)
        first[i] = weir_indicator_word(salts[0], WEIR_INDICATOR_HEAD, i + 1);
    second[0] = weir_indicator_word(salts[1], WEIR_INDICATOR_TAIL, 42);
    second[1] = second[0];
    const struct weir_indicator_exchange exchanges[] = {{.name = WEIR_SPAN("a"),
                                                         .salt = "one",
                                                         .until = NOW + 10,
                                                         .words = first,
                                                         .count = 1000},
                                                        {.name = WEIR_SPAN("b"),
                                                         .salt = "two",
                                                         .number = 7,
                                                         .until = NOW + 20,
                                                         .words = second,
                                                         .count = 2}};
    struct weir_indicators set;
    weir_span bytes = write_set(memory, sizeof(memory), exchanges, 2);
    assert_ok(weir_indicators_open(bytes, &set, NULL));
    assert_int_equal(set.count, 2);

    struct weir_watch_features call = {.head = 500, .tail = 42, .frame = 500};
    struct weir_indicator_match match = weir_indicators_match(&set, &call, NOW);
    assert_int_equal(match.exchanges, 1u | 1u << 7);
    assert_int_equal(match.kinds,
                     1u << WEIR_INDICATOR_HEAD | 1u << WEIR_INDICATOR_TAIL);
    match = weir_indicators_match(&set, &call, NOW + 10);
    assert_int_equal(match.exchanges, 1u << 7);
    assert_int_equal(match.kinds, 1u << WEIR_INDICATOR_TAIL);
    call = (struct weir_watch_features){.head = 1001, .tail = 41};
    match = weir_indicators_match(&set, &call, NOW);
    assert_int_equal(match.kinds | match.exchanges, 0);

    weir_time until;
    uint32_t number;
    assert_span(weir_indicators_exchange(&set, 1, &number, &until), "b");
    assert_int_equal(number, 7);
    assert_true(until == NOW + 20);
}

TEST(indicators, each_word_ends_at_its_own_time)
{
    static uint64_t memory[512];
    const uint8_t salt[16] = "salt";
    const uint32_t second = (uint32_t)(NOW / WEIR_US_PER_SEC);
    uint64_t words[3];
    words[0] = weir_indicator_word(salt, WEIR_INDICATOR_HEAD, 1);
    words[1] = weir_indicator_word(salt, WEIR_INDICATOR_TAIL, 2);
    words[2] = words[1]; /* in two bundles: the longer one counts */
    const uint32_t untils[] = {second + 5, second + 6, second + 9};
    const struct weir_indicator_exchange exchange = {.name = WEIR_SPAN("a"),
                                                     .salt = "salt",
                                                     .until = WEIR_TIME_MAX,
                                                     .words = words,
                                                     .untils = untils,
                                                     .count = 3};
    static const struct {
        weir_time after;
        uint32_t kinds;
    } cases[] = {
        {0, 1u << WEIR_INDICATOR_HEAD | 1u << WEIR_INDICATOR_TAIL},
        {5 * WEIR_US_PER_SEC - 1,
         1u << WEIR_INDICATOR_HEAD | 1u << WEIR_INDICATOR_TAIL},
        {5 * WEIR_US_PER_SEC, 1u << WEIR_INDICATOR_TAIL},
        {9 * WEIR_US_PER_SEC - 1, 1u << WEIR_INDICATOR_TAIL},
        {9 * WEIR_US_PER_SEC, 0},
    };
    struct weir_indicators set;
    const struct weir_watch_features call = {.head = 1, .tail = 2};
    assert_ok(weir_indicators_open(
        write_set(memory, sizeof(memory), &exchange, 1), &set, NULL));
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++)
        assert_int_equal(
            weir_indicators_match(&set, &call, NOW + cases[i].after).kinds,
            cases[i].kinds);
}

/* What was written before words had ends and exchanges numbers. */
TEST(indicators, the_version_before_is_read)
{
    static uint64_t memory[512];
    const uint8_t salt[16] = "salt";
    uint64_t word = weir_indicator_word(salt, WEIR_INDICATOR_HEAD, 1);
    const struct weir_indicator_exchange exchanges[] = {
        {.name = WEIR_SPAN("a"), .until = NOW + 1},
        {.name = WEIR_SPAN("b"),
         .salt = "salt",
         .number = 1,
         .until = NOW + 1,
         .words = &word,
         .count = 1}};
    struct weir_indicators set;
    weir_span bytes = write_set(memory, sizeof(memory), exchanges, 2);
    char *at = (char *)memory;
    at[8] = 1;                  /* the version */
    memset(at + 64 + 88, 0, 4); /* numbers */
    memset(at + 64 + 96 + 88, 0, 4);
    memset(at + 40, 0, 4);
    uint32_t crc = weir_crc32c(0, bytes.ptr, bytes.len);
    memcpy(at + 40, &crc, 4);
    assert_ok(weir_indicators_open(bytes, &set, NULL));
    const struct weir_watch_features call = {.head = 1};
    assert_int_equal(weir_indicators_match(&set, &call, NOW).exchanges, 2);
    assert_int_equal(weir_indicators_match(&set, &call, NOW + 1).exchanges, 0);
}

TEST(indicators, every_changed_byte_and_every_cut_is_refused)
{
    static uint64_t memory[512];
    uint64_t words[] = {1, 2, 3};
    const uint32_t untils[] = {7, 8, 9};
    const struct weir_indicator_exchange exchange = {.name = WEIR_SPAN("a"),
                                                     .salt = "salt",
                                                     .until = NOW,
                                                     .words = words,
                                                     .untils = untils,
                                                     .count = 3};
    struct weir_indicators set;
    weir_span bytes = write_set(memory, sizeof(memory), &exchange, 1);
    char *copy = aligned_alloc(8, (bytes.len + 7) & ~(size_t)7);
    for (size_t i = 0; i < bytes.len; i++) {
        memcpy(copy, bytes.ptr, bytes.len);
        copy[i] ^= 4;
        assert_true(weir_indicators_open((weir_span){copy, bytes.len}, &set,
                                         NULL) != WEIR_OK);
        memcpy(copy, bytes.ptr, bytes.len);
        assert_true(weir_indicators_open((weir_span){copy, i}, &set, NULL) !=
                    WEIR_OK);
    }
    free(copy);
}

TEST(indicators, more_than_the_limits_is_refused)
{
    static uint64_t memory[512];
    struct weir_buf out;
    struct weir_indicator_exchange many[WEIR_EXCHANGES_MAX + 1];
    for (size_t i = 0; i <= WEIR_EXCHANGES_MAX; i++)
        many[i] = (struct weir_indicator_exchange){.name = WEIR_SPAN("x"),
                                                   .number = (uint32_t)i};
    weir_buf_init_fixed(&out, (char *)memory, sizeof(memory));
    assert_int_equal(
        weir_indicators_write(many, WEIR_EXCHANGES_MAX + 1, 1, NOW, &out, NULL),
        WEIR_ELIMIT);
    many[1].number = 0;
    assert_int_equal(weir_indicators_write(many, 2, 1, NOW, &out, NULL),
                     WEIR_ELIMIT);
    many[0].name = WEIR_SPAN_NONE;
    assert_int_equal(weir_indicators_write(many, 1, 1, NOW, &out, NULL),
                     WEIR_ELIMIT);
    many[0].name = WEIR_SPAN("x");
    many[0].count = WEIR_INDICATORS_MAX + 1;
    assert_int_equal(weir_indicators_write(many, 1, 1, NOW, &out, NULL),
                     WEIR_ELIMIT);
}
