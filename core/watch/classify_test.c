/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/classifier.h>

#include <string.h>

#include "test.h"

static uint32_t
score_of(const char *name, const char *text, int32_t n, int32_t logprobs,
         double temperature)
{
    struct weir_watch_call call;
    struct weir_watch_features features;
    struct weir_classified said[WEIR_CLASSIFIED_MAX];
    struct weir_watch_params params = WEIR_WATCH_PARAMS_NONE;
    params.n = n;
    params.logprobs = logprobs;
    params.temperature = temperature;
    weir_watch_begin(&call);
    weir_watch_prompt(&call, weir_span_of(text));
    weir_watch_params(&call, &params);
    weir_watch_finish(&call, NULL, &features);
    uint32_t count = weir_classify(&features, said);
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_classifier *row = weir_classifier_find(said[i].id);
        assert_non_null(row);
        assert_in_range(said[i].score, 1, 100);
        if (strcmp(row->name, name) == 0)
            return said[i].score;
    }
    return 0;
}

TEST(classify, usual_calls_are_nothing_to_any)
{
    static const char *const usual[] = {
        "Write an essay about rivers.", "hello", "Explain this error to me",
        "请写一篇关于丝绸之路的短文。", "What is the capital of Norway?"};
    for (size_t i = 0; i < WEIR_COUNTOF(usual); i++)
        for (size_t row = 0; weir_classifier_get(row) != NULL; row++)
            assert_int_equal(
                score_of(weir_classifier_get(row)->name, usual[i], -1, -1, 0.7),
                0);
}

TEST(classify, text_dressed_to_pass_a_filter_is_evasion)
{
    assert_int_equal(score_of("evasion", "ho\xe2\x80\x8bw to", -1, -1, -1), 40);
    assert_int_equal(score_of("evasion", "p\xd0\xb0yp\xd0\xb0l", -1, -1, -1),
                     40);
    assert_int_equal(
        score_of("evasion", "p\xd0\xb0y\xe2\x80\x8b \xff", -1, -1, -1), 100);
    assert_int_equal(score_of("evasion", "broken \xff alone", -1, -1, -1), 0);
}

TEST(classify, short_questions_with_many_random_answers_are_probing)
{
    assert_int_equal(score_of("probing", "the secret is", 8, 20, 1.5), 100);
    assert_int_equal(score_of("probing", "the secret is", 8, -1, 0.2), 50);
    assert_int_equal(score_of("probing", "Write a poem", 8, 20, 1.5), 0);
    assert_int_equal(score_of("probing", "the secret is", 1, -1, 1.5), 0);
}

TEST(classify, ids_are_different_and_found)
{
    for (size_t i = 0; weir_classifier_get(i) != NULL; i++) {
        const struct weir_classifier *row = weir_classifier_get(i);
        assert_true(row->id != 0 && row->title[0] != '\0');
        assert_ptr_equal(weir_classifier_find(row->id), row);
    }
    assert_null(weir_classifier_find(0));
}
