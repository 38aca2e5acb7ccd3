/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entities and requests from JSON.
 *
 * An entity file may hold a million entities, so its array is pulled, and
 * only one entity at a time is a tree. Entities go straight to the store.
 *
 * Actions are the schema's. One that also stands in the file must say what
 * the schema says, ancestors included; what the file lists as its parents
 * is closed over the actions of the file before the comparison, so that
 * [a -> b] and [b -> c] together say the same as [a -> b, c].
 */
#include "schema.h"
#include "tree.h"
#include "value_json.h"

#include <weir/cedar_json.h>

#include <stdlib.h>
#include <string.h>

/* Scratch of one entity; a larger one is refused. */
#define ENTITY_MEMORY_MAX ((size_t)256 << 20)
/* The scratch arena is emptied when it has grown beyond this. */
#define ENTITY_MEMORY_KEPT ((size_t)1 << 20)

/* What the file says of an action. */
struct file_action {
    bool is_given;
    uint32_t offset;
    uint32_t parent_count;
    const uint32_t *parents; /* indexes of actions, sorted, no repeats */
};

struct loader {
    struct weir_cedar_store *store;
    const struct weir_cedar_schema *schema;
    struct weir_arena scratch; /* of one entity */
    struct weir_arena kept;    /* until the end */
    struct file_action *actions;
    struct weir_error *err;
};

static weir_status
no_memory(struct loader *l)
{
    return weir_fail(l->err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                     "the entities need too much memory");
}

static weir_status
member(struct loader *l, const struct tree *at, const char *name,
       enum weir_json_kind kind, const struct tree **member_out)
{
    *member_out = weir__cedar_tree_get(at, name);
    if (*member_out == NULL)
        return weir_fail(l->err, WEIR_EPARSE, at->offset,
                         "the member '%s' is missing", name);
    if ((*member_out)->kind != kind)
        return weir_fail(l->err, WEIR_EPARSE, (*member_out)->offset,
                         kind == WEIR_JSON_ARRAY ? "expected an array"
                                                 : "expected an object");
    return WEIR_OK;
}

/* -------------------------------------------------------- conformance */

static weir_status
parent_conforms(const struct weir_cedar_schema *schema,
                const struct weir_cedar_entity_type *type,
                const struct weir_cedar_uid *parent, uint32_t offset,
                struct weir_error *err)
{
    const struct weir_cedar_entity_type *of =
        weir_cedar_schema_find_type(schema, parent->type);
    if (of == NULL || !weir_cedar_type_may_descend(type, of))
        return weir_fail(err, WEIR_ETYPE, offset,
                         "the schema does not allow a parent of this type");
    return weir__cedar_uid_conforms(schema, parent, offset, err);
}

/* Offsets of the parts, when they come from a text. */
struct places {
    uint32_t uid;
    uint32_t attributes;
    uint32_t parents;
    uint32_t tags;
};

static weir_status
entity_conforms(const struct weir_cedar_schema *schema,
                const struct weir_cedar_entity *entity, const struct places *at,
                struct weir_error *err)
{
    const struct weir_cedar_entity_type *type =
        weir_cedar_schema_find_type(schema, entity->uid.type);
    weir_status status =
        weir__cedar_uid_conforms(schema, &entity->uid, at->uid, err);
    uint32_t required = 0;
    for (size_t i = 0; status == WEIR_OK && i < entity->attribute_count; i++) {
        const struct weir_cedar_field *field = &entity->attributes[i];
        const struct weir_cedar_attribute *attribute =
            weir_cedar_type_attribute(type->shape, field->key);
        if (attribute == NULL)
            return weir_fail(err, WEIR_ETYPE, at->attributes,
                             "an attribute that the schema does not declare");
        required += attribute->is_required;
        status = weir__cedar_value_conforms(
            schema, &field->value, attribute->type, at->attributes, err);
    }
    if (status != WEIR_OK)
        return status;
    for (uint32_t i = 0; i < type->shape->attribute_count; i++)
        required -= type->shape->attributes[i].is_required;
    if (required != 0)
        return weir_fail(err, WEIR_ETYPE, at->attributes,
                         "a required attribute is missing");
    for (size_t i = 0; status == WEIR_OK && i < entity->tag_count; i++) {
        if (type->tags == NULL)
            return weir_fail(err, WEIR_ETYPE, at->tags,
                             "the schema declares no tags for this type");
        status = weir__cedar_value_conforms(schema, &entity->tags[i].value,
                                            type->tags, at->tags, err);
    }
    for (size_t i = 0; status == WEIR_OK && i < entity->parent_count; i++)
        status = parent_conforms(schema, type, &entity->parents[i], at->parents,
                                 err);
    return status;
}

