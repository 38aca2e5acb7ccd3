/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conditions to operations. An expression leaves its value one place above
 * where the stack stood; `c->depth` is that place, known at every operation.
 * An expression without variables that needs no store is evaluated here, by
 * the tree evaluator; when that fails, OP_FAIL stands in its place, so that
 * the fault appears if and only if the place is reached.
 */
#include "compile.h"

#include <stdlib.h>
#include <string.h>

/* Longest piece of source that a note keeps. */
#define NOTE_TEXT_MAX 160

static void emit_expr(struct compiler *c, const struct cedar_expr *expr);

/* ----------------------------------------------------------------- notes */

/* `principal.staff`, for trees that were not read from text. */
static void
write_path(struct weir_buf *buf, const struct cedar_expr *expr)
{
    static const char *const vars[] = {"principal", "action", "resource",
                                       "context"};
    if (expr->kind == CEDAR_EXPR_VAR) {
        weir_buf_add_span(buf, weir_span_of(vars[expr->var]));
    } else if (expr->kind == CEDAR_EXPR_GET) {
        write_path(buf, expr->left);
        weir_buf_add_byte(buf, '.');
        weir_buf_add_span(buf, expr->name);
    } else if (expr->kind == CEDAR_EXPR_LITERAL) {
        weir_cedar_value_write(buf, &expr->value);
    } else {
        weir_buf_add_span(buf, WEIR_SPAN("(..)"));
    }
}

static weir_span
source(const struct compiler *c, uint32_t offset, uint32_t end)
{
    const struct weir_cedar_policy *policy = c->policy;
    size_t len = end - offset;
    if (policy->text.ptr == NULL || end <= offset || end > policy->text.len)
        return WEIR_SPAN("");
    if (len > NOTE_TEXT_MAX) {
        len = NOTE_TEXT_MAX;
        while (len > 0 && (policy->text.ptr[offset + len] & 0xC0) == 0x80)
            len--;
    }
    return (weir_span){policy->text.ptr + offset, len};
}

static uint32_t
note(struct compiler *c, uint32_t offset, weir_span text)
{
    struct program_note entry = {offset, weir__cedar_compile_text(c, text)};
    uint32_t number = SECTION_COUNT(c, CEDAR_NOTES, struct program_note);
    weir__cedar_compile_add(c, CEDAR_NOTES, &entry, sizeof(entry));
    return number;
}

static uint32_t
note_for(struct compiler *c, const struct cedar_expr *expr)
{
    char memory[NOTE_TEXT_MAX];
    struct weir_buf buf;
    weir_span text = source(c, expr->offset, expr->end);
    if (text.len == 0 && expr->kind == CEDAR_EXPR_GET) {
        weir_buf_init_fixed(&buf, memory, sizeof(memory));
        write_path(&buf, expr);
        text = weir_buf_span(&buf);
    }
    return note(c, expr->offset, text);
}

/* ------------------------------------------------------------ operations */

/* Returns where the operation stands. */
static uint32_t
emit(struct compiler *c, enum cedar_op op, uint32_t x, uint32_t a, uint32_t b,
     uint32_t note_number)
{
    struct program_op entry = {(uint8_t)op, (uint8_t)x, (uint16_t)c->depth,
                               a,           b,          note_number};
    uint32_t at = SECTION_COUNT(c, CEDAR_CODE, struct program_op);
    weir__cedar_compile_add(c, CEDAR_CODE, &entry, sizeof(entry));
    return at;
}

static void
set_depth(struct compiler *c, uint32_t depth)
{
    c->depth = depth;
    if (depth > UINT16_MAX)
        c->is_full = true;
    if (depth > c->stack_max)
        c->stack_max = depth;
}

/* A jump at `at` leads here. */
static void
land(struct compiler *c, uint32_t at)
{
    uint32_t here = SECTION_COUNT(c, CEDAR_CODE, struct program_op);
    if (!c->is_full)
        ((struct program_op *)(void *)c->sections[CEDAR_CODE].ptr)[at].b = here;
}

static void
emit_fault(struct compiler *c, enum weir_cedar_fault fault, uint32_t offset)
{
    emit(c, OP_FAIL, 0, fault, 0, note(c, offset, WEIR_SPAN("")));
    set_depth(c, c->depth + 1);
}

