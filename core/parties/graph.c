/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holdings as two adjacency lists (who owns me, what do I own), each one
 * counting sort: two arrays, no allocation per organisation.
 */
#include <weir/parties.h>

static void
fill(uint32_t *first, uint32_t *list, uint32_t count,
     const struct weir_holding *holdings, uint32_t holding_count, bool by_owner)
{
    for (uint32_t i = 0; i < holding_count; i++)
        first[(by_owner ? holdings[i].owner : holdings[i].owned) + 1]++;
    for (uint32_t i = 0; i < count; i++)
        first[i + 1] += first[i];
    /* Filled from behind, so that `first` needs no second copy. */
    for (uint32_t i = holding_count; i-- > 0;) {
        uint32_t row = by_owner ? holdings[i].owner : holdings[i].owned;
        list[--first[row + 1]] = i;
    }
    for (uint32_t i = 0; i < count; i++)
        first[i] = first[i + 1];
    first[count] = holding_count;
}

weir_status
weir_ownership_graph_init(struct weir_ownership_graph *graph,
                          struct weir_arena *arena, uint32_t count,
                          const struct weir_holding *holdings,
                          uint32_t holding_count, struct weir_error *err)
{
    for (uint32_t i = 0; i < holding_count; i++) {
        const struct weir_holding *h = &holdings[i];
        if (h->owner >= count || h->owned >= count ||
            h->share.low > h->share.high || h->share.high > WEIR_SHARE_ALL)
            return weir_fail(err, WEIR_EPARSE, i, "a holding out of range");
    }
    size_t rows = (size_t)count + 1;
    uint32_t *in_first = weir_arena_array(arena, uint32_t, rows);
    uint32_t *in_list = weir_arena_array(arena, uint32_t, holding_count);
    uint32_t *out_first = weir_arena_array(arena, uint32_t, rows);
    uint32_t *out_list = weir_arena_array(arena, uint32_t, holding_count);
    if (arena->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory", count);
    fill(in_first, in_list, count, holdings, holding_count, false);
    fill(out_first, out_list, count, holdings, holding_count, true);
    *graph = (struct weir_ownership_graph){
        .count = count,
        .holding_count = holding_count,
        .holdings = holdings,
        .in_first = in_first,
        .in_list = in_list,
        .out_first = out_first,
        .out_list = out_list,
    };
    return WEIR_OK;
}
