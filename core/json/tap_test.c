/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/json_tap.h>

#include <string.h>

#include "test.h"

static const weir_json_wanted wanted[] = {
    {WEIR_JSON_PATH1("id"), 8},
    {WEIR_JSON_PATH1("usage"), 40},
    {WEIR_JSON_PATH2("choices", WEIR_JSON_EACH), 0},
    {WEIR_JSON_PATH4("choices", WEIR_JSON_EACH, "delta", "content"), 0},
    {WEIR_JSON_PATH3("choices", WEIR_JSON_EACH, "finish"), 16},
    {WEIR_JSON_PATH2("usage", "n"), 4},
    {WEIR_JSON_PATH1("choices"), 0},
};
enum { ID, USAGE, CHOICES, CONTENT, FINISH, USAGE_N, CHOICES_ALL, WANTED };

typedef void (*check)(const struct weir_json_tap *tap);

/* Whole, byte by byte and at each split. */
static void
at_every_split(const char *text, check run)
{
    char memory[128];
    struct weir_json_tap_plan plan;
    struct weir_json_tap tap;
    weir_span whole = weir_span_of(text);
    weir_json_tap_plan_init(&plan, wanted, WANTED);
    weir_json_tap_init(&tap, &plan, memory, sizeof(memory));
    for (size_t split = 0; split <= whole.len; split++) {
        weir_json_tap_reset(&tap);
        weir_json_tap_feed(&tap, (weir_span){text, split});
        weir_json_tap_feed(&tap, (weir_span){text + split, whole.len - split});
        run(&tap);
    }
    weir_json_tap_reset(&tap);
    for (size_t i = 0; i < whole.len; i++)
        weir_json_tap_feed(&tap, (weir_span){text + i, 1});
    run(&tap);
}

static void
is_chunk(const struct weir_json_tap *tap)
{
    assert_true(weir_json_tap_is_done(tap));
    assert_false(tap->is_broken);
    assert_span(tap->tapped[ID].raw, "\"abc\"");
    assert_span(tap->tapped[USAGE].raw, "{\"n\":12,\"d\":{\"x\":[\"}\"]}}");
    assert_span(tap->tapped[USAGE_N].raw, "12");
    assert_int_equal(tap->tapped[CHOICES].count, 3);
    assert_int_equal(tap->tapped[CHOICES_ALL].kind, WEIR_JSON_ARRAY);
    assert_int_equal(tap->tapped[CONTENT].count, 2);
    assert_int_equal(tap->tapped[CONTENT].string_bytes, 4 + 6);
    assert_span(tap->tapped[FINISH].raw, "\"stop\"");
    assert_int_equal(tap->tapped[FINISH].count, 2);
}

TEST(json_tap, values_are_captured_at_every_split)
{
    at_every_split(
        "{\"x\":{\"id\":\"no\",\"choices\":[1]},\"id\":\"abc\",\"choices\":["
        "{\"delta\":{\"content\":\"a\\\"b\"},\"finish\":null},7,"
        "{\"delta\":{\"content\":\"\\u00e9\"},\"finish\" : \"stop\"}],"
        "\"y\":[[{\"finish\":1}],\"\\\\\"],"
        "\"usage\":{\"n\":12,\"d\":{\"x\":[\"}\"]}}}\n",
        is_chunk);
}

static void
is_cut(const struct weir_json_tap *tap)
{
    assert_span(tap->tapped[ID].raw, "\"0123456");
    assert_true(tap->tapped[ID].is_cut);
    assert_int_equal(tap->tapped[USAGE].kind, WEIR_JSON_NULL);
    assert_span(tap->tapped[USAGE].raw, "null");
    assert_int_equal(tap->tapped[CHOICES].count, 0);
    assert_int_equal(tap->tapped[CHOICES_ALL].count, 1);
}

TEST(json_tap, long_value_is_cut_and_last_one_kept)
{
    at_every_split("{\"usage\":{\"n\":1},\"choices\":[ ],"
                   "\"id\":\"0123456789\", \"usage\" : null }",
                   is_cut);
}

static void
has_nothing(const struct weir_json_tap *tap)
{
    for (size_t i = 0; i < WANTED; i++)
        assert_int_equal(tap->tapped[i].count, 0);
}

TEST(json_tap, other_shapes_match_nothing)
{
    static const char *texts[] = {
        "[{\"id\":1}]",
        "\"id\"",
        "12",
        "{\"i\\u0064\":1}",
        "{\"Id\":1}",
        "{\"a name that is much longer than any that a path may ask\":1}",
        "{\"deep\":[[[[[[[[[[[[[{\"id\":1}]]]]]]]]]]]]]}",
        ""};
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++)
        at_every_split(texts[i], has_nothing);
}

