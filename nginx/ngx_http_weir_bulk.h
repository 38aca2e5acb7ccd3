/* SPDX-License-Identifier: Apache-2.0 */
/* What the files about files and batches share: see ngx_http_weir_bulk.c. */
#ifndef _NGX_HTTP_WEIR_BULK_H_INCLUDED_
#define _NGX_HTTP_WEIR_BULK_H_INCLUDED_


#include "ngx_http_weir.h"

#include <weir/bulk.h>


struct ngx_http_weir_bulk_s {
    struct weir_sealed       sealed;    /* what the request names */
    enum weir_bulk_shape     shape;
    struct weir_bulk_form    form;
    struct weir_bulk_sum     sum;
    struct weir_bulk_order   order;
    weir_span                body;      /* of the client's */
    weir_span                original;  /* lines or requests, in it */
    weir_span                file;      /* these, or filtered */
    struct weir_bulk_told    told;
    ngx_uint_t               is_told;   /* the origin said yes */
    struct weir_bulk_results *results;  /* read as they pass; or NULL */
    ngx_uint_t               is_text;   /* a file for calls */
    uint64_t                 origin;    /* of files that lines name; 0: none */
    char                     room[WEIR_SEAL_ID_MAX];
};


/* Key empty: nothing can be sealed or opened. */
struct weir_sealer ngx_http_weir_sealer(ngx_http_weir_ctx_t *ctx);
/* Sets the reason and the member at fault of a bad request. */
weir_status ngx_http_weir_bad(ngx_http_weir_ctx_t *ctx, weir_status status,
    weir_span param);
/* Bars origins that do not keep what the request is about. */
weir_status ngx_http_weir_bulk_bar(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
/* Room of the request's; a large one is a file. NULL: none. */
u_char *ngx_http_weir_bulk_room(ngx_http_weir_ctx_t *ctx, size_t size);
void ngx_http_weir_bulk_piece(ngx_http_weir_ctx_t *ctx, const char *p,
    size_t n);
/* The content type of the form that goes on. */
weir_status ngx_http_weir_bulk_type(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);


/* ngx_http_weir_bulk_watch.c: the features of its lines, once it was taken */
void ngx_http_weir_bulk_watch(ngx_http_weir_ctx_t *ctx);


/* ngx_http_weir_files.c: files that calls name */

/* Whether the file is one, which is uploaded or was named. */
ngx_uint_t ngx_http_weir_is_for_calls(ngx_http_weir_ctx_t *ctx);
weir_status ngx_http_weir_files_upload(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
/* One that was named. */
weir_status ngx_http_weir_files_decide(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
void ngx_http_weir_files_describe(ngx_http_weir_ctx_t *ctx,
    struct weir_sealed *sealed);
weir_status ngx_http_weir_files_prepare(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
/* Names of files in a batch's lines, opened. */
weir_status ngx_http_weir_files_open_lines(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);


#endif /* _NGX_HTTP_WEIR_BULK_H_INCLUDED_ */
