/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/complexity.h>
#include <weir/image.h>

#include <stdlib.h>
#include <string.h>

#include "test.h"

static uint32_t
score(const char *body)
{
    struct weir_complexity said;
    weir_complexity_of(weir_span_of(body), &said);
    assert_true(said.score <= WEIR_COMPLEXITY_MAX);
    for (uint32_t i = 0; i < WEIR_COMPLEX_FEATURES; i++)
        assert_true(said.of[i] <= 100);
    return said.score;
}

TEST(complexity, routine_scores_below_programs)
{
    uint32_t routine = score(
        "{\"messages\": [{\"role\": \"user\", \"content\": \"please help me "
        "cancel order 4711 and refund my payment\"}]}");
    uint32_t program = score(
        "{\"messages\": [{\"role\": \"user\", \"content\": \"Write a Python "
        "function that implements a red-black tree, prove step by step that "
        "its insert is O(log n), and optimise it.\\n\\ndef insert(node):\\n  "
        "  pass\"}]}");
    assert_true(routine < 400);
    assert_true(program > 700);
}

TEST(complexity, every_surface_says_the_same_of_one_text)
{
    static const char *const bodies[] = {
        "{\"messages\": [{\"role\": \"user\", \"content\": \"sort a list\"}]}",
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": "
        "\"text\", \"text\": \"sort a list\"}]}]}",
        "{\"contents\": [{\"parts\": [{\"text\": \"sort a list\"}]}]}",
        "{\"input\": [{\"role\": \"user\", \"content\": \"sort a list\"}]}"};
    for (size_t i = 1; i < WEIR_COUNTOF(bodies); i++)
        assert_int_equal(score(bodies[i]), score(bodies[0]));
}

TEST(complexity, tools_schema_and_effort_are_read)
{
    struct weir_complexity said;
    weir_complexity_of(
        WEIR_SPAN("{\"messages\": [], \"tools\": [{}, {}], "
                  "\"reasoning_effort\": \"high\", \"response_format\": "
                  "{\"type\": \"json_schema\"}}"),
        &said);
    assert_int_equal(said.of[WEIR_COMPLEX_TOOLS], 20);
    assert_int_equal(said.of[WEIR_COMPLEX_SCHEMA], 100);
    assert_int_equal(said.of[WEIR_COMPLEX_EFFORT], 100);
}

TEST(complexity, anything_cut_anywhere_has_a_score)
{
    static const char body[] =
        "{\"messages\": [{\"role\": \"user\", \"content\": [{\"text\": "
        "\"a\\n\\u00e9 {x};\"}]}], \"tools\": [[[[[[[[]]]]]]]], \"input\": 1}";
    for (size_t len = 0; len < sizeof(body); len++) {
        struct weir_complexity said;
        char *copy = malloc(len + 1);
        memcpy(copy, body, len);
        weir_complexity_of((weir_span){copy, len}, &said);
        assert_true(said.score <= WEIR_COMPLEXITY_MAX);
        free(copy);
    }
}
