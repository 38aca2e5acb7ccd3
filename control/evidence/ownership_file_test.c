/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "control/evidence/ownership_file.h"

struct tried {
    struct weir_ownership_file file;
    struct weir_faults faults;
    struct weir_error err;
    weir_status status;
};

static void
try_text(struct tried *t, const char *text)
{
    memset(t, 0, sizeof *t);
    weir_faults_init(&t->faults);
    t->status = weir_ownership_file_read(&t->file, weir_span_of(text),
                                         WEIR_SPAN("f"), &t->faults, &t->err);
}

static void
forget(struct tried *t)
{
    weir_ownership_file_fini(&t->file);
    weir_faults_fini(&t->faults);
}

/* 'n', 'y' or '?' of each party named in `who`, by rule `row`. */
static void
answers(struct tried *t, uint32_t row, const char *who, char *out)
{
    struct weir_ownership_result result;
    struct weir_arena arena;
    const uint8_t *seeds;
    weir_arena_init_heap(&arena, 1 << 24);
    assert_ok(
        weir_ownership_file_run(&t->file, row, &arena, &result, &seeds, NULL));
    for (; *who != '\0'; who++, out++) {
        uint32_t party =
            weir_ownership_file_find(&t->file, (weir_span){who, 1});
        assert_int_not_equal(party, UINT32_MAX);
        *out = "ny?"[result.answers[party]];
    }
    *out = '\0';
    weir_arena_fini(&arena);
}

static void
expect(const char *text, uint32_t row, const char *who, const char *wanted)
{
    struct tried t;
    char got[32];
    try_text(&t, text);
    if (t.status != WEIR_OK && t.faults.count > 0)
        print_error("%.*s: %.*s\n", WEIR_SPAN_ARG(t.faults.rows[0].text),
                    (int)60, text);
    assert_ok(t.status);
    answers(&t, row, who, got);
    assert_string_equal(got, wanted);
    forget(&t);
}

#define RULES                                                                  \
    "rules:\n"                                                                 \
    "  - {name: half, threshold: 50%, seeds: [X, Y]}\n"                        \
    "  - {name: more, threshold: 50%, strict: true, seeds: [X, Y]}\n"          \
    "  - {name: product, threshold: 50%, method: multiply, seeds: [X, Y]}\n"

