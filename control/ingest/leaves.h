/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/ingest/leaves.h - records become leaves of the transparency log.
 *
 * A leaf is SHA-256(salt, record), the salt being HMAC of lane and sequence
 * under the key of the record's segment. Whoever is given record and salt
 * can compute the leaf; without the salt it says nothing. Destroying the key
 * of a segment makes its leaves meaningless and leaves the log whole.
 *
 * Threads: one owner. Memory: its own.
 */
#ifndef WEIR_LEAVES_H
#define WEIR_LEAVES_H

#include <weir/tlog_dir.h>

#include "control/files.h"
#include "control/store/store.h"

/* Salts of one segment after the other. */
struct weir_salts {
    uint64_t segment; /* whose key is loaded; 0: none */
    struct weir_hmac keyed;
};

/* The leaf of a record. `may_create`: a segment without a key gets one
 * (inside the caller's transaction). ENOTFOUND: it has none, or the key was
 * destroyed. */
WEIR_MUST_USE weir_status weir_salts_leaf(
    struct weir_salts *salts, struct weir_store *store, bool may_create,
    uint64_t segment, const struct weir_record *record, weir_digest *salt_out,
    weir_digest *leaf_out, struct weir_error *err);

/* The log's signing key, made when there is none, and its name. */
WEIR_MUST_USE weir_status
weir_tlog_identity(struct weir_store *store, bool may_create,
                   struct weir_ed25519_secret *secret_out, char origin_out[64],
                   struct weir_error *err);

/* ------------------------------------------------------- for ingest */

struct weir_leaves {
    struct weir_tlog_dir *log; /* NULL: not open */
    struct weir_salts salts;
    uint64_t next; /* number of the next leaf */
    uint64_t mismatches;
    bool is_behind;        /* the log could not take what is committed */
    struct weir_buf batch; /* digests of the transaction */
    uint64_t batch_first;
    char path[WEIR_PATH_MAX];
};

/* Opens the log and gives it again what it lost when it was killed. */
WEIR_MUST_USE weir_status weir_leaves_open(struct weir_leaves *leaves,
                                           struct weir_store *store,
                                           const struct weir_paths *paths,
                                           struct weir_error *err);
void weir_leaves_close(struct weir_leaves *leaves);
/* The record gets the next number. */
WEIR_MUST_USE weir_status weir_leaves_add(struct weir_leaves *leaves,
                                          struct weir_store *store,
                                          uint64_t segment,
                                          const struct weir_record *record,
                                          int64_t *number_out,
                                          struct weir_error *err);
/* Before a commit: what was added goes into the transaction. */
WEIR_MUST_USE weir_status weir_leaves_save(struct weir_leaves *leaves,
                                           struct weir_store *store,
                                           struct weir_error *err);
/* After a commit: what was saved goes to the log (not flushed). */
WEIR_MUST_USE weir_status weir_leaves_commit(struct weir_leaves *leaves,
                                             struct weir_error *err);
/* After a rollback: as before the transaction. */
void weir_leaves_rollback(struct weir_leaves *leaves);
/* Writes tiles and checkpoint; the commits before must be safe on disk. */
WEIR_MUST_USE weir_status weir_leaves_flush(struct weir_leaves *leaves,
                                            struct weir_store *store,
                                            struct weir_error *err);
bool weir_leaves_wait(const struct weir_leaves *leaves);

#endif
