/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/replay.h - recorded decisions, taken again.
 *
 * A journal holds what each decision was asked and what it said. Replay asks
 * the same of an image: of the one then in force, to show that the record is
 * what the rules gave; or of another one, to see whom a change touches.
 *
 * Threads: a replay is read-only once made; any number of readers, each with
 * its own struct weir_view. Memory: one index from the caller's arena.
 */
#ifndef WEIR_REPLAY_H
#define WEIR_REPLAY_H

#include <weir/gate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Keys by their public id: records name keys so, images index digests. */
struct weir_replay {
    const struct weir_view *view;
    uint32_t *slots; /* key row + 1, 0 = empty */
    uint32_t mask;
};

/* ENOMEM: the arena is full. */
WEIR_MUST_USE weir_status weir_replay_init(struct weir_replay *replay,
                                           const struct weir_view *view,
                                           struct weir_arena *arena,
                                           struct weir_error *err);

/* Row of the key with this public id, or WEIR_INDEX_NONE. */
uint32_t weir_replay_key(const struct weir_replay *replay, weir_span id);

/* What one record asked and was told; spans of the payload. */
struct weir_replay_case {
    struct weir_request_id request;
    uint8_t image_digest[32];
    uint64_t overlay;
    enum weir_operation operation;
    bool is_streamed;
    bool is_refusal;
    enum weir_reason reason; /* of a refusal; PERMITTED of an intent */
    weir_time decided_us;
    weir_span key;
    weir_span tenant;
    weir_span organisation;
    weir_span model;
    weir_span country;
    weir_span address;
    weir_span end_customer;
    weir_span exception; /* id of the grant, where there was one */
    weir_span tool;      /* as recorded: weir_record_tool() */
    bool is_shadow;      /* a copy; `key` is whose call it was */
    struct weir_signal_facts signals;
    uint32_t candidate_count;
    const struct weir_record_candidate *candidates;
};
void weir_replay_of_intent(const struct weir_record_intent *intent,
                           struct weir_replay_case *case_out);
void weir_replay_of_refusal(const struct weir_record_refusal *refusal,
                            struct weir_replay_case *case_out);

/* True when policy gave the recorded answer: refusals for a full budget, a
 * missing key or a full journal are no decisions of policy. */
bool weir_replay_is_decision(const struct weir_replay_case *recorded);

enum weir_verdict weir_replay_verdict(const struct weir_replay_case *recorded);

/*
 * The question a record answers, put to the image at hand, with what it
 * records as facts: the client's place, and that the policy data was too old
 * where a candidate was refused for it. ENOTFOUND: the image has no such
 * key.
 */
WEIR_MUST_USE weir_status weir_replay_question(
    const struct weir_replay *replay, const struct weir_replay_case *recorded,
    weir_time now, struct weir_question *question_out);

/*
 * Takes the decision again at `now` (the recorded time, to repeat it).
 * ENOTFOUND: the image has no such key; the answer is then a deny.
 * The view's overlay takes part; give an empty one to leave it out.
 */
WEIR_MUST_USE weir_status weir_replay_decide(
    const struct weir_replay *replay, const struct weir_replay_case *recorded,
    weir_time now, struct weir_answer *answer_out);

/*
 * False when a policy looked at the client's address and the record does not
 * have it, because the tenant has it hidden: such a decision cannot be taken
 * again.
 */
bool weir_replay_is_repeatable(const struct weir_replay *replay,
                               const struct weir_replay_case *recorded);

/* One candidate: the same deployment, verdict, reason, deciding policies and
 * shadows. `difference_out` may be NULL. */
bool weir_replay_same(const struct weir_image *image,
                      const struct weir_record_candidate *recorded,
                      const struct weir_candidate *candidate,
                      struct weir_error *difference_out);

/*
 * True when `answer` says of every candidate what the record says: the same
 * deployments in the same order, verdicts, reasons and deciding policies.
 * When not, `difference_out` (may be NULL) tells the first one.
 */
bool weir_replay_equal(const struct weir_image *image,
                       const struct weir_replay_case *recorded,
                       const struct weir_answer *answer,
                       struct weir_error *difference_out);

#ifdef __cplusplus
}
#endif
#endif
