/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weir/lists.h - lists of files and batches, in the shapes of their APIs.
 *
 *   GET /v1/files              OpenAI: after, limit, order, purpose
 *   GET /v1/batches            OpenAI: after, limit
 *   GET /v1/messages/batches   Anthropic: after_id, before_id, limit
 *
 * What is in a list are the objects that the gateway tells of each by
 * itself; here they are put behind each other.
 *
 * Threads: pure functions. Memory: spans of what is given.
 */
#ifndef WEIR_LISTS_H
#define WEIR_LISTS_H

#include <weir/kept.h>
#include <weir/surface.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Objects of one page. Both APIs allow more of some lists, and a page that is
 * shorter than was asked for says that there are more. */
#define WEIR_LIST_PAGE_MAX 100

/* Of a route whose `bulk` is WEIR_BULK_FILES or WEIR_BULK_BATCHES; else
 * WEIR_KEPT_NONE. */
enum weir_kept_list weir_list_of(const struct weir_surface_route *route);

struct weir_list_query {
    weir_span after;  /* names; empty: not given */
    weir_span before; /* then the objects next to it, on its other side */
    weir_span purpose;
    uint32_t limit; /* 1 to WEIR_LIST_PAGE_MAX */
    bool is_ascending;
};

/* Parameters that these lists do not have are passed over. ETYPE: one that
 * they have is not as it should be; `param_out` names it. */
WEIR_MUST_USE weir_status weir_list_read(const struct weir_surface_route *route,
                                         weir_span query,
                                         struct weir_list_query *query_out,
                                         weir_span *param_out,
                                         struct weir_error *err);

/* ECORRUPT: `body` is not an object in JSON whose `id` is `name`. */
WEIR_MUST_USE weir_status weir_list_check(weir_span body, weir_span name,
                                          struct weir_error *err);

/* What an error of either API says, with what is no text left out; empty
 * where it says nothing. */
#define WEIR_LIST_REASON 160
size_t weir_list_reason(weir_span body, char text_out[WEIR_LIST_REASON]);

/* A list, from its beginning to its end; objects are bodies that were
 * checked. */
void weir_list_begin(const struct weir_surface_route *route,
                     struct weir_buf *out);
void weir_list_add(weir_span body, bool is_first, struct weir_buf *out);
/* Names of the first and the last; empty: there is none. */
void weir_list_end(const struct weir_surface_route *route, weir_span first,
                   weir_span last, bool has_more, struct weir_buf *out);

#ifdef __cplusplus
}
#endif
#endif
