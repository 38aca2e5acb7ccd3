/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of core/gate; nobody else includes it. */
#ifndef WEIR_GATE_INTERNAL_H
#define WEIR_GATE_INTERNAL_H

#include <weir/budget.h>
#include <weir/complexity.h>
#include <weir/gate.h>

/* Fills call->signals: a few words of shared memory, no policy. */
void weir__gate_see(struct weir_call *call);

/* True when the key may be served from there: by its scope. */
bool weir__gate_is_inside(const struct weir_image *image, uint32_t key,
                          uint32_t deployment);

/* In force for this caller at this time; and for this deployment. */
bool weir__gate_grant_fits_caller(const struct weir_view *view,
                                  const struct weir_question *question,
                                  const struct weir_grant *grant);
bool weir__gate_grant_fits(const struct weir_image *image,
                           const struct weir_grant *grant, uint32_t deployment);
/* Adds what the grant is charged; more than `max`: max + 1. */
size_t weir__gate_grant_limits(const struct weir_grant *grant,
                               weir_quota_limit *limits, size_t at, size_t max);

/* Room for the policy ids of all candidates of one record. */
#define WEIR__POLICY_ROOM 4096

/* Candidates of the answer as a record shows them; texts go to `room`. */
void weir__gate_record_candidates(const struct weir_call *call,
                                  struct weir_buf *room,
                                  struct weir_record_candidate *candidates);

/* Fills call->limits: key's, project's, tenant's own, budgets by name, a step
 * of the watch, the grant. False: there are more than one call can hold. */
bool weir__call_limits(struct weir_call *call);
/* What refused, by `status`, is a limit of that kind. */
bool weir__call_is_full(const struct weir_call *call, weir_status status,
                        enum weir_limit_kind kind);
/* What refused is a budget of some models, and others may still answer:
 * those models are left out, hold again. */
bool weir__call_leave_model(struct weir_call *call, weir_status status);
/* Bits of call->limits that the call, as it ended, is settled under. */
uint32_t weir__call_applies(const struct weir_call *call);
/* "key", or the budget's name. */
weir_span weir__call_limit_name(const struct weir_call *call, uint32_t limit);
/* When what is full opens again. */
weir_time weir__call_reopens_at(const struct weir_call *call);

/* Steps of the watch for the candidates that policy allows: hold and suspend
 * change verdicts. Returns the strictest step, a row of the overlay. */
uint32_t weir__gate_take_steps(const struct weir_view *view,
                               const struct weir_question *question,
                               struct weir_candidate *candidates,
                               uint32_t count);
/* What a step strips. */
void weir__gate_add_step(const struct weir_watch_step *step,
                         struct weir_obligations *all);
/* Fills call->step from the answer. */
void weir__gate_note_step(struct weir_call *call);
/* EHELD, EDENIED: the words of a hold or suspension. */
weir_status weir__gate_fail_stepped(const struct weir_call *call,
                                    struct weir_error *err);
/* The rate of `slow`, as a limit; false: there is none. */
bool weir__gate_step_limit(const struct weir_call *call,
                           weir_quota_limit *limit_out);
/* What a record says of a watched call; once, as it wipes what was read.
 * `settlement` NULL: refused, the request alone. `block` holds the bytes. */
void weir__gate_watched(struct weir_call *call,
                        const struct weir_settlement *settlement,
                        uint8_t block[WEIR_WATCH_BLOCK_BYTES],
                        struct weir_record_watch *watch_out);

/* The most a batch of that usage costs. */
weir_micros weir__call_batch_price(const struct weir_call *call,
                                   uint32_t deployment,
                                   const struct weir_usage *usage);

/* Appends to the journal. EUNAVAIL. */
weir_status weir__call_append(struct weir_call *call,
                              enum weir_record_kind kind,
                              const struct weir_buf *payload,
                              enum weir_tier tier, weir_journal_mark *mark_out,
                              struct weir_error *err);
/* What an outcome says of the deployment that answered. */
void weir__call_fill_place(const struct weir_image *image, uint32_t deployment,
                           weir_ref version,
                           struct weir_record_outcome *outcome);

/* estimate.c: the most its prompt may come to with that model. */
uint64_t weir__call_prompt_most(const struct weir_call *call, uint32_t model);
void weir__call_sizes(const struct weir_call *call,
                      const struct weir_settlement *settlement,
                      struct weir_record_sizes *sizes_out);

/* weir_call_identify() by what the image knows of a key. */
WEIR_MUST_USE weir_status weir__call_identify_digest(struct weir_call *call,
                                                     const uint8_t digest[32],
                                                     struct weir_error *err);

/* The most the call may use of that model. */
void weir__call_usage(const struct weir_call *call,
                      const struct weir_image_model *model,
                      struct weir_usage *usage_out);
/* The most the call may cost there: what it may use, at the dearest rate
 * that its request lets expect. */
weir_micros weir__call_price(const struct weir_call *call, uint32_t deployment,
                             const struct weir_usage *usage);
