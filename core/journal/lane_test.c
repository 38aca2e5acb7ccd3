/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/ring.h>

#include "test.h"

#include <stdlib.h>
#include <string.h>

#define LANES 4

static struct weir_ring *
make_ring(void)
{
    static const uint8_t boot[16] = "a boot";
    uint64_t size = weir_ring_bytes(LANES, WEIR_LANE_BYTES_MIN);
    struct weir_ring *ring;
    void *memory = aligned_alloc(4096, size);
    memset(memory, 0, size);
    weir_ring_init(memory, LANES, WEIR_LANE_BYTES_MIN, 9, boot, 1);
    assert_ok(weir_ring_check(memory, size, &ring, NULL));
    return ring;
}

static weir_status
append(struct weir_journal_lane *lane, enum weir_record_kind kind, size_t len,
       enum weir_tier tier, weir_journal_mark *mark)
{
    static char text[WEIR_RECORD_PAYLOAD_MAX + 1];
    weir_span part = {text, len};
    return weir_journal_append(lane, kind, 1, &part, 1, tier, 5, mark, NULL);
}

TEST(lane, ring_of_other_sizes_or_version_is_refused)
{
    struct weir_ring *ring = make_ring();
    struct weir_ring *out;
    uint64_t size = weir_ring_bytes(LANES, WEIR_LANE_BYTES_MIN);
    assert_int_equal(weir_ring_check(ring, size - 1, &out, NULL),
                     WEIR_ECORRUPT);
    assert_int_equal(weir_ring_check(ring, 10, &out, NULL), WEIR_ECORRUPT);
    ((char *)ring)[8]++;
    assert_int_equal(weir_ring_check(ring, size, &out, NULL), WEIR_EVERSION);
    ((char *)ring)[0]++;
    assert_int_equal(weir_ring_check(ring, size, &out, NULL), WEIR_ECORRUPT);
    free(ring);
}

TEST(lane, claims_run_out_and_lane_zero_is_kept_for_control)
{
    struct weir_ring *ring = make_ring();
    struct weir_journal_lane lane[LANES];
    struct weir_journal_lane more;
    for (uint32_t i = 1; i < LANES; i++) {
        assert_ok(weir_ring_claim(ring, 100 + i, false, &lane[i], NULL));
        assert_int_equal(lane[i].index, i);
        assert_true(lane[i].incarnation == (UINT64_C(9) << 32 | i));
    }
    assert_int_equal(weir_ring_claim(ring, 200, false, &more, NULL),
                     WEIR_EUNAVAIL);
    assert_ok(weir_ring_claim(ring, 201, true, &lane[0], NULL));
    assert_int_equal(lane[0].index, 0);
    assert_int_equal(weir_ring_claim(ring, 202, true, &more, NULL),
                     WEIR_EUNAVAIL);
    free(ring);
}

TEST(lane, records_come_out_as_they_went_in_over_many_turns_of_the_ring)
{
    struct weir_ring *ring = make_ring();
    struct weir_journal_lane lane;
    struct weir_journal_drain drain;
    struct weir_record record;
    weir_journal_mark mark;
    uint64_t written = 0;
    uint64_t read = 0;
    uint32_t seed = 1;

    assert_ok(weir_ring_claim(ring, 7, false, &lane, NULL));
    weir_drain_init(&drain, ring, lane.index);
    assert_int_equal(weir_drain_next(&drain, &record), WEIR_DRAIN_EMPTY);
    while (written < 4000) {
        seed = seed * 1103515245 + 12345;
        size_t len = seed >> 8 & 0x3FFF;
        while (append(&lane, WEIR_RECORD_OUTCOME, len, WEIR_TIER_CRASH,
                      &mark) == WEIR_OK) {
            written++;
            assert_int_equal(mark.sequence, written);
            assert_false(weir_journal_is_durable(&lane, mark.position));
            seed = seed * 1103515245 + 12345;
            len = seed >> 8 & 0x3FFF;
        }
        uint64_t some = seed >> 5 & 63;
        while (some-- > 0 &&
               weir_drain_next(&drain, &record) == WEIR_DRAIN_RECORD) {
            read++;
            assert_int_equal(record.sequence, read);
            assert_true(record.lane == lane.incarnation);
        }
        weir_drain_commit(&drain);
    }
    while (weir_drain_next(&drain, &record) == WEIR_DRAIN_RECORD)
        read++;
    assert_false(weir_journal_is_durable(&lane, mark.position));
    weir_drain_commit(&drain);
    assert_true(weir_journal_is_durable(&lane, mark.position));
    assert_int_equal(read, written);
    free(ring);
}

