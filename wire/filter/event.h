/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire/filter/event.h - one event of a stream: which strings are deltas.
 *
 * Threads: one owner. Memory: spans borrow from the event's data; the arena
 * is the caller's.
 */
#ifndef WEIR_FILTER_EVENT_H
#define WEIR_FILTER_EVENT_H

#include <weir/base.h>

/* Delta strings of one event; an event with more is read as a whole body. */
#define WEIR__STRINGS_MAX 32

struct weir_delta {
    weir_span raw; /* with its quotes, into the event's data */
    uint64_t key;
};

struct weir_event {
    weir_span data;
    weir_span type;            /* of its frame, or that member at the top */
    weir_span sequence_number; /* raw */
    bool has_delta;            /* a member of that name at the top */
    bool is_thought;           /* a member "thought" that is true */
    bool is_end;               /* of its group */
    bool is_too_rich;
    uint64_t group;
    struct weir_delta strings[WEIR__STRINGS_MAX];
    size_t count;
};

/* `type`: what the event's frame says of it; empty: nothing. False: not
 * JSON, as "[DONE]" is not. */
bool weir__event_read(weir_span data, weir_span type, struct weir_arena *arena,
                      struct weir_event *event_out);
bool weir__event_is_delta(const struct weir_event *event);
bool weir__event_ends_group(const struct weir_event *event);
bool weir__event_ends_all(const struct weir_event *event);

#endif
