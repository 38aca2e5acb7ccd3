/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/stored.h>

#include "test.h"

#include <stdio.h>
#include <string.h>

/* Opens "ok..." to "id...", knows "away...", and nothing else. */
struct opener {
    bool is_away;   /* "away..." is let go, or nothing is kept of it */
    char said[512]; /* kinds and needs met */
};

static enum weir_stored_act
on_name(void *context, enum weir_bound_kind kind, enum weir_stored_need need,
        weir_span text, struct weir_buf *word)
{
    static const char needs[] = "!~?";
    struct opener *opener = context;
    size_t len = strlen(opener->said);
    opener->said[len] = (char)('0' + (int)kind);
    opener->said[len + 1] = needs[need];
    opener->said[len + 2] = '\0';
    if (weir_span_starts(text, WEIR_SPAN("ok"))) {
        weir_buf_add_span(word, WEIR_SPAN("id"));
        weir_buf_add(word, text.ptr + 2, text.len - 2);
        return WEIR_STORED_WRITE;
    }
    return need == WEIR_STORED_MUST ? WEIR_STORED_REFUSE : WEIR_STORED_DROP;
}

struct ran {
    weir_status status;
    size_t changed;
    char param[64];
    char said[512];
    char body[4096];
};

static void
run(enum weir_dialect dialect, const char *body, struct ran *ran)
{
    char memory[1024];
    struct weir_arena arena;
    struct weir_request request;
    struct opener opener = {.said = ""};
    struct weir_error err;
    struct weir_buf out;
    struct weir_surface_route route;
    size_t looked = 0;
    assert_true(weir_surface_route(WEIR_SPAN("POST"),
                                   dialect == WEIR_DIALECT_CHAT
                                       ? WEIR_SPAN("/v1/chat/completions")
                                       : WEIR_SPAN("/v1/responses"),
                                   WEIR_SPAN_NONE, &route, &err) == WEIR_OK);
    weir_arena_init(&arena, memory, sizeof(memory));
    if (weir_surface_parse(&route, weir_span_of(body), &arena, &request,
                           &err) != WEIR_OK)
        fail_msg("%s: %s", body, err.text);
    memset(ran, 0, sizeof(*ran));
    weir_buf_init_fixed(&out, ran->body, sizeof(ran->body) - 1);
    ran->status = weir_stored_names(&request, on_name, &opener, &arena, NULL,
                                    &looked, &err);
    strcpy(ran->said, opener.said);
    if (ran->status != WEIR_OK) {
        snprintf(ran->param, sizeof(ran->param), "%.*s",
                 WEIR_SPAN_ARG(request.param));
        return;
    }
    /* What has no name in it is not looked at. */
    assert_true(ran->said[0] == '\0' || weir_stored_may_name(&request));
    opener.said[0] = '\0';
    assert_true(weir_stored_names(&request, on_name, &opener, &arena, &out,
                                  &ran->changed, &err) == WEIR_OK);
    assert_int_equal(looked, ran->changed);
    assert_string_equal(opener.said, ran->said);
    if (ran->changed == 0)
        strcpy(ran->body, body);
    /* Still a request. */
    weir_arena_init(&arena, memory, sizeof(memory));
    if (weir_surface_parse(&route, weir_span_of(ran->body), &arena, &request,
                           &err) != WEIR_OK)
        fail_msg("%s: %s", ran->body, err.text);
}

/* R(x): a Responses request with x behind the model. */
#define R(more) "{\"model\":\"m\"," more "}"