static void
emit_constant(struct compiler *c, const weir_cedar_value *value)
{
    emit(c, OP_CONST, 0, weir__cedar_emit_cell(c, value), 0, CEDAR_NONE);
    set_depth(c, c->depth + 1);
}

/* ------------------------------------------------------------- constants */

enum { HAS_VARIABLE = 1, HAS_ENTITY = 2, HAS_STORE = 4 };

/* What the value of the expression depends on. */
static int
dependence(const struct cedar_expr *expr)
{
    int mask = 0;
    switch (expr->kind) {
    case CEDAR_EXPR_VAR:
        return HAS_VARIABLE;
    case CEDAR_EXPR_LITERAL:
        return expr->value.kind == WEIR_CEDAR_ENTITY ? HAS_ENTITY : 0;
    case CEDAR_EXPR_SET:
    case CEDAR_EXPR_RECORD:
    case CEDAR_EXPR_CALL:
    case CEDAR_EXPR_AND:
    case CEDAR_EXPR_OR:
        for (uint32_t i = 0; i < expr->count; i++)
            mask |= dependence(expr->items[i]);
        return mask;
    case CEDAR_EXPR_IF:
        return dependence(expr->left) | dependence(expr->right) |
               dependence(expr->third);
    case CEDAR_EXPR_NOT:
    case CEDAR_EXPR_NEGATE:
    case CEDAR_EXPR_IS_EMPTY:
    case CEDAR_EXPR_LIKE:
        return dependence(expr->left);
    case CEDAR_EXPR_GET:
    case CEDAR_EXPR_HAS:
        return dependence(expr->left) | HAS_STORE;
    case CEDAR_EXPR_IS:
        return dependence(expr->left) |
               (expr->right == NULL ? 0 : dependence(expr->right) | HAS_STORE);
    case CEDAR_EXPR_IN:
    case CEDAR_EXPR_HAS_TAG:
    case CEDAR_EXPR_GET_TAG:
        mask = HAS_STORE;
        __attribute__((fallthrough));
    default:
        return mask | dependence(expr->left) | dependence(expr->right);
    }
}

static bool
is_constant(const struct cedar_expr *expr)
{
    int mask = dependence(expr);
    return (mask & HAS_VARIABLE) == 0 &&
           (mask & (HAS_ENTITY | HAS_STORE)) != (HAS_ENTITY | HAS_STORE);
}

static void
emit_folded(struct compiler *c, const struct cedar_expr *expr)
{
    struct weir_cedar_query query = {.context = {.kind = WEIR_CEDAR_RECORD}};
    struct cedar_eval eval = {c->store, &query, &c->arena,
                              WEIR_CEDAR_FAULT_NONE, 0};
    weir_cedar_value value;
    if (weir__cedar_eval(&eval, expr, &value))
        emit_constant(c, &value);
    else if (eval.fault == WEIR_CEDAR_FAULT_MEMORY)
        c->is_full = true;
    else
        emit_fault(c, eval.fault, eval.offset);
}

/* ----------------------------------------------------------- expressions */

/* An operation that takes `pops` values and leaves one. */
static void
emit_result(struct compiler *c, enum cedar_op op, uint32_t x, uint32_t a,
            uint32_t b, uint32_t pops, const struct cedar_expr *expr)
{
    emit(c, op, x, a, b, note_for(c, expr));
    set_depth(c, c->depth - pops + 1);
}

static bool
is_boolean(const struct cedar_expr *expr)
{
    switch (expr->kind) {
    case CEDAR_EXPR_AND:
    case CEDAR_EXPR_OR:
    case CEDAR_EXPR_NOT:
    case CEDAR_EXPR_IS_EMPTY:
    case CEDAR_EXPR_EQUAL:
    case CEDAR_EXPR_NOT_EQUAL:
    case CEDAR_EXPR_LESS:
    case CEDAR_EXPR_LESS_EQUAL:
    case CEDAR_EXPR_GREATER:
    case CEDAR_EXPR_GREATER_EQUAL:
    case CEDAR_EXPR_IN:
    case CEDAR_EXPR_CONTAINS:
    case CEDAR_EXPR_CONTAINS_ALL:
    case CEDAR_EXPR_CONTAINS_ANY:
    case CEDAR_EXPR_HAS_TAG:
    case CEDAR_EXPR_HAS:
    case CEDAR_EXPR_LIKE:
    case CEDAR_EXPR_IS:
        return true;
    default:
        return false;
    }
}

