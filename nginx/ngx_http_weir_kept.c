/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is made and erased at origins, told to the journal: control's registry
 * is made of it, and lists of the registry.
 *
 * WHY WHEN IT IS TOLD. Its name is made of what the origin says, and the
 * client has not heard it yet: when it asks for a list, the record is there.
 *
 * A batch tells of its output each time it is looked at; the registry takes
 * it once, and a worker remembers the last ones so that it need not.
 */

#include "ngx_http_weir_bulk.h"
#include "ngx_http_weir_lists.h"


/* Outputs whose making this worker has recorded. */
#define NGX_HTTP_WEIR_KEPT_SEEN  256


static uint32_t    ngx_http_weir_kept_seen[NGX_HTTP_WEIR_KEPT_SEEN][2];


static ngx_uint_t
ngx_http_weir_kept_was_seen(weir_span name)
{
    uint32_t  a, b, *slot;

    a = ngx_crc32_long((u_char *) name.ptr, name.len);
    b = ngx_murmur_hash2((u_char *) name.ptr, name.len);
    slot = ngx_http_weir_kept_seen[a % NGX_HTTP_WEIR_KEPT_SEEN];

    if (slot[0] == a && slot[1] == b) {
        return 1;
    }

    slot[0] = a;
    slot[1] = b;

    return 0;
}


void
ngx_http_weir_kept_note(ngx_http_weir_ctx_t *ctx, weir_span member,
    const struct weir_sealed *sealed, weir_span name)
{
    if (weir_kept_list_of(sealed->kind) == WEIR_KEPT_NONE
        || weir_span_equal(member, WEIR_SPAN("results_url")))
    {
        return;
    }

    if (weir_span_equal(member, WEIR_SPAN("id"))) {

        switch (ctx->route.bulk) {

        case WEIR_BULK_UPLOAD:
        case WEIR_BULK_CREATE:
        case WEIR_BULK_SEND:
            weir_call_keep(&ctx->call, WEIR_KEPT_MADE, sealed, name);
            return;

        case WEIR_BULK_DELETE:
        case WEIR_BULK_ERASE:
            weir_call_keep(&ctx->call, WEIR_KEPT_ERASED, sealed, name);
            return;

        default:
            return;
        }
    }

    if (sealed->kind == WEIR_SEALED_RESULT
        && !ngx_http_weir_kept_was_seen(name))
    {
        weir_call_keep(&ctx->call, WEIR_KEPT_MADE, sealed, name);
    }
}
