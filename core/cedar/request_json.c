/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests and contexts from JSON, and whether a request is one that the
 * schema foresees. What a JSON object says twice is refused (see tree.h).
 */
#include "tree.h"
#include "value_json.h"

#include <weir/cedar_json.h>

static weir_status
find_action(const struct weir_cedar_schema *schema,
            const struct weir_cedar_uid *uid,
            const struct weir_cedar_action **action_out, struct weir_error *err)
{
    *action_out = weir_cedar_schema_find_action(schema, uid->type, uid->id);
    if (*action_out == NULL)
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "the action is not declared");
    return WEIR_OK;
}

static weir_status
read_context(struct weir_arena *arena, const struct weir_cedar_schema *schema,
             const struct weir_cedar_uid *action_uid, const struct tree *at,
             weir_cedar_value *context_out, struct weir_error *err)
{
    const struct weir_cedar_action *action = NULL;
    weir_cedar_value context;
    weir_status status = WEIR_OK;
    if (schema != NULL)
        status = find_action(schema, action_uid, &action, err);
    if (status == WEIR_OK)
        status = weir__cedar_value_read(
            arena, at, action == NULL ? NULL : action->context, &context, err);
    if (status != WEIR_OK)
        return status;
    if (context.kind != WEIR_CEDAR_RECORD)
        return weir_fail(err, WEIR_EPARSE, at->offset,
                         "the context must be a record");
    if (action != NULL)
        status = weir__cedar_value_conforms(schema, &context, action->context,
                                            at->offset, err);
    if (status == WEIR_OK)
        *context_out = context;
    return status;
}

weir_status
weir_cedar_context_read(struct weir_arena *arena,
                        const struct weir_cedar_schema *schema,
                        const struct weir_cedar_uid *action, weir_span text,
                        weir_cedar_value *context_out, struct weir_error *err)
{
    struct tree *tree;
    weir_status status;
    WEIR_ASSERT((schema == NULL) == (action == NULL));
    status = weir__cedar_tree_read(arena, text, 0, &tree, err);
    if (status != WEIR_OK)
        return status;
    return read_context(arena, schema, action, tree, context_out, err);
}

static weir_status
read_part(const struct tree *at, const char *name,
          struct weir_cedar_uid *uid_out, struct weir_error *err)
{
    const struct tree *part = weir__cedar_tree_get(at, name);
    if (part == NULL)
        return weir_fail(err, WEIR_EPARSE, at->offset,
                         "the member '%s' is missing", name);
    return weir__cedar_uid_read(part, uid_out, err);
}

weir_status
weir_cedar_request_read(struct weir_arena *arena,
                        const struct weir_cedar_schema *schema, weir_span text,
                        struct weir_cedar_query *query_out,
                        struct weir_error *err)
{
    struct weir_cedar_query query = {.context = {.kind = WEIR_CEDAR_RECORD}};
    const struct tree *context;
    struct tree *tree;
    weir_status status = weir__cedar_tree_read(arena, text, 0, &tree, err);
    if (status != WEIR_OK)
        return status;
    if (tree->kind != WEIR_JSON_OBJECT)
        return weir_fail(err, WEIR_EPARSE, tree->offset,
                         "a request is an object");
    status = read_part(tree, "principal", &query.principal, err);
    if (status == WEIR_OK)
        status = read_part(tree, "action", &query.action, err);
    if (status == WEIR_OK)
        status = read_part(tree, "resource", &query.resource, err);
    if (status != WEIR_OK)
        return status;
    context = weir__cedar_tree_get(tree, "context");
    if (context != NULL)
        status = read_context(arena, schema, &query.action, context,
                              &query.context, err);
    if (status == WEIR_OK && schema != NULL)
        status = weir_cedar_request_check(schema, &query, err);
    if (status == WEIR_OK)
        *query_out = query;
    return status;
}

static weir_status
check_place(const struct weir_cedar_schema *schema, const char *what,
            const struct weir_cedar_uid *uid,
            const struct weir_cedar_entity_type *const *types, uint32_t count,
            struct weir_error *err)
{
    for (uint32_t i = 0; i < count; i++)
        if (weir_span_equal(types[i]->name, uid->type))
            return weir__cedar_uid_conforms(schema, uid, WEIR_OFFSET_NONE, err);
    return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                     "the action does not apply to a %s of this type", what);
}

weir_status
weir_cedar_request_check(const struct weir_cedar_schema *schema,
                         const struct weir_cedar_query *query,
                         struct weir_error *err)
{
    const struct weir_cedar_action *action;
    weir_status status = find_action(schema, &query->action, &action, err);
    if (status == WEIR_OK)
        status = check_place(schema, "principal", &query->principal,
                             action->principals, action->principal_count, err);
    if (status == WEIR_OK)
        status = check_place(schema, "resource", &query->resource,
                             action->resources, action->resource_count, err);
    if (status == WEIR_OK)
        status = weir__cedar_value_conforms(
            schema, &query->context, action->context, WEIR_OFFSET_NONE, err);
    return status;
}
