/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree evaluator: the language reference, row by row. It is what the
 * compiled program is held against, so it is written to be read.
 *
 * Recursion is bounded by the height of the tree, WEIR_CEDAR_DEPTH_MAX.
 */
#include "eval.h"

#include <string.h>

#include "extension.h"

static bool
fault(struct cedar_eval *eval, const struct cedar_expr *expr,
      enum weir_cedar_fault why)
{
    eval->fault = why;
    eval->offset = expr->offset;
    return false;
}

static bool
give_bool(weir_cedar_value *out, bool boolean)
{
    memset(out, 0, sizeof(*out));
    out->kind = WEIR_CEDAR_BOOL;
    out->boolean = boolean;
    return true;
}

static bool
give_number(weir_cedar_value *out, enum weir_cedar_kind kind, int64_t number)
{
    memset(out, 0, sizeof(*out));
    out->kind = (uint8_t)kind;
    out->number = number;
    return true;
}

/* Evaluates and demands a kind. */
static bool
eval_as(struct cedar_eval *eval, const struct cedar_expr *expr,
        enum weir_cedar_kind kind, weir_cedar_value *out)
{
    if (!weir__cedar_eval(eval, expr, out))
        return false;
    return out->kind == kind || fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
}

static bool
eval_variable(struct cedar_eval *eval, const struct cedar_expr *expr,
              weir_cedar_value *out)
{
    memset(out, 0, sizeof(*out));
    out->kind = WEIR_CEDAR_ENTITY;
    switch (expr->var) {
    case CEDAR_PRINCIPAL:
        out->uid = &eval->query->principal;
        return true;
    case CEDAR_ACTION:
        out->uid = &eval->query->action;
        return true;
    case CEDAR_RESOURCE:
        out->uid = &eval->query->resource;
        return true;
    default:
        *out = eval->query->context;
        return true;
    }
}

static bool
eval_set(struct cedar_eval *eval, const struct cedar_expr *expr,
         weir_cedar_value *out)
{
    weir_cedar_value *elements =
        weir_arena_array(eval->arena, weir_cedar_value, expr->count);
    if (elements == NULL)
        return fault(eval, expr, WEIR_CEDAR_FAULT_MEMORY);
    for (uint32_t i = 0; i < expr->count; i++)
        if (!weir__cedar_eval(eval, expr->items[i], &elements[i]))
            return false;
    *out = weir_cedar_value_set(elements, expr->count);
    return true;
}

static bool
eval_record(struct cedar_eval *eval, const struct cedar_expr *expr,
            weir_cedar_value *out)
{
    struct weir_cedar_field *fields =
        weir_arena_array(eval->arena, struct weir_cedar_field, expr->count);
    if (fields == NULL)
        return fault(eval, expr, WEIR_CEDAR_FAULT_MEMORY);
    for (uint32_t i = 0; i < expr->count; i++) {
        fields[i].key = expr->keys[i];
        if (!weir__cedar_eval(eval, expr->items[i], &fields[i].value))
            return false;
    }
    /* The parser has refused keys that occur twice. */
    return weir_cedar_value_record(fields, expr->count, out, NULL) == WEIR_OK ||
           fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
}

static struct cedar_ip_view
view_ip(const weir_cedar_value *value)
{
    return (struct cedar_ip_view){value->ip.address, value->is_v6,
                                  value->prefix};
}

