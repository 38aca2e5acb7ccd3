/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writer's life: take the journal, drain, sleep, notice the dead.
 *
 * START. The last segment is read to its sound end and flushed; each lane is
 * moved past what stands there, by (incarnation, sequence). What is left in
 * the lanes was never written, so every record reaches a segment exactly
 * once, whenever the writer before died. Only then a new segment begins: the
 * lanes' positions never lag behind a closed one.
 *
 * SLEEP. With durable records waiting it does not sleep. With only `crash`
 * records it dozes for up to 20 ms, so that they too reach the disk soon and
 * cost one flush for many. With nothing at all it sleeps deeply and any
 * record wakes it.
 *
 * FULL OR FAILING DISK. Nothing is lost: lanes keep what they hold, new calls
 * are refused by the state, and each 200 ms it is tried again.
 */
#include "writer.h"

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DOZE_US  20000
#define SLEEP_US 250000
#define RETRY_US 200000
#define CHORE_US 250000

int64_t
writer_clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

weir_time
writer_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (weir_time)now.tv_sec * WEIR_US_PER_SEC + now.tv_nsec / 1000;
}

void
writer_log(const struct writer *writer, const char *format, ...)
{
    va_list arguments;
    char line[512];
    if (writer->config.is_quiet)
        return;
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    fprintf(stderr, "weir-writer: %s\n", line);
}

static weir_status
take_lock(struct writer *writer, struct weir_error *err)
{
    char path[4096];
    int len = snprintf(path, sizeof(path), "%s/writer.lock",
                       writer->config.journal_dir);
    if (len < 0 || (size_t)len >= sizeof(path))
        return weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                         "journal directory: the path is too long");
    writer->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (writer->lock < 0)
        return weir_fail(err, WEIR_EIO, WEIR_OFFSET_NONE, "%s: %s", path,
                         strerror(errno));
    if (flock(writer->lock, LOCK_EX | LOCK_NB) != 0)
        return weir_fail(err, WEIR_ECONFLICT, WEIR_OFFSET_NONE,
                         "another writer holds %s", path);
    return WEIR_OK;
}

/* The lanes are not known yet while segments are read: keep, per
 * incarnation, the last sequence. A segment sees few incarnations. */
struct seen {
    uint64_t incarnation;
    uint64_t sequence;
};
struct seen_list {
    struct seen *list;
    size_t count;
    size_t room;
    size_t last;   /* most records follow one of their own lane */
    bool is_short; /* out of memory */
};

static void
on_record(void *context, const struct weir_record *record)
{
    struct seen_list *seen = context;
    size_t i = seen->last;
    if (i >= seen->count || seen->list[i].incarnation != record->lane)
        for (i = 0; i < seen->count; i++)
            if (seen->list[i].incarnation == record->lane)
                break;
    if (i == seen->count) {
        if (seen->count == seen->room) {
            size_t room = seen->room == 0 ? 64 : seen->room * 2;
            struct seen *grown =
                realloc(seen->list, room * sizeof(seen->list[0]));
            if (grown == NULL) {
                seen->is_short = true;
                return;
            }
            seen->list = grown;
            seen->room = room;
        }
        seen->list[seen->count++].incarnation = record->lane;
    }
    seen->list[i].sequence = record->sequence;
    seen->last = i;
}

static void
pass_written(struct writer *writer, const struct seen_list *seen)
{
    for (uint32_t i = 0; i < writer->lanes; i++) {
        struct weir_journal_drain *drain = &writer->drain[i];
        for (size_t k = 0; k < seen->count; k++)
            weir_drain_pass(drain, seen->list[k].incarnation,
                            seen->list[k].sequence);
        if (weir_drain_commit(drain))
            writer_wake(writer, i);
    }
}

