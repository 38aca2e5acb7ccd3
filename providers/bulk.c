/* SPDX-License-Identifier: Apache-2.0 */
/* Batches at the origin's side, whichever API's: lines as it gets them. */
#include <weir/bulk.h>

#include "anthropic/anthropic.h"
#include "openai/openai.h"

/* Lines have few edits; a name of a model is short. */
#define LINE_ARENA 4096

bool
weir_bulk_is_kept(const struct weir_provider *provider,
                  enum weir_bulk_shape shape)
{
    return provider->ops ==
           (shape == WEIR_BULK_LINES ? &weir_openai_ops : &weir_anthropic_ops);
}

bool
weir_bulk_keeps_files(const struct weir_provider *provider)
{
    return provider->ops == &weir_openai_ops ||
           provider->ops == &weir_openai_responses_ops;
}

weir_status
weir_bulk_put_lines(const struct weir_provider *provider,
                    const struct weir_target *target,
                    enum weir_bulk_shape shape, weir_span file,
                    struct weir_buf *out, struct weir_error *err)
{
    _Alignas(16) char memory[LINE_ARENA];
    struct weir_bulk_line line;
    struct weir_outgoing outgoing;
    struct weir_arena arena;
    weir_span rest = file, param;
    bool is_first = true;
    for (;;) {
        weir_arena_init(&arena, memory, sizeof(memory));
        weir_status status =
            weir_bulk_line(shape, &rest, NULL, &arena, &line, &param, err);
        if (status != WEIR_OK)
            return status;
        if (line.raw.ptr == NULL)
            break;
        if (weir_provider_translates(provider, &line.request))
            return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                             "the origin does not speak what the lines ask");
        status = weir_provider_prepare(provider, &line.request, target, &arena,
                                       &outgoing, err);
        if (status != WEIR_OK)
            return status;
        if (shape == WEIR_BULK_REQUESTS && !is_first)
            weir_buf_add_byte(out, ',');
        is_first = false;
        const char *end = line.body.ptr + line.body.len;
        weir_buf_add(out, line.raw.ptr, (size_t)(line.body.ptr - line.raw.ptr));
        for (uint32_t i = 0; i < outgoing.piece_count; i++)
            weir_buf_add_span(out, WEIR_OUTGOING_PIECE(&outgoing, i));
        weir_buf_add(out, end, (size_t)(line.raw.ptr + line.raw.len - end));
        if (shape == WEIR_BULK_LINES)
            weir_buf_add_byte(out, '\n');
    }
    return out->overflow ? weir_fail(err, WEIR_ELIMIT, WEIR_OFFSET_NONE,
                                     "the lines grow too much")
                         : WEIR_OK;
}

weir_status
weir_bulk_retell(enum weir_bulk_shape shape, weir_span body,
                 weir_bulk_seal_name *seal, void *context, struct weir_buf *out,
                 struct weir_bulk_told *told_out, struct weir_error *err)
{
    return shape == WEIR_BULK_LINES
               ? weir_openai_bulk_retell(body, seal, context, out, told_out,
                                         err)
               : weir_anthropic_bulk_retell(body, seal, context, out, told_out,
                                            err);
}
