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
#include "control/witness/vouch.h"

/* Differences listed; more are counted. */
#define WEIR_AUDIT_DIFFERENCES_MAX 1000

/*
 * Reads everything, as of one moment of the store. With a policy in `rules`,
 * the log also needs a checkpoint with its quorum. The reply names each
 * difference; finding some is no failure. EIO: something cannot be read at
 * all.
 */
WEIR_MUST_USE weir_status
weir_audit_verify(struct weir_store *store, const struct weir_paths *paths,
                  const struct weir_transparency *rules, json_t **reply_out,
                  struct weir_error *err);
/* Of the log alone, leaves "A..B" (B not among them); the reply as above.
 * EPARSE, ELIMIT: no such range. */
WEIR_MUST_USE weir_status
weir_audit_range(struct weir_store *store, const struct weir_paths *paths,
                 const struct weir_transparency *rules, weir_span leaves,
                 json_t **reply_out, struct weir_error *err);

/* ----------------------------------------------------------- receipts */

/*
 * What a customer keeps of a call: its records, their salts, and proofs that
 * they stand in the log, under a checkpoint that has a quorum where `rules`
 * asks for one, and a timestamp where one covers it. ENOTFOUND: no such
 * call; EUNAVAIL: no such checkpoint covers it yet.
 */
WEIR_MUST_USE weir_status
weir_audit_receipt(struct weir_store *store, const struct weir_paths *paths,
                   const struct weir_transparency *rules, weir_span request,
                   json_t **reply_out, struct weir_error *err);
/*
 * One record of it as a C2SP tlog-proof, whose extra data holds what the
 * leaf is computed from: docs/formats/tlog.md. `record`: "intent",
 * "outcome", or empty for the last there is. ENOTFOUND: it has no such.
 */
WEIR_MUST_USE weir_status weir_audit_proof(
    struct weir_store *store, const struct weir_paths *paths,
    const struct weir_transparency *rules, weir_span request, weir_span record,
    struct weir_buf *out, struct weir_error *err);

/* Whom a verifier trusts; all may be empty. */
struct weir_audit_trust {
    weir_span key; /* the log's, as text; empty: the policy's, or else the one
                      that the receipt names, which then proves nothing */
    const struct weir_tlog_policy *policy; /* NULL: no witnesses are needed */
    const char *stamp_ca; /* NULL: timestamps are shown, not trusted */
};

/* Checks a receipt with nothing else: EUNAUTH, ECORRUPT, EPARSE say what is
 * wrong. */
WEIR_MUST_USE weir_status weir_audit_check(const json_t *receipt,
                                           const struct weir_audit_trust *trust,
                                           json_t **reply_out,
                                           struct weir_error *err);
/* The same of a tlog-proof. */
WEIR_MUST_USE weir_status
weir_audit_check_proof(weir_span text, const struct weir_audit_trust *trust,
                       json_t **reply_out, struct weir_error *err);
/*
 * A directory with a log's files: leaves "A..B", or all when `leaves` is
 * empty; `since` is an earlier checkpoint, or empty. EUNAUTH, ECORRUPT,
 * EPARSE, ELIMIT.
 */
WEIR_MUST_USE weir_status
weir_audit_check_files(const char *directory, weir_span leaves, weir_span since,
                       const struct weir_audit_trust *trust, json_t **reply_out,
                       struct weir_error *err);

/* --------------------------------------------------------- statements */

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
