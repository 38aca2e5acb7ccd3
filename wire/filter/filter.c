/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reply through a set of rules.
 *
 *     event -> which strings are deltas, of which channel
 *           -> each through its channel's stream, put back in its place
 *     event that ends a channel -> one more event like its last, with what
 *                                  was held; then the event itself
 *
 * WHY AN EVENT LIKE THE LAST. Each dialect has its own shape of a delta, and
 * clients check it. The last one of the channel is right by construction.
 *
 * A binary event stream (AWS) is the same with other frames: the payload is
 * the event, and its headers say of what kind. What is left of a message that
 * never ended does not go on.
 *
 * Numbers that count events (sequence_number) are moved on by those that were
 * added.
 */

#include "event.h"

#include <weir/eventstream.h>
#include <weir/filter.h>
#include <weir/json.h>
#include <weir/sse.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct channel {
    uint64_t key;
    uint64_t group; /* ends together: an answer */
    struct weir_detect_stream stream;
    struct weir_buf like;          /* its last event, as it was written; in
                                      binary streams, the payload */
    struct weir_buf headers;       /* and the headers, of those */
    size_t from, to;               /* of the string in it, with its quotes */
    size_t number_from, number_to; /* of its sequence_number; equal: none */
    bool is_chunk; /* its events stand in InvokeModel's chunks */
    struct channel *next;
};

struct weir_filter {
    struct weir_filter_setup setup;
    struct weir_detect_out found;
    struct weir_sse sse;
    struct weir_buf message; /* of a binary stream, while it arrives */
    weir_span headers;       /* of the message under way */
    struct weir_buf body;    /* of a reply that is not streamed */
    struct weir_buf text;    /* what a string became */
    struct weir_buf event;   /* an event with its strings replaced */
    struct weir_arena arena; /* of one event */
    struct channel *channels;
    uint32_t channel_count;
    weir_span data;          /* of the event under way, as it came */
    weir_span type;          /* of a binary stream's message */
    int64_t added;           /* events */
    int64_t number;          /* sequence_number of the last event */
    struct weir_buf chunk;   /* of InvokeModel's: what is in it, decoded */
    struct weir_buf payload; /* and written anew */
    bool is_chunk;           /* the message under way is one */
    bool is_rewritten;       /* the last event, its end included */
    bool has_deltas;         /* one at least has been read */
};

/* ------------------------------------------------------------- channels */

static struct channel *
channel_of(struct weir_filter *filter, uint64_t key, uint64_t group)
{
    for (struct channel *c = filter->channels; c != NULL; c = c->next)
        if (c->key == key)
            return c;
    if (filter->channel_count == WEIR_FILTER_CHANNELS)
        return NULL;
    struct channel *made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->key = key;
    made->group = group;
    weir_buf_init(&made->like, filter->setup.held_max);
    weir_buf_init(&made->headers, filter->setup.held_max);
    weir_detect_stream_init(&made->stream, filter->setup.set,
                            filter->setup.restores);
    made->next = filter->channels;
    filter->channels = made;
    filter->channel_count++;
    return made;
}

static void
free_channels(struct weir_filter *filter)
{
    while (filter->channels != NULL) {
        struct channel *c = filter->channels;
        filter->channels = c->next;
        weir_detect_stream_fini(&c->stream);
        weir_buf_fini(&c->like);
        weir_buf_fini(&c->headers);
        free(c);
    }
}

static bool
is_holding(const struct channel *c)
{
    return c->stream.held > 0 || c->stream.swallowed_by != 0;
}

/* Blocked for want of room: closed, without a rule to name. */
static bool
give_up(struct weir_filter *filter)
{
    filter->found.is_blocked = true;
    return false;
}

/* ---------------------------------------------------------------- write */

/* One string through its channel; the replacement, quoted, in filter->text.
 * `like`: the event, to be repeated should something be held. */
static void
tell(const struct weir_filter *filter, uint64_t channel, weir_span text)
{
    if (filter->setup.on_text != NULL && text.len > 0)
        filter->setup.on_text(filter->setup.context, channel, text);
}

