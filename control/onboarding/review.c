/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All organisations that have keys or an approval, looked at again.
 *
 *   gather   who, and which names each goes by          lock, in turns
 *   ask      names that were not asked of these lists   no lock
 *   hold     look, hold or release the keys; overlay    lock, in turns
 *   tell     look again: cases, events, notices         lock, in turns
 *
 * WHY KEYS FIRST. To tell 100,000 organisations why takes ten seconds, to
 * hold their keys one.
 *
 * WHY IN TURNS. Whoever revokes a key waits for the lock. A turn is one
 * transaction of a few milliseconds; between two of them the lock goes to
 * whoever waits for it (control/turns.h). Each organisation is told in the
 * transaction that moves its standing, so that after a stop at any point the
 * next review finds who was not told, and nobody is told twice (apply.c).
 *
 * WHEN THE SOURCES CHANGE BETWEEN TURNS, rows mean nothing any more and what
 * was gathered is gathered again; what was done stays done. The next attempt
 * begins with the organisation at which this one stopped, and after some of
 * them holds and tells in one pass, so that each goes further than the last.
 *
 * WHY NOT ONLY WHAT CHANGED. A changed line of a list can concern anybody
 * whose name is like it, an owner everybody below him; finding out whom
 * would repeat the index. Asking everybody is bounded, and measured:
 * docs/measured/onboarding.md.
 */
#include <stdlib.h>
#include <string.h>

#include "control/log.h"
#include "control/onboarding/review.h"
#include "control/parts.h"

#define ROOM_BYTES ((size_t)1 << 20)
/* So few are told as fast as held: a notice is there when the hold is. */
#define EARLY_MIN 64u
/* Interrupted so often, it holds and tells in one pass. */
#define EARLY_TRIES  3u
#define ATTEMPTS_MAX 5u
/* From this attempt on nobody comes in between while all are gathered. */
#define ATTEMPT_IN_ONE 2u

/* Once through all subjects. */
struct pass {
    bool is_early; /* keys only */
    char *room;
    weir_time now;
    weir_time due;
    struct weir__applied applied;
    struct weir__overlay_change change;
};

weir_status
weir__review_no_memory(struct weir__reviewing *review)
{
    return weir_fail(review->err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                     "out of memory");
}

/* -------------------------------------------------------------------- apply */

/* What the lists said of the organisation and its owners; NULL in *hits_out:
 * not all of them were asked. */
static weir_status
collect_hits(struct weir__reviewing *review, uint32_t row,
             struct weir_arena *arena, struct weir__hits *room,
             const struct weir__hits **hits_out)
{
    const struct weir_world *world = review->control->world;
    weir_span *names;
    uint32_t count;
    *hits_out = NULL;
    if (review->screen == NULL)
        return WEIR_OK;
    weir_status status =
        weir__facts_names(world, row, arena, &names, &count, review->err);
    struct weir__hits *all = weir_arena_array(arena, struct weir__hits, count);
    if (status != WEIR_OK || all == NULL)
        return status == WEIR_OK ? weir__review_no_memory(review) : status;
    for (uint32_t i = 0; i < count; i++) {
        const struct weir__hits *found =
            weir__answers_find(review->control->onboarding, review->screen,
                               weir__answers_key(review, names[i]));
        if (found == NULL)
            return WEIR_OK;
        all[i] = *found;
    }
    *hits_out = room;
    return weir__hits_merge(all, count, arena, room, review->err);
}

static weir_status
apply_one(struct weir__reviewing *review, const struct weir__subject *subject,
          struct pass *pass)
{
    const uint32_t *keys = review->keys + subject->first_key;
    struct weir__hits hits;
    struct weir_arena arena;
    weir_arena_init(&arena, pass->room, ROOM_BYTES);
    struct weir__look look = {.control = review->control,
                              .arena = &arena,
                              .now = pass->now,
                              .screen = review->screen,
                              .raises = true,
                              .is_early = pass->is_early,
                              .due = pass->due};
    weir_status status =
        collect_hits(review, subject->row, &arena, &hits, &look.hits);
    if (status == WEIR_OK)
        status = weir__look(&look, subject->row, review->err);
    if (status == WEIR_OK)
        status = pass->is_early
                     ? weir__apply_early(&look, keys, subject->key_count,
                                         &pass->applied, review->err)
                     : weir__apply(&look, keys, subject->key_count,
                                   &pass->applied, review->err);
    pass->due = look.due;
    return status;
}

