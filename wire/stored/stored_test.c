/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/stored.h>

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPLOYMENT UINT64_C(0x1122334455667788)

static const struct weir_bound_owner owner = {{"0123456789abcdef", 16}, 7};

/* As "#id": what seals it is not of this library. */
static bool
name_file(void *context, weir_span id, struct weir_buf *name)
{
    assert_null(context);
    if (weir_span_equal(id, WEIR_SPAN("odd")))
        return false;
    weir_buf_add_byte(name, '#');
    weir_buf_add_span(name, id);
    return true;
}

/* Fed in pieces of `step` bytes, the first of `first`. */
static weir_span
fed(enum weir_dialect dialect, bool is_streamed, weir_span text, size_t first,
    size_t step, char *room, size_t size)
{
    struct weir_stored_reply reply;
    struct weir_buf out;
    memset(&reply, 0x5a, sizeof(reply));
    weir_stored_reply_init(&reply, &owner, DEPLOYMENT, dialect, is_streamed);
    reply.on_file = name_file;
    weir_buf_init_fixed(&out, room, size);
    for (size_t at = 0; at < text.len;) {
        size_t len = at == 0 && first > 0 ? first : step;
        if (len > text.len - at)
            len = text.len - at;
        /* A copy of exactly that size: what is read beyond it is seen. */
        char *piece = malloc(len);
        memcpy(piece, text.ptr + at, len);
        assert_true(
            weir_stored_reply_feed(&reply, (weir_span){piece, len}, &out));
        free(piece);
        at += len;
    }
    assert_true(weir_stored_reply_end(&reply, &out));
    return weir_buf_span(&out);
}

/* `pattern` with @kind:word@ as the word's name ('R', 'I', 'C'). */
static weir_span
expected(const char *pattern, char *room, size_t size)
{
    struct weir_buf out;
    weir_buf_init_fixed(&out, room, size);
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at != '@') {
            weir_buf_add_byte(&out, *at);
            continue;
        }
        enum weir_bound_kind kind = at[1] == 'R'   ? WEIR_BOUND_RESPONSE
                                    : at[1] == 'I' ? WEIR_BOUND_ITEM
                                                   : WEIR_BOUND_CONVERSATION;
        const char *end = strchr(at + 1, '@');
        assert_true(weir_bound_name(&owner, kind, DEPLOYMENT,
                                    (weir_span){at + 3, (size_t)(end - at - 3)},
                                    &out));
        at = end;
    }
    assert_false(out.overflow);
    return weir_buf_span(&out);
}

static weir_span
plain(const char *pattern, char *room)
{
    char *to = room;
    for (const char *at = pattern; *at != '\0'; at++)
        if (*at != '@')
            *to++ = *at;
        else if (at[1] != '\0' && at[2] == ':' && strchr("RIC", at[1]))
            at += 2;
    return (weir_span){room, (size_t)(to - room)};
}

static void
check(enum weir_dialect dialect, bool is_streamed, const char *pattern)
{
    static char in[16384], want[32768], got[32768];
    weir_span text = plain(pattern, in);
    weir_span wanted = expected(pattern, want, sizeof(want));
    for (size_t first = 0; first < text.len; first++) {
        weir_span said =
            fed(dialect, is_streamed, text, first, text.len, got, sizeof(got));
        if (!weir_span_equal(said, wanted))
            print_message("split at %zu: %.*s\n", first, WEIR_SPAN_ARG(said));
        assert_true(weir_span_equal(said, wanted));
    }
    for (size_t step = 1; step < 8; step++)
        assert_true(weir_span_equal(
            fed(dialect, is_streamed, text, 0, step, got, sizeof(got)),
            wanted));
}

TEST(stored, body_has_names_at_every_split)
{
    check(
        WEIR_DIALECT_RESPONSES, false,
        "{\"id\": \"@R:resp_68f0@\", \"object\":\"response\",\"status\":\"ok\","
        "\"error\":null,\"instructions\":[{\"role\":\"user\",\"id\":"
        "\"@I:msg_0@\",\"content\":[{\"id\":\"x_1\"}]}],"
        "\"metadata\":{\"id\":\"mine_1\",\"previous_response_id\":\"resp_2\"},"
        "\"output\":[{\"id\":\"@I:rs_1@\",\"type\":\"reasoning\","
        "\"summary\":[]} , {\"type\":\"message\",\"content\":[{\"type\":"
        "\"output_text\",\"text\":\"say \\\"id\\\":\\\"resp_1\\\" \\\\\","
        "\"annotations\":[{\"id\":\"a_1\"}]}],\"id\":\"@I:msg_1@\"},"
        "{\"approval_request_id\":\"@I:mcpr_1@\",\"id\":null}],"
        "\"previous_response_id\":\"@R:resp_67@\",\"conversation\":"
        "{\"id\":\"@C:conv_1@\"},\"tools\":[{\"id\":\"t_1\",\"parameters\":"
        "{\"properties\":{\"id\":{\"id\":\"q_1\"}}}}],\"n\":[1,2,[3]],"
        "\"usage\":{\"input_tokens\":3}}");
}

