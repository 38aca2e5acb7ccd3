/* SPDX-License-Identifier: Apache-2.0 */
/* Calls from their first byte to their bill; see gate_fixture.h. */
#include "gate_fixture.h"

TEST(gate, allowed_call_has_intent_outcome_and_exact_budget)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_intent intent;
    struct weir_record_outcome outcome;
    uint64_t position = 99;

    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_ok(weir_call_admit(&call, &position, NULL));
    assert_int_equal(position, 0); /* the permit asks for tier crash */
    assert_int_equal(used_tokens(bench, &call), 50);
    assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                     &intent, NULL));
    assert_int_equal(intent.candidate_count, 3);
    assert_span(intent.address, "127.0.0.1");
    assert_int_equal(intent.candidates[0].verdict, WEIR_DENY);
    assert_span(intent.candidates[0].policies, "seller-storage");
    assert_span(intent.candidates[1].policies, "seller-open");
    assert_span(intent.candidates[1].shadows, "seller-shadow");
    assert_int_equal(intent.order_count, 2);
    assert_int_equal(call.answer.obligations.max_n, 4);
    assert_int_equal(call.answer.obligations.strip, WEIR_STRIP_LOGPROBS);

    struct weir_step step =
        weir_call_first(&call, &bench->view.overlay, bench->now, NULL);
    assert_int_equal(step.next, WEIR_NEXT_TRY);
    weir_call_answered(&call, 200, bench->now);
    struct weir_settlement done = {
        .ending = WEIR_END_COMPLETE,
        .http_status = 200,
        .usage = {.input_tokens = 7, .output_tokens = 5}};
    weir_call_settle(&call, &done);
    weir_call_settle(&call, &done); /* once */
    assert_int_equal(used_tokens(bench, &call), 12);
    assert_ok(weir_record_get_outcome(next_record(bench, WEIR_RECORD_OUTCOME),
                                      &outcome, NULL));
    assert_int_equal(outcome.cost_micros, 17); /* 7 * 1 + 5 * 2 */
    assert_span(outcome.deployment, "large-oslo");
    assert_span(outcome.place, "NO");
    assert_int_equal(outcome.attempt_count, 1);
    struct weir_record extra;
    assert_int_equal(weir_drain_next(&bench->drain, &extra), WEIR_DRAIN_EMPTY);
    bench_free(bench);
}

TEST(gate, owned_customer_is_refused_with_policy_authority_and_appeal)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_refusal refusal;
    struct weir_record_refusal record;
    char room[WEIR_REFUSAL_ROOM];

    assert_int_equal(begin(bench, &call, KEY_SOUTH, "large", "NO"),
                     WEIR_EDENIED);
    weir_call_refusal(&call, WEIR_EDENIED, NULL, bench->now, room, &refusal);
    assert_span(refusal.policy, "maker-owned");
    assert_span(refusal.authority, "Maker, terms 4.2");
    assert_span(refusal.appeal, "appeal@maker.example");
    assert_span(refusal.code, "policy_forbids");
    weir_call_refuse(&call, &refusal);
    assert_ok(weir_record_get_refusal(next_record(bench, WEIR_RECORD_REFUSAL),
                                      &record, NULL));
    assert_int_equal(record.http_status, 403);
    assert_span(record.policy, "maker-owned");
    assert_int_equal(record.address.len, 0); /* this tenant hides it */
    bench_free(bench);
}

TEST(gate, hold_begins_and_ends_with_its_dates)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    weir_time from;
    weir_time until;

    assert_true(weir_time_parse(WEIR_SPAN("2026-11-10"), &from));
    assert_true(weir_time_parse(WEIR_SPAN("2026-12-10"), &until));
    bench->now = from - 1;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "BV"));
    bench->now = from;
    assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "BV"), WEIR_EHELD);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    bench->now = until - 1;
    assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "BV"), WEIR_EHELD);
    bench->now = until;
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "BV"));
    bench_free(bench);
}

