/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/watch.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "test.h"

static struct weir_watch_features
features_of(const char *text, size_t len)
{
    static struct weir_watch_call call;
    struct weir_watch_features features;
    weir_watch_begin(&call);
    weir_watch_prompt(&call, (weir_span){text, len});
    weir_watch_finish(&call, NULL, &features);
    return features;
}

static struct weir_watch_features
features_of_text(const char *text)
{
    return features_of(text, strlen(text));
}

static struct weir_watch_features
features_of_body(const char *body)
{
    static struct weir_watch_call call;
    struct weir_watch_features features;
    weir_watch_begin(&call);
    weir_watch_request(&call, weir_span_of(body));
    weir_watch_finish(&call, NULL, &features);
    return features;
}

static void
assert_same(const struct weir_watch_features *a,
            const struct weir_watch_features *b)
{
    uint8_t one[WEIR_WATCH_BLOCK_BYTES];
    uint8_t other[WEIR_WATCH_BLOCK_BYTES];
    weir_watch_pack(a, one);
    weir_watch_pack(b, other);
    assert_memory_equal(one, other, sizeof(one));
}

TEST(watch, block_is_the_same_after_unpacking)
{
    struct weir_watch_features a = features_of_text(
        "Write a short poem about Ada, step by step, in 12 lines.");
    struct weir_watch_features b;
    uint8_t block[WEIR_WATCH_BLOCK_BYTES];
    weir_watch_pack(&a, block);
    assert_ok(
        weir_watch_unpack((weir_span){(char *)block, sizeof(block)}, &b, NULL));
    assert_same(&a, &b);
    assert_int_equal(b.form, a.form);
    block[0]++;
    assert_int_equal(
        weir_watch_unpack((weir_span){(char *)block, sizeof(block)}, &b, NULL),
        WEIR_EVERSION);
    assert_int_equal(
        weir_watch_unpack((weir_span){(char *)block, 255}, &b, NULL),
        WEIR_ETYPE);
}

TEST(watch, form_bits_are_those_of_the_words)
{
    static const struct {
        const char *text;
        uint64_t has;
        uint64_t lacks;
    } cases[] = {
        {"Write a function that reverses a list of numbers in Python.",
         WEIR_WATCH_BIT(IMPERATIVE) | WEIR_WATCH_BIT(ARTEFACT) |
             WEIR_WATCH_BIT(INDEFINITE) | WEIR_WATCH_BIT(CAPITAL) |
             WEIR_WATCH_BIT(ENDS) | WEIR_WATCH_BIT(MEDIUM),
         WEIR_WATCH_BIT(PERSON) | WEIR_WATCH_BIT(RAGGED) | WEIR_WATCH_CUES},
        {"could you please list my invoices",
         WEIR_WATCH_BIT(IMPERATIVE) | WEIR_WATCH_BIT(PERSON) |
             WEIR_WATCH_BIT(PLEASE),
         WEIR_WATCH_BIT(CAPITAL) | WEIR_WATCH_BIT(ENDS)},
        {"Think step-by-step and show your work.", WEIR_WATCH_BIT(COT),
         WEIR_WATCH_BIT(GRADE)},
        {"Rate the following answer on a scale of 1 to 10.",
         WEIR_WATCH_BIT(GRADE), WEIR_WATCH_BIT(META)},
        {"These task instructions will be given to a GPT model.",
         WEIR_WATCH_BIT(META), 0},
        {"Generate 20 diverse questions.", WEIR_WATCH_BIT(GENERATE), 0},
        {"Paraphrase it in 3 ways", WEIR_WATCH_BIT(PARAPHRASE), 0},
        {"for i in range(3): print(i)", 0,
         WEIR_WATCH_BIT(PERSON) | WEIR_WATCH_BIT(RAGGED)},
        {"i want u to go", WEIR_WATCH_BIT(RAGGED) | WEIR_WATCH_BIT(PERSON), 0},
        {"请写一篇关于春天的短文，并逐步解释你的思路。",
         WEIR_WATCH_BIT(IMPERATIVE) | WEIR_WATCH_BIT(ARTEFACT) |
             WEIR_WATCH_BIT(INDEFINITE) | WEIR_WATCH_BIT(CAPITAL) |
             WEIR_WATCH_BIT(ENDS) | WEIR_WATCH_BIT(COT) |
             WEIR_WATCH_BIT(PLEASE),
         WEIR_WATCH_BIT(PERSON)},
        {"我的订单什么时候到？", WEIR_WATCH_BIT(PERSON),
         WEIR_WATCH_BIT(IMPERATIVE)},
        {"Schreibe ein Gedicht über den Herbst. Erkläre Schritt für Schritt.",
         WEIR_WATCH_BIT(IMPERATIVE) | WEIR_WATCH_BIT(ARTEFACT) |
             WEIR_WATCH_BIT(COT),
         WEIR_WATCH_BIT(PERSON)},
        {"Напиши рассказ о зиме и объясни ход рассуждений шаг за шагом.",
         WEIR_WATCH_BIT(IMPERATIVE) | WEIR_WATCH_BIT(ARTEFACT) |
             WEIR_WATCH_BIT(COT),
         WEIR_WATCH_BIT(PERSON)},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_watch_features f = features_of_text(cases[i].text);
        if ((f.bits & cases[i].has) != cases[i].has ||
            (f.bits & cases[i].lacks) != 0)
            fail_msg("%s: bits %#llx", cases[i].text,
                     (unsigned long long)f.bits);
    }
}

