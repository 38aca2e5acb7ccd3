/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multiplication kept up to date, change by change.
 *
 * What seeds hold of a row is the least solution of a system of equations,
 * and in a component with a cycle every change moves every row a little: by
 * a fifth, then by a fifth of that, until it moves what nobody will ever
 * ask. So no values are kept, but BOUNDS WITH SLACK: numbers of which it can
 * be shown row by row, from the owners' numbers alone, that the solution
 * lies between them.
 *
 *    from(e) <  F(from)(e)    or from(e) = 0    F: look_through.c's sums
 *    to(e)   >= F(to)(e)
 *
 * WHY THAT IS ENOUGH. The second makes `to` a point that F does not raise,
 * and the least solution is below every such point. For the first, let m be
 * the most by which any `from` passes the solution, at e. No row gives its
 * owners' values a weight above 100 % in sum, so F(from)(e) is at most the
 * solution at e plus m, and from(e) is less than that: m < m unless m is 0.
 *
 * A row whose lower ends pass 100 %, say 120 %, WEIGHS 1.2, all others 1; m
 * is then the most by which `from` passes the solution in weights, and what
 * is asked is that shares times the owners' weights do not pass the row's
 * own. Where they do, its shares are scaled until they do not, which gives
 * less than the truth and never more.
 *
 * A CHANGE. 1. Loosen: where a bound no longer holds it is set SLACK beyond
 * what its owners give, and whom it holds is looked at. A change that the
 * slack of the next takes up goes no further. 2. Tighten: a bound that is
 * two SLACKs from what its owners give is set one from it. Loosening must
 * come to its end and does, since a row that was loosened LOOSE_MAX times
 * gives up its bound; tightening may stop at any time.
 *
 * WITHOUT A CYCLE above it a row is EXACT: it is computed from its owners and
 * has no slack, so that half of one half is a quarter. Exact rows are kept
 * with their order as the sets of live_cascade.c are; one that a new cycle
 * reaches leaves, and so do those below it.
 *
 * WHO IS NEXT TO THE THRESHOLD is decided in live_close.c, as a whole run
 * would do it. Everybody else is far enough from it that a whole run, whose
 * bounds are a thousand times closer, says the same.
 */
#include "live.h"

#define SLACK     20000u /* twenty parts per million */
#define LOOSE_MAX 48u
/* Looks of one change's second phase; about a tenth of a second. */
#define TIGHTEN_MAX UINT64_C(400000)

#define MOST        ((uint64_t)WEIR__LIVE_ONE * WEIR_SHARE_ALL)

static inline uint64_t
add_up_to_most(uint64_t sum, uint64_t term)
{
    sum += term;
    return sum < MOST ? sum : MOST;
}

static inline uint32_t
divide_up(uint64_t value)
{
    return (uint32_t)((value + WEIR_SHARE_ALL - 1) / WEIR_SHARE_ALL);
}

static bool
is_exact(const struct weir_ownership_live *l, uint32_t row)
{
    return l->exact.order[row] != 0;
}

/* The sums over the owners of a row. */
struct sums {
    uint64_t low_from;
    uint64_t low_to;
    uint64_t at_low_from; /* owners' upper ends at their lower shares */
    uint64_t at_low_to;
    uint64_t at_high_from;
    uint64_t at_high_to;
    uint64_t richest_from;
    uint64_t richest_to;
    uint64_t extra; /* the most that one owner makes of what is left free */
};

static void
add_owners(const struct weir_ownership_live *l, uint32_t row, uint64_t free,
           struct sums *s)
{
    for (uint32_t e = l->first_in[row]; e != 0; e = l->edges[e - 1].next_in) {
        const struct weir__live_edge *edge = &l->edges[e - 1];
        const struct weir__live_worth *o = &l->worths[edge->owner];
        uint64_t low = edge->share.low;
        uint64_t high = edge->share.high;
        uint64_t more = high - low < free ? high - low : free;
        s->low_from = add_up_to_most(s->low_from, low * o->low_from);
        s->low_to = add_up_to_most(s->low_to, low * o->low_to);
        s->at_low_from = add_up_to_most(s->at_low_from, low * o->high_from);
        s->at_low_to = add_up_to_most(s->at_low_to, low * o->high_to);
        s->at_high_from = add_up_to_most(s->at_high_from, high * o->high_from);
        s->at_high_to = add_up_to_most(s->at_high_to, high * o->high_to);
        if (high > low && o->high_from > s->richest_from)
            s->richest_from = o->high_from;
        if (high > low && o->high_to > s->richest_to)
            s->richest_to = o->high_to;
        if (more * o->high_from > s->extra)
            s->extra = more * o->high_from;
    }
}

