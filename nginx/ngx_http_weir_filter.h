/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of filters share:
 *
 *   ngx_http_weir_rules.c           sets of rules, kept by what they say
 *   ngx_http_weir_filter_request.c  prompts, forms and lines of batches
 *   ngx_http_weir_filter.c          replies
 */
#ifndef _NGX_HTTP_WEIR_FILTER_H_INCLUDED_
#define _NGX_HTTP_WEIR_FILTER_H_INCLUDED_


#include "ngx_http_weir.h"
#include "ngx_http_weir_classify.h"

#include <weir/filter.h>
#include <weir/form.h>


struct ngx_http_weir_set_s {
    ngx_http_weir_set_t            *next;       /* in worker.sets */
    uint64_t                        digest;
    ngx_uint_t                      references;
    struct weir_detect_set         *set;
};


/* What filters of a call need; NULL where no policy asked for any. */
struct ngx_http_weir_filtering_s {
    ngx_http_weir_set_t            *request;    /* NULL: no rules */
    ngx_http_weir_set_t            *reply;      /* NULL: nothing to do */
    struct weir_filter             *filter;     /* of this attempt's reply */
    struct weir_buf                 out;
    ngx_uint_t                      is_blocked;
    ngx_uint_t                      is_passed;  /* sound and images */
    ngx_uint_t                      is_streamed;/* what the client gets */
    ngx_uint_t                      is_text;    /* one text, no JSON */
    uint8_t                         blocked_by; /* rule of the reply's set */
    uint32_t                        found[WEIR_DETECT_RULES_MAX];
    uint32_t                        replied[WEIR_DETECT_RULES_MAX]; /* of
                                       filters of a session that are gone */
    char                            text[256];  /* what was found */
    struct weir_vault               vault;
};


/* ngx_http_weir_rules.c */

/* The rules of the filters in `mask` for one direction: how many. */
ngx_uint_t ngx_http_weir_rules(const struct weir_image *image, uint32_t mask,
    uint32_t direction, uint32_t rows[WEIR_DETECT_RULES_MAX]);
/* Counted; NULL: it could not be made. */
ngx_http_weir_set_t *ngx_http_weir_get_set(const struct weir_image *image,
    uint32_t *rows, ngx_uint_t n);
void ngx_http_weir_unref_set(ngx_http_weir_set_t *set);


/* ngx_http_weir_filter.c: what the client gets, once a reply has begun; an
 * origin's stream may have become one body, or one body a stream. */
ngx_uint_t ngx_http_weir_filters_stream(ngx_http_weir_ctx_t *ctx);
ngx_uint_t ngx_http_weir_filters_text(ngx_http_weir_ctx_t *ctx);


/* ngx_http_weir_filter_request.c */

/* The sets for these filters, and a vault; once. */
weir_status ngx_http_weir_begin_filtering(ngx_http_weir_ctx_t *ctx,
    uint32_t mask, struct weir_error *err);
/* A text by itself, in constant memory beside `out`, where it is written;
 * is_changed: something was replaced. */
weir_status ngx_http_weir_filter_text(ngx_http_weir_ctx_t *ctx,
    weir_span text, struct weir_buf *out, ngx_uint_t *is_changed,
    struct weir_error *err);
weir_status ngx_http_weir_refuse_filtered(ngx_http_weir_ctx_t *ctx,
    const char *what, weir_span rule, struct weir_error *err);


#endif /* _NGX_HTTP_WEIR_FILTER_H_INCLUDED_ */
