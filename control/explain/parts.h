/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/explain/parts.h - what the two halves of an explanation share: the
 * record as read, and the decision made again.
 *
 * Threads and memory: one caller, for the time of one explanation.
 */
#ifndef WEIR_EXPLAIN_PARTS_H
#define WEIR_EXPLAIN_PARTS_H

#include <weir/replay.h>

#include "control/explain/explain.h"
#include "control/explain/sources.h"

/* What intent and refusal say alike; spans point into the journal's bytes. */
struct weir_explained {
    struct weir_store_call call;
    struct weir_buf bytes; /* of the records */
    struct weir_replay_case recorded;
    weir_span project;
    union {
        struct weir_record_intent intent;
        struct weir_record_refusal refusal;
    };
    bool has_outcome;
    struct weir_record_outcome outcome;
};

json_t *weir__explain_text(weir_span text);

/* The world that decided, with the question put to it once more. */
struct weir_explain_world {
    struct weir_view view;
    struct weir_question question;
    struct weir_sources sources;
    struct weir_store *store; /* of evidence; borrowed */
    /* The key as the store has it; id NULL: it does not. */
    char key_by[WEIR_STORE_ID_MAX + 1];
    weir_time key_made;
    bool has_key;
};

/* What one policy reads about a deployment, each with where it came from;
 * its result goes to `result_out`. */
json_t *weir__explain_reads(const struct weir_explain_world *world,
                            uint32_t deployment, uint32_t policy,
                            enum weir_cedar_result *result_out);
/* Adds the fact of the store behind an organisation's attribute, where the
 * value that was read is the fact's. */
void weir__explain_evidence(const struct weir_explain_world *world,
                            const struct weir_cedar_uid *who,
                            weir_span attribute, weir_cedar_arg value,
                            json_t *list);
/* The smallest change of facts that policy would allow this deployment with;
 * NULL: no change of facts can be spoken of. */
json_t *weir__explain_whatif(const struct weir_explain_world *world,
                             const struct weir_candidate *candidate);

/* Adds "places", "scope" and "signals"; after "candidates". */
void weir__explain_places(const struct weir_explained *explained,
                          const struct weir_image *image, uint32_t key,
                          json_t *reply);

/* The step of the watch that met the call, and what its record has of its
 * features; NULL: none. */
json_t *weir__explain_step(const struct weir_record_step *step);
json_t *weir__explain_watch(const struct weir_record_watch *watch,
                            struct weir_store *store, weir_time when);
/* What classifiers over HTTP said; NULL: none was asked. */
json_t *weir__explain_opinions(const struct weir_record_opinion *opinions,
                               uint32_t count);

/* Decides again and adds "candidates", "differences" and "is_same". */
void weir__explain_replay(const struct weir_explained *explained,
                          struct weir_store *store,
                          const struct weir_paths *paths, json_t *reply);

#endif
