/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The prover, from schema and policy text to the answer. Every
 * counterexample has been confirmed by the evaluator before it comes here,
 * so that a wrong "counterexample" is impossible and what is tested is that
 * there is one, or that there is none.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/cedar_validate.h>

#include "control/prove/prove.h"

#define SETS_MAX 4
#define LIST_MAX 1024

static struct weir_arena arena;
static const struct weir_cedar_schema *schema;
static struct weir_cedar_policies *sets[SETS_MAX];
static size_t set_count;

static void
begin(const char *schema_text)
{
    struct weir_error err = {0};
    weir_arena_init_heap(&arena, (size_t)512 << 20);
    set_count = 0;
    if (weir_cedar_schema_parse(&arena, weir_span_of(schema_text),
                                WEIR_CEDAR_TEXT, &schema, &err) != WEIR_OK)
        fail_msg("schema: %s at %u", err.text, err.offset);
}

static void
end(void)
{
    for (size_t i = 0; i < set_count; i++)
        weir_cedar_policies_free(sets[i]);
    weir_arena_fini(&arena);
}

static struct weir_cedar_smt_set
policies(const char *text)
{
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    const struct weir_cedar_policy **items;
    struct weir_cedar_findings findings;
    struct weir_error err = {0};
    size_t count;
    if (weir_cedar_policies_add_text(set, weir_span_of(text), WEIR_SPAN("t"),
                                     &err) != WEIR_OK)
        fail_msg("%s: %s at %u", text, err.text, err.offset);
    assert_int_equal(weir_cedar_validate(set, schema, WEIR_CEDAR_4_12, &arena,
                                         &findings, &err),
                     WEIR_OK);
    if (findings.error_count > 0)
        fail_msg("%s: %.*s", text, WEIR_SPAN_ARG(findings.items[0].text));
    count = weir_cedar_policies_count(set);
    items =
        weir_arena_array(&arena, const struct weir_cedar_policy *, count + 1);
    for (size_t i = 0; i < count; i++)
        items[i] = weir_cedar_policies_at(set, i);
    assert_true(set_count < SETS_MAX);
    sets[set_count++] = set;
    return (struct weir_cedar_smt_set){items, count};
}

static struct weir_prove_result
ask(enum weir_cedar_smt_claim claim, struct weir_cedar_smt_set a,
    struct weir_cedar_smt_set b, struct weir_cedar_smt_set assumptions)
{
    struct weir_prove_question q = {.timeout_ms = 5000};
    struct weir_prove_result result;
    struct weir_error err = {0};
    q.smt.schema = schema;
    q.smt.claim = claim;
    q.smt.a = a;
    q.smt.b = b;
    q.smt.assumptions = assumptions;
    if (weir_prove_ask(&q, &arena, &result, &err) != WEIR_OK)
        fail_msg("%s", err.text);
    if (result.answer == WEIR_PROVE_NOT_PROVEN)
        print_message("not proven: %s\n", result.reason);
    return result;
}

/* One row: a schema, two sets ("" for none), a claim and the answer. */
struct row {
    const char *a;
    const char *b;
    enum weir_cedar_smt_claim claim;
    enum weir_prove_answer answer;
};

static void
run_rows(const char *schema_text, const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct weir_prove_result result;
        struct weir_cedar_smt_set none = {NULL, 0};
        begin(schema_text);
        result =
            ask(rows[i].claim, policies(rows[i].a), policies(rows[i].b), none);
        if (result.answer != rows[i].answer)
            fail_msg("row %zu (%s | %s): %d", i, rows[i].a, rows[i].b,
                     result.answer);
        end();
    }
}

#define ALL        "permit(principal, action, resource)"
#define WHEN(text) ALL " when { " text " };"
#define NO(text)   "forbid(principal, action, resource) when { " text " };"
#define YES        WEIR_PROVE_PROVEN
#define COUNTER    WEIR_PROVE_COUNTEREXAMPLE

