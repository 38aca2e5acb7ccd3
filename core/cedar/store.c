/* SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <stdlib.h>
#include <string.h>

/* Entities of one store with all their values; beyond it ENOMEM. */
#define ARENA_MAX ((size_t)1 << 35)

struct weir_cedar_store *
weir_cedar_store_new(void)
{
    struct weir_cedar_store *store = calloc(1, sizeof(*store));
    if (store != NULL)
        weir_arena_init_heap(&store->arena, ARENA_MAX);
    return store;
}

void
weir_cedar_store_free(struct weir_cedar_store *store)
{
    if (store == NULL)
        return;
    weir_arena_fini(&store->arena);
    weir__cedar_intern_fini(&store->types);
    weir__cedar_intern_fini(&store->names);
    free(store->nodes);
    free(store->slots);
    free(store->added);
    free(store);
}

/* -------------------------------------------------------------- nodes */

static size_t
slot_of(const struct weir_cedar_store *store, const struct weir_cedar_uid *uid)
{
    size_t mask = store->slot_count - 1;
    size_t slot =
        (size_t)weir_hash64(uid->id, weir_hash64(uid->type, 0)) & mask;
    while (store->slots[slot] != 0 &&
           !weir_cedar_uid_equal(
               &store->nodes[store->slots[slot] - 1].named->uid, uid))
        slot = (slot + 1) & mask;
    return slot;
}

const struct cedar_node *
weir__cedar_store_node(const struct weir_cedar_store *store,
                       const struct weir_cedar_uid *uid)
{
    if (store->slot_count == 0)
        return NULL;
    uint32_t entry = store->slots[slot_of(store, uid)];
    return entry == 0 ? NULL : &store->nodes[entry - 1];
}

static bool
grow_nodes(struct weir_cedar_store *store)
{
    uint32_t capacity = store->capacity == 0 ? 64 : store->capacity * 2;
    struct cedar_node *nodes = realloc(store->nodes, capacity * sizeof(*nodes));
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof(*slots));
    if (nodes != NULL)
        store->nodes = nodes;
    if (nodes == NULL || slots == NULL) {
        free(slots);
        return false;
    }
    free(store->slots);
    store->slots = slots;
    store->slot_count = (size_t)capacity * 2;
    store->capacity = capacity;
    for (uint32_t i = 0; i < store->count; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.*): realloc kept the nodes */
        const struct cedar_named *named = store->nodes[i].named;
        slots[slot_of(store, &named->uid)] = i + 1;
    }
    return true;
}

uint32_t
weir__cedar_store_name(struct weir_cedar_store *store,
                       const struct weir_cedar_uid *uid)
{
    const struct cedar_node *known = weir__cedar_store_node(store, uid);
    struct cedar_named *named;
    if (known != NULL)
        return known->named->index;
    if (store->count >= UINT32_MAX / 8 ||
        (store->count == store->capacity && !grow_nodes(store)))
        return CEDAR_INTERN_NONE;
    uint32_t type =
        weir__cedar_intern_add(&store->types, &store->arena, uid->type);
    named = weir_arena_alloc(&store->arena, sizeof(*named));
    weir_span id = weir_arena_copy(&store->arena, uid->id);
    if (type == CEDAR_INTERN_NONE || named == NULL || id.ptr == NULL)
        return CEDAR_INTERN_NONE;
    named->uid.type = store->types.texts[type];
    named->uid.id = id;
    named->index = store->count;
    named->type = type;
    memset(&store->nodes[store->count], 0, sizeof(*store->nodes));
    store->nodes[store->count].named = named;
    store->slots[slot_of(store, uid)] = store->count + 1;
    return store->count++;
}

/* ------------------------------------------------------------- values */

static bool copy_value(struct weir_cedar_store *store,
                       const weir_cedar_value *value,
                       weir_cedar_value *copy_out);

static int
by_key(const void *a, const void *b)
{
    return weir_span_compare(((const struct weir_cedar_field *)a)->key,
                             ((const struct weir_cedar_field *)b)->key);
}

