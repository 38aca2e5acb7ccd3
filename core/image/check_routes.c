/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes: what a client may ask for, and the deployments behind it. Every
 * model's own name is one without being declared; a declared route of that
 * name sets order or weights for it and stays with its deployments.
 */
#include "check.h"

#define DEADLINE_MS_MAX (24u * 3600u * 1000u)
#define WEIGHT_MAX      1000000

/* Deployments behind a route so far; one more may be refused. */
struct chosen {
    uint32_t rows[WEIR_CANDIDATES_MAX];
    uint32_t count;
    uint32_t total;
};

static void
choose(struct weir__check *check, const struct weir_world_candidate *candidate,
       const char *owner, uint32_t deployment, struct chosen *chosen)
{
    for (uint32_t i = 0; i < chosen->count; i++) {
        if (chosen->rows[i] != deployment)
            continue;
        weir_faults_add(
            check->faults, candidate->name.place,
            "Name it once; a route tries a deployment once per call.",
            "%s has deployment \"%.*s\" twice", owner,
            WEIR_SPAN_ARG(check->world->deployment_rows[deployment].name));
        return;
    }
    chosen->total++;
    if (chosen->count < WEIR_CANDIDATES_MAX)
        chosen->rows[chosen->count++] = deployment;
}

static void
check_weight(struct weir__check *check, const struct weir_world_route *route,
             const struct weir_world_candidate *candidate, const char *owner)
{
    bool is_weighted = route->mode == WEIR_ROUTE_WEIGHT;
    if (is_weighted &&
        (candidate->weight == 0 || candidate->weight > WEIGHT_MAX))
        weir_faults_add(check->faults, candidate->name.place,
                        "Write `{deployment: .., weight: 1}`, up to 1000000.",
                        "%s goes by weight and a candidate has none", owner);
    if (!is_weighted && candidate->weight != 0)
        weir_faults_add(check->faults, candidate->name.place,
                        "Remove the weight, or write `mode: weight`.",
                        "%s does not go by weight and a candidate has one",
                        owner);
}

/* Tiers: a greatest score each; what has none is up to everything. */
static void
check_tier(struct weir__check *check, const struct weir_world_route *route,
           const struct weir_world_candidate *candidate, const char *owner)
{
    if (candidate->tier > WEIR_COMPLEXITY_MAX)
        weir_faults_add(check->faults, candidate->name.place,
                        "Write `upto:` from 1 to 1000; the last tier has none.",
                        "%s has a tier above every score", owner);
    if (route->mode != WEIR_ROUTE_COMPLEXITY && candidate->tier != 0)
        weir_faults_add(check->faults, candidate->name.place,
                        "Remove `upto:`, or write `mode: complexity`.",
                        "%s does not go by complexity and a candidate has a "
                        "tier",
                        owner);
}

static void
check_trial(struct weir__check *check, const struct weir_world_route *route,
            const struct chosen *chosen, const char *owner)
{
    struct weir_world_trial *canary =
        &check->world->route_rows[route - check->world->route_rows].canary;
    bool is_chosen = false;
    bool has_top = false;
    if (route->mode == WEIR_ROUTE_COMPLEXITY) {
        for (uint32_t i = 0; i < route->candidates.count; i++) {
            uint32_t tier =
                check->world->candidate_rows[route->candidates.first + i].tier;
            has_top = has_top || tier == 0 || tier == WEIR_COMPLEXITY_MAX;
        }
        if (!has_top)
            weir_faults_add(check->faults, route->place,
                            "Leave `upto:` out of the last candidate.",
                            "%s has no tier for the hardest calls", owner);
    } else if (route->escalate != 0) {
        weir_faults_add(check->faults, route->place,
                        "Write `mode: complexity`, or remove `escalate:`.",
                        "%s has no tiers to escalate to", owner);
    }
    if (canary->name.text.len == 0)
        return;
    weir__check_ref(check, &check->deployments, "deployment", owner,
                    &canary->name);
    for (uint32_t i = 0; i < chosen->count; i++)
        is_chosen = is_chosen || chosen->rows[i] == canary->name.row;
    if (canary->name.row != WEIR_INDEX_NONE && !is_chosen)
        weir_faults_add(check->faults, canary->name.place,
                        "Add it to `candidates:`; policy is asked for those.",
                        "%s has a canary that is no candidate", owner);
    if (canary->ppm == 0 || canary->ppm > 1000000)
        weir_faults_add(check->faults, route->place,
                        "Write `share: 5%`, more than 0% and at most 100%.",
                        "%s has a canary without a share, or with too much",
                        owner);
}

