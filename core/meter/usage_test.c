/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/meter.h>

#include "test.h"

static const struct {
    const char *text;
    uint64_t input, cached, output, reasoning;
} usages[] = {
    {"{\"prompt_tokens\":12,\"completion_tokens\":3,\"total_tokens\":15}", 12,
     0, 3, 0},
    {"{\"prompt_tokens\":8,\"total_tokens\":8}", 8, 0, 0, 0},
    {"{\"prompt_tokens\":100,\"completion_tokens\":50,\"total_tokens\":150,"
     "\"prompt_tokens_details\":{\"cached_tokens\":64,\"audio_tokens\":0},"
     "\"completion_tokens_details\":{\"reasoning_tokens\":40}}",
     100, 64, 50, 40},
    {"{\"input_tokens\":7,\"input_tokens_details\":{\"cached_tokens\":2},"
     "\"output_tokens\":9,\"output_tokens_details\":{\"reasoning_tokens\":4},"
     "\"total_tokens\":16}",
     7, 2, 9, 4},
    {"{\"prompt_tokens\":6,\"completion_tokens\":2,\"prompt_cache_hit_tokens\""
     ":5,\"prompt_cache_miss_tokens\":1}",
     6, 5, 2, 0},
    {"{\"prompt_tokens\":6,\"completion_tokens\":2,\"cached_tokens\":3}", 6, 3,
     2, 0},
    {"{\"prompt_tokens\":6,\"completion_tokens\":2,\"num_cached_tokens\":4,"
     "\"prompt_tokens_details\":null}",
     6, 4, 2, 0},
    /* reasoning counted beside the output */
    {"{\"prompt_tokens\":10,\"completion_tokens\":35,\"total_tokens\":420,"
     "\"completion_tokens_details\":{\"reasoning_tokens\":375}}",
     10, 0, 410, 375},
    {"{\"queue_time\":0.2,\"prompt_tokens\":1,\"unknown\":{\"a\":[1]},"
     "\"completion_tokens\":2}",
     1, 0, 2, 0},
};

TEST(meter, usage_is_read_in_every_dialect)
{
    for (size_t i = 0; i < WEIR_COUNTOF(usages); i++) {
        struct weir_usage usage;
        assert_ok(weir_usage_read(weir_span_of(usages[i].text), &usage, NULL));
        assert_int_equal(usage.input_tokens, usages[i].input);
        assert_int_equal(usage.cached_tokens, usages[i].cached);
        assert_int_equal(usage.output_tokens, usages[i].output);
        assert_int_equal(usage.reasoning_tokens, usages[i].reasoning);
        assert_false(usage.is_estimated);
    }
}

TEST(meter, what_is_no_usage_is_refused)
{
    static const char *texts[] = {"null",
                                  "{}",
                                  "[]",
                                  "{\"completion_tokens\":1}",
                                  "{\"prompt_tokens\":-1}",
                                  "{\"prompt_tokens\":1.5}",
                                  "{\"prompt_tokens\":\"1\"}",
                                  "{\"prompt_tokens\":1",
                                  "{\"prompt_tokens\":1,\"prompt_tokens\":2}",
                                  "{\"prompt_tokens\":18446744073709551616}"};
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        struct weir_usage usage = {.input_tokens = 77};
        assert_int_not_equal(
            weir_usage_read(weir_span_of(texts[i]), &usage, NULL), WEIR_OK);
        assert_int_equal(usage.input_tokens, 77);
    }
}

TEST(meter, usage_is_found_where_replies_carry_it)
{
    struct weir_usage usage;
    assert_true(weir_usage_find(
        WEIR_SPAN("{\"usage\":{\"prompt_tokens\":1},\"x_groq\":{\"usage\":{"
                  "\"prompt_tokens\":2}}}"),
        &usage));
    assert_int_equal(usage.input_tokens, 1);
    assert_true(
        weir_usage_find(WEIR_SPAN("{\"usage\":null,\"x_groq\":{\"usage\":{"
                                  "\"prompt_tokens\":2}}}"),
                        &usage));
    assert_int_equal(usage.input_tokens, 2);
    assert_true(weir_usage_find(
        WEIR_SPAN("{\"type\":\"response.completed\",\"response\":{\"usage\":"
                  "{\"input_tokens\":3,\"output_tokens\":4}}}"),
        &usage));
    assert_int_equal(usage.input_tokens, 3);
    assert_int_equal(usage.output_tokens, 4);
    assert_false(weir_usage_find(WEIR_SPAN("{\"usage\":null}"), &usage));
    assert_false(weir_usage_find(WEIR_SPAN("{\"a\":{\"usage\":{}}}"), &usage));
    assert_false(weir_usage_find(WEIR_SPAN("{"), &usage));
}

