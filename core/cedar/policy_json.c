/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies out of JSON: expressions here, policies and sets in
 * policy_set_json.c, writing in policy_write_json.c.
 *
 * An expression is an object of one key; the key says what it is. All keys
 * of its content must be known. A `Value` is not evaluated: a constructor
 * in it becomes a call, which fails when it is reached, as in text.
 */
#include "policy_json.h"

struct cedar_expr *
weir__cedar_json_refuse(struct policy_reader *r, const struct tree *at,
                        const char *what)
{
    if (r->builder.error.status == WEIR_OK)
        (void)weir_fail(&r->builder.error, WEIR_EPARSE, at->offset, "%s", what);
    return NULL;
}

static struct cedar_expr *
no_memory(struct policy_reader *r)
{
    if (r->builder.error.status == WEIR_OK)
        (void)weir_fail(&r->builder.error, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                        "the policies need too much memory");
    return NULL;
}

bool
weir__cedar_json_copy(struct policy_reader *r, weir_span text,
                      weir_span *copy_out)
{
    *copy_out = weir_arena_copy(r->builder.arena, text);
    if (copy_out->ptr == NULL)
        (void)no_memory(r);
    return copy_out->ptr != NULL;
}

struct weir_cedar_uid *
weir__cedar_json_uid(struct policy_reader *r, const struct tree *at)
{
    struct weir_cedar_uid *uid =
        weir_arena_alloc(r->builder.arena, sizeof(*uid));
    struct weir_cedar_uid read;
    struct weir_error err = {0};
    if (uid == NULL) {
        (void)no_memory(r);
        return NULL;
    }
    if (weir__cedar_uid_read(at, &read, &err) != WEIR_OK) {
        (void)weir__cedar_json_refuse(r, at, err.text);
        return NULL;
    }
    if (!weir__cedar_json_copy(r, read.type, &uid->type) ||
        !weir__cedar_json_copy(r, read.id, &uid->id))
        return NULL;
    return uid;
}

/* ------------------------------------------------------------- values */

static struct cedar_expr *read_value(struct policy_reader *r,
                                     const struct tree *at);

/* Items of an array or object, each read by `reader`. */
static struct cedar_expr *
read_list(struct policy_reader *r, const struct tree *at,
          enum cedar_expr_kind kind, enum cedar_function function,
          const struct tree *first, uint32_t count,
          struct cedar_expr *(*reader)(struct policy_reader *,
                                       const struct tree *))
{
    struct cedar_expr **items =
        weir_arena_array(r->builder.arena, struct cedar_expr *, count);
    weir_span *keys = NULL;
    uint32_t n = 0;
    if (kind == CEDAR_EXPR_RECORD)
        keys = weir_arena_array(r->builder.arena, weir_span, count);
    if (r->builder.arena->overflow)
        return no_memory(r);
    for (const struct tree *e = first; e != NULL && n < count; e = e->next) {
        if (keys != NULL && !weir__cedar_json_copy(r, e->name, &keys[n]))
            return NULL;
        items[n] = reader(r, e);
        if (items[n++] == NULL)
            return NULL;
    }
    return weir__cedar_list(&r->builder, kind, function, keys, items, count);
}

static struct cedar_expr *
read_value_call(struct policy_reader *r, const struct tree *at)
{
    const struct tree *name = weir__cedar_tree_get(at, "fn");
    const struct tree *argument = weir__cedar_tree_get(at, "arg");
    enum cedar_function function = weir__cedar_function_find(name->string);
    const struct tree *args;
    if (function == CEDAR_FNS)
        return weir__cedar_json_refuse(r, name, "no such extension function");
    if (argument != NULL)
        return read_list(r, at, CEDAR_EXPR_CALL, function, argument, 1,
                         read_value);
    args = weir__cedar_tree_get(at, "args");
    return read_list(r, at, CEDAR_EXPR_CALL, function, args->first, args->count,
                     read_value);
}

static struct cedar_expr *
read_value_object(struct policy_reader *r, const struct tree *at)
{
    const struct tree *inner;
    switch (weir__cedar_value_form(at, &inner)) {
    case VALUE_EXPRESSION:
        return weir__cedar_json_refuse(r, at,
                                       "__expr is no longer a form of values");
    case VALUE_ENTITY: {
        weir_cedar_value value = {.kind = WEIR_CEDAR_ENTITY};
        value.uid = weir__cedar_json_uid(r, inner);
        return value.uid == NULL ? NULL
                                 : weir__cedar_literal(&r->builder, value);
    }
    case VALUE_CALL:
        return read_value_call(r, inner);
    default:
        return read_list(r, at, CEDAR_EXPR_RECORD, CEDAR_FNS, at->first,
                         at->count, read_value);
    }
}

