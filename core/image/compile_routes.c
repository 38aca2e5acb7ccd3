/* SPDX-License-Identifier: Apache-2.0 */
/* Routes: each model's own name first, in the order of the catalogue, then
 * the aliases. Candidates of a route lie together. */
#include "compile.h"

/* Deployments of each model, in declared order: first[model] .. in `of`. */
struct by_model {
    uint32_t *first;
    uint32_t *of;
};

static bool
group(struct weir__compiler *c, struct by_model *by)
{
    const struct weir_world *world = c->world;
    by->first =
        weir_arena_array(&c->arena, uint32_t, (size_t)world->model_count + 1);
    by->of = weir_arena_array(&c->arena, uint32_t, world->deployment_count);
    uint32_t *at = weir_arena_array(&c->arena, uint32_t, world->model_count);
    if (c->arena.overflow)
        return false;
    for (uint32_t i = 0; i < world->deployment_count; i++)
        by->first[world->deployment_rows[i].model.row + 1]++;
    for (uint32_t i = 0; i < world->model_count; i++) {
        by->first[i + 1] += by->first[i];
        at[i] = by->first[i];
    }
    for (uint32_t i = 0; i < world->deployment_count; i++)
        by->of[at[world->deployment_rows[i].model.row]++] = i;
    return true;
}

struct filling {
    struct weir__compiler *c;
    struct by_model by;
    struct weir_image_route *routes;
    struct weir_image_candidate *candidates;
    struct weir_image_trial *trials;
    uint32_t route_count;
    uint32_t candidate_count;
};

static void
add_candidate(struct filling *f, uint32_t deployment, uint32_t weight)
{
    f->candidates[f->candidate_count++] = (struct weir_image_candidate){
        .deployment = deployment, .weight = weight == 0 ? 1 : weight};
}

static void
add_deployments(struct filling *f, uint32_t model, uint32_t weight)
{
    for (uint32_t i = f->by.first[model]; i < f->by.first[model + 1]; i++)
        add_candidate(f, f->by.of[i], weight);
}

static struct weir_image_route *
add_route(struct filling *f, weir_span name)
{
    const struct weir_settings *s = &f->c->world->settings;
    struct weir_image_route *route = &f->routes[f->route_count++];
    *route = (struct weir_image_route){
        .name = weir__compile_text(f->c, name),
        .mode = WEIR_ROUTE_ORDER,
        .first = f->candidate_count,
        .model = WEIR_INDEX_NONE,
        .deadline_ms = s->deadline_ms,
        .attempts_max = s->attempts_max,
    };
    return route;
}

static void
add_trial(struct filling *f, const struct weir_world_route *declared)
{
    const struct weir_world_trial *canary = &declared->canary;
    f->trials[f->route_count - 1] = (struct weir_image_trial){
        .canary = canary->name.text.len == 0 ? 0 : canary->name.row + 1,
        .canary_ppm = canary->ppm,
        .escalate = declared->escalate,
        .shadow = (declared->shadow.ppm & WEIR_SHADOW_PPM) |
                  (declared->charges_shadow ? WEIR_SHADOW_CHARGED : 0) |
                  (declared->is_shadow ? WEIR_SHADOW_ROUTE : 0),
    };
}

static void
add_declared(struct filling *f, const struct weir_world_route *declared)
{
    const struct weir_world *world = f->c->world;
    struct weir_image_route *route = add_route(f, declared->name);
    route->mode = (uint32_t)declared->mode;
    route->model = declared->model;
    route->cache_s = declared->cache_s;
    if (declared->deadline_ms != 0)
        route->deadline_ms = declared->deadline_ms;
    if (declared->attempts_max != 0)
        route->attempts_max = declared->attempts_max;
    add_trial(f, declared);
    for (uint32_t i = 0; i < declared->candidates.count; i++) {
        const struct weir_world_candidate *candidate =
            &world->candidate_rows[declared->candidates.first + i];
        uint32_t weight = candidate->weight;
        if (declared->mode == WEIR_ROUTE_COMPLEXITY)
            weight =
                candidate->tier == 0 ? WEIR_COMPLEXITY_MAX : candidate->tier;
        if (candidate->is_model)
            add_deployments(f, candidate->name.row, weight);
        else
            add_candidate(f, candidate->name.row, weight);
    }
    route->count = f->candidate_count - route->first;
}

/* Upper bounds: nothing is allocated twice. */
static bool
make_room(struct filling *f)
{
    const struct weir_world *world = f->c->world;
    uint64_t candidates = world->deployment_count;
    for (uint32_t i = 0; i < world->candidate_count; i++) {
        const struct weir_world_candidate *candidate =
            &world->candidate_rows[i];
        uint32_t model = candidate->name.row;
        candidates += candidate->is_model
                          ? f->by.first[model + 1] - f->by.first[model]
                          : 1;
    }
    if (candidates > UINT32_MAX ||
        (uint64_t)world->model_count + world->route_count > UINT32_MAX) {
        f->c->arena.overflow = true;
        return false;
    }
    f->routes = WEIR__COMPILE_ROWS(f->c, ROUTE, struct weir_image_route,
                                   world->model_count + world->route_count);
    f->trials = WEIR__COMPILE_ROWS(f->c, TRIAL, struct weir_image_trial,
                                   world->model_count + world->route_count);
    f->candidates = WEIR__COMPILE_ROWS(
        f->c, CANDIDATE, struct weir_image_candidate, (uint32_t)candidates);
    return !f->c->arena.overflow;
}

void
weir__compile_routes(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct filling f = {.c = c};
    uint32_t *declared =
        weir_arena_array(&c->arena, uint32_t, world->model_count);
    if (!group(c, &f.by) || declared == NULL || !make_room(&f))
        return;
    for (uint32_t i = 0; i < world->route_count; i++) {
        if (world->route_rows[i].model != WEIR_INDEX_NONE)
            declared[world->route_rows[i].model] = i + 1;
    }
    for (uint32_t i = 0; i < world->model_count; i++) {
        if (declared[i] != 0) {
            add_declared(&f, &world->route_rows[declared[i] - 1]);
        } else if (f.by.first[i] < f.by.first[i + 1]) {
            struct weir_image_route *route =
                add_route(&f, world->model_rows[i].name);
            route->model = i;
            /* a tool may do what must not be done twice */
            if ((world->model_rows[i].operations & WEIR_OPERATIONS_OF_TOOLS) !=
                0)
                route->attempts_max = 1;
            add_deployments(&f, i, 1);
            route->count = f.candidate_count - route->first;
        }
    }
    for (uint32_t i = 0; i < world->route_count; i++) {
        if (world->route_rows[i].model == WEIR_INDEX_NONE)
            add_declared(&f, &world->route_rows[i]);
    }
    c->counts[WEIR__SECTION_ROUTE] = f.route_count;
    c->counts[WEIR__SECTION_TRIAL] = f.route_count;
    c->counts[WEIR__SECTION_CANDIDATE] = f.candidate_count;
}
