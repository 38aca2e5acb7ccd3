/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom a budget reaches, asked of the world when compiled, and what workers
 * and control ask of an image: zones, counters, parts of a pool.
 *
 * WHY A LIST FOR EACH KEY. A call looks at the budgets of its key and at no
 * other, however many there are; keys of a project share one list unless a
 * budget names one of them.
 */
#include "budgets.h"

#include <weir/watch_step.h>

static bool
is_named(const struct weir_world *world, struct weir_world_range names,
         uint32_t row)
{
    for (uint32_t i = 0; i < names.count; i++)
        if (world->name_rows[names.first + i].row == row)
            return true;
    return false;
}

static bool
is_key(const struct weir_world *world, struct weir_world_range names,
       const struct weir_world_key *key)
{
    for (uint32_t i = 0; key != NULL && i < names.count; i++)
        if (weir_span_equal(world->name_rows[names.first + i].text, key->id))
            return true;
    return false;
}

static const struct weir_world_tenant *
tenant_of(const struct weir_world *world, const struct weir__caller *caller)
{
    return &world->tenant_rows[world->project_rows[caller->project].tenant.row];
}

static bool
is_in_group(const struct weir_world *world,
            const struct weir_world_group *group,
            const struct weir__caller *caller)
{
    const struct weir_world_tenant *tenant = tenant_of(world, caller);
    return is_named(world, group->organisations, tenant->organisation.row) ||
           is_named(world, group->tenants,
                    (uint32_t)(tenant - world->tenant_rows)) ||
           is_named(world, group->projects, caller->project) ||
           is_key(world, group->keys, caller->key);
}

bool
weir__budget_reaches(const struct weir_world *world, const uint32_t *tops,
                     const struct weir_world_budget *budget,
                     const struct weir__caller *caller)
{
    const struct weir_world_tenant *tenant = tenant_of(world, caller);
    uint32_t row = budget->of_name.row;
    switch ((enum weir_budget_of)budget->of) {
    case WEIR_BUDGET_EVERYONE:
        return true;
    case WEIR_BUDGET_ORGANISATION:
        return tenant->organisation.row == row;
    case WEIR_BUDGET_OWNERS:
        return tops[tenant->organisation.row] == tops[row];
    case WEIR_BUDGET_GROUP:
        return is_in_group(world, &world->group_rows[row], caller);
    case WEIR_BUDGET_TENANT:
        return (uint32_t)(tenant - world->tenant_rows) == row;
    case WEIR_BUDGET_PROJECT:
        return caller->project == row;
    case WEIR_BUDGET_KEY:
        return caller->key != NULL &&
               weir_span_equal(caller->key->id, budget->of_name.text);
    case WEIR_BUDGET_OFS:
        break;
    }
    return false;
}

static bool
is_share_of(const struct weir_world *world,
            const struct weir_world_reserve *reserve,
            const struct weir__caller *caller)
{
    const struct weir_world_tenant *tenant = tenant_of(world, caller);
    switch (reserve->of) {
    case WEIR_BUDGET_ORGANISATION:
        return tenant->organisation.row == reserve->name.row;
    case WEIR_BUDGET_TENANT:
        return (uint32_t)(tenant - world->tenant_rows) == reserve->name.row;
    case WEIR_BUDGET_PROJECT:
        return caller->project == reserve->name.row;
    default:
        return caller->key != NULL &&
               weir_span_equal(caller->key->id, reserve->name.text);
    }
}

uint32_t
weir__budget_share(const struct weir_world *world,
                   const struct weir_world_budget *budget,
                   const struct weir__caller *caller)
{
    uint32_t best = 0;
    uint32_t narrowest = 0;
    for (uint32_t i = 0; i < budget->reserves.count; i++) {
        uint32_t row = budget->reserves.first + i;
        const struct weir_world_reserve *reserve = &world->reserve_rows[row];
        if (reserve->of <= narrowest || !is_share_of(world, reserve, caller))
            continue;
        narrowest = reserve->of; /* numbered from the widest on */
        best = row + 1;
    }
    return best;
}

bool
weir__budget_names_keys(const struct weir_world *world,
                        const struct weir_world_budget *budget)
{
    if (budget->of == WEIR_BUDGET_KEY)
        return true;
    if (budget->of == WEIR_BUDGET_GROUP &&
        world->group_rows[budget->of_name.row].keys.count > 0)
        return true;
    for (uint32_t i = 0; i < budget->reserves.count; i++)
        if (world->reserve_rows[budget->reserves.first + i].of ==
            WEIR_BUDGET_KEY)
            return true;
    return false;
}

