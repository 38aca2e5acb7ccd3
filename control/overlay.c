/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The overlay: what acts in every worker before an image could be compiled.
 *
 *     all of the store -> overlay-8           at the start, after a reload
 *     overlay-8, + key -> overlay-9           at a deed
 *
 * WHY FROM THE ONE BEFORE. With a hundred thousand keys on hold the store is
 * read for a third of a second, and a revocation would wait for it under
 * control's lock. Overlay 8 says the same, so a deed takes its file and adds
 * or takes away what it changed. What the store has and no overlay yet (keys
 * that a review under way has put on hold) is in the change of whoever put
 * it there, and comes with his. A file that is not there or not sound means
 * that all is read from the store.
 *
 * Revocations that the image no longer needs are left out when all is read.
 */
#include "control/overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/exceptions/exceptions.h"
#include "control/onboarding/rows.h"
#include "control/parts.h"
#include "control/steps/steps.h"

/* Revocations stay in the overlay for so long after they were made, whether
 * or not the image still has the key. */
#define REVOKED_KEEP_US   (WEIR_US_PER_DAY)
#define OVERLAY_BYTES_MAX ((size_t)256 << 20)

/* ------------------------------------------------------------------ changes */

void
weir__overlay_change_init(struct weir__overlay_change *change)
{
    *change = (struct weir__overlay_change){0};
    weir_arena_init_heap(&change->arena, OVERLAY_BYTES_MAX);
}

void
weir__overlay_change_fini(struct weir__overlay_change *change)
{
    free(change->rows);
    weir_arena_fini(&change->arena);
    *change = (struct weir__overlay_change){0};
}

void
weir__overlay_change_add(struct weir__overlay_change *change,
                         enum weir_kind kind, weir_span name, bool is_gone)
{
    if (change->count == change->capacity) {
        uint32_t capacity = change->capacity == 0 ? 16 : change->capacity * 2;
        struct weir__overlay_step *rows =
            realloc(change->rows, capacity * sizeof *rows);
        if (rows == NULL) {
            change->is_full = true;
            return;
        }
        change->rows = rows;
        change->capacity = capacity;
    }
    change->rows[change->count] = (struct weir__overlay_step){
        .hash = weir_kind_hash(kind, name),
        .order = change->count,
        .is_gone = is_gone,
        .item = {kind, weir_arena_copy(&change->arena, name)},
    };
    change->count++;
    change->is_full = change->is_full || change->arena.overflow;
}

static int
by_hash_then_order(const void *a, const void *b)
{
    const struct weir__overlay_step *left = a, *right = b;
    if (left->hash != right->hash)
        return left->hash < right->hash ? -1 : 1;
    return (left->order > right->order) - (left->order < right->order);
}

/* Of several steps of one name the last counts. */
static void
settle(struct weir__overlay_change *change)
{
    uint32_t kept = 0;
    if (change->count == 0)
        return;
    qsort(change->rows, change->count, sizeof change->rows[0],
          by_hash_then_order);
    for (uint32_t i = 0; i < change->count; i++) {
        if (kept > 0 && change->rows[kept - 1].hash == change->rows[i].hash)
            kept--;
        change->rows[kept++] = change->rows[i];
    }
    change->count = kept;
}

/* ------------------------------------------------------------------ writing */

static weir_status
write_overlay(struct weir_control *control,
              const struct weir_overlay_item *items, size_t count,
              struct weir_error *err)
{
    struct weir_buf bytes;
    uint64_t generation;
    char path[WEIR_PATH_MAX + 48], archive[WEIR_PATH_MAX + 48];
    struct weir_grant *grants = NULL;
    struct weir_watch_step *steps = NULL;
    size_t grant_count = 0, step_count = 0;
    weir_status status = weir__exception_grants(
        control->store, weir_control_now(), &grants, &grant_count, err);
    if (status == WEIR_OK)
        status = weir__steps_overlay(control, weir_control_now(), &steps,
                                     &step_count, err);
    if (status == WEIR_OK)
        status = weir__control_next_generation(
            control, "overlay", control->board->overlay, &generation, err);
    if (status != WEIR_OK) {
        free(steps);
        free(grants);
        return status;
    }
    weir_buf_init(&bytes, OVERLAY_BYTES_MAX);
    weir_overlay_write(items, count, generation, weir_control_now(),
                       control->world->settings.cuts_withdrawn_streams, &bytes);
    weir_overlay_add_grants(grants, grant_count, &bytes, 0);
    weir_overlay_add_steps(steps, step_count, &bytes, 0);
    free(steps);
    free(grants);
    weir__control_run_path(control, "overlay", generation, path);
    snprintf(archive, sizeof archive, "%s/%llu", control->paths.overlays,
             (unsigned long long)generation);
    if (bytes.overflow)
        status = weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                           "the overlay is too large");
    if (status == WEIR_OK)
        status = weir_write_file(path, weir_buf_span(&bytes), 0400, err);
    if (status == WEIR_OK)
        __atomic_store_n(&control->board->overlay, generation,
                         __ATOMIC_RELEASE);
    /* Acting comes first; the archive serves `weir explain`. */
    if (status == WEIR_OK)
        status = weir_write_file(archive, weir_buf_span(&bytes), 0400, err);
    weir_buf_fini(&bytes);
    return status;
}