/* What it did cost, and by which version of which list. */
weir_micros weir__call_cost(const struct weir_call *call,
                            const struct weir_usage *usage,
                            weir_ref *version_out);
/* Orders the allowed candidates by the route's mode. EINTERNAL. */
weir_status weir__gate_plan(struct weir_call *call, struct weir_error *err);
/* The order and why. */
void weir__gate_record_order(const struct weir_call *call,
                             struct weir_record_intent *intent);

/* Candidates of the plan that are out, resting or full: a bit each. Sets
 * call->standing and call->asked_again_at. */
uint32_t weir__gate_passed_over(struct weir_call *call, weir_time now);
/* Takes a place; false: there is none any more. */
bool weir__gate_enter(struct weir_call *call, uint32_t candidate, bool may_rest,
                      weir_time now);
/* How the attempt under way went; only the first word counts. */
void weir__gate_heard(struct weir_call *call,
                      const struct weir_attempt_result *result, weir_time now);
/* Gives the place back, if one is held. */
void weir__gate_left(struct weir_call *call, bool is_cut, weir_time now);

/* Whether the call's tenant may take a place there: by its share, and by
 * whose turn it is. */
bool weir__gate_may_take(const struct weir_call *call, uint32_t candidate);
/* A place was taken, or given back. */
void weir__gate_took(struct weir_call *call, uint32_t candidate);
void weir__gate_gave_back(struct weir_call *call);
/* Joins a queue of those candidates that are full; false: none has room. */
bool weir__gate_join(struct weir_call *call, uint32_t withdrawn, weir_time now,
                     struct weir_step *step_out);
/* Waits no longer, if it did. */
void weir__gate_depart(struct weir_call *call, weir_time now);
/* Gives back a place that was taken and not used. */
void weir__gate_hand_back(struct weir_call *call, weir_time now);
/* The turn of a call whose attempt had failed as call->retried. */
struct weir_step weir__gate_retry(struct weir_call *call,
                                  const struct weir_overlay *overlay,
                                  weir_time now, struct weir_error *err);

/* Of two times in seconds for answers to be kept: not said, never, or the
 * shorter. */
uint32_t weir__gate_shorter(uint32_t a_s, uint32_t b_s);
/* Candidates that the overlay takes away, as bits. */
uint32_t weir__gate_withdrawn(const struct weir_call *call,
                              const struct weir_overlay *overlay);
/* What a hit costs, of what the same answer would have cost. */
weir_micros weir__gate_hit_cost(const struct weir_call *call, weir_micros cost);
/* "2026-10;hit=100000": its own line in ledger and invoice. */
#define WEIR__HIT_VERSION 160
weir_span weir__gate_hit_version(const struct weir_call *call,
                                 weir_ref list_version,
                                 char room[WEIR__HIT_VERSION]);

/* choice.c: tiers and canaries. */
void weir__gate_score(struct weir_call *call);
uint64_t weir__gate_tier_value(const struct weir_call *call,
                               uint32_t candidate);
void weir__gate_note_schema(struct weir_call *call);
/* shadow.c: whether the call is a copy, who pays for it, and what is on
 * record of who made it. */
bool weir__gate_is_shadow(const struct weir_call *call);
bool weir__gate_is_operators(const struct weir_call *call);
/* `room` has WEIR__SHADOW_ROOM bytes and lives as long as the intent. */
#define WEIR__SHADOW_ROOM 256
void weir__gate_shadow_intent(const struct weir_call *call, char *room,
                              struct weir_record_intent *intent);
void weir__gate_place_canary(struct weir_call *call, uint64_t conversation);
void weir__gate_record_choice(const struct weir_call *call,
                              const struct weir_usage *usage,
                              struct weir_record_choice *choice_out);
/* The answer under way is not passed on: another candidate, none of `out`.
 * False: there is none. */
bool weir__gate_go_up(struct weir_call *call, uint32_t out,
                      const struct weir_overlay *overlay, weir_time now,
                      struct weir_step *step_out);
/* What the usage costs at that deployment. */
weir_micros weir__call_cost_at(const struct weir_call *call,
                               uint32_t deployment,
                               const struct weir_usage *usage,
                               weir_ref *version_out);

/* Milliseconds, toward the past. */
int64_t weir__gate_milliseconds(weir_time when);

/* Whether features of the call are recorded; whose it is; the share of the
 * fullest window that it has used, < 0: unknown. */
bool weir__gate_watches(const struct weir_call *call);
void weir__gate_fill_pools(const struct weir_call *call,
                           struct weir_watch_pools *pools);
double weir__gate_quota_share(struct weir_call *call);

/* Asks twice, as `line` and as WEIR_OP_BATCH: candidates that one of them
 * refuses are barred (UINT32_MAX: all are), obligations are those of both. */
WEIR_MUST_USE weir_status weir__call_decide_twice(struct weir_call *call,
                                                  const struct weir_ask *ask,
                                                  enum weir_operation line,
                                                  struct weir_error *err);

#endif