TEST(gate, unknown_revoked_and_expired_keys_are_told_apart)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_overlay_item item = {WEIR_KIND_KEY, WEIR_SPAN("north")};

    assert_int_equal(begin(bench, &call, "wr_nobody", "large", "NO"),
                     WEIR_EUNAUTH);
    assert_int_equal(call.reason, WEIR_REASON_UNKNOWN_KEY);
    assert_int_equal(begin(bench, &call, "", "large", "NO"), WEIR_EUNAUTH);
    assert_int_equal(call.reason, WEIR_REASON_NO_KEY);
    set_overlay(bench, &item, 1, &bench->view.overlay);
    assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "NO"),
                     WEIR_EUNAUTH);
    assert_int_equal(call.reason, WEIR_REASON_REVOKED_KEY);
    set_overlay(bench, NULL, 0, &bench->view.overlay);
    bench->now = NOON + WEIR_US_PER_DAY * 366;
    assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "NO"),
                     WEIR_EUNAUTH);
    assert_int_equal(call.reason, WEIR_REASON_EXPIRED_KEY);
    bench_free(bench);
}

TEST(gate, each_kind_of_withdrawal_acts)
{
    static const struct {
        enum weir_kind kind;
        const char *name;
        weir_status large;
        weir_status small;
    } rows[] = {
        {WEIR_KIND_MODEL, "large", WEIR_EDENIED, WEIR_OK},
        {WEIR_KIND_DEPLOYMENT, "large-oslo", WEIR_OK, WEIR_OK},
        {WEIR_KIND_DEPLOYMENT, "small-oslo", WEIR_OK, WEIR_EDENIED},
        {WEIR_KIND_PROVIDER, "maker", WEIR_EDENIED, WEIR_EDENIED},
        {WEIR_KIND_ORGANISATION, "north", WEIR_EDENIED, WEIR_EDENIED},
        {WEIR_KIND_ORGANISATION, "seller-co", WEIR_EDENIED, WEIR_EDENIED},
        {WEIR_KIND_ORGANISATION, "south", WEIR_OK, WEIR_OK},
        {WEIR_KIND_JURISDICTION, "NO", WEIR_OK, WEIR_EDENIED},
        {WEIR_KIND_JURISDICTION, "DE", WEIR_OK, WEIR_OK},
    };
    struct bench *bench = bench_new();
    struct weir_call call;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_overlay_item item = {rows[i].kind,
                                         weir_span_of(rows[i].name)};
        set_overlay(bench, &item, 1, &bench->view.overlay);
        assert_int_equal(begin(bench, &call, KEY_NORTH, "large", "NO"),
                         rows[i].large);
        assert_int_equal(begin(bench, &call, KEY_NORTH, "small", "NO"),
                         rows[i].small);
    }
    bench_free(bench);
}

TEST(gate, stale_policy_closes_all_but_the_listed_models)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_client client = {WEIR_SPAN("127.0.0.1"), WEIR_SPAN("NO")};
    struct weir_ask ask = {.operation = WEIR_OP_CHAT, .n = 1};
    weir_time old = bench->now - 2 * WEIR_US_PER_DAY;

    weir_call_begin(&call, &bench->gate, &bench->view, &client, old);
    assert_ok(weir_call_identify(
        &call, (weir_secret){KEY_NORTH, sizeof(KEY_NORTH) - 1}, NULL));
    ask.model = WEIR_SPAN("large");
    assert_int_equal(weir_call_decide(&call, &ask, NULL), WEIR_ESTALE);
    ask.model = WEIR_SPAN("small");
    assert_ok(weir_call_decide(&call, &ask, NULL));
    bench_free(bench);
}

