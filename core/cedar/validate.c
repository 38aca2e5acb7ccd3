/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strict validation of a policy set.
 *
 *   names        every entity type, action and enum id that the text names
 *                is declared, also where the typechecker does not look
 *   application  some action that the scope admits has a principal type and
 *                a resource type that it admits
 *   types        in each environment (action, principal type, resource
 *                type) the whole policy has a Bool type; False in all of
 *                them is worth a warning: the policy never applies
 *
 * A slot of a template may hold an entity of any type. That can make a
 * scope True or False, never wrong, and a Bool looks at all that follows,
 * so that one look with Bool stands for all of them.
 */
#include "schema.h"
#include "typecheck_entity.h"

#include <weir/cedar_validate.h>

#include <stdio.h>
#include <string.h>

/* Scratch of one policy: types and facts of all its environments. */
#define SCRATCH_MAX ((size_t)256 << 20)

struct validator {
    const struct weir_cedar_schema *schema;
    enum weir_cedar_dialect dialect;
    struct weir_arena *arena;
    struct weir_cedar_finding *items;
    size_t count;
    size_t capacity;
    size_t error_count;
    uint32_t policy;
    size_t policy_first; /* of its findings */
};

/* ---------------------------------------------------------- findings */

static void
find(struct validator *v, bool is_warning, uint32_t offset, const char *text)
{
    weir_span clause = weir_span_of(text);
    for (size_t i = v->policy_first; i < v->count; i++)
        if (v->items[i].offset == offset &&
            weir_span_equal(v->items[i].text, clause))
            return;
    if (v->count == v->capacity) {
        size_t capacity = v->capacity == 0 ? 16 : v->capacity * 2;
        struct weir_cedar_finding *items =
            weir_arena_array(v->arena, struct weir_cedar_finding, capacity);
        if (items == NULL)
            return; /* sticky; the caller sees the overflow */
        if (v->count > 0)
            memcpy(items, v->items, v->count * sizeof(*items));
        v->items = items;
        v->capacity = capacity;
    }
    v->items[v->count++] = (struct weir_cedar_finding){
        v->policy, is_warning, offset, weir_arena_copy(v->arena, clause)};
    if (!is_warning)
        v->error_count++;
}

static void WEIR_PRINTF(3, 4)
    findf(struct validator *v, uint32_t offset, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    find(v, false, offset, text);
}

/* ------------------------------------------------------------- names */

static uint32_t
offset_of(const struct cedar_expr *expr)
{
    return expr->end == 0 ? WEIR_OFFSET_NONE : expr->offset;
}

static void
check_uid(struct validator *v, const struct weir_cedar_uid *uid,
          uint32_t offset)
{
    const struct weir_cedar_entity_type *type =
        weir_cedar_schema_find_type(v->schema, uid->type);
    if (weir__cedar_is_action_type(uid->type)) {
        if (weir_cedar_schema_find_action(v->schema, uid->type, uid->id) ==
            NULL)
            findf(v, offset, "the action is not declared");
        return;
    }
    if (type == NULL)
        findf(v, offset, "entity type %.*s is not declared",
              WEIR_SPAN_ARG(uid->type));
    else if (!weir_cedar_type_admits_id(type, uid->id))
        findf(v, offset, "the enum %.*s does not list this id",
              WEIR_SPAN_ARG(uid->type));
}

static void
check_type_name(struct validator *v, weir_span name, uint32_t offset)
{
    if (!weir__cedar_is_action_type(name) &&
        weir_cedar_schema_find_type(v->schema, name) == NULL)
        findf(v, offset, "entity type %.*s is not declared",
              WEIR_SPAN_ARG(name));
}

