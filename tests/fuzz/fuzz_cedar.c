/* SPDX-License-Identifier: Apache-2.0 */
/* Policy text: parse; what parses is compiled and decided both ways. */
#include <stdlib.h>
#include <string.h>

#include <weir/cedar_program.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct weir_cedar_store *
world(void)
{
    struct weir_cedar_store *store = weir_cedar_store_new();
    struct weir_cedar_uid group = {WEIR_SPAN("G"), WEIR_SPAN("g")};
    weir_cedar_value elements[2] = {{.kind = WEIR_CEDAR_LONG},
                                    {.kind = WEIR_CEDAR_ENTITY}};
    elements[1].uid = &group;
    struct weir_cedar_field fields[] = {
        {WEIR_SPAN("e"), elements[1]},
        {WEIR_SPAN("n"), {.kind = WEIR_CEDAR_LONG}},
        {WEIR_SPAN("s"), {.kind = WEIR_CEDAR_STRING}},
        {WEIR_SPAN("set"), weir_cedar_value_set(elements, 2)},
    };
    fields[2].value.string = WEIR_SPAN("abc");
    struct weir_cedar_entity entity = {.uid = {WEIR_SPAN("U"), WEIR_SPAN("u")},
                                       .attributes = fields,
                                       .attribute_count = WEIR_COUNTOF(fields),
                                       .tags = fields,
                                       .tag_count = WEIR_COUNTOF(fields),
                                       .parents = &group,
                                       .parent_count = 1};
    if (weir_cedar_store_add(store, &entity, NULL) != WEIR_OK ||
        weir_cedar_store_seal(store, NULL) != WEIR_OK)
        abort();
    return store;
}

static void
compare(const struct weir_cedar_policies *set,
        const struct weir_cedar_store *store,
        const struct weir_cedar_program *program)
{
    struct weir_cedar_query query = {
        .principal = {WEIR_SPAN("U"), WEIR_SPAN("u")},
        .action = {WEIR_SPAN("Action"), WEIR_SPAN("a")},
        .resource = {WEIR_SPAN("G"), WEIR_SPAN("g")},
        .context = {.kind = WEIR_CEDAR_RECORD}};
    struct weir_cedar_request request = {
        .principal = weir_cedar_arg_uid(program, &query.principal),
        .action = weir_cedar_arg_uid(program, &query.action),
        .resource = weir_cedar_arg_uid(program, &query.resource)};
    struct weir_cedar_response response;
    struct weir_cedar_answer full = {0};
    struct weir_cedar_answer quick = {0};
    struct weir_arena arena;
    void *scratch = NULL;
    weir_arena_init_heap(&arena, (size_t)1 << 28);
    if (posix_memalign(&scratch, 16,
                       weir_cedar_program_scratch_size(program) + 16) != 0)
        abort();
    if (weir_cedar_authorize(set, store, &query, &arena, &response, NULL) ==
        WEIR_OK) {
        weir_cedar_decide(program, &request, WEIR_CEDAR_FULL, scratch, &full);
        weir_cedar_decide(program, &request, WEIR_CEDAR_DECISION, scratch,
                          &quick);
        size_t reasons =
            full.forbid_count > 0 ? full.forbid_count : full.permit_count;
        if (response.is_allowed != (full.outcome == WEIR_CEDAR_ALLOW) ||
            quick.outcome != full.outcome || response.reason_count != reasons ||
            response.error_count != full.failed_count)
            abort();
    }
    free(scratch);
    weir_arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct weir_cedar_store *store;
    struct weir_cedar_policies *set = weir_cedar_policies_new();
    weir_span text = {(const char *)data, size};
    struct weir_buf blob;
    struct weir_cedar_program program;
    if (store == NULL)
        store = world();
    if (weir_cedar_policies_add_text(set, text, WEIR_SPAN("f"), NULL) ==
        WEIR_OK) {
        weir_buf_init(&blob, (size_t)1 << 28);
        if (weir_cedar_compile(set, store, NULL, &blob, NULL) != WEIR_OK ||
            weir_cedar_program_open(weir_buf_span(&blob), &program, NULL) !=
                WEIR_OK)
            abort();
        compare(set, store, &program);
        weir_buf_fini(&blob);
    }
    weir_cedar_policies_free(set);
    return 0;
}
