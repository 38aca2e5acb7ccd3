/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies as text, from the tree: what a policy that came as JSON looks
 * like. Parentheses stand where the grammar needs them and round every
 * operand of a unary operator that is no member or primary, so that `-(1)`
 * stays a negation and does not become the literal -1. weir_cedar_format()
 * rearranges text that is there and keeps its comments; this makes text.
 */
#include "ast.h"
#include "lexer.h"

#include <weir/cedar_format.h>

#include <inttypes.h>

/* Levels of the grammar, loosest first. */
enum level {
    LEVEL_EXPR, /* if */
    LEVEL_OR,
    LEVEL_AND,
    LEVEL_RELATION,
    LEVEL_ADD,
    LEVEL_MULTIPLY,
    LEVEL_UNARY,
    LEVEL_MEMBER
};

static void put_expr(struct weir_buf *out, const struct cedar_expr *expr,
                     enum level needed);

static void
put(struct weir_buf *out, const char *text)
{
    weir_buf_add_span(out, weir_span_of(text));
}

static enum level
level_of(const struct cedar_expr *expr)
{
    switch (expr->kind) {
    case CEDAR_EXPR_IF:
        return LEVEL_EXPR;
    case CEDAR_EXPR_OR:
        return LEVEL_OR;
    case CEDAR_EXPR_AND:
        return LEVEL_AND;
    case CEDAR_EXPR_EQUAL:
    case CEDAR_EXPR_NOT_EQUAL:
    case CEDAR_EXPR_LESS:
    case CEDAR_EXPR_LESS_EQUAL:
    case CEDAR_EXPR_GREATER:
    case CEDAR_EXPR_GREATER_EQUAL:
    case CEDAR_EXPR_IN:
    case CEDAR_EXPR_HAS:
    case CEDAR_EXPR_LIKE:
    case CEDAR_EXPR_IS:
        return LEVEL_RELATION;
    case CEDAR_EXPR_ADD:
    case CEDAR_EXPR_SUBTRACT:
        return LEVEL_ADD;
    case CEDAR_EXPR_MULTIPLY:
        return LEVEL_MULTIPLY;
    case CEDAR_EXPR_NOT:
    case CEDAR_EXPR_NEGATE:
        return LEVEL_UNARY;
    case CEDAR_EXPR_LITERAL:
        if (expr->value.kind == WEIR_CEDAR_LONG && expr->value.number < 0)
            return LEVEL_UNARY;
        return LEVEL_MEMBER;
    default:
        return LEVEL_MEMBER;
    }
}

static bool
is_plain_name(weir_span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool is_letter =
            c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_letter && (i == 0 || c < '0' || c > '9'))
            return false;
    }
    return s.len > 0 && !weir__cedar_is_reserved(s);
}

static void
put_name(struct weir_buf *out, weir_span name)
{
    if (is_plain_name(name))
        weir_buf_add_span(out, name);
    else
        weir_cedar_string_write(out, name);
}

static const char *
operator_text(enum cedar_expr_kind kind)
{
    switch (kind) {
    case CEDAR_EXPR_EQUAL:
        return " == ";
    case CEDAR_EXPR_NOT_EQUAL:
        return " != ";
    case CEDAR_EXPR_LESS:
        return " < ";
    case CEDAR_EXPR_LESS_EQUAL:
        return " <= ";
    case CEDAR_EXPR_GREATER:
        return " > ";
    case CEDAR_EXPR_GREATER_EQUAL:
        return " >= ";
    case CEDAR_EXPR_IN:
        return " in ";
    case CEDAR_EXPR_ADD:
        return " + ";
    case CEDAR_EXPR_SUBTRACT:
        return " - ";
    default:
        return " * ";
    }
}

static void
put_list(struct weir_buf *out, const struct cedar_expr *expr, uint32_t first,
         const char *between, enum level needed)
{
    for (uint32_t i = first; i < expr->count; i++) {
        if (i > first)
            put(out, between);
        put_expr(out, expr->items[i], needed);
    }
}

