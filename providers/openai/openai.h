/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAI dialect in its parts: request.c and reply.c. */
#ifndef WEIR_PROVIDER_OPENAI_H
#define WEIR_PROVIDER_OPENAI_H

#include <weir/provider.h>

weir_status weir_openai_prepare(const struct weir_request *request,
                                const struct weir_target *target,
                                struct weir_arena *arena,
                                struct weir_outgoing *outgoing_out,
                                struct weir_error *err);

struct weir_reply *weir_openai_reply_new(const struct weir_reply_setup *setup,
                                         struct weir_arena *arena);
void weir_openai_reply_free(struct weir_reply *reply);
bool weir_openai_reply_next(struct weir_reply *reply, weir_span *input,
                            struct weir_reply_piece *piece_out);
bool weir_openai_reply_finish(struct weir_reply *reply, bool is_whole,
                              struct weir_reply_piece *piece_out);

extern const struct weir_provider_ops weir_openai_ops;

#endif
