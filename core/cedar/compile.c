/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies and entities to a program, in one pass each:
 *
 *   1. collect: types, names and entities that policies mention
 *   2. plan: demands of each policy; choose its key in the index
 *   3. order: types and names by text, handles with keys first
 *   4. emit: entities, policies, rows of actions, buckets
 *   5. assemble: sections behind each other, header in front
 *
 * Running out of memory or space is noted once, in `is_full`, and told at
 * the end: until then the steps go on with nothing.
 */
#include "compile.h"

#include <stdlib.h>
#include <string.h>

/* Offsets of a program are 32 bits. */
#define PROGRAM_MAX ((size_t)UINT32_MAX - 4096)
#define ARENA_MAX   ((size_t)1 << 34)
/* What a decision may need for the sets and records that it makes. */
#define TEMP_MAX ((uint64_t)1 << 28)

/* --------------------------------------------------------------- writing */

void
weir__cedar_compile_add(struct compiler *c, enum cedar_section section,
                        const void *items, size_t size)
{
    weir_buf_add(&c->sections[section], items, size);
    c->is_full |= c->sections[section].overflow;
}

struct program_text
weir__cedar_compile_bytes(struct compiler *c, weir_span bytes)
{
    struct program_text text = {(uint32_t)c->sections[CEDAR_STRINGS].len,
                                (uint32_t)bytes.len};
    if (bytes.len > PROGRAM_MAX)
        c->is_full = true;
    weir__cedar_compile_add(c, CEDAR_STRINGS, bytes.ptr, bytes.len);
    return text;
}

struct program_text
weir__cedar_compile_text(struct compiler *c, weir_span text)
{
    uint32_t before = c->texts.count;
    if (c->is_full) /* then a text may be known that has no place */
        return (struct program_text){0, 0};
    uint32_t number = weir__cedar_intern_add(&c->texts, &c->arena, text);
    if (number == before && number == c->text_capacity) {
        uint32_t capacity = number == 0 ? 1024 : number * 2;
        uint32_t *offsets =
            realloc(c->text_offsets, capacity * sizeof(*offsets));
        if (offsets == NULL) {
            number = CEDAR_INTERN_NONE;
        } else {
            c->text_offsets = offsets;
            c->text_capacity = capacity;
        }
    }
    if (number == CEDAR_INTERN_NONE) {
        c->is_full = true;
        return (struct program_text){0, 0};
    }
    if (number == before)
        c->text_offsets[number] = weir__cedar_compile_bytes(c, text).offset;
    return (struct program_text){c->text_offsets[number], (uint32_t)text.len};
}

uint32_t
weir__cedar_compile_node(struct compiler *c, const struct weir_cedar_uid *uid)
{
    const struct cedar_node *node = weir__cedar_store_node(c->store, uid);
    if (node != NULL)
        return node->named->index;
    uint32_t extra = weir__cedar_store_name(c->extra, uid);
    if (extra == CEDAR_INTERN_NONE) {
        c->is_full = true;
        return 0;
    }
    return c->store->count + extra;
}

const struct weir_cedar_uid *
weir__cedar_compile_uid(const struct compiler *c, uint32_t node)
{
    if (node < c->store->count)
        return &c->store->nodes[node].named->uid;
    return &c->extra->nodes[node - c->store->count].named->uid;
}

uint32_t
weir__cedar_compile_type(const struct compiler *c, weir_span type)
{
    uint32_t number = weir__cedar_intern_find(&c->types, type);
    return number == CEDAR_INTERN_NONE ? 0 : c->type_order[number];
}

uint32_t
weir__cedar_compile_name(const struct compiler *c, weir_span name)
{
    uint32_t number = weir__cedar_intern_find(&c->names, name);
    return number == CEDAR_INTERN_NONE ? 0 : c->name_order[number];
}

/* --------------------------------------------------------------- collect */

static void
collect_text(struct compiler *c, struct cedar_intern *intern, weir_span text)
{
    if (weir__cedar_intern_add(intern, NULL, text) == CEDAR_INTERN_NONE)
        c->is_full = true;
}

/* Recursion is bounded by the height of the tree. */
static void
collect(struct compiler *c, const struct cedar_expr *expr)
{
    switch (expr->kind) {
    case CEDAR_EXPR_VAR:
        return;
    case CEDAR_EXPR_LITERAL:
        if (expr->value.kind == WEIR_CEDAR_ENTITY)
            (void)weir__cedar_compile_node(c, expr->value.uid);
        return;
    case CEDAR_EXPR_RECORD:
        for (uint32_t i = 0; i < expr->count; i++)
            collect_text(c, &c->names, expr->keys[i]);
        __attribute__((fallthrough));
    case CEDAR_EXPR_SET:
    case CEDAR_EXPR_CALL:
    case CEDAR_EXPR_AND:
    case CEDAR_EXPR_OR:
        for (uint32_t i = 0; i < expr->count; i++)
            collect(c, expr->items[i]);
        return;
    case CEDAR_EXPR_GET:
        collect_text(c, &c->names, expr->name);
        break;
    case CEDAR_EXPR_HAS:
        for (uint32_t i = 0; i < expr->count; i++)
            collect_text(c, &c->names, expr->keys[i]);
        break;
    case CEDAR_EXPR_IS:
        collect_text(c, &c->types, expr->name);
        if (expr->right != NULL)
            collect(c, expr->right);
        break;
    case CEDAR_EXPR_IF:
        collect(c, expr->right);
        collect(c, expr->third);
        break;
    case CEDAR_EXPR_NOT:
    case CEDAR_EXPR_NEGATE:
    case CEDAR_EXPR_IS_EMPTY:
    case CEDAR_EXPR_LIKE:
        break;
    default:
        collect(c, expr->right);
        break;
    }
    collect(c, expr->left);
}

