/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies whose bytes are not the client's: read into neutral events, and
 * written anew in the client's dialect.
 *
 *    stream: bytes -> frames -> reading -> events -> facts
 *                                            `-----> writing -> out
 *    plain:  bytes -> body, held to its end -> the same -> out
 *    error:  the same, of which only code and message are looked for
 *
 * Out is one piece for each read, copied by whoever sends it. Nothing is
 * sent of an event before it was read to its end, so a cut leaves no half
 * event with the client here either.
 *
 * FAIL CLOSED. A frame that cannot be read, a buffer that is too small, a
 * body in another shape: the reply is CUT, which the caller tells the client.
 *
 * Reasoning that policy takes away is not written: the event goes nowhere,
 * though it is metered.
 */
#include "native.h"

#include <weir/raw.h>
#include <weir/sse.h>

#include <string.h>

#define ERROR_BODY_MAX ((size_t)64 << 10)

struct translated {
    struct weir_reply reply; /* first: this is one */
    struct weir_reply_setup setup;
    struct weir_reading reading;
    struct weir_writing writing;
    struct weir_sse sse;
    struct weir_buf body;   /* of a plain reply, or a frame begun */
    struct weir_buf events; /* of a plain reply */
    struct weir_buf out;
    struct weir_facts_room room;
    bool is_error;   /* the body is an error's */
    bool is_failing; /* the stream cannot be read any more */
    bool is_given;   /* `out` was given: empty it first */
};

static const struct weir_provider_ops translated_ops;

static struct translated *
translated_of(struct weir_reply *reply)
{
    return (struct translated *)(void *)reply;
}

/* --------------------------------------------------------------- facts */

static weir_span
keep(weir_span text, char *memory, size_t size)
{
    size_t len = text.len < size ? text.len : size;
    if (len > 0)
        memcpy(memory, text.ptr, len);
    return (weir_span){memory, len};
}

void
weir_native_learn(struct weir_reply_facts *facts, struct weir_facts_room *room,
                  const struct weir_event *event)
{
    switch (event->kind) {
    case WEIR_EVENT_START:
        if (facts->id.len == 0)
            facts->id = keep(event->id, room->id, sizeof(room->id));
        break;
    case WEIR_EVENT_REFUSAL:
        facts->has_refusal = true;
        facts->content_bytes += event->text.len;
        break;
    case WEIR_EVENT_TEXT:
    case WEIR_EVENT_REASONING:
    case WEIR_EVENT_TOOL_ARGUMENTS:
        facts->content_bytes += event->text.len;
        break;
    case WEIR_EVENT_STOP:
        if (event->choice == 0)
            facts->finish_reason =
                keep(event->code, room->reason, sizeof(room->reason));
        break;
    case WEIR_EVENT_USAGE:
        facts->usage = event->usage->counts;
        facts->has_usage = true;
        break;
    case WEIR_EVENT_ERROR:
        facts->has_error = true;
        if (facts->state == WEIR_REPLY_OPEN)
            facts->state = WEIR_REPLY_ERROR;
        break;
    case WEIR_EVENT_END:
        facts->state = WEIR_REPLY_DONE;
        break;
    default:
        break;
    }
}

static bool
is_stripped(const struct translated *translated, const struct weir_event *event)
{
    return translated->setup.strips_reasoning &&
           (event->kind == WEIR_EVENT_REASONING ||
            event->kind == WEIR_EVENT_SIGNATURE);
}

/* Of a stream: written at once. */
static void
emit_streamed(struct weir_reading *reading, const struct weir_event *event)
{
    struct translated *translated = reading->context;
    weir_native_learn(&translated->reply.facts, &translated->room, event);
    if (!is_stripped(translated, event))
        translated->writing.ops->event(&translated->writing, event);
}

/* Of a body: gathered, for the writing of a body needs them all. */
static void
emit_gathered(struct weir_reading *reading, const struct weir_event *event)
{
    struct translated *translated = reading->context;
    weir_native_learn(&translated->reply.facts, &translated->room, event);
    if (!is_stripped(translated, event))
        weir_buf_add(&translated->events, event, sizeof(*event));
}

/* ------------------------------------------------------------ creation */

struct weir_reply *
weir_translated_new(const struct weir_provider_ops *ops,
                    const struct weir_reply_setup *setup,
                    struct weir_arena *arena)
{
    const struct weir_request *request = setup->request;
    const struct weir_surface *surface = request->surface;
    const struct weir_writing_ops *writing =
        surface->writing != NULL ? surface->writing(request->dialect) : NULL;
    size_t held =
        setup->held_bytes_max != 0 ? setup->held_bytes_max : WEIR_SSE_HELD_MAX;
    struct translated *made;

    if (writing == NULL || ops->reading == NULL)
        return NULL;
    made = weir_arena_alloc(arena, sizeof(*made));
    if (made == NULL)
        return NULL;
    made->reply.ops = &translated_ops;
    made->setup = *setup;
    made->is_error = setup->http_status >= 400;
    made->reply.facts.is_free = made->is_error;
    bool writes_stream = request->is_streamed && !made->is_error;
    made->reply.content_type = !writes_stream ? "application/json"
                               : writing->stream_type != NULL
                                   ? writing->stream_type
                                   : "text/event-stream";
    made->reading.ops = ops->reading;
    made->reading.context = made;
    made->reading.emit = writes_stream ? emit_streamed : emit_gathered;
    made->writing = (struct weir_writing){.ops = writing,
                                          .out = &made->out,
                                          .model = request->model,
                                          .request = setup->request_id,
                                          .now = setup->now,
                                          .is_streamed = writes_stream,
                                          .wants_usage = request->wants_usage,
                                          .dialect = request->dialect};
    weir_sse_init(&made->sse, held);
    weir_buf_init(&made->body, made->is_error ? ERROR_BODY_MAX : held);
    weir_buf_init(&made->events, held);
    weir_buf_init(&made->out, 4 * held);
    weir_buf_init(&made->writing.text, held);
    weir_buf_init(&made->writing.items, held);
    weir_buf_init(&made->writing.room, 2 * held);
    return &made->reply;
}

static void
reply_free(struct weir_reply *reply)
{
    struct translated *translated = translated_of(reply);
    weir_sse_fini(&translated->sse);
    weir_buf_fini(&translated->body);
    weir_buf_fini(&translated->events);
    weir_buf_fini(&translated->out);
    weir_buf_fini(&translated->writing.text);
    weir_buf_fini(&translated->writing.items);
    weir_buf_fini(&translated->writing.room);
}

/* -------------------------------------------------------------- stream */

static bool
is_over(const struct translated *translated)
{
    return translated->is_failing || translated->out.overflow ||
           translated->writing.is_broken ||
           translated->reply.facts.state != WEIR_REPLY_OPEN;
}

static void
read_frame(struct translated *translated, weir_span name, weir_span data)
{
    size_t len = translated->out.len;
    translated->reply.facts.event_count++;
    if (!translated->reading.ops->event(&translated->reading, name, data))
        translated->is_failing = true;
    /* What did not find room to its end is not begun either. */
    if (translated->out.overflow || translated->writing.is_broken) {
        translated->is_failing = true;
        translated->out.len = len;
    }
}

static void
read_sse(struct translated *translated, const struct weir_sse_event *event)
{
    if (event->is_part) {
        /* Larger than may be held: it can be read by nobody. */
        translated->is_failing = true;
        return;
    }
    if (event->has_data && event->data.len > 0)
        read_frame(translated, event->name, event->data);
}

static void
read_stream(struct translated *translated, weir_span *input)
{
    struct weir_sse_event event;
    weir_span name = WEIR_SPAN_NONE;
    weir_span data;
    bool is_broken = false;

    if (translated->reading.ops->next_frame == NULL) {
        while (weir_sse_next(&translated->sse, input, &event))
            if (!is_over(translated))
                read_sse(translated, &event);
        return;
    }
    while (!is_over(translated) &&
           translated->reading.ops->next_frame(&translated->body, input, &name,
                                               &data, &is_broken))
        read_frame(translated, name, data);
    if (is_broken)
        translated->is_failing = true;
    input->ptr += input->len;
    input->len = 0;
}

static bool
give_out(struct translated *translated, struct weir_reply_piece *piece_out)
{
    *piece_out =
        (struct weir_reply_piece){weir_buf_span(&translated->out), true};
    translated->is_given = true;
    return piece_out->bytes.len > 0;
}

static void
start_out(struct translated *translated)
{
    if (translated->is_given)
        weir_buf_reset(&translated->out);
    translated->is_given = false;
}

static bool
reply_next(struct weir_reply *reply, weir_span *input,
           struct weir_reply_piece *piece_out)
{
    struct translated *translated = translated_of(reply);
    *piece_out = (struct weir_reply_piece){0};
    start_out(translated);
    if (translated->writing.is_streamed && translated->setup.is_streamed) {
        read_stream(translated, input);
        return give_out(translated, piece_out);
    }
    weir_buf_add_span(&translated->body, *input);
    input->ptr += input->len;
    input->len = 0;
    return false;
}

/* ---------------------------------------------------------------- ends */

/* An error in any of the shapes in use: {"error":{...}}, [{"error":...}],
 * {"message":...}; anything else is said to be one. */
void
weir_native_put_error(const struct weir_reply_setup *setup, weir_span body,
                      struct weir_buf *out)
{
    enum { ERROR, MESSAGE, CODE, TYPE, TYPE2, COUNT };
    static const char *const names[COUNT] = {"error", "message", "code", "type",
                                             "__type"};
    enum { OF_MESSAGE, OF_CODE, OF_STATUS, OF_TYPE, OF };
    static const char *const of_names[OF] = {"message", "code", "status",
                                             "type"};
    const struct weir_request *request = setup->request;
    struct weir_surface_route route = {.surface = request->surface,
                                       .endpoint = request->endpoint,
                                       .dialect = request->dialect};
    struct weir_refusal refusal = {.status = WEIR_EUPSTREAM,
                                   .http = setup->http_status,
                                   .request = setup->request_id};
    weir_span in[COUNT] = {{0}};
    weir_span of[OF] = {{0}};
    struct weir_raw_array array;
    char text[1024];
    char code[96];

    weir_raw_array_init(&array, body);
    (void)weir_raw_array_next(&array, &body);
    (void)weir_raw_pick(body, names, COUNT, in, NULL, NULL);
    (void)weir_raw_pick(in[ERROR], of_names, OF, of, NULL, NULL);
    weir_span message =
        of[OF_MESSAGE].ptr != NULL ? of[OF_MESSAGE] : in[MESSAGE];
    if (message.ptr == NULL && weir_raw_kind(in[ERROR]) == WEIR_JSON_STRING)
        message = in[ERROR];
    weir_span word = of[OF_STATUS];
    if (word.ptr == NULL && weir_raw_kind(of[OF_CODE]) == WEIR_JSON_STRING)
        word = of[OF_CODE];
    if (word.ptr == NULL)
        word = of[OF_TYPE].ptr != NULL ? of[OF_TYPE] : in[TYPE];
    if (word.ptr == NULL)
        word = in[TYPE2].ptr != NULL ? in[TYPE2] : in[CODE];
    /* Too long to be decoded: what it was is in the origin's own log. */
    if (message.ptr == NULL ||
        !weir_json_unescape_into(message, text, sizeof(text), &refusal.message))
        refusal.message = WEIR_SPAN("the origin answered with an error");
    if (word.ptr != NULL)
        (void)weir_json_unescape_into(word, code, sizeof(code), &refusal.code);
    else
        refusal.code = setup->error_code; /* as REST services of AWS do */
    request->surface->put_refusal(&route, &refusal, out);
}

/* An error that came with a status of success. */
static void
put_stream_error(struct translated *translated)
{
    const struct weir_request *request = translated->setup.request;
    struct weir_surface_route route = {.surface = request->surface,
                                       .endpoint = request->endpoint,
                                       .dialect = request->dialect};
    struct weir_refusal refusal = {
        .status = WEIR_EUPSTREAM,
        .message = WEIR_SPAN("the origin answered with an error"),
        .request = translated->setup.request_id};
    request->surface->put_refusal(&route, &refusal, &translated->out);
}

/* A stream for a client that asked for none: it was held like a body, so
 * that the events of all of it can be written at once. */
static bool
read_held_stream(struct translated *translated)
{
    weir_span rest = weir_buf_span(&translated->body);
    struct weir_sse_event event;

    if (rest.len == 0 || translated->reading.ops->next_frame != NULL)
        return false;
    const char *end = rest.ptr + rest.len;
    while (!translated->is_failing &&
           weir_sse_next(&translated->sse, &rest, &event)) {
        /* Data of several lines does not stay where it was joined. */
        if (event.data.len > 0 &&
            (event.data.ptr < translated->body.ptr || event.data.ptr >= end))
            return false;
        read_sse(translated, &event);
    }
    if (translated->reading.ops->finish != NULL &&
        translated->reply.facts.state == WEIR_REPLY_OPEN)
        translated->reading.ops->finish(&translated->reading);
    return !translated->is_failing;
}

static bool
finish_whole(struct translated *translated, bool is_whole,
             struct weir_reply_piece *piece_out)
{
    struct weir_reply_facts *facts = &translated->reply.facts;
    weir_span body = weir_buf_span(&translated->body);
    struct weir_reading *reading = &translated->reading;

    if (translated->is_error) {
        weir_native_put_error(&translated->setup, body, &translated->out);
        facts->has_error = true;
        facts->state = is_whole ? WEIR_REPLY_DONE : WEIR_REPLY_CUT;
        return give_out(translated, piece_out);
    }
    if (!is_whole || translated->body.overflow ||
        !(translated->setup.is_streamed ? read_held_stream(translated)
                                        : reading->ops->body(reading, body)) ||
        translated->events.overflow)
        facts->state = WEIR_REPLY_CUT;
    if (facts->state == WEIR_REPLY_ERROR && !translated->writing.is_streamed)
        put_stream_error(translated);
    else if (!translated->writing.is_streamed &&
             facts->state == WEIR_REPLY_DONE)
        translated->writing.ops->whole(
            &translated->writing,
            (const struct weir_event *)(const void *)translated->events.ptr,
            translated->events.len / sizeof(struct weir_event));
    return true;
}

static bool
reply_finish(struct weir_reply *reply, bool is_whole,
             struct weir_reply_piece *piece_out)
{
    struct translated *translated = translated_of(reply);
    struct weir_reply_facts *facts = &reply->facts;
    struct weir_sse_event event;

    *piece_out = (struct weir_reply_piece){0};
    start_out(translated);
    if (!translated->setup.is_streamed || !translated->writing.is_streamed) {
        (void)finish_whole(translated, is_whole, piece_out);
        if (translated->is_error)
            return piece_out->bytes.len > 0;
    } else if (translated->reading.ops->next_frame == NULL) {
        while (weir_sse_rest(&translated->sse, &event))
            if (!is_over(translated))
                read_sse(translated, &event);
    }
    if (translated->reading.ops->finish != NULL && is_whole &&
        facts->state == WEIR_REPLY_OPEN && !translated->is_failing)
        translated->reading.ops->finish(&translated->reading);
    if (facts->state == WEIR_REPLY_OPEN || translated->is_failing ||
        translated->out.overflow || translated->writing.is_broken)
        facts->state = WEIR_REPLY_CUT;
    if (facts->state == WEIR_REPLY_CUT)
        weir_buf_reset(&translated->out);
    return give_out(translated, piece_out);
}

static weir_status
no_prepare(const struct weir_request *request, const struct weir_target *target,
           struct weir_arena *arena, struct weir_outgoing *outgoing_out,
           struct weir_error *err)
{
    (void)request, (void)target, (void)arena, (void)outgoing_out;
    return weir_fail(err, WEIR_EINTERNAL, WEIR_OFFSET_NONE,
                     "a translated reply prepares nothing");
}

static const struct weir_provider_ops translated_ops = {
    .prepare = no_prepare,
    .reply_free = reply_free,
    .reply_next = reply_next,
    .reply_finish = reply_finish,
};
