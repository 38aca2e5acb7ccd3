/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups and budgets; and that no call is under more limits than it can hold.
 *
 * A call's limits are counted as the gate gathers them: those of key, project
 * and tenant, each limit of a budget that reaches it (twice in a pool, for
 * member and rest), and of budgets over models only those that a route's
 * models fall under, once for each model where the budget says so.
 */
#include "budgets.h"
#include "check.h"
#include "groups.h"

/* As weir/quota.h (WEIR_QUOTA_LIMITS_MAX), less one for a step of the watch
 * and three for a grant; a test holds them together. */
#define LIMITS_MAX 28

#define ALL        1000000u

static void
check_names(struct weir__check *check, struct weir_world_range names,
            const struct weir__names *known, const char *what,
            const char *owner)
{
    for (uint32_t i = 0; i < names.count; i++)
        weir__check_ref(check, known, what, owner,
                        &check->world->name_rows[names.first + i]);
}

static void
check_groups(struct weir__check *check)
{
    for (uint32_t i = 0; i < check->world->group_count; i++) {
        struct weir_world_group *g = &check->world->group_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "group", g->name);
        weir__check_name(check, &check->groups, g->place, "group", g->name, i);
        check_names(check, g->organisations, &check->organisations,
                    "organisation", owner);
        check_names(check, g->tenants, &check->tenants, "tenant", owner);
        check_names(check, g->projects, &check->projects, "project", owner);
        if (g->organisations.count + g->tenants.count + g->projects.count +
                    g->keys.count ==
                0 &&
            g->cluster.len == 0)
            weir_faults_add(check->faults, g->place,
                            "Add organisations, tenants, projects, keys or "
                            "a cluster.",
                            "%s has no members", owner);
    }
}

static void
check_of(struct weir__check *check, uint32_t of, const char *owner,
         struct weir_world_name *name)
{
    switch ((enum weir_budget_of)of) {
    case WEIR_BUDGET_ORGANISATION:
    case WEIR_BUDGET_OWNERS:
        weir__check_ref(check, &check->organisations, "organisation", owner,
                        name);
        break;
    case WEIR_BUDGET_GROUP:
        weir__check_ref(check, &check->groups, "group", owner, name);
        break;
    case WEIR_BUDGET_TENANT:
        weir__check_ref(check, &check->tenants, "tenant", owner, name);
        break;
    case WEIR_BUDGET_PROJECT:
        weir__check_ref(check, &check->projects, "project", owner, name);
        break;
    case WEIR_BUDGET_KEY: /* keys come and go; one that is gone spends nothing */
    case WEIR_BUDGET_EVERYONE:
    case WEIR_BUDGET_OFS:
        break;
    }
}

static void
check_reserves(struct weir__check *check, struct weir_world_budget *b,
               const char *owner)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < b->reserves.count; i++) {
        struct weir_world_reserve *r =
            &check->world->reserve_rows[b->reserves.first + i];
        check_of(check, r->of, owner, &r->name);
        if (r->ppm == 0 || r->ppm > ALL)
            weir_faults_add(check->faults, r->place,
                            "Write `share: 20%`, more than 0% and at most "
                            "100%.",
                            "%s reserves no share, or too much", owner);
        sum += r->ppm;
        for (uint32_t j = 0; j < i; j++) {
            const struct weir_world_reserve *other =
                &check->world->reserve_rows[b->reserves.first + j];
            if (other->of == r->of &&
                weir_span_equal(other->name.text, r->name.text))
                weir_faults_add(check->faults, r->place, "Keep one of them.",
                                "%s reserves two shares for \"%.*s\"", owner,
                                WEIR_SPAN_ARG(r->name.text));
        }
    }
    if (sum > ALL)
        weir_faults_add(check->faults, b->place,
                        "Reserve 100% at most; what is not reserved is for "
                        "all.",
                        "%s reserves more than there is", owner);
    if (b->reserves.count > 0 && b->each != WEIR_BUDGET_ONE)
        weir_faults_add(check->faults, b->place,
                        "Remove `each:` or `reserved:`.",
                        "%s parts its pool and counts each by itself", owner);
}

