/* SPDX-License-Identifier: Apache-2.0 */
/* What a call is told of where its key is used, and what it leaves behind. */
#include "gate_fixture.h"
#include "internal.h"

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

TEST(gate_signals, that_a_client_cannot_be_placed_is_told_with_its_cause)
{
    static const struct {
        const char *country;
        uint32_t system;
        enum weir_unknown said, place, network;
    } rows[] = {
        {"NO", 64500, 0, 0, 0},
        {"NO", 0, 0, 0, WEIR_UNKNOWN_NO_DATABASE}, /* nobody said why */
        {"", 64500, WEIR_UNKNOWN_NOT_LISTED, WEIR_UNKNOWN_NOT_LISTED, 0},
        {"", 0, WEIR_UNKNOWN_NO_ADDRESS, WEIR_UNKNOWN_NO_ADDRESS,
         WEIR_UNKNOWN_NO_ADDRESS},
        {"ZZ", 64500, 0, WEIR_UNKNOWN_NO_PLACE, 0},
        {"EU", 0, WEIR_UNKNOWN_UNREADABLE, WEIR_UNKNOWN_NO_PLACE,
         WEIR_UNKNOWN_UNREADABLE},
    };
    struct bench *bench = bench_new();
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_call call = {.gate = &bench->gate, .view = &bench->view};
        call.client = (struct weir_client){
            .country = weir_span_of(rows[i].country),
            .system = rows[i].system,
            .country_unknown = rows[i].said,
            .system_unknown = rows[i].said,
        };
        weir__gate_see(&call);
        assert_int_equal(call.signals.place_unknown, rows[i].place);
        assert_int_equal(call.signals.network_unknown, rows[i].network);
        assert_int_equal(call.signals.system, rows[i].system);
        assert_int_equal((call.signals.known & WEIR_SIGNAL_PLACE) == 0,
                         rows[i].place != 0);
    }
    assert_string_equal(weir_unknown_name(WEIR_UNKNOWN_NO_PLACE), "no_place");
    assert_string_equal(weir_unknown_name(WEIR_UNKNOWNS), "unrecorded");
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
