/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of calls: their routes, who pays, and what is on record of them. */
#include "gate_fixture.h"
#include "internal.h"

#define OF "req_01m82b84tr6cnqnkpyqf7nhezg"

static void
add_pair(struct weir_world *world, const char *name, const char *copy,
         bool charges)
{
    struct weir_world_route *route = weir_world_add_route(world);
    route->name = weir_span_of(name);
    route->candidates = (struct weir_world_range){world->candidate_count, 1};
    route->shadow = (struct weir_world_trial){name_of("large-berlin"), 1000000};
    route->charges_shadow = charges;
    weir_world_add_candidate(world)->name = name_of("large-oslo");
    route = weir_world_add_route(world);
    route->name = weir_span_of(copy);
    route->candidates = (struct weir_world_range){world->candidate_count, 1};
    route->charges_shadow = charges;
    route->is_shadow = true;
    weir_world_add_candidate(world)->name = name_of("large-berlin");
}

static void
with_shadows(struct weir_world *world)
{
    add_pair(world, "tried", "shadow/tried", false);
    add_pair(world, "charged", "shadow/charged", true);
}

/* The call that `of` names, once more; empty: a client's own. */
static weir_status
ask(struct bench *bench, struct weir_call *call, const char *key,
    const char *route, const char *of)
{
    const struct weir_client client = {
        .address = WEIR_SPAN("127.0.0.1"),
        .country = WEIR_SPAN("NO"),
        .end_customer = weir_span_of(key == NULL ? "north" : ""),
        .tags = WEIR_SPAN("team=search"),
        .shadow_of = weir_span_of(of)};
    const struct weir_ask asked = {.operation = WEIR_OP_CHAT,
                                   .model = weir_span_of(route),
                                   .input_tokens = 10,
                                   .output_tokens_max = 40,
                                   .n = 1,
                                   .body_bytes = 100};
    const char *secret = key == NULL ? KEY_MIDDLE : key;
    weir_call_begin(call, &bench->gate, &bench->view, &client, bench->now);
    assert_ok(
        weir_call_identify(call, (weir_secret){secret, strlen(secret)}, NULL));
    return weir_call_decide(call, &asked, NULL);
}

static void
admit(struct bench *bench, struct weir_call *call,
      struct weir_record_intent *intent_out)
{
    uint64_t position;
    assert_ok(weir_call_admit(call, &position, NULL));
    assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                     intent_out, NULL));
}

static void
settle(struct bench *bench, struct weir_call *call,
       struct weir_record_outcome *outcome_out)
{
    const struct weir_settlement done = {
        .ending = WEIR_END_COMPLETE,
        .http_status = 200,
        .usage = {.input_tokens = 10, .output_tokens = 20}};
    struct weir_step step =
        weir_call_first(call, &bench->view.overlay, bench->now, NULL);
    assert_int_equal(step.next, WEIR_NEXT_TRY);
    weir_span name =
        weir_image_text(&bench->view.image,
                        bench->view.image.deployments[step.deployment].name);
    if (weir__gate_is_shadow(call))
        assert_span(name, "large-berlin");
    else
        assert_span(name, "large-oslo");
    weir_call_answered(call, 200, bench->now);
    weir_call_settle(call, &done);
    assert_ok(weir_record_get_outcome(next_record(bench, WEIR_RECORD_OUTCOME),
                                      outcome_out, NULL));
}

TEST(gate_shadow, a_copy_takes_the_route_made_for_it_and_nobody_else_does)
{
    static const struct {
        const char *route;
        const char *of;
        weir_status status;
    } rows[] = {{"tried", "", WEIR_OK},
                {"shadow/tried", OF, WEIR_OK},
                {"shadow/tried", "", WEIR_ENOTFOUND},
                {"tried", OF, WEIR_ENOTFOUND},
                {"large", OF, WEIR_ENOTFOUND},
                {"shadow/nothing", OF, WEIR_ENOTFOUND}};
    struct bench *bench = bench_of(with_shadows);
    struct weir_call call;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
        assert_int_equal(
            ask(bench, &call, KEY_NORTH, rows[i].route, rows[i].of),
            rows[i].status);
    bench_free(bench);
}

TEST(gate_shadow, the_operators_copy_is_in_nobodys_budget_and_nobodys_sums)
{
    struct bench *bench = bench_of(with_shadows);
    struct weir_call own, copy;
    struct weir_record_intent intent;
    struct weir_record_outcome outcome;
    assert_ok(ask(bench, &own, NULL, "tried", ""));
    admit(bench, &own, &intent);
    assert_span(intent.tenant, "middle");
    assert_span(intent.end_customer, "north");
    assert_span(intent.tags, "team=search");
    assert_int_equal(intent.shadow_of.len, 0);
    settle(bench, &own, &outcome);
    assert_int_equal(used_tokens(bench, &own), 30);
    assert_ok(ask(bench, &copy, NULL, "shadow/tried", OF));
    admit(bench, &copy, &intent);
    assert_span(intent.tenant, WEIR_OPERATOR);
    assert_span(intent.project, WEIR_OPERATOR);
    assert_span(intent.key, WEIR_OPERATOR);
    assert_int_equal(intent.end_customer.len, 0);
    assert_int_equal(intent.tags.len, 0);
    assert_span(intent.shadow_of, OF " middle");
    assert_int_equal(used_tokens(bench, &copy), 30);
    settle(bench, &copy, &outcome);
    assert_span(outcome.shadow_of, OF);
    assert_int_equal(outcome.end_customer.len, 0);
    assert_int_equal(outcome.output_tokens, 20);
    assert_true(outcome.cost_micros > 0);
    assert_int_equal(used_tokens(bench, &copy), 30);
    bench_free(bench);
}

