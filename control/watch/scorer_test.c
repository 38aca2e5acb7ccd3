/* SPDX-License-Identifier: Apache-2.0 */
#include "control/watch/scorer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/watch/evaluate.h"
#include "test.h"

static char output[4 << 20];

/* Which key sends the n-th call: in turn, or by chance, a few keys most. */
static uint64_t split_seed;
static const struct weir_indicators *indicators;

static uint32_t
key_of(uint32_t i, uint32_t accounts)
{
    uint64_t z = (split_seed + i) * UINT64_C(0x9E3779B97F4A7C15);
    if (split_seed == 0)
        return i * 13 % accounts;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    uint32_t even = (uint32_t)((z >> 32) * accounts >> 32);
    return z % 3 == 0 ? even : (uint32_t)((uint64_t)even * even / accounts);
}

/* Scores `calls` calls of one owner over `accounts` accounts. */
static weir_status
score(uint32_t calls, uint32_t accounts, uint32_t reference, bool is_sorted,
      struct weir_scorer_summary *summary)
{
    static const char *const verbs[] = {
        "Write",    "Design",    "Create", "Compose", "Describe", "Explain",
        "Generate", "Summarize", "Draft",  "List",    "Outline"};
    static const char *const things[] = {"a function that returns the sum of",
                                         "a method to sort an array of",
                                         "a table which compares",
                                         "a short story about",
                                         "an essay on",
                                         "a poem that mentions",
                                         "a regex which matches"};
    FILE *out = fmemopen(output, sizeof(output), "w");
    struct weir_scorer_setup setup = {
        .reference_calls = reference, .indicators = indicators, .out = out};
    struct weir_scorer *scorer = weir_scorer_new(&setup);
    struct weir_error err = {0};
    weir_status status = WEIR_OK;
    memset(output, 0, sizeof(output));
    for (uint32_t i = 0; i < calls && status == WEIR_OK; i++) {
        char line[512];
        uint32_t time_ms = i * 60000 + i * 7919 % 50000;
        bool is_task = i > calls / 2 && i * 37 % 100 < 30;
        if (!is_sorted && i == calls / 2)
            time_ms = 5;
        snprintf(line, sizeof(line),
                 "{\"account\":\"k%u\",\"owner\":\"group\",\"time_ms\":%u,"
                 "\"model\":\"m\",\"unknown\":[1,{}],\"prompt\":\"%s %s %u "
                 "words.\"}",
                 key_of(i, accounts), time_ms,
                 is_task ? verbs[i % 11] : "where is",
                 is_task ? things[i % 7] : "my order", i * 7919 % 9973);
        status = weir_scorer_take(scorer, weir_span_of(line), &err);
    }
    if (status == WEIR_OK)
        status = weir_scorer_finish(scorer, summary, &err);
    weir_scorer_free(scorer);
    fclose(out);
    return status;
}

