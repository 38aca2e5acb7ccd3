/* SPDX-License-Identifier: Apache-2.0 */
/* Grants: who, what, where, when, and how much, to the unit. */
#include "gate_fixture.h"

static struct weir_grant
grant_of(const char *id, const char *name, int64_t calls)
{
    struct weir_grant grant = {.party_kind = WEIR_GRANT_TENANT,
                               .from = NOON,
                               .until = NOON + WEIR_US_PER_SEC,
                               .amounts = {calls, -1, -1}};
    grant.party = weir_grant_party_hash(WEIR_GRANT_TENANT, WEIR_SPAN("south"));
    assert_true(weir_grant_set_id(&grant, weir_span_of(id)));
    assert_true(weir_grant_set_name(&grant, weir_span_of(name)));
    return grant;
}

static void
set_grants(struct bench *bench, const struct weir_grant *grants, size_t count)
{
    weir_buf_reset(&bench->overlay_bytes);
    weir_overlay_write(NULL, 0, 2, bench->now, false, &bench->overlay_bytes);
    weir_overlay_add_grants(grants, count, &bench->overlay_bytes, 0);
    assert_ok(weir_overlay_open(weir_buf_span(&bench->overlay_bytes),
                                &bench->view.overlay, NULL));
    assert_int_equal(bench->view.overlay.grant_count, count);
}

static weir_status
use(struct bench *bench, struct weir_call *call)
{
    uint64_t position;
    weir_status status = begin(bench, call, KEY_SOUTH, "large", "NO");
    return status != WEIR_OK ? status : weir_call_admit(call, &position, NULL);
}

TEST(gate, grants_let_through_exactly_what_they_have_one_after_the_other)
{
    struct bench *bench = bench_new();
    struct weir_call calls[7];
    struct weir_record_intent intent;
    const struct weir_grant grants[] = {
        grant_of("ex_one", "south-owners", 3),
        grant_of("ex_unread", "nobody-asks", 100),
        grant_of("ex_two", "south-owners", 2)};
    static const char *const by[] = {"ex_one", "ex_one", "ex_one", "ex_two",
                                     "ex_two"};
    set_grants(bench, grants, WEIR_COUNTOF(grants));
    for (size_t i = 0; i < WEIR_COUNTOF(by); i++) {
        assert_ok(use(bench, &calls[i]));
        assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                         &intent, NULL));
        assert_true(weir_span_equal(intent.exception, weir_span_of(by[i])));
        assert_span(intent.candidates[1].policies, "seller-open");
    }
    assert_int_equal(use(bench, &calls[5]), WEIR_EDENIED);
    assert_int_equal(calls[5].reason, WEIR_REASON_SPENT);
    /* a call of which nothing went upstream gives its unit back */
    weir_call_settle(&calls[0],
                     &(struct weir_settlement){.ending = WEIR_END_NOT_SENT});
    (void)next_record(bench, WEIR_RECORD_OUTCOME);
    assert_ok(use(bench, &calls[6]));
    assert_span(weir_gate_exception(&bench->view, &calls[6].answer), "ex_one");
    weir_quota_row row = {0};
    assert_true(weir_quota_get(bench->quota, grants[0].subject,
                               WEIR_QUOTA_REQUESTS, WEIR_QUOTA_EVER, NOON,
                               &row));
    assert_int_equal(row.used + row.held, 3);
    bench_free(bench);
}

TEST(gate, a_grant_acts_within_its_dates_party_model_and_place_only)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_grant grant = grant_of("ex_one", "south-owners", 9);
    const struct weir_grant whole = grant;
    static const struct {
        uint8_t target;
        const char *target_name;
        uint8_t place;
        const char *place_name;
        bool is_allowed;
    } cases[] = {
        {WEIR_GRANT_ANY_MODEL, "", WEIR_GRANT_ANYWHERE, "", true},
        {WEIR_GRANT_MODEL, "large", WEIR_GRANT_ANYWHERE, "", true},
        {WEIR_GRANT_MODEL, "small", WEIR_GRANT_ANYWHERE, "", false},
        {WEIR_GRANT_FAMILY, "family", WEIR_GRANT_ANYWHERE, "", true},
        {WEIR_GRANT_FAMILY, "other", WEIR_GRANT_ANYWHERE, "", false},
        {WEIR_GRANT_PROVIDER, "maker", WEIR_GRANT_REGION, "oslo", true},
        {WEIR_GRANT_PROVIDER, "maker", WEIR_GRANT_REGION, "cold", false},
        {WEIR_GRANT_ANY_MODEL, "", WEIR_GRANT_JURISDICTION, "DE", true},
        {WEIR_GRANT_ANY_MODEL, "", WEIR_GRANT_JURISDICTION, "AQ", false},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        grant = whole;
        grant.target_kind = cases[i].target;
        grant.target =
            weir_grant_target_hash((enum weir_grant_target)cases[i].target,
                                   weir_span_of(cases[i].target_name));
        grant.place_kind = cases[i].place;
        grant.place =
            weir_grant_place_hash((enum weir_grant_place)cases[i].place,
                                  weir_span_of(cases[i].place_name));
        set_grants(bench, &grant, 1);
        assert_int_equal(begin(bench, &call, KEY_SOUTH, "large", "NO"),
                         cases[i].is_allowed ? WEIR_OK : WEIR_EDENIED);
    }
    set_grants(bench, &whole, 1);
    bench->now = whole.until - 1;
    assert_ok(begin(bench, &call, KEY_SOUTH, "large", "NO"));
    bench->now = whole.until;
    assert_int_equal(begin(bench, &call, KEY_SOUTH, "large", "NO"),
                     WEIR_EDENIED);
    bench->now = whole.from - 1;
    assert_int_equal(begin(bench, &call, KEY_SOUTH, "large", "NO"),
                     WEIR_EDENIED);
    bench_free(bench);
}

