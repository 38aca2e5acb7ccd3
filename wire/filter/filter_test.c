/* SPDX-License-Identifier: Apache-2.0 */
/* Replies of each dialect through rules, at every split. */

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/eventstream.h>
#include <weir/filter.h>

static struct weir_detect_set *
set_of(const char *const *detectors, size_t count,
       enum weir_detect_action action)
{
    struct weir_detect_rule rules[8] = {{.name = WEIR_SPAN_NONE}};
    struct weir_detect_set *set = NULL;
    for (size_t i = 0; i < count; i++)
        rules[i] = (struct weir_detect_rule){
            .name = weir_span_of(detectors[i]),
            .detector = weir_detector_find(weir_span_of(detectors[i])),
            .action = action};
    assert_ok(weir_detect_compile(rules, count, &set, NULL));
    return set;
}

static const char *const usual[] = {"mail", "card", "key"};

/* The reply as the client gets it, of malloc. NULL: blocked. */
static char *
through(const struct weir_filter_setup *setup, const char *reply, size_t step,
        struct weir_detect_out *found_out)
{
    struct weir_filter *filter = weir_filter_new(setup);
    struct weir_buf out;
    size_t len = strlen(reply);
    bool goes_on = true;
    assert_non_null(filter);
    weir_buf_init(&out, 1 << 20);
    for (size_t at = 0; at < len && goes_on; at += step)
        goes_on = weir_filter_take(
            filter, (weir_span){reply + at, len - at < step ? len - at : step},
            &out);
    goes_on = goes_on && weir_filter_finish(filter, &out);
    if (found_out != NULL)
        *found_out = *weir_filter_found(filter);
    weir_filter_free(filter);
    char *copy = goes_on ? calloc(1, out.len + 1) : NULL;
    if (goes_on && out.len > 0)
        memcpy(copy, out.ptr, out.len);
    weir_buf_fini(&out);
    return copy;
}

static void
expect(const struct weir_filter_setup *setup, const char *reply,
       const char *wanted)
{
    for (size_t step = 1; step < strlen(reply) + 2; step += 1 + step / 3) {
        char *got = through(setup, reply, step, NULL);
        assert_non_null(got);
        if (strcmp(got, wanted) != 0)
            fail_msg("pieces of %zu:\n%s\nnot:\n%s", step, got, wanted);
        free(got);
    }
}

#define CHAT(text)                                                             \
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text          \
    "\"}}]}\n\n"
#define END                                                                    \
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":"         \
    "\"stop\"}]}\n\ndata: [DONE]\n\n"

TEST(filter, a_match_over_many_deltas_of_chat_is_one)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set, .is_streamed = true};
    expect(&setup,
           CHAT("Pay ") CHAT("41") CHAT("11 1111 ") CHAT("1111 11") CHAT("11")
               CHAT(", \\n") CHAT("a@") CHAT("b.io") END,
           CHAT("Pay ") CHAT("") CHAT("") CHAT("") CHAT("") CHAT("[CARD], \\n")
               CHAT("") CHAT("") CHAT("[MAIL]") END);
    weir_detect_free(set);
}

/* An origin that writes members in the order of the alphabet. */
TEST(filter, what_lies_between_the_numbers_of_a_channel_counts_for_nothing)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set, .is_streamed = true};
    expect(&setup,
           "data: {\"content_index\":0,\"delta\":\"to ann@exa\","
           "\"output_index\":0,\"type\":\"response.output_text.delta\"}\n\n"
           "data: {\"content_index\":0,\"delta\":\"mple.com.\","
           "\"output_index\":0,\"type\":\"response.output_text.delta\"}\n\n"
           "data: {\"content_index\":0,\"output_index\":0,\"text\":\"\","
           "\"type\":\"response.output_text.done\"}\n\n",
           "data: {\"content_index\":0,\"delta\":\"to \","
           "\"output_index\":0,\"type\":\"response.output_text.delta\"}\n\n"
           "data: {\"content_index\":0,\"delta\":\"\","
           "\"output_index\":0,\"type\":\"response.output_text.delta\"}\n\n"
           "data: {\"content_index\":0,\"delta\":\"[MAIL].\","
           "\"output_index\":0,\"type\":\"response.output_text.delta\"}\n\n"
           "data: {\"content_index\":0,\"output_index\":0,\"text\":\"\","
           "\"type\":\"response.output_text.done\"}\n\n");
    weir_detect_free(set);
}

