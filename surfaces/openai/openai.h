/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAI surface in its parts; see openai.c. */
#ifndef WEIR_SURFACE_OPENAI_H
#define WEIR_SURFACE_OPENAI_H

#include <weir/surface.h>

weir_status weir_openai_parse(const struct weir_surface_route *route,
                              weir_span body, struct weir_arena *arena,
                              struct weir_request *request_out,
                              struct weir_error *err);
void weir_openai_put_refusal(const struct weir_surface_route *route,
                             const struct weir_refusal *refusal,
                             struct weir_buf *out);
void weir_openai_put_cut(const struct weir_surface_route *route,
                         const struct weir_refusal *refusal,
                         struct weir_buf *out);
void weir_openai_put_models(const struct weir_surface_route *route,
                            weir_surface_next_model next, void *context,
                            struct weir_buf *out);
void weir_openai_put_model(const struct weir_surface_route *route,
                           const struct weir_surface_model *model,
                           struct weir_buf *out);

extern const struct weir_surface weir_openai_surface;

#endif
