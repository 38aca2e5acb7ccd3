/* SPDX-License-Identifier: Apache-2.0 */
/* Blocs, organisations and their owners, lists, ownership rules. */
#include "check.h"

#include <stdlib.h>

/* Of weir_world_organisation.conflicting. */
#define WEIR__OWNERS_BIT (1u << 6)

/* Listed owners of one organisation: doubles are sought among them. */
#define OWNERS_MAX 2000

static void
check_blocs(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->bloc_count; i++) {
        struct weir_world_bloc *b = &world->bloc_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "bloc", b->name);
        weir__check_name(check, &check->blocs, b->place, "bloc", b->name, i);
        if (b->members.count == 0)
            weir_faults_add(check->faults, b->place,
                            "List each place: no code contains another.",
                            "%s has no members", owner);
        for (uint32_t j = 0; j < b->members.count; j++)
            weir__check_jurisdiction(check, "member", owner,
                                     &world->name_rows[b->members.first + j]);
    }
}

static int
by_owner(const void *a, const void *b)
{
    const struct weir_world_owner *const *left = a;
    const struct weir_world_owner *const *right = b;
    return ((*left)->name.row > (*right)->name.row) -
           ((*left)->name.row < (*right)->name.row);
}

static void
add_contradiction(struct weir__check *check, const char *owner,
                  const struct weir_world_owner *a,
                  const struct weir_world_owner *b)
{
    char first[WEIR_SHARE_TEXT];
    char second[WEIR_SHARE_TEXT];
    weir_share_format(a->share, first);
    weir_share_format(b->share, second);
    weir_faults_add(check->faults, b->name.place,
                    "Find out which source is right and remove the other.",
                    "a contradiction: \"%.*s\" holds %s of %s and also %s",
                    WEIR_SPAN_ARG(b->name.text), first, owner, second);
}

/*
 * Two sources may state the same holding; what both allow is what is known.
 * The rows then carry the same intersection, and the sum counts it once.
 */
static uint64_t
merge_owners(struct weir__check *check, struct weir_world_owner **owners,
             uint32_t count, const char *owner)
{
    uint64_t sum = 0;
    /* Pointers are sorted, rows stay: NOLINTNEXTLINE */
    qsort(owners, count, sizeof(*owners), by_owner);
    for (uint32_t i = 0; i < count;) {
        uint32_t end = i + 1;
        weir_share known = owners[i]->share;
        while (end < count && owners[end]->name.row == owners[i]->name.row &&
               owners[i]->name.row != WEIR_INDEX_NONE) {
            weir_share share = owners[end]->share;
            if (share.low > known.high || share.high < known.low)
                add_contradiction(check, owner, owners[i], owners[end]);
            else
                known = (weir_share){
                    share.low > known.low ? share.low : known.low,
                    share.high < known.high ? share.high : known.high};
            end++;
        }
        sum += known.low;
        for (; i < end; i++)
            owners[i]->share = known;
    }
    return sum;
}

static void
check_owners(struct weir__check *check, struct weir_world_organisation *o,
             const char *owner)
{
    struct weir_world *world = check->world;
    uint32_t count = o->owners.count;
    if (count > OWNERS_MAX) {
        weir_faults_add(check->faults, o->place,
                        "Leave out holders that no threshold can reach.",
                        "%s has more than %d owners", owner, OWNERS_MAX);
        return;
    }
    struct weir_world_owner **sorted =
        weir_arena_array(&check->scratch, struct weir_world_owner *, count);
    if (sorted == NULL)
        return;
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = &world->owner_rows[o->owners.first + i];
        weir__check_ref(check, &check->organisations, "owner", owner,
                        &sorted[i]->name);
    }
    uint64_t sum = merge_owners(check, sorted, count, owner);
    /* Registers contradict each other: that is kept, shown, and no fault of
     * whoever writes the sources. */
    if (sum > WEIR_SHARE_ALL && (o->conflicting & WEIR__OWNERS_BIT) == 0)
        weir_faults_add(check->faults, o->place,
                        "Correct a share; where only an upper end is known, "
                        "write a band such as \"0%-60%\".",
                        "the owners of %s hold at least %llu.%04llu %% in sum",
                        owner, (unsigned long long)(sum / 10000),
                        (unsigned long long)(sum % 10000));
}

static void
check_twice(struct weir__check *check, uint32_t row, uint32_t first)
{
    const struct weir_world_organisation *a =
        &check->world->organisation_rows[first];
    const struct weir_world_organisation *b =
        &check->world->organisation_rows[row];
    if (weir_span_equal(a->headquarters.text, b->headquarters.text))
        return;
    weir_faults_add(check->faults, b->headquarters.place,
                    "An organisation has one place of headquarters; find out "
                    "which source is right.",
                    "a contradiction: organisation \"%.*s\" has headquarters "
                    "in %.*s and also in %.*s",
                    WEIR_SPAN_ARG(b->name), WEIR_SPAN_ARG(a->headquarters.text),
                    WEIR_SPAN_ARG(b->headquarters.text));
}