TEST(watch, languages_are_told_apart)
{
    static const struct {
        const char *text;
        uint8_t language;
    } cases[] = {
        {"What is the capital of the country and who rules it?",
         WEIR_WATCH_LANGUAGE_EN},
        {"请解释一下什么是光合作用", WEIR_WATCH_LANGUAGE_ZH},
        {"これはペンですか、それとも鉛筆ですか", WEIR_WATCH_LANGUAGE_JA},
        {"다음 문장을 영어로 번역해 주세요", WEIR_WATCH_LANGUAGE_KO},
        {"Wie ist das Wetter und warum ist es so?", WEIR_WATCH_LANGUAGE_DE},
        {"Quelle est la ville dans laquelle vous êtes ?",
         WEIR_WATCH_LANGUAGE_FR},
        {"¿Cuál es la ciudad más grande y cómo se llega?",
         WEIR_WATCH_LANGUAGE_ES},
        {"Что это и как это работает?", WEIR_WATCH_LANGUAGE_RU},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++)
        assert_int_equal(features_of_text(cases[i].text).language,
                         cases[i].language);
}

TEST(watch, frame_masks_what_varies)
{
    struct weir_watch_features a =
        features_of_text("cancel order 8817 of Anna Freeman in \"London\"");
    struct weir_watch_features b =
        features_of_text("cancel order 12 of Peter Miller in \"New York\"");
    struct weir_watch_features c =
        features_of_text("cancel order 12 of peter miller in London");
    assert_true(a.frame == b.frame);
    assert_true(a.frame != c.frame);
    assert_true(a.last_words != b.last_words);
    assert_true(weir_watch_similarity(a.sketch, b.sketch) > 0.5);
}

TEST(watch, hidden_marks_and_wide_letters_change_nothing)
{
    struct weir_watch_features plain =
        features_of_text("Write an essay about the sea.");
    struct weir_watch_features hidden = features_of_text(
        "W\xe2\x80\x8britе an essay about t\xe2\x80\x8dhe sea.");
    struct weir_watch_features wide =
        features_of_text("\xef\xbc\xb7rite an essay about the sea\xe3\x80\x82");
    assert_true(hidden.bits & WEIR_WATCH_BIT(HIDDEN));
    assert_true(hidden.bits & WEIR_WATCH_BIT(MIXED)); /* a Cyrillic e */
    assert_true(plain.frame == wide.frame);
    assert_memory_equal(plain.sketch, wide.sketch, WEIR_WATCH_SKETCH);
}

TEST(watch, prompt_split_at_every_byte_gives_the_same_block)
{
    char text[3000];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = "Explain why the sky is \xe8\x93\x9d and 7 x 9. "[i % 36];
    struct weir_watch_features whole = features_of(text, sizeof(text));
    assert_true(whole.bits & WEIR_WATCH_BIT(CUT));
    for (size_t at = 0; at <= sizeof(text); at += 7) {
        static struct weir_watch_call call;
        struct weir_watch_features split;
        weir_watch_begin(&call);
        weir_watch_prompt(&call, (weir_span){text, at});
        weir_watch_prompt(&call, (weir_span){text + at, sizeof(text) - at});
        weir_watch_finish(&call, NULL, &split);
        assert_same(&whole, &split);
        for (size_t i = 0; i < WEIR_WATCH_HEAD_MAX; i++)
            assert_int_equal(call.head[i], 0);
    }
}

