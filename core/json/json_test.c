/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/json.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

static const weir_json_path paths[] = {
    WEIR_JSON_PATH1("model"),
    WEIR_JSON_PATH1("stream"),
    WEIR_JSON_PATH2("stream_options", "include_usage"),
    WEIR_JSON_PATH1("stream_options"),
    WEIR_JSON_PATH4("choices", WEIR_JSON_EACH, "delta", "content"),
    WEIR_JSON_PATH2("choices", WEIR_JSON_EACH),
};
enum { MODEL, STREAM, INCLUDE_USAGE, STREAM_OPTIONS, CONTENT, CHOICES, PATHS };

static size_t
kernel_count(void)
{
    size_t count = 0;
    while (weir_json_kernel_name(count) != NULL)
        count++;
    return count;
}

/* A plan changes how names are found, and nothing else. */
static void
scan_planned(weir_span text, unsigned flags, weir_status status,
             const weir_json_hit hits[PATHS])
{
    struct weir_json_plan plan = WEIR_JSON_PLAN(paths, PATHS);
    struct weir_json_root root;
    weir_json_hit other[PATHS];
    assert_int_equal(
        weir_json_scan_planned(text, &plan, flags, &root, other, NULL), status);
    for (size_t j = 0; j < PATHS && status == WEIR_OK; j++) {
        assert_ptr_equal(hits[j].raw.ptr, other[j].raw.ptr);
        assert_int_equal(hits[j].raw.len, other[j].raw.len);
        assert_int_equal(hits[j].kind, other[j].kind);
        assert_int_equal(hits[j].count, other[j].count);
    }
}

/* All kernels agree on the status, and on the hits where it is good. */
static weir_status
scan(weir_span text, unsigned flags, struct weir_json_root *root,
     weir_json_hit hits[PATHS], struct weir_error *err)
{
    weir_status status =
        weir_json_scan_with(0, text, paths, PATHS, flags, root, hits, err);
    scan_planned(text, flags, status, hits);
    for (size_t i = 1; i < kernel_count(); i++) {
        struct weir_json_root other_root;
        weir_json_hit other[PATHS];
        weir_status other_status = weir_json_scan_with(
            i, text, paths, PATHS, flags, &other_root, other, NULL);
        assert_int_equal(status, other_status);
        if (status != WEIR_OK)
            continue;
        assert_ptr_equal(root->raw.ptr, other_root.raw.ptr);
        assert_int_equal(root->raw.len, other_root.raw.len);
        for (size_t j = 0; j < PATHS; j++) {
            assert_ptr_equal(hits[j].raw.ptr, other[j].raw.ptr);
            assert_int_equal(hits[j].raw.len, other[j].raw.len);
            assert_int_equal(hits[j].bytes_total, other[j].bytes_total);
            assert_int_equal(hits[j].has_escapes, other[j].has_escapes);
        }
    }
    return status;
}

static weir_status
validate(weir_span text)
{
    struct weir_json_root root;
    weir_json_hit hits[PATHS];
    return scan(text, 0, &root, hits, NULL);
}

/* The reader, taking nothing. */
static weir_status
read_over(weir_span text)
{
    struct weir_json_reader reader;
    weir_json_reader_init(&reader, text, NULL);
    return weir_json_reader_end(&reader, NULL);
}

TEST(json, scan_finds_values_of_paths)
{
    struct weir_json_root root;
    weir_json_hit hits[PATHS];
    weir_span text = WEIR_SPAN(
        " {\"a\":[{\"model\":1}],\"model\" : \"m\\n1\",\r\n\"stream\":true,"
        "\"stream_options\":{\"x\":[],\"include_usage\":false}}\t");
    assert_ok(scan(text, 0, &root, hits, NULL));
    assert_span(hits[MODEL].raw, "\"m\\n1\"");
    assert_int_equal(hits[MODEL].kind, WEIR_JSON_STRING);
    assert_true(hits[MODEL].has_escapes);
    assert_span(hits[STREAM].raw, "true");
    assert_span(hits[INCLUDE_USAGE].raw, "false");
    assert_span(hits[STREAM_OPTIONS].raw, "{\"x\":[],\"include_usage\":false}");
    assert_int_equal(hits[CONTENT].kind, WEIR_JSON_NONE);
    assert_null(hits[CONTENT].raw.ptr);
    assert_int_equal(root.insert_at, 2);
    assert_int_equal(root.raw.len, text.len - 2);
    assert_false(root.is_empty);
}