static bool
feed(struct weir_filter *filter, struct channel *c, weir_span raw, bool is_last)
{
    char memory[4096];
    struct weir_buf plain;
    weir_span text;
    struct weir_error err;
    if (weir_json_unescape(raw, &filter->arena, &text, &err) != WEIR_OK)
        return give_up(filter);
    weir_buf_init(&plain, filter->setup.held_max);
    if (text.len < sizeof memory - 2 * WEIR_DETECT_WINDOW)
        weir_buf_init_fixed(&plain, memory, sizeof memory);
    filter->found.text = &plain;
    bool is_done = weir_detect_feed(&c->stream, text, is_last, &filter->found);
    filter->found.text = NULL;
    if (!is_done) { /* many replacements longer than what they stand for */
        weir_buf_fini(&plain);
        return give_up(filter);
    }
    weir_buf_reset(&filter->text);
    weir_json_quote(&filter->text, weir_buf_span(&plain));
    tell(filter, c->key, weir_buf_span(&plain));
    explicit_bzero(memory, sizeof memory);
    weir_buf_fini(&plain);
    return !filter->found.is_blocked;
}

/* Parts of an event's data that are written anew, in their order. */
struct edit {
    size_t from, to;         /* of the data */
    size_t at, end;          /* where the new text stands in filter->event */
    struct channel *channel; /* NULL: the sequence number */
};

struct edits {
    struct edit all[WEIR__STRINGS_MAX + 1];
    size_t count;
};

/* What stands between the last edit and `from`. */
static void
copy_up_to(struct weir_filter *filter, const struct weir_event *event,
           const struct edits *edits, size_t from)
{
    size_t at = edits->count > 0 ? edits->all[edits->count - 1].to : 0;
    weir_buf_add(&filter->event, event->data.ptr + at, from - at);
}

static void
add_edit(struct weir_filter *filter, const struct weir_event *event,
         struct edits *edits, weir_span raw, weir_span text,
         struct channel *channel)
{
    size_t from = (size_t)(raw.ptr - event->data.ptr);
    copy_up_to(filter, event, edits, from);
    size_t at = filter->event.len;
    weir_buf_add_span(&filter->event, text);
    edits->all[edits->count++] =
        (struct edit){from, from + raw.len, at, filter->event.len, channel};
}

static void
add_number(struct weir_filter *filter, const struct weir_event *event,
           struct edits *edits)
{
    char text[24];
    int64_t value = 0;
    if (!weir_json_to_int64(event->sequence_number, &value))
        return;
    filter->number = value + filter->added;
    int n = snprintf(text, sizeof text, "%lld", (long long)filter->number);
    add_edit(filter, event, edits, event->sequence_number,
             (weir_span){text, (size_t)n}, NULL);
}

/* A message of a binary stream with filter->event as its payload. */
static void
put_message(struct weir_filter *filter, weir_span headers, struct weir_buf *out)
{
    weir_span payload = weir_buf_span(&filter->event);
    if (filter->is_chunk) {
        weir_buf_reset(&filter->payload);
        weir_eventstream_put_chunk(&filter->payload, payload);
        payload = weir_buf_span(&filter->payload);
    }
    if (filter->payload.overflow ||
        weir_eventstream_put(out, headers, payload) != WEIR_OK)
        filter->event.overflow = true;
}

/* The event with filter->event as its data: its other lines stay. Returns
 * where the data begins in `out`. */
static size_t
put_event(struct weir_filter *filter, weir_span raw, weir_span data,
          struct weir_buf *out)
{
    weir_span made = weir_buf_span(&filter->event);
    if (filter->setup.is_binary) {
        put_message(filter, filter->headers, out);
        return out->len;
    }
    const char *from = memmem(raw.ptr, raw.len, data.ptr, data.len);
    size_t begun;
    if (from != NULL && data.len > 0) {
        size_t at = (size_t)(from - raw.ptr);
        weir_buf_add(out, raw.ptr, at);
        begun = out->len;
        weir_buf_add_span(out, made);
        weir_buf_add(out, from + data.len, raw.len - at - data.len);
        return begun;
    }
    /* data of several lines: written as one */
    filter->is_rewritten = true;
    weir_buf_add_span(out, WEIR_SPAN("data: "));
    begun = out->len;
    weir_buf_add_span(out, made);
    weir_buf_add_span(out, WEIR_SPAN("\n\n"));
    return begun;
}