static void
check_candidate(struct weir__check *check, const struct weir_world_route *route,
                struct weir_world_candidate *candidate, const char *owner,
                struct chosen *chosen)
{
    const struct weir_world *world = check->world;
    weir__check_ref(
        check, candidate->is_model ? &check->models : &check->deployments,
        candidate->is_model ? "model" : "deployment", owner, &candidate->name);
    check_weight(check, route, candidate, owner);
    check_tier(check, route, candidate, owner);
    if (candidate->name.row == WEIR_INDEX_NONE)
        return;
    if (!candidate->is_model) {
        choose(check, candidate, owner, candidate->name.row, chosen);
        return;
    }
    uint32_t before = chosen->total;
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        if (weir_span_equal(world->deployment_rows[i].model.text,
                            candidate->name.text))
            choose(check, candidate, owner, i, chosen);
    }
    if (chosen->total == before)
        weir_faults_add(check->faults, candidate->name.place,
                        "Add a deployment of it, or remove the candidate.",
                        "%s names model \"%.*s\", which has no deployment",
                        owner, WEIR_SPAN_ARG(candidate->name.text));
}

static void
check_count(struct weir__check *check, struct weir_place place,
            const char *owner, uint32_t count)
{
    if (count == 0)
        weir_faults_add(check->faults, place,
                        "Add `candidates:` with one deployment at least.",
                        "%s has no candidates", owner);
    if (count > WEIR_CANDIDATES_MAX)
        weir_faults_add(check->faults, place,
                        "Split it, or declare a route of that name with "
                        "fewer.",
                        "%s has %u candidates; the most is %d", owner, count,
                        WEIR_CANDIDATES_MAX);
}

static void
check_model_route(struct weir__check *check,
                  const struct weir_world_route *route, const char *owner,
                  const struct chosen *chosen)
{
    const struct weir_world *world = check->world;
    for (uint32_t i = 0; i < chosen->count; i++) {
        const struct weir_world_deployment *d =
            &world->deployment_rows[chosen->rows[i]];
        if (!weir_span_equal(d->model.text, route->name))
            weir_faults_add(check->faults, route->place,
                            "A client that asks for a model gets that model: "
                            "give the alias another name.",
                            "%s has the name of a model and a candidate of "
                            "another, \"%.*s\"",
                            owner, WEIR_SPAN_ARG(d->name));
    }
}

static void
check_route(struct weir__check *check, uint32_t row)
{
    struct weir_world *world = check->world;
    struct weir_world_route *route = &world->route_rows[row];
    struct chosen chosen = {.count = 0, .total = 0};
    char owner[WEIR__OWNER_TEXT];
    weir__check_owner(owner, "route", route->name);
    weir__check_name(check, &check->routes, route->place, "route", route->name,
                     row);
    route->model = weir__names_find(&check->models, route->name);
    for (uint32_t i = 0; i < route->candidates.count; i++)
        check_candidate(check, route,
                        &world->candidate_rows[route->candidates.first + i],
                        owner, &chosen);
    if (route->candidates.count == 0 || chosen.total > WEIR_CANDIDATES_MAX)
        check_count(check, route->place, owner, chosen.total);
    check_trial(check, route, &chosen, owner);
    if (route->model != WEIR_INDEX_NONE)
        check_model_route(check, route, owner, &chosen);
    if (route->attempts_max > WEIR_ATTEMPTS_MAX ||
        route->deadline_ms > DEADLINE_MS_MAX)
        weir_faults_add(
            check->faults, route->place, "At most 8 attempts and 24 h.",
            "%s has too many attempts or too long a deadline", owner);
}

/* Models that nobody routes: their own name leads to all deployments. */
static void
check_model_counts(struct weir__check *check)
{
    struct weir_world *world = check->world;
    uint32_t *counts =
        weir_arena_array(&check->scratch, uint32_t, world->model_count);
    if (counts == NULL)
        return;
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        uint32_t model = world->deployment_rows[i].model.row;
        if (model != WEIR_INDEX_NONE)
            counts[model]++;
    }
    for (uint32_t i = 0; i < world->model_count; i++) {
        const struct weir_world_model *m = &world->model_rows[i];
        char owner[WEIR__OWNER_TEXT];
        if (counts[i] <= WEIR_CANDIDATES_MAX ||
            weir__names_find(&check->routes, m->name) != WEIR_INDEX_NONE)
            continue;
        weir__check_owner(owner, "model", m->name);
        check_count(check, m->place, owner, counts[i]);
    }
}

static void
check_files_model(struct weir__check *check)
{
    const uint32_t calls =
        UINT32_C(1) << WEIR_OP_CHAT | UINT32_C(1) << WEIR_OP_RESPONSES;
    struct weir_world_name *name = &check->world->settings.files_model;
    if (name->text.len == 0)
        return;
    weir__check_ref(check, &check->models, "model", "files", name);
    if (name->row == WEIR_INDEX_NONE)
        return;
    uint32_t operations = check->world->model_rows[name->row].operations;
    if ((operations & calls) == 0 || (operations >> WEIR_OP_BATCH & 1) == 0)
        weir_faults_add(check->faults, name->place,
                        "Give it `operations: [chat, batch]`, or name another "
                        "one.",
                        "files name the model \"%.*s\", whose origins keep "
                        "none for calls",
                        WEIR_SPAN_ARG(name->text));
}

void
weir__check_routes(struct weir__check *check)
{
    for (uint32_t i = 0; i < check->world->route_count; i++)
        check_route(check, i);
    check_files_model(check);
    check_model_counts(check);
}
