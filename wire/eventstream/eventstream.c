/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The binary event stream of AWS.
 *
 * WHY THE PRELUDE FIRST. A length is believed only behind its checksum, so a
 * flipped bit in it is found after twelve bytes and not after waiting for
 * gigabytes that never come.
 *
 * WHY NO STATE BESIDE THE BUFFER. A message that is complete in `held` at
 * the beginning of a call is the one that the last call gave: nothing else
 * leaves a complete one there. So the buffer itself says where the stream
 * stands.
 *
 * WHAT IS CHECKED. Both checksums, that the lengths agree, and that the
 * headers can be walked to their end; the payload is the caller's affair.
 */
#include <weir/eventstream.h>

#include <string.h>

#define PRELUDE 12
#define TRAILER 4

static uint32_t
get32(const char *at)
{
    const uint8_t *bytes = (const uint8_t *)at;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | bytes[3];
}

static void
put_number(struct weir_buf *out, uint64_t value, size_t len)
{
    while (len-- > 0)
        weir_buf_add_byte(out, (char)(value >> (8 * len) & 0xFF));
}

uint32_t
weir_eventstream_crc(uint32_t crc, weir_span bytes)
{
    /* Half a byte at a time: the table stays in one line of the cache. */
    static const uint32_t table[16] = {
        0x00000000, 0x1DB71064, 0x3B6E20C8, 0x26D930AC, 0x76DC4190, 0x6B6B51F4,
        0x4DB26158, 0x5005713C, 0xEDB88320, 0xF00F9344, 0xD6D6A3E8, 0xCB61B38C,
        0x9B64C2B0, 0x86D3D2D4, 0xA00AE278, 0xBDBDF21C};
    crc = ~crc;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= (uint8_t)bytes.ptr[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

/* ------------------------------------------------------------- headers */

/* Bytes of a value; those of 6 and 7 say it themselves. */
static const uint8_t type_bytes[WEIR_EVENTSTREAM_TYPES] = {
    [WEIR_EVENTSTREAM_INT8] = 1,  [WEIR_EVENTSTREAM_INT16] = 2,
    [WEIR_EVENTSTREAM_INT32] = 4, [WEIR_EVENTSTREAM_INT64] = 8,
    [WEIR_EVENTSTREAM_TIME] = 8,  [WEIR_EVENTSTREAM_UUID] = 16};

static bool
is_counted(unsigned type)
{
    return type == WEIR_EVENTSTREAM_BYTES || type == WEIR_EVENTSTREAM_STRING;
}

static weir_span
cut(weir_span *rest, size_t len)
{
    weir_span taken = {rest->ptr, len};
    rest->ptr += len;
    rest->len -= len;
    return taken;
}

bool
weir_eventstream_header(weir_span *rest,
                        struct weir_eventstream_header *header_out)
{
    weir_span at = *rest;
    if (at.len == 0)
        return false;
    size_t len = (uint8_t)*cut(&at, 1).ptr;
    if (len == 0 || at.len < len + 1)
        return false;
    weir_span name = cut(&at, len);
    unsigned type = (uint8_t)*cut(&at, 1).ptr;
    if (type >= WEIR_EVENTSTREAM_TYPES)
        return false;
    len = type_bytes[type];
    if (is_counted(type)) {
        if (at.len < 2)
            return false;
        const uint8_t *count = (const uint8_t *)cut(&at, 2).ptr;
        len = (size_t)count[0] << 8 | count[1];
    }
    if (at.len < len)
        return false;
    *header_out = (struct weir_eventstream_header){
        name, (enum weir_eventstream_type)type, cut(&at, len)};
    *rest = at;
    return true;
}

weir_span
weir_eventstream_string(weir_span headers, weir_span name)
{
    struct weir_eventstream_header header;
    while (weir_eventstream_header(&headers, &header))
        if (header.type == WEIR_EVENTSTREAM_STRING &&
            weir_span_equal(header.name, name))
            return header.value;
    return WEIR_SPAN_NONE;
}

int64_t
weir_eventstream_number(const struct weir_eventstream_header *header)
{
    uint64_t value = 0;
    if (is_counted(header->type) || header->type == WEIR_EVENTSTREAM_UUID ||
        header->value.len == 0)
        return 0;
    /* The sign is the first byte's. */
    if ((header->value.ptr[0] & 0x80) != 0)
        value = UINT64_MAX;
    for (size_t i = 0; i < header->value.len; i++)
        value = value << 8 | (uint8_t)header->value.ptr[i];
    return (int64_t)value;
}

weir_status
weir_eventstream_put_header(struct weir_buf *headers,
                            const struct weir_eventstream_header *header)
{
    size_t len = header->value.len;
    if (header->name.len == 0 || header->name.len > UINT8_MAX ||
        (unsigned)header->type >= WEIR_EVENTSTREAM_TYPES)
        return WEIR_EPARSE;
    if (is_counted(header->type) ? len > UINT16_MAX
                                 : len != type_bytes[header->type])
        return WEIR_EPARSE;
    put_number(headers, header->name.len, 1);
    weir_buf_add_span(headers, header->name);
    put_number(headers, header->type, 1);
    if (is_counted(header->type))
        put_number(headers, len, 2);
    weir_buf_add_span(headers, header->value);
    return WEIR_OK;
}

/* ------------------------------------------------------------ messages */

weir_status
weir_eventstream_put(struct weir_buf *out, weir_span headers, weir_span payload)
{
    size_t start = out->len;
    if (headers.len > WEIR_EVENTSTREAM_MOST ||
        payload.len > WEIR_EVENTSTREAM_MOST ||
        headers.len + payload.len >
            WEIR_EVENTSTREAM_MOST - WEIR_EVENTSTREAM_LEAST)
        return WEIR_ELIMIT;
    put_number(out, headers.len + payload.len + WEIR_EVENTSTREAM_LEAST, 4);
    put_number(out, headers.len, 4);
    if (out->overflow)
        return WEIR_OK; /* sticky: the caller asks once */
    put_number(out, weir_eventstream_crc(0, (weir_span){out->ptr + start, 8}),
               4);
    weir_buf_add_span(out, headers);
    weir_buf_add_span(out, payload);
    if (!out->overflow)
        put_number(out,
                   weir_eventstream_crc(
                       0, (weir_span){out->ptr + start, out->len - start}),
                   4);
    return WEIR_OK;
}

/* Bytes of the message that begins here; 0: its prelude is wrong. */
static size_t
size_of(const char *prelude)
{
    size_t size = get32(prelude);
    size_t headers = get32(prelude + 4);
    if (weir_eventstream_crc(0, (weir_span){prelude, 8}) !=
            get32(prelude + 8) ||
        size < WEIR_EVENTSTREAM_LEAST || size > WEIR_EVENTSTREAM_MOST ||
        headers > size - WEIR_EVENTSTREAM_LEAST)
        return 0;
    return size;
}

static bool
read_message(weir_span raw, struct weir_eventstream *message_out)
{
    struct weir_eventstream_header header;
    size_t len = get32(raw.ptr + 4);
    weir_span headers = {raw.ptr + PRELUDE, len};
    weir_span rest = headers;

    if (weir_eventstream_crc(0, (weir_span){raw.ptr, raw.len - TRAILER}) !=
        get32(raw.ptr + raw.len - TRAILER))
        return false;
    while (weir_eventstream_header(&rest, &header))
        continue;
    if (rest.len > 0)
        return false;
    *message_out = (struct weir_eventstream){
        raw, headers,
        (weir_span){headers.ptr + len, raw.len - len - PRELUDE - TRAILER}};
    return true;
}

/* Moves input to `held` until that has `len` bytes; false: it has not, or
 * may not. */
static bool
gather(struct weir_buf *held, weir_span *input, size_t len, bool *is_broken)
{
    size_t lacks = len - held->len;
    size_t taken = lacks < input->len ? lacks : input->len;
    if (len > held->max) {
        *is_broken = true;
        return false;
    }
    weir_buf_add_span(held, cut(input, taken));
    if (held->overflow)
        *is_broken = true;
    return !held->overflow && taken == lacks;
}

/* Held bytes that are a whole message were given before. */
static void
forget_given(struct weir_buf *held)
{
    if (held->len >= PRELUDE && held->len == size_of(held->ptr))
        weir_buf_reset(held);
}

bool
weir_eventstream_next(struct weir_buf *held, weir_span *input,
                      struct weir_eventstream *message_out, bool *is_broken)
{
    weir_span raw;

    forget_given(held);
    if (held->len == 0 && input->len >= PRELUDE) {
        size_t size = size_of(input->ptr);
        if (size == 0) {
            *is_broken = true;
            return false;
        }
        if (size <= input->len) {
            raw = cut(input, size);
            if (!read_message(raw, message_out))
                *is_broken = true;
            return !*is_broken;
        }
    }
    if (input->len == 0)
        return false;
    if (held->len < PRELUDE && !gather(held, input, PRELUDE, is_broken))
        return false;
    size_t size = size_of(held->ptr);
    if (size == 0) {
        *is_broken = true;
        return false;
    }
    if (!gather(held, input, size, is_broken))
        return false;
    raw = (weir_span){held->ptr, size};
    if (!read_message(raw, message_out))
        *is_broken = true;
    return !*is_broken;
}
