/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The solver behind the prover: z3.c, or none.c where it is not built in.
 */
#ifndef WEIR_CONTROL_PROVE_SOLVER_H
#define WEIR_CONTROL_PROVE_SOLVER_H

#include <weir/cedar_smt.h>

enum solver_verdict { SOLVER_UNSAT, SOLVER_SAT, SOLVER_UNKNOWN };

struct solver_answer {
    enum solver_verdict verdict;
    const struct weir_cedar_smt_value *values; /* SAT: one for each reading */
    char reason[160];                          /* UNKNOWN */
};

const char *weir__solver_name(void);
/* `text` has a NUL behind it. EUNAVAIL: no solver in this build; EINTERNAL:
 * the solver does not take the text. */
WEIR_MUST_USE weir_status
weir__solver_ask(weir_span text, const struct weir_cedar_smt_text *written,
                 uint32_t timeout_ms, struct weir_arena *arena,
                 struct solver_answer *answer_out, struct weir_error *err);

#endif
