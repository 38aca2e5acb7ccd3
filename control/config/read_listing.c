/* SPDX-License-Identifier: Apache-2.0 */
/* Makers and the entries of the catalogue; docs/formats/catalogue.md. */
#include "read.h"

void
read_makers(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_maker row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("title", read_text, row, title),
        FIELD("origin", read_name, row, origin),
        FIELD("terms", read_text, row, terms),
        FIELD("licence", read_text, row, licence),
        FIELD("open_licence", read_text, row, open_licence),
        FIELD("source", read_text, row, source),
        FIELD("as_of", read_text, row, as_of),
        FIELD("matches", read_names, row, matches),
    };
    if (!is_list(r, node, "makers"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
        read_row(r, n, "a maker", fields, WEIR_COUNTOF(fields),
                 weir_world_add_maker(r->world));
}

static void
read_host_price(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_host *host = member;
    struct read_price_row row = {.has_price = false};
    read_price_into(r, node, &row);
    host->price = row.price;
    host->stated = row.stated;
    host->changes = row.changes;
    host->has_price = row.has_price;
}

static void
read_hosts(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_host row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("id", read_text, row, id),
        FIELD("status", read_text, row, status),
        {"price", read_host_price, 0},
    };
    struct weir_world_range *range = member;
    range->first = r->world->host_count;
    if (!is_list(r, node, "hosts"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *host = weir_world_add_host(r->world);
        if (host == NULL)
            return;
        read_fields(r, n, "a host", fields, WEIR_COUNTOF(fields), host);
        range->count++;
    }
}

static void
read_listing_price(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_listing *listing = member;
    struct read_price_row row = {.has_price = false};
    read_price_into(r, node, &row);
    listing->price = row.price;
    listing->stated = row.stated;
    listing->changes = row.changes;
    listing->has_price = row.has_price;
    listing->price_version = row.version;
    listing->currency = row.currency;
}

void
read_catalogue(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct weir_world_listing row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, name),
        FIELD("title", read_text, row, title),
        FIELD("maker", read_text, row, maker),
        FIELD("family", read_text, row, family),
        FIELD("tier", read_text, row, tier),
        FIELD("weights", read_text, row, weights),
        FIELD("licence", read_text, row, licence),
        FIELD("terms", read_text, row, terms),
        FIELD("status", read_text, row, status),
        FIELD("origin", read_name, row, origin),
        FIELD("operations", read_operations, row, operations),
        FIELD("output_tokens_max", read_u32, row, output_tokens_max),
        FIELD("created", read_seconds, row, created),
        FIELD("deprecated", read_time, row, deprecated),
        FIELD("sunset", read_time, row, sunset),
        FIELD("successor", read_name, row, successor),
        FIELD("more", read_text, row, more),
        FIELD("hosts", read_hosts, row, hosts),
        {"price", read_listing_price, 0},
    };
    if (!is_list(r, node, "catalogue"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        row *listing = weir_world_add_listing(r->world);
        if (listing == NULL)
            return;
        listing->model = WEIR_INDEX_NONE;
        read_row(r, n, "a catalogue entry", fields, WEIR_COUNTOF(fields),
                 listing);
        if (listing->name.len == 0)
            weir_faults_add(r->faults, listing->place, "Give it a `name:`.",
                            "a catalogue entry without a name");
    }
}
