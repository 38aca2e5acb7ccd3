/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in JSON.
 *
 * A string, an integer, a Boolean, an array and an object mean themselves.
 * Three keys escape: {"__entity": {"type","id"}}, {"__extn": {"fn","arg"}}
 * or {"fn","args"}, and {"__expr": string}, which is refused. An escape
 * whose content has another shape, or that has a member beside it, is none:
 * the object is then an ordinary record, as the reference implementation
 * has it. Where a type is known, an entity may be a bare {"type","id"}, and
 * an extension value a bare {"fn","arg"} or whatever its constructor takes;
 * other members are then let pass.
 */
#include "value_json.h"

#include "eval.h"

#include <string.h>

static weir_status
no_memory(struct weir_error *err)
{
    return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                     "the values need too much memory");
}

/* A member that is a string; NULL otherwise. */
static const struct tree *
string_member(const struct tree *object, const char *name)
{
    const struct tree *member = weir__cedar_tree_get(object, name);
    return member != NULL && member->kind == WEIR_JSON_STRING ? member : NULL;
}

/* {"type": string, "id": string, ...} */
static bool
is_uid(const struct tree *at)
{
    return at->kind == WEIR_JSON_OBJECT && string_member(at, "type") != NULL &&
           string_member(at, "id") != NULL;
}

/* The object in {"__entity": {...}} when it is one; else NULL. */
static const struct tree *
entity_escape(const struct tree *at)
{
    const struct tree *inner = at->kind == WEIR_JSON_OBJECT
                                   ? weir__cedar_tree_get(at, "__entity")
                                   : NULL;
    return inner != NULL && is_uid(inner) ? inner : NULL;
}

/* {"fn": string, "arg": ..} or {"fn": string, "args": [..]} */
static bool
is_call(const struct tree *at)
{
    const struct tree *args;
    if (at->kind != WEIR_JSON_OBJECT || string_member(at, "fn") == NULL)
        return false;
    if (weir__cedar_tree_get(at, "arg") != NULL)
        return true;
    args = weir__cedar_tree_get(at, "args");
    return args != NULL && args->kind == WEIR_JSON_ARRAY;
}

static const struct tree *
call_escape(const struct tree *at)
{
    const struct tree *inner = at->kind == WEIR_JSON_OBJECT
                                   ? weir__cedar_tree_get(at, "__extn")
                                   : NULL;
    return inner != NULL && is_call(inner) ? inner : NULL;
}

static bool
is_expression(const struct tree *at)
{
    return at->kind == WEIR_JSON_OBJECT && string_member(at, "__expr") != NULL;
}

enum value_form
weir__cedar_value_form(const struct tree *object, const struct tree **inner_out)
{
    if (object->count != 1)
        return VALUE_RECORD;
    if (is_expression(object))
        return VALUE_EXPRESSION;
    *inner_out = entity_escape(object);
    if (*inner_out != NULL)
        return VALUE_ENTITY;
    *inner_out = call_escape(object);
    return *inner_out != NULL ? VALUE_CALL : VALUE_RECORD;
}

static weir_status
read_uid(const struct tree *at, struct weir_cedar_uid *uid_out,
         struct weir_error *err)
{
    const struct tree *type = string_member(at, "type");
    if (!weir_cedar_name_valid(type->string))
        return weir_fail(err, WEIR_EPARSE, type->offset,
                         "not the name of an entity type");
    uid_out->type = type->string;
    uid_out->id = string_member(at, "id")->string;
    return WEIR_OK;
}

weir_status
weir__cedar_uid_read(const struct tree *at, struct weir_cedar_uid *uid_out,
                     struct weir_error *err)
{
    const struct tree *inner = entity_escape(at);
    if (is_expression(at) || (inner == NULL && !is_uid(at)))
        return weir_fail(err, WEIR_EPARSE, at->offset,
                         "expected {\"type\", \"id\"}, two strings");
    return read_uid(inner != NULL ? inner : at, uid_out, err);
}

static weir_status
read_entity(struct weir_arena *arena, const struct tree *at,
            weir_cedar_value *value_out, struct weir_error *err)
{
    struct weir_cedar_uid *uid = weir_arena_alloc(arena, sizeof(*uid));
    weir_status status;
    if (uid == NULL)
        return no_memory(err);
    status = weir__cedar_uid_read(at, uid, err);
    if (status != WEIR_OK)
        return status;
    *value_out = (weir_cedar_value){.kind = WEIR_CEDAR_ENTITY};
    value_out->uid = uid;
    return WEIR_OK;
}