TEST(json, scan_sums_over_elements)
{
    struct weir_json_root root;
    weir_json_hit hits[PATHS];
    weir_span text = WEIR_SPAN(
        "{\"choices\":[{\"delta\":{\"content\":\"ab\"}},3,[{\"delta\":1}],"
        "{\"delta\":{\"content\":null}},{\"content\":\"no\"},"
        "{\"delta\":{\"content\":[1,{\"content\":2}]}}]}");
    assert_ok(scan(text, 0, &root, hits, NULL));
    assert_int_equal(hits[CONTENT].count, 3);
    assert_span(hits[CONTENT].raw, "\"ab\"");
    assert_int_equal(hits[CONTENT].bytes_total, 4 + 4 + 17);
    assert_int_equal(hits[CHOICES].count, 6);
}

TEST(json, scan_tells_empty_root)
{
    struct weir_json_root root;
    weir_json_hit hits[PATHS];
    assert_ok(scan(WEIR_SPAN("{ \n}"), 0, &root, hits, NULL));
    assert_true(root.is_empty);
    assert_int_equal(root.insert_at, 1);
    assert_ok(scan(WEIR_SPAN("\"x\""), 0, &root, hits, NULL));
    assert_int_equal(root.kind, WEIR_JSON_STRING);
    assert_true(weir_json_is_empty(WEIR_SPAN("{ }")));
    assert_false(weir_json_is_empty(WEIR_SPAN("[ 0]")));
}

TEST(json, duplicate_of_wanted_member_is_refused)
{
    static const char *refused[] = {
        "{\"model\":1,\"model\":1}",
        "{\"model\":1,\"\\u006dodel\":2}",
        "{\"stream_options\":{},\"stream_options\":{}}",
        "{\"stream_options\":{\"include_usage\":1,\"include_\\u0075sage\":1}}",
        "{\"choices\":[{\"delta\":{},\"delta\":{}}]}",
        "{\"choices\":[{\"delta\":{\"content\":1,\"content\":2}}]}",
    };
    static const char *accepted[] = {
        "{\"other\":1,\"other\":1}",
        "{\"model\":1,\"x\":{\"model\":1,\"model\":2}}",
        "{\"model\":1,\"Model\":2}",
        "{\"choices\":[{\"delta\":1},{\"delta\":1}]}",
        "{\"stream_options\":[{\"include_usage\":1,\"include_usage\":1}]}",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(refused); i++)
        assert_int_equal(validate(weir_span_of(refused[i])), WEIR_EPARSE);
    for (size_t i = 0; i < WEIR_COUNTOF(accepted); i++)
        assert_ok(validate(weir_span_of(accepted[i])));
}

TEST(json, name_that_folds_to_wanted_one_is_refused_on_request)
{
    static const char *texts[] = {
        "{\"Model\":1}",           "{\"MODEL\":1,\"model\":1}",
        "{\"\\u004dodel\":1}",     "{\"\xC5\xBFtream\":true}",
        "{\"\\u017ftream\":true}", "{\"stream_options\":{\"Include_usage\":1}}",
    };
    struct weir_json_root root;
    weir_json_hit hits[PATHS];
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        weir_span text = weir_span_of(texts[i]);
        assert_ok(validate(text));
        assert_int_equal(scan(text, WEIR_JSON_FOLD_NAMES, &root, hits, NULL),
                         WEIR_EPARSE);
    }
    assert_ok(scan(WEIR_SPAN("{\"model\":1,\"models\":[],\"mode\":2}"),
                   WEIR_JSON_FOLD_NAMES, &root, hits, NULL));
    static const weir_json_path kelvin[] = {WEIR_JSON_PATH1("key")};
    weir_json_hit hit;
    assert_int_equal(weir_json_scan(WEIR_SPAN("{\"\xE2\x84\xAA"
                                              "ey\":1}"),
                                    kelvin, 1, WEIR_JSON_FOLD_NAMES, &root,
                                    &hit, NULL),
                     WEIR_EPARSE);
}