/* The reference's table, in its own notation. */
TEST(ownership_file, the_ten_worked_cases_are_answered_as_the_reference_does)
{
    static const struct {
        const char *edges;
        const char *who;
        const char *half;
        const char *more;
        const char *product;
    } cases[] = {
        {"[X-A 50, A-B 50]", "AB", "yy", "nn", "yn"},
        {"[X-A 50, X-B 50, A-C 25, B-C 25]", "C", "y", "n", "n"},
        {"[X-A 50, X-B 10, A-B 40]", "AB", "yy", "nn", "yn"},
        {"[X-A 50, X-B 25, A-C 25, B-C 25]", "C", "n", "n", "n"},
        {"[X-A 25, X-B 25, A-C 50, B-C 50]", "C", "n", "n", "n"},
        {"[X-A 25, Y-A 25]", "A", "y", "n", "y"},
        {"[X-A 49.99, X-B 50.00]", "AB", "ny", "nn", "ny"},
        {"[X-A 50]", "A", "y", "n", "y"},
        {"[X-A 60, A-B 60]", "AB", "yy", "yy", "yn"},
        {"[{owner: X, owned: A, share: [25, 50]}]", "A", "?", "n", "?"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(cases); i++) {
        char text[1024];
        snprintf(text, sizeof text, "%sedges: %s\n", RULES, cases[i].edges);
        expect(text, 0, cases[i].who, cases[i].half);
        expect(text, 1, cases[i].who, cases[i].more);
        expect(text, 2, cases[i].who, cases[i].product);
    }
}

TEST(ownership_file, edges_may_be_written_in_many_ways)
{
    static const char *const files[] = {
        RULES "edges:\n  - {owner: X, owned: A, share: 60%}\n",
        RULES "edges:\n  - {from: X, to: A, share_ppm: 600000}\n",
        RULES "edges:\n  - {parent: X, child: A, percent: 60}\n",
        RULES "edges:\n  - {holder: X, company: A, share: {exact: 60}}\n",
        RULES "edges:\n  - [X, A, 0.6]\n",
        RULES "edges:\n  - \"X -> A 60%\"\n",
        RULES "edges:\n  X-A: 60%\n",
        RULES "edges:\n  - {owner: X, owned: A, low: 55, high: 65%}\n",
        RULES
        "organisations:\n  - {name: A, owners: [{name: X, share: 60%}]}\n",
        RULES "organisations:\n  A: {owners: {X: 0.6}}\n",
        "{\"rules\": [{\"name\": \"r\", \"threshold_ppm\": 500000, "
        "\"seeds\": {\"organisations\": [\"X\"]}}], \"edges\": [{\"owner\": "
        "\"X\", \"owned\": \"A\", \"share\": 0.6}]}",
        "{\"rule\": {\"threshold\": 0.5, \"operator\": \">\", \"seeds\": "
        "{\"lists\": [\"l\"]}}, \"lists\": {\"l\": [\"X\"]}, \"ownership\": "
        "[{\"owner\": \"X\", \"subject\": \"A\", \"share\": {\"minimum\": 55, "
        "\"maximum\": 70}}]}",
        "rules: [{name: r, threshold: \">50%\", headquarters_in: north}]\n"
        "blocs: {north: [\"NO\", IS]}\n"
        "organisations: [{name: X, headquarters: IS}, {name: A, headquarters: "
        "DE}]\n"
        "edges: [X-A 60]\n",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(files); i++)
        expect(files[i], 0, "XA", "yy");
}

TEST(ownership_file, a_missing_place_is_unknown_and_a_person_has_none)
{
    expect("rules: [{name: r, threshold: 50%, seeds: {headquarters_in: [AQ]}}]"
           "\norganisations: [{name: X, headquarters: AQ}, {name: B}, "
           "{name: C, headquarters: DE}, {name: D, headquarters: DE}, "
           "{name: P, type: person}, {name: E, headquarters: DE}]\n"
           "edges: [B-C 60, X-D 60, P-E 100]\n",
           0, "XBCDPE", "y??ynn");
}

TEST(ownership_file, one_holding_of_two_sources_is_what_both_allow)
{
    expect(RULES "edges: [X-A 25-60, X-A 55]\n", 0, "A", "y");
    expect(RULES "edges: [X-A 10, X-A 10]\n", 0, "A", "n");
    /* Who is right decides: unknown. */
    expect(RULES "edges: [X-A 10, X-A 60]\n", 0, "A", "?");
    expect(RULES "edges: [X-A 60, X-A 70, A-B 50]\n", 0, "AB", "yy");
}

TEST(ownership_file, a_chain_of_a_thousand_and_a_ring_are_followed)
{
    struct weir_buf text;
    struct tried t;
    weir_buf_init(&text, 1 << 20);
    weir_buf_addf(&text, "{\"rules\":[{\"threshold\":\"50%%\",\"seeds\":"
                         "[\"c0\"]}],\"edges\":[");
    for (int i = 0; i < 1000; i++)
        weir_buf_addf(&text, "[\"c%d\",\"c%d\",\"60%%\"],", i, i + 1);
    weir_buf_addf(&text, "[\"c1000\",\"c500\",\"40%%\"]]}");
    weir_buf_add_byte(&text, '\0');
    try_text(&t, text.ptr);
    assert_ok(t.status);
    struct weir_ownership_result result;
    struct weir_arena arena;
    const uint8_t *seeds;
    uint32_t chain[1100];
    weir_arena_init_heap(&arena, 1 << 24);
    assert_ok(
        weir_ownership_file_run(&t.file, 0, &arena, &result, &seeds, NULL));
    uint32_t last = weir_ownership_file_find(&t.file, WEIR_SPAN("c1000"));
    assert_int_equal(result.answers[last], WEIR_ANSWER_YES);
    assert_int_equal(
        weir_ownership_chain(&t.file.graph, &result, last, chain, 1100), 1000);
    weir_arena_fini(&arena);
    forget(&t);
    weir_buf_fini(&text);
}

TEST(ownership_file, what_is_not_understood_is_refused_with_its_place)
{
    static const struct {
        const char *text;
        uint32_t line;
    } bad[] = {
        {"edges: [X-A 50]\n", 0},
        {RULES "edges:\n  - X-A 1\n", 6},
        {RULES "edges:\n  - X-A 101%\n", 6},
        {RULES "edges:\n  - {owner: X, share: 50%}\n", 6},
        {RULES "edges:\n  - {owner: X, owned: A, share: 50 of it}\n", 6},
        {RULES "holders:\n  - X-A 50\n", 6},
        {RULES "organisations:\n  - {name: A}\n  - {name: A}\n", 7},
        {"rules:\n  - {name: r, seeds: [X]}\n", 2},
        {"rules:\n  - {name: r, threshold: 50%, treshold: 1}\n", 2},
        {"rules:\n  - {name: r, threshold: 0%, seeds: [X]}\n", 2},
        {"rules:\n  - {name: r, threshold: null, seeds: [X]}\n", 2},
        {"rules:\n  - {name: r, threshold: 50%, method: guess}\n", 2},
        {"rules:\n  - {name: r, threshold: 50%, from: 2030-01-01, until: "
         "2029-01-01}\n",
         2},
        {"{\"rules\": [{\"threshold\": 0.5, \"threshold\": 0.6}]}", 1},
        {"[1, 2]", 1},
        {"just text", 1},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(bad); i++) {
        struct tried t;
        try_text(&t, bad[i].text);
        assert_int_not_equal(t.status, WEIR_OK);
        assert_true(t.faults.count > 0);
        if (bad[i].line != 0)
            assert_int_equal(t.faults.rows[0].place.line, bad[i].line);
        forget(&t);
    }
}

TEST(ownership_file,
     a_rule_is_in_force_from_its_first_to_before_its_last_moment)
{
    struct tried t;
    weir_time from, until;
    try_text(&t, "rules: [{name: r, threshold: 50%, from: 2025-11-10, until: "
                 "2026-11-10, seeds: [X]}]\n");
    assert_ok(t.status);
    assert_true(weir_time_parse(WEIR_SPAN("2025-11-10"), &from));
    assert_true(weir_time_parse(WEIR_SPAN("2026-11-10"), &until));
    const struct weir_ownership_case *rule = &t.file.rule_rows[0];
    assert_false(weir_ownership_case_applies(rule, from - 1));
    assert_true(weir_ownership_case_applies(rule, from));
    assert_true(weir_ownership_case_applies(rule, until - 1));
    assert_false(weir_ownership_case_applies(rule, until));
    forget(&t);
}