weir_status
weir_cedar_entity_check(const struct weir_cedar_schema *schema,
                        const struct weir_cedar_entity *entity,
                        struct weir_error *err)
{
    static const struct places nowhere = {WEIR_OFFSET_NONE, WEIR_OFFSET_NONE,
                                          WEIR_OFFSET_NONE, WEIR_OFFSET_NONE};
    return entity_conforms(schema, entity, &nowhere, err);
}

/* ------------------------------------------------------------ actions */

static int
compare_indexes(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Sorted indexes of the actions that are named as parents. */
static weir_status
action_parents(struct loader *l, const struct weir_cedar_entity *entity,
               uint32_t offset, struct file_action *given)
{
    uint32_t *parents =
        weir_arena_array(&l->kept, uint32_t, entity->parent_count);
    uint32_t count = 0;
    if (entity->parent_count > 0 && parents == NULL)
        return no_memory(l);
    for (size_t i = 0; i < entity->parent_count; i++) {
        const struct weir_cedar_action *parent = weir_cedar_schema_find_action(
            l->schema, entity->parents[i].type, entity->parents[i].id);
        if (parent == NULL)
            return weir_fail(l->err, WEIR_ETYPE, offset,
                             "the action is not as the schema declares it");
        parents[i] = parent->index;
    }
    if (entity->parent_count > 0)
        qsort(parents, entity->parent_count, sizeof(*parents), compare_indexes);
    for (size_t i = 0; i < entity->parent_count; i++)
        if (count == 0 || parents[count - 1] != parents[i])
            parents[count++] = parents[i];
    given->parents = parents;
    given->parent_count = count;
    return WEIR_OK;
}

static weir_status
add_file_action(struct loader *l, const struct weir_cedar_entity *entity,
                uint32_t offset)
{
    const struct weir_cedar_action *action = weir_cedar_schema_find_action(
        l->schema, entity->uid.type, entity->uid.id);
    struct file_action given = {.is_given = true, .offset = offset};
    struct file_action *slot;
    weir_status status;
    if (action == NULL)
        return weir_fail(l->err, WEIR_ETYPE, offset,
                         "the action is not declared");
    if (entity->attribute_count > 0 || entity->tag_count > 0)
        return weir_fail(l->err, WEIR_ETYPE, offset,
                         "the action is not as the schema declares it");
    status = action_parents(l, entity, offset, &given);
    if (status != WEIR_OK)
        return status;
    slot = &l->actions[action->index];
    if (slot->is_given &&
        (slot->parent_count != given.parent_count ||
         (given.parent_count > 0 &&
          memcmp(slot->parents, given.parents,
                 given.parent_count * sizeof(uint32_t)) != 0)))
        return weir_fail(l->err, WEIR_ECONFLICT, offset,
                         "the action is given twice, and differs");
    *slot = given;
    return WEIR_OK;
}

/* Whether the file's closure of an action is the schema's. */
static bool
same_ancestors(struct loader *l, const struct weir_cedar_action *action,
               uint8_t *marks, uint32_t *stack)
{
    size_t count = weir_cedar_schema_action_count(l->schema);
    uint32_t depth = 0, found = 0, at = action->index;
    memset(marks, 0, count);
    for (uint32_t i = 0; i < action->ancestor_count; i++)
        marks[action->ancestors[i]->index] = 1;
    for (;;) {
        for (uint32_t i = 0; i < l->actions[at].parent_count; i++) {
            uint32_t parent = l->actions[at].parents[i];
            if (marks[parent] == 0)
                return false;
            if (marks[parent] == 2)
                continue;
            marks[parent] = 2;
            found++;
            stack[depth++] = parent;
        }
        if (depth == 0)
            return found == action->ancestor_count;
        at = stack[--depth];
    }
}

static weir_status
finish_actions(struct loader *l)
{
    size_t count = weir_cedar_schema_action_count(l->schema);
    uint8_t *marks = weir_arena_array(&l->kept, uint8_t, count);
    uint32_t *stack = weir_arena_array(&l->kept, uint32_t, count);
    if (count > 0 && (marks == NULL || stack == NULL))
        return no_memory(l);
    for (size_t i = 0; i < count; i++)
        if (l->actions[i].is_given &&
            !same_ancestors(l, weir_cedar_schema_action(l->schema, i), marks,
                            stack))
            return weir_fail(l->err, WEIR_ETYPE, l->actions[i].offset,
                             "the action is not as the schema declares it");
    return weir_cedar_store_add_actions(l->store, l->schema, l->err);
}

weir_status
weir_cedar_store_add_actions(struct weir_cedar_store *store,
                             const struct weir_cedar_schema *schema,
                             struct weir_error *err)
{
    size_t count = weir_cedar_schema_action_count(schema);
    weir_status status = WEIR_OK;
    struct weir_arena scratch;
    weir_arena_init_heap(&scratch, ENTITY_MEMORY_MAX);
    for (size_t i = 0; status == WEIR_OK && i < count; i++) {
        const struct weir_cedar_action *action =
            weir_cedar_schema_action(schema, i);
        struct weir_cedar_uid *parents = weir_arena_array(
            &scratch, struct weir_cedar_uid, action->parent_count);
        struct weir_cedar_entity entity = {
            .uid = {action->type->name, action->id},
            .parents = parents,
            .parent_count = action->parent_count};
        if (action->parent_count > 0 && parents == NULL) {
            status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                               "the actions need too much memory");
            break;
        }
        for (uint32_t p = 0; p < action->parent_count; p++)
            parents[p] = (struct weir_cedar_uid){action->parents[p]->type->name,
                                                 action->parents[p]->id};
        status = weir_cedar_store_add(store, &entity, err);
    }
    weir_arena_fini(&scratch);
    return status;
}

