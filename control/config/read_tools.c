/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers of tools: `tool_servers:`. One entry makes four rows: how it is
 * reached (an origin), what it is (a model that does only what tool servers
 * do), where it runs and who operates it (a deployment), and what it offers.
 */
#include "read.h"

#define CONNECT_MS    5000
#define FIRST_BYTE_MS (120 * 1000)
#define IDLE_MS       (300 * 1000) /* streams are quiet for long */
#define KEEPALIVE     32

struct entry {
    struct weir_place place;
    struct weir_world_server row;
    struct weir_world_model model;
    struct weir_world_origin origin;
    struct weir_world_deployment deployment;
};

static void
read_tools(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_range *range = member;
    range->first = r->world->tool_count;
    if (!is_list(r, node, "tools"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        struct weir_world_tool *tool = weir_world_add_tool(r->world);
        if (tool == NULL)
            return;
        tool->place = n->place;
        range->count++;
        if (!read_text_value(r, n, &tool->name))
            tool->name = WEIR_SPAN("?"); /* the fault is there already */
    }
}

/* One call of a tool, in the seller's currency. */
static void
read_call_price(struct reader *r, const struct yaml_node *node, void *member)
{
    struct weir_world_model *model = member;
    weir_micros each = 0;
    read_money(r, node, &each);
    if (each > WEIR_MICROS_MAX / 1000000) {
        read_fault(r, node, "Write what one call costs: \"0.002\".",
                   "too much for one call");
        return;
    }
    model->price.request = each * 1000000; /* rates are by the million */
    model->stated |= WEIR_RATE_BIT(WEIR_RATE_REQUEST);
}

static void
add_rows(struct reader *r, struct entry *e)
{
    struct weir_world_name self = {.place = e->place, .text = e->row.name};
    struct weir_world_origin *o = weir_world_add_origin(r->world);
    struct weir_world_model *m = weir_world_add_model(r->world);
    struct weir_world_deployment *d = weir_world_add_deployment(r->world);
    struct weir_world_server *s = weir_world_add_server(r->world);
    if (o == NULL || m == NULL || d == NULL || s == NULL)
        return;
    e->model.place = e->deployment.place = e->row.place = e->place;
    read_reached(r, "tools", e->row.name, e->place, &e->origin);
    e->origin.dialect = WEIR_SPAN("mcp");
    e->model.name = e->deployment.name = e->row.name;
    e->model.operations = WEIR_OPERATIONS_OF_TOOLS;
    e->model.has_price = true;
    e->model.is_unwatched = true;
    if (e->model.licence.len == 0)
        e->model.licence = WEIR_SPAN("not stated");
    e->model.stated |=
        WEIR_RATE_BIT(WEIR_RATE_INPUT) | WEIR_RATE_BIT(WEIR_RATE_OUTPUT);
    e->deployment.model = e->row.model = e->row.deployment = self;
    e->deployment.origin =
        (struct weir_world_name){.place = e->place, .text = e->origin.name};
    *o = e->origin;
    *m = e->model;
    *d = e->deployment;
    *s = e->row;
}

void
read_tool_servers(struct reader *r, const struct yaml_node *node, void *member)
{
    typedef struct entry row;
    static const struct field fields[] = {
        FIELD("name", read_text, row, row.name),
        FIELD("title", read_text, row, model.title),
        FIELD("provider", read_name, row, model.provider),
        FIELD("origin", read_name, row, model.origin),
        FIELD("licence", read_text, row, model.licence),
        FIELD("terms", read_text, row, model.terms),
        FIELD("url", read_url, row, origin),
        FIELD("credential", read_credential, row, origin.credential),
        FIELD("tls", read_tls_out, row, origin.tls),
        FIELD("egress", read_name, row, origin.egress),
        FIELD("timeouts", read_timeouts, row, origin),
        FIELD("keepalive", read_u32, row, origin.keepalive),
        FIELD("region", read_name, row, deployment.region),
        FIELD("stored_in", read_name, row, deployment.stored_in),
        FIELD("operator", read_name, row, deployment.operated_by),
        FIELD("cloud", read_text, row, deployment.cloud),
        FIELD("pins", read_pins, row, deployment.pins),
        FIELD("breaker", read_breaker, row, deployment.health),
        FIELD("concurrency", read_u32, row, deployment.health.concurrency),
        FIELD("queue", read_queue, row, deployment.queue),
        FIELD("price", read_call_price, row, model),
        FIELD("tools", read_tools, row, row.tools),
        FIELD("resources", read_bool, row, row.has_resources),
        FIELD("prompts", read_bool, row, row.has_prompts),
        FIELD("web_origins", read_names, row, row.origins),
    };
    (void)member;
    if (!is_list(r, node, "tool_servers"))
        return;
    for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
        struct entry entry = {
            .origin = {.connect_ms = CONNECT_MS,
                       .first_byte_ms = FIRST_BYTE_MS,
                       .idle_ms = IDLE_MS,
                       .keepalive = KEEPALIVE},
            .deployment = {.health = read_usual_breaker},
        };
        read_row(r, n, "a tool server", fields, WEIR_COUNTOF(fields), &entry);
        add_rows(r, &entry);
    }
}
