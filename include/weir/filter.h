/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/filter.h - a reply on its way to the client, through a set of rules.
 *
 * Reads the bytes the client would get, in its own dialect, and writes those
 * it may get. A whole body is read string by string (weir_detect_body). In a
 * stream the deltas of one channel - an answer, its reasoning, the arguments
 * of a tool call - are one text, however it is cut: what is held goes out
 * with a later delta, or in one more event like the last, before the event
 * that ends the channel.
 *
 * Which strings are deltas is told by the members' names that the dialects
 * share (content, text, arguments, ...), so every surface is served by one
 * filter. Every other string is a text of its own.
 *
 * Threads: one owner. Memory: heap, freed by weir_filter_free(); held text
 * is wiped. An event larger than `held_max` cannot be looked at: blocked.
 */
#ifndef WEIR_FILTER_H
#define WEIR_FILTER_H

#include <weir/base.h>
#include <weir/detect.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Channels of one reply that are read at the same time; more are blocked. */
#define WEIR_FILTER_CHANNELS 64

struct weir_filter_setup {
    const struct weir_detect_set *set;
    const struct weir_vault *restores; /* of the request; NULL: none */
    bool is_streamed;                  /* a stream of events; else JSON */
    bool is_binary; /* in the binary frames of AWS; else text/event-stream */
    bool has_no_deltas; /* every string of an event is a text of its own */
    bool is_text;       /* not streamed, and one text in place of JSON */
    size_t held_max;    /* of one event, or of the body */
    /* Of streams: each piece of text as it goes on, by channel; may be NULL.
     * What a stream says outside of deltas counts until the first delta. */
    void (*on_text)(void *context, uint64_t channel, weir_span text);
    void *context;
};

struct weir_filter;

/* NULL: no memory. Set and vault outlive the filter. */
struct weir_filter *weir_filter_new(const struct weir_filter_setup *setup);
void weir_filter_free(struct weir_filter *filter); /* NULL: none */

/*
 * Takes bytes of the reply and appends those for the client. False: nothing
 * of this call and of those behind it may go on (weir_filter_found() says
 * why); what was appended by calls before is the client's already.
 */
bool weir_filter_take(struct weir_filter *filter, weir_span bytes,
                      struct weir_buf *out);
/* The reply is at its end: what was held. */
bool weir_filter_finish(struct weir_filter *filter, struct weir_buf *out);

/*
 * The same for messages of one event each, JSON: realtime sessions. Of a
 * filter that is_streamed; what goes on is given event by event, each only
 * for that call. `room` is for the event and what becomes of it. False: as
 * above, or `room` is too small.
 */
typedef void weir_filter_on_event(void *context, weir_span event);
bool weir_filter_take_event(struct weir_filter *filter, weir_span event,
                            struct weir_buf *room,
                            weir_filter_on_event *on_event, void *context);
bool weir_filter_finish_events(struct weir_filter *filter,
                               struct weir_buf *room,
                               weir_filter_on_event *on_event, void *context);

/* Counts by rule, whether and by which rule it is blocked; `text` is NULL. */
const struct weir_detect_out *
weir_filter_found(const struct weir_filter *filter);

#ifdef __cplusplus
}
#endif

#endif
