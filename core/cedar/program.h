/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a compiled program. Everything is an index or an offset into
 * a section, never an address, so the block works wherever it is mapped.
 * Numbers are those of the machine; an image is built where it is used, and
 * the magic number, read on a machine of the other byte order, does not fit.
 *
 *    header | strings | types | names | entities | shapes | keys | words
 *           | cells | ancestors | slots | policies | code | notes | pieces
 *           | handles | buckets | lists | classes | rows | meta | annotations
 *
 * An entity's attributes are one `shape` (which names, of which kinds, in
 * order of name) and as many words; entities of the same form share it. A
 * word holds a number, a handle or a string's place; what does not fit (ip,
 * set, record) is a cell, and the word is its index.
 */
#ifndef WEIR_CORE_CEDAR_PROGRAM_H
#define WEIR_CORE_CEDAR_PROGRAM_H

#include <weir/cedar_program.h>

#include "ast.h"

#define CEDAR_PROGRAM_MAGIC   UINT64_C(0x3130444543524957) /* "WIRCED01" */
#define CEDAR_PROGRAM_VERSION 1
#define CEDAR_NONE            WEIR_CEDAR_NONE

enum cedar_section {
    CEDAR_STRINGS,     /* bytes; addresses of ip values too */
    CEDAR_TYPES,       /* struct program_text, ascending */
    CEDAR_NAMES,       /* struct program_text, ascending */
    CEDAR_ENTITIES,    /* struct program_entity, by handle */
    CEDAR_SHAPES,      /* struct program_shape */
    CEDAR_KEYS,        /* struct program_key, of shapes */
    CEDAR_WORDS,       /* uint64_t, values of entities and records */
    CEDAR_CELLS,       /* struct program_cell */
    CEDAR_ANCESTORS,   /* uint32_t handles, ascending in each list */
    CEDAR_SLOTS,       /* uint32_t handle + 1: hash table of uids */
    CEDAR_POLICIES,    /* struct program_policy */
    CEDAR_CODE,        /* struct program_op */
    CEDAR_NOTES,       /* struct program_note */
    CEDAR_PIECES,      /* struct program_text of patterns; star: NONE */
    CEDAR_HANDLES,     /* uint32_t: operands of IN_ANY, names of records */
    CEDAR_BUCKETS,     /* struct program_bucket */
    CEDAR_LISTS,       /* struct program_candidate, of buckets */
    CEDAR_CLASSES,     /* struct program_class: distinct action scopes */
    CEDAR_ROWS,        /* bits: class by known action */
    CEDAR_META,        /* struct program_meta, by policy */
    CEDAR_ANNOTATIONS, /* struct program_annotation */
    CEDAR_SECTIONS
};

struct program_extent {
    uint32_t offset; /* bytes from the header, a multiple of 8 */
    uint32_t count;  /* items */
};

struct program_header {
    uint64_t magic;
    uint32_t version;
    uint32_t stack_max;  /* values on the evaluator's stack */
    uint64_t size;       /* of the whole program */
    uint32_t temp_size;  /* bytes for sets and records made while deciding */
    uint32_t key_count;  /* handles below this have buckets */
    uint32_t row_stride; /* bytes in a row of CEDAR_ROWS */
    uint32_t policy_count;
    struct program_extent sections[CEDAR_SECTIONS];
};

struct program_text {
    uint32_t offset; /* in CEDAR_STRINGS */
    uint32_t len;
};

struct program_entity {
    struct program_text id;
    uint16_t type;
    uint16_t is_added;
    uint32_t shape;
    uint32_t words;
    uint32_t ancestors;
    uint32_t ancestor_count;
    uint32_t tags; /* cell of a record, or NONE */
    uint32_t row;  /* of an action, or NONE */
    uint32_t unused;
};

struct program_shape {
    uint32_t first; /* key */
    uint32_t count;
};

struct program_key {
    uint32_t name;
    uint32_t kind;
};

/* Same layout as weir_cedar_arg. SET: data is the first element's cell;
 * RECORD: data is shape << 32 | first word. Both have `detail` = their depth;
 * what they hold is less deep, and so nothing is endless. */