TEST(json, escaped_name_is_the_same_name)
{
    struct weir_json_root root;
    weir_json_hit hits[PATHS];
    assert_ok(scan(WEIR_SPAN("{\"mod\\u0065l\":\"x\",\"\\ud800\":1}"), 0, &root,
                   hits, NULL));
    assert_span(hits[MODEL].raw, "\"x\"");
}

/* Text, whether it is JSON, and where the fault lies. */
static const struct {
    const char *text;
    bool is_good;
    uint32_t offset;
} grammar[] = {
    {"null", true, 0},
    {" -0.5e+10 ", true, 0},
    {"[]", true, 0},
    {"[[],{},\"\",0,true,false,null]", true, 0},
    {"{\"\":0}", true, 0},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00aF\"", true, 0},
    {"\"\\\\\"", true, 0},
    {"\"\xE4\xBD\xA0\xF0\x9F\x8C\x8D\xC3\xA9\"", true, 0},
    {"\"\\ud800\"", true, 0},
    {"1e999999", true, 0},
    {"", false, 0},
    {" ", false, 1},
    {"\xEF\xBB\xBF{}", false, 0},
    {"{\"a\":1,}", false, 7},
    {"[1,]", false, 3},
    {"[,1]", false, 1},
    {"[1 2]", false, 3},
    {"{\"a\" 1}", false, 5},
    {"{a:1}", false, 1},
    {"{1:1}", false, 1},
    {"{\"a\":1]", false, 6},
    {"[1}", false, 2},
    {"[1]]", false, 3},
    {"[1", false, 2},
    {"{\"a\"", false, 4},
    {"\"a", false, 0},
    {"\"a\\\"", false, 0},
    {"\"a\nb\"", false, 2},
    {"\"\\x\"", false, 2},
    {"\"\\u12g4\"", false, 5},
    {"\"\\u12\"", false, 5},
    {"01", false, 0},
    {"-", false, 0},
    {"1.", false, 0},
    {"1e", false, 0},
    {"+1", false, 0},
    {".5", false, 0},
    {"tru", false, 0},
    {"truer", false, 0},
    {"true false", false, 5},
    {"1\"a\"", false, 1},
    {"\"a\"1", false, 3},
    {"\\\"a\"", false, 0},
    {"[\x0C]", false, 1},
    {"\"\xC0\x80\"", false, 1},
    {"\"\xE0\x80\x80\"", false, 1},
    {"\"\xED\xA0\x80\"", false, 1},
    {"\"\xF4\x90\x80\x80\"", false, 1},
    {"\"\xF8\x88\x80\x80\x80\"", false, 1},
    {"\"\x80\"", false, 1},
    {"\"\xE4\xBD\"", false, 1},
    {"\"\xE4", false, 1},
};

TEST(json, grammar_is_strict_at_every_place_of_a_block)
{
    char text[256];
    struct weir_json_root root;
    weir_json_hit hits[PATHS];
    for (size_t i = 0; i < WEIR_COUNTOF(grammar); i++) {
        size_t len = strlen(grammar[i].text);
        /* A byte order mark is only one at the start. */
        size_t shifts = grammar[i].text[0] == '\xEF' ? 1 : 130;
        for (size_t shift = 0; shift < shifts; shift++) {
            struct weir_error err = {0};
            memset(text, '\n', shift);
            memcpy(text + shift, grammar[i].text, len);
            weir_span span = {text, shift + len};
            weir_status status = scan(span, 0, &root, hits, &err);
            assert_int_equal(status == WEIR_OK, grammar[i].is_good);
            assert_int_equal(read_over(span) == WEIR_OK, grammar[i].is_good);
            if (!grammar[i].is_good)
                assert_int_equal(err.offset, shift + grammar[i].offset);
        }
    }
}

