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
    char                     room[WEIR_SEAL_ID_MAX];
};


/* Key empty: nothing can be sealed or opened. */
struct weir_sealer ngx_http_weir_sealer(ngx_http_weir_ctx_t *ctx);


#endif /* _NGX_HTTP_WEIR_BULK_H_INCLUDED_ */
