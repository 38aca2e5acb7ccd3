/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All organisations that have keys or an approval, looked at again.
 *
 *   under the lock    who, and which names each goes by
 *   without it        names that were not asked of these lists yet are asked,
 *                     on every processor
 *   under the lock    look, hold or release, commit, overlay
 *                     look again, and tell: cases, events, notices
 *
 * WHY NAMES ARE ASKED WITHOUT THE LOCK. Asking 100,000 names takes seconds;
 * keys must be revocable meanwhile. The answers are kept by (names, lists),
 * so that a change of terms or of one owner asks next to nothing. When the
 * sources changed in between, the second half starts over: a name without an
 * answer is asked where it stands.
 *
 * WHY KEYS FIRST. To tell 100,000 organisations why takes ten seconds, to
 * hold their keys one. See apply.c for what is told after a stop in between.
 *
 * WHY NOT ONLY WHAT CHANGED. A changed line of a list can concern anybody
 * whose name is like it, an owner everybody below him; finding out whom
 * would repeat the index. Asking everybody is bounded, and measured:
 * docs/measured/onboarding.md.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/log.h"
#include "control/onboarding/parts.h"
#include "control/parts.h"

#define THREADS_MAX 8
#define ROOM_BYTES  ((size_t)1 << 20)
/* So few are told as fast as held: a notice is there when the hold is. */
#define EARLY_MIN 64u

/* One organisation of a review. */
struct subject {
    uint32_t row; /* of the world */
    uint32_t first_key;
    uint32_t key_count;
};

/* One name that these lists were not asked of yet. */
struct question {
    weir_span name;
    uint64_t key;
    struct weir__hits hits;
};

struct review {
    struct weir_control *control;
    struct weir__screen *screen;
    uint32_t threshold;
    struct weir_arena arena; /* names, keys, subjects */
    struct subject *subjects;
    uint32_t count;
    struct question *questions;
    uint32_t question_count;
    uint32_t *keys; /* image rows, by subject */
    uint64_t sources;
    struct weir_review figures;
    weir_time start;
    struct weir_error *err;
};

/* Once through all subjects. */
struct pass {
    bool is_early; /* keys only */
    char *room;
    weir_time now;
    weir_time due;
    struct weir__applied applied;
};

/* What the sources are, to see whether they changed while names were asked. */
static uint64_t
sources_of(const struct weir_control *control)
{
    return control->publications;
}

static weir_status
out_of_memory(struct weir_error *err)
{
    return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
}

/* -------------------------------------------------------------------- cache */

static struct weir__cache_slot *
slot_of(struct weir__cache_slot *slots, size_t size, uint64_t key)
{
    size_t at = key & (size - 1);
    while (slots[at].key != 0 && slots[at].key != key)
        at = (at + 1) & (size - 1);
    return &slots[at];
}

/* Room for `more`; emptied when the lists are others. False: no memory. */
static bool
cache_prepare(struct weir_onboarding *own, struct weir__screen *screen,
              size_t more)
{
    if (own->cache_screen != screen) {
        weir__screen_unref(own->cache_screen);
        own->cache_screen = weir__screen_ref(screen);
        weir_arena_fini(&own->cache_arena);
        weir_arena_init_heap(&own->cache_arena, WEIR_SCREENING_BYTES_MAX);
        free(own->cache);
        own->cache = NULL;
        own->cache_size = own->cache_count = 0;
    }
    size_t size = own->cache_size == 0 ? 1024 : own->cache_size;
    while (size < 2 * (own->cache_count + more + 1))
        size *= 2;
    if (size == own->cache_size)
        return true;
    struct weir__cache_slot *slots = calloc(size, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < own->cache_size; i++) {
        if (own->cache[i].key != 0)
            *slot_of(slots, size, own->cache[i].key) = own->cache[i];
    }
    free(own->cache);
    own->cache = slots;
    own->cache_size = size;
    return true;
}

