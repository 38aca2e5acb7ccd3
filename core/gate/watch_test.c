/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of the watch and the features of a call; see gate_fixture.h. */
#include "gate_fixture.h"

#include <weir/watch_ladder.h>

static struct weir_watch_step
step_for(enum weir_watch_subject_kind kind, const char *name, uint8_t action)
{
    struct weir_watch_step step = {
        .subject = weir_watch_subject(kind, weir_span_of(name)),
        .subject_kind = (uint8_t)kind,
        .action = action,
        .agreed = action, /* these policies have no rule: a person said yes */
        .until = NOON + WEIR_US_PER_SEC,
    };
    assert_true(weir_watch_step_set_id(&step, WEIR_SPAN("wc_7")));
    return step;
}

static void
set_steps(struct bench *bench, const struct weir_watch_step *steps,
          size_t count)
{
    weir_buf_reset(&bench->overlay_bytes);
    weir_overlay_write(NULL, 0, 2, bench->now, false, &bench->overlay_bytes);
    weir_overlay_add_steps(steps, count, &bench->overlay_bytes, 0);
    assert_ok(weir_overlay_open(weir_buf_span(&bench->overlay_bytes),
                                &bench->view.overlay, NULL));
}

TEST(gate_watch, hold_and_suspend_refuse_with_case_end_and_appeal)
{
    static const struct {
        enum weir_watch_action action;
        weir_status status;
        const char *code;
        const char *decision;
    } rows[] = {{WEIR_WATCH_HOLD, WEIR_EHELD, "watch_hold", "hold"},
                {WEIR_WATCH_SUSPEND, WEIR_EDENIED, "watch_suspended", "deny"}};
    struct bench *bench = bench_new();
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_watch_step step =
            step_for(WEIR_WATCH_OF_TENANT, "north", (uint8_t)rows[i].action);
        struct weir_call call;
        struct weir_refusal refusal;
        struct weir_record_refusal record;
        struct weir_error err = {0};
        char room[WEIR_REFUSAL_ROOM];
        set_steps(bench, &step, 1);
        assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "NO"),
                         rows[i].status);
        weir_call_refusal(&call, rows[i].status, &err, bench->now, room,
                          &refusal);
        assert_true(weir_span_equal(refusal.code, weir_span_of(rows[i].code)));
        assert_true(
            weir_span_equal(refusal.decision, weir_span_of(rows[i].decision)));
        assert_span(refusal.watch_case, "wc_7");
        assert_span(refusal.appeal, "appeal@seller.example");
        assert_int_equal(refusal.policy.len, 0);
        assert_int_equal(refusal.retry_after_s, 0);
        assert_true(refusal.ends_at == step.until);
        weir_call_refuse(&call, &refusal);
        assert_ok(weir_record_get_refusal(
            next_record(bench, WEIR_RECORD_REFUSAL), &record, NULL));
        assert_int_equal(record.step.action, rows[i].action);
        assert_int_equal(record.step.subject, WEIR_WATCH_OF_TENANT);
        assert_span(record.step.id, "wc_7");
        assert_ok(begin_for(bench, &call, KEY_MIDDLE, "large", "NO", "north"));
    }
    bench_free(bench);
}

TEST(gate_watch, a_step_is_over_at_its_end_whoever_is_dead)
{
    struct bench *bench = bench_new();
    struct weir_watch_step step =
        step_for(WEIR_WATCH_OF_KEY, "north", WEIR_WATCH_HOLD);
    struct weir_call call;
    set_steps(bench, &step, 1);
    bench->now = step.until - 1;
    assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "NO"), WEIR_EHELD);
    bench->now = step.until;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    step.from = step.until;
    step.until += 10;
    set_steps(bench, &step, 1);
    bench->now = step.from - 1;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    bench->now = step.from;
    assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "NO"), WEIR_EHELD);
    bench_free(bench);
}

