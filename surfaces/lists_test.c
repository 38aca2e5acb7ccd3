/* SPDX-License-Identifier: Apache-2.0 */
#include <test.h>

#include <weir/lists.h>

#include <string.h>

static struct weir_surface_route
route_of(const char *path)
{
    struct weir_surface_route route = {0};
    assert_int_equal(weir_surface_route(WEIR_SPAN("GET"), weir_span_of(path),
                                        WEIR_SPAN_NONE, &route, NULL),
                     WEIR_OK);
    return route;
}

static weir_status
read_of(const char *path, const char *query, struct weir_list_query *query_out,
        const char *param)
{
    struct weir_surface_route route = route_of(path);
    weir_span named = WEIR_SPAN_NONE;
    weir_status status =
        weir_list_read(&route, weir_span_of(query), query_out, &named, NULL);
    if (status != WEIR_OK)
        assert_true(weir_span_equal(named, weir_span_of(param)));
    return status;
}

TEST(bulk_lists, each_path_is_a_list_of_its_own)
{
    struct weir_surface_route route = route_of("/v1/files");
    assert_int_equal(weir_list_of(&route), WEIR_KEPT_FILES);
    route = route_of("/openai/v1/files");
    assert_int_equal(weir_list_of(&route), WEIR_KEPT_FILES);
    route = route_of("/openai/batches");
    assert_int_equal(weir_list_of(&route), WEIR_KEPT_BATCHES);
    route = route_of("/v1/messages/batches");
    assert_int_equal(weir_list_of(&route), WEIR_KEPT_MESSAGES);
    route = route_of("/v1/files/file-a");
    assert_int_equal(weir_list_of(&route), WEIR_KEPT_NONE);
    route = route_of("/v1/models");
    assert_int_equal(weir_list_of(&route), WEIR_KEPT_NONE);
}

TEST(bulk_lists, sizes_of_pages_are_those_of_the_apis_up_to_a_hundred)
{
    struct weir_list_query q;
    assert_int_equal(read_of("/v1/files", "", &q, ""), WEIR_OK);
    assert_int_equal(q.limit, 100);
    assert_false(q.is_ascending);
    assert_int_equal(read_of("/v1/files", "limit=10000", &q, ""), WEIR_OK);
    assert_int_equal(q.limit, 100);
    assert_int_equal(read_of("/v1/files", "limit=10001", &q, "limit"),
                     WEIR_ETYPE);
    assert_int_equal(read_of("/v1/batches", "", &q, ""), WEIR_OK);
    assert_int_equal(q.limit, 20);
    assert_int_equal(read_of("/v1/batches", "limit=101", &q, "limit"),
                     WEIR_ETYPE);
    assert_int_equal(read_of("/v1/batches", "limit=0", &q, "limit"),
                     WEIR_ETYPE);
    assert_int_equal(read_of("/v1/batches", "limit=-1", &q, "limit"),
                     WEIR_ETYPE);
    assert_int_equal(read_of("/v1/messages/batches", "limit=1000", &q, ""),
                     WEIR_OK);
    assert_int_equal(q.limit, 100);
    assert_int_equal(read_of("/v1/messages/batches", "limit=3", &q, ""),
                     WEIR_OK);
    assert_int_equal(q.limit, 3);
}

TEST(bulk_lists, parameters_are_read_in_any_order_and_others_passed_over)
{
    struct weir_list_query q;
    assert_int_equal(
        read_of("/v1/files",
                "api-version=2024-10-21&order=asc&purpose=batch_output&"
                "&after=file-aB_9&limit=7&x",
                &q, ""),
        WEIR_OK);
    assert_true(q.is_ascending);
    assert_int_equal(q.limit, 7);
    assert_true(weir_span_equal(q.after, WEIR_SPAN("file-aB_9")));
    assert_true(weir_span_equal(q.purpose, WEIR_SPAN("batch_output")));
    assert_int_equal(read_of("/v1/files", "order=up", &q, "order"), WEIR_ETYPE);
    assert_int_equal(read_of("/v1/files", "after=a%20b", &q, "after"),
                     WEIR_ETYPE);
    /* batches have no order, and are not refused for it */
    assert_int_equal(read_of("/v1/batches", "order=up", &q, ""), WEIR_OK);
}

