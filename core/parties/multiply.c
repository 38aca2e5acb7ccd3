/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-through: what seeds hold of e is the sum over its owners of share
 * times what seeds hold of the owner. 60 % of 60 % is 36 %.
 *
 *    low(e)  = sum of share.low(o, e) * low(o), rounded down
 *    high(e) = the most that any shares within their intervals, at most
 *              100 % in sum, can give, rounded up
 *    best(e) = the strongest single chain, for people: it names the holding
 *              through which most came
 *
 * in 10^-12. Organisations are numbered anew, component by component and
 * owners first (components.c), so that without cycles one pass computes
 * everything exactly, and memory is read in order. Components with a cycle
 * are settled in look_through.c. The chains are sought when the values are
 * known: a chain is told once, a value is computed many times.
 *
 * WHY NOT SOLVE THE EQUATIONS. Elimination needs fractions or floating
 * point; a share is neither here, and a wrong "no" by rounding would sell
 * to somebody.
 */
#include "look_through.h"

static void
renumber(struct weir__look *m)
{
    const struct weir_ownership_graph *g = m->graph;
    for (uint32_t i = 0; i < g->count; i++)
        m->number[m->order.rows[i]] = i;
    uint32_t used = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        uint32_t row = m->order.rows[i];
        uint64_t shares = 0;
        bool is_exact = true;
        m->first[i] = used;
        for (uint32_t at = g->in_first[row]; at < g->in_first[row + 1]; at++) {
            const struct weir_holding *h = &g->holdings[g->in_list[at]];
            m->stakes[used++] = (struct weir__stake){
                m->number[h->owner], h->share.low, h->share.high};
            shares += h->share.low;
            is_exact = is_exact && h->share.low == h->share.high;
        }
        /* Lower ends beyond 100 % contradict each other: nothing follows
         * from them for the upper ends. */
        m->free[i] = shares > WEIR_SHARE_ALL
                         ? WEIR__LOOK_CONTRADICTION
                         : (uint32_t)(WEIR_SHARE_ALL - shares);
        m->flags[i] =
            is_exact && !m->rule->doubts_undisclosed ? WEIR__LOOK_EXACT : 0;
    }
    m->first[g->count] = used;
}

/* What a holding may count for: where the lower ends of all others leave
 * less than its upper end says, no more than that. */
static bool
may_count(const struct weir__look *m, const struct weir_holding *h)
{
    uint32_t free = m->free[m->number[h->owned]];
    return h->share.high > 0 && (h->share.low > 0 || free > 0);
}

/* Whom a seed reaches by any chain at all, or with doubts whatever may be a
 * seed's; `queue` has room for all. */
static void
reach(struct weir__look *m, uint32_t *queue)
{
    const struct weir_ownership_graph *g = m->graph;
    uint32_t len = 0;
    for (uint32_t row = 0; row < g->count; row++) {
        uint8_t seed = m->rule->seeds[row];
        bool is_doubtful =
            m->rule->doubts_undisclosed && m->free[m->number[row]] > 0;
        if (seed == WEIR_SEED_NO && !is_doubtful)
            continue;
        m->flags[m->number[row]] |= WEIR__LOOK_REACHED;
        if (seed != WEIR_SEED_NO)
            m->flags[m->number[row]] |=
                seed == WEIR_SEED_YES ? WEIR__LOOK_SEED : WEIR__LOOK_MAYBE;
        queue[len++] = row;
    }
    for (uint32_t next = 0; next < len; next++) {
        uint32_t row = queue[next];
        for (uint32_t at = g->out_first[row]; at < g->out_first[row + 1];
             at++) {
            const struct weir_holding *h = &g->holdings[g->out_list[at]];
            uint8_t *flags = &m->flags[m->number[h->owned]];
            if (may_count(m, h) && (*flags & WEIR__LOOK_REACHED) == 0) {
                *flags |= WEIR__LOOK_REACHED;
                queue[len++] = h->owned;
            }
        }
    }
}

static bool
is_cyclic(const struct weir__look *m, uint32_t first, uint32_t end)
{
    if (end - first > 1)
        return true;
    for (uint32_t i = m->first[first]; i < m->first[first + 1]; i++) {
        if (m->stakes[i].owner == first)
            return true;
    }
    return false;
}

static void
solve(struct weir__look *m)
{
    uint32_t first = 0;
    for (uint32_t c = 0; c < m->order.component_count; c++) {
        uint32_t end = m->order.ends[c];
        for (uint32_t i = first; i < end; i++) {
            bool is_open = (m->flags[i] & WEIR__LOOK_REACHED) != 0;
            bool is_seed = (m->flags[i] & WEIR__LOOK_SEED) != 0;
            m->worths[i].low = is_seed ? WEIR__OWNERSHIP_ONE : 0;
            m->worths[i].high = is_open ? WEIR__OWNERSHIP_ONE : 0;
        }
        if (is_cyclic(m, first, end))
            weir__look_settle(m, first, end);
        else
            (void)weir__look_improve(m, first, 0);
        first = end;
    }
}

/*
 * The strongest chain to each row: the greatest product of upper ends from
 * a seed; where none leads, from what may be one. A queue in which a row
 * stands at most once; products only fall along a chain, so what was
 * improved upon stays so and the chains never go in a circle. Below 10^-12
 * a chain ends.
 */
