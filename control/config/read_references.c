/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What requests may name for origins to fetch: `references:`, of all and of
 * a tenant. A tenant's own stands in place of that of all, whichever is the
 * stricter: the operator writes both.
 */
#include "read.h"

#include <string.h>

static void
read_hosts(struct reader *r, const struct yaml_node *node,
           struct weir_urls *rule)
{
    char memory[WEIR_URLS_BYTES_MAX];
    struct weir_buf hosts;
    weir_buf_init_fixed(&hosts, memory, sizeof memory);
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        weir_span host;
        if (!read_text_value(r, n, &host))
            continue;
        if (!weir_urls_is_host(host))
            read_fault(r, n,
                       "Write a name in small letters, without scheme and "
                       "port: pictures.example; it stands for all below it.",
                       "not the name of a host");
        weir_buf_add_span(&hosts, host);
        weir_buf_add_byte(&hosts, '\n');
    }
    if (hosts.overflow)
        read_fault(r, node, "Name the domains above them.",
                   "more than 32 KiB of hosts");
    else if (hosts.len == 0)
        read_fault(r, node, "Write data_only, or name a host.",
                   "a list of no hosts");
    rule->mode = WEIR_URLS_HOSTS;
    rule->hosts = weir_arena_copy(&r->world->arena, weir_buf_span(&hosts));
}

static void
read_urls(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_urls *addresses = member;
    weir_span word;
    addresses->is_said = true;
    if (node->kind == YAML_SEQUENCE) {
        read_hosts(r, node, &addresses->rule);
        return;
    }
    if (!read_text_value(r, node, &word))
        return;
    for (uint32_t i = 0; i < WEIR_URLS_HOSTS; i++)
        if (weir_span_equal(word, weir_span_of(weir_urls_name(i)))) {
            addresses->rule = (struct weir_urls){.mode = i};
            return;
        }
    read_fault(r, node, "Write allow, data_only or a list of hosts.",
               "not what becomes of addresses");
}

void
read_urls_of(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_urls row;
    static const struct field fields[] = {{"urls", read_urls, 0}};
    uint32_t before = r->faults->total;
    read_fields(r, node, "references", fields, WEIR_COUNTOF(fields), member);
    if (r->faults->total == before && !((row *)member)->is_said)
        read_fault(r, node, "Write urls: data_only.",
                   "references says nothing");
}

void
read_references(struct reader *r, const struct yaml_node *node, void *member)
{
    read_urls_of(r, node, &r->world->settings.urls);
}
