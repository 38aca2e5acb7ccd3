/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The compiled form beside the tree evaluator: the same policies and store,
 * compiled once, asked the same question, compared in every list. For the
 * conformance runs. Memory: owns a heap block until _fini.
 */
#ifndef WEIR_CLI_CEDAR_TWIN_H
#define WEIR_CLI_CEDAR_TWIN_H

#include <weir/cedar_program.h>

struct weir_cedar_twin {
    struct weir_buf blob;
    struct weir_cedar_program program;
    void *scratch;
};

WEIR_MUST_USE weir_status weir_cedar_twin_init(
    struct weir_cedar_twin *twin, const struct weir_cedar_policies *set,
    const struct weir_cedar_store *store, struct weir_error *err);
void weir_cedar_twin_fini(struct weir_cedar_twin *twin);
/* NULL when both answer alike, else what differs. */
const char *weir_cedar_twin_compare(struct weir_cedar_twin *twin,
                                    const struct weir_cedar_query *query,
                                    const struct weir_cedar_response *response,
                                    struct weir_arena *arena);

#endif
