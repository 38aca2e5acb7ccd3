/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: what is held and charged answer by answer, and policy anew. */
#include "gate_fixture.h"

#include <weir/session.h>

static void
with_realtime(struct weir_world *world)
{
    for (uint32_t i = 0; i < world->model_count; i++)
        world->model_rows[i].operations =
            UINT32_C(1) << WEIR_OP_REALTIME | UINT32_C(1) << WEIR_OP_CHAT;
}

static weir_status
open_session(struct bench *bench, struct weir_call *call,
             struct weir_session *session)
{
    const struct weir_ask ask = {.operation = WEIR_OP_REALTIME,
                                 .model = WEIR_SPAN("large"),
                                 .is_streamed = true,
                                 .n = 1};
    const struct weir_client client = {.address = WEIR_SPAN("192.0.2.1"),
                                       .country = WEIR_SPAN("NO")};
    uint64_t position;
    weir_call_begin(call, &bench->gate, &bench->view, &client, bench->now);
    assert_ok(weir_call_identify(
        call, (weir_secret){KEY_NORTH, sizeof(KEY_NORTH) - 1}, NULL));
    weir_status status = weir_call_decide(call, &ask, NULL);
    if (status == WEIR_OK)
        status = weir_session_check(call, NULL);
    if (status == WEIR_OK)
        status = weir_call_admit(call, &position, NULL);
    if (status != WEIR_OK)
        return status;
    struct weir_step step =
        weir_call_first(call, &bench->view.overlay, bench->now, NULL);
    assert_int_equal(step.next, WEIR_NEXT_TRY);
    weir_call_answered(call, 101, bench->now);
    weir_session_begin(session, call);
    return WEIR_OK;
}

static void
close_session(struct weir_call *call, struct weir_session *session)
{
    struct weir_settlement settlement = {.ending = WEIR_END_COMPLETE,
                                         .http_status = 101};
    weir_session_end(session);
    settlement.usage = session->sum;
    weir_call_settle(call, &settlement);
}

static weir_quota_row
project_day(struct bench *bench)
{
    const struct weir_image *image = &bench->view.image;
    weir_quota_row row = {0};
    (void)weir_quota_get(bench->quota, image->projects[0].hash,
                         WEIR_QUOTA_TOKENS, WEIR_QUOTA_DAY, bench->now, &row);
    return row;
}

static const struct weir_usage answer_of_300 = {.input_tokens = 200,
                                                .output_tokens = 100};

TEST(gate_session, every_answer_is_held_for_and_charged_by_itself)
{
    struct bench *bench = bench_of(with_realtime);
    struct weir_call call;
    struct weir_session session;
    assert_ok(open_session(bench, &call, &session));
    assert_int_equal(project_day(bench).held, 100);
    weir_session_answer(&session, &answer_of_300, bench->now);
    assert_int_equal(project_day(bench).used, 300);
    assert_int_equal(project_day(bench).held, 0);
    /* the next prompt has what was said before in it */
    assert_ok(weir_session_hold(&session, bench->now, NULL));
    assert_int_equal(project_day(bench).held, 400);
    weir_session_answer(&session, &answer_of_300, bench->now);
    assert_int_equal(project_day(bench).used, 600);
    close_session(&call, &session);
    assert_int_equal(project_day(bench).used, 600);
    assert_int_equal(project_day(bench).held, 0);
    assert_int_equal(session.sum.input_tokens, 400);
    assert_int_equal(session.answers, 2);
    bench_free(bench);
}

TEST(gate_session, an_answer_that_nothing_is_left_for_is_refused)
{
    struct bench *bench = bench_of(with_realtime);
    struct weir_call call;
    struct weir_session session;
    const struct weir_usage large = {.input_tokens = 500, .output_tokens = 450};
    assert_ok(open_session(bench, &call, &session));
    weir_session_answer(&session, &large, bench->now);
    assert_int_equal(weir_session_hold(&session, bench->now, NULL),
                     WEIR_EBUDGET);
    assert_int_equal(call.reason, WEIR_REASON_BUDGET);
    close_session(&call, &session);
    assert_int_equal(project_day(bench).used, 950);
    bench_free(bench);
}

TEST(gate_session, an_answer_that_nobody_held_for_is_charged_all_the_same)
{
    struct bench *bench = bench_of(with_realtime);
    struct weir_call call;
    struct weir_session session;
    assert_ok(open_session(bench, &call, &session));
    weir_session_answer(&session, &answer_of_300, bench->now);
    weir_session_answer(&session, &answer_of_300, bench->now);
    assert_int_equal(project_day(bench).used, 600);
    close_session(&call, &session);
    assert_int_equal(project_day(bench).used, 600);
    bench_free(bench);
}

TEST(gate_session, holds_of_answers_that_never_came_are_given_back)
{
    struct bench *bench = bench_of(with_realtime);
    struct weir_call call;
    struct weir_session session;
    assert_ok(open_session(bench, &call, &session));
    for (int i = 1; i < WEIR_SESSION_ANSWERS_MAX; i++)
        assert_ok(weir_session_hold(&session, bench->now, NULL));
    assert_int_equal(project_day(bench).held, 800);
    assert_int_equal(weir_session_hold(&session, bench->now, NULL),
                     WEIR_ELIMIT);
    close_session(&call, &session);
    assert_int_equal(project_day(bench).held, 0);
    assert_int_equal(project_day(bench).used, 0);
    bench_free(bench);
}

