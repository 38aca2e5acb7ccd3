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
