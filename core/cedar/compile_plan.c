/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy demands of principal, action and resource, and under which
 * of these demands the index keeps it.
 *
 * Besides the scope, conditions often begin with demands of the same kind
 * (`when { resource in Family::"x" && ...`). A conjunct that can neither
 * fail nor have an effect may change places with another such; so from the
 * run of conjuncts at the beginning that can not fail, those that are
 * demands are taken out and join the scope. Nothing behind the first
 * conjunct that may fail is moved.
 */
#include "compile.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- lists */

static void *
grow(struct compiler *c, void *items, size_t size, uint32_t count,
     uint32_t *capacity)
{
    if (count < *capacity)
        return items;
    uint32_t more = *capacity == 0 ? 4 : *capacity * 2;
    void *grown = weir_arena_alloc_array(&c->arena, size, more);
    if (grown == NULL) {
        c->is_full = true;
        return NULL;
    }
    if (count > 0)
        memcpy(grown, items, size * count);
    *capacity = more;
    return grown;
}

static void
add_atom(struct compiler *c, struct plan *plan, struct atom atom)
{
    plan->atoms = grow(c, plan->atoms, sizeof(atom), plan->atom_count,
                       &plan->atom_capacity);
    if (plan->atoms == NULL)
        plan->atom_count = plan->atom_capacity = 0;
    else
        plan->atoms[plan->atom_count++] = atom;
}

static void
add_conjunct(struct compiler *c, struct plan *plan,
             const struct cedar_expr *expr, bool is_negated)
{
    plan->conjuncts = grow(c, plan->conjuncts, sizeof(*plan->conjuncts),
                           plan->conjunct_count, &plan->conjunct_capacity);
    if (plan->conjuncts == NULL)
        plan->conjunct_count = plan->conjunct_capacity = 0;
    else
        plan->conjuncts[plan->conjunct_count++] =
            (struct conjunct){expr, is_negated};
}

static uint32_t *
nodes_of(struct compiler *c, const struct weir_cedar_uid *uids, uint32_t count)
{
    uint32_t *nodes = weir_arena_array(&c->arena, uint32_t, count);
    if (nodes == NULL) {
        c->is_full = true;
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++)
        nodes[i] = weir__cedar_compile_node(c, &uids[i]);
    return nodes;
}

static uint32_t
type_of(struct compiler *c, weir_span type)
{
    uint32_t number = weir__cedar_intern_add(&c->types, NULL, type);
    if (number == CEDAR_INTERN_NONE)
        c->is_full = true;
    return number;
}

/* ---------------------------------------------------------------- scope */

static void
plan_scope(struct compiler *c, struct plan *plan, uint8_t var,
           const struct cedar_scope *scope)
{
    struct atom atom = {
        .var = var, .offset = scope->offset, .end = scope->end, .count = 1};
    if (scope->op == CEDAR_SCOPE_IS || scope->op == CEDAR_SCOPE_IS_IN) {
        atom.op = ATOM_IS;
        atom.type = type_of(c, scope->type);
        add_atom(c, plan, atom);
    }
    if (scope->op == CEDAR_SCOPE_ANY || scope->op == CEDAR_SCOPE_IS)
        return;
    atom.op = scope->op == CEDAR_SCOPE_EQUAL ? ATOM_EQUAL : ATOM_IN;
    atom.nodes = nodes_of(c, scope->entities, 1);
    add_atom(c, plan, atom);
}

static void
plan_action(struct compiler *c, struct plan *plan,
            const struct cedar_scope *scope)
{
    plan->action_op = scope->op;
    if (scope->op == CEDAR_SCOPE_IN)
        plan->action_op = CEDAR_SCOPE_IN_SET;
    plan->action_count = scope->count;
    plan->action_nodes = nodes_of(c, scope->entities, scope->count);
}

/* ----------------------------------------------------------- conditions */

static bool
is_subject(const struct cedar_expr *expr)
{
    return expr->kind == CEDAR_EXPR_VAR && expr->var != CEDAR_CONTEXT;
}

static bool
is_entity(const struct cedar_expr *expr)
{
    return expr->kind == CEDAR_EXPR_LITERAL &&
           expr->value.kind == WEIR_CEDAR_ENTITY;
}