/* Keeps the event, as written, to be repeated with what is held. */
static bool
keep(struct weir_filter *filter, const struct edits *edits, size_t which,
     weir_span written, size_t data_at)
{
    struct channel *c = edits->all[which].channel;
    weir_buf_reset(&c->like);
    weir_buf_add_span(&c->like, written);
    weir_buf_reset(&c->headers);
    weir_buf_add_span(&c->headers, filter->headers);
    c->is_chunk = filter->is_chunk;
    c->from = data_at + edits->all[which].at;
    c->to = data_at + edits->all[which].end;
    c->number_from = c->number_to = 0;
    for (size_t i = 0; i < edits->count; i++)
        if (edits->all[i].channel == NULL) {
            c->number_from = data_at + edits->all[i].at;
            c->number_to = data_at + edits->all[i].end;
        }
    return (!c->like.overflow && !c->headers.overflow) || give_up(filter);
}

/* One more event like the channel's last, with `text`. */
static void
repeat(struct weir_filter *filter, const struct channel *c, weir_span text,
       struct weir_buf *out)
{
    bool is_binary = filter->setup.is_binary;
    struct weir_buf *to = is_binary ? &filter->event : out;
    bool has_number = c->number_to > c->number_from;
    bool is_first = has_number && c->number_from < c->from;
    size_t at = 0;
    if (is_binary)
        weir_buf_reset(to);
    if (is_first) {
        weir_buf_add(to, c->like.ptr, c->number_from);
        weir_buf_addf(to, "%lld", (long long)++filter->number);
        at = c->number_to;
    }
    weir_buf_add(to, c->like.ptr + at, c->from - at);
    weir_json_quote(to, text);
    at = c->to;
    if (has_number && !is_first) {
        weir_buf_add(to, c->like.ptr + at, c->number_from - at);
        weir_buf_addf(to, "%lld", (long long)++filter->number);
        at = c->number_to;
    }
    weir_buf_add(to, c->like.ptr + at, c->like.len - at);
    if (is_binary) {
        bool is_chunk = filter->is_chunk;
        filter->is_chunk = c->is_chunk;
        put_message(filter, weir_buf_span(&c->headers), out);
        filter->is_chunk = is_chunk;
    }
    filter->added++;
}

static bool
flush(struct weir_filter *filter, struct channel *c, struct weir_buf *out)
{
    char memory[4 * WEIR_DETECT_WINDOW];
    struct weir_buf plain;
    if (!is_holding(c))
        return true;
    weir_buf_init_fixed(&plain, memory, sizeof memory);
    filter->found.text = &plain;
    bool is_done =
        weir_detect_feed(&c->stream, WEIR_SPAN_NONE, true, &filter->found);
    filter->found.text = NULL;
    if (!is_done || filter->found.is_blocked)
        return give_up(filter);
    if (plain.len > 0)
        repeat(filter, c, weir_buf_span(&plain), out);
    tell(filter, c->key, weir_buf_span(&plain));
    explicit_bzero(memory, sizeof memory);
    weir_detect_stream_init(&c->stream, filter->setup.set,
                            filter->setup.restores);
    return (!out->overflow && !filter->event.overflow) || give_up(filter);
}

static bool
flush_some(struct weir_filter *filter, uint64_t group, bool is_all,
           struct weir_buf *out)
{
    for (struct channel *c = filter->channels; c != NULL; c = c->next)
        if ((is_all || c->group == group) && !flush(filter, c, out))
            return false;
    return true;
}

/* ----------------------------------------------------------- whole events */

