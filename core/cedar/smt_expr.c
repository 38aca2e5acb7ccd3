/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions as pairs (ok, value), row by row as the evaluator has them:
 * an operand is reached in the order of evaluation, && || and if reach only
 * what they must, and the pair of the whole says when all that was reached
 * was ok.
 *
 * WHAT CAN NOT BE TYPED stands behind something that the typechecker knows
 * to be false (or true) in this environment. It becomes a term that is
 * never ok; were it reached after all, the question would have an error
 * where the evaluator has one.
 */
#include "smt.h"

#include <string.h>

static const struct weir_cedar_type bool_type = {.kind = WEIR_CEDAR_TYPE_BOOL};
static const struct weir_cedar_type string_type = {.kind =
                                                       WEIR_CEDAR_TYPE_STRING};
static const struct smt_term poison = {WEIR_SPAN("false"), WEIR_SPAN("false"),
                                       NULL, NULL, 0};

static struct smt_term
give(weir_span ok, weir_span value, const struct weir_cedar_type *type)
{
    return (struct smt_term){ok, value, type, NULL, 0};
}

static struct smt_term
give_bool(weir_span ok, weir_span value)
{
    return give(ok, value, &bool_type);
}

static bool
is_kind(const struct smt_term *term, enum weir_cedar_type_kind kind)
{
    return term->type != NULL && term->type->kind == kind;
}

static const struct weir_cedar_type *
entity_type(struct smt *s, const struct weir_cedar_entity_type *entity)
{
    struct weir_cedar_type *type = weir_arena_alloc(s->arena, sizeof(*type));
    if (type == NULL)
        return NULL;
    type->kind = WEIR_CEDAR_TYPE_ENTITY;
    type->entity = entity;
    return type;
}

/* -------------------------------------------------------------- leaves */

static struct smt_term
entity_literal(struct smt *s, const struct weir_cedar_uid *uid)
{
    const struct weir_cedar_entity_type *entity =
        weir_cedar_schema_find_type(s->schema, uid->type);
    weir_span value;
    if (entity == NULL)
        return poison;
    value = weir__smt_uid(s, uid, entity);
    if (value.ptr == NULL)
        return poison;
    return give(WEIR_SPAN("true"), value, entity_type(s, entity));
}

static struct smt_term
literal(struct smt *s, const struct cedar_expr *expr)
{
    if (expr->value.kind == WEIR_CEDAR_ENTITY)
        return entity_literal(s, expr->value.uid);
    return give(WEIR_SPAN("true"), weir__smt_value(s, &expr->value),
                expr->value.kind == WEIR_CEDAR_BOOL     ? &bool_type
                : expr->value.kind == WEIR_CEDAR_STRING ? &string_type
                                                        : &weir__smt_type_long);
}

static struct smt_term
variable(struct smt *s, const struct cedar_expr *expr)
{
    const struct weir_cedar_smt_environment *e = &s->environment;
    switch (expr->var) {
    case CEDAR_PRINCIPAL:
        return give(WEIR_SPAN("true"), WEIR_SPAN("principal"),
                    entity_type(s, e->principal));
    case CEDAR_RESOURCE:
        return give(WEIR_SPAN("true"), WEIR_SPAN("resource"),
                    entity_type(s, e->resource));
    case CEDAR_ACTION:
        return give(WEIR_SPAN("true"),
                    weir__smt_format(s, "a.%u", e->action->index),
                    entity_type(s, e->action->type));
    default:
        return give(WEIR_SPAN("true"), WEIR_SPAN("context"),
                    e->action->context);
    }
}

/* ------------------------------------------------------------- control */