static void
is_broken(const struct weir_json_tap *tap)
{
    assert_true(tap->is_broken);
}

TEST(json_tap, surplus_bracket_is_noticed)
{
    at_every_split("{\"id\":1}}", is_broken);
}

/* A whole text is checked as weir_json_scan() does it, and tapped as ever. */
static void
check_whole(weir_span text)
{
    char memory[2][128];
    struct weir_json_tap_plan plan;
    struct weir_json_tap tap, other;
    struct weir_json_root root;
    weir_json_tap_plan_init(&plan, wanted, WANTED);
    weir_json_tap_init(&tap, &plan, memory[0], sizeof(memory[0]));
    weir_json_tap_init(&other, &plan, memory[1], sizeof(memory[1]));
    bool is_json =
        weir_json_scan(text, NULL, 0, 0, &root, NULL, NULL) == WEIR_OK &&
        (root.kind == WEIR_JSON_OBJECT || root.kind == WEIR_JSON_ARRAY);
    if (weir_json_tap_whole(&tap, text) != is_json)
        fail_msg("%s: %.*s", is_json ? "JSON" : "no JSON", (int)text.len,
                 text.ptr);
    weir_json_tap_feed(&other, text);
    assert_int_equal(tap.is_done, other.is_done);
    assert_int_equal(tap.is_broken, other.is_broken);
    assert_int_equal(tap.state, other.state);
    for (size_t i = 0; i < WANTED; i++) {
        assert_int_equal(tap.tapped[i].count, other.tapped[i].count);
        assert_int_equal(tap.tapped[i].kind, other.tapped[i].kind);
        assert_int_equal(tap.tapped[i].string_bytes,
                         other.tapped[i].string_bytes);
        assert_int_equal(tap.tapped[i].raw.len, other.tapped[i].raw.len);
        assert_memory_equal(tap.tapped[i].raw.ptr, other.tapped[i].raw.ptr,
                            tap.tapped[i].raw.len);
    }
}

static const char *const whole_texts[] = {
    "{\"id\":\"abc\",\"choices\":[{\"delta\":{\"content\":\"a\\\"b\"},"
    "\"finish\":null},7,-0.5e+3,true,false,{\"delta\":{\"content\":"
    "\"\\u00e9 \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 and some more text\"}}],"
    "\"y\":[[{\"f\":1}],\"\\\\\"],\"usage\":{\"n\":12,\"d\":[ ]}} \n",
    "[]",
    "{}",
    "[1,2.50,-3e9,0]",
    "\"text\"",
    "12",
    "",
    " ",
    "[1,]",
    "{\"a\":1,}",
    "{\"a\" 1}",
    "{1:2}",
    "[1 2]",
    "[1}",
    "{\"a\":1]",
    "[]]",
    "[][]",
    "[] x",
    "[01]",
    "[1.]",
    "[.5]",
    "[-]",
    "[+1]",
    "[1e]",
    "[nul]",
    "[truely]",
    "[\"\\x\"]",
    "[\"\\u12g4\"]",
    "[\"\\ud800\"]",
    "[\"a\tb\"]",
    "[\"\xc0\xaf\"]",
    "[\"\xed\xa0\x80\"]",
    "[\"\xe0\x80\x80\"]",
    "[\"\xf4\x90\x80\x80\"]",
    "[\"\xf5\x80\x80\x80\"]",
    "[\"\x7f\"]",
    "\xef\xbb\xbf{}",
    "<html></html>",
};

TEST(json_tap, whole_text_is_checked_as_a_scan_does)
{
    for (size_t i = 0; i < WEIR_COUNTOF(whole_texts); i++)
        check_whole(weir_span_of(whole_texts[i]));
}

/* Every prefix, and every byte of the first replaced by every other. */
TEST(json_tap, damaged_text_is_told_as_a_scan_tells_it)
{
    char text[400];
    size_t len = strlen(whole_texts[0]);
    memcpy(text, whole_texts[0], len);
    for (size_t i = 0; i <= len; i++)
        check_whole((weir_span){text, i});
    for (size_t i = 0; i < len; i++) {
        for (int c = 0; c < 256; c++) {
            text[i] = (char)c;
            check_whole((weir_span){text, len});
        }
        text[i] = whole_texts[0][i];
    }
}

TEST(json_tap, nesting_of_a_whole_text_has_the_scan_s_limit)
{
    char text[2 * (WEIR_JSON_DEPTH_MAX + 1)];
    for (size_t depth = WEIR_JSON_DEPTH_MAX - 1;
         depth <= WEIR_JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        check_whole((weir_span){text, 2 * depth});
    }
}
