/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order in which allowed candidates may be tried, by the route's mode.
 *
 *   order, weight    as declared; drawn
 *   price            what the call may cost at each, as budgets hold it
 *   latency          peak EWMA of the first byte, times the calls there + 1
 *   least_busy       calls in flight, over all workers
 *   sticky           rendezvous: hash of conversation and deployment
 *   complexity       the least tier that is up to the call: choice.c
 *
 * Every mode but weight sorts by one number per candidate, smallest first,
 * equals as declared; the numbers go into the record, so that explaining a
 * call needs no memory of that moment.
 *
 * WHY LEAST_BUSY DRAWS AMONG EQUALS. Calls that come together are ordered
 * before any of them is under way: all would see the same counts, and all go
 * to the one that is declared first.
 *
 * WHY RENDEZVOUS. A deployment that comes or goes moves its own share of the
 * conversations and no other, and workers need to agree on nothing.
 *
 * WHAT A CONVERSATION IS. What the client says it is (prompt_cache_key), else
 * whom it is for (user, metadata.user_id), else its beginning: system text
 * and turns up to the first that is not the system's, which every later turn
 * repeats. Tenants do not share: the same words of two are two conversations.
 * Bodies without any of it stick by key.
 *
 * WHAT AN UNKNOWN LATENCY IS. Nothing, so that a new deployment is tried; and
 * the worst, while it has calls and has not replied to any.
 */
#include "internal.h"

#include <weir/json.h>

#include <string.h>

enum {
    CACHE_KEY,
    USER,
    USER_ID,
    SYSTEM,
    INSTRUCTIONS,
    SYSTEM_INSTRUCTION,
    MESSAGES,
    CONTENTS,
    INPUT,
    PROMPT,
    MEMBERS
};

static const weir_json_path members[MEMBERS] = {
    [CACHE_KEY] = WEIR_JSON_PATH1("prompt_cache_key"),
    [USER] = WEIR_JSON_PATH1("user"),
    [USER_ID] = WEIR_JSON_PATH2("metadata", "user_id"),
    [SYSTEM] = WEIR_JSON_PATH1("system"),
    [INSTRUCTIONS] = WEIR_JSON_PATH1("instructions"),
    [SYSTEM_INSTRUCTION] = WEIR_JSON_PATH1("systemInstruction"),
    [MESSAGES] = WEIR_JSON_PATH1("messages"),
    [CONTENTS] = WEIR_JSON_PATH1("contents"),
    [INPUT] = WEIR_JSON_PATH1("input"),
    [PROMPT] = WEIR_JSON_PATH1("prompt"),
};

static bool
is_system_turn(weir_span turn)
{
    static const weir_json_path path = WEIR_JSON_PATH1("role");
    struct weir_json_root root;
    weir_json_hit role;
    if (weir_json_scan(turn, &path, 1, 0, &root, &role, NULL) != WEIR_OK)
        return false;
    return weir_span_equal(role.raw, WEIR_SPAN("\"system\"")) ||
           weir_span_equal(role.raw, WEIR_SPAN("\"developer\""));
}

/* Turns up to the first that is not the system's. */
static uint64_t
hash_turns(weir_span turns, uint64_t hash)
{
    struct weir_json_reader reader;
    weir_span turn;
    weir_json_reader_init(&reader, turns, NULL);
    if (!weir_json_array(&reader))
        return hash;
    while (weir_json_element(&reader) && weir_json_raw(&reader, &turn)) {
        hash = weir_hash64(turn, hash);
        if (!is_system_turn(turn))
            break;
    }
    return hash;
}

static uint64_t
hash_beginning(const weir_json_hit *hits, uint64_t hash)
{
    for (int i = SYSTEM; i <= SYSTEM_INSTRUCTION; i++)
        if (hits[i].kind != WEIR_JSON_NONE)
            hash = weir_hash64(hits[i].raw, hash);
    for (int i = MESSAGES; i < MEMBERS; i++) {
        if (hits[i].kind == WEIR_JSON_ARRAY)
            hash = hash_turns(hits[i].raw, hash);
        else if (hits[i].kind != WEIR_JSON_NONE)
            hash = weir_hash64(hits[i].raw, hash);
    }
    return hash;
}

static bool
is_said(const weir_json_hit *hit)
{
    return hit->kind == WEIR_JSON_STRING && hit->raw.len > 2;
}

static uint64_t
conversation(const struct weir_call *call, enum weir_sticky_by *by_out)
{
    const struct weir_image *image = &call->view->image;
    uint64_t tenant = image->tenants[call->tenant].hash;
    struct weir_json_root root;
    weir_json_hit hits[MEMBERS];
    *by_out = WEIR_STICKY_BY_KEY;
    if (call->ask.body.len == 0 ||
        weir_json_scan(call->ask.body, members, MEMBERS, 0, &root, hits,
                       NULL) != WEIR_OK)
        return image->keys[call->key].hash;
    if (is_said(&hits[CACHE_KEY])) {
        *by_out = WEIR_STICKY_BY_CACHE_KEY;
        return weir_hash64(hits[CACHE_KEY].raw, tenant);
    }
    for (int i = USER; i <= USER_ID; i++) {
        if (!is_said(&hits[i]))
            continue;
        *by_out = WEIR_STICKY_BY_USER;
        return weir_hash64(hits[i].raw, tenant);
    }
    uint64_t hash = hash_beginning(hits, tenant);
    if (hash == tenant)
        return image->keys[call->key].hash;
    *by_out = WEIR_STICKY_BY_BEGINNING;
    return hash;
}

