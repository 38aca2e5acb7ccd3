/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of the engine, and the checkpoint.
 *
 *     weir.db   verdicts, references, facts     first, each row at most once
 *     watch.db  pools, what waits, the place    then, in one transaction
 *
 * A crash between the two leaves rows in weir.db that the next run says
 * again: they are there already and nothing happens. A crash anywhere else
 * goes back to the last checkpoint, from whose place the journal is read
 * again. So the state is that of the journal up to its place, always.
 */
#include "control/watch/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/watch/engine_parts.h"

#define PROGRESS_VERSION 1
#define TEXT_MAX         ((size_t)64 << 20)

struct progress {
    uint32_t version;
    uint32_t waiting_bytes; /* of one that waits: layouts differ by build */
    uint64_t segment;
    uint64_t offset;
    uint64_t applied;
    weir_time newest_when;
    weir_time floor_when;
    struct weir_request_id floor_request;
    uint64_t calls;
    uint64_t again;
    uint64_t late;
    uint64_t evicted;
    uint64_t references;
    uint32_t closed[2];
};

void
weir__watch_setup_default(struct weir_watch_setup *setup)
{
    static const uint32_t widths[WEIR_WATCH_WIDTHS] = {
        WEIR_WATCH_EARLY, WEIR_WATCH_WINDOW, WEIR_WATCH_WIDE};
    *setup = (struct weir_watch_setup){
        .pools_max = 65536,
        .subjects_max = 1000000,
        .reference_calls = 600,
        .bin_us = 1800 * WEIR_US_PER_SEC,
        .calibration = "shipped",
    };
    for (uint32_t known = 0; known < 2; known++)
        for (uint32_t i = 0; i < WEIR_WATCH_WIDTHS; i++)
            setup->lines[known][i] =
                *weir_watch_lines_default(widths[i], known != 0);
}

void
weir__watch_engine_renew(struct weir_watch_engine *engine,
                         const struct weir_watch_setup *setup)
{
    snprintf(engine->calibration, sizeof(engine->calibration), "%s",
             setup->calibration);
    engine->setup = *setup;
    engine->setup.state_dir = engine->state_dir;
    engine->setup.calibration = engine->calibration;
}

/* ------------------------------------------------------------------ open */

static weir_status
read_waiting(struct weir_watch_engine *engine, struct weir_error *err)
{
    weir_status status =
        weir__watch_progress_get(engine->pools, "waiting", &engine->text, err);
    size_t count = engine->text.len / sizeof(*engine->waiting);
    if (status != WEIR_OK || count == 0)
        return status;
    engine->waiting = malloc(count * sizeof(*engine->waiting));
    if (engine->waiting == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    memcpy(engine->waiting, engine->text.ptr, count * sizeof(*engine->waiting));
    engine->waiting_count = engine->waiting_room = (uint32_t)count;
    return WEIR_OK;
}

static const char *const closed_names[2] = {"closed", "closed before"};

static weir_status
read_closed(struct weir_watch_engine *engine, const struct progress *progress,
            struct weir_error *err)
{
    for (uint32_t i = 0; i < 2; i++) {
        weir_status status = weir__watch_progress_get(
            engine->pools, closed_names[i], &engine->text, err);
        size_t count = engine->text.len / sizeof(uint64_t);
        if (status != WEIR_OK)
            return status;
        if (count != progress->closed[i] || count > CLOSED)
            return weir_fail(err, WEIR_ECORRUPT, WEIR_OFFSET_NONE,
                             "watch.db: what was counted is damaged; remove "
                             "the file, it is made again");
        for (size_t j = 0; j < count; j++) {
            uint64_t tag;
            memcpy(&tag, engine->text.ptr + j * sizeof(tag), sizeof(tag));
            weir__watch_closed_put(engine->closed.slots[i], tag);
        }
        engine->closed.count[i] = (uint32_t)count;
    }
    engine->closed.is_older_safe = true;
    return WEIR_OK;
}

static weir_status
read_progress(struct weir_watch_engine *engine, struct weir_error *err)
{
    struct progress p;
    int64_t last = 0;
    weir_status status = weir__watch_pools_count(
        engine->pools, &engine->figures.subjects, &last, err);
    if (status == WEIR_OK)
        status = weir__watch_progress_get(engine->pools, "progress",
                                          &engine->text, err);
    engine->last_number = last;
    if (status != WEIR_OK || engine->text.len == 0)
        return status;
    if (engine->text.len != sizeof(p))
        return weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                         "watch.db is of another version; remove the file, it "
                         "is made again");
    memcpy(&p, engine->text.ptr, sizeof(p));
    if (p.version != PROGRESS_VERSION ||
        p.waiting_bytes != sizeof(struct watch_waiting))
        return weir_fail(err, WEIR_EVERSION, WEIR_OFFSET_NONE,
                         "watch.db is of another version; remove the file, it "
                         "is made again");
    engine->segment = p.segment;
    engine->offset = p.offset;
    engine->applied = p.applied;
    engine->newest_when = p.newest_when;
    engine->floor_when = p.floor_when;
    engine->floor_request = p.floor_request;
    engine->figures.calls = p.calls;
    engine->figures.again = p.again;
    engine->figures.late = p.late;
    engine->figures.evicted = p.evicted;
    engine->figures.references = p.references;
    status = read_waiting(engine, err);
    return status == WEIR_OK ? read_closed(engine, &p, err) : status;
}

