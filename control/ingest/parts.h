/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/ingest/parts.h - what the files of this folder share.
 *
 * Threads: the ingest thread's, once it runs; figures have their own lock
 * for series and are read loosely otherwise. Memory: the ingest's.
 */
#ifndef WEIR_INGEST_PARTS_H
#define WEIR_INGEST_PARTS_H

#include <pthread.h>
#include <stdatomic.h>

#include <weir/lane.h>
#include <weir/record.h>
#include <weir/route.h>

#include "control/ingest/figures.h"
#include "control/ingest/ingest.h"
#include "control/ingest/leaves.h"
#include "control/ingest/pace.h"
#include "control/ingest/segments.h"

/* A deployment whose pin did not hold; control has not acted yet. */
struct weir_broken_pin {
    char deployment[132];
    char finding[512];
    char request[WEIR_REQUEST_ID_TEXT];
};

/* A batch came to its end: what its budgets were charged too much. */
struct weir_correction {
    char key[132];
    char deployment[132];
    char end_customer[WEIR_END_CUSTOMER_MAX + 4];
    weir_time decided;
    int64_t tokens; /* to be added; may be negative */
    int64_t micros;
};

struct weir_ingest {
    struct weir_control *control;
    struct weir_store *store; /* its own */
    struct weir_lane *lane;   /* control's; NULL: no ring yet */
    struct weir_segments segments;
    struct weir_leaves leaves;
    struct weir_figures figures;
    pthread_t thread;
    bool is_running;
    bool has_run;
    bool needs_writer; /* read nothing that no writer vouches for */
    atomic_bool is_stopping;
    atomic_bool is_current;
    atomic_bool wants_all; /* of what lanes hold: weir_ingest_sync() */
    bool is_inside;        /* of a transaction */
    bool is_failing;
    pthread_mutex_t rounds_lock;
    pthread_cond_t rounds_changed;
    uint64_t rounds_begun;
    uint64_t rounds_done;
    struct weir_pace pace;  /* of the thread */
    uint64_t batch_records; /* at most, in one transaction */
    int event;              /* acts wait */
    int64_t acts_sent;      /* number of the last one appended */
    weir_time lane_at;
    weir_time lost_at;
    weir_time sign_at;
    struct weir_broken_pin broken[16];
    uint32_t broken_count;
    pthread_mutex_t corrections_lock;
    struct weir_correction *corrections;
    size_t correction_count;
};

/* acts.c: appends what people did since the last time. */
WEIR_MUST_USE weir_status weir__ingest_send_acts(struct weir_ingest *ingest,
                                                 struct weir_error *err);
/* A record of an act was read. */
WEIR_MUST_USE weir_status
weir__ingest_take_act(struct weir_ingest *ingest,
                      const struct weir_record *record, struct weir_error *err);

/* holds.c: a refusal that policy held raises a case. */
WEIR_MUST_USE weir_status weir__ingest_take_hold(
    struct weir_ingest *ingest, const struct weir_record_refusal *refusal,
    struct weir_error *err);
/* pins.c: keeps what an outcome says of pins, and tells control, outside of
 * any transaction. */
void weir__ingest_note_pins(struct weir_ingest *ingest,
                            const struct weir_record_outcome *outcome);
void weir__ingest_act_on_pins(struct weir_ingest *ingest);

/* batches.c: notes a batch's outcome; committed with the ledger's row. */
WEIR_MUST_USE weir_status weir__ingest_note_batch(
    struct weir_ingest *ingest, const struct weir_record_outcome *outcome,
    struct weir_error *err);
void weir__ingest_free_batches(struct weir_ingest *ingest);

#endif
