/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on record, read: entities from sources and store, clients from the
 * journal.
 *
 * A key that never called is asked for from the place of its staff. Where no
 * address is known, because it never called or its tenant has addresses
 * hidden, one of documentation (RFC 5737) is taken, since the schema wants
 * one. Clients beyond CLIENTS_MAX are not kept; every answer then says so.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/cedar_schema.h>
#include <weir/replay.h>

#include "control/ingest/segments.h"
#include "control/store/store.h"
#include "recorded_parts.h"

#define CLIENTS_MAX ((uint64_t)1 << 20)

static weir_status
out_of_memory(struct weir_error *err)
{
    return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
}

/* ------------------------------------------------------------- clients */

#define SLOTS (2 * CLIENTS_MAX)

static uint64_t
hash_of(uint32_t key, const struct weir_replay_case *recorded)
{
    uint64_t hash =
        weir_hash64(recorded->country,
                    (uint64_t)key << 1 | (uint64_t)recorded->is_streamed);
    return weir_hash64(recorded->address, hash);
}

static bool
is_same_signals(const struct weir_signal_facts *a,
                const struct weir_signal_facts *b)
{
    return a->known == b->known && a->is_undeclared == b->is_undeclared &&
           a->is_hosting == b->is_hosting && a->countries == b->countries &&
           a->travel_kmh == b->travel_kmh && a->system == b->system;
}

static bool
is_same(const struct recorded_client *client, uint32_t key,
        const struct weir_replay_case *recorded)
{
    return client->key == key && client->is_streamed == recorded->is_streamed &&
           weir_span_equal(client->country, recorded->country) &&
           weir_span_equal(client->end_customer, recorded->end_customer) &&
           is_same_signals(&client->signals, &recorded->signals) &&
           weir_span_equal(client->address, recorded->address);
}

static bool
add_client(struct weir_prove_recorded *r, uint32_t key,
           const struct weir_replay_case *recorded)
{
    uint64_t hash = hash_of(key, recorded), slot = hash % SLOTS;
    struct recorded_client *client;
    for (; r->slots[slot] != NULL; slot = (slot + 1) % SLOTS)
        if (r->slots[slot]->hash == hash &&
            is_same(r->slots[slot], key, recorded))
            return true;
    if (r->client_count == CLIENTS_MAX) {
        r->is_cut = true;
        return true;
    }
    client = weir_arena_alloc(&r->arena, sizeof(*client));
    if (client == NULL)
        return false;
    client->hash = hash;
    client->key = key;
    client->country = weir_arena_copy(&r->arena, recorded->country);
    client->address = weir_arena_copy(&r->arena, recorded->address);
    client->end_customer = weir_arena_copy(&r->arena, recorded->end_customer);
    client->signals = recorded->signals;
    client->is_streamed = recorded->is_streamed;
    client->next = r->clients[key];
    r->clients[key] = client;
    r->slots[slot] = client;
    r->client_count++;
    return true;
}

union payload {
    struct weir_record_intent intent;
    struct weir_record_refusal refusal;
};

static weir_status
read_record(struct weir_prove_recorded *r, const struct weir_replay *keys,
            const struct weir_record *record, union payload *payload,
            struct weir_error *err)
{
    struct weir_replay_case recorded;
    weir_status status = WEIR_OK;
    uint32_t key;
    if (record->kind == WEIR_RECORD_INTENT) {
        status = weir_record_get_intent(record->payload, &payload->intent, err);
        if (status == WEIR_OK)
            weir_replay_of_intent(&payload->intent, &recorded);
    } else if (record->kind == WEIR_RECORD_REFUSAL) {
        status =
            weir_record_get_refusal(record->payload, &payload->refusal, err);
        if (status == WEIR_OK)
            weir_replay_of_refusal(&payload->refusal, &recorded);
    } else {
        return WEIR_OK;
    }
    if (status != WEIR_OK)
        return status;
    key = weir_replay_key(keys, recorded.key);
    return key == WEIR_INDEX_NONE || add_client(r, key, &recorded)
               ? WEIR_OK
               : out_of_memory(err);
}

static weir_status
read_journal(struct weir_prove_recorded *r, struct weir_error *err)
{
    struct weir_segments_limit limit = {0, 0};
    struct weir_segments segments;
    struct weir_view view = {.image = r->world.image};
    struct weir_replay keys;
    union payload *payload = weir_arena_alloc(&r->arena, sizeof *payload);
    weir_status status = weir_replay_init(&keys, &view, &r->arena, err);
    if (status != WEIR_OK || payload == NULL)
        return status != WEIR_OK ? status : out_of_memory(err);
    (void)weir_segments_written(r->world.paths.ring, &limit);
    weir_segments_init(&segments, r->world.paths.journal, 0, 0);
    while (status == WEIR_OK) {
        struct weir_record record;
        uint64_t segment;
        enum weir_segments_result result =
            weir_segments_next(&segments, &limit, &record, &segment, err);
        if (result == WEIR_SEGMENTS_END)
            break;
        if (result == WEIR_SEGMENTS_FAILED)
            status = err->status;
        else if (result == WEIR_SEGMENTS_RECORD)
            status = read_record(r, &keys, &record, payload, err);
    }
    weir_segments_fini(&segments);
    return status;
}

