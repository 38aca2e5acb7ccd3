/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the journal to the ledger.
 *
 *     segments --> batch --> rows + totals + position, one transaction
 *
 * EXACTLY ONCE. The position is committed with the rows it stands for. After
 * any death the same records are read again and change nothing: a request
 * is a primary key, an outcome closes what is open. So a writer that wrote a
 * record twice is counted once as well.
 *
 * THE LOST. A worker that dies leaves calls open. They are found by their
 * lane: an incarnation that is in no lane of the ring has ended, and the
 * writer gave the lane free only when everything in it was on disk. So:
 * first look which lanes live and which open calls are in none of them, then
 * read the journal to its end, and what is still open is lost. Control
 * writes an outcome `lost` for it into the journal, like any other, so that
 * the ledger remains a function of the journal. Usage is not known: it
 * counts nothing, and its hold on the budget is released.
 *
 * THE PACE. Batches come at most every BATCH_MS: the store's pages compete
 * with the journal for the disk, and nothing waits for the ledger.
 */
#include "control/ingest/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <weir/ring.h>

#include "control/health/fair.h"
#include "control/health/health.h"
#include "control/ingest/parts.h"
#include "control/kept/kept.h"
#include "control/log.h"

#define BATCH_MS      50
#define BATCH_RECORDS 5000
#define SLICE_RECORDS 1000 /* of a thread that is to give way */
#define LOST_US       (1 * WEIR_US_PER_SEC)
#define LANE_US       (1 * WEIR_US_PER_SEC)
#define SYNC_US       10000
#define SIGN_US       (1 * WEIR_US_PER_SEC) /* between checkpoints */

/* ----------------------------------------------------------------- one batch */

static weir_status
take_intent(struct weir_ingest *ingest, const struct weir_record *record,
            const struct weir_store_at *at, bool *is_new_out,
            struct weir_error *err)
{
    struct weir_record_intent intent;
    weir_status status = weir_record_get_intent(record->payload, &intent, err);
    if (status == WEIR_OK)
        status =
            weir_store_put_intent(ingest->store, &intent, at, is_new_out, err);
    if (status == WEIR_OK && *is_new_out)
        weir_figures_signals(&ingest->figures, &intent.signals);
    return status;
}

static weir_status
take_outcome(struct weir_ingest *ingest, const struct weir_record *record,
             const struct weir_store_at *at, bool *is_new_out,
             struct weir_error *err)
{
    struct weir_record_outcome outcome;
    weir_span tenant;
    weir_status status =
        weir_record_get_outcome(record->payload, &outcome, err);
    if (status == WEIR_OK)
        status = weir_store_put_outcome(ingest->store, &outcome, at, is_new_out,
                                        &tenant, err);
    if (status == WEIR_OK && *is_new_out)
        weir_figures_outcome(&ingest->figures, tenant, &outcome);
    if (status == WEIR_OK && *is_new_out)
        weir__ingest_note_pins(ingest, &outcome);
    if (status == WEIR_OK && *is_new_out)
        status = weir__ingest_note_batch(ingest, &outcome, err);
    return status;
}

static weir_status
take_refusal(struct weir_ingest *ingest, const struct weir_record *record,
             const struct weir_store_at *at, bool *is_new_out,
             struct weir_error *err)
{
    struct weir_record_refusal refusal;
    weir_status status =
        weir_record_get_refusal(record->payload, &refusal, err);
    if (status == WEIR_OK)
        status = weir_store_put_refusal(ingest->store, &refusal, at, is_new_out,
                                        err);
    if (status == WEIR_OK && *is_new_out)
        weir_figures_refusal(&ingest->figures, &refusal);
    if (status == WEIR_OK && *is_new_out)
        weir_figures_signals(&ingest->figures, &refusal.signals);
    if (status == WEIR_OK && *is_new_out)
        status = weir__ingest_take_hold(ingest, &refusal, err);
    return status;
}

