/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose turn it is.
 *
 * Lanes of the journal are drained in turns, so calls that ended within a
 * moment of each other may stand in it either way round. A call waits in a
 * heap by (time, request) until one came that is WEIR_WATCH_ORDER_US later;
 * then it is counted. So pools do not depend on how lanes were interleaved.
 *
 * A call that comes after its turn (a clock was set back) is counted when it
 * comes: in the journal's order. Where nothing comes any more, wall time
 * lets the last ones go: a record that is written over two seconds after its
 * own time would then be late where counting again would not find it late.
 *
 * Requests counted are remembered by the ten thousands, so that records
 * which stand in the journal twice count once.
 */
#include <stdlib.h>
#include <string.h>

#include "control/watch/engine_parts.h"

#define WAITING_MAX 65536

static int
compare(weir_time a_when, const struct weir_request_id *a, weir_time b_when,
        const struct weir_request_id *b)
{
    if (a_when != b_when)
        return a_when < b_when ? -1 : 1;
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Lines of one request by their numbers. */
static bool
is_before(const struct watch_waiting *a, const struct watch_waiting *b)
{
    int order = compare(a->when, &a->request, b->when, &b->request);
    return order < 0 || (order == 0 && a->kind < b->kind);
}

/* ------------------------------------------------------------------ heap */

static weir_status
push(struct weir_watch_engine *engine, const struct watch_waiting *one,
     struct weir_error *err)
{
    if (engine->waiting_count == engine->waiting_room) {
        uint32_t room = engine->waiting_room * 2 + 256;
        void *moved = realloc(engine->waiting, room * sizeof(*one));
        if (moved == NULL)
            return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                             "no memory for calls that wait");
        engine->waiting = moved;
        engine->waiting_room = room;
    }
    struct watch_waiting *heap = engine->waiting;
    uint32_t at = engine->waiting_count++;
    for (; at > 0 && is_before(one, &heap[(at - 1) / 2]); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = *one;
    return WEIR_OK;
}

static void
pop(struct weir_watch_engine *engine, struct watch_waiting *out)
{
    struct watch_waiting *heap = engine->waiting;
    *out = heap[0];
    struct watch_waiting last = heap[--engine->waiting_count];
    uint32_t count = engine->waiting_count;
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && is_before(&heap[child + 1], &heap[child]))
            child++;
        if (!is_before(&heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    if (count > 0)
        heap[at] = last;
}

/* ---------------------------------------------------------------- closed */

static bool
find_closed(const uint64_t *slots, uint64_t tag, uint32_t *at_out)
{
    uint32_t at = (uint32_t)(tag >> 20) & (2 * CLOSED - 1);
    while (slots[at] != 0 && slots[at] != tag)
        at = (at + 1) & (2 * CLOSED - 1);
    *at_out = at;
    return slots[at] == tag;
}

void
weir__watch_closed_put(uint64_t *slots, uint64_t tag)
{
    uint32_t at;
    (void)find_closed(slots, tag, &at);
    slots[at] = tag;
}

/* True: it was there. */
static bool
close_request(struct watch_closed *closed, const struct weir_request_id *id,
              uint32_t line)
{
    uint64_t tag =
        weir_hash64((weir_span){(const char *)id->bytes, sizeof(id->bytes)},
                    11 + line) |
        1;
    uint32_t at, older;
    if (find_closed(closed->slots[0], tag, &at) ||
        find_closed(closed->slots[1], tag, &older))
        return true;
    if (closed->count[0] == CLOSED) {
        uint64_t *slots = closed->slots[1];
        closed->slots[1] = closed->slots[0];
        closed->count[1] = closed->count[0];
        closed->slots[0] = slots;
        closed->count[0] = 0;
        closed->is_older_safe = false;
        memset(slots, 0, (size_t)2 * CLOSED * sizeof(*slots));
        (void)find_closed(slots, tag, &at);
    }
    closed->slots[0][at] = tag;
    closed->count[0]++;
    return false;
}

/* ----------------------------------------------------------------- turns */

static weir_status
have_turn(struct weir_watch_engine *engine, const struct watch_waiting *one,
          struct weir_error *err)
{
    if (one->deed != WEIR_WATCH_DEED_NONE)
        return weir__watch_do_deed(engine, one, err);
    engine->applied++;
    engine->figures.calls++;
    return weir__watch_count(engine, one, err);
}

/* Everything before `when`; and what is over the heap's bound. */
static weir_status
release(struct weir_watch_engine *engine, weir_time when,
        struct weir_error *err)
{
    struct watch_waiting one;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && engine->waiting_count > 0 &&
           (engine->waiting[0].when < when ||
            engine->waiting_count > WAITING_MAX)) {
        pop(engine, &one);
        engine->floor_when = one.when;
        engine->floor_request = one.request;
        engine->floor_line = one.kind;
        status = have_turn(engine, &one, err);
    }
    if (when > engine->floor_when) {
        engine->floor_when = when;
        memset(&engine->floor_request, 0, sizeof(engine->floor_request));
        engine->floor_line = 0;
    }
    return status;
}

static weir_status
take(struct weir_watch_engine *engine, const struct watch_waiting *one,
     struct weir_error *err)
{
    int order = compare(one->when, &one->request, engine->floor_when,
                        &engine->floor_request);
    if (order < 0 || (order == 0 && one->kind <= engine->floor_line)) {
        engine->figures.late += one->deed == WEIR_WATCH_DEED_NONE;
        return have_turn(engine, one, err);
    }
    weir_status status = push(engine, one, err);
    if (one->when > engine->newest_when)
        engine->newest_when = one->when;
    return status == WEIR_OK
               ? release(engine, engine->newest_when - WEIR_WATCH_ORDER_US, err)
               : status;
}

weir_status
weir__watch_engine_take(struct weir_watch_engine *engine,
                        const struct weir_watch_told *told,
                        const struct weir_watch_features *features,
                        struct weir_error *err)
{
    struct watch_waiting one;
    if (close_request(&engine->closed, &told->request, told->line)) {
        engine->figures.again++;
        return WEIR_OK;
    }
    memset(&one, 0, sizeof(one));
    one.when = told->when;
    one.request = told->request;
    one.position = told->position;
    one.kind = told->line;
    one.pools = told->pools;
    one.is_judged = told->is_judged;
    weir_watch_pack(features, one.block);
    return take(engine, &one, err);
}

weir_status
weir__watch_engine_deed(struct weir_watch_engine *engine, weir_time when,
                        uint64_t position, enum weir_watch_deed deed,
                        uint32_t kind, uint64_t digest, weir_span actor,
                        struct weir_error *err)
{
    struct watch_waiting one;
    memset(&one, 0, sizeof(one));
    one.when = when;
    one.position = position;
    one.deed = deed;
    one.kind = kind;
    one.digest = digest;
    for (uint32_t i = 0; i < 8; i++)
        one.request.bytes[i] = (uint8_t)(position >> (56 - 8 * i));
    one.request.bytes[15] = 1;
    if (close_request(&engine->closed, &one.request, 0))
        return WEIR_OK;
    size_t len =
        actor.len < sizeof(one.block) - 1 ? actor.len : sizeof(one.block) - 1;
    if (len > 0)
        memcpy(one.block, actor.ptr, len);
    return take(engine, &one, err);
}

weir_status
weir__watch_engine_idle(struct weir_watch_engine *engine, weir_time now,
                        struct weir_error *err)
{
    if (engine->waiting_count == 0)
        return WEIR_OK;
    return release(engine, now - WEIR_WATCH_ORDER_US, err);
}
