/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/health.h - how deployments do, over all workers.
 *
 * One table in memory that workers share: a row per deployment with its
 * circuit breaker, the calls in flight and how fast it replies. It says
 * which candidates are passed over right now; whether a caller may use one
 * at all is never asked here.
 *
 *   look, take -> [attempt] -> note (once the reply's head, or a failure, is
 *   there) -> leave (once the last byte went out)
 *
 * Threads: every function from any worker at once, without a lock; a lane is
 * one worker's. Memory: the caller's block, which outlives processes;
 * nothing is allocated. Bytes of another build are refused by attach().
 */
#ifndef WEIR_HEALTH_H
#define WEIR_HEALTH_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_health;

/* When a deployment is passed over. Part of the image: plain numbers. */
struct weir_health_rule {
    uint32_t concurrency;   /* calls in flight at most; 0: any number */
    uint32_t open_ms;       /* first time out; doubles each time; 0: none */
    uint32_t open_ms_max;   /* longest time out, and longest Retry-After */
    uint16_t failures;      /* in a row that take it out; 0: not looked at */
    uint16_t share_percent; /* of failures that takes it out; 0: likewise */
    uint16_t tries_min;     /* in a window, for the share to count */
    uint16_t window_s;
};

/* Why a deployment is passed over. Numbers are in no file. */
enum weir_health_state {
    WEIR_HEALTH_FREE = 0,
    WEIR_HEALTH_EJECTED, /* failed too often: asked again at `until` */
    WEIR_HEALTH_PROBED,  /* one call finds out just now */
    WEIR_HEALTH_RESTING, /* its origin asked for a pause (Retry-After) */
    WEIR_HEALTH_FULL     /* as many calls as it may have */
};

/* Every number in its range: times within an hour, a share that is one. */
bool weir_health_rule_is_sound(const struct weir_health_rule *rule);

enum weir_health_result {
    WEIR_HEALTH_NOTHING = 0, /* says nothing of the deployment */
    WEIR_HEALTH_GOOD,
    WEIR_HEALTH_BAD
};

#define WEIR_HEALTH_NO_ROW UINT32_MAX

/* A place in a deployment, until it is left. */
typedef struct {
    uint32_t row; /* WEIR_HEALTH_NO_ROW: none is held */
    bool is_probe;
} weir_health_slot;

/* Bytes for `rows` deployments: a power of two, 64 at least. */
size_t weir_health_size(uint32_t rows);
/* ELIMIT: `rows`, `size` or the address (a multiple of 64) does not fit. */
WEIR_MUST_USE weir_status weir_health_format(void *memory, size_t size,
                                             uint32_t rows,
                                             struct weir_health **table_out,
                                             struct weir_error *err);
/* ECORRUPT, EVERSION. */
WEIR_MUST_USE weir_status weir_health_attach(void *memory, size_t size,
                                             struct weir_health **table_out,
                                             struct weir_error *err);

/* Nothing is in flight in this lane: a worker begins, or one is found dead.
 * `lane` is below WEIR_LANES_MAX. */
void weir_health_clear_lane(struct weir_health *table, uint32_t lane);

/* Whether `key` (any hash but 0) can be asked now; *until_out: not before,
 * 0 where nobody can say. Changes nothing. */
enum weir_health_state weir_health_look(const struct weir_health *table,
                                        uint64_t key,
                                        const struct weir_health_rule *rule,
                                        weir_time now, weir_time *until_out);

/*
 * Takes a place, or says why there is none; never more than `concurrency`
 * over all lanes (two callers after the last place may both be refused).
 * Where the time out is over, one caller gets the place as a probe. A table
 * without room for another deployment gives FREE and no row.
 * `may_rest`: ask although it rests, because the pause was waited for.
 */
enum weir_health_state weir_health_take(struct weir_health *table, uint64_t key,
                                        const struct weir_health_rule *rule,
                                        uint32_t lane, weir_time now,
                                        bool may_rest,
                                        weir_health_slot *slot_out);

/* How the attempt went, once. True: this took the deployment out. */
bool weir_health_note(struct weir_health *table, weir_health_slot *slot,
                      const struct weir_health_rule *rule,
                      enum weir_health_result result, weir_time now);
/* Its origin asked for a pause of that long; clipped to open_ms_max. */
void weir_health_rest(struct weir_health *table, const weir_health_slot *slot,
                      const struct weir_health_rule *rule, int64_t pause_ms,
                      weir_time now);
/* The time from request to the first byte of a reply, or of a failure. */
void weir_health_time(struct weir_health *table, const weir_health_slot *slot,
                      uint64_t first_byte_us, weir_time now);
/* Gives the place back; a probe without a note is another one's. */
void weir_health_leave(struct weir_health *table, weir_health_slot *slot,
                       uint32_t lane, weir_time now);

struct weir_health_view {
    enum weir_health_state state; /* FULL is not told here */
    weir_time until;              /* 0: not said */
    uint32_t in_flight;
    uint32_t failures;      /* in a row */
    uint32_t first_byte_us; /* peak EWMA, as of now; 0: not known */
    uint64_t ejected;       /* times taken out */
    uint64_t rested;        /* pauses asked for */
    uint64_t passed_over;   /* places refused: out, resting or full */
};
/* False: nobody has used that deployment. */
bool weir_health_view_get(const struct weir_health *table, uint64_t key,
                          weir_time now, struct weir_health_view *view_out);

/* "ejected", "full", ... */
const char *weir_health_state_name(enum weir_health_state state);

/* Copies of calls for deployments on trial: made, or why not. Each number is
 * a place in the table's head, which has no more of them. */
enum weir_health_copy {
    WEIR_HEALTH_COPY_MADE = 0,    /* sent whole */
    WEIR_HEALTH_COPY_LARGE,       /* its body */
    WEIR_HEALTH_COPY_BUSY,        /* as many under way as a worker may have */
    WEIR_HEALTH_COPY_SHED,        /* no memory, or connections for callers */
    WEIR_HEALTH_COPY_UNREACHABLE, /* no connection, or one that broke off */
    WEIR_HEALTH_COPY_STOPPING,    /* the worker ends */
    WEIR_HEALTH_COPIES
};
/* Counted over all workers, since the machine started. */
void weir_health_copied(struct weir_health *table, enum weir_health_copy what);
uint64_t weir_health_copies(const struct weir_health *table,
                            enum weir_health_copy what);
/* "made", "too_large", ... */
const char *weir_health_copy_name(enum weir_health_copy what);

#ifdef __cplusplus
}
#endif
#endif