/* An event of deltas: each string through its channel. */
static bool
pass_delta(struct weir_filter *filter, weir_span raw, struct weir_event *event,
           struct weir_buf *out)
{
    struct edits edits = {.count = 0};
    bool is_last = weir__event_ends_group(event);
    bool has_number = event->sequence_number.len > 0;
    size_t begun = out->len;
    weir_buf_reset(&filter->event);
    filter->has_deltas = true;
    for (size_t i = 0; i < event->count; i++) {
        struct weir_delta *string = &event->strings[i];
        struct channel *c = channel_of(filter, string->key, event->group);
        if (c == NULL)
            return give_up(filter);
        if (!feed(filter, c, string->raw, is_last))
            return false;
        if (has_number && event->sequence_number.ptr < string->raw.ptr) {
            add_number(filter, event, &edits);
            has_number = false;
        }
        add_edit(filter, event, &edits, string->raw,
                 weir_buf_span(&filter->text), c);
    }
    if (has_number)
        add_number(filter, event, &edits);
    copy_up_to(filter, event, &edits, event->data.len);
    size_t data_at = put_event(filter, raw, event->data, out) - begun;
    if (out->overflow || filter->event.overflow)
        return give_up(filter);
    weir_span written = {out->ptr + begun, out->len - begun};
    if (filter->setup.is_binary) {
        written = weir_buf_span(&filter->event);
        data_at = 0;
    }
    for (size_t i = 0; i < edits.count; i++)
        if (edits.all[i].channel != NULL && is_holding(edits.all[i].channel) &&
            !keep(filter, &edits, i, written, data_at))
            return false;
    return true;
}

static bool
tell_other(void *context, weir_span text)
{
    tell(context, 0, text);
    return true;
}

/* Any other: every string is a text of its own. */
static bool
pass_other(struct weir_filter *filter, weir_span raw, struct weir_event *event,
           struct weir_buf *out)
{
    struct edits edits = {.count = 0};
    struct weir_buf changed;
    weir_span data = event->data;
    weir_buf_init(&changed, 2 * filter->setup.held_max);
    struct weir_detect_out found = filter->found;
    found.text = &changed;
    found.is_changed = false;
    bool is_done = weir_detect_body(filter->setup.set, filter->setup.restores,
                                    data, &filter->arena, &found);
    bool is_changed = found.is_changed;
    found.is_changed |= filter->found.is_changed;
    found.text = NULL;
    filter->found = found;
    if (!is_done || found.is_blocked) {
        weir_buf_fini(&changed);
        return give_up(filter);
    }
    if (is_changed) { /* its parts lie elsewhere now */
        data = weir_buf_span(&changed);
        if (!weir__event_read(data, filter->type, &filter->arena, event)) {
            weir_buf_fini(&changed);
            return give_up(filter);
        }
    }
    if (filter->setup.on_text != NULL && !filter->has_deltas)
        (void)weir_detect_texts(data, &filter->arena, tell_other, filter);
    weir_buf_reset(&filter->event);
    if (event->sequence_number.len > 0)
        add_number(filter, event, &edits);
    copy_up_to(filter, event, &edits, data.len);
    put_event(filter, raw, filter->data, out);
    weir_buf_fini(&changed);
    return (!out->overflow && !filter->event.overflow) || give_up(filter);
}

static bool
pass_data(struct weir_filter *filter, weir_span raw, struct weir_event *event,
          struct weir_buf *out)
{
    bool is_delta = !filter->setup.has_no_deltas && weir__event_is_delta(event);
    bool is_end = weir__event_ends_group(event);
    if (weir__event_ends_all(event) && !flush_some(filter, 0, true, out))
        return false;
    if (!is_delta && is_end &&
        !flush_some(filter, event->group, event->group == 0, out))
        return false;
    return is_delta ? pass_delta(filter, raw, event, out)
                    : pass_other(filter, raw, event, out);
}

static void
begin_event(struct weir_filter *filter, weir_span data, weir_span type)
{
    filter->is_rewritten = false;
    filter->data = data;
    filter->type = type;
    weir_arena_fini(&filter->arena);
    weir_arena_init_heap(&filter->arena, 4 * filter->setup.held_max);
}

