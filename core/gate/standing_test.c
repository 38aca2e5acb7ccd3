/* SPDX-License-Identifier: Apache-2.0 */
/* What a call makes of deployments that fail, rest or are full. */
#include "gate_fixture.h"

#include <stddef.h>

#define SECOND WEIR_US_PER_SEC

static const struct weir_health_rule rule = {
    .open_ms = 2000,
    .open_ms_max = 60000,
    .failures = 2,
    .tries_min = 100,
    .window_s = 30,
};

/* The image lies in the bench's own buffer: its rules are set by hand. */
static void
set_rule(struct bench *bench, const struct weir_health_rule *wanted)
{
    struct weir_image *image = &bench->view.image;
    for (uint32_t i = 0; i < image->deployment_count; i++) {
        char *row = (char *)(uintptr_t)&image->deployments[i];
        memcpy(row + offsetof(struct weir_image_deployment, health), wanted,
               sizeof(*wanted));
    }
}

static void *
open_health(struct bench *bench, const struct weir_health_rule *wanted)
{
    size_t size = weir_health_size(64);
    void *memory = aligned_alloc(64, size);
    assert_ok(weir_health_format(memory, size, 64, &bench->gate.health, NULL));
    set_rule(bench, wanted);
    return memory;
}

static struct weir_step
first(struct bench *bench, struct weir_call *call, struct weir_error *err)
{
    uint64_t position;
    assert_ok(begin(bench, call, KEY_NORTH, "large", "NO"));
    assert_ok(weir_call_admit(call, &position, NULL));
    return weir_call_first(call, &bench->view.overlay, bench->now, err);
}

static weir_span
name(const struct bench *bench, struct weir_step step)
{
    const struct weir_image *image = &bench->view.image;
    return weir_image_text(image, image->deployments[step.deployment].name);
}

static void
settle(struct weir_call *call, enum weir_ending ending)
{
    struct weir_settlement done = {.ending = ending, .http_status = 200};
    weir_call_settle(call, &done);
}

/* A call whose first attempt, at large-oslo, ends so; the second answers. */
static void
fail_over(struct bench *bench, struct weir_attempt_result result)
{
    struct weir_call call;
    struct weir_step step = first(bench, &call, NULL);
    assert_span(name(bench, step), "large-oslo");
    step =
        weir_call_next(&call, &result, &bench->view.overlay, bench->now, NULL);
    assert_span(name(bench, step), "large-berlin");
    weir_call_answered(&call, 200, bench->now);
    settle(&call, WEIR_END_COMPLETE);
}

static uint32_t
in_flight(const struct bench *bench, uint32_t deployment)
{
    struct weir_health_view view;
    const struct weir_image *image = &bench->view.image;
    return weir_health_view_get(bench->gate.health,
                                image->deployments[deployment].hash, bench->now,
                                &view)
               ? view.in_flight
               : 0;
}

TEST(gate_standing, what_failed_too_often_is_passed_over_and_says_so)
{
    struct bench *bench = bench_new();
    void *memory = open_health(bench, &rule);
    struct weir_attempt_result refused = {.end = WEIR_ATTEMPT_REFUSED,
                                          .retry_after_ms = -1};
    struct weir_call call;
    fail_over(bench, refused);
    fail_over(bench, refused);
    struct weir_step step = first(bench, &call, NULL);
    assert_span(name(bench, step), "large-berlin");
    assert_int_equal(call.attempt_count, 1);
    assert_span(call.attempts[0].deployment, "large-oslo");
    assert_int_equal(call.attempts[0].failure, WEIR_ATTEMPT_EJECTED);
    weir_call_answered(&call, 200, bench->now);
    assert_int_equal(call.attempt_count, 2);
    settle(&call, WEIR_END_COMPLETE);
    /* its time out is over: this call is the probe, and closes it */
    bench->now += 2 * SECOND;
    step = first(bench, &call, NULL);
    assert_span(name(bench, step), "large-oslo");
    weir_call_answered(&call, 200, bench->now);
    settle(&call, WEIR_END_COMPLETE);
    step = first(bench, &call, NULL);
    assert_span(name(bench, step), "large-oslo");
    settle(&call, WEIR_END_CLIENT_LEFT);
    free(memory);
    bench_free(bench);
}