static uint64_t
weight(const struct weir_ownership_live *l, uint32_t row)
{
    uint64_t shares = l->shares[row];
    return shares > WEIR_SHARE_ALL ? shares : WEIR_SHARE_ALL;
}

/* `value` scaled so that the owners' weights do not pass the row's. */
static uint64_t
scale(const struct weir_ownership_live *l, uint32_t row, uint64_t value)
{
    unsigned __int128 owners = 0;
    unsigned __int128 own = (unsigned __int128)weight(l, row) * WEIR_SHARE_ALL;
    for (uint32_t e = l->first_in[row]; e != 0; e = l->edges[e - 1].next_in)
        owners += (unsigned __int128)l->edges[e - 1].share.low *
                  weight(l, l->edges[e - 1].owner);
    return owners <= own ? value : (uint64_t)(value * own / owners);
}

/* look_through.c's upper_end(). */
static uint64_t
upper_end(const struct weir_ownership_live *l, uint32_t row, uint64_t at_low,
          uint64_t at_high, uint64_t richest)
{
    if (l->shares[row] > WEIR_SHARE_ALL)
        return l->doubts_undisclosed ? MOST : at_high;
    uint64_t free = WEIR_SHARE_ALL - l->shares[row];
    uint64_t filled = add_up_to_most(
        at_low, free * (l->doubts_undisclosed ? WEIR__LIVE_ONE : richest));
    return l->doubts_undisclosed || filled < at_high ? filled : at_high;
}

/* What its owners' bounds give for a row. */
static struct weir__live_worth
look(const struct weir_ownership_live *l, uint32_t row)
{
    const uint32_t one = WEIR__LIVE_ONE;
    struct sums s = {0};
    struct weir__live_worth w = {one, one, one, one};
    uint64_t shares = l->shares[row];
    bool is_over = shares > WEIR_SHARE_ALL;
    if (l->seeds[row] == WEIR_SEED_YES)
        return w;
    add_owners(l, row, is_over ? 0 : WEIR_SHARE_ALL - shares, &s);
    w.low_to = divide_up(s.low_to);
    w.low_from = (uint32_t)(s.low_from / WEIR_SHARE_ALL);
    w.high_to =
        divide_up(upper_end(l, row, s.at_low_to, s.at_high_to, s.richest_to));
    if (is_exact(l, row)) {
        w.high_from = (uint32_t)(upper_end(l, row, s.at_low_from,
                                           s.at_high_from, s.richest_from) /
                                 WEIR_SHARE_ALL);
    } else if ((l->flags[row] & WEIR__LIVE_HEAVY) != 0) {
        w.low_from = (uint32_t)(scale(l, row, s.low_from) / WEIR_SHARE_ALL);
        if (!is_over || !l->doubts_undisclosed)
            w.high_from =
                (uint32_t)(scale(l, row, s.at_low_from) / WEIR_SHARE_ALL);
    } else {
        uint64_t more =
            l->doubts_undisclosed ? (WEIR_SHARE_ALL - shares) * one : s.extra;
        w.high_from =
            (uint32_t)(add_up_to_most(s.at_low_from, more) / WEIR_SHARE_ALL);
    }
    if (l->seeds[row] == WEIR_SEED_MAYBE)
        w.high_from = w.high_to = one;
    return w;
}

/* What is held of `row` passes 100 %: so it weighs more, for those below it
 * too. Nobody is made light again: that costs closeness and no answer. */
static void
make_heavy(struct weir_ownership_live *l, uint32_t row)
{
    for (uint32_t e = l->first_in[row]; e != 0; e = l->edges[e - 1].next_in) {
        if (l->shares[l->edges[e - 1].owner] > WEIR_SHARE_ALL)
            l->flags[row] |= WEIR__LIVE_HEAVY;
    }
    if (l->shares[row] <= WEIR_SHARE_ALL)
        return;
    l->flags[row] |= WEIR__LIVE_HEAVY;
    for (uint32_t e = l->first_out[row]; e != 0; e = l->edges[e - 1].next_out)
        l->flags[l->edges[e - 1].owned] |= WEIR__LIVE_HEAVY;
}

/* ------------------------------------------------------- exact rows */

/* Whether everybody above it is exact, and was before `before`. */
static bool
is_founded(const struct weir_ownership_live *l, uint32_t row, uint32_t before)
{
    if (l->seeds[row] == WEIR_SEED_YES)
        return true;
    for (uint32_t e = l->first_in[row]; e != 0; e = l->edges[e - 1].next_in) {
        const struct weir__live_edge *edge = &l->edges[e - 1];
        uint32_t order = l->exact.order[edge->owner];
        if (edge->share.high > 0 && (order == 0 || order >= before))
            return false;
    }
    return true;
}