static const char world[] =
    "entity Bloc; entity Place in [Bloc]; entity Rule;"
    "entity Org in [Rule] { home: Place, old: Bool };"
    "entity Tenant in [Org]; entity Key in [Tenant] { org: Org, n: Long,"
    " users: Set<Place>, note?: String } tags String;"
    "entity Color enum [\"red\", \"green\"];"
    "entity Thing in [Place, Thing] { owner: Key, color: Color, cost: decimal,"
    " groups: Set<Rule> };"
    "action use; action look, take in [use] appliesTo { principal: [Key],"
    " resource: [Thing], context: { ip: ipaddr, now: datetime, span: duration,"
    " s: String, t: String, n: Long, where?: Place,"
    " more: { deep?: { x: Long }, flag: Bool }, tags: Set<String> } };";

TEST(prove, answers_questions_about_each_part_of_the_language)
{
    static const struct row rows[] = {
        {WHEN("true"), "", WEIR_CEDAR_SMT_ALWAYS_ALLOWS, YES},
        {WHEN("false"), "", WEIR_CEDAR_SMT_ALWAYS_DENIES, YES},
        {WHEN("context.n < 5"), WHEN("context.n <= 5"), WEIR_CEDAR_SMT_IMPLIES,
         YES},
        {WHEN("context.n <= 5"), WHEN("context.n < 5"), WEIR_CEDAR_SMT_IMPLIES,
         COUNTER},
        {WHEN("context.n + 1 > context.n"), "", WEIR_CEDAR_SMT_ALWAYS_ALLOWS,
         COUNTER}, /* overflow: an error */
        {WHEN("context.n + 1 > context.n"), "", WEIR_CEDAR_SMT_NEVER_ERRORS,
         COUNTER},
        {WHEN("context.n < 100 && context.n > 0 && context.n * 7 > 6"), "",
         WEIR_CEDAR_SMT_NEVER_ERRORS, YES},
        {WHEN("-context.n == 1"), "", WEIR_CEDAR_SMT_NEVER_ERRORS, COUNTER},
        {WHEN("context.n > 3 || -context.n == 9"), "",
         WEIR_CEDAR_SMT_NEVER_ERRORS, COUNTER},
        {WHEN("context.n > -3 || context.n == -9223372036854775808 || "
              "-context.n > 2"),
         "", WEIR_CEDAR_SMT_NEVER_ERRORS, YES},
        /* hierarchy */
        {WHEN("principal in Org::\"a\" && Org::\"a\" in Rule::\"r\""),
         WHEN("principal in Rule::\"r\""), WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("principal in Rule::\"r\""),
         WHEN("principal in Org::\"a\" && Org::\"a\" in Rule::\"r\""),
         WEIR_CEDAR_SMT_IMPLIES, COUNTER},
        {WHEN("resource in Thing::\"x\" && Thing::\"x\" in resource"),
         WHEN("resource == Thing::\"x\""), WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("principal in resource.groups"), "", WEIR_CEDAR_SMT_ALWAYS_DENIES,
         COUNTER},
        {WHEN("principal in resource.groups && resource.groups.isEmpty()"), "",
         WEIR_CEDAR_SMT_ALWAYS_DENIES, YES},
        {WHEN("principal in principal.org && principal.org in resource.groups"),
         WHEN("principal in resource.groups"), WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("action in Action::\"use\""), "", WEIR_CEDAR_SMT_ALWAYS_ALLOWS,
         YES},
        {WHEN("action == Action::\"look\""), WHEN("action == Action::\"take\""),
         WEIR_CEDAR_SMT_DISJOINT, YES},
        /* attributes, records, options, enums, tags */
        {WHEN("context has where && context.where in Bloc::\"b\""),
         WHEN("context has where"), WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("context has more.deep.x && context.more.deep.x == 4"),
         WHEN("context.more.flag"), WEIR_CEDAR_SMT_IMPLIES, COUNTER},
        {WHEN("resource.color == Color::\"red\""),
         WHEN("resource.color != Color::\"green\""), WEIR_CEDAR_SMT_EQUIVALENT,
         YES},
        {WHEN("principal.hasTag(\"a\") && principal.getTag(\"a\") == \"x\""),
         WHEN("principal.hasTag(\"a\")"), WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("principal.hasTag(context.s) && principal.getTag(context.s) == "
              "context.t"),
         WHEN("principal.hasTag(context.t)"), WEIR_CEDAR_SMT_IMPLIES, COUNTER},
        {WHEN("resource.owner == principal && resource.owner.n == 3"),
         WHEN("principal.n == 3"), WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("{a: context.n, b: context.s} == {a: 1, b: \"x\"}"),
         WHEN("context.n == 1 && context.s == \"x\""),
         WEIR_CEDAR_SMT_EQUIVALENT, YES},
        {WHEN("(if context.more.flag then context.n else 3) == 3"),
         WHEN("!context.more.flag || context.n == 3"),
         WEIR_CEDAR_SMT_EQUIVALENT, YES},
        /* sets */
        {WHEN("context.tags.containsAll([\"a\", \"b\"])"),
         WHEN("context.tags.contains(\"a\") && context.tags.contains(\"b\")"),
         WEIR_CEDAR_SMT_EQUIVALENT, YES},
        {WHEN("context.tags.containsAny([\"a\"])"),
         WHEN("!context.tags.isEmpty()"), WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("!context.tags.isEmpty()"), WHEN("context.tags.contains(\"a\")"),
         WEIR_CEDAR_SMT_IMPLIES, COUNTER},
        {WHEN("principal.users.containsAll(resource.owner.users) && "
              "!resource.owner.users.isEmpty()"),
         WHEN("principal.users.containsAny(resource.owner.users)"),
         WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("principal.users.containsAny(resource.owner.users)"),
         WHEN("principal.users.containsAll(resource.owner.users)"),
         WEIR_CEDAR_SMT_IMPLIES, COUNTER},
        {WHEN("context.tags == [\"a\", \"b\", \"a\"]"),
         WHEN("context.tags == [\"b\", \"a\"]"), WEIR_CEDAR_SMT_EQUIVALENT,
         YES},
        /* extensions */
        {WHEN("resource.cost.lessThan(decimal(\"1.5\"))"),
         WHEN("resource.cost.lessThan(decimal(\"1.50\"))"),
         WEIR_CEDAR_SMT_EQUIVALENT, YES},
        {WHEN("context.ip.isInRange(ip(\"10.1.0.0/16\"))"),
         WHEN("context.ip.isInRange(ip(\"10.0.0.0/8\"))"),
         WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("context.ip.isInRange(ip(\"10.0.0.0/8\"))"),
         WHEN("context.ip.isInRange(ip(\"10.1.0.0/16\"))"),
         WEIR_CEDAR_SMT_IMPLIES, COUNTER},
        {WHEN("context.ip.isLoopback()"), WHEN("context.ip.isMulticast()"),
         WEIR_CEDAR_SMT_DISJOINT, YES},
        {WHEN("context.ip.isIpv6() && context.ip.isInRange(ip(\"fe80::/10\"))"),
         "", WEIR_CEDAR_SMT_ALWAYS_DENIES, COUNTER},
        {WHEN("context.now < datetime(\"2026-01-01\")"),
         WHEN("context.now <= datetime(\"2026-01-01\")"),
         WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("context.now.offset(context.span) > context.now"), "",
         WEIR_CEDAR_SMT_NEVER_ERRORS, COUNTER},
        {WHEN("context.now.toTime() >= duration(\"0ms\") && "
              "context.now.toTime() < duration(\"1d\")"),
         "", WEIR_CEDAR_SMT_ALWAYS_ALLOWS, YES},
        {WHEN("context.now.toDate() <= context.now"), "",
         WEIR_CEDAR_SMT_NEVER_ERRORS, COUNTER},
        {WHEN("context.span.toSeconds() == 2"),
         WHEN("context.span >= duration(\"2s\")"), WEIR_CEDAR_SMT_IMPLIES, YES},
        /* effects */
        {WHEN("context.n == 1") NO("context.n == 1"), "",
         WEIR_CEDAR_SMT_ALWAYS_DENIES, YES},
        {WHEN("context.n == 1") NO("context.n + 1 == 2 && context.n == 2"), "",
         WEIR_CEDAR_SMT_ALWAYS_DENIES, COUNTER},
    };
    run_rows(world, rows, WEIR_COUNTOF(rows));
}