TEST(gate_watch, every_kind_of_subject_is_met_and_no_other)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    uint64_t middle =
        weir_watch_subject(WEIR_WATCH_OF_TENANT, WEIR_SPAN("middle"));
    const struct {
        enum weir_watch_subject_kind kind;
        const char *name;
    } rows[] = {{WEIR_WATCH_OF_KEY, "middle"},
                {WEIR_WATCH_OF_PROJECT, "middle/app"},
                {WEIR_WATCH_OF_TENANT, "middle"},
                {WEIR_WATCH_OF_ORGANISATION, "middle"},
                {WEIR_WATCH_OF_GROUP, "middle"},
                {WEIR_WATCH_OF_END_CUSTOMER, "north"}};
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_watch_step step =
            step_for(rows[i].kind, rows[i].name, WEIR_WATCH_HOLD);
        if (rows[i].kind == WEIR_WATCH_OF_END_CUSTOMER)
            step.subject = weir_watch_end_customer(middle, WEIR_SPAN("north"));
        set_steps(bench, &step, 1);
        assert_int_equal(
            begin_for(bench, &call, KEY_MIDDLE, "large", "NO", "north"),
            WEIR_EHELD);
        assert_int_equal(call.step.subject, rows[i].kind);
        assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
        if (rows[i].kind == WEIR_WATCH_OF_END_CUSTOMER)
            assert_ok(begin_for(bench, &call, KEY_MIDDLE, "large", "NO",
                                "seller-co"));
        /* the digest of one kind is not another kind's */
        step.subject_kind = rows[i].kind == WEIR_WATCH_OF_KEY
                                ? WEIR_WATCH_OF_TENANT
                                : WEIR_WATCH_OF_KEY;
        set_steps(bench, &step, 1);
        assert_ok(begin_for(bench, &call, KEY_MIDDLE, "large", "NO", "north"));
    }
    bench_free(bench);
}

TEST(gate_watch, an_owned_customer_is_in_the_group_of_its_owner)
{
    struct bench *bench = bench_new();
    struct weir_watch_pools pools;
    const struct weir_image *image = &bench->view.image;
    uint64_t pole = weir_watch_subject(WEIR_WATCH_OF_GROUP, WEIR_SPAN("pole"));
    for (uint32_t key = 0; key < image->key_count; key++) {
        weir_gate_pools(image, key, WEIR_SPAN_NONE, &pools);
        weir_span id = weir_image_text(image, image->keys[key].id);
        assert_int_equal(pools.of[WEIR_WATCH_OF_GROUP] == pole,
                         weir_span_equal(id, WEIR_SPAN("south")));
        assert_true(pools.of[WEIR_WATCH_OF_KEY] ==
                    weir_watch_subject(WEIR_WATCH_OF_KEY, id));
        assert_true(pools.of[WEIR_WATCH_OF_TENANT] ==
                    weir_watch_subject(WEIR_WATCH_OF_TENANT, id));
        assert_true(pools.of[WEIR_WATCH_OF_END_CUSTOMER] == 0);
    }
    bench_free(bench);
}

TEST(gate_watch, the_strictest_of_several_counts_and_targets_limit)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_watch_step steps[] = {
        step_for(WEIR_WATCH_OF_TENANT, "north", WEIR_WATCH_SLOW),
        step_for(WEIR_WATCH_OF_KEY, "north", WEIR_WATCH_STRIP),
        step_for(WEIR_WATCH_OF_ORGANISATION, "north", WEIR_WATCH_HOLD)};
    steps[2].target_kind = WEIR_GRANT_MODEL;
    steps[2].target =
        weir_grant_target_hash(WEIR_GRANT_MODEL, WEIR_SPAN("small"));
    set_steps(bench, steps, 3);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(call.step.action, WEIR_WATCH_STRIP);
    assert_int_equal(call.answer.obligations.max_n, 1);
    assert_int_equal(call.answer.obligations.strip,
                     WEIR_STRIP_LOGPROBS | WEIR_STRIP_REASONING);
    assert_int_equal(begin(bench, &call, KEY_NORTH, "small", "NO"), WEIR_EHELD);
    char text[WEIR_CALL_STEP_TEXT];
    assert_true(weir_call_step_text(&call.step, text) > 0);
    assert_int_equal(strncmp(text, "hold; case=wc_7; until=20", 25), 0);
    bench_free(bench);
}

