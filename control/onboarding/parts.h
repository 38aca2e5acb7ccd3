/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control/onboarding/parts.h - what the files of this folder share.
 *
 *   screen.c    lists as loaded, names asked of them
 *   facts.c     what is on file of an organisation
 *   look.c      one organisation, held against everything required
 *   inputs.c    what was known then, as it is recorded
 *   apply.c     what follows for its keys, with notice and event
 *   first.c     one organisation's keys held before the image
 *   ahead.c     everybody's, under sources that are about to be in force
 *   deeds.c     start, decide, accept; the door for new keys
 *   review.c    all organisations (review.h); reviewer.c: the thread
 *
 * Threads: the caller holds control's lock, but for screen.c. Memory: spans
 * of a look live in its arena, the world, or the screen it was given.
 */
#ifndef WEIR_ONBOARDING_PARTS_H
#define WEIR_ONBOARDING_PARTS_H

#include <jansson.h>
#include <stdatomic.h>

#include <weir/screening.h>

#include "control/cases/cases.h"
#include "control/onboarding/rows.h"
#include "control/overlay.h"

/* ------------------------------------------------------------------ screen */

/* The lists of one moment: immutable, shared, counted. */
struct weir__screen {
    atomic_uint references;
    struct weir_screening_rows rows;
    struct weir_arena arena;
    const struct weir_screening *index;
    uint64_t stamp;
    weir_time loaded;
};

/* A list as configured, outside of any world. */
struct weir__list {
    char name[136];
    char path[WEIR_PATH_MAX];
    uint32_t effect;
    uint32_t bad_max;
};
struct weir__lists {
    struct weir__list *rows;
    uint32_t count;
    uint32_t threshold;
    uint32_t shrink_ppm;
    uint64_t stamp; /* of names, effects and what the files look like */
};
/* Frees what was there. ENOMEM. */
WEIR_MUST_USE weir_status weir__lists_take(const struct weir_world *world,
                                           struct weir__lists *lists,
                                           struct weir_error *err);
void weir__lists_stamp(struct weir__lists *lists);
void weir__lists_free(struct weir__lists *lists);

/* EPARSE, ECONFLICT, ENOTFOUND: a list cannot be read; the error names it. */
WEIR_MUST_USE weir_status weir__screen_load(const struct weir__lists *lists,
                                            struct weir__screen **screen_out,
                                            struct weir_error *err);
struct weir__screen *weir__screen_ref(struct weir__screen *screen);
void weir__screen_unref(struct weir__screen *screen); /* NULL is fine */

#define WEIR__HITS_MAX 32 /* of one organisation; more are not told apart */

struct weir__hit {
    uint32_t entry; /* rows of the screen */
    uint32_t name;  /* UINT32_MAX: an identifier */
    uint32_t score;
    weir_span query; /* the name that was asked */
};
struct weir__hits {
    const struct weir__hit *rows;
    uint32_t count;
};
/* The hits of several names as one: the best of each entry. */
WEIR_MUST_USE weir_status weir__hits_merge(const struct weir__hits *all,
                                           uint32_t count,
                                           struct weir_arena *arena,
                                           struct weir__hits *hits_out,
                                           struct weir_error *err);
/* Best hit of each entry over all names, at or over the threshold. */
WEIR_MUST_USE weir_status weir__screen_ask(
    const struct weir__screen *screen, struct weir_screening_scratch *scratch,
    const weir_span *names, uint32_t name_count, uint32_t threshold,
    struct weir_arena *arena, struct weir__hits *hits_out,
    struct weir_error *err);

/* ------------------------------------------------------------- the whole */

struct weir__cache_slot {
    uint64_t key; /* of the name; 0: empty */
    struct weir__hits hits;
};

struct weir_onboarding {
    struct weir__screen *screen; /* NULL: none loaded */
    char screen_error[192];      /* of the last loading; empty: it went well */
    uint64_t failed_stamp;       /* not tried again until it changes */
    /* What was asked of this screen. */
    struct weir__screen *cache_screen;
    struct weir__cache_slot *cache;
    size_t cache_size; /* power of two */
    size_t cache_count;
    struct weir_arena cache_arena;
    /* The reviewer. */
    pthread_t thread;
    bool is_running;
    atomic_bool is_stopping;
    int event;
    weir_time due; /* when a date comes next */
    /* A review that was interrupted, as others changed the sources. */
    uint64_t resume;      /* hash of the name to begin with; 0: the first */
    uint32_t interrupted; /* so many times in a row */
};

/* Made when first asked for; NULL: out of memory. */
struct weir_onboarding *weir__onboarding_of(struct weir_control *control);
void weir__onboarding_free(struct weir_onboarding *onboarding);

/* The lists as the sources have them now, loaded if they changed. NULL when
 * there are none or they cannot be read; screen_error then says why. */
struct weir__screen *weir__onboarding_screen(struct weir_control *control);

/* ------------------------------------------------------------------- facts */

/* Row of the world, or WEIR_INDEX_NONE. */
uint32_t weir__facts_find(const struct weir_world *world, weir_span name);
/* SHA-256 of what a decision rests on: names, places, category, owners. */
void weir__facts_digest(const struct weir_world *world, uint32_t row,
                        uint8_t digest_out[32]);
