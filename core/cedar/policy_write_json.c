/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies into JSON. Chains of && and || become nested pairs, a path after
 * `has` becomes a conjunction: readers of every version take that. JSON
 * nests twice per level, so a chain of over 250 operands has no JSON form
 * within the limit of depth; that is an error, not a truncation.
 */
#include "ast.h"
#include "value_json.h"

#include <weir/cedar_json.h>
#include <weir/json.h>

#include <string.h>

struct json_out {
    struct weir_json_writer w;
    bool is_too_deep;
};

static void put_expr(struct json_out *out, const struct cedar_expr *expr);

void
weir__cedar_uid_write(struct weir_json_writer *w,
                      const struct weir_cedar_uid *uid)
{
    weir_json_begin_object(w);
    weir_json_name(w, "type");
    weir_json_add_string(w, uid->type);
    weir_json_name(w, "id");
    weir_json_add_string(w, uid->id);
    weir_json_end_object(w);
}

static void
put_value(struct weir_json_writer *w, const weir_cedar_value *value)
{
    weir_json_name(w, "Value");
    switch (value->kind) {
    case WEIR_CEDAR_BOOL:
        weir_json_add_bool(w, value->boolean);
        return;
    case WEIR_CEDAR_LONG:
        weir_json_add_int(w, value->number);
        return;
    case WEIR_CEDAR_STRING:
        weir_json_add_string(w, value->string);
        return;
    default:
        WEIR_ASSERT(value->kind == WEIR_CEDAR_ENTITY);
        weir_json_begin_object(w);
        weir_json_name(w, "__entity");
        weir__cedar_uid_write(w, value->uid);
        weir_json_end_object(w);
        return;
    }
}

static void
put_named(struct json_out *out, const char *name, const struct cedar_expr *expr)
{
    weir_json_name(&out->w, name);
    put_expr(out, expr);
}

static const char *
operator_name(enum cedar_expr_kind kind)
{
    static const char *const names[] = {
        [CEDAR_EXPR_NOT] = "!",
        [CEDAR_EXPR_NEGATE] = "neg",
        [CEDAR_EXPR_IS_EMPTY] = "isEmpty",
        [CEDAR_EXPR_EQUAL] = "==",
        [CEDAR_EXPR_NOT_EQUAL] = "!=",
        [CEDAR_EXPR_LESS] = "<",
        [CEDAR_EXPR_LESS_EQUAL] = "<=",
        [CEDAR_EXPR_GREATER] = ">",
        [CEDAR_EXPR_GREATER_EQUAL] = ">=",
        [CEDAR_EXPR_ADD] = "+",
        [CEDAR_EXPR_SUBTRACT] = "-",
        [CEDAR_EXPR_MULTIPLY] = "*",
        [CEDAR_EXPR_IN] = "in",
        [CEDAR_EXPR_CONTAINS] = "contains",
        [CEDAR_EXPR_CONTAINS_ALL] = "containsAll",
        [CEDAR_EXPR_CONTAINS_ANY] = "containsAny",
        [CEDAR_EXPR_HAS_TAG] = "hasTag",
        [CEDAR_EXPR_GET_TAG] = "getTag",
    };
    return names[kind];
}

/* ((a && b) && c): opens as many pairs as there are operators. */
static void
put_chain(struct json_out *out, const struct cedar_expr *expr)
{
    struct weir_json_writer *w = &out->w;
    const char *name = expr->kind == CEDAR_EXPR_AND ? "&&" : "||";
    if (w->depth + 2 * (size_t)expr->count >= WEIR_JSON_DEPTH_MAX - 4) {
        out->is_too_deep = true;
        weir_json_name(w, "Value");
        weir_json_add_null(w);
        return;
    }
    for (uint32_t i = expr->count - 1; i > 0; i--) {
        weir_json_name(w, name);
        weir_json_begin_object(w);
        weir_json_name(w, "left");
        if (i > 1)
            weir_json_begin_object(w);
    }
    put_expr(out, expr->items[0]);
    for (uint32_t i = 1; i < expr->count; i++) {
        put_named(out, "right", expr->items[i]);
        weir_json_end_object(w);
        if (i + 1 < expr->count)
            weir_json_end_object(w);
    }
}

