/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/provider.h - what an origin hears, and what its reply tells.
 *
 * A provider turns a neutral request into the origin's dialect as a list of
 * pieces (spans of the client's body and short literals), so that members
 * weir does not know arrive byte for byte; and reads the reply as it
 * passes, whole or streamed, at any split: usage, how it ended, and which
 * bytes the client gets. Providers are the rows of providers/providers.def.
 *
 * Threads: providers are constant; a reply has one owner.
 * Memory: from the caller's arena; a reply may also hold one event in a
 * buffer that grows to `held_bytes_max`, freed by weir_reply_free().
 */
#ifndef WEIR_PROVIDER_H
#define WEIR_PROVIDER_H

#include <weir/base.h>
#include <weir/meter.h>
#include <weir/surface.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_provider;
struct weir_reply;

/* Row by name (deployments' `dialect`), NULL: unknown; and by number. */
const struct weir_provider *weir_provider_find(weir_span name);
const struct weir_provider *weir_provider_get(size_t index);

/* The request header that carries the credential: its name, and what stands
 * before the secret ("Bearer "). */
weir_span weir_provider_auth_header(const struct weir_provider *provider);
weir_span weir_provider_auth_prefix(const struct weir_provider *provider);

/* ---------------------------------------------------------- outgoing */

/* What one attempt changes. */
struct weir_target {
    weir_span origin_model; /* the model's name at the origin */
    weir_span prefix;       /* path before "/chat/completions": "/v1" */
    uint32_t n_max;         /* 0: no cap */
    bool strips_logprobs;
};

/* One piece for each spot replaced, one before each, one behind the last. */
#define WEIR_PIECES_MAX (2 * (WEIR_SPOTS + 1) + 1)

struct weir_outgoing {
    weir_span method;
    weir_span path; /* with the target's prefix; no query */
    uint32_t piece_count;
    weir_span pieces[WEIR_PIECES_MAX]; /* body: of the client's or the arena */
    uint64_t body_bytes;               /* their sum */
    bool hides_usage; /* weir asked for usage, the client did not */
};

/* ELIMIT: the arena is full. ETYPE: the dialect has no such endpoint. */
WEIR_MUST_USE weir_status weir_provider_prepare(
    const struct weir_provider *provider, const struct weir_request *request,
    const struct weir_target *target, struct weir_arena *arena,
    struct weir_outgoing *outgoing_out, struct weir_error *err);

/* ------------------------------------------------------------- reply */

struct weir_reply_setup {
    enum weir_endpoint endpoint;
    bool is_streamed;      /* the reply's content type is text/event-stream */
    bool hides_usage;      /* from struct weir_outgoing */
    bool strips_reasoning; /* empty the strings that hold it */
    size_t held_bytes_max; /* of one event; 0: WEIR_SSE_HELD_MAX */
};

/* How far the reply is. */
enum weir_reply_state {
    WEIR_REPLY_OPEN,  /* more must come */
    WEIR_REPLY_DONE,  /* the dialect's proper end was seen */
    WEIR_REPLY_ERROR, /* the origin ended it with an error of its own */
    WEIR_REPLY_CUT    /* weir_reply_finish() found it open */
};

struct weir_reply_facts {
    enum weir_reply_state state;
    bool has_usage; /* the origin counted: `usage` is it */
    bool has_error; /* an error member or event was seen */
    struct weir_usage usage;
    uint64_t content_bytes; /* delivered text, reasoning, tool arguments */
    uint64_t event_count;
    weir_span id;            /* the origin's id of the reply; may be empty */
    weir_span finish_reason; /* of the first answer: "stop", "completed" */
};

/* Bytes for the client. Held bytes lie in the reply and are gone with the
 * next call; others lie in the input. */
struct weir_reply_piece {
    weir_span bytes;
    bool is_held;
};

/* NULL: the arena is full. */
struct weir_reply *weir_reply_new(const struct weir_provider *provider,
                                  const struct weir_reply_setup *setup,
                                  struct weir_arena *arena);
void weir_reply_free(struct weir_reply *reply); /* NULL: none */

/*
 * Reads on in `*input`, which advances, and gives the next bytes for the
 * client; false: the input is used up. Loop on it with each read:
 *
 *     while (weir_reply_next(reply, &input, &piece))
 *         send(piece);
 *
 * With strips_reasoning a plain body comes out of weir_reply_finish(), of the
 * same length; what cannot be read, or is larger than held_bytes_max, is kept
 * back and the reply is CUT.
 *
 * Of a stream only whole events come out (unless larger than
 * held_bytes_max): a cut never leaves half an event with the client.
 */
bool weir_reply_next(struct weir_reply *reply, weir_span *input,
                     struct weir_reply_piece *piece_out);

/*
 * The origin is at its end, in the middle or not. Gives what was held if it
 * still is for the client (true), and settles the state: a reply that is
 * neither DONE nor ERROR is CUT. `is_whole`: the origin closed as HTTP
 * promised (its length, its last chunk).
 */
bool weir_reply_finish(struct weir_reply *reply, bool is_whole,
                       struct weir_reply_piece *piece_out);

/* Valid until weir_reply_free() of the arena's end; changes with reading. */
const struct weir_reply_facts *weir_reply_facts(const struct weir_reply *reply);

/* The origin's usage, else an estimate from the prompt's bytes and the
 * content delivered so far. */
struct weir_usage weir_reply_usage(const struct weir_reply *reply,
                                   uint64_t prompt_bytes);

/* ---------------------------------------------------------- registry */

struct weir_provider_ops {
    weir_status (*prepare)(const struct weir_request *request,
                           const struct weir_target *target,
                           struct weir_arena *arena,
                           struct weir_outgoing *outgoing_out,
                           struct weir_error *err);
    struct weir_reply *(*reply_new)(const struct weir_reply_setup *setup,
                                    struct weir_arena *arena);
    void (*reply_free)(struct weir_reply *reply);
    bool (*reply_next)(struct weir_reply *reply, weir_span *input,
                       struct weir_reply_piece *piece_out);
    bool (*reply_finish)(struct weir_reply *reply, bool is_whole,
                         struct weir_reply_piece *piece_out);
};

struct weir_provider {
    const char *name;
    const char *title;
    const char *auth_header;
    const char *auth_prefix;
    const struct weir_provider_ops *ops;
};

/* What every dialect's reply begins with. */
struct weir_reply {
    const struct weir_provider_ops *ops;
    struct weir_reply_facts facts;
};

#ifdef __cplusplus
}
#endif
#endif
