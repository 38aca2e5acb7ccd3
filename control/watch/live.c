/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal's records to the engine, in a thread of its own.
 *
 *   intent   names of digests
 *   outcome  a call: its block and its pools
 *   lines    some lines of a batch, each a call
 *   act      a person accepted or renewed a reference
 *
 * It follows the journal by itself and not behind ingest: the ledger and the
 * watch do not wait for each other, and counting again from the start is the
 * same work as counting on. Like ingest it reads no further than the writer
 * vouches for, works in slices, and gives way where workers want the
 * processor.
 *
 * WHAT FAILS IS OPENED ANEW. A full disk or a damaged file may leave half of
 * a call counted; the engine is then closed without a checkpoint and opened
 * at its last one, a second later.
 */
#include "control/watch/live.h"

#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "control/ingest/pace.h"
#include "control/ingest/segments.h"
#include "control/log.h"
#include "control/sharing/sharing.h"
#include "control/watch/clusters.h"
#include "control/watch/live_names.h"
#include "control/watch/live_parts.h"

#define ROUND_MS      100
#define BATCH_RECORDS 2000
#define SAFE_US       (60 * WEIR_US_PER_SEC) /* between checkpoints */
#define AGAIN_MS      1000
#define LAG_US        (20 * WEIR_US_PER_SEC) /* beyond it, no pause is made */
#define SYNC_US       10000

/* ------------------------------------------------------------- callbacks */

static bool
read_call(void *context, uint64_t position,
          struct weir_watch_features *features_out)
{
    struct weir_watch_live *live = context;
    struct weir_record record;
    struct weir_watch_seen seen;
    uint32_t at = (uint32_t)(position % WEIR_LINES_RECORD);
    uint32_t line;
    weir_buf_reset(&live->record);
    if (weir_segments_read_at(live->control->paths.journal, position >> 40,
                              (position & ((UINT64_C(1) << 40) - 1)) - at,
                              &live->record, &record, NULL) != WEIR_OK)
        return false;
    bool is_read =
        record.kind == WEIR_RECORD_LINES
            ? weir_watch_read_line(&record, at, &seen, &line)
            : weir_watch_read_record(&record, &seen, NULL) == WEIR_OK;
    return is_read &&
           weir_watch_unpack(seen.watch.block, features_out, NULL) == WEIR_OK;
}

static bool
find_name(void *context, uint32_t kind, uint64_t digest, char *name_out,
          size_t size)
{
    struct weir_watch_live *live = context;
    return weir_watch_names_find(&live->names, live->control, kind, digest,
                                 name_out, size);
}

static bool
find_model(void *context, uint64_t digest, struct weir_watch_model *model_out)
{
    struct weir_watch_live *live = context;
    return weir_watch_names_model(&live->names, digest, model_out);
}

static bool
find_peer(void *context, uint32_t number, weir_time when,
          char name_out[WEIR_INDICATOR_NAME_BYTES])
{
    struct weir_watch_live *live = context;
    return weir_share_name_at(live->store, number, when, name_out);
}

/* --------------------------------------------------------------- records */

/* A refused call had no intent that would have said whose it is. */
static void
note_refused(struct weir_watch_live *live, const struct weir_record *record)
{
    struct weir_record_refusal refusal;
    if (weir_record_get_refusal(record->payload, &refusal, NULL) != WEIR_OK)
        return;
    const struct weir_record_intent names = {
        .key = refusal.key,
        .project = refusal.project,
        .tenant = refusal.tenant,
        .organisation = refusal.organisation,
        .model = refusal.model,
        .end_customer = refusal.end_customer};
    weir_watch_names_intent(&live->names, &names);
}