/* --------------------------------------------------------- of an image */

const char *
weir_budget_of_name(uint32_t of)
{
    static const char *const names[] = {
        "everyone", "organisation", "owner_group", "group",
        "tenant",   "project",      "key"};
    return of < WEIR_COUNTOF(names) ? names[of] : "unknown";
}

const char *
weir_budget_each_name(uint32_t each)
{
    static const char *const names[] = {
        "",    "organisation", "tenant", "project",
        "key", "end_customer", "model"};
    return each < WEIR_COUNTOF(names) ? names[each] : "unknown";
}

int32_t
weir_zone_offset(const struct weir_image *image, uint32_t zone, weir_time when)
{
    if (zone == 0)
        return 0;
    const struct weir_image_zone *row = &image->zones[zone - 1];
    const struct weir_image_shift *shifts = &image->shifts[row->first];
    uint32_t low = 0;
    uint32_t high = row->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (shifts[middle].from <= when)
            low = middle;
        else
            high = middle;
    }
    return (int32_t)shifts[low].offset_s;
}

weir_time
weir_zone_utc(const struct weir_image *image, uint32_t zone, weir_time local)
{
    if (zone == 0)
        return local;
    const struct weir_image_zone *row = &image->zones[zone - 1];
    const struct weir_image_shift *shifts = &image->shifts[row->first];
    for (uint32_t i = 0; i < row->count; i++) {
        weir_time from = i == 0 ? WEIR_TIME_MIN : shifts[i].from;
        weir_time until =
            i + 1 < row->count ? shifts[i + 1].from : WEIR_TIME_MAX;
        weir_time utc = local - shifts[i].offset_s * WEIR_US_PER_SEC;
        if (utc < from)
            return from; /* the clocks jump over it */
        if (utc < until)
            return utc;
    }
    return local;
}

static uint64_t
mix(uint64_t value, uint64_t seed)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    uint64_t hash =
        weir_hash64((weir_span){(const char *)bytes, sizeof(bytes)}, seed);
    return hash == 0 ? 1 : hash;
}

uint64_t
weir_budget_subject(uint64_t budget, uint64_t member)
{
    return member == 0 ? budget : mix(member, budget);
}

uint64_t
weir_budget_member(const struct weir_image *image,
                   const struct weir_image_budget *budget, uint32_t key,
                   weir_span end_customer, uint32_t model)
{
    const struct weir_image_key *row = &image->keys[key];
    const struct weir_image_project *project = &image->projects[row->project];
    const struct weir_image_tenant *tenant = &image->tenants[project->tenant];
    switch ((enum weir_budget_each)budget->each) {
    case WEIR_BUDGET_ONE:
    case WEIR_BUDGET_EACHES:
        break;
    case WEIR_BUDGET_EACH_ORGANISATION:
        return image->organisations[tenant->organisation].hash;
    case WEIR_BUDGET_EACH_TENANT:
        return tenant->hash;
    case WEIR_BUDGET_EACH_PROJECT:
        return project->hash;
    case WEIR_BUDGET_EACH_KEY:
        return row->subject_hash;
    case WEIR_BUDGET_EACH_END_CUSTOMER:
        return weir_watch_end_customer(tenant->hash, end_customer);
    case WEIR_BUDGET_EACH_MODEL:
        return model == WEIR_INDEX_NONE ? 0 : image->models[model].hash;
    }
    return 0;
}

bool
weir_budget_has_model(const struct weir_image *image,
                      const struct weir_image_budget *budget, uint32_t model)
{
    if (budget->model_count == 0)
        return true;
    for (uint32_t i = 0; i < budget->model_count; i++)
        if (image->budget_refs[budget->first_model + i] == model)
            return true;
    return false;
}

int64_t
weir_budget_reserve(int64_t amount, uint32_t ppm)
{
    /* in two parts: an amount of 2^52 times a million does not fit */
    return amount / 1000000 * ppm + amount % 1000000 * ppm / 1000000;
}

int64_t
weir_budget_rest(const struct weir_image *image,
                 const struct weir_image_budget *budget, int64_t amount)
{
    int64_t rest = amount;
    for (uint32_t i = 0; i < budget->share_count; i++)
        rest -= weir_budget_reserve(
            amount, image->reserves[budget->first_share + i].ppm);
    return rest;
}
