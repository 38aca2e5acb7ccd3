/* SPDX-License-Identifier: Apache-2.0 */
/* The OpenAI dialect in its parts: request.c, reply.c, strip.c. */
#ifndef WEIR_PROVIDER_OPENAI_H
#define WEIR_PROVIDER_OPENAI_H

#include <weir/provider.h>

struct weir_reply *weir_openai_reply_new(const struct weir_reply_setup *setup,
                                         struct weir_arena *arena);
void weir_openai_reply_free(struct weir_reply *reply);
bool weir_openai_reply_next(struct weir_reply *reply, weir_span *input,
                            struct weir_reply_piece *piece_out);
bool weir_openai_reply_finish(struct weir_reply *reply, bool is_whole,
                              struct weir_reply_piece *piece_out);

/* Strings that hold reasoning, by their insides; see strip.c. */
struct weir_openai_reasoning {
    uint32_t count;
    weir_span inside[256];
    uint16_t waits_for[256]; /* depth of the object that decides; 0: none */
};

/* False: not JSON, nested too deep, or more strings than there is room. */
bool weir_openai_find_reasoning(weir_span json,
                                struct weir_openai_reasoning *found);
/* Empties them in a copy of the same text. */
void weir_openai_empty_reasoning(const struct weir_openai_reasoning *found,
                                 const char *json, char *copy);

extern const struct weir_provider_ops weir_openai_ops;
extern const struct weir_provider_ops weir_openai_unasked_ops;

#endif
