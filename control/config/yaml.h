/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A YAML text as a tree of nodes with places. Scalars are text: what `NO`,
 * `0.15` or `2026-11-10` mean is decided by who reads the field, so no
 * country becomes false and no price passes through a binary fraction.
 *
 * Refused: anchors, aliases, merge keys, tags, several documents, keys that
 * are not plain text, keys that occur twice, nesting deeper than
 * CONFIG_DEPTH_MAX. Without aliases a text cannot unfold into more than it
 * is.
 *
 * Memory: nodes and text live in the arena that is passed in.
 */
#ifndef WEIR_CONFIG_YAML_H
#define WEIR_CONFIG_YAML_H

#include <weir/world.h>

/* Levels of mappings and sequences: the format has six. */
#define CONFIG_DEPTH_MAX 24
/* Bytes of one file: a million organisations with their owners. */
#define CONFIG_FILE_BYTES_MAX ((size_t)512 << 20)

enum yaml_kind { YAML_TEXT, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    bool is_plain; /* text without quotes */
    uint32_t count;
    struct weir_place place;
    weir_span text; /* of YAML_TEXT */
    weir_span key;  /* as a child of a mapping */
    struct weir_place key_place;
    struct yaml_node *first; /* child */
    struct yaml_node *next;  /* sibling */
};

/* NULL after a fault, or (without one) when the text holds nothing. */
const struct yaml_node *yaml_parse(struct weir_arena *arena, weir_span text,
                                   weir_span file, struct weir_faults *faults);

/* The child of a mapping, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *mapping,
                                 const char *key);

#endif