static uint64_t
hash_of(const struct weir__reviewing *review, uint32_t subject)
{
    uint32_t row = review->subjects[subject].row;
    uint64_t hash =
        weir_hash64(review->control->world->organisation_rows[row].name, 0);
    return hash == 0 ? 1 : hash;
}

/* Where an interrupted review stopped. */
static uint32_t
find_start(const struct weir__reviewing *review)
{
    uint64_t resume = review->control->onboarding->resume;
    for (uint32_t i = 0; resume != 0 && i < review->count; i++) {
        if (hash_of(review, i) == resume)
            return i;
    }
    return 0;
}

/* The turns of a pass, a transaction each; *is_whole_out false: the sources
 * changed before its end. The lock is held, before and after. */
static weir_status
run_turns(struct weir__reviewing *review, struct pass *pass,
          struct weir__turns *turns, bool *is_whole_out)
{
    struct weir_control *control = review->control;
    uint32_t start = find_start(review), at = 0;
    weir_status status = WEIR_OK;
    bool is_same = true;
    while (status == WEIR_OK && is_same && at < review->count) {
        status = weir_store_begin(control->store, review->err);
        if (status != WEIR_OK)
            break;
        do {
            uint32_t subject = (start + at++) % review->count;
            status = apply_one(review, &review->subjects[subject], pass);
        } while (status == WEIR_OK && at < review->count &&
                 !weir__turns_is_over(turns));
        status = weir__control_finish(control, status, review->err);
        if (status != WEIR_OK)
            break;
        uint64_t next = hash_of(review, (start + at) % review->count);
        is_same = weir__turns_next(turns);
        if (!is_same && at < review->count)
            control->onboarding->resume = next;
    }
    *is_whole_out = at == review->count;
    return status;
}

/* All turns, then the overlay: also of what was done before a failure. */
static weir_status
run_pass(struct weir__reviewing *review, struct pass *pass, bool *is_whole_out)
{
    struct weir_control *control = review->control;
    struct weir_onboarding *own = control->onboarding;
    struct weir__turns turns;
    weir_status status = WEIR_OK;
    weir__overlay_change_init(&pass->change);
    pass->applied = (struct weir__applied){.change = &pass->change};
    pass->due = WEIR_TIME_MAX;
    weir__turns_begin(&turns, control);
    if (!pass->is_early)
        own->due = WEIR_TIME_MAX; /* whoever is decided on from now on */
    *is_whole_out = turns.edition == review->edition;
    if (*is_whole_out)
        status = run_turns(review, pass, &turns, is_whole_out);
    weir_time ends = WEIR_TIME_MAX;
    if (status == WEIR_OK)
        status =
            weir__case_next_end(control->store, pass->now, &ends, review->err);
    pass->due = ends < pass->due ? ends : pass->due;
    if (!pass->is_early && pass->due < own->due)
        own->due = pass->due;
    if (pass->change.count > 0) {
        struct weir_error failure = {0};
        weir_status shown =
            weir__control_change_overlay(control, &pass->change, &failure);
        if (shown != WEIR_OK && status == WEIR_OK && review->err != NULL)
            *review->err = failure;
        status = status == WEIR_OK ? shown : status;
        review->figures.overlay_us =
            (uint64_t)(weir_control_now() - review->start);
    }
    weir__turns_end(&turns);
    weir__overlay_change_fini(&pass->change);
    if ((uint64_t)turns.longest > review->figures.turn_us)
        review->figures.turn_us = (uint64_t)turns.longest;
    review->figures.held += pass->applied.held;
    review->figures.released += pass->applied.released;
    return status;
}

/* *is_whole_out false: the sources changed meanwhile. */
static weir_status
apply_all(struct weir__reviewing *review, bool *is_whole_out)
{
    struct weir_onboarding *own = review->control->onboarding;
    char *room = malloc(ROOM_BYTES);
    struct pass pass = {
        .is_early = true, .now = weir_control_now(), .room = room};
    weir_status status =
        room == NULL ? weir__review_no_memory(review) : WEIR_OK;
    *is_whole_out = true;
    if (status == WEIR_OK && review->count > EARLY_MIN &&
        own->interrupted < EARLY_TRIES)
        status = run_pass(review, &pass, is_whole_out);
    if (review->figures.overlay_us == 0)
        review->figures.overlay_us =
            (uint64_t)(weir_control_now() - review->start);
    pass.is_early = false;
    if (status == WEIR_OK && *is_whole_out)
        status = run_pass(review, &pass, is_whole_out);
    free(room);
    if (status != WEIR_OK)
        return status;
    own->interrupted = *is_whole_out ? 0 : own->interrupted + 1;
    if (*is_whole_out)
        own->resume = 0;
    review->figures.organisations = review->count;
    review->figures.keys = pass.applied.keys;
    return WEIR_OK;
}

