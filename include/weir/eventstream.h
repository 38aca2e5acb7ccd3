/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/eventstream.h - the binary event stream of AWS, both ways.
 *
 *    0       4         8        12            12+h        size-4   size
 *    +-------+---------+--------+-------------+-----------+--------+
 *    | size  | headers | crc32  | headers (h) | payload   | crc32  |
 *    +-------+---------+--------+-------------+-----------+--------+
 *
 * All numbers are big endian. The first checksum covers the eight bytes
 * before it, the last everything before it; both are CRC-32 as in gzip.
 *
 * Threads: one owner per buffer. Memory: spans borrow from the input or from
 * the caller's buffer, and are gone with the next call.
 */
#ifndef WEIR_EVENTSTREAM_H
#define WEIR_EVENTSTREAM_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEIR_EVENTSTREAM_LEAST 16 /* bytes of a message with nothing in it */
#define WEIR_EVENTSTREAM_MOST  ((size_t)24 << 20) /* AWS stays below this */

struct weir_eventstream {
    weir_span raw;     /* the message, from its size to its checksum */
    weir_span headers; /* for weir_eventstream_header() */
    weir_span payload;
};

/* Numbers are the wire's. */
enum weir_eventstream_type {
    WEIR_EVENTSTREAM_TRUE = 0,
    WEIR_EVENTSTREAM_FALSE = 1,
    WEIR_EVENTSTREAM_INT8 = 2,
    WEIR_EVENTSTREAM_INT16 = 3,
    WEIR_EVENTSTREAM_INT32 = 4,
    WEIR_EVENTSTREAM_INT64 = 5,
    WEIR_EVENTSTREAM_BYTES = 6,
    WEIR_EVENTSTREAM_STRING = 7,
    WEIR_EVENTSTREAM_TIME = 8, /* milliseconds since 1970 */
    WEIR_EVENTSTREAM_UUID = 9,
    WEIR_EVENTSTREAM_TYPES
};

struct weir_eventstream_header {
    weir_span name;
    enum weir_eventstream_type type;
    weir_span value; /* bytes of the value, without their length */
};

/*
 * Cuts the next message out of `input`, which advances, at any split. One
 * that lies whole in `input` is not copied; one that does not is gathered in
 * `held`, whose maximum bounds it. False: no message is complete, or, with
 * `is_broken` set (else untouched), a length or checksum is wrong, a header
 * cannot be read, or the message is larger than `held` may grow. Nothing can
 * be read behind a broken message.
 */
bool weir_eventstream_next(struct weir_buf *held, weir_span *input,
                           struct weir_eventstream *message_out,
                           bool *is_broken);

/* Walks headers; `rest` advances. False: none left (`rest` is empty), or
 * malformed (it is not; never of a message that was given). */
bool weir_eventstream_header(weir_span *rest,
                             struct weir_eventstream_header *header_out);
/* The STRING header called `name`; ptr NULL: there is none. */
weir_span weir_eventstream_string(weir_span headers, weir_span name);
/* The number of an INT or TIME header; 0 for other types. */
int64_t weir_eventstream_number(const struct weir_eventstream_header *header);

/* Appends a header to a buffer of headers; a name has 1 to 255 bytes, and
 * `value` the length that its type asks for (at most 65,535): EPARSE. */
WEIR_MUST_USE weir_status weir_eventstream_put_header(
    struct weir_buf *headers, const struct weir_eventstream_header *header);
/* Appends a whole message; `out` overflows where there is no room. ELIMIT:
 * larger than WEIR_EVENTSTREAM_MOST. */
WEIR_MUST_USE weir_status weir_eventstream_put(struct weir_buf *out,
                                               weir_span headers,
                                               weir_span payload);

/*
 * What Bedrock's InvokeModelWithResponseStream sends in a message of the type
 * `chunk`: {"bytes": base64 of JSON in the model's own form}. Reading decodes
 * into `room`, which is emptied first; false: it is not such a payload, or
 * `room` is too small. Writing appends; `payload` overflows for want of room.
 */
bool weir_eventstream_chunk(weir_span payload, struct weir_buf *room,
                            weir_span *data_out);
void weir_eventstream_put_chunk(struct weir_buf *payload, weir_span data);

/* CRC-32 as in gzip; `crc` is 0, or that of the bytes before. */
uint32_t weir_eventstream_crc(uint32_t crc, weir_span bytes);

#ifdef __cplusplus
}
#endif
#endif
