/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The type of an expression in one request environment.
 *
 * Each expression gets a type and a set of facts that hold when it is true.
 * `known` are the facts that hold when it is reached. An expression is
 * refused at the first thing wrong in it; the caller asks again in the next
 * environment. Sugar is expanded here (`has a.b`, `is T in e`), into nodes
 * of the scratch arena, so that each rule stands once.
 *
 * Recursion is bounded by the height of the tree, which its makers bound.
 * typecheck_entity.c has the rules that ask the schema about hierarchies.
 */
#include "typecheck.h"
#include "typecheck_entity.h"

#include <stdio.h>

#define TYPE(name, kind_)                                                      \
    const struct weir_cedar_type weir__cedar_type_##name = {.kind = kind_}
TYPE(true, WEIR_CEDAR_TYPE_TRUE);
TYPE(false, WEIR_CEDAR_TYPE_FALSE);
TYPE(bool, WEIR_CEDAR_TYPE_BOOL);
static TYPE(long, WEIR_CEDAR_TYPE_LONG);
static TYPE(string, WEIR_CEDAR_TYPE_STRING);
static TYPE(decimal, WEIR_CEDAR_TYPE_DECIMAL);
static TYPE(ipaddr, WEIR_CEDAR_TYPE_IPADDR);
static TYPE(datetime, WEIR_CEDAR_TYPE_DATETIME);
static TYPE(duration, WEIR_CEDAR_TYPE_DURATION);
#undef TYPE

#define TRUE_TYPE  (&weir__cedar_type_true)
#define FALSE_TYPE (&weir__cedar_type_false)
#define BOOL_TYPE  (&weir__cedar_type_bool)

bool
weir__cedar_refuse_type(struct checker *checker, const struct cedar_expr *at,
                        const char *format, ...)
{
    va_list args;
    checker->offset =
        at == NULL || at->end == 0 ? WEIR_OFFSET_NONE : at->offset;
    va_start(args, format);
    vsnprintf(checker->text, sizeof(checker->text), format, args);
    va_end(args);
    return false;
}

static bool
out_of_memory(struct checker *checker)
{
    checker->is_out_of_memory = true;
    return false;
}

static struct weir_cedar_type *
new_type(struct checker *checker, enum weir_cedar_type_kind kind)
{
    struct weir_cedar_type *type =
        weir_arena_alloc(checker->arena, sizeof(*type));
    if (type == NULL)
        checker->is_out_of_memory = true;
    else
        type->kind = kind;
    return type;
}

const struct weir_cedar_type *
weir__cedar_type_entity(struct checker *checker,
                        const struct weir_cedar_entity_type *entity)
{
    struct weir_cedar_type *type = new_type(checker, WEIR_CEDAR_TYPE_ENTITY);
    if (type != NULL)
        type->entity = entity;
    return type;
}

static bool
is_boolean(const struct weir_cedar_type *type)
{
    return type->kind <= WEIR_CEDAR_TYPE_BOOL;
}

/* -------------------------------------------------------------- join */

static const struct weir_cedar_type *
join_records(struct checker *checker, const struct weir_cedar_type *a,
             const struct weir_cedar_type *b)
{
    struct weir_cedar_attribute *attributes;
    struct weir_cedar_type *joined;
    if (a->attribute_count != b->attribute_count)
        return NULL;
    attributes = weir_arena_array(checker->arena, struct weir_cedar_attribute,
                                  a->attribute_count);
    if (a->attribute_count > 0 && attributes == NULL) {
        checker->is_out_of_memory = true;
        return NULL;
    }
    for (uint32_t i = 0; i < a->attribute_count; i++) {
        const struct weir_cedar_attribute *x = &a->attributes[i];
        const struct weir_cedar_attribute *y = &b->attributes[i];
        if (!weir_span_equal(x->name, y->name) ||
            x->is_required != y->is_required)
            return NULL;
        attributes[i] = *x;
        attributes[i].type = weir__cedar_type_join(checker, x->type, y->type);
        if (attributes[i].type == NULL)
            return NULL;
    }
    joined = new_type(checker, WEIR_CEDAR_TYPE_RECORD);
    if (joined == NULL)
        return NULL;
    joined->attributes = attributes;
    joined->attribute_count = a->attribute_count;
    return joined;
}

