/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/audit/audit.h - journal, ledger and transparency log, held against
 * each other; and receipts that need none of them.
 *
 * Threads: any, each with a store of its own. Memory: replies are the
 * caller's (json_decref).
 */
#ifndef WEIR_AUDIT_H
#define WEIR_AUDIT_H

#include <jansson.h>

#include "control/files.h"
#include "control/store/store.h"

/* Differences listed; more are counted. */
#define WEIR_AUDIT_DIFFERENCES_MAX 1000

/*
 * Reads everything, as of one moment of the store. The reply names each
 * difference; finding some is no failure. EIO: something cannot be read at
 * all.
 */
WEIR_MUST_USE weir_status weir_audit_verify(struct weir_store *store,
                                            const struct weir_paths *paths,
                                            json_t **reply_out,
                                            struct weir_error *err);

/*
 * What a customer keeps of a call: its records, their salts, and proofs that
 * they stand in the log. ENOTFOUND: no such call; EUNAVAIL: the checkpoint
 * does not cover it yet.
 */
WEIR_MUST_USE weir_status weir_audit_receipt(struct weir_store *store,
                                             const struct weir_paths *paths,
                                             weir_span request,
                                             json_t **reply_out,
                                             struct weir_error *err);

/* Checks a receipt with nothing but the log's key: EUNAUTH, ECORRUPT,
 * EPARSE say what is wrong. `key` as printed by verify; empty: the one that
 * the receipt names. */
WEIR_MUST_USE weir_status weir_audit_check(const json_t *receipt, weir_span key,
                                           json_t **reply_out,
                                           struct weir_error *err);

/*
 * What weir says of a call (its places, who decided, what served it), signed
 * with the log's key: docs/formats/statement.md. ENOTFOUND: no such call.
 */
WEIR_MUST_USE weir_status weir_audit_statement(struct weir_store *store,
                                               const struct weir_paths *paths,
                                               weir_span request,
                                               json_t **reply_out,
                                               struct weir_error *err);
/* True when the file is a statement, not a receipt. */
bool weir_audit_is_statement(const json_t *file);
/* As weir_audit_check(). */
WEIR_MUST_USE weir_status weir_audit_check_statement(const json_t *file,
                                                     weir_span key,
                                                     json_t **reply_out,
                                                     struct weir_error *err);

#endif