static void
check_names(struct validator *v, const struct cedar_expr *expr)
{
    switch (expr->kind) {
    case CEDAR_EXPR_LITERAL:
        if (expr->value.kind == WEIR_CEDAR_ENTITY)
            check_uid(v, expr->value.uid, offset_of(expr));
        return;
    case CEDAR_EXPR_VAR:
        return;
    case CEDAR_EXPR_SET:
    case CEDAR_EXPR_RECORD:
    case CEDAR_EXPR_CALL:
    case CEDAR_EXPR_AND:
    case CEDAR_EXPR_OR:
        for (uint32_t i = 0; i < expr->count; i++)
            check_names(v, expr->items[i]);
        return;
    case CEDAR_EXPR_IF:
        check_names(v, expr->left);
        check_names(v, expr->right);
        check_names(v, expr->third);
        return;
    case CEDAR_EXPR_IS:
        check_type_name(v, expr->name, offset_of(expr));
        check_names(v, expr->left);
        if (expr->right != NULL)
            check_names(v, expr->right);
        return;
    case CEDAR_EXPR_NOT:
    case CEDAR_EXPR_NEGATE:
    case CEDAR_EXPR_IS_EMPTY:
    case CEDAR_EXPR_GET:
    case CEDAR_EXPR_HAS:
    case CEDAR_EXPR_LIKE:
        check_names(v, expr->left);
        return;
    default:
        check_names(v, expr->left);
        check_names(v, expr->right);
        return;
    }
}

static void
check_scope_names(struct validator *v, const struct cedar_scope *scope)
{
    uint32_t offset = scope->end == 0 ? WEIR_OFFSET_NONE : scope->offset;
    if (scope->op == CEDAR_SCOPE_IS || scope->op == CEDAR_SCOPE_IS_IN)
        check_type_name(v, scope->type, offset);
    for (uint32_t i = 0; !scope->is_slot && i < scope->count; i++)
        check_uid(v, &scope->entities[i],
                  scope->offsets != NULL ? scope->offsets[i] : offset);
}

/* ------------------------------------------------------- application */

static bool
scope_admits_type(const struct validator *v, const struct cedar_scope *scope,
                  const struct weir_cedar_entity_type *type)
{
    const struct weir_cedar_entity_type *of;
    if (scope->op == CEDAR_SCOPE_ANY)
        return true;
    if ((scope->op == CEDAR_SCOPE_IS || scope->op == CEDAR_SCOPE_IS_IN) &&
        !weir_span_equal(scope->type, type->name))
        return false;
    if (scope->op == CEDAR_SCOPE_IS || scope->is_slot)
        return true;
    of = weir_cedar_schema_find_type(v->schema, scope->entities[0].type);
    if (of == NULL)
        return false;
    if (of == type)
        return true;
    return scope->op != CEDAR_SCOPE_EQUAL &&
           weir_cedar_type_may_descend(type, of);
}

static bool
scope_admits_action(const struct validator *v, const struct cedar_scope *scope,
                    const struct weir_cedar_action *action)
{
    if (scope->op == CEDAR_SCOPE_ANY)
        return true;
    for (uint32_t i = 0; i < scope->count; i++) {
        const struct weir_cedar_action *named = weir_cedar_schema_find_action(
            v->schema, scope->entities[i].type, scope->entities[i].id);
        if (named == NULL)
            continue;
        if (named == action)
            return true;
        for (uint32_t k = 0;
             scope->op != CEDAR_SCOPE_EQUAL && k < action->ancestor_count; k++)
            if (action->ancestors[k] == named)
                return true;
    }
    return false;
}

static bool
any_admitted(const struct validator *v, const struct cedar_scope *scope,
             const struct weir_cedar_entity_type *const *types, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (scope_admits_type(v, scope, types[i]))
            return true;
    return false;
}

/* One unknown action among several takes them all away, as in the reference:
 * it matters for links, whose template alone is told of the name. */
static bool
knows_actions(const struct validator *v, const struct cedar_scope *scope)
{
    for (uint32_t i = 0; i < scope->count; i++)
        if (weir_cedar_schema_find_action(v->schema, scope->entities[i].type,
                                          scope->entities[i].id) == NULL)
            return false;
    return true;
}

static void
check_application(struct validator *v, const struct weir_cedar_policy *policy,
                  const struct cedar_scope *principal,
                  const struct cedar_scope *resource)
{
    size_t count = knows_actions(v, &policy->action)
                       ? weir_cedar_schema_action_count(v->schema)
                       : 0;
    for (size_t i = 0; i < count; i++) {
        const struct weir_cedar_action *action =
            weir_cedar_schema_action(v->schema, i);
        if (scope_admits_action(v, &policy->action, action) &&
            any_admitted(v, principal, action->principals,
                         action->principal_count) &&
            any_admitted(v, resource, action->resources,
                         action->resource_count))
            return;
    }
    find(v, v->dialect == WEIR_CEDAR_4_13,
         policy->end == 0 ? WEIR_OFFSET_NONE : policy->action.offset,
         "no action of the schema applies to such a principal and resource");
}

