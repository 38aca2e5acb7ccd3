/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment: one file of the journal.
 *
 *    +--------+-------+--------+--------+-------+--------+---------------+
 *    | header | batch | record | record | batch | record | zeros         |
 *    +--------+-------+--------+--------+-------+--------+---------------+
 *      4096    `----- one flush -------' `---- one ----'
 *
 * WHY BATCH RECORDS. Pages of one write reach the disk in any order, so
 * after a power cut a bad record may well be followed by a good one of the
 * same flush. But a batch is written only after the one before it was
 * flushed: a sound batch record behind a bad spot proves that the spot had
 * been on disk whole, hence damage. Without a batch behind it, the spot is
 * torn, and nothing in it was ever acknowledged.
 *
 * WHY A SALT. Payloads hold strings that callers chose. Whoever could place
 * the bytes of a batch record inside one could turn a crash into an alarm;
 * a random number, written in the header and repeated by each batch record,
 * cannot be guessed from outside.
 *
 * WHY THE DIGEST OF THE SEGMENT BEFORE. The files form a chain: replacing or
 * leaving out one shows in the next. It also says how much of the file
 * before counts, which settles a torn end once and for all.
 */
#include "journal.h"

#define MAGIC      UINT64_C(0x4C4E524A52494557) /* "WEIRJRNL" */
#define VERSION    1
#define CRC_OFFSET 100

void
weir_segment_header_write(const struct weir_segment_header *header,
                          char bytes_out[WEIR_SEGMENT_HEADER_BYTES])
{
    char *p = bytes_out;
    memset(p, 0, WEIR_SEGMENT_HEADER_BYTES);
    weir__store64(p, MAGIC);
    weir__store32(p + 8, VERSION);
    weir__store32(p + 12, WEIR_SEGMENT_HEADER_BYTES);
    weir__store64(p + 16, header->number);
    weir__store64(p + 24, header->salt);
    weir__store64(p + 32, (uint64_t)header->created_at);
    weir__store64(p + 40, header->bytes);
    weir__store64(p + 48, header->previous_bytes);
    memcpy(p + 56, header->previous.bytes, WEIR_DIGEST_BYTES);
    weir__store64(p + 88, header->writer);
    weir__store32(p + 96, header->epoch);
    weir__store32(p + CRC_OFFSET, weir_crc32c(0, p, CRC_OFFSET));
}

weir_status
weir_segment_header_read(weir_span bytes,
                         struct weir_segment_header *header_out,
                         struct weir_error *err)
{
    const char *p = bytes.ptr;
    if (bytes.len < WEIR_SEGMENT_HEADER_BYTES)
        return weir_fail(err, WEIR_ECORRUPT, 0,
                         "journal segment shorter than its header");
    if (weir__load64(p) != MAGIC)
        return weir_fail(err, WEIR_ECORRUPT, 0, "not a journal segment");
    if (weir__load32(p + 8) != VERSION)
        return weir_fail(err, WEIR_EVERSION, 8,
                         "journal segment of version %u, this build has %u",
                         weir__load32(p + 8), VERSION);
    if (weir__load32(p + CRC_OFFSET) != weir_crc32c(0, p, CRC_OFFSET) ||
        weir__load32(p + 12) != WEIR_SEGMENT_HEADER_BYTES)
        return weir_fail(err, WEIR_ECORRUPT, CRC_OFFSET,
                         "journal segment header fails its check");
    *header_out = (struct weir_segment_header){
        .number = weir__load64(p + 16),
        .salt = weir__load64(p + 24),
        .created_at = (weir_time)weir__load64(p + 32),
        .bytes = weir__load64(p + 40),
        .previous_bytes = weir__load64(p + 48),
        .writer = weir__load64(p + 88),
        .epoch = weir__load32(p + 96),
    };
    memcpy(header_out->previous.bytes, p + 56, WEIR_DIGEST_BYTES);
    return WEIR_OK;
}
