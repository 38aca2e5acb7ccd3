/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a program: entities, names and what is known of its policies. */
#include "program.h"

#include <string.h>

size_t
weir_cedar_program_scratch_size(const struct weir_cedar_program *program)
{
    const struct program_header *header = program_head(program);
    return (size_t)header->stack_max * sizeof(weir_cedar_arg) +
           header->temp_size;
}

/* Ascending texts, as of types and names. */
static uint32_t
find_text(const struct weir_cedar_program *program, enum cedar_section section,
          weir_span text)
{
    const struct program_text *items =
        PROGRAM_ITEMS(program, section, struct program_text);
    uint32_t low = 0;
    uint32_t high = program->counts[section];
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order =
            weir_span_compare(program_text(program, items[middle]), text);
        if (order == 0)
            return middle;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return WEIR_CEDAR_NONE;
}

uint32_t
weir__cedar_program_type(const struct weir_cedar_program *program,
                         weir_span type)
{
    uint32_t found = find_text(program, CEDAR_TYPES, type);
    return found == WEIR_CEDAR_NONE ? CEDAR_TYPE_UNKNOWN : found;
}

uint32_t
weir_cedar_program_attribute(const struct weir_cedar_program *program,
                             weir_span name)
{
    return find_text(program, CEDAR_NAMES, name);
}

weir_span
weir_cedar_program_attribute_name(const struct weir_cedar_program *program,
                                  uint32_t attribute)
{
    WEIR_ASSERT(attribute < program->counts[CEDAR_NAMES]);
    return program_text(program, PROGRAM_ITEMS(program, CEDAR_NAMES,
                                               struct program_text)[attribute]);
}

uint32_t
weir_cedar_program_entity(const struct weir_cedar_program *program,
                          const struct weir_cedar_uid *uid)
{
    const uint32_t *slots = PROGRAM_ITEMS(program, CEDAR_SLOTS, uint32_t);
    uint32_t mask = program->counts[CEDAR_SLOTS] - 1;
    uint32_t type = weir__cedar_program_type(program, uid->type);
    if (type == CEDAR_TYPE_UNKNOWN)
        return WEIR_CEDAR_NONE;
    uint32_t slot = (uint32_t)weir_hash64(uid->id, type) & mask;
    for (; slots[slot] != 0; slot = (slot + 1) & mask) {
        const struct program_entity *entity =
            program_entity(program, slots[slot] - 1);
        if (entity->type == type &&
            weir_span_equal(program_text(program, entity->id), uid->id))
            return slots[slot] - 1;
    }
    return WEIR_CEDAR_NONE;
}

uint32_t
weir_cedar_program_entity_count(const struct weir_cedar_program *program)
{
    return program->counts[CEDAR_ENTITIES];
}

struct weir_cedar_uid
weir_cedar_program_uid(const struct weir_cedar_program *program,
                       uint32_t handle)
{
    WEIR_ASSERT(handle < program->counts[CEDAR_ENTITIES]);
    const struct program_entity *entity = program_entity(program, handle);
    return (struct weir_cedar_uid){
        .type = program_text(program,
                             PROGRAM_ITEMS(program, CEDAR_TYPES,
                                           struct program_text)[entity->type]),
        .id = program_text(program, entity->id),
    };
}

bool
weir_cedar_program_has(const struct weir_cedar_program *program,
                       uint32_t handle)
{
    WEIR_ASSERT(handle < program->counts[CEDAR_ENTITIES]);
    return program_entity(program, handle)->is_added != 0;
}

bool
weir_cedar_program_in(const struct weir_cedar_program *program, uint32_t e,
                      uint32_t f)
{
    WEIR_ASSERT(e < program->counts[CEDAR_ENTITIES]);
    return program_in(program, e, f);
}

/* Tags are found by text, since a policy may make up their key. Keys of a
 * shape ascend by name, and names by text. */
