/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of batches, whichever API's: one by one, and what all come to. */
#include <weir/bulk.h>

#include "anthropic/anthropic.h"
#include "openai/openai.h"

#include <string.h>

weir_status
weir_bulk_line(enum weir_bulk_shape shape, weir_span *rest,
               const struct weir_urls *urls, struct weir_arena *arena,
               struct weir_bulk_line *line_out, weir_span *param_out,
               struct weir_error *err)
{
    return shape == WEIR_BULK_LINES
               ? weir_openai_bulk_line(rest, urls, arena, line_out, param_out,
                                       err)
               : weir_anthropic_bulk_line(rest, urls, arena, line_out,
                                          param_out, err);
}

static weir_span
name_of(enum weir_bulk_shape shape)
{
    return shape == WEIR_BULK_LINES ? WEIR_SPAN("file") : WEIR_SPAN("requests");
}

/* The same reason, with the line that it is about. */
static weir_status
at_line(enum weir_bulk_shape shape, uint32_t number, weir_status status,
        struct weir_error *err)
{
    char text[sizeof(err->text)];
    if (err == NULL)
        return status;
    memcpy(text, err->text, sizeof(text));
    text[sizeof(text) - 1] = '\0';
    return weir_fail(err, status, WEIR_OFFSET_NONE, "%s %u: %.160s",
                     shape == WEIR_BULK_LINES ? "line" : "request", number,
                     text);
}

static void
add_line(struct weir_bulk_sum *sum, const struct weir_request *request)
{
    uint64_t n = request->n > 0 ? request->n : 1;
    uint64_t most;
    sum->lines++;
    sum->input_tokens += request->input_tokens;
    sum->files += request->file_count;
    if (!weir_operation_answers(sum->operation))
        return;
    if (request->output_tokens_max == 0)
        sum->unbounded += n;
    else if (__builtin_mul_overflow(request->output_tokens_max, n, &most) ||
             __builtin_add_overflow(sum->output_tokens, most,
                                    &sum->output_tokens) ||
             sum->output_tokens > INT64_MAX)
        sum->output_tokens = INT64_MAX;
}

weir_status
weir_bulk_sum(enum weir_bulk_shape shape, weir_span file,
              const struct weir_urls *urls, struct weir_arena *arena,
              struct weir_bulk_sum *sum_out, weir_span *param_out,
              struct weir_error *err)
{
    uint32_t lines_max =
        shape == WEIR_BULK_LINES ? WEIR_BULK_LINES_MAX : WEIR_BULK_REQUESTS_MAX;
    struct weir_bulk_sum sum = {0};
    struct weir_bulk_line line;
    weir_span rest = file;
    for (;;) {
        size_t mark = arena->used;
        weir_status status =
            weir_bulk_line(shape, &rest, urls, arena, &line, param_out, err);
        if (status != WEIR_OK)
            return at_line(shape, sum.lines + 1, status, err);
        if (line.raw.ptr == NULL)
            break;
        if (sum.lines == lines_max) {
            *param_out = name_of(shape);
            return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                             "%.*s has over %u lines",
                             WEIR_SPAN_ARG(*param_out), lines_max);
        }
        if (sum.lines == 0) {
            sum.operation = (enum weir_operation)line.request.endpoint;
            sum.model = line.request.model;
        } else if ((int)sum.operation != (int)line.request.endpoint ||
                   !weir_span_equal(sum.model, line.request.model)) {
            *param_out = WEIR_SPAN("model");
            (void)weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE,
                            "every line must ask the endpoint and the model "
                            "of the first");
            return at_line(shape, sum.lines + 1, WEIR_ETYPE, err);
        } else {
            arena->used = mark;
        }
        add_line(&sum, &line.request);
    }
    if (sum.lines == 0) {
        *param_out = name_of(shape);
        return weir_fail(err, WEIR_ETYPE, WEIR_OFFSET_NONE, "%.*s has no lines",
                         WEIR_SPAN_ARG(*param_out));
    }
    *sum_out = sum;
    return WEIR_OK;
}
