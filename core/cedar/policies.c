/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The policy set: an array in order of addition, and an open hash table from
 * id to position. Static policies, templates and links share both, so an id
 * can never mean two things.
 */
#include "ast.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts, trees and ids of one set; beyond it adding fails with ENOMEM. */
#define ARENA_MAX ((size_t)1 << 32)

struct weir_cedar_policies {
    struct weir_arena arena;
    struct weir_cedar_policy **items;
    size_t count;
    size_t capacity;
    uint32_t *slots;   /* position + 1; 0: free */
    size_t slot_count; /* a power of two, or 0 */
};

struct weir_cedar_policies *
weir_cedar_policies_new(void)
{
    struct weir_cedar_policies *set = calloc(1, sizeof(*set));
    if (set != NULL)
        weir_arena_init_heap(&set->arena, ARENA_MAX);
    return set;
}

void
weir_cedar_policies_free(struct weir_cedar_policies *set)
{
    if (set == NULL)
        return;
    weir_arena_fini(&set->arena);
    free(set->items);
    free(set->slots);
    free(set);
}

struct weir_arena *
weir__cedar_policies_arena(struct weir_cedar_policies *set)
{
    return &set->arena;
}

static size_t
slot_of(const struct weir_cedar_policies *set, weir_span id)
{
    size_t mask = set->slot_count - 1;
    size_t slot = (size_t)weir_hash64(id, 0) & mask;
    while (set->slots[slot] != 0 &&
           !weir_span_equal(set->items[set->slots[slot] - 1]->id, id))
        slot = (slot + 1) & mask;
    return slot;
}

static bool
build_slots(struct weir_cedar_policies *set, size_t slot_count)
{
    uint32_t *slots = calloc(slot_count, sizeof(*slots));
    if (slots == NULL)
        return false;
    free(set->slots);
    set->slots = slots;
    set->slot_count = slot_count;
    for (size_t i = 0; i < set->count; i++)
        set->slots[slot_of(set, set->items[i]->id)] = (uint32_t)i + 1;
    return true;
}

static bool
make_room(struct weir_cedar_policies *set)
{
    if (set->count == set->capacity) {
        size_t capacity = set->capacity == 0 ? 16 : set->capacity * 2;
        struct weir_cedar_policy **items =
            realloc(set->items, capacity * sizeof(struct weir_cedar_policy *));
        if (items == NULL)
            return false;
        set->items = items;
        set->capacity = capacity;
    }
    return (set->count + 1) * 2 <= set->slot_count ||
           build_slots(set, set->slot_count == 0 ? 32 : set->slot_count * 2);
}

weir_status
weir__cedar_policies_add(struct weir_cedar_policies *set,
                         struct weir_cedar_policy *policy,
                         struct weir_error *err)
{
    if (set->count >= UINT32_MAX / 4)
        return weir_fail(err, WEIR_ELIMIT, policy->offset,
                         "too many policies in one set");
    if (!make_room(set))
        return weir_fail(err, WEIR_ENOMEM, policy->offset, "out of memory");
    if (policy->id.ptr == NULL) {
        char name[32];
        int len = snprintf(name, sizeof(name), "policy%zu", set->count);
        policy->id =
            weir_arena_copy(&set->arena, (weir_span){name, (size_t)len});
        if (policy->id.ptr == NULL)
            return weir_fail(err, WEIR_ENOMEM, policy->offset, "out of memory");
    }
    size_t slot = slot_of(set, policy->id);
    if (set->slots[slot] != 0)
        return weir_fail(err, WEIR_ECONFLICT, policy->offset,
                         "the id of this policy is taken");
    set->items[set->count++] = policy;
    set->slots[slot] = (uint32_t)set->count;
    return WEIR_OK;
}

void
weir__cedar_policies_shrink(struct weir_cedar_policies *set, size_t count)
{
    if (set->count == count)
        return;
    set->count = count;
    memset(set->slots, 0, set->slot_count * sizeof(*set->slots));
    for (size_t i = 0; i < count; i++)
        set->slots[slot_of(set, set->items[i]->id)] = (uint32_t)i + 1;
}