static weir_status
open_journal(struct writer *writer, struct weir_error *err)
{
    const struct writer_config *config = &writer->config;
    struct seen_list seen = {0};
    struct segments_found found;
    weir_status status =
        segments_open(&writer->segments, config->disk, config->journal_dir,
                      config->segment_bytes, config->is_inline, on_record,
                      &seen, &found, err);
    if (status != WEIR_OK)
        goto done;
    if (seen.is_short) {
        status = weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE, "out of memory");
        segments_close(&writer->segments);
        goto done;
    }
    writer->segments.epoch = found.epoch;
    if (found.is_damaged)
        writer_log(writer, "segment %llu is damaged: see weir audit verify",
                   (unsigned long long)writer->segments.number);
    if (found.torn_bytes != 0)
        writer_gap(writer, &(weir_gap){.reason = WEIR_GAP_TORN_TAIL,
                                       .bytes = found.torn_bytes,
                                       .segment = writer->segments.number});
    status = writer_ring_open(writer, err);
    if (status != WEIR_OK) {
        writer_ring_close(writer);
        segments_close(&writer->segments);
        goto done;
    }
    pass_written(writer, &seen);
done:
    free(seen.list);
    return status;
}

static void
set_state(struct writer *writer, enum weir_journal_state state)
{
    static const char *const names[] = {"starting", "running", "no space",
                                        "disk fails", "stopped"};
    if (state != writer->state)
        writer_log(writer, "%s", names[state]);
    writer->state = state;
    weir_ring_set_state(writer->ring, state);
}

static void
begin_status(struct writer *writer)
{
    struct weir_journal_status *status = &writer->status;
    weir_ring_status_read(writer->ring, status);
    status->writer_owner = process_owner(getpid());
    status->writer_starts++;
    status->segment = writer->segments.number;
    status->segment_bytes = writer->segments.used;
    if (status->disk_us_p50 == 0) {
        writer_probe(writer->config.disk, writer->segments.dir,
                     &status->disk_us_p50, &status->disk_us_p99);
        writer_log(writer, "one flushed write takes %llu us (p99 %llu us)",
                   (unsigned long long)status->disk_us_p50,
                   (unsigned long long)status->disk_us_p99);
    }
    weir_ring_status_write(writer->ring, status);
}

weir_status
writer_open(struct writer *writer, const struct writer_config *config,
            struct weir_error *err)
{
    memset(writer, 0, sizeof(*writer));
    writer->config = *config;
    for (size_t i = 0; i < WRITER_LANES; i++)
        writer->fifo[i] = -1;
    weir_status status = take_lock(writer, err);
    if (status == WEIR_OK) {
        writer->batch = malloc(WEIR_BATCH_BYTES_MAX);
        status = writer->batch != NULL
                     ? open_journal(writer, err)
                     : weir_fail(err, WEIR_ENOMEM, WEIR_OFFSET_NONE,
                                 "out of memory");
    }
    if (status != WEIR_OK) {
        free(writer->batch);
        if (writer->lock >= 0)
            close(writer->lock);
        return status;
    }
    begin_status(writer);
    return WEIR_OK;
}

void
writer_close(struct writer *writer)
{
    writer->status.writer_owner = 0;
    weir_ring_status_write(writer->ring, &writer->status);
    set_state(writer, WEIR_JOURNAL_STOPPED);
    for (size_t i = 0; i < WRITER_LANES; i++)
        if (writer->fifo[i] >= 0)
            close(writer->fifo[i]);
    segments_close(&writer->segments);
    writer_ring_close(writer);
    free(writer->batch);
    close(writer->lock);
}

static void
free_dead_lanes(struct writer *writer)
{
    for (uint32_t i = 0; i < writer->lanes; i++) {
        bool is_released = false;
        uint64_t owner = weir_ring_owner(writer->ring, i, &is_released);
        if (owner == 0)
            continue;
        if (is_released || writer->is_foreign || !process_is_alive(owner))
            (void)weir_drain_free(&writer->drain[i]);
    }
}

static void
on_failure(struct writer *writer, int failure)
{
    bool is_full = failure == ENOSPC || failure == EDQUOT;
    writer->status.errors++;
    weir_ring_status_write(writer->ring, &writer->status);
    if (writer->retry_at == 0)
        writer_log(writer, "cannot write: %s", strerror(failure));
    set_state(writer, is_full ? WEIR_JOURNAL_NO_SPACE : WEIR_JOURNAL_IO_ERROR);
    writer->retry_at = writer_clock_us() + RETRY_US;
}

/* 0, or why no new call can be taken: no file to go on in, or less left on
 * the disk than the configuration wants to keep. What is under way is still
 * written: that is what the rest is kept for. */
