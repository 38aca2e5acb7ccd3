/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rule kept up to date: the graph as lists that a change can add to, and
 * what both methods have in common. Holdings that are taken away stay as
 * holdings of nothing.
 */
#include "live.h"

#include <string.h>

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
    l->edges[l->edge_count] = (struct weir__live_edge){
        owner, owned, share, l->first_in[owned], l->first_out[owner]};
    l->edge_count++;
    l->first_in[owned] = l->edge_count;
    l->first_out[owner] = l->edge_count;
    return true;
}

static struct weir_ownership_live *
allocate(const struct weir_ownership_graph *graph,
         const struct weir_ownership_rule *rule, uint32_t edge_max,
         struct weir_arena *arena)
{
    uint32_t count = graph->count;
    struct weir_ownership_live *l =
        weir_arena_array(arena, struct weir_ownership_live, 1);
    if (l == NULL)
        return NULL;
    *l = (struct weir_ownership_live){
        .count = count,
        .method = rule->method,
        .threshold = rule->threshold,
        .is_strict = rule->is_strict,
        .doubts_undisclosed = rule->doubts_undisclosed,
        .seeds = weir_arena_array(arena, uint8_t, count),
        .edges = weir_arena_array(arena, struct weir__live_edge, edge_max),
        .edge_max = edge_max,
        .first_in = weir_arena_array(arena, uint32_t, count),
        .first_out = weir_arena_array(arena, uint32_t, count),
        .flags = weir_arena_array(arena, uint8_t, count),
        .answers = weir_arena_array(arena, uint8_t, count),
        .queue = weir_arena_array(arena, uint32_t, count),
        .touched = weir_arena_array(arena, uint32_t, count),
        .left = weir_arena_array(arena, uint32_t, count),
    };
    if (arena->overflow)
        return NULL;
    if (count > 0)
        memcpy(l->seeds, rule->seeds, count);
    /* Holdings of one company stand together, as they are looked at. */
    for (uint32_t i = 0; i < graph->holding_count; i++) {
        const struct weir_holding *h = &graph->holdings[graph->in_list[i]];
        (void)add_edge(l, h->owner, h->owned, h->share);
    }
    return l;
}

/* The bounds of multiplication start from what a whole run found. */
static weir_status
start_multiply(struct weir_ownership_live *l,
               const struct weir_ownership_graph *graph,
               const struct weir_ownership_rule *rule, struct weir_arena *arena,
               struct weir_error *err)
{
    struct weir_arena scratch;
    struct weir_ownership_result whole;
    weir_arena_init_heap(&scratch, SIZE_MAX / 2);
    weir_status status = weir_ownership_run(graph, rule, &scratch, &whole, err);
    if (status == WEIR_OK)
        status = weir__live_multiply_init(l, &whole, arena, err);
    weir_arena_fini(&scratch);
    return status;
}

weir_status
weir_ownership_live_new(const struct weir_ownership_graph *graph,
                        const struct weir_ownership_rule *rule,
                        uint32_t more_max, struct weir_arena *arena,
                        struct weir_ownership_live **live_out,
                        struct weir_error *err)
{
    uint32_t max = graph->holding_count + more_max;
    if (max < more_max || rule->threshold > WEIR_SHARE_ALL ||
        (!rule->is_strict && rule->threshold == 0))
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "a threshold that everybody or nobody reaches");
    struct weir_ownership_live *l = allocate(graph, rule, max, arena);
    if (l == NULL)
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "%u organisations do not fit in memory", graph->count);
    weir_status status = rule->method == WEIR_OWNERSHIP_CASCADE
                             ? weir__live_cascade_init(l, arena, err)
                             : start_multiply(l, graph, rule, arena, err);
    if (status != WEIR_OK)
        return status;
    for (uint32_t i = 0; i < l->touched_len; i++)
        l->flags[l->touched[i]] &= (uint8_t)~WEIR__LIVE_TOUCHED;
    l->touched_len = 0;
    for (uint32_t row = 0;
         row < l->count && l->method == WEIR_OWNERSHIP_CASCADE; row++)
        l->answers[row] = weir__live_cascade_answer(l, row);
    *live_out = l;
    return WEIR_OK;
}

/* ------------------------------------------------------------- a change */

