/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/limits.h - every fixed limit: unit, reason, what happens beyond it.
 */
#ifndef WEIR_LIMITS_H
#define WEIR_LIMITS_H

/* JSON nesting, levels. Deeper input is refused with EPARSE: no client
 * library sends more, and the scanner keeps one bit per level. */
#define WEIR_JSON_DEPTH_MAX 512

/* Cedar expression nesting, levels; deeper text is refused with ELIMIT.
 * The reference engine is bounded only by its stack (a few hundred). */
#define WEIR_CEDAR_DEPTH_MAX 256

/* Bytes of scratch one decision may need; it lies on the stack. A policy that
 * nests deeper than that is refused by `weir check`. */
#define WEIR_DECIDE_SCRATCH_MAX 32768

/* Bytes of the name of an end customer; a longer one is refused. */
#define WEIR_END_CUSTOMER_MAX 128

/* Candidates of one call; a route with more is refused by `weir check`. */
#define WEIR_CANDIDATES_MAX 32

/* Attempts of one call over all candidates, the first included. */
#define WEIR_ATTEMPTS_MAX 8

/* Worker processes that can hold a journal lane at the same time: workers
 * of two generations during a reload. One more degrades to 503. */
#define WEIR_LANES_MAX 64

/* Bytes of a journal record's payload; a longer one is refused with
 * ETOOBIG. A record of a call with every candidate explained takes about
 * 4 KiB; content is never in a record. */
#define WEIR_RECORD_PAYLOAD_MAX 16384

/* Bytes of one lane of the journal ring: a power of two in this range. The
 * lower bound holds 16 records of the largest size, so that the quarter
 * kept for outcomes is never less than four. */
#define WEIR_LANE_BYTES_MIN     (512 * 1024)
#define WEIR_LANE_BYTES_DEFAULT (4 * 1024 * 1024)
#define WEIR_LANE_BYTES_MAX     (256 * 1024 * 1024)

/* Bytes of a journal segment file. Smaller ones could not take a batch;
 * larger ones make the restart of the writer slow (it reads the last). */
#define WEIR_SEGMENT_BYTES_MIN     (256 * 1024)
#define WEIR_SEGMENT_BYTES_DEFAULT (64 * 1024 * 1024)
#define WEIR_SEGMENT_BYTES_MAX     (1024 * 1024 * 1024)

/* Bytes of one group commit: bounds the wait of those that come next. */
#define WEIR_BATCH_BYTES_MAX (1024 * 1024)

#endif
