/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call used: the origin's own count, or an estimate by the factors of
 * the model that answered, where it gave none.
 */

#include "ngx_http_weir.h"


uint32_t
ngx_http_weir_shape(const struct weir_request *ask)
{
    return (ask->has_tools ? WEIR_SIZES_TOOLS : 0)
           | (ask->has_media ? WEIR_SIZES_MEDIA : 0);
}


struct weir_usage
ngx_http_weir_usage(ngx_http_weir_ctx_t *ctx)
{
    enum weir_service                service;
    struct weir_usage                usage;
    const struct weir_reply_facts   *facts;

    if (ctx->route.endpoint == WEIR_ENDPOINT_STORED) {

        /* it was paid when it was made */

        ngx_memzero(&usage, sizeof(struct weir_usage));
        return usage;
    }

    usage = weir_reply_usage(ctx->reply, ctx->ask.prompt_bytes);
    facts = weir_reply_facts(ctx->reply);

    if (!usage.is_estimated || facts->has_usage || facts->counts_units) {
        return usage;
    }

    if (ngx_http_weir_invoke_usage(ctx, &usage)) {
        return usage;
    }

    service = usage.service;
    usage = weir_call_estimate(&ctx->call, facts->content_bytes);
    usage.service = service;

    return usage;
}