static const struct weir__hits *
cache_find(const struct weir_onboarding *own, const struct weir__screen *screen,
           uint64_t key)
{
    if (own->cache_screen != screen || own->cache_size == 0)
        return NULL;
    const struct weir__cache_slot *slot =
        slot_of(own->cache, own->cache_size, key);
    return slot->key == 0 ? NULL : &slot->hits;
}

static bool
cache_put(struct weir_onboarding *own, uint64_t key,
          const struct weir__hits *hits)
{
    struct weir__cache_slot *slot = slot_of(own->cache, own->cache_size, key);
    struct weir__hit *rows =
        weir_arena_array(&own->cache_arena, struct weir__hit, hits->count);
    if (rows == NULL)
        return false;
    for (uint32_t i = 0; i < hits->count; i++) {
        rows[i] = hits->rows[i];
        rows[i].query = weir_arena_copy(&own->cache_arena, rows[i].query);
    }
    own->cache_count += slot->key == 0;
    *slot = (struct weir__cache_slot){key, {rows, hits->count}};
    return !own->cache_arena.overflow;
}

/* ------------------------------------------------------------------- gather */

struct wanting {
    const struct weir_world *world;
    uint8_t *wanted; /* by row of the world */
    uint32_t *index; /* open addressing: row + 1 */
    uint32_t mask;
};

static bool
want_approved(void *context, const struct weir__standing_row *row)
{
    struct wanting *all = context;
    uint32_t at = (uint32_t)weir_hash64(row->organisation, 0) & all->mask;
    for (; all->index[at] != 0; at = (at + 1) & all->mask) {
        uint32_t found = all->index[at] - 1;
        if (weir_span_equal(all->world->organisation_rows[found].name,
                            row->organisation)) {
            all->wanted[found] = 1;
            break;
        }
    }
    return true;
}

static bool
index_names(struct wanting *all, struct weir_arena *arena)
{
    const struct weir_world *world = all->world;
    uint32_t size = 16;
    while (size < 2 * (world->organisation_count + 1))
        size *= 2;
    all->mask = size - 1;
    all->index = weir_arena_array(arena, uint32_t, size);
    all->wanted =
        weir_arena_array(arena, uint8_t, world->organisation_count + 1);
    if (arena->overflow)
        return false;
    for (uint32_t i = 0; i < world->organisation_count; i++) {
        uint32_t at =
            (uint32_t)weir_hash64(world->organisation_rows[i].name, 0) &
            all->mask;
        while (all->index[at] != 0)
            at = (at + 1) & all->mask;
        all->index[at] = i + 1;
    }
    return true;
}

static uint32_t
find_name(const struct wanting *all, weir_span name)
{
    uint32_t at = (uint32_t)weir_hash64(name, 0) & all->mask;
    for (; all->index[at] != 0; at = (at + 1) & all->mask) {
        uint32_t row = all->index[at] - 1;
        if (weir_span_equal(all->world->organisation_rows[row].name, name))
            return row;
    }
    return WEIR_INDEX_NONE;
}

