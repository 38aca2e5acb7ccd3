/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of core/gate; nobody else includes it. */
#ifndef WEIR_GATE_INTERNAL_H
#define WEIR_GATE_INTERNAL_H

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

/* The limits that apply to the call: key's, project's, tenant's, in this
 * order, then those of its grant. Returns their number; more than `max` returns max + 1. */
size_t weir__call_limits(const struct weir_call *call, weir_quota_limit *limits,
                         size_t max);

/* Milliseconds, toward the past. */
int64_t weir__gate_milliseconds(weir_time when);

#endif
