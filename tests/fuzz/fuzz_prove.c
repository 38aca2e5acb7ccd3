/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Assertion files: any text is read or refused with a place in it; what is
 * read becomes a question in each environment of its scope, in both
 * dialects. No solver is asked.
 */
#include <stdlib.h>

#include <weir/cedar_validate.h>
#include <weir/world.h>

#include "control/prove/book.h"

static struct weir_arena kept;
static const struct weir_cedar_schema *schema;
static struct weir_cedar_policies *policies;
static const struct weir_cedar_policy *items[2];

static const char policy_text[] =
    "permit(principal, action in Action::\"infer\", resource in "
    "Bloc::\"hosting\") when { principal.purpose like \"a*\" };"
    "forbid(principal in OwnershipRule::\"r\", action, resource in "
    "Provider::\"p\") unless { context.client.isInRange(ip(\"10.0.0.0/8\")) };";

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct weir_error err;
    (void)argc;
    (void)argv;
    weir_arena_init_heap(&kept, (size_t)64 << 20);
    policies = weir_cedar_policies_new();
    if (weir_cedar_schema_parse(&kept, weir_world_schema(), WEIR_CEDAR_TEXT,
                                &schema, &err) != WEIR_OK ||
        policies == NULL ||
        weir_cedar_policies_add_text(policies, weir_span_of(policy_text),
                                     WEIR_SPAN("p"), &err) != WEIR_OK)
        abort();
    for (size_t i = 0; i < 2; i++)
        items[i] = weir_cedar_policies_at(policies, i);
    return 0;
}

static void
write_questions(const struct weir_prove_assertion *a, struct weir_arena *arena)
{
    struct weir_cedar_smt_environment *environments;
    const struct weir_cedar_policy *assumed[8];
    size_t count =
        a->assumed == NULL ? 0 : weir_cedar_policies_count(a->assumed);
    size_t places =
        weir_prove_environments(schema, &a->scope, arena, &environments);
    struct weir_cedar_smt_question q = {
        .schema = schema, .claim = a->claim, .a = {items, 2}, .b = {items, 1}};
    count = count < 8 ? count : 8;
    for (size_t i = 0; i < count; i++)
        assumed[i] = weir_cedar_policies_at(a->assumed, i);
    q.assumptions = (struct weir_cedar_smt_set){assumed, count};
    if (q.claim >= WEIR_CEDAR_SMT_ALWAYS_MATCHES)
        q.a.count = 1;
    for (size_t i = 0; i < places && i < 2; i++) {
        struct weir_cedar_smt_text written;
        struct weir_error err;
        struct weir_buf text;
        q.environment = environments[i];
        q.dialect = i == 0 ? WEIR_CEDAR_SMT_Z3 : WEIR_CEDAR_SMT_CVC5;
        weir_buf_init(&text, (size_t)64 << 20);
        if (weir_cedar_smt_write(&q, arena, &text, &written, &err) == WEIR_OK &&
            written.question_bytes > text.len)
            abort();
        weir_buf_fini(&text);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const weir_span text = {(const char *)data, size};
    struct weir_prove_assertion *first = NULL;
    struct weir_arena arena;
    struct weir_error err;
    weir_arena_init_heap(&arena, (size_t)256 << 20);
    if (weir_prove_parse(text, &arena, &first, &err) == WEIR_OK) {
        for (const struct weir_prove_assertion *a = first; a != NULL;
             a = a->next)
            if (a->subject == WEIR_PROVE_ALL || a->subject == WEIR_PROVE_POLICY)
                write_questions(a, &arena);
        weir_prove_assertions_free(first);
    } else if (err.offset != WEIR_OFFSET_NONE && err.offset > size) {
        abort();
    }
    weir_arena_fini(&arena);
    return 0;
}