static double
number_behind(const char *text, const char *name)
{
    const char *at = text != NULL ? strstr(text, name) : NULL;
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

static double
group_score(void)
{
    return number_behind(strstr(output, "{\"cluster\":\"owner:group\""),
                         "\"score\":");
}

static double
best_account_score(void)
{
    double best = 0;
    for (const char *at = output; (at = strstr(at, "{\"account\"")) != NULL;
         at++) {
        double score_here = number_behind(at, "\"score\":");
        best = score_here > best ? score_here : best;
    }
    return best;
}

TEST(watch, any_split_over_keys_gives_the_same_group_score)
{
    struct weir_scorer_summary summary;
    for (uint32_t reference = 0; reference <= 400; reference += 400) {
        assert_ok(score(1600, 1, reference, true, &summary));
        double alone = best_account_score();
        assert_true(alone > 0);
        for (uint32_t accounts = 2; accounts < 40;
             accounts = accounts * 2 + 1) {
            assert_ok(score(1600, accounts, reference, true, &summary));
            assert_int_equal(summary.accounts, accounts);
            double together = group_score();
            assert_true(together > alone * 0.99999 &&
                        together < alone * 1.00001);
        }
    }
}

/* Whatever calls each key has, in whatever sizes: the group's line is the
 * same to the letter, signals and all. */
TEST(watch, random_splits_over_keys_give_the_same_group_line)
{
    struct weir_scorer_summary summary;
    for (uint32_t reference = 0; reference <= 400; reference += 400) {
        char *first = NULL;
        for (uint64_t seed = 1; seed <= 24; seed++) {
            split_seed = seed * 1000003;
            assert_ok(score(1600, 2 + (uint32_t)(seed * seed % 97), reference,
                            true, &summary));
            split_seed = 0;
            assert_true(summary.accounts > 1);
            const char *line = strstr(output, "{\"cluster\":\"owner:group\"");
            assert_non_null(line);
            const char *figures = strstr(line, "\"score\":");
            assert_non_null(figures);
            size_t len = strcspn(figures, ",");
            if (first == NULL)
                first = strndup(figures, len);
            assert_int_equal(strlen(first), len);
            assert_memory_equal(first, figures, len);
        }
        free(first);
    }
}

/* A key that sends nothing task-like by itself is seen by what others
 * shared, at the call's time: what was over then does not count. */
TEST(watch, calls_of_a_file_are_matched_against_shared_indicators)
{
    static const uint8_t salt[WEIR_INDICATOR_SALT_BYTES] = {4, 2};
    struct weir_scorer_summary summary;
    struct weir_watch_call call;
    struct weir_watch_features features;
    struct weir_indicators set;
    struct weir_error err;
    weir_watch_begin(&call);
    weir_watch_prompt(&call, weir_span_of("where is my order 7 words."));
    weir_watch_finish(&call, NULL, &features);
    uint64_t word =
        weir_indicator_word(salt, WEIR_INDICATOR_HEAD, features.head);
    for (int is_over = 0; is_over < 2; is_over++) {
        struct weir_buf bytes;
        struct weir_indicator_exchange exchange = {
            .name = weir_span_of("labs"),
            .until = is_over ? 0 : WEIR_TIME_MAX,
            .words = &word,
            .count = 1};
        memcpy(exchange.salt, salt, sizeof(salt));
        weir_buf_init(&bytes, 1 << 20);
        assert_ok(weir_indicators_write(&exchange, 1, 1, 0, &bytes, &err));
        assert_ok(weir_indicators_open(weir_buf_span(&bytes), &set, &err));
        indicators = &set;
        assert_ok(score(300, 1, 0, true, &summary));
        indicators = NULL;
        assert_int_equal(strstr(output, "\"shared\":") != NULL, !is_over);
        weir_indicators_close(&set);
        weir_buf_fini(&bytes);
    }
}

TEST(watch, the_same_file_gives_the_same_lines)
{
    struct weir_scorer_summary summary;
    assert_ok(score(900, 3, 100, true, &summary));
    char *first = strdup(output);
    assert_ok(score(900, 3, 100, true, &summary));
    assert_string_equal(first, output);
    free(first);
}

TEST(watch, calls_out_of_order_are_refused)
{
    struct weir_scorer_summary summary;
    assert_int_equal(score(500, 2, 0, false, &summary), WEIR_ECONFLICT);
}

TEST(watch, lines_that_are_no_calls_are_refused)
{
    static const struct {
        const char *line;
        weir_status status;
    } cases[] = {
        {"", WEIR_EPARSE},
        {"[]", WEIR_ETYPE},
        {"{\"account\":\"a\"}", WEIR_ETYPE},
        {"{\"time_ms\":1}", WEIR_ETYPE},
        {"{\"account\":\"a\",\"time_ms\":\"1\"}", WEIR_ETYPE},
        {"{\"account\":\"a\",\"time_ms\":1e300}", WEIR_ETYPE},
        {"{\"account\":\"a\",\"time_ms\":1", WEIR_EPARSE},
        {"{\"account\":\"a\",\"time_ms\":1,\"prompt\":\"\\ud800 \xff\"}",
         WEIR_OK},
        {"{\"account\":\"a\",\"time_ms\":1.5,\"prompt\":null}", WEIR_OK},
    };
    struct weir_scorer_setup setup = {.out = stdout};
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_scorer *scorer = weir_scorer_new(&setup);
        assert_int_equal(
            weir_scorer_take(scorer, weir_span_of(cases[i].line), NULL),
            cases[i].status);
        weir_scorer_free(scorer);
    }
}

TEST(watch, evaluation_catches_what_it_should_on_a_small_sample)
{
    char path[4096];
    struct weir_error err = {0};
    const char *data = weir_test_data();
    if (data == NULL) {
        printf("skip: no test data, the watch is not evaluated\n");
        skip();
    }
    snprintf(path, sizeof(path), "%s/prompts", data);
    FILE *out = fmemopen(output, sizeof(output), "w");
    struct weir_evaluate_setup setup = {.directory = path,
                                        .seed = 3,
                                        .splits = 1,
                                        .windows = 20,
                                        .attacks = 2,
                                        .is_json = true,
                                        .out = out};
    memset(output, 0, sizeof(output));
    weir_status status = weir_evaluate(&setup, &err);
    fclose(out);
    assert_ok(status);
    const char *row = strstr(
        output,
        "\"attack\":\"instructions\",\"tenants\":\"mixed\",\"W\":\"300\"");
    assert_non_null(row);
    assert_true(number_behind(row, "\"50 %\":\"") > 0.9);
    assert_true(number_behind(row, "\"25 %\":\"") > 0.9);
}