TEST(gate_standing, a_pause_is_kept_for_every_call_and_told_when_all_rest)
{
    struct bench *bench = bench_new();
    void *memory = open_health(bench, &rule);
    struct weir_attempt_result busy = {
        .end = WEIR_ATTEMPT_REPLIED, .status = 429, .retry_after_ms = 30000};
    struct weir_call call;
    struct weir_error err;
    struct weir_refusal refusal;
    char room[WEIR_REFUSAL_ROOM];
    fail_over(bench, busy);
    struct weir_step step = first(bench, &call, NULL);
    assert_span(name(bench, step), "large-berlin");
    assert_int_equal(call.attempts[0].failure, WEIR_ATTEMPT_RESTING);
    step = weir_call_next(&call, &busy, &bench->view.overlay, bench->now, NULL);
    assert_int_equal(step.next, WEIR_NEXT_ANSWER);
    weir_call_answered(&call, 429, bench->now);
    settle(&call, WEIR_END_ORIGIN_ERROR);
    bench->now += 10 * SECOND;
    step = first(bench, &call, &err);
    assert_int_equal(step.next, WEIR_NEXT_REFUSE);
    assert_int_equal(err.status, WEIR_ERATE);
    weir_call_refusal(&call, err.status, &err, bench->now, room, &refusal);
    assert_span(refusal.code, "deployments_resting");
    assert_int_equal(refusal.retry_after_s, 20);
    assert_int_equal(refusal.window.len, 0); /* no budget of the caller's */
    settle(&call, WEIR_END_NOT_SENT);
    free(memory);
    bench_free(bench);
}

TEST(gate_standing, a_short_pause_is_waited_for_at_the_same_origin)
{
    struct bench *bench = bench_new();
    void *memory = open_health(bench, &rule);
    struct weir_attempt_result busy = {
        .end = WEIR_ATTEMPT_REPLIED, .status = 429, .retry_after_ms = 1000};
    struct weir_call call;
    (void)first(bench, &call, NULL);
    (void)weir_call_next(&call, &busy, &bench->view.overlay, bench->now, NULL);
    struct weir_step step =
        weir_call_next(&call, &busy, &bench->view.overlay, bench->now, NULL);
    assert_int_equal(step.next, WEIR_NEXT_TRY);
    assert_span(name(bench, step), "large-oslo");
    assert_int_equal(step.wait_us, SECOND);
    settle(&call, WEIR_END_CLIENT_LEFT);
    assert_int_equal(in_flight(bench, step.deployment), 0);
    free(memory);
    bench_free(bench);
}

TEST(gate_standing, places_are_taken_once_and_given_back_however_calls_end)
{
    struct bench *bench = bench_new();
    struct weir_health_rule capped = {.concurrency = 1};
    void *memory = open_health(bench, &capped);
    struct weir_call calls[3];
    struct weir_error err;
    struct weir_step one = first(bench, &calls[0], NULL);
    struct weir_step two = first(bench, &calls[1], NULL);
    assert_span(name(bench, one), "large-oslo");
    assert_span(name(bench, two), "large-berlin");
    assert_int_equal(calls[1].attempts[0].failure, WEIR_ATTEMPT_FULL);
    struct weir_step three = first(bench, &calls[2], &err);
    assert_int_equal(three.next, WEIR_NEXT_REFUSE);
    assert_int_equal(err.status, WEIR_EUNAVAIL);
    assert_int_equal(calls[2].reason, WEIR_REASON_FULL);
    assert_int_equal(in_flight(bench, one.deployment), 1);
    settle(&calls[0], WEIR_END_CUT);
    settle(&calls[1], WEIR_END_LOST);
    settle(&calls[2], WEIR_END_NOT_SENT);
    assert_int_equal(in_flight(bench, one.deployment), 0);
    assert_int_equal(in_flight(bench, two.deployment), 0);
    free(memory);
    bench_free(bench);
}

TEST(gate_standing, health_never_lets_a_refused_candidate_in)
{
    struct bench *bench = bench_new();
    void *memory = open_health(bench, &rule);
    struct weir_attempt_result refused = {.end = WEIR_ATTEMPT_REFUSED,
                                          .retry_after_ms = -1};
    struct weir_call call;
    struct weir_error err;
    fail_over(bench, refused);
    fail_over(bench, refused);
    for (int i = 0; i < 2; i++) { /* now berlin; large-cold is denied */
        struct weir_step step = first(bench, &call, NULL);
        assert_span(name(bench, step), "large-berlin");
        (void)weir_call_next(&call, &refused, &bench->view.overlay, bench->now,
                             NULL);
        settle(&call, WEIR_END_FAILED);
    }
    struct weir_step step = first(bench, &call, &err);
    assert_int_equal(step.next, WEIR_NEXT_REFUSE);
    assert_int_equal(call.reason, WEIR_REASON_EJECTED);
    assert_int_equal(call.attempt_count, 2);
    settle(&call, WEIR_END_NOT_SENT);
    free(memory);
    bench_free(bench);
}