/* A shared table says how busy and how fast; without one all are alike. */
static uint64_t
load_of(const struct weir_call *call, uint64_t hash, bool is_latency)
{
    struct weir_health_view view;
    if (call->gate->health == NULL ||
        !weir_health_view_get(call->gate->health, hash, call->started, &view))
        return 0;
    if (!is_latency)
        return view.in_flight;
    if (view.first_byte_us == 0)
        return (uint64_t)UINT32_MAX * view.in_flight;
    return (uint64_t)view.first_byte_us * (view.in_flight + 1);
}

static uint64_t
price_of(const struct weir_call *call, uint32_t deployment)
{
    const struct weir_image *image = &call->view->image;
    struct weir_usage usage;
    weir__call_usage(call, &image->models[image->deployments[deployment].model],
                     &usage);
    weir_micros micros = weir__call_price(call, deployment, &usage);
    return micros > 0 ? (uint64_t)micros : 0;
}

/* Begins with another candidate, so that equals are in another order. */
static void
turn_plan(struct weir_route_plan *plan, uint64_t random)
{
    uint8_t order[WEIR_CANDIDATES_MAX];
    _Static_assert(sizeof(order[0]) == sizeof(plan->order[0]), "as a plan's");
    for (uint32_t i = 0; i < plan->count; i++)
        order[i] = plan->order[(i + random % plan->count) % plan->count];
    memcpy(plan->order, order, plan->count * sizeof(order[0]));
}

static void
sort_plan(struct weir_call *call, enum weir_route_mode mode, uint64_t random)
{
    const struct weir_image *image = &call->view->image;
    uint64_t name =
        mode == WEIR_ROUTE_STICKY ? conversation(call, &call->sticky_by) : 0;
    uint8_t bytes[8];
    memcpy(bytes, &name, sizeof(bytes));
    if (mode == WEIR_ROUTE_LEAST_BUSY)
        turn_plan(&call->plan, random);
    for (uint32_t i = 0; i < call->plan.count; i++) {
        uint32_t candidate = call->plan.order[i];
        uint32_t deployment = call->answer.candidates[candidate].deployment;
        const struct weir_image_deployment *row =
            &image->deployments[deployment];
        call->order_values[candidate] =
            mode == WEIR_ROUTE_PRICE ? price_of(call, deployment)
            : mode == WEIR_ROUTE_COMPLEXITY
                ? weir__gate_tier_value(call, candidate)
            : mode == WEIR_ROUTE_STICKY
                ? weir_hash64((weir_span){(const char *)bytes, sizeof(bytes)},
                              row->hash)
                : load_of(call, row->hash, mode == WEIR_ROUTE_LATENCY);
    }
    weir_route_plan_sort(&call->plan, call->order_values);
}

weir_status
weir__gate_plan(struct weir_call *call, struct weir_error *err)
{
    const struct weir_image_route *route =
        &call->view->image.routes[call->answer.route];
    uint32_t weights[WEIR_CANDIDATES_MAX];
    uint32_t allowed = 0;
    uint64_t random = 0;
    for (uint32_t i = 0; i < call->answer.candidate_count; i++) {
        weights[i] = call->answer.candidates[i].weight;
        if (call->answer.candidates[i].verdict == WEIR_ALLOW &&
            ((call->unaffordable | call->barred) >> i & 1) == 0)
            allowed |= UINT32_C(1) << i;
    }
    if (!call->gate->env->random(call->gate->env->context, &random,
                                 sizeof(random)))
        return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                         "no randomness to route by weight");
    weir_route_plan_init(&call->plan, call->answer.candidate_count,
                         route->mode == WEIR_ROUTE_WEIGHT ? weights : NULL,
                         allowed, random, call->started, route->deadline_ms,
                         route->attempts_max);
    const struct weir_image_trial *trial =
        &call->view->image.trials[call->answer.route];
    enum weir_sticky_by by;
    if (route->mode == WEIR_ROUTE_COMPLEXITY)
        weir__gate_score(call);
    if (trial->escalate != 0)
        weir__gate_note_schema(call);
    if (route->mode >= WEIR_ROUTE_PRICE)
        sort_plan(call, (enum weir_route_mode)route->mode, random);
    if (trial->canary != 0)
        weir__gate_place_canary(call, conversation(call, &by));
    return WEIR_OK;
}

void
weir__gate_record_order(const struct weir_call *call,
                        struct weir_record_intent *intent)
{
    const struct weir_image_route *route =
        &call->view->image.routes[call->answer.route];
    intent->order_count = call->plan.count;
    memcpy(intent->order, call->plan.order, call->plan.count);
    intent->route_mode = route->mode;
    intent->sticky_by =
        route->mode == WEIR_ROUTE_STICKY ? (uint32_t)call->sticky_by : 0;
    for (uint32_t i = 0; i < call->plan.count; i++)
        intent->order_values[i] = route->mode >= WEIR_ROUTE_PRICE
                                      ? call->order_values[call->plan.order[i]]
                                      : 0;
}
