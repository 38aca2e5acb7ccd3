/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a schema as written to the resolved model.
 *
 *   1. declare   every name of every namespace goes into one symbol table;
 *                duplicates and illegal shadowing are refused here
 *   2. resolve   common types on demand (with a mark against cycles), then
 *                entity types, then actions
 *   3. close     ancestors of entity types and of actions
 *
 * HOW A NAME IS FOUND. A bare name in namespace N means N::name, else name;
 * a path means itself. At each of these a common type wins over an entity
 * type. Built-in types are common types of __cedar with an alias in the
 * empty namespace, which any declaration there hides.
 *
 * WHY A WEIGHT. Resolved types are shared, but comparing two of them walks
 * the tree they stand for; `type B = {x: A, y: A}` doubles it at each step.
 * The weight is the size of that tree, and it is limited.
 */
#include "lexer.h"
#include "schema.h"

#include <stdlib.h>

/* Nodes of one type with its common types written out: far beyond any
 * schema met in practice; keeps every walk of a type in the milliseconds. */
#define TYPE_WEIGHT_MAX (1u << 20)
/* The ancestor sets take one bit per pair of entity types: 32 MiB here. */
#define ENTITY_TYPES_MAX 16384u

enum progress { WAITING, RUNNING, DONE };

struct common_symbol {
    const struct raw_common *raw;
    const struct raw_namespace *space;
    const struct weir_cedar_type *type;
    uint32_t weight;
    enum progress progress;
};

struct entity_symbol { /* begins with what the finished table points at */
    struct weir_cedar_entity_type type;
    const struct raw_entity *raw; /* NULL: an Action type */
    const struct raw_namespace *space;
    struct entity_symbol **parents;
    uint32_t parent_count;
};

struct action_symbol {
    struct weir_cedar_action action;
    const struct raw_action *raw;
    const struct raw_namespace *space;
    uint32_t stamp; /* the walk that reached it last */
};

struct resolver {
    struct weir_arena *arena;
    struct weir_error *err;
    struct weir__cedar_symbols *symbols;
    struct weir_cedar_schema *schema;
    struct entity_symbol **entities;
    struct action_symbol **actions;
    uint32_t entity_count;
    uint32_t action_count;
    uint32_t depth;
};

static const struct weir_cedar_type builtin_types[] = {
    {.kind = WEIR_CEDAR_TYPE_LONG},     {.kind = WEIR_CEDAR_TYPE_STRING},
    {.kind = WEIR_CEDAR_TYPE_BOOL},     {.kind = WEIR_CEDAR_TYPE_IPADDR},
    {.kind = WEIR_CEDAR_TYPE_DECIMAL},  {.kind = WEIR_CEDAR_TYPE_DATETIME},
    {.kind = WEIR_CEDAR_TYPE_DURATION},
};
static const char *const builtin_names[] = {
    "Long", "String", "Bool", "ipaddr", "decimal", "datetime", "duration"};
#define BUILTIN_PRIMITIVES 3
static const struct weir_cedar_type empty_record = {.kind =
                                                        WEIR_CEDAR_TYPE_RECORD};

static weir_status
no_memory(struct resolver *r)
{
    (void)weir_fail(r->err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                    "the schema needs over %zu bytes", r->arena->max);
    return WEIR_ETOOBIG;
}

static weir_status
undeclared(struct resolver *r, const char *what, weir_span name,
           uint32_t offset)
{
    (void)weir_fail(r->err, WEIR_ETYPE, offset, "%s %.*s is not declared", what,
                    WEIR_SPAN_ARG(name));
    return WEIR_ETYPE;
}

static const struct weir_cedar_type *
builtin_type(weir_span name, size_t first)
{
    for (size_t i = first; i < WEIR_COUNTOF(builtin_types); i++)
        if (weir_span_equal(name, weir_span_of(builtin_names[i])))
            return &builtin_types[i];
    return NULL;
}

/* "N::name", or name itself in the empty namespace. */
static weir_span
qualify(struct resolver *r, weir_span space, weir_span name)
{
    struct weir_buf buf;
    weir_span full;
    if (space.len == 0)
        return name;
    weir_buf_init(&buf, space.len + name.len + 2);
    weir_buf_add_span(&buf, space);
    weir_buf_add_span(&buf, WEIR_SPAN("::"));
    weir_buf_add_span(&buf, name);
    full = weir_arena_copy(r->arena, weir_buf_span(&buf));
    weir_buf_fini(&buf);
    return full;
}