static void
check_alerts(struct weir__check *check, const struct weir_world_budget *b,
             const char *owner)
{
    if (b->alerts.count > WEIR_BUDGET_ALERTS_MAX)
        weir_faults_add(check->faults, b->place, "Keep at most 8.",
                        "%s has %u alerts", owner, b->alerts.count);
    for (uint32_t i = 0; i < b->alerts.count; i++) {
        const struct weir_world_alert *a =
            &check->world->alert_rows[b->alerts.first + i];
        if (a->ppm == 0 || a->ppm > 10 * ALL || (i > 0 && a->ppm <= a[-1].ppm))
            weir_faults_add(check->faults, a->place,
                            "Write shares of the limit, growing: [50%, 80%, "
                            "100%].",
                            "%s has alerts out of order, or one of nothing",
                            owner);
    }
}

static void
check_budget(struct weir__check *check, uint32_t row)
{
    struct weir_world_budget *b = &check->world->budget_rows[row];
    char owner[WEIR__OWNER_TEXT];
    weir__check_owner(owner, "budget", b->name);
    weir__check_name(check, &check->budgets, b->place, "budget", b->name, row);
    check_of(check, b->of, owner, &b->of_name);
    check_names(check, b->models, &check->models, "model", owner);
    weir__check_limits(check, b->limits, owner);
    if (b->limits.count == 0)
        weir_faults_add(check->faults, b->place,
                        "Add `limits: {money_per_month: \"500\"}`.",
                        "%s limits nothing", owner);
    if (b->each == WEIR_BUDGET_EACH_END_CUSTOMER && b->end_customer.len > 0)
        weir_faults_add(check->faults, b->place,
                        "Remove `each:` or `end_customer:`.",
                        "%s is for one end customer and for each", owner);
    check_reserves(check, b, owner);
    check_alerts(check, b, owner);
}

/* ------------------------------------------------- limits of one call */

struct counting {
    struct weir__check *check;
    const uint32_t *tops;
    uint32_t *seen; /* by model: the route it was met in last */
    uint32_t round;
};

static bool
is_of_models(const struct weir_world_budget *b)
{
    return b->each == WEIR_BUDGET_EACH_MODEL || b->models.count > 0;
}

static bool
has_model(const struct weir_world *world, const struct weir_world_budget *b,
          uint32_t model)
{
    if (b->models.count == 0)
        return true;
    for (uint32_t i = 0; i < b->models.count; i++)
        if (world->name_rows[b->models.first + i].row == model)
            return true;
    return false;
}

/* How many counters of the budget a call of this route is under. */
static uint32_t
counters(struct counting *n, const struct weir_world_budget *b,
         const struct weir_world_route *route)
{
    const struct weir_world *world = n->check->world;
    uint32_t count = 0;
    n->round++;
    for (uint32_t i = 0; i < route->candidates.count; i++) {
        const struct weir_world_candidate *c =
            &world->candidate_rows[route->candidates.first + i];
        uint32_t model = c->name.row;
        if (model != WEIR_INDEX_NONE && !c->is_model)
            model = world->deployment_rows[model].model.row;
        if (model == WEIR_INDEX_NONE || n->seen[model] == n->round ||
            !has_model(world, b, model))
            continue;
        n->seen[model] = n->round;
        count++;
    }
    return b->each == WEIR_BUDGET_EACH_MODEL ? count : count > 0;
}

static uint32_t
weight(const struct weir_world_budget *b)
{
    return b->limits.count * (b->reserves.count > 0 ? 2 : 1);
}

/* Of budgets over models, on the route where they are most; a model's own
 * name has one model. */
