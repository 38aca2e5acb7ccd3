/* SPDX-License-Identifier: Apache-2.0 */
/* The Converse dialect of Bedrock in its parts: request.c, events.c,
 * sign.c. */
#ifndef WEIR_PROVIDER_BEDROCK_H
#define WEIR_PROVIDER_BEDROCK_H

#include <weir/provider.h>

extern const struct weir_reading_ops weir_bedrock_reading;
extern const struct weir_provider_ops weir_bedrock_ops; /* an API key */
extern const struct weir_provider_ops weir_bedrock_signed_ops;

/* struct weir_provider_ops.sign */
weir_status weir_bedrock_sign(const struct weir_signing *signing,
                              struct weir_buf *lines, struct weir_error *err);

#endif
