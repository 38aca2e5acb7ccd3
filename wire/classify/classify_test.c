/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <weir/classify.h>
#include <weir/http_reply.h>
#include <weir/image.h>

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- answers */

static struct weir_classify_setup
setup_of(uint32_t form, const char *thresholds)
{
    return (struct weir_classify_setup){.form = form,
                                        .thresholds = weir_span_of(thresholds)};
}

static weir_status
read_answer(uint32_t form, const char *thresholds, const char *body,
            struct weir_classify_said *said)
{
    char memory[1024];
    struct weir_arena arena;
    const struct weir_classify_setup setup = setup_of(form, thresholds);
    weir_arena_init(&arena, memory, sizeof memory);
    return weir_classify_read(&setup, weir_span_of(body), &arena, said, NULL);
}

TEST(opinion, answers_of_both_forms_become_opinions)
{
    static const struct {
        uint32_t form;
        const char *thresholds;
        const char *body;
        enum weir_opinion opinion;
        uint8_t score;
        const char *category;
    } cases[] = {
        {WEIR_FORM_WEIR, "", "{\"verdict\":\"allow\"}", WEIR_OPINION_ALLOW, 0,
         ""},
        {WEIR_FORM_WEIR, "", "{\"verdict\":\"block\",\"score\":0.97}",
         WEIR_OPINION_BLOCK, 97, ""},
        {WEIR_FORM_WEIR, "",
         "{\"verdict\":\"flag\",\"categories\":{\"spam\":1}}",
         WEIR_OPINION_FLAG, 100, "spam"},
        {WEIR_FORM_WEIR, "own\t800000\n",
         "{\"categories\":{\"own\":0.8,\"spam\":0.99}}", WEIR_OPINION_BLOCK, 80,
         "own"},
        {WEIR_FORM_WEIR, "own\t800000\n",
         "{\"categories\":{\"own\":0.79,\"spam\":0.99}}", WEIR_OPINION_ALLOW,
         99, ""},
        /* a name that nobody declared is no name in a record */
        {WEIR_FORM_WEIR, "",
         "{\"verdict\":\"block\",\"categories\":{\"my card is 4111\":0.9}}",
         WEIR_OPINION_BLOCK, 90, ""},
        {WEIR_FORM_MODERATIONS, "",
         "{\"id\":\"m\",\"results\":[{\"flagged\":false},{\"flagged\":true,"
         "\"categories\":{\"hate\":true,\"sexual\":false},"
         "\"category_scores\":{\"hate\":9.3e-1,\"sexual\":1e-7}}]}",
         WEIR_OPINION_BLOCK, 93, "hate"},
        {WEIR_FORM_MODERATIONS, "violence\t500000\n",
         "{\"results\":[{\"flagged\":true,\"category_scores\":{\"hate\":0.9,"
         "\"violence\":0.4}}]}",
         WEIR_OPINION_FLAG, 90, "hate"},
        {WEIR_FORM_MODERATIONS, "violence\t500000\n",
         "{\"results\":[{\"flagged\":false,\"category_scores\":{"
         "\"violence\":0.5}}]}",
         WEIR_OPINION_BLOCK, 50, "violence"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        struct weir_classify_said said = {0};
        assert_int_equal(read_answer(cases[i].form, cases[i].thresholds,
                                     cases[i].body, &said),
                         WEIR_OK);
        assert_int_equal(said.opinion, cases[i].opinion);
        assert_int_equal(said.score, cases[i].score);
        assert_true(
            weir_span_equal(said.category, weir_span_of(cases[i].category)));
    }
}

TEST(opinion, what_is_no_answer_is_refused)
{
    static const char *const bodies[] = {
        "",
        "no",
        "[]",
        "{}",
        "{\"verdict\":\"maybe\"}",
        "{\"verdict\":1}",
        "{\"score\":\"0.5\"}",
        "{\"score\":1.5}",
        "{\"score\":-0.1}",
        "{\"score\":1e999}",
        "{\"categories\":[]}",
        "{\"categories\":{\"x\":null}}",
        "{\"verdict\":\"allow\"",
        "{\"verdict\":\"allow\"} more",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(bodies); i++) {
        struct weir_classify_said said = {0};
        assert_int_not_equal(read_answer(WEIR_FORM_WEIR, "", bodies[i], &said),
                             WEIR_OK);
    }
    static const char *const others[] = {
        "{\"results\":[]}",
        "{\"results\":{}}",
        "{\"results\":[{}]}",
        "{\"flagged\":true}",
        "{\"results\":[{\"flagged\":\"yes\"}]}",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(others); i++) {
        struct weir_classify_said said = {0};
        assert_int_not_equal(
            read_answer(WEIR_FORM_MODERATIONS, "", others[i], &said), WEIR_OK);
    }
}

TEST(opinion, asks_are_written_in_the_form_asked_for)
{
    struct weir_buf texts, out;
    weir_buf_init(&texts, 4096);
    weir_buf_init(&out, 4096);
    weir_classify_add_text(&texts, WEIR_SPAN("one \"two\""));
    weir_classify_add_text(&texts, WEIR_SPAN("three"));
    const struct weir_classify_setup other = {.form = WEIR_FORM_MODERATIONS,
                                              .model = WEIR_SPAN("omni")};
    const struct weir_classify_setup own = {.form = WEIR_FORM_WEIR};
    const struct weir_classify_about about = {.request = WEIR_SPAN("req_1"),
                                              .surface = WEIR_SPAN("chat"),
                                              .tenant = WEIR_SPAN("t"),
                                              .part = 1,
                                              .is_last = true};
    weir_classify_put(&other, &about, weir_buf_span(&texts), &out);
    assert_true(weir_span_equal(
        weir_buf_span(&out),
        WEIR_SPAN("{\"model\":\"omni\",\"input\":[\"one \\\"two\\\"\","
                  "\"three\"]}")));
    weir_buf_reset(&out);
    weir_classify_put(&own, &about, weir_buf_span(&texts), &out);
    assert_true(weir_span_equal(
        weir_buf_span(&out),
        WEIR_SPAN("{\"version\":1,\"request\":\"req_1\",\"direction\":"
                  "\"input\",\"part\":1,\"is_last\":true,\"surface\":\"chat\","
                  "\"tenant\":\"t\",\"texts\":[\"one \\\"two\\\"\","
                  "\"three\"]}")));
    weir_buf_fini(&texts);
    weir_buf_fini(&out);
}

/* ------------------------------------------------------------------- HTTP */

static enum weir_http_read
feed(struct weir_http_reply *reply, const char *text, size_t step)
{
    enum weir_http_read said = WEIR_HTTP_MORE;
    size_t len = strlen(text);
    weir_http_reply_init(reply, 1000);
    for (size_t at = 0; at < len; at += step)
        said = weir_http_reply_feed(
            reply, (weir_span){text + at, len - at < step ? len - at : step});
    return said;
}

TEST(opinion, a_reply_is_the_same_at_every_split)
{
    static const struct {
        const char *text;
        enum weir_http_read said;
        const char *body;
        bool may_ask_again;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", WEIR_HTTP_DONE, "{}",
         true},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
         "chunked\r\n\r\n1\r\n{\r\nA;x=y\r\n\"a\":\"bcd\"}\r\n0\r\nX: "
         "y\r\n\r\n",
         WEIR_HTTP_DONE, "{\"a\":\"bcd\"}", true},
        {"HTTP/1.0 200 OK\nContent-Length: 1\n\nx", WEIR_HTTP_DONE, "x", false},
        {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
         WEIR_HTTP_DONE, "x", false},
        {"HTTP/1.1 204\r\n\r\n", WEIR_HTTP_DONE, "", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy", WEIR_HTTP_DONE, "x",
         false},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", WEIR_HTTP_TOO_LONG,
         "", true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n",
         WEIR_HTTP_TOO_LONG, "", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
         WEIR_HTTP_BROKEN, "", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: "
         "chunked\r\n\r\n",
         WEIR_HTTP_BROKEN, "", true},
        {"HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n", WEIR_HTTP_BROKEN, "",
         true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", WEIR_HTTP_DONE, "",
         true},
        {"HTTP/2 200\r\n\r\n", WEIR_HTTP_BROKEN, "", false},
        {"220 mail.example ESMTP\r\n", WEIR_HTTP_BROKEN, "", false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
         WEIR_HTTP_BROKEN, "", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", WEIR_HTTP_MORE, "ab",
         true},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++)
        for (size_t step = 1; step <= 64; step++) {
            struct weir_http_reply reply;
            assert_int_equal(feed(&reply, cases[i].text, step), cases[i].said);
            assert_true(weir_span_equal(weir_buf_span(&reply.body),
                                        weir_span_of(cases[i].body)));
            if (cases[i].said == WEIR_HTTP_DONE)
                assert_int_equal(reply.may_ask_again, cases[i].may_ask_again);
            weir_http_reply_fini(&reply);
        }
}

