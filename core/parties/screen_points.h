/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen_points.h - what is seen when a name is laid beside a listed one,
 * and what each thing seen is worth.
 *
 * Everything seen is a feature: a number below SCREEN_FEATURES. A feature
 * is worth the points of screen_points.def, which are learnt; a name is
 * worth the sum, and the sum is read off as a score.
 *
 * Threads: functions are pure.
 */
#ifndef WEIR_CORE_PARTIES_SCREEN_POINTS_H
#define WEIR_CORE_PARTIES_SCREEN_POINTS_H

#include "screen.h"

/* GROUP(name, size, ...): SEE_name is the first feature of the group. */
enum screen_feature {
#define CONSTANT(name, value)
#define GROUP(name, size, ...)                                                 \
    SEE_##name, SEE_##name##_LAST = SEE_##name + (size)-1,
#include "screen_points.def"
#undef GROUP
    SCREEN_FEATURES
};

enum {
#define GROUP(name, size, ...)
#undef CONSTANT
#define CONSTANT(name, value) SCREEN_##name = (value),
#include "screen_points.def"
#undef CONSTANT
#undef GROUP
};

/* SHAPE: words left in the query, words left in the listed name, and pairs
 * of words that say something, each 0 to 3 or more. */
#define SCREEN_SHAPES   4u

#define SCREEN_SEEN_MAX (8u * WEIR_SCREENING_WORDS_MAX)

/* For those who learn the points: all that was seen. */
struct screen_seen {
    uint32_t count;
    uint16_t features[SCREEN_SEEN_MAX];
};

int32_t weir__screen_points(uint32_t feature);

/* The features of two words that are paired, first the one of the listed
 * word alone; their number. */
#define SCREEN_PAIR_FEATURES 2u
uint32_t weir__screen_pair(const struct screen_unit *listed, weir_span query,
                           const struct screen_likeness *likeness,
                           uint32_t features_out[SCREEN_PAIR_FEATURES]);

uint32_t weir__screen_length_class(weir_span text);
/* A word of the query without a partner. */
uint32_t weir__screen_query_left(weir_span text, uint8_t rarity,
                                 bool is_person);

/* Row of a length in the groups that have one. */
uint32_t weir__screen_length(size_t len);

/* 0 .. 999 */
uint32_t weir__screen_score(int32_t points);
/* The least points that give this score or more. */
int32_t weir__screen_needed(uint32_t score);

#endif
