/* SPDX-License-Identifier: Apache-2.0 */
/* The Anthropic dialect in its parts: request.c, events.c. */
#ifndef WEIR_PROVIDER_ANTHROPIC_H
#define WEIR_PROVIDER_ANTHROPIC_H

#include <weir/provider.h>

/* Everything of a Messages body but its beginning `{"model":...`: shared
 * with hosts that put model and version elsewhere. The object is open. */
struct weir_pen;
weir_status weir_anthropic_write_body(struct weir_neutral *call,
                                      struct weir_pen *pen,
                                      struct weir_error *err);

/* RAW usage of a message or message_delta into `usage`. */
void weir_anthropic_read_usage(weir_span raw, struct weir_event_usage *usage);

extern const struct weir_reading_ops weir_anthropic_reading;
extern const struct weir_provider_ops weir_anthropic_ops;

/* weir_bulk_retell() of a message batch; see batches.c. */
struct weir_bulk_told;
weir_status
weir_anthropic_bulk_retell(weir_span body,
                           bool (*seal)(void *context, weir_span member,
                                        weir_span id, struct weir_buf *out),
                           void *context, struct weir_buf *out,
                           struct weir_bulk_told *told_out,
                           struct weir_error *err);

#endif