/* Keys by organisation: counted, then filed. */
static weir_status
gather_keys(struct review *review, const struct wanting *all)
{
    const struct weir_image *image = &review->control->image;
    uint32_t organisations = all->world->organisation_count;
    uint32_t *owner =
        weir_arena_array(&review->arena, uint32_t, image->tenant_count + 1);
    uint32_t *first =
        weir_arena_array(&review->arena, uint32_t, organisations + 2);
    review->keys =
        weir_arena_array(&review->arena, uint32_t, image->key_count + 1);
    if (review->arena.overflow)
        return out_of_memory(review->err);
    for (uint32_t i = 0; i < image->tenant_count; i++)
        owner[i] = find_name(
            all,
            weir_image_text(
                image,
                image->organisations[image->tenants[i].organisation].name));
    for (uint32_t i = 0; i < image->key_count; i++) {
        uint32_t row = owner[image->projects[image->keys[i].project].tenant];
        if (row != WEIR_INDEX_NONE) {
            first[row + 2]++;
            all->wanted[row] = 1;
        }
    }
    for (uint32_t i = 0; i < organisations; i++)
        first[i + 2] += first[i + 1];
    for (uint32_t i = 0; i < image->key_count; i++) {
        uint32_t row = owner[image->projects[image->keys[i].project].tenant];
        if (row != WEIR_INDEX_NONE)
            review->keys[first[row + 1]++] = i;
    }
    for (uint32_t i = 0; i < organisations; i++)
        review->count += all->wanted[i];
    review->subjects =
        weir_arena_array(&review->arena, struct subject, review->count + 1);
    if (review->subjects == NULL)
        return out_of_memory(review->err);
    uint32_t at = 0;
    for (uint32_t i = 0; i < organisations; i++) {
        if (all->wanted[i])
            review->subjects[at++] =
                (struct subject){.row = i,
                                 .first_key = first[i],
                                 .key_count = first[i + 1] - first[i]};
    }
    return WEIR_OK;
}

static uint64_t
key_of(const struct review *review, weir_span name)
{
    uint64_t key = weir_hash64(name, review->threshold);
    return key == 0 ? 1 : key;
}

/* Every organisation that is looked at or owns one that is, once. */
static weir_status
gather_names(struct review *review)
{
    const struct weir_world *world = review->control->world;
    const struct weir_onboarding *own = review->control->onboarding;
    struct weir_arena *arena = &review->arena;
    weir_span texts[WEIR__TEXTS_MAX];
    uint32_t rows[WEIR__OWNERS_MAX], total = 0;
    uint8_t *is_marked =
        weir_arena_array(arena, uint8_t, world->organisation_count + 1);
    if (is_marked == NULL)
        return out_of_memory(review->err);
    for (uint32_t i = 0; i < review->count; i++) {
        uint32_t count =
            weir__facts_above(world, review->subjects[i].row, rows);
        for (uint32_t j = 0; j < count; j++) {
            if (!is_marked[rows[j]])
                total += weir__facts_texts(world, rows[j], texts);
            is_marked[rows[j]] = 1;
        }
    }
    review->question_count = 0;
    review->questions = weir_arena_array(arena, struct question, total + 1);
    for (uint32_t i = 0;
         review->questions != NULL && i < world->organisation_count; i++) {
        if (!is_marked[i])
            continue;
        uint32_t count = weir__facts_texts(world, i, texts);
        for (uint32_t j = 0; j < count; j++) {
            uint64_t key = key_of(review, texts[j]);
            if (cache_find(own, review->screen, key) != NULL)
                continue;
            /* A copy: the world may go while they are asked. */
            review->questions[review->question_count++] = (struct question){
                weir_arena_copy(arena, texts[j]), key, {NULL, 0}};
        }
    }
    return arena->overflow ? out_of_memory(review->err) : WEIR_OK;
}

static weir_status
gather(struct review *review)
{
    struct weir_control *control = review->control;
    struct wanting all = {.world = control->world};
    review->count = 0;
    review->sources = sources_of(control);
    review->threshold = control->world->onboarding.threshold;
    if (!index_names(&all, &review->arena))
        return out_of_memory(review->err);
    weir_status status =
        weir__standings(control->store, WEIR_STANDING_APPROVED, UINT32_MAX,
                        want_approved, &all, review->err);
    if (status == WEIR_OK)
        status = weir__standings(control->store, WEIR_STANDING_HELD, UINT32_MAX,
                                 want_approved, &all, review->err);
    if (status == WEIR_OK)
        status = gather_keys(review, &all);
    if (status == WEIR_OK && review->screen != NULL)
        status = gather_names(review);
    return status;
}

/* ---------------------------------------------------------------------- ask */

struct asker {
    pthread_t thread;
    struct review *review;
    atomic_uint *next;
    struct weir_arena arena; /* of scratch and hits */
    struct weir_error err;
    weir_status status;
    bool is_started;
};

