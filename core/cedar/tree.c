/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <string.h>

/* Objects up to this size look for repeated names pair by pair. */
#define SMALL_OBJECT 16

static struct tree *
new_node(struct weir_json_reader *reader, size_t base, struct tree *parent,
         struct tree **last)
{
    struct tree *node = weir_arena_alloc(reader->arena, sizeof(*node));
    if (node == NULL) {
        weir_json_reject(reader, WEIR_ETOOBIG,
                         "the text needs too much memory");
        return NULL;
    }
    node->kind = weir_json_peek(reader);
    node->offset = (uint32_t)(base + reader->at);
    if (parent != NULL) {
        parent->count++;
        if (*last == NULL)
            parent->first = node;
        else
            (*last)->next = node;
        *last = node;
    }
    return node;
}

static uint64_t
slot_of(uint64_t hash, uint64_t mask)
{
    return hash & mask;
}

/* Whether two members of one object carry the same name. */
static bool
has_repeated(struct weir_arena *arena, const struct tree *object)
{
    const struct tree **slots;
    uint64_t mask = 31;
    if (object->count <= SMALL_OBJECT) {
        for (const struct tree *a = object->first; a != NULL; a = a->next)
            for (const struct tree *b = a->next; b != NULL; b = b->next)
                if (weir_span_equal(a->name, b->name))
                    return true;
        return false;
    }
    while (mask < 2 * (uint64_t)object->count)
        mask = mask * 2 + 1;
    slots = weir_arena_array(arena, const struct tree *, mask + 1);
    if (slots == NULL)
        return false; /* the overflow is sticky, the reader meets it next */
    for (const struct tree *a = object->first; a != NULL; a = a->next) {
        uint64_t at = slot_of(weir_hash64(a->name, 0), mask);
        for (; slots[at] != NULL; at = slot_of(at + 1, mask))
            if (weir_span_equal(slots[at]->name, a->name))
                return true;
        slots[at] = a;
    }
    return false;
}

static bool
read_scalar(struct weir_json_reader *reader, struct tree *node)
{
    if (node->kind == WEIR_JSON_STRING)
        return weir_json_string(reader, &node->string);
    if (node->kind == WEIR_JSON_NUMBER)
        return weir_json_raw(reader, &node->string);
    return weir_json_skip(reader);
}

struct level {
    struct tree *container;
    struct tree *last;
};

/* Steps into the next value of the innermost container, if there is one. */
static struct tree *
next_value(struct weir_json_reader *reader, size_t base, struct level *level)
{
    struct tree *node;
    if (level->container->kind == WEIR_JSON_OBJECT) {
        weir_span name;
        if (!weir_json_member(reader, &name))
            return NULL;
        node = new_node(reader, base, level->container, &level->last);
        if (node != NULL)
            node->name = name;
        return node;
    }
    if (!weir_json_element(reader))
        return NULL;
    return new_node(reader, base, level->container, &level->last);
}

/* The limit as text: a reader keeps reasons, it does not format them. */
#define TEXT_OF(number)  #number
#define TEXT_FOR(number) TEXT_OF(number)
#define DEPTH_TEXT       TEXT_FOR(WEIR_JSON_DEPTH_MAX)

static bool
enter(struct weir_json_reader *reader, struct tree *node)
{
    return node->kind == WEIR_JSON_OBJECT ? weir_json_object(reader)
                                          : weir_json_array(reader);
}

weir_status
weir__cedar_tree_read(struct weir_arena *arena, weir_span text, size_t base,
                      struct tree **tree_out, struct weir_error *err)
{
    struct level levels[WEIR_JSON_DEPTH_MAX];
    struct weir_json_reader reader;
    struct tree *node, *root;
    size_t depth = 0;
    weir_status status;
    weir_json_reader_init(&reader, text, arena);
    root = node = new_node(&reader, base, NULL, NULL);
    while (node != NULL) {
        bool is_container =
            node->kind == WEIR_JSON_OBJECT || node->kind == WEIR_JSON_ARRAY;
        if (is_container && depth == WEIR_JSON_DEPTH_MAX) {
            weir_json_reject(&reader, WEIR_ELIMIT,
                             "JSON is nested deeper than " DEPTH_TEXT);
            break;
        }
        if (is_container ? !enter(&reader, node) : !read_scalar(&reader, node))
            break;
        if (is_container)
            levels[depth++] = (struct level){node, NULL};
        node = NULL;
        while (depth > 0 && node == NULL && reader.error.status == WEIR_OK) {
            struct tree *done = levels[depth - 1].container;
            node = next_value(&reader, base, &levels[depth - 1]);
            if (node != NULL || reader.error.status != WEIR_OK)
                break;
            if (done->kind == WEIR_JSON_OBJECT && has_repeated(arena, done)) {
                weir_json_reject(&reader, WEIR_ETYPE,
                                 "an object names a member twice");
                break;
            }
            depth--;
        }
    }
    status = weir_json_reader_end(&reader, err);
    if (status != WEIR_OK) {
        if (err != NULL && err->offset != WEIR_OFFSET_NONE)
            err->offset += (uint32_t)base;
        return status;
    }
    *tree_out = root;
    return WEIR_OK;
}

struct tree *
weir__cedar_tree_get(const struct tree *object, const char *name)
{
    for (struct tree *m = object->first; m != NULL; m = m->next)
        if (weir__cedar_tree_named(m, name))
            return m;
    return NULL;
}

bool
weir__cedar_tree_named(const struct tree *member, const char *name)
{
    return weir_span_equal(member->name, weir_span_of(name));
}
