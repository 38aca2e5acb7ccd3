/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/embed.h - texts to embed and their vectors, in no dialect.
 *
 * Embeddings need little of a chat's form: texts in, rows of numbers out.
 * Numbers stay as the origin wrote them, but where a client wants base64.
 *
 * Threads: one owner. Memory: the caller's arena; spans borrow from the body
 * and the arena.
 */
#ifndef WEIR_EMBED_H
#define WEIR_EMBED_H

#include <weir/meter.h>
#include <weir/neutral.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_request;
struct weir_target;
struct weir_outgoing;

struct weir_embed {
    struct weir_neutral *call; /* for what cannot be said, and extras */
    weir_span *texts;          /* ESCAPED */
    uint32_t count;
    struct weir_setting dimensions; /* RAW number */
    struct weir_setting task;       /* RAW: what for, as Gemini says it */
    struct weir_setting title;      /* RAW */
};

/* Room for so many texts; false: the arena is full. */
bool weir_embed_room(struct weir_embed *embed, uint32_t count);
/* Refuses settings whose `names` (dimensions, task, title) are NULL, and
 * every extra. */
WEIR_MUST_USE weir_status weir_embed_check(struct weir_embed *embed,
                                           const char *const names[3],
                                           struct weir_error *err);

/* A side that clients speak. */
struct weir_embed_surface {
    weir_status (*read)(const struct weir_request *request,
                        struct weir_embed *embed, struct weir_error *err);
    /* A reply: begin, each vector (a RAW array of numbers), end. */
    void (*begin)(const struct weir_request *request, struct weir_buf *out);
    void (*vector)(const struct weir_request *request, uint32_t index,
                   weir_span raw, struct weir_buf *out);
    void (*end)(const struct weir_request *request,
                const struct weir_usage *usage, struct weir_buf *out);
};

/* A side that origins speak. */
struct weir_embed_provider {
    weir_status (*write)(struct weir_embed *embed,
                         const struct weir_request *request,
                         const struct weir_target *target,
                         struct weir_arena *arena,
                         struct weir_outgoing *outgoing_out,
                         struct weir_error *err);
    /* False: not such a reply. */
    bool (*read)(weir_span body,
                 void (*on_vector)(void *context, uint32_t index,
                                   weir_span raw),
                 void *context, struct weir_usage *usage_out,
                 bool *has_usage_out);
};

#ifdef __cplusplus
}
#endif
#endif
