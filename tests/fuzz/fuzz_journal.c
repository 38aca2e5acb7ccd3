/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A segment from anywhere: replay must end, stay inside the bytes, and be
 * resumable from each offset it held. The first byte chooses what is known
 * of the end; the rest stands behind a sound header, so that the fuzzer
 * spends no time on its check.
 */
#include <weir/journal.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
walk(struct weir_journal_reader *reader)
{
    struct weir_record record;
    uint64_t offset = reader->offset;
    while (weir_journal_next(reader, &record)) {
        struct weir_journal_reader again = *reader;
        if (record.offset < offset || reader->offset <= record.offset ||
            reader->offset > reader->bytes.len)
            abort();
        if (reader->resume_at == 0 &&
            weir_journal_reader_seek(&again, reader->offset, NULL) != WEIR_OK)
            abort();
        offset = reader->offset;
        weir_gap gap;
        weir_batch batch;
        if (weir_gap_decode(record.payload, &gap) == WEIR_OK &&
            gap.reason > WEIR_GAP_RING_REPLACED)
            abort();
        (void)weir_batch_decode(record.payload, &batch);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct weir_segment_header header = {.number = 1, .salt = 0x5757575757};
    struct weir_journal_reader reader;
    struct weir_record record;

    if (size < 1)
        return 0;
    (void)weir_segment_header_read((weir_span){(const char *)data, size},
                                   &header, NULL);
    (void)weir_record_read((weir_span){(const char *)data + 1, size - 1},
                           &record);
    size_t len = WEIR_SEGMENT_HEADER_BYTES + size - 1;
    char *bytes = malloc(len);
    if (bytes == NULL)
        return 0;
    header.salt = 0x5757575757;
    weir_segment_header_write(&header, bytes);
    memcpy(bytes + WEIR_SEGMENT_HEADER_BYTES, data + 1, size - 1);
    if (weir_journal_reader_init(&reader, (weir_span){bytes, len},
                                 (data[0] & 1) != 0, NULL) != WEIR_OK)
        abort();
    walk(&reader);
    for (int rounds = 0; rounds < 64 && reader.end == WEIR_REPLAY_DAMAGED &&
                         reader.resume_at != 0;
         rounds++) {
        uint64_t before = reader.offset;
        if (weir_journal_reader_seek(&reader, reader.resume_at, NULL) !=
                WEIR_OK ||
            reader.offset <= before)
            abort();
        walk(&reader);
    }
    free(bytes);
    return 0;
}
