/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/session.h - one call that holds many answers: a realtime session.
 *
 *   decide -> admit -> first -> answered -> weir_session_begin
 *          -> { hold -> answer }...  { ask }...  -> weir_session_end -> settle
 *
 * A session is one call: one intent, one outcome with the sums, one request
 * in every budget. What it may spend is held for each answer by itself and
 * settled when that answer ends, so that budgets see a session of an hour as
 * they see calls. Policy is asked again, under the newest view, whenever the
 * caller likes: before each answer, and when a view changes.
 *
 * Threads: of the call's. Memory: the caller's struct; nothing is allocated.
 */
#ifndef WEIR_SESSION_H
#define WEIR_SESSION_H

#include <weir/gate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Answers under way at a time, one more is refused with ELIMIT. */
#define WEIR_SESSION_ANSWERS_MAX 8

struct weir_session {
    struct weir_call *call;
    struct weir_usage sum; /* of the answers that ended */
    uint32_t answers;      /* that ended */
    uint32_t held;         /* answers that are held for */
    uint64_t input_tokens; /* of the last answer: the next has as many */
    uint32_t filters;      /* asked for by the newest answer: rows, as bits */
    uint8_t digest[32];    /* of the key */
    uint64_t deployment;   /* hash */
    weir_hold holds[WEIR_SESSION_ANSWERS_MAX]; /* behind the call's own */
};

/* What policy asks that a session cannot do: EDENIED, and the call's reason
 * is set. After weir_call_decide(). */
WEIR_MUST_USE weir_status weir_session_check(struct weir_call *call,
                                             struct weir_error *err);

/* The call was admitted and is answered: what it held is for one answer. */
void weir_session_begin(struct weir_session *session, struct weir_call *call);

/* Holds for one more answer. EBUDGET, ERATE: call->full says which window;
 * ELIMIT: too many answers at a time; EUNAVAIL. */
WEIR_MUST_USE weir_status weir_session_hold(struct weir_session *session,
                                            weir_time now,
                                            struct weir_error *err);

/* An answer ended and took this: one hold is settled. Without any it is
 * charged all the same. */
void weir_session_answer(struct weir_session *session,
                         const struct weir_usage *usage, weir_time now);

/*
 * Would the session be let in now, by this view? EUNAUTH: the key is revoked,
 * expired or gone; EHELD; EDENIED: policy, a withdrawal, the watch, or
 * something a session cannot do; ESTALE.
 */
WEIR_MUST_USE weir_status weir_session_ask(struct weir_session *session,
                                           const struct weir_view *view,
                                           weir_time confirmed_us,
                                           weir_time now,
                                           struct weir_error *err);

/* Gives back what is held for answers that never came. Then settle with
 * `sum` as the usage. */
void weir_session_end(struct weir_session *session);

/*
 * The scribe: a model at the session's origin that writes down what is heard,
 * as a call of its own by the same key. `scribe` is begun, asked for, held for
 * and on record; `model` and `of`, the session's id, outlive it. Wait for
 * `*position_out` as after weir_call_admit(). As weir_call_identify(),
 * _decide() and _admit() fail; EDENIED too where no deployment of the model is
 * at that origin, or policy asks for what cannot be. Then it is for
 * weir_call_refusal() and weir_call_refuse().
 */
WEIR_MUST_USE weir_status weir_session_call_scribe(
    const struct weir_session *session, struct weir_call *scribe,
    const struct weir_view *view, weir_span model, weir_span of,
    weir_time confirmed_us, uint64_t *position_out, struct weir_error *err);

/*
 * The intent is on disk. Each text that is written is an answer of
 * `session_out`, for weir_session_hold(), _answer() and _ask(); at the end
 * weir_session_end(), and settle. What weir_call_first() says no with: it is
 * settled then, as not sent.
 */
WEIR_MUST_USE weir_status weir_session_begin_scribe(
    struct weir_call *scribe, const struct weir_overlay *overlay, weir_time now,
    struct weir_session *session_out, struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