TEST(watch, last_user_message_is_found_in_every_shape)
{
    static const char *const bodies[] = {
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"no\"},"
        "{\"role\":\"assistant\",\"content\":\"x "
        "\\\"y\\\\\"},{\"role\":\"user\","
        "\"content\":\"Draw a \\\"cat\\\" \\u00e9\\n\"}],\"n\":2}",
        "{ \"messages\" : [ {\"content\":[{\"type\":\"text\",\"text\":"
        "\"Draw a \\\"cat\\\" \"},{\"type\":\"text\",\"text\":\"\\u00e9\\n\"}],"
        "\"role\":\"user\"} , {\"role\":\"tool\",\"content\":\"42\"} ] } ",
        "{\"input\":\"Draw a \\\"cat\\\" \\u00E9\\n\",\"model\":\"m\"}",
        "{\"prompt\":[\"first\",\"Draw a \\\"cat\\\" \xc3\xa9\\n\"]}",
        "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":"
        "\"Draw a \\\"cat\\\" \xc3\xa9\\n\"}]}],\"systemInstruction\":"
        "{\"parts\":[{\"text\":\"be kind\"}]}}",
        "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
        "\"text\":\"Draw a \\\"cat\\\" \xc3\xa9\\n\"}]}]}",
    };
    struct weir_watch_features wanted =
        features_of_text("Draw a \"cat\" \xc3\xa9\n");
    for (size_t i = 0; i < WEIR_COUNTOF(bodies); i++) {
        struct weir_watch_features f = features_of_body(bodies[i]);
        assert_true(f.frame == wanted.frame);
        assert_true(f.last_words == wanted.last_words);
        assert_int_equal(f.prompt_bytes, wanted.prompt_bytes);
    }
}

TEST(watch, system_prompt_is_hashed_apart)
{
    struct weir_watch_features a = features_of_body(
        "{\"messages\":[{\"role\":\"system\",\"content\":\"one\"},"
        "{\"role\":\"user\",\"content\":\"Hello there\"}]}");
    struct weir_watch_features b = features_of_body(
        "{\"messages\":[{\"role\":\"system\",\"content\":\"two\"},"
        "{\"role\":\"user\",\"content\":\"Hello there\"}]}");
    struct weir_watch_features c = features_of_body(
        "{\"system\":\"one\",\"messages\":[{\"role\":\"user\",\"content\":"
        "\"Hello there\"}]}");
    assert_true(a.system != 0 && a.system != b.system);
    assert_true(a.system == c.system);
    assert_memory_equal(a.sketch, b.sketch, WEIR_WATCH_SKETCH);
}

TEST(watch, parameters_are_read)
{
    struct weir_watch_features f = features_of_body(
        "{\"temperature\":0.5,\"n\":4,\"max_tokens\":1000,\"logprobs\":true,"
        "\"top_logprobs\":5,\"tools\":[{},{},{}],\"messages\":[{\"role\":"
        "\"user\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"y\"}]}");
    assert_int_equal(f.temperature, 32);
    assert_int_equal(f.n, 4);
    assert_int_equal(f.max_tokens, 10);
    assert_true(f.logprobs >= 1);
    assert_int_equal(f.tools, 3);
    assert_int_equal(f.turns, 2);
}

TEST(watch, long_message_has_its_tail)
{
    size_t size = 100000;
    char *body = malloc(size + 200);
    int at = sprintf(body, "{\"messages\":[{\"role\":\"user\",\"content\":\"");
    for (size_t i = 0; i < size; i += 2)
        at += sprintf(body + at, "%s", i % 64 == 0 ? "\\n" : "ab");
    sprintf(body + at, " paint five red \\u0041ncient boats\"}]}");
    struct weir_watch_features f = features_of_body(body);
    struct weir_watch_features end =
        features_of_text("x paint five red Ancient boats");
    assert_true(f.last_words == end.last_words);
    assert_true(f.bits & WEIR_WATCH_BIT(CUT));
    assert_true(f.prompt_bytes > size - 4000);
    free(body);
}

