/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses where to split and whether frames are masked. The
 * same messages come out at every split, and a message that came out is read
 * again from one frame.
 */
#include <weir/websocket.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define MESSAGE_MAX ((size_t)4096)

static void
read_back(const struct weir_ws_message *message)
{
    struct weir_ws_reader reader;
    struct weir_ws_message again;
    uint8_t head[WEIR_WS_HEAD_MAX];
    weir_ws_init(&reader, MESSAGE_MAX, false);
    weir_span input = {
        (const char *)head,
        weir_ws_put_head(head, message->opcode, message->payload.len, NULL)};
    bool is_there = weir_ws_next(&reader, &input, &again);
    input = message->payload;
    if (!is_there)
        is_there = weir_ws_next(&reader, &input, &again);
    if (!is_there || again.opcode != message->opcode ||
        again.code != message->code ||
        !weir_span_equal(again.payload, message->payload))
        abort();
    weir_ws_fini(&reader);
}

static uint16_t
run(weir_span text, size_t split, bool is_masked, struct weir_buf *seen)
{
    struct weir_ws_reader reader;
    struct weir_ws_message message;
    weir_ws_init(&reader, MESSAGE_MAX, is_masked);
    for (unsigned half = 0; half < 2; half++) {
        weir_span input = {text.ptr + (half == 0 ? 0 : split),
                           half == 0 ? split : text.len - split};
        while (weir_ws_next(&reader, &input, &message)) {
            weir_buf_addf(seen, "%d %u %zu ", (int)message.opcode, message.code,
                          message.payload.len);
            weir_buf_add_span(seen, message.payload);
            if (message.payload.len > MESSAGE_MAX)
                abort();
            read_back(&message);
        }
        if (reader.fault == 0 && input.len > 0)
            abort();
    }
    uint16_t fault = reader.fault;
    weir_ws_fini(&reader);
    return fault;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct weir_buf whole;
    struct weir_buf halves;
    if (len < 1)
        return 0;
    weir_span text = {(const char *)bytes + 1, len - 1};
    bool is_masked = (bytes[0] & 1) != 0;
    size_t split = text.len * bytes[0] / 255;
    weir_buf_init(&whole, (size_t)8 << 20);
    weir_buf_init(&halves, (size_t)8 << 20);
    if (run(text, text.len, is_masked, &whole) !=
            run(text, split, is_masked, &halves) ||
        !weir_span_equal(weir_buf_span(&whole), weir_buf_span(&halves)))
        abort();
    weir_buf_fini(&whole);
    weir_buf_fini(&halves);
    return 0;
}
