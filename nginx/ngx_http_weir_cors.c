/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages in browsers that use a tool server: cross-origin requests.
 *
 *   OPTIONS, Origin          -> 204 and what may be sent, or 403
 *   POST, GET, DELETE with it -> the reply, readable to that page
 *
 * A preflight has no key: who may call is asked when the call comes. What it
 * is asked for is the page's origin alone, by the list of the server
 * (web_origins); of a server that has none, and of one that is not there, the
 * answer is the same. Keys stand in a header, not in cookies, so credentials
 * of browsers are not let in.
 */

#include "ngx_http_weir.h"
#include "ngx_http_weir_headers.h"


#define NGX_HTTP_WEIR_CORS_SENT                                               \
    "authorization, x-api-key, content-type, accept, last-event-id, "         \
    "mcp-session-id, mcp-protocol-version, mcp-method, mcp-name, "            \
    "weir-end-customer, weir-tags, traceparent"
#define NGX_HTTP_WEIR_CORS_READ                                               \
    "mcp-session-id, mcp-protocol-version, retry-after, weir-request-id, "    \
    "weir-policy, weir-cost"


static ngx_table_elt_t *
ngx_http_weir_cors_origin(ngx_http_request_t *r)
{
    ngx_table_elt_t          *h, *found;
    ngx_http_weir_headers_t   headers;

    found = NULL;
    ngx_http_weir_headers_init(&headers, r);

    while ((h = ngx_http_weir_headers_next(&headers))) {
        if (ngx_http_weir_is_header(h, "origin")) {
            if (found) {
                return NULL;    /* twice: which is it? */
            }

            found = h;
        }
    }

    return found;
}


ngx_uint_t
ngx_http_weir_cors_is_header(ngx_table_elt_t *h)
{
    return h->key.len > 15
           && ngx_strncasecmp(h->key.data,
                              (u_char *) "access-control-", 15) == 0;
}


static ngx_int_t
ngx_http_weir_cors_add(ngx_http_request_t *r, const char *name,
    const char *value, size_t len)
{
    return ngx_http_weir_add_header(r, name, ngx_strlen(name), value, len);
}


static ngx_int_t
ngx_http_weir_cors_preflight(ngx_http_weir_ctx_t *ctx, ngx_uint_t is_known)
{
    ngx_http_request_t  *r;

    r = ctx->request;

    if (!is_known) {
        return ngx_http_weir_refuse_plain(r, ctx, WEIR_EDENIED, 403,
                                          "pages of this origin may not use "
                                          "the tool server");
    }

    if (ngx_http_weir_cors_add(r, "Access-Control-Allow-Methods",
                               "POST, GET, DELETE", 17)
        != NGX_OK
        || ngx_http_weir_cors_add(r, "Access-Control-Allow-Headers",
                                  NGX_HTTP_WEIR_CORS_SENT,
                                  sizeof(NGX_HTTP_WEIR_CORS_SENT) - 1)
           != NGX_OK
        || ngx_http_weir_cors_add(r, "Access-Control-Max-Age", "600", 3)
           != NGX_OK
        || ngx_http_discard_request_body(r) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->headers_out.content_length_n = 0;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_http_weir_cors(ngx_http_weir_ctx_t *ctx)
{
    uint32_t                  server;
    ngx_uint_t                is_known;
    ngx_table_elt_t          *h;
    ngx_http_request_t       *r;
    const struct weir_image  *image;

    if (ctx->route.endpoint != WEIR_ENDPOINT_TOOLS) {
        return NGX_DECLINED;
    }

    r = ctx->request;
    image = &ctx->view->view.image;
    h = ngx_http_weir_cors_origin(r);
    server = weir_image_find_server(image, ctx->route.model);

    is_known = h && server != WEIR_INDEX_NONE
               && ngx_http_weir_tools_is_origin(image, server,
                                           ngx_http_weir_span(h->value));

    if (is_known
        && (ngx_http_weir_cors_add(r, "Access-Control-Allow-Origin",
                                   (char *) h->value.data, h->value.len)
            != NGX_OK
            || ngx_http_weir_cors_add(r, "Access-Control-Expose-Headers",
                                      NGX_HTTP_WEIR_CORS_READ,
                                      sizeof(NGX_HTTP_WEIR_CORS_READ) - 1)
               != NGX_OK
            || ngx_http_weir_cors_add(r, "Vary", "Origin", 6) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ctx->route.is_preflight
           ? ngx_http_weir_cors_preflight(ctx, is_known) : NGX_DECLINED;
}
