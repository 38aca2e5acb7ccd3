/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/cedar.h - the policy language Cedar 4.5: policies from text, values,
 * entities, and the tree evaluator that defines what a decision is.
 *
 * This is the exact and unhurried form, for tools, tests and the compiler.
 * The request path runs the compiled form, weir/cedar_program.h.
 *
 * Threads: one owner per object; sets and sealed stores may be read by many.
 * Memory: a policy set and a store own heap arenas; everything borrowed from
 * them lives as long as they do. Values are plain and borrow their parts.
 */
#ifndef WEIR_CEDAR_H
#define WEIR_CEDAR_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------ values */

/* The order is that of weir_cedar_value_compare(); programs store it. */
enum weir_cedar_kind {
    WEIR_CEDAR_BOOL,
    WEIR_CEDAR_LONG,
    WEIR_CEDAR_DECIMAL,  /* number: ten-thousandths */
    WEIR_CEDAR_DATETIME, /* number: milliseconds since 1970 */
    WEIR_CEDAR_DURATION, /* number: milliseconds */
    WEIR_CEDAR_STRING,
    WEIR_CEDAR_ENTITY,
    WEIR_CEDAR_IP,
    WEIR_CEDAR_SET,
    WEIR_CEDAR_RECORD,
    WEIR_CEDAR_KINDS
};

struct weir_cedar_uid {
    weir_span type; /* normalised: "A::B", no white space */
    weir_span id;   /* any string, also empty */
};

/* Network order; an IPv4 address fills the first four bytes, the rest are
 * zero. Host bits are kept. */
struct weir_cedar_ip {
    uint8_t address[16];
};

struct weir_cedar_field;

/* `count`: elements of a set, fields of a record. Sets are sorted without
 * duplicates, records sorted by key: build them with the functions below. */
typedef struct weir_cedar_value {
    uint8_t kind;   /* enum weir_cedar_kind */
    uint8_t prefix; /* IP: 0..32 or 0..128 */
    bool is_v6;     /* IP */
    uint32_t count;
    union {
        bool boolean;
        int64_t number;
        weir_span string;
        const struct weir_cedar_uid *uid;
        struct weir_cedar_ip ip;
        const struct weir_cedar_value *elements;
        const struct weir_cedar_field *fields;
    };
} weir_cedar_value;

struct weir_cedar_field {
    weir_span key;
    weir_cedar_value value;
};

/* Total order (kind, then content; strings by bytes); 0 means `==`. */
int weir_cedar_value_compare(const weir_cedar_value *a,
                             const weir_cedar_value *b);
bool weir_cedar_uid_equal(const struct weir_cedar_uid *a,
                          const struct weir_cedar_uid *b);
/* Sorts and drops duplicates in place; `elements` stays the caller's. */
weir_cedar_value weir_cedar_value_set(weir_cedar_value *elements, size_t count);
/* Sorts in place. ECONFLICT: a key occurs twice. */
WEIR_MUST_USE weir_status
weir_cedar_value_record(struct weir_cedar_field *fields, size_t count,
                        weir_cedar_value *value_out, struct weir_error *err);
/* The field of a record value, or NULL. */
const weir_cedar_value *weir_cedar_record_get(const weir_cedar_value *record,
                                              weir_span key);
/* Deep copy; false when the arena is full. */
WEIR_MUST_USE bool weir_cedar_value_copy(struct weir_arena *arena,
                                         const weir_cedar_value *value,
                                         weir_cedar_value *copy_out);
/* As Cedar text: `"a\nb"`, `U::"x"`, `ip("10.0.0.0/8")`, `[1, 2]`. */
void weir_cedar_value_write(struct weir_buf *buf,
                            const weir_cedar_value *value);
/* A quoted string with the escapes that the language reads. */
void weir_cedar_string_write(struct weir_buf *buf, weir_span text);
void weir_cedar_uid_write(struct weir_buf *buf,
                          const struct weir_cedar_uid *uid);

/* The argument of an extension constructor: DECIMAL, DATETIME, DURATION or
 * IP. False when the text is not one. */
