/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/surface.h - what a client may say, and how weir answers by itself.
 *
 * A surface is an API that clients speak: it names the method and path of
 * each endpoint, reads a request by spans into a neutral struct
 * weir_request, and renders refusals, cut streams and the list of models in
 * the shape that the client's SDK understands. Surfaces are the rows of
 * surfaces/surfaces.def.
 *
 * Threads: surfaces are constant; everything else has one owner.
 * Memory: a request borrows from the body (which must outlive it) and from
 * the arena; nothing comes from the heap.
 */
#ifndef WEIR_SURFACE_H
#define WEIR_SURFACE_H

#include <weir/base.h>
#include <weir/embed.h>
#include <weir/events.h>
#include <weir/json.h>
#include <weir/mcp.h>
#include <weir/neutral.h>
#include <weir/urls.h>

#ifdef __cplusplus
extern "C" {
#endif

struct weir_surface;

/* Those up to TRANSCRIBE have the numbers of enum weir_operation
 * (weir/image.h). */
enum weir_endpoint {
    WEIR_ENDPOINT_CHAT = 0,
    WEIR_ENDPOINT_RESPONSES = 1,
    WEIR_ENDPOINT_EMBED = 2,
    WEIR_ENDPOINT_COMPLETE = 3,
    WEIR_ENDPOINT_MODERATE = 4,
    WEIR_ENDPOINT_RERANK = 5,
    WEIR_ENDPOINT_IMAGE = 6,
    WEIR_ENDPOINT_SPEECH = 7,
    WEIR_ENDPOINT_TRANSCRIBE = 8,
    WEIR_ENDPOINT_MODELS = 9, /* the list */
    WEIR_ENDPOINT_MODEL = 10, /* one of it */
    WEIR_ENDPOINT_COUNT = 11, /* a prompt's tokens: answered by weir itself */
    WEIR_ENDPOINT_BULK = 12,  /* files and batches: see weir/bulk.h */
    WEIR_ENDPOINT_TOOLS = 13, /* a tool server: see weir/mcp.h */
    WEIR_ENDPOINT_REALTIME = 16, /* a WebSocket: see weir/realtime.h */
    WEIR_ENDPOINT_STORED = 17    /* an answer that is kept: weir/stored.h */
};

/* What is done to an answer that an origin keeps. */
enum weir_stored_verb {
    WEIR_STORED_NONE,
    WEIR_STORED_READ,
    WEIR_STORED_ERASE,
    WEIR_STORED_CANCEL, /* that is being made still */
    WEIR_STORED_ITEMS   /* of the request that it answers */
};

/* What is done to a file or a batch. */
enum weir_bulk {
    WEIR_BULK_NONE,
    WEIR_BULK_UPLOAD,  /* a file of lines, each a call */
    WEIR_BULK_FILE,    /* what is known of one */
    WEIR_BULK_CONTENT, /* of one */
    WEIR_BULK_DELETE,
    WEIR_BULK_CREATE, /* a batch of a file's lines */
    WEIR_BULK_BATCH,  /* how far it is */
    WEIR_BULK_CANCEL,
    WEIR_BULK_SEND,    /* a batch that brings its requests with it */
    WEIR_BULK_RESULTS, /* of such a one, line by line */
    WEIR_BULK_ERASE,   /* such a one, once it has ended */
    WEIR_BULK_FILES,   /* the list of a tenant's: weir/lists.h */
    WEIR_BULK_BATCHES, /* the same */
};

struct weir_surface_route {
    const struct weir_surface *surface;
    enum weir_endpoint endpoint;
    enum weir_dialect dialect; /* of the body and the reply */
    bool takes_body;
    bool wants_all;      /* /v1/models?all=1 */
    bool is_streamed;    /* where the path says so */
    bool is_batch;       /* embeds several texts */
    bool is_form;        /* the body is multipart/form-data */
    bool is_preflight;   /* OPTIONS, which a browser asks by itself */
    weir_span model;     /* where the path names it */
    weir_span end;       /* WEIR_DIALECT_OTHER: "/images/edits" */
    enum weir_bulk bulk; /* WEIR_ENDPOINT_BULK; `model` is the id then */
    enum weir_stored_verb stored; /* WEIR_ENDPOINT_STORED; the same */
    weir_span id; /* WEIR_ENDPOINT_TOOLS: RAW, of the message; the caller's to
                   * set once it is read, so that refusals name it */
    const struct weir_urls *urls; /* the caller's to set: which addresses a
                                   * body may name; NULL: any */
};

/*
 * Which surface and endpoint. `path` is decoded and normalised (as nginx's
 * r->uri), `query` without its question mark.
 * ENOTOURS: nobody serves the path. EMETHOD: it is served, not so.
 */
WEIR_MUST_USE weir_status weir_surface_route(
    weir_span method, weir_span path, weir_span query,
    struct weir_surface_route *route_out, struct weir_error *err);

/*
 * A header of the client's. `anthropic-version` and `x-goog-api-key` tell
 * whose list of models is asked for, which three APIs have at one path; all
 * other names are ignored.
 */
void weir_surface_note_header(struct weir_surface_route *route,
                              weir_span lower_case_name);

/* ----------------------------------------------------------- request */

/* Values in the body that weir may replace on the way to the origin. */
enum weir_spot {
    WEIR_SPOT_MODEL,
    WEIR_SPOT_STREAM_OPTIONS, /* the whole object */
    WEIR_SPOT_INCLUDE_USAGE,  /* in it */
    WEIR_SPOT_N,
    WEIR_SPOT_BEST_OF,
    WEIR_SPOT_LOGPROBS,
    WEIR_SPOT_TOP_LOGPROBS,
    WEIR_SPOT_INCLUDE, /* Responses: array of extras asked for */
    WEIR_SPOTS         /* how many */
};

struct weir_request {
    enum weir_endpoint endpoint;
    enum weir_dialect dialect;
    const struct weir_surface *surface; /* that read it */
    bool is_batch;                      /* of the route */
    weir_span body;
    weir_span model; /* unescaped */
    bool is_streamed;
    bool wants_usage; /* asked for the usage event itself */
    bool has_tools;
    bool has_media; /* pictures, sound or files stand in the prompt */
    bool has_logprobs;
    bool wants_base64;   /* vectors as bytes */
    bool is_stateful;    /* goes on from what the origin keeps and changes */
    bool knows_service;  /* the level of service was looked for */
    bool wants_priority; /* then: it is the dear one */
    bool knows_names;    /* `names` was filled */
    struct weir_json_names names; /* of the body's members */
    uint32_t n;                   /* answers asked for, 1.. */
    uint64_t output_tokens_max;   /* 0: none given */
    /* Raw JSON bytes of what the model reads: messages, input, prompt,
     * instructions, tools and formats. Images, sound and files inside count
     * as WEIR_SURFACE_MEDIA_BYTES each in place of their base64 text. */
    uint64_t prompt_bytes;
    uint64_t input_tokens; /* estimate from prompt_bytes, for the hold */
    /* WEIR_DIALECT_OTHER: what there is to do where tokens are not what is
     * counted: characters, seconds (estimated), searches. */
    uint64_t units;
    uint64_t file_bytes; /* of a form's files */
    uint32_t file_count; /* names of files that a tenant may have been given:
                          * weir_surface_files(). Whoever passes the request
                          * on opens them first, or refuses it */
    weir_span boundary;  /* of a form; empty: the body is JSON */
    weir_span end;       /* of the route */
    /* Raw values (strings with quotes) in `body`; ptr NULL: absent. */
    weir_span spots[WEIR_SPOTS];
    weir_span metadata; /* the member of that name, any kind of value */
    size_t insert_at;   /* where a member can be spliced in: behind `{` */
    struct weir_mcp_message mcp; /* WEIR_ENDPOINT_TOOLS */
    weir_span param;             /* on failure: the member at fault, or empty */
};

/* So many bytes of sound are taken for a second of it, until it is known. */
#define WEIR_SURFACE_SOUND_BYTES 4000

/* About what one image costs at the usual detail, in prompt bytes. */
#define WEIR_SURFACE_MEDIA_BYTES 4000

/*
 * Validates the whole body (strict JSON) and reads it. EPARSE: not JSON, or
 * a member that weir reads appears twice. ETYPE: missing, of the wrong type,
 * or something that cannot be governed (a background response, a list of
 * further models). ELIMIT: the arena is too small for the model's name.
 * EDENIED: an address that route->urls does not let be named.
 */
WEIR_MUST_USE weir_status
weir_surface_parse(const struct weir_surface_route *route, weir_span body,
                   struct weir_arena *arena, struct weir_request *request_out,
                   struct weir_error *err);

/* A name of a file, RAW, in the request's body and in its order; false: no
 * more. */
typedef bool weir_surface_on_file(void *context, weir_span raw);
/* Gives the names that file_count counts. False: `on_file` said so. */
bool weir_surface_files(const struct weir_request *request,
                        weir_surface_on_file *on_file, void *context);

/* ----------------------------------------------------------- refusal */

/* Why weir says no, in no API's shape. Empty spans are left out. */
struct weir_refusal {
    weir_status status; /* gives http and type, where those are 0 / empty */
    uint32_t http;
    weir_span type;     /* "permission_error" */
    weir_span code;     /* "policy_forbids": weir_reason_code() */
    weir_span message;  /* one sentence for a person */
    weir_span param;    /* member of the request at fault */
    weir_span request;  /* "req_..." */
    weir_span decision; /* "deny", "hold" */
    weir_span policy;   /* id */
    weir_span title;
    weir_span authority;
    weir_span appeal;
    weir_span watch_case; /* of the watch whose step this is */
    weir_time ends_at;    /* of that step; 0: not said */
    weir_span window;     /* which budget is full: "project tokens per day" */
    weir_span hop;        /* which hop failed: "origin eu-1: connect timeout" */
    weir_time reopens_at; /* 0: not said */
    uint32_t retry_after_s; /* 0: not said; the header is the caller's */
};

/* The HTTP status a refusal is answered with. */
uint32_t weir_refusal_http(const struct weir_refusal *refusal);

/* The body of an error reply (application/json). */
void weir_surface_put_refusal(const struct weir_surface_route *route,
                              const struct weir_refusal *refusal,
                              struct weir_buf *out);

/* The event that ends a stream which the origin (or weir) broke off; a
 * client must not take what it has for a whole answer. */
void weir_surface_put_cut(const struct weir_surface_route *route,
                          const struct weir_refusal *refusal,
                          struct weir_buf *out);

/* ------------------------------------------------------------ models */

enum weir_surface_life {
    WEIR_SURFACE_ACTIVE,
    WEIR_SURFACE_DEPRECATED,
    WEIR_SURFACE_RETIRED,
};

struct weir_surface_model {
    weir_span id;
    weir_span owner;
    int64_t created; /* seconds since 1970 */
    enum weir_surface_life life;
    weir_time deprecated_us;    /* unless active */
    uint32_t operations;        /* bit per enum weir_operation */
    uint32_t output_tokens_max; /* 0: not known */
    bool is_allowed;
    weir_span reason;  /* code, when not allowed */
    weir_span message; /* of the reason; may be empty */
};

/* Gives the next model; false: there is none. */
typedef bool (*weir_surface_next_model)(void *context,
                                        struct weir_surface_model *model_out);

void weir_surface_put_models(const struct weir_surface_route *route,
                             weir_surface_next_model next, void *context,
                             struct weir_buf *out);
void weir_surface_put_model(const struct weir_surface_route *route,
                            const struct weir_surface_model *model,
                            struct weir_buf *out);

/* ---------------------------------------------------------- registry */

struct weir_surface {
    weir_status (*route)(weir_span method, weir_span path, weir_span query,
                         struct weir_surface_route *route_out,
                         struct weir_error *err);
    weir_status (*parse)(const struct weir_surface_route *route, weir_span body,
                         struct weir_arena *arena, struct weir_request *out,
                         struct weir_error *err);
    void (*put_refusal)(const struct weir_surface_route *route,
                        const struct weir_refusal *refusal,
                        struct weir_buf *out);
    void (*put_cut)(const struct weir_surface_route *route,
                    const struct weir_refusal *refusal, struct weir_buf *out);
    void (*put_models)(const struct weir_surface_route *route,
                       weir_surface_next_model next, void *context,
                       struct weir_buf *out);
    void (*put_model)(const struct weir_surface_route *route,
                      const struct weir_surface_model *model,
                      struct weir_buf *out);
    void (*put_count)(const struct weir_surface_route *route, uint64_t tokens,
                      struct weir_buf *out); /* NULL: no such endpoint */
    weir_status (*read_call)(const struct weir_request *request,
                             struct weir_neutral *call, struct weir_error *err);
    /* Who writes translated replies; NULL: that dialect's cannot be. */
    const struct weir_writing_ops *(*writing)(enum weir_dialect dialect);
    const struct weir_embed_surface *embed; /* NULL: passed or refused */
};

/* The request in no dialect. ETYPE: a field is wrong, `param` names it. */
WEIR_MUST_USE weir_status weir_surface_read_call(
    const struct weir_request *request, struct weir_arena *arena,
    struct weir_neutral *call_out, struct weir_error *err);

/* The body that answers WEIR_ENDPOINT_COUNT. */
void weir_surface_put_count(const struct weir_surface_route *route,
                            uint64_t tokens, struct weir_buf *out);

/* Row by number with its name and title, NULL behind the last. */
const struct weir_surface *weir_surface_get(size_t index);
const char *weir_surface_name(size_t index);
const char *weir_surface_title(size_t index);

#ifdef __cplusplus
}
#endif
#endif