static struct cedar_expr *
read_value(struct policy_reader *r, const struct tree *at)
{
    weir_cedar_value value = {.kind = WEIR_CEDAR_BOOL};
    switch (at->kind) {
    case WEIR_JSON_TRUE:
    case WEIR_JSON_FALSE:
        value.boolean = at->kind == WEIR_JSON_TRUE;
        return weir__cedar_literal(&r->builder, value);
    case WEIR_JSON_NUMBER:
        value.kind = WEIR_CEDAR_LONG;
        if (!weir_json_to_int64(at->string, &value.number))
            return weir__cedar_json_refuse(r, at,
                                           "numbers are integers of 64 bits");
        return weir__cedar_literal(&r->builder, value);
    case WEIR_JSON_STRING:
        value.kind = WEIR_CEDAR_STRING;
        if (!weir__cedar_json_copy(r, at->string, &value.string))
            return NULL;
        return weir__cedar_literal(&r->builder, value);
    case WEIR_JSON_ARRAY:
        return read_list(r, at, CEDAR_EXPR_SET, CEDAR_FNS, at->first, at->count,
                         read_value);
    case WEIR_JSON_OBJECT:
        return read_value_object(r, at);
    default:
        return weir__cedar_json_refuse(r, at, "null is not a value");
    }
}

/* --------------------------------------------------------- expressions */

/* Checks that the content is an object with exactly these members (the last
 * `optional` may be absent) and puts them into `parts`. */
static bool
members(struct policy_reader *r, const struct tree *at,
        const char *const *names, int count, int optional,
        const struct tree **parts)
{
    uint32_t found = 0;
    if (at->kind != WEIR_JSON_OBJECT) {
        (void)weir__cedar_json_refuse(r, at, "expected an object");
        return false;
    }
    for (int i = 0; i < count; i++) {
        parts[i] = weir__cedar_tree_get(at, names[i]);
        found += parts[i] != NULL;
        if (parts[i] == NULL && i < count - optional) {
            (void)weir__cedar_json_refuse(r, at, "a member is missing");
            return false;
        }
    }
    if (found != at->count) {
        (void)weir__cedar_json_refuse(r, at, "a member that is not known");
        return false;
    }
    return true;
}

static struct cedar_expr *
read_variable(struct policy_reader *r, const struct tree *at)
{
    static const char *const names[] = {"principal", "action", "resource",
                                        "context"};
    if (at->kind == WEIR_JSON_STRING)
        for (int i = 0; i < 4; i++)
            if (weir_span_equal(at->string, weir_span_of(names[i])))
                return weir__cedar_variable(&r->builder, (enum cedar_var)i);
    return weir__cedar_json_refuse(r, at, "not the name of a variable");
}

static struct cedar_expr *
read_unary(struct policy_reader *r, const struct tree *at,
           enum cedar_expr_kind kind)
{
    static const char *const names[] = {"arg"};
    const struct tree *parts[1];
    if (!members(r, at, names, 1, 0, parts))
        return NULL;
    return weir__cedar_unary(&r->builder, kind,
                             weir__cedar_json_expr(r, parts[0]));
}

static struct cedar_expr *
read_binary(struct policy_reader *r, const struct tree *at,
            enum cedar_expr_kind kind)
{
    static const char *const names[] = {"left", "right"};
    const struct tree *parts[2];
    struct cedar_expr *left, *right;
    if (!members(r, at, names, 2, 0, parts))
        return NULL;
    left = weir__cedar_json_expr(r, parts[0]);
    right = left == NULL ? NULL : weir__cedar_json_expr(r, parts[1]);
    return weir__cedar_binary(&r->builder, kind, left, right);
}