TEST(filter, answers_and_tool_calls_are_texts_of_their_own)
{
#define TWO(index, text)                                                       \
    "data: {\"choices\":[{\"index\":" index ",\"delta\":{\"content\":\"" text  \
    "\"}}]}\n\n"
#define TOOL(index, text)                                                      \
    "data: "                                                                   \
    "{\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":" index  \
    ",\"function\":{\"arguments\":\"" text "\"}}]}}]}\n\n"
    struct weir_detect_set *set = set_of(usual, 1, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set, .is_streamed = true};
    expect(&setup,
           TWO("0", "a@") TWO("1", "c@") TWO("0", "b.io ") TWO("1", "d.eu ")
               TOOL("0", "{\\\"to\\\":\\\"x@") TOOL("1", "y")
                   TOOL("0", "z.org\\\"}") "data: [DONE]\n\n",
           TWO("0", "") TWO("1", "") TWO("0", "[MAIL] ") TWO("1", "[MAIL] ")
               TOOL("0", "{\\\"to\\\":\\\"") TOOL("1", "")
                   TOOL("0", "[MAIL]\\\"}") TOOL("1", "y") "data: [DONE]\n\n");
    weir_detect_free(set);
}

#define ANTHROPIC(text)                                                        \
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","     \
    "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"" text          \
    "\"}}\n\n"
#define STOP                                                                   \
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\","       \
    "\"index\":0}\n\n"

TEST(filter, what_was_held_goes_out_before_a_block_of_messages_ends)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set, .is_streamed = true};
    expect(&setup, ANTHROPIC("Ask a@b") ANTHROPIC(".io") STOP,
           ANTHROPIC("Ask ") ANTHROPIC("") ANTHROPIC("[MAIL]") STOP);
    expect(&setup, ANTHROPIC("No mail here") STOP,
           ANTHROPIC("No mail ") ANTHROPIC("here") STOP);
    weir_detect_free(set);
}

#define RESPONSES(n, text)                                                     \
    "event: response.output_text.delta\ndata: "                                \
    "{\"type\":\"response.output_text.delta\",\"output_index\":0,"             \
    "\"content_index\":0,\"delta\":\"" text "\",\"sequence_number\":" n        \
    "}\n\n"
#define RESPONSES_DONE(n, text)                                                \
    "event: response.output_text.done\ndata: "                                 \
    "{\"type\":\"response.output_text.done\",\"output_index\":0,"              \
    "\"content_index\":0,\"text\":\"" text "\",\"sequence_number\":" n "}\n\n"

TEST(filter, events_that_are_counted_are_counted_on)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set, .is_streamed = true};
    expect(&setup,
           RESPONSES("4", "Ask a@b") RESPONSES("5", ".io")
               RESPONSES_DONE("6", "Ask a@b.io"),
           RESPONSES("4", "Ask ") RESPONSES("5", "") RESPONSES("6", "[MAIL]")
               RESPONSES_DONE("7", "Ask [MAIL]"));
    weir_detect_free(set);
}

#define GEMINI(text, end)                                                      \
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text        \
    "\"}]}" end "}]}\n\n"

TEST(filter, a_last_delta_that_says_it_is_the_last_holds_nothing_back)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set, .is_streamed = true};
    expect(&setup,
           GEMINI("Ask a@", "") GEMINI("b.io", ",\"finishReason\":\"STOP\""),
           GEMINI("Ask ", "") GEMINI("[MAIL]", ",\"finishReason\":\"STOP\""));
    weir_detect_free(set);
}

TEST(filter, a_blocked_stream_shows_nothing_of_the_match)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_BLOCK);
    const struct weir_filter_setup setup = {.set = set, .is_streamed = true};
    struct weir_detect_out found;
    char *got = through(&setup, CHAT("a@") CHAT("b.io ") END, 7, &found);
    assert_null(got);
    assert_true(found.is_blocked);
    assert_int_equal(found.found[0], 1);
    weir_detect_free(set);
}

TEST(filter, an_event_that_cannot_be_looked_at_is_blocked)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {
        .set = set, .is_streamed = true, .held_max = 64};
    assert_null(through(
        &setup, CHAT("0123456789012345678901234567890123456789") END, 9, NULL));
    const struct weir_filter_setup usual_setup = {.set = set,
                                                  .is_streamed = true};
    assert_null(through(&usual_setup, "data: a@b.io\n\n", 3, NULL));
    weir_detect_free(set);
}

