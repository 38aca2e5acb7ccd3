/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled program against the tree evaluator on random policies over
 * random worlds. Expressions are grammatical, not typed: faults are as
 * frequent as answers, and must be the same.
 */
#include "cedar_fixture.h"

static const char *const types[] = {"A", "B", "N::C", "Absent"};
static const char *const names[] = {"n", "s", "e", "set", "r", "none"};

static void
put_uid(struct dice *dice, struct weir_buf *buf)
{
    weir_buf_addf(buf, "%s::\"%u\"", types[roll(dice, 4)], roll(dice, 6));
}

static void
put_action(struct dice *dice, struct weir_buf *buf)
{
    weir_buf_addf(buf, "%sAction::\"%u\"", roll(dice, 8) == 0 ? "N::" : "",
                  roll(dice, 5));
}

static void put_expr(struct dice *dice, struct weir_buf *buf, int depth);

static void
put_leaf(struct dice *dice, struct weir_buf *buf)
{
    static const char *const leaves[] = {
        "principal",
        "action",
        "resource",
        "context",
        "true",
        "false",
        "1",
        "2",
        "\"x\"",
        "\"xyz\"",
        "principal.n",
        "context.n",
        "resource.e",
        "principal.set",
        "context.set",
        "resource.r",
        "context.r",
        "ip(\"10.0.0.0/8\")",
        "decimal(\"1.5\")",
        "datetime(\"2024-01-01\")",
        "duration(\"1h\")",
        "ip(\"bad\")",
        "[]",
        "9223372036854775807",
    };
    uint32_t which = roll(dice, WEIR_COUNTOF(leaves) + 2);
    if (which < WEIR_COUNTOF(leaves))
        weir_buf_addf(buf, "%s", leaves[which]);
    else
        put_uid(dice, buf);
}

static void
put_binary(struct dice *dice, struct weir_buf *buf, int depth)
{
    static const char *const forms[] = {
        " && ", " || ", " == ", " != ", " < ",  " <= ", " > ",
        " >= ", " + ",  " - ",  " * ",  " in ", " in ", " == ",
    };
    weir_buf_add_byte(buf, '(');
    put_expr(dice, buf, depth - 1);
    weir_buf_addf(buf, "%s", forms[roll(dice, WEIR_COUNTOF(forms))]);
    put_expr(dice, buf, depth - 1);
    weir_buf_add_byte(buf, ')');
}

static void
put_method(struct dice *dice, struct weir_buf *buf, int depth)
{
    static const char *const methods[] = {
        "contains", "containsAll", "containsAny", "hasTag",       "getTag",
        "lessThan", "isInRange",   "offset",      "durationSince"};
    static const char *const plain[] = {"isEmpty", "isIpv4",  "toDate",
                                        "toTime",  "toHours", "isLoopback"};
    weir_buf_add_byte(buf, '(');
    put_expr(dice, buf, depth - 1);
    weir_buf_add_byte(buf, ')');
    if (roll(dice, 3) == 0) {
        weir_buf_addf(buf, ".%s()", plain[roll(dice, WEIR_COUNTOF(plain))]);
        return;
    }
    weir_buf_addf(buf, ".%s(", methods[roll(dice, WEIR_COUNTOF(methods))]);
    put_expr(dice, buf, depth - 1);
    weir_buf_add_byte(buf, ')');
}

static void
put_test(struct dice *dice, struct weir_buf *buf, int depth)
{
    weir_buf_add_byte(buf, '(');
    put_expr(dice, buf, depth - 1);
    switch (roll(dice, 5)) {
    case 0:
        weir_buf_addf(buf, " has %s", names[roll(dice, 6)]);
        break;
    case 1:
        weir_buf_addf(buf, " has %s.%s", names[roll(dice, 6)],
                      names[roll(dice, 6)]);
        break;
    case 2:
        weir_buf_addf(buf, " like \"x%s%s\"", roll(dice, 2) ? "*" : "",
                      roll(dice, 2) ? "z" : "*y*");
        break;
    case 3:
        weir_buf_addf(buf, " is %s in ", types[roll(dice, 4)]);
        put_leaf(dice, buf);
        break;
    default:
        weir_buf_addf(buf, " is %s", types[roll(dice, 4)]);
        break;
    }
    weir_buf_add_byte(buf, ')');
}