/* `a && b ..`: each but the last jumps behind the whole when it decides. */
static void
emit_chain(struct compiler *c, const struct cedar_expr *expr)
{
    enum cedar_op op =
        expr->kind == CEDAR_EXPR_AND ? OP_JUMP_FALSE : OP_JUMP_TRUE;
    const struct cedar_expr *last = expr->items[expr->count - 1];
    uint32_t *jumps = malloc(expr->count * sizeof(*jumps));
    if (jumps == NULL) {
        c->is_full = true;
        return;
    }
    for (uint32_t i = 0; i + 1 < expr->count; i++) {
        emit_expr(c, expr->items[i]);
        jumps[i] = emit(c, op, 0, 0, 0, note_for(c, expr->items[i]));
        set_depth(c, c->depth - 1);
    }
    emit_expr(c, last);
    if (!is_boolean(last))
        emit_result(c, OP_BOOL, 0, 0, 0, 1, last);
    for (uint32_t i = 0; i + 1 < expr->count; i++)
        land(c, jumps[i]);
    free(jumps);
}

static void
emit_if(struct compiler *c, const struct cedar_expr *expr)
{
    uint32_t otherwise;
    uint32_t behind;
    emit_expr(c, expr->left);
    otherwise = emit(c, OP_BRANCH, 0, 0, 0, note_for(c, expr->left));
    set_depth(c, c->depth - 1);
    emit_expr(c, expr->right);
    behind = emit(c, OP_JUMP, 0, 0, 0, CEDAR_NONE);
    land(c, otherwise);
    set_depth(c, c->depth - 1);
    emit_expr(c, expr->third);
    land(c, behind);
}

static void
emit_has(struct compiler *c, const struct cedar_expr *expr)
{
    uint32_t last = expr->count - 1;
    uint32_t *jumps = malloc(expr->count * sizeof(*jumps));
    if (jumps == NULL) {
        c->is_full = true;
        return;
    }
    emit_expr(c, expr->left);
    for (uint32_t i = 0; i < last; i++)
        jumps[i] =
            emit(c, OP_HAS_GET, 0, weir__cedar_compile_name(c, expr->keys[i]),
                 0, note_for(c, expr));
    emit_result(c, OP_HAS, 0, weir__cedar_compile_name(c, expr->keys[last]), 0,
                1, expr);
    for (uint32_t i = 0; i < last; i++)
        land(c, jumps[i]);
    free(jumps);
}

static void
emit_get(struct compiler *c, const struct cedar_expr *expr)
{
    uint32_t name = weir__cedar_compile_name(c, expr->name);
    if (expr->left->kind == CEDAR_EXPR_VAR) {
        emit_result(c, OP_ATTR_OF, expr->left->var, name, 0, 0, expr);
        return;
    }
    emit_expr(c, expr->left);
    emit_result(c, OP_GET, 0, name, 0, 1, expr);
}

static void
emit_like(struct compiler *c, const struct cedar_expr *expr)
{
    uint32_t first;
    emit_expr(c, expr->left);
    first = SECTION_COUNT(c, CEDAR_PIECES, struct program_text);
    for (uint32_t i = 0; i < expr->count; i++) {
        struct program_text piece = {0, CEDAR_NONE};
        if (!expr->pattern[i].is_star)
            piece = weir__cedar_compile_text(c, expr->pattern[i].literal);
        weir__cedar_compile_add(c, CEDAR_PIECES, &piece, sizeof(piece));
    }
    emit_result(c, OP_LIKE, 0, first, expr->count, 1, expr);
}