TEST(filter, a_whole_reply_is_read_string_by_string)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set};
    expect(
        &setup,
        "{\"id\":\"x\",\"choices\":[{\"message\":{\"content\":\"a@b.io\"}}]}",
        "{\"id\":\"x\",\"choices\":[{\"message\":{\"content\":\"[MAIL]\"}}]}");
    expect(&setup, "{\"id\":\"x\"}", "{\"id\":\"x\"}");
    weir_detect_free(set);
}

TEST(filter, pseudonyms_of_the_request_are_turned_back_in_the_reply)
{
    struct weir_detect_set *set = set_of(usual, 1, WEIR_DETECT_PSEUDONYM);
    static struct weir_vault vault;
    char room[8192], body[512];
    struct weir_arena arena;
    struct weir_buf buf;
    weir_vault_init(&vault, set);
    weir_arena_init(&arena, room, sizeof room);
    weir_buf_init_fixed(&buf, body, sizeof body);
    struct weir_detect_out out = {.text = &buf, .vault = &vault};
    assert_true(weir_detect_body(
        set, NULL, WEIR_SPAN("{\"content\":\"mail a@b.io\"}"), &arena, &out));
    assert_span(weir_buf_span(&buf), "{\"content\":\"mail [MAIL_1]\"}");
    struct weir_detect_set *none = set_of(usual, 0, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {
        .set = none, .restores = &vault, .is_streamed = true};
    expect(&setup, CHAT("Sent to [MA") CHAT("IL_1]") CHAT(".") END,
           CHAT("Sent to ") CHAT("a@b.io") CHAT(".") END);
    weir_vault_fini(&vault);
    weir_detect_free(none);
    weir_detect_free(set);
}

/* ------------------------------------------------------- binary streams */

static void
put_message(struct weir_buf *out, const char *kind, const char *type,
            const char *payload)
{
    struct weir_buf headers;
    const struct weir_eventstream_header rows[] = {
        {WEIR_SPAN(":message-type"), WEIR_EVENTSTREAM_STRING,
         weir_span_of(kind)},
        {strcmp(kind, "event") == 0 ? WEIR_SPAN(":event-type")
                                    : WEIR_SPAN(":exception-type"),
         WEIR_EVENTSTREAM_STRING, weir_span_of(type)}};
    weir_buf_init(&headers, 4096);
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++)
        assert_ok(weir_eventstream_put_header(&headers, &rows[i]));
    assert_ok(weir_eventstream_put(out, weir_buf_span(&headers),
                                   weir_span_of(payload)));
    weir_buf_fini(&headers);
}

/* Type and payload by turns; "!" in front of a type: an exception. */
static void
put_all(struct weir_buf *out, const char *const *rows, size_t count)
{
    weir_buf_init(out, 1 << 20);
    for (size_t i = 0; i < count; i += 2)
        put_message(out, rows[i][0] == '!' ? "exception" : "event",
                    rows[i] + (rows[i][0] == '!'), rows[i + 1]);
}

static void
expect_messages(const char *const *rows, size_t count,
                const char *const *wanted, size_t wanted_count)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {
        .set = set, .is_streamed = true, .is_binary = true};
    struct weir_buf in, want;
    put_all(&in, rows, count);
    put_all(&want, wanted, wanted_count);
    for (size_t step = 1; step < in.len + 2; step++) {
        struct weir_filter *filter = weir_filter_new(&setup);
        struct weir_buf out;
        weir_buf_init(&out, 1 << 20);
        for (size_t at = 0; at < in.len; at += step)
            assert_true(weir_filter_take(
                filter,
                (weir_span){in.ptr + at,
                            in.len - at < step ? in.len - at : step},
                &out));
        assert_true(weir_filter_finish(filter, &out));
        assert_true(weir_span_equal(weir_buf_span(&out), weir_buf_span(&want)));
        weir_filter_free(filter);
        weir_buf_fini(&out);
    }
    weir_buf_fini(&in);
    weir_buf_fini(&want);
    weir_detect_free(set);
}

