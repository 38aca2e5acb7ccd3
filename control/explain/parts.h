/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/explain/parts.h - what the two halves of an explanation share: the
 * record as read, and the decision made again.
 *
 * Threads and memory: one caller, for the time of one explanation.
 */
#ifndef WEIR_EXPLAIN_PARTS_H
#define WEIR_EXPLAIN_PARTS_H

#include <weir/gate.h>

#include "control/explain/explain.h"

/* What intent and refusal say alike; spans point into the journal's bytes. */
struct weir_explained {
    struct weir_store_call call;
    struct weir_buf bytes; /* of the records */
    bool is_refusal;
    const uint8_t *image_digest;
    uint64_t overlay;
    weir_time decided_us;
    uint32_t operation;
    bool is_streamed;
    weir_span key;
    weir_span project;
    weir_span tenant;
    weir_span organisation;
    weir_span model;
    weir_span country;
    weir_span address;
    uint32_t candidate_count;
    const struct weir_record_candidate *candidates;
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
