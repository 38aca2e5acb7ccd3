/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the entity store, for the evaluator and the compiler. Nodes are
 * entities and everything that is only named as parent or in a value; each
 * has a number. Uids in values of the store point at struct cedar_named, so
 * that the number is at hand without a look-up.
 */
#ifndef WEIR_CORE_CEDAR_STORE_H
#define WEIR_CORE_CEDAR_STORE_H

#include "ast.h"
#include "intern.h"

struct cedar_named {
    struct weir_cedar_uid uid; /* first: a uid of the store is one of these */
    uint32_t index;
    uint32_t type; /* number in store->types */
};

struct cedar_node {
    const struct cedar_named *named;
    struct weir_cedar_field *attributes; /* sorted by key */
    struct weir_cedar_field *tags;
    uint32_t *parents;   /* sorted node numbers */
    uint32_t *ancestors; /* likewise; set by _seal */
    uint32_t attribute_count;
    uint32_t tag_count;
    uint32_t parent_count;
    uint32_t ancestor_count;
    bool is_added;
    uint8_t mark; /* of the walk in _seal */
};

struct weir_cedar_store {
    struct weir_arena arena;
    struct cedar_intern types;
    struct cedar_intern names; /* attribute and tag keys */
    struct cedar_node *nodes;
    uint32_t *slots; /* node + 1; 0: free */
    uint32_t *added; /* nodes in the order of _add */
    size_t slot_count;
    uint32_t count;
    uint32_t capacity;
    uint32_t added_count;
    uint32_t added_capacity;
    bool is_sealed;
};

/* NULL when the store neither holds nor names it. */
const struct cedar_node *
weir__cedar_store_node(const struct weir_cedar_store *store,
                       const struct weir_cedar_uid *uid);
/* The number of `uid`, named when it is new; CEDAR_INTERN_NONE: memory. */
uint32_t weir__cedar_store_name(struct weir_cedar_store *store,
                                const struct weir_cedar_uid *uid);
/* A parent of the entity at `index` in the order of _add. */
const struct weir_cedar_uid *
weir__cedar_store_parent(const struct weir_cedar_store *store, size_t index,
                         size_t parent);
/* True when `ancestor` (a node number) is in the node's list. */
bool weir__cedar_node_has_ancestor(const struct cedar_node *node,
                                   uint32_t ancestor);

#endif
