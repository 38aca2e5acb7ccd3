/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What weir says by itself, in OpenAI's shapes. SDKs read `message`, `type`,
 * `param` and `code`; what only weir knows stands beside them in `weir`.
 */
#include "openai.h"

#include "common.h"

#include <weir/json.h>
#include <weir/realtime.h>

static void
put_span(struct weir_json_writer *writer, const char *name, weir_span text)
{
    if (text.len == 0)
        return;
    weir_json_name(writer, name);
    weir_json_add_string(writer, text);
}

static void
put_span_or_null(struct weir_json_writer *writer, const char *name,
                 weir_span text)
{
    weir_json_name(writer, name);
    if (text.len > 0)
        weir_json_add_string(writer, text);
    else
        weir_json_add_null(writer);
}

/* The members of an error, into the object that is open. */
static void
put_error(struct weir_json_writer *writer, const struct weir_refusal *refusal)
{
    const struct weir_status_info *info = weir_status_info(refusal->status);
    weir_json_name(writer, "message");
    weir_json_add_string(writer, refusal->message.len > 0
                                     ? refusal->message
                                     : weir_span_of(info->meaning));
    weir_json_name(writer, "type");
    weir_json_add_string(writer, refusal->type.len > 0
                                     ? refusal->type
                                     : weir_span_of(info->type));
    put_span_or_null(writer, "param", refusal->param);
    put_span_or_null(writer, "code", refusal->code);
    weir_surface_put_details(writer, refusal, WEIR_DETAILS_BESIDE);
}

static void
put_error_object(struct weir_json_writer *writer,
                 const struct weir_refusal *refusal)
{
    weir_json_name(writer, "error");
    weir_json_begin_object(writer);
    put_error(writer, refusal);
    weir_json_end_object(writer);
}

void
weir_openai_put_refusal(const struct weir_surface_route *route,
                        const struct weir_refusal *refusal,
                        struct weir_buf *out)
{
    struct weir_json_writer writer;
    (void)route; /* one shape for all endpoints */
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    put_error_object(&writer, refusal);
    weir_json_end_object(&writer);
    weir_buf_add_byte(out, '\n');
}

/*
 * Chat streams have no error event of their own: SDKs raise on a chunk with
 * an `error` member. The Responses API has one (`event: error`, with code
 * and message at the top); it carries the `error` member too, since only
 * that makes the SDKs raise and not just yield one more event.
 */
void
weir_openai_put_cut(const struct weir_surface_route *route,
                    const struct weir_refusal *refusal, struct weir_buf *out)
{
    struct weir_json_writer writer;
    bool is_responses = route->endpoint == WEIR_ENDPOINT_RESPONSES;

    if (is_responses)
        weir_buf_add_span(out, WEIR_SPAN("event: error\n"));
    weir_buf_add_span(out, WEIR_SPAN("data: "));
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    if (is_responses) {
        put_span(&writer, "type", WEIR_SPAN("error"));
        put_span_or_null(&writer, "code", refusal->code);
        weir_json_name(&writer, "message");
        weir_json_add_string(
            &writer,
            refusal->message.len > 0
                ? refusal->message
                : weir_span_of(weir_status_info(refusal->status)->meaning));
        put_span_or_null(&writer, "param", refusal->param);
    }
    put_error_object(&writer, refusal);
    weir_json_end_object(&writer);
    weir_buf_add_span(out, WEIR_SPAN("\n\n"));
}

void
weir_realtime_put_error(const struct weir_refusal *refusal, weir_span id,
                        struct weir_buf *out)
{
    struct weir_json_writer writer;
    char event[64];
    struct weir_buf name;

    weir_buf_init_fixed(&name, event, sizeof(event));
    weir_buf_addf(&name, "event_%.*s", WEIR_SPAN_ARG(refusal->request));
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    put_span(&writer, "type", WEIR_SPAN("error"));
    put_span(&writer, "event_id", weir_buf_span(&name));
    weir_json_name(&writer, "error");
    weir_json_begin_object(&writer);
    put_error(&writer, refusal);
    weir_json_name(&writer, "event_id");
    if (id.len > 0)
        weir_json_add_raw(&writer, id);
    else
        weir_json_add_null(&writer);
    weir_json_end_object(&writer);
    weir_json_end_object(&writer);
}

/* ------------------------------------------------------------ models */

static void
put_one(struct weir_json_writer *writer, const struct weir_surface_model *model)
{
    weir_json_begin_object(writer);
    weir_json_name(writer, "id");
    weir_json_add_string(writer, model->id);
    weir_json_name(writer, "object");
    weir_json_add_string(writer, WEIR_SPAN("model"));
    weir_json_name(writer, "created");
    weir_json_add_int(writer, model->created);
    weir_json_name(writer, "owned_by");
    weir_json_add_string(writer, model->owner);
    weir_surface_put_reason(writer, model);
    weir_json_end_object(writer);
}

void
weir_openai_put_models(const struct weir_surface_route *route,
                       weir_surface_next_model next, void *context,
                       struct weir_buf *out)
{
    struct weir_json_writer writer;
    struct weir_surface_model model = {0};

    (void)route;
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "object");
    weir_json_add_string(&writer, WEIR_SPAN("list"));
    weir_json_name(&writer, "data");
    weir_json_begin_array(&writer);
    while (next(context, &model)) {
        put_one(&writer, &model);
        model = (struct weir_surface_model){0};
    }
    weir_json_end_array(&writer);
    weir_json_end_object(&writer);
    weir_buf_add_byte(out, '\n');
}

void
weir_openai_put_model(const struct weir_surface_route *route,
                      const struct weir_surface_model *model,
                      struct weir_buf *out)
{
    struct weir_json_writer writer;
    (void)route;
    weir_json_writer_init(&writer, out);
    put_one(&writer, model);
    weir_buf_add_byte(out, '\n');
}
