/* SPDX-License-Identifier: Apache-2.0 */
/* What a call is told of where its key is used, and what it leaves behind. */
#include "gate_fixture.h"

static struct weir_signals *
open_signals(struct bench *bench, void **memory_out)
{
    size_t size = weir_signals_size(64);
    *memory_out = aligned_alloc(64, size);
    assert_ok(
        weir_signals_format(*memory_out, size, 64, &bench->gate.signals, NULL));
    return bench->gate.signals;
}

TEST(gate_signals, facts_are_of_the_key_the_country_and_the_time)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    void *memory;
    open_signals(bench, &memory);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(call.signals.known, WEIR_SIGNAL_PLACE | WEIR_SIGNAL_SEEN);
    assert_false(call.signals.is_undeclared);
    assert_int_equal(call.signals.countries, 1);
    assert_int_equal(call.signals.travel_kmh, 0);
    /* Two hours later somebody is at the other end of the world. */
    bench->now += 2 * 3600 * WEIR_US_PER_SEC;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "SG"));
    assert_true(call.signals.is_undeclared);
    assert_int_equal(call.signals.countries, 2);
    assert_in_range(call.signals.travel_kmh, 3500, 5000);
    /* Another key has seen nothing of it. */
    (void)begin(bench, &call, KEY_SOUTH, "large", "DE");
    assert_int_equal(call.signals.countries, 1);
    /* A day later neither has this one. */
    bench->now += 25 * 3600 * WEIR_US_PER_SEC;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(call.signals.countries, 1);
    assert_int_equal(call.signals.travel_kmh, 0);
    free(memory);
    bench_free(bench);
}

TEST(gate_signals, what_is_not_known_is_no_fact)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    void *memory;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(call.signals.known, WEIR_SIGNAL_PLACE); /* no table */
    open_signals(bench, &memory);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", ""));
    assert_int_equal(call.signals.known, 0);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "ZZ"));
    assert_int_equal(call.signals.known, 0);
    free(memory);
    bench_free(bench);
}

TEST(gate_signals, the_record_keeps_what_policy_was_told)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_intent intent;
    struct weir_replay_case told;
    uint64_t position;
    void *memory;
    open_signals(bench, &memory);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "SG"));
    bench->now += WEIR_US_PER_SEC;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_ok(weir_call_admit(&call, &position, NULL));
    assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                     &intent, NULL));
    weir_replay_of_intent(&intent, &told);
    assert_int_equal(told.signals.known, call.signals.known);
    assert_int_equal(told.signals.countries, 2);
    assert_int_equal(told.signals.travel_kmh, UINT16_MAX); /* saturated */
    struct weir_settlement done = {.ending = WEIR_END_NOT_SENT};
    weir_call_settle(&call, &done);
    free(memory);
    bench_free(bench);
}