static void
take_gap(struct weir_ingest *ingest, const struct weir_record *record)
{
    weir_gap gap;
    ingest->figures.gaps++;
    if (weir_gap_decode(record->payload, &gap) == WEIR_OK)
        weir_log(WEIR_LOG_WARN,
                 "the journal has a gap: reason %d, lane %llx, from sequence "
                 "%llu, %llu bytes",
                 (int)gap.reason, (unsigned long long)gap.lane,
                 (unsigned long long)gap.sequence_first,
                 (unsigned long long)gap.bytes);
}

static weir_status
take_kept(struct weir_ingest *ingest, const struct weir_record *record,
          bool *is_new_out, struct weir_error *err)
{
    struct weir_record_kept kept;
    weir_status status = weir_record_get_kept(record->payload, &kept, err);
    return status == WEIR_OK ? weir_kept_note(ingest->store, &kept,
                                              record->time, is_new_out, err)
                             : status;
}

/* EIO and such stop the batch; a payload that cannot be read does not. */
static weir_status
take_record(struct weir_ingest *ingest, const struct weir_record *record,
            uint64_t segment, struct weir_error *err)
{
    struct weir_store_at at = {record->lane, segment, record->offset, -1};
    bool is_new = true;
    weir_status status = weir_leaves_add(&ingest->leaves, ingest->store,
                                         segment, record, &at.leaf, err);
    if (status != WEIR_OK)
        return status;
    switch (record->kind) {
    case WEIR_RECORD_INTENT:
        status = take_intent(ingest, record, &at, &is_new, err);
        break;
    case WEIR_RECORD_OUTCOME:
        status = take_outcome(ingest, record, &at, &is_new, err);
        break;
    case WEIR_RECORD_REFUSAL:
        status = take_refusal(ingest, record, &at, &is_new, err);
        break;
    case WEIR_RECORD_ADMIN:
    case WEIR_RECORD_IMAGE:
        status = weir__ingest_take_act(ingest, record, err);
        break;
    case WEIR_RECORD_GAP:
        take_gap(ingest, record);
        break;
    case WEIR_RECORD_KEPT:
        status = take_kept(ingest, record, &is_new, err);
        break;
    case WEIR_RECORD_BATCH:
    case WEIR_RECORD_LINES: /* the watch's */
        break;
    }
    ingest->figures.records++;
    ingest->figures.again += !is_new;
    ingest->figures.read_up_to = record->time;
    if (status == WEIR_ECORRUPT || status == WEIR_EVERSION) {
        ingest->figures.unreadable++;
        weir_log(WEIR_LOG_ERROR, "record at %llu of segment %llu: %s",
                 (unsigned long long)record->offset,
                 (unsigned long long)segment, err->text);
        status = WEIR_OK;
    }
    return status;
}

/* How far may be read. False: a writer should be there and has not said. */
static bool
find_limit(struct weir_ingest *ingest, struct weir_segments_limit *limit_out)
{
    struct weir_journal_status status;
    enum weir_journal_state state = WEIR_JOURNAL_RUNNING;
    bool is_known = true;
    if (ingest->lane != NULL)
        weir_lane_status(ingest->lane, &status);
    else
        is_known = weir_lane_status_of(ingest->control->paths.ring, &status,
                                       &state, NULL) == WEIR_OK;
    *limit_out = (struct weir_segments_limit){0, 0};
    if (is_known && state != WEIR_JOURNAL_STARTING)
        *limit_out =
            (struct weir_segments_limit){status.segment, status.segment_bytes};
    else if (ingest->needs_writer)
        return false;
    return true;
}

static weir_status
save_position(struct weir_ingest *ingest, struct weir_error *err)
{
    weir_status status = weir_store_flush_totals(ingest->store, err);
    if (status == WEIR_OK)
        status = weir_leaves_save(&ingest->leaves, ingest->store, err);
    if (status == WEIR_OK)
        status = weir_store_number_set(ingest->store, "journal.segment",
                                       (int64_t)ingest->segments.number, err);
    if (status == WEIR_OK)
        status = weir_store_number_set(ingest->store, "journal.offset",
                                       (int64_t)ingest->segments.offset, err);
    return status;
}

