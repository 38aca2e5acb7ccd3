/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking through cycles. Within a component `low` starts at nothing and
 * only rises, `high` starts at everything and only falls; both are right at
 * every moment, so the work may stop at any time and what is then undecided
 * is unknown, never wrong. Nobody whom no seed can reach starts at
 * everything: a ring of companies that own each other is not restricted by
 * owning itself. A change below TOLERANCE is not passed on, and the steps
 * are counted. So inside a cycle a value that meets the threshold exactly is
 * "unknown".
 *
 * TWO GRAINS. A large component is swept some dozens of times, and each
 * sweep is bound by memory: owners lie anywhere. The first sweeps run in
 * units of 2^-31, eight bytes for both ends of a row; rounding outwards
 * keeps them right. What they found is the start of the sweeps in 10^-12,
 * of which few are left to do.
 */
#include "look_through.h"

#define TOLERANCE     UINT64_C(1000) /* 10^-9: a thousandth of a ppm */
#define STEPS_PER_ROW 64
#define STEPS_MIN     UINT64_C(200000)
/* Larger components are settled from above only. */
#define BELOW_ROWS_MAX  50000u
#define BELOW_ROUNDS    64u
#define BELOW_LOOKS     200000u
#define SPARE_ROUNDS    64u

#define ROUGH_ONE       (UINT32_C(1) << 31)
#define ROUGH_TOLERANCE 32u /* a little less than that */
#define ROUGH_ROWS_MIN  64

/* Shares times values, summed; never above 100 % of everything. One term is
 * at most 2^60 in 10^-12, so a sum that is cut at every step cannot wrap. */
static inline uint64_t
add_up_to(uint64_t sum, uint64_t term, uint64_t most)
{
    sum += term;
    return sum < most ? sum : most;
}

static inline uint64_t
divide_up(uint64_t value)
{
    return (value + WEIR_SHARE_ALL - 1) / WEIR_SHARE_ALL;
}

/*
 * The upper end from its three sums: every owner at its upper share, every
 * owner at its lower share, and who has most of those that may hold more;
 * what the lower ends leave free goes to that owner, or with doubts to a
 * seed.
 */
static uint64_t
upper_end(const struct weir__look *m, uint32_t number, uint64_t at_high,
          uint64_t at_low, uint64_t richest, uint64_t one)
{
    uint64_t most = one * WEIR_SHARE_ALL;
    uint64_t free = m->free[number];
    bool doubts = m->rule->doubts_undisclosed;
    if (free == WEIR__LOOK_CONTRADICTION)
        return doubts ? most : at_high;
    uint64_t filled = add_up_to(at_low, free * (doubts ? one : richest), most);
    return doubts || filled < at_high ? filled : at_high;
}

/* What the owners of a row give it. */
static struct weir__worth
given(const struct weir__look *m, uint32_t number)
{
    const uint64_t one = WEIR__OWNERSHIP_ONE;
    const uint64_t most = one * WEIR_SHARE_ALL;
    uint64_t low = 0;
    uint64_t at_low = 0;
    uint64_t at_high = 0;
    uint64_t richest = 0;
    uint8_t flags = m->flags[number];
    for (uint32_t i = m->first[number]; i < m->first[number + 1]; i++) {
        const struct weir__stake *s = &m->stakes[i];
        const struct weir__worth *owner = &m->worths[s->owner];
        low = add_up_to(low, s->low * owner->low, most);
        at_low = add_up_to(at_low, s->low * owner->high, most);
        at_high = add_up_to(at_high, s->high * owner->high, most);
        if (s->high > s->low && owner->high > richest)
            richest = owner->high;
    }
    if ((flags & WEIR__LOOK_EXACT) == 0)
        at_high = upper_end(m, number, at_high, at_low, richest, one);
    return (struct weir__worth){
        low / WEIR_SHARE_ALL,
        (flags & WEIR__LOOK_MAYBE) != 0 ? one : divide_up(at_high)};
}

bool
weir__look_improve(struct weir__look *m, uint32_t number, uint64_t tolerance)
{
    struct weir__worth *w = &m->worths[number];
    if ((m->flags[number] & WEIR__LOOK_SEED) != 0)
        return false;
    struct weir__worth now = given(m, number);
    if (now.low <= w->low + tolerance && now.high + tolerance >= w->high)
        return false;
    w->low = now.low > w->low ? now.low : w->low;
    w->high = now.high < w->high ? now.high : w->high;
    return true;
}