TEST(lane, the_last_quarter_is_kept_for_outcomes)
{
    struct weir_ring *ring = make_ring();
    struct weir_journal_lane lane;
    weir_journal_mark mark;
    uint64_t intents = 0;
    uint64_t outcomes = 0;
    uint64_t size = WEIR_RECORD_BYTES(1000);
    assert_ok(weir_ring_claim(ring, 7, false, &lane, NULL));
    while (append(&lane, WEIR_RECORD_INTENT, 1000, WEIR_TIER_DURABLE, &mark) ==
           WEIR_OK)
        intents++;
    assert_int_equal(intents, WEIR_LANE_BYTES_MIN / 4 * 3 / size);
    assert_int_equal(
        append(&lane, WEIR_RECORD_REFUSAL, 1000, WEIR_TIER_CRASH, &mark),
        WEIR_EUNAVAIL);
    while (append(&lane, WEIR_RECORD_OUTCOME, 1000, WEIR_TIER_CRASH, &mark) ==
           WEIR_OK)
        outcomes++;
    assert_in_range(intents + outcomes, WEIR_LANE_BYTES_MIN / size - 1,
                    WEIR_LANE_BYTES_MIN / size);
    free(ring);
}

TEST(lane, new_calls_are_refused_while_the_disk_is_full_and_outcomes_are_not)
{
    struct weir_ring *ring = make_ring();
    struct weir_journal_lane lane;
    weir_journal_mark mark;
    assert_ok(weir_ring_claim(ring, 7, false, &lane, NULL));
    for (int bad = WEIR_JOURNAL_NO_SPACE; bad <= WEIR_JOURNAL_IO_ERROR; bad++) {
        weir_ring_set_state(ring, (enum weir_journal_state)bad);
        assert_int_equal(
            append(&lane, WEIR_RECORD_INTENT, 10, WEIR_TIER_CRASH, &mark),
            WEIR_EUNAVAIL);
        assert_ok(
            append(&lane, WEIR_RECORD_OUTCOME, 10, WEIR_TIER_CRASH, &mark));
    }
    weir_ring_set_state(ring, WEIR_JOURNAL_RUNNING);
    assert_ok(append(&lane, WEIR_RECORD_INTENT, 10, WEIR_TIER_CRASH, &mark));
    assert_int_equal(mark.sequence, 3);
    free(ring);
}

TEST(lane, a_payload_over_the_limit_is_refused)
{
    struct weir_ring *ring = make_ring();
    struct weir_journal_lane lane;
    weir_journal_mark mark;
    assert_ok(weir_ring_claim(ring, 7, false, &lane, NULL));
    assert_int_equal(append(&lane, WEIR_RECORD_INTENT,
                            WEIR_RECORD_PAYLOAD_MAX + 1, WEIR_TIER_CRASH,
                            &mark),
                     WEIR_ETOOBIG);
    assert_ok(append(&lane, WEIR_RECORD_INTENT, WEIR_RECORD_PAYLOAD_MAX,
                     WEIR_TIER_CRASH, &mark));
    assert_int_equal(mark.sequence, 1);
    free(ring);
}

TEST(lane, a_wish_is_granted_once_by_the_batch_that_reaches_it)
{
    struct weir_ring *ring = make_ring();
    struct weir_journal_lane lane;
    struct weir_journal_drain drain;
    struct weir_record record;
    weir_journal_mark mark[3];
    assert_ok(weir_ring_claim(ring, 7, false, &lane, NULL));
    weir_drain_init(&drain, ring, lane.index);
    for (size_t i = 0; i < 3; i++)
        assert_ok(
            append(&lane, WEIR_RECORD_INTENT, 10, WEIR_TIER_DURABLE, &mark[i]));
    assert_false(weir_journal_want(&lane, mark[1].position));
    weir_drain_next(&drain, &record);
    assert_false(weir_drain_commit(&drain)); /* the first: nobody waits */
    weir_drain_next(&drain, &record);
    assert_true(weir_drain_commit(&drain));
    assert_true(weir_journal_is_durable(&lane, mark[1].position));
    assert_false(weir_journal_is_durable(&lane, mark[2].position));
    weir_drain_next(&drain, &record);
    assert_false(weir_drain_commit(&drain)); /* the wish was taken */
    assert_true(weir_journal_want(&lane, mark[2].position));
    free(ring);
}

