/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of RFC 6455: the RFC's own examples, every split, every fault. */
#include <weir/websocket.h>

#include <stdlib.h>
#include <string.h>

#include "test.h"

/* Everything that comes out of `bytes` fed in pieces of `step`, as text:
 * "1:Hello 9: ", and the fault at the end. */
static uint16_t
read_all(const void *bytes, size_t len, size_t step, bool is_masked,
         size_t message_max, struct weir_buf *out)
{
    struct weir_ws_reader reader;
    struct weir_ws_message message;
    weir_ws_init(&reader, message_max, is_masked);
    for (size_t at = 0; at < len; at += step) {
        weir_span input = {(const char *)bytes + at,
                           len - at < step ? len - at : step};
        while (weir_ws_next(&reader, &input, &message)) {
            weir_buf_addf(out, "%d:", (int)message.opcode);
            if (message.opcode == WEIR_WS_CLOSE)
                weir_buf_addf(out, "%u", message.code);
            else
                weir_buf_add_span(out, message.payload);
            weir_buf_add_byte(out, ' ');
        }
        if (reader.fault == 0)
            assert_int_equal(input.len, 0);
    }
    uint16_t fault = reader.fault;
    weir_ws_fini(&reader);
    return fault;
}

static void
expect(const void *bytes, size_t len, bool is_masked, uint16_t fault,
       const char *said)
{
    for (size_t step = 1; step <= len; step++) {
        struct weir_buf out;
        weir_buf_init(&out, (size_t)1 << 20);
        assert_int_equal(read_all(bytes, len, step, is_masked, 1000, &out),
                         fault);
        assert_int_equal(out.len, strlen(said));
        assert_memory_equal(out.len > 0 ? out.ptr : "", said, out.len);
        weir_buf_fini(&out);
    }
}

#define EXPECT(bytes, is_masked, fault, said)                                  \
    expect((bytes), sizeof(bytes) - 1, (is_masked), (fault), (said))

TEST(websocket, the_examples_of_the_rfc_are_read_at_every_split)
{
    EXPECT("\x81\x05Hello", false, 0, "1:Hello ");
    EXPECT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", true, 0, "1:Hello ");
    EXPECT("\x01\x03Hel\x80\x02lo", false, 0, "1:Hello ");
    EXPECT("\x89\x05Hello", false, 0, "9:Hello ");
    EXPECT("\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", true, 0,
           "10:Hello ");
}

TEST(websocket, control_frames_come_out_between_fragments)
{
    EXPECT("\x01\x02He\x89\x01p\x00\x00\x80\x03llo", false, 0, "9:p 1:Hello ");
}

TEST(websocket, nothing_counts_behind_a_close_frame)
{
    EXPECT("\x88\x02\x03\xe8\x81\x01x\xff\xff", false, 0, "8:1000 ");
    EXPECT("\x88\x00", false, 0, "8:1005 ");
}

TEST(websocket, what_is_no_websocket_is_a_fault)
{
    EXPECT("\xc1\x01x", false, WEIR_WS_PROTOCOL, "");          /* RSV1 */
    EXPECT("\x83\x00", false, WEIR_WS_PROTOCOL, "");           /* opcode */
    EXPECT("\x8b\x00", false, WEIR_WS_PROTOCOL, "");           /* opcode */
    EXPECT("\x09\x00", false, WEIR_WS_PROTOCOL, "");           /* in parts */
    EXPECT("\x89\x7e\x00\x7e", false, WEIR_WS_PROTOCOL, "");   /* too long */
    EXPECT("\x80\x01x", false, WEIR_WS_PROTOCOL, "");          /* of nothing */
    EXPECT("\x01\x01x\x81\x01y", false, WEIR_WS_PROTOCOL, ""); /* inside */
    EXPECT("\x81\x01x", true, WEIR_WS_PROTOCOL, "");           /* no mask */
    EXPECT("\x81\x81zzzzx", false, WEIR_WS_PROTOCOL, "");      /* a mask */
    EXPECT("\x88\x01\x03", false, WEIR_WS_PROTOCOL, "");       /* half a code */
    EXPECT("\x88\x02\x03\xed", false, WEIR_WS_PROTOCOL, "");   /* 1005 */
    EXPECT("\x81\x7e\x00\x05Hello", false, WEIR_WS_PROTOCOL, "");
    EXPECT("\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x05Hello", false,
           WEIR_WS_PROTOCOL, "");
    EXPECT("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00", false, WEIR_WS_PROTOCOL,
           "");
}