TEST(gate_watch, fallback_does_not_pass_a_held_model)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_candidate one;
    struct weir_watch_step step =
        step_for(WEIR_WATCH_OF_KEY, "north", WEIR_WATCH_HOLD);
    step.target_kind = WEIR_GRANT_PROVIDER;
    step.target =
        weir_grant_target_hash(WEIR_GRANT_PROVIDER, WEIR_SPAN("maker"));
    set_steps(bench, &step, 1);
    assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "NO"), WEIR_EHELD);
    for (uint32_t i = 0; i < call.answer.candidate_count; i++)
        assert_true(call.answer.candidates[i].verdict != WEIR_ALLOW);
    struct weir_question question = {.key = call.key,
                                     .model = WEIR_SPAN("large"),
                                     .now = bench->now,
                                     .country = WEIR_SPAN("NO")};
    uint32_t deployment = call.answer.candidates[1].deployment;
    weir_gate_decide_one(&bench->view, &question, deployment, &one);
    assert_int_equal(one.verdict, WEIR_HOLD);
    assert_int_equal(one.reason, WEIR_REASON_WATCH_HOLD);
    bench_free(bench);
}

TEST(gate_watch, slow_gives_so_many_calls_a_minute)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    uint64_t position;
    struct weir_refusal refusal;
    struct weir_error err = {0};
    char room[WEIR_REFUSAL_ROOM];
    struct weir_watch_step step =
        step_for(WEIR_WATCH_OF_KEY, "north", WEIR_WATCH_SLOW);
    step.rate = 3;
    step.delay_ms = 250;
    step.until = NOON + WEIR_US_PER_DAY;
    set_steps(bench, &step, 1);
    for (int i = 0; i < 3; i++) {
        assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
        assert_int_equal(call.step.delay_ms, 250);
        assert_ok(weir_call_admit(&call, &position, NULL));
        struct weir_record_intent intent;
        assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                         &intent, NULL));
        assert_int_equal(intent.step.action, WEIR_WATCH_SLOW);
        assert_int_equal(intent.step.rate, 3);
    }
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(weir_call_admit(&call, &position, &err), WEIR_ERATE);
    assert_int_equal(call.reason, WEIR_REASON_WATCH_SLOW);
    weir_call_refusal(&call, WEIR_ERATE, &err, bench->now, room, &refusal);
    assert_span(refusal.code, "watch_slow");
    assert_span(refusal.window, "key requests per minute");
    assert_span(refusal.watch_case, "wc_7");
    assert_in_range(refusal.retry_after_s, 1, 60);
    bench->now += 61 * WEIR_US_PER_SEC;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_ok(weir_call_admit(&call, &position, &err));
    bench_free(bench);
}