/* Copies fields with interned keys and sorts them; NULL: memory. */
static struct weir_cedar_field *
copy_fields(struct weir_cedar_store *store,
            const struct weir_cedar_field *fields, size_t count)
{
    struct weir_cedar_field *copy =
        weir_arena_array(&store->arena, struct weir_cedar_field, count);
    bool is_sorted = true;
    if (copy == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        uint32_t name =
            weir__cedar_intern_add(&store->names, &store->arena, fields[i].key);
        if (name == CEDAR_INTERN_NONE ||
            !copy_value(store, &fields[i].value, &copy[i].value))
            return NULL;
        copy[i].key = store->names.texts[name];
        is_sorted = is_sorted && (i == 0 || by_key(&copy[i - 1], &copy[i]) < 0);
    }
    if (!is_sorted)
        qsort(copy, count, sizeof(*copy), by_key);
    return copy;
}

/* Depth is that of the value, which its reader bounds. */
static bool
copy_value(struct weir_cedar_store *store, const weir_cedar_value *value,
           weir_cedar_value *copy_out)
{
    *copy_out = *value;
    if (value->kind == WEIR_CEDAR_STRING) {
        copy_out->string = weir_arena_copy(&store->arena, value->string);
        return copy_out->string.ptr != NULL;
    }
    if (value->kind == WEIR_CEDAR_ENTITY) {
        uint32_t node = weir__cedar_store_name(store, value->uid);
        if (node == CEDAR_INTERN_NONE)
            return false;
        copy_out->uid = &store->nodes[node].named->uid;
        return true;
    }
    if (value->kind == WEIR_CEDAR_SET) {
        weir_cedar_value *elements =
            weir_arena_array(&store->arena, weir_cedar_value, value->count);
        if (elements == NULL)
            return false;
        for (uint32_t i = 0; i < value->count; i++)
            if (!copy_value(store, &value->elements[i], &elements[i]))
                return false;
        copy_out->elements = elements;
        return true;
    }
    if (value->kind == WEIR_CEDAR_RECORD) {
        copy_out->fields = copy_fields(store, value->fields, value->count);
        return copy_out->fields != NULL;
    }
    return true;
}

static int
by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Sorts and drops what occurs twice; returns the count that is left. */
static uint32_t
sort_numbers(uint32_t *numbers, size_t count)
{
    uint32_t kept = 0;
    if (count <= 24) {
        for (size_t i = 1; i < count; i++) {
            uint32_t number = numbers[i];
            size_t at = i;
            for (; at > 0 && numbers[at - 1] > number; at--)
                numbers[at] = numbers[at - 1];
            numbers[at] = number;
        }
    } else {
        qsort(numbers, count, sizeof(*numbers), by_number);
    }
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || numbers[kept - 1] != numbers[i])
            numbers[kept++] = numbers[i];
    return kept;
}

/* ---------------------------------------------------------------- add */

static bool
keys_differ(const struct weir_cedar_field *fields, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (weir_span_equal(fields[i - 1].key, fields[i].key))
            return false;
    return true;
}

static bool
same_fields(const struct weir_cedar_field *a, size_t a_count,
            const struct weir_cedar_field *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (!weir_span_equal(a[i].key, b[i].key) ||
            weir_cedar_value_compare(&a[i].value, &b[i].value) != 0)
            return false;
    return true;
}

static bool
note_added(struct weir_cedar_store *store, uint32_t node)
{
    if (store->added_count == store->added_capacity) {
        uint32_t capacity =
            store->added_capacity == 0 ? 64 : store->added_capacity * 2;
        uint32_t *added = realloc(store->added, capacity * sizeof(*added));
        if (added == NULL)
            return false;
        store->added = added;
        store->added_capacity = capacity;
    }
    store->added[store->added_count++] = node;
    return true;
}

