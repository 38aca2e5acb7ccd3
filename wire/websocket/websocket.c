/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of RFC 6455.
 *
 *    0               1
 *    +-+---+-------+-+-------------+----------------+------+---------
 *    |F|RSV|opcode |M| length 7    | length 16, 64  | mask | payload
 *    +-+---+-------+-+-------------+----------------+------+---------
 *
 * WHY WHOLE MESSAGES. Whoever governs a session reads events, and an event
 * is a message: its type may stand last in it. So a message is gathered up
 * to a limit, and a frame that would pass it is refused by its head, before
 * its payload is there.
 *
 * WHY SO STRICT. Two readers of one stream must not differ: a length that is
 * written longer than it needs, a reserved bit, a mask where none belongs are
 * faults and never guesses.
 */
#include <weir/websocket.h>

#include <string.h>

/* A buffer that once held more is given back after its message. */
#define KEPT_BYTES ((size_t)64 << 10)

void
weir_ws_init(struct weir_ws_reader *reader, size_t message_max, bool is_masked)
{
    *reader = (struct weir_ws_reader){.message_max = message_max,
                                      .is_masked = is_masked};
    weir_buf_init(&reader->held, message_max);
}

void
weir_ws_fini(struct weir_ws_reader *reader)
{
    weir_buf_fini(&reader->held);
}

static bool
fail(struct weir_ws_reader *reader, uint16_t code, const char *why)
{
    reader->fault = code;
    reader->why = why;
    return false;
}

/* ---------------------------------------------------------------- head */

static size_t
head_size(const struct weir_ws_reader *reader)
{
    size_t size = 2;
    if (reader->head_len < 2)
        return size;
    uint8_t length = reader->head[1] & 127;
    if (length == 126)
        size += 2;
    else if (length == 127)
        size += 8;
    return size + ((reader->head[1] & 128) != 0 ? 4 : 0);
}

/* False: one that is written longer than it needs. */
static bool
read_length(const uint8_t *head, uint64_t *length_out)
{
    uint8_t length = head[1] & 127;
    *length_out = length;
    if (length < 126)
        return true;
    *length_out = 0;
    for (int i = 0; i < (length == 126 ? 2 : 8); i++)
        *length_out = *length_out << 8 | head[2 + i];
    return length == 126 ? *length_out >= 126 : *length_out > UINT16_MAX;
}

static bool
check_control(struct weir_ws_reader *reader)
{
    if (reader->opcode > WEIR_WS_PONG)
        return fail(reader, WEIR_WS_PROTOCOL, "an unknown opcode");
    if (!reader->is_final)
        return fail(reader, WEIR_WS_PROTOCOL, "a control frame in fragments");
    if (reader->left > WEIR_WS_CONTROL_MAX)
        return fail(reader, WEIR_WS_PROTOCOL, "a control frame too long");
    reader->control_len = 0;
    return true;
}

static bool
check_data(struct weir_ws_reader *reader)
{
    if (reader->opcode > WEIR_WS_BINARY)
        return fail(reader, WEIR_WS_PROTOCOL, "an unknown opcode");
    if (reader->opcode == WEIR_WS_CONTINUATION && reader->message == 0)
        return fail(reader, WEIR_WS_PROTOCOL, "a fragment of no message");
    if (reader->opcode != WEIR_WS_CONTINUATION && reader->message != 0)
        return fail(reader, WEIR_WS_PROTOCOL, "a message inside a message");
    if (reader->left > reader->message_max - reader->held.len)
        return fail(reader, WEIR_WS_TOO_BIG, "a message too large");
    if (reader->opcode != WEIR_WS_CONTINUATION)
        reader->message = reader->opcode;
    return true;
}

static bool
open_frame(struct weir_ws_reader *reader)
{
    const uint8_t *head = reader->head;
    bool is_masked = (head[1] & 128) != 0;
    if ((head[0] & 0x70) != 0)
        return fail(reader, WEIR_WS_PROTOCOL, "a reserved bit");
    if (is_masked != reader->is_masked)
        return fail(reader, WEIR_WS_PROTOCOL,
                    is_masked ? "a mask where none belongs"
                              : "a frame without mask");
    if (!read_length(head, &reader->left))
        return fail(reader, WEIR_WS_PROTOCOL, "a length not in short");
    if (reader->left >> 63 != 0)
        return fail(reader, WEIR_WS_PROTOCOL, "a length without end");
    reader->opcode = head[0] & 15;
    reader->is_final = (head[0] & 128) != 0;
    if (is_masked)
        memcpy(reader->mask, head + reader->head_len - 4, 4);
    reader->mask_at = 0;
    reader->head_len = 0;
    reader->is_in_frame = true;
    return (reader->opcode & 8) != 0 ? check_control(reader)
                                     : check_data(reader);
}

/* Gathers the head; false: more must come, or a fault. */
static bool
take_head(struct weir_ws_reader *reader, weir_span *input)
{
    while (input->len > 0) {
        reader->head[reader->head_len++] = (uint8_t)*input->ptr;
        input->ptr++;
        input->len--;
        if (reader->head_len >= 2 && reader->head_len == head_size(reader))
            return open_frame(reader);
    }
    return false;
}

/* ------------------------------------------------------------- payload */

void
weir_ws_mask(void *bytes, size_t len, const uint8_t mask[4], size_t at)
{
    uint8_t *p = bytes;
    uint8_t turned[8];
    uint64_t wide;
    for (size_t i = 0; i < sizeof(turned); i++)
        turned[i] = mask[(at + i) & 3];
    memcpy(&wide, turned, sizeof(wide));
    for (; len >= sizeof(wide); len -= sizeof(wide), p += sizeof(wide)) {
        uint64_t word;
        memcpy(&word, p, sizeof(word));
        word ^= wide;
        memcpy(p, &word, sizeof(word));
    }
    for (size_t i = 0; i < len; i++)
        p[i] ^= turned[i];
}

