/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts of the typechecker: "this very expression has attribute k". A set
 * of facts is a linked list that shares its tail, since a chain of && adds
 * to what its left side knew and nothing is ever taken away. Each fact
 * carries a hash of its expression, so that the walk compares trees only
 * when they are almost surely equal.
 */
#include "typecheck.h"

static uint64_t
mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15) + (hash >> 29);
}

static uint64_t
hash_value(const weir_cedar_value *value, uint64_t hash)
{
    hash = mix(hash, value->kind);
    switch (value->kind) {
    case WEIR_CEDAR_BOOL:
        return mix(hash, value->boolean);
    case WEIR_CEDAR_LONG:
        return mix(hash, (uint64_t)value->number);
    case WEIR_CEDAR_STRING:
        return weir_hash64(value->string, hash);
    case WEIR_CEDAR_ENTITY:
        return weir_hash64(value->uid->id, weir_hash64(value->uid->type, hash));
    default:
        return hash;
    }
}

/* The parts that tell most expressions apart; equality looks at the rest. */
static uint64_t
hash_expr(const struct cedar_expr *expr, uint64_t hash)
{
    for (;;) {
        hash = mix(hash, (uint64_t)expr->kind);
        switch (expr->kind) {
        case CEDAR_EXPR_LITERAL:
            return hash_value(&expr->value, hash);
        case CEDAR_EXPR_VAR:
            return mix(hash, (uint64_t)expr->var);
        case CEDAR_EXPR_GET:
            hash = weir_hash64(expr->name, hash);
            expr = expr->left;
            continue;
        case CEDAR_EXPR_GET_TAG:
            hash = hash_expr(expr->right, hash);
            expr = expr->left;
            continue;
        default:
            return mix(hash, expr->count);
        }
    }
}

static bool
equal_lists(const struct cedar_expr *a, const struct cedar_expr *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->kind == CEDAR_EXPR_RECORD &&
            !weir_span_equal(a->keys[i], b->keys[i]))
            return false;
        if (!weir__cedar_expr_equal(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

static bool
equal_patterns(const struct cedar_expr *a, const struct cedar_expr *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (a->pattern[i].is_star != b->pattern[i].is_star ||
            !weir_span_equal(a->pattern[i].literal, b->pattern[i].literal))
            return false;
    return true;
}

static bool
equal_paths(const struct cedar_expr *a, const struct cedar_expr *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!weir_span_equal(a->keys[i], b->keys[i]))
            return false;
    return true;
}

bool
weir__cedar_expr_equal(const struct cedar_expr *a, const struct cedar_expr *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->kind != b->kind || a->height != b->height)
        return false;
    switch (a->kind) {
    case CEDAR_EXPR_LITERAL:
        return weir_cedar_value_compare(&a->value, &b->value) == 0;
    case CEDAR_EXPR_VAR:
        return a->var == b->var;
    case CEDAR_EXPR_CALL:
        return a->function == b->function && equal_lists(a, b);
    case CEDAR_EXPR_SET:
    case CEDAR_EXPR_RECORD:
    case CEDAR_EXPR_AND:
    case CEDAR_EXPR_OR:
        return equal_lists(a, b);
    case CEDAR_EXPR_IF:
        return weir__cedar_expr_equal(a->left, b->left) &&
               weir__cedar_expr_equal(a->right, b->right) &&
               weir__cedar_expr_equal(a->third, b->third);
    case CEDAR_EXPR_GET:
        return weir_span_equal(a->name, b->name) &&
               weir__cedar_expr_equal(a->left, b->left);
    case CEDAR_EXPR_HAS:
        return equal_paths(a, b) && weir__cedar_expr_equal(a->left, b->left);
    case CEDAR_EXPR_LIKE:
        return equal_patterns(a, b) && weir__cedar_expr_equal(a->left, b->left);
    case CEDAR_EXPR_IS:
        return weir_span_equal(a->name, b->name) &&
               weir__cedar_expr_equal(a->left, b->left) &&
               weir__cedar_expr_equal(a->right, b->right);
    case CEDAR_EXPR_NOT:
    case CEDAR_EXPR_NEGATE:
    case CEDAR_EXPR_IS_EMPTY:
        return weir__cedar_expr_equal(a->left, b->left);
    default:
        return weir__cedar_expr_equal(a->left, b->left) &&
               weir__cedar_expr_equal(a->right, b->right);
    }
}

static struct capability *
new_fact(struct checker *checker)
{
    struct capability *fact = weir_arena_alloc(checker->arena, sizeof(*fact));
    if (fact == NULL)
        checker->is_out_of_memory = true;
    return fact;
}

const struct capability *
weir__cedar_fact(struct checker *checker, const struct cedar_expr *of,
                 weir_span attribute, const struct cedar_expr *tag)
{
    struct capability *fact = new_fact(checker);
    if (fact == NULL)
        return NULL;
    fact->of = of;
    fact->attribute = attribute;
    fact->tag = tag;
    fact->hash = hash_expr(of, tag == NULL ? weir_hash64(attribute, 1)
                                           : hash_expr(tag, 2));
    return fact;
}

static bool
equal_facts(const struct capability *a, const struct capability *b)
{
    if (a->hash != b->hash || (a->tag == NULL) != (b->tag == NULL))
        return false;
    if (a->tag != NULL ? !weir__cedar_expr_equal(a->tag, b->tag)
                       : !weir_span_equal(a->attribute, b->attribute))
        return false;
    return weir__cedar_expr_equal(a->of, b->of);
}

bool
weir__cedar_fact_known(const struct capability *known,
                       const struct capability *fact)
{
    for (; known != NULL; known = known->next)
        if (equal_facts(known, fact))
            return true;
    return false;
}

const struct capability *
weir__cedar_facts_add(struct checker *checker, const struct capability *set,
                      const struct capability *more)
{
    if (set == NULL)
        return more;
    for (; more != NULL; more = more->next) {
        struct capability *copy = new_fact(checker);
        if (copy == NULL)
            return set;
        *copy = *more;
        copy->next = set;
        set = copy;
    }
    return set;
}

const struct capability *
weir__cedar_facts_both(struct checker *checker, const struct capability *a,
                       const struct capability *b)
{
    const struct capability *both = NULL;
    for (; a != NULL; a = a->next) {
        struct capability *copy;
        if (!weir__cedar_fact_known(b, a))
            continue;
        copy = new_fact(checker);
        if (copy == NULL)
            return both;
        *copy = *a;
        copy->next = both;
        both = copy;
    }
    return both;
}
