/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a solver found, as a request and entities, and the trial of it.
 *
 * A model answers for every entity there could be; what is kept of it are
 * the entities of the footprint, each with the attributes, tags and
 * ancestors that were asked for, and with plain values for the attributes
 * that the schema demands beyond. Terms that have one value are one entity.
 *
 * A model is a hint, not an answer: weir_cedar_smt_replay() gives the case
 * to the reader's checks and to the evaluator, and only what they confirm
 * is a counterexample.
 */
#include "smt.h"

#include <weir/cedar_json.h>

#include <string.h>

#define FOOT_NONE UINT32_MAX

struct modeller {
    const struct weir_cedar_smt_plan *plan;
    struct weir_arena *arena;
    bool is_bad;
};

struct draft { /* an entity */
    struct weir_cedar_uid uid;
    const struct weir_cedar_entity_type *type;
    SMT_LIST(struct weir_cedar_field) attributes;
    SMT_LIST(struct weir_cedar_field) tags;
    SMT_LIST(struct weir_cedar_uid) parents;
};

static bool
grow(struct modeller *m, void *list, size_t size)
{
    SMT_LIST(char) *l = list;
    uint32_t capacity = l->capacity == 0 ? 4 : l->capacity * 2;
    void *items;
    if (l->count < l->capacity)
        return true;
    items = weir_arena_alloc_array(m->arena, size, capacity);
    if (items == NULL) {
        m->is_bad = true;
        return false;
    }
    if (l->count > 0)
        memcpy(items, l->items, l->count * size);
    l->items = items;
    l->capacity = capacity;
    return true;
}

/* -------------------------------------------------------------- values */

static weir_cedar_value
bad(struct modeller *m)
{
    m->is_bad = true;
    return (weir_cedar_value){.kind = WEIR_CEDAR_BOOL};
}

static bool
named(const struct weir_cedar_smt_value *value, const char *prefix)
{
    return value->kind == WEIR_CEDAR_SMT_APPLY &&
           weir_span_starts(value->name, weir_span_of(prefix));
}

static bool
number_behind(weir_span name, char mark, uint64_t *number_out)
{
    const char *last = NULL;
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] == mark)
            last = name.ptr + i;
    return last != NULL &&
           weir_span_to_u64((weir_span){last + 1, (size_t)(name.ptr + name.len -
                                                           (last + 1))},
                            number_out);
}

static weir_cedar_value
entity_value(struct modeller *m, const struct weir_cedar_entity_type *type,
             const struct weir_cedar_smt_value *value)
{
    weir_cedar_value out = {.kind = WEIR_CEDAR_ENTITY};
    struct weir_cedar_uid *uid = weir_arena_alloc(m->arena, sizeof(*uid));
    uint64_t number;
    if (uid == NULL)
        return bad(m);
    uid->type = type->name;
    out.uid = uid;
    if (type->is_action) {
        if (!named(value, "a.") || !number_behind(value->name, '.', &number) ||
            number >= weir_cedar_schema_action_count(m->plan->schema))
            return bad(m);
        uid->id = weir_cedar_schema_action(m->plan->schema, number)->id;
    } else if (type->enum_ids != NULL) {
        if (!named(value, "n.") || !number_behind(value->name, '.', &number) ||
            number >= type->enum_count)
            return bad(m);
        uid->id = type->enum_ids[number];
    } else {
        if (!named(value, "e.") || value->count != 1 ||
            value->items[0].kind != WEIR_CEDAR_SMT_TEXT)
            return bad(m);
        uid->id = value->items[0].name;
    }
    return out;
}

static weir_cedar_value
ip_value(struct modeller *m, const struct weir_cedar_smt_value *value)
{
    weir_cedar_value out = {.kind = WEIR_CEDAR_IP};
    bool has_prefix = named(value, "net");
    if (!(named(value, "ip") || has_prefix) ||
        value->count != 1u + has_prefix ||
        value->items[0].kind != WEIR_CEDAR_SMT_BITS)
        return bad(m);
    out.is_v6 = value->name.ptr[value->name.len - 1] == '6';
    out.prefix = out.is_v6 ? 128 : 32;
    if (has_prefix)
        out.prefix = (uint8_t)value->items[1].bits[0];
    for (uint32_t i = 0; i < (out.is_v6 ? 16u : 4u); i++) {
        uint32_t shift = ((out.is_v6 ? 15 : 3) - i) * 8;
        out.ip.address[i] =
            (uint8_t)(value->items[0].bits[shift / 64] >> (shift % 64));
    }
    return out;
}