static void
take_payload(struct weir_ws_reader *reader, weir_span *input)
{
    size_t len = input->len < reader->left ? input->len : (size_t)reader->left;
    uint8_t *to;
    if (len == 0)
        return;
    if ((reader->opcode & 8) != 0) {
        to = reader->control + reader->control_len;
        memcpy(to, input->ptr, len);
        reader->control_len += len;
    } else {
        size_t before = reader->held.len;
        weir_buf_add(&reader->held, input->ptr, len);
        if (reader->held.overflow) {
            (void)fail(reader, WEIR_WS_TOO_BIG, "no memory for a message");
            return;
        }
        to = (uint8_t *)reader->held.ptr + before;
    }
    if (reader->is_masked)
        weir_ws_mask(to, len, reader->mask, reader->mask_at);
    reader->mask_at = (uint8_t)((reader->mask_at + len) & 3);
    reader->left -= len;
    input->ptr += len;
    input->len -= len;
}

static bool
is_code(uint16_t code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 &&
            code != 1006) ||
           (code >= 3000 && code <= 4999);
}

static bool
give_control(struct weir_ws_reader *reader, struct weir_ws_message *out)
{
    const uint8_t *bytes = reader->control;
    *out = (struct weir_ws_message){
        .opcode = (enum weir_ws_opcode)reader->opcode,
        .payload = {(const char *)bytes, reader->control_len}};
    if (reader->opcode != WEIR_WS_CLOSE)
        return true;
    reader->is_closed = true;
    out->code = WEIR_WS_NO_CODE;
    if (reader->control_len == 0)
        return true;
    if (reader->control_len == 1)
        return fail(reader, WEIR_WS_PROTOCOL, "half a close code");
    out->code = (uint16_t)(bytes[0] << 8 | bytes[1]);
    if (!is_code(out->code))
        return fail(reader, WEIR_WS_PROTOCOL, "an unknown close code");
    weir_span reason = {(const char *)bytes + 2, reader->control_len - 2};
    if (!weir_utf8_valid(reason))
        return fail(reader, WEIR_WS_NOT_TEXT, "a reason that is not UTF-8");
    return true;
}

static bool
give_message(struct weir_ws_reader *reader, struct weir_ws_message *out)
{
    *out =
        (struct weir_ws_message){.opcode = (enum weir_ws_opcode)reader->message,
                                 .payload = weir_buf_span(&reader->held)};
    reader->message = 0;
    reader->is_given = true;
    if (out->opcode == WEIR_WS_TEXT && !weir_utf8_valid(out->payload))
        return fail(reader, WEIR_WS_NOT_TEXT, "text that is not UTF-8");
    return true;
}

static void
drop_given(struct weir_ws_reader *reader)
{
    if (!reader->is_given)
        return;
    reader->is_given = false;
    if (reader->held.capacity > KEPT_BYTES) {
        weir_buf_fini(&reader->held);
        weir_buf_init(&reader->held, reader->message_max);
    } else {
        weir_buf_reset(&reader->held);
    }
}

bool
weir_ws_next(struct weir_ws_reader *reader, weir_span *input,
             struct weir_ws_message *message_out)
{
    drop_given(reader);
    while (reader->fault == 0 && !reader->is_closed) {
        if (!reader->is_in_frame && !take_head(reader, input))
            return false;
        take_payload(reader, input);
        if (reader->fault != 0 || reader->left > 0)
            return false;
        reader->is_in_frame = false;
        if ((reader->opcode & 8) != 0)
            return give_control(reader, message_out);
        if (reader->is_final)
            return give_message(reader, message_out);
    }
    if (reader->is_closed)
        input->ptr += input->len, input->len = 0;
    return false;
}

/* ------------------------------------------------------------- sending */

size_t
weir_ws_put_head(uint8_t out[WEIR_WS_HEAD_MAX], enum weir_ws_opcode opcode,
                 uint64_t len, const uint8_t mask[4])
{
    size_t at = 2;
    int bytes = len > UINT16_MAX ? 8 : len > 125 ? 2 : 0;
    out[0] = (uint8_t)(128 | opcode);
    out[1] = (uint8_t)(bytes == 8 ? 127 : bytes == 2 ? 126 : len);
    for (int i = bytes - 1; i >= 0; i--)
        out[at++] = (uint8_t)(len >> (8 * i));
    if (mask != NULL) {
        out[1] |= 128;
        memcpy(out + at, mask, 4);
        at += 4;
    }
    return at;
}

size_t
weir_ws_put_close(uint8_t out[WEIR_WS_CLOSE_MAX], uint16_t code,
                  weir_span reason, const uint8_t mask[4])
{
    size_t len = reason.len < WEIR_WS_CONTROL_MAX - 2 ? reason.len
                                                      : WEIR_WS_CONTROL_MAX - 2;
    while (len > 0 && len < reason.len &&
           ((uint8_t)reason.ptr[len] & 0xc0) == 0x80)
        len--;
    if (code == WEIR_WS_NO_CODE)
        return weir_ws_put_head(out, WEIR_WS_CLOSE, 0, mask);
    size_t at = weir_ws_put_head(out, WEIR_WS_CLOSE, len + 2, mask);
    out[at] = (uint8_t)(code >> 8);
    out[at + 1] = (uint8_t)code;
    if (len > 0)
        memcpy(out + at + 2, reason.ptr, len);
    if (mask != NULL)
        weir_ws_mask(out + at, len + 2, mask, 0);
    return at + len + 2;
}
