/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a table of paths says, sorted by place and name. A surface asks for
 * thirty paths and a body has five names: with the plan a name meets the one
 * or two paths that it could be, and the table's four kilobytes stay out of
 * the cache.
 */
#include "scan.h"

#include <string.h>

_Static_assert(WEIR_JSON_NONE == 0, "a hit of zeros is an absent one");

void
weir__json_places(const weir_json_path *paths, size_t count,
                  uint64_t terminal_out[WEIR_JSON_PATH_SEGMENTS_MAX + 1],
                  uint64_t each_out[WEIR_JSON_PATH_SEGMENTS_MAX])
{
    WEIR_ASSERT(count <= WEIR_JSON_PATHS_MAX);
    memset(terminal_out, 0,
           (WEIR_JSON_PATH_SEGMENTS_MAX + 1) * sizeof(*terminal_out));
    memset(each_out, 0, WEIR_JSON_PATH_SEGMENTS_MAX * sizeof(*each_out));
    for (size_t i = 0; i < count; i++) {
        const weir_json_path *path = &paths[i];
        WEIR_ASSERT(path->count >= 1 &&
                    path->count <= WEIR_JSON_PATH_SEGMENTS_MAX);
        terminal_out[path->count] |= UINT64_C(1) << i;
        for (size_t j = 0; j < path->count; j++)
            if (path->segment[j].len == 2 && path->segment[j].ptr[0] == '[')
                each_out[j] |= UINT64_C(1) << i;
    }
}

/* Of plan.state; all zero is the first. */
enum { EMPTY, FILLING, FILLED };

bool
weir__json_plan_is_filled(struct weir_json_plan *plan)
{
    uint32_t state = __atomic_load_n(&plan->state, __ATOMIC_ACQUIRE);
    if (state == FILLED)
        return true;
    if (state != EMPTY ||
        !__atomic_compare_exchange_n(&plan->state, &state, FILLING, false,
                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return false;
    weir__json_places(plan->paths, plan->count, plan->terminal, plan->each);
    for (size_t i = 0; i < plan->count; i++) {
        for (size_t j = 0; j < plan->paths[i].count; j++) {
            weir_span name = plan->paths[i].segment[j];
            char first = name.len > 0 ? name.ptr[0] : '\0';
            plan->of_name[j][weir__json_plan_slot(name.len, first)] |=
                UINT64_C(1) << i;
        }
    }
    __atomic_store_n(&plan->state, FILLED, __ATOMIC_RELEASE);
    return true;
}