static weir_cedar_value to_value(struct modeller *m,
                                 const struct weir_cedar_type *type,
                                 const struct weir_cedar_smt_value *value);

/* The number of fields of `out` grows by one, or by none for a `none`. */
static void
take_field(struct modeller *m, const struct weir_cedar_attribute *attribute,
           const struct weir_cedar_smt_value *value,
           struct weir_cedar_field *fields, uint32_t *count)
{
    if (!attribute->is_required) {
        if (named(value, "none."))
            return;
        if (!named(value, "some.") || value->count != 1) {
            m->is_bad = true;
            return;
        }
        value = value->items;
    }
    fields[*count].key = attribute->name;
    fields[(*count)++].value = to_value(m, attribute->type, value);
}

static weir_cedar_value
record_value(struct modeller *m, const struct weir_cedar_type *type,
             const struct weir_cedar_smt_value *value)
{
    struct weir_cedar_field *fields = weir_arena_array(
        m->arena, struct weir_cedar_field, type->attribute_count + 1);
    weir_cedar_value out;
    uint32_t count = 0;
    if (fields == NULL || !named(value, "mk.") ||
        value->count != type->attribute_count)
        return bad(m);
    for (uint32_t i = 0; i < type->attribute_count; i++)
        take_field(m, &type->attributes[i], &value->items[i], fields, &count);
    if (weir_cedar_value_record(fields, count, &out, NULL) != WEIR_OK)
        return bad(m);
    return out;
}

static weir_cedar_value
to_value(struct modeller *m, const struct weir_cedar_type *type,
         const struct weir_cedar_smt_value *value)
{
    weir_cedar_value out = {.kind = WEIR_CEDAR_BOOL};
    weir_cedar_value *elements;
    switch (type->kind) {
    case WEIR_CEDAR_TYPE_BOOL:
        out.boolean = named(value, "true");
        return out;
    case WEIR_CEDAR_TYPE_STRING:
        if (value->kind != WEIR_CEDAR_SMT_TEXT)
            return bad(m);
        out.kind = WEIR_CEDAR_STRING;
        out.string = value->name;
        return out;
    case WEIR_CEDAR_TYPE_IPADDR:
        return ip_value(m, value);
    case WEIR_CEDAR_TYPE_ENTITY:
        return entity_value(m, type->entity, value);
    case WEIR_CEDAR_TYPE_RECORD:
        return record_value(m, type, value);
    case WEIR_CEDAR_TYPE_SET:
        elements =
            weir_arena_array(m->arena, weir_cedar_value, value->count + 1);
        if (elements == NULL || value->kind != WEIR_CEDAR_SMT_MEMBERS)
            return bad(m);
        for (size_t i = 0; i < value->count; i++)
            elements[i] = to_value(m, type->element, &value->items[i]);
        return weir_cedar_value_set(elements, value->count);
    default:
        if (value->kind != WEIR_CEDAR_SMT_BITS)
            return bad(m);
        out.kind = type->kind == WEIR_CEDAR_TYPE_LONG      ? WEIR_CEDAR_LONG
                   : type->kind == WEIR_CEDAR_TYPE_DECIMAL ? WEIR_CEDAR_DECIMAL
                   : type->kind == WEIR_CEDAR_TYPE_DATETIME
                       ? WEIR_CEDAR_DATETIME
                       : WEIR_CEDAR_DURATION;
        out.number = (int64_t)value->bits[0];
        return out;
    }
}

