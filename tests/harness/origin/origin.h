/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir-origin - a scripted origin that speaks the OpenAI dialect.
 *
 * Used by the demonstration, the tests and the benches: deterministic
 * replies, faults on demand, and its own count of what it was asked and what
 * it answered. It shares no code with weir, so that both cannot be wrong in
 * the same way; where HTTP leaves a choice it is strict, so that a request
 * that weir let through and it refuses is a finding.
 *
 * One thread, one epoll. Every object belongs to its connection.
 */
#ifndef WEIR_ORIGIN_H
#define WEIR_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    const char *ptr;
    size_t len;
} text;

#define TEXT(literal) ((text){(literal), sizeof(literal) - 1})

/* ------------------------------------------------------------- bytes */

struct bytes {
    char *ptr;
    size_t start; /* consumed before this */
    size_t len;   /* filled before this */
    size_t capacity;
};

void bytes_need(struct bytes *b, size_t more);
void bytes_add(struct bytes *b, const void *ptr, size_t len);
void bytes_add_text(struct bytes *b, const char *literal);
void bytes_addf(struct bytes *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void bytes_fill(struct bytes *b, size_t len, unsigned seed); /* filler words */
void bytes_reset(struct bytes *b);
void bytes_free(struct bytes *b);

bool text_is(text t, const char *literal);
bool text_is_nocase(text t, const char *literal);
/* Adds `t` as the inside of a JSON string. */
void bytes_add_json(struct bytes *b, text t);

/* -------------------------------------------------------------- JSON */

/* Values of the members weir-origin looks at: raw text, empty if absent. */
struct call_body {
    text model;
    text metadata_origin; /* metadata.origin, inside the quotes */
    text encoding_format;
    text input_raw; /* messages, input or prompt, raw */
    text tools_raw;
    long max_tokens; /* -1 when absent */
    bool is_stream;
    bool wants_usage; /* stream_options.include_usage */
    long inputs;      /* elements of `input`, for embeddings */
};

/* False when the body is not one JSON object. */
bool call_body_parse(text body, struct call_body *out);

/* ------------------------------------------------------------- script */

enum cut_how { CUT_NONE, CUT_FIN, CUT_RST };

/* What to do with one call. See script.c for the words. */
struct script {
    int status;
    long retry_after_ms; /* -1: no header */
    long delay_ms;       /* before the head */
    long gap_ms;         /* between events */
    long events;         /* -1: as many as tokens */
    long event_bytes;    /* content per event, or of a plain reply */
    long tokens_in;      /* -1: by rule */
    long tokens_out;     /* -1: by rule */
    long tokens_cached;
    long tokens_reasoning;
    long cut_after; /* events (stream) or bytes (plain); -1: whole */
    enum cut_how cut_how;
    long piece;      /* bytes per write at most; 0: no splitting */
    uint64_t split;  /* random splits by this seed; 0: none */
    long length_off; /* added to Content-Length */
    bool no_usage, gzip, malformed, hang, close_now, chunked, crlf, no_done;
    bool error_event, comments, close_after, slow_head, turns;
    char content[256]; /* decoded; empty: filler */
    char tool[64];
    char tool_arguments[256];
    char replay[256];
};

void script_init(struct script *script);
/* Applies "word=value;word+word" on top; false names the first bad word. */
bool script_apply(struct script *script, text words, text *bad_out);

/* -------------------------------------------------------- connections */

struct listener {
    int fd;
    char *name;
    bool is_tls;
};

enum phase { READ_HEAD, READ_BODY, WAITING, REPLYING, CLOSING };

struct request {
    text method;
    text path; /* without query */
    text query;
    text script_header;
    size_t head_len;
    uint64_t content_length;
    bool is_chunked;
    bool keep_alive;
    bool expects_continue;
};

enum stream_kind { STREAM_NONE, STREAM_CHAT, STREAM_RESPONSES, STREAM_TEXT };

/* `at` of a chat or text stream whose finish has been sent. */
#define STREAM_ENDING (-1)

struct stream {
    enum stream_kind kind;
    long at;    /* next event */
    long count; /* content events */
    bool is_done;
};

struct usage {
    long input, output, cached, reasoning;
};

struct connection {
    int fd;
    uint64_t id;
    void *ssl;
    bool tls_ready;
    struct listener *from;
    struct bytes in;
    struct bytes body; /* a chunked body, joined */
    struct bytes out;
    enum phase phase;
    struct request request;
    size_t chunk_at; /* parse position of a chunked body */
    text body_text;  /* the current request's body */
    struct call_body call;
    struct script script;
    struct stream stream;
    struct usage usage;
    struct bytes replay; /* body being replayed */
    size_t replay_at;
    uint64_t sequence;
    uint64_t random;
    int64_t wake_ms; /* 0: no timer */
    size_t heap_at;  /* position in the timer heap, 1-based */
    bool is_drained, is_peer_done, is_call, is_usage_sent, is_dead;
    struct connection *next_dead;
};

void connection_open(int fd, struct listener *from);
void connection_event(struct connection *c, unsigned events);
void connection_wake(struct connection *c);
/* Bytes of the reply are in c->out: sends, and ends the reply when done. */
void connection_reply(struct connection *c);

/* ---------------------------------------------------------- HTTP, replies */

#define CREATED "1767225600" /* of every reply, seconds */

enum parse { PARSE_MORE, PARSE_DONE, PARSE_BAD };

enum parse http_parse_head(struct connection *c);
enum parse http_parse_chunks(struct connection *c);

void reply_begin(struct connection *c); /* a request is complete */
void reply_start(struct connection *c); /* its delay is over */
void reply_simple(struct connection *c, int status, const char *type,
                  const char *bytes, size_t len);
/* The model's name without a script behind it. */
text model_shown(const struct connection *c);
/* `"usage":{...}` of chat and text replies; notes that it was sent. */
void bytes_add_usage(struct bytes *b, struct connection *c);
void stream_begin(struct connection *c, enum stream_kind kind);
/* Adds events while the output is short; sets a timer where a gap is due. */
void stream_pump(struct connection *c);
bool replay_open(struct connection *c);
void control_reply(struct connection *c);

/* --------------------------------------------------------------- world */

struct model_count {
    char *name;
    uint64_t calls;
    int64_t input, output;
};

struct kept {
    uint64_t sequence, connection;
    char *name; /* of the listener */
    struct bytes head, body;
};

#define KEPT_MAX 256

struct world {
    int epoll;
    int64_t now_ms;
    const char *replay_dir;
    size_t keep;
    struct kept kept[KEPT_MAX];
    uint64_t kept_count;
    struct script standing; /* default of every call */
    struct script next;     /* of the next `next_count` calls */
    long next_count;
    char *next_name; /* only for this listener; NULL: any */
    struct model_count *models;
    size_t model_count;
    uint64_t connections, open_now, requests, bad_requests;
    uint64_t calls, replied, aborted, cut, errors;
    int64_t input, output, cached, reasoning, events;
    struct connection *dead;
};

extern struct world world;

void timer_set(struct connection *c, int64_t delay_ms);
void timer_clear(struct connection *c);
struct model_count *model_of(text name);

#endif