#define BLOCK(index, text)                                                     \
    "contentBlockDelta", "{\"contentBlockIndex\":" index                       \
                         ",\"delta\":{\"text\":\"" text "\"},\"p\":\"abc\"}"

TEST(filter, messages_of_a_binary_stream_are_framed_anew)
{
    static const char *const rows[] = {
        "messageStart",
        "{\"role\":\"assistant\"}",
        BLOCK("0", "Ask a@"),
        BLOCK("0", "b.io, pay 4111 1111 "),
        BLOCK("1", "sk"),
        BLOCK("0", "1111 1111"),
        "contentBlockStop",
        "{\"contentBlockIndex\":0}",
        BLOCK("1", "y"),
        "contentBlockDelta",
        "{\"contentBlockIndex\":2,\"delta\":{\"toolUse\":{\"input\":"
        "\"{\\\"to\\\":\\\"c@d.eu\\\"}\"}}}",
        "messageStop",
        "{\"stopReason\":\"end_turn\"}",
        "metadata",
        "{\"usage\":{\"inputTokens\":1,\"outputTokens\":2}}"};
    static const char *const wanted[] = {
        "messageStart",
        "{\"role\":\"assistant\"}",
        BLOCK("0", "Ask "),
        BLOCK("0", "[MAIL], pay "),
        BLOCK("1", ""),
        BLOCK("0", ""),
        BLOCK("0", "[CARD]"),
        "contentBlockStop",
        "{\"contentBlockIndex\":0}",
        BLOCK("1", ""),
        "contentBlockDelta",
        "{\"contentBlockIndex\":2,\"delta\":{\"toolUse\":{\"input\":"
        "\"{\\\"to\\\":\\\"[MAIL]\\\"}\"}}}",
        BLOCK("1", "sky"),
        "messageStop",
        "{\"stopReason\":\"end_turn\"}",
        "metadata",
        "{\"usage\":{\"inputTokens\":1,\"outputTokens\":2}}"};
    expect_messages(rows, WEIR_COUNTOF(rows), wanted, WEIR_COUNTOF(wanted));
}

TEST(filter, what_a_binary_stream_holds_goes_out_before_its_exception)
{
    static const char *const rows[] = {BLOCK("0", "Ask a@b"), BLOCK("0", ".io"),
                                       "!throttlingException",
                                       "{\"message\":\"c@d.eu is too fast\"}"};
    static const char *const wanted[] = {
        BLOCK("0", "Ask "), BLOCK("0", ""), BLOCK("0", "[MAIL]"),
        "!throttlingException", "{\"message\":\"[MAIL] is too fast\"}"};
    expect_messages(rows, WEIR_COUNTOF(rows), wanted, WEIR_COUNTOF(wanted));
}

TEST(filter, a_binary_stream_that_cannot_be_read_is_blocked)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {
        .set = set, .is_streamed = true, .is_binary = true};
    static const char *const bad[][2] = {
        {"contentBlockDelta", "no json"},
        {"contentBlockDelta", "{\"delta\":{\"text\":\"a\"}} b"}};
    for (size_t i = 0; i <= WEIR_COUNTOF(bad); i++) {
        struct weir_buf in, out;
        struct weir_filter *filter = weir_filter_new(&setup);
        static const char *const good[] = {BLOCK("0", "a")};
        put_all(&in, i < WEIR_COUNTOF(bad) ? bad[i] : good, 2);
        weir_buf_init(&out, 4096);
        if (i == WEIR_COUNTOF(bad))
            in.ptr[in.len - 1] ^= 1; /* its checksum */
        assert_false(weir_filter_take(filter, weir_buf_span(&in), &out));
        assert_true(weir_filter_found(filter)->is_blocked);
        assert_int_equal(out.len, 0);
        weir_filter_free(filter);
        weir_buf_fini(&in);
        weir_buf_fini(&out);
    }
    weir_detect_free(set);
}

/* Events in InvokeModel's chunks, each put through base64. */
static void
put_chunks(struct weir_buf *out, const char *const *events, size_t count)
{
    struct weir_buf payload;
    weir_buf_init(&payload, 4096);
    weir_buf_init(out, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        weir_buf_reset(&payload);
        weir_eventstream_put_chunk(&payload, weir_span_of(events[i]));
        weir_buf_add_byte(&payload, '\0');
        put_message(out, "event", "chunk", payload.ptr);
    }
    weir_buf_fini(&payload);
}

