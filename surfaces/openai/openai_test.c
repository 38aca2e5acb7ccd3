/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/surface.h>

#include <stdio.h>
#include <string.h>

#include "test.h"

static const struct {
    const char *method;
    const char *path;
    weir_status status;
    enum weir_endpoint endpoint;
} routes[] = {
    {"POST", "/v1/chat/completions", WEIR_OK, WEIR_ENDPOINT_CHAT},
    {"POST", "/v1/responses", WEIR_OK, WEIR_ENDPOINT_RESPONSES},
    {"POST", "/v1/embeddings", WEIR_OK, WEIR_ENDPOINT_EMBED},
    {"POST", "/v1/completions", WEIR_OK, WEIR_ENDPOINT_COMPLETE},
    {"GET", "/v1/models", WEIR_OK, WEIR_ENDPOINT_MODELS},
    {"GET", "/v1/models/maker/model-1", WEIR_OK, WEIR_ENDPOINT_MODEL},
    {"GET", "/v1/chat/completions", WEIR_EMETHOD, 0},
    {"DELETE", "/v1/models/model-1", WEIR_EMETHOD, 0},
    {"post", "/v1/responses", WEIR_EMETHOD, 0},
    {"POST", "/v1/chat/completions/", WEIR_ENOTOURS, 0},
    {"GET", "/v1/models/", WEIR_ENOTOURS, 0},
    {"GET", "/v1/responses/resp_1", WEIR_OK, WEIR_ENDPOINT_STORED},
    {"DELETE", "/openai/v1/responses/resp_1", WEIR_OK, WEIR_ENDPOINT_STORED},
    {"POST", "/v1/responses/resp_1/cancel", WEIR_OK, WEIR_ENDPOINT_STORED},
    {"GET", "/v1/responses/resp_1/input_items", WEIR_OK, WEIR_ENDPOINT_STORED},
    {"POST", "/v1/responses/input_tokens", WEIR_OK, WEIR_ENDPOINT_COUNT},
    {"GET", "/v1/responses/input_tokens", WEIR_EMETHOD, 0},
    {"GET", "/v1/responses", WEIR_EMETHOD, 0},
    {"POST", "/v1/responses/resp_1", WEIR_EMETHOD, 0},
    {"GET", "/v1/responses/", WEIR_ENOTOURS, 0},
    {"GET", "/v1/responses/resp_1/", WEIR_ENOTOURS, 0},
    {"GET", "/v1/responses/resp 1", WEIR_ENOTOURS, 0},
    {"GET", "/v1/responses/../files", WEIR_ENOTOURS, 0},
    {"GET", "/openai/deployments/d/responses/resp_1", WEIR_ENOTOURS, 0},
    {"POST", "/v1/files", WEIR_OK, WEIR_ENDPOINT_BULK},
    {"POST", "/v1/fine_tuning/jobs", WEIR_ENOTOURS, 0},
    {"POST", "/", WEIR_ENOTOURS, 0},
    {"", "", WEIR_ENOTOURS, 0},
};

static struct weir_surface_route
route_of(const char *method, const char *path)
{
    struct weir_surface_route route;
    assert_ok(weir_surface_route(weir_span_of(method), weir_span_of(path),
                                 WEIR_SPAN_NONE, &route, NULL));
    return route;
}

TEST(openai_surface, only_listed_endpoints_are_served)
{
    for (size_t i = 0; i < WEIR_COUNTOF(routes); i++) {
        struct weir_surface_route route;
        assert_int_equal(weir_surface_route(weir_span_of(routes[i].method),
                                            weir_span_of(routes[i].path),
                                            WEIR_SPAN_NONE, &route, NULL),
                         routes[i].status);
        if (routes[i].status == WEIR_OK)
            assert_int_equal(route.endpoint, routes[i].endpoint);
    }
    assert_span(route_of("GET", "/v1/models/maker/model-1").model,
                "maker/model-1");
    assert_true(route_of("POST", "/v1/responses").takes_body);
}

