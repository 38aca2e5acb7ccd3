/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/events.h - a reply in no dialect: a row of events.
 *
 *    origin's bytes --reading--> struct weir_event ... --writing--> client's
 *
 * A reading (one of each dialect that origins speak, in providers/) turns
 * whole bodies or stream events into neutral events; a writing (one of each
 * dialect that clients speak, in surfaces/) writes them, streamed or as one
 * body. Both sides see the same events whether the reply was streamed or
 * not. Spans are ESCAPED (weir/neutral.h) and live until emit() returns;
 * those of a whole body until it is all written.
 *
 * Order: START first; then TEXT, REASONING, SIGNATURE, REFUSAL, TOOL_CALL,
 * TOOL_ARGUMENTS, LOGPROBS, OTHER as they come; a STOP for each choice;
 * USAGE whenever the origin counts (the last one holds); END, or ERROR.
 * A reading need not repeat START, and emits END at the dialect's proper end
 * only: without it the reply is cut.
 *
 * Threads: one owner each. Memory: the structs are the caller's; buffers
 * grow to the maximum given and are freed by whoever made them.
 */
#ifndef WEIR_EVENTS_H
#define WEIR_EVENTS_H

#include <weir/base.h>
#include <weir/meter.h>
#include <weir/neutral.h>
#include <weir/pen.h>