const struct weir_cedar_type *
weir__cedar_type_join(struct checker *checker, const struct weir_cedar_type *a,
                      const struct weir_cedar_type *b)
{
    struct weir_cedar_type *joined;
    if (a == b)
        return a;
    if (is_boolean(a) && is_boolean(b))
        return a->kind == b->kind ? a : BOOL_TYPE;
    if (a->kind != b->kind)
        return NULL;
    switch (a->kind) {
    case WEIR_CEDAR_TYPE_ENTITY:
        return a->entity == b->entity ? a : NULL;
    case WEIR_CEDAR_TYPE_SET: {
        const struct weir_cedar_type *element =
            weir__cedar_type_join(checker, a->element, b->element);
        if (element == NULL)
            return NULL;
        joined = new_type(checker, WEIR_CEDAR_TYPE_SET);
        if (joined != NULL)
            joined->element = element;
        return joined;
    }
    case WEIR_CEDAR_TYPE_RECORD:
        return join_records(checker, a, b);
    default:
        return a;
    }
}

/* "X and Y can not be compared", with the types written out. */
static bool
refuse_pair(struct checker *checker, const struct cedar_expr *at,
            const struct weir_cedar_type *a, const struct weir_cedar_type *b,
            const char *what)
{
    char x[80], y[80];
    struct weir_buf buf;
    if (checker->is_out_of_memory)
        return false;
    weir_buf_init_fixed(&buf, x, sizeof(x));
    weir_cedar_type_write(&buf, a);
    x[buf.overflow ? sizeof(x) - 1 : buf.len] = 0;
    weir_buf_init_fixed(&buf, y, sizeof(y));
    weir_cedar_type_write(&buf, b);
    y[buf.overflow ? sizeof(y) - 1 : buf.len] = 0;
    return weir__cedar_refuse_type(checker, at, "%s: %.79s and %.79s", what, x,
                                   y);
}

/* ------------------------------------------------------ expectations */

bool
weir__cedar_typecheck_as(struct checker *checker,
                         const struct capability *known,
                         const struct cedar_expr *expr,
                         enum weir_cedar_type_kind kind,
                         struct typed *typed_out)
{
    static const char *const names[] = {
        [WEIR_CEDAR_TYPE_BOOL] = "a Bool",
        [WEIR_CEDAR_TYPE_LONG] = "a Long",
        [WEIR_CEDAR_TYPE_STRING] = "a String",
        [WEIR_CEDAR_TYPE_ENTITY] = "an entity",
        [WEIR_CEDAR_TYPE_SET] = "a set",
    };
    WEIR_ASSERT(kind < WEIR_COUNTOF(names) && names[kind] != NULL);
    if (!weir__cedar_typecheck(checker, known, expr, typed_out))
        return false;
    if (typed_out->type->kind == kind ||
        (kind == WEIR_CEDAR_TYPE_BOOL && is_boolean(typed_out->type)))
        return true;
    return weir__cedar_refuse_type(checker, expr, "expected %s", names[kind]);
}

static bool
give(struct typed *typed_out, const struct weir_cedar_type *type)
{
    typed_out->type = type;
    typed_out->facts = NULL;
    return true;
}

/* ---------------------------------------------------------- booleans */

static bool
check_and(struct checker *checker, const struct capability *known,
          const struct cedar_expr *expr, struct typed *typed_out)
{
    struct typed all, part;
    if (!weir__cedar_typecheck_as(checker, known, expr->items[0],
                                  WEIR_CEDAR_TYPE_BOOL, &all))
        return false;
    for (uint32_t i = 1; i < expr->count; i++) {
        if (all.type->kind == WEIR_CEDAR_TYPE_FALSE)
            return give(typed_out, FALSE_TYPE);
        known = weir__cedar_facts_add(checker, known, all.facts);
        if (!weir__cedar_typecheck_as(checker, known, expr->items[i],
                                      WEIR_CEDAR_TYPE_BOOL, &part))
            return false;
        if (part.type->kind == WEIR_CEDAR_TYPE_FALSE) {
            all = (struct typed){FALSE_TYPE, NULL};
            continue;
        }
        if (all.type->kind != WEIR_CEDAR_TYPE_TRUE ||
            part.type->kind != WEIR_CEDAR_TYPE_TRUE)
            all.type = BOOL_TYPE;
        all.facts = weir__cedar_facts_add(checker, all.facts, part.facts);
    }
    *typed_out = all;
    return !checker->is_out_of_memory;
}