static weir_status
read_batch(struct weir_ingest *ingest, uint64_t *count_out,
           struct weir_error *err)
{
    struct weir_segments_limit limit;
    struct weir_record record;
    uint64_t segment, count = 0;
    weir_status status = WEIR_OK;
    *count_out = 0;
    if (!find_limit(ingest, &limit))
        return WEIR_OK;
    while (status == WEIR_OK && count < ingest->batch_records) {
        enum weir_segments_result result = weir_segments_next(
            &ingest->segments, &limit, &record, &segment, err);
        if (result == WEIR_SEGMENTS_END)
            break;
        if (result == WEIR_SEGMENTS_FAILED) {
            status = err->status;
        } else if (result == WEIR_SEGMENTS_DAMAGE) {
            weir_log(WEIR_LOG_ERROR,
                     "the journal is damaged in or before "
                     "segment %llu",
                     (unsigned long long)ingest->segments.number);
        } else {
            if (!ingest->is_inside)
                status = weir_store_begin(ingest->store, err);
            ingest->is_inside = status == WEIR_OK;
            if (status == WEIR_OK)
                status = take_record(ingest, &record, segment, err);
            count++;
        }
    }
    *count_out = count;
    return status;
}

/* Reads what is there, up to a batch, and commits. A failure rolls back and
 * goes back to the position that the store has. */
static weir_status
follow(struct weir_ingest *ingest, uint64_t *count_out, struct weir_error *err)
{
    uint64_t number = ingest->segments.number;
    uint64_t offset = ingest->segments.offset;
    weir_status status = read_batch(ingest, count_out, err);
    if (status == WEIR_OK && ingest->is_inside)
        status = save_position(ingest, err);
    if (status == WEIR_OK && ingest->is_inside)
        status = weir_store_commit(ingest->store, err);
    if (status == WEIR_OK) {
        ingest->figures.batches += ingest->is_inside;
        ingest->is_inside = false;
        ingest->figures.damages = ingest->segments.damages;
        return weir_leaves_commit(&ingest->leaves, err);
    }
    ingest->figures.failures++;
    if (ingest->is_inside)
        weir_store_rollback(ingest->store);
    ingest->is_inside = false;
    weir_leaves_rollback(&ingest->leaves);
    weir_segments_fini(&ingest->segments);
    weir_segments_init(&ingest->segments, ingest->control->paths.journal,
                       number, offset);
    return status;
}

/* A checkpoint over what is committed, when there is something new. The
 * commits are made safe on disk first: the log must not be ahead. */
static weir_status
sign(struct weir_ingest *ingest, struct weir_error *err)
{
    int64_t flushes = 0;
    if (!weir_leaves_wait(&ingest->leaves))
        return WEIR_OK;
    weir_status status = weir_store_relax(ingest->store, false, err);
    if (status == WEIR_OK)
        status = weir_store_number_next(ingest->store, "tlog.flushes", &flushes,
                                        err);
    if (status == WEIR_OK)
        status = weir_store_relax(ingest->store, true, err);
    if (status == WEIR_OK)
        status = weir_leaves_flush(&ingest->leaves, ingest->store, err);
    return status;
}

weir_status
weir_ingest_catch_up(struct weir_ingest *ingest, struct weir_error *err)
{
    uint64_t count = 1;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && count > 0)
        status = follow(ingest, &count, err);
    return status == WEIR_OK ? sign(ingest, err) : status;
}

/* ------------------------------------------------------------------ the lane */

/* Control's own lane, opened when there is a ring and again when it was
 * replaced. */
