/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked for in prompts and answers: `filters:`. */
#include <weir/detect.h>

#include "read.h"

static void
read_action(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct {
        const char *name;
        enum weir_detect_action action;
    } actions[] = {
        {"flag", WEIR_DETECT_FLAG},
        {"pseudonym", WEIR_DETECT_PSEUDONYM},
        {"mask", WEIR_DETECT_MASK},
        {"block", WEIR_DETECT_BLOCK},
    };
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    for (size_t i = 0; i < WEIR_COUNTOF(actions); i++)
        if (weir_span_equal(text, weir_span_of(actions[i].name))) {
            *(uint32_t *)member = actions[i].action;
            return;
        }
    read_fault(r, node, "Write flag, pseudonym, mask or block.",
               "no such action");
}

static void
read_directions(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_equal(text, WEIR_SPAN("requests")))
        *(uint32_t *)member = WEIR_FILTER_REQUESTS;
    else if (weir_span_equal(text, WEIR_SPAN("replies")))
        *(uint32_t *)member = WEIR_FILTER_REPLIES;
    else if (weir_span_equal(text, WEIR_SPAN("both")))
        *(uint32_t *)member = WEIR_FILTER_REQUESTS | WEIR_FILTER_REPLIES;
    else
        read_fault(r, node, "Write requests, replies or both.",
                   "not a direction");
}

static void
read_rules_of(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_filter_rule row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("detector", read_text, row, detector),
        FIELD("expression", read_text, row, expression),
        FIELD("terms", read_names, row, terms),
        FIELD("replacement", read_text, row, replacement),
        FIELD("case_sensitive", read_bool, row, is_case_sensitive),
        FIELD("action", read_action, row, action),
        FIELD("in", read_directions, row, directions),
        FIELD("classifier", read_name, row, classifier),
        FIELD("on_failure", read_on_failure, row, on_failure),
    };
    struct weir_world_range *range = member;
    if (!is_list(r, node, "rules"))
        return;
    range->first = r->world->filter_rule_count;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        read_row(r, n, "a filter's rule", fields, WEIR_COUNTOF(fields),
                 weir_world_add_filter_rule(r->world));
        range->count++;
    }
}

void
read_filters(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_filter row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("rules", read_rules_of, row, rules),
    };
    if (!is_list(r, node, "filters"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_row(r, n, "a filter", fields, WEIR_COUNTOF(fields),
                 weir_world_add_filter(r->world));
}
