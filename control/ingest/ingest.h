/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/ingest/ingest.h - the journal becomes the ledger.
 *
 * Follows the segments, writes each record into the ledger exactly once
 * (rows and position in one transaction), closes what dead workers left
 * open, brings the acts of people into the journal.
 *
 * Threads: open, catch_up and start belong to one thread; after start the
 * work is done by a thread of its own until close. recover and figures may
 * be called from any thread. Memory: its own.
 */
#ifndef WEIR_INGEST_H
#define WEIR_INGEST_H

#include <weir/quota.h>

#include "control/control.h"

struct weir_ingest;
struct weir_figures;

WEIR_MUST_USE weir_status weir_ingest_open(struct weir_control *control,
                                           struct weir_ingest **ingest_out,
                                           struct weir_error *err);
/* A writer is being started: waits until it says what is on disk, at most so
 * long, and reads nothing beyond what a writer vouches for from now on. */
void weir_ingest_await_writer(struct weir_ingest *ingest, int timeout_ms);
/* Reads all there is now. Without a writer: what the files hold. */
WEIR_MUST_USE weir_status weir_ingest_catch_up(struct weir_ingest *ingest,
                                               struct weir_error *err);
WEIR_MUST_USE weir_status weir_ingest_start(struct weir_ingest *ingest,
                                            struct weir_error *err);
/* Stops the thread and gives up control's lane, so that the writer can
 * drain; catch_up may follow. NULL is fine. */
void weir_ingest_let_go(struct weir_ingest *ingest);
/* Reads to the end, stops, frees. NULL is fine. */
void weir_ingest_close(struct weir_ingest *ingest);

/* Returns when all that was on disk at the call is in the ledger, or after
 * `timeout_ms`: whoever asks then sees what was done before. False: it is not
 * known to be there. */
bool weir_ingest_sync(struct weir_ingest *ingest, int timeout_ms);
/* The same for all that any worker has appended, on disk or not yet. */
bool weir_ingest_sync_all(struct weir_ingest *ingest, int timeout_ms);

/* The last round read to the end of what is on disk. */
bool weir_ingest_is_current(const struct weir_ingest *ingest);

struct weir_figures *weir_ingest_figures(struct weir_ingest *ingest);

/* Looks for workers that died: their open calls are closed as lost (from
 * the ingest thread, soon), their quota holds given back (now). */
void weir_ingest_recover(struct weir_ingest *ingest, struct weir_quota *quota);

/* Puts right what batches that have ended were charged. From any thread. */
void weir_ingest_correct(struct weir_ingest *ingest, struct weir_quota *quota);

#endif