static void
collect_all(struct compiler *c)
{
    for (uint32_t i = 0; i < c->store->types.count; i++)
        collect_text(c, &c->types, c->store->types.texts[i]);
    for (uint32_t i = 0; i < c->store->names.count; i++)
        collect_text(c, &c->names, c->store->names.texts[i]);
    for (uint32_t i = 0; !c->is_full && i < c->policy_count; i++) {
        const struct weir_cedar_policy *policy =
            weir_cedar_policies_at(c->policies, i);
        c->plans[i].policy = policy;
        for (uint32_t j = 0; j < policy->condition_count; j++)
            collect(c, policy->conditions[j].body);
        /* A template is never evaluated: nothing is asked of anybody. */
        if (!CEDAR_IS_TEMPLATE(policy))
            weir__cedar_plan(c, &c->plans[i]);
        else
            c->plans[i].key_atom = CEDAR_NONE;
    }
    for (uint32_t i = 0; i < c->extra->types.count; i++)
        collect_text(c, &c->types, c->extra->types.texts[i]);
    c->node_count = c->store->count + c->extra->count;
}

/* ----------------------------------------------------------------- order */

static int
by_text(const void *a, const void *b, void *context)
{
    const struct cedar_intern *intern = context;
    return weir_span_compare(intern->texts[*(const uint32_t *)a],
                             intern->texts[*(const uint32_t *)b]);
}

/* Writes the texts in ascending order; returns number -> place. */
static uint32_t *
order_texts(struct compiler *c, struct cedar_intern *intern,
            enum cedar_section section)
{
    uint32_t *sorted =
        weir_arena_array(&c->arena, uint32_t, intern->count + 1u);
    uint32_t *places =
        weir_arena_array(&c->arena, uint32_t, intern->count + 1u);
    if (sorted == NULL || places == NULL) {
        c->is_full = true;
        return NULL;
    }
    for (uint32_t i = 0; i < intern->count; i++)
        sorted[i] = i;
    qsort_r(sorted, intern->count, sizeof(*sorted), by_text, intern);
    for (uint32_t i = 0; i < intern->count; i++) {
        struct program_text text =
            weir__cedar_compile_text(c, intern->texts[sorted[i]]);
        weir__cedar_compile_add(c, section, &text, sizeof(text));
        places[sorted[i]] = i;
    }
    return places;
}

static void
give_handle(struct compiler *c, uint32_t node, uint32_t *next)
{
    if (c->handles[node] != CEDAR_NONE)
        return;
    c->handles[node] = *next;
    c->nodes[(*next)++] = node;
}

static void
order_handles(struct compiler *c)
{
    uint32_t next = 0;
    c->handles = weir_arena_array(&c->arena, uint32_t, c->node_count + 1u);
    c->nodes = weir_arena_array(&c->arena, uint32_t, c->node_count + 1u);
    if (c->handles == NULL || c->nodes == NULL) {
        c->is_full = true;
        return;
    }
    memset(c->handles, 0xFF, c->node_count * sizeof(*c->handles));
    for (uint32_t i = 0; i < c->policy_count; i++) {
        const uint32_t *nodes;
        uint8_t var;
        uint32_t count = weir__cedar_plan_key(&c->plans[i], &var, &nodes);
        for (uint32_t j = 0; j < count; j++)
            give_handle(c, nodes[j], &next);
    }
    c->key_count = next;
    for (uint32_t node = 0; node < c->node_count; node++)
        give_handle(c, node, &next);
}

/* ------------------------------------------------------------------ rows */

/* Which classes hold for each action that is known: one bit each. */
static void
emit_rows(struct compiler *c, uint32_t stride)
{
    struct weir_cedar_program view = {0};
    const struct program_entity *entities =
        (const void *)c->sections[CEDAR_ENTITIES].ptr;
    const struct program_class *classes =
        (const void *)c->sections[CEDAR_CLASSES].ptr;
    const uint32_t *handles = (const void *)c->sections[CEDAR_HANDLES].ptr;
    uint8_t *row = weir_arena_alloc(&c->arena, stride);
    if (row == NULL) {
        c->is_full = true;
        return;
    }
    view.sections[CEDAR_ENTITIES] = entities;
    view.sections[CEDAR_ANCESTORS] = c->sections[CEDAR_ANCESTORS].ptr;
    for (uint32_t e = 0; e < c->node_count; e++) {
        if (entities[e].row == CEDAR_NONE)
            continue;
        memset(row, 0, stride);
        for (uint32_t i = 0; i < c->classes.count; i++) {
            bool fits = classes[i].op == CEDAR_SCOPE_ANY;
            for (uint32_t j = 0; !fits && j < classes[i].count; j++) {
                uint32_t literal = handles[classes[i].first + j];
                fits = classes[i].op == CEDAR_SCOPE_EQUAL
                           ? literal == e
                           : program_in(&view, e, literal);
            }
            if (fits)
                row[i >> 3] = (uint8_t)(row[i >> 3] | 1u << (i & 7));
        }
        weir__cedar_compile_add(c, CEDAR_ROWS, row, stride);
    }
}