static bool
make_tables(struct weir_watch_engine *engine)
{
    engine->slot_count = 4096;
    engine->slots = calloc(engine->slot_count, sizeof(struct watch_subject *));
    for (uint32_t i = 0; i < 2; i++)
        engine->closed.slots[i] = calloc((size_t)2 * CLOSED, sizeof(uint64_t));
    return engine->slots != NULL && engine->closed.slots[0] != NULL &&
           engine->closed.slots[1] != NULL;
}

weir_status
weir__watch_engine_open(const struct weir_watch_setup *setup,
                        struct weir_store *store,
                        struct weir_watch_engine **engine_out,
                        struct weir_error *err)
{
    struct weir_watch_engine *engine = calloc(1, sizeof(*engine));
    if (engine == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    snprintf(engine->state_dir, sizeof(engine->state_dir), "%s",
             setup->state_dir);
    weir__watch_engine_renew(engine, setup);
    engine->store = store;
    engine->said_end = &engine->said;
    weir_buf_init(&engine->text, TEXT_MAX);
    weir_status status = WEIR_OK;
    if (!make_tables(engine))
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    if (status == WEIR_OK)
        status =
            weir_store_open_pools(setup->state_dir, true, &engine->pools, err);
    if (status == WEIR_OK)
        status = weir_store_relax(engine->pools, true, err);
    if (status == WEIR_OK)
        status = read_progress(engine, err);
    if (status == WEIR_OK)
        status = weir__watch_facts_load(engine, err);
    if (status != WEIR_OK) {
        weir__watch_engine_close(engine);
        return status;
    }
    *engine_out = engine;
    return WEIR_OK;
}

void
weir__watch_engine_close(struct weir_watch_engine *engine)
{
    if (engine == NULL)
        return;
    for (struct watch_subject *s = engine->newest; s != NULL; s = s->older)
        s->is_dirty = false;
    weir__watch_subjects_trim(engine, 0);
    weir__watch_said_free(engine);
    weir_store_close(engine->pools);
    weir_buf_fini(&engine->text);
    free(engine->closed.slots[0]);
    free(engine->closed.slots[1]);
    free(engine->facts);
    free(engine->waiting);
    free(engine->slots);
    free(engine);
}

/* ------------------------------------------------------------ checkpoint */

static weir_status
write_closed(struct weir_watch_engine *engine, uint32_t which,
             struct weir_error *err)
{
    const uint64_t *slots = engine->closed.slots[which];
    weir_buf_reset(&engine->text);
    for (size_t i = 0; i < (size_t)2 * CLOSED; i++)
        if (slots[i] != 0)
            weir_buf_add(&engine->text, (const char *)&slots[i],
                         sizeof(slots[i]));
    if (engine->text.overflow)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    return weir__watch_progress_put(engine->pools, closed_names[which],
                                    weir_buf_span(&engine->text), err);
}

static weir_status
write_progress(struct weir_watch_engine *engine, uint64_t segment,
               uint64_t offset, struct weir_error *err)
{
    struct progress p;
    memset(&p, 0, sizeof(p));
    p.version = PROGRESS_VERSION;
    p.waiting_bytes = sizeof(struct watch_waiting);
    p.segment = segment;
    p.offset = offset;
    p.applied = engine->applied;
    p.newest_when = engine->newest_when;
    p.floor_when = engine->floor_when;
    p.floor_request = engine->floor_request;
    p.calls = engine->figures.calls;
    p.again = engine->figures.again;
    p.late = engine->figures.late;
    p.evicted = engine->figures.evicted;
    p.references = engine->figures.references;
    p.closed[0] = engine->closed.count[0];
    p.closed[1] = engine->closed.count[1];
    weir_status status = write_closed(engine, 0, err);
    if (status == WEIR_OK && !engine->closed.is_older_safe)
        status = write_closed(engine, 1, err);
    if (status == WEIR_OK)
        status = weir__watch_progress_put(
            engine->pools, "waiting",
            (weir_span){(const char *)engine->waiting,
                        engine->waiting_count * sizeof(*engine->waiting)},
            err);
    return status == WEIR_OK
               ? weir__watch_progress_put(
                     engine->pools, "progress",
                     (weir_span){(const char *)&p, sizeof(p)}, err)
               : status;
}

static weir_status
evict(struct weir_watch_engine *engine, struct weir_error *err)
{
    int64_t last;
    uint64_t count = 0;
    weir_status status =
        weir__watch_pools_count(engine->pools, &count, &last, err);
    if (status == WEIR_OK && count > engine->setup.subjects_max) {
        uint64_t over = count - engine->setup.subjects_max;
        status = weir__watch_pools_evict(engine->pools, over, err);
        engine->figures.evicted += over;
        count -= over;
    }
    engine->figures.subjects = count;
    return status;
}

weir_status
weir__watch_engine_checkpoint(struct weir_watch_engine *engine,
                              uint64_t segment, uint64_t offset,
                              struct weir_error *err)
{
    weir_status status = weir__watch_engine_flush(engine, NULL, err);
    if (status == WEIR_OK)
        status = weir_store_begin(engine->pools, err);
    if (status != WEIR_OK)
        return status;
    bool may_evict = engine->dirty_count > 0;
    status = weir__watch_subjects_write(engine, err);
    if (status == WEIR_OK)
        status = write_progress(engine, segment, offset, err);
    if (status == WEIR_OK && may_evict)
        status = evict(engine, err);
    if (status == WEIR_OK)
        status = weir_store_commit(engine->pools, err);
    if (status != WEIR_OK) {
        weir_store_rollback(engine->pools);
        return status;
    }
    engine->segment = segment;
    engine->offset = offset;
    engine->closed.is_older_safe = true;
    weir__watch_subjects_clean(engine);
    /* Well below the bound: the next one is not just around the corner. */
    if (engine->subject_count > engine->setup.pools_max)
        weir__watch_subjects_trim(engine, engine->setup.pools_max / 4 * 3);
    return WEIR_OK;
}

bool
weir__watch_engine_is_full(const struct weir_watch_engine *engine)
{
    return engine->subject_count > engine->setup.pools_max;
}

void
weir__watch_engine_place(const struct weir_watch_engine *engine,
                         uint64_t *segment_out, uint64_t *offset_out)
{
    *segment_out = engine->segment;
    *offset_out = engine->offset;
}

void
weir__watch_engine_figures(const struct weir_watch_engine *engine,
                           struct weir_watch_figures *figures_out)
{
    *figures_out = engine->figures;
    figures_out->waiting = engine->waiting_count;
    figures_out->in_memory = engine->subject_count;
    figures_out->counted_up_to = engine->floor_when;
}

struct weir_store *
weir__watch_engine_pools(struct weir_watch_engine *engine)
{
    return engine->pools;
}