#define CHUNK(text)                                                            \
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":"                 \
    "{\"type\":\"text_delta\",\"text\":\"" text "\"}}"

TEST(filter, what_stands_in_chunks_is_looked_at)
{
    static const char *const rows[] = {
        CHUNK("Ask a@"), CHUNK("b.io, pay 4111 1111 "), CHUNK("1111 1111"),
        "{\"type\":\"content_block_stop\",\"index\":0}"};
    static const char *const wanted[] = {
        CHUNK("Ask "), CHUNK("[MAIL], pay "), CHUNK(""), CHUNK("[CARD]"),
        "{\"type\":\"content_block_stop\",\"index\":0}"};
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {
        .set = set, .is_streamed = true, .is_binary = true};
    struct weir_buf in, want;
    put_chunks(&in, rows, WEIR_COUNTOF(rows));
    put_chunks(&want, wanted, WEIR_COUNTOF(wanted));
    for (size_t split = 0; split <= in.len; split++) {
        struct weir_filter *filter = weir_filter_new(&setup);
        struct weir_buf out;
        weir_buf_init(&out, 1 << 20);
        assert_true(weir_filter_take(filter, (weir_span){in.ptr, split}, &out));
        assert_true(weir_filter_take(
            filter, (weir_span){in.ptr + split, in.len - split}, &out));
        assert_true(weir_filter_finish(filter, &out));
        assert_true(weir_span_equal(weir_buf_span(&out), weir_buf_span(&want)));
        weir_filter_free(filter);
        weir_buf_fini(&out);
    }
    weir_buf_fini(&in);
    weir_buf_fini(&want);
    weir_detect_free(set);
}

TEST(filter, chunks_that_cannot_be_read_are_blocked)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {
        .set = set, .is_streamed = true, .is_binary = true};
    /* no base64; base64 of "a"; no bytes; no string; nothing */
    static const char *const bad[] = {"{\"bytes\":\"e30\"}",
                                      "{\"bytes\":\"YQ==\"}", "{}",
                                      "{\"bytes\":{}}", ""};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        struct weir_filter *filter = weir_filter_new(&setup);
        struct weir_buf in, out;
        weir_buf_init(&in, 4096);
        weir_buf_init(&out, 4096);
        put_message(&in, "event", "chunk", bad[i]);
        assert_false(weir_filter_take(filter, weir_buf_span(&in), &out));
        assert_true(weir_filter_found(filter)->is_blocked);
        assert_int_equal(out.len, 0);
        weir_filter_free(filter);
        weir_buf_fini(&in);
        weir_buf_fini(&out);
    }
    weir_detect_free(set);
}

TEST(filter, a_citation_in_a_delta_is_looked_at)
{
    struct weir_detect_set *set = set_of(usual, 1, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set, .is_streamed = true};
#define CITED(text)                                                            \
    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":"           \
    "{\"type\":\"citations_delta\",\"citation\":{\"cited_text\":\"" text       \
    "\"}}}\n\n"
    expect(&setup, CITED("write to a@b.io"), CITED("write to [MAIL]"));
    weir_detect_free(set);
}

TEST(filter, a_plain_text_is_one_text)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set, .is_text = true};
    expect(&setup, "1\n00:01 --> 00:02\nask \"a@b.io\"\n",
           "1\n00:01 --> 00:02\nask \"[MAIL]\"\n");
    assert_null(through(&setup, "\xff\xfe", 1, NULL));
    weir_detect_free(set);
}

TEST(filter, a_text_without_rules_goes_on_as_it_is)
{
    struct weir_detect_set *set = set_of(usual, 0, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set, .is_text = true};
    expect(&setup, "\xff\xfe a@b.io", "\xff\xfe a@b.io");
    weir_detect_free(set);
}

TEST(filter, messages_without_deltas_are_told_once_each)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {
        .set = set, .is_streamed = true, .has_no_deltas = true};
    expect(&setup,
           "id: 1\ndata: \n\n"
           "data: {\"id\":1,\"result\":{\"content\":[{\"text\":\"write to "
           "a@b.io or 41\"}]}}\n\n"
           "data: {\"id\":2,\"result\":{\"content\":[{\"text\":\"a@\"}]}}\n\n",
           "id: 1\ndata: \n\n"
           "data: {\"id\":1,\"result\":{\"content\":[{\"text\":\"write to "
           "[MAIL] or 41\"}]}}\n\n"
           "data: {\"id\":2,\"result\":{\"content\":[{\"text\":\"a@\"}]}}\n\n");
    weir_detect_free(set);
}

