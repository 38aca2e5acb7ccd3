/* SPDX-License-Identifier: Apache-2.0 */
/* What is held, estimated and recorded by a model's factors. */
#include "gate_fixture.h"

/* Tokens: 10 + a fifth of the bytes; 100 + a tenth with tools; answers 2 + a
 * half. One call in twenty takes half as much again. */
static void
add_factors(struct weir_world *world)
{
    world->model_rows[0].factor =
        (struct weir_factor){.lines = {{10, 200000, 500, 1500},
                                       {100, 100000, 500, 1500},
                                       {2, 500000, 500, 1500}},
                             .source = WEIR_FACTOR_LEARNED,
                             .calls = 1000,
                             .tenants = 3};
}

static weir_status
begin_sized(struct bench *bench, struct weir_call *call, const char *model,
            uint32_t shape)
{
    struct weir_client client = {WEIR_SPAN("127.0.0.1"), WEIR_SPAN("NO"),
                                 WEIR_SPAN("")};
    struct weir_ask ask = {.operation = WEIR_OP_CHAT,
                           .model = weir_span_of(model),
                           .input_tokens = 250,
                           .output_tokens_max = 40,
                           .n = 1,
                           .body_bytes = 1000,
                           .prompt_bytes = 1000,
                           .shape = shape};
    weir_call_begin(call, &bench->gate, &bench->view, &client, bench->now);
    weir_status status = weir_call_identify(
        call, (weir_secret){KEY_NORTH, strlen(KEY_NORTH)}, NULL);
    return status != WEIR_OK ? status : weir_call_decide(call, &ask, NULL);
}

static uint64_t
held_of(struct bench *bench, const char *model, uint32_t shape)
{
    struct weir_call call;
    uint64_t position;
    assert_ok(begin_sized(bench, &call, model, shape));
    assert_ok(weir_call_admit(&call, &position, NULL));
    uint64_t held = call.held_tokens;
    const struct weir_settlement none = {.ending = WEIR_END_NOT_SENT};
    weir_call_settle(&call, &none);
    return held;
}

TEST(estimate, a_hold_takes_what_one_call_in_twenty_is_above)
{
    struct bench *bench = bench_of(add_factors);
    assert_int_equal(held_of(bench, "large", 0), 315 + 40); /* 210 * 1.5 */
    assert_int_equal(held_of(bench, "large", WEIR_SIZES_TOOLS), 300 + 40);
    assert_int_equal(held_of(bench, "small", 0), 250 + 40);
    bench_free(bench);
}

TEST(estimate, a_cut_reply_is_metered_by_the_middle_and_recorded_with_sizes)
{
    struct bench *bench = bench_of(add_factors);
    struct weir_record_outcome outcome;
    struct weir_call call;
    uint64_t position;
    assert_ok(begin_sized(bench, &call, "large", WEIR_SIZES_TOOLS));
    assert_ok(weir_call_admit(&call, &position, NULL));
    struct weir_step step =
        weir_call_first(&call, &bench->view.overlay, bench->now, NULL);
    assert_int_equal(step.next, WEIR_NEXT_TRY);
    struct weir_usage usage = weir_call_estimate(&call, 300);
    assert_int_equal(usage.output_tokens, 75); /* nobody answered yet */
    weir_call_answered(&call, 200, bench->now);
    usage = weir_call_estimate(&call, 300);
    assert_int_equal(usage.input_tokens, 200);
    assert_int_equal(usage.output_tokens, 152);
    assert_true(usage.is_estimated);
    const struct weir_settlement cut = {.ending = WEIR_END_CUT,
                                        .http_status = 200,
                                        .usage = usage,
                                        .content_bytes = 300};
    weir_call_settle(&call, &cut);
    assert_int_equal(used_tokens(bench, &call), 352);
    (void)next_record(bench, WEIR_RECORD_INTENT);
    assert_ok(weir_record_get_outcome(next_record(bench, WEIR_RECORD_OUTCOME),
                                      &outcome, NULL));
    assert_true(outcome.sizes.prompt_bytes == 1000);
    assert_true(outcome.sizes.answer_bytes == 300);
    assert_int_equal(outcome.sizes.shape, WEIR_SIZES_TOOLS);
    bench_free(bench);
}

TEST(estimate, a_count_is_of_the_model_that_the_name_stands_for_first)
{
    struct bench *bench = bench_of(add_factors);
    const struct weir_image *image = &bench->view.image;
    assert_int_equal(weir_gate_count(image, WEIR_SPAN("large"), 1000, 0), 210);
    assert_int_equal(
        weir_gate_count(image, WEIR_SPAN("large"), 1000, WEIR_SIZES_TOOLS),
        200);
    assert_int_equal(weir_gate_count(image, WEIR_SPAN("small"), 1000, 0), 250);
    assert_int_equal(weir_gate_count(image, WEIR_SPAN("nobody"), 1000, 0), 250);
    bench_free(bench);
}

TEST(estimate, a_factor_out_of_bounds_is_a_damaged_image)
{
    struct weir_image image;
    struct bench *bench = bench_of(add_factors);
    struct weir_buf bytes;
    weir_buf_init(&bytes, 64u << 20);
    bench->world->model_rows[0].factor.lines[1].ppm = WEIR_FACTOR_PPM_MAX + 1;
    assert_ok(weir_image_compile(bench->world, bench->now, 2, &bytes,
                                 &bench->faults));
    assert_int_equal(weir_image_open(weir_buf_span(&bytes), &image, NULL),
                     WEIR_ECORRUPT);
    weir_buf_fini(&bytes);
    bench_free(bench);
}