/* ----------------------------------------------------------- entities */

static weir_status
read_fields(struct loader *l, const struct tree *at,
            const struct weir_cedar_type *shape,
            const struct weir_cedar_type *of_all,
            struct weir_cedar_field **fields_out, size_t *count_out)
{
    struct weir_cedar_field *fields =
        weir_arena_array(&l->scratch, struct weir_cedar_field, at->count);
    size_t count = 0;
    if (at->count > 0 && fields == NULL)
        return no_memory(l);
    for (const struct tree *m = at->first; m != NULL; m = m->next) {
        const struct weir_cedar_attribute *attribute =
            shape == NULL ? NULL : weir_cedar_type_attribute(shape, m->name);
        weir_status status = weir__cedar_value_read(
            &l->scratch, m, attribute != NULL ? attribute->type : of_all,
            &fields[count].value, l->err);
        if (status != WEIR_OK)
            return status;
        fields[count++].key = m->name;
    }
    *fields_out = fields;
    *count_out = count;
    return WEIR_OK;
}

static weir_status
read_parents(struct loader *l, const struct tree *at,
             struct weir_cedar_entity *entity)
{
    struct weir_cedar_uid *parents =
        weir_arena_array(&l->scratch, struct weir_cedar_uid, at->count);
    bool is_action = weir__cedar_is_action_type(entity->uid.type);
    if (at->count > 0 && parents == NULL)
        return no_memory(l);
    for (const struct tree *p = at->first; p != NULL; p = p->next) {
        struct weir_cedar_uid *parent = &parents[entity->parent_count++];
        weir_status status = weir__cedar_uid_read(p, parent, l->err);
        if (status != WEIR_OK)
            return status;
        if (is_action && !weir__cedar_is_action_type(parent->type))
            return weir_fail(l->err, WEIR_ETYPE, p->offset,
                             "the parent of an action must be an action");
    }
    entity->parents = parents;
    return WEIR_OK;
}