static weir_status
take_call(struct weir_watch_live *live, const struct weir_record *record,
          uint64_t segment, struct weir_error *err)
{
    struct weir_watch_seen seen;
    struct weir_watch_features features;
    struct weir_watch_told told;
    struct weir_error own = {0};
    weir_status status = weir_watch_read_record(record, &seen, &own);
    if (status == WEIR_OK && seen.watch.block.len == 0)
        return WEIR_OK;
    if (status == WEIR_OK)
        status = weir_watch_unpack(seen.watch.block, &features, &own);
    if (status != WEIR_OK) {
        live->unreadable++; /* ingest says which */
        return WEIR_OK;
    }
    if (record->kind == WEIR_RECORD_REFUSAL)
        note_refused(live, record);
    told = (struct weir_watch_told){
        .request = seen.request,
        .position = weir_watch_position(segment, record->offset),
        .when = record->time,
        .pools = seen.watch.pools,
        .is_judged = seen.is_judged};
    return weir__watch_engine_take(live->engine, &told, &features, err);
}

static weir_status
take_lines(struct weir_watch_live *live, const struct weir_record *record,
           uint64_t segment, struct weir_error *err)
{
    struct weir_watch_seen seen;
    struct weir_watch_features features;
    uint32_t line, at = 0;
    for (; weir_watch_read_line(record, at, &seen, &line); at++) {
        const struct weir_watch_told told = {
            .request = seen.request,
            .position = weir_watch_position(segment, record->offset) + at,
            .when = record->time,
            .line = line,
            .pools = seen.watch.pools,
            .is_judged = seen.is_judged};
        if (weir_watch_unpack(seen.watch.block, &features, NULL) != WEIR_OK)
            break;
        weir_status status =
            weir__watch_engine_take(live->engine, &told, &features, err);
        if (status != WEIR_OK)
            return status;
    }
    live->unreadable += at == 0;
    return WEIR_OK;
}

static weir_status
take_act(struct weir_watch_live *live, const struct weir_record *record,
         uint64_t segment, struct weir_error *err)
{
    const char *action = NULL, *subject = NULL, *deed = NULL, *actor = NULL;
    uint32_t kind;
    uint64_t digest;
    weir_span name;
    weir_status status = WEIR_OK;
    if (memmem(record->payload.ptr, record->payload.len,
               WEIR_WATCH_ACT_REFERENCE,
               sizeof(WEIR_WATCH_ACT_REFERENCE) - 1) == NULL)
        return WEIR_OK;
    json_t *act = json_loadb(record->payload.ptr, record->payload.len, 0, NULL);
    if (json_unpack(act, "{s:s,s:s,s:s,s:{s:s}}", "action", &action, "subject",
                    &subject, "actor", &actor, "detail", "deed", &deed) == 0 &&
        strcmp(action, WEIR_WATCH_ACT_REFERENCE) == 0 &&
        weir_watch_named(weir_span_of(subject), &kind, &digest, &name, NULL) ==
            WEIR_OK)
        status = weir__watch_engine_deed(
            live->engine, record->time,
            weir_watch_position(segment, record->offset),
            strcmp(deed, "accept") == 0 ? WEIR_WATCH_DEED_ACCEPT
                                        : WEIR_WATCH_DEED_RENEW,
            kind, digest, weir_span_of(actor), err);
    json_decref(act);
    return status;
}

static weir_status
take_record(struct weir_watch_live *live, const struct weir_record *record,
            uint64_t segment, struct weir_error *err)
{
    struct weir_record_intent intent;
    struct weir_record_refusal refusal;
    live->read_up_to = record->time;
    /* who was only ever refused has a name all the same */
    if (record->kind == WEIR_RECORD_REFUSAL &&
        weir_record_get_refusal(record->payload, &refusal, NULL) == WEIR_OK &&
        refusal.watch.block.len > 0) {
        intent =
            (struct weir_record_intent){.key = refusal.key,
                                        .project = refusal.project,
                                        .tenant = refusal.tenant,
                                        .organisation = refusal.organisation,
                                        .end_customer = refusal.end_customer};
        weir_watch_names_intent(&live->names, &intent);
    }
    if (record->kind == WEIR_RECORD_OUTCOME ||
        record->kind == WEIR_RECORD_REFUSAL)
        return take_call(live, record, segment, err);
    if (record->kind == WEIR_RECORD_LINES)
        return take_lines(live, record, segment, err);
    if (record->kind == WEIR_RECORD_ADMIN)
        return take_act(live, record, segment, err);
    if (record->kind == WEIR_RECORD_INTENT &&
        weir_record_get_intent(record->payload, &intent, NULL) == WEIR_OK)
        weir_watch_names_intent(&live->names, &intent);
    return WEIR_OK;
}

