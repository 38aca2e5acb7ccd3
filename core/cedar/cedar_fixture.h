/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of core/cedar: a small world, and a decision taken three
 * times - by the tree, by the program in full, by the program for the
 * decision alone - that fails the test where they differ.
 */
#ifndef WEIR_CORE_CEDAR_FIXTURE_H
#define WEIR_CORE_CEDAR_FIXTURE_H

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/cedar_program.h>

#define S(text)       WEIR_SPAN(text)
#define UID(type, id) ((struct weir_cedar_uid){S(type), S(id)})

static inline weir_cedar_value
value_long(int64_t number)
{
    weir_cedar_value value = {.kind = WEIR_CEDAR_LONG};
    value.number = number;
    return value;
}

static inline weir_cedar_value
value_bool(bool boolean)
{
    weir_cedar_value value = {.kind = WEIR_CEDAR_BOOL};
    value.boolean = boolean;
    return value;
}

static inline weir_cedar_value
value_string(weir_span text)
{
    weir_cedar_value value = {.kind = WEIR_CEDAR_STRING};
    value.string = text;
    return value;
}

static inline weir_cedar_value
value_uid(const struct weir_cedar_uid *uid)
{
    weir_cedar_value value = {.kind = WEIR_CEDAR_ENTITY};
    value.uid = uid;
    return value;
}

static inline weir_cedar_value
value_extension(enum weir_cedar_kind kind, weir_span text)
{
    weir_cedar_value value;
    assert_true(weir_cedar_extension_parse(kind, text, &value));
    return value;
}

static inline void
add_entity(struct weir_cedar_store *store, struct weir_cedar_uid uid,
           const struct weir_cedar_field *attributes, size_t attribute_count,
           const struct weir_cedar_field *tags, size_t tag_count,
           const struct weir_cedar_uid *parents, size_t parent_count)
{
    struct weir_cedar_entity entity = {uid,         attributes, attribute_count,
                                       tags,        tag_count,  parents,
                                       parent_count};
    assert_ok(weir_cedar_store_add(store, &entity, NULL));
}

/* User::"alice" and "bob", Doc::"plan", groups, actions. */
static inline struct weir_cedar_store *
fixture_store(void)
{
    struct weir_cedar_store *store = weir_cedar_store_new();
    struct weir_cedar_uid staff = UID("Group", "staff");
    struct weir_cedar_uid all = UID("Group", "all");
    struct weir_cedar_uid bob = UID("User", "bob");
    struct weir_cedar_uid folder = UID("Folder", "f");
    struct weir_cedar_uid read_group = UID("Action", "readers");
    weir_cedar_value numbers[3] = {value_long(3), value_long(1), value_long(2)};
    weir_cedar_value friends[2] = {value_uid(&bob), value_uid(&staff)};
    struct weir_cedar_field inner[2] = {{S("deep"), value_long(7)},
                                        {S(""), value_string(S("empty"))}};
    weir_cedar_value record;
    assert_ok(weir_cedar_value_record(inner, 2, &record, NULL));
    struct weir_cedar_field alice[] = {
        {S("name"), value_string(S("alice"))},
        {S("age"), value_long(30)},
        {S("is_admin"), value_bool(true)},
        {S("manager"), value_uid(&bob)},
        {S("numbers"), weir_cedar_value_set(numbers, 3)},
        {S("friends"), weir_cedar_value_set(friends, 2)},
        {S("home"), record},
        {S("address"), value_extension(WEIR_CEDAR_IP, S("10.1.2.3/16"))},
        {S("since"), value_extension(WEIR_CEDAR_DATETIME, S("2024-02-29"))},
        {S("credit"), value_extension(WEIR_CEDAR_DECIMAL, S("12.5"))},
        {S("pause"), value_extension(WEIR_CEDAR_DURATION, S("1h30m"))},
    };
    struct weir_cedar_field tags[] = {{S("color"), value_string(S("red"))},
                                      {S("size"), value_long(9)}};
    struct weir_cedar_field doc[] = {{S("owner"), value_uid(&bob)}};
    assert_non_null(store);
    add_entity(store, UID("User", "alice"), alice, WEIR_COUNTOF(alice), tags, 2,
               &staff, 1);
    add_entity(store, bob, NULL, 0, NULL, 0, &all, 1);
    add_entity(store, staff, NULL, 0, NULL, 0, &all, 1);
    add_entity(store, UID("Doc", "plan"), doc, 1, NULL, 0, &folder, 1);
    add_entity(store, UID("Action", "read"), NULL, 0, NULL, 0, &read_group, 1);
    add_entity(store, UID("Action", "write"), NULL, 0, NULL, 0, NULL, 0);
    assert_ok(weir_cedar_store_seal(store, NULL));
    return store;
}