static bool
is_entity_set(const struct cedar_expr *expr)
{
    if (expr->kind != CEDAR_EXPR_SET)
        return false;
    for (uint32_t i = 0; i < expr->count; i++)
        if (!is_entity(expr->items[i]))
            return false;
    return true;
}

/* Whatever the request, this gives a Bool. */
static bool
is_total(const struct cedar_expr *expr)
{
    switch (expr->kind) {
    case CEDAR_EXPR_LITERAL:
        return expr->value.kind == WEIR_CEDAR_BOOL;
    case CEDAR_EXPR_IN:
        return (is_subject(expr->left) || is_entity(expr->left)) &&
               (is_subject(expr->right) || is_entity(expr->right) ||
                is_entity_set(expr->right));
    case CEDAR_EXPR_EQUAL:
    case CEDAR_EXPR_NOT_EQUAL:
        return (expr->left->kind == CEDAR_EXPR_VAR ||
                expr->left->kind == CEDAR_EXPR_LITERAL) &&
               (expr->right->kind == CEDAR_EXPR_VAR ||
                expr->right->kind == CEDAR_EXPR_LITERAL);
    case CEDAR_EXPR_IS:
        return is_subject(expr->left) &&
               (expr->right == NULL || is_subject(expr->right) ||
                is_entity(expr->right) || is_entity_set(expr->right));
    case CEDAR_EXPR_HAS:
        return expr->left->kind == CEDAR_EXPR_VAR && expr->count == 1;
    case CEDAR_EXPR_NOT:
        return is_total(expr->left);
    case CEDAR_EXPR_AND:
    case CEDAR_EXPR_OR:
        for (uint32_t i = 0; i < expr->count; i++)
            if (!is_total(expr->items[i]))
                return false;
        return true;
    default:
        return false;
    }
}

static struct atom
atom_for(const struct cedar_expr *expr, enum atom_op op,
         const struct cedar_expr *subject)
{
    return (struct atom){.op = op,
                         .var = (uint8_t)subject->var,
                         .count = 1,
                         .offset = expr->offset,
                         .end = expr->end};
}

static bool
atom_in(struct compiler *c, struct plan *plan, const struct cedar_expr *expr)
{
    const struct cedar_expr *target = expr->right;
    if (!is_subject(expr->left) || target == NULL)
        return false;
    struct atom atom = atom_for(expr, ATOM_IN, expr->left);
    if (is_entity(target)) {
        atom.nodes = nodes_of(c, target->value.uid, 1);
    } else if (is_entity_set(target)) {
        atom.op = ATOM_IN_ANY;
        atom.count = target->count;
        atom.nodes = weir_arena_array(&c->arena, uint32_t, target->count);
        if (atom.nodes == NULL) {
            c->is_full = true;
            return false;
        }
        for (uint32_t i = 0; i < target->count; i++)
            atom.nodes[i] =
                weir__cedar_compile_node(c, target->items[i]->value.uid);
    } else {
        return false;
    }
    add_atom(c, plan, atom);
    return true;
}

static bool
atom_equal(struct compiler *c, struct plan *plan, const struct cedar_expr *expr)
{
    const struct cedar_expr *subject = expr->left;
    const struct cedar_expr *target = expr->right;
    if (is_entity(subject)) {
        subject = expr->right;
        target = expr->left;
    }
    if (!is_subject(subject) || !is_entity(target))
        return false;
    struct atom atom = atom_for(expr, ATOM_EQUAL, subject);
    atom.nodes = nodes_of(c, target->value.uid, 1);
    add_atom(c, plan, atom);
    return true;
}

static bool
atom_is(struct compiler *c, struct plan *plan, const struct cedar_expr *expr)
{
    if (!is_subject(expr->left))
        return false;
    if (expr->right != NULL && !atom_in(c, plan, expr))
        return false;
    struct atom atom = atom_for(expr, ATOM_IS, expr->left);
    atom.type = type_of(c, expr->name);
    add_atom(c, plan, atom);
    return true;
}

