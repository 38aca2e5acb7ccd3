/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON schema syntax, read into the written form of schema.h. Keys that
 * are not known are refused everywhere, as is any that the form at hand does
 * not take; null stands for absence only where the format allows it.
 */
#include "schema.h"
#include "tree.h"

#include "lexer.h"

struct reader {
    struct weir_arena *arena;
    struct weir_error *err;
};

static weir_status
refuse(struct reader *r, const struct tree *at, const char *what)
{
    return weir_fail(r->err, WEIR_EPARSE, at->offset, "%s", what);
}

static weir_status
no_memory(struct reader *r)
{
    return weir_fail(r->err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                     "the schema needs over %zu bytes", r->arena->max);
}

static weir_status
expect(struct reader *r, const struct tree *at, enum weir_json_kind kind)
{
    static const char *const expected[] = {
        [WEIR_JSON_STRING] = "expected a string",
        [WEIR_JSON_ARRAY] = "expected an array",
        [WEIR_JSON_OBJECT] = "expected an object"};
    return at->kind == kind ? WEIR_OK : refuse(r, at, expected[kind]);
}

/* Copies out of the source, which may be dropped before the schema. */
static weir_status
copy(struct reader *r, weir_span text, weir_span *copy_out)
{
    *copy_out = weir_arena_copy(r->arena, text);
    return copy_out->ptr == NULL ? no_memory(r) : WEIR_OK;
}

static weir_status
reference(struct reader *r, const struct tree *at, weir_span *name_out)
{
    weir_status status = expect(r, at, WEIR_JSON_STRING);
    if (status != WEIR_OK)
        return status;
    if (!weir__cedar_is_reference(at->string))
        return refuse(r, at, "not the name of a type");
    return copy(r, at->string, name_out);
}

static weir_status
references(struct reader *r, const struct tree *at, struct raw_names *list)
{
    weir_status status = expect(r, at, WEIR_JSON_ARRAY);
    if (status != WEIR_OK)
        return status;
    for (const struct tree *e = at->first; e != NULL; e = e->next) {
        struct raw_name *name = weir_arena_alloc(r->arena, sizeof(*name));
        if (name == NULL)
            return no_memory(r);
        name->offset = e->offset;
        status = reference(r, e, &name->text);
        if (status != WEIR_OK)
            return status;
        RAW_APPEND(list, name);
    }
    return WEIR_OK;
}

static weir_status
annotations(struct reader *r, const struct tree *at, struct raw_note **out)
{
    weir_status status = expect(r, at, WEIR_JSON_OBJECT);
    if (status != WEIR_OK)
        return status;
    for (const struct tree *m = at->first; m != NULL; m = m->next) {
        struct raw_note *note = weir_arena_alloc(r->arena, sizeof(*note));
        if (note == NULL)
            return no_memory(r);
        if (!weir__cedar_is_identifier(m->name))
            return refuse(r, m, "not the name of an annotation");
        status = copy(r, m->name, &note->key);
        if (status != WEIR_OK)
            return status;
        note->has_value = m->kind != WEIR_JSON_NULL;
        if (note->has_value) {
            status = expect(r, m, WEIR_JSON_STRING);
            if (status == WEIR_OK)
                status = copy(r, m->string, &note->value);
        }
        if (status != WEIR_OK)
            return status;
        *out = note;
        out = &note->next;
    }
    return WEIR_OK;
}

/* ------------------------------------------------------------- types */

/* What may stand beside "type", besides the members of the place itself. */
enum { PLACE_TYPE = 0, PLACE_ATTRIBUTE = 1, PLACE_COMMON = 2 };

static weir_status read_type(struct reader *r, const struct tree *at, int place,
                             struct raw_type **type_out);

static weir_status
read_attributes(struct reader *r, const struct tree *at, struct raw_type *into)
{
    weir_status status = expect(r, at, WEIR_JSON_OBJECT);
    if (status != WEIR_OK)
        return status;
    for (const struct tree *m = at->first; m != NULL; m = m->next) {
        struct raw_attribute *a = weir_arena_alloc(r->arena, sizeof(*a));
        const struct tree *part;
        if (a == NULL)
            return no_memory(r);
        status = copy(r, m->name, &a->name);
        if (status == WEIR_OK)
            status = read_type(r, m, PLACE_ATTRIBUTE, &a->type);
        if (status != WEIR_OK)
            return status;
        part = weir__cedar_tree_get(m, "required");
        a->is_required = part == NULL || part->kind == WEIR_JSON_TRUE;
        part = weir__cedar_tree_get(m, "annotations");
        if (part != NULL)
            status = annotations(r, part, &a->notes);
        if (status != WEIR_OK)
            return status;
        RAW_APPEND(&into->attributes, a);
    }
    return WEIR_OK;
}

