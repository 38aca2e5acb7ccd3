/* SPDX-License-Identifier: Apache-2.0 */
#include "entities.h"

#include <stdio.h>
#include <string.h>

struct adder {
    struct weir_cedar_store *store;
    const struct weir_world *world;
    const struct weir__members *members;
    struct weir_arena *arena;
    struct weir_error *err;
    weir_status status; /* of the first add that failed */
    const struct weir_jurisdiction *places;
    size_t place_count;
    struct weir_cedar_uid *rules;    /* "r" of each ownership rule .. */
    struct weir_cedar_uid *unknowns; /* .. and "r?" */
    /* Lists of each organisation: list_first[row] .. into list_of. */
    uint32_t *list_first;
    uint32_t *list_of;
};

#define FIELDS_MAX 16

/* One entity under construction. */
struct draft {
    struct weir_cedar_entity entity;
    struct weir_cedar_field fields[FIELDS_MAX];
    struct weir_cedar_uid uids[FIELDS_MAX]; /* values of the fields */
};

static struct weir_cedar_uid
uid(const char *type, weir_span id)
{
    return (struct weir_cedar_uid){weir_span_of(type), id};
}

static void
begin(struct draft *draft, struct weir_cedar_uid name)
{
    memset(draft, 0, sizeof(*draft));
    draft->entity.uid = name;
    draft->entity.attributes = draft->fields;
}

static weir_cedar_value *
add_field(struct draft *draft, const char *key)
{
    size_t at = draft->entity.attribute_count++;
    WEIR_ASSERT(at < FIELDS_MAX);
    draft->fields[at].key = weir_span_of(key);
    return &draft->fields[at].value;
}

static void
set_string(struct draft *draft, const char *key, weir_span text)
{
    weir_cedar_value *value = add_field(draft, key);
    value->kind = WEIR_CEDAR_STRING;
    value->string = text.ptr == NULL ? WEIR_SPAN("") : text;
}

static void
set_entity(struct draft *draft, const char *key, struct weir_cedar_uid target)
{
    size_t at = draft->entity.attribute_count;
    weir_cedar_value *value = add_field(draft, key);
    draft->uids[at] = target;
    value->kind = WEIR_CEDAR_ENTITY;
    value->uid = &draft->uids[at];
}

static void
set_bool(struct draft *draft, const char *key, bool is_true)
{
    weir_cedar_value *value = add_field(draft, key);
    value->kind = WEIR_CEDAR_BOOL;
    value->boolean = is_true;
}

static void
set_datetime(struct draft *draft, const char *key, weir_time when)
{
    weir_cedar_value *value = add_field(draft, key);
    value->kind = WEIR_CEDAR_DATETIME;
    value->number = when / WEIR_US_PER_MS;
}

static void
finish(struct adder *a, struct draft *draft,
       const struct weir_cedar_uid *parents, size_t parent_count)
{
    draft->entity.parents = parents;
    draft->entity.parent_count = parent_count;
    if (a->status == WEIR_OK)
        a->status = weir_cedar_store_add(a->store, &draft->entity, a->err);
}

/* Facts that policies may ask about, and how they call them. */
static const struct {
    const char *name;
    uint32_t kind; /* enum weir_fact_kind of control/evidence */
} facts[] = {
    {"incorporated", 4}, {"headquarters", 5},      {"owners", 6},
    {"category", 7},     {"established_since", 8}, {"verified_until", 9},
    {"name", 1}};

#define FACTS_MAX (sizeof(facts) / sizeof(facts[0]))

static void
set_facts(struct draft *draft, const char *key, uint32_t bits,
          weir_cedar_value values[FACTS_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < FACTS_MAX; i++) {
        if ((bits & 1u << facts[i].kind) == 0)
            continue;
        values[count].kind = WEIR_CEDAR_STRING;
        values[count].string = weir_span_of(facts[i].name);
        count++;
    }
    *add_field(draft, key) = weir_cedar_value_set(values, count);
}

static uint32_t
unknown_facts(const struct weir_world_organisation *o)
{
    uint32_t unknown = o->expired;
    unknown |= o->incorporated.text.len == 0 ? 1u << 4 : 0;
    unknown |= o->headquarters.text.len == 0 ? 1u << 5 : 0;
    unknown |= o->owners.count == 0 ? 1u << 6 : 0;
    unknown |= o->category.len == 0 ? 1u << 7 : 0;
    unknown |= o->established_since == 0 && !o->has_established ? 1u << 8 : 0;
    unknown |= o->verified_until == 0 ? 1u << 9 : 0;
    return unknown;
}

