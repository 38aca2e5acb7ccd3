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
    const struct weir_transparency *rules;
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
/* A checkpoint, parsed and verified. */
struct weir__audit_head {
    struct weir_buf bytes; /* the note */
    struct weir_checkpoint checkpoint;
    char origin[64];
    char key[256]; /* the log's, as text */
    /* Its second, of ML-DSA-44; empty: the machine has no such algorithm. */
    char second_key[WEIR_NOTE_KEY_TEXT_MAX + 1];
    struct weir_note_key own[2]; /* the second's type is 0 where it is not */
    uint64_t witnesses;          /* who cosigned, by the policy's order */
};
/* `name` in the log's directory, verified with the store's key and, unless it
 * is "checkpoint", by the policy of `rules` where there is one. ENOTFOUND;
 * EUNAUTH. Fini in any case. */
WEIR_MUST_USE weir_status weir__audit_head_read(
    struct weir_store *store, const struct weir_paths *paths,
    const struct weir_transparency *rules, const char *name,
    struct weir__audit_head *head_out, struct weir_error *err);
void weir__audit_head_fini(struct weir__audit_head *head);

/* proof.c: one record of a receipt, and whom its checkpoint is by. */
struct weir__audit_seen {
    struct weir_record record; /* its bytes are the caller's */
    weir_span checkpoint;
    bool has_policy;
    uint32_t witnesses;
    char key[WEIR_NOTE_KEY_TEXT_MAX + 1]; /* the log's, as text */
    bool key_was_given;
};
/* `named`: the key that the receipt claims, used when nobody is trusted. */
WEIR_MUST_USE weir_status weir__audit_check_record(
    weir_span record, weir_span salt, weir_span proof, weir_span named,
    const struct weir_audit_trust *trust, struct weir__audit_seen *seen_out,
    struct weir_error *err);
/* The request a record is about, as text; false: it is about none. */
bool weir__audit_request_of(const struct weir_record *record,
                            char text_out[WEIR_REQUEST_ID_TEXT]);
/* A base64 member, decoded into malloc'ed bytes; false: not one. */
bool weir__audit_decode(const json_t *row, const char *name, char **bytes_out,
                        size_t *len_out);
/* Adds "timestamp_us" and "timestamp_is_trusted" to `reply` when `stamp`
 * (base64 in JSON; NULL: none) holds for the checkpoint. */
WEIR_MUST_USE weir_status
weir__audit_check_stamp(const json_t *holder, weir_span checkpoint,
                        const struct weir_audit_trust *trust, json_t *reply,
                        struct weir_error *err);
json_t *weir__audit_base64(const void *bytes, size_t len);

/* statement.c: the log's verifier key, as text. */
WEIR_MUST_USE weir_status weir__audit_key(struct weir_store *store,
                                          char key_out[256],
                                          struct weir_error *err);
/* A signed note over `text`, which ends with a line feed, by that key. */
WEIR_MUST_USE weir_status weir__audit_sign(struct weir_store *store,
                                           weir_span text,
                                           struct weir_buf *note,
                                           char key_out[256],
                                           struct weir_error *err);

/* "A..B". */
bool weir__audit_leaves(weir_span text, uint64_t *first_out, uint64_t *end_out);

/* journal.c: the chain of segments, and every record against ledger and
 * log. */
WEIR_MUST_USE weir_status weir__audit_journal(struct weir_audit *audit,
                                              json_t *reply,
                                              struct weir_error *err);

#endif
