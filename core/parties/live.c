/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cascade kept up to date, holding by holding.
 *
 * Each of the two sets of cascade.c (certain, possible) is kept with the
 * order in which its members entered. A member is WELL FOUNDED when the
 * members that entered before it suffice to bring it in; all of them are,
 * when a set was grown from its seeds.
 *
 *   a holding changes -> its company is looked at again
 *   1. leave:  whoever is no longer well founded leaves, and whom it held
 *              is looked at again
 *   2. enter:  of those who left, whoever the remaining members bring in
 *              enters anew, and so on from there
 *
 * Who remains after 1 is in the least fixpoint, by induction over the order;
 * 2 grows it from there: what comes out is what a whole run would give. A
 * ring that held itself up by its own members is seen by the order: they did
 * not all enter before each other.
 *
 * The work is the neighbourhood of what changes its answer, not the graph.
 */
#include "ownership.h"

#include <string.h>

struct edge {
    uint32_t owner;
    uint32_t owned;
    weir_share share;
    uint32_t next_in; /* edge + 1; 0: the last */
    uint32_t next_out;
};

struct side {
    uint32_t *order; /* of entry; 0: no member */
    uint32_t clock;
};

struct weir_ownership_live {
    uint32_t count;
    uint32_t threshold;
    bool is_strict;
    bool doubts_undisclosed;
    const uint8_t *seeds;
    struct edge *edges;
    uint32_t edge_count;
    uint32_t edge_max;
    uint32_t *first_in; /* edge + 1 */
    uint32_t *first_out;
    struct side sides[2]; /* certain, possible */
    uint32_t *queue;      /* rows to look at; each at most once */
    uint32_t queue_len;
    uint32_t *left; /* rows that left */
    uint32_t left_len;
    uint8_t *is_queued;
    uint64_t looked; /* rows, since it was made */
};

static bool
is_seed(const struct weir_ownership_live *l, int which, uint32_t row)
{
    return l->seeds[row] == WEIR_SEED_YES ||
           (which == 1 && l->seeds[row] == WEIR_SEED_MAYBE);
}

/* Whether the members that entered before `before` bring the row in. */
static bool
is_brought_in(struct weir_ownership_live *l, int which, uint32_t row,
              uint32_t before)
{
    const struct side *side = &l->sides[which];
    uint64_t held = 0;
    uint64_t others = 0;
    uint64_t all = 0;
    l->looked++;
    for (uint32_t e = l->first_in[row]; e != 0; e = l->edges[e - 1].next_in) {
        const struct edge *edge = &l->edges[e - 1];
        uint32_t order = side->order[edge->owner];
        bool counts = order != 0 && order < before;
        all += edge->share.low;
        held += !counts ? 0 : which == 0 ? edge->share.low : edge->share.high;
        others += counts ? 0 : edge->share.low;
    }
    if (which == 1) {
        uint64_t free = all > WEIR_SHARE_ALL || others > WEIR_SHARE_ALL
                            ? WEIR_SHARE_ALL
                            : WEIR_SHARE_ALL - others;
        if (l->doubts_undisclosed || free < held)
            held = free;
    }
    return l->is_strict ? held > l->threshold : held >= l->threshold;
}

static void
look_at(struct weir_ownership_live *l, uint32_t row)
{
    if (l->is_queued[row])
        return;
    l->is_queued[row] = 1;
    l->queue[l->queue_len++] = row;
}

/* A stack: which goes first does not matter. */
static uint32_t
next_row(struct weir_ownership_live *l)
{
    uint32_t row = l->queue[--l->queue_len];
    l->is_queued[row] = 0;
    return row;
}

static void
look_at_owned(struct weir_ownership_live *l, uint32_t row)
{
    for (uint32_t e = l->first_out[row]; e != 0; e = l->edges[e - 1].next_out)
        look_at(l, l->edges[e - 1].owned);
}

static void
leave(struct weir_ownership_live *l, int which)
{
    struct side *side = &l->sides[which];
    while (l->queue_len > 0) {
        uint32_t row = next_row(l);
        if (side->order[row] == 0 || is_seed(l, which, row) ||
            is_brought_in(l, which, row, side->order[row]))
            continue;
        side->order[row] = 0;
        l->left[l->left_len++] = row;
        look_at_owned(l, row);
    }
}

