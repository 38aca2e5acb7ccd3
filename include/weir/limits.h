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

/* Candidates of one call; a route with more is refused by `weir check`. */
#define WEIR_CANDIDATES_MAX 32

/* Attempts of one call over all candidates, the first included. */
#define WEIR_ATTEMPTS_MAX 8

/* Worker processes that can hold a journal lane at the same time: workers
 * of two generations during a reload. One more degrades to 503. */
#define WEIR_LANES_MAX 64

#endif