weir_status
weir_cedar_store_add(struct weir_cedar_store *store,
                     const struct weir_cedar_entity *entity,
                     struct weir_error *err)
{
    struct cedar_node fresh = {0};
    uint32_t index;
    WEIR_ASSERT(!store->is_sealed);
    if (entity->attribute_count > UINT32_MAX ||
        entity->tag_count > UINT32_MAX || entity->parent_count > UINT32_MAX)
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "an entity with more than 2^32 parts");
    index = weir__cedar_store_name(store, &entity->uid);
    fresh.attributes =
        copy_fields(store, entity->attributes, entity->attribute_count);
    fresh.tags = copy_fields(store, entity->tags, entity->tag_count);
    fresh.parents =
        weir_arena_array(&store->arena, uint32_t, entity->parent_count);
    if (index == CEDAR_INTERN_NONE || fresh.attributes == NULL ||
        fresh.tags == NULL || fresh.parents == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (size_t i = 0; i < entity->parent_count; i++) {
        fresh.parents[i] = weir__cedar_store_name(store, &entity->parents[i]);
        if (fresh.parents[i] == CEDAR_INTERN_NONE)
            return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                             "out of memory");
    }
    fresh.attribute_count = (uint32_t)entity->attribute_count;
    fresh.tag_count = (uint32_t)entity->tag_count;
    fresh.parent_count = sort_numbers(fresh.parents, entity->parent_count);
    if (!keys_differ(fresh.attributes, fresh.attribute_count) ||
        !keys_differ(fresh.tags, fresh.tag_count))
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "an attribute or tag of an entity occurs twice");
    /* Only now: interning parents and values may have moved the nodes. */
    struct cedar_node *node = &store->nodes[index];
    if (node->is_added) {
        if (same_fields(node->attributes, node->attribute_count,
                        fresh.attributes, fresh.attribute_count) &&
            same_fields(node->tags, node->tag_count, fresh.tags,
                        fresh.tag_count) &&
            node->parent_count == fresh.parent_count &&
            memcmp(node->parents, fresh.parents,
                   fresh.parent_count * sizeof(uint32_t)) == 0)
            return WEIR_OK;
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "an entity is given twice, and differently");
    }
    if (!note_added(store, index))
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    fresh.named = node->named;
    fresh.is_added = true;
    *node = fresh;
    return WEIR_OK;
}

/* --------------------------------------------------------------- seal */

enum { MARK_NEW, MARK_OPEN, MARK_DONE };

struct numbers {
    uint32_t *items;
    size_t count;
    size_t capacity;
};

static bool
push(struct numbers *list, uint32_t number)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        uint32_t *items = realloc(list->items, capacity * sizeof(*items));
        if (items == NULL)
            return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = number;
    return true;
}

/* All parents are done: their lists and themselves, once each. */
static bool
close_node(struct weir_cedar_store *store, struct cedar_node *node,
           struct numbers *work)
{
    work->count = 0;
    for (uint32_t i = 0; i < node->parent_count; i++) {
        const struct cedar_node *parent = &store->nodes[node->parents[i]];
        if (!push(work, node->parents[i]))
            return false;
        for (uint32_t j = 0; j < parent->ancestor_count; j++)
            if (!push(work, parent->ancestors[j]))
                return false;
    }
    node->ancestor_count = sort_numbers(work->items, work->count);
    node->ancestors =
        weir_arena_array(&store->arena, uint32_t, node->ancestor_count);
    if (node->ancestors == NULL)
        return false;
    if (node->ancestor_count > 0)
        memcpy(node->ancestors, work->items,
               node->ancestor_count * sizeof(uint32_t));
    node->mark = MARK_DONE;
    return true;
}

/* Depth first from `root` with a stack of its own; a node is opened when
 * first seen and closed when it is on top again. */
static weir_status
walk(struct weir_cedar_store *store, uint32_t root, struct numbers *stack,
     struct numbers *work, struct weir_error *err)
{
    stack->count = 0;
    if (!push(stack, root))
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    while (stack->count > 0) {
        struct cedar_node *node = &store->nodes[stack->items[stack->count - 1]];
        if (node->mark != MARK_NEW) {
            stack->count--;
            if (node->mark == MARK_OPEN && !close_node(store, node, work))
                return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                 "out of memory");
            continue;
        }
        node->mark = MARK_OPEN;
        for (uint32_t i = 0; i < node->parent_count; i++) {
            uint8_t mark = store->nodes[node->parents[i]].mark;
            if (mark == MARK_OPEN)
                return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                                 "the parents of entities form a cycle");
            if (mark == MARK_NEW && !push(stack, node->parents[i]))
                return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                 "out of memory");
        }
    }
    return WEIR_OK;
}

weir_status
weir_cedar_store_seal(struct weir_cedar_store *store, struct weir_error *err)
{
    struct numbers stack = {NULL, 0, 0};
    struct numbers work = {NULL, 0, 0};
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < store->count; i++)
        if (store->nodes[i].mark == MARK_NEW)
            status = walk(store, i, &stack, &work, err);
    free(stack.items);
    free(work.items);
    store->is_sealed = status == WEIR_OK;
    return status;
}

