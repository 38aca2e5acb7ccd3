/* SPDX-License-Identifier: Apache-2.0 */
/* What is cached, who waits where, whose part is how large. */
#include "read.h"

#include <string.h>

#define PPM_PER_PERCENT 10000

void
read_cache(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_cache_settings row;
    static const struct field fields[] = {
        FIELD("memory", read_bytes, row, memory),
        FIELD("tenant", read_bytes, row, tenant),
        FIELD("answer", read_bytes, row, answer),
        FIELD("ttl", read_ms, row, ttl_ms),
    };
    read_row(r, node, "cache", fields, WEIR_COUNTOF(fields),
             &r->world->settings.cache);
}

void
read_queue(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_image_queue row;
    static const struct field fields[] = {
        FIELD("length", read_u32, row, length),
        FIELD("wait", read_ms, row, wait_ms),
    };
    read_fields(r, node, "a queue", fields, WEIR_COUNTOF(fields), member);
}

/* A whole number of percent. */
static void
read_percent(struct reader *r, const struct yaml_node *node, void *member)
{
    weir_share share = {.low = 0};
    uint32_t before = r->faults->total;
    read_share(r, node, &share);
    if (r->faults->total != before)
        return;
    if (share.low != share.high || share.low % PPM_PER_PERCENT != 0) {
        read_fault(r, node, "Write a whole percentage: 10%.",
                   "not a share of places");
        return;
    }
    *(uint16_t *)member = (uint16_t)(share.low / PPM_PER_PERCENT);
}

void
read_tenant_share(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_image_share row;
    static const struct field fields[] = {
        FIELD("weight", read_u32, row, weight),
        FIELD("reserved", read_percent, row, reserved),
        FIELD("most", read_percent, row, most),
    };
    read_fields(r, node, "a share", fields, WEIR_COUNTOF(fields), member);
}

void
read_tenant_cache(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_image_share *share = member;
    bool caches = false;
    uint32_t before = r->faults->total;
    read_bool(r, node, &caches);
    if (r->faults->total == before)
        share->flags |= caches ? WEIR_SHARE_CACHES : WEIR_SHARE_NOT_CACHED;
}

void
read_route_cache(struct reader *r, const struct yaml_node *node, void *member)
{
    uint32_t ms = 0;
    if (node->kind == YAML_TEXT &&
        weir_span_equal(node->text, WEIR_SPAN("none"))) {
        *(uint32_t *)member = WEIR_CACHE_NEVER;
        return;
    }
    uint32_t before = r->faults->total;
    read_ms(r, node, &ms);
    if (r->faults->total != before)
        return;
    if (ms < 1000)
        read_fault(r, node, "Write none, or a second at least: 10 min.",
                   "not a time to keep an answer");
    *(uint32_t *)member = ms / 1000;
}

/* A share of the price, or an amount for each answer. */
void
read_hit(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_model *model = member;
    weir_share share = {.low = 0};
    uint32_t before = r->faults->total;
    model->has_hit = true;
    if (node->kind == YAML_TEXT && node->text.len > 0 &&
        node->text.ptr[node->text.len - 1] == '%') {
        read_share(r, node, &share);
        if (r->faults->total == before && share.low != share.high)
            read_fault(r, node, "Write 10%, or an amount: \"0.0001\".",
                       "not a price of an answer from the cache");
        model->hit = (struct weir_image_hit){.ppm = share.low};
        return;
    }
    model->hit = (struct weir_image_hit){.is_fixed = 1};
    read_money(r, node, &model->hit.amount);
}