/* `x in right`, x on the stack. */
static void
emit_in(struct compiler *c, const struct cedar_expr *expr)
{
    const struct cedar_expr *right = expr->right;
    if (right->kind == CEDAR_EXPR_LITERAL &&
        right->value.kind == WEIR_CEDAR_ENTITY) {
        uint32_t node = weir__cedar_compile_node(c, right->value.uid);
        if (!c->is_full)
            emit_result(c, OP_IN_LITERAL, 0, c->handles[node], 0, 1, expr);
        return;
    }
    emit_expr(c, right);
    emit_result(c, OP_IN, 0, 0, 0, 2, expr);
}

/* `e is T in g` is `e is T && e in g`. */
static void
emit_is(struct compiler *c, const struct cedar_expr *expr)
{
    uint32_t type = weir__cedar_compile_type(c, expr->name);
    uint32_t jump;
    emit_expr(c, expr->left);
    if (expr->right == NULL) {
        emit_result(c, OP_IS, 0, type, 0, 1, expr);
        return;
    }
    /* The test borrows the place above. */
    jump = emit(c, OP_IS_THEN, 0, type, 0, note_for(c, expr));
    set_depth(c, c->depth + 1);
    set_depth(c, c->depth - 1);
    emit_in(c, expr);
    land(c, jump);
}

static void
emit_call(struct compiler *c, const struct cedar_expr *expr)
{
    const struct cedar_function_info *info =
        &weir__cedar_functions[expr->function];
    for (uint32_t i = 0; i < expr->count; i++)
        emit_expr(c, expr->items[i]);
    if (expr->count != info->arity) {
        /* The place of the result is that of the first argument. */
        emit_fault(c, WEIR_CEDAR_FAULT_ARITY, expr->offset);
        set_depth(c, c->depth - expr->count);
        return;
    }
    if (info->result == WEIR_CEDAR_IP)
        c->temp += sizeof(struct weir_cedar_ip);
    emit_result(c, OP_CALL, expr->function, 0, 0, expr->count, expr);
}

static uint64_t
round_up(uint64_t size)
{
    return (size + 15) & ~(uint64_t)15;
}

static void
emit_list(struct compiler *c, const struct cedar_expr *expr)
{
    for (uint32_t i = 0; i < expr->count; i++)
        emit_expr(c, expr->items[i]);
    if (expr->kind == CEDAR_EXPR_SET) {
        c->temp += round_up((uint64_t)expr->count * sizeof(weir_cedar_arg));
        emit_result(c, OP_SET, 0, expr->count, 0, expr->count, expr);
        return;
    }
    uint32_t first = SECTION_COUNT(c, CEDAR_HANDLES, uint32_t);
    for (uint32_t i = 0; i < expr->count; i++) {
        uint32_t name = weir__cedar_compile_name(c, expr->keys[i]);
        weir__cedar_compile_add(c, CEDAR_HANDLES, &name, sizeof(name));
    }
    c->temp +=
        round_up((uint64_t)expr->count * sizeof(struct weir_cedar_binding));
    emit_result(c, OP_RECORD, 0, first, expr->count, expr->count, expr);
}

static enum cedar_op
binary_op(enum cedar_expr_kind kind)
{
    switch (kind) {
    case CEDAR_EXPR_EQUAL:
        return OP_EQUAL;
    case CEDAR_EXPR_NOT_EQUAL:
        return OP_NOT_EQUAL;
    case CEDAR_EXPR_LESS:
        return OP_LESS;
    case CEDAR_EXPR_LESS_EQUAL:
        return OP_LESS_EQUAL;
    case CEDAR_EXPR_GREATER:
        return OP_GREATER;
    case CEDAR_EXPR_GREATER_EQUAL:
        return OP_GREATER_EQUAL;
    case CEDAR_EXPR_ADD:
        return OP_ADD;
    case CEDAR_EXPR_SUBTRACT:
        return OP_SUBTRACT;
    case CEDAR_EXPR_MULTIPLY:
        return OP_MULTIPLY;
    case CEDAR_EXPR_CONTAINS:
        return OP_CONTAINS;
    case CEDAR_EXPR_CONTAINS_ALL:
        return OP_CONTAINS_ALL;
    case CEDAR_EXPR_CONTAINS_ANY:
        return OP_CONTAINS_ANY;
    case CEDAR_EXPR_HAS_TAG:
        return OP_HAS_TAG;
    default:
        return OP_GET_TAG;
    }
}