weir_status
weir_cedar_policies_add_text(struct weir_cedar_policies *set, weir_span text,
                             weir_span file, struct weir_error *err)
{
    struct cedar_policy_list list;
    size_t before = set->count;
    weir_span copy = weir_arena_copy(&set->arena, text);
    weir_span name = weir_arena_copy(&set->arena, file);
    if (copy.ptr == NULL || name.ptr == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_status status = weir__cedar_parse(&set->arena, copy, name, &list, err);
    for (size_t i = 0; status == WEIR_OK && i < list.count; i++)
        status = weir__cedar_policies_add(set, list.items[i], err);
    if (status != WEIR_OK)
        weir__cedar_policies_shrink(set, before);
    return status;
}

weir_status
weir_cedar_policies_borrow(struct weir_cedar_policies *set,
                           const struct weir_cedar_policy *policy,
                           struct weir_error *err)
{
    struct weir_cedar_policy *copy =
        weir_arena_alloc(&set->arena, sizeof(*copy));
    if (copy == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (CEDAR_IS_TEMPLATE(policy))
        return weir_fail(err, WEIR_ETYPE, policy->offset,
                         "a template can not be borrowed");
    *copy = *policy;
    copy->id = WEIR_SPAN_NONE;
    copy->template_of = NULL;
    return weir__cedar_policies_add(set, copy, err);
}

size_t
weir_cedar_policies_count(const struct weir_cedar_policies *set)
{
    return set->count;
}

const struct weir_cedar_policy *
weir_cedar_policies_at(const struct weir_cedar_policies *set, size_t index)
{
    WEIR_ASSERT(index < set->count);
    return set->items[index];
}

const struct weir_cedar_policy *
weir_cedar_policies_find(const struct weir_cedar_policies *set, weir_span id)
{
    uint32_t found = set->slot_count == 0 ? 0 : set->slots[slot_of(set, id)];
    return found == 0 ? NULL : set->items[found - 1];
}

struct weir_cedar_policy_info
weir_cedar_policy_info(const struct weir_cedar_policy *policy)
{
    struct weir_cedar_policy_info info = {
        .id = policy->id,
        .effect = policy->effect,
        .is_template = CEDAR_IS_TEMPLATE(policy),
        .has_principal_slot = policy->principal.is_slot,
        .has_resource_slot = policy->resource.is_slot,
        .file = policy->file,
        .offset = policy->offset,
        .end = policy->end,
        .line = policy->line,
        .column = policy->column,
        .annotations = policy->annotations,
        .annotation_count = policy->annotation_count,
    };
    if (policy->template_of != NULL)
        info.template_id = policy->template_of->id;
    return info;
}

const weir_span *
weir_cedar_policy_annotation(const struct weir_cedar_policy *policy,
                             weir_span key)
{
    for (uint32_t i = 0; i < policy->annotation_count; i++)
        if (weir_span_equal(policy->annotations[i].key, key))
            return &policy->annotations[i].value;
    return NULL;
}

weir_status
weir_cedar_policies_rename(struct weir_cedar_policies *set, size_t index,
                           weir_span id, struct weir_error *err)
{
    WEIR_ASSERT(index < set->count);
    struct weir_cedar_policy *policy = set->items[index];
    if (weir_span_equal(policy->id, id))
        return WEIR_OK;
    if (weir_cedar_policies_find(set, id) != NULL)
        return weir_fail(err, WEIR_ECONFLICT, policy->offset,
                         "the id of this policy is taken");
    weir_span copy = weir_arena_copy(&set->arena, id);
    if (copy.ptr == NULL)
        return weir_fail(err, WEIR_ENOMEM, policy->offset, "out of memory");
    /* Deletion leaves a hole in the run of slots behind it: the entries of
     * that run are put in again. */
    size_t mask = set->slot_count - 1;
    size_t slot = slot_of(set, policy->id);
    set->slots[slot] = 0;
    policy->id = copy;
    set->slots[slot_of(set, copy)] = (uint32_t)index + 1;
    for (slot = (slot + 1) & mask; set->slots[slot] != 0;
         slot = (slot + 1) & mask) {
        uint32_t entry = set->slots[slot];
        set->slots[slot] = 0;
        set->slots[slot_of(set, set->items[entry - 1]->id)] = entry;
    }
    return WEIR_OK;
}

/* The scope with its slot filled; false when memory ran out. */
static bool
fill_slot(struct weir_arena *arena, struct cedar_scope *scope,
          const struct weir_cedar_uid *uid)
{
    if (!scope->is_slot)
        return true;
    WEIR_ASSERT(uid != NULL);
    scope->entities = weir_arena_alloc(arena, sizeof(*scope->entities));
    if (scope->entities == NULL)
        return false;
    scope->entities->type = weir_arena_copy(arena, uid->type);
    scope->entities->id = weir_arena_copy(arena, uid->id);
    scope->offsets = NULL;
    scope->count = 1;
    scope->is_slot = false;
    return !arena->overflow;
}

weir_status
weir_cedar_policies_link(struct weir_cedar_policies *set, weir_span template_id,
                         weir_span id, const struct weir_cedar_uid *principal,
                         const struct weir_cedar_uid *resource,
                         struct weir_error *err)
{
    const struct weir_cedar_policy *template =
        weir_cedar_policies_find(set, template_id);
    if (template == NULL || !CEDAR_IS_TEMPLATE(template))
        return weir_fail(err, WEIR_ENOTFOUND, WEIR_OFFSET_NONE,
                         "there is no template of that id");
    if (template->principal.is_slot != (principal != NULL) ||
        template->resource.is_slot != (resource != NULL))
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                         "the entities given are not those the template's "
                         "slots ask for");
    struct weir_cedar_policy *link =
        weir_arena_alloc(&set->arena, sizeof(*link));
    if (link == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    *link = *template;
    link->id = weir_arena_copy(&set->arena, id);
    link->template_of = template;
    if (!fill_slot(&set->arena, &link->principal, principal) ||
        !fill_slot(&set->arena, &link->resource, resource) ||
        link->id.ptr == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    return weir__cedar_policies_add(set, link, err);
}
