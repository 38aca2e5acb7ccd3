/* SPDX-License-Identifier: Apache-2.0 */
/* Whose calls are watched: every name is somebody. */
#include "check.h"

static void
check_names(struct weir__check *check, const struct weir__names *names,
            const char *what, struct weir_world_range range)
{
    for (uint32_t i = 0; i < range.count; i++)
        weir__check_ref(check, names, what, "watch",
                        &check->world->name_rows[range.first + i]);
}

void
weir__check_watch(struct weir__check *check)
{
    const struct weir_watch_settings *watch = &check->world->watch;
    check_names(check, &check->tenants, "tenant", watch->tenants);
    check_names(check, &check->models, "model", watch->models);
}

static bool
is_named(const struct weir_world *world, struct weir_world_range range,
         uint32_t row)
{
    for (uint32_t i = 0; i < range.count; i++)
        if (world->name_rows[range.first + i].row == row)
            return true;
    return range.count == 0; /* nobody is named: everybody is meant */
}

bool
weir__watches_tenant(const struct weir_world *world, uint32_t row)
{
    return world->watch.is_on && !world->tenant_rows[row].is_unwatched &&
           is_named(world, world->watch.tenants, row);
}

bool
weir__watches_model(const struct weir_world *world, uint32_t row)
{
    return world->watch.is_on && !world->model_rows[row].is_unwatched &&
           is_named(world, world->watch.models, row);
}