TEST(stored, events_have_names_at_every_split)
{
    check(WEIR_DIALECT_RESPONSES, true,
          "event: response.created\n"
          "data: {\"type\":\"response.created\",\"response\":{\"id\":"
          "\"@R:resp_1@\",\"output\":[],\"previous_response_id\":null},"
          "\"sequence_number\":0}\n\n"
          ": \"id\":\"resp_1\"\r\n\r\n"
          "event: response.output_item.added\r\n"
          "data:{\"item\":{\"id\":\"@I:msg_1@\",\"content\":[]},"
          "\"output_index\":0}\r\n\r\n"
          "data: {\"item_id\":\"@I:msg_1@\",\"delta\":\"{\\\"item_id\\\":1\"}\n"
          "\n"
          "data: {\"item_id\":\n"
          "data: \"@I:msg_1@\",\"delta\":\"\\\\\"}\n\n"
          "id: \"item_id\"\n"
          "data: {\"response_id\":\"@R:resp_1@\",\"id\":\"x\"}\r\r"
          "data: {\"response\":{\"output\":[{\"id\":\"@I:msg_1@\"}],\"id\":"
          "\"@R:resp_1@\",\"conversation\":\"@C:conv_9@\"}}\n\n"
          "data: [DONE]\n\n");
}

TEST(stored, lists_of_items_and_deletions_have_names)
{
    check(WEIR_DIALECT_RESPONSES, false,
          "{\"object\":\"list\",\"data\":[{\"id\":\"@I:msg_1@\"},{\"id\":"
          "\"@I:fc_2@\"}],\"first_id\":\"@I:msg_1@\",\"last_id\":\"@I:fc_2@\","
          "\"has_more\":false}");
    check(WEIR_DIALECT_RESPONSES, false,
          "{\"id\":\"@R:resp_1@\",\"object\":\"response\",\"deleted\":true}\n");
}

/* "$" stands in `pattern` for "#" in what is said, and for nothing before. */
TEST(stored, files_that_the_client_had_named_have_names_again)
{
    static const char told[] =
        "{\"object\":\"list\",\"data\":[{\"id\":\"x y\",\"content\":[{\"type\":"
        "\"input_text\",\"text\":\"\\\"file_id\\\":\\\"f\\\"\"},{\"type\":"
        "\"input_file\",\"file_id\":\"$file-1\",\"more\":{\"file_id\":"
        "\"file-1\"}},{\"file_id\":\"odd\"},{\"file_id\":null}]},{\"type\":"
        "\"function_call_output\",\"output\":[{\"file_id\":\"$file-2\"}]},"
        "{\"output\":\"file_id\",\"file_id\":\"file-3\"}],\"file_id\":\"f\"}";
    char in[sizeof(told)], want[sizeof(told)], got[sizeof(told)];
    size_t in_len = 0, want_len = 0;
    for (const char *at = told; *at != '\0'; at++) {
        want[want_len++] = *at == '$' ? '#' : *at;
        if (*at != '$')
            in[in_len++] = *at;
    }
    for (size_t first = 0; first < in_len; first++)
        assert_true(weir_span_equal(fed(WEIR_DIALECT_RESPONSES, false,
                                        (weir_span){in, in_len}, first, in_len,
                                        got, sizeof(got)),
                                    (weir_span){want, want_len}));
}

TEST(stored, sound_of_a_chat_answer_has_a_name)
{
    check(WEIR_DIALECT_CHAT, false,
          "{\"id\":\"chatcmpl-1\",\"choices\":[{\"message\":{\"content\":null,"
          "\"audio\":{\"id\":\"@I:audio_1@\",\"data\":\"AAAA\"}}}]}");
    check(WEIR_DIALECT_CHAT, true,
          "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"delta\":{\"audio\":"
          "{\"id\":\"@I:audio_1@\"}}}]}\n\ndata: [DONE]\n\n");
}