TEST(openai_surface, all_models_are_listed_on_request)
{
    static const struct {
        const char *query;
        bool wants_all;
    } queries[] = {{"all=1", true},   {"a=b&all=1", true}, {"all=1&x", true},
                   {"all=10", false}, {"call=1", false},   {"", false}};
    for (size_t i = 0; i < WEIR_COUNTOF(queries); i++) {
        struct weir_surface_route route;
        assert_ok(weir_surface_route(WEIR_SPAN("GET"), WEIR_SPAN("/v1/models"),
                                     weir_span_of(queries[i].query), &route,
                                     NULL));
        assert_int_equal(route.wants_all, queries[i].wants_all);
    }
}

/* ----------------------------------------------------------- request */

static weir_status
parse(const char *path, const char *body, struct weir_request *request,
      struct weir_error *err)
{
    static char memory[512];
    struct weir_arena arena;
    struct weir_surface_route route = route_of("POST", path);
    weir_arena_init(&arena, memory, sizeof(memory));
    return weir_surface_parse(&route, weir_span_of(body), &arena, request, err);
}

TEST(openai_surface, chat_request_is_read)
{
    struct weir_request request;
    const char *body =
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
        "\"model\":\"a\\u0062c\",\"stream\":true,\"n\":3,"
        "\"max_tokens\":5,\"max_completion_tokens\":9,\"tools\":[{}],"
        "\"stream_options\":{\"include_usage\":true},\"logprobs\":true,"
        "\"unknown\":{\"model\":1}}";
    assert_ok(parse("/v1/chat/completions", body, &request, NULL));
    assert_span(request.model, "abc");
    assert_span(request.spots[WEIR_SPOT_MODEL], "\"a\\u0062c\"");
    assert_true(request.is_streamed);
    assert_true(request.wants_usage);
    assert_true(request.has_tools);
    assert_true(request.has_logprobs);
    assert_int_equal(request.n, 3);
    assert_int_equal(request.output_tokens_max, 9);
    assert_int_equal(request.insert_at, 1);
    assert_int_equal(request.prompt_bytes,
                     strlen("[{\"role\":\"user\",\"content\":\"hi\"}][{}]"));
    assert_int_equal(request.input_tokens, (request.prompt_bytes + 3) / 4);
}

TEST(openai_surface, defaults_are_those_of_the_interface)
{
    struct weir_request request;
    assert_ok(parse("/v1/responses",
                    "{\"model\":\"m\",\"input\":\"x\",\"stream\":null,"
                    "\"n\":null,\"stream_options\":null,\"background\":false}",
                    &request, NULL));
    assert_false(request.is_streamed);
    assert_false(request.wants_usage);
    assert_false(request.has_tools);
    assert_false(request.has_logprobs);
    assert_int_equal(request.n, 1);
    assert_int_equal(request.output_tokens_max, 0);
    assert_int_equal(request.prompt_bytes, 3);
    assert_span(request.spots[WEIR_SPOT_STREAM_OPTIONS], "null");
    assert_null(request.spots[WEIR_SPOT_LOGPROBS].ptr);
}

/* What the cache and the hold ask for comes from the one pass. */
TEST(openai_surface, state_and_service_are_told)
{
    static const struct {
        const char *more;
        bool is_stateful, wants_priority;
    } rows[] = {
        {"", false, false},
        {",\"previous_response_id\":null,\"conversation\":null", false, false},
        {",\"background\":false,\"service_tier\":\"default\"", false, false},
        {",\"user\":\"previous_response_id\",\"x\":{\"conversation\":1}", false,
         false},
        {",\"previous_response_id\":\"resp_1\"", true, false},
        {",\"previous_respons\\u0065_id\":\"resp_1\"", true, false},
        {",\"conversation\":{\"id\":\"conv_1\"}", true, false},
        {",\"tools\":[{},{\"container\":{\"type\":\"auto\"}}]", true, false},
        {",\"service_tier\":\"priority\"", false, true},
        {",\"service_tier\":\"pr\\u0069ority\"", false, true},
        {",\"metadata\":{\"service_tier\":\"priority\"}", false, false},
    };
    struct weir_request request;
    char body[256];
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        snprintf(body, sizeof(body), "{\"model\":\"m\",\"input\":\"x\"%s}",
                 rows[i].more);
        assert_ok(parse("/v1/responses", body, &request, NULL));
        assert_int_equal(request.is_stateful, rows[i].is_stateful);
        assert_true(request.knows_service);
        assert_int_equal(request.wants_priority, rows[i].wants_priority);
    }
}

