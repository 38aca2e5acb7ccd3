/* SPDX-License-Identifier: Apache-2.0 */
/* Features of lines: their records, and which lines are looked at. */
#include "gate_fixture.h"

#include <weir/lines.h>

static struct weir_lines lines;

static const char body[] =
    "{\"model\":\"large\",\"messages\":[{\"role\":\"user\",\"content\":"
    "\"Write a poem about the sea.\"}]}";

TEST(gate_lines, every_line_of_a_small_file_is_in_a_record)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_lines read;
    struct weir_watch_features features;
    uint32_t found = 0;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_true(weir_lines_begin(&lines, &call, 19));
    for (uint32_t i = 0; i < 19; i++) {
        assert_true(weir_lines_wants(&lines));
        weir_lines_take(&lines, weir_span_of(body), 7 + i);
    }
    weir_lines_end(&lines);
    weir_lines_end(&lines); /* once */
    while (found < 19) {
        assert_ok(weir_record_get_lines(next_record(bench, WEIR_RECORD_LINES),
                                        &read, NULL));
        assert_int_equal(read.first, found + 1);
        assert_int_equal(read.total, 19);
        assert_int_equal(read.count, found < 16 ? 8 : 3);
        assert_memory_equal(read.request.bytes, call.id.bytes, 16);
        assert_true(
            read.pools.of[WEIR_WATCH_OF_TENANT] ==
            weir_watch_subject(WEIR_WATCH_OF_TENANT, WEIR_SPAN("north")));
        for (uint32_t i = 0; i < read.count; i++) {
            const weir_span block = {read.blocks.ptr +
                                         (size_t)i * WEIR_WATCH_BLOCK_BYTES,
                                     WEIR_WATCH_BLOCK_BYTES};
            assert_ok(weir_watch_unpack(block, &features, NULL));
            assert_int_equal(features.input_tokens, 7 + found + i);
            assert_int_equal(features.words, 6);
            assert_true((features.bits & WEIR_WATCH_BIT(IMPERATIVE)) != 0);
        }
        found += read.count;
    }
    struct weir_record extra;
    assert_int_equal(weir_drain_next(&bench->drain, &extra), WEIR_DRAIN_EMPTY);
    bench_free(bench);
}

TEST(gate_lines, of_a_long_file_a_thousand_lines_are_looked_at_evenly)
{
    static const uint32_t totals[] = {1024, 1025, 5000, 50000, 100000};
    struct bench *bench = bench_new();
    struct weir_call call;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    for (size_t t = 0; t < WEIR_COUNTOF(totals); t++) {
        uint32_t wanted = 0, last = 0, gap = 0;
        assert_true(weir_lines_begin(&lines, &call, totals[t]));
        for (uint32_t i = 0; i < totals[t]; i++) {
            if (!weir_lines_wants(&lines))
                continue;
            wanted++;
            gap = i - last > gap ? i - last : gap;
            last = i;
        }
        assert_int_equal(wanted, WEIR_LINES_WATCHED);
        assert_true(gap <= totals[t] / WEIR_LINES_WATCHED + 1);
        weir_lines_end(&lines);
    }
    bench_free(bench);
}

TEST(gate_lines, a_record_that_is_cut_off_is_told)
{
    static char memory[4096];
    static uint8_t blocks[2 * WEIR_WATCH_BLOCK_BYTES];
    struct weir_record_lines read,
        made = {.first = 3,
                .total = 9,
                .count = 2,
                .blocks = {(const char *)blocks, sizeof(blocks)},
                .seen = {{1, 70000, 90}, {2, 3, 4}}};
    struct weir_buf out;
    made.pools.of[1] = 42;
    weir_buf_init_fixed(&out, memory, sizeof(memory));
    weir_record_put_lines(&made, &out);
    assert_false(out.overflow);
    assert_ok(weir_record_get_lines(weir_buf_span(&out), &read, NULL));
    assert_int_equal(read.seen[0].exchanges, 70000);
    assert_int_equal(read.seen[0].score, 90);
    assert_int_equal(read.seen[1].matches, 2);
    assert_true(read.pools.of[1] == 42);
    for (size_t len = 0; len < out.len; len++)
        assert_int_equal(
            weir_record_get_lines((weir_span){out.ptr, len}, &read, NULL),
            WEIR_ECORRUPT);
    memory[26] = 9; /* more blocks than a record holds */
    assert_int_equal(weir_record_get_lines(weir_buf_span(&out), &read, NULL),
                     WEIR_ECORRUPT);
}
