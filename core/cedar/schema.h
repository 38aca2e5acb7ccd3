/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A schema as it was written (both readers make it, both writers take it)
 * and the resolver's door. Lists keep the order of the source. Everything
 * lives in one arena; names and strings are unescaped copies.
 */
#ifndef WEIR_CEDAR_SCHEMA_INTERNAL_H
#define WEIR_CEDAR_SCHEMA_INTERNAL_H

#include <weir/cedar_schema.h>

struct raw_note { /* an annotation */
    weir_span key;
    weir_span value;
    bool has_value;
    struct raw_note *next;
};

#define RAW_LIST(type)                                                         \
    struct {                                                                   \
        struct type *first;                                                    \
        struct type *last;                                                     \
    }
#define RAW_APPEND(list, item)                                                 \
    do {                                                                       \
        if ((list)->first == NULL)                                             \
            (list)->first = (item);                                            \
        else                                                                   \
            (list)->last->next = (item);                                       \
        (list)->last = (item);                                                 \
    } while (0)

struct raw_name { /* a path or a string, wherever a list of them stands */
    weir_span text;
    uint32_t offset;
    struct raw_name *next;
};

struct raw_names {
    struct raw_name *first;
    struct raw_name *last;
};

enum raw_type_kind {
    RAW_NAME,      /* text, or JSON EntityOrCommon: common, entity, built-in */
    RAW_COMMON,    /* JSON {"type": N}: common type or built-in */
    RAW_ENTITY,    /* JSON {"type": "Entity"} */
    RAW_EXTENSION, /* JSON {"type": "Extension"} */
    RAW_LONG,      /* JSON only, as the next two */
    RAW_STRING,
    RAW_BOOL,
    RAW_SET,
    RAW_RECORD
};

struct raw_attribute;

struct raw_type {
    enum raw_type_kind kind;
    uint32_t offset;
    weir_span name;
    struct raw_type *element;
    RAW_LIST(raw_attribute) attributes;
};

struct raw_attribute {
    weir_span name;
    bool is_required;
    struct raw_type *type;
    struct raw_note *notes;
    struct raw_attribute *next;
};

struct raw_entity {
    weir_span name;
    uint32_t offset;
    struct raw_names parents;
    struct raw_type *shape; /* NULL: no attributes */
    struct raw_type *tags;  /* NULL: none */
    struct raw_names enum_ids;
    struct raw_note *notes;
    struct raw_entity *next;
};

struct raw_ref {    /* a member of an action group list */
    weir_span type; /* empty: this namespace's Action */
    weir_span id;
    uint32_t offset;
    struct raw_ref *next;
};

struct raw_action {
    weir_span id;
    uint32_t offset;
    RAW_LIST(raw_ref) parents;
    bool has_applies_to;
    struct raw_names principals;
    struct raw_names resources;
    struct raw_type *context; /* NULL: {} */
    struct raw_note *notes;
    struct raw_action *next;
};

struct raw_common {
    weir_span name;
    uint32_t offset;
    struct raw_type *type;
    struct raw_note *notes;
    struct raw_common *next;
};

struct raw_namespace {
    weir_span name; /* empty for the empty one */
    uint32_t offset;
    RAW_LIST(raw_entity) entities;
    RAW_LIST(raw_action) actions;
    RAW_LIST(raw_common) commons;
    struct raw_note *notes;
    struct raw_namespace *next;
};

struct raw_schema {
    RAW_LIST(raw_namespace) spaces;
};

/* The list of attributes without those that a later one of the same name
 * replaces; false when the arena is full. */
bool weir__cedar_drop_replaced(struct weir_arena *arena, struct raw_type *type);

struct weir_cedar_schema {
    const struct weir_cedar_entity_type **types;
    uint32_t type_count;
    const struct weir_cedar_action **actions;
    uint32_t action_count;
    struct weir__cedar_symbols *symbols;
};

weir_status weir__cedar_schema_read_text(struct weir_arena *arena,
                                         weir_span text,
                                         struct raw_schema *schema_out,
                                         struct weir_error *err);
weir_status weir__cedar_schema_read_json(struct weir_arena *arena,
                                         weir_span text,
                                         struct raw_schema *schema_out,
                                         struct weir_error *err);
weir_status weir__cedar_schema_resolve(
    struct weir_arena *arena, const struct raw_schema *raw,
    const struct weir_cedar_schema **schema_out, struct weir_error *err);
/* ETYPE: what JSON can say and text can not (a shape that is a common type,
 * an entity type behind a common type of its name). */
weir_status weir__cedar_schema_write_text(const struct raw_schema *raw,
                                          const struct weir_cedar_schema *of,
                                          struct weir_buf *out,
                                          struct weir_error *err);
void weir__cedar_schema_write_json(const struct raw_schema *raw,
                                   struct weir_buf *out);

/* What a name must be, whoever reads it. */
bool weir__cedar_is_identifier(weir_span s);  /* [_A-Za-z][_A-Za-z0-9]* */
bool weir__cedar_is_common_name(weir_span s); /* not Long, Set, Entity, ... */
/* As weir_cedar_name_valid(), but __cedar may be a part. */
bool weir__cedar_is_reference(weir_span s);
/* True for "Action" and "...::Action". */
bool weir__cedar_is_action_type(weir_span name);

/* --------------------------------------------------------- symbol table */

enum symbol_kind {
    SYMBOL_COMMON,
    SYMBOL_ENTITY,
    SYMBOL_ACTION,
    SYMBOL_NAMESPACE,
    SYMBOL_ATTRIBUTE,
};

struct weir__cedar_symbols;
struct weir__cedar_symbols *weir__cedar_symbols_new(struct weir_arena *arena,
                                                    size_t count_max);
/* False when (kind, name, id) is there already. */
bool weir__cedar_symbols_add(struct weir__cedar_symbols *symbols,
                             enum symbol_kind kind, weir_span name,
                             weir_span id, void *value);
void *weir__cedar_symbols_get(const struct weir__cedar_symbols *symbols,
                              enum symbol_kind kind, weir_span name,
                              weir_span id);

#endif
