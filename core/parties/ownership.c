/* SPDX-License-Identifier: Apache-2.0 */
#include "ownership.h"

weir_status
weir_ownership_run(const struct weir_ownership_graph *graph,
                   const struct weir_ownership_rule *rule,
                   struct weir_arena *arena,
                   struct weir_ownership_result *result_out,
                   struct weir_error *err)
{
    uint32_t count = graph->count;
    struct weir_ownership_result result = {
        .answers = weir_arena_array(arena, uint8_t, count),
        .via = weir_arena_array(arena, uint32_t, count),
        .held = weir_arena_array(arena, weir_share, count),
    };
    if (arena->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory", count);
    if (rule->threshold > WEIR_SHARE_ALL ||
        (!rule->is_strict && rule->threshold == 0))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a threshold that everybody or nobody reaches");
    for (uint32_t row = 0; row < count; row++)
        result.via[row] = UINT32_MAX;
    weir_status status =
        rule->method == WEIR_OWNERSHIP_CASCADE
            ? weir__ownership_cascade(graph, rule, arena, &result, err)
            : weir__ownership_multiply(graph, rule, arena, &result, err);
    if (status == WEIR_OK)
        *result_out = result;
    return status;
}

size_t
weir_ownership_chain(const struct weir_ownership_graph *graph,
                     const struct weir_ownership_result *result, uint32_t row,
                     uint32_t *holdings_out, size_t max)
{
    size_t len = 0;
    WEIR_ASSERT(row < graph->count);
    while (len < max && result->via[row] != UINT32_MAX) {
        holdings_out[len++] = result->via[row];
        row = graph->holdings[result->via[row]].owner;
    }
    return len;
}