TEST(gate, full_budget_refuses_and_names_window_and_reopening)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_refusal refusal;
    char room[WEIR_REFUSAL_ROOM];
    uint64_t position;

    for (int i = 0; i < 20; i++) { /* 20 * 50 = 1000 tokens held */
        assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
        assert_ok(weir_call_admit(&call, &position, NULL));
    }
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(weir_call_admit(&call, &position, NULL), WEIR_EBUDGET);
    weir_call_refusal(&call, WEIR_EBUDGET, NULL, bench->now, room, &refusal);
    assert_span(refusal.window, "project tokens per day");
    assert_true(refusal.reopens_at > bench->now);
    assert_true(refusal.retry_after_s > 0);
    assert_int_equal(weir_status_info(refusal.status)->http, 429);
    bench_free(bench);
}

TEST(gate, no_record_no_call_and_the_hold_is_given_back)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    uint64_t position;

    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    weir_ring_set_state(bench->ring, WEIR_JOURNAL_NO_SPACE);
    assert_int_equal(weir_call_admit(&call, &position, NULL), WEIR_EUNAVAIL);
    assert_int_equal(call.reason, WEIR_REASON_NO_RECORD);
    assert_int_equal(used_tokens(bench, &call), 0);
    bench_free(bench);
}

TEST(gate, fallback_walks_allowed_candidates_only)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_attempt_result failed = {.end = WEIR_ATTEMPT_REFUSED,
                                         .retry_after_ms = -1};
    struct weir_error err = {0};
    uint64_t position;

    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_ok(weir_call_admit(&call, &position, NULL));
    struct weir_step step =
        weir_call_first(&call, &bench->view.overlay, bench->now, &err);
    const struct weir_image *image = &bench->view.image;
    for (int i = 0; i < WEIR_ATTEMPTS_MAX + 1; i++) {
        if (step.next != WEIR_NEXT_TRY)
            break;
        weir_span name =
            weir_image_text(image, image->deployments[step.deployment].name);
        assert_false(weir_span_equal(name, WEIR_SPAN("large-cold")));
        bench->now += step.wait_us + 1000;
        step = weir_call_next(&call, &failed, &bench->view.overlay, bench->now,
                              &err);
    }
    assert_int_equal(step.next, WEIR_NEXT_REFUSE);
    assert_int_equal(err.status, WEIR_EUPSTREAM);
    assert_true(strstr(err.text, "no connection to the origin") != NULL);
    bench_free(bench);
}

TEST(gate, withdrawal_between_attempts_takes_the_candidate_away)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_overlay newest;
    struct weir_overlay_item item = {WEIR_KIND_MODEL, WEIR_SPAN("large")};
    struct weir_error err = {0};
    uint64_t position;

    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_ok(weir_call_admit(&call, &position, NULL));
    set_overlay(bench, &item, 1, &newest);
    struct weir_step step = weir_call_first(&call, &newest, bench->now, &err);
    assert_int_equal(step.next, WEIR_NEXT_REFUSE);
    assert_int_equal(err.status, WEIR_EDENIED);
    bench_free(bench);
}

TEST(gate, replay_repeats_the_record_and_sees_a_withdrawal)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_intent intent;
    struct weir_replay replay;
    struct weir_replay_case recorded;
    struct weir_answer answer;
    struct weir_arena arena;
    struct weir_overlay_item item = {WEIR_KIND_DEPLOYMENT,
                                     WEIR_SPAN("large-oslo")};
    struct weir_error difference = {0};
    uint64_t position;

    weir_arena_init_heap(&arena, 1u << 20);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_ok(weir_call_admit(&call, &position, NULL));
    assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                     &intent, NULL));
    assert_ok(weir_replay_init(&replay, &bench->view, &arena, NULL));
    weir_replay_of_intent(&intent, &recorded);
    assert_true(weir_replay_is_decision(&recorded));
    assert_ok(
        weir_replay_decide(&replay, &recorded, recorded.decided_us, &answer));
    assert_true(
        weir_replay_equal(&bench->view.image, &recorded, &answer, &difference));
    set_overlay(bench, &item, 1, &bench->view.overlay);
    assert_ok(
        weir_replay_decide(&replay, &recorded, recorded.decided_us, &answer));
    assert_false(
        weir_replay_equal(&bench->view.image, &recorded, &answer, &difference));
    assert_string_equal(difference.text, "large-oslo: recorded allow "
                                         "(permitted), replayed deny "
                                         "(withdrawn)");
    recorded.key = WEIR_SPAN("nobody");
    assert_int_equal(weir_replay_decide(&replay, &recorded, 0, &answer),
                     WEIR_ENOTFOUND);
    weir_arena_fini(&arena);
    bench_free(bench);
}