static void
put_expr(struct dice *dice, struct weir_buf *buf, int depth)
{
    if (depth <= 0) {
        put_leaf(dice, buf);
        return;
    }
    switch (roll(dice, 12)) {
    case 0:
        weir_buf_addf(buf, "(if ");
        put_expr(dice, buf, depth - 1);
        weir_buf_addf(buf, " then ");
        put_expr(dice, buf, depth - 1);
        weir_buf_addf(buf, " else ");
        put_expr(dice, buf, depth - 1);
        weir_buf_add_byte(buf, ')');
        break;
    case 1:
        weir_buf_addf(buf, roll(dice, 2) ? "(!" : "(-");
        weir_buf_add_byte(buf, '(');
        put_expr(dice, buf, depth - 1);
        weir_buf_addf(buf, "))");
        break;
    case 2:
        weir_buf_add_byte(buf, '[');
        put_expr(dice, buf, depth - 1);
        weir_buf_addf(buf, ", ");
        put_expr(dice, buf, depth - 1);
        weir_buf_add_byte(buf, ']');
        break;
    case 3:
        weir_buf_addf(buf, "{%s: ", names[roll(dice, 3)]);
        put_expr(dice, buf, depth - 1);
        weir_buf_addf(buf, ", %s: ", names[3 + roll(dice, 3)]);
        put_expr(dice, buf, depth - 1);
        weir_buf_add_byte(buf, '}');
        break;
    case 4:
        weir_buf_add_byte(buf, '(');
        put_expr(dice, buf, depth - 1);
        weir_buf_addf(buf, ").%s", names[roll(dice, 6)]);
        break;
    case 5:
    case 6:
        put_method(dice, buf, depth);
        break;
    case 7:
    case 8:
        put_test(dice, buf, depth);
        break;
    default:
        put_binary(dice, buf, depth);
        break;
    }
}

static void
put_scope(struct dice *dice, struct weir_buf *buf, const char *var)
{
    weir_buf_addf(buf, "%s", var);
    switch (roll(dice, 6)) {
    case 0:
        weir_buf_addf(buf, " == ");
        put_uid(dice, buf);
        break;
    case 1:
    case 2:
        weir_buf_addf(buf, " in ");
        put_uid(dice, buf);
        break;
    case 3:
        weir_buf_addf(buf, " is %s", types[roll(dice, 4)]);
        break;
    case 4:
        weir_buf_addf(buf, " is %s in ", types[roll(dice, 4)]);
        put_uid(dice, buf);
        break;
    default:
        break;
    }
}

static void
put_action_scope(struct dice *dice, struct weir_buf *buf)
{
    weir_buf_addf(buf, "action");
    switch (roll(dice, 4)) {
    case 0:
        weir_buf_addf(buf, roll(dice, 2) ? " == " : " in ");
        put_action(dice, buf);
        break;
    case 1:
        weir_buf_addf(buf, " in [");
        for (uint32_t i = roll(dice, 4); i > 0; i--) {
            put_action(dice, buf);
            weir_buf_addf(buf, ", ");
        }
        /* A trailing comma needs something before it. */
        put_action(dice, buf);
        weir_buf_add_byte(buf, ']');
        break;
    default:
        break;
    }
}

/* Conditions that the compiler takes into the index. */
static void
put_demand(struct dice *dice, struct weir_buf *buf)
{
    static const char *const vars[] = {"principal", "action", "resource"};
    const char *var = vars[roll(dice, 3)];
    switch (roll(dice, 6)) {
    case 0:
        weir_buf_addf(buf, "%s in ", var);
        put_uid(dice, buf);
        break;
    case 1:
        weir_buf_addf(buf, "%s in [", var);
        put_uid(dice, buf);
        weir_buf_addf(buf, ", ");
        put_uid(dice, buf);
        weir_buf_add_byte(buf, ']');
        break;
    case 2:
        weir_buf_addf(buf, "(%s in ", var);
        put_uid(dice, buf);
        weir_buf_addf(buf, " || %s in ", var);
        put_uid(dice, buf);
        weir_buf_add_byte(buf, ')');
        break;
    case 3:
        put_uid(dice, buf);
        weir_buf_addf(buf, " == %s", var);
        break;
    case 4:
        weir_buf_addf(buf, "!(%s in ", var);
        put_uid(dice, buf);
        weir_buf_add_byte(buf, ')');
        break;
    default:
        weir_buf_addf(buf, "%s is %s in ", var, types[roll(dice, 4)]);
        put_uid(dice, buf);
        break;
    }
}

static void
put_policy(struct dice *dice, struct weir_buf *buf)
{
    weir_buf_addf(buf, roll(dice, 2) ? "permit(" : "forbid(");
    put_scope(dice, buf, "principal");
    weir_buf_addf(buf, ", ");
    put_action_scope(dice, buf);
    weir_buf_addf(buf, ", ");
    put_scope(dice, buf, "resource");
    weir_buf_addf(buf, ")");
    for (uint32_t i = roll(dice, 3); i > 0; i--) {
        weir_buf_addf(buf, roll(dice, 3) ? " when { " : " unless { ");
        for (uint32_t j = roll(dice, 3); j > 0; j--) {
            put_demand(dice, buf);
            weir_buf_addf(buf, roll(dice, 4) ? " && " : " || ");
        }
        put_expr(dice, buf, (int)roll(dice, 4));
        weir_buf_addf(buf, " }");
    }
    weir_buf_addf(buf, ";\n");
}

