/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies in the client's own dialect: every byte passes, and a reading
 * meters what passes. A plain body is passed on as it comes and held beside,
 * up to held_bytes_max, to be read at its end; a longer one is estimated
 * from its bytes.
 *
 * Unlike in the OpenAI dialect reasoning is never taken out in place: the
 * reply is translated to its own dialect then, see provider.c.
 */
#include "native.h"

#include <weir/sse.h>

struct passing {
    struct weir_reply reply; /* first: this is one */
    struct weir_reply_setup setup;
    struct weir_reading reading;
    struct weir_sse sse;
    struct weir_buf body;
    struct weir_facts_room room;
    uint64_t body_bytes;
    bool is_failing;
};

static struct passing *
passing_of(struct weir_reply *reply)
{
    return (struct passing *)(void *)reply;
}

static void
emit(struct weir_reading *reading, const struct weir_event *event)
{
    struct passing *passing = reading->context;
    weir_native_learn(&passing->reply.facts, &passing->room, event);
}

struct weir_reply *
weir_passing_new(const struct weir_provider_ops *ops,
                 const struct weir_reply_setup *setup, struct weir_arena *arena)
{
    struct passing *passing = weir_arena_alloc(arena, sizeof(*passing));
    size_t held =
        setup->held_bytes_max != 0 ? setup->held_bytes_max : WEIR_SSE_HELD_MAX;
    if (passing == NULL)
        return NULL;
    passing->reply.ops = ops;
    passing->setup = *setup;
    passing->reading.ops = ops->reading;
    passing->reading.context = passing;
    passing->reading.emit = emit;
    weir_sse_init(&passing->sse, held);
    weir_buf_init(&passing->body, held);
    return &passing->reply;
}

void
weir_passing_free(struct weir_reply *reply)
{
    weir_sse_fini(&passing_of(reply)->sse);
    weir_buf_fini(&passing_of(reply)->body);
}

static void
read_sse(struct passing *passing, const struct weir_sse_event *event)
{
    struct weir_reading *reading = &passing->reading;
    if (event->is_part) {
        passing->reply.facts.content_bytes += event->raw.len;
        passing->reply.facts.event_count += event->is_last ? 1 : 0;
        return;
    }
    if (!event->has_data || event->data.len == 0)
        return;
    passing->reply.facts.event_count++;
    if (!reading->ops->event(reading, event->name, event->data))
        passing->is_failing = true;
}

static bool
next_of_stream(struct passing *passing, weir_span *input,
               struct weir_reply_piece *piece_out)
{
    struct weir_sse_event event;
    while (weir_sse_next(&passing->sse, input, &event)) {
        read_sse(passing, &event);
        if (event.is_held) {
            /* Only a read's first event can have begun before it. */
            WEIR_ASSERT(piece_out->bytes.len == 0);
            *piece_out = (struct weir_reply_piece){event.raw, true};
            return true;
        }
        if (piece_out->bytes.len == 0)
            piece_out->bytes.ptr = event.raw.ptr;
        piece_out->bytes.len += event.raw.len;
    }
    return piece_out->bytes.len > 0;
}

/* Frames of another kind pass at once: their reading gathers for itself. */
static bool
next_of_frames(struct passing *passing, weir_span *input,
               struct weir_reply_piece *piece_out)
{
    struct weir_reading *reading = &passing->reading;
    weir_span name = WEIR_SPAN_NONE;
    weir_span data;
    bool is_broken = false;

    piece_out->bytes = *input;
    while (!passing->is_failing &&
           reading->ops->next_frame(&passing->body, input, &name, &data,
                                    &is_broken)) {
        passing->reply.facts.event_count++;
        if (!reading->ops->event(reading, name, data))
            passing->is_failing = true;
    }
    passing->is_failing = passing->is_failing || is_broken;
    input->ptr += input->len;
    input->len = 0;
    return piece_out->bytes.len > 0;
}

bool
weir_passing_next(struct weir_reply *reply, weir_span *input,
                  struct weir_reply_piece *piece_out)
{
    struct passing *passing = passing_of(reply);
    *piece_out = (struct weir_reply_piece){0};
    if (passing->setup.is_streamed)
        return passing->reading.ops->next_frame == NULL
                   ? next_of_stream(passing, input, piece_out)
                   : next_of_frames(passing, input, piece_out);
    weir_buf_add_span(&passing->body, *input);
    passing->body_bytes += input->len;
    piece_out->bytes = *input;
    input->ptr += input->len;
    input->len = 0;
    return piece_out->bytes.len > 0;
}

static void
finish_plain(struct passing *passing, bool is_whole)
{
    struct weir_reply_facts *facts = &passing->reply.facts;
    struct weir_reading *reading = &passing->reading;

    /* Not readable, though HTTP says it is all there: it was delivered. */
    if (passing->body.overflow ||
        !reading->ops->body(reading, weir_buf_span(&passing->body))) {
        if (!facts->has_usage)
            facts->content_bytes = passing->body_bytes;
        facts->state = is_whole && passing->body.overflow ? WEIR_REPLY_DONE
                                                          : WEIR_REPLY_CUT;
        return;
    }
    if (!is_whole)
        facts->state = WEIR_REPLY_CUT;
}

bool
weir_passing_finish(struct weir_reply *reply, bool is_whole,
                    struct weir_reply_piece *piece_out)
{
    struct passing *passing = passing_of(reply);
    struct weir_reply_facts *facts = &reply->facts;
    struct weir_sse_event event;

    *piece_out = (struct weir_reply_piece){0};
    if (!passing->setup.is_streamed) {
        finish_plain(passing, is_whole);
        return false;
    }
    while (weir_sse_rest(&passing->sse, &event)) {
        read_sse(passing, &event);
        if (!event.is_part)
            *piece_out = (struct weir_reply_piece){event.raw, true};
    }
    if (passing->reading.ops->finish != NULL && is_whole &&
        facts->state == WEIR_REPLY_OPEN)
        passing->reading.ops->finish(&passing->reading);
    if (facts->state == WEIR_REPLY_OPEN || passing->is_failing) {
        facts->state = WEIR_REPLY_CUT;
        *piece_out = (struct weir_reply_piece){0};
    }
    return piece_out->bytes.len > 0;
}