bool weir_cedar_extension_parse(enum weir_cedar_kind kind, weir_span text,
                                weir_cedar_value *value_out);

/* `path` of the grammar without white space: "A::B". Refuses __cedar and
 * reserved words. */
bool weir_cedar_name_valid(weir_span name);

/* ---------------------------------------------------------- policies */

struct weir_cedar_policies; /* static policies, templates, links */
struct weir_cedar_policy;   /* one of them; borrowed from its set */

enum weir_cedar_effect { WEIR_CEDAR_FORBID, WEIR_CEDAR_PERMIT };

struct weir_cedar_annotation {
    weir_span key;
    weir_span value;
};

/* A view; spans are borrowed from the set. */
struct weir_cedar_policy_info {
    weir_span id;
    enum weir_cedar_effect effect;
    bool is_template;        /* never evaluated itself */
    bool has_principal_slot; /* templates */
    bool has_resource_slot;
    weir_span template_id; /* of a link; else empty, NULL */
    weir_span file;        /* as given to _add_text */
    uint32_t offset;       /* bytes in the file, first .. */
    uint32_t end;          /* .. to behind the semicolon */
    uint32_t line;         /* one-based; 0: not from text */
    uint32_t column;
    const struct weir_cedar_annotation *annotations;
    uint32_t annotation_count;
};

struct weir_cedar_policies *weir_cedar_policies_new(void); /* NULL: memory */
void weir_cedar_policies_free(struct weir_cedar_policies *set);

/*
 * Parses `text` (copied) and adds its policies, all or none. They are named
 * policy0, policy1, ... by their position in the set, templates counted.
 * EPARSE with the byte offset; ELIMIT: nested deeper than
 * WEIR_CEDAR_DEPTH_MAX; ECONFLICT: the name is taken.
 */
WEIR_MUST_USE weir_status
weir_cedar_policies_add_text(struct weir_cedar_policies *set, weir_span text,
                             weir_span file, struct weir_error *err);

size_t weir_cedar_policies_count(const struct weir_cedar_policies *set);
/* By position; `index` < count. */
const struct weir_cedar_policy *
weir_cedar_policies_at(const struct weir_cedar_policies *set, size_t index);
/* NULL when there is none. */
const struct weir_cedar_policy *
weir_cedar_policies_find(const struct weir_cedar_policies *set, weir_span id);
struct weir_cedar_policy_info
weir_cedar_policy_info(const struct weir_cedar_policy *policy);
/* NULL when the policy does not carry it; "" when it has no value. */
const weir_span *
weir_cedar_policy_annotation(const struct weir_cedar_policy *policy,
                             weir_span key);

/* ECONFLICT: the name is taken in the set. */
WEIR_MUST_USE weir_status
weir_cedar_policies_rename(struct weir_cedar_policies *set, size_t index,
                           weir_span id, struct weir_error *err);

/* Adds a policy of another set, which must outlive this one; here it has the
 * name of its position. Templates: WEIR_ETYPE. */
WEIR_MUST_USE weir_status weir_cedar_policies_borrow(
    struct weir_cedar_policies *set, const struct weir_cedar_policy *policy,
    struct weir_error *err);

/*
 * Adds the policy `id`: the template with its slots filled. A slot that the
 * template has must be given, one that it lacks must be NULL.
 * ENOTFOUND: no such template; ETYPE: slots differ; ECONFLICT: id is taken.
 */
WEIR_MUST_USE weir_status weir_cedar_policies_link(
    struct weir_cedar_policies *set, weir_span template_id, weir_span id,
    const struct weir_cedar_uid *principal,
    const struct weir_cedar_uid *resource, struct weir_error *err);

/* ---------------------------------------------------------- entities */

struct weir_cedar_store;

struct weir_cedar_entity {
    struct weir_cedar_uid uid;
    const struct weir_cedar_field *attributes; /* any order, keys differ */
    size_t attribute_count;
    const struct weir_cedar_field *tags;
    size_t tag_count;
    const struct weir_cedar_uid *parents;
    size_t parent_count;
};