static bool
pass_event(struct weir_filter *filter, const struct weir_sse_event *sse,
           struct weir_buf *out)
{
    struct weir_event event;
    if (sse->is_part)
        return give_up(filter);
    if (!sse->has_data || sse->data.len == 0 || sse->is_tail) {
        if (!sse->is_tail || !filter->is_rewritten)
            weir_buf_add_span(out, sse->raw);
        filter->is_rewritten = false;
        return true;
    }
    begin_event(filter, sse->data, WEIR_SPAN_NONE);
    if (!weir__event_read(sse->data, WEIR_SPAN_NONE, &filter->arena, &event)) {
        /* "[DONE]", or what no client can read as anything else */
        if (!flush_some(filter, 0, true, out))
            return false;
        weir_buf_add_span(out, sse->raw);
        return weir_span_equal(sse->data, WEIR_SPAN("[DONE]")) ||
               give_up(filter);
    }
    return pass_data(filter, sse->raw, &event, out);
}

/* An error of the stream says what is wrong in a header, which cannot be
 * changed: it passes where no rule has anything to say about it. */
static bool
pass_error(struct weir_filter *filter, const struct weir_eventstream *message,
           struct weir_buf *out)
{
    struct weir_detect_stream stream;
    struct weir_detect_out found = {.text = NULL};
    weir_detect_stream_init(&stream, filter->setup.set, NULL);
    bool is_done = weir_detect_feed(
        &stream,
        weir_eventstream_string(message->headers, WEIR_SPAN(":error-message")),
        true, &found);
    weir_detect_stream_fini(&stream);
    if (!is_done || found.is_blocked || found.is_changed ||
        message->payload.len > 0 || !flush_some(filter, 0, true, out))
        return give_up(filter);
    weir_buf_add_span(out, message->raw);
    return !out->overflow || give_up(filter);
}

/* A message of InvokeModel's: what is in it is an event like any other. */
static bool
pass_chunk(struct weir_filter *filter, const struct weir_eventstream *message,
           struct weir_buf *out)
{
    struct weir_event event;
    weir_span data;
    if (!weir_eventstream_chunk(message->payload, &filter->chunk, &data))
        return give_up(filter);
    filter->is_chunk = true;
    begin_event(filter, data, WEIR_SPAN_NONE);
    if (!weir__event_read(data, WEIR_SPAN_NONE, &filter->arena, &event))
        return give_up(filter);
    return pass_data(filter, message->raw, &event, out);
}

/* One message of a binary stream. Its exceptions have a payload, as events
 * do; one that is no JSON cannot be looked at. */
static bool
pass_message(struct weir_filter *filter, const struct weir_eventstream *message,
             struct weir_buf *out)
{
    struct weir_event event;
    weir_span kind =
        weir_eventstream_string(message->headers, WEIR_SPAN(":message-type"));
    weir_span type =
        weir_eventstream_string(message->headers, WEIR_SPAN(":event-type"));
    if (weir_span_equal(kind, WEIR_SPAN("error")))
        return pass_error(filter, message, out);
    if (!weir_span_equal(kind, WEIR_SPAN("event")))
        type = WEIR_SPAN("exception");
    filter->headers = message->headers;
    filter->is_chunk = false;
    if (weir_span_equal(type, WEIR_SPAN("chunk")))
        return pass_chunk(filter, message, out);
    begin_event(filter, message->payload, type);
    if (message->payload.len > 0 &&
        weir__event_read(message->payload, type, &filter->arena, &event))
        return pass_data(filter, message->raw, &event, out);
    if (message->payload.len > 0 || !flush_some(filter, 0, true, out))
        return give_up(filter);
    weir_buf_add_span(out, message->raw);
    return !out->overflow || give_up(filter);
}

static bool
take_messages(struct weir_filter *filter, weir_span bytes, struct weir_buf *out)
{
    struct weir_eventstream message;
    bool is_broken = false;
    while (
        weir_eventstream_next(&filter->message, &bytes, &message, &is_broken))
        if (!pass_message(filter, &message, out))
            return false;
    return !is_broken || give_up(filter);
}

