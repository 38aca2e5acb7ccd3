/* SPDX-License-Identifier: Apache-2.0 */
/* Blocs, organisations, lists, ownership rules, tenants and projects. */
#include "read.h"

#include <weir/tags.h>

#include <string.h>

void
read_blocs(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_bloc row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("title", read_text, row, title),
        FIELD("members", read_names, row, members),
    };
    if (!is_list(r, node, "blocs"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_row(r, n, "a bloc", fields, WEIR_COUNTOF(fields),
                 weir_world_add_bloc(r->world));
}

/* ------------------------------------------------------- organisations */

struct owner_text {
    struct weir_place place;
    struct weir_world_name name;
    weir_share share;
    weir_span source;
    weir_span as_of;
};

static void
read_date_text(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_time when;
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_time_parse(text, &when))
        *(weir_span *)member = text;
    else
        read_fault(r, node, "Write 2026-11-10.", "not a date");
}

static void
read_owners(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("name", read_name, struct owner_text, name),
        FIELD("share", read_share, struct owner_text, share),
        FIELD("source", read_text, struct owner_text, source),
        FIELD("as_of", read_date_text, struct owner_text, as_of),
    };
    struct weir_world_range *range = member;
    range->first = r->world->owner_count;
    if (!is_list(r, node, "owners"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        /* Said by nobody, a share is unknown. */
        struct owner_text text = {.share = {0, WEIR_SHARE_ALL}};
        read_row(r, n, "an owner", fields, WEIR_COUNTOF(fields), &text);
        struct weir_world_owner *owner = weir_world_add_owner(r->world);
        if (owner == NULL)
            return;
        owner->name = text.name;
        owner->share = text.share;
        owner->source = text.source;
        owner->as_of = text.as_of;
        range->count++;
    }
}

static void
read_established(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_organisation *organisation = member;
    organisation->has_established = true;
    read_bool(r, node, &organisation->is_established);
}

static void
read_since(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_organisation *organisation = member;
    weir_time when = 0;
    read_time(r, node, &when);
    /* Nothing said is 0, which is a date too. */
    organisation->established_since = when == 0 ? 1 : when;
    organisation->is_established = true;
    organisation->has_established = true;
}

void
read_organisations(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_organisation row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("title", read_text, row, title),
        FIELD("headquarters", read_name, row, headquarters),
        FIELD("incorporated", read_name, row, incorporated),
        FIELD("category", read_text, row, category),
        {"established", read_established, 0},
        FIELD("verified_until", read_time, row, verified_until),
        FIELD("source", read_text, row, source),
        FIELD("as_of", read_date_text, row, as_of),
        FIELD("owners", read_owners, row, owners),
        FIELD("aliases", read_names, row, aliases),
        FIELD("identifiers", read_names, row, identifiers),
        FIELD("purposes", read_names, row, purposes),
        {"established_since", read_since, 0},
    };
    if (!is_list(r, node, "organisations"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_row(r, n, "an organisation", fields, WEIR_COUNTOF(fields),
                 weir_world_add_organisation(r->world));
}

void
read_lists(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_list row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("source", read_text, row, source),
        FIELD("organisations", read_names, row, members),
    };
    if (!is_list(r, node, "lists"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_row(r, n, "a list", fields, WEIR_COUNTOF(fields),
                 weir_world_add_list(r->world));
}

/* --------------------------------------------------------------- rules */

static void
read_seeds(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_rule row;
    static const struct field fields[] = {
        FIELD("headquarters_in", read_names, row, headquarters_in),
        FIELD("incorporated_in", read_names, row, incorporated_in),
        FIELD("organisations", read_names, row, organisations),
        FIELD("lists", read_names, row, lists),
    };
    read_fields(r, node, "seeds", fields, WEIR_COUNTOF(fields), member);
}

static void
read_method(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_equal(text, WEIR_SPAN("multiply")))
        *(enum weir_ownership_method *)member = WEIR_OWNERSHIP_MULTIPLY;
    else if (!weir_span_equal(text, WEIR_SPAN("cascade")))
        read_fault(r, node, "Write cascade or multiply.", "not a method");
}

static void
read_unknown(struct reader *r, const struct yaml_node *node, void *member)
{
    enum weir_unknown_effect *effect = member;
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_equal(text, WEIR_SPAN("hold")))
        *effect = WEIR_UNKNOWN_HOLD;
    else if (weir_span_equal(text, WEIR_SPAN("member")))
        *effect = WEIR_UNKNOWN_YES;
    else if (weir_span_equal(text, WEIR_SPAN("ignore")))
        *effect = WEIR_UNKNOWN_NO;
    else
        read_fault(r, node,
                   "Write hold (a second entity, \"rule?\"), member or "
                   "ignore.",
                   "not an effect of unknown");
}

