/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups that follow a cluster of the watch.
 *
 * WHY THE IMAGE. Who is under a budget is decided at the call, by every
 * worker alike; so a cluster that grows by a member makes another image, as
 * an edited group would. What the member spent before it was found is not the
 * cluster's.
 */
#include "control/budgets/clusters.h"

#include "control/log.h"
#include "control/parts.h"
#include "control/watch/rows.h"

struct joining {
    struct weir_world *world;
    struct weir_world_range added;
    uint64_t hash;
    bool is_full; /* no memory */
};

static bool
is_declared(const struct weir_world *world, weir_span tenant)
{
    for (uint32_t i = 0; i < world->tenant_count; i++)
        if (weir_span_equal(world->tenant_rows[i].name, tenant))
            return true;
    return false;
}

static bool
hash_member(void *context, const struct weir_watch_party *party)
{
    struct joining *joining = context;
    if (party->kind == WEIR_WATCH_OF_TENANT &&
        is_declared(joining->world, party->name))
        joining->hash += weir_hash64(party->name, 1); /* in any order */
    return true;
}

static bool
add_name(struct joining *joining, weir_span text)
{
    struct weir_world_name *name = weir_world_add_name(joining->world);
    if (name != NULL) {
        name->text = weir_arena_copy(&joining->world->arena, text);
        name->row = WEIR_INDEX_NONE;
        joining->added.count++;
    }
    joining->is_full = name == NULL || joining->world->arena.overflow;
    return !joining->is_full;
}

static bool
add_member(void *context, const struct weir_watch_party *party)
{
    struct joining *joining = context;
    const struct weir_world *world = joining->world;
    if (party->kind != WEIR_WATCH_OF_TENANT || !is_declared(world, party->name))
        return true;
    for (uint32_t i = 0; i < joining->added.count; i++)
        if (weir_span_equal(world->name_rows[joining->added.first + i].text,
                            party->name))
            return true; /* the group lists it as well */
    return add_name(joining, party->name);
}

/* What the clusters of all groups come to. */
static weir_status
hash_of(struct weir_world *world, struct weir_store *store, uint64_t *hash_out,
        struct weir_error *err)
{
    struct joining joining = {.world = world};
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < world->group_count; i++) {
        const struct weir_world_group *group = &world->group_rows[i];
        joining.hash = joining.hash * 31 + 1;
        if (group->cluster.len > 0)
            status = weir_watch_members(store, group->cluster, hash_member,
                                        &joining, err);
    }
    if (status == WEIR_OK)
        *hash_out = joining.hash;
    return status;
}

static weir_status
join_group(struct weir_world *world, struct weir_store *store, uint32_t row,
           struct weir_error *err)
{
    struct weir_world_group *group = &world->group_rows[row];
    struct joining joining = {.world = world};
    if (!group->is_joined)
        group->listed = group->tenants;
    group->is_joined = true;
    joining.added.first = world->name_count;
    for (uint32_t i = 0; i < group->listed.count && !joining.is_full; i++)
        (void)add_name(&joining,
                       world->name_rows[group->listed.first + i].text);
    weir_status status =
        weir_watch_members(store, group->cluster, add_member, &joining, err);
    if (status == WEIR_OK && joining.is_full)
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        group->tenants = joining.added;
    return status;
}

weir_status
weir_clusters_join(struct weir_world *world, struct weir_store *store,
                   struct weir_error *err)
{
    weir_status status = hash_of(world, store, &world->clusters_hash, err);
    for (uint32_t i = 0; status == WEIR_OK && i < world->group_count; i++)
        if (world->group_rows[i].cluster.len > 0)
            status = join_group(world, store, i, err);
    return status;
}

void
weir_control_clusters_turn(struct weir_control *control)
{
    struct weir_error err = {0};
    struct weir_faults faults;
    uint64_t hash = 0;
    weir_faults_init(&faults);
    weir_control_lock(control);
    weir_status status = hash_of(control->world, control->store, &hash, &err);
    bool has_moved = status == WEIR_OK && control->has_image &&
                     hash != control->world->clusters_hash;
    if (has_moved)
        status = weir_clusters_join(control->world, control->store, &err);
    if (has_moved && status == WEIR_OK)
        status =
            weir__control_publish_image(control, control->world, &faults, &err);
    pthread_mutex_unlock(&control->lock);
    weir_faults_fini(&faults);
    if (status != WEIR_OK)
        weir_log(WEIR_LOG_WARN, "groups by cluster stay as they were: %s",
                 err.text);
    else if (has_moved)
        weir_log(WEIR_LOG_INFO, "a cluster that budgets follow has changed");
}