TEST(stored_names, names_become_ids_and_all_else_stays)
{
    static const struct {
        const char *body, *want, *said;
    } rows[] = {
        {R("\"input\":\"a\",\"previous_response_id\" : \"ok_1\""),
         R("\"input\":\"a\",\"previous_response_id\" : \"id_1\""), "3!"},
        {R("\"previous_response_id\":null,\"conversation\":null"), NULL, ""},
        {R("\"previous_response_id\":\"\\u006fk_1\",\"conversation\":{\"id\":"
           "\"ok_2\"}"),
         R("\"previous_response_id\":\"id_1\",\"conversation\":{\"id\":"
           "\"id_2\"}"),
         "3!5!"},
        {R("\"conversation\":\"ok_2\""), R("\"conversation\":\"id_2\""), "5!"},
        {R("\"input\":[{\"type\":\"item_reference\",\"id\":\"ok_1\"},{\"id\":"
           "\"ok_2\"}]"),
         R("\"input\":[{\"type\":\"item_reference\",\"id\":\"id_1\"},{\"id\":"
           "\"id_2\"}]"),
         "4!4!"},
        {R("\"input\":[{\"id\":\"ok_1\",\"type\":\"message\",\"content\":"
           "\"a\"},{\"type\":\"function_call\",\"call_id\":\"c\",\"id\":"
           "\"ok_2\"},{\"type\":\"reasoning\",\"id\":\"ok_3\","
           "\"encrypted_content\":\"x\"},{\"type\":\"reasoning\",\"id\":"
           "\"ok_4\",\"summary\":[{\"text\":\"a\"}]},{\"type\":\"reasoning\","
           "\"id\":\"ok_5\",\"summary\":[ ],\"encrypted_content\":null}]"),
         R("\"input\":[{\"id\":\"id_1\",\"type\":\"message\",\"content\":"
           "\"a\"},{\"type\":\"function_call\",\"call_id\":\"c\",\"id\":"
           "\"id_2\"},{\"type\":\"reasoning\",\"id\":\"id_3\","
           "\"encrypted_content\":\"x\"},{\"type\":\"reasoning\",\"id\":"
           "\"id_4\",\"summary\":[{\"text\":\"a\"}]},{\"type\":\"reasoning\","
           "\"id\":\"id_5\",\"summary\":[ ],\"encrypted_content\":null}]"),
         "4?4?4~4?4!"},
        {R("\"input\":[{\"type\":\"mcp_approval_response\",\"approve\":true,"
           "\"approval_request_id\":\"ok_1\",\"id\":\"ok_2\"}]"),
         R("\"input\":[{\"type\":\"mcp_approval_response\",\"approve\":true,"
           "\"approval_request_id\":\"id_1\",\"id\":\"id_2\"}]"),
         "4!4?"},
        {R("\"input\":[{\"type\":\"image_generation_call\",\"id\":\"ok_1\"}]"),
         R("\"input\":[{\"type\":\"image_generation_call\",\"id\":\"id_1\"}]"),
         "4!"},
        {R("\"input\":[{\"role\":\"user\",\"content\":[{\"id\":\"x\"}]}],"
           "\"tools\":[{\"parameters\":{\"id\":\"x\"}}],"
           "\"metadata\":{\"previous_response_id\":\"x\",\"id\":\"x\"}"),
         NULL, ""},
    };
    struct ran ran;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        run(WEIR_DIALECT_RESPONSES, rows[i].body, &ran);
        assert_int_equal(ran.status, WEIR_OK);
        assert_string_equal(ran.said, rows[i].said);
        assert_string_equal(ran.body,
                            rows[i].want != NULL ? rows[i].want : rows[i].body);
    }
}

TEST(stored_names, id_that_opens_nothing_is_left_out_of_what_is_here_in_full)
{
    static const struct {
        const char *item, *want;
    } rows[] = {
        {"{\"id\":\"x\",\"type\":\"message\",\"content\":\"a\"}",
         "{\"type\":\"message\",\"content\":\"a\"}"},
        {"{ \"id\" : \"x\" , \"content\":\"a\"}", "{ \"content\":\"a\"}"},
        {"{\"content\":\"a\" , \"id\" : \"x\" }", "{\"content\":\"a\" }"},
        {"{\"content\":\"a\",\"id\":\"x\",\"role\":\"user\"}",
         "{\"content\":\"a\",\"role\":\"user\"}"},
        {"{\"id\":\"x\",\"id\":\"y\",\"content\":\"a\"}",
         "{\"content\":\"a\"}"},
        {"{\"id\":\"x\",\"id\":\"y\",\"ID\":\"ok\",\"content\":\"a\"}",
         "{\"ID\":\"id\",\"content\":\"a\"}"},
        {"{\"content\":\"a\",\"id\":\"x\",\"id\":\"y\"}",
         "{\"content\":\"a\"}"},
        {"{\"Id\":\"x\",\"content\":\"a\"}", "{\"content\":\"a\"}"},
        {"{\"\\u0069d\":\"x\",\"content\":\"a\"}", "{\"content\":\"a\"}"},
        {"{\"type\":\"function_call_output\",\"id\":\"x\"}",
         "{\"type\":\"function_call_output\"}"},
        {"{\"type\":\"reasoning\",\"id\":\"x\",\"encrypted_content\":\"e\"}",
         "{\"type\":\"reasoning\",\"encrypted_content\":\"e\"}"},
    };
    struct ran ran;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        char body[512], want[512];
        snprintf(body, sizeof(body), R("\"input\":[%s]"), rows[i].item);
        snprintf(want, sizeof(want), R("\"input\":[%s]"), rows[i].want);
        run(WEIR_DIALECT_RESPONSES, body, &ran);
        assert_int_equal(ran.status, WEIR_OK);
        if (strcmp(ran.body, want) != 0)
            fail_msg("%s became %s", body, ran.body);
    }
}

