/* SPDX-License-Identifier: Apache-2.0 */
/* The Gemini dialect in its parts: request.c, events.c. */
#ifndef WEIR_PROVIDER_GEMINI_H
#define WEIR_PROVIDER_GEMINI_H

#include <weir/provider.h>

/* A model's name as a path has it; NONE: the arena is full. */
weir_span weir_gemini_path_text(weir_span name, struct weir_arena *arena);

extern const struct weir_reading_ops weir_gemini_reading;
extern const struct weir_provider_ops weir_gemini_ops;

#endif