bool
weir__cedar_program_tag(const struct weir_cedar_program *program,
                        uint32_t handle, weir_span key, weir_cedar_arg *out)
{
    const struct program_entity *entity = program_entity(program, handle);
    uint32_t name;
    if (entity->tags == CEDAR_NONE)
        return false;
    name = weir_cedar_program_attribute(program, key);
    return name != WEIR_CEDAR_NONE &&
           weir__cedar_arg_field(program, program_cell(program, entity->tags),
                                 name, out);
}

/* See the same in eval.c. */
bool
weir__cedar_program_like(const struct weir_cedar_program *program,
                         weir_span text, uint32_t first, uint32_t count)
{
    const struct program_text *pieces =
        PROGRAM_ITEMS(program, CEDAR_PIECES, struct program_text) + first;
    bool is_free = false;
    for (uint32_t i = 0; i < count; i++) {
        if (pieces[i].len == CEDAR_NONE) {
            is_free = true;
            continue;
        }
        weir_span literal = program_text(program, pieces[i]);
        if (literal.len > text.len)
            return false;
        if (i + 1 == count && is_free)
            return weir_span_ends(text, literal);
        const char *found = text.ptr;
        if (is_free)
            found = memmem(text.ptr, text.len, literal.ptr, literal.len);
        else if (memcmp(text.ptr, literal.ptr, literal.len) != 0)
            return false;
        if (found == NULL)
            return false;
        found += literal.len;
        text.len -= (size_t)(found - text.ptr);
        text.ptr = found;
        is_free = false;
    }
    return is_free || text.len == 0;
}

/* ------------------------------------------------------------- policies */

uint32_t
weir_cedar_program_policy_count(const struct weir_cedar_program *program)
{
    return program_head(program)->policy_count;
}

static const struct program_meta *
meta_of(const struct weir_cedar_program *program, uint32_t policy)
{
    WEIR_ASSERT(policy < program_head(program)->policy_count);
    return &PROGRAM_ITEMS(program, CEDAR_META, struct program_meta)[policy];
}

struct weir_cedar_program_policy
weir_cedar_program_policy(const struct weir_cedar_program *program,
                          uint32_t policy)
{
    const struct program_meta *meta = meta_of(program, policy);
    const struct program_policy *hot =
        &PROGRAM_ITEMS(program, CEDAR_POLICIES, struct program_policy)[policy];
    return (struct weir_cedar_program_policy){
        .id = program_text(program, meta->id),
        .effect = (enum weir_cedar_effect)hot->effect,
        .is_template = meta->is_template != 0,
        .flags = hot->flags,
        .from = meta->from,
        .until = meta->until,
        .file = program_text(program, meta->file),
        .line = meta->line,
        .annotation_count = meta->annotation_count,
    };
}

struct weir_cedar_annotation
weir_cedar_program_annotation(const struct weir_cedar_program *program,
                              uint32_t policy, uint32_t index)
{
    const struct program_meta *meta = meta_of(program, policy);
    WEIR_ASSERT(index < meta->annotation_count);
    const struct program_annotation *annotation = &PROGRAM_ITEMS(
        program, CEDAR_ANNOTATIONS,
        struct program_annotation)[meta->first_annotation + index];
    return (struct weir_cedar_annotation){
        program_text(program, annotation->key),
        program_text(program, annotation->value)};
}

bool
weir_cedar_program_annotation_find(const struct weir_cedar_program *program,
                                   uint32_t policy, weir_span key,
                                   weir_span *value_out)
{
    uint32_t count = meta_of(program, policy)->annotation_count;
    for (uint32_t i = 0; i < count; i++) {
        struct weir_cedar_annotation annotation =
            weir_cedar_program_annotation(program, policy, i);
        if (weir_span_equal(annotation.key, key)) {
            *value_out = annotation.value;
            return true;
        }
    }
    return false;
}

uint32_t
weir_cedar_program_policy_find(const struct weir_cedar_program *program,
                               weir_span id)
{
    uint32_t count = program_head(program)->policy_count;
    for (uint32_t i = 0; i < count; i++)
        if (weir_span_equal(program_text(program, meta_of(program, i)->id), id))
            return i;
    return WEIR_CEDAR_NONE;
}