static bool
is_bare(weir_span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == ':')
            return false;
    return true;
}

/* ----------------------------------------------------------- declare */

static weir_status
declare_common(struct resolver *r, const struct raw_namespace *space,
               const struct raw_common *raw)
{
    struct common_symbol *c = weir_arena_alloc(r->arena, sizeof(*c));
    weir_span full = qualify(r, space->name, raw->name);
    if (c == NULL || full.ptr == NULL)
        return no_memory(r);
    c->raw = raw;
    c->space = space;
    if (!weir__cedar_symbols_add(r->symbols, SYMBOL_COMMON, full,
                                 WEIR_SPAN_NONE, c))
        return weir_fail(r->err, WEIR_ETYPE, raw->offset,
                         "the type is declared twice");
    return WEIR_OK;
}

static weir_status
add_entity(struct resolver *r, weir_span full,
           const struct raw_namespace *space, const struct raw_entity *raw,
           struct entity_symbol **entity_out)
{
    struct entity_symbol *e = weir_arena_alloc(r->arena, sizeof(*e));
    if (e == NULL || full.ptr == NULL)
        return no_memory(r);
    *entity_out = e;
    e->type.name = full;
    e->type.shape = &empty_record;
    e->raw = raw;
    e->space = space;
    if (!weir__cedar_symbols_add(r->symbols, SYMBOL_ENTITY, full,
                                 WEIR_SPAN_NONE, e))
        return weir_fail(r->err, WEIR_ETYPE,
                         raw != NULL ? raw->offset : space->offset,
                         "the entity type is declared twice");
    if (r->entity_count == ENTITY_TYPES_MAX)
        return weir_fail(r->err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "over %u entity types", ENTITY_TYPES_MAX);
    e->type.index = r->entity_count;
    r->entities[r->entity_count++] = e;
    return WEIR_OK;
}

static weir_status
declare_action(struct resolver *r, const struct raw_namespace *space,
               const struct raw_action *raw, struct entity_symbol *type)
{
    struct action_symbol *a = weir_arena_alloc(r->arena, sizeof(*a));
    if (a == NULL)
        return no_memory(r);
    a->raw = raw;
    a->space = space;
    a->action.type = &type->type;
    a->action.id = raw->id;
    a->action.context = &empty_record;
    a->action.has_applies_to = raw->has_applies_to;
    if (!weir__cedar_symbols_add(r->symbols, SYMBOL_ACTION, type->type.name,
                                 raw->id, a))
        return weir_fail(r->err, WEIR_ETYPE, raw->offset,
                         "the action is declared twice");
    a->action.index = r->action_count;
    r->actions[r->action_count++] = a;
    return WEIR_OK;
}

static weir_status
declare_namespace(struct resolver *r, const struct raw_namespace *space)
{
    weir_status status = WEIR_OK;
    struct entity_symbol *entity = NULL;
    if (!weir__cedar_symbols_add(r->symbols, SYMBOL_NAMESPACE, space->name,
                                 WEIR_SPAN_NONE, (void *)space))
        return weir_fail(r->err, WEIR_ETYPE, space->offset,
                         "the namespace is declared twice");
    for (const struct raw_common *c = space->commons.first;
         status == WEIR_OK && c != NULL; c = c->next)
        status = declare_common(r, space, c);
    for (const struct raw_entity *e = space->entities.first;
         status == WEIR_OK && e != NULL; e = e->next) {
        if (weir_span_equal(e->name, WEIR_SPAN("Action")))
            return weir_fail(r->err, WEIR_ETYPE, e->offset,
                             "Action can not be declared as entity type");
        status =
            add_entity(r, qualify(r, space->name, e->name), space, e, &entity);
    }
    if (status != WEIR_OK || space->actions.first == NULL)
        return status;
    status = add_entity(r, qualify(r, space->name, WEIR_SPAN("Action")), space,
                        NULL, &entity);
    if (status != WEIR_OK)
        return status;
    WEIR_ASSERT(entity != NULL);
    entity->type.is_action = true;
    for (const struct raw_action *a = space->actions.first;
         status == WEIR_OK && a != NULL; a = a->next)
        status = declare_action(r, space, a, entity);
    return status;
}