static weir_status
read_entity(struct loader *l, const struct tree *at)
{
    const struct tree *uid, *attrs, *parents, *tags;
    const struct weir_cedar_entity_type *type = NULL;
    struct weir_cedar_entity entity = {0};
    struct weir_cedar_field *fields;
    struct places places;
    weir_status status;
    if (at->kind != WEIR_JSON_OBJECT)
        return weir_fail(l->err, WEIR_EPARSE, at->offset,
                         "an entity is an object");
    uid = weir__cedar_tree_get(at, "uid");
    if (uid == NULL)
        return weir_fail(l->err, WEIR_EPARSE, at->offset,
                         "the member 'uid' is missing");
    status = weir__cedar_uid_read(uid, &entity.uid, l->err);
    if (status == WEIR_OK)
        status = member(l, at, "attrs", WEIR_JSON_OBJECT, &attrs);
    if (status == WEIR_OK)
        status = member(l, at, "parents", WEIR_JSON_ARRAY, &parents);
    if (status != WEIR_OK)
        return status;
    if (l->schema != NULL)
        type = weir_cedar_schema_find_type(l->schema, entity.uid.type);
    status = read_fields(l, attrs, type == NULL ? NULL : type->shape, NULL,
                         &fields, &entity.attribute_count);
    entity.attributes = fields;
    if (status == WEIR_OK)
        status = read_parents(l, parents, &entity);
    tags = weir__cedar_tree_get(at, "tags");
    if (status == WEIR_OK && tags != NULL) {
        status = member(l, at, "tags", WEIR_JSON_OBJECT, &tags);
        if (status == WEIR_OK)
            status =
                read_fields(l, tags, NULL, type == NULL ? NULL : type->tags,
                            &fields, &entity.tag_count);
        entity.tags = fields;
    }
    if (status != WEIR_OK)
        return status;
    if (l->schema != NULL && weir__cedar_is_action_type(entity.uid.type))
        return add_file_action(l, &entity, uid->offset);
    places = (struct places){uid->offset, attrs->offset, parents->offset,
                             tags != NULL ? tags->offset : 0};
    if (l->schema != NULL)
        status = entity_conforms(l->schema, &entity, &places, l->err);
    if (status == WEIR_OK)
        status = weir_cedar_store_add(l->store, &entity, l->err);
    if (status != WEIR_OK && l->err != NULL &&
        l->err->offset == WEIR_OFFSET_NONE)
        l->err->offset = uid->offset;
    return status;
}

static weir_status
read_array(struct loader *l, weir_span text)
{
    struct weir_json_reader reader;
    weir_status status = WEIR_OK;
    struct tree *tree;
    weir_span raw;
    weir_json_reader_init(&reader, text, NULL);
    if (weir_json_array(&reader))
        while (status == WEIR_OK && weir_json_element(&reader) &&
               weir_json_raw(&reader, &raw)) {
            status = weir__cedar_tree_read(
                &l->scratch, raw, (size_t)(raw.ptr - text.ptr), &tree, l->err);
            if (status == WEIR_OK)
                status = read_entity(l, tree);
            if (l->scratch.total > ENTITY_MEMORY_KEPT) {
                weir_arena_fini(&l->scratch);
                weir_arena_init_heap(&l->scratch, ENTITY_MEMORY_MAX);
            }
        }
    if (status != WEIR_OK)
        return status;
    return weir_json_reader_end(&reader, l->err);
}

weir_status
weir_cedar_entities_read(struct weir_cedar_store *store,
                         const struct weir_cedar_schema *schema, weir_span text,
                         struct weir_error *err)
{
    struct loader l = {.store = store, .schema = schema, .err = err};
    weir_status status = WEIR_OK;
    weir_arena_init_heap(&l.scratch, ENTITY_MEMORY_MAX);
    weir_arena_init_heap(&l.kept, ENTITY_MEMORY_MAX);
    if (schema != NULL) {
        size_t count = weir_cedar_schema_action_count(schema);
        l.actions = weir_arena_array(&l.kept, struct file_action, count);
        if (count > 0 && l.actions == NULL)
            status = no_memory(&l);
    }
    if (status == WEIR_OK)
        status = read_array(&l, text);
    if (status == WEIR_OK && schema != NULL)
        status = finish_actions(&l);
    weir_arena_fini(&l.scratch);
    weir_arena_fini(&l.kept);
    return status;
}
