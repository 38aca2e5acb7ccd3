/* SPDX-License-Identifier: Apache-2.0 */
/* The Bedrock surface in its parts; see bedrock.c. */
#ifndef WEIR_SURFACE_BEDROCK_H
#define WEIR_SURFACE_BEDROCK_H

#include <weir/surface.h>

weir_status weir_bedrock_read_call(const struct weir_request *request,
                                   struct weir_neutral *call,
                                   struct weir_error *err);

/* InvokeModel, for bodies of Anthropic's; see invoke.c. */
weir_status weir_bedrock_parse_invoke(const struct weir_surface_route *route,
                                      weir_span body, struct weir_arena *arena,
                                      struct weir_request *request_out,
                                      struct weir_error *err);
extern const struct weir_writing_ops weir_bedrock_invoke_writing;

/* What stands before a seal that is no base64 itself ("weir::"). */
#define WEIR_BEDROCK_WRAPPED "d2Vpcjo6"

/* One frame of a stream: an event, or an exception that ends it. */
void weir_bedrock_put_frame(struct weir_buf *out, const char *type,
                            bool is_exception, weir_span payload);

extern const struct weir_writing_ops weir_bedrock_writing;
extern const struct weir_surface weir_bedrock_surface;

#endif
