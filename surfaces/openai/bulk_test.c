/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/bulk.h>

#include "test.h"

#include <stdio.h>
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
    return weir_bulk_sum(WEIR_BULK_LINES, weir_span_of(file), NULL, &arena, sum,
                         &param, err);
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

#define PART(name, value)                                                      \
    "--b1\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value  \
    "\r\n"
#define FILE_PART(value) PART("file\"; filename=\"a.pdf", value)
#define END              "--b1--\r\n"

TEST(bulk, a_form_says_what_its_file_is_for)
{
    static const struct {
        const char *form;
        const char *param; /* NULL: it is read */
        const char *said;
        enum weir_bulk_purpose purpose;
        const char *part;
    } rows[] = {
        {PART("purpose", "batch") FILE_PART("x") END, NULL, NULL,
         WEIR_BULK_FOR_BATCH, ""},
        {PART("purpose", "user_data") FILE_PART("x") END, NULL, NULL,
         WEIR_BULK_FOR_DATA, ""},
        {FILE_PART("x") PART("purpose", "vision") END, NULL, NULL,
         WEIR_BULK_FOR_VISION, ""},
        {PART("model", "large") FILE_PART("x") PART("purpose", "vision") END,
         NULL, NULL, WEIR_BULK_FOR_VISION, PART("model", "large")},
        {FILE_PART("x") PART("purpose", "user_data") PART("model", "large") END,
         NULL, NULL, WEIR_BULK_FOR_DATA, PART("model", "large")},
        {PART("purpose", "fine-tune") FILE_PART("x") END, "purpose",
         "no route leads to weights", 0, NULL},
        {PART("purpose", "assistants") FILE_PART("x") END, "purpose",
         "must be batch, user_data or vision", 0, NULL},
        {PART("purpose", "evals") FILE_PART("x") END, "purpose",
         "must be batch, user_data or vision", 0, NULL},
        {FILE_PART("x") END, "purpose", "must be", 0, NULL},
        {PART("purpose", "batch") PART("Purpose", "vision") FILE_PART("x") END,
         "purpose", "said once", 0, NULL},
        {PART("purpose", "vision") PART("model", "a") PART("Model", "b")
             FILE_PART("x") END,
         "model", "said once", 0, NULL},
        {PART("purpose", "vision") PART("model", "") FILE_PART("x") END,
         "model", "must be a name", 0, NULL},
        {PART("purpose", "vision") FILE_PART("x") FILE_PART("y") END, "file",
         "one file", 0, NULL},
        {PART("purpose", "vision") END, "file", "is missing", 0, NULL},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_bulk_form form;
        struct weir_error err = {0};
        weir_status status =
            weir_bulk_read_form(weir_span_of(rows[i].form), &form, &err);
        if (rows[i].param != NULL) {
            assert_int_equal(status, WEIR_ETYPE);
            assert_true(
                weir_span_equal(form.param, weir_span_of(rows[i].param)));
            assert_non_null(strstr(err.text, rows[i].said));
            continue;
        }
        assert_int_equal(status, WEIR_OK);
        assert_int_equal(form.purpose, rows[i].purpose);
        assert_true(weir_span_equal(form.file, WEIR_SPAN("x")));
        assert_true(weir_span_equal(form.part, weir_span_of(rows[i].part)));
        assert_int_equal(form.model.len > 0, form.part.len > 0);
    }
}

