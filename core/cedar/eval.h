/* SPDX-License-Identifier: Apache-2.0 */
/* The tree evaluator, for authorize and for folding constants. */
#ifndef WEIR_CORE_CEDAR_EVAL_H
#define WEIR_CORE_CEDAR_EVAL_H

#include "store.h"

struct cedar_eval {
    const struct weir_cedar_store *store;
    const struct weir_cedar_query *query;
    struct weir_arena *arena;
    enum weir_cedar_fault fault;
    uint32_t offset; /* of the failing expression */
};

/* False: `eval->fault` says why. */
bool weir__cedar_eval(struct cedar_eval *eval, const struct cedar_expr *expr,
                      weir_cedar_value *value_out);

enum cedar_verdict { CEDAR_FALSE, CEDAR_TRUE, CEDAR_FAULT };
enum cedar_verdict
weir__cedar_eval_policy(struct cedar_eval *eval,
                        const struct weir_cedar_policy *policy);

#endif
