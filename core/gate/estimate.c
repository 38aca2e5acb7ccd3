/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens that nobody has counted: of the prompt before the call, of both
 * where a reply is cut or tells nothing. By the factors of the model in
 * question (weir/factor.h).
 *
 * WHY A HOLD TAKES MORE THAN IS EXPECTED. A budget that is held by the middle
 * of what may come is passed by every second call that reaches its border.
 * By what one call in twenty takes more than, it is passed by one in twenty,
 * and what was held too much is back when the call is settled.
 */
#include "internal.h"

/* Operations whose prompt is text that is counted in tokens. */
static bool
is_counted(const struct weir_call *call)
{
    enum weir_operation of = call->ask.operation;
    return call->ask.prompt_bytes > 0 &&
           (of == WEIR_OP_CHAT || of == WEIR_OP_RESPONSES ||
            of == WEIR_OP_COMPLETE || of == WEIR_OP_EMBED);
}

static const struct weir_factor_line *
prompt_line(const struct weir_call *call, uint32_t model)
{
    bool has_tools = (call->ask.shape & WEIR_SIZES_TOOLS) != 0;
    return &call->view->image.factors[model]
                .lines[has_tools ? WEIR_FACTOR_TOOLS : WEIR_FACTOR_PROMPT];
}

uint64_t
weir__call_prompt_most(const struct weir_call *call, uint32_t model)
{
    const struct weir_factor_line *line = prompt_line(call, model);
    return is_counted(call) && line->ppm != 0
               ? weir_factor_most(line, call->ask.prompt_bytes)
               : call->ask.input_tokens;
}

struct weir_usage
weir_call_estimate(const struct weir_call *call, uint64_t answer_bytes)
{
    const struct weir_image *image = &call->view->image;
    if (!call->is_answered || !is_counted(call))
        return weir_usage_estimate(call->ask.prompt_bytes, answer_bytes);
    uint32_t model =
        image->deployments[call->answer.candidates[call->current].deployment]
            .model;
    const struct weir_factor *factor = &image->factors[model];
    return (struct weir_usage){
        .input_tokens = weir_factor_tokens(prompt_line(call, model),
                                           call->ask.prompt_bytes),
        .output_tokens = weir_factor_tokens(&factor->lines[WEIR_FACTOR_ANSWER],
                                            answer_bytes),
        .is_estimated = true,
    };
}

/* What a factor is learned from: calls of which both sides are known. */
void
weir__call_sizes(const struct weir_call *call,
                 const struct weir_settlement *settlement,
                 struct weir_record_sizes *sizes_out)
{
    if (!is_counted(call) || !call->is_answered || call->is_hit)
        return;
    *sizes_out = (struct weir_record_sizes){
        .prompt_bytes = call->ask.prompt_bytes,
        .answer_bytes = settlement->content_bytes,
        .shape = call->ask.shape,
    };
}

uint64_t
weir_gate_count(const struct weir_image *image, weir_span model,
                uint64_t prompt_bytes, uint32_t shape)
{
    uint32_t route = weir_image_find_route(image, model);
    if (route == WEIR_INDEX_NONE)
        return weir_tokens_of_bytes(prompt_bytes);
    uint32_t first = image->candidates[image->routes[route].first].deployment;
    const struct weir_factor *factor =
        &image->factors[image->deployments[first].model];
    bool has_tools = (shape & WEIR_SIZES_TOOLS) != 0;
    return weir_factor_tokens(
        &factor->lines[has_tools ? WEIR_FACTOR_TOOLS : WEIR_FACTOR_PROMPT],
        prompt_bytes);
}
