/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/cedar_schema.h - what entities, actions and contexts look like.
 *
 * A schema is read from the human-readable syntax or from JSON, resolved
 * (every name points at its declaration, common types are replaced by what
 * they mean, action groups and entity hierarchies are closed transitively)
 * and never changes afterwards. The reader of entities, the validator and
 * the prover all work on the resolved model, which is therefore public.
 *
 * Threads: a resolved schema is immutable; any number of readers.
 * Memory: everything lives in the arena given to weir_cedar_schema_parse(),
 * spans of the source included (the text may be dropped afterwards).
 */
#ifndef WEIR_CEDAR_SCHEMA_H
#define WEIR_CEDAR_SCHEMA_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_cedar_form { WEIR_CEDAR_TEXT, WEIR_CEDAR_JSON };

/* ------------------------------------------------------------- types */

enum weir_cedar_type_kind {
    WEIR_CEDAR_TYPE_TRUE,  /* only the typechecker makes it */
    WEIR_CEDAR_TYPE_FALSE, /* only the typechecker makes it */
    WEIR_CEDAR_TYPE_BOOL,
    WEIR_CEDAR_TYPE_LONG,
    WEIR_CEDAR_TYPE_STRING,
    WEIR_CEDAR_TYPE_DECIMAL,
    WEIR_CEDAR_TYPE_IPADDR,
    WEIR_CEDAR_TYPE_DATETIME,
    WEIR_CEDAR_TYPE_DURATION,
    WEIR_CEDAR_TYPE_ENTITY, /* `entity` */
    WEIR_CEDAR_TYPE_SET,    /* `element` */
    WEIR_CEDAR_TYPE_RECORD  /* `attributes`, closed */
};

struct weir_cedar_entity_type;
struct weir_cedar_attribute;

struct weir_cedar_type {
    enum weir_cedar_type_kind kind;
    uint32_t attribute_count;
    const struct weir_cedar_entity_type *entity;
    const struct weir_cedar_type *element;
    const struct weir_cedar_attribute *attributes; /* sorted by name, bytes */
};

struct weir_cedar_attribute {
    weir_span name;
    bool is_required;
    const struct weir_cedar_type *type;
};

/* An entity type: declared, or the type `...::Action` of declared actions. */
struct weir_cedar_entity_type {
    weir_span name; /* "A::B", without white space */
    uint32_t index; /* in weir_cedar_schema_entity_type() */
    bool is_action;
    const struct weir_cedar_type *shape; /* a record */
    const struct weir_cedar_type *tags;  /* NULL: no tags */
    const weir_span *enum_ids;           /* sorted; NULL: any id */
    uint32_t enum_count;
    /* The types of which an entity of this one may have ancestors,
     * transitively; itself only when declared so. Bit i: type index i. */
    const uint64_t *ancestors;
};

struct weir_cedar_action {
    const struct weir_cedar_entity_type *type;
    weir_span id;
    uint32_t index; /* in weir_cedar_schema_action() */
    bool has_applies_to;
    const struct weir_cedar_entity_type *const *principals; /* no repeats */
    uint32_t principal_count;
    const struct weir_cedar_entity_type *const *resources;
    uint32_t resource_count;
    const struct weir_cedar_type *context;          /* a record, maybe empty */
    const struct weir_cedar_action *const *parents; /* as declared */
    uint32_t parent_count;
    const struct weir_cedar_action *const *ancestors; /* all, no repeats */
    uint32_t ancestor_count;
};

/* ------------------------------------------------------------ schema */

struct weir_cedar_schema;

/*
 * Reads and resolves. Nesting of types is limited to WEIR_CEDAR_DEPTH_MAX.
 * EPARSE: the text is not a schema. ETYPE: a name that is not declared, a
 * cycle, a duplicate, an illegal shadowing. err->offset points into `text`.
 */
WEIR_MUST_USE weir_status weir_cedar_schema_parse(
    struct weir_arena *arena, weir_span text, enum weir_cedar_form form,
    const struct weir_cedar_schema **schema_out, struct weir_error *err);

/* Rewrites a schema in the other form (or the same, normalised) after the
 * checks of weir_cedar_schema_parse(). Annotations are kept, comments not. */
WEIR_MUST_USE weir_status weir_cedar_schema_translate(
    struct weir_arena *scratch, weir_span text, enum weir_cedar_form from,
    enum weir_cedar_form to, struct weir_buf *out, struct weir_error *err);

size_t
weir_cedar_schema_entity_type_count(const struct weir_cedar_schema *schema);
const struct weir_cedar_entity_type *
weir_cedar_schema_entity_type(const struct weir_cedar_schema *schema,
                              size_t index);
/* By full name ("N::Action" included); NULL: not declared. */
const struct weir_cedar_entity_type *
weir_cedar_schema_find_type(const struct weir_cedar_schema *schema,
                            weir_span name);
size_t weir_cedar_schema_action_count(const struct weir_cedar_schema *schema);
const struct weir_cedar_action *
weir_cedar_schema_action(const struct weir_cedar_schema *schema, size_t index);
const struct weir_cedar_action *
weir_cedar_schema_find_action(const struct weir_cedar_schema *schema,
                              weir_span type, weir_span id);

/* The attribute of a record type; NULL: not declared. */
const struct weir_cedar_attribute *
weir_cedar_type_attribute(const struct weir_cedar_type *record, weir_span name);
/* Same structure (for records: same keys, optionality and types). */
bool weir_cedar_type_equal(const struct weir_cedar_type *a,
                           const struct weir_cedar_type *b);
/* "Set<Long>", "{a: Long, b?: N::User}": for messages. */
void weir_cedar_type_write(struct weir_buf *buf,
                           const struct weir_cedar_type *type);
/* Whether an entity of type `a` may have an ancestor of type `b`. */
bool weir_cedar_type_may_descend(const struct weir_cedar_entity_type *a,
                                 const struct weir_cedar_entity_type *b);
/* Whether the type admits this id (enums list theirs). */
bool weir_cedar_type_admits_id(const struct weir_cedar_entity_type *type,
                               weir_span id);

#ifdef __cplusplus
}
#endif
#endif
