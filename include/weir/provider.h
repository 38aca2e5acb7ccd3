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
#include <weir/events.h>
#include <weir/meter.h>
#include <weir/neutral.h>
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

/* Requests are signed, each for itself: the credential goes into lines that
 * weir_provider_sign() writes, and into no header by itself. */
bool weir_provider_signs(const struct weir_provider *provider);

/* Header lines that every request of this dialect carries, each with CRLF;
 * empty: none. A client's header of the same name is not passed on then. */
weir_span weir_provider_headers(const struct weir_provider *provider);

/* The content type of a stream of this dialect: "text/event-stream". */
weir_span weir_provider_stream_type(const struct weir_provider *provider);

/* Whether a request of the client's dialect has to be put in other words:
 * prepare and reply then want a large arena, see WEIR_TRANSLATE_ARENA. */
bool weir_provider_translates(const struct weir_provider *provider,
                              const struct weir_request *request);

/* Memory to translate a body of so many bytes; what needs more (a hundred
 * thousand messages of a letter each) is refused. Untouched, it costs
 * nothing but addresses. */
#define WEIR_TRANSLATE_ARENA_MAX ((size_t)64 << 20)
#define WEIR_TRANSLATE_ARENA(body_bytes)                                       \
    ((body_bytes) > WEIR_TRANSLATE_ARENA_MAX / 12                              \
         ? WEIR_TRANSLATE_ARENA_MAX                                            \
         : (size_t)(body_bytes)*12 + ((size_t)32 << 10))
/* And to read the reply. */
#define WEIR_TRANSLATE_READER ((size_t)8 << 10)

/* ---------------------------------------------------------- outgoing */

/* What one attempt changes. */
struct weir_target {
    weir_span origin_model; /* the model's name at the origin */
    weir_span prefix;       /* path before "/chat/completions": "/v1" */
    uint32_t n_max;         /* 0: no cap */
    bool strips_logprobs;
    weir_span drops; /* fields to leave out where the dialect has no word for
                      * them, parted by blanks; see weir/neutral.h */
};

/* One piece for each spot replaced, one before each, one behind the last. */
#define WEIR_PIECES_MAX (2 * (WEIR_SPOTS + 1) + 1)

struct weir_outgoing {
    weir_span method;
    weir_span path;         /* with the target's prefix; no query */
    weir_span content_type; /* empty: application/json */
    uint32_t piece_count;
    weir_span pieces[WEIR_PIECES_MAX]; /* body: of the client's or the arena */
    uint64_t body_bytes;               /* their sum */
    bool hides_usage; /* weir asked for usage, the client did not */
    bool is_translated;
    const weir_span *many; /* where translated: the pieces (arena) */
    weir_span dropped;     /* fields left out, parted by ", " */
    weir_span param;       /* on failure: the client's field at fault */
};

#define WEIR_OUTGOING_PIECE(outgoing, i)                                       \
    (*((outgoing)->many != NULL ? &(outgoing)->many[i]                         \
                                : &(outgoing)->pieces[i]))

/* ELIMIT: the arena is full. ETYPE: the dialect has no such endpoint. */
WEIR_MUST_USE weir_status weir_provider_prepare(
    const struct weir_provider *provider, const struct weir_request *request,
    const struct weir_target *target, struct weir_arena *arena,
    struct weir_outgoing *outgoing_out, struct weir_error *err);

/* What a signature is made over, and with. */
struct weir_signing {
    const struct weir_outgoing *outgoing;
    weir_span authority;    /* the Host header */
    weir_span content_type; /* that header's value */
    weir_secret secret;     /* as the credentials file has it */
    weir_time now;
};

/* Room for what weir_provider_sign() writes beside the credential itself,
 * whose session token it repeats. */
#define WEIR_SIGNING_LINES ((size_t)1024)

/* Appends header lines, each with CRLF. EUNAUTH: the credential is not one
 * that signs; ELIMIT: no room. */
WEIR_MUST_USE weir_status weir_provider_sign(
    const struct weir_provider *provider, const struct weir_signing *signing,
    struct weir_buf *lines, struct weir_error *err);

/* ------------------------------------------------------------- reply */

struct weir_reply_setup {
    enum weir_endpoint endpoint;
    bool is_streamed;      /* the reply's content type is text/event-stream */
    bool is_opaque;        /* it is not JSON: sound, or plain text */
    bool hides_usage;      /* from struct weir_outgoing */
    bool strips_reasoning; /* empty the strings that hold it */
    size_t held_bytes_max; /* of one event; 0: WEIR_SSE_HELD_MAX */

    /* Where the reply is translated (or `request` would be stripped by a
     * dialect that cannot do it in place). */
    bool is_translated;
    uint32_t http_status;               /* 400..: an error to put in words */
    const struct weir_request *request; /* as the client asked */
    weir_span request_id;               /* weir's: "req_..." */
    weir_span error_code; /* what a header called the error; may be empty */
    int64_t now;          /* seconds since 1970 */

    const struct weir_mcp_gate *tools; /* of a tool server's reply; outlives
                                        * the reply */
};

/* How far the reply is. */
enum weir_reply_state {
    WEIR_REPLY_OPEN,  /* more must come */
    WEIR_REPLY_DONE,  /* the dialect's proper end was seen */
    WEIR_REPLY_ERROR, /* the origin ended it with an error of its own */
    WEIR_REPLY_CUT    /* weir_reply_finish() found it open */
};

/* Whether what a plain reply's reader was given is JSON. */
enum weir_reply_text {
    WEIR_REPLY_UNCHECKED, /* not known: it came in pieces, or nobody looked */
    WEIR_REPLY_JSON,      /* one object or array, whole */
    WEIR_REPLY_NO_JSON
};

struct weir_reply_facts {
    enum weir_reply_state state;
    enum weir_reply_text text;
    bool has_usage;   /* the origin counted: `usage` is it */
    bool has_error;   /* an error member or event was seen */
    bool has_refusal; /* the model said no in a member made for that */
    bool is_free;     /* an error's body: nothing was generated */
    struct weir_usage usage;
    bool counts_units; /* no tokens: `units`, unless has_usage */
    struct weir_usage units;
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

/* Content type of a translated reply; empty: the origin's own. */
weir_span weir_reply_content_type(const struct weir_reply *reply);

/* The origin's usage, or the units of what has no tokens, else an estimate from the prompt's bytes and the
 * content delivered so far. */
struct weir_usage weir_reply_usage(const struct weir_reply *reply,
                                   uint64_t prompt_bytes);

/* ---------------------------------------------------------- registry */

struct weir_provider_ops {
    uint32_t speaks;           /* WEIR_SPEAKS(dialect) each: passed as it is */
    enum weir_dialect dialect; /* what others are translated to */
    const char *headers;       /* lines for each request; NULL: none */
    bool strips_in_place;      /* else a stripped reply is written anew */
    weir_status (*write)(struct weir_neutral *call,
                         const struct weir_request *request,
                         const struct weir_target *target,
                         struct weir_arena *arena,
                         struct weir_outgoing *outgoing_out,
                         struct weir_error *err);
    const struct weir_reading_ops *reading;
    const struct weir_embed_provider *embed; /* NULL: none is written */
    /* NULL: the credential goes into the provider's header as it is. */
    weir_status (*sign)(const struct weir_signing *signing,
                        struct weir_buf *lines, struct weir_error *err);
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
    const char *content_type; /* NULL: the origin's */
};

#ifdef __cplusplus
}
#endif
#endif