TEST(gate, a_call_that_needs_no_grant_is_not_charged)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    uint64_t position;
    struct weir_grant grant = grant_of("ex_one", "south-owners", 9);
    grant.party = weir_grant_party_hash(WEIR_GRANT_TENANT, WEIR_SPAN("north"));
    set_grants(bench, &grant, 1);
    assert_ok(begin(bench, &call, KEY_NORTH, "large", "NO"));
    assert_int_equal(call.answer.exception, WEIR_INDEX_NONE);
    assert_ok(weir_call_admit(&call, &position, NULL));
    /* and it is nobody else's */
    assert_int_equal(begin(bench, &call, KEY_SOUTH, "large", "NO"),
                     WEIR_EDENIED);
    weir_quota_row row = {0};
    assert_false(weir_quota_get(bench->quota, grant.subject,
                                WEIR_QUOTA_REQUESTS, WEIR_QUOTA_EVER, NOON,
                                &row));
    bench_free(bench);
}

TEST(gate, a_call_let_through_by_a_grant_replays_by_that_grant_alone)
{
    struct bench *bench = bench_new();
    struct weir_call call;
    struct weir_record_intent intent;
    struct weir_replay_case recorded;
    struct weir_replay replay;
    struct weir_arena arena;
    struct weir_answer answer;
    struct weir_error difference = {0};
    const struct weir_grant grant = grant_of("ex_one", "south-owners", 1);
    set_grants(bench, &grant, 1);
    assert_ok(use(bench, &call));
    assert_ok(weir_record_get_intent(next_record(bench, WEIR_RECORD_INTENT),
                                     &intent, NULL));
    weir_arena_init_heap(&arena, 1u << 20);
    assert_ok(weir_replay_init(&replay, &bench->view, &arena, NULL));
    weir_replay_of_intent(&intent, &recorded);
    assert_ok(weir_replay_decide(&replay, &recorded, NOON, &answer));
    assert_true(
        weir_replay_equal(&bench->view.image, &recorded, &answer, &difference));
    recorded.exception = WEIR_SPAN_NONE; /* refused: it had nothing left */
    assert_ok(weir_replay_decide(&replay, &recorded, NOON, &answer));
    assert_int_equal(answer.verdict, WEIR_DENY);
    weir_arena_fini(&arena);
    bench_free(bench);
}

TEST(gate, an_overlay_with_broken_grants_is_refused)
{
    struct weir_buf out;
    struct weir_overlay overlay;
    struct weir_grant grant = grant_of("ex_one", "south-owners", 1);
    weir_buf_init(&out, 1u << 20);
    for (int fault = 0; fault < 6; fault++) {
        struct weir_grant broken = grant;
        if (fault == 1)
            memset(broken.id, 'x', sizeof(broken.id));
        else if (fault == 2)
            broken.name[0] = '\0';
        else if (fault == 3)
            broken.party_kind = 9;
        else if (fault == 4)
            broken.amounts[1] = -2;
        else if (fault == 5)
            broken.subject = 0;
        weir_buf_reset(&out);
        weir_overlay_write(NULL, 0, 2, NOON, false, &out);
        weir_overlay_add_grants(&broken, 1, &out, 0);
        assert_int_equal(weir_overlay_open(weir_buf_span(&out), &overlay, NULL),
                         fault == 0 ? WEIR_OK : WEIR_ECORRUPT);
    }
    weir_buf_fini(&out);
}