static void
emit_unary(struct compiler *c, enum cedar_op op, const struct cedar_expr *expr)
{
    emit_expr(c, expr->left);
    emit_result(c, op, 0, 0, 0, 1, expr);
}

/* Recursion is bounded by the height of the tree. */
static void
emit_expr(struct compiler *c, const struct cedar_expr *expr)
{
    if (c->is_full)
        return;
    if (is_constant(expr)) {
        emit_folded(c, expr);
        return;
    }
    switch (expr->kind) {
    case CEDAR_EXPR_VAR:
        emit(c, OP_VAR, expr->var, 0, 0, CEDAR_NONE);
        set_depth(c, c->depth + 1);
        return;
    case CEDAR_EXPR_SET:
    case CEDAR_EXPR_RECORD:
        emit_list(c, expr);
        return;
    case CEDAR_EXPR_CALL:
        emit_call(c, expr);
        return;
    case CEDAR_EXPR_AND:
    case CEDAR_EXPR_OR:
        emit_chain(c, expr);
        return;
    case CEDAR_EXPR_IF:
        emit_if(c, expr);
        return;
    case CEDAR_EXPR_NOT:
        emit_expr(c, expr->left);
        emit_result(c, OP_NOT, 0, 0, 0, 1, expr->left);
        return;
    case CEDAR_EXPR_NEGATE:
        emit_unary(c, OP_NEGATE, expr);
        return;
    case CEDAR_EXPR_IS_EMPTY:
        emit_unary(c, OP_IS_EMPTY, expr);
        return;
    case CEDAR_EXPR_IN:
        emit_expr(c, expr->left);
        emit_in(c, expr);
        return;
    case CEDAR_EXPR_GET:
        emit_get(c, expr);
        return;
    case CEDAR_EXPR_HAS:
        emit_has(c, expr);
        return;
    case CEDAR_EXPR_LIKE:
        emit_like(c, expr);
        return;
    case CEDAR_EXPR_IS:
        emit_is(c, expr);
        return;
    default:
        emit_expr(c, expr->left);
        emit_expr(c, expr->right);
        emit_result(c, binary_op(expr->kind), 0, 0, 0, 2, expr);
        return;
    }
}

/* ---------------------------------------------------------------- policy */

static void
emit_atom(struct compiler *c, const struct atom *atom)
{
    static const enum cedar_op codes[] = {
        [ATOM_IN] = OP_REQUIRE_IN,
        [ATOM_EQUAL] = OP_REQUIRE_EQUAL,
        [ATOM_IS] = OP_REQUIRE_IS,
        [ATOM_IN_ANY] = OP_REQUIRE_IN_ANY,
    };
    uint32_t a;
    uint32_t b = 0;
    if (atom->op == ATOM_IS) {
        a = c->type_order[atom->type];
    } else if (atom->op == ATOM_IN_ANY) {
        a = SECTION_COUNT(c, CEDAR_HANDLES, uint32_t);
        b = atom->count;
        for (uint32_t i = 0; i < atom->count; i++)
            weir__cedar_compile_add(c, CEDAR_HANDLES,
                                    &c->handles[atom->nodes[i]],
                                    sizeof(uint32_t));
    } else {
        a = c->handles[atom->nodes[0]];
    }
    emit(c, codes[atom->op], atom->var, a, b,
         note(c, atom->offset, source(c, atom->offset, atom->end)));
}

/* The distinct action scopes are numbered: see CEDAR_ROWS. */
static uint32_t
class_of(struct compiler *c, const struct plan *plan)
{
    struct program_class class = {.op = (uint8_t)plan->action_op,
                                  .count = plan->action_count};
    uint32_t size = plan->action_count + 1;
    uint32_t *bytes = weir_arena_array(&c->arena, uint32_t, size);
    uint32_t before = c->classes.count;
    if (bytes == NULL) {
        c->is_full = true;
        return 0;
    }
    bytes[0] = plan->action_op;
    for (uint32_t i = 0; i < plan->action_count; i++)
        bytes[i + 1] = c->handles[plan->action_nodes[i]];
    uint32_t number = weir__cedar_intern_add(
        &c->classes, NULL,
        (weir_span){(const char *)bytes, size * sizeof(*bytes)});
    if (number == CEDAR_INTERN_NONE) {
        c->is_full = true;
    } else if (number == before) {
        class.first = SECTION_COUNT(c, CEDAR_HANDLES, uint32_t);
        weir__cedar_compile_add(c, CEDAR_HANDLES, bytes + 1,
                                plan->action_count * sizeof(*bytes));
        weir__cedar_compile_add(c, CEDAR_CLASSES, &class, sizeof(class));
    }
    return number;
}

