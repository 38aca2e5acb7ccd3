/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is next to the threshold: the bounds of live_multiply.c, kept with
 * slack, do not decide. The answer hangs on those above the row and nobody
 * else, so where they are few they are taken out as a graph of their own and
 * computed as a whole run would. Where they are too many, the nearest of
 * them are tightened without slack, which decides all but those who are
 * nearer still. Of these a whole run has to be made.
 */
#include "live.h"

#define ABOVE_MAX      2000u
#define BELOW_MAX      20000u
#define FINE_SLACK     2u
#define FINE_ROUNDS    6u
#define FINE_ROWS      300u
#define SCRATCH_MAX    ((size_t)64 << 20)
#define HOLDINGS_ABOVE 100000u

static void
begin_search(struct weir_ownership_live *l)
{
    if (++l->stamp != 0)
        return;
    for (uint32_t row = 0; row < l->count; row++)
        l->marks[row] = 0;
    l->stamp = 1;
}

static bool
meet(struct weir_ownership_live *l, uint32_t row, uint32_t *found)
{
    if (l->marks[row] == l->stamp)
        return false;
    l->marks[row] = l->stamp;
    l->local[row] = *found;
    l->found[(*found)++] = row;
    return true;
}

/* The row and those above it, nearest first; `is_all_out`: there are no
 * more. Seeds hold all of themselves: who holds them does not matter. */
static uint32_t
search_above(struct weir_ownership_live *l, uint32_t row,
             uint32_t *holdings_out, bool *is_all_out)
{
    uint32_t found = 0;
    uint32_t holdings = 0;
    begin_search(l);
    (void)meet(l, row, &found);
    *is_all_out = true;
    for (uint32_t next = 0; next < found; next++) {
        uint32_t at = l->found[next];
        if (l->seeds[at] == WEIR_SEED_YES)
            continue;
        for (uint32_t e = l->first_in[at]; e != 0;
             e = l->edges[e - 1].next_in) {
            bool is_full = found == ABOVE_MAX || holdings == HOLDINGS_ABOVE;
            if (is_full && l->marks[l->edges[e - 1].owner] != l->stamp)
                *is_all_out = false;
            if (is_full)
                continue;
            holdings++;
            (void)meet(l, l->edges[e - 1].owner, &found);
        }
    }
    *is_all_out = *is_all_out && holdings < HOLDINGS_ABOVE;
    *holdings_out = holdings;
    return found;
}

bool
weir__live_mark_below(struct weir_ownership_live *l, uint32_t row)
{
    uint32_t found = 0;
    begin_search(l);
    (void)meet(l, row, &found);
    for (uint32_t next = 0; next < found; next++) {
        for (uint32_t e = l->first_out[l->found[next]]; e != 0;
             e = l->edges[e - 1].next_out) {
            if (meet(l, l->edges[e - 1].owned, &found) && found >= BELOW_MAX)
                return false;
        }
    }
    return true;
}

/* Those found, as a graph of their own; the row is its first. */
static weir_status
run_above(struct weir_ownership_live *l, uint32_t found, uint32_t max,
          struct weir_arena *arena, uint8_t *answer_out)
{
    struct weir_ownership_graph graph;
    struct weir_ownership_result result;
    uint32_t count = 0;
    uint8_t *seeds = weir_arena_array(arena, uint8_t, found);
    struct weir_holding *holdings =
        weir_arena_array(arena, struct weir_holding, max);
    if (arena->overflow)
        return WEIR_ETOOBIG;
    for (uint32_t i = 0; i < found; i++) {
        uint32_t row = l->found[i];
        seeds[i] = l->seeds[row];
        if (seeds[i] == WEIR_SEED_YES)
            continue;
        for (uint32_t e = l->first_in[row]; e != 0; e = l->edges[e - 1].next_in)
            holdings[count++] = (struct weir_holding){
                l->local[l->edges[e - 1].owner], i, l->edges[e - 1].share};
    }
    const struct weir_ownership_rule rule = {
        .method = WEIR_OWNERSHIP_MULTIPLY,
        .threshold = l->threshold,
        .is_strict = l->is_strict,
        .doubts_undisclosed = l->doubts_undisclosed,
        .seeds = seeds,
    };
    weir_status status =
        weir_ownership_graph_init(&graph, arena, found, holdings, count, NULL);
    if (status == WEIR_OK)
        status = weir_ownership_run(&graph, &rule, arena, &result, NULL);
    if (status == WEIR_OK)
        *answer_out = result.answers[0];
    return status;
}

uint8_t
weir__live_close_answer(struct weir_ownership_live *l, uint32_t row)
{
    bool is_all = false;
    uint8_t answer = WEIR_ANSWER_UNKNOWN;
    uint32_t holdings = 0;
    uint32_t found = search_above(l, row, &holdings, &is_all);
    l->flags[row] &= (uint8_t)~WEIR__LIVE_PENDING;
    if (is_all) {
        struct weir_arena scratch;
        weir_arena_init_heap(&scratch, SCRATCH_MAX);
        weir_status status = run_above(l, found, holdings, &scratch, &answer);
        weir_arena_fini(&scratch);
        if (status == WEIR_OK)
            return answer;
    }
    for (uint32_t round = 0; round < FINE_ROUNDS; round++) {
        bool moved = false;
        for (uint32_t i = found < FINE_ROWS ? found : FINE_ROWS; i-- > 0;)
            moved |= weir__live_multiply_tighten(l, l->found[i], FINE_SLACK);
        if (weir__live_multiply_tells(l, row, &answer))
            return answer;
        if (!moved)
            break;
    }
    l->flags[row] |= WEIR__LIVE_PENDING;
    return WEIR_ANSWER_UNKNOWN;
}
