/* SPDX-License-Identifier: Apache-2.0 */
#include "control/watch/live.h"

#include <string.h>

#include "test.h"

static char memory[1 << 16];
static uint8_t block[WEIR_WATCH_BLOCK_BYTES];

static void
make_block(void)
{
    static struct weir_watch_call call;
    struct weir_watch_features features;
    weir_watch_begin(&call);
    weir_watch_prompt(&call, weir_span_of("Write a poem about the sea."));
    weir_watch_finish(&call, NULL, &features);
    weir_watch_pack(&features, block);
}

static struct weir_record
refused(uint32_t reason, enum weir_opinion opinion, uint32_t score)
{
    static struct weir_record_refusal refusal;
    struct weir_buf out;
    make_block();
    memset(&refusal, 0, sizeof(refusal));
    refusal.request.bytes[0] = 7;
    refusal.reason = reason;
    refusal.watch.block = (weir_span){(const char *)block, sizeof(block)};
    refusal.watch.pools.of[WEIR_WATCH_OF_KEY] = 42;
    refusal.watch.classified_count = score > 0;
    refusal.watch.classified[0].score = (uint8_t)score;
    refusal.opinion_count = opinion != WEIR_OPINION_NONE;
    refusal.opinions[0].classifier = weir_span_of("abuse");
    refusal.opinions[0].opinion = (uint8_t)opinion;
    weir_buf_init_fixed(&out, memory, sizeof(memory));
    weir_record_put_refusal(&refusal, &out);
    return (struct weir_record){.kind = WEIR_RECORD_REFUSAL,
                                .payload = weir_buf_span(&out)};
}

TEST(watch_record, a_refusal_counts_where_a_classifier_judged_it)
{
    static const struct {
        uint32_t reason;
        enum weir_opinion opinion;
        uint32_t score;
        bool counts;
    } rows[] = {
        {WEIR_REASON_FILTERED, WEIR_OPINION_BLOCK, 0, true},
        {WEIR_REASON_FILTERED, WEIR_OPINION_FLAG, 0, true},
        {WEIR_REASON_FILTERED, WEIR_OPINION_NONE, 90, true},
        {WEIR_REASON_BUDGET, WEIR_OPINION_FLAG, 0, true},
        {WEIR_REASON_FILTERED, WEIR_OPINION_ALLOW, 0, false},
        {WEIR_REASON_FILTERED, WEIR_OPINION_NONE, 10, false},
        {WEIR_REASON_UNCLASSIFIED, WEIR_OPINION_FAILED, 0, false},
        {WEIR_REASON_BUDGET, WEIR_OPINION_NONE, 0, false},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_watch_seen seen;
        struct weir_error err;
        struct weir_record record =
            refused(rows[i].reason, rows[i].opinion, rows[i].score);
        assert_ok(weir_watch_read_record(&record, &seen, &err));
        assert_int_equal(seen.is_judged, rows[i].counts);
        assert_int_equal(seen.watch.block.len > 0, rows[i].counts);
        assert_int_equal(seen.request.bytes[0], 7);
        if (rows[i].counts)
            assert_true(seen.watch.pools.of[WEIR_WATCH_OF_KEY] == 42);
    }
}

/* Whatever it was of: each record with a block is one call. */
TEST(watch_record, every_outcome_with_a_block_is_a_call)
{
    struct weir_record_outcome outcome;
    make_block();
    for (int has_block = 0; has_block < 2; has_block++) {
        struct weir_buf out;
        struct weir_watch_seen seen;
        struct weir_error err;
        memset(&outcome, 0, sizeof(outcome));
        if (has_block)
            outcome.watch.block =
                (weir_span){(const char *)block, sizeof(block)};
        weir_buf_init_fixed(&out, memory, sizeof(memory));
        weir_record_put_outcome(&outcome, &out);
        struct weir_record record = {.kind = WEIR_RECORD_OUTCOME,
                                     .payload = weir_buf_span(&out)};
        assert_ok(weir_watch_read_record(&record, &seen, &err));
        assert_int_equal(seen.watch.block.len > 0, has_block);
        assert_false(seen.is_judged);
        record.kind = WEIR_RECORD_ADMIN;
        assert_ok(weir_watch_read_record(&record, &seen, &err));
        assert_int_equal((int)seen.watch.block.len, 0);
    }
}

TEST(watch_record, each_line_of_a_batch_is_a_call)
{
    static uint8_t blocks[3 * WEIR_WATCH_BLOCK_BYTES];
    struct weir_record_lines lines = {
        .request = {{9}},
        .first = 17,
        .total = 400,
        .count = 3,
        .blocks = {(const char *)blocks, sizeof(blocks)},
        .seen = {{0, 0, 10}, {4, 5, 80}, {0, 0, 79}}};
    struct weir_buf out;
    struct weir_watch_seen seen;
    struct weir_error err;
    uint32_t line = 0;
    make_block();
    for (size_t i = 0; i < 3; i++) {
        memcpy(blocks + i * WEIR_WATCH_BLOCK_BYTES, block, sizeof(block));
        blocks[i * WEIR_WATCH_BLOCK_BYTES + 100] = (uint8_t)i;
    }
    lines.pools.of[WEIR_WATCH_OF_KEY] = 42;
    weir_buf_init_fixed(&out, memory, sizeof(memory));
    weir_record_put_lines(&lines, &out);
    struct weir_record record = {.kind = WEIR_RECORD_LINES,
                                 .payload = weir_buf_span(&out)};
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(weir_watch_read_line(&record, i, &seen, &line));
        assert_int_equal(line, 17 + i);
        assert_int_equal(seen.is_judged, i == 1);
        assert_int_equal(seen.watch.pools.matches, i == 1 ? 4 : 0);
        assert_int_equal(seen.watch.pools.exchanges, i == 1 ? 5 : 0);
        assert_true(seen.watch.pools.of[WEIR_WATCH_OF_KEY] == 42);
        assert_int_equal((uint8_t)seen.watch.block.ptr[100], i);
        assert_int_equal(seen.request.bytes[0], 9);
    }
    assert_false(weir_watch_read_line(&record, 3, &seen, &line));
    assert_ok(weir_watch_read_record(&record, &seen, &err));
    assert_int_equal((int)seen.watch.block.len, 0);
    record.kind = WEIR_RECORD_OUTCOME;
    assert_false(weir_watch_read_line(&record, 0, &seen, &line));
}
