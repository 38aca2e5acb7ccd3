/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replay of one segment, and the judgement over its end. The reader walks
 * batch by batch; where a record fails, it looks for a sound batch record
 * further on. One found: damage, and the reader says where to go on. None:
 * the batch was torn by a crash, or, with only zeros left, this is the end.
 *
 * A segment is untrusted input (a disk, a copy, an auditor's mail): no byte
 * of it reaches an assertion, and the search is linear in its length.
 */
#include "journal.h"

static weir_span
rest_of(const struct weir_journal_reader *reader, uint64_t offset)
{
    return (weir_span){reader->bytes.ptr + offset,
                       reader->bytes.len - (size_t)offset};
}

/* A sound batch record of this segment at `offset`? */
static bool
batch_at(const struct weir_journal_reader *reader, uint64_t offset,
         struct weir_record *record_out, weir_batch *batch_out)
{
    weir_span rest = rest_of(reader, offset);
    return rest.len >= WEIR_BATCH_RECORD_BYTES &&
           (uint8_t)rest.ptr[4] == WEIR_RECORD_BATCH &&
           weir_record_read(rest, record_out) == WEIR_OK &&
           weir_batch_decode(record_out->payload, batch_out) == WEIR_OK &&
           batch_out->salt == reader->header.salt;
}

/* Offset of the next sound batch record after `offset`; 0: none. */
static uint64_t
find_batch(const struct weir_journal_reader *reader, uint64_t offset,
           bool *is_zero_out)
{
    struct weir_record record;
    weir_batch batch;
    bool is_zero = true;
    uint64_t len = reader->bytes.len;

    for (uint64_t at = offset; at < len; at += 8) {
        uint64_t word = 0;
        size_t part = len - at < 8 ? (size_t)(len - at) : 8;
        memcpy(&word, reader->bytes.ptr + at, part);
        if (word == 0)
            continue;
        is_zero = false;
        if (at != offset && batch_at(reader, at, &record, &batch)) {
            *is_zero_out = false;
            return at;
        }
    }
    *is_zero_out = is_zero;
    return 0;
}

static bool
stop(struct weir_journal_reader *reader)
{
    bool is_zero = true;
    bool is_between = reader->offset == reader->batch_end;

    if (reader->is_settled && reader->offset == reader->bytes.len) {
        reader->end = WEIR_REPLAY_END;
        return false;
    }
    reader->resume_at = find_batch(reader, reader->offset, &is_zero);
    if (reader->resume_at != 0 || reader->is_settled)
        reader->end = WEIR_REPLAY_DAMAGED;
    else if (is_zero && is_between)
        reader->end = WEIR_REPLAY_END;
    else
        reader->end = WEIR_REPLAY_TORN;
    return false;
}

weir_status
weir_journal_reader_init(struct weir_journal_reader *reader, weir_span bytes,
                         bool is_settled, struct weir_error *err)
{
    struct weir_segment_header header;
    weir_status status = weir_segment_header_read(bytes, &header, err);
    if (status != WEIR_OK)
        return status;
    *reader = (struct weir_journal_reader){
        .bytes = bytes,
        .header = header,
        .offset = WEIR_SEGMENT_HEADER_BYTES,
        .batch_end = WEIR_SEGMENT_HEADER_BYTES,
        .is_settled = is_settled,
    };
    return WEIR_OK;
}

void
weir_journal_reader_extend(struct weir_journal_reader *reader, weir_span bytes)
{
    WEIR_ASSERT(bytes.len >= reader->offset);
    reader->bytes = bytes;
    reader->end = WEIR_REPLAY_MORE;
}

bool
weir_journal_next(struct weir_journal_reader *reader,
                  struct weir_record *record_out)
{
    struct weir_record record;
    weir_batch batch;

    if (reader->end != WEIR_REPLAY_MORE)
        return false;
    if (reader->offset == reader->batch_end) {
        if (!batch_at(reader, reader->offset, &record, &batch))
            return stop(reader);
        reader->offset += WEIR_BATCH_RECORD_BYTES;
        reader->batch_end = reader->offset + batch.bytes;
    }
    uint64_t left = reader->batch_end - reader->offset;
    if (weir_record_read(rest_of(reader, reader->offset), &record) != WEIR_OK ||
        record.kind == WEIR_RECORD_BATCH || record.raw.len > left)
        return stop(reader);
    record.offset = reader->offset;
    reader->offset += record.raw.len;
    *record_out = record;
    return true;
}

weir_status
weir_journal_reader_seek(struct weir_journal_reader *reader, uint64_t offset,
                         struct weir_error *err)
{
    struct weir_record record;
    weir_batch batch;
    struct weir_journal_reader walk = *reader;
    uint64_t at = WEIR_SEGMENT_HEADER_BYTES;

    walk.end = WEIR_REPLAY_MORE;
    if (offset == reader->resume_at && offset != 0)
        at = offset;
    /* Hop over whole batches, then walk the records of the last one. */
    while (at < offset && at < walk.bytes.len &&
           batch_at(&walk, at, &record, &batch) &&
           at + WEIR_BATCH_RECORD_BYTES + batch.bytes <= offset)
        at += WEIR_BATCH_RECORD_BYTES + batch.bytes;
    walk.offset = at;
    walk.batch_end = at;
    while (walk.offset < offset && weir_journal_next(&walk, &record))
        ;
    if (walk.offset != offset || offset > walk.bytes.len)
        return weir_fail(err, WEIR_ECORRUPT, (size_t)offset,
                         "no record of the journal segment begins here");
    walk.end = WEIR_REPLAY_MORE;
    *reader = walk;
    return WEIR_OK;
}