/* `s in A || s in B ..` of one subject. */
static bool
atom_or(struct compiler *c, struct plan *plan, const struct cedar_expr *expr)
{
    for (uint32_t i = 0; i < expr->count; i++) {
        const struct cedar_expr *item = expr->items[i];
        if (item->kind != CEDAR_EXPR_IN || !is_subject(item->left) ||
            !is_entity(item->right) ||
            item->left->var != expr->items[0]->left->var)
            return false;
    }
    struct atom atom = atom_for(expr, ATOM_IN_ANY, expr->items[0]->left);
    atom.count = expr->count;
    atom.nodes = weir_arena_array(&c->arena, uint32_t, expr->count);
    if (atom.nodes == NULL) {
        c->is_full = true;
        return false;
    }
    for (uint32_t i = 0; i < expr->count; i++)
        atom.nodes[i] =
            weir__cedar_compile_node(c, expr->items[i]->right->value.uid);
    add_atom(c, plan, atom);
    return true;
}

static bool
take_atom(struct compiler *c, struct plan *plan, const struct cedar_expr *expr)
{
    switch (expr->kind) {
    case CEDAR_EXPR_IN:
        return atom_in(c, plan, expr);
    case CEDAR_EXPR_EQUAL:
        return atom_equal(c, plan, expr);
    case CEDAR_EXPR_IS:
        return atom_is(c, plan, expr);
    case CEDAR_EXPR_OR:
        return atom_or(c, plan, expr);
    default:
        return false;
    }
}

/* Conjuncts in the order of evaluation: `a && b` when it must hold, `a || b`
 * when it must not. */
static void
flatten(struct compiler *c, struct plan *plan, const struct cedar_expr *expr,
        bool is_negated)
{
    if (expr->kind == (is_negated ? CEDAR_EXPR_OR : CEDAR_EXPR_AND)) {
        for (uint32_t i = 0; i < expr->count; i++)
            flatten(c, plan, expr->items[i], is_negated);
        return;
    }
    if (expr->kind == CEDAR_EXPR_NOT) {
        flatten(c, plan, expr->left, !is_negated);
        return;
    }
    add_conjunct(c, plan, expr, is_negated);
}

static int
by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* A literal may be written twice; a policy must not be in a bucket twice. */
static void
sort_nodes(uint32_t *nodes, uint32_t *count)
{
    uint32_t kept = 0;
    if (*count < 2)
        return;
    qsort(nodes, *count, sizeof(*nodes), by_number);
    for (uint32_t i = 0; i < *count; i++)
        if (kept == 0 || nodes[kept - 1] != nodes[i])
            nodes[kept++] = nodes[i];
    *count = kept;
}

static bool
is_always_true(struct conjunct conjunct)
{
    const struct cedar_expr *expr = conjunct.expr;
    return expr->kind == CEDAR_EXPR_LITERAL &&
           expr->value.kind == WEIR_CEDAR_BOOL &&
           expr->value.boolean != conjunct.is_negated;
}

void
weir__cedar_plan(struct compiler *c, struct plan *plan)
{
    const struct weir_cedar_policy *policy = plan->policy;
    uint32_t kept = 0;
    bool is_movable = true;
    plan->key_atom = CEDAR_NONE;
    plan_scope(c, plan, CEDAR_PRINCIPAL, &policy->principal);
    plan_scope(c, plan, CEDAR_RESOURCE, &policy->resource);
    plan_action(c, plan, &policy->action);
    for (uint32_t i = 0; i < policy->condition_count; i++)
        flatten(c, plan, policy->conditions[i].body,
                policy->conditions[i].is_unless);
    for (uint32_t i = 0; i < plan->conjunct_count; i++) {
        struct conjunct conjunct = plan->conjuncts[i];
        if (is_always_true(conjunct))
            continue;
        is_movable = is_movable && is_total(conjunct.expr);
        if (is_movable && !conjunct.is_negated &&
            take_atom(c, plan, conjunct.expr))
            continue;
        plan->conjuncts[kept++] = conjunct;
    }
    plan->conjunct_count = kept;
    if (c->is_full)
        return;
    sort_nodes(plan->action_nodes, &plan->action_count);
    for (uint32_t i = 0; i < plan->atom_count; i++)
        sort_nodes(plan->atoms[i].nodes, &plan->atoms[i].count);
}

/* ------------------------------------------------------------------ keys */