TEST(openai_surface, media_count_as_a_fixed_number_of_bytes)
{
    struct weir_request request;
    char body[8192];
    char blob[4096];
    memset(blob, 'A', sizeof(blob) - 1);
    blob[sizeof(blob) - 1] = '\0';
    snprintf(body, sizeof(body),
             "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{"
             "\"type\":\"image_url\",\"image_url\":{\"url\":\"%s\"}}]}]}",
             blob);
    assert_ok(parse("/v1/chat/completions", body, &request, NULL));
    assert_in_range(request.prompt_bytes, WEIR_SURFACE_MEDIA_BYTES,
                    WEIR_SURFACE_MEDIA_BYTES + 100);
    snprintf(body, sizeof(body),
             "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[{"
             "\"type\":\"input_image\",\"image_url\":\"%s\"}]}]}",
             blob);
    assert_ok(parse("/v1/responses", body, &request, NULL));
    assert_in_range(request.prompt_bytes, WEIR_SURFACE_MEDIA_BYTES,
                    WEIR_SURFACE_MEDIA_BYTES + 100);
}

static const struct {
    const char *path;
    const char *body;
    weir_status status;
    const char *param;
} refused[] = {
    {"/v1/chat/completions",
     "{\"model\":\"m\",\"messages\":[{\"content\":[{\"type\":\"file\","
     "\"file\":{\"file_id\":[\"file-1\"]}}]}]}",
     WEIR_ETYPE, "file_id"},
    {"/v1/responses",
     "{\"model\":\"m\",\"input\":[{\"content\":[{\"file_id\":null},"
     "{\"type\":\"input_image\",\"file_id\":\"file\\u002d1\"}]}]}",
     WEIR_ETYPE, "file_id"},
    {"/v1/responses",
     "{\"model\":\"m\",\"input\":\"x\",\"tools\":[{\"type\":"
     "\"file_search\",\"vector_store_ids\":[\"vs_1\"]}]}",
     WEIR_ETYPE, "vector_store_ids"},
    {"/v1/responses",
     "{\"model\":\"m\",\"input\":\"x\",\"tools\":[{\"type\":"
     "\"code_interpreter\",\"container\":{\"type\":\"auto\","
     "\"file_ids\":[\"file-1\"]}}]}",
     WEIR_ETYPE, "file_ids"},
    {"/v1/chat/completions", "", WEIR_EPARSE, ""},
    {"/v1/chat/completions", "[]", WEIR_ETYPE, ""},
    {"/v1/chat/completions", "{}", WEIR_ETYPE, "model"},
    {"/v1/chat/completions", "{\"model\":\"\"}", WEIR_ETYPE, "model"},
    {"/v1/chat/completions", "{\"model\":7}", WEIR_ETYPE, "model"},
    {"/v1/chat/completions", "{\"model\":\"\\ud800\"}", WEIR_EPARSE, "model"},
    {"/v1/chat/completions", "{\"model\":\"a\",\"model\":\"b\"}", WEIR_EPARSE,
     ""},
    {"/v1/chat/completions", "{\"model\":\"a\",\"Model\":\"b\"}", WEIR_EPARSE,
     ""},
    {"/v1/chat/completions", "{\"model\":\"a\",\"mode\\u006c\":\"b\"}",
     WEIR_EPARSE, ""},
    {"/v1/chat/completions", "{\"model\":\"a\",\"stream\":\"true\"}",
     WEIR_ETYPE, "stream"},
    {"/v1/chat/completions", "{\"model\":\"a\",\"stream\":1}", WEIR_ETYPE,
     "stream"},
    {"/v1/chat/completions", "{\"model\":\"a\",\"stream_options\":[]}",
     WEIR_ETYPE, "stream_options"},
    {"/v1/chat/completions",
     "{\"model\":\"a\",\"stream_options\":{\"include_usage\":1}}", WEIR_ETYPE,
     "include_usage"},
    {"/v1/chat/completions", "{\"model\":\"a\",\"n\":0}", WEIR_ETYPE, "n"},
    {"/v1/chat/completions", "{\"model\":\"a\",\"n\":1.5}", WEIR_ETYPE, "n"},
    {"/v1/chat/completions", "{\"model\":\"a\",\"n\":99999999999}", WEIR_ETYPE,
     "n"},
    {"/v1/chat/completions", "{\"model\":\"a\",\"max_tokens\":-1}", WEIR_ETYPE,
     "max_tokens"},
    {"/v1/chat/completions", "{\"model\":\"a\",\"models\":[\"b\"]}", WEIR_ETYPE,
     "models"},
    {"/v1/chat/completions", "{\"model\":\"a\",\"fallbacks\":[\"b\"]}",
     WEIR_ETYPE, "fallbacks"},
    {"/v1/responses", "{\"model\":\"a\",\"background\":true}", WEIR_ETYPE,
     "background"},
    {"/v1/embeddings", "{\"model\":\"a\",\"stream\":true}", WEIR_ETYPE,
     "stream"},
};