static void
enter(struct weir_ownership_live *l, int which)
{
    struct side *side = &l->sides[which];
    while (l->queue_len > 0) {
        uint32_t row = next_row(l);
        if (side->order[row] != 0 ||
            (!is_seed(l, which, row) &&
             !is_brought_in(l, which, row, UINT32_MAX)))
            continue;
        side->order[row] = ++side->clock;
        look_at_owned(l, row);
    }
}

static uint32_t
find_edge(const struct weir_ownership_live *l, uint32_t owner, uint32_t owned)
{
    for (uint32_t e = l->first_in[owned]; e != 0; e = l->edges[e - 1].next_in) {
        if (l->edges[e - 1].owner == owner)
            return e - 1;
    }
    return UINT32_MAX;
}

static bool
add_edge(struct weir_ownership_live *l, uint32_t owner, uint32_t owned,
         weir_share share)
{
    if (l->edge_count == l->edge_max)
        return false;
    l->edges[l->edge_count] = (struct edge){
        owner, owned, share, l->first_in[owned], l->first_out[owner]};
    l->edge_count++;
    l->first_in[owned] = l->edge_count;
    l->first_out[owner] = l->edge_count;
    return true;
}

weir_status
weir_ownership_live_new(const struct weir_ownership_graph *graph,
                        const struct weir_ownership_rule *rule,
                        uint32_t more_max, struct weir_arena *arena,
                        struct weir_ownership_live **live_out,
                        struct weir_error *err)
{
    uint32_t count = graph->count;
    uint32_t max = graph->holding_count + more_max;
    struct weir_ownership_live *l =
        weir_arena_array(arena, struct weir_ownership_live, 1);
    if (rule->method != WEIR_OWNERSHIP_CASCADE || max < more_max)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "only a cascade is kept up to date");
    if (l == NULL)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE, "out of memory");
    *l = (struct weir_ownership_live){
        .count = count,
        .threshold = rule->threshold,
        .is_strict = rule->is_strict,
        .doubts_undisclosed = rule->doubts_undisclosed,
        .seeds = rule->seeds,
        .edges = weir_arena_array(arena, struct edge, max),
        .edge_max = max,
        .first_in = weir_arena_array(arena, uint32_t, count),
        .first_out = weir_arena_array(arena, uint32_t, count),
        .sides = {{weir_arena_array(arena, uint32_t, count), 0},
                  {weir_arena_array(arena, uint32_t, count), 0}},
        .queue = weir_arena_array(arena, uint32_t, count),
        .left = weir_arena_array(arena, uint32_t, count),
        .is_queued = weir_arena_array(arena, uint8_t, count),
    };
    if (arena->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory", count);
    /* Holdings of one company stand together, as they are looked at. */
    for (uint32_t i = 0; i < graph->holding_count; i++) {
        const struct weir_holding *h = &graph->holdings[graph->in_list[i]];
        (void)add_edge(l, h->owner, h->owned, h->share);
    }
    for (int which = 0; which < 2; which++) {
        for (uint32_t row = 0; row < count; row++)
            look_at(l, row);
        enter(l, which);
    }
    *live_out = l;
    return WEIR_OK;
}

static void
settle(struct weir_ownership_live *l, uint32_t owned)
{
    for (int which = 0; which < 2; which++) {
        /* The clock would pass its end after four thousand million changes:
         * orders are only compared, so they may not wrap. */
        WEIR_ASSERT(l->sides[which].clock < UINT32_MAX - l->count);
        l->left_len = 0;
        look_at(l, owned);
        leave(l, which);
        look_at(l, owned);
        for (uint32_t i = 0; i < l->left_len; i++)
            look_at(l, l->left[i]);
        enter(l, which);
    }
}

weir_status
weir_ownership_live_set(struct weir_ownership_live *l, uint32_t owner,
                        uint32_t owned, weir_share share,
                        struct weir_error *err)
{
    if (owner >= l->count || owned >= l->count || share.low > share.high ||
        share.high > WEIR_SHARE_ALL)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a holding out of range");
    uint32_t edge = find_edge(l, owner, owned);
    if (edge != UINT32_MAX)
        l->edges[edge].share = share;
    else if (share.high > 0 && !add_edge(l, owner, owned, share))
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "no room for another holding");
    settle(l, owned);
    return WEIR_OK;
}

enum weir_ownership_answer
weir_ownership_live_answer(const struct weir_ownership_live *l, uint32_t row)
{
    WEIR_ASSERT(row < l->count);
    return l->sides[0].order[row] != 0   ? WEIR_ANSWER_YES
           : l->sides[1].order[row] != 0 ? WEIR_ANSWER_UNKNOWN
                                         : WEIR_ANSWER_NO;
}