/* A type or action of a namespace may not hide one of the empty one. */
static weir_status
check_shadowing(struct resolver *r, const struct raw_namespace *space)
{
    static const char text[] = "it hides a declaration of the empty namespace";
    if (space->name.len == 0)
        return WEIR_OK;
    for (const struct raw_common *c = space->commons.first; c != NULL;
         c = c->next)
        if (weir__cedar_symbols_get(r->symbols, SYMBOL_COMMON, c->name,
                                    WEIR_SPAN_NONE) != NULL ||
            weir__cedar_symbols_get(r->symbols, SYMBOL_ENTITY, c->name,
                                    WEIR_SPAN_NONE) != NULL)
            return weir_fail(r->err, WEIR_ETYPE, c->offset, "%s", text);
    for (const struct raw_entity *e = space->entities.first; e != NULL;
         e = e->next)
        if (weir__cedar_symbols_get(r->symbols, SYMBOL_COMMON, e->name,
                                    WEIR_SPAN_NONE) != NULL ||
            weir__cedar_symbols_get(r->symbols, SYMBOL_ENTITY, e->name,
                                    WEIR_SPAN_NONE) != NULL)
            return weir_fail(r->err, WEIR_ETYPE, e->offset, "%s", text);
    for (const struct raw_action *a = space->actions.first; a != NULL;
         a = a->next)
        if (weir__cedar_symbols_get(r->symbols, SYMBOL_ACTION,
                                    WEIR_SPAN("Action"), a->id) != NULL)
            return weir_fail(r->err, WEIR_ETYPE, a->offset, "%s", text);
    return WEIR_OK;
}

static weir_status
declare(struct resolver *r, const struct raw_schema *raw)
{
    size_t entities = 0, actions = 0, others = 0;
    const struct raw_namespace *space;
    weir_status status = WEIR_OK;
    for (space = raw->spaces.first; space != NULL; space = space->next) {
        others += 2; /* itself, its Action type */
        entities++;
        for (struct raw_entity *e = space->entities.first; e; e = e->next)
            entities++;
        for (struct raw_action *a = space->actions.first; a; a = a->next)
            actions++;
        for (struct raw_common *c = space->commons.first; c; c = c->next)
            others++;
    }
    r->symbols = weir__cedar_symbols_new(r->arena, entities + actions + others);
    r->entities = weir_arena_array(r->arena, struct entity_symbol *, entities);
    r->actions = weir_arena_array(r->arena, struct action_symbol *, actions);
    if (r->symbols == NULL || r->arena->overflow)
        return no_memory(r);
    for (space = raw->spaces.first; status == WEIR_OK && space != NULL;
         space = space->next)
        status = declare_namespace(r, space);
    for (space = raw->spaces.first; status == WEIR_OK && space != NULL;
         space = space->next)
        status = check_shadowing(r, space);
    return status;
}

/* ------------------------------------------------------------- types */

static weir_status resolve_type(struct resolver *r,
                                const struct raw_namespace *space,
                                const struct raw_type *raw,
                                const struct weir_cedar_type **type_out,
                                uint32_t *weight_out);

static weir_status
new_type(struct resolver *r, enum weir_cedar_type_kind kind,
         struct weir_cedar_type **type_out)
{
    *type_out = weir_arena_alloc(r->arena, sizeof(**type_out));
    if (*type_out == NULL)
        return no_memory(r);
    (*type_out)->kind = kind;
    return WEIR_OK;
}

static weir_status
resolve_common(struct resolver *r, struct common_symbol *c, uint32_t offset,
               const struct weir_cedar_type **type_out, uint32_t *weight_out)
{
    if (c->progress == RUNNING)
        return weir_fail(r->err, WEIR_ETYPE, offset,
                         "common types refer to each other in a cycle");
    if (c->progress == WAITING) {
        weir_status status;
        c->progress = RUNNING;
        status = resolve_type(r, c->space, c->raw->type, &c->type, &c->weight);
        if (status != WEIR_OK)
            return status;
        c->progress = DONE;
    }
    *type_out = c->type;
    *weight_out = c->weight;
    return WEIR_OK;
}

/* One of the places where a name can lie; `*found_out` is false when it
 * does not. */
