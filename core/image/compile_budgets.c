/* SPDX-License-Identifier: Apache-2.0 */
/* Budgets, zones, shares, and the budgets of each key. */
#include "budgets.h"
#include "compile.h"
#include "groups.h"

#include <string.h>

static void
fill_zones(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_zone *zones =
        WEIR__COMPILE_ROWS(c, ZONE, struct weir_image_zone, world->zone_count);
    struct weir_image_shift *shifts = WEIR__COMPILE_ROWS(
        c, SHIFT, struct weir_image_shift, world->shift_count);
    for (uint32_t i = 0; i < world->zone_count && zones != NULL; i++)
        zones[i] = (struct weir_image_zone){
            .name = weir__compile_text(c, world->zone_rows[i].name),
            .first = world->zone_rows[i].shifts.first,
            .count = world->zone_rows[i].shifts.count,
        };
    for (uint32_t i = 0; i < world->shift_count && shifts != NULL; i++)
        shifts[i] = (struct weir_image_shift){
            .from = world->shift_rows[i].from,
            .offset_s = world->shift_rows[i].offset_s,
        };
}

static uint64_t
hash_number(uint64_t number, uint64_t seed)
{
    return weir_hash64((weir_span){(const char *)&number, sizeof(number)},
                       seed);
}

static uint64_t
hash_names(const struct weir_world *world, struct weir_world_range names,
           uint64_t hash)
{
    hash = hash_number(names.count, hash);
    for (uint32_t i = 0; i < names.count; i++)
        hash = weir_hash64(world->name_rows[names.first + i].text, hash);
    return hash;
}

/* Of all that decides which calls a counter counts, and in which window. */
static uint64_t
hash_of(const struct weir_world *world, const struct weir_world_budget *b)
{
    uint64_t hash = weir_hash64(b->name, WEIR__SUBJECT_BUDGET);
    hash = hash_number(b->of << 8 | b->each, hash);
    hash = weir_hash64(b->of_name.text, hash);
    hash = weir_hash64(b->end_customer, hash);
    hash = hash_names(world, b->models, hash);
    if (b->of == WEIR_BUDGET_GROUP) {
        const struct weir_world_group *g = &world->group_rows[b->of_name.row];
        hash = hash_names(world, g->organisations, hash);
        hash = hash_names(world, g->tenants, hash);
        hash = hash_names(world, g->projects, hash);
        hash = hash_names(world, g->keys, hash);
    }
    if (b->zone != 0)
        hash = weir_hash64(world->zone_rows[b->zone - 1].name, hash);
    for (uint32_t i = 0; i < b->reserves.count; i++) {
        const struct weir_world_reserve *r =
            &world->reserve_rows[b->reserves.first + i];
        hash = weir_hash64(r->name.text,
                           hash_number((uint64_t)r->of << 32 | r->ppm, hash));
    }
    return hash == 0 ? 1 : hash;
}

static void
fill_shares(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    struct weir_image_reserve *rows = WEIR__COMPILE_ROWS(
        c, RESERVE, struct weir_image_reserve, world->reserve_count);
    for (uint32_t i = 0; i < world->reserve_count && rows != NULL; i++) {
        const struct weir_world_reserve *r = &world->reserve_rows[i];
        uint64_t hash = weir_hash64(r->name.text, r->of);
        rows[i] = (struct weir_image_reserve){
            .name = weir__compile_text(c, r->name.text),
            .of = r->of,
            .ppm = r->ppm,
            .hash = hash == 0 ? 1 : hash,
        };
    }
}

static void
fill_budget(struct weir__compiler *c, const struct weir_world_budget *b,
            uint32_t *refs, uint32_t *ref_count, struct weir_image_budget *row)
{
    const struct weir_world *world = c->world;
    *row = (struct weir_image_budget){
        .name = weir__compile_text(c, b->name),
        .of_name = weir__compile_text(c, b->of_name.text),
        .end_customer = weir__compile_text(c, b->end_customer),
        .of = b->of,
        .each = b->each,
        .flags = b->is_soft ? WEIR_BUDGET_SOFT : 0,
        .zone = b->zone,
        .first_limit = b->limits.first,
        .limit_count = b->limits.count,
        .first_model = *ref_count,
        .model_count = b->models.count,
        .first_share = b->reserves.first,
        .share_count = b->reserves.count,
        .alert_count = b->alerts.count,
        .hash = hash_of(world, b),
    };
    for (uint32_t i = 0; i < b->models.count; i++)
        refs[(*ref_count)++] = world->name_rows[b->models.first + i].row;
    for (uint32_t i = 0; i < b->alerts.count; i++)
        row->alerts[i] = world->alert_rows[b->alerts.first + i].ppm;
}

