/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the arithmetics of this folder. */
#ifndef WEIR_PARTIES_OWNERSHIP_H
#define WEIR_PARTIES_OWNERSHIP_H

#include <weir/parties.h>

/* Look-through counts in 10^-12: two levels of parts per million are exact,
 * and a share times a value still fits 64 bits. */
#define WEIR__OWNERSHIP_ONE UINT64_C(1000000000000)

/* `value` and the rule's threshold in the same unit. */
static inline bool
weir__ownership_passes(const struct weir_ownership_rule *rule, uint64_t value,
                       uint64_t threshold)
{
    return rule->is_strict ? value > threshold : value >= threshold;
}

/* Rows so that owners come before what they own, but for cycles, which are
 * the components of more than one row (or of one that owns itself). Who holds
 * a seed, and who holds nothing of a row, makes no cycle. */
struct weir__ownership_order {
    uint32_t *rows;
    uint32_t *ends; /* of each component in `rows` */
    uint32_t row_count;
    uint32_t component_count;
};

weir_status weir__ownership_order_init(struct weir__ownership_order *order,
                                       const struct weir_ownership_graph *graph,
                                       const uint8_t *seeds,
                                       struct weir_arena *arena,
                                       struct weir_error *err);

weir_status weir__ownership_cascade(const struct weir_ownership_graph *graph,
                                    const struct weir_ownership_rule *rule,
                                    struct weir_arena *arena,
                                    struct weir_ownership_result *result,
                                    struct weir_error *err);

weir_status weir__ownership_multiply(const struct weir_ownership_graph *graph,
                                     const struct weir_ownership_rule *rule,
                                     struct weir_arena *arena,
                                     struct weir_ownership_result *result,
                                     struct weir_error *err);

#endif
