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

#endif