TEST(json, nesting_is_refused_beyond_limit)
{
    char deep[2 * (WEIR_JSON_DEPTH_MAX + 1)];
    for (size_t depth = WEIR_JSON_DEPTH_MAX - 1;
         depth <= WEIR_JSON_DEPTH_MAX + 1; depth++) {
        memset(deep, '[', depth);
        memset(deep + depth, ']', depth);
        weir_status wanted =
            depth <= WEIR_JSON_DEPTH_MAX ? WEIR_OK : WEIR_EPARSE;
        assert_int_equal(validate((weir_span){deep, 2 * depth}), wanted);
        assert_int_equal(read_over((weir_span){deep, 2 * depth}), wanted);
    }
}

/* Long strings of every kind, cut and broken at every place. */
TEST(json, long_strings_are_checked_across_blocks)
{
    static const char *units[] = {"a",
                                  "\\\\",
                                  "\\\"",
                                  "\\n",
                                  "\\u4f60",
                                  "\xE4\xBD\xA0",
                                  "\xF0\x9F\x8C\x8D",
                                  "ab\\\\\\\"",
                                  "\xC3\xA9-"};
    char text[512];
    for (size_t i = 0; i < WEIR_COUNTOF(units); i++) {
        size_t unit = strlen(units[i]);
        for (size_t offset = 0; offset < 70; offset += 7) {
            size_t len = 0;
            memset(text, ' ', offset);
            len += offset;
            text[len++] = '"';
            /* so long that blocks in a row hold nothing but its middle */
            for (size_t j = 0; j < 360 / unit; j++) {
                memcpy(text + len, units[i], unit);
                len += unit;
            }
            text[len++] = '"';
            weir_span span = {text, len};
            assert_ok(validate(span));
            assert_ok(read_over(span));
            for (size_t cut = offset + 1; cut < len; cut++) {
                span.len = cut;
                assert_int_not_equal(validate(span), WEIR_OK);
            }
            span.len = len;
            for (size_t at = offset + 1; at < len - 1; at++) {
                char kept = text[at];
                text[at] = '\x01';
                assert_int_not_equal(validate(span), WEIR_OK);
                text[at] = '\xFF';
                assert_int_not_equal(validate(span), WEIR_OK);
                text[at] = '\\';
                assert_int_equal(validate(span) == WEIR_OK,
                                 read_over(span) == WEIR_OK);
                text[at] = kept;
            }
        }
    }
}

/* Every pair and many triples of bytes as UTF-8, around a block's end. */
TEST(json, utf8_verdict_equals_the_scalar_one)
{
    char text[140];
    unsigned seed = 7;
    for (unsigned round = 0; round < 200000; round++) {
        size_t at = 60 + round % 8;
        memset(text, 'x', sizeof(text));
        text[0] = '"';
        text[sizeof(text) - 1] = '"';
        for (size_t i = 0; i < 4; i++) {
            seed = seed * 1103515245u + 12345u;
            static const unsigned char pick[] = {
                0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF,
                0xE0, 0xE4, 0xED, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF, 'a'};
            text[at + i] = (char)pick[(seed >> 16) % sizeof(pick)];
        }
        weir_span span = {text, sizeof(text)};
        assert_int_equal(validate(span) == WEIR_OK, weir_utf8_valid(span));
    }
}

/* ------------------------------------------------------------ values */

TEST(json, unescape_gives_text_or_refuses)
{
    char memory[64];
    struct weir_arena arena;
    weir_span text;
    weir_arena_init(&arena, memory, sizeof(memory));
    weir_span raw = WEIR_SPAN("\"plain\"");
    assert_ok(weir_json_unescape(raw, NULL, &text, NULL));
    assert_ptr_equal(text.ptr, raw.ptr + 1);
    assert_span(text, "plain");
    assert_ok(weir_json_unescape(
        WEIR_SPAN("\"\\ud83c\\udf0d\\u00e9\\\\\\n\\/\""), &arena, &text, NULL));
    assert_span(text, "\xF0\x9F\x8C\x8D\xC3\xA9\\\n/");
    static const char *refused[] = {"\"\\ud800\"", "\"\\udc00x\"",
                                    "\"\\ud800\\u0041\"", "\"\\ud800\\n\""};
    for (size_t i = 0; i < WEIR_COUNTOF(refused); i++)
        assert_false(weir_json_unescape_into(weir_span_of(refused[i]), memory,
                                             sizeof(memory), &text));
    assert_false(
        weir_json_unescape_into(WEIR_SPAN("\"abc\\n\""), memory, 3, &text));
    assert_int_equal(
        weir_json_unescape(WEIR_SPAN("\"\\n\""), NULL, &text, NULL),
        WEIR_ETOOBIG);
}

