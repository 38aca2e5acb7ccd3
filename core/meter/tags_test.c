/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/tags.h>

#include <stdio.h>

#include "test.h"

static weir_span
written(struct weir_tags *tags)
{
    static char bytes[WEIR_TAGS_BYTES];
    return (weir_span){bytes, weir_tags_write(tags, bytes)};
}

TEST(tags, are_read_sorted_and_the_first_word_stays)
{
    struct weir_tags tags = {.count = 0};
    weir_span value;
    assert_ok(
        weir_tags_read(&tags, WEIR_SPAN(" team=search , cost.c=42"), NULL));
    assert_ok(weir_tags_read(&tags, WEIR_SPAN("team=other,,a=b:c@d"), NULL));
    assert_span(written(&tags), "a=b:c@d,cost.c=42,team=search");
    assert_true(weir_tags_find(written(&tags), WEIR_SPAN("team"), &value));
    assert_span(value, "search");
    assert_false(weir_tags_find(written(&tags), WEIR_SPAN("tea"), &value));
}

TEST(tags, nothing_else_is_one)
{
    static const char *const bad[] = {"a",
                                      "=b",
                                      "a=",
                                      "a b=c",
                                      "a=b c",
                                      "1a=b",
                                      "-a=b",
                                      "a=b\xc3\xa9",
                                      "a=%",
                                      "a=b=c",
                                      "abcdefghijklmnopqrstuvwxyzabcdefg=1"};
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        struct weir_tags tags = {.count = 0};
        assert_int_equal(weir_tags_read(&tags, weir_span_of(bad[i]), NULL),
                         WEIR_EPARSE);
    }
}

TEST(tags, are_bounded)
{
    struct weir_tags tags = {.count = 0};
    char text[400];
    size_t used = 0;
    for (int i = 0; i < 17; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "t%d=v,", i);
    assert_int_equal(weir_tags_read(&tags, (weir_span){text, used}, NULL),
                     WEIR_ETOOBIG);
    assert_int_equal(tags.count, WEIR_TAGS_MAX);
    assert_true(written(&tags).len < WEIR_TAGS_BYTES);
}

TEST(tags, of_metadata_only_what_is_one_is_taken)
{
    struct weir_tags tags = {.count = 0};
    struct weir_arena memory;
    char bytes[256];
    weir_arena_init(&memory, bytes, sizeof bytes);
    weir_tags_read_metadata(
        &tags,
        WEIR_SPAN("{\"step\":\"s1\",\"n\":7,\"note\":\"free text\","
                  "\"user_id\":\"u1\",\"deep\":{\"a\":\"b\"},"
                  "\"t\\u0061sk\":\"T-1\"}"),
        &memory);
    assert_span(written(&tags), "step=s1,task=T-1");
    tags.count = tags.bytes = 0;
    weir_tags_read_metadata(&tags, WEIR_SPAN("[1]"), &memory);
    weir_tags_read_metadata(&tags, WEIR_SPAN("{no JSON"), &memory);
    weir_tags_read_metadata(&tags, WEIR_SPAN_NONE, &memory);
    assert_int_equal(tags.count, 0);
}