TEST(gate_session, policy_is_asked_anew_under_the_newest_view)
{
    struct bench *bench = bench_of(with_realtime);
    struct weir_call call;
    struct weir_session session;
    struct weir_view view = bench->view;
    assert_ok(open_session(bench, &call, &session));
    assert_ok(weir_session_ask(&session, &view, bench->now, bench->now, NULL));

    const struct weir_overlay_item revoked[] = {
        {WEIR_KIND_KEY, WEIR_SPAN("north")}};
    set_overlay(bench, revoked, 1, &view.overlay);
    assert_int_equal(
        weir_session_ask(&session, &view, bench->now, bench->now, NULL),
        WEIR_EUNAUTH);
    assert_int_equal(call.reason, WEIR_REASON_REVOKED_KEY);

    const struct weir_overlay_item held[] = {
        {WEIR_KIND_KEY_HOLD, WEIR_SPAN("north")}};
    set_overlay(bench, held, 1, &view.overlay);
    assert_int_equal(
        weir_session_ask(&session, &view, bench->now, bench->now, NULL),
        WEIR_EHELD);

    const struct weir_overlay_item gone[] = {
        {WEIR_KIND_MODEL, WEIR_SPAN("large")}};
    set_overlay(bench, gone, 1, &view.overlay);
    assert_int_equal(
        weir_session_ask(&session, &view, bench->now, bench->now, NULL),
        WEIR_EDENIED);
    assert_int_equal(call.reason, WEIR_REASON_WITHDRAWN);

    view = bench->view;
    assert_int_equal(weir_session_ask(&session, &view, bench->now,
                                      bench->now + WEIR_US_PER_DAY * 366, NULL),
                     WEIR_EUNAUTH);
    assert_int_equal(call.reason, WEIR_REASON_EXPIRED_KEY);
    close_session(&call, &session);
    bench_free(bench);
}

TEST(gate_session, what_a_session_cannot_do_is_refused)
{
    struct bench *bench = bench_of(with_realtime);
    struct weir_call call;
    struct weir_session session;
    assert_ok(open_session(bench, &call, &session));
    call.answer.obligations.filters = 1; /* the caller's own affair */
    assert_ok(weir_session_check(&call, NULL));
    call.answer.obligations.filters = 0;
    call.answer.obligations.classifiers = 2;
    assert_int_equal(weir_session_check(&call, NULL), WEIR_EDENIED);
    call.answer.obligations.classifiers = 0;
    call.answer.obligations.strip |= WEIR_STRIP_REASONING;
    assert_int_equal(weir_session_check(&call, NULL), WEIR_EDENIED);
    close_session(&call, &session);
    bench_free(bench);
}

static void
with_scribe(struct weir_world *world)
{
    for (uint32_t i = 0; i < world->model_count; i++)
        world->model_rows[i].operations =
            UINT32_C(1) << WEIR_OP_REALTIME | UINT32_C(1) << WEIR_OP_TRANSCRIBE;
}

TEST(gate_session, a_scribe_is_a_call_of_its_own)
{
    struct bench *bench = bench_of(with_scribe);
    struct weir_call call, scribe;
    struct weir_session session, writing;
    uint64_t position = 0;
    assert_ok(open_session(bench, &call, &session));
    assert_ok(weir_session_call_scribe(
        &session, &scribe, &bench->view, WEIR_SPAN("large"),
        WEIR_SPAN("req_session"), bench->now, &position, NULL));
    assert_true(scribe.is_admitted);
    assert_true(
        weir_span_equal(scribe.client.session_of, WEIR_SPAN("req_session")));
    assert_int_equal(scribe.key, call.key);
    assert_memory_not_equal(scribe.id.bytes, call.id.bytes,
                            sizeof(call.id.bytes));
    assert_ok(weir_session_begin_scribe(&scribe, &bench->view.overlay,
                                        bench->now, &writing, NULL));
    int64_t before = (int64_t)project_day(bench).used;
    weir_session_answer(&writing, &answer_of_300, bench->now);
    assert_int_equal((int64_t)project_day(bench).used - before, 300);
    assert_int_equal(session.sum.input_tokens, 0);
    assert_int_equal(writing.sum.input_tokens, 200);
    close_session(&scribe, &writing);
    close_session(&call, &session);
    assert_int_equal(project_day(bench).held, 0);
    bench_free(bench);
}

TEST(gate_session, a_scribe_is_asked_for_as_any_call)
{
    struct bench *bench = bench_of(with_realtime); /* nobody transcribes */
    struct weir_call call, scribe;
    struct weir_session session;
    uint64_t position;
    assert_ok(open_session(bench, &call, &session));
    assert_int_equal(weir_session_call_scribe(
                         &session, &scribe, &bench->view, WEIR_SPAN("nobody"),
                         WEIR_SPAN("s"), bench->now, &position, NULL),
                     WEIR_ENOTFOUND);
    assert_int_equal(weir_session_call_scribe(
                         &session, &scribe, &bench->view, WEIR_SPAN("large"),
                         WEIR_SPAN("s"), bench->now, &position, NULL),
                     WEIR_EPARSE);
    assert_int_equal(scribe.reason, WEIR_REASON_OPERATION);
    assert_false(scribe.is_admitted);
    close_session(&call, &session);
    bench_free(bench);
}