struct type_form {
    const char *type;
    enum raw_type_kind kind;
    const char *required; /* the one further member it must have */
};

static const struct type_form *
type_form(weir_span name)
{
    static const struct type_form forms[] = {
        {"Long", RAW_LONG, NULL},
        {"String", RAW_STRING, NULL},
        {"Boolean", RAW_BOOL, NULL},
        {"Set", RAW_SET, "element"},
        {"Record", RAW_RECORD, "attributes"},
        {"Entity", RAW_ENTITY, "name"},
        {"EntityOrCommon", RAW_NAME, "name"},
        {"Extension", RAW_EXTENSION, "name"}};
    static const struct type_form common = {NULL, RAW_COMMON, NULL};
    for (size_t i = 0; i < WEIR_COUNTOF(forms); i++)
        if (weir_span_equal(name, weir_span_of(forms[i].type)))
            return &forms[i];
    return &common;
}

/* Every member must belong to the form or to the place. */
static weir_status
check_members(struct reader *r, const struct tree *at, int place,
              const struct type_form *form)
{
    for (const struct tree *m = at->first; m != NULL; m = m->next) {
        if (weir__cedar_tree_named(m, "type"))
            continue;
        if (form->required != NULL && weir__cedar_tree_named(m, form->required))
            continue;
        if (place != PLACE_TYPE && weir__cedar_tree_named(m, "annotations"))
            continue;
        if (place == PLACE_ATTRIBUTE && weir__cedar_tree_named(m, "required")) {
            if (m->kind != WEIR_JSON_TRUE && m->kind != WEIR_JSON_FALSE)
                return refuse(r, m, "expected true or false");
            continue;
        }
        if (form->kind == RAW_RECORD &&
            weir__cedar_tree_named(m, "additionalAttributes")) {
            if (m->kind == WEIR_JSON_TRUE)
                return refuse(r, m, "open records are not supported");
            if (m->kind != WEIR_JSON_FALSE)
                return refuse(r, m, "expected true or false");
            continue;
        }
        return refuse(r, m, "a member that this type does not have");
    }
    return WEIR_OK;
}

static weir_status
read_type_name(struct reader *r, const struct tree *at, struct raw_type *type)
{
    const struct tree *name = weir__cedar_tree_get(at, "name");
    weir_status status = reference(r, name, &type->name);
    if (status != WEIR_OK || type->kind != RAW_EXTENSION)
        return status;
    if (!weir__cedar_is_identifier(type->name) ||
        weir__cedar_is_reserved(type->name))
        return refuse(r, name, "not the name of an extension type");
    return WEIR_OK;
}

static weir_status
read_type(struct reader *r, const struct tree *at, int place,
          struct raw_type **type_out)
{
    const struct type_form *form;
    const struct tree *part;
    struct raw_type *type;
    weir_status status = expect(r, at, WEIR_JSON_OBJECT);
    if (status != WEIR_OK)
        return status;
    part = weir__cedar_tree_get(at, "type");
    if (part == NULL)
        return refuse(r, at, "the member 'type' is missing");
    status = expect(r, part, WEIR_JSON_STRING);
    if (status != WEIR_OK)
        return status;
    form = type_form(part->string);
    status = check_members(r, at, place, form);
    if (status != WEIR_OK)
        return status;
    if (form->required != NULL &&
        weir__cedar_tree_get(at, form->required) == NULL)
        return weir_fail(r->err, WEIR_EPARSE, at->offset,
                         "the member '%s' is missing", form->required);
    type = weir_arena_alloc(r->arena, sizeof(*type));
    if (type == NULL)
        return no_memory(r);
    *type_out = type;
    type->kind = form->kind;
    type->offset = part->offset;
    switch (form->kind) {
    case RAW_SET:
        return read_type(r, weir__cedar_tree_get(at, "element"), PLACE_TYPE,
                         &type->element);
    case RAW_RECORD:
        return read_attributes(r, weir__cedar_tree_get(at, "attributes"), type);
    case RAW_ENTITY:
    case RAW_NAME:
    case RAW_EXTENSION:
        return read_type_name(r, at, type);
    case RAW_COMMON:
        return reference(r, part, &type->name);
    default:
        return WEIR_OK;
    }
}

/* ------------------------------------------------------ declarations */

static weir_status
read_enum(struct reader *r, const struct tree *at, struct raw_entity *entity)
{
    weir_status status = expect(r, at, WEIR_JSON_ARRAY);
    if (status == WEIR_OK && at->first == NULL)
        return refuse(r, at, "an enum needs at least one id");
    for (const struct tree *e = at->first; status == WEIR_OK && e != NULL;
         e = e->next) {
        struct raw_name *id = weir_arena_alloc(r->arena, sizeof(*id));
        if (id == NULL)
            return no_memory(r);
        id->offset = e->offset;
        RAW_APPEND(&entity->enum_ids, id);
        status = expect(r, e, WEIR_JSON_STRING);
        if (status == WEIR_OK)
            status = copy(r, e->string, &id->text);
    }
    return status;
}

