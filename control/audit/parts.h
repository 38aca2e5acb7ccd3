/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/audit/parts.h - what the halves of an audit share.
 *
 * Threads and memory: one caller, for the time of one audit.
 */
#ifndef WEIR_AUDIT_PARTS_H
#define WEIR_AUDIT_PARTS_H

#include <weir/tlog_dir.h>

#include "control/audit/audit.h"

struct weir_audit {
    struct weir_store *store;
    const struct weir_paths *paths;
    json_t *differences;
    uint64_t difference_count;

    /* of the journal */
    uint64_t segments;
    uint64_t records;
    uint64_t intents;
    uint64_t outcomes;
    uint64_t refusals;
    uint64_t gaps;
    uint64_t orphans; /* outcomes without an intent */
    int64_t cost_micros;
    uint64_t tokens;

    /* of the log */
    struct weir_tlog_tiles *tiles;
    uint64_t log_size;
    uint64_t leaves; /* the ledger's count */
};

/* One difference: its kind ("journal", "ledger", "log"), and what. */
void weir__audit_differ(struct weir_audit *audit, const char *kind,
                        const char *format, ...) WEIR_PRINTF(3, 4);

/* log.c: opens the tiles, checks signature, root and every leaf's count;
 * fills the reply's "log". */
WEIR_MUST_USE weir_status weir__audit_log(struct weir_audit *audit,
                                          json_t *reply,
                                          struct weir_error *err);
/* The checkpoint file, parsed and verified with the store's key; the note's
 * bytes are malloc'ed. */
WEIR_MUST_USE weir_status weir__audit_checkpoint(
    struct weir_store *store, const struct weir_paths *paths, char **bytes_out,
    size_t *len_out, struct weir_checkpoint *checkpoint_out, char key_out[256],
    struct weir_error *err);

/* journal.c: the chain of segments, and every record against ledger and
 * log. */
WEIR_MUST_USE weir_status weir__audit_journal(struct weir_audit *audit,
                                              json_t *reply,
                                              struct weir_error *err);

#endif