struct heard {
    char text[4096];
    size_t count;
};

static void
hear(void *context, weir_span event)
{
    struct heard *heard = context;
    size_t len = strlen(heard->text);
    snprintf(heard->text + len, sizeof heard->text - len, "%.*s\n",
             (int)event.len, event.ptr);
    heard->count++;
}

#define SPOKEN(text)                                                           \
    "{\"type\":\"response.output_text.delta\",\"response_id\":\"r\","          \
    "\"output_index\":0,\"content_index\":0,\"delta\":\"" text "\"}"
#define SPOKEN_END                                                             \
    "{\"type\":\"response.output_text.done\",\"response_id\":\"r\","           \
    "\"output_index\":0,\"content_index\":0,\"text\":\"\"}"

TEST(filter, events_of_a_session_are_one_message_each)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set, .is_streamed = true};
    static const char *const events[] = {
        SPOKEN("to a@"), SPOKEN("b.io"), SPOKEN_END,
        "{\n\t\"type\": \"conversation.item.created\",\r\n\"item\":"
        "\"c@d.io\"}"};
    struct weir_filter *filter = weir_filter_new(&setup);
    struct heard heard = {{0}, 0};
    struct weir_buf room;
    weir_buf_init(&room, 1 << 16);
    for (size_t i = 0; i < WEIR_COUNTOF(events); i++)
        assert_true(weir_filter_take_event(filter, weir_span_of(events[i]),
                                           &room, hear, &heard));
    assert_true(weir_filter_finish_events(filter, &room, hear, &heard));
    assert_string_equal(
        heard.text, SPOKEN("to ") "\n" SPOKEN("") "\n" SPOKEN(
                        "[MAIL]") "\n" SPOKEN_END "\n{ \t\"type\": "
                                  "\"conversation.item.created\",  \"item\":"
                                  "\"[MAIL]\"}\n");
    weir_filter_free(filter);
    weir_buf_fini(&room);
    weir_detect_free(set);
}

TEST(filter, what_a_session_s_answer_holds_is_given_at_its_end)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_MASK);
    const struct weir_filter_setup setup = {.set = set, .is_streamed = true};
    struct weir_filter *filter = weir_filter_new(&setup);
    struct heard heard = {{0}, 0};
    struct weir_buf room;
    weir_buf_init(&room, 1 << 16);
    assert_true(weir_filter_take_event(filter, WEIR_SPAN(SPOKEN("a@b.io")),
                                       &room, hear, &heard));
    assert_int_equal(heard.count, 1);
    assert_true(weir_filter_finish_events(filter, &room, hear, &heard));
    assert_string_equal(heard.text, SPOKEN("") "\n" SPOKEN("[MAIL]") "\n");
    weir_filter_free(filter);
    weir_buf_fini(&room);
    weir_detect_free(set);
}

TEST(filter, an_event_of_a_session_that_is_blocked_shows_nothing)
{
    struct weir_detect_set *set = set_of(usual, 3, WEIR_DETECT_BLOCK);
    const struct weir_filter_setup setup = {.set = set, .is_streamed = true};
    struct weir_filter *filter = weir_filter_new(&setup);
    struct heard heard = {{0}, 0};
    struct weir_buf room;
    weir_buf_init(&room, 1 << 16);
    assert_false(weir_filter_take_event(filter, WEIR_SPAN(SPOKEN("a@b.io, ")),
                                        &room, hear, &heard));
    assert_int_equal(heard.count, 0);
    assert_true(weir_filter_found(filter)->is_blocked);
    assert_false(weir_filter_take_event(filter, WEIR_SPAN(SPOKEN("x")), &room,
                                        hear, &heard));
    /* and one that has no room */
    weir_filter_free(filter);
    weir_buf_fini(&room);
    filter = weir_filter_new(&setup);
    weir_buf_init(&room, 64);
    assert_false(weir_filter_take_event(filter, WEIR_SPAN(SPOKEN("x")), &room,
                                        hear, &heard));
    assert_int_equal(heard.count, 0);
    weir_filter_free(filter);
    weir_buf_fini(&room);
    weir_detect_free(set);
}
