/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which strings of an event are deltas, of which channel, and what it ends:
 * told by the members' names that the dialects share. A channel's key is made
 * of the names and numbers on the way to the string.
 */
#include "event.h"

#include <weir/json.h>

#include <string.h>

/* Objects and arrays in one another; no dialect's delta goes deeper. */
#define DEPTH_MAX 12

static bool
is_one_of(weir_span name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(names[i]) == name.len &&
            memcmp(names[i], name.ptr, name.len) == 0)
            return true;
    return false;
}

static bool
is_delta_name(weir_span name)
{
    static const char *const names[] = {
        "content",      "text",     "reasoning_content",
        "reasoning",    "thinking", "arguments",
        "partial_json", "refusal",  "delta",
        "transcript",   "input",    "summary",
    };
    return is_one_of(name, names, WEIR_COUNTOF(names));
}

static bool
is_index_name(weir_span name)
{
    static const char *const names[] = {
        "index",         "output_index",      "content_index",
        "summary_index", "contentBlockIndex",
    };
    return is_one_of(name, names, WEIR_COUNTOF(names));
}

static bool
is_end_name(weir_span name)
{
    static const char *const names[] = {"finish_reason", "finishReason",
                                        "stopReason"};
    return is_one_of(name, names, WEIR_COUNTOF(names));
}

/* Where a walk stands: the key is of names and numbers on the way. */
struct place {
    weir_span name;
    uint64_t key;
    unsigned depth;
};

static void walk(struct weir_json_reader *reader, struct place place,
                 struct weir_event *event);

static uint64_t
mix(uint64_t key, weir_span s)
{
    return weir_hash64(s, key * UINT64_C(0x9E3779B97F4A7C15) + 1);
}

static void
read_string(struct weir_json_reader *reader, const struct place *place,
            struct weir_event *event)
{
    weir_span raw;
    if (!weir_json_raw(reader, &raw))
        return;
    if (place->depth == 1 && event->type.len == 0 &&
        weir_span_equal(place->name, WEIR_SPAN("type")))
        event->type = (weir_span){raw.ptr + 1, raw.len - 2};
    if (is_end_name(place->name))
        event->is_end = true;
    if (!is_delta_name(place->name))
        return;
    if (event->count == WEIR__STRINGS_MAX) {
        event->is_too_rich = true;
        return;
    }
    event->strings[event->count++] =
        (struct weir_delta){raw, mix(place->key, place->name)};
}

static void
read_number(struct weir_json_reader *reader, const struct place *place,
            struct weir_event *event)
{
    weir_span raw;
    if (!weir_json_raw(reader, &raw))
        return;
    if (place->depth == 1 &&
        weir_span_equal(place->name, WEIR_SPAN("sequence_number")))
        event->sequence_number = raw;
}

/* The numbers that tell this object from its like, wherever they stand among
 * its members: their order, and what lies between them, count for nothing. 0:
 * there are none. */
static uint64_t
index_of(struct weir_json_reader reader)
{
    weir_span name, raw;
    uint64_t key = 0;
    if (!weir_json_object(&reader))
        return 0;
    while (weir_json_member(&reader, &name))
        if (is_index_name(name) &&
            weir_json_peek(&reader) == WEIR_JSON_NUMBER &&
            weir_json_raw(&reader, &raw))
            key += mix(weir_hash64(name, 0), raw) | 1;
    return key;
}

static void
walk_object(struct weir_json_reader *reader, struct place place,
            struct weir_event *event)
{
    weir_span name;
    uint64_t index = index_of(*reader);
    place.key = (place.key ^ index) * UINT64_C(0x9E3779B97F4A7C15) + 1;
    place.depth++;
    if (event->group == 0)
        event->group = index;
    if (!weir_json_object(reader))
        return;
    while (weir_json_member(reader, &name)) {
        struct place inner = place;
        inner.name = name;
        if (place.depth == 1 && weir_span_equal(name, WEIR_SPAN("delta")))
            event->has_delta = true;
        if (weir_span_equal(name, WEIR_SPAN("thought")) &&
            weir_json_peek(reader) == WEIR_JSON_TRUE)
            event->is_thought = true;
        walk(reader, inner, event);
    }
}

static void
walk(struct weir_json_reader *reader, struct place place,
     struct weir_event *event)
{
    switch (weir_json_peek(reader)) {
    case WEIR_JSON_OBJECT:
        if (place.depth < DEPTH_MAX) {
            place.key = mix(place.key, place.name);
            walk_object(reader, place, event);
            return;
        }
        event->is_too_rich = true;
        break;
    case WEIR_JSON_ARRAY:
        if (place.depth < DEPTH_MAX) {
            place.depth++;
            if (weir_json_array(reader))
                while (weir_json_element(reader))
                    walk(reader, place, event);
            return;
        }
        event->is_too_rich = true;
        break;
    case WEIR_JSON_STRING:
        read_string(reader, &place, event);
        return;
    case WEIR_JSON_NUMBER:
        read_number(reader, &place, event);
        return;
    default:
        break;
    }
    (void)weir_json_skip(reader);
}

bool
weir__event_read(weir_span data, weir_span type, struct weir_arena *arena,
                 struct weir_event *event)
{
    struct weir_json_reader reader;
    struct weir_error err;
    memset(event, 0, sizeof *event);
    event->data = data;
    event->type = type;
    weir_json_reader_init(&reader, data, arena);
    walk(&reader, (struct place){0}, event);
    if (weir_json_reader_end(&reader, &err) != WEIR_OK)
        return false;
    for (size_t i = 0; i < event->count; i++)
        event->strings[i].key += event->is_thought;
    return true;
}

/* Typed events say whether they are deltas; events without a type are. One
 * whose delta holds no text of a channel (a citation) is a whole body. */
bool
weir__event_is_delta(const struct weir_event *event)
{
    return event->count > 0 && !event->is_too_rich &&
           (event->type.len == 0 || event->has_delta);
}

bool
weir__event_ends_group(const struct weir_event *event)
{
    return event->is_end || weir_span_ends(event->type, WEIR_SPAN(".done")) ||
           weir_span_equal(event->type, WEIR_SPAN("content_block_stop")) ||
           weir_span_equal(event->type, WEIR_SPAN("contentBlockStop"));
}

bool
weir__event_ends_all(const struct weir_event *event)
{
    static const char *const types[] = {
        "message_delta",       "message_stop",    "response.completed",
        "response.incomplete", "response.failed", "error",
        "messageStop",         "metadata",        "exception"};
    return is_one_of(event->type, types, WEIR_COUNTOF(types));
}
