/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/cedar_program.h - policies and entities compiled into one block that
 * decides without allocating.
 *
 * A program is position independent: it is written into an image, mapped,
 * opened without copying, and decides with nothing but itself, a request and
 * a scratch area. It gives what weir_cedar_authorize() gives for the same
 * policies, store and query; the tests hold the two against each other.
 *
 * Threads: an opened program is immutable; any number of threads may decide
 * with it, each with its own scratch and answer.
 * Memory: weir_cedar_compile() uses the heap; nothing else allocates. The
 * bytes of a program must stay mapped and unchanged while it is in use.
 */
#ifndef WEIR_CEDAR_PROGRAM_H
#define WEIR_CEDAR_PROGRAM_H

#include <weir/cedar.h>

#ifdef __cplusplus
extern "C" {
#endif

/* No such entity, attribute or policy. */
#define WEIR_CEDAR_NONE UINT32_MAX

/* ----------------------------------------------------------- compile */

/* Bits of a rule that decisions know; from bit 8 on they are the caller's. */
#define WEIR_CEDAR_HOLD   UINT32_C(1) /* a forbid that holds, not denies */
#define WEIR_CEDAR_SHADOW UINT32_C(2) /* reported, never enforced */

/* What holds of a policy outside the language. */
struct weir_cedar_rule {
    uint32_t flags;
    weir_time from;  /* the policy is absent before this .. */
    weir_time until; /* .. and from this on */
};

/*
 * Appends the program to `blob` (at a multiple of 8 bytes). `rules`: one for
 * each policy of the set, in its order; NULL: no flags, always present.
 * Policy indexes of the program are those of the set (templates keep theirs
 * and never match). The store must be sealed.
 * ETOOBIG: over 4 GiB or over the buffer's maximum; ENOMEM; ELIMIT: over
 * 65,535 entity types.
 */
WEIR_MUST_USE weir_status weir_cedar_compile(
    const struct weir_cedar_policies *policies,
    const struct weir_cedar_store *store, const struct weir_cedar_rule *rules,
    struct weir_buf *blob, struct weir_error *err);

/* -------------------------------------------------------------- open */

/* A view on a block; the fields are private to core/cedar. */
struct weir_cedar_program {
    const char *base;
    size_t size;
    const void *header;
    const void *sections[24];
    uint32_t counts[24];
};

/*
 * Checks every offset of `blob` once, so that no later call can leave it
 * whatever it holds. ECORRUPT: damaged, or not at a multiple of 8 bytes;
 * EVERSION: another format. Copies nothing; there is nothing to close.
 */
WEIR_MUST_USE weir_status
weir_cedar_program_open(weir_span blob, struct weir_cedar_program *program_out,
                        struct weir_error *err);

/* Bytes of scratch that any decision of this program needs. */
size_t
weir_cedar_program_scratch_size(const struct weir_cedar_program *program);

/* ----------------------------------------------------------- entities */

/* The handle of an entity that the store holds or a policy names, else
 * WEIR_CEDAR_NONE. Handles belong to one program. */
uint32_t weir_cedar_program_entity(const struct weir_cedar_program *program,
                                   const struct weir_cedar_uid *uid);
uint32_t
weir_cedar_program_entity_count(const struct weir_cedar_program *program);
/* `handle` < entity count. */
struct weir_cedar_uid
weir_cedar_program_uid(const struct weir_cedar_program *program,
                       uint32_t handle);
/* True when the store held it; false when it is only named. */
bool weir_cedar_program_has(const struct weir_cedar_program *program,
                            uint32_t handle);
/* `e in f` */
bool weir_cedar_program_in(const struct weir_cedar_program *program, uint32_t e,
                           uint32_t f);
/* The handle of an attribute name that a policy or entity uses; a context
 * attribute without one matters only to a policy that compares the whole
 * context: bind it with WEIR_CEDAR_NONE, or leave it out where none does. */
uint32_t weir_cedar_program_attribute(const struct weir_cedar_program *program,
                                      weir_span name);
weir_span
weir_cedar_program_attribute_name(const struct weir_cedar_program *program,
                                  uint32_t attribute);

/* ---------------------------------------------------------- arguments */

struct weir_cedar_binding;

/* A value in a request; make it with the functions below. Borrows what it
 * points at until the decision is taken. */
typedef struct {
    uint8_t kind;    /* enum weir_cedar_kind */
    uint8_t prefix;  /* IP */
    uint16_t detail; /* private */
    uint32_t count;  /* string bytes, elements, fields; handle of an entity */
    union {
        int64_t number; /* BOOL, LONG, DECIMAL, DATETIME, DURATION */
        const void *data;
    };
} weir_cedar_arg;

/* An attribute of the context or of a record in it. */
struct weir_cedar_binding {
    uint32_t attribute; /* weir_cedar_program_attribute() */
    weir_cedar_arg value;
};

weir_cedar_arg weir_cedar_arg_bool(bool value);
weir_cedar_arg weir_cedar_arg_long(int64_t value);
weir_cedar_arg weir_cedar_arg_decimal(int64_t ten_thousandths);
weir_cedar_arg weir_cedar_arg_datetime(int64_t milliseconds);
weir_cedar_arg weir_cedar_arg_duration(int64_t milliseconds);
/* Strings end at 4 GiB. */
weir_cedar_arg weir_cedar_arg_string(weir_span text);
/* `ip` is borrowed. */
weir_cedar_arg weir_cedar_arg_ip(const struct weir_cedar_ip *ip, bool is_v6,
                                 uint8_t prefix);
/* `handle` < entity count. */
weir_cedar_arg weir_cedar_arg_entity(uint32_t handle);
/* Any entity, looked up here; `uid` is borrowed when it has no handle. */
weir_cedar_arg weir_cedar_arg_uid(const struct weir_cedar_program *program,
                                  const struct weir_cedar_uid *uid);
/* Elements in any order, also repeated; borrowed. */
weir_cedar_arg weir_cedar_arg_set(const weir_cedar_arg *elements,
                                  uint32_t count);
/* Fields in any order, attributes differ; borrowed. */
weir_cedar_arg weir_cedar_arg_record(const struct weir_cedar_binding *fields,
                                     uint32_t count);

/* A value of the tree evaluator as an argument (parts in `arena`; `value` is
 * borrowed). False when the arena is full. */
WEIR_MUST_USE bool
weir_cedar_arg_from_value(const struct weir_cedar_program *program,
                          const weir_cedar_value *value,
                          struct weir_arena *arena, weir_cedar_arg *arg_out);
/* As Cedar text. */
void weir_cedar_arg_write(struct weir_buf *buf,
                          const struct weir_cedar_program *program,
                          weir_cedar_arg arg);

/* ------------------------------------------------------------- decide */

struct weir_cedar_request {
    weir_cedar_arg principal; /* entities */
    weir_cedar_arg action;
    weir_cedar_arg resource;
    const struct weir_cedar_binding *context; /* attributes differ */
    uint32_t context_count;
    weir_time now; /* for the rules' windows */
};

enum weir_cedar_mode {
    WEIR_CEDAR_FULL,     /* every satisfied and every failed policy */
    WEIR_CEDAR_DECISION, /* the same outcome; lists may be incomplete */
};

enum weir_cedar_outcome {
    WEIR_CEDAR_DENY,  /* a forbid, or no permit */
    WEIR_CEDAR_ALLOW, /* a permit and no forbid */
    WEIR_CEDAR_HELD   /* a permit, and no forbid but such with HOLD */
};

/* Lists in the caller's arrays, ascending by policy. A list that does not
 * fit is cut; its count still says how many there are. SHADOW policies are
 * listed and do not count for the outcome. */
struct weir_cedar_answer {
    /* set by the caller */
    uint32_t *satisfied;
    uint32_t satisfied_max;
    struct weir_cedar_failure *failed;
    uint32_t failed_max;
    /* set by weir_cedar_decide() */
    enum weir_cedar_outcome outcome;
    uint32_t satisfied_count;
    uint32_t failed_count;
    uint32_t permit_count;        /* satisfied and enforced */
    uint32_t forbid_count;        /* likewise, without HOLD */
    uint32_t hold_count;          /* likewise, with HOLD */
    uint32_t failed_forbid_count; /* failed, not SHADOW */
    uint32_t tried_count;         /* conditions were looked at */
};

/* `scratch`: weir_cedar_program_scratch_size() bytes, 16-byte aligned. */
void weir_cedar_decide(const struct weir_cedar_program *program,
                       const struct weir_cedar_request *request,
                       enum weir_cedar_mode mode, void *scratch,
                       struct weir_cedar_answer *answer);

/* ----------------------------------------------------------- policies */

struct weir_cedar_program_policy {
    weir_span id;
    enum weir_cedar_effect effect;
    bool is_template;
    uint32_t flags;
    weir_time from;
    weir_time until;
    weir_span file;
    uint32_t line; /* 0: not from text */
    uint32_t annotation_count;
};

uint32_t
weir_cedar_program_policy_count(const struct weir_cedar_program *program);
/* `policy` < policy count; spans are borrowed from the program. */
struct weir_cedar_program_policy
weir_cedar_program_policy(const struct weir_cedar_program *program,
                          uint32_t policy);
/* By position; `index` < annotation_count. */
struct weir_cedar_annotation
weir_cedar_program_annotation(const struct weir_cedar_program *program,
                              uint32_t policy, uint32_t index);
/* False when the policy does not carry it. */
bool
weir_cedar_program_annotation_find(const struct weir_cedar_program *program,
                                   uint32_t policy, weir_span key,
                                   weir_span *value_out);
/* WEIR_CEDAR_NONE when there is none; linear. */
uint32_t
weir_cedar_program_policy_find(const struct weir_cedar_program *program,
                               weir_span id);

/* -------------------------------------------------------------- trace */

enum weir_cedar_read_kind {
    WEIR_CEDAR_READ_ATTRIBUTE, /* subject.name */
    WEIR_CEDAR_READ_TAG,       /* subject.getTag(name) */
    WEIR_CEDAR_READ_MEMBER,    /* subject in value */
    WEIR_CEDAR_READ_TYPE       /* subject is name */
};

/* One fact that a policy looked at. */
struct weir_cedar_read {
    enum weir_cedar_read_kind kind;
    weir_span path;         /* the expression: "principal.staff in .." */
    weir_cedar_arg subject; /* the entity, or the record */
    weir_span name;
    bool is_present;      /* attribute there; member; type fits */
    weir_cedar_arg value; /* where is_present; MEMBER: always */
};

enum weir_cedar_result {
    WEIR_CEDAR_ABSENT, /* outside its window, or a template */
    WEIR_CEDAR_UNSATISFIED,
    WEIR_CEDAR_SATISFIED,
    WEIR_CEDAR_FAILED
};

typedef void weir_cedar_on_read(void *context,
                                const struct weir_cedar_read *read);

/* Evaluates one policy and reports what it reads, in order, until its result
 * is known. `failure_out` (may be NULL) is set for FAILED. */
enum weir_cedar_result
weir_cedar_trace(const struct weir_cedar_program *program,
                 const struct weir_cedar_request *request, uint32_t policy,
                 void *scratch, weir_cedar_on_read *on_read, void *context,
                 struct weir_cedar_failure *failure_out);

#ifdef __cplusplus
}
#endif
#endif
