/* SPDX-License-Identifier: Apache-2.0 */
/* A request on record as a case like a solver's: query and entities. */
#include <string.h>

#include "recorded_parts.h"

/* Stands for an address that is not recorded (RFC 5737). */
#define NOWHERE "192.0.2.1"

struct weir_question
weir__recorded_question(const struct weir_prove_recorded *recorded,
                        const struct recorded_place *place)
{
    const struct recorded_client *client = place->client;
    return (struct weir_question){
        .key = place->key,
        .operation = place->operation,
        .is_streamed = client->is_streamed,
        .address =
            client->address.len > 0 ? client->address : WEIR_SPAN(NOWHERE),
        .country = client->country,
        .end_customer = client->end_customer,
        .signals = client->signals,
        .now = recorded->at,
    };
}

struct gathering {
    const struct weir_prove_recorded *recorded;
    struct weir_arena *arena;
    struct weir_cedar_entity *items;
    size_t count;
    size_t capacity;
};

/* Once each; actions come from the schema. */
static void
gather(struct gathering *g, const struct weir_cedar_uid *uid)
{
    struct weir_cedar_entity entity;
    if (weir_span_equal(uid->type, WEIR_SPAN("Action")))
        return;
    for (size_t i = 0; i < g->count; i++)
        if (weir_cedar_uid_equal(&g->items[i].uid, uid))
            return;
    if (!weir_cedar_store_get(g->recorded->store, uid, g->arena, &entity))
        return;
    if (g->count == g->capacity) {
        size_t capacity = g->capacity == 0 ? 32 : 2 * g->capacity;
        struct weir_cedar_entity *items =
            weir_arena_array(g->arena, struct weir_cedar_entity, capacity);
        if (items == NULL)
            return;
        if (g->count > 0)
            memcpy(items, g->items, g->count * sizeof(*items));
        g->items = items;
        g->capacity = capacity;
    }
    g->items[g->count++] = entity;
}

static void
gather_value(struct gathering *g, const weir_cedar_value *value)
{
    if (value->kind == WEIR_CEDAR_ENTITY)
        gather(g, value->uid);
    for (uint32_t i = 0; value->kind == WEIR_CEDAR_SET && i < value->count; i++)
        if (value->elements[i].kind == WEIR_CEDAR_ENTITY)
            gather(g, value->elements[i].uid);
}

weir_status
weir__recorded_case(const struct weir_prove_recorded *recorded,
                    const struct recorded_place *place,
                    struct weir_arena *arena,
                    struct weir_cedar_smt_case *case_out,
                    struct weir_error *err)
{
    const struct weir_question question =
        weir__recorded_question(recorded, place);
    struct gathering g = {recorded, arena, NULL, 0, 0};
    weir_status status;
    memset(case_out, 0, sizeof(*case_out));
    status = weir_gate_query(&recorded->world.image, &question,
                             place->deployment, arena, &case_out->query, err);
    if (status != WEIR_OK)
        return status;
    gather(&g, &case_out->query.principal);
    gather(&g, &case_out->query.resource);
    for (size_t i = 0; i < case_out->query.context.count; i++)
        gather_value(&g, &case_out->query.context.fields[i].value);
    for (size_t i = 0; i < g.count; i++) { /* grows while it is walked */
        const struct weir_cedar_entity entity = g.items[i];
        for (size_t k = 0; k < entity.parent_count; k++)
            gather(&g, &entity.parents[k]);
        for (size_t k = 0; k < entity.attribute_count; k++)
            gather_value(&g, &entity.attributes[k].value);
    }
    case_out->entities = g.items;
    case_out->entity_count = g.count;
    return arena->overflow
               ? weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory")
               : WEIR_OK;
}
