/* SPDX-License-Identifier: Apache-2.0 */
#include "ast.h"
#include "cedar_fixture.h"

/* --------------------------------------------------------------- parsing */

static weir_status
parse(const char *text, struct weir_error *err)
{
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    weir_status status = weir_cedar_policies_add_text(set, weir_span_of(text),
                                                      S("test.cedar"), err);
    weir_cedar_policies_free(set);
    return status;
}

TEST(cedar, policies_of_the_grammar_are_accepted)
{
    static const char *const texts[] = {
        "",
        "// nothing but a comment",
        "permit(principal, action, resource);",
        "permit(principal, action, resource,);",
        "@a @b(\"x\") @if(\"y\") @__cedar forbid (principal,action,resource);",
        "permit(principal == U::\"x\", action == A::B::Action::\"r\", "
        "resource in G::\"\");",
        "permit(principal == (U::\"x\"), action in [Action::\"a\",], "
        "resource is A::B in (G::\"g\"));",
        "permit(principal == U :: \"x\", action in [], resource);",
        "permit(principal is U in ?principal, action, resource == ?resource);",
        "permit(principal, action, resource) when { context.permit };",
        "permit(principal, action, resource) when { true } unless { false } "
        "when { 1 };",
        "permit(principal,action,resource) when { (if true then 1 else 2) == "
        "1 && true };",
        "permit(principal,action,resource) when { if true then 1 else 2 };",
        "permit(principal,action,resource) when { -9223372036854775808 == "
        "--9223372036854775808 };",
        "permit(principal,action,resource) when { !!!!true && ----1 == 1 };",
        "permit(principal,action,resource) when { context has a.b.c };",
        "permit(principal,action,resource) when { context has \"a b\" };",
        "permit(principal,action,resource) when { {a: 1, \"\": 2}[\"\"] };",
        "permit(principal,action,resource) when { \"a\\n\\x41\\u{1F6_00}\" "
        "like \"\\*a*\\u{2a}\" };",
        "permit(principal,action,resource) when { \"raw\nline\" == \"\" };",
        "permit(principal,action,resource) when { ip().isInRange() };",
        "permit(principal,action,resource) when { principal is U in "
        "[G::\"a\"] };",
        "permit(principal,action,resource) when { principal::\"x\" == "
        "when::permit::\"y\" };",
        "permit\xC2\xA0(principal,action,resource)\xE3\x80\x80;",
    };
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        struct weir_error err = {0};
        if (parse(texts[i], &err) != WEIR_OK)
            fail_msg("%s\n  refused at %u: %s", texts[i], err.offset, err.text);
    }
}

#define WHEN(expr) "permit(principal,action,resource) when { " expr " };"

TEST(cedar, what_the_grammar_excludes_is_refused_where_it_stands)
{
    static const struct {
        const char *text;
        uint32_t offset;
    } rows[] = {
        {"permit(principal, action, resource)", 35},
        {"permit(principal, action);", 24},
        {"permit(action, principal, resource);", 7},
        {"permit(principal, action is T, resource);", 25},
        {"permit(principal, action == U::\"x\", resource);", 28},
        {"permit(principal != U::\"x\", action, resource);", 17},
        {"permit(principal in [U::\"x\"], action, resource);", 20},
        {"permit(principal is T == U::\"x\", action, resource);", 22},
        {"permit(principal == ?resource, action, resource);", 20},
        {"permit(principal, action == ?action, resource);", 28},
        {"@a @a permit(principal, action, resource);", 3},
        {"permit(principal, action, resource) when {};", 42},
        {"permit(principal, action, resource) /* no */;", 36},
        {"permit(principal, action, resource) when { true // };", 53},
        {WHEN("true && if true then true else false"), 49},
        {WHEN("1 < 2 < 3"), 47},
        {WHEN("!-1"), 42},
        {WHEN("!!!!!true"), 45},
        {WHEN("-----1"), 45},
        {WHEN("9223372036854775808"), 41},
        {WHEN("-(9223372036854775808)"), 43},
        {WHEN("-99999999999999999999"), 42},
        {WHEN("foo"), 41},
        {WHEN("foo(1)"), 41},
        {WHEN("isInRange(1, 2)"), 41},
        {WHEN("\"1.0\".decimal()"), 47},
        {WHEN("[1].contains()"), 45},
        {WHEN("[1].isEmpty(2)"), 45},
        {WHEN("[1].missing(2)"), 45},
        {WHEN("{a: 1, a: 2}"), 41},
        {WHEN("context[1]"), 49},
        {WHEN("context.if"), 49},
        {WHEN("context has if"), 53},
        {WHEN("?principal"), 41},
        {WHEN("__cedar::\"x\""), 41},
        {WHEN("1 / 2"), 43},
        {WHEN("a = 1"), 41},
        {WHEN("\"\\q\""), 42},
        {WHEN("\"\\x80\""), 42},
        {WHEN("\"\\u{d800}\""), 42},
        {WHEN("\"\\u{_1}\""), 42},
        {WHEN("\"\\u{1234567}\""), 42},
        {WHEN("\"\\*\""), 42},
        {WHEN("\"a\\\n\""), 41},
        {WHEN("\"a\r\""), 41},
        {WHEN("#"), 41},
        {WHEN("\"a\xFF\""), WEIR_OFFSET_NONE},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct weir_error err = {0};
        if (parse(rows[i].text, &err) != WEIR_EPARSE)
            fail_msg("accepted: %s", rows[i].text);
        if (err.offset != rows[i].offset)
            fail_msg("%s\n  refused at %u, not %u: %s", rows[i].text,
                     err.offset, rows[i].offset, err.text);
    }
}

