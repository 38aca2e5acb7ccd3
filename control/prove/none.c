/* SPDX-License-Identifier: Apache-2.0 */
/* No solver: questions can be written, not answered. */
#include "solver.h"

const char *
weir__solver_name(void)
{
    return "none";
}

weir_status
weir__solver_ask(weir_span text, const struct weir_cedar_smt_text *written,
                 uint32_t timeout_ms, struct weir_arena *arena,
                 struct solver_answer *answer_out, struct weir_error *err)
{
    return weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                     "this weir was built without a solver (libz3)");
}
