/* SPDX-License-Identifier: Apache-2.0 */
/* One assertion on its way, for the files that ask about it. */
#ifndef WEIR_CONTROL_PROVE_RUN_H
#define WEIR_CONTROL_PROVE_RUN_H

#include "book.h"
#include "recorded.h"

struct weir__prove_run {
    const struct weir_prove_options *options;
    const struct weir_prove_assertion *assertion;
    struct weir_prove_tally *tally;
    struct weir_arena *arena;
    struct weir_prove_question question;
    struct weir_prove_book book;
    struct weir_prove_book other;
};

/* Prints what is wrong with the assertion; gives `status`. */
weir_status weir__prove_complain(const struct weir__prove_run *run,
                                 weir_status status,
                                 const struct weir_error *err);
void weir__prove_print(const struct weir__prove_run *run, weir_span name,
                       const struct weir_prove_result *result);
/* Of the solver, or of what is on record. */
WEIR_MUST_USE weir_status weir__prove_question(
    const struct weir__prove_run *run, struct weir_prove_result *result_out,
    struct weir_error *err);
/* The question in each environment, as SMT-LIB 2; `about` names the policy
 * of which *unsat* says that it does nothing there; empty: a claim. */
WEIR_MUST_USE weir_status
weir__prove_print_questions(struct weir__prove_run *run, weir_span about);
/* The set of this policy alone; empty: out of memory. */
struct weir_cedar_smt_set
weir__prove_one(const struct weir__prove_run *run,
                const struct weir_cedar_policy *policy);
/* Dead and shadowed policies, with what is in their way. */
WEIR_MUST_USE weir_status weir__prove_each_policy(struct weir__prove_run *run);

#endif