/* -------------------------------------------------------------- the life */

struct weir_filter *
weir_filter_new(const struct weir_filter_setup *setup)
{
    struct weir_filter *filter = calloc(1, sizeof *filter);
    if (filter == NULL)
        return NULL;
    filter->setup = *setup;
    if (filter->setup.held_max == 0)
        filter->setup.held_max = WEIR_SSE_HELD_MAX;
    weir_sse_init(&filter->sse, filter->setup.held_max);
    weir_buf_init(&filter->message, filter->setup.held_max);
    weir_buf_init(&filter->body, filter->setup.held_max);
    weir_buf_init(&filter->chunk, 2 * filter->setup.held_max);
    weir_buf_init(&filter->payload, 12 * filter->setup.held_max);
    weir_buf_init(&filter->text, 8 * filter->setup.held_max);
    weir_buf_init(&filter->event, 8 * filter->setup.held_max);
    weir_arena_init_heap(&filter->arena, 4 * filter->setup.held_max);
    return filter;
}

void
weir_filter_free(struct weir_filter *filter)
{
    if (filter == NULL)
        return;
    free_channels(filter);
    weir_sse_fini(&filter->sse);
    weir_buf_fini(&filter->message);
    weir_buf_fini(&filter->body);
    weir_buf_fini(&filter->chunk);
    weir_buf_fini(&filter->payload);
    weir_buf_fini(&filter->text);
    weir_buf_fini(&filter->event);
    weir_arena_fini(&filter->arena);
    free(filter);
}

bool
weir_filter_take(struct weir_filter *filter, weir_span bytes,
                 struct weir_buf *out)
{
    struct weir_sse_event event;
    if (filter->found.is_blocked)
        return false;
    if (!filter->setup.is_streamed) {
        weir_buf_add_span(&filter->body, bytes);
        return !filter->body.overflow || give_up(filter);
    }
    if (filter->setup.is_binary)
        return take_messages(filter, bytes, out);
    while (weir_sse_next(&filter->sse, &bytes, &event))
        if (!pass_event(filter, &event, out))
            return false;
    return true;
}

static bool
finish_text(struct weir_filter *filter, weir_span body, struct weir_buf *out)
{
    struct weir_detect_stream stream;
    if (weir_detect_rule_count(filter->setup.set) == 0 &&
        filter->setup.restores == NULL) {
        weir_buf_add_span(out, body); /* no rule minds what it is */
        return !out->overflow || give_up(filter);
    }
    if (!weir_utf8_valid(body))
        return give_up(filter);
    weir_detect_stream_init(&stream, filter->setup.set, filter->setup.restores);
    filter->found.text = out;
    bool is_done = weir_detect_feed(&stream, body, true, &filter->found);
    filter->found.text = NULL;
    weir_detect_stream_fini(&stream);
    return (is_done && !filter->found.is_blocked) || give_up(filter);
}

static bool
finish_body(struct weir_filter *filter, struct weir_buf *out)
{
    weir_span body = weir_buf_span(&filter->body);
    if (body.len == 0)
        return true;
    if (filter->setup.is_text)
        return finish_text(filter, body, out);
    filter->found.text = out;
    bool is_done = weir_detect_body(filter->setup.set, filter->setup.restores,
                                    body, &filter->arena, &filter->found);
    filter->found.text = NULL;
    if (!is_done || filter->found.is_blocked)
        return give_up(filter);
    if (!filter->found.is_changed)
        weir_buf_add_span(out, body);
    return !out->overflow || give_up(filter);
}

bool
weir_filter_finish(struct weir_filter *filter, struct weir_buf *out)
{
    struct weir_sse_event event;
    if (filter->found.is_blocked)
        return false;
    if (!filter->setup.is_streamed)
        return finish_body(filter, out);
    while (!filter->setup.is_binary && weir_sse_rest(&filter->sse, &event))
        if (!pass_event(filter, &event, out))
            return false;
    return flush_some(filter, 0, true, out);
}

const struct weir_detect_out *
weir_filter_found(const struct weir_filter *filter)
{
    return &filter->found;
}