struct program_cell {
    uint8_t kind;
    uint8_t prefix;
    uint16_t detail; /* IP: is_v6 */
    uint32_t count;
    uint64_t data;
};

#define CEDAR_DEPTH_LIMIT 1024

struct program_policy {
    uint32_t start; /* all checks but that of the action */
    uint32_t entry; /* when found through its bucket */
    uint32_t class; /* of the action */
    uint32_t flags; /* of the rule */
    uint32_t group; /* CEDAR_HANDLES: other literals of its key, or NONE */
    uint8_t effect; /* enum weir_cedar_effect */
    uint8_t has_window;
    uint8_t group_count_log; /* unused, 0 */
    uint8_t key_var;         /* of the group */
};

struct program_op {
    uint8_t op;     /* enum cedar_op */
    uint8_t x;      /* variable, function, negation */
    uint16_t depth; /* values on the stack before it */
    uint32_t a;
    uint32_t b;
    uint32_t note; /* CEDAR_NOTES, or NONE */
};

struct program_note {
    uint32_t offset; /* of the expression in its source */
    struct program_text text;
};

/* Policies found by one key; first its forbids, then its permits. */
struct program_bucket {
    uint32_t first;
    uint32_t forbids;
    uint32_t count;
};

/* A policy in a bucket, with what tells most of them off without a look at
 * the policy: another literal that it demands (variable << 30 | handle, or
 * NONE), and the class of its action. */
struct program_candidate {
    uint32_t policy;
    uint32_t guard;
    uint32_t class;
};

#define CEDAR_GUARD_SHIFT 30
#define CEDAR_HANDLES_MAX (UINT32_C(1) << CEDAR_GUARD_SHIFT)

/* Buckets: three by handle (principal, action, resource), two by type
 * (principal, resource), one for policies without a key. */
#define CEDAR_BUCKET_COUNT(keys, types)                                        \
    ((uint64_t)(keys)*3 + (uint64_t)(types)*2 + 1)

struct program_class {
    uint8_t op; /* enum cedar_scope_op: ANY, EQUAL, IN_SET */
    uint8_t unused[3];
    uint32_t first; /* CEDAR_HANDLES */
    uint32_t count;
};

struct program_meta {
    weir_time from;
    weir_time until;
    struct program_text id;
    struct program_text file;
    uint32_t line;
    uint32_t first_annotation;
    uint32_t annotation_count;
    uint32_t is_template;
};

struct program_annotation {
    struct program_text key;
    struct program_text value;
};

_Static_assert(sizeof(struct program_header) == 208, "format");
_Static_assert(sizeof(struct program_entity) == 40, "format");
_Static_assert(sizeof(struct program_cell) == 16, "format");
_Static_assert(sizeof(weir_cedar_arg) == 16, "cells are read as arguments");
_Static_assert(sizeof(struct program_policy) == 24, "format");
_Static_assert(sizeof(struct program_candidate) == 12, "format");
_Static_assert(sizeof(struct program_op) == 16, "format");
_Static_assert(sizeof(struct program_meta) == 48, "format");

/*
 * The evaluator's operations. Depth is static: an operation with depth d
 * finds its operands in stack[d-1] and below and leaves its result there, so
 * there is no stack pointer to go wrong, and a check of each operation alone
 * proves the whole. Jumps go forward only: every run ends.
 */
