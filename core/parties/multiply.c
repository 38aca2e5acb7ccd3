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
 * everything exactly, and memory is read in order.
 *
 * CYCLES. Within a component `low` starts at nothing and only rises, `high`
 * starts at everything and only falls; both are right at every moment, so
 * the work may stop at any time and what is then undecided is unknown,
 * never wrong. Nobody whom no seed can reach starts at everything: a ring
 * of companies that own each other is not restricted by owning itself.
 * A change below TOLERANCE is not passed on, and the steps are counted. So
 * inside a cycle a value that meets the threshold exactly is "unknown".
 *
 * WHY NOT SOLVE THE EQUATIONS. Elimination needs fractions or floating
 * point; a share is neither here, and a wrong "no" by rounding would sell
 * to somebody.
 */
#include "ownership.h"

#define TOLERANCE     UINT64_C(1000) /* 10^-9: a thousandth of a ppm */
#define STEPS_PER_ROW 64
#define STEPS_MIN     UINT64_C(200000)

struct stake {
    uint32_t owner; /* new number */
    uint32_t low;
    uint32_t high;
    uint32_t holding;
};

struct worth {
    uint64_t low;
    uint64_t high;
    uint64_t best;
    uint32_t via; /* holding; UINT32_MAX */
    uint8_t is_seed;
    uint8_t is_reached;
    uint8_t is_dirty;
};

struct multiply {
    const struct weir_ownership_graph *graph;
    const struct weir_ownership_rule *rule;
    struct weir__ownership_order order;
    uint32_t *number;     /* by row: its new number */
    struct worth *worths; /* by new number, as all below */
    uint32_t *first;      /* [count + 1] into stakes */
    struct stake *stakes;
};

static void
renumber(struct multiply *m)
{
    const struct weir_ownership_graph *g = m->graph;
    for (uint32_t i = 0; i < g->count; i++)
        m->number[m->order.rows[i]] = i;
    uint32_t used = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        uint32_t row = m->order.rows[i];
        m->first[i] = used;
        for (uint32_t at = g->in_first[row]; at < g->in_first[row + 1]; at++) {
            const struct weir_holding *h = &g->holdings[g->in_list[at]];
            m->stakes[used++] =
                (struct stake){m->number[h->owner], h->share.low, h->share.high,
                               g->in_list[at]};
        }
    }
    m->first[g->count] = used;
}

/* Whom a seed reaches by any chain at all; `queue` has room for all. */
static void
reach(struct multiply *m, uint32_t *queue)
{
    const struct weir_ownership_graph *g = m->graph;
    uint32_t len = 0;
    for (uint32_t row = 0; row < g->count; row++) {
        struct worth *w = &m->worths[m->number[row]];
        bool is_seed = m->rule->seeds[row] != 0;
        w->via = UINT32_MAX;
        w->is_seed = is_seed;
        w->is_reached = is_seed;
        if (is_seed)
            queue[len++] = row;
    }
    for (uint32_t next = 0; next < len; next++) {
        uint32_t row = queue[next];
        for (uint32_t at = g->out_first[row]; at < g->out_first[row + 1];
             at++) {
            const struct weir_holding *h = &g->holdings[g->out_list[at]];
            struct worth *w = &m->worths[m->number[h->owned]];
            if (h->share.high > 0 && !w->is_reached) {
                w->is_reached = 1;
                queue[len++] = h->owned;
            }
        }
    }
}

static uint64_t
limit(unsigned __int128 value, bool is_up)
{
    value = (value + (is_up ? WEIR_SHARE_ALL - 1 : 0)) / WEIR_SHARE_ALL;
    return value > WEIR__OWNERSHIP_ONE ? WEIR__OWNERSHIP_ONE : (uint64_t)value;
}

/* One organisation from its owners as they stand. */
static struct worth
evaluate(const struct multiply *m, uint32_t number)
{
    struct worth result = m->worths[number];
    unsigned __int128 low = 0;
    unsigned __int128 at_high = 0; /* every owner at its upper end */
    unsigned __int128 at_low = 0;
    uint64_t shares = 0; /* lower ends */
    uint64_t richest = 0;
    for (uint32_t i = m->first[number]; i < m->first[number + 1]; i++) {
        const struct stake *s = &m->stakes[i];
        const struct worth *owner = &m->worths[s->owner];
        low += (unsigned __int128)s->low * owner->low;
        at_low += (unsigned __int128)s->low * owner->high;
        at_high += (unsigned __int128)s->high * owner->high;
        shares += s->low;
        if (owner->high > richest)
            richest = owner->high;
        uint64_t chain = s->high * owner->best / WEIR_SHARE_ALL;
        if (chain > result.best) {
            result.best = chain;
            result.via = s->holding;
        }
    }
    /* What the lower ends leave free goes to the owner with the most. */
    uint64_t free = shares > WEIR_SHARE_ALL ? 0 : WEIR_SHARE_ALL - shares;
    unsigned __int128 filled = at_low + (unsigned __int128)free * richest;
    if (m->rule->doubts_undisclosed)
        at_high = at_low + (unsigned __int128)free * WEIR__OWNERSHIP_ONE;
    else if (filled < at_high)
        at_high = filled;
    result.low = limit(low, false);
    result.high = limit(at_high, true);
    return result;
}

