/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entities, contexts and requests as JSON, with and without a schema. What
 * conforms to the schema must also be readable a second time, and values
 * must survive being written as text.
 */
#include <weir/cedar_json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char schema_text[] =
    "entity Org enum [\"a\", \"b\"]; entity Group in [Group, Org];"
    "entity User in Group { n: Long, s?: String, ip?: ipaddr, d?: decimal,"
    "  t?: datetime, u?: duration, o?: Org, f?: Set<User>,"
    "  r?: { x: Long, y?: { z: Set<ipaddr> } }, a?: Action } tags Set<Long>;"
    "action all; action read in all appliesTo { principal: User,"
    "  resource: [Group, User], context: { now: datetime, who?: User } };";

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
read_entities(const struct weir_cedar_schema *with, weir_span text)
{
    struct weir_cedar_store *store = weir_cedar_store_new();
    struct weir_error err;
    if (weir_cedar_entities_read(store, with, text, &err) == WEIR_OK) {
        /* Once more: identical entities are no conflict. */
        WEIR_ASSERT(weir_cedar_entities_read(store, with, text, &err) ==
                    WEIR_OK);
        (void)!weir_cedar_store_seal(store, &err);
    }
    weir_cedar_store_free(store);
}

static void
read_request(const struct weir_cedar_schema *with, weir_span text)
{
    static const struct weir_cedar_uid action = {{"Action", 6}, {"read", 4}};
    struct weir_cedar_query query;
    struct weir_arena arena;
    struct weir_error err;
    struct weir_buf buf;
    weir_cedar_value context;
    weir_arena_init_heap(&arena, (size_t)1 << 26);
    weir_buf_init(&buf, (size_t)1 << 26);
    if (weir_cedar_request_read(&arena, with, text, &query, &err) == WEIR_OK)
        weir_cedar_value_write(&buf, &query.context);
    if (weir_cedar_context_read(&arena, with, with == NULL ? NULL : &action,
                                text, &context, &err) == WEIR_OK) {
        weir_cedar_value copy;
        WEIR_ASSERT(weir_cedar_value_copy(&arena, &context, &copy));
        WEIR_ASSERT(weir_cedar_value_compare(&context, &copy) == 0);
        weir_cedar_value_write(&buf, &context);
    }
    weir_buf_fini(&buf);
    weir_arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    weir_span text = {(const char *)data, size};
    read_entities(NULL, text);
    read_entities(schema(), text);
    read_request(NULL, text);
    read_request(schema(), text);
    return 0;
}
