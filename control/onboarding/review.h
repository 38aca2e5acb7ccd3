/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/onboarding/review.h - what the files of a review share.
 *
 *   answers.c   what lists said of a name, kept from review to review
 *   gather.c    who is looked at, and by which names each goes
 *   ask.c       names asked, on every processor
 *   review.c    the whole, in turns
 *
 * Threads: one review at a time; what takes the lock says so. Memory: rows
 * and spans of a review live in its arena, for one edition of the world.
 */
#ifndef WEIR_ONBOARDING_REVIEW_H
#define WEIR_ONBOARDING_REVIEW_H

#include "control/onboarding/parts.h"
#include "control/turns.h"

/* One organisation of a review. */
struct weir__subject {
    uint32_t row; /* of the world */
    uint32_t first_key;
    uint32_t key_count;
};

/* One name that these lists were not asked of yet. */
struct weir__asking {
    weir_span name;
    uint64_t key;
    struct weir__hits hits;
};

struct weir__reviewing {
    struct weir_control *control;
    struct weir__screen *screen;
    uint32_t threshold;
    struct weir_arena arena; /* names, keys, subjects */
    struct weir__subject *subjects;
    uint32_t count;
    struct weir__asking *askings;
    uint32_t asking_count;
    uint32_t *keys;   /* image rows, by subject */
    uint64_t edition; /* whose rows these are */
    uint32_t *index;  /* names of the world, open addressing: row + 1 */
    uint32_t mask;
    struct weir_review figures;
    weir_time start;
    struct weir_error *err;
};

weir_status weir__review_no_memory(struct weir__reviewing *review);

/* ------------------------------------------------------------------ answers */

/* Under what a name is kept: the threshold is part of the question. */
uint64_t weir__answers_key(const struct weir__reviewing *review,
                           weir_span name);
/* NULL: these lists were not asked. */
const struct weir__hits *weir__answers_find(const struct weir_onboarding *own,
                                            const struct weir__screen *screen,
                                            uint64_t key);
/* Room for `more`; emptied when the lists are others. False: no memory. */
bool weir__answers_prepare(struct weir_onboarding *own,
                           struct weir__screen *screen, size_t more);
bool weir__answers_put(struct weir_onboarding *own, uint64_t key,
                       const struct weir__hits *hits);

/* ------------------------------------------------------------ gather and ask */

/*
 * Takes the lock, in turns. *is_over_out: there is no image yet, so nobody
 * to look at. *is_whole_out false: the sources changed meanwhile; to be done
 * again. `in_one` holds the lock throughout, so that it cannot happen.
 */
WEIR_MUST_USE weir_status weir__review_gather(struct weir__reviewing *review,
                                              bool in_one, bool *is_over_out,
                                              bool *is_whole_out);
/* The same by whoever holds the lock already. */
WEIR_MUST_USE weir_status
weir__review_gather_held(struct weir__reviewing *review);
/* Row of the world, once gathered; WEIR_INDEX_NONE. */
uint32_t weir__review_find(const struct weir__reviewing *review,
                           weir_span name);
/* Without the lock. */
WEIR_MUST_USE weir_status weir__review_ask(struct weir__reviewing *review);

#endif