/* How far may be read; false: a writer should be there and has not said. */
static bool
find_limit(struct weir_watch_live *live, struct weir_segments_limit *limit_out)
{
    return weir_segments_written(live->control->paths.ring, limit_out) ||
           !live->needs_writer;
}

static weir_status
follow(struct weir_watch_live *live, uint64_t *count_out,
       struct weir_error *err)
{
    struct weir_segments_limit limit;
    struct weir_record record;
    uint64_t segment, count = 0;
    weir_status status = WEIR_OK;
    *count_out = 0;
    if (!find_limit(live, &limit))
        return WEIR_OK;
    while (status == WEIR_OK && count < BATCH_RECORDS) {
        enum weir_segments_result result =
            weir_segments_next(&live->segments, &limit, &record, &segment, err);
        if (result == WEIR_SEGMENTS_END)
            break;
        if (result == WEIR_SEGMENTS_FAILED)
            status = err->status;
        else if (result == WEIR_SEGMENTS_RECORD)
            status = take_record(live, &record, segment, err);
        count++;
    }
    *count_out = count;
    return status;
}

/* --------------------------------------------------------------- a round */

static weir_status
make_safe(struct weir_watch_live *live, struct weir_error *err)
{
    live->safe_at = weir_control_now() + SAFE_US;
    return weir__watch_engine_checkpoint(live->engine, live->segments.number,
                                         live->segments.offset, err);
}

static weir_status
tell(struct weir_watch_live *live, struct weir_error *err)
{
    uint32_t rows = 0;
    weir_status status = weir__watch_engine_flush(live->engine, &rows, err);
    if (status == WEIR_OK && rows > 0 && live->on_verdicts != NULL)
        live->on_verdicts(live->on_verdicts_context);
    return status;
}

static bool
is_pressed(const struct weir_watch_live *live)
{
    return atomic_load(&live->wants_all) || atomic_load(&live->is_stopping) ||
           (live->read_up_to != 0 &&
            weir_control_now() - live->read_up_to > LAG_US);
}

/* Reads what is there, in slices while others want the processor. */
static weir_status
keep_up(struct weir_watch_live *live, struct weir_error *err)
{
    uint64_t count = 1;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && count > 0) {
        weir_pace_begin(&live->pace);
        status = follow(live, &count, err);
        if (status == WEIR_OK)
            status = tell(live, err);
        if (status == WEIR_OK && weir__watch_engine_is_full(live->engine))
            status = make_safe(live, err);
        /* no shorter pauses: beyond its lag, which is less, there are none */
        int pause = weir_pace_end(&live->pace, 0);
        struct pollfd wait = {.fd = live->event, .events = POLLIN};
        if (pause > 0 && !is_pressed(live))
            (void)poll(&wait, 1, pause);
        if (count < BATCH_RECORDS)
            break;
    }
    return status;
}

static void
copy_figures(struct weir_watch_live *live)
{
    struct weir_watch_figures figures;
    weir__watch_engine_figures(live->engine, &figures);
    pthread_mutex_lock(&live->lock);
    live->figures = figures;
    live->shown.is_current = true;
    live->shown.read_up_to = live->read_up_to;
    live->shown.unreadable = live->unreadable;
    pthread_mutex_unlock(&live->lock);
}