TEST(prove, decides_relations_of_patterns)
{
    static const struct row rows[] = {
        {WHEN("context.s like \"*a*b*\""), WHEN("context.s like \"*a*\""),
         WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("context.s like \"*a*\""), WHEN("context.s like \"*a*b*\""),
         WEIR_CEDAR_SMT_IMPLIES, COUNTER},
        {WHEN("context.s like \"a*\""), WHEN("context.s like \"b*\""),
         WEIR_CEDAR_SMT_DISJOINT, YES},
        {WHEN("context.s like \"a*\" && context.s like \"*b\""),
         WHEN("context.s like \"a*b\""), WEIR_CEDAR_SMT_EQUIVALENT, YES},
        {WHEN("context.s like \"a*\" && context.s like \"*a\""),
         WHEN("context.s like \"a*a\""), WEIR_CEDAR_SMT_EQUIVALENT, COUNTER},
        {WHEN("context.s like \"a*\" && context.s like \"*a\" && "
              "!(context.s like \"a*a\")"),
         WHEN("context.s == \"a\""), WEIR_CEDAR_SMT_EQUIVALENT, YES},
        {WHEN("context.s == context.t && context.s like \"x*\""),
         WHEN("context.t like \"*x*\""), WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("context.s like \"\\*\\\\\\u{e9}*\""),
         WHEN("context.s like \"\\*\\\\*\""), WEIR_CEDAR_SMT_IMPLIES, YES},
        {WHEN("context.s like \"*\\\\\\u{e9}\""), "",
         WEIR_CEDAR_SMT_ALWAYS_DENIES, COUNTER},
        /* more than are told jointly */
        {WHEN("context.s like \"a*\" || context.s like \"b*\" || "
              "context.s like \"c*\" || context.s like \"d*\" || "
              "context.s like \"e*\" || context.s like \"f*\" || "
              "context.s like \"g*\""),
         WHEN("context.s like \"a*\" && context.s like \"h*\""),
         WEIR_CEDAR_SMT_DISJOINT, YES},
    };
    run_rows(world, rows, WEIR_COUNTOF(rows));
}

