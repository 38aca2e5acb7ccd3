/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/explain/explain.h - one call, explained from what was kept of it.
 *
 * Reads the records of the journal that the ledger points at, loads the
 * image and overlay that decided, decides again through the gate with the
 * recorded time and facts, and says what every deciding policy read. What
 * the replay finds otherwise than the record is said.
 *
 * Threads: any, each with a store of its own. Memory: the reply is the
 * caller's (json_decref).
 */
#ifndef WEIR_EXPLAIN_H
#define WEIR_EXPLAIN_H

#include <jansson.h>

#include "control/files.h"
#include "control/store/store.h"

/* ENOTFOUND: the ledger has no such call; EIO, ECORRUPT: its record. */
WEIR_MUST_USE weir_status weir_explain(struct weir_store *store,
                                       const struct weir_paths *paths,
                                       weir_span request, json_t **reply_out,
                                       struct weir_error *err);

#endif
