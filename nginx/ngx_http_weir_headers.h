/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's headers, one after the other or by name.
 *
 *   ngx_http_weir_headers_t  headers;
 *
 *   ngx_http_weir_headers_init(&headers, r);
 *
 *   while ((h = ngx_http_weir_headers_next(&headers))) {
 *       if (ngx_http_weir_is_header(h, "weir-tags")) {
 *
 * Names are written in lower case.
 */
#ifndef _NGX_HTTP_WEIR_HEADERS_H_INCLUDED_
#define _NGX_HTTP_WEIR_HEADERS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    ngx_list_part_t  *part;
    ngx_uint_t        i;
} ngx_http_weir_headers_t;


static ngx_inline void
ngx_http_weir_headers_init(ngx_http_weir_headers_t *headers,
    ngx_http_request_t *r)
{
    headers->part = &r->headers_in.headers.part;
    headers->i = 0;
}


/* NULL: that was the last. */

static ngx_inline ngx_table_elt_t *
ngx_http_weir_headers_next(ngx_http_weir_headers_t *headers)
{
    while (headers->part && headers->i >= headers->part->nelts) {
        headers->part = headers->part->next;
        headers->i = 0;
    }

    return headers->part
           ? (ngx_table_elt_t *) headers->part->elts + headers->i++ : NULL;
}


static ngx_inline ngx_uint_t
ngx_http_weir_is_named(const ngx_table_elt_t *h, const char *name, size_t len)
{
    return h->key.len == len && ngx_memcmp(h->lowcase_key, name, len) == 0;
}


#define ngx_http_weir_is_header(h, name)                                      \
    ngx_http_weir_is_named(h, name, sizeof(name) - 1)


/* The first of that name; NULL: there is none. */

static ngx_inline ngx_table_elt_t *
ngx_http_weir_find_named(ngx_http_request_t *r, const char *name, size_t len)
{
    ngx_table_elt_t          *h;
    ngx_http_weir_headers_t   headers;

    ngx_http_weir_headers_init(&headers, r);

    while ((h = ngx_http_weir_headers_next(&headers))) {
        if (ngx_http_weir_is_named(h, name, len)) {
            return h;
        }
    }

    return NULL;
}


#define ngx_http_weir_find_header(r, name)                                    \
    ngx_http_weir_find_named(r, name, sizeof(name) - 1)


#endif /* _NGX_HTTP_WEIR_HEADERS_H_INCLUDED_ */
