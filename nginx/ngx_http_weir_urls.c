/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses a caller's requests may name: the rule of its tenant, for
 * the surface that reads them.  It is the image's, which the request holds.
 */

#include "ngx_http_weir.h"


void
ngx_http_weir_urls_set(ngx_http_weir_ctx_t *ctx)
{
    ctx->urls = weir_image_urls_of(&ctx->view->view.image, ctx->call.tenant);
    ctx->route.urls = &ctx->urls;
}


enum weir_reason
ngx_http_weir_bad_reason(weir_status status)
{
    return status == WEIR_EDENIED ? WEIR_REASON_ADDRESS
                                  : WEIR_REASON_BAD_REQUEST;
}


ngx_uint_t
ngx_http_weir_urls_same(ngx_http_weir_ctx_t *ctx,
    const struct weir_image *image, const uint8_t digest[32])
{
    uint32_t          row;
    struct weir_urls  urls;

    row = weir_image_find_key(image, digest);

    if (row == WEIR_INDEX_NONE) {
        return 0;
    }

    urls = weir_image_urls_of(image,
                              image->projects[image->keys[row].project].tenant);

    return urls.mode == ctx->urls.mode
           && weir_span_equal(urls.hosts, ctx->urls.hosts);
}