TEST(json, integers_are_exact_or_refused)
{
    int64_t value;
    uint64_t whole;
    assert_true(weir_json_to_int64(WEIR_SPAN("-9223372036854775808"), &value));
    assert_true(value == INT64_MIN);
    assert_true(weir_json_to_int64(WEIR_SPAN("9223372036854775807"), &value));
    assert_true(value == INT64_MAX);
    assert_false(weir_json_to_int64(WEIR_SPAN("9223372036854775808"), &value));
    assert_false(weir_json_to_int64(WEIR_SPAN("1.0"), &value));
    assert_false(weir_json_to_int64(WEIR_SPAN("1e3"), &value));
    assert_true(weir_json_to_uint64(WEIR_SPAN("18446744073709551615"), &whole));
    assert_true(whole == UINT64_MAX);
    assert_false(weir_json_to_uint64(WEIR_SPAN("-1"), &whole));
}

/* ------------------------------------------------------------ reader */

TEST(json, reader_takes_skips_and_leaves)
{
    char memory[128];
    struct weir_arena arena;
    struct weir_json_reader reader;
    weir_span name;
    int64_t number = 0;
    bool flag = false;
    weir_span text = WEIR_SPAN_NONE;
    weir_span raw = WEIR_SPAN_NONE;
    unsigned elements = 0;
    weir_arena_init(&arena, memory, sizeof(memory));
    weir_json_reader_init(
        &reader,
        WEIR_SPAN("{\"skip\":{\"a\":[1,{\"b\":2}]},\"n\\u0061me\":\"x\\ty\","
                  "\"number\":-12,\"list\":[1,2,[3],4],\"flag\":true,"
                  "\"raw\":[1.50, {}],\"left\":[1,[2],3],\"nil\":null}"),
        &arena);
    assert_true(weir_json_object(&reader));
    while (weir_json_member(&reader, &name)) {
        if (weir_span_equal(name, WEIR_SPAN("name")))
            assert_true(weir_json_string(&reader, &text));
        else if (weir_span_equal(name, WEIR_SPAN("number")))
            assert_true(weir_json_int64(&reader, &number));
        else if (weir_span_equal(name, WEIR_SPAN("flag")))
            assert_true(weir_json_bool(&reader, &flag));
        else if (weir_span_equal(name, WEIR_SPAN("raw")))
            assert_true(weir_json_raw(&reader, &raw));
        else if (weir_span_equal(name, WEIR_SPAN("nil")))
            assert_true(weir_json_null(&reader));
        else if (weir_span_equal(name, WEIR_SPAN("list"))) {
            assert_true(weir_json_array(&reader));
            while (weir_json_element(&reader))
                elements++;
        } else if (weir_span_equal(name, WEIR_SPAN("left"))) {
            assert_true(weir_json_array(&reader));
            assert_true(weir_json_element(&reader));
            assert_int_equal(weir_json_peek(&reader), WEIR_JSON_NUMBER);
            assert_true(weir_json_leave(&reader));
        }
    }
    assert_ok(weir_json_reader_end(&reader, NULL));
    assert_span(text, "x\ty");
    assert_int_equal(number, -12);
    assert_true(flag);
    assert_span(raw, "[1.50, {}]");
    assert_int_equal(elements, 4);
}