struct weir_cedar_store *weir_cedar_store_new(void); /* NULL: memory */
void weir_cedar_store_free(struct weir_cedar_store *store);

/* Copies the entity. ECONFLICT: there is one of that uid and it differs,
 * or a key occurs twice. Not after _seal. */
WEIR_MUST_USE weir_status weir_cedar_store_add(
    struct weir_cedar_store *store, const struct weir_cedar_entity *entity,
    struct weir_error *err);
/* Takes the transitive closure of parents. ECONFLICT: a cycle, also an
 * entity that is its own parent. Needed before any decision. */
WEIR_MUST_USE weir_status weir_cedar_store_seal(struct weir_cedar_store *store,
                                                struct weir_error *err);
/* Entities added; those only named as parent or value do not count. */
size_t weir_cedar_store_count(const struct weir_cedar_store *store);
/* False when no entity of that uid was added. */
bool weir_cedar_store_has(const struct weir_cedar_store *store,
                          const struct weir_cedar_uid *uid);
/* NULL: no such entity or attribute (tag). */
const weir_cedar_value *
weir_cedar_store_attribute(const struct weir_cedar_store *store,
                           const struct weir_cedar_uid *uid, weir_span key);
const weir_cedar_value *
weir_cedar_store_tag(const struct weir_cedar_store *store,
                     const struct weir_cedar_uid *uid, weir_span key);
/* The entity as it was added; parts are borrowed from the store, arrays in
 * `arena`. False: none was added, or the arena is full (its overflow says). */
bool weir_cedar_store_get(const struct weir_cedar_store *store,
                          const struct weir_cedar_uid *uid,
                          struct weir_arena *arena,
                          struct weir_cedar_entity *entity_out);
/* `e in f`: equal, or f is an ancestor of e. Sealed stores only. */
bool weir_cedar_store_in(const struct weir_cedar_store *store,
                         const struct weir_cedar_uid *e,
                         const struct weir_cedar_uid *f);

/* ---------------------------------------------------------- decision */

struct weir_cedar_query {
    struct weir_cedar_uid principal;
    struct weir_cedar_uid action;
    struct weir_cedar_uid resource;
    weir_cedar_value context; /* a record */
};

/* Why the evaluation of a policy failed; programs store the numbers. */
enum weir_cedar_fault {
    WEIR_CEDAR_FAULT_NONE = 0,
    WEIR_CEDAR_FAULT_TYPE = 1,         /* an operand of the wrong type */
    WEIR_CEDAR_FAULT_OVERFLOW = 2,     /* 64-bit arithmetic, dates too */
    WEIR_CEDAR_FAULT_NO_ENTITY = 3,    /* attribute of an absent entity */
    WEIR_CEDAR_FAULT_NO_ATTRIBUTE = 4, /* of an entity or a record */
    WEIR_CEDAR_FAULT_NO_TAG = 5,
    WEIR_CEDAR_FAULT_EXTENSION = 6, /* constructor text is not valid */
    WEIR_CEDAR_FAULT_ARITY = 7,     /* wrong number of arguments */
    WEIR_CEDAR_FAULT_MEMORY = 8,    /* the arena is full */
    WEIR_CEDAR_FAULTS
};

const char *weir_cedar_fault_text(enum weir_cedar_fault fault);

struct weir_cedar_failure {
    uint32_t policy; /* index in the set */
    enum weir_cedar_fault fault;
    uint32_t offset; /* of the failing expression in its text */
};

/* Arrays are in the caller's arena, in the order of the set. */
struct weir_cedar_response {
    bool is_allowed;
    const uint32_t *reasons; /* policy indexes */
    size_t reason_count;
    const struct weir_cedar_failure *errors;
    size_t error_count;
};

/* Never stops early: reasons and errors are complete. ENOMEM: the arena is
 * full; there is no decision then. */
WEIR_MUST_USE weir_status weir_cedar_authorize(
    const struct weir_cedar_policies *set, const struct weir_cedar_store *store,
    const struct weir_cedar_query *query, struct weir_arena *arena,
    struct weir_cedar_response *response_out, struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
