/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State of one compilation, shared by its files:
 *   compile.c           driver: collects names, orders handles, assembles
 *   compile_plan.c      what a policy demands, and its key in the index
 *   compile_entities.c  entities and values
 *   compile_code.c      conditions
 *
 * A node is a number for an entity: below `store->count` those of the store,
 * from there on those that only policies name. A handle is its number in the
 * program: keys of the index first.
 */
#ifndef WEIR_CORE_CEDAR_COMPILE_H
#define WEIR_CORE_CEDAR_COMPILE_H

#include "eval.h"
#include "intern.h"
#include "program.h"

enum atom_op { ATOM_IN, ATOM_EQUAL, ATOM_IS, ATOM_IN_ANY };

/* A demand on one of the three entities that can not fail. */
struct atom {
    enum atom_op op;
    uint8_t var;
    uint32_t type; /* IS: number in compiler->types, sorted later */
    uint32_t count;
    uint32_t *nodes;
    uint32_t offset; /* in the source */
    uint32_t end;
};

/* A conjunct of the conditions that is evaluated. */
struct conjunct {
    const struct cedar_expr *expr;
    bool is_negated;
};

struct plan {
    const struct weir_cedar_policy *policy;
    struct atom *atoms;
    struct conjunct *conjuncts;
    uint32_t *action_nodes;
    uint32_t atom_count;
    uint32_t atom_capacity;
    uint32_t conjunct_count;
    uint32_t conjunct_capacity;
    uint32_t action_count;
    enum cedar_scope_op action_op; /* ANY, EQUAL, IN_SET */
    /* the key: an atom, or the action, or neither */
    uint32_t key_atom; /* NONE: not an atom */
    bool is_key_action;
};

struct compiler {
    const struct weir_cedar_policies *policies;
    const struct weir_cedar_store *store;
    const struct weir_cedar_rule *rules;
    struct weir_cedar_store *extra; /* named by policies only */
    struct weir_arena arena;
    struct cedar_intern types;
    struct cedar_intern names;
    struct cedar_intern texts;   /* strings of the program .. */
    struct cedar_intern shapes;  /* by the bytes of their keys */
    struct cedar_intern lists;   /* ancestors, by their bytes */
    struct cedar_intern classes; /* by op and handles */
    uint32_t *text_offsets;      /* .. and where they are */
    uint32_t text_capacity;
    uint32_t *list_offsets;
    uint32_t list_capacity;
    uint32_t *type_order; /* number -> in program */
    uint32_t *name_order;
    uint32_t *handles; /* node -> handle */
    uint32_t *nodes;   /* handle -> node */
    uint32_t node_count;
    uint32_t key_count;
    struct plan *plans;
    uint32_t policy_count;
    struct weir_buf sections[CEDAR_SECTIONS];
    /* code of the policy at hand */
    const struct weir_cedar_policy *policy;
    uint32_t depth;
    uint32_t stack_max;
    uint64_t temp;
    uint64_t temp_max;
    bool is_store_value; /* values at hand are the store's own */
    bool is_full;        /* memory or space ran out; sticky */
};

#define SECTION_COUNT(c, section, type)                                        \
    ((uint32_t)((c)->sections[section].len / sizeof(type)))

/* ---- compile.c */
/* The node of a uid, named when it is new. */
uint32_t weir__cedar_compile_node(struct compiler *c,
                                  const struct weir_cedar_uid *uid);
const struct weir_cedar_uid *weir__cedar_compile_uid(const struct compiler *c,
                                                     uint32_t node);
/* Text of the program, each once. */
struct program_text weir__cedar_compile_text(struct compiler *c,
                                             weir_span text);
struct program_text weir__cedar_compile_bytes(struct compiler *c,
                                              weir_span bytes);
/* Number of a type or name that was collected, as the program orders it. */
uint32_t weir__cedar_compile_type(const struct compiler *c, weir_span type);
uint32_t weir__cedar_compile_name(const struct compiler *c, weir_span name);
void weir__cedar_compile_add(struct compiler *c, enum cedar_section section,
                             const void *items, size_t size);

/* ---- compile_plan.c */
void weir__cedar_plan(struct compiler *c, struct plan *plan);
void weir__cedar_choose_keys(struct compiler *c);
void weir__cedar_emit_index(struct compiler *c);
/* The literals of a plan's key; `var` where they are looked for. */
uint32_t weir__cedar_plan_key(const struct plan *plan, uint8_t *var_out,
                              const uint32_t **nodes_out);

/* ---- compile_entities.c */
void weir__cedar_emit_entities(struct compiler *c);
/* Cell of a value. */
uint32_t weir__cedar_emit_cell(struct compiler *c,
                               const weir_cedar_value *value);

/* ---- compile_code.c */
void weir__cedar_emit_policy(struct compiler *c, uint32_t index);

#endif