static struct smt_term
chain(struct smt *s, const struct cedar_expr *expr)
{
    bool is_or = expr->kind == CEDAR_EXPR_OR;
    const char *stop = is_or ? "true" : "false";
    struct smt_term all = weir__smt_expr(s, expr->items[0]);
    if (!is_kind(&all, WEIR_CEDAR_TYPE_BOOL))
        return poison;
    for (uint32_t i = 1; i < expr->count; i++) {
        struct smt_term next;
        weir_span goes_on, skips;
        if (weir__smt_is(all.value, stop) || weir__smt_is(all.ok, "false"))
            break;
        next = weir__smt_expr(s, expr->items[i]);
        if (!is_kind(&next, WEIR_CEDAR_TYPE_BOOL))
            next = poison;
        skips = is_or ? all.value : weir__smt_not(s, all.value);
        goes_on = weir__smt_or(s, skips, next.ok);
        all.ok = weir__smt_and(s, all.ok, goes_on);
        all.value = is_or ? weir__smt_or(s, all.value, next.value)
                          : weir__smt_and(s, all.value, next.value);
    }
    return all;
}

static weir_span
choose(struct smt *s, weir_span sort, weir_span c, weir_span a, weir_span b)
{
    if (weir_span_equal(a, b))
        return a;
    return weir__smt_name(s, sort,
                          weir__smt_format(s, "(ite %.*s %.*s %.*s)",
                                           WEIR_SPAN_ARG(c), WEIR_SPAN_ARG(a),
                                           WEIR_SPAN_ARG(b)));
}

static struct smt_term
conditional(struct smt *s, const struct cedar_expr *expr)
{
    struct smt_term c = weir__smt_expr(s, expr->left), a, b;
    weir_span ok;
    if (!is_kind(&c, WEIR_CEDAR_TYPE_BOOL))
        return poison;
    if (weir__smt_is(c.value, "true") || weir__smt_is(c.value, "false")) {
        a = weir__smt_expr(s, weir__smt_is(c.value, "true") ? expr->right
                                                            : expr->third);
        a.ok = weir__smt_and(s, c.ok, a.ok);
        return a;
    }
    a = weir__smt_expr(s, expr->right);
    b = weir__smt_expr(s, expr->third);
    if (a.type == NULL && b.type == NULL)
        return poison;
    ok = weir__smt_and(s, c.ok,
                       choose(s, WEIR_SPAN("Bool"), c.value, a.ok, b.ok));
    if (a.type == NULL)
        a.value = b.value, a.type = b.type;
    if (b.type == NULL)
        b.value = a.value, b.type = a.type;
    if (!weir_cedar_type_equal(a.type, b.type))
        return poison;
    return give(ok,
                choose(s, weir__smt_sort(s, a.type), c.value, a.value, b.value),
                a.type);
}

/* -------------------------------------------------------- comparisons */

static struct smt_term
equality(struct smt *s, const struct cedar_expr *expr)
{
    struct smt_term a = weir__smt_expr(s, expr->left);
    struct smt_term b = weir__smt_expr(s, expr->right);
    weir_span ok, value;
    if (a.type == NULL || b.type == NULL)
        return poison;
    ok = weir__smt_and(s, a.ok, b.ok);
    if (!weir_cedar_type_equal(a.type, b.type)) {
        if (!is_kind(&a, WEIR_CEDAR_TYPE_ENTITY) ||
            !is_kind(&b, WEIR_CEDAR_TYPE_ENTITY))
            return poison;
        value = WEIR_SPAN("false");
    } else if (expr->left->kind == CEDAR_EXPR_LITERAL &&
               expr->right->kind == CEDAR_EXPR_LITERAL) {
        value = weir_span_of(weir_cedar_value_compare(&expr->left->value,
                                                      &expr->right->value) == 0
                                 ? "true"
                                 : "false");
    } else {
        value = weir__smt_equal(s, a.value, b.value);
    }
    if (expr->kind == CEDAR_EXPR_NOT_EQUAL)
        value = weir__smt_not(s, value);
    return give_bool(ok, value);
}

static struct smt_term
order(struct smt *s, const struct cedar_expr *expr)
{
    static const char *const functions[] = {"bvslt", "bvsle", "bvsgt", "bvsge"};
    const char *function = functions[expr->kind - CEDAR_EXPR_LESS];
    struct smt_term a = weir__smt_expr(s, expr->left);
    struct smt_term b = weir__smt_expr(s, expr->right);
    if (a.type == NULL || b.type == NULL || a.type->kind != b.type->kind)
        return poison;
    return give_bool(
        weir__smt_and(s, a.ok, b.ok),
        weir__smt_name(s, WEIR_SPAN("Bool"),
                       weir__smt_format(s, "(%s %.*s %.*s)", function,
                                        WEIR_SPAN_ARG(a.value),
                                        WEIR_SPAN_ARG(b.value))));
}

