/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A JSON text as a tree in an arena: for the readers of schemas, policies
 * and entities, whose forms can only be told apart by looking at the keys
 * first. Not for the request path. Made with the strict pull reader; two
 * members of one name in an object are refused.
 */
#ifndef WEIR_CORE_CEDAR_TREE_H
#define WEIR_CORE_CEDAR_TREE_H

#include <weir/json.h>

struct tree {
    enum weir_json_kind kind;
    uint32_t offset;  /* in the whole text */
    uint32_t count;   /* of elements or members */
    weir_span name;   /* of a member, unescaped */
    weir_span string; /* STRING, unescaped; NUMBER, as written */
    struct tree *first;
    struct tree *next;
};

/* EPARSE; ETYPE for a member twice; ELIMIT beyond WEIR_JSON_DEPTH_MAX;
 * ETOOBIG when the arena is full. Offsets count from text.ptr - base. */
WEIR_MUST_USE weir_status weir__cedar_tree_read(struct weir_arena *arena,
                                                weir_span text, size_t base,
                                                struct tree **tree_out,
                                                struct weir_error *err);
/* The member of an object; NULL when there is none. */
struct tree *weir__cedar_tree_get(const struct tree *object, const char *name);
bool weir__cedar_tree_named(const struct tree *member, const char *name);

#endif
