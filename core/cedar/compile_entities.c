/* SPDX-License-Identifier: Apache-2.0 */
#include "compile.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- values */

static struct program_cell make_cell(struct compiler *c,
                                     const weir_cedar_value *value);

static uint32_t
add_cell(struct compiler *c, struct program_cell cell)
{
    uint32_t index = SECTION_COUNT(c, CEDAR_CELLS, struct program_cell);
    weir__cedar_compile_add(c, CEDAR_CELLS, &cell, sizeof(cell));
    return index;
}

uint32_t
weir__cedar_emit_cell(struct compiler *c, const weir_cedar_value *value)
{
    return add_cell(c, make_cell(c, value));
}

static uint32_t
handle_of(struct compiler *c, const struct weir_cedar_uid *uid)
{
    uint32_t node;
    /* Uids in values of the store carry their number: see store.h. */
    if (c->is_store_value)
        return c
            ->handles[((const struct cedar_named *)(const void *)uid)->index];
    node = weir__cedar_compile_node(c, uid);
    return c->is_full ? 0 : c->handles[node];
}

/* What a word of this value holds; `depth` grows to that of a cell. */
static uint64_t
make_word(struct compiler *c, const weir_cedar_value *value, uint16_t *depth)
{
    struct program_text text;
    struct program_cell cell;
    switch (value->kind) {
    case WEIR_CEDAR_BOOL:
        return value->boolean;
    case WEIR_CEDAR_STRING:
        text = weir__cedar_compile_text(c, value->string);
        return (uint64_t)text.len << 32 | text.offset;
    case WEIR_CEDAR_ENTITY:
        return handle_of(c, value->uid);
    case WEIR_CEDAR_IP:
        return weir__cedar_emit_cell(c, value);
    case WEIR_CEDAR_SET:
    case WEIR_CEDAR_RECORD:
        cell = make_cell(c, value);
        if (cell.detail > *depth)
            *depth = cell.detail;
        return add_cell(c, cell);
    default:
        return (uint64_t)value->number;
    }
}

/* The shape of these fields, which ascend by name. */
static uint32_t
shape_of(struct compiler *c, const struct weir_cedar_field *fields,
         uint32_t count)
{
    struct program_key few[32] = {{0, 0}};
    struct program_key *keys = few;
    uint32_t before = c->shapes.count;
    if (count > WEIR_COUNTOF(few))
        keys = malloc(count * sizeof(*keys));
    if (keys == NULL) {
        c->is_full = true;
        return 0;
    }
    for (uint32_t i = 0; i < count; i++)
        keys[i] = (struct program_key){
            weir__cedar_compile_name(c, fields[i].key), fields[i].value.kind};
    uint32_t shape = weir__cedar_intern_add(
        &c->shapes, &c->arena,
        (weir_span){(const char *)keys, count * sizeof(*keys)});
    if (shape == CEDAR_INTERN_NONE) {
        c->is_full = true;
    } else if (shape == before) {
        struct program_shape entry = {
            SECTION_COUNT(c, CEDAR_KEYS, struct program_key), count};
        weir__cedar_compile_add(c, CEDAR_SHAPES, &entry, sizeof(entry));
        weir__cedar_compile_add(c, CEDAR_KEYS, keys, count * sizeof(*keys));
    }
    if (keys != few)
        free(keys);
    return shape;
}

/* Words side by side; what they refer to is written first. */
static uint32_t
emit_words(struct compiler *c, const struct weir_cedar_field *fields,
           uint32_t count, uint16_t *depth)
{
    uint64_t few[32] = {0};
    uint64_t *words = few;
    if (count > WEIR_COUNTOF(few))
        words = malloc(count * sizeof(*words));
    if (words == NULL) {
        c->is_full = true;
        return 0;
    }
    for (uint32_t i = 0; i < count; i++)
        words[i] = make_word(c, &fields[i].value, depth);
    uint32_t first = SECTION_COUNT(c, CEDAR_WORDS, uint64_t);
    weir__cedar_compile_add(c, CEDAR_WORDS, words, count * sizeof(*words));
    if (words != few)
        free(words);
    return first;
}

