/* SPDX-License-Identifier: Apache-2.0 */
#include "cedar_fixture.h"

#include <weir/cedar_whatif.h>

struct asked {
    struct weir_cedar_store *store;
    struct weir_cedar_policies *set;
    struct fixture_program p;
    struct weir_arena arena;
    struct weir_cedar_whatif answer;
};

static bool
only_attributes(void *context, const struct weir_cedar_read *read)
{
    return read->kind == WEIR_CEDAR_READ_ATTRIBUTE;
}

/* alice reads the plan under these policies. */
static void
ask(struct asked *asked, const char *policies,
    const struct weir_cedar_rule *rules, weir_cedar_may_change *may_change,
    uint32_t trial_max)
{
    struct weir_cedar_whatif_bounds bounds = {
        .change_max = 3, .trial_max = trial_max, .may_change = may_change};
    static struct weir_cedar_uid who;
    static struct weir_cedar_field fields[4];
    struct weir_error err = {0};
    who = UID("Stranger", "s");
    struct weir_cedar_query query = fixture_query(fields, &who);
    asked->store = fixture_store();
    asked->set = weir_cedar_policies_new();
    weir_arena_init_heap(&asked->arena, 1 << 26);
    assert_ok(weir_cedar_policies_add_text(asked->set, weir_span_of(policies),
                                           S("w"), NULL));
    program_make(&asked->p, asked->set, asked->store, rules);
    struct weir_cedar_request request =
        request_of(&asked->p, &query, &asked->arena);
    if (weir_cedar_whatif(&asked->p.program, &request, &bounds,
                          asked->p.scratch, &asked->arena, &asked->answer,
                          &err) != WEIR_OK)
        fail_msg("%s", err.text);
}

static void
done(struct asked *asked)
{
    program_free(&asked->p);
    weir_arena_fini(&asked->arena);
    weir_cedar_policies_free(asked->set);
    weir_cedar_store_free(asked->store);
}

/* "path=value;" of each change. */
static void
assert_changes(struct asked *asked, const char *expected)
{
    struct weir_buf text;
    weir_buf_init(&text, 1 << 16);
    for (uint32_t i = 0; i < asked->answer.change_count; i++) {
        const struct weir_cedar_change *change = &asked->answer.changes[i];
        weir_buf_addf(&text, "%s%.*s %s ", i > 0 ? "; " : "",
                      WEIR_SPAN_ARG(change->path),
                      change->is_present ? "is" : "is not");
        if (change->is_present || change->kind == WEIR_CEDAR_READ_MEMBER)
            weir_cedar_arg_write(&text, &asked->p.program, change->value);
        else
            weir_buf_addf(&text, "there");
    }
    if (text.len != strlen(expected) ||
        (text.len > 0 && memcmp(text.ptr, expected, text.len) != 0))
        fail_msg("found \"%.*s\", not \"%s\"", (int)text.len, text.ptr,
                 expected);
    weir_buf_fini(&text);
}

#define PERMIT "permit(principal, action, resource);"

TEST(cedar_whatif, finds_the_smallest_change_of_each_kind)
{
    static const struct {
        const char *policies;
        const char *changes;
    } rows[] = {
        {PERMIT, ""},
        {PERMIT "forbid(principal, action, resource) when { context.n > 4 };",
         "context.n is 4"},
        {PERMIT "forbid(principal in Group::\"staff\", action, resource);",
         "principal in Group::\"staff\" is not Group::\"staff\""},
        {"permit(principal in Group::\"board\", action, resource);",
         "principal in Group::\"board\" is Group::\"board\""},
        {PERMIT "forbid(principal, action, resource) unless { context.flag };",
         "context.flag is true"},
        {"permit(principal, action, resource) when { principal.name == "
         "\"bob\" };",
         "principal.name is \"bob\""},
        {PERMIT "forbid(principal, action, resource) when { principal.name "
                "like \"al*\" };",
         "principal.name is \"(any other)\""},
        {PERMIT "forbid(principal, action, resource) when { "
                "principal.manager in Group::\"all\" };",
         "principal.manager is User::\"(any other)\""},
        {"permit(principal, action, resource) when { "
         "principal.numbers.contains(context.n) };",
         "context.n is 1"},
        {"permit(principal, action, resource) when { context has region && "
         "context.region == \"eu\" };",
         "context has region is \"eu\""},
        {PERMIT "forbid(principal, action, resource) when { context has n };",
         "context has n is not there"},
        {"permit(principal, action, resource) when { principal.age > 40 && "
         "context.flag };",
         "principal.age is 41; context.flag is true"},
        {PERMIT "forbid(principal, action, resource) when { context.n == 5 "
                "};"
                "forbid(principal in Group::\"staff\", action, resource) when "
                "{ context.n != 4 };",
         "context.n is 4"},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(rows); i++) {
        struct asked asked;
        ask(&asked, rows[i].policies, NULL, NULL, 100000);
        if (!asked.answer.is_found)
            fail_msg("nothing found for %s", rows[i].policies);
        assert_true(asked.answer.is_exhausted);
        assert_changes(&asked, rows[i].changes);
        done(&asked);
    }
}