/* --------------------------------------------------------- extensions */

static const struct weir_cedar_type parameter_types[] = {
    [WEIR_CEDAR_DECIMAL] = {.kind = WEIR_CEDAR_TYPE_DECIMAL},
    [WEIR_CEDAR_DATETIME] = {.kind = WEIR_CEDAR_TYPE_DATETIME},
    [WEIR_CEDAR_DURATION] = {.kind = WEIR_CEDAR_TYPE_DURATION},
    [WEIR_CEDAR_STRING] = {.kind = WEIR_CEDAR_TYPE_STRING},
    [WEIR_CEDAR_IP] = {.kind = WEIR_CEDAR_TYPE_IPADDR},
};

static weir_status
apply(struct weir_arena *arena, enum cedar_function function,
      const weir_cedar_value *arguments, uint32_t count, uint32_t offset,
      weir_cedar_value *value_out, struct weir_error *err)
{
    struct cedar_expr literals[2] = {{.kind = CEDAR_EXPR_LITERAL, .height = 1},
                                     {.kind = CEDAR_EXPR_LITERAL, .height = 1}};
    struct cedar_expr *items[2] = {&literals[0], &literals[1]};
    struct cedar_expr call = {.kind = CEDAR_EXPR_CALL,
                              .height = 2,
                              .function = (uint16_t)function,
                              .count = count};
    struct cedar_eval eval = {.arena = arena};
    call.items = items;
    for (uint32_t i = 0; i < count; i++)
        literals[i].value = arguments[i];
    if (weir__cedar_eval(&eval, &call, value_out))
        return WEIR_OK;
    if (eval.fault == WEIR_CEDAR_FAULT_MEMORY)
        return no_memory(err);
    return weir_fail(err, WEIR_EPARSE, offset, "%s: %s",
                     weir__cedar_functions[function].name,
                     weir_cedar_fault_text(eval.fault));
}

/* `is_directed`: the parameters' types direct the arguments. */
static weir_status
read_call(struct weir_arena *arena, const struct tree *at, bool is_directed,
          weir_cedar_value *value_out, struct weir_error *err)
{
    const struct tree *name = string_member(at, "fn");
    const struct tree *argument = weir__cedar_tree_get(at, "arg");
    enum cedar_function function = weir__cedar_function_find(name->string);
    weir_cedar_value values[2];
    uint32_t count = 1;
    weir_status status;
    if (function == CEDAR_FNS)
        return weir_fail(err, WEIR_EPARSE, name->offset,
                         "no such extension function");
    if (argument == NULL) {
        argument = weir__cedar_tree_get(at, "args")->first;
        count = weir__cedar_tree_get(at, "args")->count;
    }
    if (count != weir__cedar_functions[function].arity)
        return weir_fail(err, WEIR_EPARSE, at->offset,
                         "wrong number of arguments");
    for (uint32_t i = 0; i < count; i++, argument = argument->next) {
        uint8_t kind = weir__cedar_functions[function].parameters[i];
        status = weir__cedar_value_read(
            arena, argument, is_directed ? &parameter_types[kind] : NULL,
            &values[i], err);
        if (status != WEIR_OK)
            return status;
    }
    return apply(arena, function, values, count, at->offset, value_out, err);
}

static weir_status
read_extension(struct weir_arena *arena, const struct tree *at,
               enum cedar_function constructor, weir_cedar_value *value_out,
               struct weir_error *err)
{
    const struct tree *inner = call_escape(at);
    weir_cedar_value argument;
    weir_status status;
    if (is_expression(at))
        return weir_fail(err, WEIR_EPARSE, at->offset,
                         "__expr is no longer a form of values");
    if (inner != NULL)
        return read_call(arena, inner, true, value_out, err);
    if (is_call(at))
        return read_call(arena, at, true, value_out, err);
    status = weir__cedar_value_read(arena, at, NULL, &argument, err);
    if (status != WEIR_OK)
        return status;
    return apply(arena, constructor, &argument, 1, at->offset, value_out, err);
}

/* --------------------------------------------------------- containers */