static void
keep_lane(struct weir_ingest *ingest, weir_time now)
{
    struct weir_error err;
    if (now < ingest->lane_at)
        return;
    ingest->lane_at = now + LANE_US;
    if (ingest->lane != NULL && weir_lane_is_stale(ingest->lane)) {
        weir_lane_close(ingest->lane);
        ingest->lane = NULL;
        ingest->acts_sent = 0;
    }
    if (ingest->lane == NULL &&
        weir_lane_open(ingest->control->paths.ring, ingest->control->paths.run,
                       WEIR_LANE_CONTROL, &ingest->lane, &err) != WEIR_OK) {
        ingest->lane = NULL;
        ingest->lane_at = now + LANE_US / 20;
    }
}

/* ------------------------------------------------------------------ the lost */

/* Incarnations in the ring's lanes now; 0: the ring cannot be read. */
static uint32_t
live_lanes(struct weir_ingest *ingest, uint64_t lanes_out[WEIR_LANES_MAX + 1])
{
    struct stat info;
    struct weir_ring *ring;
    uint32_t count = 0;
    int file = open(ingest->control->paths.ring, O_RDWR | O_CLOEXEC);
    if (file < 0 || fstat(file, &info) != 0) {
        if (file >= 0)
            close(file);
        return 0;
    }
    void *map = mmap(NULL, (size_t)info.st_size, PROT_READ | PROT_WRITE,
                     MAP_SHARED, file, 0);
    close(file);
    if (map == MAP_FAILED)
        return 0;
    if (weir_ring_check(map, (uint64_t)info.st_size, &ring, NULL) == WEIR_OK) {
        for (uint32_t i = 0; i < weir_ring_lanes(ring); i++) {
            struct weir_journal_drain drain;
            bool is_released;
            weir_drain_init(&drain, ring, i);
            /* A free lane keeps its last number; a lane claimed just now
             * may still show the one before, which only delays. */
            lanes_out[count++] = weir_ring_owner(ring, i, &is_released) == 0
                                     ? 0
                                     : drain.incarnation;
        }
    }
    munmap(map, (size_t)info.st_size);
    return count;
}

struct ended_lanes {
    const uint64_t *live;
    uint32_t live_count;
    uint64_t ended[256];
    uint32_t count;
};

static bool
collect_ended(void *context, uint64_t lane)
{
    struct ended_lanes *lanes = context;
    for (uint32_t i = 0; i < lanes->live_count; i++) {
        if (lanes->live[i] == lane)
            return true;
    }
    lanes->ended[lanes->count++] = lane;
    return lanes->count < WEIR_COUNTOF(lanes->ended);
}

struct losing {
    struct weir_ingest *ingest;
    uint64_t position; /* of the last record appended */
    uint32_t count;
    weir_status status;
    struct weir_error *err;
};

static bool
lose_call(void *context, const struct weir_store_call *call)
{
    struct losing *losing = context;
    weir_time now = weir_control_now();
    struct weir_record_outcome outcome = {
        .request = call->request,
        .ending = WEIR_END_LOST,
        .operation = call->operation,
        .started_us = call->decided,
        .total_us = (uint64_t)(now > call->decided ? now - call->decided : 0),
    };
    char memory[2048];
    struct weir_buf payload;
    weir_journal_mark mark;
    weir_buf_init_fixed(&payload, memory, sizeof memory);
    weir_record_put_outcome(&outcome, &payload);
    weir_span part = weir_buf_span(&payload);
    losing->status =
        weir_lane_append(losing->ingest->lane, WEIR_RECORD_OUTCOME, 1, &part, 1,
                         WEIR_TIER_DURABLE, now, &mark, losing->err);
    if (losing->status != WEIR_OK)
        return false;
    losing->position = mark.position;
    losing->count++;
    return losing->count < 1000;
}