/* ---------------------------------------------------------------- keys */

struct finding {
    struct weir_prove_recorded *recorded;
    const struct weir_replay *keys;
};

static bool
on_key(void *context, const struct weir_store_key *key)
{
    struct finding *finding = context;
    uint32_t row = weir_replay_key(finding->keys, key->id);
    if (row != WEIR_INDEX_NONE && key->revoked != 0)
        finding->recorded->is_gone[row] = true;
    return true;
}

static weir_status
find_gone(struct weir_prove_recorded *r, struct weir_error *err)
{
    const struct weir_image *image = &r->world.image;
    struct weir_view view = {.image = *image};
    struct weir_store *store = NULL;
    struct weir_replay keys;
    struct finding finding = {r, &keys};
    weir_status status = weir_replay_init(&keys, &view, &r->arena, err);
    for (uint32_t i = 0; status == WEIR_OK && i < image->key_count; i++)
        r->is_gone[i] = image->keys[i].not_after <= r->at;
    if (status == WEIR_OK)
        status = weir_store_open(r->world.paths.state, false, &store, err);
    if (status == WEIR_ENOTFOUND)
        return WEIR_OK; /* never served: no keys */
    if (status == WEIR_OK)
        status = weir_store_keys(store, on_key, &finding, err);
    weir_store_close(store);
    return status;
}

/* ------------------------------------------------------------ the whole */

static weir_status
read_all(struct weir_prove_recorded *r, struct weir_error *err)
{
    uint32_t count = r->world.image.key_count;
    weir_status status;
    r->clients = weir_arena_array(&r->arena, struct recorded_client *,
                                  (size_t)count + 1);
    r->is_gone = weir_arena_array(&r->arena, bool, (size_t)count + 1);
    r->slots = calloc(SLOTS, sizeof(*r->slots));
    r->store = weir_cedar_store_new();
    if (r->clients == NULL || r->slots == NULL || r->is_gone == NULL ||
        r->store == NULL)
        return out_of_memory(err);
    status = weir_cedar_schema_parse(&r->arena, weir_world_schema(),
                                     WEIR_CEDAR_TEXT, &r->schema, err);
    if (status == WEIR_OK)
        status = weir_world_entities(r->world.world, r->at, r->store, err);
    if (status == WEIR_OK)
        status = find_gone(r, err);
    if (status == WEIR_OK)
        status = read_journal(r, err);
    for (uint32_t i = 0; status == WEIR_OK && i < count; i++) {
        const struct weir_image *image = &r->world.image;
        const struct weir_replay_case staff = {
            .country = weir_image_text(
                image, image->jurisdictions[image->keys[i].staff].code),
            .address = WEIR_SPAN_NONE};
        if (r->clients[i] == NULL && !add_client(r, i, &staff))
            status = out_of_memory(err);
    }
    return status;
}

weir_status
weir_prove_recorded_open(const char *config, weir_time at,
                         struct weir_prove_recorded **recorded_out,
                         struct weir_faults *faults, struct weir_error *err)
{
    const struct weir_simulate_sources sources = {.config = config, .at = at};
    struct weir_prove_recorded *r = calloc(1, sizeof *r);
    weir_status status;
    if (r == NULL)
        return out_of_memory(err);
    r->at = at;
    weir_arena_init_heap(&r->arena, (size_t)4 << 30);
    status = weir_simulate_world_open(&sources, &r->world, faults, err);
    if (status == WEIR_OK) {
        status = read_all(r, err);
        if (status != WEIR_OK)
            weir_simulate_world_close(&r->world);
    }
    if (status != WEIR_OK) {
        weir_cedar_store_free(r->store);
        free(r->slots);
        weir_arena_fini(&r->arena);
        free(r);
        return status;
    }
    *recorded_out = r;
    return WEIR_OK;
}

void
weir_prove_recorded_close(struct weir_prove_recorded *recorded)
{
    if (recorded == NULL)
        return;
    weir_simulate_world_close(&recorded->world);
    weir_cedar_store_free(recorded->store);
    free(recorded->slots);
    weir_arena_fini(&recorded->arena);
    free(recorded);
}