static struct weir_cedar_uid
place(const struct adder *a, uint32_t row)
{
    return uid("Jurisdiction", weir_span_of(a->places[row].code));
}

static void
add_bare(struct adder *a, struct weir_cedar_uid name)
{
    struct draft draft;
    begin(&draft, name);
    finish(a, &draft, NULL, 0);
}

static void
add_jurisdictions(struct adder *a)
{
    const struct weir_world *world = a->world;
    struct weir_cedar_uid *parents =
        weir_arena_array(a->arena, struct weir_cedar_uid, world->bloc_count);
    if (parents == NULL)
        return;
    for (uint32_t i = 0; i < world->bloc_count; i++)
        add_bare(a, uid("Bloc", world->bloc_rows[i].name));
    for (uint32_t row = 0; row < a->place_count; row++) {
        struct draft draft;
        size_t count = 0;
        for (uint32_t i = 0; i < world->bloc_count; i++) {
            struct weir_world_range members = world->bloc_rows[i].members;
            bool is_in = false;
            for (uint32_t j = 0; j < members.count; j++)
                is_in = is_in || world->name_rows[members.first + j].row == row;
            if (is_in)
                parents[count++] = uid("Bloc", world->bloc_rows[i].name);
        }
        begin(&draft, place(a, row));
        finish(a, &draft, parents, count);
    }
}

/* Rule entities, and lists turned round: by organisation. */
static void
add_groups(struct adder *a)
{
    const struct weir_world *world = a->world;
    uint32_t organisations = world->organisation_count;
    uint32_t members = 0;
    for (uint32_t i = 0; i < world->rule_count; i++) {
        weir_span name = world->rule_rows[i].name;
        char *unknown = weir_arena_alloc(a->arena, name.len + 1);
        if (unknown == NULL)
            return;
        memcpy(unknown, name.ptr, name.len);
        unknown[name.len] = '?';
        a->rules[i] = uid("OwnershipRule", name);
        a->unknowns[i] =
            uid("OwnershipRule", (weir_span){unknown, name.len + 1});
        add_bare(a, a->rules[i]);
        add_bare(a, a->unknowns[i]);
    }
    for (uint32_t i = 0; i < world->list_count; i++) {
        struct weir_world_range range = world->list_rows[i].members;
        add_bare(a, uid("ScreeningList", world->list_rows[i].name));
        for (uint32_t j = 0; j < range.count; j++)
            a->list_first[world->name_rows[range.first + j].row + 1]++;
        members += range.count;
    }
    a->list_of = weir_arena_array(a->arena, uint32_t, members);
    if (a->list_of == NULL)
        return;
    for (uint32_t i = 0; i < organisations; i++)
        a->list_first[i + 1] += a->list_first[i];
    for (uint32_t i = world->list_count; i-- > 0;) {
        struct weir_world_range range = world->list_rows[i].members;
        for (uint32_t j = 0; j < range.count; j++) {
            uint32_t row = world->name_rows[range.first + j].row;
            a->list_of[--a->list_first[row + 1]] = i;
        }
    }
    /* Entry row + 1 is now the start of row: shift back. */
    for (uint32_t i = 0; i < organisations; i++)
        a->list_first[i] = a->list_first[i + 1];
    a->list_first[organisations] = members;
}

static size_t
gather_parents(const struct adder *a, uint32_t row,
               struct weir_cedar_uid *parents)
{
    const struct weir_world *world = a->world;
    size_t count = 0;
    for (uint32_t i = 0; i < world->rule_count; i++) {
        const uint8_t *answers = a->members->answers[i];
        if (answers == NULL || answers[row] == WEIR_ANSWER_NO)
            continue;
        parents[count++] =
            answers[row] == WEIR_ANSWER_YES ? a->rules[i] : a->unknowns[i];
    }
    for (uint32_t i = a->list_first[row]; i < a->list_first[row + 1]; i++)
        parents[count++] =
            uid("ScreeningList", world->list_rows[a->list_of[i]].name);
    return count;
}