static struct smt_term
arithmetic(struct smt *s, const struct cedar_expr *expr)
{
    struct smt_term a = weir__smt_expr(s, expr->left), b = a;
    if (expr->kind != CEDAR_EXPR_NEGATE)
        b = weir__smt_expr(s, expr->right);
    if (!is_kind(&a, WEIR_CEDAR_TYPE_LONG) ||
        !is_kind(&b, WEIR_CEDAR_TYPE_LONG))
        return poison;
    return weir__smt_arithmetic(s, expr->kind, a, b, expr->left,
                                expr->kind == CEDAR_EXPR_NEGATE ? NULL
                                                                : expr->right);
}

/* ------------------------------------------------------ sets, records */

static struct smt_term
set_literal(struct smt *s, const struct cedar_expr *expr)
{
    struct weir_cedar_type *type = weir_arena_alloc(s->arena, sizeof(*type));
    weir_span *elements = weir_arena_array(s->arena, weir_span, expr->count);
    struct smt_term out = {.ok = WEIR_SPAN("true")};
    weir_span sort, text;
    if (type == NULL || elements == NULL || expr->count == 0)
        return poison;
    for (uint32_t i = 0; i < expr->count; i++) {
        struct smt_term item = weir__smt_expr(s, expr->items[i]);
        if (item.type == NULL ||
            (i > 0 && !weir_cedar_type_equal(type->element, item.type)))
            return poison;
        type->kind = WEIR_CEDAR_TYPE_SET;
        type->element = item.type;
        elements[i] = item.value;
        out.ok = weir__smt_and(s, out.ok, item.ok);
    }
    sort = weir__smt_sort(s, type->element);
    text = weir__smt_set_empty(s, sort);
    for (uint32_t i = 0; i < expr->count; i++)
        text = weir__smt_set_insert(s, text, elements[i]);
    out.value = weir__smt_name(s, weir__smt_sort(s, type), text);
    out.type = type;
    out.elements = elements;
    out.element_count = expr->count;
    return out;
}

static struct smt_term
record_literal(struct smt *s, const struct cedar_expr *expr)
{
    struct weir_cedar_type *type = weir_arena_alloc(s->arena, sizeof(*type));
    struct weir_cedar_attribute *fields =
        weir_arena_array(s->arena, struct weir_cedar_attribute, expr->count);
    weir_span *values = weir_arena_array(s->arena, weir_span, expr->count);
    weir_span ok = WEIR_SPAN("true"), text, symbol;
    if (type == NULL || fields == NULL || values == NULL)
        return poison;
    for (uint32_t i = 0; i < expr->count; i++) {
        struct smt_term item = weir__smt_expr(s, expr->items[i]);
        uint32_t at = i;
        if (item.type == NULL)
            return poison;
        ok = weir__smt_and(s, ok, item.ok);
        for (; at > 0 &&
               weir_span_compare(fields[at - 1].name, expr->keys[i]) > 0;
             at--) {
            fields[at] = fields[at - 1];
            values[at] = values[at - 1];
        }
        fields[at] =
            (struct weir_cedar_attribute){expr->keys[i], true, item.type};
        values[at] = item.value;
    }
    type->kind = WEIR_CEDAR_TYPE_RECORD;
    type->attributes = fields;
    type->attribute_count = expr->count;
    symbol = weir__smt_record(s, type);
    if (expr->count == 0)
        return give(ok, weir__smt_format(s, "mk.%.*s", WEIR_SPAN_ARG(symbol)),
                    type);
    text = weir__smt_format(s, "(mk.%.*s", WEIR_SPAN_ARG(symbol));
    for (uint32_t i = 0; i < expr->count; i++)
        text = weir__smt_format(s, "%.*s %.*s", WEIR_SPAN_ARG(text),
                                WEIR_SPAN_ARG(values[i]));
    text = weir__smt_format(s, "%.*s)", WEIR_SPAN_ARG(text));
    return give(ok, weir__smt_name(s, symbol, text), type);
}

