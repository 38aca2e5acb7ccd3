/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The typechecker of strict validation: one expression in one request
 * environment. The rules are those of the language reference; a condition
 * that can not matter (behind a False, after a True) is not looked at.
 */
#ifndef WEIR_CORE_CEDAR_TYPECHECK_H
#define WEIR_CORE_CEDAR_TYPECHECK_H

#include "ast.h"

#include <weir/cedar_schema.h>

struct environment {
    const struct weir_cedar_action *action;
    const struct weir_cedar_entity_type *principal;
    const struct weir_cedar_entity_type *resource;
};

/* A fact: this very expression has this attribute, or this tag. */
struct capability {
    const struct cedar_expr *of;
    const struct cedar_expr *tag; /* NULL: `attribute` */
    weir_span attribute;
    uint64_t hash;
    const struct capability *next; /* the rest of the set */
};

struct typed {
    const struct weir_cedar_type *type;
    const struct capability *facts; /* that hold when it is true */
};

struct checker {
    const struct weir_cedar_schema *schema;
    struct weir_arena *arena; /* scratch; types and facts of one policy */
    struct environment environment;
    uint32_t offset; /* of what was refused */
    char text[256];  /* why */
    bool is_out_of_memory;
};

/* False: refused, the checker says where and why; or out of memory. */
bool weir__cedar_typecheck(struct checker *checker,
                           const struct capability *known,
                           const struct cedar_expr *expr,
                           struct typed *typed_out);
/* Refuses with a message, which may be given a type. */
bool weir__cedar_refuse_type(struct checker *checker,
                             const struct cedar_expr *at, const char *format,
                             ...) WEIR_PRINTF(3, 4);
/* The least type above both; NULL when there is none (or no memory, which
 * the checker then knows). */
const struct weir_cedar_type *
weir__cedar_type_join(struct checker *checker, const struct weir_cedar_type *a,
                      const struct weir_cedar_type *b);
/* The typed result of an action literal `in` action literals etc. */
const struct weir_cedar_type *
weir__cedar_type_entity(struct checker *checker,
                        const struct weir_cedar_entity_type *entity);

/* Sets of facts are persistent lists. */
const struct capability *weir__cedar_fact(struct checker *checker,
                                          const struct cedar_expr *of,
                                          weir_span attribute,
                                          const struct cedar_expr *tag);
bool weir__cedar_fact_known(const struct capability *known,
                            const struct capability *fact);
const struct capability *weir__cedar_facts_add(struct checker *checker,
                                               const struct capability *set,
                                               const struct capability *more);
const struct capability *weir__cedar_facts_both(struct checker *checker,
                                                const struct capability *a,
                                                const struct capability *b);

/* Same expression, wherever it stands. */
bool weir__cedar_expr_equal(const struct cedar_expr *a,
                            const struct cedar_expr *b);

extern const struct weir_cedar_type weir__cedar_type_true;
extern const struct weir_cedar_type weir__cedar_type_false;
extern const struct weir_cedar_type weir__cedar_type_bool;

#endif