static uint32_t
most_of_models(struct counting *n, const struct weir__caller *caller)
{
    const struct weir_world *world = n->check->world;
    uint32_t most = 0;
    for (uint32_t r = 0; r < world->route_count + world->model_count; r++) {
        uint32_t sum = 0;
        for (uint32_t i = 0; i < world->budget_count; i++) {
            const struct weir_world_budget *b = &world->budget_rows[i];
            if (!is_of_models(b) ||
                !weir__budget_reaches(world, n->tops, b, caller))
                continue;
            sum +=
                weight(b) * (r < world->route_count
                                 ? counters(n, b, &world->route_rows[r])
                                 : has_model(world, b, r - world->route_count));
        }
        if (sum > most)
            most = sum;
    }
    return most;
}

static uint32_t
limits_of(struct counting *n, const struct weir__caller *caller)
{
    const struct weir_world *world = n->check->world;
    const struct weir_world_project *p = &world->project_rows[caller->project];
    uint32_t sum = p->limits.count;
    bool is_any_of_models = false;
    if (caller->key != NULL)
        sum += caller->key->limits.count;
    if (p->tenant.row != WEIR_INDEX_NONE)
        sum += world->tenant_rows[p->tenant.row].limits.count;
    for (uint32_t i = 0; i < world->budget_count; i++) {
        const struct weir_world_budget *b = &world->budget_rows[i];
        is_any_of_models = is_any_of_models || is_of_models(b);
        if (!is_of_models(b) && weir__budget_reaches(world, n->tops, b, caller))
            sum += weight(b);
    }
    return is_any_of_models ? sum + most_of_models(n, caller) : sum;
}

static void
check_count(struct counting *n, struct weir_place place, const char *owner,
            const struct weir__caller *caller)
{
    uint32_t limits = limits_of(n, caller);
    if (limits > LIMITS_MAX)
        weir_faults_add(n->check->faults, place,
                        "Remove budgets of the key, its project or tenant, or "
                        "of those that reach over them.",
                        "%s falls under %u budgets; the most is %d", owner,
                        limits, LIMITS_MAX);
}

/* Keys by themselves where they have limits or a budget names some. */
static void
check_counts(struct counting *n)
{
    struct weir_world *world = n->check->world;
    bool names_keys = false;
    char owner[WEIR__OWNER_TEXT];
    for (uint32_t i = 0; i < world->budget_count; i++)
        names_keys = names_keys ||
                     weir__budget_names_keys(world, &world->budget_rows[i]);
    for (uint32_t i = 0; i < world->project_count; i++) {
        const struct weir_world_project *p = &world->project_rows[i];
        if (p->tenant.row == WEIR_INDEX_NONE)
            return; /* said already */
        weir__check_owner(owner, "project", p->name);
        check_count(n, p->place, owner, &(struct weir__caller){.project = i});
    }
    for (uint32_t i = 0; i < world->key_count; i++) {
        const struct weir_world_key *k = &world->key_rows[i];
        if (k->project_row == WEIR_INDEX_NONE ||
            (k->limits.count == 0 && !names_keys))
            continue;
        weir__check_owner(owner, "key", k->id);
        check_count(n, k->place, owner,
                    &(struct weir__caller){k->project_row, k});
    }
}

void
weir__check_budgets(struct weir__check *check)
{
    struct weir_world *world = check->world;
    struct counting n = {.check = check};
    uint32_t *tops = NULL;
    check_groups(check);
    for (uint32_t i = 0; i < world->budget_count; i++)
        check_budget(check, i);
    if (check->faults->total > 0)
        return; /* rows that are not there reach nobody */
    n.seen = weir_arena_array(&check->scratch, uint32_t, world->model_count);
    if (n.seen == NULL && world->model_count > 0)
        return;
    if (world->budget_count > 0 &&
        !weir__groups_find(world, &check->scratch, &tops))
        return;
    n.tops = tops;
    check_counts(&n);
}