static void
add_organisations(struct adder *a)
{
    const struct weir_world *world = a->world;
    struct weir_cedar_uid *parents =
        weir_arena_array(a->arena, struct weir_cedar_uid,
                         (size_t)world->rule_count + world->list_count + 1);
    if (parents == NULL)
        return;
    for (uint32_t i = 0; i < world->organisation_count; i++) {
        const struct weir_world_organisation *o = &world->organisation_rows[i];
        struct draft draft;
        begin(&draft, uid("Organization", o->name));
        set_entity(&draft, "headquarters", place(a, o->headquarters.row));
        set_entity(&draft, "incorporated", place(a, o->incorporated.row));
        set_string(&draft, "category", o->category);
        set_bool(&draft, "established", o->is_established);
        set_datetime(&draft, "verified_until", o->verified_until);
        if (o->established_since != 0)
            set_datetime(&draft, "established_since", o->established_since);
        weir_cedar_value unknown[FACTS_MAX] = {{0}};
        weir_cedar_value conflicting[FACTS_MAX] = {{0}};
        set_facts(&draft, "unknown", unknown_facts(o), unknown);
        set_facts(&draft, "conflicting", o->conflicting, conflicting);
        finish(a, &draft, parents, gather_parents(a, i, parents));
    }
}

weir_span
weir__project_id(const struct weir_world *world,
                 const struct weir_world_project *project,
                 struct weir_arena *arena)
{
    weir_span tenant = world->tenant_rows[project->tenant.row].name;
    size_t len = tenant.len + 1 + project->name.len;
    char *text = weir_arena_alloc(arena, len);
    if (text == NULL)
        return WEIR_SPAN_NONE;
    memcpy(text, tenant.ptr, tenant.len);
    text[tenant.len] = '/';
    memcpy(text + tenant.len + 1, project->name.ptr, project->name.len);
    return (weir_span){text, len};
}

static void
add_key(struct adder *a, const struct weir_world_key *k,
        struct weir_cedar_uid project)
{
    const struct weir_world *world = a->world;
    const struct weir_world_project *p = &world->project_rows[k->project_row];
    const struct weir_world_tenant *t = &world->tenant_rows[p->tenant.row];
    size_t count = k->end_users.count;
    struct draft draft;
    weir_cedar_value *places =
        weir_arena_array(a->arena, weir_cedar_value, count);
    struct weir_cedar_uid *uids =
        weir_arena_array(a->arena, struct weir_cedar_uid, count);
    if (a->arena->overflow)
        return;
    for (size_t i = 0; i < count; i++) {
        uids[i] = place(a, world->name_rows[k->end_users.first + i].row);
        places[i].kind = WEIR_CEDAR_ENTITY;
        places[i].uid = &uids[i];
    }
    begin(&draft, uid("Key", k->id));
    set_entity(&draft, "organization",
               uid("Organization",
                   world->organisation_rows[t->organisation.row].name));
    set_string(&draft, "purpose", k->purpose);
    set_entity(&draft, "staff", place(a, k->staff.row));
    set_string(&draft, "scope",
               k->scope.len > 0 ? k->scope : WEIR_SPAN("global"));
    *add_field(&draft, "end_users") = weir_cedar_value_set(places, count);
    finish(a, &draft, &project, 1);
}

static void
add_callers(struct adder *a)
{
    const struct weir_world *world = a->world;
    struct weir_cedar_uid *projects =
        weir_arena_array(a->arena, struct weir_cedar_uid, world->project_count);
    if (projects == NULL)
        return;
    for (uint32_t i = 0; i < world->tenant_count; i++) {
        const struct weir_world_tenant *t = &world->tenant_rows[i];
        struct weir_cedar_uid parent = uid(
            "Organization", world->organisation_rows[t->organisation.row].name);
        struct draft draft;
        begin(&draft, uid("Tenant", t->name));
        finish(a, &draft, &parent, 1);
    }
    for (uint32_t i = 0; i < world->project_count; i++) {
        const struct weir_world_project *p = &world->project_rows[i];
        struct weir_cedar_uid parent =
            uid("Tenant", world->tenant_rows[p->tenant.row].name);
        struct draft draft;
        projects[i] = uid("Project", weir__project_id(world, p, a->arena));
        begin(&draft, projects[i]);
        finish(a, &draft, &parent, 1);
    }
    for (uint32_t i = 0; i < world->key_count; i++) {
        const struct weir_world_key *k = &world->key_rows[i];
        add_key(a, k, projects[k->project_row]);
    }
}

weir_span
weir__model_family(const struct weir_world_model *model)
{
    return model->family.len > 0 ? model->family : model->name;
}

