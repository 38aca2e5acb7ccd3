/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of accounts, and budgets that reach over more than one of them. */
#include <stddef.h>

#include <weir/budget.h>
#include <weir/catalog.h>

#include "read.h"
#include "zone.h"

void
read_ppm(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    weir_micros percent;
    if (!read_text_value(r, node, &text))
        return;
    bool is_percent = weir_span_ends(text, WEIR_SPAN("%"));
    if (is_percent)
        text.len--;
    if (!is_percent || weir_micros_parse(text, &percent, NULL) != WEIR_OK ||
        percent > 1000 * INT64_C(1000000) || percent % 100 != 0)
        read_fault(r, node, "Write \"12.5%\", at most four decimals.",
                   "not a share");
    else
        *(uint32_t *)member = (uint32_t)(percent / 100);
}

void
read_zone(struct reader *r, const struct yaml_node *node, void *member)
{
    char why[WEIR_ZONE_WHY];
    weir_span name;
    if (!read_text_value(r, node, &name))
        return;
    if (weir_zone_find(r->world, name, member, why))
        return;
    weir_faults_add(r->faults, node->place,
                    "Write a name of the time zone database, as "
                    "Europe/Berlin (Debian: the package tzdata), or UTC.",
                    "no zone \"%.*s\": %s",
                    (int)(name.len < 64 ? name.len : 64), name.ptr, why);
}

void
read_groups(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_group row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("title", read_text, row, title),
        FIELD("organisations", read_names, row, organisations),
        FIELD("tenants", read_names, row, tenants),
        FIELD("projects", read_names, row, projects),
        FIELD("keys", read_names, row, keys),
        FIELD("cluster", read_text, row, cluster),
    };
    if (!is_list(r, node, "groups"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *group = weir_world_add_group(r->world);
        if (group == NULL)
            return;
        read_row(r, n, "a group", fields, WEIR_COUNTOF(fields), group);
    }
}

/* {tenant: NAME} and the like: the kind and the name. */
static void
read_party(struct reader *r, const struct yaml_node *node, uint32_t *of,
           struct weir_world_name *name)
{
    const struct yaml_node *only =
        node->kind == YAML_MAPPING ? node->first : NULL;
    if (only != NULL && only->next == NULL)
        for (uint32_t i = WEIR_BUDGET_ORGANISATION; i < WEIR_BUDGET_OFS; i++)
            if (weir_span_equal(only->key,
                                weir_span_of(weir_budget_of_name(i)))) {
                *of = i;
                read_name(r, only, name);
                return;
            }
    read_fault(r, node,
               "Write {tenant: NAME}, or organisation, owner_group, group, "
               "project (TENANT/PROJECT) or key.",
               "does not say over whom");
}

static void
read_of(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_budget *budget = member;
    if (node->kind == YAML_TEXT &&
        weir_span_equal(node->text, WEIR_SPAN("everyone")))
        budget->of = WEIR_BUDGET_EVERYONE;
    else
        read_party(r, node, &budget->of, &budget->of_name);
}

static void
read_each(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    for (uint32_t i = 1; i < WEIR_BUDGET_EACHES; i++) {
        if (weir_span_equal(text, weir_span_of(weir_budget_each_name(i)))) {
            *(uint32_t *)member = i;
            return;
        }
    }
    read_fault(r, node,
               "Write organisation, tenant, project, key, end_customer or "
               "model.",
               "nothing that can be counted by itself");
}

static void
read_enforce(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_equal(text, WEIR_SPAN("soft")))
        *(bool *)member = true;
    else if (!weir_span_equal(text, WEIR_SPAN("hard")))
        read_fault(r, node, "Write hard (refuse) or soft (count and tell).",
                   "neither hard nor soft");
}

static void
read_alerts(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_range *range = member;
    if (!is_list(r, node, "alerts"))
        return;
    range->first = r->world->alert_count;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        struct weir_world_alert *alert = weir_world_add_alert(r->world);
        if (alert == NULL)
            return;
        alert->place = n->place;
        alert->ppm = 0;
        read_ppm(r, n, &alert->ppm);
        range->count++;
    }
}

/* {tenant: NAME, share: 20%} */
static void
read_reserve(struct reader *r, const struct yaml_node *node,
             struct weir_world_reserve *reserve)
{
    reserve->place = node->place;
    if (node->kind == YAML_MAPPING) {
        for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
            uint32_t of = WEIR_BUDGET_ORGANISATION;
            if (weir_span_equal(n->key, WEIR_SPAN("share"))) {
                read_ppm(r, n, &reserve->ppm);
                continue;
            }
            while (of < WEIR_BUDGET_OFS &&
                   (of == WEIR_BUDGET_OWNERS || of == WEIR_BUDGET_GROUP ||
                    !weir_span_equal(n->key,
                                     weir_span_of(weir_budget_of_name(of)))))
                of++;
            if (of == WEIR_BUDGET_OFS || reserve->of != 0) {
                reserve->of = 0;
                break;
            }
            reserve->of = of;
            read_name(r, n, &reserve->name);
        }
    }
    if (reserve->of == 0)
        read_fault(r, node,
                   "Write {tenant: NAME, share: 20%}, or organisation, "
                   "project or key.",
                   "does not say whose share");
}

static void
read_reserved(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_range *range = member;
    if (!is_list(r, node, "reserved"))
        return;
    range->first = r->world->reserve_count;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        struct weir_world_reserve *row = weir_world_add_reserve(r->world);
        if (row == NULL)
            return;
        read_reserve(r, n, row);
        range->count++;
    }
}

void
read_budgets(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_budget row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        {"of", read_of, 0},
        FIELD("end_customer", read_text, row, end_customer),
        FIELD("models", read_names, row, models),
        FIELD("each", read_each, row, each),
        FIELD("zone", read_zone, row, zone),
        FIELD("enforce", read_enforce, row, is_soft),
        FIELD("limits", read_limits_of, row, limits),
        FIELD("alerts", read_alerts, row, alerts),
        FIELD("reserved", read_reserved, row, reserves),
    };
    if (!is_list(r, node, "budgets"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *budget = weir_world_add_budget(r->world);
        if (budget == NULL)
            return;
        read_row(r, n, "a budget", fields, WEIR_COUNTOF(fields), budget);
    }
}
