/* SPDX-License-Identifier: Apache-2.0 */
#include "ast.h"

#include <stdlib.h>
#include <string.h>

const struct cedar_function_info weir__cedar_functions[CEDAR_FNS] = {
#define D WEIR_CEDAR_DECIMAL
#define T WEIR_CEDAR_DATETIME
#define U WEIR_CEDAR_DURATION
#define I WEIR_CEDAR_IP
#define S WEIR_CEDAR_STRING
#define B WEIR_CEDAR_BOOL
#define L WEIR_CEDAR_LONG
    [CEDAR_FN_DECIMAL] = {"decimal", false, 1, {S}, D},
    [CEDAR_FN_DATETIME] = {"datetime", false, 1, {S}, T},
    [CEDAR_FN_DURATION] = {"duration", false, 1, {S}, U},
    [CEDAR_FN_IP] = {"ip", false, 1, {S}, I},
    [CEDAR_FN_LESS_THAN] = {"lessThan", true, 2, {D, D}, B},
    [CEDAR_FN_LESS_THAN_OR_EQUAL] = {"lessThanOrEqual", true, 2, {D, D}, B},
    [CEDAR_FN_GREATER_THAN] = {"greaterThan", true, 2, {D, D}, B},
    [CEDAR_FN_GREATER_THAN_OR_EQUAL] =
        {"greaterThanOrEqual", true, 2, {D, D}, B},
    [CEDAR_FN_IS_IPV4] = {"isIpv4", true, 1, {I}, B},
    [CEDAR_FN_IS_IPV6] = {"isIpv6", true, 1, {I}, B},
    [CEDAR_FN_IS_LOOPBACK] = {"isLoopback", true, 1, {I}, B},
    [CEDAR_FN_IS_MULTICAST] = {"isMulticast", true, 1, {I}, B},
    [CEDAR_FN_IS_IN_RANGE] = {"isInRange", true, 2, {I, I}, B},
    [CEDAR_FN_OFFSET] = {"offset", true, 2, {T, U}, T},
    [CEDAR_FN_DURATION_SINCE] = {"durationSince", true, 2, {T, T}, U},
    [CEDAR_FN_TO_DATE] = {"toDate", true, 1, {T}, T},
    [CEDAR_FN_TO_TIME] = {"toTime", true, 1, {T}, U},
    [CEDAR_FN_TO_MILLISECONDS] = {"toMilliseconds", true, 1, {U}, L},
    [CEDAR_FN_TO_SECONDS] = {"toSeconds", true, 1, {U}, L},
    [CEDAR_FN_TO_MINUTES] = {"toMinutes", true, 1, {U}, L},
    [CEDAR_FN_TO_HOURS] = {"toHours", true, 1, {U}, L},
    [CEDAR_FN_TO_DAYS] = {"toDays", true, 1, {U}, L},
#undef D
#undef T
#undef U
#undef I
#undef S
#undef B
#undef L
};

enum cedar_function
weir__cedar_function_find(weir_span name)
{
    int i = 0;
    while (i < CEDAR_FNS &&
           !weir_span_equal(name, weir_span_of(weir__cedar_functions[i].name)))
        i++;
    return (enum cedar_function)i;
}

static struct cedar_expr *
make(struct cedar_builder *builder, enum cedar_expr_kind kind, uint32_t height)
{
    struct cedar_expr *expr;
    if (builder->error.status != WEIR_OK)
        return NULL;
    if (height > WEIR_CEDAR_DEPTH_MAX) {
        (void)weir_fail(&builder->error, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                        "an expression is nested deeper than %d",
                        WEIR_CEDAR_DEPTH_MAX);
        return NULL;
    }
    expr = weir_arena_alloc(builder->arena, sizeof(*expr));
    if (expr == NULL) {
        (void)weir_fail(&builder->error, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                        "out of memory");
        return NULL;
    }
    expr->kind = kind;
    expr->height = (uint16_t)height;
    return expr;
}

