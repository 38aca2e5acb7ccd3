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

/* Where origins of this dialect differ. */
struct weir_openai_habits {
    const char *tokens_name; /* of the limit on output */
    bool is_asked;           /* counts a stream's tokens only when asked */
    bool takes_top_k;
};

/* ETYPE: a field has no word in the dialect. */
weir_status weir_openai_write_chat(struct weir_neutral *call,
                                   const struct weir_target *target,
                                   const struct weir_openai_habits *habits,
                                   struct weir_arena *arena,
                                   struct weir_outgoing *outgoing_out,
                                   struct weir_error *err);

weir_status weir_openai_write_responses(struct weir_neutral *call,
                                        const struct weir_request *request,
                                        const struct weir_target *target,
                                        struct weir_arena *arena,
                                        struct weir_outgoing *outgoing_out,
                                        struct weir_error *err);

/* Of RAW usage and error members, as events. */
void weir_openai_emit_usage(struct weir_reading *reading, weir_span raw);
void weir_openai_emit_error(struct weir_reading *reading, weir_span error);
void weir_openai_emit_end(struct weir_reading *reading);

extern const struct weir_reading_ops weir_openai_chat_reading;
extern const struct weir_reading_ops weir_openai_responses_reading;
extern const struct weir_provider_ops weir_openai_ops;
extern const struct weir_provider_ops weir_openai_unasked_ops;
extern const struct weir_provider_ops weir_openai_chat_ops;
extern const struct weir_provider_ops weir_openai_responses_ops;

/* weir_bulk_retell() of a file or a batch of one; see bulk.c. */
struct weir_bulk_told;
weir_status weir_openai_bulk_retell(weir_span body,
                                    bool (*seal)(void *context,
                                                 weir_span member, weir_span id,
                                                 struct weir_buf *out),
                                    void *context, struct weir_buf *out,
                                    struct weir_bulk_told *told_out,
                                    struct weir_error *err);

/* A session's address at the origin; see realtime.c. */
weir_status weir_openai_prepare_realtime(const struct weir_target *target,
                                         struct weir_arena *arena,
                                         struct weir_outgoing *outgoing_out,
                                         struct weir_error *err);

#endif
