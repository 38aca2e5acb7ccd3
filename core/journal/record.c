/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One record, and the payloads the writer itself writes.
 *
 *    0      4    5    6       8      16         24        32        32+n
 *    +------+----+----+-------+------+----------+---------+---------+--------+
 *    | size |kind| v  | flags | lane | sequence | time_us | payload | crc32c |
 *    +------+----+----+-------+------+----------+---------+---------+--------+
 *
 * `size` counts header, payload and crc; zeros then pad to a multiple of 8.
 * The same bytes stand in the ring and in the segment, so the writer moves
 * ranges and never re-encodes.
 *
 * WHY THE CRC IS LAST and covers all before it: a torn write is a bad
 * trailer. The padding is checked to be zero, so a record has exactly one
 * form and a digest over a segment covers no byte without meaning.
 */
#include "journal.h"

#include <string.h>

#define SIZE_MIN (WEIR_RECORD_HEADER_BYTES + WEIR_RECORD_TRAILER_BYTES)

weir_status
weir_record_read(weir_span bytes, struct weir_record *record_out)
{
    if (bytes.len < SIZE_MIN)
        return WEIR_ECORRUPT;
    uint32_t size = weir__load32(bytes.ptr);
    uint8_t kind = (uint8_t)bytes.ptr[4];
    if (size < SIZE_MIN || size > SIZE_MIN + WEIR_RECORD_PAYLOAD_MAX ||
        kind < WEIR_RECORD_INTENT || kind > WEIR_RECORD_LINES)
        return WEIR_ECORRUPT;
    size_t padded = (size + 7u) & ~(size_t)7;
    if (padded > bytes.len)
        return WEIR_ECORRUPT;
    for (size_t i = size; i < padded; i++)
        if (bytes.ptr[i] != 0)
            return WEIR_ECORRUPT;
    size_t body = size - WEIR_RECORD_TRAILER_BYTES;
    if (weir_crc32c(0, bytes.ptr, body) != weir__load32(bytes.ptr + body))
        return WEIR_ECORRUPT;
    *record_out = (struct weir_record){
        .kind = (enum weir_record_kind)kind,
        .version = (uint8_t)bytes.ptr[5],
        .flags = weir__load16(bytes.ptr + 6),
        .lane = weir__load64(bytes.ptr + 8),
        .sequence = weir__load64(bytes.ptr + 16),
        .time = (weir_time)weir__load64(bytes.ptr + 24),
        .payload = {bytes.ptr + WEIR_RECORD_HEADER_BYTES,
                    body - WEIR_RECORD_HEADER_BYTES},
        .raw = {bytes.ptr, padded},
    };
    return WEIR_OK;
}

size_t
weir_record_write(void *out, const struct weir_record *header,
                  const weir_span *parts, size_t part_count)
{
    char *start = out;
    char *p = start + WEIR_RECORD_HEADER_BYTES;
    size_t total = 0;

    for (size_t i = 0; i < part_count; i++) {
        total += parts[i].len;
        WEIR_ASSERT(total <= WEIR_RECORD_PAYLOAD_MAX);
        if (parts[i].len > 0)
            memcpy(p, parts[i].ptr, parts[i].len);
        p += parts[i].len;
    }
    weir__store32(start, (uint32_t)(SIZE_MIN + total));
    start[4] = (char)header->kind;
    start[5] = (char)header->version;
    weir__store16(start + 6, header->flags);
    weir__store64(start + 8, header->lane);
    weir__store64(start + 16, header->sequence);
    weir__store64(start + 24, (uint64_t)header->time);
    weir__store32(p, weir_crc32c(0, start, (size_t)(p - start)));
    p += WEIR_RECORD_TRAILER_BYTES;
    size_t bytes = WEIR_RECORD_BYTES(total);
    memset(p, 0, bytes - (size_t)(p - start));
    return bytes;
}

void
weir_gap_encode(const weir_gap *gap, char payload_out[WEIR_GAP_BYTES])
{
    weir__store32(payload_out, (uint32_t)gap->reason);
    weir__store32(payload_out + 4, 0);
    weir__store64(payload_out + 8, gap->lane);
    weir__store64(payload_out + 16, gap->sequence_first);
    weir__store64(payload_out + 24, gap->bytes);
    weir__store64(payload_out + 32, gap->segment);
}

weir_status
weir_gap_decode(weir_span payload, weir_gap *gap_out)
{
    if (payload.len != WEIR_GAP_BYTES)
        return WEIR_ECORRUPT;
    uint32_t reason = weir__load32(payload.ptr);
    if (reason < WEIR_GAP_LANE_DAMAGED || reason > WEIR_GAP_RING_REPLACED)
        return WEIR_EVERSION;
    *gap_out = (weir_gap){
        .reason = (enum weir_gap_reason)reason,
        .lane = weir__load64(payload.ptr + 8),
        .sequence_first = weir__load64(payload.ptr + 16),
        .bytes = weir__load64(payload.ptr + 24),
        .segment = weir__load64(payload.ptr + 32),
    };
    return WEIR_OK;
}

void
weir_batch_encode(const weir_batch *batch, char payload_out[WEIR_BATCH_BYTES])
{
    weir__store64(payload_out, batch->salt);
    weir__store32(payload_out + 8, batch->bytes);
    weir__store32(payload_out + 12, batch->records);
}

weir_status
weir_batch_decode(weir_span payload, weir_batch *batch_out)
{
    if (payload.len != WEIR_BATCH_BYTES)
        return WEIR_ECORRUPT;
    *batch_out = (weir_batch){
        .salt = weir__load64(payload.ptr),
        .bytes = weir__load32(payload.ptr + 8),
        .records = weir__load32(payload.ptr + 12),
    };
    return WEIR_OK;
}
