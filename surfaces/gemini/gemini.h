/* SPDX-License-Identifier: Apache-2.0 */
/* The Gemini surface in its parts; see gemini.c. */
#ifndef WEIR_SURFACE_GEMINI_H
#define WEIR_SURFACE_GEMINI_H

#include <weir/surface.h>

weir_status weir_gemini_read_call(const struct weir_request *request,
                                  struct weir_neutral *call,
                                  struct weir_error *err);

/* RAW Schema of the API as RAW JSON Schema, in the call's arena. */
weir_span weir_gemini_schema(struct weir_neutral *call, weir_span raw);

extern const struct weir_embed_surface weir_gemini_embed_surface;
extern const struct weir_writing_ops weir_gemini_writing;
extern const struct weir_surface weir_gemini_surface;

/* The list of models; see models.c. */
void weir_gemini_put_models(const struct weir_surface_route *route,
                            weir_surface_next_model next, void *context,
                            struct weir_buf *out);
void weir_gemini_put_model(const struct weir_surface_route *route,
                           const struct weir_surface_model *model,
                           struct weir_buf *out);

#endif