TEST(lane, the_writer_is_woken_only_where_its_sleep_asks_for_it)
{
    struct weir_ring *ring = make_ring();
    struct weir_journal_lane lane;
    struct weir_journal_drain drain;
    weir_journal_mark mark;
    assert_ok(weir_ring_claim(ring, 7, false, &lane, NULL));
    weir_drain_init(&drain, ring, lane.index);
    assert_ok(append(&lane, WEIR_RECORD_OUTCOME, 9, WEIR_TIER_DURABLE, &mark));
    assert_false(mark.wake_writer);
    weir_ring_set_sleep(ring, WEIR_DOZING);
    assert_ok(append(&lane, WEIR_RECORD_OUTCOME, 9, WEIR_TIER_CRASH, &mark));
    assert_false(mark.wake_writer);
    assert_ok(append(&lane, WEIR_RECORD_OUTCOME, 9, WEIR_TIER_DURABLE, &mark));
    assert_true(mark.wake_writer);
    assert_true(weir_drain_is_urgent(&drain));
    uint32_t bell = *weir_ring_bell(ring);
    assert_true(weir_ring_wake(ring));
    assert_false(weir_ring_wake(ring));
    assert_int_equal(*weir_ring_bell(ring), bell + 2);
    weir_ring_set_sleep(ring, WEIR_SLEEPING);
    assert_ok(append(&lane, WEIR_RECORD_OUTCOME, 9, WEIR_TIER_CRASH, &mark));
    assert_true(mark.wake_writer);
    weir_ring_set_sleep(ring, WEIR_DOZING);
    bool is_woken = false;
    for (int i = 0; i < 100 && !is_woken; i++) {
        assert_ok(
            append(&lane, WEIR_RECORD_OUTCOME, 4000, WEIR_TIER_CRASH, &mark));
        is_woken = mark.wake_writer;
    }
    assert_true(is_woken); /* a quarter full */
    free(ring);
}

TEST(lane, a_lane_is_free_again_only_when_drained_and_starts_a_new_sequence)
{
    struct weir_ring *ring = make_ring();
    struct weir_journal_lane lane;
    struct weir_journal_drain drain;
    struct weir_record record;
    weir_journal_mark mark;
    bool is_released = true;
    assert_ok(weir_ring_claim(ring, 7, false, &lane, NULL));
    weir_drain_init(&drain, ring, lane.index);
    uint64_t incarnation = lane.incarnation;
    assert_ok(append(&lane, WEIR_RECORD_INTENT, 9, WEIR_TIER_CRASH, &mark));
    assert_int_equal(weir_ring_owner(ring, 1, &is_released), 7);
    assert_false(is_released);
    weir_ring_release(&lane);
    assert_int_equal(weir_ring_owner(ring, 1, &is_released), 7);
    assert_true(is_released);
    assert_false(weir_drain_free(&drain));
    assert_int_equal(weir_drain_next(&drain, &record), WEIR_DRAIN_RECORD);
    assert_false(weir_drain_free(&drain)); /* read, not yet on disk */
    weir_drain_commit(&drain);
    assert_true(weir_drain_free(&drain));
    assert_int_equal(weir_ring_owner(ring, 1, &is_released), 0);
    assert_ok(weir_ring_claim(ring, 8, false, &lane, NULL));
    assert_int_equal(lane.index, 1);
    assert_true(lane.incarnation > incarnation);
    assert_ok(append(&lane, WEIR_RECORD_INTENT, 9, WEIR_TIER_CRASH, &mark));
    assert_int_equal(weir_drain_next(&drain, &record), WEIR_DRAIN_RECORD);
    assert_int_equal(record.sequence, 1);
    assert_true(record.lane == lane.incarnation);
    free(ring);
}

TEST(lane, a_new_writer_passes_what_is_written_and_reads_the_rest_once)
{
    for (uint64_t written = 0; written <= 6; written++) {
        struct weir_ring *ring = make_ring();
        struct weir_journal_lane lane;
        struct weir_journal_drain drain;
        struct weir_record record;
        weir_journal_mark mark;
        assert_ok(weir_ring_claim(ring, 7, false, &lane, NULL));
        for (int i = 0; i < 6; i++)
            assert_ok(
                append(&lane, WEIR_RECORD_INTENT, 9, WEIR_TIER_CRASH, &mark));
        weir_drain_init(&drain, ring, lane.index);
        weir_drain_pass(&drain, lane.incarnation + 1, 3); /* another's */
        weir_drain_pass(&drain, lane.incarnation, written);
        weir_drain_commit(&drain);
        assert_true(weir_journal_is_durable(&lane, mark.position) ==
                    (written == 6));
        for (uint64_t i = written + 1; i <= 6; i++) {
            assert_int_equal(weir_drain_next(&drain, &record),
                             WEIR_DRAIN_RECORD);
            assert_int_equal(record.sequence, i);
        }
        assert_int_equal(weir_drain_next(&drain, &record), WEIR_DRAIN_EMPTY);
        free(ring);
    }
}