TEST(json, reader_failure_is_sticky_and_placed)
{
    struct weir_json_reader reader;
    struct weir_error err;
    weir_span name;
    int64_t number;
    weir_json_reader_init(&reader, WEIR_SPAN("{\"a\":\"x\",\"b\":1}"), NULL);
    assert_true(weir_json_object(&reader));
    assert_true(weir_json_member(&reader, &name));
    assert_false(weir_json_int64(&reader, &number));
    assert_false(weir_json_member(&reader, &name));
    assert_false(weir_json_skip(&reader));
    assert_int_equal(weir_json_reader_end(&reader, &err), WEIR_ETYPE);
    assert_int_equal(err.offset, 5);
    weir_json_reader_init(&reader, WEIR_SPAN("[1] x"), NULL);
    assert_int_equal(weir_json_reader_end(&reader, &err), WEIR_EPARSE);
    assert_int_equal(err.offset, 4);
    weir_json_reader_init(&reader, WEIR_SPAN("[1]"), NULL);
    assert_true(weir_json_array(&reader));
    assert_true(weir_json_reject(&reader, WEIR_ELIMIT, "no") == false);
    assert_int_equal(weir_json_reader_end(&reader, &err), WEIR_ELIMIT);
}

/* ------------------------------------------------------------ writer */

TEST(json, writer_writes_what_scan_accepts)
{
    struct weir_buf buf;
    struct weir_json_writer writer;
    weir_buf_init(&buf, 4096);
    weir_json_writer_init(&writer, &buf);
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "a\"");
    weir_json_add_string(&writer, WEIR_SPAN("\x01\t\xFF\xE4\xBD\xA0\xE4"));
    weir_json_name(&writer, "b");
    weir_json_begin_array(&writer);
    weir_json_add_int(&writer, INT64_MIN);
    weir_json_add_uint(&writer, UINT64_MAX);
    weir_json_add_bool(&writer, false);
    weir_json_add_null(&writer);
    weir_json_begin_array(&writer);
    weir_json_end_array(&writer);
    weir_json_add_raw(&writer, WEIR_SPAN("1.0"));
    weir_json_end_array(&writer);
    weir_json_name(&writer, "c");
    weir_json_begin_object(&writer);
    weir_json_end_object(&writer);
    weir_json_end_object(&writer);
    assert_span(weir_buf_span(&buf),
                "{\"a\\\"\":\"\\u0001\\t\xEF\xBF\xBD\xE4\xBD\xA0\xEF\xBF\xBD\","
                "\"b\":[-9223372036854775808,18446744073709551615,false,null,"
                "[],1.0],\"c\":{}}");
    assert_ok(validate(weir_buf_span(&buf)));
    weir_buf_fini(&buf);
}

TEST(json, writer_overflows_beyond_depth)
{
    struct weir_buf buf;
    struct weir_json_writer writer;
    weir_buf_init(&buf, 4096);
    weir_json_writer_init(&writer, &buf);
    for (unsigned i = 0; i < WEIR_JSON_DEPTH_MAX; i++)
        weir_json_begin_array(&writer);
    assert_false(buf.overflow);
    weir_json_begin_array(&writer);
    assert_true(buf.overflow);
    weir_buf_fini(&buf);
}

/* ------------------------------------------------------- conformance */

TEST(json, naughty_strings_survive_writing_and_reading)
{
    const char *data = weir_test_data();
    if (data == NULL) {
        print_message("skipped: no test data for naughty strings\n");
        skip();
    }
    char path[512];
    snprintf(path, sizeof(path), "%s/json/naughty-strings.json", data);
    size_t len;
    char *text = weir_test_read(path, &len);
    struct weir_arena arena;
    struct weir_json_reader reader;
    struct weir_buf buf;
    unsigned count = 0;
    weir_arena_init_heap(&arena, (size_t)16 << 20);
    weir_buf_init(&buf, (size_t)1 << 20);
    assert_ok(validate((weir_span){text, len}));
    weir_json_reader_init(&reader, (weir_span){text, len}, &arena);
    assert_true(weir_json_array(&reader));
    while (weir_json_element(&reader)) {
        weir_span string;
        weir_span again;
        assert_true(weir_json_string(&reader, &string));
        weir_buf_reset(&buf);
        weir_json_quote(&buf, string);
        assert_ok(validate(weir_buf_span(&buf)));
        assert_ok(
            weir_json_unescape(weir_buf_span(&buf), &arena, &again, NULL));
        assert_true(weir_span_equal(string, again));
        count++;
    }
    assert_ok(weir_json_reader_end(&reader, NULL));
    assert_true(count > 400);
    weir_buf_fini(&buf);
    weir_arena_fini(&arena);
    free(text);
}