TEST(gate_watch, only_what_monitor_says_is_applied)
{
    static const struct {
        const char *monitor;
        uint8_t action;
        uint8_t agreed;
        bool is_met;
    } rows[] = {
        {"@monitor(\"steps=observe; ask=slow\")", WEIR_WATCH_HOLD,
         WEIR_WATCH_HOLD, false},
        {"@monitor(\"steps=observe; ask=hold\")", WEIR_WATCH_HOLD,
         WEIR_WATCH_HOLD, true},
        /* Another policy took it by itself: this one asks a person. */
        {"@monitor(\"steps=observe; ask=hold\")", WEIR_WATCH_HOLD,
         WEIR_WATCH_STRIP, false},
        {"@monitor(\"steps=hold\")", WEIR_WATCH_HOLD, 0, true},
        /* Without a rule: as control has it, observe by itself and the rest
         * by a person. */
        {"@monitor(\"a label\")", WEIR_WATCH_HOLD, WEIR_WATCH_HOLD, true},
        {"@monitor(\"a label\")", WEIR_WATCH_HOLD, WEIR_WATCH_STRIP, false},
        {"", WEIR_WATCH_HOLD, 0, false},
        {"", WEIR_WATCH_STRIP, 0, false},
        {"", WEIR_WATCH_STRIP, WEIR_WATCH_STRIP, true},
        {"", WEIR_WATCH_SUSPEND, WEIR_WATCH_SUSPEND, true},
        {"", WEIR_WATCH_OBSERVE, 0, true}};
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct bench *bench = bench_new();
        struct weir_call call;
        char policy[1024];
        snprintf(policy, sizeof(policy),
                 "@id(\"p\") @title(\"A rule\") @authority(\"Seller\") %s\n"
                 "permit (principal, action, resource) when {\n"
                 "    resource in Bloc::\"hosting\" || "
                 "resource in Jurisdiction::\"AQ\" };\n",
                 rows[i].monitor);
        bench->world->policy_rows[0].text = weir_span_of(policy);
        weir_buf_reset(&bench->image_bytes);
        assert_ok(weir_image_compile(bench->world, bench->now, 1,
                                     &bench->image_bytes, &bench->faults));
        assert_ok(weir_image_open(weir_buf_span(&bench->image_bytes),
                                  &bench->view.image, NULL));
        struct weir_watch_step step =
            step_for(WEIR_WATCH_OF_KEY, "north", rows[i].action);
        step.agreed = rows[i].agreed;
        set_steps(bench, &step, 1);
        weir_status status = begin(bench, &call, KEY_NORTH, "large", "NO");
        assert_int_equal(status, !rows[i].is_met                  ? WEIR_OK
                                 : step.action == WEIR_WATCH_HOLD ? WEIR_EHELD
                                 : step.action == WEIR_WATCH_SUSPEND
                                     ? WEIR_EDENIED
                                     : WEIR_OK);
        assert_int_equal(call.step.action, rows[i].is_met ? step.action : 0);
        bench_free(bench);
    }
}

#define BODY                                                                   \
    "{\"model\":\"large\",\"messages\":[{\"role\":\"user\",\"content\":"       \
    "\"Write an essay about rivers.\"}],\"temperature\":0.5}"

static void
finish(struct bench *bench, struct weir_call *call,
       struct weir_record_outcome *outcome_out)
{
    uint64_t position;
    struct weir_settlement done = {
        .ending = WEIR_END_COMPLETE,
        .http_status = 200,
        .usage = {.input_tokens = 7, .output_tokens = 5},
        .content_bytes = 21};
    assert_ok(weir_call_admit(call, &position, NULL));
    (void)next_record(bench, WEIR_RECORD_INTENT);
    (void)weir_call_first(call, &bench->view.overlay, bench->now, NULL);
    weir_call_answered(call, 200, bench->now);
    weir_call_watch_reply(call, WEIR_SPAN("{\"content\":\"1. a\\n2. b\\n"));
    weir_call_watch_reply(call, WEIR_SPAN("3. c\\n4. d\"}"));
    weir_call_settle(call, &done);
    assert_ok(weir_record_get_outcome(next_record(bench, WEIR_RECORD_OUTCOME),
                                      outcome_out, NULL));
}