TEST(gate, unknown_model_and_wrong_operation_are_not_policy)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_ask ask = {
        .operation = WEIR_OP_EMBED, .model = WEIR_SPAN("large"), .n = 1};
    assert_int_equal(begin(bench, &call, KEY_NORTH, "none", "NO"),
                     WEIR_ENOTFOUND);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(weir_call_decide(&call, &ask, NULL), WEIR_EPARSE);
    assert_int_equal(call.reason, WEIR_REASON_OPERATION);
    bench_free(bench);
}

TEST(gate, a_model_is_served_until_its_last_microsecond)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    bench->now = SUNSET - 1;
    assert_ok(begin(bench, &call, KEY_NORTH, "small", "NO"));
    bench->now++;
    assert_int_equal(begin(bench, &call, KEY_NORTH, "small", "NO"),
                     WEIR_ENOTFOUND);
    assert_int_equal(call.reason, WEIR_REASON_SUNSET);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    bench_free(bench);
}

TEST(gate, a_listed_model_is_refused_with_what_it_lacks)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_error err = {0};
    struct weir_ask ask = {
        .operation = WEIR_OP_CHAT, .model = WEIR_SPAN("listed"), .n = 1};
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(weir_call_decide(&call, &ask, &err), WEIR_ENOTFOUND);
    assert_int_equal(call.reason, WEIR_REASON_NOT_SERVABLE);
    assert_non_null(strstr(err.text, "lacks origin, terms, licence, price"));
    bench_free(bench);
}

TEST(gate, a_key_on_hold_is_refused_and_released)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_refusal refusal;
    struct weir_refusal said;
    char room[WEIR_REFUSAL_ROOM];
    const struct weir_overlay_item held = {WEIR_KIND_KEY_HOLD,
                                           WEIR_SPAN("north")};
    set_overlay(bench, &held, 1, &bench->view.overlay);
    weir_status status = begin(bench, &call, KEY_NORTH, "large", "NO");
    assert_int_equal(status, WEIR_EHELD);
    assert_int_equal(call.reason, WEIR_REASON_KEY_ON_HOLD);
    weir_call_refusal(&call, status, NULL, bench->now, room, &said);
    assert_span(said.code, "key_on_hold");
    assert_span(said.appeal, "appeal@seller.example");
    weir_call_refuse(&call, &said);
    assert_ok(weir_record_get_refusal(next_record(bench, WEIR_RECORD_REFUSAL),
                                      &refusal, NULL));
    assert_int_equal(refusal.reason, WEIR_REASON_KEY_ON_HOLD);
    assert_int_equal(refusal.http_status, 403);
    assert_span(refusal.key, "north");
    /* its name as a revocation is another thing */
    assert_int_equal(begin(bench, &call, KEY_MIDDLE, "large", "NO"),
                     WEIR_EPARSE);
    set_overlay(bench, NULL, 0, &bench->view.overlay);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    bench_free(bench);
}