/* A value that says nothing, for what nobody asked. Types do not recurse. */
static weir_cedar_value
plain_value(struct modeller *m, const struct weir_cedar_type *type)
{
    static const uint8_t kinds[] = {
        [WEIR_CEDAR_TYPE_BOOL] = WEIR_CEDAR_BOOL,
        [WEIR_CEDAR_TYPE_LONG] = WEIR_CEDAR_LONG,
        [WEIR_CEDAR_TYPE_STRING] = WEIR_CEDAR_STRING,
        [WEIR_CEDAR_TYPE_DECIMAL] = WEIR_CEDAR_DECIMAL,
        [WEIR_CEDAR_TYPE_IPADDR] = WEIR_CEDAR_IP,
        [WEIR_CEDAR_TYPE_DATETIME] = WEIR_CEDAR_DATETIME,
        [WEIR_CEDAR_TYPE_DURATION] = WEIR_CEDAR_DURATION,
        [WEIR_CEDAR_TYPE_ENTITY] = WEIR_CEDAR_ENTITY,
        [WEIR_CEDAR_TYPE_SET] = WEIR_CEDAR_SET,
        [WEIR_CEDAR_TYPE_RECORD] = WEIR_CEDAR_RECORD,
    };
    weir_cedar_value out = {.kind = kinds[type->kind]};
    struct weir_cedar_uid *uid;
    struct weir_cedar_field *fields;
    uint32_t count = 0;
    if (type->kind == WEIR_CEDAR_TYPE_IPADDR)
        out.prefix = 32;
    if (type->kind == WEIR_CEDAR_TYPE_STRING)
        out.string = WEIR_SPAN("");
    if (type->kind == WEIR_CEDAR_TYPE_ENTITY) {
        uid = weir_arena_alloc(m->arena, sizeof(*uid));
        if (uid == NULL)
            return bad(m);
        uid->type = type->entity->name;
        uid->id = type->entity->enum_ids != NULL ? type->entity->enum_ids[0]
                                                 : WEIR_SPAN("any");
        for (size_t i = 0; type->entity->is_action &&
                           i < weir_cedar_schema_action_count(m->plan->schema);
             i++)
            if (weir_cedar_schema_action(m->plan->schema, i)->type ==
                type->entity)
                uid->id = weir_cedar_schema_action(m->plan->schema, i)->id;
        out.uid = uid;
    }
    if (type->kind == WEIR_CEDAR_TYPE_RECORD) {
        fields = weir_arena_array(m->arena, struct weir_cedar_field,
                                  type->attribute_count + 1);
        if (fields == NULL)
            return bad(m);
        for (uint32_t i = 0; i < type->attribute_count; i++)
            if (type->attributes[i].is_required)
                fields[count++] = (struct weir_cedar_field){
                    type->attributes[i].name,
                    plain_value(m, type->attributes[i].type)};
        if (weir_cedar_value_record(fields, count, &out, NULL) != WEIR_OK)
            return bad(m);
    }
    return out;
}

/* ------------------------------------------------------------ entities */

static bool
has_field(const struct weir_cedar_field *fields, uint32_t count, weir_span key)
{
    for (uint32_t i = 0; i < count; i++)
        if (weir_span_equal(fields[i].key, key))
            return true;
    return false;
}

static void
add_parent(struct modeller *m, struct draft *draft,
           const struct weir_cedar_uid *uid)
{
    for (uint32_t i = 0; i < draft->parents.count; i++)
        if (weir_cedar_uid_equal(&draft->parents.items[i], uid))
            return;
    if (grow(m, &draft->parents, sizeof(*uid)))
        draft->parents.items[draft->parents.count++] = *uid;
}

static void
add_attribute(struct modeller *m, struct draft *draft,
              const struct weir_cedar_attribute *attribute,
              const struct weir_cedar_smt_value *value)
{
    if (has_field(draft->attributes.items, draft->attributes.count,
                  attribute->name) ||
        !grow(m, &draft->attributes, sizeof(struct weir_cedar_field)))
        return;
    take_field(m, attribute, value, draft->attributes.items,
               &draft->attributes.count);
}

static void
add_tag(struct modeller *m, struct draft *draft, weir_span key,
        const struct weir_cedar_smt_value *value)
{
    if (has_field(draft->tags.items, draft->tags.count, key) ||
        named(value, "none.") ||
        !grow(m, &draft->tags, sizeof(struct weir_cedar_field)))
        return;
    if (!named(value, "some.") || value->count != 1) {
        m->is_bad = true;
        return;
    }
    draft->tags.items[draft->tags.count++] = (struct weir_cedar_field){
        key, to_value(m, draft->type->tags, value->items)};
}

/*
 * Which draft each foot is: the first of its uid; FOOT_NONE: none. A term
 * like the value of an attribute that is not there has no value of its own,
 * and a solver may leave it as it is; nothing depends on it then.
 */
static void
name_drafts(struct modeller *m, const struct weir_cedar_smt_value *values,
            struct draft *drafts, uint32_t *which)
{
    const struct weir_cedar_smt_plan *plan = m->plan;
    for (uint32_t i = 0; i < plan->readings.count && !m->is_bad; i++) {
        const struct smt_reading *reading = &plan->readings.items[i];
        uint32_t foot = reading->foot, at = 0;
        weir_cedar_value value;
        if (reading->kind != SMT_READ_ENTITY)
            continue;
        value = entity_value(m, plan->feet[foot].type, &values[i]);
        if (m->is_bad) {
            m->is_bad = false;
            which[foot] = FOOT_NONE;
            continue;
        }
        while (at < foot && !(which[at] == at &&
                              weir_cedar_uid_equal(&drafts[at].uid, value.uid)))
            at++;
        which[foot] = at;
        drafts[foot].uid = *value.uid;
        drafts[foot].type = plan->feet[foot].type;
    }
}