/* Rows whose exactness moved are collected in `left`. */
static void
update_exact(struct weir_ownership_live *l, uint32_t changed)
{
    WEIR_ASSERT(l->exact.clock < UINT32_MAX - l->count);
    l->left_len = 0;
    weir__live_look_at(l, changed);
    while (l->queue_len > 0) {
        uint32_t row = weir__live_next(l);
        if (!is_exact(l, row) || is_founded(l, row, l->exact.order[row]))
            continue;
        l->exact.order[row] = 0;
        l->left[l->left_len++] = row;
        weir__live_look_at_owned(l, row);
    }
    weir__live_look_at(l, changed);
    for (uint32_t i = 0; i < l->left_len; i++)
        weir__live_look_at(l, l->left[i]);
    while (l->queue_len > 0) {
        uint32_t row = weir__live_next(l);
        if (is_exact(l, row) || !is_founded(l, row, UINT32_MAX))
            continue;
        l->exact.order[row] = ++l->exact.clock;
        weir__live_look_at_owned(l, row);
        weir__live_touch(l, row);
    }
    for (uint32_t i = 0; i < l->left_len; i++)
        weir__live_touch(l, l->left[i]);
}

/* ------------------------------------------------------------ bounds */

static uint32_t
less(uint32_t value, uint32_t slack)
{
    return value > slack ? value - slack : 0;
}

static uint32_t
more(uint32_t value, uint32_t slack)
{
    if (value == 0)
        return 0; /* nobody above it is anybody's: that needs no slack */
    return WEIR__LIVE_ONE - value > slack ? value + slack : WEIR__LIVE_ONE;
}

static bool
is_other(const struct weir__live_worth *a, const struct weir__live_worth *b)
{
    return a->low_from != b->low_from || a->low_to != b->low_to ||
           a->high_from != b->high_from || a->high_to != b->high_to;
}

/* What was exact is what its owners give. */
static bool
set_exact(struct weir_ownership_live *l, uint32_t row)
{
    struct weir__live_worth given = look(l, row);
    if (!is_other(&l->worths[row], &given))
        return false;
    l->worths[row] = given;
    return true;
}

static bool
loosen(struct weir_ownership_live *l, uint32_t row)
{
    if (is_exact(l, row))
        return set_exact(l, row);
    struct weir__live_worth given = look(l, row);
    struct weir__live_worth w = l->worths[row];
    bool is_maybe = l->seeds[row] == WEIR_SEED_MAYBE;
    bool gives_up = l->hits[row] >= LOOSE_MAX;
    if (w.low_from > 0 && w.low_from >= given.low_from)
        w.low_from = gives_up ? 0 : less(given.low_from, SLACK);
    if (w.low_to < given.low_to)
        w.low_to = gives_up ? WEIR__LIVE_ONE : more(given.low_to, SLACK);
    if (is_maybe)
        w.high_from = WEIR__LIVE_ONE;
    else if (w.high_from > 0 && w.high_from >= given.high_from)
        w.high_from = gives_up ? 0 : less(given.high_from, SLACK);
    if (w.high_to < given.high_to)
        w.high_to = gives_up ? WEIR__LIVE_ONE : more(given.high_to, SLACK);
    if (!is_other(&w, &l->worths[row]))
        return false;
    l->worths[row] = w;
    l->hits[row]++;
    return true;
}

bool
weir__live_multiply_tighten(struct weir_ownership_live *l, uint32_t row,
                            uint32_t slack)
{
    if (is_exact(l, row))
        return set_exact(l, row);
    struct weir__live_worth given = look(l, row);
    struct weir__live_worth w = l->worths[row];
    if (given.low_from > (uint64_t)w.low_from + 2 * (uint64_t)slack)
        w.low_from = given.low_from - slack;
    if (w.low_to > more(given.low_to, 2 * slack))
        w.low_to = more(given.low_to, slack);
    if (given.high_from > (uint64_t)w.high_from + 2 * (uint64_t)slack)
        w.high_from = given.high_from - slack;
    if (w.high_to > more(given.high_to, 2 * slack))
        w.high_to = more(given.high_to, slack);
    if (!is_other(&w, &l->worths[row]))
        return false;
    l->worths[row] = w;
    return true;
}

/* All rows in the queue, and whoever hangs on them. */
static void
settle(struct weir_ownership_live *l, uint64_t looks_max)
{
    l->left_len = 0;
    while (l->queue_len > 0) {
        uint32_t row = weir__live_next(l);
        if ((l->flags[row] & WEIR__LIVE_LOOKED) == 0) {
            l->flags[row] |= WEIR__LIVE_LOOKED;
            l->left[l->left_len++] = row;
        }
        if (!loosen(l, row))
            continue;
        weir__live_touch(l, row);
        weir__live_look_at_owned(l, row);
    }
    for (uint32_t i = 0; i < l->left_len; i++) {
        l->flags[l->left[i]] &= (uint8_t)~WEIR__LIVE_LOOKED;
        l->hits[l->left[i]] = 0;
        weir__live_look_at(l, l->left[i]);
    }
    while (l->queue_len > 0) {
        uint32_t row = weir__live_next(l);
        if (looks_max == 0)
            continue;
        looks_max--;
        if (!weir__live_multiply_tighten(l, row, SLACK))
            continue;
        weir__live_touch(l, row);
        weir__live_look_at_owned(l, row);
    }
}