/* What nobody says is unknown; what is said must be a place. */
static void
check_place(struct weir__check *check, const char *what, const char *owner,
            struct weir_world_name *name)
{
    if (name->text.len == 0)
        name->row = weir_jurisdiction_unknown();
    else
        weir__check_jurisdiction(check, what, owner, name);
}

static void
check_organisations(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->organisation_count; i++) {
        const struct weir_world_organisation *o = &world->organisation_rows[i];
        uint32_t first = o->name.len == 0
                             ? WEIR_INDEX_NONE
                             : weir__names_find(&check->organisations, o->name);
        if (first != WEIR_INDEX_NONE)
            check_twice(check, i, first);
        weir__check_name(check, &check->organisations, o->place, "organisation",
                         o->name, i);
    }
    for (uint32_t i = 0; i < world->organisation_count; i++) {
        struct weir_world_organisation *o = &world->organisation_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "organisation", o->name);
        check_place(check, "headquarters", owner, &o->headquarters);
        check_place(check, "incorporated", owner, &o->incorporated);
        if (o->owners.count > 0)
            check_owners(check, o, owner);
    }
}

static void
check_lists(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->list_count; i++) {
        struct weir_world_list *l = &world->list_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "list", l->name);
        weir__check_name(check, &check->lists, l->place, "list", l->name, i);
        for (uint32_t j = 0; j < l->members.count; j++)
            weir__check_ref(check, &check->organisations, "organisation", owner,
                            &world->name_rows[l->members.first + j]);
    }
}

/* A bloc, or else a jurisdiction: rows of blocs are told apart later by
 * looking the text up again, so only the fault matters here. */
static void
check_places(struct weir__check *check, struct weir_world_range range,
             const char *owner)
{
    for (uint32_t i = 0; i < range.count; i++) {
        struct weir_world_name *name =
            &check->world->name_rows[range.first + i];
        if (weir__names_find(&check->blocs, name->text) != WEIR_INDEX_NONE)
            continue;
        if (weir_jurisdiction_find(name->text, &name->row))
            continue;
        weir_faults_add(check->faults, name->place,
                        "Name a declared bloc or an ISO 3166-1 code.",
                        "%s: \"%.*s\" is neither a bloc nor a jurisdiction",
                        owner, WEIR_SPAN_ARG(name->text));
    }
}

static void
check_threshold(struct weir__check *check, const struct weir_world_rule *r,
                const char *owner)
{
    if (!r->has_threshold || r->threshold.low != r->threshold.high) {
        weir_faults_add(check->faults, r->place,
                        "Write one share: `threshold: 50%`.",
                        "%s has no threshold", owner);
        return;
    }
    uint32_t least = r->is_strict ? 0 : 1;
    uint32_t most = r->is_strict ? WEIR_SHARE_ALL - 1 : WEIR_SHARE_ALL;
    if (r->threshold.low < least || r->threshold.low > most)
        weir_faults_add(
            check->faults, r->place, "Use a share between nothing and all.",
            "%s has a threshold that everybody or nobody reaches", owner);
}

static void
check_rules(struct weir__check *check)
{
    struct weir_world *world = check->world;
    for (uint32_t i = 0; i < world->rule_count; i++) {
        struct weir_world_rule *r = &world->rule_rows[i];
        char owner[WEIR__OWNER_TEXT];
        weir__check_owner(owner, "ownership rule", r->name);
        weir__check_name(check, &check->rules, r->place, "ownership rule",
                         r->name, i);
        check_places(check, r->headquarters_in, owner);
        check_places(check, r->incorporated_in, owner);
        for (uint32_t j = 0; j < r->organisations.count; j++)
            weir__check_ref(check, &check->organisations, "organisation", owner,
                            &world->name_rows[r->organisations.first + j]);
        for (uint32_t j = 0; j < r->lists.count; j++)
            weir__check_ref(check, &check->lists, "list", owner,
                            &world->name_rows[r->lists.first + j]);
        if (r->headquarters_in.count + r->incorporated_in.count +
                r->organisations.count + r->lists.count ==
            0)
            weir_faults_add(check->faults, r->place,
                            "Add `seeds: {headquarters_in: [..]}`, or "
                            "incorporated_in, organisations, lists.",
                            "%s has no seeds", owner);
        check_threshold(check, r, owner);
        if (r->from >= r->until)
            weir_faults_add(check->faults, r->place,
                            "`until` is the first moment without the rule.",
                            "%s ends before it begins", owner);
    }
}

void
weir__check_parties(struct weir__check *check)
{
    check_blocs(check);
    check_organisations(check);
    check_lists(check);
    check_rules(check);
}