/* alice reads the plan, with a context of n, flag, ip and who. */
static inline struct weir_cedar_query
fixture_query(struct weir_cedar_field fields[4],
              const struct weir_cedar_uid *who)
{
    struct weir_cedar_query query = {.principal = UID("User", "alice"),
                                     .action = UID("Action", "read"),
                                     .resource = UID("Doc", "plan")};
    fields[0] = (struct weir_cedar_field){S("n"), value_long(5)};
    fields[1] = (struct weir_cedar_field){S("flag"), value_bool(false)};
    fields[2] = (struct weir_cedar_field){
        S("ip"), value_extension(WEIR_CEDAR_IP, S("127.0.0.1"))};
    fields[3] = (struct weir_cedar_field){S("who"), value_uid(who)};
    assert_ok(weir_cedar_value_record(fields, 4, &query.context, NULL));
    return query;
}

struct fixture_program {
    struct weir_buf blob;
    struct weir_cedar_program program;
    void *scratch;
};

static inline void
program_make(struct fixture_program *p, const struct weir_cedar_policies *set,
             const struct weir_cedar_store *store,
             const struct weir_cedar_rule *rules)
{
    struct weir_error err = {0};
    weir_buf_init(&p->blob, (size_t)1 << 32);
    if (weir_cedar_compile(set, store, rules, &p->blob, &err) != WEIR_OK)
        fail_msg("compile: %s", err.text);
    if (weir_cedar_program_open(weir_buf_span(&p->blob), &p->program, &err) !=
        WEIR_OK)
        fail_msg("open: %s", err.text);
    p->scratch = NULL;
    size_t size = weir_cedar_program_scratch_size(&p->program);
    if (posix_memalign(&p->scratch, 16, size + 16) != 0)
        fail_msg("out of memory");
}

static inline void
program_free(struct fixture_program *p)
{
    free(p->scratch);
    weir_buf_fini(&p->blob);
}

static inline struct weir_cedar_request
request_of(const struct fixture_program *p,
           const struct weir_cedar_query *query, struct weir_arena *arena)
{
    weir_cedar_arg context;
    struct weir_cedar_request request = {
        .principal = weir_cedar_arg_uid(&p->program, &query->principal),
        .action = weir_cedar_arg_uid(&p->program, &query->action),
        .resource = weir_cedar_arg_uid(&p->program, &query->resource),
    };
    assert_true(weir_cedar_arg_from_value(&p->program, &query->context, arena,
                                          &context));
    request.context = context.data;
    request.context_count = context.count;
    return request;
}

/* Tree against program; `what` is shown when they differ. */
static inline bool
agree(const struct weir_cedar_policies *set,
      const struct weir_cedar_store *store,
      const struct weir_cedar_query *query, struct fixture_program *p,
      struct weir_cedar_response *response_out, struct weir_arena *arena,
      const char *what)
{
    size_t count = weir_cedar_policies_count(set) + 1;
    uint32_t *satisfied = weir_arena_array(arena, uint32_t, count);
    struct weir_cedar_failure *failed =
        weir_arena_array(arena, struct weir_cedar_failure, count);
    struct weir_cedar_answer full = {satisfied, (uint32_t)count, failed,
                                     (uint32_t)count};
    struct weir_cedar_answer quick = {0};
    struct weir_cedar_response r;
    assert_ok(weir_cedar_authorize(set, store, query, arena, &r, NULL));
    struct weir_cedar_request request = request_of(p, query, arena);
    weir_cedar_decide(&p->program, &request, WEIR_CEDAR_FULL, p->scratch,
                      &full);
    weir_cedar_decide(&p->program, &request, WEIR_CEDAR_DECISION, p->scratch,
                      &quick);
    bool is_forbidden = full.forbid_count > 0;
    size_t reasons = 0;
    bool same = r.is_allowed == (full.outcome == WEIR_CEDAR_ALLOW) &&
                quick.outcome == full.outcome &&
                r.error_count == full.failed_count;
    for (uint32_t i = 0; same && i < full.satisfied_count; i++) {
        if ((weir_cedar_program_policy(&p->program, satisfied[i]).effect ==
             WEIR_CEDAR_FORBID) != is_forbidden)
            continue;
        same = reasons < r.reason_count && r.reasons[reasons++] == satisfied[i];
    }
    same = same && reasons == r.reason_count;
    for (uint32_t i = 0; same && i < full.failed_count; i++)
        same = r.errors[i].policy == failed[i].policy &&
               r.errors[i].fault == failed[i].fault &&
               r.errors[i].offset == failed[i].offset;
    if (!same)
        fprintf(stderr,
                "tree and program differ: %s\n  tree: %s, %zu reasons, %zu "
                "errors\n  program: %d/%d, %u satisfied, %u errors\n",
                what, r.is_allowed ? "allow" : "deny", r.reason_count,
                r.error_count, (int)full.outcome, (int)quick.outcome,
                full.satisfied_count, full.failed_count);
    *response_out = r;
    return same;
}

/* ----------------------------------------------------------------- chance */

struct dice {
    uint64_t state;
};

static inline uint32_t
roll(struct dice *dice, uint32_t sides)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return (uint32_t)(dice->state >> 11) % sides;
}

#endif