static void
read_undisclosed(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_equal(text, WEIR_SPAN("unknown")))
        *(bool *)member = true;
    else if (!weir_span_equal(text, WEIR_SPAN("ignore")))
        read_fault(r, node, "Write ignore or unknown.",
                   "not an effect of undisclosed owners");
}

static void
read_threshold(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_rule *rule = member;
    rule->has_threshold = true;
    read_share(r, node, &rule->threshold);
}

void
read_rules(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_rule row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("title", read_text, row, title),
        {"seeds", read_seeds, 0},
        FIELD("method", read_method, row, method),
        {"threshold", read_threshold, 0},
        FIELD("strict", read_bool, row, is_strict),
        FIELD("unknown", read_unknown, row, unknown),
        FIELD("undisclosed", read_undisclosed, row, doubts_undisclosed),
        FIELD("from", read_time, row, from),
        FIELD("until", read_time, row, until),
    };
    if (!is_list(r, node, "ownership_rules"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *rule = weir_world_add_rule(r->world);
        if (rule == NULL)
            return;
        rule->from = WEIR_TIME_MIN;
        rule->until = WEIR_TIME_MAX;
        read_row(r, n, "an ownership rule", fields, WEIR_COUNTOF(fields), rule);
    }
}

/* ------------------------------------------------------------- tenants */

static bool
split_budget(weir_span key, enum weir_metric *metric_out, uint32_t *window_out)
{
    static const char *const metrics[] = {"requests", "tokens", "money"};
    static const char *const windows[] = {"minute", "hour",  "day",
                                          "week",   "month", "year"};
    for (uint32_t m = 0; m < WEIR_COUNTOF(metrics); m++) {
        weir_span metric = weir_span_of(metrics[m]);
        if (!weir_span_starts(key, metric) || key.len < metric.len + 5 ||
            memcmp(key.ptr + metric.len, "_per_", 5) != 0)
            continue;
        weir_span window = {key.ptr + metric.len + 5, key.len - metric.len - 5};
        for (uint32_t w = 0; w < WEIR_COUNTOF(windows); w++) {
            if (weir_span_equal(window, weir_span_of(windows[w]))) {
                *metric_out = (enum weir_metric)m;
                *window_out = w;
                return true;
            }
        }
    }
    return false;
}

static void
read_budget(struct reader *r, const struct yaml_node *node,
            struct weir_world_limit *limit)
{
    weir_span text;
    uint64_t value;
    if (limit->metric == WEIR_METRIC_MICROS) {
        read_money(r, node, &limit->amount);
        return;
    }
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_to_u64(text, &value) && value <= INT64_MAX)
        limit->amount = (int64_t)value;
    else
        read_fault(r, node, "Write digits only.", "not a whole number");
}