TEST(gate, a_reseller_names_whom_it_sells_to)
{
    static const struct {
        const char *named;
        weir_status status;
        enum weir_reason reason;
    } cases[] = {
        {"", WEIR_EPARSE, WEIR_REASON_END_CUSTOMER},
        {"north", WEIR_OK, WEIR_REASON_PERMITTED},
        {"pole", WEIR_EDENIED, WEIR_REASON_FORBIDDEN},
        {"nobody-knows", WEIR_EHELD, WEIR_REASON_HELD},
        {"two words", WEIR_EPARSE, WEIR_REASON_END_CUSTOMER},
        {"-north", WEIR_EPARSE, WEIR_REASON_END_CUSTOMER},
        {"north\xc3\xa9", WEIR_EPARSE, WEIR_REASON_END_CUSTOMER},
    };
    struct bench *bench = bench_new();
    struct weir_call call;
    char longest[WEIR_END_CUSTOMER_MAX + 2];
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        assert_int_equal(
            begin_for(bench, &call, KEY_MIDDLE, "large", "NO", cases[i].named),
            cases[i].status);
        assert_int_equal(call.reason, cases[i].reason);
    }
    memset(longest, 'a', sizeof(longest));
    longest[WEIR_END_CUSTOMER_MAX + 1] = '\0';
    assert_int_equal(
        begin_for(bench, &call, KEY_MIDDLE, "large", "NO", longest),
        WEIR_EPARSE);
    longest[WEIR_END_CUSTOMER_MAX] = '\0';
    assert_int_equal(
        begin_for(bench, &call, KEY_MIDDLE, "large", "NO", longest),
        WEIR_EHELD);
    /* who is no reseller need not, but may, and then it counts */
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(begin_for(bench, &call, KEY_NORTH, "large", "NO", "pole"),
                     WEIR_EDENIED);
    bench_free(bench);
}

TEST(gate, the_end_customer_is_in_every_record_and_replays)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_intent intent;
    struct weir_record_outcome outcome;
    struct weir_replay replay;
    struct weir_replay_case recorded;
    struct weir_answer answer;
    struct weir_arena arena;
    uint64_t position;
    struct weir_settlement done = {.ending = WEIR_END_COMPLETE,
                                   .http_status = 200};

    assert_ok(begin_for(bench, &call, KEY_MIDDLE, "large", "NO", "north"));
    assert_ok(weir_call_admit(&call, &position, NULL));
    assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                     &intent, NULL));
    assert_span(intent.end_customer, "north");
    (void)weir_call_first(&call, &bench->view.overlay, bench->now, NULL);
    weir_call_answered(&call, 200, bench->now);
    weir_call_settle(&call, &done);
    assert_ok(weir_record_get_outcome(next_record(bench, WEIR_RECORD_OUTCOME),
                                      &outcome, NULL));
    assert_span(outcome.end_customer, "north");
    /* the same question gets the same answer; for another one, another */
    weir_arena_init_heap(&arena, 1u << 20);
    assert_ok(weir_replay_init(&replay, &bench->view, &arena, NULL));
    weir_replay_of_intent(&intent, &recorded);
    assert_ok(weir_replay_decide(&replay, &recorded, bench->now, &answer));
    assert_int_equal(answer.verdict, WEIR_ALLOW);
    recorded.end_customer = WEIR_SPAN("pole");
    assert_ok(weir_replay_decide(&replay, &recorded, bench->now, &answer));
    assert_int_equal(answer.verdict, WEIR_DENY);
    weir_arena_fini(&arena);
    bench_free(bench);
}

TEST(gate, a_withdrawn_end_customer_is_not_served_through_a_reseller)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    const struct weir_overlay_item withdrawn = {WEIR_KIND_ORGANISATION,
                                                WEIR_SPAN("north")};
    set_overlay(bench, &withdrawn, 1, &bench->view.overlay);
    assert_int_equal(
        begin_for(bench, &call, KEY_MIDDLE, "large", "NO", "north"),
        WEIR_EDENIED);
    assert_int_equal(call.reason, WEIR_REASON_WITHDRAWN);
    assert_ok(begin_for(bench, &call, KEY_MIDDLE, "large", "NO", "seller-co"));
    bench_free(bench);
}
