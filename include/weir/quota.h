/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/quota.h - hold budget before a call, settle after it.
 *
 * A hold reserves an estimate in every window that applies (minute, day,
 * month, ...), in all of them or in none. Settling replaces the estimate by
 * what was metered; releasing undoes it. The limits come from the image with
 * each call; the table keeps counters only, so a changed limit acts at once.
 *
 * Exactness: with hard limits the reserved sum never passes the limit, over
 * any number of workers. Only settling can pass it, by (actual - estimate).
 * A call that is refused by one limit may for some nanoseconds occupy its
 * other windows; a call beside it can be refused by that, never let through.
 *
 * Death: kill -9 at any instruction errs by at most one call's hold per dead
 * worker, on the safe side: the counter stays too high (shown as held) until
 * its window ends. Everything else the worker held is given back by
 * weir_quota_recover_lane().
 *
 * Threads: hold, settle, release and close belong to the lane's one owner (a
 * worker); all else may be called from any process or thread. No locks.
 * Memory: one zeroed block from the caller, usually a mapped file shared by
 * all workers and control; nothing is allocated.
 */
#ifndef WEIR_QUOTA_H
#define WEIR_QUOTA_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Limits of one call; one more is refused by `weir check`. */
#define WEIR_QUOTA_LIMITS_MAX 32

typedef enum {
    WEIR_QUOTA_REQUESTS,
    WEIR_QUOTA_TOKENS,
    WEIR_QUOTA_MICROS, /* money */
    WEIR_QUOTA_METRICS /* how many */
} weir_quota_metric;

/* Calendar windows in UTC, weeks begin on Monday, and EVER, which does not
 * end and is of grants alone. Stored: never renumber. */
typedef enum {
    WEIR_QUOTA_MINUTE,
    WEIR_QUOTA_HOUR,
    WEIR_QUOTA_DAY,
    WEIR_QUOTA_WEEK,
    WEIR_QUOTA_MONTH,
    WEIR_QUOTA_YEAR,
    WEIR_QUOTA_EVER,
    WEIR_QUOTA_WINDOWS,                   /* how many */
    WEIR_QUOTA_CALENDAR = WEIR_QUOTA_EVER /* how many budgets may name */
} weir_quota_window;

/* What one call takes, per metric; never negative. */
typedef struct {
    int64_t of[WEIR_QUOTA_METRICS];
} weir_quota_amounts;

/*
 * `subject` is the caller's 64-bit hash of what is limited (key, project,
 * tenant, model, ...); 0 is not a subject.
 *
 * A POOL with reserved shares is two limits: the member's, which counts all
 * that the member uses, with its `reserve`, and the rest, which all members
 * draw on for what is above their reserves. `pool` of the member's names the
 * rest's place in the same array; the rest is marked `is_rest`, and its
 * amount is the pool's without all reserves. A member without a reserve
 * holds the rest as any other limit. So for each pool
 *     rest = sum over members of max(0, used and held - reserve).
 */
typedef struct {
    uint64_t subject;
    int64_t amount;   /* 0 .. weir_quota_amount_max(window) */
    int64_t reserve;  /* with `pool`: never refused up to this */
    int32_t offset_s; /* the zone's, east of UTC: windows begin there */
    uint8_t metric;   /* weir_quota_metric */
    uint8_t window;   /* weir_quota_window */
    uint8_t pool;     /* index of its rest in the array plus 1; 0: none */
    bool is_hard;     /* a soft limit is counted and never refuses */
    bool is_rest;     /* counted by its members alone */
    bool is_minor;    /* of subjects that callers name: no new counter once
                         half the table is in use */
    uint8_t reserved[6];
} weir_quota_limit;

/* A live hold; a value, valid until settled, released or recovered. */
typedef struct {
    uint64_t call;
    uint32_t lane;
    uint32_t entry;
} weir_hold;

typedef struct {
    uint32_t limit;       /* index of the first full limit, in caller's order */
    bool is_never;        /* the estimate alone is above the limit */
    int64_t used;         /* in that window, without this call */
    int64_t held;         /* the same, by calls under way */
    weir_time reopens_at; /* the window's end, as if it were in UTC: the
                             limit's offset is not taken off */
} weir_quota_refusal;

