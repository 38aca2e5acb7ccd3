/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/kept_file.h - files that lie at an origin and are named in calls.
 *
 * A file that is uploaded for prompts names no model. It lies in an account
 * at an origin, and every model that is served from there may be asked about
 * it. So its sealed name (weir/seal.h, FILE) holds the origin; a call that
 * names it has no other candidates than those there.
 *
 * Threads: a call's owner. Memory: nothing is allocated.
 */
#ifndef WEIR_KEPT_FILE_H
#define WEIR_KEPT_FILE_H

#include <weir/gate.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What names an origin in a sealed name: its name in the sources. Never 0. */
uint64_t weir_kept_file_origin(const struct weir_image *image,
                               uint32_t deployment);

/* Whether the origin (a row) keeps files: its dialect says so. */
typedef bool weir_kept_file_keeps(void *context, uint32_t origin);

/*
 * Of an upload that names no model: one at the only origin that keeps files
 * among all that the key may use. EPARSE, with call->reason: there is none,
 * or there are several.
 */
WEIR_MUST_USE weir_status weir_kept_file_model(struct weir_call *call,
                                               weir_kept_file_keeps *keeps,
                                               void *context,
                                               weir_span *model_out,
                                               struct weir_error *err);

/* A deployment at that origin, `deployment` (a hash) where it is one;
 * WEIR_INDEX_NONE: none is left. */
uint32_t weir_kept_file_deployment(const struct weir_image *image,
                                   uint64_t origin, uint64_t deployment);

/*
 * As weir_call_decide(), for what is done to such a file: asked as the chat
 * (or Responses) call that may name it and as WEIR_OP_BATCH, since it stays at
 * the origin; a candidate serves when both say so, and obligations are those
 * of both.
 */
WEIR_MUST_USE weir_status weir_call_decide_file(struct weir_call *call,
                                                const struct weir_ask *ask,
                                                struct weir_error *err);

/* After a decision: bars candidates at other origins. ETYPE: none that may
 * serve is at this one. */
WEIR_MUST_USE weir_status weir_call_stay_at(struct weir_call *call,
                                            uint64_t origin,
                                            struct weir_error *err);

#ifdef __cplusplus
}
#endif
#endif