/* The facts its category needs and that are not there, as bits; of
 * verified_until also when it is over. */
uint32_t weir__facts_missing(const struct weir_world *world, uint32_t row,
                             weir_time now);
/* The organisation and all owners above it, nearest first, each once: rows
 * of the world. A chain that is longer ends here. */
#define WEIR__OWNERS_MAX 256
uint32_t weir__facts_above(const struct weir_world *world, uint32_t row,
                           uint32_t rows_out[WEIR__OWNERS_MAX]);
/* What one organisation is called, as held against lists: its title, else its
 * name; aliases; identifiers without their scheme. At most so many. */
#define WEIR__TEXTS_MAX 64
uint32_t weir__facts_texts(const struct weir_world *world, uint32_t row,
                           weir_span texts_out[WEIR__TEXTS_MAX]);
/* The same as names, in `arena`. */
WEIR_MUST_USE weir_status weir__facts_names(
    const struct weir_world *world, uint32_t row, struct weir_arena *arena,
    weir_span **names_out, uint32_t *count_out, struct weir_error *err);

/* -------------------------------------------------------------------- look */

struct weir__look {
    struct weir_control *control;
    struct weir_arena *arena;
    weir_time now;
    const struct weir__screen *screen; /* NULL: cannot be screened */
    const struct weir__hits *hits;     /* NULL: ask now */
    /* By rule and organisation of the world; NULL: as the image has it. */
    uint8_t *const *owned;
    bool raises;   /* cases for what a person has to look at */
    bool is_early; /* the same answer, but the cases are left for later */
    bool decides;  /* for a decision: what an earlier one was does not count */
    /* Filled. */
    uint32_t row;
    struct weir__standing_row standing;
    struct weir_shortfall *shortfalls;
    uint32_t count;
    uint32_t capacity;
    struct weir__hits found;
    weir_time due; /* in: the earliest so far; out: perhaps earlier */
};
/* `row`: of the world. Inside a transaction when it raises. */
WEIR_MUST_USE weir_status weir__look(struct weir__look *look, uint32_t row,
                                     struct weir_error *err);
WEIR_MUST_USE weir_status weir__look_add(struct weir__look *look,
                                         enum weir_shortfall_kind kind,
                                         const char *code, const char *next,
                                         struct weir_error *err,
                                         const char *format, ...)
    WEIR_PRINTF(6, 7);
/* "list:entry" of a hit. */
void weir__hit_cause(const struct weir__screen *screen,
                     const struct weir__hit *hit, char cause_out[256]);
/* Whether a rule counts the organisation in. UNKNOWN without an image. */
enum weir_ownership_answer weir__look_owned(const struct weir_control *control,
                                            weir_span organisation,
                                            weir_span rule);
/* The same of a row, by weir_world_owned(). */
enum weir_ownership_answer weir__owned_by(uint8_t *const *owned,
                                          const struct weir_world_name *rule,
                                          uint32_t row);
/* "a" is one of "a,b,c". */
bool weir__has_word(weir_span words, weir_span word);

/* -------------------------------------------------------------------- apply */

struct weir__applied {
    struct weir__overlay_change *change; /* what the keys did is added */
    uint32_t keys;
    uint32_t held;
    uint32_t released;
};
/*
 * Keys of the organisation, as image rows, follow from the look: held or
 * released, with one notice for each tenant and one event. Inside a
 * transaction. Counts are added to.
 */
WEIR_MUST_USE weir_status weir__apply(struct weir__look *look,
                                      const uint32_t *keys, uint32_t key_count,
                                      struct weir__applied *applied,
                                      struct weir_error *err);
/*
 * Only the keys, of an organisation whose standing moves: weir__apply() is
 * owed, and says everything as if it had moved the keys itself, also after a
 * restart. Others are left alone. Inside a transaction.
 */
WEIR_MUST_USE weir_status weir__apply_early(const struct weir__look *look,
                                            const uint32_t *keys,
                                            uint32_t key_count,
                                            struct weir__applied *applied,
                                            struct weir_error *err);
/* The same of one organisation by itself: looks, applies, commits, and makes
 * the overlay known when anything changed. Not inside a transaction. */
WEIR_MUST_USE weir_status weir__apply_alone(struct weir_control *control,
                                            weir_span organisation,
                                            struct weir_error *err);

/* A hit as it stands in records and cases; the caller's. */
json_t *weir__hit_json(const struct weir__look *look,
                       const struct weir__hit *hit);
/* What was known, in which versions; free() it. NULL: out of memory. */
char *weir__inputs(const struct weir__look *look);

/* Adds an event of a standing, and the act beside it. */
WEIR_MUST_USE weir_status
weir__standing_note(struct weir_store *store, const struct weir_actor *actor,
                    struct weir__standing_event *event, int64_t *number_out,
                    struct weir_error *err);

/* All keys of the image that belong to an organisation; free() it. */
WEIR_MUST_USE weir_status weir__keys_of(const struct weir_image *image,
                                        weir_span organisation,
                                        uint32_t **keys_out,
                                        uint32_t *count_out,
                                        struct weir_error *err);

#endif
