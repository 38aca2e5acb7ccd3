/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists: what a client asks by its query, and what is told of an object. The
 * input is a query, a line feed, and a body. A query that is read gives names
 * of harmless letters; a body that is taken is one whole JSON value.
 */
#include <stdlib.h>
#include <string.h>

#include <weir/json.h>
#include <weir/lists.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_name(weir_span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (memchr("\"\\\r\n /?#%&", name.ptr[i], 10) != NULL)
            abort();
}

static void
read_query(const char *path, weir_span text)
{
    struct weir_surface_route route;
    struct weir_list_query query;
    weir_span param;
    if (weir_surface_route(WEIR_SPAN("GET"), weir_span_of(path), text, &route,
                           NULL) != WEIR_OK)
        abort();
    if (weir_list_read(&route, text, &query, &param, NULL) != WEIR_OK)
        return;
    check_name(query.after);
    check_name(query.before);
    check_name(query.purpose);
    if (query.limit == 0 || query.limit > WEIR_LIST_PAGE_MAX)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *end = size > 0 ? memchr(text, '\n', size) : NULL;
    size_t len = end != NULL ? (size_t)(end - text) : size;
    weir_span body = {text + len + (end != NULL), size - len - (end != NULL)};
    struct weir_json_root root;
    char reason[WEIR_LIST_REASON];
    read_query("/v1/files", (weir_span){text, len});
    read_query("/v1/batches", (weir_span){text, len});
    read_query("/v1/messages/batches", (weir_span){text, len});
    if (weir_list_check(body, WEIR_SPAN("file-1"), NULL) == WEIR_OK &&
        weir_json_scan(body, NULL, 0, 0, &root, NULL, NULL) != WEIR_OK)
        abort();
    if (weir_list_reason(body, reason) > sizeof reason)
        abort();
    return 0;
}
