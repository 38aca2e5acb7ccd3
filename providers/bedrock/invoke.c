/* SPDX-License-Identifier: Apache-2.0 */
/*
 * InvokeModel, for models that take Anthropic Messages: their body without
 * `model` and `stream`, and replies whose stream is frames of base64, each
 * the data of one event of theirs.
 *
 * WHY BESIDE CONVERSE. A model's own body says what Converse has no word for
 * yet, and a client that speaks it is passed by spans.
 */
#include "bedrock.h"

#include "anthropic/anthropic.h"
#include "native.h"

#include <weir/eventstream.h>
#include <weir/json.h>

/* ------------------------------------------------------------- request */

static weir_status
set_path(const struct weir_request *request, const struct weir_target *target,
         struct weir_arena *arena, struct weir_outgoing *outgoing,
         struct weir_error *err)
{
    return weir_bedrock_set_path(target,
                                 request->is_streamed
                                     ? WEIR_SPAN("/invoke-with-response-stream")
                                     : WEIR_SPAN("/invoke"),
                                 arena, outgoing, err);
}

static weir_status
write(struct weir_neutral *call, const struct weir_request *request,
      const struct weir_target *target, struct weir_arena *arena,
      struct weir_outgoing *outgoing_out, struct weir_error *err)
{
    struct weir_pen pen;

    weir_pen_init(&pen, arena);
    weir_pen_open(&pen, '{');
    weir_pen_member_lit(&pen, "anthropic_version", "bedrock-2023-05-31");
    weir_status status = weir_anthropic_write_body(call, &pen, err);
    weir_pen_close(&pen, '}');
    return status == WEIR_OK ? weir_bedrock_finish(&pen, request, target,
                                                   set_path, outgoing_out, err)
                             : status;
}

static weir_status
prepare(const struct weir_request *request, const struct weir_target *target,
        struct weir_arena *arena, struct weir_outgoing *outgoing_out,
        struct weir_error *err)
{
    return weir_bedrock_prepare(request, target, set_path, arena, outgoing_out,
                                err);
}

/* --------------------------------------------------------------- reply */

static bool
read_chunk(struct weir_reading *reading, weir_span payload)
{
    struct weir_json_root root;
    struct weir_buf room;
    weir_span data;
    weir_buf_init(&room, 2 * payload.len);
    bool is_read =
        weir_eventstream_chunk(payload, &room, &data) &&
        weir_json_scan(data, NULL, 0, 0, &root, NULL, NULL) == WEIR_OK &&
        weir_anthropic_reading.event(reading, WEIR_SPAN_NONE, data);
    weir_buf_fini(&room);
    return is_read;
}

static bool
read_frame(struct weir_reading *reading, weir_span headers, weir_span data)
{
    struct weir_json_root root;
    weir_span type = weir_eventstream_string(headers, WEIR_SPAN(":event-type"));

    /* A checksum says that nothing was lost, not that it is JSON. */
    if (weir_json_scan(data, NULL, 0, 0, &root, NULL, NULL) != WEIR_OK)
        data = WEIR_SPAN("null");
    if (weir_bedrock_read_error(reading, headers, data) ||
        !weir_span_equal(type, WEIR_SPAN("chunk")))
        return true; /* or what is new */
    return read_chunk(reading, data);
}

static bool
read_body(struct weir_reading *reading, weir_span body)
{
    return weir_anthropic_reading.body(reading, body);
}

const struct weir_reading_ops weir_bedrock_invoke_reading = {
    .event = read_frame,
    .body = read_body,
    .next_frame = weir_bedrock_next_frame,
    .stream_type = "application/vnd.amazon.eventstream",
};

static struct weir_reply *
reply_new(const struct weir_reply_setup *setup, struct weir_arena *arena)
{
    return weir_passing_new(&weir_bedrock_invoke_ops, setup, arena);
}

#define OPS                                                                    \
    .speaks = WEIR_SPEAKS(WEIR_DIALECT_INVOKE),                                \
    .dialect = WEIR_DIALECT_INVOKE, .write = write,                            \
    .reading = &weir_bedrock_invoke_reading, .prepare = prepare,               \
    .reply_new = reply_new, .reply_free = weir_passing_free,                   \
    .reply_next = weir_passing_next, .reply_finish = weir_passing_finish

const struct weir_provider_ops weir_bedrock_invoke_ops = {OPS};
const struct weir_provider_ops weir_bedrock_invoke_signed_ops = {
    OPS, .sign = weir_bedrock_sign};
