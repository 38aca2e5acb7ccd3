/* SPDX-License-Identifier: Apache-2.0 */
/* The images and withdrawals that were in force, as records name them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/simulate/parts.h"

/* ------------------------------------------------------------------ dates */

static int
by_time(const void *a, const void *b)
{
    weir_time one = *(const weir_time *)a, two = *(const weir_time *)b;
    return (one > two) - (one < two);
}

weir_status
weir__dates_init(struct weir_dates *dates, const struct weir_image *image,
                 struct weir_arena *arena, struct weir_error *err)
{
    uint32_t count = 0;
    memset(dates, 0, sizeof *dates);
    dates->rows =
        weir_arena_array(arena, weir_time,
                         (size_t)image->policy_count * 2 + image->key_count +
                             image->life_count + 1);
    if (dates->rows == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (uint32_t i = 0; i < image->policy_count; i++) {
        dates->rows[count++] = image->policies[i].from;
        dates->rows[count++] = image->policies[i].until;
    }
    for (uint32_t i = 0; i < image->key_count; i++)
        dates->rows[count++] = image->keys[i].not_after;
    for (uint32_t i = 0; i < image->life_count; i++)
        dates->rows[count++] = image->lifes[i].sunset_us;
    qsort(dates->rows, count, sizeof *dates->rows, by_time);
    for (uint32_t i = 0; i < count; i++) {
        if (dates->count == 0 ||
            dates->rows[dates->count - 1] != dates->rows[i])
            dates->rows[dates->count++] = dates->rows[i];
    }
    dates->from = WEIR_TIME_MAX; /* no window yet */
    dates->until = WEIR_TIME_MIN;
    dates->reads_now =
        weir_cedar_program_attribute(&image->program, WEIR_SPAN("now")) !=
        WEIR_CEDAR_NONE;
    dates->reads_client =
        weir_cedar_program_attribute(&image->program, WEIR_SPAN("client")) !=
        WEIR_CEDAR_NONE;
    return WEIR_OK;
}

uint32_t
weir__dates_window(struct weir_dates *dates, weir_time now)
{
    if (dates->from <= now && now < dates->until)
        return dates->window;
    uint32_t low = 0, high = dates->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (dates->rows[middle] <= now)
            low = middle + 1;
        else
            high = middle;
    }
    dates->window = low;
    dates->from = low == 0 ? WEIR_TIME_MIN : dates->rows[low - 1];
    dates->until = low == dates->count ? WEIR_TIME_MAX : dates->rows[low];
    return low;
}

/* ----------------------------------------------------------------- images */

weir_status
weir__asked_init(struct weir_asked_image *asked, const struct weir_image *image,
                 struct weir_error *err)
{
    memset(asked, 0, sizeof *asked);
    asked->view.image = *image;
    memcpy(asked->digest, image->digest, sizeof asked->digest);
    weir_arena_init_heap(&asked->arena, (size_t)1 << 30);
    weir_status status =
        weir_replay_init(&asked->keys, &asked->view, &asked->arena, err);
    if (status == WEIR_OK)
        status = weir__dates_init(&asked->dates, image, &asked->arena, err);
    asked->is_open = status == WEIR_OK;
    if (status != WEIR_OK)
        weir_arena_fini(&asked->arena);
    return status;
}

void
weir__asked_fini(struct weir_asked_image *asked)
{
    if (asked->is_open)
        weir_arena_fini(&asked->arena);
    asked->is_open = false;
}

static bool
is_used(const struct weir_eras *eras, const struct weir_asked_image *image)
{
    for (uint32_t i = 0; i < WEIR_ERAS_MAX; i++) {
        if (eras->rows[i].id != 0 && eras->rows[i].image == image)
            return true;
    }
    return false;
}

static void
close_image(struct weir_asked_image *image)
{
    if (!image->is_open)
        return;
    weir__asked_fini(image);
    weir_image_close(&image->view.image);
}

/* NULL: the archive has it no more, or it cannot be read. */
static struct weir_asked_image *
find_image(struct weir_eras *eras, const uint8_t digest[32])
{
    struct weir_asked_image *spare = NULL;
    struct weir_image image;
    char path[WEIR_PATH_MAX + 80];
    for (uint32_t i = 0; i < WEIR_ERAS_MAX; i++) {
        struct weir_asked_image *row = &eras->images[i];
        if (row->is_open && memcmp(row->digest, digest, 32) == 0)
            return row;
        if (spare != NULL && (!spare->is_open || row->is_open))
            continue;
        if (!row->is_open || !is_used(eras, row))
            spare = row;
    }
    if (spare == NULL)
        return NULL;
    close_image(spare);
    weir_archive_path(eras->paths, digest, path);
    if (weir_image_map(path, &image, NULL) != WEIR_OK)
        return NULL;
    if (memcmp(image.digest, digest, 32) == 0 &&
        weir__asked_init(spare, &image, NULL) == WEIR_OK)
        return spare;
    weir_image_close(&image);
    return NULL;
}