/* The receiver of the i-th test of a path: left, left.a, left.a.b, ... */
static void
put_path(struct json_out *out, const struct cedar_expr *has, uint32_t steps)
{
    struct weir_json_writer *w = &out->w;
    for (uint32_t i = steps; i > 0; i--) {
        weir_json_begin_object(w);
        weir_json_name(w, ".");
        weir_json_begin_object(w);
        weir_json_name(w, "left");
    }
    put_expr(out, has->left);
    for (uint32_t i = 0; i < steps; i++) {
        weir_json_name(w, "attr");
        weir_json_add_string(w, has->keys[i]);
        weir_json_end_object(w);
        weir_json_end_object(w);
    }
}

static void
put_has_one(struct json_out *out, const struct cedar_expr *has, uint32_t i)
{
    struct weir_json_writer *w = &out->w;
    weir_json_name(w, "has");
    weir_json_begin_object(w);
    weir_json_name(w, "left");
    put_path(out, has, i);
    weir_json_name(w, "attr");
    weir_json_add_string(w, has->keys[i]);
    weir_json_end_object(w);
}

static void
put_has(struct json_out *out, const struct cedar_expr *has)
{
    struct weir_json_writer *w = &out->w;
    if (has->count > 1 &&
        w->depth + 4 * (size_t)has->count >= WEIR_JSON_DEPTH_MAX - 8) {
        out->is_too_deep = true;
        weir_json_name(w, "Value");
        weir_json_add_null(w);
        return;
    }
    for (uint32_t i = has->count - 1; i > 0; i--) {
        weir_json_name(w, "&&");
        weir_json_begin_object(w);
        weir_json_name(w, "left");
        weir_json_begin_object(w);
    }
    put_has_one(out, has, 0);
    for (uint32_t i = 1; i < has->count; i++) {
        weir_json_end_object(w);
        weir_json_name(w, "right");
        weir_json_begin_object(w);
        put_has_one(out, has, i);
        weir_json_end_object(w);
        weir_json_end_object(w);
    }
}

static void
put_like(struct json_out *out, const struct cedar_expr *expr)
{
    struct weir_json_writer *w = &out->w;
    weir_json_name(w, "like");
    weir_json_begin_object(w);
    put_named(out, "left", expr->left);
    weir_json_name(w, "pattern");
    weir_json_begin_array(w);
    for (uint32_t i = 0; i < expr->count; i++) {
        if (expr->pattern[i].is_star) {
            weir_json_add_string(w, WEIR_SPAN("Wildcard"));
            continue;
        }
        weir_json_begin_object(w);
        weir_json_name(w, "Literal");
        weir_json_add_string(w, expr->pattern[i].literal);
        weir_json_end_object(w);
    }
    weir_json_end_array(w);
    weir_json_end_object(w);
}

static void
put_list(struct json_out *out, const struct cedar_expr *expr)
{
    struct weir_json_writer *w = &out->w;
    weir_json_begin_array(w);
    for (uint32_t i = 0; i < expr->count; i++)
        put_expr(out, expr->items[i]);
    weir_json_end_array(w);
}

static void
put_record(struct json_out *out, const struct cedar_expr *expr)
{
    struct weir_json_writer *w = &out->w;
    weir_json_name(w, "Record");
    weir_json_begin_object(w);
    for (uint32_t i = 0; i < expr->count; i++) {
        weir_json_name_span(w, expr->keys[i]);
        put_expr(out, expr->items[i]);
    }
    weir_json_end_object(w);
}

/* The member "name": {...} of forms with fixed parts. */
static void
put_parts(struct json_out *out, const struct cedar_expr *expr)
{
    struct weir_json_writer *w = &out->w;
    switch (expr->kind) {
    case CEDAR_EXPR_IF:
        put_named(out, "if", expr->left);
        put_named(out, "then", expr->right);
        put_named(out, "else", expr->third);
        return;
    case CEDAR_EXPR_GET:
        put_named(out, "left", expr->left);
        weir_json_name(w, "attr");
        weir_json_add_string(w, expr->name);
        return;
    case CEDAR_EXPR_IS:
        put_named(out, "left", expr->left);
        weir_json_name(w, "entity_type");
        weir_json_add_string(w, expr->name);
        if (expr->right != NULL)
            put_named(out, "in", expr->right);
        return;
    case CEDAR_EXPR_NOT:
    case CEDAR_EXPR_NEGATE:
    case CEDAR_EXPR_IS_EMPTY:
        put_named(out, "arg", expr->left);
        return;
    default:
        put_named(out, "left", expr->left);
        put_named(out, "right", expr->right);
        return;
    }
}

