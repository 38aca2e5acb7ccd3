/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a WebSocket, one event each, through a filter of streams.
 *
 *   event -> "data: ..." -> the filter -> "data: ..." -> none, one or two
 *
 * WHY AS A STREAM OF EVENTS. What the frames of such a stream say beyond the
 * events is nothing, so one filter knows deltas, channels and what is held
 * for both. An event is one line there: line feeds between its members are
 * written as blanks, and inside of strings JSON has none.
 */
#include <weir/filter.h>
#include <weir/sse.h>

static const weir_span data = {"data: ", 6};
static const weir_span end = {"\n\n", 2};

static bool
give(struct weir_buf *room, weir_filter_on_event *on_event, void *context)
{
    struct weir_sse sse;
    struct weir_sse_event event;
    weir_span rest = weir_buf_span(room);
    weir_sse_init(&sse, 0); /* all of it is here: nothing is gathered */
    while (weir_sse_next(&sse, &rest, &event))
        if (event.has_data && !event.is_tail)
            on_event(context, event.data);
    weir_sse_fini(&sse);
    return rest.len == 0;
}

bool
weir_filter_take_event(struct weir_filter *filter, weir_span event,
                       struct weir_buf *room, weir_filter_on_event *on_event,
                       void *context)
{
    weir_buf_reset(room);
    weir_buf_add_span(room, data);
    weir_buf_add_span(room, event);
    weir_buf_add_span(room, end);
    if (room->overflow)
        return false;
    for (size_t i = data.len; i < room->len - end.len; i++)
        if (room->ptr[i] == '\n' || room->ptr[i] == '\r')
            room->ptr[i] = ' ';
    struct weir_buf out;
    weir_buf_init(&out, room->max);
    bool goes_on = weir_filter_take(filter, weir_buf_span(room), &out) &&
                   give(&out, on_event, context);
    weir_buf_fini(&out);
    return goes_on;
}

bool
weir_filter_finish_events(struct weir_filter *filter, struct weir_buf *room,
                          weir_filter_on_event *on_event, void *context)
{
    weir_buf_reset(room);
    return weir_filter_finish(filter, room) && give(room, on_event, context);
}