static uint8_t
answer_anew(struct weir_ownership_live *l, uint32_t row)
{
    uint8_t answer;
    if (l->method == WEIR_OWNERSHIP_CASCADE)
        return weir__live_cascade_answer(l, row);
    if (weir__live_multiply_tells(l, row, &answer))
        return answer;
    if ((l->flags[row] & WEIR__LIVE_CLOSE) == 0)
        l->close[l->close_len++] = row;
    l->flags[row] |= WEIR__LIVE_CLOSE;
    return weir__live_close_answer(l, row);
}

/* Those next to the threshold hang on changes too small for the bounds; who
 * waits for a whole run goes on waiting. */
static void
touch_close(struct weir_ownership_live *l, uint32_t changed)
{
    bool is_told = l->close_len == 0 || weir__live_mark_below(l, changed);
    for (uint32_t i = 0; i < l->close_len; i++) {
        uint32_t row = l->close[i];
        if ((l->flags[row] & WEIR__LIVE_PENDING) == 0 &&
            (!is_told || l->marks[row] == l->stamp))
            weir__live_touch(l, row);
    }
}

/* Who is decided by the bounds again is no longer close. */
static void
forget_decided(struct weir_ownership_live *l)
{
    uint32_t kept = 0;
    uint8_t answer;
    l->pending = 0;
    for (uint32_t i = 0; i < l->close_len; i++) {
        uint32_t row = l->close[i];
        if (weir__live_multiply_tells(l, row, &answer)) {
            l->flags[row] &= (uint8_t) ~(WEIR__LIVE_CLOSE | WEIR__LIVE_PENDING);
            /* Decided by what was found out for another row. */
            if (answer != l->answers[row])
                l->touched[l->touched_len++] = row;
            l->answers[row] = answer;
            continue;
        }
        l->pending += (l->flags[row] & WEIR__LIVE_PENDING) != 0;
        l->close[kept++] = row;
    }
    l->close_len = kept;
}

static void
settle(struct weir_ownership_live *l, uint32_t row)
{
    uint32_t moved = 0;
    l->touched_len = 0;
    weir__live_touch(l, row);
    if (l->method == WEIR_OWNERSHIP_CASCADE) {
        weir__live_cascade_change(l, row);
    } else {
        weir__live_multiply_change(l, row);
        touch_close(l, row);
    }
    for (uint32_t i = 0; i < l->touched_len; i++) {
        uint32_t one = l->touched[i];
        uint8_t answer = answer_anew(l, one);
        l->flags[one] &= (uint8_t)~WEIR__LIVE_TOUCHED;
        if (answer == l->answers[one])
            continue;
        l->answers[one] = answer;
        l->touched[moved++] = one;
    }
    l->touched_len = moved;
    forget_decided(l);
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
    if (edge != UINT32_MAX) {
        if (l->shares != NULL)
            l->shares[owned] -= l->edges[edge].share.low;
        l->edges[edge].share = share;
    } else if (share.high > 0 && !add_edge(l, owner, owned, share)) {
        return weir_fail(err, WEIR_ETOOBIG, WEIR_OFFSET_NONE,
                         "no room for another holding");
    }
    if (l->shares != NULL)
        l->shares[owned] += share.low;
    settle(l, owned);
    return WEIR_OK;
}

weir_status
weir_ownership_live_seed(struct weir_ownership_live *l, uint32_t row,
                         enum weir_ownership_seed seed, struct weir_error *err)
{
    if (row >= l->count || seed > WEIR_SEED_MAYBE)
        return weir_fail(err, WEIR_EPARSE, WEIR_OFFSET_NONE,
                         "an organisation out of range");
    l->seeds[row] = (uint8_t)seed;
    settle(l, row);
    return WEIR_OK;
}

enum weir_ownership_answer
weir_ownership_live_answer(const struct weir_ownership_live *l, uint32_t row)
{
    WEIR_ASSERT(row < l->count);
    return (enum weir_ownership_answer)l->answers[row];
}

const uint32_t *
weir_ownership_live_changed(const struct weir_ownership_live *l,
                            uint32_t *count_out)
{
    *count_out = l->touched_len;
    return l->touched;
}

uint32_t
weir_ownership_live_pending(const struct weir_ownership_live *l)
{
    return l->pending;
}