static weir_cedar_value
random_value(struct dice *dice, struct weir_arena *arena, uint32_t name)
{
    struct weir_cedar_uid *uid = weir_arena_alloc(arena, sizeof(*uid));
    weir_cedar_value *two = weir_arena_array(arena, weir_cedar_value, 2);
    struct weir_cedar_field *field = weir_arena_alloc(arena, sizeof(*field));
    char id[2] = {(char)('0' + roll(dice, 6)), 0};
    weir_cedar_value record;
    switch (name) {
    case 0:
        return value_long((int64_t)roll(dice, 4));
    case 1:
        return value_string(roll(dice, 2) ? S("xyz") : S("x"));
    case 2:
        *uid =
            (struct weir_cedar_uid){weir_span_of(types[roll(dice, 4)]),
                                    weir_arena_copy(arena, weir_span_of(id))};
        return value_uid(uid);
    case 3:
        two[0] = random_value(dice, arena, roll(dice, 3));
        two[1] = random_value(dice, arena, roll(dice, 5));
        return weir_cedar_value_set(two, 2);
    default:
        field->key = weir_span_of(names[roll(dice, 3)]);
        field->value = random_value(dice, arena, roll(dice, 4));
        assert_ok(weir_cedar_value_record(field, 1, &record, NULL));
        return record;
    }
}

static size_t
random_fields(struct dice *dice, struct weir_arena *arena,
              struct weir_cedar_field fields[5])
{
    size_t count = 0;
    for (uint32_t i = 0; i < 5; i++)
        if (roll(dice, 4) > 0)
            fields[count++] = (struct weir_cedar_field){
                weir_span_of(names[i]), random_value(dice, arena, i)};
    return count;
}

/* Parents have a higher number: no cycles. */
static struct weir_cedar_store *
random_store(struct dice *dice, struct weir_arena *arena)
{
    struct weir_cedar_store *store = weir_cedar_store_new();
    static const char *const digits[] = {"0", "1", "2", "3", "4", "5"};
    for (uint32_t n = 0; n < 23; n++) {
        struct weir_cedar_field fields[5];
        struct weir_cedar_field tags[5];
        struct weir_cedar_uid parents[3];
        size_t count = 0;
        bool is_action = n >= 18;
        if (roll(dice, 6) == 0)
            continue;
        for (uint32_t i = 0; i < 3; i++) {
            uint32_t up = n + 1 + roll(dice, 8);
            if (up < (is_action ? 23u : 18u) && roll(dice, 2))
                parents[count++] = (struct weir_cedar_uid){
                    is_action ? S("Action") : weir_span_of(types[up % 3]),
                    weir_span_of(digits[is_action ? up - 18 : up / 3])};
        }
        struct weir_cedar_uid uid = {
            is_action ? S("Action") : weir_span_of(types[n % 3]),
            weir_span_of(digits[is_action ? n - 18 : n / 3])};
        size_t field_count = random_fields(dice, arena, fields);
        size_t tag_count = roll(dice, 3) ? 0 : random_fields(dice, arena, tags);
        add_entity(store, uid, fields, field_count, tags, tag_count, parents,
                   count);
    }
    assert_ok(weir_cedar_store_seal(store, NULL));
    return store;
}

static struct weir_cedar_uid
random_uid(struct dice *dice, struct weir_arena *arena, bool is_action)
{
    char id[2] = {(char)('0' + roll(dice, 6)), 0};
    struct weir_cedar_uid uid = {weir_span_of(types[roll(dice, 4)]),
                                 weir_arena_copy(arena, weir_span_of(id))};
    if (is_action)
        uid.type = S("Action");
    if (roll(dice, 12) == 0)
        uid.type = S("Stranger");
    return uid;
}

static void
pass_by(void *context, const struct weir_cedar_read *read)
{
    assert_true(read->subject.kind == WEIR_CEDAR_ENTITY ||
                read->subject.kind == WEIR_CEDAR_RECORD);
}

/* With rules: both modes give one outcome, and a trace of each policy gives
 * what the lists say of it. */
