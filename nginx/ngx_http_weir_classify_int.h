/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the three sources of classification share: who is asked of a call,
 * what was said, what is held meanwhile. Nobody else looks into it.
 */
#ifndef _NGX_HTTP_WEIR_CLASSIFY_INT_H_INCLUDED_
#define _NGX_HTTP_WEIR_CLASSIFY_INT_H_INCLUDED_


#include "ngx_http_weir.h"
#include "ngx_http_weir_ask.h"
#include "ngx_http_weir_classify.h"

#include <weir/detect.h>


#define NGX_HTTP_WEIR_ASKED  8      /* classifiers of an image */

/* Of one reply: the filter has no more. */
#define NGX_HTTP_WEIR_VOICES  128


enum {
    NGX_HTTP_WEIR_INPUT = 0,
    NGX_HTTP_WEIR_OUTPUT = 1,
};


typedef enum {
    NGX_HTTP_WEIR_GOES = 0,     /* nothing waits */
    NGX_HTTP_WEIR_AT_PROMPT,    /* admission */
    NGX_HTTP_WEIR_AT_WINDOW,    /* a reply that passes */
    NGX_HTTP_WEIR_AT_HEAD,      /* a collected reply */
    NGX_HTTP_WEIR_AT_HIT,       /* an answer that was kept */
    NGX_HTTP_WEIR_AT_END        /* only the record */
} ngx_http_weir_at_e;


/* A classifier that this call asks, by direction. */
typedef struct {
    uint32_t                        row;
    ngx_uint_t                      is_asked[2];
    enum weir_detect_action         actions[2];     /* 0: the watch's */
    ngx_uint_t                      fails_open[2];
    ngx_http_weir_ask_t            *asks[2];
    struct weir_record_opinion     *opinions[2];    /* NULL: none yet */
} ngx_http_weir_asked_t;


/* One channel of a reply: what it said of late. */
typedef struct ngx_http_weir_voice_s  ngx_http_weir_voice_t;

struct ngx_http_weir_voice_s {
    ngx_http_weir_voice_t          *next;
    uint64_t                        channel;
    struct weir_buf                 text;
    size_t                          asked;      /* of it, was asked about */
};


struct ngx_http_weir_classifying_s {
    ngx_http_weir_ctx_t            *ctx;
    ngx_uint_t                      count;
    ngx_http_weir_asked_t           asked[NGX_HTTP_WEIR_ASKED];
    uint32_t                        opinion_count;
    struct weir_record_opinion      opinions[WEIR_OPINIONS_MAX];
    ngx_http_weir_at_e              at;
    weir_span                       body;       /* at the prompt */

    ngx_http_weir_voice_t          *voices;
    ngx_http_weir_voice_t         **last_voice;
    ngx_uint_t                      voice_count;
    size_t                          fresh;      /* bytes not asked about */
    size_t                          spoken;     /* bytes of all voices */
    struct weir_buf                 held;       /* for the client */
    size_t                          going;      /* of it, is asked about */
    uint32_t                        part;
    ssize_t                       (*recv)(ngx_connection_t *c, u_char *buf,
                                        size_t size);
    ngx_int_t                     (*process_header)(ngx_http_request_t *r);
    void                          (*read_event_handler)(ngx_http_request_t *r,
                                        ngx_http_upstream_t *u);

    const struct weir_record_opinion *blocking;
    unsigned                        is_paused:1;
    unsigned                        is_finished:1;  /* the reply is whole */
    unsigned                        is_last:1;      /* no more is asked */
    unsigned                        is_given_up:1;  /* goes on as it is */
    unsigned                        is_unreadable:1;
    unsigned                        is_too_long:1;  /* the text */
};


struct ngx_http_weir_gather {
    struct weir_buf     *texts;
    size_t               bytes;
    size_t               most;
};


ngx_uint_t ngx_http_weir_asks_in(ngx_http_weir_classifying_t *cl, ngx_uint_t
    d);
ngx_uint_t ngx_http_weir_blocks_in(ngx_http_weir_classifying_t *cl, ngx_uint_t
    d);
ngx_uint_t ngx_http_weir_awaits(ngx_http_weir_classifying_t *cl, ngx_uint_t
    d);
ngx_uint_t ngx_http_weir_awaits_any(ngx_http_weir_classifying_t *cl);
struct weir_record_opinion *ngx_http_weir_opinion(ngx_http_weir_classifying_t
    *cl, ngx_http_weir_asked_t *asked, ngx_uint_t d);
ngx_int_t ngx_http_weir_ask_all(ngx_http_weir_classifying_t *cl, ngx_uint_t d,
    weir_span texts, size_t bytes, ngx_uint_t is_readable);
void ngx_http_weir_opinion_add(struct weir_record_opinion *opinion, const
    ngx_http_weir_ask_t *ask);
bool ngx_http_weir_gather_text(void *context, weir_span text);
size_t ngx_http_weir_text_most(ngx_http_weir_classifying_t *cl, ngx_uint_t d);
ngx_uint_t ngx_http_weir_is_windowed(ngx_http_weir_classifying_t *cl, size_t
    *window_out);
ngx_int_t ngx_http_weir_ask_window(ngx_http_weir_classifying_t *cl, size_t
    before);
ngx_int_t ngx_http_weir_release(ngx_http_weir_classifying_t *cl, ngx_chain_t
    **chain, size_t n);
void ngx_http_weir_classify_pause(ngx_http_weir_classifying_t *cl);
ngx_int_t ngx_http_weir_process_released(ngx_http_request_t *r);
ssize_t ngx_http_weir_recv_byte(ngx_connection_t *c, u_char *buf, size_t
    size);
void ngx_http_weir_classify_heard(void *data, ngx_http_weir_ask_t *ask);


#endif /* _NGX_HTTP_WEIR_CLASSIFY_INT_H_INCLUDED_ */