TEST(cedar, depth_is_limited_and_long_chains_are_not_deep)
{
    static char text[200000];
    struct weir_error err = {0};
    size_t at = 0;
    at += (size_t)sprintf(text, "permit(principal,action,resource) when { ");
    for (int i = 0; i < WEIR_CEDAR_DEPTH_MAX + 1; i++)
        text[at++] = '(';
    at += (size_t)sprintf(text + at, "true");
    for (int i = 0; i < WEIR_CEDAR_DEPTH_MAX + 1; i++)
        text[at++] = ')';
    sprintf(text + at, " };");
    assert_int_equal(parse(text, &err), WEIR_ELIMIT);
    at = (size_t)sprintf(text, "permit(principal,action,resource) when { 1");
    for (int i = 0; i < 1000; i++)
        at += (size_t)sprintf(text + at, " + 1");
    sprintf(text + at, " };");
    assert_int_equal(parse(text, &err), WEIR_ELIMIT);
    at = (size_t)sprintf(text, "permit(principal,action,resource) when { true");
    for (int i = 0; i < 10000; i++)
        at += (size_t)sprintf(text + at, " && true");
    sprintf(text + at, " };");
    assert_ok(parse(text, &err));
}

TEST(cedar, a_text_that_fails_adds_nothing)
{
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    assert_ok(weir_cedar_policies_add_text(
        set, S("permit(principal,action,resource);"), S("a"), NULL));
    assert_int_equal(
        weir_cedar_policies_add_text(
            set, S("permit(principal,action,resource); forbid"), S("b"), NULL),
        WEIR_EPARSE);
    assert_int_equal(weir_cedar_policies_count(set), 1);
    assert_null(weir_cedar_policies_find(set, S("policy1")));
    weir_cedar_policies_free(set);
}

TEST(cedar, policies_know_their_place_and_annotations)
{
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    assert_ok(weir_cedar_policies_add_text(
        set,
        S("permit(principal,action,resource);\n\n  @id(\"x\\ty\") @flag\n"
          "forbid(principal, action, resource);"),
        S("law.cedar"), NULL));
    struct weir_cedar_policy_info info =
        weir_cedar_policy_info(weir_cedar_policies_at(set, 1));
    assert_span(info.id, "policy1");
    assert_span(info.file, "law.cedar");
    assert_int_equal(info.line, 3);
    assert_int_equal(info.column, 3);
    assert_int_equal(info.effect, WEIR_CEDAR_FORBID);
    assert_int_equal(info.annotation_count, 2);
    const struct weir_cedar_policy *policy = weir_cedar_policies_at(set, 1);
    assert_span(*weir_cedar_policy_annotation(policy, S("id")), "x\ty");
    assert_span(*weir_cedar_policy_annotation(policy, S("flag")), "");
    assert_null(weir_cedar_policy_annotation(policy, S("none")));
    assert_ok(weir_cedar_policies_rename(set, 1, S("x"), NULL));
    assert_int_equal(weir_cedar_policies_rename(set, 0, S("x"), NULL),
                     WEIR_ECONFLICT);
    assert_ptr_equal(weir_cedar_policies_find(set, S("x")), policy);
    assert_null(weir_cedar_policies_find(set, S("policy1")));
    weir_cedar_policies_free(set);
}