static weir_span
all_or_any(struct smt *s, weir_span set, const struct smt_term *of, bool is_any)
{
    weir_span out = weir_span_of(is_any ? "false" : "true");
    for (uint32_t i = 0; i < of->element_count; i++) {
        weir_span one = weir__smt_set_has(s, set, of->elements[i]);
        out = is_any ? weir__smt_or(s, out, one) : weir__smt_and(s, out, one);
    }
    return out;
}

static struct smt_term
contains(struct smt *s, const struct cedar_expr *expr)
{
    struct smt_term a = weir__smt_expr(s, expr->left);
    struct smt_term b = weir__smt_expr(s, expr->right);
    weir_span ok, value = WEIR_SPAN("false");
    if (!is_kind(&a, WEIR_CEDAR_TYPE_SET) || b.type == NULL ||
        !weir_cedar_type_equal(
            expr->kind == CEDAR_EXPR_CONTAINS ? a.type->element : a.type,
            b.type))
        return poison;
    ok = weir__smt_and(s, a.ok, b.ok);
    if (expr->kind == CEDAR_EXPR_CONTAINS && a.elements != NULL) {
        for (uint32_t i = 0; i < a.element_count; i++)
            value = weir__smt_or(s, value,
                                 weir__smt_equal(s, a.elements[i], b.value));
    } else if (expr->kind == CEDAR_EXPR_CONTAINS) {
        value = weir__smt_set_has(s, a.value, b.value);
    } else if (b.elements != NULL) {
        value =
            all_or_any(s, a.value, &b, expr->kind == CEDAR_EXPR_CONTAINS_ANY);
    } else if (expr->kind == CEDAR_EXPR_CONTAINS_ALL) {
        value = weir__smt_set_subset(s, b.value, a.value);
    } else if (a.elements != NULL) {
        value = all_or_any(s, b.value, &a, true);
    } else {
        value = weir__smt_set_meets(s, a.value, b.value,
                                    weir__smt_sort(s, a.type->element));
    }
    return give_bool(ok, value);
}

/* ----------------------------------------------------------- attributes */

static const struct weir_cedar_type *
shape_of(const struct smt_term *term)
{
    if (is_kind(term, WEIR_CEDAR_TYPE_RECORD))
        return term->type;
    return is_kind(term, WEIR_CEDAR_TYPE_ENTITY) ? term->type->entity->shape
                                                 : NULL;
}

/* The field as it is stored: a value, or an option. */
static weir_span
stored(struct smt *s, const struct smt_term *base,
       const struct weir_cedar_attribute *attribute)
{
    weir_span symbol, sort;
    if (base->type->kind == WEIR_CEDAR_TYPE_ENTITY)
        return weir__smt_attribute(s, base->value, base->type->entity,
                                   attribute);
    symbol = weir__smt_record(s, base->type);
    sort = attribute->is_required ? weir__smt_sort(s, attribute->type)
                                  : weir__smt_option(s, attribute->type);
    return weir__smt_name(
        s, sort,
        weir__smt_format(s, "(%.*s.%u %.*s)", WEIR_SPAN_ARG(symbol),
                         (uint32_t)(attribute - base->type->attributes),
                         WEIR_SPAN_ARG(base->value)));
}

static weir_span
is_some(struct smt *s, weir_span option, const struct weir_cedar_type *type)
{
    weir_span symbol = weir__smt_option(s, type);
    return weir__smt_name(s, WEIR_SPAN("Bool"),
                          weir__smt_format(s, "((_ is some.%.*s) %.*s)",
                                           WEIR_SPAN_ARG(symbol),
                                           WEIR_SPAN_ARG(option)));
}

static weir_span
inner(struct smt *s, weir_span option, const struct weir_cedar_type *type)
{
    weir_span symbol = weir__smt_option(s, type);
    return weir__smt_name(s, weir__smt_sort(s, type),
                          weir__smt_format(s, "(val.%.*s %.*s)",
                                           WEIR_SPAN_ARG(symbol),
                                           WEIR_SPAN_ARG(option)));
}

