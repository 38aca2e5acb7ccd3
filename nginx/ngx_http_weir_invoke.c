/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What InvokeModel says of tokens in headers: its bodies are the models' own,
 * and not every one of them has a usage.
 *
 *   origin -> X-Amzn-Bedrock-*: the usage, where the body has none
 *   client <- the same, of a short answer that came in other words
 *
 * The input counted there is what was neither read from a cache nor written
 * to one, as in Messages; usage here is all of it.
 */

#include "ngx_http_weir.h"


enum {
    NGX_HTTP_WEIR_INVOKE_INPUT,
    NGX_HTTP_WEIR_INVOKE_OUTPUT,
    NGX_HTTP_WEIR_INVOKE_READ,
    NGX_HTTP_WEIR_INVOKE_WRITTEN,
    NGX_HTTP_WEIR_INVOKE_LATENCY,
    NGX_HTTP_WEIR_INVOKE_COUNT
};


struct ngx_http_weir_invoke_s {
    uint64_t    said[NGX_HTTP_WEIR_INVOKE_COUNT];
    ngx_uint_t  has;    /* a bit each */
};


static const ngx_str_t  ngx_http_weir_invoke_names[] = {
    ngx_string("X-Amzn-Bedrock-Input-Token-Count"),
    ngx_string("X-Amzn-Bedrock-Output-Token-Count"),
    ngx_string("X-Amzn-Bedrock-Cache-Read-Input-Token-Count"),
    ngx_string("X-Amzn-Bedrock-Cache-Write-Input-Token-Count"),
    ngx_string("X-Amzn-Bedrock-Invocation-Latency")
};


void
ngx_http_weir_invoke_header(ngx_http_weir_ctx_t *ctx, ngx_table_elt_t *h)
{
    ngx_uint_t   i;
    uint64_t     value;
    const ngx_str_t  *name;

    if (h->key.len < 16
        || ngx_memcmp(h->lowcase_key, "x-amzn-bedrock-", 15) != 0
        || !weir_span_equal(weir_provider_stream_type(ctx->endpoint->provider),
                            WEIR_SPAN("application/vnd.amazon.eventstream")))
    {
        return;
    }

    if (ctx->invoke == NULL) {
        ctx->invoke = ngx_pcalloc(ctx->request->pool,
                                  sizeof(ngx_http_weir_invoke_t));
        if (ctx->invoke == NULL) {
            return;
        }
    }

    for (i = 0; i < NGX_HTTP_WEIR_INVOKE_COUNT; i++) {
        name = &ngx_http_weir_invoke_names[i];

        if (h->key.len == name->len
            && ngx_strncasecmp(h->key.data, name->data, name->len) == 0
            && weir_span_to_u64(ngx_http_weir_span(h->value), &value)
            && value <= UINT32_MAX)
        {
            ctx->invoke->said[i] = value;
            ctx->invoke->has |= 1 << i;
        }
    }
}


ngx_uint_t
ngx_http_weir_invoke_usage(ngx_http_weir_ctx_t *ctx, struct weir_usage *usage)
{
    enum weir_service        service;
    ngx_http_weir_invoke_t  *in;

    in = ctx->invoke;

    if (in == NULL || !(in->has & 1 << NGX_HTTP_WEIR_INVOKE_INPUT)
        || !(in->has & 1 << NGX_HTTP_WEIR_INVOKE_OUTPUT))
    {
        return 0;
    }

    service = usage->service;
    ngx_memzero(usage, sizeof(struct weir_usage));

    usage->service = service;
    usage->cached_tokens = in->said[NGX_HTTP_WEIR_INVOKE_READ];
    usage->cache_write_tokens = in->said[NGX_HTTP_WEIR_INVOKE_WRITTEN];
    usage->input_tokens = in->said[NGX_HTTP_WEIR_INVOKE_INPUT]
                          + usage->cached_tokens + usage->cache_write_tokens;
    usage->output_tokens = in->said[NGX_HTTP_WEIR_INVOKE_OUTPUT];

    return 1;
}


/* Those that the origin has said itself have gone on as they came. */

ngx_int_t
ngx_http_weir_invoke_heads(ngx_http_weir_ctx_t *ctx)
{
    char               text[NGX_INT64_LEN];
    size_t             len;
    uint64_t           counts[NGX_HTTP_WEIR_INVOKE_COUNT], apart;
    ngx_uint_t         i;
    weir_time          now;
    struct weir_usage  usage;

    if (ctx->route.dialect != WEIR_DIALECT_INVOKE
        || ctx->status.code != NGX_HTTP_OK)
    {
        return NGX_OK;
    }

    usage = ngx_http_weir_usage(ctx);
    now = ngx_http_weir_now();
    apart = usage.cached_tokens + usage.cache_write_tokens;

    counts[NGX_HTTP_WEIR_INVOKE_INPUT] = usage.input_tokens > apart
                                         ? usage.input_tokens - apart : 0;
    counts[NGX_HTTP_WEIR_INVOKE_OUTPUT] = usage.output_tokens;
    counts[NGX_HTTP_WEIR_INVOKE_READ] = usage.cached_tokens;
    counts[NGX_HTTP_WEIR_INVOKE_WRITTEN] = usage.cache_write_tokens;
    counts[NGX_HTTP_WEIR_INVOKE_LATENCY] =
        now > ctx->call.attempt_started
        ? (now - ctx->call.attempt_started) / 1000 : 0;

    for (i = 0; i < NGX_HTTP_WEIR_INVOKE_COUNT; i++) {

        if (ctx->invoke && ctx->invoke->has >> i & 1) {
            continue;
        }

        len = ngx_sprintf((u_char *) text, "%uL", counts[i])
              - (u_char *) text;

        if (ngx_http_weir_add_header(ctx->request,
                                (char *) ngx_http_weir_invoke_names[i].data,
                                ngx_http_weir_invoke_names[i].len, text, len)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