TEST(watch, reply_split_at_every_byte_is_the_same)
{
    static const char stream[] =
        "data: {\"choices\":[{\"delta\":{\"content\":\"Steps:\\n1. a\\n2. "
        "\"}}]}"
        "\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\\n3. c "
        "``\"}}]}\n\n"
        "data: {\"choices\":[{\"delta\":{\"content\":\"` \\\"q\\\"\","
        "\"reasoning_content\":\"hm\"}}]}\n\ndata: [DONE]\n\n";
    for (size_t at = 0; at < sizeof(stream); at++) {
        static struct weir_watch_call call;
        struct weir_watch_features f;
        weir_watch_begin(&call);
        weir_watch_reply(&call, (weir_span){stream, at});
        weir_watch_reply(&call,
                         (weir_span){stream + at, sizeof(stream) - 1 - at});
        weir_watch_finish(&call, NULL, &f);
        assert_int_equal(f.reply_bytes, 17 + 10 + 7 + 2);
        assert_true(f.bits & WEIR_WATCH_BIT(STEPS));
        assert_true(f.bits & WEIR_WATCH_BIT(FENCED));
        assert_true(f.bits & WEIR_WATCH_BIT(REASONED));
        assert_true(f.bits & WEIR_WATCH_BIT(REPLIED));
    }
}

TEST(watch, what_comes_whole_again_is_counted_once)
{
    static const char stream[] =
        "data: {\"type\":\"response.output_text.delta\",\"delta\":\"- a\"}\n\n"
        "data: {\"type\":\"response.output_text.delta\","
        "\"delta\":\"\\n- b\"}\n\n"
        "data: {\"type\":\"response.output_text.done\","
        "\"text\":\"- a\\n- b\"}\n\n"
        "data: {\"type\":\"response.completed\",\"response\":{\"output\":[{"
        "\"content\":[{\"type\":\"output_text\","
        "\"text\":\"- a\\n- b\"}]}]}}\n\n";
    static struct weir_watch_call call;
    struct weir_watch_features f;
    weir_watch_begin(&call);
    weir_watch_reply(&call, (weir_span){stream, sizeof(stream) - 1});
    weir_watch_finish(&call, NULL, &f);
    assert_int_equal(f.reply_bytes, 3 + 2 + 3);
    assert_false(f.bits & WEIR_WATCH_BIT(STEPS)); /* two items, not six */
}

TEST(watch, the_user_a_request_names_is_the_end_user)
{
    static struct weir_watch_call call;
    struct weir_watch_facts facts = {.end_user = WEIR_SPAN("u-17")};
    struct weir_watch_features told;
    struct weir_watch_features f = features_of_body(
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
        "\"user\":\"u-17\"}");
    weir_watch_begin(&call);
    weir_watch_finish(&call, &facts, &told);
    assert_int_equal(f.end_user, told.end_user);
    assert_true(f.end_user != 0);
    f = features_of_body("{\"prompt\":\"hi\",\"safety_identifier\":\"s\"}");
    assert_true(f.end_user != 0 && f.end_user != told.end_user);
    assert_int_equal(
        features_of_body("{\"prompt\":\"hi\",\"user\":7}").end_user, 0);
}

static double
seconds_of(const char *text, size_t len)
{
    struct timespec start;
    struct timespec end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    (void)features_of(text, len);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    return (double)(end.tv_sec - start.tv_sec) +
           (double)(end.tv_nsec - start.tv_nsec) * 1e-9;
}

/* Eight megabytes of anything take what copying them takes. */
TEST(watch, adversarial_prompts_cost_little)
{
    static const char *const patterns[] = {"a",
                                           "\"",
                                           "'a ",
                                           "\xff",
                                           "\xe2\x80\x8b",
                                           "\xd0\xb1"
                                           "a\xce\xb3 ",
                                           "`\n"};
    size_t size = 8 << 20;
    char *text = malloc(size);
    for (size_t i = 0; i < WEIR_COUNTOF(patterns); i++) {
        size_t len = strlen(patterns[i]);
        for (size_t j = 0; j < size; j++)
            text[j] = patterns[i][j % len];
        assert_true(seconds_of(text, size) < 0.05);
    }
    free(text);
}
