/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled program as untrusted bytes. An input that begins with "W" is a
 * whole block; any other is a list of edits (three bytes: place, value) to a
 * good one, which keeps the corpus good when the format moves on.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/cedar_program.h>
#include <weir/cedar_whatif.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char policies[] =
    "@id(\"x\") permit(principal in G::\"g\", action in [Action::\"a\", "
    "Action::\"b\"], resource is R) when { principal.e in G::\"g\" && "
    "context.n == 5 || principal has r.deep && [1, resource].contains("
    "principal.n) || principal.s like \"a*b\" && ip(principal.s).isIpv4() "
    "|| {a: resource}.a == {b: 1} || principal.getTag(\"n\") == 1 };"
    "forbid(principal, action, resource) when { if principal.n == 1 then "
    "principal.set.containsAll([1, 2]) else principal.r == {deep: -1 + 1} };"
    "forbid(principal, action == Action::\"a\", resource == R::\"r\") unless "
    "{ datetime(\"2024-01-01\").toDate() < context.now };";

static void
good_block(struct weir_buf *blob)
{
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    struct weir_cedar_store *store = weir_cedar_store_new();
    struct weir_cedar_uid group = {WEIR_SPAN("G"), WEIR_SPAN("g")};
    weir_cedar_value elements[2] = {{.kind = WEIR_CEDAR_LONG},
                                    {.kind = WEIR_CEDAR_ENTITY}};
    struct weir_cedar_field deep = {WEIR_SPAN("deep"), elements[0]};
    elements[1].uid = &group;
    struct weir_cedar_field fields[] = {
        {WEIR_SPAN("e"), elements[1]},
        {WEIR_SPAN("n"), {.kind = WEIR_CEDAR_LONG}},
        {WEIR_SPAN("r"), {.kind = WEIR_CEDAR_RECORD, .count = 1}},
        {WEIR_SPAN("s"), {.kind = WEIR_CEDAR_STRING}},
        {WEIR_SPAN("set"), weir_cedar_value_set(elements, 2)},
    };
    fields[2].value.fields = &deep;
    fields[3].value.string = WEIR_SPAN("10.0.0.1");
    struct weir_cedar_entity entity = {.uid = {WEIR_SPAN("U"), WEIR_SPAN("u")},
                                       .attributes = fields,
                                       .attribute_count = WEIR_COUNTOF(fields),
                                       .tags = fields,
                                       .tag_count = 2,
                                       .parents = &group,
                                       .parent_count = 1};
    if (weir_cedar_store_add(store, &entity, NULL) != WEIR_OK ||
        weir_cedar_store_seal(store, NULL) != WEIR_OK ||
        weir_cedar_policies_add_text(set, weir_span_of(policies),
                                     WEIR_SPAN("f"), NULL) != WEIR_OK ||
        weir_cedar_compile(set, store, NULL, blob, NULL) != WEIR_OK)
        abort();
    weir_cedar_policies_free(set);
    weir_cedar_store_free(store);
}

static void
on_read(void *context, const struct weir_cedar_read *read)
{
    const struct weir_cedar_program *program = context;
    struct weir_buf text;
    weir_buf_init(&text, 1 << 16);
    weir_cedar_arg_write(&text, program, read->subject);
    if (read->is_present)
        weir_cedar_arg_write(&text, program, read->value);
    weir_buf_add_span(&text, read->path);
    weir_buf_add_span(&text, read->name);
    weir_buf_fini(&text);
}

static void
suppose(const struct weir_cedar_program *program,
        const struct weir_cedar_request *request, void *scratch)
{
    const struct weir_cedar_whatif_bounds bounds = {.change_max = 2,
                                                    .trial_max = 20};
    struct weir_cedar_whatif answer;
    struct weir_arena arena;
    weir_arena_init_heap(&arena, 1 << 22);
    (void)weir_cedar_whatif(program, request, &bounds, scratch, &arena, &answer,
                            NULL);
    weir_arena_fini(&arena);
}

static void
use(struct weir_cedar_program *program)
{
    uint32_t count = weir_cedar_program_entity_count(program);
    uint32_t policy_count = weir_cedar_program_policy_count(program);
    size_t size = weir_cedar_program_scratch_size(program);
    struct weir_cedar_answer answer = {0};
    void *scratch = NULL;
    if (size > (1 << 22) || posix_memalign(&scratch, 16, size + 16) != 0)
        return;
    for (uint32_t i = 0; count > 0 && i < 8; i++) {
        struct weir_cedar_request request = {
            .principal = weir_cedar_arg_entity(i % count),
            .action = weir_cedar_arg_entity(i * 3 % count),
            .resource = weir_cedar_arg_entity(i * 5 % count)};
        struct weir_cedar_uid uid = weir_cedar_program_uid(program, i % count);
        (void)weir_cedar_program_entity(program, &uid);
        weir_cedar_decide(program, &request, WEIR_CEDAR_FULL, scratch, &answer);
        weir_cedar_decide(program, &request, WEIR_CEDAR_DECISION, scratch,
                          &answer);
        if (i == 0)
            suppose(program, &request, scratch);
        if (policy_count > 0)
            (void)weir_cedar_trace(program, &request, i % policy_count, scratch,
                                   on_read, program, NULL);
    }
    for (uint32_t i = 0; i < policy_count && i < 16; i++) {
        weir_span value;
        (void)weir_cedar_program_policy(program, i);
        (void)weir_cedar_program_annotation_find(program, i, WEIR_SPAN("id"),
                                                 &value);
    }
    free(scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct weir_buf good;
    struct weir_cedar_program program;
    size_t len = size;
    if (good.ptr == NULL) {
        weir_buf_init(&good, 1 << 20);
        good_block(&good);
    }
    bool is_whole = size > 0 && data[0] == 'W';
    if (!is_whole)
        len = good.len;
    char *block = malloc(len + 1);
    if (block == NULL)
        return 0;
    memcpy(block, is_whole ? (const char *)data : good.ptr, len);
    for (size_t i = 0; !is_whole && i + 2 < size; i += 3)
        block[((size_t)data[i] << 8 | data[i + 1]) % len] = (char)data[i + 2];
    if (weir_cedar_program_open((weir_span){block, len}, &program, NULL) ==
        WEIR_OK)
        use(&program);
    free(block);
    return 0;
}