static weir_status
close_lost(struct weir_ingest *ingest, const struct ended_lanes *lanes,
           struct weir_error *err)
{
    struct losing losing = {.ingest = ingest, .err = err};
    weir_status status = WEIR_OK;
    for (uint32_t i = 0; status == WEIR_OK && i < lanes->count; i++) {
        status = weir_store_open_calls(ingest->store, lanes->ended[i],
                                       lose_call, &losing, err);
        if (status == WEIR_OK)
            status = losing.status;
    }
    if (losing.count == 0)
        return status;
    ingest->figures.lost += losing.count;
    weir_log(WEIR_LOG_WARN, "%u calls of dead workers are closed as lost",
             losing.count);
    weir_status waited =
        weir_lane_wait(ingest->lane, losing.position, 2000, err);
    if (waited == WEIR_OK)
        waited = weir_ingest_catch_up(ingest, err);
    return status == WEIR_OK ? waited : status;
}

/* The order of the three steps is the proof; see the top of this file. */
static weir_status
find_lost(struct weir_ingest *ingest, struct weir_error *err)
{
    uint64_t live[WEIR_LANES_MAX + 1];
    struct ended_lanes lanes = {.live = live};
    lanes.live_count = live_lanes(ingest, live);
    if (lanes.live_count == 0 || ingest->lane == NULL)
        return WEIR_OK;
    weir_status status =
        weir_store_open_lanes(ingest->store, collect_ended, &lanes, err);
    if (status != WEIR_OK || lanes.count == 0)
        return status;
    status = weir_ingest_catch_up(ingest, err);
    return status == WEIR_OK ? close_lost(ingest, &lanes, err) : status;
}

/* While the dead worker still owns the lane, so that nobody else's calls are
 * forgotten. */
static void
forget_in_flight(const struct weir_ingest *ingest, uint32_t lane)
{
    struct weir_health_file health;
    struct weir_fair_file fair;
    if (lane < WEIR_LANES_MAX &&
        weir_fair_file_open(ingest->control->paths.run, &fair)) {
        weir_fair_clear_lane(fair.table, lane);
        weir_fair_file_close(&fair);
    }
    if (lane >= WEIR_LANES_MAX ||
        !weir_health_file_open(ingest->control->paths.run, &health))
        return;
    weir_health_clear_lane(health.table, lane);
    weir_health_file_close(&health);
}

void
weir_ingest_recover(struct weir_ingest *ingest, struct weir_quota *quota)
{
    weir_quota_stats stats;
    char path[64];
    if (ingest == NULL || quota == NULL)
        return;
    weir_quota_stats_get(quota, &stats);
    for (uint32_t lane = 0; lane < stats.lanes; lane++) {
        uint32_t owner = weir_quota_lane_owner(quota, lane);
        if (owner == 0)
            continue;
        snprintf(path, sizeof path, "/proc/%u", owner);
        if (kill((pid_t)owner, 0) == 0 || errno != ESRCH ||
            access(path, F_OK) == 0)
            continue;
        forget_in_flight(ingest, lane);
        uint32_t ended = weir_quota_recover_lane(
            quota, lane, owner, (uint32_t)getpid(), NULL, NULL);
        weir_log(WEIR_LOG_WARN,
                 "worker %u died: %u holds on budgets given "
                 "back",
                 owner, ended);
    }
}

/* ---------------------------------------------------------------- the thread */

static int64_t
monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Somebody waits for a round. */
static bool
is_pressed(const struct weir_ingest *ingest)
{
    return atomic_load(&ingest->wants_all) || atomic_load(&ingest->is_stopping);
}

/* How far the ledger is behind the journal. */
static int64_t
lag_us(const struct weir_ingest *ingest)
{
    weir_time read_up_to = ingest->figures.read_up_to;
    return read_up_to == 0 ? 0 : weir_control_now() - read_up_to;
}

