/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of a world: names first, then references, then what the rows
 * say. It goes on after a fault, so that a person mends a file once; a row
 * whose reference dangles is skipped only where the reference is needed.
 *
 * What is legal and looks odd: cycles of ownership (they exist), a model
 * without deployment (known, not served), a bloc that nobody uses.
 */
#include "check.h"

#include <stdio.h>

static bool
is_name(weir_span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       (c >= '0' && c <= '9') || c == '_';
        bool is_mark = c == '-' || c == '.' || c == '/' || c == ':' ||
                       c == '+' || c == '@';
        if (!is_word && (!is_mark || i == 0))
            return false;
    }
    return name.len > 0 && name.len <= WEIR__NAME_MAX;
}

void
weir__check_owner(char text_out[WEIR__OWNER_TEXT], const char *kind,
                  weir_span name)
{
    snprintf(text_out, WEIR__OWNER_TEXT, "%s \"%.*s\"", kind,
             (int)(name.len < WEIR__NAME_MAX ? name.len : WEIR__NAME_MAX),
             name.ptr);
}

bool
weir__check_name(struct weir__check *check, struct weir__names *names,
                 struct weir_place place, const char *what, weir_span name,
                 uint32_t row)
{
    if (name.len == 0) {
        weir_faults_add(check->faults, place, "Give it a `name:`.",
                        "a %s without a name", what);
        return false;
    }
    if (!is_name(name)) {
        weir_faults_add(check->faults, place,
                        "Begin with a letter or digit and use only letters, "
                        "digits and _-./:+@, at most 128 of them.",
                        "\"%.*s\" cannot be the name of a %s",
                        (int)(name.len < 64 ? name.len : 64), name.ptr, what);
        return false;
    }
    if (weir__names_put(names, name, row) == WEIR_INDEX_NONE)
        return true;
    weir_faults_add(check->faults, place,
                    "Names are unique: rename or remove one of the two.",
                    "%s \"%.*s\" is there twice", what, WEIR_SPAN_ARG(name));
    return false;
}

static void
add_missing(struct weir__check *check, const char *what, const char *owner,
            const struct weir_world_name *name)
{
    char advice[96];
    snprintf(advice, sizeof(advice), "Add its %s.", what);
    weir_faults_add(check->faults, name->place, advice, "%s has no %s", owner,
                    what);
}

void
weir__check_ref(struct weir__check *check, const struct weir__names *names,
                const char *what, const char *owner,
                struct weir_world_name *name)
{
    char advice[256];
    name->row = WEIR_INDEX_NONE;
    if (name->text.len == 0) {
        add_missing(check, what, owner, name);
        return;
    }
    name->row = weir__names_find(names, name->text);
    if (name->row != WEIR_INDEX_NONE)
        return;
    weir_span nearest = weir__names_nearest(names, name->text);
    if (nearest.len > 0)
        snprintf(advice, sizeof(advice), "Did you mean \"%.*s\"?",
                 WEIR_SPAN_ARG(nearest));
    else
        snprintf(advice, sizeof(advice), "Declare it, or correct the name.");
    weir_faults_add(check->faults, name->place, advice,
                    "%s names %s \"%.*s\", which nobody declares", owner, what,
                    WEIR_SPAN_ARG(name->text));
}

void
weir__check_jurisdiction(struct weir__check *check, const char *what,
                         const char *owner, struct weir_world_name *name)
{
    name->row = WEIR_INDEX_NONE;
    if (name->text.len == 0) {
        add_missing(check, what, owner, name);
        return;
    }
    if (weir_jurisdiction_find(name->text, &name->row))
        return;
    weir_faults_add(check->faults, name->place,
                    "Use an ISO 3166-1 code of two capital letters (or XK); a "
                    "group of places is a bloc that lists each of them.",
                    "%s of %s: \"%.*s\" is not a jurisdiction code", what,
                    owner, WEIR_SPAN_ARG(name->text));
}

static bool
init(struct weir__check *check, struct weir_world *world,
     struct weir_faults *faults)
{
    struct weir_arena *scratch = &check->scratch;
    check->world = world;
    check->faults = faults;
    weir_arena_init_heap(scratch, WEIR_WORLD_BYTES_MAX);
    return weir__names_init(&check->blocs, scratch, world->bloc_count) &&
           weir__names_init(&check->providers, scratch,
                            world->provider_count) &&
           weir__names_init(&check->families, scratch, world->model_count) &&
           weir__names_init(&check->models, scratch, world->model_count) &&
           weir__names_init(&check->regions, scratch, world->region_count) &&
           weir__names_init(&check->origins, scratch, world->origin_count) &&
           weir__names_init(&check->deployments, scratch,
                            world->deployment_count) &&
           weir__names_init(&check->routes, scratch, world->route_count) &&
           weir__names_init(&check->organisations, scratch,
                            world->organisation_count) &&
           weir__names_init(&check->lists, scratch, world->list_count) &&
           weir__names_init(&check->rules, scratch, world->rule_count) &&
           weir__names_init(&check->tenants, scratch, world->tenant_count) &&
           weir__names_init(&check->projects, scratch, world->project_count) &&
           weir__names_init(&check->groups, scratch, world->group_count) &&
           weir__names_init(&check->budgets, scratch, world->budget_count);
}

bool
weir_world_check(struct weir_world *world, struct weir_faults *faults)
{
    struct weir__check check;
    uint32_t before = faults->total;
    static const struct weir_place nowhere = {0};
    weir_world_promote(world, faults);
    if (init(&check, world, faults)) {
        weir__check_settings(&check);
        weir__check_parties(&check);
        weir__check_catalogue(&check);
        weir__check_routes(&check);
        weir__check_lives(&check);
        weir__check_callers(&check);
        weir__check_budgets(&check);
        weir__check_onboarding(&check);
        weir__check_watch(&check);
        weir__check_classifiers(&check);
        weir__check_servers(&check);
        weir__check_filters(&check);
        weir__check_shares(&check);
        weir__check_contracts(&check);
        weir__check_objectives(&check);
    }
    if (check.scratch.overflow || world->arena.overflow)
        weir_faults_add(faults, nowhere, "Give this machine more memory.",
                        "the configuration does not fit in memory");
    weir_arena_fini(&check.scratch);
    return faults->total == before;
}