TEST(openai_surface, what_cannot_be_governed_is_refused)
{
    for (size_t i = 0; i < WEIR_COUNTOF(refused); i++) {
        struct weir_request request;
        struct weir_error err = {0};
        assert_int_equal(
            parse(refused[i].path, refused[i].body, &request, &err),
            refused[i].status);
        assert_true(
            weir_span_equal(request.param, weir_span_of(refused[i].param)));
        assert_int_not_equal(err.text[0], '\0');
    }
}

TEST(openai_surface, model_name_that_does_not_fit_is_refused)
{
    char memory[16];
    struct weir_arena arena;
    struct weir_request request;
    struct weir_surface_route route = route_of("POST", "/v1/embeddings");
    weir_arena_init(&arena, memory, sizeof(memory));
    assert_int_equal(
        weir_surface_parse(
            &route, WEIR_SPAN("{\"model\":\"\\u0061 long name of a model\"}"),
            &arena, &request, NULL),
        WEIR_ELIMIT);
}

/* --------------------------------------------------------- rendering */

static const struct weir_refusal denial = {
    .status = WEIR_EDENIED,
    .code = {"policy_forbids", 14},
    .message = {"Not from \"there\".", 17},
    .request = {"req_1", 5},
    .decision = {"deny", 4},
    .policy = {"law-7", 5},
    .title = {"A law", 5},
    .authority = {"An office", 9},
    .appeal = {"appeal@example.org", 18},
};

TEST(openai_surface, refusal_has_the_shape_sdks_read)
{
    struct weir_buf out;
    struct weir_surface_route route = route_of("POST", "/v1/responses");
    weir_buf_init(&out, 4096);
    weir_surface_put_refusal(&route, &denial, &out);
    assert_span(
        weir_buf_span(&out),
        "{\"error\":{\"message\":\"Not from \\\"there\\\".\","
        "\"type\":\"permission_error\",\"param\":null,"
        "\"code\":\"policy_forbids\",\"weir\":{\"request\":\"req_1\","
        "\"decision\":\"deny\",\"policy\":\"law-7\",\"title\":\"A law\","
        "\"authority\":\"An office\",\"appeal\":\"appeal@example.org\"}}}\n");
    assert_int_equal(weir_refusal_http(&denial), 403);
    weir_buf_reset(&out);
    const struct weir_refusal full = {
        .status = WEIR_EBUDGET,
        .http = 402,
        .type = WEIR_SPAN("own_type"),
        .param = WEIR_SPAN("model"),
        .window = WEIR_SPAN("day"),
        .hop = WEIR_SPAN("origin"),
        .reopens_at = WEIR_US_PER_DAY,
        .retry_after_s = 30,
    };
    weir_surface_put_refusal(&route, &full, &out);
    assert_span(weir_buf_span(&out),
                "{\"error\":{\"message\":\"a budget window is full\","
                "\"type\":\"own_type\",\"param\":\"model\",\"code\":null,"
                "\"weir\":{\"window\":\"day\",\"hop\":\"origin\","
                "\"reopens_at\":\"1970-01-02T00:00:00.000000Z\","
                "\"retry_after_s\":30}}}\n");
    assert_int_equal(weir_refusal_http(&full), 402);
    weir_buf_fini(&out);
}

