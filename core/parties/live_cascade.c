/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cascade kept up to date, change by change.
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
#include "live.h"

static bool
is_seed(const struct weir_ownership_live *l, int which, uint32_t row)
{
    return l->seeds[row] == WEIR_SEED_YES ||
           (which == 1 && l->seeds[row] == WEIR_SEED_MAYBE);
}

/* Whether the members that entered before `before` bring the row in. */
static bool
is_brought_in(const struct weir_ownership_live *l, int which, uint32_t row,
              uint32_t before)
{
    const struct weir__live_side *side = &l->sides[which];
    uint64_t held = 0;
    uint64_t others = 0;
    uint64_t all = 0;
    for (uint32_t e = l->first_in[row]; e != 0; e = l->edges[e - 1].next_in) {
        const struct weir__live_edge *edge = &l->edges[e - 1];
        uint32_t order = side->order[edge->owner];
        bool counts = order != 0 && order < before;
        all += edge->share.low;
        held += !counts ? 0 : which == 0 ? edge->share.low : edge->share.high;
        others += counts ? 0 : edge->share.low;
    }
    if (which == 1 && all > WEIR_SHARE_ALL) {
        /* They contradict each other, and bound nobody. */
        held = l->doubts_undisclosed ? WEIR_SHARE_ALL : held;
    } else if (which == 1) {
        uint64_t free = WEIR_SHARE_ALL - others;
        if (l->doubts_undisclosed || free < held)
            held = free;
    }
    return l->is_strict ? held > l->threshold : held >= l->threshold;
}

static void
leave(struct weir_ownership_live *l, int which)
{
    struct weir__live_side *side = &l->sides[which];
    while (l->queue_len > 0) {
        uint32_t row = weir__live_next(l);
        if (side->order[row] == 0 || is_seed(l, which, row) ||
            is_brought_in(l, which, row, side->order[row]))
            continue;
        side->order[row] = 0;
        l->left[l->left_len++] = row;
        weir__live_touch(l, row);
        weir__live_look_at_owned(l, row);
    }
}

static void
enter(struct weir_ownership_live *l, int which)
{
    struct weir__live_side *side = &l->sides[which];
    while (l->queue_len > 0) {
        uint32_t row = weir__live_next(l);
        if (side->order[row] != 0 ||
            (!is_seed(l, which, row) &&
             !is_brought_in(l, which, row, UINT32_MAX)))
            continue;
        side->order[row] = ++side->clock;
        weir__live_touch(l, row);
        weir__live_look_at_owned(l, row);
    }
}

void
weir__live_cascade_change(struct weir_ownership_live *l, uint32_t changed)
{
    for (int which = 0; which < 2; which++) {
        /* The clock would pass its end after four thousand million changes:
         * orders are only compared, so they may not wrap. */
        WEIR_ASSERT(l->sides[which].clock < UINT32_MAX - l->count);
        l->left_len = 0;
        weir__live_look_at(l, changed);
        leave(l, which);
        weir__live_look_at(l, changed);
        for (uint32_t i = 0; i < l->left_len; i++)
            weir__live_look_at(l, l->left[i]);
        enter(l, which);
    }
}

uint8_t
weir__live_cascade_answer(const struct weir_ownership_live *l, uint32_t row)
{
    return l->sides[0].order[row] != 0   ? WEIR_ANSWER_YES
           : l->sides[1].order[row] != 0 ? WEIR_ANSWER_UNKNOWN
                                         : WEIR_ANSWER_NO;
}

weir_status
weir__live_cascade_init(struct weir_ownership_live *l, struct weir_arena *arena,
                        struct weir_error *err)
{
    for (int which = 0; which < 2; which++)
        l->sides[which].order = weir_arena_array(arena, uint32_t, l->count);
    if (arena->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory", l->count);
    for (int which = 0; which < 2; which++) {
        for (uint32_t row = 0; row < l->count; row++)
            weir__live_look_at(l, row);
        enter(l, which);
    }
    return WEIR_OK;
}