static void *
ask(void *context)
{
    struct asker *asker = context;
    struct review *review = asker->review;
    struct weir_screening_scratch *scratch =
        weir_screening_scratch_new(review->screen->index, &asker->arena);
    if (scratch == NULL) {
        asker->status = out_of_memory(&asker->err);
        return NULL;
    }
    while (asker->status == WEIR_OK) {
        uint32_t from = atomic_fetch_add(asker->next, 256u);
        if (from >= review->question_count)
            break;
        for (uint32_t i = from; asker->status == WEIR_OK && i < from + 256 &&
                                i < review->question_count;
             i++) {
            struct question *one = &review->questions[i];
            asker->status = weir__screen_ask(
                review->screen, scratch, &one->name, 1, review->threshold,
                &asker->arena, &one->hits, &asker->err);
        }
    }
    return NULL;
}

static weir_status
keep_answers(struct review *review)
{
    struct weir_onboarding *own = review->control->onboarding;
    pthread_mutex_lock(&review->control->lock);
    bool is_kept = cache_prepare(own, review->screen, review->question_count);
    for (uint32_t i = 0; is_kept && i < review->question_count; i++)
        is_kept = cache_put(own, review->questions[i].key,
                            &review->questions[i].hits);
    pthread_mutex_unlock(&review->control->lock);
    review->figures.screened += review->question_count;
    return is_kept ? WEIR_OK : out_of_memory(review->err);
}

static weir_status
ask_all(struct review *review)
{
    struct asker askers[THREADS_MAX];
    atomic_uint next = 0;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t threads = processors < 1             ? 1
                       : processors > THREADS_MAX ? THREADS_MAX
                                                  : (uint32_t)processors;
    if (review->screen == NULL || review->question_count == 0)
        return WEIR_OK;
    if (review->question_count < 512)
        threads = 1;
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; i < threads; i++) {
        askers[i] = (struct asker){.review = review, .next = &next};
        weir_arena_init_heap(&askers[i].arena, WEIR_SCREENING_BYTES_MAX);
        askers[i].is_started = i > 0 && pthread_create(&askers[i].thread, NULL,
                                                       ask, &askers[i]) == 0;
    }
    (void)ask(&askers[0]); /* this thread is the first of them */
    for (uint32_t i = 1; i < threads; i++) {
        if (askers[i].is_started)
            pthread_join(askers[i].thread, NULL);
    }
    for (uint32_t i = 0; i < threads; i++) {
        if (status == WEIR_OK && askers[i].status != WEIR_OK) {
            status = askers[i].status;
            if (review->err != NULL)
                *review->err = askers[i].err;
        }
    }
    if (status == WEIR_OK)
        status = keep_answers(review);
    for (uint32_t i = 0; i < threads; i++)
        weir_arena_fini(&askers[i].arena);
    return status;
}

/* -------------------------------------------------------------------- apply */

/* What the lists said of the organisation and its owners; NULL in *hits_out:
 * not all of them were asked. */
static weir_status
collect_hits(const struct review *review, uint32_t row,
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
        return status == WEIR_OK ? out_of_memory(review->err) : status;
    for (uint32_t i = 0; i < count; i++) {
        const struct weir__hits *found =
            cache_find(review->control->onboarding, review->screen,
                       key_of(review, names[i]));
        if (found == NULL)
            return WEIR_OK;
        all[i] = *found;
    }
    *hits_out = room;
    return weir__hits_merge(all, count, arena, room, review->err);
}

