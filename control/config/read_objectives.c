/* SPDX-License-Identifier: Apache-2.0 */
/* Objectives: what calls are to be like. */
#include "read.h"

/* "99.95%": more than 0, less than 100, at most four decimals. */
static void
read_availability(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    weir_micros percent;
    if (!read_text_value(r, node, &text))
        return;
    bool is_percent = weir_span_ends(text, WEIR_SPAN("%"));
    if (is_percent)
        text.len--;
    if (!is_percent || weir_micros_parse(text, &percent, NULL) != WEIR_OK ||
        percent <= 0 || percent >= 100 * INT64_C(1000000) || percent % 100 != 0)
        read_fault(r, node,
                   "Write \"99.9%\": below 100%, at most four decimals.",
                   "not an availability");
    else
        *(uint32_t *)member = (uint32_t)(percent / 100);
}

void
read_objectives(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_objective row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("deployment", read_name, row, deployment),
        FIELD("route", read_text, row, route),
        FIELD("tenant", read_name, row, tenant),
        FIELD("availability", read_availability, row, availability_ppm),
        FIELD("p95", read_ms, row, p95_ms),
        FIELD("p99", read_ms, row, p99_ms),
        FIELD("ttft_p95", read_ms, row, ttft_p95_ms),
    };
    (void)member;
    if (!is_list(r, node, "objectives"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_row(r, n, "an objective", fields, WEIR_COUNTOF(fields),
                 weir_world_add_objective(r->world));
}