static bool
eval_call(struct cedar_eval *eval, const struct cedar_expr *expr,
          weir_cedar_value *out)
{
    const struct cedar_function_info *info =
        &weir__cedar_functions[expr->function];
    weir_cedar_value arguments[2] = {{0}, {0}};
    weir_cedar_value ignored;
    enum weir_cedar_fault why;
    int64_t result;
    for (uint32_t i = 0; i < expr->count; i++)
        if (!weir__cedar_eval(eval, expr->items[i],
                              i < 2 ? &arguments[i] : &ignored))
            return false;
    if (expr->count != info->arity)
        return fault(eval, expr, WEIR_CEDAR_FAULT_ARITY);
    for (uint32_t i = 0; i < expr->count; i++)
        if (arguments[i].kind != info->parameters[i])
            return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    if (!info->is_method)
        return weir_cedar_extension_parse((enum weir_cedar_kind)info->result,
                                          arguments[0].string, out) ||
               fault(eval, expr, WEIR_CEDAR_FAULT_EXTENSION);
    if (info->arity == 1)
        arguments[1] = arguments[0];
    if (arguments[0].kind == WEIR_CEDAR_IP)
        return give_bool(out, weir__cedar_ip_call(expr->function,
                                                  view_ip(&arguments[0]),
                                                  view_ip(&arguments[1])));
    why = weir__cedar_number_call(expr->function, arguments[0].number,
                                  arguments[1].number, &result);
    if (why != WEIR_CEDAR_FAULT_NONE)
        return fault(eval, expr, why);
    if (info->result == WEIR_CEDAR_BOOL)
        return give_bool(out, result != 0);
    return give_number(out, (enum weir_cedar_kind)info->result, result);
}

static bool
eval_chain(struct cedar_eval *eval, const struct cedar_expr *expr,
           weir_cedar_value *out)
{
    bool stops_at = expr->kind == CEDAR_EXPR_OR;
    give_bool(out, !stops_at);
    for (uint32_t i = 0; i < expr->count; i++) {
        if (!eval_as(eval, expr->items[i], WEIR_CEDAR_BOOL, out))
            return false;
        if (out->boolean == stops_at)
            return true;
    }
    return true;
}

static bool
eval_arithmetic(struct cedar_eval *eval, const struct cedar_expr *expr,
                weir_cedar_value *out)
{
    weir_cedar_value left;
    weir_cedar_value right;
    int64_t result;
    bool is_over;
    if (!weir__cedar_eval(eval, expr->left, &left) ||
        !weir__cedar_eval(eval, expr->right, &right))
        return false;
    if (left.kind != WEIR_CEDAR_LONG || right.kind != WEIR_CEDAR_LONG)
        return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    if (expr->kind == CEDAR_EXPR_ADD)
        is_over = __builtin_add_overflow(left.number, right.number, &result);
    else if (expr->kind == CEDAR_EXPR_SUBTRACT)
        is_over = __builtin_sub_overflow(left.number, right.number, &result);
    else
        is_over = __builtin_mul_overflow(left.number, right.number, &result);
    if (is_over)
        return fault(eval, expr, WEIR_CEDAR_FAULT_OVERFLOW);
    return give_number(out, WEIR_CEDAR_LONG, result);
}

static bool
eval_comparison(struct cedar_eval *eval, const struct cedar_expr *expr,
                weir_cedar_value *out)
{
    weir_cedar_value left;
    weir_cedar_value right;
    if (!weir__cedar_eval(eval, expr->left, &left) ||
        !weir__cedar_eval(eval, expr->right, &right))
        return false;
    if (expr->kind == CEDAR_EXPR_EQUAL || expr->kind == CEDAR_EXPR_NOT_EQUAL)
        return give_bool(out, (weir_cedar_value_compare(&left, &right) == 0) ==
                                  (expr->kind == CEDAR_EXPR_EQUAL));
    if (left.kind != right.kind ||
        (left.kind != WEIR_CEDAR_LONG && left.kind != WEIR_CEDAR_DATETIME &&
         left.kind != WEIR_CEDAR_DURATION))
        return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    switch (expr->kind) {
    case CEDAR_EXPR_LESS:
        return give_bool(out, left.number < right.number);
    case CEDAR_EXPR_LESS_EQUAL:
        return give_bool(out, left.number <= right.number);
    case CEDAR_EXPR_GREATER:
        return give_bool(out, left.number > right.number);
    default:
        return give_bool(out, left.number >= right.number);
    }
}

