/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine said and what it counted by, on its way into weir.db.
 *
 * Facts that no record carries (who made a model, and when) are noted with
 * the place of the journal from which they were taken to be so. Counting
 * again takes them from there, whatever the sources say by then, so the same
 * journal gives the same pools.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/watch/engine_parts.h"

static weir_status
no_memory(struct weir_error *err)
{
    return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                     "no memory for what the watch says");
}

/* Copies spans behind each other into one block. */
static bool
keep(struct watch_said *said, weir_span *const *spans, size_t count)
{
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += spans[i]->len;
    said->text = malloc(size);
    if (said->text == NULL)
        return false;
    char *at = said->text;
    for (size_t i = 0; i < count; i++) {
        if (spans[i]->len > 0)
            memcpy(at, spans[i]->ptr, spans[i]->len);
        spans[i]->ptr = at;
        at += spans[i]->len;
    }
    return true;
}

static weir_status
enqueue(struct weir_watch_engine *engine, struct watch_said *said,
        weir_span *const *spans, size_t count, struct weir_error *err)
{
    if (said == NULL || !keep(said, spans, count)) {
        free(said);
        return no_memory(err);
    }
    *engine->said_end = said;
    engine->said_end = &said->next;
    return WEIR_OK;
}

weir_status
weir__watch_say_verdict(struct weir_watch_engine *engine,
                        const struct weir_watch_row *row,
                        struct weir_error *err)
{
    struct watch_said *said = calloc(1, sizeof(*said));
    if (said == NULL)
        return no_memory(err);
    said->what = SAID_VERDICT;
    said->row = *row;
    weir_span *const spans[] = {&said->row.name, &said->row.tenant,
                                &said->row.provider, &said->row.detail};
    return enqueue(engine, said, spans, WEIR_COUNTOF(spans), err);
}

weir_status
weir__watch_say_reference(struct weir_watch_engine *engine,
                          const struct weir_watch_frozen *frozen,
                          struct weir_error *err)
{
    struct watch_said *said = calloc(1, sizeof(*said));
    if (said == NULL)
        return no_memory(err);
    said->what = SAID_REFERENCE;
    said->frozen = *frozen;
    weir_span *const spans[] = {&said->frozen.actor, &said->frozen.reason,
                                &said->frozen.reference};
    return enqueue(engine, said, spans, WEIR_COUNTOF(spans), err);
}

void
weir__watch_said_free(struct weir_watch_engine *engine)
{
    while (engine->said != NULL) {
        struct watch_said *next = engine->said->next;
        free(engine->said->text);
        free(engine->said);
        engine->said = next;
    }
    engine->said_end = &engine->said;
}

/* ---------------------------------------------------------------- facts */

static struct watch_fact_row *
add_row(struct weir_watch_engine *engine, enum weir_watch_fact kind,
        weir_span name, uint64_t position, weir_span value)
{
    if (engine->fact_count == engine->fact_room) {
        uint32_t room = engine->fact_room * 2 + 64;
        void *moved = realloc(engine->facts, room * sizeof(*engine->facts));
        if (moved == NULL)
            return NULL;
        engine->facts = moved;
        engine->fact_room = room;
    }
    struct watch_fact_row *row = &engine->facts[engine->fact_count++];
    *row = (struct watch_fact_row){.kind = kind, .position = position};
    snprintf(row->name, sizeof(row->name), "%.*s", WEIR_SPAN_ARG(name));
    snprintf(row->value, sizeof(row->value), "%.*s", WEIR_SPAN_ARG(value));
    return row;
}

static bool
load_fact(void *context, enum weir_watch_fact kind, weir_span name,
          uint64_t position, weir_span value)
{
    return add_row(context, kind, name, position, value) != NULL;
}

weir_status
weir__watch_facts_load(struct weir_watch_engine *engine, struct weir_error *err)
{
    int64_t reached = 0;
    weir_status status =
        weir__watch_facts(engine->store, load_fact, engine, err);
    if (status == WEIR_OK)
        status = weir_store_number_get(engine->store, "watch.reached", &reached,
                                       err);
    engine->reached = engine->reached_then = (uint64_t)reached;
    return status;
}

/* The newest one from `position` or before; and the newest of all. */
static const struct watch_fact_row *
find_fact(const struct weir_watch_engine *engine, enum weir_watch_fact kind,
          const char *name, uint64_t position)
{
    const struct watch_fact_row *best = NULL;
    for (uint32_t i = 0; i < engine->fact_count; i++) {
        const struct watch_fact_row *row = &engine->facts[i];
        if (row->kind == kind && row->position <= position &&
            (best == NULL || row->position >= best->position) &&
            strcmp(row->name, name) == 0)
            best = row;
    }
    return best;
}

const char *
weir__watch_fact_at(struct weir_watch_engine *engine, enum weir_watch_fact kind,
                    const char *name, uint64_t position, const char *fresh)
{
    const struct watch_fact_row *row = find_fact(engine, kind, name, position);
    if (position > engine->reached)
        engine->reached = position;
    if (row != NULL &&
        (position <= engine->reached_then || strcmp(row->value, fresh) == 0))
        return row->value;
    struct watch_said *said = calloc(1, sizeof(*said));
    row = add_row(engine, kind, weir_span_of(name), row == NULL ? 0 : position,
                  weir_span_of(fresh));
    if (said == NULL || row == NULL) {
        free(said);
        return NULL;
    }
    said->what = SAID_FACT;
    said->fact = kind;
    said->position = row->position;
    said->row.name = weir_span_of(name);
    said->row.detail = weir_span_of(fresh);
    weir_span *const spans[] = {&said->row.name, &said->row.detail};
    return enqueue(engine, said, spans, WEIR_COUNTOF(spans), NULL) == WEIR_OK
               ? row->value
               : NULL;
}

/* ---------------------------------------------------------------- flush */

static weir_status
write_one(struct weir_watch_engine *engine, const struct watch_said *said,
          uint32_t *rows, struct weir_error *err)
{
    bool is_new = false;
    weir_status status = WEIR_OK;
    switch (said->what) {
    case SAID_VERDICT:
        status =
            weir__watch_verdict_add(engine->store, &said->row, &is_new, err);
        *rows += is_new;
        break;
    case SAID_REFERENCE:
        status = weir__watch_reference_add(engine->store, &said->frozen, err);
        break;
    case SAID_FACT:
        status = weir__watch_fact_add(engine->store, said->fact, said->row.name,
                                      said->position, said->row.detail, err);
        break;
    }
    return status;
}

weir_status
weir__watch_engine_flush(struct weir_watch_engine *engine, uint32_t *rows_out,
                         struct weir_error *err)
{
    uint32_t rows = 0;
    if (rows_out != NULL)
        *rows_out = 0;
    if (engine->said == NULL && engine->reached == engine->reached_then)
        return WEIR_OK;
    weir_status status = weir_store_begin(engine->store, err);
    if (status != WEIR_OK)
        return status;
    for (const struct watch_said *said = engine->said;
         said != NULL && status == WEIR_OK; said = said->next)
        status = write_one(engine, said, &rows, err);
    if (status == WEIR_OK)
        status = weir_store_number_set(engine->store, "watch.reached",
                                       (int64_t)engine->reached, err);
    if (status == WEIR_OK)
        status = weir_store_commit(engine->store, err);
    if (status != WEIR_OK) {
        weir_store_rollback(engine->store);
        return status;
    }
    engine->reached_then = engine->reached;
    engine->figures.verdicts += rows;
    weir__watch_said_free(engine);
    if (rows_out != NULL)
        *rows_out = rows;
    return WEIR_OK;
}
