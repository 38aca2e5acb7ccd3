/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/watch/verdicts.h - what the live watch says, as rows of the store.
 *
 * The watch appends a row to `watch_verdicts` when what it says of a subject
 * changes: another step, other signals, or quiet again; and while it stands,
 * or is quiet, for each of the next looks, later for each eighth: who acts
 * counts windows, and `looks` says for how many a row stands. A row never changes and numbers grow, so
 * whoever acts on verdicts (steps, cases, notices) keeps the number of the
 * last row he dealt with in a transaction of his own and reads on from there:
 * each row then counts exactly once, whoever dies. The watch writes a row
 * at most once, also when it reads the journal again.
 *
 * A verdict recommends. It does nothing by itself.
 *
 * Threads and memory: as control/store/store.h; spans live until the
 * callback returns.
 */
#ifndef WEIR_WATCH_VERDICTS_H
#define WEIR_WATCH_VERDICTS_H

#include <weir/watch_score.h>
#include <weir/watch_step.h>

#include "control/store/store.h"

/*
 * What a pool is of: enum weir_watch_subject_kind of weir/watch_step.h, whose
 * numbers go on here. Digests are those of records and overlays.
 */
#define WEIR_WATCH_OF_CLUSTER 7 /* "wc_..." */
/* A tenant's calls to the models of one provider, for the model owner's
 * eyes: "provider/tenant". */
#define WEIR_WATCH_OF_MODELS 8
#define WEIR_WATCH_POOLED    9 /* one more than the last */
/* "key" ... "end_customer", "cluster", "models"; NULL: no such kind. */
const char *weir_watch_kind_name(uint32_t kind);
bool weir_watch_kind_parse(weir_span text, uint32_t *kind_out);
/* The digest of one tenant's calls to one provider's models. */
uint64_t weir_watch_models(weir_span provider, uint64_t tenant);
/* The digest of "kind:name", as people write it; of end customers
 * "end_customer:tenant/name". EPARSE: not that. */
WEIR_MUST_USE weir_status weir_watch_named(weir_span text, uint32_t *kind_out,
                                           uint64_t *digest_out,
                                           weir_span *name_out,
                                           struct weir_error *err);

/* Looks since what is said changed: the first ones have a row each, later
 * ones each eighth, and silence is told for so many. */
#define WEIR_WATCH_LOOKS_EACH    16
#define WEIR_WATCH_LOOKS_STEP    8
#define WEIR_WATCH_LOOKS_QUIET   512
#define WEIR_WATCH_EVIDENCE      8   /* calls named by a verdict */
#define WEIR_WATCH_SUBJECT_BYTES 400 /* of a name, at most */

struct weir_watch_row {
    int64_t number; /* filled by the store */
    uint32_t kind;
    uint64_t digest;
    weir_span name;     /* "#" and the digest where no name is known */
    weir_span tenant;   /* whose calls they are; empty: of several */
    weir_span provider; /* of `models`; else empty */
    weir_time window_end;
    uint64_t calls;  /* of the subject, in all */
    uint32_t window; /* calls of the window */
    bool has_reference;
    float score;                   /* 1: the line of a case */
    float plain_score;             /* without cues */
    float z;                       /* of clusters */
    uint32_t fired;                /* bit per enum weir_watch_signal */
    uint32_t kinds;                /* how many different kinds fired */
    enum weir_watch_action action; /* suggested; NOTHING: it is quiet again */
    uint32_t looks; /* in a row, this one included, since the row before it,
                       that said no more than it */
    /*
     * JSON, docs/formats/watch-verdicts.md: {"signals":[{"signal","value",
     * "line","seen","expected","fired","meaning","benign"}],"evidence":
     * ["req_..."],"calibration":"...", and of clusters "members", "links"}.
     */
    weir_span detail;
};

/* Whether the n-th look since the last change has a row. */
static inline bool
weir_watch_is_told(uint64_t look)
{
    return look <= WEIR_WATCH_LOOKS_EACH || look % WEIR_WATCH_LOOKS_STEP == 0;
}

/* From the row behind `after`, in order, at most `limit`; false stops. */
typedef bool weir_watch_on_row(void *context, const struct weir_watch_row *row);
WEIR_MUST_USE weir_status weir_watch_verdicts_after(
    struct weir_store *store, int64_t after, uint32_t limit,
    weir_watch_on_row *on_row, void *context, struct weir_error *err);
/* Those of one subject, newest first. */
WEIR_MUST_USE weir_status weir_watch_verdicts_of(
    struct weir_store *store, uint32_t kind, uint64_t digest, uint32_t limit,
    weir_watch_on_row *on_row, void *context, struct weir_error *err);

/* The last word on each subject of a kind (0: all), of a tenant and of a
 * provider's models (empty: all), whose action is `least` or more; strictest
 * first. */
struct weir_watch_filter {
    uint32_t kind;
    weir_span tenant;
    weir_span provider;
    enum weir_watch_action least;
    uint32_t limit;
};
WEIR_MUST_USE weir_status weir_watch_verdicts_last(
    struct weir_store *store, const struct weir_watch_filter *filter,
    weir_watch_on_row *on_row, void *context, struct weir_error *err);
/* One row; ENOTFOUND. */
WEIR_MUST_USE weir_status weir_watch_verdict_get(struct weir_store *store,
                                                 int64_t number,
                                                 weir_watch_on_row *on_row,
                                                 void *context,
                                                 struct weir_error *err);

#endif
