/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asks of classifiers, each with its own deadline; see the source's head.
 *
 * An ask is its owner's: freed once it was heard, or before, which cancels
 * it. The handler is called once, from the event loop, never from inside
 * ngx_http_weir_ask(); it may free the ask, and end what owns it.
 */
#ifndef _NGX_HTTP_WEIR_ASK_H_INCLUDED_
#define _NGX_HTTP_WEIR_ASK_H_INCLUDED_


#include <weir/classify.h>
#include <weir/http_reply.h>


typedef struct ngx_http_weir_ask_s  ngx_http_weir_ask_t;
typedef void (*ngx_http_weir_heard_pt)(void *data, ngx_http_weir_ask_t *ask);


/* `row`: of the view's image, which outlives the ask. `body` is copied. With
 * `unheard` set nothing is asked, and that is what is heard. NULL: no
 * memory. */
ngx_http_weir_ask_t *ngx_http_weir_ask(ngx_http_weir_view_t *view,
    uint32_t row, weir_span body, enum weir_unheard unheard,
    ngx_http_weir_heard_pt handler, void *data);
/* NULL: none. */
void ngx_http_weir_ask_free(ngx_http_weir_ask_t *ask);
/* Once it was heard: the verdict where WEIR_UNHEARD_NO. */
enum weir_unheard ngx_http_weir_ask_result(const ngx_http_weir_ask_t *ask,
    struct weir_classify_said *said_out, uint32_t *elapsed_ms_out);
void ngx_http_weir_free_askers(void);


#endif /* _NGX_HTTP_WEIR_ASK_H_INCLUDED_ */
