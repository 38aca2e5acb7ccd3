/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/bulk.h>

#include "test.h"

#include <string.h>

#define LINE(model, url, more)                                                 \
    "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/" url              \
    "\",\"body\":{\"model\":\"" model "\",\"messages\":[]" more "}}\n"

static weir_status
sum_of(const char *file, struct weir_bulk_sum *sum, struct weir_error *err)
{
    static char memory[4096];
    struct weir_arena arena;
    weir_span param;
    weir_arena_init(&arena, memory, sizeof(memory));
    return weir_bulk_sum(weir_span_of(file), &arena, sum, &param, err);
}

TEST(bulk, lines_are_summed_by_what_they_may_make)
{
    struct weir_bulk_sum sum;
    assert_int_equal(
        sum_of(LINE("m", "chat/completions",
                    ",\"max_tokens\":10,\"n\":3") "\n" LINE("m",
                                                            "chat/completions",
                                                            ",\"n\":2")
                   LINE("m", "chat/completions", ""),
               &sum, NULL),
        WEIR_OK);
    assert_int_equal(sum.lines, 3);
    assert_int_equal(sum.output_tokens, 30);
    assert_int_equal(sum.unbounded, 3);
    assert_int_equal(sum.operation, WEIR_OP_CHAT);
    assert_true(weir_span_equal(sum.model, WEIR_SPAN("m")));
}

TEST(bulk, sums_that_pass_an_integer_saturate)
{
    struct weir_bulk_sum sum;
    const char *line = LINE("m", "chat/completions",
                            ",\"max_tokens\":9223372036854775807,\"n\":9");
    assert_int_equal(sum_of(line, &sum, NULL), WEIR_OK);
    assert_true(sum.output_tokens == INT64_MAX);
}

TEST(bulk, a_faulty_line_is_named_by_its_number)
{
    static const struct {
        const char *file;
        const char *said;
    } rows[] = {
        {LINE("m", "chat/completions", "") LINE("o", "chat/completions", ""),
         "line 2: every line must ask"},
        {LINE("m", "chat/completions", "") LINE("m", "completions", ""),
         "line 2: every line must ask"},
        {LINE("m", "fine_tuning/jobs", ""), "line 1: url"},
        {LINE("m", "chat/completions", ",\"stream\":true"), "line 1: stream"},
        {LINE("m", "chat/completions", "") "[1]", "line 2: line must be"},
        {LINE("m", "chat/completions", "") "{", "line 2: "},
        {"{\"custom_id\":\"a\",\"custom_id\":\"b\"}", "line 1: "},
        {"\n \r\n", "has no lines"},
    };
    struct weir_bulk_sum sum;
    struct weir_error err;
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        assert_int_not_equal(sum_of(rows[i].file, &sum, &err), WEIR_OK);
        assert_non_null(strstr(err.text, rows[i].said));
    }
}

static weir_status
route_of(const char *method, const char *path, struct weir_surface_route *way)
{
    return weir_surface_route(weir_span_of(method), weir_span_of(path),
                              WEIR_SPAN_NONE, way, NULL);
}

TEST(bulk, only_listed_verbs_of_files_and_batches_are_routed)
{
    struct weir_surface_route way;
    assert_int_equal(route_of("GET", "/v1/files/a", &way), WEIR_OK);
    assert_int_equal(way.bulk, WEIR_BULK_FILE);
    assert_true(weir_span_equal(way.model, WEIR_SPAN("a")));
    assert_int_equal(route_of("GET", "/v1/files/a/content", &way), WEIR_OK);
    assert_int_equal(way.bulk, WEIR_BULK_CONTENT);
    assert_int_equal(route_of("POST", "/v1/batches/b/cancel", &way), WEIR_OK);
    assert_int_equal(way.bulk, WEIR_BULK_CANCEL);
    assert_int_equal(route_of("GET", "/v1/files", &way), WEIR_EMETHOD);
    assert_int_equal(route_of("GET", "/v1/batches", &way), WEIR_EMETHOD);
    assert_int_equal(route_of("PUT", "/v1/files/a", &way), WEIR_EMETHOD);
    assert_int_equal(route_of("GET", "/v1/files/", &way), WEIR_ENOTOURS);
    assert_int_equal(route_of("GET", "/v1/files/a/b", &way), WEIR_ENOTOURS);
    assert_int_equal(route_of("GET", "/v1/files/a/content/x", &way),
                     WEIR_ENOTOURS);
    assert_int_equal(route_of("GET", "/v1/filesystem", &way), WEIR_ENOTOURS);
    assert_int_equal(route_of("POST", "/openai/deployments/m/batches", &way),
                     WEIR_ENOTOURS);
}

static bool
name_it(void *context, weir_span member, weir_span id, struct weir_buf *out)
{
    (void)context;
    weir_buf_addf(out, "\"<%.*s %.*s>\"", WEIR_SPAN_ARG(member),
                  WEIR_SPAN_ARG(id));
    return true;
}

TEST(bulk, ids_are_told_anew_and_all_else_passes)
{
    const char *body =
        "{ \"output_file_id\":\"o\",\"x\":[1.0],\"id\" : \"b\","
        "\"error_file_id\":null,\"status\":\"completed\",\"usage\":{"
        "\"input_tokens\":3,\"output_tokens\":4}}";
    char memory[512];
    struct weir_bulk_told told;
    struct weir_buf out;
    weir_buf_init_fixed(&out, memory, sizeof(memory));
    assert_int_equal(
        weir_bulk_retell(weir_span_of(body), name_it, NULL, &out, &told, NULL),
        WEIR_OK);
    assert_true(weir_span_equal(
        weir_buf_span(&out),
        WEIR_SPAN("{ \"output_file_id\":\"<output_file_id o>\",\"x\":[1.0],"
                  "\"id\" : \"<id b>\",\"error_file_id\":null,"
                  "\"status\":\"completed\",\"usage\":{"
                  "\"input_tokens\":3,\"output_tokens\":4}}")));
    assert_true(told.is_ended && told.has_usage && !told.is_failed);
    assert_int_equal(told.usage.input_tokens, 3);
    weir_buf_reset(&out);
    assert_int_equal(weir_bulk_retell(WEIR_SPAN("{\"object\":\"list\"}"),
                                      name_it, NULL, &out, &told, NULL),
                     WEIR_EPARSE);
}