static void
put_method(struct weir_buf *out, const struct cedar_expr *expr,
           const char *name)
{
    put_expr(out, expr->left, LEVEL_MEMBER);
    weir_buf_addf(out, ".%s(", name);
    if (expr->kind != CEDAR_EXPR_IS_EMPTY)
        put_expr(out, expr->right, LEVEL_EXPR);
    weir_buf_add_byte(out, ')');
}

/* Methods without receiver can come from JSON; they have no text form and
 * become what fails alike: a call with no arguments. */
static void
put_call(struct weir_buf *out, const struct cedar_expr *expr)
{
    const struct cedar_function_info *info =
        &weir__cedar_functions[expr->function];
    bool is_method = info->is_method && expr->count > 0;
    if (is_method) {
        put_expr(out, expr->items[0], LEVEL_MEMBER);
        weir_buf_add_byte(out, '.');
    }
    put(out, info->name);
    weir_buf_add_byte(out, '(');
    put_list(out, expr, is_method ? 1 : 0, ", ", LEVEL_EXPR);
    weir_buf_add_byte(out, ')');
}

static void
put_record(struct weir_buf *out, const struct cedar_expr *expr)
{
    weir_buf_add_byte(out, '{');
    for (uint32_t i = 0; i < expr->count; i++) {
        if (i > 0)
            put(out, ", ");
        put_name(out, expr->keys[i]);
        put(out, ": ");
        put_expr(out, expr->items[i], LEVEL_EXPR);
    }
    weir_buf_add_byte(out, '}');
}

static void
put_get(struct weir_buf *out, const struct cedar_expr *expr)
{
    put_expr(out, expr->left, LEVEL_MEMBER);
    if (is_plain_name(expr->name)) {
        weir_buf_add_byte(out, '.');
        weir_buf_add_span(out, expr->name);
    } else {
        weir_buf_add_byte(out, '[');
        weir_cedar_string_write(out, expr->name);
        weir_buf_add_byte(out, ']');
    }
}

/* One `has` when the path can be written; else a conjunction, for which the
 * caller has put parentheses. */
static bool
is_path(const struct cedar_expr *has)
{
    for (uint32_t i = 0; i < has->count; i++)
        if (!is_plain_name(has->keys[i]))
            return false;
    return true;
}

static void
put_has(struct weir_buf *out, const struct cedar_expr *expr)
{
    if (expr->count == 1 || is_path(expr)) {
        put_expr(out, expr->left, LEVEL_ADD);
        put(out, " has ");
        put_name(out, expr->keys[0]);
        for (uint32_t i = 1; i < expr->count; i++) {
            weir_buf_add_byte(out, '.');
            weir_buf_add_span(out, expr->keys[i]);
        }
        return;
    }
    weir_buf_add_byte(out, '(');
    for (uint32_t i = 0; i < expr->count; i++) {
        if (i > 0)
            put(out, " && ");
        put_expr(out, expr->left, i > 0 ? LEVEL_MEMBER : LEVEL_ADD);
        for (uint32_t k = 0; k < i; k++) {
            weir_buf_add_byte(out, '[');
            weir_cedar_string_write(out, expr->keys[k]);
            weir_buf_add_byte(out, ']');
        }
        put(out, " has ");
        weir_cedar_string_write(out, expr->keys[i]);
    }
    weir_buf_add_byte(out, ')');
}

/* A star of the pattern is bare, one of the text is escaped. */
static void
put_pattern(struct weir_buf *out, const struct cedar_expr *expr)
{
    weir_buf_add_byte(out, '"');
    for (uint32_t i = 0; i < expr->count; i++) {
        weir_span rest = expr->pattern[i].literal;
        if (expr->pattern[i].is_star) {
            weir_buf_add_byte(out, '*');
            continue;
        }
        while (rest.len > 0) {
            struct weir_buf quoted;
            size_t run = 0;
            while (run < rest.len && rest.ptr[run] != '*')
                run++;
            weir_buf_init(&quoted, run * 12 + 16);
            weir_cedar_string_write(&quoted, (weir_span){rest.ptr, run});
            if (quoted.overflow)
                out->overflow = true;
            else
                weir_buf_add(out, quoted.ptr + 1, quoted.len - 2);
            weir_buf_fini(&quoted);
            if (run < rest.len) {
                put(out, "\\*");
                run++;
            }
            rest = (weir_span){rest.ptr + run, rest.len - run};
        }
    }
    weir_buf_add_byte(out, '"');
}