/* ------------------------------------------------------------- types */

/* What is known so far of the conjunction that a policy is. */
struct conjunction {
    struct typed all;
    const struct capability *known;
};

static void
conjoin(struct checker *checker, struct conjunction *c, struct typed part)
{
    if (part.type->kind == WEIR_CEDAR_TYPE_FALSE) {
        c->all.type = &weir__cedar_type_false;
        return;
    }
    if (part.type->kind != WEIR_CEDAR_TYPE_TRUE)
        c->all.type = &weir__cedar_type_bool;
    c->known = weir__cedar_facts_add(checker, c->known, part.facts);
}

static bool
is_false(const struct conjunction *c)
{
    return c->all.type->kind == WEIR_CEDAR_TYPE_FALSE;
}

/* The expression that a scope is, slots aside; NULL when it has none. */
static struct cedar_expr *
scope_expr(struct cedar_builder *builder, enum cedar_var var,
           const struct cedar_scope *scope)
{
    struct cedar_expr *variable = weir__cedar_variable(builder, var);
    struct cedar_expr *target = NULL, *all;
    struct cedar_expr **items = NULL;
    if (scope->op == CEDAR_SCOPE_ANY)
        return NULL;
    if (scope->op == CEDAR_SCOPE_IN_SET && scope->count > 0)
        items =
            weir_arena_array(builder->arena, struct cedar_expr *, scope->count);
    for (uint32_t i = 0; !scope->is_slot && i < scope->count; i++) {
        weir_cedar_value value = {.kind = WEIR_CEDAR_ENTITY};
        value.uid = &scope->entities[i];
        target = weir__cedar_literal(builder, value);
        if (items != NULL)
            items[i] = target;
    }
    if (scope->op == CEDAR_SCOPE_IN_SET)
        target = weir__cedar_list(builder, CEDAR_EXPR_SET, CEDAR_FNS, NULL,
                                  items, scope->count);
    if (scope->op == CEDAR_SCOPE_EQUAL)
        all = weir__cedar_binary(builder, CEDAR_EXPR_EQUAL, variable, target);
    else if (scope->op == CEDAR_SCOPE_IS || scope->op == CEDAR_SCOPE_IS_IN)
        all = weir__cedar_is(builder, variable, scope->type,
                             scope->is_slot ? NULL : target);
    else
        all = weir__cedar_binary(builder, CEDAR_EXPR_IN, variable, target);
    if (all != NULL) {
        all->offset = scope->offset;
        all->end = scope->end;
    }
    return all;
}

static bool
check_scope(struct checker *checker, struct conjunction *c, enum cedar_var var,
            const struct cedar_scope *scope)
{
    struct cedar_builder builder = {.arena = checker->arena};
    const struct cedar_expr *expr;
    struct typed part;
    if (is_false(c))
        return true;
    if (!scope->is_slot || scope->op == CEDAR_SCOPE_IS_IN) {
        expr = scope_expr(&builder, var, scope);
        if (builder.error.status != WEIR_OK) {
            checker->is_out_of_memory = true;
            return false;
        }
        if (expr == NULL)
            return true;
        if (!weir__cedar_typecheck(checker, c->known, expr, &part))
            return false;
        conjoin(checker, c, part);
    }
    if (scope->is_slot && !is_false(c))
        conjoin(checker, c, (struct typed){&weir__cedar_type_bool, NULL});
    return true;
}

static bool
check_condition(struct checker *checker, struct conjunction *c,
                const struct cedar_condition *condition)
{
    struct typed part;
    if (is_false(c))
        return true;
    if (!weir__cedar_typecheck_as(checker, c->known, condition->body,
                                  WEIR_CEDAR_TYPE_BOOL, &part))
        return false;
    if (condition->is_unless) {
        part.facts = NULL;
        if (part.type->kind == WEIR_CEDAR_TYPE_TRUE)
            part.type = &weir__cedar_type_false;
        else if (part.type->kind == WEIR_CEDAR_TYPE_FALSE)
            part.type = &weir__cedar_type_true;
    }
    conjoin(checker, c, part);
    return true;
}