TEST(openai_surface, cut_stream_ends_with_an_error_event)
{
    struct weir_buf out;
    struct weir_surface_route route = route_of("POST", "/v1/chat/completions");
    const struct weir_refusal cut = {.status = WEIR_EUPSTREAM,
                                     .code = WEIR_SPAN("stream_cut")};
    weir_buf_init(&out, 4096);
    weir_surface_put_cut(&route, &cut, &out);
    assert_span(weir_buf_span(&out),
                "data: {\"error\":{\"message\":\"the origin failed\","
                "\"type\":\"upstream_error\",\"param\":null,"
                "\"code\":\"stream_cut\",\"weir\":{}}}\n\n");
    weir_buf_reset(&out);
    route = route_of("POST", "/v1/responses");
    weir_surface_put_cut(&route, &cut, &out);
    assert_span(weir_buf_span(&out),
                "event: error\ndata: {\"type\":\"error\","
                "\"code\":\"stream_cut\",\"message\":\"the origin failed\","
                "\"param\":null,\"error\":{\"message\":\"the origin failed\","
                "\"type\":\"upstream_error\",\"param\":null,"
                "\"code\":\"stream_cut\",\"weir\":{}}}\n\n");
    weir_buf_fini(&out);
}

static bool
next_model(void *context, struct weir_surface_model *model_out)
{
    unsigned *number = context;
    switch ((*number)++) {
    case 0:
        *model_out = (struct weir_surface_model){.id = WEIR_SPAN("m-1"),
                                                 .owner = WEIR_SPAN("maker"),
                                                 .created = 1700000000,
                                                 .is_allowed = true};
        return true;
    case 1:
        *model_out =
            (struct weir_surface_model){.id = WEIR_SPAN("m-2"),
                                        .owner = WEIR_SPAN("maker"),
                                        .created = 1,
                                        .reason = WEIR_SPAN("policy_forbids"),
                                        .message = WEIR_SPAN("no")};
        return true;
    default:
        return false;
    }
}

TEST(openai_surface, models_are_listed_with_reasons)
{
    struct weir_buf out;
    unsigned number = 0;
    struct weir_surface_route route = route_of("GET", "/v1/models");
    struct weir_surface_model model;
    weir_buf_init(&out, 4096);
    weir_surface_put_models(&route, next_model, &number, &out);
    assert_span(weir_buf_span(&out),
                "{\"object\":\"list\",\"data\":[{\"id\":\"m-1\","
                "\"object\":\"model\",\"created\":1700000000,"
                "\"owned_by\":\"maker\"},{\"id\":\"m-2\",\"object\":\"model\","
                "\"created\":1,\"owned_by\":\"maker\",\"weir\":{"
                "\"allowed\":false,\"reason\":\"policy_forbids\","
                "\"message\":\"no\"}}]}\n");
    weir_buf_reset(&out);
    number = 0;
    assert_true(next_model(&number, &model));
    weir_surface_put_model(&route, &model, &out);
    assert_span(weir_buf_span(&out),
                "{\"id\":\"m-1\",\"object\":\"model\",\"created\":1700000000,"
                "\"owned_by\":\"maker\"}\n");
    weir_buf_fini(&out);
}

TEST(openai_surface, registry_is_readable)
{
    assert_non_null(weir_surface_get(0));
    assert_string_equal(weir_surface_name(0), "openai");
    assert_non_null(weir_surface_title(0));
    assert_null(weir_surface_get(1000));
    assert_null(weir_surface_name(1000));
}