static bool
eval_in(struct cedar_eval *eval, const struct cedar_expr *expr,
        const struct cedar_expr *target, const weir_cedar_value *left,
        weir_cedar_value *out)
{
    weir_cedar_value right;
    bool is_in = false;
    if (!weir__cedar_eval(eval, target, &right))
        return false;
    if (left->kind != WEIR_CEDAR_ENTITY)
        return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    if (right.kind == WEIR_CEDAR_ENTITY)
        return give_bool(
            out, weir_cedar_store_in(eval->store, left->uid, right.uid));
    if (right.kind != WEIR_CEDAR_SET)
        return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    for (uint32_t i = 0; i < right.count; i++)
        if (right.elements[i].kind != WEIR_CEDAR_ENTITY)
            return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    for (uint32_t i = 0; i < right.count && !is_in; i++)
        is_in =
            weir_cedar_store_in(eval->store, left->uid, right.elements[i].uid);
    return give_bool(out, is_in);
}

static bool
eval_is(struct cedar_eval *eval, const struct cedar_expr *expr,
        weir_cedar_value *out)
{
    weir_cedar_value left;
    if (!weir__cedar_eval(eval, expr->left, &left))
        return false;
    if (left.kind != WEIR_CEDAR_ENTITY)
        return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    give_bool(out, weir_span_equal(left.uid->type, expr->name));
    if (!out->boolean || expr->right == NULL)
        return true;
    return eval_in(eval, expr, expr->right, &left, out);
}

/* ----------------------------------------------------------- attributes */

/* The attribute of a record or an entity; NULL in `*found_out` when it is
 * not there. False for other kinds. */
static bool
find_attribute(const struct cedar_eval *eval, const weir_cedar_value *base,
               weir_span name, const weir_cedar_value **found_out)
{
    if (base->kind == WEIR_CEDAR_RECORD)
        *found_out = weir_cedar_record_get(base, name);
    else if (base->kind == WEIR_CEDAR_ENTITY)
        *found_out = weir_cedar_store_attribute(eval->store, base->uid, name);
    else
        return false;
    return true;
}

static bool
eval_get(struct cedar_eval *eval, const struct cedar_expr *expr,
         weir_cedar_value *out)
{
    weir_cedar_value base;
    const weir_cedar_value *found;
    if (!weir__cedar_eval(eval, expr->left, &base))
        return false;
    if (!find_attribute(eval, &base, expr->name, &found))
        return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    if (found == NULL)
        return fault(eval, expr,
                     base.kind == WEIR_CEDAR_ENTITY &&
                             !weir_cedar_store_has(eval->store, base.uid)
                         ? WEIR_CEDAR_FAULT_NO_ENTITY
                         : WEIR_CEDAR_FAULT_NO_ATTRIBUTE);
    *out = *found;
    return true;
}

/* `e has a.b` is `e has a && e.a has b`. */
static bool
eval_has(struct cedar_eval *eval, const struct cedar_expr *expr,
         weir_cedar_value *out)
{
    weir_cedar_value base;
    const weir_cedar_value *found;
    if (!weir__cedar_eval(eval, expr->left, &base))
        return false;
    for (uint32_t i = 0; i < expr->count; i++) {
        if (!find_attribute(eval, &base, expr->keys[i], &found))
            return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
        if (found == NULL)
            return give_bool(out, false);
        base = *found;
    }
    return give_bool(out, true);
}

static bool
eval_tag(struct cedar_eval *eval, const struct cedar_expr *expr,
         weir_cedar_value *out)
{
    weir_cedar_value base;
    weir_cedar_value key;
    const weir_cedar_value *found;
    if (!weir__cedar_eval(eval, expr->left, &base) ||
        !weir__cedar_eval(eval, expr->right, &key))
        return false;
    if (base.kind != WEIR_CEDAR_ENTITY || key.kind != WEIR_CEDAR_STRING)
        return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    found = weir_cedar_store_tag(eval->store, base.uid, key.string);
    if (expr->kind == CEDAR_EXPR_HAS_TAG)
        return give_bool(out, found != NULL);
    if (found == NULL)
        return fault(eval, expr,
                     weir_cedar_store_has(eval->store, base.uid)
                         ? WEIR_CEDAR_FAULT_NO_TAG
                         : WEIR_CEDAR_FAULT_NO_ENTITY);
    *out = *found;
    return true;
}

/* --------------------------------------------------------- sets, strings */