/* Reads what is there, in slices while others want the processor. */
static weir_status
keep_up(struct weir_ingest *ingest, struct weir_error *err)
{
    uint64_t count = 1;
    weir_status status = WEIR_OK;
    while (status == WEIR_OK && count > 0) {
        weir_pace_begin(&ingest->pace);
        status = follow(ingest, &count, err);
        int pause = weir_pace_end(&ingest->pace, lag_us(ingest));
        ingest->batch_records = pause > 0 ? SLICE_RECORDS : BATCH_RECORDS;
        struct pollfd wait = {.fd = ingest->event, .events = POLLIN};
        if (pause > 0 && !is_pressed(ingest))
            (void)poll(&wait, 1, pause);
        if (count < SLICE_RECORDS)
            break;
    }
    return status;
}

/* One round; failures are said once until they are over. */
static void
work(struct weir_ingest *ingest)
{
    struct weir_error err = {0};
    weir_time now = weir_control_now();
    weir_status status = WEIR_OK;
    keep_lane(ingest, now);
    /* A writer may doze over records nobody waits for: it is woken, and has
     * them on disk in a few milliseconds. */
    if (atomic_exchange(&ingest->wants_all, false) && ingest->lane != NULL) {
        weir_lane_ring_bell(ingest->lane);
        usleep(SYNC_US);
    }
    if (ingest->lane != NULL)
        status = weir__ingest_send_acts(ingest, &err);
    if (status == WEIR_OK)
        status = keep_up(ingest, &err);
    if (status == WEIR_OK)
        weir__ingest_act_on_pins(ingest);
    if (status == WEIR_OK && now >= ingest->sign_at) {
        ingest->sign_at = now + SIGN_US;
        status = sign(ingest, &err);
    }
    if (status == WEIR_OK && now >= ingest->lost_at) {
        ingest->lost_at = now + LOST_US;
        status = find_lost(ingest, &err);
    }
    if (status != WEIR_OK && !ingest->is_failing)
        weir_log(WEIR_LOG_ERROR, "ingest: %s", err.text);
    else if (status == WEIR_OK && ingest->is_failing)
        weir_log(WEIR_LOG_INFO, "ingest goes on");
    ingest->is_failing = status != WEIR_OK;
    atomic_store(&ingest->is_current, status == WEIR_OK);
}

static void
count_round(struct weir_ingest *ingest, uint64_t *counter)
{
    pthread_mutex_lock(&ingest->rounds_lock);
    (*counter)++;
    pthread_cond_broadcast(&ingest->rounds_changed);
    pthread_mutex_unlock(&ingest->rounds_lock);
}

/* A round that begins after the call has seen what was there before it. */
bool
weir_ingest_sync(struct weir_ingest *ingest, int timeout_ms)
{
    struct timespec until;
    uint64_t one = 1;
    if (ingest == NULL || !ingest->is_running)
        return false;
    atomic_store(&ingest->wants_all, true);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&ingest->rounds_lock);
    uint64_t wanted = ingest->rounds_begun + 1;
    (void)!write(ingest->event, &one, sizeof one);
    while (ingest->rounds_done < wanted &&
           pthread_cond_timedwait(&ingest->rounds_changed, &ingest->rounds_lock,
                                  &until) == 0)
        ;
    bool is_done = ingest->rounds_done >= wanted;
    pthread_mutex_unlock(&ingest->rounds_lock);
    return is_done && atomic_load(&ingest->is_current);
}

static void *
run(void *context)
{
    struct weir_ingest *ingest = context;
    weir_pace_init(&ingest->pace);
    while (!atomic_load(&ingest->is_stopping)) {
        int64_t started = monotonic_ms();
        struct pollfd wait = {.fd = ingest->event, .events = POLLIN};
        uint64_t count;
        count_round(ingest, &ingest->rounds_begun);
        work(ingest);
        count_round(ingest, &ingest->rounds_done);
        int64_t left = started + BATCH_MS - monotonic_ms();
        if (ingest->is_failing)
            left = 500;
        if (poll(&wait, 1, left > 0 ? (int)left : 0) > 0)
            (void)!read(ingest->event, &count, sizeof count);
    }
    weir_pace_fini(&ingest->pace);
    return NULL;
}