static bool
check_or(struct checker *checker, const struct capability *known,
         const struct cedar_expr *expr, struct typed *typed_out)
{
    struct typed all, part;
    if (!weir__cedar_typecheck_as(checker, known, expr->items[0],
                                  WEIR_CEDAR_TYPE_BOOL, &all))
        return false;
    for (uint32_t i = 1; i < expr->count; i++) {
        if (all.type->kind == WEIR_CEDAR_TYPE_TRUE)
            break;
        if (!weir__cedar_typecheck_as(checker, known, expr->items[i],
                                      WEIR_CEDAR_TYPE_BOOL, &part))
            return false;
        if (all.type->kind == WEIR_CEDAR_TYPE_FALSE)
            all = part;
        else if (part.type->kind == WEIR_CEDAR_TYPE_TRUE)
            all = (struct typed){TRUE_TYPE, NULL};
        else if (part.type->kind != WEIR_CEDAR_TYPE_FALSE)
            all = (struct typed){
                BOOL_TYPE,
                weir__cedar_facts_both(checker, all.facts, part.facts)};
    }
    *typed_out = all;
    return !checker->is_out_of_memory;
}

static bool
check_not(struct checker *checker, const struct capability *known,
          const struct cedar_expr *expr, struct typed *typed_out)
{
    struct typed inner;
    if (!weir__cedar_typecheck_as(checker, known, expr->left,
                                  WEIR_CEDAR_TYPE_BOOL, &inner))
        return false;
    if (inner.type->kind == WEIR_CEDAR_TYPE_TRUE)
        return give(typed_out, FALSE_TYPE);
    if (inner.type->kind == WEIR_CEDAR_TYPE_FALSE)
        return give(typed_out, TRUE_TYPE);
    return give(typed_out, BOOL_TYPE);
}

static bool
check_if(struct checker *checker, const struct capability *known,
         const struct cedar_expr *expr, struct typed *typed_out)
{
    const struct capability *within;
    struct typed condition, then, otherwise;
    if (!weir__cedar_typecheck_as(checker, known, expr->left,
                                  WEIR_CEDAR_TYPE_BOOL, &condition))
        return false;
    if (condition.type->kind == WEIR_CEDAR_TYPE_FALSE)
        return weir__cedar_typecheck(checker, known, expr->third, typed_out);
    within = weir__cedar_facts_add(checker, known, condition.facts);
    if (!weir__cedar_typecheck(checker, within, expr->right, &then))
        return false;
    then.facts = weir__cedar_facts_add(checker, condition.facts, then.facts);
    if (condition.type->kind == WEIR_CEDAR_TYPE_TRUE) {
        *typed_out = then;
        return !checker->is_out_of_memory;
    }
    if (!weir__cedar_typecheck(checker, known, expr->third, &otherwise))
        return false;
    typed_out->type = weir__cedar_type_join(checker, then.type, otherwise.type);
    typed_out->facts =
        weir__cedar_facts_both(checker, then.facts, otherwise.facts);
    if (typed_out->type == NULL)
        return refuse_pair(checker, expr, then.type, otherwise.type,
                           "both branches must have one type");
    return !checker->is_out_of_memory;
}

/* -------------------------------------------------------- comparisons */

/* A Bool that was written out: a literal, or && and || of such alone. The
 * reference folds these when it parses, so that they count as literals. */
static bool
is_written_bool(const struct cedar_expr *expr, bool *value_out)
{
    bool is_and = expr->kind == CEDAR_EXPR_AND;
    bool all, part;
    if (expr->kind == CEDAR_EXPR_LITERAL) {
        *value_out = expr->value.boolean;
        return expr->value.kind == WEIR_CEDAR_BOOL;
    }
    if (!is_and && expr->kind != CEDAR_EXPR_OR)
        return false;
    all = is_and;
    for (uint32_t i = 0; i < expr->count; i++) {
        if (!is_written_bool(expr->items[i], &part))
            return false;
        all = is_and ? all && part : all || part;
    }
    *value_out = all;
    return true;
}

/* The value that stands there: a literal, or `action`, which is one in a
 * given environment. */