static weir_status
read_set(struct weir_arena *arena, const struct tree *at,
         const struct weir_cedar_type *element, weir_cedar_value *value_out,
         struct weir_error *err)
{
    weir_cedar_value *values =
        weir_arena_array(arena, weir_cedar_value, at->count);
    size_t count = 0;
    if (at->count > 0 && values == NULL)
        return no_memory(err);
    for (const struct tree *e = at->first; e != NULL; e = e->next) {
        weir_status status =
            weir__cedar_value_read(arena, e, element, &values[count++], err);
        if (status != WEIR_OK)
            return status;
    }
    *value_out = weir_cedar_value_set(values, count);
    return WEIR_OK;
}

static weir_status
read_record(struct weir_arena *arena, const struct tree *at,
            const struct weir_cedar_type *type, weir_cedar_value *value_out,
            struct weir_error *err)
{
    struct weir_cedar_field *fields =
        weir_arena_array(arena, struct weir_cedar_field, at->count);
    size_t count = 0;
    if (at->count > 0 && fields == NULL)
        return no_memory(err);
    for (const struct tree *m = at->first; m != NULL; m = m->next) {
        const struct weir_cedar_attribute *attribute =
            type == NULL ? NULL : weir_cedar_type_attribute(type, m->name);
        weir_status status = weir__cedar_value_read(
            arena, m, attribute == NULL ? NULL : attribute->type,
            &fields[count].value, err);
        if (status != WEIR_OK)
            return status;
        fields[count++].key = m->name;
    }
    return weir_cedar_value_record(fields, count, value_out, err);
}

static weir_status
read_object(struct weir_arena *arena, const struct tree *at,
            weir_cedar_value *value_out, struct weir_error *err)
{
    const struct tree *inner;
    switch (weir__cedar_value_form(at, &inner)) {
    case VALUE_EXPRESSION:
        return weir_fail(err, WEIR_EPARSE, at->offset,
                         "__expr is no longer a form of values");
    case VALUE_ENTITY:
        return read_entity(arena, at, value_out, err);
    case VALUE_CALL:
        return read_call(arena, inner, false, value_out, err);
    default:
        return read_record(arena, at, NULL, value_out, err);
    }
}

static weir_status
read_plain(struct weir_arena *arena, const struct tree *at,
           weir_cedar_value *value_out, struct weir_error *err)
{
    switch (at->kind) {
    case WEIR_JSON_TRUE:
    case WEIR_JSON_FALSE:
        *value_out = (weir_cedar_value){.kind = WEIR_CEDAR_BOOL};
        value_out->boolean = at->kind == WEIR_JSON_TRUE;
        return WEIR_OK;
    case WEIR_JSON_NUMBER:
        *value_out = (weir_cedar_value){.kind = WEIR_CEDAR_LONG};
        if (!weir_json_to_int64(at->string, &value_out->number))
            return weir_fail(err, WEIR_EPARSE, at->offset,
                             "numbers are integers of 64 bits");
        return WEIR_OK;
    case WEIR_JSON_STRING:
        *value_out = (weir_cedar_value){.kind = WEIR_CEDAR_STRING};
        value_out->string = at->string;
        return WEIR_OK;
    case WEIR_JSON_ARRAY:
        return read_set(arena, at, NULL, value_out, err);
    case WEIR_JSON_OBJECT:
        return read_object(arena, at, value_out, err);
    default:
        return weir_fail(err, WEIR_EPARSE, at->offset, "null is not a value");
    }
}

weir_status
weir__cedar_value_read(struct weir_arena *arena, const struct tree *at,
                       const struct weir_cedar_type *type,
                       weir_cedar_value *value_out, struct weir_error *err)
{
    switch (type == NULL ? WEIR_CEDAR_TYPE_BOOL : type->kind) {
    case WEIR_CEDAR_TYPE_ENTITY:
        return read_entity(arena, at, value_out, err);
    case WEIR_CEDAR_TYPE_DECIMAL:
        return read_extension(arena, at, CEDAR_FN_DECIMAL, value_out, err);
    case WEIR_CEDAR_TYPE_IPADDR:
        return read_extension(arena, at, CEDAR_FN_IP, value_out, err);
    case WEIR_CEDAR_TYPE_DATETIME:
        return read_extension(arena, at, CEDAR_FN_DATETIME, value_out, err);
    case WEIR_CEDAR_TYPE_DURATION:
        return read_extension(arena, at, CEDAR_FN_DURATION, value_out, err);
    case WEIR_CEDAR_TYPE_SET:
        if (at->kind == WEIR_JSON_ARRAY)
            return read_set(arena, at, type->element, value_out, err);
        break;
    case WEIR_CEDAR_TYPE_RECORD:
        if (at->kind == WEIR_JSON_OBJECT)
            return read_record(arena, at, type, value_out, err);
        break;
    default:
        break;
    }
    return read_plain(arena, at, value_out, err);
}