static uint32_t
higher(const struct cedar_expr *a, const struct cedar_expr *b)
{
    uint32_t left = a == NULL ? 0 : a->height;
    uint32_t right = b == NULL ? 0 : b->height;
    return left > right ? left : right;
}

struct cedar_expr *
weir__cedar_literal(struct cedar_builder *builder, weir_cedar_value value)
{
    struct cedar_expr *expr = make(builder, CEDAR_EXPR_LITERAL, 1);
    if (expr != NULL)
        expr->value = value;
    return expr;
}

struct cedar_expr *
weir__cedar_variable(struct cedar_builder *builder, enum cedar_var var)
{
    struct cedar_expr *expr = make(builder, CEDAR_EXPR_VAR, 1);
    if (expr != NULL)
        expr->var = var;
    return expr;
}

struct cedar_expr *
weir__cedar_unary(struct cedar_builder *builder, enum cedar_expr_kind kind,
                  struct cedar_expr *left)
{
    struct cedar_expr *expr;
    if (left == NULL)
        return NULL;
    expr = make(builder, kind, left->height + 1u);
    if (expr != NULL)
        expr->left = left;
    return expr;
}

/* A chain of && or ||: room for operands doubles as it grows. */
static struct cedar_expr *
chain(struct cedar_builder *builder, enum cedar_expr_kind kind,
      struct cedar_expr *left, struct cedar_expr *right)
{
    struct cedar_expr *expr = left;
    struct cedar_expr **items;
    bool extends = left->kind == kind;
    uint32_t count = extends ? left->count : 1;
    if (!extends || right->height >= left->height) {
        expr = make(builder, kind, higher(left, right) + 1u);
        if (expr == NULL)
            return NULL;
        if (extends) {
            expr->height = (uint16_t)(right->height + 1);
            expr->items = left->items;
        }
    }
    /* A power of two is full: `items` holds count rounded up to one. */
    items = expr->items;
    if (!extends || (count & (count - 1)) == 0) {
        items = weir_arena_array(builder->arena, struct cedar_expr *,
                                 extends ? (size_t)count * 2 : 2);
        if (items == NULL) {
            (void)weir_fail(&builder->error, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                            "out of memory");
            return NULL;
        }
        if (extends)
            memcpy(items, left->items, count * sizeof(struct cedar_expr *));
        else
            items[0] = left;
    }
    items[count] = right;
    expr->items = items;
    expr->count = count + 1;
    return expr;
}

struct cedar_expr *
weir__cedar_binary(struct cedar_builder *builder, enum cedar_expr_kind kind,
                   struct cedar_expr *left, struct cedar_expr *right)
{
    struct cedar_expr *expr;
    if (left == NULL || right == NULL)
        return NULL;
    if (kind == CEDAR_EXPR_AND || kind == CEDAR_EXPR_OR)
        return chain(builder, kind, left, right);
    expr = make(builder, kind, higher(left, right) + 1u);
    if (expr != NULL) {
        expr->left = left;
        expr->right = right;
    }
    return expr;
}

struct cedar_expr *
weir__cedar_if(struct cedar_builder *builder, struct cedar_expr *condition,
               struct cedar_expr *then, struct cedar_expr *otherwise)
{
    struct cedar_expr *expr;
    uint32_t height;
    if (condition == NULL || then == NULL || otherwise == NULL)
        return NULL;
    height = higher(condition, then);
    if (otherwise->height > height)
        height = otherwise->height;
    expr = make(builder, CEDAR_EXPR_IF, height + 1u);
    if (expr != NULL) {
        expr->left = condition;
        expr->right = then;
        expr->third = otherwise;
    }
    return expr;
}

struct cedar_expr *
weir__cedar_get(struct cedar_builder *builder, struct cedar_expr *left,
                weir_span name)
{
    struct cedar_expr *expr = weir__cedar_unary(builder, CEDAR_EXPR_GET, left);
    if (expr != NULL)
        expr->name = name;
    return expr;
}