/* -------------------------------------------------------------------- whole */

/* Loads the lists outside of the lock when they changed. */
static weir_status
take_screen(struct weir__reviewing *review)
{
    struct weir_control *control = review->control;
    struct weir__lists lists = {0};
    weir_control_lock(control);
    struct weir_onboarding *own = weir__onboarding_of(control);
    weir_status status =
        own == NULL ? weir__review_no_memory(review)
                    : weir__lists_take(control->world, &lists, review->err);
    bool is_other = status == WEIR_OK && lists.count > 0 &&
                    own->failed_stamp != lists.stamp &&
                    (own->screen == NULL || own->screen->stamp != lists.stamp);
    pthread_mutex_unlock(&control->lock);
    struct weir__screen *loaded = NULL;
    struct weir_error err = {0};
    bool is_bad =
        is_other && weir__screen_load(&lists, &loaded, &err) != WEIR_OK;
    if (is_bad)
        weir_log(WEIR_LOG_ERROR, "onboarding: %s", err.text);
    weir_control_lock(control);
    if (is_bad) {
        own->failed_stamp = lists.stamp;
        memcpy(own->screen_error, err.text, sizeof own->screen_error);
    } else if (loaded != NULL) {
        weir__screen_unref(own->screen);
        own->screen = loaded;
        own->screen_error[0] = '\0';
    } else if (status == WEIR_OK && lists.count == 0) {
        weir__screen_unref(own->screen);
        own->screen = NULL;
    }
    if (status == WEIR_OK)
        review->screen = weir__screen_ref(own->screen);
    pthread_mutex_unlock(&control->lock);
    weir__lists_free(&lists);
    return status;
}

/* One try; *is_over_out false: the sources changed meanwhile. */
static weir_status
attempt(struct weir__reviewing *review, uint32_t number, bool *is_over_out)
{
    weir_time start = weir_control_now();
    bool is_whole = false;
    weir_arena_init_heap(&review->arena, WEIR_WORLD_BYTES_MAX);
    weir_status status = weir__review_gather(review, number >= ATTEMPT_IN_ONE,
                                             is_over_out, &is_whole);
    if (status == WEIR_OK && is_whole && !*is_over_out)
        status = weir__review_ask(review);
    review->figures.screen_us += (uint64_t)(weir_control_now() - start);
    if (status == WEIR_OK && is_whole && !*is_over_out)
        status = apply_all(review, is_over_out);
    weir_arena_fini(&review->arena);
    return status;
}

weir_status
weir_onboarding_review(struct weir_control *control, const char *why,
                       struct weir_review *review_out, struct weir_error *err)
{
    weir_time start = weir_control_now();
    struct weir__reviewing review = {
        .control = control, .start = start, .err = err};
    bool is_over = false;
    weir_status status = take_screen(&review);
    for (uint32_t i = 0; status == WEIR_OK && !is_over && i < ATTEMPTS_MAX;
         i++) {
        status = attempt(&review, i, &is_over);
        review.figures.attempts++;
    }
    weir__screen_unref(review.screen);
    review.figures.total_us = (uint64_t)(weir_control_now() - start);
    if (status == WEIR_OK && !is_over)
        status = weir_fail(err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                           "the sources change faster than they can be "
                           "reviewed");
    if (review.figures.held + review.figures.released > 0)
        weir_log(WEIR_LOG_INFO,
                 "review (%s): %u organisations, %u asked of lists, %u keys "
                 "held, %u released, known after %llu ms, told after %llu ms",
                 why, review.figures.organisations, review.figures.screened,
                 review.figures.held, review.figures.released,
                 (unsigned long long)review.figures.overlay_us / 1000,
                 (unsigned long long)review.figures.total_us / 1000);
    if (review_out != NULL)
        *review_out = review.figures;
    return status;
}

/* ----------------------------------------------------------------- restoring */

weir_status
weir__onboarding_on_restored(struct weir_control *control,
                             const struct weir_actor *actor,
                             const struct weir_case *row,
                             struct weir_error *err)
{
    if (control->world == NULL || row->organisation.len == 0)
        return WEIR_OK;
    return weir__apply_alone(control, row->organisation, err);
}
