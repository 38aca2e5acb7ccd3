/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/prove/prove.h - questions about policies, answered by a solver.
 *
 * One question is asked in every request environment of its scope; the
 * claim holds only when it holds in all. What the solver shows against it
 * is given to the evaluator first: only what the evaluator confirms is a
 * counterexample.
 *
 * Threads: one caller at a time per process (the solver's error handler).
 * Memory: results live in the arena of the call.
 */
#ifndef WEIR_CONTROL_PROVE_H
#define WEIR_CONTROL_PROVE_H

#include <weir/cedar_smt.h>

enum weir_prove_answer {
    WEIR_PROVE_PROVEN,
    WEIR_PROVE_COUNTEREXAMPLE,
    WEIR_PROVE_NOT_PROVEN /* unknown, out of time, or not confirmed */
};

/* Which environments; NULL members admit all. An action admits itself and
 * what is in it. */
struct weir_prove_scope {
    const struct weir_cedar_uid *actions;
    size_t action_count;
    weir_span principal; /* a type; empty: any */
    weir_span resource;
};

struct weir_prove_question {
    struct weir_cedar_smt_question smt; /* its environment is filled in */
    struct weir_prove_scope scope;
    uint32_t timeout_ms; /* of each environment; 0: 10,000 */
};

struct weir_prove_result {
    enum weir_prove_answer answer;
    uint32_t environments; /* asked */
    uint32_t odd;          /* models that the evaluator did not confirm */
    bool is_recorded;      /* requests on record were asked, not a solver */
    uint64_t requests;     /* that many */
    struct weir_cedar_smt_environment environment; /* of what follows */
    struct weir_cedar_smt_case found;              /* COUNTEREXAMPLE */
    char reason[192];                              /* NOT_PROVEN */
};

/* False: this build has no solver. */
bool weir_prove_is_built(void);
const char *weir_prove_solver(void); /* "Z3 4.8.12", or "none" */

/* Stops at the first environment with a counterexample; one that is not
 * proven does not stop it. ENOTFOUND: the scope admits no environment.
 * EUNAVAIL: no solver. Else as weir_cedar_smt_write(). */
WEIR_MUST_USE weir_status weir_prove_ask(
    const struct weir_prove_question *question, struct weir_arena *arena,
    struct weir_prove_result *result_out, struct weir_error *err);

/* In one environment: that of the question. */
WEIR_MUST_USE weir_status weir_prove_ask_one(
    const struct weir_prove_question *question, struct weir_arena *arena,
    struct weir_prove_result *result_out, struct weir_error *err);

/* The environments of a scope, in order of the schema. */
size_t
weir_prove_environments(const struct weir_cedar_schema *schema,
                        const struct weir_prove_scope *scope,
                        struct weir_arena *arena,
                        struct weir_cedar_smt_environment **environments_out);

#endif