TEST(gate_shadow, a_copy_that_the_tenant_pays_for_is_held_and_is_his)
{
    struct bench *bench = bench_of(with_shadows);
    struct weir_call copy;
    struct weir_record_intent intent;
    struct weir_record_outcome outcome;
    assert_ok(ask(bench, &copy, NULL, "shadow/charged", OF));
    admit(bench, &copy, &intent);
    assert_span(intent.tenant, "middle");
    assert_span(intent.project, "app");
    assert_span(intent.key, "middle");
    assert_span(intent.end_customer, "north");
    assert_span(intent.shadow_of, OF);
    assert_int_equal(used_tokens(bench, &copy), 50);
    settle(bench, &copy, &outcome);
    assert_span(outcome.shadow_of, OF);
    assert_span(outcome.end_customer, "north");
    assert_int_equal(used_tokens(bench, &copy), 30);
    bench_free(bench);
}

TEST(gate_shadow, a_full_budget_stops_the_call_and_not_the_operators_copy)
{
    struct bench *bench = bench_of(with_shadows);
    struct weir_call call;
    struct weir_record_intent intent;
    uint64_t position;
    for (int i = 0; i < 20; i++) { /* 20 * 50 = 1000 tokens held */
        assert_ok(ask(bench, &call, KEY_NORTH, "tried", ""));
        admit(bench, &call, &intent);
    }
    assert_ok(ask(bench, &call, KEY_NORTH, "shadow/charged", OF));
    assert_int_equal(weir_call_admit(&call, &position, NULL), WEIR_EBUDGET);
    assert_ok(ask(bench, &call, KEY_NORTH, "shadow/tried", OF));
    admit(bench, &call, &intent);
    bench_free(bench);
}

TEST(gate_shadow, a_refused_copy_leaves_no_record)
{
    struct bench *bench = bench_of(with_shadows);
    struct weir_call call;
    struct weir_refusal refusal;
    struct weir_record extra;
    char room[WEIR_REFUSAL_ROOM];
    static const char *const of[] = {OF, ""};
    for (size_t i = 0; i < WEIR_COUNTOF(of); i++) {
        const char *route = i == 0 ? "shadow/tried" : "tried";
        assert_int_equal(ask(bench, &call, KEY_SOUTH, route, of[i]),
                         WEIR_EDENIED);
        weir_call_refusal(&call, WEIR_EDENIED, NULL, bench->now, room,
                          &refusal);
        assert_span(refusal.policy, "maker-owned");
        weir_call_refuse(&call, &refusal);
        if (i == 0)
            assert_int_equal(weir_drain_next(&bench->drain, &extra),
                             WEIR_DRAIN_EMPTY);
    }
    (void)next_record(bench, WEIR_RECORD_REFUSAL);
    bench_free(bench);
}

TEST(gate_shadow, an_exception_lets_the_call_through_and_not_its_copy)
{
    struct bench *bench = bench_of(with_shadows);
    struct weir_call call;
    struct weir_grant grant = {.party_kind = WEIR_GRANT_TENANT,
                               .from = NOON,
                               .until = NOON + WEIR_US_PER_SEC,
                               .amounts = {9, -1, -1}};
    grant.party = weir_grant_party_hash(WEIR_GRANT_TENANT, WEIR_SPAN("south"));
    assert_true(weir_grant_set_id(&grant, WEIR_SPAN("ex_one")));
    assert_true(weir_grant_set_name(&grant, WEIR_SPAN("south-owners")));
    weir_buf_reset(&bench->overlay_bytes);
    weir_overlay_write(NULL, 0, 2, bench->now, false, &bench->overlay_bytes);
    weir_overlay_add_grants(&grant, 1, &bench->overlay_bytes, 0);
    assert_ok(weir_overlay_open(weir_buf_span(&bench->overlay_bytes),
                                &bench->view.overlay, NULL));
    assert_ok(ask(bench, &call, KEY_SOUTH, "tried", ""));
    assert_span(weir_gate_exception(&bench->view, &call.answer), "ex_one");
    assert_int_equal(ask(bench, &call, KEY_SOUTH, "shadow/tried", OF),
                     WEIR_EDENIED);
    assert_int_equal(ask(bench, &call, KEY_SOUTH, "shadow/charged", OF),
                     WEIR_EDENIED);
    bench_free(bench);
}

TEST(gate_shadow, the_watch_looks_at_the_call_and_not_at_its_copy)
{
    struct bench *bench = bench_of(with_shadows);
    struct weir_call call;
    assert_ok(ask(bench, &call, KEY_NORTH, "tried", ""));
    assert_true(weir__gate_watches(&call));
    assert_ok(ask(bench, &call, KEY_NORTH, "shadow/tried", OF));
    assert_false(weir__gate_watches(&call));
    assert_ok(ask(bench, &call, KEY_NORTH, "shadow/charged", OF));
    assert_false(weir__gate_watches(&call));
    bench_free(bench);
}
