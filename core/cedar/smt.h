/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the encoder: terms are text, and equal terms have one name.
 * Errors are sticky in `error`; a failed maker returns an empty term.
 */
#ifndef WEIR_CORE_CEDAR_SMT_H
#define WEIR_CORE_CEDAR_SMT_H

#include "typecheck.h"

#include <weir/cedar_smt.h>

/* The highest code point of the SMT-LIB theory of strings. */
#define SMT_CODE_POINT_MAX 0x2FFFF

/* The option of the language reference, unpacked: `value` counts where `ok`
 * holds. What can not be typed is never reached (strict validation), and
 * is a term without type whose `ok` is false. */
struct smt_term {
    weir_span ok;
    weir_span value;
    const struct weir_cedar_type *type;
    const weir_span *elements; /* of a set literal, else NULL */
    uint32_t element_count;
};

struct smt_sort {
    const struct weir_cedar_type *type;
    weir_span name;   /* sort */
    weir_span symbol; /* of constructors: R.0, O.1 */
    bool is_option;
};

struct smt_foot {
    weir_span value;
    const struct weir_cedar_entity_type *type;
    bool is_literal; /* two literals are never the same entity */
};

/* A membership that is spoken of: feet. */
struct smt_atom {
    uint32_t low;
    uint32_t high;
};

struct smt_attribute { /* a function that was declared */
    const struct weir_cedar_entity_type *type;
    const struct weir_cedar_attribute *attribute;
    weir_span function;
};

struct smt_tag { /* a key of which entities of a type were asked */
    const struct weir_cedar_entity_type *type;
    weir_span key;
};

struct smt_pattern {
    const struct cedar_piece *pieces;
    uint32_t count;
    weir_span name; /* of the Boolean that says "matches" */
};

struct smt_subject { /* a string and the patterns it is held against */
    weir_span value;
    struct smt_pattern *patterns;
    uint32_t count;
    uint32_t capacity;
};

#define SMT_LIST(type)                                                         \
    struct {                                                                   \
        type *items;                                                           \
        uint32_t count;                                                        \
        uint32_t capacity;                                                     \
    }

struct smt_slot {
    weir_span key;
    weir_span name;
};

struct smt {
    const struct weir_cedar_schema *schema;
    struct weir_cedar_smt_environment environment;
    enum weir_cedar_smt_dialect dialect;
    struct weir_arena *arena;
    struct weir_buf *out;
    struct weir_error error;
    struct smt_slot *slots; /* of names by key */
    uint32_t slot_count;
    uint32_t slots_used;
    uint32_t next;        /* number of the next name */
    uint32_t type_count;  /* of the schema */
    uint8_t *memberships; /* [e * type_count + a]: in.E.A is used */
    uint8_t *arrays;      /* likewise: anc.E.A is used */
    SMT_LIST(struct smt_sort) sorts;
    SMT_LIST(struct smt_foot) feet;
    SMT_LIST(struct smt_atom) atoms;
    SMT_LIST(struct smt_attribute) attributes;
    SMT_LIST(struct smt_tag) tags;
    SMT_LIST(struct smt_subject) subjects;
};

/* What one reading of a model is. */
enum smt_reading_kind {
    SMT_READ_PRINCIPAL,
    SMT_READ_RESOURCE,
    SMT_READ_CONTEXT,
    SMT_READ_ENTITY,
    SMT_READ_ATTRIBUTE,
    SMT_READ_TAG, /* two readings: key, then the option */
    SMT_READ_MEMBER,
    SMT_READ_ANCESTORS
};

struct smt_reading {
    enum smt_reading_kind kind;
    uint32_t foot;  /* ENTITY .. ANCESTORS */
    uint32_t other; /* MEMBER: another foot */
    const struct weir_cedar_attribute *attribute;
    const struct weir_cedar_entity_type *type; /* ANCESTORS: of these */
};

struct weir_cedar_smt_plan {
    const struct weir_cedar_schema *schema;
    struct weir_cedar_smt_environment environment;
    const struct smt_foot *feet;
    uint32_t foot_count;
    SMT_LIST(struct smt_reading) readings;
};

/* smt_term.c */
bool weir__smt_failed(struct smt *s);
void weir__smt_refuse(struct smt *s, weir_status status, const char *format,
                      ...) WEIR_PRINTF(3, 4);
bool weir__smt_grow(struct smt *s, void *list, size_t size);
#define SMT_PUSH(s, list)                                                      \
    (weir__smt_grow((s), &(list), sizeof(*(list).items))                       \
         ? &(list).items[(list).count++]                                       \
         : NULL)