static void
put_literal(struct weir_buf *out, const weir_cedar_value *value)
{
    if (value->kind == WEIR_CEDAR_LONG)
        weir_buf_addf(out, "%" PRId64, value->number);
    else
        weir_cedar_value_write(out, value);
}

static void
put_if(struct weir_buf *out, const struct cedar_expr *expr)
{
    put(out, "if ");
    put_expr(out, expr->left, LEVEL_EXPR);
    put(out, " then ");
    put_expr(out, expr->right, LEVEL_EXPR);
    put(out, " else ");
    put_expr(out, expr->third, LEVEL_EXPR);
}

static void
put_is(struct weir_buf *out, const struct cedar_expr *expr)
{
    put_expr(out, expr->left, LEVEL_ADD);
    put(out, " is ");
    weir_buf_add_span(out, expr->name);
    if (expr->right != NULL) {
        put(out, " in ");
        put_expr(out, expr->right, LEVEL_ADD);
    }
}

static const char *
method_name(enum cedar_expr_kind kind)
{
    switch (kind) {
    case CEDAR_EXPR_IS_EMPTY:
        return "isEmpty";
    case CEDAR_EXPR_CONTAINS:
        return "contains";
    case CEDAR_EXPR_CONTAINS_ALL:
        return "containsAll";
    case CEDAR_EXPR_CONTAINS_ANY:
        return "containsAny";
    case CEDAR_EXPR_HAS_TAG:
        return "hasTag";
    case CEDAR_EXPR_GET_TAG:
        return "getTag";
    default:
        return NULL;
    }
}

/* Methods of the language and binary operators; the right side of what is
 * left-associative binds tighter. */
static void
put_operator(struct weir_buf *out, const struct cedar_expr *expr)
{
    const char *method = method_name(expr->kind);
    enum level own = level_of(expr);
    enum level left = own == LEVEL_RELATION ? LEVEL_ADD : own;
    if (method != NULL) {
        put_method(out, expr, method);
        return;
    }
    put_expr(out, expr->left, left);
    put(out, operator_text(expr->kind));
    put_expr(out, expr->right,
             own == LEVEL_RELATION ? LEVEL_ADD : (enum level)(own + 1));
}

static void
put_form(struct weir_buf *out, const struct cedar_expr *expr)
{
    static const char *const variables[] = {"principal", "action", "resource",
                                            "context"};
    switch (expr->kind) {
    case CEDAR_EXPR_LITERAL:
        put_literal(out, &expr->value);
        return;
    case CEDAR_EXPR_VAR:
        put(out, variables[expr->var]);
        return;
    case CEDAR_EXPR_SET:
        weir_buf_add_byte(out, '[');
        put_list(out, expr, 0, ", ", LEVEL_EXPR);
        weir_buf_add_byte(out, ']');
        return;
    case CEDAR_EXPR_RECORD:
        put_record(out, expr);
        return;
    case CEDAR_EXPR_CALL:
        put_call(out, expr);
        return;
    case CEDAR_EXPR_AND:
        put_list(out, expr, 0, " && ", LEVEL_RELATION);
        return;
    case CEDAR_EXPR_OR:
        put_list(out, expr, 0, " || ", LEVEL_AND);
        return;
    case CEDAR_EXPR_IF:
        put_if(out, expr);
        return;
    case CEDAR_EXPR_NOT:
    case CEDAR_EXPR_NEGATE:
        weir_buf_add_byte(out, expr->kind == CEDAR_EXPR_NOT ? '!' : '-');
        if (expr->kind == CEDAR_EXPR_NEGATE &&
            expr->left->kind == CEDAR_EXPR_LITERAL) {
            weir_buf_add_byte(out, '(');
            put_expr(out, expr->left, LEVEL_EXPR);
            weir_buf_add_byte(out, ')');
        } else {
            put_expr(out, expr->left, LEVEL_MEMBER);
        }
        return;
    case CEDAR_EXPR_GET:
        put_get(out, expr);
        return;
    case CEDAR_EXPR_HAS:
        put_has(out, expr);
        return;
    case CEDAR_EXPR_LIKE:
        put_expr(out, expr->left, LEVEL_ADD);
        put(out, " like ");
        put_pattern(out, expr);
        return;
    case CEDAR_EXPR_IS:
        put_is(out, expr);
        return;
    default:
        put_operator(out, expr);
        return;
    }
}

