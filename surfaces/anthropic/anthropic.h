/* SPDX-License-Identifier: Apache-2.0 */
/* The Anthropic surface in its parts; see anthropic.c. */
#ifndef WEIR_SURFACE_ANTHROPIC_H
#define WEIR_SURFACE_ANTHROPIC_H

#include <weir/surface.h>

weir_status weir_anthropic_parse(const struct weir_surface_route *route,
                                 weir_span body, struct weir_arena *arena,
                                 struct weir_request *request_out,
                                 struct weir_error *err);
weir_status weir_anthropic_read_call(const struct weir_request *request,
                                     struct weir_neutral *call,
                                     struct weir_error *err);

extern const struct weir_writing_ops weir_anthropic_writing;
extern const struct weir_surface weir_anthropic_surface;

/* The list of models; see models.c. */
void weir_anthropic_put_models(const struct weir_surface_route *route,
                               weir_surface_next_model next, void *context,
                               struct weir_buf *out);
void weir_anthropic_put_model(const struct weir_surface_route *route,
                              const struct weir_surface_model *model,
                              struct weir_buf *out);

/* Message batches; `rest` is what stands behind ".../batches". See
 * batches.c. */
weir_status weir_anthropic_route_batches(weir_span method, weir_span rest,
                                         struct weir_surface_route *found,
                                         struct weir_error *err);
/* A request of one: weir_bulk_line(). */
struct weir_bulk_line;
weir_status weir_anthropic_bulk_line(weir_span *rest,
                                     const struct weir_urls *urls,
                                     struct weir_arena *arena,
                                     struct weir_bulk_line *line_out,
                                     weir_span *param_out,
                                     struct weir_error *err);

#endif
