/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tarjan's strongly connected components without recursion. An edge leads
 * from an organisation to its owner, so a component is complete only after
 * those of all owners: the order found is "owners first". Within one, the
 * rows visited last come first, since they are nearer to the outermost
 * owners.
 */
#include "ownership.h"

/* Of one row; together, since one look at a row reads all of it. */
struct visit {
    uint32_t number; /* of the visit, 0 = not yet */
    uint32_t root;   /* smallest visit reachable; 0 = component is done */
    uint32_t edge;   /* next holding to look at */
    uint32_t end;    /* behind the last */
};

struct search {
    const struct weir_ownership_graph *graph;
    struct visit *rows;
    const uint32_t *owners; /* as in_list, but the owner */
    const uint8_t *seeds;
    uint32_t *path; /* rows under way */
    uint32_t *open; /* rows whose component is not complete */
    uint32_t open_count;
    uint32_t visits;
};

static void
arrive(struct search *s, uint32_t row)
{
    s->visits++;
    uint32_t first = s->graph->in_first[row];
    uint32_t end = s->graph->in_first[row + 1];
    bool is_pinned = s->seeds[row] == WEIR_SEED_YES;
    s->rows[row] =
        (struct visit){s->visits, s->visits, first, is_pinned ? first : end};
    s->open[s->open_count++] = row;
}

static void
emit(struct search *s, uint32_t last, struct weir__ownership_order *order)
{
    uint32_t row;
    do {
        row = s->open[--s->open_count];
        s->rows[row].root = 0;
        order->rows[order->row_count++] = row;
    } while (row != last);
    order->ends[order->component_count++] = order->row_count;
}

static void
visit_from(struct search *s, uint32_t start,
           struct weir__ownership_order *order)
{
    uint32_t depth = 1;
    s->path[0] = start;
    arrive(s, start);
    while (depth > 0) {
        uint32_t row = s->path[depth - 1];
        struct visit *here = &s->rows[row];
        if (here->edge < here->end) {
            uint32_t owner = s->owners[here->edge++];
            if (owner == UINT32_MAX)
                continue;
            const struct visit *there = &s->rows[owner];
            if (there->number == 0) {
                arrive(s, owner);
                s->path[depth++] = owner;
            } else if (there->root != 0 && there->number < here->root) {
                here->root = there->number;
            }
            continue;
        }
        depth--;
        uint32_t root = here->root;
        if (root == here->number)
            emit(s, row, order);
        else if (root < s->rows[s->path[depth - 1]].root)
            s->rows[s->path[depth - 1]].root = root;
    }
}

weir_status
weir__ownership_order_init(struct weir__ownership_order *order,
                           const struct weir_ownership_graph *graph,
                           const uint8_t *seeds, struct weir_arena *arena,
                           struct weir_error *err)
{
    uint32_t count = graph->count;
    uint32_t *owners = weir_arena_array(arena, uint32_t, graph->holding_count);
    struct search s = {
        .graph = graph,
        .rows = weir_arena_array(arena, struct visit, count),
        .owners = owners,
        .seeds = seeds,
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
    for (uint32_t i = 0; i < graph->holding_count; i++) {
        const struct weir_holding *h = &graph->holdings[graph->in_list[i]];
        owners[i] = h->share.high == 0 ? UINT32_MAX : h->owner;
    }
    for (uint32_t row = 0; row < count; row++) {
        if (s.rows[row].number == 0)
            visit_from(&s, row, order);
    }
    return WEIR_OK;
}
