/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/cedar_smt.h - questions about policies as SMT-LIB 2 text.
 *
 * One question in one request environment (action, principal type, resource
 * type) becomes one formula: satisfiable means that some request and some
 * entities, as the schema has them, show that the claim is wrong. No solver
 * is called here. What a solver found is read back as a store and a request,
 * to be shown only after the evaluator has confirmed it.
 *
 * Policies must have been validated strictly. Windows (@from, @until),
 * shadow policies and holds are the caller's: it lists the policies that
 * are there, and a hold is a forbid like any other.
 *
 * Threads: no shared state. Memory: the caller's arena; text in a buffer.
 */
#ifndef WEIR_CEDAR_SMT_H
#define WEIR_CEDAR_SMT_H

#include <weir/cedar.h>
#include <weir/cedar_schema.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is the same in both: all but sets, arrays there and sets here. */
enum weir_cedar_smt_dialect { WEIR_CEDAR_SMT_Z3, WEIR_CEDAR_SMT_CVC5 };

struct weir_cedar_smt_environment {
    const struct weir_cedar_action *action;
    const struct weir_cedar_entity_type *principal;
    const struct weir_cedar_entity_type *resource;
};

/* Borrowed policies; templates among them are passed over. */
struct weir_cedar_smt_set {
    const struct weir_cedar_policy *const *items;
    size_t count;
};

/* `a` and `b` are the sets of the question. The MATCH questions are about
 * one policy on each side: does it match, whatever it then does. */
enum weir_cedar_smt_claim {
    WEIR_CEDAR_SMT_NEVER_ERRORS,  /* no policy of a */
    WEIR_CEDAR_SMT_ALWAYS_ALLOWS, /* a */
    WEIR_CEDAR_SMT_ALWAYS_DENIES,
    WEIR_CEDAR_SMT_IMPLIES, /* what a allows b allows */
    WEIR_CEDAR_SMT_EQUIVALENT,
    WEIR_CEDAR_SMT_DISJOINT, /* nothing is allowed by both */
    WEIR_CEDAR_SMT_ALWAYS_MATCHES,
    WEIR_CEDAR_SMT_NEVER_MATCHES,
    WEIR_CEDAR_SMT_MATCH_IMPLIES,
    WEIR_CEDAR_SMT_MATCH_EQUIVALENT,
    WEIR_CEDAR_SMT_MATCH_DISJOINT,
    WEIR_CEDAR_SMT_CLAIMS
};

struct weir_cedar_smt_question {
    const struct weir_cedar_schema *schema;
    struct weir_cedar_smt_environment environment;
    enum weir_cedar_smt_claim claim;
    struct weir_cedar_smt_set a;
    struct weir_cedar_smt_set b;
    /* Each must match for a request to count; effects do not matter. */
    struct weir_cedar_smt_set assumptions;
    enum weir_cedar_smt_dialect dialect;
};

struct weir_cedar_smt_plan; /* how to read a model back; in the arena */

struct weir_cedar_smt_text {
    size_t question_bytes; /* of the buffer: without what reads a model */
    size_t reading_count;  /* the last so many assertions are (= name term):
                            * not part of the question */
    bool is_constant;      /* the answer needs no solver .. */
    bool is_violated;      /* .. but one that gives a model, where true */
    const struct weir_cedar_smt_plan *plan;
};

/*
 * Appends the text, without (check-sat). ETYPE: an assumption that does not
 * validate in this environment; ELIMIT: what solvers do not take (a code
 * point above U+2FFFF); ETOOBIG: the buffer or the arena is full.
 */
WEIR_MUST_USE weir_status weir_cedar_smt_write(
    const struct weir_cedar_smt_question *question, struct weir_arena *arena,
    struct weir_buf *text, struct weir_cedar_smt_text *written_out,
    struct weir_error *err);

/* ------------------------------------------------------------- models */

enum weir_cedar_smt_value_kind {
    WEIR_CEDAR_SMT_BITS,   /* bits, low word first */
    WEIR_CEDAR_SMT_TEXT,   /* name: decoded UTF-8 */
    WEIR_CEDAR_SMT_APPLY,  /* name (true and false too), items */
    WEIR_CEDAR_SMT_MEMBERS /* items: what is known to be in the set */
};

struct weir_cedar_smt_value {
    enum weir_cedar_smt_value_kind kind;
    weir_span name;
    uint64_t bits[2];
    const struct weir_cedar_smt_value *items;
    size_t count;
};

/* Entities that the formula speaks of, each with all that the schema
 * demands, and the request. Spans and values are in the arena of the call. */
struct weir_cedar_smt_case {
    struct weir_cedar_query query;
    const struct weir_cedar_entity *entities;
    size_t entity_count;
};

/* `values`: one for each reading, in order. ECORRUPT: they do not fit. */
WEIR_MUST_USE weir_status weir_cedar_smt_read(
    const struct weir_cedar_smt_plan *plan,
    const struct weir_cedar_smt_value *values, size_t count,
    struct weir_arena *arena, struct weir_cedar_smt_case *case_out,
    struct weir_error *err);

/* Replays: does the evaluator say that the claim is wrong on this case? */
WEIR_MUST_USE weir_status weir_cedar_smt_replay(
    const struct weir_cedar_smt_question *question,
    const struct weir_cedar_smt_case *found, struct weir_arena *arena,
    bool *is_confirmed_out, struct weir_error *err);

/* What a decision over one side says, whatever evaluates it. */
struct weir_cedar_smt_outcome {
    bool is_allowed;
    bool is_matched; /* MATCH questions: the policy */
    bool has_error;
};
/* Does this pair show that the claim is wrong? */
bool weir_cedar_smt_refutes(enum weir_cedar_smt_claim claim,
                            const struct weir_cedar_smt_outcome *a,
                            const struct weir_cedar_smt_outcome *b);

/* The case as JSON that `weir cedar authorize` reads: the members
 * "request" and "entities" of one object. */
void weir_cedar_smt_case_write(const struct weir_cedar_smt_case *found,
                               struct weir_buf *out);

#ifdef __cplusplus
}
#endif
#endif
