/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a budget of a checked world reaches. */
#ifndef WEIR_IMAGE_BUDGETS_H
#define WEIR_IMAGE_BUDGETS_H

#include <weir/budget.h>
#include <weir/world.h>

/* A caller: the row of a project, and a key of it; `key` NULL: any key. */
struct weir__caller {
    uint32_t project;
    const struct weir_world_key *key;
};

/* `tops`: by organisation, the top of its owner group. A budget over keys,
 * or over a group that lists some, reaches those keys only through `key`. */
bool weir__budget_reaches(const struct weir_world *world, const uint32_t *tops,
                          const struct weir_world_budget *budget,
                          const struct weir__caller *caller);

/* Row plus 1 of the caller's share of the pool; the narrowest: key, project,
 * tenant, organisation; 0: none. */
uint32_t weir__budget_share(const struct weir_world *world,
                            const struct weir_world_budget *budget,
                            const struct weir__caller *caller);

/* Whether the budget says something about single keys. */
bool weir__budget_names_keys(const struct weir_world *world,
                             const struct weir_world_budget *budget);

#endif