#ifdef __cplusplus
extern "C" {
#endif

enum weir_event_kind {
    WEIR_EVENT_START,          /* id, model, created */
    WEIR_EVENT_TEXT,           /* text */
    WEIR_EVENT_REASONING,      /* text */
    WEIR_EVENT_SIGNATURE,      /* text: seals the reasoning before it; with
                           * is_redacted it is all there is of it */
    WEIR_EVENT_REFUSAL,        /* text */
    WEIR_EVENT_TOOL_CALL,      /* tool, id, name; text: signature or absent */
    WEIR_EVENT_TOOL_ARGUMENTS, /* tool; text: part of the JSON, ESCAPED, or
                                * with is_raw all of it, RAW */
    WEIR_EVENT_LOGPROBS,       /* text: RAW, OpenAI's array of tokens */
    WEIR_EVENT_OTHER,          /* text: RAW block no other dialect has */
    WEIR_EVENT_STOP,           /* stop; text: the origin's word for it */
    WEIR_EVENT_USAGE,          /* usage */
    WEIR_EVENT_ERROR,          /* code, text */
    WEIR_EVENT_END
};

enum weir_stop {
    WEIR_STOP_END,
    WEIR_STOP_LENGTH,
    WEIR_STOP_SEQUENCE, /* text of the event: which */
    WEIR_STOP_TOOL,
    WEIR_STOP_FILTER, /* refused, by the model or a filter */
    WEIR_STOP_PAUSE,  /* to be continued by sending it back */
    WEIR_STOP_BROKEN, /* what the model made is of no use: a call that is
                       * none, an engine that gave up */
    WEIR_STOP_OTHER
};

/* `counts` as weir/meter.h says: input with the cached part, output with
 * reasoning. */
struct weir_event_usage {
    struct weir_usage counts;
};

struct weir_event {
    enum weir_event_kind kind;
    uint32_t choice; /* of n answers */
    uint32_t tool;   /* which of the choice's tool calls, from 0 */
    enum weir_stop stop;
    bool is_redacted;
    bool is_raw;
    int64_t created; /* seconds since 1970; 0: not said */
    weir_span text;
    weir_span id;
    weir_span name; /* tool */
    weir_span model;
    weir_span code; /* the provider's */
    const struct weir_event_usage *usage;
};

/* ------------------------------------------------------------ reading */

struct weir_reading;

struct weir_reading_ops {
    /* One event of a stream: SSE's event and data, or what next_frame gave.
     * False: it cannot be read, and the reply is cut. */
    bool (*event)(struct weir_reading *reading, weir_span name, weir_span data);
    /* A whole body. */
    bool (*body)(struct weir_reading *reading, weir_span body);
    /* NULL: streams are SSE. Else cuts frames out of `input` at any split;
     * `held` gathers one that is not whole. False: no frame is complete.
     * Sets `is_broken` when the framing itself is wrong. */
    bool (*next_frame)(struct weir_buf *held, weir_span *input,
                       weir_span *name_out, weir_span *data_out,
                       bool *is_broken);
    /* The stream has ended as HTTP promised and no END was seen: dialects
     * without an end of their own emit it here. NULL: it is a cut. */
    void (*finish)(struct weir_reading *reading);
    const char *stream_type; /* content type; NULL: text/event-stream */
};

/* What a reading remembers between events of a stream. */
struct weir_reading {
    const struct weir_reading_ops *ops;
    void (*emit)(struct weir_reading *reading, const struct weir_event *event);
    void *context;
    bool has_started;
    bool has_ended;
    bool has_tools;       /* of choice 0 */
    uint32_t tool_count;  /* calls begun */
    uint32_t block;       /* of the origin's: which is open */
    uint32_t block_kind;  /* as the dialect likes */
    uint32_t tool_of[64]; /* block to tool; beyond, calls go by order */
    enum weir_stop stop;
    struct weir_event_usage usage;
};

/* ------------------------------------------------------------ writing */

struct weir_writing;

struct weir_writing_ops {
    /* Appends to writing->out what `event` is in the client's dialect. */
    void (*event)(struct weir_writing *writing, const struct weir_event *event);
    /* The same for a whole body of all its events. */
    void (*whole)(struct weir_writing *writing, const struct weir_event *events,
                  size_t count);
    const char *stream_type; /* content type; NULL: text/event-stream */
};

enum weir_block {
    WEIR_BLOCK_NONE,
    WEIR_BLOCK_TEXT,
    WEIR_BLOCK_REASONING,
    WEIR_BLOCK_REFUSAL,
    WEIR_BLOCK_TOOL
};

struct weir_writing {
    const struct weir_writing_ops *ops;
    struct weir_buf *out;
    weir_span model;           /* as the client named it; plain */
    weir_span request;         /* weir's id of the call: "req_..." */
    int64_t now;               /* seconds, for dialects that want a time */
    enum weir_dialect dialect; /* the client's */
    bool wants_usage;          /* the client asked for the usage event */
    bool is_streamed;

    /* State of the stream. */
    bool has_started;
    bool has_stopped;
    enum weir_block block; /* open one */
    uint32_t block_count;  /* begun so far */
    uint32_t tool;         /* of the open WEIR_BLOCK_TOOL */
    bool has_raw;          /* its arguments came as RAW */
    uint32_t tool_count;
    uint32_t block_of[64];  /* tool to block */
    uint32_t choices_begun; /* bit of each */
    uint64_t sequence;      /* Responses */
    uint64_t random;        /* for ids made up: differs by call */
    char id[96];            /* of the reply, ESCAPED */
    uint32_t id_len;
    int64_t created;
    enum weir_stop stop;
    char stop_text[64]; /* ESCAPED */
    uint32_t stop_len;
    struct weir_event_usage usage;
    struct weir_buf text;  /* of the open block, where the dialect repeats it */
    struct weir_buf items; /* blocks that are closed */
    struct weir_buf room;  /* for arguments that have to be objects */
    bool is_broken;        /* a buffer was too small: the reply is cut */
};

/* Arguments that came as text, ESCAPED, as a RAW object in `room` (emptied
 * first). What a model wrote that is no object becomes {"arguments":"..."}:
 * a client that expects an object gets one, and nothing is lost. */
weir_span weir_object_of_escaped(weir_span escaped, struct weir_buf *room);
/* The same for the call that events[at] begins, of a whole body's events. */
weir_span weir_events_arguments(const struct weir_event *events, size_t count,
                                size_t at, struct weir_buf *gathered,
                                struct weir_buf *room);

#ifdef __cplusplus
}
#endif
#endif
