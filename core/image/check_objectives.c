/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives: what they are about is there, and they promise something. */
#include "check.h"

static bool
is_asked_for(const struct weir_world *world, weir_span name)
{
    for (uint32_t i = 0; i < world->route_count; i++) {
        if (weir_span_equal(world->route_rows[i].name, name))
            return true;
    }
    for (uint32_t i = 0; i < world->model_count; i++) {
        if (weir_span_equal(world->model_rows[i].name, name))
            return true;
    }
    return false;
}

void
weir__check_objectives(struct weir__check *check)
{
    struct weir_world *world = check->world;
    struct weir__names names;
    if (!weir__names_init(&names, &check->scratch, world->objective_count))
        return;
    for (uint32_t i = 0; i < world->objective_count; i++) {
        struct weir_world_objective *o = &world->objective_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "objective", o->name);
        weir__check_name(check, &names, o->place, "objective", o->name, i);
        if ((o->deployment.text.len > 0) + (o->tenant.text.len > 0) +
                (o->route.len > 0) >
            1)
            weir_faults_add(check->faults, o->place,
                            "Write `deployment:`, `route:` or `tenant:`.",
                            "%s is about one of them", owner);
        if (o->deployment.text.len > 0)
            weir__check_ref(check, &check->deployments, "deployment", owner,
                            &o->deployment);
        if (o->tenant.text.len > 0)
            weir__check_ref(check, &check->tenants, "tenant", owner,
                            &o->tenant);
        if (o->route.len > 0 && !is_asked_for(world, o->route))
            weir_faults_add(check->faults, o->place,
                            "Name a route or a model that callers ask for.",
                            "%s is about \"%.*s\", which is neither", owner,
                            WEIR_SPAN_ARG(o->route));
        if (o->availability_ppm == 0 && o->p95_ms == 0 && o->p99_ms == 0 &&
            o->ttft_p95_ms == 0)
            weir_faults_add(check->faults, o->place,
                            "Add availability, p95, p99 or ttft_p95.",
                            "%s promises nothing", owner);
    }
}