static void
check_rules(struct fixture_program *p, const struct weir_cedar_query *query,
            struct weir_arena *arena)
{
    uint32_t count = weir_cedar_program_policy_count(&p->program);
    struct weir_cedar_request request = request_of(p, query, arena);
    uint32_t *satisfied = weir_arena_array(arena, uint32_t, count);
    struct weir_cedar_failure *failed =
        weir_arena_array(arena, struct weir_cedar_failure, count);
    struct weir_cedar_answer full = {satisfied, count, failed, count};
    struct weir_cedar_answer quick = {0};
    uint32_t next_satisfied = 0;
    uint32_t next_failed = 0;
    request.now = 50;
    weir_cedar_decide(&p->program, &request, WEIR_CEDAR_FULL, p->scratch,
                      &full);
    weir_cedar_decide(&p->program, &request, WEIR_CEDAR_DECISION, p->scratch,
                      &quick);
    assert_int_equal(full.outcome, quick.outcome);
    for (uint32_t i = 0; i < count; i++) {
        struct weir_cedar_failure failure = {0, WEIR_CEDAR_FAULT_NONE, 0};
        struct weir_cedar_program_policy policy =
            weir_cedar_program_policy(&p->program, i);
        enum weir_cedar_result result = weir_cedar_trace(
            &p->program, &request, i, p->scratch, pass_by, NULL, &failure);
        assert_int_equal(result == WEIR_CEDAR_ABSENT,
                         policy.from > 50 || policy.until <= 50);
        if (result == WEIR_CEDAR_SATISFIED)
            assert_int_equal(satisfied[next_satisfied++], i);
        if (result != WEIR_CEDAR_FAILED)
            continue;
        assert_memory_equal(&failed[next_failed++], &failure, sizeof(failure));
    }
    assert_int_equal(next_satisfied, full.satisfied_count);
    assert_int_equal(next_failed, full.failed_count);
}

static struct weir_cedar_rule *
random_rules(struct dice *dice, struct weir_arena *arena, size_t count)
{
    struct weir_cedar_rule *rules =
        weir_arena_array(arena, struct weir_cedar_rule, count);
    for (size_t i = 0; i < count; i++) {
        rules[i].flags = roll(dice, 3) ? 0 : roll(dice, 4);
        rules[i].from =
            roll(dice, 3) ? WEIR_TIME_MIN : (weir_time)roll(dice, 60);
        rules[i].until =
            roll(dice, 3) ? WEIR_TIME_MAX : 40 + (weir_time)roll(dice, 20);
    }
    return rules;
}

/* What the random rounds came upon. */
struct tally {
    size_t allowed;
    size_t reasons;
    size_t errors;
};

/* One world, one set of policies, some queries. */
static void
random_round(struct dice *dice, struct tally *tally)
{
    struct weir_arena arena;
    struct weir_buf text;
    struct weir_error err = {0};
    struct fixture_program program;
    struct fixture_program ruled;
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    weir_arena_init_heap(&arena, 1 << 26);
    weir_buf_init(&text, 1 << 24);
    for (uint32_t i = 1 + roll(dice, 30); i > 0; i--)
        put_policy(dice, &text);
    if (weir_cedar_policies_add_text(set, weir_buf_span(&text), S("r"), &err) !=
        WEIR_OK)
        fail_msg("%s at %u of:\n%.*s", err.text, err.offset, (int)text.len,
                 text.ptr);
    struct weir_cedar_store *store = random_store(dice, &arena);
    program_make(&program, set, store, NULL);
    program_make(&ruled, set, store,
                 random_rules(dice, &arena, weir_cedar_policies_count(set)));
    for (int i = 0; i < 20; i++) {
        struct weir_cedar_field fields[5];
        struct weir_cedar_response response;
        struct weir_cedar_query query = {
            .principal = random_uid(dice, &arena, false),
            .action = random_uid(dice, &arena, true),
            .resource = random_uid(dice, &arena, false)};
        size_t count = random_fields(dice, &arena, fields);
        assert_ok(weir_cedar_value_record(fields, count, &query.context, NULL));
        if (!agree(set, store, &query, &program, &response, &arena,
                   "random policies"))
            fail_msg("%s::%s, Action::%s, %s::%s of:\n%.*s",
                     query.principal.type.ptr, query.principal.id.ptr,
                     query.action.id.ptr, query.resource.type.ptr,
                     query.resource.id.ptr, (int)text.len, text.ptr);
        check_rules(&ruled, &query, &arena);
        tally->allowed += response.is_allowed;
        tally->reasons += response.reason_count;
        tally->errors += response.error_count;
    }
    program_free(&ruled);
    program_free(&program);
    weir_cedar_store_free(store);
    weir_cedar_policies_free(set);
    weir_buf_fini(&text);
    weir_arena_fini(&arena);
}

TEST(cedar_program, decides_random_policies_as_the_tree_does)
{
    const char *rounds = getenv("WEIR_CEDAR_ROUNDS");
    struct dice dice = {UINT64_C(0x9E3779B97F4A7C15)};
    struct tally tally = {0, 0, 0};
    for (long i = rounds != NULL ? atol(rounds) : 3000; i > 0; i--)
        random_round(&dice, &tally);
    print_message("%zu allowed, %zu reasons, %zu errors\n", tally.allowed,
                  tally.reasons, tally.errors);
    /* The rounds are worth something only where policies apply. */
    assert_true(tally.allowed > 1000 && tally.errors > 10000);
}