static bool
contains(const weir_cedar_value *set, const weir_cedar_value *element)
{
    uint32_t low = 0;
    uint32_t high = set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = weir_cedar_value_compare(&set->elements[middle], element);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool
eval_contains(struct cedar_eval *eval, const struct cedar_expr *expr,
              weir_cedar_value *out)
{
    weir_cedar_value set;
    weir_cedar_value other;
    bool is_any = expr->kind == CEDAR_EXPR_CONTAINS_ANY;
    if (!weir__cedar_eval(eval, expr->left, &set) ||
        !weir__cedar_eval(eval, expr->right, &other))
        return false;
    if (set.kind != WEIR_CEDAR_SET)
        return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    if (expr->kind == CEDAR_EXPR_CONTAINS)
        return give_bool(out, contains(&set, &other));
    if (other.kind != WEIR_CEDAR_SET)
        return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    for (uint32_t i = 0; i < other.count; i++)
        if (contains(&set, &other.elements[i]) == is_any)
            return give_bool(out, is_any);
    return give_bool(out, !is_any);
}

/*
 * Greedy: each literal takes its first place behind the one before; what is
 * behind the last star must end the string. Bytes will do, since no UTF-8
 * sequence begins inside another.
 */
static bool
matches(weir_span text, const struct cedar_piece *pieces, uint32_t count)
{
    bool is_free = false; /* a star stands before the next literal */
    for (uint32_t i = 0; i < count; i++) {
        weir_span literal = pieces[i].literal;
        if (pieces[i].is_star) {
            is_free = true;
            continue;
        }
        if (literal.len > text.len)
            return false;
        if (i + 1 == count && is_free)
            return weir_span_ends(text, literal);
        const char *found = text.ptr;
        if (is_free)
            found = memmem(text.ptr, text.len, literal.ptr, literal.len);
        else if (memcmp(text.ptr, literal.ptr, literal.len) != 0)
            return false;
        if (found == NULL)
            return false;
        found += literal.len;
        text.len -= (size_t)(found - text.ptr);
        text.ptr = found;
        is_free = false;
    }
    return is_free || text.len == 0;
}

static bool
eval_like(struct cedar_eval *eval, const struct cedar_expr *expr,
          weir_cedar_value *out)
{
    weir_cedar_value text;
    if (!weir__cedar_eval(eval, expr->left, &text))
        return false;
    if (text.kind != WEIR_CEDAR_STRING)
        return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    return give_bool(out, matches(text.string, expr->pattern, expr->count));
}

static bool
eval_unary(struct cedar_eval *eval, const struct cedar_expr *expr,
           weir_cedar_value *out)
{
    weir_cedar_value left;
    if (!weir__cedar_eval(eval, expr->left, &left))
        return false;
    /* Where a Bool is wanted, what is not one is blamed, as in && and if. */
    if (expr->kind == CEDAR_EXPR_NOT)
        return left.kind == WEIR_CEDAR_BOOL
                   ? give_bool(out, !left.boolean)
                   : fault(eval, expr->left, WEIR_CEDAR_FAULT_TYPE);
    if (expr->kind == CEDAR_EXPR_IS_EMPTY && left.kind == WEIR_CEDAR_SET)
        return give_bool(out, left.count == 0);
    if (expr->kind != CEDAR_EXPR_NEGATE || left.kind != WEIR_CEDAR_LONG)
        return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
    if (left.number == INT64_MIN)
        return fault(eval, expr, WEIR_CEDAR_FAULT_OVERFLOW);
    return give_number(out, WEIR_CEDAR_LONG, -left.number);
}

bool
weir__cedar_eval(struct cedar_eval *eval, const struct cedar_expr *expr,
                 weir_cedar_value *value_out)
{
    weir_cedar_value left;
    switch (expr->kind) {
    case CEDAR_EXPR_LITERAL:
        *value_out = expr->value;
        return true;
    case CEDAR_EXPR_VAR:
        return eval_variable(eval, expr, value_out);
    case CEDAR_EXPR_SET:
        return eval_set(eval, expr, value_out);
    case CEDAR_EXPR_RECORD:
        return eval_record(eval, expr, value_out);
    case CEDAR_EXPR_CALL:
        return eval_call(eval, expr, value_out);
    case CEDAR_EXPR_AND:
    case CEDAR_EXPR_OR:
        return eval_chain(eval, expr, value_out);
    case CEDAR_EXPR_IF:
        if (!eval_as(eval, expr->left, WEIR_CEDAR_BOOL, &left))
            return false;
        return weir__cedar_eval(eval, left.boolean ? expr->right : expr->third,
                                value_out);
    case CEDAR_EXPR_NOT:
    case CEDAR_EXPR_NEGATE:
    case CEDAR_EXPR_IS_EMPTY:
        return eval_unary(eval, expr, value_out);
    case CEDAR_EXPR_EQUAL:
    case CEDAR_EXPR_NOT_EQUAL:
    case CEDAR_EXPR_LESS:
    case CEDAR_EXPR_LESS_EQUAL:
    case CEDAR_EXPR_GREATER:
    case CEDAR_EXPR_GREATER_EQUAL:
        return eval_comparison(eval, expr, value_out);
    case CEDAR_EXPR_ADD:
    case CEDAR_EXPR_SUBTRACT:
    case CEDAR_EXPR_MULTIPLY:
        return eval_arithmetic(eval, expr, value_out);
    case CEDAR_EXPR_IN:
        return weir__cedar_eval(eval, expr->left, &left) &&
               eval_in(eval, expr, expr->right, &left, value_out);
    case CEDAR_EXPR_CONTAINS:
    case CEDAR_EXPR_CONTAINS_ALL:
    case CEDAR_EXPR_CONTAINS_ANY:
        return eval_contains(eval, expr, value_out);
    case CEDAR_EXPR_HAS_TAG:
    case CEDAR_EXPR_GET_TAG:
        return eval_tag(eval, expr, value_out);
    case CEDAR_EXPR_GET:
        return eval_get(eval, expr, value_out);
    case CEDAR_EXPR_HAS:
        return eval_has(eval, expr, value_out);
    case CEDAR_EXPR_LIKE:
        return eval_like(eval, expr, value_out);
    case CEDAR_EXPR_IS:
        return eval_is(eval, expr, value_out);
    }
    return fault(eval, expr, WEIR_CEDAR_FAULT_TYPE);
}

/* ------------------------------------------------------------- policies */

static bool
scope_holds(const struct weir_cedar_store *store,
            const struct cedar_scope *scope, const struct weir_cedar_uid *uid)
{
    switch (scope->op) {
    case CEDAR_SCOPE_EQUAL:
        return weir_cedar_uid_equal(uid, &scope->entities[0]);
    case CEDAR_SCOPE_IS:
        return weir_span_equal(uid->type, scope->type);
    case CEDAR_SCOPE_IS_IN:
        if (!weir_span_equal(uid->type, scope->type))
            return false;
        break;
    case CEDAR_SCOPE_ANY:
        return true;
    case CEDAR_SCOPE_IN:
    case CEDAR_SCOPE_IN_SET:
        break;
    }
    for (uint32_t i = 0; i < scope->count; i++)
        if (weir_cedar_store_in(store, uid, &scope->entities[i]))
            return true;
    return false;
}

enum cedar_verdict
weir__cedar_eval_policy(struct cedar_eval *eval,
                        const struct weir_cedar_policy *policy)
{
    const struct weir_cedar_query *query = eval->query;
    if (!scope_holds(eval->store, &policy->principal, &query->principal) ||
        !scope_holds(eval->store, &policy->action, &query->action) ||
        !scope_holds(eval->store, &policy->resource, &query->resource))
        return CEDAR_FALSE;
    for (uint32_t i = 0; i < policy->condition_count; i++) {
        weir_cedar_value value;
        if (!eval_as(eval, policy->conditions[i].body, WEIR_CEDAR_BOOL, &value))
            return CEDAR_FAULT;
        if (value.boolean == policy->conditions[i].is_unless)
            return CEDAR_FALSE;
    }
    return CEDAR_TRUE;
}