uint32_t
weir__cedar_plan_key(const struct plan *plan, uint8_t *var_out,
                     const uint32_t **nodes_out)
{
    *var_out = CEDAR_ACTION;
    *nodes_out = plan->action_nodes;
    if (plan->is_key_action)
        return plan->action_count;
    if (plan->key_atom == CEDAR_NONE)
        return 0;
    const struct atom *atom = &plan->atoms[plan->key_atom];
    *var_out = atom->var;
    *nodes_out = atom->nodes;
    return atom->op == ATOM_IS ? 0 : atom->count;
}

/* How many policies make the same demand: what a bucket would hold. */
struct loads {
    uint32_t *nodes[3];
    uint32_t *types[3];
};

static void
count_loads(const struct plan *plan, struct loads *loads)
{
    for (uint32_t i = 0; i < plan->atom_count; i++) {
        const struct atom *atom = &plan->atoms[i];
        if (atom->op == ATOM_IS)
            loads->types[atom->var][atom->type]++;
        else
            for (uint32_t j = 0; j < atom->count; j++)
                loads->nodes[atom->var][atom->nodes[j]]++;
    }
    for (uint32_t i = 0; i < plan->action_count; i++)
        loads->nodes[CEDAR_ACTION][plan->action_nodes[i]]++;
}

static uint64_t
highest(const uint32_t *loads, const uint32_t *nodes, uint32_t count)
{
    uint32_t load = 0;
    for (uint32_t i = 0; i < count; i++)
        if (loads[nodes[i]] > load)
            load = loads[nodes[i]];
    return load;
}

/* A request always has some type and some action, seldom a given literal
 * above it: those demands must be much rarer to be the better key. */
#define WEIGHT_ACTION 2
#define WEIGHT_TYPE   8

static void
choose_key(struct plan *plan, const struct loads *loads)
{
    uint64_t best = UINT64_MAX;
    for (uint32_t i = 0; i < plan->atom_count; i++) {
        const struct atom *atom = &plan->atoms[i];
        uint64_t cost;
        if (atom->op == ATOM_IS && atom->var == CEDAR_ACTION)
            continue;
        if (atom->op == ATOM_IS)
            cost = (uint64_t)loads->types[atom->var][atom->type] * WEIGHT_TYPE;
        else
            cost = highest(loads->nodes[atom->var], atom->nodes, atom->count) *
                   (atom->var == CEDAR_ACTION ? WEIGHT_ACTION : 1);
        if (cost < best) {
            best = cost;
            plan->key_atom = i;
        }
    }
    if (plan->action_op == CEDAR_SCOPE_ANY)
        return;
    if (highest(loads->nodes[CEDAR_ACTION], plan->action_nodes,
                plan->action_count) *
            WEIGHT_ACTION <
        best) {
        plan->key_atom = CEDAR_NONE;
        plan->is_key_action = true;
    }
}

/* The key's demand is the first that is checked. */
static void
move_key_first(struct plan *plan)
{
    if (plan->key_atom == CEDAR_NONE)
        return;
    struct atom key = plan->atoms[plan->key_atom];
    for (uint32_t i = plan->key_atom; i > 0; i--)
        plan->atoms[i] = plan->atoms[i - 1];
    plan->atoms[0] = key;
    plan->key_atom = 0;
}

void
weir__cedar_choose_keys(struct compiler *c)
{
    struct loads loads;
    for (int v = 0; v < 3; v++) {
        loads.nodes[v] = calloc((size_t)c->node_count + 1, sizeof(uint32_t));
        loads.types[v] = calloc((size_t)c->types.count + 1, sizeof(uint32_t));
        if (loads.nodes[v] == NULL || loads.types[v] == NULL)
            c->is_full = true;
    }
    for (uint32_t i = 0; !c->is_full && i < c->policy_count; i++)
        count_loads(&c->plans[i], &loads);
    for (uint32_t i = 0; !c->is_full && i < c->policy_count; i++) {
        choose_key(&c->plans[i], &loads);
        move_key_first(&c->plans[i]);
    }
    for (int v = 0; v < 3; v++) {
        free(loads.nodes[v]);
        free(loads.types[v]);
    }
}

/* ----------------------------------------------------------------- index */

