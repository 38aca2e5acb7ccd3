/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/reports/disclosure/pack.h - an archive that leaves the house: a tar
 * with a manifest of every file's digest, signed with the log's key, and for
 * every record that it speaks of a proof that its leaf stands in the log.
 * docs/formats/reports.md says enough to check one without weir.
 *
 * Threads: one owner. Memory: a pack is held whole, at most
 * WEIR_PACK_BYTES_MAX; failures of memory are sticky and said when it is
 * written.
 */
#ifndef WEIR_PACK_H
#define WEIR_PACK_H

#include <jansson.h>

#include "control/audit/audit.h"
#include "control/reports/parts.h"

#define WEIR_PACK_BYTES_MAX ((size_t)512 << 20)
#define WEIR_PACK_FILES_MAX 64
#define WEIR_PACK_CALLS_MAX 200000

/* How much a pack tells of a call; each has what those before it have. */
enum weir_pack_level {
    WEIR_PACK_COUNTS = 1,     /* sums alone: no rows, no proofs */
    WEIR_PACK_PSEUDONYMS = 2, /* rows; callers under names of this pack alone */
    WEIR_PACK_NAMED = 3,      /* rows with the callers' names */
    WEIR_PACK_RECORDS = 4,    /* and the records themselves, with salts */
};
const char *weir_pack_level_name(enum weir_pack_level level);
bool weir_pack_level_parse(weir_span text, enum weir_pack_level *level_out);

struct weir_pack;
/* `kind`: "disclosure" or "incident"; `id` is its name. */
WEIR_MUST_USE weir_status weir_pack_new(const char *kind, const char *id,
                                        struct weir_pack **pack_out,
                                        struct weir_error *err);
void weir_pack_free(struct weir_pack *pack); /* NULL is fine */
/* A file of it; the bytes are copied. `name`: at most 99 bytes. */
void weir_pack_add(struct weir_pack *pack, const char *name, weir_span bytes);
/* The same from JSON, which is taken. */
void weir_pack_add_json(struct weir_pack *pack, const char *name, json_t *json);
/* Writes the tar; `digest_out`: SHA-256 of it. ETOOBIG, ENOMEM. */
WEIR_MUST_USE weir_status weir_pack_write(struct weir_pack *pack,
                                          struct weir_store *store,
                                          weir_time now, struct weir_buf *out,
                                          weir_digest *digest_out,
                                          struct weir_error *err);

/* The secret that pseudonyms come from is there. */
WEIR_MUST_USE weir_status weir__pack_pseudonyms(struct weir_control *control,
                                                struct weir_error *err);

/* -------------------------------------------------------------- calls */

struct weir_pack_calls {
    struct weir_report_ask ask; /* period and tenant */
    weir_span kind;             /* "key", "model", ..; empty: all calls */
    weir_span subject;          /* only what concerns it */
    enum weir_pack_level level;
    weir_span fields; /* names by comma; empty: those of the level */
    const struct weir_transparency *rules;
    const char *pack; /* its id: pseudonyms are of it */
};
/* Whether a call has the key, tenant, model, deployment, organisation or place
 * of that name; of other kinds every call has. */
bool weir__pack_concerns(weir_span kind, weir_span subject,
                         const struct weir_store_call *call);
/* Adds calls.csv, proofs.csv, checkpoint and (RECORDS) records.jsonl; of
 * COUNTS nothing. `count_out`: of calls. EPARSE: a field is none, or the level
 * does not show it; EUNAVAIL: the log does not cover a call yet; ELIMIT. */
WEIR_MUST_USE weir_status
weir_pack_add_calls(struct weir_pack *pack, const struct weir_pack_calls *calls,
                    uint64_t *count_out, struct weir_error *err);

/* ----------------------------------------------------------- checking */

/*
 * Everything in it against its manifest, the manifest's signature, every
 * proof against the checkpoint's root, every record against its leaf and its
 * row. With nothing but the bytes. EUNAUTH, ECORRUPT, EPARSE say what is
 * wrong; the reply has pack, kind, files, calls, proofs, records, key,
 * key_was_given.
 */
WEIR_MUST_USE weir_status weir_pack_check(weir_span bytes, weir_span key,
                                          json_t **reply_out,
                                          struct weir_error *err);

/* --------------------------------------------------------- disclosure */

struct weir_disclosure_wish {
    weir_span authority; /* who asks */
    weir_span reference; /* by which letter, order or law */
    weir_span level;     /* empty: pseudonyms */
    weir_span fields;
    weir_span tenant;
    weir_time from;
    weir_time to;
};
/* The reply: pack (its id), sha256, calls, archive (base64). On record as
 * report.disclose. */
WEIR_MUST_USE weir_status weir_disclosure_make(
    struct weir_control *control, struct weir_store *store,
    const struct weir_actor *actor, const struct weir_disclosure_wish *wish,
    json_t **reply_out, struct weir_error *err);

#endif