/* i_: the suite leaves the verdict to us. Refused are what is not UTF-8 and
 * the byte order mark; nesting to 512, all numbers and lone surrogates are
 * accepted. */
static bool
is_left_open_refused(const char *name)
{
    static const char *refused[] = {
        "i_string_UTF-16LE_with_BOM.json",
        "i_string_UTF-8_invalid_sequence.json",
        "i_string_UTF8_surrogate_U+D800.json",
        "i_string_invalid_utf-8.json",
        "i_string_iso_latin_1.json",
        "i_string_lone_utf8_continuation_byte.json",
        "i_string_not_in_unicode_range.json",
        "i_string_overlong_sequence_2_bytes.json",
        "i_string_overlong_sequence_6_bytes.json",
        "i_string_overlong_sequence_6_bytes_null.json",
        "i_string_truncated-utf-8.json",
        "i_string_utf16BE_no_BOM.json",
        "i_string_utf16LE_no_BOM.json",
        "i_structure_UTF-8_BOM_empty_object.json",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(refused); i++)
        if (strcmp(name, refused[i]) == 0)
            return true;
    return false;
}

TEST(json, conformance_suite_agrees)
{
    const char *data = weir_test_data();
    char path[1024];
    char folder[] = "/tmp/weir-json-XXXXXX";
    unsigned counts[3] = {0};
    if (data != NULL)
        snprintf(path, sizeof(path), "%s/json/JSONTestSuite.tar.zst", data);
    if (data == NULL || access(path, R_OK) != 0) {
        print_message("skipped: JSONTestSuite is absent\n");
        skip();
    }
    assert_non_null(mkdtemp(folder));
    char command[2048];
    snprintf(command, sizeof(command),
             "zstd -dc '%s' | tar -xf - -C %s && find %s -path "
             "'*test_parsing/*.json'",
             path, folder, folder);
    FILE *list = popen(command, "r");
    assert_non_null(list);
    while (fgets(path, sizeof(path), list) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        const char *name = strrchr(path, '/') + 1;
        size_t len;
        char *text = weir_test_read(path, &len);
        bool is_accepted = validate((weir_span){text, len}) == WEIR_OK;
        bool is_read = read_over((weir_span){text, len}) == WEIR_OK;
        bool is_wanted =
            name[0] == 'y' || (name[0] == 'i' && !is_left_open_refused(name));
        if (is_accepted != is_wanted || is_read != is_wanted)
            fail_msg("%s: scan %d, reader %d, wanted %d", name, is_accepted,
                     is_read, is_wanted);
        counts[name[0] == 'y' ? 0 : name[0] == 'n' ? 1 : 2]++;
        free(text);
    }
    assert_int_equal(pclose(list), 0);
    assert_int_equal(counts[0], 95);
    assert_int_equal(counts[1], 188);
    assert_int_equal(counts[2], 35);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static bool
may_have(const struct weir_json_names *names, const char *name)
{
    return weir_json_names_may_have(names, weir_span_of(name));
}

TEST(json_scan, names_of_members_at_any_depth_are_told)
{
    static const char text[] =
        "{\"model\":\"file_id\",\"messages\":[{\"role\":\"user\",\"content\":"
        "[{\"x\":{\"image_url\":{\"url\":\"u\"}}}]}]}";
    const char *kernel;
    for (size_t i = 0; (kernel = weir_json_kernel_name(i)) != NULL; i++) {
        struct weir_json_root root;
        assert_ok(weir_json_scan_with(i, WEIR_SPAN(text), NULL, 0, 0, &root,
                                      NULL, NULL));
        assert_true(may_have(&root.names, "image_url"));
        assert_true(may_have(&root.names, "url"));
        assert_true(may_have(&root.names, "content"));
        assert_false(may_have(&root.names, "file_id")); /* a value */
        assert_false(root.names.has_escapes);
        assert_ok(
            weir_json_scan_with(i, WEIR_SPAN("{\"a\":[{\"fil\\u0065_id\":1}]}"),
                                NULL, 0, 0, &root, NULL, NULL));
        assert_true(root.names.has_escapes);
        assert_true(may_have(&root.names, "file_id"));
    }
}