/* ------------------------------------------------------------ reading */

size_t
weir_cedar_store_count(const struct weir_cedar_store *store)
{
    return store->added_count;
}

bool
weir_cedar_store_has(const struct weir_cedar_store *store,
                     const struct weir_cedar_uid *uid)
{
    const struct cedar_node *node = weir__cedar_store_node(store, uid);
    return node != NULL && node->is_added;
}

static const weir_cedar_value *
find_field(const struct weir_cedar_field *fields, uint32_t count, weir_span key)
{
    weir_cedar_value record = {.kind = WEIR_CEDAR_RECORD, .count = count};
    record.fields = fields;
    return weir_cedar_record_get(&record, key);
}

const weir_cedar_value *
weir_cedar_store_attribute(const struct weir_cedar_store *store,
                           const struct weir_cedar_uid *uid, weir_span key)
{
    const struct cedar_node *node = weir__cedar_store_node(store, uid);
    return node == NULL
               ? NULL
               : find_field(node->attributes, node->attribute_count, key);
}

bool
weir_cedar_store_get(const struct weir_cedar_store *store,
                     const struct weir_cedar_uid *uid, struct weir_arena *arena,
                     struct weir_cedar_entity *entity_out)
{
    const struct cedar_node *node = weir__cedar_store_node(store, uid);
    struct weir_cedar_uid *parents;
    if (node == NULL || !node->is_added)
        return false;
    parents = weir_arena_array(arena, struct weir_cedar_uid,
                               (size_t)node->parent_count + 1);
    if (parents == NULL)
        return false;
    for (uint32_t i = 0; i < node->parent_count; i++)
        parents[i] = store->nodes[node->parents[i]].named->uid;
    *entity_out = (struct weir_cedar_entity){
        .uid = node->named->uid,
        .attributes = node->attributes,
        .attribute_count = node->attribute_count,
        .tags = node->tags,
        .tag_count = node->tag_count,
        .parents = parents,
        .parent_count = node->parent_count,
    };
    return true;
}

const weir_cedar_value *
weir_cedar_store_tag(const struct weir_cedar_store *store,
                     const struct weir_cedar_uid *uid, weir_span key)
{
    const struct cedar_node *node = weir__cedar_store_node(store, uid);
    return node == NULL ? NULL : find_field(node->tags, node->tag_count, key);
}

bool
weir__cedar_node_has_ancestor(const struct cedar_node *node, uint32_t ancestor)
{
    uint32_t low = 0;
    uint32_t high = node->ancestor_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (node->ancestors[middle] == ancestor)
            return true;
        if (node->ancestors[middle] < ancestor)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

bool
weir_cedar_store_in(const struct weir_cedar_store *store,
                    const struct weir_cedar_uid *e,
                    const struct weir_cedar_uid *f)
{
    WEIR_ASSERT(store->is_sealed);
    if (weir_cedar_uid_equal(e, f))
        return true;
    const struct cedar_node *node = weir__cedar_store_node(store, e);
    const struct cedar_node *above =
        node == NULL ? NULL : weir__cedar_store_node(store, f);
    return above != NULL &&
           weir__cedar_node_has_ancestor(node, above->named->index);
}

struct weir_cedar_entity
weir__cedar_store_entity(const struct weir_cedar_store *store, size_t index)
{
    WEIR_ASSERT(index < store->added_count);
    const struct cedar_node *node = &store->nodes[store->added[index]];
    return (struct weir_cedar_entity){
        .uid = node->named->uid,
        .attributes = node->attributes,
        .attribute_count = node->attribute_count,
        .tags = node->tags,
        .tag_count = node->tag_count,
        .parent_count = node->parent_count,
    };
}

const struct weir_cedar_uid *
weir__cedar_store_parent(const struct weir_cedar_store *store, size_t index,
                         size_t parent)
{
    WEIR_ASSERT(index < store->added_count);
    const struct cedar_node *node = &store->nodes[store->added[index]];
    WEIR_ASSERT(parent < node->parent_count);
    return &store->nodes[node->parents[parent]].named->uid;
}