/* -------------------------------------------------------- conformance */

weir_status
weir__cedar_uid_conforms(const struct weir_cedar_schema *schema,
                         const struct weir_cedar_uid *uid, uint32_t offset,
                         struct weir_error *err)
{
    const struct weir_cedar_entity_type *type =
        weir_cedar_schema_find_type(schema, uid->type);
    if (type == NULL)
        return weir_fail(err, WEIR_ETYPE, offset,
                         "the entity type is not declared");
    if (type->is_action
            ? weir_cedar_schema_find_action(schema, uid->type, uid->id) == NULL
            : !weir_cedar_type_admits_id(type, uid->id))
        return weir_fail(err, WEIR_ETYPE, offset,
                         "the id is not one that the schema declares");
    return WEIR_OK;
}

static weir_status
record_conforms(const struct weir_cedar_schema *schema,
                const weir_cedar_value *value,
                const struct weir_cedar_type *type, uint32_t offset,
                struct weir_error *err)
{
    uint32_t known = 0;
    for (uint32_t i = 0; i < type->attribute_count; i++) {
        const struct weir_cedar_attribute *a = &type->attributes[i];
        const weir_cedar_value *field = weir_cedar_record_get(value, a->name);
        weir_status status;
        if (field == NULL && a->is_required)
            return weir_fail(err, WEIR_ETYPE, offset,
                             "a required attribute is missing");
        if (field == NULL)
            continue;
        known++;
        status =
            weir__cedar_value_conforms(schema, field, a->type, offset, err);
        if (status != WEIR_OK)
            return status;
    }
    if (known != value->count)
        return weir_fail(err, WEIR_ETYPE, offset,
                         "an attribute that the schema does not declare");
    return WEIR_OK;
}

weir_status
weir__cedar_value_conforms(const struct weir_cedar_schema *schema,
                           const weir_cedar_value *value,
                           const struct weir_cedar_type *type, uint32_t offset,
                           struct weir_error *err)
{
    static const uint8_t kinds[] = {
        [WEIR_CEDAR_TYPE_TRUE] = WEIR_CEDAR_BOOL,
        [WEIR_CEDAR_TYPE_FALSE] = WEIR_CEDAR_BOOL,
        [WEIR_CEDAR_TYPE_BOOL] = WEIR_CEDAR_BOOL,
        [WEIR_CEDAR_TYPE_LONG] = WEIR_CEDAR_LONG,
        [WEIR_CEDAR_TYPE_STRING] = WEIR_CEDAR_STRING,
        [WEIR_CEDAR_TYPE_DECIMAL] = WEIR_CEDAR_DECIMAL,
        [WEIR_CEDAR_TYPE_IPADDR] = WEIR_CEDAR_IP,
        [WEIR_CEDAR_TYPE_DATETIME] = WEIR_CEDAR_DATETIME,
        [WEIR_CEDAR_TYPE_DURATION] = WEIR_CEDAR_DURATION,
        [WEIR_CEDAR_TYPE_ENTITY] = WEIR_CEDAR_ENTITY,
        [WEIR_CEDAR_TYPE_SET] = WEIR_CEDAR_SET,
        [WEIR_CEDAR_TYPE_RECORD] = WEIR_CEDAR_RECORD};
    weir_status status = WEIR_OK;
    if (value->kind != kinds[type->kind] ||
        (type->kind == WEIR_CEDAR_TYPE_ENTITY &&
         !weir_span_equal(value->uid->type, type->entity->name)))
        return weir_fail(err, WEIR_ETYPE, offset,
                         "a value of another type than the schema declares");
    if (type->kind == WEIR_CEDAR_TYPE_ENTITY)
        return weir__cedar_uid_conforms(schema, value->uid, offset, err);
    if (type->kind == WEIR_CEDAR_TYPE_RECORD)
        return record_conforms(schema, value, type, offset, err);
    if (type->kind != WEIR_CEDAR_TYPE_SET)
        return WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < value->count; i++)
        status = weir__cedar_value_conforms(schema, &value->elements[i],
                                            type->element, offset, err);
    return status;
}
