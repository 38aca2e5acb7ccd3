/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scopes of keys and sets of places.
 *
 * A zone is unfolded into the places it lists when the image is compiled, so
 * that a call tests two bits. A region stands for itself and for the
 * jurisdiction it lies in: where data rests is known by jurisdiction only.
 * Equal sets and equal scopes are one row, whatever the number of keys.
 */
#include "check.h"
#include "compile.h"

#include <string.h>

_Static_assert(sizeof(struct weir_image_places) == 32, "a set is its bytes");

bool
weir_scope_split(weir_span text, enum weir_scope_kind *kind_out,
                 weir_span *name_out)
{
    static const struct {
        weir_span prefix;
        enum weir_scope_kind kind;
    } kinds[] = {{{"zone:", 5}, WEIR_SCOPE_ZONE},
                 {{"region:", 7}, WEIR_SCOPE_REGION}};
    if (text.len == 0 || weir_span_equal(text, WEIR_SPAN("global"))) {
        *kind_out = WEIR_SCOPE_GLOBAL;
        *name_out = WEIR_SPAN_NONE;
        return true;
    }
    for (size_t i = 0; i < WEIR_COUNTOF(kinds); i++) {
        size_t skip = kinds[i].prefix.len;
        if (!weir_span_starts(text, kinds[i].prefix) || text.len == skip)
            continue;
        *kind_out = kinds[i].kind;
        *name_out = (weir_span){text.ptr + skip, text.len - skip};
        return true;
    }
    return false;
}

void
weir__check_scope(struct weir__check *check, const char *owner,
                  struct weir_place place, weir_span scope)
{
    enum weir_scope_kind kind;
    weir_span name;
    uint32_t row;
    if (!weir_scope_split(scope, &kind, &name)) {
        weir_faults_add(
            check->faults, place, "Write global, zone:BLOC or region:NAME.",
            "%s has the scope \"%.*s\"", owner, WEIR_SPAN_ARG(scope));
        return;
    }
    if (kind == WEIR_SCOPE_ZONE &&
        weir__names_find(&check->blocs, name) == WEIR_INDEX_NONE &&
        !weir_jurisdiction_find(name, &row))
        weir_faults_add(check->faults, place,
                        "Declare the bloc (again), or revoke the key.",
                        "%s: the zone \"%.*s\" of its scope is neither a bloc "
                        "nor a jurisdiction",
                        owner, WEIR_SPAN_ARG(name));
    if (kind == WEIR_SCOPE_REGION &&
        weir__names_find(&check->regions, name) == WEIR_INDEX_NONE)
        weir_faults_add(check->faults, place,
                        "Declare the region (again), or revoke the key.",
                        "%s: nobody declares the region \"%.*s\" of its scope",
                        owner, WEIR_SPAN_ARG(name));
}

/* ------------------------------------------------------------- compile */

static uint32_t
add_set(struct weir__compiler *c, const struct weir_image_places *set)
{
    struct weir_image_places *rows = c->rows[WEIR__SECTION_PLACES];
    uint32_t row = c->counts[WEIR__SECTION_PLACES];
    rows[row] = *set;
    uint32_t known = weir__names_put(
        &c->sets, (weir_span){(const char *)&rows[row], sizeof(rows[row])},
        row);
    if (known != WEIR_INDEX_NONE)
        return known;
    c->counts[WEIR__SECTION_PLACES]++;
    return row;
}

/* ZZ, the place of what nobody knows, is in no set: inside of nothing. */
static void
add_place(struct weir_image_places *set, uint32_t row)
{
    if (row != weir_jurisdiction_unknown() && row < 8 * sizeof(*set))
        set->bits[row / 64] |= UINT64_C(1) << row % 64;
}

static struct weir_image_places
unfold(const struct weir_world *world, struct weir_world_range names)
{
    struct weir_image_places set = {{0}};
    for (uint32_t i = 0; i < names.count; i++)
        add_place(&set, world->name_rows[names.first + i].row);
    return set;
}

uint32_t
weir__compile_places_of(struct weir__compiler *c, struct weir_world_range names)
{
    struct weir_image_places set = unfold(c->world, names);
    return add_set(c, &set);
}

/* A bloc before a jurisdiction of the same name, as in ownership rules. */
static struct weir_image_places
zone_of(const struct weir_world *world, weir_span name)
{
    struct weir_image_places set = {{0}};
    uint32_t row;
    for (uint32_t i = 0; i < world->bloc_count; i++) {
        if (weir_span_equal(world->bloc_rows[i].name, name))
            return unfold(world, world->bloc_rows[i].members);
    }
    if (weir_jurisdiction_find(name, &row))
        add_place(&set, row);
    return set;
}

static struct weir_image_places
place_of_region(const struct weir_world *world, weir_span name)
{
    struct weir_image_places set = {{0}};
    for (uint32_t i = 0; i < world->region_count; i++) {
        if (weir_span_equal(world->region_rows[i].name, name))
            add_place(&set, world->region_rows[i].jurisdiction.row);
    }
    return set;
}

uint32_t
weir__compile_scope(struct weir__compiler *c, weir_span scope)
{
    struct weir_image_scope *rows = c->rows[WEIR__SECTION_SCOPE];
    struct weir_image_places set = {{0}};
    enum weir_scope_kind kind;
    weir_span name;
    if (!weir_scope_split(scope, &kind, &name)) {
        c->is_broken = true; /* the check refused it */
        return 0;
    }
    if (kind == WEIR_SCOPE_GLOBAL)
        return 0;
    uint32_t row = c->counts[WEIR__SECTION_SCOPE];
    uint32_t known = weir__names_put(&c->scopes, scope, row);
    if (known != WEIR_INDEX_NONE)
        return known;
    set = kind == WEIR_SCOPE_ZONE ? zone_of(c->world, name)
                                  : place_of_region(c->world, name);
    rows[row] = (struct weir_image_scope){
        .name = weir__compile_text(c, scope),
        .region = weir__compile_text(
            c, kind == WEIR_SCOPE_REGION ? name : WEIR_SPAN_NONE),
        .kind = (uint32_t)kind,
        .places = add_set(c, &set),
    };
    c->counts[WEIR__SECTION_SCOPE]++;
    return row;
}

void
weir__compile_places(struct weir__compiler *c)
{
    /* Every key with a scope and a set of its own is the most. */
    uint32_t keys = c->world->key_count;
    struct weir_image_scope *scopes =
        WEIR__COMPILE_ROWS(c, SCOPE, struct weir_image_scope, keys + 1);
    struct weir_image_places *sets =
        WEIR__COMPILE_ROWS(c, PLACES, struct weir_image_places, 2 * keys + 2);
    if (scopes == NULL || sets == NULL ||
        !weir__names_init(&c->scopes, &c->arena, keys + 1) ||
        !weir__names_init(&c->sets, &c->arena, 2 * keys + 2))
        return;
    struct weir_image_places nowhere = {{0}};
    c->counts[WEIR__SECTION_SCOPE] = 1;
    c->counts[WEIR__SECTION_PLACES] = 0;
    (void)add_set(c, &nowhere);
    scopes[0] = (struct weir_image_scope){
        .name = weir__compile_text(c, WEIR_SPAN("global")),
        .kind = WEIR_SCOPE_GLOBAL};
    weir__compile_networks(c);
}
