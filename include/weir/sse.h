/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/sse.h - server-sent events, byte by byte or megabytes at once.
 *
 * Feed bytes as they come; take events out. Lines end with LF, CR or CRLF,
 * a byte order mark before the first is passed over, comments and fields
 * other than event, data and id are ignored. The same events come out
 * however the bytes were split.
 *
 * Every byte of the stream belongs to exactly one event's raw bytes (with
 * the blank line that ends it, and any comments and blank lines before it)
 * or to the rest given by weir_sse_rest(), so a pass-through forwards raw
 * bytes and leaves out the events it hides.
 *
 * An event that lies whole in the bytes fed is not copied. One that does not
 * is gathered in the parser's buffer; one larger than that buffer comes out
 * in parts (is_part), so any size passes in bounded memory.
 *
 * Threads: one owner. Memory: the caller's struct, and a struct weir_buf
 * that grows to the maximum given; weir_sse_fini() frees it.
 */
#ifndef WEIR_SSE_H
#define WEIR_SSE_H

#include <weir/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Room for a gathered event when the caller has no wish of its own. */
#define WEIR_SSE_HELD_MAX ((size_t)2 << 20)

struct weir_sse_event {
    weir_span raw;  /* the bytes of the stream */
    weir_span name; /* `event`; empty: "message". Empty in a part */
    weir_span data; /* lines joined by LF, without a final one */
    bool is_held;   /* raw lies in the parser's buffer: copy to keep */
    bool has_data;  /* false: comments only, nothing to dispatch */
    bool is_part;   /* a piece of an event larger than the buffer */
    bool is_last;   /* its last piece; true on whole events */
    bool is_tail;   /* raw is the LF of the CR that ended the last event */
};

struct weir_sse {
    struct weir_buf held;   /* raw bytes of the event begun earlier */
    struct weir_buf joined; /* data of several lines */
    size_t line_at;         /* of the event: where the present line begins */
    size_t scanned;         /* of the event: looked at so far */
    size_t parted;          /* of `held`: given out in parts */
    uint8_t part_state;     /* amid an event that comes in parts; 0: not */
    uint8_t part_name;      /* bytes of "data" matched in this line */
    bool part_has_data;     /* a data line was begun: the next needs LF */
    bool has_content;       /* of the event: a line that is not blank */
    bool after_cr;          /* of the event: a CR, perhaps half of CRLF */
    bool ended_by_cr;       /* the last event was */
    bool is_started;        /* the first event is out: no byte order mark */
    bool is_given;          /* `held` was given out: drop it first */
};

/* `held_max`: bytes of one gathered event. */
void weir_sse_init(struct weir_sse *sse, size_t held_max);
void weir_sse_fini(struct weir_sse *sse);
/* Ready for another stream; keeps the buffers. */
void weir_sse_reset(struct weir_sse *sse);

/*
 * Takes the next event out of `*input`, which advances. False: all input is
 * used; what is left of it is held for the next call. The event's spans are
 * valid until the next call, and those into `*input` as long as it is.
 */
bool weir_sse_next(struct weir_sse *sse, weir_span *input,
                   struct weir_sse_event *event_out);

/*
 * At the end of the stream: what was held, an event without its blank line.
 * A browser drops it; a gateway that saw `data: [DONE]` and then the end
 * wants it. False: nothing is left; else call again, it may come in parts.
 */
bool weir_sse_rest(struct weir_sse *sse, struct weir_sse_event *event_out);

#ifdef __cplusplus
}
#endif
#endif
