/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The syntax tree of a policy, shared inside core/cedar.
 *
 * Sugar that the JSON form shows (`!=`, `>`, `>=`, `is .. in`, `has a.b`)
 * stays in the tree; what the table of the language reference removes and
 * JSON does not show (`x["k"]`) does not. Chains of && and || are one node
 * with all operands in order, so that a long chain is no deep tree.
 *
 * Nodes and spans live in the arena of their policy set. A policy is
 * immutable once it is in a set. `height` bounds every recursive walk: no
 * node is higher than WEIR_CEDAR_DEPTH_MAX (the makers below see to it).
 */
#ifndef WEIR_CORE_CEDAR_AST_H
#define WEIR_CORE_CEDAR_AST_H

#include <weir/cedar.h>

enum cedar_expr_kind {
    CEDAR_EXPR_LITERAL, /* value: BOOL, LONG, STRING or ENTITY */
    CEDAR_EXPR_VAR,     /* var */
    CEDAR_EXPR_SET,     /* items, count */
    CEDAR_EXPR_RECORD,  /* items, keys, count; in order of the text */
    CEDAR_EXPR_CALL,    /* function, items, count; a method's receiver first */
    CEDAR_EXPR_AND,     /* items, count >= 2 */
    CEDAR_EXPR_OR,
    CEDAR_EXPR_IF,  /* left ? right : third */
    CEDAR_EXPR_NOT, /* left */
    CEDAR_EXPR_NEGATE,
    CEDAR_EXPR_IS_EMPTY,
    CEDAR_EXPR_EQUAL, /* left, right */
    CEDAR_EXPR_NOT_EQUAL,
    CEDAR_EXPR_LESS,
    CEDAR_EXPR_LESS_EQUAL,
    CEDAR_EXPR_GREATER,
    CEDAR_EXPR_GREATER_EQUAL,
    CEDAR_EXPR_ADD,
    CEDAR_EXPR_SUBTRACT,
    CEDAR_EXPR_MULTIPLY,
    CEDAR_EXPR_IN,
    CEDAR_EXPR_CONTAINS,
    CEDAR_EXPR_CONTAINS_ALL,
    CEDAR_EXPR_CONTAINS_ANY,
    CEDAR_EXPR_HAS_TAG,
    CEDAR_EXPR_GET_TAG,
    CEDAR_EXPR_GET,  /* left, name */
    CEDAR_EXPR_HAS,  /* left, keys[0..count): the path, count >= 1 */
    CEDAR_EXPR_LIKE, /* left, pattern[0..count) */
    CEDAR_EXPR_IS,   /* left, name = type; right: `in`, or NULL */
};

enum cedar_var { CEDAR_PRINCIPAL, CEDAR_ACTION, CEDAR_RESOURCE, CEDAR_CONTEXT };

/* Programs store the numbers. Constructors first. */
enum cedar_function {
    CEDAR_FN_DECIMAL,
    CEDAR_FN_DATETIME,
    CEDAR_FN_DURATION,
    CEDAR_FN_IP,
    CEDAR_FN_LESS_THAN,
    CEDAR_FN_LESS_THAN_OR_EQUAL,
    CEDAR_FN_GREATER_THAN,
    CEDAR_FN_GREATER_THAN_OR_EQUAL,
    CEDAR_FN_IS_IPV4,
    CEDAR_FN_IS_IPV6,
    CEDAR_FN_IS_LOOPBACK,
    CEDAR_FN_IS_MULTICAST,
    CEDAR_FN_IS_IN_RANGE,
    CEDAR_FN_OFFSET,
    CEDAR_FN_DURATION_SINCE,
    CEDAR_FN_TO_DATE,
    CEDAR_FN_TO_TIME,
    CEDAR_FN_TO_MILLISECONDS,
    CEDAR_FN_TO_SECONDS,
    CEDAR_FN_TO_MINUTES,
    CEDAR_FN_TO_HOURS,
    CEDAR_FN_TO_DAYS,
    CEDAR_FNS
};

struct cedar_function_info {
    const char *name;
    bool is_method;
    uint8_t arity;         /* receiver included */
    uint8_t parameters[2]; /* enum weir_cedar_kind */
    uint8_t result;        /* enum weir_cedar_kind */
};

extern const struct cedar_function_info weir__cedar_functions[CEDAR_FNS];
/* By name; CEDAR_FNS when there is none. */
enum cedar_function weir__cedar_function_find(weir_span name);

/* One piece of a `like` pattern: a run of literal text, or a star. No two
 * stars follow each other, no literal is empty. */
struct cedar_piece {
    bool is_star;
    weir_span literal; /* decoded */
};

struct cedar_expr {
    enum cedar_expr_kind kind;
    uint32_t offset; /* first byte in the text .. */
    uint32_t end;    /* .. to behind the last; both 0: not text */
    uint16_t height; /* 1 for a leaf */
    uint16_t function;
    uint32_t count;
    union {
        enum cedar_var var;
        struct cedar_expr *left;
    };
    union {
        struct cedar_expr *right;
        struct cedar_expr **items;
        struct cedar_piece *pattern;
    };
    union {
        weir_span name;
        weir_span *keys;
        struct cedar_expr *third;
        weir_cedar_value value;
    };
};

/* Makers: NULL and the builder's error when memory or height run out; a
 * NULL operand gives NULL, so calls may be chained and tested once. */