/* ---------------------------------------------------------- from the store */

struct collecting {
    struct weir_overlay_item *items;
    size_t count;
    size_t capacity;
    struct weir_arena *arena;
    bool is_full;
};

static void
collect(struct collecting *all, enum weir_kind kind, weir_span name)
{
    if (all->count == all->capacity) {
        size_t capacity = all->capacity == 0 ? 64 : all->capacity * 2;
        struct weir_overlay_item *items =
            realloc(all->items, capacity * sizeof *items);
        if (items == NULL) {
            all->is_full = true;
            return;
        }
        all->items = items;
        all->capacity = capacity;
    }
    all->items[all->count++] =
        (struct weir_overlay_item){kind, weir_arena_copy(all->arena, name)};
}

static bool
collect_withdrawal(void *context, const struct weir_store_withdrawal *row)
{
    struct collecting *all = context;
    collect(all, (enum weir_kind)row->kind, row->name);
    return !all->is_full;
}

static bool
collect_revoked(void *context, weir_span key)
{
    struct collecting *all = context;
    collect(all, WEIR_KIND_KEY, key);
    return !all->is_full;
}

static bool
collect_hold(void *context, weir_span key, weir_span organisation,
             weir_time since, weir_span cause)
{
    struct collecting *all = context;
    collect(all, WEIR_KIND_KEY_HOLD, key);
    return !all->is_full;
}

weir_status
weir__control_publish_overlay(struct weir_control *control,
                              struct weir_error *err)
{
    struct weir_arena arena;
    weir_time keep_from = weir_control_now() - REVOKED_KEEP_US;
    if (control->has_image && control->image.created < keep_from)
        keep_from = control->image.created;
    struct collecting all = {.arena = &arena};
    weir_arena_init_heap(&arena, OVERLAY_BYTES_MAX);
    weir_status status =
        weir_store_withdrawals(control->store, collect_withdrawal, &all, err);
    if (status == WEIR_OK)
        status = weir_store_keys_revoked(control->store, keep_from,
                                         collect_revoked, &all, err);
    if (status == WEIR_OK)
        status = weir__key_holds(control->store, collect_hold, &all, err);
    if (status == WEIR_OK && (all.is_full || arena.overflow))
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        status = write_overlay(control, all.items, all.count, err);
    free(all.items);
    weir_arena_fini(&arena);
    return status;
}

weir_status
weir_control_publish_overlay(struct weir_control *control,
                             struct weir_error *err)
{
    weir_control_lock(control);
    weir_status status = weir__control_publish_overlay(control, err);
    pthread_mutex_unlock(&control->lock);
    return status;
}

/* --------------------------------------------------------------- from before */

/* The row of `change` with this hash, or NULL. */
static const struct weir__overlay_step *
find_step(const struct weir__overlay_change *change, uint64_t hash)
{
    uint32_t low = 0, high = change->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (change->rows[middle].hash == hash)
            return &change->rows[middle];
        if (change->rows[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static weir_status
write_changed(struct weir_control *control,
              const struct weir__overlay_change *change,
              const struct weir_overlay *before, struct weir_error *err)
{
    size_t count = 0;
    struct weir_overlay_item *items =
        calloc((size_t)before->count + change->count + 1, sizeof *items);
    if (items == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (uint32_t i = 0; i < before->count; i++) {
        if (find_step(change, before->hashes[i]) == NULL)
            items[count++] = weir_overlay_get(before, i);
    }
    for (uint32_t i = 0; i < change->count; i++) {
        if (!change->rows[i].is_gone)
            items[count++] = change->rows[i].item;
    }
    weir_status status = write_overlay(control, items, count, err);
    free(items);
    return status;
}

weir_status
weir__control_change_overlay(struct weir_control *control,
                             struct weir__overlay_change *change,
                             struct weir_error *err)
{
    char path[WEIR_PATH_MAX + 48];
    struct weir_overlay before;
    uint64_t generation = control->board->overlay;
    weir__control_run_path(control, "overlay", generation, path);
    if (generation == 0 || change->is_full ||
        weir_overlay_map(path, &before, NULL) != WEIR_OK)
        return weir__control_publish_overlay(control, err);
    settle(change);
    weir_status status = write_changed(control, change, &before, err);
    weir_overlay_close(&before);
    return status;
}

weir_status
weir__control_change_overlay_by(struct weir_control *control,
                                enum weir_kind kind, weir_span name,
                                bool is_gone, struct weir_error *err)
{
    struct weir__overlay_change change;
    weir__overlay_change_init(&change);
    weir__overlay_change_add(&change, kind, name, is_gone);
    weir_status status = weir__control_change_overlay(control, &change, err);
    weir__overlay_change_fini(&change);
    return status;
}
