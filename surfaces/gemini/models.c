/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of models as google-genai reads it: one page, no token of a next
 * one. Which actions a model has is what its operations are called there.
 */
#include "gemini.h"

#include "common.h"

#include <weir/image.h>

static void
put_actions(struct weir_json_writer *writer, uint32_t operations)
{
    weir_json_name(writer, "supportedGenerationMethods");
    weir_json_begin_array(writer);
    if ((operations & 1u << WEIR_OP_CHAT) != 0) {
        weir_json_add_string(writer, WEIR_SPAN("generateContent"));
        weir_json_add_string(writer, WEIR_SPAN("countTokens"));
    }
    if ((operations & 1u << WEIR_OP_EMBED) != 0) {
        weir_json_add_string(writer, WEIR_SPAN("embedContent"));
        weir_json_add_string(writer, WEIR_SPAN("batchEmbedContents"));
    }
    weir_json_end_array(writer);
}

static void
put_one(struct weir_json_writer *writer, const struct weir_surface_model *model)
{
    weir_json_begin_object(writer);
    weir_json_name(writer, "name");
    weir_surface_put_prefixed(writer, "models/", model->id);
    weir_json_name(writer, "displayName");
    weir_json_add_string(writer, model->id);
    if (model->output_tokens_max > 0) {
        weir_json_name(writer, "outputTokenLimit");
        weir_json_add_uint(writer, model->output_tokens_max);
    }
    put_actions(writer, model->operations);
    weir_surface_put_reason(writer, model);
    weir_json_end_object(writer);
}

void
weir_gemini_put_models(const struct weir_surface_route *route,
                       weir_surface_next_model next, void *context,
                       struct weir_buf *out)
{
    struct weir_json_writer writer;
    struct weir_surface_model model = {0};
    (void)route;
    weir_json_writer_init(&writer, out);
    weir_json_begin_object(&writer);
    weir_json_name(&writer, "models");
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
weir_gemini_put_model(const struct weir_surface_route *route,
                      const struct weir_surface_model *model,
                      struct weir_buf *out)
{
    struct weir_json_writer writer;
    (void)route;
    weir_json_writer_init(&writer, out);
    put_one(&writer, model);
    weir_buf_add_byte(out, '\n');
}
