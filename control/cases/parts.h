/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/cases/parts.h - what raise.c and cases.c share.
 *
 * Threads and memory: as cases.h.
 */
#ifndef WEIR_CASES_PARTS_H
#define WEIR_CASES_PARTS_H

#include "control/cases/rows.h"

/* Who does it, as a person. */
struct weir__case_person {
    weir_span actor; /* token id, "local", "control" */
    weir_span role;
    weir_span name; /* empty: nobody in particular */
};

/*
 * The event of what is now `row`, and its act beside it: what was said, who
 * said it, and the SHA-256 of the evidence, so that the log vouches for it.
 */
WEIR_MUST_USE weir_status weir__case_note(
    struct weir_store *store, const struct weir_case *row,
    const struct weir__case_person *person, enum weir_case_action action,
    weir_span text, weir_span evidence, weir_time now, struct weir_error *err);

#endif