TEST(opinion, a_reply_without_length_ends_with_its_connection)
{
    struct weir_http_reply reply;
    assert_int_equal(feed(&reply, "HTTP/1.1 200 OK\r\n\r\n{}", 3),
                     WEIR_HTTP_MORE);
    assert_int_equal(weir_http_reply_end(&reply), WEIR_HTTP_DONE);
    assert_int_equal(reply.body.len, 2);
    weir_http_reply_fini(&reply);
    assert_int_equal(
        feed(&reply, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", 3),
        WEIR_HTTP_MORE);
    assert_int_equal(weir_http_reply_end(&reply), WEIR_HTTP_BROKEN);
    weir_http_reply_fini(&reply);
}

TEST(opinion, an_encoding_is_one_whatever_the_next_line_says)
{
    static const struct {
        const char *lines;
        bool is_encoded;
    } rows[] = {
        {"", false},
        {"Content-Encoding: Identity\r\n", false},
        {"Content-Encoding: gzip\r\n", true},
        {"Content-Encoding: gzip\r\nContent-Encoding: identity\r\n", true},
        {"content-encoding: identity\r\ncontent-encoding: br\r\n", true},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_http_reply reply;
        char text[256];
        snprintf(text, sizeof text,
                 "HTTP/1.1 200 OK\r\n%sContent-Length: 2\r\n\r\n{}",
                 rows[i].lines);
        assert_int_equal(feed(&reply, text, 5), WEIR_HTTP_DONE);
        assert_int_equal(reply.is_encoded, rows[i].is_encoded);
        weir_http_reply_fini(&reply);
    }
}

TEST(opinion, a_head_or_line_without_end_is_too_long)
{
    struct weir_http_reply reply;
    char line[WEIR_HTTP_LINE_MAX + 2];
    memset(line, 'a', sizeof line);
    weir_http_reply_init(&reply, 1000);
    assert_int_equal(
        weir_http_reply_feed(&reply, (weir_span){line, sizeof line}),
        WEIR_HTTP_TOO_LONG);
    weir_http_reply_fini(&reply);
    weir_http_reply_init(&reply, 1000);
    enum weir_http_read said =
        weir_http_reply_feed(&reply, WEIR_SPAN("HTTP/1.1 200 OK\r\n"));
    for (int i = 0; i < 20000 && said == WEIR_HTTP_MORE; i++)
        said = weir_http_reply_feed(&reply, WEIR_SPAN("a: b\r\n"));
    assert_int_equal(said, WEIR_HTTP_TOO_LONG);
    weir_http_reply_fini(&reply);
}