enum cedar_op {
    OP_DONE,    /* the policy is satisfied */
    OP_FAIL,    /* a: fault */
    OP_CONST,   /* a: cell */
    OP_VAR,     /* x: variable */
    OP_ATTR_OF, /* x: variable, a: name: VAR and GET in one */
    OP_GET,     /* a: name */
    OP_HAS,     /* a: name */
    OP_HAS_GET, /* a: name, b: target, taken with false */
    OP_GET_TAG,
    OP_HAS_TAG,
    OP_NOT,
    OP_NEGATE,
    OP_IS_EMPTY,
    OP_IS,         /* a: type, or NONE: one that no entity has */
    OP_IS_THEN,    /* a: type, b: target, taken with false; else kept */
    OP_LIKE,       /* a: first piece, b: count */
    OP_IN_LITERAL, /* a: handle */
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_IN,
    OP_CONTAINS,
    OP_CONTAINS_ALL,
    OP_CONTAINS_ANY,
    OP_JUMP_FALSE, /* b: target; kept when taken, else popped */
    OP_JUMP_TRUE,
    OP_BRANCH,         /* b: target when false; popped both ways */
    OP_JUMP,           /* b: target */
    OP_BOOL,           /* the top must be a Bool */
    OP_SET,            /* a: count */
    OP_RECORD,         /* a: first in CEDAR_HANDLES, b: count */
    OP_CALL,           /* x: function, arity as its table says */
    OP_REQUIRE,        /* pops; x: negated; false ends the policy */
    OP_REQUIRE_IN,     /* x: variable, a: handle */
    OP_REQUIRE_EQUAL,  /* x: variable, a: handle */
    OP_REQUIRE_IS,     /* x: variable, a: type or NONE */
    OP_REQUIRE_IN_ANY, /* x: variable, a: first in CEDAR_HANDLES, b: count */
    OP_COUNT
};

/* Forms of SET and RECORD arguments, in `detail`: made by a caller or while
 * deciding, or else read from the program (then it is the depth, > 0). */
#define CEDAR_FORM_MADE    0
#define CEDAR_TYPE_UNKNOWN UINT16_MAX /* detail of an entity without handle */

/* ------------------------------------------------------------ reading */

#define PROGRAM_ITEMS(program, section, type)                                  \
    ((const type *)(program)->sections[section])

static inline weir_span
program_text(const struct weir_cedar_program *program, struct program_text t)
{
    return (weir_span){PROGRAM_ITEMS(program, CEDAR_STRINGS, char) + t.offset,
                       t.len};
}

static inline const struct program_header *
program_head(const struct weir_cedar_program *program)
{
    return program->header;
}

static inline const struct program_entity *
program_entity(const struct weir_cedar_program *program, uint32_t handle)
{
    return &PROGRAM_ITEMS(program, CEDAR_ENTITIES,
                          struct program_entity)[handle];
}

/* A cell as an argument: what is an offset becomes an address. */
static inline weir_cedar_arg
program_cell(const struct weir_cedar_program *program, uint32_t index)
{
    const struct program_cell *cell =
        &PROGRAM_ITEMS(program, CEDAR_CELLS, struct program_cell)[index];
    weir_cedar_arg arg = {cell->kind,
                          cell->prefix,
                          cell->detail,
                          cell->count,
                          {(int64_t)cell->data}};
    if (cell->kind == WEIR_CEDAR_STRING || cell->kind == WEIR_CEDAR_IP)
        arg.data = PROGRAM_ITEMS(program, CEDAR_STRINGS, char) + cell->data;
    else if (cell->kind == WEIR_CEDAR_SET)
        arg.data = PROGRAM_ITEMS(program, CEDAR_CELLS, struct program_cell) +
                   cell->data;
    else if (cell->kind == WEIR_CEDAR_RECORD)
        arg.data = cell;
    return arg;
}

/* A word as an argument. */
static inline weir_cedar_arg
program_word(const struct weir_cedar_program *program, uint32_t kind,
             uint64_t word)
{
    weir_cedar_arg arg = {(uint8_t)kind, 0, 0, 0, {(int64_t)word}};
    if (kind < WEIR_CEDAR_STRING)
        return arg;
    if (kind == WEIR_CEDAR_ENTITY) {
        arg.count = (uint32_t)word;
        arg.number = 0;
        return arg;
    }
    if (kind == WEIR_CEDAR_STRING) {
        arg.data = PROGRAM_ITEMS(program, CEDAR_STRINGS, char) + (uint32_t)word;
        arg.count = (uint32_t)(word >> 32);
        return arg;
    }
    return program_cell(program, (uint32_t)word);
}

/* Place of `name` in a shape, NONE when it is not there. Shapes are short:
 * a scan is faster than a search. */