static int
by_order(const void *a, const void *b, void *context)
{
    const struct compiler *c = context;
    const struct program_cell *cells[2] = {a, b};
    weir_cedar_arg args[2];
    for (int i = 0; i < 2; i++) {
        args[i] = (weir_cedar_arg){cells[i]->kind,
                                   cells[i]->prefix,
                                   cells[i]->detail,
                                   cells[i]->count,
                                   {(int64_t)cells[i]->data}};
        if (args[i].kind == WEIR_CEDAR_STRING || args[i].kind == WEIR_CEDAR_IP)
            args[i].data = c->sections[CEDAR_STRINGS].ptr + cells[i]->data;
    }
    return weir__cedar_arg_order(args[0], args[1]);
}

static struct program_cell
make_set(struct compiler *c, const weir_cedar_value *value)
{
    struct program_cell set = {.kind = WEIR_CEDAR_SET, .count = value->count};
    struct program_cell *cells = malloc((value->count + 1u) * sizeof(*cells));
    if (cells == NULL) {
        c->is_full = true;
        return set;
    }
    for (uint32_t i = 0; i < value->count; i++) {
        cells[i] = make_cell(c, &value->elements[i]);
        if (cells[i].kind >= WEIR_CEDAR_SET && cells[i].detail > set.detail)
            set.detail = cells[i].detail;
    }
    if (!c->is_full)
        qsort_r(cells, value->count, sizeof(*cells), by_order, c);
    set.detail++;
    set.data = SECTION_COUNT(c, CEDAR_CELLS, struct program_cell);
    weir__cedar_compile_add(c, CEDAR_CELLS, cells,
                            value->count * sizeof(*cells));
    free(cells);
    return set;
}

static struct program_cell
make_record(struct compiler *c, const struct weir_cedar_field *fields,
            uint32_t count)
{
    struct program_cell record = {.kind = WEIR_CEDAR_RECORD, .count = count};
    uint64_t words = emit_words(c, fields, count, &record.detail);
    record.data = (uint64_t)shape_of(c, fields, count) << 32 | words;
    record.detail++;
    if (record.detail > CEDAR_DEPTH_LIMIT)
        c->is_full = true;
    return record;
}

/* Depth is that of the value, which its reader bounds. */
static struct program_cell
make_cell(struct compiler *c, const weir_cedar_value *value)
{
    struct program_cell cell = {.kind = value->kind};
    struct program_text text;
    switch (value->kind) {
    case WEIR_CEDAR_BOOL:
        cell.data = value->boolean;
        break;
    case WEIR_CEDAR_STRING:
        text = weir__cedar_compile_text(c, value->string);
        cell.count = text.len;
        cell.data = text.offset;
        break;
    case WEIR_CEDAR_ENTITY:
        cell.count = handle_of(c, value->uid);
        break;
    case WEIR_CEDAR_IP:
        cell.prefix = value->prefix;
        cell.detail = value->is_v6;
        cell.data = weir__cedar_compile_text(
                        c, (weir_span){(const char *)value->ip.address,
                                       sizeof(value->ip.address)})
                        .offset;
        break;
    case WEIR_CEDAR_SET:
        return make_set(c, value);
    case WEIR_CEDAR_RECORD:
        return make_record(c, value->fields, value->count);
    default:
        cell.data = (uint64_t)value->number;
        break;
    }
    return cell;
}

/* -------------------------------------------------------------- entities */

static void
sort_handles(uint32_t *list, uint32_t count)
{
    /* Lists of ancestors are short, and mostly in order already. */
    for (uint32_t i = 1; i < count; i++) {
        uint32_t handle = list[i];
        uint32_t at = i;
        for (; at > 0 && list[at - 1] > handle; at--)
            list[at] = list[at - 1];
        list[at] = handle;
    }
}