/* ------------------------------------------------------------------- life */

weir_status
weir_ingest_open(struct weir_control *control, struct weir_ingest **ingest_out,
                 struct weir_error *err)
{
    int64_t segment = 0, offset = 0;
    struct weir_ingest *ingest = calloc(1, sizeof *ingest);
    if (ingest == NULL)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
    ingest->control = control;
    ingest->batch_records = SLICE_RECORDS;
    pthread_mutex_init(&ingest->rounds_lock, NULL);
    pthread_mutex_init(&ingest->corrections_lock, NULL);
    pthread_cond_init(&ingest->rounds_changed, NULL);
    weir_figures_init(&ingest->figures);
    ingest->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    weir_status status =
        weir_store_open(control->paths.state, false, &ingest->store, err);
    if (status == WEIR_OK)
        status = weir_store_relax(ingest->store, true, err);
    if (status == WEIR_OK)
        status = weir_store_number_get(ingest->store, "journal.segment",
                                       &segment, err);
    if (status == WEIR_OK)
        status = weir_store_number_get(ingest->store, "journal.offset", &offset,
                                       err);
    if (status == WEIR_OK)
        status = weir_leaves_open(&ingest->leaves, ingest->store,
                                  &control->paths, err);
    weir_segments_init(&ingest->segments, control->paths.journal,
                       (uint64_t)segment, (uint64_t)offset);
    if (status != WEIR_OK) {
        weir_ingest_close(ingest);
        return status;
    }
    control->acts_event = ingest->event;
    *ingest_out = ingest;
    return WEIR_OK;
}

void
weir_ingest_await_writer(struct weir_ingest *ingest, int timeout_ms)
{
    struct weir_segments_limit limit;
    int64_t until = monotonic_ms() + timeout_ms;
    ingest->needs_writer = true;
    while (!find_limit(ingest, &limit) && monotonic_ms() < until)
        usleep(2000);
}

weir_status
weir_ingest_start(struct weir_ingest *ingest, struct weir_error *err)
{
    ingest->needs_writer = true;
    if (pthread_create(&ingest->thread, NULL, run, ingest) != 0)
        return weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                         "cannot start the thread of ingest");
    ingest->is_running = ingest->has_run = true;
    return WEIR_OK;
}

bool
weir_ingest_is_current(const struct weir_ingest *ingest)
{
    return ingest != NULL && atomic_load(&ingest->is_current);
}

struct weir_figures *
weir_ingest_figures(struct weir_ingest *ingest)
{
    return &ingest->figures;
}

void
weir_ingest_let_go(struct weir_ingest *ingest)
{
    uint64_t one = 1;
    if (ingest == NULL || !ingest->is_running)
        return;
    atomic_store(&ingest->is_stopping, true);
    (void)!write(ingest->event, &one, sizeof one);
    pthread_join(ingest->thread, NULL);
    ingest->is_running = false;
    weir_lane_close(ingest->lane);
    ingest->lane = NULL;
    ingest->needs_writer = false;
}

void
weir_ingest_close(struct weir_ingest *ingest)
{
    struct weir_error err;
    if (ingest == NULL)
        return;
    weir_ingest_let_go(ingest);
    if (ingest->has_run && weir_ingest_catch_up(ingest, &err) != WEIR_OK)
        weir_log(WEIR_LOG_ERROR, "ingest: %s", err.text);
    ingest->control->acts_event = -1;
    weir_segments_fini(&ingest->segments);
    weir_leaves_close(&ingest->leaves);
    weir_store_close(ingest->store);
    weir_figures_fini(&ingest->figures);
    pthread_cond_destroy(&ingest->rounds_changed);
    pthread_mutex_destroy(&ingest->rounds_lock);
    weir__ingest_free_batches(ingest);
    if (ingest->event >= 0)
        close(ingest->event);
    free(ingest);
}