/* Calls `visit` for each bucket that a policy belongs to. */
static void
each_bucket(struct compiler *c, uint32_t policy,
            void (*visit)(uint32_t bucket, uint32_t policy, void *context),
            void *context)
{
    const struct plan *plan = &c->plans[policy];
    const uint32_t *nodes;
    uint8_t var;
    uint32_t count = weir__cedar_plan_key(plan, &var, &nodes);
    uint32_t base = c->key_count * 3;
    if (CEDAR_IS_TEMPLATE(plan->policy))
        return;
    if (count == 0 && !plan->is_key_action && plan->key_atom == CEDAR_NONE) {
        visit(base + c->types.count * 2, policy, context);
    } else if (plan->key_atom != CEDAR_NONE &&
               plan->atoms[plan->key_atom].op == ATOM_IS) {
        uint32_t type = c->type_order[plan->atoms[plan->key_atom].type];
        visit(base + (var == CEDAR_RESOURCE ? c->types.count : 0) + type,
              policy, context);
    } else {
        for (uint32_t i = 0; i < count; i++)
            visit(var * c->key_count + c->handles[nodes[i]], policy, context);
    }
}

struct filling {
    struct compiler *c;
    struct program_bucket *buckets;
    struct program_candidate *lists;
    enum weir_cedar_effect effect;
};

static void
count_in_bucket(uint32_t bucket, uint32_t policy, void *context)
{
    struct filling *filling = context;
    filling->buckets[bucket].count++;
}

/* Another literal that the policy demands of principal or resource. */
static uint32_t
guard_of(const struct compiler *c, const struct plan *plan)
{
    uint32_t first = plan->key_atom == CEDAR_NONE ? 0 : 1;
    for (uint32_t i = first; i < plan->atom_count; i++) {
        const struct atom *atom = &plan->atoms[i];
        if ((atom->op == ATOM_IN || atom->op == ATOM_EQUAL) &&
            atom->var != CEDAR_ACTION)
            return (uint32_t)atom->var << CEDAR_GUARD_SHIFT |
                   c->handles[atom->nodes[0]];
    }
    return CEDAR_NONE;
}

static struct program_candidate
candidate_for(const struct compiler *c, uint32_t policy)
{
    const struct program_policy *policies =
        (const void *)c->sections[CEDAR_POLICIES].ptr;
    return (struct program_candidate){policy, guard_of(c, &c->plans[policy]),
                                      policies[policy].class};
}

static void
put_in_bucket(uint32_t bucket, uint32_t policy, void *context)
{
    struct filling *filling = context;
    if (filling->c->plans[policy].policy->effect != filling->effect)
        return;
    struct program_bucket *b = &filling->buckets[bucket];
    filling->lists[b->first + b->count++] = candidate_for(filling->c, policy);
    if (filling->effect == WEIR_CEDAR_FORBID)
        b->forbids++;
}

void
weir__cedar_emit_index(struct compiler *c)
{
    uint64_t count = CEDAR_BUCKET_COUNT(c->key_count, c->types.count);
    struct filling filling = {c, NULL, NULL, WEIR_CEDAR_FORBID};
    uint64_t total = 0;
    filling.buckets = calloc(count, sizeof(*filling.buckets));
    if (filling.buckets == NULL) {
        c->is_full = true;
        return;
    }
    for (uint32_t i = 0; i < c->policy_count; i++)
        each_bucket(c, i, count_in_bucket, &filling);
    for (uint64_t i = 0; i < count; i++) {
        filling.buckets[i].first = (uint32_t)total;
        total += filling.buckets[i].count;
        filling.buckets[i].count = 0;
    }
    filling.lists = malloc((total + 1) * sizeof(*filling.lists));
    if (filling.lists == NULL || total > UINT32_MAX) {
        c->is_full = true;
    } else {
        for (uint32_t i = 0; i < c->policy_count; i++)
            each_bucket(c, i, put_in_bucket, &filling);
        filling.effect = WEIR_CEDAR_PERMIT;
        for (uint32_t i = 0; i < c->policy_count; i++)
            each_bucket(c, i, put_in_bucket, &filling);
        weir__cedar_compile_add(c, CEDAR_BUCKETS, filling.buckets,
                                count * sizeof(*filling.buckets));
        weir__cedar_compile_add(c, CEDAR_LISTS, filling.lists,
                                total * sizeof(*filling.lists));
    }
    free(filling.lists);
    free(filling.buckets);
}