static weir_status
resolve_at(struct resolver *r, weir_span full, const struct raw_type *raw,
           bool *found_out, const struct weir_cedar_type **type_out,
           uint32_t *weight_out)
{
    struct entity_symbol *entity;
    struct common_symbol *common = NULL;
    *found_out = true;
    if (raw->kind != RAW_ENTITY)
        common = weir__cedar_symbols_get(r->symbols, SYMBOL_COMMON, full,
                                         WEIR_SPAN_NONE);
    if (common != NULL)
        return resolve_common(r, common, raw->offset, type_out, weight_out);
    entity = weir__cedar_symbols_get(r->symbols, SYMBOL_ENTITY, full,
                                     WEIR_SPAN_NONE);
    if (entity != NULL && raw->kind != RAW_COMMON) {
        struct weir_cedar_type *type;
        weir_status status = new_type(r, WEIR_CEDAR_TYPE_ENTITY, &type);
        if (status != WEIR_OK)
            return status;
        type->entity = &entity->type;
        *type_out = type;
        return WEIR_OK;
    }
    if (entity == NULL && raw->kind != RAW_ENTITY) {
        weir_span name = full;
        if (weir_span_starts(name, WEIR_SPAN("__cedar::")))
            name = (weir_span){name.ptr + 9, name.len - 9};
        *type_out = builtin_type(name, 0);
        if (*type_out != NULL)
            return WEIR_OK;
    }
    *found_out = false;
    return WEIR_OK;
}

static weir_status
resolve_name(struct resolver *r, const struct raw_namespace *space,
             const struct raw_type *raw,
             const struct weir_cedar_type **type_out, uint32_t *weight_out)
{
    bool found = false;
    weir_status status;
    if (space->name.len > 0 && is_bare(raw->name)) {
        weir_span full = qualify(r, space->name, raw->name);
        if (full.ptr == NULL)
            return no_memory(r);
        status = resolve_at(r, full, raw, &found, type_out, weight_out);
        if (status != WEIR_OK || found)
            return status;
    }
    status = resolve_at(r, raw->name, raw, &found, type_out, weight_out);
    if (status != WEIR_OK || found)
        return status;
    return undeclared(r, "type", raw->name, raw->offset);
}

static int
compare_attributes(const void *a, const void *b)
{
    return weir_span_compare(((const struct weir_cedar_attribute *)a)->name,
                             ((const struct weir_cedar_attribute *)b)->name);
}

static weir_status
resolve_record(struct resolver *r, const struct raw_namespace *space,
               const struct raw_type *raw,
               const struct weir_cedar_type **type_out, uint32_t *weight_out)
{
    struct weir_cedar_attribute *attributes;
    struct weir_cedar_type *type;
    uint32_t count = 0;
    weir_status status = new_type(r, WEIR_CEDAR_TYPE_RECORD, &type);
    if (status != WEIR_OK)
        return status;
    for (struct raw_attribute *a = raw->attributes.first; a; a = a->next)
        count++;
    attributes = weir_arena_array(r->arena, struct weir_cedar_attribute, count);
    if (count > 0 && attributes == NULL)
        return no_memory(r);
    count = 0;
    for (struct raw_attribute *a = raw->attributes.first; a; a = a->next) {
        uint32_t weight = 1;
        attributes[count].name = a->name;
        attributes[count].is_required = a->is_required;
        status =
            resolve_type(r, space, a->type, &attributes[count].type, &weight);
        if (status != WEIR_OK)
            return status;
        *weight_out += weight;
        if (*weight_out > TYPE_WEIGHT_MAX)
            break; /* the caller refuses it */
        count++;
    }
    if (count > 0)
        qsort(attributes, count, sizeof(*attributes), compare_attributes);
    type->attributes = attributes;
    type->attribute_count = count;
    *type_out = type;
    return WEIR_OK;
}

static weir_status
resolve_set(struct resolver *r, const struct raw_namespace *space,
            const struct raw_type *raw, const struct weir_cedar_type **type_out,
            uint32_t *weight_out)
{
    struct weir_cedar_type *type;
    weir_status status = new_type(r, WEIR_CEDAR_TYPE_SET, &type);
    if (status == WEIR_OK)
        status =
            resolve_type(r, space, raw->element, &type->element, weight_out);
    *weight_out += 1;
    *type_out = type;
    return status;
}

