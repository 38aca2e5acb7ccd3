/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a review looks at: who has keys or an approval, with the keys of each
 * and the names that the lists were not asked of yet.
 *
 * A hundred thousand organisations take a third of a second here, so that
 * the lock is taken in turns. Rows of world and image are numbers of one
 * edition: when it moves between two turns, all is gathered again.
 */
#include "control/onboarding/review.h"

#define LOOK_EVERY     256u  /* rows between two looks at the clock */
#define STANDINGS_MOST 2000u /* of one question to the store */

struct gathering {
    struct weir__reviewing *review;
    struct weir__turns turns;
    bool in_one;     /* the lock is held throughout */
    bool is_stale;   /* the edition moved */
    uint8_t *wanted; /* by row of the world */
    /* Of one question to the store. */
    weir_span last;
    uint32_t seen;
};

/* Between two rows; false: they mean nothing any more. */
static bool
go_on(struct gathering *all, uint32_t row)
{
    if (row % LOOK_EVERY == 0 && !all->in_one &&
        weir__turns_is_over(&all->turns) && !weir__turns_next(&all->turns))
        all->is_stale = true;
    return !all->is_stale;
}

static const struct weir_world *
world_of(const struct gathering *all)
{
    return all->review->control->world;
}

/* -------------------------------------------------------------------- names */

static weir_status
index_names(struct gathering *all)
{
    const struct weir_world *world = world_of(all);
    struct weir_arena *arena = &all->review->arena;
    uint32_t size = 16;
    while (size < 2 * (world->organisation_count + 1))
        size *= 2;
    all->review->mask = size - 1;
    all->review->index = weir_arena_array(arena, uint32_t, size);
    all->wanted =
        weir_arena_array(arena, uint8_t, world->organisation_count + 1);
    if (arena->overflow)
        return weir__review_no_memory(all->review);
    for (uint32_t i = 0; i < world->organisation_count && go_on(all, i); i++) {
        uint32_t at =
            (uint32_t)weir_hash64(world->organisation_rows[i].name, 0) &
            all->review->mask;
        while (all->review->index[at] != 0)
            at = (at + 1) & all->review->mask;
        all->review->index[at] = i + 1;
    }
    return WEIR_OK;
}

uint32_t
weir__review_find(const struct weir__reviewing *review, weir_span name)
{
    const struct weir_world *world = review->control->world;
    uint32_t at = (uint32_t)weir_hash64(name, 0) & review->mask;
    for (; review->index[at] != 0; at = (at + 1) & review->mask) {
        uint32_t row = review->index[at] - 1;
        if (weir_span_equal(world->organisation_rows[row].name, name))
            return row;
    }
    return WEIR_INDEX_NONE;
}

/* ---------------------------------------------------------------- standings */

static bool
want_approved(void *context, weir_span name)
{
    struct gathering *all = context;
    uint32_t row = weir__review_find(all->review, name);
    if (row != WEIR_INDEX_NONE)
        all->wanted[row] = 1;
    if (++all->seen == STANDINGS_MOST)
        all->last = weir_arena_copy(&all->review->arena, name);
    return true;
}

static weir_status
gather_approved(struct gathering *all)
{
    struct weir__reviewing *review = all->review;
    weir_status status = WEIR_OK;
    do {
        all->seen = 0;
        status = weir__standings_looked_at(review->control->store, all->last,
                                           STANDINGS_MOST, want_approved, all,
                                           review->err);
    } while (status == WEIR_OK && all->seen == STANDINGS_MOST &&
             !review->arena.overflow && go_on(all, 0));
    return status;
}

/* --------------------------------------------------------------------- keys */

/* Counted: first[row + 2] is how many keys of the row there are. */
static void
count_keys(struct gathering *all, uint32_t *owner, uint32_t *first)
{
    const struct weir_image *image = &all->review->control->image;
    for (uint32_t i = 0; i < image->tenant_count && go_on(all, i); i++)
        owner[i] = weir__review_find(
            all->review,
            weir_image_text(
                image,
                image->organisations[image->tenants[i].organisation].name));
    for (uint32_t i = 0;
         !all->is_stale && i < image->key_count && go_on(all, i); i++) {
        uint32_t row = owner[image->projects[image->keys[i].project].tenant];
        if (row != WEIR_INDEX_NONE) {
            first[row + 2]++;
            all->wanted[row] = 1;
        }
    }
}

static void
file_keys(struct gathering *all, const uint32_t *owner, uint32_t *first)
{
    const struct weir_image *image = &all->review->control->image;
    for (uint32_t i = 0; i < world_of(all)->organisation_count; i++)
        first[i + 2] += first[i + 1];
    for (uint32_t i = 0; i < image->key_count && go_on(all, i); i++) {
        uint32_t row = owner[image->projects[image->keys[i].project].tenant];
        if (row != WEIR_INDEX_NONE)
            all->review->keys[first[row + 1]++] = i;
    }
}