static int
shortage(struct writer *writer)
{
    const struct writer_config *config = &writer->config;
    uint64_t room;
    int failure = segments_shortage(&writer->segments);
    if (failure != 0 || config->free_bytes == 0)
        return failure;
    failure = config->disk->room(writer->segments.dir, &room);
    if (failure != 0)
        return failure;
    return room < config->free_bytes ? ENOSPC : 0;
}

/* What is due a few times per second: dead owners, shortage, recovery. */
static void
chores(struct writer *writer)
{
    struct weir_error err;
    free_dead_lanes(writer);
    if (writer->is_foreign && writer_is_drained(writer) &&
        writer->retry_at == 0) {
        if (writer_ring_replace(writer, &err) != WEIR_OK) {
            writer_log(writer, "%s", err.text);
            exit(weir_status_info(err.status)->exit);
        }
        begin_status(writer);
        writer->state = WEIR_JOURNAL_STARTING;
    }
    if (writer->retry_at != 0 && writer_clock_us() < writer->retry_at)
        return;
    int failure = segments_make_room(&writer->segments, WEIR_BATCH_RECORD_BYTES,
                                     writer_now());
    if (failure != 0) {
        on_failure(writer, failure);
        return;
    }
    failure = shortage(writer);
    if (failure != 0) {
        on_failure(writer, failure);
        return;
    }
    if (writer->retry_at != 0)
        writer_log(writer, "can write again");
    writer->retry_at = 0;
    set_state(writer, WEIR_JOURNAL_RUNNING);
}

static bool
is_urgent(const struct writer *writer)
{
    if (writer->gap_count > 0)
        return true;
    for (uint32_t i = 0; i < writer->lanes; i++)
        if (weir_drain_is_urgent(&writer->drain[i]))
            return true;
    return false;
}

bool
writer_is_drained(const struct writer *writer)
{
    struct weir_record record;
    for (uint32_t i = 0; i < writer->lanes; i++) {
        struct weir_journal_drain peek = writer->drain[i];
        if (weir_drain_next(&peek, &record) != WEIR_DRAIN_EMPTY)
            return false;
    }
    return writer->gap_count == 0;
}

bool
writer_step(struct writer *writer)
{
    uint32_t records = 0;
    int64_t now = writer_clock_us();

    if (now - writer->looked_at >= CHORE_US ||
        writer->state == WEIR_JOURNAL_STARTING) {
        writer->looked_at = now;
        chores(writer);
    }
    if (now < writer->stuck_until)
        return false;
    if (!is_urgent(writer) && now - writer->committed_at < DOZE_US)
        return false;
    int failure = writer_batch(writer, &records);
    if (failure != 0) {
        on_failure(writer, failure);
        writer->stuck_until = writer->retry_at;
        return false;
    }
    /* at once, not with the chores: what is left fills in milliseconds */
    failure = records > 0 ? shortage(writer) : 0;
    if (failure != 0 && writer->state == WEIR_JOURNAL_RUNNING)
        on_failure(writer, failure);
    return records > 0 && is_urgent(writer);
}

void
writer_sleep(struct writer *writer)
{
    int64_t now = writer_clock_us();
    bool is_stuck = writer->retry_at != 0 && writer->segments.fd < 0;
    bool is_idle = writer_is_drained(writer);
    int64_t us = SLEEP_US;
    uint32_t bell =
        __atomic_load_n(weir_ring_bell(writer->ring), __ATOMIC_SEQ_CST);
    if (is_stuck) {
        us = writer->stuck_until - now;
    } else if (!is_idle) {
        us = writer->committed_at + DOZE_US - now;
    }
    if (us <= 0)
        return;
    /* Stuck: nothing a producer appends changes that; do not be woken. */
    if (!is_stuck) {
        weir_ring_set_sleep(writer->ring,
                            is_idle ? WEIR_SLEEPING : WEIR_DOZING);
        if (is_urgent(writer) || (is_idle && !writer_is_drained(writer))) {
            weir_ring_set_sleep(writer->ring, WEIR_AWAKE);
            return;
        }
    }
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    syscall(SYS_futex, weir_ring_bell(writer->ring), FUTEX_WAIT, bell, &time,
            NULL, 0);
    weir_ring_set_sleep(writer->ring, WEIR_AWAKE);
}