static inline uint32_t
program_find_key(const struct weir_cedar_program *program, uint32_t shape,
                 uint32_t name)
{
    const struct program_shape *s =
        &PROGRAM_ITEMS(program, CEDAR_SHAPES, struct program_shape)[shape];
    const struct program_key *keys =
        PROGRAM_ITEMS(program, CEDAR_KEYS, struct program_key) + s->first;
    if (s->count <= 16) {
        for (uint32_t i = 0; i < s->count; i++)
            if (keys[i].name == name)
                return i;
        return CEDAR_NONE;
    }
    uint32_t low = 0;
    uint32_t high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (keys[middle].name == name)
            return middle;
        if (keys[middle].name < name)
            low = middle + 1;
        else
            high = middle;
    }
    return CEDAR_NONE;
}

static inline bool
program_find_word(const struct weir_cedar_program *program, uint32_t shape,
                  uint32_t words, uint32_t name, weir_cedar_arg *out)
{
    uint32_t at = program_find_key(program, shape, name);
    if (at == CEDAR_NONE)
        return false;
    const struct program_shape *s =
        &PROGRAM_ITEMS(program, CEDAR_SHAPES, struct program_shape)[shape];
    const struct program_key *key =
        &PROGRAM_ITEMS(program, CEDAR_KEYS, struct program_key)[s->first + at];
    *out =
        program_word(program, key->kind,
                     PROGRAM_ITEMS(program, CEDAR_WORDS, uint64_t)[words + at]);
    return true;
}

/* The attribute of an entity that has a handle. */
static inline bool
program_attribute(const struct weir_cedar_program *program, uint32_t handle,
                  uint32_t name, weir_cedar_arg *out)
{
    const struct program_entity *entity = program_entity(program, handle);
    return program_find_word(program, entity->shape, entity->words, name, out);
}

static inline bool
program_in(const struct weir_cedar_program *program, uint32_t e, uint32_t f)
{
    const struct program_entity *entity;
    const uint32_t *list;
    if (e == f)
        return e != CEDAR_NONE;
    if (e == CEDAR_NONE)
        return false;
    entity = program_entity(program, e);
    list =
        PROGRAM_ITEMS(program, CEDAR_ANCESTORS, uint32_t) + entity->ancestors;
    uint32_t count = entity->ancestor_count;
    while (count > 16) {
        uint32_t half = count / 2;
        if (list[half] <= f) {
            list += half;
            count -= half;
        } else {
            count = half;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        if (list[i] == f)
            return true;
    return false;
}

/* ------------------------------------------------------------- values */

/* `==` of the language. */
bool weir__cedar_arg_equal(const struct weir_cedar_program *program,
                           weir_cedar_arg a, weir_cedar_arg b);
/* The order of elements in a stored set: kind, then content; sets and
 * records all tie among themselves. */
int weir__cedar_arg_order(weir_cedar_arg a, weir_cedar_arg b);
bool weir__cedar_arg_contains(const struct weir_cedar_program *program,
                              weir_cedar_arg set, weir_cedar_arg element);
/* Element `index` of a set in either form. */
weir_cedar_arg weir__cedar_arg_element(const struct weir_cedar_program *program,
                                       weir_cedar_arg set, uint32_t index);
/* A field of a record in either form. */
bool weir__cedar_arg_field(const struct weir_cedar_program *program,
                           weir_cedar_arg record, uint32_t name,
                           weir_cedar_arg *out);
/* A tag of an entity with a handle. */
bool weir__cedar_program_tag(const struct weir_cedar_program *program,
                             uint32_t handle, weir_span key,
                             weir_cedar_arg *out);
uint32_t weir__cedar_program_type(const struct weir_cedar_program *program,
                                  weir_span type);
bool weir__cedar_program_like(const struct weir_cedar_program *program,
                              weir_span text, uint32_t first, uint32_t count);

/* Bytes of one item of each section: writer and reader share it. */
extern const uint8_t weir__cedar_item_sizes[CEDAR_SECTIONS];

#endif
