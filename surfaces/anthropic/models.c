/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of models as Anthropic's SDKs read it. It stands at OpenAI's path;
 * who sends `anthropic-version` is told in this shape. One page holds all:
 * `limit` bounds what a client wants at once, and has_more is false.
 */
#include "anthropic.h"

#include "common.h"

static void
put_text(struct weir_json_writer *writer, const char *name, weir_span text)
{
    weir_json_name(writer, name);
    weir_json_add_string(writer, text);
}

static void
put_time(struct weir_json_writer *writer, const char *name, weir_time when)
{
    char text[WEIR_TIME_TEXT];
    weir_time_format(when, text);
    put_text(writer, name, weir_span_of(text));
}

static void
put_one(struct weir_json_writer *writer, const struct weir_surface_model *model)
{
    static const char *const lives[] = {
        [WEIR_SURFACE_ACTIVE] = "active",
        [WEIR_SURFACE_DEPRECATED] = "deprecated",
        [WEIR_SURFACE_RETIRED] = "retired",
    };
    weir_json_begin_object(writer);
    put_text(writer, "type", WEIR_SPAN("model"));
    put_text(writer, "id", model->id);
    put_text(writer, "display_name", model->id);
    put_time(writer, "created_at", model->created * WEIR_US_PER_SEC);
    put_text(writer, "lifecycle", weir_span_of(lives[model->life]));
    if (model->life != WEIR_SURFACE_ACTIVE)
        put_time(writer, "deprecated_at", model->deprecated_us);
    weir_surface_put_reason(writer, model);
    weir_json_end_object(writer);
}

static void
put_id(struct weir_json_writer *writer, const char *name, weir_span id)
{
    weir_json_name(writer, name);
    if (id.len > 0)
        weir_json_add_string(writer, id);
    else
        weir_json_add_null(writer);
}

void
weir_anthropic_put_models(const struct weir_surface_route *route,
                          weir_surface_next_model next, void *context,
                          struct weir_buf *out)
{
    struct weir_json_writer writer;
    struct weir_surface_model model = {0};
    weir_span first = WEIR_SPAN_NONE, last = WEIR_SPAN_NONE;
    (void)route;
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "data");
    weir_json_begin_array(&writer);
    while (next(context, &model)) {
        put_one(&writer, &model);
        first = first.len > 0 ? first : model.id;
        last = model.id;
        model = (struct weir_surface_model){0};
    }
    weir_json_end_array(&writer);
    weir_json_name(&writer, "has_more");
    weir_json_add_bool(&writer, false);
    put_id(&writer, "first_id", first);
    put_id(&writer, "last_id", last);
    weir_json_end_object(&writer);
    weir_buf_add_byte(out, '\n');
}

void
weir_anthropic_put_model(const struct weir_surface_route *route,
                         const struct weir_surface_model *model,
                         struct weir_buf *out)
{
    struct weir_json_writer writer;
    (void)route;
    weir_json_writer_init(&writer, out);
    put_one(&writer, model);
    weir_buf_add_byte(out, '\n');
}