void
read_limits_of(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_range *range = member;
    range->first = r->world->limit_count;
    if (node->kind != YAML_MAPPING) {
        read_fault(r, node, "Write {requests_per_minute: 60}.",
                   "not a mapping");
        return;
    }
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        enum weir_metric metric;
        uint32_t window;
        if (!split_budget(n->key, &metric, &window)) {
            weir_faults_add(r->faults, n->key_place,
                            "Write requests, tokens or money, _per_, and "
                            "minute, hour, day, week, month or year.",
                            "no budget is called \"%.*s\"",
                            (int)(n->key.len < 64 ? n->key.len : 64),
                            n->key.ptr);
            continue;
        }
        struct weir_world_limit *limit = weir_world_add_limit(r->world);
        if (limit == NULL)
            return;
        uint32_t before = r->faults->total;
        limit->place = n->place;
        limit->metric = metric;
        limit->window = window;
        read_budget(r, n, limit);
        if (r->faults->total != before)
            limit->amount = 1; /* said already; not also "a budget of 0" */
        range->count++;
    }
}

struct project_text {
    struct weir_place place;
    weir_span name;
    struct weir_world_range limits;
    weir_span tags;
};

/* "team=search, cost_center=42", put in order. */
static void
read_tags(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_tags tags = {.count = 0};
    struct weir_error err;
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_tags_read(&tags, text, &err) != WEIR_OK) {
        read_fault(r, node, "Write \"team=search, cost_center=42\".", err.text);
        return;
    }
    char bytes[WEIR_TAGS_BYTES];
    size_t len = weir_tags_write(&tags, bytes);
    *(weir_span *)member =
        weir_arena_copy(&r->world->arena, (weir_span){bytes, len});
}

/* The tenant's name may come after its projects: filled in at the end. */
static void
read_projects(struct reader *r, const struct yaml_node *node, void *member)
{
    static const struct field fields[] = {
        FIELD("name", read_text, struct project_text, name),
        FIELD("budgets", read_limits_of, struct project_text, limits),
        FIELD("tags", read_tags, struct project_text, tags),
    };
    if (!is_list(r, node, "projects"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        struct project_text text = {.name = WEIR_SPAN_NONE};
        read_row(r, n, "a project", fields, WEIR_COUNTOF(fields), &text);
        struct weir_world_project *project = weir_world_add_project(r->world);
        if (project == NULL)
            return;
        project->place = text.place;
        project->name = text.name;
        project->limits = text.limits;
        project->tags = text.tags;
        project->tenant.place = text.place;
    }
}

static void
read_end_customer(struct reader *r, const struct yaml_node *node, void *member)
{
    enum weir_end_customer *value = member;
    weir_span text;
    if (!read_text_value(r, node, &text))
        return;
    if (weir_span_equal(text, WEIR_SPAN("required")))
        *value = WEIR_END_CUSTOMER_REQUIRED;
    else if (weir_span_equal(text, WEIR_SPAN("optional")))
        *value = WEIR_END_CUSTOMER_OPTIONAL;
    else
        read_fault(r, node,
                   "Write required or optional; a reseller's is required "
                   "unless this says otherwise.",
                   "neither required nor optional");
}

void
read_tenants(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_tenant row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("title", read_text, row, title),
        FIELD("organisation", read_name, row, organisation),
        FIELD("hide_client_address", read_bool, row, hides_address),
        FIELD("watch", read_is_watched, row, is_unwatched),
        FIELD("payment", read_text, row, payment),
        FIELD("end_customer", read_end_customer, row, end_customer),
        FIELD("budgets", read_limits_of, row, limits),
        FIELD("share", read_tenant_share, row, share),
        FIELD("cache", read_tenant_cache, row, share),
        FIELD("references", read_urls_of, row, urls),
        {"projects", read_projects, 0},
    };
    if (!is_list(r, node, "tenants"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        uint32_t first = r->world->project_count;
        row *tenant = weir_world_add_tenant(r->world);
        if (tenant == NULL)
            return;
        read_row(r, n, "a tenant", fields, WEIR_COUNTOF(fields), tenant);
        for (uint32_t i = first; i < r->world->project_count; i++)
            r->world->project_rows[i].tenant.text = tenant->name;
    }
}
