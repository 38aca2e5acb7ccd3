/* SPDX-License-Identifier: Apache-2.0 */
/* Who may have lists, and calls that weir makes of itself; gate_fixture.h. */
#include "gate_fixture.h"

static void
with_batches(struct weir_world *world)
{
    world->model_rows[0].operations = 1u << WEIR_OP_CHAT | 1u << WEIR_OP_BATCH;
}

static void
begin_as(struct bench *bench, struct weir_call *call, const char *secret,
         const char *id, bool is_part)
{
    const struct weir_client client = {.address = WEIR_SPAN("127.0.0.1"),
                                       .country = WEIR_SPAN("NO"),
                                       .key_id = weir_span_of(id),
                                       .is_part = is_part};
    weir_call_begin(call, &bench->gate, &bench->view, &client, bench->now);
    if (secret[0] != '\0')
        assert_ok(weir_call_identify(
            call, (weir_secret){secret, strlen(secret)}, NULL));
}

TEST(gate_lists, who_may_have_batches_may_have_lists)
{
    struct bench *bench = bench_of(with_batches);
    struct weir_call call;
    struct weir_record_intent intent;
    uint64_t position;
    begin_as(bench, &call, KEY_NORTH, "", false);
    assert_ok(weir_call_decide_list(&call, NULL));
    assert_ok(weir_call_admit(&call, &position, NULL));
    assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                     &intent, NULL));
    assert_int_equal(intent.operation, WEIR_OP_BATCH);
    assert_span(intent.model, "large"); /* that decided: to be asked again */
    assert_int_equal(intent.held_tokens, 0);
    bench_free(bench);
}

TEST(gate_lists, whom_policy_refuses_batches_it_refuses_lists)
{
    struct bench *bench = bench_of(with_batches);
    struct weir_call call;
    struct weir_refusal refusal;
    char room[WEIR_REFUSAL_ROOM];
    begin_as(bench, &call, KEY_SOUTH, "", false);
    assert_int_equal(weir_call_decide_list(&call, NULL), WEIR_EDENIED);
    weir_call_refusal(&call, WEIR_EDENIED, NULL, bench->now, room, &refusal);
    assert_span(refusal.policy, "maker-owned");
    bench_free(bench);
}

TEST(gate_lists, where_nothing_has_batches_there_are_no_lists)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    begin_as(bench, &call, KEY_NORTH, "", false);
    assert_int_equal(weir_call_decide_list(&call, NULL), WEIR_ENOTFOUND);
    assert_int_equal(call.reason, WEIR_REASON_OPERATION);
    bench_free(bench);
}

TEST(gate_lists, a_part_of_a_list_holds_nothing)
{
    struct bench *bench = bench_of(with_batches);
    struct weir_call call;
    uint64_t position;
    const struct weir_ask ask = {.operation = WEIR_OP_CHAT,
                                 .model = WEIR_SPAN("large"),
                                 .input_tokens = 30,
                                 .output_tokens_max = 20,
                                 .n = 1};
    begin_as(bench, &call, KEY_NORTH, "", true);
    assert_ok(weir_call_decide(&call, &ask, NULL));
    assert_ok(weir_call_admit(&call, &position, NULL));
    assert_false(call.has_hold);
    begin_as(bench, &call, KEY_NORTH, "", false);
    assert_ok(weir_call_decide(&call, &ask, NULL));
    assert_ok(weir_call_admit(&call, &position, NULL));
    assert_true(call.has_hold);
    bench_free(bench);
}

TEST(gate_lists, a_look_of_weirs_own_is_by_a_key_that_is_in_force)
{
    struct bench *bench = bench_of(with_batches);
    struct weir_call call;
    struct weir_overlay_item item = {WEIR_KIND_KEY, WEIR_SPAN("north")};
    begin_as(bench, &call, "", "north", true);
    assert_ok(weir_call_identify_as(&call, NULL));
    assert_ok(weir_call_decide_list(&call, NULL));
    begin_as(bench, &call, "", "nobody", true);
    assert_int_equal(weir_call_identify_as(&call, NULL), WEIR_EUNAUTH);
    set_overlay(bench, &item, 1, &bench->view.overlay);
    begin_as(bench, &call, "", "north", true);
    assert_int_equal(weir_call_identify_as(&call, NULL), WEIR_EUNAUTH);
    assert_int_equal(call.reason, WEIR_REASON_REVOKED_KEY);
    bench_free(bench);
}
