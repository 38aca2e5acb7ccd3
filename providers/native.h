/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dialects besides OpenAI's share: a body passed as it is but for
 * its model's name, and replies that pass while a reading meters them.
 */
#ifndef WEIR_PROVIDER_NATIVE_H
#define WEIR_PROVIDER_NATIVE_H

#include <weir/pen.h>
#include <weir/provider.h>

/* prefix + parts as the path, copied; ELIMIT: the arena is full. */
weir_status weir_native_path(const struct weir_target *target,
                             const weir_span *parts, size_t count,
                             struct weir_arena *arena,
                             struct weir_outgoing *outgoing,
                             struct weir_error *err);

/* The client's body, its model's name replaced where it stands there. */
weir_status weir_native_body(const struct weir_request *request,
                             const struct weir_target *target,
                             struct weir_arena *arena,
                             struct weir_outgoing *outgoing,
                             struct weir_error *err);

/* A translated body from its pen. */
weir_status weir_native_pieces(const struct weir_pen *pen,
                               struct weir_outgoing *outgoing,
                               struct weir_error *err);

/* RAW stop: an array as it is, a string as an array of one. */
void weir_native_stop(struct weir_pen *pen, const char *name, weir_span raw);

/* How a dialect writes turns; see turns.c. */
struct weir_native_words {
    const char *assistant; /* that side's role */
    const char *parts;     /* the member with a message's parts */
    bool skips_empty;      /* turns without parts are left out */
    weir_status (*put_part)(struct weir_neutral *call, struct weir_pen *pen,
                            const struct weir_turn *turn,
                            const struct weir_part *part,
                            struct weir_error *err);
};
bool weir_native_is_instruction(const struct weir_turn *turn);
/* Every turn but instructions, as elements of the array that is open. */
weir_status weir_native_put_turns(struct weir_neutral *call,
                                  struct weir_pen *pen,
                                  const struct weir_native_words *words,
                                  struct weir_error *err);

/* A reply in the client's own dialect: bytes pass, events are metered. */
struct weir_reply *weir_passing_new(const struct weir_provider_ops *ops,
                                    const struct weir_reply_setup *setup,
                                    struct weir_arena *arena);
void weir_passing_free(struct weir_reply *reply);
bool weir_passing_next(struct weir_reply *reply, weir_span *input,
                       struct weir_reply_piece *piece_out);
bool weir_passing_finish(struct weir_reply *reply, bool is_whole,
                         struct weir_reply_piece *piece_out);

/* A reply put in other words; its ops are its own. NULL: the arena is full,
 * or the surface cannot write the dialect. */
struct weir_reply *weir_translated_new(const struct weir_provider_ops *ops,
                                       const struct weir_reply_setup *setup,
                                       struct weir_arena *arena);

/* The same of embeddings; see embed.c. */
weir_status weir_embed_translate(const struct weir_provider *provider,
                                 const struct weir_request *request,
                                 const struct weir_target *target,
                                 struct weir_arena *arena,
                                 struct weir_outgoing *outgoing_out,
                                 struct weir_error *err);
struct weir_reply *weir_embed_reply_new(const struct weir_provider_ops *ops,
                                        const struct weir_reply_setup *setup,
                                        struct weir_arena *arena);
extern const struct weir_embed_provider weir_openai_embed;
extern const struct weir_embed_provider weir_gemini_embed;

/* The body of an error reply in the client's shape, of the origin's. */
void weir_native_put_error(const struct weir_reply_setup *setup, weir_span body,
                           struct weir_buf *out);

/* Keeps what an event tells in the reply's facts. `room` holds id (128) and
 * finish reason (48). */
struct weir_facts_room {
    char id[128];
    char reason[48];
};
void weir_native_learn(struct weir_reply_facts *facts,
                       struct weir_facts_room *room,
                       const struct weir_event *event);

#endif
