/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/sharing/sharing.h - indicators from and for other operators.
 *
 *     bundle --import--> share_bundle, sharing/N.bundle --> indicators-N
 *                                                             \--> workers
 *     reviewed cases --gather--> digests --export, salt--> bundle
 *
 * A bundle is all that its issuer says to an exchange: the one with the
 * greater serial replaces those before it, so what is not in it any more is
 * withdrawn. docs/formats/watch-bundle.md.
 *
 * Threads: what takes control takes its lock; reading goes over the caller's
 * store. Memory: spans are read before a function returns; those of a row
 * are valid until the callback returns.
 */
#ifndef WEIR_SHARING_H
#define WEIR_SHARING_H

#include <weir/watch_indicators.h>

#include "control/control.h"
#include "control/sharing/bundle.h"

/* Words of all exchanges together: a worker checks a set of that size in
 * under 20 ms when it maps it. */
#define WEIR_SHARE_WORDS_MAX (UINT32_C(1) << 20)
/* A clock may run so far ahead of ours. */
#define WEIR_SHARE_AHEAD_US    (300 * WEIR_US_PER_SEC)
#define WEIR_SHARE_REASON_MAX  2000
#define WEIR_SHARE_CASES_BYTES 262144 /* of a row's `cases` */

struct weir_share_bundle {
    int64_t number;
    bool is_ours; /* given out; else taken */
    weir_span exchange;
    weir_span issuer;
    uint64_t serial;
    weir_time issued;
    weir_time expires;
    uint32_t indicators;
    uint8_t digest[32]; /* SHA-256 of its text */
    weir_span key;      /* base64 */
    weir_span cases;    /* of ours: JSON, which cases it came from */
    weir_time at;       /* when it was taken or given */
    weir_span actor;
    weir_span person; /* empty: nobody in particular */
    weir_time ended;  /* 0: it counts */
    weir_span ended_by;
    weir_span ended_reason;
};
typedef bool weir_share_on_bundle(void *context,
                                  const struct weir_share_bundle *row);
/* Newest first; `exchange` empty: all; `limit` 0: 1000. */
WEIR_MUST_USE weir_status weir_share_bundles(
    struct weir_store *store, weir_span exchange, bool is_all, uint32_t limit,
    weir_share_on_bundle *on_row, void *context, struct weir_error *err);

/* An exchange of the configuration as it stands. */
struct weir_share_state {
    weir_span name;
    weir_span issuer;    /* we, there; empty: we give nothing */
    uint32_t gives;      /* bit per enum weir_indicator_kind */
    weir_time lasts;     /* of what we give */
    uint32_t trusts;     /* issuers */
    uint32_t number;     /* its bit in records */
    bool has_number;     /* one was given to it: it was published */
    uint32_t bundles;    /* that count */
    uint32_t indicators; /* of them, doubles too */
    char problem[192];   /* why it matches nothing; empty: nothing is wrong */
};
typedef bool weir_share_on_state(void *context,
                                 const struct weir_share_state *state);
/* `reads_salts`: a salt that cannot be had is a problem; it may take a command
 * of the operator's to find out. */
WEIR_MUST_USE weir_status weir_share_states(struct weir_control *control,
                                            bool reads_salts,
                                            weir_share_on_state *on_state,
                                            void *context,
                                            struct weir_error *err);
/* The exchange that had this number then; false: none. */
bool weir_share_name_at(struct weir_store *store, uint32_t number,
                        weir_time when,
                        char name_out[WEIR_INDICATOR_NAME_BYTES]);

/* ---------------------------------------------------------------- deeds */

struct weir_share_taken {
    int64_t number;
    uint64_t serial;
    uint32_t indicators;
    weir_time expires;
    char exchange[WEIR_BUNDLE_NAME_MAX + 1];
    char issuer[WEIR_BUNDLE_NAME_MAX + 1];
};
/*
 * Checks a bundle against the configuration and what was taken before; every
 * worker matches it when its next call begins.
 * EPARSE, EVERSION, ECORRUPT: no sound bundle; ENOTFOUND: no such exchange;
 * EROLE: its issuer and key are not trusted there; ECONFLICT: a replay, an
 * older serial, over, or not yet issued; ELIMIT: too many words in all.
 */
WEIR_MUST_USE weir_status weir_share_import(struct weir_control *control,
                                            const struct weir_actor *actor,
                                            weir_span text,
                                            struct weir_share_taken *taken_out,
                                            struct weir_error *err);
/* Ends an imported bundle before its time. ENOTFOUND, ECONFLICT. */
WEIR_MUST_USE weir_status weir_share_remove(struct weir_control *control,
                                            const struct weir_actor *actor,
                                            int64_t number, weir_span reason,
                                            struct weir_error *err);

struct weir_share_given {
    struct weir_share_taken bundle;
    uint32_t cases;    /* whose indicators are in it */
    uint32_t withheld; /* reviewed cases that were left out by a person */
    uint32_t common;   /* digests left out: others have them as well */
};
/*
 * The bundle of what reviewed cases had in common, signed, on record; its
 * text goes to `out`. `store` is the caller's, for reading the ledger.
 * EROLE: a token of one's own is needed. ENOTFOUND: no such exchange, or
 * nothing to give and nothing given before. ECONFLICT: the configuration
 * gives nothing there.
 */
WEIR_MUST_USE weir_status weir_share_export(
    struct weir_control *control, struct weir_store *store,
    const struct weir_actor *actor, weir_span exchange, struct weir_buf *out,
    struct weir_share_given *given_out, struct weir_error *err);
/* Bundles for this exchange leave the case out from the next one on. */
WEIR_MUST_USE weir_status weir_share_withhold(struct weir_control *control,
                                              const struct weir_actor *actor,
                                              weir_span exchange,
                                              int64_t case_number,
                                              weir_span reason,
                                              struct weir_error *err);

/* ----------------------------------------------------------------- work */

/* Ends what is over, removes its file, publishes what is owed. */
WEIR_MUST_USE weir_status weir_share_turn(struct weir_control *control,
                                          struct weir_error *err);
/* A thread that turns once a second. */
struct weir_share_keeper;
WEIR_MUST_USE weir_status weir_share_start(struct weir_control *control,
                                           struct weir_share_keeper **out,
                                           struct weir_error *err);
void weir_share_stop(struct weir_share_keeper *keeper); /* NULL is fine */

/* With control's lock held: the set as configuration and store have it, as a
 * new generation where it differs from the one in force. */
WEIR_MUST_USE weir_status weir__share_publish(struct weir_control *control,
                                              struct weir_error *err);

#endif
