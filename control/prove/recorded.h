/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/prove/recorded.h - claims about what is on record.
 *
 * A solver speaks about every store and request that conform to the schema.
 * This speaks about those that there are: every key that is in force, every
 * operation and deployment, and every client (place, address, streamed or
 * not) from which the journal has a call of that key, as of one time. All of
 * them are asked of the compiled policies, one by one; what is found against
 * a claim is confirmed by the reference evaluator before it is shown.
 *
 * Threads: one caller. Memory: an object owns its entities and clients;
 * results live in the arena of the call.
 */
#ifndef WEIR_CONTROL_PROVE_RECORDED_H
#define WEIR_CONTROL_PROVE_RECORDED_H

#include <weir/world.h>

#include "control/prove/prove.h"

struct weir_prove_recorded;

/* Reads the configuration, the keys of its store and its journal; nothing on
 * disk changes and no daemon is asked. EPARSE with faults; EIO, ENOMEM. */
WEIR_MUST_USE weir_status weir_prove_recorded_open(
    const char *config, weir_time at, struct weir_prove_recorded **recorded_out,
    struct weir_faults *faults, struct weir_error *err);
void weir_prove_recorded_close(struct weir_prove_recorded *recorded);

/* The question's environment is not looked at, its scope is. ENOTFOUND: the
 * scope admits no request that is on record. */
WEIR_MUST_USE weir_status weir_prove_recorded_ask(
    const struct weir_prove_recorded *recorded,
    const struct weir_prove_question *question, struct weir_arena *arena,
    struct weir_prove_result *result_out, struct weir_error *err);

/* What became of each policy of set `a` over all requests. */
struct weir_prove_use {
    bool has_matched;
    bool has_decided;    /* without it, some request is decided otherwise */
    uint32_t instead_of; /* a policy that decided whenever it matched, or
                          * UINT32_MAX: there is no single one */
};
WEIR_MUST_USE weir_status weir_prove_recorded_uses(
    const struct weir_prove_recorded *recorded,
    const struct weir_prove_question *question, struct weir_arena *arena,
    struct weir_prove_use **uses_out, struct weir_prove_result *result_out,
    struct weir_error *err);

#endif