TEST(stored_names, reference_that_opens_nothing_is_refused_by_its_name)
{
    static const struct {
        const char *body, *param;
    } rows[] = {
        {R("\"previous_response_id\":\"resp_1\""), "previous_response_id"},
        {R("\"previous_response_id\":7"), "previous_response_id"},
        {R("\"previous_response_id\":[\"ok\"]"), "previous_response_id"},
        {R("\"conversation\":\"conv_1\""), "conversation"},
        {R("\"conversation\":{\"id\":\"conv_1\"}"), "conversation"},
        {R("\"conversation\":{\"ID\":\"conv_1\"}"), "conversation"},
        {R("\"input\":[{\"role\":\"user\",\"content\":\"a\"},{\"type\":"
           "\"item_reference\",\"id\":\"msg_1\"}]"),
         "input[1].id"},
        {R("\"input\":[{\"id\":\"msg_1\"}]"), "input[0].id"},
        {R("\"input\":[{\"id\":\"msg_1\",\"content\":\"\"}]"), "input[0].id"},
        {R("\"input\":[{\"id\":\"msg_1\",\"content\":[]}]"), "input[0].id"},
        {R("\"input\":[{\"id\":\"msg_1\",\"type\":\"message\"}]"),
         "input[0].id"},
        {R("\"input\":[{\"content\":\"a\",\"type\":\"item_reference\",\"id\":"
           "\"msg_1\"}]"),
         "input[0].id"},
        {R("\"input\":[{\"content\":\"a\",\"type\":\"message\",\"type\":"
           "\"item_reference\",\"id\":\"msg_1\"}]"),
         "input[0].id"},
        {R("\"input\":[{\"content\":\"a\",\"Type\":\"item_reference\",\"id\":"
           "\"msg_1\"}]"),
         "input[0].id"},
        {R("\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":"
           "[]}]"),
         "input[0].id"},
        {R("\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_1\","
           "\"encrypted_content\":\"\"}]"),
         "input[0].id"},
        {R("\"input\":[{\"type\":\"web_search_call\",\"id\":\"ws_1\"}]"),
         "input[0].id"},
        {R("\"input\":[{\"type\":\"of_tomorrow\",\"content\":\"a\",\"id\":"
           "\"x_1\"}]"),
         "input[0].id"},
        {R("\"input\":[{\"type\":\"mcp_approval_response\","
           "\"approvalRequestId\":\"x_1\"}]"),
         "input[0].approval_request_id"},
        {R("\"input\":[{\"id\":{\"x\":1}}]"), "input[0].id"},
    };
    struct ran ran;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        run(WEIR_DIALECT_RESPONSES, rows[i].body, &ran);
        if (ran.status != WEIR_ETYPE || strcmp(ran.param, rows[i].param) != 0)
            fail_msg("%s: %d %s", rows[i].body, (int)ran.status, ran.param);
    }
}