static void
fill_budgets(struct weir__compiler *c)
{
    const struct weir_world *world = c->world;
    uint32_t models = 0;
    uint32_t ref_count = 0;
    for (uint32_t i = 0; i < world->budget_count; i++)
        models += world->budget_rows[i].models.count;
    struct weir_image_budget *rows = WEIR__COMPILE_ROWS(
        c, BUDGET, struct weir_image_budget, world->budget_count);
    uint32_t *refs = WEIR__COMPILE_ROWS(c, BUDGET_REF, uint32_t, models);
    if (c->arena.overflow)
        return;
    for (uint32_t i = 0; i < world->budget_count; i++)
        fill_budget(c, &world->budget_rows[i], refs, &ref_count, &rows[i]);
}

/* ------------------------------------------------------- of each key */

struct using
{
    const struct weir_world *world;
    const uint32_t *tops;
    struct weir_image_use *rows;
    uint32_t count;
    uint32_t capacity;
    struct weir_arena *arena;
};

static void
add_use(struct using *u, uint32_t budget, uint32_t share)
{
    if (u->count == u->capacity) {
        uint32_t capacity = u->capacity == 0 ? 64 : u->capacity * 2;
        struct weir_image_use *rows =
            weir_arena_array(u->arena, struct weir_image_use, capacity);
        if (rows == NULL)
            return;
        if (u->count > 0)
            memcpy(rows, u->rows, u->count * sizeof(*rows));
        u->rows = rows;
        u->capacity = capacity;
    }
    u->rows[u->count++] = (struct weir_image_use){budget, share};
}

static struct weir_image_key_uses
add_uses(struct using *u, const struct weir__caller *caller)
{
    struct weir_image_key_uses uses = {.first = u->count};
    for (uint32_t i = 0; i < u->world->budget_count; i++) {
        const struct weir_world_budget *b = &u->world->budget_rows[i];
        if (weir__budget_reaches(u->world, u->tops, b, caller))
            add_use(u, i, weir__budget_share(u->world, b, caller));
    }
    uses.count = u->count - uses.first;
    return uses;
}

/* Keys that a budget names have a list of their own. */
static bool
is_special(const struct weir_world *world, const struct weir_world_key *key)
{
    for (uint32_t i = 0; i < world->budget_count; i++) {
        const struct weir_world_budget *b = &world->budget_rows[i];
        if (!weir__budget_names_keys(world, b))
            continue;
        if (b->of == WEIR_BUDGET_KEY &&
            !weir_span_equal(b->of_name.text, key->id))
            continue;
        return true;
    }
    return false;
}

static void
fill_uses(struct weir__compiler *c, struct using *u)
{
    const struct weir_world *world = c->world;
    struct weir_image_key_uses *keys = WEIR__COMPILE_ROWS(
        c, KEY_BUDGET, struct weir_image_key_uses, world->key_count);
    struct weir_image_key_uses *projects = WEIR__COMPILE_ROWS(
        c, PROJECT_BUDGET, struct weir_image_key_uses, world->project_count);
    if (c->arena.overflow || world->budget_count == 0)
        return;
    for (uint32_t i = 0; i < world->project_count; i++)
        projects[i] = add_uses(u, &(struct weir__caller){.project = i});
    for (uint32_t i = 0; i < world->key_count; i++) {
        const struct weir_world_key *k = &world->key_rows[i];
        const struct weir__caller caller = {k->project_row, k};
        keys[i] = is_special(world, k) ? add_uses(u, &caller)
                                       : projects[k->project_row];
    }
    c->rows[WEIR__SECTION_USE] = u->rows;
    c->counts[WEIR__SECTION_USE] = u->count;
}

void
weir__compile_budgets(struct weir__compiler *c)
{
    uint32_t *tops = NULL;
    fill_zones(c);
    fill_shares(c);
    fill_budgets(c);
    if (c->world->budget_count > 0 &&
        !weir__groups_find(c->world, &c->arena, &tops))
        return;
    struct using u = {.world = c->world, .tops = tops, .arena = &c->arena};
    fill_uses(c, &u);
}
