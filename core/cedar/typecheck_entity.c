/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typing rules that look into the schema: hierarchies (`in`, `is`),
 * attributes and tags.
 *
 * An entity may be absent from the store, so that `has` on a declared and
 * required attribute is a Bool and its truth is a fact, while `has` on a
 * record's required attribute is True.
 */
#include "typecheck_entity.h"

#define TRUE_TYPE  (&weir__cedar_type_true)
#define FALSE_TYPE (&weir__cedar_type_false)
#define BOOL_TYPE  (&weir__cedar_type_bool)

static bool
give(struct typed *typed_out, const struct weir_cedar_type *type)
{
    typed_out->type = type;
    typed_out->facts = NULL;
    return true;
}

/* The action that an expression names, or NULL: a literal, or `action`. */
static const struct weir_cedar_action *
action_of(struct checker *checker, const struct cedar_expr *expr)
{
    if (expr->kind == CEDAR_EXPR_VAR && expr->var == CEDAR_ACTION)
        return checker->environment.action;
    if (expr->kind != CEDAR_EXPR_LITERAL ||
        expr->value.kind != WEIR_CEDAR_ENTITY)
        return NULL;
    return weir_cedar_schema_find_action(checker->schema, expr->value.uid->type,
                                         expr->value.uid->id);
}

static bool
action_is_in(const struct weir_cedar_action *action,
             const struct weir_cedar_action *group)
{
    if (action == group)
        return true;
    for (uint32_t i = 0; i < action->ancestor_count; i++)
        if (action->ancestors[i] == group)
            return true;
    return false;
}

const struct weir_cedar_type *
weir__cedar_type_of_in(struct checker *checker, const struct cedar_expr *left,
                       const struct weir_cedar_entity_type *left_type,
                       const struct cedar_expr *right,
                       const struct weir_cedar_entity_type *right_type)
{
    const struct weir_cedar_action *action = action_of(checker, left);
    bool is_set = right->kind == CEDAR_EXPR_SET;
    uint32_t count = is_set ? right->count : 1;
    bool is_in = false, all_named = action != NULL;
    for (uint32_t i = 0; all_named && i < count; i++) {
        const struct weir_cedar_action *group =
            action_of(checker, is_set ? right->items[i] : right);
        if (group == NULL)
            all_named = false;
        else if (action_is_in(action, group))
            is_in = true;
    }
    if (all_named)
        return is_in ? TRUE_TYPE : FALSE_TYPE;
    if (left_type == right_type ||
        weir_cedar_type_may_descend(left_type, right_type))
        return BOOL_TYPE;
    return FALSE_TYPE;
}

static bool
check_in(struct checker *checker, const struct capability *known,
         const struct cedar_expr *left, const struct cedar_expr *right,
         struct typed *typed_out)
{
    const struct weir_cedar_type *target;
    struct typed a, b;
    if (!weir__cedar_typecheck_as(checker, known, left, WEIR_CEDAR_TYPE_ENTITY,
                                  &a) ||
        !weir__cedar_typecheck(checker, known, right, &b))
        return false;
    target = b.type->kind == WEIR_CEDAR_TYPE_SET ? b.type->element : b.type;
    if (target->kind != WEIR_CEDAR_TYPE_ENTITY)
        return weir__cedar_refuse_type(checker, right,
                                       "expected an entity or a set of them");
    return give(typed_out, weir__cedar_type_of_in(checker, left, a.type->entity,
                                                  right, target->entity));
}

static bool
check_is(struct checker *checker, const struct capability *known,
         const struct cedar_expr *expr, struct typed *typed_out)
{
    struct typed part;
    bool is_of_type;
    if (!weir__cedar_typecheck_as(checker, known, expr->left,
                                  WEIR_CEDAR_TYPE_ENTITY, &part))
        return false;
    is_of_type = weir_span_equal(part.type->entity->name, expr->name);
    if (!is_of_type)
        return give(typed_out, FALSE_TYPE);
    if (expr->right == NULL)
        return give(typed_out, TRUE_TYPE);
    return check_in(checker, known, expr->left, expr->right, typed_out);
}

/* -------------------------------------------------------- attributes */

/* Attributes of a record or of an entity; NULL for any other type. */
static const struct weir_cedar_type *
shape_of(const struct weir_cedar_type *type)
{
    if (type->kind == WEIR_CEDAR_TYPE_RECORD)
        return type;
    return type->kind == WEIR_CEDAR_TYPE_ENTITY ? type->entity->shape : NULL;
}

static bool
check_has_one(struct checker *checker, const struct capability *known,
              const struct cedar_expr *left, weir_span name,
              struct typed *typed_out)
{
    const struct weir_cedar_attribute *attribute;
    const struct weir_cedar_type *shape;
    const struct capability *fact;
    struct typed part;
    if (!weir__cedar_typecheck(checker, known, left, &part))
        return false;
    shape = shape_of(part.type);
    if (shape == NULL)
        return weir__cedar_refuse_type(checker, left,
                                       "expected an entity or a record");
    attribute = weir_cedar_type_attribute(shape, name);
    if (attribute == NULL)
        return give(typed_out, FALSE_TYPE);
    fact = weir__cedar_fact(checker, left, name, NULL);
    if (fact == NULL)
        return false;
    typed_out->facts = fact;
    if ((attribute->is_required && part.type->kind == WEIR_CEDAR_TYPE_RECORD) ||
        weir__cedar_fact_known(known, fact))
        typed_out->type = TRUE_TYPE;
    else
        typed_out->type = BOOL_TYPE;
    return true;
}