/* The value, and in `there_out` whether there is one. */
static struct smt_term
field_of(struct smt *s, const struct smt_term *base,
         const struct weir_cedar_attribute *attribute, weir_span *there_out)
{
    weir_span value = stored(s, base, attribute);
    *there_out = WEIR_SPAN("true");
    if (!attribute->is_required) {
        *there_out = is_some(s, value, attribute->type);
        value = inner(s, value, attribute->type);
    }
    if (attribute->type->kind == WEIR_CEDAR_TYPE_SET)
        weir__smt_set_finite(s, value);
    if (attribute->type->kind == WEIR_CEDAR_TYPE_ENTITY)
        weir__smt_foot(s, value, attribute->type->entity, false);
    return give(base->ok, value, attribute->type);
}

static struct smt_term
get(struct smt *s, const struct cedar_expr *expr)
{
    struct smt_term base = weir__smt_expr(s, expr->left), out;
    const struct weir_cedar_type *shape = shape_of(&base);
    const struct weir_cedar_attribute *attribute =
        shape == NULL ? NULL : weir_cedar_type_attribute(shape, expr->name);
    weir_span there;
    if (attribute == NULL)
        return poison;
    out = field_of(s, &base, attribute, &there);
    out.ok = weir__smt_and(s, base.ok, there);
    return out;
}

static struct smt_term
has(struct smt *s, const struct cedar_expr *expr)
{
    struct smt_term base = weir__smt_expr(s, expr->left);
    weir_span value = WEIR_SPAN("true"), there;
    for (uint32_t i = 0; i < expr->count; i++) {
        const struct weir_cedar_type *shape = shape_of(&base);
        const struct weir_cedar_attribute *attribute;
        if (shape == NULL)
            return poison;
        attribute = weir_cedar_type_attribute(shape, expr->keys[i]);
        if (attribute == NULL)
            return give_bool(base.ok, WEIR_SPAN("false"));
        base = field_of(s, &base, attribute, &there);
        value = weir__smt_and(s, value, there);
    }
    return give_bool(base.ok, value);
}

static struct smt_term
tag(struct smt *s, const struct cedar_expr *expr)
{
    struct smt_term base = weir__smt_expr(s, expr->left), out;
    struct smt_term key = weir__smt_expr(s, expr->right);
    const struct weir_cedar_entity_type *entity;
    weir_span ok, option, there;
    if (!is_kind(&base, WEIR_CEDAR_TYPE_ENTITY) ||
        !is_kind(&key, WEIR_CEDAR_TYPE_STRING))
        return poison;
    ok = weir__smt_and(s, base.ok, key.ok);
    entity = base.type->entity;
    if (entity->tags == NULL)
        return expr->kind == CEDAR_EXPR_HAS_TAG
                   ? give_bool(ok, WEIR_SPAN("false"))
                   : poison;
    option = weir__smt_tag(s, base.value, entity, key.value);
    there = is_some(s, option, entity->tags);
    if (expr->kind == CEDAR_EXPR_HAS_TAG)
        return give_bool(ok, there);
    out = give(weir__smt_and(s, ok, there), inner(s, option, entity->tags),
               entity->tags);
    if (entity->tags->kind == WEIR_CEDAR_TYPE_SET)
        weir__smt_set_finite(s, out.value);
    return out;
}

/* ----------------------------------------------------------- hierarchy */

static struct smt_term
member(struct smt *s, const struct smt_term *a, const struct cedar_expr *right)
{
    struct smt_term b = weir__smt_expr(s, right);
    weir_span ok;
    if (!is_kind(a, WEIR_CEDAR_TYPE_ENTITY) || b.type == NULL)
        return poison;
    ok = weir__smt_and(s, a->ok, b.ok);
    if (b.type->kind == WEIR_CEDAR_TYPE_ENTITY)
        return give_bool(ok, weir__smt_in(s, a->value, a->type->entity, b.value,
                                          b.type->entity));
    if (b.type->kind != WEIR_CEDAR_TYPE_SET ||
        b.type->element->kind != WEIR_CEDAR_TYPE_ENTITY)
        return poison;
    return give_bool(ok, weir__smt_in_set(s, a, &b));
}

