/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fact has been entered: the keys of its organisation are held before the
 * image is compiled.
 *
 *   fact -> merged into the world -> looked at -> keys held, overlay
 *        -> image compiled -> committed -> everybody reviewed, and told
 *
 * WHY FIRST. To compile an image takes a second for 100,000 organisations
 * and ten for a million; an overlay takes a hundredth. Whom the fact is
 * about is known at once; whom it concerns through owners is found by the
 * review of all, which follows the image.
 *
 * Only holds come first. What is released waits for the image it is released
 * by, so nobody passes on what is not in force yet.
 */
#include <stdlib.h>

#include "control/onboarding/parts.h"
#include "control/parts.h"

static weir_status
hold(struct weir_control *control, uint32_t row, struct weir_arena *arena,
     struct weir__applied *applied, struct weir_error *err)
{
    uint32_t *keys = NULL, count = 0;
    weir_span organisation = control->world->organisation_rows[row].name;
    struct weir__look look = {.control = control,
                              .arena = arena,
                              .now = weir_control_now(),
                              .screen = weir__onboarding_screen(control),
                              .raises = true,
                              .is_early = true,
                              .due = WEIR_TIME_MAX};
    weir_status status =
        weir__keys_of(&control->image, organisation, &keys, &count, err);
    if (status == WEIR_OK && count > 0)
        status = weir__look(&look, row, err);
    if (status == WEIR_OK && count > 0 && look.count > 0)
        status = weir__apply_early(&look, keys, count, applied, err);
    free(keys);
    return status;
}

weir_status
weir_onboarding_first(struct weir_control *control, weir_span organisation,
                      bool *is_held_out, struct weir_error *err)
{
    struct weir_arena arena;
    struct weir__overlay_change change;
    struct weir__applied applied = {.change = &change};
    uint32_t row = weir__facts_find(control->world, organisation);
    if (row == WEIR_INDEX_NONE || !control->has_image ||
        control->world->onboarding.requires == 0)
        return WEIR_OK;
    weir_arena_init_heap(&arena, (size_t)16 << 20);
    weir__overlay_change_init(&change);
    weir_status status = hold(control, row, &arena, &applied, err);
    if (status == WEIR_OK && change.count > 0) {
        *is_held_out = true;
        status = weir__control_change_overlay(control, &change, err);
    }
    weir__overlay_change_fini(&change);
    weir_arena_fini(&arena);
    return status;
}
