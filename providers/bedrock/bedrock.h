/* SPDX-License-Identifier: Apache-2.0 */
/* The Converse dialect of Bedrock in its parts: request.c, events.c. */
#ifndef WEIR_PROVIDER_BEDROCK_H
#define WEIR_PROVIDER_BEDROCK_H

#include <weir/provider.h>

extern const struct weir_reading_ops weir_bedrock_reading;
extern const struct weir_provider_ops weir_bedrock_ops;

#endif