/* The literals of a key that has several. */
static uint32_t
group_of(struct compiler *c, const struct plan *plan, uint8_t *var_out)
{
    const uint32_t *nodes;
    uint32_t count = weir__cedar_plan_key(plan, var_out, &nodes);
    uint32_t at = SECTION_COUNT(c, CEDAR_HANDLES, uint32_t);
    if (count < 2)
        return CEDAR_NONE;
    weir__cedar_compile_add(c, CEDAR_HANDLES, &count, sizeof(count));
    for (uint32_t i = 0; i < count; i++)
        weir__cedar_compile_add(c, CEDAR_HANDLES, &c->handles[nodes[i]],
                                sizeof(uint32_t));
    return at;
}

static void
emit_meta(struct compiler *c, uint32_t index,
          const struct weir_cedar_rule *rule)
{
    const struct weir_cedar_policy *policy = c->policy;
    struct program_meta meta = {
        .from = rule->from,
        .until = rule->until,
        .id = weir__cedar_compile_text(c, policy->id),
        .file = weir__cedar_compile_text(c, policy->file),
        .first_annotation =
            SECTION_COUNT(c, CEDAR_ANNOTATIONS, struct program_annotation),
        .line = policy->line,
        .annotation_count = policy->annotation_count,
        .is_template = CEDAR_IS_TEMPLATE(policy),
    };
    for (uint32_t i = 0; i < policy->annotation_count; i++) {
        struct program_annotation annotation = {
            weir__cedar_compile_text(c, policy->annotations[i].key),
            weir__cedar_compile_text(c, policy->annotations[i].value)};
        weir__cedar_compile_add(c, CEDAR_ANNOTATIONS, &annotation,
                                sizeof(annotation));
    }
    weir__cedar_compile_add(c, CEDAR_META, &meta, sizeof(meta));
}

void
weir__cedar_emit_policy(struct compiler *c, uint32_t index)
{
    static const struct weir_cedar_rule always = {0, WEIR_TIME_MIN,
                                                  WEIR_TIME_MAX};
    const struct plan *plan = &c->plans[index];
    const struct weir_cedar_rule *rule =
        c->rules == NULL ? &always : &c->rules[index];
    struct program_policy policy = {
        .effect = (uint8_t)plan->policy->effect,
        .flags = rule->flags,
        .has_window =
            rule->from != WEIR_TIME_MIN || rule->until != WEIR_TIME_MAX,
    };
    c->policy = plan->policy;
    c->depth = 0;
    c->temp = 0;
    policy.class = class_of(c, plan);
    policy.group = group_of(c, plan, &policy.key_var);
    policy.start = SECTION_COUNT(c, CEDAR_CODE, struct program_op);
    policy.entry = policy.start;
    /* Who comes from the bucket of `in x` is in x: that check is the first
     * operation, and is stepped over. */
    if (plan->key_atom == 0 &&
        (plan->atoms[0].op == ATOM_IN || plan->atoms[0].op == ATOM_IN_ANY))
        policy.entry++;
    for (uint32_t i = 0; i < plan->atom_count; i++)
        emit_atom(c, &plan->atoms[i]);
    for (uint32_t i = 0; i < plan->conjunct_count; i++) {
        const struct cedar_expr *expr = plan->conjuncts[i].expr;
        emit_expr(c, expr);
        emit(c, OP_REQUIRE, plan->conjuncts[i].is_negated, 0, 0,
             note_for(c, expr));
        c->depth = 0;
    }
    emit(c, OP_DONE, 0, 0, 0, CEDAR_NONE);
    if (c->temp > c->temp_max)
        c->temp_max = c->temp;
    weir__cedar_compile_add(c, CEDAR_POLICIES, &policy, sizeof(policy));
    emit_meta(c, index, rule);
}