struct weir_quota; /* the caller's block */

/* ------------------------------------------------------------- life */

/* Bytes for `slots` counters (power of two; one per subject, metric and
 * window kind, at most 7/8 of them used) and `lanes` workers of `entries`
 * live holds each. The block may be sparse: untouched parts cost nothing. */
size_t weir_quota_size(uint32_t slots, uint32_t lanes, uint32_t entries);

/* Lays out a zeroed block, 64-byte aligned. The table begins in rebuild:
 * holds are refused with EUNAVAIL until weir_quota_rebuild_end(). */
WEIR_MUST_USE weir_status weir_quota_format(void *memory, size_t size,
                                            uint32_t slots, uint32_t lanes,
                                            uint32_t entries,
                                            struct weir_quota **quota_out,
                                            struct weir_error *err);

/* Takes a block that another process has laid out.
 * ECORRUPT: not a quota block; EVERSION: another layout. */
WEIR_MUST_USE weir_status weir_quota_attach(void *memory, size_t size,
                                            struct weir_quota **quota_out,
                                            struct weir_error *err);

/* Makes `lane` the caller's own (worker start); `owner` is its process id,
 * kept for control to read. The caller made sure that a former owner is
 * gone; what that left is released first. False while somebody else
 * recovers the lane: ask again soon. */
WEIR_MUST_USE bool weir_quota_lane_open(struct weir_quota *quota, uint32_t lane,
                                        uint32_t owner);
/* The process id given at open (or of who recovers it), 0 when closed. */
uint32_t weir_quota_lane_owner(const struct weir_quota *quota, uint32_t lane);
/* The owner leaves; what it still holds is released. */
void weir_quota_lane_close(struct weir_quota *quota, uint32_t lane);

/* ------------------------------------------------------- a call's way */

/*
 * Holds `estimate` under every limit, or under none. No two limits may have
 * the same subject, metric and window. `call` is not 0; it names the call to
 * whoever recovers the lane. A metric whose estimate is 0 is never refused.
 * EBUDGET, ERATE: a hard limit is full (ERATE: a window of an hour or less);
 * `refusal_out` (may be NULL) says which. EUNAVAIL: rebuild under way, no
 * free counter, or no free entry in the lane; nothing was held.
 * A soft limit that is passed sets its bit in `*passed_out` (may be NULL).
 */
WEIR_MUST_USE weir_status
weir_quota_hold(struct weir_quota *quota, uint32_t lane, uint64_t call,
                const weir_quota_limit *limits, size_t count,
                const weir_quota_amounts *estimate, weir_time now,
                weir_hold *hold_out, uint32_t *passed_out,
                weir_quota_refusal *refusal_out, struct weir_error *err);

/* Cannot fail. `actual` may exceed the estimate; the excess is recorded even
 * above the limit. A window that has ended meanwhile is left alone: its
 * history is the ledger's. */
void weir_quota_settle(struct weir_quota *quota, weir_hold hold,
                       const weir_quota_amounts *actual);
/* The same; limits whose bit (by their place at the hold) is not in
 * `applies` are settled with nothing: of models that did not answer. */
void weir_quota_settle_some(struct weir_quota *quota, weir_hold hold,
                            const weir_quota_amounts *actual, uint32_t applies);

/* Cannot fail: as if the call had never asked. */
void weir_quota_release(struct weir_quota *quota, weir_hold hold);

/* What a call that was settled long ago really took: adds `delta` (may be
 * negative) to the counters of `limits` whose window still contains `when`,
 * never below 0. From any process or thread. */
void weir_quota_correct(struct weir_quota *quota,
                        const weir_quota_limit *limits, size_t count,
                        weir_time when, const weir_quota_amounts *delta);

/* ------------------------------------------------------ after a death */

/* Says what a dead worker's call really took: true settles it by
 * `actual_out` (preset to the estimate), false releases it. */
typedef bool weir_quota_on_hold(void *context, uint64_t call, weir_time held_at,
                                weir_quota_amounts *actual_out);