struct cedar_builder {
    struct weir_arena *arena;
    struct weir_error error; /* status WEIR_OK until something failed */
};

struct cedar_expr *weir__cedar_literal(struct cedar_builder *builder,
                                       weir_cedar_value value);
struct cedar_expr *weir__cedar_variable(struct cedar_builder *builder,
                                        enum cedar_var var);
/* NOT, NEGATE, IS_EMPTY */
struct cedar_expr *weir__cedar_unary(struct cedar_builder *builder,
                                     enum cedar_expr_kind kind,
                                     struct cedar_expr *left);
/* EQUAL .. GET_TAG; AND and OR too: a left operand of the same kind is
 * extended, which is what left association means. */
struct cedar_expr *weir__cedar_binary(struct cedar_builder *builder,
                                      enum cedar_expr_kind kind,
                                      struct cedar_expr *left,
                                      struct cedar_expr *right);
struct cedar_expr *weir__cedar_if(struct cedar_builder *builder,
                                  struct cedar_expr *condition,
                                  struct cedar_expr *then,
                                  struct cedar_expr *otherwise);
struct cedar_expr *weir__cedar_get(struct cedar_builder *builder,
                                   struct cedar_expr *left, weir_span name);
/* `path` is kept. */
struct cedar_expr *weir__cedar_has(struct cedar_builder *builder,
                                   struct cedar_expr *left, weir_span *path,
                                   uint32_t count);
/* `pattern` is kept; merges neighbours so that the rule above holds. */
struct cedar_expr *weir__cedar_like(struct cedar_builder *builder,
                                    struct cedar_expr *left,
                                    struct cedar_piece *pattern,
                                    uint32_t count);
struct cedar_expr *weir__cedar_is(struct cedar_builder *builder,
                                  struct cedar_expr *left, weir_span type,
                                  struct cedar_expr *in);
/* SET, RECORD (with keys), CALL (with function); arrays are kept. A record
 * key that occurs twice is EPARSE. */
struct cedar_expr *weir__cedar_list(struct cedar_builder *builder,
                                    enum cedar_expr_kind kind,
                                    enum cedar_function function,
                                    weir_span *keys, struct cedar_expr **items,
                                    uint32_t count);

enum cedar_scope_op {
    CEDAR_SCOPE_ANY,
    CEDAR_SCOPE_EQUAL,  /* entities[0], or the slot */
    CEDAR_SCOPE_IN,     /* entities[0], or the slot */
    CEDAR_SCOPE_IN_SET, /* action only: entities[0..count), may be empty */
    CEDAR_SCOPE_IS,     /* type */
    CEDAR_SCOPE_IS_IN   /* type, and entities[0] or the slot */
};

struct cedar_scope {
    enum cedar_scope_op op;
    bool is_slot;
    uint32_t count;
    uint32_t offset;
    uint32_t end;
    weir_span type;
    struct weir_cedar_uid *entities;
    uint32_t *offsets; /* of each entity in the text, or NULL */
};

struct cedar_condition {
    bool is_unless;
    uint32_t offset; /* of the keyword */
    struct cedar_expr *body;
};

struct weir_cedar_policy {
    weir_span id;
    enum weir_cedar_effect effect;
    struct cedar_scope principal;
    struct cedar_scope action;
    struct cedar_scope resource;
    const struct cedar_condition *conditions;
    uint32_t condition_count;
    uint32_t annotation_count;
    const struct weir_cedar_annotation *annotations;
    const struct weir_cedar_policy *template_of; /* of a link */
    weir_span text; /* the whole source, borrowed */
    weir_span file;
    uint32_t offset;
    uint32_t end;
    uint32_t line; /* of the offset, one-based; 0: not from text */
    uint32_t column;
};

#define CEDAR_IS_TEMPLATE(p) ((p)->principal.is_slot || (p)->resource.is_slot)

/* The arena that policies for this set are built in. */
struct weir_arena *weir__cedar_policies_arena(struct weir_cedar_policies *set);
/* Adds a built policy (in the set's arena). An empty `id` with NULL pointer
 * means policyN. ECONFLICT: the id is taken; ENOMEM. */
WEIR_MUST_USE weir_status weir__cedar_policies_add(
    struct weir_cedar_policies *set, struct weir_cedar_policy *policy,
    struct weir_error *err);

/* Takes the newest policies away again until `count` are left. */
void weir__cedar_policies_shrink(struct weir_cedar_policies *set, size_t count);

/* Parses one expression (whole text), for tests, assertions and tools. */
WEIR_MUST_USE weir_status weir__cedar_parse_expr(struct weir_arena *arena,
                                                 weir_span text,
                                                 struct cedar_expr **expr_out,
                                                 struct weir_error *err);
/* Walks `text` into policies in `arena`, for which no id is set yet. */
struct cedar_policy_list {
    struct weir_cedar_policy **items;
    size_t count;
};
WEIR_MUST_USE weir_status weir__cedar_parse(struct weir_arena *arena,
                                            weir_span text, weir_span file,
                                            struct cedar_policy_list *list_out,
                                            struct weir_error *err);

/* ---------------------------------------------------- entity internals */

/* For readers that check a store against a schema: entities in the order
 * in which they were added; `parents` is NULL, see weir__cedar_store_parent()
 * of store.h. */
struct weir_cedar_entity
weir__cedar_store_entity(const struct weir_cedar_store *store, size_t index);

#endif
