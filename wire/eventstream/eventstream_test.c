/* SPDX-License-Identifier: Apache-2.0 */
#include <weir/crypto.h>
#include <weir/eventstream.h>
#include <weir/neutral.h>
#include <weir/raw.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static char *
vector(const char *form, const char *sign, const char *name, size_t *len_out)
{
    char path[1024];
    if (weir_test_data() == NULL) {
        print_message("no test data: vectors of the event stream skipped\n");
        skip();
    }
    snprintf(path, sizeof(path), "%s/vectors/eventstream/%s/%s/%s",
             weir_test_data(), form, sign, name);
    return weir_test_read(path, len_out);
}

/* The value that the vector's JSON gives, against the header read. */
static void
check_header(const struct weir_eventstream_header *header, weir_span raw)
{
    enum { NAME, TYPE, VALUE, COUNT };
    static const char *const names[COUNT] = {"name", "type", "value"};
    weir_span in[COUNT];
    char memory[256];
    size_t len;
    int64_t number;

    assert_true(weir_raw_pick(raw, names, COUNT, in, NULL, NULL));
    assert_true(weir_span_equal(header->name, weir_escaped(in[NAME])));
    assert_int_equal(header->type, weir_raw_uint(in[TYPE]));
    if (weir_raw_kind(in[VALUE]) == WEIR_JSON_STRING) {
        assert_true(weir_base64_decode(weir_escaped(in[VALUE]), memory,
                                       sizeof(memory), &len));
        assert_int_equal(len, header->value.len);
        assert_memory_equal(memory, header->value.ptr, len);
    } else if (weir_json_to_int64(in[VALUE], &number)) {
        assert_int_equal(weir_eventstream_number(header), number);
    } else {
        assert_int_equal(header->value.len, 0);
    }
}

static void
check_positive(const char *name)
{
    enum { SIZE, HEADERS, PAYLOAD, COUNT };
    static const char *const names[COUNT] = {"total_length", "headers",
                                             "payload"};
    size_t len;
    size_t json_len;
    size_t payload_len = 0;
    char payload[256];
    char *bytes = vector("encoded", "positive", name, &len);
    char *json = vector("decoded", "positive", name, &json_len);
    weir_span in[COUNT];
    weir_span raw;
    struct weir_raw_array array;

    assert_true(weir_raw_pick((weir_span){json, json_len}, names, COUNT, in,
                              NULL, NULL));
    assert_int_equal(weir_raw_uint(in[SIZE]), len);
    if (in[PAYLOAD].ptr != NULL)
        assert_true(weir_base64_decode(weir_escaped(in[PAYLOAD]), payload,
                                       sizeof(payload), &payload_len));
    for (size_t split = 0; split <= len; split++) {
        struct weir_buf held;
        struct weir_buf headers;
        struct weir_buf made;
        struct weir_eventstream message;
        struct weir_eventstream_header header;
        weir_span first = {bytes, split};
        weir_span second = {bytes + split, len - split};
        bool is_broken = false;
        weir_buf_init(&held, 4096);
        weir_buf_init(&headers, 4096);
        weir_buf_init(&made, 4096);
        bool is_whole =
            weir_eventstream_next(&held, &first, &message, &is_broken);
        assert_int_equal(is_whole, split == len);
        if (!is_whole)
            assert_true(
                weir_eventstream_next(&held, &second, &message, &is_broken));
        assert_false(is_broken);
        assert_int_equal(message.payload.len, payload_len);
        if (payload_len > 0)
            assert_memory_equal(message.payload.ptr, payload, payload_len);
        weir_span rest = message.headers;
        weir_raw_array_init(&array, in[HEADERS]);
        while (weir_raw_array_next(&array, &raw)) {
            assert_true(weir_eventstream_header(&rest, &header));
            check_header(&header, raw);
            assert_ok(weir_eventstream_put_header(&headers, &header));
        }
        assert_int_equal(rest.len, 0);
        assert_ok(weir_eventstream_put(&made, weir_buf_span(&headers),
                                       message.payload));
        assert_int_equal(made.len, len);
        assert_memory_equal(made.ptr, bytes, len);
        weir_span none = WEIR_SPAN_NONE;
        assert_false(weir_eventstream_next(&held, &none, &message, &is_broken));
        assert_false(is_broken);
        weir_buf_fini(&held);
        weir_buf_fini(&headers);
        weir_buf_fini(&made);
    }
    free(bytes);
    free(json);
}

