/* SPDX-License-Identifier: Apache-2.0 */
/* The Gemini dialect in its parts: request.c, events.c. */
#ifndef WEIR_PROVIDER_GEMINI_H
#define WEIR_PROVIDER_GEMINI_H

#include <weir/provider.h>

extern const struct weir_reading_ops weir_gemini_reading;
extern const struct weir_provider_ops weir_gemini_ops;

#endif
