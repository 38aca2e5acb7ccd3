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

/* Decides again and adds "candidates", "differences" and "is_same". */
void weir__explain_replay(const struct weir_explained *explained,
                          const struct weir_paths *paths, json_t *reply);

#endif
