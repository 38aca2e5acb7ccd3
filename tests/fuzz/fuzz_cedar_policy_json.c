/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies as JSON: what is read is written, read and written again (the
 * same bytes), validated against a small schema and asked for a decision.
 */
#include <weir/cedar_format.h>
#include <weir/cedar_json.h>
#include <weir/cedar_validate.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_text[] =
    "entity G; entity U in G { a?: Long, b: { c?: String } } tags String;"
    "action r appliesTo { principal: U, resource: [U, G],"
    " context: { ip: ipaddr, x?: Set<U> } };";

static const struct weir_cedar_schema *
schema(void)
{
    static const struct weir_cedar_schema *parsed;
    static struct weir_arena arena;
    struct weir_error err;
    if (parsed == NULL) {
        weir_arena_init_heap(&arena, 1 << 24);
        WEIR_ASSERT(weir_cedar_schema_parse(&arena, WEIR_SPAN(schema_text),
                                            WEIR_CEDAR_TEXT, &parsed,
                                            &err) == WEIR_OK);
    }
    return parsed;
}

static void
use(const struct weir_cedar_policies *set)
{
    struct weir_cedar_query query = {.principal = {{"U", 1}, {"x", 1}},
                                     .action = {{"Action", 6}, {"r", 1}},
                                     .resource = {{"G", 1}, {"", 0}},
                                     .context = {.kind = WEIR_CEDAR_RECORD}};
    struct weir_cedar_store *store = weir_cedar_store_new();
    struct weir_cedar_response response;
    struct weir_cedar_findings findings;
    struct weir_arena arena;
    struct weir_error err;
    weir_arena_init_heap(&arena, (size_t)1 << 26);
    WEIR_ASSERT(weir_cedar_store_seal(store, &err) == WEIR_OK);
    (void)!weir_cedar_authorize(set, store, &query, &arena, &response, &err);
    (void)!weir_cedar_validate(set, schema(), WEIR_CEDAR_4_12, &arena,
                               &findings, &err);
    weir_cedar_store_free(store);
    weir_arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_cedar_policies *first = weir_cedar_policies_new();
    struct weir_cedar_policies *second = weir_cedar_policies_new();
    struct weir_buf a, b, text;
    struct weir_error err;
    weir_buf_init(&a, (size_t)1 << 26);
    weir_buf_init(&b, (size_t)1 << 26);
    weir_buf_init(&text, (size_t)1 << 26);
    if (weir_cedar_policies_add_json(first,
                                     (weir_span){(const char *)data, size},
                                     WEIR_SPAN("f"), &err) != WEIR_OK) {
        WEIR_ASSERT(weir_cedar_policies_count(first) == 0);
    } else {
        use(first);
        if (weir_cedar_policies_write_json(first, &a, &err) == WEIR_OK) {
            WEIR_ASSERT(weir_cedar_policies_add_json(second, weir_buf_span(&a),
                                                     WEIR_SPAN("f"),
                                                     &err) == WEIR_OK);
            WEIR_ASSERT(weir_cedar_policies_write_json(second, &b, &err) ==
                        WEIR_OK);
            WEIR_ASSERT(weir_span_equal(weir_buf_span(&a), weir_buf_span(&b)));
        }
        (void)!weir_cedar_policies_write_text(first, &text, &err);
    }
    weir_buf_fini(&a);
    weir_buf_fini(&b);
    weir_buf_fini(&text);
    weir_cedar_policies_free(first);
    weir_cedar_policies_free(second);
    return 0;
}