static bool
literal_of(struct checker *checker, const struct cedar_expr *expr,
           struct weir_cedar_uid *uid, weir_cedar_value *value_out)
{
    bool value;
    if (expr->kind == CEDAR_EXPR_LITERAL) {
        *value_out = expr->value;
        return true;
    }
    if (is_written_bool(expr, &value)) {
        *value_out = (weir_cedar_value){.kind = WEIR_CEDAR_BOOL};
        value_out->boolean = value;
        return true;
    }
    if (expr->kind != CEDAR_EXPR_VAR || expr->var != CEDAR_ACTION)
        return false;
    uid->type = checker->environment.action->type->name;
    uid->id = checker->environment.action->id;
    *value_out = (weir_cedar_value){.kind = WEIR_CEDAR_ENTITY};
    value_out->uid = uid;
    return true;
}

static bool
check_equal(struct checker *checker, const struct capability *known,
            const struct cedar_expr *expr, struct typed *typed_out)
{
    struct weir_cedar_uid left_uid, right_uid;
    weir_cedar_value left_value, right_value;
    struct typed left, right;
    bool is_not = expr->kind == CEDAR_EXPR_NOT_EQUAL;
    if (!weir__cedar_typecheck(checker, known, expr->left, &left) ||
        !weir__cedar_typecheck(checker, known, expr->right, &right))
        return false;
    if (left.type->kind == WEIR_CEDAR_TYPE_ENTITY &&
        right.type->kind == WEIR_CEDAR_TYPE_ENTITY &&
        left.type->entity != right.type->entity)
        return give(typed_out, is_not ? TRUE_TYPE : FALSE_TYPE);
    if (literal_of(checker, expr->left, &left_uid, &left_value) &&
        literal_of(checker, expr->right, &right_uid, &right_value)) {
        bool is_equal =
            weir_cedar_value_compare(&left_value, &right_value) == 0;
        return give(typed_out, is_equal != is_not ? TRUE_TYPE : FALSE_TYPE);
    }
    if (weir__cedar_type_join(checker, left.type, right.type) == NULL)
        return refuse_pair(checker, expr, left.type, right.type,
                           "these types are never equal");
    return give(typed_out, BOOL_TYPE);
}

static bool
check_order(struct checker *checker, const struct capability *known,
            const struct cedar_expr *expr, struct typed *typed_out)
{
    struct typed left, right;
    if (!weir__cedar_typecheck(checker, known, expr->left, &left) ||
        !weir__cedar_typecheck(checker, known, expr->right, &right))
        return false;
    if (left.type->kind != WEIR_CEDAR_TYPE_LONG &&
        left.type->kind != WEIR_CEDAR_TYPE_DATETIME &&
        left.type->kind != WEIR_CEDAR_TYPE_DURATION)
        return weir__cedar_refuse_type(
            checker, expr->left, "expected a Long, a datetime or a duration");
    if (left.type->kind != right.type->kind)
        return refuse_pair(checker, expr, left.type, right.type,
                           "both sides must have one type");
    return give(typed_out, BOOL_TYPE);
}

static bool
check_arithmetic(struct checker *checker, const struct capability *known,
                 const struct cedar_expr *expr, struct typed *typed_out)
{
    struct typed part;
    if (!weir__cedar_typecheck_as(checker, known, expr->left,
                                  WEIR_CEDAR_TYPE_LONG, &part))
        return false;
    if (expr->kind != CEDAR_EXPR_NEGATE &&
        !weir__cedar_typecheck_as(checker, known, expr->right,
                                  WEIR_CEDAR_TYPE_LONG, &part))
        return false;
    return give(typed_out, &weir__cedar_type_long);
}

/* ------------------------------------------------------ sets, records */

static bool
check_contains(struct checker *checker, const struct capability *known,
               const struct cedar_expr *expr, struct typed *typed_out)
{
    struct typed left, right;
    const struct weir_cedar_type *a, *b;
    if (!weir__cedar_typecheck_as(checker, known, expr->left,
                                  WEIR_CEDAR_TYPE_SET, &left))
        return false;
    if (expr->kind == CEDAR_EXPR_CONTAINS
            ? !weir__cedar_typecheck(checker, known, expr->right, &right)
            : !weir__cedar_typecheck_as(checker, known, expr->right,
                                        WEIR_CEDAR_TYPE_SET, &right))
        return false;
    a = left.type->element;
    b = expr->kind == CEDAR_EXPR_CONTAINS ? right.type : right.type->element;
    if (weir__cedar_type_join(checker, a, b) == NULL)
        return refuse_pair(checker, expr, a, b, "the set never has such");
    return give(typed_out, BOOL_TYPE);
}