static void
put_expr(struct weir_buf *out, const struct cedar_expr *expr, enum level needed)
{
    bool needs_parentheses = level_of(expr) < needed;
    if (needs_parentheses)
        weir_buf_add_byte(out, '(');
    put_form(out, expr);
    if (needs_parentheses)
        weir_buf_add_byte(out, ')');
}

/* ------------------------------------------------------------ policies */

static void
put_target(struct weir_buf *out, const char *name,
           const struct cedar_scope *scope)
{
    if (scope->is_slot)
        weir_buf_addf(out, "?%s", name);
    else
        weir_cedar_uid_write(out, &scope->entities[0]);
}

static void
put_scope(struct weir_buf *out, const char *name,
          const struct cedar_scope *scope)
{
    put(out, name);
    switch (scope->op) {
    case CEDAR_SCOPE_ANY:
        return;
    case CEDAR_SCOPE_EQUAL:
        put(out, " == ");
        put_target(out, name, scope);
        return;
    case CEDAR_SCOPE_IN:
        put(out, " in ");
        put_target(out, name, scope);
        return;
    case CEDAR_SCOPE_IN_SET:
        put(out, " in [");
        for (uint32_t i = 0; i < scope->count; i++) {
            if (i > 0)
                put(out, ", ");
            weir_cedar_uid_write(out, &scope->entities[i]);
        }
        weir_buf_add_byte(out, ']');
        return;
    default:
        put(out, " is ");
        weir_buf_add_span(out, scope->type);
        if (scope->op == CEDAR_SCOPE_IS_IN) {
            put(out, " in ");
            put_target(out, name, scope);
        }
        return;
    }
}

static void
put_policy(struct weir_buf *out, const struct weir_cedar_policy *policy)
{
    for (uint32_t i = 0; i < policy->annotation_count; i++) {
        weir_buf_add_byte(out, '@');
        weir_buf_add_span(out, policy->annotations[i].key);
        weir_buf_add_byte(out, '(');
        weir_cedar_string_write(out, policy->annotations[i].value);
        put(out, ")\n");
    }
    put(out,
        policy->effect == WEIR_CEDAR_PERMIT ? "permit (\n  " : "forbid (\n  ");
    put_scope(out, "principal", &policy->principal);
    put(out, ",\n  ");
    put_scope(out, "action", &policy->action);
    put(out, ",\n  ");
    put_scope(out, "resource", &policy->resource);
    put(out, "\n)");
    for (uint32_t i = 0; i < policy->condition_count; i++) {
        put(out, policy->conditions[i].is_unless ? "\nunless { " : "\nwhen { ");
        put_expr(out, policy->conditions[i].body, LEVEL_EXPR);
        put(out, " }");
    }
    put(out, ";\n");
}

weir_status
weir_cedar_policies_write_text(const struct weir_cedar_policies *set,
                               struct weir_buf *out, struct weir_error *err)
{
    size_t count = weir_cedar_policies_count(set);
    bool is_first = true;
    for (size_t i = 0; i < count; i++) {
        const struct weir_cedar_policy *p = weir_cedar_policies_at(set, i);
        if (p->template_of != NULL)
            continue;
        if (!is_first)
            weir_buf_add_byte(out, '\n');
        is_first = false;
        put_policy(out, p);
    }
    if (out->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the policies need over %zu bytes", out->max);
    return WEIR_OK;
}