/* null stands for an absent member here. */
static weir_status
read_entity(struct reader *r, const struct tree *at, struct raw_entity *entity)
{
    bool is_enum = weir__cedar_tree_get(at, "enum") != NULL;
    weir_status status = expect(r, at, WEIR_JSON_OBJECT);
    for (const struct tree *m = at->first; status == WEIR_OK && m != NULL;
         m = m->next) {
        if (weir__cedar_tree_named(m, "annotations"))
            status = annotations(r, m, &entity->notes);
        else if (is_enum && weir__cedar_tree_named(m, "enum"))
            status = read_enum(r, m, entity);
        else if (!is_enum && weir__cedar_tree_named(m, "memberOfTypes"))
            status = references(r, m, &entity->parents);
        else if (!is_enum && weir__cedar_tree_named(m, "shape"))
            status = read_type(r, m, PLACE_TYPE, &entity->shape);
        else if (!is_enum && weir__cedar_tree_named(m, "tags"))
            status = read_type(r, m, PLACE_TYPE, &entity->tags);
        else
            return refuse(r, m, "a member that an entity type does not have");
    }
    return status;
}

static weir_status
read_member_of(struct reader *r, const struct tree *at,
               struct raw_action *action)
{
    weir_status status = WEIR_OK;
    if (at->kind == WEIR_JSON_NULL)
        return WEIR_OK;
    status = expect(r, at, WEIR_JSON_ARRAY);
    for (const struct tree *e = at->first; status == WEIR_OK && e != NULL;
         e = e->next) {
        struct raw_ref *ref = weir_arena_alloc(r->arena, sizeof(*ref));
        bool has_id = false;
        if (ref == NULL)
            return no_memory(r);
        ref->offset = e->offset;
        RAW_APPEND(&action->parents, ref);
        status = expect(r, e, WEIR_JSON_OBJECT);
        for (const struct tree *m = e->first; status == WEIR_OK && m != NULL;
             m = m->next) {
            if (weir__cedar_tree_named(m, "id")) {
                has_id = true;
                status = expect(r, m, WEIR_JSON_STRING);
                if (status == WEIR_OK)
                    status = copy(r, m->string, &ref->id);
            } else if (weir__cedar_tree_named(m, "type")) {
                if (m->kind != WEIR_JSON_NULL)
                    status = reference(r, m, &ref->type);
            } else {
                return refuse(r, m, "expected 'id' or 'type'");
            }
        }
        if (status == WEIR_OK && !has_id)
            return refuse(r, e, "the member 'id' is missing");
    }
    return status;
}

static weir_status
read_applies_to(struct reader *r, const struct tree *at,
                struct raw_action *action)
{
    weir_status status = WEIR_OK;
    if (at->kind == WEIR_JSON_NULL)
        return WEIR_OK;
    action->has_applies_to = true;
    status = expect(r, at, WEIR_JSON_OBJECT);
    for (const struct tree *m = at->first; status == WEIR_OK && m != NULL;
         m = m->next) {
        if (weir__cedar_tree_named(m, "principalTypes"))
            status = references(r, m, &action->principals);
        else if (weir__cedar_tree_named(m, "resourceTypes"))
            status = references(r, m, &action->resources);
        else if (weir__cedar_tree_named(m, "context"))
            status = read_type(r, m, PLACE_TYPE, &action->context);
        else
            return refuse(r, m, "a member that appliesTo does not have");
    }
    if (status == WEIR_OK && weir__cedar_tree_get(at, "principalTypes") == NULL)
        return refuse(r, at, "the member 'principalTypes' is missing");
    if (status == WEIR_OK && weir__cedar_tree_get(at, "resourceTypes") == NULL)
        return refuse(r, at, "the member 'resourceTypes' is missing");
    return status;
}

static weir_status
read_action(struct reader *r, const struct tree *at, struct raw_action *action)
{
    weir_status status = expect(r, at, WEIR_JSON_OBJECT);
    for (const struct tree *m = at->first; status == WEIR_OK && m != NULL;
         m = m->next) {
        if (weir__cedar_tree_named(m, "memberOf"))
            status = read_member_of(r, m, action);
        else if (weir__cedar_tree_named(m, "appliesTo"))
            status = read_applies_to(r, m, action);
        else if (weir__cedar_tree_named(m, "annotations"))
            status = annotations(r, m, &action->notes);
        else if (weir__cedar_tree_named(m, "attributes") &&
                 m->kind == WEIR_JSON_NULL)
            continue;
        else
            return refuse(r, m, "a member that an action does not have");
    }
    return status;
}