/* Keys by organisation: counted, then filed. */
static weir_status
gather_keys(struct gathering *all)
{
    struct weir__reviewing *review = all->review;
    const struct weir_image *image = &review->control->image;
    uint32_t organisations = world_of(all)->organisation_count;
    uint32_t *owner =
        weir_arena_array(&review->arena, uint32_t, image->tenant_count + 1);
    uint32_t *first =
        weir_arena_array(&review->arena, uint32_t, organisations + 2);
    review->keys =
        weir_arena_array(&review->arena, uint32_t, image->key_count + 1);
    if (review->arena.overflow)
        return weir__review_no_memory(review);
    count_keys(all, owner, first);
    if (!all->is_stale)
        file_keys(all, owner, first);
    if (all->is_stale)
        return WEIR_OK;
    for (uint32_t i = 0; i < organisations; i++)
        review->count += all->wanted[i];
    review->subjects = weir_arena_array(&review->arena, struct weir__subject,
                                        review->count + 1);
    if (review->subjects == NULL)
        return weir__review_no_memory(review);
    uint32_t at = 0;
    for (uint32_t i = 0; i < organisations; i++) {
        if (all->wanted[i])
            review->subjects[at++] =
                (struct weir__subject){.row = i,
                                       .first_key = first[i],
                                       .key_count = first[i + 1] - first[i]};
    }
    return WEIR_OK;
}

/* ----------------------------------------------------------------- questions */

/* Marks who is looked at and who owns one that is; how many names they have. */
static uint32_t
mark_owners(struct gathering *all, uint8_t *is_marked)
{
    const struct weir__reviewing *review = all->review;
    weir_span texts[WEIR__TEXTS_MAX];
    uint32_t rows[WEIR__OWNERS_MAX], total = 0;
    for (uint32_t i = 0; i < review->count && go_on(all, i); i++) {
        uint32_t count =
            weir__facts_above(world_of(all), review->subjects[i].row, rows);
        for (uint32_t j = 0; j < count; j++) {
            if (!is_marked[rows[j]])
                total += weir__facts_texts(world_of(all), rows[j], texts);
            is_marked[rows[j]] = 1;
        }
    }
    return total;
}

static void
add_askings(struct gathering *all, uint32_t row)
{
    struct weir__reviewing *review = all->review;
    weir_span texts[WEIR__TEXTS_MAX];
    uint32_t count = weir__facts_texts(world_of(all), row, texts);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t key = weir__answers_key(review, texts[i]);
        if (weir__answers_find(review->control->onboarding, review->screen,
                               key) != NULL)
            continue;
        /* A copy: the world may go while they are asked. */
        review->askings[review->asking_count++] = (struct weir__asking){
            weir_arena_copy(&review->arena, texts[i]), key, {NULL, 0}};
    }
}

/* Every organisation that is looked at or owns one that is, once. */
static weir_status
gather_names(struct gathering *all)
{
    struct weir__reviewing *review = all->review;
    struct weir_arena *arena = &review->arena;
    uint32_t organisations = world_of(all)->organisation_count;
    uint8_t *is_marked = weir_arena_array(arena, uint8_t, organisations + 1);
    if (is_marked == NULL)
        return weir__review_no_memory(review);
    uint32_t total = mark_owners(all, is_marked);
    review->askings = weir_arena_array(arena, struct weir__asking, total + 1);
    if (review->askings == NULL)
        return weir__review_no_memory(review);
    for (uint32_t i = 0; !all->is_stale && i < organisations && go_on(all, i);
         i++) {
        if (is_marked[i])
            add_askings(all, i);
    }
    return arena->overflow ? weir__review_no_memory(review) : WEIR_OK;
}

/* -------------------------------------------------------------------- whole */

static weir_status
gather(struct gathering *all)
{
    struct weir__reviewing *review = all->review;
    review->count = review->asking_count = 0;
    review->edition = all->turns.edition;
    review->threshold = world_of(all)->onboarding.threshold;
    weir_status status = index_names(all);
    if (status == WEIR_OK && !all->is_stale)
        status = gather_approved(all);
    if (status == WEIR_OK && !all->is_stale)
        status = gather_keys(all);
    if (status == WEIR_OK && !all->is_stale && review->screen != NULL)
        status = gather_names(all);
    return status;
}

weir_status
weir__review_gather(struct weir__reviewing *review, bool in_one,
                    bool *is_over_out, bool *is_whole_out)
{
    struct gathering all = {.review = review, .in_one = in_one};
    weir_status status = WEIR_OK;
    weir__turns_begin(&all.turns, review->control);
    *is_over_out = !review->control->has_image;
    if (!*is_over_out)
        status = gather(&all);
    *is_whole_out = !all.is_stale;
    weir__turns_end(&all.turns);
    if (all.turns.longest > (weir_time)review->figures.turn_us)
        review->figures.turn_us = (uint64_t)all.turns.longest;
    return status;
}

weir_status
weir__review_gather_held(struct weir__reviewing *review)
{
    struct gathering all = {.review = review, .in_one = true};
    all.turns.edition = review->control->edition;
    return gather(&all);
}