static weir_status
resolve_type(struct resolver *r, const struct raw_namespace *space,
             const struct raw_type *raw,
             const struct weir_cedar_type **type_out, uint32_t *weight_out)
{
    weir_status status = WEIR_OK;
    if (r->depth == WEIR_CEDAR_DEPTH_MAX)
        return weir_fail(r->err, WEIR_ELIMIT, raw->offset,
                         "types nested deeper than %d", WEIR_CEDAR_DEPTH_MAX);
    r->depth++;
    *weight_out = 1;
    switch (raw->kind) {
    case RAW_LONG:
        *type_out = &builtin_types[0];
        break;
    case RAW_STRING:
        *type_out = &builtin_types[1];
        break;
    case RAW_BOOL:
        *type_out = &builtin_types[2];
        break;
    case RAW_EXTENSION:
        *type_out = builtin_type(raw->name, BUILTIN_PRIMITIVES);
        if (*type_out == NULL)
            status = undeclared(r, "extension type", raw->name, raw->offset);
        break;
    case RAW_SET:
        status = resolve_set(r, space, raw, type_out, weight_out);
        break;
    case RAW_RECORD:
        status = resolve_record(r, space, raw, type_out, weight_out);
        break;
    default:
        status = resolve_name(r, space, raw, type_out, weight_out);
        break;
    }
    if (status == WEIR_OK && *weight_out > TYPE_WEIGHT_MAX)
        status = weir_fail(r->err, WEIR_ELIMIT, raw->offset,
                           "a type of over %u parts", TYPE_WEIGHT_MAX);
    r->depth--;
    return status;
}

/* ---------------------------------------------------------- entities */

/* Declared entity types only: Action types are not meant here. */
static weir_status
find_entity(struct resolver *r, const struct raw_namespace *space,
            const struct raw_name *name, struct entity_symbol **entity_out)
{
    struct entity_symbol *e = NULL;
    if (space->name.len > 0 && is_bare(name->text)) {
        weir_span full = qualify(r, space->name, name->text);
        if (full.ptr == NULL)
            return no_memory(r);
        e = weir__cedar_symbols_get(r->symbols, SYMBOL_ENTITY, full,
                                    WEIR_SPAN_NONE);
    }
    if (e == NULL)
        e = weir__cedar_symbols_get(r->symbols, SYMBOL_ENTITY, name->text,
                                    WEIR_SPAN_NONE);
    if (e == NULL || e->type.is_action)
        return undeclared(r, "entity type", name->text, name->offset);
    *entity_out = e;
    return WEIR_OK;
}

static int
compare_spans(const void *a, const void *b)
{
    return weir_span_compare(*(const weir_span *)a, *(const weir_span *)b);
}

static weir_status
resolve_enum(struct resolver *r, struct entity_symbol *e)
{
    uint32_t count = 0, kept = 0;
    weir_span *ids;
    for (struct raw_name *n = e->raw->enum_ids.first; n; n = n->next)
        count++;
    if (count == 0)
        return WEIR_OK;
    ids = weir_arena_array(r->arena, weir_span, count);
    if (ids == NULL)
        return no_memory(r);
    count = 0;
    for (struct raw_name *n = e->raw->enum_ids.first; n; n = n->next)
        ids[count++] = n->text;
    qsort(ids, count, sizeof(*ids), compare_spans);
    for (uint32_t i = 0; i < count; i++)
        if (kept == 0 || !weir_span_equal(ids[kept - 1], ids[i]))
            ids[kept++] = ids[i];
    e->type.enum_ids = ids;
    e->type.enum_count = kept;
    return WEIR_OK;
}

static weir_status
resolve_entity(struct resolver *r, struct entity_symbol *e)
{
    uint32_t count = 0, weight;
    weir_status status = WEIR_OK;
    if (e->raw == NULL)
        return WEIR_OK;
    for (struct raw_name *n = e->raw->parents.first; n; n = n->next)
        count++;
    e->parents = weir_arena_array(r->arena, struct entity_symbol *, count);
    if (count > 0 && e->parents == NULL)
        return no_memory(r);
    for (struct raw_name *n = e->raw->parents.first; n; n = n->next) {
        status = find_entity(r, e->space, n, &e->parents[e->parent_count++]);
        if (status != WEIR_OK)
            return status;
    }
    if (e->raw->shape != NULL)
        status =
            resolve_type(r, e->space, e->raw->shape, &e->type.shape, &weight);
    if (status == WEIR_OK && e->type.shape->kind != WEIR_CEDAR_TYPE_RECORD)
        return weir_fail(r->err, WEIR_ETYPE, e->raw->offset,
                         "the shape of an entity type must be a record");
    if (status == WEIR_OK && e->raw->tags != NULL)
        status =
            resolve_type(r, e->space, e->raw->tags, &e->type.tags, &weight);
    return status == WEIR_OK ? resolve_enum(r, e) : status;
}