void
weir__live_multiply_change(struct weir_ownership_live *l, uint32_t changed)
{
    make_heavy(l, changed);
    if ((l->flags[changed] & WEIR__LIVE_HEAVY) != 0)
        weir__live_look_at_owned(l, changed);
    while (l->queue_len > 0)
        weir__live_touch(l, weir__live_next(l));
    update_exact(l, changed);
    for (uint32_t i = 0; i < l->touched_len; i++)
        weir__live_look_at(l, l->touched[i]);
    settle(l, TIGHTEN_MAX);
}

bool
weir__live_multiply_tells(const struct weir_ownership_live *l, uint32_t row,
                          uint8_t *answer_out)
{
    const uint32_t unit = WEIR__LIVE_ONE / WEIR_SHARE_ALL;
    const struct weir__live_worth *w = &l->worths[row];
    struct weir_ownership_rule rule = {.is_strict = l->is_strict};
    uint64_t threshold = (uint64_t)l->threshold * unit;
    bool is_maybe = l->seeds[row] == WEIR_SEED_MAYBE;
    if (l->seeds[row] == WEIR_SEED_YES ||
        weir__ownership_passes(&rule, w->low_from, threshold))
        *answer_out = WEIR_ANSWER_YES;
    else if (weir__ownership_passes(&rule, w->low_to, threshold))
        return false;
    else if (is_maybe || weir__ownership_passes(&rule, w->high_from, threshold))
        *answer_out = WEIR_ANSWER_UNKNOWN;
    else if (weir__ownership_passes(&rule, w->high_to, threshold))
        return false;
    else
        *answer_out = WEIR_ANSWER_NO;
    return true;
}

/* ------------------------------------------------------------ the start */

static void
start_bounds(struct weir_ownership_live *l,
             const struct weir_ownership_result *whole)
{
    const uint32_t unit = WEIR__LIVE_ONE / WEIR_SHARE_ALL;
    for (uint32_t row = 0; row < l->count; row++) {
        weir_share held = whole->held[row];
        l->answers[row] = whole->answers[row];
        /* As far from the truth as loosening would put it; it puts right
         * what is not far enough. */
        l->worths[row] = (struct weir__live_worth){
            less(held.low * unit, 5 * SLACK), more(held.low * unit, 5 * SLACK),
            less(held.high * unit, 5 * SLACK),
            more(held.high * unit, 5 * SLACK)};
    }
    for (uint32_t row = 0; row < l->count; row++)
        weir__live_look_at(l, row);
    while (l->queue_len > 0) {
        uint32_t row = weir__live_next(l);
        if (is_exact(l, row) || !is_founded(l, row, UINT32_MAX))
            continue;
        l->exact.order[row] = ++l->exact.clock;
        weir__live_look_at_owned(l, row);
    }
}

weir_status
weir__live_multiply_init(struct weir_ownership_live *l,
                         const struct weir_ownership_result *whole,
                         struct weir_arena *arena, struct weir_error *err)
{
    uint32_t count = l->count;
    uint8_t answer;
    l->worths = weir_arena_array(arena, struct weir__live_worth, count);
    l->exact.order = weir_arena_array(arena, uint32_t, count);
    l->shares = weir_arena_array(arena, uint64_t, count);
    l->hits = weir_arena_array(arena, uint8_t, count);
    l->close = weir_arena_array(arena, uint32_t, count);
    l->marks = weir_arena_array(arena, uint32_t, count);
    l->local = weir_arena_array(arena, uint32_t, count);
    l->found = weir_arena_array(arena, uint32_t, count);
    if (arena->overflow)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory", count);
    for (uint32_t i = 0; i < l->edge_count; i++)
        l->shares[l->edges[i].owned] += l->edges[i].share.low;
    for (uint32_t row = 0; row < count; row++)
        make_heavy(l, row);
    start_bounds(l, whole);
    for (uint32_t row = 0; row < count; row++)
        weir__live_look_at(l, row);
    settle(l, (uint64_t)count * 16 + TIGHTEN_MAX);
    for (uint32_t row = 0; row < count; row++) {
        if (weir__live_multiply_tells(l, row, &answer))
            continue;
        l->flags[row] |= WEIR__LIVE_CLOSE;
        l->close[l->close_len++] = row;
    }
    return WEIR_OK;
}