TEST(stored, what_is_no_id_passes_as_it_came)
{
    static const char *const bodies[] = {
        "{\"id\":\"\"}",
        "{\"id\":\"resp_\\u0031\"}",
        "{\"\\u0069d\":\"resp_1\"}",
        "{\"id\":\"resp 1\"}",
        "{\"id\":\"\xc3\xa6\"}",
        "{\"id\":1,\"output\":{\"id\":\"x\"}}",
        "{\"id\":{\"id\":\"resp_1\"}}",
        "{\"output\":[\"id\",[{\"id\":\"msg_1\"}]]}",
        "[{\"id\":\"resp_1\"}]",
        "\"id\"",
        "}}]]{\"",
        "{\"id\":\"resp_1",
        "{\"id",
    };
    static char got[4096];
    for (size_t i = 0; i < WEIR_COUNTOF(bodies); i++)
        for (size_t step = 1; step < 40; step++) {
            weir_span text = weir_span_of(bodies[i]);
            weir_span said = fed(WEIR_DIALECT_RESPONSES, false, text, 0, step,
                                 got, sizeof(got));
            assert_true(weir_span_equal(said, text));
        }
}

TEST(stored, longest_id_has_a_name_and_a_longer_one_has_none)
{
    static char text[1024], got[2048];
    for (size_t len = WEIR_BOUND_NAME_MAX - 1; len < WEIR_BOUND_NAME_MAX + 3;
         len++) {
        memcpy(text, "{\"id\":\"", 7);
        memset(text + 7, 'a', len);
        memcpy(text + 7 + len, "\"}", 2);
        for (size_t step = 1; step < 300; step += 23) {
            weir_span said =
                fed(WEIR_DIALECT_RESPONSES, false, (weir_span){text, len + 9},
                    0, step, got, sizeof(got));
            assert_int_equal(
                said.len,
                len + 9 +
                    (len <= WEIR_BOUND_NAME_MAX ? WEIR_BOUND_NAME_MORE : 0));
        }
    }
}

TEST(stored, deep_nesting_is_passed_over)
{
    static char text[70000], got[80000];
    size_t len = 0;
    len += (size_t)sprintf(text, "{\"x\":");
    memset(text + len, '[', 30000);
    len += 30000;
    memset(text + len, ']', 30000);
    len += 30000;
    len += (size_t)sprintf(text + len, ",\"id\":\"resp_1\"}");
    weir_span said = fed(WEIR_DIALECT_RESPONSES, false, (weir_span){text, len},
                         0, 4096, got, sizeof(got));
    assert_int_equal(said.len, len + WEIR_BOUND_NAME_MORE);
}

TEST(stored, more_ids_than_are_remembered_have_names_still)
{
    check(
        WEIR_DIALECT_RESPONSES, false,
        "{\"output\":[{\"id\":\"@I:msg_1@\"},{\"id\":\"@I:msg_2@\"},"
        "{\"id\":\"@I:msg_3@\"},{\"id\":\"@I:msg_4@\"},{\"id\":\"@I:msg_5@\"},"
        "{\"id\":\"@I:msg_6@\"},{\"id\":\"@I:msg_1@\"},{\"id\":\"@I:msg_6@\"}]"
        ",\"id\":\"@R:msg_1@\"}");
}

TEST(stored, what_the_request_named_goes_by_the_clients_name)
{
    struct weir_stored_reply reply;
    struct weir_buf out;
    char room[512];
    weir_stored_reply_init(&reply, &owner, DEPLOYMENT, WEIR_DIALECT_RESPONSES,
                           false);
    weir_stored_reply_know(&reply, WEIR_BOUND_RESPONSE, WEIR_SPAN("resp_1"),
                           WEIR_SPAN("resp_other1"));
    weir_buf_init_fixed(&out, room, sizeof(room));
    assert_true(weir_stored_reply_feed(
        &reply, WEIR_SPAN("{\"previous_response_id\":\"resp_1\""), &out));
    assert_span(weir_buf_span(&out),
                "{\"previous_response_id\":\"resp_other1\"");
    /* However many ids come between. */
    for (unsigned i = 0; i < 3 * WEIR_STORED_MEMO; i++) {
        char item[64];
        snprintf(item, sizeof(item), ",\"first_id\":\"msg_%u\"", i);
        weir_buf_reset(&out);
        assert_true(weir_stored_reply_feed(&reply, weir_span_of(item), &out));
    }
    weir_buf_reset(&out);
    assert_true(
        weir_stored_reply_feed(&reply, WEIR_SPAN(",\"id\":\"resp_1\"}"), &out));
    assert_span(weir_buf_span(&out), ",\"id\":\"resp_other1\"}");
}

TEST(stored, without_a_seal_ids_pass)
{
    struct weir_stored_reply reply;
    struct weir_bound_owner nobody = {{NULL, 0}, 7};
    struct weir_buf out;
    char room[512];
    weir_stored_reply_init(&reply, &nobody, DEPLOYMENT, WEIR_DIALECT_RESPONSES,
                           false);
    weir_buf_init_fixed(&out, room, sizeof(room));
    assert_true(
        weir_stored_reply_feed(&reply, WEIR_SPAN("{\"id\":\"resp_1\"}"), &out));
    assert_span(weir_buf_span(&out), "{\"id\":\"resp_1\"}");
}
