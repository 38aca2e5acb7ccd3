/* SPDX-License-Identifier: Apache-2.0 */
/* A changed world: other sources with the keys that there are. */
#include <stdlib.h>
#include <string.h>

#include "control/config/config.h"
#include "control/evidence/merge.h"
#include "control/exceptions/exceptions.h"
#include "control/parts.h"
#include "control/simulate/simulate.h"

struct loading {
    struct weir_simulate_world *world;
    struct weir_error *err;
    weir_status status;
};

static bool
has_project(const struct weir_world *world, const struct weir_store_key *key)
{
    for (uint32_t i = 0; i < world->project_count; i++) {
        const struct weir_world_project *row = &world->project_rows[i];
        if (weir_span_equal(row->name, key->project) &&
            weir_span_equal(row->tenant.text, key->tenant))
            return true;
    }
    return false;
}

static bool
on_key(void *context, const struct weir_store_key *key)
{
    struct loading *loading = context;
    if (has_project(loading->world->world, key))
        loading->status =
            weir__control_add_key(loading->world->world, key, loading->err);
    return loading->status == WEIR_OK;
}

static bool
on_withdrawal(void *context, const struct weir_store_withdrawal *row)
{
    struct weir_simulate_world *world = ((struct loading *)context)->world;
    uint32_t count = world->withdrawn_count;
    /* Room doubles whenever it is full; the old rows stay in the arena. */
    if ((count & (count - 1)) == 0) {
        struct weir_overlay_item *more =
            weir_arena_array(&world->arena, struct weir_overlay_item,
                             count == 0 ? 1 : 2 * count);
        if (more == NULL)
            return false;
        if (count > 0)
            memcpy(more, world->withdrawn, count * sizeof *more);
        world->withdrawn = more;
    }
    world->withdrawn[world->withdrawn_count++] = (struct weir_overlay_item){
        (enum weir_kind)row->kind, weir_arena_copy(&world->arena, row->name)};
    return true;
}

/* An exception of which nothing is left helps nobody. */
static weir_status
read_grants(struct weir_simulate_world *world, struct weir_store *store,
            weir_time at, struct weir_error *err)
{
    size_t kept = 0;
    weir_status status = weir__exception_grants(store, at, &world->grants,
                                                &world->grant_count, err);
    for (size_t i = 0; status == WEIR_OK && i < world->grant_count; i++) {
        const struct weir_grant *grant = &world->grants[i];
        int64_t used[3];
        bool is_spent = false;
        status = weir_exception_used(store, weir_grant_id(grant), used, err);
        for (size_t j = 0; status == WEIR_OK && j < WEIR_COUNTOF(used); j++)
            is_spent |= grant->amounts[j] != WEIR_GRANT_UNLIMITED &&
                        used[j] >= grant->amounts[j];
        if (!is_spent)
            world->grants[kept++] = *grant;
    }
    world->grant_count = kept;
    return status;
}

static weir_status
read_store(struct weir_simulate_world *world, weir_time at,
           struct weir_error *err)
{
    struct loading loading = {world, err, WEIR_OK};
    struct weir_store *store = NULL;
    weir_status status =
        weir_store_open(world->paths.state, false, &store, err);
    if (status == WEIR_ENOTFOUND)
        return WEIR_OK; /* never served: no keys yet */
    if (status == WEIR_OK)
        status = weir_store_keys(store, on_key, &loading, err);
    if (status == WEIR_OK)
        status = loading.status;
    if (status == WEIR_OK)
        status = weir_store_withdrawals(store, on_withdrawal, &loading, err);
    if (status == WEIR_OK)
        status = read_grants(world, store, at, err);
    if (status == WEIR_OK)
        status =
            weir_evidence_merge(world->world, store, weir_control_now(), err);
    if (status == WEIR_OK && world->arena.overflow)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    weir_store_close(store);
    return status;
}

weir_status
weir_simulate_paths(const char *config, struct weir_paths *paths_out,
                    struct weir_faults *faults, struct weir_error *err)
{
    struct weir_world *world = NULL;
    weir_status status = weir_config_load(config, &world, faults);
    if (status != WEIR_OK)
        return weir_fail(err, status, WEIR_OFFSET_NONE,
                         "the configuration is faulty");
    status = weir_paths_of(config, &world->settings, paths_out, err);
    weir_world_free(world);
    return status;
}

weir_status
weir_simulate_world_open(const struct weir_simulate_sources *sources,
                         struct weir_simulate_world *world,
                         struct weir_faults *faults, struct weir_error *err)
{
    const char *path = sources->with != NULL ? sources->with : sources->config;
    memset(world, 0, sizeof *world);
    weir_buf_init(&world->bytes, WEIR_WORLD_BYTES_MAX);
    weir_arena_init_heap(&world->arena, (size_t)64 << 20);
    weir_status status =
        weir_simulate_paths(sources->config, &world->paths, faults, err);
    if (status == WEIR_OK &&
        weir_config_load_with(path, sources->policies, &world->world, faults) !=
            WEIR_OK)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "the changed configuration is faulty");
    for (uint32_t i = 0; status == WEIR_OK && i < sources->change_count; i++)
        if (weir_config_change(world->world, sources->changes[i], faults) !=
            WEIR_OK)
            status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                               "the change is faulty");
    if (status == WEIR_OK)
        status = read_store(world, sources->at, err);
    if (status == WEIR_OK &&
        weir_config_compile(world->world, sources->at, 1, &world->bytes,
                            faults) != WEIR_OK)
        status = weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                           "the changed configuration does not compile");
    if (status == WEIR_OK)
        status =
            weir_image_open(weir_buf_span(&world->bytes), &world->image, err);
    world->is_open = status == WEIR_OK;
    if (status != WEIR_OK)
        weir_simulate_world_close(world);
    return status;
}

void
weir_simulate_world_close(struct weir_simulate_world *world)
{
    if (world->is_open)
        weir_image_close(&world->image);
    world->is_open = false;
    weir_world_free(world->world);
    world->world = NULL;
    weir_buf_fini(&world->bytes);
    free(world->grants);
    world->grants = NULL;
    weir_arena_fini(&world->arena);
}