static weir_status
read_entities(struct reader *r, const struct tree *at,
              struct raw_namespace *space)
{
    weir_status status = expect(r, at, WEIR_JSON_OBJECT);
    for (const struct tree *m = at->first; status == WEIR_OK && m != NULL;
         m = m->next) {
        struct raw_entity *entity = weir_arena_alloc(r->arena, sizeof(*entity));
        if (entity == NULL)
            return no_memory(r);
        if (!weir__cedar_is_identifier(m->name) ||
            weir__cedar_is_reserved(m->name))
            return refuse(r, m, "not the name of an entity type");
        entity->offset = m->offset;
        status = copy(r, m->name, &entity->name);
        RAW_APPEND(&space->entities, entity);
        if (status == WEIR_OK)
            status = read_entity(r, m, entity);
    }
    return status;
}

static weir_status
read_actions(struct reader *r, const struct tree *at,
             struct raw_namespace *space)
{
    weir_status status = expect(r, at, WEIR_JSON_OBJECT);
    for (const struct tree *m = at->first; status == WEIR_OK && m != NULL;
         m = m->next) {
        struct raw_action *action = weir_arena_alloc(r->arena, sizeof(*action));
        if (action == NULL)
            return no_memory(r);
        action->offset = m->offset;
        status = copy(r, m->name, &action->id);
        RAW_APPEND(&space->actions, action);
        if (status == WEIR_OK)
            status = read_action(r, m, action);
    }
    return status;
}

static weir_status
read_commons(struct reader *r, const struct tree *at,
             struct raw_namespace *space)
{
    weir_status status = expect(r, at, WEIR_JSON_OBJECT);
    for (const struct tree *m = at->first; status == WEIR_OK && m != NULL;
         m = m->next) {
        struct raw_common *c = weir_arena_alloc(r->arena, sizeof(*c));
        const struct tree *notes;
        if (c == NULL)
            return no_memory(r);
        if (!weir__cedar_is_identifier(m->name) ||
            weir__cedar_is_reserved(m->name) ||
            !weir__cedar_is_common_name(m->name))
            return refuse(r, m, "not a name that a common type can have");
        c->offset = m->offset;
        status = copy(r, m->name, &c->name);
        RAW_APPEND(&space->commons, c);
        if (status == WEIR_OK)
            status = read_type(r, m, PLACE_COMMON, &c->type);
        notes =
            status == WEIR_OK ? weir__cedar_tree_get(m, "annotations") : NULL;
        if (notes != NULL)
            status = annotations(r, notes, &c->notes);
    }
    return status;
}

static weir_status
read_namespace(struct reader *r, const struct tree *at,
               struct raw_namespace *space)
{
    weir_status status = expect(r, at, WEIR_JSON_OBJECT);
    if (status != WEIR_OK)
        return status;
    for (const struct tree *m = at->first; status == WEIR_OK && m != NULL;
         m = m->next) {
        if (weir__cedar_tree_named(m, "entityTypes"))
            status = read_entities(r, m, space);
        else if (weir__cedar_tree_named(m, "actions"))
            status = read_actions(r, m, space);
        else if (weir__cedar_tree_named(m, "commonTypes"))
            status = read_commons(r, m, space);
        else if (weir__cedar_tree_named(m, "annotations"))
            status = annotations(r, m, &space->notes);
        else
            return refuse(r, m, "a member that a namespace does not have");
    }
    if (status != WEIR_OK)
        return status;
    if (weir__cedar_tree_get(at, "entityTypes") == NULL)
        return refuse(r, at, "the member 'entityTypes' is missing");
    if (weir__cedar_tree_get(at, "actions") == NULL)
        return refuse(r, at, "the member 'actions' is missing");
    if (space->name.len == 0 && space->notes != NULL)
        return refuse(r, at, "the empty namespace takes no annotations");
    return WEIR_OK;
}

weir_status
weir__cedar_schema_read_json(struct weir_arena *arena, weir_span text,
                             struct raw_schema *schema_out,
                             struct weir_error *err)
{
    struct reader r = {arena, err};
    struct tree *root;
    weir_status status = weir__cedar_tree_read(arena, text, 0, &root, err);
    if (status == WEIR_OK)
        status = expect(&r, root, WEIR_JSON_OBJECT);
    for (const struct tree *m = status == WEIR_OK ? root->first : NULL;
         status == WEIR_OK && m != NULL; m = m->next) {
        struct raw_namespace *space = weir_arena_alloc(arena, sizeof(*space));
        if (space == NULL)
            return no_memory(&r);
        space->offset = m->offset;
        if (m->name.len > 0 && !weir_cedar_name_valid(m->name))
            return refuse(&r, m, "not the name of a namespace");
        status = copy(&r, m->name, &space->name);
        RAW_APPEND(&schema_out->spaces, space);
        if (status == WEIR_OK)
            status = read_namespace(&r, m, space);
    }
    return status;
}