static void
put_form(struct json_out *out, const struct cedar_expr *expr)
{
    static const char *const variables[] = {"principal", "action", "resource",
                                            "context"};
    struct weir_json_writer *w = &out->w;
    switch (expr->kind) {
    case CEDAR_EXPR_LITERAL:
        put_value(w, &expr->value);
        return;
    case CEDAR_EXPR_VAR:
        weir_json_name(w, "Var");
        weir_json_add_string(w, weir_span_of(variables[expr->var]));
        return;
    case CEDAR_EXPR_SET:
        weir_json_name(w, "Set");
        put_list(out, expr);
        return;
    case CEDAR_EXPR_RECORD:
        put_record(out, expr);
        return;
    case CEDAR_EXPR_CALL:
        weir_json_name(w, weir__cedar_functions[expr->function].name);
        put_list(out, expr);
        return;
    case CEDAR_EXPR_AND:
    case CEDAR_EXPR_OR:
        put_chain(out, expr);
        return;
    case CEDAR_EXPR_HAS:
        put_has(out, expr);
        return;
    case CEDAR_EXPR_LIKE:
        put_like(out, expr);
        return;
    case CEDAR_EXPR_IF:
        weir_json_name(w, "if-then-else");
        break;
    case CEDAR_EXPR_GET:
        weir_json_name(w, ".");
        break;
    case CEDAR_EXPR_IS:
        weir_json_name(w, "is");
        break;
    default:
        weir_json_name(w, operator_name(expr->kind));
        break;
    }
    weir_json_begin_object(w);
    put_parts(out, expr);
    weir_json_end_object(w);
}

static void
put_expr(struct json_out *out, const struct cedar_expr *expr)
{
    if (out->w.depth >= WEIR_JSON_DEPTH_MAX - 8) {
        out->is_too_deep = true;
        weir_json_add_null(&out->w);
        return;
    }
    weir_json_begin_object(&out->w);
    put_form(out, expr);
    weir_json_end_object(&out->w);
}

/* ------------------------------------------------------------ policies */

static void
put_target(struct weir_json_writer *w, const struct cedar_scope *scope,
           const char *slot)
{
    if (scope->is_slot) {
        weir_json_name(w, "slot");
        weir_json_add_string(w, weir_span_of(slot));
    } else {
        weir_json_name(w, "entity");
        weir__cedar_uid_write(w, &scope->entities[0]);
    }
}

static void
put_scope(struct weir_json_writer *w, const char *name, const char *slot,
          const struct cedar_scope *scope)
{
    static const char *const ops[] = {
        [CEDAR_SCOPE_ANY] = "All", [CEDAR_SCOPE_EQUAL] = "==",
        [CEDAR_SCOPE_IN] = "in",   [CEDAR_SCOPE_IN_SET] = "in",
        [CEDAR_SCOPE_IS] = "is",   [CEDAR_SCOPE_IS_IN] = "is"};
    weir_json_name(w, name);
    weir_json_begin_object(w);
    weir_json_name(w, "op");
    weir_json_add_string(w, weir_span_of(ops[scope->op]));
    if (scope->op == CEDAR_SCOPE_IS || scope->op == CEDAR_SCOPE_IS_IN) {
        weir_json_name(w, "entity_type");
        weir_json_add_string(w, scope->type);
    }
    if (scope->op == CEDAR_SCOPE_IS_IN) {
        weir_json_name(w, "in");
        weir_json_begin_object(w);
        put_target(w, scope, slot);
        weir_json_end_object(w);
    } else if (scope->op == CEDAR_SCOPE_IN_SET && scope->count != 1) {
        weir_json_name(w, "entities");
        weir_json_begin_array(w);
        for (uint32_t i = 0; i < scope->count; i++)
            weir__cedar_uid_write(w, &scope->entities[i]);
        weir_json_end_array(w);
    } else if (scope->op != CEDAR_SCOPE_ANY && scope->op != CEDAR_SCOPE_IS) {
        put_target(w, scope, slot);
    }
    weir_json_end_object(w);
}

