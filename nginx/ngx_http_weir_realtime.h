/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Realtime sessions; see the sources' heads.
 *
 *   ngx_http_weir_realtime.c        the handshake, to both sides
 *   ngx_http_weir_session.c         what the origin says, limits, the end
 *   ngx_http_weir_session_client.c  what the client says
 *   ngx_http_weir_session_filter.c  rules over its texts
 *   ngx_http_weir_session_scribe.c  a model that writes down what is heard
 *   ngx_http_weir_session_send.c    what is sent to either side
 */
#ifndef _NGX_HTTP_WEIR_REALTIME_H_INCLUDED_
#define _NGX_HTTP_WEIR_REALTIME_H_INCLUDED_


#include <weir/filter.h>
#include <weir/realtime.h>
#include <weir/session.h>
#include <weir/websocket.h>


/* 28 characters that prove that a handshake was read, and a zero. */
#define NGX_HTTP_WEIR_ACCEPT  29


/* An answer under way: what passed of it. */
typedef struct {
    uint64_t                        id;
    uint64_t                        text_bytes;
    uint64_t                        audio_bytes;
    struct weir_filter             *filter;     /* NULL: not yet */
} ngx_http_weir_answer_t;


/* ms that the other side has for its close frame, or for what came last. */
#define NGX_HTTP_WEIR_CLOSING  5000


typedef struct ngx_http_weir_scribe_s  ngx_http_weir_scribe_t;


struct ngx_http_weir_realtime_s {
    ngx_str_t                       accept;     /* for the client */
    u_char                          expected[NGX_HTTP_WEIR_ACCEPT];
    ngx_str_t                       key;        /* weir's, for the origin */

    struct weir_session             session;
    struct weir_ws_reader           client;
    struct weir_ws_reader           origin;
    struct weir_buf                 up;         /* on its way to the origin */
    size_t                          up_at;      /* sent of it */

    ngx_http_weir_answer_t          answers[WEIR_SESSION_ANSWERS_MAX];
    ngx_uint_t                      answer_count;
    ngx_uint_t                      asked;      /* and not begun yet */
    uint64_t                        text_in;    /* since an answer ended */
    uint64_t                        audio_in;
    weir_time                       asked_at;   /* the first answer */

    ngx_msec_t                      begun;
    ngx_msec_t                      heard;      /* of either side */
    ngx_msec_t                      gone;       /* the client, unheard */
    ngx_msec_t                      closing;    /* since then, where it is */
    uint64_t                        image;      /* asked under: generations */
    uint64_t                        overlay;
    ngx_http_weir_scribe_t         *scribe;     /* NULL: none was named */
    struct weir_call               *speaker;    /* of the next refusal: whose
                                                   budget; NULL: its own */
    uint64_t                        rules_of;   /* compared: generation */
    uint32_t                        rules;      /* and filters */
    struct weir_filter             *filter;     /* of all but answers */
    ngx_uint_t                      ticks;
    ngx_uint_t                      errors;     /* sent in a row */
    enum weir_ending                ending;

    unsigned                        wants_realtime:1; /* subprotocols */
    unsigned                        wants_beta:1;
    unsigned                        has_upgrade:1;    /* the origin's head */
    unsigned                        has_accept:1;
    unsigned                        is_wrong:1;
    unsigned                        is_open:1;        /* both agreed */
    unsigned                        is_stopped:1;     /* by weir */
    unsigned                        is_text:1;        /* it was asked to be */
    unsigned                        client_closed:1;
    unsigned                        origin_closed:1;
};


/* ngx_http_weir_realtime.c */