TEST(stored_names, sound_of_an_earlier_answer_in_chat_is_a_reference)
{
    struct ran ran;
    run(WEIR_DIALECT_CHAT,
        R("\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":"
          "\"assistant\",\"audio\":{\"id\":\"ok_1\"}}]"),
        &ran);
    assert_int_equal(ran.status, WEIR_OK);
    assert_string_equal(ran.said, "4!");
    assert_non_null(strstr(ran.body, "\"audio\":{\"id\":\"id_1\"}"));
    run(WEIR_DIALECT_CHAT,
        R("\"messages\":[{\"role\":\"assistant\",\"Audio\":{\"id\":"
          "\"audio_1\"}}]"),
        &ran);
    assert_int_equal(ran.status, WEIR_ETYPE);
    assert_string_equal(ran.param, "messages[0].audio.id");
    run(WEIR_DIALECT_CHAT,
        R("\"audio\":{\"voice\":\"alloy\",\"id\":\"x\"},\"messages\":[{"
          "\"role\":\"user\",\"id\":\"x\",\"content\":[{\"type\":"
          "\"input_audio\",\"id\":\"x\"}]},{\"audio\":null}]"),
        &ran);
    assert_int_equal(ran.status, WEIR_OK);
    assert_string_equal(ran.said, "");
}

/* ----------------------------------------------------------------- verbs */

static weir_status
query_of(enum weir_stored_verb verb, const char *query, bool strips,
         char room[512], weir_span *param_out)
{
    struct opener opener = {.said = ""};
    struct weir_buf out;
    struct weir_error err;
    weir_buf_init_fixed(&out, room, 511);
    weir_status status =
        weir_stored_query(verb, weir_span_of(query), strips, on_name, &opener,
                          &out, param_out, &err);
    room[out.len] = '\0';
    return status;
}

TEST(stored_names, query_goes_on_as_far_as_it_is_known)
{
    static const struct {
        enum weir_stored_verb verb;
        const char *query;
        bool strips;
        const char *want;
    } rows[] = {
        {WEIR_STORED_READ, "", false, ""},
        {WEIR_STORED_READ, "&&", false, ""},
        {WEIR_STORED_READ, "stream=true&starting_after=4", false,
         "?stream=true&starting_after=4"},
        {WEIR_STORED_READ, "api-version=preview&include=a.b", false,
         "?include=a.b"},
        {WEIR_STORED_READ, "include%5b%5D=x.logprobs&include[]=y", true,
         "?include[]=y"},
        {WEIR_STORED_ITEMS, "limit=2&order=asc&after=ok_1&before=ok_2", false,
         "?limit=2&order=asc&after=id_1&before=id_2"},
    };
    char room[512];
    weir_span param;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        assert_int_equal(
            query_of(rows[i].verb, rows[i].query, rows[i].strips, room, &param),
            WEIR_OK);
        assert_string_equal(room, rows[i].want);
    }
}

TEST(stored_names, query_with_anything_else_is_refused_by_name)
{
    static const struct {
        enum weir_stored_verb verb;
        const char *query, *param;
    } rows[] = {
        {WEIR_STORED_READ, "limit=1", "limit"},
        {WEIR_STORED_ERASE, "stream=true", "stream"},
        {WEIR_STORED_READ, "stream=tr%75e", "stream"},
        {WEIR_STORED_READ, "stream", "stream"},
        {WEIR_STORED_READ, "=x", ""},
        {WEIR_STORED_READ, "include=a/b", "include"},
        {WEIR_STORED_ITEMS, "after=msg_1", "after"},
        {WEIR_STORED_ITEMS, "after=", "after"},
        {WEIR_STORED_ITEMS, "order=asc&x-y=1", "x-y"},
    };
    char room[512];
    weir_span param;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        assert_int_equal(
            query_of(rows[i].verb, rows[i].query, false, room, &param),
            WEIR_ETYPE);
        assert_true(weir_span_equal(param, weir_span_of(rows[i].param)));
    }
}

TEST(stored_names, stream_is_wanted_by_the_query)
{
    struct weir_surface_route route;
    assert_true(weir_surface_route(WEIR_SPAN("GET"),
                                   WEIR_SPAN("/v1/responses/resp_1"),
                                   WEIR_SPAN("include=a&stream=true"), &route,
                                   NULL) == WEIR_OK);
    assert_true(route.is_streamed && route.stored == WEIR_STORED_READ);
    assert_span(route.model, "resp_1");
    assert_true(
        weir_surface_route(WEIR_SPAN("GET"),
                           WEIR_SPAN("/v1/responses/resp_1/input_items"),
                           WEIR_SPAN("stream=true"), &route, NULL) == WEIR_OK);
    assert_true(!route.is_streamed && route.stored == WEIR_STORED_ITEMS);
}
