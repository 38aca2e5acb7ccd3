/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of files and batches: see ngx_http_weir_lists.c; and what is noted of
 * each that is made or erased: ngx_http_weir_kept.c. */
#ifndef _NGX_HTTP_WEIR_LISTS_H_INCLUDED_
#define _NGX_HTTP_WEIR_LISTS_H_INCLUDED_


#include "ngx_http_weir.h"

#include <weir/lists.h>


/* In place of parsing and deciding. Sets ctx->listing. */
weir_status ngx_http_weir_lists_decide(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);
/* In place of a first attempt; takes over one count of the request. */
void ngx_http_weir_lists_start(ngx_http_weir_ctx_t *ctx);

/* The origin told of this under that member: `name` is sealed from `sealed`.
 * For the registry, where it is new. */
void ngx_http_weir_kept_note(ngx_http_weir_ctx_t *ctx, weir_span member,
    const struct weir_sealed *sealed, weir_span name);


#endif /* _NGX_HTTP_WEIR_LISTS_H_INCLUDED_ */