static struct cedar_expr *
read_if(struct policy_reader *r, const struct tree *at)
{
    static const char *const names[] = {"if", "then", "else"};
    const struct tree *parts[3];
    struct cedar_expr *items[3] = {NULL, NULL, NULL};
    if (!members(r, at, names, 3, 0, parts))
        return NULL;
    for (int i = 0; i < 3; i++) {
        items[i] = weir__cedar_json_expr(r, parts[i]);
        if (items[i] == NULL)
            return NULL;
    }
    return weir__cedar_if(&r->builder, items[0], items[1], items[2]);
}

static struct cedar_expr *
read_get(struct policy_reader *r, const struct tree *at)
{
    static const char *const names[] = {"left", "attr"};
    const struct tree *parts[2];
    weir_span name;
    if (!members(r, at, names, 2, 0, parts))
        return NULL;
    if (parts[1]->kind != WEIR_JSON_STRING)
        return weir__cedar_json_refuse(r, parts[1], "expected a string");
    if (!weir__cedar_json_copy(r, parts[1]->string, &name))
        return NULL;
    return weir__cedar_get(&r->builder, weir__cedar_json_expr(r, parts[0]),
                           name);
}

/* Members beside these are let pass here, as by the reference. */
static struct cedar_expr *
read_has(struct policy_reader *r, const struct tree *at)
{
    const struct tree *left = weir__cedar_tree_get(at, "left");
    const struct tree *attr = weir__cedar_tree_get(at, "attr");
    const struct tree *first;
    uint32_t count = 1, n = 0;
    weir_span *path;
    if (at->kind != WEIR_JSON_OBJECT || left == NULL || attr == NULL)
        return weir__cedar_json_refuse(r, at, "a member is missing");
    first = attr;
    if (attr->kind == WEIR_JSON_ARRAY) {
        first = attr->first;
        count = attr->count;
    }
    if (count == 0)
        return weir__cedar_json_refuse(r, attr, "expected a string");
    path = weir_arena_array(r->builder.arena, weir_span, count);
    if (path == NULL)
        return no_memory(r);
    for (const struct tree *e = first; n < count; e = e->next) {
        if (e->kind != WEIR_JSON_STRING)
            return weir__cedar_json_refuse(r, e, "expected a string");
        if (!weir__cedar_json_copy(r, e->string, &path[n++]))
            return NULL;
    }
    return weir__cedar_has(&r->builder, weir__cedar_json_expr(r, left), path,
                           count);
}

static struct cedar_expr *
read_is(struct policy_reader *r, const struct tree *at)
{
    static const char *const names[] = {"left", "entity_type", "in"};
    const struct tree *parts[3];
    struct cedar_expr *left, *in = NULL;
    weir_span type;
    if (!members(r, at, names, 3, 1, parts))
        return NULL;
    if (parts[1]->kind != WEIR_JSON_STRING ||
        !weir_cedar_name_valid(parts[1]->string))
        return weir__cedar_json_refuse(r, parts[1],
                                       "not the name of an entity type");
    if (!weir__cedar_json_copy(r, parts[1]->string, &type))
        return NULL;
    left = weir__cedar_json_expr(r, parts[0]);
    if (parts[2] != NULL && parts[2]->kind != WEIR_JSON_NULL) {
        in = weir__cedar_json_expr(r, parts[2]);
        if (in == NULL)
            return NULL;
    }
    return weir__cedar_is(&r->builder, left, type, in);
}

static struct cedar_expr *
read_like(struct policy_reader *r, const struct tree *at)
{
    static const char *const names[] = {"left", "pattern"};
    const struct tree *parts[2];
    struct cedar_piece *pieces;
    uint32_t count = 0;
    if (!members(r, at, names, 2, 0, parts))
        return NULL;
    if (parts[1]->kind != WEIR_JSON_ARRAY)
        return weir__cedar_json_refuse(r, parts[1], "expected an array");
    pieces = weir_arena_array(r->builder.arena, struct cedar_piece,
                              parts[1]->count + 1);
    if (pieces == NULL)
        return no_memory(r);
    for (const struct tree *e = parts[1]->first; e != NULL; e = e->next) {
        const struct tree *literal;
        if (e->kind == WEIR_JSON_STRING &&
            weir_span_equal(e->string, WEIR_SPAN("Wildcard"))) {
            pieces[count++].is_star = true;
            continue;
        }
        literal = e->kind == WEIR_JSON_OBJECT && e->count == 1
                      ? weir__cedar_tree_get(e, "Literal")
                      : NULL;
        if (literal == NULL || literal->kind != WEIR_JSON_STRING)
            return weir__cedar_json_refuse(
                r, e, "expected \"Wildcard\" or {\"Literal\"}");
        if (literal->string.len == 0)
            continue;
        if (!weir__cedar_json_copy(r, literal->string,
                                   &pieces[count++].literal))
            return NULL;
    }
    return weir__cedar_like(&r->builder, weir__cedar_json_expr(r, parts[0]),
                            pieces, count);
}