/* ----------------------------------------------------------- expressions */

enum { T = 100, F = 101 };

static const struct {
    const char *expr;
    int result; /* T, F, or the fault */
} rows[] = {
    /* equality of every kind */
    {"1 == 1", T},
    {"1 == \"1\"", F},
    {"1 != true", T},
    {"[1, 1, 2] == [2, 1]", T},
    {"[1, \"a\", [2]] == [[2], \"a\", 1, 1]", T},
    {"{a: 1, b: [2]} == {\"b\": [2, 2], \"a\": 1}", T},
    {"{a: 1} == {a: 1, b: 2}", F},
    {"principal == User::\"alice\"", T},
    {"User::\"alice\" == Group::\"alice\"", F},
    {"principal.numbers == [context.n - 4, 2, 3]", T},
    {"principal.home == {deep: context.n + 2, \"\": \"empty\"}", T},
    {"context == context", T},
    {"context == {n: 5}", F},
    {"decimal(\"1.0\") == decimal(\"1.0000\")", T},
    {"ip(\"10.0.0.0/8\") == ip(\"10.0.0.1/8\")", F},
    {"ip(\"::1/128\") == ip(\"::1\")", T},
    {"datetime(\"1970-01-01\") == duration(\"0ms\")", F},
    /* logic and its errors */
    {"false && 1", F},
    {"true && 1", WEIR_CEDAR_FAULT_TYPE},
    {"true || 1", T},
    {"false || 1", WEIR_CEDAR_FAULT_TYPE},
    {"1 && true", WEIR_CEDAR_FAULT_TYPE},
    {"context.flag && 1", F},
    {"context.n && true", WEIR_CEDAR_FAULT_TYPE},
    {"context.flag || context.n == 5", T},
    {"!context.flag", T},
    {"!context.n", WEIR_CEDAR_FAULT_TYPE},
    {"if context.flag then context.missing else true", T},
    {"if context.n then true else true", WEIR_CEDAR_FAULT_TYPE},
    {"if principal.is_admin then context.n > 4 else 1", T},
    {"(if context.flag then 1 else 2) == 2", T},
    {"context.n", WEIR_CEDAR_FAULT_TYPE},
    {"1", WEIR_CEDAR_FAULT_TYPE},
    /* arithmetic */
    {"1 + 2 * 3 - 4 == 3", T},
    {"context.n * -2 == -10", T},
    {"-9223372036854775808 < 9223372036854775807", T},
    {"--9223372036854775808 == 0", WEIR_CEDAR_FAULT_OVERFLOW},
    {"9223372036854775807 + context.n > 0", WEIR_CEDAR_FAULT_OVERFLOW},
    {"-9223372036854775808 - context.n < 0", WEIR_CEDAR_FAULT_OVERFLOW},
    {"4611686018427387904 * context.n > 0", WEIR_CEDAR_FAULT_OVERFLOW},
    {"1 + \"a\" == 1", WEIR_CEDAR_FAULT_TYPE},
    {"-\"a\" == 1", WEIR_CEDAR_FAULT_TYPE},
    {"3 <= 3 && 3 >= 3 && !(3 < 3) && !(3 > 3)", T},
    {"\"a\" < \"b\"", WEIR_CEDAR_FAULT_TYPE},
    {"decimal(\"1.0\") < decimal(\"2.0\")", WEIR_CEDAR_FAULT_TYPE},
    {"datetime(\"2024-01-01\") < duration(\"1d\")", WEIR_CEDAR_FAULT_TYPE},
    /* entities */
    {"principal in Group::\"all\"", T},
    {"principal in [Group::\"none\", Group::\"staff\"]", T},
    {"principal in []", F},
    {"principal in [1]", WEIR_CEDAR_FAULT_TYPE},
    {"principal in [principal, context.n]", WEIR_CEDAR_FAULT_TYPE},
    {"principal in principal.friends", T},
    {"principal in context", WEIR_CEDAR_FAULT_TYPE},
    {"1 in principal", WEIR_CEDAR_FAULT_TYPE},
    {"U::\"absent\" in U::\"absent\"", T},
    {"context.who in context.who", T},
    {"context.who in Group::\"all\"", F},
    {"resource in Folder::\"f\"", T},
    {"principal is User", T},
    {"principal is Group", F},
    {"principal is Never::Heard", F},
    {"principal is User in Group::\"staff\"", T},
    {"principal is Group in 1", F},
    {"principal is User in 1", WEIR_CEDAR_FAULT_TYPE},
    {"context.n is User", WEIR_CEDAR_FAULT_TYPE},
    {"context.who is Stranger", T},
    {"principal.manager is User", T},
    {"principal.manager in Group::\"all\"", T},
    {"action in Action::\"readers\"", T},
    {"resource.owner == principal.manager", T},
    /* attributes, tags */
    {"principal has name && principal has \"age\"", T},
    {"principal has nothing", F},
    {"User::\"absent\" has name", F},
    {"User::\"absent\".name == 1", WEIR_CEDAR_FAULT_NO_ENTITY},
    {"context.who.name == 1", WEIR_CEDAR_FAULT_NO_ENTITY},
    {"principal.nothing == 1", WEIR_CEDAR_FAULT_NO_ATTRIBUTE},
    {"context.nothing == 1", WEIR_CEDAR_FAULT_NO_ATTRIBUTE},
    {"context.n has a", WEIR_CEDAR_FAULT_TYPE},
    {"context.n.a == 1", WEIR_CEDAR_FAULT_TYPE},
    {"{a: 1} has a.b", WEIR_CEDAR_FAULT_TYPE},
    {"principal has home.deep", T},
    {"principal has home.deep.more", WEIR_CEDAR_FAULT_TYPE},
    {"principal has manager.name", F},
    {"principal has none.name", F},
    {"U::\"absent\" has a.b", F},
    {"principal.home.deep == 7 && principal.home[\"\"] == \"empty\"", T},
    {"principal[\"name\"] == \"alice\"", T},
    {"principal.hasTag(\"color\")", T},
    {"principal.hasTag(principal.name)", F},
    {"principal.hasTag(1)", WEIR_CEDAR_FAULT_TYPE},
    {"1.hasTag(\"a\")", WEIR_CEDAR_FAULT_TYPE},
    {"principal.getTag(\"size\") == 9", T},
    {"principal.getTag(\"name\") == 9", WEIR_CEDAR_FAULT_NO_TAG},
    {"context.who.getTag(\"a\") == 9", WEIR_CEDAR_FAULT_NO_ENTITY},
    {"principal.manager.hasTag(\"color\")", F},
    {"principal has color", F},
    /* sets */
    {"principal.numbers.contains(2)", T},
    {"principal.numbers.contains(context.n)", F},
    {"principal.friends.contains(User::\"bob\")", T},
    {"principal.friends.contains(context.who)", F},
    {"[context.n, [context.n]].contains([5])", T},
    {"[1].contains([1])", F},
    {"context.n.contains(1)", WEIR_CEDAR_FAULT_TYPE},
    {"[1, 2, 3].containsAll(principal.numbers)", T},
    {"principal.numbers.containsAll([1, 9])", F},
    {"principal.numbers.containsAll([])", T},
    {"[].containsAll([])", T},
    {"principal.numbers.containsAny([9, 3])", T},
    {"principal.numbers.containsAny([])", F},
    {"[].containsAny([])", F},
    {"[1].containsAll(1)", WEIR_CEDAR_FAULT_TYPE},
    {"[1].containsAny(context.n)", WEIR_CEDAR_FAULT_TYPE},
    {"[].isEmpty() && ![context.n].isEmpty()", T},
    {"context.n.isEmpty()", WEIR_CEDAR_FAULT_TYPE},
    {"[1, context.missing].isEmpty()", WEIR_CEDAR_FAULT_NO_ATTRIBUTE},
    {"{a: context.missing} == {a: 1}", WEIR_CEDAR_FAULT_NO_ATTRIBUTE},
    /* like */
    {"principal.name like \"a*e\"", T},
    {"principal.name like \"alice\"", T},
    {"principal.name like \"*\"", T},
    {"principal.name like \"\"", F},
    {"\"\" like \"\" && \"\" like \"*\"", T},
    {"principal.name like \"al\"", F},
    {"principal.name like \"*li*c*\"", T},
    {"principal.name like \"a*l*l*e\"", F},
    {"\"a*b\" like \"a\\*b\" && !(\"axb\" like \"a\\*b\")", T},
    {"\"axb\" like \"a\\x2Ab\"", T},
    {"\"aba\" like \"ab*ba\"", F},
    {"context.n like \"*\"", WEIR_CEDAR_FAULT_TYPE},
    /* decimal */
    {"decimal(\"-0.0001\").lessThan(decimal(\"0.0\"))", T},
    {"principal.credit.greaterThanOrEqual(decimal(\"12.5000\"))", T},
    {"principal.credit.lessThanOrEqual(decimal(\"12.4\"))", F},
    {"decimal(\"922337203685477.5807\").greaterThan(decimal(\"-"
     "922337203685477.5808\"))",
     T},
    {"decimal(\"922337203685477.5808\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"decimal(\"1\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"decimal(\".5\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"decimal(\"+1.0\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"decimal(\"1.00000\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"decimal(principal.name) == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"decimal(context.n) == 1", WEIR_CEDAR_FAULT_TYPE},
    {"decimal(\"1.0\", \"2.0\") == 1", WEIR_CEDAR_FAULT_ARITY},
    {"principal.credit.lessThan() == 1", WEIR_CEDAR_FAULT_ARITY},
    /* ip */
    {"context.ip.isLoopback() && context.ip.isIpv4()", T},
    {"ip(\"127.0.0.1/7\").isLoopback()", F},
    {"ip(\"::1\").isLoopback() && ip(\"::1\").isIpv6()", T},
    {"ip(\"::1/127\").isLoopback()", F},
    {"ip(\"224.0.0.1\").isMulticast() && ip(\"ff02::1\").isMulticast()", T},
    {"principal.address.isInRange(ip(\"10.0.0.0/8\"))", T},
    {"ip(\"10.0.0.0/8\").isInRange(principal.address)", F},
    {"ip(\"::1\").isInRange(ip(\"0.0.0.0/0\"))", F},
    {"ip(\"1:2:3:4:5:6:7::\") == ip(\"1:2:3:4:5:6:7:0\")", T},
    {"ip(\"10.0.0.1/33\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"ip(\"10.0.0.01\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"ip(\"10.0.0.1/08\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"ip(\"::ffff:1.2.3.4\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"ip(\"1::2::3\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"ip(\"1:2:3:4:5:6:7:8::\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"context.n.isIpv4()", WEIR_CEDAR_FAULT_TYPE},
    /* datetime and duration */
    {"principal.since < datetime(\"2024-03-01\")", T},
    {"datetime(\"2023-02-29\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"datetime(\"2024-01-01T00:00:60Z\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"datetime(\"2024-01-01T00:00:00\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"datetime(\"2024-01-01T01:00:00.000+0100\") == "
     "datetime(\"2024-01-01\")",
     T},
    {"datetime(\"2024-01-01T00:00:00.5Z\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"principal.since.offset(principal.pause).toTime() == "
     "duration(\"90m\")",
     T},
    {"principal.since.offset(duration(\"1h\")).toDate() == principal.since", T},
    {"datetime(\"1969-12-31T23:00:00Z\").toTime() == duration(\"23h\")", T},
    {"principal.since.durationSince(datetime(\"2024-02-28\")).toDays() == 1",
     T},
    {"duration(\"-1500ms\").toSeconds() == -1", T},
    {"duration(\"1d2h3m4s5ms\").toMilliseconds() == 93784005", T},
    {"duration(\"-9223372036854775808ms\") < duration(\"0s\")", T},
    {"duration(\"9223372036854775808ms\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"duration(\"1s1d\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"duration(\"\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"duration(\"-\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"duration(\"1\") == 1", WEIR_CEDAR_FAULT_EXTENSION},
    {"principal.since.offset(duration(\"9223372036854775807ms\")) == 1",
     WEIR_CEDAR_FAULT_OVERFLOW},
    {"principal.pause.toHours() == 1 && principal.pause.toMinutes() == 90", T},
    {"context.n.toDate() == 1", WEIR_CEDAR_FAULT_TYPE},
};

TEST(cedar, expressions_mean_what_the_reference_says)
{
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_uid who = UID("Stranger", "s");
    struct weir_cedar_field fields[4];
    struct weir_cedar_query query = fixture_query(fields, &who);
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        char text[512];
        struct weir_error err = {0};
        struct weir_arena arena;
        struct weir_cedar_response response;
        struct fixture_program program;
        struct weir_cedar_policies *set = weir_cedar_policies_new();
        snprintf(text, sizeof(text), WHEN("%s"), rows[i].expr);
        if (weir_cedar_policies_add_text(set, weir_span_of(text), S("t"),
                                         &err) != WEIR_OK)
            fail_msg("%s: %s at %u", rows[i].expr, err.text, err.offset);
        weir_arena_init_heap(&arena, 1 << 20);
        program_make(&program, set, store, NULL);
        if (!agree(set, store, &query, &program, &response, &arena,
                   rows[i].expr))
            fail();
        int result = response.is_allowed ? T : F;
        if (response.error_count == 1)
            result = (int)response.errors[0].fault;
        if (result != rows[i].result)
            fail_msg("%s: %d instead of %d", rows[i].expr, result,
                     rows[i].result);
        program_free(&program);
        weir_arena_fini(&arena);
        weir_cedar_policies_free(set);
    }
    weir_cedar_store_free(store);
}

TEST(cedar, every_value_is_written_so_that_it_reads_back)
{
    static const char *const texts[] = {
        "true",
        "-9223372036854775808",
        "\"a\\\"\\\\\\n\\0\\u{7f}\xC3\xA9\"",
        "A::B::\"x\\ty\"",
        "[1, 2, \"three\"]",
        "{\"\": [], \"a b\": {\"c\": U::\"\"}}",
        "decimal(\"-0.0001\")",
        "decimal(\"922337203685477.5807\")",
        "ip(\"10.0.0.1/8\")",
        "ip(\"1:0:0:0:0:0:0:ffff/64\")",
        "datetime(\"2024-02-29T23:59:59.999Z\")",
        "duration(\"-1ms\")",
    };
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_uid who = UID("Stranger", "s");
    struct weir_cedar_field fields[4];
    for (size_t i = 0; i < WEIR_COUNTOF(texts); i++) {
        /* The literal equals itself written out, through both evaluators. */
        char text[1024];
        struct weir_arena arena;
        struct weir_cedar_response response;
        struct fixture_program program;
        struct weir_cedar_query query = fixture_query(fields, &who);
        struct weir_cedar_policies *set = weir_cedar_policies_new();
        weir_arena_init_heap(&arena, 1 << 20);
        snprintf(text, sizeof(text), WHEN("%s == %s"), texts[i], texts[i]);
        assert_ok(weir_cedar_policies_add_text(set, weir_span_of(text), S("t"),
                                               NULL));
        program_make(&program, set, store, NULL);
        assert_true(
            agree(set, store, &query, &program, &response, &arena, texts[i]));
        assert_true(response.is_allowed);
        program_free(&program);
        weir_arena_fini(&arena);
        weir_cedar_policies_free(set);
    }
    weir_cedar_store_free(store);
}

/* --------------------------------------------------------------- entities */

TEST(cedar, a_cycle_of_parents_is_refused)
{
    struct weir_cedar_store *store = weir_cedar_store_new();
    struct weir_cedar_uid a = UID("T", "a");
    struct weir_cedar_uid b = UID("T", "b");
    add_entity(store, a, NULL, 0, NULL, 0, &b, 1);
    add_entity(store, b, NULL, 0, NULL, 0, &a, 1);
    assert_int_equal(weir_cedar_store_seal(store, NULL), WEIR_ECONFLICT);
    weir_cedar_store_free(store);
    store = weir_cedar_store_new();
    add_entity(store, a, NULL, 0, NULL, 0, &a, 1);
    assert_int_equal(weir_cedar_store_seal(store, NULL), WEIR_ECONFLICT);
    weir_cedar_store_free(store);
}

TEST(cedar, an_entity_twice_must_be_the_same)
{
    struct weir_cedar_store *store = weir_cedar_store_new();
    struct weir_cedar_uid parents[2] = {UID("T", "p"), UID("T", "q")};
    struct weir_cedar_field fields[2] = {{S("x"), value_long(1)},
                                         {S("y"), value_bool(true)}};
    struct weir_cedar_entity entity = {.uid = UID("T", "a"),
                                       .attributes = fields,
                                       .attribute_count = 2,
                                       .parents = parents,
                                       .parent_count = 2};
    assert_ok(weir_cedar_store_add(store, &entity, NULL));
    struct weir_cedar_field swapped[2] = {fields[1], fields[0]};
    struct weir_cedar_uid other[2] = {parents[1], parents[0]};
    struct weir_cedar_entity same = entity;
    same.attributes = swapped;
    same.parents = other;
    assert_ok(weir_cedar_store_add(store, &same, NULL));
    assert_int_equal(weir_cedar_store_count(store), 1);
    same.parent_count = 1;
    assert_int_equal(weir_cedar_store_add(store, &same, NULL), WEIR_ECONFLICT);
    swapped[0].value = value_bool(false);
    same.parent_count = 2;
    assert_int_equal(weir_cedar_store_add(store, &same, NULL), WEIR_ECONFLICT);
    weir_cedar_store_free(store);
}

/* -------------------------------------------------------------- templates */

TEST(cedar, templates_decide_only_through_their_links)
{
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_uid alice = UID("User", "alice");
    struct weir_cedar_uid folder = UID("Folder", "f");
    struct weir_cedar_uid who = UID("Stranger", "s");
    struct weir_cedar_field fields[4];
    struct weir_cedar_query query = fixture_query(fields, &who);
    struct weir_cedar_response response;
    struct fixture_program program;
    struct weir_arena arena;
    weir_arena_init_heap(&arena, 1 << 20);
    assert_ok(weir_cedar_policies_add_text(
        set,
        S("permit(principal == ?principal, action, resource is Doc in "
          "?resource) when { context.n == 5 };"),
        S("t"), NULL));
    assert_int_equal(
        weir_cedar_policies_link(set, S("policy0"), S("l"), &alice, NULL, NULL),
        WEIR_ETYPE);
    assert_int_equal(weir_cedar_policies_link(set, S("nobody"), S("l"), &alice,
                                              &folder, NULL),
                     WEIR_ENOTFOUND);
    assert_int_equal(weir_cedar_policies_link(set, S("policy0"), S("policy0"),
                                              &alice, &folder, NULL),
                     WEIR_ECONFLICT);
    program_make(&program, set, store, NULL);
    assert_true(agree(set, store, &query, &program, &response, &arena,
                      "template alone"));
    assert_false(response.is_allowed);
    program_free(&program);
    assert_ok(weir_cedar_policies_link(set, S("policy0"), S("l"), &alice,
                                       &folder, NULL));
    assert_int_equal(
        weir_cedar_policies_link(set, S("l"), S("m"), &alice, &folder, NULL),
        WEIR_ENOTFOUND);
    program_make(&program, set, store, NULL);
    assert_true(
        agree(set, store, &query, &program, &response, &arena, "linked"));
    assert_true(response.is_allowed);
    assert_int_equal(response.reason_count, 1);
    assert_int_equal(response.reasons[0], 1);
    assert_span(
        weir_cedar_policy_info(weir_cedar_policies_at(set, 1)).template_id,
        "policy0");
    program_free(&program);
    weir_arena_fini(&arena);
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
}

TEST(cedar, forbid_wins_and_errors_are_listed_in_any_case)
{
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_uid who = UID("Stranger", "s");
    struct weir_cedar_field fields[4];
    struct weir_cedar_query query = fixture_query(fields, &who);
    struct weir_cedar_response response;
    struct fixture_program program;
    struct weir_arena arena;
    weir_arena_init_heap(&arena, 1 << 20);
    assert_ok(weir_cedar_policies_add_text(
        set,
        S("permit(principal, action, resource);"
          "forbid(principal, action, resource) when { context.none };"
          "forbid(principal in Group::\"staff\", action, resource);"
          "forbid(principal == User::\"bob\", action, resource) when { 1 };"
          "permit(principal, action == Action::\"write\", resource);"
          "forbid(principal, action, resource) unless { context.n > 9 };"),
        S("t"), NULL));
    program_make(&program, set, store, NULL);
    assert_true(
        agree(set, store, &query, &program, &response, &arena, "forbid"));
    assert_false(response.is_allowed);
    assert_int_equal(response.reason_count, 2);
    assert_int_equal(response.reasons[0], 2);
    assert_int_equal(response.reasons[1], 5);
    assert_int_equal(response.error_count, 1);
    assert_int_equal(response.errors[0].policy, 1);
    assert_int_equal(response.errors[0].fault, WEIR_CEDAR_FAULT_NO_ATTRIBUTE);
    program_free(&program);
    weir_arena_fini(&arena);
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
}

/* ----------------------------------------------------------- out of memory */

static const char rich[] =
    "@id(\"a\") @b permit(principal is U in G::\"g\", action in "
    "[Action::\"a\", Action::\"b\"], resource == R::\"r\") when { if "
    "context.n + 1 * -2 > 3 && principal has a.b.c || [1, {k: \"x\\n\"}]"
    ".contains(ip(\"10.0.0.1\")) then principal.name like \"a*\\*b\" else "
    "principal is U in [G::\"a\"] && resource.getTag(\"t\") == !true };";

TEST(cedar, parsing_in_too_little_memory_says_so)
{
    static _Alignas(16) char memory[1 << 14];
    bool has_fit = false;
    for (size_t size = 0; size <= sizeof(memory) && !has_fit; size += 16) {
        struct weir_arena arena;
        struct cedar_policy_list list;
        weir_arena_init(&arena, memory, size);
        weir_status status =
            weir__cedar_parse(&arena, weir_span_of(rich), S("f"), &list, NULL);
        has_fit = status == WEIR_OK;
        if (!has_fit)
            assert_int_equal(status, WEIR_ENOMEM);
    }
    assert_true(has_fit);
}

TEST(cedar, deciding_in_too_little_memory_gives_no_decision)
{
    static _Alignas(16) char memory[1 << 14];
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_uid who = UID("Stranger", "s");
    struct weir_cedar_field fields[4];
    struct weir_cedar_query query = fixture_query(fields, &who);
    size_t refused = 0;
    assert_ok(weir_cedar_policies_add_text(
        set,
        S(WHEN("[[1, context.n], [{a: context.n}]].contains([5, 1])")
              WHEN("{a: [context.n], b: principal}.a == [5]")),
        S("f"), NULL));
    for (size_t size = 0; size <= sizeof(memory); size += 16) {
        struct weir_arena arena;
        struct weir_cedar_response response;
        weir_arena_init(&arena, memory, size);
        weir_status status =
            weir_cedar_authorize(set, store, &query, &arena, &response, NULL);
        if (status == WEIR_OK) {
            assert_true(response.is_allowed);
            assert_int_equal(response.reason_count, 2);
        } else {
            assert_int_equal(status, WEIR_ENOMEM);
            refused++;
        }
    }
    assert_true(refused > 5 && refused < 1000);
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
}

TEST(cedar, nesting_does_not_multiply_code)
{
    static char text[1 << 16];
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct fixture_program program;
    size_t at = 0;
    at += (size_t)sprintf(text, "permit(principal,action,resource) when { ");
    for (int i = 0; i < 200; i++)
        text[at++] = '(';
    at += (size_t)sprintf(text + at, "context.e");
    for (int i = 0; i < 200; i++)
        at += (size_t)sprintf(text + at,
                              i % 2 ? " is U in context.f)" : " has a.b.c)");
    sprintf(text + at, " };");
    assert_ok(
        weir_cedar_policies_add_text(set, weir_span_of(text), S("f"), NULL));
    program_make(&program, set, store, NULL);
    assert_true(program.blob.len < 100000);
    program_free(&program);
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
}

TEST(cedar, a_program_larger_than_its_buffer_is_refused_whole)
{
    struct weir_cedar_store *store = fixture_store();
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_error err = {0};
    struct weir_buf blob;
    assert_ok(
        weir_cedar_policies_add_text(set, weir_span_of(rich), S("f"), NULL));
    weir_buf_init(&blob, 1000);
    assert_int_equal(weir_cedar_compile(set, store, NULL, &blob, &err),
                     WEIR_ETOOBIG);
    assert_int_equal(blob.len, 0);
    weir_buf_fini(&blob);
    /* Behind something else, a program still begins where it must. */
    weir_buf_init(&blob, 1 << 20);
    weir_buf_add(&blob, "abc", 3);
    assert_ok(weir_cedar_compile(set, store, NULL, &blob, &err));
    struct weir_cedar_program program;
    assert_ok(weir_cedar_program_open((weir_span){blob.ptr + 8, blob.len - 8},
                                      &program, NULL));
    assert_int_equal(
        weir_cedar_program_open((weir_span){blob.ptr + 4, blob.len - 4},
                                &program, NULL),
        WEIR_ECORRUPT);
    weir_buf_fini(&blob);
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
}