/* `e has a.b` is `e has a && e.a has b`. */
static bool
check_has(struct checker *checker, const struct capability *known,
          const struct cedar_expr *expr, struct typed *typed_out)
{
    struct cedar_builder builder = {.arena = checker->arena};
    struct cedar_expr *left = expr->left, *all = NULL;
    if (expr->count == 1)
        return check_has_one(checker, known, left, expr->keys[0], typed_out);
    for (uint32_t i = 0; i < expr->count; i++) {
        struct cedar_expr *has =
            weir__cedar_has(&builder, left, &expr->keys[i], 1);
        all = i == 0 ? has
                     : weir__cedar_binary(&builder, CEDAR_EXPR_AND, all, has);
        left = weir__cedar_get(&builder, left, expr->keys[i]);
        if (has != NULL) {
            has->offset = expr->offset;
            has->end = expr->end;
        }
    }
    if (all == NULL || left == NULL) {
        if (builder.error.status == WEIR_ELIMIT)
            return weir__cedar_refuse_type(checker, expr, "%s",
                                           builder.error.text);
        checker->is_out_of_memory = true;
        return false;
    }
    return weir__cedar_typecheck(checker, known, all, typed_out);
}

static bool
check_get(struct checker *checker, const struct capability *known,
          const struct cedar_expr *expr, struct typed *typed_out)
{
    const struct weir_cedar_attribute *attribute;
    const struct weir_cedar_type *shape;
    const struct capability *fact;
    struct typed part;
    if (!weir__cedar_typecheck(checker, known, expr->left, &part))
        return false;
    shape = shape_of(part.type);
    if (shape == NULL)
        return weir__cedar_refuse_type(checker, expr->left,
                                       "expected an entity or a record");
    attribute = weir_cedar_type_attribute(shape, expr->name);
    if (attribute == NULL) {
        if (part.type->kind == WEIR_CEDAR_TYPE_ENTITY)
            return weir__cedar_refuse_type(
                checker, expr, "%.*s has no attribute %.*s",
                WEIR_SPAN_ARG(part.type->entity->name),
                WEIR_SPAN_ARG(expr->name));
        return weir__cedar_refuse_type(checker, expr,
                                       "the record has no attribute %.*s",
                                       WEIR_SPAN_ARG(expr->name));
    }
    if (!attribute->is_required) {
        fact = weir__cedar_fact(checker, expr->left, expr->name, NULL);
        if (fact == NULL)
            return false;
        if (!weir__cedar_fact_known(known, fact))
            return weir__cedar_refuse_type(
                checker, expr,
                "attribute %.*s is optional and not tested with 'has'",
                WEIR_SPAN_ARG(expr->name));
    }
    return give(typed_out, attribute->type);
}

/* -------------------------------------------------------------- tags */

static bool
check_tag(struct checker *checker, const struct capability *known,
          const struct cedar_expr *expr, struct typed *typed_out)
{
    bool is_test = expr->kind == CEDAR_EXPR_HAS_TAG;
    const struct weir_cedar_type *tags;
    const struct capability *fact;
    struct typed entity, key;
    bool is_known;
    if (!weir__cedar_typecheck_as(checker, known, expr->left,
                                  WEIR_CEDAR_TYPE_ENTITY, &entity) ||
        !weir__cedar_typecheck_as(checker, known, expr->right,
                                  WEIR_CEDAR_TYPE_STRING, &key))
        return false;
    tags = entity.type->entity->tags;
    if (tags == NULL)
        return is_test ? give(typed_out, FALSE_TYPE)
                       : weir__cedar_refuse_type(
                             checker, expr, "%.*s has no tags",
                             WEIR_SPAN_ARG(entity.type->entity->name));
    fact = weir__cedar_fact(checker, expr->left, WEIR_SPAN_NONE, expr->right);
    if (fact == NULL)
        return false;
    is_known = weir__cedar_fact_known(known, fact);
    if (is_test) {
        *typed_out = (struct typed){is_known ? TRUE_TYPE : BOOL_TYPE, fact};
        return true;
    }
    if (!is_known)
        return weir__cedar_refuse_type(
            checker, expr, "the tag is not tested with 'hasTag' of the same");
    return give(typed_out, tags);
}

bool
weir__cedar_typecheck_entity(struct checker *checker,
                             const struct capability *known,
                             const struct cedar_expr *expr,
                             struct typed *typed_out)
{
    switch (expr->kind) {
    case CEDAR_EXPR_IN:
        return check_in(checker, known, expr->left, expr->right, typed_out);
    case CEDAR_EXPR_IS:
        return check_is(checker, known, expr, typed_out);
    case CEDAR_EXPR_HAS:
        return check_has(checker, known, expr, typed_out);
    case CEDAR_EXPR_GET:
        return check_get(checker, known, expr, typed_out);
    default:
        WEIR_ASSERT(expr->kind == CEDAR_EXPR_HAS_TAG ||
                    expr->kind == CEDAR_EXPR_GET_TAG);
        return check_tag(checker, known, expr, typed_out);
    }
}
