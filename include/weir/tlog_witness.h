/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/tlog_witness.h - others who vouch for a transparency log.
 *
 * A log signs its own checkpoints, so it could show two people two
 * histories. A witness remembers the last checkpoint it saw and cosigns only
 * what extends it; a policy says whose cosignatures are enough. Texts as
 * C2SP describes them (tlog-witness, tlog-cosignature, tlog-policy). Pure:
 * HTTP, files and the clock are control/witness.
 *
 * Threads: no shared state. Memory: the caller's; parsed structs borrow the
 * text they came from.
 */
#ifndef WEIR_TLOG_WITNESS_H
#define WEIR_TLOG_WITNESS_H

#include <weir/tlog.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------- keys */

/*
 * "PRIVATE+KEY+name+hexid+base64(type || seed)", one line (a newline at its
 * end is fine). A key of type Ed25519 serves as a cosigner's as well.
 * WEIR_EPARSE. Wipe *secret_out when done.
 */
WEIR_MUST_USE weir_status weir_note_secret_parse(
    weir_span text, struct weir_note_key *key_out,
    struct weir_note_secret *secret_out, struct weir_error *err);
/* With a newline. WEIR_EPARSE: the name; WEIR_EINTERNAL: the key. */
WEIR_MUST_USE weir_status
weir_note_secret_write(weir_span name, const struct weir_note_secret *secret,
                       struct weir_buf *out, struct weir_error *err);

/* The time of `key`'s cosignature of a note that it signed, in whole
 * seconds; false: there is none. Does not verify. */
bool weir_note_cosigned_at(const struct weir_note *note,
                           const struct weir_note_key *key,
                           weir_time *when_out);

/* ---------------------------------------------------------- protocol */

#define WEIR_WITNESS_PROOF_MAX 63
/* Of a request: the old size, the proof, the longest note. */
#define WEIR_WITNESS_BODY_MAX (WEIR_NOTE_BYTES_MAX + 4096)
#define WEIR_WITNESS_CONFLICT "text/x.tlog.size"

/* The body of add-checkpoint. */
struct weir_witness_request {
    uint64_t old_size;
    weir_digest proof[WEIR_WITNESS_PROOF_MAX];
    size_t proof_count;
    weir_span checkpoint; /* the signed note */
};

/* WEIR_EPARSE. */
WEIR_MUST_USE weir_status weir_witness_request_parse(
    weir_span body, struct weir_witness_request *request_out,
    struct weir_error *err);
void weir_witness_request_write(const struct weir_witness_request *request,
                                struct weir_buf *out);

/* The last checkpoint of a log that was cosigned; size 0 before the first. */
struct weir_witness_state {
    uint64_t size;
    weir_digest root;
};

/* Numbers are those of HTTP. */
enum weir_witness_verdict {
    WEIR_WITNESS_COSIGN = 200,
    WEIR_WITNESS_MALFORMED = 400,
    WEIR_WITNESS_UNTRUSTED = 403,     /* no key of the log signed it */
    WEIR_WITNESS_UNKNOWN = 404,       /* the log */
    WEIR_WITNESS_CONFLICT_SIZE = 409, /* answer with state->size */
    WEIR_WITNESS_INCONSISTENT = 422,  /* the proof does not hold: a fork */
    WEIR_WITNESS_FORK = 1409,         /* 409: another tree of the same size */
};

/*
 * Judges a parsed request whose note is `note` and says `head`, for a log
 * trusted by `keys`, all of the origin's name. `err` (may be NULL) says why
 * when it is not to be cosigned. Nothing is remembered: the caller saves
 * `head` before it answers, and no other request of this log may come
 * between.
 */
enum weir_witness_verdict weir_witness_judge(
    const struct weir_witness_request *request, const struct weir_note *note,
    const struct weir_checkpoint *head, const struct weir_note_key *keys,
    size_t key_count, const struct weir_witness_state *state,
    struct weir_error *err);

/* ------------------------------------------------------------ policy */

#define WEIR_TLOG_POLICY_PARTIES_MAX 32 /* logs; witnesses; groups */
#define WEIR_TLOG_POLICY_BYTES_MAX   (256 * 1024)

struct weir_tlog_party {
    weir_span name; /* in the policy; empty for a log */
    struct weir_note_key key;
    weir_span url; /* empty: none */
};

struct weir_tlog_group {
    weir_span name;
    uint32_t least;   /* members that must vouch */
    uint64_t members; /* bit i: witness i; bit 32 + i: group i */
};

struct weir_tlog_policy {
    struct weir_tlog_party logs[WEIR_TLOG_POLICY_PARTIES_MAX];
    struct weir_tlog_party witnesses[WEIR_TLOG_POLICY_PARTIES_MAX];
    struct weir_tlog_group groups[WEIR_TLOG_POLICY_PARTIES_MAX];
    uint32_t log_count;
    uint32_t witness_count;
    uint32_t group_count;
    uint64_t quorum; /* a bit as in members; 0: none is required */
};

/* WEIR_EPARSE: err->text names the line. WEIR_ELIMIT: more of a kind than
 * weir takes. */
WEIR_MUST_USE weir_status
weir_tlog_policy_parse(weir_span text, struct weir_tlog_policy *policy_out,
                       struct weir_error *err);
/* True when the witnesses of `signed_by` (bit i: witness i) are enough. */
bool weir_tlog_policy_is_met(const struct weir_tlog_policy *policy,
                             uint64_t signed_by);
/*
 * A checkpoint as the policy wants it: signed by one of its logs under the
 * log's own name (where it names none, by `own`, which may be NULL), and
 * cosigned by the quorum. *witnesses_out (may be NULL): bit i, witness i.
 * WEIR_EUNAUTH: signatures, or too few witnesses; WEIR_EPARSE.
 */
WEIR_MUST_USE weir_status weir_tlog_policy_verify(
    const struct weir_tlog_policy *policy, const struct weir_note_key *own,
    weir_span note, struct weir_checkpoint *checkpoint_out,
    uint64_t *witnesses_out, struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
