/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about answers that are kept share: ngx_http_weir_stored.c. */
#ifndef _NGX_HTTP_WEIR_STORED_H_INCLUDED_
#define _NGX_HTTP_WEIR_STORED_H_INCLUDED_


#include "ngx_http_weir.h"

#include <weir/stored.h>


/* What a request said of it, so that the reply says the same. */
#define NGX_HTTP_WEIR_STORED_SAID  WEIR_STORED_KNOWN

/* Shorter ids are not looked for in an error's words. */
#define NGX_HTTP_WEIR_STORED_WORD  8

typedef struct {
    enum weir_bound_kind       kind;
    weir_span                  word;
    weir_span                  name;
} ngx_http_weir_stored_said_t;


struct ngx_http_weir_stored_s {
    struct weir_bound_owner       owner;
    uint32_t                      there;      /* row of the origin where all
                                                 that must be there lies, or
                                                 WEIR_INDEX_NONE */
    uint32_t                      sealed;     /* where what it sealed can be
                                                 read, or the same */
    uint64_t                      deployment; /* of the last name opened */
    enum weir_bound_kind          lacking;    /* that opened nothing; 0 */
    struct weir_request           sent;       /* with the origin's ids */
    ngx_http_weir_stored_said_t   said[NGX_HTTP_WEIR_STORED_SAID];
    ngx_uint_t                    said_count;
    weir_span                     id;         /* that is read again */
    weir_span                     query;
    struct weir_buf               out;        /* of the reply, with names */
    struct weir_stored_reply      reply;
    char                          room[WEIR_BOUND_NAME_MAX];
    unsigned                      has_names:1;  /* the request has some */
};


void ngx_http_weir_stored_owner(ngx_http_weir_ctx_t *ctx,
    struct weir_bound_owner *owner_out);
/* WEIR_INDEX_NONE: it is not offered any more. */
uint32_t ngx_http_weir_stored_row(ngx_http_weir_ctx_t *ctx,
    uint64_t deployment);
/* A weir_stored_on_name: what names there are, and where all of it lies. */
enum weir_stored_act ngx_http_weir_stored_look(void *context,
    enum weir_bound_kind kind, enum weir_stored_need need, weir_span text,
    struct weir_buf *word);
ngx_int_t ngx_http_weir_stored_new(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_stored_say_again(ngx_http_weir_ctx_t *ctx,
    enum weir_bound_kind kind, weir_span word, weir_span name);


#endif /* _NGX_HTTP_WEIR_STORED_H_INCLUDED_ */