static void
mark(uint64_t *bits, uint32_t index)
{
    bits[index / 64] |= UINT64_C(1) << (index % 64);
}

static bool
is_marked(const uint64_t *bits, uint32_t index)
{
    return (bits[index / 64] >> (index % 64) & 1) != 0;
}

/* Ancestor sets of declared types, by a walk from each. */
static weir_status
close_entities(struct resolver *r)
{
    size_t words = (r->entity_count + 63) / 64;
    struct entity_symbol **stack =
        weir_arena_array(r->arena, struct entity_symbol *, r->entity_count);
    uint64_t *all =
        weir_arena_array(r->arena, uint64_t, words * r->entity_count);
    if (r->entity_count > 0 && (stack == NULL || all == NULL))
        return no_memory(r);
    for (uint32_t i = 0; i < r->entity_count; i++) {
        struct entity_symbol *at = r->entities[i];
        uint64_t *bits = all + words * i;
        uint32_t depth = 0;
        at->type.ancestors = bits;
        for (;;) {
            for (uint32_t p = 0; p < at->parent_count; p++) {
                struct entity_symbol *parent = at->parents[p];
                if (is_marked(bits, parent->type.index))
                    continue;
                mark(bits, parent->type.index);
                stack[depth++] = parent;
            }
            if (depth == 0)
                break;
            at = stack[--depth];
        }
    }
    return WEIR_OK;
}

/* ----------------------------------------------------------- actions */

static weir_status
resolve_types(struct resolver *r, const struct raw_namespace *space,
              const struct raw_names *names,
              const struct weir_cedar_entity_type *const **list_out,
              uint32_t *count_out)
{
    const struct weir_cedar_entity_type **list;
    uint32_t count = 0;
    for (struct raw_name *n = names->first; n; n = n->next)
        count++;
    list = weir_arena_array(r->arena, const struct weir_cedar_entity_type *,
                            count);
    if (count > 0 && list == NULL)
        return no_memory(r);
    count = 0;
    for (struct raw_name *n = names->first; n; n = n->next) {
        struct entity_symbol *e = NULL;
        bool is_new = true;
        weir_status status = find_entity(r, space, n, &e);
        if (status != WEIR_OK)
            return status;
        WEIR_ASSERT(e != NULL);
        for (uint32_t i = 0; i < count && is_new; i++)
            is_new = list[i] != &e->type;
        if (is_new)
            list[count++] = &e->type;
    }
    *list_out = list;
    *count_out = count;
    return WEIR_OK;
}

static weir_status
find_action(struct resolver *r, const struct raw_namespace *space,
            const struct raw_ref *ref, struct action_symbol **action_out)
{
    weir_span type = ref->type.len > 0 ? ref->type : WEIR_SPAN("Action");
    struct action_symbol *a = NULL;
    if (space->name.len > 0 && is_bare(type)) {
        weir_span full = qualify(r, space->name, type);
        if (full.ptr == NULL)
            return no_memory(r);
        a = weir__cedar_symbols_get(r->symbols, SYMBOL_ACTION, full, ref->id);
    }
    if (a == NULL)
        a = weir__cedar_symbols_get(r->symbols, SYMBOL_ACTION, type, ref->id);
    if (a == NULL)
        return undeclared(r, "the parent", WEIR_SPAN("action"), ref->offset);
    *action_out = a;
    return WEIR_OK;
}

static weir_status
resolve_action(struct resolver *r, struct action_symbol *a)
{
    const struct weir_cedar_action **parents;
    uint32_t count = 0, weight;
    weir_status status;
    for (struct raw_ref *p = a->raw->parents.first; p; p = p->next)
        count++;
    parents =
        weir_arena_array(r->arena, const struct weir_cedar_action *, count);
    if (count > 0 && parents == NULL)
        return no_memory(r);
    for (struct raw_ref *p = a->raw->parents.first; p; p = p->next) {
        struct action_symbol *parent = NULL;
        status = find_action(r, a->space, p, &parent);
        if (status != WEIR_OK)
            return status;
        parents[a->action.parent_count++] = &parent->action;
    }
    a->action.parents = parents;
    status = resolve_types(r, a->space, &a->raw->principals,
                           &a->action.principals, &a->action.principal_count);
    if (status == WEIR_OK)
        status = resolve_types(r, a->space, &a->raw->resources,
                               &a->action.resources, &a->action.resource_count);
    if (status == WEIR_OK && a->raw->context != NULL)
        status = resolve_type(r, a->space, a->raw->context, &a->action.context,
                              &weight);
    if (status == WEIR_OK && a->action.context->kind != WEIR_CEDAR_TYPE_RECORD)
        return weir_fail(r->err, WEIR_ETYPE, a->raw->offset,
                         "the context of an action must be a record");
    return status;
}

