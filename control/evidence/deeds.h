/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/evidence/deeds.h - what people do with evidence.
 *
 * Each deed becomes true in one transaction with its act, and the image that
 * follows from it is in force when it returns.
 *
 * Threads: any; the control object's lock is taken. Memory: as said.
 */
#ifndef WEIR_EVIDENCE_DEEDS_H
#define WEIR_EVIDENCE_DEEDS_H

#include "control/control.h"
#include "control/evidence/register.h"

/* Adds facts entered by a person; all or none. `number` of each is filled.
 * ECONFLICT: a fact says what its source says already. */
WEIR_MUST_USE weir_status weir_control_evidence_add(
    struct weir_control *control, const struct weir_actor *actor,
    struct weir_facts *facts, struct weir_faults *faults,
    struct weir_error *err);

/* Ends a fact of the store. ENOTFOUND; ECONFLICT: it is ended. */
WEIR_MUST_USE weir_status weir_control_evidence_end(
    struct weir_control *control, const struct weir_actor *actor,
    weir_span organisation, int64_t number, weir_span reason,
    struct weir_faults *faults, struct weir_error *err);

struct weir_import_wish {
    weir_span bytes;
    weir_span file; /* as it is told */
    struct weir_register_options options;
    uint32_t shrink_ppm;   /* of a source's facts that may end */
    bool confirms_shrink;  /* a person has seen that more of them do */
    bool is_partial;       /* what it does not state goes on */
    bool is_only_compared; /* tell, do nothing */
};

#define WEIR_IMPORT_SHRINK_PPM 100000u

/* What an import changes, or would. */
struct weir_import_change {
    struct weir_register stated; /* what the file says */
    struct weir_facts known;     /* what its source said before */
    const struct weir_fact **added;
    const struct weir_fact **ended;
    uint32_t added_count;
    uint32_t ended_count;
    bool shrinks; /* by more than shrink_ppm */
    int64_t number;
};
void weir_import_change_fini(struct weir_import_change *change);

/* ECONFLICT: it shrinks, and nobody confirmed it. EPARSE: too many faulty
 * rows, or the sources do not compile with it. `change` is to be freed
 * whatever happens. */
WEIR_MUST_USE weir_status weir_control_evidence_import(
    struct weir_control *control, const struct weir_actor *actor,
    const struct weir_import_wish *wish, struct weir_import_change *change,
    struct weir_faults *faults, struct weir_error *err);

/* Clears, a little at a time, what an import left whose process died. */
void weir_control_evidence_sweep(struct weir_control *control);

/* The same comparison for a store, without a control object. */
WEIR_MUST_USE weir_status weir_import_compare(
    struct weir_store *store, const struct weir_import_wish *wish,
    struct weir_import_change *change, struct weir_faults *faults,
    struct weir_error *err);

#endif