TEST(meter, estimate_rounds_up_and_says_so)
{
    struct weir_usage usage = weir_usage_estimate(9, 4);
    assert_int_equal(usage.input_tokens, 3);
    assert_int_equal(usage.output_tokens, 1);
    assert_true(usage.is_estimated);
    assert_int_equal(weir_tokens_of_bytes(0), 0);
    assert_true(weir_tokens_of_bytes(UINT64_MAX) == UINT64_MAX / 4 + 1);
}

TEST(meter, cost_is_summed_then_rounded_half_up_once)
{
    const struct weir_price price = {2500000, 1250000, 10000000, 12000000};
    static const struct {
        struct weir_usage usage;
        weir_micros cost;
    } cases[] = {
        {{0, 0, 0, 0, false}, 0},
        {{1000000, 0, 0, 0, false}, 2500000},
        {{1000000, 400000, 0, 0, false}, 2000000},
        {{1, 0, 0, 0, false}, 3},  /* 2.5 */
        {{1, 1, 0, 0, false}, 1},  /* 1.25 */
        {{3, 1, 0, 0, false}, 6},  /* 6.25, not 5 + 1.25 rounded */
        {{1, 0, 3, 2, false}, 37}, /* 2.5 + 10 + 24 = 36.5 */
        {{2, 5, 0, 0, false}, 3},  /* the part counts as the whole */
        {{0, 0, 2, 9, false}, 24},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++)
        assert_int_equal(weir_cost(&cases[i].usage, &price), cases[i].cost);
    const struct weir_price fine = {500000, 0, 499999, 0};
    assert_int_equal(weir_cost(&(struct weir_usage){.input_tokens = 1}, &fine),
                     1);
    assert_int_equal(weir_cost(&(struct weir_usage){.output_tokens = 1}, &fine),
                     0);
}

TEST(meter, cost_does_not_overflow)
{
    const struct weir_price price = {INT64_MAX, INT64_MAX, INT64_MAX,
                                     INT64_MAX};
    const struct weir_usage usage = {UINT64_MAX, UINT64_MAX / 2, UINT64_MAX,
                                     UINT64_MAX / 2, false};
    assert_true(weir_cost(&usage, &price) == INT64_MAX);
    const struct weir_price one = {1000000, 0, 0, 0};
    const struct weir_usage most = {.input_tokens = INT64_MAX};
    assert_true(weir_cost(&most, &one) == INT64_MAX);
    const struct weir_usage less = {.input_tokens = INT64_MAX - 1};
    assert_true(weir_cost(&less, &one) == INT64_MAX - 1);
}

TEST(usage, kinds_are_counted_once_and_divided_once)
{
    const struct weir_usage usage = {.input_tokens = 1000,
                                     .cached_tokens = 300,
                                     .audio_cached_tokens = 100,
                                     .cache_write_tokens = 200,
                                     .cache_write_1h_tokens = 50,
                                     .audio_input_tokens = 40,
                                     .image_input_tokens = 9999,
                                     .output_tokens = 100,
                                     .reasoning_tokens = 30,
                                     .audio_output_tokens = 20,
                                     .pictures = 2};
    uint64_t units[WEIR_RATES];
    weir_usage_split(&usage, units);
    assert_int_equal(units[WEIR_RATE_CACHE_WRITE_1H], 50);
    assert_int_equal(units[WEIR_RATE_CACHE_WRITE], 150);
    assert_int_equal(units[WEIR_RATE_AUDIO_CACHED], 100);
    assert_int_equal(units[WEIR_RATE_CACHED_INPUT], 200);
    assert_int_equal(units[WEIR_RATE_AUDIO_INPUT], 40);
    assert_int_equal(units[WEIR_RATE_IMAGE_INPUT], 460); /* what is left */
    assert_int_equal(units[WEIR_RATE_INPUT], 0);
    assert_int_equal(units[WEIR_RATE_OUTPUT], 50);
    assert_int_equal(units[WEIR_RATE_REQUEST], 1);
    const struct weir_price price = {.request = 400000, .picture = 50000};
    assert_int_equal(weir_cost(&usage, &price), 1); /* 0.5 goes up */
    assert_int_equal(weir_cost(&(struct weir_usage){0}, &price), 0);
}

TEST(usage, sums_stay_at_the_largest)
{
    struct weir_usage sum = {.input_tokens = UINT64_MAX - 1,
                             .output_tokens = 5,
                             .service = WEIR_SERVICE_BATCH};
    weir_usage_add(&sum, &(struct weir_usage){.input_tokens = 2,
                                              .output_tokens = 7,
                                              .pictures = 1,
                                              .is_estimated = true});
    assert_true(sum.input_tokens == UINT64_MAX);
    assert_int_equal(sum.output_tokens, 12);
    assert_int_equal(sum.pictures, 1);
    assert_true(sum.is_estimated);
    assert_int_equal(sum.service, WEIR_SERVICE_STANDARD);
}