static void
add_model(struct adder *a, const struct weir_world_model *m)
{
    const struct weir_world *world = a->world;
    struct draft draft;
    struct weir_cedar_uid provider =
        uid("Provider", world->provider_rows[m->provider.row].name);
    struct weir_cedar_uid family = uid("Family", weir__model_family(m));
    begin(&draft, family); /* the same family again adds nothing */
    finish(a, &draft, &provider, 1);
    begin(&draft, uid("Model", m->name));
    set_entity(&draft, "origin", place(a, m->origin.row));
    set_string(&draft, "tier", m->tier);
    set_string(&draft, "weights", m->weights);
    finish(a, &draft, &family, 1);
}

static void
add_catalogue(struct adder *a)
{
    const struct weir_world *world = a->world;
    for (uint32_t i = 0; i < world->provider_count; i++) {
        struct draft draft;
        begin(&draft, uid("Provider", world->provider_rows[i].name));
        set_entity(&draft, "origin",
                   place(a, world->provider_rows[i].origin.row));
        finish(a, &draft, NULL, 0);
    }
    for (uint32_t i = 0; i < world->model_count; i++)
        add_model(a, &world->model_rows[i]);
    for (uint32_t i = 0; i < world->region_count; i++) {
        const struct weir_world_region *r = &world->region_rows[i];
        struct weir_cedar_uid parent = place(a, r->jurisdiction.row);
        struct draft draft;
        begin(&draft, uid("Region", r->name));
        finish(a, &draft, &parent, 1);
    }
    for (uint32_t i = 0; i < world->deployment_count; i++) {
        const struct weir_world_deployment *d = &world->deployment_rows[i];
        const struct weir_world_region *r = &world->region_rows[d->region.row];
        struct weir_cedar_uid parents[] = {
            uid("Model", world->model_rows[d->model.row].name),
            uid("Region", r->name)};
        struct draft draft;
        begin(&draft, uid("Deployment", d->name));
        set_entity(&draft, "model", parents[0]);
        set_entity(&draft, "place", place(a, r->jurisdiction.row));
        set_entity(&draft, "stored_in", place(a, d->stored_in.row));
        set_entity(&draft, "operator",
                   uid("Organization",
                       world->organisation_rows[d->operated_by.row].name));
        set_string(&draft, "cloud", d->cloud);
        finish(a, &draft, parents, 2);
    }
}

static void
add_actions(struct adder *a)
{
    struct weir_cedar_uid infer = uid("Action", WEIR_SPAN("infer"));
    struct weir_cedar_uid tools = uid("Action", WEIR_SPAN("tools"));
    add_bare(a, infer);
    add_bare(a, tools);
    for (int i = 0; i < WEIR_OPERATIONS; i++) {
        enum weir_operation operation = (enum weir_operation)i;
        struct draft draft;
        begin(&draft,
              uid("Action", weir_span_of(weir_operation_name(operation))));
        finish(a, &draft,
               weir_operation_is_of_tools(operation) ? &tools : &infer, 1);
    }
}

weir_status
weir__entities_add(struct weir_cedar_store *store,
                   const struct weir_world *world,
                   const struct weir__members *members,
                   struct weir_arena *arena, struct weir_error *err)
{
    struct adder a = {
        .store = store,
        .world = world,
        .members = members,
        .arena = arena,
        .err = err,
        .rules =
            weir_arena_array(arena, struct weir_cedar_uid, world->rule_count),
        .unknowns =
            weir_arena_array(arena, struct weir_cedar_uid, world->rule_count),
        .list_first = weir_arena_array(arena, uint32_t,
                                       (size_t)world->organisation_count + 1),
    };
    a.places = weir_jurisdictions(&a.place_count);
    if (!arena->overflow) {
        add_actions(&a);
        add_jurisdictions(&a);
        add_groups(&a);
    }
    if (!arena->overflow) {
        add_organisations(&a);
        add_callers(&a);
        add_catalogue(&a);
    }
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "the entities do not fit in memory");
    return a.status != WEIR_OK ? a.status : weir_cedar_store_seal(store, err);
}

weir_status
weir_world_entities(const struct weir_world *world, weir_time now,
                    struct weir_cedar_store *store, struct weir_error *err)
{
    struct weir__members members;
    struct weir_arena arena;
    weir_arena_init_heap(&arena, WEIR_WORLD_BYTES_MAX);
    weir_status status = weir__members_run(world, now, &arena, &members, err);
    if (status == WEIR_OK)
        status = weir__entities_add(store, world, &members, &arena, err);
    weir_arena_fini(&arena);
    return status;
}