TEST(gate_watch, an_outcome_has_the_features_of_the_call_and_no_text)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_outcome outcome;
    struct weir_watch_features features;
    struct weir_watch_call plain;
    struct weir_watch_features expected;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    call.client.has_bits = true;
    weir_call_watch(&call, WEIR_SPAN(BODY));
    finish(bench, &call, &outcome);
    assert_ok(weir_watch_unpack(outcome.watch.block, &features, NULL));
    weir_watch_begin(&plain);
    weir_watch_request(&plain, WEIR_SPAN(BODY));
    weir_watch_finish(&plain, NULL, &expected);
    assert_true(features.frame == expected.frame);
    assert_memory_equal(features.sketch, expected.sketch,
                        sizeof(features.sketch));
    assert_int_equal(features.input_tokens, 7);
    assert_int_equal(features.reply_bytes, 21);
    assert_int_equal(features.temperature, 32);
    assert_true((features.bits & WEIR_WATCH_BIT(STEPS)) != 0);
    assert_true(outcome.watch.pools.model ==
                weir_kind_hash(WEIR_KIND_MODEL, WEIR_SPAN("large")));
    assert_true(outcome.watch.pools.network != 0);
    for (size_t i = 0; i < sizeof(call.watching.head); i++)
        assert_true(memcmp(call.watching.head, "Write", 5) != 0);
    /* south keeps its clients' addresses out of records */
    assert_true(bench->view.image.tenants[1].flags & WEIR_TENANT_HIDE_ADDRESS);
    bench_free(bench);
}

TEST(gate_watch, who_is_not_watched_has_no_block)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_outcome outcome;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    finish(bench, &call, &outcome);
    assert_int_equal(outcome.watch.block.len, 0);
    for (int i = 0; i < 2; i++) {
        bench->world->tenant_rows[0].is_unwatched = i == 0;
        bench->world->model_rows[0].is_unwatched = i == 1;
        weir_buf_reset(&bench->image_bytes);
        assert_ok(weir_image_compile(bench->world, bench->now, 1,
                                     &bench->image_bytes, &bench->faults));
        assert_ok(weir_image_open(weir_buf_span(&bench->image_bytes),
                                  &bench->view.image, NULL));
        assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
        weir_call_watch(&call, WEIR_SPAN(BODY));
        finish(bench, &call, &outcome);
        assert_int_equal(outcome.watch.block.len, 0);
    }
    bench_free(bench);
}

TEST(gate_watch, a_refusal_says_what_was_asked)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_refusal record;
    struct weir_watch_features features;
    struct weir_refusal refusal = {.status = WEIR_EDENIED};
    assert_int_equal(begin(bench, &call, KEY_SOUTH, "large", "NO"),
                     WEIR_EDENIED);
    weir_call_watch(&call, WEIR_SPAN(BODY));
    weir_call_refuse(&call, &refusal);
    assert_ok(weir_record_get_refusal(next_record(bench, WEIR_RECORD_REFUSAL),
                                      &record, NULL));
    assert_ok(weir_watch_unpack(record.watch.block, &features, NULL));
    assert_int_equal(features.reply_bytes, 0);
    assert_int_equal(features.words, 5);
    assert_true(record.watch.pools.network == 0);
    bench_free(bench);
}

TEST(gate_watch, a_shared_indicator_is_found)
{
    static uint64_t memory[1024];
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_outcome outcome;
    struct weir_watch_call plain;
    struct weir_watch_features features;
    struct weir_indicators set;
    struct weir_buf out;
    weir_watch_begin(&plain);
    weir_watch_request(&plain, WEIR_SPAN(BODY));
    weir_watch_finish(&plain, NULL, &features);
    struct weir_indicator_exchange exchanges[] = {
        {.name = WEIR_SPAN("none"), .until = NOON + 1},
        {.name = WEIR_SPAN("one"),
         .salt = {9},
         .number = 1,
         .until = NOON + 1}};
    uint64_t word = weir_indicator_word(exchanges[1].salt, WEIR_INDICATOR_FRAME,
                                        features.frame);
    exchanges[1].words = &word;
    exchanges[1].count = 1;
    weir_buf_init_fixed(&out, (char *)memory, sizeof(memory));
    assert_ok(weir_indicators_write(exchanges, 2, 1, NOON, &out, NULL));
    assert_ok(weir_indicators_open(weir_buf_span(&out), &set, NULL));
    bench->gate.indicators = &set;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    weir_call_watch(&call, WEIR_SPAN(BODY));
    finish(bench, &call, &outcome);
    assert_int_equal(outcome.watch.pools.exchanges, 2);
    assert_int_equal(outcome.watch.pools.matches, 1u << WEIR_INDICATOR_FRAME);
    bench_free(bench);
}
