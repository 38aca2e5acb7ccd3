/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Classifiers over HTTP in the life of a call; see the source's head. All of
 * these do nothing where policy asks nobody.
 */
#ifndef _NGX_HTTP_WEIR_CLASSIFY_H_INCLUDED_
#define _NGX_HTTP_WEIR_CLASSIFY_H_INCLUDED_


/* After the decision, before filters; sets ctx->classifying. */
ngx_int_t ngx_http_weir_classify_init(ngx_http_weir_ctx_t *ctx);
/* The prompt, filtered already. NGX_AGAIN: a verdict is awaited; the call
 * goes on by ngx_http_weir_admit_classified() or a refusal. */
ngx_int_t ngx_http_weir_classify_request(ngx_http_weir_ctx_t *ctx,
    weir_span body);

/* Whether answers are asked about; whether one that cannot be read may go. */
ngx_uint_t ngx_http_weir_classifies_reply(ngx_http_weir_ctx_t *ctx);
ngx_uint_t ngx_http_weir_classify_may_pass(ngx_http_weir_ctx_t *ctx);
/* It goes unread, and the record says so. */
void ngx_http_weir_classify_unreadable(ngx_http_weir_ctx_t *ctx);
/* Of streams, piece by piece; of a body, once and before its bytes. */
void ngx_http_weir_classify_text(void *context, uint64_t channel,
    weir_span text);
void ngx_http_weir_classify_body(ngx_http_weir_ctx_t *ctx, weir_span body);
/* Bytes for the client, held as long as need be. */
ngx_int_t ngx_http_weir_classify_reply(ngx_http_weir_ctx_t *ctx,
    ngx_chain_t **chain, weir_span bytes);
/* The reply is whole. NGX_AGAIN: it goes on by itself. */
ngx_int_t ngx_http_weir_classify_end(ngx_http_weir_ctx_t *ctx,
    ngx_chain_t **chain);
/* The client has it all. True: the upstream stays until the last answer. */
ngx_uint_t ngx_http_weir_classify_joins(ngx_http_weir_ctx_t *ctx);
ngx_uint_t ngx_http_weir_classify_is_at_end(ngx_http_weir_ctx_t *ctx);

/* WEIR_OK: no classifier stopped it. */
weir_status ngx_http_weir_classify_refusal(ngx_http_weir_ctx_t *ctx,
    struct weir_error *err);

void ngx_http_weir_classify_leave(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_classify_reset(ngx_http_weir_ctx_t *ctx);
void ngx_http_weir_classify_free(ngx_http_weir_ctx_t *ctx);


#endif /* _NGX_HTTP_WEIR_CLASSIFY_H_INCLUDED_ */