weir_span weir__smt_format(struct smt *s, const char *format, ...)
    WEIR_PRINTF(2, 3);
/* The name already known for a key, or an empty span. */
weir_span weir__smt_known(const struct smt *s, weir_span key);
void weir__smt_learn(struct smt *s, weir_span key, weir_span name);
/* A term under a name of its own, where it is not one already. */
weir_span weir__smt_name(struct smt *s, weir_span sort, weir_span text);
bool weir__smt_is(weir_span text, const char *constant);
weir_span weir__smt_and(struct smt *s, weir_span a, weir_span b);
weir_span weir__smt_or(struct smt *s, weir_span a, weir_span b);
weir_span weir__smt_not(struct smt *s, weir_span a);
weir_span weir__smt_equal(struct smt *s, weir_span a, weir_span b);
weir_span weir__smt_string(struct smt *s, weir_span text);
void weir__smt_assert(struct smt *s, weir_span text);

/* smt_sort.c */
weir_span weir__smt_sort(struct smt *s, const struct weir_cedar_type *type);
weir_span weir__smt_entity_sort(struct smt *s,
                                const struct weir_cedar_entity_type *type);
/* R.n of a record, O.n of an option of the type. */
weir_span weir__smt_record(struct smt *s, const struct weir_cedar_type *type);
weir_span weir__smt_option(struct smt *s, const struct weir_cedar_type *type);
weir_span weir__smt_symbol(struct smt *s, weir_span name);
weir_span weir__smt_uid(struct smt *s, const struct weir_cedar_uid *uid,
                        const struct weir_cedar_entity_type *type);
weir_span weir__smt_value(struct smt *s, const weir_cedar_value *value);
void weir__smt_need_ip(struct smt *s);

/* smt_set.c: both dialects */
weir_span weir__smt_set_sort(struct smt *s, weir_span element);
weir_span weir__smt_set_empty(struct smt *s, weir_span element);
weir_span weir__smt_set_insert(struct smt *s, weir_span set, weir_span item);
weir_span weir__smt_set_has(struct smt *s, weir_span set, weir_span item);
weir_span weir__smt_set_subset(struct smt *s, weir_span a, weir_span b);
weir_span weir__smt_set_meets(struct smt *s, weir_span a, weir_span b,
                              weir_span element);
/* A set that a model may choose: it is finite. */
void weir__smt_set_finite(struct smt *s, weir_span set);

/* smt_entity.c */
void weir__smt_foot(struct smt *s, weir_span value,
                    const struct weir_cedar_entity_type *type, bool is_literal);
weir_span weir__smt_attribute(struct smt *s, weir_span entity,
                              const struct weir_cedar_entity_type *type,
                              const struct weir_cedar_attribute *attribute);
weir_span weir__smt_tag(struct smt *s, weir_span entity,
                        const struct weir_cedar_entity_type *type,
                        weir_span key);
weir_span weir__smt_in(struct smt *s, weir_span a,
                       const struct weir_cedar_entity_type *a_type, weir_span b,
                       const struct weir_cedar_entity_type *b_type);
weir_span weir__smt_in_set(struct smt *s, const struct smt_term *a,
                           const struct smt_term *set);
/* The name of in.E.A and anc.E.A, declared when new. */
weir_span weir__smt_member_function(struct smt *s,
                                    const struct weir_cedar_entity_type *e,
                                    const struct weir_cedar_entity_type *a);
weir_span weir__smt_array_function(struct smt *s,
                                   const struct weir_cedar_entity_type *e,
                                   const struct weir_cedar_entity_type *a);
void weir__smt_hierarchy(struct smt *s);

/* smt_like.c */
weir_span weir__smt_like(struct smt *s, weir_span subject,
                         const struct cedar_piece *pieces, uint32_t count);
void weir__smt_like_finish(struct smt *s);

/* smt_expr.c, smt_call.c */
struct smt_term weir__smt_expr(struct smt *s, const struct cedar_expr *expr);
struct smt_term weir__smt_call(struct smt *s, const struct cedar_expr *expr);
struct smt_term weir__smt_arithmetic(struct smt *s, enum cedar_expr_kind kind,
                                     struct smt_term a, struct smt_term b,
                                     const struct cedar_expr *left,
                                     const struct cedar_expr *right);
extern const struct weir_cedar_type weir__smt_type_long;

#endif