TEST(bulk, names_of_files_in_lines_are_counted)
{
    struct weir_bulk_sum sum;
    const char *line =
        "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/responses\","
        "\"body\":{\"model\":\"m\",\"input\":[{\"content\":[{\"type\":"
        "\"input_file\",\"file_id\":\"file-1\"}]}]}}\n";
    char both[1024];
    (void)snprintf(both, sizeof(both), "%s%s", line, line);
    assert_int_equal(sum_of(both, &sum, NULL), WEIR_OK);
    assert_int_equal(sum.files, 2);
    assert_int_equal(sum_of(LINE("m", "chat/completions", ""), &sum, NULL),
                     WEIR_OK);
    assert_int_equal(sum.files, 0);
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
    assert_int_equal(route_of("GET", "/v1/files", &way), WEIR_OK);
    assert_int_equal(way.bulk, WEIR_BULK_FILES);
    assert_int_equal(route_of("GET", "/openai/batches", &way), WEIR_OK);
    assert_int_equal(way.bulk, WEIR_BULK_BATCHES);
    assert_int_equal(route_of("PUT", "/v1/files", &way), WEIR_EMETHOD);
    assert_int_equal(route_of("DELETE", "/v1/batches", &way), WEIR_EMETHOD);
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
    assert_int_equal(weir_bulk_retell(WEIR_BULK_LINES, weir_span_of(body),
                                      name_it, NULL, &out, &told, NULL),
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
    assert_int_equal(weir_bulk_retell(WEIR_BULK_LINES,
                                      WEIR_SPAN("{\"object\":\"list\"}"),
                                      name_it, NULL, &out, &told, NULL),
                     WEIR_EPARSE);
}

#define REQUEST(model, more)                                                   \
    "{\"custom_id\":\"a\",\"params\":{\"model\":\"" model                      \
    "\",\"messages\":[]" more "}}"

static weir_status
requests_of(const char *body, struct weir_bulk_sum *sum, weir_span *file,
            struct weir_error *err)
{
    static char memory[4096];
    struct weir_arena arena;
    weir_span param;
    weir_arena_init(&arena, memory, sizeof(memory));
    weir_status status =
        weir_bulk_read_requests(weir_span_of(body), file, &param, err);
    return status != WEIR_OK ? status
                             : weir_bulk_sum(WEIR_BULK_REQUESTS, *file, NULL,
                                             &arena, sum, &param, err);
}

TEST(bulk, requests_in_an_array_are_lines)
{
    struct weir_bulk_sum sum;
    weir_span file;
    struct weir_buf out;
    const struct weir_target target = {.origin_model = WEIR_SPAN("other")};
    assert_int_equal(
        requests_of(
            "{\"requests\": [ " REQUEST(
                "m",
                ",\"max_tokens\":10,\"system\":\"]"
                "}\\\"{\"") " ,\n" REQUEST("m",
                                           ",\"max_tokens\":5") "],\"x\":1}",
            &sum, &file, NULL),
        WEIR_OK);
    assert_int_equal(sum.lines, 2);
    assert_int_equal(sum.output_tokens, 15);
    weir_buf_init(&out, 4096);
    assert_int_equal(
        weir_bulk_put_lines(weir_provider_find(WEIR_SPAN("anthropic")), &target,
                            WEIR_BULK_REQUESTS, file, &out, NULL),
        WEIR_OK);
    assert_true(weir_span_equal(
        weir_buf_span(&out),
        WEIR_SPAN("{\"custom_id\":\"a\",\"params\":{\"model\":\"other\","
                  "\"messages\":[],\"max_tokens\":10,"
                  "\"system\":\"]}\\\"{\"}},"
                  "{\"custom_id\":\"a\",\"params\":{\"model\":\"other\","
                  "\"messages\":[],\"max_tokens\":5}}")));
    weir_buf_fini(&out);
}

TEST(bulk, a_faulty_request_is_named_by_its_number)
{
    static const struct {
        const char *body;
        const char *said;
    } rows[] = {
        {"{\"requests\":[" REQUEST("m", ",\"max_tokens\":1") "," REQUEST(
             "n", ",\"max_tokens\":1") "]}",
         "request 2: every line must ask"},
        {"{\"requests\":[" REQUEST("m", "") "]}", "request 1: max_tokens"},
        {"{\"requests\":[" REQUEST("m",
                                   ",\"max_tokens\":1,\"stream\":true") "]}",
         "request 1: stream"},
        {"{\"requests\":[3]}", "request 1: requests must hold objects"},
        {"{\"requests\":[{\"params\":{}}]}", "request 1: custom_id"},
        {"{\"requests\":[{\"custom_id\":\"a\"}]}", "request 1: params"},
        {"{\"requests\":[]}", "requests has no lines"},
        {"{\"requests\":{}}", "requests must be an array"},
        {"[]", "must be an object"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_bulk_sum sum;
        struct weir_error err;
        weir_span file;
        assert_int_not_equal(requests_of(rows[i].body, &sum, &file, &err),
                             WEIR_OK);
        assert_non_null(strstr(err.text, rows[i].said));
    }
}

#define RESULT(type, more)                                                     \
    "{\"custom_id\":\"a\",\"result\":{\"type\":\"" type "\"" more "}}\n"
#define USED                                                                   \
    ",\"message\":{\"content\":[{\"text\":\"usage\"}],\"usage\":{"             \
    "\"input_tokens\":5,\"cache_read_input_tokens\":2,\"output_tokens\":3}}"

TEST(bulk, results_are_summed_at_every_split)
{
    const weir_span text = WEIR_SPAN(RESULT("succeeded", USED) RESULT(
        "errored", ",\"error\":{}") "\n" RESULT("succeeded", USED));
    for (size_t at = 0; at <= text.len; at++) {
        struct weir_bulk_results results;
        weir_bulk_results_init(&results);
        weir_bulk_results_feed(&results, (weir_span){text.ptr, at});
        weir_bulk_results_feed(&results,
                               (weir_span){text.ptr + at, text.len - at});
        assert_true(weir_bulk_results_finish(&results));
        assert_int_equal(results.lines, 3);
        assert_int_equal(results.succeeded, 2);
        assert_int_equal(results.usage.input_tokens, 14);
        assert_int_equal(results.usage.cached_tokens, 4);
        assert_int_equal(results.usage.output_tokens, 6);
    }
}

TEST(bulk, results_that_cannot_be_read_are_not_counted)
{
    static const char *const texts[] = {
        "",
        "\n\n",
        "<html>\n",
        RESULT("succeeded", ""),
        "{\"custom_id\":\"a\",\"result\":{\"type\":\"errored\"",
        "3\n"};
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        struct weir_bulk_results results;
        weir_bulk_results_init(&results);
        weir_bulk_results_feed(&results, weir_span_of(texts[i]));
        assert_false(weir_bulk_results_finish(&results));
    }
}

TEST(bulk, a_message_batch_is_told_with_other_names)
{
    struct weir_bulk_told told;
    struct weir_buf out;
    weir_buf_init(&out, 4096);
    assert_int_equal(
        weir_bulk_retell(
            WEIR_BULK_REQUESTS,
            WEIR_SPAN("{\"results_url\":\"https://o/x\",\"id\":\"msgbatch_1\","
                      "\"processing_status\":\"ended\",\"request_counts\":{"
                      "\"processing\":0,\"succeeded\":2,\"errored\":1,"
                      "\"canceled\":0,\"expired\":0},\"odd\":1.50}"),
            name_it, NULL, &out, &told, NULL),
        WEIR_OK);
    assert_true(told.is_ended && told.is_counted_later && !told.has_usage);
    assert_int_equal(told.done, 2);
    assert_int_equal(told.total, 3);
    assert_null(memmem(out.ptr, out.len, "https://o/x", 11));
    assert_null(memmem(out.ptr, out.len, "\"msgbatch_1\"", 12));
    assert_non_null(memmem(out.ptr, out.len, "\"odd\":1.50}", 11));
    weir_buf_fini(&out);
}
