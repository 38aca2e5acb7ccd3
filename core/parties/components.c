/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tarjan's strongly connected components without recursion. An edge leads
 * from an organisation to its owner, so a component is complete only after
 * those of all owners: the order found is "owners first". Within one, the
 * rows visited last come first, since they are nearer to the outermost
 * owners.
 */
#include "ownership.h"

struct search {
    const struct weir_ownership_graph *graph;
    uint32_t *visit; /* number of the visit, 0 = not yet */
    uint32_t *root;  /* smallest visit reachable; 0 = component is done */
    uint32_t *edge;  /* next holding to look at */
    uint32_t *path;  /* rows under way */
    uint32_t *open;  /* rows whose component is not complete */
    uint32_t open_count;
    uint32_t visits;
};

static void
arrive(struct search *s, uint32_t row)
{
    s->visit[row] = ++s->visits;
    s->root[row] = s->visits;
    s->edge[row] = s->graph->in_first[row];
    s->open[s->open_count++] = row;
}

static void
emit(struct search *s, uint32_t last, struct weir__ownership_order *order)
{
    uint32_t row;
    do {
        row = s->open[--s->open_count];
        s->root[row] = 0;
        order->rows[order->row_count++] = row;
    } while (row != last);
    order->ends[order->component_count++] = order->row_count;
}

static void
visit_from(struct search *s, uint32_t start,
           struct weir__ownership_order *order)
{
    const struct weir_ownership_graph *g = s->graph;
    uint32_t depth = 1;
    s->path[0] = start;
    arrive(s, start);
    while (depth > 0) {
        uint32_t row = s->path[depth - 1];
        if (s->edge[row] < g->in_first[row + 1]) {
            uint32_t owner = g->holdings[g->in_list[s->edge[row]++]].owner;
            if (s->visit[owner] == 0) {
                arrive(s, owner);
                s->path[depth++] = owner;
            } else if (s->root[owner] != 0 && s->visit[owner] < s->root[row]) {
                s->root[row] = s->visit[owner];
            }
            continue;
        }
        depth--;
        uint32_t root = s->root[row];
        if (root == s->visit[row])
            emit(s, row, order);
        else if (root < s->root[s->path[depth - 1]])
            s->root[s->path[depth - 1]] = root;
    }
}

weir_status
weir__ownership_order_init(struct weir__ownership_order *order,
                           const struct weir_ownership_graph *graph,
                           struct weir_arena *arena, struct weir_error *err)
{
    uint32_t count = graph->count;
    struct search s = {
        .graph = graph,
        .visit = weir_arena_array(arena, uint32_t, count),
        .root = weir_arena_array(arena, uint32_t, count),
        .edge = weir_arena_array(arena, uint32_t, count),
        .path = weir_arena_array(arena, uint32_t, count),
        .open = weir_arena_array(arena, uint32_t, count),
    };
    *order = (struct weir__ownership_order){
        .rows = weir_arena_array(arena, uint32_t, count),
        .ends = weir_arena_array(arena, uint32_t, count),
    };
    if (arena->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory", count);
    for (uint32_t row = 0; row < count; row++) {
        if (s.visit[row] == 0)
            visit_from(&s, row, order);
    }
    return WEIR_OK;
}