/* --------------------------------------------------------------- overlays */

static int
by_hash(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;
    return (one > two) - (one < two);
}

static bool
is_restored(const struct weir_simulate_wish *wish, uint64_t hash)
{
    for (uint32_t i = 0; i < wish->restored_count; i++) {
        if (weir_kind_hash(wish->restored[i].kind, wish->restored[i].name) ==
            hash)
            return true;
    }
    return false;
}

weir_status
weir__wished_overlay(const struct weir_overlay *then,
                     const struct weir_simulate_wish *wish,
                     struct weir_overlay *overlay_out, uint64_t **hashes_out,
                     struct weir_error *err)
{
    uint32_t count = 0;
    uint64_t *hashes =
        calloc((size_t)then->count + wish->withdrawn_count + 1, sizeof *hashes);
    if (hashes == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (uint32_t i = 0; i < then->count; i++) {
        if (!is_restored(wish, then->hashes[i]))
            hashes[count++] = then->hashes[i];
    }
    for (uint32_t i = 0; i < wish->withdrawn_count; i++)
        hashes[count++] =
            weir_kind_hash(wish->withdrawn[i].kind, wish->withdrawn[i].name);
    qsort(hashes, count, sizeof *hashes, by_hash);
    *overlay_out = *then;
    overlay_out->is_mapped = false;
    overlay_out->hashes = hashes;
    overlay_out->count = count;
    *hashes_out = hashes;
    return WEIR_OK;
}

/* ------------------------------------------------------------------- eras */

void
weir__eras_init(struct weir_eras *eras, const struct weir_paths *paths,
                const struct weir_simulate_wish *wish)
{
    memset(eras, 0, sizeof *eras);
    eras->paths = paths;
    eras->wish = wish;
}

static void
close_era(struct weir_era *era)
{
    if (era->has_overlay)
        weir_overlay_close(&era->then);
    free(era->hashes);
    memset(era, 0, sizeof *era);
}

void
weir__eras_fini(struct weir_eras *eras)
{
    for (uint32_t i = 0; i < WEIR_ERAS_MAX; i++) {
        close_era(&eras->rows[i]);
        close_image(&eras->images[i]);
    }
}

static weir_status
open_era(struct weir_eras *eras, struct weir_era *era, const uint8_t digest[32],
         uint64_t overlay, struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 48];
    close_era(era);
    snprintf(path, sizeof path, "%s/%llu", eras->paths->overlays,
             (unsigned long long)overlay);
    era->has_overlay = weir_overlay_map(path, &era->then, NULL) == WEIR_OK;
    era->image = find_image(eras, digest);
    if (!era->has_overlay) {
        memset(&era->then, 0, sizeof era->then);
        era->image = NULL;
    }
    weir_status status = weir__wished_overlay(&era->then, eras->wish,
                                              &era->wished, &era->hashes, err);
    if (status != WEIR_OK)
        return status;
    memcpy(era->digest, digest, 32);
    era->overlay = overlay;
    era->id = ++eras->id;
    return WEIR_OK;
}

static bool
is_era(const struct weir_era *era, const uint8_t digest[32], uint64_t overlay)
{
    return era->id != 0 && era->overlay == overlay &&
           memcmp(era->digest, digest, 32) == 0;
}

weir_status
weir__eras_find(struct weir_eras *eras, const uint8_t digest[32],
                uint64_t overlay, struct weir_era **era_out,
                struct weir_error *err)
{
    weir_status status = WEIR_OK;
    if (!is_era(&eras->rows[eras->last], digest, overlay)) {
        uint32_t at = 0;
        while (at < WEIR_ERAS_MAX && !is_era(&eras->rows[at], digest, overlay))
            at++;
        if (at == WEIR_ERAS_MAX) {
            at = eras->next;
            eras->next = (eras->next + 1) % WEIR_ERAS_MAX;
            status = open_era(eras, &eras->rows[at], digest, overlay, err);
        }
        eras->last = at;
    }
    *era_out = &eras->rows[eras->last];
    return status;
}
