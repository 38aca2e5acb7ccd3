/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/evidence/store.h - facts in the store.
 *
 * Threads: as weir_store. Memory: what is read is copied into `facts`.
 */
#ifndef WEIR_EVIDENCE_STORE_H
#define WEIR_EVIDENCE_STORE_H

#include "control/evidence/evidence.h"

/* Adds one row; `number`, `ended` and what belongs to it are not read. */
WEIR_MUST_USE weir_status weir_store_fact_add(struct weir_store *store,
                                              const struct weir_fact *fact,
                                              int64_t *number_out,
                                              struct weir_error *err);
/* ECONFLICT: it is ended already. */
WEIR_MUST_USE weir_status weir_store_fact_end(struct weir_store *store,
                                              int64_t number, weir_time when,
                                              weir_span by, weir_span reason,
                                              int64_t import,
                                              struct weir_error *err);

/* Appends every fact of an organisation, in the order of entry. */
WEIR_MUST_USE weir_status weir_store_facts_of(struct weir_store *store,
                                              weir_span organisation,
                                              struct weir_facts *facts,
                                              struct weir_error *err);
/* Appends what a source says now. */
WEIR_MUST_USE weir_status weir_store_facts_live(struct weir_store *store,
                                                weir_span source,
                                                struct weir_facts *facts,
                                                struct weir_error *err);

/* Organisations with this identifier; or, in order, behind `after`. */
typedef bool weir_store_on_text(void *context, weir_span text);
WEIR_MUST_USE weir_status weir_store_fact_shared(struct weir_store *store,
                                                 weir_span identifier,
                                                 weir_store_on_text *on_text,
                                                 void *context,
                                                 struct weir_error *err);
WEIR_MUST_USE weir_status weir_store_fact_organisations(
    struct weir_store *store, weir_span after, uint32_t limit,
    weir_store_on_text *on_text, void *context, struct weir_error *err);
/* Number of the newest fact; 0: there is none. */
WEIR_MUST_USE weir_status weir_store_fact_last(struct weir_store *store,
                                               int64_t *number_out,
                                               struct weir_error *err);

struct weir_import {
    int64_t number;
    weir_span source;
    weir_span file;
    weir_span format;
    uint8_t digest[32]; /* of the file */
    int64_t stated;     /* facts that it says */
    int64_t added;
    int64_t ended;
    int64_t bad; /* rows left out */
    weir_time entered;
    weir_span entered_by;
};
/*
 * An import in many transactions: begin() notes that it is under way; facts
 * and ends with its number are then staged, which nobody reads; add() makes
 * all of them true at once, as of its `entered`, or drop() takes them out
 * again, at most `limit` at a time, until `*is_over_out`. At most one is
 * under way; what a process left that died is dropped before the next.
 */
WEIR_MUST_USE weir_status weir_store_import_begin(struct weir_store *store,
                                                  const struct weir_import *row,
                                                  struct weir_error *err);
WEIR_MUST_USE weir_status weir_store_import_drop(struct weir_store *store,
                                                 uint32_t limit,
                                                 bool *is_over_out,
                                                 struct weir_error *err);
WEIR_MUST_USE weir_status weir_store_is_import_open(struct weir_store *store,
                                                    bool *is_open_out,
                                                    struct weir_error *err);
WEIR_MUST_USE weir_status weir_store_import_add(struct weir_store *store,
                                                const struct weir_import *row,
                                                struct weir_error *err);
/* The number the next import will have. */
WEIR_MUST_USE weir_status weir_store_import_next(struct weir_store *store,
                                                 int64_t *number_out,
                                                 struct weir_error *err);
typedef bool weir_store_on_import(void *context, const struct weir_import *row);
/* Newest first. */
WEIR_MUST_USE weir_status weir_store_imports(struct weir_store *store,
                                             uint32_t limit,
                                             weir_store_on_import *on_import,
                                             void *context,
                                             struct weir_error *err);

#endif