TEST(prove, laws_of_policies_hold)
{
    static const char *const conditions[] = {
        "context.n + principal.n < 7",
        "principal in resource.groups || context.s like \"*x*\"",
        "resource.owner in Tenant::\"t\" && principal.hasTag(context.s)",
        "context has where && context.where in resource.owner.users",
        "principal.users.containsAny(resource.owner.users)",
        "context.more has deep && context.more.deep.x * 3 == context.n",
        "principal has note && principal.note like \"a*b\"",
    };
    struct weir_cedar_smt_set none = {NULL, 0};
    for (size_t i = 0; i < WEIR_COUNTOF(conditions); i++) {
        char with[512], against[512], both[1024];
        snprintf(with, sizeof(with), ALL " when { %s };", conditions[i]);
        snprintf(against, sizeof(against), ALL " unless { %s };",
                 conditions[i]);
        snprintf(both, sizeof(both),
                 "%s forbid(principal, action, resource) "
                 "when { context.n > 3 };",
                 with);
        begin(world);
        struct weir_cedar_smt_set p = policies(with), n = policies(against);
        struct weir_cedar_smt_set q = policies(both);
        assert_int_equal(ask(WEIR_CEDAR_SMT_IMPLIES, p, p, none).answer, YES);
        assert_int_equal(ask(WEIR_CEDAR_SMT_DISJOINT, p, n, none).answer, YES);
        assert_int_equal(ask(WEIR_CEDAR_SMT_IMPLIES, q, p, none).answer, YES);
        assert_int_equal(ask(WEIR_CEDAR_SMT_IMPLIES, p, q, none).answer,
                         COUNTER);
        assert_int_equal(
            ask(WEIR_CEDAR_SMT_ALWAYS_DENIES, p, none, none).answer, COUNTER);
        end();
    }
}