TEST(bulk_lists, message_batches_go_either_way_but_not_both)
{
    struct weir_list_query q;
    assert_int_equal(
        read_of("/v1/messages/batches", "before_id=msgbatch_a", &q, ""),
        WEIR_OK);
    assert_true(weir_span_equal(q.before, WEIR_SPAN("msgbatch_a")));
    assert_int_equal(read_of("/v1/messages/batches", "before_id=a&after_id=b",
                             &q, "before_id"),
                     WEIR_ETYPE);
}

TEST(bulk_lists, an_object_is_taken_only_as_itself)
{
    const weir_span name = WEIR_SPAN("file-1");
    assert_int_equal(
        weir_list_check(WEIR_SPAN("{\"object\":\"file\",\"id\":\"file-1\"}"),
                        name, NULL),
        WEIR_OK);
    assert_int_equal(
        weir_list_check(WEIR_SPAN("{\"id\":\"file-2\"}"), name, NULL),
        WEIR_ECORRUPT);
    assert_int_equal(weir_list_check(WEIR_SPAN("[\"file-1\"]"), name, NULL),
                     WEIR_ECORRUPT);
    assert_int_equal(
        weir_list_check(WEIR_SPAN("{\"id\":\"file-1\"},{}"), name, NULL),
        WEIR_ECORRUPT);
    assert_int_equal(weir_list_check(WEIR_SPAN("{\"id\":{}}"), name, NULL),
                     WEIR_ECORRUPT);
    assert_int_equal(weir_list_check(WEIR_SPAN(""), name, NULL), WEIR_ECORRUPT);
}

TEST(bulk_lists, the_reason_of_an_error_is_plain_text)
{
    char text[WEIR_LIST_REASON];
    size_t len = weir_list_reason(
        WEIR_SPAN("{\"error\":{\"message\":\"no\\u0000 \\u00e9\\nway\"}}"),
        text);
    assert_true(weir_span_equal((weir_span){text, len}, WEIR_SPAN("no way")));
    assert_int_equal(weir_list_reason(WEIR_SPAN("{\"error\":\"x\"}"), text), 0);
    assert_int_equal(weir_list_reason(WEIR_SPAN("<html>"), text), 0);
}

TEST(bulk_lists, replies_have_the_shape_of_their_api)
{
    char bytes[512];
    struct weir_buf out;
    struct weir_surface_route route = route_of("/v1/files");
    weir_buf_init_fixed(&out, bytes, sizeof bytes);
    weir_list_begin(&route, &out);
    weir_list_add(WEIR_SPAN("{\"id\":\"a\"}"), true, &out);
    weir_list_add(WEIR_SPAN("{\"id\":\"b\"}"), false, &out);
    weir_list_end(&route, WEIR_SPAN("a"), WEIR_SPAN("b"), true, &out);
    assert_true(weir_span_equal(
        weir_buf_span(&out),
        WEIR_SPAN(
            "{\"object\":\"list\",\"data\":[{\"id\":\"a\"},{\"id\":\"b\"}"
            "],\"first_id\":\"a\",\"last_id\":\"b\",\"has_more\":true}")));
    route = route_of("/v1/messages/batches");
    weir_buf_init_fixed(&out, bytes, sizeof bytes);
    weir_list_begin(&route, &out);
    weir_list_end(&route, WEIR_SPAN_NONE, WEIR_SPAN_NONE, false, &out);
    assert_true(weir_span_equal(
        weir_buf_span(&out),
        WEIR_SPAN("{\"data\":[],\"first_id\":null,\"last_id\":null,"
                  "\"has_more\":false}")));
}