static void
put_policy(struct json_out *out, const struct weir_cedar_policy *policy)
{
    struct weir_json_writer *w = &out->w;
    weir_json_begin_object(w);
    weir_json_name(w, "effect");
    weir_json_add_string(w, policy->effect == WEIR_CEDAR_PERMIT
                                ? WEIR_SPAN("permit")
                                : WEIR_SPAN("forbid"));
    put_scope(w, "principal", "?principal", &policy->principal);
    put_scope(w, "action", "", &policy->action);
    put_scope(w, "resource", "?resource", &policy->resource);
    weir_json_name(w, "conditions");
    weir_json_begin_array(w);
    for (uint32_t i = 0; i < policy->condition_count; i++) {
        weir_json_begin_object(w);
        weir_json_name(w, "kind");
        weir_json_add_string(w, policy->conditions[i].is_unless
                                    ? WEIR_SPAN("unless")
                                    : WEIR_SPAN("when"));
        put_named(out, "body", policy->conditions[i].body);
        weir_json_end_object(w);
    }
    weir_json_end_array(w);
    if (policy->annotation_count > 0) {
        weir_json_name(w, "annotations");
        weir_json_begin_object(w);
        for (uint32_t i = 0; i < policy->annotation_count; i++) {
            weir_json_name_span(w, policy->annotations[i].key);
            weir_json_add_string(w, policy->annotations[i].value);
        }
        weir_json_end_object(w);
    }
    weir_json_end_object(w);
}

static weir_status
finish(struct json_out *out, struct weir_error *err)
{
    if (out->is_too_deep)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "its JSON would be nested deeper than %d",
                         WEIR_JSON_DEPTH_MAX);
    if (out->w.buf->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the policies need over %zu bytes", out->w.buf->max);
    return WEIR_OK;
}

weir_status
weir_cedar_policy_write_json(const struct weir_cedar_policy *policy,
                             struct weir_buf *buf, struct weir_error *err)
{
    struct json_out out = {.is_too_deep = false};
    weir_json_writer_init(&out.w, buf);
    put_policy(&out, policy);
    return finish(&out, err);
}

static void
put_link(struct weir_json_writer *w, const struct weir_cedar_policy *link)
{
    weir_json_begin_object(w);
    weir_json_name(w, "templateId");
    weir_json_add_string(w, link->template_of->id);
    weir_json_name(w, "newId");
    weir_json_add_string(w, link->id);
    weir_json_name(w, "values");
    weir_json_begin_object(w);
    if (link->template_of->principal.is_slot) {
        weir_json_name(w, "?principal");
        weir__cedar_uid_write(w, &link->principal.entities[0]);
    }
    if (link->template_of->resource.is_slot) {
        weir_json_name(w, "?resource");
        weir__cedar_uid_write(w, &link->resource.entities[0]);
    }
    weir_json_end_object(w);
    weir_json_end_object(w);
}

weir_status
weir_cedar_policies_write_json(const struct weir_cedar_policies *set,
                               struct weir_buf *buf, struct weir_error *err)
{
    struct json_out out = {.is_too_deep = false};
    size_t count = weir_cedar_policies_count(set);
    weir_json_writer_init(&out.w, buf);
    weir_json_begin_object(&out.w);
    for (int templates = 0; templates < 2; templates++) {
        weir_json_name(&out.w, templates ? "templates" : "staticPolicies");
        weir_json_begin_object(&out.w);
        for (size_t i = 0; i < count; i++) {
            const struct weir_cedar_policy *p = weir_cedar_policies_at(set, i);
            if (p->template_of != NULL || CEDAR_IS_TEMPLATE(p) != templates)
                continue;
            weir_json_name_span(&out.w, p->id);
            put_policy(&out, p);
        }
        weir_json_end_object(&out.w);
    }
    weir_json_name(&out.w, "templateLinks");
    weir_json_begin_array(&out.w);
    for (size_t i = 0; i < count; i++)
        if (weir_cedar_policies_at(set, i)->template_of != NULL)
            put_link(&out.w, weir_cedar_policies_at(set, i));
    weir_json_end_array(&out.w);
    weir_json_end_object(&out.w);
    return finish(&out, err);
}
