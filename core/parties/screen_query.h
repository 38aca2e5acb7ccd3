/* SPDX-License-Identifier: Apache-2.0 */
/*
 * screen_query.h - the state of a query, shared by finding
 * (screen_query.c) and measuring (screen_align.c).
 *
 * Threads: one owner. Memory: the arena the scratch was made in.
 */
#ifndef WEIR_CORE_PARTIES_SCREEN_QUERY_H
#define WEIR_CORE_PARTIES_SCREEN_QUERY_H

#include "screen.h"
#include "screen_points.h"

/* A listed word that is like a unit of the query. */
struct screen_like {
    uint32_t unit;
    struct screen_likeness likeness;
    uint8_t query_unit;
    int16_t points;
    uint32_t next; /* of the same listed unit; SCREEN_NONE: last */
};

#define SCREEN_LIKES_MAX 4096u

/* Words first, then joins of neighbours. */
struct screen_query_unit {
    weir_span text;
    uint32_t words; /* bit for each */
    uint32_t like_first;
    uint32_t like_count;
};

struct screen_found {
    uint32_t entry;
    uint32_t score;
    uint32_t name;       /* of the index; SCREEN_NONE: by identifier */
    uint32_t identifier; /* row */
};

/* What a listed name shares with the query, at most; one line of cache. */
struct screen_reach {
    uint32_t epoch; /* of the query this holds for */
    int32_t sum;    /* points of what it shares */
    int32_t gain;   /* over a name that shares nothing */
};

struct weir_screening_scratch {
    const struct weir_screening *index;
    uint32_t epoch;
    struct screen_words words;
    struct screen_words other;                           /* of a listed name */
    struct screen_sound heard[WEIR_SCREENING_WORDS_MAX]; /* of the words */
    char joined[SCREEN_UNITS_MAX][SCREEN_WORD_MAX];
    char identifier[SCREEN_ID_MAX];
    size_t identifier_len;
    struct screen_query_unit units[SCREEN_UNITS_MAX];
    uint32_t unit_count;
    uint32_t weights[WEIR_SCREENING_WORDS_MAX]; /* of the query's words */
    uint8_t rarities[WEIR_SCREENING_WORDS_MAX];

    struct screen_like likes[SCREEN_LIKES_MAX];
    uint32_t like_count;
    uint32_t *like_epoch; /* [unit]: like_head holds for this query */
    uint32_t *like_head;  /* [unit] */

    struct screen_reach *reach;               /* [name] */
    int32_t misses[WEIR_SCREENING_WORDS_MAX]; /* points of a word alone */
    int32_t misses_sum;
    uint32_t *candidates; /* [name] */
    uint32_t candidate_count;

    uint32_t *entry_epoch; /* [entry] */
    uint32_t *entry_found; /* [entry]: row of `found` */
    struct screen_found *found;
    uint32_t found_count;
};

/*
 * The score of a listed name for the query in the scratch; where `hit` is
 * not NULL, what matched is written there; where `seen` is not, all that
 * was seen.
 */
uint32_t weir__screen_align(const struct weir_screening_scratch *scratch,
                            uint32_t name, struct weir_screening_hit *hit,
                            struct screen_seen *seen);
/* The query is this listed name, letter by letter or word by word. */
bool weir__screen_is_whole(struct weir_screening_scratch *scratch,
                           uint32_t name);

#endif