/* Whatever a worker gone wild writes: the damage is found, nothing behind it
 * is called durable, and the lane comes back when its owner is gone. */
TEST(lane, damage_at_every_byte_stops_the_lane_and_only_it)
{
    size_t record_bytes = WEIR_RECORD_BYTES(9);
    for (size_t at = 0; at < record_bytes; at++) {
        struct weir_ring *ring = make_ring();
        struct weir_journal_lane lane;
        struct weir_journal_drain drain;
        struct weir_record record;
        weir_journal_mark mark[3];
        weir_gap gap;
        assert_ok(weir_ring_claim(ring, 7, false, &lane, NULL));
        weir_drain_init(&drain, ring, lane.index);
        for (size_t i = 0; i < 3; i++)
            assert_ok(append(&lane, WEIR_RECORD_INTENT, 9, WEIR_TIER_DURABLE,
                             &mark[i]));
        lane.bytes[record_bytes + at] ^= 0x21;
        assert_int_equal(weir_drain_next(&drain, &record), WEIR_DRAIN_RECORD);
        assert_int_equal(weir_drain_next(&drain, &record), WEIR_DRAIN_DAMAGED);
        weir_drain_give_up(&drain, &gap);
        assert_int_equal(gap.reason, WEIR_GAP_LANE_DAMAGED);
        assert_int_equal(gap.sequence_first, 2);
        assert_int_equal(gap.bytes, 2 * record_bytes);
        assert_false(weir_journal_is_damaged(&lane));
        weir_drain_commit(&drain);
        assert_true(weir_journal_is_damaged(&lane));
        assert_true(weir_journal_is_durable(&lane, mark[0].position));
        assert_false(weir_journal_is_durable(&lane, mark[1].position));
        assert_int_equal(
            append(&lane, WEIR_RECORD_OUTCOME, 9, WEIR_TIER_CRASH, &mark[0]),
            WEIR_ECORRUPT);
        assert_int_equal(weir_drain_next(&drain, &record), WEIR_DRAIN_EMPTY);
        weir_ring_release(&lane);
        assert_true(weir_drain_free(&drain));
        assert_ok(weir_ring_claim(ring, 8, false, &lane, NULL));
        assert_ok(
            append(&lane, WEIR_RECORD_INTENT, 9, WEIR_TIER_CRASH, &mark[0]));
        assert_int_equal(weir_drain_next(&drain, &record), WEIR_DRAIN_RECORD);
        assert_int_equal(record.sequence, 1);
        free(ring);
    }
}

TEST(lane, status_is_read_as_written)
{
    struct weir_ring *ring = make_ring();
    struct weir_journal_status status = {.segment = 3, .records = 77};
    struct weir_journal_status back;
    status.flush_us[WEIR_JOURNAL_BUCKETS - 1] = 5;
    weir_ring_status_write(ring, &status);
    weir_ring_status_read(ring, &back);
    assert_memory_equal(&back, &status, sizeof(back));
    free(ring);
}

TEST(lane, each_kind_that_lanes_carry_is_drained_as_it_was)
{
    static const enum weir_record_kind kinds[] = {
        WEIR_RECORD_INTENT, WEIR_RECORD_OUTCOME, WEIR_RECORD_REFUSAL,
        WEIR_RECORD_ADMIN,  WEIR_RECORD_IMAGE,   WEIR_RECORD_KEPT};
    struct weir_ring *ring = make_ring();
    struct weir_journal_lane lane;
    struct weir_journal_drain drain;
    struct weir_record record;
    weir_journal_mark mark;
    assert_ok(weir_ring_claim(ring, 7, false, &lane, NULL));
    weir_drain_init(&drain, ring, lane.index);
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++)
        assert_ok(append(&lane, kinds[i], 9, WEIR_TIER_CRASH, &mark));
    uint64_t end = weir_ring_published(ring, lane.index);
    assert_int_equal(end, mark.position);
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++) {
        assert_false(weir_ring_is_durable(ring, lane.index, end));
        assert_int_equal(weir_drain_next(&drain, &record), WEIR_DRAIN_RECORD);
        assert_int_equal(record.kind, kinds[i]);
    }
    (void)weir_drain_commit(&drain);
    assert_true(weir_ring_is_durable(ring, lane.index, end));
    free(ring);
}
