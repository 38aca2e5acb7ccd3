/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of tool calls: text in some dialects, objects in others. */
#include <weir/events.h>

#include <weir/raw.h>

static bool
is_object(weir_span text)
{
    struct weir_json_reader reader;
    weir_span raw;
    weir_json_reader_init(&reader, text, NULL);
    return weir_json_peek(&reader) == WEIR_JSON_OBJECT &&
           weir_json_raw(&reader, &raw) &&
           weir_json_reader_end(&reader, NULL) == WEIR_OK;
}

weir_span
weir_object_of_escaped(weir_span escaped, struct weir_buf *room)
{
    weir_span text;
    if (escaped.len == 0)
        return WEIR_SPAN("{}");
    weir_buf_reset(room);
    weir_buf_add_byte(room, '"');
    weir_buf_add_span(room, escaped);
    weir_buf_add_byte(room, '"');
    size_t len = room->len;
    size_t at = weir_buf_reserve(room, len, 1);
    if (room->overflow)
        return WEIR_SPAN("{}"); /* the caller sees the overflow */
    if (weir_json_unescape_into((weir_span){room->ptr, len}, room->ptr + at,
                                len, &text) &&
        is_object(text))
        return text;
    weir_buf_reset(room);
    weir_buf_add_span(room, WEIR_SPAN("{\"arguments\":\""));
    weir_buf_add_span(room, escaped);
    weir_buf_add_span(room, WEIR_SPAN("\"}"));
    return weir_buf_span(room);
}

weir_span
weir_events_arguments(const struct weir_event *events, size_t count, size_t at,
                      struct weir_buf *gathered, struct weir_buf *room)
{
    const struct weir_event *call = &events[at];
    weir_buf_reset(gathered);
    for (size_t i = at + 1; i < count; i++) {
        const struct weir_event *event = &events[i];
        if (event->kind != WEIR_EVENT_TOOL_ARGUMENTS ||
            event->choice != call->choice || event->tool != call->tool)
            continue;
        if (event->is_raw)
            return event->text;
        weir_buf_add_span(gathered, event->text);
    }
    return weir_object_of_escaped(weir_buf_span(gathered), room);
}
