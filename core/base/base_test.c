/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdlib.h>
#include <string.h>

TEST(base, span_to_u64_refuses_signs_blanks_and_overflow)
{
    uint64_t value = 7;
    const char *bad[] = {"", "-1", "+1", " 1", "1 ", "18446744073709551616"};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        assert_false(weir_span_to_u64(weir_span_of(bad[i]), &value));
    assert_int_equal(value, 7);
    assert_true(weir_span_to_u64(WEIR_SPAN("18446744073709551615"), &value));
    assert_true(value == UINT64_MAX);
}

TEST(base, utf8_refuses_overlong_surrogates_and_cut_sequences)
{
    const char *good[] = {"",
                          "abcdefghi",
                          "\xC3\xA9",
                          "\xE4\xBD\xA0",
                          "\xF4\x8F\xBF\xBF",
                          "12345678\xED\x9F\xBF"};
    const char *bad[] = {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\x80",
                         "\xE4\xBD", "abcdefgh\xFF", "\xF0\x80\x80\x80"};
    for (size_t i = 0; i < WEIR_COUNTOF(good); i++)
        assert_true(weir_utf8_valid(weir_span_of(good[i])));
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        assert_false(weir_utf8_valid(weir_span_of(bad[i])));
}

TEST(base, arena_overflow_is_sticky)
{
    char memory[256];
    struct weir_arena arena;
    weir_arena_init(&arena, memory, sizeof(memory));
    assert_non_null(weir_arena_alloc(&arena, 100));
    assert_null(weir_arena_alloc(&arena, 200));
    assert_null(weir_arena_alloc(&arena, 1));
    assert_true(arena.overflow);
}

TEST(base, heap_arena_stops_at_its_maximum)
{
    struct weir_arena arena;
    weir_arena_init_heap(&arena, 1 << 20);
    size_t got = 0;
    while (weir_arena_alloc(&arena, 1000) != NULL)
        got++;
    assert_in_range(got, 900, 1048);
    weir_arena_fini(&arena);
}

TEST(base, buffer_keeps_what_it_had_when_it_overflows)
{
    struct weir_buf buf;
    weir_buf_init(&buf, 8);
    weir_buf_add(&buf, "12345", 5);
    weir_buf_add(&buf, "6789", 4);
    assert_true(buf.overflow);
    assert_int_equal(buf.len, 5);
    weir_buf_fini(&buf);
}

TEST(base, crc32c_matches_rfc3720)
{
    char zeros[32] = {0};
    assert_int_equal(weir_crc32c(0, "123456789", 9), 0xE3069283u);
    assert_int_equal(weir_crc32c(0, zeros, 32), 0x8A9136AAu);
    uint32_t half = weir_crc32c(0, "1234", 4);
    assert_int_equal(weir_crc32c(half, "56789", 5), 0xE3069283u);
}

TEST(base, hash64_values_are_pinned)
{
    /* Stored in images and overlays: a change needs a format version. */
    static const struct {
        const char *text;
        uint64_t hash;
    } rows[] = {
        {"", UINT64_C(0xAE93E5B73679A7C4)},
        {"a", UINT64_C(0x04096F2D4B0B324C)},
        {"abc", UINT64_C(0x13A566F76F659D7A)},
        {"abcd", UINT64_C(0x6467A6CE602C86E6)},
        {"abcdefg", UINT64_C(0x601A92E266FF565E)},
        {"abcdefgh", UINT64_C(0xABE315AEEF57A35F)},
        {"abcdefghijklmnop", UINT64_C(0x64751AD10DFB4A2F)},
        {"abcdefghijklmnopq", UINT64_C(0x27871D59014B62C1)},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
        assert_true(weir_hash64(weir_span_of(rows[i].text), 7) == rows[i].hash);
}

TEST(base, time_round_trips_and_refuses_impossible_dates)
{
    char text[WEIR_TIME_TEXT];
    weir_time when;
    const char *bad[] = {"2026-02-29",
                         "2026-13-01",
                         "2026-1-1",
                         "",
                         "2026-11-10T24:00:00Z",
                         "2026-11-10T00:00:00",
                         "2026-11-10T00:00:00.Z",
                         "2026-11-10x"};
    assert_true(weir_time_parse(WEIR_SPAN("2026-11-10"), &when));
    weir_time_format(when, text);
    assert_string_equal(text, "2026-11-10T00:00:00.000000Z");
    assert_true(
        weir_time_parse(WEIR_SPAN("2026-11-10T01:00:00.5+01:00"), &when));
    weir_time_format(when, text);
    assert_string_equal(text, "2026-11-10T00:00:00.500000Z");
    assert_true(weir_time_parse(WEIR_SPAN("1969-12-31T23:59:59Z"), &when));
    assert_int_equal(when, -1000000);
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++)
        assert_false(weir_time_parse(weir_span_of(bad[i]), &when));
}

TEST(base, locate_counts_code_points)
{
    uint32_t line;
    uint32_t column;
    weir_span_locate(WEIR_SPAN("a\n\xC3\xA9x"), 4, &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 2);
}