/* -------------------------------------------------------------- assemble */

static weir_status
assemble(struct compiler *c, uint32_t stride, struct weir_buf *blob,
         struct weir_error *err)
{
    struct program_header header = {
        .magic = CEDAR_PROGRAM_MAGIC,
        .version = CEDAR_PROGRAM_VERSION,
        .stack_max = c->stack_max,
        .temp_size = (uint32_t)((c->temp_max + 15) & ~(uint64_t)15),
        .key_count = c->key_count,
        .row_stride = stride,
        .policy_count = c->policy_count,
    };
    size_t offset = sizeof(header);
    for (int i = 0; i < CEDAR_SECTIONS; i++) {
        header.sections[i].offset = (uint32_t)offset;
        header.sections[i].count =
            (uint32_t)(c->sections[i].len / weir__cedar_item_sizes[i]);
        offset += (c->sections[i].len + 7) & ~(size_t)7;
        if (offset > PROGRAM_MAX)
            return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                             "the program is larger than 4 GiB");
    }
    header.size = offset;
    size_t start = weir_buf_reserve(blob, offset, 8);
    if (start == SIZE_MAX)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "the program is larger than its buffer may grow");
    memcpy(blob->ptr + start, &header, sizeof(header));
    for (int i = 0; i < CEDAR_SECTIONS; i++)
        if (c->sections[i].len > 0)
            memcpy(blob->ptr + start + header.sections[i].offset,
                   c->sections[i].ptr, c->sections[i].len);
    return WEIR_OK;
}

static bool
start(struct compiler *c)
{
    weir_arena_init_heap(&c->arena, ARENA_MAX);
    for (int i = 0; i < CEDAR_SECTIONS; i++)
        weir_buf_init(&c->sections[i], PROGRAM_MAX);
    c->extra = weir_cedar_store_new();
    c->policy_count = (uint32_t)weir_cedar_policies_count(c->policies);
    c->plans = weir_arena_array(&c->arena, struct plan, c->policy_count + 1u);
    return c->extra != NULL && c->plans != NULL;
}

static void
finish(struct compiler *c)
{
    weir_cedar_store_free(c->extra);
    weir_arena_fini(&c->arena);
    weir__cedar_intern_fini(&c->types);
    weir__cedar_intern_fini(&c->names);
    weir__cedar_intern_fini(&c->texts);
    weir__cedar_intern_fini(&c->shapes);
    weir__cedar_intern_fini(&c->lists);
    weir__cedar_intern_fini(&c->classes);
    free(c->text_offsets);
    free(c->list_offsets);
    for (int i = 0; i < CEDAR_SECTIONS; i++)
        weir_buf_fini(&c->sections[i]);
}

static weir_status
compile(struct compiler *c, struct weir_buf *blob, struct weir_error *err)
{
    uint32_t stride;
    collect_all(c);
    if (c->types.count >= CEDAR_TYPE_UNKNOWN)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "more than %d entity types", CEDAR_TYPE_UNKNOWN - 1);
    c->type_order = order_texts(c, &c->types, CEDAR_TYPES);
    c->name_order = order_texts(c, &c->names, CEDAR_NAMES);
    if (!c->is_full)
        weir__cedar_choose_keys(c);
    if (!c->is_full)
        order_handles(c);
    if (!c->is_full)
        weir__cedar_emit_entities(c);
    for (uint32_t i = 0; !c->is_full && i < c->policy_count; i++)
        weir__cedar_emit_policy(c, i);
    stride = c->classes.count / 8 + 1; /* a row is never empty */
    if (!c->is_full)
        emit_rows(c, stride);
    if (!c->is_full)
        weir__cedar_emit_index(c);
    if (c->temp_max > TEMP_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "a policy makes sets or records too large");
    if (c->is_full)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "out of memory, or a part of the program is larger "
                         "than 4 GiB");
    return assemble(c, stride, blob, err);
}

weir_status
weir_cedar_compile(const struct weir_cedar_policies *policies,
                   const struct weir_cedar_store *store,
                   const struct weir_cedar_rule *rules, struct weir_buf *blob,
                   struct weir_error *err)
{
    struct compiler c = {.policies = policies, .store = store, .rules = rules};
    weir_status status;
    WEIR_ASSERT(store->is_sealed);
    if (start(&c))
        status = compile(&c, blob, err);
    else
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    finish(&c);
    return status;
}