struct chains {
    const struct weir__look *look;
    uint64_t *best;
    uint32_t *via;
    uint32_t *queue;
    uint8_t *states; /* QUEUED, CLOSED */
    uint32_t head;
    uint32_t len;
};

#define CHAINS_AHEAD 8u
#define QUEUED       1u
#define CLOSED       2u /* reached by a kind of seed that goes before */

static void
put(struct chains *c, uint32_t row)
{
    uint32_t count = c->look->graph->count;
    uint64_t tail = (uint64_t)c->head + c->len++;
    c->queue[tail >= count ? tail - count : tail] = row;
    c->states[row] |= QUEUED;
}

static void
follow(struct chains *c, enum weir_ownership_seed kind)
{
    const struct weir_ownership_graph *g = c->look->graph;
    for (uint32_t row = 0; row < g->count; row++) {
        if (c->best[row] != 0)
            c->states[row] = CLOSED;
        if (c->best[row] != 0 || c->look->rule->seeds[row] != kind)
            continue;
        c->best[row] = WEIR__OWNERSHIP_ONE;
        put(c, row);
    }
    while (c->len > 0) {
        uint32_t row = c->queue[c->head];
        uint32_t ahead = c->head + CHAINS_AHEAD;
        if (CHAINS_AHEAD < c->len && ahead < g->count)
            __builtin_prefetch(&g->out_first[c->queue[ahead]]);
        c->head = c->head + 1 == g->count ? 0 : c->head + 1;
        c->len--;
        c->states[row] &= (uint8_t)~QUEUED;
        for (uint32_t at = g->out_first[row]; at < g->out_first[row + 1];
             at++) {
            const struct weir_holding *h = &g->holdings[g->out_list[at]];
            uint64_t chain = h->share.high * c->best[row] / WEIR_SHARE_ALL;
            if (chain <= c->best[h->owned] || c->states[h->owned] == CLOSED)
                continue;
            c->best[h->owned] = chain;
            c->via[h->owned] = g->out_list[at];
            if ((c->states[h->owned] & QUEUED) == 0)
                put(c, h->owned);
        }
    }
}

static void
find_chains(struct chains *c)
{
    for (uint32_t row = 0; row < c->look->graph->count; row++)
        c->via[row] = UINT32_MAX;
    follow(c, WEIR_SEED_YES);
    follow(c, WEIR_SEED_MAYBE);
}

static void
answer(const struct weir__look *m, uint32_t row, uint32_t via,
       struct weir_ownership_result *result)
{
    const uint64_t unit = WEIR__OWNERSHIP_ONE / WEIR_SHARE_ALL;
    const struct weir__worth *w = &m->worths[m->number[row]];
    uint64_t threshold = m->rule->threshold * unit;
    result->held[row].low = (uint32_t)(w->low / unit);
    result->held[row].high = (uint32_t)((w->high + unit - 1) / unit);
    if (m->rule->seeds[row] == WEIR_SEED_YES) {
        result->answers[row] = WEIR_ANSWER_YES;
        return;
    }
    if (!weir__ownership_passes(m->rule, w->high, threshold) &&
        m->rule->seeds[row] == WEIR_SEED_NO)
        return;
    result->answers[row] = weir__ownership_passes(m->rule, w->low, threshold)
                               ? WEIR_ANSWER_YES
                               : WEIR_ANSWER_UNKNOWN;
    if (m->rule->seeds[row] == WEIR_SEED_NO ||
        result->answers[row] == WEIR_ANSWER_YES)
        result->via[row] = via;
}

weir_status
weir__ownership_multiply(const struct weir_ownership_graph *graph,
                         const struct weir_ownership_rule *rule,
                         struct weir_arena *arena,
                         struct weir_ownership_result *result,
                         struct weir_error *err)
{
    uint32_t count = graph->count;
    struct weir__look m = {
        .graph = graph,
        .rule = rule,
        .number = weir_arena_array(arena, uint32_t, count),
        .worths = weir_arena_array(arena, struct weir__worth, count),
        .rough = weir_arena_array(arena, struct weir__rough, count),
        .above = weir_arena_array(arena, uint64_t, count),
        .free = weir_arena_array(arena, uint32_t, count),
        .flags = weir_arena_array(arena, uint8_t, count),
        .first = weir_arena_array(arena, uint32_t, (size_t)count + 1),
        .stakes =
            weir_arena_array(arena, struct weir__stake,
                             (size_t)graph->holding_count + WEIR__LOOK_AHEAD),
    };
    struct chains chains = {
        .look = &m,
        .best = weir_arena_array(arena, uint64_t, count),
        .via = weir_arena_array(arena, uint32_t, count),
        .queue = weir_arena_array(arena, uint32_t, count),
        .states = weir_arena_array(arena, uint8_t, count),
    };
    if (arena->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory", count);
    weir_status status =
        weir__ownership_order_init(&m.order, graph, rule->seeds, arena, err);
    if (status != WEIR_OK)
        return status;
    renumber(&m);
    reach(&m, chains.queue);
    solve(&m);
    find_chains(&chains);
    for (uint32_t row = 0; row < count; row++)
        answer(&m, row, chains.via[row], result);
    return WEIR_OK;
}