static void
mark_owned(struct multiply *m, uint32_t number, uint32_t first, uint32_t end)
{
    const struct weir_ownership_graph *g = m->graph;
    uint32_t row = m->order.rows[number];
    for (uint32_t at = g->out_first[row]; at < g->out_first[row + 1]; at++) {
        uint32_t owned = m->number[g->holdings[g->out_list[at]].owned];
        if (owned >= first && owned < end)
            m->worths[owned].is_dirty = 1;
    }
}

/* True when the row moved by more than TOLERANCE. */
static bool
improve(struct multiply *m, uint32_t number)
{
    struct worth *w = &m->worths[number];
    struct worth next = evaluate(m, number);
    w->is_dirty = 0;
    if (next.low <= w->low + TOLERANCE && next.high + TOLERANCE >= w->high &&
        next.best <= w->best + TOLERANCE)
        return false;
    next.is_dirty = 0;
    *w = next;
    return true;
}

/*
 * A component with a cycle: swept until nothing moves or steps are up.
 * While most rows move, all are taken in order, which memory likes; for the
 * tail only those whose owners moved.
 */
static void
settle(struct multiply *m, uint32_t first, uint32_t end)
{
    uint64_t steps = (uint64_t)(end - first) * STEPS_PER_ROW + STEPS_MIN;
    bool takes_all = true;
    uint32_t moved = end - first;
    while (moved > 0 && steps > 0) {
        bool is_last_full = moved < (end - first) / 2 + 16;
        bool is_marking = !takes_all || is_last_full;
        moved = 0;
        for (uint32_t i = first; i < end && steps > 0; i++) {
            const struct worth *w = &m->worths[i];
            if (w->is_seed || (!takes_all && !w->is_dirty))
                continue;
            steps--;
            if (!improve(m, i))
                continue;
            moved++;
            if (is_marking)
                mark_owned(m, i, first, end);
        }
        if (is_marking)
            takes_all = false;
    }
}

static bool
is_cyclic(const struct multiply *m, uint32_t first, uint32_t end)
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
solve(struct multiply *m)
{
    uint32_t first = 0;
    for (uint32_t c = 0; c < m->order.component_count; c++) {
        uint32_t end = m->order.ends[c];
        for (uint32_t i = first; i < end; i++) {
            struct worth *w = &m->worths[i];
            bool is_open = w->is_reached || m->rule->doubts_undisclosed;
            w->low = w->is_seed ? WEIR__OWNERSHIP_ONE : 0;
            w->best = w->low;
            w->high = is_open ? WEIR__OWNERSHIP_ONE : 0;
        }
        if (is_cyclic(m, first, end))
            settle(m, first, end);
        else if (!m->worths[first].is_seed)
            m->worths[first] = evaluate(m, first);
        first = end;
    }
}

static void
answer(const struct multiply *m, uint32_t row,
       struct weir_ownership_result *result)
{
    const uint64_t unit = WEIR__OWNERSHIP_ONE / WEIR_SHARE_ALL;
    const struct worth *w = &m->worths[m->number[row]];
    uint64_t threshold = m->rule->threshold * unit;
    result->held[row].low = (uint32_t)(w->low / unit);
    result->held[row].high = (uint32_t)((w->high + unit - 1) / unit);
    if (w->is_seed) {
        result->answers[row] = WEIR_ANSWER_YES;
        return;
    }
    if (!weir__ownership_passes(m->rule, w->high, threshold))
        return;
    result->answers[row] = weir__ownership_passes(m->rule, w->low, threshold)
                               ? WEIR_ANSWER_YES
                               : WEIR_ANSWER_UNKNOWN;
    result->via[row] = w->via;
}

weir_status
weir__ownership_multiply(const struct weir_ownership_graph *graph,
                         const struct weir_ownership_rule *rule,
                         struct weir_arena *arena,
                         struct weir_ownership_result *result,
                         struct weir_error *err)
{
    uint32_t count = graph->count;
    struct multiply m = {
        .graph = graph,
        .rule = rule,
        .number = weir_arena_array(arena, uint32_t, count),
        .worths = weir_arena_array(arena, struct worth, count),
        .first = weir_arena_array(arena, uint32_t, (size_t)count + 1),
        .stakes = weir_arena_array(arena, struct stake, graph->holding_count),
    };
    uint32_t *queue = weir_arena_array(arena, uint32_t, count);
    if (arena->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory", count);
    weir_status status =
        weir__ownership_order_init(&m.order, graph, arena, err);
    if (status != WEIR_OK)
        return status;
    renumber(&m);
    reach(&m, queue);
    solve(&m);
    for (uint32_t row = 0; row < count; row++)
        answer(&m, row, result);
    return WEIR_OK;
}