static weir_status
do_round(struct weir_watch_live *live, bool is_asked, struct weir_error *err)
{
    weir_watch_names_sources(&live->names, live->control);
    weir__watch_live_settings(live);
    weir_status status = keep_up(live, err);
    if (status == WEIR_OK)
        status = weir__watch_engine_idle(live->engine, weir_control_now(), err);
    if (status == WEIR_OK)
        status = tell(live, err);
    if (status == WEIR_OK && (is_asked || weir_control_now() >= live->safe_at))
        status = make_safe(live, err);
    if (status == WEIR_OK)
        status = weir__watch_live_look_for_clusters(live, err);
    return status;
}

/* ------------------------------------------------------------ open, close */

static weir_status
open_engine(struct weir_watch_live *live, struct weir_error *err)
{
    uint64_t segment, offset;
    weir__watch_live_settings(live);
    weir_status status =
        weir__watch_engine_open(&live->setup, live->store, &live->engine, err);
    if (status != WEIR_OK)
        return status;
    weir__watch_engine_place(live->engine, &segment, &offset);
    weir_segments_init(&live->segments, live->control->paths.journal, segment,
                       offset);
    return WEIR_OK;
}

static void
close_engine(struct weir_watch_live *live)
{
    weir__watch_engine_close(live->engine);
    live->engine = NULL;
    weir_segments_fini(&live->segments);
}

weir_status
weir_watch_live_open(struct weir_control *control,
                     struct weir_watch_live **live_out, struct weir_error *err)
{
    struct weir_watch_live *live = calloc(1, sizeof(*live));
    if (live == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    live->control = control;
    live->publications = UINT64_MAX;
    pthread_mutex_init(&live->lock, NULL);
    pthread_cond_init(&live->rounds_changed, NULL);
    weir_buf_init(&live->record, 2 * WEIR_RECORD_BYTES_MAX);
    weir__watch_setup_default(&live->setup);
    live->setup.state_dir = control->paths.state;
    live->setup.read = read_call;
    live->setup.name = find_name;
    live->setup.model = find_model;
    live->setup.peer = find_peer;
    live->setup.context = live;
    live->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    weir_status status = weir_watch_names_init(&live->names, err);
    if (status == WEIR_OK)
        status =
            weir_store_open(control->paths.state, false, &live->store, err);
    if (status == WEIR_OK)
        status = open_engine(live, err);
    if (status != WEIR_OK) {
        weir_watch_live_close(live);
        return status;
    }
    *live_out = live;
    return WEIR_OK;
}

weir_status
weir_watch_live_take(struct weir_watch_live *live,
                     const struct weir_watch_told *told,
                     const struct weir_watch_features *features,
                     struct weir_error *err)
{
    return weir__watch_engine_take(live->engine, told, features, err);
}

weir_status
weir_watch_live_catch_up(struct weir_watch_live *live, struct weir_error *err)
{
    uint64_t count = 1;
    weir_status status = WEIR_OK;
    if (live->engine == NULL)
        status = open_engine(live, err);
    weir_watch_names_sources(&live->names, live->control);
    while (status == WEIR_OK && count > 0) {
        status = follow(live, &count, err);
        if (status == WEIR_OK)
            status = tell(live, err);
        if (status == WEIR_OK && weir__watch_engine_is_full(live->engine))
            status = make_safe(live, err);
    }
    if (status == WEIR_OK)
        status = make_safe(live, err);
    if (status == WEIR_OK)
        copy_figures(live);
    return status;
}

void
weir_watch_live_on_verdicts(struct weir_watch_live *live,
                            weir_watch_on_verdicts *on_verdicts, void *context)
{
    live->on_verdicts = on_verdicts;
    live->on_verdicts_context = context;
}

/* -------------------------------------------------------------- the thread */

static int64_t
monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
count_round(struct weir_watch_live *live, uint64_t *counter)
{
    pthread_mutex_lock(&live->lock);
    (*counter)++;
    pthread_cond_broadcast(&live->rounds_changed);
    pthread_mutex_unlock(&live->lock);
}

/* Failures are said once until they are over. */
static void
work(struct weir_watch_live *live)
{
    struct weir_error err = {0};
    weir_status status = WEIR_OK;
    bool is_asked = atomic_exchange(&live->wants_all, false);
    if (live->engine == NULL)
        status = open_engine(live, &err);
    if (status == WEIR_OK)
        status = do_round(live, is_asked, &err);
    if (status == WEIR_OK) {
        copy_figures(live);
        if (live->is_failing)
            weir_log(WEIR_LOG_INFO, "the watch goes on");
        live->is_failing = false;
        return;
    }
    if (!live->is_failing)
        weir_log(WEIR_LOG_ERROR, "the watch: %s", err.text);
    live->is_failing = true;
    close_engine(live);
    pthread_mutex_lock(&live->lock);
    live->shown.is_current = false;
    pthread_mutex_unlock(&live->lock);
}

static void *
run(void *context)
{
    struct weir_watch_live *live = context;
    weir_pace_init(&live->pace);
    while (!atomic_load(&live->is_stopping)) {
        int64_t started = monotonic_ms();
        struct pollfd wait = {.fd = live->event, .events = POLLIN};
        uint64_t count;
        count_round(live, &live->rounds_begun);
        work(live);
        count_round(live, &live->rounds_done);
        int64_t left = started + ROUND_MS - monotonic_ms();
        if (live->is_failing)
            left = AGAIN_MS;
        if (poll(&wait, 1, left > 0 ? (int)left : 0) > 0)
            (void)!read(live->event, &count, sizeof count);
    }
    weir_pace_fini(&live->pace);
    return NULL;
}

weir_status
weir_watch_live_start(struct weir_watch_live *live, struct weir_error *err)
{
    live->needs_writer = true;
    if (pthread_create(&live->thread, NULL, run, live) != 0)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "cannot start the thread of the watch");
    live->is_running = true;
    return WEIR_OK;
}

