/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/journal.h>

#include "test.h"

#include <stdlib.h>
#include <string.h>

#define SEGMENT_BYTES 16384
#define SALT          UINT64_C(0x1122334455667788)

static size_t
write_one(char *out, enum weir_record_kind kind, uint64_t sequence,
          weir_span payload)
{
    struct weir_record header = {.kind = kind,
                                 .version = 3,
                                 .lane = 0x700000001,
                                 .sequence = sequence,
                                 .time = 1234567};
    return weir_record_write(out, &header, &payload, 1);
}

/* A segment of `batches` batches of three records of growing payload; the
 * sequence runs through. Returns the bytes used. */
static size_t
make_segment(char *bytes, uint32_t batches)
{
    struct weir_segment_header header = {.number = 7,
                                         .salt = SALT,
                                         .created_at = 99,
                                         .bytes = SEGMENT_BYTES,
                                         .previous_bytes = 5000,
                                         .writer = 0x700000002,
                                         .epoch = 7};
    char text[64];
    size_t used = WEIR_SEGMENT_HEADER_BYTES;
    uint64_t sequence = 0;

    memset(bytes, 0, SEGMENT_BYTES);
    memset(text, 'p', sizeof(text));
    weir_segment_header_write(&header, bytes);
    for (uint32_t b = 0; b < batches; b++) {
        size_t at = used;
        used += WEIR_BATCH_RECORD_BYTES;
        size_t first = used;
        for (uint64_t i = 0; i < 3; i++) {
            sequence++;
            used += write_one(bytes + used, WEIR_RECORD_INTENT, sequence,
                              (weir_span){text, sequence * 5 % 61});
        }
        weir_batch batch = {
            .salt = SALT, .bytes = (uint32_t)(used - first), .records = 3};
        char payload[WEIR_BATCH_BYTES];
        weir_batch_encode(&batch, payload);
        write_one(bytes + at, WEIR_RECORD_BATCH, b + 1,
                  (weir_span){payload, sizeof(payload)});
    }
    return used;
}

static uint64_t
replay(weir_span bytes, bool is_settled, struct weir_journal_reader *reader)
{
    struct weir_record record;
    uint64_t count = 0;
    assert_ok(weir_journal_reader_init(reader, bytes, is_settled, NULL));
    while (weir_journal_next(reader, &record)) {
        count++;
        assert_int_equal(record.sequence, count);
        assert_int_equal(record.payload.len, count * 5 % 61);
        assert_int_equal(record.time, 1234567);
        assert_int_equal(record.version, 3);
    }
    return count;
}

TEST(journal, record_is_read_back_from_parts_of_every_length)
{
    char out[WEIR_RECORD_BYTES(300)];
    char text[300];
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)i;
    for (size_t len = 0; len <= sizeof(text); len += 3) {
        weir_span parts[3] = {
            {text, len / 3}, WEIR_SPAN_NONE, {text + len / 3, len - len / 3}};
        struct weir_record header = {.kind = WEIR_RECORD_OUTCOME,
                                     .version = 2,
                                     .lane = 5,
                                     .sequence = len + 1,
                                     .time = -5};
        struct weir_record record;
        memset(out, 0x55, sizeof(out));
        size_t bytes = weir_record_write(out, &header, parts, 3);
        assert_int_equal(bytes, WEIR_RECORD_BYTES(len));
        assert_ok(weir_record_read((weir_span){out, bytes}, &record));
        assert_int_equal(record.kind, WEIR_RECORD_OUTCOME);
        assert_int_equal(record.sequence, len + 1);
        assert_true(record.time == -5);
        assert_int_equal(record.payload.len, len);
        assert_memory_equal(record.payload.ptr, text, len);
        assert_int_equal(record.raw.len, bytes);
    }
}