struct operator_row {
    const char *key;
    enum cedar_expr_kind kind;
    struct cedar_expr *(*read)(struct policy_reader *, const struct tree *,
                               enum cedar_expr_kind);
};

static const struct operator_row operators[] = {
    {"!", CEDAR_EXPR_NOT, read_unary},
    {"neg", CEDAR_EXPR_NEGATE, read_unary},
    {"isEmpty", CEDAR_EXPR_IS_EMPTY, read_unary},
    {"==", CEDAR_EXPR_EQUAL, read_binary},
    {"!=", CEDAR_EXPR_NOT_EQUAL, read_binary},
    {"<", CEDAR_EXPR_LESS, read_binary},
    {"<=", CEDAR_EXPR_LESS_EQUAL, read_binary},
    {">", CEDAR_EXPR_GREATER, read_binary},
    {">=", CEDAR_EXPR_GREATER_EQUAL, read_binary},
    {"&&", CEDAR_EXPR_AND, read_binary},
    {"||", CEDAR_EXPR_OR, read_binary},
    {"+", CEDAR_EXPR_ADD, read_binary},
    {"-", CEDAR_EXPR_SUBTRACT, read_binary},
    {"*", CEDAR_EXPR_MULTIPLY, read_binary},
    {"in", CEDAR_EXPR_IN, read_binary},
    {"contains", CEDAR_EXPR_CONTAINS, read_binary},
    {"containsAll", CEDAR_EXPR_CONTAINS_ALL, read_binary},
    {"containsAny", CEDAR_EXPR_CONTAINS_ANY, read_binary},
    {"hasTag", CEDAR_EXPR_HAS_TAG, read_binary},
    {"getTag", CEDAR_EXPR_GET_TAG, read_binary},
};

struct form_row {
    const char *key;
    struct cedar_expr *(*read)(struct policy_reader *, const struct tree *);
};

static const struct form_row forms[] = {
    {"Value", read_value}, {"Var", read_variable}, {"if-then-else", read_if},
    {".", read_get},       {"has", read_has},      {"is", read_is},
    {"like", read_like},
};

struct cedar_expr *
weir__cedar_json_expr(struct policy_reader *r, const struct tree *at)
{
    const struct tree *content = at->first;
    enum cedar_function function;
    if (at->kind != WEIR_JSON_OBJECT || at->count != 1)
        return weir__cedar_json_refuse(
            r, at, "an expression is an object of one member");
    for (size_t i = 0; i < WEIR_COUNTOF(operators); i++)
        if (weir__cedar_tree_named(content, operators[i].key))
            return operators[i].read(r, content, operators[i].kind);
    for (size_t i = 0; i < WEIR_COUNTOF(forms); i++)
        if (weir__cedar_tree_named(content, forms[i].key))
            return forms[i].read(r, content);
    if (weir__cedar_tree_named(content, "Slot"))
        return weir__cedar_json_refuse(r, content,
                                       "a slot can not stand in a condition");
    if (weir__cedar_tree_named(content, "Record"))
        return content->kind != WEIR_JSON_OBJECT
                   ? weir__cedar_json_refuse(r, content, "expected an object")
                   : read_list(r, content, CEDAR_EXPR_RECORD, CEDAR_FNS,
                               content->first, content->count,
                               weir__cedar_json_expr);
    function = weir__cedar_function_find(content->name);
    if (content->kind != WEIR_JSON_ARRAY)
        return weir__cedar_json_refuse(r, content, "expected an array");
    if (weir__cedar_tree_named(content, "Set"))
        return read_list(r, content, CEDAR_EXPR_SET, CEDAR_FNS, content->first,
                         content->count, weir__cedar_json_expr);
    if (function == CEDAR_FNS)
        return weir__cedar_json_refuse(r, content,
                                       "no such operator or function");
    return read_list(r, content, CEDAR_EXPR_CALL, function, content->first,
                     content->count, weir__cedar_json_expr);
}