static struct smt_term
is_type(struct smt *s, const struct cedar_expr *expr)
{
    struct smt_term a = weir__smt_expr(s, expr->left);
    if (!is_kind(&a, WEIR_CEDAR_TYPE_ENTITY))
        return poison;
    if (!weir_span_equal(a.type->entity->name, expr->name))
        return give_bool(a.ok, WEIR_SPAN("false"));
    if (expr->right == NULL)
        return give_bool(a.ok, WEIR_SPAN("true"));
    return member(s, &a, expr->right);
}

static struct smt_term
unary(struct smt *s, const struct cedar_expr *expr)
{
    struct smt_term a = weir__smt_expr(s, expr->left);
    if (expr->kind == CEDAR_EXPR_NOT && is_kind(&a, WEIR_CEDAR_TYPE_BOOL))
        return give_bool(a.ok, weir__smt_not(s, a.value));
    if (expr->kind == CEDAR_EXPR_LIKE && is_kind(&a, WEIR_CEDAR_TYPE_STRING))
        return give_bool(
            a.ok, weir__smt_like(s, a.value, expr->pattern, expr->count));
    if (expr->kind == CEDAR_EXPR_IS_EMPTY && is_kind(&a, WEIR_CEDAR_TYPE_SET))
        return give_bool(
            a.ok,
            a.elements != NULL
                ? WEIR_SPAN("false")
                : weir__smt_equal(s, a.value,
                                  weir__smt_set_empty(
                                      s, weir__smt_sort(s, a.type->element))));
    return poison;
}

static struct smt_term
dispatch(struct smt *s, const struct cedar_expr *expr)
{
    struct smt_term left;
    switch (expr->kind) {
    case CEDAR_EXPR_LITERAL:
        return literal(s, expr);
    case CEDAR_EXPR_VAR:
        return variable(s, expr);
    case CEDAR_EXPR_SET:
        return set_literal(s, expr);
    case CEDAR_EXPR_RECORD:
        return record_literal(s, expr);
    case CEDAR_EXPR_CALL:
        return weir__smt_call(s, expr);
    case CEDAR_EXPR_AND:
    case CEDAR_EXPR_OR:
        return chain(s, expr);
    case CEDAR_EXPR_IF:
        return conditional(s, expr);
    case CEDAR_EXPR_EQUAL:
    case CEDAR_EXPR_NOT_EQUAL:
        return equality(s, expr);
    case CEDAR_EXPR_LESS:
    case CEDAR_EXPR_LESS_EQUAL:
    case CEDAR_EXPR_GREATER:
    case CEDAR_EXPR_GREATER_EQUAL:
        return order(s, expr);
    case CEDAR_EXPR_NEGATE:
    case CEDAR_EXPR_ADD:
    case CEDAR_EXPR_SUBTRACT:
    case CEDAR_EXPR_MULTIPLY:
        return arithmetic(s, expr);
    case CEDAR_EXPR_IN:
        left = weir__smt_expr(s, expr->left);
        return member(s, &left, expr->right);
    case CEDAR_EXPR_CONTAINS:
    case CEDAR_EXPR_CONTAINS_ALL:
    case CEDAR_EXPR_CONTAINS_ANY:
        return contains(s, expr);
    case CEDAR_EXPR_HAS_TAG:
    case CEDAR_EXPR_GET_TAG:
        return tag(s, expr);
    case CEDAR_EXPR_GET:
        return get(s, expr);
    case CEDAR_EXPR_HAS:
        return has(s, expr);
    case CEDAR_EXPR_IS:
        return is_type(s, expr);
    default:
        return unary(s, expr);
    }
}

struct smt_term
weir__smt_expr(struct smt *s, const struct cedar_expr *expr)
{
    struct smt_term term;
    if (weir__smt_failed(s))
        return poison;
    term = dispatch(s, expr);
    if (is_kind(&term, WEIR_CEDAR_TYPE_ENTITY))
        weir__smt_foot(s, term.value, term.type->entity,
                       expr->kind == CEDAR_EXPR_LITERAL);
    return term;
}