TEST(eventstream, published_messages_are_read_and_written_at_every_split)
{
    check_positive("all_headers");
    check_positive("empty_message");
    check_positive("int32_header");
    check_positive("payload_no_headers");
    check_positive("payload_one_str_header");
}

TEST(eventstream, published_damage_is_found)
{
    static const char *const names[] = {"corrupted_header_len",
                                        "corrupted_headers", "corrupted_length",
                                        "corrupted_payload"};
    for (size_t i = 0; i < WEIR_COUNTOF(names); i++) {
        struct weir_buf held;
        struct weir_eventstream message;
        bool is_broken = false;
        size_t len;
        char *bytes = vector("encoded", "negative", names[i], &len);
        weir_span input = {bytes, len};
        weir_buf_init(&held, 4096);
        assert_false(
            weir_eventstream_next(&held, &input, &message, &is_broken));
        assert_true(is_broken);
        weir_buf_fini(&held);
        free(bytes);
    }
}

static void
put(struct weir_buf *out, const char *payload)
{
    struct weir_buf headers;
    const struct weir_eventstream_header header = {
        WEIR_SPAN(":event-type"), WEIR_EVENTSTREAM_STRING, WEIR_SPAN("x")};
    weir_buf_init(&headers, 64);
    assert_ok(weir_eventstream_put_header(&headers, &header));
    assert_ok(weir_eventstream_put(out, weir_buf_span(&headers),
                                   weir_span_of(payload)));
    weir_buf_fini(&headers);
}

TEST(eventstream, every_flipped_bit_is_found)
{
    struct weir_buf made;
    weir_buf_init(&made, 4096);
    put(&made, "{\"a\":1}");
    for (size_t bit = 0; bit < 8 * made.len; bit++) {
        struct weir_buf held;
        struct weir_eventstream message;
        bool is_broken = false;
        weir_span input = weir_buf_span(&made);
        weir_buf_init(&held, 4096);
        made.ptr[bit / 8] = (char)(made.ptr[bit / 8] ^ (1 << bit % 8));
        assert_false(
            weir_eventstream_next(&held, &input, &message, &is_broken));
        assert_true(is_broken);
        made.ptr[bit / 8] = (char)(made.ptr[bit / 8] ^ (1 << bit % 8));
        weir_buf_fini(&held);
    }
    weir_buf_fini(&made);
}

TEST(eventstream, messages_behind_each_other_come_byte_by_byte)
{
    struct weir_buf made;
    struct weir_buf held;
    struct weir_eventstream message;
    bool is_broken = false;
    unsigned count = 0;
    weir_buf_init(&made, 4096);
    weir_buf_init(&held, 64);
    put(&made, "one");
    put(&made, "one");
    put(&made, "one");
    for (size_t i = 0; i < made.len; i++) {
        weir_span input = {made.ptr + i, 1};
        while (weir_eventstream_next(&held, &input, &message, &is_broken)) {
            assert_span(message.payload, "one");
            assert_span(weir_eventstream_string(message.headers,
                                                WEIR_SPAN(":event-type")),
                        "x");
            count++;
        }
        assert_int_equal(input.len, 0);
    }
    assert_false(is_broken);
    assert_int_equal(count, 3);
    weir_buf_fini(&made);
    weir_buf_fini(&held);
}

TEST(eventstream, message_larger_than_may_be_held_is_refused)
{
    struct weir_buf made;
    struct weir_buf held;
    struct weir_eventstream message;
    bool is_broken = false;
    weir_buf_init(&made, 4096);
    weir_buf_init(&held, 32);
    put(&made, "0123456789012345678901234567890123456789");
    weir_span input = {made.ptr, 20};
    assert_false(weir_eventstream_next(&held, &input, &message, &is_broken));
    assert_true(is_broken);
    weir_buf_fini(&made);
    weir_buf_fini(&held);
}
