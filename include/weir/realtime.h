/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/realtime.h - the events of OpenAI's realtime API, as far as weir acts
 * on them.
 *
 * A session is a WebSocket: each text message is one event, a JSON object
 * with a `type`. What clients may send is a closed list; what origins send
 * passes, and is read for what it costs. Reading is pure and keeps nothing.
 *
 * Threads and memory: pure functions; results borrow from the event.
 */
#ifndef WEIR_REALTIME_H
#define WEIR_REALTIME_H

#include <weir/meter.h>
#include <weir/surface.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The handshake's query, raw: `model` (Azure: `deployment`), into
 * request_out->model. ETYPE: it is missing, named twice, or there is a
 * parameter that would be another kind of session (`intent`, `call_id`);
 * request_out->param names it. ELIMIT: too long.
 */
WEIR_MUST_USE weir_status weir_realtime_read_query(
    const struct weir_surface_route *route, weir_span query,
    struct weir_arena *arena, struct weir_request *request_out,
    struct weir_error *err);

/* What answers are to be made of. */
enum weir_realtime_modes {
    WEIR_REALTIME_UNSAID,
    WEIR_REALTIME_TEXT, /* and of nothing else */
    WEIR_REALTIME_SOUND
};

/* What a client says. */
struct weir_realtime_sent {
    bool asks;      /* an answer: one has to be held for */
    bool feeds;     /* sound in which an origin may find that it is asked */
    bool sets;      /* what holds for the session */
    bool has_sound; /* brings some */
    enum weir_realtime_modes modes; /* of the answer or of the session */
    weir_span id;     /* of the event, a JSON string; empty: none */
    weir_span spot;   /* of the model's name, where it stands: a JSON string */
    weir_span scribe; /* the same of the model that is to write down what is
                         heard; empty: none is named */
    weir_span scribe_param; /* where that stands, as a path */
    uint64_t text_bytes;    /* that the model reads */
    uint64_t audio_bytes;   /* the same, without base64 */
    weir_span param;        /* on failure */
    bool names_address;     /* the failure is one that may not be named */
};

/*
 * `model`: as the handshake named it. EPARSE: not JSON; ETYPE: an event that
 * is not on the list, or a member that would walk round the gate, or that
 * names what lies at an origin; EDENIED: another model, or an address that
 * `urls` (NULL: any) does not let be named.
 */
WEIR_MUST_USE weir_status weir_realtime_read_sent(
    weir_span event, weir_span model, const struct weir_urls *urls,
    struct weir_realtime_sent *sent_out, struct weir_error *err);

enum weir_realtime_kind {
    WEIR_REALTIME_OTHER,
    WEIR_REALTIME_BEGUN,   /* an answer */
    WEIR_REALTIME_DELTA,   /* of one */
    WEIR_REALTIME_DONE,    /* one is over */
    WEIR_REALTIME_FAILED,  /* an error: what was asked for may not come */
    WEIR_REALTIME_WRITTEN, /* down, what was heard: the scribe's usage */
};

/* What an origin says. */
struct weir_realtime_heard {
    enum weir_realtime_kind kind;
    uint64_t answer; /* hash of its id */
    uint64_t text_bytes;
    uint64_t audio_bytes;
    bool has_usage;
    struct weir_usage usage;
};

/* False: not an event at all. */
bool weir_realtime_read_heard(weir_span event,
                              struct weir_realtime_heard *heard_out);

/* What passed, where nobody counted: text as elsewhere, sound as 16 bit at
 * 24 kHz, ten tokens a second heard and twenty spoken. */
struct weir_usage weir_realtime_estimate(uint64_t text_in, uint64_t audio_in,
                                         uint64_t text_out, uint64_t audio_out);

/* The same of what was written down: 4,000 bytes of sound each, as of files. */
struct weir_usage weir_realtime_estimate_written(uint64_t audio_in,
                                                 uint64_t text_out);

/* An `error` event; `id`: of the client's event, a JSON string, or empty. */
void weir_realtime_put_error(const struct weir_refusal *refusal, weir_span id,
                             struct weir_buf *out);

#ifdef __cplusplus
}
#endif
#endif