static void
fill_drafts(struct modeller *m, const struct weir_cedar_smt_value *values,
            struct draft *drafts, const uint32_t *which)
{
    const struct weir_cedar_smt_plan *plan = m->plan;
    for (uint32_t i = 0; i < plan->readings.count && !m->is_bad; i++) {
        const struct smt_reading *reading = &plan->readings.items[i];
        const struct weir_cedar_smt_value *value = &values[i];
        struct draft *draft;
        if (reading->kind >= SMT_READ_ENTITY &&
            which[reading->foot] == FOOT_NONE) {
            i += reading->kind == SMT_READ_TAG; /* its second reading */
            continue;
        }
        draft = &drafts[which[reading->foot]];
        switch (reading->kind) {
        case SMT_READ_ATTRIBUTE:
            add_attribute(m, draft, reading->attribute, value);
            break;
        case SMT_READ_TAG: /* and the next one */
            add_tag(m, draft, value->name, &values[++i]);
            break;
        case SMT_READ_MEMBER:
            if (named(value, "true") && which[reading->other] != FOOT_NONE)
                add_parent(m, draft, &drafts[which[reading->other]].uid);
            break;
        case SMT_READ_ANCESTORS:
            for (size_t k = 0; k < value->count; k++)
                add_parent(
                    m, draft,
                    entity_value(m, reading->type, &value->items[k]).uid);
            break;
        default:
            break;
        }
    }
}

static void
complete(struct modeller *m, struct draft *draft)
{
    const struct weir_cedar_type *shape = draft->type->shape;
    for (uint32_t i = 0; shape != NULL && i < shape->attribute_count; i++) {
        const struct weir_cedar_attribute *attribute = &shape->attributes[i];
        if (!attribute->is_required ||
            has_field(draft->attributes.items, draft->attributes.count,
                      attribute->name) ||
            !grow(m, &draft->attributes, sizeof(struct weir_cedar_field)))
            continue;
        draft->attributes.items[draft->attributes.count++] =
            (struct weir_cedar_field){attribute->name,
                                      plain_value(m, attribute->type)};
    }
}

static void
take_request(struct modeller *m, const struct weir_cedar_smt_value *values,
             struct weir_cedar_query *query)
{
    const struct weir_cedar_smt_environment *e = &m->plan->environment;
    weir_cedar_value principal = entity_value(m, e->principal, &values[0]);
    weir_cedar_value resource = entity_value(m, e->resource, &values[1]);
    if (m->is_bad)
        return;
    query->principal = *principal.uid;
    query->resource = *resource.uid;
    query->action =
        (struct weir_cedar_uid){e->action->type->name, e->action->id};
    query->context = to_value(m, e->action->context, &values[2]);
}

weir_status
weir_cedar_smt_read(const struct weir_cedar_smt_plan *plan,
                    const struct weir_cedar_smt_value *values, size_t count,
                    struct weir_arena *arena,
                    struct weir_cedar_smt_case *case_out,
                    struct weir_error *err)
{
    struct modeller m = {plan, arena, false};
    struct weir_cedar_smt_case found = {0};
    struct draft *drafts =
        weir_arena_array(arena, struct draft, plan->foot_count + 1);
    uint32_t *which = weir_arena_array(arena, uint32_t, plan->foot_count + 1);
    struct weir_cedar_entity *entities =
        weir_arena_array(arena, struct weir_cedar_entity, plan->foot_count + 1);
    if (arena->overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (count != plan->readings.count || count < 3)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a model of another question");
    take_request(&m, values, &found.query);
    if (!m.is_bad) {
        name_drafts(&m, values, drafts, which);
        fill_drafts(&m, values, drafts, which);
    }
    for (uint32_t i = 0; i < plan->foot_count && !m.is_bad; i++) {
        if (which[i] != i)
            continue;
        complete(&m, &drafts[i]);
        entities[found.entity_count++] =
            (struct weir_cedar_entity){drafts[i].uid,
                                       drafts[i].attributes.items,
                                       drafts[i].attributes.count,
                                       drafts[i].tags.items,
                                       drafts[i].tags.count,
                                       drafts[i].parents.items,
                                       drafts[i].parents.count};
    }
    if (m.is_bad || arena->overflow)
        return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                         "a model that is no case");
    found.entities = entities;
    *case_out = found;
    return WEIR_OK;
}

/* -------------------------------------------------------------- replay */

