/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The threshold cascade: an organisation is restricted when restricted
 * owners hold enough of it in sum; a restricted owner counts with its whole
 * share, an unrestricted one with nothing, however close it came.
 *
 *    certain  := seeds;  e enters when the sum of low(o, e) over certain
 *                owners passes the threshold
 *    possible := seeds;  e enters when the most that possible owners can
 *                hold together passes it
 *    answer    = yes in certain, unknown in possible only, else no
 *
 * What may be a seed is in `possible` only. The most that possible owners
 * can hold is the smaller of the sum of their upper ends and of what the
 * lower ends of all other owners leave free: 60 to 90 % beside an
 * unrestricted 30 % is at most 70 %. Where the lower ends pass 100 %, some
 * statement is false, and nothing is concluded from what they leave.
 *
 * WHY A QUEUE. Both sets only grow, so an organisation is put into each at
 * most once and each holding is looked at once per set, when its owner
 * enters. Cycles and cross-holdings need no care at all: least fixpoints.
 *
 * WHY RANKS. The chain that is shown must not walk in a circle. The holding
 * noted for e (`via`) comes from an owner that was in the set before e.
 */
#include "ownership.h"

struct cascade {
    const struct weir_ownership_graph *graph;
    const struct weir_ownership_rule *rule;
    struct weir_ownership_result *result;
    uint8_t *is_member;       /* of the set that grows now */
    uint64_t *held;           /* by members: low ends, or high ends */
    uint64_t *others;         /* possible: low ends of all who are no members */
    uint8_t *is_contradicted; /* low ends of all pass 100 % */
    uint32_t *queue;
    uint32_t queue_len;
    bool is_possible;
};

static uint64_t
most_held(const struct cascade *c, uint32_t row)
{
    uint64_t others = c->others[row];
    uint64_t free = others > WEIR_SHARE_ALL ? 0 : WEIR_SHARE_ALL - others;
    if (c->is_contradicted[row])
        return c->rule->doubts_undisclosed ? WEIR_SHARE_ALL : c->held[row];
    if (c->rule->doubts_undisclosed || free < c->held[row])
        return free;
    return c->held[row];
}

static bool
is_passed(const struct cascade *c, uint32_t row)
{
    uint64_t held = c->is_possible ? most_held(c, row) : c->held[row];
    return weir__ownership_passes(c->rule, held, c->rule->threshold);
}

/* The largest holding of a member, or UINT32_MAX. */
static uint32_t
largest(const struct cascade *c, uint32_t row)
{
    const struct weir_ownership_graph *g = c->graph;
    uint32_t best = UINT32_MAX;
    uint32_t best_share = 0;
    for (uint32_t i = g->in_first[row]; i < g->in_first[row + 1]; i++) {
        const struct weir_holding *h = &g->holdings[g->in_list[i]];
        uint32_t share = c->is_possible ? h->share.high : h->share.low;
        if (c->is_member[h->owner] && h->owner != row && share > best_share) {
            best = g->in_list[i];
            best_share = share;
        }
    }
    return best;
}

static void
enter(struct cascade *c, uint32_t row)
{
    bool is_seed = c->rule->seeds[row] == WEIR_SEED_YES ||
                   (c->is_possible && c->rule->seeds[row] != WEIR_SEED_NO);
    if (!is_seed && c->result->answers[row] == WEIR_ANSWER_NO)
        c->result->via[row] = largest(c, row);
    c->is_member[row] = 1;
    c->queue[c->queue_len++] = row;
}

static void
grow(struct cascade *c)
{
    const struct weir_ownership_graph *g = c->graph;
    c->queue_len = 0;
    for (uint32_t row = 0; row < g->count; row++) {
        c->is_member[row] = 0;
        if (c->rule->seeds[row] == WEIR_SEED_YES ||
            (c->is_possible && c->rule->seeds[row] == WEIR_SEED_MAYBE))
            enter(c, row);
    }
    for (uint32_t row = 0; row < g->count; row++) {
        if (!c->is_member[row] && is_passed(c, row))
            enter(c, row);
    }
    for (uint32_t next = 0; next < c->queue_len; next++) {
        uint32_t owner = c->queue[next];
        for (uint32_t i = g->out_first[owner]; i < g->out_first[owner + 1];
             i++) {
            const struct weir_holding *h = &g->holdings[g->out_list[i]];
            if (c->is_possible) {
                c->held[h->owned] += h->share.high;
                c->others[h->owned] -= h->share.low;
            } else {
                c->held[h->owned] += h->share.low;
            }
            if (!c->is_member[h->owned] && is_passed(c, h->owned))
                enter(c, h->owned);
        }
    }
}

static uint32_t
cap(uint64_t ppm)
{
    return ppm > WEIR_SHARE_ALL ? WEIR_SHARE_ALL : (uint32_t)ppm;
}

weir_status
weir__ownership_cascade(const struct weir_ownership_graph *graph,
                        const struct weir_ownership_rule *rule,
                        struct weir_arena *arena,
                        struct weir_ownership_result *result,
                        struct weir_error *err)
{
    uint32_t count = graph->count;
    struct cascade c = {
        .graph = graph,
        .rule = rule,
        .result = result,
        .is_member = weir_arena_array(arena, uint8_t, count),
        .held = weir_arena_array(arena, uint64_t, count),
        .others = weir_arena_array(arena, uint64_t, count),
        .is_contradicted = weir_arena_array(arena, uint8_t, count),
        .queue = weir_arena_array(arena, uint32_t, count),
    };
    if (arena->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory", count);
    grow(&c);
    for (uint32_t row = 0; row < count; row++) {
        result->held[row].low = cap(c.held[row]);
        if (c.is_member[row])
            result->answers[row] = WEIR_ANSWER_YES;
        c.held[row] = 0;
    }
    for (uint32_t i = 0; i < graph->holding_count; i++)
        c.others[graph->holdings[i].owned] += graph->holdings[i].share.low;
    for (uint32_t row = 0; row < count; row++)
        c.is_contradicted[row] = c.others[row] > WEIR_SHARE_ALL;
    c.is_possible = true;
    grow(&c);
    for (uint32_t row = 0; row < count; row++) {
        uint32_t most = cap(most_held(&c, row));
        uint32_t low = result->held[row].low;
        result->held[row].high = most < low ? low : most;
        if (c.is_member[row] && result->answers[row] == WEIR_ANSWER_NO)
            result->answers[row] = WEIR_ANSWER_UNKNOWN;
        if (rule->seeds[row] == WEIR_SEED_YES)
            result->held[row] = (weir_share){WEIR_SHARE_ALL, WEIR_SHARE_ALL};
    }
    return WEIR_OK;
}
