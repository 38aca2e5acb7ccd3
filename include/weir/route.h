/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/route.h - the order of candidates, and what follows a failed attempt.
 *
 * A plan is made once per call, from the candidates that policy allowed. It
 * is pure: the same candidates, random value, results and times give the
 * same steps, so `weir explain` can tell why a call ran where it ran.
 *
 * Threads: one owner per plan. Memory: the caller's; nothing is allocated.
 */
#ifndef WEIR_ROUTE_H
#define WEIR_ROUTE_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Longest pause before another attempt, ms: an origin that asks for more
 * (Retry-After) is not asked again; the client can wait better than we. */
#define WEIR_ROUTE_WAIT_MS_MAX 5000

/* First pause before the same origin is asked again without Retry-After,
 * ms; doubles with each failure of that candidate, spread by +-25 %. */
#define WEIR_ROUTE_BACKOFF_MS 100

/* How an attempt ended. Numbers are permanent: records have them. */
enum weir_attempt_end {
    WEIR_ATTEMPT_REPLIED,   /* a status line arrived; see status */
    WEIR_ATTEMPT_REFUSED,   /* no connection: refused, reset, TLS, no peer */
    WEIR_ATTEMPT_SLOW_OPEN, /* no connection in time */
    WEIR_ATTEMPT_SLOW_HEAD, /* connected and sent, no reply in time */
    WEIR_ATTEMPT_BROKEN,    /* connection lost or nonsense before the head */
    WEIR_ATTEMPT_WITHDRAWN, /* withdrawn before it was sent */
    WEIR_ATTEMPT_PINNED,    /* the origin is not what its pins say */
    WEIR_ATTEMPT_NO_CREDENTIAL, /* nothing to show the origin, nothing sent */
    /* In records only: passed over, nothing was tried. */
    WEIR_ATTEMPT_EJECTED,  /* failed too often of late, or is being probed */
    WEIR_ATTEMPT_RESTING,  /* its origin asked for a pause */
    WEIR_ATTEMPT_FULL,     /* as many calls as it may have */
    WEIR_ATTEMPT_ESCALATED /* answered, and not well enough: the next tier */
};

struct weir_attempt_result {
    enum weir_attempt_end end;
    uint16_t status;        /* REPLIED only */
    bool is_started;        /* bytes have reached the client */
    bool is_unreadable;     /* it replied, with what cannot be read */
    int64_t retry_after_ms; /* of the reply; -1 = none */
};

enum weir_route_action {
    WEIR_ROUTE_TRY,    /* `candidate`, after `wait_us` (0 = now) */
    WEIR_ROUTE_GIVE_UP /* the last result is the answer */
};

/* Why; recorded for `weir explain`. */
enum weir_route_reason {
    WEIR_ROUTE_FIRST,    /* first attempt */
    WEIR_ROUTE_NEXT,     /* next candidate in order */
    WEIR_ROUTE_AGAIN,    /* a candidate that failed before, after a pause */
    WEIR_ROUTE_FINAL,    /* the reply is an answer, not a failure */
    WEIR_ROUTE_STARTED,  /* the client has bytes already */
    WEIR_ROUTE_ATTEMPTS, /* attempts_max reached */
    WEIR_ROUTE_DEADLINE, /* no time left, or not enough for the pause */
    WEIR_ROUTE_EXHAUSTED /* no candidate can be asked (again) */
};

struct weir_route_step {
    enum weir_route_action action;
    enum weir_route_reason reason;
    uint32_t candidate; /* index into the plan's candidates */
    int64_t wait_us;
};

/* Read-only for the caller. */
struct weir_route_plan {
    uint8_t order[WEIR_CANDIDATES_MAX]; /* candidate indexes */
    uint8_t failures[WEIR_CANDIDATES_MAX];
    weir_time ready_at[WEIR_CANDIDATES_MAX]; /* by candidate index */
    uint64_t random;
    weir_time deadline;
    uint32_t tried; /* bit per candidate index */
    uint32_t spent; /* not to be asked again */
    uint8_t count;  /* in `order` */
    uint8_t attempts;
    uint8_t attempts_max;
    uint8_t current; /* candidate index */
};

/*
 * Orders those of `count` candidates whose bit (1 << index) is set in
 * `allowed`: as declared where `weights` is NULL, else drawn by weight
 * without replacement (weight 0 comes last). `count` is at most
 * WEIR_CANDIDATES_MAX; attempts_max is clipped to WEIR_ATTEMPTS_MAX (0 means
 * that), deadline_ms 0 means none.
 */
void weir_route_plan_init(struct weir_route_plan *plan, uint32_t count,
                          const uint32_t *weights, uint32_t allowed,
                          uint64_t random, weir_time now, uint32_t deadline_ms,
                          uint32_t attempts_max);

/* Sorts the plan by values[candidate], smallest first, equals as they are. */
void weir_route_plan_sort(struct weir_route_plan *plan,
                          const uint64_t values[WEIR_CANDIDATES_MAX]);

/* The first attempt. `out`: candidates withdrawn or ejected right now.
 * GIVE_UP with EXHAUSTED when none is left. */
struct weir_route_step weir_route_first(struct weir_route_plan *plan,
                                        uint32_t out, weir_time now);

/* What follows `result` of the current attempt. */
struct weir_route_step weir_route_next(struct weir_route_plan *plan,
                                       const struct weir_attempt_result *result,
                                       uint32_t out, weir_time now);

/* True when a reply of this status may be asked for elsewhere: 408, 425,
 * 429 and every 5xx but 501 and 505. */
bool weir_route_is_retryable(uint16_t status);

/* "refused", "slow_head", ... for explanations. */
const char *weir_attempt_end_name(enum weir_attempt_end end);

/* "next", "deadline", ... for records and messages. */
const char *weir_route_reason_name(enum weir_route_reason reason);

#ifdef __cplusplus
}
#endif

#endif
