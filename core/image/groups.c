/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owner groups: under whose roof an organisation stands at the end.
 *
 *     P 60 % -> A 40 % --+
 *     P 55 % -> B 30 % --+--> X     P has X: A and B count whole for P
 *     Q 49 % -> C 100 % -+--> Y     Q has Y: 49 % + 2 % = 51 %
 *     Q 2 % -------------+
 *
 * An organisation joins the group that holds half of it or more, by either
 * way of counting: shares of a group's members summed, or shares multiplied
 * along each chain. A range counts by its middle, so an owner whose share
 * nobody knows counts as half.
 *
 * WHY NOT THE RULES OF POLICY. Those answer whether somebody falls under a
 * restriction, with its own threshold and seeds, once for each seed. Here
 * every organisation may be a top, and the question is only which accounts
 * to look at as one.
 *
 * Groups only grow and there are at most as many as organisations, so it
 * ends; where chains stand in the worst order it is cut after PASSES rounds
 * and what is not joined by then stays apart.
 */
#include "groups.h"

#include <string.h>

#define HALF   500000u
#define WHOLE  1000000u
#define PASSES 64
#define TOPS   8 /* of an organisation that are followed; the largest */

struct top {
    uint32_t row;
    uint32_t share; /* parts per million */
};

struct grouping {
    const struct weir_world *world;
    uint32_t *group; /* a forest: its own row at the top */
    struct top (*tops)[TOPS];
    uint64_t *sums;  /* by top, all 0 between uses */
    uint32_t *marks; /* by organisation: listed in round `mark` */
    uint32_t mark;
    const struct weir_world_owner **owners; /* of the one looked at */
};

static uint32_t
find(const struct grouping *g, uint32_t row)
{
    while (g->group[row] != row)
        row = g->group[row];
    return row;
}

static uint32_t
middle(const struct weir_world_owner *owner)
{
    return owner->share.low / 2 + owner->share.high / 2;
}

/* The owners of `row`, those stated by two sources once; their number. */
static uint32_t
owners_of(struct grouping *g, uint32_t row)
{
    struct weir_world_range owners = g->world->organisation_rows[row].owners;
    uint32_t count = 0;
    g->mark++;
    for (uint32_t i = 0; i < owners.count; i++) {
        const struct weir_world_owner *o =
            &g->world->owner_rows[owners.first + i];
        if (g->marks[o->name.row] == g->mark)
            continue;
        g->marks[o->name.row] = g->mark;
        g->owners[count++] = o;
    }
    return count;
}

/* Whoever holds most of it, half at least; else `row` itself. */
static uint32_t
holder(struct grouping *g, uint32_t row, uint32_t count)
{
    uint32_t best = row;
    uint64_t most = HALF - 1;
    for (uint32_t i = 0; i < count; i++)
        g->sums[find(g, g->owners[i]->name.row)] += middle(g->owners[i]);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t top = find(g, g->owners[i]->name.row);
        if (top != row && g->sums[top] > most) {
            best = top;
            most = g->sums[top];
        }
    }
    for (uint32_t i = 0; i < count; i++)
        g->sums[find(g, g->owners[i]->name.row)] = 0;
    return best;
}

/* Adds to a list of the largest; what does not fit is left out. */
static void
add_top(struct top tops[TOPS], uint32_t row, uint64_t share)
{
    uint32_t least = 0;
    for (uint32_t i = 0; i < TOPS; i++) {
        if (tops[i].share > 0 && tops[i].row == row) {
            uint64_t sum = tops[i].share + share;
            tops[i].share = sum > WHOLE ? WHOLE : (uint32_t)sum;
            return;
        }
        if (tops[i].share < tops[least].share)
            least = i;
    }
    if (share > tops[least].share)
        tops[least] = (struct top){row, (uint32_t)share};
}

/* Shares of those that nobody owns, along all chains. True: it changed. */
static bool
multiply(struct grouping *g, uint32_t row, uint32_t count)
{
    struct top tops[TOPS] = {{0, 0}};
    for (uint32_t i = 0; i < count; i++) {
        const struct weir_world_owner *o = g->owners[i];
        if (g->world->organisation_rows[o->name.row].owners.count == 0)
            add_top(tops, o->name.row, middle(o));
        for (uint32_t j = 0; j < TOPS; j++) {
            const struct top *t = &g->tops[o->name.row][j];
            add_top(tops, t->row, (uint64_t)t->share * middle(o) / WHOLE);
        }
    }
    if (memcmp(tops, g->tops[row], sizeof(tops)) == 0)
        return false;
    memcpy(g->tops[row], tops, sizeof(tops));
    return true;
}

static bool
join(struct grouping *g, uint32_t row, uint32_t count)
{
    if (g->group[row] != row)
        return false;
    uint32_t top = holder(g, row, count);
    for (uint32_t i = 0; top == row && i < TOPS; i++)
        if (g->tops[row][i].share >= HALF)
            top = find(g, g->tops[row][i].row);
    g->group[row] = top;
    return top != row;
}

bool
weir__groups_find(const struct weir_world *world, struct weir_arena *arena,
                  uint32_t **group_out)
{
    uint32_t count = world->organisation_count;
    struct grouping g = {.world = world};
    bool changes = true;
    g.group = weir_arena_array(arena, uint32_t, count);
    g.tops = weir_arena_alloc(arena, (size_t)count * sizeof(*g.tops));
    g.sums = weir_arena_array(arena, uint64_t, count);
    g.marks = weir_arena_array(arena, uint32_t, count);
    g.owners = weir_arena_array(arena, const struct weir_world_owner *, count);
    if (arena->overflow)
        return false;
    memset(g.sums, 0, (size_t)count * sizeof(*g.sums));
    memset(g.marks, 0, (size_t)count * sizeof(*g.marks));
    memset(g.tops, 0, (size_t)count * sizeof(*g.tops));
    for (uint32_t i = 0; i < count; i++)
        g.group[i] = i;
    for (int pass = 0; changes && pass < PASSES; pass++) {
        changes = false;
        for (uint32_t i = 0; i < count; i++) {
            uint32_t owners = owners_of(&g, i);
            if (owners == 0)
                continue;
            changes |= multiply(&g, i, owners);
            changes |= join(&g, i, owners);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        g.group[i] = find(&g, i);
    *group_out = g.group;
    return true;
}