/* Ancestors of one action; `stack` has room for all actions. */
static weir_status
close_action(struct resolver *r, struct action_symbol *a, uint32_t stamp,
             const struct weir_cedar_action **stack)
{
    const struct weir_cedar_action **list, *at = &a->action;
    uint32_t count = 0, next = 0;
    for (;;) {
        for (uint32_t i = 0; i < at->parent_count; i++) {
            struct action_symbol *parent = r->actions[at->parents[i]->index];
            if (parent == a)
                return weir_fail(r->err, WEIR_ETYPE, a->raw->offset,
                                 "the action is its own ancestor");
            if (parent->stamp == stamp)
                continue;
            parent->stamp = stamp;
            stack[count++] = &parent->action;
        }
        if (next == count)
            break;
        at = stack[next++];
    }
    list = weir_arena_array(r->arena, const struct weir_cedar_action *, count);
    if (count > 0 && list == NULL)
        return no_memory(r);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t *bits = (uint64_t *)(uintptr_t)a->action.type->ancestors;
        list[i] = stack[i];
        mark(bits, stack[i]->type->index);
    }
    a->action.ancestors = list;
    a->action.ancestor_count = count;
    return WEIR_OK;
}

static weir_status
finish(struct resolver *r)
{
    struct weir_cedar_schema *schema = r->schema;
    schema->symbols = r->symbols;
    schema->type_count = r->entity_count;
    schema->action_count = r->action_count;
    schema->types = weir_arena_array(
        r->arena, const struct weir_cedar_entity_type *, r->entity_count);
    schema->actions = weir_arena_array(
        r->arena, const struct weir_cedar_action *, r->action_count);
    if (r->arena->overflow)
        return no_memory(r);
    for (uint32_t i = 0; i < r->entity_count; i++)
        schema->types[i] = &r->entities[i]->type;
    for (uint32_t i = 0; i < r->action_count; i++)
        schema->actions[i] = &r->actions[i]->action;
    return WEIR_OK;
}

weir_status
weir__cedar_schema_resolve(struct weir_arena *arena,
                           const struct raw_schema *raw,
                           const struct weir_cedar_schema **schema_out,
                           struct weir_error *err)
{
    struct resolver r = {.arena = arena, .err = err};
    const struct weir_cedar_action **stack;
    const struct weir_cedar_type *type;
    uint32_t weight;
    weir_status status;
    r.schema = weir_arena_alloc(arena, sizeof(*r.schema));
    if (r.schema == NULL)
        return no_memory(&r);
    status = declare(&r, raw);
    for (struct raw_namespace *n = raw->spaces.first; n != NULL; n = n->next)
        for (struct raw_common *c = n->commons.first;
             status == WEIR_OK && c != NULL; c = c->next) {
            struct common_symbol *symbol = weir__cedar_symbols_get(
                r.symbols, SYMBOL_COMMON, qualify(&r, n->name, c->name),
                WEIR_SPAN_NONE);
            status = symbol == NULL ? no_memory(&r)
                                    : resolve_common(&r, symbol, c->offset,
                                                     &type, &weight);
        }
    for (uint32_t i = 0; status == WEIR_OK && i < r.entity_count; i++)
        status = resolve_entity(&r, r.entities[i]);
    if (status == WEIR_OK)
        status = close_entities(&r);
    for (uint32_t i = 0; status == WEIR_OK && i < r.action_count; i++)
        status = resolve_action(&r, r.actions[i]);
    stack = weir_arena_array(arena, const struct weir_cedar_action *,
                             r.action_count);
    if (status == WEIR_OK && r.action_count > 0 && stack == NULL)
        status = no_memory(&r);
    for (uint32_t i = 0; status == WEIR_OK && i < r.action_count; i++)
        status = close_action(&r, r.actions[i], i + 1, stack);
    if (status == WEIR_OK)
        status = finish(&r);
    if (status == WEIR_OK)
        *schema_out = r.schema;
    return status;
}