static int
by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Entities of one tenant or in the same lists share their ancestors. */
static void
emit_ancestors(struct compiler *c, const struct cedar_node *node,
               struct program_entity *entity)
{
    uint32_t few[64] = {0};
    uint32_t *list = few;
    uint32_t count = node->ancestor_count;
    uint32_t before = c->lists.count;
    if (count > WEIR_COUNTOF(few))
        list = malloc(count * sizeof(*list));
    if (list == NULL || c->is_full) {
        c->is_full = true;
        if (list != few)
            free(list);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        list[i] = c->handles[node->ancestors[i]];
    if (count <= WEIR_COUNTOF(few))
        sort_handles(list, count);
    else
        qsort(list, count, sizeof(*list), by_number);
    uint32_t number = weir__cedar_intern_add(
        &c->lists, &c->arena,
        (weir_span){(const char *)list, count * sizeof(*list)});
    if (number == before && number == c->list_capacity) {
        uint32_t capacity = number == 0 ? 1024 : number * 2;
        uint32_t *offsets =
            realloc(c->list_offsets, capacity * sizeof(*offsets));
        if (offsets == NULL) {
            number = CEDAR_INTERN_NONE;
        } else {
            c->list_offsets = offsets;
            c->list_capacity = capacity;
        }
    }
    if (number == CEDAR_INTERN_NONE) {
        c->is_full = true;
    } else {
        if (number == before) {
            c->list_offsets[number] =
                SECTION_COUNT(c, CEDAR_ANCESTORS, uint32_t);
            weir__cedar_compile_add(c, CEDAR_ANCESTORS, list,
                                    count * sizeof(*list));
        }
        entity->ancestors = c->list_offsets[number];
        entity->ancestor_count = count;
    }
    if (list != few)
        free(list);
}

static bool
is_action_type(weir_span type)
{
    return weir_span_equal(type, WEIR_SPAN("Action")) ||
           weir_span_ends(type, WEIR_SPAN("::Action"));
}

static void
emit_entity(struct compiler *c, uint32_t node, uint32_t *row_count)
{
    const struct weir_cedar_uid *uid = weir__cedar_compile_uid(c, node);
    struct program_entity entity = {.tags = CEDAR_NONE, .row = CEDAR_NONE};
    uint16_t depth = 0;
    entity.id = weir__cedar_compile_bytes(c, uid->id);
    if (node < c->store->count) {
        const struct cedar_node *from = &c->store->nodes[node];
        entity.type = (uint16_t)c->type_order[from->named->type];
        entity.is_added = from->is_added;
        entity.words =
            emit_words(c, from->attributes, from->attribute_count, &depth);
        entity.shape = shape_of(c, from->attributes, from->attribute_count);
        emit_ancestors(c, from, &entity);
        if (from->tag_count > 0)
            entity.tags =
                add_cell(c, make_record(c, from->tags, from->tag_count));
    } else {
        entity.type = (uint16_t)weir__cedar_compile_type(c, uid->type);
        entity.shape = shape_of(c, NULL, 0);
    }
    if (is_action_type(uid->type))
        entity.row = (*row_count)++;
    weir__cedar_compile_add(c, CEDAR_ENTITIES, &entity, sizeof(entity));
}

static void
emit_slots(struct compiler *c)
{
    const struct program_entity *entities =
        (const void *)c->sections[CEDAR_ENTITIES].ptr;
    size_t count = 8;
    uint32_t *slots;
    while (count < (size_t)c->node_count * 3 / 2 + 1)
        count *= 2;
    slots = calloc(count, sizeof(*slots));
    if (slots == NULL || count > UINT32_MAX) {
        free(slots);
        c->is_full = true;
        return;
    }
    for (uint32_t handle = 0; handle < c->node_count; handle++) {
        weir_span id = weir__cedar_compile_uid(c, c->nodes[handle])->id;
        size_t slot = weir_hash64(id, entities[handle].type) & (count - 1);
        while (slots[slot] != 0)
            slot = (slot + 1) & (count - 1);
        slots[slot] = handle + 1;
    }
    weir__cedar_compile_add(c, CEDAR_SLOTS, slots, count * sizeof(*slots));
    free(slots);
}

void
weir__cedar_emit_entities(struct compiler *c)
{
    uint32_t rows = 0;
    c->is_store_value = true;
    for (uint32_t handle = 0; !c->is_full && handle < c->node_count; handle++)
        emit_entity(c, c->nodes[handle], &rows);
    if (!c->is_full)
        emit_slots(c);
    c->is_store_value = false;
}