static weir_status
apply_one(struct review *review, const struct subject *subject,
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

/* Everybody in one transaction, then the overlay if keys changed. */
static weir_status
run_pass(struct review *review, struct pass *pass)
{
    struct weir_control *control = review->control;
    weir_status status = weir_store_begin(control->store, review->err);
    if (status != WEIR_OK)
        return status;
    pass->due = WEIR_TIME_MAX;
    for (uint32_t i = 0; status == WEIR_OK && i < review->count; i++)
        status = apply_one(review, &review->subjects[i], pass);
    weir_time ends = WEIR_TIME_MAX;
    if (status == WEIR_OK)
        status =
            weir__case_next_end(control->store, pass->now, &ends, review->err);
    pass->due = ends < pass->due ? ends : pass->due;
    status = weir__control_finish(control, status, review->err);
    if (status == WEIR_OK && pass->applied.held + pass->applied.released > 0)
        status = weir__control_publish_overlay(control, review->err);
    return status;
}

static weir_status
apply_all(struct review *review)
{
    struct pass first = {.now = weir_control_now(), .is_early = true};
    struct pass second = {.now = first.now};
    first.room = second.room = malloc(ROOM_BYTES);
    weir_status status =
        first.room == NULL ? out_of_memory(review->err) : WEIR_OK;
    if (status == WEIR_OK && review->count > EARLY_MIN)
        status = run_pass(review, &first);
    review->figures.overlay_us = (uint64_t)(weir_control_now() - review->start);
    if (status == WEIR_OK)
        status = run_pass(review, &second);
    /* Keys that follow no standing, as those of nobody who was approved. */
    if (second.applied.held + second.applied.released > 0)
        review->figures.overlay_us =
            (uint64_t)(weir_control_now() - review->start);
    free(first.room);
    if (status == WEIR_OK)
        review->control->onboarding->due = second.due;
    review->figures.organisations = review->count;
    review->figures.keys = second.applied.keys;
    review->figures.held = first.applied.held + second.applied.held;
    review->figures.released = first.applied.released + second.applied.released;
    return status;
}

/* -------------------------------------------------------------------- whole */

/* Loads the lists outside of the lock when they changed. */
static weir_status
take_screen(struct review *review)
{
    struct weir_control *control = review->control;
    struct weir__lists lists = {0};
    pthread_mutex_lock(&control->lock);
    struct weir_onboarding *own = weir__onboarding_of(control);
    weir_status status =
        own == NULL ? out_of_memory(review->err)
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
    pthread_mutex_lock(&control->lock);
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
attempt(struct review *review, bool is_last, bool *is_over_out)
{
    struct weir_control *control = review->control;
    weir_time start = weir_control_now();
    weir_arena_init_heap(&review->arena, WEIR_WORLD_BYTES_MAX);
    pthread_mutex_lock(&control->lock);
    *is_over_out = !control->has_image;
    weir_status status = *is_over_out ? WEIR_OK : gather(review);
    pthread_mutex_unlock(&control->lock);
    if (status == WEIR_OK && !*is_over_out)
        status = ask_all(review);
    review->figures.screen_us += (uint64_t)(weir_control_now() - start);
    if (status == WEIR_OK && !*is_over_out) {
        pthread_mutex_lock(&control->lock);
        *is_over_out = review->sources == sources_of(control);
        if (*is_over_out)
            status = apply_all(review);
        else if (is_last)
            status = weir_fail(review->err, WEIR_EUNAVAIL, WEIR_OFFSET_NONE,
                               "the sources change faster than they can be "
                               "reviewed");
        pthread_mutex_unlock(&control->lock);
    }
    weir_arena_fini(&review->arena);
    return status;
}

weir_status
weir_onboarding_review(struct weir_control *control, const char *why,
                       struct weir_review *review_out, struct weir_error *err)
{
    weir_time start = weir_control_now();
    struct review review = {.control = control, .start = start, .err = err};
    bool is_over = false;
    weir_status status = take_screen(&review);
    for (int i = 0; status == WEIR_OK && !is_over && i < 5; i++)
        status = attempt(&review, i == 4, &is_over);
    weir__screen_unref(review.screen);
    review.figures.total_us = (uint64_t)(weir_control_now() - start);
    if (status == WEIR_OK && review.figures.held + review.figures.released > 0)
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
