/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One group commit, from lanes to disk to those who wait:
 *
 *    collect   copy what the lanes published, each record checked
 *    commit    one write, one flush
 *    publish   move each lane's durable position, wake who asked
 *
 * While a flush is under way the lanes fill; the next collect takes all of
 * that at once. So groups grow with load by themselves and there is no
 * timer to tune.
 *
 * WHY A COPY. The records could be written from the ring itself. But the
 * ring belongs to workers: bytes that change between check, write and digest
 * would make a segment that fails its own digest. A copy of some kilobytes
 * costs a hundredth of the flush it precedes.
 *
 * WHEN A WRITE FAILS the lanes are put back to where they were; the records
 * wait in the ring, and a dead writer leaves the same picture.
 */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void
writer_gap(struct writer *writer, const weir_gap *gap)
{
    WEIR_ASSERT(writer->gap_count < WRITER_GAPS);
    writer->gaps[writer->gap_count++] = *gap;
}

/* A record of the writer's own, at `at` in the batch. */
static size_t
add_own(struct writer *writer, size_t at, enum weir_record_kind kind,
        uint64_t sequence, weir_span payload)
{
    struct weir_record header = {.kind = kind,
                                 .version = 1,
                                 .lane = writer->incarnation,
                                 .sequence = sequence,
                                 .time = writer_now()};
    return weir_record_write(writer->batch + at, &header, &payload, 1);
}

static void
add_gap(struct writer *writer, const weir_gap *gap, uint64_t *sequence)
{
    char payload[WEIR_GAP_BYTES];
    weir_gap_encode(gap, payload);
    writer->batch_len +=
        add_own(writer, writer->batch_len, WEIR_RECORD_GAP, ++*sequence,
                (weir_span){payload, sizeof(payload)});
    writer->batch_records++;
    writer->batch_gaps++;
}

static void
collect_lane(struct writer *writer, uint32_t lane, size_t max,
             uint64_t *sequence)
{
    struct weir_record record;
    while (max - writer->batch_len >= WEIR_RECORD_BYTES_MAX) {
        enum weir_drain_result result =
            weir_drain_next(&writer->drain[lane], &record);
        if (result == WEIR_DRAIN_EMPTY)
            return;
        if (result == WEIR_DRAIN_DAMAGED) {
            weir_gap gap;
            weir_drain_give_up(&writer->drain[lane], &gap);
            add_gap(writer, &gap, sequence);
            return;
        }
        memcpy(writer->batch + writer->batch_len, record.raw.ptr,
               record.raw.len);
        writer->batch_len += record.raw.len;
        writer->batch_records++;
    }
}

/* Fills writer->batch behind the place of the batch record. */
static void
collect(struct writer *writer, uint64_t *sequence)
{
    size_t max = segments_batch_max(&writer->segments);
    WEIR_ASSERT(writer->lanes > 0);
    writer->batch_len = WEIR_BATCH_RECORD_BYTES;
    writer->batch_records = 0;
    writer->batch_gaps = 0;
    for (size_t i = 0; i < writer->gap_count; i++)
        add_gap(writer, &writer->gaps[i], sequence);
    for (uint32_t i = 0; i < writer->lanes; i++)
        collect_lane(writer, (writer->turn + i) % writer->lanes, max, sequence);
    writer->turn = (writer->turn + 1) % writer->lanes;
}

void
writer_wake(struct writer *writer, uint32_t lane)
{
    uint64_t incarnation = writer->drain[lane].incarnation;
    if (writer->fifo[lane] >= 0 && writer->fifo_for[lane] != incarnation) {
        close(writer->fifo[lane]);
        writer->fifo[lane] = -1;
    }
    if (writer->fifo[lane] < 0) {
        char path[PATH_MAX];
        snprintf(path, sizeof(path), "%s/lane-%02u.fifo",
                 writer->config.run_dir, lane);
        writer->fifo[lane] = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        writer->fifo_for[lane] = incarnation;
    }
    /* A full FIFO holds wake-ups enough; without a reader nobody waits. */
    if (writer->fifo[lane] >= 0 && write(writer->fifo[lane], "", 1) < 0 &&
        errno == EPIPE) {
        close(writer->fifo[lane]);
        writer->fifo[lane] = -1;
    }
}

static void
publish(struct writer *writer, const struct weir_journal_drain *before)
{
    for (uint32_t i = 0; i < writer->lanes; i++) {
        struct weir_journal_drain *drain = &writer->drain[i];
        if (drain->is_given_up && !before[i].is_given_up)
            writer_log(writer, "lane %u is damaged after sequence %llu", i,
                       (unsigned long long)drain->sequence);
        else if (drain->cursor == before[i].cursor)
            continue;
        if (weir_drain_commit(drain))
            writer_wake(writer, i);
    }
}

static void
count(struct writer *writer, int64_t flush_us, size_t len)
{
    struct weir_journal_status *status = &writer->status;
    uint32_t bucket = 0;
    while (bucket < WEIR_JOURNAL_BUCKETS - 1 && flush_us >= INT64_C(2)
                                                                << bucket)
        bucket++;
    status->flush_us[bucket]++;
    status->flush_us_last = (uint64_t)flush_us;
    status->flush_us_sum += (uint64_t)flush_us;
    status->batches++;
    status->records += writer->batch_records;
    status->bytes += len;
    status->gaps += writer->batch_gaps;
    status->segment = writer->segments.number;
    status->segment_bytes = writer->segments.used;
    status->committed_at = writer_now();
    weir_ring_status_write(writer->ring, status);
}

/* Room in a segment, the batch record, write and flush. */
static int
commit(struct writer *writer, uint64_t sequence)
{
    char payload[WEIR_BATCH_BYTES];
    size_t len = writer->batch_len;
    int failure = segments_make_room(&writer->segments, len, writer_now());
    if (failure != 0)
        return failure;
    weir_batch batch = {
        .salt = writer->segments.salt,
        .bytes = (uint32_t)(len - WEIR_BATCH_RECORD_BYTES),
        .records = writer->batch_records,
    };
    weir_batch_encode(&batch, payload);
    add_own(writer, 0, WEIR_RECORD_BATCH, sequence,
            (weir_span){payload, sizeof(payload)});
    int64_t start = writer_clock_us();
    failure = segments_commit(&writer->segments, writer->batch, len);
    if (failure == 0)
        count(writer, writer_clock_us() - start, len);
    return failure;
}

int
writer_batch(struct writer *writer, uint32_t *records_out)
{
    struct weir_journal_drain before[WRITER_LANES];
    uint64_t sequence = writer->sequence + 1;

    memcpy(before, writer->drain, sizeof(before[0]) * writer->lanes);
    *records_out = 0;
    collect(writer, &sequence);
    if (writer->batch_records == 0)
        return 0;
    int failure = commit(writer, writer->sequence + 1);
    if (failure != 0) {
        memcpy(writer->drain, before, sizeof(before[0]) * writer->lanes);
        return failure;
    }
    writer->sequence = sequence;
    writer->gap_count = 0;
    publish(writer, before);
    segments_digest(&writer->segments, writer->batch, writer->batch_len);
    writer->committed_at = writer_clock_us();
    *records_out = writer->batch_records;
    return 0;
}