/* Ends every hold of a lane whose owner `dead` is gone (the caller made
 * sure) and closes the lane; `on_hold` NULL releases all. `self` is the
 * caller's process id. Returns how many holds were ended; 0 also when
 * the lane is no longer `dead`'s. May itself be killed: pass its id next. */
uint32_t weir_quota_recover_lane(struct weir_quota *quota, uint32_t lane,
                                 uint32_t dead, uint32_t self,
                                 weir_quota_on_hold *on_hold, void *context);

/* ------------------------------------------- start, metrics and admin */

/* From begin to end every hold is refused with EUNAVAIL; begin forgets all
 * counters and holds. Call with no worker attached, or with all of them
 * idle: a hold that begin has forgotten is settled as nothing. */
void weir_quota_rebuild_begin(struct weir_quota *quota);
void weir_quota_rebuild_end(struct weir_quota *quota);
bool weir_quota_is_rebuilding(const struct weir_quota *quota);

/* Sets what the ledger knows as used in the window that contains `when`;
 * between begin and end. EUNAVAIL: the table is full. */
WEIR_MUST_USE weir_status weir_quota_seed(struct weir_quota *quota,
                                          uint64_t subject,
                                          weir_quota_metric metric,
                                          weir_quota_window window,
                                          weir_time when, int64_t used);

/* While workers hold: `used` of the window that contains `when` becomes at
 * least that. For a limit that is new in an image, before it is published. */
WEIR_MUST_USE weir_status weir_quota_raise(struct weir_quota *quota,
                                           uint64_t subject,
                                           weir_quota_metric metric,
                                           weir_quota_window window,
                                           weir_time when, int64_t used);

/* Of a limit with an offset: `now`, and the times given back, are the zone's
 * own, as if it were UTC. */
typedef struct {
    uint64_t subject;
    weir_quota_metric metric;
    weir_quota_window window;
    weir_time starts_at;
    weir_time ends_at;
    int64_t used;
    int64_t held;
    uint64_t refused; /* calls this counter has refused, ever */
    /* The last window before this one in which something was settled. */
    weir_time last_starts_at; /* WEIR_TIME_MIN: none is known */
    int64_t last_used;
} weir_quota_row;

/* One counter as of `now` (a window that is over reads as 0, 0); false when
 * nobody has used it yet. */
bool weir_quota_get(const struct weir_quota *quota, uint64_t subject,
                    weir_quota_metric metric, weir_quota_window window,
                    weir_time now, weir_quota_row *row_out);

/* The next counter in use from `*cursor` (begin with 0); false at the end.
 * Rows are not a snapshot of one moment. */
bool weir_quota_next(const struct weir_quota *quota, uint32_t *cursor,
                     weir_time now, weir_quota_row *row_out);

typedef struct {
    uint32_t slots;      /* in the table */
    uint32_t slots_used; /* counters in use */
    uint32_t lanes;
    uint32_t entries;      /* per lane */
    uint64_t holds;        /* granted, ever */
    uint64_t refused;      /* by a full limit, ever */
    uint64_t refused_full; /* no free counter, ever */
    uint64_t refused_lane; /* no free entry in the lane, ever */
    uint64_t recovered;    /* holds of dead workers ended, ever */
    uint64_t saturated;    /* sums clipped at the window's maximum, ever */
    uint64_t stale;        /* settled or released though no longer live */
} weir_quota_stats;

void weir_quota_stats_get(const struct weir_quota *quota,
                          weir_quota_stats *stats_out);

/* Live holds of one lane (approximate while its owner runs). */
uint32_t weir_quota_lane_held(const struct weir_quota *quota, uint32_t lane);

/* The window of `kind` that contains `when`: [start, end). */
void weir_quota_window_of(weir_quota_window kind, weir_time when,
                          weir_time *starts_at_out, weir_time *ends_at_out);

/* "minute", "requests", ... */
const char *weir_quota_window_name(weir_quota_window kind);
const char *weir_quota_metric_name(weir_quota_metric metric);

/* The greatest sum a window of this kind can count: 2^40 - 1 (minute), 2^44 -
 * 1 (hour), 2^48 - 1 (day, week), 2^52 - 1 (month, year, ever). */
int64_t weir_quota_amount_max(weir_quota_window kind);

#ifdef __cplusplus
}
#endif

#endif