/* A round that begins after the call has seen what was there before it. */
void
weir_watch_live_sync(struct weir_watch_live *live, int timeout_ms)
{
    struct timespec until;
    uint64_t one = 1;
    if (live == NULL || !live->is_running)
        return;
    atomic_store(&live->wants_all, true);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&live->lock);
    uint64_t wanted = live->rounds_begun + 1;
    (void)!write(live->event, &one, sizeof one);
    while (live->rounds_done < wanted &&
           pthread_cond_timedwait(&live->rounds_changed, &live->lock, &until) ==
               0)
        ;
    pthread_mutex_unlock(&live->lock);
}

void
weir_watch_live_figures(struct weir_watch_live *live,
                        struct weir_watch_live_shown *shown_out)
{
    pthread_mutex_lock(&live->lock);
    *shown_out = live->shown;
    shown_out->calls = live->figures.calls;
    shown_out->again = live->figures.again;
    shown_out->late = live->figures.late;
    shown_out->waiting = live->figures.waiting;
    shown_out->verdicts = live->figures.verdicts;
    shown_out->subjects = live->figures.subjects;
    shown_out->evicted = live->figures.evicted;
    shown_out->in_memory = live->figures.in_memory;
    shown_out->references = live->figures.references;
    pthread_mutex_unlock(&live->lock);
}

void
weir_watch_live_close(struct weir_watch_live *live)
{
    struct weir_error err = {0};
    uint64_t one = 1;
    if (live == NULL)
        return;
    if (live->is_running) {
        atomic_store(&live->is_stopping, true);
        (void)!write(live->event, &one, sizeof one);
        pthread_join(live->thread, NULL);
        live->needs_writer = false;
        if (weir_watch_live_catch_up(live, &err) != WEIR_OK)
            weir_log(WEIR_LOG_ERROR, "the watch: %s", err.text);
    }
    close_engine(live);
    weir_store_close(live->store);
    weir_watch_names_fini(&live->names);
    weir_buf_fini(&live->record);
    pthread_cond_destroy(&live->rounds_changed);
    pthread_mutex_destroy(&live->lock);
    if (live->event >= 0)
        close(live->event);
    free(live);
}
