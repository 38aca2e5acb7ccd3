/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/witness/vouch.h - the log's side: asking those who vouch for it.
 *
 * Beside the log's own `checkpoint`, its directory then has
 *
 *    checkpoint.witnessed       the newest that met the policy's quorum
 *    stamps/<size>.checkpoint   one that a time authority stamped
 *    stamps/<size>.tsr          its answer (RFC 3161)
 *    stamps/index               the sizes, ascending, 20 digits each
 *
 * Threads: as said. Memory: the caller's.
 */
#ifndef WEIR_CONTROL_VOUCH_H
#define WEIR_CONTROL_VOUCH_H

#include <weir/tlog_witness.h>

#include "control/control.h"

#define WEIR_STAMP_BYTES_MAX ((size_t)32 << 10)
#define WEIR_WITNESSED       "checkpoint.witnessed"

/* ------------------------------------------------------------- rules */

/* The settings, copied out. */
struct weir_transparency {
    char policy[WEIR_PATH_MAX]; /* empty: no policy */
    char stamp_url[512];
    char stamp_command[1024];
    char stamp_ca[WEIR_PATH_MAX];
    weir_time stamp_us;
};

/* Takes control->lock. */
void weir_transparency_of(struct weir_control *control,
                          struct weir_transparency *rules_out);

/* A policy with the text that it borrows from. */
struct weir_policy_file {
    char *text;
    struct weir_tlog_policy policy;
};
/* Free file_out->text. EPARSE, EIO. */
WEIR_MUST_USE weir_status weir_policy_load(const char *path,
                                           struct weir_policy_file *file_out,
                                           struct weir_error *err);

/* --------------------------------------------------------- witnesses */

/* What is remembered of a witness between rounds. */
struct weir_vouch_witness {
    uint64_t size; /* it cosigned last, as far as is known */
    bool has_signed;
    char line[WEIR_NOTE_LINE_MAX +
              1];      /* its cosignature of the checkpoint at hand */
    char problem[192]; /* of the last try; empty: none */
    bool is_refusal;   /* it has seen another history */
};

struct weir_vouch {
    char key[33];     /* of the policy at hand, to notice a change */
    weir_digest text; /* of the checkpoint at hand */
    bool is_saved;    /* as checkpoint.witnessed, with all who signed */
    struct weir_vouch_witness witnesses[WEIR_TLOG_POLICY_PARTIES_MAX];
};

struct weir_vouch_result {
    uint64_t size;
    uint32_t asked;
    uint32_t signed_count; /* of the checkpoint at hand, all in all */
    uint32_t refusals;
    bool is_met;
};

/*
 * One round: asks every witness of `policy` with an address that has not
 * cosigned the log's checkpoint yet, all at once, each for `timeout_ms` at
 * most; writes checkpoint.witnessed when the quorum is met. Nothing is there
 * to be asked about: WEIR_OK with size 0. A witness that fails is no
 * failure. ECORRUPT: the checkpoint is not `own`'s.
 */
WEIR_MUST_USE weir_status weir_vouch_round(
    struct weir_vouch *vouch, const struct weir_tlog_policy *policy,
    const struct weir_note_key *own, const char *tlog_dir, long timeout_ms,
    struct weir_vouch_result *result_out, struct weir_error *err);

/* -------------------------------------------------------- timestamps */

/*
 * Asks the time authority of `rules` for a stamp of the newest witnessed
 * checkpoint (without a policy: the newest) and saves both. EUPSTREAM: it
 * did not answer, or with something else; ENOTFOUND: no checkpoint yet, or
 * it is stamped.
 */
WEIR_MUST_USE weir_status weir_stamp_take(const struct weir_transparency *rules,
                                          const char *tlog_dir,
                                          struct weir_error *err);
/* The smallest stamped size that covers `leaf`; false: none. */
bool weir_stamp_find(const char *tlog_dir, uint64_t leaf, uint64_t *size_out);
/* stamps/<size>.<end>, appended to `out`. */
WEIR_MUST_USE weir_status weir_stamp_read(const char *tlog_dir, uint64_t size,
                                          const char *end, struct weir_buf *out,
                                          struct weir_error *err);
/*
 * That `stamp` (a time-stamp response) is over the text of a note and signed
 * under the trust anchors of `ca_path`. EUNAUTH: no; err says why.
 */
WEIR_MUST_USE weir_status weir_stamp_verify(weir_span stamp, weir_span text,
                                            const char *ca_path,
                                            weir_time *when_out,
                                            struct weir_error *err);

/* ------------------------------------------------------------ thread */

/* Rounds once a second, and stamps, as the configuration says; logs what
 * changes. Has a store of its own. */
struct weir_voucher;
WEIR_MUST_USE weir_status weir_voucher_start(struct weir_control *control,
                                             struct weir_voucher **voucher_out,
                                             struct weir_error *err);
void weir_voucher_stop(struct weir_voucher *voucher); /* NULL is fine */

#endif