TEST(journal, record_with_any_bit_turned_or_byte_missing_is_refused)
{
    char out[WEIR_RECORD_BYTES(21)];
    struct weir_record record;
    size_t bytes = write_one(out, WEIR_RECORD_ADMIN, 1,
                             WEIR_SPAN("twenty-one bytes long"));
    assert_int_equal(bytes, sizeof(out));
    for (size_t bit = 0; bit < bytes * 8; bit++) {
        out[bit / 8] = (char)(out[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(weir_record_read((weir_span){out, bytes}, &record),
                         WEIR_ECORRUPT);
        out[bit / 8] = (char)(out[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < bytes; len++)
        assert_int_equal(weir_record_read((weir_span){out, len}, &record),
                         WEIR_ECORRUPT);
    assert_ok(weir_record_read((weir_span){out, bytes}, &record));
}

TEST(journal, gap_and_batch_payloads_are_read_back)
{
    char bytes[WEIR_GAP_BYTES];
    weir_gap gap = {WEIR_GAP_TORN_TAIL, 1, 2, 3, 4};
    weir_gap gap_back;
    weir_batch batch = {SALT, 77, 3};
    weir_batch batch_back;
    weir_gap_encode(&gap, bytes);
    assert_ok(weir_gap_decode((weir_span){bytes, sizeof(bytes)}, &gap_back));
    assert_int_equal(gap_back.reason, WEIR_GAP_TORN_TAIL);
    assert_int_equal(gap_back.lane, 1);
    assert_int_equal(gap_back.sequence_first, 2);
    assert_int_equal(gap_back.bytes, 3);
    assert_int_equal(gap_back.segment, 4);
    bytes[0] = 9;
    assert_int_equal(
        weir_gap_decode((weir_span){bytes, sizeof(bytes)}, &gap_back),
        WEIR_EVERSION);
    assert_int_equal(weir_gap_decode((weir_span){bytes, 8}, &gap_back),
                     WEIR_ECORRUPT);
    weir_batch_encode(&batch, bytes);
    assert_ok(
        weir_batch_decode((weir_span){bytes, WEIR_BATCH_BYTES}, &batch_back));
    assert_true(batch_back.salt == SALT);
    assert_int_equal(batch_back.bytes, 77);
    assert_int_equal(batch_back.records, 3);
}

TEST(journal, segment_header_is_read_back_and_refused_when_changed)
{
    char bytes[WEIR_SEGMENT_HEADER_BYTES];
    struct weir_segment_header header = {.number = 3,
                                         .salt = SALT,
                                         .created_at = 42,
                                         .bytes = 1 << 20,
                                         .previous_bytes = 999,
                                         .writer = 8,
                                         .epoch = 9};
    struct weir_segment_header back;
    memset(header.previous.bytes, 0xAB, WEIR_DIGEST_BYTES);
    weir_segment_header_write(&header, bytes);
    weir_span span = {bytes, sizeof(bytes)};
    assert_ok(weir_segment_header_read(span, &back, NULL));
    char again[WEIR_SEGMENT_HEADER_BYTES];
    weir_segment_header_write(&back, again);
    assert_memory_equal(again, bytes, sizeof(again));
    assert_int_equal(back.number, 3);
    assert_int_equal(back.previous_bytes, 999);
    assert_int_equal(back.epoch, 9);
    for (size_t i = 0; i < 104; i++) {
        bytes[i]++;
        weir_status status = weir_segment_header_read(span, &back, NULL);
        assert_int_equal(status,
                         i >= 8 && i < 12 ? WEIR_EVERSION : WEIR_ECORRUPT);
        bytes[i]--;
    }
    span.len--;
    assert_int_equal(weir_segment_header_read(span, &back, NULL),
                     WEIR_ECORRUPT);
}

TEST(journal, replay_gives_every_record_and_ends)
{
    char *bytes = malloc(SEGMENT_BYTES);
    struct weir_journal_reader reader;
    size_t used = make_segment(bytes, 5);
    assert_int_equal(replay((weir_span){bytes, SEGMENT_BYTES}, false, &reader),
                     15);
    assert_int_equal(reader.end, WEIR_REPLAY_END);
    assert_int_equal(reader.offset, used);
    assert_int_equal(replay((weir_span){bytes, used}, true, &reader), 15);
    assert_int_equal(reader.end, WEIR_REPLAY_END);
    make_segment(bytes, 0);
    assert_int_equal(replay((weir_span){bytes, SEGMENT_BYTES}, false, &reader),
                     0);
    assert_int_equal(reader.end, WEIR_REPLAY_END);
    free(bytes);
}

/* The last batch cut at every byte, the rest zeros: sound records before the
 * cut are given, the end is torn, never damage. */
TEST(journal, last_batch_torn_at_every_byte_is_torn_and_not_damage)
{
    char *bytes = malloc(SEGMENT_BYTES);
    struct weir_journal_reader reader;
    size_t before = make_segment(bytes, 2);
    size_t used = make_segment(bytes, 3);
    uint64_t seen = 6;
    for (size_t cut = before; cut < used; cut++) {
        make_segment(bytes, 3);
        memset(bytes + cut, 0, SEGMENT_BYTES - cut);
        /* zeros that were zeros before tear nothing */
        uint64_t count =
            replay((weir_span){bytes, SEGMENT_BYTES}, false, &reader);
        assert_in_range(count, seen, 9);
        seen = count;
        assert_true(reader.offset <= used);
        if (count == 9)
            assert_int_equal(reader.end, WEIR_REPLAY_END);
        else
            assert_int_equal(reader.end, cut == before ? WEIR_REPLAY_END
                                                       : WEIR_REPLAY_TORN);
        /* settled where it stopped, it is read again to a clean end */
        assert_int_equal(
            replay((weir_span){bytes, reader.offset}, true, &reader), count);
        assert_int_equal(reader.end, WEIR_REPLAY_END);
    }
    free(bytes);
}

/* Pages of one write reach the disk in any order: a hole in the last batch,
 * good records behind it, is still a crash. */
TEST(journal, hole_in_the_last_batch_is_torn)
{
    char *bytes = malloc(SEGMENT_BYTES);
    struct weir_journal_reader reader;
    size_t before = make_segment(bytes, 2);
    size_t used = make_segment(bytes, 3);
    for (size_t at = before; at + 8 < used; at += 8) {
        make_segment(bytes, 3);
        memset(bytes + at, 0, 8);
        uint64_t count =
            replay((weir_span){bytes, SEGMENT_BYTES}, false, &reader);
        assert_in_range(count, 6, 9);
        if (count < 9)
            assert_int_equal(reader.end, WEIR_REPLAY_TORN);
    }
    free(bytes);
}

TEST(journal, bad_byte_before_a_later_batch_is_damage_wherever_it_is)
{
    char *bytes = malloc(SEGMENT_BYTES);
    struct weir_journal_reader reader;
    struct weir_record record;
    size_t flushed = make_segment(bytes, 2);
    make_segment(bytes, 3);
    for (size_t at = WEIR_SEGMENT_HEADER_BYTES; at < flushed; at++) {
        bytes[at] = (char)(bytes[at] ^ 0x10);
        uint64_t count =
            replay((weir_span){bytes, SEGMENT_BYTES}, false, &reader);
        assert_in_range(count, 0, 5);
        assert_int_equal(reader.end, WEIR_REPLAY_DAMAGED);
        /* and the batches behind it can still be read */
        assert_ok(weir_journal_reader_seek(&reader, reader.resume_at, NULL));
        uint64_t last = 0;
        while (weir_journal_next(&reader, &record))
            last = record.sequence;
        assert_int_equal(reader.end, WEIR_REPLAY_END);
        assert_int_equal(last, 9);
        bytes[at] = (char)(bytes[at] ^ 0x10);
    }
    free(bytes);
}

TEST(journal, bad_byte_in_what_is_settled_is_damage_in_the_last_batch_too)
{
    char *bytes = malloc(SEGMENT_BYTES);
    struct weir_journal_reader reader;
    size_t used = make_segment(bytes, 3);
    for (size_t at = WEIR_SEGMENT_HEADER_BYTES; at < used; at++) {
        bytes[at] = (char)(bytes[at] ^ 0x10);
        assert_in_range(replay((weir_span){bytes, used}, true, &reader), 0, 8);
        assert_int_equal(reader.end, WEIR_REPLAY_DAMAGED);
        bytes[at] = (char)(bytes[at] ^ 0x10);
    }
    free(bytes);
}

TEST(journal, a_batch_record_inside_a_payload_turns_no_crash_into_damage)
{
    char *bytes = malloc(SEGMENT_BYTES);
    struct weir_journal_reader reader;
    size_t used = make_segment(bytes, 1);
    /* what a caller might smuggle: sound, aligned, but without the salt */
    char forged[WEIR_BATCH_RECORD_BYTES];
    char payload[WEIR_BATCH_BYTES];
    weir_batch batch = {SALT + 1, 64, 1};
    weir_batch_encode(&batch, payload);
    write_one(forged, WEIR_RECORD_BATCH, 9, (weir_span){payload, 16});
    batch.salt = SALT;
    batch.bytes = WEIR_RECORD_BYTES(sizeof(forged));
    weir_batch_encode(&batch, payload);
    used +=
        write_one(bytes + used, WEIR_RECORD_BATCH, 2, (weir_span){payload, 16});
    size_t end = used + write_one(bytes + used, WEIR_RECORD_INTENT, 4,
                                  (weir_span){forged, sizeof(forged)});
    memset(bytes + end - 8, 0, 8); /* its crc did not reach the disk */
    replay((weir_span){bytes, SEGMENT_BYTES}, false, &reader);
    assert_int_equal(reader.end, WEIR_REPLAY_TORN);
    free(bytes);
}

TEST(journal, reading_goes_on_from_every_offset_it_stopped_at)
{
    char *bytes = malloc(SEGMENT_BYTES);
    size_t used = make_segment(bytes, 4);
    weir_span span = {bytes, used};
    struct weir_journal_reader reader;
    struct weir_record record;
    uint64_t good[16] = {0};
    size_t n = 0;

    assert_ok(weir_journal_reader_init(&reader, span, true, NULL));
    do
        good[n++] = reader.offset;
    while (weir_journal_next(&reader, &record));
    assert_int_equal(n, 13);
    for (size_t i = 0; i < n; i++) {
        uint64_t left = 0;
        assert_ok(weir_journal_reader_init(&reader, span, true, NULL));
        assert_ok(weir_journal_reader_seek(&reader, good[i], NULL));
        while (weir_journal_next(&reader, &record))
            left++;
        assert_int_equal(left, 12 - i);
        assert_int_equal(reader.end, WEIR_REPLAY_END);
    }
    assert_ok(weir_journal_reader_init(&reader, span, true, NULL));
    assert_int_equal(weir_journal_reader_seek(&reader, good[2] + 8, NULL),
                     WEIR_ECORRUPT);
    assert_int_equal(weir_journal_reader_seek(&reader, used + 8, NULL),
                     WEIR_ECORRUPT);
    assert_int_equal(weir_journal_reader_seek(&reader, 0, NULL), WEIR_ECORRUPT);
    free(bytes);
}

TEST(journal, a_growing_segment_is_followed)
{
    char *bytes = malloc(SEGMENT_BYTES);
    struct weir_journal_reader reader;
    struct weir_record record;
    uint64_t count = 0;
    size_t used = make_segment(bytes, 1);
    assert_ok(weir_journal_reader_init(&reader, (weir_span){bytes, used}, true,
                                       NULL));
    for (uint32_t batches = 1; batches <= 6; batches++) {
        used = make_segment(bytes, batches);
        weir_journal_reader_extend(&reader, (weir_span){bytes, used});
        while (weir_journal_next(&reader, &record))
            count++;
        assert_int_equal(count, batches * 3);
        assert_int_equal(reader.end, WEIR_REPLAY_END);
    }
    free(bytes);
}
