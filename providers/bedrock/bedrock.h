/* SPDX-License-Identifier: Apache-2.0 */
/* The dialects of Bedrock in their parts. Converse: request.c, events.c;
 * InvokeModel: invoke.c; of both: sign.c. */
#ifndef WEIR_PROVIDER_BEDROCK_H
#define WEIR_PROVIDER_BEDROCK_H

#include <weir/pen.h>
#include <weir/provider.h>

extern const struct weir_reading_ops weir_bedrock_reading;
extern const struct weir_provider_ops weir_bedrock_ops; /* an API key */
extern const struct weir_provider_ops weir_bedrock_signed_ops;

extern const struct weir_reading_ops weir_bedrock_invoke_reading;
extern const struct weir_provider_ops weir_bedrock_invoke_ops; /* a key */
extern const struct weir_provider_ops weir_bedrock_invoke_signed_ops;

/* "/model/NAME" and `verb`, which begins with a slash; ELIMIT. */
weir_status weir_bedrock_set_path(const struct weir_target *target,
                                  weir_span verb, struct weir_arena *arena,
                                  struct weir_outgoing *outgoing,
                                  struct weir_error *err);

/* What both dialects do alike once their path can be set: the end of what
 * was written, and a body of their own. */
typedef weir_status weir_bedrock_path(const struct weir_request *request,
                                      const struct weir_target *target,
                                      struct weir_arena *arena,
                                      struct weir_outgoing *outgoing,
                                      struct weir_error *err);
weir_status weir_bedrock_finish(struct weir_pen *pen,
                                const struct weir_request *request,
                                const struct weir_target *target,
                                weir_bedrock_path *set_its_path,
                                struct weir_outgoing *outgoing_out,
                                struct weir_error *err);
weir_status weir_bedrock_prepare(const struct weir_request *request,
                                 const struct weir_target *target,
                                 weir_bedrock_path *set_its_path,
                                 struct weir_arena *arena,
                                 struct weir_outgoing *outgoing_out,
                                 struct weir_error *err);

/* struct weir_reading_ops.next_frame: headers as the name. */
bool weir_bedrock_next_frame(struct weir_buf *held, weir_span *input,
                             weir_span *name_out, weir_span *data_out,
                             bool *is_broken);
/* Whether the frame is an exception, or an error that no model describes;
 * emits it. `data` is JSON. */
bool weir_bedrock_read_error(struct weir_reading *reading, weir_span headers,
                             weir_span data);

/* struct weir_provider_ops.sign */
weir_status weir_bedrock_sign(const struct weir_signing *signing,
                              struct weir_buf *lines, struct weir_error *err);

#endif