struct cedar_expr *
weir__cedar_has(struct cedar_builder *builder, struct cedar_expr *left,
                weir_span *path, uint32_t count)
{
    struct cedar_expr *expr = weir__cedar_unary(builder, CEDAR_EXPR_HAS, left);
    if (expr != NULL) {
        expr->keys = path;
        expr->count = count;
    }
    return expr;
}

static bool
join_literals(struct cedar_builder *builder, struct cedar_piece *last,
              weir_span more)
{
    size_t len = last->literal.len;
    char *text = weir_arena_alloc(builder->arena, len + more.len);
    if (text == NULL) {
        (void)weir_fail(&builder->error, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                        "out of memory");
        return false;
    }
    memcpy(text, last->literal.ptr, len);
    memcpy(text + len, more.ptr, more.len);
    last->literal = (weir_span){text, len + more.len};
    return true;
}

struct cedar_expr *
weir__cedar_like(struct cedar_builder *builder, struct cedar_expr *left,
                 struct cedar_piece *pattern, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct cedar_piece *last = kept > 0 ? &pattern[kept - 1] : NULL;
        if (!pattern[i].is_star && pattern[i].literal.len == 0)
            continue;
        if (last == NULL || last->is_star != pattern[i].is_star)
            pattern[kept++] = pattern[i];
        else if (!last->is_star &&
                 !join_literals(builder, last, pattern[i].literal))
            return NULL;
    }
    struct cedar_expr *expr = weir__cedar_unary(builder, CEDAR_EXPR_LIKE, left);
    if (expr != NULL) {
        expr->pattern = pattern;
        expr->count = kept;
    }
    return expr;
}

struct cedar_expr *
weir__cedar_is(struct cedar_builder *builder, struct cedar_expr *left,
               weir_span type, struct cedar_expr *in)
{
    struct cedar_expr *expr;
    if (left == NULL)
        return NULL;
    expr = make(builder, CEDAR_EXPR_IS, higher(left, in) + 1u);
    if (expr != NULL) {
        expr->left = left;
        expr->right = in;
        expr->name = type;
    }
    return expr;
}

static int
by_bytes(const void *a, const void *b)
{
    return weir_span_compare(*(const weir_span *)a, *(const weir_span *)b);
}

static bool
keys_differ(struct cedar_builder *builder, const weir_span *keys,
            uint32_t count)
{
    weir_span *sorted;
    if (count < 2)
        return true;
    sorted = weir_arena_array(builder->arena, weir_span, count);
    if (sorted == NULL) {
        (void)weir_fail(&builder->error, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                        "out of memory");
        return false;
    }
    memcpy(sorted, keys, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), by_bytes);
    for (uint32_t i = 1; i < count; i++) {
        if (weir_span_equal(sorted[i - 1], sorted[i])) {
            (void)weir_fail(&builder->error, WEIR_EPARSE, WEIR_OFFSET_NONE,
                            "a key occurs twice in this record");
            return false;
        }
    }
    return true;
}

struct cedar_expr *
weir__cedar_list(struct cedar_builder *builder, enum cedar_expr_kind kind,
                 enum cedar_function function, weir_span *keys,
                 struct cedar_expr **items, uint32_t count)
{
    struct cedar_expr *expr;
    uint32_t height = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (items[i] == NULL)
            return NULL;
        if (items[i]->height > height)
            height = items[i]->height;
    }
    if (builder->error.status != WEIR_OK ||
        (kind == CEDAR_EXPR_RECORD && !keys_differ(builder, keys, count)))
        return NULL;
    expr = make(builder, kind, height + 1u);
    if (expr != NULL) {
        expr->function = (uint16_t)function;
        expr->items = items;
        expr->keys = keys;
        expr->count = count;
    }
    return expr;
}