static bool
improve_rough(struct weir__look *m, uint32_t number)
{
    const uint64_t most = (uint64_t)ROUGH_ONE * WEIR_SHARE_ALL;
    struct weir__rough *w = &m->rough[number];
    uint64_t low = 0;
    uint64_t at_low = 0;
    uint64_t at_high = 0;
    uint64_t richest = 0;
    uint8_t flags = m->flags[number];
    if ((flags & WEIR__LOOK_SEED) != 0)
        return false;
    for (uint32_t i = m->first[number]; i < m->first[number + 1]; i++) {
        const struct weir__stake *s = &m->stakes[i];
        struct weir__rough owner = m->rough[s->owner];
        __builtin_prefetch(&m->rough[m->stakes[i + WEIR__LOOK_AHEAD].owner]);
        low += (uint64_t)s->low * owner.low;
        at_low += (uint64_t)s->low * owner.high;
        at_high += (uint64_t)s->high * owner.high;
        if (s->high > s->low && owner.high > richest)
            richest = owner.high;
    }
    low = low < most ? low : most;
    at_low = at_low < most ? at_low : most;
    at_high = at_high < most ? at_high : most;
    if ((flags & WEIR__LOOK_EXACT) == 0)
        at_high = upper_end(m, number, at_high, at_low, richest, ROUGH_ONE);
    low /= WEIR_SHARE_ALL;
    uint64_t high =
        (flags & WEIR__LOOK_MAYBE) != 0 ? ROUGH_ONE : divide_up(at_high);
    bool is_moved =
        low > w->low + ROUGH_TOLERANCE || high + ROUGH_TOLERANCE < w->high;
    w->low = low > w->low ? (uint32_t)low : w->low;
    w->high = high < w->high ? (uint32_t)high : w->high;
    return is_moved;
}

static void
mark_owned(struct weir__look *m, uint32_t number, uint32_t first, uint32_t end)
{
    const struct weir_ownership_graph *g = m->graph;
    uint32_t row = m->order.rows[number];
    for (uint32_t at = g->out_first[row]; at < g->out_first[row + 1]; at++) {
        uint32_t owned = m->number[g->holdings[g->out_list[at]].owned];
        if (owned >= first && owned < end)
            m->flags[owned] |= WEIR__LOOK_DIRTY;
    }
}

/* Owners outside the component are final: their rough values are rounded
 * from the fine ones here, those of the component start at their bounds. */
static void
begin_rough(struct weir__look *m, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        m->rough[i].low = m->worths[i].low == 0 ? 0 : ROUGH_ONE;
        m->rough[i].high = m->worths[i].high == 0 ? 0 : ROUGH_ONE;
    }
    for (uint32_t i = m->first[first]; i < m->first[end]; i++) {
        uint32_t owner = m->stakes[i].owner;
        if (owner >= first)
            continue;
        unsigned __int128 low = (unsigned __int128)m->worths[owner].low << 31;
        unsigned __int128 high = (unsigned __int128)m->worths[owner].high << 31;
        m->rough[owner].low = (uint32_t)(low / WEIR__OWNERSHIP_ONE);
        m->rough[owner].high =
            (uint32_t)((high + WEIR__OWNERSHIP_ONE - 1) / WEIR__OWNERSHIP_ONE);
    }
}

static void
end_rough(struct weir__look *m, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        unsigned __int128 low =
            (unsigned __int128)m->rough[i].low * WEIR__OWNERSHIP_ONE;
        unsigned __int128 high =
            (unsigned __int128)m->rough[i].high * WEIR__OWNERSHIP_ONE;
        uint64_t low_fine = (uint64_t)(low >> 31);
        uint64_t high_fine = (uint64_t)((high + ROUGH_ONE - 1) >> 31);
        if (low_fine > m->worths[i].low)
            m->worths[i].low = low_fine;
        if (high_fine < m->worths[i].high)
            m->worths[i].high = high_fine;
    }
}