TEST(cedar_whatif, offers_only_what_could_be_there)
{
    struct asked asked;
    /* a group is no manager, though the policy names one */
    ask(&asked,
        PERMIT "forbid(principal in Group::\"staff\", action, resource) "
               "when { principal.manager != User::\"carol\" };",
        NULL, only_attributes, 0);
    assert_true(asked.answer.is_found);
    assert_changes(&asked, "principal.manager is User::\"carol\"");
    done(&asked);
    /* presence alone: whatever it is */
    ask(&asked,
        PERMIT "forbid(principal, action, resource) unless { context has "
               "region };",
        NULL, only_attributes, 0);
    assert_true(asked.answer.is_found);
    assert_int_equal(asked.answer.change_count, 1);
    assert_true(asked.answer.changes[0].is_any_other);
    assert_false(asked.answer.changes[0].was_present);
    done(&asked);
}

TEST(cedar_whatif, a_failing_forbid_is_in_the_way_where_the_caller_says_so)
{
    static const char policies[] =
        PERMIT "forbid(principal, action, resource) when { context.n + "
               "9223372036854775807 > 0 || context.flag };";
    struct weir_cedar_whatif_bounds bounds = {
        .change_max = 1, .trial_max = 1000, .fails_closed = true};
    struct asked asked;
    struct weir_error err = {0};
    static struct weir_cedar_field fields[4];
    static struct weir_cedar_uid who;
    ask(&asked, policies, NULL, NULL, 0);
    assert_true(asked.answer.is_found);
    assert_int_equal(asked.answer.change_count, 0); /* Cedar: allowed */
    who = UID("Stranger", "s");
    struct weir_cedar_query query = fixture_query(fields, &who);
    struct weir_cedar_request request =
        request_of(&asked.p, &query, &asked.arena);
    assert_ok(weir_cedar_whatif(&asked.p.program, &request, &bounds,
                                asked.p.scratch, &asked.arena, &asked.answer,
                                &err));
    /* Whatever n the policy suggests, the sum overflows or is positive. */
    assert_false(asked.answer.is_found);
    assert_true(asked.answer.is_exhausted);
    assert_true(asked.answer.trial_count > 1);
    done(&asked);
}

TEST(cedar_whatif, says_that_nothing_helps)
{
    struct asked asked;
    ask(&asked,
        PERMIT "forbid(principal == User::\"alice\", action, "
               "resource) when { action == Action::\"read\" };",
        NULL, NULL, 0);
    assert_false(asked.answer.is_found);
    assert_true(asked.answer.is_exhausted);
    assert_int_equal(asked.answer.change_count, 0);
    done(&asked);
}

TEST(cedar_whatif, changes_only_what_the_caller_lets)
{
    struct asked asked;
    ask(&asked,
        PERMIT "forbid(principal in Group::\"staff\", action, resource) when "
               "{ principal.age < 31 };",
        NULL, only_attributes, 0);
    assert_true(asked.answer.is_found);
    assert_changes(&asked, "principal.age is 31");
    done(&asked);
}

TEST(cedar_whatif, holds_stand_in_the_way_and_shadows_do_not)
{
    const struct weir_cedar_rule rules[] = {
        {0, WEIR_TIME_MIN, WEIR_TIME_MAX},
        {WEIR_CEDAR_SHADOW, WEIR_TIME_MIN, WEIR_TIME_MAX},
        {WEIR_CEDAR_HOLD, WEIR_TIME_MIN, WEIR_TIME_MAX},
        {0, 10, 20},
    };
    struct asked asked;
    ask(&asked,
        PERMIT "forbid(principal, action, resource);"
               "forbid(principal, action, resource) when { context.n == 5 };"
               "forbid(principal, action, resource);",
        rules, NULL, 0);
    assert_true(asked.answer.is_found);
    assert_changes(&asked, "context.n is 4");
    assert_int_equal(asked.answer.changes[0].policy, 2);
    done(&asked);
}

TEST(cedar_whatif, a_search_that_is_cut_says_so)
{
    struct asked asked;
    ask(&asked,
        "permit(principal, action, resource) when { context.n == 1 && "
        "principal.age == 2 && principal.name == \"x\" && context.flag };",
        NULL, NULL, 5);
    assert_false(asked.answer.is_found);
    assert_false(asked.answer.is_exhausted);
    assert_true(asked.answer.trial_count <= 5);
    done(&asked);
}
