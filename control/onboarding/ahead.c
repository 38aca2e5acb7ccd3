/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources that are about to be in force: whoever falls short under them is
 * on hold before their image is compiled.
 *
 *   world read -> evidence merged -> who may fall short -> looked at, held
 *        -> overlay -> image compiled -> committed -> all reviewed, and told
 *
 * WHY NOT EVERYBODY. To look at one organisation costs a handful of
 * questions to the store. Who is approved, on which facts, is one question
 * for all of them; with it, and with the ownership rules run over the new
 * world, memory says who cannot have fallen short:
 *
 *   his facts are those decided on, nothing is missing of them, no rule
 *   counts him in, and no terms and no requirement are new
 *
 * That last condition is about everybody, so then everybody is looked at.
 *
 * WHY NO LISTS HERE. Names are asked without control's lock (ask.c), and
 * whose own names changed is held for that change. The lists come with the
 * review that follows the image, as do all releases: nobody passes on what
 * is not in force yet.
 *
 * WHY NOT IN TURNS. The holds and the image that they go before are one
 * transaction: if the sources are refused after all, nothing was held. The
 * image is compiled under the lock anyway, and takes longer than this.
 */
#include <stdlib.h>
#include <string.h>

#include "control/onboarding/review.h"
#include "control/parts.h"

#define ROOM_BYTES ((size_t)1 << 20)

struct ahead {
    struct weir__reviewing review;
    uint8_t **owned;
    uint8_t *suspects; /* by row of the world */
    bool is_all;       /* terms or requirements that were not there before */
    weir_time now;
    struct weir__applied applied;
    struct weir__overlay_change change;
};

/* ------------------------------------------------------------------ who */

static bool
has_terms(const struct weir_world *world, const struct weir_world_terms *terms)
{
    for (uint32_t i = 0; i < world->terms_count; i++) {
        if (weir_span_equal(world->terms_rows[i].name, terms->name) &&
            weir_span_equal(world->terms_rows[i].version, terms->version))
            return true;
    }
    return false;
}

static bool
requires_more(const struct weir_world *before, const struct weir_world *after)
{
    const struct weir_onboarding_rules *old = &before->onboarding;
    const struct weir_onboarding_rules *new = &after->onboarding;
    if ((new->requires & ~old->requires) != 0 ||
        (new->needs_decision && !old->needs_decision))
        return true;
    for (uint32_t i = 0; i < after->terms_count; i++) {
        if (!has_terms(before, &after->terms_rows[i]))
            return true;
    }
    return false;
}

static bool
is_owned(const struct ahead *a, const struct weir_world *world, uint32_t row)
{
    struct weir_world_range rules = world->onboarding.ownership;
    for (uint32_t i = 0; i < rules.count; i++) {
        if (weir__owned_by(a->owned, &world->name_rows[rules.first + i], row) !=
            WEIR_ANSWER_NO)
            return true;
    }
    return false;
}

static bool
suspect(void *context, const struct weir__standing_row *standing)
{
    struct ahead *a = context;
    const struct weir_world *world = a->review.control->world;
    uint32_t row = weir__review_find(&a->review, standing->organisation);
    if (row == WEIR_INDEX_NONE)
        return true;
    bool is_short = a->is_all || is_owned(a, world, row);
    if (!is_short && (world->onboarding.requires & WEIR_REQUIRE_EVIDENCE) != 0)
        is_short = weir__facts_missing(world, row, a->now) != 0;
    if (!is_short) {
        uint8_t digest[32];
        weir__facts_digest(world, row, digest);
        is_short = memcmp(digest, standing->facts, sizeof digest) != 0;
    }
    a->suspects[row] = is_short;
    return true;
}

/* ----------------------------------------------------------------- hold */

static weir_status
hold_one(struct ahead *a, const struct weir__subject *subject, char *room)
{
    static const struct weir__hits none = {NULL, 0};
    struct weir_control *control = a->review.control;
    struct weir_arena arena;
    weir_arena_init(&arena, room, ROOM_BYTES);
    struct weir__look look = {.control = control,
                              .arena = &arena,
                              .now = a->now,
                              .screen = control->onboarding->screen,
                              .hits = &none,
                              .owned = a->owned,
                              .raises = true,
                              .is_early = true,
                              .due = WEIR_TIME_MAX};
    weir_status status = weir__look(&look, subject->row, a->review.err);
    if (status == WEIR_OK && look.count > 0)
        status =
            weir__apply_early(&look, a->review.keys + subject->first_key,
                              subject->key_count, &a->applied, a->review.err);
    return status;
}

/* control->world is the new one. */
static weir_status
hold_all(struct ahead *a)
{
    struct weir__reviewing *review = &a->review;
    const struct weir_world *world = review->control->world;
    weir_status status = weir__review_gather_held(review);
    if (status == WEIR_OK)
        status = weir_world_owned(world, a->now, &review->arena, &a->owned,
                                  review->err);
    if (status != WEIR_OK)
        return status;
    a->suspects = weir_arena_array(&review->arena, uint8_t,
                                   world->organisation_count + 1);
    char *room = malloc(ROOM_BYTES);
    if (a->suspects == NULL || room == NULL)
        status = weir__review_no_memory(review);
    if (status == WEIR_OK)
        status = weir__standings(review->control->store, WEIR_STANDING_APPROVED,
                                 UINT32_MAX, suspect, a, review->err);
    for (uint32_t i = 0; status == WEIR_OK && i < review->count; i++) {
        if (a->suspects[review->subjects[i].row] &&
            review->subjects[i].key_count > 0)
            status = hold_one(a, &review->subjects[i], room);
    }
    free(room);
    return status;
}

static weir_status
look_ahead(struct ahead *a, struct weir_world *world, bool *is_held_out)
{
    struct weir_control *control = a->review.control;
    struct weir_world *in_force = control->world;
    a->is_all = requires_more(in_force, world);
    control->world = world;
    weir_status status = hold_all(a);
    control->world = in_force;
    if (status == WEIR_OK && a->change.count > 0) {
        *is_held_out = true;
        status =
            weir__control_change_overlay(control, &a->change, a->review.err);
    }
    return status;
}

weir_status
weir_onboarding_ahead(struct weir_control *control, struct weir_world *world,
                      bool *is_held_out, struct weir_error *err)
{
    struct weir_faults faults;
    struct ahead a = {.review = {.control = control, .err = err},
                      .now = weir_control_now()};
    if (!control->has_image || !world->onboarding.needs_decision)
        return WEIR_OK;
    if (weir__onboarding_of(control) == NULL)
        return weir__review_no_memory(&a.review);
    /* Whoever compiles it says what is wrong with it. */
    weir_faults_init(&faults);
    bool is_sound = weir_world_check(world, &faults);
    weir_faults_fini(&faults);
    if (!is_sound)
        return WEIR_OK;
    weir_arena_init_heap(&a.review.arena, WEIR_WORLD_BYTES_MAX);
    weir__overlay_change_init(&a.change);
    a.applied = (struct weir__applied){.change = &a.change};
    weir_status status = look_ahead(&a, world, is_held_out);
    weir__overlay_change_fini(&a.change);
    weir_arena_fini(&a.review.arena);
    return status;
}