static bool
check_set(struct checker *checker, const struct capability *known,
          const struct cedar_expr *expr, struct typed *typed_out)
{
    const struct weir_cedar_type *element = NULL;
    struct weir_cedar_type *set;
    if (expr->count == 0)
        return weir__cedar_refuse_type(checker, expr,
                                       "an empty set has no type");
    for (uint32_t i = 0; i < expr->count; i++) {
        const struct weir_cedar_type *joined;
        struct typed item;
        if (!weir__cedar_typecheck(checker, known, expr->items[i], &item))
            return false;
        joined = element == NULL
                     ? item.type
                     : weir__cedar_type_join(checker, element, item.type);
        if (joined == NULL)
            return refuse_pair(checker, expr->items[i], element, item.type,
                               "elements of a set must have one type");
        element = joined;
    }
    set = new_type(checker, WEIR_CEDAR_TYPE_SET);
    if (set == NULL)
        return false;
    set->element = element;
    return give(typed_out, set);
}

static bool
check_record(struct checker *checker, const struct capability *known,
             const struct cedar_expr *expr, struct typed *typed_out)
{
    struct weir_cedar_type *record = new_type(checker, WEIR_CEDAR_TYPE_RECORD);
    struct weir_cedar_attribute *attributes = weir_arena_array(
        checker->arena, struct weir_cedar_attribute, expr->count);
    if (record == NULL || (expr->count > 0 && attributes == NULL))
        return out_of_memory(checker);
    for (uint32_t i = 0; i < expr->count; i++) {
        uint32_t at = i;
        struct typed item;
        if (!weir__cedar_typecheck(checker, known, expr->items[i], &item))
            return false;
        for (; at > 0 &&
               weir_span_compare(attributes[at - 1].name, expr->keys[i]) > 0;
             at--)
            attributes[at] = attributes[at - 1];
        attributes[at] =
            (struct weir_cedar_attribute){expr->keys[i], true, item.type};
    }
    record->attributes = attributes;
    record->attribute_count = expr->count;
    return give(typed_out, record);
}

/* --------------------------------------------------------- extensions */

static const struct weir_cedar_type *
type_of_kind(enum weir_cedar_kind kind)
{
    switch (kind) {
    case WEIR_CEDAR_BOOL:
        return BOOL_TYPE;
    case WEIR_CEDAR_LONG:
        return &weir__cedar_type_long;
    case WEIR_CEDAR_STRING:
        return &weir__cedar_type_string;
    case WEIR_CEDAR_DECIMAL:
        return &weir__cedar_type_decimal;
    case WEIR_CEDAR_DATETIME:
        return &weir__cedar_type_datetime;
    case WEIR_CEDAR_DURATION:
        return &weir__cedar_type_duration;
    default:
        WEIR_ASSERT(kind == WEIR_CEDAR_IP);
        return &weir__cedar_type_ipaddr;
    }
}

static bool
check_call(struct checker *checker, const struct capability *known,
           const struct cedar_expr *expr, struct typed *typed_out)
{
    const struct cedar_function_info *info =
        &weir__cedar_functions[expr->function];
    struct typed argument;
    weir_cedar_value value;
    if (expr->count != info->arity)
        return weir__cedar_refuse_type(
            checker, expr, "%s takes another number of arguments", info->name);
    for (uint32_t i = 0; i < expr->count; i++) {
        const struct weir_cedar_type *type =
            type_of_kind((enum weir_cedar_kind)info->parameters[i]);
        if (!weir__cedar_typecheck(checker, known, expr->items[i], &argument))
            return false;
        if (argument.type->kind != type->kind)
            return weir__cedar_refuse_type(checker, expr->items[i],
                                           "%s takes another type", info->name);
    }
    if (!info->is_method) {
        const struct cedar_expr *text = expr->items[0];
        if (text->kind != CEDAR_EXPR_LITERAL)
            return weir__cedar_refuse_type(
                checker, expr, "the argument of %s must be a string literal",
                info->name);
        if (!weir_cedar_extension_parse((enum weir_cedar_kind)info->result,
                                        text->value.string, &value))
            return weir__cedar_refuse_type(
                checker, text, "not a value that %s takes", info->name);
    }
    return give(typed_out, type_of_kind((enum weir_cedar_kind)info->result));
}

/* -------------------------------------------------------------- leaves */

