/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of a batch, as the watch sees them: once the origin has taken them,
 * as the client sent them. Lines that are not looked at are stepped over
 * where a line feed ends them. See weir/lines.h.
 */

#include "ngx_http_weir_bulk.h"

#include <weir/lines.h>


static ngx_uint_t
ngx_http_weir_skip_line(ngx_http_weir_bulk_t *bulk, weir_span *rest)
{
    size_t       i;
    const char  *end;

    if (bulk->shape != WEIR_BULK_LINES) {
        return 0;
    }

    do {
        end = memchr(rest->ptr, LF, rest->len);

        if (end == NULL) {
            return 0;
        }

        for (i = 0; rest->ptr + i < end; i++) {
            if (rest->ptr[i] != ' ' && rest->ptr[i] != '\t'
                && rest->ptr[i] != CR)
            {
                break;
            }
        }

        i = rest->ptr + i < end;    /* it was no blank one */

        rest->len -= end + 1 - rest->ptr;
        rest->ptr = end + 1;

    } while (!i && rest->len);

    return i != 0;
}


void
ngx_http_weir_bulk_watch(ngx_http_weir_ctx_t *ctx)
{
    char                    memory[1024];
    weir_span               rest, param;
    ngx_uint_t              is_wanted;
    struct weir_arena       arena;
    struct weir_lines      *lines;
    struct weir_bulk_line   line;
    ngx_http_weir_bulk_t   *bulk;

    bulk = ctx->bulk;

    lines = ngx_palloc(ctx->request->pool, sizeof(struct weir_lines));

    if (lines == NULL
        || !weir_lines_begin(lines, &ctx->call, bulk->sum.lines))
    {
        return;
    }

    rest = bulk->original;

    while (lines->at < bulk->sum.lines) {

        is_wanted = weir_lines_wants(lines);

        if (!is_wanted && ngx_http_weir_skip_line(bulk, &rest)) {
            continue;
        }

        weir_arena_init(&arena, memory, sizeof(memory));

        if (weir_bulk_line(bulk->shape, &rest, NULL, &arena, &line, &param,
                           NULL)
            != WEIR_OK
            || line.raw.ptr == NULL)
        {
            break;
        }

        if (is_wanted) {
            weir_lines_take(lines, line.body, line.request.input_tokens);
        }
    }

    weir_lines_end(lines);
}
