/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The entities that policies name, against those that exist. A policy that
 * forbids members of "polar-majorty" forbids nobody, and a deployment in a
 * place that no permit names can serve nobody: both are mistakes that only
 * show when it is too late.
 */
#include "policies.h"
#include "policy_text.h"

#include <string.h>

static struct weir_place
place_of(const struct weir__policy *row, size_t offset)
{
    struct weir_place place = weir__policy_file(row->source);
    weir_span_locate(row->source->text, row->offset + offset, &place.line,
                     &place.column);
    return place;
}

/* Keys come and go at run time, a policy that names an exception declares
 * it, and the validator knows the actions. */
static bool
is_fixed(weir_span type)
{
    return !weir_span_equal(type, WEIR_SPAN("Key")) &&
           !weir_span_equal(type, WEIR_SPAN("Exception")) &&
           !weir_span_equal(type, WEIR_SPAN("Action"));
}

static void
check_literal(const struct weir__policy *row,
              const struct weir__literal *literal,
              const struct weir_cedar_store *store, struct weir_faults *faults)
{
    struct weir_cedar_uid name = {literal->type, literal->id};
    /* An id with escapes is compared by the engine, not here. */
    if (!is_fixed(literal->type) ||
        memchr(literal->id.ptr, '\\', literal->id.len) != NULL ||
        weir_cedar_store_has(store, &name))
        return;
    weir_faults_add(faults, place_of(row, literal->offset),
                    "Declare it, or correct the name.",
                    "policy \"%.*s\" names %.*s \"%.*s\", which nobody "
                    "declares",
                    WEIR_SPAN_ARG(row->id), WEIR_SPAN_ARG(literal->type),
                    (int)(literal->id.len < 64 ? literal->id.len : 64),
                    literal->id.ptr);
}

/* Places that permits name, by what names them. */
struct named {
    struct weir__names deployments;
    struct weir__names regions;
    struct weir__names jurisdictions;
    struct weir__names blocs;
};

static void
keep_place(struct named *named, const struct weir__literal *literal)
{
    const struct {
        const char *type;
        struct weir__names *names;
    } kinds[] = {
        {"Deployment", &named->deployments},
        {"Region", &named->regions},
        {"Jurisdiction", &named->jurisdictions},
        {"Bloc", &named->blocs},
    };
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++) {
        if (weir_span_equal(literal->type, weir_span_of(kinds[i].type)))
            (void)weir__names_put(kinds[i].names, literal->id, 0);
    }
}

static bool
has(const struct weir__names *names, weir_span name)
{
    return weir__names_find(names, name) != WEIR_INDEX_NONE;
}

static bool
is_named(const struct weir_world *world, const struct named *named,
         const struct weir_world_deployment *d)
{
    const struct weir_world_region *region = &world->region_rows[d->region.row];
    if (has(&named->deployments, d->name) ||
        has(&named->regions, region->name) ||
        has(&named->jurisdictions, region->jurisdiction.text))
        return true;
    for (uint32_t i = 0; i < world->bloc_count; i++) {
        const struct weir_world_bloc *b = &world->bloc_rows[i];
        if (!has(&named->blocs, b->name))
            continue;
        for (uint32_t j = 0; j < b->members.count; j++) {
            if (world->name_rows[b->members.first + j].row ==
                region->jurisdiction.row)
                return true;
        }
    }
    return false;
}

static void
check_places(const struct weir_world *world, const struct named *named,
             struct weir_faults *faults)
{
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        const struct weir_world_deployment *d = &world->deployment_rows[i];
        const struct weir_world_region *region =
            &world->region_rows[d->region.row];
        if (is_named(world, named, d))
            continue;
        weir_faults_add(faults, d->place,
                        "Name the place, its region, or a bloc that lists it "
                        "in a permit of the seller, or remove the "
                        "deployment.",
                        "deployment \"%.*s\" runs in %.*s, a place that no "
                        "policy names",
                        WEIR_SPAN_ARG(d->name),
                        WEIR_SPAN_ARG(region->jurisdiction.text));
    }
}

/* Literals in all policies: the most that the tables can hold. */
static uint32_t
count_literals(const struct weir__policies *policies)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < policies->count; i++) {
        const struct weir__policy *row = &policies->rows[i];
        weir_span text = {row->source->text.ptr + row->offset,
                          row->end - row->offset};
        struct weir__literal literal;
        size_t at = 0;
        while (weir__policy_literal(text, &at, &literal))
            count++;
    }
    return count;
}

bool
weir__policies_check_names(const struct weir__policies *policies,
                           const struct weir_world *world,
                           const struct weir_cedar_store *store,
                           struct weir_arena *arena, struct weir_faults *faults)
{
    struct named named;
    uint32_t before = faults->total;
    uint32_t count = count_literals(policies);
    if (!weir__names_init(&named.deployments, arena, count) ||
        !weir__names_init(&named.regions, arena, count) ||
        !weir__names_init(&named.jurisdictions, arena, count) ||
        !weir__names_init(&named.blocs, arena, count)) {
        weir_faults_add(faults, (struct weir_place){0},
                        "Give this machine more memory.",
                        "the policies do not fit in memory");
        return false;
    }
    for (uint32_t i = 0; i < policies->count; i++) {
        const struct weir__policy *row = &policies->rows[i];
        weir_span text = {row->source->text.ptr + row->offset,
                          row->end - row->offset};
        struct weir__literal literal;
        size_t at = 0;
        bool counts = row->is_permit && (row->flags & WEIR_POLICY_SHADOW) == 0;
        while (weir__policy_literal(text, &at, &literal)) {
            check_literal(row, &literal, store, faults);
            if (counts)
                keep_place(&named, &literal);
        }
    }
    check_places(world, &named, faults);
    return faults->total == before;
}