static bool
check_literal(struct checker *checker, const struct cedar_expr *expr,
              struct typed *typed_out)
{
    const struct weir_cedar_entity_type *entity;
    switch (expr->value.kind) {
    case WEIR_CEDAR_BOOL:
        return give(typed_out, expr->value.boolean ? TRUE_TYPE : FALSE_TYPE);
    case WEIR_CEDAR_LONG:
        return give(typed_out, &weir__cedar_type_long);
    case WEIR_CEDAR_STRING:
        return give(typed_out, &weir__cedar_type_string);
    default:
        entity =
            weir_cedar_schema_find_type(checker->schema, expr->value.uid->type);
        if (entity == NULL)
            return weir__cedar_refuse_type(
                checker, expr, "entity type %.*s is not declared",
                WEIR_SPAN_ARG(expr->value.uid->type));
        if (!give(typed_out, weir__cedar_type_entity(checker, entity)))
            return false;
        return typed_out->type != NULL;
    }
}

static bool
check_variable(struct checker *checker, const struct cedar_expr *expr,
               struct typed *typed_out)
{
    const struct environment *environment = &checker->environment;
    const struct weir_cedar_entity_type *entity = NULL;
    switch (expr->var) {
    case CEDAR_PRINCIPAL:
        entity = environment->principal;
        break;
    case CEDAR_RESOURCE:
        entity = environment->resource;
        break;
    case CEDAR_ACTION:
        entity = environment->action->type;
        break;
    default:
        return give(typed_out, environment->action->context);
    }
    (void)give(typed_out, weir__cedar_type_entity(checker, entity));
    return typed_out->type != NULL;
}

static bool
check_form(struct checker *checker, const struct capability *known,
           const struct cedar_expr *expr, struct typed *typed_out)
{
    struct typed part;
    switch (expr->kind) {
    case CEDAR_EXPR_LITERAL:
        return check_literal(checker, expr, typed_out);
    case CEDAR_EXPR_VAR:
        return check_variable(checker, expr, typed_out);
    case CEDAR_EXPR_SET:
        return check_set(checker, known, expr, typed_out);
    case CEDAR_EXPR_RECORD:
        return check_record(checker, known, expr, typed_out);
    case CEDAR_EXPR_CALL:
        return check_call(checker, known, expr, typed_out);
    case CEDAR_EXPR_AND:
        return check_and(checker, known, expr, typed_out);
    case CEDAR_EXPR_OR:
        return check_or(checker, known, expr, typed_out);
    case CEDAR_EXPR_IF:
        return check_if(checker, known, expr, typed_out);
    case CEDAR_EXPR_NOT:
        return check_not(checker, known, expr, typed_out);
    case CEDAR_EXPR_EQUAL:
    case CEDAR_EXPR_NOT_EQUAL:
        return check_equal(checker, known, expr, typed_out);
    case CEDAR_EXPR_LESS:
    case CEDAR_EXPR_LESS_EQUAL:
    case CEDAR_EXPR_GREATER:
    case CEDAR_EXPR_GREATER_EQUAL:
        return check_order(checker, known, expr, typed_out);
    case CEDAR_EXPR_NEGATE:
    case CEDAR_EXPR_ADD:
    case CEDAR_EXPR_SUBTRACT:
    case CEDAR_EXPR_MULTIPLY:
        return check_arithmetic(checker, known, expr, typed_out);
    case CEDAR_EXPR_CONTAINS:
    case CEDAR_EXPR_CONTAINS_ALL:
    case CEDAR_EXPR_CONTAINS_ANY:
        return check_contains(checker, known, expr, typed_out);
    case CEDAR_EXPR_IS_EMPTY:
        return weir__cedar_typecheck_as(checker, known, expr->left,
                                        WEIR_CEDAR_TYPE_SET, &part) &&
               give(typed_out, BOOL_TYPE);
    case CEDAR_EXPR_LIKE:
        return weir__cedar_typecheck_as(checker, known, expr->left,
                                        WEIR_CEDAR_TYPE_STRING, &part) &&
               give(typed_out, BOOL_TYPE);
    default:
        return weir__cedar_typecheck_entity(checker, known, expr, typed_out);
    }
}

bool
weir__cedar_typecheck(struct checker *checker, const struct capability *known,
                      const struct cedar_expr *expr, struct typed *typed_out)
{
    *typed_out = (struct typed){NULL, NULL};
    if (!check_form(checker, known, expr, typed_out))
        return false;
    WEIR_ASSERT(typed_out->type != NULL);
    return true;
}