/* The key, where a browser put it among the subprotocols. */
weir_secret ngx_http_weir_realtime_key(ngx_http_request_t *r);
/* In place of parsing and deciding. */
weir_status ngx_http_weir_realtime_decide(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
ngx_int_t ngx_http_weir_realtime_create_request(ngx_http_weir_ctx_t *ctx);
/* Each header of the origin's reply; true: nothing of it is passed on. */
ngx_uint_t ngx_http_weir_realtime_header(ngx_http_weir_ctx_t *ctx,
    ngx_table_elt_t *h);
/* The origin's head is read, and it is a 101. */
ngx_int_t ngx_http_weir_realtime_switch(ngx_http_weir_ctx_t *ctx);


/* ngx_http_weir_session.c */

/* From the head on the session has both connections. */
ngx_int_t ngx_http_weir_session_open(ngx_http_weir_ctx_t *ctx);
/* Whether it is one by now: what follows is for those alone. */
ngx_uint_t ngx_http_weir_is_session(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_session_withdraw(ngx_http_weir_ctx_t *ctx);
/* nginx's upstream has ended. */
void ngx_http_weir_session_finalize(ngx_http_weir_ctx_t *ctx, ngx_int_t rc);
/* What it took, with what is not over yet; once, before it is settled. */
void ngx_http_weir_session_settle(ngx_http_weir_ctx_t *ctx,
    struct weir_settlement *s);
void ngx_http_weir_session_free(ngx_http_weir_ctx_t *ctx);
/* Holds for so many answers in all; what that meets may end the session. */
weir_status ngx_http_weir_session_afford(ngx_http_weir_ctx_t *ctx,
    ngx_uint_t needed, struct weir_error *err);
/* Policy, anew; NGX_ERROR: the session was stopped. */
ngx_int_t ngx_http_weir_session_ask(ngx_http_weir_ctx_t *ctx);


/* ngx_http_weir_session_client.c */

/* The client's connection has something; nothing may be touched after it. */
void ngx_http_weir_session_read(ngx_http_request_t *r);
/* Whether the client left unheard, for some seconds: then it is ended, and
 * nothing may be touched. Once a beat. */
ngx_uint_t ngx_http_weir_session_is_gone(ngx_http_weir_ctx_t *ctx);
/* The event that waited, which passes or is refused; then what came behind
 * it. Nothing may be touched after it. */
void ngx_http_weir_session_resume(ngx_http_weir_ctx_t *ctx, weir_span event,
    weir_status status, struct weir_error *err, weir_span rest);
/* The origin takes on; the same. */
void ngx_http_weir_session_write(ngx_http_request_t *r,
    ngx_http_upstream_t *u);


/* ngx_http_weir_session_filter.c */

/* What policy asks for is made ready, when the session is decided. */
weir_status ngx_http_weir_session_filters(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
/* The event as it may pass, in `text` where it changed, read again then;
 * what fails is refused. */
weir_status ngx_http_weir_session_filter_sent(ngx_http_weir_ctx_t *ctx,
    weir_span *event, struct weir_buf *text, struct weir_realtime_sent *sent,
    struct weir_error *err);
/* To the client, with or without filters; `answer` it belongs to, or NULL. */
void ngx_http_weir_session_filter_heard(ngx_http_weir_ctx_t *ctx,
    weir_span event, const struct weir_realtime_heard *heard,
    ngx_http_weir_answer_t *answer);
void ngx_http_weir_session_filter_drop(ngx_http_weir_ctx_t *ctx,
    struct weir_filter **filter);
/* All of them; again: nothing. */
void ngx_http_weir_session_filter_end(ngx_http_weir_ctx_t *ctx);
/* Whether what policy asked for last, by this image, is what it has. */
ngx_uint_t ngx_http_weir_session_same_rules(ngx_http_weir_ctx_t *ctx,
    const struct weir_image *image);


/* ngx_http_weir_session_scribe.c */

/* The model that the event names is asked for, once in a session. WEIR_OK and
 * ngx_http_weir_session_waits(): the event goes on later by itself. */
weir_status ngx_http_weir_session_scribe(ngx_http_weir_ctx_t *ctx,
    weir_span event, struct weir_realtime_sent *sent, struct weir_error *err);
/* An event waits: nothing is read from the client, and what was read and
 * stands behind it is kept. */
ngx_uint_t ngx_http_weir_session_waits(ngx_http_weir_realtime_t *rt);
void ngx_http_weir_session_keep(ngx_http_weir_ctx_t *ctx, weir_span input);
/* One text more is held for. */
weir_status ngx_http_weir_scribe_afford(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
void ngx_http_weir_scribe_hears(ngx_http_weir_ctx_t *ctx,
    uint64_t audio_bytes);
void ngx_http_weir_scribe_wrote(ngx_http_weir_ctx_t *ctx,
    const struct weir_realtime_heard *heard);
/* Policy, anew. */
weir_status ngx_http_weir_scribe_ask(ngx_http_weir_ctx_t *ctx,
    const struct weir_view *view, struct weir_error *err);
void ngx_http_weir_scribe_quote(ngx_http_weir_ctx_t *ctx,
    struct weir_buf *buf);
void ngx_http_weir_scribe_settle(ngx_http_weir_ctx_t *ctx,
    enum weir_ending ending);
void ngx_http_weir_scribe_free(ngx_http_weir_ctx_t *ctx);


/* ngx_http_weir_session_send.c */

/* Into u->out_bufs: whoever calls from outside the filter pushes then. */
void ngx_http_weir_session_to_client(ngx_http_weir_ctx_t *ctx,
    enum weir_ws_opcode opcode, weir_span payload);
/* Behind what the origin has not taken yet. */
void ngx_http_weir_session_to_origin(ngx_http_weir_ctx_t *ctx,
    enum weir_ws_opcode opcode, const weir_span *parts, ngx_uint_t n);
/* NGX_AGAIN: the origin takes no more now. */
ngx_int_t ngx_http_weir_session_flush_up(ngx_http_weir_ctx_t *ctx);
/* An error event; `id` is of the client's. */
void ngx_http_weir_session_say(ngx_http_weir_ctx_t *ctx, weir_status status,
    struct weir_error *err, weir_span param, weir_span id);
/* An error event, a close frame, and nothing more from either side. */
void ngx_http_weir_session_stop(ngx_http_weir_ctx_t *ctx, uint16_t code,
    weir_status status, struct weir_error *err, enum weir_ending ending);
/* The same where the origin broke off. */
void ngx_http_weir_session_stop_cut(ngx_http_weir_ctx_t *ctx,
    const char *what);
/* Writes what lies in out_bufs, and ends the request where that is due:
 * nothing may be touched after it. */
void ngx_http_weir_session_push(ngx_http_weir_ctx_t *ctx);


#endif /* _NGX_HTTP_WEIR_REALTIME_H_INCLUDED_ */