TEST(websocket, text_and_reasons_are_utf8)
{
    EXPECT("\x81\x02\xc3\xa9", false, 0, "1:\xc3\xa9 ");
    EXPECT("\x01\x01\xc3\x80\x01\xa9", false, 0, "1:\xc3\xa9 ");
    EXPECT("\x81\x01\xc3", false, WEIR_WS_NOT_TEXT, "");
    EXPECT("\x82\x01\xc3", false, 0, "2:\xc3 ");
    EXPECT("\x88\x03\x03\xe8\xc3", false, WEIR_WS_NOT_TEXT, "");
}

TEST(websocket, a_message_too_large_is_refused_by_its_head)
{
    EXPECT("\x82\x7e\x03\xe9", false, WEIR_WS_TOO_BIG, "");
    EXPECT("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", false, WEIR_WS_TOO_BIG,
           "");
    /* by its fragments together: 500 and 501 of 1,000 */
    char bytes[4 + 500 + 4];
    memset(bytes, 'x', sizeof(bytes));
    memcpy(bytes, "\x02\x7e\x01\xf4", 4);
    memcpy(bytes + 504, "\x80\x7e\x01\xf5", 4);
    expect(bytes, sizeof(bytes), false, WEIR_WS_TOO_BIG, "");
}

/* A frame of weir's own, read back. */
static void
round_trip(size_t len, bool is_masked)
{
    static const uint8_t mask[4] = {0x12, 0, 0xff, 0x80};
    char *frame = malloc(WEIR_WS_HEAD_MAX + len);
    struct weir_ws_reader reader;
    struct weir_ws_message message;
    size_t head = weir_ws_put_head((uint8_t *)frame, WEIR_WS_BINARY, len,
                                   is_masked ? mask : NULL);
    for (size_t i = 0; i < len; i++)
        frame[head + i] = (char)(i * 7);
    if (is_masked)
        weir_ws_mask(frame + head, len, mask, 0);
    weir_ws_init(&reader, len, is_masked);
    weir_span input = {frame, head + len};
    assert_true(weir_ws_next(&reader, &input, &message));
    assert_int_equal(message.payload.len, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal((uint8_t)message.payload.ptr[i], (uint8_t)(i * 7));
    assert_false(weir_ws_next(&reader, &input, &message));
    assert_int_equal(reader.fault, 0);
    weir_ws_fini(&reader);
    free(frame);
}

TEST(websocket, frames_of_every_length_are_read_back)
{
    static const size_t lengths[] = {0,   1,     7,     125,   126,
                                     127, 65535, 65536, 300001};
    for (size_t i = 0; i < WEIR_COUNTOF(lengths); i++) {
        round_trip(lengths[i], false);
        round_trip(lengths[i], true);
    }
}

TEST(websocket, a_close_reason_is_cut_between_characters)
{
    char reason[130];
    uint8_t frame[WEIR_WS_CLOSE_MAX];
    struct weir_ws_reader reader;
    struct weir_ws_message message;
    for (size_t i = 0; i < sizeof(reason); i += 2)
        memcpy(reason + i, "\xc3\xa9", 2);
    weir_span input = {(const char *)frame,
                       weir_ws_put_close(frame, WEIR_WS_POLICY,
                                         (weir_span){reason, sizeof(reason)},
                                         NULL)};
    weir_ws_init(&reader, 0, false);
    assert_true(weir_ws_next(&reader, &input, &message));
    assert_int_equal(message.code, WEIR_WS_POLICY);
    assert_int_equal(message.payload.len, 124);
    weir_ws_fini(&reader);
}

TEST(websocket, memory_of_a_large_message_is_given_back)
{
    struct weir_ws_reader reader;
    struct weir_ws_message message;
    uint8_t head[WEIR_WS_HEAD_MAX];
    size_t len = (size_t)1 << 20;
    char *payload = calloc(1, len);
    weir_ws_init(&reader, len, false);
    weir_span input = {(const char *)head,
                       weir_ws_put_head(head, WEIR_WS_BINARY, len, NULL)};
    assert_false(weir_ws_next(&reader, &input, &message));
    input = (weir_span){payload, len};
    assert_true(weir_ws_next(&reader, &input, &message));
    assert_false(weir_ws_next(&reader, &input, &message));
    assert_int_equal(reader.held.capacity, 0);
    weir_ws_fini(&reader);
    free(payload);
}