/* False when a row has more owners than the sums have room for. */
static bool
is_rough_enough(const struct weir__look *m, uint32_t first, uint32_t end)
{
    if (end - first < ROUGH_ROWS_MIN)
        return false;
    for (uint32_t i = first; i < end; i++) {
        if (m->first[i + 1] - m->first[i] > 4096) /* 2^12 times 2^51 */
            return false;
    }
    return true;
}

/* As often as a component of this size can be gone through. */
static uint32_t
rounds_of(uint32_t first, uint32_t end)
{
    return BELOW_ROUNDS + BELOW_LOOKS / (end - first);
}

/* Upper ends rise from where they are until no owner gives a row more than
 * it has, by `spare` more than asked each time; false: not in time. */
static bool
raise_high(struct weir__look *m, uint32_t first, uint32_t end, uint64_t spare)
{
    uint32_t rounds = spare > 0 ? SPARE_ROUNDS : rounds_of(first, end);
    for (uint32_t round = 0; round < rounds; round++) {
        bool is_raised = false;
        for (uint32_t i = first; i < end; i++) {
            uint64_t high = (m->flags[i] & WEIR__LOOK_SEED) != 0
                                ? WEIR__OWNERSHIP_ONE
                                : given(m, i).high;
            if (high <= m->worths[i].high)
                continue;
            is_raised = true;
            high += high > 0 ? spare : 0;
            m->worths[i].high =
                high < WEIR__OWNERSHIP_ONE ? high : WEIR__OWNERSHIP_ONE;
        }
        if (!is_raised)
            return true;
    }
    return false;
}

/*
 * The upper ends once more, from below. A ring whose members may hold each
 * other by what nobody else is said to hold keeps up whatever it starts
 * with; no start from above tells what it really has. Numbers that no owner
 * raises are above the truth, wherever they came from: what rose from
 * nothing and has come to rest is another upper end, and the smaller one
 * counts.
 *
 * What comes to rest by itself is the least such number, and the lower ends
 * are the least of theirs: both are the same in whatever order the rows are
 * taken, to the last digit, so that a part of the graph that holds all
 * owners of a row gives the row the answer of the whole graph.
 */
static void
settle_from_below(struct weir__look *m, uint32_t first, uint32_t end)
{
    uint32_t rounds = rounds_of(first, end);
    for (bool moved = true; moved && rounds > 0; rounds--) {
        moved = false;
        for (uint32_t i = first; i < end; i++)
            moved |= weir__look_improve(m, i, 0);
    }
    for (uint32_t i = first; i < end; i++) {
        m->above[i] = m->worths[i].high;
        m->worths[i].high = 0;
    }
    bool is_told = raise_high(m, first, end, 0) ||
                   raise_high(m, first, end, 2 * TOLERANCE);
    for (uint32_t i = first; i < end; i++) {
        if (!is_told || m->above[i] < m->worths[i].high)
            m->worths[i].high = m->above[i];
    }
}

/*
 * While most rows move, all are taken in order, which memory likes; for the
 * tail only those whose owners moved.
 */
void
weir__look_settle(struct weir__look *m, uint32_t first, uint32_t end)
{
    uint64_t steps = (uint64_t)(end - first) * STEPS_PER_ROW + STEPS_MIN;
    uint32_t moved = end - first;
    if (is_rough_enough(m, first, end)) {
        begin_rough(m, first, end);
        while (moved > (end - first) / 64 && steps > end - first) {
            moved = 0;
            steps -= end - first;
            for (uint32_t i = first; i < end; i++)
                moved += improve_rough(m, i);
        }
        end_rough(m, first, end);
        moved = end - first;
    }
    for (bool takes_all = true; moved > 0 && steps > 0; takes_all = false) {
        moved = 0;
        for (uint32_t i = first; i < end && steps > 0; i++) {
            if (!takes_all && (m->flags[i] & WEIR__LOOK_DIRTY) == 0)
                continue;
            m->flags[i] &= (uint8_t)~WEIR__LOOK_DIRTY;
            steps--;
            if (!weir__look_improve(m, i, TOLERANCE))
                continue;
            moved++;
            mark_owned(m, i, first, end);
        }
    }
    if (end - first <= BELOW_ROWS_MAX)
        settle_from_below(m, first, end);
}