/* The evaluator on a set of its own, whatever sets the policies are of. */
static weir_status
evaluate(const struct weir_cedar_smt_set *set,
         const struct weir_cedar_store *store,
         const struct weir_cedar_query *query, struct weir_arena *arena,
         struct weir_cedar_smt_outcome *out, struct weir_error *err)
{
    struct weir_cedar_policies *policies = weir_cedar_policies_new();
    struct weir_cedar_response response;
    weir_status status = WEIR_OK;
    memset(out, 0, sizeof(*out));
    if (policies == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    for (size_t i = 0; status == WEIR_OK && i < set->count; i++)
        if (!weir_cedar_policy_info(set->items[i]).is_template)
            status = weir_cedar_policies_borrow(policies, set->items[i], err);
    if (status == WEIR_OK)
        status =
            weir_cedar_authorize(policies, store, query, arena, &response, err);
    if (status == WEIR_OK) {
        out->is_allowed = response.is_allowed;
        out->has_error = response.error_count > 0;
        out->is_matched = response.reason_count > 0;
    }
    weir_cedar_policies_free(policies);
    return status;
}

static weir_status
build_store(const struct weir_cedar_smt_question *q,
            const struct weir_cedar_smt_case *found,
            struct weir_cedar_store *store, struct weir_error *err)
{
    weir_status status =
        weir_cedar_request_check(q->schema, &found->query, err);
    for (size_t i = 0; status == WEIR_OK && i < found->entity_count; i++) {
        status = weir_cedar_entity_check(q->schema, &found->entities[i], err);
        if (status == WEIR_OK)
            status = weir_cedar_store_add(store, &found->entities[i], err);
    }
    if (status == WEIR_OK)
        status = weir_cedar_store_add_actions(store, q->schema, err);
    if (status == WEIR_OK)
        status = weir_cedar_store_seal(store, err);
    return status;
}

bool
weir_cedar_smt_refutes(enum weir_cedar_smt_claim claim,
                       const struct weir_cedar_smt_outcome *a,
                       const struct weir_cedar_smt_outcome *b)
{
    switch (claim) {
    case WEIR_CEDAR_SMT_NEVER_ERRORS:
        return a->has_error;
    case WEIR_CEDAR_SMT_ALWAYS_ALLOWS:
        return !a->is_allowed;
    case WEIR_CEDAR_SMT_ALWAYS_DENIES:
        return a->is_allowed;
    case WEIR_CEDAR_SMT_IMPLIES:
        return a->is_allowed && !b->is_allowed;
    case WEIR_CEDAR_SMT_EQUIVALENT:
        return a->is_allowed != b->is_allowed;
    case WEIR_CEDAR_SMT_DISJOINT:
        return a->is_allowed && b->is_allowed;
    case WEIR_CEDAR_SMT_ALWAYS_MATCHES:
        return !a->is_matched;
    case WEIR_CEDAR_SMT_NEVER_MATCHES:
        return a->is_matched;
    case WEIR_CEDAR_SMT_MATCH_IMPLIES:
        return a->is_matched && !b->is_matched;
    case WEIR_CEDAR_SMT_MATCH_DISJOINT:
        return a->is_matched && b->is_matched;
    default:
        return a->is_matched != b->is_matched;
    }
}

static weir_status
try_case(const struct weir_cedar_smt_question *q,
         const struct weir_cedar_smt_case *found,
         const struct weir_cedar_store *store, struct weir_arena *arena,
         bool *is_confirmed_out, struct weir_error *err)
{
    struct weir_cedar_smt_outcome a, b;
    weir_status status;
    for (size_t i = 0; i < q->assumptions.count; i++) {
        struct weir_cedar_smt_set one = {&q->assumptions.items[i], 1};
        status = evaluate(&one, store, &found->query, arena, &a, err);
        if (status != WEIR_OK)
            return status;
        if (!a.is_matched) {
            *is_confirmed_out = false;
            return WEIR_OK;
        }
    }
    status = evaluate(&q->a, store, &found->query, arena, &a, err);
    if (status == WEIR_OK)
        status = evaluate(&q->b, store, &found->query, arena, &b, err);
    if (status == WEIR_OK)
        *is_confirmed_out = weir_cedar_smt_refutes(q->claim, &a, &b);
    return status;
}

weir_status
weir_cedar_smt_replay(const struct weir_cedar_smt_question *question,
                      const struct weir_cedar_smt_case *found,
                      struct weir_arena *arena, bool *is_confirmed_out,
                      struct weir_error *err)
{
    struct weir_cedar_store *store = weir_cedar_store_new();
    weir_status status;
    if (store == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    status = build_store(question, found, store, err);
    if (status == WEIR_OK)
        status = try_case(question, found, store, arena, is_confirmed_out, err);
    weir_cedar_store_free(store);
    return status;
}
