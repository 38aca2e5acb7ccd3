/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that a worker makes of weir itself, over sockets of the run
 * directory: nginx's own (inner.sock) and control's (customer.sock).
 *
 * Threads: a worker's. Memory: the asker's struct; what it holds is freed,
 * and wiped, by ngx_http_weir_inner_end().
 */
#ifndef _NGX_HTTP_WEIR_INNER_H_INCLUDED_
#define _NGX_HTTP_WEIR_INNER_H_INCLUDED_


#include "ngx_http_weir.h"

#include <weir/http_reply.h>


/* Heard at inner.sock alone: "part", of a list, or "key ID", on whose behalf
 * control looks; and the client's address. */
#define NGX_HTTP_WEIR_INNER         "weir-inner"
#define NGX_HTTP_WEIR_INNER_CLIENT  "weir-inner-client"

#define NGX_HTTP_WEIR_INNER_SOCK     "/inner.sock"
#define NGX_HTTP_WEIR_CUSTOMER_SOCK  "/customer.sock"


typedef struct ngx_http_weir_inner_s  ngx_http_weir_inner_t;

struct ngx_http_weir_inner_s {
    ngx_connection_t         *connection;   /* NULL: at rest */
    u_char                   *bytes;        /* the request */
    size_t                    size;
    size_t                    sent;
    struct weir_http_reply    reply;        /* whole once is_heard */
    /* From the event loop, once; may end it, or ask again. */
    void                    (*handler)(ngx_http_weir_inner_t *inner);
    void                     *data;
    unsigned                  has_reply:1;  /* `reply` is to be freed */
    unsigned                  is_heard:1;
};


/* Takes `bytes`, made by ngx_alloc(), also on failure. `inner` is at rest;
 * the handler is called later or, with NGX_ERROR, never. */
ngx_int_t ngx_http_weir_inner_ask(ngx_http_weir_inner_t *inner,
    const char *name, u_char *bytes, size_t size, const char *wanted,
    size_t body_max, ngx_msec_t timeout);
/* At rest, whatever it was doing. */
void ngx_http_weir_inner_end(ngx_http_weir_inner_t *inner);

/* The client's headers as weir hears them again, without those of the
 * connection and those that only weir may send; `p` NULL: their size. */
size_t ngx_http_weir_inner_headers(ngx_http_request_t *r, u_char *p);
/* Such a word in a request's head. */
void ngx_http_weir_inner_hear(ngx_http_request_t *r, ngx_str_t *value,
    struct weir_client *client);


#endif /* _NGX_HTTP_WEIR_INNER_H_INCLUDED_ */