/* False: refused, or out of memory. */
static bool
check_environment(struct checker *checker,
                  const struct weir_cedar_policy *policy, bool *can_apply_out)
{
    struct conjunction c = {{&weir__cedar_type_true, NULL}, NULL};
    if (!check_scope(checker, &c, CEDAR_PRINCIPAL, &policy->principal) ||
        !check_scope(checker, &c, CEDAR_ACTION, &policy->action) ||
        !check_scope(checker, &c, CEDAR_RESOURCE, &policy->resource))
        return false;
    for (uint32_t i = 0; i < policy->condition_count; i++)
        if (!check_condition(checker, &c, &policy->conditions[i]))
            return false;
    *can_apply_out |= !is_false(&c);
    return !checker->is_out_of_memory;
}

/* False: out of memory. */
static bool
check_action(struct validator *v, struct checker *checker,
             const struct weir_cedar_policy *policy,
             const struct weir_cedar_action *action, bool *can_apply_out,
             bool *is_refused_out)
{
    for (uint32_t p = 0; p < action->principal_count; p++)
        for (uint32_t r = 0; r < action->resource_count; r++) {
            checker->environment = (struct environment){
                action, action->principals[p], action->resources[r]};
            if (check_environment(checker, policy, can_apply_out))
                continue;
            if (checker->is_out_of_memory)
                return false;
            *is_refused_out = true;
            find(v, false, checker->offset, checker->text);
        }
    return true;
}

static bool
check_types(struct validator *v, const struct weir_cedar_policy *policy)
{
    struct weir_arena scratch;
    struct checker checker = {.schema = v->schema, .arena = &scratch};
    size_t count = weir_cedar_schema_action_count(v->schema);
    bool can_apply = false, is_refused = false, is_done = true;
    weir_arena_init_heap(&scratch, SCRATCH_MAX);
    for (size_t i = 0; is_done && i < count; i++)
        is_done = check_action(v, &checker, policy,
                               weir_cedar_schema_action(v->schema, i),
                               &can_apply, &is_refused);
    if (is_done && !can_apply && !is_refused)
        find(v, true, policy->end == 0 ? WEIR_OFFSET_NONE : policy->offset,
             "the policy is false for every request of the schema");
    weir_arena_fini(&scratch);
    return is_done;
}

/* -------------------------------------------------------------- door */

/* The template was checked; what the link adds are its entities. Their ids
 * are not looked at, as by the reference. */
static void
check_link(struct validator *v, const struct cedar_scope *scope)
{
    for (uint32_t i = 0; i < scope->count; i++)
        check_type_name(v, scope->entities[i].type, WEIR_OFFSET_NONE);
}

static bool
check_policy(struct validator *v, const struct weir_cedar_policy *policy)
{
    if (policy->template_of != NULL) {
        check_link(v, &policy->principal);
        check_link(v, &policy->resource);
        check_application(v, policy, &policy->principal, &policy->resource);
        return true;
    }
    check_scope_names(v, &policy->principal);
    check_scope_names(v, &policy->action);
    check_scope_names(v, &policy->resource);
    for (uint32_t i = 0; i < policy->condition_count; i++)
        check_names(v, policy->conditions[i].body);
    check_application(v, policy, &policy->principal, &policy->resource);
    return check_types(v, policy);
}

weir_status
weir_cedar_validate(const struct weir_cedar_policies *set,
                    const struct weir_cedar_schema *schema,
                    enum weir_cedar_dialect dialect, struct weir_arena *arena,
                    struct weir_cedar_findings *findings_out,
                    struct weir_error *err)
{
    struct validator v = {.schema = schema, .dialect = dialect, .arena = arena};
    size_t count = weir_cedar_policies_count(set);
    for (size_t i = 0; i < count; i++) {
        v.policy = (uint32_t)i;
        v.policy_first = v.count;
        if (!check_policy(&v, weir_cedar_policies_at(set, i)) ||
            arena->overflow)
            return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                             "validation needs too much memory");
    }
    *findings_out =
        (struct weir_cedar_findings){v.items, v.count, v.error_count};
    return WEIR_OK;
}
